// How many this browser helps, and where: counts, and the globe.

import { create, write } from "./dom.js";

/** @typedef {import("../bridge.js").View} View */
/** @typedef {import("./globe-frame.js").Countries} Countries */
/** @typedef {import("./language.js").Words} Words */

const COUNTS = /** @type {const} */ (["now", "today", "ever"]);

export const STYLE = `
.note { text-align: center; font-size: .875em; color: var(--muted); }
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
  #note = create("p", { class: "note" });
  #tastes = ["(prefers-reduced-motion: reduce)", "(prefers-color-scheme: dark)"].map((query) => matchMedia(query));
  /** @type {import("./globe-frame.js").GlobeFrame | undefined} */
  #globe;
  #loading = false;
  #gone = false;
  /** @type {typeof import("./globe-frame.js").namesOf} */
  #namesOf = () => [];
  /** @type {Countries} */
  #countries = [];
  #somewhere = 0;
  #renderAgain = () => {};
  #look = () => this.#renderAgain();
  node = create("div", { class: "live", part: "live" }, this.#sky, this.#list, this.#note);

  constructor() {
    for (const taste of this.#tastes) taste.addEventListener("change", this.#look);
  }

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
    else if (how.globe && how.shown) this.#load(how.host);
    this.#note.hidden = !view.elsewhere;
    write(this.#note, words.say("elsewhere"));
  }

  welcome() {
    this.#globe?.welcome();
  }

  remove() {
    this.#gone = true;
    for (const taste of this.#tastes) taste.removeEventListener("change", this.#look);
    this.#globe?.remove();
    this.node.remove();
  }

  /** @param {string} host */
  async #load(host) {
    if (this.#loading || this.#gone) return;
    this.#loading = true;
    try {
      const { GlobeFrame, namesOf } = await import("./globe-frame.js");
      if (this.#gone) return;
      this.#namesOf = namesOf;
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
    this.#globe?.show(
      { ink: color, accent: accentColor === "auto" ? color : accentColor },
      this.#tastes[0]?.matches ?? false,
    );
    const places = this.#namesOf(this.#countries, words.language).map(
      (name, k) => `${name} (${words.number(this.#countries[k]?.[1] ?? 0)})`,
    );
    if (this.#somewhere) places.push(`${words.say("somewhere")} (${words.number(this.#somewhere)})`);
    if (this.#globe)
      this.#globe.label = places.length ? words.say("globe", { places: places.join(", ") }) : words.say("globe_empty");
  }
}
