#!/usr/bin/env python3
"""Chores on the demo, as a newcomer does them: the commands of `docs/tutorials/organization-chores.md`, as they stand and in their order, over
`hallpass demo`; boto3 and the page of plans look at what came of each."""

import csv
import json
import os
import re
import subprocess
import threading

import boto3
from botocore.exceptions import ClientError

from browsing import MARA, NOOR, PRIYA, TOMASZ, Browser, Demo
from stage import ROOT, Api, Checks, Stage, demo_variables, wait

check = Checks()
BLOCK = re.compile(r"^## (.*?)\n(.*?)(?=^## |\Z)", re.M | re.S)
SHELL = re.compile(r"^```sh\n(.*?)^```", re.M | re.S)
STANDARD = "arn:aws:securityhub:eu-west-1::standards/aws-foundational-security-best-practices/v/1.0.0"
OPEN = dict.fromkeys(["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"], False)


def sections():
    """The lines of each section's shells."""
    text = (ROOT / "docs/tutorials/organization-chores.md").read_text()
    return {name: [line for shell in SHELL.findall(body) for line in shell.splitlines()] for name, body in BLOCK.findall(text)}


class Newcomer:
    """Somebody with a checkout and a terminal."""

    def __init__(self, stage, demo):
        self.stage, self.demo, self.said = stage, demo, ""
        self.variables = demo_variables(stage.said("demo.log"))
        self.sim = Api(demo.aws)
        accounts = self.sim.get("/_sim/state?full=1").json["file"]["accounts"]
        self.accounts = {it["name"]: it["id"] for it in accounts}

    def runs(self, line):
        """A line as it stands, in one shell for all of a section: variables stay."""
        wanted = re.search(r"# exit (\d+)$", line)
        environment = self.stage.environment(**self.variables | {"PATH": os.environ["PATH"]})
        kept = self.stage.path("kept")
        whole = f"[ -f {kept} ] && . {kept}\n{line}\ncode=$?\ndeclare -p REMEDIATION > {kept} 2>/dev/null\nexit $code"
        done = subprocess.run(["bash", "-c", whole], cwd=self.stage.path("checkout"), capture_output=True, text=True, env=environment,
                              timeout=300, check=False)
        self.said = done.stdout + done.stderr
        code = int(wanted.group(1)) if wanted else 0
        check(f"`{line.split(' #')[0][:100]}` exits {code}", done.returncode == code, self.said[-900:])
        return done.stdout

    def client(self, service, account=None):
        keys = {"access_key_id": self.variables["AWS_ACCESS_KEY_ID"], "secret_access_key": self.variables["AWS_SECRET_ACCESS_KEY"]}
        if account:
            keys = self.sim.get(f"/_sim/credentials?account={self.accounts[account]}").json
        return boto3.client(service, endpoint_url=self.demo.aws, region_name="eu-west-1",
                            aws_access_key_id=keys["access_key_id"], aws_secret_access_key=keys["secret_access_key"])

    def bucket(self, name):
        try:
            return self.client("s3", "payments-prod").get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
        except ClientError as error:
            return error.response["Error"]["Code"]

    def made(self, operation):
        rows = self.sim.get(f"/_sim/calls?operation={operation}&limit=1000").json["calls"]
        return [it for it in rows if it["effect"]]


def checkout(stage):
    """What a checkout has, and what `make demo` makes in it."""
    stage.path("checkout").mkdir()
    stage.path("checkout/demo").symlink_to(ROOT / "demo")
    stage.path("checkout/hallpass").symlink_to(stage.binary)


def bucket(one, lines):
    tomasz = one.demo.api(TOMASZ)
    rows = lambda: tomasz.get("/api/v1/remediations").json["items"]
    states = wait(lambda: len(found := {it["resource"].rsplit(":", 1)[1]: it["state"] for it in rows()}) == 5
                  and "pending" not in found.values() and found, 60, one.demo.process) or rows()
    closed = {name: states.get(name) for name in ("example-receipts", "example-status-page", "example-build-cache")}
    check.equal("findings of the demo were handled", (closed, sorted(states.values())), (
        {"example-receipts": "changed", "example-status-page": "suppressed", "example-build-cache": "manual"},
        ["changed", "manual", "observed", "suppressed", "waiting"]))
    check("a bucket is closed, a website is not", all(one.bucket("example-receipts").values()) and one.bucket("example-status-page") == OPEN)
    one.runs(lines[0])
    check("the command says so, too", all(it in one.said for it in ("waiting", "example-receipts", "suppressed")), one.said)
    for line in lines[1:4]:
        one.runs(line)
    check("the finding shows the action", re.search(r"RESOLVED\s+arn:aws:s3:::example-invoices\s+.*changed", one.said), one.said)
    check("within seconds boto3 sees it closed", all(one.bucket("example-invoices").values()), one.bucket("example-invoices"))
    one.runs(lines[4])
    one.runs(lines[5])
    check("undo plans first", all(one.bucket("example-invoices").values()), one.said)
    for line in lines[6:]:
        one.runs(line)
    check.equal("and undone it is as before", one.bucket("example-invoices"), OPEN)


def asked(one):
    """What waits for a yes: beside the navigation, and answered in Slack."""
    tomasz, mara = one.demo.api(TOMASZ), one.demo.api(MARA)
    rows = lambda: {it["resource"].rsplit("/", 1)[-1]: it for it in tomasz.get("/api/v1/remediations").json["items"]}
    first = next(it for it in rows().values() if it["state"] == "waiting")
    path = f"/api/v1/remediations/{first['id']}"
    check.equal("Mara does not see what waits", mara.get(path).status, 403)
    with Browser(one.demo.base) as browser:
        beside = lambda who: browser.window(who).locator("nav ul.wide a[href='/remediations'] .count").all_inner_texts()[:1]
        check.equal("it is counted beside the navigation, for who may answer", ([it.split() for it in beside(TOMASZ)], beside(NOOR)), ([["1", "waiting"]], []))
    message = wait(lambda: of(one, first["id"]), 30)
    if not check("Slack asks, with buttons", message and pressable(message) == ["remediation_approve", "remediation_decline"], message):
        return
    act(one, MARA, click={"message_ts": message["ts"], "action_id": "remediation_approve"})
    act(one, NOOR, click={"message_ts": message["ts"], "action_id": "remediation_approve"})
    act(one, NOOR, click={"message_ts": message["ts"], "action_id": "remediation_decline"})
    said = wait(lambda: len(found := [whispers(one, it) for it in ("U0MARA", "U0NOOR")]) == 2 and len(found[1]) == 2 and found, 10)
    check("a user who is not an approver is informed, alone", said and all("approver" in it for texts in said for it in texts), said)
    check.equal("and nothing is decided", tomasz.get(path).json["state"], "waiting")
    act(one, TOMASZ, click={"message_ts": message["ts"], "action_id": "remediation_approve"})
    check("Tomasz says yes in Slack, and the port is closed", wait(lambda: tomasz.get(path).json["state"] == "changed", 30), tomasz.get(path))
    check("the message says who", wait(lambda: not pressable(of(one, first["id"])) and f"Approved by {TOMASZ}" in of(one, first["id"])["text"], 10),
          of(one, first["id"]))
    group = opened(one)
    second = wait(lambda: (rows().get(group) or {}).get("state") == "waiting" and rows()[group], 30)
    message = second and wait(lambda: of(one, second["id"]), 30)
    if not check("another port waits", message, rows()):
        return
    act(one, TOMASZ, click={"message_ts": message["ts"], "action_id": "remediation_decline"})
    view = wait(lambda: one.sim.get(f"/_slack/screen?user={TOMASZ}").json.get("modal"), 10)
    check("a no asks why", view and "Leave it as it is?" in json.dumps(view), view)
    reason = lambda words: {"view_id": view["view"]["id"], "values": {"provide_reason": {"provided_reason": words}}}
    sent = act(one, TOMASZ, submit=reason(" "))
    check("and does not go without", "errors" in json.dumps(sent["delivered"]), sent)
    act(one, TOMASZ, submit=reason("moved <tomorrow>"))
    path = f"/api/v1/remediations/{second['id']}"
    check("declined with a reason it is for people", wait(lambda: tomasz.get(path).json["state"] == "manual", 10), tomasz.get(path))
    check("as the message says", wait(lambda: not pressable(of(one, second["id"])) and "moved &lt;tomorrow&gt;" in of(one, second["id"])["text"], 10),
          of(one, second["id"]))
    elsewhere(one, rows)
    records = {it["event"]: it for it in one.demo.api(NOOR).all("/api/v1/audit") if it["event"].startswith("remediation.")}
    check.equal("both are records of the person", {name: (it["actor"], bool(it["actor_user_id"])) for name, it in records.items()},
                {"remediation.approved": (TOMASZ, True), "remediation.declined": (TOMASZ, True)})


def elsewhere(one, rows):
    """What is decided over HTTP loses its buttons in Slack, also when the server was killed in between."""
    tomasz = one.demo.api(TOMASZ)
    group = opened(one, "edge-elsewhere")
    third = wait(lambda: (rows().get(group) or {}).get("state") == "waiting" and rows()[group], 30)
    if not check("a third port waits", third and wait(lambda: of(one, third["id"]), 30), rows()):
        return
    path = f"/api/v1/remediations/{third['id']}"
    check.equal("it is approved over HTTP", tomasz.post(f"{path}/approve", {}).status, 200)
    message = wait(lambda: not pressable(found := of(one, third["id"])) and found, 20)
    check("its message has no buttons any more, and names the approver", message and f"Approved by {TOMASZ}" in message["text"], message)
    check("and the port is closed", wait(lambda: tomasz.get(path).json["state"] == "changed", 30), tomasz.get(path))


def act(one, user, **what):
    answer = one.sim.post("/_slack/act", {"user": user, "settle_ms": 2000, **what})
    assert answer.status == 200, answer
    return answer.json


def of(one, remediation):
    """The message about a remediation that waits, or waited."""
    rows = one.sim.get("/_slack/messages").json["messages"]
    found = [it for it in rows if not it["only_for"] and f"/remediations/{remediation}|" in json.dumps(it["blocks"])]
    return found[0] if found else None


def pressable(message):
    blocks = [it for it in message["blocks"] if it["type"] == "actions"]
    return [element["action_id"] for it in blocks for element in it["elements"]]


def whispers(one, user):
    return [it["text"] for it in one.sim.get("/_slack/messages").json["messages"] if it["only_for"] == user]


def opened(one, name="edge-rdp"):
    """Lets everybody in to a port, and tells Security Hub; the group's id."""
    ec2, account = one.client("ec2", "edge-prod"), one.accounts["edge-prod"]
    group = ec2.create_security_group(GroupName=name, Description="for an hour")["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 3389, "ToPort": 3389, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
    finding = json.loads((ROOT / "demo/finding.json").read_text())[0]
    product = f"arn:aws:securityhub:eu-west-1:{account}:product/{account}/default"
    finding |= {"Id": f"{product}/{name}", "ProductArn": product, "AwsAccountId": account, "Compliance": {"Status": "FAILED", "SecurityControlId": "EC2.19"},
                "Resources": [{"Type": "AwsEc2SecurityGroup", "Id": f"arn:aws:ec2:eu-west-1:{account}:security-group/{group}", "Region": "eu-west-1"}]}
    answer = one.client("securityhub", "edge-prod").batch_import_findings(Findings=[finding])
    assert answer["FailedCount"] == 0, answer
    return group


def vended(one, lines):
    one.runs(lines[0])
    check("a wrong row says all that is wrong", "in use by account" in one.said and "OrgUnit does not exist" in one.said, one.said)
    check.equal("nothing was made", one.made("CreateAccount"), [])
    # killed once the first account is begun, however quick the machine is; the shell says that it killed
    begins = one.stage.path("checkout/one-begins")
    watcher = threading.Thread(target=lambda: (wait(lambda: one.made("CreateAccount"), 120, every=0.1), begins.touch()))
    watcher.start()
    line = lines[1].replace("sleep 4", "until [ -f one-begins ]; do sleep 0.1; done")
    assert line != lines[1], line
    one.runs(line.replace("kill -9 $!", "kill -9 $! && wait $! 2>/dev/null; true"))
    watcher.join()
    begun = len(one.made("CreateAccount"))
    check("it was killed under way", 1 <= begun and "the list is written" not in one.said, (begun, one.said))
    listed = one.runs(lines[2])
    check("its plan is running, without a user", re.search(r'"kind":"org.vend","state":"running"', listed), listed)
    one.runs(lines[3])
    check("the same command makes the rest", one.said.count('"SUCCEEDED"') == 3, one.said)
    one.runs(lines[4])
    rows = list(csv.DictReader(one.said.splitlines()))
    check.equal("the list came back", [it["Status"] for it in rows], ["SUCCEEDED", "INVALID", "SUCCEEDED", "SUCCEEDED"])
    one.runs(lines[5])
    listed = one.client("organizations").get_paginator("list_accounts").paginate().build_full_result()["Accounts"]
    found = {it["Id"] for it in listed if it["Name"].startswith("returns-")}
    check.equal("boto3 sees three, each once", ({it["AccountId"] for it in rows if it["AccountId"]}, len(one.made("CreateAccount"))), (found, 3))


def enrolled(one, lines):
    tower = one.client("controltower")
    names = lambda: {it["targetIdentifier"].rsplit("/", 1)[1]: it["statusSummary"]["status"]
                     for page in tower.get_paginator("list_enabled_baselines").paginate(includeChildren=True) for it in page["enabledBaselines"]}
    account = one.accounts["policy-canary"]
    check("it is not enrolled", account not in names())
    one.runs(lines[0])
    check("gains are shown first", "SandboxRegions" in one.said and account not in names(), one.said)
    one.runs(lines[1])
    check.equal("boto3 sees it enrolled", names().get(account), "SUCCEEDED")


def switched(one, lines):
    def association(account):
        rows = one.client("securityhub", account).batch_get_standards_control_associations(
            StandardsControlAssociationIds=[{"StandardsArn": STANDARD, "SecurityControlId": "IAM.6"}])["StandardsControlAssociationDetails"]
        return [(it["AssociationStatus"], it.get("UpdatedReason")) for it in rows]

    one.runs(lines[0])
    check.equal("nothing is changed before", association("orders-prod"), [("ENABLED", None)])
    one.runs(lines[1])
    off = [("DISABLED", "Root credentials of member accounts are removed centrally")]
    check.equal("boto3 sees the control off, with the reason", [association(it) for it in ("orders-prod", "sandbox-data", "audit")], [off] * 3)
    one.runs(lines[2])
    one.runs(lines[3])
    differs = [line for line in one.said.splitlines() if '"differs"' in line]
    check("one account differs", len(differs) == 1 and one.accounts["orders-prod"] in differs[0] and "IAM.6" in differs[0], one.said[-900:])


def paid(one, lines):
    one.runs(lines[0])
    verdicts = {it: one.said.count(f'"{it}"') for it in ("pass", "fail", "manual", "attested")}
    check("the audit has passes, failures, and what people have to say", all(verdicts.values()), verdicts)
    one.runs(lines[1])


def story(one, lines):
    said = one.runs(lines[0])
    kinds = {"remediate", "remediate.undo", "org.vend", "org.enroll", "org.standards"}
    missing = [kind for kind in kinds if f'"kind":"{kind}"' not in said]
    check.equal("`plan list` shows it all", missing, [])
    check("and nothing is under way any more", '"state":"running"' not in said, said)
    verified = one.stage.run("audit", "verify", one.stage.path("demo/audit"))
    check.equal("the audit log verifies", verified.returncode, 0)
    return [json.loads(line)["plan"] for line in said.splitlines()]


def on_the_page(demo, plans):
    with Browser(demo.base) as browser:
        page = browser.window(PRIYA)
        page.goto(demo.base + "/plans")
        missing = [plan for plan in plans if not page.locator(f"a[href='/plans/{plan}']").count()]
        check.equal("the page of plans has each of them", missing, [])
        check.equal("without a problem", browser.problems, [])


def main():
    lines = sections()
    with Stage("chores") as stage:
        checkout(stage)
        demo = Demo(stage, quiet=True)
        one = Newcomer(stage, demo)
        bucket(one, lines["Remediate a public bucket"])
        asked(one)
        vended(one, lines["Vend three accounts and interrupt it"])
        enrolled(one, lines["Enroll an account in Control Tower"])
        switched(one, lines["Disable a Security Hub control everywhere"])
        paid(one, lines["Audit the payer account"])
        on_the_page(demo, story(one, lines["Review the plans"]))
        stage.stop(demo.process)
    check.end()


if __name__ == "__main__":
    main()
