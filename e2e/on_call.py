"""Access for people on call: the real server asks a simulated PagerDuty, incident.io, Slack user group and JSON address, with
their faults. Approval and refusal follow who is on call at that moment."""

import time
import urllib.parse

import served
from served import INES, MARA, NOOR, PRIYA, TOMASZ, Served, asking
from stage import Api, Checks, Stage, rule, wait

check = Checks()
KINDS = {"duty": "Support", "incident": "PowerUser", "slack": "Billing", "json": "NetworkAdmin"}
RULES = "".join(rule(name, accounts=["*"], permission_sets=[set_name], allowed_groups=[f"on-call:{name}"], approval_is_not_required=True,
                     max_duration="2h") for name, set_name in KINDS.items())
# who is not on call may ask for one of them, and the second level approves another
RULES += rule("engineers", accounts=["*"], permission_sets=["PowerUser"], approvers=[TOMASZ])
RULES += rule("open", accounts=["*"], permission_sets=["SecurityAudit"], allowed_groups=["on-call:open"], approval_is_not_required=True)
RULES += rule("second", accounts=["*"], permission_sets=["DatabaseOperator"], approver_groups=["on-call:second"])
LISTS = """
[[on_call]]
name = "duty"
kind = "pagerduty"
url = "{sim}/_on_call/pagerduty"
token = "t"
escalation_policies = ["EPAYMENTS"]
levels = [1]
[[on_call]]
name = "second"
kind = "pagerduty"
url = "{sim}/_on_call/pagerduty"
token = "t"
schedules = ["PPAYSECOND"]
[[on_call]]
name = "open"
kind = "pagerduty_incidents"
url = "{sim}/_on_call/pagerduty"
token = "t"
services = ["SPAYMENTS"]
[[on_call]]
name = "incident"
kind = "incident_io"
url = "{sim}/_on_call/incident_io"
token = "t"
schedules = ["PPAYFIRST"]
[[on_call]]
name = "json"
kind = "json"
url = "{sim}/_on_call/json/PPAYFIRST"
[[on_call]]
name = "slack"
kind = "slack_user_group"
user_group = "S0ONCALL"
[slack]
bot_token = "{bot}"
signing_secret = "{secret}"
channel = "C0ACCESS"
api_url = "{sim}/_slack/api"
"""


class OnCall(Served):
    def nobody_special(self):
        """Called when the simulator is there and the server is not."""
        self.sim = Api(self.endpoint)
        slack = self.sim.get("/_sim/state?full=1").json["file"]["slack"]
        ids = {user["email"]: user["id"] for user in slack["users"] if user.get("email")}
        slack["user_groups"] = [{"id": "S0ONCALL", "handle": "on-call", "users": [ids[INES]]}]
        loaded = self.sim.post("/_sim/load?merge=1", {"version": 1, "slack": slack})
        assert loaded.status < 300, loaded
        path = self.stage.path("hallpass.toml")
        path.write_text(path.read_text() + LISTS.format(sim=self.endpoint, bot=slack["bot_token"], secret=slack["signing_secret"]))
        self.put("PPAYFIRST", INES)
        self.put("PPAYSECOND", TOMASZ)
        return super().nobody_special()

    def put(self, schedule, *people, incident=""):
        form = urllib.parse.urlencode({"schedule": schedule, "people": " ".join(people), "incident": incident})
        page = self.sim.call("POST", "/_sim/on-call", raw=form.encode(), headers={"Content-Type": "application/x-www-form-urlencoded"})
        assert page.status == 200, page

    def ask(self, who, set_name):
        return self.api(who).post("/api/v1/requests", asking(set_name, seconds=600))

    def listed(self, who):
        """What Health says of the lists."""
        return next(it for it in self.api(who).get("/readyz").json["parts"] if it["name"] == "on_call")


def each_kind(server):
    for name, set_name in KINDS.items():
        granted = server.ask(INES, set_name)
        check(f"{name}: who is on call gets access without approval", granted.status == 201 and granted.json.get("state") == "approved", granted)
        refused = server.ask(MARA, set_name)
        if set_name == "PowerUser":
            check(f"{name}: others wait for an approval, by another rule", refused.json.get("state") == "pending", refused)
        else:
            check(f"{name}: others are refused, and told why", refused.status == 422 and "you are not on call now" in str(refused.json), refused)
    records = server.api(NOOR).get("/api/v1/audit?event=request.created&limit=100").json["items"]
    facts = [record["facts"] for record in records if record["requester_email"] == INES]
    check("the log has what each list said, and when", len(facts) == 4 and all(
        fact["answer"] == "on_call" and fact["source"].startswith("on-call:") and fact["read_at"] for found in facts for fact in found), facts)


def turns(server):
    server.put("PPAYFIRST", MARA)
    took_over = wait(lambda: server.ask(MARA, "Support").json.get("state") == "approved", 30, every=1)
    check("who comes on call is known within half a minute", took_over)
    late = server.ask(INES, "NetworkAdmin")
    check("and who has left is refused", late.status == 422, late)
    held = server.api(INES).get("/api/v1/grants?state=active").json["items"]
    check("access given while on call stays until its end", any(it["permission_set"] == "Support" for it in held), held)


def approvals(server):
    waiting = server.ask(MARA, "DatabaseOperator").json
    server.put("PPAYSECOND", PRIYA)
    # an approval rests on an answer of the last five seconds, whatever was read before
    time.sleep(5.1)
    refused = server.api(TOMASZ).post(f"/api/v1/requests/{waiting['id']}/approve")
    check("who is no longer on call cannot approve", refused.status == 403, refused)
    approved = wait(lambda: server.api(PRIYA).post(f"/api/v1/requests/{waiting['id']}/approve").status == 200, 30, every=1)
    check("who is now on call can", approved)


def incidents(server):
    refused = server.ask(INES, "SecurityAudit")
    check("without an open incident there is no access by it", refused.status == 422, refused)
    for service, granted in (("SOTHER", False), ("SPAYMENTS", True)):
        server.put("PPAYFIRST", INES, incident=service)
        time.sleep(5.1)
        asked = server.ask(INES, "SecurityAudit")
        check(f"an incident of {service} is assigned: {granted}", (asked.json.get("state") == "approved") is granted, asked)
    server.put("PPAYFIRST", INES)
    time.sleep(5.1)
    refused = server.ask(INES, "SecurityAudit")
    check("and when it is resolved there is none again", refused.status == 422, refused)


def away(server):
    """An approver names a delegate, who approves in their place until the approver is back."""
    waiting = server.ask(MARA, "PowerUser").json["id"]
    approve = f"/api/v1/requests/{waiting}/approve"
    before = server.api(NOOR).post(approve)
    check("a person without a delegation cannot approve", before.status in (403, 404), before)
    environment = {"HALLPASS_TOKEN": server.tokens[TOMASZ], "HALLPASS_SERVER": server.base}
    done = server.stage.run("people", "out-of-office", "--until", "+3d", "--delegate", NOOR, **environment)
    check("an approver sets an absence with a delegate", done.returncode == 0 and NOOR in done.stdout, done)
    listed = server.stage.run("people", "absences", **environment)
    check("and it is listed", TOMASZ in listed.stdout and NOOR in listed.stdout, listed)
    hidden = server.api(server.stranger).get("/api/v1/absences").json
    check("others do not see it", hidden == {"items": []}, hidden)
    seen = server.api(NOOR).get(f"/api/v1/requests/{waiting}").json
    check("the delegate sees the request that waited before", NOOR in seen.get("approvers", []), seen)
    approved = server.api(NOOR).post(approve)
    check("and approves it", approved.status == 200 and approved.json["state"] == "approved", approved)
    records = server.api(PRIYA).get("/api/v1/audit?event=request.approved&limit=100").json["items"]
    check("the log says for whom", any(f"as delegate of {TOMASZ}" in record["why"] for record in records), records)
    back = server.stage.run("people", "back", **environment)
    check("the approver is back", back.returncode == 0, back)
    again = server.ask(PRIYA, "PowerUser").json["id"]
    refused = server.api(NOOR).post(f"/api/v1/requests/{again}/approve")
    check("and no one approves in their place any more", refused.status in (403, 404), refused)
    server.api(PRIYA).post(f"/api/v1/requests/{again}/discard")


def faults(server):
    sim = server.sim
    held = [it["id"] for it in server.api(INES).get("/api/v1/grants?state=active").json["items"]]
    for what, fault in (("down", {"kind": "error", "code": "down", "http": 503}), ("cut off", {"kind": "drop_before_effect", "how": "reset"}),
                        ("slow", {"kind": "latency", "distribution": {"fixed_ms": 8000}})):
        made = sim.post("/_sim/faults", {**fault, "match": {"service": "on_call"}})
        assert made.status == 201, made
        unread = wait(lambda: server.listed(PRIYA)["ok"] is False, 40, every=1)
        check(f"{what}: Health names the lists", unread and "on-call:duty" in str(server.listed(PRIYA)), server.listed(PRIYA))
        closed = server.ask(MARA, "Support")
        check(f"{what}: nobody gets access by a list that cannot be read", closed.status == 422 and "could not be read" in str(closed.json), closed)
        other = server.ask(PRIYA, "PowerUser")
        check(f"{what}: another rule lets them ask", other.json.get("state") == "pending", other)
        server.api(PRIYA).post(f"/api/v1/requests/{other.json['id']}/discard")
        began = time.monotonic()
        ended = server.api(INES).post(f"/api/v1/grants/{held.pop()}/release")
        check(f"{what}: an end does not wait for the lists", ended.status == 200 and time.monotonic() - began < 2, ended)
        sim.call("DELETE", "/_sim/faults")
        check(f"{what}: it goes on by itself", wait(lambda: server.listed(PRIYA)["ok"], 40, every=1), server.listed(PRIYA))
    server.put("PPAYFIRST", "ghost@example.com")
    counted = wait(lambda: "an address on call" in server.listed(PRIYA)["detail"], 30, every=1)
    check("an address that nobody has is counted for anyone, and named in the log", counted and "ghost" not in str(server.listed(PRIYA))
          and "ghost@example.com" in server.said(), server.listed(PRIYA))


def main():
    served.RULES = RULES
    with Stage("on_call") as stage:
        server = OnCall(stage)
        each_kind(server)
        turns(server)
        approvals(server)
        incidents(server)
        away(server)
        faults(server)
    check.end()


if __name__ == "__main__":
    main()
