// Snapshots as versions: drafts, what a revision changed, release and withdrawal; and what is wrong with the data.

import { ask, forget, order } from "./api.js";
import { count, points } from "./numbers.js";
import { button, element, link, note, nameOf, refusal, rateView, tools } from "./parts.js";
import * as questions from "./questions.js";
import { filterOf, refresh } from "./state.js";
import { dataTable } from "./table.js";

const { S } = questions;
const BELOW = { province: "city", city: "county", county: "street" };

const stateOf = (snapshot) => snapshot.state ?? "released";

/** The released snapshot that one is compared with: of the same date, else of the one before. */
function comparedWith(snapshot, all) {
  const others = all.filter((one) => one.id !== snapshot.id && stateOf(one) === "released");
  return others.find((one) => one.as_of === snapshot.as_of) ?? others.find((one) => one.as_of < snapshot.as_of) ?? null;
}

export async function versions(context) {
  const { t, state } = context, { data } = await ask("/v1/snapshots");
  const told = element("div", { role: "status", id: "release-told" });
  const actions = (one) => {
    const other = comparedWith(one, data), draft = stateOf(one) === "draft";
    return [link({ view: "overview", snapshot: one.id, as_of: "", subject: "" }, t.look), " ",
      other ? link({ subject: one.id, rows: `${other.id}..${one.id}` }, t.compare) : null, " ",
      one.state && context.exact ? button(draft || one.state === "withdrawn" ? t.release : t.withdraw, () => decided(told, context, one, draft || one.state === "withdrawn" ? "release" : "withdraw")) : null];
  };
  const table = await dataTable({ t, caption: t.versions, rows: data, shown: data.length,
    row: (one) => (one.id === state.subject ? { class: "chosen", "aria-current": "true" } : {}),
    columns: [
      { label: t.date, by: (one) => one.as_of, cell: (one) => one.as_of },
      { label: t.state, words: true, by: stateOf, cell: (one) => element("span", { class: `version ${stateOf(one)}` }, t.versionStates[stateOf(one)]) },
      { label: t.snapshot, words: true, by: (one) => one.id, cell: (one) => element("code", {}, one.id) },
      { label: t.built, words: true, by: (one) => one.built_at, cell: (one) => one.built_at.slice(0, 16).replace("T", " ") },
      { label: t.note, words: true, cell: (one) => [one.note, one.revises && `${t.revises} ${one.revises}`].filter(Boolean).join(t.semicolon) },
      { label: t.actions, words: true, cell: (one) => element("span", { class: "actions" }, actions(one)) }] });
  const pair = state.rows.split("..");
  return { nodes: [note(t.versionsSay), table.node, told, pair.length === 2 ? await compared(context, ...pair) : null] };
}

/** Asks for a note, then releases or withdraws a snapshot. */
function decided(told, { t }, snapshot, what) {
  const words = element("input", { id: "note", maxlength: 500 });
  const form = element("form", { class: "controls", id: "decide", onsubmit: async (event) => {
    event.preventDefault();
    form.querySelector("button").disabled = true;
    try {
      await order(`/v1/snapshots/${snapshot.id}/${what}`, { note: words.value || null });
      told.replaceChildren(element("p", { class: "done" }, t.decided[what](snapshot.as_of, snapshot.id)));
      forget();
      refresh();
      told.querySelector("p").scrollIntoView({ block: "nearest" });
    } catch (problem) {
      form.querySelector("button").disabled = false;
      form.append(refusal(problem, t));
    }
  } }, element("p", {}, t.decide[what](snapshot.as_of, snapshot.id)), element("label", {}, t.note, words), element("button", {}, t[what]), button(t.cancel, () => told.replaceChildren()));
  told.replaceChildren(form);
  words.focus();
}

/** What differs between two snapshots: of the whole place, and of each place below. */
async function compared(context, since, snapshot) {
  const { t, state, label } = context;
  const path = await context.path, by = path.length ? BELOW[path.at(-1).level] : "county";
  const asked = { district: state.district, basis: state.basis, ...filterOf(state), since_snapshot: since, snapshot };
  try {
    const [{ data }, rows] = await Promise.all([ask(`${S}/changes`, asked), by ? ask(`${S}/changes`, { ...asked, by }) : { data: [] }]);
    const kinds = ["enterprises", "organised", "members"].filter((name) => data[name]);
    const names = { enterprises: label("enterprises"), organised: label("enterprises_organised"), members: label("members") };
    const table = await dataTable({ t, caption: t.comparison, rows: kinds, columns: [
      { label: t.name, cell: (name) => names[name] }, { label: t.older, meaning: since, cell: (name) => count(data[name].before) }, { label: t.newer, meaning: snapshot, cell: (name) => count(data[name].after) },
      { label: t.difference, cell: (name) => difference(data[name]) },
      ...["entered", "left", "moved_in", "moved_out", "within"].map((name) => ({ label: t.accounts[name], cell: (kind) => count(data[kind][name]) }))] });
    const moved = rows.data.filter((row) => ["enterprises", "organised", "members"].some((name) => row[name] && row[name].before !== row[name].after));
    const below = moved.length ? await dataTable({ t, caption: t.byPlace, rows: moved, columns: [
      { label: t.name, cell: (row) => nameOf(row.district ?? { name: "–" }, state.lang) }, ...kinds.map((name) => ({ label: names[name], by: (row) => row[name]?.after - row[name]?.before, cell: (row) => (row[name] ? `${count(row[name].before)} → ${count(row[name].after)} (${difference(row[name])})` : "–") }))] }) : null;
    const same = kinds.every((name) => data[name].before === data[name].after) && !moved.length;
    return element("div", { id: "comparison", class: "comparison" }, element("h3", {}, t.comparison), element("p", {}, element("code", {}, since), " → ", element("code", {}, snapshot)),
      same ? note(t.nothingChanged) : null, data.ratio ? element("p", {}, `${label("member_ratio")} ${points(data.ratio.difference)}${t.points}${t.colon}${t.rateEffect} ${points(data.ratio.rate)}${t.comma}${t.mixEffect} ${points(data.ratio.mix)}`) : null,
      data.organised ? element("p", {}, t.organisedMoves(count(data.organised.newly_organised), count(data.organised.no_longer_organised))) : null,
      table.node, below?.node ?? null, tools(context, t.comparison, `${S}/changes`, asked));
  } catch (problem) {
    return element("div", { id: "comparison" }, element("h3", {}, t.comparison), refusal(problem, t));
  }
}

const difference = ({ before, after }) => (after > before ? `+${count(after - before)}` : after < before ? `−${count(before - after)}` : "0");

/** What is wrong with the data, by rule; each leads to what it finds. */
export async function quality(context) {
  const { state, t } = context, asked = { district: state.district, industry: filterOf(state).industry, ...questions.moment(state) };
  const found = await ask(`${S}/data-quality`, asked), subjects = element("div", { "aria-live": "polite" });
  const named = (item) => (state.lang === "zh" ? item.label_zh : item.label_en);
  const table = await dataTable({ t, caption: t.quality, rows: found.data.filter((item) => item.number !== 0), shown: found.data.length, sorted: { column: t.number, order: "desc" }, columns: [
    { label: t.finding, by: named, cell: (item) => (item.number && item.about !== "member" ? button(named(item), () => listed(subjects, context, { ...asked, rule: item.rule }, named(item)), { class: "link" }) : named(item)) },
    { label: t.number, by: (item) => item.number, cell: (item) => (item.number == null ? t.not_applicable : count(item.number)) }] });
  return { nodes: [
    element("p", {}, `${t.reporting} `, rateView(found.reporting_rate, { t, meta: found.meta, drawn: true })), table.node,
    /^(industry:|$)/.test(state.filter) ? null : note(t.unfiltered), subjects, tools(context, t.quality, `${S}/data-quality`, asked)] };
}

/** Shows what one rule finds. */
async function listed(place, context, asked, name) {
  const { t } = context;
  try {
    const table = await dataTable({ t, caption: name, rows: (paging) => ask(`${S}/data-quality`, { ...asked, ...paging }), columns: [
      { label: t.name, cell: ({ subject }) => (subject.kind === "branch" || subject.kind === "enterprise" ? link({ view: subject.kind === "branch" ? "branches" : "enterprises", subject: subject.code }, nameOf(subject, context.state.lang)) : nameOf(subject, context.state.lang)) },
      { label: t.code, words: true, cell: ({ subject }) => subject.code }, { label: t.value, cell: ({ subject }) => count(subject.value) }] });
    place.replaceChildren(element("h3", {}, name), table.node, tools(context, name, `${S}/data-quality`, asked));
  } catch (problem) {
    place.replaceChildren(refusal(problem, t));
  }
}
