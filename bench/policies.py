"""How fast the policy engine answers its typical request, beside a public evaluator in the same run, and
what a policy takes in memory.

The other one is @cloud-copilot/iam-simulate (npm, AGPL-3.0-or-later): installed for tests only
(`e2e/tools.sh test`), asked in a process of its own. Without it only our own numbers are told.
"""

import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODULES = pathlib.Path(os.environ.get("HALLPASS_IAM_MODULES", "~/.cache/hallpass/iam")).expanduser()
CASE = ROOT / "crates/iam/benches/typical.json"
UNITS = {"": 1, "K": 1e3, "M": 1e6, "G": 1e9}
ROUNDS = 3


def ours(bench):
    """Items a second of one of our benchmarks: the median column of what it prints."""
    done = subprocess.run(["cargo", "bench", "--quiet", "--locked", "--package", "hallpass-iam", "--bench", "evaluate", "--",
                           f"(^|::){bench}$"], capture_output=True, text=True, cwd=ROOT, check=True)
    rates = [line for line in done.stdout.splitlines() if "item/s" in line]
    columns = re.findall(r"([\d.]+) ([KMG]?)item/s", rates[0])
    number, unit = columns[2]  # fastest, slowest, median, mean
    return float(number) * UNITS[unit]


def theirs():
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(ROOT / "e2e/iam/evaluate.mjs", folder)
        os.symlink(MODULES / "node_modules", f"{folder}/node_modules")
        done = subprocess.run(["node", "evaluate.mjs", "--repeat", "2000"], stdin=CASE.open(), capture_output=True, text=True,
                              cwd=folder, check=True)
    said = json.loads(done.stdout)
    assert said["decision"] == "Allowed", said
    return said["per_second"]


def show(name, value, unit):
    print(f"{name:<58} {value:14,.0f} {unit}", flush=True)


def main():
    there = shutil.which("node") and (MODULES / "node_modules").is_dir()
    pairs = [(ours("typical_request"), theirs() if there else None) for _ in range(ROUNDS)]
    mine = statistics.median(pair[0] for pair in pairs)
    show("typical request, compiled policies", mine, "evaluations/s")
    if there:
        other = statistics.median(pair[1] for pair in pairs)
        show("the same, @cloud-copilot/iam-simulate", other, "evaluations/s")
        show("ratio", mine / other, "times")
    read = ours("line_read_compiled_and_decided")
    show("typical case: JSON read, compiled, decided", read, "cases/s")
    if there:
        # the other one has its JSON parsed already, but prepares its policies anew for each evaluation
        show("ratio to the other one's evaluations", read / other, "times")
    show("small case: JSON read, compiled, decided", ours("small_line_read_compiled_and_decided"), "cases/s")
    done = subprocess.run(["cargo", "run", "--quiet", "--locked", "--profile", "bench", "--package", "hallpass-iam", "--example",
                           "held"], capture_output=True, text=True, cwd=ROOT, check=True)
    said = json.loads(done.stdout)
    show(f"memory of a compiled policy of {said['bytes_of_text']} bytes of text", said["bytes_held"], "bytes")


main()
