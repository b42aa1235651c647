// Branches: all of a place, and one by itself, with where its members work and what it covers.

import { ask } from "./api.js";
import { count } from "./numbers.js";
import { element, link, nameOf, note, rateView, tools } from "./parts.js";
import { facts, finder, namesOf, yes } from "./firms.js";
import * as questions from "./questions.js";
import { dataTable } from "./table.js";

const { S } = questions;
const ROWS = 50;
const LIST = ["members_participating", "members_primary", "members_dual", "enterprises_covered", "enterprises_participating", "meetings"];
const OWN = ["members_primary", "members_participating", "affiliations", "full_members", "probationary_members", "members_dual", "members_floating", "members_under_36", "members_women", "members_college", "enterprises_covered", "enterprises_participating", "meetings", "attendances", "branches", "branches_active"];

const named = (branch, context) => [link({ view: "branches", subject: branch.code }, nameOf(branch, context.state.lang)), element("small", { class: "code" }, branch.code)];

export async function branches(context) {
  return context.state.subject ? branch(context) : list(context);
}

const kindOf = (branch, { word, t }) => [word("kind", branch.kind), branch.form && word("form", branch.form), branch.dual_affiliation && t.dualBranch].filter(Boolean).join(" · ");

function columns(context, names) {
  const { t, label, meaning } = context;
  return [
    { label: t.branch, sort: "code", cell: (item) => named(item.branch, context) },
    { label: t.kind, words: true, cell: (item) => kindOf(item.branch, context) },
    { label: t.district, words: true, cell: (item) => names.district(item.branch.district_code) },
    { label: t.establishedOn, words: true, cell: (item) => item.branch.established_on ?? "–" },
    ...LIST.map((code) => ({ label: label(code), meaning: meaning(code), sort: code, cell: (item) => count(item.subtree.counts[code]) }))];
}

async function list(context) {
  const { state, t } = context, asked = { district: state.district, ...questions.moment(state), fields: LIST };
  const names = await namesOf(state);
  const table = await dataTable({ t, caption: t.branches, shown: ROWS, sorted: { column: "members_participating", order: "desc" }, columns: columns(context, names), rows: (paging) => ask(`${S}/branches`, { ...asked, ...paging }) });
  return { nodes: [element("div", { class: "controls inside" }, finder(context, "branches")), note(t.subtreeSays), element("p", {}, t.rowsInAll(count(table.answer().meta.rows))), table.node, tools(context, t.branches, `${S}/branches`, asked)] };
}

async function branch(context) {
  const { state, t, label, meaning } = context, code = encodeURIComponent(state.subject), when = questions.moment(state);
  const [{ data, meta }, below, past] = await Promise.all([
    ask(`${S}/branches/${code}`, { ...when, fields: "all" }), ask(`${S}/branches`, { ...when, parent: state.subject, fields: LIST, limit: 1 }),
    ask(`${S}/trends`, { branch: state.subject, fields: ["members_participating", "enterprises_covered", "enterprises_participating"] }).catch(() => ({ data: [] }))]);
  const { branch: one, own, subtree } = data, dual = subtree.counts.enterprises_participating > 0;
  const parent = one.parent_code && await ask(`${S}/branches/${encodeURIComponent(one.parent_code)}`, { ...when, fields: "affiliations" }).then((got) => got.data.branch).catch(() => null);
  const names = await namesOf({ ...state, district: "" });
  const rates = ["young_member_share", "women_share", "college_share", "dual_affiliation_share", "active_branch_share"].filter((name) => subtree.rates[name]?.value != null);
  const table = await dataTable({ t, caption: t.branchFigures, rows: OWN.filter((name) => own.counts[name] != null || subtree.counts[name] != null), shown: OWN.length, columns: [
    { label: t.name, cell: (name) => element("span", { title: meaning(name) }, label(name)) }, { label: t.own, cell: (name) => count(own.counts[name]) }, { label: t.withBelow, cell: (name) => count(subtree.counts[name]) }] });
  return { nodes: [
    element("p", {}, link({ subject: "" }, t.backToList)),
    element("h3", { class: "subject" }, nameOf(one, state.lang)),
    facts([[t.code, one.code], [t.kind, kindOf(one, context)], [t.district, names.district(one.district_code)], [t.establishedOn, one.established_on],
      [t.parentBranch, parent && link({ view: "branches", subject: parent.code }, nameOf(parent, state.lang))], [t.takesDual, yes(one.dual_affiliation, t)],
      [t.covers, subtree.counts.enterprises_covered ? link({ view: "enterprises", subject: "", rows: `branch=${one.code}&relation=covered` }, t.enterprisesOf(count(subtree.counts.enterprises_covered))) : null],
      [t.membersFrom, dual ? link({ view: "enterprises", subject: "", rows: `branch=${one.code}&relation=participating` }, t.enterprisesOf(count(subtree.counts.enterprises_participating))) : null]]),
    table.node, rates.length ? facts(rates.map((name) => [element("span", { title: meaning(name) }, label(name)), rateView(subtree.rates[name], { t, meta, drawn: true })])) : null,
    dual ? [element("h3", {}, t.workplaces), ...await workplaces(context, code, when)] : null,
    below.meta.rows ? [element("h3", {}, t.branchesBelow), (await dataTable({ t, caption: t.branchesBelow, sorted: { column: "members_participating", order: "desc" }, columns: columns(context, names), rows: (paging) => ask(`${S}/branches`, { ...when, parent: state.subject, fields: LIST, ...paging }) })).node] : null,
    past.data.length > 1 ? [element("h3", {}, t.trends), (await dataTable({ t, caption: t.trends, rows: past.data, shown: past.data.length, columns: [
      { label: t.date, by: (item) => item.as_of, cell: (item) => item.as_of },
      ...["members_participating", "enterprises_covered", "enterprises_participating"].map((name) => ({ label: label(name), by: (item) => item.subtree.counts[name], cell: (item) => count(item.subtree.counts[name]) }))] })).node] : null] };
}

/** Where those work who take part in a branch. */
async function workplaces(context, code, when) {
  const { state, t, label } = context, path = `${S}/branches/${code}/workplaces`;
  const table = await dataTable({ t, caption: t.workplaces, sorted: { column: "members", order: "desc" }, rows: (paging) => ask(path, { ...when, ...paging }),
    foot: (answer) => (answer.next_cursor ? [] : [["elsewhere", t.elsewhere], ["no_employer", t.noEmployer]].filter(([name]) => answer[name]).map(([name, text]) => ({ text, members: answer[name] }))),
    columns: [
      { label: t.enterprise, sort: "code", cell: (item) => item.text ?? [link({ view: "enterprises", subject: item.enterprise.code }, nameOf(item.enterprise, state.lang)), element("small", { class: "code" }, item.enterprise.code)] },
      { label: label("members"), sort: "members", cell: (item) => count(item.members) },
      { label: t.withoutDual, sort: "members_without_dual", cell: (item) => (item.text ? "" : count(item.members_without_dual)) }] });
  return [table.node, tools(context, t.workplaces, path, when)];
}
