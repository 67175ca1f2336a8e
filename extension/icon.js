// The toolbar icon: grey or green, with a badge that draws attention, and the state as its title.

import { describe, loadStrings } from "./strings.js";

const SIZES = [16, 32, 48];
const GREEN = "#0a7f60";
const AMBER = "#8f4a00";
/** While it helps, the badge is the number of readers. @type {{[state: string]: string}} */
const BADGES = { off: "", connecting: "", waiting: "", paused: "II", offline: "!", unsupported: "!" };

/** @type {Promise<import("./static/element/language.js").Strings> | undefined} */
let strings;

/** @param {import("./manager.js").Status} status */
export async function show(status) {
  const { state, now } = status;
  const kind = state === "waiting" || state === "helping" ? "on" : "off";
  const path = Object.fromEntries(SIZES.map((size) => [size, `icons/${kind}-${size}.png`]));
  const color = state === "helping" ? GREEN : AMBER;
  strings ??= loadStrings();
  const title = `freespan: ${describe(await strings, status)}`;
  const { action } = chrome;
  await Promise.all([
    action.setIcon({ path }),
    action.setBadgeText({ text: BADGES[state] ?? String(now) }),
    action.setBadgeBackgroundColor({ color }),
    action.setBadgeTextColor({ color: "#ffffff" }),
    action.setTitle({ title }),
  ]);
}
