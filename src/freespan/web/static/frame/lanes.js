// One client: its first pipe, and the lanes that it asks for over that one, without the broker. A lane is a pipe like
// the first, so none has to look into what it carries. Lanes end with the first pipe.

import { filterSdp } from "./ice.js";
import { parseLane } from "./messages.js";
import { Pipe } from "./pipe.js";

/** Beside the first pipe. */
const LANES_MAX = 7;
/** In the making, at a time. */
const OPENING_MAX = 4;

export class Client {
  #offer;
  #clock;
  #rate;
  #allowPrivate;
  #first;
  /** Each lane, and whether it is open. @type {Map<Pipe, boolean>} */
  #lanes = new Map();
  #bytesOfEnded = 0;

  /**
   * @param {import("./pipe.js").Offer} offer
   * @param {import("./clock.js").Clock} clock
   * @param {import("./rate.js").Rate} rate of all pipes together
   * @param {import("./pipe.js").Listener} listener of the first pipe
   * @param {boolean} allowPrivate whether descriptions may hold private addresses
   * @throws what the browser says to a bad address or server
   */
  constructor(offer, clock, rate, listener, allowPrivate) {
    this.#offer = offer;
    this.#clock = clock;
    this.#rate = rate;
    this.#allowPrivate = allowPrivate;
    this.#first = new Pipe(offer, clock, rate, {
      ...listener,
      asked: (text) => this.#ask(text),
      closed: () => {
        for (const lane of [...this.#lanes.keys()]) lane.close();
        listener.closed();
      },
    });
  }

  /** What went through all its pipes, in both directions. */
  get bytes() {
    let bytes = this.#bytesOfEnded + this.#first.bytes;
    for (const lane of this.#lanes.keys()) bytes += lane.bytes;
    return bytes;
  }

  close() {
    this.#first.close();
  }

  /** Who talks rubbish loses all, who asks for too much is refused that. @param {unknown} text */
  #ask(text) {
    let wish;
    try {
      wish = parseLane(text);
    } catch {
      return this.close();
    }
    const { id, sdp } = wish;
    /** @param {string} reason */
    const refuse = (reason) => this.#say({ type: "lane_refusal", id, reason });
    const opening = [...this.#lanes.values()].filter((open) => !open).length;
    if (this.#lanes.size >= LANES_MAX || opening >= OPENING_MAX) return refuse("full");
    const { egress, iceServers } = this.#offer;
    const stun = iceServers.filter(({ urls }) => urls.every((url) => url.startsWith("stun:")));
    let answered = false;
    try {
      const lane = new Pipe({ sdp: this.#filter(sdp), egress, iceServers: stun }, this.#clock, this.#rate, {
        answered: (answer) => {
          answered = true;
          // a broker would have taken this end's own addresses out
          this.#say({ type: "lane_answer", id, sdp: this.#filter(answer) });
        },
        opened: () => this.#lanes.set(lane, true),
        carried: () => {},
        closed: () => {
          this.#lanes.delete(lane);
          this.#bytesOfEnded += lane.bytes;
          if (!answered) refuse("the offer could not be used");
        },
      });
      this.#lanes.set(lane, false);
    } catch {
      refuse("this browser could not open a lane");
    }
  }

  /** @param {object} message */
  #say(message) {
    this.#first.say(JSON.stringify(message));
  }

  /** @param {string} sdp */
  #filter(sdp) {
    return filterSdp(sdp, this.#allowPrivate);
  }
}
