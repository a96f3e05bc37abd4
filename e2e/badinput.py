#!/usr/bin/env python3
"""What a server meets in the open: broken bodies, odd headers, other people's things, tokens that do
not count, a hundred clicks at once, slow callers, rules that change under it, a stop in the middle.

Every refusal is problem details with a stable code, and nothing is half done."""

import concurrent.futures
import http.client
import json
import signal
import socket
import threading
import time

from served import MARA, NOOR, PRIYA, RULES, TOMASZ, Served, asking
from stage import Api, Checks, Stage, free_port, wait

REQUESTS = "/api/v1/requests"


def refused(check, name, answer, status, *codes):
    check(f"{name}: {status} {' or '.join(codes)}",
          answer.status == status and answer.code in codes and answer.is_problem, answer)


def bodies(check, server):
    mara = server.api(MARA)
    before = len(server.api(NOOR).all(REQUESTS))
    kind = {"Content-Type": "application/json"}
    send = lambda raw, headers=kind: mara.call("POST", REQUESTS, raw=raw, headers=headers)
    refused(check, "a body of 1 MiB", send(b'{"reason":"' + b"x" * 2**20 + b'"}'), 413, "body-too-large")
    refused(check, "JSON 10,000 deep", send(b"[" * 10_000 + b"]" * 10_000), 400, "bad-body")
    refused(check, "objects 5,000 deep", send(b'{"a":' * 5_000 + b"1" + b"}" * 5_000), 400, "bad-body")
    refused(check, "cut short", send(b'{"account":'), 400, "bad-body")
    refused(check, "empty", send(b""), 400, "bad-body")
    refused(check, "invalid UTF-8", send(b'{"reason":"\xff\xfe"}'), 400, "bad-body")
    refused(check, "lone surrogate", send(json.dumps(asking(reason="\ud800")).encode()), 400, "bad-body")
    refused(check, "a form", send(b"account=a", {"Content-Type": "application/x-www-form-urlencoded"}), 415, "not-json")
    refused(check, "text", send(b"{}", {"Content-Type": "text/plain"}), 415, "not-json")
    refused(check, "unknown field", mara.post(REQUESTS, asking(requester=PRIYA)), 400, "bad-body")
    refused(check, "wrong types", mara.post(REQUESTS, asking(duration_seconds="1h")), 400, "bad-body")
    refused(check, "both targets", mara.post(REQUESTS, asking(group="oncall")), 400, "bad-target")
    refused(check, "endless duration", mara.post(REQUESTS, asking(seconds=2**63)), 422, "long-duration")
    refused(check, "more than endless", mara.post(REQUESTS, asking(seconds=2**70)), 400, "bad-body")
    check.equal("and only the endless one was stored, as rejected",
                [row["state"] for row in server.api(NOOR).all(REQUESTS)][: 1 - before or None][:1], ["rejected"])
    nul = mara.post(REQUESTS, asking(reason="a\u0000b \u202e c"))
    check("control characters in a reason are kept or refused, never a failure", nul.status in (201, 422), nul)
    if nul.status == 201:
        check.equal("kept byte for byte", nul.json["reason"], "a\u0000b \u202e c")
        mara.post(f"{REQUESTS}/{nul.json['id']}/discard")


def names(check, server):
    mara = server.api(MARA)
    for path in ("req_0", "req_" + "0" * 31, "req_" + "z" * 32, "req_" + "0" * 10_000, "..%2f..%2fetc%2fpasswd", "%00", "'--"):
        refused(check, f"id {path[:24]}", mara.get(f"{REQUESTS}/{path}"), 404, "not-found")
    refused(check, "id that is no text", mara.get(f"{REQUESTS}/%ff%fe"), 400, "bad-path")
    refused(check, "unknown id", mara.get(f"{REQUESTS}/req_0193aaaaaaaa7aaa8aaaaaaaaaaaaaaa"), 404, "not-found")
    refused(check, "unknown grant", mara.post("/api/v1/grants/grn_0193aaaaaaaa7aaa8aaaaaaaaaaaaaaa/release"), 404, "not-found")
    refused(check, "unknown route", mara.get("/api/v1/nothing"), 404, "no-such-route")
    for method, path in (("DELETE", REQUESTS), ("PUT", "/api/v1/me"), ("PATCH", "/api/v1/grants"), ("GET", "/api/v1/revocations")):
        refused(check, f"{method} {path}", mara.call(method, path), 405, "no-such-method")
    refused(check, "unknown parameter", mara.get(f"{REQUESTS}?stat=pending"), 400, "bad-parameter")
    refused(check, "parameter twice", mara.get(f"{REQUESTS}?state=pending&state=denied"), 400, "bad-parameter")
    refused(check, "bad cursor", mara.get(f"{REQUESTS}?cursor=%00"), 400, "bad-parameter")


def authority(check, server):
    stage = server.stage
    mara, tomasz, noor, stranger = (server.api(who) for who in (MARA, TOMASZ, NOOR, server.stranger))
    hidden = mara.post(REQUESTS, asking()).json
    path = f"{REQUESTS}/{hidden['id']}"
    refused(check, "no token", Api(server.base).get(path), 401, "unauthorized")
    refused(check, "made-up token", Api(server.base, "hpt_" + "0" * 64).get(path), 401, "unauthorized")
    refused(check, "other scheme", Api(server.base).get(path, headers={"Authorization": "Basic " + "YTpi"}), 401, "unauthorized")
    short = server.made(MARA, "--ttl", "1s", "--name", "short")
    time.sleep(1.2)
    refused(check, "expired token", short.get(path), 401, "unauthorized")
    revoked = server.made(TOMASZ, "--name", "gone")
    check.equal("a token before it is revoked", revoked.get(path).status, 200)
    listed = [json.loads(line) for line in stage.run("server", "token", "list", "--output", "jsonl").stdout.splitlines()]
    stage.run("server", "token", "revoke", next(row["id"] for row in listed if row["name"] == "gone"))
    refused(check, "revoked token", revoked.get(path), 401, "unauthorized")
    reader = server.made(TOMASZ, "--scope", "read")
    check.equal("a token for reading reads", reader.get(path).status, 200)
    for verb in ("approve", "deny", "discard"):
        refused(check, f"but does not {verb}", reader.post(f"{path}/{verb}"), 403, "missing-scope")
    refused(check, "and cannot request", reader.post(REQUESTS, asking()), 403, "missing-scope")
    asker = server.made(TOMASZ, "--scope", "request")
    refused(check, "a token for asking does not approve", asker.post(f"{path}/approve"), 403, "missing-scope")
    refused(check, "and cannot withdraw others' requests", asker.post(f"{path}/discard"), 403, "missing-scope")
    refused(check, "another user's request is not found", stranger.get(path), 404, "not-found")
    for verb in ("approve", "deny", "discard"):
        refused(check, f"and cannot be touched: {verb}", stranger.post(f"{path}/{verb}"), 404, "not-found")
    refused(check, "the requester does not approve", mara.post(f"{path}/approve"), 403, "not-an-approver", "own-request")
    refused(check, "the auditor does not approve", noor.post(f"{path}/approve"), 403, "not-an-approver")
    check.equal("after all that it is as it was", mara.get(path).json["state"], "pending")
    check.equal("no grant came of it", hidden.get("grant_id"), None)
    tomasz.post(f"{path}/deny", {"reason": "enough"})


def front(check, server):
    """Below HTTP's good manners."""
    def raw(data, seconds=30):
        with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as connection:
            connection.sendall(data)
            try:
                return connection.recv(65536)
            except (TimeoutError, ConnectionResetError):
                return b""
    huge = raw(b"GET /api/v1/me HTTP/1.1\r\nHost: x\r\nX-Big: " + b"a" * 600_000 + b"\r\n\r\n")
    check("huge headers are refused", huge[:12] in (b"HTTP/1.1 431", b"HTTP/1.1 400", b""), huge[:100])
    many = raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(500)) + b"\r\n")
    check("too many headers are refused", many[:12] in (b"HTTP/1.1 431", b"HTTP/1.1 400", b""), many[:100])
    check("what is no HTTP is refused", raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")[:12] in (b"HTTP/1.1 400", b""))
    smuggled = raw(b"POST /api/v1/requests HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    check("length and chunks together give one answer at most", smuggled.count(b"HTTP/1.1 ") <= 1, smuggled[:200])
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as slow:
        slow.sendall(b"POST /api/v1/requests HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n"
                     + f"Authorization: Bearer {server.tokens[MARA]}\r\n\r\n{{".encode())
        answer = slow.recv(65536)
    # a call is given up after 30 s, whatever it waits for
    check("a body that never comes is given up after 10 s: 408", answer.startswith(b"HTTP/1.1 408") and b"body-too-slow" in answer
          and b"application/problem+json" in answer and 8 < time.monotonic() - begun < 30, answer[:300])
    check("the server still runs", Api(server.base).get("/healthz").status == 200)


def crowd(check, server):
    """A hundred clicks at once."""
    mara = server.api(MARA)
    request = mara.post(REQUESTS, asking()).json
    people = [TOMASZ, PRIYA]
    def click(number):
        return server.api(people[number % 2]).post(f"{REQUESTS}/{request['id']}/approve")
    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(click, range(100)))
    took = time.monotonic() - begun
    won = [answer for answer in answers if answer.status == 200]
    check(f"100 clicks together are all answered ({took:.1f} s)", len(answers) == 100)
    check.equal("one wins", len(won), 1)
    lost = [answer for answer in answers if answer.status != 200]
    check("99 get the name of the first, politely",
          all(a.status == 409 and a.code == "already-decided" and won[0].json["decided_by"] in a.json["detail"] for a in lost),
          next((a for a in lost if a.status != 409), lost[:1]))
    records = [row for row in server.api(NOOR).all("/api/v1/audit") if row["access_request_id"] == request["id"]]
    count = lambda event: sum(row["event"] == event for row in records)
    check.equal("one approval, one grant", (count("request.approved"), count("grant.requested")), (1, 1))
    check.equal("the 99 are recorded as refused", count("press.refused"), 99)
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        same = list(pool.map(lambda _: mara.post(REQUESTS, asking(reason="one and the same"),
                                                 headers={"Idempotency-Key": "same"}), range(50)))
    ids = {answer.json.get("id") for answer in same}
    check("50 equal calls together make one request", len(ids) == 1 and all(a.status in (200, 201) for a in same), ids)
    mara.post(f"{REQUESTS}/{ids.pop()}/discard")


class Ears:
    """Listens to the event stream."""

    def __init__(self, server, who, last=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        headers = {"Authorization": f"Bearer {server.tokens[who]}"} | ({"Last-Event-ID": str(last)} if last is not None else {})
        self.connection.request("GET", "/api/v1/events", headers=headers)
        self.answer = self.connection.getresponse()
        self.events, self.ended = [], False
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        event = {}
        try:
            for line in self.answer:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name:
                    event[name] = value
                elif event:
                    if "data" in event:
                        self.events.append((int(event["id"]), json.loads(event["data"])))
                    event = {}
        except (OSError, http.client.HTTPException, ValueError):
            pass
        self.ended = True

    def heard(self, request):
        return [data["event"] for _, data in self.events if data["request_id"] == request]


def stream(check, server):
    mara = server.api(MARA)
    ears, stranger = Ears(server, MARA), Ears(server, server.stranger)
    check("the stream opens", ears.answer.status == 200 and ears.answer.headers["content-type"].startswith("text/event-stream"))
    first = mara.post(REQUESTS, asking(reason="first")).json["id"]
    check("news arrive", wait(lambda: ears.heard(first) == ["request.created"], 20), ears.events)
    last = ears.events[-1][0]
    ears.connection.sock.shutdown(socket.SHUT_RDWR)
    mara.post(f"{REQUESTS}/{first}/discard")
    second = mara.post(REQUESTS, asking(reason="second")).json["id"]
    again = Ears(server, MARA, last)
    check("with Last-Event-ID it continues at its position, nothing twice, nothing lost",
          wait(lambda: (again.heard(first), again.heard(second)) == (["request.discarded"], ["request.created"]), 20), again.events)
    check.equal("a stranger hears nothing of it", stranger.heard(first) + stranger.heard(second), [])
    mara.post(f"{REQUESTS}/{second}/discard")


EDGES = ["0", "-1", "1", str(2**31), str(2**53), str(2**63), str(2**64 - 2), str(2**64 - 1), str(2**64), "1e400", ""]

# every command with a number or a length of time, the words it needs besides, and what is one
FLAGS = [
    (("audit", "show"), ("--after", "--limit")), (("audit", "export"), ("--after",)),
    (("audit", "verify", "audit"), ("--from", "--to")),
    (("requests",), ("--limit",)), (("grants",), ("--limit",)), (("catalog",), ("--limit",)),
    (("server", "standing", "list"), ("--limit",)), (("server", "sweep", "show"), ("--limit",)),
    (("request", "--account", "payments-prod", "--permission-set", "Nothing", "--reason", "x"), ("--for",)),
    (("extend", "grn_0193aaaaaaaa7aaa8aaaaaaaaaaaaaaa"), ("--for",)),
    (("server", "token", "create", "--user", MARA), ("--ttl",)),
    (("sim", "generate"), ("--accounts", "--users", "--groups", "--permission-sets", "--assignments-per-account", "--ou-depth", "--messy")),
    (("policy", "size", "rules.toml"), ("--limit",)), (("policy", "lint", "rules.toml"), ("--limit",)),
    (("policy", "simulate", "rules.toml"), ("--jobs", "--repeat")), (("policy", "test", "rules.toml"), ("--min-coverage",)),
]


def numbers(check, server):
    """Numbers at and past every edge, at the API as it describes itself, and at the command line."""
    stage, noor = server.stage, server.api(NOOR)
    document = Api(server.base).get("/api/openapi.json").json
    tried = broken = 0
    for path, item in document["paths"].items():
        for method, operation in item.items():
            for parameter in operation.get("parameters", []):
                if parameter["in"] != "query" or "integer" not in parameter["schema"].get("type", []):
                    continue
                for edge in EDGES:
                    answer = noor.call(method.upper(), f"{path.replace('{id}', 'req_0')}?{parameter['name']}={edge}")
                    tried += 1
                    if answer.status >= 500 or (answer.status >= 400 and not answer.is_problem):
                        broken += 1
                        print(f"     {method} {path}?{parameter['name']}={edge}: {answer}")
    check("every number of the API is taken or refused at every edge", tried > 40 and not broken, f"{broken} of {tried}")
    # all that was asked here counts against the rate of one source
    time.sleep(3)
    for edge in EDGES:
        ears = Ears(server, NOOR, edge)
        check(f"a stream that is to go on after {edge!r} opens", ears.answer.status == 200, ears.answer.status)
        ears.connection.sock.shutdown(socket.SHUT_RDWR)
    says = {"HALLPASS_SERVER": server.base, "HALLPASS_TOKEN": server.tokens[NOOR]}

    def at(command, flag, edge):
        ran = stage.run(*command, f"{flag}={edge}", **says)
        bad = ran.returncode not in (0, 1, 2, 3, 4) or "panicked" in ran.stderr
        return f"{' '.join(command)} {flag}={edge}: {ran.returncode} {ran.stderr[-200:]}" if bad else None

    # one account too many is a short run; so many that it is none are refused at once
    cases = [(command, flag, edge) for command, flags in FLAGS for flag in flags for edge in EDGES]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        wrong = [one for one in pool.map(lambda case: at(*case), cases) if one]
    check(f"every number of a command is taken or refused at every edge ({len(cases)} runs)", not wrong, wrong[:5])


def reload(check, server):
    """Rules change under a running server (`access.md` §16.25)."""
    stage, rules = server.stage, server.stage.path("rules.toml")
    mara, tomasz, priya = (server.api(who) for who in (MARA, TOMASZ, PRIYA))
    request = mara.post(REQUESTS, asking(reason="under old rules")).json
    path = f"{REQUESTS}/{request['id']}"
    loaded = lambda: sum(row["event"] == "config.loaded" for row in server.api(NOOR).all("/api/v1/audit"))
    before = loaded()
    rules.write_text(RULES.replace('"tomasz.wilk@example.com", ', ""))
    server.process.send_signal(signal.SIGHUP)
    check("a changed file is read on SIGHUP, and recorded", wait(lambda: loaded() == before + 1, 20))
    refused(check, "an approver who was removed is refused at the click", tomasz.post(f"{path}/approve"), 403, "not-an-approver")
    check.equal("and the request is not approved", mara.get(path).json["state"], "pending")
    rules.write_text('[[rule]]\naccounts = ["*"]\npermission_sets = ["ReadOnly"]\napprovers = ["nobody"]\nmax_duration = "never"\n'
                     '[[rule]]\nacounts = ["*"]\npermission_sets = ["Admin"]\n')
    time.sleep(0.1)
    server.process.send_signal(signal.SIGHUP)
    check("a broken file is refused with every error",
          wait(lambda: all(word in server.said() for word in ("the rules were refused", "acounts", "nobody", "never")), 20),
          server.said()[-1500:])
    check.equal("the rules before stay in force", priya.post(f"{path}/approve").status, 200)
    check("the refused file is no config.loaded", loaded() == before + 1)
    rules.unlink()
    time.sleep(2.5)
    check("a file that is gone changes nothing", mara.get("/api/v1/catalog").json["items"] and server.process.poll() is None)
    rules.write_text(RULES)
    check("without SIGHUP it is found within seconds", wait(lambda: loaded() == before + 2, 20))


def rates(check, server):
    """Made-up tokens are one source, and so is one token however its header is written."""
    spare = server.made(PRIYA)

    def some(tokens):
        """The statuses, by a connection that stays open: a slow machine, too, makes more calls than are let through."""
        connection, found = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60), []
        for token in tokens:
            connection.request("GET", "/api/v1/me", headers={"Authorization": token})
            answer = connection.getresponse()
            answer.read()
            found.append(answer.status)
        connection.close()
        return found

    def all_of(tokens):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return [status for found in pool.map(some, (tokens[n::8] for n in range(8))) for status in found]

    made_up = all_of([f"Bearer hpt_{n:064x}" for n in range(600)])
    scheme = lambda n: "".join(c.upper() if n >> at & 1 else c for at, c in enumerate("bearer"))
    written = all_of([scheme(n) + " " * (1 + n // 64) + spare.token for n in range(600)])
    check("a crowd of made-up tokens is slowed down", made_up.count(429) > 50 and set(made_up) == {401, 429}, made_up.count(429))
    check("one token written in many ways is, too", written.count(429) > 50 and set(written) == {200, 429}, written.count(429))
    check("and no one else", server.api(MARA).get("/api/v1/me").status == 200)


def other_names(check, server):
    """One server of one database, whatever the file is called."""
    stage = server.stage
    config = stage.path("hallpass.toml").read_text()
    folder = stage.path("elsewhere")
    folder.mkdir()
    (folder / "link.db").symlink_to(stage.path("hallpass.db"))
    (folder / "folder").symlink_to(stage.folder)
    for name, url in (("a link", folder / "link.db"), ("a link of its folder", folder / "folder" / "hallpass.db"),
                      ("a longer path", f"{folder}/../hallpass.db")):
        stage.path("second.toml").write_text(config.replace("[aws]", f'[store]\nurl = "sqlite:{url}"\n[aws]', 1)
                                             .replace(f":{server.port}", f":{free_port()}"))
        ran = stage.run("serve", "--config", "second.toml", **server.environment)
        check(f"a second server of the same file, by {name}, does not start", ran.returncode == 5 and "another server" in ran.stderr, ran)
    (folder / "twin.db").hardlink_to(stage.path("hallpass.db"))
    stage.path("second.toml").write_text(config.replace("[aws]", f'[store]\nurl = "sqlite:{folder}/twin.db"\n[aws]', 1)
                                         .replace(f":{server.port}", f":{free_port()}"))
    ran = stage.run("serve", "--config", "second.toml", **server.environment)
    check("and not by a second name of it", ran.returncode == 5 and "another server" in ran.stderr, ran)
    ran = stage.run("server", "token", "list", "--config", "second.toml")
    check("and a command does not open it by that", ran.returncode == 1 and "2 names" in ran.stderr, ran)
    (folder / "twin.db").unlink()
    check("the server still runs", Api(server.base).get("/readyz").status == 200)


def stop(check, server):
    """Asked to stop while people work."""
    ears = Ears(server, MARA)
    grant = server.api(MARA).post(REQUESTS, asking("ReadOnly", 600)).json["grant_id"]
    # a caller that has sent half of its headers and never goes on
    stuck = socket.create_connection(("127.0.0.1", server.port))
    stuck.sendall(b"GET /healthz HTTP/1.1\r\nHost")
    slow = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    body = json.dumps(asking("ReadOnly", 900, reason="in flight")).encode()
    slow.sendall(b"POST /api/v1/requests HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
                 + f"Content-Length: {len(body)}\r\nAuthorization: Bearer {server.tokens[TOMASZ]}\r\n\r\n".encode() + body[:10])
    # who came later has been answered: the slow ones have begun
    assert Api(server.base).get("/healthz").status == 200
    time.sleep(0.3)
    begun = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    # not by being cut off: the call in flight would be, too
    check("event streams end", wait(lambda: ears.ended, 20))
    slow.sendall(body[10:])
    answer = slow.recv(65536)
    check("a call in flight is finished", answer.startswith(b"HTTP/1.1 201"), answer[:200])
    late = None
    try:
        late = Api(server.base).get("/healthz", timeout=3).status
    except OSError:
        pass
    check("new calls are not taken", late is None, late)
    try:
        server.process.wait(120)
    except Exception:  # noqa: BLE001 - reported by the next check
        pass
    check(f"it stops although a caller never finishes ({time.monotonic() - begun:.0f} s)", server.process.poll() == 0, server.process.poll())
    stuck.close()
    check("and comes back", server.start())
    check("what was granted is there", wait(lambda: server.api(MARA).get(f"/api/v1/grants/{grant}").json["state"] == "active", 20))
    inflight = [row for row in server.api(NOOR).all(REQUESTS) if row["reason"] == "in flight"]
    check("so is what was in flight, once", len(inflight) == 1)


def main():
    check = Checks()
    with Stage("badinput") as stage:
        server = Served(stage)
        for part in (bodies, names, authority, numbers, front, crowd, stream, reload, rates, other_names, stop):
            part(check, server)
        check("no process panicked", "panicked" not in server.said(), server.said()[-800:])
        check.equal("it stops in order", stage.stop(server.process), 0)
        check("the log is whole", stage.run("audit", "verify", "audit").returncode == 0)
        if check.failed:
            print(f"     {server.said()[-1500:]}")
    check.end()


if __name__ == "__main__":
    main()
