// How many lanes one session may ask for. The twin of bridge/lane_budget.py, which explains it. Pure.

const COST = 8;
const COST_OF_OPEN = 1;
const BURST = 64;
const PER_SECOND = BURST / 600;

export class LaneBudget {
  #tokens = BURST;
  #at;

  /** @param {number} now seconds */
  constructor(now) {
    this.#at = now;
  }

  /** Whether one more lane may be opened; if so it is counted as one that does not open. @param {number} now */
  take(now) {
    this.#tokens = Math.min(BURST, this.#tokens + (now - this.#at) * PER_SECOND);
    this.#at = now;
    if (this.#tokens < COST) return false;
    this.#tokens -= COST;
    return true;
  }

  /** A lane has opened. */
  giveBack() {
    this.#tokens += COST - COST_OF_OPEN;
  }
}
