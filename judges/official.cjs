// Runs the calls of official.json against the fake, with ChartMogul's official Node SDK: node official.cjs SDK URL API_KEY
// What a step is: official.py.
const assert = require("node:assert/strict");
const [sdk, url, key] = process.argv.slice(2);
const chartmogul = require(sdk);
const { version } = require(`${sdk}/package.json`);
const steps = require("./official.json");

const config = new chartmogul.Config(key, url);
config.retries = 0;
const kept = { run: "node" };
let passed = 0;
const failures = [];

function check(name, actual, expected) {
  try {
    assert.deepEqual(actual, expected);
    passed += 1;
  } catch {
    failures.push(`${name}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
  }
}

const field = (value, path) => path.split(".").reduce((value, name) => value?.[name], value);

/** A value of the table, with what was kept in place of `$name.field`. */
function filled(value) {
  if (typeof value === "string") return value.replace(/\$([\w.]+)/g, (_, path) => field(kept, path));
  if (Array.isArray(value)) return value.map(filled);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, value]) => [name, filled(value)]));
}

async function pages(call, query, entries, key = "uuid") {
  const found = [];
  for (let cursor, more = true; more; ) {
    const page = await call({ ...query, ...(cursor && { cursor }) });
    found.push(...page[entries].map((entry) => entry[key]));
    [cursor, more] = [page.cursor, page.has_more];
  }
  return found;
}

async function run(step, number) {
  const name = `${number + 1}, ${step.call}`;
  const [kind, method] = step.call.split("|").at(-1).split(".");
  const path = Object.values(filled(step.path ?? {}));
  const query = filled(step.query ?? {});
  const expected = filled(step.expect ?? {});
  const call = (data) => chartmogul[kind][method](config, ...path, data);
  try {
    if (step.pages) return check(name, await pages(call, query, step.pages, step.key), expected);
    // Beside data, the SDK takes a query under `qs`.
    const response = await call(step.data || !step.query ? { ...filled(step.data ?? {}), ...(step.query && { qs: query }) } : query);
    check(name, "success", step.status ?? "success");
    for (const [path, value] of Object.entries(expected)) check(`${name}, ${path}`, field(response, path), value);
    if (step.as) kept[step.as] = response;
  } catch (error) {
    check(name, error.httpStatus ?? error.status ?? error.message, step.status);
  }
}

async function main() {
  for (const [number, step] of steps.entries()) await run(step, number);
  const another = new chartmogul.Config("another-key", url);
  await chartmogul.Opportunity.retrieve(another, kept.second.uuid).catch((error) => check("another key", error.httpStatus ?? error.status, 401));
  for (const failure of failures) console.error(failure);
  console.log(`official Node SDK ${version}: ${passed} passed, ${failures.length} failed`);
  process.exit(failures.length ? 1 : 0);
}

main();
