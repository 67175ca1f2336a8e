// Creates nodes and writes texts.

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, string>} [attributes]
 * @param {(Node | string)[]} children
 */
export function create(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/**
 * A screen reader reads a live region when it is written to, so only changes are written.
 * @param {Node} node
 * @param {string} text
 */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** @param {string} action the button's name @param {() => void} act @param {Record<string, string>} [more] */
export function button(action, act, more = {}) {
  const made = create("button", { type: "button", part: "button", "data-action": action, ...more });
  made.addEventListener("click", act);
  return made;
}
