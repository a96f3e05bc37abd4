#!/usr/bin/env python3
"""Somebody sets the clock of the server's machine: back, ahead, for a moment, for good, around a kill and a
restart; and AWS's own time is off. A grant is gone within 60 s of its true end, nothing is granted while the
clocks disagree, and it is again afterwards (`design.md` §2: P1, P10).

The server runs under libfaketime (Debian package `faketime`), which shifts its wall clock and leaves the
monotonic one alone; the simulated AWS and this script keep true time.
"""

import contextlib
import datetime
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

from served import INES, MARA, TOMASZ, Served, asking
from stage import Api, Checks, Stage, answers, wait

NAME = "clock"
GRANT = 20
LATE_MAX = 60
DAY = 86_400


def library():
    """Where libfaketime is, as its own command finds it."""
    try:
        found = subprocess.run(["faketime", "-f", "+0", "printenv", "LD_PRELOAD"], capture_output=True, text=True, timeout=120)
    except FileNotFoundError:
        sys.exit("`faketime` is missing. Install it: apt-get install faketime")
    return found.stdout.strip()


def faked(file):
    """What a process needs whose wall clock is set by a file."""
    return {
        "LD_PRELOAD": library(), "FAKETIME_TIMESTAMP_FILE": file, "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
    }


def set_clock(file, seconds):
    """The wall clock is so far ahead of the truth from now on."""
    new = file.with_suffix(".new")
    new.write_text(f"{seconds:+d}\n")
    os.replace(new, file)


def environment(stage):
    """For a server whose clock is to be set while other things are wrong too."""
    file = stage.path("clock")
    set_clock(file, 0)
    return faked(file)


@contextlib.contextmanager
def held(server):
    """The attack as it goes on: the clock is an hour back."""
    file = server.environment["FAKETIME_TIMESTAMP_FILE"]
    set_clock(file, -3600)
    try:
        yield
    finally:
        set_clock(file, 0)


class Machine:
    """A server whose wall clock is set by a file, over a simulated AWS that keeps true time."""

    def __init__(self, stage, check, name, role=False):
        self.stage, self.check, self.name = stage, check, name
        self.file = stage.path(f"clock-{name}")
        self.set(0)
        began = time.monotonic()
        # with a role, a new process has to assume it by a clock that is wrong
        self.server = Served(stage, role=role, **faked(self.file))
        # grants are waited for, so they last no longer than a machine as slow as this needs to see them there
        self.lasts = max(GRANT, min(60, int(2 * (time.monotonic() - began))))
        self.api = self.server.api(MARA)
        self.sim = Api(self.server.endpoint)
        file = self.sim.get("/_sim/state?full=1").json["file"]
        self.accounts = [row["name"] for row in file["accounts"] if row.get("state", "ACTIVE") == "ACTIVE" and row.get("ou")]
        self.ids = {row["name"]: row["id"] for row in file["accounts"]}
        me = self.api.get("/api/v1/me").json
        self.user = me["user_id"]

    def set(self, seconds):
        """The wall clock is so far ahead of the truth from now on."""
        set_clock(self.file, seconds)

    def fresh(self):
        """An account nobody was granted anything in yet."""
        return self.accounts.pop()

    def present(self, account):
        rows = self.sim.get("/_sim/state?assignments=1").json["assignments"]
        return any(row["account"] == self.ids[account] and row["principal_id"] == self.user
                   and row["permission_set"].endswith("ReadOnly") for row in rows)

    def ask(self, account):
        return self.api.post("/api/v1/requests", asking("ReadOnly", self.lasts, account=account))

    def grant(self):
        """A grant that AWS has made; its account, its id and its true end."""
        account, before = self.fresh(), time.time()
        asked = self.ask(account)
        if asked.status != 201:
            raise OSError(f"{self.name}: {asked}")
        grant = asked.json["grant_id"]
        active = wait(lambda: self.api.get(f"/api/v1/grants/{grant}").json["state"] == "active", 30, self.server.process)
        self.check(f"{self.name}: AWS has made the grant", active and self.present(account))
        ends = self.api.get(f"/api/v1/grants/{grant}").json["ends_at"]
        ends = datetime.datetime.fromisoformat(ends.replace("Z", "+00:00")).timestamp()
        # it counts from when AWS has it, which is between the question and now
        begins = ends - self.lasts
        self.check(f"{self.name}: its end is {self.lasts} s away in true time", -2 < begins - before and begins < time.time() + 2, ends - time.time())
        return account, grant, min(ends, time.time() + self.lasts)

    def ready(self):
        try:
            return Api(self.server.base).get("/readyz", timeout=30)
        except OSError:
            return None

    def agree(self, seconds=60):
        def agrees():
            answer = self.ready()
            return answer is not None and answer.status == 200
        return wait(agrees, seconds, self.server.process, every=0.3)

    def disagree(self, seconds=20):
        """Whether /readyz says that the clocks disagree."""
        def says():
            answer = self.ready()
            if answer is None or answer.status != 503:
                return None
            return next((part["detail"] for part in answer.json["parts"] if part["name"] == "clock" and not part["ok"]), None)
        return wait(says, seconds, self.server.process, every=0.2)

    def kill(self):
        """kill -9, and a new process at once."""
        self.stage.stop(self.server.process, signal.SIGKILL)
        self.server.process = self.stage.spawn("serve", log="serve.log", **self.server.environment)
        alive = wait(lambda: answers(Api(self.server.base), "/healthz"), 90, self.server.process)
        self.check(f"{self.name}: the server begins again", alive, self.server.said()[-400:])

    def refuses(self, words):
        """Nothing is granted: the code, the words, when to try again."""
        answer = self.ask(self.accounts[0])
        self.check(f"{self.name}: asking is refused with 503 clocks-disagree", (answer.status, answer.code) == (503, "clocks-disagree"), answer)
        detail = (answer.json or {}).get("detail", "")
        self.check(f"{self.name}: it says why", words in detail and detail.startswith("no access is given while clocks disagree"), detail)
        self.check(f"{self.name}: it says when to try again", answer.headers.get("retry-after") == "30", answer.headers)

    def gone(self, account, end):
        """Gone within 60 s of its true end."""
        # a slow machine comes to it late: what it is about is whether it goes, which by a wrong clock it does not for a quarter of an hour
        left = max(LATE_MAX, end + LATE_MAX - time.time())
        gone = wait(lambda: not self.present(account), left, self.server.process)
        late = time.time() - end
        self.check(f"{self.name}: the access is gone {late:+.0f} s after its true end", gone, self.server.said()[-600:])

    def again(self):
        """Set right: access is given again."""
        self.check(f"{self.name}: set right, the clocks agree", self.agree(), self.ready())
        account = self.fresh()
        asked = self.ask(account)
        self.check(f"{self.name}: access is given again", asked.status == 201, asked)
        if asked.status == 201:
            self.api.post(f"/api/v1/grants/{asked.json['grant_id']}/release")

    def records(self, event):
        return [row for row in self.server.api(INES).all("/api/v1/audit") if row["event"] == event]


def case(machine, name, off, words, lasts=None, restart=False):
    """The clock is set while a grant runs; for good, or for so many seconds; with a kill in between."""
    machine.name = name
    account, _, end = machine.grant()
    machine.set(off)
    said = machine.disagree()
    machine.check(f"{name}: /readyz says so", said and words in said, said)
    machine.refuses(words)
    if restart:
        machine.kill()
        said = machine.disagree()
        machine.check(f"{name}: the new process says so, too", said and "behind AWS's" in said or said and "ahead of AWS's" in said, said)
        machine.refuses("AWS's")
    if lasts:
        time.sleep(lasts)
        machine.set(0)
    machine.gone(account, end)
    machine.set(0)
    machine.again()


def seen(machine):
    """What operators and others see while the clock is wrong."""
    machine.name = "shown"
    recorded = lambda: [len(machine.records(event)) for event in ("clock.disagreed", "clock.agreed")]
    # what the case before set right is on record as well
    machine.check("shown: all that was before is on record", wait(lambda: len(set(recorded())) == 1, 20), recorded())
    before = recorded()
    machine.set(-900)
    machine.disagree()
    metrics = Api(machine.server.base).get("/metrics").body.decode()
    rows = {line.split(" ")[0]: float(line.split(" ")[1]) for line in metrics.splitlines()
            if line.startswith("hallpass_clock_disagreement_seconds")}
    machine.check("shown: the metric of wall clock and AWS", any("wall_aws" in row and value < -800 for row, value in rows.items()), rows)
    doctor = machine.stage.run("doctor", "--output", "jsonl", **machine.server.environment)
    lines = [json.loads(line) for line in doctor.stdout.splitlines()]
    clock = next((line for line in lines if line["check"] == "clock"), {})
    machine.check("shown: doctor has the three clocks and says that they differ",
                  clock.get("result") == "problem" and re.search("AWS 1[45]m .*ahead", clock["detail"]) and "newest record" in clock["detail"], clock)
    asked = machine.stage.run("request", "--account", machine.accounts[0], "--permission-set", "ReadOnly", "--for", "5m",
                              "--reason", "OPS-1: look", "--server", machine.server.base, HALLPASS_TOKEN=machine.server.tokens[MARA])
    machine.check("shown: the command line says it, exit 1",
                  asked.returncode == 1 and "no access is given while clocks disagree" in asked.stderr, asked.stderr)
    # what needs nobody's clock goes on: saying no, and taking back what one asked for
    machine.set(0)
    machine.agree()
    machine.check("shown: it is on record", wait(lambda: recorded() == [count + 1 for count in before], 20), (before, recorded()))
    waiting = machine.api.post("/api/v1/requests", asking(account=machine.accounts[0])).json["id"]
    machine.set(-900)
    machine.disagree()
    approved = machine.server.api(TOMASZ).post(f"/api/v1/requests/{waiting}/approve")
    machine.check("shown: approving is refused", (approved.status, approved.code) == (503, "clocks-disagree"), approved)
    denied = machine.server.api(TOMASZ).post(f"/api/v1/requests/{waiting}/deny")
    machine.check("shown: denying is not", denied.status == 200, denied)
    wait(lambda: recorded()[0] == before[0] + 2, 20)
    machine.set(0)
    machine.agree()
    wanted = [count + 2 for count in before]
    machine.check("shown: one record for each change", wait(lambda: recorded() == wanted, 20), (before, recorded()))
    refused = machine.sim.get("/_sim/calls?outcome=auth_failed&limit=1000").json["calls"]
    machine.check("shown: hardly a call was refused for its signature", len(refused) <= 6, [call["error"] for call in refused])


def skewed(machine, seconds):
    """AWS's own time is off, in its answers and in what it accepts."""
    machine.name = f"AWS {seconds:+d} s"
    account, _, end = machine.grant()
    fault = machine.sim.post("/_sim/faults", {"kind": "clock_skew", "seconds": seconds}).json["ids"][0]
    # noticed with the next answers: removing the grant makes some, and one is asked for every minute
    way = "behind" if seconds > 0 else "ahead of"
    said = machine.disagree(90)
    machine.check(f"{machine.name}: /readyz says so", said and f"{way} AWS's" in said, said)
    machine.refuses(f"{way} AWS's")
    machine.gone(account, end)
    machine.sim.call("DELETE", f"/_sim/faults/{fault}")
    machine.again()


def without_restart(machine):
    machine.check("the clocks agree at first", machine.agree(), machine.ready())
    case(machine, "back 15 min", -900, "15m behind AWS's")
    case(machine, "ahead a day for 8 s", DAY, "1d ahead of AWS's", lasts=6)
    case(machine, "back an hour", -3600, "1h behind AWS's")
    case(machine, "ahead a day, staying", DAY, "1d ahead of AWS's")
    seen(machine)
    skewed(machine, 600)


def with_restart(machine):
    machine.check("the clocks agree at first", machine.agree(), machine.ready())
    case(machine, "back 15 min, killed", -900, "15m behind AWS's", restart=True)
    case(machine, "ahead a day for a while, killed", DAY, "1d ahead of AWS's", lasts=2, restart=True)
    case(machine, "back an hour, killed", -3600, "1h behind AWS's", restart=True)
    case(machine, "ahead a day and killed", DAY, "1d ahead of AWS's", restart=True)
    # killed while it was ahead, and begun again when the clock is right: the newest records are of tomorrow
    machine.name = "records of tomorrow"
    machine.set(DAY)
    machine.disagree()
    machine.stage.stop(machine.server.process, signal.SIGKILL)
    machine.set(0)
    machine.kill()
    machine.check("records of tomorrow: they count for nothing", machine.agree(), machine.ready())
    account, _, end = machine.grant()
    machine.gone(account, end)
    skewed(machine, -600)


def run(check, stage):
    """Both lives at once, each on a machine of its own."""
    failures = []
    lock = threading.Lock()

    def checked(name, condition, detail=""):
        with lock:
            return check(name, condition, detail)

    def live(life, machine):
        try:
            life(machine)
        except Exception as error:  # a life that breaks off is a failed check
            failures.append(f"{machine.name}: {error!r}")

    with Stage("clock-running") as one, Stage("clock-killed") as other:
        machines = ((without_restart, Machine(one, checked, "running")), (with_restart, Machine(other, checked, "killed", role=True)))
        lives = [threading.Thread(target=live, args=row) for row in machines]
        for life in lives:
            life.start()
        for life in lives:
            life.join()
        if not check("nothing broke off", not failures, failures):
            for machine in (one, other):
                print(machine.said("serve.log")[-3000:], flush=True)


if __name__ == "__main__":
    check = Checks()
    run(check, None)
    check.end()
