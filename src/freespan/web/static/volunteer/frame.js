// The iframe with the bridge in it.
//
// The bridge runs in a page of the host, not in this one, so that no script of this one sees the addresses of readers.

import { amount } from "./memory.js";

const READY_SECONDS = 10;
const RETRY_SECONDS = 30;
const ASK_SECONDS = 5;
/** How long a bridge may take to say good-bye to its readers before its page is taken away. */
const LEAVE_SECONDS = 0.5;

/** @typedef {"off" | "connecting" | "waiting" | "helping" | "offline" | "blocked" | "unsupported"} State */
/** What the frame tells; the counts are since it began. @typedef {{state: State, now: number, total: number, megabytes: number}} Report */

const STATES = ["off", "connecting", "waiting", "helping", "offline", "unsupported"];

export class Frame {
  #url;
  #place;
  #limits;
  #publish;
  #frame = document.createElement("iframe");
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #started = false;
  #leaving = false;
  #gone = new AbortController();

  /**
   * @param {Node} place
   * @param {string} host its base URL
   * @param {{capacity: number, kilobits: number}} limits readers at a time; kbit/s, 0 for any
   * @param {(report: Report, forbidden?: boolean) => void} publish `forbidden`: by the page's policy, for good
   */
  constructor(place, host, { capacity, kilobits }, publish) {
    this.#url = new URL("bridge", host).href;
    this.#place = place;
    this.#limits = { capacity, kilobits };
    this.#publish = publish;
    const frame = this.#frame;
    frame.setAttribute("sandbox", "allow-scripts");
    frame.setAttribute("aria-hidden", "true");
    frame.referrerPolicy = "no-referrer";
    frame.title = "freespan bridge";
    frame.hidden = true;
    frame.tabIndex = -1;
    const { signal } = this.#gone;
    window.addEventListener("message", this.#hear, { signal });
    window.addEventListener("online", this.#load, { signal });
    document.addEventListener("securitypolicyviolation", this.#refused, { signal });
    this.#load();
  }

  /** @param {{capacity: number, kilobits: number}} limits */
  limit({ capacity, kilobits }) {
    if (capacity === this.#limits.capacity && kilobits === this.#limits.kilobits) return;
    this.#limits = { capacity, kilobits };
    if (this.#started) this.#tell({ type: "limits", capacity, kilobits });
  }

  /** Whether the bridge's page was there, and the page's scripts have taken it away. */
  get isLost() {
    return this.#started && !this.#frame.isConnected;
  }

  /**
   * End all sessions at once; the bridge's page goes as soon as it has told its last counts.
   * @param {boolean} now without waiting
   */
  leave(now) {
    this.#leaving = true;
    this.#tell({ type: "stop" });
    clearTimeout(this.#timer);
    if (now || !this.#frame.isConnected) return this.#remove();
    this.#timer = setTimeout(() => this.#remove(), LEAVE_SECONDS * 1000);
  }

  #remove() {
    clearTimeout(this.#timer);
    this.#gone.abort();
    this.#frame.remove();
  }

  #load = () => {
    if (this.#started || this.#leaving) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#explain(), READY_SECONDS * 1000);
    this.#frame.src = this.#url;
    this.#place.appendChild(this.#frame);
    if (!navigator.onLine) queueMicrotask(() => this.#fail("offline"));
  };

  /** The frame said nothing: because the host is away, or because something in this browser keeps it away. */
  async #explain() {
    const signal = AbortSignal.timeout?.(ASK_SECONDS * 1000);
    const answer = await fetch(this.#url, { credentials: "omit", cache: "no-store", signal }).catch(() => undefined);
    if (this.#started || this.#leaving) return;
    this.#fail(answer?.ok ? "blocked" : "offline");
    this.#timer = setTimeout(this.#load, RETRY_SECONDS * 1000);
  }

  /** @param {SecurityPolicyViolationEvent} event */
  #refused = ({ blockedURI, effectiveDirective, disposition }) => {
    const ours = this.#url.startsWith(blockedURI) || blockedURI.startsWith(this.#url);
    if (this.#started || !ours || disposition !== "enforce" || !/^(frame|child)-src$/.test(effectiveDirective)) return;
    clearTimeout(this.#timer);
    this.#fail("blocked", true);
  };

  /** @param {"offline" | "blocked"} state @param {boolean} [forbidden] */
  #fail(state, forbidden) {
    this.#publish({ state, now: 0, total: 0, megabytes: 0 }, forbidden);
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
      this.#started = true;
      this.#tell({ type: "start", ...this.#limits });
    } else if (data.type === "state" && STATES.includes(data.state)) {
      const { state, now, total, megabytes } = data;
      if (state === "off") this.#remove();
      else if (!this.#leaving) clearTimeout(this.#timer);
      this.#started = true;
      this.#publish({ state, now: amount(now), total: amount(total), megabytes: amount(megabytes) });
    }
  };
}
