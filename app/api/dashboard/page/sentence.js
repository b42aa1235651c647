// One sentence on a place and a date, made from figures by rules: pure functions, without the page.

import { count, direction, percent } from "./numbers.js";

const NOTABLE = 0.01; // what dual affiliation adds is said from one percentage point on

/** A long name of industries by its first: 信息传输、软件和信息技术服务业 → 信息传输业. */
export function shortIndustry(name) {
  if (/^\p{Script=Han}/u.test(name)) return name.includes("、") ? name.split("、")[0] + (name.endsWith("业") ? "业" : "") : name;
  return name.split(/, | and /)[0];
}

/** How a date is called from another one: a quarter before, a year before, or by itself. */
export function earlier(from, to, s) {
  const months = (Number(to.slice(0, 4)) - Number(from.slice(0, 4))) * 12 + Number(to.slice(5, 7)) - Number(from.slice(5, 7));
  const isEnd = (day) => new Date(Date.parse(day) + 86_400_000).getUTCDate() === 1;
  if (isEnd(from) && isEnd(to) && s.periods[months]) return s.periods[months];
  return from;
}

function changed(difference, since, s) {
  if (difference == null || !since) return "";
  const way = direction(difference);
  return way === 0 ? s.same(since) : s[way > 0 ? "more" : "less"](since, Math.abs(100 * difference).toFixed(1));
}

function coverage({ rates, change, since }, s) {
  const own = rates.organisation_coverage, dual = rates.organisation_coverage_with_dual;
  const parts = [s.covered(percent(own.value)) + (own.status === "low_base" ? s.lowBase : ""), changed(change?.organisation_coverage, since, s)];
  if (dual?.value != null && dual.value - own.value >= NOTABLE) {
    const moved = change?.organisation_coverage_with_dual;
    parts.push(s.withDual(percent(dual.value)), moved != null && direction(moved) !== direction(change.organisation_coverage) ? changed(moved, since, s) : "");
  }
  return parts.filter(Boolean).join(s.comma);
}

/** The industries that are found low; where none is, those that are lower without it being certain how much. */
export function missing(industries, s) {
  for (const kind of ["low", "lower"]) {
    const found = industries.filter((one) => one.class === kind && one.shortfall > 0).sort((a, b) => b.shortfall - a.shortfall);
    if (found.length) return s[kind](found.map((one) => shortIndustry(one.name)), count(found[0].shortfall));
  }
  return "";
}

/**
 * Makes the sentence.
 *
 * @param {object} figures
 * @param {string} figures.place   name of the place
 * @param {string} figures.whom    what is counted, as "家非公企业"
 * @param {Record<string, number>} figures.counts
 * @param {Record<string, import("./numbers.js").Rate>} figures.rates
 * @param {?Record<string, number>} [figures.change]  differences to the date before
 * @param {?string} [figures.since]  how that date is called
 * @param {{name: string, class: string, shortfall: number}[]} [figures.industries]
 * @param {object} s  the words of a language
 */
export function sentence(figures, s) {
  const { place, whom, counts, rates, industries = [] } = figures;
  if (!counts.enterprises) return s.nobody(place, whom) + s.stop;
  const organised = counts.enterprises_organised;
  const first = s.organised(place, count(counts.enterprises), whom, count(organised), organised);
  const clauses = [[first, coverage({ rates, ...figures }, s)].join(s.comma), missing(industries, s)];
  return clauses.filter(Boolean).join(s.semicolon) + s.stop;
}
