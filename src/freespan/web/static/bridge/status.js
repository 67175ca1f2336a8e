// When a bridge's status is published. Pure.
//
// A state that has nothing to do with sessions is published at once. Counts, and the state behind them, are published
// at the ticks of a fixed grid alone, so that nobody can tell from them when a reader came or went.

const PUBLISH_SECONDS = 2;

/** @typedef {import("./events.js").BridgeStatus} BridgeStatus */
/** @typedef {import("./events.js").Counts} Counts */

export class StatusReporter {
  /** When the next counts are due. */
  deadline = Infinity;
  /** One tick of the grid. */
  #tick;
  /** @type {Counts} */
  #counts = { now: 0, total: 0, megabytes: 0 };
  /** @type {BridgeStatus} */
  #published = { state: "off", ...this.#counts };

  /** @param {number} random from 0 to 1: where the grid lies */
  constructor(random) {
    this.#tick = random * PUBLISH_SECONDS;
  }

  /** That all sessions were ended on purpose is no secret, and must not look late. */
  endSessions() {
    this.#counts.now = 0;
  }

  /**
   * @param {Counts} counts
   * @param {BridgeStatus["state"]} idle the state while no session is open; with "off" all counts are published
   * @param {number} now seconds
   * @param {boolean} timed whether a timer has caused it
   * @returns {BridgeStatus | undefined} what is to be published, if it is new
   */
  update(counts, idle, now, timed) {
    if (idle === "off" || (timed && now >= this.deadline)) {
      this.#counts = counts;
      this.deadline = Infinity;
    }
    /** @type {BridgeStatus} */
    const status = { state: idle !== "off" && this.#counts.now ? "helping" : idle, ...this.#counts };
    const tick = now + PUBLISH_SECONDS - ((now - this.#tick) % PUBLISH_SECONDS);
    this.deadline = counts.now || differ(counts, this.#counts) ? Math.min(this.deadline, tick) : Infinity;
    return differ(status, this.#published) ? (this.#published = status) : undefined;
  }
}

/** @param {Counts} one @param {Counts} other */
function differ(one, other) {
  return JSON.stringify(one) !== JSON.stringify(other);
}
