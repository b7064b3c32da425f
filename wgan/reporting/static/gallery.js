"use strict";
/* All runs: sort, filter, choose columns, pick runs and see them side by side under one slider. */

const page = JSON.parse(document.getElementById("data").textContent);
const element = id => document.getElementById(id);
const tables = [...document.querySelectorAll("#runs table")];
const rows = tables.flatMap(table => [...table.tBodies[0].rows]);
const boxes = [...document.querySelectorAll("#menu input")];
const settings = new Map(rows.map(row => [row, new Set(row.dataset.search.split(/\s+/))]));
const headsOf = table => [...table.tHead.rows[0].cells];
const nameOf = head => head.textContent.trim();
const sorting = { name: "Run", down: false };
const chosen = new Map();  // column -> whether the user wants it; the others follow the filter

/* ---- sorting, filtering, columns ---- */

/** Each table that has the column: numbers before words; runs without a value last, whichever way. */
function sortBy(name, down) {
  Object.assign(sorting, { name, down });
  const number = text => text === "" ? NaN : Number(text);
  for (const table of tables) {
    const heads = headsOf(table), column = heads.findIndex(head => nameOf(head) === name);
    heads.forEach((head, i) => {
      if (i === column) head.ariaSort = down ? "descending" : "ascending"; else head.removeAttribute("aria-sort");
    });
    if (column < 0) continue;
    const keyed = [...table.tBodies[0].rows].map(row => [row.cells[column].dataset.order, row]);
    keyed.sort(([a], [b]) => {
      if (a === "" || b === "") return (a === "") - (b === "");
      const [x, y] = [number(a), number(b)];
      const order = Number.isNaN(x) || Number.isNaN(y)
        ? Number.isNaN(x) - Number.isNaN(y) || a.localeCompare(b, "en", { numeric: true }) : x - y;
      return down ? -order : order;
    });
    table.tBodies[0].append(...keyed.map(([, row]) => row));
  }
  element("sort").value = `${name} ${down}`;
}

/** A word that is a setting, such as gp_lambda=1, asks for that value; any other may stand anywhere. */
function filter() {
  const words = element("filter").value.toLowerCase().split(/\s+/).filter(Boolean), state = element("state").value;
  const has = Object.fromEntries(words.map(word => {
    const exact = word.includes("=") && rows.some(row => settings.get(row).has(word));
    return [word, row => exact ? settings.get(row).has(word) : row.dataset.search.includes(word)];
  }));
  let count = 0;
  for (const row of rows) {
    row.hidden = !(words.every(word => has[word](row)) && (!state || row.dataset.state === state));
    count += !row.hidden;
  }
  element("shown").textContent = count < rows.length ? `${count} of ${rows.length} runs` : "";
  chooseColumns();
}

/** Of the keys those in which the rows shown differ, of the metrics the most telling one; and what the user chose. */
function chooseColumns() {
  const offered = new Set(), open = new Set();
  for (const table of tables) {
    const all = [...table.tBodies[0].rows], shown = all.filter(row => !row.hidden);
    table.closest("section").hidden = !shown.length;
    let left = page.openKeys;
    headsOf(table).forEach((head, i) => {
      const { column, kind } = head.dataset;
      if (!column) return;
      const differs = shown.length < 2 || new Set(shown.map(row => row.cells[i].dataset.order)).size > 1;
      const usual = kind === "metric" ? "open" in head.dataset : differs && ("swept" in head.dataset || left > 0);
      if (kind === "key" && usual) left--;
      const visible = chosen.get(column) ?? usual;
      for (const cell of [head, ...all.map(row => row.cells[i])]) cell.hidden = !visible;
      if (!shown.length) return;
      offered.add(column);
      if (visible) open.add(column);
    });
  }
  for (const box of boxes) {
    box.parentElement.hidden = !offered.has(box.value);
    box.checked = open.has(box.value);
  }
}

for (const table of tables) {
  for (const head of headsOf(table)) {
    const name = nameOf(head);
    if (!name) continue;
    head.querySelector("button").addEventListener("click", () => sortBy(name, sorting.name === name && !sorting.down));
    if ([...element("sort").options].some(option => option.value === `${name} false`)) continue;
    for (const [down, arrow] of [[false, "↑"], [true, "↓"]]) element("sort").append(new Option(`${name} ${arrow}`, `${name} ${down}`));
  }
}
element("sort").addEventListener("change", event => {
  const [, name, down] = event.target.value.match(/^(.*) (true|false)$/);
  sortBy(name, down === "true");
});
element("filter").addEventListener("input", filter);
element("state").addEventListener("change", filter);
boxes.forEach(box => box.addEventListener("change", () => { chosen.set(box.value, box.checked); chooseColumns(); }));
addEventListener("click", event => { if (!event.target.closest("#menu")) element("menu")?.removeAttribute("open"); });

/* ---- when it was written ---- */

for (const time of document.querySelectorAll("time")) {
  markSilent(time.closest("tr").querySelector(".badge"), time.dateTime);
  time.title = time.dateTime;
  time.textContent = `${age(time.dateTime).text} ago`;
}

/* ---- picking and comparing ---- */

const pickBox = row => row.querySelector(".pick input");
const picked = () => tables.flatMap(table => [...table.tBodies[0].rows]).filter(row => pickBox(row).checked);

function showTray() {
  const { length } = picked();
  rows.forEach(row => row.classList.toggle("picked", pickBox(row).checked));
  element("tray").hidden = !length;
  element("picked").textContent = length === 1 ? "1 run picked" : `${length} runs picked`;
  element("compare").disabled = length < 2;
  element("compare").textContent = length < 2 ? "Pick another to compare" : "Compare";
}

const make = (tag, text, className) => {
  const made = document.createElement(tag);
  if (text != null) made.textContent = text;
  if (className) made.className = className;
  return made;
};

const fileOf = (run, step) => `${run.folder}/samples/step_${String(step).padStart(6, "0")}.png`;

function compare() {
  const runs = picked().map(row => page.runs[row.dataset.run]);
  const colours = palette(runs.length);
  element("comparing").textContent = `${runs.length} runs side by side`;

  const frames = runs.map((run, i) => {
    const frame = make("figure"), title = make("h3"), swatch = make("span", null, "swatch"), link = make("a", run.name);
    swatch.style.background = colours[i];
    if (run.page) link.href = run.page;
    title.append(swatch, link);
    const image = make("img"), caption = make("figcaption");
    frame.append(title, image, caption);
    return { run, frame, image, caption };
  });
  element("side").replaceChildren(...frames.map(({ frame }) => frame));

  const steps = [...new Set(runs.flatMap(run => run.samples))].sort((a, b) => a - b);
  const range = element("step");
  range.max = Math.max(0, steps.length - 1);
  range.disabled = steps.length < 2;
  const show = () => {
    const step = steps[range.value];
    element("shown-step").value = range.ariaValueText = step == null ? "no samples" : `step ${formatNumber(step)}`;
    for (const { run, image, caption } of frames) {
      const own = run.samples.findLast(sample => sample <= step);
      image.hidden = own == null;
      caption.textContent = own == null ? "no sample yet" : own < step ? `last sample: step ${formatNumber(own)}` : `step ${formatNumber(own)}`;
      if (own == null) continue;
      image.src = fileOf(run, own);
      image.alt = `Generated samples of ${run.name} after step ${formatNumber(own)}`;
    }
  };
  range.oninput = show;
  range.value = range.max;
  show();

  showDifferences(runs);
  element("comparison").showModal();
  const panels = page.curves.map(({ column, title }) => ({
    title, lines: runs.map(run => ({ name: run.name, steps: run.steps, values: run.curves[column] ?? run.steps.map(() => null) })),
  }));
  curveBoard(element("curves"), element("curve-controls"),
             panels.filter(panel => panel.lines.some(line => line.values.some(value => value != null))));
}

/** The settings and metrics in which the picked runs differ, one row each. */
function showDifferences(runs) {
  const head = make("tr");
  head.append(make("th"), ...runs.map(run => make("th", run.name)));
  const lines = [];
  for (const part of ["settings", "metrics"]) {
    for (const name of new Set(runs.flatMap(run => Object.keys(run[part])))) {
      const texts = runs.map(run => run[part][name] ?? "–");
      if (new Set(texts).size < 2) continue;
      const line = make("tr");
      line.append(make("th", name), ...texts.map(text => make("td", text)));
      lines.push(line);
    }
  }
  element("differences").replaceChildren(head, ...lines);
}

rows.forEach(row => pickBox(row).addEventListener("change", showTray));
element("compare").addEventListener("click", compare);
element("clear").addEventListener("click", () => { rows.forEach(row => { pickBox(row).checked = false; }); showTray(); });
element("close").addEventListener("click", () => element("comparison").close());
element("comparison").addEventListener("keydown", event => {
  const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key], range = element("step");
  if (!move || event.target.closest("input, select")) return;
  event.preventDefault();
  range.value = Number(range.value) + move;
  range.oninput();
});

keepFresh(
  page.refreshSeconds,
  () => ({
    filter: element("filter").value, state: element("state").value, sorting,
    chosen: [...chosen],
    picked: picked().map(row => page.runs[row.dataset.run].name),
  }),
  kept => {
    element("filter").value = kept.filter;
    element("state").value = [...element("state").options].some(o => o.value === kept.state) ? kept.state : "";
    kept.chosen.forEach(([column, wanted]) => chosen.set(column, wanted));
    rows.forEach(row => { pickBox(row).checked = kept.picked.includes(page.runs[row.dataset.run].name); });
    Object.assign(sorting, kept.sorting);
  },
);
for (const button of document.querySelectorAll("#runs th[data-kind=key] button"))  // a long name takes two lines
  button.replaceChildren(...button.textContent.split(/(?<=_)/).flatMap(part => [part, make("wbr")]));
sortBy(sorting.name, sorting.down);
filter();
showTray();
