// Shows /api/status and asks again; every text goes in as text, never as markup.
"use strict";

const EVERY_MS = 2000;
const MOST_POINTS = 90;
const KEPT = "taxiway-token";
const latencies = new Map(); // by model, latencies of the last minutes
let last = 0; // when an answer came

const byId = (id) => document.getElementById(id);

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const milliseconds = (value) =>
  value === null ? "–" : value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
const percent = (share) => `${Number((share * 100).toFixed(2))} %`;
const rate = (value) => (value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(1));
const mebibytes = (bytes) => (bytes === null ? "–" : `${Math.round(bytes / 2 ** 20).toLocaleString("en")} MiB`);
const count = (value) => value.toLocaleString("en");

const TONES = { AVAILABLE: "good", LOADING: "warn", START: "warn", UNLOADING: "warn", END: "quiet" };

function state(version) {
  const tone = version.error ? "bad" : TONES[version.state];
  return element("span", { class: tone }, version.state.toLowerCase());
}

function share(version) {
  const label = `${percent(version.weight)} of the traffic`;
  const bar = element("progress", { max: "1", value: String(version.weight), "aria-label": label });
  return element("span", {}, percent(version.weight), bar);
}

function errors(recent) {
  const told = recent.errors ? `${percent(recent.error_rate)} (${count(recent.errors)})` : "0";
  return element("span", { class: recent.errors ? "bad" : "" }, told);
}

// Heading, class, and what a version has there.
const COLUMNS = [
  ["version", "", (one) => `${one.version} (${one.number})`],
  ["state", "", state],
  ["arm and labels", "", (one) => [...new Set([one.arm, ...one.labels])].filter(Boolean).join(", ") || "–"],
  ["traffic", "share", share],
  ["requests/s", "number", (one) => rate(one.recent.requests_per_second)],
  ["p50", "number", (one) => milliseconds(one.recent.p50_ms)],
  ["p99", "number", (one) => milliseconds(one.recent.p99_ms)],
  ["queued rows", "number", (one) => count(one.queued_rows)],
  ["memory", "number", (one) => mebibytes(one.memory_bytes)],
  ["restarts", "number", (one) => count(one.restarts)],
];

function facts(pairs) {
  return pairs.map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, value)));
}

function table(model) {
  const head = COLUMNS.map(([name, kind]) => element("th", { class: kind, scope: "col", role: "columnheader" }, name));
  const rows = model.versions.flatMap((one) => {
    const cells = COLUMNS.map(([name, kind, value], index) =>
      index
        ? element("td", { class: kind, role: "cell", "data-name": name }, value(one))
        : element("th", { scope: "row", role: "rowheader", "data-name": name }, value(one)));
    const row = element("tr", { role: "row", class: one.error ? "failed" : "" }, ...cells);
    if (!one.error) return [row];
    const why = element("td", { class: "why bad", role: "cell", colspan: String(COLUMNS.length), "data-name": "why" }, one.error);
    return [row, element("tr", { role: "row", class: "of-failed" }, why)];
  });
  // The roles are said, since a table that is laid out as cards is none to a screen reader.
  return element("table", { role: "table", "aria-label": `versions of ${model.name}` },
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...head)),
    element("tbody", { role: "rowgroup" }, ...rows));
}

function picture(model) {
  const points = latencies.get(model.name) ?? [];
  points.push(model.recent.p99_ms);
  if (points.length > MOST_POINTS) points.shift();
  latencies.set(model.name, points);
  const known = points.filter((value) => value !== null);
  if (known.length < 2) return [];
  const most = Math.max(...known);
  const at = (value, index) => `${(index / (points.length - 1)) * 100},${38 - (value / most) * 36}`;
  let path = "";
  points.forEach((value, index) => {
    if (value !== null) path += `${path && points[index - 1] !== null ? "L" : "M"}${at(value, index)}`;
  });
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  const seconds = ((points.length - 1) * EVERY_MS) / 1000;
  const told = `p99 as seen here over ${seconds} s, ${milliseconds(most)} at most`;
  for (const [key, value] of [["viewBox", "0 0 100 40"], ["preserveAspectRatio", "none"], ["role", "img"], ["aria-label", told]]) svg.setAttribute(key, value);
  line.setAttribute("d", path);
  svg.append(line);
  return [element("figure", {}, svg, element("figcaption", {}, told))];
}

function section(model) {
  const heading = element("h2", { id: `model-${model.name}` }, model.name);
  const recent = model.recent;
  const numbers = facts([
    ["requests/s", rate(recent.requests_per_second)],
    ["errors", errors(recent)],
    ["p50", milliseconds(recent.p50_ms)],
    ["p99", milliseconds(recent.p99_ms)],
  ]);
  const empty = element("p", { class: "quiet" }, "No version was deployed yet: taxiway run pushes one.");
  return element("section", { "aria-labelledby": `model-${model.name}` },
    element("div", { class: "top" }, heading, element("span", { class: "quiet" }, `route revision ${model.revision}`)),
    element("dl", { class: "facts" }, ...numbers),
    ...picture(model),
    model.versions.length ? table(model) : empty);
}

function show(status) {
  const badge = byId("ready");
  badge.textContent = status.ready ? "ready" : "not ready";
  badge.className = `badge ${status.ready ? "good" : "bad"}`;
  byId("models").replaceChildren(...status.models.map(section));
  const log = Object.entries(status.decisions).map(([name, value]) => [`decisions ${name}`, count(value)]);
  const list = facts([
    ["in flight", count(status.in_flight)],
    ["routes looked at", `${status.routing_age_seconds.toFixed(1)} s ago`],
    ...log,
  ]);
  byId("gateway").replaceChildren(element("dl", { class: "facts" }, ...list));
}

function say(text, tone) {
  const line = byId("live");
  if (line.textContent !== text) line.textContent = text; // once, or it would be read out each time
  line.className = `lead ${tone}`;
}

async function ask() {
  const token = sessionStorage.getItem(KEPT);
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch("api/status", { headers, cache: "no-store", signal: AbortSignal.timeout(10000) });
  if (answer.status === 401) {
    if (token) sessionStorage.removeItem(KEPT);
    byId("login").hidden = false;
    byId("models").replaceChildren();
    byId("gateway").replaceChildren();
    say(token ? (await answer.json()).error : "a token is needed", token ? "bad" : "");
    return false;
  }
  if (!answer.ok) throw new Error(`the gateway answered ${answer.status}`);
  byId("login").hidden = true;
  show(await answer.json());
  last = Date.now();
  say("live, of the last minute", "");
  return true;
}

async function run() {
  let again = true;
  try {
    again = await ask();
  } catch (error) {
    const since = last ? `, what is below is ${Math.round((Date.now() - last) / 1000)} s old` : "";
    say(`no answer${since}`, "bad");
  }
  if (again) setTimeout(run, EVERY_MS);
}

byId("login").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEPT, byId("token").value.trim());
  byId("token").value = "";
  run();
});
run();
