// Starts a Prism mock server on the document and asks it what it takes: node prism.mjs PRISM DOCUMENT
import { spawn } from "node:child_process";
import { createServer } from "node:net";

const [prism, document] = process.argv.slice(2);
const uuid = "4ee13ca4-e7fe-11ee-fa7f-f303abf41acc";
const key = `Basic ${Buffer.from("key:").toString("base64")}`;

/** Method, path, headers, body, and the status that Prism must answer with. */
const cases = [
  ["the documentation's example", { amount_in_cents: 20000, custom: [{ key: "seats", value: 4 }] }, 200],
  ["an explicitly empty list", { custom: [] }, 200],
  ["values of every type", { custom: ["a", "2026-01-31T12:00:00Z", 4, 4.5, true].map((value, i) => ({ key: `k${i}`, value })) }, 200],
  ["a type that the document does not list", { type: "arr" }, 200],
  ["zero", { amount_in_cents: 0, win_likelihood: 0 }, 200],
  ["win_likelihood 101", { win_likelihood: 101 }, 422],
  ["win_likelihood -1", { win_likelihood: -1 }, 422],
  ["a key with a space", { custom: [{ key: "team size", value: 4 }] }, 422],
  ["a key without a value", { custom: [{ key: "seats" }] }, 422],
  ["a value that is null", { custom: [{ key: "seats", value: null }] }, 422],
  ["custom as an object", { custom: { seats: 4 } }, 422],
  ["an amount as text", { amount_in_cents: "20000" }, 422],
  ["a currency in small letters", { currency: "usd" }, 422],
  ["a date in another format", { estimated_close_date: "31.12.2026" }, 422],
  ["no field", {}, 422],
  ["no API key", { amount_in_cents: 1 }, 401, { authorization: undefined }],
];

const port = await freePort();
const server = spawn(process.execPath, [prism, "mock", "--host", "127.0.0.1", "--port", String(port), document], {
  stdio: ["ignore", "pipe", "pipe"],
});
let log = "";
for (const stream of [server.stdout, server.stderr]) stream.on("data", (text) => (log += text));

let passed = 0;
let failed = 0;
try {
  await listening();
  for (const [name, body, expected, more] of cases) {
    const headers = { authorization: key, "content-type": "application/json", ...more };
    if (!headers.authorization) delete headers.authorization;
    const url = `http://127.0.0.1:${port}/v1/opportunities/${uuid}`;
    const answer = await fetch(url, { method: "PATCH", headers, body: JSON.stringify(body) });
    if (answer.status === expected) {
      passed += 1;
    } else {
      failed += 1;
      console.error(`${name}: expected ${expected}, Prism answered ${answer.status}: ${await answer.text()}`);
    }
  }
} finally {
  server.kill();
}
console.log(`prism: ${passed} passed, ${failed} failed`);
if (failed > 0) {
  console.error(log);
  process.exitCode = 1;
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function listening() {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (log.includes("Prism is listening")) return;
    if (server.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`Prism did not start:\n${log}`);
}
