"""Two servers on one PostgreSQL, for scripts that see what becomes of them."""

import http.client

from served import MARA, PRIYA, RULES, TOMASZ, asking
from stage import Api, answers, free_port, wait

# how long scripts wait for another node: a machine without time needs longer than what is promised
TAKEOVER_MAX = 60
# a term lasts 6 s and is looked after every second: 10 s are promised, and 20 are left to a machine that does much else
CLAIMED_WITHIN = 30

# when somebody came to lead, by the database's own clock, however late a script looks
CLAIMS = """
CREATE SCHEMA seen_by_tests;
CREATE TABLE seen_by_tests.claims (epoch bigint, at timestamptz);
CREATE FUNCTION seen_by_tests.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' OR NEW.epoch <> OLD.epoch THEN
        INSERT INTO seen_by_tests.claims VALUES (NEW.epoch, clock_timestamp());
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seen_by_tests AFTER INSERT OR UPDATE ON leader FOR EACH ROW EXECUTE FUNCTION seen_by_tests.note();
"""


class Node:
    """A server with a configuration of its own over the database of both."""

    def __init__(self, world, name):
        self.world, self.name, self.port = world, name, free_port()
        self.base, self.log = f"http://127.0.0.1:{self.port}", f"{name}.log"
        world.stage.path(f"{name}.toml").write_text(
            f'[server]\nlisten = "127.0.0.1:{self.port}"\npublic_url = "{self.base}"\n[store]\nurl = "{world.url}"\n'
            f'[aws]\nregion = "{world.aws["AWS_REGION"]}"\nendpoint_url = "{world.endpoint}"\n'
            '[identity]\nadmins = ["group:platform-admins"]\nauditors = ["group:auditors"]\n[access.duration]\nmin = "1s"\n'
            '[audit.export]\ntarget = "dir:audit"\n' + world.more)

    def start(self):
        self.process = self.world.stage.spawn("serve", "--config", f"{self.name}.toml", log=self.log, **self.world.environment)
        return wait(lambda: answers(Api(self.base), "/healthz"), 60, self.process, every=0.1)

    def signal(self, how):
        self.process.send_signal(how)

    def api(self, who):
        return Api(self.base, self.world.tokens[who])

    def said(self):
        return self.world.stage.said(self.log)

    def number(self, metric):
        """A number of `/metrics`; None while the node does not answer."""
        try:
            lines = Api(self.base).get("/metrics", timeout=20).body.decode().splitlines()
        except (OSError, http.client.HTTPException):
            return None
        return next((float(line.split()[1]) for line in lines if line.startswith(metric + " ")), None)

    def leads(self):
        return self.number("hallpass_leader") == 1

    def part(self, name):
        parts = Api(self.base).get("/readyz").json["parts"]
        return next(it for it in parts if it["name"] == name)


class World:
    """`more` is added to the configuration of each node."""

    def __init__(self, stage, database, more=""):
        self.stage, self.database, self.more = stage, database, more
        self.simulator, self.endpoint, self.aws = stage.simulator("--speed", "fast")
        self.url = database.url("hallpass", f"sslmode=verify-full&sslrootcert={database.authority}", host="localhost")
        self.environment = {name: self.aws[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")} | {"PGPASSWORD": database.password}
        stage.directory["PGPASSWORD"] = database.password
        stage.path("rules.toml").write_text(RULES)
        self.nodes = [Node(self, "a"), Node(self, "b")]
        self.tokens = {who: stage.token(who, config="a.toml") for who in (MARA, TOMASZ, PRIYA)}
        self.asked = []

    def other(self, node):
        return next(it for it in self.nodes if it is not node)

    def leader(self, patience=TAKEOVER_MAX):
        """The node that leads, once one does."""
        return wait(lambda: next((node for node in self.nodes if node.leads()), None), patience, every=0.2)

    def note_claims(self):
        self.database.run(CLAIMS)

    def now(self):
        """The database's clock."""
        return self.database.run("SELECT clock_timestamp()")

    def claimed(self, since):
        """Seconds from an instant of the database's clock until another node came to lead."""
        took = self.database.run(f"SELECT extract(epoch FROM min(at) - '{since}') FROM seen_by_tests.claims WHERE at > '{since}'")
        return float(took) if took else None

    def ask(self, node, who, permission_set, account, seconds):
        ask = lambda: node.api(who).post("/api/v1/requests", asking(permission_set, seconds, account=account))
        # a node that has only just started knows nobody yet, and says so
        answer = wait(lambda: (said := ask()).status != 503 and said, TAKEOVER_MAX) or ask()
        assert answer.status in (200, 201), answer
        self.asked.append((who, account, permission_set))
        return answer.json

    def grant(self, node, id):
        return node.api(PRIYA).get(f"/api/v1/grants/{id}").json

    def state(self, node, id, wanted, patience=TAKEOVER_MAX):
        """Whether a grant comes to be so, or one of those, as a node tells it."""
        def reached():
            try:
                return self.grant(node, id)["state"] in ([wanted] if isinstance(wanted, str) else wanted)
            except (OSError, http.client.HTTPException, TypeError, KeyError):
                return False
        return wait(reached, patience, every=0.2)

    def given(self, node, id):
        """Whether a grant comes to be there; a short one may be over by the time that a slow machine looks."""
        return self.state(node, id, ("active", "ending", "ended"))

    def effects(self, operation):
        rows = Api(self.endpoint).get(f"/_sim/calls?operation={operation}&limit=5000").json["calls"]
        return [it for it in rows if it["effect"]]

    def fault(self, **fault):
        answer = Api(self.endpoint).post("/_sim/faults", fault)
        assert answer.status == 201, answer
