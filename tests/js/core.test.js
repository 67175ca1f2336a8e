// What a bridge decides, as transcripts: events with their time in, commands out.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, test } from "node:test";
import { BridgeCore } from "../../src/freespan/web/static/bridge/core.js";

const EGRESS = "wss://host.example/v1/egress";
const PING = { type: "socketMessage", data: '{"type":"ping"}' };
const START = { type: "start", capacity: 2 };
const OPENED = { type: "socketOpened" };
const STOP = { type: "stop" };
const WOKE = { type: "woke" };
const TIMER = { type: "timer" };
const ONLINE = { type: "network", online: true };
const OFFLINE = { type: "network", online: false };
const HELLO = { type: "send", text: '{"type":"hello","version":1,"capacity":2}' };

const A = { urls: ["stun:a.example:1", "stun:a.example:2"] };
const B = { urls: ["stun:b.example"] };
const TURN = { urls: ["turn:c.example"], username: "u", credential: "p" };
const PRIVATE_STUN = { urls: ["stun:10.0.0.1:1"] };
const PRIVATE_TURN = { urls: ["turn:10.0.0.1:80?transport=tcp"] };
const REFLEXIVE = "v=0\r\na=candidate:1 1 udp 1 11.0.0.9 5 typ srflx raddr 0.0.0.0 rport 0\r\n";

const received = (message) => ({ type: "socketMessage", data: JSON.stringify(message) });
const offer = (id) => received({ type: "offer", id, sdp: "v=0" });
const offerWithTurn = (server, sdp = "v=0") => received({ type: "offer", id: "a", sdp, ice_servers: [server] });
const answered = (id, sdp = "v=1") => ({ type: "sessionAnswered", id, sdp });
const opened = (id) => ({ type: "sessionOpened", id });
const carried = (id) => ({ type: "sessionCarried", id });
const closed = (id) => ({ type: "sessionClosed", id });
const surveyed = (id, network = {}) => ({ type: "surveyed", id, network });
const lost = (code = 1006) => ({ type: "socketClosed", code });

/** An event before which so many bytes have been passed on in all. */
const passed = (bytes, event) => ({ ...event, bytes });

/** Everything up to the broker's welcome. */
function welcomed(...servers) {
  return [
    [0, START],
    [0, OPENED],
    [0, received({ type: "welcome", egress: EGRESS, ice_servers: servers })],
  ];
}

const WELCOMED = welcomed({ urls: ["stun:a.example"] });

/** Every message to the broker; what runs these tests checks that each is in the protocol. */
const allSent = new Set();

/** Feed events to a new core; for each its commands, and the deadline after it. */
function play(events, { random = 1, allowPrivate = false } = {}) {
  const core = new BridgeCore(() => random, allowPrivate);
  let size = 0;
  return events.map(([now, { bytes, ...event }]) => {
    size = bytes ?? size;
    const commands = core.handle(event, now, size);
    for (const { type, text } of commands) if (type === "send") allSent.add(text);
    return { commands, deadline: core.deadline };
  });
}

/** The messages to the broker among the commands of a step. */
function sent({ commands }) {
  return commands.filter(({ type }) => type === "send").map(({ text }) => JSON.parse(text));
}

function statuses(steps) {
  return steps
    .flatMap(({ commands }) => commands)
    .filter(({ type }) => type === "publish")
    .map(({ status: { state, now, total, megabytes } }) => [state, now, total, megabytes]);
}

function kinds({ commands }) {
  return commands.map(({ type }) => type).filter((type) => type !== "publish");
}

function surveys({ commands }) {
  return commands.filter(({ type }) => type === "survey").map(({ id, server }) => [id, server]);
}

function serversOf({ commands }) {
  const open = commands.filter(({ type }) => type === "openSession");
  assert.equal(open.length, 1);
  return open[0].iceServers;
}

after(() => {
  const path = process.env.FREESPAN_SENT;
  if (path) writeFileSync(path, JSON.stringify([...allSent]));
});

// --- the broker ---

test("it introduces itself and waits", () => {
  const steps = play(WELCOMED);
  assert.deepEqual(steps[0].commands[0], { type: "openSocket" });
  assert.deepEqual(steps[1].commands, [HELLO]);
  assert.deepEqual(steps[2].commands, [
    { type: "survey", id: 1, server: { urls: ["stun:a.example"] } },
    { type: "publish", status: { state: "waiting", now: 0, total: 0, megabytes: 0 } },
  ]);
  assert.deepEqual(
    steps.map(({ deadline }) => deadline),
    [15, 10, 60],
  );
});

for (const [wanted, capacity] of [
  [0, 1],
  [-3, 1],
  [2.9, 2],
  [1000, 64],
]) {
  test(`a capacity of ${wanted} is sent as ${capacity}`, () => {
    const steps = play([
      [0, { type: "start", capacity: wanted }],
      [0, OPENED],
    ]);
    assert.deepEqual(sent(steps[1]), [{ type: "hello", version: 1, capacity }]);
  });
}

test("the load is sent before the answer that raises it", () => {
  const steps = play([...WELCOMED, [1, offer("a")], [2, answered("a")], [3, closed("a")]]);
  const iceServers = [{ urls: ["stun:a.example"] }];
  assert.deepEqual(steps[3].commands, [{ type: "openSession", id: "a", sdp: "v=0\r\n", egress: EGRESS, iceServers }]);
  assert.deepEqual(sent(steps[4]), [
    { type: "load", sessions: 1 },
    { type: "answer", id: "a", sdp: "v=1" },
  ]);
  assert.deepEqual(sent(steps[5]), [{ type: "load", sessions: 0 }]);
});

test("offers beyond the capacity are refused", () => {
  const steps = play([...WELCOMED, [1, offer("a")], [1, offer("b")], [1, offer("c")], [2, closed("a")]]);
  assert.deepEqual(sent(steps[5]), [{ type: "refusal", id: "c", reason: "full" }]);
  assert.deepEqual(sent(steps[6]), [{ type: "refusal", id: "a", reason: "the offer could not be used" }]);
});

test("an id that is in use violates the protocol", () => {
  const steps = play([...WELCOMED, [1, offer("a")], [1, offer("a")]]);
  assert.deepEqual(kinds(steps[4]), ["closeSocket"]);
  assert.equal(steps[4].commands[0].code, 4008);
});

test("stop ends everything, and nothing starts it again", () => {
  const before = [...WELCOMED, [1, offer("a")], [1, answered("a")], [1, offer("b")]];
  const steps = play([...before, [2, STOP], [3, answered("b")], [3, lost()], [9, TIMER], [9, ONLINE]]);
  const stop = steps[6];
  assert.deepEqual(kinds(stop), ["closeSession", "send", "closeSession", "send", "closeSocket"]);
  assert.deepEqual(sent(stop), [
    { type: "refusal", id: "b", reason: "stopping" },
    { type: "load", sessions: 0 },
  ]);
  assert.equal(statuses(steps).at(-1)[0], "off");
  for (const step of steps.slice(7)) assert.deepEqual(step, { commands: [], deadline: Infinity });
});

test("losing the network ends everything until it is back", () => {
  const steps = play([...WELCOMED, [1, offer("a")], [1, answered("a")], [2, OFFLINE], [1e6, TIMER], [1e6, ONLINE]]);
  assert.deepEqual(kinds(steps[5]), ["closeSession", "send", "closeSocket"]);
  assert.equal(steps[5].deadline, Infinity);
  assert.deepEqual(steps[6].commands, []);
  assert.deepEqual(kinds(steps[7]), ["openSocket"]);
  assert.ok(statuses(steps).some(([state]) => state === "offline"));
});

test("after the machine has slept everything starts anew", () => {
  const before = [...WELCOMED, [1, offer("a")], [2, answered("a")], [3, opened("a")]];
  const steps = play([...before, [9000, WOKE], [9000, OPENED], [9001, STOP], [9002, WOKE]]);
  const woke = steps.at(-4);
  assert.deepEqual(kinds(woke), ["closeSession", "send", "closeSocket", "openSocket"]);
  assert.deepEqual(sent(woke), [{ type: "load", sessions: 0 }]);
  assert.deepEqual(statuses([woke]).at(-1).slice(0, 2), ["connecting", 0]);
  assert.deepEqual(steps.at(-3).commands, [HELLO]);
  assert.deepEqual(steps.at(-1).commands, []);
});

test("another capacity is sent on a new connection", () => {
  const more = { type: "limits", capacity: 3 };
  const before = [[0, more], ...WELCOMED, [1, offer("a")], [2, answered("a")], [3, offer("b")]];
  const steps = play([...before, [4, more], [4, more], [5, OPENED], [5, WELCOMED[2][1]]]);
  assert.deepEqual(steps[0].commands, []); // it is not on
  const [changed, same, open, welcome] = steps.slice(-4);
  assert.deepEqual(kinds(changed), ["send", "closeSession", "closeSocket", "openSocket"]);
  assert.deepEqual(sent(changed), [{ type: "refusal", id: "b", reason: "stopping" }]);
  assert.deepEqual(same.commands, []);
  assert.equal(sent(open)[0].capacity, 3);
  assert.deepEqual(sent(welcome)[0], { type: "load", sessions: 1 });
});

for (const random of [0, 1]) {
  test(`retries are ever rarer, and spread (${random})`, () => {
    let now = 0;
    const waits = [];
    const events = [[0, START]];
    let last;
    for (let retry = 0; retry < 9; retry++) {
      events.push([now, lost()]);
      last = play(events, { random }).at(-1);
      waits.push(last.deadline - now);
      now = last.deadline;
      events.push([now, TIMER]);
    }
    assert.deepEqual(
      waits,
      [1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * (0.5 + random / 2)),
    );
    assert.deepEqual(last.commands, []);
  });
}

test("after a steady connection the next retry is quick again", () => {
  const early = [[0, START], [0, lost()], [1, TIMER], [1, OPENED], [1, WELCOMED[2][1]]]; // prettier-ignore
  assert.equal(play([...early, [20, lost()]]).at(-1).deadline, 22);
  assert.equal(play([...early, [31, lost()]]).at(-1).deadline, 32);
});

test("a full broker is left in peace", () => {
  assert.equal(play([[0, START], [0, OPENED], [0, lost(1013)]]).at(-1).deadline, 30); // prettier-ignore
});

for (const [events, end] of [
  [[[0, START]], 15],
  [
    [
      [0, START],
      [5, OPENED],
    ],
    15,
  ],
  [[...WELCOMED, [30, PING]], 90],
]) /* prettier-ignore */ {
  test(`after ${events.length} events, silence until ${end} s is a lost broker`, () => {
    const steps = play([...events, [end - 0.1, TIMER], [end, TIMER]]);
    assert.deepEqual(kinds(steps.at(-2)), []);
    assert.deepEqual(kinds(steps.at(-1)), ["closeSocket"]);
    assert.equal(statuses(steps).at(-1)[0], "offline");
  });
}

test("sessions go on without the broker, and are reported to the next one", () => {
  const before = [...WELCOMED, [1, offer("a")], [1, answered("a")], [1, opened("a")]];
  const steps = play([...before, [5, lost()], [6, TIMER], [6, OPENED], [6, WELCOMED[2][1]]]);
  assert.deepEqual(kinds(steps[6]), []);
  assert.equal(statuses(steps).at(-1)[0], "helping");
  assert.deepEqual(sent(steps[9]), [{ type: "load", sessions: 1 }]);
});

// --- the status ---

for (const [random, first] of Object.entries({ 1: 12, 0.5: 13, 0.25: 12.5 })) {
  test(`counts, and the state behind them, are published at ticks alone (${random})`, () => {
    // every two seconds from a random moment: also the first after a pause, and the last
    const events = [
      ...WELCOMED,
      [1, offer("a")],
      [1, answered("a")],
      [11.1, opened("a")],
      [11.2, carried("a")],
      [first - 0.1, passed(3_310_000, TIMER)],
      [first, TIMER],
      [first + 0.1, passed(5_500_001, TIMER)],
      [first + 0.2, closed("a")],
      [first + 2, TIMER],
      [first + 2.1, offer("b")],
      [first + 2.2, answered("b")],
      [first + 2.3, opened("b")],
      [first + 2.4, closed("b")],
      [first + 4, TIMER],
    ];
    const steps = play(events, { random: Number(random) });
    const published = new Map(steps.flatMap((step, i) => statuses([step]).map((status) => [events[i][0], status])));
    const expected = [
      [0, ["waiting", 0, 0, 0]],
      [first, ["helping", 1, 1, 3.4]],
      [first + 2, ["waiting", 0, 1, 5.6]],
    ];
    assert.deepEqual(published, new Map(expected));
    const deadlines = steps.map(({ deadline }) => deadline);
    assert.deepEqual(deadlines.slice(5, 8), Array(3).fill(first));
    assert.deepEqual(deadlines.slice(8, 11), Array(3).fill(first + 2));
    assert.equal(deadlines.at(-1), first + 2.1 + 60); // nothing to publish
  });
}

test("the last counts come with the end", () => {
  const before = [...WELCOMED, [1, offer("a")], [1, answered("a")], [11.1, opened("a")], [11.2, carried("a")]];
  const steps = play([...before, [11.3, passed(2_000, STOP)], [11.4, closed("a")]]);
  assert.deepEqual(statuses(steps.slice(7)), [["off", 0, 1, 0.1]]);
  assert.equal(steps.at(-1).deadline, Infinity);
});

test("losing the network is published at once, and the counts at the next tick", () => {
  const before = [...WELCOMED, [1, offer("a")], [1, answered("a")], [10, opened("a")], [12, TIMER]];
  const steps = play([...before, [12.1, carried("a")], [12.2, passed(2_000_000, OFFLINE)], [14, TIMER]]);
  assert.deepEqual(statuses(steps.slice(6, 7)), [["helping", 1, 0, 0]]);
  assert.deepEqual(statuses(steps.slice(8, 9)), [["offline", 0, 0, 0]]);
  assert.equal(steps[8].deadline, 14);
  assert.deepEqual(statuses(steps.slice(9)), [["offline", 0, 1, 2]]);
});

// --- the network ---

test("the broker learns what a survey has found", () => {
  const steps = play([...welcomed(A, B), [1, surveyed(1, { ipv4: "cone", ipv6: "symmetric" })], [1, offer("a")]]);
  assert.deepEqual(surveys(steps[2]), [[1, A]]);
  assert.deepEqual(sent(steps[3]), [{ type: "network", ipv4: "cone", ipv6: "symmetric" }]);
  assert.deepEqual(surveys(steps[3]), []);
  assert.deepEqual(serversOf(steps[4]), [A]);
});

test("the first sessions do not wait for the survey", () => {
  assert.deepEqual(serversOf(play([...welcomed(A, B), [0, offer("a")]])[3]), [A]);
});

test("a silent server makes place for the next one", () => {
  const steps = play([...welcomed(A, B), [1, surveyed(1)], [2, surveyed(2, { ipv6: "cone" })], [3, offer("a")]]);
  assert.deepEqual(sent(steps[3]), []);
  assert.deepEqual(surveys(steps[3]), [[2, B]]);
  assert.deepEqual(sent(steps[4]), [{ type: "network", ipv6: "cone" }]);
  assert.deepEqual(serversOf(steps[5]), [B]);
});

test("no server is used when none answers", () => {
  const steps = play([...welcomed(A, B), [1, surveyed(1)], [2, surveyed(2)], [3, offer("a")]]);
  assert.deepEqual(sent(steps[4]), [{ type: "network" }]);
  assert.deepEqual(serversOf(steps[5]), []);
});

test("without servers there is no survey", () => {
  const steps = play([...welcomed(), [0, offer("a")], [1, answered("a", "v=0")], [50, PING], [100, TIMER]]);
  assert.deepEqual(serversOf(steps[3]), []);
  assert.deepEqual(steps.flatMap(surveys), []);
});

test("it surveys again, and reports only what is new", () => {
  const pings = Array.from({ length: 12 }, (_, i) => [50 * (i + 1), PING]);
  const before = [...welcomed(A), [1, surveyed(1, { ipv4: "cone" })], ...pings, [601, TIMER]];
  const same = play([...before, [602, surveyed(2, { ipv4: "cone" })]]);
  assert.equal(same[14].deadline, 601); // before the broker has been silent for too long
  assert.deepEqual(surveys(same[16]), [[2, A]]);
  assert.deepEqual(sent(same[17]), []);
  const other = play([...before, [602, surveyed(2, { ipv4: "symmetric" })]]);
  assert.deepEqual(sent(other[17]), [{ type: "network", ipv4: "symmetric" }]);
});

test("TURN servers are used for their offer alone", () => {
  const steps = play([...welcomed(A), [0, offerWithTurn(TURN)], [1, offer("b")]]);
  assert.deepEqual(serversOf(steps[3]), [A, TURN]);
  assert.deepEqual(serversOf(steps[4]), [A]);
});

for (const [name, events] of Object.entries({
  "a private STUN server": welcomed(PRIVATE_STUN),
  "a TURN server in place of a STUN server": welcomed(TURN),
  "a private TURN server": [...welcomed(), [1, offerWithTurn(PRIVATE_TURN)]],
  "a STUN server in place of a TURN server": [...welcomed(), [1, offerWithTurn(A)]],
})) {
  test(`a public broker may not name ${name}`, () => {
    const { commands } = play(events).at(-1);
    assert.deepEqual(
      commands.filter(({ type }) => type === "closeSocket").map(({ code }) => code),
      [4008],
    );
    assert.ok(!commands.some(({ type }) => type === "openSession" || type === "survey"));
  });
}

test("a private broker may name private servers", () => {
  const steps = play([...welcomed(PRIVATE_STUN), [1, offerWithTurn(PRIVATE_TURN)]], { allowPrivate: true });
  assert.deepEqual(serversOf(steps[3]), [PRIVATE_STUN, PRIVATE_TURN]);
});

for (const allowPrivate of [false, true]) {
  test(`offers are filtered (${allowPrivate ? "private" : "public"})`, () => {
    const tcp = "a=candidate:9 1 tcp 1 11.0.0.9 25 typ host";
    const udp = "a=candidate:9 1 udp 1 10.0.0.9 25 typ host";
    const step = play([...welcomed(A), [1, offerWithTurn(TURN, `v=0\r\n${tcp}\r\n${udp}`)]], { allowPrivate })[3];
    const [{ sdp }] = step.commands.filter(({ type }) => type === "openSession");
    assert.deepEqual(sdp.split("\r\n").slice(1, -1), allowPrivate ? [udp] : []);
  });
}

for (const [found, sdp, again] of [
  [{ ipv4: "cone" }, "v=0", true],
  [{ ipv4: "cone" }, REFLEXIVE, false],
  [{}, "v=0", false],
]) {
  const what = sdp === REFLEXIVE ? "with" : "without";
  test(`after ${JSON.stringify(found)} an answer ${what} an outside address: survey again: ${again}`, () => {
    const before = [...welcomed(A), [1, surveyed(1, found)], [2, offer("a")], [2, offer("b")]];
    const steps = play([...before, [3, answered("a", sdp)], [3, answered("b", sdp)]]);
    assert.deepEqual(surveys(steps[6]), again ? [[2, A]] : []);
    assert.deepEqual(surveys(steps[7]), []); // once is enough
  });
}

test("every broker learns it", () => {
  const again = [[2, TIMER], [3, OPENED], [3, welcomed(B)[2][1]]]; // prettier-ignore
  const late = [4, surveyed(1, { ipv4: "open" })];
  const before = [...welcomed(A), [1, surveyed(1, { ipv4: "cone" })], [1, lost()], ...again];
  const steps = play([...before, late, [4, surveyed(2, { ipv4: "cone" })]]);
  assert.equal(steps[4].deadline, 2); // to connect; there is nobody to survey for
  assert.deepEqual(surveys(steps[7]), [[2, B]]);
  assert.deepEqual(sent(steps[8]), []); // too late
  assert.deepEqual(sent(steps[9]), [{ type: "network", ipv4: "cone" }]);
});

test("a survey that ends too late is of no interest", () => {
  for (const end of [lost(), STOP]) {
    const steps = play([...welcomed(A), [1, end], [2, surveyed(1, { ipv4: "cone" })]]);
    assert.deepEqual(steps[4].commands, []);
  }
});
