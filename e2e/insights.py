#!/usr/bin/env python3
"""Insights of DevOps Guru (`organization.md` D-7 to D-9): boto3 and `hallpass org insights` over the simulated service."""

import datetime
import json

import boto3

from alerts import SECRET, Receiver
from served import NOOR, Served
from stage import Api, Checks, Stage, wait

check = Checks()
OTHER = "us-east-1"
QUEUE = "insights"


class World:
    def __init__(self, stage, extra=""):
        self.stage, self.served = stage, Served(stage, extra=extra)
        self.aws, self.sim = stage.directory, Api(self.served.endpoint)
        self.region = self.aws["AWS_REGION"]
        listed = self.client("organizations").get_paginator("list_accounts").paginate().build_full_result()
        self.accounts = {it["Name"]: it["Id"] for it in listed["Accounts"]}
        self.now = datetime.datetime.now(datetime.timezone.utc)
        rows = [
            self.row("open", "payments-prod", "HIGH", hours=2, stacks=["ledger"]),
            self.row("over", "payments-prod", "LOW", hours=30, end=20),
            self.row("coming", "network", "MEDIUM", hours=3, kind="PROACTIVE"),
            self.row("abroad", "network", "HIGH", hours=4, region=OTHER),
            self.row("old", "network", "HIGH", hours=24 * 40),
        ]
        answer = self.sim.post("/_sim/load?merge=1", {"version": 1, "devops_guru_insights": rows})
        assert answer.status < 300, answer

    def load(self, rows, rules):
        # a merge of the file as it is now, so that what stands stays
        answer = self.sim.post("/_sim/load?merge=1", {"version": 1, "devops_guru_insights": rows, "event_rules": rules})
        assert answer.status < 300, answer

    def row(self, name, account, severity, hours, end=None, **more):
        at = lambda hours: (self.now - datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"id": f"insight-{name}", "account": account, "region": self.region, "kind": "REACTIVE", "name": f"{name} latency",
                "severity": severity, "start": at(hours), **({"end": at(end)} if end else {}), **more}

    def advance(self, seconds):
        moved = self.sim.post("/_sim/advance", {"seconds": seconds})
        assert moved.status == 200, moved

    def client(self, service, account=None, region=None):
        keys = {"access_key_id": self.aws["AWS_ACCESS_KEY_ID"], "secret_access_key": self.aws["AWS_SECRET_ACCESS_KEY"]}
        if account:
            keys = self.sim.get(f"/_sim/credentials?account={account}").json
        return boto3.client(service, endpoint_url=self.served.endpoint, region_name=region or self.aws["AWS_REGION"],
                            aws_access_key_id=keys["access_key_id"], aws_secret_access_key=keys["secret_access_key"])

    def run(self, *words, output="json"):
        ran = self.stage.run("org", "insights", *words, "--output", output, timeout=300, **{**self.aws, "AWS_ENDPOINT_URL": self.served.endpoint})
        return ran, json.loads(ran.stdout) if output == "json" and ran.stdout.strip() else ran.stdout

    def ids(self, *words):
        ran, rows = self.run("list", *words)
        check(f"insights list {' '.join(words)}", ran.returncode == 0, ran.stderr)
        return sorted(row["id"].removeprefix("insight-") for row in rows or [])


def by_boto3(world):
    guru = world.client("devops-guru")
    ranged = {"FromTime": world.now - datetime.timedelta(days=60), "ToTime": world.now}
    pages = guru.get_paginator("list_organization_insights").paginate(
        StatusFilter={"Any": {"Type": "REACTIVE", "StartTimeRange": ranged}}, PaginationConfig={"PageSize": 1})
    found = [row["Id"] for page in pages for row in page["ReactiveInsights"]]
    check.equal("boto3 reads page by page, the newest first", found, ["insight-open", "insight-over", "insight-old"])
    going = guru.list_organization_insights(StatusFilter={"Ongoing": {"Type": "REACTIVE"}})["ReactiveInsights"]
    check.equal("ongoing insights", [row["Id"] for row in going], ["insight-open", "insight-old"])
    closed = guru.list_organization_insights(StatusFilter={"Closed": {"Type": "REACTIVE", "EndTimeRange": ranged}})["ReactiveInsights"]
    check("what is over has its end", [row["Id"] for row in closed] == ["insight-over"] and closed[0]["InsightTimeRange"]["EndTime"] < world.now, closed)
    health = guru.describe_organization_health()
    check.equal("counts", (health["OpenReactiveInsights"], health["OpenProactiveInsights"]), (2, 1))
    for name, call in (
            ("who is neither management nor administrator is refused", lambda: world.client("devops-guru", world.accounts["network"]).describe_organization_health()),
            ("two accounts together are refused", lambda: guru.search_organization_insights(
                AccountIds=list(world.accounts.values())[:2], StartTimeRange=ranged, Type="REACTIVE")),
            ("a filter with two states is refused", lambda: guru.list_organization_insights(
                StatusFilter={"Ongoing": {"Type": "REACTIVE"}, "Any": {"Type": "REACTIVE", "StartTimeRange": ranged}}))):
        try:
            check(name, False, call())
        except guru.exceptions.ClientError as error:
            check(name, error.response["Error"]["Code"] in ("AccessDeniedException", "ValidationException"), error)


def listed(world):
    check.equal("of a week, in one Region", world.ids(), ["coming", "open", "over"])
    check.equal("of two Regions", world.ids("--regions", f"{world.region},{OTHER}"), ["abroad", "coming", "open", "over"])
    check.equal("further back", world.ids("--since", "60d"), ["coming", "old", "open", "over"])
    check.equal("by state", world.ids("--status", "closed"), ["over"])
    check.equal("by how urgent it is", world.ids("--severity", "high,medium"), ["coming", "open"])
    check.equal("by type", world.ids("--type", "proactive"), ["coming"])
    check.equal("by account", world.ids("--account", world.accounts["payments-prod"]), ["open", "over"])
    check.equal("by account and stack", world.ids("--account", world.accounts["payments-prod"], "--stack", "ledger"), ["open"])
    organizations = world.client("organizations")
    parent = organizations.list_parents(ChildId=world.accounts["payments-prod"])["Parents"][0]["Id"]
    unit = organizations.describe_organizational_unit(OrganizationalUnitId=parent)["OrganizationalUnit"]
    upper = organizations.list_parents(ChildId=parent)["Parents"][0]
    check.equal("by unit", [it for it in world.ids("--ou", unit["Id"]) if it != "coming"], ["open", "over"])
    if upper["Type"] == "ORGANIZATIONAL_UNIT":
        check("the unit above has what is below", "open" in world.ids("--ou", upper["Id"]), upper)
        check("but not automatically", "open" not in world.ids("--ou", upper["Id"], "--ou-direct"), upper)
    ran, text = world.run("list", output="table")
    check("as a table, with the account's name", ran.returncode == 0 and "payments-prod" in text and "open latency" in text, text)
    ran, rows = world.run("health", "--regions", f"{world.region},{OTHER}")
    check.equal("counted", {row["region"]: (row["open_reactive"], row["open_proactive"], row["reactive"]) for row in rows},
                {world.region: (2, 1, 2), OTHER: (1, 0, 1)})


def wrong(world):
    for words, part in ((("list", "--since", "200d"), "180 days"), (("list", "--since", "soon"), "no range"), (("list", "--ou", "/Nowhere"), "/Nowhere"),
                        (("list", "--ou", "Workloads"), "neither"), (("list", "--regions", "eu-west-99"), "no Region"), (("health", "--since", "1y"), "no range")):
        ran, _ = world.run(*words)
        check(f"exit 2: {' '.join(words)}", ran.returncode == 2 and part in ran.stderr, (ran.returncode, ran.stderr))
    refused = world.client("sts", world.accounts["network"]).get_caller_identity()
    keys = world.sim.get(f"/_sim/credentials?account={world.accounts['network']}").json
    ran = world.stage.run("org", "insights", "list", **{**world.aws, "AWS_ENDPOINT_URL": world.served.endpoint, "AWS_ACCESS_KEY_ID": keys["access_key_id"],
                                                 "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"]})
    check("refused calls are reported, Region by Region", ran.returncode == 1 and f"not read in {world.region}" in ran.stderr
          and "AccessDenied" in ran.stderr, (refused["Account"], ran.returncode, ran.stderr))


def lists_of(world, account, region=None):
    rows = world.client("devops-guru", account, region).list_notification_channels()["Channels"]
    return [(row["Config"]["Sns"]["TopicArn"], sorted(row["Config"].get("Filters", {}).get("Severities", []))) for row in rows]


def channelled(world):
    """Topics that insights are told to: planned, made, held against the file, told, and taken away."""
    shop, network = world.accounts["payments-prod"], world.accounts["network"]
    invited = "990000000099"
    # loading makes the world anew, so insights that begin once there are channels are loaded before these; an hour ahead, which is made
    # to pass when there are
    began = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    rows = [{**world.row(name, "payments-prod", severity, hours=0), "start": began.strftime("%Y-%m-%dT%H:%M:%SZ")}
            for name, severity in (("loud", "HIGH"), ("quiet", "LOW"))]
    answer = world.sim.post("/_sim/load?merge=1", {"version": 1, "devops_guru_insights": rows, "accounts": [
        {"id": invited, "name": "invited", "email": "invited@example.com", "joined_method": "INVITED"}]})
    assert answer.status < 300, answer
    sns, sqs = world.client("sns"), world.client("sqs")
    topic = sns.create_topic(Name="insights")["TopicArn"]
    path = world.stage.path("channels.yaml")
    write = lambda severities: path.write_text(
        f"notifications:\n  - {{service: devops-guru, topic_arn: '{topic}', severities: [{severities}], message_types: [NEW_INSIGHT]}}\n")
    write("HIGH, MEDIUM")
    two = ("--accounts", f"{shop},{network}")
    ran, said = world.run("channels", str(path), *two)
    outcomes = lambda said: {row["account"]: row["outcome"] for row in said["rows"]} if said else None
    check("a dry run makes none", ran.returncode == 0 and lists_of(world, shop) == [] and set(outcomes(said)) == {shop, network}, (ran.returncode, said, ran.stderr))
    ran, said = world.run("channels", str(path), *two, "--apply", "--yes")
    check("a topic that does not let DevOps Guru in is reported", ran.returncode == 1 and topic in ran.stdout + ran.stderr and lists_of(world, shop) == [], (ran.stdout, ran.stderr))
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": f"{world.region}.devops-guru.amazonaws.com"},
                                                       "Action": "sns:Publish", "Resource": topic}]}
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy))
    # what DevOps Guru tells the topic reaches a queue
    url = sqs.create_queue(QueueName="told")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    let_in = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": queue}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(let_in)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    ran, said = world.run("channels", str(path), "--accounts", f"{shop},{network},{invited}", "--apply", "--yes")
    check("an account that cannot be entered is reported, and the others continue",
          ran.returncode == 1 and outcomes(said)[invited] == "unread" and f"{invited}" in ran.stderr, (ran.returncode, said, ran.stderr))
    wanted = [(topic, ["HIGH", "MEDIUM"])]
    check.equal("boto3 sees a channel in each", (lists_of(world, shop), lists_of(world, network)), (wanted, wanted))
    ran, said = world.run("channels", str(path), *two, "--apply", "--yes")
    check.equal("a second time changes nothing", (ran.returncode, set(outcomes(said).values())), (0, {"unchanged"}))
    write("HIGH")
    ran, said = world.run("channels", "check", str(path), *two, "--fail-on-findings")
    check.equal("other severities differ", (ran.returncode, set(outcomes(said).values())), (3, {"differs"}))
    ran, said = world.run("channels", str(path), *two, "--apply", "--yes")
    check.equal("and are put right", (ran.returncode, lists_of(world, shop)), (0, [(topic, ["HIGH"])]))
    plan = said["report"]["plan"]
    undone = world.stage.run("plan", "undo", plan, "--apply", "--yes", timeout=120, **{**world.aws, "AWS_ENDPOINT_URL": world.served.endpoint})
    check.equal("undoing goes back to those of before", (undone.returncode, lists_of(world, shop)), (0, wanted))
    got = []

    def heard():
        world.sim.get("/_sim/state")
        got.extend(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []))
        return got
    world.advance(3600)
    check("an insight that begins reaches the topic's queue", wait(heard, 90), got)
    bodies = [json.loads(json.loads(it["Body"])["Message"]) for it in got]
    check.equal("that of a severity that is wanted", [(it["InsightId"], it["MessageType"], it["AccountId"]) for it in bodies], [("insight-loud", "NEW_INSIGHT", shop)])
    ran, said = world.run("channels", "remove", str(path), *two, "--apply", "--yes")
    check.equal("they are taken away", (ran.returncode, lists_of(world, shop), lists_of(world, network)), (0, [], []))
    path.write_text("notifications: [{service: devops-guru, topic_arn: insights}]\n")
    ran, _ = world.run("channels", str(path))
    check("an invalid topic is exit 2", ran.returncode == 2 and "no topic of SNS" in ran.stderr, (ran.returncode, ran.stderr))


def told(stage):
    """An insight that begins and ends is told twice: when it begins, and when it is over; one that is not urgent is not."""
    receiver = Receiver()
    world = World(stage, f'[[webhooks]]\nname = "tickets"\nurl = "http://127.0.0.1:{receiver.port}/hook"\nsecret = "{SECRET}"\nevents = ["alert"]\n')
    own = world.client("sts").get_caller_identity()["Account"]
    # by way of a topic, whose envelope the server takes off
    rule = {"account": own, "region": world.region, "queue": QUEUE, "topic": "events", "source": "aws.devops-guru"}
    account = world.accounts["payments-prod"]
    world.load([], [rule])
    sqs = world.client("sqs")
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    world.stage.stop(world.served.process)
    path = stage.path("hallpass.toml")
    plain = path.read_text()
    path.write_text(plain + f'[events]\nqueue = "{url}"\n[insights]\nleast_severity = "urgent"\n')
    ran = stage.run("serve", **world.served.environment)
    check("an invalid severity is exit 2", ran.returncode == 2 and "least_severity" in ran.stderr, (ran.returncode, ran.stderr))
    path.write_text(plain + f'[events]\nqueue = "{url}"\n')
    check("the server starts with a queue", world.served.start(), world.served.said()[-800:])
    world.now = datetime.datetime.now(datetime.timezone.utc)
    # in an hour and over in two, by AWS's clock: what begins before it is loaded is not told
    world.load([world.row("fire", "payments-prod", "HIGH", hours=-1, end=-2, stacks=["ledger"]), world.row("smoke", "payments-prod", "LOW", hours=-1)], [rule])
    world.advance(3600)
    of = lambda: [call["body"] for call in receiver.told() if "devops-guru/insights" in json.dumps(call["body"])]
    check("it is reported when it begins", wait(lambda: len(of()) >= 1, 60, world.served.process), world.served.said()[-1500:])
    values = world.served.api(NOOR).get("/api/v1/alerts/rows?rule=devops-guru/insights").json["items"]
    check("and is among the alerts",
          len(values) == 1 and values[0]["values"]["insight_id"] == "insight-fire" and values[0]["values"]["account_id"] == account, values)
    world.advance(3600)
    check("it is reported when it is over", wait(lambda: len(of()) >= 2, 90, world.served.process), world.served.said()[-1500:])
    texts = [json.dumps(body) for body in of()]
    check("with what it is about", "fire latency" in texts[0] and "ledger" in texts[0] and account in texts[0], texts[0])
    # the same events once more, in another order, as best-effort delivery may bring them
    again = lambda number, kind: {"id": f"e2e-again-{number}", "source": "aws.devops-guru", "detail-type": kind, "detail": {
        "insightId": "insight-fire", "accountId": account, "region": world.region, "insightSeverity": "high"}}
    kinds = ["DevOps Guru New Insight Open", "DevOps Guru Insight Closed", "DevOps Guru New Recommendation Created"]
    for number, kind in enumerate(kinds):
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(again(number, kind)))
    empty = lambda: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["ApproximateNumberOfMessages"] == "0"
    check("the queue empties", wait(empty, 60, world.served.process))
    rows = world.served.api(NOOR).get("/api/v1/alerts/rows?rule=devops-guru/insights&state=all").json
    check.equal("each was reported once, and the small one not", len(of()), 2)
    check("the server shows what became of it", "insight-smoke" not in json.dumps(rows), rows)
    world.stage.stop(world.served.process)


def main():
    with Stage("insights") as stage:
        world = World(stage)
        by_boto3(world)
        listed(world)
        wrong(world)
        channelled(world)
        world.stage.stop(world.served.process)
    with Stage("insights-told") as stage:
        told(stage)
    check.end()


if __name__ == "__main__":
    main()
