#!/usr/bin/env python3
"""Existing accounts come under a simulated Control Tower: checked, Config taken away and brought back, moved, killed and gone on
with, and through Account Factory; boto3 looks at what came of it (`organization.md` §7)."""

import json
import signal
import time

import boto3
import botocore.config
import botocore.exceptions
import botocore.model

from served import ended_by_events, longest_wait, serve_events
from stage import Api, Checks, Stage, parts, wait
from drilled import ANA, MANAGEMENT, SCP, World

# Service Catalog offers CBOR first, which is not simulated
for name in ("PRIORITY_ORDERED_SUPPORTED_PROTOCOLS", "PRIORITY_ORDERED_PROTOCOLS"):
    if hasattr(botocore.model, name):
        setattr(botocore.model, name, [it for it in getattr(botocore.model, name) if "cbor" not in it])

check = Checks()
LOGS, AUDIT, OLD, ERP, ODD, STRAY, SHOP = (f"{n}" * 12 for n in "2356784")
REGIONS = ["eu-west-1", "us-east-1"]
QUEUE = "hallpass-events"
EVENTS = [{"account": MANAGEMENT, "region": "eu-west-1", "queue": QUEUE, "source": "aws.controltower"}]
FULL = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "ec2:TerminateInstances", "Resource": "*"}]}


def organization(**tower):
    account = lambda id, name, ou, **more: {"id": id, "name": name, "email": f"{name.split()[0]}@acme.example", "ou": ou, **more}
    return {
        "version": 1, "seed": 5,
        "organization": {"id": "o-ab12cd34ef", "root": "r-ab12", "management_account": MANAGEMENT, "policy_types": [SCP],
                         "service_access": ["sso.amazonaws.com"]},
        "ous": [{"name": "Security"}, {"name": "Legacy"}, {"name": "Workloads"}, {"name": "Team", "parent": "Workloads"}],
        "accounts": [account(MANAGEMENT, "payer", None), account(LOGS, "logs", "Security"), account(AUDIT, "audit", "Security"),
                     account(OLD, "old", "Legacy", state="SUSPENDED"), account(ERP, "erp", "Legacy"),
                     account(ODD, "Vinj@k Unmgd 2", "Legacy"), account(STRAY, "stray", None, joined_method="INVITED"),
                     account(SHOP, "shop", "Workloads")],
        "iam": {ERP: {"roles": [{"name": "AWSControlTowerExecution", "trust": [f"arn:aws:iam::{MANAGEMENT}:root"],
                                 "policies": ["AdministratorAccess"]}]}},
        "policies": [{"name": "LegacyGuard", "type": SCP, "content": FULL, "targets": ["Legacy"]}],
        "event_rules": EVENTS,
        "config_recorders": [{"account": ERP, "region": "eu-west-1"}],
        "control_tower": {"version": "3.3", "remediation_types": ["INHERITANCE_DRIFT"], "home_region": "eu-west-1",
                          "governed_regions": REGIONS, "log_archive": LOGS, "audit": AUDIT,
                          "units": ["Security", "Workloads", "Team"],
                          "controls": [{"unit": "Workloads", "control": "AWS-GR_RESTRICT_ROOT_USER"}], **tower},
        "identity_center": {
            "instance_arn": "arn:aws:sso:::instance/ssoins-0123456789abcdef", "identity_store_id": "d-1234567890",
            "home_region": "eu-west-1", "users": [{"user_name": ANA, "given_name": "ana", "family_name": "X", "email": ANA}],
            "permission_sets": [{"name": "Reader", "session_duration": "PT1H"}], "assignments": []},
    }


def started(stage, **tower):
    stage.path("organization.json").write_text(json.dumps(organization(**tower)))
    _, endpoint, environment = stage.simulator("--organization", stage.path("organization.json"), "--speed", "fast")
    stage.path("hallpass.toml").write_text('[store]\nurl = "sqlite:hallpass.db"\n[aws]\nregion = "eu-west-1"\n')
    world = World(stage, Api(endpoint), endpoint, environment)
    world.endpoint = endpoint
    return world


def client(world, service, account=None, region="eu-west-1"):
    keys = world.environment
    make = lambda service, keys: boto3.client(
        service, endpoint_url=world.endpoint, region_name=region, aws_access_key_id=keys[0], aws_secret_access_key=keys[1],
        aws_session_token=keys[2], config=botocore.config.Config(retries={"total_max_attempts": 10, "mode": "standard"}))
    own = (keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], keys.get("AWS_SESSION_TOKEN"))
    if account is None:
        return make(service, own)
    role = "AWSControlTowerExecution" if account == ERP else "OrganizationAccountAccessRole"
    taken = make("sts", own).assume_role(RoleArn=f"arn:aws:iam::{account}:role/{role}", RoleSessionName="e2e")["Credentials"]
    return make(service, (taken["AccessKeyId"], taken["SecretAccessKey"], taken["SessionToken"]))


def enroll(world, *words):
    ran = world.run("org", "enroll", *words, "-o", "json")
    return ran.returncode, json.loads(ran.stdout) if ran.stdout else None, ran.stderr


def statuses(said):
    return {row["account"]: row["status"] for row in said["accounts"]} if said else None


def calls(world, operation):
    return [it for it in world.sim.get(f"/_sim/calls?operation={operation}&limit=1000").json["calls"] if it["effect"]]


def enrolled(world):
    """Accounts that Control Tower has, as boto3 sees them."""
    rows = client(world, "controltower").get_paginator("list_enabled_baselines").paginate(includeChildren=True)
    rows = [row for page in rows for row in page["enabledBaselines"]]
    # that of Identity Center is on the management account, and enrols nobody
    accounts = [row for row in rows if ":account/" in row["targetIdentifier"] and "parentIdentifier" in row]
    return {row["targetIdentifier"].split("/")[-1]: row["statusSummary"]["status"] for row in accounts}


def looked(world):
    tower = client(world, "controltower")
    zone = tower.get_landing_zone(landingZoneIdentifier=tower.list_landing_zones()["landingZones"][0]["arn"])["landingZone"]
    check.equal("boto3 reads the landing zone", (zone["version"], zone["remediationTypes"], zone["manifest"]["governedRegions"]),
                ("3.3", ["INHERITANCE_DRIFT"], REGIONS))
    check.equal("and who is enrolled", enrolled(world), {LOGS: "SUCCEEDED", AUDIT: "SUCCEEDED", SHOP: "SUCCEEDED"})


def checked(world):
    sources = ("--ou-from", "Legacy", "--account", STRAY, "--account", SHOP, "--to", "Workloads")
    code, rows, errors = enroll(world, *sources, "--via", "account-factory", "--check-only")
    failed = sorted((row["target"], row["id"]) for row in rows if row["status"] == "fail" and row["severity"] == "error")
    check.equal("the obstacles are listed", failed, sorted([
        (SHOP, "already-managed"), (f"{ERP} eu-west-1", "config-recorder"), (f"{ERP} eu-west-1", "delivery-channel"), (ODD, "role-missing"),
        (STRAY, "role-missing"), (STRAY, "in-root"), (STRAY, "no-trusted-role")]))
    check("and the verdict", code == 1 and "PRECHECK FAILED" in errors, (code, errors))
    ran = world.run("org", "enroll", *sources, "--check-only", "--junit", "checks.xml")
    suite = world.stage.path("checks.xml").read_text()
    check("a JUnit suite", ran.returncode == 1 and 'name="Enrolment in Control Tower"' in suite and "<failure" in suite, ran.stderr)
    code, _, errors = enroll(world, "--account", ODD, "--to", "ou-ab12-nothere01")
    check("a unit that is not there is exit 2", code == 2 and "the unit does not exist" in errors, (code, errors))
    code, _, errors = enroll(world, "--account", ODD, "--to", "Legacy")
    check("and not one that is not governed", code == 2 and "does not govern" in errors, (code, errors))
    tower = client(world, "controltower")
    kind = next(row["arn"] for row in tower.list_baselines()["baselines"] if row["name"] == "AWSControlTowerBaseline")
    target = f"arn:aws:organizations::{MANAGEMENT}:ou/o-ab12cd34ef/{world.units['Legacy']}"
    try:
        tower.enable_baseline(baselineIdentifier=kind, baselineVersion="4.0", targetIdentifier=target)
        refused = "taken"
    except tower.exceptions.ValidationException as error:
        refused = str(error)
    check("a unit is not registered without its Identity Center", "IdentityCenterEnabledBaselineArn" in refused, refused)
    written = [it for it in world.sim.get("/_sim/calls?limit=5000").json["calls"] if it["effect"] and it["service"] != "sts"]
    check.equal("nothing was written", written, [])


def fixed(world):
    config = client(world, "config", ERP)
    before = (config.describe_configuration_recorders()["ConfigurationRecorders"], config.describe_delivery_channels()["DeliveryChannels"])
    ran = world.run("org", "enroll", "--ou-from", "Legacy", "--to", "Workloads", "--fix", "config", "--apply", "--yes", "-o", "json")
    plan = json.loads(ran.stdout)["plan"]
    gone = (config.describe_configuration_recorders()["ConfigurationRecorders"], config.describe_delivery_channels()["DeliveryChannels"])
    check.equal("recorder and channel are gone", (ran.returncode, gone), (0, ([], [])))
    ran = world.run("plan", "undo", plan, "--apply", "--yes", "-o", "json")
    back = (config.describe_configuration_recorders()["ConfigurationRecorders"], config.describe_delivery_channels()["DeliveryChannels"])
    recording = [row["recording"] for row in config.describe_configuration_recorder_status()["ConfigurationRecordersStatus"]]
    check.equal("and come back as they were", (ran.returncode, back, recording), (0, before, [True]))
    ran = world.run("org", "enroll", "--ou-from", "Legacy", "--to", "Workloads", "--fix", "config", "--apply", "--yes", "-o", "json")
    check.equal("gone again", ran.returncode, 0)


def moved(world):
    """Killed while Control Tower is at work, and gone on with."""
    words = ("--ou-from", "Legacy", "--to", "Workloads", "--create-role", "account")
    code, said, errors = enroll(world, *words)
    rows = {row["account"]: row for row in said["accounts"]} if said else {}
    check("a dry run", code == 0 and statuses(said) == {OLD: "SKIPPED", ERP: "CHECKED", ODD: "CHECKED"} and said["via"] == "move", (code, said, errors))
    check.equal("shows what is lost and gained", rows[ERP]["exchange"], {
        "policies_gained": [], "policies_lost": ["LegacyGuard"], "controls_gained": ["AWS-GR_RESTRICT_ROOT_USER"], "controls_lost": []})
    slow = lambda operation, ms: world.sim.post("/_sim/faults", {
        "kind": "latency", "distribution": {"fixed_ms": ms}, "match": {"operation": operation}}).json["ids"][0]
    begun = lambda fault: next(it["fired"] for it in world.sim.get("/_sim/faults").json["faults"] if it["id"] == fault)
    moves = slow("MoveAccount", 5000)
    process = world.stage.spawn("org", "enroll", *words, "--apply", "--yes", log="killed.log", **world.environment)
    # while the first move waits: nobody is told any more how far Control Tower is, so that it does not come to an end before it is killed
    wait(lambda: begun(moves), 120, process)
    asks = slow("ListEnabledBaselines", 60000)
    world.sim.call("DELETE", f"/_sim/faults/{moves}")
    check("one is moved", wait(lambda: begun(asks) and calls(world, "MoveAccount"), 120, process), world.stage.said("killed.log"))
    world.stage.stop(process, signal.SIGKILL)
    world.sim.call("DELETE", "/_sim/faults")
    code, said, errors = enroll(world, *words, "--apply", "--yes")
    check("the same command continues", code == 0 and "going on" in errors
          and statuses(said) == {OLD: "SKIPPED", ERP: "ENROLLED", ODD: "ENROLLED"}, (code, said, errors))
    check.equal("each was moved once", len(calls(world, "MoveAccount")), 2)
    check.equal("and nothing was launched", calls(world, "ProvisionProduct"), [])
    check.equal("boto3 sees them enrolled", enrolled(world)[ERP] + enrolled(world)[ODD], "SUCCEEDED" * 2)
    role = client(world, "iam", ODD).list_attached_role_policies(RoleName="AWSControlTowerExecution")["AttachedPolicies"]
    check.equal("with the role that Control Tower enters by", [it["PolicyName"] for it in role], ["AdministratorAccess"])
    undone = world.run("plan", "undo", said["report"]["plan"])
    told = undone.stdout + undone.stderr
    check("undoing says how to move one back, and does not", "aws organizations move-account" in told, told)


def stale(world):
    """A plan of yesterday: what would fail after the move is said before it."""
    code, said, errors = enroll(world, "--account", ODD, "--to", "Workloads", "--create-role", "account")
    plan = said["report"]["plan"]
    check.equal("an enrolment is planned", (code, statuses(said)), (0, {ODD: "CHECKED"}))
    old = next(it["Id"] for it in world.org.list_parents(ChildId=ODD)["Parents"])
    world.org.update_organizational_unit(OrganizationalUnitId=world.units["Workloads"], Name="Renamed")
    ran = world.run("plan", "resume", plan, "--apply")
    shown = ran.stdout + ran.stderr + world.run("plan", "show", plan, "-o", "json").stdout
    parent = next(it["Id"] for it in world.org.list_parents(ChildId=ODD)["Parents"])
    check("its unit is another by now: the account is not moved", ran.returncode == 1 and parent == old and calls(world, "MoveAccount") == []
          and "is called `Renamed` by now" in shown, (ran.returncode, shown))
    world.org.update_organizational_unit(OrganizationalUnitId=world.units["Workloads"], Name="Workloads")


def failing(world):
    """One that Control Tower does not enrol: the others go on, and it is told where it stands."""
    world.org.move_account(AccountId=ERP, SourceParentId=world.units["Workloads"], DestinationParentId=world.units["Legacy"])
    world.org.move_account(AccountId=ODD, SourceParentId=world.units["Workloads"], DestinationParentId=world.units["Legacy"])
    world.sim.post("/_sim/faults", {"kind": "fail_async", "reason": "sample reason", "count": 1, "match": {"operation": "MoveAccount"}})
    code, said, errors = enroll(world, "--account", ERP, "--account", ODD, "--to", "/Workloads/Team", "--apply", "--yes")
    found = sorted((statuses(said) or {}).values())
    why = " ".join(row["why"] for row in said["accounts"]) if said else ""
    check("one fails, the other is enrolled", code == 1 and found == ["ENROLLED", "FAILED"] and "move-account" in why, (code, said, errors))
    world.sim.call("DELETE", "/_sim/faults")


def launched(stage):
    """An older landing zone: the baseline again, and Account Factory where it is asked for."""
    world = started(stage, version="3.0", remediation_types=[])
    code, said, errors = enroll(world, "--account", ODD, "--to", "Workloads", "--apply", "--yes")
    check("the baseline is set again, and said why", code == 0 and said["via"] == "baseline" and "landing zone 3.0" in said["reason"]
          and statuses(said) == {ODD: "ENROLLED"}, (code, said, errors))
    check.equal("one reset each", [len(calls(world, it)) for it in ("ResetEnabledBaseline", "ResetEnabledControl")], [1, 1])
    controls = client(world, "controltower").list_enabled_controls(includeChildren=True)["enabledControls"]
    held = {row["targetIdentifier"].split("/")[-1] for row in controls if ":account/" in row["targetIdentifier"]}
    check.equal("the control holds in it", held, {SHOP, ODD})
    code, said, errors = enroll(world, "--account", ERP, "--to", "Workloads", "--via", "account-factory", "--allow-config", ERP, "--apply", "--yes")
    products = client(world, "servicecatalog").search_provisioned_products()["ProvisionedProducts"]
    check("Account Factory tried one that has a recorder", code == 1 and "configuration recorder" in str(said)
          and [(it["Name"], it["Status"]) for it in products] == [("Enroll-Account-erp", "ERROR")], (code, said, errors, products))


def registered(stage):
    """A unit that Control Tower does not govern, with all accounts in it: whole, or not at all."""
    world = started(stage, version="3.3", remediation_types=[])
    whole = ("--ou-from", "Legacy", "--to", "Legacy")
    sent = lambda: [len(calls(world, it)) for it in ("EnableBaseline", "MoveAccount", "ProvisionProduct", "ResetEnabledBaseline")]
    code, said, errors = enroll(world, *whole, "--apply", "--yes")
    check("an account that cannot be enrolled stops the unit", code == 1 and said["via"] == "register"
          and statuses(said) == {OLD: "SKIPPED", ERP: "CHECK_FAILED", ODD: "CHECK_FAILED"}, (code, said, errors))
    check.equal("and nothing was sent", sent(), [0, 0, 0, 0])
    enroll(world, *whole, "--fix", "config", "--apply", "--yes")
    code, said, errors = enroll(world, *whole)
    check("a dry run", code == 0 and statuses(said) == {OLD: "SKIPPED", ERP: "CHECKED", ODD: "CHECKED"} and sent() == [0, 0, 0, 0],
          (code, said, errors))
    code, said, errors = enroll(world, *whole, "--apply", "--yes")
    check("the unit is registered, and its accounts are enrolled", code == 0
          and statuses(said) == {OLD: "SKIPPED", ERP: "ENROLLED", ODD: "ENROLLED"}, (code, said, errors))
    check.equal("by one call", sent(), [1, 0, 0, 0])
    rows = client(world, "controltower").list_enabled_baselines()["enabledBaselines"]
    found = {row["targetIdentifier"].split("/")[-1]: row["statusSummary"]["status"] for row in rows}
    check.equal("boto3 sees the unit", found.get(world.units["Legacy"]), "SUCCEEDED")
    check.equal("and its accounts", [enrolled(world).get(it) for it in (ERP, ODD)], ["SUCCEEDED"] * 2)
    undone = world.run("plan", "undo", said["report"]["plan"])
    check("undoing says that it stays", "stays registered" in undone.stdout + undone.stderr, undone.stdout + undone.stderr)


def by_stack_set(stage):
    """Accounts that nothing lets us into are opened by a stack set: killed half way, one failing, and nothing made twice."""
    world = started(stage)
    words = ("--account", STRAY, "--account", ODD, "--to", "Workloads", "--create-role", "ou")
    code, said, errors = enroll(world, *words, "--apply", "--yes")
    sent = lambda name: len(calls(world, name))
    check("missing trusted access is reported", code == 4 and "stack-sets" in errors and "trusted access is off" in errors, (code, errors))
    check.equal("and nothing was changed", [sent(it) for it in ("CreateStackSet", "CreateStackInstances", "MoveAccount")], [0, 0, 0])
    cloudformation = client(world, "cloudformation")
    cloudformation.activate_organizations_access()
    code, said, errors = enroll(world, *words)
    check("a dry run", code == 0 and statuses(said) == {STRAY: "CHECKED", ODD: "CHECKED"} and sent("CreateStackSet") == 0, (code, said, errors))
    # killed while it waits for the answer to its first question: what it was told before that is on record
    asking = "DescribeStackSetOperation"
    world.sim.post("/_sim/faults", {"kind": "latency", "distribution": {"fixed_ms": 25000}, "when": "after", "match": {"operation": asking}})
    world.sim.post("/_sim/faults", {"kind": "fail_async", "reason": "sample reason", "count": 1, "match": {"operation": "CreateStackInstances"}})
    process = world.stage.spawn("org", "enroll", *words, "--apply", "--yes", log="stacks.log", **world.environment)
    asked = lambda: world.sim.get(f"/_sim/calls?operation={asking}&limit=1").json["calls"]
    check("a stack is begun", wait(asked, 120, process) and sent("CreateStackInstances") == 1, world.stage.said("stacks.log"))
    world.stage.stop(process, signal.SIGKILL)
    world.sim.call("DELETE", "/_sim/faults")
    code, said, errors = enroll(world, *words, "--apply", "--yes")
    found = sorted((statuses(said) or {}).values())
    why = " ".join(row["why"] for row in said["accounts"]) if said else ""
    check("one failed by its stack, and the other is enrolled", code == 1 and found == ["ENROLLED", "FAILED"] and "sample reason" in why,
          (code, said, errors))
    check.equal("by one stack set and a stack for each", (sent("CreateStackSet"), sent("CreateStackInstances")), (1, 2))
    code, said, errors = enroll(world, *words, "--apply", "--yes")
    done = statuses(said) or {}
    check("the same command does what failed", code in (0, 1) and "ENROLLED" in done.values(), (code, said, errors))
    rows = cloudformation.list_stack_instances(StackSetName="HallpassControlTowerExecution")["Summaries"]
    check.equal("boto3 sees a stack in these accounts and no other",
                {row["Account"]: row["StackInstanceStatus"]["DetailedStatus"] for row in rows}, {STRAY: "SUCCEEDED", ODD: "SUCCEEDED"})
    check.equal("both are enrolled", [enrolled(world).get(it) for it in (STRAY, ODD)], ["SUCCEEDED"] * 2)
    sts, role = client(world, "sts"), f"arn:aws:iam::{STRAY}:role/AWSControlTowerExecution"
    taken = sts.assume_role(RoleArn=role, RoleSessionName="e2e")["AssumedRoleUser"]["Arn"]
    check("the role lets the management account in", STRAY in taken, taken)
    try:
        missing = client(world, "iam", SHOP).get_role(RoleName="AWSControlTowerExecution")
    except botocore.exceptions.ClientError as error:
        missing = error.response["Error"]["Code"]
    check.equal("an account that was not listed has none", missing, "NoSuchEntity")
    verified = stage.run("audit", "verify")
    check.equal("the audit log verifies", verified.returncode, 0)


def told(stage):
    """A server hears of Control Tower, and the command beside it asks at once: without, it would ask again after half a minute."""
    world = started(stage, version="3.0", remediation_types=[])
    sqs = client(world, "sqs")
    process, ready = serve_events(stage, world.environment, sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"])
    check("a server takes events", ready, stage.said("serve.log")[-800:])
    began = time.monotonic()
    code, said, errors = enroll(world, "--account", ODD, "--to", "Workloads", "--via", "account-factory", "--create-role", "account", "--apply", "--yes")
    seconds = time.monotonic() - began
    check("Account Factory takes one on", code == 0 and statuses(said) == {ODD: "ENROLLED"}, (code, said, errors))
    asked = world.sim.get("/_sim/calls?operation=DescribeRecord&limit=1000").json["calls"]
    check("its event ends the wait", ended_by_events(world.sim, asked), longest_wait(asked))
    print(f"      enrolled by Account Factory in {seconds:.1f} s, waited {longest_wait(asked):.1f} s of 30")
    check("and AWS was asked after it, too", 2 <= len(asked) <= 4, len(asked))
    enroll(world, "--account", ERP, "--to", "Workloads", "--fix", "config", "--apply", "--yes")
    began = time.monotonic()
    code, said, errors = enroll(world, "--account", ERP, "--to", "Workloads", "--via", "baseline", "--apply", "--yes")
    print(f"      enrolled by its baseline in {time.monotonic() - began:.1f} s")
    check("a baseline, too", code == 0 and statuses(said) == {ERP: "ENROLLED"}, (code, said, errors))
    check("the server reported it", wait(lambda: "waiting steps poll now" in stage.said("serve.log"), 20, process), stage.said("serve.log")[-800:])
    sent = {"source": "aws.controltower", "detail-type": "AWS Service Event via CloudTrail", "id": "e2e-unknown-1", "detail": {
        "eventName": "CreateManagedAccount", "serviceEventDetails": {"createManagedAccountStatus": {
            "account": {"accountName": "nobody"}, "state": "FAILED", "message": "sample"}}}}
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    for _ in range(2):
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(sent))
    wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    empty = lambda: all(int(it) == 0 for it in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"].values())
    check("an unneeded event is deleted", wait(empty, 30, process, every=1), stage.said("serve.log")[-800:])
    check.equal("and none is parked", json.loads(world.run("org", "events", "list", "-o", "json").stdout), [])
    stage.stop(process)


def governed(stage):
    """A landing zone that enrols what is moved below it."""
    world = started(stage)
    looked(world)
    checked(world)
    fixed(world)
    stale(world)
    moved(world)
    failing(world)
    verified = stage.run("audit", "verify")
    check.equal("the audit log verifies", verified.returncode, 0)


PARTS = {"governed": governed, "older": launched, "unit": registered, "stacks": by_stack_set, "told": told}


def main():
    for part in parts(*PARTS):
        with Stage(f"enrol-{part}") as stage:
            PARTS[part](stage)
    check.end()


if __name__ == "__main__":
    main()
