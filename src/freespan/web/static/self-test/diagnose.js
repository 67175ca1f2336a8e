// The self-test: asks broker, STUN servers and egress as a bridge does. Each question has a limit of time, and leaves
// nothing open.

import { isPrivateHost } from "../bridge/addresses.js";
import { survey } from "../bridge/gathering.js";
import { checkServers } from "../bridge/ice.js";
import { parse } from "../bridge/messages.js";
import { blocksUdp } from "../bridge/network.js";
import { mappingOf, outlook } from "./outlook.js";

/** To the broker's welcome, and to the open WebSocket of the egress. A test takes twice this at most. */
const SOCKET_SECONDS = 8;
/** Longer than a bridge waits, since the finding that a network blocks UDP must be certain. */
const SURVEY_SECONDS = 3;
/** With a capacity of 0 the broker sends a welcome, and never an offer. */
const HELLO = JSON.stringify({ type: "hello", version: 1, capacity: 0 });

/** @typedef {import("../bridge/clock.js").Clock} Clock */
/** @typedef {import("../bridge/messages.js").IceServer} IceServer */
/** @typedef {import("../bridge/messages.js").Welcome} Welcome */
/** @typedef {import("../bridge/network.js").Network} Network */

/**
 * Whether each of them can be reached, null where that could not be found out; `nat` is "" if it is not known.
 * @typedef {object} Result
 * @property {boolean | null} broker null: something in this browser blocked the test
 * @property {boolean | null} stun
 * @property {boolean | null} egress
 * @property {import("../bridge/network.js").Mapping | ""} nat
 * @property {import("./outlook.js").Outlook} reader whether readers would get through
 */

/**
 * Run the test, within 20 seconds.
 * @param {Clock} clock
 * @returns {Promise<Result>}
 */
export async function diagnose(clock) {
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

/** @param {unknown} text @returns {Welcome | undefined} undefined where a bridge would hang up */
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
 * What the first server that answers has shown. All are asked at once.
 * @param {IceServer[]} servers
 * @param {Clock} clock
 * @returns {Promise<Network | undefined>} undefined if there is no server
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

/** Whether the egress opens a link, which is closed at once. @param {string} url @param {Clock} clock */
async function askEgress(url, clock) {
  const opened = await ask(url, clock, (socket, settle) => {
    socket.onopen = () => settle(true);
  });
  return opened ?? false;
}

/**
 * Open a WebSocket for a single question, and close it with the answer.
 * @template T
 * @param {string} url
 * @param {Clock} clock
 * @param {(socket: WebSocket, settle: (found: T | undefined) => void) => void} listen
 * @returns {Promise<T | undefined>} undefined if it closes first, or never opens
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
