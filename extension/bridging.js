// The bridge of this browser: runs while the user's choice and limits allow, in whichever page of the extension has WebRTC.

import { recall, remember } from "./static/volunteer/memory.js";
import { strictest } from "./static/volunteer/options.js";
import { judge } from "./static/volunteer/rules.js";
import { Situation } from "./static/volunteer/situation.js";
import { readSettings } from "./settings.js";

/**
 * @typedef {object} View
 * @property {"off" | "connecting" | "waiting" | "helping" | "offline" | "paused" | "unsupported"} state
 * @property {import("./static/volunteer/rules.js").Reason | ""} reason why it is `paused`
 * @property {number} now readers helped at this moment
 * @property {number} today readers helped since midnight
 * @property {number} ever readers helped
 * @property {number} megabytes MB passed on since midnight
 * @property {string} begins the time, `HH:MM`, when the hours that the user has set begin; empty: at any time
 */
/** @typedef {import("./static/frame/session.js").View} Report */
/** @typedef {{capacity: number, kilobits: number}} Limits readers at a time; kbit/s, 0 for any */
/**
 * A bridge of one host, in the way that a browser needs it.
 * @typedef {object} Runner
 * @property {(limits: Limits) => void} run begin, or go on with other limits
 * @property {() => void} stop until the next `run`
 * @property {() => void} close for good
 */

/** The verdict of the rules holds until a moment, so the next one is asked for after it. */
const SOON_MS = 50;

/** @type {Report} */
const NOTHING = { state: "connecting", now: 0, total: 0, megabytes: 0 };

export class Bridging {
  #make;
  #show;
  /** @type {{host: string, runner: Runner} | undefined} */
  #bridge;
  /** What the runner told last; its counts begin with it. */
  #report = NOTHING;
  /** @type {View | undefined} */
  #view;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #situation = new Situation(() => this.#settle());

  /**
   * @param {new (host: string, hear: (report: Report) => void) => Runner} make
   * @param {(view: View) => void} show
   */
  constructor(make, show) {
    this.#make = make;
    this.#show = show;
    this.#situation.open();
    window.addEventListener("storage", () => this.#settle());
    this.#settle();
  }

  /** Show once more what there is. */
  tell() {
    if (this.#view) this.#show(this.#view);
  }

  /** See to it that all is as the user's choice and limits demand. */
  #settle() {
    clearTimeout(this.#timer);
    if (this.#situation.away) return this.#bridge?.runner.stop();
    const now = new Date();
    const { host, limits } = readSettings();
    const { on, megabytes, month } = recall(now);
    const { reason, seconds } = judge(strictest([limits]), {
      date: now,
      megabytesToday: megabytes,
      megabytesThisMonth: month,
      onBattery: limits.pauseOnBattery && this.#situation.onBattery,
      metered: this.#situation.metered,
      hiddenSeconds: 0,
    });
    const wanted = on && host !== "";
    const able = "RTCPeerConnection" in window;
    if (wanted) this.#timer = setTimeout(() => this.#settle(), seconds * 1000 + SOON_MS);
    if (wanted && able && !reason) this.#run(host, limits);
    else this.#bridge?.runner.stop();
    if (!wanted) this.#tell("off");
    else if (!able) this.#tell("unsupported");
    else if (reason) this.#tell("paused", reason);
    else this.#tell(this.#report.state, "", this.#report.now);
  }

  /** @param {string} host @param {Limits} limits */
  #run(host, { capacity, kilobits }) {
    if (this.#bridge?.host !== host) {
      this.#bridge?.runner.close();
      this.#report = NOTHING;
      this.#bridge = { host, runner: new this.#make(host, (report) => this.#hear(report)) };
    }
    this.#bridge.runner.run({ capacity, kilobits });
  }

  /** @param {Report} report */
  #hear(report) {
    const last = this.#report;
    this.#report = report.state === "off" ? { ...report, state: "connecting" } : report;
    remember(report.total - last.total, report.megabytes - last.megabytes, new Date());
    // A limit may be reached, or there is something to show; not now, since this comes from the middle of the bridge.
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#settle());
  }

  /** @param {View["state"]} state @param {View["reason"]} [reason] */
  #tell(state, reason = "", now = 0) {
    const { today, helped, megabytes } = recall(new Date());
    const begins = readSettings().limits.hours.slice(0, "HH:MM".length);
    const view = { state, reason, now, today, ever: helped, megabytes, begins };
    if (JSON.stringify(view) === JSON.stringify(this.#view)) return;
    this.#view = view;
    this.tell();
  }
}
