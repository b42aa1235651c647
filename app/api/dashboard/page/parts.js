// Pieces of the page: elements, names, rates with what they rest on, what can be done with a table.

import { address, download, Refused, Unreachable } from "./api.js";
import { base, isRounded, isWeak, percent, range, sign } from "./numbers.js";
import { addressOf, currentKey } from "./state.js";

const SVG = "http://www.w3.org/2000/svg";
const BAR = { width: 76, height: 12 };

function filled(made, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children.flat(3).filter((child) => child != null && child !== false && child !== ""));
  return made;
}

export const element = (name, attributes = {}, ...children) => filled(document.createElement(name), attributes, children);

export const svg = (name, attributes = {}, ...children) => filled(document.createElementNS(SVG, name), attributes, children);

/** The name of a district, an industry, an enterprise, a branch in the page's language, or else in its own. */
export const plainName = (subject, lang) => (lang === "en" && subject.name_en) || subject.name_zh || subject.name || subject.code;

export function nameOf(subject, lang) {
  const name = plainName(subject, lang);
  return lang === "en" && /\p{Script=Han}/u.test(name) ? element("span", { lang: "zh" }, name) : name;
}

export const link = (parts, ...children) => element("a", { href: addressOf(parts) }, ...children);

export const button = (text, onclick, attributes = {}) => element("button", { type: "button", onclick, ...attributes }, text);

export const note = (...children) => element("p", { class: "note" }, ...children);

/** A rate with its interval: a bar from nothing, the interval across it, and a tick at what it is compared with. */
export function bar(rate, { most = 1, reference = null } = {}) {
  const at = (value) => (Math.min(value, most) / most * BAR.width).toFixed(1), middle = BAR.height / 2;
  return svg("svg", { class: "bar", viewBox: `-1 0 ${BAR.width + 2} ${BAR.height}`, width: BAR.width + 2, height: BAR.height, "aria-hidden": "true" },
    svg("rect", { class: "ground", x: 0, y: 2, width: BAR.width, height: BAR.height - 4 }),
    rate.value == null ? null : svg("rect", { class: "value", x: 0, y: 2, width: at(rate.value), height: BAR.height - 4 }),
    rate.low == null ? null : svg("path", { class: "interval", d: `M${at(rate.low)} ${middle}H${at(rate.high)}M${at(rate.low)} ${middle - 3}v6M${at(rate.high)} ${middle - 3}v6` }),
    reference == null ? null : svg("path", { class: "reference", d: `M${at(reference)} 0V${BAR.height}` }));
}

export const rateText = (rate, t) => (rate.value == null ? t[rate.status] : percent(rate.value));

const OF_PERSONS = ["member_ratio", "dual_reach"]; // rounded where figures are protected

/** A rate, what it rests on, and where it may really lie; faded where it rests on little; marked where persons are rounded. */
export function rateView(rate, { t, meta, code = "", drawn = false, most = 1, reference = null }) {
  const rounded = isRounded(meta) && rate.denominator > 0 && OF_PERSONS.includes(code) ? "≈" : "";
  return element("span", { class: isWeak(rate) ? "rate weak" : rate.value == null ? "rate word" : "rate", title: [range(rate) && `${t.interval} ${range(rate)}`, rate.value != null && t[rate.status]].filter(Boolean).join(" · ") || null },
    drawn && rate.value != null ? bar(rate, { most, reference }) : null,
    element("b", {}, rounded, rateText(rate, t), element("sup", {}, sign(rate))),
    rate.value == null ? null : element("small", {}, base(rate, rounded)));
}

/** What the signs behind rates mean, for those that are there. */
export function legend(rates, t) {
  const marks = new Set(rates.filter((rate) => sign(rate)).map((rate) => `${sign(rate)} ${t[rate.status]}`));
  return marks.size ? note([...marks].join(t.semicolon)) : null;
}

export const folded = (title, content, open = false) => element("details", { open }, element("summary", {}, title), content);

/** A name for a file that says what is in it. */
const fileName = (context, title, format) => `${[title, context.place, context.day, context.narrowed].filter(Boolean).join("_").replace(/[\s/\\:*?"<>|]+/g, "")}.${format}`;

/** Below what was asked for: its files, the request behind it. With a key, which a link would not send, it is downloaded. */
export function tools(context, title, path, query, formats = ["csv", "xlsx"]) {
  const { t } = context, line = element("div", { class: "tools" });
  const saved = (url, format) => download(url, fileName(context, title, format)).catch((error) => line.append(refusal(error, t)));
  const url = address(path, query);
  for (const format of formats) {
    const shown = { ...query, lang: t.lang, ...(format === "csv" ? { bom: "true" } : {}) };
    line.append(button(format.toUpperCase(), () => saved(address(`${path}.${format}`, shown), format), { class: "link" }));
  }
  line.append(element("a", { href: url, title: url, onclick: (event) => {
    if (!currentKey()) return;
    event.preventDefault();
    saved(url, "json");
  } }, t.asked));
  return line;
}

/** Puts a table or a page on the clipboard, to be pasted into a report; also where the page is not served securely. */
export async function copy(node, told, t) {
  const text = node.dataset.copy ?? [...node.querySelectorAll("tr")].map((line) => [...line.cells].map((cell) => cell.dataset.copy ?? cell.textContent).join("\t")).join("\n");
  const box = element("div", { class: "copied" }, node.cloneNode(true));
  box.querySelectorAll("svg, button svg, .tools, [hidden]").forEach((one) => one.remove());
  try {
    const kinds = { "text/plain": new Blob([text], { type: "text/plain" }), "text/html": new Blob([box.innerHTML], { type: "text/html" }) };
    await navigator.clipboard.write([new ClipboardItem(kinds)]);
  } catch {
    document.body.append(box);
    getSelection().selectAllChildren(box);
    document.execCommand("copy");
    getSelection().removeAllRanges();
    box.remove();
  }
  told.textContent = t.copied;
  setTimeout(() => { told.textContent = ""; }, 4000);
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
