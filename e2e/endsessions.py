#!/usr/bin/env python3
"""Sessions that outlive a grant: refused soon after its end while other people's, and new ones, work;
let in again when the last has ended; and left alone, with the time said, where nobody wants it."""

import contextlib
import datetime
import json
import sqlite3

import http.server
import threading

from drilled import ANA, BO, CY, DEV, MANAGEMENT, OperatorsServer, denied, operators
from stage import Checks, Stage, wait

POLICY = f"hallpass-ended-sessions-{DEV}"


class Ears(http.server.BaseHTTPRequestHandler):
    """Hears what people are told."""

    heard = []

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.heard.append(body)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(OperatorsServer):
    """With ears for what people are told."""

    def __init__(self, stage):
        names = ["Operator", "Operator_Two"]
        self.ears = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ears)
        threading.Thread(target=self.ears.serve_forever, daemon=True).start()
        super().__init__(stage, operators(*names), names, True)

    def configure(self, on):
        self.write_configuration(
            f'[[webhooks]]\nname = "ears"\nurl = "http://127.0.0.1:{self.ears.server_port}/"\n'
            'secret = "0123456789abcdef0123"\nevents = ["ended"]\n'
            f'[access]\nend_sessions = {str(on).lower()}\n')

    def take(self, who, *which, **more):
        """The id of a grant, once the access is there."""
        return super().take(who, *which, **more)["id"]

    def over(self, who, grant):
        return wait(lambda: self.api[who].get(f"/api/v1/grants/{grant}").json["state"] == "ended", 60)

    def release(self, who, grant):
        done = self.api[who].post(f"/api/v1/grants/{grant}/release", {})
        assert done.status < 300, done
        return self.over(who, grant)

    def query(self, sql, *values):
        with contextlib.closing(sqlite3.connect(self.stage.path("hallpass.db"))) as store:
            rows = store.execute(sql, values).fetchall()
            store.commit()
            return rows

    def told(self, grant):
        """What was said at a grant's end."""
        mine = lambda: [row["text"] for row in Ears.heard if grant in json.dumps(row)]
        return wait(mine, 15) or []

    def let_time_pass(self):
        """An hour is too long for a script: every cut is over in the store."""
        self.stop()
        before = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        for grant, body in self.query("SELECT grant_id, body FROM session_cuts"):
            changed = json.dumps(json.loads(body) | {"until": before, "due": before})
            self.query("UPDATE session_cuts SET body = ?, due = ? WHERE grant_id = ?", changed, before, grant)
        self.start()

    def statements(self):
        world = self.world
        for policy in world.org.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]:
            if policy["Name"] == POLICY:
                text = world.org.describe_policy(PolicyId=policy["Id"])["Policy"]["Content"]
                return json.loads(text)["Statement"]
        return []


def with_the_option(check, server):
    world = server.world
    hers, other, his = server.take(ANA), server.take(ANA, "Operator_Two"), server.take(CY)
    (ana, _), (two, _), (bo, _) = world.login(ANA, "Operator"), world.login(ANA, "Operator_Two"), world.login(CY, "Operator")
    check("all may call", not any(denied(who.list_roles) for who in (ana, two, bo)))
    check("her grant is over", server.release(ANA, hers))
    check("her live session is refused", wait(lambda: denied(ana.list_roles), 30), server.stage.said("serve.log"))
    check.equal("by one policy on the account", world.ours(), {POLICY: [DEV]})
    check("her session on a set of nearly the same name works", not denied(two.list_roles))
    check("her colleague's session works", not denied(bo.list_roles))
    said = server.told(hers)
    check("she is notified that it stops", said and "stop within minutes" in said[0], said)
    cut = server.records("sessions.cut")
    check("the log has the action", len(cut) == 1 and cut[0]["before"] is None and cut[0]["after"]["statement"], cut)

    again = server.take(ANA)
    (new, _) = world.login(ANA, "Operator")
    check("a new grant's new session works", not denied(new.list_roles))
    check("the old session does not", denied(ana.list_roles))
    check("his is over, too", server.release(CY, his) and wait(lambda: denied(bo.list_roles), 30))
    check.equal("still one policy", world.ours(), {POLICY: [DEV]})
    check.equal("with a statement for each", len(server.statements()), 2)
    check("her new one still works", not denied(new.list_roles))
    server.let_time_pass()
    check("the policy is gone when the sessions are", wait(lambda: world.ours() == {}, 30), world.ours())
    check.equal("and the log says so", wait(lambda: len(server.records("sessions.restored")) == 2, 10), True)
    check("what is still granted works", not denied(new.list_roles))
    for grant in (again, other):
        server.release(ANA, grant)
    check("both are refused", wait(lambda: denied(new.list_roles) and denied(two.list_roles), 30))
    server.let_time_pass()
    check("nothing is left", wait(lambda: world.ours() == {}, 30), world.ours())


def in_the_management_account(check, server):
    grant = server.take(ANA, account=MANAGEMENT)
    check("a grant in the management account is over", server.release(ANA, grant))
    said = server.told(grant)
    check("no policy reaches it, and the time is reported", said and "may work until" in said[0], said)
    check.equal("nothing is attached", server.world.ours(), {})


def without_the_option(check, server):
    server.stop()
    server.configure(False)
    server.start()
    world, grant = server.world, server.take(ANA)
    (ana, _) = world.login(ANA, "Operator")
    check("without the option: it is over", server.release(ANA, grant))
    said = server.told(grant)
    check("the time is reported", said and "Issued credentials may work until" in said[0], said)
    check("the session lives", not wait(lambda: denied(ana.list_roles), 6))
    check.equal("nothing is attached then", world.ours(), {})
    grant = server.take(ANA)
    done = server.stage.run("revoke", grant, "--reason", "laptop lost", "--end-sessions", "--yes",
                            HALLPASS_SERVER=f"http://127.0.0.1:{server.port}", HALLPASS_TOKEN=server.api[BO].token)
    check("revoked with its sessions", done.returncode == 0, done.stderr)
    check("the session is refused", wait(lambda: denied(ana.list_roles), 30), server.stage.said("serve.log"))
    check("she is notified", server.over(ANA, grant) and "stop within minutes" in server.told(grant)[0], server.told(grant))
    server.let_time_pass()
    check("nothing is left of it", wait(lambda: world.ours() == {}, 30), world.ours())


def main():
    check = Checks()
    with Stage("endsessions") as stage:
        server = Server(stage)
        server.start()
        with_the_option(check, server)
        in_the_management_account(check, server)
        without_the_option(check, server)
        server.end_well(check)
    check.end()


if __name__ == "__main__":
    main()
