// Which STUN server a bridge asks about its network, and when again. Pure; gathering.js does the asking.
//
// The first server that answers is in use, for surveys and for sessions, until it fails.

import { blocksUdp, networkOf } from "./network.js";

const SURVEY_SECONDS = 600;

/** @typedef {import("./messages.js").IceServer} IceServer */
/** @typedef {import("./network.js").Network} Network */
/** @typedef {import("./events.js").SurveyCommand} SurveyCommand */

export class SurveyPlan {
  /** When the next survey is due; Infinity while one is under way. */
  deadline = Infinity;
  /** The server for sessions: one, or none. @type {IceServer[]} */
  inUse = [];
  /** The broker's STUN servers. @type {IceServer[]} */
  #servers = [];
  /** What the broker knows. @type {Network | undefined} */
  #network;
  /** The latest survey, and which of the servers it asks. */
  #id = 0;
  #asked = 0;

  /** Begin, with a broker's servers. @param {IceServer[]} servers */
  start(servers) {
    this.#servers = servers;
    this.inUse = servers.slice(0, 1); // the first sessions cannot wait for the survey
    this.#network = undefined;
    return this.again();
  }

  /** Survey with one of the servers, if there is one. @returns {SurveyCommand | undefined} */
  again(which = 0) {
    const server = this.#servers[which];
    this.#id += 1;
    this.#asked = which;
    this.deadline = Infinity;
    return server && { type: "survey", id: this.#id, server };
  }

  /**
   * Take the result of a survey. `news`: the broker does not know it yet; `next`: another server is to be asked first.
   * @param {number} id @param {Network} network @param {number} now seconds
   * @returns {{next?: SurveyCommand | undefined, news?: boolean}}
   */
  finish(id, network, now) {
    if (id !== this.#id) return {};
    const next = this.#asked + 1;
    if (blocksUdp(network) && next < this.#servers.length) return { next: this.again(next) };
    this.inUse = blocksUdp(network) ? [] : this.#servers.slice(this.#asked, next);
    this.deadline = now + SURVEY_SECONDS;
    const last = this.#network;
    this.#network = network;
    return { news: !last || network.ipv4 !== last.ipv4 || network.ipv6 !== last.ipv6 };
  }

  /** Survey again if an answer holds no address from outside, though there was one before. @param {string} sdp */
  checkAnswer(sdp) {
    const idle = this.deadline < Infinity;
    if (idle && this.#network && !blocksUdp(this.#network) && blocksUdp(networkOf(sdp))) return this.again();
    return undefined;
  }
}
