// What of a session description reaches the browser's WebRTC engine. The twin of wire/sdp.py. Pure.

import { isPublic } from "./addresses.js";

// To the letter (RFC 8839 section 5.1): an engine that splits the line in another way would see another candidate.
const CANDIDATE = /^a=candidate:[!-~]+ \d+ [uU][dD][pP] \d+ ([!-~]+) \d+ typ [ -~]+$/;
/** All that a data channel needs, except for addresses. */
const KEPT =
  /^([vost]=|a=(ice-(ufrag|pwd|options|lite)|fingerprint|setup|mid|group|sctp-port|max-message-size|sendrecv|msid-semantic|extmap-allow-mixed)(:|$))/;
const CANDIDATES_MAX = 32;

/**
 * Leave out TCP candidates (RFC 6544), which would connect to any port of any service, and lines with control
 * characters. On the open internet private addresses are left out as well, wherever they stand, and all lines that a
 * data channel does not need.
 * @param {string} sdp
 * @param {boolean} allowPrivate
 */
export function filterSdp(sdp, allowPrivate) {
  let candidates = 0;
  /** @param {string} line @returns {string} the line as it may pass, or nothing */
  const filtered = (line) => {
    if (/[^ -~]/.test(line)) return "";
    if (/candidate:/i.test(line)) {
      const address = CANDIDATE.exec(line)?.[1];
      if (!address || !(allowPrivate || isPublic(address)) || ++candidates > CANDIDATES_MAX) return "";
      return allowPrivate
        ? line
        : line
            .replace(/ +/g, " ")
            .replace(/( raddr) [^ ]+/gi, "$1 0.0.0.0")
            .trim();
    }
    if (allowPrivate || KEPT.test(line)) return line;
    if (line.startsWith("c=")) return "c=IN IP4 0.0.0.0";
    return line.startsWith("m=") ? line.replace(/^(m=[^ ]+) [^ ]+/, "$1 9") : "";
  };
  return sdp
    .split(/\r?\n/)
    .map(filtered)
    .filter(Boolean)
    .map((line) => `${line}\r\n`)
    .join("");
}
