// The service worker: it has no WebRTC, so it keeps an offscreen document that has, and shows its status on the
// toolbar. The browser may end this worker at any time; the document stays.

import { show } from "./icon.js";

async function ensureDocument() {
  const pages = await chrome.runtime.getContexts({ contextTypes: ["OFFSCREEN_DOCUMENT"] });
  if (pages.length) return;
  const justification = "Passes encrypted data between readers (WebRTC) and the host that the user has chosen.";
  // Of two calls at once the second fails, and there is a document.
  await chrome.offscreen.createDocument({ url: "offscreen.html", reasons: ["WEB_RTC"], justification }).catch(() => {});
}

chrome.runtime.onMessage.addListener(({ status, query }) => {
  if (status) show(status);
  if (query) ensureDocument();
});
// These events wake the worker; the last line does the rest.
chrome.runtime.onStartup.addListener(() => {});
chrome.runtime.onInstalled.addListener(() => {});
ensureDocument();
