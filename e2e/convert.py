#!/usr/bin/env python3
"""From standing access to access that is asked for: `hallpass access convert` proposes rules that are fit to be put in force, and an access
file without what they replace; planned and applied, just that is gone (`inventory.md` A-17)."""

import csv
import datetime
import io
import json
import tomllib
import uuid

import drilled
from drilled import ANA, BO, DEV, TEST, started
from stage import Checks, Stage, wait

LEADS = "leads"


def organization():
    """The one of the other scripts, with approvers, and a program that has something, too."""
    whole = drilled_organization()
    center = whole["identity_center"]
    center["groups"] = [{"name": LEADS, "members": [ANA, BO]}]
    center["users"].append({"user_name": "svc-deploy", "given_name": "Deploy", "family_name": "X", "email": "deploy@acme.example"})
    center["assignments"].append({"account": DEV, "permission_set": "Admin", "user": "svc-deploy"})
    return whole


drilled_organization, drilled.organization = drilled.organization, organization


def held(world):
    code, said, errors = world.json("who", "--live", "--config", "hallpass.toml")
    assert said is not None, errors
    return sorted((row["user_name"], row["account_id"], row["permission_set"]) for row in said["paths"])


def used_by(stage, world, check, common):
    """One of them used it on two of the last ten days; of the other the log has every day of the account, and nothing."""
    now = datetime.datetime.now(datetime.timezone.utc)
    role = "AWSReservedSSO_Admin_0123456789abcdef"

    def record(account, who, role, path, at):
        identity = {"type": "AssumedRole", "accountId": account, "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{who}",
                    "sessionContext": {"sessionIssuer": {"userName": role, "arn": f"arn:aws:iam::{account}:role/{path}{role}"}}}
        return {"eventID": str(uuid.uuid4()), "eventTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "eventName": "DescribeInstances", "readOnly": True,
                "eventSource": "ec2.amazonaws.com", "awsRegion": "eu-west-1", "recipientAccountId": account, "userIdentity": identity}
    reserved = "aws-reserved/sso.amazonaws.com/eu-west-1/"
    back = lambda days: now - datetime.timedelta(days=days, minutes=1)
    made = [record(account, "worker", "worker", "", back(day)) for account in (DEV, TEST) for day in range(13)]
    made += [record(TEST, ANA, role, reserved, back(day)) for day in (2, 2, 5)]
    # somebody else's, of before, and of a set that nobody converts
    made += [record(DEV, BO, role, reserved, back(12)), record(DEV, "someone", role, reserved, back(1))]
    stage.path("log.json").write_text(json.dumps({"Records": made}))
    done = world.run("activity", "ingest", "log.json", "--folder", "activity")
    check("there is a log", done.returncode == 0, done.stderr)

    def listed(*words):
        done = world.run(*common, "--approvers", LEADS, "--to", "used", "--activity", "activity", *words)
        check(f"use is read {' '.join(words)}", done.returncode == 0 and "not looked at" not in done.stderr, done.stderr)
        rows = csv.DictReader(io.StringIO(stage.path("used/people.csv").read_text()))
        return {row["user_name"]: (row["usage"], row["days_used"], row["last_used"][:10]) for row in rows}
    found = listed("--days", "10")
    check.equal("on how many days, and that there was none", found, {ANA: ("used", "2", str(back(2).date())), BO: ("never", "0", "")})
    listed("--days", "10", "--forecast")
    steps = list(csv.DictReader(io.StringIO(stage.path("used/forecast.csv").read_text())))
    check.equal("the forecast begins where no one would have to request", [(it["people"], it["used_by"], it["requests_a_week"]) for it in steps],
                [("1", "0", "0.0"), ("1", "1", "1.4")])
    check.equal("days without a log are reported", listed("--days", "30")[BO], ("used", "1", str(back(12).date())))
    check.equal("and not those before it", listed("--days", "11")[BO], ("never", "0", ""))
    done = world.run(*common, "--approvers", LEADS, "--to", "used", "--activity", "proposed")
    check("a missing table is reported", done.returncode == 2 and "activity ingest" in done.stderr, done.stderr)


def main():
    check = Checks()
    with Stage("convert") as stage:
        world = started(stage)
        common = ("access", "convert", "--config", "hallpass.toml", "--keep", "BreakGlass")
        done = world.run(*common, "--approvers", "nobody")
        check("without the group that approves there is no proposal", done.returncode == 2 and "no one group" in done.stderr, done.stderr)
        done = world.run(*common, "--approvers", LEADS, "--to", "proposed", "--max-duration", "2h")
        check("rules are proposed", done.returncode == 0, done.stderr)
        check("assignments that stay are listed, and programs by name", "the set is kept" in done.stderr and "looks like a program" in done.stderr, done.stderr)
        rules = tomllib.loads(stage.path("proposed/rules.toml").read_text())["rule"]
        found = sorted((rule["allowed_users"], "ous" in rule, rule.get("accounts", []), rule["permission_sets"]) for rule in rules)
        check.equal("each who has it, for where they have it: the unit of both accounts, and one account", found,
                    [([ANA], True, [], ["Admin"]), ([BO], False, [DEV], ["Admin"])])
        check.equal("with approvers and a limit", {(*rule["approver_groups"], rule["max_duration"]) for rule in rules}, {(LEADS, "2h")})
        people = list(csv.DictReader(io.StringIO(stage.path("proposed/people.csv").read_text())))
        check.equal("the people concerned are listed", sorted((row["user_name"], row["usage"]) for row in people),
                    [(ANA, "unknown"), (BO, "unknown")])
        used_by(stage, world, check, common)
        done = world.run("rules", "check", "proposed/rules.toml")
        check("the rules are fit to be put in force", done.returncode == 0, done.stdout + done.stderr)
        done = world.run(*common, "--approvers", LEADS, "--max-duration", "2h")
        check.equal("without a folder they are printed", done.stdout, stage.path("proposed/rules.toml").read_text())
        before = held(world)
        stage.make_store()
        code, said, errors = world.json("access", "plan", "proposed/access.yaml", "--config", "hallpass.toml")
        check.equal("nothing was changed by it", held(world), before)
        done = world.run("access", "apply", "proposed/access.yaml", "--yes", "--config", "hallpass.toml")
        check("the access file is planned and applied", code == 0 and done.returncode == 0, (errors, done.stderr))
        left = sorted([(BO, DEV, "BreakGlass"), (BO, TEST, "BreakGlass"), ("svc-deploy", DEV, "Admin")])
        wait(lambda: held(world) == left, 60)
        check.equal("just what the rules replace is gone", held(world), left)
    check.end()


if __name__ == "__main__":
    main()
