// What is shown, kept in the address so that a view can be shared; the key is kept in memory alone.

/**
 * @typedef {object} State
 * @property {string} view    one of the views: overview, establish, enterprises, branches, data
 * @property {string} district  code; empty: everything
 * @property {string} as_of   a date; empty: the newest snapshot
 * @property {string} snapshot  id of a snapshot, a draft too; goes before the date
 * @property {string} basis   which enterprises count
 * @property {string} filter  `parameter:value,value` of the API
 * @property {string} industries  rows of the industries' table
 * @property {string} subject code of the enterprise or branch that is shown by itself
 * @property {string} rows    what narrows a list of enterprises, as parameters of the API
 * @property {string} lang    zh or en
 */

/** @type {State} */
const DEFAULTS = { view: "overview", district: "", as_of: "", snapshot: "", basis: "operating", filter: "", industries: "section", subject: "", rows: "", lang: preferred() };

let key = "";

function preferred() {
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

/** @returns {State} */
export function read() {
  const given = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  return { ...DEFAULTS, ...given, lang: given.lang === "zh" || given.lang === "en" ? given.lang : DEFAULTS.lang };
}

/** The parameter and the values that figures are limited to, as the API names them. */
export function filterOf(state) {
  const [kind, values] = state.filter.split(":");
  return values ? { [kind]: values.split(",") } : {};
}

/** The address of a view that differs in some parts from the present one. */
export function addressOf(parts) {
  const state = { ...read(), ...parts };
  const kept = Object.entries(state).filter(([name, value]) => name in DEFAULTS && value && (name === "lang" || value !== DEFAULTS[name]));
  return `#${new URLSearchParams(kept)}`;
}

export function change(parts) {
  history.pushState(null, "", addressOf(parts));
  window.dispatchEvent(new Event("change-of-state"));
}

/** Says that there are newer figures than those shown. */
export function refresh() {
  window.dispatchEvent(new Event("change-of-figures"));
}

export const currentKey = () => key;

export function useKey(value) {
  key = value.trim();
}
