// The landing page's copy button; without it the line can still be selected and copied by hand.

const button = document.querySelector("#copy");
const line = document.querySelector("#embed");
const said = document.querySelector("#copied");

if (button instanceof HTMLButtonElement && line && said && navigator.clipboard) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(line.textContent ?? "");
      said.textContent = "Copied.";
    } catch {
      getSelection()?.selectAllChildren(line);
      said.textContent = "Selected: copy it with the keyboard.";
    }
  });
}
