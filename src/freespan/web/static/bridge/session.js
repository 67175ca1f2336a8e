// One reader's session: the first pipe, and the lanes that the reader's client asks for over it, without the broker.
//
// A lane is a pipe like the first one, so nothing has to look into what it carries. Lanes end with the first pipe.

import { LaneBudget } from "./lane-budget.js";
import { parseLane } from "./messages.js";
import { Pipe } from "./pipe.js";
import { filterSdp, namedAddresses } from "./sdp.js";

/** In addition to the first pipe. */
const LANES_MAX = 7;
/** Lanes that are being opened at the same time. */
const OPENING_MAX = 4;

export class BridgeSession {
  #offer;
  #clock;
  #rate;
  #allowPrivate;
  #first;
  /** Each lane, and whether it is open. @type {Map<Pipe, boolean>} */
  #lanes = new Map();
  #budget;
  #bytesOfEnded = 0;

  /**
   * @param {import("./pipe.js").Offer} offer
   * @param {import("./clock.js").Clock} clock
   * @param {import("./rate.js").RateLimit} rate of all pipes together
   * @param {import("./pipe.js").Listener} listener of the first pipe
   * @param {boolean} allowPrivate whether descriptions may hold private addresses
   * @throws {Error} the browser's own, for a bad address or server
   */
  constructor(offer, clock, rate, listener, allowPrivate) {
    this.#offer = offer;
    this.#clock = clock;
    this.#rate = rate;
    this.#budget = new LaneBudget(clock.now);
    this.#allowPrivate = allowPrivate;
    this.#first = new Pipe(offer, clock, rate, {
      ...listener,
      onSignal: (data) => this.#receive(data),
      onClose: () => {
        for (const lane of [...this.#lanes.keys()]) lane.close();
        listener.onClose();
      },
    });
  }

  /** What all its pipes have passed on, in both directions. */
  get bytes() {
    let bytes = this.#bytesOfEnded + this.#first.bytes;
    for (const lane of this.#lanes.keys()) bytes += lane.bytes;
    return bytes;
  }

  close() {
    this.#first.close();
  }

  /** A malformed message ends the session, and so do too many; a request for too much is refused. @param {unknown} data */
  #receive(data) {
    if (!this.#budget.mayAsk(this.#clock.now)) return this.close();
    let request;
    try {
      request = parseLane(data);
    } catch {
      return this.close();
    }
    const { id, sdp } = request;
    /** @param {string} reason */
    const refuse = (reason) => this.#send({ type: "lane_refusal", id, reason });
    const opening = [...this.#lanes.values()].filter((open) => !open).length;
    if (this.#lanes.size >= LANES_MAX || opening >= OPENING_MAX) return refuse("full");
    // Otherwise one offer that the broker has counted would open the way to any number of addresses.
    const known = namedAddresses(this.#offer.sdp, this.#allowPrivate);
    const allowed = this.#filtered(sdp);
    if ([...namedAddresses(allowed, this.#allowPrivate)].some((address) => !known.has(address))) {
      return refuse("it names an address that the session's first offer did not");
    }
    if (!this.#budget.take(this.#clock.now)) return refuse("too many lanes did not open");
    const { egress, iceServers } = this.#offer;
    const stun = iceServers.filter(({ urls }) => urls.every((url) => url.startsWith("stun:")));
    let answered = false;
    try {
      const lane = new Pipe({ sdp: allowed, egress, iceServers: stun }, this.#clock, this.#rate, {
        onAnswer: (answer) => {
          answered = true;
          // no broker is in between, which would leave out this end's own addresses
          this.#send({ type: "lane_answer", id, sdp: this.#filtered(answer) });
        },
        onOpen: () => {
          this.#lanes.set(lane, true);
          this.#budget.giveBack();
        },
        onCarried: () => {},
        onClose: () => {
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
  #send(message) {
    this.#first.send(JSON.stringify(message));
  }

  /** @param {string} sdp */
  #filtered(sdp) {
    return filterSdp(sdp, this.#allowPrivate);
  }
}
