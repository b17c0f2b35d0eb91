// A page that nobody uses is locked when the server's idle limit has passed, and opened again as it stands.
"use strict";
(() => {
  const dialog = document.querySelector("dialog[data-unlock]");
  if (!dialog) return;
  const IDLE = Number(dialog.dataset.idle) * 1000;
  const SURE = IDLE - 20000; // so exactly the server knows when it saw somebody (session_store.py, SEEN_AGAIN)
  const BACKGROUND = { headers: { "X-Background": "1" } };
  let known = Date.now(); // when the server last saw the person here
  let timer = 0;
  let waiting = null; // a form that was sent too late: it goes on after the dialog

  const arm = (after) => { clearTimeout(timer); timer = setTimeout(check, Math.max(after, 1000)); };

  async function check() {
    if (dialog.open) return;
    try {
      const { left } = await (await fetch(dialog.dataset.state, BACKGROUND)).json();
      if (left > 0) { known = Date.now() + left * 1000 - IDLE; arm(left * 1000); goOn(); } else await lock();
    } catch { arm(15000); }
  }

  async function lock() {
    const answer = await fetch(dialog.dataset.unlock, BACKGROUND);
    if (answer.headers.get("Content-Type").includes("json")) { // opened in another tab meanwhile, or over for good
      if ((await answer.json()).gone) location.reload(); else opened();
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    dialog.replaceChildren(...page.body.childNodes);
    const byKey = dialog.querySelector("[data-unlock-passkey]");
    if (byKey && window.askPasskey) { byKey.hidden = false; byKey.addEventListener("submit", passkey); }
    dialog.querySelector("[data-unlock-password]").addEventListener("submit", password);
    if (!dialog.open) dialog.showModal();
  }

  async function send(data) {
    const error = dialog.querySelector("[data-unlock-error]");
    try {
      const answer = await (await fetch(dialog.dataset.unlock, { method: "POST", body: data, ...BACKGROUND })).json();
      if (answer.gone) location.reload();
      else if (answer.error) { error.textContent = answer.error; error.hidden = false; }
      else opened();
    } catch { error.textContent = "没有连上服务器，请检查网络后再试。"; error.hidden = false; }
  }

  function password(event) {
    event.preventDefault();
    event.stopPropagation();
    send(new FormData(event.target));
  }

  async function passkey(event) {
    event.preventDefault();
    event.stopPropagation();
    const data = new FormData(event.target);
    try { data.set("credential", await window.askPasskey(event.target, "get")); } catch (reason) {
      const error = dialog.querySelector("[data-unlock-error]");
      error.textContent = reason.said || "没有完成，请再试一次。";
      error.hidden = false;
      return;
    }
    send(data);
  }

  function opened() {
    if (dialog.open) dialog.close();
    dialog.replaceChildren();
    known = Date.now();
    arm(IDLE);
    goOn();
  }

  function goOn() {
    if (!waiting) return;
    const [form, button] = waiting;
    waiting = null;
    form.requestSubmit(button);
  }

  document.addEventListener("submit", (event) => {
    if (dialog.contains(event.target) || Date.now() - known < SURE) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    waiting = [event.target, event.submitter];
    check();
  }, true);
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  document.addEventListener("htmx:afterRequest", () => { if (!dialog.open) { known = Date.now(); arm(IDLE); } });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && Date.now() - known >= SURE) check(); });
  arm(IDLE);
})();
