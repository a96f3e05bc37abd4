"""Employees with valid tokens who overload a server: long texts, many waiting requests, refused requests and presses, expensive rule
checks. Every grant of others ends on time, break glass is reported within seconds, and the database stays bounded (`design.md` §2 P1, P7)."""

import concurrent.futures
import http.server
import itertools
import os
import random
import threading
import time

import crowd as crowds
from crowd import Crowd, instant
from stage import Api, free_port, wait

NAME = "employees"
MINUTES = float(os.environ.get("ATTACK_SOAK_MINUTES", "0"))
# without a soak the same attack runs for a short time, with fewer people
EMPLOYEES, GRANTS, SECONDS = (500, 100, max(MINUTES, 10) * 60) if MINUTES else (40, 10, 60)
LAG_MAX, NOTICE_MAX = 60, 5
# what an employee may make the server store, at most, with what the database adds to it
BYTES_EACH = 1024 * 1024
RULES = """
[[rule]]
id = "at-once"
accounts = ["*"]
permission_sets = ["{at_once}"]
approval_is_not_required = true

[[rule]]
id = "reviewed"
accounts = ["*"]
permission_sets = ["{reviewed}"]
approvers = ["{admin}"]
break_glass = ["{responder}"]
"""


# a file with as many long wildcards as one may have
COSTLY = {"file": "rules.toml", "text": "version = 1\n" + "\n".join(
    f'[[rule]]\nid = "r{it}"\naccounts = ["{"*a" * 100}{it}"]\npermission_sets = ["*"]\napproval_is_not_required = true' for it in range(900))}


class Receiver:
    """A webhook's receiver, with the time of each call."""

    def __init__(self):
        self.calls = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                receiver.calls.append((time.time(), body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def configuration(self):
        return f'[[webhooks]]\nname = "pager"\nurl = "http://127.0.0.1:{self.server.server_port}/"\nsecret = "{"s" * 32}"\nevents = ["*"]\n'

    def arrival(self, request):
        """When the first call about a request arrived that says it was taken without approval."""
        return next((at for at, body in self.calls if request in body and '"news":"break_glass"' in body.replace(" ", "")), None)


class Employees:
    """Threads that play all employees in turn until they are stopped."""

    def __init__(self, crowd, victims, sets):
        self.crowd, self.victims, self.sets = crowd, victims, sets
        self.stopping, self.answers, self.lock = threading.Event(), {}, threading.Lock()
        self.starts = itertools.count(600)

    def __enter__(self):
        self.pool = concurrent.futures.ThreadPoolExecutor(16)
        for part in range(16):
            self.pool.submit(self.run, self.crowd.people[part::16], random.Random(part))
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.pool.shutdown()

    def run(self, people, dice):
        while people and not self.stopping.is_set():
            for who in people:
                if self.stopping.is_set():
                    return
                try:
                    self.attack(self.crowd.api(who), dice)
                except OSError:
                    self.count("no answer")

    def count(self, what):
        with self.lock:
            self.answers[what] = self.answers.get(what, 0) + 1

    def attack(self, api, dice):
        account = dice.choice(self.crowd.targets)[0]
        later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600 + next(self.starts)))
        asking = lambda **more: {"account": account, "permission_set": self.sets[1], "duration_seconds": 3600, "reason": "one of many", **more}
        name, path, body = dice.choice([
            ("long text", "/api/v1/requests", asking(**{dice.choice(["account", "permission_set", "ticket", "reason"]): "x" * 60_000})),
            ("waiting", "/api/v1/requests", asking(starts_at=later)),
            ("refused", "/api/v1/requests", asking(permission_set=f"NoSuchSet{dice.randrange(1000)}")),
            ("press", f"/api/v1/requests/{dice.choice(self.victims)}/approve", {}),
            ("rules", "/api/v1/rules/check", COSTLY),
            ("catalog", "/api/v1/catalog", None),
        ])
        self.count((name, (api.get(path) if body is None else api.post(path, body)).status))


def size(stage):
    return sum(path.stat().st_size for path in stage.folder.glob("hallpass.db*"))


def run(check, stage):
    receiver = Receiver()
    crowd = Crowd(stage, EMPLOYEES + GRANTS + 2, 40, 3)
    responder, *holders = crowd.people[EMPLOYEES:EMPLOYEES + GRANTS + 1]
    crowd.people = crowd.people[:EMPLOYEES]
    sets = sorted({name for _, name in crowd.targets})
    stage.path("rules.toml").write_text(RULES.format(at_once=sets[0], reviewed=sets[1], admin=crowd.admin, responder=responder))
    stage.path("hallpass.toml").write_text(stage.path("hallpass.toml").read_text() + receiver.configuration())
    crowd.stage.stop(crowd.process)
    crowd.start()
    accounts = sorted({account for account, _ in crowd.targets})
    held = [(who, (accounts[at % len(accounts)], sets[0])) for at, who in enumerate(holders)]
    grants = crowds.granted(crowd, held, SECONDS / 2)
    # their ends are spread over the second half of the attack
    begun = time.time()
    for at, (who, grant) in enumerate(grants):
        crowd.extend(who, grant, begun + SECONDS * (0.6 + 0.3 * at / len(grants)) - time.time())
    ends = {grant: instant(crowd.grants()[grant]["ends_at"]) for _, grant in grants}
    keys = {grant: (one["account"], one["user_id"]) for grant, one in crowd.grants().items() if grant in ends}
    before, glass = size(stage), []
    since = crowd.newest()
    victim = crowd.api(holders[0]).post("/api/v1/requests", {"account": accounts[0], "permission_set": sets[1], "duration_seconds": 3600, "reason": "reviewed"})
    check("a request of another person waits", victim.status == 201, victim)
    with Employees(crowd, [victim.json["id"]], sets) as employees:
        while time.time() < begun + SECONDS:
            time.sleep(SECONDS / 8)
            asked = crowd.api(responder).post("/api/v1/requests", {
                "account": accounts[len(glass) % len(accounts)], "permission_set": sets[1], "duration_seconds": 900, "reason": "an incident"})
            pressed = asked.status == 201 and crowd.api(responder).post(f"/api/v1/requests/{asked.json['id']}/break-glass", {"justification": "production is down, incident 4711"})
            if check("break glass is answered", pressed and pressed.status == 200, (asked, pressed)):
                at, request = time.time(), asked.json["id"]
                glass.append(request)
                wait(lambda: receiver.arrival(request), 120, every=0.2)
                late = (receiver.arrival(request) or float("inf")) - at
                check(f"it is reported after {late:.1f} s", late <= NOTICE_MAX, late)
        done = wait(lambda: crowd.count("active", "ending") <= len(glass), LAG_MAX + 30)
        check("every grant is over", done, crowd.count("active", "ending"))
    print(f"     {sum(employees.answers.values())} calls: {employees.answers}", flush=True)
    deleted = {}
    for at, key in crowds.writes(crowd.calls(since), "DeleteAccountAssignment"):
        deleted.setdefault(key, at)
    lags = [deleted.get(keys[grant], float("inf")) - end for grant, end in ends.items()]
    check(f"the latest of {len(lags)} ends was sent {max(lags):.1f} s after its time", max(lags) <= LAG_MAX, sorted(lags)[-5:])
    failures = {what: count for what, count in employees.answers.items() if what[0] != "n" and what[1] >= 500 and what[1] != 503}
    check("no call failed inside the server", not failures, failures)
    taken = [what for what in employees.answers if what[0] == "long text" and what[1] < 400]
    check("no long text is taken", not taken, taken)
    grown = size(stage) - before
    check(f"the database grew by {grown >> 10} KiB", grown <= EMPLOYEES * BYTES_EACH, grown)
    check.equal("the server stops in order", stage.stop(crowd.process), 0)
    check("the log is whole", stage.run("audit", "verify", "--config", "hallpass.toml").returncode == 0)
