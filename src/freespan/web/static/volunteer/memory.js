// What the switch remembers in the page's storage: the choice, and how many readers were helped. Storage may be blocked.

const KEY = "freespan-switch";

/** @typedef {{on: boolean, helped: number}} Memory */

/** @returns {Memory} */
export function recall() {
  try {
    const { on, helped } = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return { on: on === true, helped: Number.isSafeInteger(helped) && helped > 0 ? helped : 0 };
  } catch {
    return { on: false, helped: 0 };
  }
}

/** @param {Partial<Memory>} change */
export function remember(change) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...recall(), ...change }));
  } catch {
    // the choice lasts as long as the page, then
  }
}

/** Call when another tab turns the switch off: who says no means all tabs. @param {() => void} call */
export function onForgotten(call) {
  /** @param {StorageEvent} event */
  const listener = ({ key }) => {
    if (key === KEY && !recall().on) call();
  };
  window.addEventListener("storage", listener);
  return () => window.removeEventListener("storage", listener);
}
