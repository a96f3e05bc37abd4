"""Rows of a referee: checks with a name, played one after the other and counted."""

import argparse
import json
import pathlib
import re
import sys
import traceback
import urllib.error
import urllib.request

import botocore.exceptions

ROWS = []
# (signing name, operation) that some row called
CALLED = set()
REFERENCE = pathlib.Path(__file__).resolve().parents[2] / "docs/reference/simulator.md"


def row(name):
    def add(function):
        ROWS.append((name, function))
        return function

    return add


def control(endpoint, method, path, body=None):
    """The status and the bytes that the simulator's control API answers with."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(endpoint + "/_sim" + path, data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def refused(expected, call, *arguments, http=None, text=None, **parameters):
    try:
        call(*arguments, **parameters)
    except botocore.exceptions.ClientError as error:
        code = error.response["Error"]["Code"]
        assert code == expected, f"{code} instead of {expected}: {error}"
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        assert http is None or status == http, f"status {status} instead of {http}"
        assert text is None or text in str(error), f"{text!r} is not in {error}"
        return error.response
    raise AssertionError(f"not refused with {expected}")


def pages_of(client, operation, member, **more):
    """What a paginator of boto3 collects, page by page."""
    size = {"PaginationConfig": {"PageSize": more.pop("size", 2)}}
    return [one for page in client.get_paginator(operation).paginate(**size, **more) for one in page[member]]


def watched(client):
    """The client of boto3, what of it is called is noted."""
    def note(model, **_):
        name = model.name
        if model.service_model.service_name == "s3control":
            # S3 has one of the same name for buckets
            name = name.replace("PublicAccessBlock", "AccountPublicAccessBlock")
        CALLED.add((model.service_model.signing_name, name))

    client.meta.events.register("before-call", note)
    return client


def simulated():
    """Every operation that is simulated, with the signing name of its service: a test holds the page to the simulator."""
    table = REFERENCE.read_text().split("BLESS=1 -->\n")[1].split("<!-- end of operations")[0]
    rows = [line.split("|") for line in table.splitlines()[2:]]
    return {(cells[1].strip(" `"), name) for cells in rows for name in re.findall(r"`(\w+)`", cells[2])}


def every_operation_is_called(wanted):
    """The last row of a whole run: an operation of the simulator that no row calls is one that nobody judged."""
    missing = sorted(f"{service}:{name}" for service, name in wanted - CALLED)
    assert wanted and not missing, f"{len(missing)} without a row: {' '.join(missing)}"


def options(description):
    """What every referee is told."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--only", default="", help="names of rows, or their first words, separated by commas")
    parser.add_argument("--verbose", action="store_true")
    return parser


def play(rows, arguments):
    """A line for each row; how many passed and failed."""
    only = [name for name in arguments.only.split(",") if name]
    passed = failed = 0
    for name, function in rows:
        if only and not any(f"{name} ".startswith(f"{one} ") for one in only):
            continue
        try:
            function()
        except Exception as error:  # noqa: BLE001 - every row reports
            failed += 1
            print(f"FAIL {name} {type(error).__name__}: {error}", flush=True)
            if arguments.verbose:
                traceback.print_exc()
        else:
            passed += 1
            print(f"ok   {name}", flush=True)
    return passed, failed


def end(passed, failed):
    """The last line, which `referees.sh` reads, and the status."""
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
