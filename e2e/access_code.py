#!/usr/bin/env python3
"""Access as code: a file is planned, applied, applied again without a write, resumed after a kill, compared with
what was changed beside it; guards refuse, and what Hallpass gave for a time is never touched."""

import json
import signal
import time

from drilled import ANA, BO, DEV, PROD, TEST, started
from stage import Api, Checks, Stage, answers, free_port, wait

WALK = f"""version: 1
permission_sets:
  PowerUser:
    managed_policies: [PowerUserAccess]
    session_duration: PT4H
  Audit:
    managed_policies: [securityaudit]
    customer_managed_policies: [{{name: audit-extra, path: /team/}}]
    permissions_boundary: {{managed: ReadOnlyAccess}}
    tags: {{owner: secops}}
  Ec2S3:
    managed_policies: [AmazonEC2FullAccess, AmazonS3FullAccess]
assignments:
  - {{permission_sets: [PowerUser], users: [{ANA}], accounts: [test]}}
  - {{permission_sets: [Audit], users: [{ANA}], accounts: [dev]}}
  - {{permission_sets: [Ec2S3], users: [{BO}], accounts: [dev]}}
"""
EXTRA = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:Get*", "Resource": "*"}]}
RULES = """
[[rule]]
id = "auditors"
accounts = ["*"]
permission_sets = ["Audit"]
approval_is_not_required = true
"""
WRITES = ("Create", "Delete", "Update", "Put", "Attach", "Detach", "Tag", "Untag", "Provision")


class Access:
    """The command over a world."""

    def __init__(self, world):
        self.world = world
        self.sso = world.client("sso-admin", world.environment, attempts=10)
        self.instance = self.sso.list_instances()["Instances"][0]["InstanceArn"]
        store = world.client("identitystore", world.environment, attempts=10)
        directory = self.sso.list_instances()["Instances"][0]["IdentityStoreId"]
        self.users = {user["UserName"]: user["UserId"] for user in store.list_users(IdentityStoreId=directory)["Users"]}

    def write(self, name, text):
        self.world.stage.path(name).write_text(text)

    def run(self, *arguments, **more):
        return self.world.run("access", *arguments, **more)

    def json(self, *arguments):
        return self.world.json("access", *arguments)

    def writes(self):
        calls = self.world.sim.get("/_sim/calls?limit=10000").json["calls"]
        return [row["operation"] for row in calls if row["service"].lower().startswith("sso") and row["operation"].startswith(WRITES)]

    def sets(self):
        arns = self.sso.list_permission_sets(InstanceArn=self.instance)["PermissionSets"]
        described = [self.sso.describe_permission_set(InstanceArn=self.instance, PermissionSetArn=arn) for arn in arns]
        return {it["PermissionSet"]["Name"]: it["PermissionSet"]["PermissionSetArn"] for it in described}

    def holders(self, name, account):
        rows = self.sso.list_account_assignments(
            InstanceArn=self.instance, AccountId=account, PermissionSetArn=self.sets()[name])["AccountAssignments"]
        return {row["PrincipalId"] for row in rows}

    def assign(self, name, account, user):
        self.sso.create_account_assignment(
            InstanceArn=self.instance, TargetId=account, TargetType="AWS_ACCOUNT", PermissionSetArn=self.sets()[name],
            PrincipalType="USER", PrincipalId=self.users[user])
        assert wait(lambda: self.users[user] in self.holders(name, account), 30)


def exported(check, access):
    """What stands is written and plans to nothing."""
    before = access.writes()
    done = access.run("export", "--to", "out")
    check("the current state is written", done.returncode == 0 and access.world.stage.path("out/access.yaml").exists(), done.stderr)
    done = access.run("validate", "out/access.yaml", "--output", "json")
    check.equal("it is valid", (done.returncode, json.loads(done.stdout)["errors"]), (0, 0))
    code, said, errors = access.json("plan", "out/access.yaml", "--detailed-exitcode")
    check("and plans to nothing", code == 0 and said["changes"] == [] and "No changes" in errors, (code, said, errors))
    done = access.run("export", "--toml", "--to", "out")
    check("the file of the other form is reported", done.returncode == 0 and "out/access.yaml` is there, too" in done.stderr, done.stderr)
    printed = access.run("export")
    access.write("printed.yaml", printed.stdout)
    code, said, errors = access.json("plan", "printed.yaml")
    check("so does what is printed", code == 0 and said["changes"] == [], (said, errors))
    check.equal("nothing was written", access.writes(), before)


def walked(check, access):
    """The walk-through: six to add, applied, and nothing more to do."""
    access.write("walk.yaml", WALK)
    done = access.run("validate", "walk.yaml", "--output", "table")
    check("a wrong case is reported", "AWS spells `securityaudit`" in done.stdout, done.stdout)
    done = access.run("plan", "walk.yaml", "--output", "table")
    check("six to add", done.stdout.endswith("6 to add, 0 to change, 0 to delete, 0 to provision\n"), done.stdout + done.stderr)
    check("lines fit 80 columns", all(len(line) <= 80 for line in done.stdout.splitlines()), done.stdout)
    code, said, errors = access.json("plan", "walk.yaml", "--detailed-exitcode")
    check.equal("there is something to do", (code, said["add"]), (3, 6))
    check.equal("and nothing was done", access.writes(), [])
    done = access.run("apply", "walk.yaml", "--output", "json")
    check("without a terminal it needs a flag", done.returncode == 4 and access.writes() == [], done.stderr)
    done = access.run("apply", said["plan"], "--yes", "--output", "json")
    check("the plan is applied", done.returncode == 0 and json.loads(done.stdout)["state"] == "done", done.stdout + done.stderr)
    check("they have it", access.users[ANA] in access.holders("Audit", DEV) and access.users[ANA] in access.holders("PowerUser", TEST)
          and access.users[BO] in access.holders("Ec2S3", DEV))
    audit = {"InstanceArn": access.instance, "PermissionSetArn": access.sets()["Audit"]}
    own = access.sso.list_customer_managed_policy_references_in_permission_set(**audit)["CustomerManagedPolicyReferences"]
    check.equal("policies of the accounts are referred to", own, [{"Name": "audit-extra", "Path": "/team/"}])
    boundary = access.sso.get_permissions_boundary_for_permission_set(**audit)["PermissionsBoundary"]
    check.equal("the boundary remains", boundary, {"ManagedPolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"})
    before = access.writes()
    for again in (["walk.yaml"], [said["plan"]]):
        done = access.run("apply", *again, "--yes", "--output", "json")
        check(f"applied again it is fine: {len(again[0])}", done.returncode == 0, done.stderr)
    check.equal("with no write at all", access.writes(), before)
    code, said, errors = access.json("drift", "walk.yaml", "--detailed-exitcode")
    check.equal("nothing drifted", (code, said), (0, []))


def edited(check, access):
    """An edit is provisioned once, and a line that goes is one to delete."""
    before = len(access.writes())
    text = WALK.replace("[PowerUserAccess]", "[ReadOnlyAccess]")
    access.write("edited.yaml", text)
    done = access.run("plan", "edited.yaml", "--output", "table")
    check("an edit is shown with its provisioning", "> provision PowerUser in 1 accounts" in done.stdout
          and done.stdout.endswith("0 to add, 1 to change, 0 to delete, 1 to provision\n"), done.stdout + done.stderr)
    done = access.run("apply", "edited.yaml", "--yes")
    check("it is applied", done.returncode == 0, done.stdout + done.stderr)
    check.equal("attached, detached, provisioned once", sorted(access.writes()[before:]),
                ["AttachManagedPolicyToPermissionSet", "DetachManagedPolicyFromPermissionSet", "ProvisionPermissionSet"])
    access.write("walk.yaml", text)
    less = "".join(line for line in text.splitlines(True) if f"users: [{BO}]" not in line)
    access.write("less.yaml", less)
    done = access.run("plan", "less.yaml", "--output", "table")
    check("a line that goes is one to delete", done.stdout.endswith("0 to add, 0 to change, 1 to delete, 0 to provision\n"), done.stdout)
    check("and the end of its role is shown", "role with it" in done.stdout, done.stdout)
    access.write("guarded.yaml", less.replace("version: 1\n", "version: 1\nsettings: {max_destroy: 0}\n"))
    done = access.run("apply", "guarded.yaml", "--yes")
    check("more deletions than allowed are refused", done.returncode == 4 and "max_destroy" in done.stderr, done.stderr)
    access.write("guarded.yaml", less.replace("  Ec2S3:\n", "  Ec2S3:\n    protect: true\n"))
    done = access.run("apply", "guarded.yaml", "--yes")
    check("a protected set keeps its people", done.returncode == 4 and "--unprotect Ec2S3" in done.stderr, done.stderr)
    check("no user lost anything", access.users[BO] in access.holders("Ec2S3", DEV))
    done = access.run("apply", "guarded.yaml", "--yes", "--unprotect", "Ec2S3")
    check("unless a flag allows it", done.returncode == 0 and access.users[BO] not in access.holders("Ec2S3", DEV), done.stderr)
    done = access.run("apply", "walk.yaml", "--yes")
    check("and it comes back by the file", done.returncode == 0 and access.users[BO] in access.holders("Ec2S3", DEV), done.stderr)


def drifted(check, access):
    """What was changed beside the files."""
    access.write("more.yaml", WALK.replace("[PowerUserAccess]", "[ReadOnlyAccess]").replace("accounts: [test]", "accounts: [test, prod]"))
    _, said, errors = access.json("plan", "more.yaml")
    access.assign("PowerUser", DEV, BO)
    before = access.writes()
    done = access.run("apply", said["plan"], "--yes")
    check("a plan of yesterday is not applied", done.returncode == 1 and "drifted" in done.stderr, done.stderr)
    check.equal("nothing was written", access.writes(), before)
    code, said, errors = access.json("drift", "walk.yaml", "--detailed-exitcode")
    rows = [(row["drift"], row["permission_set"], row["account"], row["what"]) for row in said]
    check.equal("drift is reported", (code, rows), (3, [("added_outside", "PowerUser", DEV, f"user {BO}")]))
    authored(check, access)
    done = access.run("apply", "walk.yaml", "--yes")
    check("applying ends it", done.returncode == 0 and access.users[BO] not in access.holders("PowerUser", DEV), done.stderr)


def authored(check, access):
    """Who did it, as CloudTrail has it and as boto3 reads it there."""
    trail = access.world.client("cloudtrail", access.world.environment, attempts=10)
    audit = {"InstanceArn": access.instance, "PermissionSetArn": access.sets()["Audit"]}
    access.sso.put_inline_policy_to_permission_set(InlinePolicy=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iam:*", "Resource": "*"}]}), **audit)

    def logged(name):
        found = trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}])["Events"]
        records = sorted((json.loads(it["CloudTrailEvent"]) for it in found), key=lambda it: it["eventTime"])
        return records[-1] if records else None

    wait(lambda: logged("PutInlinePolicyToPermissionSet"), 30)
    code, said, errors = access.json("drift", "walk.yaml", "--log", "lookup", "--detailed-exitcode")
    found = {row["what"]: (row["last_change"] or {}).get("event_id") for row in said}
    wanted = {f"user {BO}": logged("CreateAccountAssignment")["eventID"], "inline_policy": logged("PutInlinePolicyToPermissionSet")["eventID"]}
    check.equal("drift has the events of those who did it", (code, found), (3, wanted))
    who = next(row["last_change"] for row in said if row["what"] == "inline_policy")
    check("with who and when", who["by_kind"] in ("user", "root") and who["by"] and who["event"] == "PutInlinePolicyToPermissionSet"
          and who["at"] == logged("PutInlinePolicyToPermissionSet")["eventTime"], who)
    done = access.run("drift", "walk.yaml", "--log", "lookup", "--output", "table")
    check("and in words", f"{who['by_kind']} {who['by']}" in " ".join(done.stdout.split()), done.stdout)
    region = access.world.environment["AWS_REGION"]
    folder = access.world.stage.path(f"trail/AWSLogs/111111111111/CloudTrail/{region}/{time.strftime('%Y/%m/%d', time.gmtime())}")
    folder.mkdir(parents=True)
    (folder / "empty.json").write_text('{"Records": []}')
    code, said, errors = access.json("drift", "walk.yaml", "--log", "dir:trail")
    check("a log without it names no author", code == 0 and [row["last_change"] for row in said] == [None, None] and "not in the log" in errors, (code, said, errors))
    (folder / "broken.json").write_text('{"Records": [')
    done = access.run("drift", "walk.yaml", "--log", "dir:trail", "--output", "table")
    check("a broken file is named, and exit 1", done.returncode == 1 and "broken.json" in done.stderr and "not in the log" in done.stdout, (done.returncode, done.stderr))
    access.world.sim.post("/_sim/faults", {"kind": "error", "code": "AccessDeniedException", "http": 400, "match": {"service": "cloudtrail"}})
    code, said, errors = access.json("drift", "walk.yaml", "--log", "lookup")
    check("a failed lookup is reported, and exit 1", code == 1 and len(said) == 2 and "AccessDenied" in errors, (code, said, errors))
    access.world.sim.call("DELETE", "/_sim/faults")


def half_seen(check, access):
    """Where what one account has cannot be looked at, the exit code of a plan says so first, and nothing is done."""
    text = access.world.stage.path("walk.yaml").read_text()
    access.write("more.yaml", text + f"  - {{permission_sets: [PowerUser], users: [{BO}], accounts: [dev, test]}}\n")
    faults, match = "/_sim/faults", {"operation": "ListAccountAssignments", "account": DEV, "permission_set": "PowerUser"}
    counter = {"id": "counter", "kind": "latency", "distribution": {"fixed_ms": 1}, "match": match}
    before = access.writes()
    access.world.sim.post(faults, counter)
    code, said, errors = access.json("plan", "more.yaml")
    check("with all looked at it is 0", code == 0 and said["add"] == 2 and "could not" not in errors, (code, said, errors))
    asked = next(it["matched"] for it in access.world.sim.get(faults).json["faults"] if it["id"] == "counter")
    for more, name in (((), "1"), (("--detailed-exitcode",), "1 and not 3")):
        access.world.sim.call("DELETE", faults)
        # what stands was read before; the last look is that of the step
        access.world.sim.post(faults, {"kind": "error", "code": "AccessDeniedException", "http": 400, "match": match, "skip": asked - 1})
        code, said, errors = access.json("plan", "more.yaml", *more)
        check(f"what could not be read is {name}, and named", code == 1 and said["add"] == 2
              and f"could not be read: {DEV}/global/PowerUser" in errors, (code, said, errors))
    access.world.sim.call("DELETE", faults)
    code, said, _ = access.json("plan", "more.yaml", "--detailed-exitcode")
    check.equal("seen again it is as before", (code, said["add"]), (3, 2))
    check.equal("and nothing was done", access.writes(), before)


def granted(check, access, stage):
    """What Hallpass gave for a time is nobody else's business."""
    world, port = access.world, free_port()
    stage.path("hallpass.toml").write_text(
        f'[server]\nlisten = "127.0.0.1:{port}"\n[store]\nurl = "sqlite:hallpass.db"\n[identity]\nadmins = ["{BO}"]\n')
    stage.path("rules.toml").write_text(RULES)
    process = stage.spawn("serve", log="serve.log", **world.environment)
    api = Api(f"http://127.0.0.1:{port}", stage.token(ANA))
    assert wait(lambda: answers(api, "/readyz"), 60, process), stage.said("serve.log")
    asked = api.post("/api/v1/requests", {"account": "prod", "permission_set": "Audit", "duration_seconds": 3600, "reason": "OPS-1: look"})
    assert asked.status < 300, asked
    active = lambda: [row for row in api.get("/api/v1/grants").json["items"] if row["state"] == "active"]
    check("a user gets temporary access", wait(active, 60) and access.users[ANA] in access.holders("Audit", PROD), stage.said("serve.log")[-600:])
    before = access.writes()
    code, said, errors = access.json("plan", "walk.yaml", "--detailed-exitcode")
    check("no plan takes it away", code == 0 and said["changes"] == [], (said, errors))
    code, said, _ = access.json("drift", "walk.yaml", "--detailed-exitcode")
    check.equal("it is no drift", (code, said), (0, []))
    printed = access.run("export").stdout
    check("an export counts it and leaves it out", "1 temporary assignments" in printed and "prod" not in printed.split("assignments:")[1].split("Audit]")[1].split("- perm")[0], printed)
    access.write("wanted.yaml", stage.path("walk.yaml").read_text().replace("accounts: [dev]", "accounts: [dev, prod]", 1))
    code, said, errors = access.json("plan", "wanted.yaml")
    check("wanted for good it waits for the end", code == 0 and said["changes"] == [] and len(said["held"]) == 1, (said, errors))
    check.equal("nothing was written", access.writes(), before)
    ran = stage.run("sync", "--only", "organizations,identity-center", "--config", "hallpass.toml", timeout=300, **world.environment)
    found = stage.run("query", "SELECT principal_id, hallpass_grant_id FROM aws_ssoadmin_account_assignments WHERE hallpass_grant_id IS NOT NULL", "--output", "json", timeout=120)
    check("a snapshot names the grant that holds it", ran.returncode == 0 and json.loads(found.stdout or "[]") ==
          [{"principal_id": access.users[ANA], "hallpass_grant_id": active()[0]["id"]}], (found.stdout, found.stderr, ran.stderr[-600:]))
    stage.stop(process)


def killed(check, access, stage):
    """Killed while assignments are being made, and gone on with."""
    world = access.world
    text = stage.path("walk.yaml").read_text()
    text += f"  - {{permission_sets: [PowerUser, Ec2S3], users: [{ANA}, {BO}], accounts: [dev, prod, test]}}\n"
    access.write("many.yaml", text)
    _, said, errors = access.json("plan", "many.yaml")
    plan = said["plan"]
    world.sim.post("/_sim/faults", {"kind": "latency", "distribution": {"fixed_ms": 1500}, "match": {"operation": "CreateAccountAssignment"}})
    before = access.writes().count("CreateAccountAssignment")
    process = stage.spawn("access", "apply", plan, "--yes", log="killed.log", **world.environment)
    check("it is under way", wait(lambda: access.writes().count("CreateAccountAssignment") >= before + 2, 60, process), stage.said("killed.log"))
    time.sleep(0.3)
    stage.stop(process, signal.SIGKILL)
    world.sim.call("DELETE", "/_sim/faults")
    code, report, errors = world.json("plan", "resume", plan)
    check("it is resumed", code == 0 and report["state"] == "done", (code, report, errors))
    both = {access.users[ANA], access.users[BO]}
    found = {(name, account): access.holders(name, account) for name in ("PowerUser", "Ec2S3") for account in (DEV, PROD, TEST)}
    check("all users have the access in the file", all(who == both for who in found.values()), found)
    before = access.writes()
    done = access.run("apply", "many.yaml", "--yes")
    check("and there is nothing more to do", done.returncode == 0 and access.writes() == before, done.stderr)


def main():
    check = Checks()
    with Stage("access-code") as stage:
        # what the sets refer to has to be there, else their roles are not made
        own = {"managed": [{"name": "audit-extra", "path": "/team/", "document": EXTRA}]}
        access = Access(started(stage, iam={account: own for account in (DEV, TEST, PROD)}))
        # until a server has made it, the command does not know what is temporary
        done = access.run("export")
        check("without a store nothing is exported", done.returncode == 2 and "there is no database" in done.stderr and not done.stdout, done.stderr)
        stage.make_store()
        exported(check, access)
        walked(check, access)
        edited(check, access)
        drifted(check, access)
        killed(check, access, stage)
        access.run("apply", "walk.yaml", "--yes")
        half_seen(check, access)
        granted(check, access, stage)
    check.end()


if __name__ == "__main__":
    main()
