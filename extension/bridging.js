// The bridge of this browser: runs while the user's choice and limits allow, in whichever page of the extension has WebRTC.

import { Clock } from "./static/frame/clock.js";
import { Executor } from "./static/frame/executor.js";
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

/** The verdict of the rules holds until a moment, so the next one is asked for after it. */
const SOON_MS = 50;

/** @type {Report} */
const NOTHING = { state: "connecting", now: 0, total: 0, megabytes: 0 };

export class Bridging {
  #show;
  /** @type {{host: string, executor: Executor} | undefined} */
  #bridge;
  #runs = false;
  /** What the executor told last; its counts begin with it. */
  #report = NOTHING;
  /** @type {View | undefined} */
  #view;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #situation = new Situation(() => this.#settle());

  /** @param {(view: View) => void} show */
  constructor(show) {
    this.#show = show;
    this.#situation.open();
    window.addEventListener("storage", () => this.#settle());
    window.addEventListener("online", () => this.#bridge?.executor.feed({ type: "network", online: true }));
    window.addEventListener("offline", () => this.#bridge?.executor.feed({ type: "network", online: false }));
    this.#settle();
  }

  /** Show once more what there is. */
  tell() {
    if (this.#view) this.#show(this.#view);
  }

  /** See to it that all is as the user's choice and limits demand. */
  #settle() {
    clearTimeout(this.#timer);
    if (this.#situation.away) return this.#stop();
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
    else this.#stop();
    if (!wanted) this.#tell("off");
    else if (!able) this.#tell("unsupported");
    else if (reason) this.#tell("paused", reason);
    else this.#tell(this.#report.state, "", this.#report.now);
  }

  /** @param {string} host @param {import("./static/volunteer/options.js").Limits} limits */
  #run(host, { capacity, kilobits }) {
    if (this.#bridge?.host !== host) {
      this.#stop();
      this.#bridge = { host, executor: this.#make(host) };
      this.#report = NOTHING;
    }
    const { executor } = this.#bridge;
    executor.limit(kilobits);
    const type = this.#runs ? "limits" : "start";
    this.#runs = true;
    executor.feed({ type, capacity });
  }

  /** @param {string} host @returns {Executor} */
  #make(host) {
    // The timers of these pages do not have to wait, and the extension's policy would not let a worker begin.
    const clock = new Clock(false);
    return new Executor(host, (report) => this.#hear(report), clock);
  }

  #stop() {
    if (!this.#runs) return;
    this.#runs = false;
    this.#bridge?.executor.feed({ type: "stop" });
  }

  /** @param {Report} report */
  #hear(report) {
    const last = this.#report;
    this.#report = report.state === "off" ? { ...report, state: "connecting" } : report;
    remember(report.total - last.total, report.megabytes - last.megabytes, new Date());
    // A limit may be reached, or there is something to show; not now, since this comes from the middle of the executor.
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
