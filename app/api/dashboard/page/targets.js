// Targets: on the cards of the figures they are about, and as a table.

import { askAll } from "./api.js";
import { count, percent, persons } from "./numbers.js";
import { element, nameOf, note, rateView, tools } from "./parts.js";
import { moment } from "./questions.js";
import { filterOf } from "./state.js";
import { dataTable } from "./table.js";

const path = "/v1/statistics/targets";
const ROWS = 50;

const SCOPES = ["industry", "industry_group", "sector"]; // what a target may be for, besides a district

/** What targets are asked for: a target is inside only where it is for what a filter names. */
function targetsQuery(state) {
  const { industry, industry_group, sector } = filterOf(state);
  return { district: state.district, industry, industry_group, sector, ...moment(state), limit: 1000 };
}

/** Targets by metric, for cards and curves; none where the snapshots know of none. */
export async function targetsFor({ state, can }) {
  return can("targets") ? targetsOfCards(await askAll(path, targetsQuery(state)), state) : new Map();
}

/** The targets that are for exactly what the cards show: the place, the basis, the filter; the next one due of each metric. */
function targetsOfCards(found, state) {
  const given = filterOf(state), of = (name) => given[name]?.length === 1 ? given[name][0] : null;
  if (Object.keys(given).some((name) => !SCOPES.includes(name))) return new Map();
  const fits = (one) => (one.district?.code ?? "") === state.district && one.basis === state.basis && ["industry", "industry_group"].every((name) => (one[name]?.code ?? null) === of(name)) && (one.sector ?? null) === of("sector") && (given.sector?.length ?? 0) < 2;
  const nearest = new Map();
  for (const one of found.data.filter(fits)) if (!nearest.has(one.metric)) nearest.set(one.metric, one);
  return nearest;
}

/** How many more would meet it: persons where the figure is of persons, which are rounded where they are protected. */
const missingOf = (one, meta) => (one.metric === "member_ratio" ? persons(one.missing, meta) : count(one.missing));

/** How far a target is reached, in words. */
export function said(one, t, meta) {
  const what = one.state === "short" ? t.missing(missingOf(one, meta)) : t.targetStates[one.state];
  return element("span", { class: `target-state ${one.state}` }, what);
}

export const onCard = (one, t, meta) => element("p", { class: "target" }, `${t.target} ${percent(one.value)}`, element("span", { class: "until" }, t.until(one.due_on)), " ", said(one, t, meta));

export async function targets(context) {
  const { state, t, label, meaning, word } = context;
  if (!context.can("targets")) return null;
  const asked = targetsQuery(state), found = await askAll(path, asked);
  if (!found.data.length) return null;
  const whom = (one) => [one.industry ?? one.industry_group ? nameOf(one.industry ?? one.industry_group, state.lang) : null, one.sector ? word("sector", one.sector) : null, label(one.basis)].filter(Boolean).flatMap((part, place) => (place ? [" · ", part] : [part]));
  const table = await dataTable({ t, caption: t.targets, rows: found.data, shown: ROWS, row: (one) => ({ class: (one.district?.code ?? "") === state.district ? null : "below" }), columns: [
    { label: t.target, by: (one) => label(one.metric), cell: (one) => [element("span", { title: meaning(one.metric) }, label(one.metric)), " ", element("b", {}, percent(one.value))] },
    { label: t.place, words: true, by: (one) => one.district?.code, cell: (one) => (one.district ? nameOf(one.district, state.lang) : t.everything) },
    { label: t.whom, words: true, cell: whom }, { label: t.due, by: (one) => one.due_on, cell: (one) => one.due_on },
    { label: t.now, by: (one) => one.current.value, cell: (one) => rateView(one.current, { t, meta: found.meta, code: one.metric, drawn: true, reference: one.value }) },
    { label: t.state, words: true, by: (one) => one.state, cell: (one) => said(one, t, found.meta) },
    { label: t.missingShort, by: (one) => one.missing, cell: (one) => missingOf(one, found.meta) }, { label: t.daysLeft, by: (one) => one.days_left, cell: (one) => count(one.days_left) },
    { label: t.basedOn, words: true, aside: true, cell: (one) => one.source ?? "–" }] });
  return { nodes: [note(t.targetsSay), Object.keys(filterOf(state)).every((name) => SCOPES.includes(name)) ? null : note(t.unfiltered), table.node, tools(context, t.targets, path, { ...asked, limit: "" })] };
}
