// Sending a file: its way to the service, the job that takes it, and every problem of its rows.

import { ask, send } from "./api.js";
import { count, element, refusal, row, table } from "./parts.js";
import { refresh } from "./state.js";

const DATASETS = [
  "ledger", "returns", "enterprises", "branches", "coverage", "members", "employments", "affiliations", "districts",
  "industries", "industry-groups",
];
const LISTED_PROBLEMS = 100;

export async function upload({ t }) {
  await ask("/v1/imports", { limit: 1 });
  const told = element("div", { role: "status" });
  const file = element("input", { type: "file", required: true });
  const dataset = element("select", {}, DATASETS.map((name) => element("option", { value: name }, t.datasets[name])));
  const skip = element("input", { type: "checkbox" });
  const build = element("input", { type: "date" });
  const dry = element("input", { type: "checkbox", checked: true, onchange: () => { build.disabled = dry.checked; } });
  build.disabled = true;
  const form = element("form", { class: "controls", onsubmit: async (event) => {
    event.preventDefault();
    const query = { dataset: dataset.value, on_error: skip.checked ? "skip" : "", ...(dry.checked ? { dry_run: "true" } : { build: build.value }) };
    button.disabled = true;
    await taken(told, t, query, file.files[0]);
    button.disabled = false;
  } },
  element("label", {}, t.dataset, dataset), element("label", {}, t.file, file), element("label", {}, skip, t.skipRows),
  element("label", {}, dry, t.dry), element("label", {}, t.build, build));
  const button = element("button", {}, t.send);
  form.append(button);
  return { nodes: [element("p", { class: "note" }, t.uploadNote, element("a", { href: `/v1/templates/ledger.xlsx?lang=${t.lang}` }, t.template)), form, told] };
}

async function taken(told, t, query, file) {
  const bar = element("progress", { "aria-label": t.sending }), phase = element("span", {}, t.sending);
  told.replaceChildren(element("p", {}, bar, " ", phase));
  const report = (done, total, text) => {
    if (total) { bar.max = total; bar.value = done; } else bar.removeAttribute("value");
    phase.textContent = text;
  };
  try {
    const { data } = await send("/v1/imports", query, file, (done, total) => report(done, total, t.sending));
    const job = await ended(data.job_id, (now) => report(now.done, now.total, t.phases[now.phase] ?? t.queued));
    told.replaceChildren(...await outcome(t, data.id, job));
    if (job.snapshot) refresh();
  } catch (problem) {
    told.replaceChildren(refusal(problem, t));
  }
}

async function ended(id, report) {
  for (;;) {
    const { data } = await ask(`/v1/jobs/${id}`);
    report(data);
    if (!["queued", "running"].includes(data.state)) return data;
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
}

async function outcome(t, id, job) {
  const [{ data: record }, { data: issues }] = await Promise.all([
    ask(`/v1/imports/${id}`), ask(`/v1/imports/${id}/issues`, { limit: LISTED_PROBLEMS })]);
  const good = job.state === "succeeded", problems = (record.result?.errors ?? 0) + (record.result?.warnings ?? 0);
  const rows = issues.map((issue) => row(String(issue.row ?? ""), [
    issue.column ?? "", issue.value ?? "", t.severities[issue.severity], element("td", { class: "text" }, issue.message)]));
  return [
    element("p", { class: good ? "" : "problem" }, good ? (record.dry_run ? t.checked : t.done)(record.result) : job.problem?.detail ?? job.state,
      job.snapshot ? ` ${t.snapshot} ${job.snapshot}` : ""),
    problems > rows.length ? element("p", { class: "note" }, t.more(count(problems), rows.length)) : null,
    rows.length ? table(t.problems, [t.row, t.column, t.value, t.severity, element("th", { scope: "col", class: "text" }, t.message)], rows) : null,
  ].filter(Boolean);
}
