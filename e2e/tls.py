#!/usr/bin/env python3
"""A server with a certificate of its own: who may connect, silent callers beside others, a certificate that is replaced while
people work, files that are broken meanwhile, and what a configuration with half of it says."""

import contextlib
import http.client
import os
import shutil
import socket
import ssl
import subprocess
import warnings

from served import MARA, RULES, asking
from stage import Api, Checks, Stage, answers, free_port, wait

check = Checks()
# an old version is tried on purpose
warnings.filterwarnings("ignore", message="ssl.TLSVersion.TLSv1_1 is deprecated")


class Authority:
    """Makes certificates for the loopback address, as a company's own does."""

    def __init__(self, stage):
        self.stage = stage
        self.trusted = stage.path("ca.pem")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", stage.path("ca.key"), "-out", self.trusted,
                     "-days", "30", "-subj", "/CN=Acme Root", "-addext", "basicConstraints=critical,CA:TRUE")

    def openssl(self, *words):
        subprocess.run(["openssl", *map(str, words)], check=True, timeout=120, capture_output=True)

    def issue(self, name, days):
        """The chain and the key of a new one."""
        key, asked, chain = (self.stage.path(f"{name}.{end}") for end in ("key", "csr", "pem"))
        self.stage.path("names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", asked, "-subj", f"/CN={name}")
        self.openssl("x509", "-req", "-in", asked, "-CA", self.trusted, "-CAkey", self.stage.path("ca.key"), "-CAcreateserial", "-days", days, "-out", chain,
                     "-extfile", self.stage.path("names"))
        chain.write_text(chain.read_text() + self.trusted.read_text())
        return chain, key


class Server:
    """`hallpass serve` over TLS."""

    def __init__(self, stage, authority):
        self.stage, self.authority, self.port = stage, authority, free_port()
        self.base = f"https://127.0.0.1:{self.port}"
        _, self.endpoint, aws = stage.simulator("--speed", "fast")
        self.environment = {name: aws[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
        self.region = aws["AWS_REGION"]
        stage.path("rules.toml").write_text(RULES)
        self.put("first", 20)
        self.configure('certificate = "server.pem"\nkey = "server.key"\n')
        self.token = stage.token(MARA)

    def put(self, name, days):
        chain, key = self.authority.issue(name, days)
        shutil.copy(chain, self.stage.path("server.pem"))
        shutil.copy(key, self.stage.path("server.key"))

    def configure(self, tls, scheme="https"):
        self.stage.path("hallpass.toml").write_text(
            f'[server]\nlisten = "127.0.0.1:{self.port}"\npublic_url = "{scheme}://127.0.0.1:{self.port}"\n[server.tls]\n{tls}'
            f'[aws]\nregion = "{self.region}"\nendpoint_url = "{self.endpoint}"\n')

    def start(self):
        self.process = self.stage.spawn("serve", log="serve.log", **self.environment)
        return wait(lambda: answers(self.api(), "/readyz"), 60, self.process)

    def api(self, token=None):
        return Api(self.base, token, trusts=self.authority.trusted)

    def shown(self):
        """Who the certificate is of that newcomers are shown."""
        context = ssl.create_default_context(cafile=self.authority.trusted)
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
            return dict(part[0] for part in secure.getpeercert()["subject"])["commonName"]

    def gauge(self):
        lines = self.api().get("/metrics").body.decode().splitlines()
        return next(float(line.split(" ")[1]) for line in lines if line.startswith("hallpass_tls_certificate_not_after_seconds "))


def spoken(server):
    """What is spoken, and with whom."""
    check("it listens over TLS", server.start(), server.stage.said("serve.log")[-600:])
    check("and says so", f"listens on {server.base}," in server.stage.said("serve.log"))
    answer = server.api().get("/")
    check("browsers are to come back over TLS alone", answer.headers.get("strict-transport-security", "").startswith("max-age="), answer.headers)
    asked = server.api(server.token).post("/api/v1/requests", asking("ReadOnly", account="payments-dev"))
    check("access is requested and granted over it", asked.status == 201, asked)
    plain = None
    with contextlib.suppress(OSError, http.client.HTTPException):
        plain = Api(f"http://127.0.0.1:{server.port}").get("/healthz", timeout=20)
    check("without TLS nothing is answered", plain is None, plain)
    versions = {}
    for name, version in (("1.2", ssl.TLSVersion.TLSv1_2), ("1.3", ssl.TLSVersion.TLSv1_3), ("1.1", ssl.TLSVersion.TLSv1_1)):
        context = ssl.create_default_context(cafile=server.authority.trusted)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        try:
            with socket.create_connection(("127.0.0.1", server.port), timeout=60) as plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
                versions[name] = secure.version()
        except OSError:
            versions[name] = None
    check.equal("TLS 1.2 and 1.3, and nothing older", versions, {"1.2": "TLSv1.2", "1.3": "TLSv1.3", "1.1": None})
    try:
        Api(server.base, trusts=ssl.get_default_verify_paths().openssl_cafile).get("/healthz")
        check("who does not trust the root does not connect", False)
    except ssl.SSLCertVerificationError:
        check("who does not trust the root does not connect", True)
    done = server.stage.run("whoami", "--server", server.base, HALLPASS_TOKEN=server.token, SSL_CERT_FILE=str(server.authority.trusted))
    check("the command line does, by SSL_CERT_FILE", done.returncode == 0 and MARA in done.stdout, done.stderr)
    done = server.stage.run("whoami", "--server", server.base, HALLPASS_TOKEN=server.token)
    check("and not without it", done.returncode != 0 and "certificate" in done.stderr.lower(), done.stderr)


def silent(server):
    """Callers who say nothing, and some who say nonsense, hold up nobody."""
    callers = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(20)]
    for caller in callers[:10]:
        caller.sendall(b"GET / HTTP/1.1\r\n\r\n")
    check("others are answered beside silent callers", server.api().get("/healthz").status == 200)

    def closed(caller):
        caller.settimeout(120)
        try:
            while caller.recv(4096):
                pass
        except ConnectionError:
            pass
        return True
    check("nonsense ends immediately, silence after a while", all(closed(caller) for caller in callers))
    for caller in callers:
        caller.close()


def replaced(server):
    """Another certificate while people work."""
    until = server.gauge()
    context = ssl.create_default_context(cafile=server.authority.trusted)
    kept = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=60, context=context)

    def called():
        kept.request("GET", "/healthz")
        answer = kept.getresponse()
        return answer.status, answer.read() is not None
    check.equal("a connection is open", called(), (200, True))
    check.equal("newcomers are shown the first", server.shown(), "first")
    # the chain alone: no moment between two files is a server without a certificate
    chain, key = server.authority.issue("second", 25)
    shutil.copy(chain, server.stage.path("server.pem"))
    said = lambda words: wait(lambda: words in server.stage.said("serve.log"), 60, server.process)
    check("files that do not belong together are not taken, and it says so", said("the one before stays in use") and server.shown() == "first", server.stage.said("serve.log")[-400:])
    shutil.copy(key, server.stage.path("server.key"))
    check("both are, within seconds and without a new start", wait(lambda: server.shown() == "second", 60, server.process))
    check("the log and the metric say until when", said("another certificate is in use") and server.gauge() > until + 4 * 86_400, (until, server.gauge()))
    check.equal("who was connected works on", called(), (200, True))
    kept.close()
    server.stage.path("server.pem").write_text("-----BEGIN CERTIFICATE-----\nbroken\n")
    before = server.stage.said("serve.log").count("the one before stays in use")
    check("a broken file changes nothing", wait(lambda: server.stage.said("serve.log").count("the one before stays in use") > before, 60, server.process)
          and server.shown() == "second")
    os.remove(server.stage.path("server.key"))
    shutil.copy(chain, server.stage.path("server.pem"))
    told = lambda: [line for line in server.stage.said("serve.log").splitlines() if "the one before stays in use" in line]
    check("a removed one does not either", wait(lambda: "cannot read" in told()[-1] and "server.key" in told()[-1], 60, server.process)
          and server.shown() == "second", told())
    shutil.copy(key, server.stage.path("server.key"))
    server.stage.stop(server.process)
    said = server.stage.said("serve.log")
    check("no secret is in the log", "PRIVATE KEY" not in said and key.read_text().splitlines()[1] not in said)


def refused(server):
    """What cannot be, at the start."""
    for name, tls, scheme, words in [
            ("one file of two", 'certificate = "server.pem"\n', "https", "has one file of two"),
            ("an address without TLS", 'certificate = "server.pem"\nkey = "server.key"\n', "http", "`server.public_url` is not of `https`"),
            ("a key of another", 'certificate = "server.pem"\nkey = "ca.key"\n', "https", "is not that of the certificate"),
            ("an invalid certificate", 'certificate = "rules.toml"\nkey = "server.key"\n', "https", "there is no certificate in"),
            ("a file that is not there", 'certificate = "nowhere.pem"\nkey = "server.key"\n', "https", "nowhere.pem")]:
        server.configure(tls, scheme)
        done = server.stage.run("serve", **server.environment)
        check(f"{name}: refused at the start, with what to do", done.returncode == 2 and words in done.stderr and "help" in done.stderr, (done.returncode, done.stderr))


def main():
    with Stage("tls") as stage:
        server = Server(stage, Authority(stage))
        spoken(server)
        silent(server)
        replaced(server)
        refused(server)
    check.end()


if __name__ == "__main__":
    main()
