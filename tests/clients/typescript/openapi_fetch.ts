// The main questions, asked with the types of openapi-typescript and openapi-fetch: `node openapi_fetch.js ADDRESS
// CLOSED_ADDRESS`, where the first answers everybody and the second nobody without a key.
import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Schemas = components["schemas"];

const [, , address = "", closed = ""] = process.argv;
const api = createClient<paths>({ baseUrl: address });
const district = "350203";

function given<T>(value: T | null | undefined): T {
  assert.ok(value !== null && value !== undefined);
  return value;
}

function good<T>(answer: { data?: T; error?: Schemas["Problem"] }): T {
  assert.ok(answer.data !== undefined, answer.error?.detail);
  return answer.data;
}

async function districts(): Promise<void> {
  const page = good(await api.GET("/v1/statistics/districts", { params: { query: { parent: district } } }));
  const listed = page.data.reduce((sum, row) => sum + given(row.counts.members), 0);
  assert.equal(listed + given(given(page.unallocated).counts.members), page.total.counts.members);
  const basis: Schemas["Basis"] | null = page.meta.basis;
  assert.equal(basis, "operating");
}

async function pages(): Promise<void> {
  const codes: string[] = [];
  let cursor: string | undefined;
  let rows = 0;
  do {
    const page = good(await api.GET("/v1/statistics/enterprises", { params: { query: { limit: 100, cursor } } }));
    codes.push(...page.data.map((row) => row.enterprise.code));
    rows = page.meta.rows;
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  assert.equal(new Set(codes).size, rows);
  assert.equal(codes.length, rows);
}

async function analyses(): Promise<void> {
  const low = good(await api.GET("/v1/statistics/low-membership", {
    params: { query: { district: [district], by: ["industry_group"] } },
  }));
  assert.equal(given(low.data[0]).class, "low");
  const cells = good(await api.GET("/v1/statistics/breakdown", {
    params: { query: { district: [district], by: ["street", "section"], fields: ["enterprises"], limit: 1000 } },
  }));
  const listed = cells.data.reduce((sum, cell) => sum + given(cell.counts.enterprises), 0);
  assert.equal(listed + given(given(cells.unallocated).counts.enterprises), given(cells.total).counts.enterprises);
  const trend = good(await api.GET("/v1/statistics/trends", {
    params: { query: { industry_group: ["internet"], fields: ["work_coverage", "dual_reach"], from: "2017-01-01" } },
  }));
  const rates = trend.data.map((row) => given(row.rates as Schemas["Rates"] | undefined));
  assert.deepEqual(rates.map((rate) => rate.work_coverage?.numerator), [23, 65, 67]);
  const changes = good(await api.GET("/v1/statistics/changes", { params: { query: { since: "2016-09-30", district: [district] } } }));
  assert.ok(!Array.isArray(changes.data)); // rows, with a level of districts in `by`
  const members = given(changes.data.members);
  const closes = members.within + members.entered - members.left + members.moved_in - members.moved_out;
  assert.equal(members.after - members.before, closes);
  const gaps = good(await api.GET("/v1/statistics/establishment-gaps", {
    params: { query: { district: [district], industry_group: ["internet"] } },
  }));
  assert.equal(gaps.data.length, 31);
  const plan = good(await api.GET("/v1/statistics/establishment-proposals", {
    params: { query: { district: [district], industry_group: ["internet"] } },
  }));
  assert.equal(plan.data.filter((row) => row.kind === "standalone").length, 31);
  assert.equal(plan.after.organisation_coverage.numerator, 65);
  const dual = good(await api.GET("/v1/statistics/dual-affiliation", {
    params: { query: { district: [district], industry_group: ["internet"] } },
  }));
  assert.equal(dual.data.members, 246);
  const quality = good(await api.GET("/v1/statistics/data-quality", { params: { query: { district: [district] } } }));
  assert.equal(quality.data.find((row) => row.rule === "headcount_unknown")?.number, 24);
}

async function problems(): Promise<void> {
  const { error, response } = await api.GET("/v1/statistics/districts", { params: { query: { limit: 0 } } });
  assert.equal(response.status, 422);
  assert.deepEqual(given(error).errors.map((item) => item.parameter), ["limit"]);
}

async function files(): Promise<void> {
  const starts: Record<Schemas["DistrictFormat"], string> = {
    csv: "row,code,", records: '[{"row":', xlsx: "PK", parquet: "PAR1", jsonstat: '{"version":"2.0"',
    geojson: '{"type":"FeatureCollection"',
  };
  for (const [format, start] of Object.entries(starts) as [Schemas["DistrictFormat"], string][]) {
    const file = good(await api.GET("/v1/statistics/districts.{format}", {
      params: { path: { format }, query: { parent: district, fields: ["members", "headcount"] } }, parseAs: "blob",
    }));
    assert.equal(await file.slice(0, start.length).text(), start);
  }
}

async function fileIn(): Promise<void> {
  const rows = "code,name,reported_on,headcount\nTS-0004,四号（示例）,2017-06-30,24\n";
  const accepted = good(await api.POST("/v1/imports", {
    params: { query: { dataset: "ledger" } },
    body: rows, // typed as a string, sent as it is
    bodySerializer: (body) => body,
    headers: { "Content-Type": "application/octet-stream" },
  }));
  assert.equal((await finished(accepted.data.job_id)).state, "succeeded");
  const record = good(await api.GET("/v1/imports/{id}", { params: { path: { id: accepted.data.id } } }));
  assert.equal(given(record.data.result).inserted, 1);
}

async function finished(id: string): Promise<Schemas["Job"]> {
  for (let asked = 0; asked < 600; asked += 1) {
    const { data, error, response } = await api.GET("/v1/jobs/{id}", { params: { path: { id } } });
    if (!response.headers.has("Retry-After")) return good({ data, error }).data;
    await setTimeout(100);
  }
  throw new Error(`${id} does not end`);
}

async function key(): Promise<void> {
  const body = { name: "openapi-fetch", rights: ["read" as const], districts: [district], days: 1 };
  const made = good(await api.POST("/v1/keys", { body }));
  const unknown = await createClient<paths>({ baseUrl: closed }).GET("/v1/statistics/districts");
  assert.equal(given(unknown.error).status, 401);
  const headers = { Authorization: `Bearer ${made.data.token}` };
  const known = createClient<paths>({ baseUrl: closed, headers });
  assert.ok(good(await known.GET("/v1/statistics/districts", { params: { query: { parent: district } } })).data.length > 0);
}

const questions = [districts, pages, analyses, problems, files, fileIn, key];
for (const ask of questions) await ask();
console.log(questions.length, "questions answered");
