// How many lanes one session may ask for, as the shared vectors say.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LaneBudget } from "../../src/freespan/web/static/bridge/lane-budget.js";
import { vectors } from "./vectors.js";

for (const { name, steps } of vectors("lane_budget")) {
  test(name, () => {
    const budget = new LaneBudget(0);
    for (const { at, take, taken, opened = 0 } of steps) {
      assert.equal(Array.from({ length: take }, () => budget.take(at)).filter(Boolean).length, taken, `at ${at}`);
      for (let i = 0; i < opened; i++) budget.giveBack();
    }
  });
}
