'use strict';
// Builds the table of cases out of the data in the page. It only ever sets text, never markup: a guest wrote most of it.
(() => {
	const FIELDS = ['id', 'domain', 'level', 'kernel', 'verdict', 'seconds', 'reason', 'checks', 'metrics', 'excerpts',
		'again', 'attempts'];
	const ORDER = ['crashed', 'failed', 'error', 'undecided', 'blocked', 'skipped', 'passed'];
	const CHUNK = 60; // rows that are made at once; more come as the reader scrolls
	const PRINTED = 500;
	const ROLES = {tr: 'row', td: 'cell'}; // said, since a narrow page lays them out as a grid
	const byId = (id) => document.getElementById(id);
	const data = JSON.parse(byId('data').textContent);
	const filters = byId('filters'), rows = byId('rows'), table = byId('table'), end = byId('end');

	const cases = data.cases.map((row) => {
		const one = Object.fromEntries(FIELDS.map((name, place) => [name, row[place]]));
		one.rank = ORDER.indexOf(one.verdict);
		one.text = null; // what is searched, made at the first search
		return one;
	});

	// Numbers in the order of the texts, so that a sort compares no texts.
	const number = (name) => {
		const known = [...new Set(cases.map((one) => one[name]))].sort();
		const places = new Map(known.map((words, place) => [words, place]));
		for (const one of cases) one[`${name}Place`] = places.get(one[name]);
	};
	for (const name of ['id', 'domain', 'kernel']) number(name);

	const textOf = (one) => {
		if (one.text === null) {
			const said = one.excerpts.map((place) => data.excerpts[place][0]);
			one.text = [one.id, one.reason, ...one.checks.flat(), ...said].join('\n').toLowerCase();
		}
		return one.text;
	};

	const element = (name, words, kind) => {
		const made = document.createElement(name);
		if (words !== undefined) made.textContent = words;
		if (kind) made.className = kind;
		if (ROLES[name]) made.setAttribute('role', ROLES[name]);
		return made;
	};

	const fill = (name, label) => {
		const count = new Map();
		for (const one of cases) count.set(one[name], (count.get(one[name]) || 0) + 1);
		const order = name === 'verdict' ? (a, b) => ORDER.indexOf(a) - ORDER.indexOf(b)
			: (a, b) => (a < b ? -1 : Number(a > b));
		filters.elements[name].append(new Option(label, ''));
		for (const value of [...count.keys()].sort(order)) {
			const option = new Option(`${value === '' ? 'none' : value} (${count.get(value)})`, `=${value}`);
			filters.elements[name].append(option);
		}
	};

	const SORTS = {
		verdict: (a, b) => a.rank - b.rank,
		seconds: (a, b) => a.seconds - b.seconds,
		level: (a, b) => a.level - b.level,
		id: (a, b) => a.idPlace - b.idPlace,
		domain: (a, b) => a.domainPlace - b.domainPlace,
		kernel: (a, b) => a.kernelPlace - b.kernelPlace,
	};
	let sort = 'verdict', way = 1, found = cases, made = 0;

	const copyable = (words) => {
		const line = element('p', undefined, 'again');
		const button = element('button', 'Copy');
		button.type = 'button';
		button.dataset.copy = words;
		line.append(element('code', words), ' ', button);
		return line;
	};

	const excerptOf = (place) => {
		const [title, frame, lines, leftOut] = data.excerpts[place];
		const part = document.createDocumentFragment();
		part.append(element('h4', frame ? `${title}; blamed: ${frame}` : title));
		const block = element('pre', undefined, 'excerpt');
		block.tabIndex = 0;
		for (const [words, blamed] of lines) block.append(blamed ? element('mark', words) : `${words}\n`);
		if (leftOut) block.append(`… ${leftOut} more lines in the case's evidence`);
		part.append(block);
		return part;
	};

	const list = (title, items) => {
		const part = document.createDocumentFragment();
		const body = element('ul');
		body.append(...items);
		part.append(element('h4', title), body);
		return part;
	};

	const detailOf = (one) => {
		const cell = element('td');
		cell.colSpan = 6;
		const where = [one.domain, `level ${one.level}`, one.kernel ? `kernel ${one.kernel}` : ''];
		cell.append(element('p', where.filter(Boolean).join(' · '), 'small'));
		if (one.reason) cell.append(element('pre', one.reason, 'excerpt'));
		if (one.again) cell.append(copyable(one.again));
		for (const place of one.excerpts) cell.append(excerptOf(place));
		if (one.checks.length) {
			cell.append(list(`${one.checks.length} checks`, one.checks.map(([name, verdict, words]) => {
				const item = element('li');
				item.append(element('span', verdict, verdict), ` ${name}`, words ? `: ${words}` : '');
				return item;
			})));
		}
		if (one.metrics.length) cell.append(list('Metrics', one.metrics.map((words) => element('li', words))));
		if (one.attempts.length) {
			cell.append(list('Earlier attempts, which the lab ended', one.attempts.map((words) => element('li', words))));
		}
		const row = element('tr', undefined, 'detail');
		row.append(cell);
		return row;
	};

	const rowOf = (one) => {
		const row = element('tr');
		const verdict = element('td', undefined, 'verdict-cell');
		verdict.append(element('span', one.verdict, one.verdict));
		const name = element('td');
		const open = element('button', one.id, 'link');
		open.type = 'button';
		open.setAttribute('aria-expanded', 'false');
		open.addEventListener('click', () => {
			const isOpen = open.getAttribute('aria-expanded') === 'true';
			open.setAttribute('aria-expanded', String(!isOpen));
			if (isOpen) row.nextSibling.remove();
			else row.after(detailOf(one));
		});
		name.append(open);
		if (one.reason && one.verdict !== 'passed') name.append(element('div', one.reason.split('\n')[0], 'why'));
		row.append(verdict, name, element('td', one.domain, 'more'), element('td', one.level, 'more'),
			element('td', one.kernel, 'more'), element('td', one.seconds.toFixed(1), 'number'));
		return row;
	};

	const ahead = new IntersectionObserver((entries) => {
		if (entries.at(-1).isIntersecting && made < found.length) more(CHUNK);
	}, {rootMargin: '600px'});

	const more = (number) => {
		const part = document.createDocumentFragment();
		for (const one of found.slice(made, made + number)) part.append(rowOf(one));
		made = Math.min(found.length, made + number);
		rows.append(part);
		const rest = found.length - made;
		end.textContent = rest ? `${rest} more cases` : '';
		// Only a change is told: a reader who is at the new end before the next look would be told of none.
		ahead.unobserve(end);
		ahead.observe(end);
	};

	const show = () => {
		const words = filters.elements.search.value.toLowerCase().split(/\s+/).filter(Boolean);
		const wanted = ['verdict', 'domain', 'level', 'kernel'].map((name) => [name, filters.elements[name].value])
			.filter(([, value]) => value);
		found = cases.filter((one) => wanted.every(([name, value]) => `=${one[name]}` === value)
			&& words.every((word) => textOf(one).includes(word)));
		found.sort((a, b) => way * SORTS[sort](a, b) || a.rank - b.rank || a.idPlace - b.idPlace);
		made = 0;
		rows.replaceChildren();
		more(CHUNK);
		byId('shown').textContent = found.length === cases.length ? `${cases.length} cases`
			: `${found.length} of ${cases.length} cases`;
	};

	const copy = async (button) => {
		const words = button.dataset.copy;
		let done = false;
		try {
			await navigator.clipboard.writeText(words);
			done = true;
		} catch { // a browser may give no clipboard to a page from a file
			getSelection().selectAllChildren(button.parentElement.querySelector('code'));
			done = document.execCommand('copy');
		}
		button.textContent = done ? 'Copied' : 'Press Ctrl+C';
		setTimeout(() => { button.textContent = 'Copy'; }, 2000);
	};

	document.addEventListener('click', (event) => {
		const button = event.target.closest('button');
		if (!button) return;
		if (button.dataset.copy !== undefined) copy(button);
		if (button.dataset.case !== undefined) {
			filters.reset();
			filters.elements.search.value = button.dataset.case;
			show();
			byId('cases').scrollIntoView();
			byId('cases').focus();
		}
	});
	const onHead = (event) => {
		const name = event.currentTarget.dataset.sort;
		way = sort === name ? -way : 1;
		sort = name;
		for (const head of table.tHead.rows[0].cells) head.removeAttribute('aria-sort');
		event.currentTarget.setAttribute('aria-sort', way > 0 ? 'ascending' : 'descending');
		show();
	};
	document.addEventListener('keydown', (event) => {
		if (event.key === '/' && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
			event.preventDefault();
			filters.elements.search.focus();
		}
	});
	addEventListener('beforeprint', () => {
		more(PRINTED);
		for (const each of document.querySelectorAll('.problems details')) each.open = true;
	});

	fill('verdict', 'all verdicts');
	fill('domain', 'all domains');
	fill('level', 'all levels');
	fill('kernel', 'all kernels');
	for (const head of table.tHead.rows[0].cells) head.addEventListener('click', onHead);
	filters.addEventListener('input', show);
	filters.addEventListener('submit', (event) => event.preventDefault());
	filters.addEventListener('reset', () => setTimeout(show));
	filters.hidden = false;
	table.hidden = false;
	table.tHead.rows[0].cells[0].setAttribute('aria-sort', 'ascending');
	show();
})();
