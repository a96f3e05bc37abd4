#!/usr/bin/env python3
"""`make demo-ha` as somebody tries it who reads what it prints: a request that is under way when one of the two nodes is killed,
the leader once and the other one once, goes on; and with the demo everything ends that it began."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time

from stage import ROOT, Api, Checks, Stage, answers, free_port, held_at_aws, wait

MARA = "mara.lindqvist@example.com"
check = Checks()


def commands():
    """Those of every process that runs, by its id."""
    found = {}
    for place in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            found[int(place.name)] = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace") + os.readlink(place / "cwd")
        except OSError:
            pass
    return found


class Demo:
    """The program, what it printed, and a terminal beside it."""

    def __init__(self, stage, name):
        self.stage, self.log, ports = stage, f"{name}.log", [free_port() for _ in range(4)]
        self.endpoint = f"http://127.0.0.1:{ports[3]}"
        with open(stage.path(self.log), "wb") as sink:
            self.process = subprocess.Popen([sys.executable, ROOT / "demo/two_nodes.py", stage.binary, *map(str, ports)], stdin=subprocess.DEVNULL, stdout=sink,
                                            stderr=sink, env=stage.environment(), cwd=stage.folder,
                                            # in the background of a shell Ctrl-C is ignored, unless somebody says otherwise
                                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    def said(self):
        return self.stage.said(self.log)

    def begins(self):
        """Whether it comes to print what to try."""
        if not wait(lambda: "Ctrl-C ends everything." in self.said(), 90, self.process):
            return False
        self.nodes = {name: (url, int(process)) for name, url, process in re.findall(r"node (\w) +(\S+) +process (\d+)", self.said())}
        self.folder = re.search(r"logs +(\S+)/a\.log", self.said())[1]
        return set(self.nodes) == {"a", "b"}

    def types(self, beginning, **words):
        """The line that begins so, as it is printed; what it says."""
        line = next(it.strip() for it in self.said().splitlines() if beginning in it)
        for word, value in words.items():
            line = line.replace(word, value)
        ran = subprocess.run(["bash", "-c", line.replace("./hallpass", self.stage.binary)], cwd=self.stage.folder, capture_output=True, text=True,
                             env=self.stage.environment(), timeout=300, check=False)
        check(f"`{re.sub('HALLPASS_TOKEN=[^ ]+ ', '', line)[:80]}` works", ran.returncode == 0, ran.stdout + ran.stderr)
        return ran.stdout + ran.stderr

    def leads(self, name):
        """Whether a node says of itself that it leads."""
        url = self.nodes[name][0]
        return answers(Api(url), "/healthz") and re.search(r"^hallpass_leader 1$", Api(url).get("/metrics").body.decode(), re.M)

    def left(self):
        """What it began and is still there."""
        return {process: line for process, line in commands().items() if self.folder in line and process != os.getpid()}

    def ends(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(180)


def killed(demo, victim, survivor):
    """A node dies while a request waits for its approval."""
    is_leader = demo.leads(victim)
    asked = demo.types("--for 5m", **{demo.nodes["a"][0]: demo.nodes[victim][0]})
    request = re.search(r"\breq_[0-9a-f]{32}\b", asked)
    if not check("what needs a yes is asked on the node that will die", request, asked):
        return
    demo.types("kill -9", **{str(demo.nodes["a"][1]): str(demo.nodes[victim][1])})
    begun = time.monotonic()
    check("the other one leads", wait(lambda: demo.leads(survivor), 60, every=0.1), demo.said())
    print(f"     {'the leader' if is_leader else 'the other node'} killed: {time.monotonic() - begun:.1f} s until the one that is left leads", flush=True)
    demo.types("approve", REQUEST=request[0], **{demo.nodes["b"][0]: demo.nodes[survivor][0]})
    held = lambda: [row for row in held_at_aws(demo.endpoint) if row[0] == MARA and row[2] == "DatabaseOperator"]
    check("the request continues: AWS has the access", wait(held, 60), held_at_aws(demo.endpoint))
    listed = demo.types("grants --server", **{demo.nodes["a"][0]: demo.nodes[survivor][0]})
    check("and the node that is left says so", "DatabaseOperator" in listed, listed)


def played(stage, victim, survivor):
    demo = Demo(stage, f"without-{victim}")
    try:
        if not check("the demo begins", demo.begins(), demo.said()[-900:]):
            return
        check("one node leads, which is the first", wait(lambda: demo.leads("a"), 30) and not demo.leads("b"))
        who = demo.types("curl -s")
        check("what it prints says which one that is", "this node" in who and "leads" in who, who)
        if victim == "a":
            said = demo.types("--for 1m")
            check("access that needs no yes begins", "active" in said.lower(), said)
        killed(demo, victim, survivor)
    finally:
        check.equal("it ends in order", demo.ends(), 0)
    check("everything ends with it", wait(lambda: not demo.left(), 20), demo.left())
    check("and its folder is gone", not os.path.exists(demo.folder))


def main():
    with Stage("demo-ha") as stage:
        for victim, survivor in ("ab", "ba"):
            played(stage, victim, survivor)
    check.end()


if __name__ == "__main__":
    main()
