"use strict";
/* Curves over training steps, drawn by uPlot. All charts of a board share smoothing, scale and the range of steps. */

const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
/** As many colours as asked for, the first ones easy to tell apart. */
function palette(count) {
  const colours = css("--series").split(" ");
  return count <= colours.length ? colours : Array.from({ length: count }, (_, i) => `hsl(${Math.round(360 * i / count)} 65% 50%)`);
}
const formatNumber = value => value == null ? "–" : Number.isInteger(value) ? value.toLocaleString("en")
  : String(Number(value.toPrecision(4)));

/** Exponential moving average without the start's bias; null stays null. */
function smoothed(values, span) {
  const keep = 1 - 2 / (span + 1);
  let total = 0, weight = 0;
  return values.map(value => {
    if (value == null) return value;
    total = keep * total + (1 - keep) * value;
    weight = keep * weight + (1 - keep);
    return total / weight;
  });
}

/**
 * The range of the values between two steps, and how many of them lie outside it: neither a few spikes (the outermost
 * 2 %) nor the wild first twentieth of a training flattens all the rest.
 */
function fittedRange(columns, steps, from, to) {
  const shown = steps.map((step, i) => i).filter(i => steps[i] >= from && steps[i] <= to);
  const ordered = indices => columns.flatMap(column => indices.map(i => column[i])).filter(value => value != null)
    .sort((a, b) => a - b);
  const all = ordered(shown);
  if (!all.length) return { range: [0, 1], outside: 0 };
  const later = ordered(shown.slice(Math.floor(shown.length / 20)));
  const cut = later.length < 20 ? 0 : Math.floor(later.length / 100) + 1;
  let low = later[cut], high = later.at(-1 - cut);
  if (!(all.at(-1) - all[0] > 4 * (high - low) && high > low)) [low, high] = [all[0], all.at(-1)];
  const margin = (high - low || Math.abs(high) || 1) * 0.08;
  const range = [low - margin, high + margin];
  return { range, outside: all.filter(value => value < range[0] || value > range[1]).length };
}

/**
 * Charts with common controls.
 * @param {HTMLElement} host where they go, one below or beside the other.
 * @param {HTMLElement} controls holds inputs named log, smoothing, from, to and a button named reset.
 * @param {Array} panels [{title, lines: [{name, steps, values}]}]; lines of one name share a colour.
 */
function curveBoard(host, controls, panels) {
  const input = name => controls.querySelector(`[name="${name}"]`);
  const view = { from: null, to: null };
  let charts = [];

  function draw() {
    charts.forEach(chart => chart.destroy());
    host.replaceChildren();
    input("smoothing").parentElement.querySelector("output").value =
      input("smoothing").value > 1 ? `${input("smoothing").value} rows` : "off";
    const boxes = panels.map(makeBox);  // all of them first: the grid's columns set their widths
    charts = panels.map((panel, i) => drawPanel(panel, boxes[i]));
  }

  function makeBox(panel) {
    const [box, title, readout, plot] = ["div", "h3", "div", "div"].map(tag => document.createElement(tag));
    box.className = "chart";
    title.textContent = panel.title;
    readout.className = "readout";
    plot.role = "img";
    plot.ariaLabel = `${panel.title}: ${panel.lines.map(describe).join("; ")}`;
    box.append(title, readout, plot);
    host.append(box);
    return { readout, plot };
  }

  function drawPanel(panel, { readout, plot }) {
    const span = Number(input("smoothing").value), log = input("log").checked;
    const names = [...new Set(panel.lines.map(line => line.name))];
    const colours = palette(names.length);
    const raw = uPlot.join(panel.lines.map(line => [line.steps, line.values]));
    const [steps, ...columns] = raw;
    const data = [steps, ...columns.flatMap(column => span > 1 ? [column, smoothed(column, span)] : [column])];
    const positive = columns.every(column => column.every(value => value == null || value > 0));
    const perLine = span > 1 ? 2 : 1;
    const { range, outside } = log ? { outside: 0 } : fittedRange(columns, steps, view.from ?? -Infinity, view.to ?? Infinity);
    const all = columns.reduce((sum, column) => sum + column.filter(value => value != null).length, 0);

    function read(index) {
      readout.replaceChildren();
      if (index == null && outside) {
        const note = document.createElement("span");
        note.className = "entry";
        note.textContent = `${outside} of ${all} points lie outside; a log scale shows all.`;
        readout.append(note);
      }
      if (index != null) readout.append(`step ${formatNumber(steps[index])} `);
      names.forEach((name, n) => {
        const texts = panel.lines.flatMap((line, i) => line.name === name ? [valueOf(i, index)] : []);
        const entry = document.createElement("span"), swatch = document.createElement("span");
        entry.className = "entry";
        swatch.className = "swatch";
        swatch.style.background = colours[n];
        entry.append(swatch, (name ? `${name}: ` : "") + texts.join(", "));
        readout.append(entry);
      });
    }

    /** What line i says at a row; between two of its own steps, what it said last. */
    function valueOf(i, index) {
      let at = index ?? lastOf(columns[i]);
      while (index != null && at > 0 && columns[i][at] == null) at--;
      const value = formatNumber(columns[i][at]);
      if (span < 2) return value;
      const mean = formatNumber(data[2 + i * perLine][at]);
      return panel.lines.length > 1 ? mean : `${value} (smoothed ${mean})`;
    }

    const axis = { stroke: () => css("--muted"), grid: { stroke: () => css("--line"), width: 1 },
                   ticks: { stroke: () => css("--line") } };
    const series = [{}];
    panel.lines.forEach(line => {
      const stroke = colours[names.indexOf(line.name)];
      const few = line.values.filter(value => value != null).length < 3;
      if (span > 1) series.push({ stroke, width: 1, alpha: 0.25, spanGaps: true, points: { show: false } });
      series.push({ stroke, width: 1.75, spanGaps: true, points: { show: few, size: 6 } });
    });
    const chart = new uPlot({
      width: plot.clientWidth, height: 240, series, legend: { show: false },
      cursor: { sync: { key: host.id }, drag: { x: true, y: false }, points: { size: 7 } },
      scales: {
        x: { time: false, range: (u, low, high) => [view.from ?? low, Math.max(view.to ?? high, (view.from ?? low) + 1)] },
        y: log ? { distr: positive ? 3 : 4, asinh: 0.1 }
               : { range: () => range },
      },
      axes: [{ ...axis, values: (u, ticks) => ticks.map(tick => Number.isInteger(tick) ? shortened(tick) : "") },
             { ...axis, size: 58, values: (u, ticks) => ticks.map(tick => tick == null ? "" : shortened(tick)) }],
      hooks: {
        setCursor: [u => read(u.cursor.idx)],
        setSelect: [u => u.select.width > 4 &&
          zoom(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"))],
      },
    }, data, plot);
    chart.over.addEventListener("dblclick", () => zoom(null, null));
    read(null);
    return chart;
  }

  /** Show the steps between two values; null is the first or the last one. */
  function zoom(from, to) {
    view.from = from == null ? null : Math.max(0, Math.floor(from));
    view.to = to == null ? null : Math.ceil(to);
    input("from").value = view.from ?? "";
    input("to").value = view.to ?? "";
    draw();
  }

  const given = name => input(name).value === "" ? null : Number(input(name).value);
  for (const name of ["log", "smoothing"]) input(name).addEventListener("input", draw);
  for (const name of ["from", "to"]) input(name).addEventListener("change", () => zoom(given("from"), given("to")));
  input("reset").addEventListener("click", () => zoom(null, null));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  let width = host.clientWidth;
  new ResizeObserver(() => { if (host.clientWidth !== width) { width = host.clientWidth; draw(); } }).observe(host);
  zoom(given("from"), given("to"));
}

const lastOf = values => values.findLastIndex(value => value != null);

function describe(line) {
  const numbers = line.values.filter(value => value != null);
  const name = line.name ? `${line.name} ` : "";
  return `${name}from ${formatNumber(numbers[0])} at step ${formatNumber(line.steps[0])} to ${formatNumber(numbers.at(-1))} at step ` +
    formatNumber(line.steps.at(-1));
}

/** 12,000 as 12k: the axis of a narrow chart. */
function shortened(value) {
  const size = Math.abs(value);
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`;
  return String(Number(value.toPrecision(3)));
}

/** 5 min, 3 h, 2 days: how long ago something was, given as ISO 8601. */
function age(moment) {
  const minutes = Math.max(0, (Date.now() - Date.parse(moment)) / 60000);
  const [count, unit] = minutes < 60 ? [minutes, "min"] : minutes < 2880 ? [minutes / 60, "h"] : [minutes / 1440, "days"];
  return { minutes, text: minutes < 1 ? "less than 1 min" : `${Math.round(count)} ${unit}` };
}

/** A page whose training was killed cannot say so: tell for how long it has written nothing. */
function markSilent(badge, moment) {
  const silent = age(moment);
  if (badge?.textContent === "running" && silent.minutes > 5) badge.textContent = `running, silent for ${silent.text}`;
}

/** Pictures of small images: each pixel so many pixels of the page, a whole number of times, where there is room. */
function keepCrisp() {
  for (const image of document.querySelectorAll("img.crisp")) {
    const room = image.closest(".samples, .scrolls").clientWidth, own = image.naturalWidth || Number(image.getAttribute("width"));
    const factor = Math.min(Math.floor(room / own), Math.max(1, Math.floor(736 / own)));
    Object.assign(image.style, { width: `${factor ? factor * own : room}px`, maxWidth: "none" });
    image.classList.toggle("pixels", factor > 0);
  }
}
keepCrisp();
addEventListener("resize", keepCrisp);

/** Load the page anew while a run goes on, when nobody is touching it; what was chosen stays chosen. */
function keepFresh(seconds, remember, restore) {
  const key = `view:${location.pathname}`;
  const kept = sessionStorage.getItem(key);
  sessionStorage.removeItem(key);
  if (kept) restore(JSON.parse(kept));
  if (!seconds) return;
  let touched = 0;
  for (const event of ["pointerdown", "pointermove", "keydown", "wheel"])
    addEventListener(event, () => { touched = Date.now(); }, { passive: true });
  setInterval(() => {
    if (document.hidden || Date.now() - touched < 5000 || document.querySelector("dialog[open]")) return;
    sessionStorage.setItem(key, JSON.stringify(remember()));
    location.reload();
  }, seconds * 1000);
}
