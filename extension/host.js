// The host that the user names: its address, or the line that it shows for web pages, in whatever text was pasted.

import { findHost } from "./static/paste/host.js";

const ANSWER_SECONDS = 10;
/** The hosts that the extension's policy lets it reach without encryption. */
const THIS_MACHINE = ["localhost", "127.0.0.1"];

/** The texts about what is wrong with what was pasted. */
const FAULTS = {
  none: "host_bad",
  invite: "host_invite",
  several: "host_several",
  damaged: "host_damaged",
};

/** `key` is that of the text about what is wrong: one of `FAULTS`, `host_https` or `host_silent`. */
export class HostError extends Error {
  /** @param {string} key */
  constructor(key) {
    super(key);
    this.key = key;
  }
}

/**
 * @param {string} text
 * @returns {string} the host's URL, with a slash at its end
 * @throws {HostError}
 */
export function hostOf(text) {
  const found = findHost(text);
  if ("fault" in found) throw new HostError(FAULTS[found.fault]);
  const { protocol, hostname } = new URL(found.host);
  if (protocol !== "https:" && !THIS_MACHINE.includes(hostname)) throw new HostError("host_https");
  return found.host;
}

/**
 * Check that there is a host. It is asked from an iframe with an opaque origin (check.js), so that it learns no
 * identifier.
 * @param {string} host its URL, with a slash at its end
 * @throws {HostError}
 */
export async function checkHost(host) {
  const iframe = document.createElement("iframe");
  iframe.setAttribute("sandbox", "allow-scripts");
  iframe.hidden = true;
  iframe.src = `check.html#${host}`;
  const gone = new AbortController();
  /** @type {Promise<boolean>} */
  const answer = new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ANSWER_SECONDS * 1000);
    gone.signal.addEventListener("abort", () => clearTimeout(timer));
    window.addEventListener(
      "message",
      ({ source, data }) => {
        const isAnswer = source === iframe.contentWindow && data?.freespan === 1 && data.type === "checked";
        if (isAnswer) resolve(data.found === true);
      },
      gone,
    );
  });
  document.body.append(iframe);
  const found = await answer;
  gone.abort();
  iframe.remove();
  if (!found) throw new HostError("host_silent");
}
