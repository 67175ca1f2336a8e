// Making nodes and writing texts.

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

/** A live region speaks when it is written to, so only news is written. @param {Node} node @param {string} text */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A button that does one thing. @param {string} action its name @param {() => void} act @param {Record<string, string>} [more] */
export function button(action, act, more = {}) {
  const made = create("button", { type: "button", part: "button", "data-action": action, ...more });
  made.addEventListener("click", act);
  return made;
}
