import assert from "node:assert/strict";
import { test } from "node:test";

import { flag } from "../../src/freespan/web/static/element/attributes.js";

/** @param {Record<string, string>} attributes */
function element(attributes) {
  return /** @type {Element} */ (
    /** @type {unknown} */ ({ getAttribute: (/** @type {string} */ name) => attributes[name] ?? null })
  );
}

const NAMES = /** @type {const} */ (["globe", "goodbye", "remember", "run-when-hidden"]);
const NO = ["false", "no", "0", "off", "FALSE", "No", " off ", "n", "null", "undefined", "none"];
const YES = ["", "true", "yes", "1", "on", "TRUE", " Yes ", "y"];

test("what people write for no means no, whatever the attribute", () => {
  for (const name of NAMES) for (const value of NO) assert.equal(flag(element({ [name]: value }), name), false, value);
});

test("what people write for yes means yes, and so does the bare attribute or its own name", () => {
  for (const name of NAMES)
    for (const value of [...YES, name]) assert.equal(flag(element({ [name]: value }), name), true, value);
});

test("what is left out is as it is without it", () => {
  assert.deepEqual(
    NAMES.map((name) => flag(element({}), name)),
    [false, false, true, true],
  );
});

test("anything else is reported once, and is a yes", (context) => {
  const warn = context.mock.method(console, "warn", () => {});
  for (const value of ["maybe", "maybe", "2", "nope"]) assert.equal(flag(element({ globe: value }), "globe"), true);
  assert.equal(warn.mock.callCount(), 3);
});
