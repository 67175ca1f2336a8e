// What is fixed over the page: banner, floating pill and the question at good-bye. Loaded where there is one.

export const STYLE = `
.overlay {
  position: fixed; z-index: 2147483000; inset-block-end: var(--inset); inset-inline-end: var(--inset);
  max-width: calc(100% - 2 * var(--inset)); max-height: calc(100% - 2 * var(--inset)); overflow: auto; box-shadow: var(--lift);
}
:host([theme="page"]) .overlay { background: var(--freespan-background, var(--page, Canvas)); }
.bar {
  inset-inline: 0; inset-block-end: 0; width: auto; max-width: none; border-width: 1px 0 0; border-radius: 0;
  padding-inline: max(0px, 50vw - 38em);
}
@media (max-width: 799px), (max-height: 479px) { .bar .details:not(.opened) { display: none; } }
@media (min-width: 800px) {
  .bar .consent { display: flex; flex-wrap: wrap; align-items: center; gap: .8em 1.5em; }
  .bar .consent :is(ul, .warnings) { width: 100%; }
  .bar .consent ul { grid-template-columns: repeat(3, 1fr); column-gap: 2em; }
  .bar .consent > a { margin-inline-end: auto; }
}`;

/**
 * The background of an element, which an overlay needs where it has the page's own colours.
 * @param {Element} element
 */
export function backgroundOf(element) {
  for (let place = element.parentElement; place; place = place.parentElement) {
    const colour = getComputedStyle(place).backgroundColor;
    if (!/^transparent$|, 0\)$/.test(colour)) return colour;
  }
  return "Canvas";
}
