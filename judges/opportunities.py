"""Creates, reads, lists, updates and deletes opportunities on the fake, with the client that openapi-python-client generated.

    PYTHONPATH=target/judges python opportunities.py UUID URL API_KEY
"""

import base64
import datetime
import sys

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
from checks import Checks

known, url, key = sys.argv[1:]
unknown = "00000000-0000-0000-0000-000000000000"
checks = Checks("client of openapi-python-client")
check = checks.check


def connect(api_key=key):
    return AuthenticatedClient(
        base_url=url,
        token=base64.b64encode(f"{api_key}:".encode()).decode(),
        prefix="Basic",
        timeout=10,
        raise_on_unexpected_status=True,
        httpx_args={"trust_env": False},  # a proxy would not find the fake
    )


def call(name, operation, *arguments, status=200, model=Opportunity, api_key=key, **fields):
    """The response, if it has the expected status and type; checks of its fields would only repeat the failure otherwise."""
    response = operation.sync_detailed(*arguments, client=connect(api_key), **fields)
    got = (int(response.status_code), type(response.parsed))
    check(name, got, (status, model))
    return response.parsed if got == (status, model) else None


def update(name, uuid, *, status=200, model=Opportunity, api_key=key, **fields):
    body = OpportunityUpdate(**fields)
    return call(name, update_opportunity, uuid, body=body, status=status, model=model, api_key=api_key)


if deal := update("amount", known, amount_in_cents=1):
    check("amount, and custom that was not sent", (deal.amount_in_cents, deal.custom.to_dict()), (1, {"seats": 4}))
if deal := update("custom", known, amount_in_cents=25_000, custom=[CustomAttribute(key="users", value=12)]):
    check("custom is replaced", (deal.amount_in_cents, deal.custom.to_dict()), (25_000, {"users": 12}))
    check("fields that are not sent are kept", (deal.uuid, deal.currency, deal.win_likelihood), (known, "USD", 40))
    check("updated_at increases", deal.updated_at > deal.created_at, True)
if deal := update("empty custom", known, custom=[]):
    check("an empty list removes all", deal.custom.to_dict(), {})
update("nothing to change", known, custom=[], status=304, model=type(None))
if error := update("unknown opportunity", unknown, amount_in_cents=1, status=404, model=ErrorWithCode):
    check("unknown opportunity: code and param", (error.code, error.param), (404, "uuid"))
update("wrong key", known, amount_in_cents=1, api_key="another-key", status=401, model=ErrorWithCode)
if error := update("too likely", known, win_likelihood=101, status=422, model=ErrorMessagesByField):
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
if created := call("creation", create_opportunity, body=creation, status=201):
    check("creation: fields", (created.amount_in_cents, created.custom.to_dict()), (0, {"seats": 4}))
    check("retrieval", call("retrieval", get_opportunity, created.uuid), created)
    for query, expected in [
        ({"pipeline": creation.pipeline, "owner": creation.owner, "estimated_close_date_on_or_after": day}, ([created.uuid], False)),
        ({"per_page": 1}, ([created.uuid], True)),
    ]:
        if page := call(f"list {query}", list_opportunities, model=OpportunityPage, **query):
            check(f"list {query}", ([deal.uuid for deal in page.entries], page.has_more), expected)
    if page and (page := call("next page", list_opportunities, model=OpportunityPage, per_page=1, cursor=page.cursor)):
        check("next page", ([deal.uuid for deal in page.entries], page.has_more), ([known], False))
    call("deletion", delete_opportunity, created.uuid, model=Deletion)
    call("another deletion", delete_opportunity, created.uuid, status=404, model=ErrorWithCode)

checks.exit()
