// What the page says first: one sentence, and the figures of the place as cards.

import { count, direction, isRounded, persons, points, range, signed } from "./numbers.js";
import { bar, button, copy, element, link, plainName, rateView } from "./parts.js";
import * as questions from "./questions.js";
import { earlier, sentence } from "./sentence.js";
import { onCard, targetsFor } from "./targets.js";

// The enterprises behind a figure, as the list of enterprises is narrowed to them.
const BEHIND = {
  enterprises: "", members: "has_members=true", organisation_coverage: "organised=true", organisation_coverage_with_dual: "reached_by_dual=true",
  dual_reach: "relation=unreached",
};

const quiet = (promise) => promise.catch(() => null); // what stands beside a figure may be missing, the figure may not

/** @returns the section: sentence, what it is of, cards */
export async function headline(context) {
  const { state, t } = context;
  const found = await questions.headline(state), parent = found.district?.parent_code;
  const [past, industries, above, targets] = await Promise.all([
    quiet(questions.trends(state)), /^industry/.test(state.filter) ? null : quiet(questions.low(state, "section")), parent ? quiet(questions.headline(state, parent)) : null, quiet(targetsFor(context))]);
  const { meta } = found, row = past?.data.find((one) => one.as_of === meta.as_of && !state.snapshot), place = past?.data.indexOf(row);
  const before = row?.change && past.data[place - 1].as_of;
  const said = sentence({
    place: context.place, whom: context.whom, counts: found.counts, rates: found.rates,
    change: row?.change?.rates, since: before && earlier(before, meta.as_of, t.sentence),
    industries: (industries?.data ?? []).map((one) => ({ name: plainName(one.industry, state.lang), class: one.class, shortfall: one.shortfall })),
  }, t.sentence);
  const beside = { context, meta, before: before && earlier(before, meta.as_of, t.sentence), above: above && { name: plainName(above.district, state.lang), ...above }, targets };
  const counts = questions.COUNTS.filter((code) => found.counts[code] != null).map((code) => countCard(code, found.counts[code], row?.change?.counts[code], beside));
  const rates = questions.RATES.filter((code) => isShown(code, found.rates[code], meta)).map((code) => rateCard(code, found.rates[code], row?.change?.rates[code], beside));
  const text = element("p", { class: "sentence", id: "sentence" }, emphasised(said)), cards = [...counts, ...rates];
  const list = [element("ul", { class: "cards counts" }, counts), element("ul", { class: "cards rates" }, rates)], told = element("span", { role: "status", class: "told" });
  const whole = element("div", { class: "for-copy", "data-copy": [said, ...cards.map((card) => card.dataset.copy), context.narrowing.join(" · ")].join("\n") }, text.cloneNode(true), forReport(cards), element("p", {}, context.narrowing.join(" · ")));
  return { meta, nodes: [text, element("p", { class: "narrowing" }, context.narrowing.join(" · ")), ...list,
    element("p", { class: "tools" }, button(t.copyPage, () => copy(whole, told, t), { class: "link" }), button(t.print, () => print(), { class: "link" }), button(t.copyAddress, () => navigator.clipboard?.writeText(location.href).then(() => { told.textContent = t.copied; }), { class: "link" }), told)] };
}

// Standing alone is what the public can be shown in place of what members tell; with exact figures there is better.
const isShown = (code, rate, meta) => rate && rate.status !== "protected" && (code !== "standalone_rate" || isRounded(meta));

const emphasised = (said) => said.split(/((?:≈\s?)?\d[\d,.]*(?:\u202f%)?)/).map((part, place) => (place % 2 && !/^\d{4}$/.test(part) ? element("b", {}, part) : part));

function forReport(cards) {
  return element("table", {}, cards.map((card) => element("tr", {}, card.dataset.copy.split("\t").map((cell) => element("td", {}, cell)))));
}

function countCard(code, value, change, beside) {
  const { context: { t, label }, meta, before } = beside;
  const shown = code === "enterprises" ? count(value) : persons(value, meta);
  return card(code, shown, [
    element("p", { class: "value" }, shown),
    change == null || !before ? null : moved(change, signed(change), "", before, t, code !== "enterprises" && isRounded(meta))], beside, `${label(code)}\t${shown}`);
}

function rateCard(code, rate, change, beside) {
  const { context, meta, before, above, targets } = beside, { t, label } = context;
  const upper = above?.rates[code];
  const most = code === "member_ratio" ? Math.max(0.2, rate.high ?? 0) : 1;
  const shown = rateView(rate, { t, meta, code });
  const bound = range(rate);
  return card(code, shown, [
    element("p", { class: "value" }, shown),
    rate.value == null ? null : element("p", { class: "between" }, bar(rate, { most, reference: upper?.value ?? null }), bound ? element("span", {}, `${t.interval} ${bound}`) : ""),
    change == null || !before ? null : moved(direction(change), points(change), t.points, before, t),
    upper?.value == null ? null : element("p", { class: "beside" }, `${above.name} `, element("b", {}, rateView(upper, { t, meta: above.meta, code }).querySelector("b").textContent)),
    targets?.has(code) ? onCard(targets.get(code), t, meta) : null], beside, `${label(code)}\t${shown.textContent}\t${bound ? `${t.interval} ${bound}` : ""}`);
}

function moved(way, text, unit, since, t, rounded = false) {
  const mark = way > 0 ? "▲" : way < 0 ? "▼" : "＝";
  return element("p", { class: "moved" }, t.since(since), " ", element("b", {}, element("span", { "aria-hidden": "true" }, `${mark} `), rounded ? "≈" : "", way === 0 ? t.unchanged : `${text}${unit}`));
}

function card(code, shown, content, { context, meta }, text) {
  const { label, meaning, t, exact } = context;
  const means = meaning(code);
  return element("li", { "data-code": code, "data-copy": text },
    element("details", { class: "means" }, element("summary", {}, label(code)), element("p", {}, means)),
    ...content,
    exact && code in BEHIND ? element("p", { class: "behind" }, link({ view: "enterprises", rows: BEHIND[code], subject: "" }, t.behind[code] ?? t.behind.enterprises)) : null,
    exact && code === "establishment_rate" ? element("p", { class: "behind" }, link({ view: "establish", subject: "" }, t.behind.establishment_rate)) : null);
}
