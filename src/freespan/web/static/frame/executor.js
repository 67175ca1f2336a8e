// Executes what the session decides: sockets, peer connections and timers. Whoever shows it to people hears its views.

import { Clock } from "./clock.js";
import { survey } from "./gathering.js";
import { isPrivateHost } from "./ice.js";
import { Client } from "./lanes.js";
import { Rate } from "./rate.js";
import { Session } from "./session.js";

/** @typedef {import("./session.js").Event} Event */
/** @typedef {import("./session.js").Command} Command */

export class Executor {
  #base;
  #tell;
  #clock;
  #rate = new Rate();
  #allowPrivate;
  #session;
  /** @type {WebSocket | undefined} */
  #socket;
  /** @type {Map<string, Client>} */
  #clients = new Map();
  #bytesOfEnded = 0;
  /** @type {Event[]} */
  #events = [];
  #busy = false;
  #cancelTimer = () => {};

  /**
   * @param {string} base the host's URL, with a slash at its end
   * @param {(view: import("./session.js").View) => void} tell
   * @param {Clock} [clock]
   */
  constructor(base, tell, clock = new Clock()) {
    this.#base = base;
    this.#tell = tell;
    this.#clock = clock;
    this.#allowPrivate = isPrivateHost(new URL(base).hostname);
    this.#session = new Session(Math.random, this.#allowPrivate);
    clock.onWake(() => this.feed({ type: "woke" }));
  }

  /** @param {number} kilobits kbit/s of all pipes together, 0 for no limit */
  limit(kilobits) {
    this.#rate.limit(kilobits, this.#clock.now);
  }

  /** @param {Event} event */
  feed(event) {
    this.#events.push(event);
    if (this.#busy) return; // a command caused it: its turn comes when the others of its batch are executed
    this.#busy = true;
    try {
      for (let next = this.#events.shift(); next; next = this.#events.shift()) {
        for (const command of this.#session.handle(next, this.#clock.now, this.#bytes())) this.#execute(command);
      }
    } finally {
      this.#busy = false; // whatever has failed, the next event is heard
      this.#cancelTimer();
      this.#cancelTimer = this.#clock.after(this.#session.deadline - this.#clock.now, () =>
        this.feed({ type: "timer" }),
      );
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
      case "openPipe":
        return this.#openPipe(command);
      case "closePipe":
        return this.#clients.get(command.id)?.close();
      case "survey":
        return this.#survey(command.id, command.server);
      case "publish":
        return this.#tell(command.view);
    }
  }

  /** Of the host, for a WebSocket. @param {string} path */
  #url(path) {
    const url = new URL(path, this.#base);
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
      this.feed({ type: "socketClosed", code: 0 }); // its turn comes after this batch
    }
  }

  /** @param {number} code @param {string} reason */
  #closeSocket(code, reason) {
    if (!this.#socket) return;
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close(code, reason);
    this.#socket = undefined;
  }

  /** @param {Extract<Command, {type: "openPipe"}>} command */
  #openPipe({ id, ...offer }) {
    try {
      // The policy of the bridge page says so as well; that of an extension cannot, since its user names the host.
      if (new URL(offer.egress).origin !== this.#url("").origin) throw new TypeError("an egress of another host");
      const listener = {
        /** @param {string} sdp */
        answered: (sdp) => this.feed({ type: "pipeAnswered", id, sdp }),
        opened: () => this.feed({ type: "pipeOpened", id }),
        carried: () => this.feed({ type: "pipeCarried", id }),
        closed: () => this.#ended(id),
      };
      this.#clients.set(id, new Client(offer, this.#clock, this.#rate, listener, this.#allowPrivate));
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
    this.#bytesOfEnded += this.#clients.get(id)?.bytes ?? 0;
    this.#clients.delete(id);
    this.feed({ type: "pipeClosed", id });
  }

  #bytes() {
    let bytes = this.#bytesOfEnded;
    for (const client of this.#clients.values()) bytes += client.bytes;
    return bytes;
  }
}
