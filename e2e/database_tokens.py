#!/usr/bin/env python3
"""A store on PostgreSQL whose passwords AWS makes (`aws_iam=true`), as RDS checks them: a real server hands each password to a directory of
ours, which compares it with the token that the AWS SDK for Python makes for the same instant. No token, no session; a new one for each."""

import datetime
import json
import socket
import threading
import unittest.mock
import urllib.parse

import boto3
import botocore.auth

import postgres
from served import MARA, Served, asking
from stage import Checks, Stage, free_port, wait

USER, REGION, STAMP = "tokens", "eu-west-1", "%Y%m%dT%H%M%SZ"


class Directory:
    """LDAP, as far as PostgreSQL asks it: who binds with the token of now gets in."""

    def __init__(self, stage, place):
        self.stage, self.place, self.seen, self.refuses = stage, place, [], False
        self.port = free_port()
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            line, _ = self.listener.accept()
            threading.Thread(target=self.answer, args=(line,), daemon=True).start()

    def answer(self, line):
        with line:
            while (message := one(line)) is not None:
                (_, number), (kind, body) = parts(message)
                if kind != 0x60:
                    return
                # version, name, password (RFC 4511, section 4.2)
                _, (_, name), (_, password) = parts(body)
                code = 0 if self.is_good(name.decode(), password.decode()) else 49
                result = bytes([0x0A, 1, code, 4, 0, 4, 0])
                line.sendall(tlv(0x30, tlv(2, number) + tlv(0x61, result)))

    def is_good(self, name, token):
        said = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(f"https://{token}").query))
        at = datetime.datetime.strptime(said.get("X-Amz-Date", "19700101T000000Z"), STAMP).replace(tzinfo=datetime.timezone.utc)
        fresh = abs((datetime.datetime.now(datetime.timezone.utc) - at).total_seconds()) < 900
        good = fresh and not self.refuses and name == USER and same(token, self.made(at))
        self.seen.append((good, said.get("X-Amz-Date"), token))
        return good

    def made(self, at):
        keys = self.stage.directory
        client = boto3.client("rds", region_name=REGION, aws_access_key_id=keys["AWS_ACCESS_KEY_ID"], aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"])
        with unittest.mock.patch.object(botocore.auth, "get_current_datetime", lambda: at):
            host, port = self.place
            return client.generate_db_auth_token(DBHostname=host, Port=port, DBUsername=USER, Region=REGION)


def same(one, other):
    """The same place and the same words, in whatever order."""
    split = lambda it: (it.split("?")[0], sorted(urllib.parse.parse_qsl(it.split("?", 1)[-1])))
    return split(one) == split(other)


def tlv(tag, body):
    return bytes([tag, len(body)]) + body


def length(read):
    first = read(1)[0]
    return first if first < 128 else int.from_bytes(read(first & 127), "big")


def one(line):
    """The body of the next message, or nothing at its end."""
    def read(count):
        data = b""
        while len(data) < count:
            more = line.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data
    try:
        read(1)
        return read(length(read))
    except (EOFError, ConnectionError):
        return None


def parts(body):
    """The elements of a message of BER."""
    found, at = [], 0
    while at < len(body):
        tag, at = body[at], at + 1
        def read(count):
            nonlocal at
            at += count
            return body[at - count:at]
        found.append((tag, read(length(read))))
    return found


def connected(stage, check, database, directory):
    # the organization's own credentials are in the configuration; those of the environment sign for the database
    database.run(f"CREATE ROLE {USER} LOGIN")
    database.run(f"CREATE DATABASE hallpass OWNER {USER}")
    server = Served(stage, extra=f'[store]\nurl = "{url(database)}"\n', AWS_REGION=REGION)
    check("the server is ready", wait(lambda: server.api(MARA).get("/readyz").status == 200, 60, server.process), server.said()[-800:])
    asked = server.api(MARA).post("/api/v1/requests", asking("ReadOnly", 300, account="orders-dev"))
    check("it keeps what people ask for", asked.status == 201, asked)
    made = [at for good, at, _ in directory.seen if good]
    check("each password is the one that the SDK makes", made and all(good for good, _, _ in directory.seen), directory.seen[:2])
    said = server.said() + json.dumps(server.api(MARA).get("/readyz").json)
    check("and is in no log", not any(token[-40:] in said for _, _, token in directory.seen))
    done = stage.run("server", "doctor", "--iam-policy", **server.environment)
    statement = [it for it in json.loads(done.stdout)["Statement"] if it["Action"] == ["rds-db:connect"]]
    check("the right that it takes is in the least policy", len(statement) == 1 and statement[0]["Resource"][0].endswith(f":dbuser:*/{USER}"), done.stdout)
    # sessions are opened anew, later: with tokens of then
    before = len(directory.seen)
    database.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{USER}'")
    check("sessions that end are opened with new tokens", wait(lambda: len(directory.seen) > before and server.api(MARA).get("/readyz").status == 200, 60, server.process),
          server.said()[-800:])
    later = [at for good, at, _ in directory.seen[before:] if good]
    check("made at that time", later and min(later) >= max(made), (made[-1:], later[:1]))
    check.equal("the server stops", stage.stop(server.process), 0)
    return server


def refused(stage, check, directory, server):
    look = lambda **more: stage.run("server", "store", "check", **{**server.environment, **more})
    check("a command has the way there, too", look().returncode == 0, look().stderr)
    directory.refuses = True
    done = look()
    check("a user that the database does not accept: why", done.returncode != 0 and "authentication failed" in done.stderr, (done.returncode, done.stderr))
    directory.refuses = False
    before = len(directory.seen)
    done = look(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    check("without credentials: why, and nothing is called", done.returncode != 0 and "password" in done.stderr and len(directory.seen) == before, (done.returncode, done.stderr))
    done = look(AWS_REGION="", AWS_DEFAULT_REGION="")
    check("without a Region: what to set", done.returncode != 0 and "AWS_REGION" in done.stderr, (done.returncode, done.stderr))
    done = look(AWS_SECRET_ACCESS_KEY="other")
    check("another's key opens nothing", done.returncode != 0 and directory.seen[-1][0] is False, done.stderr)


def url(database):
    return f"postgres://{USER}@localhost:{database.port}/hallpass?aws_iam=true&sslmode=verify-full&sslrootcert={database.authority}"


def main():
    check = Checks()
    port = free_port()
    with Stage("database_tokens") as stage:
        hba = stage.path("pg_hba.conf")
        stage.folder.chmod(0o755)
        directory = Directory(stage, ("localhost", port))
        hba.write_text(f'hostssl all {USER} 127.0.0.1/32 ldap ldapserver=127.0.0.1 ldapport={directory.port} ldapprefix="" ldapsuffix=""\n'
                       "host all hallpass 127.0.0.1/32 scram-sha-256\n")
        with postgres.Server(port, hba_file=hba) as database:
            server = connected(stage, check, database, directory)
            refused(stage, check, directory, server)
    check.end()


if __name__ == "__main__":
    main()
