// Sending files: what only some kinds of record ask is hidden for the others; the day in a file's name fills the date; what
// breaks on the way is said where the chosen files still stand.
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

  // --- Sending. Before hours of upload the server is asked whether it is there and knows the person still.
  const form = file?.form;
  const signIn = document.currentScript.dataset.signIn;
  const isSignIn = (address) => new URL(address, location.href).pathname === signIn;
  const STAY = "没有导入任何内容，选好的文件还在。";
  const UNDONE = {
    line: ["上传中断了", `没有连上服务器，或服务器正在重启。${STAY}请稍等片刻，检查网络后再点一次“上传并检查”。`],
    out: ["登录已经过期", `文件没有收下，${STAY}请`, "在新窗口登录", "，再回到这里点一次“上传并检查”。"],
    large: ["文件太大", `服务器不收这么大的文件。${STAY}请拆成几份分别导入。`],
  };

  function note(kind) {
    form.querySelector(".upload-note")?.remove();
    const made = document.createElement("div");
    made.className = `note ${kind} upload-note`;
    form.querySelector(".submit-bar").before(made);
    return made;
  }

  function under(said) {
    const made = note("");
    made.setAttribute("role", "status");
    made.textContent = said;
    return made;
  }

  function tell([title, before, link, after]) {
    const made = note("note-bad");
    const strong = document.createElement("strong");
    const text = document.createElement("span");
    made.setAttribute("role", "alert");
    strong.textContent = title;
    text.append(before);
    if (link) {
      const way = document.createElement("a");
      Object.assign(way, { href: signIn, target: "_blank", rel: "noopener", textContent: link });
      text.append(way, after);
    }
    made.append(strong, text);
  }

  // Whoever signed in again in another window has another token.
  async function ask() {
    const answer = await fetch(location.pathname, { cache: "no-store" });
    if (isSignIn(answer.url)) return false;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    form.elements.csrfmiddlewaretoken.value = page.querySelector("[name=csrfmiddlewaretoken]").value;
    return true;
  }

  function post() {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      const made = under("正在上传，请不要关闭页面。");
      request.upload.addEventListener("progress", (event) => {
        if (event.lengthComputable) made.textContent = `正在上传 ${Math.floor((event.loaded / event.total) * 100)}%，请不要关闭页面。`;
      });
      request.addEventListener("load", () => resolve(request));
      request.addEventListener("error", reject);
      request.open("POST", location.pathname);
      request.send(new FormData(form));
    });
  }

  function show(answer) {
    if (isSignIn(answer.responseURL)) return tell(UNDONE.out);
    if (answer.status === 413) return tell(UNDONE.large);
    if (answer.status > 500 && answer.status < 505) return tell(UNDONE.line);
    if (new URL(answer.responseURL).pathname !== location.pathname) return location.assign(answer.responseURL);
    document.open();
    document.write(answer.responseText);
    document.close();
  }

  async function send(event) {
    event.preventDefault();
    if (form.dataset.sent) return;
    form.dataset.sent = "1";
    under("正在连接服务器。"); // what was told of the last attempt goes at once: it would be read as the answer to this one
    try {
      if (await ask()) show(await post());
      else tell(UNDONE.out);
    } catch {
      tell(UNDONE.line);
    }
    delete form.dataset.sent;
  }

  form?.addEventListener("submit", send);
  target?.addEventListener("change", toggle);
  file?.addEventListener("change", () => {
    const days = [...file.files].map((one) => dayIn(one.name)).filter(Boolean).sort();
    if (day && days.length) day.value = days.at(-1);
  });
  if (target) toggle();
})();
