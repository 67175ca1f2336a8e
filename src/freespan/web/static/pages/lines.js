// The lines that a publisher copies, as chosen in the configurator. Pure.

/**
 * @typedef {object} Choice
 * @property {string} host base URL of the host, with a slash at its end
 * @property {Record<string, string>} attributes of the switch; an empty value stands for a bare attribute
 * @property {Record<string, string>} slots the page's own texts, by the names of the slots
 * @property {number} height of the switch in CSS pixels
 */

/** Layouts in the page's flow; the others are fixed over the page, and need no space in it. */
const IN_FLOW = ["inline", "card"];
/** What `/embed` keeps free above and below the switch, in CSS pixels. */
const FRAME_SPACE = 8;
/** What the three sentences need in addition to the pill, in CSS pixels. */
const CONSENT_HEIGHT = 410;
const TITLE = "Help someone reach the open web";
const PACKAGE = "freespan-switch";
/**
 * What tells tools that rewrite pages to leave the switch alone, each in the words of the tool: Cloudflare's Rocket
 * Loader (only in front of `src`), LiteSpeed, Autoptimize, WP Rocket, mod_pagespeed, Jetpack Boost.
 */
const NOT_OPTIMIZED =
  'data-cfasync="false" data-no-optimize="1" data-no-defer="1" data-no-minify="1" data-noptimize="1"' +
  ' data-nowprocket="1" data-pagespeed-no-defer="1" data-jetpack-boost="ignore"';
/**
 * The same for consent tools: Cookiebot, OneTrust, CookieYes, consentmanager. The switch sets no cookies, sends nothing
 * of a visitor before they turn it on, and asks them itself.
 */
const NEEDS_NO_CONSENT =
  'data-cookieconsent="ignore" data-ot-ignore="1" data-cookieyes="cookieyes-necessary" data-cmp-ab="1"';

/** @param {Choice} choice */
export function layoutOf({ attributes }) {
  return attributes.layout ?? "inline";
}

/** @param {Choice} choice */
export function isInFlow(choice) {
  return IN_FLOW.includes(layoutOf(choice));
}

/** For a page that allows scripts. @param {Choice} choice */
export function scriptLine(choice) {
  const source = `${escaped(choice.host)}switch.js`;
  return `<script type="module" ${NOT_OPTIMIZED} ${NEEDS_NO_CONSENT} src="${source}"></script>\n${tag(choice, {})}`;
}

/** For a page that allows none; empty where the layout needs the whole page. @param {Choice} choice */
export function frameLine(choice) {
  if (!isInFlow(choice)) return "";
  // An iframe cannot notice that a visitor is about to leave the page.
  const attributes = Object.entries(choice.attributes).filter(([name]) => name !== "goodbye");
  const query = attributes.map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  const address = `${choice.host}embed${query.length ? "?" : ""}${query.join("&")}`;
  const more = layoutOf(choice) === "inline" ? CONSENT_HEIGHT : 0;
  const style = `display:block;width:100%;height:${choice.height + FRAME_SPACE + more}px;border:0;color-scheme:light dark`;
  return `<iframe ${NEEDS_NO_CONSENT} data-no-lazy="1" src="${escaped(address)}" title="${escaped(choice.attributes.label || TITLE)}" style="${style}"></iframe>`;
}

/** For a page that is built from packages. @param {Choice} choice */
export function moduleLines(choice) {
  return `import "${PACKAGE}";\n\n${tag(choice, { host: choice.host })}`;
}

/** What a page's Content-Security-Policy must allow. @param {Choice} choice */
export function policies({ host }) {
  return {
    script: `script-src ${host};\nframe-src ${host};\nconnect-src ${host};`,
    frame: `frame-src ${host};`,
    module: `frame-src ${host};\nconnect-src ${host};`,
  };
}

/** @param {Choice} choice @param {Record<string, string>} more attributes */
function tag(choice, more) {
  const style = isInFlow(choice) ? { style: `display:block;min-height:${choice.height}px` } : {};
  const attributes = Object.entries({ ...more, ...choice.attributes, ...style });
  const texts = attributes.map(([name, value]) => (value ? ` ${name}="${escaped(value)}"` : ` ${name}`));
  const slots = Object.entries(choice.slots).map(([name, text]) => `<span slot="${name}">${escaped(text)}</span>`);
  return `<freespan-switch${texts.join("")}>${slots.join("")}</freespan-switch>`;
}

/** Escaped for HTML text and double-quoted attributes. @param {string} text */
function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
}
