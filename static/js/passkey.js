// Forms that ask the device for a passkey (WebAuthn) and send its answer as text in the field `credential`.
"use strict";
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const withId = (credential) => ({ ...credential, id: bytes(credential.id) });

  const REFUSED = {
    NotAllowedError: "没有完成：取消了，或等得太久。请再试一次。",
    InvalidStateError: "这台设备已经登记过，不用再登记。",
    NotSupportedError: "这台设备不能用通行密钥，请改用动态验证码。",
    SecurityError: "现在的网址不能用通行密钥，请用单位给的 https 域名打开。",
  };

  async function ask(form, what = form.dataset.passkey) {
    const answer = await fetch(form.dataset.options, { method: "POST", body: new FormData(form), redirect: "error" });
    if (!answer.ok) throw new Error();
    const { publicKey } = await answer.json();
    publicKey.challenge = bytes(publicKey.challenge);
    if (what === "get") {
      publicKey.allowCredentials = (publicKey.allowCredentials || []).map(withId);
      return navigator.credentials.get({ publicKey });
    }
    publicKey.user.id = bytes(publicKey.user.id);
    publicKey.excludeCredentials = (publicKey.excludeCredentials || []).map(withId);
    return navigator.credentials.create({ publicKey });
  }

  function spoken(credential) {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[name]) response[name] = text(credential.response[name]);
    }
    return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response, clientExtensionResults: {} });
  }

  async function send(event) {
    const form = event.target;
    event.preventDefault();
    event.stopImmediatePropagation(); // the guard against a second submit would keep the form from being tried again
    if (form.dataset.asking) return;
    const error = form.querySelector("[data-passkey-error]");
    form.dataset.asking = "1";
    error.hidden = true;
    try {
      form.elements.credential.value = spoken(await ask(form));
      form.submit();
    } catch (reason) {
      error.textContent = REFUSED[reason.name] || "没有连上服务器，或页面停留太久。请刷新页面后再试一次。";
      error.hidden = false;
    }
    delete form.dataset.asking;
  }

  if (!window.isSecureContext || !window.PublicKeyCredential) return;
  window.askPasskey = async (form, what) => {
    try { return spoken(await ask(form, what)); } catch (reason) { throw Object.assign(new Error(), { said: REFUSED[reason.name] }); }
  };
  document.querySelectorAll("[data-passkey-missing]").forEach((note) => { note.hidden = true; });
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", send, true);
  }
})();
