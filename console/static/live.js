"use strict";
// Topics arrive from the shared worker; each page re-reads the fragments that listen for them.
if (window.SharedWorker && document.body.dataset.live !== undefined) {
  const worker = new SharedWorker("/static/live-worker.js");
  let missed = new Set();
  const tell = (topic) => htmx.trigger(document.body, "live:" + topic);
  worker.port.onmessage = (message) => {
    const { topic, state } = message.data;
    if (topic === "signed-out") location.reload();
    else if (topic && document.hidden) missed.add(topic);
    else if (topic) tell(topic);
    if (state) document.querySelector(".st-live")?.classList.toggle("is-lost", state === "lost");
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
