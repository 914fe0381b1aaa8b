// Charts: every specification in its box, one legend for all of them, larger when pressed.
const specs = read("specs");
const hidden = new Set();
const views = new Set();
const LARGE = { width: 1000, height: 560 };
const narrow = matchMedia("(max-width: 600px)");

const draw = async (box, spec, size) => {
  const drawn = { ...spec, ...size, params: spec.params.map((each) => (each.name === "hidden" ? { ...each, value: [...hidden] } : each)) };
  const { view } = await vegaEmbed(box, drawn, {
    ast: true, renderer: "svg", actions: false, defaultStyle: false, tooltip: { disableDefaultStyle: true },
  });
  box.firstElementChild.setAttribute("aria-hidden", "true"); // the box is an image with a description
  views.add(view);
  return view;
};
const drop = (view) => {
  views.delete(view);
  view.finalize();
};

const legend = document.querySelector(".legend");
const show = () => {
  views.forEach((view) => view.signal("hidden", [...hidden]).runAsync());
  document.querySelectorAll("[data-of-row]").forEach((each) => (each.hidden = hidden.has(Number(each.dataset.ofRow))));
  document.querySelectorAll(".legend button").forEach((each) => each.setAttribute("aria-pressed", !hidden.has(Number(each.dataset.row))));
};
document.addEventListener("click", (event) => {
  const button = event.target.closest(".legend button");
  if (!button) return;
  const row = Number(button.dataset.row);
  if (!hidden.delete(row)) hidden.add(row);
  show();
});

// The main charts have room for words beside them, but not on a telephone.
const wide = (figure) => figure.closest(".main") && !narrow.matches;
const drawn = new Map();
const place = async (figure) => {
  const box = figure.querySelector(".plot");
  if (drawn.has(figure)) drop(await drawn.get(figure));
  drawn.set(figure, draw(box, specs[figure.dataset.chart], wide(figure) ? { width: 900 } : {}));
  return drawn.get(figure);
};
const figures = [...document.querySelectorAll("figure[data-chart]")];
narrow.addEventListener("change", () => figures.filter((each) => each.closest(".main")).forEach(place));
const charts = figures.reduce((before, figure) => before.then(() => place(figure)), Promise.resolve());

document.querySelectorAll("figure.card").forEach((figure) => {
  figure.addEventListener("click", () => enlarge(figure.querySelector("h3").textContent, (body) => {
    const box = make("div", figure.querySelector(".plot").className);
    body.append(box);
    if (figure.dataset.chart === undefined) {
      box.append(figure.querySelector("img").cloneNode());
      return null;
    }
    body.prepend(legend.cloneNode(true));
    const spec = specs[figure.dataset.chart];
    const view = draw(box, spec, narrow.matches ? { height: Math.max(spec.height, 420) } : figure.closest(".main") ? { width: LARGE.width } : LARGE);
    return async () => drop(await view);
  }));
});
