// Addresses: read strictly, written in one form, and judged. The twin of wire/addresses.py. Pure.
//
// What is passed on is written from the numbers that were judged. So the browser cannot see another address than these
// checks did: it takes `0177.0.0.1` for 127.0.0.1.

import { SPECIAL_PURPOSE } from "./special-purpose.js";

/** The bytes of an IPv4 address, or the 16-bit groups of an IPv6 one. @typedef {number[]} Address */
/** @typedef {"yes" | "no" | "ipv4"} Verdict */

const IPV4 = /^((25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(?=\d)|$)){4}$/;
const IPV6_LENGTH_MAX = 45;
const ZEROS = /(^|:)0(:0)+(:|$)/g;

/** The longest networks first: their leading bits. @type {{bits: string, verdict: Verdict}[]} */
const NETWORKS = SPECIAL_PURPOSE.split(",")
  .map((row) => {
    const [, start = "", length, verdict] = /^(.*)\/(\d+) (.*)$/.exec(row) ?? [];
    const bits = bitsOf(parseAddress(start) ?? []);
    return { bits: bits.slice(0, Number(length) + 1), verdict: /** @type {Verdict} */ (verdict) };
  })
  .sort((one, other) => other.bits.length - one.bits.length);

/** The address that a text is: no zones, brackets or leading zeros. @param {string} text @returns {Address | undefined} */
export function parseAddress(text) {
  if (IPV4.test(text)) return text.split(".").map(Number);
  const [before = "", after, ...more] = text.split("::");
  if (text.length > IPV6_LENGTH_MAX || more.length) return undefined;
  const head = groups(before, after === undefined);
  const tail = groups(after ?? "", true);
  const missing = 8 - head.length - tail.length;
  if ((after === undefined ? missing !== 0 : missing < 1) || [...head, ...tail].some(Number.isNaN)) return undefined;
  return [...head, ...Array(missing).fill(0), ...tail];
}

/** The one form in which an address is passed on (RFC 5952). @param {Address} address */
export function addressText(address) {
  if (address.length === 4) return address.join(".");
  const text = address.map((group) => group.toString(16)).join(":");
  const [longest = ""] = (text.match(ZEROS) ?? []).sort((one, other) => zeros(other) - zeros(one));
  return longest ? text.replace(longest, "::") : text;
}

/** Whether a connection to it stays on the open internet; an IPv4 address in it decides. @param {Address} address */
export function isPublic(address) {
  const verdict = verdictOf(address);
  return verdict === "ipv4" ? verdictOf(embedded(address)) === "yes" : isEnd(address);
}

/** Whether an end on the open internet can have this address. @param {Address} address */
export function isEnd(address) {
  return verdictOf(address) === "yes" && (!isIsatap(address) || verdictOf(embedded(address)) === "yes");
}

/** The IP version of the public address of an end, else undefined. @param {string} text */
export function versionOf(text) {
  const address = parseAddress(text);
  return address && isEnd(address) ? (address.length === 4 ? "ipv4" : "ipv6") : undefined;
}

/**
 * Whether a host, as it stands in URLs, is this machine, a name of the local link (RFC 6762), or an address that is not
 * public.
 * @param {string} host
 */
export function isPrivateHost(host) {
  const bare = host.replace(/^\[(.*)\]$/s, "$1");
  const address = parseAddress(bare.split("%")[0] ?? "");
  if (address) return !isPublic(address);
  return /(^|\.)localhost\.?$|\.local\.?$/i.test(bare);
}

/** @param {string} text @param {boolean} mayEndInIpv4 @returns {number[]} with NaN for what is none */
function groups(text, mayEndInIpv4) {
  if (!text) return [];
  return text.split(":").flatMap((part, i, { length }) => {
    if (mayEndInIpv4 && i === length - 1 && IPV4.test(part)) {
      const [a = 0, b = 0, c = 0, d = 0] = part.split(".").map(Number);
      return [a * 256 + b, c * 256 + d];
    }
    return /^[\da-f]{1,4}$/i.test(part) ? parseInt(part, 16) : NaN;
  });
}

/** @param {string} run */
function zeros(run) {
  return run.split("0").length;
}

/** The version and the bits of an address. @param {Address} address */
function bitsOf(address) {
  const size = address.length === 4 ? 8 : 16;
  return size / 8 + address.map((part) => part.toString(2).padStart(size, "0")).join("");
}

/** @param {Address} address */
function verdictOf(address) {
  const all = bitsOf(address);
  return NETWORKS.find(({ bits }) => all.startsWith(bits))?.verdict;
}

/** Whether it leads through a tunnel to the IPv4 address in it (RFC 5214). @param {Address} address */
function isIsatap([, , , , flags, kind]) {
  return kind === 0x5efe && (flags === 0 || flags === 0x200);
}

/** The last 32 bits of an IPv6 address. @param {Address} address */
function embedded(address) {
  return address.slice(-2).flatMap((group) => [group >> 8, group & 255]);
}
