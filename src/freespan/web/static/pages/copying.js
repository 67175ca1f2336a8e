// Buttons that copy a text. Where the clipboard is not available, the text is selected, to be copied with the keyboard.

/** A clipboard that does not answer by then, as one that asks somebody who is not there, counts as missing. */
const CLIPBOARD_MS = 2000;

/**
 * @param {Element | null} button hidden until it works
 * @param {Element | null} source its text is copied
 * @param {Element | null} note a live region for the outcome
 */
export function makeCopyButton(button, source, note) {
  if (!(button instanceof HTMLButtonElement) || !source || !note || !navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await within(CLIPBOARD_MS, navigator.clipboard.writeText(source.textContent ?? ""));
      note.textContent = "Copied.";
    } catch {
      getSelection()?.selectAllChildren(source);
      note.textContent = "Selected: copy it with the keyboard.";
    }
  });
}

/**
 * @param {number} ms
 * @param {Promise<void>} outcome
 */
function within(ms, outcome) {
  const late = new Promise((_, reject) => {
    setTimeout(reject, ms);
  });
  return Promise.race([outcome, late]);
}
