// Asking the HTTP API; what it refuses is thrown as the problem that it sent.

import { currentKey } from "./state.js";

export class Refused extends Error {
  constructor(problem) {
    super(problem.detail || problem.title);
    this.problem = problem;
  }
}

export function address(path, query = {}) {
  const given = Object.entries(query).flatMap(([name, value]) =>
    Array.isArray(value) ? value.map((one) => [name, one]) : value ? [[name, value]] : []);
  const text = new URLSearchParams(given).toString();
  return text ? `${path}?${text}` : path;
}

export async function ask(path, query, options = {}) {
  const headers = currentKey() ? { Authorization: `Bearer ${currentKey()}` } : {};
  const answer = await fetch(address(path, query), { headers, ...options });
  if (!answer.ok) throw await refused(answer);
  return answer.json();
}

async function refused(answer) {
  const told = (answer.headers.get("Content-Type") || "").includes("json") ? await answer.json() : {};
  return new Refused({ status: answer.status, title: answer.statusText, ...told });
}

export async function download(url, name) {
  const headers = currentKey() ? { Authorization: `Bearer ${currentKey()}` } : {};
  const answer = await fetch(url, { headers });
  if (!answer.ok) throw await refused(answer);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
