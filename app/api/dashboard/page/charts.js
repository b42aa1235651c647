// Charts drawn as SVG, in the page's own colours: trends, the funnel, the curve of proposals. Each has its table beside it,
// so that the picture itself is hidden from screen readers.

import { element, svg } from "./parts.js";
import { endOfScale, percent, step } from "./numbers.js";

const TEXT_WIDTH = { wide: 13, narrow: 7 };
const LINE = 16;

/** How wide a text of 13 pixels is, near enough to keep names apart. */
export const widthOf = (text) => [...text].reduce((sum, letter) => sum + (letter > "\u2e80" ? TEXT_WIDTH.wide : TEXT_WIDTH.narrow), 0);

const text = (x, y, words, attributes = {}) => svg("text", { x, y, ...attributes }, words);

const PAPER = 690; // pixels that a sheet is wide
const HALF = 420; // of a chart that stands beside another on paper
const drawings = new WeakMap();

window.addEventListener("beforeprint", () => {
  for (const frame of document.querySelectorAll(".chart")) drawings.get(frame)?.(document.querySelector("#map .chart") && frame.closest("#map, #trends") ? HALF : PAPER);
});

/** A chart that is drawn for the width it has, and anew when that changes; for paper too. */
export function drawn(height, make) {
  const frame = element("div", { class: "chart", "aria-hidden": "true" });
  let width = 0;
  const draw = (given) => {
    const now = Math.max(280, Math.round(given));
    if (now === width) return;
    width = now;
    const tall = typeof height === "function" ? height(width) : height;
    frame.replaceChildren(svg("svg", { viewBox: `0 0 ${width} ${tall}`, class: "drawn" }, make(width, tall)));
  };
  new ResizeObserver(([entry]) => { if (entry.contentRect.width) draw(entry.contentRect.width); }).observe(frame);
  drawings.set(frame, draw);
  draw(Math.min(1180, document.body.clientWidth - 32));
  return frame;
}

function percentAxis(top, box, y) {
  const one = step(top);
  return Array.from({ length: Math.round(top / one) + 1 }, (_, place) => place * one).map((value) => [
    svg("path", { class: value ? "grid" : "axis", d: `M${box.left} ${y(value)}H${box.right}` }),
    text(box.left - 6, y(value) + 4, percent(value, one < 0.01 ? 1 : 0), { class: "tick", "text-anchor": "end" })]);
}

/** Places labels of a side below one another where they would touch. */
function apart(labels, least, most) {
  const sorted = [...labels].sort((a, b) => a.y - b.y);
  sorted.forEach((label, place) => { label.y = Math.max(label.y, place ? sorted[place - 1].y + LINE : least); });
  for (let place = sorted.length - 1; place >= 0; place -= 1) {
    sorted[place].y = Math.min(sorted[place].y, place === sorted.length - 1 ? most : sorted[place + 1].y - LINE);
  }
  return labels;
}

/**
 * Rates over days, each held until the next one is known: a point where it was counted, a step where it changed, the
 * interval through each point, the chosen day, and a founding where it belongs.
 */
export function trend(days, series, { chosen, marked, lang }) {
  const time = (day) => Date.parse(day);
  const top = endOfScale(series.flatMap(({ rates }) => rates.flatMap((rate) => [rate.value, rate.high])));
  return drawn(320, (width, height) => {
    const phone = width < 520, names = phone ? [] : series.map(({ label }) => widthOf(label) + 70);
    const box = { left: 46, right: width - (phone ? 52 : Math.min(290, Math.max(...names, 90))), top: 26, bottom: height - 30 };
    const first = time(days[0]), last = time(days.at(-1)), span = Math.max(1, last - first);
    const x = (day) => box.left + 14 + (time(day) - first) / span * (box.right - box.left - 28);
    const y = (value) => box.bottom - value / top * (box.bottom - box.top);
    const made = [percentAxis(top, box, y)];
    const every = Math.ceil(days.length / Math.max(2, Math.floor((box.right - box.left) / 86)));
    days.forEach((day, place) => {
      const isChosen = day === chosen;
      if (isChosen) made.push(svg("path", { class: "chosen", d: `M${x(day)} ${box.top}V${box.bottom}` }));
      if ((days.length - 1 - place) % every === 0 || isChosen) made.push(text(x(day), height - 10, day, { class: isChosen ? "tick strong" : "tick", "text-anchor": place === 0 && phone ? "start" : place === days.length - 1 && phone ? "end" : "middle" }));
    });
    if (marked && days[0] <= marked.day && marked.day <= days.at(-1)) {
      const at = x(marked.day), right = at > (box.left + box.right) / 2;
      made.push(svg("path", { class: "founding", d: `M${at} ${box.top - 8}V${box.bottom}` }),
        text(at + (right ? -6 : 6), 14, marked.text, { class: "founding-text", "text-anchor": right ? "end" : "start" }));
    }
    const ends = [];
    series.forEach(({ label, rates }, place) => {
      const known = days.map((day, at) => ({ day, rate: rates[at] })).filter(({ rate }) => rate?.value != null);
      if (!known.length) return;
      const shift = (place - (series.length - 1) / 2) * 3;
      const path = known.map(({ day, rate }, at) => (at ? `H${x(day)}V${y(rate.value)}` : `M${x(day)} ${y(rate.value)}`)).join("");
      made.push(svg("path", { class: `line s${place}`, d: path }));
      known.forEach(({ day, rate }) => {
        const weak = rate.status === "ok" ? "" : " weak";
        if (rate.low != null) made.push(svg("path", { class: `whisker s${place}${weak}`, d: `M${x(day) + shift} ${y(rate.low)}V${y(rate.high)}` }));
        made.push(svg("circle", { class: `point s${place}${weak}`, cx: x(day) + shift, cy: y(rate.value), r: 4 }, svg("title", {}, `${label} ${day} ${percent(rate.value)}`)));
      });
      ends.push({ y: y(known.at(-1).rate.value) + 4, at: x(known.at(-1).day), value: percent(known.at(-1).rate.value), label, place });
    });
    apart(ends, box.top, box.bottom).forEach((end) => made.push(text(box.right + 2, end.y, phone ? end.value : `${end.value} ${end.label}`, { class: `end s${end.place}`, lang })));
    return made;
  });
}

/** The names of series, for where the chart is too narrow to write them at the lines' ends. */
export const keys = (series) => element("ul", { class: "keys", "aria-hidden": "true" }, series.map(({ label }, place) => element("li", { class: `s${place}` }, label)));

const SHAPES = {
  low: (x, y) => svg("path", { class: "mark low", d: `M${x - 7} ${y - 5}h14l-7 12z` }),
  lower: (x, y) => svg("path", { class: "mark lower", d: `M${x - 6} ${y - 4}h12l-6 10z` }),
  higher: (x, y) => svg("path", { class: "mark higher", d: `M${x - 6} ${y + 5}h12l-6 -10z` }),
};

export const markOf = (name) => svg("svg", { width: 16, height: 16, viewBox: "0 0 16 16", class: "drawn", "aria-hidden": "true" }, (SHAPES[name] ?? circle)(8, 8));

function circle(x, y) {
  return svg("circle", { class: "mark other", cx: x, cy: y, r: 4 });
}

/**
 * The funnel: each point a row, further right the more its ratio rests on, with the limits of one common ratio.
 *
 * @param {{x: number, y: number, name: string, class: string, limits: number[]}[]} points  limits: 95 % low, high, 99.8 % low, high
 */
export function funnel(points, { centre, t }) {
  const sorted = [...points].sort((a, b) => a.x - b.x);
  const top = endOfScale([...points.map(({ y }) => y * 1.08), ...sorted.slice(Math.floor(sorted.length / 3)).map(({ limits }) => limits[1])]);
  const [least, most] = [Math.log10(sorted[0].x) - 0.08, Math.log10(sorted.at(-1).x) + 0.08];
  return drawn((width) => (width < 520 ? 380 : 400), (width, height) => {
    const box = { left: 46, right: width - 14, top: 14, bottom: height - 52 };
    const x = (value) => box.left + (Math.log10(value) - least) / (most - least) * (box.right - box.left);
    const y = (value) => box.bottom - Math.min(value, top) / top * (box.bottom - box.top);
    const made = [percentAxis(top, box, y), svg("path", { class: "centre", d: `M${box.left} ${y(centre)}H${box.right}` })];
    for (const [side, kind] of [[0, "inner"], [1, "inner"], [2, "outer"], [3, "outer"]]) {
      made.push(svg("path", { class: `limit ${kind}`, d: sorted.map((point, place) => `${place ? "L" : "M"}${x(point.x).toFixed(1)} ${y(point.limits[side]).toFixed(1)}`).join("") }));
    }
    for (const value of ticksOfLog(least, most)) made.push(svg("path", { class: "grid", d: `M${x(value)} ${box.bottom}v5` }), text(x(value), box.bottom + 18, value.toLocaleString("en"), { class: "tick", "text-anchor": "middle" }));
    made.push(text(box.left, height - 8, t.fewer, { class: "tick strong" }), text(box.right, height - 8, t.moreEmployees, { class: "tick strong", "text-anchor": "end" }),
      text((box.left + box.right) / 2, height - 8, width < 520 ? "" : t.effective, { class: "tick", "text-anchor": "middle" }));
    const taken = points.map((point) => ({ left: x(point.x) - 6, right: x(point.x) + 6, top: y(point.y) - 6, bottom: y(point.y) + 6, point }));
    const urgent = ["low", "lower", "higher"];
    const inOrder = [...points].sort((a, b) => (urgent.indexOf(a.class) + 4) % 4 - (urgent.indexOf(b.class) + 4) % 4 || b.x - a.x);
    for (const point of inOrder) {
      const at = [x(point.x), y(point.y)], wide = widthOf(point.name);
      const spots = [[at[0] + 10, at[1] + 5], [at[0] - 10 - wide, at[1] + 5], [at[0] - wide / 2, at[1] - 10], [at[0] - wide / 2, at[1] + 20]];
      const inside = spots.map(([left, low]) => ({ left, right: left + wide, top: low - 12, bottom: low + 3, low })).filter((spot) => spot.left >= box.left && spot.right <= width && spot.top > 0);
      const meets = (spot, one) => one.point !== point && spot.left < one.right && one.left < spot.right && spot.top < one.bottom && one.top < spot.bottom;
      const free = inside.find((spot) => !taken.some((one) => meets(spot, one))) ?? (point.class === "low" ? inside[0] : null); // what is low is named in any case
      if (free) {
        taken.push(free);
        made.push(text(free.left, free.low, point.name, { class: `name ${point.class}` }));
      }
    }
    made.push(points.map((point) => svg("g", { class: point.weak ? "weak" : null }, (SHAPES[point.class] ?? circle)(x(point.x), y(point.y)), svg("title", {}, `${point.name} ${percent(point.y)}`))));
    return made;
  });
}

function ticksOfLog(least, most) {
  const found = [];
  for (let power = Math.floor(least); power <= Math.ceil(most); power += 1) {
    for (const one of most - least > 2 ? [1] : [1, 2, 5]) if (Math.log10(one) + power >= least && Math.log10(one) + power <= most) found.push(one * 10 ** power);
  }
  return found;
}

/** Coverage after each founding, one after the other, as steps; with what is aimed at, where there is such. */
export function curve(values, { target = null, labels, t }) {
  const low = Math.min(values[0], target ?? 1), high = Math.max(values.at(-1), target ?? 0); // it never falls
  const one = step(Math.max(high - low, 0.02), 5), from = Math.max(0, Math.floor(low / one) * one), to = Math.min(1, Math.ceil(high / one + 1e-9) * one);
  return drawn(280, (width, height) => {
    const box = { left: 46, right: width - 16, top: 16, bottom: height - 44 };
    const x = (place) => box.left + place / Math.max(1, values.length - 1) * (box.right - box.left);
    const y = (value) => box.bottom - (value - from) / Math.max(1e-9, to - from) * (box.bottom - box.top);
    const made = [];
    for (let value = from; value <= to + 1e-9; value += one) made.push(svg("path", { class: value === from ? "axis" : "grid", d: `M${box.left} ${y(value)}H${box.right}` }), text(box.left - 6, y(value) + 4, percent(value, one < 0.01 ? 1 : 0), { class: "tick", "text-anchor": "end" }));
    if (from > 0) made.push(svg("path", { class: "broken", d: `M${box.left - 4} ${box.bottom - 6}l8 -4m-8 0l8 -4` }));
    if (target != null) made.push(svg("path", { class: "target", d: `M${box.left} ${y(target)}H${box.right}` }), text(box.right, y(target) - 5, `${t.target} ${percent(target)}`, { class: "target-text", "text-anchor": "end" }));
    made.push(svg("path", { class: "line s0", d: values.map((value, place) => (place ? `H${x(place)}V${y(value)}` : `M${x(0)} ${y(value)}`)).join("") }));
    const every = Math.max(1, Math.ceil(values.length / 40));
    made.push(values.map((value, place) => (place % every && place !== values.length - 1 ? null : svg("circle", { class: "point s0", cx: x(place), cy: y(value), r: 3.5 }, svg("title", {}, `${labels[place]} ${percent(value)}`)))));
    const steps = step(values.length - 1, 8) || 1;
    for (let place = 0; place < values.length; place += Math.max(1, Math.round(steps))) made.push(text(x(place), box.bottom + 18, String(place), { class: "tick", "text-anchor": "middle" }));
    made.push(text(box.left, height - 6, t.foundedSoFar, { class: "tick strong" }),
      text(x(0) + 8, y(values[0]) + (y(values[0]) > box.bottom - 20 ? -8 : 16), percent(values[0]), { class: "end s0" }),
      text(box.right, Math.max(12, y(values.at(-1)) - 8), percent(values.at(-1)), { class: "end s0", "text-anchor": "end" }));
    return made;
  });
}
