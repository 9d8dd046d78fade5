"""Updates, creates, lists and deletes opportunities on the fake, with the client that openapi-python-client generated.

    PYTHONPATH=target/judges python opportunities.py URL API_KEY UUID
"""

import base64
import datetime
import sys
from uuid import UUID

from chartmogul_client import AuthenticatedClient
from chartmogul_client.api.opportunities import (
    create_opportunity,
    delete_opportunity,
    get_opportunity,
    list_opportunities,
    update_opportunity,
)
from chartmogul_client.models import (
    CustomAttribute,
    Deletion,
    ErrorMessagesByField,
    ErrorWithCode,
    Opportunity,
    OpportunityCreation,
    OpportunityPage,
    OpportunityUpdate,
)

url, key, known = sys.argv[1:]
unknown = "00000000-0000-0000-0000-000000000000"
failures = []
passed = 0


def check(name, actual, expected):
    global passed
    if actual == expected:
        passed += 1
    else:
        failures.append(f"{name}: expected {expected!r}, got {actual!r}")


def connect(api_key=key):
    return AuthenticatedClient(
        base_url=url,
        token=base64.b64encode(f"{api_key}:".encode()).decode(),
        prefix="Basic",
        timeout=10,
        raise_on_unexpected_status=True,
        httpx_args={"trust_env": False},  # a proxy would not find the fake
    )


def update(uuid, api_key=key, **fields):
    client = connect(api_key)
    return update_opportunity.sync_detailed(UUID(uuid), client=client, body=OpportunityUpdate(**fields))


def check_response(name, response, status, model):
    check(f"{name}: status", int(response.status_code), status)
    check(f"{name}: type", type(response.parsed), model)
    # Otherwise checks of its fields would only repeat the failure.
    return response.parsed if type(response.parsed) is model else None


deal = check_response("amount", update(known, amount_in_cents=1), 200, Opportunity)
if deal:
    check("amount", deal.amount_in_cents, 1)
    check("custom was not sent", deal.custom.to_dict(), {"seats": 4})

replaced = update(known, amount_in_cents=25_000, custom=[CustomAttribute(key="users", value=12)])
deal = check_response("custom", replaced, 200, Opportunity)
if deal:
    check("amount beside custom", deal.amount_in_cents, 25_000)
    check("custom is replaced", deal.custom.to_dict(), {"users": 12})
    check("fields that are not sent are kept", (deal.uuid, deal.currency, deal.win_likelihood), (known, "USD", 40))
    check("updated_at increases", deal.updated_at > deal.created_at, True)

deal = check_response("empty custom", update(known, custom=[]), 200, Opportunity)
if deal:
    check("an empty list removes all", deal.custom.to_dict(), {})

error = check_response("unknown opportunity", update(unknown, amount_in_cents=1), 404, ErrorWithCode)
if error:
    check("unknown opportunity: code and param", (error.code, error.param), (404, "uuid"))

check_response("wrong key", update(known, api_key="another-key", amount_in_cents=1), 401, ErrorWithCode)

error = check_response("too likely", update(known, win_likelihood=101), 422, ErrorMessagesByField)
if error:
    check("too likely: field", error.error_details[0].param, "win_likelihood")

day = datetime.date(2026, 3, 31)
creation = OpportunityCreation(
    customer_uuid="cus_new",
    owner="a+b@example.com",
    pipeline="New & old = 100%",
    pipeline_stage="Discovery",
    estimated_close_date=day,
    currency="EUR",
    amount_in_cents=0,
    custom=[CustomAttribute(key="seats", value=4)],
)
response = create_opportunity.sync_detailed(client=connect(), body=creation)
created = check_response("creation", response, 201, Opportunity)
if created:
    check("creation: amount", created.amount_in_cents, 0)
    check("creation: custom", created.custom.to_dict(), {"seats": 4})
    response = get_opportunity.sync_detailed(UUID(created.uuid), client=connect())
    check("retrieval", check_response("retrieval", response, 200, Opportunity), created)

    filters = {"pipeline": creation.pipeline, "owner": creation.owner, "estimated_close_date_on_or_after": day}
    page = list_opportunities.sync_detailed(client=connect(), **filters)
    page = check_response("filters", page, 200, OpportunityPage)
    check("filters: entries", page and [deal.uuid for deal in page.entries], [created.uuid])

    page = check_response("page", list_opportunities.sync_detailed(client=connect(), per_page=1), 200, OpportunityPage)
    check("page: end", page and (len(page.entries), page.has_more), (1, True))
    page = list_opportunities.sync_detailed(client=connect(), per_page=1, cursor=page.cursor if page else "")
    page = check_response("next page", page, 200, OpportunityPage)
    check("next page: end", page and (len(page.entries), page.has_more), (1, False))

    check_response("deletion", delete_opportunity.sync_detailed(UUID(created.uuid), client=connect()), 200, Deletion)
    response = delete_opportunity.sync_detailed(UUID(created.uuid), client=connect())
    check_response("another deletion", response, 404, ErrorWithCode)

for failure in failures:
    print(failure, file=sys.stderr)
print(f"python client: {passed} passed, {len(failures)} failed")
sys.exit(1 if failures else 0)
