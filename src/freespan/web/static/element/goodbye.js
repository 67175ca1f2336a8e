// The question at good-bye: asked when the pointer leaves by the top of the window, where the tabs and the address are.

import { Consent } from "./consent.js";
import { button, create, write } from "./style.js";
import { isRecent, readSettings, saveSettings } from "./settings.js";

/** A visitor who has only just come is not asked. */
const LEAST_VISIT_MS = 5000;

/**
 * @typedef {object} Context
 * @property {() => boolean} isWanted
 * @property {() => import("./language.js").Strings} strings
 * @property {string} host
 * @property {boolean} asks whether to remember
 * @property {(remember: boolean | undefined) => void} start
 * @property {() => void} leave the focus was in the question, which is closed now
 */

export const STYLE = `
.toast { width: 26.5em; }
.toast .title { font-size: 1.1em; }
.toast .consent { padding: 0 1.2em 1.1em .95em; }
.toast { animation: rise .25s ease-out; }
@keyframes rise { from { opacity: 0; transform: translateY(12px); } }`;

export class Goodbye {
  #context;
  #root;
  #since = performance.now();
  /** @type {HTMLElement | undefined} */
  #node;

  /** @param {Node} root @param {Context} context */
  constructor(root, context) {
    this.#root = root;
    this.#context = context;
    document.documentElement.addEventListener("mouseleave", this.#consider);
  }

  remove() {
    document.documentElement.removeEventListener("mouseleave", this.#consider);
    this.#node?.remove();
  }

  /** @param {MouseEvent} event */
  #consider = ({ clientY }) => {
    if (clientY > 0 || performance.now() - this.#since < LEAST_VISIT_MS) return;
    if (this.#context.isWanted() && !isRecent(readSettings().goodbye)) this.#ask();
  };

  #ask() {
    saveSettings({ goodbye: Date.now() });
    const { strings, host, asks, start } = this.#context;
    const consent = new Consent({ yes: (remember) => this.#end(() => start(remember)), no: () => this.#end() });
    consent.render(strings(), host, { off: true, asks, closes: true });
    const title = create("p", { class: "title", id: "goodbye" });
    write(title, strings().get("goodbye"));
    const close = button("close", () => this.#end(), { class: "close", "aria-label": strings().get("close") });
    const head = create("div", { class: "head" }, create("div", { class: "text" }, title), close);
    const names = { class: "box overlay toast", part: "box toast", role: "dialog", "aria-labelledby": "goodbye" };
    this.#node = create("div", { ...names, lang: strings().language, dir: strings().direction }, head, consent.node);
    this.#node.addEventListener("keydown", ({ key }) => key === "Escape" && this.#end());
    this.#root.appendChild(this.#node);
  }

  /** @param {() => void} [then] */
  #end(then) {
    const inside = this.#node?.matches(":focus-within");
    this.remove();
    if (inside) this.#context.leave();
    then?.();
  }
}
