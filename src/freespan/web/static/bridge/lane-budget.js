// How many lanes one session may ask for. The twin of bridge/lane_budget.py, which explains it. Pure.

const COST = 8;
const COST_OF_OPEN = 1;
const BURST = 64;
const LANES_PER_SECOND = BURST / 600;
const REQUESTS_PER_SECOND = 1;

/** A token bucket, which is full at first. */
class Bucket {
  tokens = BURST;
  #perSecond;
  #at;

  /** @param {number} perSecond @param {number} now seconds */
  constructor(perSecond, now) {
    this.#perSecond = perSecond;
    this.#at = now;
  }

  /** @param {number} cost @param {number} now */
  take(cost, now) {
    this.tokens = Math.min(BURST, this.tokens + (now - this.#at) * this.#perSecond);
    this.#at = now;
    if (this.tokens < cost) return false;
    this.tokens -= cost;
    return true;
  }
}

export class LaneBudget {
  #requests;
  #lanes;

  /** @param {number} now seconds */
  constructor(now) {
    this.#requests = new Bucket(REQUESTS_PER_SECOND, now);
    this.#lanes = new Bucket(LANES_PER_SECOND, now);
  }

  /** Whether one more request is within bounds; if so it is counted. @param {number} now */
  mayAsk(now) {
    return this.#requests.take(1, now);
  }

  /** Whether one more lane may be opened; if so it is counted as one that does not open. @param {number} now */
  take(now) {
    return this.#lanes.take(COST, now);
  }

  /** A lane has opened. */
  giveBack() {
    this.#lanes.tokens += COST - COST_OF_OPEN;
  }
}
