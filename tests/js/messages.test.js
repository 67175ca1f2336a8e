// Messages of brokers and clients, as the shared vectors say.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, parseLane, ProtocolError } from "../../src/freespan/web/static/bridge/messages.js";
import { vectors } from "./vectors.js";

const READERS = { to_bridge: parse, lane_offer: parseLane };

for (const { name, direction, text, ok, field } of vectors("broker_messages")) {
  const read = READERS[direction];
  if (!read) continue; // a bridge sends the others, and reads none of them
  test(`${direction}: ${name}`, () => {
    if (ok) return void read(text);
    assert.throws(
      () => read(text),
      (error) => error instanceof ProtocolError && (field === undefined || error.field === field),
    );
  });
}

test("there are vectors of both kinds, accepted and refused", () => {
  for (const direction of Object.keys(READERS)) {
    const verdicts = vectors("broker_messages").filter((vector) => vector.direction === direction);
    assert.deepEqual(new Set(verdicts.map(({ ok }) => ok)), new Set([true, false]));
  }
});
