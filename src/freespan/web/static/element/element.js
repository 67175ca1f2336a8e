// <freespan-switch>: what a reader sees and flips. It draws what a Bridge says (../bridge.js), and has no other way to help;
// the Bridge is loaded when somebody wants it.
//
//   face      the line that is always there
//   consent   the three sentences before it starts       opened by the switch; always there in a card or banner
//   live      counts, and the globe                      opened by "What is this?"; always there in a card
//   panel     limits, and the test                       opened by "What is this?"
//   over      how banner and floating pill lie over the page
//
// Attributes: attributes.js. Slots: `title`, `about`. Property: `strings`. It sets the attribute `state` and sends
// `freespan-state` events.

import { supported, watch } from "../volunteer/signs.js";
import { ATTRIBUTES, choice, host, hours, isHours, number } from "./attributes.js";
import { Consent } from "./consent.js";
import { create } from "./dom.js";
import { Face } from "./face.js";
import { load, pick, Words, wishesOf } from "./language.js";
import { isRecent, listeners, settings, settle } from "./settings.js";
import { dress } from "./style.js";

/** @typedef {import("../bridge.js").View} View */
/** @typedef {import("../bridge.js").Limits} Limits */
/** @typedef {import("./language.js").Texts} Texts */

const HOST = new URL("..", import.meta.url).href;
const RETRY_MS = 30_000;
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
  /** @type {typeof import("./over.js") | undefined} */
  #over;
  /** @type {import("./goodbye.js").Goodbye | undefined} */
  #goodbye;
  #room = create("div", { class: "room", id: "room" });
  #box = create("div", { class: "box", part: "box" });

  /** @type {import("../bridge.js").Bridge | undefined} */
  #bridge;
  /** What there is to see without a bridge. @type {View["state"]} */
  #state = "off";
  #wanted = false;
  #told = "";
  #drawn = "";
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
      this.#unwatch = watch(this.#host, async () => (await this.#consent.hasNews()) || this.#wake());
    }
    listeners.add(this.#settled);
    // What the page has set before this script came.
    const early = Object.getOwnPropertyDescriptor(this, "strings")?.value;
    if (early && Reflect.deleteProperty(this, "strings")) this.#strings = early;
    this.#speak();
    this.#tell();
  }

  /** Pages that move it take it out and put it in again at once: it goes on. */
  disconnectedCallback() {
    queueMicrotask(() => this.isConnected || this.#leave());
  }

  #leave() {
    this.#unwatch();
    listeners.delete(this.#settled);
    this.#wanted = false;
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
    this.#settled();
  }

  #settled = () => {
    this.#bridge?.set(this.#options);
    this.#render();
  };

  /** Texts to use instead, by the keys of languages/en.json; those that are left out stay as they are. @param {Texts} strings */
  set strings(strings) {
    this.#strings = { ...this.#strings, ...strings };
    if (this.isConnected) this.#speak();
  }

  get strings() {
    return this.#strings;
  }

  // --- what a visitor does ---

  async #flip() {
    if (this.#view.state === "unsupported") return;
    if (this.#bridge?.on) return this.#bridge.stop();
    if (this.#wanted) return this.#giveUp();
    if (this.#consent.isShown) return this.#start(this.#consent.remember);
    if (settings().consented === this.#host && !(await this.#consent.hasNews())) return this.#start();
    this.#open("consent");
    this.#consent.node.focus();
  }

  /** @param {boolean} [remember] the choice in this browser; without it, as it was */
  async #start(remember) {
    const cautions = this.#consent.cautions;
    settle({ consented: this.#host, cautions, ...(remember === undefined ? {} : { remember }) });
    this.#open("");
    this.#wanted = true;
    await this.#wake();
  }

  /** Have a bridge, which may be on already: in another tab, or because it was when the visitor left. */
  async #wake() {
    const loaded = this.#bridge ? undefined : await loadBridge();
    if (!this.isConnected) return;
    if (loaded && !this.#bridge) {
      const bridge = new loaded.Bridge({ ...this.#options, host: this.#host, place: this.shadowRoot ?? this });
      bridge.addEventListener("change", () => this.#tell());
      bridge.addEventListener("helped", () => this.#welcome());
      this.#bridge = bridge;
      this.#unwatch();
    }
    if (this.#wanted) this.#bridge ? this.#bridge.start() : setTimeout(() => this.#wanted && this.#wake(), RETRY_MS);
    this.#wanted &&= !this.#bridge;
    if (this.#wanted) this.#state = "offline";
    this.#tell();
  }

  /** Who does not want to wait until there is a network. */
  #giveUp() {
    this.#wanted = false;
    this.#state = "off";
    this.#tell();
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
    // What has passed changes every other second, and is told but not drawn: the page's time is not ours.
    const drawn = JSON.stringify({ ...view, megabytes: 0 });
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.setAttribute("state", view.state);
      this.#render();
    }
    this.dispatchEvent(new CustomEvent("freespan-state", { detail: view, bubbles: true, composed: true }));
  }

  #welcome() {
    this.#face.welcome();
    this.#live?.welcome();
  }

  /** Choose the language, and show nothing in another one while its words are on their way. */
  async #speak() {
    const { language, locale } = pick(wishesOf(this));
    this.#box.classList.toggle("wordless", this.#spoken !== language);
    this.#spoken = language;
    const words = new Words(await load(language), locale, this.#strings);
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
    const asks = this.hasAttribute("goodbye");
    if (this.#isOver || asks) this.#need("over");
    if (asks) this.#need("goodbye");
    this.#box.hidden = this.#isAway || (this.#isOver && !this.#over);
    this.#box.classList.toggle("over", this.#isOver);
    this.#box.classList.toggle("bar", off && this.#layout === "banner");
    this.#room.classList.toggle("opened", this.#opened !== "");
    choice(this, "size");
    const inPageColours = choice(this, "theme") === "page";
    if (this.#over && inPageColours) this.style.setProperty("--page", this.#over.groundOf(this));
    this.#consent.node.hidden = !(this.#opened || (off && (isCard || this.#layout === "banner")));
    this.#consent.render(words, this.#host, { off, asks: choice(this, "remember") === "yes", closes: !isCard });
    this.#face.render(view, words, {
      label: this.getAttribute("label"),
      opened,
      closable: this.#mayClose,
      hours: this.#limits.hours,
    });
    if (isCard || opened) this.#need("live");
    if (opened) this.#need("panel");
    this.#live?.render(view, words, { shown: isCard || opened, globe: this.hasAttribute("globe"), host: this.#host });
    this.#panel?.render(words, opened);
    this.#room.hidden = [...this.#room.children].every((node) => /** @type {HTMLElement} */ (node).hidden);
  }

  /** Load a part that not every switch has, once; without a network the rest works. @param {"live" | "panel" | "over" | "goodbye"} name */
  async #need(name) {
    const root = this.shadowRoot;
    const has = () => ({ live: this.#live, panel: this.#panel, over: this.#over, goodbye: this.#goodbye })[name];
    if (has() || !root) return;
    const part = await import(`./${name}.js`).catch(() => undefined);
    if (!part || has() || !this.isConnected) return;
    dress(root, part.STYLE);
    if (name === "live") this.#room.prepend((this.#live = new part.Live()).node);
    if (name === "panel") this.#room.append((this.#panel = new part.Panel(this.#host)).node);
    if (name === "over") this.#over = part;
    if (name === "goodbye") this.#goodbye = new part.Goodbye(root, this.#occasion);
    this.#render();
  }

  /** @returns {import("./goodbye.js").Occasion} */
  get #occasion() {
    return {
      isWanted: () => this.hasAttribute("goodbye") && this.#view.state === "off" && !isRecent(settings().dismissed),
      words: () => this.#words,
      host: this.#host,
      asks: choice(this, "remember") === "yes",
      start: (remember) => this.#start(remember),
      leave: () => this.#face.focus(),
    };
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
      remember: choice(this, "remember") === "yes" && settings().remember === true,
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
}

let failures = 0;

/** A browser remembers that a module could not be loaded, so the next try has another address. */
function loadBridge() {
  /** @type {Promise<typeof import("../bridge.js")>} */
  const loading = import(failures ? `../bridge.js?${failures}` : "../bridge.js");
  return loading.catch(() => void failures++);
}

/** 0 is no limit; what is in storage may be anything. @param {number} page @param {number} [visitor] */
function strictest(page, visitor = 0) {
  return visitor > 0 ? Math.min(page || 1e9, visitor) : page;
}
