// What the user has set. All pages of the extension share it, and it outlives them: it lies in the extension's own storage.

import { DEFAULTS, checkLimits } from "./static/volunteer/options.js";

const KEY = "freespan-settings";

/**
 * @typedef {object} Settings
 * @property {string} host its URL, with a slash at its end; empty: none yet
 * @property {boolean} consented the user has said yes to this host
 * @property {import("./static/volunteer/options.js").Limits} limits
 */

/** Nobody watches an extension at work, so it is more careful with a connection that may cost money. */
const LIMITS = { ...DEFAULTS, pauseOnMetered: true };

/** @returns {Settings} */
export function readSettings() {
  try {
    const { host, consented, limits } = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return { host: String(host ?? ""), consented: consented === true, limits: { ...LIMITS, ...checkLimits(limits ?? {}) } };
  } catch {
    return { host: "", consented: false, limits: LIMITS };
  }
}

/** @param {Partial<Settings>} change */
export function writeSettings(change) {
  localStorage.setItem(KEY, JSON.stringify({ ...readSettings(), ...change }));
}
