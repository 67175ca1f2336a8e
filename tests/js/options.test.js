// The options of a page, and what several instances make of them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { checkLimits, checkOptions, DEFAULTS, strictest } from "../../src/freespan/web/static/volunteer/options.js";

globalThis.Node ??= class {}; // of the DOM

const BAD = [
  [{ capacity: 0 }, "capacity"],
  [{ capacity: 65 }, "capacity"],
  [{ capacity: 1.5 }, "capacity"],
  [{ capacity: "4" }, "capacity"],
  [{ kilobits: -1 }, "kilobits"],
  [{ megabytesADay: "many" }, "megabytesADay"],
  [{ hours: "22-6" }, "hours"],
  [{ hours: "25:00-06:00" }, "hours"],
  [{ hours: "08:00-08:00" }, "hours"],
  [{ remember: "yes" }, "remember"],
  [{ host: "ftp://host.example" }, "host"],
  [{ host: "nowhere" }, "host"],
  [{ container: "body" }, "container"],
  [{ colour: "red" }, "colour"],
];

for (const [options, name] of BAD) {
  test(`${JSON.stringify(options)} is refused by name`, () => {
    assert.throws(
      () => checkOptions(options, "https://host.example/"),
      (error) => error instanceof TypeError && error.message.startsWith(`${name}: `),
    );
  });
}

test("options that are left out have their defaults, and the host ends with one slash", () => {
  const options = checkOptions({ host: "https://host.example/path//?a#b", capacity: 2 }, "https://other.example/");
  const expected = { ...DEFAULTS, capacity: 2, host: "https://host.example/path/", container: undefined };
  assert.deepEqual(options, expected);
  assert.equal(checkOptions({}, "https://other.example").host, "https://other.example/");
});

test("host and container cannot change", () => {
  for (const name of ["host", "container"]) assert.throws(() => checkLimits({ [name]: "" }), TypeError);
});

test("of several instances the strictest limits count", () => {
  const one = { ...DEFAULTS, capacity: 3, kilobits: 0, megabytesADay: 5, hours: "22:00-06:00", pauseOnBattery: true };
  const other = { ...DEFAULTS, capacity: 8, kilobits: 100, megabytesADay: 9, hours: "20:00-04:00", remember: false };
  assert.deepEqual(strictest([one, other]), {
    capacity: 3,
    kilobits: 100,
    megabytesADay: 5,
    megabytesAMonth: 0,
    hours: ["22:00-06:00", "20:00-04:00"],
    runWhenHidden: true,
    pauseOnBattery: true,
    pauseOnMetered: false,
    remember: false,
  });
});
