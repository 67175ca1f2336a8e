// The question at good-bye: when the pointer leaves by the top of the window, where the tabs and the address are.

import { Consent } from "./consent.js";
import { button, create, write } from "./dom.js";
import { isRecent, settings, settle } from "./settings.js";

/** Nobody is asked who has only just come. */
const LEAST_VISIT_MS = 5000;

/**
 * @typedef {object} Occasion
 * @property {() => boolean} isWanted
 * @property {() => import("./language.js").Words} words
 * @property {string} host
 * @property {boolean} asks whether to remember
 * @property {(remember: boolean | undefined) => void} start
 * @property {() => void} leave whoever stood in it stands nowhere
 */

export const STYLE = `
.toast { width: 26.5em; }
.toast .title { font-size: 1.1em; }
.toast .consent { padding: 0 1.2em 1.1em .95em; }
.toast { animation: rise .25s ease-out; }
@keyframes rise { from { opacity: 0; transform: translateY(12px); } }`;

export class Goodbye {
  #occasion;
  #place;
  #since = performance.now();
  /** @type {HTMLElement | undefined} */
  #node;

  /** @param {Node} place @param {Occasion} occasion */
  constructor(place, occasion) {
    this.#place = place;
    this.#occasion = occasion;
    document.documentElement.addEventListener("mouseleave", this.#consider);
  }

  remove() {
    document.documentElement.removeEventListener("mouseleave", this.#consider);
    this.#node?.remove();
  }

  /** @param {MouseEvent} event */
  #consider = ({ clientY }) => {
    if (clientY > 0 || performance.now() - this.#since < LEAST_VISIT_MS) return;
    if (this.#occasion.isWanted() && !isRecent(settings().goodbye)) this.#ask();
  };

  #ask() {
    settle({ goodbye: Date.now() });
    const { words, host, asks, start } = this.#occasion;
    const consent = new Consent({ yes: (remember) => this.#end(() => start(remember)), no: () => this.#end() });
    consent.render(words(), host, { off: true, asks, closes: true });
    const title = create("p", { class: "title", id: "goodbye" });
    write(title, words().say("goodbye"));
    const close = button("close", () => this.#end(), { class: "close", "aria-label": words().say("close") });
    const head = create("div", { class: "head" }, create("div", { class: "text" }, title), close);
    const names = { class: "box over toast", part: "box toast", role: "dialog", "aria-labelledby": "goodbye" };
    this.#node = create("div", { ...names, lang: words().language, dir: words().direction }, head, consent.node);
    this.#node.addEventListener("keydown", ({ key }) => key === "Escape" && this.#end());
    this.#place.appendChild(this.#node);
  }

  /** @param {() => void} [then] */
  #end(then) {
    const inside = this.#node?.matches(":focus-within");
    this.remove();
    if (inside) this.#occasion.leave();
    then?.();
  }
}
