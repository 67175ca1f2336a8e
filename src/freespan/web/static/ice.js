// What a broker may make a bridge connect to by WebRTC: servers, and candidates of a client. The twin of ice.py. Pure.

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
      throw new ProtocolError("ice_servers.urls", "must not lead into a private network");
    }
  }
}

/**
 * A client's description without candidates of TCP (RFC 6544), which connect to any port of any service, and on the
 * open internet without private ones.
 * @param {string} sdp
 * @param {boolean} allowPrivate
 */
export function passable(sdp, allowPrivate) {
  /** @param {string} line */
  const passes = (line) => {
    if (!/candidate:/i.test(line)) return true;
    const address = OVER_UDP.exec(line)?.[1];
    return address !== undefined && (allowPrivate || isPublic(address));
  };
  return sdp.split(/\r\n|[\r\n]/).filter(passes).join("\r\n");
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
