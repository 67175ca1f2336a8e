// A page's own switch on the headless API (docs/headless.md). On another site: import from "https://HOST/bridge.js".

import { Bridge } from "../bridge.js";

const SENTENCES = {
  off: "Off.",
  connecting: "Connecting…",
  waiting: "Ready for a blocked reader.",
  helping: "Helping right now.",
  offline: "No connection. Trying again…",
  paused: "Paused.",
  blocked: "This page’s policy or an extension keeps the bridge away.",
  unsupported: "This browser cannot be a bridge.",
};

const button = /** @type {HTMLButtonElement} */ (document.querySelector("button"));
const input = /** @type {HTMLInputElement} */ (document.querySelector("input"));
const status = /** @type {HTMLElement} */ (document.querySelector("[role=status]"));

const bridge = new Bridge({ capacity: 4 });
bridge.addEventListener("change", show);
button.addEventListener("click", () => (bridge.on ? bridge.stop() : bridge.start()));
input.addEventListener("change", () => input.checkValidity() && bridge.set({ kilobits: input.valueAsNumber || 0 }));
show();

function show() {
  const { state, elsewhere, ...counts } = bridge.view;
  button.disabled = state === "unsupported";
  button.setAttribute("aria-pressed", String(bridge.on));
  const sentence = SENTENCES[state] + (elsewhere ? " Another tab does the work." : "");
  if (status.textContent !== sentence) status.textContent = sentence;
  for (const place of document.querySelectorAll("dd")) {
    place.textContent = counts[/** @type {"now" | "today" | "ever" | "megabytes"} */ (place.id)].toLocaleString("en");
  }
}
