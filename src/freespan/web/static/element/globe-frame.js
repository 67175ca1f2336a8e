// The live globe in the publisher's page: an iframe of the host's `/globe`, so that the page's own thread draws
// nothing.

/** @typedef {[code: string, readers: number][]} Countries most readers first */
/** @typedef {{ink: string, accent: string}} Colours as in CSS, without `var()` */

export class GlobeFrame {
  #iframe = document.createElement("iframe");
  #onCountries;
  #ready = false;
  /** @type {object | undefined} */
  #latest;

  /**
   * @param {Node} container it fills the width, as a square
   * @param {string | URL} host base URL of the host
   * @param {(countries: Countries, somewhere: number) => void} onCountries called when there are figures, for the label
   */
  constructor(container, host, onCountries) {
    this.#onCountries = onCountries;
    const iframe = this.#iframe;
    iframe.className = "globe";
    iframe.setAttribute("sandbox", "allow-scripts");
    iframe.setAttribute("role", "img");
    iframe.setAttribute("scrolling", "no");
    iframe.loading = "lazy";
    iframe.referrerPolicy = "no-referrer";
    iframe.tabIndex = -1;
    // An iframe whose colour scheme differs from that of its page gets an opaque background; its page declares none:
    // light.
    Object.assign(iframe.style, {
      display: "block",
      inlineSize: "100%",
      aspectRatio: "1",
      border: "0",
      colorScheme: "light",
    });
    iframe.src = new URL("globe", host).href;
    window.addEventListener("message", this.#onMessage);
    container.appendChild(iframe);
  }

  /** A description for screen readers. @param {string} text */
  set label(text) {
    this.#iframe.setAttribute("aria-label", text);
  }

  /**
   * Draw, or change what is drawn.
   * @param {Colours} colours
   * @param {boolean} reducedMotion
   * @param {string} here country or ""
   */
  show(colours, reducedMotion, here = "") {
    this.#latest = { type: "show", colours, reducedMotion, here };
    if (this.#ready) this.#post(this.#latest);
  }

  /** Show that somebody new is being helped. */
  welcome() {
    if (this.#ready) this.#post({ type: "welcome" });
  }

  /** Remove it for good. */
  remove() {
    window.removeEventListener("message", this.#onMessage);
    this.#iframe.remove();
  }

  /** @param {object} message */
  #post(message) {
    // The iframe's origin is opaque, so it cannot be named; the iframe itself is ours.
    this.#iframe.contentWindow?.postMessage({ freespan: 1, ...message }, "*");
  }

  /** @param {MessageEvent} event */
  #onMessage = ({ source, data }) => {
    if (!source || source !== this.#iframe.contentWindow || data?.freespan !== 1) return;
    if (data.type === "ready") {
      this.#ready = true;
      if (this.#latest) this.#post(this.#latest);
    } else if (data.type === "countries" && Array.isArray(data.countries)) {
      this.#onCountries(data.countries, Number(data.somewhere) || 0);
    }
  };
}

/**
 * The names of countries in a language, a BCP 47 tag; an unknown one gives those of the browser's language.
 * @param {Countries} countries
 * @param {string} language
 */
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
      // an unknown language, or a browser without names
    }
  }
  return undefined;
}
