#!/usr/bin/env python3
"""A drill from its policy to nothing left: refused where it must be, applied, in force for some and
not for others, over by the clock, reaped; and applied by a process that is killed in the middle."""

import json
import signal
import time

from drilled import ANA, BO, DEV, PROD, denied, instant, started
from stage import Checks, Stage, wait

EXEMPT = "arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_BreakGlass_*"


def generated(world, name, seconds, exempt=EXEMPT):
    made = world.run("org", "outage", "generate", "--region", "us-east-1", "--services", "iam", "--start", instant(-60),
                     "--end", instant(seconds), "--exempt-role", exempt)
    world.stage.path(name).write_text(made.stdout)
    return made


def refusals(check, world):
    targets = {"the root": world.root, "the management account": "111122223333", "production": world.units["Prod"],
               "an account in production": PROD}
    for name, target in targets.items():
        code, said, errors = world.json("org", "outage", "apply", "drill.json", "--target", target, "--apply", "--yes")
        check.equal(f"{name} is refused", code, 4)
        check(f"{name}: the refused plan is shown", said and said["plan"]["state"] == "planned", errors)
        check(f"{name}: with a reason", "refused" in errors, errors)
    # the set is there, and the people in its role would be denied: the pattern lacks the role's path
    generated(world, "pathless.json", 3600, "arn:aws:iam::*:role/AWSReservedSSO_BreakGlass_*")
    code, _, errors = world.json("org", "outage", "apply", "pathless.json", "--target", world.units["NonProd"], "--apply", "--yes")
    check("a pattern that misses the role is refused", code == 4 and "no break-glass role" in errors, (code, errors))
    code, said, errors = world.json("org", "outage", "apply", "drill.json", "--target", "NonProd")
    check.equal("a name is no id", (code, said), (2, None))
    check.equal("nothing was changed", world.ours(), {})
    listed = world.run("plan", "list", "--output", "jsonl")
    check.equal("refused plans are not kept", listed.stdout, "")


def drill(check, world):
    unit = world.units["NonProd"]
    made = generated(world, "drill.json", 3600)
    check.equal("a drill is generated", made.returncode, 0)
    began = time.monotonic()
    refusals(check, world)
    # what follows until its end are fewer commands than these: a slow machine needs longer for both
    lasts = max(45, int(3 * (time.monotonic() - began)))
    generated(world, "drill.json", lasts)
    end = time.monotonic() + lasts
    code, said, errors = world.json("org", "outage", "apply", "drill.json", "--target", unit)
    check("without --apply the plan is shown", code == 0 and said["plan"]["totals"]["changed"] > 0, errors)
    check.equal("and nothing is done", world.ours(), {})
    (ana, ana_s3), (bo, _) = world.login(ANA), world.login(BO, "BreakGlass")
    check("a member's admin may call before", not denied(ana.list_roles))
    code, said, errors = world.json("org", "outage", "apply", "drill.json", "--target", unit, "--apply", "--yes")
    check("it is applied", code == 0 and said["applied_at"], (code, errors))
    name = "hallpass-drill-" + said["id"]
    check.equal("one policy, attached once", world.ours(), {name: [unit]})
    check("its probes are as expected", said["probes"] and all(r["got"] == r["expected"] for r in said["probes"]), said)
    check.equal("the accounts are shown", len(said["accounts"]), 2)
    check("calls of a member's admin are refused", wait(lambda: denied(ana.list_roles), 15))
    check("those of the break-glass role are not", not denied(bo.list_roles))
    check("and not those of other services", not denied(ana_s3.list_buckets))
    code, again, errors = world.json("org", "outage", "apply", "drill.json", "--target", unit, "--apply", "--yes")
    check("applying again changes nothing", code == 0 and again["plan"]["totals"]["changed"] == 0, (code, errors))
    code, rows, _ = world.json("org", "outage", "list")
    check("it is listed as active", code == 0 and rows[0]["state"] == "active", rows)
    code, _, errors = world.json("org", "outage", "reap", "--apply", "--yes")
    check("nothing is reaped before its end", code == 0 and list(world.ours()) == [name], errors)
    time.sleep(max(0, end - time.monotonic()) + 1)
    check("it ends by the clock alone", wait(lambda: not denied(ana.list_roles), 15))
    code, rows, errors = world.json("org", "outage", "list")
    check("over and still attached is exit 1", code == 1 and rows[0]["state"] == "expired", (code, rows))
    code, said, errors = world.json("org", "outage", "reap", "--apply", "--yes")
    check("it is reaped", code == 0, (code, said, errors))
    check.equal("nothing is left", world.ours(), {})
    code, rows, _ = world.json("org", "outage", "list")
    check("and the list knows", code == 0 and rows[0]["state"] == "removed" and rows[0]["removed_at"], rows)
    return said


def killed(check, world, operation):
    """Killed as the write goes out; resumed by the plan's id."""
    unit, file = world.units["NonProd"], f"{operation}.json"
    generated(world, file, 3600 + len(operation))
    # held before it has any effect, however late the script looks: whoever gives it up after ten seconds and sends it again is held, too
    held = world.sim.post("/_sim/faults", {"kind": "latency", "distribution": {"fixed_ms": 60000}, "match": {"operation": operation}}).json["ids"][0]
    process = world.stage.spawn("org", "outage", "apply", file, "--target", unit, "--apply", "--yes", log="killed.log", **world.environment)
    # its intent is stored before it is sent
    sent = lambda: next(it["fired"] for it in world.sim.get("/_sim/faults").json["faults"] if it["id"] == held)
    check(f"{operation}: under way", wait(sent, 60, process), world.stage.said("killed.log"))
    world.stage.stop(process, signal.SIGKILL)
    world.sim.call("DELETE", "/_sim/faults")
    running = [row for row in plans(world) if row["state"] == "running"]
    check.equal(f"{operation}: its plan is known", len(running), 1)
    plan = running[0]["plan"]
    code, said, errors = world.json("plan", "resume", plan, "--no-wait")
    check.equal(f"{operation}: its lane is held for a while", code, 5)
    code, said, errors = world.json("plan", "resume", plan)
    check(f"{operation}: it is resumed", code == 0 and said["state"] == "done", (code, errors))
    ours = world.ours()
    check(f"{operation}: one policy, attached once", list(ours.values()) == [[unit]], ours)
    identity = next(iter(ours), "hallpass-drill-").removeprefix("hallpass-drill-")
    # another machine has nothing but the tags
    code, _, errors = world.json("org", "outage", "remove", identity, "--apply", "--yes", "--config", "other.toml")
    check(f"{operation}: removed by its tags alone", code == 0 and world.ours() == {}, (code, errors))
    code, _, errors = world.json("org", "outage", "remove", identity, "--apply", "--yes")
    check(f"{operation}: removing what is gone is fine", code == 0, (code, errors))


def plans(world):
    return [json.loads(line) for line in world.run("plan", "list", "--output", "jsonl").stdout.splitlines()]


def taken_back(check, world):
    unit = world.units["NonProd"]
    generated(world, "undo.json", 4000)
    _, said, _ = world.json("org", "outage", "apply", "undo.json", "--target", DEV, "--apply", "--yes")
    check.equal("another is applied to an account", list(world.ours().values()), [[DEV]])
    code, shown, _ = world.json("plan", "show", said["plan"]["plan"])
    check("its plan is shown", code == 0 and shown["report"]["state"] == "done", shown)
    code, _, errors = world.json("plan", "undo", said["plan"]["plan"], "--apply", "--yes")
    check("and taken back", code == 0 and world.ours() == {}, (code, errors))
    code, _, errors = world.json("org", "outage", "apply", "undo.json", "--target", unit, "--max-changes", "1")
    check.equal("a plan above its limit is refused", code, 4)


def main():
    check = Checks()
    with Stage("outage") as stage:
        world = started(stage)
        drill(check, world)
        taken_back(check, world)
        for operation in ("CreatePolicy", "AttachPolicy"):
            killed(check, world, operation)
        changed = world.changed()
        check("every change has its record", len(changed) >= 10, len(changed))
        check("with who and what", all(row["actor"].endswith("sim-admin") and row["plan_id"] for row in changed), changed[:1])
        done = stage.run("audit", "verify")
        check.equal("the log verifies", done.returncode, 0)
        done = stage.run("server", "store", "check")
        check.equal("the store is sound", done.returncode, 0)
    check.end()


if __name__ == "__main__":
    main()
