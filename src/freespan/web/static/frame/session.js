// The volunteer's state machine: events in, commands out. No page, no network, no clock and no chance of its own.
//
//            start                 socketOpened              welcome
//   stopped ───────▶ connecting ───────────────▶ greeting ───────────▶ welcomed
//      ▲                 ▲  │                        │                    │
//      │ stop            │  └── closed, late, rubbish ┴────────────────────┘
//      └── anywhere      └──── timer ──── resting ◀──┘
//
// Sessions (pipes) do not need the broker: they go on when it is lost, and end with stop or when the network is gone.

import { checkServers, filterSdp } from "./ice.js";
import { ProtocolError, parse } from "./messages.js";
import { blocksUdp, networkOf } from "./network.js";

const VERSION = 1;
const CAPACITY_MAX = 64;
const CONNECT_SECONDS = 15;
const WELCOME_SECONDS = 10;
const SILENCE_SECONDS = 60;
const RETRY_FIRST_SECONDS = 1;
const RETRY_MAX_SECONDS = 60;
/** A broker that says it is full is asked again after about so long. */
const RETRY_FULL_SECONDS = 30;
/** A connection that held for so long was a good one: the next failure is the first again. */
const STEADY_SECONDS = 30;
/** The network is looked at again so often, and when an answer gives reason to. */
const SURVEY_SECONDS = 600;
/** Counts leave the bridge at the ticks of a grid alone, so that they tell nobody when a reader came or went. */
const PUBLISH_SECONDS = 2;
/** Browsers may close with 1000 or 3000 to 4999 only; this one stands for 1008, "not in the protocol". */
export const CLOSE_PROTOCOL = 4008;
const CLOSE_NORMAL = 1000;
const CLOSE_FULL = 1013;

/** @typedef {import("./messages.js").IceServer} IceServer */
/** @typedef {import("./network.js").Network} Network */
/** @typedef {"off" | "connecting" | "waiting" | "helping" | "offline"} State */
/** `megabytes`: in tenths, rounded up. @typedef {{now: number, total: number, megabytes: number}} Counts */
/** @typedef {{state: State} & Counts} View */

/**
 * @typedef {{type: "start", capacity: number}
 *   | {type: "limits", capacity: number}
 *   | {type: "stop"}
 *   | {type: "network", online: boolean}
 *   | {type: "woke"}
 *   | {type: "socketOpened"}
 *   | {type: "socketMessage", data: unknown}
 *   | {type: "socketClosed", code: number}
 *   | {type: "surveyed", id: number, network: Network}
 *   | {type: "pipeAnswered", id: string, sdp: string}
 *   | {type: "pipeOpened", id: string}
 *   | {type: "pipeCarried", id: string}
 *   | {type: "pipeClosed", id: string}
 *   | {type: "timer"}} Event
 */

/**
 * @typedef {{type: "openSocket"}
 *   | {type: "send", text: string}
 *   | {type: "closeSocket", code: number, reason: string}
 *   | {type: "survey", id: number, server: IceServer}
 *   | {type: "openPipe", id: string, sdp: string, egress: string, iceServers: IceServer[]}
 *   | {type: "closePipe", id: string}
 *   | {type: "publish", view: View}} Command
 */

/** @typedef {{answered: boolean, open: boolean, carried: boolean}} PipeState */

export class Session {
  #random;
  #allowPrivate;
  /** @type {"stopped" | "connecting" | "greeting" | "welcomed" | "resting"} */
  #phase = "stopped";
  #capacity = 0;
  #egress = "";
  /** The broker's STUN servers, and those of them that are in use: one, or none. @type {IceServer[]} */
  #stun = [];
  /** @type {IceServer[]} */
  #stunInUse = [];
  /** What the broker was told. @type {Network | undefined} */
  #network;
  /** The latest survey, and which of the servers it asks. */
  #survey = 0;
  #asked = 0;
  /** When the next survey is due; Infinity while one is under way. */
  #surveyAt = Infinity;
  /** @type {Map<string, PipeState>} */
  #pipes = new Map();
  #total = 0;
  #bytes = 0;
  #failures = 0;
  #welcomedAt = 0;
  /** When the present phase has taken too long, or resting has been long enough. */
  #phaseEnds = Infinity;
  /** One tick, and the next that something waits for. */
  #tick;
  #publishAt = Infinity;
  /** What people know. @type {Counts} */
  #told = { now: 0, total: 0, megabytes: 0 };
  /** @type {View} */
  #published = { state: "off", ...this.#told };
  #reportedLoad = 0;
  #now = 0;
  /** @type {Command[]} */
  #commands = [];

  /**
   * @param {() => number} random from 0 to 1, spreads the retries of many bridges, and hides when things happen
   * @param {boolean} allowPrivate whether the broker may lead to private addresses: its own is one
   */
  constructor(random, allowPrivate) {
    this.#random = random;
    this.#tick = random() * PUBLISH_SECONDS;
    this.#allowPrivate = allowPrivate;
  }

  /** When `timer` is to be handled, in seconds on the clock of `handle`; may be Infinity. */
  get deadline() {
    return Math.min(this.#phaseEnds, this.#publishAt, this.#surveyAt);
  }

  /**
   * @param {Event} event
   * @param {number} now seconds on any steady clock
   * @param {number} bytes what all pipes have passed on so far
   * @returns {Command[]} to be executed in this order
   */
  handle(event, now, bytes) {
    this.#now = now;
    this.#bytes = bytes;
    this.#commands = [];
    this.#take(event);
    this.#publish(event.type === "timer");
    return this.#commands;
  }

  /** @param {Event} event */
  #take(event) {
    switch (event.type) {
      case "start":
        return this.#start(event.capacity);
      case "limits":
        return this.#change(event.capacity);
      case "stop":
        return this.#end("stopped");
      case "network":
        return event.online ? this.#comeBack() : this.#phase !== "stopped" && this.#end("resting");
      case "woke":
        return this.#wakeUp();
      case "socketOpened":
        return this.#greet();
      case "socketMessage":
        return this.#hear(event.data);
      case "socketClosed":
        return this.#rest(event.code === CLOSE_FULL ? RETRY_FULL_SECONDS : 0);
      case "surveyed":
        return this.#learn(event.id, event.network);
      case "pipeAnswered":
        return this.#answer(event.id, event.sdp);
      case "pipeOpened":
        return this.#mark(event.id, "open");
      case "pipeCarried":
        return this.#mark(event.id, "carried");
      case "pipeClosed":
        return this.#forget(event.id);
      case "timer":
        return this.#wake();
    }
  }

  // --- the broker ---

  /** @param {number} capacity */
  #start(capacity) {
    if (this.#phase !== "stopped") return;
    this.#capacity = inRange(capacity);
    this.#failures = 0;
    this.#connect();
  }

  /** The broker hears of a capacity once in a connection, so it gets a new one; sessions go on. @param {number} capacity */
  #change(capacity) {
    if (this.#phase === "stopped" || inRange(capacity) === this.#capacity) return;
    this.#capacity = inRange(capacity);
    if (this.#phase !== "greeting" && this.#phase !== "welcomed") return;
    for (const [id, pipe] of this.#pipes) if (!pipe.answered) this.#giveUp(id, "stopping");
    this.#hangUp(CLOSE_NORMAL, "");
    this.#connect();
  }

  /** After the machine's sleep whoever was there is gone, and a socket may not know it. */
  #wakeUp() {
    if (this.#phase === "stopped") return;
    this.#end("resting");
    this.#comeBack();
  }

  #connect() {
    this.#enter("connecting", CONNECT_SECONDS);
    this.#commands.push({ type: "openSocket" });
  }

  #comeBack() {
    if (this.#phase !== "resting") return;
    this.#failures = 0;
    this.#connect();
  }

  #greet() {
    this.#enter("greeting", WELCOME_SECONDS);
    this.#send({ type: "hello", version: VERSION, capacity: this.#capacity });
    this.#reportedLoad = 0;
  }

  /** @param {unknown} data */
  #hear(data) {
    try {
      const message = parse(data);
      if ((this.#phase === "greeting") !== (message.type === "welcome")) {
        throw new ProtocolError("type", "comes at the wrong time");
      }
      if (message.type === "welcome") this.#settle(message);
      if (message.type === "offer") this.#consider(message);
      this.#phaseEnds = this.#now + SILENCE_SECONDS;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#hangUp(CLOSE_PROTOCOL, error.message);
      this.#rest(0);
    }
  }

  /** @param {import("./messages.js").Welcome} welcome */
  #settle(welcome) {
    checkServers(welcome.iceServers, "stun", this.#allowPrivate);
    this.#enter("welcomed", SILENCE_SECONDS);
    this.#welcomedAt = this.#now;
    this.#egress = welcome.egress;
    this.#stun = welcome.iceServers;
    this.#stunInUse = welcome.iceServers.slice(0, 1); // the first sessions cannot wait for the survey
    this.#network = undefined;
    this.#reportLoad(); // sessions from before the broker was lost
    this.#ask(0);
  }

  /** @param {import("./messages.js").Offer} offer */
  #consider({ id, sdp, iceServers }) {
    if (this.#pipes.has(id)) throw new ProtocolError("id", "is in use");
    checkServers(iceServers, "turn", this.#allowPrivate);
    if (this.#pipes.size >= this.#capacity) return this.#send({ type: "refusal", id, reason: "full" });
    this.#pipes.set(id, { answered: false, open: false, carried: false });
    iceServers = [...this.#stunInUse, ...iceServers];
    const offer = { sdp: filterSdp(sdp, this.#allowPrivate), egress: this.#egress, iceServers };
    this.#commands.push({ type: "openPipe", id, ...offer });
  }

  #wake() {
    if (this.#now >= this.#surveyAt) this.#ask(0);
    if (this.#now < this.#phaseEnds) return;
    if (this.#phase === "resting") return this.#connect();
    this.#hangUp(CLOSE_NORMAL, "silence");
    this.#rest(0);
  }

  /** Wait before the next try, longer each time. @param {number} least seconds */
  #rest(least) {
    if (this.#phase === "stopped" || this.#phase === "resting") return;
    if (this.#phase === "welcomed" && this.#now - this.#welcomedAt >= STEADY_SECONDS) this.#failures = 0;
    const seconds = Math.min(RETRY_FIRST_SECONDS * 2 ** this.#failures++, RETRY_MAX_SECONDS);
    this.#enter("resting", Math.max(seconds, least) * (0.5 + this.#random() / 2));
  }

  /** End every session at once, and the socket. @param {"stopped" | "resting"} phase */
  #end(phase) {
    for (const id of this.#pipes.keys()) this.#giveUp(id, "stopping");
    this.#reportLoad();
    this.#hangUp(CLOSE_NORMAL, "");
    this.#enter(phase, Infinity);
    // That nobody is helped any more because all is over is no secret, and must not look late.
    this.#told.now = 0;
  }

  /** @param {string} id @param {string} reason for the broker, if it waits for an answer */
  #giveUp(id, reason) {
    if (!this.#pipes.get(id)?.answered) this.#send({ type: "refusal", id, reason });
    this.#commands.push({ type: "closePipe", id });
    this.#pipes.delete(id);
  }

  /** @param {number} code @param {string} reason */
  #hangUp(code, reason) {
    if (this.#phase !== "stopped" && this.#phase !== "resting") {
      this.#commands.push({ type: "closeSocket", code, reason });
    }
  }

  /** @param {"stopped" | "connecting" | "greeting" | "welcomed" | "resting"} phase @param {number} seconds */
  #enter(phase, seconds) {
    this.#phase = phase;
    this.#phaseEnds = this.#now + seconds;
    this.#surveyAt = Infinity;
  }

  /** Say something to the broker, if it listens. @param {object} message */
  #send(message) {
    if (this.#phase === "greeting" || this.#phase === "welcomed") {
      this.#commands.push({ type: "send", text: JSON.stringify(message) });
    }
  }

  #reportLoad() {
    const sessions = [...this.#pipes.values()].filter((pipe) => pipe.answered).length;
    if (this.#phase !== "welcomed" || sessions === this.#reportedLoad) return;
    this.#reportedLoad = sessions;
    this.#send({ type: "load", sessions });
  }

  // --- the network ---

  /** Survey with one of the STUN servers, if there are so many. @param {number} which */
  #ask(which) {
    const server = this.#stun[which];
    this.#survey += 1;
    this.#asked = which;
    this.#surveyAt = Infinity;
    if (server) this.#commands.push({ type: "survey", id: this.#survey, server });
  }

  /** @param {number} id @param {Network} network */
  #learn(id, network) {
    if (this.#phase !== "welcomed" || id !== this.#survey) return;
    const next = this.#asked + 1;
    if (blocksUdp(network) && next < this.#stun.length) return this.#ask(next);
    this.#stunInUse = blocksUdp(network) ? [] : this.#stun.slice(this.#asked, next);
    this.#surveyAt = this.#now + SURVEY_SECONDS;
    const last = this.#network;
    this.#network = network;
    if (!last || network.ipv4 !== last.ipv4 || network.ipv6 !== last.ipv6) this.#send({ type: "network", ...network });
  }

  /** Look again when nothing came back for an answer though something did before. @param {string} sdp */
  #check(sdp) {
    const idle = this.#surveyAt < Infinity;
    if (idle && this.#network && !blocksUdp(this.#network) && blocksUdp(networkOf(sdp))) this.#ask(0);
  }

  // --- the sessions ---

  /** @param {string} id @param {string} sdp */
  #answer(id, sdp) {
    const pipe = this.#pipes.get(id);
    if (!pipe) return;
    pipe.answered = true;
    this.#reportLoad(); // before the answer, so that the broker never sends one offer too many
    this.#send({ type: "answer", id, sdp });
    this.#check(sdp);
  }

  /** @param {string} id @param {"open" | "carried"} what */
  #mark(id, what) {
    const pipe = this.#pipes.get(id);
    if (!pipe || pipe[what]) return;
    pipe[what] = true;
    if (what === "carried") this.#total += 1;
  }

  /** @param {string} id */
  #forget(id) {
    const pipe = this.#pipes.get(id);
    if (!pipe) return;
    this.#pipes.delete(id);
    if (!pipe.answered) this.#send({ type: "refusal", id, reason: "the offer could not be used" });
    this.#reportLoad();
  }

  // --- what people see ---

  /** @param {number} now @returns {State} */
  #state(now) {
    if (this.#phase === "stopped") return "off";
    if (now) return "helping";
    if (this.#phase === "welcomed") return "waiting";
    return this.#failures || this.#phase === "resting" ? "offline" : "connecting";
  }

  /** States go out at once if no count is behind them, and with the end all counts. @param {boolean} timed */
  #publish(timed) {
    const now = [...this.#pipes.values()].filter((pipe) => pipe.open).length;
    const counts = { now, total: this.#total, megabytes: Math.ceil(this.#bytes / 1e5) / 10 };
    if (this.#phase === "stopped" || (timed && this.#now >= this.#publishAt)) {
      this.#told = counts;
      this.#publishAt = Infinity;
    }
    const view = { state: this.#state(this.#told.now), ...this.#told };
    if (differ(view, this.#published)) this.#commands.push({ type: "publish", view: (this.#published = view) });
    const tick = this.#now + PUBLISH_SECONDS - ((this.#now - this.#tick) % PUBLISH_SECONDS);
    this.#publishAt = now || differ(counts, this.#told) ? Math.min(this.#publishAt, tick) : Infinity;
  }
}

/** @param {Counts} one @param {Counts} other */
function differ(one, other) {
  return JSON.stringify(one) !== JSON.stringify(other);
}

/** @param {number} capacity */
function inRange(capacity) {
  return Math.min(Math.max(Math.floor(capacity) || 1, 1), CAPACITY_MAX);
}
