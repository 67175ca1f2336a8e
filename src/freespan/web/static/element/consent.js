// The three sentences, and the click after which the bridge may start.

import { button, create, write } from "./style.js";
import { readSettings } from "./settings.js";

/** @typedef {import("./language.js").Strings} Strings */

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
  #loadingCautions;
  #renderAgain = () => {};

  /**
   * @param {{yes: (remember: boolean | undefined) => void, no: () => void}} answers `remember`: undefined if not asked
   */
  constructor(answers) {
    this.#yes = button("turn-on", () => answers.yes(this.remember), { class: "primary" });
    this.#no = button("not-now", answers.no);
    this.#rememberLine = create("label", {}, this.#box, this.#rememberText);
    this.#box.checked = readSettings().remember === true;
    const points = create("ul", {}, ...this.#sentences.map(({ node }) => node));
    this.#actions = create("div", { class: "actions" }, this.#yes, this.#no);
    this.node = create("div", { class: "consent", part: "consent", role: "group", tabindex: "-1" });
    this.node.append(this.#warnings, points, this.#more, this.#rememberLine, this.#actions);
    this.#yes.disabled = true;
  }

  /** Whether to remember the choice; undefined if the page does not ask that. */
  get remember() {
    return this.#rememberLine.hidden ? undefined : this.#box.checked;
  }

  /** Whether all of it can be read. */
  get isShown() {
    return !this.#yes.disabled && this.node.getClientRects().length > 0;
  }

  /** Whether there is a caution that the visitor has not accepted yet. */
  async hasNewCautions() {
    await this.#loadCautions();
    return this.cautions.some((caution) => !readSettings().cautions?.includes(caution));
  }

  /**
   * `off`: there is a question to answer; `asks`: it asks whether to remember; `closes`: it closes after a no.
   * @param {Strings} strings @param {string} host @param {{off: boolean, asks: boolean, closes: boolean}} how
   */
  render(strings, host, how) {
    const { off, asks, closes } = how;
    this.#renderAgain = () => this.render(strings, host, how);
    if (!this.node.hidden) this.#loadCautions().then(() => (this.#yes.disabled = !strings.get("consent_risk")));
    this.node.setAttribute("aria-label", strings.get("about"));
    for (const { key, node } of this.#sentences) write(node, strings.get(key));
    write(this.#more, strings.get("consent_more"));
    this.#more.href = new URL(`about?lang=${strings.language}`, host).href;
    this.#actions.hidden = !off;
    this.#no.hidden = !closes;
    this.#rememberLine.hidden = !off || !asks;
    write(this.#rememberText, strings.get("remember"));
    write(this.#yes, strings.get(this.cautions.length ? "turn_on_anyway" : "turn_on"));
    write(this.#no, strings.get("not_now"));
    this.#warnings.replaceChildren(...this.cautions.map((caution) => create("p", {}, strings.get(`warn_${caution}`))));
  }

  /** Visitors who may be at risk, or pay by the megabyte, are told before anything starts. */
  #loadCautions() {
    // Without a network there are no cautions, and nothing can start.
    this.#loadingCautions ??= import("./caution.js").then(
      ({ caution }) => {
        this.cautions = caution();
        this.#renderAgain();
      },
      () => {},
    );
    return this.#loadingCautions;
  }
}
