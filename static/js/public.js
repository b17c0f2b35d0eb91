// Public pages: the 适老 switch, one submit per form, focus on the error summary. Loaded in <head>, so that the size is set before the first paint.
"use strict";
(() => {
  const KEY = "large-text";
  const root = document.documentElement;
  const remembered = () => { try { return localStorage.getItem(KEY) === "1"; } catch { return false; } };
  const remember = (large) => { try { localStorage.setItem(KEY, large ? "1" : "0"); } catch { /* private window: lasts for this page */ } };
  root.classList.toggle("large", remembered());

  function sizeSwitch(button) {
    const show = () => {
      const large = root.classList.contains("large");
      button.setAttribute("aria-pressed", String(large));
      button.textContent = large ? "标准字" : "大字";
    };
    button.hidden = false;
    button.addEventListener("click", () => { remember(root.classList.toggle("large")); show(); });
    show();
  }

  function guard(event) {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    for (const button of form.querySelectorAll("button[type=submit], button:not([type])")) button.setAttribute("aria-disabled", "true");
  }

  function release() {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
    }
  }

  document.addEventListener("submit", guard);
  window.addEventListener("pageshow", (event) => { if (event.persisted) release(); });
  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-size-switch]").forEach(sizeSwitch);
    document.querySelector("[data-error-summary]")?.focus();
  });
})();
