// The tabs of a site in one browser that would work for the same host: one of them works, and all hear of it. The one that holds the lock works; when it is
// closed or frozen, the browser gives the lock to the next. Where there are no locks (pages by plain http, sandboxed, or
// with storage blocked), each tab works for itself.

import { NAME } from "./signs.js";

/** A tab that works answers at once, even if it is hidden; one that does not is stuck, and loses the lock. */
const ANSWER_SECONDS = 5;

/**
 * What tabs say: the visitor's choice; a question for the one that works, and its answer; what that one does; that it ends.
 * @typedef {{choice?: boolean, hello?: boolean, welcome?: boolean, view?: import("./volunteer.js").View, bye?: boolean}} Word
 */

export class Tabs {
  /** Whether this tab is the one that works. */
  leading = false;
  #changed;
  #hear;
  #name = "";
  /** @type {BroadcastChannel | undefined} */
  #channel;
  /** The wish to work; aborted when it ends. @type {AbortController | undefined} */
  #wish;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #patience;

  /**
   * @param {() => void} changed `leading`, by others than the caller
   * @param {(word: Word) => void} hear what another tab says
   */
  constructor(changed, hear) {
    this.#changed = changed;
    this.#hear = hear;
  }

  /** @param {string} host */
  open(host) {
    this.#name = NAME + host;
    try {
      this.#channel ??= new BroadcastChannel(this.#name);
      this.#channel.onmessage = ({ data }) => {
        if (data?.view) clearTimeout(this.#patience);
        if (typeof data === "object" && data) this.#hear(data);
      };
      this.ask();
    } catch {
      // no storage, no channel
    }
  }

  close() {
    this.want(false);
    clearTimeout(this.#patience);
    this.#channel?.close();
    this.#channel = undefined;
  }

  /** @param {Word} word */
  say(word) {
    this.#channel?.postMessage(word);
  }

  /** Ask the tab that works what it does. */
  ask() {
    this.say({ hello: true });
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => {
      if (this.leading) return;
      if (!this.#wish) this.#hear({ bye: true });
      else if (document.visibilityState === "visible") this.#request({ steal: true });
    }, ANSWER_SECONDS * 1000);
  }

  /** Whether this tab would work, if it is its turn. @param {boolean} wanted */
  want(wanted) {
    if (wanted === Boolean(this.#wish)) return;
    if (wanted) return void this.#request({});
    this.#wish?.abort();
    this.#wish = undefined;
    if (this.leading) this.say({ bye: true });
    this.leading = false;
  }

  /** @param {LockOptions} options */
  async #request(options) {
    this.#wish?.abort();
    const wish = (this.#wish = new AbortController());
    const { signal } = wish;
    const over = new Promise((resolve) => void signal.addEventListener("abort", resolve));
    const work = () => {
      if (wish !== this.#wish) return;
      this.#lead(true);
      return over;
    };
    try {
      await navigator.locks.request(this.#name, options.steal ? options : { signal }, work);
    } catch (error) {
      if (wish !== this.#wish) return;
      const taken = error instanceof DOMException && error.name === "AbortError";
      // Whatever else it is, it means that there are no locks here.
      if (!taken) return work();
      this.#request({});
      this.#lead(false);
    }
  }

  /** @param {boolean} leading */
  #lead(leading) {
    if (leading === this.leading) return;
    this.leading = leading;
    this.#changed();
  }
}
