#!/usr/bin/env python3
"""Cutting a person's live sessions off: refused at once, others go on, and all is taken back once no
session is left that could be meant."""

from drilled import ANA, BO, DEV, TEST, denied, instant, started
from stage import Checks, Stage, wait

NAME = "hallpass-sessions"


def cut(world, *arguments, name):
    made = world.run("people", "sessions", "generate", "--as", "scp", *arguments)
    world.stage.path(name).write_text(made.stdout)
    return made


def drifted(said):
    return [row["key"] for row in (said or {}).get("targets", []) if row["outcome"] == "drifted"]


def together(check, world, hers):
    """Plans that were made before somebody else cut people off."""
    code, said, errors = world.json("plan", "undo", hers, "--apply", "--yes")
    check("her lock is not undone: he was added", code == 1 and drifted(said), (code, said, errors))
    check.equal("the policy stays attached", world.ours(), {NAME: [world.root]})
    _, said, _ = world.json("people", "sessions", "prune", "--at", instant(3700))
    prune = said["plan"]
    code, _, errors = world.json("people", "sessions", "apply", "ana.json", "--target", world.root, "--ends-at", instant(5000), "--apply", "--yes")
    check.equal("she is locked for longer", code, 0)
    code, said, errors = world.json("plan", "resume", prune, "--apply", "--yes")
    check("an earlier plan does not take her out", code == 1 and drifted(said), (code, said, errors))


def main():
    check = Checks()
    with Stage("cutoff") as stage:
        world = started(stage)
        (ana, _), (bo, _) = world.login(ANA), world.login(BO)
        check("both may call", not denied(ana.list_roles) and not denied(bo.list_roles))
        made = cut(world, "--user", ANA, name="ana.json")
        check.equal("a policy is generated", made.returncode, 0)
        apply = ("people", "sessions", "apply", "ana.json", "--target", world.root, "--ends-at", instant(3600))
        code, said, errors = world.json(*apply)
        check("the plan is shown", code == 0 and said["totals"]["changed"] == 3, (code, errors))
        check.equal("and nothing is done", world.ours(), {})
        code, said, errors = world.json(*apply, "--apply", "--yes")
        check("it is applied", code == 0 and said["state"] == "done", (code, errors))
        check.equal("attached once", world.ours(), {NAME: [world.root]})
        check("her live session is refused", wait(lambda: denied(ana.list_roles), 15))
        check("and one that she gets now, too", wait(lambda: denied(world.login(ANA, account=TEST)[0].list_roles), 15))
        check("his continues", not denied(bo.list_roles))
        hers = said["plan"]
        code, said, _ = world.json(*apply, "--apply", "--yes")
        check("twice is once", code == 0 and said["totals"]["changed"] == 0, said)

        cut(world, "--user", BO, name="bo.json")
        code, said, errors = world.json("people", "sessions", "apply", "bo.json", "--target", world.root, "--ends-at", instant(7200), "--apply", "--yes")
        check("another is added in place", code == 0 and world.ours() == {NAME: [world.root]}, (code, errors))
        check("he is refused, too", wait(lambda: denied(bo.list_roles), 15))
        check("and no one unlocked her", denied(ana.list_roles))
        code, rows, errors = world.json("people", "sessions", "list")
        values = {row["value"]: row["state"] for row in rows or []}
        check("both are listed with their ends", code == 0 and values.get(ANA) == values.get(BO) == "in_force"
              and all(row["ends_at"] for row in rows), (rows, errors))

        together(check, world, hers)
        check("no one was unlocked", denied(ana.list_roles) and denied(bo.list_roles))

        code, _, errors = world.json("people", "sessions", "prune", "--at", "now", "--apply", "--yes")
        check("nothing is pruned before its time", code == 0 and denied(ana.list_roles), errors)
        code, said, errors = world.json("people", "sessions", "prune", "--at", instant(5100), "--apply", "--yes")
        check("what is over goes", code == 0 and said["state"] == "done", (code, errors))
        check("she may call again", wait(lambda: not denied(ana.list_roles), 15))
        check("he may not", denied(bo.list_roles))
        code, _, errors = world.json("people", "sessions", "prune", "--at", instant(7300), "--apply", "--yes")
        check("the last takes the policy with it", code == 0 and world.ours() == {}, (code, errors, world.ours()))
        check("he may call again", wait(lambda: not denied(bo.list_roles), 15))
        code, rows, _ = world.json("people", "sessions", "list")
        check.equal("the list is empty", (code, rows), (0, []))

        code, _, _ = world.json("people", "sessions", "apply", "ana.json", "--target", "111122223333", "--apply", "--yes")
        check.equal("the management account is refused", code, 4)
        code, said, _ = world.json("people", "sessions", "apply", "hallpass.toml", "--target", DEV)
        check.equal("what is no policy is bad input", (code, said), (2, None))
        code, said, _ = world.json("people", "sessions", "list", "--web")
        check.equal("web sessions are listed apart", (code, said), (0, []))
        changed = world.changed()
        check("every change has its record", {row["step_kind"] for row in changed} >=
              {"policy.put", "policy.attach", "policy.detach", "policy.delete"}, changed)
        check.equal("the log verifies", stage.run("audit", "verify").returncode, 0)
    check.end()


if __name__ == "__main__":
    main()
