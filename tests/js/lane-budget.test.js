// How many lanes one session may ask for, as the shared vectors say.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LaneBudget } from "../../src/freespan/web/static/bridge/lane-budget.js";
import { vectors } from "./vectors.js";

for (const { name, steps } of vectors("lane_budget")) {
  test(name, () => {
    const budget = new LaneBudget(0);
    const count = (times, attempt) => Array.from({ length: times }, attempt).filter(Boolean).length;
    for (const { at, ask = 0, asked = 0, take = 0, taken = 0, opened = 0 } of steps) {
      assert.equal(
        count(ask, () => budget.mayAsk(at)),
        asked,
      );
      assert.equal(
        count(take, () => budget.take(at)),
        taken,
      );
      for (let i = 0; i < opened; i++) budget.giveBack();
    }
  });
}
