"""Many people over a simulated organization with the documented limits: who asks, when it ends, and what
the simulator's call log says of it. For the benchmark of the drain and the end-to-end script of its order.

Calls are read from the simulator, never from the server: what was sent, when, and what came of it."""

import concurrent.futures
import datetime
import itertools
import threading
import time

from stage import Api, answers, free_port, wait

RULES = """
[[rule]]
id = "everything"
accounts = ["*"]
permission_sets = ["*"]
approval_is_not_required = true
"""
# what carries out grants and ends, of all calls to sso-admin
OPERATIONS = ("CreateAccountAssignment", "DeleteAccountAssignment", "ListAccountAssignments",
              "DescribeAccountAssignmentCreationStatus", "DescribeAccountAssignmentDeletionStatus",
              "ListAccountAssignmentCreationStatus", "ListAccountAssignmentDeletionStatus")
SLOTS, OUR_RATE = 10, 18.0


def instant(text):
    """Seconds since 1970 of an RFC 3339 time."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Crowd:
    """A server over a simulated AWS, people with tokens, and targets. `store` is the address of its database, where that is
    not a file; `everybody` are people of the directory, where that is more than those with tokens."""

    def __init__(self, stage, people, accounts, sets, speed="fast", store=None, everybody=None):
        self.stage, self.port = stage, free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.simulator, self.endpoint, aws = stage.simulator(
            "--accounts", accounts + 2, "--users", (everybody or people) + 30, "--permission-sets", sets,
            "--groups", 2, "--assignments-per-account", 0, "--shape", "flat", "--seed", 7, log="sim.log")
        self.sim, self.aws = Api(self.endpoint), aws
        # not as an option, which would stand above what is set later
        self.speed(speed)
        self.environment = {name: aws[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
        self.read_organization(people, accounts)
        stage.path("rules.toml").write_text(RULES)
        stage.path("hallpass.toml").write_text(
            f'[server]\nlisten = "127.0.0.1:{self.port}"\nrate = 10000\n'
            f'[aws]\nregion = "{aws["AWS_REGION"]}"\nendpoint_url = "{self.endpoint}"\n'
            f'[identity]\nadmins = ["{self.admin}"]\n[access]\nrules = "rules.toml"\n[access.duration]\nmin = "1s"\n'
            + (f'[store]\nurl = "{store}"\n' if store else ""))
        # what the server has read of the directory says who everybody is
        self.start()
        self.tokens = {}
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for who, token in zip(self.everybody, pool.map(stage.token, self.everybody)):
                self.tokens[who] = token

    def read_organization(self, people, accounts):
        state = self.sim.get("/_sim/state?full=1").json["file"]
        center = state["identity_center"]
        users = [user for user in center["users"] if user.get("status") != "DISABLED" and user.get("email")]
        emails = [user["email"].lower() for user in users]
        single = [who for who in emails if emails.count(who) == 1]
        self.admin, self.people = single[0], single[1:people + 1]
        self.everybody = [self.admin, *self.people]
        management = state["organization"]["management_account"]
        found = [account["id"] for account in state["accounts"]
                 if account["id"] != management and account.get("state", "ACTIVE") == "ACTIVE"]
        # neighbours are in different accounts
        self.targets = [(account, permission_set["name"]) for permission_set, account in
                        itertools.product(center["permission_sets"], sorted(found)[:accounts])]

    def start(self):
        self.started = time.time()
        self.process = self.stage.spawn("serve", log="serve.log", **self.environment)
        if not wait(lambda: answers(Api(self.base), "/readyz"), 120, self.process):
            raise SystemExit("the server is not ready:\n" + self.stage.said("serve.log")[-2000:])

    def api(self, who):
        return Api(self.base, self.tokens[who])

    def speed(self, speed):
        """How long operations take from now on; for when none is in flight."""
        answer = self.sim.post("/_sim/load?merge=1", {"version": 1, "speed": speed})
        assert answer.status < 300, answer

    # asking, many at once

    def each(self, work, items, at_once=8):
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(work, items))

    def ask(self, who, target, seconds):
        account, permission_set = target
        answer = self.api(who).post("/api/v1/requests", {
            "account": account, "permission_set": permission_set, "duration_seconds": int(seconds),
            "reason": "one of many"})
        if answer.status not in (200, 201, 202) or not answer.json.get("grant_id"):
            raise SystemExit(f"{who} may not have {target}: {answer}")
        return answer.json["grant_id"]

    def extend(self, who, grant, seconds):
        answer = self.api(who).post(f"/api/v1/grants/{grant}/extend", {"duration_seconds": int(seconds)})
        if answer.status >= 300:
            raise SystemExit(f"{grant} cannot be extended: {answer}")

    def grants(self, state=None):
        """All grants, by id."""
        query = f"/api/v1/grants?state={state}" if state else "/api/v1/grants"
        return {grant["id"]: grant for grant in self.api(self.admin).all(query)}

    def count(self, *states):
        return sum(len(self.grants(state)) for state in states)

    def wait_until(self, condition, seconds, every=0.5):
        found = wait(condition, seconds, self.process, every)
        if not found:
            raise SystemExit("this did not come true in time:\n" + self.stage.said("serve.log")[-2000:])
        return found

    # what AWS saw

    def newest(self):
        """The number of the newest call."""
        since, page = 0, None
        while page is None or page["calls"]:
            page = self.sim.get(f"/_sim/calls?since={since}&limit=10000").json
            since = page["next"]
        return since

    def calls(self, since, operations=OPERATIONS):
        found = []
        while True:
            page = self.sim.get(f"/_sim/calls?since={since}&limit=10000").json
            found += [call for call in page["calls"] if call["operation"] in operations]
            if not page["calls"]:
                return found
            since = page["next"]

    def in_flight(self):
        return len(self.sim.get("/_sim/state").json["in_flight"])


class Outstanding:
    """Samples how many operations AWS has in flight."""

    def __init__(self, crowd, every=0.1):
        self.crowd, self.every, self.samples, self.stopping = crowd, every, [], threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()

    def run(self):
        while not self.stopping.wait(self.every):
            self.samples.append((time.time(), self.crowd.in_flight()))

    def mean(self, first, last):
        counts = [count for at, count in self.samples if first <= at <= last]
        return sum(counts) / max(1, len(counts))


def holders(crowd, count, each):
    """Who holds what: `each` targets for every person, as evenly as it goes."""
    return [(crowd.people[n // each], crowd.targets[n % len(crowd.targets)]) for n in range(count)]


def pause(count):
    """Seconds between two readings of so many grants: what is measured is not to be the reading."""
    return max(0.5, count / 500)


def granted(crowd, wanted, seconds):
    """Everybody asks; back when all have what they asked for. Their grants, as (who, id)."""
    ids = crowd.each(lambda one: (one[0], crowd.ask(*one, seconds)), wanted)
    crowd.wait_until(lambda: crowd.count("scheduled", "granting") == 0, 3600, pause(len(wanted)))
    failed = crowd.count("failed")
    if failed:
        raise SystemExit(f"{failed} grants failed")
    return ids


def lined_up(crowd, count, each, within, slack=75):
    """So many grants whose ends are spread over `within` seconds, which begin a while from now. The first of
    these instants."""
    # the extensions need some seconds, in which nothing ends
    presses = max(count / 20, 20)
    # access counts from when it is there, which takes what the rate allows, in an order of the server's
    grants = granted(crowd, holders(crowd, count, each), count * 3.6 / OUR_RATE + presses + slack)
    ids = {grant for _, grant in grants}
    latest = max(instant(grant["ends_at"]) for id, grant in crowd.grants("active").items() if id in ids)
    first = max(time.time() + presses, latest) + 15
    # an extension counts from when it is pressed
    extend = lambda who, grant, end: crowd.extend(who, grant, end - time.time())
    spread = [(who, grant, first + within * n / count) for n, (who, grant) in enumerate(grants)]
    crowd.each(lambda one: extend(*one), spread)
    return first


def writes(calls, operation):
    """Writes of a kind that AWS took, in the order of their arrival: (when, (account, user))."""
    found = []
    for call in calls:
        if call["operation"] == operation and call["outcome"] == "ok":
            asked = call["request"]
            found.append((instant(call["wall"]), (asked["TargetId"], asked["PrincipalId"])))
    return sorted(found)


def disorder(deadlines):
    """By how much the worst of them was overtaken, in seconds of deadline."""
    worst, latest = 0.0, float("-inf")
    for deadline in deadlines:
        worst = max(worst, latest - deadline)
        latest = max(latest, deadline)
    return worst


def by_key(grants):
    """Grants by account and user: nobody here holds two permission sets in one account."""
    return {(grant["account"], grant["user_id"]): grant for grant in grants}
