// A limit of what all pipes together pass on, both directions counted: a token bucket. Pure: the clock is handed in.
//
// Each end of a pipe books for one message at a time, so all have the same share, whatever waits behind.

/** What may pass at once after a pause: a few messages, so that a page's first bytes need not wait. */
const BURST_BYTES = 65_536;

export class Rate {
  #bytesPerSecond = Infinity;
  /** Bytes that are booked, and how many of them may have gone at `#at`; both only grow. */
  #booked = 0;
  #passed = BURST_BYTES;
  #at = 0;

  /** @param {number} kilobits kbit/s, 0 for no limit @param {number} now seconds on a steady clock */
  limit(kilobits, now) {
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

  /** Seconds until a message may go; 0: now. @param {number} ticket @param {number} now */
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
