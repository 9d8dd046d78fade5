// Creates, reads, lists, updates and deletes opportunities on the fake, with ChartMogul's official Node SDK:
// node official.cjs SDK URL API_KEY
const assert = require("node:assert/strict");
const [sdk, url, key] = process.argv.slice(2);
const { Config, Opportunity } = require(sdk);
const { version } = require(`${sdk}/package.json`);

const config = new Config(key, url);
const unknown = "00000000-0000-0000-0000-000000000000";
let passed = 0;

function check(name, actual, expected) {
  assert.deepEqual(actual, expected, name);
  passed += 1;
}

/** The status of a call's result. */
const status = (call) => call.then(() => 200, (error) => error.httpStatus ?? error.status ?? error.message);

async function main() {
  const data = {
    customer_uuid: "cus_0f5f5b1a-0000-4000-8000-000000000002",
    owner: "sales@example.com",
    pipeline: "New Business",
    pipeline_stage: "Discovery",
    estimated_close_date: "2026-03-31",
    currency: "EUR",
    amount_in_cents: 20000,
    custom: [{ key: "seats", value: 4 }, { key: "discount", value: 0.5 }],
  };
  const deals = [];
  for (let i = 0; i < 3; i++) deals.push(await Opportunity.create(config, data));
  const [{ uuid }] = deals;
  check("created", (({ amount_in_cents, custom }) => ({ amount_in_cents, custom }))(deals[0]), {
    amount_in_cents: 20000,
    custom: { seats: 4, discount: 0.5 },
  });
  check("retrieved", await Opportunity.retrieve(config, uuid), deals[0]);

  const changed = await Opportunity.patch(config, uuid, { win_likelihood: 0, custom: [] });
  check("zero, and no custom attribute", [changed.win_likelihood, changed.custom], [0, {}]);

  const listed = [];
  for (let cursor, more = true; more; ) {
    const page = await Opportunity.all(config, { customer_uuid: data.customer_uuid, per_page: 2, ...(cursor && { cursor }) });
    listed.push(...page.entries.map((deal) => deal.uuid));
    [cursor, more] = [page.cursor, page.has_more];
  }
  check("listed over two pages", listed.sort(), deals.map((deal) => deal.uuid).sort());

  for (const deal of deals) check("deleted", await status(Opportunity.destroy(config, deal.uuid)), 200);
  check("gone", await status(Opportunity.retrieve(config, uuid)), 404);
  check("unknown", await status(Opportunity.patch(config, unknown, { win_likelihood: 1 })), 404);
  check("another key", await status(Opportunity.retrieve(new Config("another-key", url), uuid)), 401);
  console.log(`chartmogul ${version} for Node: all ${passed} checks passed`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
