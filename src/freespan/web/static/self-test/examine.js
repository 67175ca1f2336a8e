// The test: asks broker, STUN servers and egress just as a bridge does. Each question has its time, and leaves nothing open.

import { survey } from "../frame/gathering.js";
import { checkServers, isPrivateHost } from "../frame/ice.js";
import { parse } from "../frame/messages.js";
import { blocksUdp } from "../frame/network.js";
import { mappingOf, outlook } from "./outlook.js";

/** From the first packet to the welcome; and for the egress, to the open WebSocket. Twice this is all that a test takes. */
const SOCKET_SECONDS = 8;
/** Longer than a bridge waits: that somebody's network blocks UDP is not said lightly. */
const SURVEY_SECONDS = 3;
/** Without room for any reader: the broker gives a welcome, and never an offer. */
const HELLO = JSON.stringify({ type: "hello", version: 1, capacity: 0 });

/** @typedef {import("../frame/clock.js").Clock} Clock */
/** @typedef {import("../frame/messages.js").IceServer} IceServer */
/** @typedef {import("../frame/messages.js").Welcome} Welcome */
/** @typedef {import("../frame/network.js").Network} Network */

/**
 * Whether each of them can be reached, null if that could not be asked; `nat` is "" if it is not known.
 * @typedef {object} Result
 * @property {boolean | null} broker null: something in this browser kept the test away
 * @property {boolean | null} stun
 * @property {boolean | null} egress
 * @property {import("../frame/network.js").Mapping | ""} nat
 * @property {import("./outlook.js").Outlook} reader whether readers would get through
 */

/**
 * Find out, within 20 seconds.
 * @param {Clock} clock
 * @returns {Promise<Result>}
 */
export async function examine(clock) {
  const welcome = await askBroker(clock);
  if (!welcome) return { broker: false, stun: null, egress: null, nat: "", reader: "no" };
  const [network, egress] = await Promise.all([askStun(welcome.iceServers, clock), askEgress(welcome.egress, clock)]);
  return {
    broker: true,
    stun: network ? !blocksUdp(network) : null,
    egress,
    nat: mappingOf(network),
    reader: egress ? outlook(network) : "no",
  };
}

/** @param {Clock} clock @returns {Promise<Welcome | undefined>} */
function askBroker(clock) {
  const url = new URL("v1/bridge", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return ask(url.href, clock, (socket, settle) => {
    socket.onopen = () => socket.send(HELLO);
    socket.onmessage = ({ data }) => settle(welcomeIn(data));
  });
}

/** @param {unknown} text @returns {Welcome | undefined} nothing, where a bridge would hang up */
function welcomeIn(text) {
  try {
    const message = parse(text);
    if (message.type !== "welcome") return undefined;
    checkServers(message.iceServers, "stun", isPrivateHost(location.hostname));
    return message;
  } catch {
    return undefined;
  }
}

/**
 * What the first of the servers that answers has shown; all are asked at once.
 * @param {IceServer[]} servers
 * @param {Clock} clock
 * @returns {Promise<Network | undefined>} nothing, if there is no server to ask
 */
async function askStun(servers, clock) {
  const surveys = servers.map((server) => survey(server, clock, SURVEY_SECONDS));
  /** @type {Network | undefined} */
  let network;
  for (const each of surveys) {
    network = await each;
    if (!blocksUdp(network)) break;
  }
  return network;
}

/** Whether the egress opens a link; it is closed without a word. @param {string} url @param {Clock} clock */
async function askEgress(url, clock) {
  const opened = await ask(url, clock, (socket, settle) => {
    socket.onopen = () => settle(true);
  });
  return opened ?? false;
}

/**
 * What a WebSocket brings in its time; it is closed then.
 * @template T
 * @param {string} url
 * @param {Clock} clock
 * @param {(socket: WebSocket, settle: (found: T | undefined) => void) => void} listen
 * @returns {Promise<T | undefined>} nothing, if it closes before, or never opens
 */
function ask(url, clock, listen) {
  return new Promise((done) => {
    /** @type {WebSocket} */
    let socket;
    try {
      socket = new WebSocket(url);
    } catch {
      done(undefined);
      return;
    }
    /** @param {T | undefined} found */
    const settle = (found) => {
      cancel();
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
      done(found);
    };
    const cancel = clock.after(SOCKET_SECONDS, () => settle(undefined));
    socket.onclose = () => settle(undefined);
    listen(socket, settle);
  });
}
