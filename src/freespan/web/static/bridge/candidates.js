// ICE candidates of a description: read, chosen, and written anew. The twin of wire/candidates.py. Pure.

import { addressText, isEnd, parseAddress } from "./addresses.js";

const OVER_UDP =
  /^a=candidate:([A-Za-z\d+/]{1,32}) 1 [uU][dD][pP] (\d{1,10}) ([!-~]{1,253}) (\d{1,5}) typ (host|srflx|prflx|relay)( [ -~]*)?$/;
const MDNS_NAME = /^[\da-z-]{1,63}\.local$/;
const PRIORITY_MAX = 0xffffffff;
const PORT_MAX = 65_535;
const ADDRESSES_MAX = 4;
const PASSED_MAX = 8;

/** `line` is the candidate, written anew. @typedef {{line: string, address: string, port: number, priority: number, kind: number}} Candidate */

/**
 * What a line says, if it is a candidate that may pass.
 * @param {string} line
 * @param {boolean} allowPrivate
 * @returns {Candidate | undefined}
 */
export function parseCandidate(line, allowPrivate) {
  const [, foundation, ...words] = OVER_UDP.exec(line) ?? [];
  const [priority, port] = [Number(words[0]), Number(words[2])];
  const address = endOf(words[1] ?? "", allowPrivate);
  if (!address || priority > PRIORITY_MAX || port < 1 || port > PORT_MAX) return undefined;
  const kind = words[3] ?? "";
  const more = pairs(words[4] ?? "");
  const related = (allowPrivate && parseAddress(more.get("raddr") ?? "")) || [0, 0, 0, 0];
  let written = `a=candidate:${foundation} 1 udp ${priority} ${address} ${port} typ ${kind}`;
  if (kind !== "host") written += ` raddr ${addressText(related)} rport ${small(more.get("rport")) ?? 0}`;
  for (const hint of ["generation", "network-id", "network-cost"]) {
    const value = small(more.get(hint));
    if (value !== undefined) written += ` ${hint} ${value}`;
  }
  return { line: written, address, port, priority, kind: (kind === "relay" ? 3 : 0) + familyOf(address) };
}

/**
 * The candidates that pass: of few addresses, with as many kinds of paths among them as there are. The kinds take
 * turns, each in the order of its priorities.
 * @param {Candidate[]} candidates
 */
export function chosen(candidates) {
  /** @type {Candidate[][]} */
  const kinds = [[], [], [], [], [], []];
  for (const one of [...candidates].sort((a, b) => b.priority - a.priority)) kinds[one.kind]?.push(one);
  const addresses = new Set();
  const sockets = new Set();
  /** @type {Set<Candidate>} */
  const passed = new Set();
  while (passed.size < PASSED_MAX && kinds.some((waiting) => waiting.length)) {
    for (const waiting of kinds) {
      for (let next = waiting.shift(); next && passed.size < PASSED_MAX; next = waiting.shift()) {
        const { address, port } = next;
        const socket = `${address} ${port}`;
        if (sockets.has(socket) || !(addresses.has(address) || addresses.size < ADDRESSES_MAX)) continue;
        addresses.add(address);
        sockets.add(socket);
        passed.add(next);
        break;
      }
    }
  }
  return passed;
}

/** The address of an end as it is written anew. @param {string} text @param {boolean} allowPrivate */
function endOf(text, allowPrivate) {
  const address = parseAddress(text);
  if (address) return (allowPrivate ? canBeLocal(address) : isEnd(address)) ? addressText(address) : undefined;
  const name = text.toLowerCase();
  return allowPrivate && MDNS_NAME.test(name) ? name : undefined;
}

/** Neither unspecified nor multicast, reserved or IPv4-mapped. @param {number[]} address */
function canBeLocal(address) {
  const [first = 0] = address;
  if (address.length === 4) return first > 0 && first < 224;
  return first < 0xff00 && !/^0,0,0,0,0,(65535,|0,0,0$)/.test(address.join());
}

/** @param {string} address */
function familyOf(address) {
  return address.endsWith(".local") ? 2 : address.includes(":") ? 1 : 0;
}

/** The names and values at the end of a candidate; of two equal names the first one counts. @param {string} text */
function pairs(text) {
  const words = text.split(" ").filter(Boolean);
  /** @type {Map<string, string>} */
  const found = new Map();
  for (let i = 0; i + 1 < words.length; i += 2) {
    const name = (words[i] ?? "").toLowerCase();
    if (!found.has(name)) found.set(name, words[i + 1] ?? "");
  }
  return found;
}

/** @param {string} [text] */
function small(text = "") {
  return /^\d{1,5}$/.test(text) && Number(text) <= PORT_MAX ? Number(text) : undefined;
}
