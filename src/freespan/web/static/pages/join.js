// Shows the invite that stands behind the # of the page's address, which a browser sends to nobody.

import { makeCopyButton } from "./copying.js";

const INVITE = /^#(freespan\d{1,4}_[\w-]{1,2048})$/;

const place = document.querySelector("#invite");
const found = document.querySelector("#found");
const missing = document.querySelector("#missing");

/** Shows what the address has now. */
function show() {
  const invite = INVITE.exec(location.hash)?.[1];
  if (!place || !(found instanceof HTMLElement) || !(missing instanceof HTMLElement)) return;
  place.textContent = invite ?? "";
  found.hidden = !invite;
  missing.hidden = Boolean(invite);
}

show();
addEventListener("hashchange", show);
makeCopyButton(document.querySelector("#copy"), place, document.querySelector("#copied"));
