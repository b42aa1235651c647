// Asking the HTTP API; what it refuses is thrown as the problem that it sent.

import { currentKey, read } from "./state.js";

const KEPT_FOR = 300_000; // ms: an answer is not asked for again within five minutes, unless figures are said to have changed
const KEPT = 200;

/** @type {Map<string, {at: number, answer: Promise<any>}>} */
const kept = new Map();

export class Refused extends Error {
  constructor(problem) {
    super(problem.detail || problem.title);
    this.problem = problem;
  }
}

// What could not be asked at all: the service did not answer.
export class Unreachable extends Error {}

/** Whether asking again may help, so that what was shown before can stay. */
export const isPassing = (error) => error instanceof Unreachable || (error instanceof Refused && (error.problem.status >= 500 || error.problem.status === 429));

export function address(path, query = {}) {
  const given = Object.entries(query).flatMap(([name, value]) =>
    Array.isArray(value) ? value.map((one) => [name, one]) : value ? [[name, value]] : []);
  const text = new URLSearchParams(given).toString();
  return text ? `${path}?${text}` : path;
}

// The language of what the service says is the page's, not the browser's.
const spoken = () => ({ "Accept-Language": read().lang, ...(currentKey() ? { Authorization: `Bearer ${currentKey()}` } : {}) });

/** Asks for an answer; one that was given a moment ago is given again. */
export function ask(path, query) {
  const url = address(path, query), name = `${currentKey()} ${url}`, before = kept.get(name);
  if (before && Date.now() - before.at < KEPT_FOR) return before.answer;
  const answer = answered(url).then((got) => got.json());
  kept.delete(name);
  kept.set(name, { at: Date.now(), answer });
  answer.catch((error) => { if (isPassing(error)) kept.delete(name); });
  if (kept.size > KEPT) kept.delete(kept.keys().next().value);
  return answer;
}

/** Asks for all pages of a list. */
export async function askAll(path, query) {
  let found = await ask(path, query);
  const rows = [...found.data];
  while (found.next_cursor) {
    found = await ask(path, { ...query, cursor: found.next_cursor });
    rows.push(...found.data);
  }
  return { ...found, data: rows };
}

/** Asks for what changes while one looks at it, as a job does. */
export const askNow = async (path, query) => (await answered(address(path, query))).json();

export function forget() {
  kept.clear();
}

async function answered(url, { headers, ...options } = {}) {
  const answer = await fetch(url, { ...options, headers: { ...headers, ...spoken() } }).catch(() => { throw new Unreachable(); });
  if (!answer.ok) throw refused(answer.status, answer.statusText, await answer.text());
  return answer;
}

function refused(status, title, text) {
  try {
    return new Refused({ status, title, ...JSON.parse(text) });
  } catch {
    return new Refused({ status, title });
  }
}

/** Asks for something to be done. */
export async function order(path, body) {
  const headers = { "Content-Type": "application/json" };
  return (await answered(path, { method: "POST", headers, body: JSON.stringify(body) })).json();
}

/** Sends a file as the body of a request; unlike `fetch`, it tells how much of it has gone. */
export function send(path, query, file, report) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address(path, query));
    for (const [name, value] of Object.entries(spoken())) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded, total }) => report(loaded, total);
    request.onload = () => (request.status < 300 ? resolve(JSON.parse(request.responseText)) : reject(refused(request.status, request.statusText, request.responseText)));
    request.onerror = () => reject(new Unreachable());
    request.send(file);
  });
}

export async function download(url, name) {
  const answer = await answered(url);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
