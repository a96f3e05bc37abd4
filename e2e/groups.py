#!/usr/bin/env python3
"""Groups whose members follow attributes of people, against the identity store: who matches comes in, who does not is told or taken
out, what a grant holds ends with it, and nobody is added or removed by what was not read; killed, and on two nodes.

    groups.py [server] [nodes]
"""

import json
import signal
import time

import boto3

import drilled
import nodes
import postgres
from drilled import ANA, BO, World
from served import MARA, PRIYA
from stage import Api, Checks, Stage, answers, free_port, parts, rule, wait

ENTERPRISE = "aws:identitystore:enterprise"
STORE = "d-1234567890"
STAFF = [f"p{number}@acme.example" for number in range(1, 9)]
STRANGER = "stranger@acme.example"
NOBODY = rule("none", accounts=["*"], permission_sets=["BreakGlass"], approvers=[BO])
# whoever asks is given it at once, to have a grant of the group
OFFERED = rule("payments-for-a-while", groups=["payments"], approval_is_not_required=True)


def organization():
    whole = drilled.organization()
    center = whole["identity_center"]
    center["assignments"] = []
    person = lambda mail: {"user_name": mail, "given_name": mail.split("@")[0], "family_name": "X", "email": mail}
    center["users"] += [person(mail) for mail in [*STAFF, STRANGER]]
    departments = {ANA: "Legal", BO: "Legal", STRANGER: "Legal"} | dict.fromkeys(STAFF, "Payments")
    for user in center["users"]:
        user["attributes"] = {"UserType": "Employee", "Extensions": {ENTERPRISE: {"department": departments[user["user_name"]]}}}
    # two of the staff are not there yet, and somebody is whom no rule wants
    center["groups"] = [{"name": "payments", "members": [*STAFF[:6], STRANGER]}]
    return whole


def sync(manual="warn", groups=("payments",), **more):
    lines = [f'[groups.sync]\nenabled = true\ngroups = {json.dumps(list(groups))}\nmanual = "{manual}"\nevery = "2s"']
    lines += [f"{name} = {value}" for name, value in more.items()]
    lines += [f'[[groups.sync.rules]]\ngroup = "{group}"\nattributes = {{ department = "payments", user_type = ["*", "!Contractor"] }}' for group in groups]
    return "\n".join(lines) + "\n"


def role_of(environment, name):
    """The environment of a server with the rights of a role, and no more."""
    keys = {"aws_access_key_id": environment["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"]}
    sts = boto3.client("sts", endpoint_url=environment["AWS_ENDPOINT_URL"], region_name="eu-west-1", **keys)
    taken = sts.assume_role(RoleArn=f"arn:aws:iam::{drilled.MANAGEMENT}:role/do-{name}", RoleSessionName="least", DurationSeconds=3600)["Credentials"]
    return {**environment, "AWS_ACCESS_KEY_ID": taken["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": taken["SecretAccessKey"], "AWS_SESSION_TOKEN": taken["SessionToken"]}


class Directory:
    """The identity store as boto3 sees it."""

    def __init__(self, client, store=STORE):
        self.client, self.store = client, store
        self.users = {user["UserName"]: user["UserId"] for user in self.listed("list_users", "Users")}
        self.groups = {group["DisplayName"]: group["GroupId"] for group in self.listed("list_groups", "Groups")}
        self.names = {number: name for name, number in self.users.items()}

    def listed(self, operation, member, **more):
        pages = self.client.get_paginator(operation).paginate(IdentityStoreId=self.store, **more)
        return [row for page in pages for row in page[member]]

    def members(self, group="payments"):
        rows = self.listed("list_group_memberships", "GroupMemberships", GroupId=self.groups[group])
        return {self.names[row["MemberId"]["UserId"]] for row in rows}

    def change(self, who, path, value):
        self.client.update_user(IdentityStoreId=self.store, UserId=self.users[who], Operations=[{"AttributePath": path, "AttributeValue": value}])

    def department(self, who, value):
        self.change(who, f"{ENTERPRISE}.department", value)

    def departments(self):
        """Of everybody, as a listing has it; listings may lag, and go back and forth."""
        rows = self.listed("list_users", "Users", Extensions=[ENTERPRISE])
        return {row["UserName"]: row.get("Extensions", {}).get(ENTERPRISE, {}).get("department") for row in rows}

    def types(self):
        return {row["UserName"]: row.get("UserType") for row in self.listed("list_users", "Users")}


class Server:
    """The server under test, with a configuration that changes."""

    def __init__(self, stage, environment):
        self.stage, self.environment = stage, environment
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.process, self.log = None, 0

    def write(self, rules, more=""):
        self.stage.path("rules.toml").write_text(rules)
        self.stage.path("hallpass.toml").write_text(
            f'[server]\nlisten = "127.0.0.1:{self.port}"\n[store]\nurl = "sqlite:hallpass.db"\n[identity]\nadmins = ["{BO}"]\n'
            f'[access.duration]\nmin = "1s"\n[inventory]\nmax_age = "30s"\n{more}')

    def start(self, rules, more=""):
        self.write(rules, more)
        self.log += 1
        self.process = self.stage.spawn("serve", log=self.name(), **self.environment)
        return wait(lambda: answers(Api(self.base), "/readyz"), 60, self.process)

    def name(self):
        return f"serve-{self.log}.log"

    def said(self):
        return self.stage.said(self.name())

    def stop(self, how=signal.SIGTERM):
        return self.stage.stop(self.process, how)

    def api(self, who):
        return Api(self.base, self.stage.token(who))

    def view(self, api):
        return api.get("/api/v1/group-sync").json

    def part(self):
        return next((it for it in Api(self.base).get("/readyz").json["parts"] if it["name"] == "group_sync"), None)

    def runs(self):
        return self.said().count("compared memberships with attributes")

    def compares_again(self):
        """One whole comparison from now on: the one under way may have read before."""
        before = self.runs()
        return wait(lambda: self.runs() >= before + 2, 60, self.process)


def records(api, event):
    return api.get(f"/api/v1/audit?event={event}&limit=200").json["items"]


def of(found, who):
    return [it for it in found if it.get("requester_email") == who]


def owned_twice(stage, server, check):
    server.write(OFFERED + NOBODY, sync())
    done = stage.run("serve", **server.environment)
    line = OFFERED.splitlines().index(next(it for it in OFFERED.splitlines() if "groups" in it)) + 1
    check("a group that a rule offers does not follow attributes: exit 2, with file and line",
          done.returncode == 2 and "group-owned-twice" in done.stderr and f"rules.toml:{line}:" in done.stderr, (done.returncode, done.stderr[-600:]))


def comes_and_stays(stage, server, directory, check):
    """A grant from before, then memberships by attributes that only warn."""
    began = time.monotonic()
    check("a server that offers the group is ready", server.start(OFFERED + NOBODY), server.said()[-600:])
    # it outlives the next start and some comparisons, for which a slow machine needs longer
    lasts = max(45, int(12 * (time.monotonic() - began)))
    given = server.api(ANA).post("/api/v1/requests", {"group": "payments", "duration_seconds": lasts, "reason": "look at it"})
    check("a grant of the group is there", given.status == 201 and wait(lambda: ANA in directory.members(), 30), given)
    check.equal("it stops", server.stop(), 0)
    owned_twice(stage, server, check)
    check("a server whose group follows attributes is ready", server.start(NOBODY, sync()), server.said()[-600:])
    check("who matches is added", wait(lambda: set(STAFF) <= directory.members(), 40, server.process), directory.members())
    bo = server.api(BO)
    added = lambda: records(bo, "membership.added")
    check("each is a record with its rule", wait(lambda: len(added()) == 2, 20), added())
    check.equal("before AWS was asked, and after", [len(records(bo, f"membership.{event}")) for event in ("adding", "added")], [2, 2])
    check("the rule is in words", all("rule 1: " in it["reason"] and "department payments" in it["reason"] for it in added()), added())
    check.equal("of those who came", {it["requester_email"] for it in added()}, set(STAFF[6:]))
    server.compares_again()
    group = server.view(bo)["plan"][0]
    manual = [it["user"] for it in group["manual_members"]]
    check.equal("who matches nothing is manual, and who holds a grant is not", manual, [STRANGER])
    check("and stays", STRANGER in directory.members() and group["to_remove"] == 0, group)
    check("what a grant holds is there until its end", ANA in directory.members())
    check("which comes in time", wait(lambda: ANA not in directory.members(), lasts + 60, server.process, every=0.5), directory.members())
    words = ("server", "group-sync", "--output", "json")
    shown = stage.run(*words, HALLPASS_SERVER=server.base, HALLPASS_TOKEN=bo.token)
    check("a command shows it", shown.returncode == 0 and json.loads(shown.stdout)["plan"][0]["manual"] == 1, (shown.returncode, shown.stdout[:300], shown.stderr))
    asked = stage.run(*words, "--fail-on-findings", HALLPASS_SERVER=server.base, HALLPASS_TOKEN=bo.token)
    check.equal("with exit 3 for unmatched members if configured", asked.returncode, 3)
    shown = stage.run("server", "group-sync", "--output", "table", HALLPASS_SERVER=server.base, HALLPASS_TOKEN=bo.token)
    check("in words, too", STRANGER in shown.stdout and "no rule" in shown.stdout, shown.stdout)
    explain = lambda *case: stage.run("rules", "explain", *case, "--output", "table", HALLPASS_SERVER=server.base, HALLPASS_TOKEN=bo.token).stdout
    member = lambda: explain("--user", STAFF[6], "--account", "dev", "--permission-set", "BreakGlass")
    check("rules explain names the rule of attributes that makes the user a member",
          wait(lambda: "payments: a member by rule 1: " in member() and "department payments" in member(), 40, server.process), member())
    stranger = explain("--user", STRANGER, "--group", "payments")
    check("and who is one by none", "payments: a member who matches no rule of the group" in stranger, stranger)
    check("others do not see it", server.api(ANA).get("/api/v1/group-sync").status == 404)
    check("Health is good", wait(lambda: server.part()["ok"], 30) and "one member matches no rule" in server.part()["detail"], server.part())


def follows(server, directory, check):
    """Attributes change, the rules try to offer the group, and names lead nowhere."""
    directory.department(BO, "PAYMENTS")
    check("who gets the attribute comes in within the period", wait(lambda: BO in directory.members(), 40, server.process), directory.members())
    directory.change(BO, "userType", "Contractor")
    server.compares_again()
    bo = server.api(BO)
    check("who loses it is manual, and stays", wait(lambda: server.view(bo)["plan"][0]["manual"] == 2, 30, server.process) and BO in directory.members(), server.view(bo))
    directory.change(BO, "userType", "Employee")
    # a listing from before it would take BO out where removals are on
    check("the way back is in every listing", wait(lambda: all(directory.types()[BO] == "Employee" for _ in range(5)), 30))
    offered = rule("payments-by-id", groups=[directory.groups["payments"]], approval_is_not_required=True)
    server.stage.path("rules.toml").write_text(NOBODY + offered)
    check("rules that offer the group by id are refused while the server runs", wait(lambda: "group-owned-twice" in server.said(), 30), server.said()[-600:])
    server.stage.path("rules.toml").write_text(NOBODY)


def removes(stage, server, directory, sim, check):
    server.stop()
    check("with `remove` the server is ready", server.start(NOBODY, sync("remove", groups=("payments", "gone"))), server.said()[-600:])
    check("who matches nothing is removed", wait(lambda: STRANGER not in directory.members(), 40, server.process), directory.members())
    bo = server.api(BO)
    check("with a record", wait(lambda: len(of(records(bo, "membership.removed"), STRANGER)) == 1, 20), records(bo, "membership.removed"))
    removed = of(records(bo, "membership.removed"), STRANGER)[0]
    check("that says why", removed["removed"] is True and "matches no rule" in removed["reason"], removed)
    check("the others are there", set(STAFF) | {BO} <= directory.members(), directory.members())
    plans = {it["named"]: it for it in server.view(bo)["plan"]}
    check.equal("a missing group is reported", plans["gone"].get("problem"), "missing")
    check("on Health, and the server is ready", not server.part()["ok"] and "`gone`" in server.part()["detail"] and Api(server.base).get("/readyz").status == 200, server.part())


def nothing_by_what_is_unread(server, directory, sim, check):
    before = directory.members()
    bo = server.api(BO)
    fault = sim.post("/_sim/faults", {"kind": "error", "code": "InternalServerException", "http": 500, "message": "boom", "match": {"operation": "ListUsers"}})
    check("AWS lists no users any more", fault.status == 201, fault)
    directory.department(BO, "Legal")
    # by the log, which needs no directory: what the server shows of memberships does, and is refused as long as the fault lasts
    failed = lambda: records(bo, "memberships.failed")
    check("a comparison fails", wait(failed, 90, server.process), server.said()[-600:])
    check.equal("and changes no member", directory.members(), before)
    check.equal("with a record", len(failed()), 1)
    sim.call("DELETE", "/_sim/faults")
    check("when AWS answers, who lost the attribute goes", wait(lambda: BO not in directory.members(), 90, server.process), directory.members())


def many_are_none(server, directory, check):
    # all at once, as by a provider that sends departments no more: no comparison sees half of it
    server.process.send_signal(signal.SIGSTOP)
    for who in STAFF[:4]:
        directory.department(who, "Sales")
    check("the change is in every listing", wait(lambda: all(directory.departments()[who] == "Sales" for _ in range(5) for who in STAFF[:4]), 30))
    server.process.send_signal(signal.SIGCONT)
    check("four of eight are not removed", wait(lambda: "no one is removed" in (server.part() or {}).get("detail", ""), 60, server.process), server.part())
    server.compares_again()
    bo = server.api(BO)
    check("and are there", set(STAFF) <= directory.members(), directory.members())
    stopped = [it["why"] for it in records(bo, "memberships.stopped")]
    check("which is on record", any("4 of 8" in it for it in stopped), stopped)
    # and all at once back: a comparison that saw one or two without it would take these out, which no brake stops
    server.process.send_signal(signal.SIGSTOP)
    for who in STAFF[:4]:
        directory.department(who, "Payments")
    check("the way back is in every listing", wait(lambda: all(directory.departments()[who] == "Payments" for _ in range(5) for who in STAFF[:4]), 30))
    server.process.send_signal(signal.SIGCONT)
    server.compares_again()


def refused(server, directory, sim, check):
    sim.post("/_sim/faults", {"kind": "error", "code": "AccessDeniedException", "http": 400, "message": "the group is provisioned", "match": {"operation": "CreateGroupMembership"}})
    directory.department(ANA, "Payments")
    bo = server.api(BO)
    check("AWS's refusal is reported", wait(lambda: of(records(bo, "membership.refused"), ANA), 90, server.process), records(bo, "membership.refused"))
    check("in its words, on Health", wait(lambda: "AWS refuses 1 change" in (server.part() or {}).get("detail", ""), 30), server.part())
    sim.call("DELETE", "/_sim/faults")
    server.compares_again()
    check.equal("it is not asked again the same day", len(of(records(bo, "membership.adding"), ANA)), 1)
    directory.department(ANA, "Legal")


def killed(server, directory, sim, check):
    """Between the intent and the answer: what was done is not done again."""
    calls = lambda: [it for it in sim.get("/_sim/calls?operation=CreateGroupMembership&limit=5000").json["calls"] if it["effect"]]
    before = len(calls())
    sim.post("/_sim/faults", {"kind": "drop_after_effect", "hang_seconds": 30, "match": {"operation": "CreateGroupMembership"}, "count": 1})
    directory.department(BO, "Payments")
    check("AWS did what was requested", wait(lambda: len(calls()) > before, 40, server.process, every=0.05), calls()[before:])
    server.stop(signal.SIGKILL)
    check("the server comes back", server.start(NOBODY, sync("remove")), server.said()[-600:])
    bo = server.api(BO)
    known = lambda: [it for it in of(records(bo, "membership.added"), BO)]
    check("and knows the membership as its own", wait(lambda: len(known()) == 2, 60, server.process), known())
    server.compares_again()
    check.equal("it was requested once", len(calls()), before + 1)
    check("and is there", BO in directory.members())
    check.equal("with one intent", len(of(records(bo, "membership.adding"), BO)), 2)


def least(stage, check):
    """The policy for a server of which a group follows attributes, and none is offered."""
    stage.path("rules.toml").write_text(NOBODY)
    actions = lambda policy: {action for statement in policy["Statement"] for action in statement["Action"]}
    policies = []
    for text in ("", sync()):
        # groups that people are in through Hallpass are in the policy, too
        stage.path("least.toml").write_text('[store]\nurl = "sqlite:none.db"\n' + text)
        policies.append(json.loads(stage.run("server", "doctor", "--iam-policy", "--config", "least.toml").stdout))
    more = actions(policies[1]) - actions(policies[0])
    check("the least policy lets it change memberships", {"identitystore:CreateGroupMembership", "identitystore:DeleteGroupMembership"} <= more, more)
    return policies[1]


def server_part(check):
    with Stage("groups") as stage:
        whole = organization()
        role = {"name": "do-server", "trust": [f"arn:aws:iam::{drilled.MANAGEMENT}:root"], "inline": [least(stage, check)]}
        stage.path("organization.json").write_text(json.dumps(whole | {"iam": {drilled.MANAGEMENT: {"roles": [role]}}}))
        _, endpoint, environment = stage.simulator("--organization", stage.path("organization.json"), "--speed", "fast", "--authorization", "full")
        sim = Api(endpoint)
        world = World(stage, sim, endpoint, environment)
        directory = Directory(world.client("identitystore", environment, attempts=10))
        server = Server(stage, role_of(environment, "server"))
        comes_and_stays(stage, server, directory, check)
        follows(server, directory, check)
        removes(stage, server, directory, sim, check)
        nothing_by_what_is_unread(server, directory, sim, check)
        many_are_none(server, directory, check)
        refused(server, directory, sim, check)
        killed(server, directory, sim, check)
        check.equal("the server stops", server.stop(), 0)
        verified = stage.run("server", "store", "check")
        check.equal("the log is whole", verified.returncode, 0)


def nodes_part(check):
    """Two nodes: the leader alone compares and writes, and the next leader goes on."""
    with postgres.Server(free_port()) as database, Stage("group-nodes") as stage:
        world = nodes.World(stage, database)
        client = boto3.client("identitystore", endpoint_url=world.endpoint, region_name=world.aws["AWS_REGION"],
                              aws_access_key_id=world.aws["AWS_ACCESS_KEY_ID"], aws_secret_access_key=world.aws["AWS_SECRET_ACCESS_KEY"])
        store = world.aws.get("HALLPASS_STORE") or boto3.client(
            "sso-admin", endpoint_url=world.endpoint, region_name=world.aws["AWS_REGION"], aws_access_key_id=world.aws["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=world.aws["AWS_SECRET_ACCESS_KEY"]).list_instances()["Instances"][0]["IdentityStoreId"]
        directory = Directory(client, store)
        group = client.create_group(IdentityStoreId=store, DisplayName="by-attributes")["GroupId"]
        directory.groups["by-attributes"] = group
        for who in (MARA, PRIYA):
            directory.change(who, "userType", "Employee")
        directory.department(MARA, "Payments")
        for node in world.nodes:
            path = stage.path(f"{node.name}.toml")
            path.write_text(path.read_text() + sync(groups=("by-attributes",)))
        first, second = world.nodes
        check("both nodes serve", first.start() and second.start(), first.said()[-600:])
        leader = world.leader()
        other = world.other(leader)
        check("who matches is added", wait(lambda: MARA in directory.members("by-attributes"), 60), leader.said()[-600:])
        wait(lambda: leader.said().count("compared memberships") >= 3, 60)
        # a slow machine may have lost the lead for once
        check("by the leader alone", not other.said().count("compared memberships") or other.number("hallpass_leader_epoch") > 1, other.said()[-600:])
        check.equal("once", len(world.effects("CreateGroupMembership")), 1)
        shown = other.api(PRIYA).get("/api/v1/group-sync")
        check("the other node shows it", shown.status == 200 and shown.json["last"]["outcome"] == "looked", shown)
        leader = world.leader()
        other = world.other(leader)
        stage.stop(leader.process, signal.SIGKILL)
        directory.department(PRIYA, "payments")
        check("the next leader continues", wait(lambda: PRIYA in directory.members("by-attributes"), 90), other.said()[-600:])
        check.equal("each was added once", len(world.effects("CreateGroupMembership")), 2)


def main():
    check = Checks()
    for name in parts("server", "nodes"):
        {"server": server_part, "nodes": nodes_part}[name](check)
    check.end()


if __name__ == "__main__":
    main()
