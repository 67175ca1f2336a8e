// Checks a property with many inputs: `node fuzz/js/run.js NAME SECONDS INPUTS`, whichever is more. Prints JSON.

import { check } from "./check.js";

const [name = "", seconds, least] = process.argv.slice(2);
let done = Number(seconds) ? check(name, { seconds: Number(seconds) }) : { inputs: 0, slowest: 0, fault: "" };
const left = Number(least) - done.inputs;
if (left > 0 && !done.fault) {
  const { inputs, slowest, fault } = check(name, { inputs: left });
  done = { inputs: done.inputs + inputs, slowest: Math.max(done.slowest, slowest), fault };
}
process.stdout.write(JSON.stringify(done));
