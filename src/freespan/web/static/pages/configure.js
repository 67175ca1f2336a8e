// The configurator `/embed/configure`: a form, a preview of the switch, and the lines to copy.

import { LANGUAGES } from "../element/language.js";
import { makeCopyButton } from "./copying.js";
import { frameLine, isInFlow, layoutOf, moduleLines, policies, scriptLine } from "./lines.js";

/** @typedef {import("./lines.js").Choice} Choice */

/** Values that a line need not name. */
const DEFAULTS = { layout: "inline", theme: "auto", size: "medium", capacity: "4" };
const WAYS = /** @type {const} */ (["script", "frame", "module"]);
const SLOT = "slot-";

const form = /** @type {HTMLFormElement} */ (document.querySelector("form"));
const preview = find("#preview");
const host = new URL("..", location.href).href;
const publicHost = document.body.dataset.host?.startsWith("http") ? document.body.dataset.host : host;
/** The height of the switch before anybody touches it. */
let height = 0;
const size = new ResizeObserver(([entry]) => {
  height = Math.ceil(entry?.borderBoxSize[0]?.blockSize ?? 0);
  write();
});

/** @param {string} selector */
function find(selector) {
  return /** @type {HTMLElement} */ (document.querySelector(selector));
}

/** @returns {Choice} */
function chosen() {
  const values = new FormData(form);
  const text = (/** @type {string} */ name) => String(values.get(name) ?? "").trim();
  /** @type {Record<string, string>} */
  const attributes = {};
  for (const name of [
    "layout",
    "theme",
    "size",
    "lang",
    "label",
    "capacity",
    "kilobits",
    "megabytes-a-day",
    "megabytes-a-month",
  ]) {
    const field = form.elements.namedItem(name);
    const isValid = !(field instanceof HTMLInputElement) || field.validity.valid;
    const value = text(name);
    if (value && isValid && value !== "0" && value !== DEFAULTS[/** @type {keyof typeof DEFAULTS} */ (name)])
      attributes[name] = value;
  }
  // From a time until the same time means no hours.
  if (text("from") && text("until") && text("from") !== text("until"))
    attributes.hours = `${text("from")}-${text("until")}`;
  for (const name of ["globe", "goodbye"]) if (values.has(name)) attributes[name] = "";
  for (const name of ["remember", "run-when-hidden"]) if (!values.has(name)) attributes[name] = "no";
  const about = text(`${SLOT}about`);
  return { host: publicHost, attributes, slots: about ? { about } : {}, height };
}

/** Make a new switch for each choice, as a page would get it. */
function show() {
  const choice = chosen();
  const { attributes, slots } = choice;
  const one = document.createElement("freespan-switch");
  for (const [name, value] of Object.entries(attributes)) if (name !== "goodbye") one.setAttribute(name, value);
  for (const [name, text] of Object.entries(slots)) {
    const span = document.createElement("span");
    span.slot = name;
    span.textContent = text;
    one.append(span);
  }
  preview.dataset.layout = layoutOf(choice);
  preview.replaceChildren(one);
  size.disconnect();
  size.observe(one);
}

function write() {
  const choice = chosen();
  find("#script").textContent = scriptLine(choice);
  find("#frame").textContent = frameLine(choice);
  find("#module").textContent = moduleLines(choice);
  for (const [way, policy] of Object.entries(policies(choice))) find(`#${way}-policy`).textContent = policy;
  const inFlow = isInFlow(choice);
  find("#reserve").hidden = !inFlow;
  find("#frame-way").hidden = !inFlow;
  find("#pill-in-frame").hidden = layoutOf(choice) !== "inline";
  find("#no-frame").hidden = inFlow;
  for (const way of WAYS) find(`#note-${way}`).textContent = "";
  const language = choice.attributes.lang;
  find("#privacy").setAttribute("href", `../about${language ? `?lang=${language}` : ""}#publisher`);
}

function offerLanguages() {
  const field = form.elements.namedItem("lang");
  if (!(field instanceof HTMLSelectElement)) return;
  for (const language of LANGUAGES) {
    const own = new Intl.DisplayNames([language], { type: "language" }).of(language) ?? language;
    const name = new Intl.DisplayNames(["en"], { type: "language" }).of(language);
    field.add(new Option(own === name ? own : `${own} (${name})`, language));
  }
}

offerLanguages();
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", () => {
  show();
  write();
});
// What is opened in the preview does not count for the height that a page keeps free.
for (const touch of ["pointerdown", "keydown"]) preview.addEventListener(touch, () => size.disconnect(), true);
for (const way of WAYS) makeCopyButton(find(`#copy-${way}`), find(`#${way}`), find(`#note-${way}`));
show();
write();
