"""`hallpass sync` over a large organization of the simulator: killed in the middle and gone on with, how much memory it takes,
how many calls it makes and how many the plan that asks for each thing by itself would make; then how `who` and one query
answer from what it wrote.

usage: HALLPASS_BIN=… python3 bench/sync.py [GROUP,…]    (`hallpass-query` beside the binary; default: organizations,iam)
SYNC_SCALE (large: 5,000 accounts; or small: 40) is how large, SYNC_KILL (0.3) after which part of the slices it is killed."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from stage import Api, Stage, wait  # noqa: E402

SCALE = os.environ.get("SYNC_SCALE", "large")
KILL_AFTER = float(os.environ.get("SYNC_KILL", "0.3"))
GROUPS = sys.argv[1] if len(sys.argv) > 1 else "organizations,iam"
# tables of IAM of an account; an account has one slice of each
IAM_TABLES = 12


def begun(stage, environment, *arguments):
    """A run of `sync`, whose memory is asked for when it has ended."""
    log = open(stage.path("sync.err"), "ab")
    out = open(stage.path("sync.out"), "wb")
    return subprocess.Popen([stage.binary, "sync", "--only", GROUPS, "--output", "json", *arguments], stdout=out, stderr=log,
                            cwd=stage.folder, env=stage.environment(**environment))


def ended(process):
    """Its exit code, the largest part of memory it had in MiB, and seconds of a processor."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, used.ru_maxrss / 1024, used.ru_utime + used.ru_stime


def calls(sim):
    counters = sim.get("/_sim/calls?limit=1").json["counters"]
    return {name: sum(ends.values()) for name, ends in counters.items()}


def asked(stage, sql):
    ran = stage.run("query", sql, "--output", "json", "--allow-partial", timeout=600)
    if not ran.stdout:
        sys.exit(ran.stderr)
    return json.loads(ran.stdout)


def killed(stage, environment, accounts):
    """Begins, and kills it once it has so many slices."""
    slices_of = lambda runs: sum(len(list((runs / run / "slices").iterdir())) for run in os.listdir(runs) if (runs / run / "slices").exists())
    runs, wanted = stage.path(".local/state/hallpass/sync"), int(accounts * IAM_TABLES * KILL_AFTER)
    began, process = time.monotonic(), begun(stage, environment)
    wait(lambda: process.poll() is not None or (runs.exists() and slices_of(runs) >= wanted), 3600, every=1)
    process.send_signal(signal.SIGKILL)
    code, memory, busy = ended(process)
    if code != -signal.SIGKILL:
        sys.exit(f"it ended before it was killed: {code}\n{stage.said('sync.err')[-2000:]}")
    [run] = os.listdir(runs)
    print(f"killed after {time.monotonic() - began:.0f} s with {slices_of(runs):,} slices; most memory {memory:.0f} MiB, {busy:.0f} s of a processor", flush=True)
    return run


def naive(stage, accounts):
    """Calls of a plan that lists everything of everybody: for each user keys, tags, second factors and the login, for each key
    its use, for each role its use; what is listed once is left out."""
    [found] = asked(stage, "SELECT (SELECT count(*) FROM aws_iam_users) AS users, (SELECT count(*) FROM aws_iam_user_access_keys) AS keys, "
                           "(SELECT count(*) FROM aws_iam_roles) AS roles")
    return 4 * found["users"] + found["keys"] + found["roles"] + 7 * accounts, found


def main():
    with Stage("bench-sync") as stage:
        process, endpoint, environment = stage.simulator("--scale", SCALE, "--no-throttle", "--speed", "instant")
        sim = Api(endpoint)
        accounts = sim.get("/_sim/state").json["organization"]["accounts"]
        print(f"{accounts:,} accounts; {GROUPS}", flush=True)
        sim.post("/_sim/calls/reset", {})
        run = killed(stage, environment, accounts)
        before = calls(sim)
        print(f"{sum(before.values()):,} calls until then", flush=True)
        sim.post("/_sim/calls/reset", {})
        began = time.monotonic()
        code, memory, busy = ended(begun(stage, environment, "--resume", run))
        took = time.monotonic() - began
        # one account of the large sample refuses the role: the snapshot is partial then
        if code not in (0, 1) or not stage.path("sync.out").read_text():
            sys.exit(f"exit {code}\n{stage.said('sync.err')[-3000:]}")
        said, after = json.loads(stage.path("sync.out").read_text()), calls(sim)
        print(f"resumed: {said['state']}, {said['rows']:,} rows in {took:.0f} s; most memory {memory:.0f} MiB, {busy:.0f} s of a processor", flush=True)
        print(f"{sum(after.values()):,} calls, of which roles assumed {after.get('sts:AssumeRole', 0):,}", flush=True)
        iam = lambda counted: sum(n for name, n in counted.items() if name.startswith("iam:"))
        wanted, found = naive(stage, accounts)
        print(f"IAM: {iam(before) + iam(after):,} calls in both parts; one call for each thing {wanted:,} ({found})", flush=True)
        for sql in ("SELECT count(*) AS n FROM aws_iam_user_access_keys", "SELECT state, count(*) AS n FROM hallpass_coverage GROUP BY 1"):
            at = time.perf_counter()
            answer = asked(stage, sql)
            print(f"{sql}: {answer} in {time.perf_counter() - at:.2f} s", flush=True)
        memory = next(line for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
        print(f"most memory of the simulator: {int(memory.split()[1]) / 1024:.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
