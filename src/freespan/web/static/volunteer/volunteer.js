// What this page does as a volunteer: one choice and one bridge, however many instances it has, and one bridge for all
// its tabs.

import { BridgeIframe } from "./iframe.js";
import { recall, remember, rememberChoice } from "./memory.js";
import { strictest } from "./options.js";
import { decide } from "./rules.js";
import { supported } from "./detect.js";
import { Situation } from "./situation.js";
import { Tabs } from "./tabs.js";

/** @typedef {import("./rules.js").Reason} Reason */
/** @typedef {"off" | "connecting" | "waiting" | "helping" | "offline" | "paused" | "blocked" | "unsupported"} State */
/**
 * @typedef {object} Status
 * @property {State} state
 * @property {Reason | "host" | ""} reason why it is `paused`; `host` where the host itself has it `blocked`
 * @property {number} now readers helped at this moment
 * @property {number} today readers helped since midnight, in this browser for this site
 * @property {number} ever readers helped, in this browser for this site
 * @property {number} megabytes MB passed on since midnight
 * @property {boolean} elsewhere the bridge runs in another tab of this site
 */
/**
 * A switch in the page.
 * @typedef {object} Instance
 * @property {() => import("./options.js").Options} options
 * @property {(status: Readonly<Status>) => void} onStatus
 */

/** Scripts of the page may remove the iframe, and nothing reports it. */
const CHECK_SECONDS = 5;
/** The status of an iframe that has not sent any yet. @type {import("./iframe.js").BridgeStatus} */
const INITIAL = { state: "connecting", now: 0, total: 0, megabytes: 0 };

class Volunteer {
  #on = false;
  /** Until the visitor chooses, here or in another tab. A leader knows the choice better than storage does. */
  #undecided = true;
  /** The page's own policy forbids the iframe. */
  #forbidden = false;
  /** @type {Set<Instance>} */
  #instances = new Set();
  /** @type {BridgeIframe | undefined} */
  #iframe;
  #bridgeStatus = INITIAL;
  /** The latest status of another tab that is the leader. @type {Status | undefined} */
  #leaderStatus;
  /** @type {Readonly<Status> | undefined} */
  #status;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #tabs = new Tabs(
    () => this.#settle(),
    (message) => this.#receive(message),
  );
  #situation = new Situation((restored) => {
    if (restored) this.#arrive();
    else if (this.#situation.visible) this.#tabs.ask();
    this.#settle();
  });

  get on() {
    return this.#on;
  }

  /** @param {Instance} instance */
  join(instance) {
    this.#instances.add(instance);
    if (this.#instances.size === 1) {
      this.#situation.open();
      this.#arrive();
    }
    this.#settle();
    if (this.#status) instance.onStatus(this.#status);
  }

  /** @param {Instance} instance */
  leave(instance) {
    const first = this.#first;
    const host = this.#host;
    if (!this.#instances.delete(instance)) return;
    if (instance === first) this.#drop();
    if (host !== this.#host) {
      this.#tabs.close();
      this.#leaderStatus = undefined;
      if (this.#instances.size) this.#arrive();
    }
    if (this.#instances.size) return this.#settle();
    clearTimeout(this.#timer);
    this.#situation.close();
    this.#status = undefined;
  }

  /** The visitor's choice. @param {Instance} instance where it was made @param {boolean} on */
  choose(instance, on) {
    if (!supported() || !this.#instances.has(instance)) return;
    // A "no" is stored in any case, since it ends a "yes" that was stored before.
    if (!on || this.#limits.remember) rememberChoice(on, new Date(), this.#host);
    // This tab asks for the lock before the others know the choice, so the tab that was clicked becomes the leader.
    this.#choose(on);
    this.#tabs.send({ choice: on });
  }

  /** To be called when the options of an instance have changed. */
  limit() {
    this.#settle();
  }

  get #limits() {
    return strictest([...this.#instances].map((instance) => instance.options()));
  }

  /** The instance whose container and host are used. */
  get #first() {
    return [...this.#instances][0];
  }

  get #host() {
    return this.#first?.options().host ?? "";
  }

  get #memory() {
    return recall(new Date(), this.#host);
  }

  /** Begin as on a new visit: with the stored choice, and with what other tabs do. */
  #arrive() {
    this.#undecided = true;
    this.#on = supported() && this.#limits.remember && this.#memory.on;
    this.#tabs.open(this.#host);
  }

  /** @param {boolean} on */
  #choose(on) {
    this.#undecided = false;
    this.#forbidden = false;
    if (!on) this.#leaderStatus = undefined;
    this.#on = on && supported();
    this.#settle();
  }

  /** @param {import("./tabs.js").TabMessage} message */
  #receive({ choice, hello, welcome, status, bye }) {
    if (choice !== undefined) return choice !== this.#on && this.#choose(choice);
    if (hello && this.#tabs.leading) this.#tabs.send({ status: this.#status, welcome: true });
    if (welcome && this.#undecided) this.#choose(true);
    if (bye) this.#leaderStatus = undefined;
    if (status && this.#on) this.#leaderStatus = status;
    if (status || bye) this.#settle();
  }

  /** Make everything as the choice, the rules and the other tabs demand, and report it. */
  #settle() {
    clearTimeout(this.#timer);
    if (!this.#instances.size) return;
    const { away } = this.#situation;
    const { reason, seconds } = this.#decision();
    this.#tabs.want(this.#on && !away && !this.#forbidden && reason !== "hidden");
    if (this.#tabs.leading) this.#leaderStatus = undefined;
    if (this.#tabs.leading && !reason) this.#run();
    else this.#drop();
    if (away === "kept") this.#tabs.close();
    if (away) return;
    if (this.#on) this.#timer = setTimeout(() => this.#settle(), Math.min(seconds, CHECK_SECONDS) * 1000);
    this.#report(reason);
  }

  #decision() {
    const limits = this.#limits;
    const { metered, hiddenSeconds } = this.#situation;
    const { megabytes, month } = this.#memory;
    return decide(limits, {
      date: new Date(),
      megabytesToday: megabytes,
      megabytesThisMonth: month,
      onBattery: limits.pauseOnBattery && this.#situation.onBattery,
      metered,
      hiddenSeconds,
    });
  }

  // --- the iframe ---

  #run() {
    // Scripts that rebuild the page may have removed it.
    if (this.#iframe?.isLost) this.#drop();
    const limits = this.#limits;
    if (this.#iframe) return this.#iframe.limit(limits);
    const { container } = this.#first?.options() ?? {};
    const host = this.#host;
    let last = (this.#bridgeStatus = INITIAL);
    const iframe = (this.#iframe = new BridgeIframe(
      container?.isConnected ? container : document.body,
      host,
      limits,
      (status, forbidden) => {
        remember(status.total - last.total, status.megabytes - last.megabytes, new Date(), host);
        last = status;
        // The counts of an iframe that was dropped still come, until it is off.
        if (iframe === this.#iframe) {
          this.#bridgeStatus = status;
          this.#forbidden = forbidden === true;
        }
        this.#settle();
      },
    ));
  }

  #drop() {
    this.#iframe?.leave(Boolean(this.#situation.away));
    this.#iframe = undefined;
  }

  // --- the status ---

  /** @param {Reason | ""} reason */
  #report(reason) {
    const status = this.#leaderStatus ? { ...this.#leaderStatus, elsewhere: true } : this.#ownStatus(reason);
    if (JSON.stringify(status) === JSON.stringify(this.#status)) return;
    this.#status = Object.freeze(status);
    if (this.#tabs.leading) this.#tabs.send({ status });
    for (const instance of this.#instances) instance.onStatus(this.#status);
  }

  /** @param {Reason | ""} reason @returns {Status} */
  #ownStatus(reason) {
    const { helped, today, megabytes } = this.#memory;
    const { state, now } = this.#iframe ? this.#bridgeStatus : { state: this.#stateWithoutIframe(reason), now: 0 };
    return {
      state,
      reason: state === "paused" ? reason : this.#iframe && this.#bridgeStatus.byHost ? "host" : "",
      now,
      today,
      ever: helped,
      megabytes,
      elsewhere: false,
    };
  }

  /** @param {Reason | ""} reason @returns {State} */
  #stateWithoutIframe(reason) {
    if (!supported()) return "unsupported";
    if (!this.#on) return "off";
    if (this.#forbidden) return "blocked";
    return reason ? "paused" : "connecting";
  }
}

export const volunteer = new Volunteer();
