// The user's settings. All pages of the extension share them, in the extension's own storage.

import { hostOf } from "./host.js";
import { DEFAULTS, checkLimits } from "./static/volunteer/options.js";

const KEY = "freespan-settings";

/**
 * @typedef {object} Settings
 * @property {string} host its URL, with a slash at its end; empty: none yet
 * @property {boolean} consented the user has said yes to this host
 * @property {import("./static/volunteer/options.js").Limits} limits
 */

/** Nobody watches an extension, so it is more careful with a connection that may cost money. */
const LIMITS = { ...DEFAULTS, pauseOnMetered: true };

/** An invalid value counts as not set, and leaves the others alone. @returns {Settings} */
export function readSettings() {
  const { host, consented, limits } = stored();
  return { host: checkedHost(host), consented: consented === true, limits: { ...LIMITS, ...checkedLimits(limits) } };
}

/** @returns {Record<string, unknown>} */
function stored() {
  try {
    return Object(JSON.parse(localStorage.getItem(KEY) ?? "{}"));
  } catch {
    return {};
  }
}

/** @param {unknown} host */
function checkedHost(host) {
  try {
    return hostOf(String(host));
  } catch {
    return "";
  }
}

/** @param {unknown} limits @returns {Partial<import("./static/volunteer/options.js").Limits>} */
function checkedLimits(limits) {
  const good = Object.entries(Object(limits)).filter(([name, value]) => {
    try {
      return checkLimits({ [name]: value });
    } catch {
      return false;
    }
  });
  return Object.fromEntries(good);
}

/** @param {Partial<Settings>} change */
export function writeSettings(change) {
  localStorage.setItem(KEY, JSON.stringify({ ...readSettings(), ...change }));
}
