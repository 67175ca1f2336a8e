// The iframe in which the bridge runs (bridge/main.js).
//
// Its page is the host's and has an origin of its own, so that no script of this page sees the addresses of readers.

import { amount } from "./memory.js";

const READY_SECONDS = 10;
const RETRY_SECONDS = 30;
const FETCH_SECONDS = 5;
/** How long a bridge may take to end its sessions before its page is removed. */
const LEAVE_SECONDS = 0.5;

/** @typedef {"off" | "connecting" | "waiting" | "helping" | "offline" | "blocked" | "unsupported"} State */
/**
 * The counts are those since the iframe was loaded. `byHost`: the host's own server blocks it.
 * @typedef {{state: State, now: number, total: number, megabytes: number, byHost?: boolean}} BridgeStatus
 */

const STATES = ["off", "connecting", "waiting", "helping", "offline", "unsupported"];

export class BridgeIframe {
  #url;
  #container;
  #limits;
  #onStatus;
  #iframe = document.createElement("iframe");
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #started = false;
  #leaving = false;
  #removed = new AbortController();

  /**
   * @param {Node} container
   * @param {string} host its base URL
   * @param {{capacity: number, kilobits: number}} limits readers at a time; kbit/s, 0 for any
   * @param {(status: BridgeStatus, forbidden?: boolean) => void} onStatus `forbidden`: by the page's policy, for good
   */
  constructor(container, host, { capacity, kilobits }, onStatus) {
    this.#url = new URL("bridge", host).href;
    this.#container = container;
    this.#limits = { capacity, kilobits };
    this.#onStatus = onStatus;
    const iframe = this.#iframe;
    iframe.setAttribute("sandbox", "allow-scripts");
    iframe.setAttribute("aria-hidden", "true");
    iframe.referrerPolicy = "no-referrer";
    iframe.title = "freespan bridge";
    iframe.hidden = true;
    iframe.tabIndex = -1;
    const { signal } = this.#removed;
    window.addEventListener("message", this.#onMessage, { signal });
    window.addEventListener("online", this.#load, { signal });
    document.addEventListener("securitypolicyviolation", this.#onViolation, { signal });
    this.#load();
  }

  /** @param {{capacity: number, kilobits: number}} limits */
  limit({ capacity, kilobits }) {
    if (capacity === this.#limits.capacity && kilobits === this.#limits.kilobits) return;
    this.#limits = { capacity, kilobits };
    if (this.#started) this.#post({ type: "limits", capacity, kilobits });
  }

  /** Whether the bridge's page was loaded, and scripts of this page have removed it. */
  get isLost() {
    return this.#started && !this.#iframe.isConnected;
  }

  /**
   * End all sessions at once; the iframe is removed when its last counts have arrived.
   * @param {boolean} now without waiting
   */
  leave(now) {
    this.#leaving = true;
    this.#post({ type: "stop" });
    clearTimeout(this.#timer);
    if (now || !this.#iframe.isConnected) return this.#remove();
    this.#timer = setTimeout(() => this.#remove(), LEAVE_SECONDS * 1000);
  }

  #remove() {
    clearTimeout(this.#timer);
    this.#removed.abort();
    this.#iframe.remove();
  }

  #load = () => {
    if (this.#started || this.#leaving) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#explain(), READY_SECONDS * 1000);
    this.#iframe.src = this.#url;
    this.#container.appendChild(this.#iframe);
    if (!navigator.onLine) queueMicrotask(() => this.#fail("offline"));
  };

  /** The iframe is silent: because the host is away, or because something in this browser blocks it. */
  async #explain() {
    const signal = AbortSignal.timeout?.(FETCH_SECONDS * 1000);
    const answer = await fetch(this.#url, { credentials: "omit", cache: "no-store", signal }).catch(() => undefined);
    if (this.#started || this.#leaving) return;
    const refusal = answer?.ok ? refusalToBeFramed(answer.headers) : "";
    if (refusal) console.warn(`freespan-switch: the host sends "${refusal}": its server must not`);
    this.#fail(answer?.ok ? "blocked" : "offline", false, Boolean(refusal));
    this.#timer = setTimeout(this.#load, RETRY_SECONDS * 1000);
  }

  /** @param {SecurityPolicyViolationEvent} event */
  #onViolation = ({ blockedURI, effectiveDirective, disposition }) => {
    const ours = this.#url.startsWith(blockedURI) || blockedURI.startsWith(this.#url);
    if (this.#started || !ours || disposition !== "enforce" || !/^(frame|child)-src$/.test(effectiveDirective)) return;
    clearTimeout(this.#timer);
    this.#fail("blocked", true);
  };

  /** @param {"offline" | "blocked"} state @param {boolean} [forbidden] @param {boolean} [byHost] */
  #fail(state, forbidden, byHost) {
    this.#onStatus({ state, now: 0, total: 0, megabytes: 0, byHost }, forbidden);
  }

  /** @param {object} message */
  #post(message) {
    // The iframe's origin is opaque, so it cannot be named; the iframe itself is ours.
    this.#iframe.contentWindow?.postMessage({ freespan: 1, ...message }, "*");
  }

  /** @param {MessageEvent} event */
  #onMessage = ({ source, data }) => {
    if (!source || source !== this.#iframe.contentWindow || data?.freespan !== 1) return;
    if (data.type === "ready" && !this.#leaving) {
      clearTimeout(this.#timer);
      this.#started = true;
      this.#post({ type: "start", ...this.#limits });
    } else if (data.type === "status" && STATES.includes(data.state)) {
      const { state, now, total, megabytes } = data;
      if (state === "off") this.#remove();
      else if (!this.#leaving) clearTimeout(this.#timer);
      this.#started = true;
      this.#onStatus({ state, now: amount(now), total: amount(total), megabytes: amount(megabytes) });
    }
  };
}

/**
 * What in the headers of the bridge's page keeps it out of this one: from the host, or a web server in front of it.
 * @param {Headers} headers
 */
function refusalToBeFramed(headers) {
  const options = headers.get("X-Frame-Options");
  const rules = headers.get("Content-Security-Policy")?.match(/frame-ancestors[^;,]*/g) ?? [];
  const allowed = new RegExp(`\\s(\\*|${location.origin})(\\s|$)`);
  return options ? `X-Frame-Options: ${options}` : rules.find((rule) => !allowed.test(rule));
}
