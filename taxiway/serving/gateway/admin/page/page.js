// Shows what the gateway and the registry say, and asks again every two seconds.
import { byId, count, element, facts, milliseconds, percent, table } from "./elements.js";
import { experiment } from "./experiment.js";
import { history, measured, rollout, traffic } from "./rollout.js";
import { prepare } from "./acting.js";

const EVERY_MS = 2000;
const MOST_POINTS = 90;
const KEPT = "taxiway-token";
const latencies = new Map(); // by model, latencies of the last minutes
let last = 0; // when an answer came

const rate = (value) => (value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(1));
const mebibytes = (bytes) => (bytes === null ? "–" : `${Math.round(bytes / 2 ** 20).toLocaleString("en")} MiB`);

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

function section(model, delivered) {
  const heading = element("h2", { id: `model-${model.name}` }, model.name);
  const recent = model.recent;
  const numbers = facts([
    ["requests/s", rate(recent.requests_per_second)],
    ["errors", errors(recent)],
    ["p50", milliseconds(recent.p50_ms)],
    ["p99", milliseconds(recent.p99_ms)],
  ]);
  const empty = element("p", { class: "quiet" }, "No version was deployed yet: taxiway run pushes one.");
  const versions = table(`versions of ${model.name}`, COLUMNS, model.versions, (one) => one.error);
  return element("section", { "aria-labelledby": `model-${model.name}` },
    element("div", { class: "top" }, heading, element("span", { class: "quiet" }, `route revision ${model.revision}`)),
    numbers,
    ...picture(model),
    model.versions.length ? versions : empty,
    ...delivery(model.name, delivered));
}

// Of the registry, and so of all gateways; what cannot be read says so in its place.
function delivery(name, delivered) {
  const { rollout: moved, experiment: compared } = delivered;
  if (moved.error) return [element("p", { class: "bad" }, `rollout and moves: ${moved.error}`)];
  return [
    traffic(moved),
    ...rollout(moved),
    ...(compared.error ? [element("p", { class: "bad" }, `experiment: ${compared.error}`)] : experiment(compared)),
    ...measured(moved),
    history(moved),
  ];
}

// Draws anew, and leaves open what is open, and the focus where it is.
function keeping(draw) {
  const open = [...document.querySelectorAll("details[open]")].map((one) => one.id);
  const focused = document.activeElement?.closest("[id]")?.id;
  draw();
  for (const id of open) byId(id)?.setAttribute("open", "");
  if (focused && document.activeElement === document.body) byId(focused)?.focus({ preventScroll: true });
}

function show(status, delivered) {
  const badge = byId("ready");
  badge.textContent = status.ready ? "ready" : "not ready";
  badge.className = `badge ${status.ready ? "good" : "bad"}`;
  keeping(() => byId("models").replaceChildren(...status.models.map((model, at) => section(model, delivered[at]))));
  const told = (name, values) => Object.entries(values).map(([of, value]) => [`${name} ${of}`, count(value)]);
  const list = facts([
    ["in flight", count(status.in_flight)],
    ["routes looked at", `${status.routing_age_seconds.toFixed(1)} s ago`],
    ...told("decisions", status.decisions),
    ...told("rewards", status.rewards),
  ]);
  const waits = Object.entries(status.waiting).map(([of, why]) => element("p", { class: "bad" }, `${of} waits: ${why}`));
  byId("gateway").replaceChildren(...waits, list);
}

function say(text, tone) {
  const line = byId("live");
  if (line.textContent !== text) line.textContent = text; // once, or it would be read out each time
  line.className = `lead ${tone}`;
}

const token = () => sessionStorage.getItem(KEPT);

function fetched(path, options = {}) {
  const headers = { ...(token() ? { Authorization: `Bearer ${token()}` } : {}), ...options.headers };
  return fetch(path, { cache: "no-store", signal: AbortSignal.timeout(10000), ...options, headers });
}

async function part(name, kind) {
  const answer = await fetched(`api/models/${encodeURIComponent(name)}/${kind}`);
  return answer.json();
}

async function ask() {
  const given = token();
  const answer = await fetched("api/status");
  if (answer.status === 401) {
    if (given) sessionStorage.removeItem(KEPT);
    byId("login").hidden = false;
    byId("models").replaceChildren();
    byId("gateway").replaceChildren();
    say(given ? (await answer.json()).error : "a token is needed", given ? "bad" : "");
    return false;
  }
  if (!answer.ok) throw new Error(`the gateway answered ${answer.status}`);
  byId("login").hidden = true;
  const status = await answer.json();
  const delivered = await Promise.all(status.models.map(async ({ name }) => {
    const [rollout, experiment] = await Promise.all([part(name, "rollout"), part(name, "experiment")]);
    return { rollout, experiment };
  }));
  show(status, delivered);
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
prepare(fetched);
run();
