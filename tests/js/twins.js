// Answers tests/web/test_twins.py: for each line of input, a JSON list of calls, one line with their results.

import { createInterface } from "node:readline";
import {
  addressText,
  isEnd,
  isPrivateHost,
  isPublic,
  parseAddress,
} from "../../src/freespan/web/static/bridge/addresses.js";
import { checkServers } from "../../src/freespan/web/static/bridge/ice.js";
import { ProtocolError } from "../../src/freespan/web/static/bridge/messages.js";
import { filterSdp, namedAddresses } from "../../src/freespan/web/static/bridge/sdp.js";
import { findHost } from "../../src/freespan/web/static/paste/host.js";

const CALLS = {
  address: (text) => {
    const address = parseAddress(text);
    return address ? [addressText(address), isPublic(address), isEnd(address)] : null;
  },
  isPrivateHost,
  findHost: (text) => {
    const found = findHost(text);
    return "host" in found ? found.host : found.fault;
  },
  filterSdp: (sdp, allowPrivate, only) => filterSdp(sdp, allowPrivate, only && new Set(only)),
  namedAddresses: (sdp, allowPrivate) => [...namedAddresses(sdp, allowPrivate)].sort(),
  isServer: (url, kind, allowPrivate) => {
    try {
      checkServers([{ urls: [url] }], kind, allowPrivate);
      return true;
    } catch (error) {
      if (error instanceof ProtocolError) return false;
      throw error;
    }
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const results = JSON.parse(line).map(([name, ...args]) => CALLS[name](...args));
  process.stdout.write(`${JSON.stringify(results)}\n`);
}
