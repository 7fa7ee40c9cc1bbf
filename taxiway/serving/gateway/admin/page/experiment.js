// An experiment as gateways see it now: its arms, and how each does beside the control.
import { count, element, interval, milliseconds, number, percent, table, time } from "./elements.js";

const ARMS = (found) => [
  ["arm", "", (one) => `${one.version}${one === found.arms[0] ? " (control)" : ""}`],
  [found.updates === null ? "weight" : "weight to begin with", "number", (one) => `${number(one.weight)} %`],
  ["share so far", "number", (one) => percent(one.share)],
  ["requests", "number", (one) => count(one.requests)],
  ["rewards", "number", (one) => count(one.rewards)],
  [`mean ${found.metric}`, "number", (one) => number(one.mean)],
  ["errors", "number", (one) => percent(one.error_rate)],
  ["p99", "number", (one) => milliseconds(one.latency_p99_ms)],
];

function tone(found, one) {
  const better = found.goal === "decrease" ? -1 : 1;
  if (one.lower * better > 0 && one.upper * better > 0) return "good";
  return one.lower * better < 0 && one.upper * better < 0 ? "bad" : "warn";
}

const SAYS = { good: "better", bad: "worse", warn: "not known to differ" };
const EFFECTS = (found) => [
  ["arm", "", (one) => one.version],
  ["is", "", (one) => element("span", { class: tone(found, one) }, SAYS[tone(found, one)])],
  [`${found.metric} more than the control's`, "number", (one) => number(one.effect)],
  ["interval, at all looks", "wide", (one) => interval(one.lower, one.effect, one.upper, tone(found, one))],
  ["p", "number", (one) => (one.p_value < 0.0001 ? "< 0.0001" : number(one.p_value))],
];

export function experiment(found) {
  const one = found.experiment;
  if (!one) return [];
  const runs = one.phase === "running";
  const id = `experiment-${found.model}`;
  const began = `started by ${one.started_by}, ${time(one.started_at)}${one.stopped_at ? `; stopped ${time(one.stopped_at)}` : ""}`;
  const learnt = found.updates === null ? "" : `, which has learnt ${count(found.updates - 1)} times`;
  return [element("section", { class: "part", "aria-labelledby": id },
    element("div", { class: "top" },
      element("h3", { id }, runs ? "Experiment " : "Last experiment ", one.name, " ", element("span", { class: `badge ${runs ? "ink" : ""}` }, one.phase)),
      element("span", { class: "quiet" }, `goal: ${found.goal} ${found.metric}`)),
    element("p", {}, `Policy: ${one.policy}${learnt}`, element("br"), element("span", { class: "quiet" }, began)),
    ...(found.moved ? [element("p", { class: "bad" }, `Traffic was moved since by ${found.moved}: what follows is from before.`)] : []),
    ...outcome(one),
    table(`arms of ${one.name}`, ARMS(found), found.arms),
    ...effects(found))];
}

function effects(found) {
  if (!found.effects.length) return [element("p", { class: "quiet" }, `No effect is shown: ${found.no_effects}.`)];
  return [
    element("h4", {}, "Effect so far ", element("span", { class: "quiet" }, `each request counted as one; taxiway experiment status judges users`)),
    table("effects", EFFECTS(found), found.effects),
  ];
}

function outcome(one) {
  const told = one.outcome?.recommendation;
  if (!told) return [];
  return [element("p", {}, element("strong", {}, `Recommended: ${told.action.replace("_", " ")} ${told.version ?? ""}`), element("br"), told.reason)];
}
