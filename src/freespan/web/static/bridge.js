// The headless API: a bridge for pages that draw their own switch (docs/headless.md).

import { checkLimits, checkOptions } from "./volunteer/options.js";
import { volunteer } from "./volunteer/volunteer.js";

/** @typedef {import("./volunteer/options.js").Options} Options */
/** @typedef {import("./volunteer/options.js").Limits} Limits */
/** @typedef {import("./volunteer/volunteer.js").View} View */
/** @typedef {import("./volunteer/volunteer.js").State} State */

const HOST = new URL("./", import.meta.url).href;

/**
 * A volunteer's bridge. All instances of a page, and all tabs of a site, share one.
 *
 * Events: `change` (`view` has changed), `helped` (a reader more than before).
 */
export class Bridge extends EventTarget {
  #options;
  /** @type {Readonly<View> | undefined} */
  #view;
  #seat = {
    options: () => this.#options,
    show: (/** @type {Readonly<View>} */ view) => this.#show(view),
  };

  /** @param {Partial<Options>} options @throws {TypeError} which names the option */
  constructor(options = {}) {
    super();
    this.#options = checkOptions(options, HOST);
    volunteer.join(this.#seat);
  }

  /** The visitor's choice. */
  get on() {
    return volunteer.on;
  }

  /** What there is to see. @returns {Readonly<View>} */
  get view() {
    return /** @type {Readonly<View>} */ (this.#view);
  }

  /** The visitor says yes, for all tabs of the site. */
  start() {
    volunteer.choose(this.#seat, true);
  }

  /** The visitor says no, for all tabs of the site: all sessions end at once. */
  stop() {
    volunteer.choose(this.#seat, false);
  }

  /** Change limits while it runs; those that are left out stay. @param {Partial<Limits>} limits @throws {TypeError} */
  set(limits) {
    this.#options = { ...this.#options, ...checkLimits(limits) };
    volunteer.limit();
  }

  /** Take this instance away for good; the choice stays as it is. */
  close() {
    volunteer.leave(this.#seat);
  }

  /** @param {Readonly<View>} view */
  #show(view) {
    const last = this.#view;
    if (view === last) return;
    this.#view = view;
    if (!last) return;
    this.dispatchEvent(new Event("change"));
    if (view.ever > last.ever) this.dispatchEvent(new Event("helped"));
  }
}
