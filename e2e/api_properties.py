#!/usr/bin/env python3
"""Every operation of the API as it describes itself, with whatever its description allows and does not
allow, as an administrator, as a person, as somebody whom no rule names and as nobody: no answer is a failure
of the server, every refusal is a problem in its form, and every answer is one that the description has.

    api_properties.py            for about a minute, with the same seed each time
    API_PROPERTIES_SEED=7        another seed
    API_PROPERTIES_SECONDS=600   for longer

Calls are made up by Schemathesis; what it would not think of (other media types, bodies that are no JSON or
too large, ids and headers of strangers) is a table below."""

import http.client
import itertools
import os
import time
import urllib.parse
import warnings

import hypothesis
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup, Failure
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance, response_headers_conformance, response_schema_conformance, status_code_conformance)

from served import INES, MARA, TOMASZ, Served, asking
from stage import Api, Checks, Stage, wait

SEED = int(os.environ.get("API_PROPERTIES_SEED", 1))
SECONDS = float(os.environ.get("API_PROPERTIES_SECONDS", 60))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
          response_schema_conformance]
# an event stream does not end: what opens it is looked at below
STREAM = "/api/v1/events"

HOSTILE = ["", " ", "%", "%00", "..%2f..%2fetc%2fpasswd", "'--", "%3Cscript%3E", "a" * 4000, "%F0%9F%92%A9", "%E2%80%AE",
           "%0d%0aSet-Cookie:%20a=b", "-1", "0", str(2**53 + 1), str(2**63), str(2**64), "1e400", "NaN", "null", "*", "[]"]

# media type, bytes
BODIES = [
    ("application/json", b""), ("application/json", b"{"), ("application/json", b"null"), ("application/json", b"[]"),
    ("application/json", b'"x"'), ("application/json", b"-1e999"), ("application/json", b"\xff\xfe"),
    ("application/json", b'{"a":' * 2000 + b"1" + b"}" * 2000), ("application/json", b"[" * 9000),
    ("application/json", b'{"reason":"' + b"x" * 70_000 + b'"}'), ("application/json", b'{"reason":"\\ud800"}'),
    ("application/json", b'{"reason":"a","reason":"b"}'), ("application/json; charset=utf-16", "{}".encode("utf-16")),
    ("application/x-www-form-urlencoded", b"reason=x"), ("text/plain", b"{}"), ("multipart/form-data", b"--x--"),
    ("", b"{}"), ("application/xml", b"<a/>"),
]
HEADERS = [{"Idempotency-Key": "x" * 300}, {"Idempotency-Key": ""}, {"Accept": "text/html"}, {"Last-Event-ID": "-1"},
           {"Cookie": "hallpass=" + "a" * 64}, {"Origin": "https://elsewhere.example"}, {"X-Forwarded-For": "1.2.3.4, ::1"},
           {"Content-Encoding": "gzip"}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer"}]


class Worked:
    """A server with something in it, and who calls it."""

    def __init__(self, stage):
        self.server = Served(stage, server="rate = 100000\nburst = 100000\n")
        self.base = self.server.base
        self.callers = {"administrator": INES, "person": MARA, "stranger": self.server.stranger, "nobody": None}
        mara = self.server.api(MARA)
        waiting = mara.post("/api/v1/requests", asking()).json
        held = mara.post("/api/v1/requests", asking("ReadOnly", 3000)).json
        wait(lambda: mara.get(f"/api/v1/grants/{held['grant_id']}").json["state"] == "active", 30)
        admin = self.server.api(INES)
        begun = admin.post("/api/v1/sweeps", {})
        self.ids = {"requests": [waiting["id"], held["id"]], "grants": [held["grant_id"]],
                    "sweeps": [begun.json["id"]] if begun.status < 300 else []}

    def headers(self, caller):
        who = self.callers[caller]
        return {"Authorization": f"Bearer {self.server.tokens[who]}"} if who else {}

    def id_of(self, path):
        """One that is there, for a path that wants one."""
        noun = path.split("/")[3]
        known = self.ids.get(noun) or ["req_0193aaaaaaaa7aaa8aaaaaaaaaaaaaaa"]
        return known[0]

    def call(self, method, target, headers, body=None):
        """Byte for byte as written: status, media type, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=35)
        try:
            connection.putrequest(method, target, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            kind = answer.headers.get("content-type", "")
            said = b"" if kind.startswith("text/event-stream") else answer.read()
            from stage import Answer
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, said)
        finally:
            connection.close()


def operations(world):
    document = Api(world.base).get("/api/openapi.json").json
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def wrong(answer, operation):
    """What of an answer the description does not have; None when all of it is there."""
    known = operation["responses"].get(str(answer.status))
    if answer.status >= 500:
        return "a failure of the server"
    if known is None:
        return "a status that is not described"
    if answer.status >= 400 and not answer.is_problem:
        return "a refusal that is no problem"
    return None


def tabled(check, world):
    """What is no call at all, at every operation, as everybody."""
    tried, bad = 0, []

    def at(method, target, headers, operation, body=None):
        nonlocal tried
        tried += 1
        answer = world.call(method, target, headers, body)
        found = wrong(answer, operation)
        if found:
            bad.append(f"{method} {target[:90]} {sorted(set(headers) - {'Authorization'})} {body and body[:40]}: {found}: {answer}")

    for (method, path, operation), caller in itertools.product(operations(world), world.callers):
        headers, target = world.headers(caller), path.replace("{id}", world.id_of(path))
        names = [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]
        if method == "GET":
            for name, value in itertools.product(names, HOSTILE):
                at(method, f"{target}?{name}={value.replace(' ', '%20')}", headers, operation)
            at(method, f"{target}?nobody=knows&nobody=knows", headers, operation)
        if "{id}" in path:
            # what names nothing, or another route, is not found
            for value in HOSTILE[2:]:
                answer = world.call(method, path.replace("{id}", value), headers)
                tried += 1
                if answer.status not in (400, 401, 403, 404, 405, 408, 411, 413, 415) or not answer.is_problem:
                    bad.append(f"{method} {path} with {value[:40]}: {answer}")
        if "requestBody" in operation:
            for kind, body in BODIES:
                at(method, target, headers | ({"Content-Type": kind} if kind else {}), operation, body)
        for more in HEADERS:
            if method == "GET" or "requestBody" in operation:
                body = b"{]" if "requestBody" in operation else None
                at(method, target, headers | {"Content-Type": "application/json"} | more, operation, body)
    for line in bad[:20]:
        print(f"     {line}")
    check(f"{tried} invalid calls, at every operation, as every user: each is refused in its form", not bad, f"{len(bad)} are not")


def made_up(check, world):
    """What the description allows and what it does not, made up for every operation and everybody, in rounds."""
    schema = schemathesis.openapi.from_url(f"{world.base}/api/openapi.json")
    described = [found.ok() for found in schema.get_all_operations()]
    described = [one for one in described if one.path != STREAM]
    until, calls, rounds, bad = time.monotonic() + SECONDS, 0, 0, {}

    def answered(case, caller):
        nonlocal calls
        calls += 1
        try:
            response = case.call(headers=world.headers(caller), timeout=35)
            case.validate_response(response, checks=CHECKS)
            kind = "".join(response.headers.get("content-type", ""))
            if response.status_code >= 400 and not kind.startswith("application/problem+json"):
                raise AssertionError(f"a refusal that is no problem: {response.status_code} {kind}")
        except (AssertionError, Failure, FailureGroup) as error:
            told = "; ".join(str(one) for one in getattr(error, "exceptions", [error]))
            bad.setdefault((case.operation.label, told[:80]), f"as {caller}: {told[:500]}\n{case.as_curl_command()[:500]}")

    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    while rounds == 0 or time.monotonic() < until:
        rounds += 1
        for number, (operation, caller, mode) in enumerate(itertools.product(described, world.callers, modes)):
            if rounds > 1 and time.monotonic() > until:
                break
            # half of the rounds are about things that are there
            known = {"id": world.id_of(operation.path)} if "{id}" in operation.path and rounds % 2 else None
            try:
                strategy = operation.as_strategy(generation_mode=mode, path_parameters=known)
            except Exception:  # noqa: BLE001 - nothing in it can be made wrong
                continue

            @hypothesis.seed(SEED + 1000 * rounds + number)
            @hypothesis.settings(max_examples=2, deadline=None, database=None, phases=[Phase.generate],
                                 suppress_health_check=list(HealthCheck))
            @hypothesis.given(case=strategy)
            def test(case):
                answered(case, caller)
            try:
                test()
            except hypothesis.errors.Unsatisfiable:
                pass
    for (label, _), told in list(bad.items())[:20]:
        print(f"     {label} {told}")
    check(f"{calls} calls of {len(described)} operations in {rounds} rounds: each is answered as described", not bad,
          f"{len(bad)} kinds are not; API_PROPERTIES_SEED={SEED}")
    check("there were calls of every operation", calls >= len(described) * len(world.callers), calls)


def main():
    warnings.simplefilter("ignore")
    print(f"     API_PROPERTIES_SEED={SEED}", flush=True)
    check = Checks()
    with Stage("api") as stage:
        world = Worked(stage)
        tabled(check, world)
        made_up(check, world)
        said = world.server.said()
        check("no process panicked", "panicked" not in said, said[-800:])
        check("the server still runs", Api(world.base).get("/readyz").status == 200)
        check.equal("it stops in order", stage.stop(world.server.process), 0)
        check("the log is whole", stage.run("audit", "verify", "audit").returncode == 0)
    check.end()


if __name__ == "__main__":
    main()
