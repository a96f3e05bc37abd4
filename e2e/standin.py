"""What stands before the simulator for operations that it has not: it answers those in a few words, and hands on all others as
they came. Policies decide nothing here; who called what is kept, to be held against them."""

import http.client
import http.server
import json
import re
import threading

from stage import free_port

SCOPE = re.compile(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/aws4_request")
TRANSFERS = {"ResponsibilityTransfers": []}
# service and target or path, the action, and the answer
ANSWERS = [
    ("organizations", r".*\.ListInboundResponsibilityTransfers", "organizations:ListInboundResponsibilityTransfers", TRANSFERS),
    ("organizations", r".*\.ListOutboundResponsibilityTransfers", "organizations:ListOutboundResponsibilityTransfers", TRANSFERS),
]
# services whose administrator is set, taken away and shown: where it stands in a request, and the answer that shows it
ADMINISTRATORS = {
    "guardduty": ("adminAccountId", lambda it: {"adminAccounts": [{"adminAccountId": it, "adminStatus": "ENABLED"}] if it else []}),
    "macie2": ("adminAccountId", lambda it: {"adminAccounts": [{"accountId": it, "status": "ENABLED"}] if it else []}),
    "inspector2": ("delegatedAdminAccountId", lambda it: {"delegatedAdmin": {"accountId": it, "relationshipStatus": "ENABLED"}} if it else None),
}
ADMINISTRATION = [
    ("guardduty", r"POST /admin/enable", "EnableOrganizationAdminAccount"), ("guardduty", r"POST /admin/disable", "DisableOrganizationAdminAccount"),
    ("guardduty", r"GET /admin.*", "ListOrganizationAdminAccounts"),
    ("macie2", r"POST /admin", "EnableOrganizationAdminAccount"), ("macie2", r"DELETE /admin.*", "DisableOrganizationAdminAccount"),
    ("macie2", r"GET /admin.*", "ListOrganizationAdminAccounts"),
    ("inspector2", r"POST /delegatedadminaccounts/enable", "EnableDelegatedAdminAccount"),
    ("inspector2", r"POST /delegatedadminaccounts/disable", "DisableDelegatedAdminAccount"),
    ("inspector2", r"POST /delegatedadminaccounts/get", "GetDelegatedAdminAccount"),
]


class StandIn(http.server.ThreadingHTTPServer):
    """Listens before a simulator; `called` has the action and the access key of each call that it answered itself."""

    def __init__(self, endpoint):
        self.behind = endpoint.removeprefix("http://")
        self.called, self.administrators = [], {}
        port = free_port()
        super().__init__(("127.0.0.1", port), Handler)
        self.endpoint = f"http://127.0.0.1:{port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def answer(self, service, operation, body):
        """The action and the answer of an operation; none where it is not one of these."""
        for name, pattern, action, answer in ANSWERS:
            if name == service and re.fullmatch(pattern, operation):
                return action, answer
        for name, pattern, called in ADMINISTRATION:
            if name == service and re.fullmatch(pattern, operation):
                return f"{name}:{called}", self.administered(name, called, body)
        return None

    def administered(self, name, called, body):
        member, shown = ADMINISTRATORS[name]
        if called.startswith("Enable"):
            self.administrators[name] = json.loads(body)[member]
        elif called.startswith("Disable"):
            self.administrators.pop(name, None)
        else:
            return shown(self.administrators.get(name))
        return {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version, wbufsize, disable_nagle_algorithm = "HTTP/1.1", -1, True

    def log_message(self, *_):
        pass

    def answered(self, status, headers, body):
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def any(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        scope = SCOPE.search(self.headers.get("authorization", ""))
        operation = self.headers.get("x-amz-target") or f"{self.command} {self.path}"
        own = scope and self.server.answer(scope[2], operation, body)
        if own:
            self.server.called.append((own[0], scope[1]))
            missing = own[1] is None
            error = [("x-amzn-errortype", "ResourceNotFoundException")] if missing else []
            return self.answered(404 if missing else 200, [("content-type", "application/json"), *error], json.dumps(own[1] or {}).encode())
        link = http.client.HTTPConnection(self.server.behind, timeout=300)
        link.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            link.putheader(name, value)
        link.endheaders(body)
        answer = link.getresponse()
        self.answered(answer.status, answer.getheaders(), answer.read())
        return link.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = any
