// The visitor's settings of the switch on this site, in the site's storage. Where that is blocked, they last as long as
// the page.

const KEY = "freespan-settings";
/** A switch that was closed, and the question at good-bye, do not come back earlier. */
const QUIET_DAYS = 30;
const DAY = 86_400_000;

/** Called when settings have changed, here or in another tab. @type {Set<() => void>} */
export const listeners = new Set();

/** @typedef {{kilobits?: number, megabytesADay?: number, megabytesAMonth?: number, hours?: string}} Limits */
/**
 * @typedef {object} Settings
 * @property {string} [consented] the host for which the visitor has said yes after the three sentences
 * @property {string[]} [cautions] those in spite of which the visitor has said yes
 * @property {boolean} [remember] whether this browser may know that the switch is on
 * @property {Limits} [limits] the visitor's own
 * @property {number} [dismissed] when the switch was closed, in milliseconds since 1970
 * @property {number} [goodbye] when the question at good-bye was asked
 */

/** What could not be stored. @type {Settings} */
let ofThisPage = {};

const notify = () => listeners.forEach((call) => call());
globalThis.addEventListener?.("storage", ({ key }) => key === KEY && notify());

/** @returns {Settings} */
export function readSettings() {
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return { ...(typeof stored === "object" ? stored : {}), ...ofThisPage };
  } catch {
    return ofThisPage;
  }
}

/** @param {Settings} change */
export function saveSettings(change) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...readSettings(), ...change }));
    ofThisPage = {};
  } catch {
    ofThisPage = { ...ofThisPage, ...change };
  }
  notify();
}

/** Whether a moment is too recent to ask again. @param {number | undefined} moment */
export function isRecent(moment) {
  return Math.abs(Date.now() - (moment ?? 0)) < QUIET_DAYS * DAY;
}
