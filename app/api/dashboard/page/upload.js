// Sending a file, step by step: template, check, what is wrong with it, taking it in, the snapshot that comes of it.

import { ask, askNow, download, forget, order, send } from "./api.js";
import { count } from "./numbers.js";
import { button, element, link, note, refusal } from "./parts.js";
import { refresh } from "./state.js";
import { dataTable } from "./table.js";

const DATASETS = [
  "ledger", "returns", "enterprises", "branches", "coverage", "branch-returns", "members", "employments", "affiliations",
  "districts", "industries", "industry-groups", "targets",
];
const LISTED_PROBLEMS = 100;
const ASKED_EVERY = 400; // ms

/** @returns the steps, each open as soon as the one before is done */
export async function upload(context) {
  const { t } = context;
  await askNow("/v1/imports", { limit: 1 }); // who may not send files is told so
  const told = element("div", { role: "status", id: "told" }), taken = element("div", { role: "status", id: "taken" });
  const file = element("input", { type: "file", required: true, id: "file", onchange: () => { told.replaceChildren(); hold(true); } });
  const dataset = element("select", { id: "dataset", onchange: () => hold(true) }, DATASETS.map((name) => element("option", { value: name }, t.datasets[name])));
  const skip = element("input", { type: "checkbox", onchange: () => hold(true) }), ignore = element("input", { type: "checkbox", onchange: () => hold(true) });
  const build = element("input", { type: "date", id: "build", value: context.newest ?? "" });
  const check = element("button", { id: "check" }, t.check), take = element("button", { id: "take", disabled: true }, t.takeIn);
  const hold = (held) => { take.disabled = held; };
  const query = () => ({ dataset: dataset.value, on_error: skip.checked ? "skip" : "", ignore_unknown: ignore.checked ? "true" : "" });
  const busy = async (place, asked, form) => {
    form.querySelectorAll("button").forEach((one) => { one.disabled = true; });
    const done = await sent(place, context, asked, file.files[0]);
    check.disabled = false;
    hold(!done || (place === taken));
    return done;
  };
  const checking = element("form", { class: "controls", onsubmit: async (event) => {
    event.preventDefault();
    taken.replaceChildren();
    await busy(told, { ...query(), dry_run: "true" }, checking);
  } }, element("label", {}, t.file, file), element("label", {}, skip, t.skipRows), element("label", {}, ignore, t.ignoreUnknown), check);
  const taking = element("form", { class: "controls", onsubmit: async (event) => {
    event.preventDefault();
    if (!file.reportValidity()) return;
    await busy(taken, { ...query(), build: build.value }, taking);
  } }, element("label", {}, t.build, build), take);
  const template = button(t.template, () => download(`/v1/templates/${dataset.value}.xlsx?lang=${t.lang}`, `${t.templateFile(t.datasets[dataset.value])}.xlsx`).catch((problem) => told.replaceChildren(refusal(problem, t))));
  const step = (title, ...content) => element("li", {}, element("h3", {}, title), ...content);
  return { nodes: [element("ol", { class: "flow" },
    step(t.stepTemplate, element("div", { class: "controls" }, element("label", {}, t.dataset, dataset), template), note(t.uploadNote)),
    step(t.stepCheck, checking, told),
    step(t.stepTake, note(t.takeNote), taking, taken))] };
}

/** Sends a file and says what came of it; whether it could be taken. */
async function sent(place, context, query, file) {
  const { t } = context, report = progress(place, t.sending);
  try {
    const { data } = await send("/v1/imports", query, file, (done, total) => report(done, total, t.sending));
    const job = await ended(data.job_id, t, report);
    place.replaceChildren(...await outcome(place, context, data.id, job));
    if (job.snapshot) refresh();
    return job.state === "succeeded";
  } catch (problem) {
    place.replaceChildren(refusal(problem, t));
    return false;
  }
}

/** Builds a snapshot, so that figures know of what was sent. */
async function built(place, context, day) {
  const { t } = context, report = progress(place, t.queued);
  try {
    const { data } = await order("/v1/snapshots", { as_of: day });
    const job = await ended(data.job_id, t, report);
    place.replaceChildren(job.snapshot ? made(context, job.snapshot) : element("p", { class: "problem" }, job.problem?.detail ?? t.states[job.state]));
    if (job.snapshot) refresh();
  } catch (problem) {
    place.replaceChildren(refusal(problem, t));
  }
}

function progress(place, text) {
  const bar = element("progress", { "aria-label": text }), phase = element("span", {}, text);
  place.replaceChildren(element("p", {}, bar, " ", phase));
  return (done, total, now) => {
    if (total) { bar.max = total; bar.value = done; } else bar.removeAttribute("value");
    phase.textContent = now;
  };
}

async function ended(id, t, report) {
  for (;;) {
    const { data } = await askNow(`/v1/jobs/${id}`);
    report(data.done, data.total, t.phases[data.phase] ?? t.queued);
    if (!["queued", "running"].includes(data.state)) return data;
    await new Promise((resolve) => setTimeout(resolve, ASKED_EVERY));
  }
}

/** What became of a file: how many rows, problems by kind, the file given back, every problem. */
async function outcome(place, context, id, job) {
  const { t } = context;
  const [{ data: record }, { data: issues }] = await Promise.all([askNow(`/v1/imports/${id}`), ask(`/v1/imports/${id}/issues`, { limit: LISTED_PROBLEMS })]);
  const good = job.state === "succeeded", result = record.result, problems = (result?.errors ?? 0) + (result?.warnings ?? 0);
  const kinds = result?.counts ?? [], newest = (result?.stale_snapshots ?? []).at(-1);
  const severity = (item) => element("span", { class: `severity ${item.severity}` }, t.severities[item.severity]);
  const byKind = kinds.length ? await dataTable({ t, caption: t.counts, rows: kinds, shown: kinds.length, columns: [
    { label: t.message, by: (item) => t.rule(item.rule), cell: (item) => t.rule(item.rule) }, { label: t.severity, words: true, by: (item) => item.severity, cell: severity },
    { label: t.column, words: true, by: (item) => item.header, cell: (item) => item.header ?? item.column ?? "" }, { label: t.number, by: (item) => item.number, cell: (item) => count(item.number) }] }) : null;
  const list = issues.length ? await dataTable({ t, caption: t.problems, rows: issues, shown: issues.length, columns: [
    { label: t.row, by: (item) => item.row, cell: (item) => String(item.row ?? "") }, { label: t.column, words: true, by: (item) => item.header, cell: (item) => element("span", { title: item.column }, item.header ?? item.column ?? "") },
    { label: t.value, words: true, by: (item) => item.value, cell: (item) => item.value ?? "" }, { label: t.severity, words: true, by: (item) => item.severity, cell: severity },
    { label: t.message, words: true, by: (item) => item.rule, cell: (item) => item.message + (item.suggestions.length ? t.closest(item.suggestions.join(t.comma)) : "") }] }) : null;
  if (!record.dry_run) forget();
  return [
    element("p", { class: good ? "done" : "problem" }, good ? (record.dry_run ? t.checked : t.done)(result) : job.problem?.detail ?? t.states[job.state]),
    ...(result?.notes ?? []).map((text) => note(text)),
    byKind?.node, kinds.length ? remarks(place, t, id) : null,
    problems > issues.length ? note(t.moreProblems(count(problems), issues.length)) : null,
    job.snapshot ? made(context, job.snapshot) : newest && !record.dry_run ? stale(place, context, newest) : null,
    list ? element("details", { open: issues.length <= 30 }, element("summary", {}, t.eachProblem(issues.length)), list.node) : null,
  ].filter(Boolean);
}

// Offers the sender's own file with remarks; where there is none, the service says why.
function remarks(place, t, id) {
  const saved = () => download(`/v1/imports/${id}/issues.xlsx`, `${t.remarksFile}_${id}.xlsx`).catch((problem) => place.append(refusal(problem, t)));
  return element("p", {}, button(t.remarks, saved));
}

// Leads on to the snapshot that was made.
const made = ({ t }, snapshot) => element("p", { class: "done" }, `${t.snapshotMade} ${snapshot} `, link({ view: "data", subject: snapshot }, t.toVersions));

// Says that the figures do not know of what was sent, and offers to build the newest of them anew.
function stale(place, context, snapshot) {
  const { t } = context, day = snapshot.replace(/^(\d{4})(\d{2})(\d{2})-.*/, "$1-$2-$3");
  return element("p", {}, `${t.stale} `, button(`${t.buildAnew} ${day}`, () => built(place, context, day)));
}
