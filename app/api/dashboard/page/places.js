// The places below the chosen one: a table, and a map where the operator has given boundaries.

import { ask } from "./api.js";
import { count, endOfScale, isRounded, persons } from "./numbers.js";
import { element, legend, link, nameOf, rateView, tools } from "./parts.js";
import * as questions from "./questions.js";
import { dataTable } from "./table.js";

const { S } = questions;
const EXACT = ["organisation_coverage", "organisation_coverage_with_dual", "work_coverage", "member_ratio"];
const PUBLIC = ["organisation_coverage", "standalone_rate", "member_ratio"];
const SHOWN = 50;

/** Columns of counts and rates, as tables of places and of bases have them. */
function figureColumns(codes, context, found, drawn = ["organisation_coverage"]) {
  const { t, label, meaning } = context, { meta, data, total } = found;
  const most = Object.fromEntries(codes.map((code) => [code, code === "member_ratio" ? endOfScale(data.map((item) => item.rates[code]?.value)) : 1]));
  return codes.map((code) => ({
    label: label(code), meaning: meaning(code), sort: code, by: (item) => item.rates?.[code]?.value,
    cell: (item) => (item.rates?.[code] ? rateView(item.rates[code], { t, meta, code, drawn: code === "member_ratio" || drawn.includes(code), most: most[code], reference: total?.rates[code]?.value }) : ""),
  }));
}

export async function children(context) {
  const { state, t, label, meaning } = context;
  const asked = questions.childrenQuery(state), found = await ask(`${S}/districts`, asked);
  if (found.data.length === 0) return null;
  const rounded = isRounded(found.meta), codes = rounded ? PUBLIC : EXACT;
  const counts = (code, shown) => ({ label: label(code), meaning: meaning(code), sort: code, cell: (item) => shown(item.counts[code]) });
  const named = (item) => (item.name ? item.name : link({ district: item.district.code }, nameOf(item.district, state.lang)));
  const foot = ({ total, unallocated }) => [
    { name: t.total, ...total },
    unallocated && unallocated.counts.enterprises > 0 ? { name: rounded ? t.coarser : t.unallocated, ...unallocated } : null].filter(Boolean);
  const table = await dataTable({
    t, caption: t.children, sorted: { column: "organisation_coverage", order: "desc" }, shown: SHOWN, foot,
    columns: [{ label: t.name, sort: "code", cell: named }, counts("enterprises", count), counts("members", (value) => persons(value, found.meta)), ...figureColumns(codes, context, found)],
    rows: (paging) => ask(`${S}/districts`, { ...asked, ...paging }),
  });
  return { nodes: [
    element("p", { class: "note" }, t.sub), table.node, legend(found.data.flatMap((item) => codes.map((code) => item.rates[code])), t),
    tools(context, t.children, `${S}/districts`, { ...asked, limit: "" })] };
}

/** Five bases side by side: of which enterprises is it a share? */
export async function bases(context) {
  const { state, t, label, meaning } = context;
  const asked = { ...questions.scope(state), basis: "", by: "basis", fields: ["enterprises", ...EXACT] };
  const found = await ask(`${S}/breakdown`, asked);
  const table = await dataTable({
    t, caption: t.bases, rows: found.data, row: (item) => (item.basis === state.basis ? { "aria-current": "true" } : {}),
    columns: [{ label: t.basis, cell: (item) => element("span", { title: meaning(item.basis) }, label(item.basis)) },
      { label: label("enterprises"), by: (item) => item.counts.enterprises, cell: (item) => count(item.counts.enterprises) },
      ...figureColumns(EXACT, context, found).map(({ sort, ...column }) => column)],
  });
  return { nodes: [table.node, legend(found.data.flatMap((item) => EXACT.map((code) => item.rates[code])), t), tools(context, t.bases, `${S}/breakdown`, asked)] };
}

/** The map of the places below; nothing where no boundaries are known. */
export async function map(context) {
  const { state, label } = context, code = "organisation_coverage";
  const found = await ask(`${S}/districts.geojson`, { ...questions.within(state), fields: ["enterprises", code] });
  const known = found.features.filter((feature) => feature.geometry);
  if (!known.length) return null;
  const { choropleth } = await import("./map.js");
  return { nodes: [element("p", { class: "note" }, context.t.mapSays(label(code))), choropleth(known, code, context)] };
}
