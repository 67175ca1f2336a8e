// The host that the user names: its address, or the line that it shows for web pages.

const ANSWER_SECONDS = 10;
/** The hosts that the extension's policy lets it reach without encryption. */
const THIS_MACHINE = ["localhost", "127.0.0.1"];

/** `key` is that of the text about what is wrong: `host_bad`, `host_https` or `host_silent`. */
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
  const url = urlOf(written);
  if (!url) throw new HostError("host_bad");
  if (url.protocol !== "https:" && !THIS_MACHINE.includes(url.hostname)) throw new HostError("host_https");
  if (url.username || url.password) throw new HostError("host_bad");
  const path = url.pathname.replace(/\/(switch\.js|headless\.js|embed)$/, "/").replace(/\/*$/, "/");
  return url.origin + path;
}

/** @param {string} written @returns {URL | undefined} undefined for anything but an http or https URL */
function urlOf(written) {
  try {
    return /^https?:\/\/[^\s<>]+$/i.test(written) ? new URL(written) : undefined;
  } catch {
    return undefined;
  }
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
