// What the page may ask of its bridge: checked, and the strictest of what several instances ask for. Pure.

import { rangeOf } from "./rules.js";

/**
 * What a page may change while the bridge runs.
 * @typedef {object} Limits
 * @property {number} capacity readers at a time, 1 to 64
 * @property {number} kilobits kbit/s passed on, both directions together; 0: no limit
 * @property {number} megabytesADay MB passed on in a day of local time; 0: no limit
 * @property {number} megabytesAMonth MB passed on in a month of local time; 0: no limit
 * @property {string} hours `HH:MM-HH:MM` in local time, may pass midnight; empty: any time; several with commas between: all must be kept
 * @property {boolean} runWhenHidden false: pause 60 s after the tab is hidden
 * @property {boolean} pauseOnBattery pause while the battery is in use, where the browser tells
 * @property {boolean} pauseOnMetered pause while the connection is metered, where the browser tells
 * @property {boolean} remember keep the visitor's choice for the next visit
 */
/** @typedef {Limits & {host: string, place?: Node}} Options `host`: base URL, with a slash at its end */
/** @typedef {Omit<Limits, "hours"> & {hours: string[]}} Strictest of several instances; all hours must be kept */

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
 * @param {Partial<Limits>} wishes
 * @returns {Partial<Limits>} the same
 * @throws {TypeError} which names the option
 */
export function checkLimits(wishes) {
  for (const [name, value] of Object.entries(wishes)) {
    const normal = DEFAULTS[/** @type {keyof Limits} */ (name)];
    if (normal === undefined) throw new TypeError(`${name}: there is no such option, or it cannot change`);
    if (typeof value !== typeof normal) throw new TypeError(`${name}: must be a ${typeof normal}`);
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
  return wishes;
}

/**
 * @param {Partial<Options>} wishes
 * @param {string} home the default host
 * @returns {Options}
 * @throws {TypeError} which names the option
 */
export function checkOptions(wishes, home) {
  const { host = home, place, ...limits } = wishes;
  const url = urlOf(host);
  if (!url || !/^https?:$/.test(url.protocol)) throw new TypeError("host: must be the URL of a host, with https://");
  if (place !== undefined && !(place instanceof Node)) throw new TypeError("place: must be a node of the page");
  url.hash = url.search = "";
  return { ...DEFAULTS, ...checkLimits(limits), host: url.href.replace(/\/*$/, "/"), place };
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
