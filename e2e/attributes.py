#!/usr/bin/env python3
"""Rules that ask for attributes of people, against the identity store: who has them may ask, who gets or loses them may from that moment on, what no
rule names is not kept; approvals with hours of their own; people whom rules leave out; managers who approve; accounts by their tags; and statements of
sso-elevator that are imported from a plan."""

import datetime
import json
import sqlite3
import tomllib

import drilled
from drilled import ANA, BO, DEV, PROD, TEST, World
from stage import Api, Checks, Stage, answers, free_port, wait

ENTERPRISE = "aws:identitystore:enterprise"
RULES = """[[rule]]
id = "payments"
accounts = ["dev"]
permission_sets = ["Admin"]
requester_attributes = { department = ["Payments"], user_type = ["*", "!Contractor"] }
approvers = ["APPROVER", "OTHER"]
max_lead_time = "2h"

[[rule]]
id = "office"
accounts = ["prod"]
permission_sets = ["Admin"]
approvers = ["APPROVER", "OTHER"]
approval_hours = { from = "FROM", to = "TO", time_zone = "UTC" }

[[rule]]
id = "left-out"
accounts = ["test"]
permission_sets = ["BreakGlass"]
approvers = ["APPROVER", "OTHER"]
except_requesters = ["APPROVER"]
except_approver_groups = ["Reviewed"]

[[rule]]
id = "manager"
accounts = ["test"]
permission_sets = ["Admin"]
manager_approves = true
"""
# in force only once the server runs
TAGGED = """[[rule]]
id = "tagged"
account_tags = { stage = "test" }
permission_sets = ["Admin"]
approval_is_not_required = true

[[rule]]
id = "not-cards"
accounts = ["dev", "prod"]
except_account_tags = { data = ["cards", "pii"] }
permission_sets = ["BreakGlass"]
approvers = ["APPROVER"]

[[rule]]
id = "cards"
account_tags = { data = "cards" }
permission_sets = "*"
permits_requests = false
approval_is_not_required = false
approvers = ["APPROVER"]
warning = "Card data: copy nothing."
"""
# never in force: an attribute and tags that no other rule names
AHEAD = """[[rule]]
account_tags = { stage = "test" }
permission_sets = ["Admin"]
requester_attributes = { cost_center = "not-to-be-*" }
approval_is_not_required = true

[[test]]
requester = "ANA"
account = "test"
permission_set = "Admin"
expect = "ApprovalNotRequired"
"""
UNREAD = {"kind": "error", "code": "AccessDeniedException", "http": 400, "match": {"service": "organizations", "operation": "ListTagsForResource"}}


def organization():
    whole = drilled.organization()
    center = whole["identity_center"]
    center["assignments"] = []
    ana, bo = center["users"]
    ana["attributes"] = {"UserType": "Employee", "Extensions": {ENTERPRISE: {"department": "Payments", "costCenter": "not-to-be-kept"}}}
    bo["attributes"] = {"UserType": "Employee", "Extensions": {ENTERPRISE: {"department": "Legal"}}}
    center["groups"] = [{"name": "Reviewed", "members": []}]
    return whole


def rules(hours):
    """Rules whose hours of approvals begin so many from now, or within the hour before that, and last three: a run that passes a full hour
    stays within them."""
    at = lambda more: (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=more)).strftime("%H:00")
    return RULES.replace("APPROVER", BO).replace("OTHER", ANA).replace("FROM", at(hours)).replace("TO", at(hours + 3))


class Directory:
    """The identity store as boto3 sees it."""

    def __init__(self, world):
        self.store = world.client("identitystore", world.environment, attempts=10)
        users = self.store.list_users(IdentityStoreId="d-1234567890")["Users"]
        self.users = {user["UserName"]: user["UserId"] for user in users}

    def change(self, who, path, value):
        self.store.update_user(IdentityStoreId="d-1234567890", UserId=self.users[who], Operations=[{"AttributePath": path, "AttributeValue": value}])

    def extensions(self, who, **more):
        return self.store.describe_user(IdentityStoreId="d-1234567890", UserId=self.users[who], **more).get("Extensions")


def said(api, path, body=None):
    """What is answered, by an organization that was read within its age: on a slow machine that is too old now and then."""
    return wait(lambda: (answer := api.post(path, body)).status != 503 and answer, 60) or api.post(path, body)


def asked(api, account, permission_set="Admin", **more):
    answer = said(api, "/api/v1/requests", {"account": account, "permission_set": permission_set, "duration_seconds": 3600, "reason": "look at it", **more})
    return answer.json if answer.status in (200, 201) else {"state": answer.json.get("code", answer.status), **answer.json}


def may_ask(api):
    """Whether somebody may ask by attributes; a request that waits is taken back."""
    request = asked(api, DEV)
    if request["state"] == "pending":
        api.post(f"/api/v1/requests/{request['id']}/discard")
        return True
    return request["state"]


def departments(stage, directory, base, ana, bo, check):
    check.equal("AWS gives the extension only on request", directory.extensions(ANA), None)
    check.equal("and all of it there", directory.extensions(ANA, Extensions=[ENTERPRISE])[ENTERPRISE]["costCenter"], "not-to-be-kept")
    check.equal("who is of the department may ask", may_ask(ana), True)
    check.equal("who is of another may not", may_ask(bo), "RequesterNotAllowed")
    directory.change(BO, f"{ENTERPRISE}.department", "payments")
    check("who comes to it may from then on", wait(lambda: may_ask(bo) is True, 30), may_ask(bo))
    directory.change(ANA, "userType", "Contractor")
    check("who becomes what the rule leaves out may not any more", wait(lambda: may_ask(ana) == "RequesterNotAllowed", 30), may_ask(ana))
    directory.change(ANA, "userType", "Employee")
    check("and who is it no more may again", wait(lambda: may_ask(ana) is True, 30), may_ask(ana))
    soon = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    late = asked(ana, DEV, starts_at=soon)
    check("a start further ahead than the rule allows is refused, with the rule", "late-start" in json.dumps(late) and "payments" in json.dumps(late), late)
    explained = stage.run("rules", "explain", "--user", ANA, "--account", "dev", "--permission-set", "Admin", HALLPASS_SERVER=base, HALLPASS_TOKEN=ana.token)
    check("rules explain says what the rule wants", "department payments" in explained.stdout and "except contractor" in explained.stdout, explained.stdout + explained.stderr)
    kept = "".join(str(row) for row in sqlite3.connect(stage.path("hallpass.db")).iterdump())
    check("what no rule names is not in the store", "not-to-be-kept" not in kept)


def office(stage, ana, bo, check, process):
    request = asked(ana, PROD)
    check.equal("outside of the hours of approvals one may ask", request["state"], "pending")
    press = f"/api/v1/requests/{request['id']}/approve"
    refused = said(bo, press)
    check("and no approval is needed, with the hours and their begin",
          refused.status == 403 and refused.json["code"] == "outside-approval-hours" and "office" in refused.json["detail"] and "not before" in refused.json["detail"], refused)
    stage.path("rules.toml").write_text(rules(-1))
    check("within them one does", wait(lambda: bo.post(press).status == 200, 30, process), bo.post(press))


def says(stage, base, api, account, permission_set):
    """What the rules say by what the server knows now, without asking."""
    done = stage.run("rules", "explain", "--user", ANA, "--account", account, "--permission-set", permission_set, "--output", "json", HALLPASS_SERVER=base, HALLPASS_TOKEN=api.token)
    return json.loads(done.stdout)["decision"] if done.stdout.startswith("{") else done.stdout + done.stderr


def left_out(stage, directory, base, ana, bo, check, process):
    """Who never asks by a rule, and who never approves by it."""
    refused = asked(bo, TEST, "BreakGlass")
    check("a requester excluded by a rule may not request", refused["state"] == "RequesterNotAllowed" and "left-out" in json.dumps(refused), refused)
    request = asked(ana, TEST, "BreakGlass")
    check.equal("others may", request["state"], "pending")
    now = lambda: says(stage, base, ana, "test", "BreakGlass")
    group = directory.store.list_groups(IdentityStoreId="d-1234567890")["Groups"][0]["GroupId"]
    member = directory.store.create_group_membership(IdentityStoreId="d-1234567890", GroupId=group, MemberId={"UserId": directory.users[BO]})["MembershipId"]
    check("who comes to a group that is left out approves nothing from then on", wait(lambda: now() == "NoApprovers", 60, process), now())
    press = f"/api/v1/requests/{request['id']}/approve"
    refused = said(bo, press)
    check("earlier requests neither", refused.status in (403, 409), refused)
    directory.store.delete_group_membership(IdentityStoreId="d-1234567890", MembershipId=member)
    check("who leaves it does again", wait(lambda: bo.post(press).status == 200, 60, process), bo.post(press))


def managers(stage, directory, base, ana, bo, check, process):
    """The manager of whoever asks, as the identity store has them at the press."""
    refused = asked(ana, TEST)
    check("without a manager it is refused, with the rule and what to do",
          refused["state"] == "NoApprovers" and "your manager approve" in json.dumps(refused) and "identity provider" in json.dumps(refused), refused)
    now = lambda: says(stage, base, ana, "test", "Admin")
    manager = lambda who, value: directory.change(who, f"{ENTERPRISE}.manager", value)
    manager(ANA, directory.users[BO])
    check("with one it needs an approval", wait(lambda: now() == "RequiresApproval", 60, process), now())
    request = asked(ana, TEST)
    check.equal("and waits", request["state"], "pending")
    explained = stage.run("rules", "explain", "--user", ANA, "--account", "test", "--permission-set", "Admin", HALLPASS_SERVER=base, HALLPASS_TOKEN=ana.token)
    check("rules explain says who the manager is", f"the requester's manager approve, {BO}" in explained.stdout, explained.stdout + explained.stderr)
    press = f"/api/v1/requests/{request['id']}/approve"
    refused = said(ana, press)
    check("no one else approves, least the requester", refused.status == 403, refused)
    manager(BO, directory.users[ANA])
    check("who is above their own manager has none who approves", wait(lambda: now() == "NoApprovers", 60, process), now())
    refused = said(bo, press)
    check("and what waits is not approved by them", refused.status in (403, 409), refused)
    manager(BO, "nobody-of-this-name")
    check("the manager approves once that is set right", wait(lambda: bo.post(press).status == 200, 60, process), bo.post(press))


def ahead(stage, base, bo, check):
    """A file that is not in force is judged by what it alone names, and the server goes on by what it knew."""
    wanted = {"file": "ahead.toml", "text": AHEAD.replace("ANA", ANA)}
    found = bo.post("/api/v1/rules/check", {**wanted, "fail_on_findings": True}).json
    check("what only a checked file names is read for it", (found["exit"], found["findings"]) == (0, []) and [it["outcome"] for it in found["tests"]] == ["passed"], found)
    found = bo.post("/api/v1/rules/replay", wanted).json
    check("and for a replay, in which nothing is unread", found["unread"] == 0 and "not_read" not in found and found["items"] and not any("unread" in it for it in found["items"]), found)
    kept = "".join(str(row) for row in sqlite3.connect(stage.path("hallpass.db")).iterdump())
    check("it does not come into the store", "not-to-be-kept" not in kept)
    check.equal("and not into decisions", says(stage, base, bo, "test", "Admin"), "RequiresApproval")


def tagged(stage, world, base, ana, bo, check, process):
    """Accounts by their tags: as they are, as they change, and where AWS does not tell them."""
    now = lambda account, permission_set: says(stage, base, ana, account, permission_set)
    becomes = lambda words, account, permission_set, wanted: check(words, wait(lambda: now(account, permission_set) == wanted, 60, process), now(account, permission_set))
    tag = lambda account, **tags: world.org.tag_resource(ResourceId=account, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
    tag(TEST, stage="test")
    tag(PROD, data="Cards")
    ahead(stage, base, bo, check)
    stage.path("rules.toml").write_text(TAGGED.replace("APPROVER", BO))
    becomes("a rule that names a tag permits what has it", "test", "Admin", "ApprovalNotRequired")
    check.equal("and nothing else", now("dev", "Admin"), "NoStatements")
    check.equal("targets excluded by a tag are excluded, and a rule that only adds allows no requests", now("prod", "BreakGlass"), "RequesterNotAllowed")
    check.equal("and the rest is in", now("dev", "BreakGlass"), "RequiresApproval")
    request = asked(ana, TEST)
    check("what is permitted is given", request["state"] in ("approved", "granted", "active", "scheduled"), request)
    ana.post(f"/api/v1/requests/{request['id']}/release")
    tag(DEV, data="pii")
    becomes("an account that is tagged while the server runs is out with the next reading", "dev", "BreakGlass", "NoStatements")
    world.org.untag_resource(ResourceId=DEV, TagKeys=["data"])
    becomes("and in again without its tag", "dev", "BreakGlass", "RequiresApproval")
    tag(DEV, stage="test", data="cards")
    becomes("a denial by tag holds", "dev", "Admin", "RequiresApproval")
    refused = asked(ana, DEV)
    check("and a warning by tag has to be confirmed", refused["state"] == "warning-not-confirmed" and "Card data" in json.dumps(refused), refused)
    request = asked(ana, DEV, confirmed_warnings=[it["id"] for it in refused.get("warnings", [])])
    check.equal("then it is requested", request["state"], "pending")
    ana.post(f"/api/v1/requests/{request['id']}/discard")
    world.org.untag_resource(ResourceId=DEV, TagKeys=["stage", "data"])
    becomes("without its tags it is as before", "dev", "BreakGlass", "RequiresApproval")
    world.sim.post("/_sim/faults", UNREAD)
    becomes("what a tag permits is not permitted once tags cannot be read", "test", "Admin", "RequesterNotAllowed")
    becomes("and not what a tag may leave out", "dev", "BreakGlass", "RequesterNotAllowed")
    refused = asked(ana, TEST)
    check("it is refused with the reason", refused["state"] == "RequesterNotAllowed" and f"the tags of account {TEST} could not be read" in json.dumps(refused), refused)
    explained = stage.run("rules", "explain", "--user", ANA, "--account", "test", "--permission-set", "Admin", HALLPASS_SERVER=base, HALLPASS_TOKEN=ana.token)
    check("rules explain says so of the rule", "as it names tags" in explained.stdout, explained.stdout + explained.stderr)
    done = stage.run("server", "doctor", "--output", "json", **world.environment)
    lines = [it for it in json.loads(done.stdout) if it["check"] == "account tags"]
    check("doctor says what is missing", len(lines) == 1 and lines[0]["result"] == "problem" and "those of 4 of 4 accounts" in lines[0]["detail"], done.stdout + done.stderr)
    check("and so does the log", "the tags of accounts could not be read" in stage.said("serve.log"), stage.said("serve.log")[-800:])
    policy = json.loads(stage.run("server", "doctor", "--iam-policy").stdout)["Statement"]
    right = [it for it in policy if "organizations:ListTagsForResource" in it["Action"]]
    check.equal("the least policy has the right, for accounts alone", [it["Resource"] for it in right], ["arn:aws:organizations::*:account/o-*/*"])
    world.sim.call("DELETE", "/_sim/faults")
    becomes("all is well once they can be read again", "test", "Admin", "ApprovalNotRequired")


def elevator(stage, check):
    """A plan of Terraform, imported and served."""
    statements = [{"ResourceType": "Account", "Resource": "*", "PermissionSet": "Admin", "Approvers": [BO], "MaxDuration": "02:00"}]
    variables = {"STATEMENTS": json.dumps(statements), "GROUP_STATEMENTS": "[]", "SLACK_BOT_TOKEN": "xoxb-1", "REQUEST_EXPIRATION_HOURS": "4", "ATTRIBUTE_SYNC_ENABLED": "true",
                 "ATTRIBUTE_SYNC_RULES": json.dumps([{"group_name": "oncall", "attributes": {"nickName": "x"}}])}
    function = {"type": "aws_lambda_function", "values": {"environment": [{"variables": variables}]}}
    stage.path("plan.json").write_text(json.dumps({"format_version": "1.2", "planned_values": {"root_module": {"resources": [function]}}}))
    done = stage.run("rules", "import", "elevator", "plan.json", "--output", "table")
    check("settings that are not converted are exit 1, by name", done.returncode == 1 and "attribute_sync_rules: not converted" in done.stdout and "groups.sync.enabled = true" in done.stdout, (done.returncode, done.stdout, done.stderr))
    check("settings are lines for hallpass.toml", 'access.request_expiry = "4h"' in done.stdout, done.stdout)
    check("and secrets are not", "xoxb" not in done.stdout + stage.path("statements.json").read_text())
    check("the statements are as they were", json.loads(stage.path("statements.json").read_text())["statements"] == statements)
    check.equal("and load", stage.run("rules", "check", "statements.json").returncode, 0)
    done = stage.run("rules", "import", "elevator", "plan.json", "--to", "one.toml", "--output", "table")
    check("to a file of TOML they are written as TOML", done.returncode == 1 and tomllib.loads(stage.path("one.toml").read_text()) == {"statements": statements}, done.stderr)
    check.equal("which loads", stage.run("rules", "check", "one.toml").returncode, 0)
    done = stage.run("rules", "import", "elevator", "plan.json", "--to", "one.yaml")
    check("other endings are refused, and nothing is written", done.returncode == 2 and ".toml" in done.stderr and not stage.path("one.yaml").exists(), (done.returncode, done.stderr))
    check.equal("a file that is there is not written over", stage.run("rules", "import", "elevator", "plan.json").returncode, 4)
    folder = stage.path("infra")
    (folder / "rules").mkdir(parents=True)
    (folder / "main.tf").write_text('module "elevator" {\n  source = "fivexl/sso-elevator/aws"\n'
                                    '  config = [for set in var.sets : merge(jsondecode(file("${path.module}/rules/one.json")), { PermissionSet = set })]\n'
                                    '  slack_channel_id = data.slack.channel.id\n}\nvariable "sets" {\n  type = list(string)\n}\n')
    (folder / "rules/one.json").write_text(json.dumps({key: value for key, value in statements[0].items() if key != "PermissionSet"}))
    (folder / "terraform.tfvars").write_text('sets = ["Never"]\n')
    stage.path("more.tfvars").write_text('sets = ["Admin", "ReadOnly"]\n')
    done = stage.run("rules", "import", "elevator", "infra", "--var-file", "more.tfvars", "--to", "folder.json", "--output", "table")
    check("of a folder, expressions are evaluated with the effective values, and unknown ones are reported with their line",
          done.returncode == 1 and "(main.tf:4)" in done.stdout, (done.returncode, done.stdout, done.stderr))
    found = json.loads(stage.path("folder.json").read_text())["statements"]
    check.equal("a statement each", [one["PermissionSet"] for one in found], ["Admin", "ReadOnly"])
    stage.path("secret.json").write_text(json.dumps(statements[0]))
    (folder / "rules/one.json").unlink()
    (folder / "rules/one.json").symlink_to(stage.path("secret.json"))
    done = stage.run("rules", "import", "elevator", "infra", "--to", "outside.json")
    check("a link out of the folder is not followed", done.returncode == 2 and "main.tf:3:" in done.stderr and "link out of the folder" in done.stderr, (done.returncode, done.stderr))
    check("and nothing is written", not stage.path("outside.json").exists())
    stage.path("half.tfvars").write_text('config = [for a in var.accounts : { Resource = a }]\n')
    done = stage.run("rules", "import", "elevator", "half.tfvars", "--to", "half.json")
    check("what Terraform computes is exit 2, with the place and what to do", done.returncode == 2 and "half.tfvars:1:" in done.stderr and "terraform show -json" in done.stderr, (done.returncode, done.stderr))
    check("and nothing is written", not stage.path("half.json").exists())


def main():
    check = Checks()
    with Stage("attributes") as stage:
        stage.path("organization.json").write_text(json.dumps(organization()))
        _, endpoint, environment = stage.simulator("--organization", stage.path("organization.json"), "--speed", "fast")
        world = World(stage, Api(endpoint), endpoint, environment)
        port = free_port()
        base = f"http://127.0.0.1:{port}"
        stage.path("rules.toml").write_text(rules(4))
        stage.path("hallpass.toml").write_text(f'[server]\nlisten = "127.0.0.1:{port}"\n[store]\nurl = "sqlite:hallpass.db"\n[identity]\nadmins = ["{BO}"]\n[inventory]\nmax_age = "10s"\n')
        process = stage.spawn("serve", log="serve.log", **environment)
        if check("the server is ready", wait(lambda: answers(Api(base), "/readyz"), 60, process), stage.said("serve.log")[-800:]):
            ana, bo = (Api(base, stage.token(who)) for who in (ANA, BO))
            departments(stage, Directory(world), base, ana, bo, check)
            directory = Directory(world)
            left_out(stage, directory, base, ana, bo, check, process)
            managers(stage, directory, base, ana, bo, check, process)
            office(stage, ana, bo, check, process)
            policy = stage.run("server", "doctor", "--iam-policy").stdout
            check("rules that name no tag need no right to them", '"sso:ListInstances"' in policy and "ListTagsForResource" not in policy, policy)
            tagged(stage, world, base, ana, bo, check, process)
            check.equal("the server stops", stage.stop(process), 0)
        elevator(stage, check)
    check.end()


if __name__ == "__main__":
    main()
