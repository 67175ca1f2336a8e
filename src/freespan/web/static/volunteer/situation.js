// What the browser reports about the page and the machine: visible or hidden, frozen, on battery, on a metered
// connection.

/** @typedef {EventTarget & {charging: boolean}} Battery */
/** @typedef {EventTarget & {saveData?: boolean, type?: string}} Connection */
/** @typedef {{getBattery?: () => Promise<Battery>, connection?: Connection}} Device */

export class Situation {
  /** The page is frozen, or in the back/forward cache: nothing runs in it. @type {"" | "frozen" | "kept"} */
  away = "";
  #onChange;
  #hiddenAt = Infinity;
  /** @type {Battery | "asked" | undefined} */
  #battery;
  #device = /** @type {Device} */ (globalThis.navigator);

  /** @param {(restored: boolean) => void} onChange `restored`: the page is back from the back/forward cache */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  open() {
    this.#noteVisibility();
    for (const [target, name] of this.#events()) target.addEventListener(name, this);
  }

  close() {
    for (const [target, name] of this.#events()) target.removeEventListener(name, this);
  }

  get visible() {
    return document.visibilityState === "visible";
  }

  get metered() {
    const { saveData, type } = this.#device.connection ?? {};
    return saveData === true || type === "cellular";
  }

  get onBattery() {
    if (!this.#battery) this.#askBattery();
    return typeof this.#battery === "object" && !this.#battery.charging;
  }

  get hiddenSeconds() {
    return Math.max(0, (Date.now() - this.#hiddenAt) / 1000);
  }

  /** @param {Event & {persisted?: boolean}} event */
  handleEvent({ type, persisted }) {
    if (type === "freeze") this.away = "frozen";
    if (type === "pagehide") this.away = "kept";
    if (type === "resume" || type === "pageshow") this.away = "";
    if (type === "visibilitychange") this.#noteVisibility();
    this.#onChange(type === "pageshow" && persisted === true);
  }

  #noteVisibility() {
    this.#hiddenAt = this.visible ? Infinity : Math.min(this.#hiddenAt, Date.now());
  }

  /** @returns {[EventTarget, string][]} */
  #events() {
    const { connection } = this.#device;
    return [
      [document, "visibilitychange"],
      [document, "freeze"],
      [document, "resume"],
      [window, "pagehide"],
      [window, "pageshow"],
      ...(connection?.addEventListener ? [/** @type {[EventTarget, string]} */ ([connection, "change"])] : []),
    ];
  }

  async #askBattery() {
    this.#battery = "asked";
    try {
      this.#battery = await this.#device.getBattery?.();
      this.#battery?.addEventListener("chargingchange", () => this.#onChange(false));
      this.#battery ??= "asked";
      this.#onChange(false);
    } catch {
      // the page's policy forbids it: as if there were none
    }
  }
}
