#!/usr/bin/env python3
"""Two nodes on one PostgreSQL: any of them may die, be paused or be stopped, the database may be started anew, and access begins
and ends all the same, each time once (decision 0102)."""

import http.client
import http.server
import json
import signal
import socket
import threading
import time

import postgres
from collector import Reader
from nodes import CLAIMED_WITHIN, TAKEOVER_MAX, World
from served import MARA, PRIYA, TOMASZ, asking
from stage import Api, Checks, Stage, free_port, held_at_aws, wait


class Receiver:
    """A webhook's other end, which may keep whoever calls waiting. Which notices it was told, by the header that names them."""

    def __init__(self):
        self.told, self.keeps, self.goes_on = [], False, threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                receiver.told.append(self.headers["Hallpass-Delivery"])
                if receiver.keeps:
                    receiver.goes_on.wait(120)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                try:
                    self.end_headers()
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def configuration(self):
        return f'[[webhooks]]\nname = "tickets"\nurl = "http://127.0.0.1:{self.server.server_port}/hook"\nsecret = "{"s" * 32}"\nevents = ["granted"]\n'


def one_leads(world, check):
    first, second = world.nodes
    check("the first node serves, over TLS with a password from PGPASSWORD", first.start(), first.said()[-600:])
    check("and leads", world.leader() is first, first.said()[-600:])
    check("the second node serves", second.start(), second.said()[-600:])
    # a machine that stands still for longer than a term makes the lead go over
    epochs = lambda: [node.number("hallpass_leader_epoch") or 0 for node in world.nodes]
    check("and does not lead", wait(lambda: second.part("leader")["ok"], 30) and (not second.leads() and first.leads() or max(epochs()) > 1), epochs())

    def told():
        leader = world.leader()
        here, there = leader.part("leader"), world.other(leader).part("leader")
        return here["ok"] and "this node" in here["detail"] and there["ok"] and f":{leader.port} leads" in there["detail"]
    check("readiness of each says who leads", wait(told, 30), [node.part("leader") for node in world.nodes])
    same = lambda: (found := epochs())[0] == found[1] >= 1
    check("both know the same epoch", wait(same, 30), epochs())
    world.note_claims()
    ready = lambda: all(Api(node.base).get("/readyz").status == 200 for node in world.nodes)
    check("both come to be ready", wait(ready, 60, every=0.2), Api(second.base).get("/readyz"))
    listings = Api(world.endpoint).get("/_sim/calls?operation=ListUsers&limit=100").json["calls"]
    readings = world.stage.said("b.log").count("read the organization")
    check("the node that does not lead knows the organization and has not read it", second.api(MARA).get("/api/v1/me").status == 200
          and (readings == 0 or max(epochs()) > 1), (readings, len(listings), epochs()))


def listen(node, who, after):
    """An event stream, from a record's number on."""
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=90)
    connection.request("GET", "/api/v1/events", headers={"Authorization": f"Bearer {node.world.tokens[who]}", "Last-Event-ID": str(after)})
    return connection, connection.getresponse()


def hears(stream, event, patience=90):
    """Whether an event comes; the number of its record."""
    until, number = time.time() + patience, None
    while time.time() < until:
        try:
            line = stream.readline().decode()
        except (OSError, socket.timeout):
            return None
        if line.startswith("id:"):
            number = int(line[3:])
        if line.startswith("event:") and line[6:].strip() == event:
            return number or hears_number(stream)
    return None


def hears_number(stream):
    """The number of an event whose name came first."""
    while (line := stream.readline().decode()).strip():
        if line.startswith("id:"):
            return int(line[3:])
    return None


def served_by_both(world, check):
    leader = world.leader()
    other = world.other(leader)
    connection, stream = listen(other, PRIYA, 0)
    request = world.ask(other, MARA, "DatabaseOperator", "payments-prod", 1800)
    check.equal("a request on the node that does not lead waits", request["state"], "pending")
    approved = leader.api(TOMASZ).post(f"/api/v1/requests/{request['id']}/approve")
    check("it is approved on the other", approved.status == 200, approved)
    grant = approved.json["grant_id"]
    check("and comes to be active, as both say", world.state(other, grant, "active") and world.state(leader, grant, "active"), world.grant(other, grant))
    heard = hears(stream, "grant.succeeded")
    check("a stream of the node that does not lead has the other's events", heard, heard)
    connection.close()
    connection, stream = listen(leader, PRIYA, heard - 1)
    check("and continues, on the other node, at its position", hears(stream, "grant.succeeded") == heard)
    connection.close()
    given = other.api(MARA).post(f"/api/v1/grants/{grant}/release")
    check("ended early on the node that does not lead, it ends", given.status == 200 and world.state(other, grant, "ended"), given)
    told_as_one(world, check, request["id"].removeprefix("req_"), (other, leader))


# asked and given back on one node, approved, granted and ended on the other
BY_BOTH = {"POST /api/v1/requests": 0, "request.created": 0, "POST /api/v1/grants/{id}/release": 0,
           "POST /api/v1/requests/{id}/approve": 1, "request.approved": 1, "sso-admin/CreateAccountAssignment": 1, "grant.succeeded": 1,
           "sso-admin/DeleteAccountAssignment": 1, "end.succeeded": 1}


def told_as_one(world, check, trace, nodes):
    """What both nodes did for a request is one trace."""
    wait(lambda: BY_BOTH.keys() <= set(world.reader.named(trace)), 30, every=0.2)
    spans = world.reader.trace(trace)
    by = {name: {span.service["service.instance.id"].rsplit(":", 1)[1] for span in spans if span.name == name} for name in BY_BOTH}
    check.equal("a request that both nodes served is one trace, each span of the node that did it", by,
                {name: {str(nodes[which].port)} for name, which in BY_BOTH.items()})
    ids = {span.id for span in spans}
    check.equal("with one root, and every other span inside one that is there",
                [span.name for span in spans if span.parent not in ids], ["POST /api/v1/requests"])


def killed_in_a_create(world, check):
    """The leader dies while AWS does what it was asked for, and its answer is lost."""
    leader = world.leader()
    other = world.other(leader)
    ends = world.ask(other, TOMASZ, "ReadOnly", "payments-prod", 8)["grant_id"]
    check("a short grant is there", world.given(other, ends), world.grant(other, ends))
    before = len(world.effects("CreateAccountAssignment"))
    world.fault(kind="drop_after_effect", hang_seconds=30, match={"operation": "CreateAccountAssignment"}, count=1)
    grant = world.ask(other, MARA, "ReadOnly", "payments-prod", 1800)["grant_id"]
    check("the create is under way", wait(lambda: len(world.effects("CreateAccountAssignment")) > before, 30, every=0.1))
    # anew: the lead may have gone over on a machine that stood still
    leader = world.leader()
    other = world.other(leader)
    epoch = other.number("hallpass_leader_epoch")
    killed = world.now()
    world.stage.stop(leader.process, signal.SIGKILL)
    check("another node leads", world.leader() is other, other.said()[-600:])
    followed(world, check, "a leader that was killed", killed)
    check("in a later epoch", other.number("hallpass_leader_epoch") > epoch)
    check("the grant comes to be active", world.state(other, grant, "active"), world.grant(other, grant))
    check("and was requested once", len(world.effects("CreateAccountAssignment")) == before + 1, world.effects("CreateAccountAssignment"))
    check("what was to end meanwhile ended", world.state(other, ends, "ended"), world.grant(other, ends))
    check("it comes back, and does not lead", leader.start() and wait(lambda: leader.part("leader")["ok"], 30) and not leader.leads(), leader.said()[-600:])


def followed(world, check, whom, since, within=CLAIMED_WITHIN):
    took = world.claimed(since)
    print(f"     {took} s by the database's clock", flush=True)
    check(f"{whom} is followed within {within} s", took is not None and took <= within, took)


def killed_while_it_tells(world, check):
    """What a leader was telling when it died is told by the next one, before the time that a notice is left to whoever took it
    (90 s) is over."""
    leader, receiver = world.leader(), world.receiver
    other = world.other(leader)
    receiver.keeps, before = True, len(receiver.told)
    # long enough to be seen there on a slow machine: only then is it news
    grant = world.ask(other, PRIYA, "ReadOnly", "payments-dev", 1800)["grant_id"]
    check("a notice is being sent", wait(lambda: len(receiver.told) > before, TAKEOVER_MAX, every=0.02), receiver.told)
    leader = world.leader()
    other = world.other(leader)
    world.stage.stop(leader.process, signal.SIGKILL)
    notice, receiver.keeps = receiver.told[before], False
    # not longer: when it is left to nobody any more, whoever leads tells it anyway
    over = time.time() + 80
    wait(lambda: receiver.told[before + 1:].count(notice) or time.time() > over, 60, every=0.1)
    check("the next leader reports it", receiver.told[before + 1:].count(notice), (receiver.told[before:], other.said()[-600:]))
    receiver.goes_on.set()
    given = other.api(PRIYA).post(f"/api/v1/grants/{grant}/release")
    check("ended early, its grant ends", given.status == 200 and world.state(other, grant, "ended"), (given, world.grant(other, grant)))
    check("the node comes back", leader.start(), leader.said()[-600:])


def slow_caller(node, who):
    """A call that has begun, and whose end takes as long as a server waits for it."""
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=60)
    connection.putrequest("POST", "/api/v1/requests")
    for name, value in (("Authorization", f"Bearer {node.world.tokens[who]}"), ("Content-Type", "application/json"), ("Content-Length", "400")):
        connection.putheader(name, value)
    connection.endheaders(b'{"account":')
    # whoever came later has been answered
    assert Api(node.base).get("/healthz").status == 200
    return connection


def stopped_while_it_answers(world, check):
    """A clean stop hands over at once, whoever is still connected (decision 0102); the node that was stopped."""
    other = world.nodes[1]
    ends = world.ask(other, TOMASZ, "ReadOnly", "payments-dev", 8)["grant_id"]
    check("a grant is there that is to end", world.given(other, ends), world.grant(other, ends))
    leader = world.leader()
    other = world.other(leader)
    slow = slow_caller(leader, MARA)
    # before, not after: it hands over sooner than a slow machine asks a database for the time
    stopped = world.now()
    leader.signal(signal.SIGTERM)
    leads = wait(other.leads, TAKEOVER_MAX, every=0.1)
    check("a leader that is stopped hands over while it answers a slow caller", leads and leader.process.poll() is None, leader.said()[-600:])
    check("and says so", "gave the lead back" in leader.said(), leader.said()[-600:])
    # loops have five seconds, the export three; who waited for the caller would wait for ten
    followed(world, check, "a leader that is stopped", stopped, within=10)
    check("what is due meanwhile ends", world.state(other, ends, "ended"), world.grant(other, ends))
    check.equal("the caller is disconnected, and the node ends in order", leader.process.wait(120), 0)
    slow.close()
    return leader


def stopped_and_paused(world, check):
    other = stopped_while_it_answers(world, check)
    other.start()
    removed = len(world.effects("DeleteAccountAssignment"))
    ends = world.ask(other, MARA, "ReadOnly", "payments-dev", 8)["grant_id"]
    check("a grant is there", world.given(other, ends), world.grant(other, ends))
    # whoever was just started knows it once it has looked
    paused = world.leader()
    other = world.other(paused)
    check("the other node knows who leads", wait(lambda: (other.number("hallpass_leader_epoch") or 0) > 0, 30), other.said()[-600:])
    epoch = other.number("hallpass_leader_epoch")
    still = world.now()
    paused.signal(signal.SIGSTOP)
    check("a stopped leader is replaced", wait(other.leads, TAKEOVER_MAX, every=0.2), other.said()[-600:])
    followed(world, check, "a stopped leader", still)
    check("which ends what is due", world.state(other, ends, "ended"), world.grant(other, ends))
    paused.signal(signal.SIGCONT)
    check("it finds that it leads no more", wait(lambda: "leads no more" in paused.said(), 30), paused.said()[-600:])
    check("and does not lead", wait(lambda: paused.part("leader")["ok"], 30) and not paused.leads() and other.leads())
    of_term = "hallpass_audit_unexported_records"
    shows = lambda: paused.number("hallpass_leader") == 0 and paused.number(of_term) is None
    check("and shows nothing of a leader's work any more", wait(shows, 30, every=0.2) and wait(lambda: other.number(of_term) is not None, 30), paused.number(of_term))
    check("what it had in hand was not done again", len(world.effects("DeleteAccountAssignment")) == removed + 1, world.effects("DeleteAccountAssignment")[removed:])
    check("the epoch grew", other.number("hallpass_leader_epoch") > epoch, (epoch, other.number("hallpass_leader_epoch")))


# which session keeps the lead; whoever writes calls it
KEEPER = """
CREATE TABLE seen_by_tests.keeper (pid int);
CREATE FUNCTION seen_by_tests.keeps() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    DELETE FROM seen_by_tests.keeper;
    INSERT INTO seen_by_tests.keeper VALUES (pg_backend_pid());
    RETURN NULL;
END $$;
CREATE TRIGGER kept AFTER UPDATE ON leader FOR EACH ROW EXECUTE FUNCTION seen_by_tests.keeps();
ALTER FUNCTION seen_by_tests.note() SECURITY DEFINER;
"""


def kept_but_unable(world, check):
    """The session that keeps the lead goes on, and the server gives its node no other: as with a login that may not be used any
    more."""
    run, (first, second) = world.database.run, world.nodes
    run(KEEPER)
    run(f"CREATE ROLE first LOGIN PASSWORD '{world.database.password}' IN ROLE hallpass")
    text = world.stage.path("a.toml").read_text()
    world.stage.path("a.toml").write_text(text.replace("//hallpass@", "//first@"))
    # the node with a login of its own leads
    for node in (first, second):
        world.stage.stop(node.process)
    check("a node with a separate login starts", first.start() and wait(first.leads, TAKEOVER_MAX), first.said()[-600:])
    check("and another beside it", second.start(), second.said()[-600:])
    run("ALTER ROLE first CONNECTION LIMIT 0")
    since = world.now()
    # twice, for what was opened while the first was read
    for _ in range(2):
        run("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'first' AND pid NOT IN (SELECT pid FROM seen_by_tests.keeper)")
    check("it keeps the lead for a while", run("SELECT count(*) FROM pg_stat_activity WHERE usename = 'first'") == "1" and first.leads(),
          (run("SELECT pid, query FROM pg_stat_activity WHERE usename = 'first'"), first.said()[-600:]))
    # a minute without a write, and what the other needs to see it
    check("then the other leads", wait(second.leads, 60 + 10 + 2 * TAKEOVER_MAX, every=0.5), (first.said()[-1500:], world.claimed(since)))
    check("and the reason is reported", "could write nothing for a minute" in first.said() and "too many connections for role" in first.said(), first.said()[-1500:])
    grant = world.ask(second, PRIYA, "ReadOnly", "payments-prod", 9)["grant_id"]
    check("access begins and ends there", world.state(second, grant, "ended"), world.grant(second, grant))
    check("a node that cannot write does not claim the lead", not first.leads() and world.claimed(since) is not None
          and run(f"SELECT count(*) FROM seen_by_tests.claims WHERE at > '{since}'") == "1", run("SELECT * FROM seen_by_tests.claims"))
    run("ALTER ROLE first CONNECTION LIMIT -1")
    world.stage.stop(second.process)
    check("once it can, it leads again", wait(first.leads, 2 * TAKEOVER_MAX, every=0.5), first.said()[-1500:])
    check("both serve", second.start(), second.said()[-600:])


def database_restarted(world, check):
    world.database.stop()
    down = wait(lambda: all(node.number("hallpass_leader") == 0 for node in world.nodes), 30, every=0.2)
    check("without a database no node leads", down, [node.number("hallpass_leader") for node in world.nodes])
    refused = world.nodes[0].api(MARA).post("/api/v1/requests", asking("ReadOnly", 60))
    check("and the requester is informed, in time", refused.status == 503, refused)
    unready = Api(world.nodes[0].base).get("/readyz")
    check("readiness says so, without the password", unready.status == 503 and world.database.password not in unready.body.decode(), unready)
    world.database.start()
    leader = world.leader()
    check("with it one node leads again", leader, world.nodes[0].said()[-600:])
    # a term over a database that came back begins after three seconds
    grant = world.ask(world.other(leader), PRIYA, "ReadOnly", "payments-prod", 9)["grant_id"]
    check("and access begins and ends", world.state(leader, grant, "ended"), world.grant(leader, grant))


def whole(world, check):
    """The log, what AWS was asked for, and what is left there."""
    for node in world.nodes:
        world.stage.stop(node.process)
    run = lambda *arguments: world.stage.run(*arguments, "--config", "b.toml", **world.environment)
    checked = run("server", "store", "check")
    check("every row and the chain are sound", checked.returncode == 0 and "is sound" in checked.stdout + checked.stderr, checked)
    verified = run("audit", "verify")
    check("the audit log verifies", verified.returncode == 0, verified.stdout + verified.stderr)
    records = sorted((json.loads(path.read_text()) for path in world.stage.path("audit/logs").rglob("*.json")), key=lambda it: it["seq"])
    check.equal("its export has no gap and nothing twice", [it["seq"] for it in records], list(range(1, len(records) + 1)))
    begun = [it["grant_id"] for it in records if it["event"] == "grant.succeeded"]
    ended = [it["grant_id"] for it in records if it["event"] == "end.succeeded"]
    # on a slow machine a short one may be over before it was seen to be there
    check("each grant began or was over, once, and none ended twice", len(set(begun)) == len(begun) and len(set(ended)) == len(ended)
          and len(set(begun) | set(ended)) == len(world.asked), (begun, ended))
    check("AWS was called for each once", len(world.effects("CreateAccountAssignment")) == len(world.asked), len(world.effects("CreateAccountAssignment")))
    words = world.stage.said("a.log") + world.stage.said("b.log") + verified.stdout + checked.stderr
    check("the password is nowhere", world.database.password not in words)
    left = [row for row in held_at_aws(world.endpoint) if row[0] in (TOMASZ, PRIYA) and row[2] == "ReadOnly"]
    check("what ended is gone at AWS", not left, left)


def refused(world, check):
    """What is for files alone, and an address that is not to be trusted, are said in plain words."""
    run = lambda *arguments, **more: world.stage.run(*arguments, "--config", "b.toml", **{**world.environment, **more})
    backup = run("server", "store", "backup", "copy.db")
    check("a backup is left to pg_dump", backup.returncode == 2 and "pg_dump" in backup.stderr, backup.stderr)
    wrong = run("server", "store", "check", PGPASSWORD="wrong")
    check("a wrong password is an error that does not show it", wrong.returncode == 1 and "password" in wrong.stderr and "wrong" not in wrong.stderr.replace("what is wrong", ""), wrong.stderr)
    text = world.stage.path("b.toml").read_text()
    world.stage.path("untrusted.toml").write_text(text.replace(f"&sslrootcert={world.database.authority}", ""))
    untrusted = world.stage.run("server", "store", "check", "--config", "untrusted.toml", **world.environment)
    check("a certificate without a known authority is refused", untrusted.returncode == 1 and "sslrootcert" in untrusted.stderr, untrusted.stderr)
    passfile = world.stage.path("passwords")
    passfile.write_text(f"localhost:{world.database.port}:inventory:hallpass:{world.database.password}\n")
    passfile.chmod(0o600)
    by_file = world.stage.run("server", "store", "migrate", "--config", "b.toml", PGPASSFILE=passfile,
                              **{name: value for name, value in world.environment.items() if name != "PGPASSWORD"})
    check("the password may be in a file", by_file.returncode == 0, by_file.stderr)


def main():
    check = Checks()
    with postgres.Server(free_port()) as database, Stage("ha") as stage:
        receiver, reader = Receiver(), Reader()
        telemetry = f'[telemetry]\nendpoint = "http://127.0.0.1:{reader.port}"\n'
        world = World(stage, database, receiver.configuration() + telemetry)
        world.receiver, world.reader = receiver, reader
        for part in (one_leads, served_by_both, killed_in_a_create, killed_while_it_tells, stopped_and_paused, kept_but_unable, database_restarted, whole, refused):
            begun = time.time()
            part(world, check)
            print(f"     {part.__name__}: {time.time() - begun:.1f} s", flush=True)
    check.end()


main()
