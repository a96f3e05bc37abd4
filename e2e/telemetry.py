#!/usr/bin/env python3
"""Traces and logs over OTLP, through a real collector: one request is one trace, from the asking over AWS's answers to its end,
over a server that is killed in the middle; what must not be in it is not; and a collector that is ill holds up nobody."""

import json
import signal
import time

from collector import Ill, Reader, Rotel
from served import MARA, TOMASZ, Served, asking
from stage import Api, Checks, Stage, wait

check = Checks()
REASON = "OPS-7: xylophone, told to nobody"
COMMENT = "marimba: also for the log alone"
CALLER = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
KEY = "vibraphone-key-of-the-collector"
CLIENT, SERVER, ERROR = 3, 2, 2


def table(address, more=""):
    return f'[telemetry]\nendpoint = "{address}"\nheaders = {{ x-key = "file:collector.key" }}\n{more}'


def state(server, grant, wanted):
    return wait(lambda: server.api(MARA).get(f"/api/v1/grants/{grant}").json["state"] == wanted, 60, every=0.1)


# of a journey, before the access is given back
BY_THEN = {"request.created", "POST /api/v1/requests/{id}/approve", "request.approved", "grant.requested", "sso-admin/CreateAccountAssignment", "grant.succeeded"}


def journey(reader, server):
    """A request from asking to its end, with the server killed while access stands; request and grant."""
    asked = server.api(MARA).post("/api/v1/requests", {**asking(), "reason": REASON},
                                  headers={"traceparent": f"00-{CALLER[0]}-{CALLER[1]}-01", "x-request-id": MARA})
    request = asked.json["id"]
    approved = server.api(TOMASZ).post(f"/api/v1/requests/{request}/approve", {"comment": COMMENT})
    check("asked and approved", (asked.status, approved.status) == (201, 200), (asked, approved))
    grant = server.api(MARA).get(f"/api/v1/requests/{request}").json["grant_id"]
    check("the access is there", state(server, grant, "active"))

    def arrived():
        """All of it, and of every span the one around it, which is sent when it is over and so after what is in it."""
        spans = reader.trace(request.removeprefix("req_"))
        return BY_THEN <= {span.name for span in spans} and {span.parent for span in spans if span.parent} <= {span.id for span in spans}
    # what is told is sent within a second, on a machine that has the time; what a kill takes is lost
    wait(lambda: arrived() and (time.sleep(2) or arrived()), 30, every=0.2)
    server.stage.stop(server.process, signal.SIGKILL)
    check("the server is there again after a kill", server.start())
    released = server.api(MARA).post(f"/api/v1/grants/{grant}/release", {})
    check("and the access is ended early", released.status == 200 and state(server, grant, "ended"), released)
    return request, grant


WANTED = {"POST /api/v1/requests", "access request", "request.created", "POST /api/v1/requests/{id}/approve", "request.approved", "grant.requested",
          "assignment work", "sso-admin/CreateAccountAssignment", "grant.succeeded", "POST /api/v1/grants/{id}/release", "end.started",
          "sso-admin/DeleteAccountAssignment", "end.succeeded", "sso-admin/ListAccountAssignments"}


def one_trace(reader, request, grant, server):
    trace = request.removeprefix("req_")
    arrived = wait(lambda: WANTED <= set(reader.named(trace)), 30, every=0.2)
    found = reader.named(trace)
    check("a request is one trace, whose id is the request's", arrived, f"missing {WANTED - set(found)}; {found}")
    spans = reader.trace(trace)
    ids = {span.id: span for span in spans}
    # what a busy machine's collector answers too late is sent again
    was_late = "the collector refuses data" in server.said() or counted(server, "hallpass_telemetry_dropped_total", "traces")
    check("no span is sent twice", was_late or len(ids) == len(spans), (len(ids), len(spans)))
    spans = list(ids.values())
    roots = [span for span in spans if not span.parent]
    check.equal("it has one root, the asking", [span.name for span in roots], ["POST /api/v1/requests"])
    lost = [span for span in spans if span.parent and span.parent not in ids]
    check("every other span is inside one that is there", not lost, lost)
    begin = next((span for span in spans if span.name == "access request"), None)
    check("the request begins with the asking", begin and ids[begin.parent] is roots[0] and begin.id == trace[16:], begin)
    outer = {span.name for span in spans if begin and span.parent == begin.id}
    check("presses and work stand under its beginning", {"POST /api/v1/requests/{id}/approve", "POST /api/v1/grants/{id}/release", "assignment work"} <= outer, outer)
    created = [span for span in spans if span.name == "sso-admin/CreateAccountAssignment"]
    check("AWS was asked once, in the work on the assignment", len(created) == 1 and ids[created[0].parent].name == "assignment work", created)
    if created:
        has = created[0].has
        calls = Api(server.endpoint).get("/_sim/calls?operation=CreateAccountAssignment&limit=100").json["calls"]
        check("and its answer is named as AWS names it", has["aws.request_id"] and any(has["aws.request_id"] in json.dumps(it) for it in calls), (has, calls[:1]))
        check.equal("and described in the words of OpenTelemetry",
                    (created[0].kind, has["rpc.system"], has["rpc.service"], has["rpc.method"], has["http.response.status_code"]),
                    (CLIENT, "aws-api", "sso-admin", "CreateAccountAssignment", 200))
    check.equal("the asking is described too", (roots[0].kind, roots[0].has["http.request.method"], roots[0].has["http.route"], roots[0].has["http.response.status_code"]),
                (SERVER, "POST", "/api/v1/requests", 201))
    check.equal("the caller is named beside it, and not continued", roots[0].links, [CALLER])
    polls = [name for name in found if "Status" in name]
    check("how far AWS is was asked in it", polls, found)
    about = {span.has.get("hallpass.grant.id") for span in spans if span.name.startswith(("grant.", "end."))}
    check.equal("steps name their grant", about, {grant})
    who = {span.name: span.has.get("user.id") for span in spans if span.name in ("access request", "request.approved")}
    check("people are ids of the directory", len(set(who.values())) == 2 and all(who.values()) and "@" not in str(who), who)
    services = {(span.service["service.name"], span.service["service.instance.id"].endswith(f":{server.port}")) for span in spans}
    check.equal("its service is named", services, {("hallpass", True)})
    check("nothing in it failed", not [span for span in spans if span.status == ERROR], [span for span in spans if span.status == ERROR])
    idle = [span for span in reader.spans if span.name == "assignment work" and not any(it.parent == span.id for it in reader.spans) and span.trace != trace]
    check("idle polling is not reported", not idle, idle)


def failing(reader, server):
    """A call that AWS refuses is told by AWS's name of the error, and by nothing else of what it said."""
    Api(server.endpoint).post("/_sim/faults", {"kind": "error", "code": "ConflictException", "http": 400, "count": 1, "message": f"told of {MARA}",
                                               "match": {"operation": "CreateAccountAssignment"}})
    asked = server.api(MARA).post("/api/v1/requests", asking("ReadOnly", account="payments-dev"))
    check("a create that is refused in passing comes about", state(server, asked.json["grant_id"], "active"), asked)
    trace = asked.json["id"].removeprefix("req_")
    creates = lambda: [span for span in reader.trace(trace) if span.name == "sso-admin/CreateAccountAssignment"]
    wait(lambda: len(creates()) > 1, 30, every=0.2)
    found = [(span.has.get("error.type"), span.status == ERROR, span.has.get("http.response.status_code")) for span in sorted(creates(), key=lambda it: it.start)]
    check.equal("its trace says how each try went", found, [("ConflictException", True, 400), (None, False, 200)])


def logs(reader, request, server):
    trace = request.removeprefix("req_")
    wait(lambda: any(record.trace == trace for record in reader.records), 20, every=0.2)
    records = list(reader.records)
    check("logs arrive, with their severity", {"INFO"} <= {it.level for it in records} and all(it.severity for it in records), records[:3])
    leads = [it for it in records if it.said == "this node leads"]
    check.equal("with their fields", [it.has for it in leads], [{"epoch": it.has.get("epoch")} for it in leads] if leads else "one at least")
    inside = {it.span for it in records if it.trace == trace}
    spans = {span.id for span in reader.trace(trace)}
    check("records of a request's trace are in its spans", inside and inside <= spans, (inside, spans))
    lines = [json.loads(line) for line in server.said().splitlines() if line.startswith("{")]
    local = [line for line in lines if line.get("trace_id") == trace]
    check("the local log says which trace a line is of", local and all(line["span_id"] in spans for line in local), lines[-1])
    check("and nothing of spans and steps otherwise", not [line for line in lines if line["target"].startswith("telemetry::")])


def kept_back(reader, server):
    """What must not be sent, over everything that was."""
    said = "\n".join(reader.texts)
    bytes_sent = b"".join(reader.raw)
    secrets = [KEY, REASON, "xylophone", "marimba", "@example.com", "Lindqvist", "mara.", "tomasz.", *server.secrets, *server.tokens.values()]
    leaks = [it for it in secrets if it in said or it.encode() in bytes_sent]
    check("no secret, reason, address or name is in anything that was sent", not leaks, leaks)
    check("there was something to look through", len(said) > 10_000, len(said))


def counted(server, metric, signal_name):
    lines = Api(server.base).get("/metrics").body.decode().splitlines()
    start = f'{metric}{{signal="{signal_name}"}} '
    return next((float(line.removeprefix(start)) for line in lines if line.startswith(start)), None)


def again(server, address):
    """The same server, with another collector."""
    check.equal("the server stops in order", server.stage.stop(server.process), 0)
    path = server.stage.path("hallpass.toml")
    text = path.read_text()
    path.write_text(text[:text.index("[telemetry]")] + table(address))
    server.stage.path("serve.log").write_text("")
    # in milliseconds: who says nothing is soon given up
    server.environment["OTEL_EXPORTER_OTLP_TIMEOUT"] = "300"
    return server.start()


def given(server):
    asked = server.api(MARA).post("/api/v1/requests", asking("ReadOnly", account="payments-dev"))
    grant = asked.json["grant_id"]
    there = state(server, grant, "active")
    server.api(MARA).post(f"/api/v1/grants/{grant}/release", {})
    return there and state(server, grant, "ended")


def ill(server, name, address, collector=None):
    check(f"with a collector that {name} the server starts", again(server, address), server.said()[-600:])
    check("access is given and ends", given(server))
    if collector:
        check("the collector was asked", wait(lambda: collector.asked > 1, 30))
    check("what it did not take is counted as dropped", wait(lambda: counted(server, "hallpass_telemetry_dropped_total", "traces"), 60), server.said()[-600:])
    warned = [json.loads(line) for line in server.said().splitlines() if '"the collector refuses data' in line]
    check.equal("and said once for each kind", sorted(it["signal"] for it in warned), ["logs", "traces"])
    check("the key is in no line of the log", KEY not in server.said())


def guards(stage, server, reader):
    """A guard sends its log, as a service of its own; where it cannot, it guards."""
    path = stage.path("guard.toml")
    path.write_text(stage.path("hallpass.toml").read_text() + '[guard]\nname = "east"\njournal = "journal"\n')
    start = lambda log, **more: stage.spawn("server", "guard", "--config", str(path), "--ends", "nowhere.jsonl", log=log, **{**server.environment, **more})
    blind = "the guard cannot see all that it should"
    guard = start("guard.log")
    sent = lambda: [it for it in list(reader.records) if it.said == blind]
    check("what a guard logs is sent, too", wait(sent, 60, guard), stage.said("guard.log")[-600:])
    check.equal("as a separate service", {(it.service["service.name"], it.service["service.instance.id"]) for it in sent()}, {("hallpass-guard", "east")})
    check.equal("and it stops in order", stage.stop(guard), 0)
    guard = start("guard-grpc.log", OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    check("a guard that can send its log nowhere guards, and says so", wait(lambda: blind in stage.said("guard-grpc.log"), 60, guard) and
          "not sent to a collector" in stage.said("guard-grpc.log"), stage.said("guard-grpc.log")[-600:])
    stage.stop(guard)


with Stage("telemetry") as stage:
    stage.path("collector.key").write_text(f"{KEY}\n")
    reader = Reader()
    rotel = Rotel(stage, reader)
    check("the collector starts", rotel.starts(), stage.said("rotel.log")[-600:])
    server = Served(stage, extra=table(rotel.address), HALLPASS_LOG="info,tower_http=debug",
                    OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=e2e")
    request, grant = journey(reader, server)
    one_trace(reader, request, grant, server)
    failing(reader, server)
    logs(reader, request, server)
    guards(stage, server, reader)
    kept_back(reader, server)
    check("what the operator says of the service is passed on", {span.service.get("deployment.environment.name") for span in reader.spans} == {"e2e"})
    check("what was taken is counted", counted(server, "hallpass_telemetry_sent_total", "traces") > 0 and counted(server, "hallpass_telemetry_dropped_total", "traces") == 0)
    done = stage.run("server", "doctor", "-o", "json", **server.environment)
    of = lambda done: [it["result"] for it in json.loads(done.stdout) if it["check"] == "telemetry"]
    check.equal("doctor says that the collector takes it", of(done), ["ok"])
    # what ends with the server is sent before it ends
    before = len(reader.records)
    silent, refusing = Ill(answers=False), Ill(answers=True)
    ill(server, "says nothing", silent.address, silent)
    check("what a server says as it stops was sent", len(reader.records) > before)
    ill(server, "refuses", refusing.address, refusing)
    ill(server, "is gone", "http://127.0.0.1:1")
    done = stage.run("server", "doctor", "-o", "json", **server.environment)
    check.equal("doctor warns that it is gone", of(done), ["warning"])
    stage.stop(server.process)
    done = stage.run("serve", OTEL_EXPORTER_OTLP_PROTOCOL="grpc", **server.environment)
    check("a protocol that is not spoken is refused", done.returncode == 2 and "4318" in done.stderr, done.stderr)
check.end()
