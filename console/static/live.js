"use strict";
// Topics arrive from the shared worker; each page re-reads the fragments that listen for them.
if (window.SharedWorker && document.body.dataset.live !== undefined) {
  const worker = new SharedWorker("/static/live-worker.js");
  let missed = new Set();
  // A topic is told a moment after its news, so that what follows at once (clocks, deliveries) is
  // shown with it, and then not again for a while. No news is dropped: what comes meanwhile is told
  // at the end of the wait.
  const MOMENT = 500, BETWEEN = 2500;
  const told = new Map(), waiting = new Set();
  const tell = (topic) => {
    if (waiting.has(topic)) return;
    waiting.add(topic);
    const wait = Math.max(MOMENT + Math.random() * MOMENT, (told.get(topic) ?? 0) + BETWEEN - Date.now());
    setTimeout(() => {
      waiting.delete(topic);
      told.set(topic, Date.now());
      htmx.trigger(document.body, "live:" + topic);
    }, wait);
  };
  const hear = (topic) => (document.hidden ? missed.add(topic) : tell(topic));
  // Whatever happened while there was no stream was told to nobody: the page looks at all it shows.
  const all = () => document.querySelectorAll("[hx-trigger*='live:']").forEach((one) => {
    for (const [, topic] of one.getAttribute("hx-trigger").matchAll(/live:([\w-]+)/g)) hear(topic);
  });
  worker.port.onmessage = (message) => {
    const { topic, state } = message.data;
    if (state === "open") all();
    if (topic === "signed-out") location.reload();
    else if (topic) hear(topic);
    const sign = state && document.querySelector(".st-live");
    if (sign) {
      sign.classList.toggle("is-lost", state === "lost");
      sign.textContent = state === "lost" ? "连接中断，正在重连" : "实时";
    }
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    const topics = missed;
    missed = new Set();
    topics.forEach(tell);
  });
  addEventListener("pagehide", () => worker.port.postMessage("bye"));
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
}
