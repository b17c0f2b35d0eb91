// Forms of upper bodies: arrow keys move over the cells, one of which is in the tab order; the panel takes the focus when
// a cell is opened, and asks only what this kind of cell needs. Suggestions: all of them are ticked at once.
"use strict";
(() => {
  const grid = document.querySelector("[data-form-grid]");
  const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const NEEDS = {
    value: ["metric", "denominator", "range", "unit"], percent: ["metric", "denominator", "range", "unit"],
    numerator: ["metric", "denominator", "range", "unit"], denominator: ["metric", "denominator", "range", "unit"],
    unit_name: ["unit"], period: [], filled_on: [], text: ["text"],
  };
  const cells = grid ? [...grid.querySelectorAll("[data-cell]")] : [];

  function place(cell) {
    const [, letters, row] = cell.dataset.cell.match(/^([A-Z]+)(\d+)$/);
    return [Number(row), [...letters].reduce((at, letter) => at * 26 + letter.charCodeAt(0) - 64, 0)];
  }

  // The nearest cell in the direction of the key, in the same row or column first.
  function beside(cell, [down, right]) {
    const [row, column] = place(cell);
    const ahead = cells.map((one) => [one, ...place(one)]).filter(([, r, c]) => (down ? (r - row) * down > 0 : (c - column) * right > 0));
    const far = ([, r, c]) => (down ? Math.abs(r - row) + Math.abs(c - column) * 1000 : Math.abs(c - column) + Math.abs(r - row) * 1000);
    return ahead.sort((one, other) => far(one) - far(other))[0]?.[0];
  }

  function only(cell) {
    for (const one of cells) one.tabIndex = one === cell ? 0 : -1;
  }

  function ask() {
    const what = document.querySelector("#cell-panel [name=what]")?.value;
    for (const part of document.querySelectorAll("#cell-panel [data-asked]")) {
      part.hidden = part.dataset.asked !== "what" && !NEEDS[what]?.includes(part.dataset.asked);
    }
  }

  if (cells.length) {
    const first = cells.find((cell) => cell.hasAttribute("aria-current")) || cells[0];
    only(first);
    if (first.hasAttribute("aria-current")) first.scrollIntoView({ block: "nearest", inline: "nearest" });
    grid.addEventListener("keydown", (event) => {
      const next = STEPS[event.key] && event.target.dataset.cell && beside(event.target, STEPS[event.key]);
      if (!next) return;
      event.preventDefault();
      only(next);
      next.focus();
    });
    grid.addEventListener("click", (event) => {
      const cell = event.target.closest("[data-cell]");
      if (!cell) return;
      for (const one of cells) one.removeAttribute("aria-current");
      cell.setAttribute("aria-current", "true");
      only(cell);
    });
  }
  const all = document.querySelector("[data-tick-all]");
  if (all) {
    document.querySelector("[data-tick-all-label]").hidden = false;
    all.addEventListener("change", () => { for (const box of document.querySelectorAll("input[name=cell]")) box.checked = all.checked; });
  }
  document.addEventListener("change", (event) => { if (event.target.name === "what") ask(); });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "cell-panel") return;
    ask();
    if (!event.detail.requestConfig.elt.dataset.cell) return; // the page opened on this cell: where the reader is, he stays
    event.detail.target.querySelector("h2").focus();
  });
  ask();
})();
