// The live globe in the publisher's page: an iframe of the host's `/globe`, so that this page's thread draws nothing.

/** @typedef {[code: string, readers: number][]} Countries most readers first */
/** @typedef {{ink: string, accent: string}} Colours as in CSS, but resolved: no `var()` */

export class GlobeFrame {
  #frame = document.createElement("iframe");
  #onCountries;
  #loaded = false;
  /** @type {object | undefined} */
  #shown;

  /**
   * @param {Node} place where it is appended; as wide as that, and a square
   * @param {string | URL} host base URL of the host
   * @param {(countries: Countries, somewhere: number) => void} onCountries called when there are figures, for the label
   */
  constructor(place, host, onCountries) {
    this.#onCountries = onCountries;
    const frame = this.#frame;
    frame.className = "globe";
    frame.setAttribute("sandbox", "allow-scripts");
    frame.setAttribute("role", "img");
    frame.setAttribute("scrolling", "no");
    frame.loading = "lazy";
    frame.referrerPolicy = "no-referrer";
    frame.tabIndex = -1;
    // A frame whose scheme is not that of the page in it gets an opaque ground; the page in it has none, which is light.
    Object.assign(frame.style, {
      display: "block",
      inlineSize: "100%",
      aspectRatio: "1",
      border: "0",
      colorScheme: "light",
    });
    frame.src = new URL("globe", host).href;
    window.addEventListener("message", this.#hear);
    place.appendChild(frame);
  }

  /** For those who do not see it. @param {string} text */
  set label(text) {
    this.#frame.setAttribute("aria-label", text);
  }

  /** Draw, or draw otherwise. @param {Colours} colours @param {boolean} reducedMotion @param {string} here country or "" */
  show(colours, reducedMotion, here = "") {
    this.#shown = { type: "show", colours, reducedMotion, here };
    if (this.#loaded) this.#tell(this.#shown);
  }

  /** A gentle sign: somebody new is being helped. */
  welcome() {
    if (this.#loaded) this.#tell({ type: "welcome" });
  }

  /** End for good. */
  remove() {
    window.removeEventListener("message", this.#hear);
    this.#frame.remove();
  }

  /** @param {object} message */
  #tell(message) {
    // The frame's origin is opaque, so it cannot be named; the frame itself is ours.
    this.#frame.contentWindow?.postMessage({ freespan: 1, ...message }, "*");
  }

  /** @param {MessageEvent} event */
  #hear = ({ source, data }) => {
    if (!source || source !== this.#frame.contentWindow || data?.freespan !== 1) return;
    if (data.type === "ready") {
      this.#loaded = true;
      if (this.#shown) this.#tell(this.#shown);
    } else if (data.type === "countries" && Array.isArray(data.countries)) {
      this.#onCountries(data.countries, Number(data.somewhere) || 0);
    }
  };
}

/** The names of countries in a language, a BCP 47 tag; an unknown one gives the browser's own. @param {Countries} countries @param {string} language */
export function namesOf(countries, language) {
  const names = displayNames(language);
  return countries.map(([code]) => names?.of(code) ?? code);
}

/** @param {string} language */
function displayNames(language) {
  for (const locales of [[language], []]) {
    try {
      return new Intl.DisplayNames(locales, { type: "region" });
    } catch {
      // no language, or a browser that knows no names
    }
  }
  return undefined;
}
