// Runs the bridge in this document. Servers learn the extension's identifier, which follows from the key in the
// manifest and is the same in all browsers that got it from the same source.

import { Bridge } from "./static/bridge/bridge.js";
import { Clock } from "./static/bridge/clock.js";

/** @typedef {import("./manager.js").Limits} Limits */

/** A `Runner` of manager.js. */
export class Runner {
  #bridge;
  #running = false;

  /**
   * @param {string} host its URL, with a slash at its end
   * @param {(status: import("./manager.js").BridgeStatus) => void} onStatus
   */
  constructor(host, onStatus) {
    // The timers of this document are not throttled, and the extension's policy would not let a worker start.
    this.#bridge = new Bridge(host, onStatus, new Clock(false));
    window.addEventListener("online", this.#onNetwork);
    window.addEventListener("offline", this.#onNetwork);
  }

  /** @param {Limits} limits */
  run({ capacity, kilobits }) {
    const type = this.#running ? "limits" : "start";
    this.#running = true;
    this.#bridge.limit(kilobits);
    this.#bridge.feed({ type, capacity });
  }

  stop() {
    if (this.#running) this.#bridge.feed({ type: "stop" });
    this.#running = false;
  }

  /** For good. */
  close() {
    this.stop();
    window.removeEventListener("online", this.#onNetwork);
    window.removeEventListener("offline", this.#onNetwork);
  }

  #onNetwork = () => this.#bridge.feed({ type: "network", online: navigator.onLine });
}
