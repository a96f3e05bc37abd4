"""A real server over a real simulated AWS, for the scripts that look at it from outside: the small
organization of the demo, rules of their own."""

import datetime

from stage import Api, answers, free_port, rule, wait

MARA, TOMASZ, PRIYA = "mara.lindqvist@example.com", "tomasz.wilk@example.com", "priya.raman@example.com"
NOOR, INES = "noor.haddad@example.com", "ines.moreau@example.com"

RULES = (rule("read", accounts=["*"], permission_sets=["ReadOnly"], approval_is_not_required=True)
         + rule("database", accounts=["*"], permission_sets=["DatabaseOperator"],
                approvers=["tomasz.wilk@example.com", "priya.raman@example.com"]))


class Served:
    """`hallpass serve`, its simulated AWS, and people's tokens."""

    def __init__(self, stage, role=False, port=None, server="", extra="", descriptors=None, **environment):
        self.stage, self.port, self.descriptors = stage, port or free_port(), descriptors
        self.base = f"http://127.0.0.1:{self.port}"
        self.simulator, self.endpoint, aws = stage.simulator("--speed", "fast")
        self.environment = {name: aws[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")} | environment
        self.secrets = [aws["AWS_SECRET_ACCESS_KEY"]]
        stage.path("rules.toml").write_text(RULES)
        role_arn = f'role_arn = "{self.role()}"' if role else ""
        stage.path("hallpass.toml").write_text(
            f'[server]\nlisten = "127.0.0.1:{self.port}"\npublic_url = "{self.base}"\n{server}'
            f'[aws]\nregion = "{aws["AWS_REGION"]}"\n'
            f'endpoint_url = "{self.endpoint}"\n{role_arn}\n[identity]\nadmins = ["group:platform-admins"]\n'
            'auditors = ["group:auditors"]\n[access.duration]\nmin = "1s"\n'
            f'[audit.export]\ntarget = "dir:audit"\n{extra}')
        self.stranger = self.nobody_special()
        people = (MARA, TOMASZ, PRIYA, NOOR, INES, self.stranger)
        self.tokens = {who: stage.token(who) for who in people}
        self.start()

    def role(self):
        """A role of the management account for the server to assume."""
        account = Api(self.endpoint).get("/_sim/state").json["organization"]["management_account"]
        roles = [{"name": "hallpass", "trust": [f"arn:aws:iam::{account}:root"], "policies": ["AdministratorAccess"]}]
        answer = Api(self.endpoint).post("/_sim/load?merge=1", {"version": 1, "iam": {account: {"roles": roles}}})
        assert answer.status < 300, answer
        return f"arn:aws:iam::{account}:role/hallpass"

    def nobody_special(self):
        """Somebody whom no rule and no role names."""
        center = Api(self.endpoint).get("/_sim/state?full=1").json["file"]["identity_center"]
        roles = {member for group in center["groups"] if group["name"] in ("platform-admins", "auditors")
                 for member in group["members"]}
        return next(user["email"].lower() for user in center["users"]
                    if user["user_name"] not in roles and user.get("status") != "DISABLED"
                    and user.get("email") and user["email"] not in (MARA, TOMASZ, PRIYA, NOOR, INES))

    def start(self):
        self.process = self.stage.spawn("serve", log="serve.log", descriptors=self.descriptors, **self.environment)
        return wait(lambda: answers(Api(self.base), "/readyz"), 60, self.process)

    def api(self, who, token=None):
        return Api(self.base, token or self.tokens[who])

    def made(self, who, *arguments):
        """A token of another kind."""
        return Api(self.base, self.stage.token(who, *arguments))

    def has(self, grant):
        """Whether AWS has what was granted, whatever the server says."""
        rows = Api(self.endpoint).get("/_sim/state?assignments=1").json["assignments"]
        return any(row["principal_id"] == grant["user_id"] and row["permission_set"] == grant["permission_set"]
                   and row["account"] in (grant["account"], grant["account_name"]) for row in rows)

    def said(self):
        return self.stage.said("serve.log")


def serve_events(stage, environment, url, rules=RULES):
    """`hallpass serve` that takes events from a queue, over the store of the stage's configuration."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    path = stage.path("hallpass.toml")
    path.write_text(path.read_text() + f'[server]\nlisten = "127.0.0.1:{port}"\npublic_url = "{base}"\n[events]\nqueue = "{url}"\n')
    stage.path("rules.toml").write_text(rules)
    process = stage.spawn("serve", log="serve.log", **environment)
    return process, wait(lambda: answers(Api(base), "/readyz"), 60, process)


def waits(calls):
    """From the first to the last question about each operation: so long it was waited for."""
    at = lambda call: datetime.datetime.fromisoformat(call["at"].replace("Z", "+00:00"))
    asked = {}
    for call in calls:
        asked.setdefault(call["request"]["Id"], []).append(at(call))
    return [(min(times), max(times)) for times in asked.values()]


def longest_wait(calls):
    """Seconds that an operation was waited for at most: Account Factory is asked at once, and then after half a minute,
    unless an event says that it is done."""
    return max(((last - first).total_seconds() for first, last in waits(calls)), default=0)


def shortest_wait(calls):
    """The same at least."""
    return min(((last - first).total_seconds() for first, last in waits(calls)), default=0)


def ended_by_events(sim, calls):
    """Whether no operation was asked about again by the clock though a message had been taken from the queue long before: on a
    machine without time an event may come later than the half minute."""
    at = lambda call: datetime.datetime.fromisoformat(call["at"].replace("Z", "+00:00"))
    taken = [at(call) for call in sim.get("/_sim/calls?operation=DeleteMessage&limit=1000").json["calls"]]
    late = [(first, last) for first, last in waits(calls) if (last - first).total_seconds() >= 28]
    return not any(first < moment and (last - moment).total_seconds() > 5 for first, last in late for moment in taken)


def waited_for_at_once(calls):
    """How many operations were waited for at the same time, at most."""
    found = waits(calls)
    return max((sum(first <= began < last for first, last in found) for began, _ in found), default=0)


def asking(permission_set="DatabaseOperator", seconds=1800, **more):
    return {"account": "payments-prod", "permission_set": permission_set, "duration_seconds": seconds,
            "reason": "OPS-1: look", **more}
