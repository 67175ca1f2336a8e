// How many this browser helps, and where: counts, and the globe.

import { create, write } from "./dom.js";

/** @typedef {import("../bridge.js").View} View */
/** @typedef {import("./language.js").Words} Words */

const COUNTS = /** @type {const} */ (["now", "today", "ever"]);

export class Live {
  #counts = COUNTS.map((name) => ({ name, value: create("dd"), label: create("dt") }));
  #list;
  #sky = create("div", { class: "globe", part: "globe" });
  /** @type {import("./globe-frame.js").GlobeFrame | undefined} */
  #globe;
  #loading = false;
  /** @type {{countries: Record<string, number>, somewhere: number}} */
  #places = { countries: {}, somewhere: 0 };
  #renderAgain = () => {};

  constructor() {
    const counts = this.#counts.map(({ label, value }) => create("div", {}, label, value));
    this.#list = create("dl", {}, ...counts);
    this.node = create("div", { class: "live", part: "live" }, this.#sky, this.#list);
  }

  /** @param {View} view @param {Words} words @param {{shown: boolean, globe: boolean, host: string}} how */
  render(view, words, how) {
    this.#renderAgain = () => this.render(view, words, how);
    this.#list.hidden = view.state === "off" && !view.ever; // three noughts please nobody
    this.#sky.hidden = !how.globe;
    this.node.hidden = !how.shown || (this.#list.hidden && this.#sky.hidden);
    for (const { name, label, value } of this.#counts) {
      write(label, words.say(`count_${name}`));
      write(value, words.number(view[name]));
    }
    if (how.globe && how.shown) this.#show(how.host);
    this.#sky.setAttribute("role", "img");
    this.#sky.setAttribute("aria-label", this.#label(words));
  }

  welcome() {
    this.#globe?.welcome();
  }

  remove() {
    this.#globe?.remove();
    this.node.remove();
  }

  /** @param {string} host */
  async #show(host) {
    if (this.#globe || this.#loading) return;
    this.#loading = true;
    try {
      const { GlobeFrame } = await import("./globe-frame.js");
      this.#globe = new GlobeFrame(this.#sky, host, (countries, somewhere) => {
        this.#places = { countries, somewhere };
        this.#renderAgain();
      });
      this.#globe.show();
    } catch {
      this.#loading = false; // no network: the counts are there all the same
    }
  }

  /** @param {Words} words */
  #label(words) {
    const names = new Intl.DisplayNames([words.language, "en"], { type: "region" });
    const { countries, somewhere } = this.#places;
    const places = Object.entries(countries).map(([code, readers]) => `${names.of(code)} ${words.number(readers)}`);
    if (somewhere) places.push(`${words.say("somewhere")} ${words.number(somewhere)}`);
    return places.length ? words.say("globe", { places: places.join(", ") }) : words.say("globe_empty");
  }
}
