// What Node's undici does through a proxy: node client.mjs UNDICI PROXY SITE AUTHORITY SIZE [forward]
// It opens a tunnel for http as well, unless it is told to forward.
import assert from "node:assert";
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";

const [undici, proxy, site, authority, size, forward] = process.argv.slice(2);
const { ProxyAgent, request } = createRequire(import.meta.url)(undici);
const ca = readFileSync(authority);
const dispatcher = new ProxyAgent({
  uri: proxy.replace("socks5h", "socks5"),
  requestTls: { ca },
  connect: { ca },
  proxyTunnel: forward === undefined,
});

async function check(path, options, method, length) {
  const { body } = await request(`${site}${path}`, { dispatcher, ...options });
  const said = await body.json();
  assert.deepEqual([said.method, said.path, said.size], [method, path, length]);
}

for (let number = 0; number < 5; number++) await check(`/echo?n=${number}`, {}, "GET", 0);
async function* pieces() {
  for (let number = 0; number < 50; number++) yield Buffer.alloc(1000);
}
await check("/echo", { method: "POST", body: pieces() }, "POST", 50_000);
const ticks = await request(`${site}/ticks`, { dispatcher });
assert.equal((await ticks.body.text()).match(/data:/g).length, 5);
const file = await request(`${site}/file.bin`, { dispatcher });
assert.equal((await file.body.arrayBuffer()).byteLength, Number(size));
await dispatcher.close();
