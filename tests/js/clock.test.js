// Timers that are on time, and the sleep of the machine.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { Clock } from "../../src/freespan/web/static/bridge/clock.js";

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
});

/** A clock whose calls are noted. */
function noting() {
  const clock = new Clock(false);
  const calls = [];
  return { clock, calls, after: (seconds, name = seconds) => clock.after(seconds, () => calls.push(name)) };
}

test("calls come once, in their order", () => {
  const { calls, after } = noting();
  for (const seconds of [3, 1, 2]) after(seconds);
  mock.timers.tick(999);
  assert.deepEqual(calls, []);
  mock.timers.tick(1);
  assert.deepEqual(calls, [1]);
  mock.timers.tick(60_000);
  assert.deepEqual(calls, [1, 2, 3]);
});

test("a time in the past is now", () => {
  const { calls, after } = noting();
  after(-5);
  mock.timers.tick(0);
  assert.deepEqual(calls, [-5]);
});

test("what is cancelled does not come", () => {
  const { calls, after } = noting();
  const cancel = after(1);
  after(2);
  cancel();
  cancel();
  mock.timers.tick(5_000);
  assert.deepEqual(calls, [2]);
});

test("an infinite time never comes, and a long one after an hour at most", () => {
  const { calls, after } = noting();
  after(Infinity)();
  after(Infinity);
  after(1e9, "long");
  mock.timers.tick(3_599_999);
  assert.deepEqual(calls, []);
  mock.timers.tick(1);
  assert.deepEqual(calls, ["long"]);
});

test("time never goes back", () => {
  const { clock } = noting();
  const before = clock.now;
  mock.timers.setTime(0);
  assert.ok(clock.now >= before);
});

test("a timer that is far too late is a sleep of the machine, one that is late is not", () => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  let date = 0;
  mock.method(Date, "now", () => date);
  const { clock } = noting();
  let woken = 0;
  clock.onWake(() => woken++);
  for (const [passed, expected] of [
    [10_000, 0],
    [39_000, 0],
    [41_000, 1],
    [12_000, 1],
    [3_600_000, 2],
  ]) {
    date += passed;
    mock.timers.tick(10_000); // of the timers, which stop while the machine sleeps
    assert.equal(woken, expected, `after ${passed} ms`);
  }
  mock.restoreAll();
});

test("the timer of a worker comes as well, and the first of both counts", () => {
  const posted = [];
  globalThis.Worker = class {
    postMessage(message) {
      posted.push(message);
      globalThis.lastWorker = this;
    }
  };
  const clock = new Clock();
  let calls = 0;
  clock.after(2, () => calls++);
  const [[id, milliseconds]] = posted;
  assert.equal(milliseconds, 2_000);
  globalThis.lastWorker.onmessage({ data: id });
  globalThis.lastWorker.onmessage({ data: id });
  mock.timers.tick(10_000);
  assert.equal(calls, 1);
  delete globalThis.Worker;
  delete globalThis.lastWorker;
});
