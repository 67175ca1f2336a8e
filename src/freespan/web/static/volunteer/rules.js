// Whether the bridge may run now, why not, and when to ask again. Pure: the time is handed in.

/** A tab that is hidden for less than this keeps its bridge. */
const HIDDEN_SECONDS = 60;
/** The longest wait: clocks are set, machines sleep, and the timers of hidden pages are late. */
const WAIT_MAX_SECONDS = 60;

/** @typedef {"hours" | "limit" | "battery" | "metered" | "hidden"} Reason why it pauses */
/**
 * @typedef {object} Situation
 * @property {Date} date now; its local time counts
 * @property {number} megabytesToday MB passed on
 * @property {number} megabytesThisMonth MB passed on
 * @property {boolean} onBattery
 * @property {boolean} metered
 * @property {number} hiddenSeconds since the tab was hidden, 0 if it is visible
 */
/** @typedef {{reason: Reason | "", seconds: number}} Decision `seconds` until it may change */

/**
 * The two ends of a span of hours, in minutes since midnight of local time; the second is not part of it.
 * @param {string} text `HH:MM-HH:MM`; 24:00 may be the end
 * @returns {[number, number] | undefined} undefined for any other text
 */
export function rangeOf(text) {
  const [, ...parts] = /^(\d\d):([0-5]\d)-(\d\d):([0-5]\d)$/.exec(text.trim()) ?? [];
  const [hour = 24, minute = 0, endHour = 25, endMinute = 0] = parts.map(Number);
  const [from, until] = [hour * 60 + minute, endHour * 60 + endMinute];
  return hour < 24 && until <= 1440 && from !== until ? [from, until] : undefined;
}

/**
 * @param {import("./options.js").Strictest} limits
 * @param {Situation} situation
 * @returns {Decision}
 */
export function decide(limits, situation) {
  const { date, hiddenSeconds } = situation;
  // By the wall clock, so that a day of 23 or 25 hours is no special case.
  const minute = date.getHours() * 60 + date.getMinutes();
  let seconds = WAIT_MAX_SECONDS;
  let closed = false;
  for (const [from, until] of limits.hours.flatMap((text) => [rangeOf(text) ?? []])) {
    if (from === undefined || until === undefined) continue;
    closed ||= from < until ? minute < from || minute >= until : minute < from && minute >= until;
    for (const edge of [from, until]) seconds = Math.min(seconds, secondsUntil(edge, date));
  }
  const hides = !limits.runWhenHidden && hiddenSeconds > 0;
  if (hides && hiddenSeconds < HIDDEN_SECONDS) seconds = Math.min(seconds, HIDDEN_SECONDS - hiddenSeconds);
  /** @type {Reason | ""} */
  let reason = "";
  if (closed) reason = "hours";
  else if (isFull(limits, situation)) reason = "limit";
  else if (limits.pauseOnMetered && situation.metered) reason = "metered";
  else if (limits.pauseOnBattery && situation.onBattery) reason = "battery";
  else if (hides && hiddenSeconds >= HIDDEN_SECONDS) reason = "hidden";
  return { reason, seconds };
}

/** @param {import("./options.js").Strictest} limits @param {Situation} situation */
function isFull({ megabytesADay, megabytesAMonth }, { megabytesToday, megabytesThisMonth }) {
  return megabytesToday >= (megabytesADay || Infinity) || megabytesThisMonth >= (megabytesAMonth || Infinity);
}

/** Until the wall clock shows a minute of the day. @param {number} minute since midnight @param {Date} date */
function secondsUntil(minute, date) {
  const edge = new Date(date);
  edge.setHours(0, minute, 0, 0);
  if (edge <= date) edge.setDate(edge.getDate() + 1);
  return (edge.getTime() - date.getTime()) / 1000;
}
