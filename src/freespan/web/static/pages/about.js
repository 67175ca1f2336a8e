// The longer text in the language of the query (`?lang=fr`), or else of the browser. The host has filled in the
// English.

import { pick } from "../element/language.js";

/** @typedef {{language: string, name: string, direction: string, checked_by_native_speaker: boolean, texts: Record<string, string>}} File */

const LOAD_SECONDS = 5;

/** @param {string} language @returns {Promise<File | undefined>} */
async function load(language) {
  try {
    const signal = AbortSignal.timeout(LOAD_SECONDS * 1000);
    const response = await fetch(new URL(`../languages/about/${language}.json`, import.meta.url), { signal });
    return response.ok ? await response.json() : undefined;
  } catch {
    // English stays
    return undefined;
  }
}

/** @param {File} file */
function show({ language, name, direction, checked_by_native_speaker, texts }) {
  const root = document.documentElement;
  root.lang = language;
  root.dir = direction;
  for (const place of document.querySelectorAll("[data-text]")) {
    place.textContent = texts[place.getAttribute("data-text") ?? ""] ?? place.textContent;
  }
  const unchecked = document.querySelector(".unchecked");
  if (unchecked instanceof HTMLElement) unchecked.hidden = checked_by_native_speaker;
  const menu = document.querySelector("#language");
  if (menu) menu.textContent = name;
}

/** @param {string} language */
function mark(language) {
  for (const link of document.querySelectorAll(".languages a")) {
    if (!(link instanceof HTMLAnchorElement)) continue;
    link.hash = location.hash;
    if (link.hreflang === language) link.setAttribute("aria-current", "true");
  }
}

const wanted = new URLSearchParams(location.search).get("lang") ?? "";
const { language } = pick([wanted, ...navigator.languages]);
const file = language === "en" ? undefined : await load(language);
if (file) show(file);
mark(document.documentElement.lang);
document.querySelector("main")?.classList.add("ready");
if (location.hash) document.querySelector(`#${CSS.escape(location.hash.slice(1))}`)?.scrollIntoView();
