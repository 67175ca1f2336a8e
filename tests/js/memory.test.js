// What is kept in a page's storage: choice and counts, by day and month.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { recall, remember } from "../../src/freespan/web/static/volunteer/memory.js";

const KEY = "freespan-switch ";

/** As much of the DOM's Storage as is needed. */
class Storage {
  #items = new Map();
  writable = true;

  getItem(key) {
    return this.#items.get(key) ?? null;
  }

  setItem(key, value) {
    if (!this.writable) throw new DOMException("", "QuotaExceededError");
    this.#items.set(key, value);
  }

  clear() {
    this.#items.clear();
  }
}

let storage = new Storage();
Object.defineProperty(globalThis, "localStorage", { configurable: true, get: () => storage });
beforeEach(() => (storage = new Storage()));

test("old entries are read, and days and months end", () => {
  storage.setItem(KEY, JSON.stringify({ on: true, helped: 7 }));
  const days = [recall(new Date(2030, 0, 31, 23, 59))];
  remember(2, 30, new Date(2030, 0, 30, 12));
  for (const day of [30, 31, 32]) {
    remember(1, 5, new Date(2030, 0, day, 0));
    days.push(recall(new Date(2030, 0, day, 23, 59, 59)));
  }
  storage.setItem(KEY, '{"helped": "many", "day": 5}');
  days.push(recall(new Date(2030, 0, 1)));
  assert.deepEqual(
    days.map(({ on, helped, day, today, megabytes, month }) => [on, helped, day, today, megabytes, month]),
    [
      [true, 7, "2030-01-31", 0, 0, 0],
      [true, 10, "2030-01-30", 3, 35, 35],
      [true, 11, "2030-01-31", 1, 5, 40],
      [true, 12, "2030-02-01", 1, 5, 5],
      [false, 0, "2030-01-01", 0, 0, 0],
    ],
  );
});

test("tenths add up to whole megabytes", () => {
  const date = new Date(2030, 0, 1);
  const counts = Array.from({ length: 30 }, () => {
    remember(0, 0.1, date);
    return recall(date).megabytes;
  });
  assert.deepEqual(
    counts,
    counts.map((_, index) => Math.floor((index + 1) / 10)),
  );
});

test("storage that can be read and not written loses no count", () => {
  const date = new Date(2030, 0, 1);
  const add = () => {
    remember(1, 5, date);
    return recall(date);
  };
  const all = [add()];
  storage.writable = false;
  all.push(add(), add());
  storage.writable = true;
  all.push(add(), JSON.parse(storage.getItem(KEY)));
  storage.clear();
  all.push(recall(date));
  const counts = all.map(({ helped, megabytes }) => [helped, megabytes]);
  assert.deepEqual(counts, [[1, 5], [2, 10], [3, 15], [4, 20], [4, 20], [0, 0]]); // prettier-ignore
});

test("without storage it lasts as long as the page", () => {
  storage = undefined;
  remember(1, 5, new Date(2030, 0, 1), "https://host.example/");
  assert.equal(recall(new Date(2030, 0, 1), "https://host.example/").helped, 1);
  assert.equal(recall(new Date(2030, 0, 1), "https://other.example/").helped, 0);
});
