// Charts; each has its table beside it, so that the picture itself is hidden from screen readers.

import { element } from "./parts.js";

const drawn = new Map();

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const asPercent = { callback: (value) => `${Number((100 * value).toFixed(1))}%` };

const atMostAll = (scale) => { scale.max = Math.min(scale.max, 1); };

const shareOf = ({ dataset, raw }) => `${dataset.label}: ${(100 * (raw?.y ?? raw)).toFixed(1)}%`;

function draw(id, height, configuration) {
  drawn.get(id)?.destroy();
  const canvas = element("canvas", { "aria-hidden": "true" });
  const frame = element("div", { class: "chart" }, canvas);
  frame.dataset.height = height;
  frame.style.height = `${height}px`;
  const text = colour("text"), line = colour("line");
  Chart.defaults.color = text;
  Chart.defaults.borderColor = line;
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.animation = false;
  requestAnimationFrame(() => drawn.set(id, new Chart(canvas, {
    ...configuration,
    options: { responsive: true, maintainAspectRatio: false, ...configuration.options },
  })));
  return frame;
}

// Bars by name; clicking on those of a name picks its place.
export function bars(id, names, series, pick) {
  const colours = [colour("first"), colour("second"), colour("third")];
  return draw(id, 60 + names.length * (14 * series.length + 10), {
    type: "bar",
    data: {
      labels: names,
      datasets: series.map(({ label, values }, place) => ({ label, data: values, backgroundColor: colours[place] })),
    },
    options: {
      indexAxis: "y",
      interaction: { mode: "y" },
      scales: { x: { min: 0, max: 1, ticks: asPercent } },
      plugins: { legend: { position: "bottom" }, tooltip: { callbacks: { label: shareOf } } },
      onClick: (_event, hits) => { if (hits.length) pick(hits[0].index); },
      onHover: ({ native }, hits) => { native.target.style.cursor = hits.length ? "pointer" : ""; },
    },
  });
}

// Lines over days; `marked` is a day worth seeing between them, and what happened.
export function lines(id, days, series, marked) {
  const colours = [colour("first"), colour("second"), colour("third"), colour("fourth")];
  const within = marked && days[0] <= marked.day && marked.day <= days.at(-1);
  return draw(id, 280, {
    type: "line",
    data: {
      datasets: series.map(({ label, values }, place) => ({
        label, data: days.map((day, at) => ({ x: day, y: values[at] })), borderColor: colours[place],
        backgroundColor: colours[place], tension: 0, pointRadius: 3,
      })),
    },
    plugins: within ? [mark(marked)] : [],
    options: {
      scales: {
        x: { type: "time", time: { unit: "day", displayFormats: { day: "yyyy-MM-dd" }, tooltipFormat: "yyyy-MM-dd" }, ticks: { source: "data", maxRotation: 0, autoSkipPadding: 12 } },
        y: { min: 0, grace: "10%", ticks: asPercent, afterDataLimits: atMostAll },
      },
      plugins: { legend: { position: "bottom" }, tooltip: { callbacks: { label: shareOf } } },
    },
  });
}

// Text with a rim in the colour of the ground, to be read across lines and points.
function write(ctx, text, x, y) {
  ctx.lineWidth = 4;
  ctx.lineJoin = "round";
  ctx.strokeStyle = colour("ground");
  ctx.strokeText(text, x, y);
  ctx.fillText(text, x, y);
}

function mark({ day, text }) {
  return {
    id: "mark",
    afterDraw({ ctx, chartArea, scales }) {
      const x = scales.x.getPixelForValue(new Date(`${day}T00:00`).getTime());
      const left = x > (chartArea.left + chartArea.right) / 2;
      ctx.save();
      ctx.strokeStyle = ctx.fillStyle = colour("accent");
      ctx.setLineDash([4, 3]);
      ctx.beginPath();
      ctx.moveTo(x, chartArea.top);
      ctx.lineTo(x, chartArea.bottom);
      ctx.stroke();
      ctx.setLineDash([]);
      ctx.textAlign = left ? "right" : "left";
      write(ctx, text, x + (left ? -6 : 6), chartArea.top + 12);
      ctx.restore();
    },
  };
}

export function funnel(id, points, limits, t) {
  const limit = (label, data, dash) => ({
    type: "line", label, data, borderColor: colour("muted"), borderDash: dash, borderWidth: 1, pointRadius: 0, pointStyle: "line", showLine: true,
  });
  const scatter = (label, data, tone, radius) => ({
    type: "scatter", label, data, backgroundColor: tone, pointRadius: radius, pointHoverRadius: radius + 2,
  });
  const low = points.filter((point) => point.class === "low"), others = points.filter((point) => point.class !== "low");
  return draw(id, 340, {
    data: {
      datasets: [
        scatter(t.low_class, low, colour("accent"), 6),
        scatter(t.others, others, colour("first"), 4),
        limit(t.limit95, limits.inner, []),
        limit(t.limit998, limits.outer, [5, 4]),
      ],
    },
    plugins: [names([...low, ...others.filter((point) => ["lower", "higher"].includes(point.class))])],
    options: {
      scales: {
        x: { type: "logarithmic", title: { display: true, text: t.effective } },
        y: { min: 0, grace: "5%", ticks: asPercent, title: { display: true, text: t.ratio } },
      },
      plugins: {
        legend: { position: "bottom", labels: { usePointStyle: true } },
        tooltip: { callbacks: { label: ({ raw }) => (raw.name ? `${raw.name}: ${(100 * raw.y).toFixed(1)}%` : "") } },
      },
    },
  });
}

const LINE_HEIGHT = 15;
const LONG_NAME = 26;

// A name in lines; only names of words with spaces between them are broken.
function broken(name) {
  const lines = [""];
  for (const word of name.split(" ")) {
    if (lines.at(-1) && `${lines.at(-1)} ${word}`.length > LONG_NAME) lines.push(word);
    else lines[lines.length - 1] += lines.at(-1) ? ` ${word}` : word;
  }
  return lines;
}

// Names of points: the first given are written first, a name that would cover one of them stands in the tooltip alone.
function names(points) {
  return {
    id: "names",
    afterDatasetsDraw({ ctx, scales, chartArea }) {
      const written = [];
      ctx.save();
      ctx.font = `600 13px ${Chart.defaults.font.family}`;
      for (const point of points) {
        const x = scales.x.getPixelForValue(point.x), y = scales.y.getPixelForValue(point.y), lines = broken(point.name);
        const width = Math.max(...lines.map((line) => ctx.measureText(line).width)), height = lines.length * LINE_HEIGHT;
        const start = x + 9 + width <= chartArea.right ? x + 9 : Math.max(chartArea.left, x - 9 - width);
        const top = Math.min(Math.max(y - height / 2, chartArea.top), chartArea.bottom - height);
        const covers = (other) => start < other.start + other.width && other.start < start + width && top < other.top + other.height && other.top < top + height;
        if (written.some(covers)) continue;
        written.push({ start, width, top, height });
        ctx.fillStyle = colour(point.class === "low" ? "accent" : "text");
        lines.forEach((line, place) => write(ctx, line, start, top + (place + 0.8) * LINE_HEIGHT));
      }
      ctx.restore();
    },
  };
}
