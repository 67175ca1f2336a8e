// A bridge: does what its core decides (core.js), with sockets, peer connections and timers.

import { isPrivateHost } from "./addresses.js";
import { Clock } from "./clock.js";
import { BridgeCore } from "./core.js";
import { survey } from "./gathering.js";
import { RateLimit } from "./rate.js";
import { BridgeSession } from "./session.js";

/** @typedef {import("./events.js").Event} Event */
/** @typedef {import("./events.js").Command} Command */

export class Bridge {
  #host;
  #onStatus;
  #clock;
  #rate = new RateLimit();
  #allowPrivate;
  #core;
  /** @type {WebSocket | undefined} */
  #socket;
  /** @type {Map<string, BridgeSession>} */
  #sessions = new Map();
  #bytesOfEnded = 0;
  /** @type {Event[]} */
  #events = [];
  #busy = false;
  #cancelTimer = () => {};

  /**
   * @param {string} host its URL, with a slash at its end
   * @param {(status: import("./events.js").BridgeStatus) => void} onStatus
   * @param {Clock} [clock]
   */
  constructor(host, onStatus, clock = new Clock()) {
    this.#host = host;
    this.#onStatus = onStatus;
    this.#clock = clock;
    this.#allowPrivate = isPrivateHost(new URL(host).hostname);
    this.#core = new BridgeCore(Math.random, this.#allowPrivate);
    clock.onWake(() => this.feed({ type: "woke" }));
  }

  /** @param {number} kilobits kbit/s of all sessions together, 0 for no limit */
  limit(kilobits) {
    this.#rate.set(kilobits, this.#clock.now);
  }

  /** @param {Event} event */
  feed(event) {
    this.#events.push(event);
    if (this.#busy) return; // a command caused it; it is handled after the other commands of the batch
    this.#busy = true;
    try {
      for (let next = this.#events.shift(); next; next = this.#events.shift()) {
        for (const command of this.#core.handle(next, this.#clock.now, this.#bytes())) this.#execute(command);
      }
    } finally {
      this.#busy = false; // whatever has failed, the next event is handled
      this.#cancelTimer();
      this.#cancelTimer = this.#clock.after(this.#core.deadline - this.#clock.now, () => this.feed({ type: "timer" }));
    }
  }

  /** @param {Command} command */
  #execute(command) {
    switch (command.type) {
      case "openSocket":
        return this.#openSocket();
      case "send":
        return this.#socket?.readyState === WebSocket.OPEN ? this.#socket.send(command.text) : undefined;
      case "closeSocket":
        return this.#closeSocket(command.code, command.reason);
      case "openSession":
        return this.#openSession(command);
      case "closeSession":
        return this.#sessions.get(command.id)?.close();
      case "survey":
        return this.#survey(command.id, command.server);
      case "publish":
        return this.#onStatus(command.status);
    }
  }

  /** A WebSocket URL of the host. @param {string} path */
  #url(path) {
    const url = new URL(path, this.#host);
    url.protocol = url.protocol.replace("http", "ws");
    return url;
  }

  #openSocket() {
    try {
      const socket = new WebSocket(this.#url("v1/bridge"));
      this.#socket = socket;
      socket.onopen = () => this.feed({ type: "socketOpened" });
      socket.onmessage = ({ data }) => this.feed({ type: "socketMessage", data });
      socket.onclose = ({ code }) => this.feed({ type: "socketClosed", code });
    } catch {
      this.feed({ type: "socketClosed", code: 0 }); // handled after this batch
    }
  }

  /** @param {number} code @param {string} reason */
  #closeSocket(code, reason) {
    if (!this.#socket) return;
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close(code, reason);
    this.#socket = undefined;
  }

  /** @param {Extract<Command, {type: "openSession"}>} command */
  #openSession({ id, ...offer }) {
    try {
      // The policy of the bridge page forbids it as well; that of an extension cannot, since its user names the host.
      if (new URL(offer.egress).origin !== this.#url("").origin) throw new TypeError("an egress of another host");
      const listener = {
        /** @param {string} sdp */
        onAnswer: (sdp) => this.feed({ type: "sessionAnswered", id, sdp }),
        onOpen: () => this.feed({ type: "sessionOpened", id }),
        onCarried: () => this.feed({ type: "sessionCarried", id }),
        onClose: () => this.#ended(id),
      };
      this.#sessions.set(id, new BridgeSession(offer, this.#clock, this.#rate, listener, this.#allowPrivate));
    } catch {
      this.#ended(id);
    }
  }

  /** @param {number} id @param {import("./messages.js").IceServer} server */
  async #survey(id, server) {
    this.feed({ type: "surveyed", id, network: await survey(server, this.#clock) });
  }

  /** @param {string} id */
  #ended(id) {
    this.#bytesOfEnded += this.#sessions.get(id)?.bytes ?? 0;
    this.#sessions.delete(id);
    this.feed({ type: "sessionClosed", id });
  }

  #bytes() {
    let bytes = this.#bytesOfEnded;
    for (const session of this.#sessions.values()) bytes += session.bytes;
    return bytes;
  }
}
