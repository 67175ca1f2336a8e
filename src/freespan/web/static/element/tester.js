// "Is it working?": runs the host's self-test in a sandboxed iframe, and says which sentences tell what it has found.
// Loaded when somebody asks.

const READY_SECONDS = 10;
const LIMIT_SECONDS = 25;

/** @typedef {import("../self-test/examine.js").Result} Result */

const NATS = ["open", "cone", "symmetric"];
const READERS = ["yes", "mostly", "no"];
/** @type {Result} */
const FAILED = { broker: false, stun: null, egress: null, nat: "", reader: "no" };
/** The host answers this page, but something in this browser keeps its frame away. @type {Result} */
const BLOCKED = { ...FAILED, broker: null };

/**
 * Test whether this browser would be of use as a bridge. Whatever goes wrong is a result, too: that of a host that does
 * not answer.
 * @param {string} host its base URL, with a slash at its end
 * @param {Node} place where the iframe may stand meanwhile; it cannot be seen
 * @returns {Promise<Result>} within 25 seconds
 */
export function test(host, place) {
  return new Promise((done) => {
    const frame = document.createElement("iframe");
    /** @param {Result} result */
    const end = (result) => {
      for (const timer of timers) clearTimeout(timer);
      window.removeEventListener("message", hear);
      frame.remove();
      done(result);
    };
    /** @param {MessageEvent} event */
    const hear = ({ source, data }) => {
      if (!source || source !== frame.contentWindow || data?.freespan !== 1) return;
      if (data.type === "ready") {
        clearTimeout(timers[0]);
        // The frame's origin is opaque, so it cannot be named; the frame itself is ours.
        frame.contentWindow?.postMessage({ freespan: 1, type: "test" }, "*");
      }
      if (data.type === "tested") end(resultIn(data));
    };
    const explain = async () => {
      const answer = await fetch(frame.src, { credentials: "omit", cache: "no-store" }).catch(() => undefined);
      end(answer?.ok ? BLOCKED : FAILED);
    };
    const timers = [setTimeout(explain, READY_SECONDS * 1000), setTimeout(() => end(FAILED), LIMIT_SECONDS * 1000)];
    window.addEventListener("message", hear);
    frame.setAttribute("sandbox", "allow-scripts");
    frame.setAttribute("aria-hidden", "true");
    frame.referrerPolicy = "no-referrer";
    frame.title = "freespan self-test";
    frame.hidden = true;
    frame.tabIndex = -1;
    try {
      frame.src = new URL("self-test", host).href;
      place.appendChild(frame);
    } catch {
      end(FAILED);
    }
  });
}

/**
 * The sentences that tell a result, as keys of languages/*.json, in the order in which they are read. What could not be
 * asked is not spoken of.
 * @param {Result} result
 * @returns {string[]}
 */
export function sentences({ broker, stun, egress, nat, reader }) {
  const said = broker === null ? ["blocked"] : [];
  for (const [name, reached] of Object.entries({ broker, stun, egress })) {
    if (reached !== null) said.push(`${name}_${reached ? "reached" : "not_reached"}`);
  }
  if (nat) said.push(`nat_${nat}`);
  return [...said, `reader_${reader}`];
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
