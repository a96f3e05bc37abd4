#!/usr/bin/env python3
""""Install Hallpass in your organization", as a stranger follows it: its own files and its own commands, in its order, with
the simulated organization in the place of AWS. Installing, ports, and the address of whoever reads it are all that differs."""

import os
import re
import shlex
import signal
import subprocess

from stage import ROOT, Api, Checks, Stage, answers, free_port, wait

ME = "priya.raman@example.com"
GUIDE = ROOT / "docs/how-to/install.md"
BLOCK = re.compile(r"^```(toml|sh)\n(.*?)^```", re.M | re.S)


def blocks():
    found = BLOCK.findall(GUIDE.read_text())
    files = [text for kind, text in found if kind == "toml"]
    return files, [text.splitlines() for kind, text in found if kind == "sh"]


class Reader:
    """Somebody with a folder and a terminal."""

    def __init__(self, stage, check, port):
        self.stage, self.check, self.port = stage, check, port
        # the program is `hallpass` for whoever installed it
        stage.path("bin").mkdir()
        stage.path("bin/hallpass").symlink_to(stage.binary)
        self.path = f"{stage.path('bin')}:{os.environ['PATH']}"
        self.environment = {}

    def runs(self, line, code=0):
        """A line as it stands, in a shell."""
        line = line.replace("you@example.com", ME)
        done = subprocess.run(["bash", "-o", "pipefail", "-c", line], cwd=self.stage.folder, capture_output=True, text=True,
                              env=self.stage.environment(**self.environment | {"PATH": self.path}), timeout=300, check=False)
        said = done.stdout + done.stderr
        self.check(f"`{line.split(' #')[0].strip()}` exits {code}", done.returncode == code, said[-900:])
        return said


def follow(stage, check, files, shells):
    port = free_port()
    stage.path("answers.toml").write_text(files[0])
    reader = Reader(stage, check, port)
    install, init, rules, policy, doctor, serve, token, first, backup = shells
    check("it is installed with what the Makefile has, too", all("hallpass" in line for line in install), install)
    simulator, endpoint, aws = stage.simulator("--scale", "small", "--speed", "fast")
    reader.environment = aws
    # what the page answers in its file; e2e/init.py answers at a terminal. The port is ours, so that several can run side by side
    check.equal("one command writes both files", init, ["hallpass init"])
    reader.runs(f"{init[0]} --answers answers.toml --listen 127.0.0.1:{port} --yes")
    check("both are there", all(stage.path(name).exists() for name in ("hallpass.toml", "rules.toml")))
    said = reader.runs(rules[0])
    check("rules are right", "0 errors" in said, said)
    reader.runs(policy[0])
    policy = stage.path("policy.json").read_text()
    check("the policy is one", '"sso:CreateAccountAssignment"' in policy, policy[:300])
    said = reader.runs(doctor[0])
    check("the doctor finds the organization", "inventory" in said, said[-900:])
    check.equal("`hallpass serve` is a separate line", serve, ["hallpass serve"])
    server = stage.spawn(*shlex.split(serve[0])[1:], log="serve.log", **aws)
    base = f"http://127.0.0.1:{reader.port}"
    ready = wait(lambda: answers(Api(base), "/readyz"), 90, server)
    check("the server says where it listens", ready and f"listens on {base}" in stage.said("serve.log"), stage.said("serve.log")[-600:])
    reader.environment = aws | {"HALLPASS_SERVER": base}
    said = {line.split()[1]: reader.runs(line) for line in token + first}
    check("the first is an administrator", "admin" in said["whoami"], said["whoami"])
    check("the catalog has what the rules allow", "ReadOnly" in said["catalog"], said["catalog"][:600])
    check("the request is granted", "orders-dev" in said["request"], said["request"])
    check("the grant is there", "orders-dev" in said["grants"], said["grants"])
    check("the log verifies", '"ok":true' in said["audit"], said["audit"])
    stage.path("backups").mkdir()
    for line in backup:
        reader.runs(line.replace("/var/backups", str(stage.path("backups"))))
    check.equal("it stops in order", stage.stop(server), 0)
    stage.stop(simulator, signal.SIGTERM)


def main():
    check = Checks()
    files, shells = blocks()
    check.equal("the guide has its blocks", (len(files), len(shells)), (1, 9))
    with Stage("readme") as stage:
        follow(stage, check, files, shells)
    check.end()


if __name__ == "__main__":
    main()
