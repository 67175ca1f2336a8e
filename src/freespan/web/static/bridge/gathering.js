// How long to wait for ICE candidates, which all travel in the one offer and answer (there is no trickle ICE).

import { networkOf } from "./network.js";

/**
 * Silence that counts as the end of gathering, which a browser may report 120 ms and more after the last candidate.
 * Without servers all candidates come in one burst.
 */
const QUIET_SECONDS = 0.015;
/** With servers: Firefox asks the ports of a server 20 ms apart, and by one IP version after the other. */
const QUIET_AFTER_ANSWER_SECONDS = 0.06;
/** The longest wait for a STUN server, since a reader is waiting. */
const GATHER_SECONDS = 0.4;
/** The same for a TURN server, which takes five round trips by TLS, and may be the only way to connect. */
const TURN_SECONDS = 2;
/** No reader waits for a survey. */
const SURVEY_SECONDS = 1;

/** @typedef {import("./clock.js").Clock} Clock */
/** @typedef {import("./messages.js").IceServer} IceServer */

/**
 * Wait for the candidates of an answer. To be called before the local description is set.
 * @param {RTCPeerConnection} peer
 * @param {IceServer[]} iceServers
 * @param {Clock} clock
 */
export function gathered(peer, iceServers, clock) {
  const urls = iceServers.flatMap(({ urls }) => urls);
  const turn = urls.some((url) => /^turn/i.test(url));
  const awaited = turn ? "relay" : urls.length ? "srflx" : undefined;
  const quiet = awaited ? QUIET_AFTER_ANSWER_SECONDS : QUIET_SECONDS;
  return wait(peer, clock, turn ? TURN_SECONDS : GATHER_SECONDS, quiet, awaited);
}

/**
 * Find out how the network maps UDP, with a peer connection that is never connected.
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
    return {}; // for a bad URL, as for a server that does not answer
  } finally {
    peer?.close();
  }
}

/**
 * @param {RTCPeerConnection} peer
 * @param {Clock} clock
 * @param {number} max seconds from the start of gathering
 * @param {number} quiet seconds without another candidate
 * @param {string} [awaited] the type of the candidates that count; all without it
 * @returns {Promise<void>}
 */
function wait(peer, clock, max, quiet = Infinity, awaited) {
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
      if (peer.iceGatheringState === "gathering") clock.after(max, done);
    };
  });
}
