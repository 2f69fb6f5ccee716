// Tables that are narrowed by words and put in order by a press on a heading, in the browser: all rows are there.
//   <table data-sortable>           its headings become buttons; a cell's data-order is taken before its text
//   <input data-narrows="#table">   shows only rows with all the words typed; [data-shown-of] tells how many

function worth(row, place) {
  const cell = row.cells[place];
  const text = cell?.dataset.order ?? cell?.textContent.trim() ?? "";
  const number = text === "" ? NaN : Number(text);
  return Number.isNaN(number) ? text : number;
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), document.documentElement.lang, { numeric: true });
}

function order(table, heading) {
  const place = heading.cellIndex;
  const isFalling = heading.getAttribute("aria-sort") === "ascending";
  const body = table.tBodies[0];
  const rows = [...body.rows].sort((a, b) => compare(worth(a, place), worth(b, place)));
  body.append(...(isFalling ? rows.reverse() : rows));
  for (const one of table.tHead.rows[0].cells) one.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", isFalling ? "descending" : "ascending");
}

export function makeSortable(table) {
  if (table.dataset.isSortable) return;
  table.dataset.isSortable = "yes";
  for (const heading of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => order(table, heading));
    heading.append(button);
  }
}

export function makeNarrowing(input) {
  const table = document.querySelector(input.dataset.narrows);
  if (!table || !input.hidden) return;
  input.hidden = false;
  const count = document.querySelector(`[data-shown-of="${input.dataset.narrows}"]`);
  const whole = count?.textContent;
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of table.tBodies[0].rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    if (count) count.textContent = words.length ? `${shown} / ${whole}` : whole;
  });
}

//   <input type="checkbox" data-check-all="row">   ticks the boxes of that name in its form; shift ticks up to the last
export function makeCheckAll(box) {
  const form = box.form;
  if (!form || box.dataset.isReady) return;
  box.dataset.isReady = "yes";
  const boxes = () => [...form.querySelectorAll(`input[name="${CSS.escape(box.dataset.checkAll)}"]`)];
  let last = null;
  box.addEventListener("change", () => boxes().forEach((one) => { one.checked = box.checked; }));
  form.addEventListener("click", (event) => {
    if (event.target.name !== box.dataset.checkAll) return;
    const all = boxes();
    if (event.shiftKey && last) {
      const [first, end] = [all.indexOf(last), all.indexOf(event.target)].sort((a, b) => a - b);
      all.slice(first, end + 1).forEach((one) => { one.checked = event.target.checked; });
    }
    last = event.target;
    box.checked = all.every((one) => one.checked);
  });
}
