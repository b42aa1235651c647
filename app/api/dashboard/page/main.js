// Puts the page together: words, choices, sections; anew whenever the address changes.

import { ask, Refused } from "./api.js";
import { element, heading, refusal } from "./parts.js";
import * as figures from "./sections.js";
import { change, currentKey, read, useKey } from "./state.js";
import { TEXT } from "./text.js";
import { upload } from "./upload.js";

const FIGURES = ["headline", "children", "bases", "low", "trends", "dual", "gaps", "quality"];
const SECTIONS = [...FIGURES, "upload"];
const at = (id) => document.getElementById(id);

let catalogue = null;
let shown = 0;

function words(state) {
  const t = TEXT[state.lang] || TEXT.en;
  document.documentElement.lang = state.lang;
  document.title = t.title;
  for (const place of document.querySelectorAll("[data-text]")) place.textContent = t[place.dataset.text];
  at("language").textContent = t.other;
  at("language").lang = state.lang === "zh" ? "en" : "zh";
  at("key").title = t.noKey;
  at("key-label").hidden = Boolean(currentKey());
  at("use-key").textContent = currentKey() ? t.forgetKey : t.useKey;
  return t;
}

async function entries() {
  const { data } = await ask("/v1/catalogue");
  const found = new Map();
  for (const part of ["bases", "metrics", "measures"]) {
    for (const entry of data[part] || []) found.set(entry.code, entry);
  }
  return found;
}

function labels(state) {
  const entry = (code) => catalogue?.get(code);
  const label = (code) => entry(code)?.label[state.lang] ?? code;
  const meaning = (code) => (state.lang === "zh" && entry(code)?.definition_zh) || entry(code)?.definition || "";
  return { label, meaning, head: (code) => heading(label(code), meaning(code)) };
}

function options(select, choices, chosen) {
  select.replaceChildren(...choices.map(([value, text]) => element("option", { value, selected: value === chosen }, text)));
  if (!choices.some(([value]) => value === chosen)) select.prepend(element("option", { value: chosen, selected: true }, chosen));
}

async function choices({ state, t, path: leading, label }, turn) {
  const list = async (path, query) => { try { return (await ask(path, query)).data; } catch { return []; } };
  const [snapshots, groups, sections, path] = await Promise.all([
    list("/v1/snapshots"), list("/v1/industry-groups"), list("/v1/industries", { level: "section" }), leading]);
  const children = await list("/v1/statistics/districts", { ...(state.district ? { parent: state.district } : { level: "province" }), as_of: state.as_of, limit: 200, fields: "enterprises" });
  if (turn !== shown) return;
  const name = (item) => (state.lang === "en" && item.name_en) || item.name_zh;
  if (path.length) document.title = `${name(path.at(-1))} · ${t.title}`;
  at("path").replaceChildren(...[["", t.everything], ...path.map((item) => [item.code, name(item)])].map(([code, text], place, all) =>
    element("li", place === all.length - 1 ? { "aria-current": "location" } : {},
      place === all.length - 1 ? text : element("button", { type: "button", class: "link", onclick: () => go(code) }, text))));
  options(at("district"), [[state.district, path.length ? name(path.at(-1)) : t.everything], ...children.map((item) => [item.district.code, `› ${name(item.district)}`])], state.district);
  const days = [...new Set(snapshots.map((snapshot) => snapshot.as_of))];
  options(at("as_of"), days.map((day, place) => [place ? day : "", day]), state.as_of);
  options(at("basis"), ["registered", "operating", "surveyed", "eligible", "above_size"].map((code) => [code, label(code)]), state.basis);
  options(at("filter"), [["", t.everyEnterprise], ["sector:non_public", t.nonPublic], ["sector:non_public,social", t.official],
    ...groups.map((group) => [`industry_group:${group.code}`, name(group)]),
    ...sections.map((section) => [`industry:${section.code}`, `${section.code} ${name(section)}`])], state.filter);
  options(at("industries"), ["section", "division", "group"].map((code) => [code, t[code]]), state.industries);
}

async function lineage(code) {
  const path = [];
  while (code) {
    try {
      const { data } = await ask(`/v1/districts/${encodeURIComponent(code)}`);
      path.unshift(data);
      code = data.parent_code;
    } catch {
      path.unshift({ code, name_zh: code });
      break;
    }
  }
  return path;
}

function told(meta, t) {
  const exact = meta.disclosure.policy === "none";
  at("tier").textContent = exact ? t.exact : t.public;
  at("rests").textContent = `${t.snapshot} ${meta.snapshot} · ${meta.as_of} · ${t.source} ${t[meta.member_source]} · ${t.updated} ${meta.updated_at.slice(0, 16).replace("T", " ")} UTC`;
}

async function fill(name, context, turn) {
  const place = at(name), { t } = context;
  place.replaceChildren(element("h2", { id: `${name}-title` }, t[name]), element("p", { class: "note" }, t.loading));
  place.setAttribute("aria-busy", "true");
  try {
    const found = await (figures[name] ?? upload)(context);
    if (turn !== shown) return;
    place.replaceChildren(element("h2", { id: `${name}-title` }, t[name]), ...found.nodes);
    if (found.meta) told(found.meta, t);
  } catch (error) {
    if (turn !== shown) return;
    const title = element("h2", { id: `${name}-title` }, t[name]);
    if (!isNowhere(error)) place.replaceChildren(title, refusal(error, t));
    else if (name !== "headline") place.replaceChildren();
    else place.replaceChildren(title, element("p", { class: "problem" }, t.nowhere(context.state.district), " ",
      element("button", { type: "button", class: "link", onclick: () => go("") }, t.everything)));
  } finally {
    place.removeAttribute("aria-busy");
  }
}

// Whether the chosen district is not in the snapshot: it is said once, and nothing else can be.
function isNowhere(error) {
  return error instanceof Refused && (error.problem.errors || []).some(({ parameter }) => ["code", "parent", "district"].includes(parameter));
}

// Leads to a district; where it was clicked is gone then, so that the keyboard goes on at the top of the figures.
function go(district) {
  change({ district });
  at("main").focus();
}

async function show(names) {
  const turn = ++shown, state = read(), t = words(state);
  catalogue ??= await entries().catch(() => null); // without a key there may be none: each section says so
  const context = { state, t, ...labels(state), path: lineage(state.district), go };
  await Promise.all([choices(context, turn), ...names.map((name) => fill(name, context, turn))]);
  if (turn === shown) document.body.dataset.ready = String(turn);
}

at("language").addEventListener("click", () => change({ lang: read().lang === "zh" ? "en" : "zh" }));
for (const name of ["district", "as_of", "basis", "filter", "industries"]) at(name).addEventListener("change", (event) => change({ [name]: event.target.value }));
at("key-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  useKey(currentKey() ? "" : at("key").value);
  at("key").value = "";
  const refused = currentKey() && !(await isGood());
  if (refused) useKey("");
  at("key-told").textContent = refused ? (TEXT[read().lang] || TEXT.en).keyRefused : "";
  show(SECTIONS);
});

// Whether the service knows the key; a bad one is refused whatever is asked.
async function isGood() {
  try {
    await ask("/v1/snapshots");
    return true;
  } catch (error) {
    return error.problem?.status !== 401;
  }
}

for (const [target, event] of [[window, "popstate"], [window, "change-of-state"], [matchMedia("(prefers-color-scheme: dark)"), "change"]]) {
  target.addEventListener(event, () => show(SECTIONS));
}
// What was sent stays in view, with its problems.
window.addEventListener("change-of-figures", () => show(FIGURES));
show(SECTIONS);
