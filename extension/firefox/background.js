// The background page, in which the bridge runs. Firefox ends it after half a minute without an event, so there are
// alarms while the switch is on; a page that was ended all the same starts again with the next one.

import { show } from "./icon.js";
import { BridgeManager } from "./manager.js";
import { Runner } from "./runner.js";

const ALARM = "keep-alive";
const ALARM_MINUTES = 0.25;

/** @type {boolean | undefined} */
let keptAlive;

/** @param {boolean} alive */
function keepAlive(alive) {
  if (alive === keptAlive) return;
  keptAlive = alive;
  if (alive) chrome.alarms.create(ALARM, { periodInMinutes: ALARM_MINUTES });
  else chrome.alarms.clear(ALARM);
}

// These come first: the event that wakes this page must find a listener.
chrome.alarms.onAlarm.addListener(() => {});
chrome.runtime.onStartup.addListener(() => {});
chrome.runtime.onInstalled.addListener(() => {});
chrome.runtime.onMessage.addListener(({ query }) => {
  if (query) manager.report();
});
const manager = new BridgeManager(Runner, (status) => {
  keepAlive(status.state !== "off");
  show(status);
  // There is a listener only while the popup is open.
  chrome.runtime.sendMessage({ status }).catch(() => {});
});
