// The bridge page: executes what the session decides, and speaks with the switch that embeds it, and with nobody else.

import { Clock } from "./clock.js";
import { survey } from "./gathering.js";
import { isPrivateHost } from "./ice.js";
import { Client } from "./lanes.js";
import { Rate } from "./rate.js";
import { Session } from "./session.js";

/** @typedef {import("./session.js").Event} Event */
/** @typedef {import("./session.js").Command} Command */

class Bridge {
  #clock = new Clock();
  #rate = new Rate();
  #allowPrivate = isPrivateHost(location.hostname);
  #session = new Session(Math.random, this.#allowPrivate);
  /** @type {WebSocket | undefined} */
  #socket;
  /** @type {Map<string, Client>} */
  #clients = new Map();
  #bytesOfEnded = 0;
  /** @type {Event[]} */
  #events = [];
  #busy = false;
  #cancelTimer = () => {};

  /** @param {(message: object) => void} tell the switch */
  constructor(tell) {
    this.tell = tell;
    this.#clock.onWake(() => this.feed({ type: "woke" }));
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
    for (let next = this.#events.shift(); next; next = this.#events.shift()) {
      for (const command of this.#session.handle(next, this.#clock.now)) this.#execute(command);
    }
    this.#busy = false;
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.after(this.#session.deadline - this.#clock.now, () =>
      this.feed({ type: "timer", bytes: this.#bytes() }),
    );
  }

  /** @param {Command} command */
  #execute(command) {
    switch (command.type) {
      case "openSocket":
        return this.#openSocket();
      case "send":
        return this.#socket?.send(command.text);
      case "closeSocket":
        return this.#closeSocket(command.code, command.reason);
      case "openPipe":
        return this.#openPipe(command);
      case "closePipe":
        return this.#clients.get(command.id)?.close();
      case "survey":
        return this.#survey(command.id, command.server);
      case "publish":
        return this.tell({ type: "state", ...command.view });
    }
  }

  #openSocket() {
    const url = new URL("v1/bridge", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.onopen = () => this.feed({ type: "socketOpened" });
    socket.onmessage = ({ data }) => this.feed({ type: "socketMessage", data });
    socket.onclose = ({ code }) => this.feed({ type: "socketClosed", code });
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
    this.feed({ type: "pipeClosed", id, bytes: this.#bytes() });
  }

  #bytes() {
    let bytes = this.#bytesOfEnded;
    for (const client of this.#clients.values()) bytes += client.bytes;
    return bytes;
  }
}

/** @param {object} message */
function tell(message) {
  // The switch may be on any page; there is nothing in these messages that a page may not know.
  window.parent.postMessage({ freespan: 1, ...message }, "*");
}

function serve() {
  if (!("RTCPeerConnection" in window && "WebSocket" in window)) {
    return tell({ type: "state", state: "unsupported", now: 0, total: 0, megabytes: 0 });
  }
  const bridge = new Bridge(tell);
  let capacity = 0;
  window.addEventListener("message", ({ source, data }) => {
    if (source !== window.parent || data?.freespan !== 1) return;
    const limits = /^(start|limits)$/.test(data.type);
    if (limits && data.kilobits >= 0) bridge.limit(Number(data.kilobits));
    if (limits && Number.isInteger(data.capacity)) {
      bridge.feed({ type: data.type, capacity: (capacity = data.capacity) });
    } else if (data.type === "stop") {
      bridge.feed({ type: "stop" });
      capacity = 0;
    }
  });
  window.addEventListener("offline", () => bridge.feed({ type: "network", online: false }));
  window.addEventListener("online", () => bridge.feed({ type: "network", online: true }));
  window.addEventListener("pagehide", () => bridge.feed({ type: "stop" }));
  // A page that comes back as it was when the reader left it (back button) goes on as it was.
  window.addEventListener("pageshow", ({ persisted }) => {
    if (persisted && capacity) bridge.feed({ type: "start", capacity });
  });
  tell({ type: "ready" });
}

if (window.parent !== window) serve();
