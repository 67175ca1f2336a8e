// Timers that are on time in a hidden page, where browsers delay a page's own timers by a second or a minute.
//
// Those of a worker are not delayed. Both are set, and the first one counts, so it works without a worker as well.

const SOURCE = "onmessage = ({data: [id, ms]}) => setTimeout(() => postMessage(id), ms)";
/** The timers of browsers overflow beyond 2^31 ms. */
const MAX_SECONDS = 3_600;
/** How often to check whether the machine has slept. */
const CHECK_SECONDS = 10;
/** A delay that is too long for a late timer. */
const SLEEP_SECONDS = 30;

export class Clock {
  /** @type {Worker | undefined} */
  #worker;
  #count = 0;
  /** @type {Map<number, () => void>} */
  #calls = new Map();

  /** @param {boolean} [throttled] whether the browser may delay this page's own timers */
  constructor(throttled = true) {
    if (!throttled) return;
    try {
      const url = URL.createObjectURL(new Blob([SOURCE], { type: "text/javascript" }));
      this.#worker = new Worker(url);
      this.#worker.onmessage = ({ data }) => this.#calls.get(data)?.();
      this.#worker.onerror = (event) => event.preventDefault();
    } catch {
      this.#worker = undefined;
    }
  }

  /** Seconds on a monotonic clock. */
  get now() {
    return performance.now() / 1000;
  }

  /**
   * Call back when the machine has slept: timers stop meanwhile, and the time of day goes on.
   * @param {() => void} call
   */
  onWake(call) {
    const before = Date.now();
    this.after(CHECK_SECONDS, () => {
      this.onWake(call);
      if (Date.now() - before > (CHECK_SECONDS + SLEEP_SECONDS) * 1000) call();
    });
  }

  /**
   * Call back once, after this many seconds: never if they are infinite, and after an hour if they are more than that.
   * @param {number} seconds
   * @param {() => void} call
   * @returns {() => void} to cancel it
   */
  after(seconds, call) {
    if (seconds === Infinity) return () => {};
    const ms = Math.ceil(Math.min(Math.max(seconds, 0), MAX_SECONDS) * 1000);
    const id = this.#count++;
    const timer = setTimeout(() => this.#calls.get(id)?.(), ms);
    const cancel = () => {
      clearTimeout(timer);
      this.#calls.delete(id);
    };
    this.#calls.set(id, () => {
      cancel();
      call();
    });
    this.#worker?.postMessage([id, ms]);
    return cancel;
  }
}
