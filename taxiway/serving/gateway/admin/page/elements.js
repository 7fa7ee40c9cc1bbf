// How the page makes elements and numbers; every text goes in as text, never as markup.

export const byId = (id) => document.getElementById(id);

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const known = (value, told) => (value === null || value === undefined ? "–" : told(value));
export const milliseconds = (value) =>
  known(value, (ms) => (ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms).toLocaleString("en")} ms`));
export const percent = (share) => known(share, (one) => `${Number((one * 100).toFixed(2))} %`);
export const count = (value) => value.toLocaleString("en");
export const number = (value) => known(value, (one) => String(Number(one.toPrecision(4))));
export const signed = (value) => known(value, (one) => `${one > 0 ? "+" : ""}${number(one)}`);

// A time as the registry writes it, without what nobody reads.
export const time = (text) => text.replace("T", " ").replace(/\.\d+Z$/, " UTC");

// Such as 45 s, 3:20 min, 2:05 h.
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const two = (part) => String(part).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}:${two(whole % 60)} min`;
  return `${Math.floor(whole / 3600)}:${two(Math.floor((whole % 3600) / 60))} h`;
}

export function facts(pairs) {
  const told = pairs.map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, value)));
  return element("dl", { class: "facts" }, ...told);
}

// Columns are [heading, class, what a row has there]; `below` may give a row's second line.
// The roles are said, since a table that is laid out as cards is none to a screen reader.
export function table(label, columns, rows, below = () => null) {
  const head = columns.map(([name, kind]) =>
    element("th", { class: kind, scope: "col", role: "columnheader" }, name));
  const lines = rows.flatMap((row) => {
    const cells = columns.map(([name, kind, value], index) =>
      index
        ? element("td", { class: kind, role: "cell", "data-name": name }, value(row))
        : element("th", { scope: "row", role: "rowheader", "data-name": name }, value(row)));
    const more = below(row);
    const line = element("tr", { role: "row", class: more ? "failed" : "" }, ...cells);
    if (!more) return [line];
    const why = element("td", { class: "why bad", role: "cell", colspan: String(columns.length), "data-name": "why" }, more);
    return [line, element("tr", { role: "row", class: "of-failed" }, why)];
  });
  return element("table", { role: "table", "aria-label": label },
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...head)),
    element("tbody", { role: "rowgroup" }, ...lines));
}

// An interval beside no difference, on a scale that has both; the numbers beside it say the same.
export function interval(lower, estimate, upper, tone, told = signed) {
  if (lower === null || upper === null) return element("span", { class: "quiet" }, "not known yet");
  const least = Math.min(lower, 0), most = Math.max(upper, 0);
  const width = most - least || 1;
  const at = (value) => `${4 + ((value - least) / width) * 92}`;
  const drawn = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const label = `${told(lower).replace(/ (points|%)$/, "")} to ${told(upper)}`; // the unit once
  for (const [key, value] of [["viewBox", "0 0 100 12"], ["preserveAspectRatio", "none"], ["role", "img"], ["aria-label", label], ["class", `interval ${tone}`]]) drawn.setAttribute(key, value);
  const line = (x1, x2, y1, y2, kind) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", "line");
    for (const [key, value] of Object.entries({ x1, x2, y1, y2, class: kind })) made.setAttribute(key, value);
    drawn.append(made);
  };
  line(at(0), at(0), 0, 12, "zero");
  line(at(lower), at(upper), 6, 6, "range");
  if (estimate !== null) line(at(estimate), at(estimate), 3, 9, "estimate");
  return element("span", { class: "drawn" }, drawn, label);
}

// What can be opened; it stays open when the page is drawn anew (see keeping in page.js).
export function folded(id, summary, ...children) {
  return element("details", { id }, element("summary", {}, summary), ...children);
}
