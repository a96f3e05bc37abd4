#!/usr/bin/env python3
"""Chores with the least rights: each is done by a role that may do what `doctor --iam-policy --for …` prints and nothing else, in
an AWS that decides by policies, and enters accounts by roles that may do what `--for accounts` prints. Nothing is denied, and what a policy
allows beside what was called is counted."""

import json

import boto3

import enrol
from drilled import MANAGEMENT
from stage import Api, Checks, Stage

check = Checks()
MEMBER = "HallpassChores"
# calls of services that are not simulated stand in the log by their path
NAMES = {"sso-admin": "sso", "service-quotas": "servicequotas"}
# operations whose action has another name
ACTIONS = {"detective:ListOrganizationAdminAccounts": "detective:ListOrganizationAdminAccount"}
DENIED = ("AccessDenied", "not authorized", "Forbidden")
STANDARDS = """
defaults:
  standards: {enable: [pci-dss/v/3.2.1]}
  controls: [{id: IAM.6, status: DISABLED, reason: root users have no keys here}]
"""
REGION = ("--regions", "eu-west-1")
# the chore's name, and its commands with the exit code each has
CHORES = [
    ("insights", [(0, "insights", "list", "--ou", "/Workloads", "--regions", "enabled"), (0, "insights", "list", "--account", enrol.SHOP),
                  (0, "insights", "health", "--since", "1m")]),
    ("payer", [(1, "org", "payer", "audit", "payer.yaml"), (0, "org", "payer", "plan", "payer.yaml")]),
    ("readiness", [(1, "org", "readiness"), (1, "org", "readiness", "--profile", "merger")]),
    ("standards", [(0, "org", "standards", "apply", "standards.yaml", *REGION, "--enable-hub", "--apply"),
                   (0, "org", "standards", "export", *REGION), (0, "org", "standards", "diff", "standards.yaml", *REGION)]),
    ("delegation", [(0, "org", "delegate", "delegate.yaml", "--apply"), (0, "org", "delegate", "check", "delegate.yaml"),
                    (0, "org", "delegate", "remove", "--service", "detective", "--confirm", "detective", *REGION, "--apply"),
                    (0, "org", "delegate", "remove", "--service", "devops-guru", "--confirm", "devops-guru", "--apply")]),
    ("enrolment", [(0, "org", "enroll", "--ou-from", "Legacy", "--to", "Workloads", "--fix", "config", "--apply"),
                   (0, "org", "enroll", "--account", enrol.ODD, "--to", "Workloads", "--create-role", "account", "--apply"),
                   (0, "org", "enroll", "--account", enrol.ERP, "--to", "Workloads", "--via", "baseline", "--apply")]),
    ("findings", [(0, "findings", "enrich", "--backfill", "--apply"), (0, "findings", "show", enrol.SHOP),
                  (0, "findings", "insight", "create", "--group-by", "SeverityLabel", "--apply")]),
]


def printed(stage, whom):
    ran = stage.run("doctor", "--iam-policy", "--for", whom)
    check(f"doctor prints the policy for {whom}", ran.returncode == 0, ran.stderr)
    return json.loads(ran.stdout)


def allowed(policy):
    return {action for statement in policy["Statement"] for action in statement["Action"]}


def organization(policies, accounts):
    file = enrol.organization()
    trust = [f"arn:aws:iam::{MANAGEMENT}:root"]
    file["iam"][MANAGEMENT] = {"roles": [{"name": f"do-{name}", "trust": trust, "inline": [policy]} for name, policy in policies.items()]}
    # Control Tower's role is what enrolment enters by; the other is the configuration's
    for account in (enrol.LOGS, enrol.AUDIT, enrol.ERP, enrol.ODD, enrol.STRAY, enrol.SHOP):
        roles = file["iam"].setdefault(account, {}).setdefault("roles", [])
        roles.append({"name": MEMBER, "trust": trust, "inline": [accounts]})
    file["devops_guru_insights"] = [{"id": "i-1", "account": enrol.SHOP, "region": "eu-west-1", "kind": "REACTIVE", "name": "latency",
                                     "severity": "HIGH", "start": "2026-11-20T10:00:00Z"}]
    file["organization"]["service_access"] = ["sso.amazonaws.com", "account.amazonaws.com"]
    return file


def done(stage, sim, environment, name, commands, policy):
    """Runs the commands as their role; what was called there."""
    keys = {"aws_access_key_id": environment["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"]}
    sts = boto3.client("sts", endpoint_url=environment["AWS_ENDPOINT_URL"], region_name="eu-west-1", **keys)
    taken = sts.assume_role(RoleArn=f"arn:aws:iam::{MANAGEMENT}:role/do-{name}", RoleSessionName="least")["Credentials"]
    role = {**environment, "AWS_ACCESS_KEY_ID": taken["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": taken["SecretAccessKey"],
            "AWS_SESSION_TOKEN": taken["SessionToken"]}
    since = max((it["seq"] for it in sim.get("/_sim/calls?since=0&limit=100000").json["calls"]), default=0)
    for code, *words in commands:
        ran = stage.run(*words, timeout=240, **role)
        said = ran.stdout + ran.stderr
        check(f"{' '.join(words)}", ran.returncode == code, (ran.returncode, said[-600:]))
    calls = sim.get(f"/_sim/calls?since={since}&limit=100000").json["calls"]
    refused = {f"{it['service']}:{it['operation']} in {it['caller'].get('account')}" for it in calls
               if it.get("http") in (400, 403) and any(word in json.dumps(it) for word in DENIED) and it["operation"] != "AssumeRole"}
    check.equal(f"{name}: nothing that it calls is denied", sorted(refused), [])
    made = {f"{NAMES.get(it['service'], it['service'])}:{it['operation']}" for it in calls
            if f"/do-{name}/" in json.dumps(it["caller"]) and " /" not in it["operation"]} - {"sts:GetCallerIdentity"}
    made = {ACTIONS.get(it, it) for it in made}
    check.equal(f"{name}: calls that its policy does not allow", sorted(made - allowed(policy)), [])
    print(f"      {name}: {len(made)} actions called, {len(allowed(policy) - made)} more for what did not happen here:",
          ", ".join(sorted(allowed(policy) - made)))


def main():
    with Stage("least") as stage:
        configuration = f'[store]\nurl = "sqlite:hallpass.db"\n[aws]\nregion = "eu-west-1"\nmember_role = "{MEMBER}"\n'
        stage.path("hallpass.toml").write_text(configuration)
        policies = {name: printed(stage, name) for name, _ in CHORES}
        accounts = printed(stage, "accounts")
        stage.path("organization.json").write_text(json.dumps(organization(policies, accounts)))
        _, endpoint, environment = stage.simulator("--organization", stage.path("organization.json"), "--speed", "fast",
                                                   "--authorization", "full")
        stage.path("standards.yaml").write_text(STANDARDS)
        stage.path("delegate.yaml").write_text(
            f'services:\n  - {{service: devops-guru, account: "{enrol.AUDIT}"}}\n'
            f'  - {{service: detective, account: "{enrol.AUDIT}", regions: [eu-west-1], auto_enable: true, members: all}}\n')
        stage.path("payer.yaml").write_text(
            f'payer: "{MANAGEMENT}"\npartner: {{account: "100000000050", email_domain: partner.example, roles: [PartnerBilling]}}\n'
            'customer: {account: "100000000060", email_domain: customer.example, roles: [CustomerSecurity]}\n')
        for name, commands in CHORES:
            done(stage, Api(endpoint), environment, name, commands, policies[name])
    check.end()


if __name__ == "__main__":
    main()
