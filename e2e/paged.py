#!/usr/bin/env python3
"""Every listing is read to its last page: what commands say of an organization whose pages are cut to two rows is what they say of
the same organization with pages as AWS has them (`simulator.md` §4, `partial_page`). Which listings were read in three pages and
more is counted at the simulator."""

import collections
import json
import re

import enrol
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
# what reads an organization of 40 accounts in which some of it was set up
LARGE = {
    "administrators": ("org", "delegate", "list", *REGIONS, "-o", "json"),
    "delegation": ("org", "delegate", "delegates.yaml", "-o", "json"),
    "standards": ("org", "standards", "export", "--accounts", "MEMBERS", "--regions", "eu-west-1"),
    "standards against a file": ("org", "standards", "diff", "standards.yaml", "--accounts", "MEMBERS", "--regions", "eu-west-1", "-o", "json"),
    "readiness": ("org", "readiness", "--as-of", "2026-03-02T10:00:00Z", "-o", "json"),
    "insights": ("org", "insights", "list", "--since", "30d", *REGIONS, "-o", "json"),
    "access": ("access", "export"),
    "addresses": ("org", "public-ips", *REGIONS, "-o", "json"),
}
LARGE_PAGED = {
    "ListAccounts", "ListAccountsForParent", "ListAccountsForProvisionedPermissionSet", "ListGroups", "ListMembers",
    "ListOrganizationalUnitsForParent", "ListPermissionSets", "ListRegions", "ListSecurityControlDefinitions", "ListUsers",
    "SelectResourceConfig",
}
# and one under Control Tower
TOWER = {
    "enrolment": ("org", "enroll", "--ou-from", "Legacy", "--to", "Workloads", "--check-only", "-o", "json"),
    "readiness of the landing zone": ("org", "readiness", "--as-of", "2026-03-02T10:00:00Z", "-o", "json"),
}
TOWER_PAGED = {"ListAccounts", "ListEnabledBaselines", "ListRegions"}


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
        more[call["operation"]] += any("token" in name or name == "marker" for name in named)
    walked = {name for name, count in more.items() if count >= 2}
    print("      read in three pages and more: " + ", ".join(sorted(walked)))
    check.equal("its listings were read page by page", sorted(wanted - walked), [])


def main():
    with Stage("paged") as stage:
        _, endpoint, environment = stage.simulator("--scale", "small", "--speed", "fast")
        state = Api(endpoint).get("/_sim/state?full=1").json
        own = state["organization"]["management_account"]
        member, other = [it["id"] for it in state["file"]["accounts"] if it["id"] != own and it.get("state", "ACTIVE") == "ACTIVE"][:2]
        stage.path("delegates.yaml").write_text(DELEGATES.format(member))
        stage.path("standards.yaml").write_text(STANDARDS)
        made = stage.run("org", "delegate", "delegates.yaml", "--apply", "--yes", timeout=300, **environment)
        check("administrators are set", made.returncode == 0, made.stderr[-900:])
        made = stage.run("org", "standards", "apply", "standards.yaml", "--enable-hub", "--accounts", f"{member},{other}", "--regions", "eu-west-1", "--apply", "--yes", "--max-changes", "200", timeout=300, **environment)
        check("standards are on", made.returncode in (0, 1), made.stderr[-900:])
        members = f"{member},{other}"
        commands = {name: [members if word == "MEMBERS" else word for word in words] for name, words in LARGE.items()}
        paged(stage, endpoint, environment, commands, LARGE_PAGED)
    with Stage("paged-tower") as stage:
        world = enrol.started(stage)
        paged(stage, world.endpoint, world.environment, TOWER, TOWER_PAGED)
    check.end()


if __name__ == "__main__":
    main()
