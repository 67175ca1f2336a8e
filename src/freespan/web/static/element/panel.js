// The visitor's own limits, and the test. Loaded when "What is this?" is opened.

import { button, create, write } from "./style.js";
import { readSettings, saveSettings } from "./settings.js";

/** @typedef {import("./language.js").Strings} Strings */

const LIMITS = /** @type {const} */ ([
  ["kilobits", "kilobits"],
  ["megabytesADay", "megabytes_a_day"],
  ["megabytesAMonth", "megabytes_a_month"],
]);
const MAX = 10_000_000;

export const STYLE = `
.panel { display: grid; border-block-start: 1px solid var(--line); }
details + details { border-block-start: 1px solid var(--line); }
summary { padding: .65em 0; font-weight: 600; }
.fields { display: grid; grid-template-columns: repeat(auto-fit, minmax(9em, 1fr)); gap: .8em; padding-block-end: 1em; }
.fields label { flex-direction: column; align-items: stretch; gap: .2em; font-size: .875em; color: var(--muted); }
.fields input { width: 100%; min-height: 2.4em; padding: .3em .6em; color: var(--text); background: transparent; border: 1px solid var(--idle); border-radius: .5em; }
.fields input:focus-within { outline: 2px solid var(--on); outline-offset: 2px; }
.fields input::placeholder { color: var(--muted); opacity: 1; }
.test { display: grid; gap: .7em; justify-items: start; padding-block-end: 1em; }
.results { display: grid; gap: .4em; list-style: none; font-size: .92em; }
.results li { position: relative; padding-inline-start: 1.5em; }
.results li::before { position: absolute; inset-inline-start: 0; font-weight: 700; content: "✓"; color: var(--on); }
.results .bad::before { content: "!"; color: var(--warn); }
.results li:last-child { font-weight: 620; }`;

export class Panel {
  #texts = /** @type {{node: Node, key: string}[]} */ ([]);
  #host;
  #from = create("input", { type: "time" });
  #until = create("input", { type: "time" });
  #numbers = LIMITS.map(([name, key]) => ({
    name,
    key,
    input: create("input", { type: "number", min: "0", max: String(MAX), step: "1", inputmode: "numeric" }),
  }));
  #test = button("test", () => this.#runTest());
  #results = create("ul", { class: "results", role: "status" });
  /** @type {string[]} */
  #found = [];
  #testing = false;
  /** @type {Strings | undefined} */
  #strings;

  /** @param {string} host */
  constructor(host) {
    this.#host = host;
    const { hours = "", ...limits } = readSettings().limits ?? {};
    [this.#from.value = "", this.#until.value = ""] = hours.split("-");
    for (const { name, input } of this.#numbers) input.value = String(limits[name] || "");
    const fields = create("div", { class: "fields" });
    fields.append(this.#field("hours_from", this.#from), this.#field("hours_until", this.#until));
    fields.append(...this.#numbers.map(({ key, input }) => this.#field(key, input)));
    fields.addEventListener("change", () => this.#save());
    const test = create("div", { class: "test" }, this.#test, this.#results);
    this.node = create(
      "div",
      { class: "panel", part: "panel" },
      this.#section("limits", fields),
      this.#section("test", test),
    );
  }

  /** @param {Strings} strings @param {boolean} shown */
  render(strings, shown) {
    this.#strings = strings;
    this.node.hidden = !shown;
    for (const { node, key } of this.#texts) write(node, strings.get(key));
    for (const { input } of this.#numbers) input.placeholder = strings.get("no_limit");
    write(this.#test, strings.get(this.#testing ? "test_running" : "test_start"));
    this.#test.disabled = this.#testing;
    const lines = this.#found.map((key) =>
      create("li", { class: /(^blocked|_not_|symmetric|_no$)/.test(key) ? "bad" : "good" }, strings.get(key)),
    );
    this.#results.replaceChildren(...lines);
  }

  remove() {
    this.node.remove();
  }

  /** @param {string} key @param {HTMLElement} content */
  #section(key, content) {
    const summary = create("summary");
    this.#texts.push({ node: summary, key });
    return create("details", {}, summary, content);
  }

  /** @param {string} key @param {HTMLInputElement} input */
  #field(key, input) {
    const name = create("span");
    this.#texts.push({ node: name, key });
    return create("label", {}, name, input);
  }

  /** Anything but a number, and half of a span of hours, means no limit. */
  #save() {
    const hours = this.#from.value && this.#until.value ? `${this.#from.value}-${this.#until.value}` : "";
    /** @type {import("./settings.js").Limits} */
    const limits = { hours };
    for (const { name, input } of this.#numbers)
      limits[name] = Math.min(Math.max(Math.floor(Number(input.value)) || 0, 0), MAX);
    saveSettings({ limits });
  }

  async #runTest() {
    this.#testing = true;
    this.#found = [];
    this.#renderAgain();
    try {
      const { test, sentences } = await import("./tester.js");
      this.#found = sentences(await test(this.#host, this.node));
    } catch {
      this.#found = ["broker_not_reached", "reader_no"];
    }
    this.#testing = false;
    this.#renderAgain();
  }

  #renderAgain() {
    if (this.#strings) this.render(this.#strings, !this.node.hidden);
  }
}
