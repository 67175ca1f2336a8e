// The headless API: a switch without its looks, for pages that draw their own (docs/headless.md).

import { checkLimits, checkOptions } from "./volunteer/options.js";
import { volunteer } from "./volunteer/volunteer.js";

/** @typedef {import("./volunteer/options.js").Options} Options */
/** @typedef {import("./volunteer/options.js").Limits} Limits */
/** @typedef {import("./volunteer/volunteer.js").Status} Status */
/** @typedef {import("./volunteer/volunteer.js").State} State */

const HOST = new URL("./", import.meta.url).href;

/**
 * Turns this browser's bridge on and off. All instances in a page, and all tabs of a site, share one bridge.
 *
 * Events: `change` (`status` has changed), `helped` (one more reader, or several).
 */
export class HeadlessSwitch extends EventTarget {
  #options;
  /** @type {Readonly<Status> | undefined} */
  #status;
  #instance = {
    options: () => this.#options,
    onStatus: (/** @type {Readonly<Status>} */ status) => this.#update(status),
  };

  /** @param {Partial<Options>} options @throws {TypeError} with the name of the option */
  constructor(options = {}) {
    super();
    this.#options = checkOptions(options, HOST);
    volunteer.join(this.#instance);
  }

  /** Whether the visitor has turned it on. */
  get on() {
    return volunteer.on;
  }

  /** The state and the counts. @returns {Readonly<Status>} */
  get status() {
    return /** @type {Readonly<Status>} */ (this.#status);
  }

  /** Turn it on for the visitor, in all tabs of the site. */
  start() {
    volunteer.choose(this.#instance, true);
  }

  /** Turn it off for the visitor, in all tabs of the site: all sessions end at once. */
  stop() {
    volunteer.choose(this.#instance, false);
  }

  /**
   * Change limits while it runs; those left out stay as they are.
   * @param {Partial<Limits>} limits
   * @throws {TypeError}
   */
  set(limits) {
    this.#options = { ...this.#options, ...checkLimits(limits) };
    volunteer.limit();
  }

  /** Remove this instance for good; the visitor's choice stays as it is. */
  close() {
    volunteer.leave(this.#instance);
  }

  /** @param {Readonly<Status>} status */
  #update(status) {
    const last = this.#status;
    if (status === last) return;
    this.#status = status;
    if (!last) return;
    this.dispatchEvent(new Event("change"));
    if (status.ever > last.ever) this.dispatchEvent(new Event("helped"));
  }
}
