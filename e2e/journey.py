#!/usr/bin/env python3
"""What a newcomer does: the demo, a request, an approval, access that AWS sees, an extension, giving
it back, a log that can be verified; then the tools of whoever runs the server."""

import json
import shutil
import threading

import boto3

from drilled import organization
from stage import ROOT, Api, Checks, Stage, answers, demo_variables, free_port, wait

MARA, TOMASZ, PRIYA = "mara.lindqvist@example.com", "tomasz.wilk@example.com", "priya.raman@example.com"
NOOR, INES = "noor.haddad@example.com", "ines.moreau@example.com"
REASON = "OPS-1: replay & <check> a: b"


class Player:
    """The command line as one person."""

    def __init__(self, stage, server, token):
        self.stage, self.server, self.token = stage, server, token

    def __call__(self, *arguments, output="jsonl", **more):
        shown = ("--output", output) if output else ()
        return self.stage.run(
            *arguments, *shown, HALLPASS_SERVER=self.server, HALLPASS_TOKEN=self.token, **more
        )


def rows(result):
    # a refused command prints none either
    assert result.stdout or not result.returncode, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines() if line.strip()]


def reader(said):
    """boto3 with the keys of the demo's file."""
    values = demo_variables(said)
    def client(service):
        return boto3.client(
            service, endpoint_url=values["AWS_ENDPOINT_URL"], region_name=values["AWS_DEFAULT_REGION"],
            aws_access_key_id=values["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=values["AWS_SECRET_ACCESS_KEY"],
        )
    return client, values


class Truth:
    """What AWS says, through boto3."""

    def __init__(self, client):
        self.admin, self.store = client("sso-admin"), client("identitystore")
        instance = self.admin.list_instances()["Instances"][0]
        self.instance, self.directory = instance["InstanceArn"], instance["IdentityStoreId"]
        self.sets = {}
        for page in self.admin.get_paginator("list_permission_sets").paginate(InstanceArn=self.instance):
            for arn in page["PermissionSets"]:
                about = self.admin.describe_permission_set(InstanceArn=self.instance, PermissionSetArn=arn)
                self.sets[about["PermissionSet"]["Name"]] = arn

    def user(self, email):
        return self.store.get_user_id(IdentityStoreId=self.directory, AlternateIdentifier={
            "UniqueAttribute": {"AttributePath": "emails.value", "AttributeValue": email}})["UserId"]

    def has(self, email, account, name):
        user = self.user(email)
        pages = self.admin.get_paginator("list_account_assignments").paginate(
            InstanceArn=self.instance, AccountId=account, PermissionSetArn=self.sets[name])
        return any(row["PrincipalId"] == user for page in pages for row in page["AccountAssignments"])

    def is_member(self, email, group):
        user = self.user(email)
        pages = self.store.get_paginator("list_group_memberships").paginate(
            IdentityStoreId=self.directory, GroupId=group)
        return any(row["MemberId"]["UserId"] == user for page in pages for row in page["GroupMemberships"])


def access(check, stage, mara, tomasz, truth):
    """Ask, approve, use."""
    waiting = {}
    def ask():
        waiting["result"] = mara(
            "request", "--account", "payments-prod", "--permission-set", "DatabaseOperator",
            "--for", "1h", "--reason", REASON, "--wait", "--timeout", "150s")
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    def inbox():
        return [row for row in rows(tomasz("requests", "--role", "to-review")) if row["reason"] == REASON]
    wait(inbox, 20)
    found = inbox()
    if not check("the approver finds the request, its reason byte for byte", len(found) == 1, found):
        asking.join()
        return None
    request = found[0]
    check("it says who may approve", TOMASZ in request["approvers"] and MARA not in request["approvers"])
    own = mara("approve", request["id"])
    check("the requester cannot approve it, and sees who can", own.returncode == 1 and "your own request" in own.stderr and TOMASZ in own.stderr, own.stderr)
    yes = tomasz("approve", request["id"][:16])
    check("the approver says yes", yes.returncode == 0, yes.stderr)
    again = tomasz("approve", request["id"])
    check("a second yes gets the name of the first", again.returncode == 1 and "already" in again.stderr.lower(), again.stderr)
    asking.join()
    result = waiting["result"]
    check("--wait ends when the access is active", result.returncode == 0, result.stderr)
    grant = rows(result)[0]
    check.equal("the grant is active", grant["state"], "active")
    check("AWS lists the assignment", truth.has(MARA, grant["account"], "DatabaseOperator"))
    check("the console link leads to account and role",
          f"account_id={grant['account']}&role_name=DatabaseOperator" in (grant["console_url"] or ""))
    check("a CLI profile is given", f"sso_account_id = {grant['account']}" in (grant["cli_profile"] or ""))
    shown = mara("grants", output="table")
    check("the table shows it", shown.returncode == 0 and "payments-prod" in shown.stdout, shown.stdout)
    return grant


def later(check, mara, tomasz, truth, grant):
    """Extend, give back."""
    extension = mara("extend", grant["id"], "--for", "2h", "--reason", "the replay takes longer")
    asked = rows(extension)[0] if extension.returncode == 0 else {}
    check("an extension waits for approval", asked.get("state") == "pending" and asked.get("extends") == grant["id"],
          extension.stderr or asked)
    tomasz("approve", asked.get("id", "req_0"))
    def longer():
        now = next(row for row in rows(mara("grants")) if row["id"] == grant["id"])
        return now if now["ends_at"] > grant["ends_at"] else None
    check("approved, it moves the end of the same grant", wait(longer, 10))
    shorter = mara("extend", grant["id"], "--for", "5m", "--reason", "less")
    check("one that would shorten is refused", shorter.returncode == 1, shorter.stdout)
    unsure = mara("release", grant["id"])
    check("giving it back asks first", unsure.returncode == 4, (unsure.returncode, unsure.stderr))
    back = mara("release", grant["id"], "--yes")
    check("giving it back", back.returncode == 0, back.stderr)
    gone = wait(lambda: not truth.has(MARA, grant["account"], "DatabaseOperator"), 20)
    check("AWS lists it no more", gone)
    def ended():
        found = [row for row in rows(mara("grants", "--state", "ended")) if row["id"] == grant["id"]]
        return found[0] if found else None
    over = wait(ended, 10)
    check("the grant ended as released, removed", over and (over["cause"], over["removed"]) == ("released", True), over)
    check("an ended grant gives no way in", over and not over.get("console_url"))


def reported(check, noor, stranger, grant):
    of_grant = ("report", "access", "--person", MARA, "--account", "payments-prod", "--permission-set", "DatabaseOperator")
    found = rows(noor(*of_grant, "--at", grant["granted_at"]))
    row = next((row for row in found if row.get("grant_id") == grant["id"]), {})
    check("the report says who had it at a moment, and by whose approval",
          (row.get("user"), row.get("approvers"), row.get("state")) == (MARA, [TOMASZ], "ended"), found)
    check("and not at one before", all(row["kind"] != "grant" for row in rows(noor(*of_grant, "--at", "2020-01-01"))))
    check("only to those who may see all access", stranger(*of_grant).returncode == 1)


def groups(check, mara, tomasz, truth):
    asked = mara("request", "--group", "oncall", "--for", "30m", "--reason", "on call tonight")
    request = rows(asked)[0] if asked.returncode == 0 else {}
    check("a group request waits", request.get("state") == "pending" and request.get("group_name") == "oncall", asked.stderr)
    done = tomasz("approve", request.get("id", "req_0"))
    check("it is approved", done.returncode == 0, done.stderr)
    group = request.get("group", "")
    check("AWS lists the membership", wait(lambda: truth.is_member(MARA, group), 20))
    released = mara("release", request["id"], "--yes")
    check("a request's id names its grant, too", released.returncode == 0, released.stderr)
    check("AWS lists the membership no more", wait(lambda: not truth.is_member(MARA, group), 20))


def refusals(check, mara, noor, stranger):
    result = mara("request", "--account", "log-archive", "--permission-set", "PowerUser",
                  "--for", "1h", "--reason", "curious")
    check("what no rule gives is rejected: exit 1", result.returncode == 1, result.stdout)
    check("with a code", "NoStatements" in result.stderr or "no-statements" in result.stderr, result.stderr)
    usage = mara("request", "--account", "log-archive")
    check("a usage error is exit 2", usage.returncode == 2)
    asked = mara("request", "--account", "orders-prod", "--permission-set", "DatabaseOperator",
                 "--for", "30m", "--reason", "a private matter")
    hidden = rows(asked)[0]
    check("other people's requests are invisible",
          all(row["id"] != hidden["id"] for row in rows(stranger("requests", "--role", "all"))))
    peek = stranger("discard", hidden["id"])
    check("and cannot be touched: the answer is that it does not exist",
          peek.returncode == 1 and "not-found" in peek.stderr, peek.stderr)
    check("an auditor sees them", any(row["id"] == hidden["id"] for row in rows(noor("requests", "--role", "all"))))
    check("but cannot decide them", noor("approve", hidden["id"]).returncode == 1)
    check("the requester withdraws", mara("discard", hidden["id"]).returncode == 0)
    explained = mara("rules", "explain", "--user", MARA, "--account", "payments-prod", "--permission-set", "DatabaseOperator")
    check("rules explain says why", explained.returncode == 0 and "prod-database" in explained.stdout, explained.stderr)
    other = mara("rules", "explain", "--user", TOMASZ, "--account", "payments-prod", "--permission-set", "ReadOnly")
    check("not about others, though", other.returncode == 1, other.stdout)


def replay(check, stage, mara, noor):
    """Past requests against a file that is not in force."""
    changed = stage.path("changed.toml")
    changed.write_text("[[rule]]\nid = 'open'\naccounts = '*'\npermission_sets = '*'\napproval_is_not_required = true\n")
    told = noor("rules", "replay", str(changed), "--detailed-exitcode")
    found = [row for row in rows(told) if "request" in row]
    check("rules replay is exit 3 where something would differ", told.returncode == 3, told.stderr)
    check("it names the requests with both decisions",
          ("RequiresApproval", "ApprovalNotRequired") in {(row["was"], row["would_be"]) for row in found}, found[:3])
    check("and the rules of the file", all(row["because"] in (["open"], []) for row in found), found[:3])
    check("and how many live grants it would end", "would end" in told.stderr or "no grant is live" in told.stderr, told.stderr)
    check("only for who reads everything", mara("rules", "replay", str(changed)).returncode == 1)
    changed.write_text("[[rule]]\naccounts = '*'\n")
    broken = noor("rules", "replay", str(changed))
    check("a broken file is exit 2, with the place", broken.returncode == 2 and "1:1" in broken.stderr, broken.stderr)


def log(check, stage, data):
    """The exported log."""
    def verified():
        result = stage.run("audit", "verify", data / "audit")
        return result if result.returncode == 0 else None
    check("audit verify finds the export whole", wait(verified, 15))
    copy = stage.path("tampered")
    shutil.copytree(data / "audit", copy, ignore=shutil.ignore_patterns("*.json.*"))
    records = sorted(
        (json.loads(path.read_text())["seq"], path) for path in (copy / "logs").rglob("*.json"))
    sequence, path = records[len(records) // 2]
    text = bytearray(path.read_bytes())
    at = text.index(b'"seq"') - 3
    text[at] ^= 1
    path.write_bytes(bytes(text))
    result = stage.run("audit", "verify", copy)
    check(f"one byte changed: exit 1 naming record {sequence}",
          result.returncode == 1 and str(sequence) in result.stderr, result.stderr)


def without_permission_sets(check, stage):
    """An instance of its own: permission sets are never switched off again."""
    wanted, before = organization(), stage.directory
    wanted["identity_center"] |= {"permission_sets_enabled": False, "network": {
        "vpce_access_required": True, "allow_source_ips": ["198.51.100.0/24"]}}
    stage.path("without.json").write_text(json.dumps(wanted))
    simulated, _, there = stage.simulator("--organization", stage.path("without.json"), log="without.log")
    stage.path("refused.toml").write_text('[store]\nurl = "sqlite:refused.db"\n')
    served = stage.run("serve", "--config", stage.path("refused.toml"), **there)
    check("no server starts on an instance without permission sets",
          served.returncode == 1 and "permission sets are switched off" in served.stderr, served.stderr[-600:])
    ran = stage.run("doctor", "--config", stage.path("refused.toml"), "--output", "jsonl", **there)
    rows = {row["check"]: row for row in map(json.loads, ran.stdout.splitlines())}
    row = rows["instance"]
    check("doctor: an instance without permission sets is a problem", row["result"] == "problem" and "permission sets are switched off" in row["detail"], row)
    row = rows["network"]
    check("doctor: network controls of the instance are reported", row["result"] == "warning" and "VPC endpoints" in row["detail"] and "198.51.100.0/24" in row["detail"], row)
    stage.stop(simulated)
    stage.directory = before


def an_instance_that_says_what_it_is(check, stage, config, keys, aws):
    """Without permission sets nothing is promised; a customer's key is told, and in the least policy (`access.md` R-2, `access.md` R-3)."""
    client = lambda name: boto3.client(
        name, endpoint_url=aws["AWS_ENDPOINT_URL"], region_name=aws["AWS_DEFAULT_REGION"],
        aws_access_key_id=aws["AWS_ACCESS_KEY_ID"], aws_secret_access_key=aws["AWS_SECRET_ACCESS_KEY"])
    center, kms = client("sso-admin"), client("kms")
    instance = center.list_instances()["Instances"][0]["InstanceArn"]

    def told():
        ran = stage.run("doctor", "--config", config, "--output", "jsonl", **keys)
        return next(row for row in map(json.loads, ran.stdout.splitlines()) if row["check"] == "instance")

    without_permission_sets(check, stage)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    center.update_instance(InstanceArn=instance, EncryptionConfiguration={"KeyType": "CUSTOMER_MANAGED_KEY", "KmsKeyArn": key})
    row = told()
    check("doctor: a customer's key that the configuration does not name", row["result"] == "warning" and key in row["detail"] and "identity.encryption_key" in row["remedy"], row)
    before = config.read_text()
    config.write_text(before.replace("[identity]\n", f'[identity]\nencryption_key = "{key}"\n'))
    row = told()
    check("doctor: one that it names", row["result"] == "ok" and key in row["detail"], row)
    statements = json.loads(stage.run("doctor", "--iam-policy", "--config", config).stdout)["Statement"]
    check.equal("and it is in the least policy", [it["Resource"] for it in statements if it["Action"] == ["kms:Decrypt"]], [key, key])
    kms.disable_key(KeyId=key)
    ran = stage.run("doctor", "--config", config, "--output", "jsonl", **keys)
    check("doctor: a disabled key is reported with AWS's reason", ran.returncode == 1 and "KMS_D" in ran.stdout + ran.stderr, ran.stdout + ran.stderr)
    kms.enable_key(KeyId=key)
    center.update_instance(InstanceArn=instance, EncryptionConfiguration={"KeyType": "AWS_OWNED_KMS_KEY"})
    config.write_text(before)


def operations(check, stage, data, server, aws):
    """doctor, store, token: on the server's machine, beside the running demo."""
    config = stage.path("hallpass.toml")
    shutil.copy(ROOT / "demo" / "rules.toml", stage.path("rules.toml"))
    config.write_text(
        f'[store]\nurl = "sqlite:{data}/hallpass.db"\n[aws]\nregion = "{aws["AWS_DEFAULT_REGION"]}"\n'
        f'endpoint_url = "{aws["AWS_ENDPOINT_URL"]}"\n[identity]\nadmins = ["group:platform-admins"]\n'
        f'[audit.export]\ntarget = "dir:{data}/audit"\n')
    keys = {name: aws[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    doctor = stage.run("doctor", "--config", config, "--output", "jsonl", **keys)
    check("doctor finds nothing wrong", doctor.returncode == 0, doctor.stdout + doctor.stderr)
    an_instance_that_says_what_it_is(check, stage, config, keys, aws)
    policy = stage.run("doctor", "--iam-policy", "--config", config)
    check("doctor prints a policy that is JSON, and what it lacks for rules over every account",
          policy.returncode == 1 and json.loads(policy.stdout)["Statement"] and "--management-account" in policy.stderr, policy.stderr)
    check("store check", stage.run("server", "store", "check", "--config", config).returncode == 0)
    backup = stage.run("server", "store", "backup", stage.path("backup.db"), "--config", config)
    check("store backup while the server runs", backup.returncode == 0, backup.stderr)
    stage.path("other.toml").write_text('[store]\nurl = "sqlite:restored.db"\n')
    restore = stage.run("server", "store", "restore", stage.path("backup.db"), "--config", stage.path("other.toml"))
    check("store restore", restore.returncode == 0, restore.stderr)
    check("the restored store is whole", stage.run("server", "store", "check", "--config", stage.path("other.toml")).returncode == 0)
    over = stage.run("server", "store", "restore", stage.path("backup.db"), "--config", stage.path("other.toml"))
    check("restore overwrites nothing: exit 4", over.returncode == 4, over.stderr)
    made = stage.run("server", "token", "create", "--user", MARA, "--scope", "read", "--ttl", "1h", "--name", "ci", "--config", config)
    secret = made.stdout.strip()
    check("token create prints the token alone", made.returncode == 0 and secret.startswith("hpt_") and "\n" not in secret, made.stderr)
    me = Api(server, secret).get("/api/v1/me")
    check("it works", me.status == 200 and me.json["scopes"] == ["read"], me)
    listed = [row for row in rows(stage.run("server", "token", "list", "--config", config, "--output", "jsonl")) if row["name"] == "ci"]
    check("token list shows it, without the secret", len(listed) == 1 and secret not in json.dumps(listed), listed)
    revoked = stage.run("server", "token", "revoke", listed[0]["id"], "--config", config)
    check("token revoke", revoked.returncode == 0, revoked.stderr)
    check.equal("a revoked token: 401", Api(server, secret).get("/api/v1/me").status, 401)


def many(check, priya, mara, truth):
    """An administrator cuts somebody off."""
    asked = mara("request", "--account", "orders-dev", "--permission-set", "ReadOnly", "--for", "1h",
                 "--reason", "to be revoked", "--wait", "--timeout", "150s")
    grant = rows(asked)[0]
    check("reading is granted immediately", asked.returncode == 0 and grant["approval"] == "not_required", asked.stderr)
    live = lambda: [row["id"] for row in rows(mara("grants", "--state", "live"))]
    check("and among what is live", grant["id"] in live(), live())
    unasked = priya("revoke", "--user", MARA, "--all", "--reason", "INC-9: laptop lost")
    check("revoking asks first", unasked.returncode != 0 and truth.has(MARA, grant["account"], "ReadOnly"), unasked.stderr)
    cut = priya("revoke", "--user", MARA, "--all", "--reason", "INC-9: laptop lost", "--yes")
    check("and with --yes it is done", cut.returncode == 0, cut.stderr)
    check("nothing of hers is live", wait(lambda: not live(), 30), live())
    check("AWS agrees", wait(lambda: not truth.has(MARA, grant["account"], "ReadOnly"), 20))


def main():
    check = Checks()
    with Stage("journey") as stage:
        port, aws_port, data = free_port(), free_port(), stage.path("data")
        server, tokens = f"http://127.0.0.1:{port}", stage.path("tokens.json")
        demo = stage.spawn("demo", "--listen", f"127.0.0.1:{port}", "--aws-listen", f"127.0.0.1:{aws_port}",
                           "--data", data, "--tokens", tokens, log="demo.log")
        up = wait(lambda: answers(Api(server), "/healthz"), 60, demo)
        if not check("hallpass demo starts", up, stage.said("demo.log")):
            check.end()
        check("it becomes ready", wait(lambda: answers(Api(server), "/readyz"), 30, demo), Api(server).get("/readyz"))
        said = stage.said("demo.log")
        check("it says where, who, and what to try", all(text in said for text in (server, MARA, "hallpass request", "/env.sh")))
        check.equal("tokens are for their owner only", tokens.stat().st_mode & 0o777, 0o600)
        secrets = json.loads(tokens.read_text())
        mara, tomasz, priya, noor, ines = (Player(stage, server, secrets[who]) for who in (MARA, TOMASZ, PRIYA, NOOR, INES))
        client, aws = reader(said)
        truth = Truth(client)
        check("the sign-in page opens", b"Hallpass" in Api(server).get("/signin").body)
        check("the demo has a history", wait(lambda: len(rows(noor("requests", "--role", "all"))) >= 7, 60))
        login = stage.run("login", "--as", MARA, HALLPASS_SERVER=server)
        who = stage.run("whoami", "--output", "jsonl", HALLPASS_SERVER=server)
        check("login as a persona", login.returncode == 0 and MARA in who.stdout, login.stderr + who.stderr)
        grant = access(check, stage, mara, tomasz, truth)
        if grant:
            later(check, mara, tomasz, truth, grant)
        groups(check, mara, tomasz, truth)
        stage.path("hallpass.toml").write_text(f'[store]\nurl = "sqlite:{data}/hallpass.db"\n')
        stranger = Player(stage, server, stage.token(stranger_email(truth)))
        refusals(check, mara, noor, stranger)
        if grant:
            reported(check, noor, stranger, grant)
        replay(check, stage, mara, noor)
        many(check, priya, mara, truth)
        log(check, stage, data)
        operations(check, stage, data, server, aws)
        check.equal("the demo stops when asked, in order", stage.stop(demo), 0)
        check("and the log is whole at the end", stage.run("audit", "verify", data / "audit").returncode == 0)
        again = stage.spawn("demo", "--listen", f"127.0.0.1:{port}", "--aws-listen", f"127.0.0.1:{aws_port}",
                            "--data", data, "--tokens", tokens, log="demo.log")
        check("started again it remembers", wait(lambda: answers(Api(server), "/readyz"), 60, again))
        noor = Player(stage, server, json.loads(tokens.read_text())[NOOR])
        check("the request of before is there", any(row["reason"] == REASON for row in rows(noor("requests", "--role", "all", "--limit", "500"))))
        stage.stop(again)
    check.end()


def stranger_email(truth):
    """Somebody of the organization who is none of the five."""
    known = {MARA, TOMASZ, PRIYA, NOOR, INES}
    for user in truth.store.list_users(IdentityStoreId=truth.directory)["Users"]:
        email = user.get("Emails", [{}])[0].get("Value", "").lower()
        if email and email not in known:
            memberships = truth.store.list_group_memberships_for_member(
                IdentityStoreId=truth.directory, MemberId={"UserId": user["UserId"]})["GroupMemberships"]
            if not memberships or len(memberships) == 1:
                return email
    raise AssertionError("no one else")


if __name__ == "__main__":
    main()
