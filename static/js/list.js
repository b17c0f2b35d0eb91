// A list with bulk acts: tick the page's rows at once, say how many are ticked, "all that match" instead of single rows.
"use strict";
(() => {
  const form = document.querySelector("[data-bulk]");
  const rows = [...document.querySelectorAll('input[name=row][form="bulk"]')];
  const page = form?.querySelector("[data-pick-page]");
  const all = form?.querySelector("[data-pick-all]");
  const said = form?.querySelector("[data-picked]");
  if (!page || !all || !said) return;

  function tell() {
    const picked = rows.filter((row) => row.checked).length;
    for (const row of [...rows, page]) row.disabled = all.checked;
    page.checked = picked > 0 && picked === rows.length;
    page.indeterminate = picked > 0 && picked < rows.length;
    said.textContent = all.checked ? "已选符合条件的全部" : picked ? `已选 ${picked} 行` : "";
  }

  form.querySelector("[data-pick-page-label]").hidden = false;
  page.addEventListener("change", () => { for (const row of rows) row.checked = page.checked; tell(); });
  for (const input of [...rows, all]) input.addEventListener("change", tell);
  window.addEventListener("pageshow", tell);
  tell();
})();
