// Runs the bridge in this page. Servers are told the extension's identifier, which follows from the key in the manifest and is
// the same in all browsers that took it from the same place.

import { Clock } from "./static/frame/clock.js";
import { Executor } from "./static/frame/executor.js";

/** @typedef {import("./bridging.js").Limits} Limits */

/** A `Runner` of bridging.js. */
export class Runner {
  #executor;
  #runs = false;

  /** @param {string} host its URL, with a slash at its end @param {(report: import("./bridging.js").Report) => void} hear */
  constructor(host, hear) {
    // The timers of this page do not have to wait, and the extension's policy would not let a worker begin.
    this.#executor = new Executor(host, hear, new Clock(false));
    window.addEventListener("online", this.#tellNetwork);
    window.addEventListener("offline", this.#tellNetwork);
  }

  /** @param {Limits} limits */
  run({ capacity, kilobits }) {
    const type = this.#runs ? "limits" : "start";
    this.#runs = true;
    this.#executor.limit(kilobits);
    this.#executor.feed({ type, capacity });
  }

  stop() {
    if (this.#runs) this.#executor.feed({ type: "stop" });
    this.#runs = false;
  }

  /** For good. */
  close() {
    this.stop();
    window.removeEventListener("online", this.#tellNetwork);
    window.removeEventListener("offline", this.#tellNetwork);
  }

  #tellNetwork = () => this.#executor.feed({ type: "network", online: navigator.onLine });
}
