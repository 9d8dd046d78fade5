"""Creates, reads, lists, updates and deletes opportunities on the fake, with ChartMogul's official Python SDK.

    python official.py URL API_KEY
"""

import datetime
import sys

import chartmogul

url, key = sys.argv[1:]
unknown = "00000000-0000-0000-0000-000000000000"
failures = []
passed = 0


def check(name, actual, expected):
    global passed
    if actual == expected:
        passed += 1
    else:
        failures.append(f"{name}: expected {expected!r}, got {actual!r}")


def config(api_key=key):
    made = chartmogul.Config(api_key, request_timeout=10, max_retries=0)
    made.uri = f"{url}/v1"
    return made


def status(promise):
    try:
        promise.get()
    except chartmogul.errors.APIError as error:
        return error.__cause__.response.status_code if error.__cause__ is not None else type(error).__name__
    return "success"


customer = "cus_0f5f5b1a-0000-4000-8000-000000000001"
data = {
    "customer_uuid": customer,
    "owner": "sales@example.com",
    "pipeline": "New Business",
    "pipeline_stage": "Discovery",
    "estimated_close_date": "2026-03-31",
    "currency": "USD",
    "amount_in_cents": 9007199254740993,
    "type": "recurring",
    "custom": [{"key": "seats", "value": 4}, {"key": "Vip", "value": True}],
}
deals = [chartmogul.Opportunity.create(config(), data=data).get() for _ in range(3)]
check("an amount of more than 53 bits", deals[0].amount_in_cents, 9007199254740993)
check("a date", deals[0].estimated_close_date, datetime.date(2026, 3, 31))
check("custom attributes", deals[0].custom, {"seats": 4, "Vip": True})
check("created at an instant", isinstance(deals[0].created_at, datetime.datetime), True)

uuid = deals[0].uuid
check("retrieved", chartmogul.Opportunity.retrieve(config(), uuid=uuid).get().uuid, uuid)

update = {"amount_in_cents": 0, "custom": [{"key": "seats", "value": 5}]}
changed = chartmogul.Opportunity.patch(config(), uuid=uuid, data=update).get()
check("zero", changed.amount_in_cents, 0)
check("custom attributes are replaced", changed.custom, {"seats": 5})
check("other fields are kept", changed.owner, "sales@example.com")

listed, cursor = [], None
while True:
    asked = {"customer_uuid": customer, "per_page": 2, **({"cursor": cursor} if cursor else {})}
    page = chartmogul.Opportunity.all(config(), **asked).get()
    listed += [deal.uuid for deal in page.entries]
    cursor = page.cursor
    if not page.has_more:
        break
check("listed over two pages", sorted(listed), sorted(deal.uuid for deal in deals))
check("another customer has none", chartmogul.Opportunity.all(config(), customer_uuid="cus_2").get().entries, [])

for deal in deals:
    check("deleted", status(chartmogul.Opportunity.destroy(config(), uuid=deal.uuid)), "success")
check("gone", status(chartmogul.Opportunity.retrieve(config(), uuid=uuid)), 404)
check("unknown", status(chartmogul.Opportunity.patch(config(), uuid=unknown, data=update)), 404)
check("another key", status(chartmogul.Opportunity.retrieve(config("another-key"), uuid=uuid)), 401)
check("a creation without an owner", status(chartmogul.Opportunity.create(config(), data={**data, "owner": None})) in (400, 422), True)

print("\n".join(failures) or f"chartmogul {chartmogul.__version__} for Python: all {passed} checks passed")
sys.exit(bool(failures))
