// Figures as people read them: pure functions, without the page.

/** @typedef {{value: ?number, numerator: ?number, denominator: ?number, n_eff: ?number, low: ?number, high: ?number, status: string}} Rate */

const THIN = "\u202f";
const SIGNS = { low_base: "*", unreliable: "†", inconsistent: "‡" };

export const count = (value) => (value == null ? "–" : value.toLocaleString("en"));

/** Whether figures of persons are rounded here. */
export const isRounded = (meta) => Boolean(meta) && meta.disclosure.policy !== "none";

/** A number of persons; where figures are protected it is rounded, and looks so. */
export const persons = (value, meta) => (value == null || !isRounded(meta) ? "" : `≈${THIN}`) + count(value);

export const percent = (value, digits = 1) => (value == null ? "–" : `${(100 * value).toFixed(digits)}${THIN}%`);

/** How a difference looks once rounded to a tenth of a point: −1, 0, 1. */
export const direction = (value) => Math.sign(Math.round(1000 * value));

/** A difference of two rates in percentage points, with its sign; a minus is a minus. */
export const points = (value) => `${["−", "±", "+"][direction(value) + 1]}${Math.abs(100 * value).toFixed(1)}`;

export const signed = (value) => `${value > 0 ? "+" : value < 0 ? "−" : "±"}${count(Math.abs(value))}`;

export const sign = (rate) => (rate.value == null ? "" : SIGNS[rate.status] ?? "");

export const isWeak = (rate) => ["low_base", "unreliable", "inconsistent"].includes(rate.status);

/** @param {Rate} rate */
export const base = (rate, rounded) => (rate.numerator == null || rate.denominator == null ? "" : `${rounded}${count(rate.numerator)}/${count(rate.denominator)}`);

export const range = (rate) => (rate.low == null ? "" : `${(100 * rate.low).toFixed(1)}–${percent(rate.high)}`);

export const small = (value) => (value == null ? "–" : value < 0.0001 ? "< 0.0001" : value.toFixed(4));

/** The first step of 1, 2, 5, 10 … that needs at most `most` of them up to `top`. */
export function step(top, most = 6) {
  const raw = top / most, power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((one) => one * power).find((one) => one >= raw * (1 - 1e-9));
}

/** The end of a scale of rates: a whole step, at most everything. */
export function endOfScale(values) {
  const top = Math.max(0.01, ...values.filter((value) => value != null));
  const one = step(top);
  return Math.min(1, Math.ceil(top / one - 1e-9) * one);
}
