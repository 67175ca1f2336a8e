// The texts in the browser's language: those of the switch, and those that only an extension needs.

import { Strings, load, pick } from "./static/element/language.js";

/** @returns {Promise<Strings>} */
export async function loadStrings() {
  const { language, locale } = pick(navigator.languages);
  const [file, own] = await Promise.all([load(language), fetch(`languages/${language}.json`)]);
  return new Strings(file, locale, (await own.json()).texts);
}

/**
 * A status as a sentence.
 * @param {Strings} strings
 * @param {import("./manager.js").Status} status
 */
export function describe(strings, { state, reason, now, begins }) {
  if (state === "paused") return strings.get(`paused_${reason}`, { time: begins });
  return strings.get(state, { n: now });
}

/**
 * Fill the texts into a page, where `data-text` and `data-placeholder` name them.
 * @param {Strings} strings
 */
export function translate(strings) {
  document.documentElement.lang = strings.language;
  document.documentElement.dir = strings.direction;
  for (const element of document.querySelectorAll("[data-text]")) {
    element.textContent = strings.get(element.getAttribute("data-text") ?? "");
  }
  for (const input of document.querySelectorAll("[data-placeholder]")) {
    input.setAttribute("placeholder", strings.get(input.getAttribute("data-placeholder") ?? ""));
  }
}
