// The types that openapi-typescript generated from the document, used as in a program. Compiled, never run.
import type { components, paths } from "../target/judges/chartmogul";

type Operation = paths["/v1/opportunities/{opportunity_uuid}"]["patch"];
type Update = Operation["requestBody"]["content"]["application/json"];
type Opportunity = Operation["responses"][200]["content"]["application/json"];
type Problem = Operation["responses"][404]["content"]["application/json"];

const values: components["schemas"]["CustomAttributeValue"][] = ["a", 4, 4.5, true];

export const update: Update = {
  amount_in_cents: 20000,
  estimated_close_date: "2026-04-30",
  type: "arr", // an open enum
  custom: values.map((value, i) => ({ key: `k${i}`, value })),
};
export const nothing: Update = { custom: [] };

export function show(deal: Opportunity): string {
  const amount: number = deal.amount_in_cents;
  const seats: unknown = deal.custom["seats"];
  return `${deal.uuid} ${amount} ${deal.currency} ${seats}`;
}

export function message(problem: Problem): string {
  return "message" in problem ? String(problem.message) : "";
}

type Collection = paths["/v1/opportunities"];
type Creation = Collection["post"]["requestBody"]["content"]["application/json"];
type Query = NonNullable<Collection["get"]["parameters"]["query"]>;
type Page = Collection["get"]["responses"][200]["content"]["application/json"];

export const creation: Creation = {
  customer_uuid: "cus_8f1d6a52-3b0e-4c55-9d7a-2e6c1b90a4f3",
  owner: "sales@example.com",
  pipeline: "New Business",
  pipeline_stage: "Discovery",
  estimated_close_date: "2026-03-31",
  currency: "USD",
  amount_in_cents: 20000,
};
export const all: Query = {};

export function next(page: Page): Query | undefined {
  const entries: Opportunity[] = page.entries;
  console.assert(entries.length <= 200);
  return page.has_more && page.cursor !== null ? { pipeline: "New Business", per_page: 200, cursor: page.cursor } : undefined;
}

// Each of these must not compile; if it does, that is an error.
// @ts-expect-error
export const incomplete: Creation = { owner: "sales@example.com" };
// @ts-expect-error
export const unknownFilter: Query = { pipelin: "New Business" };
// @ts-expect-error
export const amountAsText: Update = { amount_in_cents: "20000" };
// @ts-expect-error
export const unknownField: Update = { amount: 20000 };
// @ts-expect-error
export const customer: Update = { customer_uuid: "cus_8f1d6a52-3b0e-4c55-9d7a-2e6c1b90a4f3" };
// @ts-expect-error
export const customAsObject: Update = { custom: { seats: 4 } };
// @ts-expect-error
export const withoutValue: Update = { custom: [{ key: "seats" }] };
