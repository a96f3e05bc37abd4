#!/usr/bin/env python3
"""Alerts on queries (`inventory.md` §2.2): what is new and what is over is told once, in one message a run; what was not
read recovers nothing; and a message that was stored is delivered after a kill, with the id it had before."""

import hashlib
import hmac
import http.server
import json
import signal
import threading
import time

from served import Served
from stage import Api, Checks, Stage, free_port, wait
from sync import client, inside

SECRET = "a-secret-of-the-receiver"
RULES = """
rules:
- id: users/alerting
  query: SELECT account_id, user_name, path FROM aws_iam_users WHERE user_name LIKE 'alert-%'
  severity: high
  every: 1h
  key: [account_id, user_name]
  message: "{user_name} in {account_id}"
- id: users/elsewhere
  name: users/no-mfa
  notify: [mail]
  enabled: false
"""
check = Checks()


class Receiver:
    """A webhook's other end, which answers as it is told."""

    def __init__(self):
        self.port, self.calls, self.status = free_port(), [], 200
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                parts = dict(part.split("=", 1) for part in self.headers["Hallpass-Signature"].split(","))
                wanted = hmac.new(SECRET.encode(), parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
                receiver.calls.append({"status": receiver.status, "id": self.headers["Hallpass-Delivery"],
                                       "signed": wanted == parts["v1"], "body": json.loads(body)})
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def told(self, status=200):
        return [call for call in self.calls if call["status"] == status]


def names(rows):
    return sorted(row["values"]["user_name"] for row in rows["rows"])


class World:
    def __init__(self, stage):
        self.stage, self.receiver = stage, Receiver()
        webhook = (f'[[webhooks]]\nname = "tickets"\nurl = "http://127.0.0.1:{self.receiver.port}/hook"\n'
                   f'secret = "{SECRET}"\nevents = ["alert"]\n')
        stage.path("alerts.yaml").write_text(RULES.replace("[mail]", "['webhook:tickets']"))
        self.served = Served(stage, extra=webhook)
        self.aws = stage.directory
        self.sim = Api(self.served.endpoint)
        listed = client("organizations", self.aws).get_paginator("list_accounts").paginate().build_full_result()
        active = sorted(it["Id"] for it in listed["Accounts"] if it["State"] == "ACTIVE")
        self.one, self.other = active[1], active[2]

    def iam(self, account):
        return client("iam", inside(self.aws, account))

    def change(self, account, made=(), gone=()):
        """Users come and go, as soon as every reader sees it."""
        iam = self.iam(account)
        for name in made:
            iam.create_user(UserName=name)
        for name in gone:
            iam.delete_user(UserName=name)

        def seen():
            listed = {it["UserName"] for it in iam.list_users()["Users"]}
            detailed = {it["UserName"] for it in iam.get_account_authorization_details(Filter=["User"])["UserDetailList"]}
            return set(made) <= listed & detailed and not set(gone) & (listed | detailed)

        assert wait(seen, 60, every=0.5)

    def sync(self, *arguments):
        accounts = [] if arguments else ["--accounts", f"{self.one},{self.other}"]
        return self.stage.run("sync", "--only", "iam", *(arguments or accounts), "--output", "json", timeout=300, **self.aws)

    def alerts(self, *arguments):
        ran = self.stage.run("query", "alerts", *arguments, "--output", "json", timeout=120)
        return ran, json.loads(ran.stdout) if ran.stdout.strip() else None

    def of_rule(self, *arguments):
        ran, rows = self.alerts(*arguments)
        return ran, next((it for it in rows or [] if it["rule"] == "users/alerting"), None)


def once(world):
    """`alerts run`, and a server that delivers."""
    world.change(world.one, made=["alert-ana"])
    world.change(world.other, made=["alert-ben"])
    check("a snapshot", world.sync().returncode == 0)
    ran, row = world.of_rule("run", "alerts.yaml")
    check("a first run reports open rows", ran.returncode == 0 and row["active"] == 2 and names(row["message"]["news"]["rows"]["new"]) == ["alert-ana", "alert-ben"], (ran.stderr, row))
    check("the server delivers it", wait(lambda: len(world.receiver.told()) == 1, 20), world.served.said()[-800:])
    world.change(world.other, made=["alert-cho"], gone=["alert-ben"])
    ran, row = world.of_rule("run", "alerts.yaml")
    check("over the same snapshot there is nothing new", row["message"] is None and row["active"] == 2, row)
    check("another snapshot", world.sync().returncode == 0)
    ran, row = world.of_rule("run", "alerts.yaml")
    check("what is new and what is over is one message", wait(lambda: len(world.receiver.told()) == 2, 20), world.receiver.calls)
    call = world.receiver.told()[-1]
    news = call["body"]["alert"]["news"]["rows"]
    check.equal("with the rows of both", (names(news["new"]), names(news["recovered"])), (["alert-cho"], ["alert-ben"]))
    check("in words, signed, with an id", call["signed"] and call["body"]["news"] == "alert" and f"New: alert-cho in {world.other}" in call["body"]["text"]
          and call["id"] == call["body"]["id"] and call["id"].startswith("alert-users/alerting-"), call)


def replayed(world):
    manifests = sorted(path.stem for path in world.stage.path("snapshots/_manifests").iterdir())
    _, before = world.alerts("list", "--rows")
    ran, told = world.alerts("test", "alerts.yaml", "--snapshots", ",".join(manifests))
    texts = [it["text"].splitlines()[0] for it in told]
    check.equal("a test shows the reported rows", texts, ["High: users/alerting: 2 new.", "High: users/alerting: 1 new, 1 recovered."])
    check.equal("and stores nothing", world.alerts("list", "--rows")[1], before)
    absent, _ = world.alerts("test", "alerts.yaml", "--snapshots", "20200101T000000Z-00000000")
    check("a snapshot that is not there is exit 2", absent.returncode == 2 and "20200101" in absent.stderr, absent.stderr)
    example = world.stage.run("query", "alerts", "example")
    world.stage.path("example.yaml").write_text(example.stdout)
    ran, _ = world.alerts("test", "example.yaml", "--snapshots", manifests[-1])
    check("the ready-made rules are rules", ran.returncode == 0, ran.stderr)
    world.stage.path("wrong.yaml").write_text("rules:\n- {id: a, name: keys/unused, serverity: high}\n")
    ran, _ = world.alerts("run", "wrong.yaml")
    check("a wrong key has its place and a suggestion", ran.returncode == 2 and "wrong.yaml:2:30" in ran.stderr and "`severity`" in ran.stderr, ran.stderr)


def blocked(world):
    """An account that refuses, or is not asked, is nobody's recovery (`inventory.md` R-1)."""
    told = len(world.receiver.calls)
    world.sim.post("/_sim/faults", {"kind": "error", "code": "AccessDenied", "http": 403, "match": {"service": "iam", "caller_account": world.other}})
    check("an account refuses", world.sync().returncode == 1)
    ran, row = world.of_rule("run", "alerts.yaml")
    check("the rule is blocked, and exit 1", ran.returncode == 1 and row["state"] == "blocked" and "AccessDenied" in row["why"] and world.other in row["why"], row)
    check("nothing recovered", row["active"] == 2 and row["message"] is None, row)
    world.sim.call("DELETE", "/_sim/faults")
    world.sync("--accounts", world.one)
    ran, row = world.of_rule("run", "alerts.yaml")
    check("an account that is not read does not count either", row["state"] == "blocked" and world.other in row["why"] and row["active"] == 2, row)
    check("whole again, it runs", world.sync().returncode == 0)
    ran, row = world.of_rule("run", "alerts.yaml")
    check("with the open rows, which are not reported again", row["state"] == "running" and row["active"] == 2 and row["message"] is None, row)
    time.sleep(2)
    check.equal("none of that was reported", len(world.receiver.calls), told)


def muted(world):
    key = json.dumps([world.one, "alert-ana"], separators=(",", ":"))
    ran = world.stage.run("query", "alerts", "mute", "users/alerting", "--key", key, "--until", "2099-01-01", "--reason", "known to us", "--by", "ops@example.com")
    check("a row is muted", ran.returncode == 0, ran.stderr)
    _, rows = world.alerts("list", "--rows")
    row = next(it for it in rows if it["key"] == key)
    check("and stays in the list, with who and why", (row["muted_by"], row["muted_why"], row["state"]) == ("ops@example.com", "known to us", "active"), row)
    table = world.stage.run("query", "alerts", "list", "--output", "table")
    check("the list fits", table.returncode == 0 and all(len(line) <= 80 for line in table.stdout.splitlines()), table.stdout)
    wrong = world.stage.run("query", "alerts", "mute", "users/alerting", "--key", "ana", "--until", "2099-01-01", "--reason", "x", "--by", "x")
    check("a row that is not there is exit 2", wrong.returncode == 2, wrong.stderr)
    world.change(world.one, gone=["alert-ana"])


def killed(world):
    """The server runs the rules; kill -9 between what is stored and what is delivered (`inventory.md` R-6)."""
    stage, receiver = world.stage, world.receiver
    stage.stop(world.served.process)
    path = stage.path("hallpass.toml")
    path.write_text(path.read_text() + '[alerts]\nfile = "alerts.yaml"\n')
    check("the server starts with rules", world.served.start(), world.served.said()[-800:])
    receiver.status, before = 503, len(receiver.told())
    world.change(world.other, made=["alert-dia"])
    check("a snapshot that the server sees", world.sync().returncode == 0)
    check("it runs the rules and tries to deliver", wait(lambda: receiver.told(503), 60, world.served.process), world.served.said()[-1500:])
    world.served.process.send_signal(signal.SIGKILL)
    world.served.process.wait(60)
    tried = {call["id"] for call in receiver.told(503)}
    receiver.status = 200
    check("it starts again", world.served.start(), world.served.said()[-800:])
    check("and delivers what was stored", wait(lambda: len(receiver.told()) > before, 150, world.served.process), world.served.said()[-1500:])
    call = receiver.told()[before]
    check.equal("with the id that it had", {call["id"]}, tried)
    news = call["body"]["alert"]["news"]["rows"]
    check.equal("the removed muted row is not reported", (names(news["new"]), names(news["recovered"])), (["alert-dia"], []))
    time.sleep(8)
    check.equal("once", len(receiver.told()), before + 1)
    unknown = stage.path("alerts.yaml").read_text().replace("webhook:tickets", "webhook:none")
    stage.path("unknown.yaml").write_text(unknown)
    ran, _ = world.alerts("run", "unknown.yaml")
    check("a channel that is not there is exit 2", ran.returncode == 2 and "webhook:tickets" in ran.stderr, ran.stderr)
    stage.path("none.yaml").write_text("rules: []\n")
    stage.path("alerts.yaml").write_text("rules: []\n")
    retired = lambda: [it["state"] for it in world.alerts("list")[1] if it["rule"] == "users/alerting"] == ["retired"]
    check("a rule that is gone is retired", wait(retired, 60, every=1), world.served.said()[-800:])
    time.sleep(2)
    check.equal("and reports nothing", len(receiver.told()), before + 1)


ACTIVITY = """
rules:
- id: activity/keys
  query: SELECT account_id, principal, action FROM aws_activity WHERE action IN ('CreateAccessKey', 'DeleteAccessKey') AND error_code IS NULL
  key: [account_id, principal, action]
  message: "{action} by {principal} in {account_id}"
"""


def of_activity(world):
    """A rule over what was done: rows of CloudTrail, which are part of no snapshot (`inventory.md` R-1, H-26)."""
    stage = world.stage
    stage.path("activity.yaml").write_text(ACTIVITY)

    def run():
        ran, rows = world.alerts("run", "activity.yaml")
        return ran, next(it for it in rows if it["rule"] == "activity/keys")

    ran, row = run()
    check("before a log was read the rule is blocked", ran.returncode == 1 and row["state"] == "blocked", row)
    there = inside(world.aws, world.one)
    iam, trail = client("iam", there), client("cloudtrail", {**there, "AWS_REGION": "us-east-1"})
    iam.create_user(UserName="keeper")
    assert wait(lambda: any(it["UserName"] == "keeper" for it in iam.list_users()["Users"]), 60)
    key = iam.create_access_key(UserName="keeper")["AccessKey"]["AccessKeyId"]

    def read(name):
        """What boto3 looks up is what is read: a page of events as somebody saved it."""
        asked = {"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": name}]}
        assert wait(lambda: trail.lookup_events(**asked)["Events"], 60, every=1)
        events = trail.lookup_events(**asked)["Events"]
        stage.path(f"{name}.json").write_text(json.dumps({"Events": [{"CloudTrailEvent": it["CloudTrailEvent"]} for it in events]}))
        ran = stage.run("activity", "ingest", f"{name}.json", "--output", "json", timeout=120)
        check(f"{name} is read", ran.returncode == 0, ran.stderr)

    read("CreateAccessKey")
    ran, row = run()
    news = row["message"] and [it["values"] for it in row["message"]["news"]["rows"]["new"]["rows"]]
    check("CloudTrail's events are reported", ran.returncode == 0 and row["state"] == "running" and news and {(it["account_id"], it["action"]) for it in news}
          == {(world.one, "CreateAccessKey")}, (ran.stderr, row))
    ran, row = run()
    check("once", row["message"] is None and row["active"] == len(news), row)
    iam.delete_access_key(UserName="keeper", AccessKeyId=key)
    read("DeleteAccessKey")
    ran, row = run()
    news = row["message"] and [it["values"]["action"] for it in row["message"]["news"]["rows"]["new"]["rows"]]
    check("and later events are new", news == ["DeleteAccessKey"] and not row["message"]["news"]["rows"]["recovered"]["rows"], row)


def main():
    with Stage("alerts") as stage:
        world = World(stage)
        once(world)
        replayed(world)
        blocked(world)
        muted(world)
        killed(world)
        of_activity(world)
    check.end()


if __name__ == "__main__":
    main()
