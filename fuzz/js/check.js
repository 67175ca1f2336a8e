// Runs a property with fast-check, and measures the CPU of each input.

import fc from "fast-check";
import { PROPERTIES } from "./properties.js";

/** No input may take longer, in milliseconds of CPU. */
const CPU_MS_MAX = 50;
/** An input is too slow if it is so each time; once may be the fault of the compiler or the collector. */
const TRIES = 4;

/** Milliseconds of CPU of this process so far. */
function cpu() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * Check a property with so many inputs, or for so many seconds.
 * @param {string} name
 * @param {{inputs?: number, seconds?: number}} limit
 * @returns {{inputs: number, slowest: number, fault: string}} in milliseconds; empty without a fault
 */
export function check(name, { inputs = Number.MAX_SAFE_INTEGER, seconds }) {
  const [arbitrary, run] = PROPERTIES[name];
  let count = 0;
  let slowest = 0;
  const timed = (input) => {
    let took = Infinity;
    for (let tries = 0; tries < TRIES && took > CPU_MS_MAX; tries++) {
      const begin = cpu();
      run(input);
      took = cpu() - begin;
    }
    count++;
    slowest = Math.max(slowest, took);
    if (took > CPU_MS_MAX) throw new Error(`${took} ms`);
  };
  const limits = seconds === undefined ? {} : { interruptAfterTimeLimit: seconds * 1000 };
  const result = fc.check(fc.property(arbitrary, timed), { numRuns: inputs, ...limits });
  return { inputs: count, slowest, fault: result.failed ? (fc.defaultReportMessage(result) ?? "failed") : "" };
}
