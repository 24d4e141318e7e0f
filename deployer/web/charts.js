// Draws figures (deployer/render/figures.py: Figure) with uPlot, for the report and for the dashboard.
//
//   Charts.drawAll()             every <figure class="chart"> of the page that holds its data
//   Charts.plot(element, figure) one; an empty <figure> gets its title, legend and table as well.
//                                Returns {update(figure)}: the same chart with newer data.
//   Charts.localTimes(root)      <time datetime> within `root` in the reader's own time zone
//
// Keyboard: a chart takes the focus; Left, Right, Home and End go through its points, and a screen
// reader says their time and values. Colours are the page's CSS variables, read when a chart is drawn.
"use strict";
const Charts = (() => {
  const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1e5, 1e6];
  const HEIGHT = 220, AXIS = 56, drawn = new Set();

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const told = (value) => value == null ? "–"
    : value.toLocaleString("en", Math.abs(value) >= 1000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 4 });
  // Beside an axis there is room for seven letters: 20,000, 200K, 2M.
  const brief = (value) => Math.abs(value) >= 1e5
    ? value.toLocaleString("en", { notation: "compact", maximumSignificantDigits: 4 }) : told(value);
  const withUnit = (value, unit) => value == null || !unit ? told(value) : `${told(value)} ${unit}`;
  const pad = (n) => String(n).padStart(2, "0");
  const clockTime = (at) => { const d = new Date(at * 1e3); return `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`; };
  const dayAndTime = (at) => { const d = new Date(at * 1e3); return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())} ${clockTime(at)}`; };

  function make(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  // The same elements as render/figures.py writes, for figures that come later.
  function frame(box, figure) {
    if (box.querySelector(".plot")) return;
    box.classList.add("chart");
    const label = `${figure.title}: the numbers`;
    box.replaceChildren(
      make("figcaption", {}, make("h3", {}, figure.title), make("p")),
      make("div", { class: "plot" }), make("ul", { class: "legend" }),
      make("details", {}, make("summary", {}, label),
        make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label })));
    box.querySelector("details").addEventListener("toggle", () => box.refill?.());
  }

  function table(figure) {
    const unit = figure.unit ? ` (${figure.unit})` : "";
    const head = make("tr", {}, make("th", { scope: "col" }, "Time"),
      ...figure.curves.map((c) => make("th", { scope: "col", class: "number" }, c.name + unit)));
    const rows = figure.times.map((at, n) => make("tr", {},
      make("th", { scope: "row" }, make("time", { datetime: new Date(at * 1e3).toISOString() }, dayAndTime(at))),
      ...figure.curves.map((c) => make("td", { class: "number" }, told(c.values[n])))));
    return make("table", {}, make("caption", {}, figure.title), make("thead", {}, head), make("tbody", {}, ...rows));
  }

  const data = (figure) => [figure.times, ...figure.curves.map((curve) => curve.values)];

  function markLines(u, figure) {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.strokeStyle = colour("mark");
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
    for (const mark of figure.marks) {
      const x = Math.round(u.valToPos(mark.at, "x", true));
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }

  // A value between gaps is no line: it is a point, or nobody would see it.
  function alone(u, nth, all) {
    const values = u.data[nth], there = (n) => values[n] != null;
    const found = all ? [] : [...values.keys()].filter((n) => there(n) && !there(n - 1) && !there(n + 1));
    return found.length ? found : null;
  }

  function options(figure, width, state) {
    const axis = { stroke: () => colour("dim"), grid: { stroke: () => colour("grid"), width: 1 }, ticks: { stroke: () => colour("grid"), width: 1 }, font: "12px system-ui, sans-serif" };
    return {
      width, height: HEIGHT, legend: { show: false },
      cursor: { drag: { x: false, y: false }, sync: { key: "charts", scales: ["x", null] }, focus: { prox: -1 } },
      scales: {
        x: { time: true, range: () => [state.figure.since, state.figure.until] },
        y: figure.log
          ? { distr: 3, range: (u, low, high) => [low ?? 0.1, Math.max(high ?? 1, state.figure.top ?? 1)] }
          : { range: (u, low, high) => [Math.min(0, low ?? 0), state.figure.top ?? (Math.max(high ?? 0, 0) * 1.05 || 1)] },
      },
      axes: [
        { ...axis, size: 34, values: (u, marks) => marks.map((at) => clockTime(at).slice(0, figure.until - figure.since < 300 ? 8 : 5)), space: 60 },
        { ...axis, size: AXIS, incrs: figure.whole ? WHOLE : undefined, values: (u, marks) => marks.map((value) => value == null ? "" : brief(value)) },
      ],
      series: [{}, ...figure.curves.map((curve) => ({
        label: curve.name, stroke: () => colour(curve.role), width: curve.role === "candidate" ? 2.5 : 1.75,
        dash: curve.dashed ? [6, 4] : undefined, spanGaps: false,
        paths: curve.stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
        points: { show: figure.times.length < 2 || undefined, filter: alone, size: 6, fill: () => colour(curve.role) },
      }))],
      hooks: { draw: [(u) => markLines(u, state.figure)], setCursor: [(u) => state.read(u.cursor.idx)] },
    };
  }

  function legend(list, figure) {
    const items = figure.curves.map((curve) => make("li", { class: `${curve.role}${curve.dashed ? " dashed" : ""}` }, `${curve.name} `, make("b")));
    const at = make("li", { class: "at" });
    list.replaceChildren(...items, at);
    return (index) => {
      const n = index ?? figure.times.length - 1;
      items.forEach((item, k) => {
        const { values } = figure.curves[k], newest = values.findLast((value) => value != null);
        item.querySelector("b").textContent = withUnit(index == null ? newest : values[n], figure.unit);
      });
      at.textContent = index == null ? "the newest values" : `at ${dayAndTime(figure.times[n])}${near(figure, n)}`;
    };
  }

  // What happened in the time that a point stands for: until the next one.
  function near(figure, n) {
    const from = figure.times[n], to = figure.times[n + 1] ?? figure.until;
    const words = figure.marks.filter((mark) => mark.at >= from && mark.at < to).map((mark) => mark.words);
    return words.length ? `: ${words.slice(0, 3).join("; ")}` : "";
  }

  function spoken(figure, n) {
    const values = figure.curves.map((curve) => `${curve.name} ${withUnit(curve.values[n], figure.unit)}`);
    return `${clockTime(figure.times[n])}: ${values.join(", ")}${near(figure, n)}`;
  }

  function keyboard(plot, state) {
    plot.setAttribute("role", "slider");
    plot.setAttribute("tabindex", "0");
    plot.setAttribute("aria-valuemin", "0");
    const go = (n) => {
      const { figure, u } = state, at = Math.max(0, Math.min(figure.times.length - 1, n));
      state.at = at;
      plot.setAttribute("aria-valuenow", at);
      plot.setAttribute("aria-valuetext", spoken(figure, at));
      u.setCursor({ left: u.valToPos(figure.times[at], "x"), top: HEIGHT / 3 });
    };
    plot.addEventListener("keydown", (event) => {
      const last = state.figure.times.length - 1;
      const to = { ArrowLeft: state.at - 1, ArrowRight: state.at + 1, ArrowDown: state.at - 1, ArrowUp: state.at + 1,
        PageUp: state.at - 10, PageDown: state.at + 10, Home: 0, End: last }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      go(to);
    });
    plot.addEventListener("focus", () => { if (plot.matches(":focus-visible")) go(state.at); });
    plot.addEventListener("blur", () => state.u.setCursor({ left: -10, top: -10 }));
  }

  function describe(box, state) {
    const { figure } = state, plot = box.querySelector(".plot"), last = figure.times.length - 1;
    box.querySelector("figcaption p").textContent = figure.summary;
    plot.setAttribute("aria-label", `${figure.title}. Arrow keys go through time.`);
    plot.setAttribute("aria-valuemax", last);
    state.at = Math.min(state.at ?? last, last);
    plot.setAttribute("aria-valuenow", state.at);
    plot.setAttribute("aria-valuetext", spoken(figure, state.at));
    state.read = legend(box.querySelector(".legend"), figure);
    state.read(null);
  }

  const shape = (figure) => JSON.stringify([figure.log, figure.curves.map((c) => [c.name, c.role, c.dashed, c.stepped])]);

  function plot(box, figure) {
    frame(box, figure);
    const place = box.querySelector(".plot"), state = { figure, at: null, u: null, read: () => {} };
    const draw = () => {
      state.u?.destroy();
      state.u = new uPlot(options(state.figure, place.clientWidth || 600, state), data(state.figure), place);
    };
    box.refill = () => {
      const details = box.querySelector("details");
      if (details.open) details.querySelector(".scroll").replaceChildren(table(state.figure));
    };
    describe(box, state);
    draw();
    keyboard(place, state);
    const fit = () => { if (place.clientWidth && place.clientWidth !== state.u.width) state.u.setSize({ width: place.clientWidth, height: HEIGHT }); };
    new ResizeObserver(fit).observe(place);
    drawn.add({ place, fit, redraw: () => state.u.redraw(false, true) });
    return {
      update(newer) {
        const same = shape(newer) === shape(state.figure), follows = state.at === state.figure.times.length - 1;
        state.figure = newer;
        if (follows) state.at = null;
        describe(box, state);
        if (same) state.u.setData(data(newer)); else draw();
        box.refill();
      },
    };
  }

  function redrawAll() {
    for (const chart of drawn) {
      if (!chart.place.isConnected) { drawn.delete(chart); continue; }
      chart.fit();
      chart.redraw();
    }
  }

  function drawAll(root = document) {
    for (const box of root.querySelectorAll("figure.chart")) {
      const held = box.querySelector("script.data");
      if (held) plotOrTable(box, JSON.parse(held.textContent));
    }
  }

  // A chart that cannot be drawn leaves its numbers, and the charts after it.
  function plotOrTable(box, figure) {
    try {
      return plot(box, figure);
    } catch (error) {
      for (const each of box.querySelectorAll(".plot, .legend")) each.hidden = true;
      for (const each of box.querySelectorAll("details")) each.open = true;
      console.warn(`${figure.title} cannot be drawn: ${error}`);
      return null;
    }
  }

  function localTimes(root = document) {
    for (const each of root.querySelectorAll("time[datetime]")) each.textContent = dayAndTime(Date.parse(each.dateTime) / 1e3);
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);
  addEventListener("beforeprint", () => { document.documentElement.dataset.theme = "light"; redrawAll(); });
  addEventListener("afterprint", () => { delete document.documentElement.dataset.theme; redrawAll(); });
  return { drawAll, plot, localTimes, redrawAll };
})();
