#!/usr/bin/env python3
"""The server is killed at random moments, AWS is unwell, the simulated AWS itself is killed once:
access still ends, what stood still stands, the log is whole (`design.md` §2: P1, P2, P5, P6).

    killed.py [--seed N] [--seconds 70] [--kills 12] [--consistency typical] [--nodes 2]

With two nodes they share a PostgreSQL, and the one that dies is the one that leads.
"""

import argparse
import collections
import contextlib
import datetime
import http.client
import json
import random
import signal
import statistics
import threading
import time
import uuid

import postgres
from nodes import CLAIMED_WITHIN, CLAIMS, TAKEOVER_MAX
from stage import LONGEST_SECONDS, Api, Checks, Stage, answers, free_port, held_at_aws, rule, wait

PEOPLE = [f"u{number}@corp.example" for number in range(10)]
REVIEWERS = ["rev1@corp.example", "rev2@corp.example"]
AUDITOR = "auditor@corp.example"
SANDBOXES = ["sandbox-1", "sandbox-2", "sandbox-3"]
WORKLOADS = ["pay-prod", "orders-prod"]
SETS = ["ReadOnly", "Ops", "Deploy"]
LAG_MAX = 60

RULES = (rule("sandbox", ous=["Sandbox"], permission_sets=["*"], approval_is_not_required=True)
         + rule("prod", ous=["Workloads"], permission_sets=["Ops", "Deploy"], approvers=["rev1@corp.example", "rev2@corp.example"])
         + rule("oncall", groups=["oncall"], approval_is_not_required=True))


def organization():
    people = PEOPLE + REVIEWERS + [AUDITOR]
    users = [{"user_name": mail, "given_name": mail.split("@")[0], "family_name": "X", "email": mail} for mail in people]
    accounts = [{"id": "111122223333", "name": "management", "email": "aws+m@corp.example", "ou": None}]
    for index, name in enumerate(SANDBOXES + WORKLOADS):
        unit = "Sandbox" if name in SANDBOXES else "Workloads/Prod"
        accounts.append({"id": f"{222200000000 + index}", "name": name, "email": f"aws+{name}@corp.example", "ou": unit})
    return {
        "version": 1, "seed": 7,
        "organization": {"management_account": "111122223333", "service_access": ["sso.amazonaws.com"]},
        "ous": [{"name": "Sandbox"}, {"name": "Workloads"}, {"name": "Prod", "parent": "Workloads"}],
        "accounts": accounts,
        "identity_center": {
            "home_region": "eu-west-1",
            "users": users,
            "groups": [{"name": "oncall", "members": [PEOPLE[2]]}, {"name": "auditors", "members": [AUDITOR]}],
            "permission_sets": [{"name": name, "session_duration": "PT1H"} for name in SETS],
            # standing: beside grants, under grants, of groups
            "assignments": [
                {"account": "pay-prod", "permission_set": "ReadOnly", "group": "oncall"},
                {"account": "sandbox-1", "permission_set": "ReadOnly", "user": PEOPLE[0]},
                {"account": "pay-prod", "permission_set": "Ops", "user": PEOPLE[1]},
                {"account": "sandbox-2", "permission_set": "Deploy", "user": PEOPLE[3]},
            ],
        },
        "speed": "fast",
    }


FAULTS = [
    {"kind": "throttle", "rate": 12, "burst": 12, "match": {"service": "sso"}},
    {"kind": "error", "code": "InternalServerException", "http": 500, "message": "boom", "probability": 0.2, "seed": 1},
    *({"kind": kind, "match": {"operation": operation}, "probability": 0.1, "seed": seed}
      for seed, (kind, operation) in enumerate(
          (kind, operation) for kind in ("drop_after_effect", "drop_before_effect")
          for operation in ("CreateAccountAssignment", "DeleteAccountAssignment", "CreateGroupMembership", "DeleteGroupMembership"))),
]


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Server:
    """One process, and its configuration."""

    def __init__(self, world, name):
        self.world, self.port, self.config, self.log = world, free_port(), f"{name}.toml", f"{name}.log"
        self.base, self.process = f"http://127.0.0.1:{self.port}", None
        world.stage.path(self.config).write_text(
            f'[server]\nlisten = "127.0.0.1:{self.port}"\n[aws]\nregion = "eu-west-1"\nendpoint_url = "{world.endpoint}"\n'
            '[identity]\nauditors = ["group:auditors"]\n'
            '[access.duration]\nmin = "1s"\n[audit.export]\ntarget = "dir:audit"\n' + world.store)

    def start(self):
        self.process = self.world.stage.spawn("serve", "--config", self.config, log=self.log, **self.world.environment)
        return wait(lambda: answers(Api(self.base), "/healthz"), 60, self.process, every=0.05)

    def leads(self):
        try:
            return b"\nhallpass_leader 1\n" in Api(self.base).get("/metrics", timeout=20).body
        except (OSError, http.client.HTTPException):
            return False

    def said(self):
        return self.world.stage.said(self.log) if self.world.stage.path(self.log).exists() else ""


class World:
    """The processes, and what was seen of them. With a `database`, two nodes over it."""

    def __init__(self, stage, seed, consistency, database=None):
        self.stage, self.random, self.database = stage, random.Random(seed), database
        self.sim_port = free_port()
        self.stage.path("organization.json").write_text(json.dumps(organization() | {"consistency": consistency}))
        self.stage.path("rules.toml").write_text(RULES)
        self.stopping = threading.Event()
        self.asked = {}
        self.seen = collections.defaultdict(list)
        self.down, self.followed = [], []
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.start_simulator()
        self.environment = {name: self.aws[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
        self.store = ""
        if database:
            self.environment["PGPASSWORD"] = stage.directory["PGPASSWORD"] = database.password
            self.store = f'[store]\nurl = "{database.url("hallpass", "sslmode=disable")}"\n'
        self.servers = [Server(self, name) for name in (("a", "b") if database else ("hallpass",))]
        self.tokens = {mail: stage.token(mail, config=self.servers[0].config) for mail in PEOPLE + REVIEWERS + [AUDITOR]}

    def start_simulator(self):
        more = () if self.stage.path("aws.state").exists() else ("--organization", self.stage.path("organization.json"))
        self.simulator, self.endpoint, self.aws = self.stage.simulator(
            *more, "--state", self.stage.path("aws.state"), port=self.sim_port)

    def start(self):
        started = all(server.start() for server in self.servers)
        if started and self.database:
            self.database.run(CLAIMS)
        return started

    def api(self, mail):
        """As one of them, by whichever node; who finds it dead asks again."""
        return Api(random.choice(self.servers).base, self.tokens[mail])

    def leader(self):
        """The one that does the work."""
        if not self.database:
            return self.servers[0]
        return wait(lambda: next((server for server in self.servers if server.leads()), None), TAKEOVER_MAX, every=0.2)

    def truth(self):
        return held_at_aws(self.endpoint)

    def watch(self):
        """Samples the truth as the run goes on."""
        while not self.stopping.wait(0.5):
            try:
                # whoever is asked late tells of then, not of when it is heard
                now, rows = time.time(), self.truth()
            except (OSError, ValueError, TypeError, KeyError):
                continue
            for row in rows:
                self.seen[row].append(now)

    def post(self, mail, path, body, chance):
        """Calls until there is an answer, as a careful client does: with one key."""
        key = str(uuid.UUID(int=chance.getrandbits(128)))
        while not self.stopping.is_set():
            try:
                answer = self.api(mail).post(path, body, headers={"Idempotency-Key": key})
            except (OSError, http.client.HTTPException):
                self.counts["retried"] += 1
                time.sleep(0.2)
                continue
            if answer.status == 503 or answer.code == "raced":
                time.sleep(0.2)
                continue
            return answer
        return None

    def ask(self, mail, seed):
        """One person: asks, sometimes gives back, sometimes extends."""
        chance = random.Random(seed)
        number = 0
        while not self.stopping.is_set():
            number += 1
            reason = f"{mail} {number}"
            body = {"duration_seconds": chance.randint(3, 10), "reason": reason}
            kind = chance.random()
            if kind < 0.15:
                body["group"] = "oncall"
            elif kind < 0.45:
                body |= {"account": chance.choice(WORKLOADS), "permission_set": chance.choice(["Ops", "Deploy"])}
            else:
                body |= {"account": chance.choice(SANDBOXES), "permission_set": chance.choice(SETS)}
            self.asked[reason] = body
            answer = self.post(mail, "/api/v1/requests", body, chance)
            if answer is None:
                return
            self.counts[answer.status] += 1
            grant = (answer.json or {}).get("grant_id")
            if answer.status in (200, 201) and grant and chance.random() < 0.6:
                time.sleep(chance.uniform(0, 3))
                if chance.random() < 0.5:
                    answer = self.post(mail, f"/api/v1/grants/{grant}/release", None, chance)
                    self.counts["release", getattr(answer, "status", 0)] += 1
                else:
                    more = {"duration_seconds": chance.randint(8, 14), "reason": f"{reason} longer"}
                    answer = self.post(mail, f"/api/v1/grants/{grant}/extend", more, chance)
                    self.counts["extend", getattr(answer, "status", 0)] += 1
            time.sleep(chance.uniform(0.1, 2))

    def review(self, mail, seed):
        """Says yes, mostly."""
        chance = random.Random(seed)
        while not self.stopping.wait(0.5):
            try:
                page = self.api(mail).get("/api/v1/requests?role=to-review").json or {}
            except (OSError, http.client.HTTPException):
                continue
            for row in page.get("items", []):
                verb = "approve" if chance.random() < 0.85 else "deny"
                answer = self.post(mail, f"/api/v1/requests/{row['id']}/{verb}", None, chance)
                self.counts[verb, getattr(answer, "status", 0)] += 1

    def kill(self):
        """The server that works dies without a word, and comes back; another node is to work on meanwhile."""
        server = self.leader()
        if not server:
            return False
        at = self.database and self.database.run("SELECT clock_timestamp()")
        begun = time.time()
        self.stage.stop(server.process, signal.SIGKILL)
        if self.database and not wait(lambda: any(it.leads() for it in self.servers if it is not server), TAKEOVER_MAX, every=0.2):
            return False
        followed = time.time()
        started = server.start()
        self.down.append((begun, followed if self.database else time.time()))
        if self.database:
            self.followed.append(float(self.database.run(f"SELECT extract(epoch FROM min(at) - '{at}') FROM seen_by_tests.claims WHERE at > '{at}'")))
        return started


def play(world, check, arguments):
    threads = [threading.Thread(target=world.watch, daemon=True)]
    seeds = world.random
    threads += [threading.Thread(target=world.ask, args=(mail, seeds.random()), daemon=True) for mail in PEOPLE]
    threads += [threading.Thread(target=world.review, args=(mail, seeds.random()), daemon=True) for mail in REVIEWERS]
    for thread in threads[1:] + threads[:1]:
        thread.start()
    time.sleep(3)
    for fault in FAULTS:
        answer = Api(world.endpoint).post("/_sim/faults", fault)
        assert answer.status == 201, answer
    pause = arguments.seconds / arguments.kills
    back = True
    for number in range(arguments.kills):
        time.sleep(max(0.2, world.random.uniform(0.2, 2 * pause) - 0.8))
        back = bool(world.kill()) and back
        if number == arguments.kills // 2:
            begun = time.time()
            world.stage.stop(world.simulator, signal.SIGKILL)
            world.start_simulator()
            world.down.append((begun, time.time() + 1))
            faults = Api(world.endpoint).get("/_sim/faults").json
            if not faults.get("faults"):
                for fault in FAULTS:
                    Api(world.endpoint).post("/_sim/faults", fault)
    check(f"the server came back each of {arguments.kills} times", back, [server.said()[-600:] for server in world.servers])
    if world.followed:
        half, most = statistics.median(world.followed), max(world.followed)
        check(f"a leader that dies is followed within {CLAIMED_WITHIN} s: {half:.1f} s half, {most:.1f} s at most", most <= CLAIMED_WITHIN, world.followed)
    time.sleep(3)
    world.stopping.set()
    for thread in threads:
        thread.join(150)
    Api(world.endpoint).call("DELETE", "/_sim/faults")


def judge(world, check, standing):
    auditor = world.api(AUDITOR)
    live = lambda: auditor.get("/api/v1/grants?state=live").json["items"]
    calm = wait(lambda: not live(), 150, every=0.5)
    check("everything came to rest", calm, json.dumps(live())[:600])
    left = world.truth()
    check.equal("no access is left past its end", left - standing, set())
    check.equal("every standing row is still there", standing - left, set())
    grants, requests = auditor.all("/api/v1/grants"), auditor.all("/api/v1/requests")
    check(f"there was something to judge: {len(requests)} requests, {len(grants)} grants",
          len(grants) >= 20 and len(requests) > len(grants) / 2, world.counts)
    doubled = [reason for reason, n in collections.Counter(row["reason"] for row in requests).items() if n > 1]
    check("nothing was asked twice by a retried call", not doubled, doubled)
    late(world, check, grants, standing)
    stood = [grant["id"] for grant in grants if grant["standing"] and key(grant) not in standing]
    check("no access of Hallpass was ever taken for standing access", not stood, stood)
    unready = lambda: [answer for answer in (Api(server.base).get("/readyz") for server in world.servers) if answer.status != 200]
    check("every server is ready in the end", wait(lambda: not unready(), 60, every=0.5), unready())
    # the leader counts now and then
    metrics = lambda: Api(world.leader().base).get("/metrics").body.decode()
    well = lambda: "hallpass_access_overdue 0\n" in (said := metrics()) and "hallpass_access_stuck 0\n" in said
    check("nothing is overdue or stuck", wait(well, 30), [line for line in metrics().splitlines() if line.startswith("hallpass_access_")])
    return grants, requests


def key(grant):
    if grant.get("account"):
        return grant["user"], grant["account"], grant["permission_set"]
    return grant["user"], "group", grant["group_name"]


def late(world, check, grants, standing):
    """Access was never seen long after the last end that covers it; outages do not count."""
    ends = collections.defaultdict(float)
    for grant in grants:
        ends[key(grant)] = max(ends[key(grant)], instant(grant["ends_at"]))
    worst, unknown = (0, None), []
    for what, times in world.seen.items():
        if what in standing:
            continue
        if what not in ends:
            unknown.append(what)
            continue
        for at in times:
            if at > ends[what]:
                outage = sum(max(0, min(at, b) - max(ends[what], a)) for a, b in world.down)
                worst = max(worst, (at - ends[what] - outage, what), key=lambda pair: pair[0])
    check("all access seen belongs to a grant", not unknown, unknown)
    check(f"the longest that access outlived its end: {worst[0]:.1f} s (at most {LAG_MAX} s)", worst[0] <= LAG_MAX, worst)


CLOSING = {"end.succeeded": "ended", "grant.failed": "failed"}
REQUEST = {"request.created": "pending", "request.rejected": "rejected", "request.approved": "approved",
           "request.denied": "denied", "request.discarded": "discarded", "request.expired": "expired"}


def fold(world, check, grants, requests):
    """The log says the same as the state."""
    records = []
    for path in world.stage.path("audit/logs").rglob("*.json"):
        records.append(json.loads(path.read_text()))
    records.sort(key=lambda record: record["seq"])
    check.equal("the export has no gaps", [record["seq"] for record in records], list(range(1, len(records) + 1)))
    closings, states = collections.Counter(), {}
    ends = {}
    for record in records:
        event, request, grant = record["event"], record.get("access_request_id"), record.get("grant_id")
        if event in REQUEST:
            states[request] = REQUEST[event]
        if event in CLOSING:
            closings[grant] += 1
            states[grant] = CLOSING[event]
        elif event == "grant.requested":
            states.setdefault(grant, "open")
        elif event == "grant.succeeded":
            states[grant] = "active"
        if event in ("grant.requested", "grant.succeeded", "extend") and record.get("ends_at", "NA") != "NA":
            ends[grant] = record["ends_at"]
    wrong = {grant["id"]: closings[grant["id"]] for grant in grants if closings[grant["id"]] != 1}
    check("every grant has exactly one closing record", not wrong, wrong)
    extra = [grant for grant in closings if grant not in {row["id"] for row in grants}]
    check("and no other grant has one", not extra, extra)
    differing = [(row["id"], row["state"], states.get(row["id"])) for row in grants + requests
                 if states.get(row["id"]) != row["state"]]
    check("the state is the fold of the log", not differing, differing[:5])
    moved = [(row["id"], row["ends_at"], ends.get(row["id"])) for row in grants
             if row["id"] in ends and abs(instant(row["ends_at"]) - instant(ends[row["id"]])) > 0.01]
    check("so are the ends", not moved, moved[:5])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=70)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--consistency", default="typical", choices=["strong", "typical", "hard"])
    parser.add_argument("--nodes", type=int, default=1, choices=[1, 2])
    arguments = parser.parse_args()
    # each kill of two nodes waits for the other to lead
    signal.alarm(LONGEST_SECONDS + int(arguments.seconds + arguments.kills * arguments.nodes * 15))
    print(f"     seed {arguments.seed}", flush=True)
    check = Checks()
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(postgres.Server(free_port())) if arguments.nodes == 2 else None
        stage = stack.enter_context(Stage("killed"))
        world = World(stage, arguments.seed, arguments.consistency, database)
        standing = world.truth()
        check("the server starts", world.start(), [server.said()[-600:] for server in world.servers])
        wait(lambda: all(answers(Api(server.base), "/readyz") for server in world.servers), 30)
        play(world, check, arguments)
        grants, requests = judge(world, check, standing)
        print(f"     {dict(world.counts)}", flush=True)
        check.equal("asked to stop, each stops in order", [stage.stop(server.process) for server in world.servers], [0] * arguments.nodes)
        by = ("--config", world.servers[0].config)
        verified = stage.run("audit", "verify", "audit", *by, **world.environment)
        check("audit verify", verified.returncode == 0, verified.stderr)
        fold(world, check, grants, requests)
        check("store check", stage.run("server", "store", "check", *by, **world.environment).returncode == 0)
        check("no process panicked", not any("panicked" in server.said() for server in world.servers))
        if check.failed:
            raise SystemExit(f"{check.passed} passed, {check.failed} failed")
    check.end()


if __name__ == "__main__":
    main()
