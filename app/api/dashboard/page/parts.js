// Pieces of the page: elements, tables, tools below a chart, rates as people read them.

import { address, download } from "./api.js";

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

export const count = (value) => (value == null ? "–" : value.toLocaleString("en").replaceAll(",", " "));

export const percent = (value, digits = 1) => (value == null ? "–" : `${(100 * value).toFixed(digits)} %`);

export function rateText(rate, t) {
  const value = rate.value == null ? t[rate.status] : percent(rate.value);
  return rate.value != null && t[rate.status] ? `${value} *` : value;
}

export function rateHint(rate, t) {
  const parts = [];
  if (rate.denominator != null && rate.numerator != null) parts.push(t.of(count(rate.numerator), count(rate.denominator)));
  if (rate.low != null) parts.push(`${t.interval} ${percent(rate.low)} – ${percent(rate.high)}`);
  if (t[rate.status]) parts.push(t[rate.status]);
  return parts.join(" · ");
}

export function rateCell(rate, t) {
  const share = rate.value == null ? 0 : Math.min(rate.value, 1);
  return element("td", { class: "rate", title: rateHint(rate, t) },
    element("meter", { min: 0, max: 1, value: share, "aria-hidden": "true" }),
    element("span", {}, rateText(rate, t)));
}

export function table(caption, heads, rows) {
  return element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    element("table", {},
      element("caption", { class: "hidden" }, caption),
      element("thead", {}, element("tr", {}, heads.map((head) => element("th", { scope: "col" }, head)))),
      element("tbody", {}, rows)));
}

export function row(name, cells, attributes = {}) {
  return element("tr", attributes,
    element("th", { scope: "row" }, name),
    cells.map((cell) => (cell instanceof HTMLElement ? cell : element("td", {}, cell))));
}

export function withTable(t, content, open = false) {
  return element("details", open ? { open: true } : {}, element("summary", {}, t.asTable), content);
}

export function tools(t, path, query) {
  const file = (format) => element("button", {
    type: "button", class: "link",
    onclick: () => download(address(`${path}.${format}`, query), `${path.split("/").pop()}.${format}`),
  }, format.toUpperCase());
  return element("p", { class: "tools" },
    element("a", { href: address(path, query) }, t.asked), " · ", file("csv"), " · ", file("xlsx"));
}
