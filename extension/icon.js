// The toolbar: a grey icon when it is off, a green one when it is on; a badge for what is worth a look; the state in words.

import { loadWords, sentence } from "./words.js";

const SIZES = [16, 32, 48];
const GREEN = "#0a7f60";
const AMBER = "#8f4a00";
/** @type {{[state: string]: string}} while it helps, the badge is how many */
const BADGES = { off: "", connecting: "", waiting: "", paused: "II", offline: "!", unsupported: "!" };

/** @type {Promise<import("./static/element/language.js").Words> | undefined} */
let words;

/** @param {import("./bridging.js").View} view */
export async function show(view) {
  const { state, now } = view;
  const kind = state === "waiting" || state === "helping" ? "on" : "off";
  const path = Object.fromEntries(SIZES.map((size) => [size, `icons/${kind}-${size}.png`]));
  const color = state === "helping" ? GREEN : AMBER;
  words ??= loadWords();
  const title = `freespan: ${sentence(await words, view)}`;
  const { action } = chrome;
  await Promise.all([
    action.setIcon({ path }),
    action.setBadgeText({ text: BADGES[state] ?? String(now) }),
    action.setBadgeBackgroundColor({ color }),
    action.setBadgeTextColor({ color: "#ffffff" }),
    action.setTitle({ title }),
  ]);
}
