// How a browser reaches the open internet, read from its ICE candidates. The twin of wire/network.py. Pure.

import { versionOf } from "./addresses.js";

/** @typedef {"open" | "cone" | "symmetric"} Mapping */
/** @typedef {{ipv4?: Mapping, ipv6?: Mapping}} Network no mapping where UDP does not come through */

/**
 * Read a description that was gathered with a STUN server of two ports. Where a browser hides its own addresses and
 * ports, it asks from one interface for each IP version, so what it hides is the same for both ports.
 * @param {string} sdp
 * @returns {Network}
 */
export function networkOf(sdp) {
  /** @type {Network} */
  const network = {};
  /** @type {Map<string, {version: "ipv4" | "ipv6", seen: Set<string>}>} */
  const reflexive = new Map();
  for (const line of sdp.split("\n")) {
    // a=candidate:<foundation> <component> <transport> <priority> <address> <port> typ <type> [raddr … rport <port>]
    const [start = "", , transport, , address = "", port, , kind, ...rest] = line.trim().split(/\s+/);
    const version = versionOf(address);
    if (!start.startsWith("a=candidate:") || !/^udp$/i.test(transport ?? "") || !version) continue;
    if (kind === "host") network[version] = "open";
    if (kind !== "srflx") continue;
    const base = `${version} ${rest[rest.indexOf("rport") + 1]}`;
    const { seen } = reflexive.get(base) ?? { seen: new Set() };
    reflexive.set(base, { version, seen: seen.add(`${address} ${port}`) });
  }
  for (const { version, seen } of reflexive.values()) {
    // of several interfaces the best one counts
    if (seen.size === 1) network[version] ??= "cone";
    if (seen.size === 1 && network[version] === "symmetric") network[version] = "cone";
    network[version] ??= "symmetric";
  }
  return network;
}

/** Whether no UDP came through at all. @param {Network} network */
export function blocksUdp({ ipv4, ipv6 }) {
  return !ipv4 && !ipv6;
}
