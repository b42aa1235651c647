// Enterprises: the rows behind a figure, and one enterprise by itself.

import { ask } from "./api.js";
import { count } from "./numbers.js";
import { element, link, nameOf, note, plainName, rateView, tools } from "./parts.js";
import * as questions from "./questions.js";
import { change } from "./state.js";
import { dataTable } from "./table.js";

const { S } = questions;
const ROWS = 50;
const OF_REGISTER = ["members_joined", "members_left", "members_admitted"]; // not defined where members are counted by returns
const CHOICES = ["", "organised=true", "organised=false", "eligible=true", "eligible=true&organised=false", "has_members=true", "reached_by_dual=true", "relation=unreached"];
const COUNTS = ["headcount", "members", "full_members", "probationary_members", "members_admitted", "members_dual", "members_floating", "members_under_36", "members_women", "members_college", "members_reported", "members_joined", "members_left"];

/** Names of districts and industries by code, as far as enterprises of the place have them. */
export async function namesOf(state) {
  const asked = { ...questions.moment(state), basis: "registered", fields: "enterprises", limit: 1000 };
  const [districts, industries] = await Promise.all([
    ask(`${S}/districts`, { ...asked, ...(state.district ? { within: state.district } : {}) }), ask(`${S}/industries`, { ...asked, district: state.district })]);
  const found = new Map([...districts.data.map(({ district }) => [district.code, district]), ...industries.data.map(({ industry }) => [`i${industry.code}`, industry])]);
  return {
    district: (code) => (found.has(code) ? nameOf(found.get(code), state.lang) : code ?? ""),
    industry: (code) => (found.has(`i${code}`) ? nameOf(found.get(`i${code}`), state.lang) : code ?? ""),
  };
}

/** How far an enterprise is reached, in one word. */
function reachOf(firm, t) {
  const kind = firm.standalone ? "standalone" : firm.organised ? "organised" : firm.reached_by_dual ? "dual" : firm.work_only ? "work" : "none";
  return element("span", { class: `reach ${kind}` }, t.reached[kind]);
}

export async function enterprises(context) {
  return context.state.subject ? firm(context) : list(context);
}

async function list(context) {
  const { state, t, label, meaning } = context;
  const narrowed = Object.fromEntries(new URLSearchParams(state.rows));
  const asked = { ...questions.scope(state), ...narrowed, fields: ["headcount", "members", "full_members", "members_dual", "member_ratio"] };
  const names = await namesOf(state);
  const counted = (code) => ({ label: label(code), meaning: meaning(code), sort: code, cell: (item) => count(item.counts[code]) });
  const table = await dataTable({
    t, caption: t.enterprises, shown: ROWS, sorted: { column: "members", order: "desc" },
    rows: (paging) => ask(`${S}/enterprises`, { ...asked, ...paging }),
    columns: [
      { label: t.enterprise, sort: "code", cell: (item) => [link({ subject: item.enterprise.code }, nameOf(item.enterprise, state.lang)), element("small", { class: "code" }, item.enterprise.code)] },
      { label: t.reach, words: true, cell: (item) => reachOf(item.enterprise, t) },
      { label: t.district, words: true, cell: (item) => names.district(item.enterprise.district_code) },
      { label: t.industry, words: true, cell: (item) => names.industry(item.enterprise.industry_code) },
      ...["headcount", "members", "full_members", "members_dual"].map(counted),
      { label: label("member_ratio"), meaning: meaning("member_ratio"), sort: "member_ratio", cell: (item) => rateView(item.rates.member_ratio, { t }) }],
  });
  const choice = element("select", { id: "rows", onchange: (event) => change({ rows: event.target.value }) },
    [...CHOICES, ...(CHOICES.includes(state.rows) ? [] : [state.rows])].map((value) => element("option", { value, selected: value === state.rows }, t.rowsOf[value] ?? t.rowsOfBranch(narrowed.branch, t.relations[narrowed.relation]))));
  return { nodes: [
    element("div", { class: "controls inside" }, element("label", {}, `${t.show} `, choice), finder(context, "enterprises")),
    element("p", {}, t.rowsInAll(count(table.answer().meta.rows))), table.node, tools(context, t.enterprises, `${S}/enterprises`, asked)] };
}

/** Finds enterprises or branches by a part of the name or the code, as they are in the register today. */
export function finder({ state, t }, kind) {
  const found = element("ul", { class: "found", id: "found" }), told = element("span", { role: "status", class: "hidden" });
  let turn = 0;
  const search = async (text) => {
    const mine = ++turn;
    const { data } = text ? await ask(`/v1/${kind}`, { q: text, limit: 12 }).catch(() => ({ data: [] })) : { data: [] };
    if (mine !== turn) return;
    found.replaceChildren(...data.map((item) => element("li", {}, link({ subject: item.code }, nameOf(item, state.lang)), " ", element("small", {}, item.code))));
    told.textContent = text ? t.foundNumber(data.length) : "";
  };
  return element("div", { class: "finder" }, element("label", {}, `${t.find[kind]} `, element("input", { type: "search", id: "find", autocomplete: "off", oninput: (event) => search(event.target.value.trim()) })), told, found);
}

/** Words and what they say, in two columns. */
export const facts = (pairs) => element("dl", { class: "facts" }, pairs.filter(([, value]) => value != null && value !== "").map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));

export const yes = (value, t) => (value == null ? t.unknown : value ? t.yes : t.no);

async function firm(context) {
  const { state, t, label, meaning, word } = context, code = encodeURIComponent(state.subject);
  const [{ data, meta }, coverage, returns, past] = await Promise.all([
    ask(`${S}/enterprises/${code}`, { ...questions.moment(state), fields: "all" }),
    ask(`/v1/enterprises/${code}/coverage`, { limit: 100 }).catch(() => ({ data: [] })), ask(`/v1/enterprises/${code}/returns`, { limit: 100 }).catch(() => ({ data: [] })),
    ask(`${S}/trends`, { enterprise: state.subject, fields: ["headcount", "members", "full_members", "members_dual"] }).catch(() => ({ data: [] }))]);
  const { enterprise: one, counts, rates } = data;
  const [district, industry, branches] = await Promise.all([
    one.district_code ? ask(`/v1/districts/${one.district_code}`).then((got) => got.data).catch(() => null) : null,
    one.industry_code ? ask(`/v1/industries/${one.industry_code}`).then((got) => got.data).catch(() => null) : null,
    Promise.all([...new Set(coverage.data.map((item) => item.branch_code).filter(Boolean))].map((branch) => ask(`/v1/branches/${encodeURIComponent(branch)}`).then((got) => [branch, got.data]).catch(() => [branch, { name: branch }]))).then((found) => new Map(found))]);
  const small = (caption, rows, columns) => dataTable({ t, caption, rows, columns, shown: rows.length });
  const shown = ["member_ratio", "young_member_share", "women_share", "college_share", "dual_affiliation_share"].filter((name) => rates[name]?.value != null);
  return { nodes: [
    element("p", {}, link({ subject: "" }, t.backToList)),
    element("h3", { class: "subject" }, nameOf(one, state.lang), " ", reachOf(one, t)),
    facts([[t.code, one.code], [t.district, district && link({ view: "overview", district: one.district_code, subject: "" }, nameOf(district, state.lang))], [t.industry, industry && `${industry.code} ${plainName(industry, state.lang)}`],
      [t.kind, word("enterprise_kind", one.kind)], [t.sector, word("sector", one.sector)], [t.ownership, word("ownership", one.ownership)], [t.size, word("size_class", one.size_class)],
      [t.registeredOn, one.registered_on], [t.closedOn, one.closed_on], [t.reportedOn, one.reported_on ?? t.never], [t.operating, yes(one.operating, t)],
      [t.mustEstablish, one.eligible && !one.organised ? [t.yes, " ", link({ view: "establish", subject: one.code }, t.toGap)] : yes(one.eligible, t)], [t.activity, one.organised ? yes(one.effectively_organised, t) : null]]),
    element("h3", {}, t.coverage), coverage.data.length ? (await small(t.coverage, coverage.data, [
      { label: t.means, cell: (item) => t.meansOf[item.means] ?? item.means },
      { label: t.branch, words: true, cell: (item) => (item.branch_code ? link({ view: "branches", subject: item.branch_code }, nameOf(branches.get(item.branch_code), state.lang)) : "–") },
      { label: t.from, by: (item) => item.start_on, cell: (item) => item.start_on }, { label: t.to, by: (item) => item.end_on, cell: (item) => item.end_on ?? t.today }])).node : note(t.noCoverage),
    element("h3", {}, t.memberCounts),
    facts(COUNTS.map((name) => [label(name), counts[name] != null ? count(counts[name]) : meta.member_source === "returns" && OF_REGISTER.includes(name) ? t.not_applicable : t.unknown])),
    shown.length ? facts(shown.map((name) => [element("span", { title: meaning(name) }, label(name)), rateView(rates[name], { t, meta, code: name, drawn: true })])) : null,
    past.data.length > 1 ? [element("h3", {}, t.trends), (await small(t.trends, past.data, [
      { label: t.date, by: (item) => item.as_of, cell: (item) => item.as_of }, { label: t.reach, words: true, cell: (item) => reachOf(item.enterprise, t) },
      ...["headcount", "members", "full_members", "members_dual"].map((name) => ({ label: label(name), by: (item) => item.counts[name], cell: (item) => count(item.counts[name]) }))])).node] : null,
    returns.data.length ? [element("h3", {}, t.returns_), (await small(t.returns_, returns.data, [
      { label: t.reportedOn, by: (item) => item.reported_on, cell: (item) => item.reported_on }, ...[["headcount", label("headcount")], ["members", label("members_reported")], ["full_members", label("full_members")]].map(([name, text]) => ({ label: text, by: (item) => item[name], cell: (item) => count(item[name]) })),
      { label: t.operating, words: true, cell: (item) => yes(item.operating, t) }])).node] : null] };
}
