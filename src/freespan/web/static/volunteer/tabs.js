// Leader election among the tabs of a site that would be a bridge of the same host.
//
// The tab that holds a Web Lock is the leader: it runs the bridge and reports its status to the others. When it is
// closed or frozen, the browser gives the lock to the next tab. Where there are no locks (on pages by plain http, in
// sandboxes, or with storage blocked), each tab is its own leader.

import { NAME } from "./detect.js";

/** A leader answers at once, even in a hidden tab; one that does not answer is stuck, and loses the lock. */
const ANSWER_SECONDS = 5;

/**
 * What tabs send to each other: the visitor's choice; a question for the leader, and its answer; the leader's status;
 * that it stops being the leader.
 * @typedef {{choice?: boolean, hello?: boolean, welcome?: boolean, status?: import("./volunteer.js").Status, bye?: boolean}} TabMessage
 */

export class Tabs {
  /** Whether this tab is the leader. */
  leading = false;
  #onChange;
  #onMessage;
  #name = "";
  /** @type {BroadcastChannel | undefined} */
  #channel;
  /** The request for the lock; aborted when it is no longer wanted. @type {AbortController | undefined} */
  #pending;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #answerTimer;

  /**
   * @param {() => void} onChange `leading` has changed, not by a call of `want`
   * @param {(message: TabMessage) => void} onMessage from another tab
   */
  constructor(onChange, onMessage) {
    this.#onChange = onChange;
    this.#onMessage = onMessage;
  }

  /** @param {string} host */
  open(host) {
    this.#name = NAME + host;
    try {
      this.#channel ??= new BroadcastChannel(this.#name);
      this.#channel.onmessage = ({ data }) => {
        if (data?.status) clearTimeout(this.#answerTimer);
        if (typeof data === "object" && data) this.#onMessage(data);
      };
      this.ask();
    } catch {
      // no storage, no channel
    }
  }

  close() {
    this.want(false);
    clearTimeout(this.#answerTimer);
    this.#channel?.close();
    this.#channel = undefined;
  }

  /** @param {TabMessage} message */
  send(message) {
    this.#channel?.postMessage(message);
  }

  /** Ask the leader for its status. */
  ask() {
    this.send({ hello: true });
    clearTimeout(this.#answerTimer);
    this.#answerTimer = setTimeout(() => {
      if (this.leading) return;
      if (!this.#pending) this.#onMessage({ bye: true });
      else if (document.visibilityState === "visible") this.#requestLock({ steal: true });
    }, ANSWER_SECONDS * 1000);
  }

  /** Whether this tab would be the leader. @param {boolean} wanted */
  want(wanted) {
    if (wanted === Boolean(this.#pending)) return;
    if (wanted) return void this.#requestLock({});
    this.#pending?.abort();
    this.#pending = undefined;
    if (this.leading) this.send({ bye: true });
    this.leading = false;
  }

  /** @param {LockOptions} options */
  async #requestLock(options) {
    this.#pending?.abort();
    const pending = (this.#pending = new AbortController());
    const { signal } = pending;
    const released = new Promise((resolve) => void signal.addEventListener("abort", resolve));
    const lead = () => {
      if (pending !== this.#pending) return;
      this.#setLeading(true);
      return released;
    };
    try {
      await navigator.locks.request(this.#name, options.steal ? options : { signal }, lead);
    } catch (error) {
      if (pending !== this.#pending) return;
      const taken = error instanceof DOMException && error.name === "AbortError";
      // Any other error means that there are no locks here.
      if (!taken) return lead();
      this.#requestLock({});
      this.#setLeading(false);
    }
  }

  /** @param {boolean} leading */
  #setLeading(leading) {
    if (leading === this.leading) return;
    this.leading = leading;
    this.#onChange();
  }
}
