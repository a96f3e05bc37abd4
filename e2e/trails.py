#!/usr/bin/env python3
"""Trails of the simulated CloudTrail (`simulator.md` §2.7), read by boto3 and by hallpass, and their digests checked by
`aws cloudtrail validate-logs` and by `--verify-digests`: both say that all is right, and after one changed byte, one file
less, one file more, both say what is not."""

import base64
import gzip
import json
import os
import pathlib
import subprocess
import sys

import boto3
from botocore.exceptions import ClientError

from stage import Api, Checks, Stage

check = Checks()
BUCKET = "example-trail"
AWS = pathlib.Path(sys.executable).with_name("aws")


class Organization:
    """A simulated organization whose clock is moved."""

    def __init__(self, stage):
        self.stage = stage
        self.simulator, self.endpoint, self.aws = stage.simulator("--speed", "fast")
        self.sim = Api(self.endpoint)
        state = self.sim.get("/_sim/state?full=1").json
        self.id, self.management = state["organization"]["id"], state["organization"]["management_account"]
        accounts = state["file"]["accounts"]
        self.member = next(it["id"] for it in accounts if it["name"] == "payments-dev")
        self.environment = {**self.aws, "AWS_ENDPOINT_URL": self.endpoint, "AWS_DEFAULT_REGION": self.aws["AWS_REGION"]}

    def client(self, service, account=None, region=None):
        keys = self.sim.get(f"/_sim/credentials?account={account or self.management}").json
        return boto3.client(service, endpoint_url=self.endpoint, region_name=region or self.aws["AWS_REGION"],
                            aws_access_key_id=keys["access_key_id"], aws_secret_access_key=keys["secret_access_key"])

    def now(self):
        return self.sim.get("/_sim/state").json["clock"]["now"]

    def advance(self, seconds):
        self.sim.post("/_sim/advance", {"seconds": seconds})

    def keys(self, prefix=""):
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix, PaginationConfig={"PageSize": 3})
        return [row["Key"] for page in pages for row in page.get("Contents", [])]

    def logs(self):
        return [it for it in self.keys() if "/CloudTrail/" in it]

    def records(self, key):
        body = self.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return json.loads(gzip.decompress(body))["Records"]

    def run(self, *arguments, timeout=300):
        return self.stage.run(*arguments, timeout=timeout, **self.environment)

    def validate(self, begun, account, region=None):
        """The aws CLI's own word on it."""
        arn = f"arn:aws:cloudtrail:{self.aws['AWS_REGION']}:{self.management}:trail/main"
        command = [os.fspath(AWS), "cloudtrail", "validate-logs", "--trail-arn", arn, "--start-time", begun, "--end-time", self.now(),
                   "--account-id", account, "--verbose", "--region", region or self.aws["AWS_REGION"]]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")} | self.environment
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def made(org):
    """A trail, as its owner makes it."""
    trail, s3 = org.client("cloudtrail"), org.client("s3")
    refused = None
    try:
        trail.create_trail(Name="main", S3BucketName=BUCKET)
    except ClientError as error:
        refused = error.response["Error"]["Code"]
    check.equal("a trail needs a bucket", refused, "S3BucketDoesNotExistException")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": org.aws["AWS_REGION"]})
    check.equal("it is where it was made", s3.get_bucket_location(Bucket=BUCKET)["LocationConstraint"], org.aws["AWS_REGION"])
    trail.create_trail(Name="main", S3BucketName=BUCKET, S3KeyPrefix="kept", IsMultiRegionTrail=True, IsOrganizationTrail=True,
                       EnableLogFileValidation=True)
    check.equal("it does not log yet", trail.get_trail_status(Name="main")["IsLogging"], False)
    org.advance(20)
    trail.start_logging(Name="main")
    described = trail.describe_trails()["trailList"][0]
    check("it is described", described["IsOrganizationTrail"] and described["LogFileValidationEnabled"]
          and described["HomeRegion"] == org.aws["AWS_REGION"], described)
    check("members see the trail of the organization", [it["Name"] for it in org.client("cloudtrail", org.member).list_trails()["Trails"]] == ["main"])


def lived(org, hours):
    """Calls in two accounts and three Regions, over some hours."""
    for hour in range(hours):
        org.client("iam").list_users()
        org.client("iam", org.member).list_roles()
        org.client("ec2", org.member, "us-west-2").describe_network_interfaces()
        org.client("organizations").describe_organization()
        org.advance(3600)
    org.advance(60)


def delivered(org):
    logs = org.logs()
    wanted = f"kept/AWSLogs/{org.id}/"
    check("files lie where an organization's trail puts them", logs and all(it.startswith(wanted) for it in logs), logs[:3])
    places = {tuple(it.split("/")[3:6:2]) for it in logs}
    check("of several accounts and Regions", {(org.management, "us-east-1"), (org.member, "us-east-1"), (org.member, "us-west-2")} <= places, places)
    records = [record for key in logs for record in org.records(key)]
    names = {it["eventName"] for it in records}
    check("with what was called", {"ListUsers", "ListRoles", "DescribeNetworkInterfaces", "StartLogging"} <= names, names)
    check("each once", len({it["eventID"] for it in records}) == len(records), len(records))
    check("reading them is no event", not names & {"GetObject", "ListObjectsV2"}, names)
    for key in logs:
        account, region = key.split("/")[3], key.split("/")[5]
        found = {(it["recipientAccountId"], it["awsRegion"]) for it in org.records(key)}
        if found != {(account, region)}:
            check("a file has the events of its account and Region", False, (key, found))
    s3 = org.client("s3")
    whole = s3.get_object(Bucket=BUCKET, Key=logs[0])["Body"].read()
    part = s3.get_object(Bucket=BUCKET, Key=logs[0], Range="bytes=2-9")["Body"].read()
    check.equal("a part of a file is read", part, whole[2:10])
    check.equal("and its length", s3.head_object(Bucket=BUCKET, Key=logs[0])["ContentLength"], len(whole))
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{wanted}", Delimiter="/")
    check.equal("folders are listed", [it["Prefix"] for it in listed["CommonPrefixes"]], sorted({f"{wanted}{a}/" for a, _ in places}))
    try:
        s3.get_object(Bucket=BUCKET, Key="none")
        code = None
    except ClientError as error:
        code = error.response["Error"]["Code"]
    check.equal("a missing trail is reported", code, "NoSuchKey")


def valid(org, begun):
    for account, region in [(org.management, None), (org.member, "us-west-2")]:
        ran = org.validate(begun, account, region)
        check(f"the aws CLI finds all of {'the member' if region else 'the management account'} valid",
              ran.returncode == 0 and "INVALID" not in ran.stdout + ran.stderr and " log files valid" in ran.stdout
              and " digest files valid" in ran.stdout, (ran.returncode, ran.stdout[-600:], ran.stderr[-600:]))


def ingest(org, source, folder, *more):
    ran = org.run("activity", "ingest", source, "--folder", folder, "--verify-digests", "--output", "json", *more)
    try:
        return ran, json.loads(ran.stdout)
    except ValueError:
        return ran, {}


def read(org, companion):
    source = f"s3://{BUCKET}/kept"
    # `policy shrink` reads logs without the companion
    org.stage.path("policy.json").write_text(json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}))
    ran = org.run("policy", "shrink", "sim-admin", "--role", "--policy", "policy.json", "--log", source, "--verify-digests", "--days", "1")
    check("policy shrink checks the digests of the bucket", " digests are right, and " in ran.stderr and "not as delivered" not in ran.stderr, ran.stderr[-600:])
    users = {"Users": [{"IdentityStoreId": "d-0123456789", "UserId": "11111111-2222-4333-8444-555555555555", "UserName": "ana", "CreatedAt": "2026-01-01T00:00:00Z"}]}
    org.stage.path("users.json").write_text(json.dumps(users))
    ran = org.run("activity", "pci", "report", "--users", "users.json", "--source", source, "--verify-digests", "--output", "json", "--evidence", "evidence.json")
    found = json.loads(ran.stdout or "{}").get("digests", {})
    check("pci report does, too", ran.returncode == 0 and found.get("digests_verified", 0) > 3 and found["findings_count"] == 0, (ran.returncode, found, ran.stderr[-600:]))
    evidence = json.loads(org.stage.path("evidence.json").read_text())
    check("and its evidence says so", evidence["report"]["digests"] == found and evidence["params"]["verify_digests"], evidence["params"])
    ran = org.run("activity", "pci", "report", "--users", "users.json", "--source", "lookup", "--verify-digests")
    check("what is looked up has no digests", ran.returncode == 2 and "--source s3" in ran.stderr, ran.stderr)
    if companion:
        ran, found = ingest(org, source, "first")
        # logs that arrive while it reads are with the digests, and not among what was read
        check("and activity ingest", ran.returncode == 0 and found["digests"]["logs_verified"] + found["digests"]["logs_after_last_digest"] >= found["files_read"]
              and found["events"] > 0, (ran.returncode, found, ran.stderr[-600:]))
    return found


def copied(org):
    """A copy in a folder, with keys that were saved."""
    for key in org.keys():
        path = org.stage.path("copy") / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(org.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read())
    keys = org.client("cloudtrail").list_public_keys(StartTime="2026-01-01T00:00:00Z", EndTime=org.now())["PublicKeyList"]
    check("there is a public key", len(keys) == 1 and keys[0]["Value"], keys)
    saved = {"PublicKeyList": [{"Value": base64.b64encode(it["Value"]).decode(), "Fingerprint": it["Fingerprint"]} for it in keys]}
    org.stage.path("keys.json").write_text(json.dumps(saved))
    ran = pci(org, "dir:copy", "--digest-keys", "keys.json")
    found = json.loads(ran.stdout)["digests"]
    chains = len(found["chains"])
    check("a copy is proved but for the newest digest of each chain", ran.returncode == 0 and found["digests_without_signature"] == chains
          and found["digests_verified"] > 0 and found["findings_count"] == 0, (ran.returncode, found))


def pci(org, source, *more):
    return org.run("activity", "pci", "report", "--users", "users.json", "--source", source, "--verify-digests", "--output", "json", *more)


def findings(org, source=f"s3://{BUCKET}/kept", *more):
    ran = pci(org, source, *more)
    said = json.loads(ran.stdout or "{}").get("digests", {}).get("findings", [])
    return ran.returncode, sorted({(it["kind"], it["path"].rsplit("/", 1)[-1]) for it in said}), ran.stderr


def tampered(org, begun):
    """One thing at a time is done to the bucket, looked at, and undone."""
    s3 = org.client("s3")
    old = [it for it in org.logs() if f"/{org.management}/" in it and f"/{org.aws['AWS_REGION']}/" in it][0]
    name = old.rsplit("/", 1)[-1]
    bytes_ = s3.get_object(Bucket=BUCKET, Key=old)["Body"].read()
    text = gzip.decompress(bytes_)
    flipped = gzip.compress(text.replace(b'"readOnly":true', b'"readOnly":tru ', 1) if b'"readOnly":true' in text else text.replace(b"false", b"fals ", 1))
    s3.put_object(Bucket=BUCKET, Key=old, Body=flipped)
    ran = org.validate(begun, org.management)
    check("one changed byte: the aws CLI says so", ran.returncode == 1 and name in ran.stderr and "hash value doesn't match" in ran.stderr, ran.stderr)
    code, found, said = findings(org)
    check("and so does hallpass", code == 1 and found == [("log_changed", name)], (code, found))
    check("which does not read it", f"skipped: {old.removeprefix('kept/')}" in said, said[-600:])
    s3.delete_object(Bucket=BUCKET, Key=old)
    code, found, _ = findings(org)
    check("a file that was taken away", code == 1 and found == [("log_missing", name)], (code, found))
    check.equal("as the aws CLI says", org.validate(begun, org.management).returncode, 1)
    s3.put_object(Bucket=BUCKET, Key=old, Body=bytes_)
    added = old.replace(name, name[:-20] + "000000000000000.json.gz"[-20:])
    s3.put_object(Bucket=BUCKET, Key=added, Body=bytes_)
    code, found, _ = findings(org)
    check("a file that CloudTrail did not deliver", code == 1 and [it for it, _ in found] == ["not_named"], (code, found))
    s3.delete_object(Bucket=BUCKET, Key=added)
    digests = sorted(it for it in org.keys() if f"/{org.management}/CloudTrail-Digest/{org.aws['AWS_REGION']}/" in it)
    middle = digests[1]
    head = s3.get_object(Bucket=BUCKET, Key=middle)
    kept, metadata = head["Body"].read(), head["Metadata"]
    changed = json.loads(gzip.decompress(kept))
    changed["logFiles"] = []
    s3.put_object(Bucket=BUCKET, Key=middle, Body=gzip.compress(json.dumps(changed).encode()), Metadata=metadata)
    code, found, _ = findings(org)
    check("a digest that was changed", code == 1 and ("digest_changed", middle.rsplit("/", 1)[-1]) in found, (code, found))
    check.equal("as the aws CLI says", org.validate(begun, org.management).returncode, 1)
    s3.delete_object(Bucket=BUCKET, Key=middle)
    code, found, _ = findings(org)
    check("a digest that was taken away", code == 1 and ("digest_missing", middle.rsplit("/", 1)[-1]) in found, (code, found))
    s3.put_object(Bucket=BUCKET, Key=middle, Body=kept, Metadata=metadata)
    code, found, said = findings(org)
    check("and with everything back in its place all is well", code == 0 and found == [], (code, found, said[-400:]))
    copy = org.stage.path("copy") / old
    copy.write_bytes(flipped)
    code, found, _ = findings(org, "dir:copy", "--digest-keys", "keys.json")
    check("the same of a folder", code == 1 and found == [("log_changed", name)], (code, found))


def stopped(org):
    trail = org.client("cloudtrail")
    trail.stop_logging(Name="main")
    org.advance(3700)
    before = len(org.logs())
    org.client("iam").list_users()
    org.advance(7300)
    check.equal("a trail that was stopped delivers nothing", len(org.logs()), before)
    trail.start_logging(Name="main")
    org.client("iam").list_users()
    org.advance(3700)
    check("and continues when it is started", len(org.logs()) > before, len(org.logs()))
    code, found, _ = findings(org)
    check("the time between is a gap", code == 1 and {it for it, _ in found} == {"gap"}, (code, found))


def main():
    with Stage("trails") as stage:
        companion = pathlib.Path(os.environ["HALLPASS_BIN"]).with_name("hallpass-query").exists()
        org = Organization(stage)
        begun = org.now()
        made(org)
        lived(org, 4)
        delivered(org)
        valid(org, begun)
        read(org, companion)
        copied(org)
        tampered(org, begun)
        stopped(org)
    check.end()


if __name__ == "__main__":
    main()
