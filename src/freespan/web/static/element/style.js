// Creates nodes, and says how they look. A constructed style sheet needs no `unsafe-inline` in the page's Content-Security-Policy.

const DARK = `
  --ground: var(--freespan-background, #161c23); --text: var(--freespan-text, #eef3f6); --muted: var(--freespan-muted, #a5b2bd);
  --line: var(--freespan-line, #2f3a45); --on: var(--freespan-accent, #2fcf9f); --on-text: #06281e;
  --idle: #7a8794; --warn: #f2b04a; color-scheme: dark; --thumb: #fff; --shade: 0 1px 2px #0006; --lift: 0 8px 30px #000a;`;

const CSS = `
:host {
  --ground: var(--freespan-background, #fff); --text: var(--freespan-text, #17212b); --muted: var(--freespan-muted, #586571);
  --line: var(--freespan-line, #d9e0e6); --on: var(--freespan-accent, #0a7f60); --on-text: #fff;
  --idle: #76828d; --warn: #a85400; --thumb: #fff; --shade: 0 1px 2px #1a2b3c1f; --lift: 0 8px 30px #1a2b3c33;
  --round: var(--freespan-radius, 1.2em); --inset: var(--freespan-inset, 16px);
  display: inline-block; min-width: 0; max-width: 100%; vertical-align: middle; text-align: start; font-size: 14.5px; color-scheme: light;
}
@media (prefers-color-scheme: dark) { :host(:not([theme="light"], [theme="page"])) {${DARK}} }
:host([theme="dark"]) {${DARK}}
:host([theme="page"]) {
  --ground: var(--freespan-background, transparent); --text: var(--freespan-text, currentColor);
  --muted: var(--freespan-muted, color-mix(in srgb, currentColor 82%, transparent));
  --line: var(--freespan-line, color-mix(in srgb, currentColor 26%, transparent));
  --on: var(--freespan-accent, currentColor); --idle: color-mix(in srgb, currentColor 60%, transparent); --thumb: currentColor;
  --warn: currentColor; --shade: none; color-scheme: inherit; --freespan-font: inherit;
}
:host([size="small"]) { font-size: 12.5px; }
:host([size="large"]) { font-size: 17px; }
:host([hidden]), [hidden] { display: none !important; }
* { box-sizing: border-box; }
p, ul, dl, dd { margin: 0; padding: 0; }

.box {
  width: 26.5em; max-width: 100%; background: var(--ground); color: var(--text);
  border: 1px solid var(--line); border-radius: var(--round); box-shadow: var(--shade);
  font-family: var(--freespan-font, system-ui, sans-serif);
  font-weight: 400; line-height: 1.4; letter-spacing: normal; text-transform: none;
}
.loading { visibility: hidden; } /* nothing visible may move when the texts arrive */
:host(:is([state="waiting"], [state="helping"])) .box { border-color: color-mix(in srgb, var(--on) 55%, var(--line)); }
.head { position: relative; display: flex; align-items: center; gap: .95em; padding: .75em 1.2em .75em .95em; border-radius: var(--round); }
.text { flex: 1; min-width: 0; display: grid; }
.title { font-weight: 620; overflow-wrap: anywhere; }
.line { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; column-gap: 1em; font-size: .875em; color: var(--muted); }

button { font: inherit; color: inherit; cursor: pointer; }
a, summary, .link { position: relative; z-index: 1; color: inherit; cursor: pointer; border-radius: .3em; }
.link { padding: 0; border: 0; background: none; text-align: start; }
.link, .consent > a, label { min-height: 24px; }
.box:is(:lang(my), :lang(bo)) { line-height: 1.75; }
a, .link { text-decoration: underline color-mix(in srgb, currentColor 45%, transparent); text-underline-offset: 2px; }
a:hover, .link:hover { color: var(--text); text-decoration-color: currentColor; }
:is(a, summary, button, input):focus-visible { outline: 2px solid var(--on); outline-offset: 2px; }
[tabindex="-1"]:focus { outline: none; }

[role="switch"] {
  flex: none; width: 3.2em; height: 1.9em; padding: .2em; border: 0; border-radius: 9em;
  background: var(--idle); transition: background-color .25s;
}
[role="switch"]::after { content: ""; position: absolute; inset: 0; border-radius: var(--round); } /* the whole line is the switch */
[role="switch"]:focus { outline: none; }
[role="switch"]:focus-visible::after { outline: 2px solid var(--on); outline-offset: 2px; }
i { display: block; width: 1.5em; height: 1.5em; border-radius: 50%; background: var(--thumb);
  box-shadow: 0 1px 2px #0006; transition: transform .25s; }
[aria-checked="true"] { background: var(--on); }
[aria-checked="true"] i { transform: translateX(1.3em); }
[aria-checked="true"]:dir(rtl) i { transform: translateX(-1.3em); }
:host([state="connecting"]) [role="switch"] { background: color-mix(in srgb, var(--on) 60%, var(--idle)); }
:host(:is([state="offline"], [state="blocked"], [state="paused"])) [role="switch"] { background: var(--warn); }
[aria-disabled="true"] { opacity: .55; cursor: not-allowed; }

:host([theme="page"]) [role="switch"] { padding: calc(.2em - 2px); border: 2px solid currentColor; background: none; }
:host([theme="page"]) [aria-checked="true"] { background: color-mix(in srgb, var(--on) 35%, transparent); }
:host([theme="page"]) .primary { border: 2px solid currentColor; background: none; color: inherit; }

.status { display: inline-flex; align-items: baseline; gap: .55em; }
.status::before { content: ""; flex: none; width: .55em; height: .55em; border-radius: 50%; background: currentColor; opacity: .55; }
:host(:is([state="waiting"], [state="helping"])) .status::before { background: var(--on); opacity: 1; }
:host([state="helping"]) .status { color: var(--on); font-weight: 620; }
:host(:is([state="offline"], [state="blocked"], [state="paused"])) .status::before { background: var(--warn); opacity: 1; }

.close { position: relative; z-index: 1; flex: none; width: 2em; height: 2em; margin-inline-end: -.5em; padding: 0; border: 0; border-radius: 50%; background: none; color: var(--muted); }
.close::before { content: "✕"; }
.close:hover { background: var(--line); }

.details { padding: 0 1.2em 1.1em; display: grid; gap: 1em; }
.consent { display: grid; gap: .8em; font-size: .95em; }
.consent ul { display: grid; gap: .6em; list-style: none; }
.consent li { position: relative; padding-inline-start: 1.5em; }
.consent li::before { position: absolute; inset-inline-start: 0; width: 1em; text-align: center; font-weight: 620; content: "✓"; color: var(--on); }
.consent .consent_does_not::before { content: "✕"; color: var(--muted); }
.consent .consent_risk::before { content: "!"; color: var(--warn); }
.consent > a { justify-self: start; margin-inline-start: 1.5em; color: var(--muted); }
.warnings:empty { display: none; }
.warnings { padding: .6em .8em; border-inline-start: 3px solid var(--warn); background: color-mix(in srgb, var(--warn) 12%, transparent); font-weight: 620; }
label { display: flex; align-items: center; gap: .6em; }
input { font: inherit; color: inherit; accent-color: var(--on); }
[type="checkbox"] { flex: none; width: 1.15em; height: 1.15em; }
.actions { display: flex; flex-wrap: wrap; gap: .6em; }
[part="button"]:not(.close) { min-height: 2.4em; padding: .35em 1.1em; border: 1px solid color-mix(in srgb, currentColor 45%, transparent); border-radius: calc(var(--round) * .6); background: none; }
[part="button"].primary { border-color: transparent; background: var(--on); color: var(--on-text); font-weight: 620; }
[part="button"]:disabled { opacity: .6; }

:host([layout="card"]) .box { width: 24em; }

/* Opacity and transform alone, which cost the page's main thread nothing, and three times only: pages must not move all the time. */
@keyframes breathe { 50% { opacity: .35; } }
@keyframes beat { 50% { opacity: .6; transform: scale(1.6); } }
:host(:is([state="connecting"], [state="offline"])) .status::before { animation: breathe 1.4s ease-in-out 3; }
:host([state="helping"]) .status::before { animation: beat 1.6s ease-in-out 3; }
@media (prefers-reduced-motion: reduce) { *, *::before { animation: none !important; transition: none !important; } }
@media (forced-colors: active) {
  [role="switch"] { outline: 1px solid ButtonText; background: ButtonFace !important; forced-color-adjust: none; }
  i { background: ButtonText; box-shadow: none; }
  [aria-checked="true"] { background: Highlight !important; }
  [aria-checked="true"] i { background: HighlightText; }
  .status::before { background: CanvasText !important; forced-color-adjust: none; }
}`;

/** Shared by all switches of a page. @type {Map<string, CSSStyleSheet>} */
const sheets = new Map();

/**
 * Add styles: those of header and consent, or those of a part that is loaded later.
 * @param {ShadowRoot} root
 * @param {string} [css]
 */
export function addStyles(root, css = CSS) {
  // A browser from before 2023, where the page's policy may forbid the style element.
  if (!root.adoptedStyleSheets) return root.append(create("style", {}, css));
  const sheet = sheets.get(css) ?? new CSSStyleSheet();
  if (!sheets.has(css)) sheet.replaceSync(css);
  sheets.set(css, sheet);
  root.adoptedStyleSheets = [...new Set([...root.adoptedStyleSheets, sheet])];
}

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
