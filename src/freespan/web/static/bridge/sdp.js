// What of a session description reaches the browser's WebRTC engine. The twin of wire/sdp.py. Pure.

import { chosen, parseCandidate } from "./candidates.js";

/** All that a data channel needs, except for addresses. */
const KEPT =
  /^([vost]=|a=(ice-(ufrag|pwd|options|lite)|fingerprint|setup|mid|group|sctp-port|max-message-size|sendrecv|msid-semantic|extmap-allow-mixed)(:|$))/;
const CANDIDATES_READ = 64;
const LINES_MAX = 128;
/** Kinds of lines that a description has once; so it cannot grow with each of them. */
const ONCE = /^([vostc]=|a=ice-(?:ufrag|pwd)(?=$|:))/;
/** Lines that must have a certain form. @type {Record<string, RegExp>} */
const FORMS = {
  "a=ice-ufrag": /^:[A-Za-z\d+/]{4,32}$/,
  "a=ice-pwd": /^:[A-Za-z\d+/]{22,128}$/,
  "a=fingerprint": /^:[A-Za-z\d-]{1,16} [\dA-Fa-f]{2}(:[\dA-Fa-f]{2}){0,63}$/,
};

/**
 * Leave out TCP candidates (RFC 6544), which would connect to any port of any service, lines with control
 * characters, a second line of a kind that a description has once, and all lines after the first 128. Of the other
 * candidates few pass, written anew: with `only`, those of these addresses. On the open internet private addresses are
 * left out as well, wherever they stand, and all lines that a data channel does not need.
 * @param {string} sdp
 * @param {boolean} allowPrivate
 * @param {Set<string>} [only]
 */
export function filterSdp(sdp, allowPrivate, only) {
  const lines = linesOf(sdp).map((line) => (/[^ -~]/.test(line) ? "" : line));
  const candidates = candidatesIn(lines, allowPrivate);
  const passing = chosen(candidates.flatMap((one) => (one && (!only || only.has(one.address)) ? [one] : [])));
  const seen = new Set();
  /** @param {string} line @param {number} i @returns {string} the line as it may pass, or nothing */
  const filtered = (line, i) => {
    const candidate = candidates[i];
    if (candidate) return passing.has(candidate) ? candidate.line : "";
    if (/candidate:/i.test(line)) return "";
    const [, name = "", value = ""] = /^(a=(?:ice-ufrag|ice-pwd|fingerprint))(?:$|(:.*))/.exec(line) ?? [];
    const form = FORMS[name];
    if (form && !form.test(value)) return "";
    const [kind] = ONCE.exec(line) ?? [];
    if (kind && seen.has(kind)) return "";
    seen.add(kind);
    if (allowPrivate || KEPT.test(line)) return line;
    if (line.startsWith("c=")) return "c=IN IP4 0.0.0.0";
    return line.startsWith("m=") ? line.replace(/^(m=[^ ]+) [^ ]+/, "$1 9") : "";
  };
  return lines
    .map(filtered)
    .filter(Boolean)
    .map((line) => `${line}\r\n`)
    .join("");
}

/** The addresses and names to which a description makes an end send checks. @param {string} sdp @param {boolean} allowPrivate */
export function namedAddresses(sdp, allowPrivate) {
  return new Set(candidatesIn(linesOf(sdp), allowPrivate).flatMap((one) => one?.address ?? []));
}

/** For each line the candidate that it is, among the first that hold any. @param {string[]} lines @param {boolean} allowPrivate */
function candidatesIn(lines, allowPrivate) {
  let read = 0;
  return lines.map((line) =>
    /candidate:/i.test(line) && ++read <= CANDIDATES_READ ? parseCandidate(line, allowPrivate) : undefined,
  );
}

/** @param {string} sdp */
function linesOf(sdp) {
  return sdp.split("\n", LINES_MAX).map((line) => line.replace(/\r$/, ""));
}
