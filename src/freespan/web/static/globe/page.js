// The page `/globe`: the globe in an iframe, so that drawing costs nothing in the page around it, which is any page.
//
//   embedding page ──▶ {type: "show", colours, reducedMotion, here}   colours `ink` and `accent` as in CSS; the visitor's
//                                                                     country, or empty
//                  ──▶ {type: "welcome"}                              somebody new is being helped
//   this page      ──▶ {type: "ready"}
//                  ──▶ {type: "countries", countries: [["IR", 40], …], somewhere: 5}   after each change, most readers first
//
// All messages have `freespan: 1`.

import { FiguresWatch } from "./figures.js";
import { Globe } from "./globe.js";
import { isCount, known } from "./scene.js";

/** @typedef {import("./figures.js").Figures} Figures */

class GlobePage {
  #container;
  /** @type {Globe | undefined} */
  #globe;
  #reducedMotion = false;
  #here = "";
  /** @type {Figures} */
  #figures = { countries: {}, somewhere: 0 };

  /** @param {HTMLElement} container */
  constructor(container) {
    this.#container = container;
    new FiguresWatch((figures) => this.#take(figures), container);
  }

  /** @param {Record<string, unknown>} message */
  show({ colours, reducedMotion, here }) {
    for (const [name, colour] of Object.entries(Object(colours))) {
      if (name === "ink" || name === "accent") this.#container.style.setProperty(`--globe-${name}`, String(colour));
    }
    if (this.#globe && this.#reducedMotion !== Boolean(reducedMotion)) {
      this.#globe.stop();
      this.#globe = undefined;
    }
    this.#reducedMotion = Boolean(reducedMotion);
    this.#here = typeof here === "string" ? here : "";
    this.#globe ??= new Globe(this.#container, { reducedMotion: this.#reducedMotion });
    this.#globe.restyle();
    this.#draw();
  }

  welcome() {
    this.#globe?.welcome();
  }

  /** @param {Figures} figures */
  #take(figures) {
    const { somewhere } = figures;
    this.#figures = { ...figures, somewhere: isCount(somewhere) ? somewhere : 0 };
    this.#draw();
    notify({ type: "countries", countries: known(this.#figures), somewhere: this.#figures.somewhere });
  }

  #draw() {
    this.#globe?.show({ ...this.#figures, here: this.#here });
  }
}

/** @param {object} message */
function notify(message) {
  // The parent may be any page; these figures are public.
  window.parent.postMessage({ freespan: 1, ...message }, "*");
}

const container = document.querySelector("#globe");
if (container instanceof HTMLElement && window.parent !== window) {
  const page = new GlobePage(container);
  window.addEventListener("message", ({ source, data }) => {
    if (source !== window.parent || data?.freespan !== 1) return;
    if (data.type === "show") page.show(data);
    else if (data.type === "welcome") page.welcome();
  });
  notify({ type: "ready" });
}
