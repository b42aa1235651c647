// Sending a file: its way to the service, the job that takes it, and every problem of its rows.

import { ask, download, order, send } from "./api.js";
import { count, element, refusal, row, table, textCell, textHead } from "./parts.js";
import { refresh } from "./state.js";

const DATASETS = [
  "ledger", "returns", "enterprises", "branches", "coverage", "branch-returns", "members", "employments", "affiliations",
  "districts", "industries", "industry-groups", "branch-returns", "targets",
];
const LISTED_PROBLEMS = 100;

export async function upload({ t }) {
  await ask("/v1/imports", { limit: 1 });
  const told = element("div", { role: "status" });
  const file = element("input", { type: "file", required: true });
  const template = element("a", {}, t.template);
  const offer = () => { template.href = `/v1/templates/${dataset.value}.xlsx?lang=${t.lang}`; };
  const dataset = element("select", { onchange: offer }, DATASETS.map((name) => element("option", { value: name }, t.datasets[name])));
  const skip = element("input", { type: "checkbox" });
  const ignore = element("input", { type: "checkbox" });
  const build = element("input", { type: "date" });
  const dry = element("input", { type: "checkbox", checked: true, onchange: () => { build.disabled = dry.checked; } });
  build.disabled = true;
  const form = element("form", { class: "controls", onsubmit: async (event) => {
    event.preventDefault();
    const query = { dataset: dataset.value, on_error: skip.checked ? "skip" : "", ignore_unknown: ignore.checked ? "true" : "", ...(dry.checked ? { dry_run: "true" } : { build: build.value }) };
    button.disabled = true;
    await taken(told, t, query, file.files[0]);
    button.disabled = false;
  } },
  element("label", {}, t.dataset, dataset), element("label", {}, t.file, file), element("label", {}, skip, t.skipRows), element("label", {}, ignore, t.ignoreUnknown),
  element("label", {}, dry, t.dry), element("label", {}, t.build, build));
  const button = element("button", {}, t.send);
  form.append(button);
  offer();
  return { nodes: [element("p", { class: "note" }, t.uploadNote, template), form, told] };
}

async function taken(told, t, query, file) {
  const report = progress(told, t.sending);
  try {
    const { data } = await send("/v1/imports", query, file, (done, total) => report(done, total, t.sending));
    const job = await ended(data.job_id, t, report);
    told.replaceChildren(...await outcome(told, t, data.id, job));
    if (job.snapshot) refresh();
  } catch (problem) {
    told.replaceChildren(refusal(problem, t));
  }
}

// Builds a snapshot, so that figures know of what was sent.
async function built(told, t, day) {
  const report = progress(told, t.queued);
  try {
    const { data } = await order("/v1/snapshots", { as_of: day });
    const job = await ended(data.job_id, t, report);
    told.replaceChildren(element("p", { class: job.snapshot ? "" : "problem" }, job.snapshot ? `${t.snapshot} ${job.snapshot}` : job.problem?.detail ?? t.states[job.state]));
    if (job.snapshot) refresh();
  } catch (problem) {
    told.replaceChildren(refusal(problem, t));
  }
}

function progress(told, text) {
  const bar = element("progress", { "aria-label": text }), phase = element("span", {}, text);
  told.replaceChildren(element("p", {}, bar, " ", phase));
  return (done, total, now) => {
    if (total) { bar.max = total; bar.value = done; } else bar.removeAttribute("value");
    phase.textContent = now;
  };
}

async function ended(id, t, report) {
  for (;;) {
    const { data } = await ask(`/v1/jobs/${id}`);
    report(data.done, data.total, t.phases[data.phase] ?? t.queued);
    if (!["queued", "running"].includes(data.state)) return data;
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
}

async function outcome(told, t, id, job) {
  const [{ data: record }, { data: issues }] = await Promise.all([
    ask(`/v1/imports/${id}`), ask(`/v1/imports/${id}/issues`, { limit: LISTED_PROBLEMS })]);
  const good = job.state === "succeeded", problems = (record.result?.errors ?? 0) + (record.result?.warnings ?? 0);
  const rows = issues.map((issue) => row(String(issue.row ?? ""), [
    textCell(issue.header ?? issue.column, issue.column), textCell(issue.value), textCell(t.severities[issue.severity]),
    textCell(said(issue, t))]));
  const counts = (record.result?.counts ?? []).map((found) => row(t.rule(found.rule), [
    textCell(t.severities[found.severity]), textCell(found.header ?? found.column), count(found.number)]));
  const newest = (record.result?.stale_snapshots ?? []).at(-1);
  return [
    element("p", { class: good ? "" : "problem" }, good ? (record.dry_run ? t.checked : t.done)(record.result) : job.problem?.detail ?? t.states[job.state],
      job.snapshot ? ` ${t.snapshot} ${job.snapshot}` : ""),
    ...(record.result?.notes ?? []).map((note) => element("p", { class: "note" }, note)),
    counts.length ? table(t.counts, [t.message, ...[t.severity, t.column].map(textHead), t.number], counts) : null,
    counts.length ? remarks(told, t, id) : null,
    problems > rows.length ? element("p", { class: "note" }, t.more(count(problems), rows.length)) : null,
    newest && !job.snapshot ? stale(told, t, newest) : null,
    rows.length ? table(t.problems, [t.row, ...[t.column, t.value, t.severity, t.message].map(textHead)], rows) : null,
  ].filter(Boolean);
}

// What is wrong with a row: the sentence, and the closest codes where there are some.
function said(issue, t) {
  return issue.message + (issue.suggestions.length ? t.closest(issue.suggestions.join(t.comma)) : "");
}

// Offers the sender's own file with remarks; where there is none, the service says why.
function remarks(told, t, id) {
  const saved = () => download(`/v1/imports/${id}/issues.xlsx`, `${id}.xlsx`).catch((problem) => told.append(refusal(problem, t)));
  return element("p", {}, element("button", { type: "button", class: "link", onclick: saved }, t.remarks));
}

// Says that the figures do not know of what was sent, and offers to build the newest of them anew.
function stale(told, t, snapshot) {
  const day = snapshot.replace(/^(\d{4})(\d{2})(\d{2})-.*/, "$1-$2-$3");
  return element("p", {}, `${t.stale} `, element("button", { type: "button", onclick: () => built(told, t, day) }, `${t.buildAnew} ${day}`));
}
