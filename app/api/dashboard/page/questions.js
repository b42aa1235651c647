// What the sections ask of the API; where several need the same, they ask it with the same words, and it is asked once.

import { ask } from "./api.js";
import { filterOf } from "./state.js";

export const S = "/v1/statistics";
export const COUNTS = ["enterprises", "members", "headcount"];
export const RATES = ["organisation_coverage", "organisation_coverage_with_dual", "work_coverage", "establishment_rate", "standalone_rate", "member_ratio", "dual_reach"];
export const WHY = ["work_coverage", "member_presence", "young_member_share", "dual_reach"];
const HEADLINE = [...COUNTS, "enterprises_organised", ...RATES];
const BY = { group: "industry_group", section: "section", division: "division" };

export const moment = (state) => (state.snapshot ? { snapshot: state.snapshot } : { as_of: state.as_of });

/** Whom the figures count: the place, the basis, the filter; as of when. */
export const scope = (state) => ({ district: state.district, basis: state.basis, ...filterOf(state), ...moment(state) });

/** Of a list of districts: everything where no district is chosen. */
export const within = (state) => ({ ...(state.district ? { parent: state.district } : { level: "province" }), ...scope(state), district: "" });

function headlineQuery(state, district = state.district) {
  return { path: district ? `${S}/districts/${encodeURIComponent(district)}` : `${S}/districts`,
    query: { ...scope(state), district: "", ...(district ? {} : { level: "province", limit: 1 }), fields: HEADLINE } };
}

/** The figures of a district, or of everything. */
export async function headline(state, district) {
  const { path, query } = headlineQuery(state, district);
  const { data, total, meta } = await ask(path, query);
  return { ...(total ?? data), meta };
}

export const trendsQuery = (state) => ({ ...scope(state), as_of: "", snapshot: "", compare_to: "previous", fields: HEADLINE });

export const trends = (state) => ask(`${S}/trends`, trendsQuery(state));

/** Industries are compared over all industries: a filter by industry does not limit them. */
export function lowQuery(state, industries = state.industries) {
  return { ...scope(state), industry: "", industry_group: "", by: BY[industries] ?? "section", limit: 200, fields: ["members", "headcount", "member_ratio", ...WHY] };
}

export const low = (state, industries) => ask(`${S}/low-membership`, lowQuery(state, industries));

const DISTRICTS = ["organisation_coverage", "organisation_coverage_with_dual", "work_coverage", "member_ratio", "standalone_rate"];

/** The districts below, those of the highest coverage first. */
export const childrenQuery = (state) => ({ ...within(state), fields: ["enterprises", "members", ...DISTRICTS], sort: "organisation_coverage", order: "desc", limit: 50 });

/** Asks for what the first view needs before it is known who asks: every tier has it. */
export function ahead(state) {
  for (const answer of [trends(state), low(state), ask(`${S}/districts`, childrenQuery(state))]) answer.catch(() => null); // its section says what was wrong
}

/** The chosen district and those it lies in, from the outermost on; of a code that is unknown, the code alone. */
export async function lineage(code) {
  const path = [];
  for (let next = code; next;) {
    try {
      const { data } = await ask(`/v1/districts/${encodeURIComponent(next)}`);
      path.unshift(data);
      next = data.parent_code;
    } catch {
      path.unshift({ code: next, name_zh: next });
      break;
    }
  }
  return path;
}
