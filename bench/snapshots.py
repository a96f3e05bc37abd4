"""Snapshots of a large organization: the article's two queries over a million keys beside DuckDB over the same files, and who
can reach what with 5,000 accounts, 300 permission sets and 20,000 people, in the terminal and on the pages of paths.

usage: HALLPASS_BIN=… python3 bench/snapshots.py    (a Python with `duckdb`; `hallpass-query` beside the binary)
SNAPSHOT_KEYS (1000000) and SNAPSHOT_PEOPLE (20000) make it smaller; CALLS (10) is how often each is asked. With words after it
(`queries`, `who`, `pages`) only these parts run."""

import json
import os
import pathlib
import resource
import subprocess
import sys
import time

import duckdb

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import drilled  # noqa: E402
from stage import ROOT, Api, Stage, answers, binary, free_port, wait  # noqa: E402

KEYS = int(os.environ.get("SNAPSHOT_KEYS", "1000000"))
PEOPLE = int(os.environ.get("SNAPSHOT_PEOPLE", "20000"))
CALLS = int(os.environ.get("CALLS", "10"))
ACCOUNTS, SETS, GROUPS = PEOPLE // 4, 300, 600
NOW = "2026-11-20T00:00:00Z"
FIXTURE = json.loads((ROOT / "docs/spec/fixtures/inventory-lostkeys.json").read_text())
CONFIG = """[server]
listen = "127.0.0.1:{port}"
rate = 10000
burst = 20000
[store]
url = "sqlite:hallpass.db"
[identity]
auditors = ["ana@acme.example"]
[inventory]
snapshots = "who"
"""


def day(number):
    return f"2026-{1 + number % 10:02}-{1 + number % 28:02}T00:00:00Z"


def keys():
    """Nine IAM users for ten keys, a fifth of them with an address that no directory knows."""
    users = KEYS * 9 // 10
    return {
        "aws_iam_users": [{"cq_id": f"u{n}", "account_id": f"{n % ACCOUNTS:012}", "arn": f"arn:aws:iam::{n % ACCOUNTS:012}:user/u{n}",
                           "user_name": f"u{n}", "password_enabled": n % 3 == 0, "password_last_used": day(n * 7),
                           "tags": {"email": f"p{n}@example.com", "team": f"t{n % 40}"}} for n in range(users)],
        "aws_iam_user_access_keys": [{"cq_id": f"k{n}", "user_cq_id": f"u{n % users}", "access_key_id": f"AKIA{n:016}", "status": "Active",
                                      "create_date": day(n), "last_used": day(n * 3)} for n in range(KEYS)],
        "okta_users": [{"cq_id": f"o{n}", "id": f"00u{n:017}", "status": "ACTIVE",
                        "profile": {"email": f"p{n}@example.com", "login": f"p{n}@example.com"}} for n in range(users * 4 // 5)],
    }


def access():
    """Twenty assignments an account, most of groups; everybody is in three groups, and one group has everybody and a set in each
    account: a hundred million paths."""
    def holder(n):
        if n % 10 == 0:
            return {"principal_type": "USER", "principal_id": f"u{n % PEOPLE}"}
        return {"principal_type": "GROUP", "principal_id": f"g{1 + n * 13 % (GROUPS - 1) if n % 20 != 1 else 0}"}

    assignments = [{"permission_set_arn": f"s{n * 7 % SETS}", "account_id": f"{n // 20:012}", **holder(n)} for n in range(ACCOUNTS * 20)]
    members = {(f"g{group}", f"u{n}") for n in range(PEOPLE) for group in (0, 1 + n % (GROUPS - 1), 1 + n * 31 % (GROUPS - 1))}
    return {
        "aws_organizations_accounts": [{"id": f"{n:012}", "name": f"a{n}", "state": "ACTIVE"} for n in range(ACCOUNTS)],
        "aws_identitystore_users": [{"identity_store_id": "d", "user_id": f"u{n}", "idc_user_name": f"p{n}"} for n in range(PEOPLE)],
        "aws_identitystore_groups": [{"identity_store_id": "d", "group_id": f"g{n}", "display_name": f"G{n}"} for n in range(GROUPS)],
        "aws_identitystore_group_memberships": [{"group_id": group, "member_user_id": user} for group, user in sorted(members)],
        "aws_ssoadmin_permission_sets": [{"permission_set_arn": f"s{n}", "permission_set_name": f"S{n}"} for n in range(SETS)],
        "aws_ssoadmin_account_assignments": assignments,
    }


def imported(stage, folder, tables):
    document = stage.path(f"{folder}.json")
    document.write_text(json.dumps({"now": NOW, "tables": tables}))
    began = time.perf_counter()
    done = stage.run("query", "snapshots", "--folder", stage.path(folder), "import", document, timeout=1200)
    if done.returncode != 0:
        sys.exit(done.stderr)
    rows = sum(map(len, tables.values()))
    print(f"{folder}: {rows:,} rows imported in {time.perf_counter() - began:.1f} s from {document.stat().st_size / 1e6:.0f} MB of JSON", flush=True)
    document.unlink()


def timed(what):
    spans = []
    for _ in range(CALLS):
        began = time.perf_counter()
        what()
        spans.append(time.perf_counter() - began)
    return sorted(spans)


def show(name, spans, budget=None):
    over = "" if budget is None or spans[-1] < budget else f"  over {budget} s"
    print(f"| {name} | {1000 * spans[len(spans) // 2]:.0f} ms | {1000 * spans[-1]:.0f} ms |{over}", flush=True)


def ours(folder, *arguments):
    done = subprocess.run([binary(), *map(str, arguments)], cwd=folder, capture_output=True)
    if done.returncode != 0:
        sys.exit(done.stderr.decode())
    return done.stdout


def queries(stage):
    imported(stage, "keys", keys())
    sessions = duckdb.connect()
    sessions.execute("SET TimeZone = 'UTC'")
    for table in FIXTURE["tables"]:
        sessions.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{stage.path('keys')}/{table}/*/*/*.parquet', hive_partitioning = true)")
    for query in FIXTURE["queries"]:
        if not query["name"].startswith("seed"):
            continue
        counted = f"SELECT count(*) AS n FROM ({query['sql'].rstrip().rstrip(';')}) AS q"
        asked = ("query", "--folder", stage.path("keys"), counted, "--as-of", NOW, "--output", "json")
        mine = json.loads(ours(stage.path("."), *asked))[0]["n"]
        theirs = sessions.execute(counted.replace("now()", f"TIMESTAMPTZ '{NOW}'")).fetchone()[0]
        if mine != theirs:
            sys.exit(f"{query['name']}: {mine} rows, and DuckDB has {theirs}")
        show(f"{query['name']}: {mine:,} rows of {KEYS:,} keys, a process each", timed(lambda: ours(stage.path("."), *asked)))
        show(f"{query['name']}: DuckDB, in one process", timed(lambda: sessions.execute(counted.replace("now()", f"TIMESTAMPTZ '{NOW}'")).fetchone()))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"most memory of any of these processes: {peak:.0f} MB", flush=True)


def who(stage):
    asked = {"one person": ("--user", "p7"), "one account": ("--account", "000000000007"), "one set": ("--permission-set", "S8")}
    for name, arguments in asked.items():
        words = ("who", "--folder", stage.path("who"), *arguments, "--output", "json")
        paths = len(json.loads(ours(stage.path("."), *words))["paths"])
        show(f"who, {name}: {paths:,} paths", timed(lambda: ours(stage.path("."), *words)), 1)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"most memory of any process until here: {peak:.0f} MB", flush=True)


def pages(stage):
    stage.path("organization.json").write_text(json.dumps(drilled.organization()))
    _, _, environment = stage.simulator("--organization", stage.path("organization.json"), "--speed", "fast")
    port = free_port()
    stage.path("hallpass.toml").write_text(CONFIG.format(port=port))
    stage.path("rules.toml").write_text(drilled.RULES)
    process = stage.spawn("serve", log="serve.log", **environment)
    server = Api(f"http://127.0.0.1:{port}")
    if not wait(lambda: answers(server, "/readyz"), 120, process, every=0.05):
        sys.exit(stage.said("serve.log"))
    stage.token("ana@acme.example")
    cookie = {"Cookie": f"hallpass={stage.session('ana@acme.example')[0]}", "Accept": "text/html"}

    def page(path):
        answer = server.get(path, headers=cookie, timeout=120)
        if answer.status != 200:
            sys.exit(f"{path}: {answer}")

    began = time.perf_counter()
    page("/access/paths")
    print(f"the first page, with reading the snapshot: {time.perf_counter() - began:.2f} s", flush=True)
    for path in ("q=p1999", "person=u7", "account=000000000007", "account=000000000007&skip=20000", "set=s7&skip=100000"):
        show(f"/access/paths?{path}", timed(lambda: page(f"/access/paths?{path}")), 1)
    memory = next(line for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(f"most memory of the server: {int(memory.split()[1]) / 1024:.0f} MB", flush=True)


def main():
    parts = sys.argv[1:] or ["queries", "who", "pages"]
    with Stage("snapshots") as stage:
        if "queries" in parts:
            queries(stage)
        if "who" in parts or "pages" in parts:
            imported(stage, "who", access())
        if "who" in parts:
            who(stage)
        if "pages" in parts:
            pages(stage)


main()
