'use strict';
// Draws the page's charts. Vega interprets their expressions (ast), so that the page needs no leave to evaluate text.
(() => {
	// Vega empties an element by innerHTML = ''. No text ever becomes markup, whoever sets it.
	window.trustedTypes?.createPolicy('default', {createHTML: () => ''});
	const tip = document.getElementById('tip');

	const tooltip = (_, event, __, value) => {
		tip.hidden = !value;
		if (!value) return;
		tip.replaceChildren(...Object.entries(value).map(([name, words]) => {
			const line = document.createElement('div'), label = document.createElement('span');
			label.className = 'small';
			label.textContent = name;
			line.append(label, document.createElement('span'));
			line.lastChild.textContent = words;
			return line;
		}));
		const {width, height} = tip.getBoundingClientRect();
		tip.style.left = `${Math.max(4, Math.min(event.clientX + 12, innerWidth - width - 4))}px`;
		tip.style.top = `${event.clientY + height + 24 > innerHeight ? event.clientY - height - 12 : event.clientY + 12}px`;
	};

	const NARROW = 600;
	const fitted = (spec, width) => {
		if (width >= NARROW) return spec;
		return {...spec, config: {...spec.config, axisY: {labelLimit: Math.round(width / 3)},
			legend: {...spec.config.legend, columns: 3}}};
	};

	const specs = JSON.parse(document.getElementById('specs').textContent);
	window.vexlabCharts = Promise.all([...document.querySelectorAll('[data-chart]')].map((place) =>
		vegaEmbed(place, fitted(specs[place.dataset.chart], place.clientWidth), {
			ast: true, actions: false, defaultStyle: false, renderer: 'svg', tooltip, mode: 'vega-lite',
			loader: {load: () => Promise.reject(new Error('nothing is loaded'))},
		})));
	window.vexlabCharts.then(() => { document.getElementById('zooming').hidden = false; });
})();
