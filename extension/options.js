// The settings: the host, and the limits that the user sets.

import { fillHostForm } from "./host-form.js";
import { readSettings, writeSettings } from "./settings.js";
import { loadStrings, translate } from "./strings.js";

const strings = await loadStrings();
const form = /** @type {HTMLFormElement} */ (document.querySelector("#limits"));
const NUMBERS = /** @type {const} */ (["capacity", "kilobits", "megabytesADay", "megabytesAMonth"]);
const CHECKS = /** @type {const} */ (["pauseOnBattery", "pauseOnMetered"]);

/** @param {string} name */
function input(name) {
  return /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
}
const from = input("from");
const until = input("until");

function fill() {
  const { limits } = readSettings();
  for (const name of NUMBERS) input(name).value = limits[name] ? String(limits[name]) : "";
  for (const name of CHECKS) input(name).checked = limits[name];
  [from.value = "", until.value = ""] = limits.hours ? limits.hours.split("-") : [];
}

function save() {
  const { limits } = readSettings();
  for (const name of NUMBERS) limits[name] = Number(input(name).value);
  for (const name of CHECKS) limits[name] = input(name).checked;
  // From a time until the same time means at any time.
  limits.hours = from.value === until.value ? "" : `${from.value}-${until.value}`;
  writeSettings({ limits });
}

translate(strings);
fill();
fillHostForm(/** @type {HTMLFormElement} */ (document.querySelector("#host-form")), strings);
const saved = /** @type {HTMLElement} */ (document.querySelector("#saved"));
form.addEventListener("input", () => {
  saved.textContent = "";
  // One end is of no use without the other.
  from.required = until.value !== "";
  until.required = from.value !== "";
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  save();
  saved.textContent = strings.get("saved");
  // The background may be asleep, and what was not allowed may be allowed now.
  chrome.runtime.sendMessage({ query: true }).catch(() => {});
});
