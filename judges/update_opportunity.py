"""Updates an opportunity on the fake, with the client that openapi-python-client generated from the document.

    PYTHONPATH=target/judges python update_opportunity.py URL API_KEY UUID
"""

import base64
import sys
from uuid import UUID

from chartmogul_client import AuthenticatedClient
from chartmogul_client.api.opportunities import update_opportunity
from chartmogul_client.models import CustomAttribute, ErrorMessagesByField, ErrorWithCode, Opportunity, OpportunityUpdate

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


def update(uuid, api_key=key, **fields):
    client = AuthenticatedClient(
        base_url=url,
        token=base64.b64encode(f"{api_key}:".encode()).decode(),
        prefix="Basic",
        timeout=10,
        raise_on_unexpected_status=True,
        httpx_args={"trust_env": False},  # a proxy would not find the fake
    )
    return update_opportunity.sync_detailed(UUID(uuid), client=client, body=OpportunityUpdate(**fields))


def check_answer(name, answer, status, model):
    check(f"{name}: status", int(answer.status_code), status)
    check(f"{name}: type", type(answer.parsed), model)
    # Its members would only say the same again.
    return answer.parsed if type(answer.parsed) is model else None


deal = check_answer("amount", update(known, amount_in_cents=1), 200, Opportunity)
if deal:
    check("amount", deal.amount_in_cents, 1)
    check("custom was not sent", deal.custom.to_dict(), {"seats": 3, "from_campaign": True})

replaced = update(known, amount_in_cents=20_000, custom=[CustomAttribute(key="seats", value=4)])
deal = check_answer("custom", replaced, 200, Opportunity)
if deal:
    check("amount beside custom", deal.amount_in_cents, 20_000)
    check("custom is replaced", deal.custom.to_dict(), {"seats": 4})
    check("what is not sent stays", (deal.uuid, deal.currency, deal.win_likelihood), (known, "USD", 40))
    check("the change is dated", deal.updated_at > deal.created_at, True)

deal = check_answer("empty custom", update(known, custom=[]), 200, Opportunity)
if deal:
    check("an empty list removes all", deal.custom.to_dict(), {})

error = check_answer("unknown opportunity", update(unknown, amount_in_cents=1), 404, ErrorWithCode)
if error:
    check("unknown opportunity: code and param", (error.code, error.param), (404, "uuid"))

check_answer("wrong key", update(known, api_key="another-key", amount_in_cents=1), 401, ErrorWithCode)

error = check_answer("too likely", update(known, win_likelihood=101), 422, ErrorMessagesByField)
if error:
    check("too likely: field", error.error_details[0].param, "win_likelihood")

for failure in failures:
    print(failure, file=sys.stderr)
print(f"python client: {passed} passed, {len(failures)} failed")
sys.exit(1 if failures else 0)
