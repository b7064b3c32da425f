"use strict";
/* All runs: sort, filter, choose columns, pick runs and see them side by side under one slider. */

const page = JSON.parse(document.getElementById("data").textContent);
const element = id => document.getElementById(id);
const body = document.querySelector("#runs tbody");
const rows = [...body.rows];
const heads = [...document.querySelectorAll("#runs thead th")];
const boxes = [...document.querySelectorAll("#menu input")];
const settings = new Map(rows.map(row => [row, new Set(row.dataset.search.split(/\s+/))]));
const sorting = { column: null, down: false };

/* ---- sorting, filtering, columns ---- */

/** Numbers before words; runs without a value last, whichever way. */
function sortBy(column, down) {
  Object.assign(sorting, { column, down });
  const keyed = rows.map(row => [row.cells[column].dataset.order, row]);
  const number = text => text === "" ? NaN : Number(text);
  keyed.sort(([a], [b]) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    const [x, y] = [number(a), number(b)];
    const order = Number.isNaN(x) || Number.isNaN(y)
      ? Number.isNaN(x) - Number.isNaN(y) || a.localeCompare(b, "en", { numeric: true }) : x - y;
    return down ? -order : order;
  });
  body.append(...keyed.map(([, row]) => row));
  heads.forEach((head, i) => {
    if (i === column) head.ariaSort = down ? "descending" : "ascending"; else head.removeAttribute("aria-sort");
  });
  element("sort").value = `${column} ${down}`;
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
}

const columnStyle = document.head.appendChild(document.createElement("style"));
function chooseColumns() {
  columnStyle.textContent = boxes.filter(box => !box.checked)
    .map(box => `#runs [data-column="${box.value}"] { display: none; }`).join("\n");
}

heads.forEach((head, column) => {
  const button = head.querySelector("button");
  if (!button) return;
  button.addEventListener("click", () => sortBy(column, sorting.column === column && !sorting.down));
  for (const [down, arrow] of [[false, "↑"], [true, "↓"]])
    element("sort").append(new Option(`${button.textContent} ${arrow}`, `${column} ${down}`));
});
element("sort").addEventListener("change", event => {
  const [column, down] = event.target.value.split(" ");
  sortBy(Number(column), down === "true");
});
element("sort").selectedIndex = -1;
element("filter").addEventListener("input", filter);
element("state").addEventListener("change", filter);
boxes.forEach(box => box.addEventListener("change", chooseColumns));
addEventListener("click", event => { if (!event.target.closest("#menu")) element("menu")?.removeAttribute("open"); });

/* ---- when it was written ---- */

for (const time of document.querySelectorAll("time")) {
  markSilent(time.closest("tr").querySelector(".badge"), time.dateTime);
  time.title = time.dateTime;
  time.textContent = `${age(time.dateTime).text} ago`;
}

/* ---- picking and comparing ---- */

const pickBox = row => row.querySelector(".pick input");
const picked = () => [...body.rows].filter(row => pickBox(row).checked);

function showTray() {
  const chosen = picked();
  rows.forEach(row => row.classList.toggle("picked", pickBox(row).checked));
  element("tray").hidden = !chosen.length;
  element("picked").textContent = chosen.length === 1 ? "1 run picked" : `${chosen.length} runs picked`;
  element("compare").disabled = chosen.length < 2;
  element("compare").textContent = chosen.length < 2 ? "Pick another to compare" : "Compare";
}

const make = (tag, text, className) => {
  const made = document.createElement(tag);
  if (text != null) made.textContent = text;
  if (className) made.className = className;
  return made;
};

const fileOf = (run, step) => `${run.folder}/samples/step_${String(step).padStart(6, "0")}.png`;

function compare() {
  const chosen = picked();
  const runs = chosen.map(row => page.runs[row.dataset.run]);
  const colours = palette(runs.length);
  element("comparing").textContent = `${runs.length} runs side by side`;

  const frames = runs.map((run, i) => {
    const frame = make("figure"), title = make("h3"), swatch = make("span", null, "swatch"), link = make("a", run.name);
    swatch.style.background = colours[i];
    link.href = `${run.folder}/report.html`;
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

  showDifferences(chosen, runs);
  element("comparison").showModal();
  const panels = page.curves.map(({ column, title }) => ({
    title, lines: runs.map(run => ({ name: run.name, steps: run.steps, values: run.curves[column] ?? run.steps.map(() => null) })),
  }));
  curveBoard(element("curves"), element("curve-controls"),
             panels.filter(panel => panel.lines.some(line => line.values.some(value => value != null))));
}

/** The columns in which the picked runs differ, one row each. */
function showDifferences(chosen, runs) {
  const head = make("tr");
  head.append(make("th"), ...runs.map(run => make("th", run.name)));
  const lines = [];
  heads.forEach((title, column) => {
    if (!title.dataset.column) return;
    const texts = chosen.map(row => row.cells[column].textContent);
    if (new Set(texts).size < 2) return;
    const line = make("tr");
    line.append(make("th", title.textContent), ...texts.map(text => make("td", text)));
    lines.push(line);
  });
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
    columns: boxes.filter(box => box.checked).map(box => page.columns[boxes.indexOf(box)]),
    picked: picked().map(row => page.runs[row.dataset.run].name),
  }),
  kept => {
    element("filter").value = kept.filter;
    element("state").value = [...element("state").options].some(o => o.value === kept.state) ? kept.state : "";
    boxes.forEach((box, i) => { box.checked = kept.columns.includes(page.columns[i]); });
    rows.forEach(row => { pickBox(row).checked = kept.picked.includes(page.runs[row.dataset.run].name); });
    if (kept.sorting.column != null && heads[kept.sorting.column]) sortBy(kept.sorting.column, kept.sorting.down);
  },
);
chooseColumns();
filter();
showTray();
