// Frameworks that make pages on a server import what their pages import.

import assert from "node:assert/strict";
import { test } from "node:test";

const STATIC = "../../src/freespan/web/static/";
const BEFORE = Object.keys(globalThis);

for (const name of ["switch.js", "element/element.js", "headless.js", "element/goodbye.js", "element/overlay.js"])
  test(`${name} can be imported where there is no page, and does nothing`, async () => {
    assert.equal("document" in globalThis, false);
    assert.equal("customElements" in globalThis, false);
    const module = await import(STATIC + name);
    assert.ok(module);
    assert.deepEqual(Object.keys(globalThis), BEFORE);
  });

test("it can be imported where some other library has made a window", async () => {
  const fakes = { window: globalThis, self: globalThis };
  Object.assign(globalThis, fakes);
  try {
    await import(`${STATIC}switch.js?again`);
    await import(`${STATIC}headless.js?again`);
  } finally {
    for (const name of Object.keys(fakes)) Reflect.deleteProperty(globalThis, name);
  }
});
