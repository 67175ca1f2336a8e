// What must hold for any input of the JavaScript that reads what strangers send: each property is the arbitrary inputs
// of fast-check, and a function that throws if something is wrong.

import assert from "node:assert/strict";
import fc from "fast-check";
import "./browser.js";

const STATIC = "../../src/freespan/web/static/";
const { addressText, isEnd, isPrivateHost, isPublic, parseAddress, versionOf } = await import(
  `${STATIC}bridge/addresses.js`
);
const { BridgeCore } = await import(`${STATIC}bridge/core.js`);
const { checkServers } = await import(`${STATIC}bridge/ice.js`);
const { parse, parseLane, ProtocolError } = await import(`${STATIC}bridge/messages.js`);
const { networkOf } = await import(`${STATIC}bridge/network.js`);
const { BridgeSession } = await import(`${STATIC}bridge/session.js`);
const { RateLimit } = await import(`${STATIC}bridge/rate.js`);
const { filterSdp, namedAddresses } = await import(`${STATIC}bridge/sdp.js`);
const { known } = await import(`${STATIC}globe/scene.js`);
const { GlobeFrame } = await import(`${STATIC}element/globe-frame.js`);
const { BridgeIframe } = await import(`${STATIC}volunteer/iframe.js`);
const { recall, remember } = await import(`${STATIC}volunteer/memory.js`);
const { checkOptions, strictest } = await import(`${STATIC}volunteer/options.js`);
const { decide } = await import(`${STATIC}volunteer/rules.js`);
const { hours, host, number } = await import(`${STATIC}element/attributes.js`);
const { findHost } = await import(`${STATIC}paste/host.js`);
const { pick } = await import(`${STATIC}element/language.js`);

/** Longest text that a message may hold; what is longer is refused unread. */
const TEXT_MAX = 33_000;

// --- inputs ---------------------------------------------------------------------------------------
/** Texts made of the words of a format and of anything; some of them are long. */
function texts(...words) {
  const part = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...words) },
    fc.string({ unit: "binary", maxLength: 8 }),
  );
  const few = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(""));
  const many = fc.tuple(few, fc.nat({ max: 3_000 })).map(([text, times]) => text.repeat(times).slice(0, TEXT_MAX));
  return fc.oneof({ weight: 40, arbitrary: few }, { weight: 1, arbitrary: many });
}

const HOSTS = [
  ..."localhost 127.0.0.1 127.1 0177.0.0.1 0x7f000001 2130706433 10.0.0.1 1.1.1.1 8.8.8.8 a.local h.example".split(" "),
  ..."[::1] ::1 ::ffff:127.0.0.1 2a00::1 2002:7f00:1:: 64:ff9b::7f00:1 fe80::1%eth0 168.63.129.16 192.0.0.9".split(" "),
  ..."999.1.1.1 1.1.1.1. １.1.1.1 [2a00::1] 3fff::1 2001:db8::1 2001::1 1:0:0:2:0:0:0:3 1::2:0:0:3".split(" "),
];
const addresses = fc.oneof(
  fc.constantFrom(...HOSTS),
  fc.ipV4(),
  fc.ipV4Extended(),
  fc.ipV6(),
  texts(...HOSTS, ".", ":"),
);
const urls = fc.oneof(
  fc
    .tuple(
      fc.constantFrom("stun:", "turn:", "turns:", "STUN:"),
      addresses,
      fc.constantFrom("", ":3478", ":0", "?transport=udp"),
    )
    .map((parts) => parts.join("")),
  texts(...HOSTS, "stun:", "turn:", ":1", "?transport=tcp", "@", "/"),
);
const candidates = fc
  .tuple(
    fc.constantFrom("a=candidate:1", "a=candidate:", "A=candidate:1", " a=candidate:1", "candidate:1"),
    fc.constantFrom("1", "2", "01"),
    fc.constantFrom("udp", "UDP", "tcp", "udp\t"),
    fc.constantFrom("2122260223", "1"),
    addresses,
    fc.constantFrom("9", "40000", "65536", "0"),
    fc.constantFrom(
      "typ host",
      "typ srflx raddr 10.0.0.1 rport 9",
      "typ relay raddr ::1 rport 1 raddr 10.0.0.1",
      "typ",
    ),
  )
  .map((parts) => parts.join(" "));
const LINES = [
  ..."v=0|o=- 1 2 IN IP4 127.0.0.1|s=-|t=0 0|a=group:BUNDLE 0|c=IN IP4 10.0.0.1|a=ice-ufrag:abcd|a=mid:0".split("|"),
  ..."a=setup:actpass|a=sctp-port:5000|a=end-of-candidates|a=rtcp:9 IN IP4 10.0.0.1|a=ice-pwd:abcdefghijklmnopqrstuvwx".split(
    "|",
  ),
  ..."m=application 9 UDP/DTLS/SCTP webrtc-datachannel|a=remote-candidates:1 10.0.0.1 9|a=fingerprint:sha-256 AB".split(
    "|",
  ),
];
const lines = fc.oneof(candidates, fc.constantFrom(...LINES), texts(...LINES, "candidate:", "\t", "\u2028", "\x85"));
const descriptions = fc
  .array(fc.tuple(lines, fc.constantFrom("\r\n", "\n", "\r", " ")), { maxLength: 40 })
  .map((all) => all.flat().join(""));

const servers = fc.record(
  { urls: fc.array(urls, { maxLength: 9 }), username: fc.string(), credential: fc.string() },
  { requiredKeys: [] },
);
const NAMES = ["type", "id", "sdp", "egress", "ice_servers", "urls", "username", "credential", "__proto__", "toString"];
const TYPES = ["welcome", "offer", "ping", "lane_offer", "hello"];
const values = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom(...TYPES, "wss://h/e", "ws://", null, Infinity, -0),
  fc.string({ maxLength: 70 }),
  descriptions,
);
const objects = fc.oneof(
  fc.dictionary(fc.constantFrom(...NAMES), values),
  fc.record({
    type: fc.constant("welcome"),
    egress: fc.constantFrom("wss://h/e", "ws://h"),
    ice_servers: fc.array(servers, { maxLength: 9 }),
  }),
  fc.record(
    {
      type: fc.constant("offer"),
      id: fc.constantFrom("a", "b", "c"),
      sdp: descriptions,
      ice_servers: fc.array(servers, { maxLength: 2 }),
    },
    { requiredKeys: ["type", "id", "sdp"] },
  ),
  fc.record({ type: fc.constant("lane_offer"), id: fc.constantFrom("a", "b"), sdp: descriptions }),
  fc.constant({ type: "ping" }),
);
const messages = fc.oneof(
  objects.map((object) => JSON.stringify(object)),
  fc.json(),
  texts(
    '{"type":"offer"',
    '"id":"a"',
    ',"sdp":"v=0"',
    "}",
    "[",
    '{"a":',
    '"',
    "\\u0000",
    "\\ud800",
    '"ice_servers":[{"urls":["stun:h"]}]',
  ),
  fc.constantFrom(null, undefined, 7, new Uint8Array(3)),
);

// --- what must hold --------------------------------------------------------------------------------
/** What `call` returns, or undefined where it throws what it may throw. */
function attempt(call, permitted) {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof permitted)) throw error;
    assert.match(error.message, /^[ -~]{1,300}$/);
    return undefined;
  }
}

function checkMessage(text) {
  const message = attempt(() => parse(text), ProtocolError);
  if (message?.type === "offer" || message?.type === "welcome") {
    assert.ok(message.iceServers.length <= 8);
    for (const server of message.iceServers) assert.ok(server.urls.every((url) => url && url.length <= 1024));
  }
  const lane = attempt(() => parseLane(text), ProtocolError);
  if (lane) assert.ok(lane.id && lane.id.length <= 64 && lane.sdp);
}

function checkDescription(sdp) {
  for (const allowPrivate of [false, true]) {
    const once = filterSdp(sdp, allowPrivate);
    assert.equal(filterSdp(once, allowPrivate), once);
    assert.match(once, /^([ -~]+\r\n)*$/);
    for (const line of once.split("\r\n").filter((one) => /candidate:/i.test(one))) {
      const [, , transport, , address = ""] = line.split(" ");
      assert.match(transport ?? "", /^udp$/i);
      if (allowPrivate) continue;
      assert.ok(isEnd(parseAddress(address)), "a private address has passed");
      for (const [, related] of line.matchAll(/ raddr ([^ ]+)/gi)) assert.equal(related, "0.0.0.0");
    }
  }
  for (const name of namedAddresses(sdp, false)) assert.ok(isEnd(parseAddress(name)));
  const only = new Set([...namedAddresses(sdp, true)].slice(1));
  for (const name of namedAddresses(filterSdp(sdp, true, only), true)) assert.ok(only.has(name));
  networkOf(sdp);
}

function checkAddress(text) {
  const version = versionOf(text);
  assert.ok(version === undefined || version === "ipv4" || version === "ipv6");
  const address = parseAddress(text);
  if (!address) return assert.equal(version, undefined);
  const written = addressText(address);
  assert.deepEqual(parseAddress(written), address);
  assert.equal(addressText(parseAddress(written)), written);
  if (isEnd(address)) assert.ok(isPublic(address));
  assert.equal(isPrivateHost(text), !isPublic(address));
}

function checkUrls(all) {
  for (const kind of ["stun", "turn"]) {
    const inPublic = attempt(() => checkServers([{ urls: all }], kind, false) ?? true, ProtocolError);
    const inPrivate = attempt(() => checkServers([{ urls: all }], kind, true) ?? true, ProtocolError);
    if (inPublic) assert.ok(inPrivate);
  }
}

const EVENTS = ["start", "limits", "stop", "network", "woke", "socketOpened", "socketClosed", "surveyed"];
EVENTS.push("sessionAnswered", "sessionOpened", "sessionCarried", "sessionClosed", "timer", "socketMessage");
const scripts = fc.record({
  allowPrivate: fc.boolean(),
  steps: fc.array(
    fc.record({
      type: fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...EVENTS) }, fc.constant("socketMessage")),
      data: messages,
      capacity: fc.constantFrom(1, 2, 64, 65, -1, NaN, 0.5),
      online: fc.boolean(),
      code: fc.constantFrom(1000, 1006, 1013),
      id: fc.constantFrom("a", "b", "c", 1, 2, 3),
      sdp: descriptions,
      network: fc.constantFrom({}, { ipv4: "cone" }, { ipv6: "open" }, { ipv4: "symmetric" }),
      seconds: fc.constantFrom(0, 0.1, 1, 20, 61, 3_600),
    }),
    { maxLength: 24 },
  ),
});

/** A bridge's core is started, welcomed, and then gets anything. */
function checkCore({ allowPrivate, steps }) {
  const core = new BridgeCore(() => 0.5, allowPrivate);
  let now = 1;
  const welcome = JSON.stringify({ type: "welcome", egress: "wss://h/e", ice_servers: [{ urls: ["stun:1.1.1.1"] }] });
  const begin = [{ type: "start", capacity: 2 }, { type: "socketOpened" }, { type: "socketMessage", data: welcome }];
  for (const event of [...(steps.length % 4 ? begin : []), ...steps]) {
    now += event.seconds ?? 0;
    const commands = core.handle(event, now, 0);
    for (const command of commands) {
      if (command.type === "closeSocket") assert.ok(new TextEncoder().encode(command.reason).length <= 123);
      if (command.type === "openSession") assert.equal(filterSdp(command.sdp, allowPrivate), command.sdp);
      if (command.type === "send") JSON.parse(command.text);
    }
    assert.ok(commands.length <= 150);
    assert.ok(core.deadline >= 0);
  }
}

const LANES_MAX = 7;

/** A reader's session gets anything on its signalling channel. */
function checkLanes({ offer, signals, allowPrivate }) {
  const made = globalThis.peers.length;
  const clock = { now: 1, after: () => () => {} };
  const listener = { onAnswer() {}, onOpen() {}, onCarried() {}, onClose() {} };
  const session = new BridgeSession(
    { sdp: offer, egress: "wss://h/e", iceServers: [] },
    clock,
    new RateLimit(),
    listener,
    allowPrivate,
  );
  const [first] = globalThis.peers.slice(made);
  for (const signal of signals) first.channels[1].onmessage?.({ data: signal });
  assert.ok(globalThis.peers.length - made <= 1 + LANES_MAX);
  for (const sent of first.channels[1].sent) assert.match(JSON.parse(sent).type, /^lane_(answer|refusal)$/);
  session.close();
  assert.ok(globalThis.peers.slice(made).every((peer) => peer.isClosed));
  globalThis.peers.length = made;
}

const amounts = fc.oneof(fc.double(), fc.integer(), fc.constantFrom("7", null, {}, [], 1e300, -1, NaN));
const figures = fc.record({
  countries: fc.oneof(
    fc.dictionary(fc.constantFrom("IR", "CN", "ZZ", "ir", "__proto__", "constructor"), amounts),
    fc.constant({}),
  ),
});

function checkFigures(news) {
  for (const [code, readers] of known(news)) {
    assert.match(code, /^[A-Z]{2}$/);
    assert.ok(readers > 0 && readers < Infinity);
  }
}

const posted = fc.record({
  freespan: fc.constantFrom(1, 1, 1, 2, "1"),
  type: fc.constantFrom("ready", "status", "countries", "show", null),
  state: fc.constantFrom("off", "connecting", "waiting", "helping", "offline", "unsupported", "toString", 7, null),
  now: amounts,
  total: amounts,
  megabytes: amounts,
  countries: fc.oneof(fc.array(fc.tuple(fc.string(), amounts), { maxLength: 3 }), fc.jsonValue()),
  somewhere: amounts,
});

/** Pages of a host tell the page around them anything. */
function checkPosted(all) {
  const statuses = [];
  const bridge = new BridgeIframe(document.body, "https://h/", { capacity: 4, kilobits: 0 }, (status) =>
    statuses.push(status),
  );
  const globe = new GlobeFrame(document.body, "https://h/", (countries, somewhere) => {
    assert.ok(Array.isArray(countries) && !Number.isNaN(somewhere));
  });
  for (const data of all) for (const source of globalThis.windows) globalThis.post(source, data);
  for (const { state, now, total, megabytes } of statuses) {
    assert.match(state, /^(off|connecting|waiting|helping|offline|blocked|unsupported)$/);
    for (const amount of [now, total, megabytes]) assert.ok(amount >= 0 && amount < Infinity);
  }
  bridge.leave(true);
  globe.remove();
  globalThis.windows.length = 0;
}

const stored = fc.oneof(
  fc.json(),
  fc
    .record({
      on: values,
      helped: amounts,
      day: fc.constantFrom("2030-01-02", "2030-01-01", 5, null),
      today: amounts,
      megabytes: amounts,
      month: amounts,
    })
    .map((one) => JSON.stringify(one)),
  fc.string(),
);
const DAY = new Date(2030, 0, 2, 12);

function checkMemory(text) {
  localStorage.setItem("freespan-switch h", text);
  remember(1, 0.5, DAY, "h");
  const { on, helped, today, megabytes, month } = recall(DAY, "h");
  assert.equal(typeof on, "boolean");
  for (const count of [helped, today, megabytes, month]) assert.ok(Number.isInteger(count) && count >= 0);
}

const spans = fc.oneof(texts("22:00-06:00", "24:00", "-", ":", ",", "00:00-24:00", " "), fc.constant("01:00-02:00"));
const given = fc.record(
  {
    host: fc.oneof(
      fc.constantFrom("https://h/p", "http://h#x", "javascript:alert(1)", "//h", ""),
      texts("https://", "h", "/", "?", "#"),
    ),
    capacity: fc.oneof(fc.integer({ min: 1, max: 64 }), amounts),
    kilobits: amounts,
    megabytesADay: amounts,
    megabytesAMonth: amounts,
    hours: spans,
    runWhenHidden: fc.boolean(),
    remember: fc.oneof(fc.boolean(), fc.string()),
    [/** @type {string} */ ("nothing")]: fc.string(),
  },
  { requiredKeys: [] },
);

function checkGiven(options) {
  const checked = attempt(() => checkOptions(options, "https://default.example/"), TypeError);
  if (!checked) return;
  assert.match(checked.host, /^https?:\/\/.*\/$/);
  const decision = decide(strictest([checked, checked]), {
    date: DAY,
    megabytesToday: 1,
    megabytesThisMonth: 1,
    onBattery: true,
    metered: false,
    hiddenSeconds: 70,
  });
  assert.ok(decision.seconds > 0 && decision.seconds <= 60);
}

const attributes = fc.record({
  hours: spans,
  host: given.map(({ host: one = "" }) => one),
  capacity: texts("4", "64", "-1", "1e3", " ", "999999999"),
  lang: fc.oneof(
    fc.constantFrom("zh-TW", "zh_Hans", "und", "x", "en-x-y", "a".repeat(200)),
    texts("zh", "-", "Latn", "_", "de"),
  ),
});

/** The attributes of the switch may come from an address, `/embed?…`. */
function checkAttributes(all) {
  const element = { getAttribute: (name) => all[name] ?? null };
  const span = hours(element);
  assert.ok(span === "" || /^\d\d:\d\d-\d\d:\d\d$/.test(span));
  assert.match(host(element, "https://default.example/"), /^https?:\/\/.*\/$/);
  const capacity = number(element, "capacity");
  assert.ok(Number.isInteger(capacity) && capacity >= 1 && capacity <= 64);
  assert.ok(new Intl.Locale(pick([all.lang]).locale));
}

const pasted = texts(
  ..."https:// HTTP:// // h.example a.example/p /switch.js /embed /embed/configure ? # &amp; &#47; %2F =3D".split(" "),
  ...'<script src=" [.] \u2013 \u2026 \u200b \u00ad \u3002 @ :8443 :0 freespan2_ hxxps [::1] 127.0.0.1 1.2 мост'.split(
    " ",
  ),
  ...["=\n", "\n> ", " ", '"', "(", "_", "\\n", "\\u002f", "."],
);

function checkPasted(text) {
  const found = findHost(text);
  if ("fault" in found) return assert.ok(["none", "invite", "several", "damaged"].includes(found.fault));
  assert.match(found.host, /^https?:\/\/[!-~]+\/$/);
  assert.deepEqual(findHost(found.host), found);
}

/** By name: the inputs, and the check. */
export const PROPERTIES = {
  messages: [messages, checkMessage],
  descriptions: [descriptions, checkDescription],
  addresses: [addresses, checkAddress],
  ice_urls: [fc.array(urls, { maxLength: 4 }), checkUrls],
  bridge_core: [scripts, checkCore],
  lanes: [
    fc.record({ offer: descriptions, signals: fc.array(messages, { maxLength: 16 }), allowPrivate: fc.boolean() }),
    checkLanes,
  ],
  figures: [figures, checkFigures],
  posted: [fc.array(posted, { maxLength: 4 }), checkPosted],
  memory: [stored, checkMemory],
  options: [given, checkGiven],
  attributes: [attributes, checkAttributes],
  pasted: [pasted, checkPasted],
};
