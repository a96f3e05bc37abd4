#!/usr/bin/env python3
"""Signing in at a real provider: `hallpass serve` and the certified npm package oidc-provider, with a
browser that keeps cookies. In and out, people who are nobody, new keys, a provider that is away, a
public client, and both ways in which the command line gets its token."""

import html
import http.cookiejar
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

from served import MARA, PRIYA, RULES, TOMASZ, Served, asking
from stage import HERE, Api, Checks, Stage, answers, free_port, wait

MODULES = pathlib.Path(os.environ.get("HALLPASS_OIDC_MODULES", "~/.cache/hallpass/oidc")).expanduser()

PEOPLE = {
    "mara": {"email": MARA, "email_verified": True, "name": "Mara"},
    "priya": {"email": PRIYA.upper(), "email_verified": True, "name": "Priya"},
    "nobody": {"email": "nobody@elsewhere.example", "email_verified": True, "name": "Nobody"},
    "unverified": {"email": TOMASZ, "email_verified": False, "name": "Somebody who says so"},
}

MAKE_KEY = """
const { generateKeyPairSync } = require('node:crypto');
const [kind, kid] = process.argv.slice(1);
const made = kind === 'EC' ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
                           : generateKeyPairSync('rsa', { modulusLength: 2048 });
const alg = kind === 'EC' ? 'ES256' : 'RS256';
console.log(JSON.stringify({ ...made.privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' }));
"""


class Provider:
    """oidc-provider in a process of its own."""

    def __init__(self, stage, hallpass):
        self.stage, self.port = stage, free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        back = {"redirect_uris": [f"{hallpass}/signin/oidc/callback"],
                "post_logout_redirect_uris": [f"{hallpass}/signin"],
                "backchannel_logout_uri": f"{hallpass}/signin/oidc/logout",
                "backchannel_logout_session_required": True,
                "grant_types": ["authorization_code"], "response_types": ["code"]}
        self.clients = [
            {"client_id": "hallpass", "client_secret": "a secret of the test & more", **back},
            {"client_id": "hallpass-public", "token_endpoint_auth_method": "none", **back},
        ]
        self.process, self.folder = None, stage.path("provider")
        self.folder.mkdir()
        # beside its packages, which node looks for from there upwards
        shutil.copy(HERE / "oidc" / "provider.mjs", self.folder)
        (self.folder / "node_modules").symlink_to(MODULES / "node_modules")

    def key(self, kind, kid):
        made = subprocess.run(["node", "-e", MAKE_KEY, kind, kid], capture_output=True, text=True, check=True)
        return json.loads(made.stdout)

    def start(self, kind, kid, alg):
        clients = [{**client, "id_token_signed_response_alg": alg} for client in self.clients]
        settings = {"issuer": self.issuer, "port": self.port, "clients": clients,
                    "keys": [self.key(kind, kid)], "people": PEOPLE}
        path = self.folder / "settings.json"
        path.write_text(json.dumps(settings))
        with open(self.stage.path("provider.log"), "ab") as sink:
            self.process = subprocess.Popen(
                ["node", "provider.mjs", str(path)], cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=sink, stderr=subprocess.STDOUT, env=self.stage.environment(NODE_NO_WARNINGS=1))
        self.stage.processes.append(self.process)
        there = lambda: answers(Api(self.issuer), "/.well-known/openid-configuration")
        if not wait(there, 30, self.process):
            sys.exit(f"the provider does not answer:\n{self.stage.said('provider.log')}")

    def stop(self):
        self.stage.stop(self.process)


class Page:
    def __init__(self, status, url, text):
        self.status, self.url, self.text = status, url, text

    def forms(self):
        """Action and hidden fields of each form."""
        found = []
        for form in re.findall(r"<form[^>]*>.*?</form>", self.text, re.S):
            action = re.search(r'action="([^"]*)"', form)
            fields = {}
            for field in re.findall(r"<input[^>]*>", form):
                name, value = re.search(r'name="([^"]*)"', field), re.search(r'value="([^"]*)"', field)
                if name:
                    fields[name[1]] = html.unescape(value[1]) if value else ""
            found.append((urllib.parse.urljoin(self.url, html.unescape(action[1]) if action else ""), fields))
        return found

    def form(self, part):
        return next((form for form in self.forms() if part in form[0]), None)


class Browser:
    """Keeps cookies and follows redirects."""

    def __init__(self, base):
        self.base = base
        self.jar = http.cookiejar.CookieJar()
        proxies = urllib.request.ProxyHandler({})
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar), proxies)

    def open(self, url, fields=None):
        data = urllib.parse.urlencode(fields).encode() if fields is not None else None
        request = urllib.request.Request(urllib.parse.urljoin(self.base, url), data, {"Accept": "text/html"})
        try:
            with self.opener.open(request, timeout=60) as answer:
                return Page(answer.status, answer.url, answer.read().decode(errors="replace"))
        except urllib.error.HTTPError as answer:
            return Page(answer.code, answer.url, answer.read().decode(errors="replace"))

    def press(self, page, part, **fields):
        action, hidden = page.form(part)
        return self.open(action, hidden | fields)

    def sign_in(self, who, to="/", start=None):
        page = start or self.open("/signin/oidc?" + urllib.parse.urlencode({"next": to}))
        for _ in range(6):
            # the provider's questions, and its forms that a script sends off
            forms = [form for form in page.forms()
                     if "/interaction/" in form[0] or "Submitting Callback" in page.text]
            if not forms:
                break
            fields = {"login": who, "password": "x"} if forms[0][1].get("prompt") == "login" else {}
            page = self.open(forms[0][0], forms[0][1] | fields)
        return page

    def is_in(self):
        return self.open("/").url == f"{self.base}/"

    def csrf(self):
        return self.open("/").form("/signout")[1]["csrf"]


def signing_in(check, base, provider):
    mara = Browser(base)
    asked = mara.open("/login/device?code=ABCD")
    check("a page asks to sign in", "/signin?next=%2Flogin%2Fdevice" in asked.url, asked.url)
    check("the button names the provider", "Sign in with Test ID" in asked.text)
    page = mara.sign_in("mara", "/login/device?code=ABCD")
    check.equal("one comes back to where one was going", page.url, f"{base}/login/device?code=ABCD")
    check("a link brings no code", 'name="code" value=""' in page.text, page.text[-900:])
    check("and is who one is", MARA in mara.open("/").text)
    cookies = {cookie.name for cookie in mara.jar if cookie.name.startswith("hallpass")}
    check.equal("one cookie is left of it", cookies, {"hallpass"})
    priya = Browser(base)
    priya.sign_in("priya")
    check("an e-mail in capitals is the same e-mail", PRIYA in priya.open("/").text)
    return mara


def nobodies(check, base):
    for who, words in (("nobody", "Your account is not in the directory"),
                       ("unverified", "has not verified your e-mail")):
        browser = Browser(base)
        page = browser.sign_in(who)
        check(f"{who} gets the reason", page.status == 403 and words in page.text, page.text[-600:])
        check(f"{who} is not in", not browser.is_in())
    browser = Browser(base)
    page = browser.sign_in("nobody")
    again = next(iter(re.findall(r'href="(/signin/oidc[^"]*)"', page.text)), "")
    page = browser.open(html.unescape(again))
    check("the next try may be as another user", "/interaction/" in page.url, page.url)
    page = browser.sign_in("mara", start=page)
    check("and is", browser.is_in() and MARA in browser.open("/").text, f"{page.status} {page.url} {page.text[:1500]}")


def signing_out(check, base, provider):
    mara = Browser(base)
    mara.sign_in("mara")
    page = mara.open("/signout", {"csrf": mara.csrf()})
    way = re.search(r'http-equiv="refresh" content="0;url=([^"]*)"', page.text)
    check("signing out continues to the provider", way and way[1].startswith(provider.issuer), page.text[:400])
    check("one is out here immediately", not mara.is_in())
    page = mara.open(html.unescape(way[1]))
    action, hidden = next(form for form in page.forms() if "/session/end/confirm" in form[0])
    page = mara.open(action, hidden | {"logout": "yes"})
    check.equal("and comes back from there", urllib.parse.urlparse(page.url).path, "/signin")
    page = mara.open("/signin/oidc")
    check("the provider asks who one is again", "/interaction/" in page.url, page.url)

    mara = Browser(base)
    mara.sign_in("mara")
    check("in again", mara.is_in())
    page = mara.open(f"{provider.issuer}/session/end")
    action, hidden = next(form for form in page.forms() if "/session/end/confirm" in form[0])
    mara.open(action, hidden | {"logout": "yes"})
    check("signing out at the provider ends the session here", wait(lambda: not mara.is_in(), 10))


def fresh(check, served, provider):
    """A rule wants whoever approves to have signed in lately: the press leads to the provider and back, and is pressed again."""
    base = served.base
    offers = lambda: [one["permission_set"] for one in served.api(MARA).get("/api/v1/catalog").json["items"]]
    check("the rule is read", wait(lambda: "AdministratorAccess" in offers(), 30))
    request = served.api(MARA).post("/api/v1/requests", asking("AdministratorAccess")).json["id"]
    state = lambda: served.api(MARA).get(f"/api/v1/requests/{request}").json["state"]
    priya = Browser(base)
    priya.sign_in("priya")
    sessions = lambda: sorted(served.api(PRIYA).get("/api/v1/me/sessions").json["items"],
                              key=lambda one: one["began_at"], reverse=True)
    before = sessions()
    answer = served.api(PRIYA).post(f"/api/v1/requests/{request}/approve")
    check.equal("a token proves no sign-in", (answer.status, answer.json["code"]), (403, "fresh-sign-in"))
    # the provider said nothing of when: it was not asked
    page = priya.open(f"/requests/{request}")
    page = priya.press(page, f"/requests/{request}/approve")
    check("the press leads to a page that offers to sign in again", page.status == 200 and "/signin?again=1&" in page.url
          and "This action requires a sign-in within the last 10m" in page.text, f"{page.status} {page.url} {page.text[:900]}")
    check.equal("nothing has happened", state(), "pending")
    way = html.unescape(re.search(r'href="(/signin/oidc[^"]*)"', page.text)[1])
    page = priya.open(way)
    check("the provider asks again, whoever it knows", "/interaction/" in page.url, page.url)
    page = priya.sign_in("priya", start=page)
    check("one comes back to the same request", page.url.startswith(f"{base}/requests/{request}?said=signed-in"), page.url)
    check("which asks for the press once more", "Nothing was pressed while you signed in" in page.text, page.text[:1500])
    check.equal("coming back pressed nothing", state(), "pending")
    page = priya.press(page, f"/requests/{request}/approve")
    check.equal("the press counts now", state(), "approved")
    record = served.api("noor.haddad@example.com").all("/api/v1/audit?event=request.approved")
    record = next(row for row in record if row.get("access_request_id") == request)
    check("the record says when she signed in", record.get("signed_in_at"), record)
    after = sessions()
    check("the session before is over", len(after) == len(before) and not before[0]["id"] in {one["id"] for one in after}, after)


FRESH = """
[[rule]]
id = "fresh"
accounts = ["*"]
permission_sets = ["AdministratorAccess"]
approvers = ["priya.raman@example.com"]
fresh_sign_in = "10m"
"""


def command_line(check, stage, served, browser):
    base = served.base
    script, seen = stage.path("browser"), stage.path("seen")
    script.write_text(f'#!/bin/sh\nprintf "%s" "$1" >"{seen}.new" && mv "{seen}.new" "{seen}"\n')
    script.chmod(0o755)
    environment = {"HALLPASS_SERVER": base, "BROWSER": script}
    login = stage.spawn("login", "--scope", "read,request", log="login.log", **environment)
    check("the browser is opened", wait(seen.exists, 20, login))
    page = browser.open(seen.read_text())
    code = re.search(r"must show this code: ([0-9A-F]{4}-[0-9A-F]{4})", stage.said("login.log"))
    check("terminal and page show the same code", code and code[1] in page.text, stage.said("login.log"))
    check("the page says for how long", "a token for 12 h?" in page.text and "read, request" in page.text)
    page = browser.press(page, "/login/cli", say="give")
    check("the answer comes back over loopback", page.status == 200 and "Signed in" in page.text, page.text)
    check.equal("login ends well", login.wait(120), 0)
    who = stage.run("whoami", "--output", "json", HALLPASS_SERVER=base)
    check("the command line is who confirmed it", MARA in who.stdout, who.stdout + who.stderr)
    listed = [json.loads(line) for line in stage.run("server", "token", "list", "--output", "jsonl").stdout.splitlines()]
    made = [row for row in listed if row["name"].startswith("login on ")]
    check.equal("its token has the requested scopes", [row["scopes"] for row in made], [["read", "request"]])
    kept = json.loads(stage.path("config/hallpass/credentials.json").read_text())["servers"][base]["token"]
    check.equal("the token works", Api(base, kept).get("/api/v1/me").status, 200)
    out = stage.run("logout", HALLPASS_SERVER=base)
    check("logout revokes it", out.returncode == 0 and Api(base, kept).get("/api/v1/me").status == 401, out.stderr)

    refused = stage.spawn("login", log="refused.log", **environment)
    seen.unlink()
    wait(seen.exists, 20, refused)
    browser.press(browser.open(seen.read_text()), "/login/cli", say="refuse")
    check.equal("a refusal is one", refused.wait(120), 1)

    login = stage.spawn("login", "--device", log="device.log", HALLPASS_SERVER=base)
    shown = lambda: re.search(r"\b([B-Z]{4}-[B-Z]{4})\b", stage.said("device.log"))
    check("a short code is shown", wait(shown, 20, login), stage.said("device.log"))
    page = browser.press(browser.open("/login/device"), "/login/device", code=shown()[1].lower())
    check("typing it asks for confirmation", "a token for 12 h?" in page.text, page.text[-800:])
    check("and says where it was begun", "from 127.0.0.1, by a program that calls itself hallpass-cli/" in page.text
          and "You are at the same address." in page.text, page.text[-900:])
    check("it may only read", "this of what you may do: read." in page.text, page.text[-900:])
    page = browser.press(page, "/login/device", say="give")
    check("and confirming says so", "has its token" in page.text, page.text[-800:])
    check.equal("login --device ends well", login.wait(120), 0)
    who = stage.run("whoami", "--output", "json", HALLPASS_SERVER=base)
    check("and is who confirmed it", MARA in who.stdout, who.stdout + who.stderr)

    events = [row for row in served.api("noor.haddad@example.com").all("/api/v1/audit") if row["actor"] == MARA]
    found = [row["event"] for row in events if row["event"].startswith("token.")]
    check.equal("the log has it all", found, ["token.created", "token.revoked", "token.created"])


def sessions(check, stage, browser):
    listed = [json.loads(line) for line in stage.run("people", "sessions", "list", "--web", "--output", "jsonl").stdout.splitlines()]
    check("sessions are listed", any(row["user"] == MARA for row in listed), listed)
    ended = stage.run("people", "sessions", "end", "--user", MARA)
    check.equal("and ended", ended.returncode, 0)
    check("immediately", not browser.is_in())


def configuration(stage, provider, client="hallpass"):
    secret = stage.path("client-secret")
    secret.write_text(provider.clients[0]["client_secret"] + "\n")
    client = f'client_id = "{client}"' + (f'\nclient_secret = "file:{secret}"' if client == "hallpass" else "")
    return f'[oidc]\nissuer = "{provider.issuer}"\n{client}\nname = "Test ID"\n'


def main():
    check = Checks()
    if not shutil.which("node") or not (MODULES / "node_modules" / "oidc-provider").is_dir():
        check("node and the packages of e2e/oidc are there (e2e/tools.sh test installs them)", False, MODULES)
        check.end()
    with Stage("oidc") as stage:
        port = free_port()
        provider = Provider(stage, f"http://127.0.0.1:{port}")
        provider.start("EC", "first", "ES256")
        served = Served(stage, port=port, server="sign_in_rate = 1000\n", extra=configuration(stage, provider))
        base = served.base
        stage.path("rules.toml").write_text(RULES + FRESH)
        doctor = stage.run("doctor", "--output", "jsonl", **served.environment)
        rows = {row["check"]: row for row in map(json.loads, doctor.stdout.splitlines())}
        check("doctor reads the provider", rows["sign-in"]["result"] == "ok", rows["sign-in"])
        check("and tries the redirect URI", rows["redirect URI"]["result"] == "ok", rows["redirect URI"])

        mara = signing_in(check, base, provider)
        nobodies(check, base)
        picker = Api(base).call("POST", "/signin", raw=f"persona={MARA}".encode(),
                                headers={"Content-Type": "application/x-www-form-urlencoded"})
        given = Api(base).get(f"/demo/token/{MARA}")
        check.equal("no user is a persona of a real server", (picker.status, given.status), (404, 404))
        command_line(check, stage, served, mara)
        fresh(check, served, provider)
        signing_out(check, base, provider)
        sessions(check, stage, mara)

        provider.stop()
        provider.start("RSA", "second", "RS256")
        mara = Browser(base)
        mara.sign_in("mara")
        check("new keys are fetched when they are needed", mara.is_in(), stage.said("serve.log")[-800:])

        provider.stop()
        stage.stop(served.process)
        served.start()
        page = Browser(base).open("/signin/oidc")
        check("a provider that is away is named", page.status == 503 and "Test ID does not answer" in page.text, page.text)
        check("sessions do not need it", mara.is_in())
        provider.start("RSA", "third", "RS256")
        other = Browser(base)
        check("and it is used again when it is back", wait(lambda: other.sign_in("priya") and other.is_in(), 20, every=1))

        stage.stop(served.process)
        toml = stage.path("hallpass.toml")
        toml.write_text(toml.read_text().replace(
            configuration(stage, provider), configuration(stage, provider, "hallpass-public")))
        served.start()
        public = Browser(base)
        public.sign_in("mara")
        check("a public client signs in with PKCE alone", public.is_in(), stage.said("provider.log")[-800:])
        log = served.said()
        kept = [word for word in ("a secret of the test", "id_token_hint", "code_verifier") if word in log]
        check.equal("the log has no secrets", kept, [])
    check.end()


if __name__ == "__main__":
    main()
