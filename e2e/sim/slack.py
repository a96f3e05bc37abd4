#!/usr/bin/env python3
"""Referee of the simulated Slack: Slack's own Python SDK calls its Web API, verifies its signatures,
builds the blocks it must accept or refuse, and connects to its Socket Mode. One line per row.

    slack.py --endpoint http://127.0.0.1:4570 [--only K-01,K-05]
"""

import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.models import blocks as b
from slack_sdk.models.views import View
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.webhook import WebhookClient

from rows import ROWS, end, options, play, row

class App(BaseHTTPRequestHandler):
    """The app's side: keeps what it gets, says what it is told to."""

    got = []
    says = []

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        App.got.append((self.path, dict(self.headers), body))
        answer = json.dumps(App.says.pop(0)).encode() if App.says else b""
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


class Sim:
    def __init__(self, endpoint):
        self.endpoint = endpoint.rstrip("/")
        self.app = ThreadingHTTPServer(("127.0.0.1", 0), App)
        threading.Thread(target=self.app.serve_forever, daemon=True).start()
        file = self.get("/_sim/state?full=1")["file"]
        port = self.app.server_address[1]
        file["slack"]["request_url"] = f"http://127.0.0.1:{port}/slack/interactions"
        self.post("/_sim/load", file)
        self.slack = file["slack"]
        self.channel = file["slack"]["channels"][0]["id"]
        self.members = file["slack"]["channels"][0]["members"]
        people = [one for one in file["slack"]["users"] if one.get("email")]
        self.ana, self.bo = people[0], people[1]
        self.base = self.endpoint + "/_slack/api/"
        self.client = WebClient(token=self.slack["bot_token"], base_url=self.base, timeout=60)
        self.client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=3))
        self.once = WebClient(token=self.slack["bot_token"], base_url=self.base, timeout=60, retry_handlers=[])

    def get(self, path):
        with urllib.request.urlopen(self.endpoint + path, timeout=30) as answer:
            return json.load(answer)

    def post(self, path, body):
        request = urllib.request.Request(
            self.endpoint + path, json.dumps(body).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def act(self, who, **what):
        App.got.clear()
        return self.post("/_slack/act", {"user": who["id"], **what})

    def payload(self):
        return json.loads(urllib.parse.parse_qs(App.got[-1][2])["payload"][0])

    def trigger(self, who=None):
        self.act(who or self.ana, shortcut="request_for_access")
        return self.payload()["trigger_id"]


def refused(error, call):
    try:
        call()
    except SlackApiError as raised:
        assert raised.response["error"] == error, raised.response
        return raised.response
    raise AssertionError(f"{error} was expected")


def plain(text):
    return b.PlainTextObject(text=text)


def modal(title="Get AWS access", reason_max=1000, options=3):
    option = lambda text: b.Option(text=plain(text), value=text)
    return View(
        type="modal",
        callback_id="request_for__account_access_submitted",
        title=plain(title),
        submit=plain("Request"),
        close=plain("Cancel"),
        blocks=[
            b.SectionBlock(text=b.MarkdownTextObject(text="Hi *you*")),
            b.DividerBlock(),
            b.InputBlock(block_id="duration_picker", label=plain("How long"), element=b.StaticSelectElement(
                action_id="duration_picker_action", options=[option(str(n)) for n in range(options)])),
            b.InputBlock(block_id="provide_reason", label=plain("Why"), element=b.PlainTextInputElement(
                action_id="provided_reason", multiline=True, max_length=reason_max)),
            b.InputBlock(block_id="select_account", label=plain("Account"), dispatch_action=True,
                         element=b.ExternalDataSelectElement(
                             action_id="selected_account", min_query_length=0, placeholder=plain("Search"))),
        ],
    )


def buttons():
    return [
        b.HeaderBlock(text=plain("Access request")),
        b.SectionBlock(block_id="content", fields=["*Who*\n<@U1>", "*For*\n3h"]),
        b.ActionsBlock(block_id="buttons", elements=[
            b.ButtonElement(text="Approve", action_id="approve", value="req_1", style="primary"),
            b.ButtonElement(text="Discard", action_id="discard", value="req_1", style="danger",
                            confirm=b.ConfirmObject(title="Sure?", text="It goes", confirm="Yes", deny="No")),
        ]),
        b.ContextBlock(block_id="footer", elements=[b.MarkdownTextObject(text="lapses in 8h")]),
    ]


@row("K-01 auth.test and api.test")
def auth(sim):
    said = sim.client.auth_test()
    assert said["team_id"] == sim.slack["team"] and said["bot_id"].startswith("B")
    assert sim.client.api_test()["ok"]
    refused("invalid_auth", lambda: WebClient(token="xoxb-no", base_url=sim.base).auth_test())
    refused("not_authed", lambda: WebClient(base_url=sim.base).auth_test())


@row("K-01 chat: post, update, thread, permalink, delete")
def chat(sim):
    posted = sim.client.chat_postMessage(channel=sim.channel, text="fallback", blocks=buttons())
    assert posted["message"]["blocks"][2]["elements"][0]["action_id"] == "approve"
    reply = sim.client.chat_postMessage(channel=sim.channel, text="reply", thread_ts=posted["ts"])
    assert reply["message"]["thread_ts"] == posted["ts"] and reply["ts"] > posted["ts"]
    sim.client.chat_update(channel=sim.channel, ts=posted["ts"], text="new", blocks=[b.DividerBlock()])
    assert sim.client.chat_getPermalink(channel=sim.channel, message_ts=posted["ts"])["permalink"]
    shown = [m for m in sim.get(f"/_slack/messages?channel={sim.channel}")["messages"] if m["ts"] == posted["ts"]]
    assert [version["by"] for version in shown[0]["versions"]] == ["post", "update"]
    sim.client.chat_delete(channel=sim.channel, ts=posted["ts"])
    refused("message_not_found", lambda: sim.client.chat_delete(channel=sim.channel, ts=posted["ts"]))


@row("K-01 chat: errors")
def chat_errors(sim):
    refused("channel_not_found", lambda: sim.client.chat_postMessage(channel="C0NONE", text="x"))
    refused("no_text", lambda: sim.once.api_call("chat.postMessage", json={"channel": sim.channel}))
    refused("user_not_in_channel",
            lambda: sim.client.chat_postEphemeral(channel=sim.channel, user="U0NOBODY", text="x"))
    said = refused("missing_scope", lambda: sim.client.reactions_add(channel=sim.channel, timestamp="1.0", name="x"))
    assert said["needed"] == "reactions:write" and "chat:write" in said["provided"]
    refused("unknown_method", lambda: sim.client.api_call("chat.sing"))


@row("K-01 ephemeral messages are for one")
def ephemeral(sim):
    sim.client.chat_postEphemeral(channel=sim.channel, user=sim.ana["id"], text="only you")
    seen = lambda who: [m["text"] for m in sim.get(f"/_slack/screen?user={who['id']}")["messages"]]
    assert "only you" in seen(sim.ana) and "only you" not in seen(sim.bo)


@row("K-01 users")
def users(sim):
    person = sim.client.users_info(user=sim.ana["id"])["user"]
    assert person["profile"]["email"] == sim.ana["email"] and person["tz"] == "Europe/Stockholm"
    assert sim.client.users_lookupByEmail(email=sim.ana["email"].upper())["user"]["id"] == sim.ana["id"]
    refused("users_not_found", lambda: sim.client.users_lookupByEmail(email="no@example.com"))
    guest = next(one for one in sim.slack["users"] if not one.get("email"))
    shown = sim.client.users_info(user=guest["id"])["user"]
    assert shown["is_restricted"] and "email" not in shown["profile"]


@row("K-01 conversations, with pages by cursor")
def conversations(sim):
    found = []
    for page in sim.client.conversations_members(channel=sim.channel, limit=20):
        assert len(page["members"]) <= 20
        found.extend(page["members"])
    assert len(found) == len(set(found)) and set(sim.members) < set(found)
    direct = sim.client.conversations_open(users=[sim.ana["id"]])["channel"]["id"]
    posted = sim.client.chat_postMessage(channel=sim.ana["id"], text="to you")
    assert posted["channel"] == direct
    assert sim.client.conversations_info(channel=sim.channel)["channel"]["is_member"]
    sim.client.chat_postMessage(channel=sim.channel, text="to all")
    assert sim.client.conversations_history(channel=sim.channel, limit=1)["messages"]
    refused("invalid_cursor", lambda: sim.client.conversations_members(channel=sim.channel, cursor="x"))
    refused("channel_not_found", lambda: sim.client.conversations_members(channel="C0NONE"))


@row("K-01 429 with Retry-After, which the SDK obeys")
def rates(sim):
    limited = 0
    for _ in range(60):
        if limited:
            break
        try:
            sim.once.chat_postMessage(channel=sim.bo["id"], text="x")
        except SlackApiError as raised:
            assert raised.response.status_code == 429 and raised.response["error"] == "ratelimited"
            assert int(raised.response.headers["Retry-After"]) >= 1
            limited += 1
    assert limited, "run the simulator without --no-throttle"
    assert sim.client.chat_postMessage(channel=sim.bo["id"], text="after the wait")["ok"]


@row("K-02 blocks of the SDK's models")
def limits(sim):
    # the models refuse what is too long themselves, so it is put in afterwards
    def wide(text):
        block = b.SectionBlock(text=b.MarkdownTextObject(text="x")).to_dict()
        block["text"]["text"] = text
        return [block]

    post = lambda blocks: sim.client.chat_postMessage(channel=sim.ana["id"], text="x", blocks=blocks)
    post(wide("x" * 3000))
    said = refused("invalid_blocks", lambda: post(wide("x" * 3001)))
    assert any("/blocks/0/text/text" in one for one in said["response_metadata"]["messages"]), said
    refused("invalid_blocks", lambda: post([b.DividerBlock().to_dict()] * 51))
    long = {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}
    refused("invalid_blocks", lambda: post([long]))


@row("K-02 views of the SDK's models")
def views(sim):
    said = sim.client.views_open(trigger_id=sim.trigger(), view=modal())["view"]
    assert said["id"].startswith("V") and said["state"]["values"]["provide_reason"]
    sim.client.views_update(view_id=said["id"], hash=said["hash"], view=modal("Changed"))
    refused("hash_conflict",
            lambda: sim.client.views_update(view_id=said["id"], hash=said["hash"], view=modal()))
    over = modal().to_dict()
    over["title"]["text"] = "x" * 25
    wrong = refused("invalid_arguments", lambda: sim.client.views_open(trigger_id=sim.trigger(), view=over))
    assert any("/view/title/text" in one for one in wrong["response_metadata"]["messages"]), wrong
    trigger = sim.trigger()
    sim.client.views_open(trigger_id=trigger, view=modal())
    refused("exchanged_trigger_id", lambda: sim.client.views_open(trigger_id=trigger, view=modal()))
    late = sim.trigger()
    sim.post("/_sim/advance", {"seconds": 4})
    refused("expired_trigger_id", lambda: sim.client.views_open(trigger_id=late, view=modal()))


@row("K-05 SignatureVerifier accepts what is delivered, and nothing forged")
def signatures(sim):
    verifier = SignatureVerifier(sim.slack["signing_secret"])
    valid = lambda: [verifier.is_valid_request(body, headers) for _, headers, body in App.got]
    sim.act(sim.ana, shortcut="request_for_access")
    assert valid() == [True]
    sim.act(sim.ana, command="/access", text="a & <b> é")
    assert valid() == [True] and App.got[0][0] == "/slack/commands"
    sim.act(sim.ana, shortcut="x", deliver={"times": 2})
    assert valid() == [True, True] and App.got[0][2] == App.got[1][2]
    sim.act(sim.ana, shortcut="x", deliver={"bad_signature": True})
    assert valid() == [False]
    sim.act(sim.ana, shortcut="x", deliver={"age_seconds": 400})
    assert valid() == [False]


@row("K-06 a press, a search, a choice, a submission")
def flow(sim):
    posted = sim.client.chat_postMessage(channel=sim.channel, text="x", blocks=buttons())
    sim.act(sim.bo, click={"message_ts": posted["ts"], "action_id": "approve"})
    told = sim.payload()
    assert told["type"] == "block_actions" and told["actions"][0]["value"] == "req_1"
    assert told["message"]["ts"] == posted["ts"] and told["user"]["id"] == sim.bo["id"]
    view = sim.client.views_open(trigger_id=sim.trigger(), view=modal())["view"]["id"]
    place = {"view_id": view, "block_id": "select_account", "action_id": "selected_account"}
    App.says.append({"options": [{"text": {"type": "plain_text", "text": "111 - pay"}, "value": "111"}]})
    assert sim.act(sim.ana, type={**place, "query": "pay"})["options"][0]["value"] == "111"
    sim.act(sim.ana, choose={**place, "value": "111"})
    App.says.append({"response_action": "errors", "errors": {"provide_reason": "why?"}})
    values = {"provide_reason": {"provided_reason": "because"}, "duration_picker": {"duration_picker_action": "1"}}
    said = sim.act(sim.ana, submit={"view_id": view, "values": values})
    assert said["errors"] == {"provide_reason": "why?"} and said["screen"]["modal"]
    state = sim.payload()["view"]["state"]["values"]
    assert state["select_account"]["selected_account"]["selected_option"]["value"] == "111"
    assert sim.act(sim.ana, submit={"view_id": view, "values": {}})["screen"]["modal"] is None


@row("K-07 WebhookClient answers through response_url")
def response_url(sim):
    posted = sim.client.chat_postMessage(channel=sim.channel, text="x", blocks=buttons())
    sim.act(sim.bo, click={"message_ts": posted["ts"], "action_id": "approve"})
    hook = WebhookClient(sim.payload()["response_url"])
    assert hook.send(text="done", replace_original=True).status_code == 200
    for _ in range(4):
        assert hook.send(text="again", response_type="ephemeral").status_code == 200
    assert hook.send(text="too often").status_code == 404


@row("K-08 the SDK's Socket Mode client gets envelopes and acknowledges them")
def sockets(sim):
    got = []

    def listener(client, request):
        got.append(request)
        client.send_socket_mode_response(SocketModeResponse(
            envelope_id=request.envelope_id, payload={"text": "from the socket"}))

    client = SocketModeClient(app_token=sim.slack["app_token"], web_client=sim.once)
    client.socket_mode_request_listeners.append(listener)
    client.connect()
    try:
        wait_for(lambda: sim.get("/_slack/acts")["connections"] == 1)
        said = sim.act(sim.ana, command="/access", text="now")
        assert said["delivered"][0]["via"] == "socket" and said["delivered"][0]["status"] == 200, said
        assert said["screen"]["messages"][-1]["text"] == "from the socket"
        assert got[0].type == "slash_commands" and got[0].payload["text"] == "now"
        sim.act(sim.ana, shortcut="request_for_access")
        assert got[1].type == "interactive" and not App.got
        # told to go, the SDK comes back by itself
        assert sim.post("/_slack/disconnect", {})["disconnected"] == 1
        wait_for(lambda: sim.act(sim.ana, shortcut="x")["delivered"][0]["via"] == "socket" and len(got) > 2, 20)
    finally:
        client.close()
    refused("not_allowed_token_type", lambda: sim.once.apps_connections_open(app_token=sim.slack["bot_token"]))


@row("K-09 faults")
def faults(sim):
    sim.post("/_sim/faults", {"kind": "slack_error", "method": "chat.*", "error": "internal_error", "count": 1})
    refused("internal_error", lambda: sim.once.chat_postMessage(channel=sim.ana["id"], text="x"))
    sim.post("/_sim/faults", {"kind": "slack_error", "error": "ratelimited", "retry_after": 1, "count": 1})
    assert sim.client.auth_test()["ok"], "tried again after Retry-After"
    count = lambda: len(sim.get("/_slack/messages")["messages"])
    before = count()
    sim.post("/_sim/faults", {"kind": "drop_after_effect", "count": 1,
                              "match": {"service": "slack", "operation": "chat.postMessage"}})
    try:
        sim.once.chat_postMessage(channel=sim.ana["id"], text="lost")
        raise AssertionError("the reply should be lost")
    except (urllib.error.URLError, OSError):
        pass
    assert count() == before + 1


@row("K-10 the recorder")
def recorder(sim):
    assert sim.get("/_slack/views")["views"] and sim.get("/_slack/acts")["acts"]
    sim.post("/_slack/reset", {})
    assert not sim.get("/_slack/messages")["messages"] and not sim.get("/_slack/acts")["acts"]


@row("K-04 the page: nothing inline, nothing from elsewhere")
def page(sim):
    with urllib.request.urlopen(sim.endpoint + "/_slack/", timeout=60) as answer:
        policy, html = answer.headers["content-security-policy"], answer.read().decode()
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert " style=" not in html and "<script>" not in html and "onclick" not in html
    for name in ("slack.css", "slack.js"):
        with urllib.request.urlopen(f"{sim.endpoint}/_slack/static/{name}", timeout=60) as answer:
            assert answer.status == 200


def wait_for(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)


def main():
    parser = options(__doc__)
    arguments = parser.parse_args()
    sim = Sim(arguments.endpoint)
    rows = [(name, lambda function=function: function(sim)) for name, function in ROWS]
    end(*play(rows, arguments))


if __name__ == "__main__":
    main()
