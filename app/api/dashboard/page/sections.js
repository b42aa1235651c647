// The sections of the page: each asks the API, and returns what it shows.

import { ask, Refused } from "./api.js";
import { bars, funnel, lines } from "./charts.js";
import { count, element, folded, percent, persons, rateCell, rateHints, rateText, refusal, row, table, textCell, textHead, tools } from "./parts.js";
import { filterOf } from "./state.js";

const S = "/v1/statistics";
const HEADLINE_COUNTS = ["enterprises", "members", "headcount"];
const HEADLINE_RATES = ["member_ratio", "organisation_coverage", "organisation_coverage_with_dual", "work_coverage", "dual_reach", "young_member_share"];
const COVERAGES = ["organisation_coverage", "organisation_coverage_with_dual", "work_coverage"];
const COVERAGES_PUBLIC = ["organisation_coverage", "standalone_rate"];
const BASES = ["organisation_coverage", "work_coverage", "member_ratio"];
const WHY = ["work_coverage", "member_presence", "young_member_share", "dual_reach"];
const CHILDREN = ["enterprises", "members", "member_ratio", ...new Set([...COVERAGES, ...COVERAGES_PUBLIC])];
const TREND = ["organisation_coverage", "organisation_coverage_with_dual", "work_coverage", "dual_reach"];
const SHOWN_ROWS = 20;
const SHOWN_NAMES = 5;
const SHORT = { zh: 20, en: 45 };

const nameOf = (subject, lang) => (lang === "en" && subject.name_en) || subject.name_zh || subject.name;
const moment = (state) => ({ as_of: state.as_of });
const scope = (state) => ({ district: state.district, basis: state.basis, ...filterOf(state), ...moment(state) });
const small = (value) => (value == null ? "–" : value < 0.0001 ? "< 0.0001" : value.toFixed(4));
const given = (rates, codes) => codes.filter((code) => rates[code].status !== "protected");

export async function headline({ state, t, label, meaning }) {
  const path = state.district ? `${S}/districts/${encodeURIComponent(state.district)}` : `${S}/districts`;
  const query = { ...scope(state), district: "", ...(state.district ? {} : { level: "province", limit: 1 }), fields: [...HEADLINE_COUNTS, ...HEADLINE_RATES] };
  const found = await ask(path, query);
  const { counts, rates } = state.district ? found.data : found.total;
  const card = (code, value, hints = []) => {
    const short = meaning(code).length <= SHORT[state.lang];
    return element("li", short ? {} : { tabindex: 0 },
      element("span", { class: "label" }, label(code)),
      element("span", { class: value === t.protected ? "value word" : "value" }, value),
      element("span", { class: "hint" }, [...hints, short ? meaning(code) : ""].map((hint) => element("span", {}, hint))),
      short ? null : element("span", { class: "meaning" }, meaning(code)));
  };
  return {
    meta: found.meta,
    nodes: [
      element("ul", { class: "cards" },
        HEADLINE_COUNTS.map((code) => card(code, counts[code] == null ? t.protected : code === "enterprises" ? count(counts[code]) : persons(counts[code], found.meta)))),
      element("ul", { class: "cards" },
        HEADLINE_RATES.map((code) => card(code, rateText(rates[code], t), rateHints(rates[code], t)))),
      tools(t, path, query, [])],
  };
}

export async function children({ state, t, label, head, go }) {
  const query = { ...(state.district ? { parent: state.district } : { level: "province" }), ...scope(state), district: "", limit: 200, fields: CHILDREN };
  const found = await ask(`${S}/districts`, query);
  if (found.data.length === 0) return { nodes: [element("p", {}, t.empty)] };
  const codes = given(found.total.rates, COVERAGES).length > 1 ? COVERAGES : COVERAGES_PUBLIC;
  const named = (item) => nameOf(item.district, state.lang);
  const rows = found.data.map((item) => row(
    element("button", { type: "button", class: "link", onclick: () => go(item.district.code) }, named(item)),
    [count(item.counts.enterprises), persons(item.counts.members, found.meta), ...[...codes, "member_ratio"].map((code) => rateCell(item.rates[code], t))]));
  const foot = [row(t.total, [count(found.total.counts.enterprises), persons(found.total.counts.members, found.meta),
    ...[...codes, "member_ratio"].map((code) => rateCell(found.total.rates[code], t))], { class: "total" })];
  if (found.unallocated) foot.push(row(found.meta.disclosure.policy === "none" ? t.unallocated : t.coarser, [count(found.unallocated.counts.enterprises), persons(found.unallocated.counts.members, found.meta), ...codes.map(() => ""), ""], { class: "total" }));
  const series = codes.map((code) => ({ label: label(code), values: found.data.map((item) => item.rates[code].value) }));
  return { nodes: [
    element("p", { class: "note" }, t.sub),
    bars("children", found.data.map(named), series, (place) => go(found.data[place].district.code)),
    table(t.children, [t.name, ...["enterprises", "members", ...codes, "member_ratio"].map(head)], [...rows, ...foot]),
    tools(t, `${S}/districts`, { ...query, limit: "" })] };
}

export async function bases({ state, t, label, meaning, head }) {
  const query = { ...scope(state), basis: "", by: "basis", fields: ["enterprises", ...BASES] };
  const found = await ask(`${S}/breakdown`, query);
  const rows = found.data.map((item) => row(element("span", { title: meaning(item.basis) }, label(item.basis)),
    [count(item.counts.enterprises), ...BASES.map((code) => rateCell(item.rates[code], t))], item.basis === state.basis ? { "aria-current": "true" } : {}));
  return { nodes: [table(t.bases, [t.basis, ...["enterprises", ...BASES].map(head)], rows), tools(t, `${S}/breakdown`, query)] };
}

export async function low({ state, t, head }) {
  const by = state.industries === "group" ? "industry_group" : state.industries;
  const query = { district: state.district, basis: state.basis, ...moment(state), by, limit: 200, fields: ["members", "headcount", ...WHY] };
  const found = await ask(`${S}/low-membership`, query);
  if (found.data.length === 0) return { nodes: [element("p", {}, t.empty)] };
  const named = (item) => nameOf(item.industry || item.industry_group, state.lang);
  const points = found.data.filter((item) => item.n_eff > 0 && item.ratio != null)
    .map((item) => ({ x: item.n_eff, y: item.ratio, name: named(item), class: item.class, item }));
  const inOrder = [...points].sort((a, b) => a.x - b.x);
  const limits = {
    inner: inOrder.flatMap(({ x, item }) => [{ x, y: item.limit_95_high }]).concat([{ x: NaN, y: NaN }], inOrder.map(({ x, item }) => ({ x, y: item.limit_95_low }))),
    outer: inOrder.flatMap(({ x, item }) => [{ x, y: item.limit_998_high }]).concat([{ x: NaN, y: NaN }], inOrder.map(({ x, item }) => ({ x, y: item.limit_998_low }))),
  };
  const classText = (name) => t[`${name}_class`] || t[name] || name;
  const why = given(found.data[0].rates, WHY);
  const rows = found.data.map((item) => row(named(item), [
    classText(item.class), persons(item.counts.members, found.meta), persons(item.counts.headcount, found.meta), percent(item.ratio),
    percent(item.reference_ratio), small(item.q), count(item.shortfall), ...why.map((code) => rateCell(item.rates[code], t, { bar: false })),
  ], { class: item.class === "low" ? "low" : null }));
  return { nodes: [
    points.length ? funnel("low", points, limits, t) : "",
    table(t.low, [t.name, t.class, head("members"), head("headcount"), t.ratio, t.reference, t.q, t.shortfall, ...why.map(head)], rows),
    element("p", { class: "note" }, t.lowNote, found.meta.disclosure.policy === "none" ? "" : t.lowRounded, state.filter ? t.unfiltered : ""), tools(t, `${S}/low-membership`, { ...query, limit: "" })] };
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
      if (heads.length > SHOWN_NAMES) return [];
      if (heads.length) return heads.sort((a, b) => (a.established_on < b.established_on ? -1 : 1));
    } catch (error) {
      if (error instanceof Refused) return [];
      throw error;
    }
  }
  return [];
}

export async function trends({ state, t, label, head, path }) {
  const query = { ...scope(state), as_of: "", fields: [...TREND, "member_ratio"] };
  const [found, joint] = await Promise.all([ask(`${S}/trends`, query), path.then(founded)]);
  if (found.data.length === 0) return { nodes: [element("p", {}, t.empty)] };
  const last = found.data[found.data.length - 1].rates;
  const codes = [...given(last, TREND), ...(last.dual_reach.status === "protected" ? ["member_ratio"] : [])];
  const days = found.data.map((point) => point.as_of);
  const series = codes.map((code) => ({ label: label(code), values: found.data.map((point) => point.rates[code].value) }));
  const rows = found.data.map((point) => row(point.as_of, [...codes.map((code) => rateCell(point.rates[code], t)), point.breaks.map((code) => t.broken[code] ?? code).join(t.comma)]));
  return { nodes: [
    lines("trends", days, series, joint.length ? { day: joint[0].established_on, text: `${t.founded} ${joint[0].established_on}` } : null),
    joint.length ? element("ul", { class: "strip note" }, joint.map((branch) => element("li", {}, `${branch.established_on} ${t.founded}${t.colon}${branch.name}`))) : "",
    folded(t.asTable, table(t.trends, [t.date, ...codes.map(head), t.breaks], rows)), tools(t, `${S}/trends`, query)] };
}

export async function dual({ state, t, label }) {
  const query = { ...scope(state), basis: "", sector: "" };
  const { data, meta } = await ask(`${S}/dual-affiliation`, query);
  const names = ["organisation_coverage", "work_coverage"];
  const rows = names.map((name) => row(label(name), [rateCell(data.uplift[name].without_dual, t), rateCell(data.uplift[name].with_dual, t)]));
  const joint = [...data.joint_branches].sort((a, b) => b.members - a.members).slice(0, SHOWN_ROWS);
  return { nodes: [
    element("ul", { class: "strip" },
      element("li", {}, `${t.joint} `, element("b", {}, meta.member_source === "returns" && data.members === 0 ? t.registerOnly : count(data.members))),
      element("li", {}, `${t.reach} `, element("b", {}, rateText(data.uplift.dual_reach, t))),
      element("li", {}, `${t.unreached} `, element("b", {}, count(data.uplift.members_unreached)))),
    table(t.dual, [t.name, t.without, t.given], rows),
    joint.length ? folded(t.joint, element("div", {},
      data.joint_branches.length > SHOWN_ROWS ? element("p", { class: "note" }, t.more(count(data.joint_branches.length), SHOWN_ROWS)) : "",
      table(t.joint, [t.name, t.members], joint.map((item) => row(item.joint_branch.name, [count(item.members)]))))) : "",
    filterOf(state).sector ? element("p", { class: "note" }, t.unfiltered) : "",
    tools(t, `${S}/dual-affiliation`, query)] };
}

export async function gaps({ state, t }) {
  const query = { ...scope(state), sort: "full_members", order: "desc", limit: SHOWN_ROWS, fields: "full_members" };
  const found = await ask(`${S}/establishment-gaps`, query);
  if (found.data.length === 0) return { nodes: [element("p", {}, t.empty)] };
  const rows = found.data.map((item) => row(item.enterprise.name, [
    count(item.counts.full_members), item.gap_since, textCell(item.means.map((code) => t[code] ?? code).join(t.comma)),
    textCell(item.candidates.slice(0, 2).map((candidate) => candidate.branch.name).join(t.semicolon)),
  ]));
  return { nodes: [
    found.meta.rows > SHOWN_ROWS ? element("p", { class: "note" }, t.more(count(found.meta.rows), SHOWN_ROWS)) : "",
    table(t.gaps, [t.enterprise, t.full, t.since, textHead(t.means), textHead(t.candidates)], rows), tools(t, `${S}/establishment-gaps`, { ...query, limit: "" })] };
}

export async function quality({ state, t }) {
  const query = { district: state.district, industry: filterOf(state).industry, ...moment(state) };
  const found = await ask(`${S}/data-quality`, query);
  const subjects = element("div", { "aria-live": "polite" });
  const named = (item) => (state.lang === "zh" ? item.label_zh : item.label_en);
  const items = found.data.filter((item) => item.number !== 0).map((item) => element("li", {},
    item.number && item.about !== "member"
      ? element("button", { type: "button", class: "link", onclick: () => listed(subjects, t, { ...query, rule: item.rule }, named(item)) }, named(item))
      : named(item),
    " ", element("b", {}, item.number == null ? t.not_applicable : count(item.number))));
  return { nodes: [
    element("ul", { class: "strip" }, element("li", {}, `${t.reporting} `, element("b", {}, rateText(found.reporting_rate, t))), items),
    filterOf(state).industry_group || filterOf(state).sector ? element("p", { class: "note" }, t.unfiltered) : "", subjects, tools(t, `${S}/data-quality`, query)] };
}

// Shows what one rule finds.
async function listed(place, t, query, name) {
  try {
    const { data, meta } = await ask(`${S}/data-quality`, { ...query, limit: SHOWN_ROWS });
    place.replaceChildren(
      table(name, [t.name, textHead(t.code), t.value],
        data.map(({ subject }) => row(subject.name, [textCell(subject.code), count(subject.value)]))),
      meta.rows > SHOWN_ROWS ? element("p", { class: "note" }, t.more(count(meta.rows), SHOWN_ROWS)) : "",
      tools(t, `${S}/data-quality`, query));
  } catch (problem) {
    place.replaceChildren(refusal(problem, t));
  }
}
