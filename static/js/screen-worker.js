// Keeps the empty page of a wall screen and its files, so that a screen which restarts while the server is away comes up
// and shows its last frame. Numbers and shapes never pass through here.
"use strict";
const KEPT = "screen";
const PATIENCE = 8000;

const isKept = (url) => url.origin === location.origin && (url.pathname.startsWith("/static/") || /^\/screen\/\d+\/$/.test(url.pathname));

async function newest(request) {
  const kept = await caches.open(KEPT);
  const old = () => kept.match(request, { ignoreSearch: true });
  try {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), PATIENCE);
    const answer = await fetch(request, { signal: stop.signal });
    clearTimeout(timer);
    if (!answer.ok) return (await old()) ?? answer;
    await kept.put(request, answer.clone());
    return answer;
  } catch (error) {
    const found = await old();
    if (found) return found;
    throw error;
  }
}

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", (event) => {
  // the page names its own files once: they were loaded before this worker stood here
  const urls = event.data.filter((text) => isKept(new URL(text)));
  event.waitUntil(caches.open(KEPT).then((kept) => kept.addAll(urls)));
});
self.addEventListener("fetch", (event) => {
  if (event.request.method === "GET" && isKept(new URL(event.request.url))) event.respondWith(newest(event.request));
});
