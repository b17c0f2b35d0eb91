// Is this file the very one that was made: its SHA-256 is worked out here, the file goes nowhere.
"use strict";
(() => {
  const part = document.querySelector("[data-file-digests]");
  const field = part?.querySelector("input");
  if (!field || !window.crypto?.subtle) return; // without https browsers do not count: the digests stand on the page
  const made = part.dataset.fileDigests.split(" ");
  const said = part.querySelector("[role=status]");
  const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");

  field.addEventListener("change", async () => {
    const file = field.files[0];
    said.textContent = file ? "正在计算……" : "";
    said.className = "";
    if (!file) return;
    let digest;
    try {
      digest = hex(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    } catch {
      said.textContent = "这个文件读不出来，请重新选择。";
      return;
    }
    if (field.files[0] !== file) return; // another one was chosen meanwhile
    const same = made.includes(digest);
    said.textContent = same
      ? "一致：这个文件就是本系统出的原件，一字未改。"
      : `对不上：这个文件不是原件，或出了以后被改过，请勿引用。它的 SHA-256 是 ${digest}。扫描件和照片不能这样核对。`;
    said.className = same ? "note note-ok" : "note note-bad";
  });
  part.querySelector("[data-check]").hidden = false;
})();
