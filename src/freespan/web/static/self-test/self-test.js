// The self-test page: would a bridge in this browser be of use? It talks with the page that embeds it, and with no
// other.
//
//   embedding page ──▶ {freespan: 1, type: "test"}
//   this page      ──▶ {freespan: 1, type: "ready"} once it is loaded; {freespan: 1, type: "tested", …Result} within 20 s

import { Clock } from "../bridge/clock.js";
import { diagnose } from "./diagnose.js";

/** @param {object} message */
function notify(message) {
  // The result holds nothing that a page could not find out for itself: no address, no port.
  window.parent.postMessage({ freespan: 1, ...message }, "*");
}

function serve() {
  const clock = new Clock();
  let busy = false;
  window.addEventListener("message", async ({ source, data }) => {
    if (source !== window.parent || data?.freespan !== 1 || data.type !== "test" || busy) return;
    busy = true;
    const result = await diagnose(clock);
    busy = false;
    notify({ type: "tested", ...result });
  });
  notify({ type: "ready" });
}

if (window.parent !== window) serve();
