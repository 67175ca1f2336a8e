// A page that draws its own switch, by the headless API (docs/headless.md). Other sites import
// "https://HOST/headless.js".

import { HeadlessSwitch } from "../headless.js";

const SENTENCES = {
  off: "Off.",
  connecting: "Connecting…",
  waiting: "Ready for a blocked reader.",
  helping: "Helping right now.",
  offline: "No connection. Trying again…",
  paused: "Paused.",
  blocked: "Blocked by this page’s policy or by an extension.",
  unsupported: "This browser cannot be a bridge.",
};

const button = /** @type {HTMLButtonElement} */ (document.querySelector("button"));
const input = /** @type {HTMLInputElement} */ (document.querySelector("input"));
const output = /** @type {HTMLElement} */ (document.querySelector("[role=status]"));

const freespan = new HeadlessSwitch({ capacity: 4 });
freespan.addEventListener("change", show);
button.addEventListener("click", () => (freespan.on ? freespan.stop() : freespan.start()));
input.addEventListener("change", () => input.checkValidity() && freespan.set({ kilobits: input.valueAsNumber || 0 }));
show();

function show() {
  const { state, elsewhere, ...counts } = freespan.status;
  button.disabled = state === "unsupported";
  button.setAttribute("aria-pressed", String(freespan.on));
  const sentence = SENTENCES[state] + (elsewhere ? " The bridge runs in another tab." : "");
  if (output.textContent !== sentence) output.textContent = sentence;
  for (const item of document.querySelectorAll("dd")) {
    item.textContent = counts[/** @type {"now" | "today" | "ever" | "megabytes"} */ (item.id)].toLocaleString("en");
  }
}
