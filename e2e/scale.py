"""The demo at its large size: 5,000 accounts, 300 permission sets, 20,000 people. Everything is found,
no page lists more than it pages, and what each step took is printed; no check is about time."""

import html
import json
import re
import time
import urllib.parse

from served import INES, MARA, NOOR, PRIYA, TOMASZ
from stage import Api, Checks, Stage, answers, free_port, wait

check = Checks()
TIMES = []

# what a page shows at most, as the page itself promises
HITS_MAX, SETS_MAX, OFFERS_MAX, SUGGESTIONS_MAX, ROWS_MAX = 8, 60, 1000, 100, 100
LAST = "zebra-books"


class Timed:
    """Prints what its block took."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.begun = time.monotonic()
        return self

    def __exit__(self, *_):
        took = (time.monotonic() - self.begun) * 1000
        TIMES.append((self.name, took))
        print(f"     {took:7.0f} ms  {self.name}", flush=True)


class Demo:
    """`hallpass demo --scale large`, with colleagues who are at work."""

    def __init__(self, stage):
        port, aws_port = free_port(), free_port()
        self.base, self.aws = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{aws_port}"
        with Timed("start to ready"):
            self.process = stage.spawn("demo", "--scale", "large", "--activity", "--listen", f"127.0.0.1:{port}",
                                       "--aws-listen", f"127.0.0.1:{aws_port}", log="demo.log")
            ready = wait(lambda: answers(Api(self.base), "/readyz"), 120, self.process)
        assert ready, stage.said("demo.log")
        self.sim = Api(self.aws)

    def api(self, who):
        return Api(self.base, Api(self.base).get(f"/demo/token/{who}").body.decode())

    def act(self, user, **what):
        answer = self.sim.post("/_slack/act", {"user": user, "settle_ms": 2000, **what})
        assert answer.status == 200, answer
        return answer.json


class Window:
    """A browser's part: one cookie."""

    def __init__(self, demo, who):
        self.api = Api(demo.base)
        form = urllib.parse.urlencode({"persona": who}).encode()
        answer = self.api.post("/signin", raw=form, headers={"Content-Type": "application/x-www-form-urlencoded",
                                                             "Sec-Fetch-Site": "same-origin"})
        self.status = answer.status
        self.cookie = answer.headers.get("set-cookie", "").split(";")[0]

    def get(self, path):
        return self.api.get(path, headers={"Cookie": self.cookie})

    def page(self, path, name=None):
        with Timed(f"GET {name or path}"):
            answer = self.get(path)
        check.equal(f"{path}: shown", answer.status, 200)
        return html.unescape(answer.body.decode())


def part(page, name):
    """A part of the page that the script exchanges."""
    begun = page.find(f'id="{name}"')
    return page[begun:page.find("</fieldset>", begun)] if begun >= 0 else ""


def names(text):
    return [re.sub(r"<[^>]+>", "", one) for one in re.findall(r'<span class="acct">(.*?)</span>', text)]


def asking(demo, window):
    """The Ask page finds one of 5,000 and lists a few."""
    home = window.page("/")
    check("signed in as Mara", "Mara Lindqvist" in home)
    page = window.page("/ask", "/ask, nothing typed")
    hits = names(part(page, "ask-hits"))
    check("a few accounts before anything is typed", 0 < len(hits) <= HITS_MAX, hits)
    # one of the 5,000 is suspended
    check("and how many there are", "4,999 accounts." in page, part(page, "ask-hits")[-300:])
    for typed in ("payments", "pay prod", "3349 1078", "commerce core", "no-such-place"):
        page = window.page(f"/ask?q={urllib.parse.quote(typed)}", f"/ask?q={typed}")
        hits = names(part(page, "ask-hits"))
        check(f"`{typed}`: no more than fit", len(hits) <= HITS_MAX, hits)
    hits = names(part(window.page("/ask?q=payments-prod"), "ask-hits"))
    check.equal("the exact name first", hits[:1], ["payments-prod"])
    hits = names(part(window.page(f"/ask?q={LAST[:3]}", f"/ask?q={LAST[:3]}: the last by name"), "ask-hits"))
    check.equal("the last account by three letters", hits, [LAST])
    account = accounts(demo, LAST)[0]
    page = window.page(f"/ask?q={LAST}&account={account}", "/ask, the sets of the last account")
    sets = names(part(page, "ask-sets"))
    check("its sets that some rule gives", {"ReadOnly", "DatabaseOperator"} <= set(sets) and len(sets) <= SETS_MAX, sets)
    page = window.page(f"/ask?account={account}&permission_set=DatabaseOperator&for=3600", "/ask, who decides")
    check("and who decides", "Tomasz Wilk" in page and "Priya Raman" in page)
    hits = names(part(window.page("/ask?kind=group&q=onc"), "ask-hits"))
    check("groups that a rule is about", "oncall" in hits and len(hits) <= HITS_MAX, hits)


def accounts(demo, name):
    found = demo.api(MARA).get(f"/api/v1/catalog?q={name}&limit=1000").json["items"]
    return sorted({one["account"]["id"] for one in found if one.get("account") and one["account"]["name"] == name})


def catalog(demo):
    """The catalog comes in pages."""
    mara = demo.api(MARA)
    for path in ("?q=payments", "?q=prod", f"?q={LAST[:3]}", ""):
        with Timed(f"GET /api/v1/catalog{path}"):
            answer = mara.get(f"/api/v1/catalog{path}")
        items = answer.json["items"]
        check(f"catalog{path}: a page, and how many there are",
              answer.status == 200 and 0 < len(items) <= OFFERS_MAX and answer.json["total"] >= len(items), answer)
        more = answer.json["total"] > len(items)
        check(f"catalog{path}: a place to go on where there is more", bool(answer.json.get("next")) or not more, answer.json["total"])
    with Timed("GET /api/v1/catalog, the second page"):
        second = mara.get(f"/api/v1/catalog?cursor={urllib.parse.quote(answer.json['next'])}")
    keys = lambda page: {(one.get("account") or one.get("group"))["id"] + (one.get("permission_set") or "") for one in page.json["items"]}
    check("the second page has others", second.status == 200 and not keys(second) & keys(answer), second)
    with Timed("GET /api/v1/catalog?limit=20"):
        few = mara.get("/api/v1/catalog?q=dev&limit=20").json
    check.equal("as many as requested", len(few["items"]), 20)


def suggestions(demo):
    """Slack's selects, typed into."""
    with Timed("Slack: the window opens"):
        demo.act("U0MARA", shortcut="request_for_access")
        window = wait(lambda: demo.sim.get("/_slack/screen?user=U0MARA").json.get("modal"), 30)
    if not check("the window opens", window):
        return
    for typed in ("pay", "prod", LAST[:3]):
        for turn in ("first", "again"):
            with Timed(f"Slack: block_suggestion `{typed}`, {turn}"):
                answer = demo.act("U0MARA", settle_ms=0, type={
                    "view_id": window["view"]["id"], "block_id": "select_account", "action_id": "selected_account", "query": typed})
            body = json.loads(answer["delivered"][0]["body"])
            options = [option["text"]["text"] for option in body["options"]]
        check(f"`{typed}` in Slack: hits, as many as Slack takes", 0 < len(options) <= SUGGESTIONS_MAX, len(options))
    check("the last account by three letters, in Slack", len(options) == 1 and LAST in options[0], options)
    answer = demo.act("U0MARA", settle_ms=0, type={
        "view_id": window["view"]["id"], "block_id": "select_permission_set", "action_id": "selected_permission_set", "query": "data"})
    options = [option["value"] for option in json.loads(answer["delivered"][0]["body"])["options"]]
    check("permission sets that can be had", "DatabaseOperator" in options and len(options) <= SUGGESTIONS_MAX, options)
    with Timed("Slack: a shortcut of Tomasz"):
        demo.act("U0TOMASZ", shortcut="hallpass_my_access")


def history(demo):
    """What the demo begins with is there at this size too."""
    noor = demo.api(NOOR)

    def states():
        return sorted(one["state"] for one in noor.get("/api/v1/requests?role=all&limit=100").json["items"]
                      if one["requester"] in (MARA, TOMASZ, PRIYA, NOOR, INES))

    with Timed("the history is complete"):
        complete = wait(lambda: len(states()) >= 7, 90, demo.process)
    check("seven requests of the personas", complete, states())
    check("of every kind", {"pending", "approved", "denied"} <= set(states()), states())
    live = lambda: {one["account_name"] for one in noor.get("/api/v1/grants?state=active&limit=100").json["items"]
                    if one["user"] in (MARA, PRIYA)}
    with Timed("grants of the history are active"):
        active = wait(lambda: {"payments-prod", "payments-dev"} <= live(), 60, demo.process)
    check("with live grants in both stages", active, live())


def pages(demo):
    """Every other page, with what it lists."""
    for who, paths in ((NOOR, ("/", "/requests", "/access", "/access?by=person", "/audit", "/rules")),
                       (TOMASZ, ("/reviews", "/reviews/done")),
                       (PRIYA, ("/health", f"/rules/explain?user={MARA}&account={LAST}&permission_set=DatabaseOperator")),
                       (INES, ("/access/cut-off?user=an",))):
        window = Window(demo, who)
        for path in paths:
            page = window.page(path)
            # the permission sets to choose from are all offered: there are 300, and no more than that
            rows = max(len(re.findall("<tr[ >]", page)), len(re.findall("<li[ >]", page)))
            options = len(re.findall("<option", page))
            check(f"{path}: lists no more than it pages", rows <= ROWS_MAX and options <= 300 + 20 and len(page) < 200_000,
                  (rows, options, len(page)))


def main():
    with Stage("scale") as stage:
        demo = Demo(stage)
        with Timed("POST /signin as Mara"):
            window = Window(demo, MARA)
        check.equal("POST /signin", window.status, 303)
        asking(demo, window)
        catalog(demo)
        suggestions(demo)
        history(demo)
        pages(demo)
        # the simulated Slack has the real one's limits, and what it puts off is sent again
        said = [line for line in stage.said("demo.log").splitlines()
                if any(word in line for word in ("WARN", "ERROR", "panicked")) and "Slack asks to wait" not in line]
        check.equal("nothing to complain of", said, [])
        check.equal("the demo continues", demo.process.poll(), None)
        print("     slowest: " + ", ".join(f"{name} {took:.0f} ms" for name, took in sorted(TIMES, key=lambda one: -one[1])[:5]), flush=True)
    check.end()


if __name__ == "__main__":
    main()
