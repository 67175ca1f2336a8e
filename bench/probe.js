// What a visitor feels of a page, gathered in the page itself: `vitals`, in milliseconds since the navigation began.

const vitals = { lcp: 0, cls: 0, interactive: 0, clicks: {} };

function observe(type, take, options) {
  const observer = new PerformanceObserver((list) => list.getEntries().forEach(take));
  observer.observe({ type, buffered: true, ...options });
}

observe("largest-contentful-paint", ({ startTime }) => (vitals.lcp = startTime));
observe("layout-shift", ({ value, hadRecentInput }) => (vitals.cls += hadRecentInput ? 0 : value));

// The browser tells of the first click in any case, and of later ones if they took 16 ms or more.
function noteClick({ interactionId, target, duration }) {
  if (interactionId && target)
    vitals.clicks[target.localName] = Math.max(vitals.clicks[target.localName] ?? 0, duration);
}
observe("event", noteClick, { durationThreshold: 16 });
observe("first-input", noteClick);

function isInteractive(element) {
  const find = (selector) => element.shadowRoot.querySelector(selector);
  const worded = find('[name="title"]').textContent !== "";
  return (
    worded &&
    element.getAttribute("state") === "off" &&
    find("[role=switch]").checkVisibility({ visibilityProperty: true })
  );
}

customElements.whenDefined("freespan-switch").then(() => {
  const element = document.querySelector("freespan-switch");
  const look = () => {
    if (!isInteractive(element)) return;
    observer.disconnect();
    // After the frame in which it is drawn.
    requestAnimationFrame(() => setTimeout(() => (vitals.interactive ||= performance.now())));
  };
  const observer = new MutationObserver(look);
  observer.observe(element.shadowRoot, { subtree: true, childList: true, attributes: true, characterData: true });
  look();
});
