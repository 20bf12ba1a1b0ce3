// SPDX-License-Identifier: GPL-2.0-only
"use strict";

const PERIOD = 1000, HISTORY = 120, NONE = "–";
const OPEN_MAX = 8;	// of more stores the list shows enough at first
const cards = new Map();
let before = null;

function number(n, decimals)
{
	return n.toLocaleString("en", { maximumFractionDigits: decimals ?? 0 });
}

function bytes(n)
{
	const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
	let i = 0;

	for (; n >= 1024 && i < units.length - 1; i++)
		n /= 1024;
	return `${number(n, i && n < 100 ? 1 : 0)} ${units[i]}`;
}

function percent(part, whole)
{
	return whole ? `${number(100 * part / whole, 1)} %` : NONE;
}

function perSecond(n)
{
	return `${number(n, n < 100 ? 1 : 0)}/s`;
}

function sum(v)
{
	return v.reduce((a, b) => a + b, 0);
}

function card(name, open)
{
	let c = cards.get(name);

	if (c)
		return c;
	c = { history: [], row: document.createElement("tr"), link: document.createElement("a") };
	c.node = document.getElementById("store").content.cloneNode(true).firstElementChild;
	c.node.id = `store-${name}`;
	c.node.querySelector("h2").textContent = name;
	c.details = c.node.querySelector("details");
	c.details.open = open;
	c.link.href = `#${c.node.id}`;
	c.link.textContent = name;
	c.link.onclick = () => { c.details.open = true; };
	for (let i = 0; i < 5; i++)
		c.row.insertCell();
	c.row.cells[0].append(c.link);
	document.getElementById("stores").append(c.node);
	document.querySelector("#overview tbody").append(c.row);
	cards.set(name, c);
	return c;
}

function show(c, what, text)
{
	c.node.querySelector(`[data-v=${what}]`).textContent = text;
}

// Who decides what leaves; bad: not who should.
function showPolicy(c, policy)
{
	const node = c.node.querySelector(".policy");
	const bad = policy?.state === "failed" || policy?.state === "busy";
	let text = "zcached does not know this store yet";

	if (policy?.state === "owned")
		text = `The policy ${policy.name} decides what is evicted; it knows ${number(policy.objects)} objects`;
	else if (policy?.state === "kernel")
		text = "The kernel decides what is evicted (SIEVE)";
	else if (policy?.state === "busy")
		text = `Another process decides what is evicted, not the policy ${policy.name}; waiting for it to end`;
	else if (policy)
		text = `The kernel decides what is evicted (SIEVE), as the policy ${policy.name} could not take over; trying again`;
	node.textContent = `${bad ? "⚠ " : ""}${text}.`;
	node.classList.toggle("bad", bad);
	c.link.classList.toggle("bad", bad);
}

function showTags(c, store)
{
	const table = c.node.querySelector("table"), n = store.top_tags.length;

	table.hidden = !n;
	table.caption.textContent = n < store.tags ?
		`Top ${n} of ${number(store.tags)} tags, by hits` : "Tags, by hits";
	table.tBodies[0].replaceChildren(...store.top_tags.map((t) => {
		const row = document.createElement("tr");

		for (const text of [t.id, number(t.hits), bytes(t.sent_bytes), number(t.objects),
				    bytes(t.used)])
			row.insertCell().textContent = text;
		return row;
	}));
}

// A second without lookups is a gap.
function showChart(c, ratio)
{
	let path = "", drawn = false;

	c.history.push(ratio);
	c.history.splice(0, c.history.length - HISTORY);
	c.history.forEach((r, i) => {
		if (r !== null)
			path += `${drawn ? "L" : "M"}${HISTORY - c.history.length + i},${29 - 28 * r}h.1`;
		drawn = r !== null;
	});
	c.node.querySelector(".line").setAttribute("d", path);
	c.node.querySelector("svg").setAttribute("aria-label", ratio === null ? "no lookups now" :
						 `now ${percent(ratio, 1)}`);
}

// A counter that fell is another store's of the same name.
function rates(store, old, seconds)
{
	return (name) => old && store.counters[name] >= old.counters[name] ?
		(store.counters[name] - old.counters[name]) / seconds : 0;
}

const REASONS = [["policy_evictions", "by the policy"], ["evictions", "as it was full"],
		 ["shrinks", "as memory was short"]];

function showRates(c, rate, total)
{
	const hits = rate("hits"), lookups = hits + rate("misses");
	const spliced = rate("spliced_bytes"), sent = spliced + rate("copied_bytes");
	const stored = rate("commits") + rate("puts");
	const evicted = REASONS.map(([name]) => rate(name));
	const ever = percent(total.hits, total.hits + total.misses);
	const reasons = REASONS.map(([, text], i) => [evicted[i], text]).filter(([n]) => n)
		.map(([n, text]) => `${number(n, 1)} ${text}`);

	show(c, "ratio", lookups ? percent(hits, lookups) : ever);
	show(c, "lookups", lookups ? `of ${number(lookups)} lookups/s; ${ever} so far` :
	     ever === NONE ? "no lookups yet" : "so far; no lookups now");
	show(c, "sent", `${bytes(sent)}/s`);
	show(c, "zerocopy", sent ? `${percent(spliced, sent)} without copying` :
	     `${bytes(total.spliced_bytes + total.copied_bytes)} so far`);
	show(c, "fills", perSecond(stored));
	show(c, "fillbytes", stored ? `${bytes(rate("fill_bytes"))}/s` :
	     `${number(total.commits + total.puts)} so far`);
	show(c, "evicted", perSecond(sum(evicted)));
	show(c, "reasons", reasons.join(", ") ||
	     `${number(sum(REASONS.map(([name]) => total[name])))} so far`);
	showChart(c, lookups ? hits / lookups : null);
}

function showFill(c, store)
{
	const used = percent(store.used, store.capacity);
	const text = `${bytes(store.used)} of ${bytes(store.capacity)}, ${number(store.objects)} objects` +
		`${store.pinned ? `, ${bytes(store.pinned)} in use and not to be evicted` : ""}. ` +
		`Evicts from ${store.high_watermark} % (the red line) down to ${store.low_watermark} %.`;

	c.node.querySelector(".used").style.width = `${100 * store.used / store.capacity}%`;
	c.node.querySelector(".mark").style.left = `${store.high_watermark}%`;
	c.node.querySelector(".fill").setAttribute("aria-label", `${used} full`);
	show(c, "full", `${used} full`);
	show(c, "fill", text);
}

// What matters of a store in its line of the list.
function showRow(c, store)
{
	["ratio", "sent", null, "evicted"].forEach((what, i) => {
		c.row.cells[i + 1].textContent = what ?
			c.node.querySelector(`[data-v=${what}]`).textContent :
			percent(store.used, store.capacity);
	});
}

function showAll(now)
{
	const old = new Map(before?.stores.map((s) => [s.name, s]));
	const seconds = before ? Math.max((now.time_ms - before.time_ms) / 1000, 0.001) : 1;

	for (const [name, c] of cards) {
		if (now.stores.some((s) => s.name === name))
			continue;
		c.node.remove();
		c.row.remove();
		cards.delete(name);
	}
	for (const store of now.stores) {
		const c = card(store.name, now.stores.length <= OPEN_MAX);

		showPolicy(c, store.policy);
		showRates(c, rates(store, old.get(store.name), seconds), store.counters);
		showFill(c, store);
		showTags(c, store);
		showRow(c, store);
	}
	document.getElementById("overview").hidden = now.stores.length < 2;
	before = now;
}

function say(text, lost)
{
	const state = document.getElementById("state");

	state.textContent = text;
	state.classList.toggle("lost", lost);
	document.querySelector("main").classList.toggle("old", lost);
}

async function update()
{
	try {
		const answer = await fetch("status.json", { signal: AbortSignal.timeout(5000) });

		if (!answer.ok)
			throw new Error(`status ${answer.status}`);
		const now = await answer.json(), n = now.stores.length;

		showAll(now);
		say(n ? `${n} ${n > 1 ? "stores" : "store"}, ${new Date(now.time_ms).toLocaleTimeString()}, zcached ${now.version}` :
		    "There are no stores; “zcachectl store create” makes one.", false);
	} catch (error) {
		say(`No answer from zcached (${error.message}); trying again.`, true);
	}
	setTimeout(update, PERIOD);
}

update();
