#!/usr/bin/env python3
"""The directory cannot be read, and people who left it a moment ago press: whoever uses a right is looked up at
that moment; past `inventory.max_age` nothing is given or decided, and giving back, revoking and ends go on
(`design.md` §2: P1, P4, P9).

The real server over the simulated AWS, whose listings fail by its faults.
"""

import contextlib
import datetime
import re
import time

from served import INES, MARA, PRIYA, TOMASZ, Served, asking
from stage import Api, Checks, Stage, wait

NAME = "directory"
MAX_AGE = 30


FAULT = {"kind": "error", "code": "InternalServerException", "http": 500, "message": "boom"}


@contextlib.contextmanager
def held(server):
    """The attack as it goes on: nothing of the directory can be listed, and nobody be read."""
    sim, faults = Api(server.endpoint), []
    try:
        for operation in ("ListUsers", "ListGroups", "DescribeUser"):
            match = {"service": "identitystore", "operation": operation}
            faults += sim.post("/_sim/faults", FAULT | {"match": match}).json["ids"]
        yield
    finally:
        for fault in faults:
            sim.call("DELETE", f"/_sim/faults/{fault}")


class World:
    """A server that may know the organization for half a minute."""

    def __init__(self, stage, check):
        self.stage, self.check = stage, check
        self.server = Served(stage, extra=f'[inventory]\nmax_age = "{MAX_AGE}s"\n')
        self.sim = Api(self.server.endpoint)
        self.faults = []

    def knows_for(self, age):
        """The server again, which may know the organization for so long."""
        self.stage.stop(self.server.process)
        path = self.stage.path("hallpass.toml")
        path.write_text(path.read_text().replace(f'max_age = "{MAX_AGE}s"', f'max_age = "{age}"'))
        self.check(f"the server starts again, and may know the organization for {age}", self.server.start(), self.server.said()[-600:])

    def ready(self, part=None):
        answer = Api(self.server.base).get("/readyz")
        if part is None:
            return answer.status == 200
        return next(row for row in answer.json["parts"] if row["name"] == part)

    def fault(self, operation, code="InternalServerException", http=500):
        made = self.sim.post("/_sim/faults", {"kind": "error", "code": code, "http": http, "message": "boom",
                                              "match": {"service": "identitystore", "operation": operation}})
        self.faults += made.json["ids"]

    def no_longer_fresh(self):
        """What is known is some seconds old: too old to speak for somebody who uses a right."""
        # a reading that was under way may have been begun before, and end after
        since = time.monotonic()

        def is_old():
            age = re.search(r"read (\d+)s ago", self.ready("aws")["detail"])
            return age and int(age[1]) >= 6 and time.monotonic() - since >= 6
        self.check("what is known of people is some seconds old", wait(is_old, 20, every=0.2), self.ready("aws"))

    def mend(self):
        for fault in self.faults:
            self.sim.call("DELETE", f"/_sim/faults/{fault}")
        self.faults = []
        self.check("AWS answers again, and the organization is read", wait(self.ready, 60, self.server.process, every=0.3))

    def mutate(self, change):
        answer = self.sim.post("/_sim/mutate", change)
        self.check(f"an administrator changes the directory: {next(iter(change))}", answer.status == 200, answer)

    def request(self, who=MARA, **more):
        answer = self.server.api(who).post("/api/v1/requests", asking(**more))
        return answer.json["id"]

    def press(self, who, request, what="approve"):
        return self.server.api(who).post(f"/api/v1/requests/{request}/{what}")

    def state(self, request):
        return self.server.api(MARA).get(f"/api/v1/requests/{request}").json["state"]

    def active(self, grant):
        api = self.server.api(MARA)
        return wait(lambda: api.get(f"/api/v1/grants/{grant}").json["state"] == "active", 30)

    def present(self, user, permission_set):
        rows = self.sim.get("/_sim/state?assignments=1").json["assignments"]
        return any(row["principal_id"] == user and row["permission_set"].endswith(permission_set) for row in rows)


def removed_people(world):
    """Disabled, then deleted: refused at once, while the snapshot still has them."""
    check = world.check
    # however long a slow machine presses: it is about people who left, not about a snapshot that is too old for everybody
    world.knows_for("10m")
    request = world.request()
    # the snapshot goes on knowing everybody: no listing tells of what happens now
    world.fault("ListUsers")
    world.mutate({"disable_user": {"user": TOMASZ}})
    world.no_longer_fresh()
    pressed = time.time()
    refused = world.press(TOMASZ, request)
    check("an approver disabled a moment ago is refused immediately",
          (refused.status, refused.code) == (403, "not-in-directory") and time.time() - pressed < 25, refused)
    check.equal("nothing was decided", world.state(request), "pending")
    records = [row for row in world.server.api(INES).all("/api/v1/audit") if row["event"] == "press.refused"]
    check("the refused press is on record", any(TOMASZ in str(row["actor"]) and "not-in-directory" in row["error"] for row in records), records)
    calls = world.sim.get("/_sim/calls?operation=DescribeUser&limit=1000").json["calls"]
    pressed = time.time()
    again = [world.press(TOMASZ, request).code for _ in range(5)]
    # AWS's answer counts for five seconds
    looks = 2 + (time.time() - pressed) // 5
    more = world.sim.get("/_sim/calls?operation=DescribeUser&limit=1000").json["calls"]
    check("and again a second later, without asking AWS each time",
          set(again) == {"not-in-directory"} and len(more) - len(calls) <= min(looks, 4), (again, len(more) - len(calls)))
    ok = world.press(PRIYA, request)
    check("another approver is not disturbed", ok.status == 200 and ok.json["state"] == "approved", ok)
    grant = ok.json["grant_id"]
    check("and the access is given", world.active(grant))
    world.server.api(MARA).post(f"/api/v1/grants/{grant}/release")
    world.mend()
    # gone altogether
    request = world.request()
    world.fault("ListUsers")
    world.mutate({"delete_user": {"user": PRIYA}})
    world.no_longer_fresh()
    refused = world.press(PRIYA, request)
    check("an approver deleted a moment ago is refused immediately", (refused.status, refused.code) == (403, "not-in-directory"), refused)
    world.press(MARA, request, "discard")
    world.mend()


def unreadable_people(world):
    """Nobody can be asked about: nobody is let through, and it is said what to do."""
    check = world.check
    world.fault("DescribeUser", code="AccessDeniedException", http=400)
    # a snapshot of the last seconds speaks for everybody in it, so the first may pass
    answers = []

    def refused():
        answer = world.server.api(MARA).post("/api/v1/requests", asking("ReadOnly", 300))
        answers.append(answer)
        return answer.code == "person-unchecked"

    check("a user who cannot be checked gets nothing", wait(refused, 30, every=0.5), answers[-1])
    last = answers[-1]
    check("503, in words, with the time to try again",
          last.status == 503 and "your account could not be checked" in last.json["detail"] and last.headers.get("retry-after") == "5", last)
    for answer in answers[:-1]:
        if answer.status == 201:
            world.server.api(MARA).post(f"/api/v1/grants/{answer.json['grant_id']}/release")
    world.mend()


def old_directory(world):
    """Listings fail for longer than the snapshot may be old."""
    check, server = world.check, world.server
    user = server.api(MARA).get("/api/v1/me").json["user_id"]
    held = server.api(MARA).post("/api/v1/requests", asking("ReadOnly", 600)).json["grant_id"]
    short = server.api(MARA).post("/api/v1/requests", asking("ReadOnly", 600, account="payments-dev")).json["grant_id"]
    check("two grants are made", world.active(held) and world.active(short))
    waiting, other = world.request(), world.request(account="orders-prod")
    before = time.time()
    world.fault("ListUsers")
    check("past its age /readyz says so", wait(lambda: not world.ready("aws")["ok"], MAX_AGE + 30, server.process, every=0.3), world.ready("aws"))
    asked = {path: Api(server.base).get(path).status for path in ("/readyz", "/readyz?for=balancer")}
    check.equal("and a balancer keeps the node: no other knows more", asked, {"/readyz": 503, "/readyz?for=balancer": 200})
    check("it was within its age for as long", time.time() - before > MAX_AGE / 3, time.time() - before)
    # disabling somebody does not matter: nobody decides by what is that old
    for name, answer in (
        ("asking", server.api(MARA).post("/api/v1/requests", asking("ReadOnly", 300, account="orders-prod"))),
        ("asking and waiting", server.api(MARA).post("/api/v1/requests", asking(account="payments-dev"))),
        ("discarding by an administrator", world.press(INES, waiting, "discard")),
    ):
        check(f"{name} is refused: 503 organization-unread", (answer.status, answer.code) == (503, "organization-unread"), answer)
        at = re.search(r"last read at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC", answer.json["detail"])
        check(f"{name}: it says when it was last read, and why not since",
              at and "cannot read users" in answer.json["detail"] and "InternalServerException" in answer.json["detail"], answer)
        if at:
            read = datetime.datetime.fromisoformat(at[1] + "+00:00").timestamp()
            check(f"{name}: that time is right", -90 < read - before < 30, read - before)
        check(f"{name}: it says when to try again", answer.headers.get("retry-after") == "30", answer.headers)
    asked = world.stage.run("request", "--account", "payments-prod", "--permission-set", "ReadOnly", "--for", "5m", "--reason", "OPS-1: look", "--new",
                            "--server", server.base, HALLPASS_TOKEN=server.tokens[MARA])
    check("the command line says the same", asked.returncode == 1 and "the directory cannot be read" in asked.stderr, asked.stderr)
    released = server.api(MARA).post(f"/api/v1/grants/{held}/release")
    check("ending early still works", released.status == 200, released)
    own = world.press(MARA, other, "discard")
    check("and withdrawing a request", own.status == 200, own)
    revoked = server.api(INES).post(f"/api/v1/grants/{short}/revoke", {"reason": "INC-7"})
    check("and revoking", revoked.status == 200, revoked)
    check("and the access is gone", wait(lambda: not world.present(user, "ReadOnly"), 60), world.sim.get("/_sim/state?assignments=1").json["assignments"])
    left = [row for row in server.api(INES).all("/api/v1/audit") if row["event"] == "drift.principal_left" and row["sso_user_principal_id"] == user]
    check("no access ended because of a failed read", not left, left)
    world.mend()
    approved = world.press(INES, waiting, "discard")
    check("read again, it is decided again", approved.status == 200, approved)


def run(check, stage):
    with Stage("directory") as own:
        world = World(own, check)
        check("the organization is read", wait(world.ready, 60, world.server.process))
        old_directory(world)
        unreadable_people(world)
        removed_people(world)


if __name__ == "__main__":
    check = Checks()
    run(check, None)
    check.end()
