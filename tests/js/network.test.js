// What candidates tell about a network, as the shared vectors say.

import assert from "node:assert/strict";
import { test } from "node:test";
import { networkOf } from "../../src/freespan/web/static/bridge/network.js";
import { vectors } from "./vectors.js";

for (const { name, candidates, network } of vectors("network")) {
  test(name, () => assert.deepEqual(networkOf(["v=0", ...candidates, ""].join("\r\n")), network));
}
