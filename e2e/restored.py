#!/usr/bin/env python3
"""The database of two nodes is lost: restored from a backup that was made while people worked, and then lost with nothing to restore.
By the commands of the pages, as the owner of a database that may do nothing else; a guard and a witness elsewhere are told."""

import json
import os
import re
import signal
import subprocess
import threading

import postgres
from nodes import TAKEOVER_MAX, World
from served import MARA, PRIYA, TOMASZ
from stage import ROOT, Api, Checks, Stage, free_port, held_at_aws, wait

check = Checks()
BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```", re.M | re.S)


def blocks(page, beginning, end, wanted):
    """The commands between two lines of a page, block by block."""
    text = (ROOT / "docs/operations" / page).read_text()
    found = [[line.strip() for line in it.splitlines() if line.strip()] for it in BLOCK.findall(text[text.index(beginning):text.index(end)])]
    check.equal(f"{page} has its blocks", len(found), wanted)
    return found


class Operator:
    """Somebody at a terminal with the nodes' folder."""

    def __init__(self, world):
        self.world, self.stage, self.database = world, world.stage, world.database
        self.backups = self.stage.path("backups")
        self.backups.mkdir()
        self.stage.path("bin").mkdir()
        self.stage.path("bin/hallpass").symlink_to(self.stage.binary)
        # who owns a database, and may do nothing beyond it
        self.database.run(f"CREATE ROLE app LOGIN PASSWORD '{self.database.password}'")
        self.urls = {"URL": self.address("hallpass", "inventory"), "ADMIN_URL": self.address("hallpass", "postgres"),
                     "RESTORED_URL": self.address("app", "hallpass_restored")}

    def address(self, user, name):
        return f"postgres://{user}@localhost:{self.database.port}/{name}?sslmode=verify-full&sslrootcert={self.database.authority}"

    def runs(self, line, config="a.toml", code=0):
        """A line as it stands; what it says."""
        line = line.replace("/var/backups", str(self.backups)).replace("OWNER hallpass ", "OWNER app ").replace("you@example.com", PRIYA)
        if line.startswith(("hallpass server store", "hallpass server doctor", "hallpass server guard", "hallpass audit")) and "--config" not in line:
            line = re.sub(r"( *#.*)?$", f" --config {config}", line, count=1)
        programs = os.path.dirname(postgres.program("pg_dump"))
        leader = next((node for node in self.world.nodes if node.leads()), self.world.nodes[0])
        environment = {**self.stage.environment(**{**self.world.environment, **self.world.aws, **self.urls}),
                       "PATH": f"{self.stage.path('bin')}:{programs}:{os.environ['PATH']}",
                       "HALLPASS_SERVER": leader.base, "HALLPASS_TOKEN": self.world.tokens[PRIYA]}
        done = subprocess.run(["bash", "-o", "pipefail", "-c", line], cwd=self.stage.folder, capture_output=True, text=True, env=environment, timeout=300,
                              check=False)
        said = done.stdout + done.stderr
        check(f"`{line.split(' #')[0].replace(str(self.backups), '/var/backups')[:90]}` exits {code}", done.returncode == code, said[-900:])
        return said

    def over(self, name):
        """Every node is to work on this database."""
        url = self.address("app", name)
        for node in self.world.nodes:
            path = self.stage.path(f"{node.name}.toml")
            path.write_text(re.sub(r'\[store\]\nurl = ".*"', f'[store]\nurl = "{url}"', path.read_text()))

    def stops(self, how=signal.SIGTERM):
        for node in self.world.nodes:
            self.stage.stop(node.process, how)

    def starts(self):
        for node in self.world.nodes:
            check(f"node {node.name} starts", node.start(), node.said()[-600:])
        check("and one leads", self.world.leader(), self.world.nodes[0].said()[-600:])

    def exported(self, grant):
        records = [json.loads(path.read_text()) for path in self.stage.path("audit/logs").rglob("*.json")]
        return any(it["event"] == "grant.succeeded" and it["grant_id"] == grant for it in records)


class Elsewhere:
    """A guard on another machine, which knows the server's key and goes by the file of ends alone."""

    def __init__(self, operator):
        self.operator, self.stage = operator, operator.stage
        key = operator.runs("hallpass audit key").strip()
        aws = operator.world.aws
        self.stage.path("guard.toml").write_text(
            f'[store]\nurl = "sqlite:nowhere.db"\n[aws]\nregion = "{aws["AWS_REGION"]}"\nendpoint_url = "{operator.world.endpoint}"\n'
            f'[guard]\nname = "guard"\njournal = "elsewhere"\npublic_key = "{key}"\nbound = "4s"\n')

    def start(self):
        self.process = self.stage.spawn("server", "guard", "--config", "guard.toml", "--ends", "audit/ends.jsonl", log="guard.log", **self.operator.world.aws)

    def says(self, words):
        path = self.stage.path("elsewhere/guard.jsonl")
        return words in self.stage.said("guard.log") + (path.read_text() if path.exists() else "")

    def accepts(self):
        """By the lines of the runbook."""
        page = (ROOT / "docs/operations/runbooks/guard-silent.md").read_text()
        check("the runbook has the line", "hallpass server guard --accept-restored --once" in page)
        self.stage.stop(self.process)
        self.operator.runs("hallpass server guard --accept-restored --once --config guard.toml --ends audit/ends.jsonl")
        self.start()


def witnessed(operator, *more, code=0):
    return operator.runs(" ".join(["hallpass audit witness audit --name security --keys keys.txt --state witness --once", *more, "--config a.toml"]), code=code)


def backed_up(operator, backup):
    """While people ask, and what they asked for ends."""
    world, working, asked = operator.world, threading.Event(), []

    def people():
        while not working.is_set():
            node = world.nodes[len(asked) % 2]
            asked.append(world.ask(node, TOMASZ, "ReadOnly", ("payments-dev", "orders-dev", "checkout-dev")[len(asked) % 3], 2)["id"])
            working.wait(0.4)
    them = threading.Thread(target=people)
    them.start()
    wait(lambda: len(asked) > 3, 30, every=0.1)
    before = len(asked)
    operator.runs(backup[0])
    wait(lambda: len(asked) > before + 3, 30, every=0.1)
    working.set()
    them.join()
    check("people worked meanwhile", len(asked) > before > 3, (before, asked))


def lost(operator, guard, backup, steps):
    world, stage = operator.world, operator.stage
    make, look, aside, accept, after = steps
    first, second = world.nodes
    known = world.ask(first, MARA, "ReadOnly", "payments-prod", 1800)["grant_id"]
    check("a grant is there", world.state(first, known, "active"), world.grant(first, known))
    backed_up(operator, backup)
    unknown = world.ask(second, PRIYA, "ReadOnly", "payments-prod", 75)["grant_id"]
    check("another one, after the backup", world.state(second, unknown, "active") and wait(lambda: operator.exported(unknown), 30), world.grant(second, unknown))
    check("the guard knows when it ends", wait(lambda: PRIYA in stage.path("audit/ends.jsonl").read_text() or unknown in stage.path("audit/ends.jsonl").read_text(), 30))
    witnessed(operator)
    operator.stops(signal.SIGKILL)
    for line in make:
        operator.runs(line)
    operator.over("hallpass_restored")
    said = operator.runs(look[0])
    check("the restored database is sound", "is sound" in said, said)
    operator.runs(aside[0])
    said = operator.runs(accept[0], config="a.toml")
    check("what is missing is accepted", "are accepted as lost" in said, said)
    operator.runs(accept[0], config="b.toml")
    operator.starts()
    for node in world.nodes:
        check(f"node {node.name} lacks nothing that was not accepted", wait(lambda node=node: node.part("log")["ok"], 30), node.part("log"))
    gone = first.api(PRIYA).get(f"/api/v1/grants/{unknown}").status
    check("the database knows the one and not the other", world.state(first, known, "active") and gone == 404, gone)
    check("the guard does not use data older than its last look", wait(lambda: guard.says("older copy"), 60, guard.process), stage.said("guard.log")[-600:])
    guard.accepts()
    for line in after:
        found = operator.runs(line)
    holds = lambda who: [row for row in held_at_aws(world.endpoint) if row[0] == who and row[2] == "ReadOnly"]
    check("a sweep shows what AWS has and the database does not know", not holds(PRIYA) or wait(lambda: PRIYA in operator.runs(after[-1]), 30, every=1), found)
    check("the guard ends it, in its time", wait(lambda: not holds(PRIYA), 150), holds(PRIYA))
    check("and nothing else", holds(MARA))
    check("the witness says that the log went back", "rollback" in (said := witnessed(operator, code=1)) or "fork" in said, said)
    witnessed(operator, "--begin-again")
    given = second.api(MARA).post(f"/api/v1/grants/{known}/release")
    check("access begins and ends on the restored database", given.status == 200 and world.state(second, known, "ended"), given)
    check("each node decides its callers", world.ask(first, TOMASZ, "ReadOnly", "payments-dev", 2)["grant_id"])
    verified = operator.runs("hallpass audit verify audit/ --keys keys.txt")
    check("the log continues, with the earlier key", '"ok":true' in verified, verified)


def with_nothing(operator, guard, steps):
    """No backup either."""
    world, stage = operator.world, operator.stage
    operator.stops()
    stage.path("audit").rename(stage.path("audit-lost"))
    operator.runs(steps[0])
    operator.over("hallpass_new")
    operator.runs(steps[1])
    said = operator.runs("hallpass server store accept-loss --by you@example.com --reason 'the database was lost'", config="a.toml")
    check("another database begins a new log, on record", "record 1" in said, said)
    operator.starts()
    world.tokens = {who: stage.token(who, config="a.toml") for who in world.tokens}
    check("nodes lack nothing", wait(lambda: all(node.part("log")["ok"] for node in world.nodes), 30), [node.part("log") for node in world.nodes])
    grant = world.ask(world.nodes[1], MARA, "ReadOnly", "payments-dev", 4)["grant_id"]
    check("and access begins and ends", world.state(world.nodes[0], grant, "ended", TAKEOVER_MAX), world.grant(world.nodes[0], grant))
    guard.accepts()
    stage.stop(guard.process)


def main():
    backup, *steps = blocks("backup-and-restore.md", "## PostgreSQL", "## Rehearse it", 6)
    anew = blocks("recover.md", "   With PostgreSQL: stop every node", "2. Say that a new log begins", 1)[0]
    with postgres.Server(free_port()) as database, Stage("restored") as stage:
        world = World(stage, database)
        operator = Operator(world)
        operator.starts()
        operator.runs("hallpass audit key --heads > keys.txt --config a.toml")
        guard = Elsewhere(operator)
        guard.start()
        check("a guard uses the file of ends", wait(lambda: guard.says("guard.looked"), 60, guard.process), stage.said("guard.log")[-600:])
        lost(operator, guard, backup, steps)
        with_nothing(operator, guard, anew)
        words = stage.said("a.log") + stage.said("b.log") + stage.said("guard.log")
        check("the password is nowhere", database.password not in words)
    check.end()


if __name__ == "__main__":
    main()
