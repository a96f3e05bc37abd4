"""Start-up time, memory and request-to-active time of the real binary, and how busy AWS was."""

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

BINARY = sys.argv[1]
RUNS = 5
GRANTS = 40


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def call(method, url, token=None, body=None):
    request = urllib.request.Request(url, method=method, data=json.dumps(body).encode() if body else None)
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read()
        return json.loads(text) if text[:1] in b"{[" else text


def wait_for(url, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            call("GET", url)
            return
        except OSError:
            time.sleep(0.002)
    raise SystemExit(f"{url} did not answer")


def memory_mb(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def family(pid):
    """A process, and those that it started."""
    found = [pid]
    for folder in os.listdir("/proc"):
        try:
            with open(f"/proc/{folder}/stat") as stat:
                parent = int(stat.read().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError, ValueError):
            continue
        if parent == pid:
            found.append(int(folder))
    return found


def stop(process):
    process.send_signal(signal.SIGTERM)
    process.wait(20)


def show(name, values, unit):
    values = sorted(values)
    p99 = values[min(len(values) - 1, int(len(values) * 0.99))]
    print(f"{name:<44} median {statistics.median(values):8.1f} {unit}   p99 {p99:8.1f} {unit}   n {len(values)}")


def timed(command):
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - start) * 1000


show("hallpass --help", [timed([BINARY, "--help"]) for _ in range(20)], "ms")
with tempfile.TemporaryDirectory() as folder:
    port, aws = free_port(), free_port()
    demo = subprocess.Popen(
        [BINARY, "demo", "--listen", f"127.0.0.1:{port}", "--aws-listen", f"127.0.0.1:{aws}", "--tokens", f"{folder}/tokens.json"],
        stderr=subprocess.DEVNULL,
    )
    base = f"http://127.0.0.1:{port}"
    wait_for(f"{base}/healthz")
    time.sleep(5)
    token = json.load(open(f"{folder}/tokens.json"))["mara.lindqvist@example.com"]
    spans = []
    for n in range(GRANTS):
        offer = {"account": "payments-prod", "permission_set": "ReadOnly", "duration_seconds": 3600, "reason": f"bench {n}"}
        start = time.perf_counter()
        request = call("POST", f"{base}/api/v1/requests", token, offer)
        while call("GET", f"{base}/api/v1/grants/{request['grant_id']}", token)["state"] != "active":
            time.sleep(0.02)
        spans.append((time.perf_counter() - start) * 1000)
    # the second hold of a key needs one listing of AWS and no write
    show("request to active, access held already", spans[1:], "ms")
    memory = sum(memory_mb(pid) for pid in family(demo.pid))
    print(f"{'memory of the demo (with its AWS and guard)':<44} {memory:15.1f} MB")
    stop(demo)

with tempfile.TemporaryDirectory() as folder:
    aws = free_port()
    sim = subprocess.Popen([BINARY, "sim", "--listen", f"127.0.0.1:{aws}", "--speed", "fast", "--secret", "benchmark-secret"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    wait_for(f"http://127.0.0.1:{aws}/_sim/healthz")
    state = call("GET", f"http://127.0.0.1:{aws}/_sim/state")
    account = state["organization"]["management_account"]
    with open(f"{folder}/rules.toml", "w") as rules:
        rules.write('[[rule]]\naccounts = ["*"]\npermission_sets = ["*"]\napproval_is_not_required = true\n')
    environment = dict(os.environ, AWS_ENDPOINT_URL=f"http://127.0.0.1:{aws}", AWS_REGION=state["identity_center"]["home_region"], AWS_ACCESS_KEY_ID=f"AKIA0000{account}", AWS_SECRET_ACCESS_KEY="benchmark-secret")
    starts, sizes = [], []
    for _ in range(RUNS):
        port = free_port()
        with open(f"{folder}/hallpass.toml", "w") as config:
            config.write(f'[server]\nlisten = "127.0.0.1:{port}"\n')
        start = time.perf_counter()
        server = subprocess.Popen([BINARY, "serve", "--config", f"{folder}/hallpass.toml"], env=environment, stderr=subprocess.DEVNULL)
        wait_for(f"http://127.0.0.1:{port}/healthz")
        starts.append((time.perf_counter() - start) * 1000)
        time.sleep(3)
        sizes.append(memory_mb(server.pid))
        stop(server)
    show("serve: start to first answer", starts, "ms")
    show("serve: memory", sizes, "MB")
    stop(sim)
