// The self-test page: would a bridge in this browser be of use? Speaks with the page that embeds it, and with nobody else.
//
//   embedding page ──▶ {freespan: 1, type: "test"}
//   this page      ──▶ {freespan: 1, type: "ready"} once it can be asked; {freespan: 1, type: "tested", …Result} within 20 s

import { Clock } from "../frame/clock.js";
import { examine } from "./examine.js";

/** @param {object} message */
function tell(message) {
  // What it has found says nothing that any page could not find out for itself: no address, no port.
  window.parent.postMessage({ freespan: 1, ...message }, "*");
}

function serve() {
  const clock = new Clock();
  let busy = false;
  window.addEventListener("message", async ({ source, data }) => {
    if (source !== window.parent || data?.freespan !== 1 || data.type !== "test" || busy) return;
    busy = true;
    const result = await examine(clock);
    busy = false;
    tell({ type: "tested", ...result });
  });
  tell({ type: "ready" });
}

if (window.parent !== window) serve();
