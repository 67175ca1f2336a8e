// The line that is always there: the switch, its title, what it does now.

import { button, create, write } from "./dom.js";

/** @typedef {import("../bridge.js").View} View */
/** @typedef {import("./language.js").Words} Words */

/** How long the sign is shown that somebody new is helped. */
const ARRIVAL_SECONDS = 4;
/** What hides while nobody can be helped anyway. */
const TROUBLED = ["unsupported", "blocked"];

export class Face {
  #title = create("slot", { name: "title" });
  #status = create("span", { class: "status", part: "status", id: "status", role: "status" });
  #about = create("slot", { name: "about" });
  #switch;
  #more;
  #close;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #arrival;
  #renderAgain = () => {};

  /** @param {{flip: () => void, more: () => void, close: () => void}} visitor */
  constructor(visitor) {
    const names = { part: "switch", role: "switch", "aria-labelledby": "title", "aria-describedby": "status" };
    this.#switch = button("switch", visitor.flip, names);
    this.#switch.append(create("i"));
    this.#more = button("more", visitor.more, { part: "about", class: "link", "aria-controls": "room" });
    this.#more.append(this.#about);
    this.#close = button("close", visitor.close, { class: "close" });
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

  /** @param {string} [which] what was opened from here */
  focus(which) {
    (which === "more" ? this.#more : this.#switch).focus();
  }

  /** @param {View} view @param {Words} words @param {{label: string | null, opened: boolean, closable: boolean, hours: string}} how */
  render(view, words, how) {
    this.#renderAgain = () => this.render(view, words, how);
    const on = view.state !== "off" && !TROUBLED.includes(view.state);
    this.#switch.setAttribute("aria-checked", String(on || view.state === "blocked"));
    this.#switch.setAttribute("aria-disabled", String(view.state === "unsupported"));
    this.#more.setAttribute("aria-expanded", String(how.opened));
    this.#close.hidden = !how.closable;
    this.#close.setAttribute("aria-label", words.say("close"));
    write(this.#title, how.label ?? words.say("title"));
    write(this.#about, words.say("about"));
    write(
      this.#status,
      this.#arrival && view.state === "helping" ? words.say("arrival") : sentence(view, words, how.hours),
    );
  }

  /** A gentle sign: somebody new is helped. */
  welcome() {
    clearTimeout(this.#arrival);
    this.#arrival = setTimeout(() => {
      this.#arrival = undefined;
      this.#renderAgain();
    }, ARRIVAL_SECONDS * 1000);
    this.#renderAgain();
  }
}

/** @param {View} view @param {Words} words @param {string} hours */
function sentence({ state, reason, now, ever }, words, hours) {
  if (state === "helping") return words.say("helping", { n: now });
  if (state === "waiting" && ever) return words.say("helped", { n: ever });
  if (state !== "paused") return words.say(state);
  // A tab that is hidden shows nothing; when it is seen again it connects at once.
  return reason === "hidden" ? words.say("connecting") : words.say(`paused_${reason}`, { time: opening(hours) });
}

/** When the last of the spans opens that are closed now. @param {string} hours with commas between the spans */
function opening(hours) {
  const now = new Date().toTimeString();
  const closed = hours.split(",").filter((span) => {
    const [from = "", until = ""] = span.split("-");
    return from < until ? now < from || now >= until : now < from && now >= until;
  });
  return (closed.pop() ?? hours).slice(0, 5);
}
