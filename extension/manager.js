// Runs the bridge of this browser while the user's choice and limits allow it, in whichever page of the extension has
// WebRTC.

import { recall, remember } from "./static/volunteer/memory.js";
import { strictest } from "./static/volunteer/options.js";
import { decide } from "./static/volunteer/rules.js";
import { Situation } from "./static/volunteer/situation.js";
import { readSettings } from "./settings.js";

/**
 * @typedef {object} Status
 * @property {"off" | "connecting" | "waiting" | "helping" | "offline" | "paused" | "unsupported"} state
 * @property {import("./static/volunteer/rules.js").Reason | ""} reason why it is `paused`
 * @property {number} now readers helped at this moment
 * @property {number} today readers helped since midnight
 * @property {number} ever readers helped
 * @property {number} megabytes MB passed on since midnight
 * @property {string} begins the time, `HH:MM`, at which the user's hours begin; empty: at any time
 */
/** @typedef {import("./static/bridge/events.js").BridgeStatus} BridgeStatus */
/** @typedef {{capacity: number, kilobits: number}} Limits readers at a time; kbit/s, 0 for any */
/**
 * A bridge of one host, in the form that a browser needs.
 * @typedef {object} Runner
 * @property {(limits: Limits) => void} run start, or go on with other limits
 * @property {() => void} stop until the next `run`
 * @property {() => void} close for good
 */

/** A decision of the rules holds until a moment; they are asked again this long after it. */
const MARGIN_MS = 50;

/** @type {BridgeStatus} */
const INITIAL = { state: "connecting", now: 0, total: 0, megabytes: 0 };

export class BridgeManager {
  #Runner;
  #onStatus;
  /** @type {{host: string, runner: Runner} | undefined} */
  #bridge;
  /** The latest status of the runner, whose counts begin with it. */
  #bridgeStatus = INITIAL;
  /** @type {Status | undefined} */
  #status;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #situation = new Situation(() => this.#settle());

  /**
   * @param {new (host: string, onStatus: (status: BridgeStatus) => void) => Runner} Runner
   * @param {(status: Status) => void} onStatus
   */
  constructor(Runner, onStatus) {
    this.#Runner = Runner;
    this.#onStatus = onStatus;
    this.#situation.open();
    window.addEventListener("storage", () => this.#settle());
    this.#settle();
  }

  /** Report the status again. */
  report() {
    if (this.#status) this.#onStatus(this.#status);
  }

  /** Make everything as the user's choice and limits demand. */
  #settle() {
    clearTimeout(this.#timer);
    if (this.#situation.away) return this.#bridge?.runner.stop();
    const now = new Date();
    const { host, limits } = readSettings();
    const { on, megabytes, month } = recall(now);
    const { reason, seconds } = decide(strictest([limits]), {
      date: now,
      megabytesToday: megabytes,
      megabytesThisMonth: month,
      onBattery: limits.pauseOnBattery && this.#situation.onBattery,
      metered: this.#situation.metered,
      hiddenSeconds: 0,
    });
    const wanted = on && host !== "";
    const able = "RTCPeerConnection" in window;
    if (wanted) this.#timer = setTimeout(() => this.#settle(), seconds * 1000 + MARGIN_MS);
    if (wanted && able && !reason) this.#run(host, limits);
    else this.#bridge?.runner.stop();
    if (!wanted) this.#show("off");
    else if (!able) this.#show("unsupported");
    else if (reason) this.#show("paused", reason);
    else this.#show(this.#bridgeStatus.state, "", this.#bridgeStatus.now);
  }

  /** @param {string} host @param {Limits} limits */
  #run(host, { capacity, kilobits }) {
    if (this.#bridge?.host !== host) {
      this.#bridge?.runner.close();
      this.#bridgeStatus = INITIAL;
      this.#bridge = { host, runner: new this.#Runner(host, (status) => this.#receive(status)) };
    }
    this.#bridge.runner.run({ capacity, kilobits });
  }

  /** @param {BridgeStatus} status */
  #receive(status) {
    const last = this.#bridgeStatus;
    this.#bridgeStatus = status.state === "off" ? { ...status, state: "connecting" } : status;
    remember(status.total - last.total, status.megabytes - last.megabytes, new Date());
    // A limit may be reached, or there is something to show. Not at once, since the bridge is in the middle of its
    // work.
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#settle());
  }

  /** @param {Status["state"]} state @param {Status["reason"]} [reason] */
  #show(state, reason = "", now = 0) {
    const { today, helped, megabytes } = recall(new Date());
    const begins = readSettings().limits.hours.slice(0, "HH:MM".length);
    const status = { state, reason, now, today, ever: helped, megabytes, begins };
    if (JSON.stringify(status) === JSON.stringify(this.#status)) return;
    this.#status = status;
    this.report();
  }
}
