// <freespan-switch>: what a reader sees and flips. It helps nobody by itself: the bridge is in the host's own page.
//
// Attributes: `capacity` (readers at a time, 4), `label` (instead of the title), `theme` (light or dark, instead of the
// system's), `lang`. Property: `strings`. Attribute that it sets: `state`. Event: `freespan-state`.

import { Bridge } from "../bridge.js";
import { counted, english } from "./strings.js";
import { dress } from "./style.js";

/** @typedef {import("./strings.js").Strings} Strings */

const CAPACITY = 4;
const CAPACITY_MAX = 64;

export class FreespanSwitch extends HTMLElement {
  static observedAttributes = ["label", "lang"];

  #button = create("button", { type: "button", role: "switch", "aria-labelledby": "title", "aria-describedby": "status" });
  #title = create("span", { class: "title", id: "title" });
  #status = create("span", { class: "status", id: "status", role: "status" });
  #about = create("a", { part: "about", href: new URL("..", import.meta.url).href, target: "_blank", rel: "noopener" });
  /** @type {Strings} */
  #strings = english;
  /** @type {Bridge | undefined} */
  #bridge;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open", delegatesFocus: true });
    dress(root);
    const line = create("span", { class: "line" }, this.#status, this.#about);
    const text = create("span", { class: "text" }, this.#title, line);
    this.#button.append(create("i", {}));
    this.#button.addEventListener("click", () => this.#flip());
    root.append(create("div", { class: "pill", part: "pill" }, this.#button, text));
  }

  connectedCallback() {
    const bridge = (this.#bridge = new Bridge({ place: this.shadowRoot ?? this, capacity: this.#capacity }));
    bridge.addEventListener("change", () => this.#show());
    this.#show();
  }

  disconnectedCallback() {
    this.#bridge?.close();
    this.#bridge = undefined;
  }

  attributeChangedCallback() {
    this.#render();
  }

  /** The texts; those that are left out stay as they are. @param {Partial<Strings>} strings */
  set strings(strings) {
    this.#strings = { ...this.#strings, ...strings };
    this.#render();
  }

  get strings() {
    return this.#strings;
  }

  get #capacity() {
    const wanted = Number.parseInt(this.getAttribute("capacity") ?? "", 10);
    return wanted >= 1 ? Math.min(wanted, CAPACITY_MAX) : CAPACITY;
  }

  #flip() {
    if (this.#bridge?.on) this.#bridge.stop();
    else this.#bridge?.start();
  }

  #show() {
    const { view } = this.#bridge ?? {};
    if (!view) return;
    this.setAttribute("state", view.state);
    this.#render();
    this.dispatchEvent(new CustomEvent("freespan-state", { detail: view, bubbles: true, composed: true }));
  }

  #render() {
    const { state = "off" } = this.#bridge?.view ?? {};
    this.#button.setAttribute("aria-checked", String(state !== "off" && state !== "unsupported"));
    this.#button.setAttribute("aria-disabled", String(state === "unsupported"));
    write(this.#title, this.getAttribute("label") ?? this.#strings.title);
    write(this.#about, this.#strings.about);
    write(this.#status, this.#sentence());
  }

  #sentence() {
    const { state = "off", now = 0, ever = 0 } = this.#bridge?.view ?? {};
    const language = this.lang || document.documentElement.lang;
    if (state === "helping") return counted(this.#strings.helping, now, language);
    if (state === "waiting" && ever) return counted(this.#strings.helped, ever, language);
    return this.#strings[state === "paused" || state === "blocked" ? "offline" : state];
  }
}

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, string>} attributes
 * @param {Node[]} children
 */
function create(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** A live region speaks when it is written to, so only news is written. @param {Node} node @param {string} text */
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
