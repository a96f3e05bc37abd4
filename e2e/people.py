#!/usr/bin/env python3
"""People whose passwords or accounts are stale, as a server sees to them (`inventory.md` H-8, H-14): it reads the log on its
schedule, tells each once through a webhook, through kills and broken files, and shows all of them on its page and in its API."""

import datetime
import gzip
import json
import signal
import uuid

from alerts import Receiver, SECRET
from served import INES, MARA, NOOR, PRIYA, TOMASZ, Served
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
    def __init__(self, stage, more=""):
        self.stage, self.receiver = stage, Receiver()
        webhook = (f'[[webhooks]]\nname = "tickets"\nurl = "http://127.0.0.1:{self.receiver.port}/hook"\n'
                   f'secret = "{SECRET}"\nevents = ["alert"]\n')
        pci = f'[pci]\nsource = "dir:trail"\nevery = "10s"\nall_clear = "7d"\nact = true\nprotected = ["{INES}"]\n{more}'
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
        # each once: what was told when the server was killed comes again, with the same id
        return list({call["id"]: call["body"] for call in self.receiver.told() if call["body"]["news"] == "alert"}.values())

    def lines(self):
        return "\n".join(body["text"] for body in self.told())


def first(world):
    """Without a log there is no report, and nobody is told to be late."""
    failed = wait(lambda: world.people().get("failed"), 60, world.served.process)
    check("without a log the run fails in sight", failed and "trail" in failed["why"], failed)
    check("and no one is judged", world.people()["items"] == [] and "as_of" not in world.people(), world.people())
    page = world.served.api(PRIYA).get("/healthz")
    check("the server is otherwise well", page.status == 200, page)


def judged(world):
    world.trail = trail = Trail(world.stage.path("trail-to-be"), world.account, world.region, world.store)
    others = [it["UserId"] for it in world.everybody if it["UserId"] not in (world.old, world.warned, world.away)]
    trail.write(30, [make(user, 30) for user in others for make in (trail.reset, trail.seen)] + [trail.reset(world.away, 30)], "others")
    trail.write(95, [trail.reset(world.old, 95)], "a")
    trail.write(87, [trail.reset(world.warned, 87)], "b")
    trail.write(120, [trail.seen(world.away, 120)], "c")
    trail.write(1, [trail.seen(world.old, 1), trail.seen(world.warned, 1)], "d")
    # all at once: the server looks meanwhile, and would judge by half of it
    trail.folder = trail.folder.rename(world.stage.path("trail"))
    found = world.run()
    rows = {it["user_id"]: it for it in found["items"]}
    check.equal("all users of the identity store are judged", sorted(rows), sorted(it["UserId"] for it in world.everybody))
    state = lambda user: (rows[user]["password_state"], rows[user]["password_age_days"])
    check.equal("by the log", (state(world.old), state(world.warned)), (("expired", 95), ("warn", 87)))
    check.equal("who was away", (rows[world.away]["activity_state"], rows[world.away]["inactive_days"]), ("inactive", 120))
    check("as far as it reaches", found["coverage_from"] < (trail.now - datetime.timedelta(days=DAYS - 2)).isoformat(), found["coverage_from"])
    check("the failure is over", "failed" not in found, found.get("failed"))
    said = lambda: all(it in world.lines() for it in ("password is 95 days old", "password is 87 days old", "not there for 120 days"))
    check("each is reported through the webhook", wait(said, 30), world.lines())
    world.count = len(world.told())


def once(world):
    """Runs, kills, and nothing is told again."""
    before = world.people()["as_of"]
    found = world.run(before)
    for _ in range(3):
        world.stage.stop(world.served.process, signal.SIGKILL)
        world.served.start()
        found = world.run(found["as_of"])
    check.equal("runs and kills report nothing again", len(world.told()), world.count)


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
    check.equal("the next whole run continues", (rows[world.old]["password_state"], "failed" in found), ("ok", False))
    said = lambda: "ecovered: " in world.lines() and "95 days" in world.lines().split("ecovered", 1)[1]
    check("and a user with a new password recovered, and is reported", wait(said, 30), world.lines())
    check("no one else", world.lines().count("ecovered: ") == 1, world.lines())


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
    text = auditor.get("/metrics").body.decode()
    check("runs are counted", 'hallpass_pci_runs_total{outcome="ok"}' in text and 'hallpass_pci_runs_total{outcome="failed"}' in text, text[:200])


class Hands:
    """`hallpass activity pci act` over the trail, and what it left of somebody."""

    def __init__(self, world):
        self.world, self.stage = world, world.stage
        world.stage.path("users.json").write_text(json.dumps({"Users": world.everybody}, default=lambda at: at.isoformat()))
        self.instance = client("sso-admin", world.aws).list_instances()["Instances"][0]["InstanceArn"]
        self.environment = world.served.environment

    def run(self, *words, verb=("activity", "pci", "act"), users="users.json"):
        read = ("--users", users, "--source", "dir:trail", "--regions", self.world.region) if verb[-1] in ("act", "report") else ()
        ran = self.stage.run(*verb, *read, *words, "--output", "json", timeout=300, **self.environment)
        return ran, json.loads(ran.stdout) if ran.stdout.strip() else None

    def undo(self, plan):
        return self.stage.run("plan", "undo", plan, "--apply", "--yes", "--output", "json", timeout=300, **self.environment)

    def status(self, user):
        return self.world.identity.describe_user(IdentityStoreId=self.world.store, UserId=user)["UserStatus"]

    def access(self, user):
        groups = self.world.identity.list_group_memberships_for_member(IdentityStoreId=self.world.store, MemberId={"UserId": user})
        rows = client("sso-admin", self.world.aws).list_account_assignments_for_principal(
            InstanceArn=self.instance, PrincipalId=user, PrincipalType="USER")["AccountAssignments"]
        return (sorted(it["GroupId"] for it in groups["GroupMemberships"]),
                sorted((it["AccountId"], it["PermissionSetArn"]) for it in rows if it["PrincipalId"] == user))

    def switch(self, value):
        changed = Api(self.world.served.endpoint).post("/_sim/load?merge=1", {"version": 1, "behaviour": {"user_status_write": value}})
        assert changed.status < 300, changed


def guarded(hands):
    world = hands.world
    off = hands.stage.path("hallpass.toml").read_text().replace("act = true", "act = false")
    hands.stage.path("off.toml").write_text(off)
    ran, _ = hands.run("--apply", "--yes", "--config", "off.toml")
    check("acting is off unless it is switched on (exit 4)", ran.returncode == 4 and "switched off" in ran.stderr, (ran.returncode, ran.stderr))
    ran, planned = hands.run()
    check("a dry run lists the users it would disable", ran.returncode == 0 and [it["user_id"] for it in planned["people"]] == [world.away], (ran.stderr, planned))
    check.equal("and does nothing", hands.status(world.away), "ENABLED")
    name = next(it["UserName"] for it in world.everybody if it["UserId"] == world.warned)
    ran, planned = hands.run("--warn", "80", "--expire", "86")
    check("the place to reset an expired password is shown, and no action on users for it", [it["user_id"] for it in planned["people"]] == [world.away]
          and f"expired password: {name}." in ran.stderr and "Reset password" in ran.stderr, (planned["people"], ran.stderr))
    for grace, due in (("1", [world.away, world.warned]), ("2", [world.away])):
        ran, planned = hands.run("--warn", "80", "--expire", "86", "--grace", grace, "--max-people", "2")
        check.equal(f"{grace} days after it expired it counts, if configured", sorted(it["user_id"] for it in planned["people"]), sorted(due))
    ran, _ = hands.run("--apply", "--yes", "--person", TOMASZ)
    check("a user who is not over a limit cannot be selected", ran.returncode == 2 and "not over a limit" in ran.stderr, ran.stderr)
    trail = world.trail
    gap = trail.path(trail.now - datetime.timedelta(days=50), "day")
    content = gap.read_bytes()
    gap.unlink()
    ran, _ = hands.run("--apply", "--yes")
    check("a day without a log refuses everything (exit 4)", ran.returncode == 4 and "whole since" in ran.stderr, (ran.returncode, ran.stderr))
    gap.write_bytes(content)
    protected = hands.stage.path("hallpass.toml").read_text().replace(f'protected = ["{INES}"]', f'protected = ["{world.away}"]')
    hands.stage.path("protected.toml").write_text(protected)
    ran, found = hands.run("--apply", "--yes", "--config", "protected.toml")
    check("who is protected is left alone", ran.returncode == 0 and found["people"] == [] and found["left"][0]["why"] == "protected", (ran.stderr, found))
    wrong = protected.replace(world.away, INES.replace("moreau", "moreu"))
    hands.stage.path("wrong.toml").write_text(wrong)
    ran, _ = hands.run("--apply", "--yes", "--config", "wrong.toml")
    check("a protected name without a user is refused with the nearest (exit 2)", ran.returncode == 2 and f"did you mean `{INES}`" in ran.stderr, (ran.returncode, ran.stderr))
    sim = Api(world.served.endpoint)
    sim.post("/_sim/faults", {"kind": "error", "code": "AccessDeniedException", "http": 400, "match": {"operation": "ListRegions"}})
    ran, _ = hands.run("--apply", "--yes")
    sim.call("DELETE", "/_sim/faults")
    check("and without configured sign-in Regions (exit 4)", ran.returncode == 4 and "sso:ListRegions" in ran.stderr, (ran.returncode, ran.stderr))
    check.equal("nothing of it changed anything", hands.status(world.away), "ENABLED")


def acted(hands):
    world = hands.world
    ran, done = hands.run("--apply", "--yes")
    check("who is inactive is disabled", ran.returncode == 0 and hands.status(world.away) == "DISABLED", (ran.returncode, ran.stderr, done))
    check.equal("by one plan", [it["kind"] for it in done["plans"]], ["pci.disable"])
    back = hands.undo(done["plans"][0]["plan"])
    check("and enabled again where that is taken back", back.returncode == 0 and wait(lambda: hands.status(world.away) == "ENABLED", 20), back.stderr)
    before = hands.access(world.away)
    check("they have direct access to lose", before[0] or before[1], before)
    for value in ("refused", "ignored"):
        hands.switch(value)
        ran, done = hands.run("--apply", "--yes")
        check.equal(f"where a status is {value}, access goes", (ran.returncode, [it["kind"] for it in done["plans"]]), (0, ["pci.disable", "pci.cut"]))
        gone = wait(lambda: hands.access(world.away) == ([], []), 60)
        check("all of it", gone and hands.status(world.away) == "ENABLED", hands.access(world.away))
        back = hands.undo(done["plans"][1]["plan"])
        check("and comes back where that is taken back", back.returncode == 0 and wait(lambda: hands.access(world.away) == before, 60), (back.stderr, hands.access(world.away)))
    hands.switch("accepted")


def again(hands):
    """Whoever is enabled again meanwhile is disabled again by the same command: by a plan of its own, taken back by itself."""
    world = hands.world
    named = lambda done: [it["plan"] for it in done["plans"]]
    disabled = lambda: wait(lambda: hands.status(world.away) == "DISABLED", 20)
    enabled = lambda: wait(lambda: hands.status(world.away) == "ENABLED", 20)
    _, first = hands.run("--apply", "--yes")
    check("the same command disables again what was taken back", disabled(), first)
    ran, same = hands.run("--apply", "--yes")
    check("once more it has nothing to do", ran.returncode == 0 and same["plans"][0]["totals"]["unchanged"] == 1, (ran.returncode, same))
    back = hands.undo(named(first)[0])
    check("which keeps the undo for all", back.returncode == 0 and enabled(), (back.returncode, back.stdout[-300:], back.stderr))
    _, second = hands.run("--apply", "--yes")
    check("and again", disabled(), second)
    world.identity.update_user(IdentityStoreId=world.store, UserId=world.away,
                               Operations=[{"AttributePath": "userStatus", "AttributeValue": "ENABLED"}])
    check("an administrator enables them elsewhere", enabled())
    ran, third = hands.run("--apply", "--yes")
    check("which is work for the next plan", ran.returncode == 0 and disabled() and "there is work again" in ran.stderr, (ran.returncode, ran.stderr, third))
    check("each is a separate plan", len({*named(first), *named(second), *named(third)}) == 3, (first, second, third))
    listed = hands.stage.run("plan", "list", "--output", "json", **hands.environment)
    rows = {it["plan"]: it for it in json.loads(listed.stdout)}
    new = rows[named(third)[0]]
    check("the list says which it is, and which came before", new["round"] > rows[named(second)[0]]["round"] and new["before"] == named(second)[0], new)
    shown = hands.stage.run("plan", "show", named(third)[0], **hands.environment)
    check("and so does the plan", named(second)[0] in shown.stderr, shown.stderr)
    back = hands.undo(named(third)[0])
    check("it is undone automatically", back.returncode == 0 and enabled(), back.stderr)


def killed(hands):
    """Acting that is killed, wherever it is, and done again."""
    world = hands.world
    for seconds in (0.3, 0.6, 0.9, 1.3):
        process = hands.stage.spawn("activity", "pci", "act", "--users", "users.json", "--source", "dir:trail", "--regions", world.region,
                                    "--apply", "--yes", log="act.log", **hands.environment)
        try:
            process.wait(seconds)
        except Exception:
            hands.stage.stop(process, signal.SIGKILL)
    ran, done = hands.run("--apply", "--yes")
    check("after kills all are disabled", ran.returncode == 0 and hands.status(world.away) == "DISABLED", (ran.returncode, ran.stderr))


def deleted(hands):
    world = hands.world
    ran, done = hands.run("--apply", "--yes", "--by", "cut-access", "--allow-delete")
    check("deleting comes after cutting", ran.returncode == 0 and [it["kind"] for it in done["plans"]][-1] == "pci.delete", (ran.returncode, ran.stderr, done))
    gone = lambda: world.away not in [it["UserId"] for it in world.identity.get_paginator("list_users").paginate(IdentityStoreId=world.store).build_full_result()["Users"]]
    check("and is for good", wait(gone, 30), ran.stderr)


def cleared(world):
    """Once nobody is over a limit that is told, once in a week, through kills."""
    said = lambda: [body["text"] for body in world.told() if "none of " in body["text"]]
    check.equal("while a user is over a limit, all is not clear", said(), [])
    world.trail.write(0, [world.trail.reset(world.warned, 0)], "cleared")
    clear = wait(said, 60, world.served.process)
    check("once no user is, that is reported, with the reach of the log", clear and "over a limit" in clear[0] and "whole since 20" in clear[0], world.lines())
    found = world.people()
    for _ in range(2):
        world.stage.stop(world.served.process, signal.SIGKILL)
        world.served.start()
        found = world.run(found["as_of"])
    check.equal("once in a week, through kills", len(said()), 1)
    world.trail.write(0, [], "after")
    found = world.run(found["as_of"])
    bad = world.trail.path(world.trail.now, "broken-again")
    bad.write_bytes(b"\x1f\x8b" + b"x" * 40)
    check("a run that skipped a file clears no one", wait(lambda: world.people().get("failed"), 60, world.served.process) and len(said()) == 1, said())
    bad.unlink()


def queued(hands):
    world = hands.world
    sqs = client("sqs", world.aws)
    url = sqs.create_queue(QueueName="people")["QueueUrl"]
    words = ("--emit", "seed", "--emit-to", f"sqs:{url}")
    ran = hands.stage.run("activity", "pci", "report", "--users", "users.json", "--source", "dir:trail", "--regions", world.region, *words,
                          **hands.environment, AWS_ENDPOINT_URL=world.served.endpoint, AWS_REGION=world.region)
    taken = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", [])
    records = [json.loads(it["Body"])["Records"] for it in taken]
    check("the list goes to a queue", ran.returncode == 0 and records and records[0][0]["eventName"] == "InactiveUsers", (ran.returncode, ran.stderr, records))


def main():
    with Stage("people") as stage:
        world = World(stage)
        first(world)
        judged(world)
        once(world)
        broken(world)
        shown(world)
        hands = Hands(world)
        guarded(hands)
        queued(hands)
        acted(hands)
        again(hands)
        killed(hands)
        deleted(hands)
        cleared(world)
    check.end()


if __name__ == "__main__":
    main()
