// Analyses of a place: industries with too few members, trends, what dual affiliation adds.

import { ask, Refused } from "./api.js";
import { funnel, keys, markOf, trend } from "./charts.js";
import { count, isRounded, isWeak, percent, persons, points, range, small } from "./numbers.js";
import { element, folded, legend, link, nameOf, note, plainName, rateView, tools } from "./parts.js";
import * as questions from "./questions.js";
import { shortIndustry } from "./sentence.js";
import { change } from "./state.js";
import { dataTable } from "./table.js";

const { S, WHY } = questions;
const TREND = ["organisation_coverage", "organisation_coverage_with_dual", "work_coverage"];
const TREND_PUBLIC = ["organisation_coverage", "standalone_rate", "member_ratio"];
const NAMED_FOUNDINGS = 5;
const OPEN_ROWS = 8;

const given = (rates, codes) => codes.filter((code) => rates[code] && rates[code].status !== "protected");

export async function low(context) {
  const { state, t, label, meaning } = context;
  const asked = questions.lowQuery(state), found = await questions.low(state), { meta } = found;
  if (found.data.length === 0) return null;
  const subject = (item) => item.industry ?? item.industry_group;
  const short = (item) => (state.industries === "group" ? plainName(subject(item), state.lang) : shortIndustry(plainName(subject(item), state.lang)));
  const points_ = found.data.filter((item) => item.n_eff > 0 && item.ratio != null && item.limit_95_low != null).map((item) => ({
    x: item.n_eff, y: item.ratio, name: short(item), class: item.class, weak: isWeak(item.rates.member_ratio ?? { status: item.n_eff < 30 ? "low_base" : "ok" }),
    limits: [item.limit_95_low, item.limit_95_high, item.limit_998_low, item.limit_998_high] }));
  const centre = found.total?.rates.member_ratio.value ?? 0;
  const rounded = isRounded(meta) ? "≈" : "", why = given(found.data[0].rates, WHY);
  const classOf = (item) => t.classes[item.class];
  const column = (name, text, cell, meant) => ({ label: text, meaning: meant, sort: name, cell });
  const table = await dataTable({
    t, caption: t.low, shown: 30, row: (item) => ({ class: `is-${item.class}` }), sorted: null,
    columns: [
      { label: t.name, sort: "code", cell: (item) => nameOf(subject(item), state.lang) },
      column("class", t.class, (item) => element("span", { class: "class" }, markOf(item.class), classOf(item)), t.classMeaning),
      column("ratio", t.ratio, (item) => [element("b", { class: item.n_eff < 30 ? "weak" : null }, rounded, percent(item.ratio)), " ", element("small", {}, `${persons(item.counts.members, meta)}/${persons(item.counts.headcount, meta)}`)], t.ratioMeaning),
      column("reference_ratio", t.reference, (item) => percent(item.reference_ratio), t.referenceMeaning),
      column("shortfall", t.shortfall, (item) => (item.shortfall == null ? "–" : `${item.shortfall ? "≈" : ""}${count(item.shortfall)}`), t.shortfallMeaning),
      column("q_margin", t.q, (item) => small(item.q_margin ?? item.q), t.qMeaning),
      ...why.map((code) => ({ label: label(code), meaning: meaning(code), sort: code, aside: true, cell: (item) => rateView(item.rates[code], { t, meta }) }))],
    rows: (paging) => ask(`${S}/low-membership`, { ...asked, ...paging, limit: asked.limit }),
  });
  const chooser = element("label", {}, `${t.industries} `, element("select", { id: "industries", onchange: (event) => change({ industries: event.target.value }) },
    ["section", "division", "group"].map((code) => element("option", { value: code, selected: code === state.industries }, t[code]))));
  return { nodes: [
    element("p", { class: "chooser" }, chooser),
    points_.length ? [note(t.funnelSays), funnel(points_, { centre, t }), element("ul", { class: "marks" }, ["low", "lower", "higher", "not_different"].map((name) => element("li", {}, markOf(name), t.classes[name])), element("li", { class: "line-key inner" }, t.limit95), element("li", { class: "line-key outer" }, t.limit998))] : null,
    table.node, legend(found.data.flatMap((item) => why.map((code) => item.rates[code])), t),
    note(t.lowNote, rounded ? t.lowRounded : "", /^industry/.test(state.filter) ? t.unfiltered : ""),
    tools(context, t.low, `${S}/low-membership`, { ...asked, limit: "" })] };
}

// The joint organisations that take dual affiliation, where the nearest to a district are, the first founded first;
// none where there are so many that the day of one says nothing.
async function founded(path) {
  for (const district of path.length ? path.map((item) => item.code).reverse() : [""]) {
    try {
      const { data } = await ask(`${S}/branches`, { district, form: "joint", limit: 1000, fields: "affiliations" });
      const joint = data.map((item) => item.branch).filter((branch) => branch.dual_affiliation);
      const inside = new Set(joint.map((branch) => branch.code));
      const heads = joint.filter((branch) => branch.established_on && !inside.has(branch.parent_code));
      if (heads.length > NAMED_FOUNDINGS) return [];
      if (heads.length) return heads.sort((a, b) => (a.established_on < b.established_on ? -1 : 1));
    } catch (error) {
      if (error instanceof Refused) return [];
      throw error;
    }
  }
  return [];
}

export async function trends(context) {
  const { state, t, label, meaning, exact } = context;
  const asked = questions.trendsQuery(state);
  const [found, joint] = await Promise.all([questions.trends(state), exact ? context.path.then(founded) : []]);
  if (found.data.length === 0) return null;
  const { meta } = found, codes = given(found.data.at(-1).rates, exact ? TREND : TREND_PUBLIC);
  const days = found.data.map((point) => point.as_of), [first] = joint;
  const series = codes.map((code) => ({ label: label(code), rates: found.data.map((point) => point.rates[code]) }));
  return { nodes: [
    note(t.trendSays), keys(series),
    trend(days, series, { chosen: context.day, lang: state.lang, marked: first && { day: first.established_on, text: `${first.established_on} ${t.founded}` } }),
    joint.length ? element("ul", { class: "strip note" }, joint.map((branch) => element("li", {}, `${branch.established_on} ${t.founded}${t.colon}`, link({ view: "branches", subject: branch.code }, nameOf(branch, state.lang))))) : null,
    folded(t.asTable, (await trendTable(context, found, codes, meta, meaning, label)).node, found.data.length <= OPEN_ROWS),
    legend(found.data.flatMap((point) => codes.map((code) => point.rates[code])), t),
    tools(context, t.trends, `${S}/trends`, asked)] };
}

function trendTable({ t, day }, found, codes, meta, meaning, label) {
  return dataTable({
    t, caption: t.trends, rows: found.data, shown: found.data.length, row: (point) => (point.as_of === day ? { "aria-current": "date" } : {}),
    columns: [{ label: t.date, by: (point) => point.as_of, cell: (point) => point.as_of },
      ...codes.map((code) => ({ label: label(code), meaning: meaning(code), by: (point) => point.rates[code].value, cell: (point) => [
        rateView(point.rates[code], { t, meta, code }), " ",
        element("small", { class: "change" }, point.change?.rates[code] == null ? "" : points(point.change.rates[code]))] })),
      { label: t.breaks, words: true, cell: (point) => point.breaks.map((code) => t.broken[code] ?? code).join(t.comma) }],
  });
}

export async function dual(context) {
  const { state, t, label, meaning } = context;
  const asked = { ...questions.scope(state), basis: "" };
  for (const name of ["sector", "enterprise_kind", "ownership", "size_class"]) delete asked[name];
  const { data, meta } = await ask(`${S}/dual-affiliation`, asked);
  const table = await dataTable({ t, caption: t.dual, rows: ["organisation_coverage", "work_coverage"], columns: [
    { label: t.name, cell: (code) => element("span", { title: meaning(code) }, label(code)) },
    ...["without_dual", "with_dual"].map((name) => ({ label: t[name], cell: (code) => rateView(data.uplift[code][name], { t, meta, drawn: true }) }))] });
  const joint = await dataTable({ t, caption: t.joint, rows: [...data.joint_branches].sort((a, b) => b.members - a.members), columns: [
    { label: t.name, by: (item) => item.joint_branch.name, cell: (item) => link({ view: "branches", subject: item.joint_branch.code }, nameOf(item.joint_branch, state.lang)) },
    { label: label("members"), by: (item) => item.members, cell: (item) => count(item.members) }] });
  const reach = data.uplift.dual_reach;
  return { nodes: [
    element("ul", { class: "strip" },
      element("li", {}, `${t.joint} `, element("b", {}, meta.member_source === "returns" && data.members === 0 ? t.registerOnly : count(data.members))),
      element("li", {}, `${label("dual_reach")} `, rateView(reach, { t, meta, drawn: true }), element("small", {}, ` ${range(reach)}`)),
      element("li", {}, `${t.unreached} `, element("b", {}, count(data.uplift.members_unreached)), " ", link({ view: "enterprises", rows: "relation=unreached", subject: "" }, t.behind.dual_reach))),
    table.node, data.joint_branches.length ? folded(t.jointBranches(data.joint_branches.length), joint.node) : null,
    /^(industry|$)/.test(state.filter) ? null : note(t.unfiltered),
    tools(context, t.dual, `${S}/dual-affiliation`, asked)] };
}
