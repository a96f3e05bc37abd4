"""One press, four doors: web, Slack, command line and API give the same answer to the same press by
the same person on a request in the same state (`access.md` §11.4), and write the same record of it.
What they answer is golden/presses.txt; BLESS=1 writes it again. The same for an approval that rests
on a ticket, whatever its service says. Then two people press at one moment.

A request is used again while nothing changed it: a refused press must leave it as it was.
"""

import concurrent.futures
import hashlib
import hmac
import html
import itertools
import json
import os
import re
import time
import urllib.parse

from served import INES, MARA, NOOR, PRIYA, TOMASZ
from slack import CHANNEL, Slacked
from stage import HERE, Api, Checks, Stage, wait

check = Checks()
GOLDEN = HERE / "golden" / "presses.txt"

# the requester is one of the approvers, and may not be here
RULES = """
[[rule]]
id = "database"
accounts = ["*"]
permission_sets = ["DatabaseOperator"]
approvers = ["mara.lindqvist@example.com", "tomasz.wilk@example.com", "ines.moreau@example.com"]

[[rule]]
id = "two-eyes"
accounts = ["*"]
permission_sets = ["AdministratorAccess"]
approvers = ["mara.lindqvist@example.com", "tomasz.wilk@example.com", "ines.moreau@example.com"]
min_approvals = 2

[[rule]]
id = "change"
accounts = ["*"]
permission_sets = ["Support"]
approvers = ["tomasz.wilk@example.com"]
ticket = { source = "jira", states = ["In Progress"], assigned_to_requester = true }
"""

CHANNELS = ("web", "slack", "cli", "api")
PRESSES = ("approve", "deny", "discard", "release", "revoke", "extend")
ROLES = ("requester", "approver", "second approver", "bystander", "admin", "auditor")
STATES = ("pending", "one of two", "active", "denied", "discarded", "lapsed", "ended")
# a grant's presses need a grant; without one its id names nothing
OF_GRANTS = ("release", "revoke", "extend")
# as "pending" is: there is no grant to press on, and one row of them is enough
WITHOUT_GRANT = ("one of two", "denied", "discarded", "lapsed")
EVENTS = ("request.created", "request.reviewed", "request.approved", "request.denied", "request.discarded",
          "end.started", "press.refused", "extend")
# what a service of tickets says at an approval: state and assignee of the ticket, or a fault
FACTS = {
    "fits": ("In Progress", MARA),
    "closed": ("Done", MARA),
    "another's": ("In Progress", INES),
    "down": {"kind": "error", "code": "down", "http": 503},
    "cut off": {"kind": "drop_before_effect", "how": "reset"},
    "late": {"kind": "latency", "distribution": {"fixed_ms": 8000}},
}
# how long a request waits in the second half, where it lapses
SHORT = 2

# what people read, as the code that programs get
WORDS = (
    (r"can['’]t (approve|deny) your own request", "own-request"),
    (r"^You are not an approver for ", "not-an-approver"),
    (r"^(Already (approved|denied|discarded) by .+ at |This request expired at )", "already-decided"),
    (r"^You approved this", "already-reviewed"),
    (r"[Oo]nly the requester, an approver or an admin", "not-yours"),
    (r"[Oo]nly its holder can do this", "not-holder"),
    (r"(is ended already|^the grant is ended)", "grant-over"),
    (r"[Ii]t no longer fits: ", "no-longer-fits"),
    (r"^There is no such request, or it is not yours to see", "not-found"),
)
DONE = {"approve": "approved", "deny": "denied", "discard": "discarded", "release": "given back",
        "revoke": "revoked", "extend": "asked"}


def code_of(words):
    return next((code for pattern, code in WORDS if re.search(pattern, words)), f"?{words[:80]}")


class Cast(Slacked):
    """The server with Slack, everybody's token and everybody's browser session."""

    def __init__(self, *arguments, **more):
        # when each request was made
        self.asked = {}
        super().__init__(*arguments, **more)

    def token(self, who):
        # the rules and roles of this script, before anything starts
        self.stage.path("rules.toml").write_text(RULES)
        settings = self.stage.path("hallpass.toml")
        text = settings.read_text()
        if "auditors" not in text:
            text = text.replace("[identity]\n", '[identity]\nauditors = ["group:auditors"]\n')
            text = text.replace("[aws]\n", "rate = 10000\nburst = 20000\n[aws]\n", 1)
            settings.write_text(text)
        return super().token(who)

    def start(self):
        if not hasattr(self, "roles"):
            self.stranger, self.stranger_id = self.bystander()
            self.tokens[self.stranger] = self.token(self.stranger)
            self.roles = {"requester": MARA, "approver": TOMASZ, "second approver": INES,
                          "bystander": self.stranger, "admin": PRIYA, "auditor": NOOR}
            self.slack_ids = {who: f"U0{who.split('.')[0].upper()}" for who in (MARA, TOMASZ, INES, PRIYA, NOOR)}
            self.slack_ids[self.stranger] = self.stranger_id
            self.sessions = {who: self.session(who) for who in self.roles.values()}
        super().start()

    def bystander(self):
        """Somebody on Slack whom no rule and no role names."""
        file = self.sim.get("/_sim/state?full=1").json["file"]
        center = file["identity_center"]
        roles = {member for group in center["groups"] if group["name"] in ("platform-admins", "auditors")
                 for member in group["members"]}
        mails = {user["email"].lower() for user in center["users"] if user.get("email")
                 and user["user_name"] not in roles and user.get("status") != "DISABLED"}
        members = file["slack"]["channels"][0]["members"]
        return next((user["email"].lower(), user["id"]) for user in file["slack"]["users"]
                    if user.get("email", "").lower() in mails and user["id"] in members
                    and user["email"] not in (MARA, TOMASZ, PRIYA, NOOR, INES))

    def session(self, who):
        return self.stage.session(who)

    def lapsing(self):
        """From here on requests wait for seconds only."""
        settings = self.stage.path("hallpass.toml")
        settings.write_text(settings.read_text().replace(
            "[access.duration]\n", f'[access]\nrequest_expiry = "{SHORT}s"\n[access.duration]\n'))
        self.restart()

    def posted(self, who, path, **fields):
        """A form of a page, sent: the answer."""
        secret, form = self.sessions[who]
        body = urllib.parse.urlencode({**fields, "csrf": form}).encode()
        return Api(self.base).call("POST", path, raw=body, headers={
            "Cookie": f"hallpass={secret}", "Content-Type": "application/x-www-form-urlencoded",
            "Sec-Fetch-Site": "same-origin", "Accept": "text/html"})

    def page(self, who, path):
        return Api(self.base).get(path, headers={"Cookie": f"hallpass={self.sessions[who][0]}", "Accept": "text/html"})

    def seen(self, who, request):
        """What the button to approve says it was drawn for."""
        body = self.page(who, f"/requests/{request}").body.decode()
        found = re.search(r'name="seen" value="(\d+)"', body)
        return found[1] if found else "0"

    def stale(self, who, request, action):
        """A press on a screen that shows what was: the button is gone from the message by now."""
        head = self.head(request)
        payload = {"type": "block_actions", "user": {"id": self.slack_ids[who], "team_id": self.slack["team"]},
                   "team": {"id": self.slack["team"]}, "trigger_id": "1.2.stale",
                   "container": {"type": "message", "message_ts": head["ts"], "channel_id": CHANNEL},
                   "channel": {"id": CHANNEL},
                   "actions": [{"action_id": action, "block_id": "buttons", "type": "button", "value": request,
                                "action_ts": f"{time.time():.6f}"}]}
        raw = urllib.parse.urlencode({"payload": json.dumps(payload)}).encode()
        now = str(int(time.time()))
        secret = self.slack["signing_secret"].encode()
        signature = "v0=" + hmac.new(secret, b"v0:" + now.encode() + b":" + raw, hashlib.sha256).hexdigest()
        answer = Api(self.base).call("POST", "/slack/interactions", raw=raw, headers={
            "Content-Type": "application/x-www-form-urlencoded", "X-Slack-Request-Timestamp": now,
            "X-Slack-Signature": signature})
        assert answer.status == 200, answer

    def head(self, request):
        """The message of a request, which is no older than it: all messages grow by every press of the matrix."""
        return super().head(request, self.asked[request])

    def whispered(self, who, began):
        return [one["text"] for one in self.messages(since=began) if one["only_for"] == self.slack_ids[who]]

    def records(self, after):
        return self.api(PRIYA).all(f"/api/v1/audit?after={after}")

    def last(self):
        """The newest record's number."""
        known = getattr(self, "known", 0)
        new = self.api(PRIYA).get(f"/api/v1/audit?after={known}&limit=500").json["items"]
        while new:
            known = new[-1]["seq"]
            new = self.api(PRIYA).get(f"/api/v1/audit?after={known}&limit=500").json["items"]
        self.known = known
        return known


class Requests:
    """Equal requests in a wanted state, each in an account of its own."""

    def __init__(self, cast):
        self.cast, self.kept = cast, {}
        accounts = cast.sim.get("/_sim/state?full=1").json["file"]["accounts"]
        self.accounts = itertools.cycle([one["id"] for one in accounts if one.get("status", "ACTIVE") == "ACTIVE"
                                         and not one.get("management")])
        self.mara = cast.api(MARA)

    def ask(self, permission_set="DatabaseOperator", **more):
        for _ in range(100):
            body = {"account": next(self.accounts), "permission_set": permission_set, "duration_seconds": 1800,
                    "reason": "OPS-1: replay a batch", **more}
            asked_at = time.time()
            made = self.mara.post("/api/v1/requests", body)
            # one that waits in that account already is somebody else's; what cannot be asked for is no use
            if made.status == 201:
                self.cast.asked[made.json["id"]] = asked_at
                return made.json
        raise AssertionError(f"nothing left to ask for: {made}")

    def decide(self, who, request, press, body=None):
        answer = self.cast.api(who).post(f"/api/v1/requests/{request}/{press}", body or {})
        assert answer.status == 200, answer

    def make(self, state):
        request = self.ask("AdministratorAccess" if state == "one of two" else "DatabaseOperator")["id"]
        grant = None
        if state == "one of two":
            self.decide(TOMASZ, request, "approve")
        elif state == "denied":
            self.decide(TOMASZ, request, "deny")
        elif state == "discarded":
            self.decide(MARA, request, "discard")
        elif state == "lapsed":
            assert wait(lambda: self.cast.request(request)["state"] == "expired", 30)
        elif state in ("active", "ended"):
            self.decide(TOMASZ, request, "approve")
            grant = self.cast.request(request)["grant_id"]
            assert wait(lambda: self.held(grant) == "active", 60), self.held(grant)
            if state == "ended":
                self.mara.post(f"/api/v1/grants/{grant}/release", {})
                assert wait(lambda: self.held(grant) == "ended", 60), self.held(grant)
        assert wait(lambda: self.cast.head(request), 20), "no message"
        return {"state": state, "request": request, "grant": grant or "grn_" + request.split("_")[1]}

    def held(self, grant):
        answer = self.cast.api(PRIYA).get(f"/api/v1/grants/{grant}")
        assert answer.status == 200, answer
        return answer.json["state"]

    def get(self, state):
        if state not in self.kept:
            one = self.kept[state] = self.make(state)
            one["look"] = self.look(one)
            self.cast.last()
        return self.kept[state]

    def look(self, one):
        """What a press might change."""
        request = self.cast.request(one["request"])
        grant = self.held(request["grant_id"]) if request.get("grant_id") else ""
        return request["state"], len(request["reviews"]), grant in ("ending", "ended")

    def spent(self, one):
        self.kept.pop(one["state"], None)


# --- the doors ------------------------------------------------------------------------------------

def by_api(cast, who, press, one, _):
    path, body = f"/api/v1/requests/{one['request']}/{press}", {}
    if press in OF_GRANTS:
        path = f"/api/v1/grants/{one['grant']}/{press}"
        body = {"revoke": {"reason": "no longer"}, "extend": {"duration_seconds": 3600, "reason": "more"}}.get(press, {})
    answer = cast.api(who).post(path, body)
    return DONE[press] if answer.status in (200, 201) else answer.code


def by_cli(cast, who, press, one, _):
    more = {"deny": [], "release": ["--yes"], "revoke": ["--reason", "no longer", "--yes"],
            "extend": ["--for", "1h", "--reason", "more"]}.get(press, [])
    ran = cast.stage.run(press, one["grant"] if press in OF_GRANTS else one["request"], *more,
                         HALLPASS_SERVER=cast.base, HALLPASS_TOKEN=cast.tokens[who])
    if ran.returncode == 0:
        return DONE[press]
    found = re.search(r"^error\[([a-z-]+)\]", ran.stderr, re.M)
    return found[1] if found and ran.returncode == 1 else f"?{ran.returncode} {ran.stderr[:80]}"


def by_web(cast, who, press, one, _):
    request, grant = one["request"], one["grant"]
    if press == "extend":
        # the form asks for what one holds already; nobody can name the grant of somebody else
        if who != MARA or one["state"] != "active":
            return None
        about = cast.request(request)
        answer = cast.posted(who, "/ask", kind="account", account=about["account"], reason="more",
                             permission_set=about["permission_set"], **{"for": "3600"})
    elif press in OF_GRANTS:
        answer = cast.posted(who, f"/grants/{grant}/{press}", reason="no longer")
    elif press == "approve":
        answer = cast.posted(who, f"/requests/{request}/approve", seen=cast.seen(who, request))
    else:
        answer = cast.posted(who, f"/requests/{request}/{press}", reason="")
    return read_page(cast, who, press, answer)


def read_page(cast, who, press, answer):
    """What a form's answer, and the page it leads to, tell."""
    if answer.status == 404:
        return "not-found"
    if answer.status != 303:
        words = html.unescape(re.sub(r"<[^>]+>", "\n", answer.body.decode()))
        return next((code for pattern, code in WORDS if re.search(pattern, words, re.M)), f"?{answer}")
    to = answer.headers["location"]
    said = urllib.parse.parse_qs(urllib.parse.urlparse(to).query).get("said", [""])[0]
    if said in ("approved", "denied", "discarded", "given-back", "revoked"):
        return DONE[press]
    if press == "extend" and not said:
        return DONE[press]
    if not said:
        # back on the page of the request, which says that it is over
        return "grant-over" if press in OF_GRANTS else f"?{to}"
    page = cast.page(who, to).body.decode()
    found = re.search(r'role="alert">.*?<span>(.*?)</span>', page, re.S)
    words = re.sub(r"<[^>]+>", "", found[1]) if found else page
    cast.words = html.unescape(words)
    return code_of(cast.words)


def by_slack(cast, who, press, one, after):
    """By the button that is to be seen, else on a screen that shows an older state."""
    if press == "revoke":
        return None  # Slack has no button for it
    user, request = cast.slack_ids[who], one["request"]
    shown = cast.head(request)
    pressed_at = time.time()
    visible = any(block.get("block_id") == "buttons" for block in shown["blocks"])
    if press in ("release", "extend") and who == MARA and one["state"] == "active":
        view = cast.opens(user, shortcut="hallpass_my_access")
        cast.act(user, settle_ms=500, click={"view_id": view["view"]["id"], "action_id": press,
                                             "block_id": f"buttons_{one['grant']}"})
        if press == "extend":
            form = wait(lambda: (found := cast.modal(user)) and found["view"]["callback_id"] != "hallpass_mine"
                        and "provide_reason" in json.dumps(found) and found, 20)
            cast.act(user, submit={"view_id": form["view"]["id"], "values": {
                "duration_picker": {"duration_picker_action": "3600"}, "provide_reason": {"provided_reason": "more"}}})
        wait(lambda: cast.records(after), 20)
        while cast.modal(user):
            cast.act(user, settle_ms=0, close={"view_id": cast.modal(user)["view"]["id"]})
        return DONE[press]
    if press in ("release", "extend") or not visible:
        cast.stale(who, request, press)
    else:
        cast.act(user, settle_ms=100, click={"message_ts": shown["ts"], "action_id": press})
    mine = lambda: [record for record in cast.records(after) if concerns(record, one)]
    answered = lambda: cast.whispered(who, pressed_at) or cast.modal(user) or any(
        record["event"] != "press.refused" for record in mine())
    if not wait(answered, 20, every=0.03):
        return "?silence"
    if form := cast.modal(user):
        cast.act(user, settle_ms=100, submit={"view_id": form["view"]["id"], "values": {}})
        wait(mine, 20, every=0.03)
        return DONE[press]
    said = cast.whispered(who, pressed_at)
    if not said:
        return DONE[press]
    cast.words = said[-1]
    if cast.words.startswith("Ended early: "):
        return DONE[press]
    code = code_of(cast.words)
    # The message stands in a channel: who presses there reads the request anyway, and is told why
    # not instead of "no such request" (the other doors keep the request's existence from them).
    return "not-found" if who == cast.stranger and not code.startswith("?") else code


DOORS = {"web": by_web, "slack": by_slack, "cli": by_cli, "api": by_api}


# --- the matrix -----------------------------------------------------------------------------------

def concerns(record, one):
    return record["event"] in EVENTS and (
        one["request"] in (record.get("access_request_id"), record.get("request_id"))
        or one["grant"] in json.dumps(record))


def records_of(records, one):
    """The records of a press: the event, and for a refusal why."""
    found = []
    for record in records:
        if record["event"] == "request.created" and record.get("actor") != MARA and MARA not in json.dumps(record):
            continue
        if record["event"] == "request.created" or concerns(record, one):
            why = f" {record['error'].split(':')[0]}" if record["event"] == "press.refused" else ""
            found.append(record["event"] + why)
    return ", ".join(found) or "-"


def one_press(cast, requests, press, role, state, channel):
    """Presses once; outcome, whether something changed, what was recorded. `None` where there is no such press."""
    one, who = requests.get(state), cast.roles[role]
    before, after = one["look"], cast.known
    outcome = DOORS[channel](cast, who, press, one, after)
    if outcome is None:
        return None
    records = cast.records(after)
    now = one["look"] = requests.look(one)
    if records:
        cast.known = records[-1]["seq"]
    if press == "approve" and outcome == "approved" and now[0] == "pending":
        outcome = f"{now[1]} of 2"
    if press == "extend" and outcome == DONE[press]:
        # the new request waits: away with it, so that the next door asks anew
        for request in cast.api(MARA).get("/api/v1/requests?role=mine&state=pending").json["items"]:
            if request.get("extends") == one["grant"]:
                requests.decide(MARA, request["id"], "discard")
        cast.last()
    if now != before:
        requests.spent(one)
    return outcome, "changed" if now != before else "-", records_of(records, one)


def matrix(cast, requests, states, rows):
    for state in states:
        for press, role in itertools.product(PRESSES, ROLES):
            if press in OF_GRANTS and state in WITHOUT_GRANT:
                continue
            answers = {}
            for channel in CHANNELS:
                answer = one_press(cast, requests, press, role, state, channel)
                if answer:
                    answers[channel] = answer
            first = answers["api"]
            check(f"{press} by {role}, {state}: {first[0]}", all(answer == first for answer in answers.values()), answers)
            rows[(press, role, state)] = (*first, " ".join(channel for channel in CHANNELS if channel in answers))


def table(rows):
    head = ("press", "by", "request is", "answer", "state", "recorded", "doors")
    states = [*STATES, *FACTS]
    order = sorted(rows, key=lambda key: (PRESSES.index(key[0]), states.index(key[2]), ROLES.index(key[1])))
    lines = [head, *((press, role, state, *rows[(press, role, state)]) for press, role, state in order)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() + "\n" for line in lines)


def compare(found):
    if os.environ.get("BLESS"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(found)
    wanted = GOLDEN.read_text() if GOLDEN.exists() else ""
    differing = [line for line in found.splitlines() if line not in wanted.splitlines()]
    check("the table is the one in golden/presses.txt", found == wanted, differing[:5])


# --- facts ----------------------------------------------------------------------------------------

def set_ticket(cast, fact):
    """Makes the service of tickets say this of OPS-103."""
    cast.sim.call("DELETE", "/_sim/faults")
    if isinstance(fact, dict):
        made = cast.sim.post("/_sim/faults", {**fact, "match": {"service": "tickets"}})
        assert made.status == 201, made
        return
    state, assignee = fact
    form = urllib.parse.urlencode({"service": "jira", "key": "OPS-103", "state": state, "assignee": assignee})
    page = cast.sim.call("POST", "/_sim/tickets", raw=form.encode(), headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert page.status == 200, page


def facts(cast, requests, rows):
    """An approval that rests on a ticket: what the ticket is then decides, at each door."""
    set_ticket(cast, FACTS["fits"])
    for name, fact in reversed(FACTS.items()):
        answers = {}
        for channel in CHANNELS:
            if "ticket" not in requests.kept:
                made = requests.ask("Support", ticket="OPS-103")["id"]
                assert wait(lambda: cast.head(made), 20), "no message"
                one = requests.kept["ticket"] = {"state": "ticket", "request": made, "grant": "grn_" + made.split("_")[1]}
                one["look"] = requests.look(one)
                cast.last()
            set_ticket(cast, fact)
            answers[channel] = one_press(cast, requests, "approve", "approver", "ticket", channel)
            set_ticket(cast, FACTS["fits"])
        first = answers["api"]
        check(f"approve, ticket {name}: {first[0]}", all(answer == first for answer in answers.values()), answers)
        rows[("approve", "approver", name)] = (*first, " ".join(answers))


# --- two at once ----------------------------------------------------------------------------------

def races(cast, requests, rounds=20):
    """Tomasz in the browser, Ines in Slack, at the same moment: one decides, the other reads who and when."""
    wins, wrong = {"web": 0, "slack": 0}, []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for number in range(rounds):
            press = ("approve", "deny")[number % 2]
            request = requests.ask()["id"]
            head = wait(lambda: cast.head(request), 20)
            seen, after, pressed_at = cast.seen(TOMASZ, request), cast.last(), time.time()
            fields = {"seen": seen} if press == "approve" else {"reason": ""}
            # each way of starting first is tried
            late = (number // 2 % 3 - 1) * 0.004
            web = pool.submit(lambda: (time.sleep(max(late, 0)), cast.posted(TOMASZ, f"/requests/{request}/{press}", **fields))[1])
            slack = pool.submit(lambda: (time.sleep(max(-late, 0)), cast.act(cast.slack_ids[INES], settle_ms=100, click={
                "message_ts": head["ts"], "action_id": "approve"}))[1])
            answer = web.result()
            slack.result()
            decided = lambda: [record for record in cast.records(after) if record.get("access_request_id") == request
                               and record["event"] in ("request.approved", "request.denied", "press.refused")]
            wait(lambda: len(decided()) >= 2, 20)
            events = sorted(record["event"] for record in decided())
            by = cast.request(request)["decided_by"]
            if len(events) != 2 or events[0] != "press.refused":
                wrong.append((number, events))
            elif by == TOMASZ:
                wins["web"] += 1
                said = wait(lambda: cast.whispered(INES, pressed_at), 20) or ["nothing"]
                how = {"approve": "approved", "deny": "denied"}[press]
                at = r"<!date\^\d+\^\{time\}\|\d\d:\d\d( \w+)?>"
                if not re.fullmatch(rf"Already {how} by Tomasz Wilk at {at}\.", said[-1]):
                    wrong.append((number, "slack", said))
            else:
                wins["slack"] += 1
                code = read_page(cast, TOMASZ, press, answer)
                if code != "already-decided" or not re.match(r"Already approved by Ines Moreau at (\w+ )?\d\d:\d\d", cast.words):
                    wrong.append((number, "web", code, cast.words))
    check(f"{rounds} times two press together: one decides, the other reads who and when ({wins})", not wrong, wrong)


def main():
    with Stage("channels") as stage:
        # what Slack rations is slack.py's business
        jira = '[[tickets]]\nname = "jira"\nkind = "jira"\nurl = "{sim}/_tickets/jira"\ntoken = "secret-of-jira"\n'
        cast = Cast(stage, simulated=["--no-throttle"], settings=jira)
        requests = Requests(cast)
        rows = {}
        matrix(cast, requests, [state for state in STATES if state != "lapsed"], rows)
        facts(cast, requests, rows)
        races(cast, requests)
        cast.lapsing()
        matrix(cast, requests, ["lapsed"], rows)
        compare(table(rows))
    check.end()


if __name__ == "__main__":
    main()
