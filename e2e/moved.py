#!/usr/bin/env python3
"""A server moves from SQLite to PostgreSQL and back with `server store copy`: access that is live ends on time in the new place, people
stay who they are, and the audit log is one log from its first record on."""

import json

import postgres
from served import MARA, NOOR, TOMASZ, Served, asking
from stage import Checks, Stage, free_port, wait

check = Checks()


class Moving:
    """The server of the small organization, and a database beside it."""

    def __init__(self, stage, database):
        self.stage, self.database = stage, database
        self.server = Served(stage)
        self.environment = {**self.server.environment, "PGPASSWORD": database.password}
        self.server.environment = self.environment
        self.url = database.url("hallpass", f"sslmode=verify-full&sslrootcert={database.authority}", host="localhost")
        self.config = stage.path("hallpass.toml").read_text()

    def run(self, *words):
        return self.stage.run(*words, **self.environment)

    def on(self, url):
        """The configuration names another store."""
        self.stage.path("hallpass.toml").write_text(self.config + f'[store]\nurl = "{url}"\nseen_folder = "node"\n')

    def start(self, name):
        check(f"the server starts on {name}", self.server.start(), self.server.said()[-600:])

    def stop(self):
        check.equal("the server stops in order", self.stage.stop(self.server.process), 0)

    def grant(self, account, seconds):
        asked = self.server.api(MARA).post("/api/v1/requests", asking("ReadOnly", seconds, account=account))
        assert asked.status == 201, asked
        seen = lambda: self.grant_of(asked.json["grant_id"])
        assert wait(lambda: seen()["state"] == "active", 60, self.server.process), seen()
        return seen()

    def grant_of(self, id):
        return self.server.api(MARA).get(f"/api/v1/grants/{id}").json

    def head(self):
        """The end of the log by the newest published head."""
        heads = [json.loads(it.read_text()) for it in self.stage.path("audit").rglob("heads/**/*.json")]
        return max(heads, key=lambda it: it["seq"]) if heads else None

    def copied(self, to, name):
        done = self.run("server", "store", "copy", to)
        check(f"it is copied to {name}, and is sound there", done.returncode == 0 and "is sound" in done.stderr and "rows of" in done.stderr, done.stderr)
        return done.stderr


def there(moving):
    """From a file to a server."""
    stage, server = moving.stage, moving.server
    short, long = moving.grant("payments-dev", 30), moving.grant("orders-dev", 1800)
    waiting = server.api(NOOR).post("/api/v1/requests", asking("DatabaseOperator", 600, account="payments-prod"))
    check("a request waits", waiting.status == 201 and waiting.json["state"] == "pending", waiting)
    done = moving.run("server", "store", "copy", moving.url)
    check("while the server runs nothing is copied", done.returncode != 0 and "another server has the store" in done.stderr, done.stderr)
    key = moving.run("audit", "key").stdout
    moving.stop()
    check("a head was published at the end", moving.head())
    # the configuration's folder is often root's: the key goes to the one that is named for the node
    moving.on("sqlite:hallpass.db")
    stage.path("node").mkdir()
    stage.path("node/hallpass.key").write_text("somebody else's\n")
    done = moving.run("server", "store", "copy", moving.url)
    check("where another key is, nothing is copied", done.returncode == 4 and "is another key" in done.stderr and "move it away" in done.stderr, done.stderr)
    stage.path("node/hallpass.key").unlink()
    head = moving.head()
    said = moving.copied(moving.url, "PostgreSQL")
    check("the copy names the head of the log", head["hash"] in said and f"record {head['seq']}" in said, (head, said))
    done = moving.run("server", "store", "copy", moving.url)
    check("a second time it is refused: rows of two are never mixed", done.returncode == 1 and "is not empty" in done.stderr, done.stderr)
    check("no password is printed", moving.database.password not in said + done.stderr)
    moving.on(moving.url)
    check("the key goes along, to the folder of the node", stage.path("node/hallpass.key").exists() and not stage.path("hallpass.key").exists())
    check.equal("and is the one that it was", moving.run("audit", "key").stdout, key)
    moving.start("PostgreSQL")
    part = lambda: next((it for it in server.api(MARA).get("/readyz").json["parts"] if it["name"] == "ends_file"), None)
    check("and signs what guards read", wait(lambda: (part() or {}).get("ok"), 30, server.process), part())
    check("people are who they were", server.api(TOMASZ).get("/api/v1/me").status == 200)
    approved = server.api(TOMASZ).post(f"/api/v1/requests/{waiting.json['id']}/approve")
    check("what waited is approved", approved.status == 200, approved)
    check("what was granted ends on time", wait(lambda: moving.grant_of(short["id"])["state"] == "ended", 60, server.process) and not server.has(short), moving.grant_of(short["id"]))
    check("and what is to last lasts", server.has(long) and moving.grant_of(long["id"])["state"] == "active")
    return head, long


def back(moving, head, long):
    """And into a file again, which is verified with the head from before the move."""
    stage, server = moving.stage, moving.server
    done = moving.run("server", "store", "copy", "sqlite:back.db")
    check("no empty file is left either", not stage.path("back.db").exists())
    check("while a node leads nothing is copied", done.returncode == 1 and "works on" in done.stderr and "stop every node" in done.stderr, done.stderr)
    moving.stop()
    done = moving.run("server", "store", "copy", "sqlite:hallpass.db")
    check("a file that is there is not written to", done.returncode != 0 and "exists" in done.stderr, done.stderr)
    moving.copied("sqlite:back.db", "a file")
    moving.on("sqlite:back.db")
    moving.start("the file")
    released = server.api(MARA).post(f"/api/v1/grants/{long['id']}/release")
    check("access given before the first move is ended early after the second", released.status == 200
          and wait(lambda: moving.grant_of(long["id"])["state"] == "ended", 60, server.process), released)
    check("and AWS has it no more", not server.has(long))
    moving.stop()
    stage.path("old-head.json").write_text(json.dumps(head))
    done = moving.run("audit", "verify", "audit/", "--head", "old-head.json")
    check("the whole log verifies, and reaches the head from before the moves", done.returncode == 0, done.stdout + done.stderr)
    done = moving.run("audit", "verify")
    check("so does the store", done.returncode == 0, done.stdout + done.stderr)
    seqs = sorted(json.loads(it.read_text())["seq"] for it in stage.path("audit/logs").rglob("*.json"))
    check.equal("its records are one row of numbers, over both moves", seqs, list(range(1, len(seqs) + 1)))


def main():
    with postgres.Server(free_port()) as database, Stage("moved") as stage:
        moving = Moving(stage, database)
        head, long = there(moving)
        back(moving, head, long)
    check.end()


if __name__ == "__main__":
    main()
