// Which ICE servers a bridge takes from a broker. The twin of wire/ice.py. Pure.

import { isPrivateHost, parseAddress } from "./addresses.js";
import { ProtocolError } from "./messages.js";

/** @typedef {import("./messages.js").IceServer} IceServer */

const URL_FORM = /^(stun|turn|turns):([\w.-]+|\[[\da-fA-F:.]+\])(?::([1-9]\d{0,4}))?(\?transport=(?:udp|tcp))?$/;
const NAME_MAX = 253;
const LABEL = /^\w(?:[\w-]{0,61}\w)?$/;
/** No name ends in a number: some resolvers take it for an address. */
const NUMBER = /^(\d+|0x[\da-f]*)$/i;

/**
 * Check the servers that a broker names. Their names are not resolved.
 * @param {IceServer[]} servers
 * @param {"stun" | "turn"} kind
 * @param {boolean} allowPrivate whether the broker's own host is private
 * @throws {ProtocolError}
 */
export function checkServers(servers, kind, allowPrivate) {
  for (const url of servers.flatMap(({ urls }) => urls)) {
    const [, scheme, host = "", port, query] = URL_FORM.exec(url) ?? [];
    const isOfKind = kind === "stun" ? scheme === "stun" && !query : scheme === "turn" || scheme === "turns";
    if (!isOfKind || Number(port ?? 1) > 65_535 || !isHost(host)) {
      throw new ProtocolError("ice_servers.urls", `must be ${kind}:host:port`);
    }
    if (!allowPrivate && isPrivateHost(host)) {
      throw new ProtocolError("ice_servers.urls", "must not be in a private network");
    }
  }
}

/** Whether it is an address or a name, and no number that stands for an address. @param {string} host */
function isHost(host) {
  if (host.startsWith("[")) return parseAddress(host.slice(1, -1))?.length === 8;
  if (parseAddress(host)) return true;
  const labels = host.replace(/\.$/, "").split(".");
  return (
    labels.join(".").length <= NAME_MAX &&
    labels.every((label) => LABEL.test(label)) &&
    !NUMBER.test(labels[labels.length - 1] ?? "")
  );
}
