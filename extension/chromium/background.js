// The service worker: it has no WebRTC, so it keeps a hidden page that has, and shows on the toolbar what that page tells.
// The browser ends this worker whenever it likes; the page stays.

import { show } from "./icon.js";

async function ensurePage() {
  const pages = await chrome.runtime.getContexts({ contextTypes: ["OFFSCREEN_DOCUMENT"] });
  if (pages.length) return;
  const justification = "Passes encrypted data between readers (WebRTC) and the host that the user has chosen.";
  // Two callers at once: the second one fails, and there is a page.
  await chrome.offscreen.createDocument({ url: "offscreen.html", reasons: ["WEB_RTC"], justification }).catch(() => {});
}

chrome.runtime.onMessage.addListener(({ view, look }) => {
  if (view) show(view);
  if (look) ensurePage();
});
// These wake the worker, and the line at the end does the rest.
chrome.runtime.onStartup.addListener(() => {});
chrome.runtime.onInstalled.addListener(() => {});
ensurePage();
