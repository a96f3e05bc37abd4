"""What a signed-in person can ask of a server with a long past, over HTTP: every listing of the API with its
filters, and every page, as people of each kind. Prints the median and the 95th percentile of each.

usage: HALLPASS_BIN=… python3 bench/past.py FOLDER [CALLS]    (FOLDER as `past` made it, with the instant of now)"""

import json
import os
import pathlib
import shutil
import sys
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from stage import Api, Stage, answers, free_port, wait  # noqa: E402

PAST = pathlib.Path(sys.argv[1])
CALLS = int(sys.argv[2]) if len(sys.argv) > 2 else 10
BUDGET = 0.1
WORDS = ("settlement", "prod", "a", "no such words anywhere", "security@example.com")
EVENTS = ("request.denied", "end.succeeded", "drift.missing", "no.such.event")
CONFIG = """[server]
listen = "127.0.0.1:{port}"
rate = 10000
burst = 20000
[store]
url = "sqlite:hallpass.db"
[identity]
admins = ["admin@example.com"]
auditors = ["auditor@example.com"]
"""


def listings(api):
    """Addresses of the API by name; those that go on do so from the middle of the past."""
    one = next(iter(api.get("/api/v1/grants?state=ended&limit=1").json["items"]))
    found = {"/grants": "grants", "/grants?state=live": "grants, live"}
    found |= {f"/grants?state={state}": f"grants, {state}" for state in ("active", "ended", "failed", "ending")}
    found[f"/grants?account={one['account_id']}" if "account_id" in one else "/grants?account=000000000000"] = "grants in an account"
    found["/grants?user=newcomer@example.com"] = "grants of a user without grants"
    found["/requests"] = "requests"
    for role in ("mine", "to-review", "all"):
        found[f"/requests?role={role}"] = f"requests, {role}"
    for state in ("pending", "approved", "denied", "discarded", "expired", "rejected"):
        found[f"/requests?state={state}"] = f"requests, {state}"
    found["/requests?review=open"] = "open reviews"
    found["/audit"] = "the log"
    found |= {f"/audit?event={event}": f"the log, {event}" for event in EVENTS}
    found["/audit?after=300000"] = "the log from the middle"
    return {f"/api/v1{path}": name for path, name in found.items()}


def pages(api):
    grant = api.get("/api/v1/grants?state=ended&limit=1").json["items"][0]
    found = ["/", "/ask", "/requests", "/reviews", "/reviews/others", "/reviews/done", "/access", "/access?by=person", "/rules",
             "/health", "/people", "/reports", "/reports/trends", "/sweeps", "/audit", "/audit?after=300000", "/audit?from=2025-01-01&to=2025-01-02",
             f"/requests/{grant['request_id']}", f"/grants/{grant['id']}", "/permission-sets/ReadOnly"]
    found += [f"/audit?q={urllib.parse.quote(words)}" for words in WORDS]
    found += [f"/audit?event={event}" for event in EVENTS]
    return {path: path.replace(grant["request_id"], "…").replace(grant["id"], "…") for path in found}


def timed(api, path, **more):
    spans = []
    for _ in range(CALLS):
        began = time.perf_counter()
        status = api.get(path, timeout=120, **more).status
        spans.append(time.perf_counter() - began)
        if status not in (200, 303, 403, 404):
            sys.exit(f"{path}: {status}")
    return spans


def show(name, spans):
    spans = sorted((span, who) for who, theirs in spans.items() for span in theirs)
    middle, high, (slowest, who) = spans[len(spans) // 2][0], spans[len(spans) * 95 // 100][0], spans[-1]
    over = "" if high < BUDGET else f"  {high / BUDGET:.1f} of the budget"
    print(f"| {name} | {1000 * middle:.1f} ms | {1000 * high:.1f} ms | {1000 * slowest:.1f} ms, {who} |{over}", flush=True)
    return high


def main():
    with Stage("past") as stage:
        for name in ("hallpass.db", "organization.json", "rules.toml"):
            shutil.copy(PAST / name, stage.path(name))
        _, _, environment = stage.simulator("--organization", stage.path("organization.json"), "--speed", "fast")
        port = free_port()
        stage.path("hallpass.toml").write_text(CONFIG.format(port=port))
        began = time.perf_counter()
        process = stage.spawn("serve", log="serve.log", **environment)
        base = f"http://127.0.0.1:{port}"
        server = Api(base)
        if not wait(lambda: answers(server, "/readyz"), 300, process, every=0.02):
            sys.exit(stage.said("serve.log"))
        print(f"ready after {time.perf_counter() - began:.2f} s")
        center = json.loads(stage.path("organization.json").read_text())["identity_center"]
        team = {group["name"]: group["members"] for group in center["groups"]}
        people = {name: f"{name}@example.com" for name in ("admin", "auditor", "security", "newcomer")}
        people |= {"approver of a team": team["team00-leads"][1], "member of a team": team["team00"][7]}
        apis, cookies = {}, {}
        for name, address in people.items():
            apis[name] = Api(base, stage.token(address))
            cookies[name] = {"Cookie": f"hallpass={stage.session(address)[0]}", "Accept": "text/html"}
        time.sleep(float(os.environ.get("SETTLE_SECONDS", "60")))
        worst = []
        print("| what | median | p95 | slowest, whose |\n|---|---|---|---|")
        for path, name in listings(apis["auditor"]).items():
            worst.append((show(name, {who: timed(api, path) for who, api in apis.items()}), name))
        for path, name in pages(apis["auditor"]).items():
            worst.append((show(name, {who: timed(server, path, headers=cookies[who]) for who in people}), name))
        over = [name for high, name in worst if high >= BUDGET]
        print(f"p95 of the slowest: {1000 * max(worst)[0]:.1f} ms ({max(worst)[1]}); over the budget: {', '.join(over) or 'none'}")


if __name__ == "__main__":
    main()
