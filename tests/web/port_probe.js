// Tries in every way that a page has whether something listens at a port of this machine, and says what it can tell.

const LIMIT_MS = 4000;

/** What a page can tell of `host:port`, by way of trying; each value is a short text. `how` names only some ways. */
export async function probe(host, port, how = null) {
  const found = {};
  const wanted = Object.entries(WAYS).filter(([name]) => how === null || how.includes(name));
  await Promise.all(
    wanted.map(async ([name, way]) => {
      try {
        found[name] = await Promise.race([way(host, port), after(LIMIT_MS, "nothing")]);
      } catch (error) {
        found[name] = `${error.name}`;
      }
    }),
  );
  return found;
}

/** How long a way takes, in milliseconds: the median of some tries. */
export async function time(host, port, how, tries = 40) {
  const took = [];
  for (let i = 0; i < tries; i += 1) {
    const start = performance.now();
    await WAYS[how](host, port).catch(() => {});
    took.push(performance.now() - start);
  }
  took.sort((a, b) => a - b);
  return took[tries >> 1];
}

const after = (ms, value) => new Promise((resolve) => void setTimeout(resolve, ms, value));
let unique = 0;
const url = (scheme, host, port) => `${scheme}://${host}:${port}/${(unique += 1)}`;

const fetching = (scheme, options) => async (host, port) => {
  const response = await fetch(url(scheme, host, port), options);
  return `response ${response.type} ${response.status}`;
};

/** Whether an element says that it has loaded, and what else a page sees of it. */
const element =
  (make, see = () => "") =>
  async (host, port) => {
    const made = make(url("http", host, port));
    const event = new Promise((resolve) => {
      for (const type of ["load", "error", "loadeddata"]) made.addEventListener(type, () => resolve(type));
    });
    document.body.append(made);
    const type = await event;
    const more = see(made);
    made.remove();
    return `${type} ${more}`.trim();
  };

const create = (name, attributes) => Object.assign(document.createElement(name), attributes);

const frame = (made) => {
  let inside = "closed";
  try {
    inside = made.contentDocument ? "open" : "closed";
  } catch {
    // another origin
  }
  return `${inside} ${made.contentWindow?.length}`;
};

const socket = (scheme) => (host, port) =>
  new Promise((resolve) => {
    const made = new WebSocket(url(scheme, host, port));
    const seen = [];
    for (const type of ["open", "error"]) made.addEventListener(type, () => seen.push(type));
    made.addEventListener("close", (event) => resolve(`${seen} ${event.code} ${event.wasClean} ${event.reason}`));
  });

/** A TURN server by TCP or TLS: the browser says why it could not be used. */
const turn = (scheme) => (host, port) =>
  new Promise((resolve, reject) => {
    const urls = `${scheme}:${host}:${port}?transport=tcp`;
    const connection = new RTCPeerConnection({
      iceServers: [{ urls, username: "u", credential: "p" }],
      iceTransportPolicy: "relay",
    });
    const seen = new Set();
    connection.addEventListener("icecandidateerror", (event) => seen.add(`${event.errorCode}`));
    connection.addEventListener("icegatheringstatechange", () => {
      if (connection.iceGatheringState !== "complete") return;
      connection.close();
      resolve([...seen].join(" "));
    });
    connection.createDataChannel("x");
    connection
      .createOffer()
      .then((offer) => connection.setLocalDescription(offer))
      .catch(reject);
  });

/** What statistics say of ICE by TCP to this port, as if the other end of a call were there. */
async function iceByTcp(host, port) {
  const [one, other] = [new RTCPeerConnection(), new RTCPeerConnection()];
  one.createDataChannel("x");
  await one.setLocalDescription(await one.createOffer());
  await other.setRemoteDescription(one.localDescription);
  await other.setLocalDescription(await other.createAnswer());
  const lines = other.localDescription.sdp.split("\r\n").filter((line) => !line.includes("candidate"));
  await one.setRemoteDescription({ type: "answer", sdp: lines.join("\r\n") });
  const candidate = `candidate:1 1 tcp 1518280447 ${host} ${port} typ host tcptype passive`;
  await one.addIceCandidate({ candidate, sdpMid: "0", sdpMLineIndex: 0 });
  await after(2000);
  const seen = [];
  for (const each of (await one.getStats()).values())
    if (each.type === "candidate-pair")
      seen.push(`${each.state} ${each.requestsSent > 0} ${each.bytesSent > 0} ${each.responsesReceived > 0}`);
  const state = one.iceConnectionState;
  one.close();
  other.close();
  return [state, ...seen.sort()].join("; ");
}

/** What the resource timing of a failed fetch shows, but for how long it took. */
async function timing(host, port) {
  const address = url("http", host, port);
  await fetch(address, { mode: "no-cors" }).catch(() => {});
  await after(200);
  return performance
    .getEntriesByName(address)
    .map((entry) => {
      const set = Object.entries(entry.toJSON()).filter(
        ([name, value]) => value && !/name|duration|Time|End|Start/.test(name),
      );
      const moments = ["connectStart", "connectEnd", "requestStart", "responseStart", "secureConnectionStart"];
      return `${JSON.stringify(set)} ${moments.filter((name) => entry[name] > 0)}`;
    })
    .join("; ");
}

const WAYS = {
  "fetch no-cors": fetching("http", { mode: "no-cors" }),
  "fetch no-cors, POST": fetching("http", { mode: "no-cors", method: "POST", body: "x".repeat(100_000) }),
  "fetch cors": fetching("http", {}),
  "fetch with preflight": fetching("http", { method: "PUT", headers: { "X-Probe": "1" } }),
  "fetch with credentials": fetching("http", { mode: "no-cors", credentials: "include" }),
  "fetch https": fetching("https", { mode: "no-cors" }),
  "fetch keepalive": fetching("http", { mode: "no-cors", keepalive: true }),
  "fetch to loopback, said": fetching("http", { targetAddressSpace: "loopback" }),
  XMLHttpRequest: (host, port) =>
    new Promise((resolve) => {
      const request = new XMLHttpRequest();
      request.open("GET", url("http", host, port));
      request.addEventListener("loadend", () => resolve(`${request.status} ${request.readyState}`));
      request.send();
    }),
  image: element((src) => create("img", { src })),
  script: element((src) => create("script", { src })),
  "module script": element((src) => create("script", { src, type: "module" })),
  stylesheet: element((href) => create("link", { href, rel: "stylesheet" })),
  prefetch: (host, port) =>
    document.createElement("link").relList.supports("prefetch")
      ? element((href) => create("link", { href, rel: "prefetch" }))(host, port)
      : "none",
  preload: element((href) => create("link", { href, rel: "preload", as: "image" })),
  video: element(
    (src) => create("video", { src, preload: "auto" }),
    (made) => `${made.error?.code} ${made.networkState}`,
  ),
  object: element((data) => create("object", { data })),
  frame: element((src) => create("iframe", { src }), frame),
  "frame, https": element((src) => create("iframe", { src: src.replace("http", "https") }), frame),
  EventSource: (host, port) =>
    new Promise((resolve) => {
      const source = new EventSource(url("http", host, port));
      source.addEventListener("error", () => {
        resolve(`error ${source.readyState}`);
        source.close();
      });
    }),
  font: async (host, port) => {
    const face = new FontFace("probe", `url(${url("http", host, port)})`);
    await face.load();
    return face.status;
  },
  beacon: async (host, port) => `${navigator.sendBeacon(url("http", host, port), "x")}`,
  WebSocket: socket("ws"),
  "WebSocket, TLS": socket("wss"),
  WebTransport: async (host, port) => {
    if (!("WebTransport" in window)) return "none";
    await new WebTransport(url("https", host, port)).ready;
    return "ready";
  },
  "TURN by TCP": turn("turn"),
  "TURN by TLS": turn("turns"),
  "ICE by TCP": iceByTcp,
  "resource timing": timing,
};
