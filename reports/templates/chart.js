"use strict";
// Precision against IoU threshold of whatever expressions are shown: a slider or the pointer reads values, the legend hides rows.
const chart = (() => {
  const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [640, 300, 42, 12, 10, 38];
  const DASHES = { "-": "", "--": "6 3", ":": "2 3", "-.": "6 3 2 3" };
  const x = (threshold) => LEFT + (threshold / 100) * (WIDTH - LEFT - RIGHT);
  const y = (share) => HEIGHT - BOTTOM - (share / 100) * (HEIGHT - TOP - BOTTOM);
  const svg = (tag, attributes, text) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const html = (tag, className, ...content) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    node.append(...content);
    return node;
  };

  // Percent of the IoUs (percent, null where a row was not scored) that reach each threshold from 0 to 100.
  const reached = (ious) => {
    const scored = ious.filter((iou) => iou !== null);
    const shares = new Array(101).fill(0);
    for (const iou of scored) shares[Math.min(100, Math.floor(iou))] += 1;
    for (let at = 99; at >= 0; at -= 1) shares[at] += shares[at + 1];
    return shares.map((count) => (scored.length ? (100 * count) / scored.length : 0));
  };

  const axes = () => {
    const parts = [];
    for (let at = 0; at <= 100; at += 20) {
      parts.push(
        svg("line", { class: "grid", x1: x(0), x2: x(100), y1: y(at), y2: y(at) }),
        svg("line", { class: "grid", x1: x(at), x2: x(at), y1: y(0), y2: y(100) }),
        svg("text", { x: LEFT - 6, y: y(at) + 4, "text-anchor": "end" }, at),
        svg("text", { x: x(at), y: HEIGHT - BOTTOM + 15, "text-anchor": "middle" }, (at / 100).toFixed(1)));
    }
    parts.push(svg("text", { x: x(50), y: HEIGHT - 5, "text-anchor": "middle" }, "IoU threshold"));
    return parts;
  };

  // In `holder`; returns what draws rows of {label, color, line, ious}.
  return (holder) => {
    const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": "Precision (%) against IoU threshold" });
    const slider = html("input");
    Object.assign(slider, { type: "range", min: 0, max: 100, value: 50 });
    const threshold = html("output");
    const legend = html("div", "keys");
    const cursor = svg("line", { class: "cursor", y1: y(0), y2: y(100) });
    const hidden = new Set();
    let rows = [];
    const read = () => {
      threshold.textContent = (slider.value / 100).toFixed(2);
      cursor.setAttribute("x1", x(slider.value));
      cursor.setAttribute("x2", x(slider.value));
      rows.forEach((row) => (row.value.textContent = `${row.shares[slider.value].toFixed(1)} %`));
    };
    const toggle = (row) => {
      if (!hidden.delete(row.label)) hidden.add(row.label);
      row.curve.style.display = hidden.has(row.label) ? "none" : "";
      row.key.setAttribute("aria-pressed", !hidden.has(row.label));
    };
    slider.addEventListener("input", read);
    picture.addEventListener("pointermove", (event) => {
      const box = picture.getBoundingClientRect();
      const at = ((event.clientX - box.left) * WIDTH) / box.width;
      slider.value = Math.round((100 * (at - LEFT)) / (WIDTH - LEFT - RIGHT));
      read();
    });
    holder.replaceChildren(
      html("h3", "", "Precision (%) against IoU threshold"),
      html("p", "hint", "Of the expressions chosen above; the IoU of an expression is its mean over seeds. Press a row to hide it."), picture,
      html("label", "threshold", "IoU ≥ ", threshold, " ", slider), legend);
    return (given) => {
      rows = given.map((row) => {
        const shares = reached(row.ious);
        const points = shares.map((share, at) => `${x(at).toFixed(1)},${y(share).toFixed(1)}`).slice(1).join(" ");
        const curve = svg("polyline", { points, stroke: row.color, "stroke-dasharray": DASHES[row.line] });
        const swatch = html("span", "swatch");
        swatch.style.background = row.color;
        const value = html("b");
        const key = html("button", "", swatch, row.label, " ", value);
        key.type = "button";
        return { label: row.label, shares, curve, value, key };
      });
      for (const row of rows) {
        row.key.setAttribute("aria-pressed", !hidden.has(row.label));
        if (hidden.has(row.label)) row.curve.style.display = "none";
        row.key.addEventListener("click", () => toggle(row));
      }
      picture.replaceChildren(...axes(), cursor, ...rows.map((row) => row.curve));
      legend.replaceChildren(...rows.map((row) => row.key));
      read();
    };
  };
})();
