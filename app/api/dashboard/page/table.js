// A table that can be sorted by its columns, searched, read to its end and copied; on a phone each row is a card.

import { button, copy, element, refusal } from "./parts.js";
import { count } from "./numbers.js";

const ROWS = 20;
const ALL = 1000;
const CARDS = 6; // rows that are shown at first where each is a card
const NARROW = "(max-width: 44rem)";

/**
 * @typedef {object} Column
 * @property {string} label
 * @property {string} [meaning]   shown on hover
 * @property {string} [sort]      how the API calls the order by it
 * @property {(item: any) => any} [by]  what the page sorts by, where all rows are there
 * @property {(item: any) => any} cell  what stands in the cell
 * @property {(item: any) => string} [text]  what is copied of it, if not what it shows
 * @property {boolean} [words]    left-aligned
 * @property {boolean} [aside]    not on paper
 */

/** @typedef {{data: any[], next_cursor: ?string, meta?: {rows: number}}} Answer */

/**
 * Makes the table of an answer.
 *
 * @param {object} given
 * @param {string} given.caption
 * @param {Column[]} given.columns  the first names the row
 * @param {any[] | ((query: object) => Promise<Answer>)} given.rows  all rows, or how they are asked for
 * @param {(answer: Answer) => any[]} [given.foot]  cells of rows below, as columns make them
 * @param {{column: string, order: string}} [given.sorted]
 * @param {(item: any) => object} [given.row]  attributes of a row
 */
export async function dataTable({ t, caption, columns, rows, foot = () => [], sorted = null, row = () => ({}), shown = ROWS }) {
  let order = sorted, items = [], answer = null, limit = shown, most = matchMedia(NARROW).matches ? CARDS + 2 : Array.isArray(rows) ? shown : Infinity;
  const body = element("tbody", { role: "rowgroup" }), end = element("tfoot", { role: "rowgroup" }), head = element("tr", { role: "row" });
  const told = element("span", { role: "status", class: "told" }), more = element("span", {});
  const made = element("table", { role: "table", class: columns.length < 4 ? "few" : null }, element("caption", { class: "hidden" }, caption), element("thead", { role: "rowgroup" }, head), body, end);

  const kind = (column) => [column.words && "text", column.aside && "aside"].filter(Boolean).join(" ") || null;
  const line = (item, attributes) => element("tr", { role: "row", ...attributes }, columns.map((column, place) => {
    const inside = column.cell(item);
    return element(place ? "td" : "th", { role: place ? "cell" : "rowheader", scope: place ? null : "row", class: kind(column), "data-label": place ? column.label : null, "data-copy": column.text?.(item) },
      Array.isArray(inside) ? element("span", {}, inside) : inside instanceof Node ? inside : String(inside ?? ""));
  }));

  function draw() {
    let list = items;
    const column = order && columns.find((one) => (one.sort ?? one.label) === order.column);
    if (column?.by && !column.sort) list = ordered(items, column.by, order.order);
    const cut = Math.min(most, matchMedia(NARROW).matches ? CARDS : shown);
    if (list.length > most) list = list.slice(0, Math.max(cut, list.findIndex((item) => row(item).class === "chosen") + 1));
    body.replaceChildren(...list.map((item) => line(item, row(item))));
    end.replaceChildren(...foot(answer).map((item) => line(item, { class: "total" })));
    head.replaceChildren(...columns.map(heading));
    const all = answer?.meta?.rows ?? items.length, next = answer?.next_cursor;
    more.replaceChildren(...(next || list.length < items.length ? [t.more(count(all), count(list.length)), " ", button(t.showMore, () => (list.length < items.length ? rest() : step(shown))), " ", button(t.showAll, () => (next ? step(ALL, true) : rest()))] : []));
  }

  function heading(column) {
    const name = column.sort ?? column.label, on = order?.column === name;
    if (!column.sort && !column.by) return element("th", { role: "columnheader", scope: "col", class: kind(column), title: column.meaning }, column.label);
    const turned = on ? (order.order === "asc" ? "desc" : "asc") : column.words || column === columns[0] ? "asc" : "desc";
    return element("th", { role: "columnheader", scope: "col", class: kind(column), title: column.meaning, "aria-sort": on ? (order.order === "asc" ? "ascending" : "descending") : null },
      button([column.label, element("span", { "aria-hidden": "true", class: "way" }, on ? (order.order === "asc" ? "▲" : "▼") : "")], () => sort(name, turned), { class: "sort", "data-column": name }));
  }

  function rest() {
    most = Infinity;
    draw();
  }

  async function sort(column, way) {
    order = { column, order: way };
    limit = Math.max(shown, items.length);
    await fetched(true);
    head.querySelector(`[data-column="${CSS.escape(column)}"]`)?.focus();
  }

  async function step(size, all = false) {
    most = Infinity;
    do {
      limit = size;
      if (!await fetched(false)) return;
    } while (all && answer.next_cursor);
  }

  async function fetched(anew) {
    if (Array.isArray(rows)) {
      items = rows;
      answer = { data: rows, next_cursor: null };
    } else {
      made.setAttribute("aria-busy", "true");
      try {
        const column = order && columns.find((one) => one.sort === order.column);
        const got = await rows({ limit: Math.min(limit, ALL), ...(column ? { sort: order.column, order: order.order } : {}), ...(anew ? {} : { cursor: answer.next_cursor }) });
        items = anew ? got.data : [...items, ...got.data];
        answer = got;
        told.replaceChildren();
      } catch (problem) {
        if (!answer) throw problem; // there is nothing to keep
        told.replaceChildren(refusal(problem, t)); // the rows that are there stay
        return false;
      } finally {
        made.removeAttribute("aria-busy");
      }
    }
    draw();
    return true;
  }

  await fetched(true);
  const frame = element("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": caption }, made);
  const line2 = element("p", { class: "tools more" }, more, button(t.copyTable, () => copy(made, told, t), { class: "link" }), told);
  return { node: element("div", { class: "data" }, frame, line2), answer: () => answer };
}

/** Rows in the order of what a column shows; what is not known goes last, either way. */
export function ordered(items, by, way) {
  const turn = way === "asc" ? 1 : -1;
  return [...items].sort((one, other) => {
    const a = by(one), b = by(other);
    if (a == null || b == null) return Number(a == null) - Number(b == null);
    return turn * (typeof a === "string" ? a.localeCompare(b, "zh") : a - b);
  });
}
