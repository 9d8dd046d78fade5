"""Runs schemathesis against the fake, and holds what it finds against schemathesis.txt.

    python schemathesis.py DOCUMENT FOLDER URL API_KEY
"""

import base64
import json
import pathlib
import re
import subprocess
import sys

import yaml

document, folder, url, key = sys.argv[1:]
folder = pathlib.Path(folder).resolve()


def closed(document):
    """The document, with no fields and words in requests but those that it names: the fake refuses others, and the API may."""
    done = set()

    def close(schema):
        if isinstance(schema, list):
            return [close(part) for part in schema]
        if not isinstance(schema, dict):
            return None
        target = schema.get("$ref")
        if target and target not in done:
            done.add(target)
            _, _, group, name = target.split("/")
            close(document["components"][group][name])
        if isinstance(schema.get("properties"), dict):
            schema.setdefault("additionalProperties", False)
        if "x-extensible-enum" in schema:
            schema["enum"] = schema["x-extensible-enum"]
        for keyword, part in schema.items():
            if keyword not in ("example", "examples"):
                close(part)

    for item in document["paths"].values():
        for operation in item.values():
            close(operation.get("requestBody"))
            close(operation.get("parameters"))
    return document


def findings(report):
    """Each finding as a line: code, operation, message, and the response."""
    for line in report.read_text().splitlines():
        [(event, data)] = json.loads(line).items()
        if event in ("NonFatalError", "FatalError", "Interrupted"):
            yield f"{event}: {data}"
        recorder = data.get("recorder", {})
        for case, checks in recorder.get("checks", {}).items():
            response = recorder["interactions"].get(case, {}).get("response", {})
            content = response.get("content", {})
            text = f"{response.get('status_code')} {bytes_of(content)}"
            for check in checks:
                if check["status"] == "failure":
                    failure = check["failure_info"]["failure"]
                    message = failure["message"].replace("\n", " ")
                    yield f"{failure.get('code')} {failure['operation']}: {failure['title']}: {message}: {text}"


def bytes_of(content):
    return base64.b64decode(content.get("$base64", "")).decode(errors="replace") if isinstance(content, dict) else content


def explanations():
    """The regular expressions, and whether each must explain something."""
    lines = pathlib.Path(__file__).with_suffix(".txt").read_text().splitlines()
    parts = [line.partition(" ## ")[0] for line in lines if line and not line.startswith("#")]
    return {part.removeprefix("? "): not part.startswith("? ") for part in parts}


strict, report, log = folder / "closed.json", folder / "schemathesis.ndjson", folder / "schemathesis.log"
strict.write_text(json.dumps(closed(yaml.safe_load(pathlib.Path(document).read_text())), default=str))
command = [
    pathlib.Path(sys.executable).with_name("st"), "run", strict, "--url", url, "--auth", f"{key}:", "--no-color",
    "--phases", "examples,coverage,fuzzing,stateful", "--seed", "1", "--generation-deterministic", "--max-examples", "10",
    "--workers", "1", "--suppress-health-check", "all", "--continue-on-failure", "--report", "ndjson",
    "--report-ndjson-path", report,
]  # fmt: skip
with log.open("w") as output:
    code = subprocess.run(command, stdout=output, stderr=output, cwd=folder).returncode
if code > 1:
    sys.exit(f"schemathesis ended with {code}:\n{log.read_text()}")

found, explained = set(findings(report)), explanations()
unexplained = sorted(line for line in found if not any(re.match(part, line) for part in explained))
unused = [part for part, needed in explained.items() if needed and not any(re.match(part, line) for line in found)]
cases = re.search(r"(\d+) generated", log.read_text())
for line in unexplained:
    print(line[:2000], file=sys.stderr)
for part in unused:
    print(f"explains nothing: {part}", file=sys.stderr)
print(f"schemathesis: {cases and cases[1]} cases, {len(found) - len(unexplained)} findings explained, {len(unexplained)} not")
sys.exit(bool(unexplained or unused or not cases))
