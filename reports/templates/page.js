"use strict";
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const make = (tag, className, text) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  };

  // Tables: a heading sorts the lines of every panel; what is missing stays last.
  const compare = (a, b) => {
    const [x, y] = [Number(a), Number(b)];
    return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
  };
  const sort = (table, place, heading) => {
    const rising = heading.getAttribute("aria-sort") === "descending";
    table.querySelectorAll("th[aria-sort]").forEach((each) => each.setAttribute("aria-sort", "none"));
    heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
    for (const body of table.tBodies) {
      const lines = [...body.querySelectorAll("tr.line")];
      const value = (line) => line.cells[place].dataset.value;
      lines.sort((a, b) => {
        const [x, y] = [value(a), value(b)];
        if (x === "" || y === "") return (x === "") - (y === "");
        return rising ? compare(x, y) : compare(y, x);
      });
      lines.forEach((line) => body.append(line));
    }
  };
  document.querySelectorAll("table.sortable").forEach((table) => {
    [...table.tHead.rows[0].cells].forEach((heading, place) => {
      const button = heading.querySelector("button");
      if (button) button.addEventListener("click", () => sort(table, place, heading));
    });
  });

  // Copying, also where a page from disk may not use the clipboard.
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = make("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  };
  const sources = read("sources");
  document.querySelectorAll("button[data-copy]").forEach((button) => {
    button.addEventListener("click", async () => {
      const done = await copy(sources[button.dataset.table][button.dataset.copy]);
      const said = button.parentElement.querySelector("[role=status]");
      said.textContent = done ? "Copied." : "This browser does not let pages copy.";
      setTimeout(() => (said.textContent = ""), 2500);
    });
  });

  // Examples.
  const sets = read("data");
  const form = document.getElementById("filters");
  if (!form || !sets.length) return;
  const PAGE = 12;
  const [SENTENCE, SPANS, CATEGORY, SIZE, TYPE, GAIN, IOUS, PICTURE] = [0, 1, 2, 3, 4, 5, 6, 7];
  const by = (id) => document.getElementById(id);
  const draw = chart(by("chart"));
  let set = sets[0];
  let found = [];
  let page = 0;

  const fill = (name, values) => {
    const select = form.elements[name];
    const any = make("option", "", "all");
    any.value = "";
    select.replaceChildren(any, ...values.map((value) => make("option", "", value)));
  };
  const choose = (place) => {
    set = sets[place];
    for (const [name, column] of [["category", CATEGORY], ["size", SIZE], ["type", TYPE]])
      fill(name, [...new Set(set.items.map((item) => item[column]))].sort());
    const gain = set.base < 0 ? "" : ` Gain: IoU of “${set.rows[set.better].label}” minus “${set.rows[set.base].label}”, points, seeds averaged.`;
    by("legend").replaceChildren(
      make("mark", "", "object words"), " ", make("mark", "place", "position words"), ` White line: truth. ${set.note}${gain}`);
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
    draw(set.rows.map((row, place) => ({ ...row, ious: found.map((item) => item[IOUS][place]) })));
    page = 0;
    show();
  };

  const decode = (runs, size) => {
    const mask = new Uint8Array(size);
    let at = 0;
    runs.split(",").forEach((length, place) => {
      const end = at + Number(length);
      if (place % 2) mask.fill(1, at, end);
      at = end;
    });
    return mask;
  };
  const paint = (canvas, image, picture, runs, color) => {
    const [w, h] = [picture.width, picture.height];
    canvas.width = w;
    canvas.height = h;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0, w, h);
    const pixels = context.getImageData(0, 0, w, h);
    const truth = decode(picture.truth, w * h);
    const mask = runs ? decode(runs, w * h) : null;
    const tint = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
    for (let i = 0; i < w * h; i += 1) {
      const near = (truth[i - 1] && i % w) || (truth[i + 1] && (i + 1) % w) || truth[i - w] || truth[i + w];
      if (near && !truth[i]) pixels.data.fill(255, 4 * i, 4 * i + 3);
      else if (mask && mask[i]) for (let c = 0; c < 3; c += 1) pixels.data[4 * i + c] = 0.4 * pixels.data[4 * i + c] + 0.6 * tint[c];
    }
    context.putImageData(pixels, 0, 0);
  };
  const marked = (item) => {
    const line = make("p");
    let at = 0;
    for (const [start, end, place] of item[SPANS]) {
      line.append(item[SENTENCE].slice(at, start), make("mark", place ? "place" : "", item[SENTENCE].slice(start, end)));
      at = end;
    }
    line.append(item[SENTENCE].slice(at));
    return line;
  };
  const card = (item) => {
    const node = make("article", "card");
    const gain = item[GAIN] === null ? "" : ` · gain ${item[GAIN] > 0 ? "+" : ""}${item[GAIN].toFixed(1)}`.replace("-", "−");
    node.append(marked(item), make("p", "facts", `${item[CATEGORY]} · ${item[SIZE]} · ${item[TYPE]}${gain}`));
    const strip = make("div", "strip");
    const picture = set.pictures[item[PICTURE]];
    const pending = [];
    const panel = (label, color, value, runs) => {
      const box = make("div");
      if (picture && runs !== undefined) {
        const canvas = make("canvas");
        canvas.width = picture.width;
        canvas.height = picture.height;
        box.append(canvas);
        pending.push([canvas, runs, color]);
      }
      const swatch = make("span", "swatch");
      swatch.style.background = color;
      box.append(swatch, label, " ");
      if (value !== null) box.append(make("b", "", value.toFixed(1)));
      strip.append(box);
    };
    if (picture) panel("truth", "#ffffff", null, null);
    set.rows.forEach((row, place) => panel(row.label, row.color, item[IOUS][place], picture ? picture.masks[place] : undefined));
    if (picture) {
      const image = new Image();
      image.onload = () => pending.forEach(([canvas, runs, color]) => paint(canvas, image, picture, runs, color));
      image.src = set.images[picture.image];
    }
    node.append(strip);
    return node;
  };
  const show = () => {
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    by("count").textContent = `${found.length.toLocaleString("en")} of ${set.items.length.toLocaleString("en")} expressions`;
    by("cards").replaceChildren(...found.slice(page * PAGE, (page + 1) * PAGE).map(card));
    by("where").textContent = `page ${page + 1} of ${pages}`;
    by("back").disabled = page === 0;
    by("next").disabled = page >= pages - 1;
  };
  const turn = (by) => {
    page += by;
    show();
    document.getElementById("count").scrollIntoView({ block: "start" });
  };
  by("back").addEventListener("click", () => turn(-1));
  by("next").addEventListener("click", () => turn(1));
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
  choose(0);
  filter();
})();
