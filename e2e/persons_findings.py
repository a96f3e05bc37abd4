"""Findings and what they are about, under the hands of an analyst and of the server at once (`organization.md` §2, §6)."""

import json
import time

import remediate
from served import PRIYA
from stage import somebody, wait
from twosome import act, check

remediate.check = check
RULES = """
rules:
  - {id: asked, match: {controls: [S3.3]}, action: s3-bucket-block, mode: approve}
  - {id: buckets, match: {controls: [S3.8]}, action: s3-bucket-block, mode: auto, max_per_hour: 500}
  - {id: ports, match: {controls: [EC2.19]}, action: sg-revoke-public, params: {ports: [22, 3389]}, mode: auto, max_per_hour: 500}
"""
NOTE = {"Text": "ticket 4711: ours, until Friday", "UpdatedBy": "kim"}
HALF = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}


def blocked(account, region, bucket):
    """Kim sets a bucket's access so; the simulator keeps what came as XML as text."""
    text = {name: str(on).lower() for name, on in HALF.items()}
    return act("s3", "PutPublicAccessBlock", _as=account, _region=region, Bucket=bucket, PublicAccessBlockConfiguration=text)


class World(remediate.World):
    def serve(self):
        remediate.RULES = RULES
        return super().serve()

    def product(self, account):
        return f"arn:aws:securityhub:{self.region}:{account}:product/{account}/default"

    def kim(self, one, product=None, **fields):
        """A call by which Kim writes to a finding."""
        product = product or one.rsplit("/", 1)[0]
        return act("securityhub", "BatchUpdateFindings", _as=f"arn:aws:iam::{self.own}:user/kim", _region=self.region,
                   FindingIdentifiers=[{"Id": one, "ProductArn": product}], **fields)

    def next_id(self, control, account=None):
        """What `found` calls its next finding."""
        return f"{self.product(account or self.shop)}/{control}-{self.findings + 1}"

    def imported(self, control, resource, acts, kind="AwsS3Bucket", **more):
        """A finding, to which Kim does something the moment it is there: the event of it says nothing of her."""
        with somebody(self.stage, acts, match={"operation": "BatchImportFindings"}, when="after") as kim:
            one = self.found(control, resource, kind, **more)
        check(f"Kim came to {control}, and could", kim.fired == 1 and not kim.failed, kim.row)
        return one

    def is_hers(self, one, text=NOTE["Text"]):
        return self.finding(one).get("Note", {}).get("Text") == text


def enriched(world):
    """Kim's note and field come between the event and the update."""
    account = world.accounts["network"]
    one = world.next_id("Config.1", account)
    wrote = world.kim(one, Note=NOTE, UserDefinedFields={"ticket": "4711", "AccountName": "ours"}, Workflow={"Status": "SUPPRESSED"})
    world.imported("Config.1", f"AWS::::Account:{account}", [wrote], "AwsAccount", account=account)
    fields = lambda: world.finding(one)["UserDefinedFields"]
    # a repeated finding of the account that Kim does not touch says when the server is through
    other = world.found("Config.1", f"AWS::::Account:{account}", "AwsAccount", account=account)
    world.until("findings enrich: another finding of the account is enriched", lambda: "findingEnriched" in world.finding(other).get("UserDefinedFields", {}))
    wait(lambda: "findingEnriched" in fields(), 5)
    check("findings enrich: at the event: Kim's note remains", world.is_hers(one), world.finding(one).get("Note"))
    check("findings enrich: at the event: and her field", fields().get("ticket") == "4711", fields())
    check("findings enrich: at the event: and her decision", world.status(one) == "SUPPRESSED", world.status(one))


def backfilled(world):
    """Kim writes after the page was read that her finding is on."""
    account = world.accounts["network"]
    world.stage.stop(world.served.process)
    ones = [world.found("Config.2", f"AWS::::Account:{account}", "AwsAccount", account=account) for _ in range(3)]
    wrote = world.kim(ones[1], Note=NOTE, UserDefinedFields={"ticket": "4711"})
    # the consent of chores, where this one asks for it
    with somebody(world.stage, [wrote], match={"operation": "GetFindings"}, when="after") as kim:
        ran = world.stage.run("org", "findings", "enrich", "--backfill", "--apply", "--yes", "--output", "json", timeout=120, **world.aws)
    check("findings enrich --backfill: Kim came, and could", kim.fired == 1 and not kim.failed, kim.row)
    fields = world.finding(ones[1]).get("UserDefinedFields", {})
    check("findings enrich --backfill: Kim's note and field stand", world.is_hers(ones[1]) and fields.get("ticket") == "4711",
          (world.finding(ones[1]).get("Note"), fields, ran.stderr[-300:]))
    check("findings enrich --backfill: the others are enriched", all("findingEnriched" in world.finding(it).get("UserDefinedFields", {}) for it in (ones[0], ones[2])))
    check("it starts again", world.served.start(), world.served.said()[-800:])


def suppressed(world):
    """What Kim suppressed after its event was sent is not mended; nor what she suppressed before somebody approved it."""
    arn = world.bucket("two-suppressed")
    one = world.imported("S3.8", arn, [world.kim(world.next_id("S3.8"), Note=NOTE, Workflow={"Status": "SUPPRESSED"})])
    after = world.found("S3.8", world.bucket("two-after"))
    world.until("remediate: another bucket is closed", lambda: world.is_closed("two-after"))
    wait(lambda: world.is_closed("two-suppressed"), 4)
    check("remediate: at the event: what Kim suppressed is left as it is", not world.is_closed("two-suppressed") and world.status(one) == "SUPPRESSED",
          (world.access("two-suppressed"), world.status(one), world.of(one)))
    check("remediate: at the event: and her note remains", world.is_hers(one), world.finding(one).get("Note"))
    asked = world.found("S3.3", world.bucket("two-asked"))
    world.until("remediate: what needs a yes waits", lambda: (world.of(asked) or {}).get("state") == "waiting")
    hers = world.kim(asked, Note=NOTE, Workflow={"Status": "SUPPRESSED"})
    with somebody(world.stage, [hers], match={"operation": "GetCallerIdentity"}):
        world.client("sts").get_caller_identity()
    ran = world.approve(PRIYA, world.of(asked)["id"], "--yes")
    wait(lambda: world.is_closed("two-asked"), 6)
    check("remediate: at the approval: what Kim suppressed is left as it is",
          not world.is_closed("two-asked") and world.status(asked) == "SUPPRESSED" and world.is_hers(asked),
          (world.access("two-asked"), world.status(asked), world.finding(asked).get("Note"), ran.stderr))
    check("remediate: at the approval: and it is reported", (world.of(asked) or {}).get("state") != "changed", world.of(asked))
    return after


def between(world):
    """Kim writes while the server is at work: after it closed the bucket, before it says so on the finding."""
    world.bucket("two-between")
    one = world.next_id("S3.8")
    hers = world.kim(one, Note=NOTE, UserDefinedFields={"ticket": "4711"})
    match = {"operation": "PutPublicAccessBlock", "caller_account": world.shop}
    with somebody(world.stage, [hers], match=match, when="after") as kim:
        world.found("S3.8", "arn:aws:s3:::two-between")
        world.until("remediate: a bucket is closed", lambda: world.is_closed("two-between"))
        wait(lambda: kim.now()["fired"] == 1, 10)
    world.until("remediate: its finding is RESOLVED", lambda: world.status(one) == "RESOLVED")
    check("remediate: before the finding is written: Kim came, and could", kim.fired == 1 and not kim.failed, kim.row)
    check("remediate: before the finding is written: her note and field stand",
          "ticket 4711" in world.finding(one)["Note"]["Text"] and world.finding(one)["UserDefinedFields"].get("ticket") == "4711", world.finding(one))


def fixed(world):
    """Kim mends a group herself, in her way, while the server looks at it."""
    group = world.group("two-fixed")
    id = group.rsplit("/", 1)[1]
    hers = {"GroupId": id, "IpPermissions.1.IpProtocol": "tcp", "IpPermissions.1.FromPort": "8443", "IpPermissions.1.ToPort": "8443",
            "IpPermissions.1.IpRanges.1.CidrIp": "10.1.0.0/16", "IpPermissions.1.IpRanges.1.Description": "kim"}
    kims = [act("ec2", "AuthorizeSecurityGroupIngress", _as=world.shop, _region=world.region, **hers)]
    with somebody(world.stage, kims, match={"operation": "DescribeSecurityGroup*", "caller_account": world.shop}, when="after") as kim:
        one = world.found("EC2.19", group, "AwsEc2SecurityGroup")
        world.until("remediate: the open rules go", lambda: not any(row[2] in ("0.0.0.0/0", "::/0") and row[0] != 443 for row in world.ingress(group)))
    check("remediate: in the midst: Kim came, and could", kim.fired == 1 and not kim.failed, kim.row)
    rule = (8443, 8443, "10.1.0.0/16", "kim")
    check("remediate: in the midst: Kim's rule remains", rule in world.ingress(group), world.ingress(group))
    world.until("remediate: its finding is RESOLVED", lambda: world.status(one) == "RESOLVED")
    world.run("undo", world.of(one)["id"], "--apply", "--yes")
    check("remediate: and when it is taken back", rule in world.ingress(group), world.ingress(group))


def taken_back(world, one):
    """Kim decided otherwise before it is taken back."""
    arn = "two-after"
    hers = [blocked(world.shop, world.region, arn),
            world.kim(one, Note=NOTE, Workflow={"Status": "SUPPRESSED"})]
    with somebody(world.stage, hers, match={"operation": "GetCallerIdentity"}) as kim:
        world.client("sts").get_caller_identity()
    check("remediate undo: Kim could", not kim.failed and world.access(arn) == HALF, (kim.failed, kim.fired, world.access(arn)))
    ran = world.stage.run("org", "remediate", "undo", world.of(one)["id"], "--apply", "--yes", timeout=120, **world.aws)
    time.sleep(1)
    check("remediate undo: Kim's setting remains", world.access(arn) == HALF, (world.access(arn), ran.stderr, ran.stdout[-400:]))
    check("remediate undo: and A is informed", ran.returncode != 0 and "drifted" in ran.stdout + ran.stderr, (ran.returncode, ran.stderr, ran.stdout[-400:]))
    wait(lambda: world.status(one) != "SUPPRESSED", 4)
    check("remediate undo: and what she decided of the finding", world.status(one) == "SUPPRESSED" and world.is_hers(one), world.finding(one))


def play(world):
    enriched(world)
    one = suppressed(world)
    between(world)
    fixed(world)
    taken_back(world, one)
    backfilled(world)
