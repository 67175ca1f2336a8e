// The bridge page: talks with the page that embeds it (volunteer/iframe.js), and with no other.

import { Bridge } from "./bridge.js";

/** @param {object} message */
function notify(message) {
  // The switch may be on any page; these messages hold nothing that a page may not know.
  window.parent.postMessage({ freespan: 1, ...message }, "*");
}

function serve() {
  if (!("RTCPeerConnection" in window)) {
    return notify({ type: "status", state: "unsupported", now: 0, total: 0, megabytes: 0 });
  }
  // In an extension this page is not the host's, and the host stands after the #; a host's own policy allows no other
  // one.
  const host = new URL(location.hash.slice(1) || ".", location.href).href;
  const bridge = new Bridge(host, (status) => notify({ type: "status", ...status }));
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
  // A page that comes back from the back/forward cache goes on as it was.
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted && capacity) bridge.feed({ type: "start", capacity });
  });
  notify({ type: "ready" });
}

if (window.parent !== window) serve();
