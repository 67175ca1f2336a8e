// What stands inside a switch beside the texts for its slots. In a page where its tag is not closed, or closed by a slash,
// that is all that follows: it stays visible, and looks as it would outside.

export const STYLE = ":host { display: block; } slot:not([name]) { display: block; }";

const INHERITED = ["font-size", "text-align", "color-scheme"];

/**
 * Returns whether there was anything to show.
 * @param {Element} element the switch @param {HTMLSlotElement} slot
 */
export function showRest(element, slot) {
  const rest = slot.assignedNodes();
  if (!rest.some((node) => node instanceof Element || node.textContent?.trim())) return false;
  const outside = getComputedStyle(element.parentElement?.closest(":not(freespan-switch)") ?? document.documentElement);
  for (const name of INHERITED) slot.style.setProperty(name, outside.getPropertyValue(name));
  console.warn("freespan-switch: is not closed, so what follows is inside it; write </freespan-switch> behind it");
  return true;
}
