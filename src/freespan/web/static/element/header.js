// The line that is always there: the switch, its title and its status.

import { button, create, write } from "./style.js";

/** @typedef {import("../headless.js").Status} Status */
/** @typedef {import("./language.js").Strings} Strings */

/** How long the status says that somebody new has got through. */
const ARRIVAL_SECONDS = 4;
/** States in which nobody can be helped. */
const FAILED = ["unsupported", "blocked"];

export class Header {
  #title = create("slot", { name: "title" });
  #status = create("span", { class: "status", part: "status", id: "status", role: "status" });
  #aboutText = create("slot", { name: "about" });
  #switch;
  #more;
  #close;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #arrival;
  #renderAgain = () => {};

  /** @param {{flip: () => void, more: () => void, close: () => void}} actions */
  constructor(actions) {
    const names = { part: "switch", role: "switch", "aria-labelledby": "title", "aria-describedby": "status" };
    this.#switch = button("switch", actions.flip, names);
    this.#switch.append(create("i"));
    this.#more = button("more", actions.more, { part: "about", class: "link", "aria-controls": "details" });
    this.#more.append(this.#aboutText);
    this.#close = button("close", actions.close, { class: "close" });
    const title = create("span", { class: "title", part: "title", id: "title" }, this.#title);
    const line = create("span", { class: "line" }, this.#status, this.#more);
    this.node = create(
      "div",
      { class: "head" },
      this.#switch,
      create("span", { class: "text" }, title, line),
      this.#close,
    );
  }

  /** @param {string} [which] what was opened from here, and is closed now */
  focus(which) {
    (which === "more" ? this.#more : this.#switch).focus();
  }

  /**
   * @param {Status} status
   * @param {Strings} strings
   * @param {{label: string | null, opened: boolean, closable: boolean, hours: string}} how
   */
  render(status, strings, how) {
    this.#renderAgain = () => this.render(status, strings, how);
    const on = status.state !== "off" && !FAILED.includes(status.state);
    this.#switch.setAttribute("aria-checked", String(on || status.state === "blocked"));
    this.#switch.setAttribute("aria-disabled", String(status.state === "unsupported"));
    this.#more.setAttribute("aria-expanded", String(how.opened));
    this.#close.hidden = !how.closable;
    this.#close.setAttribute("aria-label", strings.get("close"));
    write(this.#title, how.label ?? strings.get("title"));
    write(this.#aboutText, strings.get("about"));
    write(
      this.#status,
      this.#arrival && status.state === "helping" ? strings.get("arrival") : sentence(status, strings, how.hours),
    );
  }

  /** Say for a moment that somebody new has got through. */
  welcome() {
    clearTimeout(this.#arrival);
    this.#arrival = setTimeout(() => {
      this.#arrival = undefined;
      this.#renderAgain();
    }, ARRIVAL_SECONDS * 1000);
    this.#renderAgain();
  }
}

/** @param {Status} status @param {Strings} strings @param {string} hours */
function sentence({ state, reason, now, ever }, strings, hours) {
  if (state === "helping") return strings.get("helping", { n: now });
  if (state === "waiting" && ever) return strings.get("helped", { n: ever });
  if (state !== "paused") return strings.get(reason ? `${state}_${reason}` : state);
  // Nobody sees a hidden tab, and when it is visible again it connects at once.
  return reason === "hidden" ? strings.get("connecting") : strings.get(`paused_${reason}`, { time: beginning(hours) });
}

/** When the last of the spans begins that are over now. @param {string} hours spans, separated by commas */
function beginning(hours) {
  const now = new Date().toTimeString();
  const closed = hours.split(",").filter((span) => {
    const [from = "", until = ""] = span.split("-");
    return from < until ? now < from || now >= until : now < from && now >= until;
  });
  return (closed.pop() ?? hours).slice(0, 5);
}
