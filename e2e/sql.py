#!/usr/bin/env python3
"""Snapshots are open: another engine reads the files that `hallpass query snapshots import` wrote, and gives the rows that
`hallpass query` gives; so do snapshots in S3, and the tables that are exported to PostgreSQL (`inventory.md` §1.1, §2.1)."""

import http.client
import http.server
import json
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

import boto3
import duckdb

import postgres
from served import PRIYA, Served
from stage import ROOT, Api, Checks, Stage, binary, free_port, wait

FIXTURE = ROOT / "docs/spec/fixtures/inventory-lostkeys.json"
PLACE = "s3://acme-inventory/a b/hallpass"


def hallpass(folder, *arguments):
    return subprocess.run([binary(), *arguments], cwd=folder, capture_output=True, text=True)


def of_duckdb(folder, fixture, sql):
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    for table in fixture["tables"]:
        files = f"{folder}/snapshots/{table}/*/*/*.parquet"
        database.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{files}', hive_partitioning = true)")
    # its clock is not to be moved: the instant stands where the clock is asked
    sql = sql.rstrip().rstrip(";").replace("now()", f"TIMESTAMPTZ '{fixture['now']}'")
    answer = folder / "duckdb.json"
    database.execute(f"COPY ({sql}) TO '{answer}' (FORMAT json, ARRAY true, TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%SZ')")
    rows = json.loads(answer.read_text())
    for row in rows:
        # it does not know that a column of text is JSON
        if isinstance(row.get("tags"), str):
            row["tags"] = json.loads(row["tags"])
    return rows


def same(rows, ordered):
    texts = [json.dumps(row, sort_keys=True) for row in rows]
    return texts if ordered else sorted(texts)


def documents(stage):
    """The article's people, and the same a day later: one is gone, one is new, and some have what is hard to keep."""
    fixture = json.loads(FIXTURE.read_text())
    later = json.loads(FIXTURE.read_text())
    later["now"] = "2026-11-21T00:00:00Z"
    users = later["tables"]["aws_iam_users"]
    users.pop(0)
    users += [
        {"cq_id": "hard-1", "account_id": "999999999999", "arn": "tab\t, newline\n, backslash \\ \\N, bell \u0007, quote ' \"",
         "user_name": "zoë \U0001f511 \u202e", "create_date": "2024-02-29T23:59:59.123456Z", "password_enabled": False,
         "tags": {"email": "a\u0000b", "deep": [{"n": 1.5, "m": None, "big": 9007199254740993}], "\u0001": "\u001f"}},
        {"cq_id": "hard-2", "account_id": "999999999999", "arn": "", "user_name": "", "create_date": "0001-01-01T00:00:00Z",
         "tags": {"email": None}},
    ]
    named = {"first": fixture, "later": {"now": later["now"], "tables": later["tables"]}}
    for name, document in named.items():
        stage.path(f"{name}.json").write_text(json.dumps({"now": document["now"], "tables": document["tables"]}))
    return fixture


class Between(http.server.BaseHTTPRequestHandler):
    """Stands before S3: hands on, or does what a test says with some of the calls."""

    protocol_version = "HTTP/1.1"
    behind = None
    # the manifest of which runs waits for ever, and what is refused
    hold, refuse = None, None
    held = threading.Event()

    def hand_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if Between.hold and self.command == "PUT" and Between.hold in self.path:
            Between.held.set()
            time.sleep(600)
        if Between.refuse and self.command == Between.refuse:
            said = b"<Error><Code>AccessDenied</Code><Message>the bucket policy says no</Message></Error>"
            return self.say(403, {}, said)
        there = http.client.HTTPConnection("127.0.0.1", Between.behind, timeout=30)
        there.request(self.command, self.path, body, dict(self.headers))
        answer = there.getresponse()
        said = answer.read()
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in ("content-length", "connection", "transfer-encoding")}
        self.say(answer.status, kept, said)

    def say(self, status, headers, said):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said)

    do_GET = do_PUT = do_DELETE = do_HEAD = do_POST = hand_on

    def log_message(self, *arguments):
        pass


def in_a_bucket(stage, check, fixture):
    """Snapshots in S3 answer as those of a folder do, and what was stopped is not there (`inventory.md` T-21)."""
    port = free_port()
    with open(stage.path("moto.log"), "wb") as log:
        moto = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log,
                                env=stage.environment())
    stage.processes.append(moto)
    s3 = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="eu-west-1", aws_access_key_id="testing",
                      aws_secret_access_key="testing")
    def up():
        try:
            return s3.list_buckets()
        except Exception:  # noqa: BLE001 - it is not up yet
            return None
    wait(up, 60, moto, every=0.5)
    s3.create_bucket(Bucket="acme-inventory", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Between)
    Between.behind = port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # the profile has the keys and the Region, the environment only where S3 is
    stage.path("aws-config").write_text("[profile inventory]\nregion = eu-west-1\naws_access_key_id = testing\naws_secret_access_key = testing\n")
    there = {"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{server.server_address[1]}", "AWS_PROFILE": "inventory",
             "AWS_CONFIG_FILE": stage.path("aws-config")}
    run = lambda *arguments: stage.run(*arguments, "--snapshots", PLACE, **there)
    objects = lambda: sorted(it["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket="acme-inventory")
                             for it in page.get("Contents", []))
    for name in ("first", "later"):
        for ran in (run("query", "snapshots", "import", f"{name}.json"), stage.run("query", "snapshots", "import", f"{name}.json")):
            check(f"{name}: kept in the bucket, and in a folder", ran.returncode == 0, ran.stderr)
    listed = [json.loads(line) for line in run("query", "snapshots", "list").stdout.splitlines()]
    check.equal("both are listed", [(it["state"], it["rows"]) for it in listed],
                [(it["state"], it["rows"]) for it in map(json.loads, stage.run("query", "snapshots", "list").stdout.splitlines())])
    shape = re.compile(r"a b/hallpass/(\w+/dt=2026-11-2\d/run=[\w-]+/part-0\.parquet|_manifests/[\w-]+\.json)")
    check("they lie as in a folder", objects() and all(shape.fullmatch(key) for key in objects()), objects()[:5])
    for query in fixture["queries"]:
        asked = ["query", query["sql"], "--as-of", fixture["now"], "-o", "json"]
        first = run(*asked, "--snapshot", "previous")
        check(f"bucket: {query['name']}", first.returncode == 0 and
              same(json.loads(first.stdout), query["ordered"]) == same(query["rows"], query["ordered"]), first.stderr)
        check.equal(f"bucket: {query['name']}: as in a folder", run(*asked).stdout, stage.run(*asked).stdout)
    for asked in (["query", "SELECT count(*) AS n, count(DISTINCT snapshot_id) AS s FROM aws_iam_users_history"],
                  ["query", "snapshots", "diff", "previous", "newest"], ["query", "snapshots", "export"]):
        ours, theirs = run(*asked), stage.run(*asked)
        check(f"bucket: {asked[0]} {asked[1][:12]}: as in a folder", ours.returncode == 0 and ours.stdout == theirs.stdout and ours.stdout, ours.stderr)
    stopped(stage, check, there, run, objects)
    refused(stage, check, there)
    served(stage, check, there)
    ran = run("query", "snapshots", "prune", "--keep", "1", "--yes")
    check("what is pruned is gone", ran.returncode == 0 and f"removed {listed[0]['id']}" in ran.stderr
          and not any(listed[0]["id"] in key for key in objects()), ran.stderr)
    check.equal("and the other is as it was", [json.loads(it)["id"] for it in run("query", "snapshots", "list").stdout.splitlines()], [listed[1]["id"]])
    server.shutdown()


def stopped(stage, check, there, run, objects):
    """kill -9 before the manifest."""
    before = objects()
    Between.hold = "_manifests/"
    with open(stage.path("killed.err"), "wb") as log:
        process = subprocess.Popen([stage.binary, "query", "snapshots", "import", "first.json", "--snapshots", PLACE], stdout=log, stderr=log,
                                   cwd=stage.folder, env=stage.environment(**there))
    stage.processes.append(process)
    check("it was about to be seen", Between.held.wait(60))
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    Between.hold = None
    left = len(objects()) - len(before)
    check("its files are there, and no one sees it", left >= 3 and len(run("query", "snapshots", "list").stdout.splitlines()) == 2, objects())
    ran = run("query", "snapshots", "prune", "--keep", "9", "--yes")
    check("what may still be written is left alone", ran.returncode == 0 and len(objects()) - len(before) == left, ran.stderr)
    ran = run("query", "snapshots", "prune", "--keep", "9", "--yes", "--unfinished", "0s")
    check("what is not finished any more goes, and nothing else", "never finished" in ran.stderr and objects() == before, (ran.stderr, objects()))


def refused(stage, check, there):
    """Errors say where, and what to do."""
    missing = stage.run("query", "snapshots", "import", "first.json", "--snapshots", "s3://nobody-has-it/x", **there)
    check("a bucket that is not there", missing.returncode == 1 and "s3://nobody-has-it/x/" in missing.stderr
          and "make the bucket" in missing.stderr, missing.stderr)
    missing = stage.run("query", "SELECT 1", "--snapshots", "s3://nobody-has-it/x", **there)
    check("and not to read from", missing.returncode == 2 and "make the bucket" in missing.stderr, missing.stderr)
    Between.refuse = "PUT"
    no = stage.run("query", "snapshots", "import", "first.json", "--snapshots", PLACE, **there)
    Between.refuse = None
    check("a bucket policy that refuses", no.returncode == 1 and "the bucket policy says no" in no.stderr
          and "s3:PutObject" in no.stderr and ".parquet" in no.stderr, no.stderr)
    bad = stage.run("query", "snapshots", "list", "--snapshots", "s3://x/../y", **there)
    check("what is no place", bad.returncode == 2 and "s3://bucket/prefix" in bad.stderr, bad.stderr)
    none = stage.run("query", "snapshots", "list", "--snapshots", "s3://acme-inventory/x", AWS_ENDPOINT_URL_S3=there["AWS_ENDPOINT_URL_S3"])
    check("no credentials", none.returncode in (1, 2) and "AWS_PROFILE" in none.stderr, none.stderr)


def served(stage, check, there):
    """Who has what from a bucket, to the command and to the server's pages; and what `sync` puts there."""
    who = ["who", "--account", "ExampleOrgDev", "-o", "json"]
    place = ["--snapshots", "s3://acme-inventory/who"]
    document = str(ROOT / "docs/spec/fixtures/inventory-who.json")
    beside = ["--folder", "who"]
    for more in (place, beside):
        stage.run("query", "snapshots", "import", document, *more, **there)
    # the document has a grant beside its tables, which snapshots do not keep
    bucket, folder = stage.run(*who, *place, **there), stage.run(*who, *beside)
    check("`who` answers from a bucket as from a folder", bucket.stdout == folder.stdout and "ExampleOrgDev" in bucket.stdout, bucket.stderr)
    world = Served(stage, extra='[inventory]\nsnapshots = "s3://acme-inventory/who"\n', AWS_REGION="eu-west-1",
                   AWS_ENDPOINT_URL_S3=there["AWS_ENDPOINT_URL_S3"])
    session = stage.session(PRIYA)[0]
    page = Api(world.base).get("/access/paths?account=100000000002", headers={"Cookie": f"hallpass={session}", "Accept": "text/html"})
    check("and so do the server's pages", page.status == 200 and b"ExampleOrgDev" in page.body and b"no snapshot" not in page.body.lower(), page.body[-3000:])
    ran = stage.run("sync", "--only", "organizations,identity-center", "--snapshots", "s3://acme-inventory/synced", "-o", "json",
                    timeout=120, **{**world.stage.directory, "AWS_ENDPOINT_URL_S3": there["AWS_ENDPOINT_URL_S3"]})
    check("`sync` puts a snapshot there", ran.returncode == 0 and json.loads(ran.stdout)["state"] == "complete", ran.stderr)
    found = stage.run("query", "SELECT count(*) AS n FROM aws_organizations_accounts", "--snapshots", "s3://acme-inventory/synced", **there)
    check("which is queried as any", found.returncode == 0 and json.loads(found.stdout)["n"] > 3, found.stderr)


def in_postgresql(stage, check, fixture):
    """The export is one snapshot, whole, and answers as `hallpass query` does (`inventory.md` T-22)."""
    stage.run("query", "snapshots", "--folder", "kept", "import", "first.json")
    stage.run("query", "snapshots", "--folder", "kept", "import", "later.json")
    with postgres.Server(free_port()) as server:
        export = lambda *arguments, to=server.url("hallpass"), **more: stage.run(
            "query", "snapshots", "--folder", "kept", "export", "--to", to, *arguments, **{"PGPASSWORD": server.password, **more})
        first = export("--snapshot", "previous")
        check("a snapshot is exported", first.returncode == 0 and '{"table":"aws_iam_users","rows":13}' in first.stdout, first.stderr)
        for query in fixture["queries"]:
            sql = query["sql"].rstrip().rstrip(";").replace("now()", f"timestamptz '{fixture['now']}'")
            rows = server.rows(sql)
            rows, wanted = ([postgres.normal(it) for it in found] for found in (rows, query["rows"]))
            check.equal(f"PostgreSQL: {query['name']}", same(rows, query["ordered"]), same(wanted, query["ordered"]))
        shaped(check, server)
        replaced(stage, check, server, export)
        guarded(stage, check, server, export)
        encrypted(check, server, export)


def shaped(check, server):
    kinds = server.rows("SELECT column_name c, data_type t FROM information_schema.columns WHERE table_name = 'aws_iam_users' "
                        "AND column_name IN ('cq_id', 'create_date', 'password_enabled', 'tags')")
    check.equal("columns have the types of the tables", {it["c"]: it["t"] for it in kinds},
                {"cq_id": "text", "create_date": "timestamp with time zone", "password_enabled": "boolean", "tags": "jsonb"})
    keyless = server.rows("SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'hallpass'::regnamespace AND c.relkind = 'r' "
                          "AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)")
    check.equal("and each a primary key", keyless, [])
    about = server.rows("SELECT s.state, count(c.*) AS n FROM hallpass_snapshots s JOIN hallpass_coverage c USING (snapshot_id) GROUP BY 1")
    check.equal("with what is known of the snapshot", about, [{"state": "complete", "n": 3}])


def replaced(stage, check, server, export):
    """A second export, while somebody reads, and with what stands on the tables."""
    server.run("CREATE ROLE dashboards LOGIN; GRANT USAGE ON SCHEMA hallpass TO dashboards; GRANT SELECT ON hallpass.aws_iam_users TO dashboards;"
               "CREATE VIEW hallpass.people AS SELECT user_name FROM hallpass.aws_iam_users")
    reader = server.session()
    counted = "SELECT (SELECT count(*) FROM hallpass.aws_iam_users WHERE user_name = 'ana'), (SELECT count(*) FROM hallpass.people);"
    old = reader.ask("BEGIN ISOLATION LEVEL REPEATABLE READ; " + counted)
    second = export()
    check("a second export takes its place", second.returncode == 0, second.stderr)
    check.equal("who reads meanwhile has the one of before", (old, reader.ask(counted)), ("1|13", "1|13"))
    check.equal("and then the new one, through views too", reader.ask("COMMIT; " + counted), "0|14")
    check.equal("what was granted stays granted", reader.ask("SET ROLE dashboards; SELECT count(*) FROM hallpass.aws_iam_users; "), "14")
    reader.end()
    sql = "SELECT * FROM aws_iam_users ORDER BY cq_id"
    ours = json.loads(stage.run("query", sql, "--folder", "kept", "-o", "json").stdout)
    theirs = server.rows(sql)
    for row in ours:
        # the one thing that PostgreSQL cannot hold
        row["tags"] = json.loads(json.dumps(row["tags"]).replace("\\u0000", "\ufffd"))
    check.equal("every value arrives as it is", [postgres.normal(it) for it in theirs], [postgres.normal(it) for it in ours])
    check("but U+0000, which is counted", "1 values had U+0000" in second.stderr, second.stderr)
    third = export("--tables", "aws_iam_users")
    check("tables of before that are not of this export are not there", third.returncode == 0 and "okta_users" in third.stderr
          and "does not exist" in server.error("SELECT * FROM hallpass.okta_users"), third.stderr)
    server.run("CREATE VIEW hallpass.keys AS SELECT user_name FROM hallpass.aws_iam_users")
    absent = export("--tables", "okta_users")
    check("a table with dependents is not removed", absent.returncode == 1 and "view" in absent.stderr
          and server.rows("SELECT count(*) AS n FROM aws_iam_users") == [{"n": 14}], absent.stderr)


def guarded(stage, check, server, export):
    """What is refused changes nothing."""
    server.run("CREATE SCHEMA theirs; CREATE TABLE theirs.invoices (n int); INSERT INTO theirs.invoices VALUES (1)")
    other = export("--schema", "theirs")
    check("a schema with tables of others is refused", other.returncode == 4 and "`invoices`" in other.stderr, other.stderr)
    beside = export("--schema", "theirs", "--beside-others")
    check("unless requested, and they are left alone", beside.returncode == 0 and server.rows("SELECT n FROM theirs.invoices") == [{"n": 1}], beside.stderr)
    server.run("DROP TABLE theirs.okta_users; CREATE TABLE theirs.okta_users (id text); INSERT INTO theirs.okta_users VALUES ('mine')")
    named = export("--schema", "theirs", "--beside-others")
    check("one with the name of Hallpass's never is", named.returncode == 4 and server.rows("SELECT id FROM theirs.okta_users") == [{"id": "mine"}], named.stderr)
    server.run("ALTER TABLE hallpass.aws_iam_users DROP COLUMN password_next_rotation; ALTER TABLE hallpass.aws_iam_users ADD COLUMN note int")
    again = export("--snapshot", "previous")
    check("a column that a table of before lacks is added", again.returncode == 0
          and server.rows("SELECT count(*) AS n, count(password_next_rotation) AS r, count(note) AS x FROM aws_iam_users") == [{"n": 13, "r": 0, "x": 0}], again.stderr)
    server.run("DROP VIEW hallpass.people, hallpass.keys; ALTER TABLE hallpass.aws_iam_users ALTER COLUMN user_name TYPE varchar")
    wrong = export()
    check("one of another type is refused, and nothing changed", wrong.returncode == 4 and "user_name" in wrong.stderr
          and server.rows("SELECT count(*) AS n FROM aws_iam_users") == [{"n": 13}], wrong.stderr)
    holder = server.session()
    holder.ask("BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('hallpass query snapshots export twice', 0)) IS NULL;")
    held = export("--schema", "twice")
    holder.end()
    check("two exports into one schema do not meet", held.returncode == 5 and "at work" in held.stderr, held.stderr)
    name = export("--schema", 'a "b" c')
    check("a schema may have any name", name.returncode == 0 and server.rows('SELECT count(*) AS n FROM "a ""b"" c".okta_users') == [{"n": 11}], name.stderr)
    never = export("--tables", "aws_iam_roles")
    check("what was never collected is not exported", never.returncode == 2 and "E_NOT_SYNCED" in never.stderr, never.stderr)


def encrypted(check, server, export):
    near = server.url("hallpass", "sslmode=verify-full", host="localhost")
    unknown = export(to=near)
    check("a certificate without a known authority is refused", unknown.returncode == 1 and "certificate" in unknown.stderr
          and "sslrootcert" in unknown.stderr, unknown.stderr)
    signed = export("--schema", "secure", to=near + f"&sslrootcert={server.authority}")
    check("one that is signed is taken", signed.returncode == 0 and server.rows("SELECT count(*) AS n FROM secure.okta_users") == [{"n": 11}], signed.stderr)
    name = export(to=server.url("hallpass", f"sslmode=require&sslrootcert={server.authority}", host="127.0.0.1"))
    check("of another name it is not, whatever the mode", name.returncode == 1 and "certificate" in name.stderr, name.stderr)
    wrong = export(PGPASSWORD="not-this-one")
    check("a wrong password is reported, and not shown", wrong.returncode == 1 and "PGPASSWORD" in wrong.stderr and "not-this-one" not in wrong.stderr, wrong.stderr)
    maybe = export(to=server.url("hallpass", "sslmode=prefer").replace("@", ":hidden@"))
    check("a line that may be plain is refused", maybe.returncode == 2 and "sslmode=prefer" in maybe.stderr and "hidden" not in maybe.stderr, maybe.stderr)


def main():
    check = Checks()
    fixture = json.loads(FIXTURE.read_text())
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        kept = hallpass(folder, "query", "snapshots", "import", str(FIXTURE))
        check("a document is kept as a snapshot", kept.returncode == 0, kept.stderr)
        for query in fixture["queries"]:
            ours = hallpass(folder, "query", query["sql"], "--as-of", fixture["now"], "--output", "json")
            check(f"{query['name']}: answered", ours.returncode == 0, ours.stderr)
            ours, ordered = same(json.loads(ours.stdout), query["ordered"]), query["ordered"]
            check.equal(f"{query['name']}: the rows of PostgreSQL", ours, same(query["rows"], ordered))
            theirs = of_duckdb(folder, fixture, query["sql"])
            check.equal(f"{query['name']}: DuckDB gives the same over the same files", same(theirs, ordered), ours)
        (folder / "none").mkdir()
        none = hallpass(folder, "query", "--folder", "none", "SELECT * FROM aws_iam_roles")
        check("exit codes and messages come through", none.returncode == 2 and "E_NOT_SYNCED" in none.stderr, none.stderr)
        tables = hallpass(folder, "query", "tables", "aws_iam_users", "--output", "json")
        check("tables are listed", "password_last_used" in tables.stdout, tables.stderr)
        helped = hallpass(folder, "query", "--help")
        check("help is the companion's", "--max-rows" in helped.stdout and helped.returncode == 0, helped.stdout)
        alone = folder / "hallpass"
        alone.write_bytes(pathlib.Path(binary()).read_bytes())
        alone.chmod(0o755)
        without = subprocess.run([alone, "query", "tables"], capture_output=True, text=True)
        check("without the companion it says where it is", without.returncode == 1 and "make query" in without.stderr, without.stderr)
    with Stage("sql") as stage:
        documents(stage)
        in_a_bucket(stage, check, fixture)
        in_postgresql(stage, check, fixture)
    check.end()


main()
