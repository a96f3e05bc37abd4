#!/usr/bin/env python3
"""Referee of the simulated access portal: plays the errors and answers of sso-oidc and sso with
boto3, `simulator.md` N-1 to N-4, L-10 and L-11, with the aws CLI.

    portal.py --endpoint http://127.0.0.1:4570 [--aws PATH] [--only L-10,L-11]

The simulator must serve its portal itself (`hallpass sim` does). With an aws CLI of version 2 the
sign-in of L-10 is `aws sso login`; version 1 has no such command, there the script signs in as
the command would and leaves its token where the CLI looks for it. Nor does version 1 keep role
credentials; there L-11 keeps them in a profile of their own.
"""

import base64
import datetime
import hashlib
import html
import http.client
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import boto3
import botocore.config
import botocore.exceptions
from botocore import UNSIGNED

from rows import ROWS, control, end, options, play, row

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
REDIRECT = "http://127.0.0.1/oauth/callback"
def eventually(function, seconds=60):
    """What was just changed may take some seconds to be seen."""
    end = time.monotonic() + seconds
    while True:
        try:
            return function()
        except (AssertionError, botocore.exceptions.ClientError):
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


class Refused:
    def __init__(self, code, status, **body):
        self.code, self.status, self.body = code, status, body

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        assert kind is not None, f"no error, expected {self.code}"
        if not issubclass(kind, botocore.exceptions.ClientError):
            return False
        answer = error.response
        found = (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"])
        assert found == (self.code, self.status), found
        header = answer["ResponseMetadata"]["HTTPHeaders"].get("x-amzn-errortype")
        assert header == self.code, header
        for name, value in self.body.items():
            shown = answer.get(name) or answer["Error"].get(name)
            assert shown == value, (name, shown)
        return True


class Sim:
    def __init__(self, endpoint):
        self.endpoint = endpoint.rstrip("/")
        self.place = urllib.parse.urlparse(self.endpoint)
        file = self.control("GET", "/state?full=1")["file"]
        center = file["identity_center"]
        self.region, self.portal = center["home_region"], center["portal_url"]
        enabled = [u["user_name"] for u in center["users"] if u.get("status") != "DISABLED"]
        self.ana, self.bo, self.cai = enabled[:3]
        management = file["organization"]["management_account"]
        active = [a for a in file["accounts"] if a.get("state") in (None, "ACTIVE")]
        self.account = next(a["id"] for a in active if management not in (a["id"], a["name"]))
        self.oidc, self.sso = self.client("sso-oidc"), self.client("sso")

    def control(self, method, path, body=None, status=None):
        code, text = control(self.endpoint, method, path, body)
        expected = status or 200
        assert code == expected, (path, code, text)
        return json.loads(text) if text else None

    def mutate(self, **change):
        return self.control("POST", "/mutate", change)

    def advance(self, seconds):
        return self.control("POST", "/advance", {"seconds": seconds})

    def client(self, service, **more):
        config = botocore.config.Config(
            retries={"mode": "standard", "max_attempts": 1}, signature_version=UNSIGNED
        )
        return boto3.client(
            service, endpoint_url=self.endpoint, region_name=self.region, config=config, **more
        )

    def register(self, **more):
        given = self.oidc.register_client(clientName="referee", clientType="public", **more)
        return {name: given[name] for name in ("clientId", "clientSecret")}

    def start(self, client):
        return self.oidc.start_device_authorization(startUrl=self.portal, **client)

    def begin(self):
        """A client of its own, and the device that it starts."""
        client = self.register()
        return client, self.start(client)

    def poll(self, client, device):
        return self.oidc.create_token(
            grantType=DEVICE_CODE, deviceCode=device["deviceCode"], **client
        )

    def approve(self, user_code, user, status=None):
        return self.control(
            "POST", "/device/approve", {"user_code": user_code, "user": user}, status
        )

    def sign_in(self, user, **registration):
        client = self.register(**registration)
        device = self.start(client)
        self.approve(device["userCode"], user)
        return self.poll(client, device) | {"client": client}

    def credentials(self, token, account, role):
        given = self.sso.get_role_credentials(accessToken=token, accountId=account, roleName=role)
        return given["roleCredentials"]

    def who(self, keys):
        """GetCallerIdentity with role credentials."""
        return boto3.client(
            "sts", endpoint_url=self.endpoint, region_name=self.region,
            aws_access_key_id=keys["accessKeyId"], aws_secret_access_key=keys["secretAccessKey"],
            aws_session_token=keys["sessionToken"],
        ).get_caller_identity()

    def page(self, method, path, form=None, headers=None):
        connection = http.client.HTTPConnection(self.place.hostname, self.place.port, timeout=60)
        body = None if form is None else urllib.parse.urlencode(form)
        headers = dict(headers or {})
        if form is not None:
            headers["content-type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        named = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, named, answer.read().decode()

    def new_set(self, name):
        """A fresh permission set, assigned to two people in one account."""
        keys = self.control("GET", "/credentials")
        instance = self.control("GET", "/state")["identity_center"]["instance_arn"]
        admin = boto3.client(
            "sso-admin", endpoint_url=self.endpoint, region_name=self.region,
            aws_access_key_id=keys["access_key_id"],
            aws_secret_access_key=keys["secret_access_key"],
        )
        try:
            admin.create_permission_set(InstanceArn=instance, Name=name, SessionDuration="PT2H")
        except admin.exceptions.ConflictException:
            pass
        for user in (self.ana, self.bo):
            self.give(name, user)

    def give(self, role, user):
        self.mutate(
            create_assignment={"account": self.account, "permission_set": role, "user": user}
        )

    def take(self, role, user):
        self.mutate(
            delete_assignment={"account": self.account, "permission_set": role, "user": user}
        )


@row("oidc register")
def register(sim):
    given = sim.oidc.register_client(clientName="referee", clientType="public")
    assert given["clientSecret"].count(".") == 2, given
    good_for = given["clientSecretExpiresAt"] - given["clientIdIssuedAt"]
    assert good_for == 90 * 86400, good_for
    with Refused("InvalidClientMetadataException", 400, error="invalid_client_metadata"):
        sim.oidc.register_client(clientName="referee", clientType="confidential")
    with Refused("InvalidScopeException", 400, error="invalid_scope"):
        sim.register(scopes=["everything"])
    with Refused("InvalidRedirectUriException", 400, error="invalid_redirect_uri"):
        sim.register(redirectUris=["https://evil.example/callback"])
    with Refused("UnsupportedGrantTypeException", 400, error="unsupported_grant_type"):
        sim.register(grantTypes=["password"])


@row("oidc start")
def start(sim):
    client, device = sim.begin()
    assert re.fullmatch("[A-Z]{4}-[A-Z]{4}", device["userCode"]), device
    assert (device["expiresIn"], device["interval"]) == (600, 1), device
    complete = f"{sim.endpoint}/_sim/device?user_code={device['userCode']}"
    assert device["verificationUriComplete"] == complete, device
    with Refused("InvalidRequestException", 400, error="invalid_request"):
        sim.oidc.start_device_authorization(startUrl="https://other.awsapps.com/start", **client)
    with Refused("InvalidClientException", 401, error="invalid_client"):
        sim.start(client | {"clientSecret": "made up"})


@row("oidc start URL of AWS")
def start_url_of_aws(sim):
    store = sim.control("GET", "/state")["identity_center"]["identity_store_id"]
    client = sim.register()
    device = sim.oidc.start_device_authorization(startUrl=f"https://{store}.awsapps.com/start", **client)
    sim.approve(device["userCode"], sim.bo)
    given = sim.poll(client, device)
    assert given["accessToken"] and given["tokenType"] == "Bearer", given
    with Refused("InvalidRequestException", 400, error="invalid_request"):
        sim.oidc.start_device_authorization(startUrl="https://d-0000000000.awsapps.com/start", **client)


@row("oidc pending")
def pending(sim):
    client, device = sim.begin()
    with Refused("AuthorizationPendingException", 400, error="authorization_pending"):
        sim.poll(client, device)


@row("oidc slow down")
def slow_down(sim):
    client, device = sim.begin()
    with Refused("AuthorizationPendingException", 400):
        sim.poll(client, device)
    with Refused("SlowDownException", 400, error="slow_down"):
        sim.poll(client, device)
    sim.advance(1)
    with Refused("AuthorizationPendingException", 400):
        sim.poll(client, device)


@row("oidc denied")
def denied(sim):
    client, device = sim.begin()
    sim.control("POST", "/device/deny", {"user_code": device["userCode"]})
    with Refused("AccessDeniedException", 400, error="access_denied"):
        sim.poll(client, device)


@row("oidc expired")
def expired(sim):
    client, device = sim.begin()
    sim.advance(600)
    with Refused("ExpiredTokenException", 400, error="expired_token"):
        sim.poll(client, device)
    sim.approve(device["userCode"], sim.ana, status=409)


@row("oidc token")
def token(sim):
    given = sim.sign_in(sim.ana)
    assert (given["tokenType"], given["expiresIn"]) == ("Bearer", 28800), given
    assert "refreshToken" not in given, "no scopes, no refresh token"
    given = sim.sign_in(sim.ana, scopes=["sso:account:access"])
    assert given["refreshToken"], given
    again = sim.oidc.create_token(
        grantType="refresh_token", refreshToken=given["refreshToken"], **given["client"]
    )
    assert again["accessToken"] != given["accessToken"]
    sim.sso.list_accounts(accessToken=again["accessToken"])
    with Refused("InvalidGrantException", 400, error="invalid_grant"):
        sim.oidc.create_token(
            grantType="refresh_token", refreshToken=given["refreshToken"], **sim.register()
        )
    with Refused("UnsupportedGrantTypeException", 400):
        sim.oidc.create_token(grantType="password", **given["client"])


@row("oidc once")
def once(sim):
    client, device = sim.begin()
    sim.approve(device["userCode"], sim.ana)
    sim.poll(client, device)
    with Refused("InvalidGrantException", 400, error="invalid_grant"):
        sim.poll(client, device)
    sim.approve(device["userCode"], sim.ana, status=404)


def authorize(sim, client, verifier, redirect=REDIRECT.replace("1/", "1:49152/"), **more):
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    asked = {
        "response_type": "code", "client_id": client["clientId"], "redirect_uri": redirect,
        "state": "s t&te", "code_challenge": challenge, "code_challenge_method": "S256",
        "scopes": "sso:account:access",
    } | more
    return sim.page("GET", "/authorize?" + urllib.parse.urlencode(asked))


def pick(sim, page, user, **more):
    hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
    form = {name: html.unescape(value) for name, value in hidden} | {"user": user} | more
    return sim.page("POST", "/authorize", form)


@row("oidc authorization code")
def authorization_code(sim):
    client = sim.register(
        grantTypes=["authorization_code", "refresh_token"], scopes=["sso:account:access"],
        redirectUris=[REDIRECT], issuerUrl=sim.portal,
    )
    verifier = "v" * 64
    status, headers, page = authorize(sim, client, verifier)
    assert status == 200, page
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy, policy
    assert "<style" not in page and " style=" not in page and "<script>" not in page, page
    redirect = REDIRECT.replace("1/", "1:49152/")

    def code(**more):
        status, headers, _ = pick(sim, page, sim.ana, **more)
        assert status == 303, status
        place, query = headers["location"].split("?")
        assert place == redirect, place
        return urllib.parse.parse_qs(query)

    def exchange(code, verifier=verifier, client=client, redirect=redirect):
        return sim.oidc.create_token(
            grantType="authorization_code", code=code, redirectUri=redirect,
            codeVerifier=verifier, **client,
        )

    given = code()
    assert given["state"] == ["s t&te"], given
    token = exchange(given["code"][0])
    assert token["refreshToken"]
    sim.sso.list_accounts(accessToken=token["accessToken"])
    with Refused("InvalidGrantException", 400, error="invalid_grant"):
        exchange(given["code"][0])
    for wrong in ({"verifier": "w" * 64}, {"redirect": redirect + "x"}):
        with Refused("InvalidGrantException", 400):
            exchange(code()["code"][0], **wrong)
    given = code(action="deny")
    assert given["error"] == ["access_denied"] and "code" not in given, given


@row("oidc no open redirect")
def open_redirect(sim):
    client = sim.register(grantTypes=["authorization_code"], redirectUris=[REDIRECT])
    for redirect in (
        "https://evil.example/oauth/callback", "http://127.0.0.1.evil.example/oauth/callback",
        "http://127.0.0.1:1@evil.example/oauth/callback", "http://127.0.0.1:1/other",
        "//evil.example/oauth/callback",
    ):
        status, headers, page = authorize(sim, client, "v" * 64, redirect)
        assert status == 400 and "location" not in headers, (redirect, status)
        assert 'name="user"' not in page, redirect
        form = {"client_id": client["clientId"], "redirect_uri": redirect, "response_type": "code",
                "code_challenge": "c" * 43, "code_challenge_method": "S256", "action": "deny"}
        status, headers, _ = sim.page("POST", "/authorize", form)
        assert status == 400 and "location" not in headers, (redirect, status)
    status, headers, _ = authorize(sim, client, "v" * 64, code_challenge_method="plain")
    assert status == 400 and "location" not in headers, status


@row("device page")
def device_page(sim):
    client, device = sim.begin()
    path = urllib.parse.urlparse(device["verificationUriComplete"])
    status, headers, page = sim.page("GET", f"{path.path}?{path.query}")
    assert status == 200 and device["userCode"] in page, page
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy, policy
    form = {"user_code": device["userCode"], "user": sim.bo}
    status, _, _ = sim.page("POST", "/_sim/device", form, {"origin": "https://evil.example"})
    assert status == 403, status
    status, _, page = sim.page("POST", "/_sim/device", form, {"origin": sim.endpoint})
    assert status == 200 and html.escape(sim.bo) in page, page
    sim.poll(client, device)


@row("sso accounts and roles")
def accounts(sim):
    sim.new_set("RefereeLists")
    token = sim.sign_in(sim.ana)["accessToken"]

    def look():
        pages = sim.sso.get_paginator("list_accounts").paginate(
            accessToken=token, PaginationConfig={"PageSize": 1}
        )
        rows = [row for page in pages for row in page["accountList"]]
        ids = [row["accountId"] for row in rows]
        assert len(ids) == len(set(ids)) and sim.account in ids, ids
        assert set(rows[0]) == {"accountId", "accountName", "emailAddress"}, rows[0]
        pages = sim.sso.get_paginator("list_account_roles").paginate(
            accessToken=token, accountId=sim.account, PaginationConfig={"PageSize": 1}
        )
        roles = [row["roleName"] for page in pages for row in page["roleList"]]
        assert "RefereeLists" in roles and len(roles) == len(set(roles)), roles

    eventually(look)
    with Refused("InvalidRequestException", 400):
        sim.sso.list_accounts(accessToken=token, nextToken="made up")
    with Refused("InvalidRequestException", 400):
        sim.sso.list_accounts(accessToken=token, maxResults=101)


@row("sso through a group")
def through_group(sim):
    sim.new_set("RefereeGroups")
    file = sim.control("GET", "/state?full=1")["file"]
    groups = file["identity_center"]["groups"]
    group = next(g["name"] for g in groups if sim.cai not in g["members"])
    sim.mutate(create_assignment={
        "account": sim.account, "permission_set": "RefereeGroups", "group": group})
    token = sim.sign_in(sim.cai)["accessToken"]
    with Refused("ForbiddenException", 403):
        sim.credentials(token, sim.account, "RefereeGroups")
    sim.mutate(add_member={"group": group, "user": sim.cai})
    eventually(lambda: sim.credentials(token, sim.account, "RefereeGroups"))
    sim.mutate(remove_member={"group": group, "user": sim.cai})
    with Refused("ForbiddenException", 403):
        sim.credentials(token, sim.account, "RefereeGroups")


@row("sso no access")
def no_access(sim):
    token = sim.sign_in(sim.ana)["accessToken"]
    with Refused("ForbiddenException", 403, Message="No access"):
        sim.credentials(token, "000000000000", "RefereeLists")
    with Refused("ForbiddenException", 403, Message="No access"):
        sim.credentials(token, sim.account, "NoSuchRole")
    with Refused("ForbiddenException", 403, Message="No access"):
        sim.sso.list_account_roles(accessToken=token, accountId="000000000000")


@row("sso unauthorized")
def unauthorized(sim):
    text = "Session token not found or invalid"
    with Refused("UnauthorizedException", 401, Message=text):
        sim.sso.list_accounts(accessToken="made up")
    token = sim.sign_in(sim.ana)["accessToken"]
    sim.sso.logout(accessToken=token)
    with Refused("UnauthorizedException", 401, Message=text):
        sim.sso.list_accounts(accessToken=token)
    with Refused("UnauthorizedException", 401, Message=text):
        sim.credentials(token, sim.account, "RefereeLists")


@row("N-1")
def n1(sim):
    sim.new_set("RefereeOne")
    token = sim.sign_in(sim.ana)["accessToken"]
    keys = eventually(lambda: sim.credentials(token, sim.account, "RefereeOne"))
    assert isinstance(keys["expiration"], int) and keys["expiration"] > 1e12, keys["expiration"]
    arn = sim.who(keys)["Arn"]
    role = r"arn:aws:sts::\d{12}:assumed-role/AWSReservedSSO_RefereeOne_[0-9a-f]{16}/"
    assert re.fullmatch(role + re.escape(sim.ana), arn), arn
    shown = sim.control("GET", f"/sessions?user={sim.ana}")["sessions"]
    shown = next(one for one in shown if one["access_key_id"] == keys["accessKeyId"])
    assert (shown["source"], shown["live"], shown["assignment_exists"]) == ("portal", True, True)
    instant = datetime.datetime.fromisoformat(shown["expires"].replace("Z", "+00:00"))
    began = datetime.datetime.fromisoformat(shown["issued"].replace("Z", "+00:00"))
    assert instant - began == datetime.timedelta(hours=2), shown


@row("N-2")
def n2(sim):
    sim.new_set("RefereeTwo")
    token = sim.sign_in(sim.ana)["accessToken"]
    keys = eventually(lambda: sim.credentials(token, sim.account, "RefereeTwo"))
    sim.take("RefereeTwo", sim.ana)
    with Refused("ForbiddenException", 403):
        sim.credentials(token, sim.account, "RefereeTwo")
    sim.sso.logout(accessToken=token)
    assert sim.who(keys)["Account"] == sim.account, "a role session outlives its assignment"
    shown = sim.control("GET", f"/sessions?user={sim.ana}&live=1")["sessions"]
    shown = next(one for one in shown if one["access_key_id"] == keys["accessKeyId"])
    assert (shown["live"], shown["assignment_exists"]) == (True, False), shown
    # the last assignment of the pair takes the role with it
    sim.take("RefereeTwo", sim.bo)
    with Refused("InvalidClientTokenId", 403):
        try:
            sim.who(keys)
        except botocore.exceptions.ClientError as error:
            headers = error.response["ResponseMetadata"]["HTTPHeaders"]
            headers["x-amzn-errortype"] = error.response["Error"]["Code"]
            raise


@row("N-3")
def n3(sim):
    sim.new_set("RefereeThree")
    token = sim.sign_in(sim.ana)["accessToken"]
    eventually(lambda: sim.credentials(token, sim.account, "RefereeThree"))
    client, device = sim.begin()
    sim.mutate(disable_user={"user": sim.ana})
    try:
        sim.credentials(token, sim.account, "RefereeThree")
        sim.approve(device["userCode"], sim.ana, status=409)
    finally:
        sim.mutate(enable_user={"user": sim.ana})


@row("N-4")
def n4(sim):
    token = sim.sign_in(sim.bo)["accessToken"]
    sim.mutate(delete_portal_sessions={"user": sim.bo})
    sim.sso.list_accounts(accessToken=token)
    sim.advance(300)
    with Refused("UnauthorizedException", 401):
        sim.sso.list_accounts(accessToken=token)
    token = sim.sign_in(sim.bo)["accessToken"]
    sim.advance(28800)
    with Refused("UnauthorizedException", 401):
        sim.sso.list_accounts(accessToken=token)


@row("portal pages")
def portal_pages(sim):
    sim.new_set("RefereePages")
    place = urllib.parse.urlparse(sim.portal)
    assert place.netloc == sim.place.netloc, sim.portal
    wish = f"account_id={sim.account}&role_name=RefereePages"
    status, headers, page = sim.page("GET", place.path + "/")
    assert status == 200 and "Choose a user" in page, page
    assert "unsafe" not in headers["content-security-policy"], headers
    form = {"user": sim.ana}
    status, headers, _ = sim.page("POST", f"{place.path}/signin?{wish}", form)
    assert (status, headers["location"]) == (303, f"{place.path}/console?{wish}"), headers
    cookie = {"cookie": headers["set-cookie"].split(";")[0]}
    assert "HttpOnly" in headers["set-cookie"] and "SameSite=Lax" in headers["set-cookie"]

    def console():
        status, _, page = sim.page("GET", f"{place.path}/console?{wish}", headers=cookie)
        assert status == 200 and "AWSReservedSSO_RefereePages_" in page, (status, page)
        assert html.escape(sim.ana) in page, page

    eventually(console)
    status, _, page = sim.page("GET", place.path, headers=cookie)
    assert status == 200 and "RefereePages" in page and f"{place.path}/console?" in page, page
    for name, kind in (("portal.css", "text/css"), ("portal.js", "text/javascript")):
        status, headers, _ = sim.page("GET", f"/_sim/{name}")
        assert (status, headers["content-type"]) == (200, kind), headers
    sim.take("RefereePages", sim.ana)
    status, _, page = sim.page("GET", f"{place.path}/console?{wish}", headers=cookie)
    assert status == 403 and "No access" in page, (status, page)
    status, _, _ = sim.page("POST", f"{place.path}/signout", {}, cookie)
    assert status == 303, status
    status, _, page = sim.page("GET", place.path, headers=cookie)
    assert "Choose a user" in page, page


class Cli:
    """The aws CLI with a home of its own, and one profile of an sso-session."""

    def __init__(self, sim, program, role):
        self.sim, self.program = sim, program
        self.home = tempfile.mkdtemp(prefix="portal-cli-")
        os.makedirs(f"{self.home}/.aws/sso/cache")
        with open(f"{self.home}/.aws/config", "w", encoding="utf-8") as file:
            file.write(
                f"[profile work]\nsso_session = acme\nsso_account_id = {sim.account}\n"
                f"sso_role_name = {role}\nregion = {sim.region}\noutput = json\n\n"
                f"[sso-session acme]\nsso_start_url = {sim.portal}\nsso_region = {sim.region}\n"
                "sso_registration_scopes = sso:account:access\n"
            )
        self.rules()
        shown = self.run("--version")
        self.version = tuple(int(part) for part in re.search(r"aws-cli/(\d+)\.(\d+)", shown).groups())

    def rules(self):
        """Where services are, for a CLI older than the setting AWS_ENDPOINT_URL (2.13)."""
        there = {"version": "1.0", "parameters": {}, "rules": [{
            "conditions": [], "type": "endpoint",
            "endpoint": {"url": self.sim.endpoint, "properties": {}, "headers": {}}}]}
        for service, version in (
            ("sso", "2019-06-10"), ("sso-oidc", "2019-06-10"), ("sts", "2011-06-15")
        ):
            folder = f"{self.home}/.aws/models/{service}/{version}"
            os.makedirs(folder)
            with open(f"{folder}/endpoint-rule-set-1.json", "w", encoding="utf-8") as file:
                json.dump(there, file)

    def start(self, *words):
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("AWS_")
        }
        environment |= {
            "HOME": self.home, "AWS_ENDPOINT_URL": self.sim.endpoint, "AWS_PAGER": "",
            "AWS_PROFILE": "work", "AWS_CLI_AUTO_PROMPT": "off", "PYTHONUNBUFFERED": "1",
        }
        return subprocess.Popen(
            [*self.program, *words], env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )

    def run(self, *words, code=0):
        process = self.start(*words)
        said, _ = process.communicate(timeout=180)
        right = process.returncode in (254, 255) if code else process.returncode == 0
        assert right, (words, process.returncode, said)
        return said

    def login(self, user):
        if self.version < (2, 0):
            return self.login_by_hand(user)
        words = ["sso", "login", "--no-browser"]
        if self.version >= (2, 22):
            words.append("--use-device-code")
        process = self.start(*words)
        stop = threading.Timer(60, process.kill)
        stop.start()
        said = ""
        try:
            for line in process.stdout:
                said += line
                found = re.fullmatch(r"[A-Z]{4}-[A-Z]{4}", line.strip())
                if found:
                    self.sim.approve(line.strip(), user)
            process.wait()
        finally:
            stop.cancel()
        assert process.returncode == 0 and "Successfully logged into" in said, said
        return said

    def login_by_hand(self, user):
        given = self.sim.sign_in(user, scopes=["sso:account:access"])
        now = datetime.datetime.now(datetime.timezone.utc)
        stamp = lambda seconds: (now + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        token = {
            "startUrl": self.sim.portal, "region": self.sim.region,
            "accessToken": given["accessToken"], "expiresAt": stamp(given["expiresIn"]),
            "refreshToken": given["refreshToken"], **given["client"],
            "registrationExpiresAt": stamp(90 * 86400),
        }
        name = hashlib.sha1(b"acme").hexdigest()
        with open(f"{self.home}/.aws/sso/cache/{name}.json", "w", encoding="utf-8") as file:
            json.dump(token, file)

    def logout(self):
        if self.version >= (2, 0):
            return self.run("sso", "logout")
        name = hashlib.sha1(b"acme").hexdigest()
        path = f"{self.home}/.aws/sso/cache/{name}.json"
        with open(path, encoding="utf-8") as file:
            self.sim.sso.logout(accessToken=json.load(file)["accessToken"])
        os.remove(path)
        shutil.rmtree(f"{self.home}/.aws/cli/cache", ignore_errors=True)

    def keep(self, role):
        """Role credentials for later, as version 2 keeps them by itself."""
        if self.version >= (2, 0):
            return "work"
        name = hashlib.sha1(b"acme").hexdigest()
        with open(f"{self.home}/.aws/sso/cache/{name}.json", encoding="utf-8") as file:
            token = json.load(file)["accessToken"]
        keys = self.sim.credentials(token, self.sim.account, role)
        with open(f"{self.home}/.aws/credentials", "w", encoding="utf-8") as file:
            file.write(
                f"[kept]\naws_access_key_id = {keys['accessKeyId']}\n"
                f"aws_secret_access_key = {keys['secretAccessKey']}\n"
                f"aws_session_token = {keys['sessionToken']}\nregion = {self.sim.region}\n"
            )
        return "kept"

    def who(self, profile="work"):
        said = self.run("sts", "get-caller-identity", "--profile", profile, "--output", "json")
        return json.loads(said)["Arn"]

    def close(self):
        shutil.rmtree(self.home, ignore_errors=True)


def l10(sim, program):
    sim.new_set("RefereeCli")
    cli = Cli(sim, program, "RefereeCli")
    cli.login(sim.ana)
    arn = eventually(cli.who)
    assert re.search(f"AWSReservedSSO_RefereeCli_[0-9a-f]{{16}}/{re.escape(sim.ana)}$", arn), arn
    return cli


def l11(sim, cli):
    before, kept = cli.who(), cli.keep("RefereeCli")
    sim.take("RefereeCli", sim.ana)
    assert cli.who(kept) == before, "cached role credentials go on"
    cli.logout()
    cli.login(sim.ana)
    said = cli.run("sts", "get-caller-identity", code=255)
    assert "ForbiddenException" in said and "No access" in said, said


def main():
    parser = options(__doc__)
    parser.add_argument("--aws", default=shutil.which("aws"), help="the aws CLI; words are split at blanks")
    arguments = parser.parse_args()
    sim = Sim(arguments.endpoint)
    rows = [(name, lambda function=function: function(sim)) for name, function in ROWS]
    held = []
    if arguments.aws:
        program = arguments.aws.split()
        # the CLI first: later rows move the virtual clock
        rows[:0] = [("L-10", lambda: held.append(l10(sim, program))), ("L-11", lambda: l11(sim, held[0]))]
    else:
        print("     no aws CLI: L-10 and L-11 are left out")
    passed, failed = play(rows, arguments)
    for cli in held:
        print(f"     aws CLI {'.'.join(str(part) for part in cli.version)}")
        cli.close()
    end(passed, failed)


if __name__ == "__main__":
    main()
