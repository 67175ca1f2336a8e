// How the switch looks. A constructed sheet: it needs no `unsafe-inline` in the page's Content-Security-Policy.

const DARK = `
  --ground: var(--freespan-background, #161c23); --text: #eef3f6; --muted: #a5b2bd; --line: #2f3a45;
  --idle: #6f7c89; --on: var(--freespan-accent, #2fcf9f); --warn: #f2b04a; --thumb: #fff; --shade: 0 1px 2px #0006;`;

const CSS = `
:host {
  --ground: var(--freespan-background, #fff); --text: #17212b; --muted: #586571; --line: #d9e0e6;
  --idle: #7d8994; --on: var(--freespan-accent, #0a7f60); --warn: #b35c00; --thumb: #fff; --shade: 0 1px 2px #1a2b3c1f;
  display: inline-block; max-width: 100%; vertical-align: middle; text-align: start;
}
@media (prefers-color-scheme: dark) { :host(:not([theme="light"])) {${DARK}} }
:host([theme="dark"]) {${DARK}}
:host([hidden]) { display: none; }
* { box-sizing: border-box; }

.pill {
  position: relative; display: flex; align-items: center; gap: 14px;
  width: 384px; max-width: 100%; padding: 11px 18px 11px 14px;
  background: var(--ground); color: var(--text);
  border: 1px solid var(--line); border-radius: 18px; box-shadow: var(--shade);
  font: 14.5px/1.35 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  transition: border-color .25s, box-shadow .25s;
}
.pill:hover { border-color: color-mix(in srgb, var(--on) 45%, var(--line)); }
:host(:is([state="waiting"], [state="helping"])) .pill { border-color: color-mix(in srgb, var(--on) 55%, var(--line)); }

button {
  flex: none; appearance: none; width: 46px; height: 28px; padding: 3px; border: 0; border-radius: 99px;
  background: var(--idle); cursor: pointer; transition: background-color .25s;
}
button::after { content: ""; position: absolute; inset: 0; border-radius: 18px; } /* all of the pill is the switch */
button:focus { outline: none; }
button:focus-visible::after { outline: 2px solid var(--on); outline-offset: 2px; }
i { display: block; width: 22px; height: 22px; border-radius: 50%; background: var(--thumb);
  box-shadow: 0 1px 3px #0005; transition: transform .25s cubic-bezier(.3, 1.4, .6, 1); }
button[aria-checked="true"] { background: var(--on); }
button[aria-checked="true"] i { transform: translateX(18px); }
button[aria-checked="true"]:dir(rtl) i { transform: translateX(-18px); }
:host([state="connecting"]) button { background: color-mix(in srgb, var(--on) 60%, var(--idle)); }
:host([state="offline"]) button { background: var(--warn); }
button[aria-disabled="true"] { opacity: .5; cursor: not-allowed; }

.text { flex: 1; min-width: 0; display: grid; gap: 1px; }
.title { font-weight: 620; letter-spacing: -.006em; }
.line { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; column-gap: 12px;
  font-size: 12.5px; color: var(--muted); }
.status { display: inline-flex; align-items: baseline; gap: 7px; }
.status::before { content: ""; flex: none; width: 7px; height: 7px; border-radius: 50%; background: currentColor; opacity: .55; }
:host(:is([state="waiting"], [state="helping"])) .status::before { background: var(--on); opacity: 1; }
:host([state="helping"]) .status { color: var(--on); font-weight: 600; }
:host([state="offline"]) .status::before { background: var(--warn); opacity: 1; }
a { position: relative; z-index: 1; color: inherit; text-underline-offset: 2px;
  text-decoration-color: color-mix(in srgb, currentColor 40%, transparent); border-radius: 4px; }
a:hover { color: var(--text); text-decoration-color: currentColor; }
a:focus-visible { outline: 2px solid var(--on); outline-offset: 2px; }

@keyframes breathe { 50% { opacity: .35; } }
@keyframes ring { from { box-shadow: 0 0 0 0 color-mix(in srgb, var(--on) 55%, transparent); } to { box-shadow: 0 0 0 8px transparent; } }
:host(:is([state="connecting"], [state="offline"])) .status::before { animation: breathe 1.4s ease-in-out infinite; }
:host([state="helping"]) .status::before { animation: ring 1.6s ease-out infinite; }
@media (prefers-reduced-motion: reduce) { *, *::before { animation: none !important; transition: none !important; } }
@media (forced-colors: active) {
  button { border: 1px solid ButtonText; padding: 2px; background: ButtonFace !important; forced-color-adjust: none; }
  i { background: ButtonText; box-shadow: none; }
  button[aria-checked="true"] { background: Highlight !important; }
  button[aria-checked="true"] i { background: HighlightText; }
  .status::before { background: CanvasText !important; forced-color-adjust: none; }
}`;

/** @param {ShadowRoot} root */
export function dress(root) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(CSS);
  root.adoptedStyleSheets = [sheet];
}
