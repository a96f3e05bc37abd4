#!/usr/bin/env python3
"""Requests with tickets of a simulated Jira, its faults and comments, and access that no one may hold together: refused, with an
exception, reported and alerted."""

import json
import urllib.parse

import served
from alerts import Receiver, SECRET
from served import INES, MARA, NOOR, PRIYA, TOMASZ, Served, asking
from stage import Api, Checks, Stage, rule, wait
from sync import client

check = Checks()
TICKET = '[rule.ticket]\nsource = "jira"\nstates = ["In Progress"]\nproject = "OPS"\nassigned_to_requester = true\n'
RULES = rule("database", accounts=["*"], permission_sets=["DatabaseOperator"], approvers=[TOMASZ]).rstrip() + "\n" + TICKET
RULES += rule("support", accounts=["*"], permission_sets=["Support"], approvers=[TOMASZ], approval_is_not_required=True).rstrip() + "\n"
RULES += TICKET + 'fallback = "approval"\n'
RULES += rule("free", accounts=["*"], permission_sets=["Billing", "PowerUser"], approval_is_not_required=True)
RULES += f"""
[[never_together]]
id = "pay-and-change"
sides = [{{ accounts = ["payments-prod"], permission_sets = "Billing" }}, {{ accounts = ["payments-prod"], permission_sets = "PowerUser" }}]
[[never_together.except]]
users = ["{PRIYA}"]
approved_by = "{NOOR}"
reason = "on leave: the other one"
until = "2100-01-01T00:00:00Z"
"""


class Tickets(Served):
    def nobody_special(self):
        """Called when the simulator is there and the server is not."""
        self.sim = Api(self.endpoint)
        self.receiver = Receiver()
        path = self.stage.path("hallpass.toml")
        path.write_text(path.read_text() + f"""
[[tickets]]
name = "jira"
kind = "jira"
url = "{self.endpoint}/_tickets/jira"
token = "secret-of-jira"
comment = true
[[webhooks]]
name = "hook"
url = "http://127.0.0.1:{self.receiver.port}/hook"
secret = "{SECRET}"
events = ["alert"]
""")
        return super().nobody_special()

    def ask(self, who, set_name, ticket=None, seconds=600):
        body = asking(set_name, seconds=seconds)
        return self.api(who).post("/api/v1/requests", {**body, "ticket": ticket} if ticket else body)

    def put(self, key, state, assignee):
        form = urllib.parse.urlencode({"service": "jira", "key": key, "state": state, "assignee": assignee})
        page = self.sim.call("POST", "/_sim/tickets", raw=form.encode(), headers={"Content-Type": "application/x-www-form-urlencoded"})
        assert page.status == 200, page

    def comments(self, key):
        tickets = self.sim.get("/_sim/state?full=1").json["file"]["tickets"]
        return next(it.get("comments", []) for it in tickets if it["key"] == key)


def required(server):
    for ticket, code in ((None, "ticket-absent"), ("OPS-102", "ticket-state"), ("OPS-103", "ticket-assignee"), ("OPS-9", "ticket-unknown"),
                         ("../../OPS-101", "ticket-unknown")):
        refused = server.ask(INES, "DatabaseOperator", ticket)
        check(f"{ticket}: refused, and told why", refused.status == 422 and code in str(refused.json), refused)
    waiting = server.ask(INES, "DatabaseOperator", "ops-101")
    check("an own open ticket is accepted", waiting.status == 201 and waiting.json["state"] == "pending", waiting)
    check("and linked", waiting.json.get("ticket_url", "").endswith("/browse/OPS-101"), waiting.json)
    server.put("OPS-101", "Done", INES)
    closed = server.api(TOMASZ).post(f"/api/v1/requests/{waiting.json['id']}/approve")
    check("a ticket that was closed meanwhile refuses the approval", closed.status == 409 and "`Done`" in str(closed.json), closed)
    server.put("OPS-101", "In Progress", INES)
    approved = server.api(TOMASZ).post(f"/api/v1/requests/{waiting.json['id']}/approve")
    check("open again it is approved", approved.status == 200, approved)
    records = server.api(NOOR).get("/api/v1/audit?event=request.approved&limit=10").json["items"]
    check("the record has what Jira said", records[0].get("facts", [{}])[0].get("answer") == "OPS-101 of OPS: In Progress, assigned to the requester",
          records[0])
    return approved.json


def commented(server, request):
    grant = wait(lambda: server.api(INES).get("/api/v1/grants?state=active").json["items"], 30)[0]
    began = wait(lambda: server.comments("OPS-101"), 30)
    check("the ticket says that access began", len(began) == 1 and INES in began[0] and request["id"] in began[0], began)
    check("without the reason", request["reason"] not in began[0], began)
    # the first answer is lost
    made = server.sim.post("/_sim/faults", {"kind": "drop_after_effect", "how": "reset", "match": {"service": "tickets"}, "count": 1})
    assert made.status == 201, made
    server.api(INES).post(f"/api/v1/grants/{grant['id']}/release")
    ended = wait(lambda: len(server.comments("OPS-101")) > 1 and server.comments("OPS-101"), 60)
    check("and that it ended", ended and "Access ended" in ended[1], ended)
    server.sim.call("DELETE", "/_sim/faults")


def without(server):
    granted = server.ask(INES, "Support", "OPS-101")
    check("with its ticket access needs no approval", granted.json.get("state") == "approved", granted)
    waiting = server.ask(MARA, "Support", "OPS-101")
    check("without it, it does", waiting.json.get("state") == "pending", waiting)
    for what, fault in (("down", {"kind": "error", "code": "down", "http": 503}), ("cut off", {"kind": "drop_before_effect", "how": "reset"}),
                        ("slow", {"kind": "latency", "distribution": {"fixed_ms": 8000}})):
        made = server.sim.post("/_sim/faults", {**fault, "match": {"service": "tickets"}})
        assert made.status == 201, made
        closed = server.ask(INES, "DatabaseOperator", "OPS-101")
        check(f"{what}: nothing is requested by a ticket that cannot be read", closed.status == 422 and "ticket-unread" in str(closed.json), closed)
        server.sim.call("DELETE", "/_sim/faults")
    check("nothing shows the token", "secret-of-jira" not in server.said())
    marks = [it.rsplit("(", 1)[1] for it in server.comments("OPS-101")]
    check("each event has one comment", len(marks) >= 2 and len(set(marks)) == len(marks), marks)


def together(server):
    billing = server.ask(MARA, "Billing")
    check("one side is granted", billing.json.get("state") == "approved", billing)
    refused = server.ask(MARA, "PowerUser")
    check("the other is refused, with what is held", refused.status == 422 and "pay-and-change" in str(refused.json) and "`Billing`" in str(refused.json),
          refused)
    for set_name in ("Billing", "PowerUser"):
        granted = server.ask(PRIYA, set_name)
        check(f"{set_name} with an exception is granted", granted.json.get("state") == "approved", granted)
    records = server.api(NOOR).get("/api/v1/audit?event=request.created&limit=100").json["items"]
    used = [it["facts"] for it in records if it.get("facts") and it["requester_email"] == PRIYA]
    check("the exception is recorded", used and "on leave" in used[0][0]["answer"], used)


def reported(server):
    """Standing access that was there before: as a sweep sees it."""
    center = client("sso-admin", server.stage.directory)
    instance = center.list_instances()["Instances"][0]
    identity = client("identitystore", server.stage.directory)
    pages = identity.get_paginator("list_users").paginate(IdentityStoreId=instance["IdentityStoreId"]).build_full_result()
    user = next(it["UserId"] for it in pages["Users"] if it.get("Emails") and it["Emails"][0]["Value"].lower() == MARA)
    sets = center.get_paginator("list_permission_sets").paginate(InstanceArn=instance["InstanceArn"]).build_full_result()["PermissionSets"]
    named = lambda arn: center.describe_permission_set(InstanceArn=instance["InstanceArn"], PermissionSetArn=arn)["PermissionSet"]["Name"]
    account = wait(lambda: server.api(MARA).get("/api/v1/grants?state=active").json["items"], 30)[0]["account"]
    center.create_account_assignment(InstanceArn=instance["InstanceArn"], TargetId=account, TargetType="AWS_ACCOUNT", PrincipalType="USER",
                                     PrincipalId=user, PermissionSetArn=next(arn for arn in sets if named(arn) == "PowerUser"))
    rows = lambda: center.list_account_assignments_for_principal(InstanceArn=instance["InstanceArn"], PrincipalId=user, PrincipalType="USER")
    check("AWS shows it", wait(lambda: any(named(it["PermissionSetArn"]) == "PowerUser" and it["PrincipalId"] == user
                                           for it in rows()["AccountAssignments"]), 30), rows())
    swept = server.api(PRIYA).post("/api/v1/sweeps", {})
    check("a sweep is wanted", swept.status in (200, 201, 202), swept)
    conflicts = lambda: [it for it in server.api(NOOR).get("/api/v1/reports/conflicts").json["items"] if it["user"] == MARA]
    found = wait(conflicts, 60, every=1)
    check("the report has what was there before", found and found[0]["constraint"] == "pay-and-change"
          and {it["by"] for it in found[0]["held"]} == {"grant", "standing"}, found)
    excepted = [it for it in server.api(NOOR).get("/api/v1/reports/conflicts").json["items"] if it["user"] == PRIYA]
    check("and exceptions with their end", excepted and excepted[0]["exception_approved_by"] == NOOR, excepted)
    denied = server.api(MARA).get("/api/v1/reports/conflicts")
    check("for auditors and administrators", denied.status == 404, denied)
    ran = server.stage.run("report", "conflicts", "--output", "json", HALLPASS_SERVER=server.base, HALLPASS_TOKEN=server.tokens[NOOR])
    check("the command prints it", ran.returncode == 0 and any(it["user"] == MARA for it in json.loads(ran.stdout)), (ran.stdout, ran.stderr))


def alerted(server):
    """A server that starts looks at once, and reports what was not reported."""
    told = lambda: [it["body"]["text"] for it in server.receiver.told() if "never-together" in it["body"]["text"] and MARA in it["body"]["text"]]
    for _ in range(2):
        server.stage.stop(server.process)
        server.start()
        check("the conflict is an alert", wait(told, 30), server.receiver.told())
    check("once", len(told()) == 1, told())
    check("and an exception is none", not any(PRIYA in it["body"]["text"] for it in server.receiver.told()), server.receiver.told())


def main():
    served.RULES = RULES
    with Stage("tickets") as stage:
        server = Tickets(stage)
        request = required(server)
        commented(server, request)
        without(server)
        together(server)
        reported(server)
        alerted(server)
    check.end()


if __name__ == "__main__":
    main()
