#!/usr/bin/env python3
"""Public addresses: what `hallpass org public-ips` finds through AWS Config is what boto3 finds by asking EC2 in every
account and Region that is recorded; what is not recorded is named and never taken for nothing (`inventory.md` §6)."""

import concurrent.futures
import ipaddress
import json

import botocore.exceptions
from moto.server import ThreadedMotoServer

from sdk import client, inside
from stage import Api, Checks, Stage, free_port

AGGREGATOR = ("--aggregator", "organization")
INSTANTS = ("2026-03-02T10:00:00Z", "2026-03-03T10:00:00Z")
COLUMNS = ("public_ip,family,account_id,region,az,resource_id,resource_type,interface_type,attached_to,attached_kind,owner,"
           "vpc_id,subnet_id,private_ip,dns_name,name,description,capture_time,sources,conflict,account_name")
check = Checks()


def listed(environment, service, operation, name, **more):
    return client(service, environment).get_paginator(operation).paginate(**more).build_full_result()[name]


def places(environment):
    """Every active account with the Regions that are on in it."""
    own = client("sts", environment).get_caller_identity()["Account"]
    found = []
    for account in listed(environment, "organizations", "list_accounts", "Accounts"):
        if account["State"] != "ACTIVE":
            continue
        more = {} if account["Id"] == own else {"AccountId": account["Id"]}
        regions = listed(environment, "account", "list_regions", "Regions",
                         RegionOptStatusContains=["ENABLED", "ENABLED_BY_DEFAULT"], **more)
        found += [(account["Id"], it["RegionName"]) for it in regions]
    return found


def live(environment, wanted):
    """What EC2 says: address, account, Region → the ways it is seen; and the places where it refuses to say."""
    found, keys, closed = {}, {}, set()
    for account, region in wanted:
        keys.setdefault(account, inside(environment, account))
        ec2 = client("ec2", keys[account], region)
        try:
            interfaces = ec2.describe_network_interfaces()["NetworkInterfaces"]
        except botocore.exceptions.ClientError as error:  # a service control policy keeps Regions closed
            assert error.response["Error"]["Code"] == "UnauthorizedOperation", error
            closed.add((account, region))
            continue
        for it in interfaces:
            for address in it["PrivateIpAddresses"]:
                if "Association" in address:
                    way = "eni" if address["Primary"] else "secondary"
                    found.setdefault((address["Association"]["PublicIp"], account, region), set()).add(way)
            for address in it["Ipv6Addresses"]:
                ip = str(ipaddress.ip_address(address["Ipv6Address"]))
                found.setdefault((ip, account, region), set()).add("ipv6")
        for it in ec2.describe_addresses()["Addresses"]:
            found.setdefault((it["PublicIp"], account, region), set()).add("eip")
        for reservation in ec2.describe_instances()["Reservations"]:
            for it in reservation["Instances"]:
                if it.get("PublicIpAddress"):
                    found.setdefault((it["PublicIpAddress"], account, region), set()).add("instance")
    return found, closed


def seen(report):
    return {(it["public_ip"], it["account_id"], it["region"]): set(it["sources"]) for it in report["addresses"]}


def different(found, wanted):
    """What is only in one of them, or not the same."""
    return {key: (found.get(key), wanted.get(key)) for key in {*found, *wanted} if found.get(key) != wanted.get(key)}


def public_ips(stage, environment, *words):
    return stage.run("org", "public-ips", *words, timeout=400, **environment)


class Ahead:
    """Commands that only look, begun at once: each keeps below five calls a second to Account Management, and so they wait
    beside each other, and beside the referee."""

    def __init__(self, pool, stage, environment):
        begin = lambda *words, **more: pool.submit(public_ips, stage, {**environment, **more}, *words)
        each = ("--regions", "eu-west-1")
        self.forms = {form: begin(*AGGREGATOR, "-o", form) for form in ("json", "csv", "targets", "jsonl", "table")}
        self.one_kind = begin(*AGGREGATOR, "--kinds", "eip", "-o", "json")
        self.verified = begin(*each, "--verify", "-o", "json")
        self.each = begin(*each, "-o", "json")
        keep = lambda place, instant, **more: begin(*AGGREGATOR, "--save", place, "--as-of", instant, "-o", "json", **more)
        self.kept = [keep("kept", instant) for instant in INSTANTS]
        # reports in a bucket, which the simulator has not
        self.moto = ThreadedMotoServer(ip_address="127.0.0.1", port=free_port())
        self.moto.start()
        there = self.there = {"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{self.moto._port}"}
        self.s3 = client("s3", {**environment, "AWS_ENDPOINT_URL": there["AWS_ENDPOINT_URL_S3"]})
        self.s3.create_bucket(Bucket="acme-inventory", CreateBucketConfiguration={"LocationConstraint": environment["AWS_REGION"]})
        self.in_bucket = keep("s3://acme-inventory/a b", INSTANTS[0], **there)
        self.in_none = keep("s3://nobody-has-it", INSTANTS[0], **there)

    def wait(self):
        """Until none of them asks AWS any more."""
        ours = [*self.forms.values(), self.one_kind, self.verified, self.each, *self.kept, self.in_bucket, self.in_none]
        concurrent.futures.wait(ours)


def refused(stage, environment, sim):
    sim.post("/_sim/calls/reset", {})
    for name, words, said in [
        ("a name that no aggregator has", ("--aggregator", "a b"), "no name of an aggregator"),
        ("an unknown kind", (*AGGREGATOR, "--kinds", "eni,nat"), "is not one of eni"),
        ("an aggregator of some accounts", (*AGGREGATOR, "--ou", "/Workloads"), "cannot be used with"),
        ("an unknown place", (*AGGREGATOR, "--save", "s3://b"), "no place in a bucket"),
        ("a comparison of half", (*AGGREGATOR, "--verify", "--kinds", "eni"), "--verify"),
    ]:
        ran = public_ips(stage, environment, *words)
        check(f"{name} is exit 2", ran.returncode == 2 and said in ran.stderr and not ran.stdout, (ran.returncode, ran.stderr))
    check.equal("and none of that called AWS", sim.get("/_sim/calls").json["calls"], [])
    ran = public_ips(stage, environment, "--aggregator", "mine")
    check("an aggregator that is not there comes with those that are",
          ran.returncode == 2 and "there are: organization" in ran.stderr, ran.stderr)


def aggregated(ahead, environment, wanted):
    ran = ahead.forms["json"].result()
    report = json.loads(ran.stdout)
    uncovered = {(it["account_id"], it["region"]) for it in report["uncovered"]}
    config = client("config", environment)
    sources = config.get_paginator("describe_configuration_aggregator_sources_status").paginate(
        ConfigurationAggregatorName="organization").build_full_result()["AggregatedSourceStatusList"]
    fine = {(it["SourceId"], it["AwsRegion"]) for it in sources if it["LastUpdateStatus"] == "SUCCEEDED"}
    check.equal("places that no source covers are reported", uncovered, set(wanted) - fine)
    check("exit 1 says so, and stderr why", ran.returncode == 1 and "has no recorder" in ran.stderr and "outdated" in ran.stderr,
          ran.stderr)
    check("kinds that are never found are reported", "CloudFront" in ran.stderr and "CloudFront" in report["never_found"])
    covered = [it for it in wanted if it in fine]
    referee, closed = live(environment, covered)
    found = {key: ways for key, ways in seen(report).items() if key[1:] in fine - closed}
    check("most places are compared", len(closed) < len(covered) / 2 and len(found) > 50, (len(closed), len(covered), len(found)))
    check.equal("what Config has is what boto3 sees, address by address and way by way", different(found, referee), {})
    kinds = {it["attached_kind"] for it in report["addresses"]}
    check("their users are reported", {"instance", "nat_gateway", "application_load_balancer", "unattached"} <= kinds, kinds)
    return report


def forms(ahead, report):
    check.equal("CSV has the columns of the rule", ahead.forms["csv"].result().stdout.splitlines()[0], COLUMNS)
    check.equal("targets are bare addresses, each once", ahead.forms["targets"].result().stdout.split(),
                list(dict.fromkeys(it["public_ip"] for it in report["addresses"])))
    lines = ahead.forms["jsonl"].result().stdout.splitlines()
    named = [{**it, "account_name": report["account_names"].get(it["account_id"], "")} for it in report["addresses"]]
    check.equal("a line for each address, with the account's name", [json.loads(it) for it in lines], named)
    table = ahead.forms["table"].result().stdout
    check("a table for people", "USED BY" in table and "nat gateway" in table, table[:300])
    ran = ahead.one_kind.result()
    check.equal("one kind alone", {way for it in json.loads(ran.stdout)["addresses"] for way in it["sources"]}, {"eip"})


def one_by_one(ahead, environment, wanted):
    region = "eu-west-1"
    members = [it for it in wanted if it[1] == region and it[0] != client("sts", environment).get_caller_identity()["Account"]]
    ran = ahead.verified.result()
    report = json.loads(ran.stdout)
    uncovered = {(it["account_id"], it["region"]) for it in report["uncovered"]}
    without = set()
    for account, _ in members:
        config = client("config", inside(environment, account), region)
        if not config.describe_configuration_recorders()["ConfigurationRecorders"]:
            without.add((account, region))
    check.equal("accounts without a recorder are reported", uncovered, without)
    check.equal("and that is exit 1", ran.returncode, 1 if without else 0)
    referee, closed = live(environment, members)
    check.equal("all of them let us look", closed, set())
    check.equal("account by account, what Config has is what boto3 sees", different(
        seen(report), {key: ways for key, ways in referee.items() if key[1:] not in without}), {})
    only_live = {it["public_ip"] for it in report["verification"]["differences"]}
    check.equal("what Config does not record is found by asking EC2", only_live,
                {key[0] for key, ways in referee.items() if key[1:] in without and ways != {"ipv6"}})
    check("and only there", all(it["side"] == "only_live" for it in report["verification"]["differences"]))


def denied(stage, environment, sim, ahead):
    sim.post("/_sim/faults", {"kind": "error", "code": "AccessDeniedException", "http": 400,
                              "match": {"service": "config", "operation": "DescribeConfigurationAggregatorSourcesStatus"}})
    ran = public_ips(stage, environment, *AGGREGATOR, "-o", "json")
    check("coverage that cannot be read is reported", ran.returncode == 1 and any(
        "could not be read" in it["reason"] and it["account_id"] is None for it in json.loads(ran.stdout)["uncovered"]), ran.stderr)
    sim.call("DELETE", "/_sim/faults")
    whole = json.loads(ahead.each.result().stdout)
    sim.post("/_sim/faults", {"kind": "error", "code": "AccessDenied", "http": 403, "message": "no", "count": 1,
                              "match": {"service": "sts", "operation": "AssumeRole"}})
    ran = public_ips(stage, environment, "--regions", "eu-west-1", "-o", "json")
    part = json.loads(ran.stdout)
    closed = [it for it in part["uncovered"] if it not in whole["uncovered"]]
    check("a member that does not let the role in is reported by name", ran.returncode == 1 and len(closed) == 1
          and closed[0]["account_id"] and "AccessDenied" in closed[0]["reason"], (ran.returncode, part["uncovered"], ran.stderr[-600:]))
    of = lambda report: {(it["public_ip"], it["account_id"]) for it in report["addresses"] if it["account_id"] != closed[0]["account_id"]}
    check.equal("and the others are read", (of(whole) ^ of(part), len(of(part)) > 0), (set(), True))
    sim.call("DELETE", "/_sim/faults")
    sim.post("/_sim/faults", {"kind": "error", "code": "AccessDeniedException", "http": 400,
                              "match": {"service": "config", "operation": "SelectResourceConfig"}})
    ran = public_ips(stage, environment, "--regions", "eu-west-1", "-o", "json")
    check("without an answer there are no addresses, and the report does not say that there are none",
          ran.returncode == 1 and json.loads(ran.stdout)["addresses"] == [] and "is not known" in ran.stderr
          and "no public addresses" not in ran.stderr, ran.stderr[-600:])
    sim.call("DELETE", "/_sim/faults")


def kept(ahead, stage, environment):
    concurrent.futures.wait(ahead.kept)
    files = sorted(stage.path("kept").iterdir())
    check.equal("reports are kept by their instant", [it.name for it in files],
                ["public-ips-20260302T100000Z.json", "public-ips-20260303T100000Z.json"])
    earlier, later = files
    in_a_bucket(ahead, stage, environment, earlier)
    ran = stage.run("org", "public-ips", "diff", str(earlier), str(later), "-o", "json")
    check("nothing changed", (ran.returncode, json.loads(ran.stdout)) == (0, []), ran.stderr)
    document = json.loads(later.read_text())
    gone, uncovered = document["addresses"].pop(0), {(it["account_id"], it["region"]) for it in document["uncovered"]}
    fresh = dict(next(it for it in document["addresses"] if (it["account_id"], it["region"]) not in uncovered), public_ip="9.9.9.9")
    document["addresses"].append(fresh)
    later.write_text(json.dumps(document))
    ran = stage.run("org", "public-ips", "diff", str(earlier), str(later), "-o", "json", "--fail-on-findings")
    changes = {it["public_ip"]: it["change"] for it in json.loads(ran.stdout)}
    expected = "unknown" if (gone["account_id"], gone["region"]) in uncovered else "gone"
    check.equal("what came and what went, and exit 3", (ran.returncode, changes), (3, {"9.9.9.9": "new", gone["public_ip"]: expected}))
    document["scope"] = "another"
    later.write_text(json.dumps(document))
    ran = stage.run("org", "public-ips", "diff", str(earlier), str(later))
    check("reports of other things are not compared", ran.returncode == 2 and "not about the same" in ran.stderr, ran.stderr)


def in_a_bucket(ahead, stage, environment, file):
    """A report that is kept in S3 is the one of a folder."""
    ran, name = ahead.in_bucket.result(), "public-ips-20260302T100000Z.json"
    body = ahead.s3.get_object(Bucket="acme-inventory", Key=f"a b/{name}")["Body"].read()
    check("a report is kept in a bucket", body == file.read_bytes() and f"kept as s3://acme-inventory/a b/{name}" in ran.stderr, ran.stderr)
    ran = stage.run("org", "public-ips", "diff", f"s3://acme-inventory/a b/{name}", str(file), **environment, **ahead.there)
    check("and compared from there", ran.returncode == 0 and "new 0, removed 0" in ran.stderr, ran.stderr)
    ran = ahead.in_none.result()
    check("what cannot be kept is shown, and said", ran.returncode == 1 and json.loads(ran.stdout)["addresses"] and "make the bucket" in ran.stderr, ran.stderr)
    ahead.moto.stop()


def other_form(pool, stage):
    """A service that refuses what everybody writes is asked as its reference says."""
    _, endpoint, environment = stage.simulator("--behaviour", "config_comparison=refuse", "--no-throttle", log="refuse.log")
    plain = pool.submit(public_ips, stage, environment, *AGGREGATOR, "-o", "json")
    each = pool.submit(public_ips, stage, environment, "--regions", "eu-west-1", "-o", "json")
    plain, each = plain.result(), each.result()
    check("`>` is refused, BETWEEN is asked, addresses are found", len(json.loads(plain.stdout)["addresses"]) > 20, plain.stderr)
    check("account by account, too", len(json.loads(each.stdout)["addresses"]) > 5, each.stderr)


def main():
    with Stage("public_ips") as stage, concurrent.futures.ThreadPoolExecutor(16) as pool:
        # thirteen commands and a referee at a time are no subject of its rates
        _, endpoint, environment = stage.simulator("--no-throttle")
        sim = Api(endpoint)
        refused(stage, environment, sim)
        ahead = Ahead(pool, stage, environment)
        wanted = places(environment)
        report = aggregated(ahead, environment, wanted)
        forms(ahead, report)
        one_by_one(ahead, environment, wanted)
        ahead.wait()
        denied(stage, environment, sim, ahead)
        kept(ahead, stage, environment)
        other_form(pool, stage)
    check.end()


if __name__ == "__main__":
    main()
