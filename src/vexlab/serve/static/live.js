// The live page: each state that comes is whole, and is written into the page as text, never as markup.
"use strict";

const page = document.getElementById("live");
const byId = (id) => document.getElementById(id);
let last = null;
let received = 0;

function words(seconds) {
	const whole = Math.max(0, Math.floor(seconds));
	if (whole < 60) return `${whole} s`;
	if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
	return `${Math.floor(whole / 3600)} h ${Math.floor(whole % 3600 / 60)} min`;
}

function cell(text, name) {
	const made = document.createElement("td");
	made.textContent = text;
	if (name) made.className = name;
	return made;
}

function fill(id, rows, empty, columns) {
	const body = byId(id);
	const made = rows.map((cells) => {
		const row = document.createElement("tr");
		row.append(...cells);
		return row;
	});
	if (!made.length) {
		const row = document.createElement("tr");
		const only = cell(empty, "old");
		only.colSpan = columns;
		row.append(only);
		made.push(row);
	}
	body.replaceChildren(...made);
}

function linked(name) {
	const made = document.createElement("td");
	const link = document.createElement("a");
	link.href = `/case?${new URLSearchParams({ run: page.dataset.run, id: name })}`;
	link.textContent = name;
	made.append(link);
	return made;
}

function machinesOf(each) {
	return each.machines.map((one) => one.cpu === null ? one.name : `${one.name}: ${one.cpu} %, ${one.memory} MiB`).join("; ");
}

function clock(at) {
	return new Date(at * 1000).toLocaleTimeString();
}

function showRunning(state, ahead) {
	fill("running", state.running.map((each) => [
		cell(each.case), cell(each.step, "more"), cell(words(each.seconds + ahead), each.slow ? "number failed" : "number"),
		cell(machinesOf(each)),
	]), state.headline ? "the run is over" : "no case runs just now", 4);
}

function heading(state) {
	if (state.headline) return state.headline;
	if (!state.alive) return "its process is gone";
	if (state.stalled) return "stalled: nothing has been heard for ten minutes";
	return state.total ? "it goes on" : state.preparing || "preparing";
}

function pace(state) {
	if (state.pace >= 1.5) return `, ${state.pace} times as slow as before`;
	return "";
}

function show(state) {
	last = state;
	received = Date.now();
	page.className = `verdict ${state.tone}`;
	byId("state").textContent = heading(state);
	byId("bar").max = Math.max(1, state.total);
	byId("bar").value = state.done;
	const counts = Object.entries(state.counts).map(([verdict, number]) => `${number} ${verdict}`).join(" · ");
	const left = state.left && !state.headline ? ` · about ${words(state.left)} left` : "";
	byId("progress").textContent = `${state.done} of ${state.total}${counts ? ` · ${counts}` : ""}${left}${pace(state)}`;
	showRunning(state, 0);
	fill("findings", [...state.findings].reverse().map((each) => [
		cell(clock(each.at)), cell(each.title, "failed"), linked(each.case),
	]), "nothing found so far", 3);
	fill("ended", [...state.ended].reverse().map((each) => [
		cell(each.verdict, each.verdict), linked(each.case), cell(words(each.seconds), "number"), cell(each.reason, "more"),
	]), "no case has ended yet", 4);
	showHost(state.host);
	choices(state);
	page.dataset.seq = String(state.seq);
}

function showHost(host) {
	if (!host) return;
	const gib = (size) => (size / 2 ** 30).toFixed(1);
	byId("host").textContent = `CPU ${Math.round(host.cpu)} % of ${host.cores}, load ${host.load.toFixed(1)} · memory `
		+ `${gib(host.memory_free)} of ${gib(host.memory)} GiB free · disk ${gib(host.disk_free)} of ${gib(host.disk)} GiB free`;
}

function choices(state) {
	const list = byId("machine");
	const names = state.running.flatMap((each) => each.machines.map((one) => one.name));
	if (names.join() === [...list.options].map((one) => one.value).join()) return;
	const chosen = list.value;
	list.replaceChildren(...names.map((name) => new Option(name, name, false, name === chosen)));
}

async function tail() {
	const name = byId("machine").value;
	if (!name || document.hidden) return;
	const answer = await fetch(`/live/${page.dataset.run}/console?${new URLSearchParams({ machine: name })}`);
	if (!answer.ok) return;
	const place = byId("console");
	const end = place.scrollTop + place.clientHeight >= place.scrollHeight - 8;
	place.textContent = await answer.text();
	if (end) place.scrollTop = place.scrollHeight;
}

if (page) {
	const source = new EventSource(`/live/${page.dataset.run}/events`);
	source.addEventListener("state", (event) => {
		const state = JSON.parse(event.data);
		show(state);
		if (state.headline || !state.alive) source.close();
	});
	setInterval(() => {
		if (last && !last.headline && last.alive) showRunning(last, (Date.now() - received) / 1000);
	}, 1000);
	setInterval(() => { tail().catch(() => {}); }, 2000);
}

document.addEventListener("keydown", (event) => {
	if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
		event.preventDefault();
		byId("search").focus();
	}
});
