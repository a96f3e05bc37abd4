"""The Slack app of the real binary against the simulated Slack: people press, type and choose, and
what they see is what they should."""

import json
import re
import signal
import time

from served import INES, MARA, NOOR, PRIYA, TOMASZ
from stage import Api, Checks, Stage, answers, free_port, wait

check = Checks()
CHANNEL = "C0ACCESS"
PROD = "334910787414"

RULES = """
[[rule]]
id = "read"
accounts = ["*"]
permission_sets = ["ReadOnly"]
approval_is_not_required = true

[[rule]]
id = "database"
accounts = ["*"]
permission_sets = ["DatabaseOperator"]
approvers = ["tomasz.wilk@example.com", "priya.raman@example.com"]
max_duration = "4h"

[[rule]]
id = "two-eyes"
accounts = ["*"]
permission_sets = ["AdministratorAccess"]
approvers = ["tomasz.wilk@example.com", "priya.raman@example.com", "noor.haddad@example.com"]
min_approvals = 2

[[rule]]
id = "lonely"
accounts = ["*"]
permission_sets = ["Billing"]
approvers = ["mara.lindqvist@example.com"]

[[rule]]
id = "join-oncall"
groups = ["oncall"]
approvers = ["tomasz.wilk@example.com", "ines.moreau@example.com"]
max_duration = "12h"
"""


class Slacked:
    """`hallpass serve` with a Slack app, and the simulated Slack it talks to."""

    def __init__(self, stage, socket=False, log="info", organization=None, settings=""):
        self.stage, self.port = stage, free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.simulator, self.endpoint, aws = stage.simulator("--speed", "fast")
        self.sim = Api(self.endpoint)
        file = self.sim.get("/_sim/state?full=1").json["file"]
        self.slack = file["slack"]
        if organization:
            organization(file)
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
        app = f'app_token = "{self.slack["app_token"]}"\n' if socket else ""
        stage.path("hallpass.toml").write_text(
            f'[server]\nlisten = "127.0.0.1:{self.port}"\npublic_url = "{self.base}"\n'
            f'[aws]\nregion = "{aws["AWS_REGION"]}"\nendpoint_url = "{self.endpoint}"\n'
            '[identity]\nadmins = ["group:platform-admins"]\n'
            '[access.duration]\nmin = "1s"\n'
            f'[access.account_notes]\n"{PROD}" = "Card data. Do not copy rows out."\n'
            '[slack]\nbot_token = "${env:SLACK_TOKEN}"\nsigning_secret = "${env:SLACK_SECRET}"\n'
            f'channel = "{CHANNEL}"\napi_url = "{self.endpoint}/_slack/api"\n{app}{settings}\n'
            f'[log]\nlevel = "{log}"\n')
        self.tokens = {who: self.token(who) for who in (MARA, TOMASZ, PRIYA, NOOR, INES)}
        self.start()

    def token(self, who):
        made = self.stage.run("token", "create", "--user", who, "--config", "hallpass.toml", **self.environment)
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

    def messages(self, channel=CHANNEL):
        return self.sim.get(f"/_slack/messages?channel={channel}").json["messages"]

    def all_messages(self):
        return self.sim.get("/_slack/messages").json["messages"]

    def whispers(self, user):
        return [one for one in self.all_messages() if one["only_for"] == user]

    def heads(self):
        return [one for one in self.messages() if not one["thread_ts"] and not one["only_for"]
                and any(block.get("block_id") == "header" for block in one["blocks"] or [])]

    def head(self, request):
        """The message of a request."""
        for one in self.heads():
            if ((one["metadata"] or {}).get("event_payload") or {}).get("id") == request:
                return one
        return None

    def replies(self, head):
        return [one["text"] for one in self.messages() if one["thread_ts"] == head["ts"]]

    def modal(self, user):
        return self.sim.get(f"/_slack/screen?user={user}").json.get("modal")

    def opens(self, user, **what):
        """Does something that opens a window; the window."""
        answer = self.act(user, **what)
        for _ in range(250):
            if self.modal(user):
                return self.modal(user)
            time.sleep(0.02)
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
                    self.type(user, view, block, action, value)
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
                 "input:select_permission_set", "divider:", "context:recorded"])
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
    check.equal("its buttons", buttons(head), ["approve", "deny", "discard"])
    replies = wait(lambda: hallpass.replies(head), 10) or []
    check("approvers are mentioned", replies and "<@U0TOMASZ>" in replies[0] and "<@U0PRIYA>" in replies[0]
          and "one of you can approve this. Rule: `database`." in replies[0], replies)
    hallpass.click(MARA, head, "approve")
    said = wait(lambda: hallpass.whispers("U0MARA"), 5) or []
    check("nobody approves their own", said and said[-1]["text"].startswith("You can't approve your own request. "), said)
    hallpass.click(NOOR, head, "approve")
    said = wait(lambda: hallpass.whispers("U0NOOR"), 5) or []
    check("nor does whoever is not listed", said and "You are not an approver for payments-prod / DatabaseOperator. Rule `database` lists who is." == said[-1]["text"], said)
    hallpass.click(TOMASZ, head, "approve")
    live = wait(lambda: "Access granted" in title(hallpass.head(request)), 30)
    check("approved, it is granted", live, title(hallpass.head(request)))
    head = hallpass.head(request)
    check.equal("buttons go", buttons(head), [])
    check("the footer says who", "Approved by Tomasz Wilk" in text(head, "footer"), text(head, "footer"))
    said = wait(lambda: [one for one in hallpass.replies(head) if one.startswith("Live since")], 10)
    check("and a reply that it is live", said and "<@U0MARA>" in said[0], hallpass.replies(head))
    hallpass.click(TOMASZ, hallpass.heads()[0], "approve") if buttons(head) else None
    view = hallpass.opens(MARA, shortcut="hallpass_my_access")
    check("my access shows it", "DatabaseOperator in payments-prod" in json.dumps(view), view)
    hallpass.act(MARA, click={"view_id": view["view"]["id"], "action_id": "release"})
    check("given back, it is ended", wait(lambda: "Access ended" in title(hallpass.head(request)), 30), title(hallpass.head(request)))
    ended = wait(lambda: [one for one in hallpass.messages() if not one["thread_ts"] and one["text"].startswith("Ended: DatabaseOperator in payments-prod, Mara Lindqvist.")], 10)
    check("a line in the channel, without mention", ended and "<@" not in ended[0]["text"], ended)


def main():
    with Stage("slack") as stage:
        hallpass = Slacked(stage)
        journey(hallpass)
    check.end()


if __name__ == "__main__":
    main()
