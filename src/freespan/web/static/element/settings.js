// What a visitor has said to the switch on this site, in the site's storage. Where that is blocked, it lasts as long as the page.

const KEY = "freespan-settings";
/** What a visitor has put away, and the question at good-bye, do not come back earlier. */
const QUIET_DAYS = 30;
const DAY = 86_400_000;

/** @typedef {{kilobits?: number, megabytesADay?: number, megabytesAMonth?: number, hours?: string}} Limits */
/**
 * @typedef {object} Settings
 * @property {boolean} [consented] has once said yes after the three sentences
 * @property {boolean} [remember] whether this browser may know that the switch is on
 * @property {Limits} [limits] the visitor's own
 * @property {number} [dismissed] when the switch was put away, in milliseconds since 1970
 * @property {number} [goodbye] when the question at good-bye was asked
 */

/** @type {Settings} */
let ofThisPage = {};

/** @returns {Settings} */
export function settings() {
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return { ...(typeof stored === "object" ? stored : {}), ...ofThisPage };
  } catch {
    return ofThisPage;
  }
}

/** @param {Settings} change */
export function settle(change) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...settings(), ...change }));
  } catch {
    ofThisPage = { ...ofThisPage, ...change };
  }
}

/** Whether a moment is so near that nobody should be asked again. @param {number | undefined} moment */
export function isRecent(moment) {
  return Math.abs(Date.now() - (moment ?? 0)) < QUIET_DAYS * DAY;
}
