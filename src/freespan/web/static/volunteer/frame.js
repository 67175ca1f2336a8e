// The volunteer of this page: the iframe with the bridge in it, however many switches the page has.
//
// The bridge runs in a page of the host, not in this one, so that no script of this one sees the addresses of readers.

const READY_SECONDS = 10;
const RETRY_SECONDS = 30;
/** How long a bridge may take to say good-bye to its readers before its page is taken away. */
const LEAVE_SECONDS = 0.5;

/** @typedef {"off" | "connecting" | "waiting" | "helping" | "offline" | "unsupported"} State */
/** @typedef {{state: State, now: number, total: number, megabytes: number}} View */

const STATES = ["off", "connecting", "waiting", "helping", "offline", "unsupported"];

export class Volunteer {
  #capacity;
  #publish;
  #frame = document.createElement("iframe");
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #leaving = false;

  /**
   * @param {ShadowRoot} place
   * @param {number} capacity sessions at a time
   * @param {(view: View) => void} publish
   */
  constructor(place, capacity, publish) {
    this.#capacity = capacity;
    this.#publish = publish;
    const frame = this.#frame;
    frame.setAttribute("sandbox", "allow-scripts");
    frame.setAttribute("aria-hidden", "true");
    frame.referrerPolicy = "no-referrer";
    frame.title = "freespan bridge";
    frame.hidden = true;
    frame.tabIndex = -1;
    window.addEventListener("message", this.#hear);
    publish({ state: "connecting", now: 0, total: 0, megabytes: 0 });
    this.#load(place);
  }

  /** End all sessions at once; the bridge's page goes as soon as it has said so. */
  leave() {
    this.#leaving = true;
    this.#tell({ type: "stop" });
    this.#publish = () => {};
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.remove(), LEAVE_SECONDS * 1000);
  }

  /** Take the bridge's page away now. */
  remove() {
    clearTimeout(this.#timer);
    window.removeEventListener("message", this.#hear);
    this.#frame.remove();
    this.#publish = () => {};
  }

  /** @param {ShadowRoot} place */
  #load(place) {
    this.#frame.src = new URL("../bridge", import.meta.url).href;
    place.append(this.#frame);
    // A host that is away, or a page whose policy forbids the frame, says nothing at all.
    this.#timer = setTimeout(() => {
      this.#publish({ state: "offline", now: 0, total: 0, megabytes: 0 });
      this.#timer = setTimeout(() => this.#load(place), RETRY_SECONDS * 1000);
    }, READY_SECONDS * 1000);
  }

  /** @param {object} message */
  #tell(message) {
    // The frame's origin is opaque, so it cannot be named; the frame itself is ours.
    this.#frame.contentWindow?.postMessage({ freespan: 1, ...message }, "*");
  }

  /** @param {MessageEvent} event */
  #hear = ({ source, data }) => {
    if (!source || source !== this.#frame.contentWindow || data?.freespan !== 1) return;
    if (data.type === "ready" && !this.#leaving) {
      clearTimeout(this.#timer);
      this.#tell({ type: "start", capacity: this.#capacity });
    } else if (data.type === "state" && STATES.includes(data.state)) {
      if (data.state === "off") return this.#leaving && this.remove();
      clearTimeout(this.#timer);
      const { state, now, total, megabytes } = data;
      this.#publish({ state, now: count(now), total: count(total), megabytes: count(megabytes) });
    }
  };
}

/** @param {unknown} value */
function count(value) {
  return typeof value === "number" && value > 0 ? Math.floor(value) : 0;
}
