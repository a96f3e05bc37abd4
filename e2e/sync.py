#!/usr/bin/env python3
"""The organization as tables: what `hallpass sync` reads of the simulated organization is what boto3 reads; one account
that refuses loses its own slices and no others; a run that is killed goes on; and people of Okta come with it
(`inventory.md` §1)."""

import base64
import collections
import contextlib
import http.server
import json
import os
import signal
import subprocess
import threading
import time
import urllib.parse

import botocore.exceptions
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sdk import client, inside
from stage import ROOT, Api, Checks, Stage, free_port, wait

TOKEN = "00-a-token-that-is-never-shown"
check = Checks()


def sync(stage, environment, *arguments):
    ran = stage.run("sync", *arguments, "--output", "json", timeout=400, **environment)
    return ran, json.loads(ran.stdout) if ran.stdout else {}


def rows(stage, sql, *arguments):
    ran = stage.run("query", sql, "--output", "json", *arguments, timeout=120)
    return json.loads(ran.stdout) if ran.stdout else None


def article(name):
    fixture = json.loads((ROOT / "docs/spec/fixtures/inventory-lostkeys.json").read_text())
    return next(it["sql"] for it in fixture["queries"] if it["name"] == name)


class Okta(http.server.BaseHTTPRequestHandler):
    """Pages by `Link`, of which two stand on a line; one throttle; those who left only where they are asked for."""

    # what a client's key is good for: its public half, the tokens that were given for it, and those that are over
    public, given, over, statements = None, [], set(), []

    people = [{"id": f"00u{n}", "status": "ACTIVE", "created": "2024-01-01T00:00:00.000Z", "activated": None, "statusChanged": None,
               "lastLogin": None, "lastUpdated": None, "passwordChanged": None, "type": {"id": "oty"},
               "credentials": {"provider": {"type": "OKTA"}}, "profile": {"email": f"p{n}@example.com", "costCenter": n}} for n in range(5)]
    left = [{**people[0], "id": "00gone", "status": "DEPROVISIONED"}]
    throttles = 1
    seen = []

    def do_GET(self):
        base = f"http://127.0.0.1:{self.server.server_address[1]}"
        Okta.seen.append((self.path, self.headers["Authorization"]))
        if self.headers["Authorization"] not in [f"SSWS {TOKEN}"] + [f"Bearer {it}" for it in Okta.given if it not in Okta.over]:
            return self.answer(401, {"errorCode": "E0000011", "errorSummary": "Invalid token provided"}, [])
        if Okta.throttles:
            Okta.throttles -= 1
            return self.answer(429, {"errorCode": "E0000047", "errorSummary": "API call exceeded rate limit"}, [],
                               {"X-Rate-Limit-Reset": str(int(time.time()))})
        if self.path.startswith("/api/v1/groups"):
            return self.answer(200, [], [])
        if "DEPROVISIONED" in self.path:
            return self.answer(200, Okta.left, [])
        at = int(self.path.split("after=")[1]) if "after=" in self.path else 0
        links = [f'<{base}{self.path}>; rel="self"']
        if at + 2 < len(Okta.people):
            links.append(f'<{base}/api/v1/users?after={at + 2}>; rel="next"')
        if at:
            links = [", ".join(links)]
        return self.answer(200, Okta.people[at:at + 2], links)

    def do_POST(self):
        """A token for a statement that the client's key has signed (RFC 7523), of the form that Okta checks."""
        form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        here = f"http://127.0.0.1:{self.server.server_address[1]}{self.path}"
        try:
            head, claims, signature = (base64.urlsafe_b64decode(it + "===") for it in form["client_assertion"].split("."))
            Okta.public.verify(signature, form["client_assertion"].rpartition(".")[0].encode(), padding.PKCS1v15(), hashes.SHA256())
            head, claims = json.loads(head), json.loads(claims)
            assert self.path == "/oauth2/v1/token" and form["grant_type"] == "client_credentials", form
            assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", form
            assert form["scope"].split() == ["okta.users.read", "okta.groups.read"], form
            assert (head["alg"], head["kid"], claims["iss"], claims["sub"], claims["aud"]) == ("RS256", "key-1", "0oa1", "0oa1", here), (head, claims)
            assert claims["jti"] not in Okta.statements and time.time() < claims["exp"] <= time.time() + 3600, claims
        except (AssertionError, InvalidSignature, KeyError, ValueError) as error:
            return self.answer(401, {"error": "invalid_client", "error_description": f"The client_assertion is invalid: {error!r}"}, [])
        Okta.statements.append(claims["jti"])
        Okta.given.append(f"access-{len(Okta.given)}")
        return self.answer(200, {"token_type": "Bearer", "expires_in": 3600, "access_token": Okta.given[-1], "scope": form["scope"]}, [])

    def answer(self, status, body, links, more=None):
        body = json.dumps(body).encode()
        self.send_response(status)
        for link in links:
            self.send_header("Link", link)
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def whole(stage, environment):
    """Everything, against what boto3 reads."""
    ran, said = sync(stage, environment)
    check("a run that reads everything is exit 0 and complete", ran.returncode == 0 and said.get("state") == "complete", ran.stderr[-1500:])
    organizations = client("organizations", environment)
    listed = organizations.get_paginator("list_accounts").paginate().build_full_result()["Accounts"]
    found = rows(stage, "SELECT id, name, state FROM aws_organizations_accounts ORDER BY id")
    check.equal("the accounts are those of boto3", found,
                sorted(({"id": it["Id"], "name": it["Name"], "state": it["State"]} for it in listed), key=lambda it: it["id"]))
    coverage = rows(stage, "SELECT state, count(*) AS n FROM hallpass_coverage GROUP BY 1")
    suspended = sum(it["State"] != "ACTIVE" for it in listed)
    check.equal("suspended accounts are skipped, and nothing failed", {it["state"]: it["n"] for it in coverage if it["state"] != "ok"},
                {"skipped": 15 * suspended})
    identity(stage, environment)
    active = [it["Id"] for it in listed if it["State"] == "ACTIVE"]
    entitled(stage, environment, active)
    iam(stage, environment, active[:3])
    other_ways(stage, environment, active)
    check("the run is not kept", not os.listdir(stage.path(".local/state/hallpass/sync")))
    return active


def identity(stage, environment):
    admin, store = client("sso-admin", environment), client("identitystore", environment)
    [instance] = admin.list_instances()["Instances"]
    sets = admin.get_paginator("list_permission_sets").paginate(InstanceArn=instance["InstanceArn"]).build_full_result()["PermissionSets"]
    wanted = []
    for one in sets:
        pages = admin.get_paginator("list_accounts_for_provisioned_permission_set")
        accounts = pages.paginate(InstanceArn=instance["InstanceArn"], PermissionSetArn=one).build_full_result()["AccountIds"]
        for account in accounts:
            pages = admin.get_paginator("list_account_assignments")
            found = pages.paginate(InstanceArn=instance["InstanceArn"], PermissionSetArn=one, AccountId=account)
            wanted += [(one, account, it["PrincipalId"]) for it in found.build_full_result()["AccountAssignments"]]
    found = rows(stage, "SELECT permission_set_arn s, account_id a, principal_id p FROM aws_ssoadmin_account_assignments")
    check.equal("the assignments are those of boto3", sorted((it["s"], it["a"], it["p"]) for it in found), sorted(wanted))
    people = store.get_paginator("list_users").paginate(IdentityStoreId=instance["IdentityStoreId"]).build_full_result()["Users"]
    found = rows(stage, "SELECT user_id FROM aws_identitystore_users")
    check.equal("and so are the people", sorted(it["user_id"] for it in found), sorted(it["UserId"] for it in people))
    who = stage.run("who", "--output", "json", timeout=120)
    check("`who` answers from it", who.returncode == 0 and json.loads(who.stdout), who.stderr)


def entitled(stage, environment, accounts):
    """Entitlements, which no listing of assignments shows, as boto3 lists them."""
    access = client("account-access", environment)
    application = access.list_applications()["applications"][0]["applicationArn"]
    pages = lambda account: access.get_paginator("list_entitlements").paginate(
        applicationArn=application, filter={"principalRole": {"account": account}})
    listed = [row for account in accounts for page in pages(account) for row in page["entitlements"]]
    wanted = [{"entitlement_id": it["entitlementId"], "account_id": it["entitlement"]["principalRole"]["account"],
               "role_arn": it["entitlement"]["principalRole"]["roleArn"],
               "principal_id": next(iter(it["entitlement"]["principalRole"]["principal"]["identityCenter"].values())),
               "principal_exists": True} for it in listed]
    found = rows(stage, "SELECT entitlement_id, account_id, role_arn, principal_id, principal_exists FROM aws_account_access_entitlements")
    key = lambda it: it["entitlement_id"]
    check.equal("the entitlements are those of boto3", sorted(found, key=key), sorted(wanted, key=key))
    check("and there are some", len(found) == 3, found)


def iam(stage, environment, accounts):
    different = []
    for account in accounts:
        boto = client("iam", inside(environment, account))
        users = boto.get_paginator("list_users").paginate().build_full_result()["Users"]
        keys = [key["AccessKeyId"] for user in users for key in boto.list_access_keys(UserName=user["UserName"])["AccessKeyMetadata"]]
        tags = {it["UserName"]: {tag["Key"]: tag["Value"] for tag in boto.list_user_tags(UserName=it["UserName"])["Tags"]} for it in users}
        found = rows(stage, f"SELECT user_name, tags FROM aws_iam_users WHERE account_id = '{account}'")
        ours = rows(stage, f"SELECT access_key_id FROM aws_iam_user_access_keys WHERE owner_account_id = '{account}'")
        roles = rows(stage, f"SELECT role_name FROM aws_iam_roles WHERE role_account_id = '{account}'")
        theirs = [it["RoleName"] for it in boto.get_paginator("list_roles").paginate().build_full_result()["Roles"]]
        if ({it["user_name"]: it["tags"] for it in found} != tags or sorted(it["access_key_id"] for it in ours) != sorted(keys)
                or sorted(it["role_name"] for it in roles) != sorted(theirs)):
            different.append((account, found, tags, ours, keys))
    check.equal("users, tags, keys and roles are those of boto3", different, [])


def other_ways(stage, environment, accounts):
    """`inventory.md` T-24, W-17: who gets in otherwise than by Identity Center, as boto3 reads it; and beside the people."""
    requests, providers, finalized = {}, set(), set()
    for account in accounts:
        boto = client("iam", inside(environment, account))
        for it in boto.list_delegation_requests()["DelegationRequests"]:
            requests[it["DelegationRequestId"]] = (account, it["State"], it["RequestorId"], it["SessionDuration"], json.loads(it["PermissionPolicy"]))
            finalized |= {it["DelegationRequestId"]} if it["State"] == "FINALIZED" else set()
        providers |= {it["Arn"] for it in boto.list_saml_providers()["SAMLProviderList"]}
    found = rows(stage, "SELECT * FROM aws_iam_delegation_requests")
    ours = {it["delegation_request_id"]: (it["delegation_account_id"], it["state"], it["requestor_id"], it["session_duration"], it["permission_policy"])
            for it in found}
    check.equal("delegation requests are those of boto3", ours, requests)
    check("and some partner has access", finalized, requests)
    found = rows(stage, "SELECT provider_arn FROM aws_iam_identity_providers WHERE provider_type = 'SAML'")
    check.equal("identity providers are those of boto3", {it["provider_arn"] for it in found}, providers)
    found = rows(stage, "SELECT count(*) AS n FROM aws_iam_account_properties WHERE NOT outbound_federation AND outbound_issuer IS NULL")
    check.equal("no account shows its identities outside", found, [{"n": len(accounts)}])
    ran = stage.run("who", "--output", "json", timeout=120)
    outside = json.loads(ran.stdout)["outside"]
    check("who shows them beside the people", outside and {it["delegation_request_id"] for it in outside} <= finalized, (outside, ran.stderr))


def contacts(stage, environment, accounts):
    """`inventory.md` Y-1: whom AWS writes to, as boto3 reads it; one that is not there is a row without values."""
    boto, own = client("account", environment), client("sts", environment).get_caller_identity()["Account"]
    of = lambda account: {} if account == own else {"AccountId": account}
    changed, without = accounts[:2]
    boto.put_alternate_contact(**of(changed), AlternateContactType="SECURITY", Name="Ana", Title="On call", EmailAddress="soc@customer.example", PhoneNumber="+1 555 0100")
    wanted, kinds = [], ("BILLING", "OPERATIONS", "SECURITY")
    for kind in kinds:
        with contextlib.suppress(botocore.exceptions.ClientError):
            boto.delete_alternate_contact(**of(without), AlternateContactType=kind)
    for account in (*accounts, own):
        for kind in kinds:
            try:
                found = boto.get_alternate_contact(**of(account), AlternateContactType=kind)["AlternateContact"]
            except boto.exceptions.ResourceNotFoundException:
                found = {}
            wanted.append((account, kind, *(found.get(it) for it in ("Name", "Title", "EmailAddress", "PhoneNumber"))))
    named = ",".join([*accounts, own])
    ran, said = sync(stage, environment, "--only", "organizations,contacts", "--accounts", named, "--without-regions")
    check("contacts are read where that is named", ran.returncode == 0 and said.get("state") == "complete", ran.stderr[-800:])
    found = rows(stage, "SELECT contact_account_id a, contact_type t, name, title, email, phone FROM aws_alternate_contacts")
    check.equal("and are those of boto3", sorted(map(str, (tuple(it.values()) for it in found))), sorted(map(str, wanted)))
    check("with one that was set, and some that are not there", any(it[4] == "soc@customer.example" for it in wanted) and (without, "SECURITY", None, None, None, None) in wanted, wanted)
    found = rows(stage, "SELECT contact_account_id a, full_name, phone FROM aws_primary_contacts ORDER BY 1")
    theirs = [boto.get_contact_information(**of(account))["ContactInformation"] for account in sorted({*accounts, own})]
    check.equal("so are the contacts of accounts", [(it["full_name"], it["phone"]) for it in found], [(it["FullName"], it["PhoneNumber"]) for it in theirs])
    found = rows(stage, "SELECT count(*) n FROM aws_alternate_contacts WHERE email IS NULL AND contact_type = 'SECURITY'")
    asked = stage.run("query", "--name", "contacts/no-security", "--output", "json", timeout=120)
    check.equal("a shipped query has who is without one", len(json.loads(asked.stdout)), found[0]["n"])


def people(stage, environment):
    """`inventory.md` K-7: another directory as a list, in the same snapshot as what AWS has."""
    none = stage.run("query", "SELECT id FROM entra_users", timeout=120)
    check("a list that was never given is no empty table", none.returncode == 2 and "--people entra:FILE" in none.stderr, none.stderr)
    pages = [{"value": [{"id": "1", "accountEnabled": True, "mail": "ana@example.com"}]}, {"value": [{"id": "2", "accountEnabled": False, "userPrincipalName": "bo@example.com"}]}]
    stage.path("entra.json").write_text(json.dumps(pages))
    stage.path("people.csv").write_text("id,email,status\n7,cho@example.com,active\n")
    stage.path("twice.csv").write_text("id,email\n7,a@example.com\n7,b@example.com\n")
    for name, words, said in [("a user who is there twice", ["scim:twice.csv"], "twice.csv"), ("no such form", ["ldap:people.csv"], "scim, google, entra"),
                              ("two lists of one directory", ["scim:people.csv", "--people", "scim:people.csv"], "two lists")]:
        ran = stage.run("sync", "--only", "organizations", "--people", *words, **environment)
        check(f"{name} is exit 2", ran.returncode == 2 and said in ran.stderr and not ran.stdout, ran.stderr)
    ran, said = sync(stage, environment, "--only", "organizations", "--without-regions", "--people", "entra:entra.json", "--people", "scim:people.csv")
    check("lists are part of the snapshot", ran.returncode == 0 and said.get("state") == "complete", ran.stderr)
    found = rows(stage, "SELECT id, status, profile ->> 'email' AS email FROM entra_users UNION ALL SELECT id, status, profile ->> 'email' FROM scim_users ORDER BY 1")
    check.equal("people have their words and addresses", [tuple(it.values()) for it in found],
                [("1", "ACTIVE", "ana@example.com"), ("2", "SUSPENDED", "bo@example.com"), ("7", "ACTIVE", "cho@example.com")])


def refused(stage, environment, sim, account):
    """`inventory.md` T-4, T-5, T-7: what one account refuses."""
    sim.post("/_sim/faults", {"kind": "error", "code": "AccessDenied", "http": 403,
                              "match": {"service": "iam", "caller_account": account}})
    ran, said = sync(stage, environment, "--only", "iam")
    check("an account that refuses makes the run partial, and exit 1", ran.returncode == 1 and said.get("state") == "partial", ran.stderr[-800:])
    check("and its failures are reported in groups", any(account in it["accounts"] for it in said["failures"]) and "AccessDenied" in ran.stderr, said)
    asked = stage.run("query", "SELECT count(*) AS n FROM aws_iam_users", "--output", "json", timeout=120)
    check("a query says what is missing, and is exit 1", asked.returncode == 1 and "AccessDenied" in asked.stderr and account in asked.stderr, asked.stderr)
    asked = stage.run("query", "SELECT count(*) AS n FROM aws_iam_users", "--allow-partial", timeout=120)
    check("unless it may be partial", asked.returncode == 0, asked.stderr)
    differences = stage.run("query", "snapshots", "diff", "previous", "newest", "--table", "aws_iam_users", "--output", "json", timeout=120)
    changes = json.loads(differences.stdout)
    check("nothing is removed: the rows of a failed list are unknown",
          changes and {it["change"] for it in changes} == {"unknown"} and {it["before"]["account_id"] for it in changes} == {account}, changes[:2])
    run = ran.stderr.split("--resume ")[-1].split("`")[0]
    sim.call("DELETE", "/_sim/faults")
    manifest = stage.path(f"snapshots/_manifests/{said['snapshot_id']}.json")
    partial = manifest.read_bytes()
    before = rows(stage, "SELECT count(*) AS n FROM aws_iam_users", "--allow-partial")
    sim.post("/_sim/calls/reset", {})
    ran, said = sync(stage, environment, "--only", "iam", "--resume", run)
    check("resumed, it is whole", ran.returncode == 0 and said.get("state") == "complete", ran.stderr[-800:])
    assumed = sim.get("/_sim/calls?limit=5000").json["counters"].get("sts:AssumeRole", {})
    check.equal("and only that account was asked", sum(assumed.values()), 1)
    check("the snapshot that was partial stays what it was, beside the whole one", manifest.read_bytes() == partial and manifest.stem != said["snapshot_id"], said)
    after = rows(stage, "SELECT count(*) AS n FROM aws_iam_users")
    check("with rows that were missing", after[0]["n"] > before[0]["n"], (before, after))


def carried(stage, environment, sim, account):
    sim.post("/_sim/faults", {"kind": "error", "code": "AccessDenied", "http": 403,
                              "match": {"service": "iam", "caller_account": account}})
    ran, said = sync(stage, environment, "--only", "iam", "--carry")
    sim.call("DELETE", "/_sim/faults")
    check("failed slices may come from an earlier snapshot, and are marked", said.get("carried", 0) > 0 and said["failed"] == 0, (said, ran.stderr[-500:]))
    source = rows(stage, f"SELECT DISTINCT source_snapshot_id s FROM hallpass_coverage WHERE state = 'carried' AND account_id = '{account}'")
    check("with the snapshot that it is of", len(source) == 1 and source[0]["s"], source)


def content(stage, run, environment):
    """The rows of a snapshot: what is the same however it was read. Our own key is used while it is."""
    own = environment["AWS_ACCESS_KEY_ID"]
    exported = json.loads(stage.run("query", "snapshots", "export", run, timeout=120).stdout)["tables"]
    return {name: sorted(json.dumps(row, sort_keys=True) for row in table if row.get("access_key_id") != own)
            for name, table in exported.items()}


def killed(stage, environment, sim):
    """kill -9 in the middle, and on."""
    ran, said = sync(stage, environment, "--only", "iam,identity-center")
    check("an unbroken run to compare with", ran.returncode == 0, ran.stderr[-500:])
    unbroken = content(stage, said["snapshot_id"], environment)
    folder = stage.path(".local/state/hallpass/sync")
    before = set(os.listdir(folder))
    sim.post("/_sim/faults", {"kind": "latency", "distribution": {"fixed_ms": 100}, "match": {"service": "iam"}})
    with open(stage.path("killed.err"), "wb") as log:
        process = subprocess.Popen([stage.binary, "sync", "--only", "iam,identity-center", "-c", "8"], stdout=log, stderr=log,
                                   cwd=stage.folder, env=stage.environment(**environment))
    stage.processes.append(process)
    slices = lambda: sum(len(os.listdir(folder / run / "slices")) for run in set(os.listdir(folder)) - before)
    wait(lambda: slices() > 20, 60, process)
    [run] = set(os.listdir(folder)) - before
    second = stage.run("sync", "--only", "iam,identity-center", "--resume", run, **environment)
    check("two do not work on one run", second.returncode == 5 and "another process" in second.stderr, second.stderr)
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    kept = slices()
    check("it was killed in the middle", kept > 20, kept)
    check("and no one sees a snapshot of it", run not in stage.run("query", "snapshots", "list").stdout)
    sim.call("DELETE", "/_sim/faults")
    other = stage.run("sync", "--only", "iam", "--resume", run, **environment)
    check("other words do not go on with it", other.returncode == 2 and "other arguments" in other.stderr, other.stderr)
    ran, said = sync(stage, environment, "--only", "iam,identity-center", "--resume", run)
    check("resumed, it ends well", ran.returncode == 0 and said.get("state") == "complete", ran.stderr[-500:])
    # the report says when it was made
    again = content(stage, said["snapshot_id"], environment)
    different = [name for name in unbroken if name != "aws_iam_credential_reports" and unbroken[name] != again[name]]
    check.equal("and has what an unbroken run has", (different, sorted(unbroken) == sorted(again)), ([], True))


def client_of_okta(stage, environment):
    """A client's private key in place of a token: one statement for a run, another where the token is over."""
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    keys = [rsa.generate_private_key(65537, 2048) for _ in range(2)]
    for name, key in zip(("key.pem", "other.pem"), keys):
        stage.path(name).write_bytes(key.private_bytes(*pem))
    Okta.public = keys[0].public_key()
    there = {**environment, "HALLPASS_OKTA_CLIENT_ID": "0oa1", "HALLPASS_OKTA_KEY_FILE": "key.pem", "HALLPASS_OKTA_KEY_ID": "key-1"}
    ran, said = sync(stage, there, "--only", "okta")
    check("people are read with a client's key", ran.returncode == 0 and said.get("rows") == 6, ran.stderr)
    check.equal("with one token for the whole run", len(Okta.given), 1)
    # the next token is over from the beginning, as one that was revoked
    Okta.over.add("access-1")
    ran, said = sync(stage, there, "--only", "okta")
    check("an expired token is fetched again", ran.returncode == 0 and said.get("rows") == 6 and len(Okta.given) == 3, (ran.stderr, Okta.given))
    wrong, _ = sync(stage, {**there, "HALLPASS_OKTA_KEY_FILE": "other.pem"}, "--only", "okta")
    check("another key is refused, and exit 1", wrong.returncode == 1 and "invalid_client" in wrong.stderr, wrong.stderr)
    check("no token is shown", not any(it in ran.stdout + ran.stderr + wrong.stderr for it in Okta.given))
    stage.path("none.pem").write_text("no key")
    for name, more, said in [("a file without a key", {"HALLPASS_OKTA_KEY_FILE": "none.pem"}, "none.pem"), ("no file", {"HALLPASS_OKTA_KEY_FILE": ""}, "HALLPASS_OKTA_KEY_FILE"),
                             ("a token as well", {"HALLPASS_OKTA_TOKEN": TOKEN}, "both set")]:
        ran = stage.run("sync", "--only", "okta", **{**there, **more})
        check(f"{name} is exit 2", ran.returncode == 2 and said in ran.stderr, ran.stderr)


def okta(stage, environment):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Okta)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    there = {"HALLPASS_OKTA_URL": f"http://127.0.0.1:{server.server_address[1]}", "HALLPASS_OKTA_TOKEN": TOKEN}
    ran, said = sync(stage, {**environment, **there}, "--only", "okta")
    check("people of Okta are read", ran.returncode == 0 and said.get("rows") == 6, ran.stderr)
    found = rows(stage, "SELECT id, status, profile ->> 'costCenter' c FROM okta_users ORDER BY id")
    check.equal("page by page, with those who left", [(it["id"], it["status"]) for it in found],
                [("00gone", "DEPROVISIONED")] + [(f"00u{n}", "ACTIVE") for n in range(5)])
    check("after a throttle", Okta.throttles == 0 and len(Okta.seen) > 5, Okta.seen)
    Okta.seen, Okta.throttles = [], 99
    ran_into, _ = sync(stage, {**environment, **there}, "--only", "okta")
    Okta.throttles = 0
    asked = collections.Counter(path for path, _ in Okta.seen)
    check("a lasting throttle is a failure, after five more tries", ran_into.returncode == 1 and "E0000047" in ran_into.stderr and set(asked.values()) == {6}, (asked, ran_into.stderr[-300:]))
    wrong, said = sync(stage, {**environment, **there, "HALLPASS_OKTA_TOKEN": "another-secret"}, "--only", "okta")
    check("a token that is refused is a failure, and exit 1", wrong.returncode == 1 and "E0000011" in wrong.stderr, wrong.stderr)
    everywhere = "".join(path.read_text(errors="replace") for path in stage.path(".local").rglob("*") if path.is_file())
    manifests = "".join(path.read_text() for path in stage.path("snapshots/_manifests").iterdir())
    said = ran.stdout + ran.stderr + wrong.stdout + wrong.stderr + everywhere + manifests
    check("and no token is anywhere", TOKEN not in said and "another-secret" not in said)
    client_of_okta(stage, {**environment, "HALLPASS_OKTA_URL": there["HALLPASS_OKTA_URL"]})
    none = stage.run("sync", "--only", "okta", **environment)
    check("without an address it is exit 2", none.returncode == 2 and "HALLPASS_OKTA_URL" in none.stderr, none.stderr)
    server.shutdown()
    ran, _ = sync(stage, environment, "--only", "iam")
    one = stage.run("query", article("seed-1-old-keys"), "--output", "json", timeout=120)
    check("the article's query of old keys answers", one.returncode == 0, one.stderr)
    two = stage.run("query", article("seed-2-not-in-okta"), "--output", "json", timeout=120)
    check("and that of people who left says that Okta is missing", two.returncode == 2 and "E_NOT_SYNCED" in two.stderr, two.stderr)


def main():
    with Stage("sync") as stage:
        _, endpoint, environment = stage.simulator()
        sim = Api(endpoint)
        active = whole(stage, environment)
        refused(stage, environment, sim, active[2])
        carried(stage, environment, sim, active[2])
        killed(stage, environment, sim)
        okta(stage, environment)
        contacts(stage, environment, active[1:4])
        people(stage, environment)
        unknown = stage.run("sync", "--accounts", "000000000001", **environment)
        check("an account that is not there is exit 2", unknown.returncode == 2 and "000000000001" in unknown.stderr, unknown.stderr)
    check.end()


if __name__ == "__main__":
    main()
