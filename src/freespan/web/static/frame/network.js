// How a browser reaches the open internet, read from its candidates: the twin of network.py. Pure.

/** @typedef {"open" | "cone" | "symmetric"} Mapping */
/** @typedef {{ipv4?: Mapping, ipv6?: Mapping}} Network none where UDP does not come through */

const OWN_IPV4 =
  /^(0|10|127|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])|169\.254|172\.(1[6-9]|2\d|3[01])|192\.(168|0\.[02]|88\.99)|198\.(1[89]|51\.100)|203\.0\.113|2(2[4-9]|[345]\d))\./;
const PUBLIC_IPV6 = /^(?!2001:(0?db8|[01]?[\da-f]{0,2}):|2002:|3fff:[\da-f]{0,3}:)[23][\da-f]{3}:/i;

/**
 * Read a description that was gathered with a STUN server of two ports. A browser may hide its own addresses and ports;
 * it then asks from one interface for each IP version, so what it hides is the same for both ports.
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
    // of several interfaces the best counts
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

/** The IP version of a public address. @param {string} address */
export function versionOf(address) {
  if (/^\d+(\.\d+){3}$/.test(address)) return OWN_IPV4.test(address) ? undefined : "ipv4";
  return PUBLIC_IPV6.test(address) ? "ipv6" : undefined;
}
