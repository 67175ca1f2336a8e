// What the switch says. Texts with a number hold `{n}` and one form for each plural category of their language.

/** @typedef {{[category: string]: string}} Counted */
/**
 * @typedef {object} Strings
 * @property {string} title
 * @property {string} about
 * @property {string} off
 * @property {string} connecting
 * @property {string} waiting
 * @property {Counted} helped on, and nobody needs it now
 * @property {Counted} helping
 * @property {string} offline
 * @property {string} unsupported
 */

/** @type {Strings} */
export const english = {
  title: "Help someone reach the open web",
  about: "What is this?",
  off: "Lend a little of your connection",
  connecting: "Connecting…",
  waiting: "Ready for a blocked reader",
  helped: { one: "You have helped {n} reader", other: "You have helped {n} readers" },
  helping: { one: "Helping {n} reader right now", other: "Helping {n} readers right now" },
  offline: "No connection. Trying again…",
  unsupported: "This browser has no WebRTC",
};

/** @param {Counted} forms @param {number} n @param {string} language */
export function counted(forms, n, language) {
  let category = "other";
  try {
    category = new Intl.PluralRules(language || "en").select(n);
  } catch {
    // not a language: the general form
  }
  return (forms[category] ?? forms.other ?? "").replace("{n}", String(n));
}
