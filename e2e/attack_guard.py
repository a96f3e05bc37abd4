#!/usr/bin/env python3
"""The server is stopped, killed, robbed of descriptors, disk, database and clock, each while twenty grants
run out: a guard ends them all the same, under a role that can only look and take away. What stands and what
was renewed stays; the server says afterwards what happened, and the log verifies (`access.md` §18).

    attack_guard.py [ATTACK…]
"""

import argparse
import concurrent.futures
import contextlib
import datetime
import http.client
import json
import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import threading
import time

from stage import ROOT, Api, Checks, Stage, answers, free_port, held_at_aws, rule, wait

NAME = "guard"
BOUND = 4
LATE_MAX = BOUND + 30
SECONDS = 25
PEOPLE = [f"u{number}@corp.example" for number in range(10)]
AUDITOR = "auditor@corp.example"
ACCOUNTS = ["sandbox-1", "sandbox-2"]
SETS = ["ReadOnly", "Deploy"]
MANAGEMENT = "111122223333"

RULES = (rule("sandbox", accounts=["*"], permission_sets=["*"], approval_is_not_required=True)
         + rule("oncall", groups=["oncall"], approval_is_not_required=True))


# for a server that has a guard beside it
CONFIGURATION = f'[guard]\njournal = "guard"\nbound = "{BOUND}s"\n'


@contextlib.contextmanager
def held(server):
    """The attack as it goes on: the server is stopped, beside a guard."""
    listen = port()
    text = server.stage.path("hallpass.toml").read_text()
    config = server.stage.path("guard.toml")
    config.write_text(text.replace("[guard]\n", f'[guard]\nlisten = "127.0.0.1:{listen}"\n'))
    keys = {name: server.environment[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    guard = server.stage.spawn("guard", "--config", config, log="guard.log", **keys)
    assert wait(lambda: answers(Api(f"http://127.0.0.1:{listen}"), "/healthz"), 60, guard), server.stage.said("guard.log")
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


def organization(policy):
    people = PEOPLE + [AUDITOR]
    users = [{"user_name": mail, "given_name": mail.split("@")[0], "family_name": "X", "email": mail} for mail in people]
    accounts = [{"id": MANAGEMENT, "name": "management", "email": "aws+m@corp.example", "ou": None}]
    accounts += [{"id": f"{222200000000 + index}", "name": name, "email": f"aws+{name}@corp.example", "ou": None}
                 for index, name in enumerate(ACCOUNTS + ["standing-1"])]
    return {
        "version": 1, "seed": 7,
        "organization": {"management_account": MANAGEMENT, "service_access": ["sso.amazonaws.com"]},
        "accounts": accounts,
        "identity_center": {
            "home_region": "eu-west-1", "users": users,
            "groups": [{"name": "oncall", "members": [PEOPLE[9]]}, {"name": "auditors", "members": [AUDITOR]}],
            "permission_sets": [{"name": name, "session_duration": "PT1H"} for name in SETS],
            "assignments": [
                {"account": "standing-1", "permission_set": "ReadOnly", "user": PEOPLE[0]},
                {"account": "sandbox-1", "permission_set": "ReadOnly", "user": PEOPLE[8]},
                {"account": "sandbox-1", "permission_set": "Deploy", "group": "oncall"},
            ],
        },
        "iam": {MANAGEMENT: {"roles": [{"name": "guard", "trust": [f"arn:aws:iam::{MANAGEMENT}:root"], "inline": [policy]}]}},
        "speed": "fast",
    }


ports = threading.Lock()


def port():
    """One at a time: worlds are made side by side."""
    with ports:
        return free_port()


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class World:
    """A simulated AWS, a server and a guard, in a folder of their own."""

    def __init__(self, stage, name):
        self.stage, self.name = stage, name
        self.folder = stage.path(name)
        self.folder.mkdir()
        self.port, self.sim_port = port(), port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.config, self.guard_config = self.folder / "hallpass.toml", self.folder / "guard.toml"
        (self.folder / "rules.toml").write_text(RULES)
        self.config.write_text(self.configuration(f"http://127.0.0.1:{self.sim_port}"))
        made = stage.run("doctor", "--iam-policy", "--for", "guard", "--config", self.config)
        self.policy = json.loads(made.stdout)
        (self.folder / "organization.json").write_text(json.dumps(organization(self.policy)))
        self.start_simulator()
        self.tokens = {mail: stage.token(mail, config=str(self.config)) for mail in PEOPLE + [AUDITOR]}
        key = stage.run("audit", "key", "--config", self.config).stdout.strip()
        self.guard_port = port()
        self.guard_config.write_text(
            self.configuration(self.endpoint) + f'name = "g"\nbound = "{BOUND}s"\nlisten = "127.0.0.1:{self.guard_port}"\n'
            f'public_key = "{key}"\nrole_arn = "arn:aws:iam::{MANAGEMENT}:role/guard"\n')
        self.clock = None
        self.holder = None

    def configuration(self, endpoint):
        return (f'[server]\nlisten = "127.0.0.1:{self.port}"\n[aws]\nregion = "eu-west-1"\nendpoint_url = "{endpoint}"\n'
                '[identity]\nauditors = ["group:auditors"]\n[access.duration]\nmin = "1s"\n'
                '[audit.export]\ntarget = "dir:audit"\n[guard]\njournal = "guard"\n')

    def start_simulator(self):
        state = self.folder / "aws.state"
        more = () if state.exists() else ("--organization", self.folder / "organization.json")
        self.simulator, self.endpoint, self.aws = self.stage.simulator(
            "--authorization", "full", *more, "--state", state, port=self.sim_port, log=f"{self.name}.sim.log")

    def keys(self):
        return {name: self.aws[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}

    def start_server(self):
        """As `Stage.spawn`, but a write that is too large is an error and not a signal."""
        environment = self.stage.environment(**self.keys(), **(self.faked() if self.clock else {}))
        with open(self.stage.path(f"{self.name}.serve.log"), "ab") as sink:
            self.server = subprocess.Popen(
                [self.stage.binary, "serve", "--config", self.config], stdin=subprocess.DEVNULL, stdout=sink,
                stderr=subprocess.STDOUT, env=environment, cwd=self.folder,
                preexec_fn=lambda: signal.signal(signal.SIGXFSZ, signal.SIG_IGN))
        self.stage.processes.append(self.server)
        return wait(lambda: answers(Api(self.base), "/readyz"), 90, self.server)

    def faked(self):
        return {"LD_PRELOAD": self.clock, "FAKETIME_TIMESTAMP_FILE": self.folder / "clock", "FAKETIME_NO_CACHE": "1",
                "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def start_guard(self):
        self.guard = self.stage.spawn("guard", "--config", self.guard_config, log=f"{self.name}.guard.log", **self.keys())
        api = Api(f"http://127.0.0.1:{self.guard_port}")
        return wait(lambda: answers(api, "/healthz"), 60, self.guard)

    def api(self, mail):
        return Api(self.base, self.tokens[mail])

    def truth(self):
        return held_at_aws(self.endpoint)

    def ask(self, mail, seconds, **target):
        body = {"duration_seconds": seconds, "reason": "OPS-1: look", **target}
        answer = self.api(mail).post("/api/v1/requests", body)
        assert answer.status == 201, answer
        return answer.json["grant_id"]

    def renew(self):
        """One that would run out gets longer as soon as it is there, before anything else is asked for: a slow machine does not find it
        over. Its first end comes before those of all others."""
        api, grant = self.api(PEOPLE[4]), self.ask(PEOPLE[4], SECONDS, account="sandbox-2", permission_set="Deploy")
        wait(lambda: api.get(f"/api/v1/grants/{grant}").json["state"] in ("active", "ending", "ended"), 60)
        return grant, api.post(f"/api/v1/grants/{grant}/extend", {"duration_seconds": 900, "reason": "OPS-1: more"})

    def ask_all(self):
        """Twenty that run out; another is long."""
        targets = [(mail, {"account": account, "permission_set": "ReadOnly"}) for account in ACCOUNTS for mail in PEOPLE[:7]]
        targets += [(mail, {"account": "sandbox-2", "permission_set": "Deploy"}) for mail in PEOPLE[:3]]
        targets += [(mail, {"group": "oncall"}) for mail in PEOPLE[:3]]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            ending = list(pool.map(lambda one: self.ask(one[0], SECONDS, **one[1]), targets))
        long = self.ask(PEOPLE[5], 900, account="sandbox-2", permission_set="Deploy")
        # standing access: its grant ends and removes nothing
        self.ask(PEOPLE[8], SECONDS, account="sandbox-1", permission_set="ReadOnly")
        return ending, long

    def grants(self):
        return {row["id"]: row for row in self.api(AUDITOR).all("/api/v1/grants")}

    def said(self, which):
        return self.stage.said(f"{self.name}.{which}.log")


class Attack:
    """What is done to the server, and how it is undone."""

    def __init__(self, begin, end, causes=("guard",)):
        self.begin, self.end, self.causes = begin, end, set(causes)


def robbed(world):
    """No new descriptor, and the connections there are go: AWS comes back, the server cannot reach it."""
    resource.prlimit(world.server.pid, resource.RLIMIT_NOFILE, (8, 8))
    world.stage.stop(world.simulator, signal.SIGKILL)
    world.start_simulator()


def full(world):
    resource.prlimit(world.server.pid, resource.RLIMIT_FSIZE, (64, resource.RLIM_INFINITY))


def roomy(world):
    resource.prlimit(world.server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def lock(world, exclusively):
    world.holder = sqlite3.connect(world.folder / "hallpass.db", isolation_level=None, check_same_thread=False, timeout=120)
    if exclusively:
        world.holder.execute("PRAGMA locking_mode = exclusive")
    world.holder.execute("BEGIN EXCLUSIVE")


def unlock(world):
    world.holder.execute("ROLLBACK")
    world.holder.close()


def kill(world):
    world.stage.stop(world.server, signal.SIGKILL)


def kill_and_start(world):
    kill(world)
    world.start_server()


def kill_and_lock(world):
    kill(world)
    lock(world, True)


def unlock_and_start(world):
    unlock(world)
    world.start_server()


def move(world, there):
    for path in list((world.folder if there else world.folder / "elsewhere").glob("hallpass.db*")):
        shutil.move(path, world.folder / ("elsewhere" if there else ".") / path.name)


def stop_and_move(world):
    world.server.send_signal(signal.SIGSTOP)
    (world.folder / "elsewhere").mkdir()
    move(world, True)


def move_back_and_go_on(world):
    move(world, False)
    world.server.send_signal(signal.SIGCONT)


def libfaketime():
    """Where libfaketime is, as its own command finds it."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        return subprocess.run(["faketime", "-f", "+0", "printenv", "LD_PRELOAD"], capture_output=True, text=True,
                              timeout=120).stdout.strip()
    return None


def clock(world, by):
    (world.folder / "clock").write_text(by)


ATTACKS = {
    "stopped": Attack(lambda world: world.server.send_signal(signal.SIGSTOP), lambda world: world.server.send_signal(signal.SIGCONT)),
    "killed": Attack(kill, lambda world: world.start_server()),
    "descriptors": Attack(robbed, kill_and_start),
    "disk": Attack(full, roomy),
    # a server that keeps honest time may end them itself
    "clock": Attack(lambda world: clock(world, "-1h"), lambda world: clock(world, "+0"), causes=("guard", "expired")),
    "locked": Attack(lambda world: lock(world, False), unlock),
    "killed_and_locked": Attack(kill_and_lock, unlock_and_start),
    "moved": Attack(stop_and_move, move_back_and_go_on),
}


def play(check, stage, name):
    attack = ATTACKS[name]
    world = World(stage, name)
    say = lambda what, condition, detail="": check(f"{name}: {what}", condition, detail)
    if name == "clock":
        world.clock = libfaketime()
        if not say("the library that fakes clocks is there (apt-get install faketime)", world.clock):
            return
        clock(world, "+0")
    standing = world.truth()
    ids = {name: f"{222200000000 + index}" for index, name in enumerate(ACCOUNTS)}
    if not say("server and guard start", world.start_server() and world.start_guard(), world.said("serve") + world.said("guard")):
        return
    renewed, extended = world.renew()
    say("one is renewed", extended.status in (200, 201), extended)
    ending, long = world.ask_all()
    # on a slow machine the first may be over before the last is there
    begun = lambda: all(row["state"] in ("active", "ending", "ended") for grant, row in world.grants().items() if grant in [*ending, renewed, long])
    say("all grants are active, or were", wait(begun, 60))
    before = world.grants()
    ends = max(instant(before[grant]["ends_at"]) for grant in ending)
    early = [grant for grant in ending if before[grant]["state"] != "active"]
    # what was committed is in the file within a second
    time.sleep(1.5)
    attack.begin(world)
    # what ran out before the server was really out it may have ended itself
    early += [grant for grant in ending if grant not in early and instant(before[grant]["ends_at"]) < time.time() + 1]
    say("some run out while the server is out", len(early) < len(ending), len(early))
    stays = {(PEOPLE[4], ids["sandbox-2"], "Deploy"), (PEOPLE[5], ids["sandbox-2"], "Deploy")}
    gone = lambda: not truth(world) - standing - stays
    wait(gone, max(0, ends - time.time()) + LATE_MAX + 20, every=0.3)
    lateness = time.time() - ends
    left = truth(world) - standing - stays
    say(f"all {len(ending)} are gone, the last {lateness:.1f} s after its end", not left and lateness <= LATE_MAX, left)
    numbers = lambda: Api(f"http://127.0.0.1:{world.guard_port}").get("/metrics").body.decode()
    say("the guard saw them all gone", wait(lambda: "guard_overdue 0\n" in numbers(), 30), numbers())
    found = truth(world)
    say("live and renewed grants stay", standing | stays <= found, (standing | stays) - found)
    attack.end(world)
    settled(world, say, attack, [grant for grant in ending if grant not in early])
    found = truth(world)
    say("and stays when the server is back", standing | stays <= found, (standing | stays) - found)
    verified(world, say)


def truth(world):
    """What AWS holds; it may be coming back itself."""
    for _ in range(600):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, http.client.HTTPException):
            return world.truth()
        time.sleep(0.2)
    raise OSError("the simulated AWS does not answer")


def settled(world, say, attack, ending):
    """The server is back and knows what happened."""
    def over():
        with contextlib.suppress(OSError, http.client.HTTPException):
            rows = world.grants()
            return all(rows[grant]["state"] == "ended" for grant in ending) and rows
        return None
    rows = wait(over, 90, world.server, every=0.5)
    if not say("the server resumes, and every grant is over", rows, world.said("serve")[-1500:]):
        return
    causes = {rows[grant]["cause"] for grant in ending}
    say("their cause is the guard" if len(attack.causes) == 1 else "guard or server ended them", causes <= attack.causes,
        {grant: (rows[grant]["cause"], rows[grant].get("why")) for grant in ending if rows[grant]["cause"] not in attack.causes})
    if attack.causes == {"guard"}:
        say("each says that the guard removed it", all(rows[grant]["removed"] and rows[grant]["why"] == "guard" for grant in ending))


def verified(world, say):
    """The log and the journal are whole; the journal says the same as the log."""
    say("the server stops in order", world.stage.stop(world.server) == 0, world.said("serve")[-600:])
    say("the guard stops in order", world.stage.stop(world.guard) == 0, world.said("guard")[-600:])
    checked = world.stage.run("audit", "verify", "--config", world.config, "--output", "json")
    found = json.loads(checked.stdout) if checked.returncode == 0 else {}
    say("audit verify: the log and the journal hold", found.get("ok") and len(found.get("journals", [])) == 1, checked.stderr or found)
    export = world.stage.run("audit", "verify", world.folder / "audit", "--output", "json")
    say("so does the export, with the journal beside it", export.returncode == 0 and len(json.loads(export.stdout)["journals"]) == 1,
        export.stderr)
    lines = (world.folder / "guard/g.jsonl").read_text().splitlines()
    journal = [json.loads(line) for line in lines]
    removed = {grant for record in journal if record["event"] == "guard.ended" and record["removed"] is True for grant in record["grants"]}
    records = [json.loads(path.read_text()) for path in (world.folder / "audit/logs").rglob("*.json")]
    ended = {record["grant_id"] for record in records if record["event"] == "end.succeeded" and record["why"] == "guard"}
    say("what the log says of the guard, its journal says too", ended <= removed, ended - removed)
    say("no grant was found drifted", not [r for r in records if r["event"].startswith("drift.")],
        [r["event"] for r in records if r["event"].startswith("drift.")])
    denied = Api(world.endpoint).get("/_sim/calls?limit=10000&outcome=denied").json["calls"]
    asked = [(call["operation"], call.get("denied_by")) for call in denied if "role/guard" in json.dumps(call["caller"])]
    say("the guard's policy is enough for all it asks", not asked, asked[:3])
    say("no process panicked", "panicked" not in world.said("serve") + world.said("guard"))


def blocks():
    """The commands of the guide's walk in pieces, one text for each block."""
    part = (ROOT / "docs/how-to/guard.md").read_text().split("## Try it step by step")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", part, re.S)


class Terminal:
    """A shell that blocks of the guide are typed into; its own session, as a terminal's."""

    def __init__(self, stage, folder, ports):
        self.folder, self.ports = folder, ports
        path = f"{stage.path('bin')}:{os.environ['PATH']}"
        self.shell = subprocess.Popen(
            ["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder,
            env={**stage.environment(), "PATH": path}, start_new_session=True)

    def type(self, text):
        for known, ours in self.ports.items():
            text = text.replace(known, str(ours))
        self.shell.stdin.write(text)
        self.shell.stdin.flush()

    def said(self, seconds=300):
        """All it says to its end."""
        return self.shell.communicate(timeout=seconds)[0]

    def signal(self, how):
        os.killpg(self.shell.pid, how)

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGKILL)
        self.shell.communicate()


def walk(check, stage):
    """The guide, typed as it stands but for the ports."""
    _, simulator, server, asking, looking, after = blocks()
    folder = stage.path("walk")
    folder.mkdir()
    stage.path("bin").mkdir()
    stage.path("bin/hallpass").symlink_to(stage.binary)
    ports = {"4570": port(), "8090": port()}
    server_api, aws_api = (Api(f"http://127.0.0.1:{ports[known]}") for known in ("8090", "4570"))
    terminals = [Terminal(stage, folder, ports) for _ in range(5)]
    try:
        terminals[0].type(simulator)
        check("guide: the first terminal", wait(lambda: answers(aws_api, "/_sim/state"), 30))
        terminals[1].type(server)
        check("guide: the second terminal", wait(lambda: answers(server_api, "/readyz"), 60))
        # the guard is told where nobody else listens; its terminal stays open until the end
        terminals[2].type(asking + "echo asked\n")
        lines = [""]
        while "asked" not in lines[-1] and (line := terminals[2].shell.stdout.readline()):
            lines.append(line)
        journal = folder / "guard/guard.jsonl"
        deletions = lambda: aws_api.get("/_sim/calls?operation=DeleteAccountAssignment").json["calls"]
        asker = Api(f"http://127.0.0.1:{ports['8090']}", (folder / "token").read_text().strip())
        states = [grant["state"] for grant in asker.get("/api/v1/grants").json["items"]]
        check("guide: the access is there, and nothing was deleted", states == ["active"] and not deletions(), (states, lines))
        terminals[1].signal(signal.SIGSTOP)
        ended = lambda: journal.exists() and '"guard.ended"' in journal.read_text()
        check("guide: the guard ends it", wait(ended, 90), journal.exists() and journal.read_text()[-600:])
        terminals[3].type(looking + "exit\n")
        said = terminals[3].said()
        check("guide: the journal and AWS's record show it", '"guard.ended"' in said and "DeleteAccountAssignment" in said, said)
        terminals[1].signal(signal.SIGCONT)
        grants = "export HALLPASS_SERVER=http://127.0.0.1:8090\n" + after.splitlines()[0]
        grants_said = []
        def told():
            shell = Terminal(stage, folder, ports)
            shell.type(grants + "\nexit\n")
            found = shell.said()
            grants_said.append(found)
            return '"cause": "guard"' in found.replace('":"', '": "')
        check("guide: the cause is the guard", wait(told, 60, every=1), grants_said[-1])
        terminals[4].type("export HALLPASS_SERVER=http://127.0.0.1:8090\nset -e\n" + after + "exit\n")
        said = terminals[4].said()
        check("guide: the log and the journal verify", terminals[4].shell.returncode == 0, said)
    finally:
        for terminal in terminals:
            terminal.close()


def run(check, stage, names=()):
    # three at a time: most of it is waiting for grants to run out
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        playing = [pool.submit(walk, check, stage)] if not names or "guide" in names else []
        playing += [pool.submit(play, check, stage, name) for name in names or ATTACKS if name in ATTACKS]
        for future in playing:
            future.result()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("attacks", nargs="*", choices=[[], "guide", *ATTACKS])
    arguments = parser.parse_args()
    check = Checks()
    with Stage("attack-guard") as stage:
        run(check, stage, arguments.attacks)
        if check.failed:
            raise SystemExit(f"{check.passed} passed, {check.failed} failed")
    check.end()


if __name__ == "__main__":
    main()
