// <freespan-switch>: what a visitor sees and clicks. It draws the status of a headless switch (../headless.js), which
// is loaded when somebody wants it.
//
//   header     the line that is always there
//   consent    the three sentences before it starts       opened by the switch; always there in a card or banner
//   activity   counts, and the globe                      opened by "What is this?"; always there in a card
//   panel      limits, and the test                       opened by "What is this?"
//   overlay    how banner and floating pill are fixed over the page
//
// Attributes: attributes.js. Slots: `title`, `about`. Property: `strings`. It reflects its state in the attribute
// `state` and dispatches `freespan-state` events.

import { supported, watch } from "../volunteer/detect.js";
import { ATTRIBUTES, choice, flag, host, hours, isHours, number } from "./attributes.js";
import { Consent } from "./consent.js";
import { Header } from "./header.js";
import { languagesFor, load, pick, Strings } from "./language.js";
import { isRecent, listeners, readSettings, saveSettings } from "./settings.js";
import { addStyles, create } from "./style.js";

/** @typedef {import("../headless.js").Status} Status */
/** @typedef {import("../headless.js").Limits} Limits */
/** @typedef {import("./language.js").Texts} Texts */
/**
 * @typedef {object} Parts
 * @property {import("./activity.js").Activity} [activity]
 * @property {import("./panel.js").Panel} [panel]
 * @property {import("./goodbye.js").Goodbye} [goodbye]
 * @property {typeof import("./overlay.js")} [overlay]
 * @property {typeof import("./rest.js")} [rest]
 */

const HOST = new URL("..", import.meta.url).href;
const RETRY_MS = 30_000;
/** How long a framework may take to put back what it has taken out. */
const MOVE_MS = 500;
/** @type {Status} */
const INITIAL = { state: "off", reason: "", now: 0, today: 0, ever: 0, megabytes: 0, elsewhere: false };

/** Where pages are made by Node.js there are no elements, and to import this does nothing. */
const Base = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? Object);

export class FreespanSwitch extends Base {
  static observedAttributes = ATTRIBUTES;

  #header = new Header({
    flip: () => this.#flip(),
    more: () => this.#open(this.#opened === "more" ? "" : "more"),
    close: () => this.#dismiss(),
  });
  #consent = new Consent({
    yes: (remember) => this.#start(remember),
    no: () => (this.#mayClose ? this.#dismiss() : this.#open("")),
  });
  /** What is loaded when it is needed. @type {Parts} */
  #parts = {};
  #details = create("div", { class: "details", id: "details" });
  #box = create("div", { class: "box", part: "box" });
  /** What stands inside the element beside the texts for its slots. */
  #rest = create("slot");

  /** @type {import("../headless.js").HeadlessSwitch | undefined} */
  #headless;
  /** The state before it is loaded. @type {Status["state"]} */
  #state = "off";
  #wanted = false;
  #reported = "";
  #drawn = "";
  #unwatch = () => {};
  #strings = new Strings();
  #language = "";
  /** @type {Texts} */
  #ownStrings = {};
  /** @type {"" | "consent" | "more"} */
  #opened = "";

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    addStyles(root);
    this.#details.append(this.#consent.node);
    this.#box.append(this.#header.node, this.#details);
    this.#box.addEventListener("keydown", ({ key }) => key === "Escape" && this.#open(""));
    this.#rest.addEventListener("slotchange", () => this.#need("rest"));
    root.append(this.#box, this.#rest);
  }

  connectedCallback() {
    this.#unwatch();
    if (!this.#headless) {
      this.#state = supported() ? "off" : "unsupported";
      this.#unwatch = watch(this.#host, async () => (await this.#consent.hasNewCautions()) || this.#load());
    }
    listeners.add(this.#onSettings);
    // A page may have set it before this script was loaded.
    const early = Object.getOwnPropertyDescriptor(this, "strings")?.value;
    if (early && Reflect.deleteProperty(this, "strings")) this.#ownStrings = early;
    this.#translate();
    this.#onSettings();
    this.#update();
  }

  /** A page that moves it removes it and inserts it again, at once or some frames later: it goes on. */
  disconnectedCallback() {
    setTimeout(() => this.isConnected || this.#leave(), MOVE_MS);
  }

  #leave() {
    this.#unwatch();
    listeners.delete(this.#onSettings);
    this.#wanted = false;
    this.#opened = "";
    this.#headless?.close();
    this.#headless = undefined;
    const { activity, panel, goodbye, ...others } = this.#parts;
    for (const part of [activity, panel, goodbye]) part?.remove();
    this.#parts = others;
  }

  /** @param {string} name @param {string | null} before @param {string | null} after */
  attributeChangedCallback(name, before, after) {
    if (before === after) return;
    if (name === "host") this.#leave();
    if (!this.isConnected) return;
    if (name === "host") return this.connectedCallback();
    if (name === "lang") this.#translate();
    this.#onSettings();
  }

  #onSettings = () => {
    this.#headless?.set(this.#options);
    this.#render();
  };

  /**
   * Texts to use instead, by the keys of languages/en.json; those that are left out stay as they are.
   * @param {Texts} strings
   */
  set strings(strings) {
    this.#ownStrings = { ...this.#ownStrings, ...strings };
    if (this.isConnected) this.#translate();
  }

  get strings() {
    return this.#ownStrings;
  }

  // --- what a visitor does ---

  async #flip() {
    if (this.#status.state === "unsupported") return;
    if (this.#headless?.on) return this.#headless.stop();
    if (this.#wanted) return this.#giveUp();
    if (this.#consent.isShown) return this.#start(this.#consent.remember);
    if (readSettings().consented === this.#host && !(await this.#consent.hasNewCautions())) return this.#start();
    this.#open("consent");
    this.#consent.node.focus();
  }

  /** @param {boolean} [remember] the choice in this browser; without it, as it was */
  async #start(remember) {
    const cautions = this.#consent.cautions;
    saveSettings({ consented: this.#host, cautions, ...(remember === undefined ? {} : { remember }) });
    this.#open("");
    this.#wanted = true;
    await this.#load();
  }

  /** Load the headless switch. It may be on already: in another tab, or from the last visit. */
  async #load() {
    const loaded = this.#headless ? undefined : await loadHeadless();
    if (!this.isConnected) return;
    if (loaded && !this.#headless) {
      const container = this.shadowRoot ?? this;
      const headless = new loaded.HeadlessSwitch({ ...this.#options, host: this.#host, container });
      headless.addEventListener("change", () => this.#update());
      headless.addEventListener("helped", () => this.#welcome());
      this.#headless = headless;
      this.#unwatch();
    }
    if (this.#wanted && this.#headless) {
      this.#wanted = false;
      this.#headless.start();
    } else if (this.#wanted) {
      this.#state = "offline";
      setTimeout(() => this.#wanted && this.#load(), RETRY_MS);
    }
    this.#update();
  }

  /** The visitor does not want to wait for a network. */
  #giveUp() {
    this.#wanted = false;
    this.#state = "off";
    this.#update();
  }

  /**
   * Show or hide what is below the header; focus in what closes goes back to what opened it.
   * @param {"" | "consent" | "more"} what
   */
  #open(what) {
    const inside = this.#details.contains(this.shadowRoot?.activeElement ?? null);
    const before = this.#opened;
    this.#opened = what;
    this.#render();
    if (inside && !what) this.#header.focus(before);
  }

  #dismiss() {
    saveSettings({ dismissed: Date.now() });
    this.#open("");
  }

  // --- what it shows ---

  #update() {
    const status = this.#status;
    const reported = JSON.stringify(status);
    if (reported === this.#reported) return;
    this.#reported = reported;
    // The bytes change every other second: they are reported and not drawn, to leave the page's main thread alone.
    const drawn = JSON.stringify({ ...status, megabytes: 0 });
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.setAttribute("state", status.state);
      this.#render();
    }
    this.dispatchEvent(new CustomEvent("freespan-state", { detail: status, bubbles: true, composed: true }));
  }

  #welcome() {
    this.#header.welcome();
    this.#parts.activity?.welcome();
  }

  /** Choose the language, and hide the texts of another one until its own have arrived. */
  async #translate() {
    const { language, locale } = pick(languagesFor(this));
    this.#box.classList.toggle("loading", this.#language !== language);
    this.#language = language;
    const strings = new Strings(await load(language), locale, this.#ownStrings);
    if (pick(languagesFor(this)).locale !== locale) return; // it has changed meanwhile
    this.#strings = strings;
    this.#box.classList.remove("loading");
    this.#box.lang = strings.language;
    this.#box.dir = strings.direction;
    this.#render();
  }

  #render() {
    const status = this.#status;
    const strings = this.#strings;
    const off = status.state === "off";
    const isCard = this.#layout === "card";
    const opened = this.#opened === "more";
    const asks = flag(this, "goodbye");
    if (this.#isOverlay || asks) this.#need("overlay");
    if (asks) this.#need("goodbye");
    this.#box.hidden = this.#isAway || (this.#isOverlay && !this.#parts.overlay);
    this.#box.classList.toggle("overlay", this.#isOverlay);
    this.#box.classList.toggle("bar", off && this.#layout === "banner");
    this.#details.classList.toggle("opened", this.#opened !== "");
    choice(this, "size");
    const { overlay } = this.#parts;
    if (choice(this, "theme") === "page" && overlay) this.style.setProperty("--page", overlay.backgroundOf(this));
    this.#consent.node.hidden = !(this.#opened || (off && (isCard || this.#layout === "banner")));
    this.#consent.render(strings, this.#host, { off, asks: flag(this, "remember"), closes: !isCard });
    this.#header.render(status, strings, {
      label: this.getAttribute("label"),
      opened,
      closable: this.#mayClose,
      hours: this.#limits.hours,
    });
    if (isCard || opened) this.#need("activity");
    if (opened) this.#need("panel");
    this.#parts.activity?.render(status, strings, {
      shown: isCard || opened,
      globe: flag(this, "globe"),
      host: this.#host,
    });
    this.#parts.panel?.render(strings, opened);
    this.#details.hidden = [...this.#details.children].every((node) => /** @type {HTMLElement} */ (node).hidden);
  }

  /**
   * Load a part that not every switch has, once; without a network the rest works.
   * @param {keyof Parts} name
   */
  async #need(name) {
    const root = this.shadowRoot;
    if (this.#parts[name] || !root) return;
    const part = await import(`./${name}.js`).catch(() => undefined);
    const parts = this.#parts;
    if (!part || parts[name] || !this.isConnected) return;
    if (name === "rest" && !part.showRest(this, this.#rest)) return;
    addStyles(root, part.STYLE);
    if (name === "activity") this.#details.prepend((parts.activity = new part.Activity()).node);
    else if (name === "panel") this.#details.append((parts.panel = new part.Panel(this.#host)).node);
    else parts[name] = name === "goodbye" ? new part.Goodbye(root, this.#goodbyeContext) : part;
    this.#render();
  }

  /** @returns {import("./goodbye.js").Context} */
  get #goodbyeContext() {
    return {
      isWanted: () => flag(this, "goodbye") && this.#status.state === "off" && !isRecent(readSettings().dismissed),
      strings: () => this.#strings,
      host: this.#host,
      asks: flag(this, "remember"),
      start: (remember) => this.#start(remember),
      leave: () => this.#header.focus(),
    };
  }

  // --- what it is drawn from ---

  get #status() {
    return this.#headless?.status ?? { ...INITIAL, state: this.#state };
  }

  get #host() {
    return host(this, HOST);
  }

  get #layout() {
    return choice(this, "layout");
  }

  get #isOverlay() {
    return this.#layout === "banner" || this.#layout === "floating";
  }

  /** What lies over the page may be put away; while it helps, it stays where it can be turned off. */
  get #mayClose() {
    return this.#isOverlay && /^(off|unsupported|blocked)$/.test(this.#status.state);
  }

  get #isAway() {
    return this.#mayClose && (this.#status.state === "unsupported" || isRecent(readSettings().dismissed));
  }

  /** @returns {Partial<Limits>} */
  get #options() {
    return {
      capacity: number(this, "capacity"),
      runWhenHidden: flag(this, "run-when-hidden"),
      remember: flag(this, "remember") && readSettings().remember === true,
      ...this.#limits,
    };
  }

  /** The page's limits, or the visitor's own where those are stricter. */
  get #limits() {
    const own = readSettings().limits ?? {};
    return {
      kilobits: strictest(number(this, "kilobits"), own.kilobits),
      megabytesADay: strictest(number(this, "megabytes-a-day"), own.megabytesADay),
      megabytesAMonth: strictest(number(this, "megabytes-a-month"), own.megabytesAMonth),
      hours: [hours(this), own.hours].filter(isHours).join(),
    };
  }
}

let failures = 0;

/** A browser caches that a module could not be loaded, so the next try uses another URL. */
function loadHeadless() {
  /** @type {Promise<typeof import("../headless.js")>} */
  const loading = import(failures ? `../headless.js?${failures}` : "../headless.js");
  return loading.catch(() => void failures++);
}

/** 0 is no limit; storage may hold anything. @param {number} page @param {number} [visitor] */
function strictest(page, visitor = 0) {
  return visitor > 0 ? Math.min(page || 1e9, visitor) : page;
}
