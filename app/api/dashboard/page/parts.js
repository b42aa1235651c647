// Pieces of the page: elements, tables, tools below a chart, rates as people read them.

import { address, download, Refused, Unreachable } from "./api.js";
import { currentKey } from "./state.js";

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child != null));
  return made;
}

export const count = (value) => (value == null ? "–" : value.toLocaleString("en"));

// A number of persons; where figures are protected it is rounded, and says so.
export const persons = (value, meta) => (value == null || meta.disclosure.policy === "none" ? "" : "≈\u00a0") + count(value);

export const percent = (value, digits = 1) => (value == null ? "–" : `${(100 * value).toFixed(digits)}%`);

const SIGNS = { low_base: "*", unreliable: "†", inconsistent: "‡" };

export function rateText(rate, t) {
  return rate.value == null ? t[rate.status] : percent(rate.value);
}

export function rateHints(rate, t) {
  const parts = [];
  if (rate.denominator != null && rate.numerator != null) parts.push(t.of(count(rate.numerator), count(rate.denominator)));
  if (rate.low != null) parts.push(`${t.interval} ${(100 * rate.low).toFixed(1)}\u2060–\u2060${percent(rate.high)}`);
  if (rate.value != null && t[rate.status]) parts.push(t[rate.status]);
  return parts;
}

export function rateCell(rate, t, { bar = true } = {}) {
  const share = rate.value == null ? 0 : Math.min(rate.value, 1);
  const sign = rate.value == null ? null : SIGNS[rate.status];
  return element("td", { class: "rate", title: rateHints(rate, t).join(" · "), "data-mark": sign && `${sign} ${t[rate.status]}` },
    bar ? element("meter", { min: 0, max: 1, value: share, "aria-hidden": "true" }) : null,
    element("span", { "data-sign": sign }, rateText(rate, t)));
}

export function table(caption, heads, rows) {
  const marks = new Set(rows.flatMap((line) => [...line.querySelectorAll("[data-mark]")].map((cell) => cell.dataset.mark)));
  return element("div", {},
    element("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": caption },
      element("table", {},
        element("caption", { class: "hidden" }, caption),
        element("thead", {}, element("tr", {}, heads.map((head) => (head instanceof HTMLElement ? head : element("th", { scope: "col" }, head))))),
        element("tbody", {}, rows))),
    marks.size ? element("p", { class: "note" }, [...marks].join(" · ")) : null);
}

// The head of a column; what it means shows on hover.
export function heading(text, meaning = "") {
  return element("th", { scope: "col", title: meaning }, text);
}

export const textHead = (text) => element("th", { scope: "col", class: "text" }, text);

export const textCell = (text, title) => element("td", { class: "text", title }, text ?? "");

export function row(name, cells, attributes = {}) {
  return element("tr", attributes,
    element("th", { scope: "row" }, name),
    cells.map((cell) => (cell instanceof HTMLElement ? cell : element("td", {}, cell))));
}

export function folded(title, content) {
  return element("details", {}, element("summary", {}, title), content);
}

// Below what was asked for: the request behind it, and its files where there are some. With a key, which a link would
// not send, the answer is downloaded.
export function tools(t, path, query, formats = ["csv", "xlsx"]) {
  const line = element("div", { class: "tools" });
  const saved = async (url, format) => {
    try {
      await download(url, `${path.split("/").pop()}.${format}`);
    } catch (error) {
      line.append(refusal(error, t));
    }
  };
  const url = address(path, query);
  const asked = (event) => {
    if (!currentKey()) return;
    event.preventDefault();
    saved(url, "json");
  };
  line.append(element("a", { href: url, title: url, onclick: asked }, t.asked));
  for (const format of formats) {
    const shown = { ...query, lang: t.lang, ...(format === "csv" ? { bom: "true" } : {}) };
    const file = () => saved(address(`${path}.${format}`, shown), format);
    line.append(" · ", element("button", { type: "button", class: "link", onclick: file }, format.toUpperCase()));
  }
  return line;
}

export function refusal(error, t) {
  if (error instanceof Unreachable) return element("p", { class: "problem" }, t.unreachable);
  if (!(error instanceof Refused)) return element("p", { class: "problem" }, t.broke);
  const { problem } = error;
  if (String(problem.type).endsWith("exact-only")) return element("p", { class: "locked" }, t.exactOnly);
  if ([401, 403].includes(problem.status)) return element("p", { class: "locked" }, t.notAllowed);
  const items = (problem.errors || []).map((item) => element("li", {}, item.message));
  return element("div", { class: "problem" }, element("p", {}, t.failed, problem.detail || t.status(problem.status)), items.length > 1 ? element("ul", {}, items) : "");
}
