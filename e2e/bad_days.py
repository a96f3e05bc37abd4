#!/usr/bin/env python3
"""Bad days of the PostgreSQL under two nodes: one that lost its last records, a disk that is full, a lock that others have, no
session left, a pooler in between, a later release beside this one (decisions 0096 and 0119)."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import time

import postgres
from nodes import World
from served import MARA, PRIYA, TOMASZ, asking
from stage import Api, Checks, Stage, free_port, held_at_aws, parts, wait


def ready(world):
    return wait(lambda: all(Api(node.base).get("/readyz").status == 200 for node in world.nodes) and world.leader(), 60, every=0.2)


def refused(world, node, who=MARA):
    """What a person who asks is answered."""
    return node.api(who).post("/api/v1/requests", asking("ReadOnly", 600, account="payments-prod"), timeout=150)


def says(node, part, words):
    """Whether a part of readiness says so now."""
    try:
        found = node.part(part)
    except (OSError, http.client.HTTPException, StopIteration):
        return False
    return not found["ok"] and words in found["detail"]


def told(node, part, words):
    """Whether a part of readiness comes to say so."""
    return wait(lambda: says(node, part, words), 60, every=0.2)


def last_records_lost(world, check):
    """The database comes back as it was some seconds before."""
    first, second = world.nodes
    ends = world.ask(first, TOMASZ, "ReadOnly", "payments-dev", 40)["grant_id"]
    check("a grant is there", world.state(first, ends, "active"), world.grant(first, ends))
    world.database.stop()
    world.database.copy()
    world.database.start()
    leader = world.leader()
    check("after an ordinary restart work continues", leader and all(node.part("log")["ok"] for node in world.nodes), first.said()[-600:])
    lost = world.ask(world.other(leader), PRIYA, "ReadOnly", "payments-prod", 3600)["grant_id"]
    check("access is given that the copy does not know", world.state(leader, lost, "active"), world.grant(leader, lost))
    world.database.stop()
    world.database.put_back()
    world.database.start()
    for node in world.nodes:
        check(f"node {node.name} says that records are missing", told(node, "log", "the database lacks records"), node.said()[-600:])
    check("and so does its metric", all(node.number("hallpass_log_lost_records") > 0 for node in world.nodes))
    creates = len(world.effects("CreateAccountAssignment"))
    answer = refused(world, first)
    check("who asks is refused, and the log says why", answer.status == 503 and "accept-loss" in first.said(), (answer, first.said()[-600:]))
    check("what is due ends all the same", world.state(first, ends, "ended"), world.grant(first, ends))
    check("pages are there", first.api(PRIYA).get("/api/v1/grants").status == 200)
    for node in world.nodes:
        world.stage.stop(node.process)
    check("both start again", first.start() and second.start(), first.said()[-600:])
    check("and have not forgotten it", told(first, "log", "lacks records") and told(second, "log", "lacks records"), second.said()[-600:])
    alarm = lambda: any('hallpass_alarm{alarm="log_went_back"} 1' in Api(node.base).get("/metrics").body.decode() for node in world.nodes)
    check("an alarm is active", wait(alarm, 60, every=0.3))
    check("nothing was given meanwhile", len(world.effects("CreateAccountAssignment")) == creates)
    accept(world, check, lost)


def accept(world, check, lost):
    run = lambda *words: world.stage.run(*words, "--config", "a.toml", **world.environment)
    accepted = run("server", "store", "accept-loss", "--by", PRIYA, "--reason", "the replica was behind")
    check("an operator accepts the loss", accepted.returncode == 0 and "accepted as lost" in accepted.stderr, accepted.stderr)
    again = run("server", "store", "accept-loss", "--by", PRIYA, "--reason", "the replica was behind")
    check("once", again.returncode == 0 and "lacks nothing" in again.stderr, again.stderr)
    check("both nodes go on", wait(lambda: all(node.part("log")["ok"] for node in world.nodes), 60, every=0.2) and world.leader(),
          [node.part("log") for node in world.nodes])
    leader = world.leader()
    grant = world.ask(leader, MARA, "ReadOnly", "payments-prod", 4)["grant_id"]
    check("access begins and ends again", world.state(leader, grant, "ended"), world.grant(leader, grant))
    def recorded():
        records = [json.loads(path.read_text()) for path in world.stage.path("audit").rglob("logs/**/*.json")]
        return [it for it in records if it["event"] == "log.loss_accepted"]
    wait(recorded, 30, every=0.3)
    said = recorded()
    check("who decided, why and what is missing are on record", len(said) == 1 and said[0]["actor"] == PRIYA and "records " in said[0]["why"]
          and said[0]["reason"] == "the replica was behind", said)
    sound = run("server", "store", "check")
    check("the store is sound", sound.returncode == 0, sound.stderr)
    left = [row for row in held_at_aws(world.endpoint) if row[0] == PRIYA and row[2] == "ReadOnly"]
    check("AWS has what the database does not know", left and leader.api(PRIYA).get(f"/api/v1/grants/{lost}").status == 404, left)
    swept = world.stage.run("server", "sweep", "run", HALLPASS_SERVER=leader.base, HALLPASS_TOKEN=world.tokens[PRIYA])
    def found():
        shown = world.stage.run("server", "sweep", "show", "--output", "json", HALLPASS_SERVER=leader.base, HALLPASS_TOKEN=world.tokens[PRIYA])
        return PRIYA in shown.stdout
    check("and a sweep finds it", wait(found, 60, every=0.5), swept.stderr)


def lock_of_others(world, check):
    """Another session has the writers' lock and says nothing."""
    leader = world.leader()
    session = world.database.session()
    session.ask("BEGIN; SELECT pg_advisory_xact_lock(1751215212, hashtext('public'));")
    answer = refused(world, leader)
    check("the requester is informed, and the log has the reason", answer.status == 503 and "pg_stat_activity" in leader.said(), (answer, leader.said()[-600:]))
    check("readiness says so", told(leader, "store", "pg_stat_activity"), leader.part("store"))
    session.ask("ROLLBACK;")
    session.end()
    check("nothing of it was done", not [it for it in world.database.run("SELECT state FROM requests").split() if it == "pending"])
    grant = world.ask(leader, MARA, "ReadOnly", "payments-prod", 3)["grant_id"]
    check("afterwards access begins and ends", world.state(leader, grant, "ended") and ready(world), world.grant(leader, grant))


def no_session_left(world, check):
    most = int(world.database.run("SHOW max_connections")) - int(world.database.run("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")) + 1
    sessions = [world.database.session() for _ in range(most)]
    for session in sessions:
        session.ask("SELECT 1;")
    more = world.stage.run("server", "store", "check", "--config", "a.toml", **world.environment)
    check("a client without a session slot gets the setting to raise", more.returncode == 1 and "max_connections" in more.stderr, more.stderr)
    grant = world.ask(world.leader(), MARA, "ReadOnly", "payments-prod", 3)["grant_id"]
    check("nodes have theirs, and go on", world.state(world.leader(), grant, "ended"), world.grant(world.leader(), grant))
    for session in sessions:
        session.end()


def disk_full(world, check):
    if not world.database.room:
        print("     NOT TESTED: a full disk (only the administrator can make one)")
        return
    leader = world.leader()
    ends = world.ask(leader, TOMASZ, "ReadOnly", "payments-dev", 8)["grant_id"]
    check("a grant is there", world.given(leader, ends), world.grant(leader, ends))
    filler = world.database.folder / "filler"
    answers = []
    # unbuffered: closing a buffered file would write its rest again, and fail
    with open(filler, "wb", buffering=0) as file:
        def answered():
            # again and again: PostgreSQL gives back what a checkpoint frees
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(65536))
            answers.append(refused(world, leader))
            return answers[-1].status
        check("on a full disk the requester is informed", wait(lambda: answered() == 503, 60, every=0.05), answers[-1:])
        check("readiness says so", wait(lambda: answered() and says(leader, "store", "make room"), 60, every=0.2), leader.part("store"))
    filler.unlink()
    check("with room, what was due ends", world.state(leader, ends, "ended"), world.grant(leader, ends))
    check("and all is well", ready(world), [Api(node.base).get("/readyz").json for node in world.nodes])
    sound = world.stage.run("server", "store", "check", "--config", "a.toml", **world.environment)
    check("nothing is half there", sound.returncode == 0, sound.stderr)


class Pooler:
    """PgBouncer before the database."""

    def __init__(self, database, mode):
        self.port, folder = free_port(), database.folder / mode
        folder.mkdir()
        (folder / "users").write_text(f'"hallpass" "{database.password}"\n')
        (folder / "pgbouncer.ini").write_text(
            f"[databases]\ninventory = host=127.0.0.1 port={database.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\n"
            f"unix_socket_dir =\nauth_type = plain\nauth_file = {folder / 'users'}\npool_mode = {mode}\nlogfile = {folder / 'log'}\n")
        if database.user:
            subprocess.run(["chown", "-R", database.user, folder], check=True)
        self.log = open(folder / "said", "wb")
        self.process = subprocess.Popen([postgres.program("pgbouncer"), folder / "pgbouncer.ini"], user=database.user, stdout=self.log, stderr=self.log)
        self.url = f"postgres://hallpass@127.0.0.1:{self.port}/inventory?sslmode=disable"

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def pooler_between(world, check):
    def at(pooler, *words):
        text = world.stage.path("a.toml").read_text()
        world.stage.path("pooled.toml").write_text(text.replace(world.url, pooler.url))
        return world.stage.run(*words, "--config", "pooled.toml", **world.environment)
    for mode in ("session", "transaction"):
        pooler = Pooler(world.database, mode)
        try:
            answered = lambda: at(pooler, "server", "store", "migrate")
            wait(lambda: "cannot use" not in answered().stderr, 20, pooler.process, every=0.2)
            # a second one finds what the first has left in shared sessions
            for ran in (answered(), answered()):
                if mode == "session":
                    check("a pooler that keeps sessions is as good as none", ran.returncode == 0, ran.stderr)
                else:
                    check("one that shares them is refused in words", ran.returncode == 1 and "shares sessions" in ran.stderr and "pool_mode = session" in ran.stderr, ran.stderr)
            if mode == "transaction":
                served = at(pooler, "serve")
                check("a server does not start over it", served.returncode == 1 and "pool_mode = session" in served.stderr, served.stderr)
        finally:
            pooler.stop()


def later_release(world, check):
    """A later release has migrated the database while this one is at work."""
    first, second = world.nodes
    world.database.run("INSERT INTO schema_migrations VALUES (9001, 'later', 'x')")
    for node in world.nodes:
        check(f"node {node.name} steps aside", told(node, "schema", "schema version 9001"), node.said()[-600:])
    check("and is not ready: others are", all(Api(node.base).get("/readyz").status == 503 for node in world.nodes))
    check("no node of this release leads", wait(lambda: not any(node.leads() for node in world.nodes), 30, every=0.2))
    until = world.database.run("SELECT until <= extract(epoch FROM clock_timestamp()) * 1000 FROM leader")
    check("and the lead was released immediately", until == "t", until)
    answer = refused(world, first)
    check("who asks here is refused", answer.status == 503 and "a later release has migrated" in first.said(), (answer, first.said()[-600:]))
    start = world.stage.run("serve", "--config", "b.toml", "--listen", f"127.0.0.1:{free_port()}", **world.environment)
    check("this release does not start over it", start.returncode == 1 and "this release uses version" in start.stderr, start.stderr)
    doctor = world.stage.run("doctor", "--config", "b.toml", "--output", "jsonl", timeout=120, **world.environment)
    rows = [(it["result"], it["detail"] + ": " + it["remedy"]) for it in map(json.loads, doctor.stdout.splitlines()) if it["check"] == "store"]
    check("doctor says so, and what to do", doctor.returncode == 1 and len(rows) == 1 and rows[0][0] == "problem"
          and all(it in rows[0][1] for it in ("schema version 9001", "this release uses version", "restore a backup")), (doctor.returncode, rows, doctor.stderr[-600:]))
    world.database.run("DELETE FROM schema_migrations WHERE version = 9001")
    check("with the schema of before they go on", ready(world), [Api(node.base).get("/readyz").json for node in world.nodes])


PARTS = {"lost": last_records_lost, "lock": lock_of_others, "sessions": no_session_left, "pooler": pooler_between, "release": later_release,
         "disk": disk_full}


def main():
    check = Checks()
    room = 400 if os.geteuid() == 0 else None
    with postgres.Server(free_port(), room, max_connections=40, min_wal_size="32MB", max_wal_size="64MB") as database, Stage("bad_days") as stage:
        world = World(stage, database)
        check("both nodes serve", all(node.start() for node in world.nodes) and ready(world), world.nodes[0].said()[-600:])
        for name in parts(*PARTS):
            begun = time.time()
            PARTS[name](world, check)
            print(f"     {name}: {time.time() - begun:.1f} s", flush=True)
        words = world.stage.said("a.log") + world.stage.said("b.log")
        check("the password is nowhere", database.password not in words)
    check.end()


main()
