// The messages of brokers and clients (docs/protocol/signalling.md): text in, checked messages out. Pure.

/** The longest message of a broker or client, in bytes. */
export const SIGNAL_MESSAGE_MAX = 32_768;
const SDP_MAX = 16_384;
const URL_MAX = 1_024;
const TEXT_MAX = 200;
const ID_MAX = 64;
const LIST_MAX = 8;

/** @typedef {{urls: string[], username?: string, credential?: string}} IceServer */
/** @typedef {{type: "welcome", egress: string, iceServers: IceServer[]}} Welcome */
/** @typedef {{type: "offer", id: string, sdp: string, iceServers: IceServer[]}} Offer */
/** @typedef {{type: "ping"}} Ping */

/** A message that is not in the protocol; `field` names the part that is wrong. */
export class ProtocolError extends Error {
  /** @param {string} field @param {string} reason */
  constructor(field, reason) {
    super(`${field}: ${reason}`);
    this.field = field;
  }
}

/**
 * Read a message of a broker. Unknown fields are ignored, so that a later version can add some.
 * @param {unknown} text
 * @returns {Welcome | Offer | Ping}
 * @throws {ProtocolError}
 */
export function parse(text) {
  const message = read(text);
  switch (message.type) {
    case "welcome":
      return welcome(message);
    case "offer":
      return { type: "offer", ...description(message), iceServers: iceServers(message.ice_servers) };
    case "ping":
      return { type: "ping" };
    default:
      throw new ProtocolError("type", "is not in the protocol");
  }
}

/**
 * Read a message of a client on its signalling channel: the offer of a lane.
 * @param {unknown} text
 * @throws {ProtocolError}
 */
export function parseLane(text) {
  const message = read(text);
  if (message.type !== "lane_offer") throw new ProtocolError("type", "is not in the protocol");
  return description(message);
}

/** @param {unknown} text */
function read(text) {
  if (typeof text !== "string") throw new ProtocolError("message", "is not text");
  // A UTF-16 unit is at least one byte, so most messages need not be encoded.
  if (text.length > SIGNAL_MESSAGE_MAX || new TextEncoder().encode(text).length > SIGNAL_MESSAGE_MAX) {
    throw new ProtocolError("message", `is longer than ${SIGNAL_MESSAGE_MAX} bytes`);
  }
  return object("message", json(text));
}

/** @param {Record<string, unknown>} message */
function description({ id, sdp }) {
  return { id: string("id", id, ID_MAX), sdp: string("sdp", sdp, SDP_MAX) };
}

/** @param {Record<string, unknown>} message @returns {Welcome} */
function welcome(message) {
  const egress = string("egress", message.egress, URL_MAX);
  if (!/^wss?:\/\/./.test(egress)) throw new ProtocolError("egress", "must be a ws or wss URL");
  return { type: "welcome", egress, iceServers: iceServers(message.ice_servers) };
}

/** @param {unknown} value @returns {IceServer[]} */
function iceServers(value) {
  return value === undefined ? [] : list("ice_servers", value).map(iceServer);
}

/** @param {unknown} value @returns {IceServer} */
function iceServer(value) {
  const server = object("ice_servers", value);
  const urls = list("ice_servers.urls", server.urls);
  if (!urls.length) throw new ProtocolError("ice_servers.urls", "is empty");
  return {
    urls: urls.map((url) => string("ice_servers.urls", url, URL_MAX)),
    ...optional("username", server.username),
    ...optional("credential", server.credential),
  };
}

/** @param {string} text @returns {unknown} */
function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new ProtocolError("message", "is not JSON");
  }
}

/** @param {string} field @param {unknown} value @returns {Record<string, unknown>} */
function object(field, value) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ProtocolError(field, "must be an object");
  }
  return /** @type {Record<string, unknown>} */ (value);
}

/** @param {string} field @param {unknown} value @returns {unknown[]} */
function list(field, value) {
  if (!Array.isArray(value) || value.length > LIST_MAX) {
    throw new ProtocolError(field, `must be a list of at most ${LIST_MAX}`);
  }
  return value;
}

/** @param {string} field @param {unknown} value @param {number} max */
function string(field, value, max, min = 1) {
  if (typeof value !== "string" || value.length < min || value.length > max) {
    throw new ProtocolError(field, `must be a text of ${min} to ${max} characters`);
  }
  return value;
}

/** @param {"username" | "credential"} name @param {unknown} value @returns {{[name: string]: string}} */
function optional(name, value) {
  return value === undefined || value === null ? {} : { [name]: string(`ice_servers.${name}`, value, TEXT_MAX, 0) };
}
