// Draws each chart again where a reader comes to it: with tips, and a choice of series. Without this
// script, and on paper, the still pictures stand in its place.
"use strict";

const phone = matchMedia("(max-width: 47.99rem)");

async function draw(figure) {
  const facts = JSON.parse(figure.querySelector("script").textContent);
  const spec = { ...facts[phone.matches ? "narrow" : "wide"], datasets: facts.datasets };
  const live = figure.querySelector(".live");
  const drawn = await vegaEmbed(live, spec, {
    mode: "vega-lite",
    renderer: "svg",
    actions: false,
    ast: true, // expressions are interpreted: the page forbids the making of code
    defaultStyle: false,
    tooltip: { disableDefaultStyle: true },
  });
  live.querySelector("svg").setAttribute("aria-hidden", "true"); // the figure says what it shows
  figure.dataset.live = "";
  const choice = figure.querySelector("select");
  if (choice) {
    const show = () => drawn.view.signal("show", choice.value).runAsync();
    choice.onchange = show;
    choice.closest(".control").hidden = false;
    await show();
  }
}

const seen = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      draw(target);
    }
  },
  { rootMargin: "400px" },
);
const figures = document.querySelectorAll("figure.chart");
figures.forEach((figure) => seen.observe(figure));
phone.addEventListener("change", () => figures.forEach((figure) => "live" in figure.dataset && draw(figure)));
