// The cost chart: stacked days, the previous period as a line, days that still change, forecast, anomalies.
// Loaded only by pages that have a chart. Draws what the server put beside the canvas and adds no figure of its own.
import { BarController, BarElement, CategoryScale, Chart, Filler, LineController, LineElement, LinearScale, PointElement, Tooltip } from "chart.js";

const family = '"Inter Variable", system-ui, "Segoe UI", sans-serif';
Chart.defaults.font.family = family;
Chart.register(BarController, BarElement, Filler, LineController, LineElement, PointElement, CategoryScale, LinearScale, Tooltip);

const drawn = new Map(); // canvas -> {chart, go}
const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Destroys charts whose canvas has left the page. */
export function sweep() {
  for (const [canvas, { chart }] of drawn) if (!canvas.isConnected) { chart.destroy(); drawn.delete(canvas); }
}

/** Draws every chart inside region; go opens the address of an anomaly. */
export function draw(region, go) {
  sweep();
  for (const canvas of region.querySelectorAll("canvas[data-chart]")) drawOne(canvas, go);
}

/** Draws all again, in the colours of the theme that is on now. */
export function redraw() {
  for (const [canvas, { go }] of [...drawn]) drawOne(canvas, go);
}

function drawOne(canvas, go) {
  const block = document.getElementById(canvas.dataset.chart);
  if (!block) return;
  drawn.get(canvas)?.chart.destroy();
  const data = JSON.parse(block.textContent);
  const chart = new Chart(canvas, data.lines ? scores(data) : config(data));
  drawn.set(canvas, { chart, go });
  canvas.onclick = (event) => {
    const mark = markAt(chart, data, event.offsetX, event.offsetY);
    if (mark?.url) go(mark.url);
  };
  canvas.onmousemove = (event) => canvas.classList.toggle("hit", Boolean(markAt(chart, data, event.offsetX, event.offsetY)?.url));
}

function compact(symbol, value) {
  const sign = value < 0 ? "−" : "", n = Math.abs(value);
  const short = n >= 1e6 ? `${+(n / 1e6).toFixed(1)}M` : n >= 1e3 ? `${+(n / 1e3).toFixed(1)}k` : n >= 10 || n === 0 ? `${Math.round(n)}` : n.toFixed(2);
  return sign + symbol + short;
}

function exact(symbol, value) {
  return (value < 0 ? "−" : "") + symbol + Math.abs(value).toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

function config(data) {
  const ink2 = token("--ink-2"), surface = token("--surface");
  const fade = (colour) => colour + "8c"; // 55 % of an #rrggbb colour
  const bars = data.series.map((series, i) => {
    const colour = token(`--s${series.slot}`);
    const shades = data.provisional.map((late) => (late ? fade(colour) : colour));
    if (data.area) return {
      type: "line", label: series.name, data: series.values, stack: "cost", order: 2, fill: i === 0 ? "origin" : "-1", backgroundColor: colour,
      borderColor: surface, borderWidth: 1, pointRadius: 0, pointHitRadius: 6, spanGaps: false,
    };
    return {
      type: "bar", label: series.name, data: series.values, stack: "cost", order: 2,
      backgroundColor: shades, hoverBackgroundColor: shades,
      borderColor: surface, borderWidth: { top: 1 }, borderSkipped: false,
      categoryPercentage: 0.92, barPercentage: data.labels.length > 60 ? 1 : 0.9, maxBarThickness: 96,
    };
  });
  const lines = data.previous ? [{
    type: "line", label: data.previous.name, data: data.previous.values, stack: "previous", order: 1,
    borderColor: ink2, borderWidth: 1.5, pointRadius: 0, pointHitRadius: 6, cubicInterpolationMode: "monotone", spanGaps: false,
  }] : [];
  // Each line has a stack of its own: on a stacked axis it would be drawn on top of the others.
  if (data.forecast) lines.push({
    type: "line", label: data.forecast.name, data: data.forecast.values, stack: "forecast", order: 0,
    borderColor: token("--brand"), borderWidth: 2, borderDash: [4, 3], pointRadius: 0, pointHitRadius: 6, cubicInterpolationMode: "monotone", spanGaps: false,
  });
  return {
    data: { labels: data.labels, datasets: [...bars, ...lines] },
    options: {
      responsive: true, maintainAspectRatio: false, animation: false,
      layout: { padding: { top: data.marks?.length ? 26 : 8 } },
      interaction: { mode: "index", intersect: false },
      scales: {
        x: { stacked: true, grid: { display: false }, border: { color: token("--line") }, ticks: { color: ink2, font: { size: 11 }, maxRotation: 0, autoSkipPadding: 18 } },
        y: { stacked: true, beginAtZero: true, grid: { color: token("--grid") }, border: { display: false }, ticks: { color: ink2, font: { size: 11 }, maxTicksLimit: 7, callback: (v) => compact(data.symbol, v) } },
      },
      plugins: {
        tooltip: {
          ...tooltip(), itemSort: (a, b) => b.datasetIndex - a.datasetIndex,
          callbacks: {
            title: (items) => data.days[items[0].dataIndex] + (!data.provisional[items[0].dataIndex] ? "" : data.totals[items[0].dataIndex] === null ? " (forecast)" : " (still changing)"),
            label: (item) => ` ${item.dataset.label}: ${exact(data.symbol, item.parsed.y)}`,
            labelColor: (item) => { const c = data.series[item.datasetIndex] ? token(`--s${data.series[item.datasetIndex].slot}`) : item.dataset.borderColor; return { borderColor: c, backgroundColor: c }; },
            footer: (items) => { const sum = data.totals[items[0].dataIndex]; return sum === null ? "" : `Total: ${exact(data.symbol, sum)}`; },
          },
        },
      },
    },
    plugins: [marks(data)],
  };
}

const tooltip = () => ({
  backgroundColor: token("--surface"), titleColor: token("--ink"), bodyColor: token("--ink"), footerColor: token("--ink"), borderColor: token("--line"), borderWidth: 1,
  padding: 10, boxWidth: 8, boxHeight: 8, boxPadding: 4, usePointStyle: false,
});

// Scores of tenants: a line each, named at its right end, and the target that they are held against; or, with a unit, one
// number in a small chart.
function scores(data) {
  const ink2 = token("--ink-2");
  const colour = (line) => token(line.slot ? `--s${line.slot}` : "--ink");
  return {
    type: "line",
    data: { labels: data.labels, datasets: data.lines.map((line) => ({
      label: line.name, data: line.values, borderColor: colour(line), backgroundColor: colour(line), borderWidth: line.slot ? 2 : 2.5,
      // A day without a reading is neither zero nor a break: the line goes on over it, dashed, and a reading between two such days is a point.
      pointRadius: (at) => (at.parsed?.y != null && alone(line.values, at.dataIndex) ? 2.5 : 0), pointHitRadius: 6, cubicInterpolationMode: "monotone",
      spanGaps: true, segment: { borderDash: (s) => (s.p0.skip || s.p1.skip ? [3, 4] : undefined), borderWidth: (s) => (s.p0.skip || s.p1.skip ? 1.5 : undefined) },
    })) },
    options: {
      responsive: true, maintainAspectRatio: false, animation: false,
      layout: { padding: ({ chart }) => ({ top: 8, right: data.unit || chart.width < 480 ? 8 : Math.max(40, ...data.lines.map((l) => named(chart.ctx, l.name).width)) + 16 }) },
      interaction: { mode: "index", intersect: false },
      scales: {
        x: { grid: { display: false }, border: { color: token("--line") }, ticks: { color: ink2, font: { size: 11 }, maxRotation: 0, autoSkipPadding: 18 } },
        y: { min: data.low, max: data.high ?? 100, grid: { color: token("--grid") }, border: { display: false }, ticks: {
          color: ink2, font: { size: 11 }, ...(data.unit ? { maxTicksLimit: 4, precision: 0, callback: (v) => (data.unit === "percent" ? `${v}%` : v.toLocaleString("en")) } : { stepSize: data.low < 50 ? 20 : 10 }),
        } },
      },
      plugins: { tooltip: { ...tooltip(), itemSort: (a, b) => b.parsed.y - a.parsed.y, callbacks: {
        title: (items) => data.days[items[0].dataIndex], label: (item) => ` ${item.dataset.label}: ${data.unit === "count" ? item.parsed.y.toLocaleString("en") : `${item.parsed.y.toFixed(1)}%`}`,
      } } },
    },
    plugins: data.unit ? [] : [ends(data, colour)], // a small chart of one number has its name above it
  };
}

// alone says that a day has a reading and neither of the days beside it.
const alone = (values, i) => values[i] !== null && values[i - 1] == null && values[i + 1] == null;

// named is a name short enough for its place, with its width.
function named(ctx, name) {
  const text = name.length > 24 ? name.slice(0, 23) + "…" : name;
  ctx.save();
  ctx.font = font(11, 600);
  const { width } = ctx.measureText(text);
  ctx.restore();
  return { text, width };
}

function ends(data, colour) {
  return {
    id: "ends",
    beforeDatasetsDraw({ ctx, chartArea: area, scales: { y } }) {
      if (!(data.target > data.low)) return;
      const at = Math.round(y.getPixelForValue(data.target)) + 0.5;
      ctx.save();
      ctx.strokeStyle = token("--ink-2");
      ctx.setLineDash([4, 3]);
      ctx.beginPath();
      ctx.moveTo(area.left, at);
      ctx.lineTo(area.right, at);
      ctx.stroke();
      ctx.restore();
    },
    afterDatasetsDraw(chart) {
      const { ctx, chartArea: area, scales: { x, y } } = chart;
      if (chart.width < 480) return; // the legend above names them
      const labels = data.lines.map((line) => ({ line, v: line.values.findLast((v) => v !== null) })).filter(({ v }) => v != null)
        .map(({ line, v }) => ({ line, end: x.getPixelForValue(line.values.lastIndexOf(v)), from: y.getPixelForValue(v), y: y.getPixelForValue(v) })).sort((a, b) => a.y - b.y);
      for (let i = 1; i < labels.length; i++) labels[i].y = Math.max(labels[i].y, labels[i - 1].y + 14);
      let floor = area.bottom - 4; // what went over the edge is pushed back, and pushes what is above it
      for (let i = labels.length - 1; i >= 0; i--) { labels[i].y = Math.min(labels[i].y, floor); floor = labels[i].y - 14; }
      ctx.save();
      ctx.font = font(11, 600);
      ctx.textBaseline = "middle";
      for (const { line, end, from, y: to } of labels) {
        ctx.fillStyle = ctx.strokeStyle = colour(line);
        ctx.lineWidth = 1;
        ctx.setLineDash([1, 4]); // from the last reading on, if that is not of the last day
        ctx.beginPath();
        ctx.moveTo(end, from);
        ctx.lineTo(area.right, from);
        ctx.stroke();
        ctx.setLineDash([]);
        ctx.beginPath();
        ctx.moveTo(area.right + 1, from);
        ctx.lineTo(area.right + 8, to);
        ctx.stroke();
        ctx.fillText(named(ctx, line.name).text, area.right + 11, to);
      }
      ctx.restore();
    },
  };
}

const font = (px, weight) => `${weight} ${px}px ${family}`;

// Our own small plugin: the band behind days that still change, and anomaly triangles with at most five labels.
function marks(data) {
  return {
    id: "marks",
    beforeDatasetsDraw({ ctx, chartArea: area, scales: { x } }) {
      const first = data.provisional.indexOf(true);
      if (first < 0) return;
      const half = data.labels.length > 1 ? (x.getPixelForValue(1) - x.getPixelForValue(0)) / 2 : (area.right - area.left) / 2;
      const left = Math.max(area.left, x.getPixelForValue(first) - half);
      ctx.save();
      ctx.fillStyle = token("--surface-2");
      ctx.fillRect(left, area.top, area.right - left, area.bottom - area.top);
      ctx.font = font(11, 400);
      const words = data.band;
      if (ctx.measureText(words).width + 12 < area.right - left) {
        ctx.fillStyle = token("--ink-2");
        ctx.textBaseline = "top";
        ctx.fillText(words, left + 6, area.top + 6);
      }
      ctx.restore();
    },
    afterDatasetsDraw(chart) {
      const { ctx, chartArea: area } = chart;
      ctx.save();
      ctx.fillStyle = token("--bad");
      ctx.textAlign = "center";
      ctx.font = font(11, 600);
      // A label may cover the bars beside it no more than another label: then only its triangle is drawn.
      const taken = data.totals.map((sum, i) => {
        const bar = chart.getDatasetMeta(0)?.data[i];
        return { l: (bar?.x ?? 0) - (bar?.width ?? 0) / 2, r: (bar?.x ?? 0) + (bar?.width ?? 0) / 2, t: chart.scales.y.getPixelForValue(Math.max(0, sum ?? 0)), b: area.bottom };
      });
      let labels = 0;
      for (const mark of data.marks ?? []) {
        const at = place(chart, data, mark);
        ctx.beginPath();
        ctx.moveTo(at.x - 4, at.y - 6);
        ctx.lineTo(at.x + 4, at.y - 6);
        ctx.lineTo(at.x, at.y);
        ctx.fill();
        if (labels >= 5 || area.right - area.left < 480) continue;
        const width = ctx.measureText(mark.label).width;
        const x = Math.min(Math.max(at.x, area.left + width / 2), area.right - width / 2);
        const box = { l: x - width / 2 - 6, r: x + width / 2 + 6, t: at.y - 24, b: at.y - 8 };
        if (taken.some((o) => o.l < box.r && box.l < o.r && o.t < box.b && box.t < o.b)) continue; // no room: the triangle stays
        taken.push(box);
        labels++;
        ctx.lineJoin = "round"; // a halo keeps the words readable where the line of the period before crosses them
        ctx.lineWidth = 4;
        ctx.strokeStyle = token("--surface");
        ctx.strokeText(mark.label, x, at.y - 11);
        ctx.fillText(mark.label, x, at.y - 11);
      }
      ctx.restore();
    },
  };
}

function place(chart, data, mark) {
  const { x, y } = chart.scales;
  return { x: x.getPixelForValue(mark.day), y: y.getPixelForValue(Math.max(0, data.totals[mark.day] ?? 0)) - 5 };
}

function markAt(chart, data, px, py) {
  return (data.marks ?? []).find((mark) => {
    const at = place(chart, data, mark);
    return Math.abs(px - at.x) < 14 && py < at.y + 8 && py > at.y - 28;
  });
}
