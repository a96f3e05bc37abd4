"""A collector of OpenTelemetry as operators run one (`rotel`), and behind it what reads what it passes on: decoded with the
protocol's own package. And collectors that are ill."""

import collections
import gzip
import http.server
import pathlib
import socket
import subprocess
import sys
import threading

from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from stage import free_port, wait


def plain(pairs):
    """Attributes as a dictionary."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) if pair.value.WhichOneof("value") else None for pair in pairs}


class Span:
    def __init__(self, resource, span):
        self.service, self.name, self.kind = plain(resource.attributes), span.name, span.kind
        self.trace, self.id, self.parent = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
        self.links = [(link.trace_id.hex(), link.span_id.hex()) for link in span.links]
        self.has, self.status = plain(span.attributes), span.status.code
        self.start, self.end = span.start_time_unix_nano, span.end_time_unix_nano

    def __repr__(self):
        return f"{self.name} {self.id} in {self.parent or 'nothing'}"


class Record:
    def __init__(self, resource, scope, record):
        self.service, self.has = plain(resource.attributes), plain(record.attributes)
        self.said, self.severity, self.level = record.body.string_value, record.severity_number, record.severity_text
        self.trace, self.span = record.trace_id.hex(), record.span_id.hex()

    def __repr__(self):
        return f"{self.level} {self.said} {self.has}"


class Reader:
    """Takes OTLP over HTTP, and keeps it."""

    def __init__(self):
        self.spans, self.records, self.texts, self.raw, self.headers = [], [], [], [], []
        self.port = free_port()
        reader = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                reader.headers.append(dict(self.headers))
                reader.take(self.path, body)
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, path, body):
        self.raw.append(body)
        if path.endswith("/traces"):
            message = ExportTraceServiceRequest.FromString(body)
            for of in message.resource_spans:
                self.spans += [Span(of.resource, span) for scope in of.scope_spans for span in scope.spans]
        else:
            message = ExportLogsServiceRequest.FromString(body)
            for of in message.resource_logs:
                self.records += [Record(of.resource, scope.scope, it) for scope in of.scope_logs for it in scope.log_records]
        self.texts.append(MessageToJson(message, ensure_ascii=False))

    def trace(self, id):
        return [span for span in list(self.spans) if span.trace == id]

    def named(self, id):
        return collections.Counter(span.name for span in self.trace(id))


class Rotel:
    """The collector: takes OTLP over HTTP and passes it on to a reader."""

    def __init__(self, stage, reader):
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        package = next(pathlib.Path(path) / "rotel" for path in sys.path if (pathlib.Path(path) / "rotel" / "rotel-agent").exists())
        self.log = stage.path("rotel.log")
        with open(self.log, "ab") as sink:
            self.process = subprocess.Popen(
                [package / "rotel-agent", "start", "--otlp-http-endpoint", f"127.0.0.1:{self.port}", "--otlp-grpc-endpoint", f"127.0.0.1:{free_port()}",
                 "--exporter", "otlp", "--otlp-exporter-protocol", "http", "--otlp-exporter-endpoint", f"http://127.0.0.1:{reader.port}", "--batch-timeout", "100ms",
                 "--pid-file", stage.path("rotel.pid"), "--log-file", stage.path("rotel-agent.log")],
                stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=stage.environment(), cwd=stage.folder)
        stage.processes.append(self.process)

    def starts(self):
        def listens():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0
        return wait(listens, 30, self.process)


class Ill:
    """What answers 503, or nothing at all."""

    def __init__(self, answers):
        self.port, self.asked, self.kept = free_port(), 0, []
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.answers = answers
        threading.Thread(target=self.serve, daemon=True).start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}"

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            self.asked += 1
            if self.answers:
                threading.Thread(target=self.refuse, args=[connection], daemon=True).start()
            else:
                self.kept.append(connection)

    @staticmethod
    def refuse(connection):
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
