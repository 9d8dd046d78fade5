// Starts a Prism mock server with the document and checks which requests it accepts: node prism.mjs PRISM DOCUMENT SENT
// SENT has the requests that the SDK sent in the tests (tests/src/sent.rs), one per line; Prism must accept all of them.
// Then the SDK is run against the mock server (tests/it/mock.rs).
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

const [prism, document, sent] = process.argv.slice(2);
const opportunity = "/v1/opportunities/4ee13ca4-e7fe-41ee-9a7f-f303abf41acc";
const authorization = `Basic ${Buffer.from("key:").toString("base64")}`;

const creation = {
  customer_uuid: "cus_8f1d6a52-3b0e-4c55-9d7a-2e6c1b90a4f3",
  owner: "sales@example.com",
  pipeline: "New Business",
  pipeline_stage: "Discovery",
  estimated_close_date: "2026-03-31",
  currency: "USD",
  amount_in_cents: 0,
};

/** Name, method, path with query, body, and the expected status. */
const others = [
  ["a creation", "POST", "/v1/opportunities", creation, 201],
  ...Object.keys(creation).map((name) => [`a creation without ${name}`, "POST", "/v1/opportunities", { ...creation, [name]: undefined }, 422]),
  ["a page", "GET", "/v1/opportunities", undefined, 200],
  ["a page with every filter", "GET", "/v1/opportunities?customer_uuid=cus_1&owner=a%2Bb%40example.com&pipeline=New+Business" +
    "&pipeline_stage=A%26B&estimated_close_date_on_or_after=2026-01-01&estimated_close_date_on_or_before=2026-12-31" +
    "&cursor=Pj4%2BPz8%2FMDA%3D&per_page=200", undefined, 200],
  ["a page of 0", "GET", "/v1/opportunities?per_page=0", undefined, 422],
  ["a page of 201", "GET", "/v1/opportunities?per_page=201", undefined, 422],
  ["a day in another format", "GET", "/v1/opportunities?estimated_close_date_on_or_after=31.12.2026", undefined, 422],
  ["a retrieval", "GET", opportunity, undefined, 200],
  ["a deletion", "DELETE", opportunity, undefined, 200],
];

/** Updates: name, body, the expected status, and headers. */
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

try {
  await listening();
  await judge("prism", cases.map(([name, body, expected, headers]) => ({
    name,
    method: "PATCH",
    path: opportunity,
    headers: { authorization, "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
    expected: (status) => status === expected,
  })));
  await judge("prism, other operations", others.map(([name, method, path, body, expected]) => ({
    name,
    method,
    path,
    headers: { authorization, "content-type": body && "application/json" },
    body: body && JSON.stringify(body),
    expected: (status) => status === expected,
  })));
  await judge("prism, sent by the SDK", requestsOf(sent));
  await sdk();
} finally {
  server.kill();
}

/** Runs the SDK against the mock server. */
function sdk() {
  const test = spawn("cargo", ["test", "--quiet", "--locked", "--workspace", "--test", "it", "mock::"], {
    stdio: "inherit",
    env: { ...process.env, CHARTMOGUL_MOCK: `http://127.0.0.1:${port}` },
  });
  return new Promise((resolve, reject) => {
    test.on("error", reject);
    test.on("exit", (code) => {
      if (code !== 0) process.exitCode = 1;
      resolve();
    });
  });
}

async function judge(what, requests) {
  let wrong = 0;
  let beyond = 0;
  for (const { name, method, path, headers, body, expected } of requests) {
    const present = Object.entries(headers).filter(([, value]) => value);
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers: present, body });
    if (expected(response.status)) continue;
    const violations = JSON.parse(response.headers.get("sl-violations") ?? "[]");
    if (beyondPrism(violations)) {
      beyond += 1;
    } else {
      wrong += 1;
      console.error(`${name}: Prism responded ${response.status}: ${JSON.stringify(violations)}`);
    }
  }
  const note = beyond ? `, ${beyond} with integers beyond 53 bits, which Prism can't represent` : "";
  console.log(`${what}: ${requests.length - wrong - beyond} passed, ${wrong} failed${note}`);
  if (wrong > 0 || requests.length === 0) process.exitCode = 1;
}

/** Prism limits `int64` to JavaScript's integers. The document, the API and the SDK use 64 bits. */
function beyondPrism(violations) {
  const limits = [`must be <= ${Number.MAX_SAFE_INTEGER}`, `must be >= ${Number.MIN_SAFE_INTEGER}`];
  return violations.length > 0 && violations.every(({ message }) => limits.some((limit) => message.endsWith(limit)));
}

/** Every distinct request once, with its body byte for byte. */
function requestsOf(file) {
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  return [...new Set(lines)].map((line) => {
    const { method, path, content_type, body } = JSON.parse(line);
    return {
      name: `${file}:${lines.indexOf(line) + 1}`,
      method,
      path,
      headers: { authorization, "content-type": content_type },
      body: body || undefined,
      expected: (status) => status >= 200 && status < 300,
    };
  });
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
