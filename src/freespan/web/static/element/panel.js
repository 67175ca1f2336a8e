// What a visitor may set, and the test: opened by "What is this?", and loaded then.

import { button, create, write } from "./dom.js";
import { settings, settle } from "./settings.js";

/** @typedef {import("./language.js").Words} Words */

const LIMITS = /** @type {const} */ ([
  ["kilobits", "kilobits"],
  ["megabytesADay", "megabytes_a_day"],
  ["megabytesAMonth", "megabytes_a_month"],
]);
const MOST = 10_000_000;

export class Panel {
  #texts = /** @type {{node: Node, key: string}[]} */ ([]);
  #host;
  #changed;
  #from = create("input", { type: "time" });
  #until = create("input", { type: "time" });
  #numbers = LIMITS.map(([name, key]) => ({
    name,
    key,
    input: create("input", { type: "number", min: "0", max: String(MOST), step: "1", inputmode: "numeric" }),
  }));
  #test = button("test", () => this.#run());
  #results = create("ul", { class: "results", role: "status" });
  /** @type {string[]} */
  #found = [];
  #testing = false;
  /** @type {Words | undefined} */
  #words;

  /** @param {string} host @param {() => void} changed the visitor's limits are others now */
  constructor(host, changed) {
    this.#host = host;
    this.#changed = changed;
    const { hours = "", ...limits } = settings().limits ?? {};
    [this.#from.value = "", this.#until.value = ""] = hours.split("-");
    for (const { name, input } of this.#numbers) input.value = String(limits[name] || "");
    const fields = create("div", { class: "fields" });
    fields.append(this.#field("hours_from", this.#from), this.#field("hours_until", this.#until));
    fields.append(...this.#numbers.map(({ key, input }) => this.#field(key, input)));
    fields.addEventListener("change", () => this.#save());
    const test = create("div", { class: "test" }, this.#test, this.#results);
    this.node = create("div", { class: "panel", part: "panel" }, this.#section("limits", fields), this.#section("test", test));
  }

  /** @param {Words} words @param {boolean} shown */
  render(words, shown) {
    this.#words = words;
    this.node.hidden = !shown;
    for (const { node, key } of this.#texts) write(node, words.say(key));
    for (const { input } of this.#numbers) input.placeholder = words.say("no_limit");
    write(this.#test, words.say(this.#testing ? "test_running" : "test_start"));
    this.#test.disabled = this.#testing;
    const lines = this.#found.map((key) => create("li", { class: /(_not_|symmetric|_no$)/.test(key) ? "bad" : "good" }, words.say(key)));
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

  /** What is no number, or half of a span of hours, is no limit. */
  #save() {
    const hours = this.#from.value && this.#until.value ? `${this.#from.value}-${this.#until.value}` : "";
    /** @type {import("./settings.js").Limits} */
    const limits = { hours };
    for (const { name, input } of this.#numbers) limits[name] = Math.min(Math.max(Math.floor(Number(input.value)) || 0, 0), MOST);
    settle({ limits });
    this.#changed();
  }

  async #run() {
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
    if (this.#words) this.render(this.#words, !this.node.hidden);
  }
}
