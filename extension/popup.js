// The popup: the switch, the question before it is turned on for the first time, the status and the counts.

import { fillHostForm } from "./host-form.js";
import { readSettings, writeSettings } from "./settings.js";
import { caution } from "./static/element/caution.js";
import { recall, rememberChoice } from "./static/volunteer/memory.js";
import { describe, loadStrings, translate } from "./strings.js";

/** @typedef {import("./manager.js").Status} Status */

/** How often the background is asked, since it may be asleep or just starting. */
const QUERY_SECONDS = 1;

const strings = await loadStrings();
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

/** The latest status from the background. @type {Status | undefined} */
let latest;
let asks = false;

const isOn = () => recall(new Date()).on;

function show() {
  const { host, consented } = readSettings();
  const { today, helped, megabytes } = recall(new Date());
  const on = isOn();
  // Until the background answers, only the choice is known.
  /** @type {Status} */
  const guess = { state: on ? "connecting" : "off", reason: "", now: 0, today, ever: helped, megabytes, begins: "" };
  const status = latest && (latest.state !== "off") === on ? latest : guess;
  document.body.dataset.state = status.state;
  flip.setAttribute("aria-checked", String(on));
  find("#status", HTMLElement).textContent = describe(strings, status);
  for (const name of /** @type {const} */ (["now", "today", "ever", "megabytes"])) {
    find(`#${name}`, HTMLElement).textContent = strings.number(status[name]);
  }
  hostForm.hidden = host !== "";
  consent.hidden = host === "" || consented || !asks;
  find("#host", HTMLElement).textContent = host;
  // Whoever is still asked has not helped yet.
  find("#counts", HTMLElement).hidden = !hostForm.hidden || !consent.hidden;
  about.hidden = host === "";
  if (host) about.href = new URL(`about?lang=${strings.language}`, host).href;
}

function query() {
  // Without a listener the message fails; the next one may find one.
  chrome.runtime.sendMessage({ query: true }).catch(() => {});
}

/** @param {boolean} on */
function choose(on) {
  rememberChoice(on, new Date());
  asks = false;
  query();
  show();
}

/** Warn users who may be at risk, or may pay for it. On a metered connection it pauses, unless the user allows it. */
function warn() {
  const { pauseOnMetered } = readSettings().limits;
  const found = caution().filter((danger) => danger === "censored" || !pauseOnMetered);
  const warnings = find("#warnings", HTMLElement);
  warnings.hidden = !found.length;
  warnings.textContent = found.map((danger) => strings.get(`warn_${danger}`)).join(" ");
  if (found.length) find("[data-action=turn-on]", HTMLButtonElement).textContent = strings.get("turn_on_anyway");
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
chrome.runtime.onMessage.addListener(({ status }) => {
  if (!status) return;
  latest = status;
  show();
});
window.addEventListener("storage", show);
setInterval(() => isOn() && query(), QUERY_SECONDS * 1000);

translate(strings);
warn();
fillHostForm(hostForm, strings, () => {
  asks = true;
  show();
  find("[data-action=turn-on]", HTMLButtonElement).focus();
});
if (isOn()) query();
show();
