// What a visitor has said to the switch on this site, in the site's storage. Where that is blocked, it lasts as long as the page.

const KEY = "freespan-settings";
/** What a visitor has put away, and the question at good-bye, do not come back earlier. */
const QUIET_DAYS = 30;
const DAY = 86_400_000;

/** Called when something was said, here or in another tab. @type {Set<() => void>} */
export const listeners = new Set();

/** @typedef {{kilobits?: number, megabytesADay?: number, megabytesAMonth?: number, hours?: string}} Limits */
/**
 * @typedef {object} Settings
 * @property {string} [consented] the host, for which somebody has said yes after the three sentences
 * @property {string[]} [cautions] after which somebody has said yes all the same
 * @property {boolean} [remember] whether this browser may know that the switch is on
 * @property {Limits} [limits] the visitor's own
 * @property {number} [dismissed] when the switch was put away, in milliseconds since 1970
 * @property {number} [goodbye] when the question at good-bye was asked
 */

/** What could not be stored. @type {Settings} */
let ofThisPage = {};

const tell = () => listeners.forEach((call) => call());
addEventListener("storage", ({ key }) => key === KEY && tell());

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
    ofThisPage = {};
  } catch {
    ofThisPage = { ...ofThisPage, ...change };
  }
  tell();
}

/** Whether a moment is so near that nobody should be asked again. @param {number | undefined} moment */
export function isRecent(moment) {
  return Math.abs(Date.now() - (moment ?? 0)) < QUIET_DAYS * DAY;
}
