// One choice and one volunteer for all the switches of a page: flipping one flips all.

import { onForgotten, recall, remember } from "./memory.js";
import { Volunteer } from "./frame.js";

/** @typedef {import("./frame.js").View} View */

/**
 * A switch in the page.
 * @typedef {object} Seat
 * @property {ShadowRoot} place where the bridge's frame may live
 * @property {() => number} capacity sessions at a time
 * @property {(view: View) => void} show
 */

class Choice {
  /** @type {Set<Seat>} */
  #seats = new Set();
  /** @type {Seat | undefined} the switch that holds the frame */
  #carrier;
  /** @type {Volunteer | undefined} */
  #volunteer;
  #on = recall().on;
  /** @type {View} */
  #view = { state: "off", now: 0, total: recall().helped, megabytes: 0 };

  constructor() {
    onForgotten(() => this.#set(false));
  }

  /** @param {Seat} seat */
  join(seat) {
    this.#seats.add(seat);
    seat.show(this.#view);
    this.#settle();
  }

  /** @param {Seat} seat */
  leave(seat) {
    this.#seats.delete(seat);
    // Its frame went with it.
    if (seat === this.#carrier) this.#volunteer?.remove();
    this.#settle();
  }

  flip() {
    this.#set(!this.#on);
    remember({ on: this.#on });
  }

  /** @param {boolean} on */
  #set(on) {
    this.#on = on;
    this.#settle();
  }

  /** The first switch carries the volunteer while the choice is on. */
  #settle() {
    const carrier = this.#on && supported() ? [...this.#seats][0] : undefined;
    if (carrier === this.#carrier) {
      if (!supported()) this.#show({ state: "unsupported", now: 0, total: this.#view.total, megabytes: 0 });
      return;
    }
    this.#volunteer?.leave();
    this.#carrier = carrier;
    if (!carrier) {
      this.#volunteer = undefined;
      return this.#show({ state: "off", now: 0, total: this.#view.total, megabytes: 0 });
    }
    let counted = 0;
    this.#volunteer = new Volunteer(carrier.place, carrier.capacity(), (view) => {
      const { helped } = recall();
      const total = Math.max(helped, this.#view.total) + view.total - counted;
      if (view.total !== counted) remember({ helped: total });
      counted = view.total;
      this.#show({ ...view, total });
    });
  }

  /** @param {View} view */
  #show(view) {
    const last = this.#view;
    const { state, now, total, megabytes } = view;
    if (state === last.state && now === last.now && total === last.total && megabytes === last.megabytes) return;
    this.#view = view;
    for (const seat of this.#seats) seat.show(view);
  }
}

function supported() {
  return "RTCPeerConnection" in window && "WebSocket" in window;
}

export const choice = new Choice();
