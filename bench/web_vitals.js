// Collects the web vitals of the page that loads this script in `vitals`; times are in milliseconds since navigation.

const vitals = { lcp: 0, cls: 0, interactive: 0, clicks: {} };

function observe(type, take, options) {
  const observer = new PerformanceObserver((list) => list.getEntries().forEach(take));
  observer.observe({ type, buffered: true, ...options });
}

observe("largest-contentful-paint", ({ startTime }) => (vitals.lcp = startTime));
observe("layout-shift", ({ value, hadRecentInput }) => (vitals.cls += hadRecentInput ? 0 : value));

// The browser reports the first click in any case, and later ones only if they took 16 ms or more.
function recordClick({ interactionId, target, duration }) {
  if (interactionId && target)
    vitals.clicks[target.localName] = Math.max(vitals.clicks[target.localName] ?? 0, duration);
}
observe("event", recordClick, { durationThreshold: 16 });
observe("first-input", recordClick);

function isInteractive(element) {
  const find = (selector) => element.shadowRoot.querySelector(selector);
  const hasTexts = find('[name="title"]').textContent !== "";
  return (
    hasTexts &&
    element.getAttribute("state") === "off" &&
    find("[role=switch]").checkVisibility({ visibilityProperty: true })
  );
}

customElements.whenDefined("freespan-switch").then(() => {
  const element = document.querySelector("freespan-switch");
  const check = () => {
    if (!isInteractive(element)) return;
    observer.disconnect();
    // Measured after the frame in which it is drawn.
    requestAnimationFrame(() => setTimeout(() => (vitals.interactive ||= performance.now())));
  };
  const observer = new MutationObserver(check);
  observer.observe(element.shadowRoot, { subtree: true, childList: true, attributes: true, characterData: true });
  check();
});
