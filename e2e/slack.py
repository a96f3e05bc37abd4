"""The Slack app of the real binary against the simulated Slack: people press, type and choose, and
what they see is what they should."""

import concurrent.futures
import hashlib
import hmac
import json
import re
import signal
import time
import urllib.parse
from datetime import datetime

from served import INES, MARA, NOOR, PRIYA, TOMASZ
from stage import Api, Checks, Stage, answers, free_port, rule, wait

check = Checks()
CHANNEL = "C0ACCESS"
PROD = "334910787414"

RULES = (rule("read", accounts=["*"], permission_sets=["ReadOnly"], approval_is_not_required=True)
         + rule("database", accounts=["*"], permission_sets=["DatabaseOperator"],
                approvers=["tomasz.wilk@example.com", "priya.raman@example.com"], max_duration="4h")
         + rule("two-eyes", accounts=["*"], permission_sets=["AdministratorAccess"],
                approvers=["tomasz.wilk@example.com", "priya.raman@example.com", "noor.haddad@example.com"], min_approvals=2)
         + rule("lonely", accounts=["*"], permission_sets=["Billing"], approvers=["mara.lindqvist@example.com"])
         + rule("support", accounts=["*"], permission_sets=["Support"], approvers=["tomasz.wilk@example.com"])
         + rule("cards", accounts=["payments-prod"], permission_sets=["Support"], permits_requests=False,
                warning="Card data & <b>rows</b>. Do not copy them out.")
         + rule("join-oncall", groups=["oncall"], approvers=["tomasz.wilk@example.com", "ines.moreau@example.com"],
                max_duration="12h"))


class Slacked:
    """`hallpass serve` with a Slack app, and the simulated Slack it talks to."""

    def __init__(self, stage, socket=False, log="info", organization=None, settings="", simulated=()):
        self.stage, self.port = stage, free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.simulator, self.endpoint, aws = stage.simulator("--speed", "fast", *simulated)
        self.sim = Api(self.endpoint)
        file = self.sim.get("/_sim/state?full=1").json["file"]
        self.slack = file["slack"]
        if organization:
            organization(file)
        self.odd = next((one["id"] for one in file["accounts"] if one["name"] == "Team: Prod #2"), None)
        if not socket:
            self.slack["request_url"] = f"{self.base}/slack/interactions"
        file.pop("clock", None)
        loaded = self.sim.post("/_sim/load", file)
        assert loaded.status < 300, loaded
        self.environment = {name: aws[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
        self.secrets = [aws["AWS_SECRET_ACCESS_KEY"], self.slack["bot_token"], self.slack["signing_secret"],
                        self.slack["app_token"]]
        self.environment |= {"SLACK_TOKEN": self.slack["bot_token"], "SLACK_SECRET": self.slack["signing_secret"]}
        stage.path("rules.toml").write_text(RULES)
        # in Socket Mode without a secret: nobody is to be believed over HTTP
        app = f'app_token = "{self.slack["app_token"]}"' if socket else 'signing_secret = "${env:SLACK_SECRET}"'
        stage.path("hallpass.toml").write_text(
            f'[server]\nlisten = "127.0.0.1:{self.port}"\npublic_url = "{self.base}"\n'
            f'[aws]\nregion = "{aws["AWS_REGION"]}"\nendpoint_url = "{self.endpoint}"\n'
            '[identity]\nadmins = ["group:platform-admins"]\n'
            '[access.duration]\nmin = "1s"\n'
            f'[access.account_notes]\n"{PROD}" = "Card data. Do not copy rows out."\n'
            '[slack]\nbot_token = "${env:SLACK_TOKEN}"\n'
            f'channel = "{CHANNEL}"\napi_url = "{self.endpoint}/_slack/api"\n{app}\n{settings.replace("{sim}", self.endpoint)}\n'
            f'[log]\nlevel = "{log}"\n')
        self.tokens = {who: self.token(who) for who in (MARA, TOMASZ, PRIYA, NOOR, INES)}
        self.start()

    def token(self, who):
        made = self.stage.run("server", "token", "create", "--user", who, "--config", "hallpass.toml", **self.environment)
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()

    def start(self):
        self.process = self.stage.spawn("serve", log="serve.log", **self.environment)
        ready = wait(lambda: answers(Api(self.base), "/readyz"), 60, self.process)
        assert ready, self.stage.said("serve.log")

    def restart(self):
        self.stage.stop(self.process, signal.SIGKILL)
        self.start()

    def api(self, who):
        return Api(self.base, self.tokens[who])

    def act(self, user, **what):
        answer = self.sim.post("/_slack/act", {"user": user, "settle_ms": 2000, **what})
        assert answer.status == 200, answer
        return answer.json

    def messages(self, channel=CHANNEL, since=0):
        """What was posted or changed since then (seconds since 1970)."""
        return self.sim.get(f"/_slack/messages?channel={channel}&since={since:.6f}").json["messages"]

    def all_messages(self):
        return self.sim.get("/_slack/messages").json["messages"]

    def whispers(self, user):
        return [one for one in self.all_messages() if one["only_for"] == user]

    def heads(self, since=0):
        return [one for one in self.messages(since=since) if not one["thread_ts"] and not one["only_for"]
                and any(block.get("block_id") == "header" for block in one["blocks"] or [])]

    def head(self, request, since=0):
        """The message of a request."""
        for one in self.heads(since):
            if ((one["metadata"] or {}).get("event_payload") or {}).get("id") == request:
                return one
        return None

    def replies(self, head):
        return [one["text"] for one in self.messages() if one["thread_ts"] == head["ts"]]

    def modal(self, user):
        return self.sim.get(f"/_slack/screen?user={user}").json.get("modal")

    def opens(self, user, tries=4, **what):
        """Does something that opens a window; the window. What a press gives opens one for three seconds: on a busy machine it is pressed
        again."""
        before = (self.modal(user) or {"view": {"id": None}})["view"]["id"]
        shown = lambda: (found := self.modal(user)) and found["view"]["id"] != before and found
        for _ in range(tries):
            answer = self.act(user, **what)
            if view := wait(shown, 5, every=0.02):
                return view
        raise AssertionError(f"no window: {answer['delivered']}")

    def type(self, user, view, block, action, query):
        """Types into a select; the ids it offers then."""
        answer = self.act(user, settle_ms=0, type={"view_id": view["view"]["id"], "block_id": block,
                                                   "action_id": action, "query": query})
        body = json.loads(answer["delivered"][0]["body"])
        return [option["value"] for option in body["options"]]

    def fill(self, user, view, values):
        for block, fields in values.items():
            for action, value in fields.items():
                if block.startswith("select_"):
                    for typed in value if isinstance(value, list) else [value]:
                        self.type(user, view, block, action, typed)
                    self.act(user, settle_ms=1000, choose={"view_id": view["view"]["id"], "block_id": block,
                                                           "action_id": action, "value": value})
        values = {block: fields for block, fields in values.items() if not block.startswith("select_")}
        answer = self.act(user, submit={"view_id": view["view"]["id"], "values": values})
        return answer["delivered"][0]

    def ask(self, user, permission_set="DatabaseOperator", account=PROD, reason="OPS-1: replay a batch", seconds=1800):
        """Asks in Slack; the request's id."""
        before = {one["id"] for one in self.requests()}
        view = self.opens(user, shortcut="request_for_access")
        sent = self.fill(user, view, form(permission_set, account, reason, seconds))
        assert sent["status"] == 200, sent
        found = wait(lambda: [one["id"] for one in self.requests() if one["id"] not in before], 10)
        return found[0] if found else None

    def requests(self):
        return self.api(PRIYA).all("/api/v1/requests?role=all")

    def request(self, request):
        return self.api(PRIYA).get(f"/api/v1/requests/{request}").json

    def click(self, user, head, action):
        return self.act(user, click={"message_ts": head["ts"], "action_id": action})


def form(permission_set="DatabaseOperator", account=PROD, reason="OPS-1: replay a batch", seconds=1800):
    return {"duration_picker": {"duration_picker_action": str(seconds)},
            "provide_reason": {"provided_reason": reason},
            "select_account": {"selected_account": account},
            "select_permission_set": {"selected_permission_set": permission_set}}


def title(head):
    return next(block["text"]["text"] for block in head["blocks"] if block["type"] == "header")


def text(head, block):
    found = next((one for one in head["blocks"] if one.get("block_id") == block), None)
    return json.dumps(found, ensure_ascii=False) if found else None


def buttons(head):
    found = next((one for one in head["blocks"] if one.get("block_id") == "buttons"), {"elements": []})
    return [element["action_id"] for element in found["elements"]]


def journey(hallpass):
    """Ask, be asked, approve, get it, give it back."""
    view = hallpass.opens(MARA, shortcut="request_for_access")
    check.equal("the form's parts are in order", [block["type"] + ":" + (block["block_id"] if block["type"] != "divider" else "") for block in view["view"]["blocks"]],
                ["section:greeting", "divider:", "input:duration_picker", "input:provide_reason", "input:select_account",
                 "input:select_permission_set", "input:select_more", "input:start_picker", "divider:", "context:recorded"])
    request = None
    sent = hallpass.fill(MARA, view, form())
    check("the form is taken", sent["status"] == 200 and not sent.get("late"), sent)
    head = wait(lambda: next(iter(hallpass.heads()), None), 10)
    if not check("a message is in the channel", head):
        return
    request = head["metadata"]["event_payload"]["id"]
    check("its title", title(head).strip(":").find("Access request") > 0, title(head))
    check("who, what, why and how long", all(word in text(head, "content") for word in
          ("<@U0MARA>", f"payments-prod #{PROD}", "DatabaseOperator", "OPS-1: replay a batch", "30m")), text(head, "content"))
    check.equal("its buttons", buttons(head), ["approve", "approve_with", "deny", "discard"])
    replies = wait(lambda: hallpass.replies(head), 10) or []
    check("approvers are mentioned", replies and "<@U0TOMASZ>" in replies[0] and "<@U0PRIYA>" in replies[0]
          and "one of you can approve this. Rule: `database`." in replies[0], replies)
    hallpass.click(MARA, head, "approve")
    said = wait(lambda: hallpass.whispers("U0MARA"), 20) or []
    check("no user approves their own", said and said[-1]["text"].startswith("You can’t approve your own request. "), said)
    hallpass.click(NOOR, head, "approve")
    said = wait(lambda: hallpass.whispers("U0NOOR"), 20) or []
    check("an unlisted user does not either", said and "You are not an approver for payments-prod / DatabaseOperator. Rule `database` lists who is." == said[-1]["text"], said)
    hallpass.click(TOMASZ, head, "approve")
    live = wait(lambda: "Access granted" in title(hallpass.head(request)), 30)
    check("approved, it is granted", live, title(hallpass.head(request)))
    head = hallpass.head(request)
    check.equal("buttons go", buttons(head), [])
    check("the footer says who", "Approved by Tomasz Wilk" in text(head, "footer"), text(head, "footer"))
    said = wait(lambda: [one for one in hallpass.replies(head) if one.startswith("Live since")], 10)
    check("and a reply that it is live", said and "<@U0MARA>" in said[0], hallpass.replies(head))
    view = hallpass.opens(MARA, shortcut="hallpass_my_access")
    check("my access shows it", "DatabaseOperator in payments-prod" in json.dumps(view), view)
    hallpass.act(MARA, click={"view_id": view["view"]["id"], "action_id": "release"})
    check("ended early, it is over", wait(lambda: "Access ended" in title(hallpass.head(request)), 30), title(hallpass.head(request)))
    ended = wait(lambda: [one for one in hallpass.messages() if not one["thread_ts"] and one["text"].startswith("Ended: DatabaseOperator in payments-prod, Mara Lindqvist.")], 10)
    check("a line in the channel, without mention", ended and "<@" not in ended[0]["text"], ended)


def together(hallpass):
    """The same set in two accounts from one form: two requests that know each other, a message for each."""
    before = {one["id"] for one in hallpass.requests()}
    view = hallpass.opens(MARA, shortcut="request_for_access")
    offered = hallpass.type(MARA, view, "select_more", "selected_more", "")
    open_to_mara = hallpass.api(MARA).all("/api/v1/catalog?q=DatabaseOperator")
    other = next(one["account"]["id"] for one in open_to_mara if one["permission_set"] == "DatabaseOperator" and one["account"]["id"] != PROD)
    check("together: more accounts are offered", len(offered) > 1, offered)
    values = form(reason="OPS-97: both of them")
    values["select_more"] = {"selected_more": [other]}
    sent = hallpass.fill(MARA, view, values)
    check("together: the form is taken", sent["status"] == 200 and not sent["body"], sent)
    made = lambda: [one for one in hallpass.requests() if one["id"] not in before]
    check("together: two requests are made", wait(lambda: len(made()) == 2, 10), made())
    accounts = {one["account"]: one for one in made()}
    check.equal("together: of the two accounts", set(accounts), {PROD, other})
    check.equal("together: each names the other", accounts[PROD]["asked_with"], [accounts[other]["id"]])
    check("together: each has its message", wait(lambda: all(hallpass.head(one["id"]) for one in made()), 10))
    for one in made():
        hallpass.api(MARA).post(f"/api/v1/requests/{one['id']}/discard", {})
    # one that cannot be asked for is said at its field, and nothing is sent
    before = {one["id"] for one in hallpass.requests()}
    view = hallpass.opens(MARA, shortcut="request_for_access")
    values = form(reason="OPS-98: the same twice", seconds=1800)
    values["select_more"] = {"selected_more": [other]}
    values["select_permission_set"] = {"selected_permission_set": "DatabaseOperator"}
    values["provide_reason"] = {"provided_reason": " "}
    sent = hallpass.fill(MARA, view, values)
    check("together: a form without a reason is refused whole", "errors" in sent["body"] and not made(), sent)
    hallpass.act(MARA, close={"view_id": view["view"]["id"]})


def approving_less(hallpass):
    """Approve with a comment and for less time, in a window; then a later end, chosen from those that gain something."""
    request = hallpass.ask(MARA, reason="OPS-9: less will do", seconds=7200)
    head = wait(lambda: hallpass.head(request), 10)
    view = hallpass.opens(TOMASZ, click={"message_ts": head["ts"], "action_id": "approve_with"})
    picker = next(block for block in view["view"]["blocks"] if block["block_id"] == "duration_picker")
    offered = [option["text"]["text"] for option in picker["element"]["options"]]
    check("approve with: shorter times than requested are offered", offered[0] == "2h, as requested" and "1h" in offered and "4h" not in offered, offered)
    sent = hallpass.fill(TOMASZ, view, {"duration_picker": {"duration_picker_action": "3600"}, "provide_reason": {"provided_reason": "an <hour> will do"}})
    check("approve with: the form is taken", sent["status"] == 200, sent)
    check("approve with: granted", wait(lambda: "Access granted" in title(hallpass.head(request)), 30), title(hallpass.head(request)))
    head = hallpass.head(request)
    said = "Shortened from 2h to 1h by Tomasz Wilk. Tomasz Wilk: an &lt;hour&gt; will do."
    check("approve with: the thread says who and why", wait(lambda: said in hallpass.replies(head), 10), hallpass.replies(head))
    check("approve with: the message says both times", "1h instead of 2h" in text(head, "content"), text(head, "content"))
    view = hallpass.opens(MARA, shortcut="hallpass_my_access")
    hallpass.act(MARA, click={"view_id": view["view"]["id"], "action_id": "extend"})
    view = wait(lambda: (found := hallpass.modal(MARA)) and found["view"]["callback_id"] == "hallpass_extend_submitted" and found, 10)
    picker = next(block for block in view["view"]["blocks"] if block["block_id"] == "duration_picker")
    ends = [option["text"]["text"] for option in picker["element"]["options"]]
    check("extend: later ends, each with what it gains", ends and ends[0].endswith(", +30m") and all(end.startswith("to ") and ", +" in end for end in ends), ends)
    view = hallpass.opens(MARA, shortcut="hallpass_done")
    hallpass.act(MARA, click={"view_id": view["view"]["id"], "action_id": "release"})
    wait(lambda: "Access ended" in title(hallpass.head(request)), 30)


def warned(hallpass):
    """A warning is read and confirmed in Slack's forms and on the command line, by whoever asks and whoever approves."""
    says = "Card data & <b>rows</b>. Do not copy them out."
    view = hallpass.opens(MARA, shortcut="request_for_access")
    before = {one["id"] for one in hallpass.requests()}
    for block, action, value in (("select_account", "selected_account", PROD), ("select_permission_set", "selected_permission_set", "Support")):
        hallpass.type(MARA, view, block, action, value)
        hallpass.act(MARA, settle_ms=1000, choose={"view_id": view["view"]["id"], "block_id": block, "action_id": action, "value": value})
    boxes = lambda of: [block["block_id"] for block in of["view"]["blocks"] if block.get("element", {}).get("type") == "checkboxes"]
    shown = wait(lambda: (found := hallpass.modal(MARA)) and boxes(found) and found, 10)
    check("warned: the form shows the text, escaped", "Card data &amp; &lt;b&gt;rows&lt;/b&gt;. Do not copy them out." in json.dumps(shown, ensure_ascii=False), shown)
    box = boxes(shown)[0]
    ident = box.removeprefix("confirm_warning_")
    values = {"duration_picker": {"duration_picker_action": "1800"}, "provide_reason": {"provided_reason": "OPS-7: a card"}}
    sent = hallpass.act(MARA, submit={"view_id": view["view"]["id"], "values": values | {box: {"confirmed_warning": [ident]}}})["delivered"][0]
    check("warned: ticked, the form is taken", sent["status"] == 200 and not sent["body"], sent)
    made = wait(lambda: [one["id"] for one in hallpass.requests() if one["id"] not in before], 10)
    if not check("warned: and makes a request", made, sent):
        return
    check.equal("warned: which keeps what was confirmed", [one["texts"] for one in hallpass.request(made[0])["confirmed"]], [[says]])
    head = wait(lambda: hallpass.head(made[0]), 10)
    check("warned: the message that asks for review has the text", "Card data &amp; &lt;b&gt;rows" in json.dumps(head, ensure_ascii=False), head)
    view = hallpass.opens(TOMASZ, click={"message_ts": head["ts"], "action_id": "approve"})
    check("warned: one press is not enough, the form has the text", boxes(view) == [box] and hallpass.request(made[0])["state"] == "pending", view)
    hallpass.act(TOMASZ, close={"view_id": view["view"]["id"]})

    def command(who, *arguments):
        return hallpass.stage.run(*arguments, HALLPASS_SERVER=hallpass.base, HALLPASS_TOKEN=hallpass.tokens[who])

    without = command(TOMASZ, "approve", made[0])
    check("warned: a command without a terminal refuses, with text and id", without.returncode == 4 and "error[warning-not-confirmed]" in without.stderr
          and says in without.stderr and f"--confirm-warning {ident}" in without.stderr, without.stderr)
    made_up = command(TOMASZ, "approve", made[0], "--confirm-warning", "0000000000000000")
    check("warned: another id confirms nothing", made_up.returncode == 4 and hallpass.request(made[0])["state"] == "pending", made_up.stderr)
    yes = command(TOMASZ, "approve", made[0], "--confirm-warning", ident)
    check("warned: with the id it is approved", yes.returncode == 0 and hallpass.request(made[0])["state"] == "approved", yes.stderr)
    ask = ("request", "--account", "payments-prod", "--permission-set", "Support", "--for", "1h", "--reason", "OPS-8: a card", "--new")
    refused = command(INES, *ask)
    check("warned: asking likewise", refused.returncode == 4 and says in refused.stderr, refused.stderr)
    new = ("--account", "payments-prod", "--permission-set", "Support", "--for", "1h", "--reason", "OPS-9: a card")
    for words in (("exec", *new, "--", "true"), ("console", *new, "--print"), ("grants", "extend", made[0], "--for", "2h")):
        who = MARA if words[0] == "grants" else INES
        refused = command(who, *words)
        check(f"warned: {words[0]} asks for nothing unread", refused.returncode == 4 and says in refused.stderr
              and f"--confirm-warning {ident}" in refused.stderr, refused)
    asked = command(INES, *ask, "--confirm-warning", ident)
    check("warned: and with the id it is asked", asked.returncode == 0, asked.stderr)
    longer = command(MARA, "grants", "extend", made[0], "--for", "2h", "--confirm-warning", ident)
    check("warned: and with the id an extension is requested", longer.returncode == 0, longer.stderr)
    kept = {row["event"]: (row["actor"], row["warnings_confirmed"]) for row in hallpass.api(PRIYA).all("/api/v1/audit?after=0")
            if row.get("access_request_id") == made[0] and "warnings_confirmed" in row}
    check.equal("warned: the log has who confirmed which text", kept, {"request.created": (MARA, [says]), "request.approved": (TOMASZ, [says])})


def shapes(hallpass):
    """Everything shown so far, as Slack's own library reads it."""
    try:
        from slack_sdk.models.blocks import Block
        from slack_sdk.models.views import View
    except ImportError:
        return check("slack_sdk is there", False, "pip install -r requirements.txt")
    wrong = []
    for message in hallpass.all_messages():
        for version in message["versions"]:
            try:
                for block in Block.parse_all(version["blocks"] or []):
                    block.validate_json()
            except Exception as error:
                wrong.append((message["text"], str(error)))
    fields = ("type", "callback_id", "title", "submit", "close", "blocks", "private_metadata")
    for view in hallpass.sim.get("/_slack/views").json["views"]:
        try:
            shown = {name: view["view"][name] for name in fields if view["view"].get(name)}
            parsed = View(**shown)
            parsed.validate_json()
            for block in Block.parse_all(shown["blocks"]):
                block.validate_json()
        except Exception as error:
            wrong.append((view["view"].get("callback_id"), str(error)))
    check("Slack's library reads every message and window", not wrong, wrong[:3])
    flagged = [message["flags"] for message in hallpass.all_messages() if message["flags"]]
    check("nothing that people wrote became a mention, a link or formatting", not flagged, flagged[:3])


def escapes(hallpass):
    """What people write is shown as it is and recorded byte for byte."""
    reason = "a: b: c & <d> <!channel> `*_~ *bold* :smile:"
    request = hallpass.ask(MARA, account=hallpass.odd, reason=reason)
    head = wait(lambda: hallpass.head(request), 10)
    content = json.loads(text(head, "content"))
    shown = [field["text"] for field in content["fields"]]
    check("an account with colons and hashes is shown whole", f"Account\nTeam: Prod #2 #{hallpass.odd}" in shown, shown)
    why = next(field for field in content["fields"] if field["text"].startswith("Why"))
    check.equal("the reason is plain text", (why["type"], why["emoji"], why["text"]), ("plain_text", False, "Why\na: b: c &amp; &lt;d&gt; &lt;!channel&gt; `*_~ *bold* :smile:"))
    records = hallpass.api(PRIYA).all("/api/v1/audit?after=0")
    kept = [record for record in records if record.get("access_request_id") == request]
    check("and recorded byte for byte", kept and all(record["reason"] == reason for record in kept), kept[:1])
    long = "&" * 1000
    request = hallpass.ask(NOOR, reason=long)
    check("1,000 ampersands are taken", request and hallpass.request(request)["reason"] == long)
    check("and shown cut", wait(lambda: hallpass.head(request) and "&amp;…\"" in text(hallpass.head(request), "content"), 10))
    view = hallpass.opens(INES, shortcut="request_for_access")
    sent = hallpass.fill(INES, view, form(reason="x" * 1001))
    check("1,001 characters are refused on the field", json.loads(sent["body"])["errors"] ==
          {"provide_reason": "At most 1,000 characters; this has 1,001."}, sent["body"])
    hallpass.act(INES, close={"view_id": view["view"]["id"]})


def races(hallpass):
    """Two approvers press at once, one of them several times; Slack repeats."""
    request = hallpass.ask(MARA, reason="races")
    head = wait(lambda: hallpass.head(request), 10)
    before = len(hallpass.whispers("U0TOMASZ") + hallpass.whispers("U0PRIYA"))
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        press = lambda n: hallpass.sim.post("/_slack/act", {"user": (TOMASZ, PRIYA)[n % 2], "click": {"message_ts": head["ts"], "action_id": "approve"}}).json
        answers = list(pool.map(press, range(20)))
    late = [one["delivered"] for one in answers if "delivered" in one and (one["delivered"][0]["status"] != 200 or one["delivered"][0]["late"])]
    check("all presses are answered in time", not late, late[:2])
    polite = wait(lambda: [one["text"] for one in hallpass.whispers("U0TOMASZ") + hallpass.whispers("U0PRIYA")][before:], 20)
    check("those who came later read who was first", polite and all("Already approved by" in one for one in polite), polite)
    grants = [one for one in hallpass.api(PRIYA).all("/api/v1/grants") if one.get("request") == request or one.get("request_id") == request]
    check("one grant", len(grants) <= 1, grants)
    check("and it comes", wait(lambda: "Access granted" in title(hallpass.head(request)), 30), title(hallpass.head(request)))
    other = hallpass.ask(MARA, permission_set="AdministratorAccess", reason="replayed")
    head = wait(lambda: hallpass.head(other), 10)
    hallpass.act(TOMASZ, click={"message_ts": head["ts"], "action_id": "approve"}, deliver={"times": 3})
    wait(lambda: "1 of 2" in text(hallpass.head(other), "footer"), 10)
    check.equal("a press that comes three times counts once", hallpass.request(other)["state"], "pending")
    forged = hallpass.act(PRIYA, settle_ms=300, click={"message_ts": head["ts"], "action_id": "approve"}, deliver={"bad_signature": True})
    check.equal("a forged one is refused", forged["delivered"][0]["status"], 401)
    old = hallpass.act(PRIYA, settle_ms=300, click={"message_ts": head["ts"], "action_id": "approve"}, deliver={"age_seconds": 400})
    check.equal("and an old one", old["delivered"][0]["status"], 401)
    check.equal("nothing came of them", hallpass.request(other)["state"], "pending")
    hallpass.act(MARA, click={"message_ts": head["ts"], "action_id": "approve"})
    hallpass.click(PRIYA, head, "approve")
    check("two people make it", wait(lambda: hallpass.request(other)["state"] == "approved", 10), hallpass.request(other))


def restart(hallpass):
    """The server is killed while people work."""
    request = hallpass.ask(MARA, account=hallpass.odd, reason="killed") or hallpass.ask(INES, reason="killed")
    head = wait(lambda: hallpass.head(request), 10)
    heads = len(hallpass.heads())
    hallpass.stage.stop(hallpass.process, signal.SIGKILL)
    gone = hallpass.act(TOMASZ, settle_ms=100, click={"message_ts": head["ts"], "action_id": "approve"})
    check("while it is down Slack says so", gone.get("seen"), gone)
    hallpass.start()
    # by the first press: what it gives is good for three seconds
    view = hallpass.opens(MARA, tries=1, shortcut="request_for_access")
    check("the first window after a start opens immediately", view)
    hallpass.act(MARA, close={"view_id": view["view"]["id"]})
    hallpass.click(TOMASZ, head, "approve")
    check("and the old message still works", wait(lambda: "Access granted" in title(hallpass.head(request)), 30), title(hallpass.head(request)))
    check.equal("no message was posted twice", len(hallpass.heads()), heads)


def deleted(hallpass):
    """Every message is deleted: nothing is lost but the messages."""
    request = hallpass.ask(NOOR, permission_set="AdministratorAccess", reason="deleted")
    wait(lambda: hallpass.head(request), 10)
    token = {"Authorization": f"Bearer {hallpass.slack['bot_token']}"}
    for message in hallpass.messages():
        if not message["only_for"] and not message["deleted"]:
            hallpass.sim.call("POST", "/_slack/api/chat.delete", {"channel": CHANNEL, "ts": message["ts"]}, headers=token)
    check("the request is still listed", request in [one["id"] for one in hallpass.api(TOMASZ).all("/api/v1/requests?role=to-review")])
    for who in (TOMASZ, PRIYA):
        hallpass.api(who).post(f"/api/v1/requests/{request}/approve", {})
    check.equal("and decidable", hallpass.request(request)["state"], "approved")


def small_talk(hallpass):
    """Commands, and people who are not in the directory."""
    view = hallpass.opens(MARA, command="/access", text="group")
    check.equal("the command asks for groups", view["view"]["title"]["text"], "Get group access")
    group = hallpass.type(MARA, view, "select_group", "selected_group", "onc")
    check.equal("the group is found", len(group), 1)
    hallpass.act(MARA, close={"view_id": view["view"]["id"]})
    answer = hallpass.act(MARA, command="/access", text="help me")
    check("other words get a hint", "/access mine" in answer["delivered"][0]["body"], answer["delivered"])
    view = hallpass.opens("U0GUEST", shortcut="request_for_access")
    check("a guest of another company reads why", "belongs to another workspace" in json.dumps(view), view)
    hallpass.act("U0GUEST", close={"view_id": view["view"]["id"]})


def set_up(hallpass):
    """What an operator runs."""
    doctor = hallpass.stage.run("doctor", "--config", "hallpass.toml", "--output", "json", **hallpass.environment)
    lines = [line for line in json.loads(doctor.stdout) if line["check"] == "slack"]
    check("doctor finds Slack well", lines and all(line["result"] == "ok" for line in lines), lines or doctor.stderr)
    wrong = hallpass.stage.run("doctor", "--config", "hallpass.toml", "--output", "json", **hallpass.environment | {"SLACK_TOKEN": "xoxb-wrong"})
    lines = [line for line in json.loads(wrong.stdout) if line["check"] == "slack"]
    check("and says when the token is wrong", lines and lines[0]["result"] == "problem" and "xoxb-" in lines[0]["remedy"]
          and "xoxb-wrong" not in wrong.stdout, lines)
    manifest = json.loads(hallpass.stage.run("server", "slack", "manifest", "--url", "https://h.example").stdout)
    check.equal("the manifest names the door", manifest["settings"]["interactivity"]["request_url"], "https://h.example/slack/interactions")


def secrets_stay(hallpass, *words):
    said = hallpass.stage.said("serve.log")
    found = [word for word in [*hallpass.secrets, *words] if word in said]
    found += re.findall(r"v0=[0-9a-f]{20}", said)[:1]
    check("at its most talkative the log has no secret, signature or reason", not found, found)
    check("and talks", '"level":"TRACE"' in said or '"level":"DEBUG"' in said)


def odd_account(file):
    account = next(one for one in file["accounts"] if one["name"] == "sandbox-payments")
    account["name"] = "Team: Prod #2"


def door_is_shut(hallpass, request, head):
    """Without a signing secret no approver's press is taken over HTTP, whatever it is signed with."""
    payload = {"type": "block_actions", "user": {"id": "U0TOMASZ", "team_id": hallpass.slack["team"]},
               "team": {"id": hallpass.slack["team"]}, "trigger_id": "1.2.forged",
               "container": {"type": "message", "message_ts": head["ts"], "channel_id": CHANNEL}, "channel": {"id": CHANNEL},
               "actions": [{"action_id": "approve", "block_id": "buttons", "type": "button", "value": request,
                            "action_ts": f"{time.time():.6f}"}]}
    raw = urllib.parse.urlencode({"payload": json.dumps(payload)}).encode()
    now = str(int(time.time()))
    for name, secret in (("an empty secret", ""), ("the app's own secret", hallpass.slack["signing_secret"])):
        signature = "v0=" + hmac.new(secret.encode(), b"v0:" + now.encode() + b":" + raw, hashlib.sha256).hexdigest()
        for door in ("/slack/interactions", "/slack/commands"):
            answer = Api(hallpass.base).call("POST", door, raw=raw, headers={
                "Content-Type": "application/x-www-form-urlencoded", "X-Slack-Request-Timestamp": now,
                "X-Slack-Signature": signature})
            check.equal(f"signed with {name}, {door} is no page", answer.status, 404)
    check.equal("and nothing came of it", hallpass.request(request)["state"], "pending")


def socket():
    """The same over a connection that we make."""
    with Stage("slack-socket") as stage:
        hallpass = Slacked(stage, socket=True, log="trace")
        connected = wait(lambda: hallpass.sim.get("/_slack/acts").json["connections"] == 1, 10)
        check("Socket Mode connects", connected, hallpass.sim.get("/_slack/acts").json)
        request = hallpass.ask(MARA, reason="over-the-socket")
        head = wait(lambda: hallpass.head(request), 10)
        check("a form sent over it is taken", head)
        door_is_shut(hallpass, request, head)
        hallpass.sim.post("/_slack/disconnect", {"reason": "refresh_requested"})
        connected = wait(lambda: hallpass.sim.get("/_slack/acts").json["connections"] == 1, 20)
        check("it comes back when Slack moves it", connected)
        # Slack does not repeat a press that it sent down the connection which is going
        for _ in range(20):
            hallpass.click(TOMASZ, head, "approve")
            if wait(lambda: hallpass.request(request)["state"] == "approved", 3):
                break
        check("and presses arrive", hallpass.request(request)["state"] == "approved", hallpass.request(request))
        wait(lambda: "Access granted" in title(hallpass.head(request)), 30)
        secrets_stay(hallpass, "over-the-socket", "ticket=")


def armed():
    """The message says what AWS does about an end, and is drawn again when that changes."""
    with Stage("slack-armed") as stage:
        hallpass = Slacked(stage, settings='[access.armed_ends]\nmode = "preferred"\n')
        request = hallpass.ask(MARA, reason="armed")
        hallpass.click(TOMASZ, wait(lambda: hallpass.head(request), 10), "approve")
        mara, tomasz = hallpass.api(MARA), hallpass.api(TOMASZ)
        drawn = lambda: json.dumps(hallpass.head(request)["blocks"], ensure_ascii=False)

        def refused():
            """From when on AWS refuses, as the message has it: seconds since 1970."""
            found = re.findall(r"AWS itself refuses it after <!date\^(\d+)", drawn())
            return found and int(found[-1])

        def enforced():
            """The same, as the API has it."""
            until = next(it for it in mara.all("/api/v1/grants") if it["request_id"] == request).get("armed_until")
            return until and int(datetime.fromisoformat(until).timestamp())

        agree = lambda later_than=0: (refused() or 0) > later_than and refused() == enforced()
        check("the message says from when on AWS itself refuses", wait(agree, 90), (drawn(), enforced()))
        check("and that access is granted", wait(lambda: "Access granted" in title(hallpass.head(request)), 10), title(hallpass.head(request)))
        before = refused() or 0
        grant = next(it for it in mara.all("/api/v1/grants") if it["request_id"] == request)
        longer = mara.post(f"/api/v1/grants/{grant['id']}/extend", {"duration_seconds": 7200, "reason": "OPS-2: it takes longer"})
        approved = tomasz.post(f"/api/v1/requests/{longer.json['id']}/approve", {})
        check("it is extended", longer.status == 201 and approved.status == 200, (longer, approved))
        check("the message is drawn again with AWS's later end", wait(lambda: agree(before + 1800), 90), (drawn(), enforced(), before))
        mara.post(f"/api/v1/grants/{grant['id']}/release", {})
        check("ended early, it is over", wait(lambda: "Access ended" in title(hallpass.head(request)), 30), title(hallpass.head(request)))
        check("and the message promises no later refusal any more", wait(lambda: not refused(), 30), drawn())


def main():
    with Stage("slack") as stage:
        hallpass = Slacked(stage, organization=odd_account, log="trace")
        journey(hallpass)
        approving_less(hallpass)
        together(hallpass)
        warned(hallpass)
        small_talk(hallpass)
        set_up(hallpass)
        escapes(hallpass)
        races(hallpass)
        restart(hallpass)
        shapes(hallpass)
        deleted(hallpass)
        secrets_stay(hallpass, "OPS-1: replay a batch", "a: b: c & <d>", "x" * 900)
    socket()
    armed()
    check.end()


if __name__ == "__main__":
    main()
