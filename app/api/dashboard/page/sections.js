// The sections of the page: each asks the API, and returns what it shows.

import { ask, address } from "./api.js";
import { bars, funnel, lines } from "./charts.js";
import { count, element, percent, rateCell, rateHints, rateText, refusal, row, table, tools, withTable } from "./parts.js";
import { currentKey } from "./state.js";

const S = "/v1/statistics";
const HEADLINE_COUNTS = ["enterprises", "members", "headcount"];
const HEADLINE_RATES = ["member_ratio", "organisation_coverage", "organisation_coverage_with_dual", "work_coverage", "dual_reach", "young_member_share"];
const COVERAGES = ["organisation_coverage", "organisation_coverage_with_dual", "work_coverage"];
const COVERAGES_PUBLIC = ["organisation_coverage", "standalone_rate"];
const TREND = ["organisation_coverage", "organisation_coverage_with_dual", "work_coverage", "dual_reach"];
const SHOWN_ROWS = 20;
const SHORT = { zh: 20, en: 45 };

const nameOf = (subject, lang) => (lang === "en" && subject.name_en) || subject.name_zh || subject.name;
const moment = (state) => ({ as_of: state.as_of });
const scope = (state) => ({ district: state.district, basis: state.basis, ...moment(state) });
const small = (value) => (value == null ? "–" : value < 0.0001 ? "< 0.0001" : value.toFixed(4));
const given = (rates, codes) => codes.filter((code) => rates[code].status !== "protected");

export async function headline({ state, t, label, meaning }) {
  const path = state.district ? `${S}/districts/${encodeURIComponent(state.district)}` : `${S}/industries`;
  const query = state.district ? { basis: state.basis, ...moment(state) } : { level: "section", limit: 1, basis: state.basis, ...moment(state) };
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
        HEADLINE_COUNTS.map((code) => card(code, counts[code] == null ? t.protected : count(counts[code])))),
      element("ul", { class: "cards" },
        HEADLINE_RATES.map((code) => card(code, rateText(rates[code], t), rateHints(rates[code], t)))),
      element("p", { class: "tools" }, element("a", { href: address(path, query) }, t.asked))],
  };
}

export async function children({ state, t, label, go }) {
  const query = { ...(state.district ? { parent: state.district } : { level: "province" }), basis: state.basis, ...moment(state), limit: 200 };
  const found = await ask(`${S}/districts`, query);
  if (found.data.length === 0) return { nodes: [element("p", {}, t.empty)] };
  const codes = given(found.total.rates, COVERAGES).length > 1 ? COVERAGES : COVERAGES_PUBLIC;
  const named = (item) => nameOf(item.district, state.lang);
  const rows = found.data.map((item) => row(
    element("button", { type: "button", class: "link", onclick: () => go(item.district.code) }, named(item)),
    [count(item.counts.enterprises), count(item.counts.members), ...[...codes, "member_ratio"].map((code) => rateCell(item.rates[code], t))]));
  const foot = [row(t.total, [count(found.total.counts.enterprises), count(found.total.counts.members),
    ...[...codes, "member_ratio"].map((code) => rateCell(found.total.rates[code], t))], { class: "total" })];
  if (found.unallocated) foot.push(row(t.unallocated, [count(found.unallocated.counts.enterprises), count(found.unallocated.counts.members), ...codes.map(() => ""), ""], { class: "total" }));
  const series = codes.map((code) => ({ label: label(code), values: found.data.map((item) => item.rates[code].value) }));
  return { nodes: [
    element("p", { class: "note" }, t.sub),
    bars("children", found.data.map(named), series),
    table(t.children, [t.name, label("enterprises"), label("members"), ...codes.map(label), label("member_ratio")], [...rows, ...foot]),
    tools(t, `${S}/districts`, { ...query, limit: "" })] };
}

export async function bases({ state, t, label, meaning }) {
  const query = { district: state.district, ...moment(state) };
  const found = await ask(`${S}/bases`, query);
  const codes = ["organisation_coverage", "work_coverage", "member_ratio"];
  const rows = found.data.map((item) => row(element("span", { title: meaning(item.basis) }, label(item.basis)),
    [count(item.counts.enterprises), ...codes.map((code) => rateCell(item.rates[code], t))], item.basis === state.basis ? { "aria-current": "true" } : {}));
  return { nodes: [table(t.bases, [t.basis, label("enterprises"), ...codes.map(label)], rows), tools(t, `${S}/bases`, query)] };
}

export async function low({ state, t, label }) {
  const chosen = state.industries === "group" ? { by: "industry_group" } : { industry_level: state.industries };
  const query = { ...scope(state), ...chosen, limit: 200 };
  const found = await ask(`${S}/low-membership`, query);
  if (found.data.length === 0) return { nodes: [element("p", {}, t.empty)] };
  const named = (item) => nameOf(item.industry || item.industry_group, state.lang);
  const points = found.data.filter((item) => item.n_eff > 0 && item.ratio != null)
    .map((item) => ({ x: item.n_eff, y: item.ratio, name: named(item), class: item.class, item }));
  const by = [...points].sort((a, b) => a.x - b.x);
  const limits = {
    inner: by.flatMap(({ x, item }) => [{ x, y: item.limit_95_high }]).concat([{ x: NaN, y: NaN }], by.map(({ x, item }) => ({ x, y: item.limit_95_low }))),
    outer: by.flatMap(({ x, item }) => [{ x, y: item.limit_998_high }]).concat([{ x: NaN, y: NaN }], by.map(({ x, item }) => ({ x, y: item.limit_998_low }))),
  };
  const classText = (name) => t[`${name}_class`] || t[name] || name;
  const why = given(found.data[0].rates, ["work_coverage", "member_presence", "young_member_share", "dual_reach"]);
  const rows = found.data.map((item) => row(named(item), [
    classText(item.class), percent(item.ratio), percent(item.reference_ratio), item.expected == null ? "–" : item.expected.toFixed(1),
    small(item.q), count(item.shortfall), ...why.map((code) => rateCell(item.rates[code], t)),
  ], { class: item.class === "low" ? "low" : null }));
  return { nodes: [
    points.length ? funnel("low", points, limits, t) : "",
    table(t.low, [t.name, t.class, t.ratio, t.reference, t.expected, t.q, t.shortfall, ...why.map(label)], rows),
    element("p", { class: "note" }, t.lowNote), tools(t, `${S}/low-membership`, { ...query, limit: "" })] };
}

export async function trends({ state, t, label }) {
  const query = { district: state.district, basis: state.basis };
  const found = await ask(`${S}/trends`, query);
  if (found.data.length === 0) return { nodes: [element("p", {}, t.empty)] };
  const last = found.data[found.data.length - 1].rates;
  const codes = [...given(last, TREND), ...(last.dual_reach.status === "protected" ? ["member_ratio"] : [])];
  const days = found.data.map((point) => point.as_of);
  const begun = found.data.findIndex((point) => point.rates.dual_reach.numerator > 0);
  const series = codes.map((code) => ({ label: label(code), values: found.data.map((point) => point.rates[code].value) }));
  const rows = found.data.map((point) => row(point.as_of, [...codes.map((code) => rateCell(point.rates[code], t)), point.breaks.join(", ")]));
  return { nodes: [
    lines("trends", days, series, begun > 0 ? { place: begun, text: t.founded } : null),
    withTable(t, table(t.trends, [t.date, ...codes.map(label), t.breaks], rows)), tools(t, `${S}/trends`, query)] };
}

export async function dual({ state, t, label }) {
  const query = { district: state.district, ...moment(state) };
  const { data } = await ask(`${S}/dual-affiliation`, query);
  const names = ["organisation_coverage", "work_coverage"];
  const rows = names.map((name) => row(label(name), [rateCell(data.uplift[name].without_dual, t), rateCell(data.uplift[name].with_dual, t)]));
  const joint = data.joint_branches.map((item) => row(item.joint_branch.name, [count(item.members)]));
  return { nodes: [
    element("ul", { class: "strip" },
      element("li", {}, `${t.joint} `, element("b", {}, count(data.members))),
      element("li", {}, `${t.reach} `, element("b", {}, rateText(data.uplift.dual_reach, t))),
      element("li", {}, `${t.unreached} `, element("b", {}, count(data.uplift.members_unreached)))),
    table(t.dual, [t.name, t.without, t.given], rows),
    joint.length ? withTable(t, table(t.joint, [t.name, t.members], joint)) : "", tools(t, `${S}/dual-affiliation`, query)] };
}

export async function gaps({ state, t }) {
  const query = { ...scope(state), sort: "full_members", order: "desc", limit: SHOWN_ROWS };
  const found = await ask(`${S}/establishment-gaps`, query);
  if (found.data.length === 0) return { nodes: [element("p", {}, t.empty)] };
  const text = (value) => element("td", { class: "text" }, value);
  const head = (value) => element("th", { scope: "col", class: "text" }, value);
  const rows = found.data.map((item) => row(item.enterprise.name, [
    count(item.counts.full_members), item.gap_since, text(item.means.map((code) => t[code] ?? code).join(state.lang === "zh" ? "、" : ", ")),
    text(item.candidates.slice(0, 2).map((candidate) => candidate.branch.name).join(state.lang === "zh" ? "；" : "; ")),
  ]));
  return { nodes: [
    found.meta.rows > SHOWN_ROWS ? element("p", { class: "note" }, t.more(count(found.meta.rows))) : "",
    table(t.gaps, [t.enterprise, t.full, t.since, head(t.means), head(t.candidates)], rows), tools(t, `${S}/establishment-gaps`, { ...query, limit: "" })] };
}

export async function quality({ state, t }) {
  const query = { district: state.district, ...moment(state) };
  const found = await ask(`${S}/data-quality`, query);
  const items = found.data.filter((item) => item.number).map((item) =>
    element("li", {}, `${state.lang === "zh" ? item.label_zh : item.label_en} `, element("b", {}, count(item.number))));
  return { nodes: [
    element("ul", { class: "strip" }, element("li", {}, `${t.reporting} `, element("b", {}, rateText(found.reporting_rate, t))), items),
    tools(t, `${S}/data-quality`, query)] };
}

const DATASETS = ["ledger", "returns", "enterprises", "branches", "coverage", "members", "employments", "affiliations", "districts", "industries", "industry-groups"];

export async function upload({ state, t }) {
  const told = element("div", { role: "status", "aria-live": "polite" });
  const file = element("input", { type: "file", name: "file", required: true });
  const dataset = element("select", { name: "dataset" }, DATASETS.map((name) => element("option", {}, name)));
  const dry = element("input", { type: "checkbox", checked: true });
  const form = element("form", { class: "controls", onsubmit: async (event) => {
    event.preventDefault();
    await send(told, t, { dataset: dataset.value, dry_run: String(dry.checked) }, file.files[0]);
  } }, element("label", {}, t.dataset, dataset), element("label", {}, t.file, file), element("label", {}, dry, t.dry), element("button", {}, t.send));
  return { nodes: [form, told] };
}

async function send(told, t, query, file) {
  try {
    const { data } = await ask("/v1/imports", query, { method: "POST", body: file, headers: keyed() });
    const progress = element("progress", { "aria-label": t.sent });
    told.replaceChildren(t.sent, progress);
    const job = await finished(data.job_id, (state) => {
      if (state.total) { progress.max = state.total; progress.value = state.done; }
    });
    const { data: record } = await ask(`/v1/imports/${data.id}`);
    const { data: issues } = await ask(`/v1/imports/${data.id}/issues`, { limit: 100 });
    const rows = issues.map((issue) => row(String(issue.row ?? ""), [issue.column ?? "", element("td", { class: "text" }, issue.message)]));
    told.replaceChildren(
      element("p", { class: job.state === "succeeded" ? "" : "problem" }, job.state === "succeeded" ? t.done(record.result) : job.problem?.detail ?? job.state),
      rows.length ? table(t.problems, [t.row, t.column, t.message], rows) : "");
  } catch (problem) {
    told.replaceChildren(refusal(problem, t));
  }
}

const keyed = () => (currentKey() ? { Authorization: `Bearer ${currentKey()}` } : {});

async function finished(id, report) {
  for (;;) {
    const { data } = await ask(`/v1/jobs/${id}`);
    report(data);
    if (!["queued", "running"].includes(data.state)) return data;
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
}
