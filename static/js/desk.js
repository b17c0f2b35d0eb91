// The desk: sends a check-in as JSON and keeps it when the network fails, so that 签到 again is the same check-in.
"use strict";
(() => {
  const REST = 1000; // ms: a second tap on +1 within a second is a double tap
  let lastTap = 0;

  function chosen() {
    return document.querySelector("input[name=purpose]:checked")?.value;
  }

  async function send(form) {
    const body = Object.fromEntries(new FormData(form));
    const token = body.csrfmiddlewaretoken;
    delete body.csrfmiddlewaretoken;
    body.occurred_at = form.dataset.tappedAt ??= new Date().toISOString();
    const response = await fetch(form.action, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": token },
      body: JSON.stringify(body),
    });
    return { ok: response.ok, answer: await response.json() };
  }

  function say(text) {
    const place = document.querySelector("[data-wait]");
    place.textContent = text;
    place.scrollIntoView({ block: "nearest" });
  }

  async function checkIn(event) {
    const form = event.target;
    if (!form.matches("[data-check-in]")) return;
    event.preventDefault();
    if (form.dataset.busy) return;
    form.dataset.busy = "1";
    say("正在签到…");
    try {
      const { ok, answer } = await send(form);
      if (ok) { location.assign(answer.url); return; }
      say(answer.detail);
      delete form.dataset.tappedAt;
    } catch {
      say("网络不通，还没有签到。内容已保留，请再点一次，不会重复。");
    }
    delete form.dataset.busy;
  }

  function doubleTap(event) {
    if (!event.target.matches("[data-footfall]")) return;
    if (Date.now() - lastTap < REST) { event.preventDefault(); event.stopPropagation(); return; }
    lastTap = Date.now();
  }

  document.addEventListener("submit", doubleTap, true);
  document.addEventListener("submit", checkIn);
  document.addEventListener("change", (event) => {
    if (event.target.name === "purpose") for (const copy of document.querySelectorAll("[data-purpose-copy]")) copy.value = chosen();
  });
  window.addEventListener("pageshow", () => { for (const form of document.querySelectorAll("[data-busy]")) delete form.dataset.busy; });
})();
