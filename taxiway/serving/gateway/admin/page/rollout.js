// How traffic is split, the rollout that moves it, what gateways measured, and the moves before.
import { count, duration, element, facts, folded, interval, milliseconds, number, percent, signed, table, time } from "./elements.js";
import { button } from "./acting.js";

const PHASES = { Progressing: "ink", Paused: "warn", Inconclusive: "warn", Healthy: "good", Degraded: "bad" };
const VERDICTS = { success: "good", failure: "bad", inconclusive: "warn" };
const ENDED = ["Healthy", "Degraded"];
const MOST_EVENTS = 30;

const split = (arms) => arms.map((one) => `${one.version} ${number(one.weight)} %`).join(", ");

// One line: whose requests go where, and who made it so.
export function traffic(found) {
  const route = found.route;
  if (!route) return element("p", { class: "quiet" }, "No route yet: the first version that is ready has all traffic.");
  const whose = route.audience.length ? `of requests with ${route.audience.join(" and ")}` : "of all requests";
  const parts = [element("strong", {}, split(route.arms)), ` ${whose}`];
  if (route.audience.length) parts.push("; the others go to the stable version");
  if (route.policy) parts.push(`; chosen by ${route.policy}`);
  if (route.mirror) parts.push(`; ${number(route.mirror_percent)} % copied to ${route.mirror}`);
  const why = route.reason ? `: ${route.reason}` : "";
  const made = element("span", { class: "quiet" }, `${route.action} by ${route.moved_by}, ${time(route.moved_at)}${why}`);
  const back = found.undo.length ? [button(found.model, "undo", route.revision, `All traffic goes back to ${split(found.undo)}.`)] : [];
  return element("div", { class: "traffic" },
    element("p", {}, "Traffic: ", ...parts, element("br"), made),
    element("div", { class: "actions" }, ...back));
}

export function rollout(found) {
  const one = found.rollout;
  if (!one) return [];
  const open = !ENDED.includes(one.phase);
  const id = `rollout-${found.model}`;
  const beside = `${one.version} beside ${one.stable}, ${one.strategy.kind.replace("_", "/")}`;
  const heading = element("h3", { id }, open ? "Rollout " : "Last rollout ", element("span", { class: `badge ${PHASES[one.phase] ?? ""}` }, one.phase));
  const began = `started by ${one.started_by}, ${time(one.started_at)}${one.ended_at ? `; ended ${time(one.ended_at)}` : ""}`;
  return [element("section", { class: "part", "aria-labelledby": id },
    element("div", { class: "top" }, heading, element("span", { class: "quiet" }, `rollout ${one.id}`)),
    element("p", {}, element("strong", {}, beside), open ? `, ${number(one.weight)} % so far` : "", element("br"),
      element("span", { class: one.phase === "Degraded" ? "bad" : "" }, one.reason), element("br"),
      element("span", { class: "quiet" }, began)),
    ...(open ? [actions(found.model, one)] : []),
    steps(one, open),
    ...look(one, open),
    ...shadow(found),
    events(found.model, one))];
}

function actions(model, one) {
  const at = one.revision;
  const waits = one.held !== null || one.phase === "Paused" || one.phase === "Inconclusive";
  return element("div", { class: "actions" },
    waits ? button(model, "resume", at, "It goes on from where it stopped.") : button(model, "pause", at, "It stays where it is until it is resumed."),
    button(model, "promote", at, "Skips what is left of this step.", "skip this step"),
    button(model, "promote", at, `All traffic goes to ${one.version} at once, whatever the steps say.`, "promote fully", { full: true }),
    button(model, "abort", at, `All traffic goes to ${one.stable} at once.`));
}

// A mark and a word for each step, so that colour alone says nothing.
function steps(one, open) {
  const names = ["load the version", ...one.steps, "all traffic"];
  const made = names.map((name, index) => {
    const place = index - 1; // the first is -1, as the state has it
    const state = one.phase === "Healthy" || place < one.step ? "done" : place > one.step ? "ahead" : one.phase === "Degraded" ? "stopped here" : "now";
    const marks = { done: "✓", now: "▸", ahead: "○", "stopped here": "✗" };
    const far = state === "now" && open ? howFar(one) : "";
    const current = state === "now" ? { "aria-current": "step" } : {};
    return element("li", { class: state.split(" ")[0], ...current },
      element("span", { class: "mark", "aria-hidden": "true" }, marks[state]),
      element("span", {}, name, far ? element("span", { class: "quiet" }, ` (${far})`) : "", element("span", { class: "unseen" }, `, ${state}`)));
  });
  return element("ol", { class: "steps", "aria-label": "steps" }, ...made);
}

function howFar(one) {
  const now = Date.now() / 1000;
  if (one.held !== null) return `held for ${duration(now - one.held)}`;
  if (one.begun === null) return `waits for gateways for ${duration(now - one.since)}`;
  const step = (one.strategy.steps ?? [])[one.step];
  if (step?.pause?.duration) return `${duration(one.begun + step.pause.duration - now)} left`;
  const told = Object.entries(one.counts).filter(([, times]) => times).map(([verdict, times]) => `${count(times)} ${verdict}`);
  const wanted = (step?.analysis ?? one.strategy.analysis)?.count;
  return told.length ? `looks: ${told.join(", ")}${wanted ? `; ${count(wanted)} good ones needed` : ""}` : "";
}

// How a metric is told: its value, and what is between two versions; a latency's is a ratio.
const ratio = (value) => (value === null ? "–" : `${signed(value * 100)} %`);
const points = (value) => (value === null ? "–" : `${signed(value * 100)} points`);
const TOLD = [
  ["latency", (value) => milliseconds(value === null ? null : value * 1000), ratio],
  ["error_rate", percent, points],
  ["nan_rate", percent, points],
  ["", number, signed],
];
const told = (one) => TOLD.find(([start]) => one.name.startsWith(start));

const METRICS = [
  ["metric", "", (one) => one.name.replace("_", " ")],
  ["is", "", (one) => element("span", { class: VERDICTS[one.verdict] }, one.verdict)],
  ["stable", "number", (one) => told(one)[1](one.stable)],
  ["canary", "number", (one) => told(one)[1](one.canary)],
  ["difference", "number", (one) => told(one)[2](one.difference)],
  ["interval, at all looks", "wide", (one) => interval(one.lower, one.difference, one.upper, VERDICTS[one.verdict], told(one)[2])],
  ["why", "why quiet", (one) => one.why || "–"],
];

function look(one, open) {
  const last = one.looks[one.looks.length - 1];
  if (!last) return [];
  const ago = open ? `, ${duration(Date.now() / 1000 - last.at)} ago` : "";
  return [
    element("h4", {}, `Last look${ago}: `, element("span", { class: VERDICTS[last.verdict] }, last.verdict),
      element("span", { class: "quiet" }, ` (${count(last.stable_requests)} requests of ${one.stable}, ${count(last.canary_requests)} of ${one.version})`)),
    table("metrics of the last look", METRICS, last.metrics),
  ];
}

function shadow(found) {
  const one = found.shadow;
  if (!one) return [];
  return [
    element("h4", {}, `Shadow: copies to ${one.version}, whose answers nobody gets`),
    facts([
      ["answers that agree", percent(one.agreement)],
      ["rows compared", count(one.compared)],
      ["score drift", signed(one.drift)],
      ["p99, shadow / primary", `${milliseconds(one.latency_p99_ms)} / ${milliseconds(one.primary_p99_ms)}`],
      ["not copied", count(one.dropped)],
    ]),
  ];
}

function events(model, one) {
  const newest = one.events.slice(-MOST_EVENTS).reverse();
  const lines = newest.map((event) => element("li", {},
    element("span", { class: "quiet" }, `${time(event.at)} `), element("strong", {}, event.event), ` ${detail(event)}`));
  return folded(`events-${model}`, `Events (${count(one.events.length)})`, element("ul", { class: "events" }, ...lines));
}

function detail(event) {
  const { metrics, ...rest } = event.detail;
  if (metrics) return `${rest.verdict}: ${metrics.map((one) => `${one.name} ${one.verdict}`).join(", ")}`;
  return Object.entries(rest).filter(([, value]) => value !== "" && typeof value !== "object").map(([name, value]) => `${name} ${value}`).join(", ");
}

const SEGMENTS = { audience: "split", others: "outside the audience", shadow: "copies" };
const MEASURED = [
  ["version", "", (one) => one.version],
  ["requests", "", (one) => SEGMENTS[one.segment] ?? one.segment],
  ["number", "number", (one) => count(one.requests)],
  ["errors", "number", (one) => percent(one.error_rate)],
  ["NaN rows", "number", (one) => percent(one.nan_rate)],
  ["p50", "number", (one) => milliseconds(one.latency_p50_ms)],
  ["p99", "number", (one) => milliseconds(one.latency_p99_ms)],
  ["mean score", "number", (one) => number(one.score)],
  ["rewards", "", (one) => Object.entries(one.rewards).map(([name, came]) => `${name} ${number(came.mean)} (${count(came.count)})`).join(", ") || "–"],
];

export function measured(found) {
  if (!found.arms.length) return [];
  return [
    element("h3", {}, "Measured by all gateways ", element("span", { class: "quiet small" }, `since revision ${found.measured_since} of the route`)),
    table(`what gateways measured of ${found.model}`, MEASURED, found.arms),
  ];
}

const MOVES = [
  ["revision", "", (one) => String(one.revision)],
  ["when", "", (one) => time(one.moved_at)],
  ["who", "", (one) => one.moved_by],
  ["what", "", (one) => one.action.replace("rollout.", "rollout: ").replace("experiment.", "experiment: ").replace("_", " ")],
  ["traffic", "", (one) => split(one.arms)],
  ["why", "why", (one) => one.reason || "–"],
];

export function history(found) {
  return folded(`moves-${found.model}`, `Moves of traffic (${found.moves.length} newest)`, table(`moves of ${found.model}`, MOVES, found.moves));
}
