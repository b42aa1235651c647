// Puts the page together: words, choices, views and their sections; of what a control changes, only that is asked again.

import { ask, forget, isPassing, Refused } from "./api.js";
import { districtField } from "./districts.js";
import { isRounded } from "./numbers.js";
import { button, element, link, nameOf, plainName, refusal } from "./parts.js";
import * as questions from "./questions.js";
import { change, currentKey, read, useKey } from "./state.js";

const PLACE = ["district", "as_of", "snapshot", "basis", "filter"];
const first = [() => import("./headline.js"), () => import("./places.js"), () => import("./analyses.js")];

/**
 * The sections: where each comes from, and which parts of the address it depends on.
 * @type {Record<string, {from: () => Promise<any>, needs: string[], exact?: boolean, lasting?: boolean}>}
 */
const SECTIONS = {
  headline: { from: first[0], needs: [...PLACE, "view"] },
  map: { from: first[1], needs: PLACE, },
  children: { from: first[1], needs: PLACE },
  trends: { from: first[2], needs: PLACE },
  low: { from: first[2], needs: [...PLACE, "industries"] },
  targets: { from: () => import("./targets.js"), needs: PLACE },
  dual: { from: first[2], needs: PLACE, exact: true },
  bases: { from: first[1], needs: PLACE, exact: true },
  proposals: { from: () => import("./establish.js"), needs: [...PLACE, "subject"], exact: true },
  gaps: { from: () => import("./establish.js"), needs: [...PLACE, "subject"], exact: true },
  enterprises: { from: () => import("./firms.js"), needs: [...PLACE, "subject", "rows"], exact: true },
  branches: { from: () => import("./branches.js"), needs: ["district", "as_of", "snapshot", "subject"], exact: true },
  upload: { from: () => import("./upload.js"), needs: [], exact: true, lasting: true }, // what was sent stays in view, with its problems
  versions: { from: () => import("./versions.js"), needs: ["district", "basis", "filter", "subject", "rows"], exact: true },
  quality: { from: () => import("./versions.js"), needs: ["district", "as_of", "snapshot", "filter"], exact: true },
};

const VIEWS = {
  overview: ["headline", "map", "children", "trends", "low", "targets", "dual", "bases"],
  establish: ["headline", "proposals", "gaps"],
  enterprises: ["headline", "enterprises"],
  branches: ["headline", "branches"],
  data: ["headline", "upload", "versions", "quality"],
};
const PUBLIC_VIEWS = ["overview"];
const BASES = ["registered", "operating", "surveyed", "eligible", "above_size"];
const CHOSEN_BY = ["ownership", "size_class", "enterprise_kind"];

const at = (id) => document.getElementById(id);
let followed = false; // whether a link of the page led here: then what it led to is gone to
let subject = ""; // the enterprise, branch or snapshot that was gone to last
const shownAs = new Map(); // what each section shows: the parts of the address, the language, the figures
const version = { key: 0, figures: 0 };
let turn = 0;

/** @returns the words of a language; only that one is loaded */
const wordsOf = async (lang) => (await import(`./${lang}.js`)).default;

function words(state, t) {
  document.documentElement.lang = state.lang;
  for (const place of document.querySelectorAll("[data-text]")) place.textContent = t[place.dataset.text];
  at("language").textContent = t.other;
  at("language").lang = state.lang === "zh" ? "en" : "zh";
  at("key-label").hidden = Boolean(currentKey());
  at("use-key").textContent = currentKey() ? t.forgetKey : t.useKey;
}

/** What is known of every figure, basis and dimension, by code. */
function catalogueOf(answer, lang) {
  const entries = new Map(), values = new Map();
  for (const part of ["bases", "branch_measures", "metrics", "measures"]) for (const entry of answer?.data[part] ?? []) entries.set(entry.code, entry);
  for (const entry of answer?.data.dimensions ?? []) for (const value of entry.values) values.set(`${entry.code} ${value.code}`, value.label[lang]);
  return {
    label: (code) => entries.get(code)?.label[lang] ?? code,
    meaning: (code) => (lang === "zh" && entries.get(code)?.definition_zh) || entries.get(code)?.definition || "",
    word: (dimension, code) => (code == null ? null : values.get(`${dimension} ${code}`) ?? code),
    valuesOf: (dimension) => [...values].filter(([name]) => name.startsWith(`${dimension} `)).map(([name, text]) => [name.split(" ")[1], text]),
  };
}

async function gather(state) {
  const quiet = (promise) => promise.catch((error) => { if (isPassing(error)) throw error; return null; });
  const list = (path, query) => quiet(ask(path, query)).then((answer) => answer?.data ?? []);
  const figures = questions.headline(state).then((found) => found, (error) => ({ error }));
  if (state.view === "overview") questions.ahead(state);
  const path = questions.lineage(state.district);
  const [t, catalogue, snapshots, groups, sections, { meta, district, error }] = await Promise.all([
    wordsOf(state.lang), quiet(ask("/v1/catalogue")), list("/v1/snapshots"), list("/v1/industry-groups"), list("/v1/industries", { level: "section" }), figures]);
  if (error && isPassing(error)) throw error;
  const named = catalogueOf(catalogue, state.lang);
  const filters = filtersOf({ t, state, groups, sections, ...named });
  const filter = filters.flatMap(([, choices]) => choices).find(([value]) => value === state.filter)?.[1] ?? state.filter;
  const place = district ? plainName(district, state.lang) : state.district || t.everything;
  const day = meta?.as_of ?? state.as_of, able = snapshots[0]?.capabilities?.analyses ?? [];
  return { state, t, ...named, path, snapshots, filters, meta, error, place, day,
    exact: Boolean(meta) && !isRounded(meta), newest: snapshots[0]?.as_of, can: (analysis) => able.includes(analysis),
    whom: state.filter ? t.whomOf(state.filter, filter) : t.whomAll(named.label(state.basis)),
    narrowed: [state.basis === "operating" ? "" : named.label(state.basis), state.filter && filter].filter(Boolean).join("_"),
    narrowing: meta ? narrowing({ t, state, meta, filter, place, label: named.label, snapshots }) : [] };
}

/** Everything that narrows the figures, in words: for the screen, for paper, and for what is copied. */
function narrowing({ t, state, meta, filter, place, label, snapshots }) {
  const draft = snapshots.find((one) => one.id === meta.snapshot)?.state;
  return [place, meta.as_of, `${t.basis}${t.colon}${label(state.basis)}`, `${t.filter}${t.colon}${state.filter ? filter : t.everyEnterprise}`, `${t.source}${t.colon}${t[meta.member_source]}`,
    isRounded(meta) ? t.public : t.exact, `${t.snapshot} ${meta.snapshot}${draft && draft !== "released" ? ` (${t.versionStates[draft]})` : ""}`];
}

function filtersOf({ t, state, groups, sections, label, valuesOf, word }) {
  const name = (item) => plainName(item, state.lang);
  return [
    ["", [["", t.everyEnterprise], ["sector:non_public", t.nonPublic], ["sector:non_public,social", t.official]]],
    [t.groups, groups.map((group) => [`industry_group:${group.code}`, name(group)])],
    [t.sections, sections.map((section) => [`industry:${section.code}`, `${section.code} ${name(section)}`])],
    ...CHOSEN_BY.map((dimension) => [t.dimensions[dimension], valuesOf(dimension).map(([code]) => [`${dimension}:${code}`, word(dimension, code)])])].filter(([, choices]) => choices.length);
}

function options(select, groups, chosen) {
  const option = ([value, text]) => element("option", { value, selected: value === chosen }, text);
  select.replaceChildren(...groups.flatMap(([title, choices]) => (title ? [element("optgroup", { label: title }, choices.map(option))] : choices.map(option))));
  if (!groups.some(([, choices]) => choices.some(([value]) => value === chosen))) select.prepend(option([chosen, chosen]));
}

function controls(context) {
  const { state, t, snapshots, filters, label, exact, place, meta } = context;
  document.title = [place, context.day, t.views[state.view] ?? "", t.title].filter(Boolean).join(" · ");
  at("district-place").replaceChildren(districtField(context));
  const days = [...new Set(snapshots.filter((one) => (one.state ?? "released") === "released").map((one) => one.as_of))];
  options(at("as_of"), [["", [...(state.snapshot ? [[`snapshot:${state.snapshot}`, `${context.day} (${t.versionStates[snapshots.find((one) => one.id === state.snapshot)?.state ?? "released"]})`]] : []), ...days.map((day, number) => [number ? day : "", day])]]], state.snapshot ? `snapshot:${state.snapshot}` : state.as_of);
  options(at("basis"), [["", (exact || !meta ? BASES : ["operating"]).map((code) => [code, label(code)])]], state.basis);
  options(at("filter"), exact || !meta ? filters : filters.filter(([title]) => [t.groups, t.sections].includes(title)).toSpliced(0, 0, ["", [["", t.everyEnterprise]]]), state.filter);
  for (const name of ["as_of", "basis", "filter"]) at(name).parentElement.hidden = at(name).options.length < 2;
  const views = Object.keys(VIEWS).filter((view) => exact || PUBLIC_VIEWS.includes(view));
  at("views").hidden = views.length < 2;
  at("views").querySelector("ul").replaceChildren(...views.map((view) => element("li", {}, element("a", { href: viewAddress(view), "aria-current": view === state.view ? "page" : null }, t.views[view]))));
  if (!meta) return;
  at("tier").textContent = exact ? t.exact : t.public;
  at("rests").textContent = `${context.narrowing.join(" · ")} · ${t.updated} ${meta.updated_at.slice(0, 16).replace("T", " ")} UTC`;
  at("address").textContent = location.href;
}

/** The chosen place, and those it lies in. */
async function path({ state, t, path: above }, mine) {
  const steps = [{ code: "", name: t.everything }, ...await above];
  if (mine !== turn) return;
  at("path").replaceChildren(...steps.map((item, number) => (number === steps.length - 1
    ? element("li", { "aria-current": "location" }, nameOf(item, state.lang))
    : element("li", {}, link({ district: item.code, subject: "" }, nameOf(item, state.lang))))));
}

const viewAddress = (view) => link({ view, subject: "", rows: "" }).getAttribute("href");

function placeOf(name) {
  if (!at(name)) at("main").append(element("section", { id: name, "aria-labelledby": `${name}-title` }));
  return at(name);
}

const title = (name, t) => element("h2", { id: `${name}-title`, tabindex: -1 }, t.heads[name]);

/** Fills a section if what it depends on has changed; what it showed stays when the service does not answer. */
async function fill(name, context, mine) {
  const place = placeOf(name), { t, state } = context, { from, needs, lasting } = SECTIONS[name];
  const signature = JSON.stringify([needs.map((part) => state[part]), state.lang, version.key, lasting || version.figures, context.error?.message]);
  place.hidden = false;
  if (shownAs.get(name) === signature) return null;
  if (!shownAs.has(name)) place.replaceChildren(title(name, t), element("p", { class: "note" }, t.loading));
  place.setAttribute("aria-busy", "true");
  try {
    const found = await (await from())[name](context);
    if (mine !== turn) return null;
    place.replaceChildren(...(found ? [title(name, t), ...found.nodes.flat(2).filter(Boolean)] : []));
    place.dataset.empty = String(!found);
    shownAs.set(name, signature);
  } catch (error) {
    if (mine !== turn) return null;
    if (isPassing(error) && shownAs.has(name)) return error;
    if (!(error instanceof Refused)) console.error(error);
    place.replaceChildren(title(name, t), refused(name, error, context));
    place.dataset.empty = "false";
    shownAs.set(name, isPassing(error) ? "" : signature);
    return isPassing(error) ? error : null;
  } finally {
    if (mine === turn) place.removeAttribute("aria-busy");
  }
  return null;
}

function refused(name, error, { t, state }) {
  const nowhere = error instanceof Refused && (error.problem.errors || []).some(({ parameter }) => ["code", "parent", "district"].includes(parameter));
  return name === "headline" && nowhere ? element("p", { class: "problem" }, t.nowhere(state.district), " ", button(t.everything, () => change({ district: "" }), { class: "link" })) : refusal(error, t);
}

/** Leads to the sections of a long view; what is there already stays, since somebody may be on it. */
function jump(names, t) {
  const there = names.filter((name) => !at(name).hidden && at(name).dataset.empty !== "true"), list = at("jump").querySelector("ul");
  at("jump").hidden = there.length < 3;
  if (list.textContent === there.map((name) => t.heads[name]).join("")) return;
  list.replaceChildren(...there.map((name) => element("li", {}, button(t.heads[name], () => { at(`${name}-title`).scrollIntoView({ block: "start" }); at(`${name}-title`).focus({ preventScroll: true }); }, { "data-section": name }))));
}

function banner(error, t) {
  const context = at("rests").textContent;
  at("banner").replaceChildren(...(error ? [element("p", {}, t.stays(context), " ", button(t.retry, () => show()))] : []));
  document.body.classList.toggle("stale", Boolean(error));
}

async function show() {
  const mine = ++turn, state = read();
  const t = await wordsOf(state.lang);
  words(state, t);
  let context;
  try {
    context = await gather(state);
  } catch (error) {
    if (mine === turn) finish(mine, error, t);
    if (!isPassing(error)) throw error;
    return;
  }
  if (mine !== turn) return;
  const view = VIEWS[state.view] && (context.exact || PUBLIC_VIEWS.includes(state.view)) ? state.view : "overview";
  controls(context);
  const names = context.error ? ["headline"] : VIEWS[view].filter((name) => context.exact || !SECTIONS[name].exact);
  for (const name of names) placeOf(name);
  for (const place of at("main").querySelectorAll(":scope > section")) place.hidden = !names.includes(place.id);
  at("main").dataset.view = view;
  const failed = await Promise.all([...names.map((name) => fill(name, { ...context, view }, mine)), path(context, mine)]);
  if (mine === turn) {
    jump(names, t);
    lead(state, names);
    finish(mine, failed.find(Boolean), t);
  }
}

/** Goes to what a link led to, so that keyboard and screen reader go on there; to a row that is chosen, whatever led to it. */
function lead(state, names) {
  const row = names.map((name) => at(name).querySelector("tr.chosen")).find(Boolean), anew = state.subject !== subject;
  if (followed) at("main").focus({ preventScroll: true });
  if (row && (followed || anew)) row.scrollIntoView({ block: "center" });
  else if (followed && (state.subject || state.rows)) at(names[1] ?? names[0]).scrollIntoView({ block: "start" });
  else if (followed) window.scrollTo(0, 0);
  followed = false;
  subject = state.subject;
}

function finish(mine, error, t) {
  banner(error, t);
  for (const place of at("main").querySelectorAll("[aria-busy]")) place.removeAttribute("aria-busy");
  document.body.dataset.ready = String(mine);
}

at("language").addEventListener("click", () => change({ lang: read().lang === "zh" ? "en" : "zh" }));
for (const name of ["basis", "filter"]) at(name).addEventListener("change", (event) => change({ [name]: event.target.value }));
at("as_of").addEventListener("change", (event) => change({ as_of: event.target.value, snapshot: "" }));
at("key-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  useKey(currentKey() ? "" : at("key").value);
  at("key").value = "";
  forget();
  const bad = currentKey() && !(await isGood());
  if (bad) useKey("");
  else at("key-entry").open = false;
  const t = await wordsOf(read().lang);
  at("key-told").textContent = bad ? t.keyRefused : "";
  version.key += 1;
  show();
});

// Whether the service knows the key; a bad one is refused whatever is asked.
async function isGood() {
  try {
    await ask("/v1/snapshots");
    return true;
  } catch (error) {
    forget();
    return error.problem?.status !== 401;
  }
}

document.addEventListener("click", (event) => { followed = Boolean(event.target.closest?.('a[href^="#"]:not(.skip)')); });
for (const event of ["popstate", "change-of-state"]) window.addEventListener(event, show);
window.addEventListener("change-of-figures", () => { forget(); version.figures += 1; show(); });
window.addEventListener("beforeprint", () => { at("address").textContent = location.href; });
show();
