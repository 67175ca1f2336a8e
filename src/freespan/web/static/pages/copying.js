// Buttons that copy a text. Where the clipboard is not available, the text is selected, to be copied with the keyboard.

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
      await navigator.clipboard.writeText(source.textContent ?? "");
      note.textContent = "Copied.";
    } catch {
      getSelection()?.selectAllChildren(source);
      note.textContent = "Selected: copy it with the keyboard.";
    }
  });
}
