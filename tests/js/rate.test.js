// The limit on what all pipes together pass on.

import assert from "node:assert/strict";
import { test } from "node:test";
import { RateLimit } from "../../src/freespan/web/static/bridge/rate.js";

const sum = ([one, other]) => one + other;

function between(value, least, most) {
  assert.ok(value >= least && value <= most, `${value} is not between ${least} and ${most}`);
}

test("a limit is kept, shared equally, and changes at once", () => {
  const rate = new RateLimit();
  let now = 5;
  // Two pipes that always have something to send: what each has passed on after so many seconds.
  const run = (seconds) => {
    const passed = [0, 0];
    const tickets = [];
    for (const end = now + seconds; now < end; now += 0.01) {
      for (const pipe of [0, 1]) {
        for (let free = 100; free && rate.wait((tickets[pipe] ??= rate.book(1000)), now) === 0; free--) {
          passed[pipe] += 1000;
          tickets[pipe] = undefined;
        }
      }
    }
    return passed;
  };
  assert.deepEqual(run(0.005), [100_000, 100_000]); // without a limit
  rate.set(800, now);
  between(sum(run(10)), 1_000_000, 1_070_000); // 100 kB/s, and the burst
  const second = run(10);
  between(sum(second), 990_000, 1_010_000);
  between(Math.abs(second[0] - second[1]), 0, 2_000);
  rate.set(80, now);
  between(sum(run(10)), 98_000, 103_000);
  now += 1000;
  between(sum(run(10)), 160_000, 168_000); // after a pause
  rate.set(0, now);
  assert.equal(rate.wait(rate.book(1e9), now), 0);
});
