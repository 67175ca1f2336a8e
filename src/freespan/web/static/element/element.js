// <freespan-switch>: what a reader sees and flips. It draws what a Bridge says (../bridge.js), and has no other way to help;
// the Bridge is loaded when somebody wants it.
//
//   face      the line that is always there
//   consent   the three sentences before it starts       opened by the switch; always there in a card or banner
//   live      counts, and the globe                      opened by "What is this?"; always there in a card
//   panel     limits, and the test                       opened by "What is this?"
//
// Attributes: attributes.js. Slots: `title`, `about`. Property: `strings`. It sets the attribute `state` and sends
// `freespan-state` events.

import { supported, watch } from "../volunteer/signs.js";
import { ATTRIBUTES, choice, host, hours, isHours, number } from "./attributes.js";
import { Consent } from "./consent.js";
import { create } from "./dom.js";
import { Face } from "./face.js";
import { load, pick, Words, wishesOf } from "./language.js";
import { isRecent, settings, settle } from "./settings.js";
import { dress } from "./style.js";

/** @typedef {import("../bridge.js").View} View */
/** @typedef {import("../bridge.js").Limits} Limits */
/** @typedef {import("./language.js").Texts} Texts */

const HOST = new URL("..", import.meta.url).href;
/** So long the page's language is waited for before the switch speaks English. */
const WORDS_MS = 1500;
/** @type {View} */
const NOTHING = { state: "off", reason: "", now: 0, today: 0, ever: 0, megabytes: 0, elsewhere: false };

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

  /** @type {import("../bridge.js").Bridge | undefined} */
  #bridge;
  /** What there is to see without a bridge. @type {View["state"]} */
  #state = "off";
  #told = "";
  #unwatch = () => {};
  #words = new Words();
  #spoken = "";
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
    this.#unwatch();
    if (!this.#bridge) {
      this.#state = supported() ? "off" : "unsupported";
      this.#unwatch = watch(this.#host, () => this.#wake());
    }
    // What the page has set before this script came.
    const early = Object.getOwnPropertyDescriptor(this, "strings")?.value;
    if (early && Reflect.deleteProperty(this, "strings")) this.#strings = early;
    this.#speak();
    this.#tell();
    this.#awaitGoodbye();
  }

  /** Pages that move it take it out and put it in again at once: it goes on. */
  disconnectedCallback() {
    queueMicrotask(() => this.isConnected || this.#leave());
  }

  #leave() {
    this.#unwatch();
    this.#opened = "";
    this.#bridge?.close();
    this.#bridge = undefined;
    for (const part of [this.#live, this.#panel, this.#goodbye]) part?.remove();
    this.#live = this.#panel = this.#goodbye = undefined;
  }

  /** @param {string} name @param {string | null} before @param {string | null} after */
  attributeChangedCallback(name, before, after) {
    if (!this.isConnected || before === after) return;
    if (name === "host") {
      this.#leave();
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
    if (this.isConnected) this.#speak();
  }

  get strings() {
    return this.#strings;
  }

  // --- what a visitor does ---

  #flip() {
    if (this.#view.state === "unsupported") return;
    if (this.#bridge?.on) return this.#bridge.stop();
    if (settings().consented || this.#consent.isShown) return this.#start();
    this.#open("consent");
    this.#consent.node.focus();
  }

  /** @param {boolean} [remember] the choice in this browser; without it, as it was */
  async #start(remember) {
    await this.#consent.cautioned;
    settle({ consented: true, ...(remember === undefined ? {} : { remember }) });
    this.#open("");
    const bridge = await this.#wake();
    this.#limit();
    bridge?.start();
  }

  /** Have a bridge, which may be on already: in another tab, or because it was when the visitor left. */
  async #wake() {
    if (this.#bridge) return this.#bridge;
    const loaded = await import("../bridge.js").catch(() => undefined);
    if (this.#bridge || !this.isConnected) return this.#bridge;
    this.#state = loaded ? this.#state : "offline";
    if (loaded) {
      const bridge = new loaded.Bridge({ ...this.#options, host: this.#host, place: this.shadowRoot ?? this });
      bridge.addEventListener("change", () => this.#tell());
      bridge.addEventListener("helped", () => this.#welcome());
      this.#bridge = bridge;
      this.#unwatch();
    }
    this.#tell();
    return this.#bridge;
  }

  /** Show what is below the line; whoever stood in what closes goes back to what opened it. @param {"" | "consent" | "more"} what */
  #open(what) {
    const inside = this.#room.contains(this.shadowRoot?.activeElement ?? null);
    const before = this.#opened;
    this.#opened = what;
    this.#render();
    if (inside && !what) this.#face.focus(before);
  }

  #dismiss() {
    settle({ dismissed: Date.now() });
    this.#open("");
  }

  // --- what it shows ---

  #tell() {
    const view = this.#view;
    const told = JSON.stringify(view);
    if (told === this.#told) return;
    this.#told = told;
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
    this.#box.classList.toggle("wordless", this.#spoken !== language);
    this.#spoken = language;
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
    this.#box.classList.toggle("over", this.#isOver);
    this.#box.classList.toggle("bar", off && this.#layout === "banner");
    this.#room.classList.toggle("opened", this.#opened !== "");
    choice(this, "size");
    if (choice(this, "theme") === "page") this.style.setProperty("--page", groundOf(this));
    this.#consent.node.hidden = !(this.#opened || (off && (isCard || this.#layout === "banner")));
    this.#consent.render(words, this.#host, { off, asks: choice(this, "remember") === "yes", closes: !isCard });
    this.#face.render(view, words, { label: this.getAttribute("label"), opened, closable: this.#mayClose, hours: this.#limits.hours });
    if (isCard || opened) this.#need("live");
    if (opened) this.#need("panel");
    this.#live?.render(view, words, { shown: isCard || opened, globe: this.hasAttribute("globe"), host: this.#host });
    this.#panel?.render(words, opened);
    this.#room.hidden = [...this.#room.children].every((node) => /** @type {HTMLElement} */ (node).hidden);
  }

  /** Load a part that few visitors look at, once; if that fails, the next opening tries again. @param {"live" | "panel"} part */
  async #need(part) {
    const root = this.shadowRoot;
    if (!root || (part === "live" ? this.#live : this.#panel)) return;
    try {
      if (part === "live") {
        const { Live, STYLE } = await import("./live.js");
        if (this.#live || !this.isConnected) return;
        dress(root, STYLE);
        this.#live = new Live();
        this.#room.prepend(this.#live.node);
      } else {
        const { Panel, STYLE } = await import("./panel.js");
        if (this.#panel || !this.isConnected) return;
        dress(root, STYLE);
        this.#panel = new Panel(this.#host, () => this.#limit());
        this.#room.append(this.#panel.node);
      }
      this.#render();
    } catch {
      // no network: the rest works without it
    }
  }

  async #awaitGoodbye() {
    if (!this.hasAttribute("goodbye")) {
      this.#goodbye?.remove();
      this.#goodbye = undefined;
    } else if (!this.#goodbye) {
      const root = this.shadowRoot;
      const loaded = await import("./goodbye.js").catch(() => undefined);
      if (!loaded || !root || this.#goodbye || !this.isConnected) return;
      dress(root, loaded.STYLE);
      this.#goodbye = new loaded.Goodbye(root, {
        isWanted: () => this.#view.state === "off",
        words: () => this.#words,
        host: this.#host,
        start: () => this.#start(),
        leave: () => this.#face.focus(),
      });
    }
  }

  // --- what it is made from ---

  get #view() {
    return this.#bridge?.view ?? { ...NOTHING, state: this.#state };
  }

  get #host() {
    return host(this, HOST);
  }

  get #layout() {
    return choice(this, "layout");
  }

  get #isOver() {
    return this.#layout === "banner" || this.#layout === "floating";
  }

  /** What lies over the page may be put away; while it helps, it stays where it can be turned off. */
  get #mayClose() {
    return this.#isOver && /^(off|unsupported|blocked)$/.test(this.#view.state);
  }

  get #isAway() {
    return this.#mayClose && (this.#view.state === "unsupported" || isRecent(settings().dismissed));
  }

  /** @returns {Partial<Limits>} */
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
      hours: [hours(this), own.hours].filter(isHours).join(),
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

/** 0 is no limit; what is in storage may be anything. @param {number} page @param {number} [visitor] */
function strictest(page, visitor = 0) {
  return visitor > 0 ? Math.min(page || 1e9, visitor) : page;
}
