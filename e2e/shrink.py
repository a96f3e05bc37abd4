#!/usr/bin/env python3
"""The smaller policy (`inventory.md` §7.5): generated logs against sets of files and of the simulated Identity Center; what is
proposed is held against a slow evaluator of our own and against `policy simulate`, and an access file of it plans to that change."""

import collections
import fnmatch
import gzip
import json
import os
import random
import uuid

import boto3

from stage import Checks, Stage
from uncalled import LIST, uncalled

SET = "Builders"
ROLE = f"AWSReservedSSO_{SET}_0123456789abcdef"
ACCOUNT = "111111111111"
AS_OF = "2026-11-20T00:00:00Z"
FUNCTION = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:app"
# event, what it needs, the resources that the log names
CALLS = [("ec2:DescribeInstances", ["ec2:DescribeInstances"], []), ("ec2:RunInstances", ["ec2:RunInstances"], []),
         ("s3:ListBuckets", ["s3:ListAllMyBuckets"], []), ("s3:PutBucketPolicy", ["s3:PutBucketPolicy"], ["arn:aws:s3:::team-a"]),
         ("lambda:UpdateFunctionCode20150331v2", ["lambda:UpdateFunctionCode"], [FUNCTION]),
         ("lambda:ListFunctions20150331", ["lambda:ListFunctions"], []), ("monitoring:PutMetricAlarm", ["cloudwatch:PutMetricAlarm"], []),
         ("apigateway:CreateRestApi", ["apigateway:POST"], []), ("signin:ConsoleLogin", [], []), ("sts:GetCallerIdentity", [], [])]
OLD = {"Version": "2012-10-17", "Statement": [
    {"Sid": "Build", "Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"},
    {"Sid": "Pass", "Effect": "Allow", "Action": ["iam:PassRole", "iam:List*"], "Resource": "*"},
    {"Sid": "Region", "Effect": "Deny", "NotAction": ["s3:*", "sts:*"], "Resource": "*",
     "Condition": {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}}]}
check = Checks()


def record(random_, name, arns=(), error=None, day=None, person=None, role=ROLE):
    service, event = name.split(":")
    person = person or f"person{random_.randrange(7)}"
    made = {"eventID": str(uuid.UUID(int=random_.getrandbits(128))), "eventTime": f"2026-11-{day or random_.randrange(2, 19):02}T08:00:00Z",
            "eventSource": service + ".amazonaws.com", "eventName": event, "awsRegion": "eu-west-1", "recipientAccountId": ACCOUNT,
            "userIdentity": {"type": "AssumedRole", "accountId": ACCOUNT, "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{person}",
                             "sessionContext": {"sessionIssuer": {"userName": role, "arn": f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/eu-west-1/{role}"},
                                                "attributes": {"creationDate": "2026-11-02T07:00:00Z"}}}}
    if arns:
        made["resources"] = [{"ARN": it} for it in arns]
    if error:
        made["errorCode"] = error
    return made


def made_log(random_):
    """Calls of all kinds, some refused, and some of another set."""
    made = [record(random_, "ec2:DescribeInstances", day=1)]
    for name, _, arns in CALLS * 40:
        made.append(record(random_, name, arns))
    made += [record(random_, "iam:CreateUser", error="AccessDenied") for _ in range(17)]
    made += [record(random_, "rds:CreateDBInstance", role="AWSReservedSSO_Other_0123456789abcdef") for _ in range(9)]
    return made


def trail(root, made):
    days = collections.defaultdict(list)
    for it in made:
        days[it["eventTime"][:10]].append(it)
    for day, found in days.items():
        folder = root / f"AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/{day.replace('-', '/')}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{ACCOUNT}_CloudTrail_eu-west-1_{day.replace('-', '')}T0000Z_0.json.gz").write_bytes(gzip.compress(json.dumps({"Records": found}).encode()))


def shrink(stage, *words, log="trail", policy="old.json", output="json"):
    policies = ["--policy", policy] if policy else []
    logs = ["--log", log] if log else []
    ran = stage.run("policy", "shrink", SET, *policies, *logs, "--as-of", AS_OF, "--days", "18", "--output", output, *words, timeout=300)
    return ran, json.loads(ran.stdout) if output in ("json", "policy", "access-file") and ran.stdout.strip() else None


def allows(policy, action, resource):
    """An evaluator of a few lines: no conditions but the Region, which is right in this log."""
    listed = lambda it, name: it[name] if isinstance(it.get(name), list) else [it[name]]
    fits = lambda patterns, text: any(fnmatch.fnmatchcase(text.lower(), pattern.lower()) for pattern in patterns)
    return any(it["Effect"] == "Allow" and (fits(listed(it, "Action"), action) if "Action" in it else not fits(listed(it, "NotAction"), action))
               and fits(listed(it, "Resource"), resource) for it in policy["Statement"])


def grains(stage, made):
    mine = [it for it in made if ROLE in it["userIdentity"]["arn"] and it["eventTime"] >= "2026-11-02"]
    done = [it for it in mine if "errorCode" not in it]
    people = len({it["userIdentity"]["arn"] for it in done})
    sizes = []
    for grain, words in [("service", []), ("level", []), ("action", []), ("action", ["--resources", "exact"]), ("action", ["--resources", "prefix"])]:
        name = " ".join([grain, *words])
        ran, said = shrink(stage, "--grain", grain, "--unseen", "used-services", *words)
        proof = said["proof"]
        check.equal(f"{name}: every call is replayed, and none would break", (ran.returncode, proof["succeeded"], proof["people"], proof["refused"],
                    {it["verdict"] for it in proof["calls"]}), (0, len(done), people, 17, {"holds", "needs_nothing"}))
        check(f"{name}: the proof is one line", f"{len(done)} successful events of {people} people replayed: 0 would break" in ran.stderr, ran.stderr)
        policy = said["policy"]
        broken = [(event, action) for event, actions, arns in CALLS for action in actions if not allows(policy, action, (arns or ["*"])[0])]
        check.equal(f"{name}: an evaluator of our own says so, too", broken, [])
        stage.path("new.json").write_text(json.dumps(policy))
        cases = [{"id": f"{event} {action}", "principal": f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/ana", "action": action, "resource": (arns or ["*"])[0],
                  "context": {"aws:RequestedRegion": "eu-west-1"}, "identityPolicies": [policy], "expected": "Allowed"} for event, actions, arns in CALLS for action in actions]
        stage.path("cases.jsonl").write_text("".join(json.dumps(it) + "\n" for it in cases))
        ran = stage.run("policy", "simulate", "--cases", "cases.jsonl", "--expect")
        check(f"{name}: and `policy simulate`", ran.returncode == 0 and ran.stdout.count('"Allowed"') == len(cases), ran.stdout[:600] + ran.stderr)
        ran = stage.run("policy", "diff", "old.json", "new.json", "--generated", "--output", "json", timeout=300)
        wider = [it for it in json.loads(ran.stdout) if it["new"] == "Allowed"]
        check.equal(f"{name}: nothing is allowed that was not", wider[:2], [])
        ran = stage.run("policy", "lint", "new.json", "--type", "identity", "--disable", "SIZE", "--output", "json")
        check(f"{name}: it is a policy without errors", ran.returncode == 0, ran.stdout[:400])
        sizes.append(sum(it["after"] for it in said["services"]))
    check("a finer grain keeps less", sizes[0] > sizes[1] > sizes[2] == sizes[3], sizes)
    kept = lambda said: {it["sid"]: it["because"] for it in said["statements"]}
    ran, said = shrink(stage, "--grain", "action")
    check("what no log shows is kept with its reason", {"data_event", "no_event", "part_of_another"} <= set(kept(said)["NotVisible"]["not_visible"]), kept(said))
    check("among it `iam:PassRole`, and nothing of it is called unused", allows(said["policy"], "iam:PassRole", "*"), said["statements"][:1])
    ran, said = shrink(stage, "--grain", "action", "--unseen", "give-up")
    check("or given up where that is asked, and counted", "NotVisible" not in kept(said) and said["given_up_unseen"] > 1000, said["given_up_unseen"])
    ran, _ = shrink(stage, "--grain", "action", "--unseen", "used-services", output="text")
    check("people see what goes, and which risks", ran.returncode == 0 and "Risks that go" in ran.stdout and "used by" in ran.stdout and "\x1b" not in ran.stdout, ran.stdout)
    # the log ends some days before the instant that is looked from
    check("and how old the log is, with the proposal and beside it", said["log"]["newest_days_old"] >= 2
          and all(f"is {said['log']['newest_days_old']} days old" in it for it in (ran.stdout, ran.stderr)), (said["log"], ran.stdout[:300], ran.stderr))
    ran, _ = shrink(stage, "--grain", "action", "--unseen", "give-up", output="diff")
    check("lines that go and come", '+ ' in ran.stdout and '- ' in ran.stdout and '"ec2:RunInstances"' in ran.stdout, ran.stdout)


def not_whole(stage, made):
    """What is no proof is exit 1, and named."""
    for name, more, part in [
        ("a call that the policies do not allow", record(random.Random(2), "iam:CreateUser"), "iam:CreateUser, 1 events: the policies do not allow it"),
        ("a call that is no known action", record(random.Random(2), "ec2:NoSuchThing"), "ec2:NoSuchThing, 1 events: no action is known"),
    ]:
        stage.path("more.json").write_text(json.dumps({"Records": [*made, more]}))
        ran, said = shrink(stage, log="more.json")
        check(f"{name} is exit 1 and named", ran.returncode == 1 and part in ran.stderr, (ran.returncode, ran.stderr))
    stage.path("late.json").write_text(json.dumps({"Records": [it for it in made if it["eventTime"] > "2026-11-10"]}))
    ran, _ = shrink(stage, log="late.json")
    check("a log that does not reach back is exit 1", ran.returncode == 1 and "does not reach back to 2026-11-02" in ran.stderr, ran.stderr)
    stage.path("cut.json.gz").write_bytes(gzip.compress(json.dumps({"Records": made}).encode())[:-9])
    ran, _ = shrink(stage, "--log", "cut.json.gz")
    check("a broken file is named, and exit 1", ran.returncode == 1 and "left out: " in ran.stderr, ran.stderr)
    stage.path("quiet.json").write_text(json.dumps({"Records": [it for it in made if ROLE not in it["userIdentity"]["arn"] or it["eventTime"] < "2026-11-02"]}))
    ran, _ = shrink(stage, "--unseen", "give-up", log="quiet.json", output="policy")
    check("where nothing was used there is no policy", ran.returncode == 1 and not ran.stdout and "nothing that" in ran.stderr, ran.stderr)
    data = record(random.Random(4), "s3:GetObject", ["arn:aws:s3:::team-a/x", "arn:aws:s3:::team-a"])
    stage.path("data.json").write_text(json.dumps({"Records": [*made, data]}))
    ran, said = shrink(stage, "--grain", "action", "--data-events", "s3", log="data.json")
    check("with data events, objects are seen: read, and not written", ran.returncode == 0 and allows(said["policy"], "s3:GetObject", "*")
          and not allows(said["policy"], "s3:PutObject", "*") and allows(said["policy"], "dynamodb:PutItem", "*"), ran.stderr)
    stage.path("broken.json").write_text("{")
    stage.path("empty").mkdir()
    for name, words, more, part in [
        ("a log that is not there", [], {"log": "absent"}, "absent"), ("a folder without logs", [], {"log": "empty"}, "AWSLogs"),
        ("an invalid policy", [], {"policy": "broken.json"}, "broken.json"), ("a policy that is not there", [], {"policy": "absent.json"}, "absent.json"),
        ("resources at the grain of services", ["--resources", "exact"], {}, "--grain action"), ("an unknown service", ["--data-events", "S4"], {}, "S4"),
        ("data events that are not in the log", ["--data-events", "sqs"], {}, "no data event of `sqs`"), ("a role without policies", ["--role"], {"policy": None}, "--policy"),
        ("an invalid grain", ["--grain", "atom"], {}, "atom"), ("days that are none", ["--days", "many"], {}, "--days"),
        ("a set that no snapshot has", [], {"policy": None, "log": "trail"}, "E_NOT_SYNCED"),
    ]:
        ran, _ = shrink(stage, *words, **more)
        check(f"{name} is exit 2", ran.returncode == 2 and part in ran.stderr and not ran.stdout, (ran.returncode, ran.stderr))


def from_simulator(stage):
    """The set is one of the simulated Identity Center, the uses come from the activity table."""
    _, endpoint, aws = stage.simulator()
    center = boto3.client("sso-admin", endpoint_url=endpoint, region_name=aws["AWS_REGION"], aws_access_key_id=aws["AWS_ACCESS_KEY_ID"], aws_secret_access_key=aws["AWS_SECRET_ACCESS_KEY"])
    instance = center.list_instances()["Instances"][0]["InstanceArn"]
    arn = center.create_permission_set(InstanceArn=instance, Name=SET, Description="Builds things", SessionDuration="PT4H",
                                       Tags=[{"Key": "team", "Value": "build"}])["PermissionSet"]["PermissionSetArn"]
    center.put_inline_policy_to_permission_set(InstanceArn=instance, PermissionSetArn=arn, InlinePolicy=json.dumps(OLD))
    synced = stage.run("sync", "--only", "identity-center", "--output", "json", timeout=400, **aws)
    ingested = stage.run("activity", "ingest", "trail", timeout=300)
    check("a snapshot and the activity table are made", synced.returncode == 0 and ingested.returncode == 0, synced.stderr + ingested.stderr)
    ran, of_files = shrink(stage, "--grain", "action")
    ran, said = shrink(stage, "--grain", "action", policy=None, log=None)
    check("from both, it is what files and logs give", ran.returncode == 0 and said["policy"] == of_files["policy"] and said["proof"] == of_files["proof"], (ran.stderr, said and said["proof"]))
    ran, said = shrink(stage, "--grain", "action", "--unseen", "give-up", policy=None, log=None, output="access-file")
    stage.path("smaller.json").write_text(json.dumps(said))
    ran = stage.run("access", "validate", "smaller.json")
    check("the access file is one", ran.returncode == 0, ran.stdout + ran.stderr)
    stage.path("hallpass.toml").write_text("")
    stage.make_store()
    ran = stage.run("access", "plan", "smaller.json", "--config", "hallpass.toml", "--output", "json", timeout=120, **aws)
    changes = json.loads(ran.stdout)["changes"]
    check("and plans to its policy alone", [it["write"] for it in changes] == ["put_inline"] and changes[0]["policy"] == said["permission_sets"][SET]["inline_policy"], ran.stdout)


def main():
    listed = uncalled()
    if os.environ.get("BLESS"):
        LIST.write_text(listed)
    check("the actions that no operation is called after are those of botocore", LIST.read_text() == listed, "BLESS=1 rewrites them")
    with Stage("shrink") as stage:
        made = made_log(random.Random(11))
        trail(stage.path("trail"), made)
        stage.path("old.json").write_text(json.dumps(OLD))
        grains(stage, made)
        not_whole(stage, made)
        from_simulator(stage)
    check.end()


main()
