// The three sentences, and the click after which a browser helps: nothing starts before it.

import { button, create, write } from "./dom.js";

/** @typedef {import("./language.js").Words} Words */

export class Consent {
  #warnings = create("div", { class: "warnings" });
  #sentences = ["consent_does", "consent_does_not", "consent_risk"].map((key) => ({ key, node: create("li", { class: key }) }));
  #more = create("a", { target: "_blank", rel: "noopener" });
  #remember = create("input", { type: "checkbox", checked: "" });
  #rememberText = create("span");
  #rememberLine;
  #actions;
  #yes;
  #no;
  /** @type {string[]} */
  #cautions = [];
  #renderAgain = () => {};

  /** @param {{yes: (remember: boolean | undefined) => void, no: () => void}} answers `remember` if it was asked */
  constructor(answers) {
    this.#yes = button("turn-on", () => answers.yes(this.#rememberLine.hidden ? undefined : this.#remember.checked), { class: "primary" });
    this.#no = button("not-now", answers.no);
    this.#rememberLine = create("label", {}, this.#remember, this.#rememberText);
    const points = create("ul", {}, ...this.#sentences.map(({ node }) => node));
    this.#actions = create("div", { class: "actions" }, this.#yes, this.#no);
    this.node = create("div", { class: "consent", part: "consent", role: "group", tabindex: "-1" });
    this.node.append(this.#warnings, points, this.#more, this.#rememberLine, this.#actions);
    this.#yes.disabled = true;
    this.cautioned = this.#look();
  }

  /** Whether somebody could read it. */
  get isShown() {
    return this.node.getClientRects().length > 0;
  }

  /**
   * `off`: there is something to answer; `asks`: whether to remember; `closes`: it goes away after a no.
   * @param {Words} words @param {string} host @param {{off: boolean, asks: boolean, closes: boolean}} how
   */
  render(words, host, how) {
    const { off, asks, closes } = how;
    this.#renderAgain = () => this.render(words, host, how);
    this.node.setAttribute("aria-label", words.say("about"));
    for (const { key, node } of this.#sentences) write(node, words.say(key));
    write(this.#more, words.say("consent_more"));
    this.#more.href = new URL(`about?lang=${words.language}`, host).href;
    this.#actions.hidden = !off;
    this.#no.hidden = !closes;
    this.#rememberLine.hidden = !off || !asks;
    write(this.#rememberText, words.say("remember"));
    write(this.#yes, words.say(this.#cautions.length ? "turn_on_anyway" : "turn_on"));
    write(this.#no, words.say("not_now"));
    this.#warnings.replaceChildren(...this.#cautions.map((caution) => create("p", {}, words.say(`warn_${caution}`))));
  }

  /** Somebody who may be at risk, or pays by the megabyte, is told before anything starts. */
  async #look() {
    try {
      const { caution } = await import("./caution.js");
      this.#cautions = caution();
    } catch {
      // no network: nothing is known, then
    }
    this.#yes.disabled = false;
    this.#renderAgain();
  }
}
