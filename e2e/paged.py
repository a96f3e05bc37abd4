#!/usr/bin/env python3
"""Every listing is read to its last page: what commands say of an organization whose pages are cut to two rows is what they say of
the same organization with pages as AWS has them (`simulator.md` §4, `partial_page`). Which listings were read in three pages and
more is counted at the simulator."""

import collections
import json
import re

import boto3

import enrol
from drilled import ANA, MANAGEMENT
from stage import Api, Checks, Stage

check = Checks()
REGIONS = ("--regions", "eu-west-1,us-east-1")
DELEGATES = """services:
  - {{service: detective, account: "{0}", regions: [eu-west-1], auto_enable: true, members: all}}
  - {{service: securityhub, account: "{0}", regions: [eu-west-1]}}
  - {{service: devops-guru, account: "{0}"}}
"""
STANDARDS = """defaults:
  standards: {enable: [pci-dss/v/3.2.1, cis-aws-foundations-benchmark/v/1.2.0]}
  controls: [{id: IAM.6, status: DISABLED, reason: "Root credentials are removed centrally"}]
"""
# an insight of Security Hub that is looked for among others, by its name
INSIGHT = ("org", "findings", "insight", "create", "--group-by", "SeverityLabel", "--where", "Owner=nobody", "-o", "json")
# what reads an organization of 40 accounts in which some of it was set up
LARGE = {
    "administrators": ("org", "delegate", "list", *REGIONS, "-o", "json"),
    "delegation": ("org", "delegate", "delegates.yaml", "-o", "json"),
    "standards": ("org", "standards", "export", "--accounts", "MEMBERS", "--regions", "eu-west-1"),
    "standards against a file": ("org", "standards", "diff", "standards.yaml", "--accounts", "MEMBERS", "--regions", "eu-west-1", "-o", "json"),
    "readiness": ("org", "readiness", "--as-of", "2026-03-02T10:00:00Z", "-o", "json"),
    "insights": ("org", "insights", "list", "--since", "30d", *REGIONS, "-o", "json"),
    "insights of Security Hub": INSIGHT,
    "access": ("access", "export"),
    "addresses": ("org", "public-ips", *REGIONS, "-o", "json"),
}
LARGE_PAGED = {
    "account:ListRegions", "config:SelectResourceConfig", "detective:ListMembers", "devops-guru:ListOrganizationInsights",
    "identitystore:ListGroups", "identitystore:ListUsers", "organizations:ListAccounts",
    "organizations:ListOrganizationalUnitsForParent", "securityhub:GetInsights",
    "securityhub:ListSecurityControlDefinitions", "sso:ListAccountsForProvisionedPermissionSet", "sso:ListPermissionSets",
}
# and one under Control Tower
TOWER = {
    "enrolment": ("org", "enroll", "--ou-from", "Legacy", "--to", "Workloads", "--check-only", "-o", "json"),
    "readiness of the landing zone": ("org", "readiness", "--as-of", "2026-03-02T10:00:00Z", "-o", "json"),
    "accounts that Account Factory would make": ("org", "vend", "more.csv", "--via", "account-factory", "-o", "json"),
}
TOWER_PAGED = {
    "account:ListRegions", "controltower:ListEnabledBaselines", "organizations:ListAccounts",
    "servicecatalog:ListPrincipalsForPortfolio", "servicecatalog:SearchProvisionedProducts",
}
HEADER = "AccountName,SSOUserEmail,AccountEmail,SSOUserFirstName,SSOUserLastName,OrgUnit,Status,AccountId,ErrorMsg"
MADE = 5


def answer(stage, environment, words):
    """Exit code, and what is said: without the instant of the look, the id of the plan that a look saves, and names of sessions."""
    ran = stage.run(*words, timeout=300, **environment)
    try:
        said = json.loads(re.sub("hallpass-[0-9a-f]{8}", "hallpass-session", ran.stdout))
    except ValueError:
        return ran.returncode, ran.stdout, ran.stderr
    if isinstance(said, dict):
        said = {name: value for name, value in said.items() if name not in ("as_of", "plan", "expires_at")}
    return ran.returncode, said, ran.stderr


def paged(stage, endpoint, environment, commands, wanted):
    sim = Api(endpoint)
    whole = {name: answer(stage, environment, words) for name, words in commands.items()}
    since = sim.get("/_sim/calls?limit=10000").json["next"]
    sim.post("/_sim/faults", {"kind": "partial_page", "items": 2})
    for name, words in commands.items():
        code, said, errors = answer(stage, environment, words)
        check(f"{name}: as with whole pages", code in (0, 1, 3) and (code, said) == whole[name][:2],
              (code, whole[name][0], str(said)[:700], str(whole[name][1])[:700], errors[-600:]))
    seen = sim.get(f"/_sim/calls?since={since}&limit=10000").json
    check("all calls are kept", seen["dropped"] == 0 and len(seen["calls"]) < 10000, (seen["dropped"], len(seen["calls"])))
    more = collections.Counter()
    for call in seen["calls"]:
        named = {name.lower() for name in call.get("request") or {}}
        more[f"{call['service']}:{call['operation']}"] += any("token" in name or name == "marker" for name in named)
    walked = {name for name, count in more.items() if count >= 2}
    print("      read in three pages and more: " + ", ".join(sorted(walked)))
    check.equal("its listings were read page by page", sorted(wanted - walked), [])


def client(service, endpoint, environment):
    return boto3.client(service, endpoint_url=endpoint, region_name="eu-west-1", aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
                        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"])


def begun(endpoint, environment, member):
    """More of what DevOps Guru found, and of Security Hub's own insights, than two pages have."""
    insight = {"region": "eu-west-1", "kind": "REACTIVE", "severity": "HIGH", "account": member, "start": "2026-11-20T10:00:00Z"}
    rows = [{**insight, "id": f"i-{number}", "name": f"latency {number}"} for number in range(MADE)]
    answer = Api(endpoint).post("/_sim/load?merge=1", {"version": 1, "devops_guru_insights": rows})
    check("insights are there", answer.status < 300, answer)


def grouped(endpoint, environment):
    hub = client("securityhub", endpoint, environment)
    try:
        hub.enable_security_hub(EnableDefaultStandards=False)
    except hub.exceptions.ResourceConflictException:
        pass
    for number in range(MADE):
        hub.create_insight(Name=f"of user {number}", Filters={}, GroupByAttribute="ResourceId")


def made_by_factory(stage, world):
    """Accounts of Account Factory, of more than two pages; and a list for one more."""
    row = lambda name: f"{name},{ANA},{name}@acme.example,Ana,X,Workloads,,,"
    stage.path("accounts.csv").write_text("\n".join([HEADER, *(row(f"made-{number}") for number in range(MADE))]) + "\n")
    stage.path("more.csv").write_text("\n".join([HEADER, row("one-more")]) + "\n")
    ran = stage.run("org", "vend", "accounts.csv", "--via", "account-factory", "--concurrency", "5", "--apply", "--yes",
                    timeout=300, **world.environment)
    check("Account Factory makes accounts", ran.returncode == 0, ran.stderr[-900:])


def main():
    with Stage("paged") as stage:
        _, endpoint, environment = stage.simulator("--scale", "small", "--speed", "fast")
        state = Api(endpoint).get("/_sim/state?full=1").json
        own = state["organization"]["management_account"]
        member, other = [it["id"] for it in state["file"]["accounts"] if it["id"] != own and it.get("state", "ACTIVE") == "ACTIVE"][:2]
        begun(endpoint, environment, member)
        stage.path("delegates.yaml").write_text(DELEGATES.format(member))
        stage.path("standards.yaml").write_text(STANDARDS)
        made = stage.run("org", "delegate", "delegates.yaml", "--apply", "--yes", timeout=300, **environment)
        check("administrators are set", made.returncode == 0, made.stderr[-900:])
        made = stage.run("org", "standards", "apply", "standards.yaml", "--enable-hub", "--accounts", f"{member},{other}", "--regions", "eu-west-1", "--apply", "--yes", "--max-changes", "200", timeout=300, **environment)
        check("standards are on", made.returncode in (0, 1), made.stderr[-900:])
        grouped(endpoint, environment)
        members = f"{member},{other}"
        commands = {name: [members if word == "MEMBERS" else word for word in words] for name, words in LARGE.items()}
        paged(stage, endpoint, environment, commands, LARGE_PAGED)
    with Stage("paged-tower") as stage:
        principals = [f"arn:aws:iam::{MANAGEMENT}:role/vends-{number}" for number in range(MADE)]
        world = enrol.started(stage, account_operations=5, factory_principals=principals)
        made_by_factory(stage, world)
        paged(stage, world.endpoint, world.environment, TOWER, TOWER_PAGED)
    check.end()


if __name__ == "__main__":
    main()
