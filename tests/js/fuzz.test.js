// The properties that `make fuzz` checks with many inputs (fuzz/js), with a few.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

const FEW = 300;

/** Whether fast-check is installed: `make test` and `make check-js` do it, with npm. */
function installed() {
  try {
    return Boolean(createRequire(import.meta.url).resolve("fast-check"));
  } catch {
    return false;
  }
}

if (installed()) {
  const { check } = await import("../../fuzz/js/check.js");
  const { PROPERTIES } = await import("../../fuzz/js/properties.js");
  for (const name of Object.keys(PROPERTIES)) test(name, () => assert.equal(check(name, { inputs: FEW }).fault, ""));
} else {
  test("properties", { skip: "fast-check is not installed" }, () => {});
}
