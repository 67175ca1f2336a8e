// The popup: the switch, the question before it is turned on for the first time, the state and the counts.

import { fillHostForm } from "./host-form.js";
import { readSettings, writeSettings } from "./settings.js";
import { caution } from "./static/element/caution.js";
import { recall, rememberChoice } from "./static/volunteer/memory.js";
import { loadWords, sentence, translate } from "./words.js";

/** @typedef {import("./bridging.js").View} View */

/** So often the background is asked, in case that it sleeps or is just starting. */
const ASK_SECONDS = 1;

const words = await loadWords();
/** @template {Element} T @param {string} selector @param {new () => T} kind @returns {T} */
function find(selector, kind) {
  const element = document.querySelector(selector);
  if (!(element instanceof kind)) throw new TypeError(selector);
  return element;
}
const flip = find("[role=switch]", HTMLButtonElement);
const hostForm = find("#host-form", HTMLFormElement);
const consent = find("#consent", HTMLElement);
const about = find("#about", HTMLAnchorElement);

/** What the background told last. @type {View | undefined} */
let told;
let asks = false;

const isOn = () => recall(new Date()).on;

function show() {
  const { host, consented } = readSettings();
  const { today, helped, megabytes } = recall(new Date());
  const on = isOn();
  // Until the background speaks, the choice is all that is known.
  /** @type {View} */
  const guess = { state: on ? "connecting" : "off", reason: "", now: 0, today, ever: helped, megabytes, begins: "" };
  const view = told && (told.state !== "off") === on ? told : guess;
  document.body.dataset.state = view.state;
  flip.setAttribute("aria-checked", String(on));
  find("#status", HTMLElement).textContent = sentence(words, view);
  for (const name of /** @type {const} */ (["now", "today", "ever", "megabytes"])) {
    find(`#${name}`, HTMLElement).textContent = words.number(view[name]);
  }
  hostForm.hidden = host !== "";
  consent.hidden = host === "" || consented || !asks;
  find("#host", HTMLElement).textContent = host;
  // Nobody has helped yet who is still asked.
  find("#counts", HTMLElement).hidden = !hostForm.hidden || !consent.hidden;
  about.hidden = host === "";
  if (host) about.href = new URL(`about?lang=${words.language}`, host).href;
}

function look() {
  // With nobody there to hear it, a browser complains; the next one may be heard.
  chrome.runtime.sendMessage({ look: true }).catch(() => {});
}

/** @param {boolean} on */
function choose(on) {
  rememberChoice(on, new Date());
  asks = false;
  look();
  show();
}

/** Who had better not help, or pays for it, is told. On a metered connection it pauses, unless the user allows it. */
function warn() {
  const { pauseOnMetered } = readSettings().limits;
  const found = caution().filter((danger) => danger === "censored" || !pauseOnMetered);
  const warnings = find("#warnings", HTMLElement);
  warnings.hidden = !found.length;
  warnings.textContent = found.map((danger) => words.say(`warn_${danger}`)).join(" ");
  if (found.length) find("[data-action=turn-on]", HTMLButtonElement).textContent = words.say("turn_on_anyway");
}

flip.addEventListener("click", () => {
  const { host, consented } = readSettings();
  if (isOn()) return choose(false);
  if (!host) return find("#host-input", HTMLInputElement).focus();
  if (consented) return choose(true);
  asks = true;
  show();
  find("[data-action=turn-on]", HTMLButtonElement).focus();
});
find("[data-action=turn-on]", HTMLButtonElement).addEventListener("click", () => {
  writeSettings({ consented: true });
  choose(true);
  flip.focus();
});
find("[data-action=not-now]", HTMLButtonElement).addEventListener("click", () => {
  asks = false;
  show();
  flip.focus();
});
chrome.runtime.onMessage.addListener(({ view }) => {
  if (!view) return;
  told = view;
  show();
});
window.addEventListener("storage", show);
setInterval(() => isOn() && look(), ASK_SECONDS * 1000);

translate(words);
warn();
fillHostForm(hostForm, words, () => {
  asks = true;
  show();
  find("[data-action=turn-on]", HTMLButtonElement).focus();
});
if (isOn()) look();
show();
