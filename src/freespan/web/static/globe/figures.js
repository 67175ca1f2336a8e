// Where readers are, as the host tells everybody (`v1/countries`): asked for while somebody looks, and no more often than
// the answer's cache allows.

/** @typedef {{countries: Record<string, number>, somewhere: number}} Figures */

const URL_OF_FIGURES = new URL("../v1/countries", import.meta.url);
const LOAD_SECONDS = 10;
/** After a failure, and where the answer names no time. */
const AGAIN_SECONDS = 300;
const AGAIN_LEAST = 30;
const AGAIN_MOST = 3600;

export class Watch {
  #tell;
  #due = 0;
  #looks = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {(figures: Figures) => void} tell @param {Element} place what must be seen */
  constructor(tell, place) {
    this.#tell = tell;
    const sight = new IntersectionObserver((entries) => {
      this.#looks = entries.at(-1)?.isIntersecting ?? false;
      this.#plan();
    });
    sight.observe(place);
    document.addEventListener("visibilitychange", () => this.#plan());
  }

  #plan() {
    clearTimeout(this.#timer);
    if (!this.#looks || document.hidden) return;
    this.#timer = setTimeout(() => this.#ask(), Math.max(0, this.#due - performance.now()));
  }

  async #ask() {
    // An answer on its way is waited for, however often somebody looks away and back.
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
      if (figures) this.#tell(figures);
      return maxAge(response.headers.get("Cache-Control") ?? "");
    } catch {
      // no network, too slow, or no JSON
      return AGAIN_SECONDS;
    }
  }
}

/** @param {string} header @returns {number} seconds */
function maxAge(header) {
  const found = /\bmax-age=(\d+)/.exec(header)?.[1];
  return found ? Math.min(AGAIN_MOST, Math.max(AGAIN_LEAST, Number(found))) : AGAIN_SECONDS;
}
