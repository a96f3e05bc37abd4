"""A PostgreSQL server of a script's own: made in a temporary folder, with a password and a certificate, gone with it."""

import datetime
import glob
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from stage import wait


def program(name):
    """Debian keeps those of servers out of the way of people."""
    found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin") or max(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), key=lambda path: int(path.split("/")[4]), default=None)
    return found or sys.exit(f"`{name}` is missing. Install it: apt-get install postgresql")


def normal(row):
    """Instants as numbers, numbers of JSON as PostgreSQL writes them."""
    def value(it):
        if isinstance(it, str) and it[10:11] == "T" and (it.endswith("Z") or it.endswith("+00:00")):
            return datetime.datetime.fromisoformat(it.replace("Z", "+00:00")).timestamp()
        return it
    return {name: value(it) for name, it in row.items()}


class Session:
    """One connection that stays."""

    def __init__(self, server):
        self.process = subprocess.Popen([*server.psql, "-d", "inventory"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=server.environment)

    def ask(self, sql):
        """The last line that it answers."""
        self.process.stdin.write(sql + "\n\\echo .\n")
        self.process.stdin.flush()
        lines = []
        while (line := self.process.stdout.readline().rstrip("\n")) != ".":
            if not line and self.process.poll() is not None:
                raise OSError("psql has ended")
            lines.append(line)
        return lines[-1] if lines else ""

    def end(self):
        self.process.stdin.close()
        self.process.wait(60)


class Server:
    """`settings` are of `postgres` itself; with `room`, in megabytes, it lies on a file system of its own, which the system's
    administrator alone can have."""

    def __init__(self, port, room=None, **settings):
        self.port, self.password, self.room, self.settings = port, os.urandom(8).hex(), room, settings
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hallpass-e2e-postgres-"))
        # the server refuses to be root's
        self.user = "postgres" if os.geteuid() == 0 else None
        self.authority = self.folder / "ca.pem"
        self.psql = [program("psql"), "-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", str(port), "-U", "hallpass"]
        self.environment = {"PATH": os.environ["PATH"], "PGPASSWORD": self.password, "PGSSLMODE": "disable"}

    def __enter__(self):
        if self.room:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.room}m", "tmpfs", self.folder], check=True)
        self.certify()
        (self.folder / "password").write_text(self.password)
        if self.user:
            for path in (self.folder, *self.folder.iterdir()):
                shutil.chown(path, self.user, self.user)
            self.authority.chmod(0o644)
            self.folder.chmod(0o755)
        data = self.folder / "data"
        made = subprocess.run([program("initdb"), "-D", data, "-U", "hallpass", "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync",
                               "--locale=C", f"--pwfile={self.folder / 'password'}"], user=self.user, capture_output=True, text=True, cwd=self.folder)
        if made.returncode:
            sys.exit(f"initdb: {made.stderr}")
        self.start()
        return self

    def start(self):
        """Starts it, and waits until it answers; the database of the scripts is made the first time."""
        data = self.folder / "data"
        settings = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": self.folder, "fsync": "off", "ssl": "on",
                    "ssl_cert_file": self.folder / "server.pem", "ssl_key_file": self.folder / "server.key", "timezone": "UTC",
                    **self.settings}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self.log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen([program("postgres"), "-D", data, *words], user=self.user, stdout=self.log, stderr=self.log, cwd=self.folder)
        def up():
            made = subprocess.run([*self.psql, "-d", "postgres", "-c", "CREATE DATABASE inventory"], env=self.environment, capture_output=True, text=True)
            return made.returncode == 0 or "already exists" in made.stderr
        if not wait(up, 30, self.process, every=0.2):
            sys.exit(f"PostgreSQL does not answer:\n{(self.folder / 'log').read_text()}")

    def stop(self, how=signal.SIGINT):
        """Stops it, with the sessions that are open."""
        self.process.send_signal(how)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def __exit__(self, *_):
        self.stop()
        if self.room:
            subprocess.run(["umount", self.folder], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def copy(self, name="copy"):
        """Puts a copy of the stopped server's data aside."""
        subprocess.run(["cp", "-a", self.folder / "data", self.folder / name], check=True)

    def put_back(self, name="copy"):
        """Puts it in the place of what the stopped server has."""
        shutil.rmtree(self.folder / "data")
        (self.folder / name).rename(self.folder / "data")

    def certify(self):
        """An authority, and a certificate of `localhost` by it."""
        now = datetime.datetime.now(datetime.timezone.utc)
        def certificate(name, key, issuer, by, extension):
            named = lambda text: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
            builder = x509.CertificateBuilder().subject_name(named(name)).issuer_name(named(issuer)).public_key(key.public_key())
            builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
            return builder.not_valid_after(now + datetime.timedelta(hours=12)).add_extension(extension, True).sign(by, hashes.SHA256())
        root, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        pem = serialization.Encoding.PEM
        ca = certificate("e2e", root, "e2e", root, x509.BasicConstraints(True, None))
        self.authority.write_bytes(ca.public_bytes(pem))
        server = certificate("localhost", own, "e2e", root, x509.SubjectAlternativeName([x509.DNSName("localhost")]))
        (self.folder / "server.pem").write_bytes(server.public_bytes(pem))
        key = own.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (self.folder / "server.key").write_bytes(key)
        (self.folder / "server.key").chmod(0o600)

    def url(self, user, query="", host="127.0.0.1"):
        return f"postgres://{user}@{host}:{self.port}/inventory" + (f"?{query}" if query else "")

    def run(self, sql):
        ran = subprocess.run([*self.psql, "-d", "inventory", "-v", "ON_ERROR_STOP=1", "-c", sql], env=self.environment, capture_output=True, text=True)
        if ran.returncode:
            raise OSError(ran.stderr)
        return ran.stdout.strip()

    def error(self, sql):
        try:
            return self.run(sql) and ""
        except OSError as error:
            return str(error)

    def rows(self, sql):
        """Rows as JSON; tables are looked for in the schema of the export."""
        text = self.run(f"SET search_path = hallpass; SELECT coalesce(json_agg(to_json(it)), '[]') FROM ({sql}) AS it")
        return json.loads(text)

    def session(self):
        return Session(self)
