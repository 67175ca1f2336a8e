// What is an address, and what is public, as the shared vectors say.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addressText,
  isEnd,
  isPublic,
  parseAddress,
  versionOf,
} from "../../src/freespan/web/static/bridge/addresses.js";
import { SPECIAL_PURPOSE } from "../../src/freespan/web/static/bridge/special-purpose.js";
import { vectors } from "./vectors.js";

const { texts } = vectors("addresses");

for (const { text, address, public: onTheInternet, end } of texts) {
  test(JSON.stringify(text), () => {
    const found = parseAddress(text);
    assert.equal(found ? addressText(found) : null, address);
    assert.deepEqual([!!found && isPublic(found), !!found && isEnd(found)], [onTheInternet, end]);
    assert.equal(versionOf(text), end ? (address.includes(":") ? "ipv6" : "ipv4") : undefined);
  });
}

test("every network of the table is one", () => {
  for (const row of SPECIAL_PURPOSE.split(",")) assert.ok(parseAddress(row.split("/")[0]), row);
});
