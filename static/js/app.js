// Staff pages: "/" goes to the search box, chips of a list's filter, forms sent once, focus on the error summary, what htmx failed to send, large tables on paper.
"use strict";
(() => {
  const typing = (element) => element.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(element.tagName);

  function slashToSearch(event) {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const box = document.querySelector("[data-search]");
    if (!box || box.offsetParent === null) return;
    event.preventDefault();
    box.focus();
    box.select();
  }

  // --- Filter chips: one for each control that is set; pressing it clears the control and sends the form.
  function spoken(control) {
    if (control.type === "checkbox" || control.type === "radio") return control.checked ? control.closest("label")?.textContent.trim() || "是" : "";
    if (control.tagName === "SELECT") return [...control.selectedOptions].filter((option) => option.value !== "").map((option) => option.textContent.trim()).join("、");
    return control.value.trim();
  }

  function clear(control) {
    if (control.type === "checkbox" || control.type === "radio") control.checked = false;
    else if (control.tagName === "SELECT") for (const option of control.options) option.selected = option.value === "" && !control.multiple;
    else control.value = "";
  }

  function chip(form, name, value, control) {
    const button = document.createElement("button");
    const mark = document.createElement("i");
    button.type = "button";
    button.className = "chip";
    mark.className = "ti ti-x";
    mark.setAttribute("aria-hidden", "true");
    button.append(name && name !== value ? `${name}：${value}` : value, mark);
    button.setAttribute("aria-label", `去掉筛选 ${button.textContent}`);
    button.addEventListener("click", () => { clear(control); form.requestSubmit(); });
    return button;
  }

  function chips(form) {
    const place = form.querySelector("[data-chips]");
    for (const control of form.querySelectorAll(".filter-fields :is(input, select, textarea)")) {
      const value = control.type === "hidden" ? "" : spoken(control);
      if (value) place.append(chip(form, control.closest(".field")?.querySelector("label")?.textContent.trim(), value, control));
    }
  }

  // Empty controls stay out of the address, so that a shared link says only what is set.
  function dropEmpty(event) {
    if (event.target.method !== "get") return;
    for (const control of event.target.elements) if (control.name && control.value === "") control.disabled = true;
  }

  function enable() {
    for (const control of document.querySelectorAll("form[method=get] :disabled")) control.disabled = false;
  }

  // --- Forms.
  function guard(event) {
    const form = event.target;
    if (!form.matches("[data-guard]") || event.defaultPrevented) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    for (const button of form.querySelectorAll("[type=submit]")) button.classList.add("disabled");
  }

  function release() {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("[type=submit]")) button.classList.remove("disabled");
    }
  }

  function autosubmit(form) {
    form.querySelector("[data-autosubmit-button]")?.setAttribute("hidden", "");
    form.addEventListener("change", () => form.requestSubmit());
  }

  function openForPaper(open) {
    for (const details of document.querySelectorAll("details.chart-data, details.settled, details.reason")) {
      if (open && !details.open) { details.open = true; details.dataset.opened = "1"; }
      else if (!open && details.dataset.opened) { details.open = false; delete details.dataset.opened; }
    }
  }

  // What htmx sent and the server did not do must not pass for done: said where it was sent from, and read aloud.
  const UNDONE = {
    0: "没有连上服务器，这一处没有保存。请检查网络后再试一次。",
    403: "页面停留太久，已经过期，这一处没有保存。请刷新页面后再做一次。",
    404: "这一处已经不在了，没有保存。请刷新页面看现在的情况。",
    429: "操作太快，这一处没有保存。请稍等一分钟再试。",
  };

  function tellUndone(event) {
    const sender = event.detail.elt;
    const note = document.createElement("p");
    note.className = "note note-bad undone";
    note.setAttribute("role", "alert");
    note.textContent = UNDONE[event.detail.xhr?.status ?? 0] || "服务器没有办成，这一处没有保存。请刷新页面后再试；仍不行请联系系统管理员。";
    forgetUndone(event);
    sender.after(note);
  }

  function forgetUndone(event) {
    const next = event.detail.elt.nextElementSibling;
    if (next?.matches(".undone")) next.remove();
  }

  document.addEventListener("htmx:responseError", tellUndone);
  document.addEventListener("htmx:sendError", tellUndone);
  document.addEventListener("htmx:beforeRequest", forgetUndone);
  document.addEventListener("keydown", slashToSearch);
  document.addEventListener("submit", dropEmpty);
  document.addEventListener("submit", guard);
  window.addEventListener("pageshow", (event) => { if (event.persisted) { release(); enable(); } });
  window.addEventListener("beforeprint", () => openForPaper(true));
  window.addEventListener("afterprint", () => openForPaper(false));
  document.querySelectorAll("form[data-filter]").forEach(chips);
  document.querySelectorAll("form[data-autosubmit]").forEach(autosubmit);
  document.querySelectorAll("[data-select-all]").forEach((input) => input.addEventListener("focus", () => input.select()));
  const errors = document.querySelector("[data-error-summary]");
  errors?.focus();
  // A page of errors answered a POST and may not be stored: going back to it would end at the browser's own error. Where the
  // form is sent to its own address, that address can be asked for again instead.
  const form = errors?.closest("main")?.querySelector("form[data-guard]");
  if (form && !form.getAttribute("action")) history.replaceState(history.state, "", location.href);
})();
