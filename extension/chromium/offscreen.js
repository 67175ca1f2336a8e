// The hidden page with the bridge in it. It goes when there is nothing to do; the service worker makes another one.

import { Bridging } from "./bridging.js";
import { Runner } from "./runner.js";

/** Whoever turns it off may think better of it. */
const LEAVE_SECONDS = 2;

/** @type {ReturnType<typeof setTimeout> | undefined} */
let leaving;

const bridging = new Bridging(Runner, (view) => {
  // Nobody may be listening: the worker sleeps, and is woken by this.
  chrome.runtime.sendMessage({ view }).catch(() => {});
  clearTimeout(leaving);
  if (view.state === "off") leaving = setTimeout(() => window.close(), LEAVE_SECONDS * 1000);
});
chrome.runtime.onMessage.addListener(({ look }) => {
  if (look) bridging.tell();
});
