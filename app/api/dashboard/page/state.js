// What is shown, kept in the address so that a view can be shared; the key is kept in memory alone.

const DEFAULTS = { district: "", as_of: "", basis: "operating", filter: "", industries: "section", lang: preferred() };

let key = "";

function preferred() {
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export function read() {
  const given = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  return { ...DEFAULTS, ...given };
}

// The industry, group or sectors that figures are limited to, as the API names them.
export function filterOf(state) {
  const [kind, code] = state.filter.split(":");
  return code ? { [kind]: kind === "sector" ? code.split(",") : code } : {};
}

export function change(parts) {
  const state = { ...read(), ...parts };
  const kept = Object.entries(state).filter(([name, value]) => value && (name === "lang" || value !== DEFAULTS[name]));
  history.pushState(null, "", `#${new URLSearchParams(kept)}`);
  window.dispatchEvent(new Event("change-of-state"));
}

// Says that figures are newer than those shown.
export function refresh() {
  window.dispatchEvent(new Event("change-of-figures"));
}

export const currentKey = () => key;

export function useKey(value) {
  key = value.trim();
}
