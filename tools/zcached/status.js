// SPDX-License-Identifier: GPL-2.0-only
"use strict";

const PERIOD = 1000, HISTORY = 120;
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
	return whole ? `${number(100 * part / whole, 1)} %` : "–";
}

function card(name)
{
	let c = cards.get(name);

	if (c)
		return c;
	c = { history: [] };
	c.node = document.getElementById("store").content.cloneNode(true).firstElementChild;
	c.node.querySelector("h2").textContent = name;
	document.getElementById("stores").append(c.node);
	cards.set(name, c);
	return c;
}

function show(c, what, text)
{
	c.node.querySelector(`[data-v=${what}]`).textContent = text;
}

const states = {
	kernel: "The kernel decides what leaves (SIEVE).",
	owned: "",
	busy: "Another process decides what leaves.",
	failed: "zcached could not take over, so the kernel decides what leaves (SIEVE).",
};

function showPolicy(c, policy)
{
	const node = c.node.querySelector(".policy");

	node.textContent = !policy ? "Not known to zcached yet." : states[policy.state] ||
		`Policy ${policy.name}, which knows ${number(policy.objects)} objects.`;
	node.classList.toggle("bad", policy?.state === "failed");
}

function showTags(c, store)
{
	const table = c.node.querySelector("table");

	table.hidden = !store.top_tags.length;
	table.caption.textContent = `The ${store.top_tags.length} most used of ${number(store.tags)} tags`;
	table.tBodies[0].replaceChildren(...store.top_tags.map((t) => {
		const row = document.createElement("tr");

		for (const text of [t.id, number(t.objects), bytes(t.used), number(t.hits),
				    bytes(t.sent_bytes)])
			row.insertCell().textContent = text;
		return row;
	}));
}

function showChart(c, ratio)
{
	c.history.push(ratio);
	c.history.splice(0, c.history.length - HISTORY);
	c.node.querySelector("polyline").setAttribute("points", c.history
		.map((r, i) => [HISTORY - c.history.length + i, r])
		.filter(([, r]) => r !== null)
		.map(([x, r]) => `${x},${29 - 28 * r}`).join(" "));
}

// rate(name): how much of a counter there was in a second.
function showRates(c, rate, total)
{
	const hits = rate("hits"), lookups = hits + rate("misses");
	const spliced = rate("spliced_bytes"), sent = spliced + rate("copied_bytes");
	const evicted = ["policy_evictions", "evictions", "shrinks"].map(rate);

	show(c, "ratio", lookups ? percent(hits, lookups) :
	     percent(total.hits, total.hits + total.misses));
	show(c, "lookups", lookups ? `of ${number(lookups)} lookups/s` :
	     "since the store was made; no lookups now");
	show(c, "sent", `${bytes(sent)}/s`);
	show(c, "zerocopy", sent ? `${percent(spliced, sent)} without copying` :
	     `${bytes(total.spliced_bytes + total.copied_bytes)} so far`);
	show(c, "fills", `${number(rate("commits") + rate("puts"), 1)} objects/s`);
	show(c, "fillbytes", `${bytes(rate("fill_bytes"))}/s`);
	show(c, "evicted", `${number(evicted.reduce((a, b) => a + b), 1)} objects/s`);
	show(c, "reasons", `${number(evicted[0], 1)} by the policy, ${number(evicted[1], 1)} as it was full, ` +
	     `${number(evicted[2], 1)} as memory was short`);
	showChart(c, lookups ? hits / lookups : null);
}

function showStore(store, old, seconds)
{
	const c = card(store.name);
	const used = 100 * store.used / store.capacity;

	showPolicy(c, store.policy);
	showRates(c, (name) => old && store.counters[name] >= old.counters[name] ?
		  (store.counters[name] - old.counters[name]) / seconds : 0, store.counters);
	c.node.querySelector(".used").style.width = `${used}%`;
	c.node.querySelector(".mark").style.left = `${store.high_watermark}%`;
	const text = `${number(used, 1)} % full: ${bytes(store.used)} of ${bytes(store.capacity)}, ` +
		`${number(store.objects)} objects, ${bytes(store.pinned)} held by what is under way; ` +
		`evicts from ${store.high_watermark} % down to ${store.low_watermark} %`;
	show(c, "fill", text);
	c.node.querySelector(".fill").setAttribute("aria-label", text);
	showTags(c, store);
}

function showAll(now)
{
	const old = new Map(before?.stores.map((s) => [s.name, s]));
	const seconds = before ? (now.time_ms - before.time_ms) / 1000 : 1;

	for (const [name, c] of cards) {
		if (now.stores.some((s) => s.name === name))
			continue;
		c.node.remove();
		cards.delete(name);
	}
	for (const store of now.stores)
		showStore(store, old.get(store.name), Math.max(seconds, 0.001));
	before = now;
}

async function update()
{
	const state = document.getElementById("state");

	try {
		const answer = await fetch("status.json", { signal: AbortSignal.timeout(5000) });

		if (!answer.ok)
			throw new Error(`status ${answer.status}`);
		const now = await answer.json();

		showAll(now);
		state.textContent = now.stores.length ?
			`zcached ${now.version}, ${new Date(now.time_ms).toLocaleTimeString()}` :
			"There are no stores; zcachectl store create makes one.";
		state.classList.remove("lost");
	} catch (error) {
		state.textContent = `No answer from zcached (${error.message}); trying again.`;
		state.classList.add("lost");
	}
	setTimeout(update, PERIOD);
}

update();
