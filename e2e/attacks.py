#!/usr/bin/env python3
"""What somebody may do to hold access open, or to get some: each against the real binary, with real
descriptors. Whatever is attacked, no grant is in AWS 60 s after its end (`design.md` §2: P1, P11).

    attacks.py [NAME…]     without a name: all of them, then all at once
    ATTACK_SOAK_MINUTES=30: what can be repeated goes on for so long

An attack is a module `attack_NAME.py` with `NAME` and `run(check, stage)`. One that can go on beside others
also has `held(server)`, a context within which it does, and may have `environment(stage)` and `CONFIGURATION`,
which the server needs for it. What ends that AWS enforces withstand (everything of ours stopped, the home Region lost, a key disabled,
access given beside an armed end, a foreign statement) is played by the parts of `armed.py`, which need an organization of their own."""

import contextlib
import importlib
import sys
import time

from served import MARA, Served
from stage import HERE, Checks, Stage, wait

# the longest first
ORDER = ["connections", "clock", "directory", "guard", "operator"]


def modules():
    found = {path.stem.removeprefix("attack_") for path in HERE.glob("attack_*.py")}
    named = [name for name in ORDER if name in found] + sorted(found - set(ORDER))
    return [importlib.import_module(f"attack_{name}") for name in named]


def all_at_once(check, stage, attacks):
    """Every attack that can be held beside others, on one server, over the ends of two grants: the first
    while the server is at work, the second after the last attack has stopped it."""
    from attack_connections import DESCRIPTORS, granted, patiently
    held = [attack for attack in attacks if hasattr(attack, "held")]
    environment, extra = {}, ""
    for attack in held:
        if hasattr(attack, "environment"):
            environment |= attack.environment(stage)
        extra += getattr(attack, "CONFIGURATION", "")
    server = Served(stage, descriptors=DESCRIPTORS, extra=extra, **environment)
    names = ", ".join(attack.NAME for attack in held)
    first, second = granted(check, server, 40), granted(check, server, 75, account="payments-staging")
    with contextlib.ExitStack() as together:
        for attack in held[:-1]:
            together.enter_context(attack.held(server))
        check("all but the last are at work before its end", time.time() < first.ends)
        first.ends_in_time(check, "all but the last together: the grant")
        together.enter_context(held[-1].held(server))
        check("all are at work before the other's end", time.time() < second.ends)
        second.ends_in_time(check, f"all together ({names}): the grant")
    live = lambda: patiently(lambda: server.api(MARA).get("/api/v1/grants?state=live"))[0].json["items"]
    check("afterwards the server answers, and nothing is live", wait(lambda: live() == [], 60), live())
    check.equal("it stops in order", stage.stop(server.process), 0)
    check("the log is whole", stage.run("audit", "verify", "audit").returncode == 0)


def main():
    check, attacks = Checks(), modules()
    wanted = sys.argv[1:] or [attack.NAME for attack in attacks] + ["all_at_once"]
    known = [attack.NAME for attack in attacks] + ["all_at_once"]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        sys.exit(f"no attack {', '.join(unknown)}: there are {', '.join(known)}")
    for attack in attacks:
        if attack.NAME in wanted:
            attacked(check, attack.NAME, attack.run)
    if "all_at_once" in wanted:
        attacked(check, "all_at_once", lambda check, stage: all_at_once(check, stage, attacks))
    check.end()


def attacked(check, name, run):
    """In a folder of its own; what goes wrong in one does not hide the others."""
    print(f"     -- {name}", flush=True)
    begun = time.monotonic()
    try:
        with Stage(f"attack-{name}") as stage:
            run(check, stage)
    except Exception as error:  # noqa: BLE001 - a failed check, with the place it came from
        check(f"{name} goes through", False, f"{type(error).__name__}: {error}")
        import traceback
        traceback.print_exc(file=sys.stdout)
    print(f"     -- {name}: {time.monotonic() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    main()
