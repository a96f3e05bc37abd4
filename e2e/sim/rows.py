"""Rows of a referee: checks with a name, played one after the other and counted."""

import argparse
import json
import sys
import traceback
import urllib.error
import urllib.request

ROWS = []


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
