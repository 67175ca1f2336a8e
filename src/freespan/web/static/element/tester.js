// "Is it working?": runs the host's self-test in a sandboxed iframe, and names the sentences that describe the result.
// Loaded when somebody asks.

const READY_SECONDS = 10;
const LIMIT_SECONDS = 25;

/** @typedef {import("../self-test/diagnose.js").Result} Result */

const NATS = ["open", "cone", "symmetric"];
const READERS = ["yes", "mostly", "no"];
/** @type {Result} */
const FAILED = { broker: false, stun: null, egress: null, nat: "", reader: "no" };
/** The host answers this page, but something in this browser blocks its iframe. @type {Result} */
const BLOCKED = { ...FAILED, broker: null };

/**
 * Test whether this browser would be of use as a bridge. A test that fails has the result of a host that does not
 * answer.
 * @param {string} host its base URL, with a slash at its end
 * @param {Node} container of the iframe, which is hidden
 * @returns {Promise<Result>} within 25 seconds
 */
export function test(host, container) {
  return new Promise((done) => {
    const iframe = document.createElement("iframe");
    /** @param {Result} result */
    const end = (result) => {
      for (const timer of timers) clearTimeout(timer);
      window.removeEventListener("message", onMessage);
      iframe.remove();
      done(result);
    };
    /** @param {MessageEvent} event */
    const onMessage = ({ source, data }) => {
      if (!source || source !== iframe.contentWindow || data?.freespan !== 1) return;
      if (data.type === "ready") {
        clearTimeout(timers[0]);
        // The iframe's origin is opaque, so it cannot be named; the iframe itself is ours.
        iframe.contentWindow?.postMessage({ freespan: 1, type: "test" }, "*");
      }
      if (data.type === "tested") end(resultIn(data));
    };
    const explain = async () => {
      const answer = await fetch(iframe.src, { credentials: "omit", cache: "no-store" }).catch(() => undefined);
      end(answer?.ok ? BLOCKED : FAILED);
    };
    const timers = [setTimeout(explain, READY_SECONDS * 1000), setTimeout(() => end(FAILED), LIMIT_SECONDS * 1000)];
    window.addEventListener("message", onMessage);
    iframe.setAttribute("sandbox", "allow-scripts");
    iframe.setAttribute("aria-hidden", "true");
    iframe.referrerPolicy = "no-referrer";
    iframe.title = "freespan self-test";
    iframe.hidden = true;
    iframe.tabIndex = -1;
    try {
      iframe.src = new URL("self-test", host).href;
      container.appendChild(iframe);
    } catch {
      end(FAILED);
    }
  });
}

/**
 * The sentences that describe a result, as keys of languages/*.json, in the order in which they are read. What could
 * not be found out has none.
 * @param {Result} result
 * @returns {string[]}
 */
export function sentences({ broker, stun, egress, nat, reader }) {
  const found = broker === null ? ["blocked"] : [];
  for (const [name, reached] of Object.entries({ broker, stun, egress })) {
    if (reached !== null) found.push(`${name}_${reached ? "reached" : "not_reached"}`);
  }
  if (nat) found.push(`nat_${nat}`);
  return [...found, `reader_${reader}`];
}

/**
 * The page may be of another version than this file.
 * @param {any} data
 * @returns {Result}
 */
function resultIn({ broker, stun, egress, nat, reader }) {
  /** @param {unknown} value */
  const flag = (value) => (typeof value === "boolean" ? value : null);
  return {
    broker: broker === true,
    stun: flag(stun),
    egress: flag(egress),
    nat: NATS.includes(nat) ? nat : "",
    reader: READERS.includes(reader) ? reader : "no",
  };
}
