// One pipe: a client's data channel and a WebSocket to the egress. What comes out of one goes into the other, as it is.

import { gathered } from "./gathering.js";

/** Longest message, in bytes. */
const MESSAGE_MAX = 16_384;
// 4 MiB may wait in one direction, of which the browser gets so much; two honest ends have at most 3 MiB on their way.
const BUSY = 1.5 * 1024 * 1024;
const HELD_MAX = 2.5 * 1024 * 1024;
/** What a message that waits costs besides its bytes: a million of one byte must not slip through. */
const HELD_COST = 64;
/** A WebSocket does not say when it has room again. */
const LOOK_AGAIN_SECONDS = 0.005;
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
  #listener;
  #closed = false;
  /** @type {(() => void)[]} */
  #timers = [];

  /**
   * @param {Offer} offer
   * @param {import("./clock.js").Clock} clock
   * @param {Listener} listener
   * @throws what the browser says to a bad address or server
   */
  constructor({ sdp, egress, iceServers }, clock, listener) {
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
    this.#forward(this.#channel, this.#socket, clock);
    this.#forward(this.#socket, this.#channel, clock);
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
   * Pass on what `source` receives. It waits here until `sink` is open, and while it is busy: in Firefox the
   * `bufferedAmount` of a channel falls only when the engine's queue has run dry, so a high one proves nothing.
   * @param {RTCDataChannel | WebSocket} source
   * @param {RTCDataChannel | WebSocket} sink
   * @param {import("./clock.js").Clock} clock
   */
  #forward(source, sink, clock) {
    /** @type {ArrayBuffer[]} */
    let held = [];
    let heldBytes = 0;
    let holding = true;

    /** @param {ArrayBuffer} data */
    const send = (data) => {
      try {
        sink.send(data);
      } catch {
        return this.close(); // it is just closing
      }
      if (this.bytes === 0) this.#listener.carried();
      this.bytes += data.byteLength;
    };
    /** @param {ArrayBuffer} data */
    const hold = (data) => {
      held.push(data);
      heldBytes += data.byteLength + HELD_COST;
      if (heldBytes > HELD_MAX) return this.close();
      if (!holding) later();
      holding = true;
    };
    const flush = () => {
      let sent = 0;
      while (sent < held.length && sink.bufferedAmount <= BUSY && !this.#closed) {
        const data = /** @type {ArrayBuffer} */ (held[sent++]);
        heldBytes -= data.byteLength + HELD_COST;
        send(data);
      }
      held = held.slice(sent);
      holding = held.length > 0;
      if (holding) later();
    };
    let cancel = () => {};
    const later = () => {
      cancel();
      cancel = clock.after(LOOK_AGAIN_SECONDS, () => this.#closed || flush());
    };

    source.onmessage = ({ data }) => {
      const size = data.byteLength; // a text has none
      if (!(size > 0 && size <= MESSAGE_MAX)) this.close();
      else if (holding || sink.bufferedAmount > BUSY) hold(data);
      else send(data);
    };
    sink.addEventListener("open", flush);
  }
}
