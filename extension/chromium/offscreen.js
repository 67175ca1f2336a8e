// The offscreen document, in which the bridge runs. It closes when there is nothing to do; the service worker makes
// another.

import { BridgeManager } from "./manager.js";
import { Runner } from "./runner.js";

/** The user may change their mind. */
const LEAVE_SECONDS = 2;

/** @type {ReturnType<typeof setTimeout> | undefined} */
let leaving;

const manager = new BridgeManager(Runner, (status) => {
  // This wakes the worker; without a listener it fails.
  chrome.runtime.sendMessage({ status }).catch(() => {});
  clearTimeout(leaving);
  if (status.state === "off") leaving = setTimeout(() => window.close(), LEAVE_SECONDS * 1000);
});
chrome.runtime.onMessage.addListener(({ query }) => {
  if (query) manager.report();
});
