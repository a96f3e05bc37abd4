#!/usr/bin/env python3
"""Finding enrichment (`organization.md` §2) and the intake of events (§0.4): what a newcomer does first, a thousand
findings through the queue with repetitions and one message that is no event, a kill in the middle, and our client of
SQS against moto's."""

import json
import logging
import random
import signal
import time

import boto3
from moto.server import ThreadedMotoServer

from served import Served
from stage import Api, Checks, Stage, free_port, wait

QUEUE = "hallpass-events"
check = Checks()


class World:
    def __init__(self, stage):
        self.stage = stage
        self.served = Served(stage)
        self.aws, self.sim = stage.directory, Api(self.served.endpoint)
        self.region = self.aws["AWS_REGION"]
        listed = self.client("organizations").get_paginator("list_accounts").paginate().build_full_result()
        self.accounts = {it["Name"]: it["Id"] for it in listed["Accounts"]}
        self.own = self.client("sts").get_caller_identity()["Account"]
        self.hub = self.client("securityhub")

    def client(self, service, account=None, endpoint=None):
        keys = {"access_key_id": self.aws["AWS_ACCESS_KEY_ID"], "secret_access_key": self.aws["AWS_SECRET_ACCESS_KEY"]}
        if account:
            keys = self.sim.get(f"/_sim/credentials?account={account}").json
        return boto3.client(service, endpoint_url=endpoint or self.served.endpoint, region_name=self.aws["AWS_REGION"],
                            aws_access_key_id=keys["access_key_id"], aws_secret_access_key=keys["secret_access_key"])

    def found(self, account, ids):
        """Imports findings, as a product in their account does."""
        product = f"arn:aws:securityhub:{self.region}:{account}:product/{account}/default"
        hub, now = self.client("securityhub", account), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        for start in range(0, len(ids), 100):
            findings = [{
                "SchemaVersion": "2018-10-08", "Id": f"{product}/{one}", "ProductArn": product, "GeneratorId": "e2e",
                "AwsAccountId": account, "Types": ["Software and Configuration Checks"], "CreatedAt": now,
                "UpdatedAt": now, "Severity": {"Label": "HIGH"}, "Title": one, "Description": "a finding",
                "Resources": [{"Type": "Other", "Id": one}],
            } for one in ids[start:start + 100]]
            answer = hub.batch_import_findings(Findings=findings)
            assert answer["FailedCount"] == 0, answer

    def enriched(self, account):
        """Titles of enriched findings of an account, and all of their fields."""
        pages = self.hub.get_paginator("get_findings").paginate(
            Filters={"AwsAccountId": [{"Value": account, "Comparison": "EQUALS"}]})
        rows = [row for page in pages for row in page["Findings"]]
        return {row["Title"]: row for row in rows if "findingEnriched" in row.get("UserDefinedFields", {})}

    def updates(self):
        """How often each finding was sent in an update."""
        calls = self.sim.get("/_sim/calls?operation=BatchUpdateFindings&limit=10000").json
        counts = {}
        for call in calls["calls"] if isinstance(calls, dict) else calls:
            if call["operation"] == "BatchUpdateFindings":
                for one in call["request"]["FindingIdentifiers"]:
                    counts[one["Id"]] = counts.get(one["Id"], 0) + 1
        return counts

    def run(self, *arguments, **environment):
        ran = self.stage.run(*arguments, "--output", "json", timeout=120, **{**self.aws, **environment})
        return ran, json.loads(ran.stdout) if ran.stdout.strip() else None


def newcomer(world):
    """Findings that are there already: look, write, look again."""
    account = world.accounts["payments-prod"]
    tags = {"Owner": "team-payments", "OU": "finance"}
    world.client("organizations").tag_resource(ResourceId=account, Tags=[{"Key": k, "Value": v} for k, v in tags.items()])
    ran, shown = world.run("findings", "show", account)
    check("what a finding would get", ran.returncode == 0 and shown["fields"]["AccountName"] == "payments-prod"
          and shown["fields"]["tag:OU"] == "finance" and "Owner=team-payments" in shown["note"], (ran.stderr, shown))
    world.found(account, [f"early-{it}" for it in range(7)])
    product = f"arn:aws:securityhub:{world.region}:{account}:product/{account}/default"
    world.hub.batch_update_findings(FindingIdentifiers=[{"Id": f"{product}/early-0", "ProductArn": product}],
                                    Note={"Text": "ticket 4711", "UpdatedBy": "alice"}, UserDefinedFields={"ticket": "4711"})
    ran, rows = world.run("findings", "enrich", "--backfill", "--since", "30d")
    check("a look shows seven findings", ran.returncode == 0 and len(rows) == 7 and "--apply" in ran.stderr, (ran.stderr, rows))
    check.equal("and writes none", len(world.enriched(account)), 0)
    ran, _ = world.run("findings", "enrich", "--backfill", "--detailed-exitcode")
    check.equal("exit 3 says that there is something to write", ran.returncode, 3)
    ran, rows = world.run("findings", "enrich", "--backfill", "--apply")
    check("all are written", ran.returncode == 0 and {row["outcome"] for row in rows} == {"written"}, (ran.stderr, rows))
    found = world.enriched(account)
    noted = found["early-0"]
    check("an analyst's note and field stay", noted["Note"]["Text"] == "ticket 4711" and noted["UserDefinedFields"]["ticket"] == "4711", noted)
    check("the others have ours", len(found) == 7 and found["early-1"]["Note"]["UpdatedBy"] == "Hallpass enrichment"
          and found["early-1"]["UserDefinedFields"]["Owner"] == "team-payments", found.get("early-1"))
    ran, rows = world.run("findings", "enrich", "--backfill", "--apply")
    check("once more there is nothing to write", ran.returncode == 0 and rows == [], (ran.stderr, rows))
    create = ("findings", "insight", "create", "--group-by", "SeverityLabel", "--where", "Owner=team-payments")
    outcomes = [world.run(*create, *more)[1]["outcome"] for more in ((), ("--apply",), ("--apply",))]
    check.equal("an insight is made once", outcomes, ["would be created", "created", "unchanged"])
    for wrong in (("findings", "enrich"), ("findings", "enrich", "--backfill", "--notes", "drop"), ("findings", "show", "12")):
        check.equal(f"exit 2: {' '.join(wrong)}", world.stage.run(*wrong, **world.aws).returncode, 2)


def settled(world, sqs, url):
    """Whether the queue has nothing in it, visible or hidden."""
    wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
    numbers = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
    return all(int(it) == 0 for it in numbers.values())


def configured(world, url):
    path = world.stage.path("hallpass.toml")
    path.write_text(path.read_text() + f'[events]\nqueue = "{url}"\n')


def thousand(world):
    """A thousand findings, some events twice and in another order, one message that is no event."""
    rule = {"account": world.own, "region": world.region, "queue": QUEUE, "source": "aws.securityhub"}
    file = world.sim.get("/_sim/state?full=1").json["file"]
    answer = world.sim.post("/_sim/load", {**file, "event_rules": [rule]})
    check("a rule of the bus fills a queue", answer.status < 300, answer)
    sqs = world.client("sqs")
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    accounts = [world.accounts["payments-prod"], world.accounts["network"]]
    for account in accounts:
        world.found(account, [f"new-{it}" for it in range(500)])
    some = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)["Messages"]
    random.Random(1).shuffle(some)
    for message in some:
        # another message with the same event, bare or as SNS wraps it
        body = message["Body"] if random.Random(message["MessageId"]).random() < 0.5 else json.dumps(
            {"Type": "Notification", "Message": message["Body"]})
        sqs.send_message(QueueUrl=url, MessageBody=body)
    sqs.send_message(QueueUrl=url, MessageBody="this is no event")
    world.stage.stop(world.served.process)
    configured(world, url)
    before = world.updates()
    check("the server starts with a queue", world.served.start(), world.served.said()[-800:])
    check("the queue empties", wait(lambda: settled(world, sqs, url), 240, world.served.process, every=1), world.served.said()[-1500:])
    for account in accounts:
        new = [title for title in world.enriched(account) if title.startswith("new-")]
        check.equal(f"every finding of {account} is enriched", len(new), 500)
    after = world.updates()
    times = {after[one] - before.get(one, 0) for one in after if "/new-" in one}
    check.equal("each was written once, our own updates' events not counted", times, {1})
    metrics = Api(world.served.base).get("/metrics").body.decode()
    line = [it for it in metrics.splitlines() if it.startswith('hallpass_events_total{outcome="repeated"}')]
    print("     ", *line)


def parked(world):
    ran, rows = world.run("events", "list")
    check("the message that is no event is parked, with why", ran.returncode == 0 and len(rows) == 1
          and rows[0]["body"] == "this is no event" and "no JSON" in rows[0]["why"], (ran.stderr, rows))
    ran = world.stage.run("events", "replay", "--all", **world.aws)
    check("it is sent again", ran.returncode == 0, ran.stderr)

    def again():
        _, now = world.run("events", "list")
        return now and now[0]["id"] != rows[0]["id"]

    check("and parked again", wait(again, 60, every=1), world.served.said()[-800:])
    ran = world.stage.run("events", "replay", "nonsense", **world.aws)
    check("an event that is not parked is exit 2", ran.returncode == 2, ran.stderr)


def killed(world):
    """kill -9 while findings are enriched: none is lost."""
    account = world.accounts["payments-prod"]
    sqs = world.client("sqs")
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    world.found(account, [f"late-{it}" for it in range(300)])
    check("it begins", wait(lambda: any("/late-" in one for one in world.updates()), 60), world.served.said()[-800:])
    world.served.process.send_signal(signal.SIGKILL)
    world.served.process.wait(20)
    check("it starts again", world.served.start(), world.served.said()[-800:])
    check("the queue empties", wait(lambda: settled(world, sqs, url), 240, world.served.process, every=1), world.served.said()[-1500:])
    late = [title for title in world.enriched(account) if title.startswith("late-")]
    check.equal("every finding is enriched", len(late), 300)


def moto(world):
    """Our client of SQS against an emulator that others wrote."""
    port = free_port()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    try:
        endpoint = f"http://127.0.0.1:{port}"
        sqs = world.client("sqs", endpoint=endpoint)
        url = sqs.create_queue(QueueName=QUEUE)["QueueUrl"]
        account = world.accounts["network"]
        product = f"arn:aws:securityhub:{world.region}:{account}:product/{account}/default"
        world.stage.stop(world.served.process)
        world.found(account, [f"moto-{it}" for it in range(25)])
        ids = [f"{product}/moto-{it}" for it in range(25)]
        for number, one in enumerate(ids):
            finding = {"Id": one, "ProductArn": product, "AwsAccountId": account, "Region": world.region, "RecordState": "ACTIVE"}
            event = {"id": f"moto-{number}", "source": "aws.securityhub", "detail-type": "Security Hub Findings - Imported",
                     "account": world.own, "region": world.region, "detail": {"findings": [finding]}}
            sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))
        path = world.stage.path("hallpass.toml")
        text = path.read_text().replace(f'endpoint_url = "{world.served.endpoint}"\n', "")
        path.write_text(text[:text.index("[events]")] + f'[events]\nqueue = "{url}"\n')
        world.served.environment |= {"AWS_ENDPOINT_URL": world.served.endpoint, "AWS_ENDPOINT_URL_SQS": endpoint}
        check("the server starts with moto's queue", world.served.start(), world.served.said()[-800:])
        check("it empties", wait(lambda: settled(world, sqs, url), 90, world.served.process, every=1), world.served.said()[-1500:])
        done = [title for title in world.enriched(account) if title.startswith("moto-")]
        check.equal("every finding is enriched", len(done), 25)
    finally:
        server.stop()


def main():
    with Stage("findings") as stage:
        world = World(stage)
        newcomer(world)
        thousand(world)
        parked(world)
        killed(world)
        moto(world)
        world.stage.stop(world.served.process)
    check.end()


if __name__ == "__main__":
    main()
