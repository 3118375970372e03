"use strict";
// One event stream for all tabs of a browser; a page gets topic names only.
const ports = new Set();
let source;
const say = (message) => ports.forEach((port) => port.postMessage(message));
function open() {
  source = new EventSource("/live");
  source.addEventListener("topic", (event) => say({ topic: event.data }));
  source.onopen = () => say({ state: "open" });
  source.onerror = () => {
    say({ state: "lost" });
    if (source && source.readyState === EventSource.CLOSED) setTimeout(open, 3000 + Math.random() * 4000);
  };
}
onconnect = (event) => {
  const port = event.ports[0];
  ports.add(port);
  port.onmessage = (message) => {
    if (message.data !== "bye") return;
    ports.delete(port);
    if (!ports.size && source) { source.close(); source = undefined; }
  };
  if (!source) open();
  else if (source.readyState === EventSource.OPEN) port.postMessage({ state: "open" });
};
