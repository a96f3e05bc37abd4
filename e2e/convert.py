#!/usr/bin/env python3
"""From standing access to access that is asked for: `hallpass access convert` proposes rules that are fit to be put in force, and an access
file without what they replace; planned and applied, just that is gone (`inventory.md` A-17)."""

import csv
import io
import tomllib

import drilled
from drilled import ANA, BO, DEV, TEST, started
from stage import Checks, Stage, wait

LEADS = "leads"


def organization():
    """The one of the other scripts, with approvers, and a program that has something, too."""
    whole = drilled_organization()
    center = whole["identity_center"]
    center["groups"] = [{"name": LEADS, "members": [ANA, BO]}]
    center["users"].append({"user_name": "svc-deploy", "given_name": "Deploy", "family_name": "X", "email": "deploy@acme.example"})
    center["assignments"].append({"account": DEV, "permission_set": "Admin", "user": "svc-deploy"})
    return whole


drilled_organization, drilled.organization = drilled.organization, organization


def held(world):
    code, said, errors = world.json("who", "--live", "--config", "hallpass.toml")
    assert said is not None, errors
    return sorted((row["user_name"], row["account_id"], row["permission_set"]) for row in said["paths"])


def main():
    check = Checks()
    with Stage("convert") as stage:
        world = started(stage)
        common = ("access", "convert", "--config", "hallpass.toml", "--keep", "BreakGlass")
        done = world.run(*common, "--approvers", "nobody")
        check("without the group that approves there is no proposal", done.returncode == 2 and "no one group" in done.stderr, done.stderr)
        done = world.run(*common, "--approvers", LEADS, "--to", "proposed", "--max-duration", "2h")
        check("rules are proposed", done.returncode == 0, done.stderr)
        check("what stays is said, and programs by name", "the set is kept" in done.stderr and "looks like a program" in done.stderr, done.stderr)
        rules = tomllib.loads(stage.path("proposed/rules.toml").read_text())["rule"]
        found = sorted((rule["allowed_users"], "ous" in rule, rule.get("accounts", []), rule["permission_sets"]) for rule in rules)
        check.equal("each who has it, for where they have it: the unit of both accounts, and one account", found,
                    [([ANA], True, [], ["Admin"]), ([BO], False, [DEV], ["Admin"])])
        check.equal("with approvers and a limit", {(*rule["approver_groups"], rule["max_duration"]) for rule in rules}, {(LEADS, "2h")})
        people = list(csv.DictReader(io.StringIO(stage.path("proposed/people.csv").read_text())))
        check.equal("the people concerned are listed", sorted((row["user_name"], row["usage"]) for row in people),
                    [(ANA, "unknown"), (BO, "unknown")])
        done = world.run("rules", "check", "proposed/rules.toml")
        check("the rules are fit to be put in force", done.returncode == 0, done.stdout + done.stderr)
        done = world.run(*common, "--approvers", LEADS, "--max-duration", "2h")
        check.equal("without a folder they are printed", done.stdout, stage.path("proposed/rules.toml").read_text())
        before = held(world)
        code, said, errors = world.json("access", "plan", "proposed/access.yaml", "--config", "hallpass.toml")
        check.equal("nothing was changed by it", held(world), before)
        done = world.run("access", "apply", "proposed/access.yaml", "--yes", "--config", "hallpass.toml")
        check("the access file is planned and applied", code == 0 and done.returncode == 0, (errors, done.stderr))
        left = sorted([(BO, DEV, "BreakGlass"), (BO, TEST, "BreakGlass"), ("svc-deploy", DEV, "Admin")])
        wait(lambda: held(world) == left, 60)
        check.equal("just what the rules replace is gone", held(world), left)
    check.end()


if __name__ == "__main__":
    main()
