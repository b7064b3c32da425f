"use strict";
/* One run: the slider through its sample grids, its curves, and a fresh page while it trains. */

const page = JSON.parse(document.getElementById("data").textContent);
const element = id => document.getElementById(id);

markSilent(document.querySelector("h1 .badge"), page.updated);

let showStep = () => {};
if (page.samples.length) {
  const range = element("step"), image = element("sample"), shown = element("shown-step"), play = element("play");
  const last = page.samples.length - 1;
  let timer = null;

  showStep = index => {
    range.value = Math.min(Math.max(index, 0), last);
    const sample = page.samples[range.value];
    image.src = sample.src;
    image.alt = `Generated samples after step ${formatNumber(sample.step)}, from the same latent vectors as at every other step`;
    shown.value = `step ${formatNumber(sample.step)}`;
    range.ariaValueText = shown.value;
  };
  const stop = () => { clearInterval(timer); timer = null; play.textContent = "Play"; };
  play.addEventListener("click", () => {
    if (timer) return stop();
    if (Number(range.value) === last) showStep(0);
    play.textContent = "Pause";
    timer = setInterval(() => {
      if (Number(range.value) >= last - 1) stop();
      showStep(Number(range.value) + 1);
    }, 250);
  });
  range.addEventListener("input", () => { stop(); showStep(Number(range.value)); });
  addEventListener("keydown", event => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!move || event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, select, textarea")) return;
    event.preventDefault();
    stop();
    showStep(Number(range.value) + move);
  });
  showStep(last);
}

const controls = element("curve-controls");
keepFresh(
  page.refreshSeconds,
  () => ({
    sample: element("step") && Number(element("step").value) < page.samples.length - 1 ? Number(element("step").value) : null,
    inputs: controls ? [...controls.querySelectorAll("input")].map(i => i.type === "checkbox" ? i.checked : i.value) : [],
  }),
  kept => {
    if (kept.sample != null) showStep(kept.sample);
    if (controls) [...controls.querySelectorAll("input")].forEach((i, n) => {
      if (i.type === "checkbox") i.checked = kept.inputs[n]; else i.value = kept.inputs[n];
    });
  },
);
if (page.curves.length)
  curveBoard(element("curves"), controls, page.curves.map(curve => ({
    title: curve.title, lines: curve.lines.map(line => ({ ...line, steps: page.steps })),
  })));
