// Runs the bridge in a frame without an origin. From a page of its own Firefox would tell every WebSocket's server the
// address of the extension, which it draws by lot for each installation: a host could follow its volunteer by it.

/** @typedef {import("./bridging.js").Limits} Limits */

/** A `Runner` of bridging.js. */
export class Runner {
  #hear;
  #frame = document.createElement("iframe");
  #ready = false;
  /** @type {Limits | undefined} */
  #limits;

  /** @param {string} host its URL, with a slash at its end @param {(report: import("./bridging.js").Report) => void} hear */
  constructor(host, hear) {
    this.#hear = hear;
    this.#frame.setAttribute("sandbox", "allow-scripts");
    this.#frame.src = `frame.html#${host}`;
    window.addEventListener("message", this.#listen);
    document.body.append(this.#frame);
  }

  /** @param {Limits} limits */
  run(limits) {
    const type = this.#limits ? "limits" : "start";
    this.#limits = limits;
    this.#tell({ type, ...limits });
  }

  stop() {
    if (!this.#limits) return;
    this.#limits = undefined;
    this.#tell({ type: "stop" });
  }

  /** For good. All connections end with the frame. */
  close() {
    window.removeEventListener("message", this.#listen);
    this.#frame.remove();
  }

  /** @param {object} message */
  #tell(message) {
    // The frame has no origin to be named; it is ours.
    if (this.#ready) this.#frame.contentWindow?.postMessage({ freespan: 1, ...message }, "*");
  }

  /** @param {MessageEvent} event */
  #listen = ({ source, data }) => {
    if (!source || source !== this.#frame.contentWindow || data?.freespan !== 1) return;
    if (data.type === "ready") {
      this.#ready = true;
      if (this.#limits) this.#tell({ type: "start", ...this.#limits });
    } else if (data.type === "state") {
      const { state, now, total, megabytes } = data;
      this.#hear({ state, now, total, megabytes });
    }
  };
}
