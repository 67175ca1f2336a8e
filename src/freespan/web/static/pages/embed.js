// The page `/embed`: one switch in a frame, for sites that allow no script. The query has the switch's own attributes; what
// is not among them is left out, and bad values are the element's business.

import { ATTRIBUTES } from "../element/attributes.js";
import { pick } from "../element/language.js";

/** This page is the host's, so the host is not to be chosen; and who leaves a frame does not leave the page around it. */
const ALLOWED = ATTRIBUTES.filter((name) => name !== "host" && name !== "goodbye");
/** The words are shown on a page of the host's, so they are a title and no more. */
const VALUE_MAX = 80;

const wishes = new URLSearchParams(location.search);
document.documentElement.lang = pick([wishes.get("lang") ?? "", ...navigator.languages]).language;
const freespanSwitch = document.createElement("freespan-switch");
for (const name of ALLOWED) {
  const value = wishes.get(name);
  if (value !== null && value.length <= VALUE_MAX) freespanSwitch.setAttribute(name, value);
}
document.querySelector("main")?.append(freespanSwitch);
