#!/usr/bin/env python3
"""Access that nobody recorded, on the real binary: an assignment made by hand is found and shown at
every door, an accepted one stays in every mode, revoke mode plans, waits for an administrator and
removes, its brakes hold, standing access gets an end, and every door tells the truth before asking.

A run acts on what two runs found that are ten minutes apart (`access.md` §10.3). Nobody waits here: with the
server stopped, what it stored of earlier runs is set eleven minutes back.
"""

import calendar
import contextlib
import csv
import io
import json
import os
import random
import re
import sqlite3
import sys
import time

import boto3

from journey import Truth
from served import INES, MARA, NOOR, PRIYA, TOMASZ, Served
from stage import Api, Checks, Stage, wait

check = Checks()
ADMIN, AUDITOR = PRIYA, NOOR
PATTERN = "*/log-archive/ReadOnly"
HELD = "You hold this already, not through Hallpass; Hallpass will not end it."


class House(Served):
    """The server, what AWS says, and everybody's command line and browser session."""

    def __init__(self, stage):
        # nothing runs by the clock here: only what this script asks for
        self.sweeps = {"mode": '"report"', "check_every": '"90m"', "at": '"rate(50 days)"'}
        self.standing = [PATTERN]
        super().__init__(stage, server="rate = 10000\nburst = 20000\n", extra=self.table())
        region = re.search(r'region = "(.+?)"', self.stage.path("hallpass.toml").read_text())[1]
        self.client = lambda service: boto3.client(
            service, endpoint_url=self.endpoint, region_name=region,
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"])
        self.truth = Truth(self.client)
        self.accounts = {}
        for page in self.client("organizations").get_paginator("list_accounts").paginate():
            self.accounts.update({row["Name"]: row["Id"] for row in page["Accounts"]})

    def table(self):
        rows = "".join(f"{name} = {value}\n" for name, value in self.sweeps.items())
        return f'[access]\nstanding = {json.dumps(self.standing)}\n[access.sweep]\n{rows}'

    def become(self, standing=None, **sweeps):
        """The server again, with other settings, and with earlier runs eleven minutes back."""
        self.stage.stop(self.process)
        before = self.table()
        self.standing = standing or self.standing
        self.sweeps |= sweeps
        path = self.stage.path("hallpass.toml")
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, self.table()))
        self.age()
        assert self.start(), self.said()[-2000:]

    def age(self, minutes=11):
        def back(match):
            at = time.strptime(match[1], "%Y-%m-%dT%H:%M:%S")
            return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(calendar.timegm(at) - minutes * 60))
        with sqlite3.connect(self.stage.path("hallpass.db")) as store:
            for table, keys in (("sweeps", ("id",)), ("sweep_items", ("sweep_id", "hold_key"))):
                where = " AND ".join(f"{name} = ?" for name in keys)
                found = store.execute(f"SELECT {', '.join(keys)}, body FROM {table}").fetchall()
                for row in found:
                    body = re.sub(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)", back, row[-1])
                    store.execute(f"UPDATE {table} SET body = ? WHERE {where}", (body, *row[:-1]))
        store.close()

    def cli(self, who, *arguments, output="json", **more):
        """The command line as somebody; --output comes last so that it belongs to the verb."""
        shown = ("--output", output) if output else ()
        return self.stage.run(*arguments, *shown, HALLPASS_SERVER=self.base, HALLPASS_TOKEN=self.tokens[who], **more)

    def session(self, who):
        return self.stage.session(who)[0]

    def page(self, who, path):
        answer = Api(self.base).get(path, headers={"Cookie": f"hallpass={self.session(who)}", "Accept": "text/html"})
        return answer.body.decode() if answer.status == 200 else f"{answer.status}"

    def by_hand(self, email, account, name):
        """Somebody gives access in the console."""
        truth, id_ = self.truth, self.accounts[account]
        truth.admin.create_account_assignment(
            InstanceArn=truth.instance, TargetId=id_, TargetType="AWS_ACCOUNT",
            PermissionSetArn=truth.sets[name], PrincipalType="USER", PrincipalId=truth.user(email))
        return wait(lambda: self.has(email, account, name), 20)

    def undone(self, email, account, name):
        truth, id_ = self.truth, self.accounts[account]
        truth.admin.delete_account_assignment(
            InstanceArn=truth.instance, TargetId=id_, TargetType="AWS_ACCOUNT",
            PermissionSetArn=truth.sets[name], PrincipalType="USER", PrincipalId=truth.user(email))
        return wait(lambda: not self.has(email, account, name), 20)

    def has(self, email, account, name):
        return self.truth.has(email, self.accounts[account], name)

    def sweep(self):
        """A run that an administrator wants, once it has looked."""
        made = self.cli(ADMIN, "server", "sweep", "run")
        if made.returncode:
            return {"state": made.stderr}
        return self.looked(json.loads(made.stdout)["id"])

    def run_of(self, id_):
        return self.api(ADMIN).get(f"/api/v1/sweeps/{id_}").json["sweep"]

    def looked(self, id_):
        """A run, once it has looked."""
        def looked():
            run = self.run_of(id_)
            return run if run["state"] not in ("queued", "running") else None
        return wait(looked, 60, self.process) or {"state": "still running"}

    def settled(self, id_, seconds=60):
        def over():
            run = self.run_of(id_)
            return run if run["state"] != "working" else None
        return wait(over, seconds, self.process) or {"state": "working"}

    def item(self, email, account, name):
        rows = self.api(AUDITOR).all(f"/api/v1/standing?user={email}")
        found = [row for row in rows if row.get("account_name") == account and row.get("permission_set") == name]
        return found[0] if found else {}

    def events(self, event):
        return self.api(AUDITOR).all(f"/api/v1/audit?event={event}")


def wanted_while_one_looks(house):
    """AWS answers slowly and the check of the start looks: what is wanted meanwhile looks after it, once, and finds
    what was made in between."""
    aws = Api(house.endpoint)
    fault = aws.post("/_sim/faults", {"kind": "latency", "distribution": {"fixed_ms": 300}, "match": {"operation": "ListAccountAssignments"}}).json["ids"][0]
    looked = house.sweep()
    check("one that looks is not disturbed", looked["state"] == "done", looked)
    # the next one looks for as long as a slow machine needs for what follows
    aws.call("DELETE", f"/_sim/faults/{fault}")
    fault = aws.post("/_sim/faults", {"kind": "latency", "distribution": {"fixed_ms": 1000}, "match": {"operation": "ListAccountAssignments"}}).json["ids"][0]
    first = json.loads(house.cli(ADMIN, "server", "sweep", "run").stdout)
    wait(lambda: house.run_of(first["id"])["state"] == "running", 20)
    made = house.by_hand(TOMASZ, "payments-dev", "ReadOnly")
    said = house.cli(ADMIN, "server", "sweep", "run", output=None)
    again = json.loads(house.cli(ADMIN, "server", "sweep", "run").stdout)
    check("the second is queued, and is one for all who want it", made and again["state"] == "queued" and again["id"] in said.stdout
          and "as soon as that is over" in said.stderr, said)
    check("the page says that it waits", "Queued" in house.page(ADMIN, "/sweeps"))
    aws.call("DELETE", f"/_sim/faults/{fault}")
    over = house.looked(again["id"])
    check("it looks after the first", over["state"] == "done" and over["report"]["began"] > house.run_of(first["id"])["at"], over)
    check("and finds the assignments made in between", house.item(TOMASZ, "payments-dev", "ReadOnly").get("kind") == "unknown")
    check("that is gone again", house.undone(TOMASZ, "payments-dev", "ReadOnly") and house.sweep()["state"] == "done")


def found_and_shown(house):
    check("made by hand", house.by_hand(TOMASZ, "edge-prod", "ReadOnly") and house.by_hand(INES, "payments-dev", "DatabaseOperator")
          and house.by_hand(MARA, "log-archive", "ReadOnly"))
    run = house.sweep()
    check("a run that is wanted looks and is over", run["state"] == "done" and run["report"]["unread"] == 0, run)
    check("it looked at what no listing of assignments shows", run["report"]["entitlements"]["of_groups"] > 0 and not
          any("entitlements" in line for line in run["report"]["left_out"]), run["report"])
    row = house.item(TOMASZ, "edge-prod", "ReadOnly")
    check("REST shows unrecorded access", row.get("kind") == "unknown" and row.get("fate") == "reported", row)
    check("the pattern of the configuration accepts", house.item(MARA, "log-archive", "ReadOnly").get("kind") == "accepted")
    listed = house.cli(AUDITOR, "server", "standing", "list", "--kind", "unknown", output="table")
    check("the command line shows it", listed.returncode == 0 and TOMASZ in listed.stdout and "edge-prod" in listed.stdout, listed)
    shown = house.cli(AUDITOR, "server", "sweep", "show", run["id"], output="table")
    check("a run is shown with what it found", shown.returncode == 0 and TOMASZ in shown.stdout, shown)
    asked = house.cli(AUDITOR, "server", "sweep", "show", run["id"], "--fail-on-findings")
    check("findings are exit 3 if requested", asked.returncode == 3, asked)
    page = house.page(AUDITOR, "/access?kind=unknown")
    check("the Access page shows it", "edge-prod" in page and "Unmanaged" in page and TOMASZ in page, page[:300])
    check("and so does the page of the run", TOMASZ in house.page(AUDITOR, f"/sweeps/{run['id']}"))
    check("Health shows it", "weep" in house.page(ADMIN, "/health"))
    metrics = Api(house.base).get("/metrics").body.decode()
    check("metrics count it", re.search(r'hallpass_sweep_runs_total\{state="done"\} [1-9]', metrics), metrics[-400:])
    told = wait(lambda: "sweep_found" in house.said(), 10)
    check("operators are notified", told)
    check("the mode report removes nothing", house.has(TOMASZ, "edge-prod", "ReadOnly"))
    return run


def by_whom(house, run):
    for who, list_, act in ((MARA, 404, 403), (AUDITOR, 200, 403)):
        api = house.api(who)
        check.equal(f"{who}: reading", (api.get("/api/v1/sweeps").status, api.get("/api/v1/standing").status), (list_, list_))
        body = {"action": "accept", "user": TOMASZ, "account": "edge-prod", "permission_set": "ReadOnly", "reason": "x"}
        found = (api.post("/api/v1/sweeps").status, api.post("/api/v1/standing", body).status,
                 api.post(f"/api/v1/sweeps/{run['id']}/confirm").status)
        check(f"{who}: acting", all(status in (act, 404) for status in found) and found[1] == act, found)
    check("the pages of a stranger name no one", house.page(MARA, "/sweeps").startswith("40"), house.page(MARA, "/sweeps")[:100])
    check("their Access page does not either", TOMASZ not in house.page(MARA, "/access?kind=unknown"))


def truth_before_asking(house):
    query = "account=edge-prod&permission_set=ReadOnly"
    preview = house.api(TOMASZ).get(f"/api/v1/preview?{query}").json
    check("REST says it before asking", preview.get("standing", {}).get("says", "").startswith(HELD), preview)
    check("and to no one else", "standing" not in house.api(MARA).get(f"/api/v1/preview?{query}").json)
    offers = house.api(TOMASZ).get("/api/v1/catalog?account=edge-prod").json["items"]
    check("the catalog says it", any(offer.get("standing") for offer in offers if offer.get("permission_set") == "ReadOnly"), offers[:2])
    page = house.page(TOMASZ, f"/ask?{query}")
    check("the ask page says it", HELD in page and HELD not in house.page(MARA, f"/ask?{query}"), page[:200])
    asked = house.cli(TOMASZ, "request", "--account", "edge-prod", "--permission-set", "ReadOnly", "--for", "30m",
                      "--reason", "OPS-1: look", "--wait", "--timeout", "150s", output="table")
    check("the command line says it before and after", asked.returncode == 0 and HELD in asked.stderr
          and "will not end it" in asked.stdout, (asked.stdout, asked.stderr))
    answer = house.api(TOMASZ).post("/api/v1/requests", {
        "account": "payments-prod", "permission_set": "ReadOnly", "duration_seconds": 60, "reason": "OPS-1: look"})
    check("what is not held is not called so", answer.status == 201 and "standing" not in answer.json, answer)
    grants = [row for row in house.api(TOMASZ).all(f"/api/v1/grants?user={TOMASZ}&state=active")
              if row.get("account_name") == "edge-prod"]
    check("the grant says that it existed before", len(grants) == 1 and grants[0]["standing"], grants)
    home = house.page(TOMASZ, "/")
    check("Home says that Hallpass does not end it", "will not end it" in home, home[:200])
    released = house.api(TOMASZ).post(f"/api/v1/grants/{grants[0]['id']}/release")
    ended = wait(lambda: house.api(TOMASZ).get(f"/api/v1/grants/{grants[0]['id']}").json["state"] == "ended", 30)
    check("its end removes nothing", released.status == 200 and ended and house.has(TOMASZ, "edge-prod", "ReadOnly"), released)
    made_at = house.api(TOMASZ).post("/api/v1/requests", {
        "account": "edge-prod", "permission_set": "ReadOnly", "duration_seconds": 60, "reason": "OPS-1: look"})
    check("the answer to asking says it, too", made_at.status == 201 and made_at.json.get("standing", {}).get("says", "").startswith(HELD), made_at)


def accepted(house):
    target = ("--user", INES, "--account", "payments-dev", "--permission-set", "DatabaseOperator")
    review = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 40 * 86400))
    done = house.cli(ADMIN, "server", "standing", "accept", *target, "--reason", "runs the nightly load", "--review", review)
    check("an administrator accepts", done.returncode == 0, done.stderr)
    row = house.item(INES, "payments-dev", "DatabaseOperator")
    check("it is accepted with reason and review", row.get("kind") == "accepted"
          and row["accepted"]["reason"] == "runs the nightly load" and row["accepted"]["review_at"].startswith(review), row)
    check("that is on record", any(row.get("actor") == ADMIN for row in house.events("standing.accepted")))


def reviewed(house):
    """An access review: answered as CSV and on the page, signed off, applied as shown, and verified without the server."""
    where = ("payments-dev", "ReadOnly")
    check("two people get access by hand", house.by_hand(MARA, *where) and house.by_hand(NOOR, *where) and house.sweep()["state"] == "done")
    begun = house.cli(ADMIN, "campaign", "begin", "--name", "Q4", "--due", "+14d", "--scope", "*/payments-dev/ReadOnly", "--reviewer", TOMASZ,
                      "--unanswered", "keep")
    campaign = json.loads(begun.stdout)
    id_ = campaign["id"]
    check("a campaign has a line for each", begun.returncode == 0 and campaign["lines"] == 2, begun)
    lines = f"/api/v1/campaigns/{id_}/lines"
    check("others do not see it", house.api(MARA).get(lines).status == 404 and house.page(MARA, f"/campaigns/{id_}").startswith("404"))
    home, page = house.page(TOMASZ, "/"), house.page(TOMASZ, f"/campaigns/{id_}")
    check("the reviewer sees it on the first page and on its own", "2 lines of the access review Q4" in home and "Select line 1" in page, home[:300])
    early = house.cli(ADMIN, "campaign", "sign-off", id_, "--yes")
    check("it is not signed off before all is answered", early.returncode == 1 and "lines-unanswered" in early.stderr, early)
    rows = list(csv.DictReader(io.StringIO(house.cli(TOMASZ, "campaign", "lines", id_, "--mine", output="csv").stdout)))
    for row in rows:
        row["answer"], row["reason"] = ("keep", "") if row["user"] == NOOR else ("remove", "")
    file = house.stage.path("answers.csv")
    write = lambda: file.write_text(",".join(rows[0]) + "\n" + "".join(",".join(row.values()) + "\n" for row in rows))
    write()
    bad = house.cli(TOMASZ, "campaign", "answer", id_, "--from", file)
    check("a bad row is named, and nothing is answered", bad.returncode == 2 and "answers.csv:" in bad.stderr
          and not any("answer" in it for it in house.api(ADMIN).get(lines).json["items"]), bad)
    next(row for row in rows if row["user"] == NOOR)["reason"] = "audits it"
    write()
    answered = house.cli(TOMASZ, "campaign", "answer", id_, "--from", file)
    check("answers are read from a file", answered.returncode == 0 and json.loads(answered.stdout)["answered"] == 2, answered)
    signed = json.loads(house.cli(ADMIN, "campaign", "sign-off", id_, "--yes").stdout)
    check("an administrator signs off", signed["state"] == "signed_off" and len(signed["sha256"]) == 64, signed)
    plan = json.loads(house.cli(ADMIN, "campaign", "apply", id_).stdout)
    check("nothing is removed before the plan is confirmed", plan["state"] == "planned" and house.has(MARA, *where), plan)
    house.cli(ADMIN, "server", "sweep", "confirm", plan["id"], "--yes")
    check("then what was to be removed is", house.settled(plan["id"])["state"] == "done" and not house.has(MARA, *where))
    row = house.item(NOOR, *where)
    check("and what is kept is accepted", house.has(NOOR, *where) and row.get("kind") == "accepted" and row["accepted"]["reason"] == "audits it", row)
    folder, log = house.stage.path("evidence"), house.stage.path("whole.jsonl")
    done = house.cli(AUDITOR, "campaign", "export", id_, "--to", folder, output=None), house.cli(AUDITOR, "audit", "export", "--to", log, output=None)
    check("an auditor exports the evidence", not any(it.returncode for it in done), done)
    verified = house.stage.run("campaign", "verify", folder, "--audit", log)
    check("and verifies it without the server", verified.returncode == 0, verified)
    changed = folder / "evidence.jsonl"
    changed.write_text(changed.read_text().replace("audits it", "needs it!"))
    refused = house.stage.run("campaign", "verify", folder)
    check("a changed line is found", refused.returncode == 1 and "not what was signed off" in refused.stderr, refused)
    target = ("--user", NOOR, "--account", where[0], "--permission-set", where[1])
    withdrawn = house.cli(ADMIN, "server", "standing", "withdraw", *target, "--reason", "the test is over", "--yes")
    check("the acceptance can be withdrawn", withdrawn.returncode == 0 and house.undone(NOOR, *where), withdrawn)


def both_run(house):
    """The other tool still runs, with its nightly sweep: what is theirs stays, and what of ours it takes is over."""
    check("the other tool gives access", house.by_hand(TOMASZ, "catalog-prod", "ReadOnly"))
    asked = house.api(MARA).post("/api/v1/requests", {
        "account": "checkout-dev", "permission_set": "ReadOnly", "duration_seconds": 30, "reason": "OPS-1: look"})
    seen = lambda: house.api(MARA).get(f"/api/v1/grants/{asked.json['grant_id']}").json
    check("and so does Hallpass", asked.status == 201 and wait(lambda: seen()["state"] == "active", 30, house.process), asked)
    check("its sweep takes what Hallpass gave", house.undone(MARA, "checkout-dev", "ReadOnly"))
    run = house.sweep()
    check("Hallpass shows the other tool's access, and leaves it", run["state"] == "done" and house.has(TOMASZ, "catalog-prod", "ReadOnly")
          and house.item(TOMASZ, "catalog-prod", "ReadOnly").get("kind") == "unknown", run)
    check("what it took ends in order", wait(lambda: seen()["state"] == "ended", 60, house.process), seen())
    check("and is not given again", not house.has(MARA, "checkout-dev", "ReadOnly"))
    check("the other tool takes its own", house.undone(TOMASZ, "catalog-prod", "ReadOnly"))


def removed(house):
    """A plan, an administrator, and gone; what is accepted or was found by a grant stays."""
    house.by_hand(MARA, "orders-prod", "ReadOnly")
    # so that one is no large share of what is seen
    for account in ("payments-dev", "orders-dev", "catalog-dev", "edge-dev"):
        house.by_hand(INES, account, "ReadOnly")
        house.cli(ADMIN, "server", "standing", "accept", "--user", INES, "--account", account, "--permission-set", "ReadOnly", "--reason", "by intent")
    house.become(mode='"revoke"')
    first = wait(lambda: next((run for run in house.api(ADMIN).get("/api/v1/sweeps").json["items"]
                               if run["mode"] == "revoke" and run["state"] not in ("queued", "running")), None), 60, house.process)
    check("a check in the new mode only looks", first and first["state"] == "done" and house.has(MARA, "orders-prod", "ReadOnly"), first)
    house.become()
    run = house.sweep()
    check("the first run is a plan", run["state"] == "planned", run)
    id_ = run["id"]
    check("it waits, and nothing is removed", house.has(MARA, "orders-prod", "ReadOnly")
          and house.item(MARA, "orders-prod", "ReadOnly").get("fate") == "planned", house.item(MARA, "orders-prod", "ReadOnly"))
    check("what a grant found standing waits for days", house.item(TOMASZ, "edge-prod", "ReadOnly").get("kind") in ("preexisting", "under_grant"),
          house.item(TOMASZ, "edge-prod", "ReadOnly"))
    check("the page shows the plan", "orders-prod" in house.page(ADMIN, f"/sweeps/{id_}") and f"/sweeps/{id_}/confirm" in house.page(ADMIN, f"/sweeps/{id_}"))
    check("no one else is offered the button", f"/sweeps/{id_}/confirm" not in house.page(AUDITOR, f"/sweeps/{id_}"))
    asked = house.cli(ADMIN, "server", "sweep", "confirm", id_)
    check("without a terminal it asks for --yes", asked.returncode == 4 and "orders-prod" in asked.stderr, asked)
    confirmed = house.cli(ADMIN, "server", "sweep", "confirm", id_, "--yes")
    check("an administrator confirms", confirmed.returncode == 0, confirmed.stderr)
    again = house.cli(ADMIN, "server", "sweep", "confirm", id_, "--yes")
    check("once is as good as twice", again.returncode == 0, again.stderr)
    over = house.settled(id_)
    check("the run is over", over["state"] == "done", over)
    check("unrecorded access is removed", not house.has(MARA, "orders-prod", "ReadOnly"))
    check("what is accepted stays", house.has(INES, "payments-dev", "DatabaseOperator") and house.has(MARA, "log-archive", "ReadOnly"))
    check("what a grant found stays", house.has(TOMASZ, "edge-prod", "ReadOnly"))
    # the access review removed one before
    records = house.events("sweep.removed")[1:]
    check("the record has no author", len(records) == 1 and records[0]["operation_type"] == "revoke"
          and records[0]["reason"] == "automated revocation" and records[0]["requester_email"] == "NA"
          and records[0]["approver_email"] == "NA", records)
    check("before it, that it would", len(house.events("sweep.planned")) == 1 and len(house.events("sweep.removing")) == 2)


# where something was removed just now, it is looked at again for ten minutes: other accounts from here on
def brakes(house):
    for account in ("pricing-prod", "checkout-prod"):
        house.by_hand(MARA, account, "ReadOnly")
    house.become(max_removals="1")
    house.sweep()
    house.become()
    run = house.sweep()
    check("too many stop the run", run["state"] == "stopped" and run.get("over_limits"), run)
    plain = house.cli(ADMIN, "server", "sweep", "confirm", run["id"], "--yes")
    check("confirming it takes more than yes", plain.returncode == 1 and house.has(MARA, "pricing-prod", "ReadOnly"), plain)
    house.undone(MARA, "checkout-prod", "ReadOnly")
    changed = house.cli(ADMIN, "server", "sweep", "confirm", run["id"], "--beyond-limits", "--yes")
    check("a world that changed refuses the plan", changed.returncode == 1 and house.has(MARA, "pricing-prod", "ReadOnly"), changed)
    check("both refusals are on record", len([row for row in house.events("press.refused") if row.get("why") == "confirm"]) == 2)


def adopted(house):
    target = ("--user", MARA, "--account", "pricing-prod", "--permission-set", "ReadOnly")
    began = time.monotonic()
    refused = house.cli(ADMIN, "server", "standing", "adopt", *target, "--for", "12s", "--reason", "moving in")
    check("giving an end is asked first", refused.returncode == 4, refused)
    # it is waited for, so no longer than a machine as slow as this needs until the page is drawn
    lasts = max(12, min(90, int(10 * (time.monotonic() - began))))
    done = house.cli(ADMIN, "server", "standing", "adopt", *target, "--for", f"{lasts}s", "--reason", "moving in", "--yes")
    check("an administrator gives it an end", done.returncode == 0, done.stderr)
    grant = json.loads(done.stdout) if done.returncode == 0 else {}
    check("it is a grant like any other", grant.get("state") == "active" and grant.get("approval") == "adopted" and not grant.get("standing"), grant)
    home = house.page(MARA, "/")
    check("its holder sees it on Home", "pricing-prod" in home)
    over = wait(lambda: house.api(MARA).get(f"/api/v1/grants/{grant['id']}").json["state"] == "ended", lasts + 60, house.process)
    check("it ends on time, and AWS shows it gone", over and not house.has(MARA, "pricing-prod", "ReadOnly"))
    record = next((row for row in house.events("standing.adopted")), {})
    check("the record has the author and the end", record.get("actor") == ADMIN and record.get("ends_at"), record)


def adopting(house):
    """The mode adopt: an end instead of a removal."""
    house.by_hand(MARA, "search-prod", "ReadOnly")
    house.become(mode='"adopt"', adopt='"10s"', max_removals="20")
    wait(lambda: house.item(MARA, "search-prod", "ReadOnly").get("kind") == "unknown", 60, house.process)
    house.become()
    run = house.sweep()
    check("its first run is a plan, too", run["state"] == "planned", run)
    confirmed = house.cli(ADMIN, "server", "sweep", "confirm", run["id"], "--yes")
    check("confirmed", confirmed.returncode == 0, confirmed.stderr)
    grants = lambda: [row for row in house.api(MARA).all(f"/api/v1/grants?user={MARA}") if row.get("account_name") == "search-prod"]
    check("it became a grant", wait(grants, 30, house.process))
    check("and ended", wait(lambda: grants()[0]["state"] == "ended" and not house.has(MARA, "search-prod", "ReadOnly"), 60, house.process), grants())


def cutover(house, stage):
    house.by_hand(MARA, "analytics-prod", "ReadOnly")
    said = stage.run("doctor", "--cutover", "--output", "jsonl", **house.environment)
    rows = [json.loads(line) for line in said.stdout.splitlines()]
    mine = [row for row in rows if row.get("user") == MARA and row.get("account") == "analytics-prod"] if rows else []
    check("doctor --cutover lists it with what would become of it", said.returncode == 0 and len(mine) == 1
          and "becomes a grant" in mine[0]["outlook"], (said.stderr, mine))
    check("and what stays", any(row["kind"] == "accepted" and row["outlook"].startswith("stays") for row in rows))


def moved_in(house, stage):
    """A cutover with live access of the other tool where no rule of ours leads: what an import could not say."""
    held = (MARA, "observability-prod", "PowerUser"), (TOMASZ, "messaging-prod", "PowerUser")
    check("the other tool gave what no rule is about", all(house.by_hand(*it) for it in held))
    looked = house.sweep()
    check("a sweep by the rules does not see it", looked["state"] == "done" and not house.item(*held[0]) and not house.item(*held[1]), looked)
    said = stage.run("doctor", "--cutover", "--output", "jsonl", "--fail-on-findings", **house.environment)
    rows = [json.loads(line) for line in said.stdout.splitlines()]
    mine = [row for row in rows if row.get("permission_set") == "PowerUser"]
    check("doctor --cutover does, and says that no sweep would", said.returncode == 3 and len(mine) == 2
          and not any(row["in_scope"] or "no sweep sees it" not in row["outlook"] for row in mine)
          and "access.sweep.scope" in said.stderr, (said.returncode, said.stderr, mine))
    target = ("--user", TOMASZ, "--account", "messaging-prod", "--permission-set", "PowerUser")
    done = house.cli(ADMIN, "server", "standing", "adopt", *target, "--for", "12s", "--reason", "moving in", "--yes")
    grant = json.loads(done.stdout) if done.returncode == 0 else {}
    check("one by one it gets an end", grant.get("state") == "active", done)
    over = wait(lambda: house.api(TOMASZ).get(f"/api/v1/grants/{grant['id']}").json["state"] == "ended", 60, house.process)
    check("and ends on time", over and not house.has(*held[1]))

    # memberships of groups are by intent here, and what rules are about was played above
    house.become(standing=[PATTERN, "*/*", "*/*/ReadOnly", "*/*/DatabaseOperator"], scope='"all"')
    looked = house.sweep()
    check("with the scope `all` a sweep sees the rest", looked["state"] == "done" and house.item(*held[0]).get("kind") == "unknown", looked)
    house.become()
    run = house.sweep()
    check("a wider scope is a plan again", run["state"] == "planned" and run["report"]["to_act"] == 1, run)
    confirmed = house.cli(ADMIN, "server", "sweep", "confirm", run["id"], "--yes")
    grants = lambda: [row for row in house.api(MARA).all(f"/api/v1/grants?user={MARA}") if row.get("account_name") == held[0][1]]
    check("confirmed, it is a grant with an end", confirmed.returncode == 0 and wait(grants, 30, house.process), confirmed)
    check("that ends on time", wait(lambda: grants()[0]["state"] == "ended" and not house.has(*held[0]), 60, house.process), grants())
    left = stage.run("doctor", "--cutover", "--output", "jsonl", "--fail-on-findings", **house.environment)
    check("then all remaining access is accepted", left.returncode == 0, (left.stderr, left.stdout[:2000]))


def roles_by_entitlements(house):
    """`access.md` §22, R-4: told by sweeps, ended with the rest of a person's access; those of groups stay."""
    manager, truth = house.client("account-access"), house.truth
    application = manager.list_applications()["applications"][0]["applicationArn"]
    account = house.accounts["analytics-dev"]
    held = lambda: manager.list_entitlements(applicationArn=application, filter={"principalRole": {"account": account}})["entitlements"]
    role = held()[0]["entitlement"]["principalRole"]["roleArn"]
    of = lambda email: {"principal": {"identityCenter": {"userId": truth.user(email)}}}
    whose = lambda email: manager.list_entitlements(applicationArn=application, filter={"principalRole": of(email)})["entitlements"]
    give = lambda email: manager.create_entitlement(applicationArn=application, entitlement={"principalRole": {"roleArn": role, **of(email)}})
    give(TOMASZ), give(INES)
    check("two people are given a role of IAM", wait(lambda: whose(TOMASZ) and whose(INES), 20))
    run = house.sweep()
    new = [row["says"] for row in run["report"]["entitlements"]["items"] if row.get("new")]
    check("a sweep reports a new one", len(new) == 2 and all("analytics-dev" in line for line in new), run["report"]["entitlements"])
    page = house.page(AUDITOR, f"/sweeps/{run['id']}")
    check("and so does its page", "Roles by account access manager" in page and role.rsplit("/", 1)[1] in page)
    shown = house.cli(AUDITOR, "server", "sweep", "show", run["id"], output="table")
    check("and the command line", "Roles by entitlements" in shown.stdout and ", new" in shown.stdout, shown.stdout[-1500:])

    read = house.api(AUDITOR).get(f"/api/v1/entitlements?user={TOMASZ}").json
    check("REST lists a person's", read["looked_at"] and [row["role_arn"] for row in read["own"]] == [role], read)
    check.equal("to users with the right to read all only", house.api(TOMASZ).get(f"/api/v1/entitlements?user={INES}").status, 403)
    left = house.cli(AUDITOR, "people", "sessions", "residual", "--at", "2026-03-02T09:00:00Z", "--event", "assignment-removed", "--assume-worst",
                     "--permission-set-duration", "1h", "--user", TOMASZ)
    told = json.loads(left.stdout or "{}")
    check("the rest of the user's access counts it", left.returncode == 0 and [row["role"] for row in told["entitlements"] if not row["by_group"]] == [role]
          and told["latest_end"] == "2026-03-03T05:00:00Z" and any(role in line for line in told["advice"]), (left.stdout, left.stderr))
    left = house.cli(TOMASZ, "people", "sessions", "residual", "--at", "2026-03-02T09:00:00Z", "--event", "assignment-removed", "--assume-worst", "--user", INES)
    check("and is shown to no one else", left.returncode != 0 and not left.stdout and "only the requester, an approver or an administrator" in left.stderr, (left.returncode, left.stdout, left.stderr))
    plan = house.page(ADMIN, f"/access/cut-off?user={TOMASZ}")
    check("the plan of revoking all access names it", "role by account access manager ends" in plan, plan[:500])
    ended = house.cli(ADMIN, "revoke", "--user", TOMASZ, "--reason", "laptop stolen", "--yes", output="table")
    check("revoking what a person holds ends it", ended.returncode == 0 and "Entitlement ended" in ended.stderr and
          wait(lambda: not whose(TOMASZ), 20), (ended.stdout, ended.stderr))
    check("and no one else's", len(whose(INES)) == 1)
    locked = house.api(ADMIN).post("/api/v1/locks", {"user": INES, "reason": "laptop stolen", "held": "ends"})
    check("a lock that ends access ends it", locked.status == 200 and wait(lambda: not whose(INES), 30), locked)
    give(INES)
    ended = lambda: len(house.events("entitlement.ended")) == 3
    check("access given meanwhile is removed too", wait(lambda: ended() and not whose(INES), 120), house.said()[-2000:])
    lifted = house.api(ADMIN).post("/api/v1/locks/lift", {"user": INES, "reason": "found again"})
    check.equal("the lock is lifted", lifted.status, 200)
    ids = [row["entitlement_id"] for row in house.events("entitlement.ended")]
    begun = [row["entitlement_id"] for row in house.events("entitlement.ending")]
    check("each end is on record, before it and after it", len(ids) == 3 and sorted(ids) == sorted(begun), (ids, begun))
    check("those of groups stay", any("groupId" in row["entitlement"]["principalRole"]["principal"]["identityCenter"] for row in held()), held())


def off(house):
    house.become(mode='"off"')
    count = len(house.api(ADMIN).all("/api/v1/sweeps"))
    refused = house.cli(ADMIN, "server", "sweep", "run")
    check("while sweeps are off there are no looks", refused.returncode == 1 and "off" in refused.stderr, refused)
    check("accepted or not, everything stays", house.has(MARA, "analytics-prod", "ReadOnly") and house.has(INES, "payments-dev", "DatabaseOperator"))
    check("the pages say so", "off" in house.page(ADMIN, "/sweeps"), count)


def listed_by_aws(house):
    """Every account assignment of the accounts that a sweep reads: principal, account and permission set."""
    truth, found = house.truth, set()
    for set_arn in truth.sets.values():
        accounts = truth.admin.get_paginator("list_accounts_for_provisioned_permission_set").paginate(
            InstanceArn=truth.instance, PermissionSetArn=set_arn)
        for account in (id_ for page in accounts for id_ in page["AccountIds"]):
            pages = truth.admin.get_paginator("list_account_assignments").paginate(
                InstanceArn=truth.instance, AccountId=account, PermissionSetArn=set_arn)
            found |= {(row["PrincipalId"], account, row["PermissionSetArn"]) for page in pages for row in page["AccountAssignments"]}
    return found


def access_is_what_aws_lists(house, rounds=8):
    """The rows of the Access page against the listing of AWS, while a seeded generator assigns to people and groups,
    takes assignments back and deletes groups that have some."""
    house.become(scope='"all"', mode='"report"')
    truth, generator = house.truth, random.Random(int(os.environ.get("SEED", "20")))
    closed = {row["Id"] for page in house.client("organizations").get_paginator("list_accounts").paginate()
              for row in page["Accounts"] if row["State"] != "ACTIVE"}
    def listing(operation, field):
        pages = truth.store.get_paginator(operation).paginate(IdentityStoreId=truth.directory)
        return [row for page in pages for row in page[field]]
    users = [row["UserId"] for row in listing("list_users", "Users")][:20]
    accounts = sorted(set(house.accounts.values()) - closed)
    sets = {arn: name for name, arn in truth.sets.items()}
    differing = {}
    for number in range(rounds):
        made = truth.store.create_group(IdentityStoreId=truth.directory, DisplayName=f"generated-{number}")["GroupId"]
        groups = [row["GroupId"] for row in listing("list_groups", "Groups")]
        for _ in range(4):
            kind, principal = generator.choice([("USER", generator.choice(users)), ("GROUP", generator.choice(groups)), ("GROUP", made)])
            with contextlib.suppress(truth.admin.exceptions.ConflictException):  # the same one a moment ago
                truth.admin.create_account_assignment(
                    InstanceArn=truth.instance, TargetId=generator.choice(accounts), TargetType="AWS_ACCOUNT",
                    PermissionSetArn=generator.choice(list(sets)), PrincipalType=kind, PrincipalId=principal)
        if number % 3 == 2:
            truth.store.delete_group(IdentityStoreId=truth.directory, GroupId=made)
        wait(lambda: all(row["Status"] != "IN_PROGRESS" for row in truth.admin.list_account_assignment_creation_status(
            InstanceArn=truth.instance)["AccountAssignmentsCreationStatus"]), 30)
        for _ in range(5):
            # AWS shows what was made or deleted after some seconds
            house.sweep()
            file = Api(house.base).get("/access.csv", headers={"Cookie": f"hallpass={house.session(AUDITOR)}"}).body.decode()
            rows = [row for row in csv.DictReader(io.StringIO(file)) if row["account_id"] and row["kind"] != "entitlement"]
            shown = {(row["user_id"] or row["group_id"], row["account_id"], row["permission_set"]) for row in rows}
            aws = {(who, account, sets[arn]) for who, account, arn in listed_by_aws(house) if account not in closed}
            if shown == aws:
                break
        if shown != aws or len(shown) != len(rows):
            differing[number] = {"only here": sorted(shown - aws)[:3], "only AWS": sorted(aws - shown)[:3], "rows": len(rows)}
    check("Access has the rows of AWS's listing, and no other", not differing and len(aws) > 100, differing or len(aws))
    page = house.page(AUDITOR, "/access?kind=group")
    check("the page shows assignments of groups", "Through groups" in page and "No end date" in page and "Group, " in page)
    listed = json.loads(house.cli(AUDITOR, "server", "standing", "groups", "--limit", "2000").stdout)
    check.equal("the command line lists as many", len(listed), sum(row["kind"] == "group" for row in rows))
    group = next(row for row in listed if row.get("group_name") and "generated" not in row["group_name"])
    page = house.page(AUDITOR, f"/access/groups/{group['group']}")
    check("a group's page has its members and its accounts", "Account assignments" in page and group["account_name"] in page, page[:300])
    members = truth.store.list_group_memberships(IdentityStoreId=truth.directory, GroupId=group["group"])["GroupMemberships"]
    member = truth.store.describe_user(IdentityStoreId=truth.directory, UserId=members[0]["MemberId"]["UserId"])
    found = house.page(AUDITOR, f"/access?kind=group&q={member['Emails'][0]['Value']}")
    check("a search for a person finds what their groups have", group["group_name"] in found, found[:300])
    page = house.page(AUDITOR, f"/people/{member['UserId']}")
    check("a person's page has what their groups have", group["group_name"] in page and group["account_name"] in page
          and "through groups" in page and "could not be read" not in page, page[:300])


def generated():
    """Many organizations: `make soak` compares 200."""
    with Stage("generated") as stage:
        access_is_what_aws_lists(House(stage), int(os.environ.get("ORGANIZATIONS", "8")))
    check.end()


def main():
    if sys.argv[1:] == ["generated"]:
        return generated()
    with Stage("sweeps") as stage:
        house = House(stage)
        wanted_while_one_looks(house)
        run = found_and_shown(house)
        by_whom(house, run)
        truth_before_asking(house)
        accepted(house)
        reviewed(house)
        both_run(house)
        removed(house)
        brakes(house)
        adopted(house)
        adopting(house)
        cutover(house, stage)
        moved_in(house, stage)
        roles_by_entitlements(house)
        off(house)
        verified = stage.run("audit", "verify", "--config", "hallpass.toml")
        check("the log verifies", verified.returncode == 0, verified.stderr)
        said = house.said()
        check("no secret is in the log", not any(secret in said for secret in house.secrets))
    check.end()


if __name__ == "__main__":
    main()
