// Charts of metrics. The numbers are in tables of the page, too: without a
// script, or a pointer, nothing is missing but the picture.
"use strict";
(() => {
const colours = 8; // --c1 to --c8 of the style sheet
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const dashes = [[], [7, 3], [2, 3]]; // tell lines apart that share a colour
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
  const number = (name) => f.get(name) === "" ? null : Number(f.get(name));
  return { smoothing: Number(f.get("smoothing")), across: f.get("across"), log: f.has("log"), from: number("from"), to: number("to") };
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
    this.height = figure.classList.contains("tall") ? 340 : 200; // pixels
    new ResizeObserver(() => this.plot?.setSize({ width: this.pane.clientWidth, height: this.height })).observe(this.pane);
  }

  // load asks for the points, and draws them; an answer that is overtaken by
  // another question is dropped.
  async load(metric, runs) {
    const asked = ++this.asked;
    this.stale = false;
    this.busy = true;
    const series = await this.fetched(metric, runs);
    if (asked !== this.asked) return;
    this.busy = false;
    if (series) {
      const same = metric === this.metric && runs.length === this.runs.length && runs.every((r, i) => r.id === this.runs[i].id);
      Object.assign(this, { metric, runs, series });
      this.draw(same);
    } else {
      this.note.textContent = "The points could not be loaded. Load the page again.";
    }
    if (this.stale && this.seen) this.load(metric, runs);
  }

  // refresh loads again, but not while an answer is on its way, or nobody looks:
  // then it is done after that.
  refresh(metric, runs) {
    if (this.seen && !this.busy) this.load(metric, runs);
    else this.stale = true;
  }

  // fetched gives the series of runs, or null.
  async fetched(metric, runs) {
    const q = new URLSearchParams({ key: metric });
    for (const r of runs) q.append("run", r.id);
    try {
      const res = await fetch(`${this.source}?${q}`, { headers: { Accept: "application/json" } });
      return res.ok && !res.redirected ? await res.json() : null;
    } catch {
      return null;
    }
  }

  // lines gives the columns that are drawn, and how each looks.
  lines() {
    const { smoothing, across, log, from, to } = drawing(this.controls);
    const tables = [], looks = [];
    this.series.forEach((s, i) => {
      const first = s.times[0];
      const xs = across === "steps" ? s.steps : s.times.map((t) => (t - first) / 1000);
      const ys = log ? s.values.map((v) => v > 0 ? v : null) : s.values;
      const look = { label: this.runs[i].name, stroke: colour(i), dash: dashes[Math.floor(i / colours) % dashes.length], width: 1.5, spanGaps: true, value: (_, v) => short(v), points: { show: xs.length < 3 } };
      const columns = [xs, ys];
      looks.push(smoothing > 0 ? { ...look, alpha: .3 } : look);
      if (smoothing > 0) {
        columns.push(averaged(ys, smoothing));
        looks.push({ ...look, label: `${look.label}, smooth` });
      }
      tables.push(columns);
    });
    // A line alone keeps all its points; several share their places.
    return { data: tables.length === 1 ? tables[0] : uPlot.join(tables), looks, across, log, from, to };
  }

  // draw makes the picture; keep leaves it zoomed as it is, for fresh points.
  draw(keep) {
    const count = this.series.reduce((n, s) => n + s.values.length, 0);
    this.describe(count);
    const { data, looks, across, log, from, to } = this.lines();
    if (keep && this.plot) {
      const { min, max } = this.plot.scales.x, xs = this.plot.data[0];
      const whole = xs.length === 0 || min <= xs[0] && max >= xs[xs.length - 1];
      this.plot.setData(data, whole);
      if (!whole) this.plot.redraw();
      return;
    }
    this.plot?.destroy();
    this.plot = null;
    // One value a run is no line: the table, and a parameter against it, show it.
    const flat = this.figure.hasAttribute("data-lines") && this.series.every((s) => s.values.length < 2);
    if (flat) this.note.textContent = "One value a run: the table shows it; set it against a parameter below.";
    this.pane.hidden = flat;
    if (count === 0 || flat) return;
    const axis = { stroke: () => css("--soft"), grid: { stroke: () => css("--line"), width: 1 }, ticks: { stroke: () => css("--line"), width: 1 } };
    this.plot = new uPlot({
      width: this.pane.clientWidth, height: this.height,
      scales: { x: { time: false }, y: log ? { distr: 3 } : {} },
      axes: [{ ...axis, space: 70 }, { ...axis, size: 62, values: (_, marks) => marks.map(short) }],
      series: [{ label: across === "steps" ? "step" : "seconds", value: (_, v) => short(v) }, ...looks],
    }, data, this.pane);
    // The stretch that is asked for in numbers: what dragging does for a pointer.
    const xs = data[0], min = from ?? xs[0], max = to ?? xs[xs.length - 1];
    if ((from != null || to != null) && min < max) this.plot.setScale("x", { min, max });
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
function control(controls, charts) { // an array, or a map that may grow
  const again = () => charts.forEach((c) => c.series.length && c.draw(false));
  controls.addEventListener("input", again);
  controls.addEventListener("submit", (e) => e.preventDefault());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
}

// add makes the figure and the row of a metric that the page did not know.
function add(section, key) {
  const figure = document.createElement("figure"), caption = document.createElement("figcaption");
  const note = document.createElement("span"), pane = document.createElement("div");
  figure.className = "chart";
  figure.dataset.metric = key;
  note.className = "soft";
  note.dataset.note = "";
  pane.className = "plot";
  caption.append(`${key} `, note);
  figure.append(caption, pane);
  section.querySelector(".charts").append(figure);
  const row = document.querySelector("[data-latest]").insertRow();
  row.dataset.key = key;
  row.insertCell().textContent = key;
  row.insertCell().className = row.insertCell().className = "num";
  return figure;
}

// follow keeps a page up with a run that is at work. Each message has the
// metrics that have moved; their charts ask for the points while they are seen.
function follow(section, charts, make) {
  const badge = section.querySelector("[data-following]"), stream = new EventSource(section.dataset.live);
  stream.addEventListener("open", () => { badge.hidden = false; });
  stream.addEventListener("error", () => { badge.hidden = true; }); // the browser tries again by itself
  stream.addEventListener("end", () => { stream.close(); badge.hidden = true; });
  stream.addEventListener("metrics", (e) => {
    for (const m of JSON.parse(e.data)) {
      const figure = section.querySelector(`[data-metric="${CSS.escape(m.key)}"]`) ?? add(section, m.key);
      const chart = charts.get(figure) ?? make(figure);
      const cells = document.querySelector(`[data-latest] [data-key="${CSS.escape(m.key)}"]`).cells;
      cells[1].textContent = m.value;
      cells[2].textContent = m.step;
      chart.refresh(m.key, [{ id: section.dataset.run, name: section.dataset.name }]);
    }
  });
}

// A run's page: a chart for each metric, loaded when it comes into sight.
for (const section of document.querySelectorAll("[data-charts]")) {
  const { series, run, name } = section.dataset, controls = section.querySelector("[data-controls]");
  section.hidden = false;
  const charts = new Map();
  for (const figure of section.querySelectorAll("[data-metric]")) charts.set(figure, new Chart(figure, series, controls));
  control(controls, charts);
  const sight = new IntersectionObserver((entries) => {
    for (const e of entries) {
      const chart = charts.get(e.target);
      chart.seen = e.isIntersecting;
      if (chart.seen && (!chart.asked || chart.stale)) chart.load(e.target.dataset.metric, [{ id: run, name }]);
    }
  }, { rootMargin: "300px" });
  for (const figure of charts.keys()) sight.observe(figure);
  if (section.dataset.live) follow(section, charts, (figure) => {
    const chart = new Chart(figure, series, controls);
    charts.set(figure, chart);
    sight.observe(figure);
    return chart;
  });
}

// svg makes an element of a picture.
function svg(tag, attributes, ...children) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  e.append(...children);
  return e;
}

// round gives up to six round numbers between two.
function round(least, most) {
  if (!(most > least)) return [least];
  const rough = (most - least) / 5, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((n) => n * power >= rough) * power, marks = [];
  for (let i = Math.ceil(least / step); i * step <= most; i++) marks.push(i * step);
  return marks;
}

// scale maps values to pixels [from, to], with marks: along a line when all are
// numbers, else each text has a place.
function scale(values, from, to) {
  const numbers = values.map(Number);
  if (values.some((v, i) => v === "" || !Number.isFinite(numbers[i]))) {
    const texts = [...new Set(values)].sort();
    const at = (v) => from + (to - from) * (texts.indexOf(v) + .5) / texts.length;
    return { at, marks: texts.slice(0, 12).map((t) => [at(t), t.length > 14 ? t.slice(0, 13) + "…" : t]) };
  }
  const least = Math.min(...numbers), most = Math.max(...numbers), room = (most - least) * .05 || Math.abs(most) * .05 || 1;
  const at = (v) => from + (to - from) * (Number(v) - least + room) / (most - least + 2 * room);
  return { at, marks: round(least, most).map((v) => [at(v), short(v)]) };
}

// scatter draws each run as a dot that leads to its page.
function scatter(figure, runs, param, metric) {
  const shown = runs.filter((r) => param in r.params && metric in r.metrics);
  figure.querySelector("[data-note]").textContent = `${shown.length} of ${runs.length} runs have both`;
  figure.dataset.shown = shown.length;
  const pane = figure.querySelector(".plot");
  if (shown.length === 0) { pane.replaceChildren(); return; }
  const w = Math.max(pane.clientWidth, 280), h = 300;
  const y = scale(shown.map((r) => r.metrics[metric]), h - 44, 10);
  const left = 24 + 8 * Math.max(...y.marks.map(([, text]) => text.length)); // room for the longest
  const x = scale(shown.map((r) => r.params[param]), left, w - 16);
  const picture = svg("svg", { class: "scatter", viewBox: `0 0 ${w} ${h}`, role: "group", "aria-label": `${metric} by ${param}` });
  for (const [at, text] of x.marks) picture.append(svg("line", { x1: at, x2: at, y1: 10, y2: h - 40 }), svg("text", { x: at, y: h - 24, "text-anchor": "middle" }, text));
  for (const [at, text] of y.marks) picture.append(svg("line", { x1: left - 4, x2: w - 16, y1: at, y2: at }), svg("text", { x: left - 10, y: at + 4, "text-anchor": "end" }, text));
  picture.append(svg("text", { x: w / 2, y: h - 6, "text-anchor": "middle" }, param));
  for (const r of shown) {
    const said = `${r.name}: ${param} ${r.params[param]}, ${metric} ${short(r.metrics[metric])}`;
    const dot = svg("circle", { cx: x.at(r.params[param]), cy: y.at(r.metrics[metric]), r: 6 }, svg("title", {}, said));
    picture.append(svg("a", { href: r.href, "aria-label": said }, dot));
  }
  pane.replaceChildren(picture);
}

// An experiment's page: the runs that are ticked, or all that it shows.
for (const section of document.querySelectorAll("[data-overlay]")) {
  section.hidden = document.querySelector("[data-to-charts]").hidden = false;
  const find = (name) => section.querySelector(`[data-${name}]`);
  const all = JSON.parse(find("dots").textContent), boxes = [...document.querySelectorAll("[data-draw]")];
  const chosen = () => {
    const ticked = new Set(boxes.filter((b) => b.checked).map((b) => b.dataset.draw));
    return ticked.size ? all.filter((r) => ticked.has(r.id)) : all;
  };
  const lines = new Chart(find("lines"), section.dataset.series, find("controls"));
  control(find("controls"), [lines]);
  const overlay = () => lines.load(find("metric-choice").value, chosen());
  const dots = () => find("scatter") && scatter(find("scatter"), chosen(), find("param-choice").value, find("against-choice").value);
  for (const b of boxes) b.addEventListener("change", () => { overlay(); dots(); });
  find("metric-choice").addEventListener("change", overlay);
  for (const name of ["param-choice", "against-choice"]) find(name)?.addEventListener("change", dots);
  let width = 0; // drawing changes the height, which is no reason to draw again
  if (find("scatter")) new ResizeObserver(([e]) => { if (e.contentRect.width !== width) { width = e.contentRect.width; dots(); } }).observe(find("scatter"));
  overlay();
}
})();
