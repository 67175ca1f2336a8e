// The page `/embed`: a switch in an iframe, for sites that allow no script. The query holds attributes of the switch;
// others are ignored, and the element checks the values.

import { ATTRIBUTES } from "../element/attributes.js";
import { pick } from "../element/language.js";

/** This page belongs to its host, so `host` is fixed; and a pointer that leaves an iframe does not leave the page. */
const ALLOWED = ATTRIBUTES.filter((name) => name !== "host" && name !== "goodbye");
/** The longest value, in characters: anybody can make a link to this page, so a label is a title and no more. */
const VALUE_MAX = 80;

const query = new URLSearchParams(location.search);
document.documentElement.lang = pick([query.get("lang") ?? "", ...navigator.languages]).language;
const freespanSwitch = document.createElement("freespan-switch");
for (const name of ALLOWED) {
  const value = query.get(name);
  if (value !== null && value.length <= VALUE_MAX) freespanSwitch.setAttribute(name, value);
}
document.querySelector("main")?.append(freespanSwitch);
