#!/usr/bin/env python3
"""Who can reach what: a snapshot of the simulated organization goes to reviewers as CSV and comes back; what they take away is
shown with all that goes with it, refused where it has to be, carried out once, and told by the next snapshot as lost
(`inventory.md` §3)."""

import csv
import io
import json

import drilled
from drilled import ANA, BO, DEV, MANAGEMENT, TEST, started
from stage import Checks, Stage, wait

GROUP = "Operators"
GONE = "99999999-2222-3333-4444-555555555555"


def organization():
    """The one of the other scripts, with a group that both people are in."""
    whole = drilled_organization()
    center = whole["identity_center"]
    center["groups"] = [{"name": GROUP, "members": [ANA, BO]}]
    center["assignments"] += [{"account": TEST, "permission_set": "Admin", "group": GROUP},
                              {"account": MANAGEMENT, "permission_set": "BreakGlass", "group": GROUP}]
    # nobody has it, and the role is there
    whole["entitlements"] = [{"account": DEV, "role": "vendors/Reader", "user_id": GONE}]
    return whole


drilled_organization, drilled.organization = drilled.organization, organization


def snapshot(world):
    done = world.run("sync", "--only", "organizations,identity-center", "--config", "hallpass.toml", "--output", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["snapshot_id"]


def who(world, *arguments):
    code, said, errors = world.json("who", *arguments)
    assert said is not None, errors
    return said


def reviewed(world, decide, name="review.csv"):
    """The file for reviewers, decided upon, as a spreadsheet saves it."""
    done = world.run("who", "--review-csv")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    for row in rows:
        row["decision"] = decide(row)
        row["reason"] = "=1+1" if row["decision"] else ""
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0].keys(), delimiter=";", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    world.stage.path(name).write_text("\ufeff" + out.getvalue())
    return rows


def is_row(row, user, account, name, via):
    return (row["user_name"], row["account_id"], row["permission_set"], row["via"]) == (user, account, name, via)


def refused(check, world):
    """What is wrong is said at its line, and nothing is done."""
    reviewed(world, lambda row: "perhaps" if is_row(row, BO, DEV, "Admin", "direct") else "")
    done = world.run("who", "apply-review", "review.csv", "--apply", "--yes")
    check("an invalid decision is reported at its line", done.returncode == 2 and "`perhaps` is no decision" in done.stderr, done.stderr)
    reviewed(world, lambda row: {("group:" + GROUP, TEST): "remove", ("group:" + GROUP, MANAGEMENT): "keep"}.get((row["via"], row["account_id"]), ""))
    done = world.run("who", "apply-review", "review.csv", "--apply", "--yes")
    check("one membership is not kept and removed", done.returncode == 2 and "it is to be kept, and line" in done.stderr, done.stderr)
    done = world.run("who", "apply-review", "nothing.csv")
    check("a missing file is reported", done.returncode == 2, done.stderr)


def live(check, world):
    """The same answer as a snapshot, from AWS and by every plan; and what that costs."""
    kept = who(world)
    for plan in ("nested", "provisioned", "principal"):
        found = who(world, "--live", "--plan", plan, "--config", "hallpass.toml")
        check.equal(f"{plan} says what the snapshot says", found, kept)
    found = who(world, "--live", "--user", BO, "--config", "hallpass.toml")
    check.equal("also of one person", found["paths"], [row for row in kept["paths"] if row["user_name"] == BO])
    code, said, errors = world.json("sync", "--explain")
    check.equal("every plan is priced, and one is chosen", [(row["plan"], row["calls"], row["chosen"]) for row in said],
                [("nested", 8, False), ("provisioned", 5, True), ("principal", 3, False)])
    check("and nothing is kept of that", code == 0 and "4 accounts, 2 permission sets in 5 pairs, 2 people, 1 groups" in errors, errors)


def taken_away(check, world):
    """A direct assignment, and a membership with what goes with it."""
    before = snapshot(world)
    paths = who(world)["paths"]
    check.equal("every way of the file is there", len(paths), 9)

    def decide(row):
        is_direct = is_row(row, BO, DEV, "Admin", "direct")
        return "remove" if is_direct or is_row(row, BO, TEST, "Admin", f"group:{GROUP}") else "keep" if row["user_name"] == ANA else ""

    reviewed(world, decide)
    code, said, errors = world.json("who", "apply-review", "review.csv")
    check.equal("without --apply it is only shown", (code, said["plan"]["state"], len(said["removals"]), said["kept"], said["undecided"]),
                (0, "planned", 2, 4, 3))
    lost = [(row["user_name"], row["account_id"], row["permission_set"]) for row in said["also_lost"]]
    check.equal("what goes with the membership is shown", lost, [(BO, MANAGEMENT, "BreakGlass")])
    check("also to people", "out of group Operators" in errors and "goes with it" in errors, errors)
    check.equal("and nothing is done", len(who(world)["paths"]), 9)
    code, said, errors = world.json("who", "apply-review", "review.csv", "--apply", "--yes")
    check("it is carried out", code == 0 and said["plan"]["state"] == "done", (code, said, errors))
    code, said, errors = world.json("who", "apply-review", "review.csv", "--apply", "--yes")
    check("a second time there is nothing to do", code == 0 and said["plan"]["totals"]["changed"] == 0, (code, said, errors))
    wait(lambda: snapshot(world) and len(who(world)["paths"]) == 6, 60)
    code, said, errors = world.json("who", "diff", before, "newest")
    found = {(row["change"], row["user_name"], row["account_id"], row["permission_set"], row["reasons"][0]["kind"]) for row in said["changes"]}
    check.equal("the next snapshot says who lost what, and why", found, {
        ("lost", BO, DEV, "Admin", "assignment_removed"), ("lost", BO, TEST, "Admin", "left_group"),
        ("lost", BO, MANAGEMENT, "BreakGlass", "left_group")})
    done = world.run("who", "apply-review", "review.csv")
    check("what is gone already is counted", done.returncode == 0 and "2 already removed" in done.stderr, done.stderr)


def entitled(check, world):
    """Roles that people take without a permission set: paths of their own, findings, and what changed."""
    before = snapshot(world)
    found = who(world)
    check.equal("an entitlement of no user is a finding", [(row["kind"], row["role_name"]) for row in found["findings"] if row["role_name"]],
                [("orphaned", "Reader")])
    access, ids = world.client("account-access", world.environment), world.client("identitystore", world.environment)
    application = access.list_applications()["applications"][0]["applicationArn"]
    role = access.list_entitlements(applicationArn=application, filter={"principalRole": {"account": DEV}})
    role = role["entitlements"][0]["entitlement"]["principalRole"]["roleArn"]
    store = world.client("sso-admin", world.environment).list_instances()["Instances"][0]["IdentityStoreId"]
    group = ids.list_groups(IdentityStoreId=store)["Groups"][0]["GroupId"]
    user = next(it["UserId"] for it in ids.list_users(IdentityStoreId=store)["Users"] if it["UserName"] == ANA)
    for principal in ({"userId": user}, {"groupId": group}):
        access.create_entitlement(applicationArn=application, entitlement={"principalRole": {
            "principal": {"identityCenter": principal}, "roleArn": role}})
    wait(lambda: snapshot(world) and len([row for row in who(world)["paths"] if row["role_arn"]]) == 2, 60)
    found = [(row["user_name"], row["via"], row["permission_set"], row["role_arn"]) for row in who(world)["paths"] if row["role_arn"]]
    check.equal("it is a separate path", found, [(ANA, "entitlement", None, role), (ANA, f"entitlement:group:{GROUP}", None, role)])
    live = who(world, "--live", "--config", "hallpass.toml", "--account", DEV)
    check.equal("also live", live["paths"], [row for row in who(world)["paths"] if row["account_id"] == DEV])
    folded = [row["via"] for row in who(world, "--effective")["paths"] if row["role_arn"]]
    check.equal("and folded", folded, [f"entitlement;entitlement:group:{GROUP}"])
    code, said, errors = world.json("who", "diff", before, "newest")
    found = [(row["change"], row["user_name"], row["role_name"], [it["kind"] for it in row["reasons"]]) for row in said["changes"]]
    check.equal("who gained it, and how", (code, found), (0, [("gained", ANA, "Reader", ["entitlement_added", "entitlement_added"])]))
    check("nothing is left uncovered", "not covered" not in errors, errors)
    reviewed(world, lambda row: "remove" if row["via"] == "entitlement" else "")
    done = world.run("who", "apply-review", "review.csv")
    check("of a review it is refused with what would do it", done.returncode == 2 and "delete-entitlement" in done.stderr, done.stderr)


def main():
    check = Checks()
    with Stage("who") as stage:
        world = started(stage)
        stage.make_store()
        snapshot(world)
        live(check, world)
        refused(check, world)
        taken_away(check, world)
        entitled(check, world)
    check.end()


if __name__ == "__main__":
    main()
