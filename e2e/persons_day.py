"""A simulated day: an analyst, a responder and the server work on the same findings and accounts. What a person wrote or decided is
kept in a ledger, and stands at the end. The same seed is the same day, as far as people go; what the server does meanwhile is its own
business. PERSONS_HOURS is how long the day is, PERSONS_SEED which."""

import contextlib
import datetime
import json
import os
import random
import signal

import botocore.exceptions

import persons_findings
from persons_findings import HALF, World, blocked
from served import INES, PRIYA
from stage import Stage, somebody, wait
from twosome import act, check

CONTROLS = (["S3.8"] * 3, ["EC2.19"] * 2, ["S3.3"], ["Config.1"])
# calls of the server beside which people act. Not between its last look at something and its write, where AWS has no condition
MOMENTS = (("ReceiveMessage", "after"), ("DeleteMessage*", "before"), ("DeleteMessage*", "after"), ("GetFindings", "before"), ("AssumeRole", "before"),
           ("PutPublicAccessBlock", "after"), ("DescribeAccount", "after"))


def call_of(world, operation):
    """One of these calls that leads nowhere, by somebody: AWS refuses most of them, and whoever acts beside such a call acts beside it."""
    nowhere = {"QueueUrl": f"{world.url}-of-nobody"}
    service, method, members = {
        "ReceiveMessage": ("sqs", "receive_message", nowhere), "DeleteMessage*": ("sqs", "delete_message", {**nowhere, "ReceiptHandle": "none"}),
        "GetFindings": ("securityhub", "get_findings", {"MaxResults": 1}), "GetCallerIdentity": ("sts", "get_caller_identity", {}),
        "AssumeRole": ("sts", "assume_role", {"RoleArn": f"arn:aws:iam::{world.own}:role/of-nobody", "RoleSessionName": "nobody"}),
        "PutPublicAccessBlock": ("s3", "put_public_access_block", {"Bucket": "a-bucket-of-nobody", "PublicAccessBlockConfiguration": {}}),
        "DescribeAccount": ("organizations", "describe_account", {"AccountId": "000000000000"})}[operation]
    with contextlib.suppress(botocore.exceptions.ClientError):
        getattr(world.client(service), method)(**members)


class Day:
    def __init__(self, world, seed, hours):
        self.world, self.seed, self.hours, self.random = world, seed, hours, random.Random(seed)
        self.ids, self.resources, self.kinds, self.gone = [], {}, {}, []
        # what persons wrote: finding -> part -> value; bucket -> access; account -> tags, unit
        self.notes, self.fields, self.statuses, self.buckets, self.tags, self.units = {}, {}, {}, {}, {}, {}
        self.rules, self.did = [], {}
        self.accounts = [world.accounts[it] for it in ("network", "orders-prod", "payments-dev")]

    def count(self, what):
        self.did[what] = self.did.get(what, 0) + 1

    # what happens by itself

    def arrives(self):
        """A finding; every other one has been seen by a person before the server hears of it."""
        world, control = self.world, self.random.choice(self.random.choice(CONTROLS))
        number = len(self.ids)
        if control == "Config.1":
            account = self.random.choice(self.accounts)
            resource, kind = f"AWS::::Account:{account}", "AwsAccount"
        elif control == "EC2.19":
            account, resource, kind = world.shop, world.group(f"day-{self.seed}-{number}"), "AwsEc2SecurityGroup"
        else:
            account, resource, kind = world.shop, world.bucket(f"day-{self.seed}-{number}"), "AwsS3Bucket"
        one = world.next_id(control, account)
        self.ids.append(one)
        self.resources[one], self.kinds[one] = resource, control
        self.count("findings")
        if self.random.random() < 0.5:
            acts = self.set_by_hand(one) if control.startswith("S3") and self.random.random() < 0.5 else [self.written(one)]
            with somebody(world.stage, acts, match={"operation": "BatchImportFindings"}, when="after") as kim:
                found = world.found(control, resource, kind, account=account)
            check("the day: a person could immediately", kim.fired == 1 and not kim.failed, kim.row)
            self.count("seen by a person first")
        else:
            found = world.found(control, resource, kind, account=account)
        assert found == one, (found, one)

    def doubled(self):
        """A message comes twice, and the second one late."""
        one = self.random.choice(self.ids)
        event = {"id": f"day-{self.random.randrange(1 << 40):x}", "source": "aws.securityhub", "detail-type": "Security Hub Findings - Imported",
                 "account": self.world.own, "region": self.world.region, "detail": {"findings": [self.gone and self.random.choice(self.gone) or self.world.finding(one)]}}
        self.world.sqs.send_message(QueueUrl=self.world.url, MessageBody=json.dumps(event, default=str), DelaySeconds=self.random.choice((0, 0, 600)))
        self.count("messages twice")

    def remembered(self):
        """A message of now, which will come once more when it is no longer so."""
        self.gone.append(self.world.finding(self.random.choice(self.ids)))

    def killed(self):
        world = self.world
        world.served.process.send_signal(signal.SIGKILL)
        world.served.process.wait(60)
        check("the day: the server starts again after kill -9", world.served.start(), world.served.said()[-800:])
        self.count("kills")

    # what people do

    def person(self, acts):
        """Now, or beside the next call of the server of some kind."""
        operation, when = self.random.choice(MOMENTS) if self.random.random() < 0.5 else ("GetCallerIdentity", "before")
        with somebody(self.world.stage, acts, match={"operation": operation}, when=when) as kim:
            if operation == "GetCallerIdentity" or not wait(lambda: kim.now()["fired"] == 1, 1):
                # the server had no reason for such a call: one of ours. Where both come, they act beside the first alone
                call_of(self.world, operation)
        check("the day: a person could", kim.fired == 1 and not kim.failed, kim.row)

    def written(self, one, found=None):
        """The analyst writes, decides, or both, or opens the finding again; kept in the ledger."""
        number = self.random.randrange(10000)
        fields = {}
        if self.random.random() < 0.7:
            fields["Note"] = {"Text": f"seen by kim, {number}", "UpdatedBy": "kim"}
            self.notes[one] = fields["Note"]["Text"]
        if self.random.random() < 0.5:
            self.fields[one] = {**self.fields.get(one, {}), f"case{number % 3}": str(number)}
            # an update replaces the whole map; a person's tool keeps what is there
            fields["UserDefinedFields"] = {**(found or {}).get("UserDefinedFields", {}), **self.fields[one]}
        if self.statuses.get(one) and self.random.random() < 0.3:
            fields["Workflow"] = {"Status": "NEW"}
            self.statuses.pop(one)
            # then the server may see to it
            self.buckets.pop(self.resources[one].rsplit(":", 1)[1], None)
        elif self.random.random() < 0.4 or not fields:
            fields["Workflow"] = {"Status": "SUPPRESSED"}
            self.statuses[one] = "SUPPRESSED"
        self.count("notes and decisions")
        return self.world.kim(one, **fields)

    def annotates(self):
        one = self.random.choice(self.ids)
        self.person([self.written(one, self.world.finding(one))])

    def set_by_hand(self, one):
        """The responder sets a bucket as it has to be, and says that the finding is not to be touched."""
        bucket = self.resources[one].rsplit(":", 1)[1]
        self.statuses[one], self.buckets[bucket] = "SUPPRESSED", HALF
        self.count("buckets set by hand")
        return [self.world.kim(one, Workflow={"Status": "SUPPRESSED"}),
                blocked(self.world.shop, self.world.region, bucket)]

    def fixes(self):
        """A bucket that the server has been at."""
        states = {it["finding"]: it["state"] for it in self.world.rows("list")}
        ours = [it for it in self.ids if self.kinds[it].startswith("S3.") and states.get(it) in ("changed", "waiting", "manual")]
        if ours:
            self.person(self.set_by_hand(self.random.choice(ours)))

    def lets_in(self):
        """The responder lets an office in to a group."""
        groups = [self.resources[it] for it in self.ids if self.kinds[it] == "EC2.19"]
        if groups:
            group, net = self.random.choice(groups), f"10.{self.random.randrange(256)}.{self.random.randrange(256)}.0/24"
            one = "IpPermissions.1."
            rule = {f"{one}IpProtocol": "tcp", f"{one}FromPort": "22", f"{one}ToPort": "22", f"{one}IpRanges.1.CidrIp": net, f"{one}IpRanges.1.Description": "kim"}
            self.person([act("ec2", "AuthorizeSecurityGroupIngress", _as=self.world.shop, _region=self.world.region, GroupId=group.rsplit("/", 1)[1], **rule)])
            self.rules.append((group, (22, 22, net, "kim")))
            self.count("rules of groups")

    def moves(self):
        """An account gets another unit, or another tag."""
        account = self.random.choice(self.accounts)
        if self.random.random() < 0.5:
            unit = self.random.choice(("Workloads", "Sandbox"))
            name = next(name for name, id in self.world.accounts.items() if id == account)
            places = [it for it in self.world.unit_names if it.split("/")[0] == unit]
            if places:
                self.units[account] = self.random.choice(places)
                self.person([{"mutate": {"move_account": {"account": name, "to": self.units[account]}}}])
        else:
            value = f"team-{self.random.randrange(100)}"
            self.tags[account] = value
            tag = act("organizations", "TagResource", _as=self.world.own, ResourceId=account, Tags=[{"Key": "owner", "Value": value}])
            self.person([tag])
        self.count("accounts moved or tagged")

    def decides(self):
        """Somebody says yes, or takes back what was done."""
        rows = self.world.rows("list")
        waiting = [it for it in rows if it["state"] == "waiting"]
        changed = [it for it in rows if it["state"] == "changed"]
        if waiting and self.random.random() < 0.7:
            self.world.approve(PRIYA, waiting[0]["id"], "--yes")
            self.count("approvals")
        elif changed:
            one = self.random.choice(changed)
            self.world.stage.run("org", "remediate", "undo", one["id"], "--apply", "--yes", timeout=120, **self.world.aws)
            self.count("undone")

    def live(self):
        people = (self.annotates, self.annotates, self.fixes, self.lets_in, self.moves, self.decides, self.decides)
        for hour in range(self.hours):
            for _ in range(self.random.choice((1, 2))):
                self.arrives()
            for does in self.random.sample(people, 2):
                does()
            self.remembered()
            if self.random.random() < 0.5:
                self.doubled()
            if hour % 10 == 7:
                self.killed()
            moved = self.world.sim.post("/_sim/advance", {"seconds": self.random.randrange(1200, 5400)})
            assert moved.status == 200, moved
        check("the day: the queue empties at its end", wait(lambda: persons_findings.remediate.settled(self.world), 60, self.world.served.process, every=0.5),
              self.world.served.said()[-1500:])
        wait(lambda: not [it for it in self.world.rows("list") if it["state"] == "pending"], 20, every=1)

    # the referee

    def overtaken(self, one):
        """Whether Kim wrote to a finding between the server's look at it and the write right behind, a moment for which AWS has no
        condition. People act at calls of the server; one that it makes for another finding may be such a moment. A look of
        longer ago than two seconds is no excuse."""
        looked = by_kim = None
        for call in self.world.sim.get("/_sim/calls?limit=10000").json["calls"]:
            if one not in json.dumps(call.get("request")):
                continue
            at = datetime.datetime.fromisoformat(call["wall"][:26]).timestamp()
            if call["operation"] == "GetFindings":
                looked = at
            elif call["operation"] == "BatchUpdateFindings" and "user/kim" in json.dumps(call.get("caller")):
                by_kim = at
            elif call["operation"] == "BatchUpdateFindings" and looked and by_kim and looked <= by_kim and at - looked < 2:
                return True
        return False

    def judge(self):
        world = self.world
        found = {it: world.finding(it) for it in self.ids}
        lost = {it: (text, found[it].get("Note")) for it, text in self.notes.items()
                if text not in found[it].get("Note", {}).get("Text", "") and not self.overtaken(it)}
        check(f"the day: all {len(self.notes)} notes of people stand", not lost, lost)
        lost = {it: (wanted, found[it].get("UserDefinedFields")) for it, wanted in self.fields.items()
                if not wanted.items() <= found[it].get("UserDefinedFields", {}).items() and not self.overtaken(it)}
        check(f"the day: all fields of {len(self.fields)} findings stand", not lost, lost)
        lost = {it: (wanted, found[it]["Workflow"]["Status"], (world.of(it) or {}).get("state")) for it, wanted in self.statuses.items()
                if found[it]["Workflow"]["Status"] != wanted}
        check(f"the day: all {len(self.statuses)} decisions stand", not lost, lost)
        lost = {it: (wanted, world.access(it)) for it, wanted in self.buckets.items() if world.access(it) != wanted}
        check(f"the day: all {len(self.buckets)} buckets are as people set them", not lost, lost)
        lost = [it for it in self.rules if it[1] not in world.ingress(it[0])]
        check(f"the day: all {len(self.rules)} rules that people added stand", not lost, lost)
        org = world.client("organizations")
        tags = {it: {tag["Key"]: tag["Value"] for tag in org.list_tags_for_resource(ResourceId=it)["Tags"]}.get("owner") for it in self.tags}
        check.equal("the day: accounts have the tags that people gave them", tags, self.tags)
        units = {it: org.list_parents(ChildId=it)["Parents"][0]["Id"] for it in self.units}
        check.equal("the day: and stand where people put them", units, {it: world.unit_names[place] for it, place in self.units.items()})
        enriched = [it for it in self.ids if "findingEnriched" in found[it].get("UserDefinedFields", {})]
        check("the day: and the server did its own work", len(enriched) >= len(self.ids) // 2 and {it["state"] for it in world.rows("list")} & {"changed"},
              (len(enriched), len(self.ids)))
        events = [row["event"] for row in world.served.api(INES).all("/api/v1/audit")]
        check("the day: its records are there", "plan.changed" in events, set(events))
        world.stage.stop(world.served.process)
        check.equal("the day: the audit log verifies", world.stage.run("audit", "verify").returncode, 0)
        check.equal("the day: the store is sound", world.stage.run("server", "store", "check").returncode, 0)
        print("      " + ", ".join(f"{count} {what}" for what, count in sorted(self.did.items())), flush=True)


def units_of(org):
    """Ids of units by their path."""
    found, left = {}, [("", org.list_roots()["Roots"][0]["Id"])]
    while left:
        above, parent = left.pop()
        for it in org.list_organizational_units_for_parent(ParentId=parent)["OrganizationalUnits"]:
            path = f"{above}/{it['Name']}".lstrip("/")
            found[path] = it["Id"]
            left.append((path, it["Id"]))
    return found


def play(wanted):
    seed, hours = int(os.environ.get("PERSONS_SEED", "7")), int(os.environ.get("PERSONS_HOURS", "24"))
    if wanted("findings"):
        with Stage("persons-findings") as stage:
            world = World(stage)
            check("the server starts with rules", world.serve(), world.served.said()[-800:])
            persons_findings.play(world)
            world.stage.stop(world.served.process)
    if wanted("day"):
        with Stage("persons-day") as stage:
            world = World(stage)
            world.unit_names = units_of(world.client("organizations"))
            check("the server starts with rules", world.serve(), world.served.said()[-800:])
            day = Day(world, seed, hours)
            print(f"     PERSONS_SEED={seed} PERSONS_HOURS={hours}", flush=True)
            day.live()
            day.judge()
