// What a bridge decides: a state machine that is fed events and the time, and returns commands (events.js). Pure.
//
//            start                 socketOpened              welcome
//   stopped ───────▶ connecting ───────────────▶ greeting ───────────▶ welcomed
//      ▲                 ▲  │                        │                    │
//      │ stop            │  └─ closed, timed out or malformed message ───┘
//      └── anywhere      └──── timer ──── resting ◀──┘
//
// Sessions do not need the broker: they go on when its socket is lost, and end with `stop` or when the network is gone.

import { checkServers } from "./ice.js";
import { ProtocolError, parse } from "./messages.js";
import { filterSdp } from "./sdp.js";
import { StatusReporter } from "./status.js";
import { SurveyPlan } from "./surveys.js";

const VERSION = 1;
const CAPACITY_MAX = 64;
const CONNECT_SECONDS = 15;
const WELCOME_SECONDS = 10;
const SILENCE_SECONDS = 60;
const RETRY_FIRST_SECONDS = 1;
const RETRY_MAX_SECONDS = 60;
/** A broker that reports that it is full is asked again after about this time. */
const RETRY_FULL_SECONDS = 30;
/** After a connection that lasted this long, the next failure counts as the first again. */
const STEADY_SECONDS = 30;
/**
 * Pages may close a WebSocket with 1000 or 3000 to 4999 only; this code stands for 1008, a violation of the protocol.
 */
const CLOSE_PROTOCOL = 4008;
const CLOSE_NORMAL = 1000;
const CLOSE_FULL = 1013;

/** @typedef {import("./events.js").Event} Event */
/** @typedef {import("./events.js").Command} Command */
/** @typedef {"stopped" | "connecting" | "greeting" | "welcomed" | "resting"} Phase */

export class BridgeCore {
  #random;
  #allowPrivate;
  /** @type {Phase} */
  #phase = "stopped";
  #capacity = 0;
  #egress = "";
  #surveys = new SurveyPlan();
  #reporter;
  /** @type {Map<string, {answered: boolean, open: boolean, carried: boolean}>} */
  #sessions = new Map();
  #total = 0;
  #failures = 0;
  #welcomedAt = 0;
  /** When the present phase has taken too long, or resting has been long enough. */
  #phaseEnds = Infinity;
  #reportedLoad = 0;
  #now = 0;
  /** @type {Command[]} */
  #commands = [];

  /**
   * @param {() => number} random from 0 to 1; spreads the retries of many bridges, and hides when readers come and go
   * @param {boolean} allowPrivate whether the broker may name private addresses, because its own is one
   */
  constructor(random, allowPrivate) {
    this.#random = random;
    this.#allowPrivate = allowPrivate;
    this.#reporter = new StatusReporter(random());
  }

  /** When `timer` is to be handled, in seconds on the clock of `handle`; may be Infinity. */
  get deadline() {
    return Math.min(this.#phaseEnds, this.#reporter.deadline, this.#surveys.deadline);
  }

  /**
   * @param {Event} event
   * @param {number} now seconds on any steady clock
   * @param {number} bytes that all sessions have passed on so far
   * @returns {Command[]} to be executed in this order
   */
  handle(event, now, bytes) {
    this.#now = now;
    this.#commands = [];
    this.#take(event);
    this.#publish(bytes, event.type === "timer");
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
        return this.#restart();
      case "socketOpened":
        return this.#greet();
      case "socketMessage":
        return this.#receive(event.data);
      case "socketClosed":
        return this.#rest(event.code === CLOSE_FULL ? RETRY_FULL_SECONDS : 0);
      case "surveyed":
        return this.#learn(event.id, event.network);
      case "sessionAnswered":
        return this.#answer(event.id, event.sdp);
      case "sessionOpened":
        return this.#mark(event.id, "open");
      case "sessionCarried":
        return this.#mark(event.id, "carried");
      case "sessionClosed":
        return this.#forget(event.id);
      case "timer":
        return this.#timeOut();
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

  /** A connection states its capacity once, so there is a new connection; sessions go on. @param {number} capacity */
  #change(capacity) {
    if (this.#phase === "stopped" || inRange(capacity) === this.#capacity) return;
    this.#capacity = inRange(capacity);
    if (this.#phase !== "greeting" && this.#phase !== "welcomed") return;
    for (const [id, session] of this.#sessions) if (!session.answered) this.#giveUp(id, "stopping");
    this.#hangUp(CLOSE_NORMAL, "");
    this.#connect();
  }

  /** After the machine has slept, the other ends are gone, and a socket may not know it. */
  #restart() {
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
  #receive(data) {
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
  #settle({ egress, iceServers }) {
    checkServers(iceServers, "stun", this.#allowPrivate);
    this.#enter("welcomed", SILENCE_SECONDS);
    this.#welcomedAt = this.#now;
    this.#egress = egress;
    this.#reportLoad(); // sessions from before the broker was lost
    this.#survey(this.#surveys.start(iceServers));
  }

  /** @param {import("./messages.js").Offer} offer */
  #consider({ id, sdp, iceServers }) {
    if (this.#sessions.has(id)) throw new ProtocolError("id", "is in use");
    checkServers(iceServers, "turn", this.#allowPrivate);
    if (this.#sessions.size >= this.#capacity) return this.#send({ type: "refusal", id, reason: "full" });
    this.#sessions.set(id, { answered: false, open: false, carried: false });
    iceServers = [...this.#surveys.inUse, ...iceServers];
    const offer = { sdp: filterSdp(sdp, this.#allowPrivate), egress: this.#egress, iceServers };
    this.#commands.push({ type: "openSession", id, ...offer });
  }

  #timeOut() {
    if (this.#now >= this.#surveys.deadline) this.#survey(this.#surveys.again());
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
    for (const id of this.#sessions.keys()) this.#giveUp(id, "stopping");
    this.#reportLoad();
    this.#hangUp(CLOSE_NORMAL, "");
    this.#enter(phase, Infinity);
    this.#reporter.endSessions();
  }

  /** @param {string} id @param {string} reason for the broker, if it waits for an answer */
  #giveUp(id, reason) {
    if (!this.#sessions.get(id)?.answered) this.#send({ type: "refusal", id, reason });
    this.#commands.push({ type: "closeSession", id });
    this.#sessions.delete(id);
  }

  /** @param {number} code @param {string} reason */
  #hangUp(code, reason) {
    if (this.#phase !== "stopped" && this.#phase !== "resting") {
      this.#commands.push({ type: "closeSocket", code, reason });
    }
  }

  /** @param {Phase} phase @param {number} seconds */
  #enter(phase, seconds) {
    this.#phase = phase;
    this.#phaseEnds = this.#now + seconds;
    this.#surveys.deadline = Infinity;
  }

  /** Send something to the broker, if there is a connection. @param {object} message */
  #send(message) {
    if (this.#phase === "greeting" || this.#phase === "welcomed") {
      this.#commands.push({ type: "send", text: JSON.stringify(message) });
    }
  }

  #reportLoad() {
    const sessions = [...this.#sessions.values()].filter((session) => session.answered).length;
    if (this.#phase !== "welcomed" || sessions === this.#reportedLoad) return;
    this.#reportedLoad = sessions;
    this.#send({ type: "load", sessions });
  }

  // --- the network ---

  /** @param {import("./events.js").SurveyCommand | undefined} command */
  #survey(command) {
    if (command) this.#commands.push(command);
  }

  /** @param {number} id @param {import("./network.js").Network} network */
  #learn(id, network) {
    if (this.#phase !== "welcomed") return;
    const { next, news } = this.#surveys.finish(id, network, this.#now);
    this.#survey(next);
    if (news) this.#send({ type: "network", ...network });
  }

  // --- the sessions ---

  /** @param {string} id @param {string} sdp */
  #answer(id, sdp) {
    const session = this.#sessions.get(id);
    if (!session) return;
    session.answered = true;
    this.#reportLoad(); // before the answer, so that the broker never sends one offer too many
    this.#send({ type: "answer", id, sdp });
    this.#survey(this.#surveys.checkAnswer(sdp));
  }

  /** @param {string} id @param {"open" | "carried"} what */
  #mark(id, what) {
    const session = this.#sessions.get(id);
    if (!session || session[what]) return;
    session[what] = true;
    if (what === "carried") this.#total += 1;
  }

  /** @param {string} id */
  #forget(id) {
    const session = this.#sessions.get(id);
    if (!session) return;
    this.#sessions.delete(id);
    if (!session.answered) this.#send({ type: "refusal", id, reason: "the offer could not be used" });
    this.#reportLoad();
  }

  // --- the status ---

  /** @param {number} bytes @param {boolean} timed */
  #publish(bytes, timed) {
    const now = [...this.#sessions.values()].filter((session) => session.open).length;
    const counts = { now, total: this.#total, megabytes: Math.ceil(bytes / 1e5) / 10 };
    const at = this.#now;
    const status = this.#reporter.update(counts, this.#state(), at, timed);
    if (status) this.#commands.push({ type: "publish", status });
  }

  /** The state while no session is open. */
  #state() {
    if (this.#phase === "stopped") return "off";
    if (this.#phase === "welcomed") return "waiting";
    return this.#failures || this.#phase === "resting" ? "offline" : "connecting";
  }
}

/** @param {number} capacity */
function inRange(capacity) {
  return Math.min(Math.max(Math.floor(capacity) || 1, 1), CAPACITY_MAX);
}
