#!/usr/bin/env python3
"""Who has what where, from `hallpass demo` as `make demo` runs it: collected, asked in SQL with the article's two queries, every
path of one person into production on the page, an assignments file applied twice, and one operation in every account and Region
with its progress, its order and its errors."""

import html
import json
import os
import pty
import re
import select
import subprocess
import time
import urllib.parse

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from stage import ROOT, Api, Checks, Stage, answers, free_port, shown_on, wait

MARA, NOOR = "mara.lindqvist@example.com", "noor.haddad@example.com"
FOLDER = "data/snapshots"
SCALE = os.environ.get("KNOWN_SCALE", "small")
check = Checks()


class Demo:
    """A demo, and the credentials of its simulated AWS."""

    def __init__(self, stage):
        self.stage, port, aws_port = stage, free_port(), free_port()
        self.base, self.aws = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{aws_port}"
        self.process = stage.spawn("demo", "--scale", SCALE, "--listen", f"127.0.0.1:{port}", "--aws-listen", f"127.0.0.1:{aws_port}",
                                   "--data", "data", log="demo.log")
        assert wait(lambda: answers(Api(self.base), "/readyz"), 180, self.process), stage.said("demo.log")
        self.sim = Api(self.aws)
        state = self.sim.get("/_sim/state").json
        self.management = state["organization"]["management_account"]
        keys = self.sim.get("/_sim/credentials?account=" + self.management).json
        region = state["identity_center"]["home_region"]
        self.environment = {"AWS_ENDPOINT_URL": self.aws, "AWS_REGION": region, "AWS_ACCESS_KEY_ID": keys["access_key_id"],
                            "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"]}

    def run(self, *arguments, timeout=600):
        return self.stage.run(*arguments, timeout=timeout, **self.environment)

    def page(self, who, path):
        form = urllib.parse.urlencode({"persona": who}).encode()
        answer = Api(self.base).post("/signin", raw=form, headers={"Content-Type": "application/x-www-form-urlencoded",
                                                                   "Sec-Fetch-Site": "same-origin"})
        cookie = answer.headers.get("set-cookie", "").split(";")[0]
        return Api(self.base).get(path, headers={"Cookie": cookie, "Accept": "text/html"}, timeout=120)


def asked(stage, sql):
    ran = stage.run("query", sql, "--folder", FOLDER, "--output", "json", timeout=300)
    return ran, json.loads(ran.stdout) if ran.stdout else None


def article(name):
    fixture = json.loads((ROOT / "docs/spec/fixtures/inventory-lostkeys.json").read_text())
    return next(it["sql"] for it in fixture["queries"] if it["name"] == name)


def collected(demo):
    """`hallpass sync`, and both queries against the same asked in other words."""
    ran = demo.run("sync", "--folder", FOLDER, "--output", "json", timeout=1200)
    said = json.loads(ran.stdout) if ran.stdout else {}
    check("the demo's organization is collected", ran.returncode == 0 and said.get("state") == "complete", ran.stderr[-1500:])
    stage = demo.stage
    ran, old = asked(stage, article("seed-1-old-keys"))
    _, keys = asked(stage, "SELECT u.arn, u.password_enabled, u.password_last_used, k.access_key_id, k.last_used FROM aws_iam_users u "
                           "JOIN aws_iam_user_access_keys k ON k.user_cq_id = u.cq_id")
    limit = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - 90 * 86400))
    wanted = [it["access_key_id"] for it in keys if (it["last_used"] and it["last_used"] < limit)
              or (it["password_enabled"] and it["password_last_used"] and it["password_last_used"] < limit)]
    check.equal("old keys are those that two loops over the tables find", sorted(it["access_key_id"] for it in old), sorted(wanted))
    ran, _ = asked(stage, article("seed-2-not-in-okta"))
    check("people who left are not reported without a directory that knows", ran.returncode == 2 and "E_NOT_SYNCED" in ran.stderr and "okta" in ran.stderr, ran.stderr)
    exported = json.loads(stage.run("query", "snapshots", "--folder", FOLDER, "export", timeout=120).stdout)
    users = exported["tables"]["aws_iam_users"]
    mails = sorted({(it.get("tags") or {}).get("email") for it in users} - {None})
    exported["tables"]["okta_users"] = [{"id": f"00u{n}", "status": "ACTIVE", "profile": {"email": mail}} for n, mail in enumerate(mails[::2])]
    stage.path("okta.json").write_text(json.dumps(exported))
    ran = stage.run("query", article("seed-2-not-in-okta"), "--data", "okta.json", "--output", "json", timeout=120)
    gone = json.loads(ran.stdout)
    known = set(mails[::2])
    wanted = sorted(it["arn"] for it in users if (it.get("tags") or {}).get("email") not in known)
    check.equal("with one, they are those without its mail", sorted(it["arn"] for it in gone), wanted)
    return exported["tables"]


def explained(demo, tables):
    """Every path of one person into production, on the page as in the tables."""
    users = {it["user_id"]: it for it in tables["aws_identitystore_users"]}
    groups = {}
    for row in tables["aws_identitystore_group_memberships"]:
        groups.setdefault(row["member_user_id"], set()).add(row["group_id"])
    production = {it["id"] for it in tables["aws_organizations_accounts"] if it["name"].endswith("-prod")}
    paths = {}
    for row in tables["aws_ssoadmin_account_assignments"]:
        if row["account_id"] not in production:
            continue
        for user in users:
            if row["principal_id"] == user or row["principal_id"] in groups.get(user, ()):
                paths.setdefault(user, []).append(row)
    user = max(paths, key=lambda it: len(paths[it]))
    name = users[user]["idc_user_name"]
    ran = demo.stage.run("who", "--folder", FOLDER, "--user", name, "--output", "json", timeout=120)
    found = [it for it in json.loads(ran.stdout)["paths"] if it["account_id"] in production and not it["via"].startswith("entitlement")]
    check.equal("`who` has every path of the user into production", len(found), len(paths[user]))
    accounts = {it["id"]: it["name"] for it in tables["aws_organizations_accounts"]}
    sets = {it["permission_set_arn"]: it["permission_set_name"] for it in tables["aws_ssoadmin_permission_sets"]}
    page = html.unescape(demo.page(NOOR, f"/access/paths?person={user}").body.decode())
    rows = [re.sub(r"<[^>]+>", " ", it) for it in re.findall(r"<tr[ >].*?</tr>", page, re.S)]
    absent = [(accounts[it["account_id"]], sets[it["permission_set_arn"]]) for it in paths[user]
              if not any(accounts[it["account_id"]] in row and sets[it["permission_set_arn"]] in row for row in rows)]
    check.equal("and the page of paths shows each of them", absent, [])
    through = [it for it in found if it["via"].startswith("group:")]
    missing = [it["via"] for it in through if not any(it["via"].removeprefix("group:") in row for row in rows)]
    check("with the group where it is one", through and not missing, missing)


def applied(demo):
    """Assignments as a file: what stands, and one more; the second time nothing is written."""
    demo.stage.make_store("code.toml")
    ran = demo.run("access", "export", "--config", "code.toml")
    check("the current state is a file", ran.returncode == 0 and "permission_sets:" in ran.stdout, ran.stderr[-800:])
    text = ("version: 1\npermission_sets:\n  KnownAudit: {managed_policies: [SecurityAudit]}\nassignments:\n"
            f"  - {{permission_sets: [KnownAudit], users: [{MARA}], accounts: [payments-dev]}}\n")
    demo.stage.path("known.yaml").write_text(text)
    ran = demo.run("access", "apply", "known.yaml", "--yes", "--config", "code.toml", "--output", "json")
    check("a file is applied", ran.returncode == 0 and json.loads(ran.stdout)["state"] == "done", ran.stderr[-800:])
    demo.sim.post("/_sim/calls/reset", {})
    ran = demo.run("access", "apply", "known.yaml", "--yes", "--config", "code.toml")
    writes = ("Create", "Delete", "Update", "Put", "Attach", "Detach", "Provision", "Tag")
    # the demo's own grants go on meanwhile, under a set of theirs
    calls = [it for it in demo.sim.get("/_sim/calls?limit=10000").json["calls"] if it["service"] == "sso-admin" and it["operation"].startswith(writes)]
    check("applied again it changes nothing", ran.returncode == 0 and "No changes" in ran.stdout + ran.stderr and not calls, (ran.stderr, calls[:3]))


def watched(demo, *arguments):
    """A command that runs on a terminal as far as stderr goes: its exit code, stdout, and what the terminal saw."""
    ours, theirs = pty.openpty()
    out = demo.stage.path("each.jsonl")
    with open(out, "wb") as written:
        environment = {**demo.stage.environment(**demo.environment), "TERM": "xterm", "COLUMNS": "100"}
        process = subprocess.Popen([demo.stage.binary, *arguments], stdout=written, stderr=theirs, cwd=demo.stage.folder, env=environment)
    os.close(theirs)
    seen, until = b"", time.monotonic() + 3600
    while time.monotonic() < until:
        if select.select([ours], [], [], 1)[0]:
            part = shown_on(ours)
            if not part:
                break
            seen += part
    process.wait(60)
    os.close(ours)
    return process.returncode, out.read_text(), seen.decode(errors="replace")


def everywhere(demo):
    """`each` over the organization, in which policies refuse some accounts, and one more refuses by itself."""
    words = ("each", "ec2", "DescribeVpcs", "--regions", "enabled", "--query", "Vpcs[].VpcId", "--errors")
    listed = demo.run(*words, "before.jsonl", timeout=1200)
    lines, before = [json.loads(it) for it in listed.stdout.splitlines()], failures(demo, "before.jsonl")
    check("what answers and what is refused by a policy", listed.returncode == (1 if before else 0) and lines
          and all("explicit deny in a service control policy" in it["message"] for it in before), (listed.stderr[-500:], before[:1]))
    victim = lines[len(lines) // 2]["account"]
    demo.sim.post("/_sim/faults", {"kind": "error", "code": "UnauthorizedOperation", "http": 403,
                                   "match": {"service": "ec2", "operation": "DescribeVpcs", "caller_account": victim}})
    code, out, seen = watched(demo, *words, "failed.jsonl")
    demo.sim.call("DELETE", "/_sim/faults")
    found = [json.loads(it) for it in out.splitlines()]
    check.equal("all but the one that refuses, in order", found, [it for it in lines if it["account"] != victim])
    places = [(it["account"], it["region"], it["page"]) for it in found]
    check("by account, Region and page", places == sorted(places) and len({it[0] for it in places}) > 1, len(places))
    failed, of = failures(demo, "failed.jsonl"), lambda rows: {(it["account"], it["region"]) for it in rows}
    more = of(failed) - of(before)
    check("each Region of it is a failure beside those of before, and exit 1", code == 1 and of(before) <= of(failed) and {it[0] for it in more} == {victim}
          and {it["region"] for it in lines if it["account"] == victim} <= {it[1] for it in more}, (code, failed[:2]))
    check("a terminal saw how far it was", re.search(r"\d+/≥?\s*\d+", seen), seen[-600:])
    counted = re.search(r"ok \d+, failed (\d+), .*seconds [\d.]+", seen)
    check("and at last what came of it", counted and int(counted[1]) == len(failed), seen[-300:])
    print(f"     {len(lines):,} lines of {len({it['account'] for it in lines}):,} accounts: {counted and counted[0]}", flush=True)


def everywhere_of_many(demo):
    """The same over 5,000 accounts, once: every account and Region is an answer or a failure, and nothing is both or neither."""
    keys = {"aws_access_key_id": demo.environment["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": demo.environment["AWS_SECRET_ACCESS_KEY"]}
    # 250 pages of accounts are more than AWS lets anybody list in one go
    patient = Config(retries={"max_attempts": 12, "mode": "adaptive"})
    client = lambda service: boto3.client(service, endpoint_url=demo.aws, region_name=demo.environment["AWS_REGION"], config=patient, **keys)
    pages = client("organizations").get_paginator("list_accounts").paginate()
    active = sorted(it["Id"] for page in pages for it in page["Accounts"] if it["State"] == "ACTIVE" and it["Id"] != demo.management)
    victim = active[len(active) // 2]
    demo.sim.post("/_sim/faults", {"kind": "error", "code": "UnauthorizedOperation", "http": 403,
                                   "match": {"service": "ec2", "operation": "DescribeVpcs", "caller_account": victim}})
    began = time.monotonic()
    code, out, seen = watched(demo, "each", "ec2", "DescribeVpcs", "--regions", "enabled", "--query", "Vpcs[].VpcId", "--keep-empty", "--errors", "failed.jsonl")
    took = time.monotonic() - began
    demo.sim.call("DELETE", "/_sim/faults")
    found, failed = [json.loads(it) for it in out.splitlines()], failures(demo, "failed.jsonl")
    places = [(it["account"], it["region"], it["page"]) for it in found]
    check("by account, Region and page", len(places) > 50_000 and places == sorted(set(places)), len(places))
    refused = {(it["account"], it["region"]) for it in failed}
    answered = {it[:2] for it in places}
    check.equal("nothing is an answer and a failure", answered & refused, set())
    check.equal("every active account is one of both", sorted({it[0] for it in answered | refused}), active)
    of = {}
    for account, region in answered | refused:
        of.setdefault(account, set()).add(region)
    regions = client("account").get_paginator("list_regions")
    for account in [*active[::len(active) // 20], victim]:
        listed = regions.paginate(AccountId=account, RegionOptStatusContains=["ENABLED", "ENABLED_BY_DEFAULT"])
        wanted = {it["RegionName"] for page in listed for it in page["Regions"]}
        check.equal(f"{account}: in every Region that boto3 says is on", of[account], wanted)
    check.equal("the one that refuses has failed everywhere", {it[1] for it in refused if it[0] == victim}, of[victim])
    others = [it for it in failed if it["account"] != victim and "explicit deny in a service control policy" not in it["message"]]
    check.equal("policies refused the others, or their role does not let them in", [it for it in others if not is_closed(client("sts"), it)], [])
    check("exit 1", code == 1, code)
    shown = re.findall(r"(\d+)/(≥?)\s*(\d+) slices", seen)
    check("a terminal saw it grow, and first as a lower bound", len(shown) > 5 and any(it[1] for it in shown) and int(shown[-1][0]) > int(shown[0][0]), shown[:3])
    counted = re.search(r"ok (\d+), failed (\d+), .*seconds [\d.]+", seen)
    check.equal("and at last what came of it", counted and (int(counted[1]), int(counted[2])), (len(answered), len(failed)))
    print(f"     {len(places):,} lines of {len(active):,} accounts in {took:.0f} s: {counted and counted[0]}", flush=True)


def is_closed(sts, failure):
    """Whether boto3 cannot enter the account either."""
    role = f"arn:aws:iam::{failure['account']}:role/OrganizationAccountAccessRole"
    try:
        sts.assume_role(RoleArn=role, RoleSessionName="e2e")
    except ClientError as error:
        return failure["stage"] == "assume_role" and error.response["Error"]["Code"] == "AccessDenied"
    return False


def failures(demo, name):
    return [json.loads(it) for it in demo.stage.path(name).read_text().splitlines()]


def main():
    with Stage("known") as stage:
        demo = Demo(stage)
        stage.path("code.toml").write_text('[store]\nurl = "sqlite:code.db"\n')
        if SCALE == "small":
            tables = collected(demo)
            explained(demo, tables)
            applied(demo)
            everywhere(demo)
        else:
            everywhere_of_many(demo)
    check.end()


if __name__ == "__main__":
    main()
