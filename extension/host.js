// The host that the user names: its address, or the line that it shows for web pages.

const ANSWER_SECONDS = 10;
/** Which the extension's policy lets it reach without encryption. */
const THIS_MACHINE = ["localhost", "127.0.0.1"];

/** `key` names the text that says what is wrong: `host_bad`, `host_https` or `host_silent`. */
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
  const written = (/\ssrc\s*=\s*["']?([^"'\s>]+)/i.exec(text)?.[1] ?? text).trim();
  if (!/^https?:\/\/[^\s<>]+$/i.test(written) || !URL.canParse(written)) throw new HostError("host_bad");
  const url = new URL(written);
  if (url.protocol !== "https:" && !THIS_MACHINE.includes(url.hostname)) throw new HostError("host_https");
  if (url.username || url.password) throw new HostError("host_bad");
  const path = url.pathname.replace(/\/(switch\.js|bridge\.js|embed)$/, "/").replace(/\/*$/, "/");
  return url.origin + path;
}

/**
 * See that a host is there.
 * @param {string} host its URL, with a slash at its end
 * @throws {HostError}
 */
export async function checkHost(host) {
  try {
    const signal = AbortSignal.timeout(ANSWER_SECONDS * 1000);
    const url = new URL("bridge", host);
    const response = await fetch(url, { credentials: "omit", redirect: "error", cache: "no-store", signal });
    if (response.ok && (await response.text()).includes("freespan bridge")) return;
  } catch {
    // no answer, too late, or one that is no page of a host
  }
  throw new HostError("host_silent");
}
