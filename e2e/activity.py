#!/usr/bin/env python3
"""The activity table (`inventory.md` §7.4): rows as a slow reader of our own has them, in every arrangement of the files;
DuckDB over the same files; broken and changed files; a run that is killed; and what was done with a grant."""

import collections
import datetime
import gzip
import http.server
import json
import logging
import os
import pathlib
import random
import signal
import threading
import time
import urllib.error
import urllib.request
import uuid

import boto3
import duckdb
from moto.server import ThreadedMotoServer

from served import INES, Served, asking
from stage import Api, Checks, Stage, free_port, wait

MEGABYTES = int(os.environ.get("ACTIVITY_MB", "4"))
SEEDS = [int(it) for it in os.environ.get("ACTIVITY_SEEDS", "1,2,3").split(",")]
ACCOUNTS = ["111111111111", "222222222222"]
REGIONS = ["eu-west-1", "us-east-1"]
SET = "AWSReservedSSO_{}_0123456789abcdef"
COLUMNS = ["day", "account_id", "region", "principal_kind", "principal", "user_id", "permission_set", "role", "session_started",
           "service", "action", "error_code", "events", "first_seen", "last_seen", "is_write", "resources", "source_addresses"]
check = Checks()


def text(at):
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def identity(random_, account):
    person, chosen = f"person{random_.randrange(9)}", random_.randrange(10)
    behalf = {"userId": str(uuid.UUID(int=9000 + int(person[6:]))), "identityStoreArn": "arn:aws:identitystore::1:identitystore/d-1"}

    def role(name, path, session, **more):
        return {"type": "AssumedRole", "principalId": f"AROA:{session}", "accountId": account,
                "arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session}",
                "sessionContext": {"sessionIssuer": {"type": "Role", "userName": name, "arn": f"arn:aws:iam::{account}:role/{path}{name}"},
                                   "attributes": {"creationDate": f"2026-11-{10 + random_.randrange(4)}T0{random_.randrange(9)}:00:00Z"}, **more}}

    reserved = "aws-reserved/sso.amazonaws.com/eu-west-1/"
    if chosen < 4:
        made = role(SET.format(random_.choice(["Admin", "Read_Only"])), reserved, person)
        return {**made, "onBehalfOf": behalf} if chosen < 2 else made
    return [role("worker", "", f"w{random_.randrange(3)}"), role("deploy", "ci/", "build", sourceIdentity=person),
            role(SET.format("Admin"), "team/", person), {"type": "IAMUser", "userName": "bot", "accountId": account},
            {"type": "AWSService", "invokedBy": "config.amazonaws.com"}, {"type": "Unknown"}][chosen - 4]


def records(random_, megabytes=MEGABYTES, filler=600, days=4):
    """A log of so many megabytes, with copies."""
    start = datetime.datetime(2026, 11, 10, tzinfo=datetime.timezone.utc)
    made, size = [], 0
    while size < megabytes << 20:
        account = random_.choice(ACCOUNTS)
        service, action, writes = random_.choice([
            ("s3", "GetBucketAcl", False), ("s3", "PutBucketPolicy", True), ("iam", "CreateAccessKey", True), ("ec2", "RunInstances", True),
            ("kms", "Decrypt", None), ("cloudtrail", "StopLogging", True), ("ec2", "DescribeInstances", False)])
        record = {"eventVersion": "1.11", "userIdentity": identity(random_, account), "eventSource": service + ".amazonaws.com",
                  "eventTime": text(start + datetime.timedelta(seconds=random_.randrange(86400 * days))), "eventName": action,
                  "awsRegion": random_.choice(REGIONS), "sourceIPAddress": f"198.51.100.{random_.randrange(8)}",
                  "requestParameters": {"filler": "x" * random_.randrange(filler)}, "responseElements": None,
                  "eventID": str(uuid.UUID(int=random_.getrandbits(128), version=4)), "recipientAccountId": account}
        if writes is not None:
            record["readOnly"] = not writes
        if random_.random() < 0.1:
            record["errorCode"] = random_.choice(["AccessDenied", "Client.UnauthorizedOperation"])
        if random_.random() < 0.3:
            record["resources"] = [{"ARN": f"arn:aws:s3:::bucket-{random_.randrange(30):02}", "type": "AWS::S3::Bucket"}]
        made.append(record)
        size += len(json.dumps(record))
    return made + random_.sample(made, len(made) // 20)


def whose(record):
    """Kind, name, user id, permission set, role and the session's start, in the words of the specification."""
    who = record["userIdentity"]
    user = (who.get("onBehalfOf") or {}).get("userId")
    if who["type"] == "AssumedRole":
        context = who["sessionContext"]
        name, session = context["sessionIssuer"]["userName"], who["arn"].rsplit("/", 1)[1]
        if ":role/aws-reserved/sso.amazonaws.com/" in context["sessionIssuer"]["arn"]:
            permission_set = name[len("AWSReservedSSO_"):].rsplit("_", 1)[0]
            return "person", session, user, permission_set, name, context["attributes"]["creationDate"]
        if context.get("sourceIdentity"):
            return "source_identity", context["sourceIdentity"], user, None, name, None
        return "role", name, user, None, name, None
    if who["type"] == "IAMUser":
        return "user", who["userName"], None, None, None, None
    if who["type"] == "AWSService":
        return "service", who["invokedBy"], None, None, None, None
    return "unattributed", "", None, None, None, None


def referee(made):
    """A slow reader of our own: everything in memory."""
    rows, seen = collections.defaultdict(list), set()
    for record in made:
        if record["eventID"] not in seen:
            seen.add(record["eventID"])
            key = (record["eventTime"][:10], record["recipientAccountId"], record["awsRegion"], *whose(record),
                   record["eventSource"].removesuffix(".amazonaws.com"), record["eventName"], record.get("errorCode"))
            rows[key].append(record)
    table = []
    for key, found in rows.items():
        times = [it["eventTime"] for it in found]
        said = [not it["readOnly"] for it in found if "readOnly" in it]
        arns = sorted({arn["ARN"] for it in found for arn in it.get("resources", [])})[:5]
        table.append([*key, len(found), min(times), max(times), any(said) if said else None, arns,
                      sorted({it["sourceIPAddress"] for it in found})[:5]])
    return ordered(table)


def ordered(table):
    return sorted(table, key=lambda row: json.dumps(row))


def trail(root, made, files=3, seed=1, members=1):
    """Files of records in the layout of a trail, in no order."""
    places = collections.defaultdict(list)
    for record in made:
        places[record["recipientAccountId"], record["awsRegion"], record["eventTime"][:10]].append(record)
    for (account, region, day), found in places.items():
        random.Random(seed).shuffle(found)
        folder = root / f"AWSLogs/o-abcdefghij/{account}/CloudTrail/{region}/{day.replace('-', '/')}"
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(files):
            part = found[number::files]
            # a part may be in several members of gzip
            whole = json.dumps({"Records": part}).encode()
            cut = len(whole) // members
            pieces = [whole[at * cut:(at + 1) * cut if at + 1 < members else None] for at in range(members)]
            name = f"{account}_CloudTrail_{region}_{day.replace('-', '')}T0000Z_{number}.json.gz"
            (folder / name).write_bytes(b"".join(gzip.compress(it, 1) for it in pieces))


def ingest(stage, folder, *sources, output="json"):
    for _ in range(600):
        ran = stage.run("activity", "ingest", *sources, "--folder", folder, "--output", output, timeout=900)
        # the companion of a run that was killed has the place until it ends
        if ran.returncode != 5:
            break
        time.sleep(0.1)
    return ran, json.loads(ran.stdout) if output == "json" and ran.stdout.strip() else None


def table(stage, folder):
    ran = stage.run("query", "--folder", folder, f"SELECT {', '.join(COLUMNS)} FROM aws_activity", "--output", "jsonl", timeout=300)
    if ran.returncode != 0:
        return ran.stderr
    return ordered([[row[name] for name in COLUMNS] for row in map(json.loads, ran.stdout.splitlines())])


def of_duckdb(folder):
    """The files as DuckDB sees them, without a word from us."""
    times = ("session_started", "first_seen", "last_seen")
    columns = ", ".join(f"epoch_us({name})" if name in times else name for name in COLUMNS)
    found = duckdb.sql(f"SELECT {columns} FROM read_parquet('{folder}/aws_activity/dt=*/run=*/part-*.parquet')").fetchall()
    start = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    instant = lambda it: None if it is None else text(start + datetime.timedelta(microseconds=it))
    rows = [[instant(it) if name in times else it for name, it in zip(COLUMNS, row)] for row in found]
    return ordered([[*row[:-2], json.loads(row[-2]), json.loads(row[-1])] for row in rows])


def questions(stage, folder):
    """The shipped questions, their own text over the same files by DuckDB: the same rows."""
    files = f"read_parquet('{stage.path(folder)}/aws_activity/dt=*/run=*/part-*.parquet')"
    queries, answer = pathlib.Path(__file__).parent / "../crates/query/src/saved/activity", stage.path("duckdb.json")
    texts = lambda rows: sorted(json.dumps(row, sort_keys=True) for row in rows)
    for name in ("people", "notable", "denied"):
        database = duckdb.connect()
        database.execute("SET TimeZone = 'UTC'")
        database.execute(f"CREATE VIEW aws_activity AS SELECT * FROM {files}")
        sql = (queries / f"{name}.sql").read_text()
        # its ~ wants the whole text to match
        sql = sql.replace("error_code ~ '(", "error_code ~ '.*(").replace(")'", ").*'") if name == "denied" else sql
        database.execute(f"COPY ({sql}) TO '{answer}' (FORMAT json, ARRAY true, TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%SZ')")
        theirs = texts(json.loads(answer.read_text()))
        ran = stage.run("query", "--folder", folder, "--name", f"activity/{name}", "--output", "jsonl", timeout=300)
        ours = texts(map(json.loads, ran.stdout.splitlines()))
        check(f"activity/{name}: DuckDB answers the same question with the same {len(theirs)} rows",
              ran.returncode == 0 and len(theirs) > 0 and ours == theirs, (ran.stderr, first_difference(ours, theirs)))


def most(stage, source):
    """The most memory of their own, in MiB, of what reads the log and of its companion: without the pages of the programs,
    of which a debug build has many."""
    process, most = stage.spawn("activity", "ingest", source, "--folder", "alone", log="alone.log"), {"reader": 0, "companion": 0}
    while process.poll() is None:
        try:
            children = open(f"/proc/{process.pid}/task/{process.pid}/children").read().split()
            for who, pid in [("reader", process.pid)] + [("companion", it) for it in children]:
                lines = open(f"/proc/{pid}/status").read().splitlines()
                most[who] = max([most[who]] + [int(it.split()[1]) // 1024 for it in lines if it.startswith("RssAnon:")])
        except OSError:
            pass
        time.sleep(0.01)
    check.equal("the measured run completed", process.returncode, 0)
    return most


def arrangements(stage, made, wanted):
    trail(stage.path("trail"), made)
    ran, said = ingest(stage, "one", "trail")
    check("a log is joined to the table", ran.returncode == 0 and said["rows"] == len(wanted), (ran.returncode, said, ran.stderr[-300:]))
    found = table(stage, "one")
    check("row for row as the slow reader has it", found == wanted, first_difference(found, wanted))
    found = of_duckdb(stage.path("one"))
    check("and so has DuckDB over the same files", found == wanted, first_difference(found, wanted))
    questions(stage, "one")
    ran, said = ingest(stage, "one", "trail")
    check("a second run reads no file again, and changes nothing", ran.returncode == 0 and said["files_read"] == 0
          and said["files_known"] > 0 and table(stage, "one") == wanted, (said, ran.stderr))
    # in two halves, other files, other orders, several members, pages of LookupEvents, and all of it once more
    half = len(made) // 2
    trail(stage.path("first"), made[:half + 50], files=2, seed=2, members=3)
    trail(stage.path("second"), made[half - 50:], files=1, seed=3)
    events = [{"EventId": it["eventID"], "EventName": it["eventName"], "CloudTrailEvent": json.dumps(it)} for it in made[:200]]
    stage.path("pages.json").write_text(json.dumps({"pages": [{"Events": events[:90]}, {"Events": events[90:]}]}))
    for sources in (["second"], ["pages.json"], ["first", "second"], ["trail"]):
        ran, said = ingest(stage, "two", *sources)
        check(f"{' and '.join(sources)} goes in", ran.returncode == 0, ran.stderr[-300:])
    found = table(stage, "two")
    check("halves, copies, pages and other orders in four runs are the same rows", found == wanted, first_difference(found, wanted))
    counts = stage.run("query", "--folder", "two", "SELECT sum(events) AS n FROM aws_activity", "--output", "json")
    check.equal("each event counts once", json.loads(counts.stdout)[0]["n"], len({it["eventID"] for it in made}))
    left = [it for it in stage.path("two/_activity/reading").iterdir()]
    check.equal("a run leaves no files", left, [])
    pruned = stage.run("query", "snapshots", "--folder", "two", "prune", "--keep", "1", "--yes", "--unfinished", "0s")
    check("pruning snapshots leaves the table as it is", pruned.returncode == 0 and table(stage, "two") == wanted, pruned.stderr)
    ran = stage.run("query", "--folder", "two", "--name", "activity/notable", "--output", "csv")
    check("a shipped query shows notable calls", ran.returncode == 0 and "StopLogging" in ran.stdout, ran.stderr)


def bounded(stage):
    """Many small records of one day, which the companion once had in memory: that took three times as much as the log is long."""
    trail(stage.path("large"), records(random.Random(9), max(MEGABYTES, 32), 2, days=1))
    own = most(stage, "large")
    check(f"neither has more than 64 MiB for itself, however long the log is ({own})", all(0 < it <= 64 for it in own.values()), own)


class Hindered(http.server.BaseHTTPRequestHandler):
    """The S3 of others, but for one folder that is refused once others were listed."""

    behind, refused, listed, fails = "", "", 0, 0

    def do_GET(self):
        if "list-type=2" in self.path:
            Hindered.listed += 1
            if Hindered.refused and Hindered.refused in urllib.request.unquote(self.path):
                Hindered.fails += 1
                return self.say(403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
        request = urllib.request.Request(Hindered.behind + self.path, headers={k: v for k, v in self.headers.items() if k.lower() != "host"})
        try:
            with urllib.request.urlopen(request) as answer:
                return self.say(answer.status, answer.read(), answer.headers)
        except urllib.error.HTTPError as error:
            return self.say(error.code, error.read(), error.headers)

    def say(self, status, body, headers=()):
        self.send_response(status)
        for name, value in getattr(headers, "items", dict)():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "server", "date"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def half_listed(stage, keys, wanted):
    """A listing that fails half way: nothing is known of what would have come, so nothing counts, and the table stays."""
    Hindered.behind = keys["AWS_ENDPOINT_URL_S3"]
    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hindered)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    hindered = keys | {"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{proxy.server_address[1]}"}
    run = lambda folder: stage.run("activity", "ingest", "s3://acme-trail/org", "--folder", folder, "--output", "json", timeout=900, **hindered)
    try:
        Hindered.refused = "222222222222/CloudTrail/us-east-1/2026/11/12"
        for folder, before in (("bucket", wanted), ("half", None)):
            Hindered.listed = Hindered.fails = 0
            ran = run(folder)
            check("a listing that fails half way is exit 1, by its name", ran.returncode == 1 and "AccessDenied" in ran.stderr
                  and "acme-trail" in ran.stderr and Hindered.listed > Hindered.fails > 0, (ran.returncode, ran.stderr[-400:], Hindered.listed))
            if before:
                check("the table stays as it was", table(stage, folder) == before)
            else:
                check("and nothing of it counts", not stage.path(f"{folder}/_activity/manifest.json").exists())
        Hindered.refused = ""
        ran = run("half")
        found = table(stage, "half")
        check("the next whole listing has everything", ran.returncode == 0 and found == wanted, (ran.stderr[-300:], first_difference(found, wanted)))
    finally:
        proxy.shutdown()


def in_a_bucket(stage, wanted):
    """The same files in the bucket of a trail, with one that comes in pieces; others wrote the S3 that is asked."""
    port = free_port()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    try:
        keys = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1",
                "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}"}
        s3 = boto3.client("s3", endpoint_url=keys["AWS_ENDPOINT_URL_S3"], region_name="us-east-1", aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
                          aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"])
        s3.create_bucket(Bucket="acme-trail")
        files = sorted(it for it in stage.path("trail").rglob("*") if it.is_file())
        for path in files:
            s3.put_object(Bucket="acme-trail", Key=f"org/{path.relative_to(stage.path('trail'))}", Body=path.read_bytes())
        # longer than what is fetched whole: blanks between records are none
        long = files[0].with_name("111111111111_long.json")
        more = gzip.decompress(files[0].read_bytes())
        s3.put_object(Bucket="acme-trail", Key=f"org/{long.relative_to(stage.path('trail'))}", Body=more[:-2] + b" " * (6 << 20) + more[-2:])
        s3.put_object(Bucket="acme-trail", Key="org/AWSLogs/o-abcdefghij/111111111111/CloudTrail-Digest/eu-west-1/2026/11/10/x.json.gz", Body=b"none of ours")
        run = lambda *words: stage.run("activity", "ingest", "s3://acme-trail/org", "--folder", "bucket", "--output", "json", *words, timeout=900, **keys)
        ran = run()
        found = table(stage, "bucket")
        check("the bucket of a trail goes in as its files do", ran.returncode == 0 and found == wanted, (ran.stderr[-300:], first_difference(found, wanted)))
        said = json.loads(ran.stdout)
        check.equal("every file is read, the long one too", said["files_read"], len(files) + 1)
        ran = run()
        said = json.loads(ran.stdout)
        check.equal("a second run reads no file again", (said["files_read"], said["files_known"]), (0, len(files) + 1))
        found = {it["Key"] for it in s3.list_objects_v2(Bucket="acme-trail")["Contents"]}
        check.equal("and nothing is written there", len(found), len(files) + 2)
        ran = run("--since", "2026-11-20")
        check("an empty table is reported", ran.returncode == 2 and "s3://acme-trail/org" in ran.stderr and "AWSLogs" in ran.stderr, ran.stderr)
        ran = stage.run("activity", "ingest", "s3://acme-other", "--folder", "bucket", **keys)
        half_listed(stage, keys, wanted)
        check("a bucket that is not there is named", ran.returncode == 1 and "acme-other" in ran.stderr, (ran.returncode, ran.stderr))
    finally:
        server.stop()


def first_difference(found, wanted):
    if not isinstance(found, list):
        return found
    mine, theirs = ({json.dumps(row) for row in rows} for rows in (found, wanted))
    return f"{len(found)} rows for {len(wanted)}; only found: {sorted(mine - theirs)[:1]}; only wanted: {sorted(theirs - mine)[:1]}"


def broken(stage, made, wanted):
    trail(stage.path("bad"), made)
    day = next(stage.path("bad").rglob("eu-west-1/2026/11/11"))
    good = next(day.iterdir()).read_bytes()
    bad = {"cut.json.gz": good[:-9], "empty.json": b"", "garbage.json.gz": b"\x1f\x8b" + b"x" * 50, "list.json": b"[]",
           "latin.json": b'{"Records":[{"eventName":"A","a":"\xe9"}]}', "half.json": b'{"Records":[{"eventName":',
           "none.json": b'{"Rows":[]}', "bad\x1b[2J.json": b"{", "trailing.json.gz": good + b"x" * 40,
           "timeless.json": b'{"Records":[{"eventID":"x","eventName":"A","eventSource":"s3.amazonaws.com"}]}'}
    for name, content in bad.items():
        (day / name).write_bytes(content)
    (day / "notes.txt").write_bytes(b"none of ours")
    ran, said = ingest(stage, "bad-table", "bad")
    named = [line for line in ran.stderr.splitlines() if line.startswith("left out: ")]
    check.equal("broken files are exit 1, and each is named once", (ran.returncode, len(named), said["files_left_out"]), (1, len(bad), len(bad)))
    check("file names do not control the terminal", "\x1b" not in ran.stderr, ran.stderr)
    check("and the others are the table", table(stage, "bad-table") == wanted)
    for name in bad:
        (day / name).unlink()
    some = next(it for it in sorted(day.iterdir()) if it.suffix == ".gz")
    before = some.read_bytes()
    some.write_bytes(gzip.compress(json.dumps({"Records": made[:1]}).encode()))
    ran, said = ingest(stage, "bad-table", "bad")
    check("a file that changed is named, and nothing of it counts", ran.returncode == 1 and said["files_left_out"] == 1
          and "changed since it was read" in ran.stderr and table(stage, "bad-table") == wanted, (said, ran.stderr))
    some.write_bytes(before)
    ran, said = ingest(stage, "bad-table", "bad")
    check("as it was, it is the one that was read", ran.returncode == 0 and said["files_read"] == 0, (said, ran.stderr))
    stage.path("none").mkdir()
    for name, words, part in [
        ("a source that is not there", ["absent"], "absent"),
        ("a folder without logs", ["none"], "AWSLogs"),
        ("no source", [], "SOURCE"),
        ("an invalid day", ["trail", "--since", "yesterday"], "--since"),
    ]:
        ran = stage.run("activity", "ingest", *words, "--folder", "nothing")
        check(f"{name} is exit 2", ran.returncode == 2 and part in ran.stderr and not stage.path("nothing").exists(), (ran.returncode, ran.stderr))
    ran = stage.run("query", "--folder", "nothing", "SELECT 1 FROM aws_activity")
    check("a table of nothing is not synced", ran.returncode == 2 and "hallpass activity ingest" in ran.stderr, ran.stderr)


def killed(stage, made, wanted):
    """Runs that are killed at moments of several seeds, wherever they are then, and one that is not."""
    began = time.monotonic()
    ran, _ = ingest(stage, "unbroken", "trail")
    whole = time.monotonic() - began
    check("a run goes through", ran.returncode == 0, ran.stderr)
    for seed in SEEDS:
        folder, random_, kills = f"killed-{seed}", random.Random(seed), 0
        for number in range(5):
            seconds = random_.uniform(0.01, whole)
            process = stage.spawn("activity", "ingest", "trail", "--folder", folder, log="killed.log")
            try:
                process.wait(seconds)
            except Exception:
                stage.stop(process, signal.SIGKILL)
                kills += 1
            if stage.path(f"{folder}/_activity/manifest.json").exists():
                check(f"seed {seed}, run {number}: after {seconds:.2f} s the table is whole or not there", table(stage, folder) == wanted)
        ran, _ = ingest(stage, folder, "trail")
        found = table(stage, folder)
        check(f"seed {seed}: after {kills} kills the next run has all rows", ran.returncode == 0 and found == wanted, (ran.stderr[-300:], first_difference(found, wanted)))
        check("and DuckDB sees nothing of runs that did not end", of_duckdb(stage.path(folder)) == wanted)


def missing_regions(stage, made):
    """`access.md` §22, R-1: a Region of the instance that the trail leaves out is told, and one that is only quiet is not."""
    trail(stage.path("regional"), made[:50])
    there = sorted({it["awsRegion"] for it in made[:50]})
    ran, said = ingest(stage, "regional-table", "regional")
    check("which Regions there are is not known without a snapshot", ran.returncode == 0 and said["regions_unknown"] and "missing_regions" not in said
          and "is not known" in ran.stderr, (said, ran.stderr))
    listed = [{"RegionName": name, "Status": "ACTIVE", "IsPrimaryRegion": name == there[0]} for name in [*there, "ap-southeast-2", "sa-east-1"]]
    listed.append({"RegionName": "ca-central-1", "Status": "ADDING", "IsPrimaryRegion": False})
    stage.path("instance.json").write_text(json.dumps({"tables": {"aws_ssoadmin_instances": [
        {"instance_arn": "arn:aws:sso:::instance/ssoins-1", "identity_store_id": "d-1234567890", "instance_owner": "111111111111",
         "instance_status": "ACTIVE", "instance_regions": listed}]}}))
    imported = stage.run("query", "snapshots", "--folder", "regional-table", "import", "instance.json")
    quiet = stage.path("regional") / "AWSLogs/o-abcdefghij" / made[0]["recipientAccountId"] / "CloudTrail-Digest/sa-east-1/2026/01/01"
    quiet.mkdir(parents=True)
    ran, said = ingest(stage, "regional-table", "regional")
    check("a Region of the instance without a file is reported", imported.returncode == 0 and ran.returncode == 0
          and said.get("missing_regions") == ["ap-southeast-2"] and "regions_unknown" not in said
          and "nothing of ap-southeast-2, a Region of the instance" in ran.stderr, (imported.stderr, said, ran.stderr))
    ran, said = ingest(stage, "regional-table", "pages.json")
    check("saved pages cannot show that", ran.returncode == 0 and "missing_regions" not in said and "regions_unknown" not in said, (said, ran.stderr))


def with_grant(stage):
    """What was done with a grant, where the log goes, and what its permission set allows besides."""
    world = Served(stage, extra='[inventory]\nsnapshots = "snapshots"\n')
    ines = world.api(INES)
    asked = ines.post("/api/v1/requests", asking("ReadOnly", 7200))
    active = lambda: next((it for it in ines.get("/api/v1/grants?state=active").json["items"] if it["request_id"] == asked.json["id"]), None)
    grant = wait(active, 60, world.process)
    check("a user has access", grant, asked)
    token = {"HALLPASS_SERVER": world.base, "HALLPASS_TOKEN": world.tokens[INES]}
    show = lambda *words: stage.run("activity", "show", grant["id"], *words, **token)
    said = json.loads(show("--output", "json").stdout)
    check.equal("before there is a log nothing is known of its use", said["state"], "not_known")
    now = datetime.datetime.fromisoformat(grant["granted_at"].replace("Z", "+00:00"))
    role = SET.format("ReadOnly")

    def one(minutes, service, action, write=False, who=INES, error=None, role=role, path="aws-reserved/sso.amazonaws.com/"):
        record = {"eventID": str(uuid.uuid4()), "eventTime": text(now + datetime.timedelta(minutes=minutes)), "eventName": action,
                  "eventSource": service + ".amazonaws.com", "awsRegion": "eu-west-1", "recipientAccountId": grant["account"], "readOnly": not write,
                  "userIdentity": {"type": "AssumedRole", "accountId": grant["account"], "arn": f"arn:aws:sts::{grant['account']}:assumed-role/{role}/{who}",
                                   "sessionContext": {"sessionIssuer": {"userName": role, "arn": f"arn:aws:iam::{grant['account']}:role/{path}{role}"},
                                                      "attributes": {"creationDate": text(now + datetime.timedelta(seconds=20))}}}}
        return {**record, "errorCode": error} if error else record

    # what came a day earlier makes the log begin before the grant; what is in the future says nothing of how far it goes
    def log(name, *made):
        # and one a second after its begin: the log reaches into the grant
        earlier = [one(minutes, "ec2", "DescribeInstances", who="worker", role="worker", path="") for minutes in (-24 * 60, 1 / 60)]
        stage.path(f"{name}.json").write_text(json.dumps({"Records": earlier + list(made)}))
        return ingest(stage, "snapshots", f"{name}.json")

    wait(lambda: datetime.datetime.now(datetime.timezone.utc) > now + datetime.timedelta(seconds=2), 10, world.process)
    ran, _ = log("quiet", one(600, "s3", "ListBuckets", who="other", role="worker", path=""))
    said = json.loads(show("--output", "json").stdout)
    check.equal("while the log is behind it is not called unused", (ran.returncode, said["state"]), (0, "not_so_far"))
    log("used", one(0, "s3", "ListBuckets"), one(0, "cloudtrail", "StopLogging", True, error="AccessDenied"), one(0, "s3", "ListBuckets", who="other"),
        one(0, "iam", "CreateAccessKey", True, path="team/"))
    said = json.loads(show("--output", "json").stdout)
    check.equal("her calls are shown, notable ones first, and no one else's", [(it["action"], it.get("notable")) for it in said["calls"]],
                [("StopLogging", "logging"), ("ListBuckets", None)])
    ran = show("--output", "table")
    check("in words, with how far the log goes", "reaches until" in ran.stderr and "cloudtrail:StopLogging" in ran.stdout, ran.stderr + ran.stdout)
    stranger = Api(world.base, world.tokens[world.stranger]).get(f"/api/v1/grants/{grant['id']}/activity")
    check.equal("a user who may not see a grant does not see its use", stranger.status, 404)
    policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["s3:ListAllMyBuckets", "s3:GetObject", "sqs:ListQueues"], "Resource": "*"}}
    arn = "arn:aws:iam::aws:policy/Some"
    stage.path("sets.json").write_text(json.dumps({"tables": {
        "aws_ssoadmin_permission_sets": [{"permission_set_arn": "arn:aws:sso:::permissionSet/ssoins-1/ps-1", "permission_set_name": "ReadOnly",
                                          "session_duration": "PT1H", "created": "2026-01-01T00:00:00Z", "ps_tags": {},
                                          "managed_policies": [{"Name": "Some", "Arn": arn}], "customer_policies": [{"Name": "absent", "Path": "/"}]}],
        "aws_iam_policies": [{"policy_account_id": grant["account"], "policy_arn": arn, "policy_name": "Some", "policy_scope": "AWS",
                              "attachment_count": 1, "default_version": "v1", "document": policy}]}}))
    imported = stage.run("query", "snapshots", "import", "sets.json")
    ran = stage.run("activity", "unused", "--permission-set", "ReadOnly", "--actions", "--output", "json")
    rows = {it["action"]: (it["state"], it["people"]) for it in json.loads(ran.stdout or "[]")}
    check.equal("what the set allows beside what was used", rows,
                {"s3:ListAllMyBuckets": ("used", 2), "s3:GetObject": ("not_visible", 0), "sqs:ListQueues": ("unused", 0)})
    check("and what is not known of that", imported.returncode == 0 and ran.returncode == 1 and "policy/absent" in ran.stderr
          and "does not reach back" in ran.stderr, (imported.stderr, ran.returncode, ran.stderr))
    for name, words, part in [("a set that is not there", ["--permission-set", "None"], "no permission set"), ("an unknown person", ["--person"], "--person")]:
        ran = stage.run("activity", "unused", *words)
        check(f"{name} is exit 2", ran.returncode == 2 and part in ran.stderr, ran.stderr)


def main():
    with Stage("activity") as stage:
        made = records(random.Random(5))
        wanted = referee(made)
        arrangements(stage, made, wanted)
        bounded(stage)
        in_a_bucket(stage, wanted)
        broken(stage, made, wanted)
        killed(stage, made, wanted)
        missing_regions(stage, made)
        with_grant(stage)
    check.end()


main()
