// Buttons that copy a text; without the clipboard it can still be selected and copied by hand.

/**
 * @param {Element | null} button hidden until it can do something
 * @param {Element | null} text what is copied, as text
 * @param {Element | null} said where it is told, a live region
 */
export function copies(button, text, said) {
  if (!(button instanceof HTMLButtonElement) || !text || !said || !navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent ?? "");
      said.textContent = "Copied.";
    } catch {
      getSelection()?.selectAllChildren(text);
      said.textContent = "Selected: copy it with the keyboard.";
    }
  });
}
