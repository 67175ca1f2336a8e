// The page `/globe`: the globe in an iframe, so that drawing costs nothing in the page around it, which is any page.
//
// It hears `{type: "show", colours, reducedMotion, here}` (colours: `ink` and `accent`, as in CSS; `here`: the visitor's
// country or empty) and `{type: "welcome"}`; it says `{type: "ready"}`, and after each change
// `{type: "countries", countries: [["IR", 40], …], somewhere: 5}`, most readers first. All messages have `freespan: 1`.

import { Watch } from "./figures.js";
import { Globe } from "./globe.js";
import { isCount, known } from "./scene.js";

/** @typedef {import("./figures.js").Figures} Figures */

class GlobePage {
  #place;
  /** @type {Globe | undefined} */
  #globe;
  #reducedMotion = false;
  #here = "";
  /** @type {Figures} */
  #figures = { countries: {}, somewhere: 0 };

  /** @param {HTMLElement} place */
  constructor(place) {
    this.#place = place;
    new Watch((figures) => this.#take(figures), place);
  }

  /** @param {Record<string, unknown>} message */
  show({ colours, reducedMotion, here }) {
    for (const [name, colour] of Object.entries(Object(colours))) {
      if (name === "ink" || name === "accent") this.#place.style.setProperty(`--globe-${name}`, String(colour));
    }
    if (this.#globe && this.#reducedMotion !== Boolean(reducedMotion)) {
      this.#globe.stop();
      this.#globe = undefined;
    }
    this.#reducedMotion = Boolean(reducedMotion);
    this.#here = typeof here === "string" ? here : "";
    this.#globe ??= new Globe(this.#place, { reducedMotion: this.#reducedMotion });
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
    tell({ type: "countries", countries: known(this.#figures), somewhere: this.#figures.somewhere });
  }

  #draw() {
    this.#globe?.show({ ...this.#figures, here: this.#here });
  }
}

/** @param {object} message */
function tell(message) {
  // The parent may be any page; these figures are for everybody.
  window.parent.postMessage({ freespan: 1, ...message }, "*");
}

const place = document.querySelector("#globe");
if (place instanceof HTMLElement && window.parent !== window) {
  const page = new GlobePage(place);
  window.addEventListener("message", ({ source, data }) => {
    if (source !== window.parent || data?.freespan !== 1) return;
    if (data.type === "show") page.show(data);
    else if (data.type === "welcome") page.welcome();
  });
  tell({ type: "ready" });
}
