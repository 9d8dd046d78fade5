"""Runs the calls of official.json against the fake, with ChartMogul's official Python SDK.

    python official.py URL API_KEY

A step has the name of a method ("Plan.create"; "A|B" is A here and B in Node, "|B" is in Node only), the arguments in its path, its query and its data,
and what is expected: a status of an error, fields of the response, or the `uuid`s (`key`) of all pages of a list. `as` keeps the response
under a name, `$name.field` is a field of it, and `$run` tells the runs of the two SDKs apart.
"""

import datetime
import json
import pathlib
import re
import sys

import chartmogul
from checks import Checks

url, key = sys.argv[1:]
kept = {"run": "python"}
checks = Checks(f"official Python SDK {chartmogul.__version__}")
check = checks.check


def config(api_key=key):
    made = chartmogul.Config(api_key, request_timeout=10, max_retries=0)
    made.uri = f"{url}/v1"
    return made


def filled(value):
    """A value of the table, with what was kept in place of `$name.field`."""
    if isinstance(value, dict):
        return {name: filled(value) for name, value in value.items()}
    if isinstance(value, list):
        return [filled(value) for value in value]
    if isinstance(value, str):
        return re.sub(r"\$([\w.]+)", lambda match: str(field(kept, match[1])), value)
    return value


def field(value, path):
    for name in path.split("."):
        if isinstance(value, (list, tuple)) and name.isdigit():
            value = value[int(name)]
        else:
            value = value.get(name) if isinstance(value, dict) else getattr(value, name.replace("-", "_"), None)
    return value


def status(error):
    cause = error.__cause__
    return cause.response.status_code if cause is not None else type(error).__name__


def pages(method, query, entries, key):
    found = []
    while True:
        page = method(config(), **query).get()
        found += [getattr(entry, key) for entry in getattr(page, entries)]
        if not page.has_more:
            return found
        query = {**query, "cursor": page.cursor}


def run(number, step):
    name = f"{number}, {step['call']}"
    called = step["call"].split("|")[0]
    if not called:
        return
    kind, method = called.split(".")
    method = getattr(getattr(chartmogul, kind), method)
    arguments = filled({**step.get("path", {}), **step.get("query", {})})
    if "data" in step:
        arguments["data"] = filled(step["data"])
    expected = filled(step.get("expect", {}))
    try:
        if "pages" in step:
            return check(name, pages(method, arguments, step["pages"], step.get("key", "uuid")), expected)
        response = method(config(), **arguments).get()
    except chartmogul.errors.APIError as error:
        return check(name, status(error), step.get("status"))
    check(name, "success", step.get("status", "success"))
    for path, value in expected.items():
        check(f"{name}, {path}", field(response, path), value)
    if "as" in step:
        kept[step["as"]] = response


steps = json.loads(pathlib.Path(__file__).with_name("official.json").read_text())
for number, step in enumerate(steps, 1):
    run(number, step)

# What only this SDK can show.
made = kept["second"]
check("a date", made.estimated_close_date, datetime.date(2026, 6, 30))
check("an instant", isinstance(made.created_at, datetime.datetime), True)
large = chartmogul.Opportunity.patch(config(), uuid=made.uuid, data={"amount_in_cents": 9007199254740993}).get()
check("an amount of more than 53 bits", large.amount_in_cents, 9007199254740993)
try:
    chartmogul.Opportunity.retrieve(config("another-key"), uuid=made.uuid).get()
except chartmogul.errors.APIError as error:
    check("another key", status(error), 401)
checks.exit()
