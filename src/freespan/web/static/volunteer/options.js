// The options of a page: checked, and the strictest of those that several instances have. Pure.

import { rangeOf } from "./rules.js";

/**
 * The options that a page may change while the bridge runs.
 * @typedef {object} Limits
 * @property {number} capacity readers at a time, 1 to 64
 * @property {number} kilobits kbit/s passed on, both directions together; 0: no limit
 * @property {number} megabytesADay MB passed on in a day of local time; 0: no limit
 * @property {number} megabytesAMonth MB passed on in a month of local time; 0: no limit
 * @property {string} hours `HH:MM-HH:MM` in local time, may pass midnight; empty: any time; several, separated by commas: all hold
 * @property {boolean} runWhenHidden false: pause 60 s after the tab is hidden
 * @property {boolean} pauseOnBattery pause while the battery is in use, where the browser reports it
 * @property {boolean} pauseOnMetered pause while the connection is metered, where the browser reports it
 * @property {boolean} remember keep the visitor's choice for the next visit
 */
/** @typedef {Limits & {host: string, container?: Node}} Options `host`: base URL, with a slash at its end */
/** @typedef {Omit<Limits, "hours"> & {hours: string[]}} Strictest the limits of several instances; all hours hold */

/** @type {Limits} */
export const DEFAULTS = {
  capacity: 4,
  kilobits: 0,
  megabytesADay: 0,
  megabytesAMonth: 0,
  hours: "",
  runWhenHidden: true,
  pauseOnBattery: false,
  pauseOnMetered: false,
  remember: true,
};
const CAPACITY_MAX = 64;

/**
 * @param {Partial<Limits>} given
 * @returns {Partial<Limits>} the same
 * @throws {TypeError} with the name of the option
 */
export function checkLimits(given) {
  for (const [name, value] of Object.entries(given)) {
    const usual = DEFAULTS[/** @type {keyof Limits} */ (name)];
    if (usual === undefined) throw new TypeError(`${name}: no such option, or one that cannot change`);
    if (typeof value !== typeof usual) throw new TypeError(`${name}: must be a ${typeof usual}`);
    if (typeof value === "number" && !(value >= 0 && value < Infinity)) {
      throw new TypeError(`${name}: must be a number, 0 or more`);
    }
    if (name === "capacity" && !(Number.isInteger(value) && value && Number(value) <= CAPACITY_MAX)) {
      throw new TypeError(`capacity: must be a whole number from 1 to ${CAPACITY_MAX}`);
    }
    if (name === "hours" && value && !String(value).split(",").every(rangeOf)) {
      throw new TypeError("hours: must be HH:MM-HH:MM with two different times");
    }
  }
  return given;
}

/**
 * @param {Partial<Options>} given
 * @param {string} defaultHost
 * @returns {Options}
 * @throws {TypeError} with the name of the option
 */
export function checkOptions(given, defaultHost) {
  const { host = defaultHost, container, ...limits } = given;
  const url = urlOf(host);
  if (!url || !/^https?:$/.test(url.protocol)) throw new TypeError("host: must be the URL of a host, with https://");
  if (container !== undefined && !(container instanceof Node)) {
    throw new TypeError("container: must be a node of the page");
  }
  url.hash = url.search = "";
  return { ...DEFAULTS, ...checkLimits(limits), host: url.href.replace(/\/*$/, "/"), container };
}

/** @param {string} text */
function urlOf(text) {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

/** @param {Limits[]} all at least one @returns {Strictest} */
export function strictest(all) {
  /** @param {"kilobits" | "megabytesADay" | "megabytesAMonth"} name */
  const least = (name) => Math.min(...all.map((limits) => limits[name] || Infinity));
  return {
    capacity: Math.min(...all.map(({ capacity }) => capacity)),
    kilobits: finite(least("kilobits")),
    megabytesADay: finite(least("megabytesADay")),
    megabytesAMonth: finite(least("megabytesAMonth")),
    hours: all.flatMap(({ hours }) => (hours ? hours.split(",") : [])),
    runWhenHidden: all.every(({ runWhenHidden }) => runWhenHidden),
    pauseOnBattery: all.some(({ pauseOnBattery }) => pauseOnBattery),
    pauseOnMetered: all.some(({ pauseOnMetered }) => pauseOnMetered),
    remember: all.every(({ remember }) => remember),
  };
}

/** @param {number} number */
function finite(number) {
  return number === Infinity ? 0 : number;
}
