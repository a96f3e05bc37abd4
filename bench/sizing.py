"""What a server needs by the size of its organization: memory, disk, descriptors, calls to AWS for the first read and at
rest, and how soon five hundred event streams hear of something. The simulated AWS keeps its documented limits.

usage: HALLPASS_BIN=… python3 bench/sizing.py [small|medium|large …]
STREAMS (500) and REST_SECONDS (60) make it shorter."""

import collections
import concurrent.futures
import os
import pathlib
import resource
import socket
import statistics
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from crowd import Crowd  # noqa: E402
from stage import Stage, wait  # noqa: E402

# accounts, permission sets, people
SIZES = {"small": (40, 10, 60), "medium": (500, 50, 2_000), "large": (5_000, 300, 20_000)}
STREAMS = int(os.environ.get("STREAMS", "500"))
REST_SECONDS = int(os.environ.get("REST_SECONDS", "60"))
# what AWS takes of one account, for Identity Center and the identity store each
RATE = 20
# of one person
STREAMS_EACH = 16
GRANTS = 100
# how long nothing is called when a read is over
QUIET = 8


def say(name, value):
    print(f"  {name:<58} {value}", flush=True)


def status(pid, name):
    with open(f"/proc/{pid}/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def store_mb(stage):
    return sum(it.stat().st_size for it in stage.folder.glob("hallpass.db*")) / 1024 / 1024


def called(crowd, since):
    """Calls since then: how many of each service, and how many of each second at most."""
    services, seconds = collections.Counter(), collections.Counter()
    while True:
        page = crowd.sim.get(f"/_sim/calls?since={since}&limit=10000").json
        for call in page["calls"]:
            services[call["service"]] += 1
            seconds[call["service"], call["wall"][:19]] += 1
        if not page["calls"]:
            most = {service: max(n for (of, _), n in seconds.items() if of == service) for service in services}
            return services, most
        since = page["next"]


def told(services, most):
    return ", ".join(f"{service} {n} (at most {most[service]} in a second)" for service, n in sorted(services.items())) or "none"


def first_read(crowd, began):
    """From the start to the last of the calls that a start brings."""
    newest = [crowd.newest(), time.time()]
    def quiet():
        now = crowd.newest()
        if now != newest[0]:
            newest[:] = [now, time.time()]
        return time.time() - newest[1] > QUIET
    if not wait(quiet, 3600, crowd.process, every=0.5):
        raise SystemExit("the first read does not end")
    took = max(newest[1] - began, 1)
    say("first read over after", f"{took:.0f} s")
    return took


class Stream(threading.Thread):
    """One event stream; when it heard of the newest event."""

    def __init__(self, crowd, who):
        super().__init__(daemon=True)
        self.socket = socket.create_connection(("127.0.0.1", crowd.port), timeout=120)
        self.socket.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:{crowd.port}\r\nAuthorization: Bearer {crowd.tokens[who]}\r\n\r\n".encode())
        self.is_open = self.socket.recv(4096).startswith(b"HTTP/1.1 200")
        self.heard = None

    def run(self):
        while True:
            try:
                text = self.socket.recv(65536)
            except OSError:
                return
            if not text:
                return
            if b"event:" in text or b"data:" in text:
                self.heard = time.time()


def streams(crowd):
    """As many as wanted, of sixteen a person. What they cost, and how soon all hear."""
    before = status(crowd.process.pid, "VmRSS")
    who = [person for person in crowd.everybody for _ in range(STREAMS_EACH)][:STREAMS]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        opened = list(pool.map(lambda one: Stream(crowd, one), who))
    works = [stream for stream in opened if stream.is_open]
    for stream in works:
        stream.start()
    time.sleep(2)
    say("event streams open", f"{len(works)} of {len(who)}; {status(crowd.process.pid, 'VmRSS') - before:.1f} MB more, {descriptors(crowd.process.pid)} descriptors")
    for stream in works:
        stream.heard = None
    pressed = time.time()
    crowd.ask(crowd.people[0], crowd.targets[-1], 3600)
    # the asker's own, and those of whoever may see it
    wait(lambda: sum(1 for it in works if it.heard) >= STREAMS_EACH, 30, crowd.process)
    time.sleep(3)
    waits = sorted(stream.heard - pressed for stream in works if stream.heard)
    say("a request, heard by those who may see it", f"{len(waits)} streams: {statistics.median(waits) * 1000:.0f} ms median, {waits[-1] * 1000:.0f} ms last")
    for stream in opened:
        stream.socket.close()


def measure(name):
    accounts, sets, people = SIZES[name]
    print(f"{name}: {accounts} accounts, {sets} permission sets, {people} people", flush=True)
    with Stage("sizing") as stage:
        began = time.time()
        with_tokens = max(STREAMS // STREAMS_EACH, 1)
        crowd = Crowd(stage, with_tokens, accounts, sets, speed="real", everybody=people)
        say("ready after, the simulated AWS included", f"{time.time() - began:.0f} s")
        took = first_read(crowd, crowd.started)
        pid = crowd.process.pid
        say("memory after the first read; most until then", f"{status(pid, 'VmRSS'):.0f} MB; {status(pid, 'VmHWM'):.0f} MB")
        say("store", f"{store_mb(stage):.1f} MB")
        services, most = called(crowd, 0)
        say("calls of the first read", told(services, most))
        shares = ", ".join(f"{service} {services[service] / took / RATE:.0%}" for service in ("sso", "identitystore"))
        say(f"of AWS's {RATE} requests a second each, while it reads", shares)
        since = crowd.newest()
        time.sleep(REST_SECONDS)
        services, most = called(crowd, since)
        say(f"calls in {REST_SECONDS} s at rest", told(services, most))
        before = store_mb(stage)
        wanted = [(crowd.people[n % len(crowd.people)], crowd.targets[n]) for n in range(min(GRANTS, len(crowd.targets) - 1))]
        crowd.each(lambda one: crowd.ask(*one, 3600 * 4), wanted)
        crowd.wait_until(lambda: crowd.count("scheduled", "granting") == 0, 1800)
        say(f"with {len(wanted)} live grants: memory, store", f"{status(pid, 'VmRSS'):.0f} MB, {store_mb(stage) - before:.1f} MB more")
        since = crowd.newest()
        time.sleep(REST_SECONDS)
        services, most = called(crowd, since)
        say(f"calls in {REST_SECONDS} s with them", told(services, most))
        streams(crowd)


def main():
    # a connection is a descriptor, and a server takes as many as it may have
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    print(f"load of the machine at the start: {os.getloadavg()[0]:.1f}")
    for name in sys.argv[1:] or list(SIZES):
        measure(name)
    print(f"load of the machine at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
