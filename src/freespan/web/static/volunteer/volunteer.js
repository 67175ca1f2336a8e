// The volunteer of this page: one choice and one bridge, however many instances the page has, and one of all its tabs.

import { Frame } from "./frame.js";
import { recall, remember, rememberChoice } from "./memory.js";
import { strictest } from "./options.js";
import { judge } from "./rules.js";
import { supported } from "./signs.js";
import { Situation } from "./situation.js";
import { Tabs } from "./tabs.js";

/** @typedef {import("./rules.js").Reason} Reason */
/** @typedef {"off" | "connecting" | "waiting" | "helping" | "offline" | "paused" | "blocked" | "unsupported"} State */
/**
 * @typedef {object} View
 * @property {State} state
 * @property {Reason | ""} reason why it is `paused`
 * @property {number} now readers helped at this moment
 * @property {number} today readers helped since midnight, in this browser for this site
 * @property {number} ever readers helped, in this browser for this site
 * @property {number} megabytes MB passed on since midnight
 * @property {boolean} elsewhere another tab of this site does the work
 */
/**
 * An instance in the page.
 * @typedef {object} Seat
 * @property {() => import("./options.js").Options} options
 * @property {(view: Readonly<View>) => void} show
 */

/** A page's scripts may take the frame away, and nobody tells. */
const LOOK_SECONDS = 5;
/** What a frame has told that has said nothing yet. @type {import("./frame.js").Report} */
const NOTHING = { state: "connecting", now: 0, total: 0, megabytes: 0 };

class Volunteer {
  #on = false;
  /** Until the visitor chooses here or in another tab; one that works already knows better than storage. */
  #undecided = true;
  /** The page's own policy keeps the frame away. */
  #forbidden = false;
  /** @type {Set<Seat>} */
  #seats = new Set();
  /** @type {Frame | undefined} */
  #frame;
  #report = NOTHING;
  /** What the tab that works told last. @type {View | undefined} */
  #elsewhere;
  /** @type {Readonly<View> | undefined} */
  #view;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #tabs = new Tabs(
    () => this.#settle(),
    (word) => this.#hear(word),
  );
  #situation = new Situation((back) => {
    if (back) this.#arrive();
    else if (this.#situation.seen) this.#tabs.ask();
    this.#settle();
  });

  get on() {
    return this.#on;
  }

  /** @param {Seat} seat */
  join(seat) {
    this.#seats.add(seat);
    if (this.#seats.size === 1) {
      this.#situation.open();
      this.#arrive();
    }
    this.#settle();
    if (this.#view) seat.show(this.#view);
  }

  /** @param {Seat} seat */
  leave(seat) {
    const first = this.#first;
    const host = this.#host;
    if (!this.#seats.delete(seat)) return;
    if (seat === first) this.#drop();
    if (host !== this.#host) {
      this.#tabs.close();
      this.#elsewhere = undefined;
      if (this.#seats.size) this.#arrive();
    }
    if (this.#seats.size) return this.#settle();
    clearTimeout(this.#timer);
    this.#situation.close();
    this.#view = undefined;
  }

  /** The visitor's choice. @param {Seat} seat where it was made @param {boolean} on */
  choose(seat, on) {
    if (!supported() || !this.#seats.has(seat)) return;
    // A choice that is not kept still ends one that was.
    if (!on || this.#limits.remember) rememberChoice(on, new Date(), this.#host);
    // First in the queue for the lock, then the others hear of it: the tab that was clicked does the work.
    this.#decide(on);
    this.#tabs.say({ choice: on });
  }

  /** The options of an instance have changed. */
  limit() {
    this.#settle();
  }

  get #limits() {
    return strictest([...this.#seats].map((seat) => seat.options()));
  }

  /** The one whose place and host the frame has. */
  get #first() {
    return [...this.#seats][0];
  }

  get #host() {
    return this.#first?.options().host ?? "";
  }

  get #memory() {
    return recall(new Date(), this.#host);
  }

  /** As on a new visit: what is remembered counts, and what other tabs do. */
  #arrive() {
    this.#undecided = true;
    this.#on = supported() && this.#limits.remember && this.#memory.on;
    this.#tabs.open(this.#host);
  }

  /** @param {boolean} on */
  #decide(on) {
    this.#undecided = false;
    this.#forbidden = false;
    if (!on) this.#elsewhere = undefined;
    this.#on = on && supported();
    this.#settle();
  }

  /** @param {import("./tabs.js").Word} word */
  #hear({ choice, hello, welcome, view, bye }) {
    if (choice !== undefined) return choice !== this.#on && this.#decide(choice);
    if (hello && this.#tabs.leading) this.#tabs.say({ view: this.#view, welcome: true });
    if (welcome && this.#undecided) this.#decide(true);
    if (bye) this.#elsewhere = undefined;
    if (view && this.#on) this.#elsewhere = view;
    if (view || bye) this.#settle();
  }

  /** See to it that all is as the choice, the rules and the other tabs want it, and say so. */
  #settle() {
    clearTimeout(this.#timer);
    if (!this.#seats.size) return;
    const { away } = this.#situation;
    const { reason, seconds } = this.#judge();
    this.#tabs.want(this.#on && !away && !this.#forbidden && reason !== "hidden");
    if (this.#tabs.leading) this.#elsewhere = undefined;
    if (this.#tabs.leading && !reason) this.#carry();
    else this.#drop();
    if (away === "kept") this.#tabs.close();
    if (away) return;
    if (this.#on) this.#timer = setTimeout(() => this.#settle(), Math.min(seconds, LOOK_SECONDS) * 1000);
    this.#show(reason);
  }

  #judge() {
    const limits = this.#limits;
    const { metered, hiddenSeconds } = this.#situation;
    const { megabytes, month } = this.#memory;
    return judge(limits, {
      date: new Date(),
      megabytesToday: megabytes,
      megabytesThisMonth: month,
      onBattery: limits.pauseOnBattery && this.#situation.onBattery,
      metered,
      hiddenSeconds,
    });
  }

  // --- the frame ---

  #carry() {
    // A page that is built anew by its scripts may have taken it away.
    if (this.#frame?.isLost) this.#drop();
    const limits = this.#limits;
    if (this.#frame) return this.#frame.limit(limits);
    const { place } = this.#first?.options() ?? {};
    const host = this.#host;
    let last = (this.#report = NOTHING);
    const frame = (this.#frame = new Frame(
      place?.isConnected ? place : document.body,
      host,
      limits,
      (report, forbidden) => {
        remember(report.total - last.total, report.megabytes - last.megabytes, new Date(), host);
        last = report;
        // One that was dropped still counts, until it is off.
        if (frame === this.#frame) {
          this.#report = report;
          this.#forbidden = forbidden === true;
        }
        this.#settle();
      },
    ));
  }

  #drop() {
    this.#frame?.leave(Boolean(this.#situation.away));
    this.#frame = undefined;
  }

  // --- what people see ---

  /** @param {Reason | ""} reason */
  #show(reason) {
    const view = this.#elsewhere ? { ...this.#elsewhere, elsewhere: true } : this.#look(reason);
    if (JSON.stringify(view) === JSON.stringify(this.#view)) return;
    this.#view = Object.freeze(view);
    if (this.#tabs.leading) this.#tabs.say({ view });
    for (const seat of this.#seats) seat.show(this.#view);
  }

  /** @param {Reason | ""} reason @returns {View} */
  #look(reason) {
    const { helped, today, megabytes } = this.#memory;
    const { state, now } = this.#frame ? this.#report : { state: this.#stateWithoutFrame(reason), now: 0 };
    return {
      state,
      reason: state === "paused" ? reason : "",
      now,
      today,
      ever: helped,
      megabytes,
      elsewhere: false,
    };
  }

  /** @param {Reason | ""} reason @returns {State} */
  #stateWithoutFrame(reason) {
    if (!supported()) return "unsupported";
    if (!this.#on) return "off";
    if (this.#forbidden) return "blocked";
    return reason ? "paused" : "connecting";
  }
}

export const volunteer = new Volunteer();
