// The bridge of this browser: runs while the user's choice and limits allow, in whichever page of the extension has WebRTC.

import { Clock } from "./static/frame/clock.js";
import { Executor } from "./static/frame/executor.js";
import { recall, remember } from "./static/volunteer/memory.js";
import { strictest } from "./static/volunteer/options.js";
import { judge } from "./static/volunteer/rules.js";
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
/** @typedef {EventTarget & {saveData?: boolean, type?: string}} Connection */

/** @type {Report} */
const NOTHING = { state: "connecting", now: 0, total: 0, megabytes: 0 };

export class Bridging {
  #show;
  /** @type {Executor | undefined} */
  #executor;
  #host = "";
  /** @type {{capacity: number, kilobits: number}} */
  #asked = { capacity: 0, kilobits: 0 };
  /** What the executor told last; its counts begin with it. */
  #report = NOTHING;
  /** @type {(EventTarget & {charging: boolean}) | undefined} */
  #battery;
  #connection = /** @type {{connection?: Connection}} */ (navigator).connection;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {(view: View) => void} show */
  constructor(show) {
    this.#show = show;
    const settle = () => this.#settle();
    window.addEventListener("storage", settle);
    window.addEventListener("online", () => this.#executor?.feed({ type: "network", online: true }));
    window.addEventListener("offline", () => this.#executor?.feed({ type: "network", online: false }));
    window.addEventListener("pagehide", () => this.#stop());
    this.#connection?.addEventListener("change", settle);
    this.#watchBattery();
    this.#settle();
  }

  /** Show once more what there is. */
  tell() {
    this.#show(this.#view);
  }
  /** @type {View} */
  #view = this.#look("off");

  /** See to it that all is as the user's choice and limits demand. */
  #settle() {
    clearTimeout(this.#timer);
    const now = new Date();
    const { host, limits } = readSettings();
    const memory = recall(now);
    const { reason, seconds } = judge(strictest([limits]), {
      date: now,
      megabytesToday: memory.megabytes,
      megabytesThisMonth: memory.month,
      onBattery: this.#battery?.charging === false,
      metered: this.#connection?.saveData === true || this.#connection?.type === "cellular",
      hiddenSeconds: 0,
    });
    const on = memory.on && host !== "";
    const works = on && !reason && "RTCPeerConnection" in window;
    if (!works || host !== this.#host) this.#stop();
    if (works) this.#run(host, limits);
    if (on) this.#timer = setTimeout(() => this.#settle(), seconds * 1000 + 50);
    if (!on) this.#say(this.#look("off"));
    else if (reason) this.#say(this.#look("paused", reason));
    else this.#say(works ? this.#look(this.#report.state, "", this.#report.now) : this.#look("unsupported"));
  }

  /** @param {string} host @param {{capacity: number, kilobits: number}} limits */
  #run(host, { capacity, kilobits }) {
    const asked = this.#asked;
    if (this.#executor && asked.capacity === capacity && asked.kilobits === kilobits) return;
    this.#asked = { capacity, kilobits };
    if (this.#executor) return this.#executor.limit(this.#asked);
    this.#host = host;
    // The timers of these pages do not have to wait, and their policy would not let a worker begin here.
    const executor = new Executor(host, (report) => executor === this.#executor && this.#hear(report), new Clock(false));
    this.#executor = executor;
    executor.feed({ type: "start", capacity, kilobits });
  }

  #stop() {
    const executor = this.#executor;
    executor?.feed({ type: "stop" });
    this.#executor = undefined;
    this.#report = NOTHING;
  }

  /** @param {Report} report */
  #hear(report) {
    const last = this.#report;
    this.#report = report;
    remember(report.total - last.total, report.megabytes - last.megabytes, new Date());
    if (report.state !== "off") this.#settle();
  }

  /** @param {View["state"]} state @param {View["reason"]} [reason] @returns {View} */
  #look(state, reason = "", now = 0) {
    const { today, helped, megabytes } = recall(new Date());
    const begins = readSettings().limits.hours.slice(0, "HH:MM".length);
    return { state, reason, now, today, ever: helped, megabytes, begins };
  }

  /** @param {View} view */
  #say(view) {
    if (JSON.stringify(view) === JSON.stringify(this.#view) && this.#told) return;
    this.#told = true;
    this.#view = view;
    this.tell();
  }
  #told = false;

  async #watchBattery() {
    const { getBattery } = /** @type {{getBattery?: () => Promise<EventTarget & {charging: boolean}>}} */ (navigator);
    this.#battery = await getBattery?.call(navigator).catch(() => undefined);
    this.#battery?.addEventListener("chargingchange", () => this.#settle());
    this.#settle();
  }
}
