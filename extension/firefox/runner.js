// Runs the bridge in an iframe with an opaque origin. From a page of the extension, Firefox would send the extension's
// origin to every WebSocket server. It is random for each installation, so a host could track its volunteer by it.

/** @typedef {import("./manager.js").Limits} Limits */

/** A `Runner` of manager.js. */
export class Runner {
  #onStatus;
  #iframe = document.createElement("iframe");
  #ready = false;
  /** @type {Limits | undefined} */
  #limits;

  /**
   * @param {string} host its URL, with a slash at its end
   * @param {(status: import("./manager.js").BridgeStatus) => void} onStatus
   */
  constructor(host, onStatus) {
    this.#onStatus = onStatus;
    this.#iframe.setAttribute("sandbox", "allow-scripts");
    this.#iframe.src = `bridge.html#${host}`;
    window.addEventListener("message", this.#onMessage);
    document.body.append(this.#iframe);
  }

  /** @param {Limits} limits */
  run(limits) {
    const type = this.#limits ? "limits" : "start";
    this.#limits = limits;
    this.#post({ type, ...limits });
  }

  stop() {
    if (!this.#limits) return;
    this.#limits = undefined;
    this.#post({ type: "stop" });
  }

  /** For good. All connections end with the iframe. */
  close() {
    window.removeEventListener("message", this.#onMessage);
    this.#iframe.remove();
  }

  /** @param {object} message */
  #post(message) {
    // An opaque origin cannot be named; the iframe is ours.
    if (this.#ready) this.#iframe.contentWindow?.postMessage({ freespan: 1, ...message }, "*");
  }

  /** @param {MessageEvent} event */
  #onMessage = ({ source, data }) => {
    if (!source || source !== this.#iframe.contentWindow || data?.freespan !== 1) return;
    if (data.type === "ready") {
      this.#ready = true;
      if (this.#limits) this.#post({ type: "start", ...this.#limits });
    } else if (data.type === "status") {
      const { state, now, total, megabytes } = data;
      this.#onStatus({ state, now, total, megabytes });
    }
  };
}
