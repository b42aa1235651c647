// The main questions, asked with the client of @hey-api/openapi-ts: `node hey_api.js ADDRESS CLOSED_ADDRESS`, where the
// first answers everybody and the second nobody without a key.
import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { client as api } from "./orgcoverage/client.gen.js";
import { createClient } from "./orgcoverage/client/index.js";
import {
  createApiKey, createImport, exportDistrictStatistics, getChanges, getDualAffiliation, getEnterprise, getImport, getJob,
  listBreakdownStatistics, listDataQuality, listDistrictStatistics, listEnterpriseStatistics, listEstablishmentGaps,
  listImportIssues, listLowMembership, listTrendStatistics, replaceEnterprise,
} from "./orgcoverage/index.js";
import type { Basis, ComparisonClass, Counts, DistrictFormat, Job, Problem, Rate, Rates } from "./orgcoverage/index.js";

const [, , address = "", closed = ""] = process.argv;
api.setConfig({ baseUrl: address, throwOnError: true });
const district = "350203";

// What was asked for and is known.
function given<T>(value: T | null | undefined): T {
  assert.ok(value !== null && value !== undefined);
  return value;
}

function quotient(rate: Rate): number {
  return given(rate.numerator) / given(rate.denominator);
}

async function districts(): Promise<void> {
  const { data: page } = await listDistrictStatistics({ query: { parent: district }, throwOnError: true });
  const measures: (keyof Counts)[] = ["enterprises", "members", "headcount"];
  for (const measure of measures) {
    const listed = page.data.reduce((sum, row) => sum + given(row.counts[measure]), 0);
    assert.equal(listed + given(given(page.unallocated).counts[measure]), page.total.counts[measure]);
  }
  const ratio = given(page.total.rates.member_ratio);
  assert.equal(ratio.value, quotient(ratio));
  assert.ok(given(ratio.n_eff) < given(ratio.denominator));
  const basis: Basis | null = page.meta.basis;
  assert.equal(basis, "operating");
  assert.equal(page.meta.as_of, "2017-09-30");
  assert.equal(given(page.data[0]).counts.members_withheld, null);
}

async function pages(): Promise<void> {
  const codes: string[] = [];
  let cursor: string | undefined;
  let rows = 0;
  do {
    const { data: page } = await listEnterpriseStatistics({ query: { limit: 100, cursor }, throwOnError: true });
    codes.push(...page.data.map((row) => row.enterprise.code));
    rows = page.meta.rows;
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  assert.ok(rows > 200);
  assert.equal(codes.length, rows);
  assert.equal(new Set(codes).size, rows);
}

async function lowMembership(): Promise<void> {
  const { data: page } = await listLowMembership({
    query: { district: [district], by: ["industry_group"] }, throwOnError: true,
  });
  const internet = given(page.data[0]);
  assert.equal(given(internet.industry_group).code, "internet");
  const found: ComparisonClass = internet.class;
  assert.equal(found, "low");
  assert.ok(given(internet.q) < 0.05 && given(internet.q_margin) < 0.05);
  assert.ok(given(internet.ratio) < 0.8 * given(internet.reference_ratio));
  assert.ok(given(internet.shortfall) > 0);
}

async function breakdown(): Promise<void> {
  const { data: page } = await listBreakdownStatistics({
    query: { district: [district], by: ["street", "section"], fields: ["enterprises"], limit: 1000 }, throwOnError: true,
  });
  const listed = page.data.reduce((sum, cell) => sum + given(cell.counts.enterprises), 0);
  assert.equal(listed + given(given(page.unallocated).counts.enterprises), given(page.total).counts.enterprises);
  const { data: bases } = await listBreakdownStatistics({
    query: { district: [district], sector: ["non_public", "social"], by: ["basis"] }, throwOnError: true,
  });
  assert.deepEqual(bases.data.map((row) => row.basis), ["registered", "operating", "surveyed", "eligible", "above_size"]);
}

async function trends(): Promise<void> {
  const { data: trend } = await listTrendStatistics({
    query: { industry_group: ["internet"], fields: ["work_coverage", "dual_reach"], from: "2017-01-01" }, throwOnError: true,
  });
  assert.deepEqual(trend.data.map((row) => row.as_of), ["2017-03-31", "2017-06-30", "2017-09-30"]);
  const rates = trend.data.map((row) => given(row.rates as Rates | undefined));
  assert.deepEqual(rates.map((rate) => rate.work_coverage?.numerator), [23, 65, 67]);
  assert.equal(given(rates[0]).member_ratio, undefined);
}

async function panel(): Promise<void> {
  const { data: trend } = await listTrendStatistics({
    query: { district: [district], by: ["street"], fields: ["work_coverage"], from: "2017-06-30", compare_to: "previous" },
    throwOnError: true,
  });
  assert.equal(trend.data.length, 2 * trend.meta.rows);
  assert.deepEqual(trend.data.map((row) => row.change === null), trend.data.map((_row, place) => place % 2 === 0));
}

async function changes(): Promise<void> {
  const query = { since: "2016-09-30", district: [district], by: ["section" as const] };
  const { data: found } = await getChanges({ query, throwOnError: true });
  assert.ok(!Array.isArray(found.data)); // rows, with a level of districts in `by`
  const ratio = given(found.data.ratio);
  assert.ok(Math.abs(ratio.difference - (ratio.rate + ratio.mix)) < 1e-12);
  const members = given(found.data.members);
  const closes = members.within + members.entered - members.left + members.moved_in - members.moved_out;
  assert.equal(members.after - members.before, closes);
}

async function gaps(): Promise<void> {
  const query = {
    district: [district], industry_group: ["internet"], sort: "full_members" as const, order: "desc" as const,
  };
  const { data: page } = await listEstablishmentGaps({ query, throwOnError: true });
  assert.equal(page.data.length, 31);
  assert.ok(page.data.every((row) => given(row.counts.full_members) >= 3 && row.enterprise.organised === false));
}

async function dualAffiliation(): Promise<void> {
  const { data: found } = await getDualAffiliation({
    query: { district: [district], industry_group: ["internet"] }, throwOnError: true,
  });
  assert.equal(found.data.members, 246);
  assert.equal(found.data.uplift.organisation_coverage.with_dual.numerator, 63);
}

async function dataQuality(): Promise<void> {
  const { data: page } = await listDataQuality({ query: { district: [district] }, throwOnError: true });
  assert.equal(page.reporting_rate.numerator, 269);
  assert.equal(page.data.find((row) => row.rule === "headcount_unknown")?.number, 24);
  assert.equal(page.data.find((row) => row.rule === "members_without_employer")?.number, null);
}

async function problems(): Promise<void> {
  const { error, response } = await listDistrictStatistics({ query: { limit: 0 }, throwOnError: false });
  const problem: Problem = given(error);
  assert.equal(given(response).status, 422);
  assert.equal(problem.type, "/problems/invalid-request");
  assert.deepEqual(problem.errors.map((item) => item.parameter), ["limit"]);
  const missing = await getEnterprise({ path: { code: "nowhere" }, throwOnError: false });
  assert.equal(given(missing.error).status, 404);
}

async function files(): Promise<void> {
  const starts: Record<DistrictFormat, string> = {
    csv: "row,code,", records: '[{"row":', xlsx: "PK", parquet: "PAR1", jsonstat: '{"version":"2.0"',
    geojson: '{"type":"FeatureCollection"',
  };
  for (const [format, start] of Object.entries(starts) as [DistrictFormat, string][]) {
    const { data: file } = await exportDistrictStatistics({
      path: { format }, query: { parent: district, fields: ["members", "headcount"] }, parseAs: "blob", throwOnError: true,
    });
    assert.ok(file instanceof Blob);
    assert.equal(await file.slice(0, start.length).text(), start);
    if (format === "csv") {
      assert.equal((await file.text()).split("\r\n")[0], "row,code,name_zh,name_en,level,parent_code,headcount,members");
    }
  }
}

async function fileIn(): Promise<void> {
  const rows = "code,name,reported_on,headcount\nTS-0001,一号（示例）,2017-06-30,24\nTS-0002,二号（示例）,2017-06-30,many\n";
  const body = new Blob([rows]);
  const { data: accepted } = await createImport({ body, query: { dataset: "ledger", on_error: "skip" }, throwOnError: true });
  const job = await finished(accepted.data.job_id);
  assert.equal(job.state, "succeeded");
  const { data: record } = await getImport({ path: { id: accepted.data.id }, throwOnError: true });
  assert.equal(given(record.data.result).inserted, 2 - 1);
  assert.equal(record.data.bytes, body.size);
  const { data: issues } = await listImportIssues({ path: { id: accepted.data.id }, throwOnError: true });
  assert.deepEqual(issues.data.map((issue) => [issue.row, issue.column, issue.rule]), [[3, "headcount", "invalid_count"]]);
}

async function finished(id: string): Promise<Job> {
  for (let asked = 0; asked < 600; asked += 1) {
    const { data: answer, response } = await getJob({ path: { id }, throwOnError: true });
    if (!response.headers.has("Retry-After")) return answer.data;
    await setTimeout(100);
  }
  throw new Error(`${id} does not end`);
}

async function change(): Promise<void> {
  const path = { code: "TS-0003" };
  const body = {
    name: "三号（示例）", kind: "enterprise", registered_on: "2016-05-04", closed_on: null, district_code: "350203008",
    industry_code: null, supersedes: null,
  } as const;
  const { data: written, response } = await replaceEnterprise({ path, body, throwOnError: true });
  assert.equal(response.status, 201);
  assert.deepEqual(written.data, { code: path.code, ...body });
}

async function key(): Promise<void> {
  const body = { name: "typescript", rights: ["read" as const], districts: [district], days: 1 };
  const { data: made } = await createApiKey({ body, throwOnError: true });
  const unknown = createClient({ baseUrl: closed });
  assert.equal((await listDistrictStatistics({ client: unknown })).error?.status, 401);
  const known = createClient({ baseUrl: closed, auth: made.data.token });
  const { data: page } = await listDistrictStatistics({ client: known, query: { parent: district }, throwOnError: true });
  assert.ok(page.data.length > 0);
}

const questions = [
  districts, pages, lowMembership, breakdown, trends, panel, changes, gaps, dualAffiliation, dataQuality, problems, files,
  fileIn, change, key,
];
for (const ask of questions) await ask();
console.log(questions.length, "questions answered");
