// Which ICE servers a bridge takes from a broker. The twin of wire/ice.py. Pure.

import { isPrivateHost } from "./addresses.js";
import { ProtocolError } from "./messages.js";

/** @typedef {import("./messages.js").IceServer} IceServer */

const SERVER = String.raw`((?:\w[\w-]{0,62}(?:\.[\w-]{1,63})*\.?|\[[\da-fA-F:.]{2,45}\])(?::[1-9]\d{0,4})?)`;
const URLS = {
  stun: new RegExp(`^stun:${SERVER}$`),
  turn: new RegExp(String.raw`^turns?:${SERVER}(?:\?transport=(?:udp|tcp))?$`),
};

/**
 * Check the servers that a broker names. Their names are not resolved.
 * @param {IceServer[]} servers
 * @param {"stun" | "turn"} kind
 * @param {boolean} allowPrivate whether the broker's own host is private
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
 * The host in its canonical form. A name that is written in another way is refused, since some numbers stand for
 * addresses.
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
