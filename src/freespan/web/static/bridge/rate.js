// A limit on what all pipes together pass on, in both directions: a token bucket. Pure: the time is handed in.
//
// Each direction of a pipe books one message at a time, so all get the same share, however much waits behind it.

/** What may pass at once after a pause: a few messages, so that the first bytes of a page need not wait. */
const BURST_BYTES = 65_536;

export class RateLimit {
  #bytesPerSecond = Infinity;
  /** The bytes booked, and how many of them may have been sent by `#at`; both only grow. */
  #booked = 0;
  #passed = BURST_BYTES;
  #at = 0;

  /** @param {number} kilobits kbit/s, 0 for no limit @param {number} now seconds on a steady clock */
  set(kilobits, now) {
    this.#advance(now);
    this.#bytesPerSecond = kilobits > 0 ? kilobits * 125 : Infinity;
  }

  get isLimited() {
    return this.#bytesPerSecond < Infinity;
  }

  /** @param {number} bytes of the next message @returns {number} a ticket for `wait` */
  book(bytes) {
    this.#booked += bytes;
    return this.#booked;
  }

  /** Seconds until a message may be sent, 0 for now. @param {number} ticket @param {number} now */
  wait(ticket, now) {
    this.#advance(now);
    return this.isLimited ? Math.max(0, (ticket - this.#passed) / this.#bytesPerSecond) : 0;
  }

  /** @param {number} now */
  #advance(now) {
    const most = this.#booked + BURST_BYTES;
    this.#passed = this.isLimited ? Math.min(most, this.#passed + (now - this.#at) * this.#bytesPerSecond) : most;
    this.#at = now;
  }
}
