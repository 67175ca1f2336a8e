// Whether a bridge may run now, and when to ask again.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULTS, strictest } from "../../src/freespan/web/static/volunteer/options.js";
import { decide } from "../../src/freespan/web/static/volunteer/rules.js";

const HOURS = [
  ["", "12:00", true],
  ["08:00-17:30", "07:59", false],
  ["08:00-17:30", "08:00", true],
  ["08:00-17:30", "17:29", true],
  ["08:00-17:30", "17:30", false],
  ["22:00-06:00", "21:59", false],
  ["22:00-06:00", "22:00", true],
  ["22:00-06:00", "00:00", true],
  ["22:00-06:00", "05:59", true],
  ["22:00-06:00", "06:00", false],
  ["00:00-24:00", "23:59", true],
  ["23:00-24:00", "00:00", false],
];

function decisionAt(hours, time) {
  const [hour, minute] = time.split(":").map(Number);
  const date = new Date(2030, 5, 15, hour, minute, 30);
  const counts = { hiddenSeconds: 0, megabytesToday: 0, megabytesThisMonth: 0 };
  return decide(strictest([{ ...DEFAULTS, hours }, DEFAULTS]), { date, ...counts, onBattery: true, metered: true });
}

for (const [hours, time, runs] of HOURS) {
  test(`hours "${hours}" at ${time}`, () => assert.equal(decisionAt(hours, time).reason === "", runs));
}

test("the decision holds until the next edge of the hours, and for a minute at most", () => {
  assert.equal(decisionAt("08:00-17:30", "07:59").seconds, 30);
  assert.equal(decisionAt("08:00-17:30", "17:29").seconds, 30);
  assert.equal(decisionAt("", "12:00").seconds, 60);
});

const RULES = [
  [{}, { megabytesToday: 1e6, megabytesThisMonth: 1e6, hiddenSeconds: 1e6 }, ""],
  [{ megabytesADay: 10 }, { megabytesToday: 9 }, ""],
  [{ megabytesADay: 10 }, { megabytesToday: 10 }, "limit"],
  [{ megabytesAMonth: 10 }, { megabytesThisMonth: 10 }, "limit"],
  [{ pauseOnMetered: true }, {}, ""],
  [{ pauseOnMetered: true }, { metered: true }, "metered"],
  [{ pauseOnBattery: true }, { onBattery: true }, "battery"],
  [{ pauseOnBattery: false }, { onBattery: true, metered: true }, ""],
  [{ runWhenHidden: false }, { hiddenSeconds: 59 }, ""],
  [{ runWhenHidden: false }, { hiddenSeconds: 60 }, "hidden"],
  [{ runWhenHidden: false, hours: "01:00-02:00" }, { hiddenSeconds: 60 }, "hours"],
];

for (const [limits, situation, reason] of RULES) {
  test(`${JSON.stringify(limits)} with ${JSON.stringify(situation)}: "${reason}"`, () => {
    const usual = { date: new Date(2030, 5, 15, 12), hiddenSeconds: 0, megabytesToday: 0, megabytesThisMonth: 0 };
    assert.equal(decide(strictest([{ ...DEFAULTS, ...limits }]), { ...usual, ...situation }).reason, reason);
  });
}
