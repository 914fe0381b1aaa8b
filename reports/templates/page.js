// What every part of the page uses, then tables, copying, folding and printing.
const by = (id) => document.getElementById(id);
const read = (id) => JSON.parse(by(id).textContent);
const make = (tag, className, ...content) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...content);
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

// A link into a folded part opens it; on paper everything is open.
const unfold = () => by(decodeURIComponent(location.hash.slice(1)))?.closest("details")?.setAttribute("open", "");
addEventListener("hashchange", unfold);
unfold();
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  folded.forEach((each) => (each.open = true));
  document.querySelectorAll("img[loading]").forEach((image) => (image.loading = "eager"));
});
addEventListener("afterprint", () => folded.forEach((each) => (each.open = false)));

// Whatever is enlarged lies in one dialog; Esc closes it. `fill` is given its body and may return what to do at the end.
const dialog = by("enlarged");
const tip = by("vg-tooltip-element");
let finish = null;
const enlarge = (title, fill) => {
  by("enlarged-title").textContent = title;
  const body = dialog.querySelector(".body");
  body.replaceChildren();
  dialog.append(tip);
  dialog.showModal();
  finish = fill(body) ?? null;
};
dialog.querySelector("button").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
dialog.addEventListener("close", () => {
  finish?.();
  document.body.append(tip);
});
