#!/usr/bin/env python3
"""The scripts' own footing (`stage.py`): a wait in vain is a failed check that says what it waited for, and never a traceback."""

import os
import pathlib
import subprocess
import sys
import tempfile

from stage import HERE, Checks

BEGIN = """
import http.client, signal, subprocess, sys, threading, time
import stage
from stage import Api, Checks, Stage, wait
check = Checks()
check("one", True)
nobody = lambda: Api("http://127.0.0.1:1").get("/x")
with Stage("harness") as scene:
    scene.binary = "/bin/sleep"
"""

# what a script does, and what is said of it
VAIN = {
    "whom it calls is gone": ("nobody()", "ConnectionRefusedError"),
    "a wait whose simulator is gone is taken for granted": ("wait(nobody, 0.2)['x']", "in vain: script.py:10: wait(nobody, 0.2)['x'] (0.2 s, for ConnectionRefusedError"),
    "a command that does not end": ("scene.run(5, timeout=0.2)", "`hallpass 5` has not ended after 0.2 s"),
    "a program that does not end": ("subprocess.run(['sleep', '5'], timeout=0.2)", "`sleep 5` has not ended"),
    "a script that hangs": ("signal.alarm(1); time.sleep(30)", "the script to end within"),
    "a check of a wait": ("check('it comes', wait(nobody, 0.2))", "FAIL it comes"),
    "a thread": ("it = threading.Thread(target=nobody); it.start(); it.join()", "ConnectionRefusedError"),
}


def main():
    check = Checks()

    def played(line):
        script = BEGIN + f"    {line}\ncheck.end()\n"
        environment = os.environ | {"PYTHONPATH": str(HERE)}
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "script.py")
            path.write_text(script)
            return subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60, env=environment)

    for name, (line, said) in VAIN.items():
        ran = played(line)
        last = ran.stdout.strip().splitlines()[-1]
        whole = said in ran.stdout and last == "1 passed, 1 failed" and "Traceback" not in ran.stdout + ran.stderr
        check(f"{name}: a failed check, and no traceback", whole and ran.returncode == 1, (ran.returncode, ran.stdout, ran.stderr))
    ran = played("raise ValueError('a mistake')")
    check("a mistake of the script keeps its traceback, and counts", "Traceback" in ran.stderr and ran.stdout.strip().endswith("1 passed, 1 failed"), ran)
    ran = played("wait(lambda: True, 1)")
    check("what holds passes", ran.returncode == 0 and ran.stdout.strip().endswith("1 passed, 0 failed"), ran)
    check.end()


if __name__ == "__main__":
    main()
