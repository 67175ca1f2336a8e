// Whether readers would get through, by the table by which the broker pairs.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { sentences } from "../../src/freespan/web/static/element/tester.js";
import { connectivity, outlook } from "../../src/freespan/web/static/self-test/outlook.js";
import { vectors } from "./vectors.js";

const ENGLISH = new URL("../../src/freespan/web/static/languages/en.json", import.meta.url);
const { texts } = JSON.parse(readFileSync(ENGLISH, "utf-8"));

for (const { one, other, connectivity: expected } of vectors("connectivity")) {
  test(`${JSON.stringify(one)} and ${JSON.stringify(other)}: ${expected}`, () => {
    assert.equal(connectivity(one, other), expected);
    assert.equal(connectivity(other, one), expected);
  });
}

const OUTLOOKS = [
  [{}, "no"],
  [{ ipv4: "open" }, "yes"],
  [{ ipv4: "cone" }, "yes"],
  [{ ipv4: "symmetric" }, "mostly"],
  [{ ipv4: "symmetric", ipv6: "open" }, "mostly"],
  [{ ipv6: "open" }, "mostly"],
  [{ ipv6: "cone" }, "mostly"],
  [undefined, "mostly"],
];

for (const [network, expected] of OUTLOOKS) {
  test(`${JSON.stringify(network)}: ${expected}`, () => assert.equal(outlook(network), expected));
}

test("every sentence of a result has a text", () => {
  for (const broker of [true, false, null]) {
    for (const stun of [true, false, null]) {
      for (const egress of [true, false, null]) {
        for (const nat of ["open", "cone", "symmetric", ""]) {
          for (const reader of ["yes", "mostly", "no"]) {
            for (const key of sentences({ broker, stun, egress, nat, reader })) assert.ok(texts[key], key);
          }
        }
      }
    }
  }
});
