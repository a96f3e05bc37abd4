#!/usr/bin/env python3
"""Finding enrichment (`organization.md` §2) and the intake of events (§0.4): what a newcomer does first, a thousand
findings through the queue with repetitions and one message that is no event, a kill in the middle, and our client of
SQS against moto's."""

import http.server
import json
import logging
import random
import signal
import socket
import threading
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
        ran = self.stage.run(*arguments, "--output", "json", timeout=300, **{**self.aws, **environment})
        return ran, json.loads(ran.stdout) if ran.stdout.strip() else None


def newcomer(world):
    """Findings that are there already: look, write, look again."""
    account = world.accounts["payments-prod"]
    tags = {"Owner": "team-payments", "OU": "finance"}
    world.client("organizations").tag_resource(ResourceId=account, Tags=[{"Key": k, "Value": v} for k, v in tags.items()])
    ran, shown = world.run("org", "findings", "show", account)
    check("what a finding would get", ran.returncode == 0 and shown["fields"]["AccountName"] == "payments-prod"
          and shown["fields"]["tag:OU"] == "finance" and "Owner=team-payments" in shown["note"], (ran.stderr, shown))
    world.found(account, [f"early-{it}" for it in range(7)])
    product = f"arn:aws:securityhub:{world.region}:{account}:product/{account}/default"
    world.hub.batch_update_findings(FindingIdentifiers=[{"Id": f"{product}/early-0", "ProductArn": product}],
                                    Note={"Text": "ticket 4711", "UpdatedBy": "alice"}, UserDefinedFields={"ticket": "4711"})
    ran, rows = world.run("org", "findings", "enrich", "--backfill", "--since", "30d")
    check("a look shows seven findings", ran.returncode == 0 and len(rows) == 7 and "--apply" in ran.stderr, (ran.stderr, rows))
    check.equal("and writes none", len(world.enriched(account)), 0)
    ran, _ = world.run("org", "findings", "enrich", "--backfill", "--detailed-exitcode")
    check.equal("exit 3 says that there is something to write", ran.returncode, 3)
    ran, _ = world.run("org", "findings", "enrich", "--backfill", "--apply")
    check("without a terminal `--apply` wants `--yes`", ran.returncode == 4 and "--yes" in ran.stderr, (ran.returncode, ran.stderr))
    check.equal("and nothing was written", len(world.enriched(account)), 0)
    ran, rows = world.run("org", "findings", "enrich", "--backfill", "--apply", "--yes")
    check("all are written", ran.returncode == 0 and {row["outcome"] for row in rows} == {"written"}, (ran.stderr, rows))
    found = world.enriched(account)
    noted = found["early-0"]
    check("an analyst's note and field stay", noted["Note"]["Text"] == "ticket 4711" and noted["UserDefinedFields"]["ticket"] == "4711", noted)
    check("the others have Hallpass's fields", len(found) == 7 and found["early-1"]["Note"]["UpdatedBy"] == "Hallpass enrichment"
          and found["early-1"]["UserDefinedFields"]["Owner"] == "team-payments", found.get("early-1"))
    ran, rows = world.run("org", "findings", "enrich", "--backfill", "--apply")
    check("once more there is nothing to write", ran.returncode == 0 and rows == [], (ran.stderr, rows))
    create = ("org", "findings", "insight", "create", "--group-by", "SeverityLabel", "--where", "Owner=team-payments")
    asked = world.stage.run(*create, "--apply", **world.aws)
    check("an insight wants `--yes`, too", asked.returncode == 4 and "--yes" in asked.stderr, (asked.returncode, asked.stderr))
    outcomes = [world.run(*create, *more)[1]["outcome"] for more in ((), ("--apply", "--yes"), ("--apply",))]
    check.equal("an insight is made once", outcomes, ["would be created", "created", "unchanged"])
    for wrong in (("org", "findings", "enrich"), ("org", "findings", "enrich", "--backfill", "--notes", "drop"), ("org", "findings", "show", "12")):
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


def annotate(world, account, titles):
    """An analyst writes a note and a field to findings."""
    product = f"arn:aws:securityhub:{world.region}:{account}:product/{account}/default"
    for title in titles:
        answer = world.hub.batch_update_findings(
            FindingIdentifiers=[{"Id": f"{product}/{title}", "ProductArn": product}],
            Note={"Text": f"seen, ticket {title}", "UpdatedBy": "ana"}, UserDefinedFields={"ticket": title})
        assert not answer["UnprocessedFindings"], answer


def annotated(world):
    """Findings that analysts wrote to before their events are handled keep all of it, whichever event comes first."""
    account = world.accounts["network"]
    sqs = world.client("sqs")
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    for run, order in (("down", None), ("reversed", "reversed")):
        titles = [f"{run}-{it}" for it in range(20)]
        world.stage.stop(world.served.process)
        world.found(account, titles)
        annotate(world, account, titles)
        if order:
            bodies = []
            while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages"):
                bodies += [message["Body"] for message in found]
                for message in found:
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            bodies.sort(key=lambda body: '"ticket"' not in body)
            for body in bodies:
                sqs.send_message(QueueUrl=url, MessageBody=body)
        check(f"{run}: the server starts", world.served.start(), world.served.said()[-800:])
        check(f"{run}: the queue empties", wait(lambda: settled(world, sqs, url), 120, world.served.process, every=1), world.served.said()[-1500:])
        found = world.enriched(account)
        check(f"{run}: all are enriched", all(it in found for it in titles), sorted(found))
        lost = [it for it in titles if found[it]["Note"]["Text"] != f"seen, ticket {it}" or found[it]["UserDefinedFields"].get("ticket") != it]
        check.equal(f"{run}: no note or field of an analyst is lost", lost, [])
    # a backfill whose listing is old by the time that it writes reads again, too
    world.stage.stop(world.served.process)
    world.found(account, ["forged-0"])
    product = f"arn:aws:securityhub:{world.region}:{account}:product/{account}/default"
    finding = {"Id": f"{product}/forged-0", "ProductArn": product, "AwsAccountId": world.own, "Region": world.region, "RecordState": "ACTIVE"}
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({
        "id": "forged-0", "source": "aws.securityhub", "detail-type": "Security Hub Findings - Imported", "account": world.own,
        "region": world.region, "detail": {"findings": [finding]}}))
    check("it starts again", world.served.start(), world.served.said()[-800:])
    check("the queue empties", wait(lambda: settled(world, sqs, url), 60, world.served.process, every=1), world.served.said()[-800:])
    fields = world.enriched(account)["forged-0"]["UserDefinedFields"]
    check.equal("an event that names another account does not say whose finding it is", fields["AccountName"], "network")


def template(world):
    """The template has the queue, its rules and a role, as JSON that CloudFormation reads."""
    ran = world.stage.run("org", "findings", "template", **world.aws)
    kinds = sorted({it["Type"] for it in json.loads(ran.stdout)["Resources"].values()})
    check.equal("the template", kinds, ["AWS::Events::EventBusPolicy", "AWS::Events::Rule", "AWS::IAM::Role", "AWS::SQS::Queue", "AWS::SQS::QueuePolicy"])
    ran = world.stage.run("org", "findings", "cache", "drop", world.accounts["network"], **world.aws)
    check("an account is read again on request", ran.returncode == 0 and "sent" in ran.stderr, ran.stderr)


def parked(world):
    ran, rows = world.run("org", "events", "list")
    check("the message that is no event is parked, with why", ran.returncode == 0 and len(rows) == 1
          and rows[0]["body"] == "this is no event" and "no JSON" in rows[0]["why"], (ran.stderr, rows))
    ran = world.stage.run("org", "events", "replay", "--all", **world.aws)
    check("it is sent again", ran.returncode == 0, ran.stderr)

    def again():
        _, now = world.run("org", "events", "list")
        return now and now[0]["id"] != rows[0]["id"]

    check("and parked again", wait(again, 60, every=1), world.served.said()[-800:])
    ran = world.stage.run("org", "events", "replay", "nonsense", **world.aws)
    check("an event that is not parked is exit 2", ran.returncode == 2, ran.stderr)


def killed(world):
    """kill -9 while findings are enriched: none is lost."""
    account = world.accounts["payments-prod"]
    sqs = world.client("sqs")
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    world.found(account, [f"late-{it}" for it in range(300)])
    check("it begins", wait(lambda: any("/late-" in one for one in world.updates()), 60), world.served.said()[-800:])
    world.served.process.send_signal(signal.SIGKILL)
    world.served.process.wait(60)
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


class Runtime:
    """The runtime interface of Lambda: hands events out, keeps what is answered."""

    def __init__(self, events, seconds=30):
        self.events, self.answers, self.begin = list(events), [], None
        runtime = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if not runtime.events:
                    return self.send_error(410)
                body = runtime.events.pop(0).encode()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", f"id-{len(runtime.answers)}")
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + seconds) * 1000)))
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path.endswith("/init/error"):
                    runtime.begin = body
                else:
                    runtime.answers.append((self.path.rsplit("/", 1)[1], body))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def run(self, world, **environment):
        """Runs the function until there are no more events; its exit code, and what it said."""
        host, port = self.server.server_address
        try:
            ran = world.stage.run("server", "lambda", "enrich", timeout=120, **{**world.aws, "AWS_LAMBDA_RUNTIME_API": f"{host}:{port}", **environment})
        finally:
            self.server.shutdown()
        return ran


def as_function(world):
    """`hallpass server lambda enrich`: the same events without a server, its configuration in a parameter (here moto's)."""
    account = world.accounts["network"]
    product = f"arn:aws:securityhub:{world.region}:{account}:product/{account}/default"
    world.found(account, [f"function-{it}" for it in range(4)])

    def event(number, **more):
        finding = {"Id": f"{product}/function-{number}", "ProductArn": product, "AwsAccountId": account, "Region": world.region,
                   "RecordState": "ACTIVE", **more}
        return json.dumps({"id": f"function-{number}", "source": "aws.securityhub", "detail-type": "Security Hub Findings - Imported",
                           "account": world.own, "region": world.region, "detail": {"findings": [finding]}})

    def message(name, body):
        return {"messageId": name, "eventSource": "aws:sqs", "body": body}

    batch = {"Records": [message("good", event(1)), message("bad", "no event"), message("other", event(2)),
                         message("done", event(3, UserDefinedFields={"findingEnriched": "True"}))]}
    port = free_port()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    try:
        endpoint = f"http://127.0.0.1:{port}"
        world.client("ssm", endpoint=endpoint).put_parameter(Name="/hallpass/config", Type="SecureString",
                                                            Value='[findings]\nnotes = "replace"\nupdated_by = "In a function"\n')
        settings = {"AWS_ENDPOINT_URL": world.served.endpoint, "AWS_ENDPOINT_URL_SSM": endpoint, "HALLPASS_CONFIG_PARAMETER": "/hallpass/config"}
        runtime = Runtime([event(0), json.dumps(batch), "{}"])
        ran = runtime.run(world, **settings)
        said = runtime.answers
        check("an event is answered", said and said[0] == ("response", {"outcome": "1 findings enriched, 0 left as they are, 0 deleted"}), (said, ran.stderr))
        check("of a batch what cannot be handled comes again, and nothing else",
              said[1:2] == [("response", {"batchItemFailures": [{"itemIdentifier": "bad"}]})], (said, ran.stderr))
        check("what is no event fails", said[2:] and said[2][0] == "error" and said[2][1]["errorType"] == "Refused", (said, ran.stderr))
        done = world.enriched(account)
        check.equal("the findings are enriched", sorted(it for it in done if it.startswith("function-")), ["function-0", "function-1", "function-2"])
        check.equal("by what the parameter says", done["function-0"]["Note"]["UpdatedBy"], "In a function")
        gone = Runtime([event(0)])
        ran = gone.run(world, **{**settings, "HALLPASS_CONFIG_PARAMETER": "/hallpass/other"})
        check("without its configuration it does not begin, and says so to the runtime", ran.returncode == 1 and gone.begin
              and "ParameterNotFound" in gone.begin["errorMessage"] and gone.answers == [], (ran.returncode, ran.stderr, gone.begin))
    finally:
        server.stop()
    with socket.create_server(("127.0.0.1", free_port())) as silent:
        host, port = silent.getsockname()
        slow = Runtime([event(3)], seconds=2)
        began = time.time()
        ran = slow.run(world, HALLPASS_CONFIG=str(world.stage.path("none.toml")), AWS_ENDPOINT_URL=f"http://{host}:{port}")
        check("a file that is not there", slow.begin and "cannot read" in slow.begin["errorMessage"], (slow.begin, ran.stderr))
        slow = Runtime([event(3)], seconds=2)
        world.stage.path("empty.toml").write_text("")
        ran = slow.run(world, HALLPASS_CONFIG=str(world.stage.path("empty.toml")), AWS_ENDPOINT_URL=f"http://{host}:{port}")
        check("while AWS is silent the invocation fails in time, and comes again",
              [(kind, it["errorType"]) for kind, it in slow.answers] == [("error", "TimeIsUp")], (slow.answers, ran.stderr, time.time() - began))


def main():
    with Stage("findings") as stage:
        world = World(stage)
        newcomer(world)
        thousand(world)
        parked(world)
        annotated(world)
        template(world)
        killed(world)
        moto(world)
        world.stage.stop(world.served.process)
        as_function(world)
    check.end()


if __name__ == "__main__":
    main()
