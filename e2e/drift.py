#!/usr/bin/env python3
"""Files of access that the server watches (`inventory.md` A-18): what was changed beside them is told once and is told when it
is over; what Hallpass gives for a time is no drift; files that cannot be read recover nothing."""

import json
import signal

from alerts import SECRET, Receiver
from served import MARA, NOOR, Served, asking
from stage import Checks, Stage, wait
from sync import client

RULE = "access/drift"
check = Checks()


class World:
    def __init__(self, stage):
        self.stage, self.receiver = stage, Receiver()
        webhook = (f'[[webhooks]]\nname = "tickets"\nurl = "http://127.0.0.1:{self.receiver.port}/hook"\n'
                   f'secret = "{SECRET}"\nevents = ["alert"]\n')
        self.drift = '[drift]\nfiles = ["access.yaml"]\nevery = "10s"\n'
        self.served = Served(stage, extra=webhook + self.drift)
        self.sso = client("sso-admin", stage.directory)
        self.instance = self.sso.list_instances()["Instances"][0]

    def told(self):
        """What the receiver was told of the rule: changes by what happened, in order."""
        found = []
        for call in self.receiver.told():
            alert = call["body"]["alert"]
            if alert["rule" if "rule" in alert else "alert"] == RULE:
                rows = alert["news"].get("rows", {})
                found.append({change: sorted(self.line(row["values"]) for row in rows[change]["rows"]) for change in ("new", "recovered")} if rows else alert["news"])
        return found

    @staticmethod
    def line(values):
        return " ".join(str(values[name]) for name in ("drift", "permission_set", "place", "what"))

    def rows(self, state="active"):
        found = self.served.api(NOOR).get(f"/api/v1/alerts/rows?rule={RULE}").json.get("items", [])
        return sorted(self.line(row["values"]) for row in found if row["state"] == state)

    def rule(self):
        found = self.served.api(NOOR).get("/api/v1/alerts").json["items"]
        return next((row for row in found if row["rule"] == RULE), None)

    def looks(self, outcome="ok"):
        text = self.served.api(NOOR).get("/metrics").body.decode()
        lines = [line for line in text.splitlines() if line.startswith(f'hallpass_drift_looks_total{{outcome="{outcome}"}}')]
        return int(float(lines[0].split()[-1])) if lines else 0

    def look(self, times=2):
        """Waits until it was looked that often again, from the start."""
        until = self.looks() + times
        return wait(lambda: self.looks() >= until, 90, self.served.process, every=0.5)

    def access(self, *arguments):
        return self.stage.run("access", *arguments, timeout=300, **self.served.environment)

    def drifted(self):
        """What the command says."""
        ran = self.access("drift", "access.yaml", "--output", "json")
        assert ran.returncode == 0, ran.stderr
        place = lambda it: f"account {it['account']}" if it.get("account") else "the set itself"
        return sorted(f"{it['drift']} {it['permission_set']} {place(it)} {it['what']}" for it in json.loads(ran.stdout))


def begun(world):
    """No file is no file without drift."""
    check("a file that is not there is an error", wait(lambda: world.looks("failed") >= 1, 60, world.served.process), world.served.said()[-600:])
    rule = world.rule()
    check("and the rule is blocked", rule and rule["state"] == "blocked", rule)
    ran = world.access("export")
    check("the current state is a file", ran.returncode == 0, ran.stderr)
    world.stage.path("access.yaml").write_text(ran.stdout)
    check("which is compared", wait(lambda: world.looks() >= 1, 120, world.served.process, every=0.5), world.served.said()[-600:])
    stands = world.drifted()
    check.equal("with what the command finds", world.rows(), stands)
    return stands


def changed(world, before):
    """An assignment made beside the file is told once, whatever happens to the server."""
    about = {"InstanceArn": world.instance["InstanceArn"]}
    arns = world.sso.list_permission_sets(**about)["PermissionSets"]
    sets = {world.sso.describe_permission_set(**about, PermissionSetArn=arn)["PermissionSet"]["Name"]: arn for arn in arns}
    users = client("identitystore", world.stage.directory).get_paginator("list_users").paginate(IdentityStoreId=world.instance["IdentityStoreId"])
    users = {it["UserName"]: it["UserId"] for it in users.build_full_result()["Users"]}
    name = next(it for it in sorted(users) if it.startswith("priya"))
    account = next(it["Id"] for it in client("organizations", world.stage.directory).get_paginator("list_accounts").paginate().build_full_result()["Accounts"]
                   if it["Name"] == "payments-prod")
    assignment = {**about, "TargetId": account, "TargetType": "AWS_ACCOUNT", "PermissionSetArn": sets["ReadOnly"],
                  "PrincipalType": "USER", "PrincipalId": users[name]}
    told = len(world.told())
    world.sso.create_account_assignment(**assignment)
    wanted = f"added_outside ReadOnly account {account} user {name}"
    check("an assignment made outside is reported", wait(lambda: len(world.told()) > told, 90, world.served.process), world.served.said()[-800:])
    check.equal("and nothing else", world.told()[told:], [{"new": [wanted], "recovered": []}])
    # (P3) what Hallpass gives for a time is no drift, and is not taken away
    grant = world.served.api(MARA).post("/api/v1/requests", asking("ReadOnly", reason="OPS-2: look"))
    held = lambda: [it for it in world.served.api(MARA).get("/api/v1/grants?state=active").json["items"] if it["permission_set"] == "ReadOnly"]
    check("a user gets temporary access", grant.status < 300 and wait(lambda: held(), 60, world.served.process), grant)
    world.look()
    check.equal("which is no drift, and open items are not reported again", (len(world.told()), world.rows()), (told + 1, sorted([*before, wanted])))
    check("and the access is still there", held() and world.served.has(held()[0]))
    world.stage.stop(world.served.process, signal.SIGKILL)
    world.served.start()
    world.look()
    check.equal("and not after a kill", (len(world.told()), world.rows()), (told + 1, sorted([*before, wanted])))
    good = world.stage.path("access.yaml").read_text()
    world.stage.path("access.yaml").write_text("version: 9\n")
    failed = world.looks("failed")
    check("a file that cannot be used", wait(lambda: world.looks("failed") > failed, 60, world.served.process))
    check.equal("recovers nothing", (len(world.told()), world.rows()), (told + 1, sorted([*before, wanted])))
    world.stage.path("access.yaml").write_text(good)
    world.sso.delete_account_assignment(**assignment)
    check("closed drift is reported", wait(lambda: len(world.told()) > told + 1, 120, world.served.process), world.served.said()[-800:])
    check.equal("as recovered", world.told()[told + 1:], [{"new": [], "recovered": [wanted]}])
    check.equal("and is open no longer", world.rows(), before)
    return told + 2


def ended(world, before, told):
    """Without files nothing is open, and nobody hears of it."""
    world.stage.stop(world.served.process)
    config = world.stage.path("hallpass.toml")
    whole = config.read_text()
    config.write_text(whole.replace('every = "10s"\n', 'every = "3s"\n'))
    ran = world.stage.run("serve", **world.served.environment)
    check("looking too often is exit 2", ran.returncode == 2 and "drift.every" in ran.stderr, ran.stderr)
    config.write_text(whole.replace(world.drift, ""))
    world.served.start()
    check("without files the rule is retired", (world.rule() or {"state": "retired"})["state"] == "retired", world.rule())
    check.equal("and nothing is reported", (len(world.told()), world.rows()), (told, []))


def main():
    with Stage("drift") as stage:
        world = World(stage)
        before = begun(world)
        told = changed(world, before)
        ended(world, before, told)
    check.end()


if __name__ == "__main__":
    main()
