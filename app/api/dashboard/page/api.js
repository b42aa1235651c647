// Asking the HTTP API; what it refuses is thrown as the problem that it sent.

import { currentKey, read } from "./state.js";

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

// What could not be asked at all: the service did not answer.
export class Unreachable extends Error {}

// The language of what the service says is the page's, not the browser's.
const spoken = () => ({ "Accept-Language": read().lang, ...(currentKey() ? { Authorization: `Bearer ${currentKey()}` } : {}) });

export async function ask(path, query) {
  return (await answered(address(path, query))).json();
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

// Asks for something to be done.
export async function order(path, body) {
  const headers = { "Content-Type": "application/json" };
  return (await answered(path, { method: "POST", headers, body: JSON.stringify(body) })).json();
}

// Sends a file as the body of a request; unlike `fetch`, it tells how much of it has gone.
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
