// A wall screen: fetches one frame of numbers, turns its pages, and keeps the last good frame when the server is away.
// The key stands behind # in the address and goes out in one header only. js/screen-draw.js draws.
"use strict";
(() => {
  const EVERY = 15000; // between two good answers
  const FIRST_RETRY = 5000;
  const LAST_RETRY = 30000;
  const REFUSED_RETRY = 1800000;
  const PATIENCE = 10000;
  const QUIET = 20000; // so long without an answer is not worth a word; longer is told, within half a minute
  const LONG = 30000; // so long nothing was heard, and nothing failed: this machine slept, or has just started
  const REFUSALS = {
    revoked: ["此大屏已停用", "需要继续使用，请联系本单位工作人员另建一块大屏。"],
    expired: ["此大屏已到期", "需要继续使用，请联系本单位工作人员另建一块大屏。"],
    closed: ["此大屏已停用", "所属单位已经撤并，请联系本单位工作人员另建一块大屏。"],
    unknown: ["打不开这块大屏", "地址不完整或者不对，请用建大屏时得到的完整地址。"],
  };
  const canvas = document.getElementById("canvas");
  const stage = document.getElementById("stage");
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const key = decodeURIComponent(location.hash.slice(1));
  const place = `screen:${canvas.dataset.number}`;
  const wall = window.wall;
  let frame = null;
  let etag = "";
  let heard = 0; // when the last good answer came, by the server's clock
  let local = 0; // and by this machine's
  let since = 0; // and in ms since the page was loaded: that clock nobody sets
  let failures = 0;
  let timer = 0;
  let asking = false;
  let shown = 0; // which of the turning pages
  let turned = performance.now();
  let paused = false;

  const text = (name, value) => {
    const node = document.querySelector(`[data-text="${name}"]`);
    if (node.textContent !== value) node.textContent = value;
  };
  const state = (name) => { document.body.dataset.state = name; };

  // --- the last good frame, over a restart ----------------------------------------------------------------------------

  // tells one key from another without keeping it: what is kept here opens nothing
  const proof = [...key].reduce((sum, letter) => (Math.imul(sum, 31) + letter.charCodeAt(0)) | 0, 7);

  function keep() {
    try { localStorage.setItem(place, JSON.stringify({ proof, etag, heard, local, frame })); } catch { /* a full or closed store: the page itself still has it */ }
  }

  function recall() {
    try {
      const kept = JSON.parse(localStorage.getItem(place));
      if (kept?.proof === proof && isWhole(kept.frame) && !isOver(kept.frame)) ({ frame, etag, heard, local = heard } = kept);
    } catch { /* nothing that can be read */ }
    since = performance.now() - LONG; // what was kept is not fresh, however this machine's clock stands
    if (frame) take();
    tell();
  }

  const isOver = (one) => Date.parse(one.screen.expires_at) <= Date.now();

  function isWhole(one) {
    return typeof one?.unit === "string" && typeof one.pages === "object" && Array.isArray(one.screen?.pages) && one.screen.seconds > 0
      && (one.empty || (one.screen.pages.length > 0 && typeof one.as_of === "string" && one.screen.pages.every((page) => one.pages[page])));
  }

  // --- asking --------------------------------------------------------------------------------------------------------------

  function later(delay) {
    clearTimeout(timer);
    timer = setTimeout(ask, delay);
  }

  async function ask() {
    if (asking) return;
    asking = true;
    const stop = new AbortController();
    const patience = setTimeout(() => stop.abort(), PATIENCE);
    try {
      const headers = { Authorization: `Screen ${key}`, Accept: "application/json" };
      if (frame && etag) headers["If-None-Match"] = etag;
      const answer = await fetch(canvas.dataset.url, { headers, signal: stop.signal, cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer" });
      await hear(answer);
    } catch (error) {
      canvas.dataset.problem = `${error}`.slice(0, 200);
      failures += 1;
      const delay = Math.min(FIRST_RETRY * 2 ** (failures - 1), LAST_RETRY);
      later(delay * (0.8 + Math.random() * 0.4));
    } finally {
      clearTimeout(patience);
      asking = false;
      tell();
    }
  }

  async function hear(answer) {
    if (answer.status === 304 && frame) return good(answer);
    const body = await answer.json(); // half an answer ends here
    if ((answer.status === 410 || answer.status === 404) && REFUSALS[body.refused]) return refuse(body.refused);
    if (answer.status !== 200 || !isWhole(body)) throw new Error(`${answer.status}`);
    const before = frame;
    frame = body;
    etag = ""; // a frame that could not be drawn is asked for anew
    take();
    etag = answer.headers.get("ETag") ?? "";
    if (before && before.unit !== frame.unit) shown = 0;
    return good(answer);
  }

  function good(answer) {
    failures = 0;
    delete canvas.dataset.problem;
    [local, since] = [Date.now(), performance.now()];
    heard = Date.parse(answer.headers.get("Date")) || local;
    keep();
    later(EVERY);
    renew(answer.headers.get("X-Release"));
  }

  // After an upgrade of the server the page is loaded again, once for each release and only when the new page is there: a
  // browser that is sent to a server still starting shows that server's error, and nothing here asks any more.
  async function renew(release) {
    if (!release || release === canvas.dataset.release || sessionStorage.getItem("release") === release) return;
    const page = await fetch(location.pathname, { cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(PATIENCE) }).catch(() => null);
    const there = page?.ok && (await page.text().catch(() => "")).includes(`data-release="${release}"`);
    if (!there) return;
    sessionStorage.setItem("release", release);
    location.reload();
  }

  function refuse(why) {
    frame = null;
    etag = "";
    try { localStorage.removeItem(place); } catch { /* it was not kept either */ }
    wall.clear();
    text("unit", "小个专党建工作平台");
    for (const name of ["when", "title", "note", "state"]) text(name, "");
    text("told", REFUSALS[why][0]);
    text("more", REFUSALS[why][1]);
    state("refused");
    if (key) later(REFUSED_RETRY);
  }

  // --- what is on the wall ---------------------------------------------------------------------------------------------

  const isWide = () => canvas.dataset.format === "wide";
  const turning = () => (isWide() && frame.screen.pages.length > 1 ? frame.screen.pages.slice(1) : frame.screen.pages);

  function take() {
    text("unit", frame.unit);
    text("when", frame.as_of ? `数据截至 ${frame.as_of} · ${frame.computed_at} 计算 · ${frame.line}` : "");
    text("note", frame.note ?? "");
    text("told", frame.empty ? "还没有数字" : "");
    text("more", frame.empty ?? "");
    state(frame.empty ? "empty" : "live");
    if (!frame.empty) {
      wall.draw(frame, still.matches);
      show();
    } else wall.fit();
  }

  function show() {
    const pages = turning();
    shown = (shown + pages.length) % pages.length;
    const here = new Set(pages.length ? [pages[shown]] : []);
    if (pages !== frame.screen.pages) here.add(frame.screen.pages[0]);
    for (const section of stage.querySelectorAll("[data-page]")) {
      section.dataset.shown = here.has(section.dataset.page) ? "1" : "";
      section.dataset.side = pages === frame.screen.pages ? "whole" : section.dataset.page === frame.screen.pages[0] ? "left" : "right";
      section.setAttribute("aria-hidden", String(!here.has(section.dataset.page)));
    }
    text("title", frame.pages[pages[shown]].title);
    const dots = document.querySelector("[data-dots]");
    while (dots.children.length < pages.length) dots.append(document.createElement("li"));
    while (dots.children.length > pages.length) dots.lastChild.remove();
    [...dots.children].forEach((dot, index) => dot.classList.toggle("current", index === shown));
    wall.resize();
    wall.fit();
  }

  function turn(step) {
    if (!frame || frame.empty) return;
    turned = performance.now();
    shown += step;
    show();
  }

  // 14:05, of another day with its date; in Beijing's time, as everything else on the wall
  const beijing = new Intl.DateTimeFormat("sv", { timeZone: "Asia/Shanghai", dateStyle: "short", timeStyle: "short" });
  function clock(moment) {
    const [day, time] = beijing.format(moment).split(" ");
    return beijing.format(Date.now()).startsWith(day) ? time : `${day.slice(5)} ${time}`;
  }

  // Since the last good answer, in ms. This machine's clock may be set back while the page stands there, the page's own stands
  // still while the machine sleeps: the longer of the two is believed.
  const silence = () => Math.max(performance.now() - since, Date.now() - local);

  function tell() {
    if (!frame) {
      if (failures && document.body.dataset.state === "loading") {
        text("told", "暂时取不到数据");
        text("more", `正在重试（第 ${failures} 次）。网络或服务器恢复后会自动显示。`);
      }
      return;
    }
    if (failures && isOver(frame)) return refuse("expired"); // while it answers, the server says when it is over
    const silent = silence();
    const away = silent > QUIET && (failures > 0 || silent >= LONG);
    const minutes = Math.floor(silent / 60000);
    const span = minutes < 1 ? `${Math.floor(silent / 1000)} 秒` : minutes < 120 ? `${minutes} 分钟` : minutes < 2880 ? `${Math.floor(minutes / 60)} 小时` : `${Math.floor(minutes / 1440)} 天`;
    state(frame.empty ? "empty" : away ? "away" : frame.old ? "old" : "live");
    const [told, doing] = failures ? ["连接中断，", "重试"] : ["", "连接"];
    if (away) text("state", `${told}显示的是 ${clock(heard)} 取到的数字：数据截至 ${frame.as_of ?? "—"}，已 ${span}未更新，正在${doing}`);
    else if (frame.old) text("state", frame.old);
    else text("state", paused ? "已暂停轮播（按空格键继续）" : "数据正常，自动更新");
    return undefined;
  }

  function scale() {
    const ratio = innerWidth / innerHeight;
    const [format, width, height] = ratio >= 2.4 ? ["wide", 3840, 1080] : ratio <= 0.9 ? ["tall", 1080, 1920] : ["normal", 1920, 1080];
    canvas.dataset.format = format;
    const factor = Math.min(innerWidth / width, innerHeight / height);
    canvas.style.transform = `translate(${(innerWidth - width * factor) / 2}px, ${(innerHeight - height * factor) / 2}px) scale(${factor})`;
    if (frame && !frame.empty) show();
    else wall.fit();
  }

  // --- begin ---------------------------------------------------------------------------------------------------------------

  function keepPage() {
    if (!navigator.serviceWorker) return; // only over https: without it the screen needs the server to start
    const files = [...document.querySelectorAll("script[src], link[rel=stylesheet], link[rel=icon], img[src]")].map((node) => node.src || node.href);
    navigator.serviceWorker.register(canvas.dataset.worker, { scope: "/screen/" })
      .then(() => navigator.serviceWorker.ready)
      .then((kept) => { kept.active.postMessage([location.origin + location.pathname, ...files]); canvas.dataset.kept = "1"; })
      .catch(() => {});
  }

  addEventListener("resize", scale);
  addEventListener("hashchange", () => location.reload());
  addEventListener("online", () => { if (key) later(0); });
  addEventListener("keydown", (event) => {
    if (event.key === "ArrowRight" || event.key === "PageDown") turn(1);
    else if (event.key === "ArrowLeft" || event.key === "PageUp") turn(-1);
    else if (event.key === " ") { paused = !paused; tell(); }
    else return;
    event.preventDefault();
  });
  setInterval(() => {
    if (frame && !frame.empty && !paused && turning().length > 1 && performance.now() - turned >= frame.screen.seconds * 1000) turn(1);
    tell();
  }, 1000);
  scale();
  if (!key) refuse("unknown");
  else {
    recall();
    ask();
    keepPage();
  }
})();
