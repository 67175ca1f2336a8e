// The words in the browser's language: those of the switch, and those that an extension needs beside them.

import { Words, load, pick } from "./static/element/language.js";

/** @returns {Promise<Words>} */
export async function loadWords() {
  const { language, locale } = pick(navigator.languages);
  const [file, own] = await Promise.all([load(language), fetch(`languages/${language}.json`)]);
  return new Words(file, locale, (await own.json()).texts);
}

/**
 * A state as a sentence.
 * @param {Words} words
 * @param {import("./bridging.js").View} view
 */
export function sentence(words, { state, reason, now, begins }) {
  if (state === "paused") return words.say(`paused_${reason}`, { time: begins });
  return words.say(state, { n: now });
}

/**
 * Put the words into a page: each element with `data-text` says that text.
 * @param {Words} words
 */
export function translate(words) {
  document.documentElement.lang = words.language;
  document.documentElement.dir = words.direction;
  for (const element of document.querySelectorAll("[data-text]")) {
    element.textContent = words.say(element.getAttribute("data-text") ?? "");
  }
  for (const input of document.querySelectorAll("[data-placeholder]")) {
    input.setAttribute("placeholder", words.say(input.getAttribute("data-placeholder") ?? ""));
  }
}
