// The background page, with the bridge in it. Firefox ends it after half a minute without an event, so alarms come while
// the user's choice is on; one that was ended all the same begins again with the next.

import { Bridging } from "./bridging.js";
import { show } from "./icon.js";
import { Runner } from "./runner.js";

const ALARM = "stay";
const ALARM_MINUTES = 0.25;

/** @type {boolean | undefined} */
let staying;

/** @param {boolean} stay */
function keep(stay) {
  if (stay === staying) return;
  staying = stay;
  if (stay) chrome.alarms.create(ALARM, { periodInMinutes: ALARM_MINUTES });
  else chrome.alarms.clear(ALARM);
}

// These come first: what wakes this page must have somebody who hears it.
chrome.alarms.onAlarm.addListener(() => {});
chrome.runtime.onStartup.addListener(() => {});
chrome.runtime.onInstalled.addListener(() => {});
chrome.runtime.onMessage.addListener(({ look }) => {
  if (look) bridging.tell();
});
const bridging = new Bridging(Runner, (view) => {
  keep(view.state !== "off");
  show(view);
  // Nobody is listening unless the popup is open.
  chrome.runtime.sendMessage({ view }).catch(() => {});
});
