// One pipe: a client's data channel and a WebSocket to the egress. What comes out of one goes into the other,
// unchanged.

import { gathered } from "./gathering.js";

/** Longest message, in bytes. */
const MESSAGE_MAX = 16_384;
/**
 * How many bytes may wait in one direction. Ends that keep to the protocol have at most 3 MiB in flight, and less where
 * acknowledgements are slow. Nothing is ever dropped: a session that exceeds this ends.
 */
const WAITING_MAX = 4 * 1024 * 1024;
/** How many of them the browser's own buffer gets. */
const BUFFERED_MAX = 1.5 * 1024 * 1024;
/** What a waiting message costs beyond its bytes, so that a million messages of one byte count as well. */
const HELD_COST = 64;
/** A WebSocket does not report when it is writable again, so it is asked. */
const POLL_SECONDS = 0.005;
/** The longest wait for the rate limit, which may be lifted meanwhile. */
const POLL_MAX_SECONDS = 1;
const CHANNEL_OPEN_SECONDS = 15;
/** How many bytes of signalling may wait for a client that does not read them. */
const SIGNALS_MAX = 65_536;

/** @typedef {{sdp: string, egress: string, iceServers: import("./messages.js").IceServer[]}} Offer */
/**
 * @typedef {object} Listener
 * @property {(sdp: string) => void} onAnswer
 * @property {() => void} onOpen
 * @property {() => void} onCarried the first message was passed on
 * @property {() => void} onClose once, at the end, whatever the reason
 * @property {(data: unknown) => void} [onSignal] signalling of the client; without it, there is no channel for it
 */

export class Pipe {
  /** What was passed on, in both directions. */
  bytes = 0;
  #peer;
  #channel;
  /** @type {RTCDataChannel | undefined} */
  #signals;
  #socket;
  #clock;
  #rate;
  #listener;
  #closed = false;
  /** @type {(() => void)[]} */
  #timers = [];

  /**
   * @param {Offer} offer
   * @param {import("./clock.js").Clock} clock
   * @param {import("./rate.js").RateLimit} rate of all pipes together
   * @param {Listener} listener
   * @throws {Error} the browser's own, for a bad address or server
   */
  constructor({ sdp, egress, iceServers }, clock, rate, listener) {
    this.#clock = clock;
    this.#rate = rate;
    this.#listener = listener;
    this.#peer = new RTCPeerConnection({ iceServers });
    this.#channel = this.#peer.createDataChannel("freespan", { negotiated: true, id: 0 });
    if (listener.onSignal) {
      this.#signals = this.#peer.createDataChannel("lanes", { negotiated: true, id: 1 });
      this.#signals.onmessage = ({ data }) => this.#closed || listener.onSignal?.(data);
    }
    try {
      this.#socket = new WebSocket(egress);
    } catch (error) {
      this.#peer.close();
      throw error;
    }
    const close = () => this.close();
    this.#peer.onconnectionstatechange = () => {
      if (/failed|closed/.test(this.#peer.connectionState)) close();
    };
    this.#timers.push(clock.after(CHANNEL_OPEN_SECONDS, () => this.#channel.readyState === "open" || close()));
    this.#channel.addEventListener("open", () => this.#listener.onOpen());
    for (const end of [this.#channel, this.#socket]) {
      end.binaryType = "arraybuffer";
      end.onclose = close;
      end.onerror = close;
    }
    this.#forward(this.#channel, this.#socket);
    this.#forward(this.#socket, this.#channel);
    this.#negotiate(sdp, gathered(this.#peer, iceServers, clock)).catch(close);
  }

  /** Send signalling to the client. @param {string} text */
  send(text) {
    if (this.#closed || this.#signals?.readyState !== "open") return;
    this.#signals.send(text);
    if (this.#signals.bufferedAmount > SIGNALS_MAX) this.close();
  }

  /** End both sides at once. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    for (const cancel of this.#timers) cancel();
    for (const end of [this.#channel, this.#socket]) end.onmessage = end.onclose = end.onerror = null;
    this.#peer.onconnectionstatechange = this.#peer.onicecandidate = null;
    this.#channel.close();
    this.#peer.close();
    this.#socket.close();
    this.#listener.onClose();
  }

  /** @param {string} sdp @param {Promise<void>} complete */
  async #negotiate(sdp, complete) {
    await this.#peer.setRemoteDescription({ type: "offer", sdp });
    if (this.#peer.getTransceivers().length) throw new TypeError("an offer with more than a data channel");
    await this.#peer.setLocalDescription();
    await complete;
    if (!this.#closed) this.#listener.onAnswer(this.#peer.localDescription?.sdp ?? "");
  }

  /**
   * Pass on what `source` receives. It waits here until `sink` is open, while the buffer of `sink` is full, and for the
   * rate limit. In Firefox the `bufferedAmount` of a channel falls only when the engine's queue is empty, so a high
   * value proves nothing.
   * @param {RTCDataChannel | WebSocket} source
   * @param {RTCDataChannel | WebSocket} sink
   */
  #forward(source, sink) {
    /** @type {ArrayBuffer[]} */
    let held = [];
    let heldBytes = 0;
    let holding = true;
    /** The booking of the next message. @type {number | undefined} */
    let ticket;

    /** Seconds until the next message may be sent. @param {ArrayBuffer} data */
    const wait = (data) => {
      if (!this.#rate.isLimited) return 0;
      ticket ??= this.#rate.book(data.byteLength);
      return this.#rate.wait(ticket, this.#clock.now);
    };
    /** @param {ArrayBuffer} data */
    const send = (data) => {
      try {
        sink.send(data);
      } catch {
        return this.close(); // it is closing already
      }
      ticket = undefined;
      if (this.bytes === 0) this.#listener.onCarried();
      this.bytes += data.byteLength;
    };
    /** @param {ArrayBuffer} data */
    const hold = (data) => {
      held.push(data);
      heldBytes += data.byteLength + HELD_COST;
      if (heldBytes + Math.min(sink.bufferedAmount, BUFFERED_MAX) > WAITING_MAX) return this.close();
      if (!holding) later(data);
      holding = true;
    };
    const flush = () => {
      let sent = 0;
      for (const data of held) {
        if (sink.bufferedAmount > BUFFERED_MAX || this.#closed || wait(data)) break;
        heldBytes -= data.byteLength + HELD_COST;
        send(data);
        sent += 1;
      }
      held = held.slice(sent);
      holding = held.length > 0;
      if (held[0]) later(held[0]);
    };
    let cancel = () => {};
    /** @param {ArrayBuffer} next */
    const later = (next) => {
      cancel();
      const seconds = Math.min(Math.max(wait(next), POLL_SECONDS), POLL_MAX_SECONDS);
      cancel = this.#clock.after(seconds, () => this.#closed || flush());
    };

    source.onmessage = ({ data }) => {
      const size = data.byteLength; // a text message has none
      if (!(size > 0 && size <= MESSAGE_MAX)) this.close();
      else if (holding || sink.bufferedAmount > BUFFERED_MAX || wait(data)) hold(data);
      else send(data);
    };
    sink.addEventListener("open", flush);
  }
}
