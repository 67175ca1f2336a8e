// The bridge page: speaks with the switch that embeds it, and with nobody else.

import { Executor } from "./executor.js";

/** @param {object} message */
function tell(message) {
  // The switch may be on any page; there is nothing in these messages that a page may not know.
  window.parent.postMessage({ freespan: 1, ...message }, "*");
}

function serve() {
  if (!("RTCPeerConnection" in window)) {
    return tell({ type: "state", state: "unsupported", now: 0, total: 0, megabytes: 0 });
  }
  // In an extension this page is not the host's, and the host stands behind the #; a host's own policy allows no other.
  const host = new URL(location.hash.slice(1) || ".", location.href).href;
  const bridge = new Executor(host, (view) => tell({ type: "state", ...view }));
  let capacity = 0;
  addEventListener("message", ({ source, data }) => {
    if (source !== window.parent || data?.freespan !== 1) return;
    const limits = /^(start|limits)$/.test(data.type);
    if (limits && data.kilobits >= 0) bridge.limit(Number(data.kilobits));
    if (limits && Number.isInteger(data.capacity)) {
      bridge.feed({ type: data.type, capacity: (capacity = data.capacity) });
    } else if (data.type === "stop") {
      bridge.feed({ type: "stop" });
      capacity = 0;
    }
  });
  addEventListener("offline", () => bridge.feed({ type: "network", online: false }));
  addEventListener("online", () => bridge.feed({ type: "network", online: true }));
  addEventListener("pagehide", () => bridge.feed({ type: "stop" }));
  // A page that comes back as it was when the reader left it (back button) goes on as it was.
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted && capacity) bridge.feed({ type: "start", capacity });
  });
  tell({ type: "ready" });
}

if (window.parent !== window) serve();
