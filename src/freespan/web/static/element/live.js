// How many this browser helps, and where: counts, and the globe.

import { create, write } from "./dom.js";

/** @typedef {import("../bridge.js").View} View */
/** @typedef {import("./globe-frame.js").Countries} Countries */
/** @typedef {import("./language.js").Words} Words */

const COUNTS = /** @type {const} */ (["now", "today", "ever"]);

export const STYLE = `
.live { display: grid; gap: .8em; }
.globe { width: 100%; max-width: 19em; aspect-ratio: 1; margin-inline: auto; accent-color: var(--on); }
dl { display: grid; grid-template-columns: repeat(3, 1fr); text-align: center; }
dl div { display: flex; flex-direction: column-reverse; }
dl div + div { border-inline-start: 1px solid var(--line); }
dt { font-size: .8em; color: var(--muted); }
dd { font-size: 1.35em; font-weight: 620; font-variant-numeric: tabular-nums; }`;

export class Live {
  #counts = COUNTS.map((name) => ({ name, value: create("dd"), label: create("dt") }));
  #list = create("dl", {}, ...this.#counts.map(({ label, value }) => create("div", {}, label, value)));
  #sky = create("div", { class: "globe", part: "globe" });
  #calm = matchMedia("(prefers-reduced-motion: reduce)");
  /** @type {import("./globe-frame.js").GlobeFrame | undefined} */
  #globe;
  #loading = false;
  /** @type {(countries: Countries) => string[]} */
  #namesOf = () => [];
  /** @type {Countries} */
  #countries = [];
  #somewhere = 0;
  #renderAgain = () => {};
  node = create("div", { class: "live", part: "live" }, this.#sky, this.#list);

  /** @param {View} view @param {Words} words @param {{shown: boolean, globe: boolean, host: string}} how */
  render(view, words, how) {
    this.#renderAgain = () => this.render(view, words, how);
    for (const { name, label, value } of this.#counts) {
      write(label, words.say(`count_${name}`));
      write(value, words.number(view[name]));
    }
    this.#list.hidden = view.state === "off" && !view.ever; // three noughts please nobody
    this.#sky.hidden = !how.globe;
    this.node.hidden = !how.shown || (this.#list.hidden && this.#sky.hidden);
    if (this.#globe) this.#draw(words);
    else if (how.globe && how.shown) this.#load(how.host, words.language);
  }

  welcome() {
    this.#globe?.welcome();
  }

  remove() {
    this.#globe?.remove();
    this.node.remove();
  }

  /** @param {string} host @param {string} language */
  async #load(host, language) {
    if (this.#loading) return;
    this.#loading = true;
    try {
      const { GlobeFrame, namesOf } = await import("./globe-frame.js");
      this.#namesOf = (countries) => namesOf(countries, language);
      this.#globe = new GlobeFrame(this.#sky, host, (countries, somewhere) => {
        this.#countries = countries;
        this.#somewhere = somewhere;
        this.#renderAgain();
      });
      this.#renderAgain();
    } catch {
      this.#loading = false; // no network: the counts are there all the same
    }
  }

  /** @param {Words} words */
  #draw(words) {
    const { color, accentColor } = getComputedStyle(this.#sky);
    this.#globe?.show({ ink: color, accent: accentColor === "auto" ? color : accentColor }, this.#calm.matches);
    const places = this.#namesOf(this.#countries).map((name, k) => `${name} (${words.number(this.#countries[k]?.[1] ?? 0)})`);
    if (this.#somewhere) places.push(`${words.say("somewhere")} (${words.number(this.#somewhere)})`);
    if (this.#globe) this.#globe.label = places.length ? words.say("globe", { places: places.join(", ") }) : words.say("globe_empty");
  }
}
