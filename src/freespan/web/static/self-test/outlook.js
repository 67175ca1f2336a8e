// Would readers get through? Answered by the table by which the broker pairs NAT mappings (broker/nat.py). Pure.
//
// A connection of this page with itself would show less: whether a router supports hairpinning, which does not matter
// to readers elsewhere.

import { blocksUdp } from "../bridge/network.js";

/** @typedef {import("../bridge/network.js").Mapping} Mapping */
/** @typedef {import("../bridge/network.js").Network} Network */
/** @typedef {"yes" | "mostly" | "no"} Outlook */

/** Two ends that only a TURN server can connect. */
const IMPOSSIBLE = 3;
const LIKELY = 1;
/** @type {Mapping[]} */
const MAPPINGS = ["open", "cone", "symmetric"];
/** The kinds of readers: those with IPv4 alone, as in most networks, and those with IPv6 as well. @type {Network[]} */
const USUAL = MAPPINGS.map((ipv4) => ({ ipv4 }));
/** @type {Network[]} */
const OTHERS = USUAL.map(({ ipv4 }) => ({ ipv4, ipv6: "open" }));

/**
 * "yes" if most kinds of readers would connect, "mostly" if some would or nothing is known, "no" if none would. TURN
 * servers of the host are not counted on.
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

/** The mapping that most readers see. @param {Network | undefined} network @returns {Mapping | ""} */
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
    // perhaps only the STUN server is blocked, and an open end makes up for it
    return [one, other].some(({ ipv4, ipv6 }) => ipv4 === "open" || ipv6 === "open") ? 2 : IMPOSSIBLE;
  }
  return Math.min(connectivityOf(one.ipv4, other.ipv4), connectivityOf(one.ipv6, other.ipv6));
}

/** @param {Mapping | undefined} one @param {Mapping | undefined} other */
function connectivityOf(one, other) {
  if (!one || !other) return IMPOSSIBLE;
  if (one !== "symmetric" && other !== "symmetric") return 0;
  // the outside address of a symmetric end cannot be known in advance, so the other end must accept strangers
  return { open: 1, cone: 2, symmetric: IMPOSSIBLE }[one === "symmetric" ? other : one];
}
