// Who is warned: by time zone, and by the kind of connection.

import assert from "node:assert/strict";
import { test } from "node:test";
import { caution } from "../../src/freespan/web/static/element/caution.js";
import { vectors } from "./vectors.js";

const { censored, others } = vectors("time_zones");

test("the names of time zones", () => {
  for (const timeZone of censored) assert.deepEqual(caution({ timeZone, connection: null }), ["censored"], timeZone);
  for (const timeZone of [...others, ""]) assert.deepEqual(caution({ timeZone, connection: null }), [], timeZone);
});

test("metered connections", () => {
  const metered = [{ saveData: true }, { saveData: false, type: "cellular" }];
  const unmetered = [null, {}, { saveData: false, type: "wifi" }, { effectiveType: "3g" }];
  for (const [timeZone, first] of Object.entries({ "Europe/Paris": [], "Asia/Tehran": ["censored"] })) {
    for (const connection of metered) assert.deepEqual(caution({ timeZone, connection }), [...first, "metered"]);
    for (const connection of unmetered) assert.deepEqual(caution({ timeZone, connection }), first);
  }
});
