#!/usr/bin/env python3
"""Two nodes of Hallpass over one PostgreSQL and one simulated organization, all on this machine and gone with this program:
`make demo-ha`. Needs PostgreSQL's programs and nothing of Python's packages.

usage: two_nodes.py [HALLPASS [PORT PORT PORT PORT]]    (of node a and b, of PostgreSQL, of the simulated AWS)"""

import glob
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

PORTS = (8080, 8081, 5433, 4570)
MARA, TOMASZ = "mara.lindqvist@example.com", "tomasz.wilk@example.com"
RULES = '''[[rule]]
id = "read"
accounts = ["*"]
permission_sets = ["ReadOnly"]
approval_is_not_required = true

[[rule]]
id = "database"
accounts = ["*"]
permission_sets = ["DatabaseOperator"]
approvers = ["tomasz.wilk@example.com"]
'''


def program(name):
    """Debian keeps those of servers out of the way of people."""
    found = shutil.which(name) or next(iter(sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), reverse=True)), None)
    return found or sys.exit(f"`{name}` is missing. Install it: apt-get install postgresql")


def free(port):
    """The port, or another one where somebody has it."""
    for wanted in (port, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", wanted))
                return probe.getsockname()[1]
            except OSError:
                pass
    return sys.exit("no port is free")


def until(what, holds, patience=60):
    """Waits for it."""
    end = time.time() + patience
    while time.time() < end:
        try:
            if holds():
                return
        except OSError:
            pass
        time.sleep(0.2)
    sys.exit(f"timed out waiting for {what}")


def get(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read()


class Demo:
    def __init__(self, hallpass, ports):
        self.hallpass, self.ports, self.processes = os.path.abspath(hallpass), ports, []
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hallpass-two-nodes-"))
        self.user = "postgres" if os.geteuid() == 0 else None
        self.environment = {**os.environ, "AWS_EC2_METADATA_DISABLED": "true"}

    def begin(self, name, *command, user=None, cwd=None):
        with open(self.folder / f"{name}.log", "ab") as log:
            # a group of its own: Ctrl-C is for this program, which ends them in their order
            process = subprocess.Popen([*map(str, command)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment, user=user,
                                       cwd=cwd or self.folder, start_new_session=True)
        self.processes.append(process)
        return process

    def postgres(self):
        place, port = self.folder / "postgres", free(self.ports[2])
        place.mkdir()
        self.folder.chmod(0o755)
        if self.user:
            shutil.chown(place, self.user, self.user)
        initdb = [program("initdb"), "-D", place / "data", "-U", "hallpass", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        made = subprocess.run([*map(str, initdb)], user=self.user, cwd=place, capture_output=True, text=True)
        if made.returncode:
            sys.exit(f"initdb: {made.stderr}")
        self.begin("postgres", program("postgres"), "-D", place / "data", "-c", "listen_addresses=127.0.0.1", "-c", f"port={port}",
                   "-c", f"unix_socket_directories={place}", user=self.user, cwd=place)
        make = [program("psql"), "-X", "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "hallpass", "-d", "postgres", "-c", "CREATE DATABASE hallpass"]
        until("PostgreSQL", lambda: subprocess.run(make, capture_output=True).returncode == 0)
        return f"postgres://hallpass@127.0.0.1:{port}/hallpass"

    def organization(self):
        port = free(self.ports[3])
        endpoint = f"http://127.0.0.1:{port}"
        self.begin("aws", self.hallpass, "sim", "--listen", f"127.0.0.1:{port}", "--speed", "fast")
        until("the simulated AWS", lambda: get(f"{endpoint}/_sim/healthz"))
        state = json.loads(get(f"{endpoint}/_sim/state"))
        keys = json.loads(get(f"{endpoint}/_sim/credentials?account={state['organization']['management_account']}"))
        self.environment |= {"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": state["identity_center"]["home_region"],
                             "AWS_ACCESS_KEY_ID": keys["access_key_id"], "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"]}
        return endpoint

    def node(self, name, port, url, endpoint):
        config = self.folder / f"{name}.toml"
        config.write_text(f'[server]\nlisten = "127.0.0.1:{port}"\npublic_url = "http://127.0.0.1:{port}"\n[store]\nurl = "{url}"\n'
                          f'[aws]\nregion = "{self.environment["AWS_REGION"]}"\nendpoint_url = "{endpoint}"\n'
                          '[identity]\nadmins = ["group:platform-admins"]\nauditors = ["group:auditors"]\n'
                          '[access.duration]\nmin = "30s"\n[audit.export]\ntarget = "dir:audit"\n[log]\nlevel = "info"\n')
        process = self.begin(name, self.hallpass, "serve", "--config", config)
        until(f"node {name}", lambda: get(f"http://127.0.0.1:{port}/healthz"))
        return process

    def token(self, who):
        made = subprocess.run([self.hallpass, "server", "token", "create", "--user", who, "--config", self.folder / "a.toml"], cwd=self.folder,
                              env=self.environment, capture_output=True, text=True)
        return made.stdout.strip() if made.returncode == 0 else sys.exit(made.stderr)

    def end(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                # a node that was stopped in between has to hear it
                process.send_signal(signal.SIGCONT)
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def say(demo, nodes, tokens, url):
    (a, first), (b, second) = nodes
    here = f"HALLPASS_TOKEN={tokens[MARA]}"
    print(f"""
Two nodes over {url}

  node a   http://127.0.0.1:{a}   process {first.pid}
  node b   http://127.0.0.1:{b}   process {second.pid}
  logs     {demo.folder}/a.log, b.log

Who leads:
  curl -s http://127.0.0.1:{a}/readyz http://127.0.0.1:{b}/readyz | grep -o '`[^`]*` leads[^"]*\\|this node[^"]*'

Ask on b, for a minute, and look on a:
  {here} ./hallpass request --server http://127.0.0.1:{b} --account payments-prod --permission-set ReadOnly --for 1m --reason "OPS-1: try" --wait
  {here} ./hallpass grants --server http://127.0.0.1:{a}

Ask for what needs a yes, on one, and say it on the other:
  {here} ./hallpass request --server http://127.0.0.1:{a} --account payments-prod --permission-set DatabaseOperator --for 5m --reason "OPS-2: try"
  HALLPASS_TOKEN={tokens[TOMASZ]} ./hallpass approve --server http://127.0.0.1:{b} REQUEST

Kill the one that leads, and ask on the other who leads now; within ten seconds it does, and access ends in time:
  kill -9 {first.pid}

Or let it stand still, and go on:
  kill -STOP {first.pid}; sleep 12; kill -CONT {first.pid}

Ctrl-C ends everything.
""", flush=True)


def main():
    demo = Demo(sys.argv[1] if len(sys.argv) > 1 else "./hallpass", [*map(int, sys.argv[2:6])] or PORTS)
    stop = lambda *_: (_ for _ in ()).throw(KeyboardInterrupt())
    signal.signal(signal.SIGTERM, stop)
    try:
        url, endpoint = demo.postgres(), demo.organization()
        (demo.folder / "rules.toml").write_text(RULES)
        nodes = []
        for name, wanted in zip("ab", demo.ports):
            port = free(wanted)
            nodes.append((port, demo.node(name, port, url, endpoint)))
        for port, _ in nodes:
            # who asks at once is to be known
            until("a node that is ready", lambda port=port: get(f"http://127.0.0.1:{port}/readyz"))
        tokens = {who: demo.token(who) for who in (MARA, TOMASZ)}
        say(demo, nodes, tokens, url)
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        print("ending", flush=True)
    finally:
        demo.end()


main()
