#!/usr/bin/env python3
"""What the demo says of itself when its server stops: `hallpass demo` as `make demo` runs it, its server stopped with
SIGSTOP while access runs out, and its guard ends the access. Then the server goes on, and knows; and whatever way the
demo ends, nothing of it stays behind."""

import datetime
import json
import os
import pathlib
import re
import signal
import time
import urllib.parse

import boto3
from botocore.exceptions import ClientError
from stage import ROOT, Api, Checks, Stage, answers, demo_variables, free_port, wait

MARA, NOOR, PRIYA = "mara.lindqvist@example.com", "noor.haddad@example.com", "priya.raman@example.com"
TOMASZ = "tomasz.wilk@example.com"
ACCOUNT, SET = "payments-dev", "ReadOnly"
# that no hours of the demo's rules are about, whenever this runs, and that she has in no other way
ARMED_ACCOUNT, ARMED_SET = "orders-dev", "PowerUser"
# the demo's bound, as it prints it
BOUND = 15
SECONDS = 30


class Demo:
    """A demo with a folder of its own."""

    def __init__(self, stage):
        self.stage, self.port, self.aws_port = stage, free_port(), free_port()
        self.base, self.sim = f"http://127.0.0.1:{self.port}", Api(f"http://127.0.0.1:{self.aws_port}")
        self.process = None

    def start(self):
        self.process = self.stage.spawn(
            "demo", "--listen", f"127.0.0.1:{self.port}", "--aws-listen", f"127.0.0.1:{self.aws_port}",
            "--data", "data", log="demo.log")
        return wait(lambda: answers(Api(self.base), "/readyz"), 90, self.process)

    def api(self, who):
        return Api(self.base, json.loads(self.stage.path("data/tokens.json").read_text())[who])

    def page(self, who, path):
        form = urllib.parse.urlencode({"persona": who}).encode()
        answer = Api(self.base).post("/signin", raw=form, headers={"Content-Type": "application/x-www-form-urlencoded",
                                                                   "Sec-Fetch-Site": "same-origin"})
        cookie = answer.headers.get("set-cookie", "").split(";")[0]
        return Api(self.base).get(path, headers={"Cookie": cookie, "Accept": "text/html"}).body.decode()

    def deletes(self):
        found = self.sim.get("/_sim/calls?operation=DeleteAccountAssignment").json
        return found["calls"] if isinstance(found, dict) else found

    def held(self, permission_set=SET, account=ACCOUNT):
        """Whether AWS has the assignment."""
        rows = self.sim.get("/_sim/state?assignments=1&full=1").json["assignments"]
        places = (account, self.id_of(account))
        return [row for row in rows if row.get("principal_name") == MARA and row["account"] in places and row["permission_set"] == permission_set]

    def id_of(self, account):
        accounts = self.sim.get("/_sim/state?full=1").json["file"]["accounts"]
        return next(row["id"] for row in accounts if row["name"] == account)


def children(pid):
    """Processes that `pid` started."""
    found = []
    for folder in pathlib.Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            parent = int(folder.joinpath("stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError):
            continue
        if parent == pid:
            found.append(int(folder.name))
    return found


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def watched(check, stage, demo):
    """Exactly what it says: ask for 30 seconds, stop the server, see the end come."""
    said = stage.said("demo.log")
    line = next((line for line in said.splitlines() if "kill -STOP" in line), "")
    pid = re.search(r"kill -STOP (\d+)", line)
    if not check("it says in one line how to see an end come without the server", pid, said):
        return
    check.equal("the process to stop is the server", int(pid.group(1)), demo.process.pid)
    command = next(line.strip() for line in said.splitlines() if "_sim/calls" in line)
    journal = pathlib.Path(stage.folder, command.rsplit(" ", 1)[1])
    mara = demo.api(MARA)
    asked = mara.post("/api/v1/requests", {"account": ACCOUNT, "permission_set": SET, "duration_seconds": SECONDS,
                                           "reason": "watch it end"})
    grant = asked.json.get("grant_id")
    if not check("access is given", grant and wait(lambda: mara.get(f"/api/v1/grants/{grant}").json["state"] == "active", 60), asked):
        return
    held = mara.get(f"/api/v1/grants/{grant}").json
    demo.process.send_signal(signal.SIGSTOP)
    try:
        # what the demo's own people had ends too, until the server stands still
        before = len(demo.deletes())
        check("AWS has it while the server is stopped", demo.held(), demo.held())
        gone = wait(lambda: len(demo.deletes()) > before and not demo.held(), SECONDS + BOUND + 60, every=0.5)
        late = time.time() - datetime.datetime.fromisoformat(held["ends_at"]).timestamp()
        check("access ends without the server", gone, stage.said("data/guard.log")[-800:])
        check(f"half a minute and {BOUND} s later", BOUND - 5 <= late <= BOUND + 120, round(late))
        check("the guard's journal has it, where the demo says",
              wait(lambda: '"guard.ended"' in journal.read_text(), 30, every=0.5), journal)
    finally:
        demo.process.send_signal(signal.SIGCONT)
    ended = wait(lambda: (found := mara.get(f"/api/v1/grants/{grant}").json)["state"] == "ended" and found, 60)
    check("the server continues, and knows who ended it", ended and "guard" in json.dumps(ended), ended or held)
    check("it is ready again", wait(lambda: answers(Api(demo.base), "/readyz"), 60, demo.process))


def refused(call):
    try:
        call()
    except ClientError as error:
        return "AccessDenied" in error.response["Error"]["Code"]
    return False


def dead(check, stage, demo):
    """Server and guard stand still, credentials are taken, and nothing of ours is left to end anything: AWS refuses them."""
    mara = demo.api(MARA)
    # what she has by a group, too, is never armed; this she has in no other way
    asked = mara.post("/api/v1/requests", {"account": ARMED_ACCOUNT, "permission_set": ARMED_SET, "duration_seconds": 2 * SECONDS, "reason": "watch AWS end it"})
    approved = demo.api(TOMASZ).post(f"/api/v1/requests/{asked.json.get('id')}/approve", {})
    check("asked and approved", approved.status == 200, (asked, approved))
    grant = mara.get(f"/api/v1/requests/{asked.json.get('id')}").json.get("grant_id")
    armed = lambda: (found := mara.get(f"/api/v1/grants/{grant}").json)["state"] == "active" and found.get("armed_until", "") > found["ends_at"] and found
    held = wait(armed, 60, demo.process)
    if not check("access is given once its end is armed", held, mara.get(f"/api/v1/grants/{grant}").json):
        return
    keys = demo.sim.post("/_sim/login", {"user": MARA, "account": demo.id_of(ARMED_ACCOUNT), "permission_set": ARMED_SET}).json
    session = boto3.Session(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], keys["AWS_SESSION_TOKEN"], region_name="eu-west-1")
    iam = session.client("iam", endpoint_url=f"http://127.0.0.1:{demo.aws_port}")
    check("her session works", not refused(iam.list_roles))
    guard = next(pid for pid in children(demo.process.pid) if b"guard" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes())
    deletes = len(demo.deletes())
    os.kill(guard, signal.SIGSTOP)
    demo.process.send_signal(signal.SIGSTOP)
    try:
        check("with server and guard stopped AWS refuses it", wait(lambda: refused(iam.list_roles), 2 * SECONDS + 60 + 30, every=1), held)
        check("and the assignment was not removed", demo.held(ARMED_SET, ARMED_ACCOUNT) and len(demo.deletes()) == deletes, demo.held(ARMED_SET, ARMED_ACCOUNT))
    finally:
        os.kill(guard, signal.SIGCONT)
        demo.process.send_signal(signal.SIGCONT)
    ended = wait(lambda: mara.get(f"/api/v1/grants/{grant}").json["state"] == "ended", 90)
    check("the server resumes and removes it", ended and not demo.held(ARMED_SET, ARMED_ACCOUNT), mara.get(f"/api/v1/grants/{grant}").json)
    told = mara.get(f"/api/v1/grants/{grant}").json
    instants = [told.get(key, "") for key in ("ends_at", "armed_until", "ended_at")]
    check("the grant has from when on AWS refused it", all(instants) and instants == sorted(instants, key=datetime.datetime.fromisoformat), instants)
    page = demo.page(MARA, f"/requests/{asked.json['id']}")
    check("its page says who ended it", "AWS itself refused it from" in page and "before it was removed" in page, page[-3000:])
    shown = stage.run("grants", "--state", "ended", "--server", demo.base, "--output", "table",
                      HALLPASS_TOKEN=json.loads(stage.path("data/tokens.json").read_text())[MARA])
    check("and so does the command line", "AWS refused it first" in shown.stdout, shown.stdout + shown.stderr)
    records = [it for it in demo.api(NOOR).all("/api/v1/audit?event=end.armed") if grant in json.dumps(it)]
    check("on record is that AWS was to refuse it", records, grant)


def lived(check, stage, demo):
    """What its people did, without any file made by hand."""
    priya = demo.api(PRIYA)
    find = lambda: next((it for it in priya.get("/api/v1/grants?state=ended").json["items"] if it["permission_set"] == "PowerUser"), None)
    grant = wait(find, 90, demo.process)
    if not check("a grant of the demo was used and ended early", grant, stage.said("demo.log")[-600:]):
        return
    # one delivery of the trail may have the first of its calls alone
    whole = lambda it: "CreateUser" in [call["action"] for call in it.get("calls", [])]
    found = lambda: priya.get(f"/api/v1/grants/{grant['id']}/activity").json
    said = wait(lambda: whole(it := found()) and it, 90, demo.process) or found()
    calls = {it["action"]: it for it in said.get("calls", [])}
    check("its page shows its use", said.get("state") == "used"
          and {"DescribeInstances", "CreateSecurityGroup", "CreateUser"} <= set(calls), said)
    check("first the rows for review", said.get("calls", [{}])[0].get("notable") and calls["CreateUser"].get("error_code"), said.get("calls"))
    environment = demo_variables(stage.said("demo.log"))
    management = demo.sim.get("/_sim/state").json["organization"]["management_account"]
    ran = stage.run("activity", "pci", "report", "--source", "s3://example-trail", "--regions", "eu-west-1", "--accounts", management,
                    "--verify-digests", "--output", "json", timeout=180, **environment)
    report = json.loads(ran.stdout or "{}")
    people = report.get("reports", [{}])[0].get("users", [])
    states = {it["password_state"] for it in people} | {it["activity_state"] for it in people}
    check("people are due", ran.returncode == 0 and {"warn", "expired", "inactive_warn", "inactive", "ok"} <= states and "unknown" not in states,
          (ran.returncode, states, ran.stderr[-600:]))
    check("most are not", sum(it["password_state"] == it["activity_state"] == "ok" for it in people) > len(people) / 2, len(people))
    check("and the log is as delivered", report.get("digests", {}).get("logs_verified", 0) > 90 and report["digests"]["findings_count"] == 0, report.get("digests"))
    ran = stage.run("policy", "shrink", "payments-Deploy", "--live", "--log", "s3://example-trail", "--grain", "action", "--output", "json",
                    timeout=180, **environment)
    shrunk = json.loads(ran.stdout or "{}")
    proof = shrunk.get("proof", {})
    check("a permission set shrinks with a proof", ran.returncode == 0 and proof.get("succeeded", 0) > 50 and proof.get("people") == 2
          and all(it["verdict"] in ("holds", "needs_nothing") for it in proof["calls"]), (ran.returncode, proof, ran.stderr[-600:]))
    check("and drops unused permissions", "ecs:RunTask" not in json.dumps(shrunk.get("policy")) and "ecs:UpdateService" in json.dumps(shrunk.get("policy")),
          shrunk.get("policy"))
    for command in (f"pci report --source s3://example-trail --regions eu-west-1 --accounts {management}",
                    "policy shrink payments-Deploy --live --log s3://example-trail --grain action"):
        check(f"the demo says `{command.split(' --')[0]}`", command in stage.said("demo.log"), command)


def ended(check, stage, demo, how, name):
    """However the server ends, what it started ends too."""
    mine = children(demo.process.pid)
    check.equal(f"{name}: AWS and a guard are separate processes", len(mine), 2)
    stage.stop(demo.process, how)
    check(f"{name}: nothing of the demo stays behind", wait(lambda: not any(map(alive, mine)), 30), mine)
    check(f"{name}: its addresses are free", not answers(demo.sim, "/_sim/healthz"))


def main():
    check = Checks()
    makefile = (ROOT / "Makefile").read_text()
    check("make demo runs this", re.search(r"^demo: build\n\t\./hallpass demo ", makefile, re.M), makefile[:400])
    with Stage("demo") as stage:
        demo = Demo(stage)
        if not check("the demo starts", demo.start(), stage.said("demo.log")):
            check.end()
        lived(check, stage, demo)
        watched(check, stage, demo)
        dead(check, stage, demo)
        ended(check, stage, demo, signal.SIGTERM, "stopped")
        check("it starts again over what it kept", demo.start(), stage.said("demo.log")[-800:])
        ended(check, stage, demo, signal.SIGKILL, "killed")
        check("and once more", demo.start(), stage.said("demo.log")[-800:])
        demo.process.send_signal(signal.SIGSTOP)
        ended(check, stage, demo, signal.SIGKILL, "killed while it stood still")
        verified = stage.run("audit", "verify", "data/audit", "--journal", "data/guard")
        check("log and journal verify", verified.returncode == 0, verified.stderr)
        # the simulated AWS is no secret
        leaves = [path for path in stage.path("data").rglob("*")
                  if path.is_file() and path.name != "aws.state" and path.stat().st_mode & 0o077]
        check.equal("its files are its owner's alone", [os.fspath(path) for path in leaves], [])
    check.end()


if __name__ == "__main__":
    main()
