#!/usr/bin/env python3
"""Being two people, somebody else, or somebody who left: by a new address, by an address that somebody else had,
by a token that outlives its person, by going on after being cut off (`design.md` §2: P12).

The real server over the simulated AWS, whose directory is changed as an administrator of it would."""

import threading
import urllib.request

import boto3

from served import INES, MARA, NOOR, PRIYA, RULES, TOMASZ, Served, asking
from stage import Api, Checks, Stage, wait

NAME = "identity"
OTHER = "tomasz.nowak@example.com"
QUORUM = f"""
[[rule]]
id = "two"
accounts = ["*"]
permission_sets = ["AdministratorAccess"]
approvers = ["{TOMASZ}", "{OTHER}", "{PRIYA}"]
min_approvals = 2
"""


class World:
    def __init__(self, stage, check):
        self.stage, self.check = stage, check
        self.server = Served(stage, extra='[inventory]\nmax_age = "10s"\n')
        self.sim = Api(self.server.endpoint)
        self.center = self.sim.get("/_sim/state").json["identity_center"]
        self.store = boto3.client(
            "identitystore", endpoint_url=self.server.endpoint, region_name=self.center["home_region"],
            aws_access_key_id=stage.directory["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=stage.directory["AWS_SECRET_ACCESS_KEY"])

    def user(self, who):
        return self.server.api(who).get("/api/v1/me").json["user_id"]

    def rename(self, who, to):
        store = self.center["identity_store_id"]
        user = who if "@" not in who else self.user(who)
        self.store.update_user(IdentityStoreId=store, UserId=user, Operations=[
            {"AttributePath": "emails", "AttributeValue": [{"Value": to, "Type": "Work", "Primary": True}]}])
        return user

    def rules(self, text):
        count = lambda: len(self.server.api(INES).get("/api/v1/audit?event=config.loaded&limit=500").json["items"])
        before = count()
        self.stage.path("rules.toml").write_text(text)
        self.check("the rules are read again", wait(lambda: count() > before, 30))

    def ask(self, who, permission_set="DatabaseOperator", account="payments-prod"):
        body = asking(permission_set) | {"account": account}
        return self.server.api(who).post("/api/v1/requests", body).json["id"]

    def press(self, who, request, what="approve"):
        answer = self.server.api(who).post(f"/api/v1/requests/{request}/{what}")
        return answer.status, (answer.json or {}).get("code")


def listening(server, who):
    """Whether an event stream is still open: an event that is set when it ends."""
    ended = threading.Event()
    call = urllib.request.Request(f"{server.base}/api/v1/events",
                                  headers={"Authorization": f"Bearer {server.tokens[who]}"})
    stream = urllib.request.urlopen(call, timeout=120)

    def read():
        try:
            while stream.read(1):
                pass
        except OSError:
            pass
        ended.set()
    threading.Thread(target=read, daemon=True).start()
    return ended


def run(check, stage):
    world = World(stage, check)
    server = world.server
    made = stage.run("server", "token", "create", "--user", "nobody@example.com", **stage.directory)
    check("a token for no user is refused", made.returncode == 1 and not made.stdout, (made.returncode, made.stderr))

    world.rules(RULES.replace(TOMASZ, f'{TOMASZ}", "{OTHER}') + QUORUM)
    own, two = world.ask(TOMASZ), world.ask(MARA, "AdministratorAccess")
    check.equal("a first approval of two", world.press(TOMASZ, two)[0], 200)
    world.rename(TOMASZ, OTHER)
    email = lambda: server.api(TOMASZ).get("/api/v1/me").json["email"]
    check("he has another address", wait(lambda: email() == OTHER, 60, every=0.3), email())
    check.equal("under it he does not approve his own", world.press(TOMASZ, own), (403, "own-request"))
    check.equal("and does not fill the second seat", world.press(TOMASZ, two), (409, "already-reviewed"))
    check.equal("another user does", world.press(PRIYA, two)[0], 200)

    hers = world.ask(NOOR)
    ended = listening(server, NOOR)
    world.sim.post("/_sim/mutate", {"disable_user": {"user": NOOR}})
    gone = lambda: server.api(NOOR).get("/api/v1/me").status in (401, 403)
    check("who left has no token any more", wait(gone, 60, every=0.3))
    check("and no stream", ended.wait(120))
    store = world.center["identity_store_id"]
    found = world.store.list_users(IdentityStoreId=store)["Users"]
    left = next(user["UserId"] for user in found if user.get("Emails", [{}])[0].get("Value") == NOOR)
    world.rename(left, "left@example.com")
    world.rename(server.stranger, NOOR)
    mine = lambda: server.api(server.stranger).get("/api/v1/me").json["email"] == NOOR
    check("a new hire has her address", wait(mine, 60, every=0.3))
    check("and not her token", gone())
    answer = server.api(server.stranger).get(f"/api/v1/requests/{hers}")
    check.equal("and does not see her requests", answer.status, 404)

    waiting = world.ask(MARA)
    ended = listening(server, MARA)
    lock = {"user": MARA, "reason": "a laptop was stolen", "held": "ends_with_sessions"}
    check.equal("an approver cannot lock users", server.api(TOMASZ).post("/api/v1/locks", lock).status, 403)
    check.equal("an administrator does", server.api(INES).post("/api/v1/locks", lock).status, 200)
    check("her stream ends", ended.wait(60))
    check("her token is no token", server.api(MARA).get("/api/v1/me").status in (401, 403))
    state = lambda: server.api(INES).get(f"/api/v1/requests/{waiting}").json["state"]
    check("her request is withdrawn", wait(lambda: state() == "discarded", 10), state())
    made = stage.run("server", "token", "create", "--user", MARA, **stage.directory)
    check("and she gets no other", made.returncode == 1, made.stderr)
    found = {"user": MARA, "reason": "found"}
    check.equal("another user lets her in", server.api(INES).post("/api/v1/locks/lift", found).status, 200)
    check("the old token stays void", server.api(MARA).get("/api/v1/me").status == 401)
    check.equal("a new one counts", Api(server.base, stage.token(MARA)).get("/api/v1/me").status, 200)
    check.equal("the log verifies", stage.run("audit", "verify").returncode, 0)


def main():
    check = Checks()
    with Stage("identity") as stage:
        run(check, stage)
    check.end()


if __name__ == "__main__":
    main()
