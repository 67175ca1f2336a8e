// As much of a browser as the code under test asks for while it reads what others send.

/** All peer connections that were made. */
globalThis.peers = [];
/** The windows of all iframes that were made. */
globalThis.windows = [];

class Channel extends EventTarget {
  readyState = "open";
  bufferedAmount = 0;
  sent = [];

  send(data) {
    this.sent.push(data);
  }

  close() {
    this.readyState = "closed";
  }
}

class Peer {
  channels = [];
  isClosed = false;
  connectionState = "new";

  constructor() {
    globalThis.peers.push(this);
  }

  createDataChannel() {
    this.channels.push(new Channel());
    return this.channels.at(-1);
  }

  /** No answer ever comes: what a browser makes of a description is not under test. */
  setRemoteDescription() {
    return new Promise(() => {});
  }

  close() {
    this.isClosed = true;
  }
}

class Iframe extends EventTarget {
  style = {};
  isConnected = true;
  contentWindow = { postMessage() {} };

  constructor() {
    super();
    globalThis.windows.push(this.contentWindow);
  }

  setAttribute() {}
  remove() {
    this.isConnected = false;
  }
}

const page = new EventTarget();

/** A message of a window arrives. */
globalThis.post = (source, data) => {
  const event = new Event("message");
  page.dispatchEvent(Object.assign(event, { source, data }));
};

const stored = new Map();
const globals = {
  RTCPeerConnection: Peer,
  WebSocket: Channel,
  window: page,
  document: Object.assign(new EventTarget(), {
    baseURI: "https://page.example/",
    body: { appendChild() {} },
    createElement: () => new Iframe(),
  }),
  navigator: { onLine: true, languages: ["en"] },
  localStorage: { getItem: (key) => stored.get(key) ?? null, setItem: (key, value) => stored.set(key, value) },
  Node: class {},
};
for (const [name, value] of Object.entries(globals)) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}
console.warn = () => {}; // the switch tells publishers of bad attributes there
