// Charts of metrics. The numbers are in tables of the page, too: without a
// script, or a pointer, nothing is missing but the picture.
"use strict";
(() => {
const colours = 8; // --c1 to --c8 of the style sheet
const height = 200; // pixels
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colour = (i) => () => css(`--c${i % colours + 1}`);
const short = (v) => v == null ? "" : String(+v.toPrecision(5));

// averaged is the running mean that weighs the past by w, without its pull
// towards the zero that it starts from.
function averaged(values, w) {
  let mean = 0, weight = 0;
  return values.map((v) => {
    if (v == null) return null;
    mean = mean * w + v * (1 - w);
    weight = weight * w + (1 - w);
    return mean / weight;
  });
}

// drawing says what the controls of a page ask for.
function drawing(controls) {
  const f = new FormData(controls);
  return { smoothing: Number(f.get("smoothing")), across: f.get("across"), log: f.has("log") };
}

// table makes a table of columns of values that somebody opens.
function table(head, columns) {
  const t = document.createElement("table");
  t.className = "table";
  const row = (parent, tag, cells) => {
    const tr = parent.insertRow();
    for (const text of cells) { const cell = document.createElement(tag); cell.className = "num"; cell.textContent = text; tr.append(cell); }
  };
  row(t.createTHead(), "th", head);
  const body = t.createTBody();
  columns[0].forEach((_, i) => row(body, "td", columns.map((c) => c[i] ?? "")));
  return t;
}

// Chart is one figure: a metric of one run, or of several.
class Chart {
  constructor(figure, source, controls) {
    Object.assign(this, { figure, source, controls, runs: [], series: [], plot: null, asked: 0 });
    this.pane = figure.querySelector(".plot");
    this.note = figure.querySelector("[data-note]");
    new ResizeObserver(() => this.plot?.setSize({ width: this.pane.clientWidth, height })).observe(this.pane);
  }

  // load asks for the points, and draws them; an answer that is overtaken by
  // another question is dropped.
  async load(metric, runs) {
    const asked = ++this.asked;
    const q = new URLSearchParams({ key: metric });
    for (const r of runs) q.append("run", r.id);
    let series;
    try {
      const res = await fetch(`${this.source}?${q}`, { headers: { Accept: "application/json" } });
      if (!res.ok || res.redirected) throw new Error(String(res.status));
      series = await res.json();
    } catch {
      if (asked === this.asked) this.note.textContent = "The points could not be loaded. Load the page again.";
      return;
    }
    if (asked !== this.asked) return;
    const same = runs.length === this.runs.length && metric === this.metric;
    Object.assign(this, { metric, runs, series });
    this.draw(same);
  }

  // lines gives the columns that are drawn, and how each looks.
  lines() {
    const { smoothing, across, log } = drawing(this.controls);
    const tables = [], looks = [];
    this.series.forEach((s, i) => {
      const first = s.times[0];
      const xs = across === "steps" ? s.steps : s.times.map((t) => (t - first) / 1000);
      const ys = log ? s.values.map((v) => v > 0 ? v : null) : s.values;
      const look = { label: this.runs[i].name, stroke: colour(i), width: 1.5, spanGaps: true, value: (_, v) => short(v), points: { show: xs.length < 3 } };
      const columns = [xs, ys];
      looks.push(smoothing > 0 ? { ...look, alpha: .3 } : look);
      if (smoothing > 0) {
        columns.push(averaged(ys, smoothing));
        looks.push({ ...look, label: `${look.label}, smooth` });
      }
      tables.push(columns);
    });
    // A line alone keeps all its points; several share their places.
    return { data: tables.length === 1 ? tables[0] : uPlot.join(tables), looks, across, log };
  }

  // draw makes the picture; keep leaves it zoomed as it is, for fresh points.
  draw(keep) {
    const count = this.series.reduce((n, s) => n + s.values.length, 0);
    this.describe(count);
    const { data, looks, across, log } = this.lines();
    if (keep && this.plot) {
      const { min, max } = this.plot.scales.x, xs = this.plot.data[0];
      const whole = xs.length === 0 || min <= xs[0] && max >= xs[xs.length - 1];
      this.plot.setData(data, whole);
      if (!whole) this.plot.redraw();
      return;
    }
    this.plot?.destroy();
    this.plot = null;
    if (count === 0) return;
    const axis = { stroke: () => css("--soft"), grid: { stroke: () => css("--line"), width: 1 }, ticks: { stroke: () => css("--line"), width: 1 } };
    this.plot = new uPlot({
      width: this.pane.clientWidth, height,
      scales: { x: { time: false }, y: log ? { distr: 3 } : {} },
      axes: [{ ...axis, space: 70 }, { ...axis, size: 62, values: (_, marks) => marks.map(short) }],
      series: [{ label: across === "steps" ? "step" : "seconds", value: (_, v) => short(v) }, ...looks],
    }, data, this.pane);
  }

  // describe tells what the picture shows to those who do not see it.
  describe(count) {
    const values = this.series.flatMap((s) => s.values).filter((v) => v != null);
    const least = values.reduce((a, b) => Math.min(a, b), Infinity), most = values.reduce((a, b) => Math.max(a, b), -Infinity);
    this.figure.dataset.points = count;
    this.note.textContent = count === 1 ? "1 point" : `${count} points`;
    this.pane.setAttribute("role", "img");
    this.pane.setAttribute("aria-label", `${this.metric} of ${this.runs.map((r) => r.name).join(", ")}` +
      (values.length ? `: between ${short(least)} and ${short(most)}, at the end ${short(values[values.length - 1])}` : ": nothing to draw"));
    const old = this.figure.querySelector("details");
    const details = document.createElement("details"), summary = document.createElement("summary");
    summary.textContent = "Values";
    details.append(summary);
    details.addEventListener("toggle", () => this.fill(details));
    if (old?.open) details.open = true;
    old ? old.replaceWith(details) : this.figure.append(details);
  }

  // fill writes the table of values when somebody opens it.
  fill(details) {
    if (!details.open || details.children.length > 1) return;
    const box = document.createElement("div");
    box.className = "scroll";
    box.tabIndex = 0;
    const columns = [[], [], []];
    this.series.forEach((s, i) => s.values.forEach((v, j) => {
      columns[0].push(this.runs[i].name); columns[1].push(s.steps[j]); columns[2].push(v ?? "not finite");
    }));
    box.append(table(["Run", "Step", "Value"], columns));
    details.append(box);
  }
}

// control draws charts again when somebody changes how, or the colours change.
function control(controls, charts) {
  const again = () => charts.forEach((c) => c.series.length && c.draw(false));
  controls.addEventListener("input", again);
  controls.addEventListener("submit", (e) => e.preventDefault());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
}

// A run's page: a chart for each metric, loaded when it comes into sight.
for (const section of document.querySelectorAll("[data-charts]")) {
  const { series, run, name } = section.dataset, controls = section.querySelector("[data-controls]");
  section.hidden = false;
  const charts = new Map();
  for (const figure of section.querySelectorAll("[data-metric]")) charts.set(figure, new Chart(figure, series, controls));
  control(controls, [...charts.values()]);
  const sight = new IntersectionObserver((entries) => {
    for (const e of entries) {
      const chart = charts.get(e.target);
      chart.seen = e.isIntersecting;
      if (chart.seen && !chart.asked) chart.load(e.target.dataset.metric, [{ id: run, name }]);
    }
  }, { rootMargin: "300px" });
  for (const figure of charts.keys()) sight.observe(figure);
}
})();
