// Timers that keep their time in a hidden page, where browsers let a page's own timers wait a second or a minute.
// Those of a worker are not held back. Both are set and the first wins, so nothing is lost where no worker may run.

const SOURCE = "onmessage = ({data: [id, ms]}) => setTimeout(() => postMessage(id), ms)";
/** Browsers' timers overflow beyond 2^31 ms. */
const LONGEST_SECONDS = 3_600;
/** Looking for a sleep of the machine: so often, and what is more than a late timer. */
const LOOK_SECONDS = 10;
const SLEEP_SECONDS = 30;

export class Clock {
  /** @type {Worker | undefined} */
  #worker;
  #count = 0;
  /** @type {Map<number, () => void>} */
  #calls = new Map();

  /** @param {boolean} [held] whether this page's own timers may have to wait */
  constructor(held = true) {
    if (!held) return;
    try {
      const url = URL.createObjectURL(new Blob([SOURCE], { type: "text/javascript" }));
      this.#worker = new Worker(url);
      this.#worker.onmessage = ({ data }) => this.#calls.get(data)?.();
      this.#worker.onerror = (event) => event.preventDefault();
    } catch {
      this.#worker = undefined;
    }
  }

  /** Seconds on a clock that never goes back. */
  get now() {
    return performance.now() / 1000;
  }

  /** Call whenever the machine has slept: timers stand still meanwhile, the time of day does not. @param {() => void} call */
  onWake(call) {
    const before = Date.now();
    this.after(LOOK_SECONDS, () => {
      this.onWake(call);
      if (Date.now() - before > (LOOK_SECONDS + SLEEP_SECONDS) * 1000) call();
    });
  }

  /**
   * Call once after so many seconds; never, if they are infinite; sooner, if they are more than an hour.
   * @param {number} seconds
   * @param {() => void} call
   * @returns {() => void} to cancel it
   */
  after(seconds, call) {
    if (seconds === Infinity) return () => {};
    const ms = Math.ceil(Math.min(Math.max(seconds, 0), LONGEST_SECONDS) * 1000);
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
