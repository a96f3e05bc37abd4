#!/usr/bin/env python3
"""Inactive people suspended where they come from (`inventory.md` H-43): at Okta, through SCIM, rung by rung; refused, lost and
killed; their sessions cut off; and with the policy that `doctor` prints for it."""

import http.server
import json
import re
import signal
import threading
import time

from people import Hands, Trail, World
from served import MARA
from stage import Api, Checks, Stage, wait
from sync import client

OKTA_TOKEN, SCIM_TOKEN = "okta-secret-1", "scim-secret-1"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
check = Checks()


class Provider(http.server.BaseHTTPRequestHandler):
    """Okta's people and their lifecycle, and the SCIM endpoint of an instance; what was written is kept."""

    okta, scim, written, refusing, lost = {}, {}, [], False, 0

    def do_GET(self):
        if found := re.fullmatch(r"/api/v1/users/(\w+)", self.path):
            person = Provider.okta.get(found[1]) if self.knows(f"SSWS {OKTA_TOKEN}") else None
            return self.answer(200, person) if person else self.answer(404, {"errorCode": "E0000007", "errorSummary": "Not found"})
        person = Provider.scim.get(self.path.removeprefix("/tenant/scim/v2/Users/")) if self.knows(f"Bearer {SCIM_TOKEN}") else None
        return self.answer(200, person) if person else self.answer(404, {"status": "404", "detail": "there is nobody"})

    def do_POST(self):
        """A person suspended, or back: only who may sign in is suspended (Okta Users API, User Lifecycle)."""
        found = re.fullmatch(r"/api/v1/users/(\w+)/lifecycle/(suspend|unsuspend)", self.path)
        if not (found and self.knows(f"SSWS {OKTA_TOKEN}")):
            return self.answer(404, {"errorCode": "E0000007", "errorSummary": "Not found"})
        person, begin = Provider.okta[found[1]], "ACTIVE" if found[2] == "suspend" else "SUSPENDED"
        if Provider.refusing or person["status"] != begin:
            return self.answer(400, {"errorCode": "E0000001", "errorSummary": "Cannot suspend a user that is not active"})
        person["status"] = "SUSPENDED" if found[2] == "suspend" else "ACTIVE"
        Provider.written.append(f"{found[2]} {found[1]}")
        if Provider.lost:
            Provider.lost -= 1
            return self.connection.close()
        return self.answer(200, {})

    def do_PATCH(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        id = self.path.removeprefix("/tenant/scim/v2/Users/")
        [change] = body["Operations"]
        if not self.knows(f"Bearer {SCIM_TOKEN}") or body["schemas"] != [PATCH] or (change["op"], change["path"]) != ("replace", "active"):
            return self.answer(400, {"status": "400", "detail": "what is that"})
        Provider.scim[id]["active"] = change["value"]
        Provider.written.append(f"active={change['value']} {id}")
        return self.answer(200, Provider.scim[id])

    def knows(self, proof):
        return self.headers["Authorization"] == proof

    def answer(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


class Suspending(Hands):
    """Somebody who was away, at their provider."""

    def __init__(self, world, port):
        super().__init__(world)
        self.okta_environment = {"HALLPASS_OKTA_URL": f"http://127.0.0.1:{port}", "HALLPASS_OKTA_TOKEN": OKTA_TOKEN}
        self.plain = dict(self.environment)
        self.environment |= self.okta_environment
        file = Api(world.served.endpoint).get("/_sim/state?full=1").json["file"]
        self.person = next(it for it in file["identity_center"]["users"] if (it.get("email") or "").lower() == MARA)
        self.name = self.person["user_name"]
        Provider.okta = {"00umara": {"id": "00umara", "status": "ACTIVE", "profile": {"login": self.name.upper(), "email": MARA}}}
        Provider.scim = {world.away: {"id": world.away, "userName": self.name, "active": True}}

    def comes_from(self, *ids):
        """Whom an outside provider has, by ids of its own."""
        person = {**self.person, "external_ids": [{"issuer": "https://acme.okta.com", "id": id} for id in ids]}
        loaded = Api(self.world.served.endpoint).post("/_sim/load?merge=1", {"version": 1, "identity_center": {"users": [person]}})
        assert loaded.status < 300, loaded

    def state(self):
        return Provider.okta["00umara"]["status"], Provider.scim[self.world.away]["active"]

    def writes(self):
        written, Provider.written[:] = list(Provider.written), []
        return written


def kinds(done):
    return [it["kind"] for it in (done or {}).get("plans", [])]


def prepared(world):
    world.trail = trail = Trail(world.stage.path("trail"), world.account, world.region, world.store)
    others = [it["UserId"] for it in world.everybody if it["UserId"] != world.away]
    trail.write(30, [make(user, 30) for user in others + [world.away] for make in (trail.reset, trail.seen) if (user, make) != (world.away, trail.seen)], "others")
    trail.write(120, [trail.seen(world.away, 120)], "away")


def dry(hands, by):
    """A dry run, again while a busy machine makes the command itself ask for that."""
    for _ in range(3):
        ran, done = hands.run("--by", by)
        if "run the same command again" not in ran.stderr:
            break
    return ran, done


def at_okta(hands):
    world = hands.world
    hands.environment = hands.plain
    ran, _ = hands.run("--by", "okta")
    check("without an address of Okta that is exit 2", ran.returncode == 2 and "`--by okta`: it is not set up" in ran.stderr, (ran.returncode, ran.stderr))
    hands.environment = hands.plain | hands.okta_environment
    ran, done = hands.run("--by", "okta", "--apply", "--yes")
    check("who does not come from an outside provider is left as they were", ran.returncode == 1 and "not at `okta`" in ran.stderr
          and hands.writes() == [], (ran.returncode, ran.stderr))
    ran, done = dry(hands, "okta,disable")
    check("and the next rung is shown", (ran.returncode, kinds(done)) == (0, ["pci.disable"]), (ran.returncode, done, ran.stderr))
    hands.comes_from("somebody@else", "00unobody", "00umara")
    Provider.okta["00umara"]["profile"] = {"login": "zoe", "email": "zoe@example.com"}
    ran, done = hands.run("--by", "okta", "--apply", "--yes")
    check("an id of another user there is not touched", ran.returncode == 1 and hands.writes() == [], (ran.returncode, ran.stderr))
    Provider.okta["00umara"]["profile"] = {"login": hands.name.upper(), "email": MARA}
    ran, done = dry(hands, "okta")
    check("a dry run shows it, and does nothing", (ran.returncode, kinds(done), hands.writes()) == (0, ["pci.okta"], []), (ran, done))
    ran, done = hands.run("--by", "okta", "--apply", "--yes")
    check("they are suspended", ran.returncode == 0 and hands.writes() == ["suspend 00umara"], (ran.returncode, ran.stderr, done))
    check("the revocation of their sessions is shown", f"--user {hands.name}" in ran.stderr and "sessions apply" in ran.stderr, ran.stderr)
    said = ran.stdout + ran.stderr
    back = hands.undo(done["plans"][0]["plan"])
    check("taken back they may sign in again", back.returncode == 0 and hands.writes() == ["unsuspend 00umara"], (back.returncode, back.stdout, back.stderr))
    check("nothing shows the token", OKTA_TOKEN not in said + back.stdout + back.stderr, said)
    Provider.lost = 1
    ran, done = hands.run("--by", "okta", "--apply", "--yes")
    check.equal("an answer that is lost is looked after, not sent again", (ran.returncode, hands.writes(), hands.state()[0]), (0, ["suspend 00umara"], "SUSPENDED"))
    ran, _ = hands.run("--by", "okta", "--apply", "--yes")
    check.equal("a second time nothing is sent", (ran.returncode, hands.writes()), (0, []))
    Provider.okta["00umara"]["status"] = "ACTIVE"


def ladder(hands):
    Provider.refusing = True
    ran, done = hands.run("--by", "okta,scim,disable,cut-access", "--apply", "--yes")
    check.equal("where Okta refuses, SCIM is next, and nothing after it", (ran.returncode, kinds(done), hands.writes()),
                (0, ["pci.okta", "pci.scim"], [f"active=False {hands.world.away}"]))
    check.equal("the identity store was not touched", hands.status(hands.world.away), "ENABLED")
    back = hands.undo(done["plans"][1]["plan"])
    check.equal("and taken back", (back.returncode, hands.writes(), hands.state()[1]), (0, [f"active=True {hands.world.away}"], True))
    check("nothing shows the token", SCIM_TOKEN not in ran.stdout + ran.stderr + back.stdout + back.stderr, ran.stderr)
    Provider.scim[hands.world.away]["userName"] = "zoe"
    ran, done = hands.run("--by", "okta,scim,disable", "--apply", "--yes")
    check.equal("who is called otherwise there is disabled in the identity store", (ran.returncode, kinds(done), hands.writes()), (0, ["pci.okta", "pci.disable"], []))
    check.equal("and is", hands.status(hands.world.away), "DISABLED")
    Provider.scim[hands.world.away]["userName"], Provider.refusing = hands.name, False
    back = hands.undo(done["plans"][1]["plan"])
    check("and back", back.returncode == 0 and wait(lambda: hands.status(hands.world.away) == "ENABLED", 20), back.stderr)
    elsewhere = hands.stage.path("hallpass.toml").read_text().replace("/tenant/", "/other/")
    hands.stage.path("elsewhere.toml").write_text(elsewhere)
    ran, done = hands.run("--by", "scim", "--apply", "--yes")
    ran = hands.stage.run("plan", "undo", done["plans"][0]["plan"], "--apply", "--yes", "--output", "json", "--config", "elsewhere.toml", timeout=300, **hands.environment)
    check("a plan about one endpoint is not carried out at another", ran.returncode != 0 and hands.writes() == [f"active=False {hands.world.away}"], (ran.returncode, ran.stdout[-400:]))
    hands.undo(done["plans"][0]["plan"])
    half = hands.stage.path("hallpass.toml").read_text().replace("scim_token", "#")
    hands.stage.path("half.toml").write_text(half)
    ran, _ = hands.run("--by", "scim", "--config", "half.toml")
    check("an endpoint without a token is exit 2", ran.returncode == 2 and "pci.scim_token" in ran.stderr, (ran.returncode, ran.stderr))
    hands.writes()


def killed(hands):
    for seconds in (0.3, 0.6, 0.9, 1.2):
        process = hands.stage.spawn("activity", "pci", "act", "--users", "users.json", "--source", "dir:trail", "--regions", hands.world.region,
                                    "--by", "okta", "--apply", "--yes", log="act.log", **hands.environment)
        try:
            process.wait(seconds)
        except Exception:
            hands.stage.stop(process, signal.SIGKILL)
    ran, done = hands.run("--by", "okta", "--apply", "--yes")
    check.equal("after kills they are suspended, once", (ran.returncode, hands.writes(), hands.state()[0]), (0, ["suspend 00umara"], "SUSPENDED"))
    Provider.okta["00umara"]["status"] = "ACTIVE"


def sessions(hands):
    ran, done = hands.run("--by", "disable", "--apply", "--yes", "--end-sessions")
    organizations = client("organizations", hands.world.aws)
    policies = organizations.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
    mine = [it["Id"] for it in policies if it["Name"] == "hallpass-sessions"]
    text = organizations.describe_policy(PolicyId=mine[0])["Policy"]["Content"] if mine else ""
    check("with --end-sessions their sessions are revoked by a policy", ran.returncode == 0 and len(kinds(done)) == 2 and f"*:{hands.name}" in text,
          (ran.returncode, kinds(done), ran.stderr, text))
    roots = [it["Id"] for it in organizations.list_roots()["Roots"]]
    targets = organizations.list_targets_for_policy(PolicyId=mine[0])["Targets"] if mine else []
    check.equal("on the root", [it["TargetId"] for it in targets], roots)
    for plan in reversed(done["plans"]):
        back = hands.undo(plan["plan"])
        check("and each is taken back", back.returncode == 0, back.stderr)


def least(hands):
    """What `doctor` prints allows each call that is made, and no other."""
    world, sim = hands.world, Api(hands.world.served.endpoint)
    arn = f"arn:aws:iam::{world.account}:role/people"
    role = {"name": "people", "trust": [f"arn:aws:iam::{world.account}:root"], "policies": ["AdministratorAccess"]}
    assert sim.post("/_sim/load?merge=1", {"version": 1, "iam": {world.account: {"roles": [role]}}}).status < 300
    own = hands.stage.path("hallpass.toml").read_text().replace("[aws]\n", f'[aws]\nrole_arn = "{arn}"\n', 1)
    hands.stage.path("role.toml").write_text(own)
    printed = hands.stage.run("doctor", "--iam-policy", "--for", "pci", "--config", "role.toml", **hands.environment)
    statements = json.loads(printed.stdout)["Statement"]
    allowed = {action for it in statements for action in it["Action"]}
    # something of their own, beside groups
    admin = client("sso-admin", world.aws)
    sets = admin.list_permission_sets(InstanceArn=hands.instance)["PermissionSets"]
    account = next(it["Id"] for it in client("organizations", world.aws).list_accounts()["Accounts"] if it["Id"] != world.account and it["State"] == "ACTIVE")
    admin.create_account_assignment(InstanceArn=hands.instance, TargetId=account, TargetType="AWS_ACCOUNT", PermissionSetArn=sets[0],
                                    PrincipalType="USER", PrincipalId=world.away)
    check("they have a direct assignment", wait(lambda: (account, sets[0]) in hands.access(world.away)[1], 60), hands.access(world.away))
    since = max((it["seq"] for it in sim.get("/_sim/calls?since=0&limit=100000").json["calls"]), default=0)
    config = ("--config", "role.toml")
    hands.environment = hands.plain | hands.okta_environment
    for value, by in (("accepted", "disable"), ("accepted", "cut-access")):
        hands.switch(value)
        ran, done = hands.run("--by", by, "--apply", "--yes", *config)
        check("the role acts", ran.returncode == 0, (by, ran.stderr))
        for plan in done["plans"]:
            back = hands.stage.run("plan", "undo", plan["plan"], "--apply", "--yes", "--output", "json", *config, timeout=300, **hands.environment)
            check("and takes it back", back.returncode == 0, back.stderr)
        wait(lambda: hands.status(world.away) == "ENABLED", 20)
    hands.run("--by", "okta", *config)
    ran, done = hands.run("--by", "cut-access", "--allow-delete", "--apply", "--yes", *config)
    check("the role deletes", ran.returncode == 0, ran.stderr)
    calls = [it for it in sim.get(f"/_sim/calls?since={since}&limit=100000").json["calls"] if "/people/" in json.dumps(it)]
    services = {"sso": "sso", "sso-admin": "sso", "identitystore": "identitystore", "organizations": "organizations"}
    made = {f"{services.get(it['service'], it['service'])}:{it['operation']}" for it in calls if it["service"] != "sts"}
    check.equal("calls that the policy does not allow", sorted(made - allowed), [])
    # only where Organizations does not say where accounts stand
    check.equal("what it allows and nothing calls", sorted(allowed - made), ["organizations:ListAccountsForParent"])


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    with Stage("suspended") as stage:
        world = World(stage, f'scim_endpoint = "http://127.0.0.1:{port}/tenant/scim/v2/"\nscim_token = "{SCIM_TOKEN}"\n')
        prepared(world)
        hands = Suspending(world, port)
        at_okta(hands)
        ladder(hands)
        killed(hands)
        sessions(hands)
        least(hands)
    check.end()


if __name__ == "__main__":
    main()
