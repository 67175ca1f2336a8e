// What of a session description reaches the browser's engine, as the shared vectors say.

import assert from "node:assert/strict";
import { test } from "node:test";
import { filterSdp } from "../../src/freespan/web/static/bridge/sdp.js";
import { vectors } from "./vectors.js";

const { filtered } = vectors("sdp");

for (const { name, sdp, public: onTheInternet, private: inPrivate } of filtered) {
  test(`${name}, on the open internet`, () => assert.equal(filterSdp(sdp, false), onTheInternet));
  test(`${name}, in a private network`, () => assert.equal(filterSdp(sdp, true), inPrivate));
  test(`${name}, filtered twice`, () => {
    for (const allowPrivate of [false, true]) {
      const once = filterSdp(sdp, allowPrivate);
      assert.equal(filterSdp(once, allowPrivate), once);
    }
  });
}
