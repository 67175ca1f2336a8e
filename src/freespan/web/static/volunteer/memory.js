// What is kept in the page's storage for each host: the visitor's choice, and counts. Where storage is blocked or full,
// they last as long as the page.

import { NAME } from "./detect.js";

/**
 * @typedef {object} Memory
 * @property {boolean} on the visitor's choice
 * @property {number} helped readers helped in all
 * @property {string} day of local time, `YYYY-MM-DD`: that of the next two
 * @property {number} today readers helped
 * @property {number} megabytes MB passed on that day
 * @property {number} month MB passed on in the month of that day
 */

/** What could not be written, by host. @type {Record<string, Memory>} */
const fallback = {};

/** In whole MB. @param {Date} date @param {string} [host] its base URL @returns {Memory} */
export function recall(date, host = "") {
  return read(date, host, count);
}

/** @param {boolean} on @param {Date} date @param {string} [host] */
export function rememberChoice(on, date, host = "") {
  write({ ...read(date, host), on }, host);
}

/**
 * Add to the counts.
 * @param {number} readers
 * @param {number} megabytes in tenths
 * @param {Date} date
 * @param {string} [host]
 */
export function remember(readers, megabytes, date, host = "") {
  if (!readers && !megabytes) return;
  const memory = read(date, host);
  memory.helped += readers;
  memory.today += readers;
  memory.megabytes += megabytes;
  memory.month += megabytes;
  write(memory, host);
}

/** @param {Date} date @param {string} host @param {(value: unknown) => number} round @returns {Memory} */
function read(date, host, round = amount) {
  /** @type {Partial<Record<keyof Memory, unknown>>} */
  let stored = fallback[host] ?? {};
  try {
    if (!fallback[host]) stored = JSON.parse(localStorage.getItem(NAME + host) ?? "") ?? {};
  } catch {
    // blocked, empty, or not JSON
  }
  const day = dayOf(date);
  const sameDay = stored.day === day;
  const sameMonth = String(stored.day).slice(0, 7) === day.slice(0, 7);
  return {
    on: stored.on === true,
    helped: count(stored.helped),
    day,
    today: sameDay ? count(stored.today) : 0,
    megabytes: sameDay ? round(stored.megabytes) : 0,
    month: sameMonth ? round(stored.month) : 0,
  };
}

/** @param {Memory} memory @param {string} host */
function write(memory, host) {
  fallback[host] = memory;
  try {
    localStorage.setItem(NAME + host, JSON.stringify(memory));
    delete fallback[host];
  } catch {
    // until a later write succeeds
  }
}

/** @param {Date} date */
function dayOf(date) {
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}

/** A valid whole number, whatever was stored. @param {unknown} value */
function count(value) {
  return Math.floor(amount(value));
}

/** A valid number in tenths; sums of binary fractions would drift. @param {unknown} value */
export function amount(value) {
  return typeof value === "number" && value > 0 && value < 1e14 ? Math.round(value * 10) / 10 : 0;
}
