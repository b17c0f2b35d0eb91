// Long work: asks a job's address and moves its bar until the work has ended. See templates/partials/_progress.html.
"use strict";
(() => {
  const ENDED = new Set(["done", "failed", "cancelled"]);
  const WORDS = { queued: "排队中", running: "正在办理", done: "已办完", failed: "没有办成", cancelled: "已取消" };
  const SHORTEST = 1000;
  const LONGEST = 15000;
  const count = new Intl.NumberFormat("zh-CN");

  function timeLeft(seconds) {
    if (seconds === null || seconds === undefined) return "";
    if (seconds < 10) return "马上就好";
    if (seconds < 90) return `约还需 ${Math.round(seconds)} 秒`;
    return `约还需 ${Math.round(seconds / 60)} 分钟`;
  }

  function show(job, answer) {
    const part = (name) => job.querySelector(`[data-progress-${name}]`);
    const ended = ENDED.has(answer.state);
    const percent = answer.percent ?? (answer.total ? (100 * answer.done) / answer.total : null);
    job.dataset.state = answer.state;
    if (percent === null && !ended) part("bar").removeAttribute("value");
    else part("bar").value = percent ?? part("bar").value;
    part("count").textContent = answer.total ? `${count.format(answer.done)} / ${count.format(answer.total)} 行` : "";
    part("left").textContent = ended ? "" : timeLeft(answer.seconds_left);
    part("state").textContent = WORDS[answer.state] || "";
    if (part("message").textContent !== (answer.message || "")) part("message").textContent = answer.message || "";
    part("lost").hidden = true;
    if (ended && part("cancel")) part("cancel").hidden = true;
  }

  async function poll(job, wait) {
    let next = SHORTEST;
    try {
      const response = await fetch(job.dataset.progressUrl, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (response.redirected) { window.location.reload(); return; } // the session ended: the page leads to the sign-in and back
      if (!response.ok) throw new Error(String(response.status));
      const answer = await response.json();
      show(job, answer);
      if (answer.state === "done" && answer.finished_url) { window.location.assign(answer.finished_url); return; }
      if (ENDED.has(answer.state)) { window.location.reload(); return; } // the page says what came of it
    } catch {
      job.querySelector("[data-progress-lost]").hidden = false;
      next = Math.min(wait * 2, LONGEST);
    }
    window.setTimeout(() => poll(job, next), next);
  }

  for (const job of document.querySelectorAll("[data-progress-url]")) {
    if (!ENDED.has(job.dataset.state)) poll(job, SHORTEST);
    else if (job.querySelector("[data-progress-cancel]")) job.querySelector("[data-progress-cancel]").hidden = true;
  }
})();
