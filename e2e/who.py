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


def organization():
    """The one of the other scripts, with a group that both people are in."""
    whole = drilled_organization()
    center = whole["identity_center"]
    center["groups"] = [{"name": GROUP, "members": [ANA, BO]}]
    center["assignments"] += [{"account": TEST, "permission_set": "Admin", "group": GROUP},
                              {"account": MANAGEMENT, "permission_set": "BreakGlass", "group": GROUP}]
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
    done = world.run("who", "apply-review", "review.csv", "--apply")
    check("what is no decision is said at its line", done.returncode == 2 and "`perhaps` is no decision" in done.stderr, done.stderr)
    reviewed(world, lambda row: {("group:" + GROUP, TEST): "remove", ("group:" + GROUP, MANAGEMENT): "keep"}.get((row["via"], row["account_id"]), ""))
    done = world.run("who", "apply-review", "review.csv", "--apply")
    check("one membership is not kept and removed", done.returncode == 2 and "it is to be kept, and line" in done.stderr, done.stderr)
    done = world.run("who", "apply-review", "nothing.csv")
    check("a file that is not there is said", done.returncode == 2, done.stderr)


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
    check("what is gone already is counted", done.returncode == 0 and "2 already gone" in done.stderr, done.stderr)


def main():
    check = Checks()
    with Stage("who") as stage:
        world = started(stage)
        snapshot(world)
        live(check, world)
        refused(check, world)
        taken_away(check, world)
    check.end()


if __name__ == "__main__":
    main()
