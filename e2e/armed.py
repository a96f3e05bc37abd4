#!/usr/bin/env python3
"""Ends that AWS enforces (`access.md` §21): with the server stopped in its tracks a live session is refused from the end on,
and nobody else's is; the end moves with the grant; what somebody holds by a group is never refused; other people's policies
stay as they are."""

import json
import os
import signal

from drilled import ANA, BO, DEV, FULL, MANAGEMENT, World, denied, organization
from stage import Api, Checks, Stage, answers, free_port, wait

POLICY = f"hallpass-armed-ends-{DEV}"
CY = "cy@acme.example"
RULES = """
[[rule]]
id = "operators"
accounts = ["*"]
permission_sets = ["Operator", "Shared"]
approval_is_not_required = true
"""


class Server:
    """`hallpass serve` over a simulated organization, with ends armed."""

    def __init__(self, stage):
        wanted = organization()
        for name in ("Operator", "Shared"):
            wanted["identity_center"]["permission_sets"].append(
                {"name": name, "session_duration": "PT1H", "managed_policies": [FULL]})
            # he always has them: with its last assignment a role would go, and every session with it
            wanted["identity_center"]["assignments"].append({"account": DEV, "permission_set": name, "user": BO})
        wanted["identity_center"]["users"].append({"user_name": CY, "given_name": "cy", "family_name": "X", "email": CY})
        wanted["identity_center"]["groups"] = [{"name": "Shift", "members": [CY]}]
        wanted["identity_center"]["assignments"].append({"account": DEV, "permission_set": "Shared", "group": "Shift"})
        stage.path("organization.json").write_text(json.dumps(wanted))
        _, endpoint, self.environment = stage.simulator("--organization", stage.path("organization.json"), "--speed", "fast")
        self.stage, self.port, self.endpoint = stage, free_port(), endpoint
        stage.path("rules.toml").write_text(RULES)
        self.configure("preferred")
        self.world = World(stage, Api(endpoint), endpoint, self.environment)
        self.api = {who: Api(f"http://127.0.0.1:{self.port}", stage.token(who)) for who in (ANA, BO, CY)}
        self.process = None

    def configure(self, mode):
        self.stage.path("hallpass.toml").write_text(
            f'[server]\nlisten = "127.0.0.1:{self.port}"\n[store]\nurl = "sqlite:hallpass.db"\n[identity]\nadmins = ["{BO}"]\n'
            f'[access.duration]\nmin = "1s"\n[access.armed_ends]\nmode = "{mode}"\n')

    def start(self):
        self.process = self.stage.spawn("serve", log="serve.log", **self.environment)
        ready = wait(lambda: answers(self.api[ANA], "/readyz"), 60, self.process)
        assert ready, self.stage.said("serve.log")

    def stop(self):
        return self.stage.stop(self.process)

    def ask(self, who, name="Operator", account="dev", seconds=3600):
        return self.api[who].post("/api/v1/requests", {
            "account": account, "permission_set": name, "duration_seconds": seconds, "reason": "OPS-1: look"})

    def take(self, who, name="Operator", account="dev", seconds=3600, state="active"):
        """A grant in a state, and its request."""
        asked = self.ask(who, name, account, seconds)
        assert asked.status < 300, asked
        found = wait(lambda: self.find(who, asked.json["id"], state), 60)
        assert found, self.stage.said("serve.log")
        return found

    def find(self, who, request, state):
        grants = self.api[who].get("/api/v1/grants").json["items"]
        return next((g for g in grants if g["request_id"] == request and g["state"] == state), None)

    def grant(self, who, grant):
        return self.api[who].get(f"/api/v1/grants/{grant['id']}").json

    def records(self, event):
        return self.api[BO].all(f"/api/v1/audit?event={event}")

    def statements(self):
        org = self.world.org
        for policy in org.list_policies_for_target(TargetId=DEV, Filter="SERVICE_CONTROL_POLICY")["Policies"]:
            if policy["Name"] == POLICY:
                return json.loads(org.describe_policy(PolicyId=policy["Id"])["Policy"]["Content"])["Statement"]
        return []


def refused_after(statements, name):
    for statement in statements:
        if f"AWSReservedSSO_{name}_" in statement["Condition"]["ArnLike"]["aws:PrincipalArn"]:
            return statement["Condition"]["DateGreaterThan"]["aws:CurrentTime"]
    return None


def armed_and_moved(check, server):
    hers = server.take(ANA)
    told = server.grant(ANA, hers)
    check("an end is in force when the access is", told.get("armed_until"), told)
    # the time counts from when the access was seen: the instant follows, within the pause between two writes
    follows = lambda: (now := server.grant(ANA, hers))["armed_until"] >= now["ends_at"] and now
    told = wait(follows, 30)
    check("and it is that of the access", told, server.grant(ANA, hers))
    check.equal("by one policy on the account", server.world.ours(), {POLICY: [DEV]})
    check.equal("AWS has that instant", refused_after(server.statements(), "Operator"), told["armed_until"])
    (ana, _), (bo, _) = server.world.login(ANA, "Operator"), server.world.login(BO, "Operator")
    check("her session works, and his", not denied(ana.list_roles) and not denied(bo.list_roles))
    longer = server.api[ANA].post(f"/api/v1/grants/{hers['id']}/extend", {"duration_seconds": 7200})
    check("it is extended", longer.status == 201, longer)
    moved = wait(lambda: server.grant(ANA, hers).get("armed_until", "") > told["armed_until"] and server.grant(ANA, hers), 20)
    check("AWS's instant moves with it", moved and refused_after(server.statements(), "Operator") == moved["armed_until"], moved)
    released = server.api[ANA].post(f"/api/v1/grants/{hers['id']}/release", {})
    check("given back", released.status < 300, released)
    check("her live session is refused", wait(lambda: denied(ana.list_roles), 30), server.stage.said("serve.log"))
    check("his is not", not denied(bo.list_roles))
    check("she has it again, and new sessions work", server.take(ANA) and wait(lambda: not denied(server.world.login(ANA, "Operator")[0].list_roles), 20))
    check("the log has each step", len(server.records("end.armed")) == 1 and len(server.records("end.rearmed")) >= 2)
    rows = server.stage.run("grants", "-o", "json", HALLPASS_SERVER=f"http://127.0.0.1:{server.port}", HALLPASS_TOKEN=server.api[ANA].token)
    listed = json.loads(rows.stdout)
    listed = listed["items"] if isinstance(listed, dict) else listed
    check("the command line lists it", any(row.get("armed_until") for row in listed), rows.stdout[:600])


def never_where_it_would_hit_what_stands(check, server):
    (cy, _) = server.world.login(CY, "Shared")
    his = server.take(CY, "Shared", seconds=25)
    told = server.grant(CY, his)
    check("held by a group: not armed, and why", "group" in told.get("not_armed", "") and "armed_until" not in told, told)
    check("the log says so", [row["grant_id"] for row in server.records("end.arm_failed")] == [his["id"]], server.records("end.arm_failed"))
    check("his grant ends", wait(lambda: server.grant(CY, his)["state"] == "ended", 60), server.stage.said("serve.log"))
    check("and what he has by the group works on", not denied(cy.list_roles))
    theirs = server.take(ANA, account=MANAGEMENT)
    check("the management account is not armed", "armed_until" not in server.grant(ANA, theirs), theirs)


def policies_of_others_stay(check, server):
    org, before = server.world.org, server.statements()
    mine = {"Version": "2012-10-17", "Statement": [{"Sid": "Mine", "Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"}]}
    other = org.create_policy(Name="mine", Description="x", Type="SERVICE_CONTROL_POLICY", Content=json.dumps(mine))["Policy"]["PolicySummary"]["Id"]
    org.attach_policy(PolicyId=other, TargetId=DEV)
    server.take(ANA, "Shared", seconds=1800)
    check("one more end, in the same policy", len(server.statements()) == len(before) + 1, server.statements())
    text = org.describe_policy(PolicyId=other)["Policy"]["Content"]
    check.equal("somebody else's policy is as it was", json.loads(text), mine)


def required(check, server):
    server.stop()
    server.configure("required")
    server.start()
    asked = server.ask(ANA, account=MANAGEMENT)
    check("required: nothing is given where no policy has an effect", asked.status == 403 and "management account" in json.dumps(asked.json), asked)
    root = server.world.root
    server.world.org.disable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    failed = server.take(CY, "Operator", account="test", state="failed")
    check("nor where AWS takes no policy, with the reason", "not enabled" in failed.get("error", ""), failed)
    org = server.world.org
    org.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    enabled = lambda: any(kind["Status"] == "ENABLED" for kind in org.list_roots()["Roots"][0]["PolicyTypes"])
    check("policies are enabled again", wait(enabled, 60))


def everything_of_ours_stopped(check, server):
    """The server hangs; AWS's clock goes on."""
    hers = server.take(CY, "Operator", seconds=60)
    (cy, _), (bo, _) = server.world.login(CY, "Operator"), server.world.login(BO, "Operator")
    follows = lambda: (now := server.grant(CY, hers))["armed_until"] >= now["ends_at"] and now["armed_until"]
    armed = wait(follows, 30)
    check("armed", armed, armed)
    os.kill(server.process.pid, signal.SIGSTOP)
    check("while it is hers the session works", not denied(cy.list_roles))
    server.world.sim.post("/_sim/advance", {"seconds": 121})
    check("two minutes later AWS refuses the live session by itself", denied(cy.list_roles))
    check("and nobody else's", not denied(bo.list_roles))
    os.kill(server.process.pid, signal.SIGCONT)
    check("the server goes on and ends the grant", wait(lambda: server.grant(CY, hers)["state"] == "ended", 90), server.stage.said("serve.log"))


def main():
    check = Checks()
    with Stage("armed") as stage:
        server = Server(stage)
        server.start()
        armed_and_moved(check, server)
        never_where_it_would_hit_what_stands(check, server)
        policies_of_others_stay(check, server)
        required(check, server)
        everything_of_ours_stopped(check, server)
        server.stop()
        check.equal("the log verifies", stage.run("audit", "verify").returncode, 0)
        check.equal("the store is sound", stage.run("store", "check").returncode, 0)
    check.end()


if __name__ == "__main__":
    main()
