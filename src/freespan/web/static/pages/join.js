// Shows the invite that stands behind the # of the page's address, which a browser sends to nobody.

import { makeCopyButton } from "./copying.js";

/** With what a messenger took for a part of the link, such as a full stop. */
const INVITE = /^[^\w-]*(freespan\d{1,4}_)([\w-]{1,2048})[^\w-]*$/i;
/** What messengers and mail put into a link: invisible characters, line ends, backslashes. */
// eslint-disable-next-line no-misleading-character-class -- to be left out
const JUNK = /[\r\n\t\\\xad\u034f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]+/g;

const place = document.querySelector("#invite");
const found = document.querySelector("#found");
const missing = document.querySelector("#missing");

/** Shows what the address has now. */
function show() {
  const [, begin = "", rest = ""] = INVITE.exec(decoded(location.hash.slice(1)).replace(JUNK, "")) ?? [];
  const invite = begin.toLowerCase() + rest;
  if (!place || !(found instanceof HTMLElement) || !(missing instanceof HTMLElement)) return;
  place.textContent = invite;
  found.hidden = !invite;
  missing.hidden = Boolean(invite);
}

/** A fragment without percent-encoding, however often it was encoded. @param {string} fragment @returns {string} */
function decoded(fragment) {
  try {
    const once = decodeURIComponent(fragment);
    return once === fragment ? once : decoded(once);
  } catch {
    return fragment;
  }
}

show();
addEventListener("hashchange", show);
makeCopyButton(document.querySelector("#copy"), place, document.querySelector("#copied"));
