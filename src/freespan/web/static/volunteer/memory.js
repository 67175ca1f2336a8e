// What is remembered in the page's storage: the visitor's choice, and counts. Storage may be blocked: then it lasts as
// long as the page.

import { NAME } from "./signs.js";

/**
 * @typedef {object} Memory
 * @property {boolean} on the visitor's choice
 * @property {number} helped readers, ever
 * @property {string} day of local time, `YYYY-MM-DD`, that the next two are of
 * @property {number} today readers helped
 * @property {number} megabytes MB passed on that day
 * @property {number} month MB passed on in the month of that day
 */

/** Where storage is blocked. @type {Record<string, unknown>} */
let fallback = {};

/** @param {Date} date @returns {Memory} */
export function recall(date) {
  const stored = read();
  const day = dayOf(date);
  const sameDay = stored.day === day;
  const sameMonth = String(stored.day).slice(0, 7) === day.slice(0, 7);
  return {
    on: stored.on === true,
    helped: count(stored.helped),
    day,
    today: sameDay ? count(stored.today) : 0,
    megabytes: sameDay ? count(stored.megabytes) : 0,
    month: sameMonth ? count(stored.month) : 0,
  };
}

/** @param {boolean} on @param {Date} date */
export function rememberChoice(on, date) {
  write({ ...recall(date), on });
}

/** Add to the counts. @param {number} readers @param {number} megabytes @param {Date} date */
export function remember(readers, megabytes, date) {
  if (!readers && !megabytes) return;
  const memory = recall(date);
  write({
    ...memory,
    helped: memory.helped + readers,
    today: memory.today + readers,
    megabytes: memory.megabytes + megabytes,
    month: memory.month + megabytes,
  });
}

/** @returns {Record<string, unknown>} */
function read() {
  try {
    return JSON.parse(localStorage.getItem(NAME) ?? "{}") ?? {};
  } catch {
    return fallback;
  }
}

/** @param {Memory} memory */
function write(memory) {
  fallback = { ...memory };
  try {
    localStorage.setItem(NAME, JSON.stringify(memory));
  } catch {
    // it is in the fallback
  }
}

/** @param {Date} date */
function dayOf(date) {
  const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** A whole number that makes sense, whatever was there. @param {unknown} value */
export function count(value) {
  return typeof value === "number" && value > 0 && value < 1e15 ? Math.floor(value) : 0;
}
