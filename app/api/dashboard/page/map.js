// A map of places by a rate: darker is higher, hatched rests on little, white is without a figure.

import { change } from "./state.js";
import { drawn, widthOf } from "./charts.js";
import { element, plainName, svg } from "./parts.js";
import { isWeak, percent } from "./numbers.js";

const CLASSES = 5;

const rings = ({ type, coordinates }) => (type === "Polygon" ? [coordinates] : type === "MultiPolygon" ? coordinates : []);

/** Web Mercator, in units of a degree of longitude: shapes look as on other maps. */
const mercator = ([longitude, latitude]) => [longitude, -180 / Math.PI * Math.log(Math.tan(Math.PI / 4 + latitude * Math.PI / 360))];

/** The edges of positions, of which a map may have hundreds of thousands. */
function bounds(all) {
  const edges = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (const [x, y] of all) {
    edges.left = Math.min(edges.left, x);
    edges.right = Math.max(edges.right, x);
    edges.top = Math.min(edges.top, y);
    edges.bottom = Math.max(edges.bottom, y);
  }
  return edges;
}

/** Equal steps between the least and the highest rate, so that the legend reads as numbers. */
export function steps(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return Array.from({ length: CLASSES + 1 }, (_, place) => low + (high - low) * place / CLASSES);
}

/** @param {object[]} features  with the columns of the districts' table as properties */
export function choropleth(features, code, { t, state }) {
  const name = ({ properties }) => plainName(properties, state.lang);
  const figure = ({ properties }) => ({ value: properties[code], status: properties[`${code}_status`] });
  const shapes = features.map((feature) => ({ feature, rate: figure(feature), parts: rings(feature.geometry).map((part) => part.map((ring) => ring.map(mercator))) }));
  const edges = bounds(shapes.flatMap((shape) => shape.parts.flat(2)));
  const values = shapes.map(({ rate }) => rate.value).filter((value) => value != null), limits = values.length ? steps(values) : [];
  const classOf = (value) => Math.max(0, Math.min(CLASSES - 1, limits.findLastIndex((limit) => value >= limit)));
  const chart = drawn((width) => Math.round(Math.min(460, width * (edges.bottom - edges.top) / Math.max(1e-9, edges.right - edges.left)) + 20), (width, height) => {
    const scale = Math.min((width - 16) / (edges.right - edges.left), (height - 16) / (edges.bottom - edges.top));
    const shift = [(width - scale * (edges.right - edges.left)) / 2, (height - scale * (edges.bottom - edges.top)) / 2];
    const at = ([x, y]) => `${(shift[0] + (x - edges.left) * scale).toFixed(1)} ${(shift[1] + (y - edges.top) * scale).toFixed(1)}`;
    return [hatch(), ...shapes.map(({ feature, rate, parts }) => {
      const path = parts.flat().map((ring) => `M${ring.map(at).join("L")}Z`).join("");
      const told = `${name(feature)} ${rate.value == null ? t.noFigure : percent(rate.value)}`;
      const shape = (kind) => svg("path", { d: path, class: kind, "fill-rule": "evenodd" }, svg("title", {}, told));
      return svg("g", { class: "place", onclick: () => change({ district: feature.properties.code }) }, shape(rate.value == null ? "area none" : `area c${classOf(rate.value)}`), isWeak(rate) ? svg("path", { d: path, fill: "url(#hatch)", "pointer-events": "none" }) : null);
    }), ...shapes.map(({ feature, rate, parts }) => {
      const box = bounds(parts.flat(2)), middle = at([(box.left + box.right) / 2, (box.top + box.bottom) / 2]).split(" ");
      const label = name(feature), wide = (box.right - box.left) * scale;
      if (widthOf(label) > wide * 1.1) return null;
      return svg("text", { x: middle[0], y: middle[1], class: "map-name", "text-anchor": "middle" }, label, svg("tspan", { x: middle[0], dy: 15 }, rate.value == null ? "" : percent(rate.value)));
    })];
  });
  const key = element("ul", { class: "map-key" },
    limits.slice(0, -1).map((low, place) => element("li", { class: `c${place}` }, `${percent(low, 0)}–${percent(limits[place + 1], 0)}`)),
    element("li", { class: "weak" }, t.low_base), element("li", { class: "none" }, t.noFigure));
  return element("div", { class: "map" }, chart, key);
}

function hatch() {
  return svg("defs", {}, svg("pattern", { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, svg("path", { d: "M0 0V6", class: "hatching" })));
}
