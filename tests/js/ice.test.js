// Which servers a bridge takes from a broker, and which hosts are private.

import assert from "node:assert/strict";
import { test } from "node:test";
import { isPrivateHost } from "../../src/freespan/web/static/bridge/addresses.js";
import { checkServers } from "../../src/freespan/web/static/bridge/ice.js";
import { ProtocolError } from "../../src/freespan/web/static/bridge/messages.js";
import { vectors } from "./vectors.js";

const EXPECTED = { public: [true, true], private: [false, true], none: [false, false] };

function passes(kind, url, allowPrivate) {
  try {
    checkServers([{ urls: [url] }], kind, allowPrivate);
    return true;
  } catch (error) {
    assert.ok(error instanceof ProtocolError, String(error));
    return false;
  }
}

for (const { kind, url, verdict } of vectors("ice_servers")) {
  test(`${kind}, ${JSON.stringify(url)}: ${verdict}`, () => {
    assert.deepEqual([passes(kind, url, false), passes(kind, url, true)], EXPECTED[verdict]);
  });
}

const HOSTS = {
  "127.0.0.1": true,
  localhost: true,
  "a.localhost": true,
  "printer.local": true,
  "[::1]": true,
  "[fd00::1]": true,
  "192.168.1.1": true,
  "9.9.9.9": false,
  "[2620:fe::fe]": false,
  "bridge.example": false,
  local: false,
};

for (const [host, isPrivate] of Object.entries(HOSTS)) {
  test(`${host} is ${isPrivate ? "" : "not "}private`, () => assert.equal(isPrivateHost(host), isPrivate));
}
