#!/usr/bin/env python3
"""News by mail and by webhook: a real mail server and a real receiver beside the real binary. Both
are down for a while; nothing is lost, nothing is told to the wrong people, no reason is logged."""

import email
import email.policy
import hashlib
import hmac
import html
import http.server
import json
import logging
import re
import socket
import ssl
import subprocess
import threading
import time
import warnings

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from served import MARA, PRIYA, TOMASZ, Served, asking
from stage import Checks, Stage, free_port, wait

# of aiosmtpd, about a server that takes passwords without TLS: this one is on loopback
warnings.simplefilter("ignore")
logging.getLogger("mail").setLevel(logging.CRITICAL)

SECRET = "whsec-0123456789abcdef"
PASSWORD = "hunter2/%@"
REASON = "OPS-7: look at <the> queue\r\nBcc: everybody@example.com\r\n\r\nzebra-in-the-reason"
OPS = "ops@example.com"


class Inbox:
    """What the mail server took, as raw messages with their envelopes."""

    def __init__(self):
        self.taken, self.refusing, self.port, self.controller = [], set(), free_port(), None

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refusing:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.taken.append((envelope.mail_from, list(envelope.rcpt_tos), envelope.content))
        return "250 OK"

    def authenticate(self, server, session, envelope, mechanism, data):
        known = (data.login, data.password) == (b"hallpass", PASSWORD.encode())
        return AuthResult(success=known, handled=False)

    def start(self, **more):
        """Without TLS, or as `more` says."""
        self.controller = Controller(
            self, hostname="127.0.0.1", port=self.port, authenticator=self.authenticate,
            auth_required=True, auth_require_tls=False, **more)
        self.controller.start()

    def stop(self):
        if self.controller:
            self.controller.stop()
            self.controller = None

    def mails(self, to=None):
        parsed = [(to_, email.message_from_bytes(raw, policy=email.policy.default))
                  for _, to_, raw in list(self.taken)]
        return [mail for recipients, mail in parsed if to is None or to in recipients]

    def find(self, to, subject):
        return [mail for mail in self.mails(to) if subject in mail["Subject"]]


class Receiver:
    """A webhook's other end. Checks signatures by the documented rule, with nothing of ours."""

    def __init__(self):
        self.port, self.calls, self.answers, self.server = free_port(), [], [], None

    def start(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.answers.pop(0) if receiver.answers else 200
                receiver.calls.append({
                    "status": status, "body": json.loads(body), "signed": signed(self.headers, body),
                    "delivery": self.headers["Hallpass-Delivery"], "at": time.time(),
                })
                self.send_response(status)
                if status in (429, 503):
                    self.send_header("Retry-After", "2")
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def told(self, request, news=None):
        return [call for call in self.calls
                if call["body"]["request"]["id"] == request and news in (None, call["body"]["news"])]

    def took(self, request, news):
        return any(call["status"] < 300 for call in self.told(request, news))


def signed(headers, body, window=300):
    parts = dict(part.split("=", 1) for part in headers["Hallpass-Signature"].split(","))
    wanted = hmac.new(SECRET.encode(), parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    return abs(time.time() - int(parts["t"])) <= window and hmac.compare_digest(wanted, parts["v1"])


def configure(served, inbox, receiver):
    """The server again, with channels."""
    with open(served.stage.path("hallpass.toml"), "a") as file:
        file.write(
            f'[mail]\nurl = "${{env:SMTP_URL}}"\nfrom = "Hallpass <hallpass@example.com>"\nalerts = ["{OPS}"]\n'
            f'[[webhooks]]\nname = "tickets"\nurl = "http://127.0.0.1:{receiver.port}/hook?key=in-the-url"\n'
            'secret = "file:secret.txt"\n'
            f'[[webhooks]]\nname = "ends"\nurl = "http://127.0.0.1:{receiver.port}/ends"\nsecret = "{SECRET}"\n'
            'events = ["stuck"]\n')
    served.stage.path("secret.txt").write_text(SECRET + "\n")
    served.environment["SMTP_URL"] = f"smtp://hallpass:hunter2%2F%25%40@127.0.0.1:{inbox.port}?tls=none"
    served.stage.stop(served.process)
    return served.start()


def ask(served, **more):
    answer = served.api(MARA).post("/api/v1/requests", asking(**more))
    assert answer.status in (201, 202), answer
    return answer.json["id"]


def approval(check, served, inbox, receiver):
    """Ask, approve, hold, give back: everybody hears of it."""
    request = ask(served, reason=REASON)
    check("an approver is mailed", wait(lambda: inbox.find(TOMASZ, "Mara requests"), 20), served.said()[-500:])
    taken = [entry for entry in inbox.taken if TOMASZ in entry[1]]
    mail = inbox.find(TOMASZ, "Mara requests")[0]
    check.equal("the subject can be read in a list", mail["Subject"],
                "Mara requests DatabaseOperator in payments-prod, 30m")
    plain = mail.get_body(("plain",)).get_content()
    page = mail.get_body(("html",)).get_content()
    link = f"/requests/{request}"
    check("it has the link, in both forms", link in plain and f'{link}"' in page, plain)
    check("it has the reason, escaped where needed",
          "> OPS-7: look at <the> queue" in plain and "<the>" not in page and "<the>" in html.unescape(page)
          and "zebra" in page, plain)
    names = [name.lower() for name in mail.keys()]
    check("nothing of the reason is a header", "bcc" not in names and len(names) == len(set(names)), names)
    check("it is one person's mail", all(to == [TOMASZ] for _, to, _ in taken) and mail["To"] == TOMASZ, taken)
    check.equal("robots know it for a robot's", mail["Auto-Submitted"], "auto-generated")
    check("the other approver is mailed apart", wait(lambda: inbox.find(PRIYA, "Mara requests"), 10))
    ids = [mail["Message-ID"] for mail in inbox.mails()]
    check("each mail has its own id", len(ids) == len(set(ids)), ids)
    check("the requester is not mailed about their own question", not inbox.mails(MARA))
    check("the webhook is called", wait(lambda: receiver.took(request, "review_wanted"), 10))
    call = receiver.told(request)[0]
    check("its signature holds, by the documented rule", call["signed"])
    body = call["body"]
    check("its body is that of version 1", body["version"] == 1 and body["id"] == call["delivery"]
          and body["request"]["reason"] == REASON and body["grant"] is None, body)
    served.api(TOMASZ).post(f"/api/v1/requests/{request}/approve", {})
    check("the requester is mailed when the access is there",
          wait(lambda: inbox.find(MARA, "Access granted: DatabaseOperator in payments-prod"), 30), served.said()[-500:])
    check("the webhook gets the grant with its end",
          wait(lambda: receiver.told(request, "granted"), 10)
          and receiver.told(request, "granted")[0]["body"]["grant"]["ends_at"])
    grant = receiver.told(request, "granted")[0]["body"]["grant"]["id"]
    served.api(MARA).post(f"/api/v1/grants/{grant}/release", {})
    check("the end is mailed", wait(lambda: inbox.find(MARA, "Access ended: DatabaseOperator in payments-prod"), 30))
    threads = {mail["References"] for mail in inbox.mails()}
    check("all of it is one thread", len(threads) == 1 and request in threads.pop(), threads)


def refusals(check, served, inbox):
    """No, in both its forms."""
    request = ask(served, reason="a second time")
    served.api(TOMASZ).post(f"/api/v1/requests/{request}/deny", {"reason": "not on a Friday"})
    check("a denial is mailed", wait(lambda: inbox.find(MARA, "Access denied"), 20))
    mail = inbox.find(MARA, "Access denied")[0].get_body(("plain",)).get_content()
    check("with the words of who denied", "> not on a Friday" in mail, mail)
    answer = served.api(MARA).post("/api/v1/requests", asking(permission_set="NetworkAdmin"))
    check("what no rule covers is refused", answer.status >= 400, answer)
    check("and its requester is mailed why", wait(lambda: inbox.find(MARA, "Not possible"), 20), served.said()[-500:])


def mail_down(check, served, inbox, receiver):
    """The mail server is away, the server is killed meanwhile; webhooks do not notice."""
    inbox.stop()
    inbox.taken.clear()
    decided, open_ = ask(served, reason="while mail is down"), ask(served, permission_set="DatabaseOperator",
                                                                  account="payments-staging", reason="also then")
    check("webhooks go on while mail is down",
          wait(lambda: receiver.took(decided, "review_wanted") and receiver.took(open_, "review_wanted"), 10))
    check("the log says what is wrong",
          wait(lambda: '"channel":"mail"' in served.said() and "could not be delivered yet" in served.said(), 10))
    served.api(TOMASZ).post(f"/api/v1/requests/{decided}/deny", {})
    metrics = lambda: served.api(TOMASZ).get("/metrics").body.decode()
    waiting = lambda: re.search(r'hallpass_notices_waiting\{channel="mail"\} (\d+)', metrics())
    check("the metric counts the waiting ones", wait(lambda: (found := waiting()) and int(found[1]) >= 2, 20), metrics())
    served.stage.stop(served.process)
    served.start()
    inbox.start()
    check("what waited is mailed when the mail server is back, after a restart too",
          wait(lambda: inbox.find(TOMASZ, "payments-staging") and inbox.find(MARA, "Access denied"), 60),
          served.said()[-800:])
    time.sleep(3)
    check("what was decided meanwhile is no longer asked", not inbox.find(TOMASZ, "in payments-prod"),
          [mail["Subject"] for mail in inbox.mails(TOMASZ)])
    counts = [mail["Message-ID"] for mail in inbox.mails()]
    check("nothing is mailed twice", len(counts) == len(set(counts)), counts)
    served.api(TOMASZ).post(f"/api/v1/requests/{open_}/deny", {})


def refused_mailbox(check, served, inbox, receiver):
    """One address that is not accepted costs the others nothing."""
    inbox.taken.clear()
    inbox.refusing.add(PRIYA)
    request = ask(served, reason="with a mailbox that is gone")
    check("the others are mailed", wait(lambda: inbox.find(TOMASZ, "Mara requests"), 20))
    check("the log names the address", wait(lambda: "no such mailbox" in served.said(), 10))
    time.sleep(3)
    check.equal("no one is mailed again for it", len(inbox.find(TOMASZ, "Mara requests")), 1)
    inbox.refusing.clear()
    served.api(TOMASZ).post(f"/api/v1/requests/{request}/deny", {})
    # the next part stops the receiver, and counts what it is told from then on
    check("the webhook gets the end of it", wait(lambda: receiver.took(request, "denied"), 20))


def webhook_down(check, served, receiver):
    """The receiver is away, then fails, then asks for patience, then takes it."""
    receiver.stop()
    request = ask(served, reason="while the receiver is down")
    check("a receiver that is away is tried again",
          wait(lambda: "webhook:tickets" in served.said() and "no connection" in served.said(), 10))
    receiver.answers[:] = [500, 503]
    receiver.start()
    check("until it takes it", wait(lambda: receiver.took(request, "review_wanted"), 60), receiver.answers)
    calls = receiver.told(request, "review_wanted")
    check.equal("500, then 503, then 200", [call["status"] for call in calls], [500, 503, 200])
    check.equal("repetitions have the same id", len({call["delivery"] for call in calls}), 1)
    check("and signatures with their times", all(call["signed"] for call in calls))
    if len(calls) == 3:
        check("the requested pause is kept", calls[2]["at"] - calls[1]["at"] >= 1.9,
              calls[2]["at"] - calls[1]["at"])
    receiver.answers[:] = [400]
    served.api(TOMASZ).post(f"/api/v1/requests/{request}/deny", {})
    check("what it refuses is not repeated", wait(lambda: receiver.told(request, "denied"), 10))
    time.sleep(3)
    check.equal("not even later", len(receiver.told(request, "denied")), 1)
    receiver.answers[:] = [302]
    redirected = ask(served, reason="redirected")
    wait(lambda: receiver.told(redirected), 10)
    time.sleep(2)
    check.equal("a redirect is not followed", len(receiver.told(redirected)), 1)
    receiver.answers[:] = [410]
    served.api(TOMASZ).post(f"/api/v1/requests/{redirected}/deny", {})
    wait(lambda: receiver.told(redirected, "denied"), 10)
    gone = ask(served, reason="after 410")
    time.sleep(3)
    check.equal("who says 410 is left alone", receiver.told(gone), [])
    served.stage.stop(served.process)
    served.start()
    served.api(TOMASZ).post(f"/api/v1/requests/{gone}/deny", {})
    check("until the server starts again", wait(lambda: receiver.told(gone, "denied"), 20))
    check("news without a subscription are not sent",
          all(call["body"]["id"] == call["delivery"] for call in receiver.calls)
          and len({(call["delivery"], call["status"]) for call in receiver.calls}) == len(receiver.calls))


def doctor(check, served, inbox):
    """Doctor greets the mail server as the server does."""
    result = served.stage.run("doctor", "--output", "json", **served.environment)
    lines = {line["check"]: line for line in json.loads(result.stdout)}
    check("doctor greets the mail server and signs in", lines.get("mail", {}).get("result") == "ok", result.stdout)
    check("doctor names the webhooks", "webhook:tickets" in lines.get("webhooks", {}).get("detail", ""), result.stdout)
    inbox.stop()

    def mail(url, **more):
        environment = {**served.environment, "SMTP_URL": url, **more}
        result = served.stage.run("doctor", "--output", "json", **environment)
        return next(line for line in json.loads(result.stdout) if line["check"] == "mail")

    away = mail(served.environment["SMTP_URL"])
    check("doctor says when the mail server is away", away["result"] == "problem", away)
    key, certificate = served.stage.path("key.pem"), served.stage.path("certificate.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE",
         "-keyout", key, "-out", certificate], check=True, capture_output=True)
    private = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    private.load_cert_chain(certificate, key)
    login = "hallpass:hunter2%2F%25%40@127.0.0.1"
    for name, url, how in (
            ("STARTTLS", f"smtp://{login}:{inbox.port}?tls=required", {"tls_context": private, "require_starttls": True}),
            ("TLS from the first byte", f"smtps://{login}:{inbox.port}", {"ssl_context": private})):
        inbox.start(**how)
        trusted, unknown = mail(url, SSL_CERT_FILE=certificate), mail(url)
        check(f"{name} with a certificate that is trusted", trusted["result"] == "ok", trusted)
        check(f"{name} with one that is not is refused", unknown["result"] == "problem", unknown)
        inbox.stop()
    inbox.start()
    plain = mail(f"smtp://{login}:{inbox.port}?tls=required")
    check("no password goes to a server without STARTTLS", plain["result"] == "problem", plain)
    hangs = socket.create_server(("127.0.0.1", 0))
    silent = mail(f"smtp://127.0.0.1:{hangs.getsockname()[1]}?tls=none")
    check("doctor does not wait for ever for a server that says nothing", silent["result"] == "problem", silent)
    hangs.close()
    wrong = mail(f"smtp://hallpass:wrong@127.0.0.1:{inbox.port}?tls=none")
    check("doctor says when the password is wrong", wrong["result"] == "problem" and "535" in wrong["detail"], wrong)


def main():
    check = Checks()
    inbox, receiver = Inbox(), Receiver()
    with Stage("mail") as stage:
        served = Served(stage)
        inbox.start()
        receiver.start()
        try:
            if check("the server starts with channels", configure(served, inbox, receiver), served.said()[-500:]):
                approval(check, served, inbox, receiver)
                refusals(check, served, inbox)
                mail_down(check, served, inbox, receiver)
                refused_mailbox(check, served, inbox, receiver)
                webhook_down(check, served, receiver)
                doctor(check, served, inbox)
            said = served.said()
            for what in ("zebra", "while mail is down", "not on a Friday", "hunter2", SECRET, "in-the-url"):
                check(f"the log does not hold {what!r}", what not in said)
            served.stage.stop(served.process)
        finally:
            inbox.stop()
            receiver.stop()
    check.end()


if __name__ == "__main__":
    main()
