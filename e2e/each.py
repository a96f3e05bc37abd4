#!/usr/bin/env python3
"""One operation in every account and Region: what `hallpass each` says of the simulated organization is what boto3
says, account by account, in one order, whatever fails, is throttled, is killed or interrupted; and what it reads of
moto, in every protocol, is what boto3 reads."""

import http.server
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time

from sdk import client, inside
from stage import Api, Checks, Stage, free_port, wait

VPCS = ("each", "ec2", "DescribeVpcs", "--query", "Vpcs[].VpcId")
check = Checks()


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def totals(ran):
    last = [line for line in ran.stderr.splitlines() if line.startswith("ok ")][-1]
    return {name: float(value) for name, value in (part.rsplit(" ", 1) for part in last.split(", "))}


def refused(stage, environment, sim):
    """What makes no sense is said before anything is called."""
    sim.post("/_sim/calls/reset", {})
    for name, words, code, said in [
        ("an unknown operation comes with the nearest", ("ec2", "DescribeVpc"), 2, "DescribeVpcs"),
        ("an unknown service comes with the nearest", ("organization", "ListAccounts"), 2, "organizations"),
        ("an unknown Region comes with the nearest", ("ec2", "DescribeVpcs", "--regions", "eu-west-11"), 2, "eu-west-1"),
        ("an unknown member of the input comes with the nearest", ("ec2", "DescribeVpcs", "--params", '{"Filter": []}'), 2, "Filters"),
        ("an input of another type is refused", ("ec2", "DescribeVpcs", "--params", '{"VpcIds": "x"}'), 2, "should be a list"),
        ("an invalid query is refused", ("ec2", "DescribeVpcs", "--query", "Vpcs[["), 2, "JMESPath"),
        ("what writes is refused", ("ec2", "DeleteVpc", "--params", '{"VpcId": "vpc-1"}'), 4, "does not only read"),
        ("secrets are not read", ("secretsmanager", "GetSecretValue", "--params", '{"SecretId": "x"}'), 4, "does not only read"),
        ("a run that is not there cannot go on", ("ec2", "DescribeVpcs", "--resume", "00000000"), 2, "no run"),
    ]:
        ran = stage.run("each", *words, **environment)
        check(f"{name}: exit {code}", ran.returncode == code and said in ran.stderr and not ran.stdout, (ran.returncode, ran.stderr))
    check.equal("and none of that called AWS", sim.get("/_sim/calls").json["calls"], [])
    ran = stage.run(*VPCS, "--accounts", "000000000001", **environment)
    check("an account that is not there is exit 2", ran.returncode == 2 and "000000000001" in ran.stderr, ran.stderr)


def whole(stage, environment, sim):
    """The answer, its order, its failures, and what boto3 says."""
    sim.post("/_sim/calls/reset", {})
    ran = stage.run(*VPCS, "--errors", "failed.jsonl", timeout=300, **environment)
    found, failed = lines(ran.stdout), lines(stage.path("failed.jsonl").read_text())
    places = [(it["account"], it["region"], it["page"]) for it in found]
    check("the answer is ordered by account, Region and page", places == sorted(places) and len(places) > 300, len(places))
    sums = totals(ran)
    check.equal("failures are counted, and exit 1 says so", (ran.returncode, sums["failed"] > 0), (1, True))
    check("a failure names account, Region, stage and AWS's code",
          all({"account", "region", "stage", "code", "message", "attempts"} <= set(it) for it in failed), failed[:1])
    seen = sim.get("/_sim/calls?limit=5000").json["counters"]
    active = [it for it in client("organizations", environment).get_paginator("list_accounts").paginate().build_full_result()["Accounts"]
              if it["State"] == "ACTIVE"]
    check.equal("a role is assumed once an account", sum(seen["sts:AssumeRole"].values()), len(active) - 1)
    check("suspended accounts and the management account are skipped and said", sums["skipped"] >= 2, ran.stderr[-300:])
    everything = {(it["account"], it["region"]): it["data"] for it in found}
    lost = {(it["account"], it["region"]) for it in failed}
    sample = random.Random(7).sample(sorted({it["account"] for it in found}), 8)
    different = []
    for account in sample:
        keys = inside(environment, account)
        for region in client("ec2", keys).describe_regions()["Regions"]:
            place = (account, region["RegionName"])
            if place in lost:
                continue
            vpcs = client("ec2", keys, place[1]).describe_vpcs()["Vpcs"]
            if [it["VpcId"] for it in vpcs] != everything.get(place, []):
                different.append(place)
    check.equal("boto3 says the same, account by account and Region by Region", different, [])
    again = stage.run(*VPCS, "-c", "7", "--errors", "again.jsonl", timeout=300, **environment)
    check("with another width the bytes are the same", again.stdout == ran.stdout)
    return ran.stdout, len(active) - 1


def troubled(stage, environment, sim, wanted, accounts):
    """Throttles, a kill, an interruption."""
    sim.post("/_sim/faults", {"kind": "error", "code": "RequestLimitExceeded", "http": 503, "probability": 0.05,
                              "seed": 1, "match": {"service": "ec2"}})
    ran = stage.run(*VPCS, "--errors", os.devnull, timeout=300, **environment)
    check("one of twenty calls throttled: the same bytes, after repeating", ran.stdout == wanted and totals(ran)["retries"] > 0,
          ran.stderr[-200:])
    sim.call("DELETE", "/_sim/faults")
    sim.post("/_sim/faults", {"kind": "error", "code": "AccessDenied", "http": 403, "probability": 0.34,
                              "seed": 3, "match": {"service": "sts", "operation": "AssumeRole"}})
    ran = stage.run(*VPCS, "--errors", "denied.jsonl", timeout=300, **environment)
    denied = [it for it in lines(stage.path("denied.jsonl").read_text()) if it["stage"] == "assume_role"]
    check("a third of the accounts denied: each reported once, with its Regions",
          accounts / 5 < len(denied) < accounts / 2 and len({it["account"] for it in denied}) == len(denied)
          and all(it.get("regions", 1) for it in denied), denied[:2])
    gone = {it["account"] for it in denied}
    rest = "".join(line + "\n" for line in wanted.splitlines() if json.loads(line)["account"] not in gone)
    check("and the others are whole", ran.stdout == rest)
    run = ran.stderr.split("--resume ")[-1].split("`")[0]
    sim.call("DELETE", "/_sim/faults")
    sim.post("/_sim/calls/reset", {})
    ran = stage.run(*VPCS, "--errors", os.devnull, "--resume", run, timeout=300, **environment)
    asked = sum(sim.get("/_sim/calls?limit=5000").json["counters"].get("sts:AssumeRole", {}).values())
    check("resumed, only they are called, and all is there", ran.stdout == wanted and asked < accounts, asked)
    sim.post("/_sim/faults", {"kind": "latency", "distribution": {"fixed_ms": 800}, "match": {"service": "ec2", "operation": "DescribeVpcs"}})
    ran = stage.run("each", "ec2", "DescribeVpcs", "--accounts", json.loads(wanted.splitlines()[0])["account"], "--regions", "enabled", "-c", "1", timeout=300, **environment)
    sim.call("DELETE", "/_sim/faults")
    check("without a terminal the progress is printed every ten seconds", 1 <= len(re.findall(r"(?m)^\d+/≥?\d+ slices, \d+ calls/s, 0 failed", ran.stderr)) <= 3, ran.stderr)
    other = stage.run("each", "ec2", "DescribeRegions", "--resume", run, **environment)
    check("other words do not go on with it", other.returncode == 2 and "another call" in other.stderr, other.stderr)

    sim.post("/_sim/faults", {"kind": "latency", "distribution": {"fixed_ms": 150}, "match": {"service": "ec2"}})
    for how in (signal.SIGKILL, signal.SIGINT):
        before = set(os.listdir(runs(stage)))
        with open(stage.path("cut.jsonl"), "wb") as out, open(stage.path("cut.err"), "wb") as said:
            process = subprocess.Popen([stage.binary, *VPCS, "-c", "16"], stdout=out, stderr=said, cwd=stage.folder,
                                       env=stage.environment(**environment))
        stage.processes.append(process)
        wait(lambda: stage.path("cut.jsonl").stat().st_size > 2000, 30, process)
        process.send_signal(how)
        process.wait(60)
        [run] = set(os.listdir(runs(stage))) - before
        check(f"{how.name} came in time", stage.path("cut.jsonl").stat().st_size < len(wanted) / 2 and process.returncode != 0)
        if how == signal.SIGINT:
            check("an interruption names the run", f"--resume {run}" in stage.said("cut.err"), stage.said("cut.err")[-300:])
        ran = stage.run(*VPCS, "--errors", os.devnull, "--resume", run, timeout=300, **environment)
        check(f"after {how.name}, resumed: the bytes of an unbroken run", ran.stdout == wanted)
    sim.call("DELETE", "/_sim/faults")


def runs(stage):
    folder = stage.path(".local/state/hallpass/each")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def forms(stage, environment):
    """Formats and recipes."""
    here = ("--regions", "eu-west-1", "--errors", os.devnull)
    ran = stage.run("each", "--recipe", "default-vpcs", *here, "-o", "csv", **environment)
    check.equal("CSV has the union of the members", ran.stdout.splitlines()[0], "account,name,region,cidr,id")
    ran = stage.run("each", "--recipe", "internet-routes", *here, "-o", "json", **environment)
    routes = [route for line in json.loads(ran.stdout) for table in line["data"] for route in table["routes"]]
    to = {route["destination"] for route in routes}
    check("routes to the internet, IPv4 and IPv6", {"0.0.0.0/0", "::/0"} <= to and None not in to, to)
    ran = stage.run(*VPCS, *here, "--name-glob", "nothing-like-it", "-o", "json", **environment)
    check.equal("nothing is an empty list", (ran.returncode, ran.stdout), (0, "[]\n"))
    ran = stage.run(*VPCS, *here, "--unordered", **environment)
    ordered = stage.run(*VPCS, *here, **environment)
    check.equal("without an order the lines are the same", sorted(ran.stdout.splitlines()), ordered.stdout.splitlines())
    ran = stage.run("each", "organizations", "DescribeOrganization", "--name-glob", "payments-*", "--query", "Organization.Id", **environment)
    check("a global service is asked once an account", len({it["account"] for it in lines(ran.stdout)}) == len(lines(ran.stdout)) > 0, ran.stderr)
    unit = client("organizations", environment)
    root = unit.list_roots()["Roots"][0]["Id"]
    first = unit.list_organizational_units_for_parent(ParentId=root)["OrganizationalUnits"][0]
    by_id = stage.run(*VPCS, *here, "--ou", first["Id"], **environment)
    by_path = stage.run(*VPCS, *here, "--ou", "/" + first["Name"], **environment)
    check("a unit by id and by path is the same", by_id.stdout == by_path.stdout != "", by_id.stderr)
    ran = stage.run(*VPCS, *here, "--ou", "/Nowhere", **environment)
    check("a unit that is not there is exit 2", ran.returncode == 2 and "Nowhere" in ran.stderr, ran.stderr)
    everything = stage.run(*VPCS, *here, **environment).stdout.splitlines()
    rest = [line for line in everything if line not in by_id.stdout.splitlines()]
    for name in (first["Id"], "/" + first["Name"]):
        ran = stage.run(*VPCS, *here, "--exclude-ou", name, **environment)
        check.equal(f"without those below {name}", (ran.returncode, ran.stdout.splitlines()), (0, rest))
    ran = stage.run(*VPCS, *here, "--ou", first["Id"], "--exclude-ou", "/" + first["Name"], "-o", "json", **environment)
    check.equal("a unit that is asked and left out is left out", (ran.returncode, ran.stdout), (0, "[]\n"))
    for name in ("/Nowhere", "ou-ab12-00000000"):
        ran = stage.run(*VPCS, *here, "--exclude-ou", name, **environment)
        check(f"what is to be left out has to be there: {name}", ran.returncode == 2 and not ran.stdout, (ran.returncode, ran.stdout[:200], ran.stderr))


def against_moto(stage):
    """Every protocol, written and read as boto3 does; moto is somebody else's simulator."""
    port = free_port()
    log = open(stage.path("moto.log"), "wb")
    moto = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log,
                            env=stage.environment())
    stage.processes.append(moto)
    environment = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_REGION": "eu-west-1",
                   "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    def up():
        try:
            return client("sts", environment).get_caller_identity()
        except Exception:  # noqa: BLE001 - it is not up yet
            return None
    wait(up, 60, moto, every=0.5)
    accounts = ["111111111111", "222222222222"]
    stage.path("accounts.csv").write_text("name,account_id\n" + "".join(f"x,{it}\n" for it in accounts))
    for account in accounts:
        keys = inside(environment, account)
        client("iam", keys).create_user(UserName=f"user-{account[0]}", Tags=[{"Key": "a&b", "Value": "<x>"}])
        client("dynamodb", keys).create_table(TableName="t", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
                                              AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
                                              BillingMode="PAY_PER_REQUEST")
        client("sns", keys).create_topic(Name="topic")
        s3 = client("s3", keys)
        s3.create_bucket(Bucket=f"bucket-{account}", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        for n in range(5):
            s3.put_object(Bucket=f"bucket-{account}", Key=f"a b/{n}&.txt", Body=b"x" * n)
        client("route53", keys).create_hosted_zone(Name="example.com", CallerReference="1")
        client("ssm", keys).put_parameter(Name="/p", Value="v", Type="String")
        client("events", keys).put_rule(Name="r", ScheduleExpression="rate(1 day)")
    # moto draws tokens of pages anew
    dull = {"ResponseMetadata", "RequestId", "NextContinuationToken", "ContinuationToken", "EncodingType"}
    for protocol, service, operation, method, params in [
        ("ec2", "ec2", "DescribeVpcs", "describe_vpcs", {"Filters": [{"Name": "is-default", "Values": ["true"]}]}),
        ("ec2", "ec2", "DescribeSubnets", "describe_subnets", {}),
        ("ec2", "ec2", "DescribeSecurityGroups", "describe_security_groups", {}),
        ("query", "iam", "ListUsers", "list_users", {"MaxItems": 10}),
        ("query", "iam", "GetAccountSummary", "get_account_summary", {}),
        ("query", "sns", "ListTopics", "list_topics", {}),
        ("json 1.0", "dynamodb", "ListTables", "list_tables", {}),
        ("json 1.0", "dynamodb", "DescribeTable", "describe_table", {"TableName": "t"}),
        ("json 1.1", "ssm", "DescribeParameters", "describe_parameters", {}),
        ("json 1.1", "events", "ListRules", "list_rules", {}),
        ("rest-json", "lambda", "ListFunctions", "list_functions", {}),
        ("rest-xml", "s3", "ListBuckets", "list_buckets", {}),
        ("rest-xml", "route53", "ListHostedZones", "list_hosted_zones", {}),
        ("rest-xml", "s3", "ListObjectsV2", "list_objects_v2", {"Bucket": "bucket-111111111111", "Prefix": "a b/", "MaxKeys": 2}),
    ]:
        only = accounts[:1] if "Bucket" in params else accounts
        stage.path("some.txt").write_text("\n".join(only) + "\n")
        ran = stage.run("each", service, operation, "--params", json.dumps(params), "--accounts-file", "some.txt", "--regions", "eu-west-1",
                        **environment)
        different = []
        for account in only:
            pages = [{k: v for k, v in it["data"].items() if k not in dull} for it in lines(ran.stdout) if it["account"] == account]
            boto = client(service, inside(environment, account))
            if boto.can_paginate(method) and not {"MaxItems", "MaxKeys"} & set(params):
                theirs = [*boto.get_paginator(method).paginate(**params)]
            elif "MaxKeys" in params:
                theirs, more = [], dict(params)
                while not theirs or theirs[-1].get("NextContinuationToken"):
                    theirs.append(boto.list_objects_v2(**more))
                    more["ContinuationToken"] = theirs[-1].get("NextContinuationToken")
            else:
                theirs = [getattr(boto, method)(**params)]
            theirs = json.loads(json.dumps([{k: v for k, v in it.items() if k not in dull} for it in theirs], default=instant))
            if normal(pages) != normal(theirs):
                different.append((account, pages, theirs))
        check(f"{protocol}: {service} {operation} reads as in boto3", not different and ran.returncode == 0, (different[:1], ran.stderr[-200:]))
    stage.path("list.csv").write_text("account_id,name\n111111111111,x\n")
    ran = stage.run("each", "s3", "ListObjectsV2", "--params", '{"Bucket": "nobody-has-it"}', "--accounts-file", "list.csv",
                    "--regions", "eu-west-1", "--errors", "moto.jsonl", **environment)
    failed = lines(stage.path("moto.jsonl").read_text())
    check.equal("a refusal keeps AWS's name", [(it["code"], it["http"]) for it in failed], [("NoSuchBucket", 404)])
    written_to_moto(stage, environment, "111111111111")


def written_to_moto(stage, environment, account):
    """Bodies in XML, as another implementation reads them."""
    keys, bucket = inside(environment, account), "written-by-each"
    s3, route53 = client("s3", keys), client("route53", keys)
    zone = route53.list_hosted_zones()["HostedZones"][0]["Id"].rpartition("/")[2]
    record = {"Name": "a.example.com.", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    tags = [{"Key": "owner", "Value": 'team & <"x">'}]
    for service, operation, params in [
        ("s3", "CreateBucket", {"Bucket": bucket, "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}),
        ("s3", "PutBucketTagging", {"Bucket": bucket, "Tagging": {"TagSet": tags}}),
        ("s3", "PutPublicAccessBlock", {"Bucket": bucket, "PublicAccessBlockConfiguration": {"BlockPublicAcls": True, "IgnorePublicAcls": True,
                                                                                             "BlockPublicPolicy": True, "RestrictPublicBuckets": True}}),
        ("route53", "ChangeResourceRecordSets", {"HostedZoneId": zone, "ChangeBatch": {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}}),
    ]:
        ran = stage.run("each", service, operation, "--params", json.dumps(params), "--accounts-file", "list.csv", "--regions", "eu-west-1",
                        "--write", "--yes", **environment)
        check(f"{service} {operation} is written", ran.returncode == 0 and "plan:" in ran.stderr, ran.stderr)
    check.equal("boto3 reads the written values", (s3.get_bucket_tagging(Bucket=bucket)["TagSet"], s3.get_bucket_location(Bucket=bucket)["LocationConstraint"],
                s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]["BlockPublicPolicy"]), (tags, "eu-west-1", True))
    found = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    check("a record, too", any(it["Name"] == record["Name"] and it["ResourceRecords"] == record["ResourceRecords"] for it in found), found)


def written(stage, environment, sim):
    """What changes something is planned first, and called once where the plan says."""
    listed = client("organizations", environment).get_paginator("list_accounts").paginate().build_full_result()["Accounts"]
    own = client("sts", environment).get_caller_identity()["Account"]
    accounts = sorted(it["Id"] for it in listed if it["State"] == "ACTIVE" and it["Id"] != own)[:3]

    def create(name, *more):
        params = json.dumps({"UserName": name})
        return stage.run("each", "iam", "CreateUser", "--params", params, "--accounts", ",".join(accounts), "--errors", "failed.jsonl", *more, **environment)

    def called():
        return sim.get("/_sim/calls?limit=5000").json["counters"].get("iam:CreateUser", {})

    sim.post("/_sim/calls/reset", {})
    for name, more, said in [("without --write", (), "--write"), ("without a terminal", ("--write",), "--yes"),
                             ("above its bound", ("--write", "--yes", "--max-changes", "2"), "--max-changes 2")]:
        ran = create("each-one", *more)
        check(f"{name} it is exit 4, and nothing is called", ran.returncode == 4 and said in ran.stderr and not called(), (ran.returncode, ran.stderr))
    ran = create("each-one", "--write", "--yes", "--resume", "00000000")
    check("a write is not resumed", ran.returncode == 2, ran.stderr)
    ran = create("each-one", "--write", "--yes")
    check("the plan is shown, then it is done", ran.returncode == 0 and "3 calls in 3 accounts" in ran.stderr and len(lines(ran.stdout)) == 3, ran.stderr)
    has = lambda account: any(it["UserName"] == "each-one" for it in client("iam", inside(environment, account)).list_users()["Users"])
    # a reader of IAM may be late
    check("in every account of the plan", wait(lambda: all(has(account) for account in accounts), 60, every=1))
    sim.post("/_sim/calls/reset", {})
    sim.post("/_sim/faults", {"kind": "drop_after_effect", "match": {"operation": "CreateUser", "caller_account": accounts[1]}})
    ran = create("each-two", "--write", "--yes")
    sim.call("DELETE", "/_sim/faults")
    failed = lines(stage.path("failed.jsonl").read_text())
    check("no answer is a failure that says that it may have been done", ran.returncode == 1 and [it["account"] for it in failed] == [accounts[1]]
          and "may have been done" in failed[0]["message"] and "--resume" not in ran.stderr, (failed, ran.stderr))
    check.equal("and is not called again", sum(called().values()), 3)
    interrupted(stage, environment, sim, accounts)


def interrupted(stage, environment, sim, accounts):
    """A write that is interrupted while a call hangs says of each place whether it was done."""
    for name, hangs, width, done, never in [("each-three", accounts[0], 64, accounts[1:], []),
                                            ("each-four", accounts[1], 1, accounts[:1], accounts[2:])]:
        before = set(os.listdir(runs(stage)))
        sim.post("/_sim/calls/reset", {})
        # it was done, and nobody hears of it
        sim.post("/_sim/faults", {"id": "held", "kind": "latency", "when": "after", "distribution": {"fixed_ms": 60000},
                                  "match": {"operation": "CreateUser", "caller_account": hangs}})
        held = lambda: next(it["matched"] for it in sim.get("/_sim/faults").json["faults"] if it["id"] == "held")
        answered = lambda: stage.path("cut.jsonl").read_bytes().count(b"\n")
        words = ("each", "iam", "CreateUser", "--params", json.dumps({"UserName": name}), "--accounts", ",".join(accounts),
                 "--errors", "failed.jsonl", "-c", str(width), "--write", "--yes")
        with open(stage.path("cut.jsonl"), "wb") as out, open(stage.path("cut.err"), "wb") as said:
            process = subprocess.Popen([stage.binary, *words], stdout=out, stderr=said, cwd=stage.folder,
                                       env=stage.environment(**environment))
        stage.processes.append(process)
        check(f"{name}: completed calls are there while another call hangs",
              wait(lambda: held() == 1 and answered() == len(done), 30, process), (stage.said("cut.jsonl"), stage.said("cut.err")))
        process.send_signal(signal.SIGINT)
        process.wait(60)
        sim.call("DELETE", "/_sim/faults")
        found, said = lines(stage.said("cut.jsonl")), stage.said("cut.err")
        check.equal(f"{name}: interrupted, exit 1, with the completed calls", (process.returncode, sorted(it["account"] for it in found)), (1, done))
        failed = lines(stage.path("failed.jsonl").read_text())
        told = {it["account"]: "open" if "may have been done" in it["message"] else it["code"] for it in failed}
        check.equal(f"{name}: what hangs may have been done, and what was never called is named", told,
                    {hangs: "open", **dict.fromkeys(never, "NotCalled")})
        check(f"{name}: the last lines count it", f"stopped: not called {len(never)}, may have been done 1" in said
              and f"\nok {len(done)}, failed {1 + len(never)}," in said and "--resume" not in said, said)
        made = sim.get("/_sim/calls?limit=5000").json["counters"].get("iam:CreateUser", {})
        check(f"{name}: nothing was called twice, nor anything reported as not called", sum(made.values()) == len(done) + 1, made)
        check.equal(f"{name}: and it is not continued", set(os.listdir(runs(stage))), before)


def instant(value):
    return value.isoformat().replace("+00:00", "Z")


def normal(value):
    """Instants with and without a fraction are the same; boto3's `ChecksumAlgorithm: []` is nothing."""
    if isinstance(value, dict):
        return {name: normal(it) for name, it in value.items() if it not in ([], {}, "", None)}
    if isinstance(value, list):
        return [normal(it) for it in value]
    if isinstance(value, str) and len(value) > 19 and value[4:5] == "-" and value.endswith("Z"):
        return value.split(".")[0].rstrip("Z")
    return value


class Doorkeeper(http.server.BaseHTTPRequestHandler):
    """A proxy that lets nobody out, and keeps whom they wanted to see."""

    asked = []

    def do_CONNECT(self):
        Doorkeeper.asked.append(self.path)
        self.send_error(403)

    def log_message(self, *_):
        pass


def variants(stage, environment):
    """Hosts of FIPS and dual-stack: where one is not there, nothing is called; where it is, it is the one that is called."""
    door = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Doorkeeper)
    threading.Thread(target=door.serve_forever, daemon=True).start()
    keys = {name: value for name, value in environment.items() if name != "AWS_ENDPOINT_URL"}
    there = {**keys, "HTTPS_PROXY": f"http://127.0.0.1:{door.server_address[1]}"}
    fips, dual = {"AWS_USE_FIPS_ENDPOINT": "true"}, {"AWS_USE_DUALSTACK_ENDPOINT": "true"}
    stage.path("one.txt").write_text("111122223333\n")
    asked = ("--accounts-file", "one.txt", "--home-region")
    for name, switch, words, said in [
        ("FIPS", fips, ("each", "ec2", "DescribeVpcs", "--regions", "us-east-1,eu-west-1", *asked, "us-east-1"), ["no FIPS endpoint of `ec2` in eu-west-1", "AWS_ENDPOINT_URL_EC2"]),
        ("FIPS of the way there", fips, ("each", "s3", "ListBuckets", "--regions", "us-east-1", *asked, "eu-west-1"), ["no FIPS endpoint of `sts` in eu-west-1"]),
        ("FIPS for a sync", fips, ("sync", "--only", "identity-center", "--home-region", "eu-west-1"), ["`sso-admin` in eu-west-1", "`identitystore` in eu-west-1"]),
    ]:
        ran = stage.run(*words, **{**there, **switch})
        check(f"{name}: a host that is not there is exit 2 and named", ran.returncode == 2 and all(it in ran.stderr for it in said), (ran.returncode, ran.stderr))
    check.equal("and nothing was called", Doorkeeper.asked, [])
    # STS is asked first: only with a host of its own, the others are
    sts = {"AWS_ENDPOINT_URL_STS": environment["AWS_ENDPOINT_URL"]}
    member = next(it["Id"] for it in client("organizations", environment).list_accounts()["Accounts"] if it["State"] == "ACTIVE")
    stage.path("one.txt").write_text(f"{member}\n")
    for name, switch, host in [("FIPS", fips, "sts-fips.us-east-1.amazonaws.com:443"), ("neither", {}, "sts.us-east-1.amazonaws.com:443"),
                               ("dual-stack", dual, "sts.us-east-1.api.aws:443"),
                               ("dual-stack of the service", {**dual, **sts}, "ec2.us-east-1.api.aws:443")]:
        Doorkeeper.asked.clear()
        ran = stage.run("each", "ec2", "DescribeVpcs", "--regions", "us-east-1", "--include-management", *asked, "us-east-1", timeout=120, **{**there, **switch})
        check(f"{name}: its hosts are called, and no others", ran.returncode == 1 and set(Doorkeeper.asked) == {host}, (ran.returncode, set(Doorkeeper.asked), ran.stderr[-300:]))
    ran = stage.run("each", "sso-admin", "ListInstances", "--regions", environment["AWS_REGION"], "--accounts", "000000000000", **{**environment, **fips})
    check("a named endpoint goes before the switch", "NoEndpoint" not in ran.stderr, ran.stderr)
    door.shutdown()


def main():
    with Stage("each") as stage:
        _, endpoint, environment = stage.simulator()
        sim = Api(endpoint)
        refused(stage, environment, sim)
        began = time.monotonic()
        wanted, accounts = whole(stage, environment, sim)
        troubled(stage, environment, sim, wanted, accounts)
        forms(stage, environment)
        variants(stage, environment)
        written(stage, environment, sim)
        against_moto(stage)
        print(f"     {time.monotonic() - began:.0f} s", flush=True)
    check.end()


if __name__ == "__main__":
    main()
