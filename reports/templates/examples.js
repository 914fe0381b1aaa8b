// Examples: every test expression, filtered and ordered; precision of what is left; pictures with outlines.
const sets = read("data");
const labels = read("rows");
const form = by("filters");
if (form && sets.length) {
  const PAGE = 12;
  const [SENTENCE, SPANS, CATEGORY, SIZE, TYPE, GAIN, IOUS, PICTURE] = [0, 1, 2, 3, 4, 5, 6, 7];
  const SVG = "http://www.w3.org/2000/svg";
  const swatch = (row) => {
    const node = make("span", "swatch");
    node.style.background = `var(--row-${row})`;
    return node;
  };
  const ofRow = (node, row) => {
    node.dataset.ofRow = row;
    node.hidden = hidden.has(row);
    return node;
  };
  let set = sets[0];
  let found = [];
  let page = 0;

  // Percent of the IoUs (percent, null where a row was not scored) that reach each threshold from 0 to 100.
  const reached = (ious) => {
    const scored = ious.filter((iou) => iou !== null);
    const shares = new Array(101).fill(0);
    for (const iou of scored) shares[Math.min(100, Math.floor(iou))] += 1;
    for (let at = 99; at >= 0; at -= 1) shares[at] += shares[at + 1];
    return shares.map((count) => (scored.length ? (100 * count) / scored.length : 0));
  };
  let shares = [];
  const at = by("threshold");
  const readOut = () => {
    by("at").textContent = (at.value / 100).toFixed(2);
    by("readout").replaceChildren(...set.rows.map((row, place) =>
      ofRow(make("li", "", swatch(row), labels[row], " ", make("b", "", `${shares[place][at.value].toFixed(1)}\u00a0%`)), row)));
    charts.then(async () => (await drawn.get(by("chart"))).signal("at", at.value / 100).runAsync());
  };
  const plot = () => {
    shares = set.rows.map((_, place) => reached(found.map((item) => item[IOUS][place])));
    const points = set.rows.flatMap((row, place) =>
      shares[place].map((mean, threshold) => ({ row, threshold: threshold / 100, mean })).slice(1));
    charts.then(async () => (await drawn.get(by("chart"))).data("shown", points).runAsync());
    readOut();
  };
  at.addEventListener("input", readOut);

  const svg = (tag, attributes, ...content) => {
    const node = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...content);
    return node;
  };
  const overlay = (picture, ...lines) => svg("svg", { viewBox: `0 0 ${picture.width} ${picture.height}`, "aria-hidden": true }, ...lines.flat());
  // A line that shows on any ground: dark below, bright above.
  const outline = (d, row) => {
    const above = svg("path", { d, class: row === undefined ? "truth" : "mask" });
    if (row !== undefined) Object.assign(above.style, { stroke: `var(--lit-${row})`, fill: `var(--lit-${row})` });
    return [svg("path", { d, class: "under" }), above];
  };
  const pane = (url, label, lines, ...words) => {
    const image = new Image();
    Object.assign(image, { src: url, alt: "", loading: "lazy", decoding: "async" });
    const button = make("button", "", image, lines);
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-label", `${label}: image without outlines`);
    return make("div", "pane", button, ...words);
  };
  const whole = (picture) => {
    const [x, y, w, h] = picture.box;
    const lines = overlay(picture, outline(`M${x} ${y}h${w}v${h}h${-w}Z`));
    return pane(set.images[picture.image], "Whole image", lines, "whole image");
  };
  const marked = (item) => {
    const line = make("p", "sentence");
    let from = 0;
    for (const [start, end, place] of item[SPANS]) {
      line.append(item[SENTENCE].slice(from, start), make("mark", place ? "place" : "", item[SENTENCE].slice(start, end)));
      from = end;
    }
    line.append(item[SENTENCE].slice(from));
    return line;
  };
  const panes = (item) => {
    const picture = set.pictures[item[PICTURE]];
    const mean = (place) => item[IOUS][place].toFixed(1);
    const words = (row, place) => {
      const own = picture?.ious[place]?.toFixed(1) ?? mean(place);
      return [swatch(row), labels[row], " ", make("b", "", own), own === mean(place) ? "" : ` (mean ${mean(place)})`];
    };
    if (!picture) return make("div", "panes", ...set.rows.map((row, place) => ofRow(make("div", "pane", ...words(row, place)), row)));
    const url = set.images[picture.image];
    const truth = () => outline(picture.truth);
    const first = picture.whole ? [whole(picture.whole)] : [];
    first.push(pane(url, "Truth", overlay(picture, truth()), "truth"));
    return make("div", "panes", ...first, ...set.rows.map((row, place) => {
      const mask = picture.masks[place];
      const lines = overlay(picture, truth(), mask ? outline(mask, row) : []);
      return ofRow(pane(url, labels[row], lines, ...words(row, place)), row);
    }));
  };
  const card = (item) => {
    const gain = item[GAIN] === null ? "" : ` · gain ${item[GAIN] > 0 ? "+" : ""}${item[GAIN].toFixed(1)}`.replace("-", "−");
    const head = make("header", "", marked(item));
    const node = make("article", "example card", head, make("p", "facts", `${item[CATEGORY]} · ${item[SIZE]} · ${item[TYPE]}${gain}`), panes(item));
    if (set.pictures[item[PICTURE]]) {
      const button = make("button", "enlarge", "⤢");
      button.type = "button";
      button.setAttribute("aria-label", `Enlarge: ${item[SENTENCE]}`);
      button.addEventListener("click", () => enlarge(item[SENTENCE], (body) => body.append(make("div", "large", panes(item)))));
      head.append(button);
    }
    return node;
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".pane button");
    if (button) button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") === "false");
  });

  const list = () => {
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    by("count").textContent = `${found.length.toLocaleString("en")} of ${set.items.length.toLocaleString("en")} expressions`;
    by("cards").replaceChildren(...found.slice(page * PAGE, (page + 1) * PAGE).map(card));
    by("cards").scrollLeft = 0;
    by("where").textContent = `page ${page + 1} of ${pages}`;
    by("back").disabled = page === 0;
    by("next").disabled = page >= pages - 1;
  };
  const turn = (step) => {
    page += step;
    list();
    by("legend").scrollIntoView({ block: "start" });
  };
  by("back").addEventListener("click", () => turn(-1));
  by("next").addEventListener("click", () => turn(1));

  const fill = (name, values) => {
    const any = make("option", "", "all");
    any.value = "";
    form.elements[name].replaceChildren(any, ...values.map((value) => make("option", "", value)));
  };
  const choose = (place) => {
    set = sets[place];
    for (const [name, column] of [["category", CATEGORY], ["size", SIZE], ["type", TYPE]])
      fill(name, [...new Set(set.items.map((item) => item[column]))].sort());
    const gain = set.base < 0 ? "" : ` Gain: IoU of “${labels[set.rows[set.better]]}” minus “${labels[set.rows[set.base]]}”, points, seeds averaged.`;
    by("legend").replaceChildren(
      make("mark", "", "object words"), " ", make("mark", "place", "position words"),
      ` White line: truth; coloured line: a row's mask; below: the IoU of that mask in %, and the mean over seeds where it differs. Press a picture to see it without lines. ${set.note}${gain}`);
  };
  const score = (item) => item[IOUS][set.better];
  const orders = {
    gain: (a, b) => b[GAIN] - a[GAIN],
    loss: (a, b) => a[GAIN] - b[GAIN],
    worst: (a, b) => score(a) - score(b),
    best: (a, b) => score(b) - score(a),
  };
  const gains = { up: (g) => g > 0, down: (g) => g < 0, same: (g) => g === 0 };
  const filter = () => {
    const want = Object.fromEntries(new FormData(form));
    const words = want.words.toLowerCase();
    found = set.items.filter((item) =>
      (!want.category || item[CATEGORY] === want.category) &&
      (!want.size || item[SIZE] === want.size) &&
      (!want.type || item[TYPE] === want.type) &&
      (!want.gain || gains[want.gain](item[GAIN])) &&
      (!words || item[SENTENCE].toLowerCase().includes(words)) &&
      (!want.pictured || item[PICTURE] >= 0));
    found.sort(orders[want.order]);
    page = 0;
    plot();
    list();
  };
  form.elements.dataset.replaceChildren(...sets.map((each, place) => {
    const option = make("option", "", each.dataset);
    option.value = place;
    return option;
  }));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => {
    if (event.target.name === "dataset") choose(Number(event.target.value));
    filter();
  });
  const outlines = form.elements.outlines;
  outlines.addEventListener("input", () => by("cards").classList.toggle("clean", !outlines.checked));
  choose(0);
  filter();
}
