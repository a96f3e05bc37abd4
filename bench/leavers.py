"""How soon people who are disabled lose what they hold: by an event of the identity store, and without events by the look at those
behind live access (`access.md` R-5). Measured from the moment the simulated AWS has them disabled until it lists the assignment no more.

usage: HALLPASS_BIN=… python3 bench/leavers.py
LEAVERS (12) people of each kind, who hold the same permission set; operations of AWS at `--speed fast`."""

import json
import os
import pathlib
import random
import statistics
import sys
import time

import boto3

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from served import Served, asking  # noqa: E402
from stage import Api, Stage, wait  # noqa: E402

LEAVERS = int(os.environ.get("LEAVERS", "12"))


class World:
    def __init__(self, stage):
        self.stage, self.served = stage, Served(stage)
        self.simulated = Api(self.served.endpoint)
        users = self.simulated.get("/_sim/state?full=1").json["file"]["identity_center"]["users"]
        known = [it for it in users if it.get("email") and it.get("status") != "DISABLED"]
        self.people = [(it["user_name"], it["email"].lower()) for it in known][-2 * LEAVERS:]

    def held(self, email):
        api = self.served.made(email)
        asked = api.post("/api/v1/requests", asking("ReadOnly", 3600, account="orders-dev"))
        assert asked.status == 201, asked
        grant = lambda: api.get(f"/api/v1/grants/{asked.json['grant_id']}").json
        assert wait(lambda: grant()["state"] == "active", 60), grant()
        return grant()

    def lost(self, name, grant, seconds):
        began = time.monotonic()
        assert self.simulated.post("/_sim/mutate", {"disable_user": {"user": name}}).status < 300
        assert wait(lambda: not self.served.has(grant), seconds), (name, grant)
        return time.monotonic() - began

    def restart(self, more):
        path = self.stage.path("hallpass.toml")
        path.write_text(path.read_text() + more)
        self.stage.stop(self.served.process)
        assert self.served.start(), self.served.said()[-900:]

    def queue(self):
        aws = {**self.stage.directory, **self.served.environment}
        sqs, events = (boto3.client(name, endpoint_url=aws["AWS_ENDPOINT_URL"], region_name=aws["AWS_REGION"], aws_access_key_id=aws["AWS_ACCESS_KEY_ID"],
                                    aws_secret_access_key=aws["AWS_SECRET_ACCESS_KEY"]) for name in ("sqs", "events"))
        url = sqs.create_queue(QueueName="hallpass-events")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name="people", EventPattern=json.dumps({"source": ["aws.identitystore"]}))
        may = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [may]})})
        events.put_targets(Rule="people", Targets=[{"Id": "q", "Arn": arn}])
        return url


def told(what, took, budget):
    print(f"  {what:<42} {statistics.median(took):.1f} s median, {max(took):.1f} s slowest of {len(took)} (budget {budget} s)", flush=True)


def main():
    with Stage("leavers") as stage:
        world, rng = World(stage), random.Random(1)
        first, second = world.people[:LEAVERS], world.people[LEAVERS:]
        grants = {name: world.held(email) for name, email in first}
        took = []
        for name, _ in first:
            # at any moment between two looks
            time.sleep(rng.uniform(0, 30))
            took.append(world.lost(name, grants[name], 90))
        told("without events, a look every 30 s", took, 60)
        world.restart(f'[access]\npeople_every = "5m"\n[events]\nqueue = "{world.queue()}"\n')
        grants = {name: world.held(email) for name, email in second}
        took = [world.lost(name, grants[name], 60) for name, _ in second]
        told("by an event, looks every 5 min", took, 10)


if __name__ == "__main__":
    main()
