// Where organisations are missing, and which branches to found next: the gap list and the proposals lead to each other.

import { ask, askAll } from "./api.js";
import { curve } from "./charts.js";
import { count, points, range, signed } from "./numbers.js";
import { button, element, link, nameOf, note, plainName, rateView, tools } from "./parts.js";
import * as questions from "./questions.js";
import { change } from "./state.js";
import { dataTable } from "./table.js";
import { targetsFor } from "./targets.js";

const { S } = questions;
const ROWS = 20;
const NAMED = 6;
const EFFECTS = ["organisation_coverage", "establishment_rate", "employee_coverage"];

export async function proposals(context) {
  const { state, t, label, meaning } = context;
  if (!context.can("establishment-proposals")) return null;
  const asked = { ...questions.scope(state), limit: 1000 }, [found, names, targets] = await Promise.all([askAll(`${S}/establishment-proposals`, asked), namesOf(state), targetsFor(context).catch(() => new Map())]), { meta, before, after } = found;
  const rows = found.data.map((row, place) => ({ ...row, place: place + 1 }));
  if (!rows.length) return { nodes: [note(t.nothingToFound), found.undecided ? note(t.undecided(count(found.undecided))) : null] };
  const done = rows.filter((row) => row.kind !== "instructor");
  const values = [before.organisation_coverage.value, ...done.map((row) => row.coverage_after.value)];
  const effect = await dataTable({ t, caption: t.effect, rows: [...EFFECTS, "members_unorganised"], columns: [
    { label: t.name, cell: (code) => element("span", { title: meaning(code) }, label(code)) },
    ...[[t.before, before], [t.after, after]].map(([text, side]) => ({ label: text, cell: (code) => (code === "members_unorganised" ? count(side[code]) : rateView(side[code], { t, meta, drawn: true })) })),
    { label: t.difference, cell: (code) => (code === "members_unorganised" ? signed(after[code] - before[code]) : after[code].value == null || before[code].value == null ? "–" : `${points(after[code].value - before[code].value)}${t.points}`) }] });
  const chosen = state.subject;
  const table = await dataTable({ t, caption: t.proposals, rows, shown: ROWS,
    row: (row) => ({ id: `proposal-${row.place}`, class: chosen && row.enterprises.includes(chosen) ? "chosen" : null, "aria-current": chosen && row.enterprises.includes(chosen) ? "true" : null }),
    columns: [
      { label: t.order, by: (row) => row.place, cell: (row) => String(row.place) },
      { label: t.proposal, words: true, by: (row) => row.kind, cell: (row) => element("span", { class: `kind ${row.kind}`, title: t.kindsMean[row.kind] }, t.kinds[row.kind]) },
      { label: t.district, words: true, by: (row) => row.district && plainName(row.district, state.lang), cell: (row) => (row.district ? nameOf(row.district, state.lang) : "–") },
      { label: t.enterprisesIn, words: true, cell: (row) => firms(row, names, context) },
      { label: label("full_members"), by: (row) => row.full_members, cell: (row) => count(row.full_members) },
      { label: label("members"), by: (row) => row.members, cell: (row) => count(row.members) },
      { label: label("headcount"), by: (row) => row.headcount, cell: (row) => count(row.headcount) },
      { label: t.mustEstablish, by: (row) => row.eligible, cell: (row) => count(row.eligible) },
      { label: t.coverageAfter, meaning: meaning("organisation_coverage"), by: (row) => row.coverage_after.value, cell: (row) => [rateView(row.coverage_after, { t, meta, drawn: true }), element("small", { class: "change" }, range(row.coverage_after))] }] });
  const kinds = [...new Set(rows.map((row) => row.kind))].map((kind) => t.kindNumber(t.kinds[kind], rows.filter((row) => row.kind === kind).length));
  return { nodes: [
    element("p", { class: "says" }, t.proposalsSay(kinds.join(t.comma), rateText(before), rateText(after))), note(t.proposalNote),
    curve(values, { labels: ["", ...done.map((row) => `${row.place}. ${t.kinds[row.kind]} ${row.district ? plainName(row.district, state.lang) : ""}`)], target: targets.get("organisation_coverage")?.value ?? null, t }),
    effect.node, found.undecided ? note(t.undecided(count(found.undecided))) : null, table.node, tools(context, t.proposals, `${S}/establishment-proposals`, { ...asked, limit: "" })] };
}

/** Names of those that are not organised, by code, as far as one page of the API has them. */
async function namesOf(state) {
  const { data } = await ask(`${S}/enterprises`, { ...questions.scope(state), organised: "false", has_members: "true", sort: "members", order: "desc", fields: "members", limit: 1000 });
  return new Map(data.map(({ enterprise }) => [enterprise.code, enterprise]));
}

const rateText = (side) => rateView(side.organisation_coverage, { t: {}, meta: null }).querySelector("b").textContent;

/** The enterprises of a proposal, and the branch that is to take them. */
function firms(row, names, { state, t }) {
  const inside = row.enterprises.slice(0, NAMED).map((code) => element("li", {}, link({ view: "enterprises", subject: code }, names.has(code) ? nameOf(names.get(code), state.lang) : code)));
  const list = element("ul", { class: "codes" }, inside, row.enterprises.length > NAMED ? element("li", {}, t.andMore(row.enterprises.length - NAMED)) : null);
  return [row.branch ? element("p", {}, `${t.attachTo} `, link({ view: "branches", subject: row.branch.code }, nameOf(row.branch, state.lang))) : null, list];
}

export async function gaps(context) {
  const { state, t, label, meaning } = context;
  const asked = { ...questions.scope(state), fields: ["full_members", "headcount"] }, chosen = state.subject;
  const can = context.can("establishment-proposals");
  const table = await dataTable({ t, caption: t.gaps, shown: chosen ? 1000 : ROWS, sorted: { column: "full_members", order: "desc" }, rows: (paging) => ask(`${S}/establishment-gaps`, { ...asked, ...paging }),
    row: (item) => (item.enterprise.code === chosen ? { class: "chosen", "aria-current": "true" } : {}),
    columns: [
      { label: t.enterprise, sort: "code", cell: (item) => [link({ view: "enterprises", subject: item.enterprise.code }, nameOf(item.enterprise, state.lang)), element("small", { class: "code" }, item.enterprise.code)] },
      ...["full_members", "headcount"].map((code) => ({ label: label(code), meaning: meaning(code), sort: code, cell: (item) => count(item.counts[code]) })),
      { label: t.since_, words: true, cell: (item) => item.gap_since },
      { label: t.means, words: true, cell: (item) => item.means.map((code) => t.meansOf[code] ?? code).join(t.comma) || "–" },
      { label: t.candidates, words: true, cell: (item) => element("ul", { class: "codes" }, item.candidates.slice(0, 2).map((candidate) => element("li", {}, link({ view: "branches", subject: candidate.branch.code }, nameOf(candidate.branch, state.lang))))) },
      ...(can ? [{ label: t.proposal, words: true, cell: (item) => button(t.toProposal, () => change({ subject: item.enterprise.code }), { class: "link" }) }] : [])] });
  const { rows } = table.answer().meta;
  return { nodes: [element("p", {}, rows ? t.gapsInAll(count(rows)) : t.noGaps), rows ? table.node : null, tools(context, t.gaps, `${S}/establishment-gaps`, asked)] };
}
