#!/usr/bin/env python3
"""What operators do by the pages of operations, as they stand there: back up, restore after access that the backup does not know,
rehearse a restore, upgrade and roll back, and the regular tasks. The simulated organization is in the place of AWS; folders that
only a machine of one's own has, and the address of the server, are all that differs."""

import hashlib
import hmac
import http.server
import json
import os
import re
import shutil
import sqlite3
import subprocess
import threading
import time
import urllib.parse

import boto3

from mail import PASSWORD, Inbox
from served import INES, MARA, NOOR, PRIYA, RULES, TOMASZ, Served, asking
from stage import ROOT, Api, Checks, Stage, free_port, rule, wait

check = Checks()
PAGES = ROOT / "docs/operations"
BLOCK = re.compile(r"^( *)```sh\n(.*?)^ *```", re.M | re.S)
ORPHAN = re.compile(r"```sh\n( *aws sso-admin delete-account-assignment.*?)```", re.S)


def blocks(page, wanted):
    """The commands of a page, block by block; one of them may go over several lines."""
    found = [text.replace("\\\n", " ") for _, text in BLOCK.findall((PAGES / page).read_text())]
    found = [[line.strip() for line in text.splitlines() if line.strip()] for text in found]
    check.equal(f"{page} has its blocks", len(found), wanted)
    return found


class Operator:
    """Somebody at a terminal on the server's machine, in the folder of the configuration."""

    def __init__(self, stage):
        self.stage = stage
        self.backups = stage.path("backups")
        self.backups.mkdir()
        stage.path("bin").mkdir()
        # the release that runs, and the one that comes, are both the binary under test
        for name in ("hallpass", "hallpass-new"):
            stage.path(f"bin/{name}").symlink_to(stage.binary)
        self.server = Served(stage)
        self.environment = {**stage.directory, **self.server.environment, "HALLPASS_SERVER": self.server.base,
                            "HALLPASS_TOKEN": self.server.tokens[PRIYA]}

    def runs(self, line, code=0, folder=None):
        """A line as it stands; what it says."""
        line = line.replace("/var/backups", str(self.backups)).replace("http://127.0.0.1:8080", self.server.base)
        path = f"{self.stage.path('bin')}:{os.environ['PATH']}"
        done = subprocess.run(["bash", "-o", "pipefail", "-c", line], cwd=folder or self.stage.folder, capture_output=True, text=True,
                              env=self.stage.environment(**self.environment | {"PATH": path}), timeout=300, check=False)
        said = done.stdout + done.stderr
        check(f"`{line.split(' #')[0].strip()[:90]}` exits {code}", done.returncode == code, said[-900:])
        return said

    def granted(self, account, seconds):
        """Access that AWS has."""
        asked = self.server.api(MARA).post("/api/v1/requests", asking("ReadOnly", seconds, account=account))
        assert asked.status == 201, asked
        grant = lambda: self.server.api(MARA).get(f"/api/v1/grants/{asked.json['grant_id']}").json
        assert wait(lambda: grant()["state"] == "active", 30), grant()
        return grant()

    def exported(self, grant):
        """Whether the export has the record of what was granted."""
        records = [json.loads(it.read_text()) for it in self.stage.path("audit/logs").rglob("*.json")]
        return any(it["event"] == "grant.succeeded" and it["grant_id"] == grant["id"] for it in records)

    def stop(self):
        check.equal("the server stops in order", self.stage.stop(self.server.process), 0)

    def start(self):
        check("the server starts", self.server.start(), self.server.said()[-600:])


def backed_up(operator):
    # those of PostgreSQL are played by `restored.py`
    backup = blocks("backup-and-restore.md", 12)[:6]
    short, known = operator.granted("payments-dev", 12), operator.granted("orders-dev", 1800)
    for line in backup[0]:
        operator.runs(line)
    again = operator.runs(backup[0][0].split(" #")[0], code=4)
    check("a backup is not overwritten", "exists" in again, again)
    return backup[1:], short, known


def restored(operator, steps, short, known):
    """The database is lost after access that the backup does not know."""
    stage, server = operator.stage, operator.server
    move, restore, list_granted, aside, look = steps
    unknown = operator.granted("payments-staging", 1800)
    check("the export has it", wait(lambda: operator.exported(unknown), 20))
    trusted = operator.runs("hallpass audit key").strip()
    operator.runs("hallpass audit key --heads > trusted-keys.txt")
    operator.stop()
    for line in move:
        operator.runs(line)
    wrong = operator.runs(restore[0].replace("hallpass.db", "nothing.db"), code=2)
    made = [it.name for it in (stage.path("hallpass.db"), operator.backups / "nothing.db") if it.exists()]
    check("a missing backup is reported, and makes no database", "there is no backup" in wrong and not made, (wrong, made))
    said = operator.runs(restore[0])
    check("it ends with a check", "is sound" in said, said)
    said = operator.runs(list_granted[0])
    check("the export names what was granted after the backup", all(it["id"] in said for it in (short, known, unknown)), said)
    rows = {line.split("\t")[1]: line.split("\t") for line in said.splitlines()}
    operator.runs(aside[0])
    wait(lambda: time.time() > stamp(short["ends_at"]), 15)
    guard = elsewhere(operator, trusted)
    without_its_key(operator, guard)
    operator.start()
    check.equal("it signs with the key that it had", operator.runs("hallpass audit key").strip(), trusted)
    operator.runs(" ".join(["hallpass", *guard, "--once"]))
    for line in look:
        operator.runs(line)
    held = json.loads(operator.runs("hallpass grants --limit 500 --output json"))
    ids = {it["id"] for it in (held["items"] if isinstance(held, dict) else held)}
    check("the restored database knows the others and not this one", ids >= {short["id"], known["id"]} and unknown["id"] not in ids, ids)
    check("ends that came due meanwhile are made immediately", wait(lambda: not server.has(short), 20), server.said()[-600:])
    check("what it does not know, it does not end", server.has(unknown) and server.has(known))
    by_hand(operator, rows[unknown["id"]], unknown)
    check("the export continues in a new folder", wait(lambda: list(stage.path("audit/logs").rglob("*.json")), 20))
    heads = lambda: list(stage.path("audit/heads").rglob("*.json"))
    check("with a head", wait(heads, 30, server.process), server.said()[-600:])
    said = operator.runs("hallpass audit verify audit/ --keys trusted-keys.txt")
    check("and verifies from where it begins, by the key of before,", '"ok":true' in said and "the export begins at record" in said, said)
    operator.runs("hallpass audit verify audit-before/ --keys trusted-keys.txt")


def elsewhere(operator, trusted):
    """A guard on another machine, which believes one key alone."""
    stage = operator.stage
    stage.path("guard.toml").write_text(stage.path("hallpass.toml").read_text() + '[store]\nurl = "sqlite:nowhere.db"\n'
                                        f'[guard]\nname = "elsewhere"\njournal = "elsewhere-guard"\npublic_key = "{trusted}"\n')
    return "server", "guard", "--config", "guard.toml", "--ends", "audit/ends.jsonl"


def without_its_key(operator, guard):
    """Somebody forgot to put the key back: no other one takes its place."""
    stage, server = operator.stage, operator.server
    key = stage.path("hallpass.db.key")
    key.rename(stage.path("forgotten.key"))
    operator.start()
    missing = "is missing, and this log was exported before"
    check("a server without the key that it had says so", wait(lambda: missing in server.said(), 30), server.said()[-600:])
    said = operator.runs("hallpass server doctor", code=1)
    check("the doctor too", missing in said and "put the key back" in said, said[-900:])
    counted = lambda: re.search(r"^hallpass_audit_head_failures_total [1-9]", Api(server.base).get("/metrics").body.decode(), re.M)
    check("its metrics too", wait(counted, 30))
    check("records are exported all the same", wait(lambda: list(stage.path("audit/logs").rglob("*.json")), 30))
    check("and no head", not list(stage.path("audit").rglob("heads/*.json")) + list(stage.path("audit").rglob("heads/**/*.json")))
    watching = stage.spawn(*guard, log="elsewhere.log", **operator.environment)
    doubts = wait(lambda: "it is not signed" in stage.said("elsewhere.log"), 30, watching)
    check("a guard that knows its key does not believe what is not signed", doubts, stage.said("elsewhere.log")[-600:])
    stage.stop(watching)
    operator.stop()
    check("no other key was made", not key.exists())
    stage.path("forgotten.key").rename(key)


def stamp(text):
    return time.mktime(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone


def by_hand(operator, row, grant):
    """Step 4 of the runbook of ends: the AWS CLI removes what nobody knows."""
    command = ORPHAN.search((PAGES / "runbooks/end-overdue.md").read_text())[1].replace("\\\n", " ").strip()
    environment = operator.environment
    sso = boto3.client("sso-admin", endpoint_url=environment["AWS_ENDPOINT_URL"], region_name=environment["AWS_REGION"],
                       aws_access_key_id=environment["AWS_ACCESS_KEY_ID"], aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"])
    instance = sso.list_instances()["Instances"][0]["InstanceArn"]
    sets = sso.list_permission_sets(InstanceArn=instance, MaxResults=100)["PermissionSets"]
    names = {sso.describe_permission_set(InstanceArn=instance, PermissionSetArn=it)["PermissionSet"]["Name"]: it for it in sets}
    account, role = row[3], row[4]
    for word, value in (("--instance-arn ARN", f"--instance-arn {instance}"), ("--permission-set-arn ARN", f"--permission-set-arn {names[role]}"),
                        ("ACCOUNT --target-type", f"{account} --target-type"), ("USER_ID", grant["user_id"])):
        check(f"the runbook's command names {word}", word in command, command)
        command = command.replace(word, value)
    operator.runs(command)
    check("the AWS CLI removes it by the command of the runbook", wait(lambda: not operator.server.has(grant), 20))


def rehearsed(operator):
    """A restore on another machine: an empty folder, without a server."""
    there = operator.stage.path("elsewhere")
    there.mkdir()
    for line in ("hallpass server store restore /var/backups/hallpass.db", "hallpass server store check", "hallpass audit verify"):
        operator.runs(line, folder=there)


def upgraded(operator):
    first, backup, look, aside, back = blocks("upgrade.md", 5)
    for line in [*first, *backup]:
        # rules of this server cover the management account, and it is not said to run there
        operator.runs(line, code=1 if "--iam-policy" in line else 0)
    policy = json.loads(operator.stage.path("policy.json").read_text())
    check("what it would have attached is a policy", policy["Statement"], policy)
    operator.stop()
    operator.start()
    for line in look:
        operator.runs(line)
    operator.stop()
    of_a_later_schema(operator.stage.path("hallpass.db"))
    said = operator.runs("hallpass server store check", code=1)
    check("an earlier release refuses it and says why", "this release uses version" in said, said)
    key = operator.runs("hallpass audit key")
    for line in [*aside, *back]:
        operator.runs(line)
    operator.start()
    operator.runs("hallpass server store check")
    check.equal("it signs with the key that it had", operator.runs("hallpass audit key"), key)


def of_a_later_schema(path):
    """The schema version after that of this release."""
    with sqlite3.connect(path) as store:
        columns = [row[1] for row in store.execute("PRAGMA table_info(schema_migrations)")]
        values = ", ".join("version + 1" if it == "version" else it for it in columns)
        store.execute(f"INSERT INTO schema_migrations ({', '.join(columns)}) SELECT {values} FROM schema_migrations ORDER BY version DESC LIMIT 1")
    store.close()


def regular(operator):
    """The tasks and alarms of day two."""
    page = (PAGES / "day-2.md").read_text()
    for command in ("hallpass rules check rules.toml --fail-on-findings", "hallpass audit verify", "hallpass server token list", "hallpass server doctor"):
        check(f"day two names `{command}`", f"`{command}`" in page)
        operator.runs(command)
    api = Api(operator.server.base)
    check.equal("monitoring finds it ready", api.get("/readyz").status, 200)
    known = set(re.findall(r'^hallpass_alarm\{alarm="(\w+)"\}', api.get("/metrics").body.decode(), re.M))
    named = set(re.findall(r"`(\w+_\w+|guard)`", page[page.index("## Alarms"):page.index("## Rotate")]))
    check.equal("every alarm has its runbook, and no other", named, known)


def rotated(operator):
    """A secret is replaced in its file: the doctor says whether the new value works."""
    stage, inbox = operator.stage, Inbox()
    inbox.start()
    secret = stage.path("mail.secret")
    of = lambda password: f"smtp://hallpass:{urllib.parse.quote(password, safe='')}@127.0.0.1:{inbox.port}?tls=none"
    path = stage.path("hallpass.toml")
    path.write_text(path.read_text() + f'[mail]\nurl = "file:{secret}"\nfrom = "Hallpass <hallpass@acme.example>"\n')
    secret.write_text(of("the old one"))
    said = operator.runs("hallpass server doctor", code=1)
    check("the doctor says that a secret does not work", "mail" in said.lower(), said)
    secret.write_text(of(PASSWORD))
    said = operator.runs("hallpass server doctor")
    check("and that the new one does", '"check":"mail","result":"ok"' in said, said)
    operator.stop()
    operator.start()
    inbox.stop()
    listed(operator)
    rotated_webhook(operator)
    rotated_token(operator)


def listed(operator):
    """The page has a line for whatever the configuration may take from elsewhere."""
    page, reference = (PAGES / "day-2.md").read_text(), (ROOT / "docs/reference/configuration.md").read_text()
    rows = page[page.index("| secret | where"):]
    sentence = re.search(r"A value may be `\$\{env:NAME\}`.*?\(\[how", reference, re.S)[0]
    named = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", sentence)) | set(re.findall(r"^\| `(slack\.\w*(?:token|secret)|server\.tls\.key)`", reference, re.M))
    # addresses, places, names, and a key that is public
    known = {"webhooks.url", "telemetry.endpoint", "audit.export.target", "guard.role_arn", "guard.external_id", "guard.public_key"}
    missing = [it for it in sorted(named - known) if f"`{it}`" not in rows]
    check("every secret of the configuration has its line", len(named) > 8 and not missing, (named, missing))


class Tickets:
    """Who takes a webhook's calls, and finds by which of its secrets each is signed."""

    def __init__(self, *secrets):
        self.heard, tickets = [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                at, _, signature = self.headers["Hallpass-Signature"].removeprefix("t=").partition(",v1=")
                of = lambda secret: hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
                tickets.heard += [secret for secret in secrets if of(secret) == signature] or ["neither"]
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def rotated_webhook(operator):
    stage, old, new = operator.stage, "o" * 32, "n" * 32
    tickets, secret, path = Tickets(old, new), stage.path("tickets.secret"), stage.path("hallpass.toml")
    path.write_text(path.read_text() + f'[[webhooks]]\nname = "tickets"\nurl = "{tickets.url}"\nsecret = "file:{secret}"\nevents = ["granted"]\n')
    for value in (old, new):
        secret.write_text(value)
        operator.stop()
        operator.start()
        tickets.heard.clear()
        operator.granted("orders-dev" if value == old else "payments-dev", 30)
        wait(lambda: tickets.heard, 30)
        check("after a restart calls are signed with the secret of its file, by which the receiver knows them", set(tickets.heard) == {value}, tickets.heard)
    tickets.server.shutdown()


def rotated_token(operator):
    server = operator.server
    begun = server.process
    made = lambda: operator.runs(f"hallpass server token create --user {NOOR} --name ci").strip().splitlines()[-1]
    status = lambda token: Api(server.base, token).get("/api/v1/me").status
    tokens = lambda: {row["id"] for row in map(json.loads, operator.runs("hallpass server token list").splitlines()) if row["name"] == "ci"}
    old = made()
    first = tokens()
    new = made()
    check.equal("both tokens are valid for a while", (status(old), status(new)), (200, 200))
    operator.runs(f"hallpass server token revoke {first.pop()}")
    check.equal("without a restart the old one is no more", (status(old), status(new), server.process.poll(), server.process is begun), (401, 200, None, True))


def left(operator):
    """People who leave lose what they hold: within a minute by a look, within seconds by an event; nobody else does."""
    server, simulated = operator.server, Api(operator.server.endpoint)

    def becomes(**change):
        answer = simulated.post("/_sim/mutate", change)
        assert answer.status < 300, answer

    def held(who, permission_set="ReadOnly"):
        asked = server.api(who).post("/api/v1/requests", asking(permission_set, 1800, account="orders-dev"))
        assert asked.status == 201, asked
        grant = lambda: server.api(PRIYA).get(f"/api/v1/grants/{asked.json['grant_id']}").json
        assert wait(lambda: grant()["state"] == "active", 30), grant()
        return grant()

    def ends_within(what, grant, seconds, **change):
        began = time.monotonic()
        becomes(**change)
        gone = wait(lambda: not server.has(grant), seconds)
        check(f"{what}: gone within {seconds} s", gone, server.said()[-900:])
        print(f"     {what}: {time.monotonic() - began:.1f} s")

    stays = held(MARA)
    ends_within("disabled, without events", held(TOMASZ), 60, disable_user={"user": TOMASZ})
    becomes(enable_user={"user": TOMASZ})
    queued(operator)
    ends_within("disabled, by an event", held(NOOR), 10, disable_user={"user": NOOR})
    check("their tokens end with it", wait(lambda: server.api(NOOR).get("/api/v1/me").status == 401, 10))
    # the members of the group are read with the rules that name it
    becomes(add_member={"group": "auditors", "user": INES})
    operator.stage.path("rules.toml").write_text(RULES + rule("grouped", accounts=["*"], permission_sets=["PowerUser"],
                                                              allowed_groups=["auditors"], approval_is_not_required=True))
    decision = lambda: server.api(INES).get("/api/v1/preview?account=orders-dev&permission_set=PowerUser").json.get("decision")
    check("the new rules are in force", wait(lambda: decision() == "ApprovalNotRequired", 30), decision())
    other = held(INES)
    ends_within("out of a group, by an event", held(INES, "PowerUser"), 10, remove_member={"group": "auditors", "user": INES})
    check("what others hold, and what rests on no group, stays", all(server.has(it) for it in (stays, other)))
    shown = [json.loads(line) for line in operator.runs("hallpass audit show --event drift.principal_left --output jsonl").splitlines() if line.startswith("{")]
    check.equal("the log has who left", len(shown), 2)
    shown = operator.runs("hallpass audit show --event drift.rule_changed --output jsonl")
    check("and that it was a group", "left_group" in shown, shown)
    health = next(it for it in Api(server.base).get("/readyz").json["parts"] if it["name"] == "people")
    check("Health shows when people were checked", health["ok"] and " ago" in health["detail"], health)
    parked = operator.runs("hallpass org events list --output jsonl")
    check("no event is parked", not [line for line in parked.splitlines() if line.startswith("{")], parked)


def queued(operator):
    """Events of the identity store go to the server's queue, by the commands of the page; looks are five minutes apart."""
    environment = operator.environment
    client = lambda name: boto3.client(name, endpoint_url=environment["AWS_ENDPOINT_URL"], region_name=environment["AWS_REGION"],
                                       aws_access_key_id=environment["AWS_ACCESS_KEY_ID"], aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"])
    sqs, events = client("sqs"), client("events")
    url = sqs.create_queue(QueueName="hallpass-events")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    page = (ROOT / "docs/how-to/people-who-leave.md").read_text()
    pattern = re.search(r"--event-pattern '(\{.*?\})'", page, re.S)[1]
    rule_arn = events.put_rule(Name="hallpass-people", EventPattern=pattern)["RuleArn"]
    may = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
           "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}}}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [may]})})
    put = events.put_targets(Rule="hallpass-people", Targets=[{"Id": "hallpass", "Arn": arn}])
    check.equal("the rule has the queue", put["FailedEntryCount"], 0)
    path = operator.stage.path("hallpass.toml")
    path.write_text(path.read_text() + f'[access]\npeople_every = "5m"\n[events]\nqueue = "{url}"\n')
    operator.stop()
    operator.start()


def locked_out(operator, block):
    """Nobody administers any more: the configuration names somebody, who signs in from the machine."""
    stage, server = operator.stage, operator.server
    path = stage.path("hallpass.toml")
    before = path.read_text()
    with_nobody = before.replace('admins = ["group:platform-admins"]', 'admins = ["gone@example.com"]')
    check("the configuration is as this test knows it", with_nobody != before)
    operator.stop()
    path.write_text(with_nobody)
    said = operator.runs("hallpass server doctor")
    check("the doctor reports that there are no administrators", "no one is an administrator" in said, said[-900:])
    path.write_text(with_nobody.replace('"gone@example.com"', f'"gone@example.com", "{INES}"'))
    operator.start()
    create, back = block
    for line in create:
        said = operator.runs(line.replace("you@example.com", INES))
    check("who is named there is an administrator", "admin" in said, said)
    token = stage.path("recovery.token").read_text().strip()
    check("and may do what administrators do", Api(server.base, token).get("/api/v1/locks").status == 200)
    remove, listed, revoke = back
    operator.runs(remove)
    rows = [json.loads(line) for line in operator.runs(listed.split(" #")[0]).splitlines()]
    operator.runs(revoke.replace("TOKEN", next(it["id"] for it in rows if it["name"] == "recovery")))
    check("the token is over", Api(server.base, token).get("/api/v1/me").status == 401)
    operator.stop()
    path.write_text(before)
    operator.start()


def without_backup(operator, steps):
    """The database is gone, and no backup of it is there."""
    stage, server = operator.stage, operator.server
    aside, key, begin, look, history, adopt = steps
    held = operator.granted("checkout-dev", 1800)
    check("the export has it", wait(lambda: operator.exported(held), 20))
    operator.stop()
    shutil.rmtree(stage.path("audit-before"), ignore_errors=True)
    for line in aside + key:
        operator.runs(line)
    said = operator.runs(begin[0])
    check("a new log begins, on record", "record 1" in said, said)
    public = operator.runs("hallpass audit key")
    server.tokens = {who: stage.token(who) for who in server.tokens}
    operator.environment["HALLPASS_TOKEN"] = server.tokens[PRIYA]
    operator.start()
    check.equal("the server signs with the key that it had", operator.runs("hallpass audit key"), public)
    said = operator.runs(look[0] + " --output json")
    check("what people hold is listed, as what nothing explains", held["account"] in said or held["account_name"] in said, said[-900:])
    said = operator.runs(history[0])
    check("the lost log says when it was to end", held["id"] in said and held["ends_at"][:16] in said, said[-600:])
    line = adopt[0].replace("USER", MARA).replace("ACCOUNT", held["account_name"]).replace("PERMISSION_SET", "ReadOnly")
    # who sits at a terminal is asked
    operator.runs(line + " --yes")
    check("it has an end again", wait(lambda: [it for it in server.api(MARA).all("/api/v1/grants?state=active") if it["account_name"] == held["account_name"]], 20))
    operator.runs("hallpass audit verify audit-before/")
    operator.runs("hallpass audit verify audit/")


def another_key(operator, steps):
    """The signing key is lost."""
    stage = operator.stage
    aside, tell, verify = steps
    operator.runs("hallpass audit key --heads > keys.txt")
    first = operator.runs("hallpass audit key")
    heads = lambda: len(list(stage.path("audit").rglob("heads/**/*.json")) + list(stage.path("audit").rglob("heads/*.json")))
    check("a head is published", wait(heads, 60, operator.server.process))
    operator.stop()
    operator.runs(aside[0])
    known = heads()
    made = operator.runs(tell[0].split(" #")[0])
    check("another key is made on purpose, and the command says so", "is a new signing key" in made and first.strip() not in made, made)
    operator.start()
    operator.granted("orders-dev", 60)
    check("the new key signs a head", wait(lambda: heads() > known, 90, operator.server.process))
    said = operator.runs("hallpass audit verify audit/ --keys keys.txt", code=1)
    check("by the old line alone its heads are forged", "forged" in said, said[-600:])
    operator.runs(tell[1].split(" #")[0])
    said = operator.runs(verify[0])
    check("by both the whole log verifies", '"ok":true' in said, said[-600:])


def lost(operator):
    """The page of what was lost, from its first line to its last."""
    steps = blocks("recover.md", 12)
    # of PostgreSQL, by `restored.py`
    del steps[4]
    locked_out(operator, steps[:2])
    without_backup(operator, steps[2:8])
    another_key(operator, steps[8:])


def main():
    with Stage("day-two") as stage:
        operator = Operator(stage)
        steps, short, known = backed_up(operator)
        restored(operator, steps, short, known)
        rehearsed(operator)
        regular(operator)
        upgraded(operator)
        lost(operator)
        rotated(operator)
        left(operator)
    check.end()


if __name__ == "__main__":
    main()
