"use strict";
const page = JSON.parse(document.getElementById("data").textContent);
if (page.curves.length) curveBoard(document.getElementById("curves"), document.getElementById("curve-controls"), page.curves);
keepFresh(page.refreshSeconds, () => ({ scroll: scrollY }), kept => scrollTo(0, kept.scroll));
