// Would readers get through? Answered from the table by which the broker pairs ends (broker/nat.py). Pure.
//
// A connection of this page with itself would tell less: it shows whether a router lets its own guests meet (hairpinning),
// which has nothing to do with readers elsewhere.

import { blocksUdp } from "../frame/network.js";

/** @typedef {import("../frame/network.js").Mapping} Mapping */
/** @typedef {import("../frame/network.js").Network} Network */
/** @typedef {"yes" | "mostly" | "no"} Outlook */

/** Two ends that only a TURN server can connect. */
const IMPOSSIBLE = 3;
const LIKELY = 1;
/** @type {Mapping[]} */
const MAPPINGS = ["open", "cone", "symmetric"];
/** The kinds of readers: those who have IPv4 alone, as most networks do, and those who have IPv6 beside it. @type {Network[]} */
const USUAL = MAPPINGS.map((ipv4) => ({ ipv4 }));
/** @type {Network[]} */
const OTHERS = USUAL.map(({ ipv4 }) => ({ ipv4, ipv6: "open" }));

/**
 * "yes" if most kinds of readers would connect, "mostly" if some would or nothing is known, "no" if none would. The
 * host's TURN servers, if any, are not counted on.
 * @param {Network | undefined} network what is known of this end
 * @returns {Outlook}
 */
export function outlook(network) {
  if (!network) return "mostly";
  /** @param {Network} reader */
  const connects = (reader) => connectivity(network, reader) <= LIKELY;
  if (2 * USUAL.filter(connects).length > USUAL.length) return "yes";
  return [...USUAL, ...OTHERS].some(connects) ? "mostly" : "no";
}

/** The mapping that most readers meet. @param {Network | undefined} network @returns {Mapping | ""} */
export function mappingOf(network) {
  return network?.ipv4 ?? network?.ipv6 ?? "";
}

/**
 * How likely two ends connect: 0 certain, 1 likely, 2 unlikely, 3 by a TURN server only.
 * @param {Network} one
 * @param {Network} other
 */
export function connectivity(one, other) {
  if (blocksUdp(one) || blocksUdp(other)) {
    // Perhaps only the STUN server is blocked: an open end finds out.
    return [one, other].some(({ ipv4, ipv6 }) => ipv4 === "open" || ipv6 === "open") ? 2 : IMPOSSIBLE;
  }
  return Math.min(connectivityOf(one.ipv4, other.ipv4), connectivityOf(one.ipv6, other.ipv6));
}

/** @param {Mapping | undefined} one @param {Mapping | undefined} other */
function connectivityOf(one, other) {
  if (!one || !other) return IMPOSSIBLE;
  if (one !== "symmetric" && other !== "symmetric") return 0;
  // A symmetric end cannot be told of, so the other one must accept packets from an unknown address.
  return { open: 1, cone: 2, symmetric: IMPOSSIBLE }[one === "symmetric" ? other : one];
}
