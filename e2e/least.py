#!/usr/bin/env python3
"""Chores with the least rights: each is done by a role that may do what `doctor --iam-policy --for …` prints and nothing else, in
an AWS that decides by policies, and enters accounts by roles that may do what `--for accounts` prints. Nothing is denied, and what a policy
allows beside what was called is listed in `UNCALLED`, each with its why."""

import contextlib
import json
import re
import time

import boto3

import enrol
from drilled import ANA, MANAGEMENT
from served import serve_events
from stage import Api, Checks, Stage, answers, free_port, parts, wait
from standin import StandIn

check = Checks()
MEMBER = "HallpassChores"
# enrolled when the others are
LATE, LATER = "9" * 12, "1" * 12
# calls of services that are not simulated stand in the log by their path
NAMES = {"sso-admin": "sso", "service-quotas": "servicequotas"}
# operations whose action has another name
ACTIONS = {"detective:ListOrganizationAdminAccounts": "detective:ListOrganizationAdminAccount"}
# and those of S3, whose operations have the same name for a bucket as its control plane has for an account
BUCKETS = {"s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock", "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
           "s3:DeletePublicAccessBlock": "s3:PutBucketPublicAccessBlock",
           "s3:DeleteAccountPublicAccessBlock": "s3:PutAccountPublicAccessBlock"}
ACTIONS |= BUCKETS | {"lambda:Invoke": "lambda:InvokeFunction"}
# a batch needs the right of its single call
ACTIONS |= {"sqs:DeleteMessageBatch": "sqs:DeleteMessage", "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility"}
DENIED = ("AccessDenied", "not authorized", "Forbidden")
STANDARDS = """
defaults:
  standards: {enable: [pci-dss/v/3.2.1]}
  controls: [{id: IAM.6, status: DISABLED, reason: root users have no keys here}]
"""
REGION = ("--regions", "eu-west-1")
PRODUCT = f"arn:aws:securityhub:eu-west-1:{enrol.SHOP}:product/{enrol.SHOP}/default"
FUNCTION = f"arn:aws:lambda:eu-west-1:{MANAGEMENT}:function:isolate"
# with code of its own, which alone takes back what it did
OWN_CODE = "EC2.9"
REMEDIATION = """
rules:
  - {id: groups, match: {controls: [EC2.19]}, action: sg-revoke-public, params: {ports: [22]}, mode: auto}
  - {id: default, match: {controls: [EC2.2]}, action: sg-default-close, mode: auto}
  - {id: buckets, match: {controls: [S3.8]}, action: s3-bucket-block, mode: auto}
  - {id: account, match: {controls: [S3.1]}, action: s3-account-block, mode: auto}
  - {id: keys, match: {controls: [IAM.3]}, action: iam-key-deactivate, params: {unused_days: 0}, mode: auto}
  - {id: passwords, match: {controls: [IAM.7]}, action: iam-password-policy, mode: auto}
  - {id: volumes, match: {controls: [EC2.7]}, action: ebs-default-encrypt, mode: auto}
  - {id: rotation, match: {controls: [KMS.4]}, action: kms-rotate, mode: auto}
  - {id: trails, match: {controls: [CloudTrail.4]}, action: trail-validation, mode: auto}
  - {id: flows, match: {controls: [EC2.6]}, action: flow-logs, mode: auto,
     params: {destination: "arn:aws:logs:{region}:{account}:log-group:flows", role: flow-logs}}
  - {id: databases, match: {controls: [RDS.2]}, action: rds-private, mode: approve}
  - {id: function, match: {controls: [EC2.9]}, action: lambda, params: {function: "FUNCTION"}, mode: auto}
""".replace("FUNCTION", FUNCTION)
RULES = """
[[rule]]
id = "read"
accounts = ["*"]
permission_sets = ["Reader"]
approval_is_not_required = true

[[rule]]
id = "oncall"
groups = ["OnCall"]
approval_is_not_required = true
"""
# what a policy allows and nothing here calls, with why
FLOW_LOGS = "AWS asks for it behind ec2:CreateFlowLogs, the simulator does not"
NO_PATHS = "only where Organizations does not say where accounts stand"
UNCALLED = {
    "channels": {"organizations:ListAccountsForParent": NO_PATHS},
    "standards": {"organizations:ListAccountsForParent": NO_PATHS},
    "delegation": {"organizations:ListAccountsForParent": NO_PATHS, "organizations:ListOrganizationalUnitsForParent": NO_PATHS},
    "readiness": {"controltower:ListEnabledControls": "only of a unit without a baseline"},
    "payer": {it: "only where a policy is attached that the listing of all leaves out" for it in ("iam:GetPolicy", "iam:GetPolicyVersion")},
    "vending": {"organizations:ListDelegatedAdministrators": "asked only from another account than the management account",
                "identitystore:DescribeUser": "only where a person, and no group, gets access",
                "organizations:ListAccountsForParent": NO_PATHS},
    "remediation-role": {"ec2:CreateTags": FLOW_LOGS, "iam:PassRole": FLOW_LOGS, "logs:CreateLogDelivery": FLOW_LOGS,
                         "logs:DeleteLogDelivery": FLOW_LOGS},
    "remediate": {"organizations:ListDelegatedAdministrators": "asked only from another account than the management account",
                  "sso:ListPermissionSetsProvisionedToAccount": "only for sweeps of a whole account",
                  **{it: "only where the permissions of a permission set are read" for it in ("iam:GetPolicy", "iam:GetPolicyVersion")},
                  "organizations:ListAccountsForParent": NO_PATHS},
}
# what is called where several operations happen to be under way at once, where one keeps failing, or where an event takes
# long: may be left
BY_CHANCE = {"vending": {"organizations:ListCreateAccountStatus"},
             "remediate": {"identitystore:DescribeGroup", "identitystore:DescribeUser", "organizations:DescribeAccount",
                           "sso:DescribeAccountAssignmentCreationStatus", "sso:DescribeAccountAssignmentDeletionStatus",
                           "sso:ListAccountAssignmentCreationStatus", "sso:ListAccountAssignmentDeletionStatus",
                           "sso:ListAccountAssignmentsForPrincipal", "sqs:ChangeMessageVisibility"}}
# the chore's name, and its commands with the exit code each has
CHORES = [
    ("insights", [(0, "org", "insights", "list", "--ou", "/Workloads", "--regions", "enabled"), (0, "org", "insights", "list", "--account", enrol.SHOP),
                  (0, "org", "insights", "health", "--since", "1m")]),
    ("channels", [(0, "org", "insights", "channels", "channels.yaml", "--accounts", enrol.SHOP, *REGION, "--apply", "--yes"),
                  (0, "org", "insights", "channels", "check", "channels.yaml", "--ou", "/Workloads", "--tag", "env=prod"),
                  (0, "org", "insights", "channels", "check", "channels.yaml", "--ou", "/Workloads", "--tag", "env=prod", "--regions", "governed"),
                  (0, "org", "insights", "channels", "remove", "channels.yaml", "--accounts", enrol.SHOP, "--apply", "--yes")]),
    ("payer", [(1, "org", "payer", "audit", "payer.yaml"), (0, "org", "payer", "plan", "payer.yaml")]),
    ("readiness", [(1, "org", "readiness"), (1, "org", "readiness", "--profile", "merger"),
                   (1, "org", "readiness", "--profile", "acquire", "--candidates", "theirs.json", "--to", "{Workloads}", *REGION)]),
    ("standards", [(0, "org", "standards", "apply", "standards.yaml", *REGION, "--enable-hub", "--apply", "--yes"),
                   (0, "org", "standards", "export", *REGION), (0, "org", "standards", "diff", "standards.yaml", *REGION),
                   (0, "org", "standards", "diff", "standards.yaml", "--regions", "governed", "--tag", "env=prod")]),
    ("delegation", [(0, "org", "delegate", "delegate.yaml", "--apply", "--yes"), (0, "org", "delegate", "check", "delegate.yaml"),
                    (0, "org", "delegate", "check", "unit.yaml"),
                    *((0, "org", "delegate", "remove", "--service", it, "--confirm", it, *REGION, "--apply", "--yes") for it in ("guardduty", "inspector2", "macie2")),
                    (0, "org", "delegate", "remove", "--service", "securityhub", "--confirm", "securityhub", *REGION, "--apply", "--yes"),
                    (0, "org", "delegate", "remove", "--service", "detective", "--confirm", "detective", *REGION, "--apply", "--yes"),
                    (0, "org", "delegate", "remove", "--service", "devops-guru", "--confirm", "devops-guru", "--apply", "--yes")]),
    ("enrolment", [(0, "org", "enroll", "--ou-from", "Legacy", "--to", "Workloads", "--fix", "config", "--apply", "--yes"),
                   (0, "org", "enroll", "--account", enrol.ODD, "--to", "Workloads", "--create-role", "account", "--apply", "--yes"),
                   (0, "org", "enroll", "--account", LATE, "--to", "Workloads", "--via", "account-factory", "--create-role", "account", "--apply", "--yes"),
                   (0, "org", "enroll", "--account", LATER, "--to", "Workloads", "--via", "baseline", "--apply", "--yes"),
                   (0, "org", "enroll", "--account", enrol.STRAY, "--to", "Workloads", "--create-role", "ou", "--apply", "--yes"),
                   (0, "org", "enroll", "--ou-from", "Legacy", "--to", "Legacy", "--apply", "--yes")]),
    ("public-ips", [(1, "org", "public-ips", *REGION, "--role", MEMBER, "--verify"),
                    (0, "org", "public-ips", *REGION, "--role", MEMBER, "--ou", "/Workloads", "--tag", "env=prod"),
                    (1, "org", "public-ips", "--aggregator", "organization", "--region", "eu-west-1"),
                    (2, "org", "public-ips", "--aggregator", "mine", "--region", "eu-west-1")]),
    ("vending", [(0, "org", "vend", "factory.csv", "--apply", "--yes", "--concurrency", "2"),
                 (0, "org", "vend", "direct.csv", "--via", "organizations", "--create-users", "--assign", "Builders=Reader", "--apply", "--yes")]),
    ("findings", [(0, "org", "findings", "enrich", "--backfill", "--apply", "--yes"), (0, "org", "findings", "show", enrol.SHOP),
                  (0, "org", "findings", "insight", "create", "--group-by", "SeverityLabel", "--apply", "--yes")]),
]


def printed(stage, whom, *more):
    ran = stage.run("doctor", "--iam-policy", "--for", whom, *more)
    # the rules cover the management account
    lacks = whom == "server" and "--management-account" not in more
    check(f"doctor prints the policy for {whom}", ran.returncode == int(lacks), ran.stderr)
    return json.loads(ran.stdout)


def allowed(policy):
    return {action for statement in policy["Statement"] for action in statement["Action"]}


def organization(policies, accounts):
    file = enrol.organization(remediation_types=[])
    trust = [f"arn:aws:iam::{MANAGEMENT}:root"]
    file["iam"][MANAGEMENT] = {"roles": [{"name": f"do-{name}", "trust": trust, "inline": [policy]} for name, policy in policies.items()]}
    # Control Tower's role is what enrolment enters by; the other is the configuration's
    for account in (enrol.LOGS, enrol.AUDIT, enrol.ERP, enrol.ODD, enrol.STRAY, enrol.SHOP, LATE, LATER):
        roles = file["iam"].setdefault(account, {}).setdefault("roles", [])
        roles.append({"name": MEMBER, "trust": trust, "inline": [accounts]})
    file["devops_guru_insights"] = [{"id": "i-1", "account": enrol.SHOP, "region": "eu-west-1", "kind": "REACTIVE", "name": "latency",
                                     "severity": "HIGH", "start": "2026-11-20T10:00:00Z"}]
    regions = ("eu-west-1", "us-east-1")
    file["workloads"] = [{"name": f"shop in {region}", "account": enrol.SHOP, "region": region, "environment": "PRODUCTION", "updated": "2026-11-20T10:00:00Z",
                          "shared_with": [MANAGEMENT], "lenses": [{"alias": "wellarchitected", "risks": {"security": {"HIGH": 1}}}]} for region in regions]
    file["resource_shares"] = [{"name": "networks", "account": account, "region": region, "principals": ["organization"],
                                "resources": [f"arn:aws:ec2:{region}:{account}:subnet/subnet-1"]} for account in (MANAGEMENT, enrol.SHOP) for region in regions]
    file["commitments"] = [{"account": enrol.SHOP, "kind": "savings_plan", "id": "plan-1"}, {"account": enrol.SHOP, "kind": "reservation", "id": "one"}]
    file["accounts"] += [{"id": id, "name": name, "email": f"{name}@acme.example", "ou": "Legacy2"} for id, name in ((LATE, "late"), (LATER, "later"))]
    file["ous"].append({"name": "Legacy2"})
    file["identity_center"]["groups"] = [{"name": "Builders", "members": [ANA]}, {"name": "OnCall", "members": []}]
    # roles by account access manager: her own ends with the rest of her access, a group's stays
    file["entitlements"] = [{"role": f"arn:aws:iam::{enrol.SHOP}:role/{MEMBER}", **whom} for whom in ({"user": ANA}, {"group": "Builders"})]
    file["control_tower"]["account_operations"] = 5
    file["finding_aggregation"] = "eu-west-1"
    file["organization"]["service_access"] = ["sso.amazonaws.com", "account.amazonaws.com", "member.org.stacksets.cloudformation.amazonaws.com"]
    return file


def role_of(environment, name):
    """The environment of somebody who has taken a role."""
    keys = {"aws_access_key_id": environment["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"]}
    sts = boto3.client("sts", endpoint_url=environment["AWS_ENDPOINT_URL"], region_name="eu-west-1", **keys)
    taken = sts.assume_role(RoleArn=f"arn:aws:iam::{MANAGEMENT}:role/do-{name}", RoleSessionName="least")["Credentials"]
    return {**environment, "AWS_ACCESS_KEY_ID": taken["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": taken["SecretAccessKey"],
            "AWS_SESSION_TOKEN": taken["SessionToken"]}


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def latest(sim):
    return max((it["seq"] for it in sim.get("/_sim/calls?since=0&limit=100000").json["calls"]), default=0)


def done(stage, sim, environment, name, commands, policy, before):
    """Runs the commands as their role; what was called there. `before` is what stands before the simulator, and units by name."""
    (stand_in, units), role, since = before, role_of(environment, name), latest(sim)
    role["AWS_ENDPOINT_URL"] = stand_in.endpoint
    stand_in.called.clear()
    for code, *words in commands:
        words = [it.format(**units) for it in words]
        ran = stage.run(*words, timeout=240, **role)
        said = ran.stdout + ran.stderr
        check(f"{' '.join(words)}", ran.returncode == code, (ran.returncode, said[-600:]))
    own = {action for action, key in stand_in.called if key == role["AWS_ACCESS_KEY_ID"]}
    held_to(sim, since, name, f"/do-{name}/", policy, own)
    return {action for action, key in stand_in.called if key != role["AWS_ACCESS_KEY_ID"]}


def actions(calls, whose):
    """The actions that somebody called."""
    made = {f"{NAMES.get(it['service'], it['service'])}:{it['operation']}" for it in calls
            if whose in json.dumps(it["caller"]) and " /" not in it["operation"]} - {"sts:GetCallerIdentity"}
    return {ACTIONS.get(it, it) for it in made}


def inside_accounts(sim, policy):
    """What chores called by the role that accounts are entered by; the administrator of a service is who configures it."""
    made = actions(sim.get("/_sim/calls?since=0&limit=100000").json["calls"], f"/{MEMBER}/")
    check.equal("accounts: calls that its policy does not allow", sorted(made - allowed(policy)), [])
    check("accounts: Detective of an organization is configured in its administrator's account", "detective:UpdateOrganizationConfiguration" in made, made)


def centrally(stage, sim, endpoint, environment, policies):
    """An organization is let be configured by policies, and is, by the least that standards need."""
    client = inside(sim, endpoint, MANAGEMENT)("securityhub")
    client.enable_organization_admin_account(AdminAccountId=enrol.AUDIT)
    administrator = inside(sim, endpoint, enrol.AUDIT)("securityhub")
    with contextlib.suppress(administrator.exceptions.ResourceConflictException):
        administrator.enable_security_hub(EnableDefaultStandards=False)
    role, since = role_of(environment, "standards"), latest(sim)
    for control in ("IAM.6", "S3.7"):
        stage.path("central.yaml").write_text(
            "defaults:\n  standards: {enable: [pci-dss/v/3.2.1]}\n"
            f"  controls: [{{id: {control}, status: DISABLED, reason: central}}]\n")
        apply = ("org", "standards", "apply", "central.yaml", "--mode", "central", "--apply", "--yes", "-o", "json")
        for words in [(*apply, "--enable-central"), apply] if control == "IAM.6" else [apply]:
            ran = stage.run(*words, timeout=240, **role)
            check(f"{' '.join(words)} ({control})", ran.returncode == 0, (ran.returncode, (ran.stdout + ran.stderr)[-600:]))
    ran = stage.run("plan", "undo", json.loads(ran.stdout)["report"]["plan"], "--apply", "--yes", timeout=240, **role)
    check("and taken back", ran.returncode == 0, (ran.stdout + ran.stderr)[-600:])
    own, accounts = policies
    not_denied(sim, since, "standards, centrally", "/do-standards/", own)
    made = not_denied(sim, since, "accounts, centrally", f"/{MEMBER}/", accounts)
    check("accounts: Security Hub of an organization is configured in its administrator's account",
          {"securityhub:UpdateOrganizationConfiguration", "securityhub:CreateConfigurationPolicy"} <= made, made)


def held_to(sim, since, name, whose, policy, made=frozenset()):
    """Nothing was denied since then, nothing was called that the policy does not allow, and all that it allows was called, here
    or where `made` is from, but for what `UNCALLED` says."""
    made = made | not_denied(sim, since, name, whose, policy, made)
    check.equal(f"{name}: all {len(allowed(policy))} actions are called but for those of another case",
                sorted(allowed(policy) - made - BY_CHANCE.get(name, set())), sorted(UNCALLED.get(name, {})))


def not_denied(sim, since, name, whose, policy, made=frozenset()):
    """Nothing was denied since then, and nothing was called that the policy does not allow. What was called."""
    calls = sim.get(f"/_sim/calls?since={since}&limit=100000").json["calls"]
    refused = {f"{it['service']}:{it['operation']} in {it['caller'].get('account')}" for it in calls
               if it.get("http") in (400, 403) and any(word in json.dumps(it) for word in DENIED) and it["operation"] != "AssumeRole"}
    check.equal(f"{name}: nothing that it calls is denied", sorted(refused), [])
    made = made | actions(calls, whose)
    check.equal(f"{name}: calls that its policy does not allow", sorted(made - allowed(policy)), [])
    return made


def opened(client):
    """What is wrong in an account: each resource by its control."""
    ec2, iam, s3 = (client(it) for it in ("ec2", "iam", "s3"))
    everybody = [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    arn = lambda service, rest: f"arn:aws:{service}:eu-west-1:{enrol.SHOP}:{rest}"
    groups = {}
    for name in ("least", "default"):
        groups[name] = ec2.create_security_group(GroupName=name, Description=name)["GroupId"]
        ec2.authorize_security_group_ingress(GroupId=groups[name], IpPermissions=everybody)
    for name in ("least-bucket", "least-logs"):
        s3.create_bucket(Bucket=name)
    s3.delete_public_access_block(Bucket="least-bucket")
    iam.create_user(UserName="eve")
    iam.create_access_key(UserName="eve")
    trail = client("cloudtrail").create_trail(Name="least", S3BucketName="least-logs")["TrailARN"]
    rds = client("rds")
    rds.create_db_instance(DBInstanceIdentifier="least", DBInstanceClass="db.t3.micro", Engine="postgres", PubliclyAccessible=True)
    wait(lambda: rds.describe_db_instances()["DBInstances"][0]["DBInstanceStatus"] == "available", 20)
    account = f"AWS::::Account:{enrol.SHOP}"
    return {"EC2.19": arn("ec2", f"security-group/{groups['least']}"), "EC2.2": arn("ec2", f"security-group/{groups['default']}"),
            "S3.8": "arn:aws:s3:::least-bucket", "S3.1": account, "IAM.3": f"arn:aws:iam::{enrol.SHOP}:user/eve", "IAM.7": account,
            "EC2.7": account, "KMS.4": client("kms").create_key()["KeyMetadata"]["Arn"], "CloudTrail.4": trail,
            "EC2.6": arn("ec2", f"vpc/{ec2.describe_vpcs()['Vpcs'][0]['VpcId']}"), "RDS.2": arn("rds", "db:least")}


def of_remediation(stage, url, configuration):
    """The policies for remediating, and the configuration that they are for."""
    stage.path("remediation.yaml").write_text(REMEDIATION)
    stage.path("rules.toml").write_text(RULES)
    whole = f'{configuration}[identity]\nadmins = ["group:Builders"]\n[remediation]\nrules = "remediation.yaml"\nexternal_id = "x-1"\n'
    stage.path("remediate.toml").write_text(f'{whole}[events]\nqueue = "{url}"\n')
    policies = {whom: printed(stage, whom, "--config", "remediate.toml") for whom in ("server", "remediate", "remediation-role")}
    check("the queue is named in it", f"arn:aws:sqs:eu-west-1:{MANAGEMENT}:hallpass-events" in json.dumps(policies["remediate"]), policies["remediate"])
    allowed = [it for it in policies["remediate"]["Statement"] if "lambda:InvokeFunction" in it["Action"]]
    check.equal("the function of the rules may be called, and no other", [it["Resource"] for it in allowed], [[FUNCTION]])
    return policies, whole


def may_remediate(file, policies):
    """Adds the two roles, and the rule that fills the queue."""
    trust = [f"arn:aws:iam::{MANAGEMENT}:root"]
    own = {"name": "do-remediate", "trust": trust, "inline": [policies["server"], policies["remediate"]]}
    file["iam"][MANAGEMENT]["roles"].append(own)
    file["iam"][enrol.SHOP]["roles"].append({"name": "HallpassRemediation", "trust": trust, "inline": [policies["remediation-role"]]})
    file["event_rules"] = [{"account": MANAGEMENT, "region": "eu-west-1", "queue": "hallpass-events", "source": "aws.securityhub"}]
    file["functions"] = [{"name": "isolate", "account": MANAGEMENT, "region": "eu-west-1", "returns": "isolated"}]


def imported(client, controls):
    """Findings of controls, each of its resource."""
    answer = client("securityhub").batch_import_findings(Findings=[{
        "SchemaVersion": "2018-10-08", "Id": f"{PRODUCT}/{control}", "ProductArn": PRODUCT, "GeneratorId": control, "AwsAccountId": enrol.SHOP,
        "Types": ["Software and Configuration Checks"], "CreatedAt": now(), "UpdatedAt": now(), "Severity": {"Label": "HIGH"}, "Title": control,
        "Description": control, "Compliance": {"Status": "FAILED", "SecurityControlId": control},
        "Resources": [{"Type": "Other", "Id": resource, "Region": "eu-west-1"}]} for control, resource in controls.items()])
    assert answer["FailedCount"] == 0, answer


def inside(sim, endpoint, account=enrol.SHOP):
    """Clients with every right in an account; that whose resources are wrong where none is named."""
    keys = sim.get(f"/_sim/credentials?account={account}").json
    return lambda service: boto3.client(service, endpoint_url=endpoint, region_name="eu-west-1",
                                        aws_access_key_id=keys["access_key_id"], aws_secret_access_key=keys["secret_access_key"])


def given(stage, sim, process):
    """Access is given and taken away: of many accounts at once, of a group, and where taking it away fails for a while."""
    api = Api(re.search(r'public_url = "(.*)"', stage.path("hallpass.toml").read_text())[1], stage.token(ANA))
    accounts = [{"account": it, "permission_set": "Reader"} for it in (enrol.SHOP, enrol.ERP, enrol.ODD, enrol.LOGS, enrol.AUDIT, LATE, LATER)]
    asked = api.post("/api/v1/requests/batch", {"duration_seconds": 1800, "reason": "OPS-1: look", "targets": [*accounts, {"group": "OnCall"}]})
    check("access of many kinds is requested", asked.status == 201, asked)
    states = lambda: [it["state"] for it in api.all("/api/v1/grants")]
    check("and given", wait(lambda: states() == ["active"] * len(asked.json["items"]), 60, process, every=0.5), states())
    check("what a permission set allows is read", api.get("/api/v1/permission-sets/Reader").status == 200)
    sweep = api.post("/api/v1/sweeps", {}).json["id"]
    swept = lambda: api.get(f"/api/v1/sweeps/{sweep}").json["sweep"]["state"] not in ("queued", "running")
    check("standing access is looked for", wait(swept, 60, process, every=0.5))
    for operation in ("DeleteGroupMembership", "DeleteAccountAssignment"):
        sim.post("/_sim/faults", {"kind": "error", "code": "ValidationException", "http": 400, "count": 3, "match": {"operation": operation}})
    taken = api.post("/api/v1/revocations", {"user": ANA, "reason": "OPS-2: over"})
    roles = taken.json["entitlements"]
    check("all of it is taken away", taken.status == 200 and (len(roles["ended"]), len(roles["by_group"]), roles["failed"]) == (1, 1, []), taken)
    gone = lambda: all(it["state"] == "ended" and it["removed"] for it in api.all("/api/v1/grants"))
    check("and gone", wait(gone, 90, process, every=0.5), api.all("/api/v1/grants")[:2])
    sim.call("DELETE", "/_sim/faults")
    refused = asked_in_management(api, process, "failed")
    check("the management account takes rights in IAM that it has not, and the reason says which", "iam:GetSAMLProvider" in refused.get("error", ""), refused)


def asked_in_management(api, process, state):
    """A grant in the management account that has come to a state."""
    asked = api.post("/api/v1/requests", {"account": MANAGEMENT, "permission_set": "Reader", "duration_seconds": 1800, "reason": "OPS-3: look"})
    find = lambda: next((it for it in api.all("/api/v1/grants") if it["request_id"] == asked.json["id"]), {})
    wait(lambda: find().get("state") == state, 60, process, every=0.5)
    return find()


def keyed(stage, sim, endpoint, environment, whole):
    """A server over an instance with a customer's key, which also gives access to the management account: with the policies that are
    printed for that, and nothing else."""
    keys = {"aws_access_key_id": environment["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"]}
    kms, center = (boto3.client(it, endpoint_url=endpoint, region_name="eu-west-1", **keys) for it in ("kms", "sso-admin"))
    key = kms.create_key()["KeyMetadata"]["Arn"]
    instance = center.list_instances()["Instances"][0]["InstanceArn"]
    center.update_instance(InstanceArn=instance, EncryptionConfiguration={"KeyType": "CUSTOMER_MANAGED_KEY", "KmsKeyArn": key})
    whole = whole.split("[remediation]")[0]
    stage.path("keyed.toml").write_text(whole.replace("[identity]\n", f'[identity]\nencryption_key = "{key}"\n'))
    own = printed(stage, "server", "--config", "keyed.toml", "--management-account")
    names = {it["Sid"] for it in own["Statement"]}
    check("the key and the management account are in it", {"UseKeyForInstance", "UseKeyForIdentityStore", "ManagementAccountRoles", "ManagementAccountProvider"} <= names, names)
    role = {"name": "do-keyed", "trust": [f"arn:aws:iam::{MANAGEMENT}:root"], "inline": [own]}
    added = sim.post("/_sim/load?merge=1", {"version": 1, "iam": {MANAGEMENT: {"roles": [role]}}})
    check("a role with it", added.status < 300, added)
    role, since = role_of(environment, "keyed"), latest(sim)
    stage.path("hallpass.toml").write_text(stage.path("keyed.toml").read_text())
    port = free_port()
    with stage.path("hallpass.toml").open("a") as file:
        file.write(f'[server]\nlisten = "127.0.0.1:{port}"\n')
    process = stage.spawn("serve", log="keyed.log", **role)
    api = Api(f"http://127.0.0.1:{port}", stage.token(ANA))
    check("a server starts with them", wait(lambda: answers(api, "/readyz"), 60, process), stage.said("keyed.log")[-900:])
    hers = asked_in_management(api, process, "active")
    check("access to the management account is given", hers.get("state") == "active", hers)
    released = api.post(f"/api/v1/grants/{hers.get('id')}/release", {})
    over = lambda: api.get(f"/api/v1/grants/{hers.get('id')}").json
    check("and ended", wait(lambda: over()["state"] == "ended" and over()["removed"], 90, process, every=0.5), (released, over()))
    stage.stop(process)
    not_denied(sim, since, "with a key", "/do-keyed/", own)
    synced(stage, sim, environment)


def synced(stage, sim, environment):
    """A snapshot over the same instance, by its own policy: of the account that it runs in IAM too, which takes no role."""
    own = printed(stage, "sync", "--config", "keyed.toml")
    names = {it["Sid"] for it in own["Statement"]}
    check("the key is in that of snapshots", {"UseKeyForInstance", "UseKeyForIdentityStore"} <= names, names)
    role = {"name": "do-synced", "trust": [f"arn:aws:iam::{MANAGEMENT}:root"], "inline": [own]}
    added = sim.post("/_sim/load?merge=1", {"version": 1, "iam": {MANAGEMENT: {"roles": [role]}}})
    check("a role with it", added.status < 300, added)
    role, since = role_of(environment, "synced"), latest(sim)
    ran = stage.run("sync", "--accounts", MANAGEMENT, "--snapshots", "synced", "--output", "json", timeout=240, **role)
    said = json.loads(ran.stdout or "{}")
    check("a snapshot is read whole", (ran.returncode, said.get("state")) == (0, "complete"), (ran.returncode, (ran.stdout + ran.stderr)[-900:]))
    made = not_denied(sim, since, "snapshots", "/do-synced/", own)
    check("IAM, people and permission sets among it", {"iam:GetCredentialReport", "identitystore:ListGroups", "sso:ListAccountsForProvisionedPermissionSet"} <= made, made)


def parked(stage, role, url, owner):
    """An event that cannot be read is parked, and sent again by hand."""
    owner("sqs").send_message(QueueUrl=url, MessageBody="no event")
    rows = lambda: json.loads(stage.run("org", "events", "list", "-o", "json", **role).stdout or "[]")
    check("a message that is no event is parked", wait(rows, 60, every=1))
    ran = stage.run("org", "events", "replay", "--all", **role)
    check("and sent again", ran.returncode == 0, ran.stderr)


def remediated(stage, sim, endpoint, environment, policies, whole):
    """Every action is carried out and taken back by a server with its printed policies, through a role in the account with its."""
    client, url = inside(sim, endpoint), f"{endpoint}/{MANAGEMENT}/hallpass-events"
    wrong, role = opened(client), role_of(environment, "remediate")
    stage.path("hallpass.toml").write_text(whole)
    since = latest(sim)
    process, ready = serve_events(stage, role, url, RULES)
    if not check("a server starts with its least policies", ready, stage.said("serve.log")[-1500:]):
        return
    imported(client, {**wrong, OWN_CODE: f"arn:aws:ec2:eu-west-1:{enrol.SHOP}:instance/i-0123456789abcdef0"})
    wrong = {**wrong, OWN_CODE: ""}
    listed = lambda: {it["finding"].rsplit("/", 1)[1]: it for it in json.loads(stage.run("org", "remediate", "list", "--output", "json", **role).stdout or "[]")}
    states = lambda: {control: it["state"] for control, it in listed().items()}
    wait(lambda: len(states()) == len(wrong) and "pending" not in states().values(), 120, process, every=1)
    check.equal("each was handled", states(), {control: "waiting" if control == "RDS.2" else "changed" for control in wrong})
    base = re.search('public_url = "(.*?)"', stage.path("hallpass.toml").read_text()).group(1)
    ran = stage.run("org", "remediate", "approve", listed()["RDS.2"]["id"], "--yes", HALLPASS_SERVER=base, HALLPASS_TOKEN=stage.token(ANA))
    check.equal("an administrator says yes", ran.returncode, 0)
    wait(lambda: states().get("RDS.2") == "changed", 60, process, every=1)
    check.equal("and the database after a yes", states().get("RDS.2"), "changed")
    for control, it in sorted(listed().items()):
        if control == OWN_CODE:
            continue
        ran = stage.run("org", "remediate", "undo", it["id"], "--apply", "--yes", timeout=120, **role)
        check(f"{control} is taken back", ran.returncode == 0, (ran.stdout + ran.stderr)[-600:])
    given(stage, sim, process)
    parked(stage, role, url, inside(sim, endpoint, MANAGEMENT))
    stage.stop(process)
    both = {"Statement": policies["server"]["Statement"] + policies["remediate"]["Statement"]}
    held_to(sim, since, "remediate", "/do-remediate/", both)
    held_to(sim, since, "remediation-role", "/HallpassRemediation/", policies["remediation-role"])
    keyed(stage, sim, endpoint, environment, whole)


def played(part, stage):
    """One part, on an organization of its own."""
    configuration = f'[store]\nurl = "sqlite:hallpass.db"\n[aws]\nregion = "eu-west-1"\nmember_role = "{MEMBER}"\n'
    stage.path("hallpass.toml").write_text(configuration)
    policies = {name: printed(stage, name) for name, _ in CHORES}
    accounts = printed(stage, "accounts")
    port = free_port()
    ours, whole = of_remediation(stage, f"http://127.0.0.1:{port}/{MANAGEMENT}/hallpass-events", configuration)
    file = organization(policies, accounts)
    may_remediate(file, ours)
    stage.path("organization.json").write_text(json.dumps(file))
    _, endpoint, environment = stage.simulator("--organization", stage.path("organization.json"), "--speed", "fast",
                                               "--authorization", "full", port=port)
    # something to enrich
    imported(inside(Api(endpoint), endpoint), {"S3.1": f"AWS::::Account:{enrol.SHOP}"})
    stage.path("standards.yaml").write_text(STANDARDS)
    others = "".join(f'  - {{service: {it}, account: "{enrol.AUDIT}", regions: [eu-west-1]}}\n' for it in ("guardduty", "inspector2", "macie2"))
    stage.path("delegate.yaml").write_text(
        f'services:\n  - {{service: devops-guru, account: "{enrol.AUDIT}"}}\n'
        f'  - {{service: securityhub, account: "{enrol.AUDIT}", regions: [eu-west-1]}}\n'
        f'  - {{service: detective, account: "{enrol.AUDIT}", regions: [eu-west-1], auto_enable: true, members: all}}\n{others}')
    stage.path("theirs.json").write_text(json.dumps({"Accounts": [{"Id": "987654321098", "Name": "shop", "Email": "new@other.example",
                                                                   "Status": "ACTIVE", "Arn": "x"}]}))
    keys = {"aws_access_key_id": environment["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"]}
    organizations = boto3.client("organizations", endpoint_url=endpoint, region_name="us-east-1", **keys)
    organizations.register_delegated_administrator(AccountId=enrol.AUDIT, ServicePrincipal="account.amazonaws.com")
    # one that governs no Region: that it governs nothing has to be read
    kind, lists = "SECURITYHUB_CSPM_POLICY", {"enable_in_regions": {"@@assign": []}, "disable_in_regions": {"@@assign": []}}
    organizations.enable_policy_type(RootId=organizations.list_roots()["Roots"][0]["Id"], PolicyType=kind)
    cspm = organizations.create_policy(Name="none", Description="", Type=kind, Content=json.dumps({"securityhub": {"cspm_enablement": lists}}))
    organizations.attach_policy(PolicyId=cspm["Policy"]["PolicySummary"]["Id"], TargetId=enrol.SHOP)
    units = organizations.list_organizational_units_for_parent(ParentId=organizations.list_roots()["Roots"][0]["Id"])["OrganizationalUnits"]
    units = {it["Name"]: it["Id"] for it in units}
    stage.path("unit.yaml").write_text(
        f'services:\n  - {{service: detective, account: "{enrol.AUDIT}", regions: [eu-west-1], members: {units["Workloads"]}}}\n')
    sns = boto3.client("sns", endpoint_url=endpoint, region_name="eu-west-1", **keys)
    let_in = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "eu-west-1.devops-guru.amazonaws.com"}, "Action": "sns:Publish",
                             "Resource": "*"}]}
    topic = sns.create_topic(Name="insights", Attributes={"Policy": json.dumps(let_in)})["TopicArn"]
    stage.path("channels.yaml").write_text(f"notifications:\n  - {{service: devops-guru, topic_arn: '{topic}'}}\n")
    stage.path("payer.yaml").write_text(
        f'payer: "{MANAGEMENT}"\npartner: {{account: "100000000050", email_domain: partner.example, roles: [PartnerBilling]}}\n'
        'customer: {account: "100000000060", email_domain: customer.example, roles: [CustomerSecurity]}\n')
    row = "{0},new@acme.example,{0}@acme.example,New,Person,Workloads\n".format
    header = "AccountName,SSOUserEmail,AccountEmail,SSOUserFirstName,SSOUserLastName,OrgUnit\n"
    stage.path("factory.csv").write_text(header.replace("OrgUnit", "OrgUnit,Tags") + row("one").strip() + ",team=shop\n" + row("two").strip() + ",\n")
    stage.path("direct.csv").write_text(header.replace("OrgUnit", "OrgUnit,Tags") + row("three").strip() + ",team=shop\n")
    events = boto3.client("events", endpoint_url=endpoint, region_name="eu-west-1", **keys)
    sign_in = {"detail-type": ["AWS Console Sign In via CloudTrail"], "detail": {"userIdentity": {"type": ["Root"]}}}
    events.put_rule(Name="root", EventPattern=json.dumps(sign_in))
    events.put_targets(Rule="root", Targets=[{"Id": "1", "Arn": topic}])
    if part == "remediate":
        remediated(stage, Api(endpoint), endpoint, environment, ours, whole)
        return
    before = StandIn(endpoint), units
    for name, commands in CHORES:
        done(stage, Api(endpoint), environment, name, commands, policies[name], before)
    inside_accounts(Api(endpoint), accounts)
    centrally(stage, Api(endpoint), endpoint, environment, (policies["standards"], accounts))


def main():
    for part in parts("chores", "remediate"):
        with Stage(f"least-{part}") as stage:
            played(part, stage)
    check.end()


if __name__ == "__main__":
    main()
