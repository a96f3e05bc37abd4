#!/usr/bin/env python3
"""People whose passwords or accounts are stale, as a server sees to them (`inventory.md` H-8, H-14): it reads the log on its
schedule, tells each once through a webhook, through kills and broken files, and shows all of them on its page and in its API."""

import csv
import datetime
import gzip
import io
import json
import signal
import uuid

from alerts import Receiver, SECRET
from served import NOOR, PRIYA, TOMASZ, MARA, Served
from stage import Api, Checks, Stage, wait
from sync import client

DAYS = 200
KINDS = ("pci/inactive", "pci/inactive_warn", "pci/password_expired", "pci/password_warn")
check = Checks()


class Trail:
    """The log of the account with Identity Center, a file a day, in the layout of a trail."""

    def __init__(self, folder, account, region, store):
        self.folder, self.account, self.region, self.store = folder, account, region, store
        self.now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        for days in range(DAYS):
            self.write(days, [])

    def path(self, at, name):
        folder = self.folder / f"AWSLogs/{self.account}/CloudTrail/{self.region}/{at:%Y/%m/%d}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{self.account}_CloudTrail_{self.region}_{at:%Y%m%dT%H%M}Z_{name}.json.gz"

    def write(self, days, records, name="day"):
        at = self.now - datetime.timedelta(days=days)
        self.path(at, name).write_bytes(gzip.compress(json.dumps({"Records": records}).encode()))

    def record(self, days, source, event, user, **more):
        at = self.now - datetime.timedelta(days=days, minutes=5)
        behalf = {"userId": user, "identityStoreArn": f"arn:aws:identitystore::{self.account}:identitystore/{self.store}"}
        return {"eventVersion": "1.11", "eventID": str(uuid.uuid4()), "eventTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "eventSource": f"{source}.amazonaws.com", "eventName": event, "awsRegion": self.region,
                "userIdentity": {"type": "IdentityCenterUser", "onBehalfOf": behalf}, **more}

    def seen(self, user, days):
        return self.record(days, "sso", "Authenticate", user)

    def reset(self, user, days):
        asked = {"identityStoreId": self.store, "userId": user}
        return self.record(days, "sso-directory", "UpdatePassword", "an-administrator", requestParameters=asked)


class World:
    def __init__(self, stage):
        self.stage, self.receiver = stage, Receiver()
        webhook = (f'[[webhooks]]\nname = "tickets"\nurl = "http://127.0.0.1:{self.receiver.port}/hook"\n'
                   f'secret = "{SECRET}"\nevents = ["alert"]\n')
        pci = '[pci]\nsource = "dir:trail"\nevery = "10s"\nall_clear = "7d"\n'
        self.served = Served(stage, extra=webhook + pci)
        self.aws = stage.directory
        state = Api(self.served.endpoint).get("/_sim/state").json
        self.account, self.region = state["organization"]["management_account"], state["identity_center"]["home_region"]
        self.identity = client("identitystore", self.aws)
        self.store = client("sso-admin", self.aws).list_instances()["Instances"][0]["IdentityStoreId"]
        pages = self.identity.get_paginator("list_users").paginate(IdentityStoreId=self.store)
        users = pages.build_full_result()["Users"]
        self.users = {it["Emails"][0]["Value"].lower(): it["UserId"] for it in users if it.get("Emails")}
        self.everybody = users
        self.old, self.warned, self.away = (self.users[it] for it in (TOMASZ, PRIYA, MARA))

    def people(self, query="", who=NOOR):
        return self.served.api(who).get("/api/v1/people?limit=500" + query).json

    def run(self, since=""):
        """The next run that is whole."""
        return wait(lambda: (self.people().get("as_of") or "") > since and self.people(), 60, self.served.process)

    def told(self):
        return [call["body"] for call in self.receiver.told() if call["body"]["news"] == "alert"]

    def lines(self):
        return "\n".join(body["text"] for body in self.told())


def first(world):
    """Without a log there is no report, and nobody is told to be late."""
    failed = wait(lambda: world.people().get("failed"), 60, world.served.process)
    check("without a log the run fails in sight", failed and "no logs lie in" in failed["why"], failed)
    check("and nobody is judged", world.people()["items"] == [] and "as_of" not in world.people(), world.people())
    page = world.served.api(PRIYA).get("/healthz")
    check("the server is well besides", page.status == 200, page)


def judged(world):
    world.trail = trail = Trail(world.stage.path("trail"), world.account, world.region, world.store)
    others = [it["UserId"] for it in world.everybody if it["UserId"] not in (world.old, world.warned, world.away)]
    trail.write(30, [make(user, 30) for user in others for make in (trail.reset, trail.seen)] + [trail.reset(world.away, 30)], "others")
    trail.write(95, [trail.reset(world.old, 95)], "a")
    trail.write(87, [trail.reset(world.warned, 87)], "b")
    trail.write(120, [trail.seen(world.away, 120)], "c")
    trail.write(1, [trail.seen(world.old, 1), trail.seen(world.warned, 1)], "d")
    found = world.run()
    rows = {it["user_id"]: it for it in found["items"]}
    check.equal("everybody of the identity store is judged", sorted(rows), sorted(it["UserId"] for it in world.everybody))
    state = lambda user: (rows[user]["password_state"], rows[user]["password_age_days"])
    check.equal("by the log", (state(world.old), state(world.warned)), (("expired", 95), ("warn", 87)))
    check.equal("who was away", (rows[world.away]["activity_state"], rows[world.away]["inactive_days"]), ("inactive", 120))
    check("as far as it reaches", found["coverage_from"] < (trail.now - datetime.timedelta(days=DAYS - 2)).isoformat(), found["coverage_from"])
    check("the failure is over", "failed" not in found, found.get("failed"))
    said = lambda: "password is 95 days old" in world.lines() and "not there for 120 days" in world.lines()
    check("each is told through the webhook", wait(said, 30), world.lines())
    world.count = len(world.told())


def once(world):
    """Runs, kills, and nothing is told again."""
    before = world.people()["as_of"]
    found = world.run(before)
    for _ in range(3):
        world.stage.stop(world.served.process, signal.SIGKILL)
        world.served.start()
        found = world.run(found["as_of"])
    check.equal("runs and kills tell nothing again", len(world.told()), world.count)


def broken(world):
    trail = world.trail
    bad = trail.path(trail.now, "broken")
    bad.write_bytes(b"\x1f\x8b" + b"x" * 40)
    before = world.people()
    found = wait(lambda: world.people().get("failed"), 60, world.served.process)
    check("a broken file fails the run in sight", found and "could not be read" in found["why"], found)
    check.equal("what was known stays", world.people()["items"], before["items"])
    trail.write(0, [trail.reset(world.old, 0)], "reset")
    bad.unlink()
    found = world.run(before["as_of"])
    rows = {it["user_id"]: it for it in found["items"]}
    check.equal("the next whole run goes on", (rows[world.old]["password_state"], "failed" in found), ("ok", False))
    said = lambda: "ecovered: " in world.lines() and "95 days" in world.lines().split("ecovered", 1)[1]
    check("and who has a new password recovered, and is told so", wait(said, 30), world.lines())
    check("nobody else", world.lines().count("ecovered: ") == 1, world.lines())


def shown(world):
    auditor, nobody = world.served.api(NOOR), world.served.api(MARA)
    check("people who look after nothing may not see it", nobody.get("/api/v1/people").status == 403, nobody.get("/api/v1/people"))
    due = world.people("&state=due")["items"]
    check.equal("who is over a limit", [it["user_id"] for it in due], [world.away])
    check.equal("a name finds its person", [it["user_id"] for it in world.people("&q=tomasz")["items"]], [world.old])
    check("what is no state is refused", auditor.get("/api/v1/people?state=late").status == 400, auditor.get("/api/v1/people?state=late"))
    paged, cursor = [], ""
    while True:
        page = auditor.get(f"/api/v1/people?limit=7{cursor}").json
        paged += [it["user_id"] for it in page["items"]]
        if not page.get("next"):
            break
        cursor = f"&cursor={page['next']}"
    check.equal("page by page", paged, sorted(it["UserId"] for it in world.everybody))
    text = auditor.get("/metrics").text if hasattr(auditor.get("/metrics"), "text") else str(auditor.get("/metrics").body)
    check("runs are counted", 'hallpass_pci_runs_total{outcome="ok"}' in text and 'hallpass_pci_runs_total{outcome="failed"}' in text, text[:200])


def main():
    with Stage("people") as stage:
        world = World(stage)
        first(world)
        judged(world)
        once(world)
        broken(world)
        shown(world)
    check.end()


main()
