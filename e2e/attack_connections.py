"""Connections that hold a server's descriptors, and calls that hold its time: the ends of grants come
nevertheless, those who come late are answered, and afterwards all is as before (`access.md` §15, `design.md` §2 P11)."""

import contextlib
import datetime
import http.client
import json
import os
import pathlib
import resource
import subprocess
import sys
import threading
import time

from served import INES, MARA, NOOR, PRIYA, RULES, TOMASZ, Served, asking
from stage import HERE, Api, wait

NAME = "connections"
DESCRIPTORS = 1024
# held at a time: more than twice what the server has descriptors for
HELD = {"silent": 800, "header": 500, "body": 300, "answered": 400}
STREAMS = 300
# for one process; any machine lets a process open as many
EACH = 400
LAG_MAX = 60
# the server forgets its connections to AWS after 30 s without a call: an end after that needs a new one
LONG, SHORT = 36, 15
PEOPLE = (MARA, TOMASZ, PRIYA, NOOR, INES)


class Holders:
    """Processes that hold connections, until they are let go."""

    def __init__(self, port, tokens):
        self.port, self.tokens, self.said, self.processes = port, tokens, {}, []

    def hold(self, kind, number):
        while number > 0:
            some = min(number, EACH)
            number -= some
            process = subprocess.Popen(
                [sys.executable, HERE / "hold.py", str(self.port), kind, str(some)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                env={**os.environ, "HOLD_TOKENS": "\n".join(self.tokens)})
            self.processes.append(process)
            threading.Thread(target=self.listen, args=(process, kind), daemon=True).start()

    def listen(self, process, kind):
        for line in process.stdout:
            self.said[kind, process.pid] = json.loads(line)

    def count(self, what, *kinds):
        rows = list(self.said.items())
        return sum(counts.get(what, 0) for (kind, _), counts in rows if not kinds or kind in kinds)

    def let_go(self):
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()
        self.processes.clear()


@contextlib.contextmanager
def held(server):
    """The attack as it goes on, for a server that is in other trouble too."""
    holders = Holders(server.port, [server.tokens[who] for who in PEOPLE])
    try:
        for kind, number in HELD.items():
            holders.hold(kind, number)
        holders.hold("stream", STREAMS)
        wait(lambda: holders.count("opened") >= sum(HELD.values()), 60)
        yield holders
    finally:
        holders.let_go()


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def patiently(call, seconds=150):
    """An answer, and how many calls and seconds it took: who is turned away comes again. Calls are waited for as long as browsers
    wait: whoever hangs up and comes again stands behind the attackers once more."""
    begun, tries = time.monotonic(), 0
    while True:
        tries += 1
        try:
            answer = call()
            if answer.status not in (503, 429):
                return answer, tries, time.monotonic() - begun
        except (OSError, http.client.HTTPException):
            pass
        if time.monotonic() - begun > seconds:
            return None, tries, time.monotonic() - begun
        time.sleep(0.1)


class Granted:
    """A grant that has begun."""

    def __init__(self, server, grant):
        self.server, self.grant, self.ends = server, grant, instant(grant["ends_at"])

    def is_in_aws(self):
        return self.server.has(self.grant)

    def removals(self):
        """When AWS was asked to take it away, by its own log: whoever looks may be late, on a machine under attack."""
        calls = Api(self.server.endpoint).get("/_sim/calls?operation=DeleteAccountAssignment&limit=1000").json["calls"]
        asked = [call for call in calls if call["effect"] and call["request"]["PrincipalId"] == self.grant["user_id"]
                 and call["request"]["TargetId"] == self.grant["account"]]
        return [at for at in (instant(call["wall"]) for call in asked) if at >= instant(self.grant["scheduled_at"])]

    def ends_in_time(self, check, what):
        """Whether AWS has it until its end, and not for long afterwards."""
        was = self.is_in_aws() or time.time() >= self.ends
        gone = wait(lambda: not self.is_in_aws(), max(LAG_MAX, self.ends + LAG_MAX + 5 - time.time()), every=0.2)
        late = min(self.removals(), default=0) - self.ends
        check(f"{what} ended {late:.1f} s after its end", was and gone and -2 < late <= LAG_MAX, (was, gone))


def granted(check, server, seconds, account="payments-prod"):
    """Somebody gets access for so long."""
    mara = server.api(MARA)
    asked, _, _ = patiently(lambda: mara.post("/api/v1/requests", asking("ReadOnly", seconds, account=account)))
    assert asked is not None and asked.status == 201, asked
    path = f"/api/v1/grants/{asked.json['grant_id']}"
    look = lambda: patiently(lambda: mara.get(path))[0].json
    found = Granted(server, wait(lambda: (grant := look())["state"] == "active" and grant, 60) or look())
    check(f"a grant of {seconds} s is active, in AWS", found.is_in_aws() or time.time() >= found.ends and found.grant["granted_at"], found.grant)
    return found


def still_live(check, server, grant):
    """The grant; where a slow machine came to its end before the attack was there, another one, asked for under the attack."""
    return grant if time.time() < grant.ends - 2 else granted(check, server, LONG, account="payments-staging")


def numbers(server):
    """The server's own, by name with labels."""
    answer, _, _ = patiently(lambda: Api(server.base).get("/metrics"))
    rows = (line.rsplit(" ", 1) for line in answer.body.decode().splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, value in rows}


def descriptors(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def before_and_during(check, server):
    """Two thousand connections of every kind, opened while access is live and again whenever one is closed."""
    first = granted(check, server, LONG)
    with held(server) as holders:
        opened = holders.count("opened")
        first = still_live(check, server, first)
        check(f"{opened} connections were opened before its end, {holders.count('open')} are open",
              opened >= 2000 and time.time() < first.ends - 2, holders.said)
        answer, tries, took = patiently(lambda: server.api(TOMASZ).get("/api/v1/me"))
        check(f"a newcomer is answered ({tries} calls, {took:.1f} s)", answer is not None and answer.status == 200, answer)
        most = descriptors(server)
        first.ends_in_time(check, "while all that was held, the grant")
        most = max(most, descriptors(server))
        granted(check, server, SHORT).ends_in_time(check, "one that was requested meanwhile")
        most = max(most, descriptors(server))
        now = numbers(server)
        limit, places = now["process_max_fds"], now["hallpass_http_connections_max"]
        check.equal("the limit is what it was started with", limit, DESCRIPTORS)
        check(f"{most} descriptors were open at most; the reserve was not touched", most < places + 128, most)
        check("connections stay below their limit", now["hallpass_http_connections"] <= places <= limit - 256, now)
        gave_way = now['hallpass_http_connections_closed_total{reason="gave_way"}']
        check(f"{gave_way:.0f} gave way to others", gave_way > 1000, now)
        per_person = 16
        check(f"each person has {per_person} event streams, the others were refused",
              now["hallpass_event_streams"] <= per_person * len(PEOPLE)
              and now['hallpass_event_streams_refused_total{reason="person"}'] > 0, now["hallpass_event_streams"])
        check("no listening client was dropped for strangers", holders.count("429", "stream") > 0
              and holders.count("200", "stream") >= per_person * len(PEOPLE), holders.said)
    calm(check, server)


def calm(check, server):
    """The attack is over."""
    answer, tries, took = patiently(lambda: Api(server.base).get("/readyz"))
    check(f"afterwards the server answers immediately ({took:.1f} s)", answer is not None and answer.status == 200 and tries == 1, answer)
    gone = wait(lambda: numbers(server)["hallpass_http_connections"] < 10, 20)
    check("and has forgotten their connections", gone, numbers(server)["hallpass_http_connections"])
    now = numbers(server)
    check.equal("no accept failed for want of a descriptor",
                now['hallpass_http_accept_errors_total{reason="no_descriptors"}'], 0)
    check("no call from us did", "Too many open files" not in server.said(), server.said()[-600:])


def many_calls(check, server):
    """Calls without a pause and without a token that counts."""
    grant = granted(check, server, SHORT)
    holders = Holders(server.port, [])
    try:
        holders.hold("calls", 200)
        wait(lambda: holders.count("calls") > 500, 30)
        grant = still_live(check, server, grant)
        check("they were made before its end", holders.count("calls") > 500 and time.time() < grant.ends, holders.said)
        grant.ends_in_time(check, "under calls without a pause, a grant")
        print(f"     {holders.count('calls')} calls", flush=True)
        # a slow machine needs longer to have made more of them than are let through
        check("made-up tokens are held back as one source", wait(lambda: holders.count("429") > 100, 60), holders.said)
    finally:
        holders.let_go()


def taken_away(check, server):
    """Nothing is left to open at all: a socket, a file. Whatever needs one says so and tries again."""
    stage, pid = server.stage, server.process.pid
    grant = granted(check, server, LONG)
    loaded = lambda: sum(row["event"] == "config.loaded" for row in server.api(NOOR).all("/api/v1/audit"))
    before = loaded()
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        stage.path("rules.toml").write_text(RULES + "# changed\n[[rule]]\nid = \"more\"\naccounts = [\"*\"]\npermission_sets = [\"Billing\"]\napprovers = [\"tomasz.wilk@example.com\"]\n")
        unread = wait(lambda: "the rules cannot be read" in server.said(), 20)
        check("rules that cannot be read for lack of a descriptor are reported", unread, server.said()[-800:])
        with contextlib.suppress(OSError, http.client.HTTPException):
            Api(server.base).get("/healthz", timeout=2)
        wait(lambda: time.time() > grant.ends + 10, grant.ends + 15 - time.time())
        check("10 s after its end nothing could be sent, and AWS still has it", grant.is_in_aws() and server.process.poll() is None)
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    grant.ends_in_time(check, "with descriptors again, the grant")
    answer, _, took = patiently(lambda: Api(server.base).get("/readyz", timeout=20), 60)
    check(f"the listener came back automatically ({took:.1f} s)", answer is not None and answer.status == 200, answer)
    now = numbers(server)
    check("its errors are counted", now['hallpass_http_accept_errors_total{reason="no_descriptors"}'] > 0, now)
    check("the changed rules came into force", wait(lambda: loaded() == before + 1, 15), (before, loaded()))
    check("no loop broke off", "a loop broke off" not in server.said(), server.said()[-800:])


def run(check, stage):
    # looks at people would keep a connection to AWS open, by which an end goes without a descriptor
    server = Served(stage, descriptors=DESCRIPTORS, extra='[access]\npeople_every = "0"\n')
    check("the server starts", server.process.poll() is None, server.said()[-600:])
    check("the limit of open files is reported at the start", '"open files"' in server.said() and '"connections":768' in server.said(), server.said()[:800])
    doctor = stage.run("doctor", "--output", "jsonl", **server.environment)
    check("doctor reports it", any(json.loads(line)["check"] == "open files" for line in doctor.stdout.splitlines()), doctor.stdout[:600])
    until = time.monotonic() + 60 * float(os.environ.get("ATTACK_SOAK_MINUTES", "0"))
    while True:
        before_and_during(check, server)
        if time.monotonic() >= until:
            break
    many_calls(check, server)
    taken_away(check, server)
    overdue = numbers(server)["hallpass_access_overdue"]
    check.equal("nothing is overdue", overdue, 0)
    check("no process panicked", "panicked" not in server.said(), server.said()[-800:])
    check.equal("it stops in order", stage.stop(server.process), 0)
    check("the log is whole, also as it was exported", stage.run("audit", "verify", "audit").returncode == 0)
    size = pathlib.Path(stage.path("serve.log")).stat().st_size
    check(f"its log has {size // 1024} KiB: strangers cannot fill a disk with it", size < 2 * 1024 * 1024, size)
