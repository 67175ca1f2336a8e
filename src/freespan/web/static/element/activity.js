// Whom this browser helps: counts, and the globe.

import { create, write } from "./style.js";

/** @typedef {import("../headless.js").Status} Status */
/** @typedef {import("./globe-frame.js").Countries} Countries */
/** @typedef {import("./language.js").Strings} Strings */

const COUNTS = /** @type {const} */ (["now", "today", "ever"]);

export const STYLE = `
.note { text-align: center; font-size: .875em; color: var(--muted); }
.activity { display: grid; gap: .8em; }
.globe { width: 100%; max-width: 19em; aspect-ratio: 1; margin-inline: auto; accent-color: var(--on); }
dl { display: grid; grid-template-columns: repeat(3, 1fr); text-align: center; }
dl div { display: flex; flex-direction: column-reverse; }
dl div + div { border-inline-start: 1px solid var(--line); }
dt { font-size: .8em; color: var(--muted); }
dd { font-size: 1.35em; font-weight: 620; font-variant-numeric: tabular-nums; }`;

export class Activity {
  #counts = COUNTS.map((name) => ({ name, value: create("dd"), label: create("dt") }));
  #list = create("dl", {}, ...this.#counts.map(({ label, value }) => create("div", {}, label, value)));
  #globeBox = create("div", { class: "globe", part: "globe" });
  #note = create("p", { class: "note" });
  #preferences = ["(prefers-reduced-motion: reduce)", "(prefers-color-scheme: dark)"].map((query) => matchMedia(query));
  /** @type {import("./globe-frame.js").GlobeFrame | undefined} */
  #globe;
  #loading = false;
  #removed = false;
  /** @type {typeof import("./globe-frame.js").namesOf} */
  #namesOf = () => [];
  /** @type {Countries} */
  #countries = [];
  #somewhere = 0;
  #renderAgain = () => {};
  #onPreference = () => this.#renderAgain();
  node = create("div", { class: "activity", part: "activity" }, this.#globeBox, this.#list, this.#note);

  constructor() {
    for (const query of this.#preferences) query.addEventListener("change", this.#onPreference);
  }

  /** @param {Status} status @param {Strings} strings @param {{shown: boolean, globe: boolean, host: string}} how */
  render(status, strings, how) {
    this.#renderAgain = () => this.render(status, strings, how);
    for (const { name, label, value } of this.#counts) {
      write(label, strings.get(`count_${name}`));
      write(value, strings.number(status[name]));
    }
    this.#list.hidden = status.state === "off" && !status.ever; // three zeros please nobody
    this.#globeBox.hidden = !how.globe;
    this.node.hidden = !how.shown || (this.#list.hidden && this.#globeBox.hidden);
    if (this.#globe) this.#draw(strings);
    else if (how.globe && how.shown) this.#load(how.host);
    this.#note.hidden = !status.elsewhere;
    write(this.#note, strings.get("elsewhere"));
  }

  welcome() {
    this.#globe?.welcome();
  }

  remove() {
    this.#removed = true;
    for (const query of this.#preferences) query.removeEventListener("change", this.#onPreference);
    this.#globe?.remove();
    this.node.remove();
  }

  /** @param {string} host */
  async #load(host) {
    if (this.#loading || this.#removed) return;
    this.#loading = true;
    try {
      const { GlobeFrame, namesOf } = await import("./globe-frame.js");
      if (this.#removed) return;
      this.#namesOf = namesOf;
      this.#globe = new GlobeFrame(this.#globeBox, host, (countries, somewhere) => {
        this.#countries = countries;
        this.#somewhere = somewhere;
        this.#renderAgain();
      });
      this.#renderAgain();
    } catch {
      this.#loading = false; // without a network the counts are there all the same
    }
  }

  /** @param {Strings} strings */
  #draw(strings) {
    const { color, accentColor } = getComputedStyle(this.#globeBox);
    this.#globe?.show(
      { ink: color, accent: accentColor === "auto" ? color : accentColor },
      this.#preferences[0]?.matches ?? false,
    );
    const places = this.#namesOf(this.#countries, strings.language).map(
      (name, k) => `${name} (${strings.number(this.#countries[k]?.[1] ?? 0)})`,
    );
    if (this.#somewhere) places.push(`${strings.get("somewhere")} (${strings.number(this.#somewhere)})`);
    if (this.#globe)
      this.#globe.label = places.length
        ? strings.get("globe", { places: places.join(", ") })
        : strings.get("globe_empty");
  }
}
