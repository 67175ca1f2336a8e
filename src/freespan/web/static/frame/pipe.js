// One pipe: a client's data channel and a WebSocket to the egress. What comes out of one goes into the other, as it is.

import { gathered } from "./gathering.js";

/** Longest message, in bytes. */
const MESSAGE_MAX = 16_384;
// 4 MiB may wait in one direction, of which the browser gets so much; two honest ends have at most 3 MiB on their way,
// fewer where they see that it takes its time. Nothing is ever dropped: who sends more loses the session.
const WAITING_MAX = 4 * 1024 * 1024;
const BUSY = 1.5 * 1024 * 1024;
/** What a message that waits costs besides its bytes: a million of one byte must not slip through. */
const HELD_COST = 64;
/** A WebSocket does not say when it has room again. */
const LOOK_AGAIN_SECONDS = 0.005;
/** A limit may be lifted meanwhile. */
const LOOK_AGAIN_AT_LEAST_SECONDS = 1;
const CHANNEL_OPEN_SECONDS = 15;
/** What may wait for a client that does not read what it is told, in bytes. */
const SAID_MAX = 65_536;

/** @typedef {{sdp: string, egress: string, iceServers: import("./messages.js").IceServer[]}} Offer */
/**
 * @typedef {object} Listener
 * @property {(sdp: string) => void} answered
 * @property {() => void} opened
 * @property {() => void} carried the first message went through
 * @property {() => void} closed once, at the end, whatever it was
 * @property {(data: unknown) => void} [asked] what the client says beside the messages; without it, it cannot
 */

export class Pipe {
  /** What went through, in both directions. */
  bytes = 0;
  #peer;
  #channel;
  /** @type {RTCDataChannel | undefined} */
  #words;
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
   * @param {import("./rate.js").Rate} rate of all pipes together
   * @param {Listener} listener
   * @throws what the browser says to a bad address or server
   */
  constructor({ sdp, egress, iceServers }, clock, rate, listener) {
    this.#clock = clock;
    this.#rate = rate;
    this.#listener = listener;
    this.#peer = new RTCPeerConnection({ iceServers });
    this.#channel = this.#peer.createDataChannel("freespan", { negotiated: true, id: 0 });
    if (listener.asked) {
      this.#words = this.#peer.createDataChannel("lanes", { negotiated: true, id: 1 });
      this.#words.onmessage = ({ data }) => this.#closed || listener.asked?.(data);
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
    this.#channel.addEventListener("open", () => this.#listener.opened());
    for (const end of [this.#channel, this.#socket]) {
      end.binaryType = "arraybuffer";
      end.onclose = close;
      end.onerror = close;
    }
    this.#forward(this.#channel, this.#socket);
    this.#forward(this.#socket, this.#channel);
    this.#negotiate(sdp, gathered(this.#peer, iceServers, clock)).catch(close);
  }

  /** Tell the client, beside the messages. @param {string} text */
  say(text) {
    if (this.#closed || this.#words?.readyState !== "open") return;
    this.#words.send(text);
    if (this.#words.bufferedAmount > SAID_MAX) this.close();
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
    this.#listener.closed();
  }

  /** @param {string} sdp @param {Promise<void>} complete */
  async #negotiate(sdp, complete) {
    await this.#peer.setRemoteDescription({ type: "offer", sdp });
    if (this.#peer.getTransceivers().length) throw new TypeError("an offer with more than a data channel");
    await this.#peer.setLocalDescription();
    await complete;
    if (!this.#closed) this.#listener.answered(this.#peer.localDescription?.sdp ?? "");
  }

  /**
   * Pass on what `source` receives. It waits here until `sink` is open, while it is busy, and for the rate: in Firefox the
   * `bufferedAmount` of a channel falls only when the engine's queue has run dry, so a high one proves nothing.
   * @param {RTCDataChannel | WebSocket} source
   * @param {RTCDataChannel | WebSocket} sink
   */
  #forward(source, sink) {
    /** @type {ArrayBuffer[]} */
    let held = [];
    let heldBytes = 0;
    let holding = true;
    /** Of the message that is next. @type {number | undefined} */
    let ticket;

    /** Seconds until the next message may go. @param {ArrayBuffer} data */
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
        return this.close(); // it is just closing
      }
      ticket = undefined;
      if (this.bytes === 0) this.#listener.carried();
      this.bytes += data.byteLength;
    };
    /** @param {ArrayBuffer} data */
    const hold = (data) => {
      held.push(data);
      heldBytes += data.byteLength + HELD_COST;
      if (heldBytes + Math.min(sink.bufferedAmount, BUSY) > WAITING_MAX) return this.close();
      if (!holding) later(data);
      holding = true;
    };
    const flush = () => {
      let sent = 0;
      for (const data of held) {
        if (sink.bufferedAmount > BUSY || this.#closed || wait(data)) break;
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
      const seconds = Math.min(Math.max(wait(next), LOOK_AGAIN_SECONDS), LOOK_AGAIN_AT_LEAST_SECONDS);
      cancel = this.#clock.after(seconds, () => this.#closed || flush());
    };

    source.onmessage = ({ data }) => {
      const size = data.byteLength; // a text has none
      if (!(size > 0 && size <= MESSAGE_MAX)) this.close();
      else if (holding || sink.bufferedAmount > BUSY || wait(data)) hold(data);
      else send(data);
    };
    sink.addEventListener("open", flush);
  }
}
