#!/usr/bin/env python3
"""A storm of findings: ten thousand of them within a minute, a tenth of their events twice and out of order, and Security
Hub that throttles and fails at times. Prints how fast they are enriched beside how fast one request at a time to the same
Security Hub would be, how far behind the server was at worst, how much memory it took, and whether each was written once.

usage: HALLPASS_BIN=... python3 bench/events.py
EVENTS_FINDINGS (10000) makes it shorter."""

import json
import os
import pathlib
import random
import re
import sys
import threading
import time

from botocore.exceptions import ClientError

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from findings import QUEUE, World, configured, settled  # noqa: E402
from stage import Api, Stage, wait  # noqa: E402

FINDINGS = int(os.environ.get("EVENTS_FINDINGS", "10000"))
TWICE = 0.1


def say(name, value):
    print(f"  {name:<58} {value}", flush=True)


def memory(process):
    text = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", text)[1]) / 1024


def one_by_one(world, account):
    """Updates a second when each finding has a request of its own, as a script would send them."""
    product = f"arn:aws:securityhub:{world.region}:{account}:product/{account}/default"
    world.found(account, [f"alone-{it}" for it in range(200)])
    began = time.monotonic()
    for it in range(200):
        # past its limit AWS refuses, and a script waits for the next second
        while not taken(world.hub, {"Id": f"{product}/alone-{it}", "ProductArn": product}):
            time.sleep(0.1)
    return 200 / (time.monotonic() - began)


def taken(hub, finding):
    try:
        hub.batch_update_findings(FindingIdentifiers=[finding], UserDefinedFields={"findingEnriched": "True"})
    except ClientError as error:
        if error.response["Error"]["Code"] != "TooManyRequestsException":
            raise
        return False
    return True


def storm(world, sqs, url, accounts):
    """Imports all, a tenth of the events once more, in another order."""
    random_, each = random.Random(1), FINDINGS // len(accounts)
    for account in accounts:
        world.found(account, [f"storm-{it}" for it in range(each)])
    again = []
    while len(again) < FINDINGS * TWICE:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=1).get("Messages", [])
        if not found:
            break
        again += [message["Body"] for message in found]
    random_.shuffle(again)
    for body in again:
        sqs.send_message(QueueUrl=url, MessageBody=body)
    return each * len(accounts), len(again)


class Watched(threading.Thread):
    """How far behind the server was at worst."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.api, self.worst, self.over = Api(world.served.base), 0, threading.Event()

    def run(self):
        while not self.over.wait(0.5):
            text = self.api.get("/metrics").body.decode()
            lag = re.search(r"^hallpass_events_lag_seconds (\S+)", text, re.M)
            self.worst = max(self.worst, float(lag[1]) if lag else 0)


def main():
    with Stage("storm") as stage:
        world = World(stage)
        rule = {"account": world.own, "region": world.region, "queue": QUEUE, "source": "aws.securityhub"}
        file = world.sim.get("/_sim/state?full=1").json["file"]
        assert world.sim.post("/_sim/load", {**file, "event_rules": [rule]}).status < 300
        sqs = world.client("sqs")
        url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
        accounts = list(world.accounts.values())[:10]
        alone = one_by_one(world, accounts[0])
        sqs.purge_queue(QueueUrl=url)
        world.stage.stop(world.served.process)
        configured(world, url)
        for fault in ({"kind": "throttle", "rate": 8, "burst": 8, "match": {"operation": "BatchUpdateFindings"}},
                      {"kind": "error", "code": "InternalException", "http": 500, "probability": 0.05, "seed": 1, "match": {"operation": "BatchUpdateFindings"}}):
            assert world.sim.post("/_sim/faults", fault).status < 300
        began = time.monotonic()
        sent, twice = storm(world, sqs, url, accounts)
        say("findings imported, events that come twice", f"{sent}, {twice}")
        say("imported within", f"{time.monotonic() - began:.0f} s")
        began = time.monotonic()
        assert world.served.start(), world.served.said()[-800:]
        at_rest = memory(world.served.process)
        watched = Watched(world)
        watched.start()
        assert wait(lambda: settled(world, sqs, url), 1800, world.served.process, every=1), world.served.said()[-1500:]
        took = time.monotonic() - began
        watched.over.set()
        rate = sent / took
        say("enriched within", f"{took:.0f} s")
        say("findings a second", f"{rate:.0f} ({rate / alone:.1f} times one request each, without faults: {alone:.0f})")
        say("behind at worst", f"{watched.worst:.0f} s")
        say("most memory, beside that at the start", f"{memory(world.served.process):.0f} MiB, {at_rest:.0f} MiB")
        missing = sum(sent // len(accounts) - sum(it.startswith("storm-") for it in world.enriched(account)) for account in accounts)
        say("not enriched", missing)
        parked = json.loads(stage.run("org", "events", "list", "--output", "json", **world.aws).stdout or "[]")
        say("parked", len(parked))
        world.stage.stop(world.served.process)
        sys.exit(1 if missing or parked else 0)


main()
