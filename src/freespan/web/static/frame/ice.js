// What others may make a bridge connect to by WebRTC: a broker's servers, and a client's candidates. The twin of ice.py. Pure.

import { ProtocolError } from "./messages.js";
import { versionOf } from "./network.js";

/** @typedef {import("./messages.js").IceServer} IceServer */

const SERVER = String.raw`((?:\w[\w-]{0,62}(?:\.[\w-]{1,63})*\.?|\[[\da-fA-F:.]{2,45}\])(?::[1-9]\d{0,4})?)`;
const URLS = {
  stun: new RegExp(`^stun:${SERVER}$`),
  turn: new RegExp(String.raw`^turns?:${SERVER}(?:\?transport=(?:udp|tcp))?$`),
};
// To the letter (RFC 8839 section 5.1): where an engine could count the words in another way it would see another one.
const OVER_UDP = /^a=candidate:[!-~]+ \d+ udp \d+ ([!-~]+) \d+ typ [ -~]+$/i;
/** All that a data channel needs, but for addresses. */
const KEPT =
  /^([vost]=|a=(ice-(ufrag|pwd|options|lite)|fingerprint|setup|mid|group|sctp-port|max-message-size|sendrecv|msid-semantic|extmap-allow-mixed)(:|$))/;
const CANDIDATES_MAX = 32;
/** The one address of a cloud's own services that looks public. */
const METADATA = "168.63.129.16";

/**
 * Check servers that a broker names; what their names resolve to is the browser's affair.
 * @param {IceServer[]} servers
 * @param {"stun" | "turn"} kind
 * @param {boolean} allowPrivate the broker's own host is private
 * @throws {ProtocolError}
 */
export function checkServers(servers, kind, allowPrivate) {
  for (const url of servers.flatMap(({ urls }) => urls)) {
    const host = hostOf(URLS[kind].exec(url)?.[1]);
    if (!host) throw new ProtocolError("ice_servers.urls", `must be ${kind}:host:port`);
    if (!allowPrivate && isPrivateHost(host)) {
      throw new ProtocolError("ice_servers.urls", "must not be in a private network");
    }
  }
}

/**
 * A description without candidates of TCP (RFC 6544), which connect to any port of any service; on the open internet
 * without private addresses, of any kind, and with nothing but what a data channel needs.
 * @param {string} sdp
 * @param {boolean} allowPrivate
 */
export function filterSdp(sdp, allowPrivate) {
  let candidates = 0;
  /** @param {string} line */
  const passed = (line) => {
    if (/candidate:/i.test(line)) {
      const address = OVER_UDP.exec(line)?.[1];
      if (!address || !(allowPrivate || isPublic(address)) || ++candidates > CANDIDATES_MAX) return "";
      return allowPrivate ? line : line.replace(/ raddr [^ ]+/i, " raddr 0.0.0.0");
    }
    if (allowPrivate || KEPT.test(line)) return line;
    if (line.startsWith("c=")) return "c=IN IP4 0.0.0.0";
    return line.startsWith("m=") ? line.replace(/^(m=[^ ]+) [^ ]+/, "$1 9") : "";
  };
  return sdp
    .split(/\r\n|[\r\n]/)
    .map(passed)
    .filter(Boolean)
    .concat("")
    .join("\r\n");
}

/** Whether a host, as URLs have it, is this machine, a name of the local link (RFC 6762), or no public address. @param {string} host */
export function isPrivateHost(host) {
  const name = host.toLowerCase().replace(/\.$/, "");
  if (/^\[|^[\d.]+$/.test(name)) return !isPublic(name.replace(/[[\]]/g, ""));
  return name === "localhost" || /\.local(host)?$/.test(name);
}

/** @param {string} address */
function isPublic(address) {
  return address !== METADATA && versionOf(address) !== undefined;
}

/**
 * The host in its one form. A name that is written in another way is none: some numbers stand for addresses.
 * @param {string | undefined} authority
 */
function hostOf(authority) {
  try {
    const { hostname } = new URL(`//${authority ?? ""}`, "https://HOST");
    const written = authority?.replace(/:\d+$/, "").toLowerCase();
    return hostname.startsWith("[") || hostname === written ? hostname : undefined;
  } catch {
    return undefined;
  }
}
