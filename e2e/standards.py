#!/usr/bin/env python3
"""Standards and controls of Security Hub from a file, against a simulated organization that boto3 changes, too (`organization.md` §4)."""

import datetime
import json
import signal
import sqlite3

import boto3
import botocore.config

from drilled import DEV, MANAGEMENT, PROD, TEST, organization, started
from served import serve_events
from stage import Checks, Stage, parts, wait

check = Checks()
REGIONS = ["eu-west-1", "us-east-1"]
HUBS = [(account, region) for account in (DEV, TEST, PROD) for region in REGIONS]
CIS = "arn:aws:securityhub:::ruleset/cis-aws-foundations-benchmark/v/1.2.0"


def day(ahead):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=ahead)).date().isoformat()


def pci(region):
    return f"arn:aws:securityhub:{region}::standards/pci-dss/v/3.2.1"


def file(until, reason="Root credentials are removed centrally"):
    return f"""defaults:
  standards: {{enable: [pci-dss/v/3.2.1]}}
  controls:
    - {{id: IAM.6, status: DISABLED, reason: "{reason}"}}
    - {{id: S3.7, status: DISABLED, reason: "Replication is covered by backup policy"}}
overrides:
  - match: {{region: eu-west-1}}
    standards: {{enable: [cis-aws-foundations-benchmark/v/1.2.0]}}
exceptions:
  - {{account: "{DEV}", control: EC2.19, status: DISABLED, reason: "test range", until: {until}, ticket: SEC-12}}
"""


def hub(world, account, region, service="securityhub"):
    """Security Hub (or another service) of an account, with the role that Hallpass uses, too."""
    keys = world.environment
    client = lambda service, keys: boto3.client(
        service, endpoint_url=world.endpoint, region_name=region, aws_access_key_id=keys[0], aws_secret_access_key=keys[1],
        aws_session_token=keys[2], config=botocore.config.Config(retries={"total_max_attempts": 10, "mode": "standard"}))
    own = (keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], keys.get("AWS_SESSION_TOKEN"))
    taken = client("sts", own).assume_role(
        RoleArn=f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole", RoleSessionName="e2e")["Credentials"]
    return client(service, (taken["AccessKeyId"], taken["SecretAccessKey"], taken["SessionToken"]))


def off(client):
    """Controls that are off: standard, control, reason."""
    found = set()
    standards = [row["StandardsArn"] for row in client.get_enabled_standards()["StandardsSubscriptions"]]
    for standard in standards:
        rows = client.list_security_control_definitions(StandardsArn=standard)["SecurityControlDefinitions"]
        ids = [{"StandardsArn": standard, "SecurityControlId": row["SecurityControlId"]} for row in rows]
        rows = client.batch_get_standards_control_associations(StandardsControlAssociationIds=ids)
        found |= {(standard.split("/")[1], row["SecurityControlId"], row.get("UpdatedReason"))
                  for row in rows["StandardsControlAssociationDetails"] if row["AssociationStatus"] == "DISABLED"}
    return found


def standards(world, *words):
    ran = world.run("org", "standards", *words, "--regions", ",".join(REGIONS), "-o", "json")
    said = json.loads(ran.stdout) if ran.stdout else {"rows": []}
    rows = {(row["account"], row["region"]): row for row in said["rows"]}
    return ran.returncode, rows, ran.stderr


def outcomes(rows, but=()):
    return {rows[place]["outcome"] for place in HUBS if place not in but}


def calls(world, operation):
    return [it for it in world.sim.get(f"/_sim/calls?operation={operation}&limit=1000").json["calls"] if it["effect"]]


def planned(world, hubs):
    world.stage.path("org-standards.yaml").write_text(file(day(1)))
    world.stage.path("bad.yaml").write_text("defaults:\n  controls:\n    - {id: IAM.6, status: DISABLED}\n")
    world.stage.path("nowhere.yaml").write_text('exceptions:\n  - {account: "999999999999", control: IAM.6, status: ENABLED}\n')
    for name, about in [("bad.yaml", "line 3: `IAM.6` is DISABLED without a `reason`"), ("nowhere.yaml", "999999999999")]:
        code, _, errors = standards(world, "apply", name)
        check(f"{name} is exit 2", code == 2 and about in errors, (code, errors))
    code, rows, errors = standards(world, "plan", "org-standards.yaml", "--detailed-exitcode")
    late = (PROD, "us-east-1")
    check("one hub is off, the others would change", code == 1 and outcomes(rows, but=[late]) == {"would change"}
          and rows[late]["outcome"] == "blocked" and "not enabled" in rows[late]["reason"], (code, rows, errors))
    check.equal("the management account is left out", rows[(MANAGEMENT, "global")]["reason"], "management account")
    check.equal("nothing was written", calls(world, "BatchEnableStandards"), [])
    hubs[late].enable_security_hub(EnableDefaultStandards=False)


def killed(world, hubs):
    """Killed between standards and their controls."""
    world.sim.post("/_sim/faults", {"kind": "latency", "distribution": {"fixed_ms": 1500}, "match": {"operation": "GetEnabledStandards"}})
    process = world.stage.spawn("org", "standards", "apply", "org-standards.yaml", "--regions", ",".join(REGIONS), "--apply", "--yes",
                                log="killed.log", **world.environment)
    check("standards are on", wait(lambda: len(calls(world, "BatchEnableStandards")) == 6, 120, process), world.stage.said("killed.log"))
    world.stage.stop(process, signal.SIGKILL)
    set_before = len(calls(world, "BatchUpdateStandardsControlAssociations"))
    world.sim.call("DELETE", "/_sim/faults")
    code, rows, errors = standards(world, "apply", "org-standards.yaml", "--apply", "--yes")
    check("the same command continues", code == 0 and outcomes(rows) <= {"changed", "unchanged"}, (code, set_before, rows, errors))
    check.equal("no standard was turned on twice", len(calls(world, "BatchEnableStandards")), 6)
    wanted = {("pci-dss", "IAM.6", "Root credentials are removed centrally"), ("pci-dss", "S3.7", "Replication is covered by backup policy")}
    check.equal("boto3 sees controls off, with their reasons", off(hubs[(TEST, "us-east-1")]), wanted)
    both = wanted | {("cis-aws-foundations-benchmark", "IAM.6", "Root credentials are removed centrally")}
    check.equal("in the other Region in two standards", off(hubs[(TEST, "eu-west-1")]), both)
    check.equal("and the exception in one account", off(hubs[(DEV, "us-east-1")]), wanted | {("pci-dss", "EC2.19", "test range")})
    arns = [row["StandardsArn"] for row in hubs[(DEV, "eu-west-1")].get_enabled_standards()["StandardsSubscriptions"]]
    check.equal("the first standard has no Region in its ARN", sorted(arns), sorted([CIS, pci("eu-west-1")]))


def again(world):
    before = len(calls(world, "BatchUpdateStandardsControlAssociations"))
    code, rows, errors = standards(world, "apply", "org-standards.yaml", "--apply", "--yes")
    check("again it changes nothing", code == 0 and outcomes(rows) == {"unchanged"} and "nothing is to be changed" in errors, (code, rows, errors))
    check.equal("and sends nothing", len(calls(world, "BatchUpdateStandardsControlAssociations")), before)
    exported = world.run("org", "standards", "export", "--regions", ",".join(REGIONS))
    world.stage.path("exported.yaml").write_text(exported.stdout)
    code, rows, errors = standards(world, "diff", "exported.yaml", "--fail-on-findings")
    check("what is exported and compared does not differ", exported.returncode == 0 and code == 0 and outcomes(rows) == {"unchanged"},
          (code, rows, errors, exported.stdout, exported.stderr))


def drifted(world, hubs):
    client = hubs[(TEST, "us-east-1")]
    on = {"StandardsArn": pci("us-east-1"), "SecurityControlId": "IAM.6", "AssociationStatus": "ENABLED"}
    client.batch_update_standards_control_associations(StandardsControlAssociationUpdates=[on])
    other = {**on, "SecurityControlId": "KMS.4", "AssociationStatus": "DISABLED", "UpdatedReason": "by hand"}
    client.batch_update_standards_control_associations(StandardsControlAssociationUpdates=[other])
    code, rows, errors = standards(world, "diff", "org-standards.yaml", "--fail-on-findings")
    row = rows.get((TEST, "us-east-1"), {})
    check("changes of other users are seen", code == 3 and row["outcome"] == "differs"
          and [it["SecurityControlId"] for it in row["changes"]["controls"]] == ["IAM.6"]
          and row["notes"] == ["not in the file: KMS.4 is off in pci-dss/v/3.2.1"], (code, row, errors))
    check.equal("no one else differs", outcomes(rows, but=[(TEST, "us-east-1")]), {"unchanged"})
    world.stage.path("org-standards.yaml").write_text(file(day(-1), reason="Moved"))
    code, rows, errors = standards(world, "diff", "org-standards.yaml")
    row = rows.get((DEV, "us-east-1"), {})
    check("an expired exception is reported, and its control comes on", row and row["notes"] ==
          [f"exception expired: EC2.19 (SEC-12) until {day(-1)}"] and [it["SecurityControlId"] for it in row["changes"]["controls"]] == ["EC2.19"], row)
    check.equal("a reason alone is reported as such", [it["SecurityControlId"] for it in row["changes"]["reason_only"]], ["IAM.6"])
    code, rows, errors = standards(world, "apply", "org-standards.yaml", "--apply", "--yes", "--update-reasons")
    check("it is made so", code == 0 and outcomes(rows) == {"changed"}, (code, rows, errors))
    check.equal("with the new reason", off(hubs[(DEV, "us-east-1")]),
                {("pci-dss", "IAM.6", "Moved"), ("pci-dss", "S3.7", "Replication is covered by backup policy")})
    return json.loads(world.run("org", "standards", "apply", "off.yaml", "--regions", "us-east-1", "--accounts", DEV, "--apply", "--yes", "-o", "json").stdout)


def taken_back(world, hubs, said):
    """A standard goes, and comes back with its controls off."""
    client = hubs[(DEV, "us-east-1")]
    gone = lambda: not client.get_enabled_standards()["StandardsSubscriptions"]
    check("a standard is off", said["report"]["state"] == "done" and wait(gone, 30), said)
    undone = world.run("plan", "undo", said["report"]["plan"], "--apply", "--yes", "-o", "json")
    check.equal("undone", undone.returncode, 0)
    check.equal("its controls are off again", off(client),
                {("pci-dss", "IAM.6", "Moved"), ("pci-dss", "S3.7", "Replication is covered by backup policy")})


def without_config(world, hubs):
    """A standard that has nothing to look at."""
    world.stage.path("cis.yaml").write_text("defaults:\n  standards: {enable: [cis-aws-foundations-benchmark/v/3.0.0]}\n")
    world.sim.post("/_sim/faults", {"kind": "fail_async", "reason": "NO_AVAILABLE_CONFIGURATION_RECORDER", "count": 1,
                                    "match": {"operation": "BatchEnableStandards"}})
    code, rows, errors = standards(world, "apply", "cis.yaml", "--accounts", TEST, "--apply", "--yes")
    reasons = sorted(rows[(TEST, region)]["reason"] for region in REGIONS)
    check("one fails with what would help, the other does not", code == 1 and reasons[0] == ""
          and reasons[1].endswith("turn on AWS Config"), (code, rows, errors))
    world.sim.call("DELETE", "/_sim/faults")


def governed(world, hubs):
    """Policies of Organizations govern one Region of an account, and a unit as a whole: nothing is planned against them."""
    kind, made = "SECURITYHUB_CSPM_POLICY", {}
    world.org.enable_policy_type(RootId=world.root, PolicyType=kind)
    for name, target, regions in (("one-region", TEST, ["eu-west-1"]), ("whole", world.units["Prod"], ["ALL_SUPPORTED"])):
        lists = {"enable_in_regions": {"@@assign": regions}, "disable_in_regions": {"@@assign": []}}
        content = json.dumps({"securityhub": {"cspm_enablement": lists}})
        made[name] = world.org.create_policy(Name=name, Description="", Type=kind, Content=content)["Policy"]["PolicySummary"]["Id"]
        world.org.attach_policy(PolicyId=made[name], TargetId=target)
    world.stage.path("governed.yaml").write_text(
        "defaults:\n  controls:\n    - {id: KMS.4, status: DISABLED, reason: governed}\n    - {id: IAM.6, status: DISABLED, reason: Moved}\n"
        "    - {id: S3.7, status: DISABLED, reason: Replication is covered by backup policy}\n")
    before = {place: off(hubs[place]) for place in HUBS if place[0] != DEV}
    ran = world.run("org", "standards", "apply", "governed.yaml", "--regions", ",".join(REGIONS), "--apply", "--yes", "-o", "json")
    said = json.loads(ran.stdout) if ran.stdout else {"rows": []}
    rows = {(row["account"], row["region"]): row for row in said["rows"]}
    blocked = {place for place, row in rows.items() if row["outcome"] == "blocked"}
    check.equal("what policies of Organizations govern is blocked, and a Region that they do not name is not", sorted(blocked),
                sorted([(TEST, "eu-west-1"), (PROD, "eu-west-1"), (PROD, "us-east-1")]))
    reasons = [rows[place]["reason"] for place in ((TEST, "eu-west-1"), (PROD, "us-east-1"))] if rows else ["", ""]
    check("with the policy, its id, where it is attached and what helps", ran.returncode == 1 and "change or detach it" in reasons[0]
          and f"`one-region` ({made['one-region']}) on account {TEST}" in reasons[0]
          and f"`whole` ({made['whole']}) on /Prod ({world.units['Prod']})" in reasons[1], (ran.returncode, reasons, ran.stderr))
    check.equal("the others are made so", {rows[place]["outcome"] for place in HUBS if place[0] == DEV}, {"changed"})
    check.equal("and nothing is changed where it is governed", {place: off(hubs[place]) for place in blocked}, {place: before[place] for place in blocked})
    asked = [it for it in world.sim.get("/_sim/calls?operation=DescribeEffectivePolicy&limit=1000").json["calls"]]
    check.equal("one account of those under the same policies is asked", len(asked), 2)
    exported = world.run("org", "standards", "export", "--regions", ",".join(REGIONS), "--accounts", TEST)
    check("what there is can be exported all the same", exported.returncode == 0 and "pci-dss" in exported.stdout, (exported.stdout, exported.stderr))
    world.stage.path("central.yaml").write_text("defaults:\n  standards: {enable: [pci-dss/v/3.2.1]}\n")
    code, _, errors = standards(world, "apply", "central.yaml", "--mode", "central", "--enable-central")
    check("policies of the administrator are not set against them", code == 4 and "governed by a Security Hub CSPM policy" in errors, (code, errors))
    for name, target in (("one-region", TEST), ("whole", world.units["Prod"])):
        world.org.detach_policy(PolicyId=made[name], TargetId=target)
    code, rows, errors = standards(world, "diff", "governed.yaml")
    check("detached, they govern nothing", "blocked" not in outcomes(rows), (code, rows, errors))
    undone = world.run("plan", "undo", said["report"]["plan"], "--apply", "--yes")
    check("taken back", undone.returncode == 0, (undone.stdout, undone.stderr))


def central(world, hubs):
    """The administrator configures the organization: the file becomes policies."""
    management = world.client("securityhub", world.environment)
    management.enable_organization_admin_account(AdminAccountId=DEV)
    administrator = hubs[(DEV, "eu-west-1")]
    code, _, errors = standards(world, "apply", "org-standards.yaml", "--mode", "central")
    check("policies are refused where there are none", code == 4 and "not configured centrally" in errors, (code, errors))
    kind = lambda: administrator.describe_organization_configuration()["OrganizationConfiguration"]["ConfigurationType"]
    enable = ("org", "standards", "apply", "central.yaml", "--mode", "central", "--enable-central")
    code, _, errors = standards(world, "apply", "org-standards.yaml", *enable[4:], "--apply", "--yes")
    check("settings that policies cannot express are reported before anything is switched", code == 2 and "needs local mode" in errors and kind() == "LOCAL", (code, errors))
    world.stage.path("central.yaml").write_text("defaults:\n  standards: {enable: [pci-dss/v/3.2.1]}\n")
    ran = world.run(*enable, "--detailed-exitcode")
    check("letting policies configure it is planned first", ran.returncode == 3 and "are not enabled automatically in new accounts" in ran.stderr and kind() == "LOCAL",
          (ran.returncode, ran.stderr))
    ran = world.run(*enable, "--apply", "--yes", "-o", "json")
    check("and then done", ran.returncode == 0 and kind() == "CENTRAL", (ran.returncode, ran.stderr))
    ran = world.run("plan", "undo", json.loads(ran.stdout)["plan"], "--apply", "--yes")
    check("taken back", ran.returncode == 0 and kind() == "LOCAL", (ran.returncode, ran.stderr))
    ran = world.run(*enable, "--apply", "--yes")
    check("and done again", ran.returncode == 0 and kind() == "CENTRAL", (ran.returncode, ran.stderr))
    code, _, errors = standards(world, "apply", "org-standards.yaml")
    check("a Region alone is no matter of policies", code == 2 and "line 7: needs local mode" in errors, (code, errors))
    world.stage.path("central.yaml").write_text(f"""defaults:
  standards: {{enable: [pci-dss/v/3.2.1]}}
  controls:
    - {{id: IAM.6, status: DISABLED, reason: central}}
exceptions:
  - {{ou: /NonProd, control: S3.7, status: DISABLED, reason: backup}}
""")
    ran = world.run("org", "standards", "apply", "central.yaml", "--apply", "--yes", "-o", "json")
    rows = {row["account"]: row["outcome"] for row in json.loads(ran.stdout)["rows"]} if ran.stdout else {}
    check("two policies: at the root and at a unit", ran.returncode == 0 and rows == {world.root: "changed", world.units["NonProd"]: "changed"},
          (ran.returncode, rows, ran.stderr))
    names = [row["Name"] for row in administrator.list_configuration_policies()["ConfigurationPolicySummaries"]]
    check("named as Hallpass's", len(names) == 2 and all(name.startswith("hallpass-") for name in names), names)
    found = administrator.get_configuration_policy_association(Target={"AccountId": PROD})
    check.equal("boto3 sees what an account inherits", (found["AssociationType"], found["AssociationStatus"]), ("INHERITED", "SUCCESS"))
    check.equal("controls are off by it", {row[1] for row in off(hubs[(TEST, "us-east-1")])}, {"IAM.6", "S3.7"})
    code, rows, errors = standards(world, "diff", "central.yaml", "--fail-on-findings")
    check("again nothing differs", code == 0 and {row["outcome"] for row in rows.values()} == {"unchanged"}, (code, rows, errors))
    code, rows, errors = standards(world, "apply", "org-standards.yaml", "--mode", "local")
    check("accounts under it are left to it", code == 1 and outcomes(rows) == {"blocked"}, (code, rows, errors))


RULE = {"account": MANAGEMENT, "region": "eu-west-1", "queue": "hallpass-events", "source": "aws.controltower"}


def event(name, source, kind, **detail):
    """As EventBridge brings it to a queue."""
    return json.dumps({
        "version": "0", "id": f"e2e-{name}", "detail-type": kind, "source": source, "account": MANAGEMENT, "region": "eu-west-1",
        "time": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), "resources": [], "detail": detail})


def made(account):
    """Control Tower is done with an account."""
    status = {"state": "SUCCEEDED", "account": {"accountName": "new", "accountId": account}}
    return event(f"made-{account}", "aws.controltower", "AWS Service Event via CloudTrail",
                 eventName="CreateManagedAccount", serviceEventDetails={"createManagedAccountStatus": status})


def turned_on(account):
    """Somebody turned Security Hub on in an account, as CloudTrail tells."""
    return event(f"on-{account}", "aws.securityhub", "AWS API Call via CloudTrail",
                 eventSource="securityhub.amazonaws.com", eventName="EnableSecurityHub", recipientAccountId=account)


def follows(stage):
    """A server that makes new accounts follow the file: those it finds, those whose hub comes on later, and nobody twice."""
    world = started(stage, event_rules=[RULE])
    region = "eu-west-1"
    hubs = {account: hub(world, account, region) for account in (DEV, TEST, PROD)}
    hubs[DEV].enable_security_hub(EnableDefaultStandards=False)
    stage.path("standards.yaml").write_text(
        "defaults:\n  standards: {enable: [pci-dss/v/3.2.1]}\n  controls:\n"
        "    - {id: IAM.6, status: DISABLED, reason: central}\n")
    path = stage.path("hallpass.toml")
    path.write_text(path.read_text() + '[aws]\nregion = "eu-west-1"\n[standards]\nfile = "standards.yaml"\nmode = "enforce"\nregions = ["eu-west-1"]\n')
    queue = world.client("sqs", world.environment)
    url = queue.get_queue_url(QueueName="hallpass-events")["QueueUrl"]
    process, ready = serve_events(stage, world.environment, url)
    check("a server follows a file", ready, stage.said("serve.log")[-800:])
    wanted = {("pci-dss", "IAM.6", "central")}
    is_wanted = lambda account: wait(lambda: off(hubs[account]) == wanted, 60, process)
    check("an account that it finds is made so", is_wanted(DEV), stage.said("serve.log")[-800:])
    queue.send_message(QueueUrl=url, MessageBody=made(PROD))
    later = lambda: "cannot be set yet" in stage.said("serve.log") and PROD in stage.said("serve.log")
    check("a new account whose hub is off waits", wait(later, 30, process), stage.said("serve.log")[-800:])
    check.equal("and nothing is changed in it", [it for it in calls(world, "BatchEnableStandards") if it.get("account") == PROD], [])
    hubs[PROD].enable_security_hub(EnableDefaultStandards=False)
    began = datetime.datetime.now()
    queue.send_message(QueueUrl=url, MessageBody=turned_on(PROD))
    check("once it is on, it is made so", is_wanted(PROD), stage.said("serve.log")[-800:])
    print(f"      standards of a new account in {(datetime.datetime.now() - began).total_seconds():.1f} s after its hub came on")
    check.equal("the other account was left alone", hubs[TEST].meta.region_name and len(calls(world, "BatchEnableStandards")), 2)
    both = [("org.standards", "done"), ("org.standards", "done")]

    def states():
        listed = world.run("plan", "list", "--output", "jsonl").stdout.splitlines()
        return sorted((json.loads(line)["kind"], json.loads(line)["state"]) for line in listed)

    # the account is as wanted a moment before its plan is over
    wait(lambda: states() == both, 30, process)
    check.equal("plan list shows both", states(), both)
    queue.send_message(QueueUrl=url, MessageBody=made(DEV))
    seen = lambda: stage.said("serve.log").count('"as_wanted"') >= 1
    check("requested again, nothing is sent", wait(seen, 30, process) and len(calls(world, "BatchEnableStandards")) == 2,
          stage.said("serve.log")[-800:])
    stage.stop(process)


MANY = [f"5{number:011}" for number in range(1, 141)]
WRONG = "defaults:\n  controls:\n    - {id: S3.7, status: DISABLED, reason: a line that is wrong}\n"


def modes(stage):
    """A wrong line in the file, and an event in each of 38 accounts: told, or ten a day; and 140 accounts on pages of a hundred."""
    more = [{"id": id, "name": f"many-{id[-3:]}", "email": f"{id}@acme.example", "ou": "NonProd"} for id in MANY]
    world = started(stage, event_rules=[RULE], accounts=organization()["accounts"] + more)
    region, accounts = "eu-west-1", MANY[:38]
    hubs = {account: hub(world, account, region) for account in accounts}
    for client in hubs.values():
        client.enable_security_hub(EnableDefaultStandards=False)
        client.batch_enable_standards(StandardsSubscriptionRequests=[{"StandardsArn": pci(region)}])
    last = lambda: hubs[accounts[-1]].get_enabled_standards()["StandardsSubscriptions"][0]["StandardsControlsUpdatable"]
    check("38 accounts have a standard", wait(lambda: last() == "READY_FOR_UPDATES", 60))
    queue = world.client("sqs", world.environment)
    url = queue.get_queue_url(QueueName="hallpass-events")["QueueUrl"]
    stage.path("standards.yaml").write_text(WRONG)
    path = stage.path("hallpass.toml")
    base = path.read_text()
    disabled = lambda client: any(control == "S3.7" for _, control, _ in off(client))
    changed = lambda: {account for account, client in hubs.items() if disabled(client)}

    def serve(mode, run):
        """All accounts have an event; what the server said of it."""
        path.write_text(base + f'[aws]\nregion = "{region}"\n[standards]\nfile = "standards.yaml"\nregions = ["{region}"]\n{mode}')
        process, ready = serve_events(stage, world.environment, url)
        check(f"{run}: a server starts", ready, stage.said("serve.log")[-800:])
        before = stage.said("serve.log").count("standards of an account were checked")
        for account in accounts:
            queue.send_message(QueueUrl=url, MessageBody=turned_on(account).replace(f"on-{account}", f"{run}-{account}"))
        looked = lambda: stage.said("serve.log").count("standards of an account were checked") - before >= 38
        check(f"{run}: all are checked", wait(looked, 240, process), stage.said("serve.log")[-800:])
        stage.stop(process)
        kept = sqlite3.connect(stage.path("hallpass.db")).execute("SELECT body FROM alert_states").fetchall()
        rows = [row for text, in kept for row in json.loads(text)["rows"].values()]
        return [row["values"] for row in rows]

    told = serve("", "notify")
    check("by default nothing is changed, and the accounts are reported together", not changed() and len(told) == 38, (changed(), told))
    serve('mode = "new"\n', "new")
    check.equal("nothing is changed either where the file was not applied, and no account is new", changed(), set())
    told = serve('mode = "enforce"\n', "enforce")
    check.equal("enforced, ten a day are", len(changed()), 10)
    said = json.dumps(told)
    check("each is reported with who changed it, or as unknown", said.count("was put back") == 10 and "changed by unknown" in said, said[:1500])
    serve('mode = "enforce"\n', "again")
    check.equal("and no more after a restart", len(changed()), 10)
    paged(world)


def paged(world):
    """Detective shows a hundred members on a page."""
    world.stage.path("delegate.yaml").write_text(
        f'services:\n  - {{service: detective, account: "{DEV}", regions: [eu-west-1], members: all, '
        'invite: [{account: "999988887777", email: root@other.example}], invitation_mail: none}\n')
    members = len(MANY) + 3  # all but the administrator
    ran = world.run("org", "delegate", "delegate.yaml", "--max-changes", "500", "--apply", "--yes", "-o", "json")
    said = json.loads(ran.stdout)
    row = said["rows"][0]
    check("an account outside is invited, which is under way", row["outcome"] == "in_progress" and "999988887777" in row["reason"], (row, ran.stderr))
    client = hub(world, DEV, "eu-west-1", "detective")
    graph = client.list_graphs()["GraphList"][0]["Arn"]
    first = client.list_members(GraphArn=graph)
    rest = client.list_members(GraphArn=graph, NextToken=first["NextToken"])
    check.equal("all are members, on two pages", len(first["MemberDetails"]) + len(rest["MemberDetails"]), members + 1)
    before = len(calls(world, "CreateMembers"))
    ran = world.run("org", "delegate", "delegate.yaml", "--apply", "--yes", "-o", "json")
    row = json.loads(ran.stdout)["rows"][0]
    check("again no account is called twice", len(calls(world, "CreateMembers")) == before and row["outcome"] == "in_progress", (row, ran.stderr))


def mistyped(world):
    """What nobody knows is bad input, and what is not there here is not."""
    for text, about in [("defaults:\n  controls:\n    - {id: IAM.66, status: ENABLED}\n", ["line 3", "`IAM.66`", "did you mean"]),
                        ("defaults:\n  standards: {enable: [pci-ds/v/3.2.1]}\n", ["line 2", "`pci-ds/v/3.2.1`", "`pci-dss/v/3.2.1`"]),
                        ("overrides:\n  - match: {region: eu-wset-1}\n    standards: {enable: [pci-dss/v/3.2.1]}\n", ["line 2", "eu-wset-1", "`eu-west-1`"]),
                        ("overrides:\n  - match: {ou: /NonPrd}\n    standards: {enable: [pci-dss/v/3.2.1]}\n", ["line 2", "/NonPrd", "`/NonProd`"])]:
        world.stage.path("typo.yaml").write_text(text)
        code, _, errors = standards(world, "apply", "typo.yaml", "--apply")
        check(f"{about[1]} is exit 2 with its line and the nearest name", code == 2 and all(it in errors for it in about), (code, errors))
    ran = world.run("org", "standards", "diff", "org-standards.yaml", "--regions", "mars-1")
    check("so is a Region of a flag", ran.returncode == 2 and "`mars-1` is no Region" in ran.stderr, (ran.returncode, ran.stderr))


def by_hand(world, hubs):
    """Somebody turns a control off between review and apply."""
    client, place = hubs[(TEST, "us-east-1")], (TEST, "us-east-1")
    world.stage.path("review.yaml").write_text(
        "defaults:\n  controls:\n    - {id: EC2.19, status: DISABLED, reason: reviewed}\n    - {id: KMS.4, status: DISABLED, reason: reviewed}\n")
    only = ("--regions", "us-east-1", "--accounts", TEST)
    reviewed = json.loads(world.run("org", "standards", "apply", "review.yaml", *only, "-o", "json").stdout)["report"]["plan"]
    row = {"StandardsArn": pci("us-east-1"), "SecurityControlId": "EC2.19", "AssociationStatus": "DISABLED", "UpdatedReason": "by hand"}
    client.batch_update_standards_control_associations(StandardsControlAssociationUpdates=[row])
    ran = world.run("plan", "resume", reviewed, "--yes", "-o", "json")
    said = json.loads(ran.stdout)
    target = said["targets"][0]
    check("changes of other users are drifted by name", ran.returncode == 1 and target["outcome"] == "drifted" and "EC2.19" in target["reason"], (said, ran.stderr))
    now = off(client)
    check("it stays, and the other is set", ("pci-dss", "EC2.19", "by hand") in now and ("pci-dss", "KMS.4", "reviewed") in now, now)
    ran = world.run("plan", "undo", reviewed, "--apply", "--yes", "-o", "json")
    now = off(client)
    check("undoing takes back what was set alone", ran.returncode == 0 and ("pci-dss", "EC2.19", "by hand") in now
          and ("pci-dss", "KMS.4", "reviewed") not in now, (now, ran.stdout, ran.stderr))
    client.batch_update_standards_control_associations(StandardsControlAssociationUpdates=[{**row, "AssociationStatus": "ENABLED"}])


def hub_in_one_run(world):
    """Nobody's hub is on in the Region: it, its standard and its controls come in one plan."""
    client = hub(world, TEST, "eu-central-1")
    world.stage.path("fresh.yaml").write_text(
        "defaults:\n  standards: {enable: [pci-dss/v/3.2.1]}\n  controls:\n    - {id: IAM.6, status: DISABLED, reason: fresh}\n")
    apply = ("org", "standards", "apply", "fresh.yaml", "--regions", "eu-central-1", "--accounts", TEST, "--enable-hub", "--apply", "--yes", "-o", "json")
    ran = world.run(*apply)
    row = [it for it in json.loads(ran.stdout)["rows"] if it["account"] == TEST][0]
    check("a hub comes on with its standards and controls in one run", ran.returncode == 0 and row["outcome"] == "changed"
          and off(client) == {("pci-dss", "IAM.6", "fresh")}, (row, ran.stderr))
    ran = world.run(*apply)
    check("a second changes nothing", ran.returncode == 0 and "nothing is to be changed" in ran.stderr, (ran.stdout, ran.stderr))


def by_command(stage):
    """Everything that the command does, one thing after the other on one organization."""
    world = started(stage, finding_aggregation="eu-west-1")
    hubs = {place: hub(world, *place) for place in HUBS}
    for place, client in hubs.items():
        if place != (PROD, "us-east-1"):
            client.enable_security_hub(EnableDefaultStandards=False)
    stage.path("off.yaml").write_text("defaults:\n  standards: {disable: [pci-dss/v/3.2.1]}\n")
    planned(world, hubs)
    killed(world, hubs)
    again(world)
    mistyped(world)
    by_hand(world, hubs)
    hub_in_one_run(world)
    said = drifted(world, hubs)
    taken_back(world, hubs, said)
    governed(world, hubs)
    without_config(world, hubs)
    central(world, hubs)
    done = stage.run("audit", "verify")
    check.equal("the audit log verifies", done.returncode, 0)


PARTS = {"command": by_command, "modes": modes, "new": follows}


def main():
    for part in parts(*PARTS):
        with Stage(f"standards-{part}") as stage:
            PARTS[part](stage)
    check.end()


if __name__ == "__main__":
    main()
