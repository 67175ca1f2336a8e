// Addresses of hosts as people paste them: found, or it is said what is wrong.

import assert from "node:assert/strict";
import { test } from "node:test";
import { findHost } from "../../src/freespan/web/static/paste/host.js";
import { vectors } from "./vectors.js";

const { hosts, invite } = vectors("pastes");

for (const { kind, text, host, fault } of hosts) {
  test(`${kind}: ${JSON.stringify(text.slice(0, 40))}`, () => {
    assert.deepEqual(findHost(text), host ? { host: `${host}/` } : { fault });
  });
}

test("a megabyte is searched to its end", () => {
  const host = "https://bridge.example.org/garden/";
  for (const text of [
    "lorem ipsum ".repeat(80_000),
    "<a".repeat(500_000),
    "&amp;".repeat(200_000),
    "a.aa ".repeat(9),
  ]) {
    assert.deepEqual(findHost(`${text} ${host}switch.js`), { host });
  }
});

test("an invite is no address", () => assert.deepEqual(findHost(`>> ${invite}.`), { fault: "invite" }));
