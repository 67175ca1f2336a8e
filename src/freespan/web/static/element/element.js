// <freespan-switch>: what a reader sees and flips. It draws what a Bridge says (../bridge.js), and has no other way to help.
//
//   face      the line that is always there
//   consent   the three sentences before it starts       opened by the switch; always there in a card or banner
//   live      counts, and the globe                      opened by "What is this?"; always there in a card
//   panel     limits, and the test                       opened by "What is this?"
//
// Attributes: attributes.js. Slots: `title`, `about`. Property: `strings`. It sets the attribute `state` and sends
// `freespan-state` events.

import { Bridge } from "../bridge.js";
import { ATTRIBUTES, choice, host, hours, number } from "./attributes.js";
import { Consent } from "./consent.js";
import { create } from "./dom.js";
import { Face } from "./face.js";
import { load, pick, Words, wishesOf } from "./language.js";
import { isRecent, settings, settle } from "./settings.js";
import { dress } from "./style.js";

/** @typedef {import("../bridge.js").View} View */
/** @typedef {import("../bridge.js").Options} Options */
/** @typedef {import("./language.js").Texts} Texts */

const HOST = new URL("..", import.meta.url).href;
/** So long the page's language is waited for before the switch speaks English. */
const WORDS_MS = 1500;
/** @type {View} */
const OFF = { state: "off", reason: "", now: 0, today: 0, ever: 0, megabytes: 0, elsewhere: false };

export class FreespanSwitch extends HTMLElement {
  static observedAttributes = ATTRIBUTES;

  #face = new Face({
    flip: () => this.#flip(),
    more: () => this.#open(this.#opened === "more" ? "" : "more"),
    close: () => this.#dismiss(),
  });
  #consent = new Consent({
    yes: (remember) => this.#start(remember),
    no: () => (this.#mayClose ? this.#dismiss() : this.#open("")),
  });
  /** @type {import("./live.js").Live | undefined} */
  #live;
  /** @type {import("./panel.js").Panel | undefined} */
  #panel;
  /** @type {import("./goodbye.js").Goodbye | undefined} */
  #goodbye;
  #room = create("div", { class: "room", id: "room" });
  #box = create("div", { class: "box", part: "box" });

  /** @type {Bridge | undefined} */
  #bridge;
  #words = new Words();
  /** @type {Texts} */
  #strings = {};
  /** @type {"" | "consent" | "more"} */
  #opened = "";

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    dress(root);
    this.#room.append(this.#consent.node);
    this.#box.append(this.#face.node, this.#room);
    this.#box.addEventListener("keydown", ({ key }) => key === "Escape" && this.#open(""));
    root.append(this.#box);
  }

  connectedCallback() {
    const bridge = new Bridge({ ...this.#options, host: this.#host, place: this.shadowRoot ?? this });
    bridge.addEventListener("change", () => this.#tell());
    bridge.addEventListener("helped", () => this.#welcome());
    this.#bridge = bridge;
    this.#speak();
    this.#tell();
    this.#awaitGoodbye();
  }

  disconnectedCallback() {
    this.#opened = "";
    this.#bridge?.close();
    this.#bridge = undefined;
    for (const part of [this.#live, this.#panel, this.#goodbye]) part?.remove();
    this.#live = this.#panel = this.#goodbye = undefined;
  }

  /** @param {string} name @param {string | null} before @param {string | null} after */
  attributeChangedCallback(name, before, after) {
    if (!this.#bridge || before === after) return;
    if (name === "host") {
      this.disconnectedCallback();
      return this.connectedCallback();
    }
    if (name === "lang") this.#speak();
    if (name === "goodbye") this.#awaitGoodbye();
    this.#limit();
    this.#render();
  }

  /** Texts to use instead, by the keys of languages/en.json; those that are left out stay as they are. @param {Texts} strings */
  set strings(strings) {
    this.#strings = { ...this.#strings, ...strings };
    if (this.#bridge) this.#speak();
  }

  get strings() {
    return this.#strings;
  }

  // --- what a visitor does ---

  #flip() {
    const bridge = this.#bridge;
    if (!bridge || bridge.view.state === "unsupported") return;
    if (bridge.on) return bridge.stop();
    if (settings().consented || !this.#consent.node.hidden) return this.#start();
    this.#open("consent");
    this.#consent.node.focus();
  }

  /** @param {boolean} [remember] the choice in this browser; without it, as it was */
  async #start(remember) {
    await this.#consent.cautioned;
    settle({ consented: true, ...(remember === undefined ? {} : { remember }) });
    this.#open("");
    this.#limit();
    this.#bridge?.start();
  }

  /** Show what is below the line; whoever stood in what closes goes back to the switch. @param {"" | "consent" | "more"} what */
  #open(what) {
    const inside = this.#room.contains(this.shadowRoot?.activeElement ?? null);
    this.#opened = what;
    this.#render();
    if (inside && !what) this.#face.focus();
  }

  #dismiss() {
    settle({ dismissed: Date.now() });
    this.#open("");
  }

  // --- what it shows ---

  #tell() {
    const view = this.#view;
    this.setAttribute("state", view.state);
    this.#render();
    this.dispatchEvent(new CustomEvent("freespan-state", { detail: view, bubbles: true, composed: true }));
  }

  #welcome() {
    this.#face.welcome();
    this.#live?.welcome();
  }

  /** Choose the language, and show nothing in another one while its words are on their way. */
  async #speak() {
    const { language, locale } = pick(wishesOf(this));
    const patience = setTimeout(() => this.#box.classList.remove("wordless"), WORDS_MS);
    this.#box.classList.toggle("wordless", this.#words.language !== language);
    const words = new Words(await load(language), locale, this.#strings);
    clearTimeout(patience);
    if (pick(wishesOf(this)).locale !== locale) return; // it was changed meanwhile
    this.#words = words;
    this.#box.classList.remove("wordless");
    this.#box.lang = words.language;
    this.#box.dir = words.direction;
    this.#render();
  }

  #render() {
    const view = this.#view;
    const words = this.#words;
    const off = view.state === "off";
    const isCard = this.#layout === "card";
    const opened = this.#opened === "more";
    this.#box.hidden = this.#isAway;
    if (choice(this, "theme") === "page") this.style.setProperty("--page", groundOf(this));
    this.#consent.node.hidden = !(this.#opened || (off && (isCard || this.#layout === "banner")));
    this.#consent.render(words, this.#host, off, choice(this, "remember") === "yes");
    this.#face.render(view, words, { label: this.getAttribute("label"), opened, closable: this.#mayClose, hours: this.#limits.hours });
    if (isCard || opened) this.#need("live");
    if (opened) this.#need("panel");
    this.#live?.render(view, words, { shown: isCard || opened, globe: this.hasAttribute("globe"), host: this.#host });
    this.#panel?.render(words, opened);
    this.#room.hidden = [...this.#room.children].every((node) => /** @type {HTMLElement} */ (node).hidden);
  }

  /** Load a part that few visitors look at, once; if that fails, the next opening tries again. @param {"live" | "panel"} part */
  async #need(part) {
    const bridge = this.#bridge;
    try {
      if (part === "live" && !this.#live) {
        const { Live } = await import("./live.js");
        if (this.#live || bridge !== this.#bridge) return;
        this.#live = new Live();
        this.#room.prepend(this.#live.node);
      } else if (part === "panel" && !this.#panel) {
        const { Panel } = await import("./panel.js");
        if (this.#panel || bridge !== this.#bridge) return;
        this.#panel = new Panel(this.#host, () => this.#limit());
        this.#room.append(this.#panel.node);
      } else {
        return;
      }
      this.#render();
    } catch {
      // no network: the rest works without it
    }
  }

  async #awaitGoodbye() {
    const bridge = this.#bridge;
    if (!this.hasAttribute("goodbye")) {
      this.#goodbye?.remove();
      this.#goodbye = undefined;
    } else if (!this.#goodbye) {
      const { Goodbye } = await import("./goodbye.js").catch(() => ({ Goodbye: undefined }));
      if (!Goodbye || this.#goodbye || bridge !== this.#bridge) return;
      this.#goodbye = new Goodbye(this.shadowRoot ?? this, {
        isWanted: () => this.#view.state === "off",
        words: () => this.#words,
        host: this.#host,
        start: () => this.#start(),
      });
    }
  }

  // --- what it is made from ---

  get #view() {
    return this.#bridge?.view ?? OFF;
  }

  get #host() {
    return host(this, HOST);
  }

  get #layout() {
    return choice(this, "layout");
  }

  /** What lies over the page may be put away; while it helps, it stays where it can be turned off. */
  get #mayClose() {
    return (this.#layout === "banner" || this.#layout === "floating") && /^(off|unsupported|blocked)$/.test(this.#view.state);
  }

  get #isAway() {
    return this.#mayClose && (this.#view.state === "unsupported" || isRecent(settings().dismissed));
  }

  /** @returns {Options} */
  get #options() {
    return {
      capacity: number(this, "capacity"),
      runWhenHidden: choice(this, "run-when-hidden") === "yes",
      remember: choice(this, "remember") === "yes" && settings().remember !== false,
      ...this.#limits,
    };
  }

  /** What the page allows, and within that the visitor. */
  get #limits() {
    const own = settings().limits ?? {};
    return {
      kilobits: strictest(number(this, "kilobits"), own.kilobits),
      megabytesADay: strictest(number(this, "megabytes-a-day"), own.megabytesADay),
      megabytesAMonth: strictest(number(this, "megabytes-a-month"), own.megabytesAMonth),
      hours: own.hours || hours(this),
    };
  }

  #limit() {
    this.#bridge?.set(this.#options);
  }
}

/** The colour on which an element stands; what lies over the page needs one. @param {Element} element */
function groundOf(element) {
  for (let place = element.parentElement; place; place = place.parentElement) {
    const colour = getComputedStyle(place).backgroundColor;
    if (!/^transparent$|, 0\)$/.test(colour)) return colour;
  }
  return "Canvas";
}

/** 0 is no limit. @param {number} page @param {number} [visitor] */
function strictest(page, visitor = 0) {
  return page && visitor ? Math.min(page, visitor) : page || visitor;
}
