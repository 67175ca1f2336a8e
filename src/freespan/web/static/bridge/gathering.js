// How long candidates are worth waiting for: they travel inside the one offer and answer.

import { networkOf } from "./network.js";

/**
 * A browser may report the end of gathering 120 ms and more after the last candidate, so silence counts as the end:
 * without servers to ask, all candidates come in one burst; Firefox asks one port of a server 20 ms after the other, and
 * both from one IP version before the next.
 */
const QUIET_SECONDS = 0.015;
const QUIET_AFTER_ANSWER_SECONDS = 0.06;
/** With servers on the way to them and back; one that takes longer helps no reader who waits. */
const GATHER_SECONDS = 0.4;
/** A relay by TLS takes five round trips, and without it there may be no road at all. */
const RELAY_SECONDS = 2;
/** Nobody waits for a survey of a bridge. */
const SURVEY_SECONDS = 1;

/** @typedef {import("./clock.js").Clock} Clock */
/** @typedef {import("./messages.js").IceServer} IceServer */

/**
 * Wait until no more candidate of an answer is worth waiting for; to be called before the local description is set.
 * @param {RTCPeerConnection} peer
 * @param {IceServer[]} iceServers
 * @param {Clock} clock
 */
export function gathered(peer, iceServers, clock) {
  const urls = iceServers.flatMap(({ urls }) => urls);
  const relays = urls.some((url) => /^turn/i.test(url));
  const awaited = relays ? "relay" : urls.length ? "srflx" : undefined;
  const quiet = awaited ? QUIET_AFTER_ANSWER_SECONDS : QUIET_SECONDS;
  return wait(peer, clock, relays ? RELAY_SECONDS : GATHER_SECONDS, quiet, awaited);
}

/**
 * Find out about the network with a connection that leads nowhere.
 * @param {IceServer} server
 * @param {Clock} clock
 * @param {number} [seconds] at most
 * @returns {Promise<import("./network.js").Network>}
 */
export async function survey(server, clock, seconds = SURVEY_SECONDS) {
  /** @type {RTCPeerConnection | undefined} */
  let peer;
  try {
    peer = new RTCPeerConnection({ iceServers: [server] });
    peer.createDataChannel("freespan", { negotiated: true, id: 0 });
    const complete = wait(peer, clock, seconds);
    await peer.setLocalDescription();
    await complete;
    return networkOf(peer.localDescription?.sdp ?? "");
  } catch {
    return {}; // a server that is none never answers
  } finally {
    peer?.close();
  }
}

/**
 * @param {RTCPeerConnection} peer
 * @param {Clock} clock
 * @param {number} most seconds from when it begins
 * @param {number} quiet seconds without another candidate
 * @param {string} [awaited] the type of candidates that count; all, if left out
 * @returns {Promise<void>}
 */
function wait(peer, clock, most, quiet = Infinity, awaited) {
  return new Promise((done) => {
    let cancel = () => {};
    peer.onicecandidate = ({ candidate }) => {
      if (!candidate) return done();
      if (awaited && candidate.type !== awaited) return;
      cancel();
      cancel = clock.after(quiet, done);
    };
    peer.onicegatheringstatechange = () => {
      if (peer.iceGatheringState === "complete") done();
      if (peer.iceGatheringState === "gathering") clock.after(most, done);
    };
  });
}
