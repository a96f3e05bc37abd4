"""A thousand grants that end within a minute, against the limits that AWS documents: 20 requests a second and
ten outstanding writes. Prints how fast they are drained, beside whichever limit binds, in what order, what
becomes of a revoke and of a request pressed in the middle, how two hundred people who ask at once fare, and how
soon the ends of an outage are made up for, and how soon access ends whose create was lost with the server.

usage: HALLPASS_BIN=… python3 bench/drain.py [real|fast|unshared|crowd|outage|lost|databases|ten-thousand …]
DRAIN_GRANTS (1000), OUTAGE_GRANTS (500), OUTAGE_SECONDS (300), LOST_CREATES (20) and DRAIN_MANY (10000) make it shorter.
DRAIN_DATABASE=postgresql runs `real` and `fast` over a PostgreSQL of their own; `databases` runs them over both engines at
once, so that both meet the same load, and compares."""

import contextlib
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from crowd import OUR_RATE, SLOTS, Crowd, Outstanding, by_key, disorder, instant, lined_up, pause, writes  # noqa: E402
import postgres  # noqa: E402
from stage import Stage, free_port  # noqa: E402

GRANTS = int(os.environ.get("DRAIN_GRANTS", "1000"))
OUTAGE_GRANTS = int(os.environ.get("OUTAGE_GRANTS", "500"))
LOST_CREATES = int(os.environ.get("LOST_CREATES", "20"))
OUTAGE_SECONDS = int(os.environ.get("OUTAGE_SECONDS", "300"))
MANY = int(os.environ.get("DRAIN_MANY", "10000"))
DATABASE = os.environ.get("DRAIN_DATABASE", "sqlite")
MINUTE = 60
# of what PostgreSQL's figures may fall short of SQLite's
SHORT_MAX = 0.10


def say(name, value):
    print(f"  {name:<58} {value}", flush=True)


@contextlib.contextmanager
def database():
    """The address of a PostgreSQL that syncs what is committed, as a real one does; None for a file."""
    if DATABASE == "sqlite":
        yield None
        return
    with postgres.Server(free_port(), fsync="on") as server:
        yield f"postgres://hallpass:{server.password}@127.0.0.1:{server.port}/inventory?sslmode=disable"


def drain(name, count, speed, each=10, accounts=50, sets=5, presses=True):
    with database() as store, Stage("drain") as stage:
        people = -(-count // each)
        crowd = Crowd(stage, people + 2, accounts, sets, store=store)
        asker, holder = crowd.people[-1], crowd.people[-2]
        bystander = crowd.ask(holder, crowd.targets[0], 3600 * 4)
        # fewer end in as much less time, so that as many are due a second
        first = lined_up(crowd, count, each, MINUTE * min(count / 1000, 1))
        ends = [instant(grant["ends_at"]) for grant in crowd.grants("active").values()]
        crowd.wait_until(lambda: crowd.in_flight() == 0, 60)
        crowd.speed(speed)
        print(f"{name}: {count} grants ending within {max(e for e in ends if e < first + 3600) - min(ends):.0f} s, "
              f"operations of AWS at `--speed {speed}`", flush=True)
        time.sleep(max(0, min(ends) - time.time() - 1))
        since = crowd.newest()
        with Outstanding(crowd) as outstanding:
            pressed = asked = late = None
            if presses:
                crowd.wait_until(lambda: crowd.count("ended") >= count // 3, 3000)
                pressed, late = time.time(), crowd.count("ending", "active") - 1
                crowd.api(crowd.admin).post(f"/api/v1/grants/{bystander}/revoke", {"reason": "incident"})
                asked = time.time()
                grant = crowd.ask(asker, crowd.targets[1], 3600)
                crowd.wait_until(lambda: crowd.grants()[bystander]["state"] == "ended", 900)
                say("ends in line when a revoke was pressed", late)
                report_presses(crowd, since, pressed, asked, bystander, grant)
            crowd.wait_until(lambda: crowd.count("ended") >= count + presses, 3600, pause(count))
            report(crowd, since, outstanding, count, speed, pressed)


def report_presses(crowd, since, pressed, asked, revoked, granted_id):
    everything = crowd.grants()
    key = next(iter(by_key([everything[revoked]])))
    tries = [call for call in crowd.calls(since, ("DeleteAccountAssignment",))
             if (call["request"]["TargetId"], call["request"]["PrincipalId"]) == key]
    say("the revoke: first sent after", f"{instant(tries[0]['wall']) - pressed:.2f} s, {len(tries)} tries")
    say("the revoke: seen gone after", f"{instant(everything[revoked]['ended_at']) - pressed:.1f} s")
    crowd.wait_until(lambda: crowd.grants()[granted_id]["state"] not in ("scheduled", "granting"), 3600)
    grant = crowd.grants()[granted_id]
    active = f"after {instant(grant['granted_at']) - asked:.1f} s" if grant.get("granted_at") else ""
    say("the request meanwhile: its grant is", f"{grant['state']} {active}")


def report(crowd, since, outstanding, count, speed, pressed):
    calls = crowd.calls(since)
    deletes = writes(calls, "DeleteAccountAssignment")
    everything = by_key(crowd.grants().values())
    expired = [(at, everything[key]) for at, key in deletes if everything[key].get("cause") == "expired"]
    deadlines = [instant(grant["ends_at"]) for _, grant in expired]
    first, last = expired[0][0], expired[-1][0]
    over = max(instant(grant["ended_at"]) for _, grant in expired)
    took = last - first
    within = [call for call in calls if first <= instant(call["wall"]) <= over]
    binding = [call for call in calls if first <= instant(call["wall"]) <= last]
    say("drained in", f"{took:.0f} s; the last was seen gone {over - last:.1f} s later")
    say("ends a second", f"{(len(expired) - 1) / took:.2f}")
    # from when every place is taken: before that nobody waits for one
    full = next((at for at, number in outstanding.samples if at >= first and number >= SLOTS), first + 1)
    mean = outstanding.mean(full, last)
    say("outstanding writes, mean", f"{mean:.2f} of {SLOTS}: {mean / SLOTS:.1%}")
    say("requests a second, mean", f"{len(binding) / took:.2f} of {OUR_RATE:.0f}: {len(binding) / took / OUR_RATE:.1%}")
    say("calls an end", f"{len(within) / len(expired):.2f}")
    kinds = {}
    for call in within:
        kinds[call["operation"]] = kinds.get(call["operation"], 0) + 1
    say("of these", ", ".join(f"{name} {number / len(expired):.2f}" for name, number in sorted(kinds.items())))
    say("largest disorder by deadline", f"{disorder(deadlines):.2f} s")
    lags = sorted(instant(grant["ended_at"]) - instant(grant["ends_at"]) for _, grant in expired)
    say("lag, half and slowest", f"{statistics.median(lags):.0f} s, {lags[-1]:.0f} s")


def asked_at_once(name, speed, people=200, targets=8):
    with Stage("drain") as stage:
        crowd = Crowd(stage, people, targets, 1, speed=speed)
        print(f"{name}: {people} people request {targets} targets at the same time, `--speed {speed}`", flush=True)
        since, start = crowd.newest(), time.time()
        wanted = [(who, crowd.targets[n % targets]) for n, who in enumerate(crowd.people)]
        crowd.each(lambda one: crowd.ask(*one, 3600), wanted, at_once=16)
        say("all asked after", f"{time.time() - start:.1f} s")
        crowd.wait_until(lambda: crowd.count("scheduled", "granting") == 0, 1800)
        grants = crowd.grants().values()
        waits = sorted(instant(grant["granted_at"]) - instant(grant["scheduled_at"]) for grant in grants if grant.get("granted_at"))
        say("granted, failed", f"{len(waits)}, {crowd.count('failed')}")
        say("from asking to active: half, 95 of 100, last", f"{statistics.median(waits):.1f} s, {waits[int(len(waits) * .95)]:.1f} s, {waits[-1]:.1f} s")
        calls = crowd.calls(since)
        say("calls a grant", f"{len(calls) / people:.2f}")
        took = instant(calls[-1]["wall"]) - instant(calls[0]["wall"])
        say("requests a second, mean", f"{len(calls) / took:.2f} of {OUR_RATE:.0f}")


def outage(count, seconds):
    with Stage("drain") as stage:
        each = 10
        crowd = Crowd(stage, -(-count // each), 50, 5)
        first = lined_up(crowd, count, each, within=min(MINUTE, seconds / 3))
        crowd.wait_until(lambda: crowd.in_flight() == 0, 60)
        crowd.speed("real")
        print(f"outage: {count} grants end while AWS does not answer for {seconds} s", flush=True)
        time.sleep(max(0, first - time.time() - seconds / 6))
        fault = {"kind": "drop_before_effect", "how": {"hang_seconds": 30}, "match": {"service": "sso"}}
        crowd.sim.post("/_sim/faults", fault)
        time.sleep(seconds)
        since = crowd.newest()
        with Outstanding(crowd) as outstanding:
            crowd.sim.call("DELETE", "/_sim/faults")
            back = time.time()
            crowd.wait_until(lambda: crowd.count("ended") >= count, 3600)
            deletes = writes(crowd.calls(since), "DeleteAccountAssignment")
        everything = by_key(crowd.grants().values())
        say("first removal sent after AWS answered again", f"{deletes[0][0] - back:.2f} s")
        full = next(at for at, number in outstanding.samples if at > back and number >= SLOTS - 1)
        say("every slot taken, the rest in line, after", f"{full - back:.2f} s")
        mean = outstanding.mean(back + 5, deletes[-1][0])
        say("outstanding writes from 5 s on, mean", f"{mean:.2f} of {SLOTS}")
        say("all sent after", f"{deletes[-1][0] - back:.0f} s")
        say("largest disorder by deadline", f"{disorder([instant(everything[key]['ends_at']) for _, key in deletes]):.2f} s")


def lost_creates(tries):
    """The server is killed as soon as AWS has taken a create, whose answer and status nobody then knows; the end is
    due when it is back. AWS goes on with the create: what is left of it and the removal are its own share."""
    with Stage("drain") as stage:
        crowd = Crowd(stage, 1, tries, 1, speed="real")
        print(f"lost creates: {tries} times killed in the middle of one, operations of AWS at `--speed real`", flush=True)
        lags, shares = [], []
        for target in crowd.targets[:tries]:
            since = crowd.newest()
            grant = crowd.ask(crowd.people[0], target, 1)
            crowd.wait_until(lambda: writes(crowd.calls(since), "CreateAccountAssignment"), 60, every=0.02)
            crowd.process.kill()
            crowd.process.wait()
            killed = time.time()
            crowd.start()
            back = time.time()
            # AWS is busy until the create and the removal are over
            busy = 0.0
            def over():
                nonlocal busy
                if crowd.in_flight():
                    busy = time.time()
                return crowd.grants()[grant]["state"] in ("ended", "failed")
            crowd.wait_until(over, 300, every=0.2)
            seen = crowd.grants()[grant]
            if seen["state"] != "ended":
                raise SystemExit(f"the grant is {seen}")
            lags.append(instant(seen["ended_at"]) - back)
            shares.append(max(0.0, busy - back))
            say(f"back {back - killed:.1f} s after the kill", f"reported as ended after {lags[-1]:.1f} s, AWS's own share {shares[-1]:.1f} s")
        ours = sorted(lag - share for lag, share in zip(lags, shares))
        say("ended after the server is back: half, slowest", f"{statistics.median(lags):.1f} s, {max(lags):.1f} s")
        say("beyond what AWS took: half, slowest", f"{statistics.median(ours):.1f} s, {ours[-1]:.1f} s")


def databases():
    """The same drains over both engines at the same time."""
    def begun(engine):
        command = [sys.executable, __file__, "real", "fast"]
        return subprocess.Popen(command, env={**os.environ, "DRAIN_DATABASE": engine}, stdout=subprocess.PIPE, text=True)
    both = {engine: begun(engine) for engine in ("sqlite", "postgresql")}
    said = {engine: process.communicate()[0] for engine, process in both.items()}
    for engine, text in said.items():
        print(f"{engine}:\n{text}")
    if any(process.returncode for process in both.values()):
        raise SystemExit("a drain did not come to its end")
    for nth, kind in enumerate(("real", "fast")):
        ours, theirs = (float(re.findall(r"ends a second +([0-9.]+)", said[engine])[nth]) for engine in ("sqlite", "postgresql"))
        is_near = theirs >= ours * (1 - SHORT_MAX)
        say(f"ends a second, PostgreSQL of SQLite, `--speed {kind}`", f"{theirs / ours:.1%}{'' if is_near else ': FALLS SHORT'}")


def main():
    # a benchmark takes what it takes; scripts that check are ended (`stage.LONGEST_SECONDS`)
    signal.alarm(0)
    wanted = sys.argv[1:] or ["databases", "unshared", "crowd", "outage", "lost"]
    print(f"load of the machine at the start: {os.getloadavg()[0]:.1f}")
    if "real" in wanted:
        drain("drain", GRANTS, "real")
    if "fast" in wanted:
        drain("drain where the rate of requests binds", GRANTS, "fast")
    if "unshared" in wanted:
        # worst case: no listing serves two of them
        drain("drain, every grant on a separate target", min(GRANTS, 250), "real", each=1, presses=False)
        drain("the same where the rate binds", min(GRANTS, 250), "fast", each=1, presses=False)
    if "databases" in wanted:
        databases()
    if "ten-thousand" in wanted:
        # a target each; a hundred of each person, who would else be ten thousand who sign in
        drain("ten thousand", MANY, "fast", each=100, accounts=-(-MANY // 20), sets=20, presses=False)
    if "crowd" in wanted:
        asked_at_once("crowd", "real")
        asked_at_once("crowd where the rate of requests binds", "fast")
    if "outage" in wanted:
        outage(OUTAGE_GRANTS, OUTAGE_SECONDS)
    if "lost" in wanted:
        lost_creates(LOST_CREATES)
    print(f"load of the machine at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
