// Sending files: what only some kinds of record ask is hidden for the others; the day in a file's name fills the date.
"use strict";
(() => {
  const target = document.querySelector("[name=target]");
  const file = document.querySelector("[name=file]");
  const day = document.querySelector("[name=file_date]");

  function toggle() {
    for (const part of document.querySelectorAll("[data-only-for]")) part.hidden = !part.dataset.onlyFor.split(" ").includes(target.value);
  }

  // 20261101, 2026-11-01, 2026年11月1日; never a day that is still to come.
  function dayIn(name) {
    const found = name.match(/(?<!\d)(20\d\d)(\d\d)(\d\d)(?!\d)/) || name.match(/(?<!\d)(20\d\d)[-_.年](\d{1,2})[-_.月](\d{1,2})(?!\d)/);
    if (!found) return "";
    const [year, month, date] = found.slice(1).map(Number);
    const said = new Date(Date.UTC(year, month - 1, date));
    const real = said.getUTCMonth() === month - 1 && said.getUTCDate() === date && said <= new Date();
    return real ? said.toISOString().slice(0, 10) : "";
  }

  target?.addEventListener("change", toggle);
  file?.addEventListener("change", () => {
    const days = [...file.files].map((one) => dayIn(one.name)).filter(Boolean).sort();
    if (day && days.length) day.value = days.at(-1);
  });
  if (target) toggle();
})();
