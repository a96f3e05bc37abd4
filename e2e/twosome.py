"""Two persons at once: A runs a chore, and Kim changes the same thing between the look and the writes, between any two calls of A's,
and before A takes it back. What Kim wrote has to stand, and A has to be told (`organization.md` P-5)."""

import json
import os

from drilled import MANAGEMENT, World, organization
from stage import Api, Checks, InVain, somebody

KIM = f"arn:aws:iam::{MANAGEMENT}:user/kim"
# a command of these takes a second; one that waits for what somebody took away waits for ever
SECONDS = 120
check = Checks()


def act(service, operation, _as=KIM, _region=None, **members):
    """A call of Kim's; `_as` is another account's id, or an ARN."""
    who = {"account": _as} if _as.isdigit() else {"as": _as}
    return {"service": service, "operation": operation, **who, **({"region": _region} if _region else {}), "input": members}


class Ran:
    """How a command ended."""

    def __init__(self, ran):
        self.code, self.text = (ran.returncode, ran.stdout + ran.stderr) if ran else (None, "it did not end")
        try:
            self.said = json.loads(ran.stdout) if ran else None
        except ValueError:
            self.said = None

    def __repr__(self):
        return f"exit {self.code}: {' '.join(self.text.split())[-500:]}"


class Chore:
    """What A does, and what Kim does beside it. `relevant` is the call of A's that would write over Kim; `slack` is how many calls
    of A's at least lie between her and that: what AWS has no condition for can be looked at directly before, and no later. `looked` is
    the read by which A first sees what Kim changes."""

    name = relevant = settings = ""
    slack = 1
    looked = None
    has_undo = True
    more = {}
    organization = staticmethod(organization)

    def __init__(self, stage):
        self.stage, self.turn, self.is_undone = stage, 0, False
        stage.path("organization.json").write_text(json.dumps({**self.organization(), "consistency": "strong", **self.more}))
        _, endpoint, environment = stage.simulator("--organization", stage.path("organization.json"), "--speed", "instant", "--no-throttle",
                                                   log=f"{self.name.split()[0]}.sim.log")
        self.world = World(stage, Api(endpoint), endpoint, environment)
        self.sim = self.world.sim
        self.client = lambda service, attempts=5: self.world.client(service, environment, attempts)
        self.sts = self.client("sts")

    # what a chore says of itself

    def begin(self):
        """Before A looks."""

    def acts(self):
        """What Kim does."""
        raise NotImplementedError

    def acts_later(self):
        """What she does before A takes it back."""
        return self.acts()

    def stands(self):
        """Whether what Kim wrote stands, and what does."""
        raise NotImplementedError

    def command(self):
        raise NotImplementedError

    def undo(self, ran):
        plans = [json.loads(line) for line in self.run("plan", "list", form="jsonl").text.splitlines() if line.startswith("{")]
        done = [it["plan"] for it in plans if it["state"] in ("done", "failed") and not it["kind"].endswith(".undo")]
        return self.run("plan", "undo", done[0], "--apply", "--yes") if done else ran

    def is_told(self, ran):
        """Whether A was told that somebody else was there."""
        return ran.code == 2 or ran.code in (1, 4) and any(word in ran.text for word in ("drifted", "conflict", "differs", "somebody else", "outside Hallpass", "foreign policy", "changed meanwhile", "changed since"))

    # how it is played

    def run(self, *words, form="json"):
        try:
            return Ran(self.world.run(*words, "--config", self.config, "-o", form, timeout=SECONDS))
        except InVain:
            check(f"{self.name}: `{' '.join(words[:3])}` ends", False, f"not within {SECONDS} s")
            return Ran(None)

    def look(self):
        return self.run(*self.command())

    def apply(self):
        return self.run(*self.command(), "--apply", "--yes")

    def apply_looked(self, looked):
        """What was looked at before, and nothing else (`organization.md` P-5)."""
        plans = [json.loads(line) for line in self.run("plan", "list", form="jsonl").text.splitlines() if line.startswith("{")]
        saved = [it["plan"] for it in plans if it["state"] == "planned"]
        return self.run(*self.command(), "--apply", "--plan", saved[0]) if saved else looked

    def fresh(self):
        """The organization as it was, and a store of its own."""
        self.turn += 1
        self.config = f"{self.name.split()[0]}-{self.turn}.toml"
        self.stage.path(self.config).write_text(f'[store]\nurl = "sqlite:{self.config}.db"\n{self.settings}')
        for path in ("/_sim/reset", "/_sim/calls/reset"):
            answer = self.sim.post(path)
            assert answer.status == 200, answer
        self.begin()
        self.sim.post("/_sim/calls/reset")

    def log(self):
        return self.sim.get("/_sim/calls?limit=100000").json["calls"]

    def now(self, acts):
        """Kim acts at once."""
        with somebody(self.stage, acts, match={"operation": "GetCallerIdentity"}) as kim:
            self.sts.get_caller_identity()
        check(f"{self.name}: Kim could", kim.fired == 1 and not kim.failed, kim.row)

    def is_late(self):
        """Whether A had written before Kim came: A cannot know of her then."""
        for row in self.log():
            if row.get("by") == "somebody-else":
                return False
            if row["operation"] == self.relevant and row["effect"]:
                return True
        return False

    def judge(self, when, ran, stands=None):
        is_so, found = (stands or self.stands)()
        check(f"{self.name}: {when}: Kim's change remains", is_so, (found, ran))
        if not self.is_late():
            check(f"{self.name}: {when}: and A is informed", self.is_told(ran), ran)

    def gaps(self):
        """Where Kim comes in: ahead of the first, a middle and the last of A's writes, as the how many-th call of which operation."""
        self.fresh()
        ran = self.apply()
        check(f"{self.name}: alone it is done", ran.code == 0, ran)
        rows = [it["operation"] for it in self.log()]
        writes = [at for at, it in enumerate(self.log()) if it["effect"] and it["service"] != "sts"]
        relevant = [at for at in writes if rows[at] == self.relevant]
        check(f"{self.name}: it writes what Kim writes, too", relevant, rows)
        picked = [writes[0], *relevant[:1], writes[len(writes) // 2], writes[-1]] if writes else []
        found = {}
        for at in picked:
            gap = max(at - self.slack, 1)
            found.setdefault((rows[gap], rows[:gap].count(rows[gap])), rows[at])
        if os.environ.get("PERSONS_EVERY"):
            # all but those between A's last look and what would write over Kim
            for gap in range(1, len(rows)):
                if not any(gap <= at < gap + self.slack for at in relevant):
                    found.setdefault((rows[gap], rows[:gap].count(rows[gap])), rows[gap])
        return found

    def play(self):
        found = self.gaps()
        if self.has_undo:
            # the turn of `gaps` was the one without anybody else
            self.now(self.acts_later())
            self.sim.post("/_sim/calls/reset")
            self.is_undone = True
            self.judge("before it is taken back", self.undo(None), self.stands_later)
            self.is_undone = False
        self.fresh()
        looked = self.look()
        self.now(self.acts())
        self.judge("between look and apply", self.apply_looked(looked))
        gaps = [(f"at {operation} {skip + 1}, ahead of {ahead}", {"match": {"operation": operation}, "skip": skip})
                for (operation, skip), ahead in found.items()]
        if self.looked:
            gaps.append((f"after {self.looked['operation']}", {"match": self.looked, "when": "after"}))
        for when, where in gaps:
            self.fresh()
            with somebody(self.stage, self.acts(), **where) as kim:
                ran = self.apply()
            if kim.failed and self.is_late():
                # A was there before her, and AWS has refused her
                continue
            if check(f"{self.name}: {when}: Kim came, and could", kim.fired == 1 and not kim.failed, (kim.row, ran)):
                self.judge(when, ran)

    def stands_later(self):
        return self.stands()
