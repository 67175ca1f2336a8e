// Where readers are, as the host publishes it (`v1/countries`). It is requested while the globe is visible, and no more
// often than the answer's Cache-Control allows.

/** @typedef {{countries: Record<string, number>, somewhere: number}} Figures */

const URL_OF_FIGURES = new URL("../v1/countries", import.meta.url);
const LOAD_SECONDS = 10;
/** The wait after a failure, and after an answer without a max-age. */
const RETRY_SECONDS = 300;
const WAIT_MIN = 30;
const WAIT_MAX = 3600;

export class FiguresWatch {
  #onFigures;
  #due = 0;
  #isVisible = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {(figures: Figures) => void} onFigures @param {Element} element that must be visible */
  constructor(onFigures, element) {
    this.#onFigures = onFigures;
    const sight = new IntersectionObserver((entries) => {
      this.#isVisible = entries.at(-1)?.isIntersecting ?? false;
      this.#plan();
    });
    sight.observe(element);
    document.addEventListener("visibilitychange", () => this.#plan());
  }

  #plan() {
    clearTimeout(this.#timer);
    if (!this.#isVisible || document.hidden) return;
    this.#timer = setTimeout(() => this.#request(), Math.max(0, this.#due - performance.now()));
  }

  async #request() {
    // There is one request at a time, however often it is hidden and shown.
    this.#due = performance.now() + LOAD_SECONDS * 1000;
    const seconds = await this.#load();
    this.#due = performance.now() + seconds * 1000;
    this.#plan();
  }

  /** @returns {Promise<number>} seconds until it is worth asking again */
  async #load() {
    try {
      const signal = AbortSignal.timeout(LOAD_SECONDS * 1000);
      const response = await fetch(URL_OF_FIGURES, { credentials: "omit", signal });
      const figures = response.ok && (await response.json());
      if (figures) this.#onFigures(figures);
      return maxAge(response.headers.get("Cache-Control") ?? "");
    } catch {
      // no network, too slow, or no JSON
      return RETRY_SECONDS;
    }
  }
}

/** @param {string} header @returns {number} seconds */
function maxAge(header) {
  const found = /\bmax-age=(\d+)/.exec(header)?.[1];
  return found ? Math.min(WAIT_MAX, Math.max(WAIT_MIN, Number(found))) : RETRY_SECONDS;
}
