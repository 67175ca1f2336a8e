// The three sentences, and the click after which a browser helps: nothing starts before it.

import { button, create, write } from "./dom.js";
import { settings } from "./settings.js";

/** @typedef {import("./language.js").Words} Words */

export class Consent {
  #warnings = create("div", { class: "warnings" });
  #sentences = ["consent_does", "consent_does_not", "consent_risk"].map((key) => ({
    key,
    node: create("li", { class: key }),
  }));
  #more = create("a", { target: "_blank", rel: "noopener" });
  #box = create("input", { type: "checkbox" });
  #rememberText = create("span");
  #rememberLine;
  #actions;
  #yes;
  #no;
  /** @type {string[]} */
  cautions = [];
  /** @type {Promise<void> | undefined} */
  #looking;
  #renderAgain = () => {};

  /** @param {{yes: (remember: boolean | undefined) => void, no: () => void}} answers `remember` if it was asked */
  constructor(answers) {
    this.#yes = button("turn-on", () => answers.yes(this.remember), { class: "primary" });
    this.#no = button("not-now", answers.no);
    this.#rememberLine = create("label", {}, this.#box, this.#rememberText);
    this.#box.checked = settings().remember === true;
    const points = create("ul", {}, ...this.#sentences.map(({ node }) => node));
    this.#actions = create("div", { class: "actions" }, this.#yes, this.#no);
    this.node = create("div", { class: "consent", part: "consent", role: "group", tabindex: "-1" });
    this.node.append(this.#warnings, points, this.#more, this.#rememberLine, this.#actions);
    this.#yes.disabled = true;
  }

  /** Whether to remember the choice; undefined if that is not asked. */
  get remember() {
    return this.#rememberLine.hidden ? undefined : this.#box.checked;
  }

  /** Whether somebody could read it, all of it. */
  get isShown() {
    return !this.#yes.disabled && this.node.getClientRects().length > 0;
  }

  /** Whether there is a word of caution that nobody has said yes to. */
  async hasNews() {
    await this.#look();
    return this.cautions.some((caution) => !settings().cautions?.includes(caution));
  }

  /**
   * `off`: there is something to answer; `asks`: whether to remember; `closes`: it goes away after a no.
   * @param {Words} words @param {string} host @param {{off: boolean, asks: boolean, closes: boolean}} how
   */
  render(words, host, how) {
    const { off, asks, closes } = how;
    this.#renderAgain = () => this.render(words, host, how);
    if (!this.node.hidden) this.#look().then(() => (this.#yes.disabled = !words.say("consent_risk")));
    this.node.setAttribute("aria-label", words.say("about"));
    for (const { key, node } of this.#sentences) write(node, words.say(key));
    write(this.#more, words.say("consent_more"));
    this.#more.href = new URL(`about?lang=${words.language}`, host).href;
    this.#actions.hidden = !off;
    this.#no.hidden = !closes;
    this.#rememberLine.hidden = !off || !asks;
    write(this.#rememberText, words.say("remember"));
    write(this.#yes, words.say(this.cautions.length ? "turn_on_anyway" : "turn_on"));
    write(this.#no, words.say("not_now"));
    this.#warnings.replaceChildren(...this.cautions.map((caution) => create("p", {}, words.say(`warn_${caution}`))));
  }

  /** Somebody who may be at risk, or pays by the megabyte, is told before anything starts. */
  #look() {
    // Without a network nothing is known.
    this.#looking ??= import("./caution.js").then(
      ({ caution }) => {
        this.cautions = caution();
        this.#renderAgain();
      },
      () => {},
    );
    return this.#looking;
  }
}
