#!/usr/bin/env python3
"""Stale passwords and accounts (`inventory.md` §7): the table of the fixture in every arrangement, a generated organization
row for row as a slow reader of our own has it, broken files, a run that is killed, and what is told through alerts."""

import collections
import datetime
import gzip
import hashlib
import json
import os
import random
import resource
import signal
import time
import uuid

import boto3

import drilled
from drilled import ANA, BO, DEV
from stage import ROOT, Api, Checks, Stage

FIXTURES = ROOT / "docs/spec/fixtures"
AS_OF = "2025-09-01T00:00:00Z"
FROM = "2025-05-01T00:00:00Z"
STORE = "d-9067f00d11"
LOGS = [FIXTURES / f"cloudtrail-{name}.json" for name in ("s3-pre", "s3-post", "lookup-events")]
USERS = FIXTURES / "cloudtrail-users.json"
REGION = "eu-west-1"
MEGABYTES = int(os.environ.get("PCI_MB", "6"))
PEOPLE = 200
check = Checks()


def pci(stage, verb, *words, as_of=AS_OF, output="json", timeout=600):
    ran = stage.run("activity", "pci", verb, "--as-of", as_of, "--output", output, *words, timeout=timeout)
    return ran, json.loads(ran.stdout) if output == "json" and ran.stdout.strip() else None


def expected(policy):
    report = json.loads((FIXTURES / "cloudtrail-expected.json").read_text())
    return next(it for it in report["reports"] if it["activity_policy"] == policy)


def records_of(path):
    document = json.loads(path.read_text())
    saved = [json.loads(it["CloudTrailEvent"]) for page in document.get("pages", []) for it in page["Events"]]
    return document.get("Records", []) + saved


def trail(root, records, members=1):
    """Files of records in the layout of a trail, in no order."""
    days = collections.defaultdict(list)
    for record in records:
        days[record["eventTime"][:10]].append(record)
    for day, found in days.items():
        folder = root / f"prefix/AWSLogs/o-abcdefghij/111111111111/CloudTrail/{REGION}/{day.replace('-', '/')}"
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(members):
            part = found[number::members]
            name = f"111111111111_CloudTrail_{REGION}_{day.replace('-', '')}T0000Z_{number}.json.gz"
            (folder / name).write_bytes(gzip.compress(json.dumps({"Records": part}).encode(), 1))


def fixture(stage):
    for policy in ("any-use", "sign-in"):
        ran, found = pci(stage, "report", "--users", USERS, "--events", *LOGS, "--coverage-from", FROM, "--activity", policy)
        wanted = expected(policy)
        report = found["reports"][0]
        check.equal(f"the fixture under {policy}, member for member", {name: report[name] for name in wanted}, wanted)
        check(f"and that is exit 0 ({policy})", ran.returncode == 0, ran.stderr)
    everything = [it for path in LOGS for it in records_of(path)]
    random.Random(3).shuffle(everything)
    trail(stage.path("fixture"), everything)
    ran, found = pci(stage, "report", "--users", USERS, "--source", "dir:fixture", "--coverage-from", FROM)
    check.equal("gzipped in the layout of a trail", found["reports"][0]["users"], expected("any-use")["users"])
    for name, parts in (("halves", (LOGS[:1], LOGS[1:])), ("the same twice", (LOGS, LOGS))):
        state = stage.path(f"{name}.state")
        for files in parts:
            ran, found = pci(stage, "report", "--users", USERS, "--events", *files, "--coverage-from", FROM, "--state", state)
        check.equal(f"{name} with the state kept", found["reports"][0]["users"], expected("any-use")["users"])
        check.equal(f"{name}: alerts", found["reports"][0]["alerts"], expected("any-use")["alerts"])
    check.equal("no one else may read the state", oct(state.stat().st_mode & 0o777), "0o600")


# a slow reader of our own: everything in memory, in the words of the specification

PORTALS = (".awsapps.com", ".awsapps.cn", ".app.aws")


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


class Referee:
    def __init__(self, users, records, as_of, coverage):
        self.people = {it["UserId"]: it for it in users}
        self.as_of, self.coverage = instant(as_of), coverage
        self.last = {id: {} for id in self.people}
        self.failed = collections.Counter()
        seen = set()
        for record in records:
            if record["eventID"] not in seen:
                seen.add(record["eventID"])
                self.add(record)

    def name(self, typed):
        def bare(name):
            name = name.lower().rsplit("\\", 1)[-1]
            return name.split("@", 1)[0] or name
        for same in (lambda a, b: a == b, lambda a, b: a.lower() == b.lower(), lambda a, b: bare(a) == bare(b)):
            found = [id for id, it in self.people.items() if same(it["UserName"], typed)]
            if found:
                return found[0] if len(found) == 1 else None
        return None

    def whose(self, record):
        identity = record["userIdentity"]
        behalf = identity.get("onBehalfOf")
        if behalf:
            return (behalf["userId"] if behalf["identityStoreArn"].endswith("/" + STORE) else None), True
        typed = identity.get("userName") or record.get("additionalEventData", {}).get("UserName")
        if not typed or typed == "HIDDEN_DUE_TO_SECURITY_REASONS":
            return None, False
        return self.name(typed), False

    def add(self, record):
        at, name = instant(record["eventTime"]), record["eventName"]
        if at > self.as_of or record.get("errorCode"):
            return
        source = record["eventSource"].split(".")[0]
        asked = record.get("requestParameters") or {}
        if (source, name) in (("sso-directory", "UpdatePassword"), ("sso-directory", "EnableUser")):
            if asked["identityStoreId"] == STORE:
                self.note(asked["userId"], "password" if name == "UpdatePassword" else "enabled", at, name)
            return
        whose, by_id = self.whose(record)
        # a name was somebody else's before its holder was made
        is_before = not by_id and whose in self.people and at < instant(self.people[whose]["CreatedAt"]).replace(microsecond=0)
        details = record.get("serviceEventDetails") or {}
        if is_before and (source, name) != ("signin", "CredentialVerification"):
            return
        if (source, name) == ("sso", "Authenticate"):
            self.note(whose, "sign-in", at, name)
        elif (source, name) == ("signin", "UserAuthentication"):
            host = record.get("additionalEventData", {}).get("LoginTo", "").removeprefix("https://").split("/")[0]
            if details.get(name) == "Success" and (by_id or host.endswith(PORTALS)):
                self.note(whose, "sign-in", at, name)
        elif source == "sso" and name in ("Federate", "CreateToken", "GetRoleCredentials"):
            self.note(whose, "use", at, name)
        elif (source, name) == ("signin", "CredentialVerification") and details.get(name) != "Success" and whose in self.people:
            self.failed[whose] += 1

    def note(self, whose, what, at, name):
        if whose in self.people:
            self.last[whose][what] = max(self.last[whose].get(what, (at, name)), (at, name))

    def age(self, person, event, states):
        created, enabled = instant(person["CreatedAt"]), self.last[person["UserId"]].get("enabled")
        if enabled and (not event or enabled[0] > event[0]):
            since, basis = enabled[0], "enabled"
        elif event:
            since, basis = event
        else:
            since, basis = created, "created"
        days = (self.as_of - since) // datetime.timedelta(days=1)
        state = states[2] if days >= 90 else states[1] if days >= 86 else states[0]
        needed = self.as_of - datetime.timedelta(days=90)
        covered = self.coverage and (self.coverage <= needed or self.coverage <= created)
        if basis in ("created", "enabled") and not covered and state != states[0]:
            return "unknown", None, None
        return state, days, basis

    def row(self, id):
        person, last = self.people[id], self.last[id]
        if person["UserStatus"] == "DISABLED":
            return ("disabled", None, None, "disabled", None, None, self.failed[id])
        password = ("n/a", None, None)
        if not person.get("ExternalIds"):
            password = self.age(person, last.get("password"), ("ok", "warn", "expired"))
            password = (*password[:2], "event" if password[2] == "UpdatePassword" else password[2])
        used = max((last[it] for it in ("sign-in", "use") if it in last), default=None)
        return (*password, *self.age(person, used, ("ok", "inactive_warn", "inactive")), self.failed[id])


def organization(random_):
    users, records = [], []
    start = instant(AS_OF) - datetime.timedelta(days=150)
    new_id = lambda: str(uuid.UUID(int=random_.getrandbits(128), version=4))
    text = lambda at: at.strftime("%Y-%m-%dT%H:%M:%SZ")
    for number in range(PEOPLE):
        name = f"person{number}" + random_.choice(["", "", "@example.com"])
        made = instant(AS_OF) - datetime.timedelta(seconds=random_.randrange(3600, 86400 * 600))
        person = {"IdentityStoreId": STORE, "UserId": new_id(), "UserName": name, "CreatedAt": text(made),
                  "UserStatus": random_.choice(["ENABLED"] * 9 + ["DISABLED"])}
        if random_.random() < 0.2:
            person["ExternalIds"] = [{"Issuer": "i", "Id": name}]
        users.append(person)

    def one(source, name, **more):
        at = start + datetime.timedelta(seconds=random_.randrange(0, 86400 * 151))
        return {"eventVersion": "1.11", "userIdentity": {"type": "Unknown"}, "eventTime": text(at), "eventID": new_id(),
                "eventSource": source + ".amazonaws.com", "eventName": name, "awsRegion": REGION,
                "requestParameters": None, "responseElements": None, **more}

    def who(person):
        store = random_.choice([STORE] * 12 + ["d-9067f00d12"])
        behalf = {"userId": person["UserId"], "identityStoreArn": f"arn:aws:identitystore::111111111111:identitystore/{store}"}
        name = person["UserName"]
        typed = random_.choice([name, name.upper(), "CORP\\" + name, "HIDDEN_DUE_TO_SECURITY_REASONS"])
        login = random_.choice([f"https://{STORE}.awsapps.com/start", "https://clients.amazonaws.com/workspaces"])
        identity = random_.choice([{"onBehalfOf": behalf}, {"userName": typed}, {"userName": name, "onBehalfOf": behalf}, {}])
        return {"userIdentity": {"type": "Unknown", **identity}, "additionalEventData": {"UserName": typed, "LoginTo": login}}

    for person in users:
        for _ in range(random_.choice([0, 0, 1, 3, 9])):
            source, name = random_.choice([
                ("sso", "Authenticate"), ("signin", "UserAuthentication"), ("sso", "Federate"), ("sso", "CreateToken"),
                ("sso", "GetRoleCredentials"), ("signin", "CredentialChallenge"), ("signin", "CredentialVerification")])
            outcome = {"serviceEventDetails": {name: random_.choice(["Success", "Success", "Failure"])}}
            records.append(one(source, name, **who(person), **outcome))
        if random_.random() < 0.4:
            asked = {"requestParameters": {"identityStoreId": STORE, "userId": person["UserId"]}}
            records.append(one("sso-directory", random_.choice(["UpdatePassword"] * 4 + ["EnableUser"]), **asked))
    for record in random_.sample(records, len(records) // 10):
        record["errorCode"] = "AccessDenied"
    records += random_.sample(records, len(records) // 5)
    # what every log has most of
    filler = {"requestParameters": {"bucketName": "a-bucket", "key": "x" * 700, "eventName": "Authenticate?"}}
    size = 0
    while size < MEGABYTES << 20 or len({it["eventTime"][:10] for it in records}) < 151:
        records.append(one("s3", random_.choice(["GetObject", "PutObject", "Decrypt"]), **filler))
        size += 1100
    random_.shuffle(records)
    return users, records


def generated(stage):
    users, records = organization(random.Random(11))
    stage.path("users.json").write_text(json.dumps({"Users": users}))
    trail(stage.path("generated"), records, members=3)
    words = ("--users", "users.json", "--source", "dir:generated", "--regions", REGION)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    ran, found = pci(stage, "report", *words)
    most = max(before, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) // 1024
    check(f"{MEGABYTES} MB of log are read in at most 100 MiB ({most})", most <= 100, most)
    days = sorted({it["eventTime"][:10] for it in records if it["eventTime"] < AS_OF})
    coverage = instant(days[0] + "T00:00:00Z")
    check.equal("coverage is that of the days in the folder", found["coverage_from"], f"{days[0]}T00:00:00Z")
    referee = Referee(users, records, AS_OF, coverage)
    rows = {it["user_id"]: it for it in found["reports"][0]["users"]}
    different = {}
    for id in referee.people:
        row = rows[id]
        mine = tuple(row[name] for name in ("password_state", "password_age_days", "password_basis", "activity_state",
                                            "inactive_days", "activity_basis", "failed_verifications"))
        if mine != referee.row(id):
            different[id] = (mine, referee.row(id))
    check.equal(f"all {PEOPLE} people are as the slow reader has them", different, {})
    states = {it["password_state"] for it in rows.values()} | {it["activity_state"] for it in rows.values()}
    check("and there are all kinds of them", {"ok", "expired", "inactive", "disabled", "n/a"} <= states, states)
    ran_csv, _ = pci(stage, "report", *words, output="csv")
    check.equal("a row for each in CSV", len(ran_csv.stdout.splitlines()), PEOPLE + 1)
    part = instant(AS_OF) - datetime.timedelta(days=60)
    for path in stage.path("generated").rglob("*.json.gz"):
        day = "-".join(path.parts[-4:-1])
        if instant(day + "T00:00:00Z") == part:
            path.unlink()
    ran, found = pci(stage, "report", *words)
    gap = Referee(users, [it for it in records if it["eventTime"][:10] != str(part.date())], AS_OF, part + datetime.timedelta(days=1))
    different = [id for it in found["reports"][0]["users"] if (id := it["user_id"])
                 and (it["password_state"], it["activity_state"]) != (gap.row(id)[0], gap.row(id)[3])]
    check.equal("a missing day makes people unknown who would be over a limit, and no one else", different, [])
    check("and that is reported", "the log does not reach back far enough" in ran.stderr, ran.stderr)
    return users, records


def broken(stage):
    folder = stage.path("broken")
    trail(folder, records_of(LOGS[0]) + records_of(LOGS[1]))
    whole, found = pci(stage, "report", "--users", USERS, "--source", "dir:broken", "--coverage-from", FROM)
    day = next(folder.rglob("08/20"))
    good = next(day.iterdir()).read_bytes()
    bad = {"cut.json.gz": good[:-9], "empty.json": b"", "garbage.json.gz": b"\x1f\x8b" + b"x" * 50, "list.json": b"[]",
           "latin.json": b'{"Records":[{"eventName":"Authenticate","a":"\xe9"}]}', "half.json": b'{"Records":[{"eventName":',
           "bad\x1b[2J.json": b"{", "trailing.json.gz": good + b"x" * 40, "insight.json": b'{"digest": 1}'}
    for name, content in bad.items():
        (day / name).write_bytes(content)
    (day / "notes.txt").write_bytes(b"none of ours")
    ran, again = pci(stage, "report", "--users", USERS, "--source", "dir:broken", "--coverage-from", FROM, "--state", "broken.state")
    check("broken files are exit 1", whole.returncode == 0 and ran.returncode == 1, (whole.returncode, ran.returncode))
    named = [line for line in ran.stderr.splitlines() if line.startswith("skipped: ")]
    check.equal("each is named once", len(named), len(bad))
    check("and file names do not control the terminal", "\x1b" not in ran.stderr, ran.stderr)
    before = {it["user_name"]: it for it in found["reports"][0]["users"]}
    check("what the files may hold makes states unknown, and no other", all(
        it[state] in (before[it["user_name"]][state], "unknown") for it in again["reports"][0]["users"] for state in ("password_state", "activity_state")),
        (again["reports"][0]["users"], before))
    check("no state is kept of it", not stage.path("broken.state").exists() and "state stays" in ran.stderr, ran.stderr)
    before, _ = pci(stage, "report", "--users", USERS, "--source", "dir:broken")
    (next(folder.rglob("08/31")) / "cut.json.gz").write_bytes(good[:-9])
    ran, _ = pci(stage, "report", "--users", USERS, "--source", "dir:broken")
    check("a day with a broken file ends what is covered", "the log is whole since" in before.stderr
          and "the log is whole since" not in ran.stderr, ran.stderr)
    for name, words, said in [
        ("a log that is not there", ("--users", USERS, "--events", "absent.json"), "absent.json"),
        ("a folder as a file", ("--users", USERS, "--events", "broken"), "--source dir:broken"),
        ("no people to judge", ("--events", LOGS[0]), "--users"),
        ("people that are no list", ("--users", LOGS[0], "--events", LOGS[0]), "ListUsers"),
        ("a source of another kind", ("--users", USERS, "--source", "sqs://queue"), "`lookup`, `s3://bucket/prefix`"),
        ("a folder without logs", ("--users", USERS, "--source", "dir:."), ""),
        ("limits the wrong way round", ("--users", USERS, "--events", LOGS[0], "--warn", "90"), "--expire"),
        ("Okta without its data", ("--users", USERS, "--events", LOGS[0], "--password-from", "okta"), "api/v1/users"),
        ("a queue", ("--users", USERS, "--events", LOGS[0], "--emit", "seed", "--emit-to", "sqs:x"), "the address of a queue"),
    ]:
        if name == "a folder without logs":
            stage.path("none").mkdir()
            words, said = ("--users", USERS, "--source", "dir:none"), "AWSLogs"
        ran, _ = pci(stage, "report", *words)
        check(f"{name} is exit 2", ran.returncode == 2 and said in ran.stderr and not ran.stdout, (ran.returncode, ran.stderr))


def killed(stage, users, records):
    """A run with a state that is killed, wherever it is, and run again."""
    words = ("--users", "users.json", "--source", "dir:generated", "--coverage-from", FROM)
    _, wanted = pci(stage, "report", *words)
    log = "killed.log"
    for number, seconds in enumerate([0.02, 0.1, 0.3, 0.6, 1.0]):
        process = stage.spawn("activity", "pci", "report", "--as-of", AS_OF, *words, "--state", f"killed-{number}.state", log=log)
        try:
            process.wait(seconds)
        except Exception:
            stage.stop(process, signal.SIGKILL)
        ran, found = pci(stage, "report", *words, "--state", f"killed-{number}.state")
        check.equal(f"after a kill in {seconds} s the next run says the same", (ran.returncode, found["reports"][0]["users"]),
                    (0, wanted["reports"][0]["users"]))
    left = [it.name for it in stage.folder.iterdir() if it.name.startswith("killed-") and ".state." in it.name]
    check("what a killed run left is never a state", len(left) <= 5, left)


def handed_on(stage):
    fixture = ("--users", USERS, "--events", *LOGS, "--coverage-from", FROM)
    ran, _ = pci(stage, "report", *fixture, "--emit", "seed", output="table")
    records = {it["eventName"]: it["userList"] for it in json.loads(ran.stdout)["Records"]}
    wanted = {"PasswordChangeRequired": ["carol", "dave", "frank"], "InactiveUsers": ["dave", "mallory"]}
    check.equal("who is over a limit, for the old consumer", records, wanted)
    ran, _ = pci(stage, "report", *fixture, "--emit", "seed", "--emit-to", "seed.json", output="csv")
    written = json.loads(stage.path("seed.json").read_text())["Records"]
    check.equal("the same list in a file", {it["eventName"]: it["userList"] for it in written}, wanted)
    check("beside the report", ran.stdout.startswith("user_name,user_id,password_state,"), ran.stdout[:200])
    for name in ("first", "second"):
        ran, _ = pci(stage, "report", *fixture, "--evidence", f"{name}.json", "--fail-on-findings")
    check.equal("findings are exit 3 where that was asked", ran.returncode, 3)
    evidence = json.loads(stage.path("first.json").read_text())
    sums = [hashlib.sha256(path.read_bytes()).hexdigest() for path in LOGS]
    check.equal("the evidence has the fingerprint of each source", [it["sha256"] for it in evidence["sources"]], sums)
    check("with version, parameters, coverage, people and alerts", evidence["version"] and evidence["params"]["warn_days"] == 86
          and evidence["report"]["coverage_from"] == FROM and len(evidence["report"]["reports"][0]["users"]) == 13, evidence["params"])
    check.equal("and is the same bytes each time", stage.path("first.json").read_bytes(), stage.path("second.json").read_bytes())
    okta = [{"passwordChanged": "2025-06-05T00:00:00.000Z", "profile": {"email": "OLIVIA@example.com", "login": "x"}}]
    stage.path("okta.json").write_text(json.dumps(okta))
    _, found = pci(stage, "report", *fixture, "--password-from", "okta:okta.json")
    olivia = next(it for it in found["reports"][0]["users"] if it["user_name"] == "olivia")
    check.equal("Okta's word for people from there", (olivia["password_state"], olivia["password_age_days"], olivia["password_basis"]),
                ("warn", 88, "okta"))


def looked_up(stage, users, records):
    """The last 90 days as CloudTrail itself has them, beside the same events in a file."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    newest = max(instant(it["eventTime"]) for it in records)
    moved = lambda text: (instant(text) + (now - newest)).strftime("%Y-%m-%dT%H:%M:%SZ")
    start = now - datetime.timedelta(days=90)
    _, endpoint, aws = stage.simulator("--shape", "flat", "--accounts", 3, "--users", 5, log="lookup.log")
    sim = Api(endpoint)
    state = sim.get("/_sim/state").json
    account, region = state["organization"]["management_account"], state["identity_center"]["home_region"]
    # what Identity Center wrote; the simulator has events of its own account
    here = [{**it, "eventTime": moved(it["eventTime"]), "recipientAccountId": account, "awsRegion": region} for it in records]
    names = {"UpdatePassword", "Authenticate", "UserAuthentication", "Federate", "CreateToken", "GetRoleCredentials", "CredentialVerification"}
    here = [it for it in here if instant(it["eventTime"]) > start and it["eventName"] in names][:1200]
    assert sim.post("/_sim/events", {"Records": here}).status == 200
    stage.path("here.json").write_text(json.dumps({"Records": here}))
    at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    words = ("--users", "users.json", "--source", "lookup", "--regions", region)
    environment = {name: aws[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")} | {"AWS_ENDPOINT_URL": endpoint}

    def run(*more, as_of=at):
        ran = stage.run("activity", "pci", "report", "--as-of", as_of, "--output", "json", *words, *more, timeout=600, **environment)
        return ran, json.loads(ran.stdout) if ran.stdout.strip() else None
    calls = lambda since: [it for it in sim.get(f"/_sim/calls?since={since}&limit=10000").json["calls"] if it["operation"] == "LookupEvents"]
    ran, found = run("--state", "lookup.state")
    check("events are looked up", ran.returncode == 0, ran.stderr[-500:])
    begun = found["coverage_from"]
    check("as far as CloudTrail keeps them", abs((instant(begun) - start).total_seconds()) < 300, (begun, start))
    _, wanted = pci(stage, "report", "--users", "users.json", "--events", "here.json", "--coverage-from", begun, as_of=at)
    check.equal("and say what a file of them says", found["reports"], wanted["reports"])
    first = calls(0)
    taken = [it for it in first if it["outcome"] == "ok"]
    check("page by page, name by name", len(taken) > len({it["request"]["LookupAttributes"][0]["AttributeValue"] for it in taken}) > 10, len(taken))
    check("hardly faster than CloudTrail answers", len(first) - len(taken) <= 2, len(first) - len(taken))
    last = max(it["seq"] for it in first)
    kept = stage.path("lookup.state").read_bytes()
    # the account is asked by others, too, for minutes
    sim.post("/_sim/faults", {"kind": "error", "code": "ThrottlingException", "http": 400, "match": {"operation": "LookupEvents"}, "count": 24})
    begun_at = time.monotonic()
    ran, partial = run("--state", "lookup.state")
    sim.call("DELETE", "/_sim/faults")
    named = [line for line in ran.stderr.splitlines() if line.startswith("skipped: lookup of ") and "ThrottlingException" in line]
    check("names that were throttled for so long are named, exit 1", ran.returncode == 1 and named, (ran.returncode, round(time.monotonic() - begun_at), ran.stderr[-400:]))
    rows = lambda said: {it["user_id"]: it["last_activity"] for it in said["reports"][0]["users"]}
    check.equal("what the others found is reported, and nothing else", [it for it, at in rows(partial).items() if at and at > (rows(found)[it] or "")], [])
    check.equal("and the state stays as it was", stage.path("lookup.state").read_bytes(), kept)
    last = max(it["seq"] for it in calls(last))
    # the next run goes on from there
    sim.post("/_sim/faults", {"kind": "error", "code": "InternalServerError", "http": 500, "match": {"operation": "LookupEvents"}, "count": 12})
    later = (now + datetime.timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    ran, _ = run("--state", "lookup.state", as_of=later)
    check("a name that cannot be looked up is named, exit 1", ran.returncode == 1 and "skipped: lookup of " in ran.stderr, (ran.returncode, ran.stderr[-400:]))
    check.equal("and the state stays as it was", stage.path("lookup.state").read_bytes(), kept)
    sim.call("DELETE", "/_sim/faults")
    last = max(it["seq"] for it in calls(last))
    ran, again = run("--state", "lookup.state", as_of=later)
    begun_again = {it["request"]["StartTime"] for it in calls(last) if it["outcome"] == "ok"}
    check("then two hours before what it knows", ran.returncode == 0 and len(begun_again) == 1
          and abs(float(next(iter(begun_again))) - (now.timestamp() - 7200)) < 2, (ran.stderr[-300:], begun_again))
    # a second later somebody may be a day older, and what was a second short of 90 days may be known
    newest = lambda said: {(it["user_id"], name): it[name] for it in said["reports"][0]["users"] for name in ("password_since", "last_activity")}
    before, after = newest(found), newest(again)
    check.equal("and keeps its facts on all people", {it: (at, after[it]) for it, at in before.items() if at and after[it] != at}, {})
    check.equal("reaching back to the first run", again["coverage_from"], begun)
    ran, _ = run("--accounts", "111111111111")
    check("accounts are for files", ran.returncode == 2 and "--accounts" in ran.stderr, ran.stderr)
    ran, _ = run(as_of="2020-01-01T00:00:00Z")
    check("events without retention cannot be looked up", ran.returncode == 2 and "90 days" in ran.stderr, ran.stderr)


def several_regions(stage):
    """Who signs in in an additional Region of the instance is there, by the log that CloudTrail keeps (`access.md` §22, R-1)."""
    home, other = "eu-west-1", "eu-central-1"
    wanted = drilled.organization()
    wanted["identity_center"]["additional_regions"] = [other]
    stage.path("regions.json").write_text(json.dumps(wanted))
    simulated, endpoint, aws = stage.simulator("--organization", stage.path("regions.json"), log="regions.log")
    sim = Api(endpoint)
    for who, region in ((ANA, home), (BO, other)):
        signed = sim.post("/_sim/login", {"user": who, "account": DEV, "permission_set": "Admin", "region": region})
        assert signed.status == 200, signed
    # an event can be looked up some minutes later
    sim.post("/_sim/advance", {"seconds": 1800})

    def report(*words):
        ran = stage.run("activity", "pci", "report", "--output", "json", "--regions", home, *words, timeout=300, **aws)
        rows = json.loads(ran.stdout)["reports"][0]["users"] if ran.stdout.strip() else []
        return ran, {it["user_name"]: bool(it["last_activity"]) for it in rows}
    ran, seen = report("--source", "lookup")
    check.equal("who signed in in an additional Region is seen", seen, {ANA: True, BO: True})
    check("and the read is reported", f"also read: {other}" in ran.stderr and "nothing of" not in ran.stderr, ran.stderr[-400:])
    # whoever lists the people
    store = wanted["identity_center"]["identity_store_id"]
    directory = boto3.client("identitystore", endpoint_url=endpoint, region_name=home, aws_access_key_id=aws["AWS_ACCESS_KEY_ID"],
                             aws_secret_access_key=aws["AWS_SECRET_ACCESS_KEY"])
    users = directory.list_users(IdentityStoreId=store)["Users"]
    stage.path("regions-users.json").write_text(json.dumps({"Users": users}, default=str))
    ran, seen = report("--source", "lookup", "--users", "regions-users.json")
    check.equal("also where people are a file", seen, {ANA: True, BO: True})
    check("which is reported as well", f"also read: {other}" in ran.stderr, ran.stderr[-400:])
    # who may not ask of which Regions the instance is goes by those that are named, and is told so
    sim.post("/_sim/faults", {"kind": "error", "code": "AccessDeniedException", "http": 400, "match": {"operation": "ListRegions"}})
    ran, seen = report("--source", "lookup", "--users", "regions-users.json")
    check.equal("without `sso:ListRegions` it is the Regions that are named", seen, {ANA: True, BO: False})
    check("and that is reported", "taken to be those of `--regions`" in ran.stderr and "sso:ListRegions" in ran.stderr, ran.stderr[-400:])
    ran, _ = report("--source", "lookup")
    check("without either, people without events are not judged, which is reported", "does not say in which Regions" in ran.stderr, ran.stderr[-400:])
    sim.call("DELETE", "/_sim/faults")
    stage.stop(simulated)


def told(stage):
    fixture = ("--users", USERS, "--events", *LOGS, "--coverage-from", FROM)
    active = lambda rows: {it["rule"]: it["active"] for it in rows}
    texts = lambda rows: [it["text"] for it in rows if it["text"]]
    ran, first = pci(stage, "watch", *fixture)
    wanted = {"pci/inactive": 2, "pci/inactive_warn": 2, "pci/password_expired": 3, "pci/password_warn": 3}
    check.equal("the alerts of the fixture", active(first), wanted)
    check("are reported", len(texts(first)) == 4 and any("dave: not there for 304 days" in it for it in texts(first)), texts(first))
    ran, again = pci(stage, "watch", *fixture)
    check.equal("and the second run reports nothing", (active(again), texts(again)), (wanted, []))
    later = "2025-09-02T00:00:00Z"
    ran, rows = pci(stage, "watch", *fixture, as_of=later)
    said = "\n".join(texts(rows))
    check("a day later the next level is a new alert", "niaj: the password is 90 days old" in said and "olivia: not there for 90 days" in said, said)
    check("and no one is reported twice, or taken for recovered", "dave" not in said and "ecovered" not in said, said)
    reset = {"eventID": str(uuid.uuid4()), "eventTime": "2025-09-02T01:00:00Z", "eventSource": "sso-directory.amazonaws.com",
             "eventName": "UpdatePassword", "userIdentity": {},
             "requestParameters": {"identityStoreId": STORE, "userId": "4c26d907-4c27-489e-8e59-270c0ac14b71"}}
    stage.path("reset.json").write_text(json.dumps({"Records": [reset]}))
    stage.path("broken.json").write_text("{")
    words = ("--users", USERS, "--events", *LOGS, "reset.json")
    ran, rows = pci(stage, "watch", *words, "broken.json", "--coverage-from", FROM, as_of="2025-09-02T02:00:00Z")
    check("with a broken file nothing is reported, and nothing recovers", ran.returncode == 1 and texts(rows) == []
          and {it["state"] for it in rows} == {"blocked"}, (ran.returncode, rows))
    ran, rows = pci(stage, "watch", *words, as_of="2025-09-02T03:00:00Z")
    said = "\n".join(texts(rows))
    check("without coverage unknown people do not recover", "dave" not in said, said)
    ran, rows = pci(stage, "watch", *words, "--coverage-from", FROM, as_of="2025-09-02T04:00:00Z")
    listed = stage.run("query", "alerts", "list", "--rows", "--output", "json").stdout
    check("a newer event recovers, and is reported", "carol" in said, said)
    check("alerts list shows them like any other", "pci/password_expired" in listed, listed[:300])
    ran, rows = pci(stage, "watch", *words, "--coverage-from", FROM, as_of="2025-09-09T05:00:00Z")
    said = "\n".join(texts(rows))
    check("after a week the hard kinds are reported again", "dave: not there for 312 days" in said and "judy" in said, said)


def main():
    with Stage("pci") as stage:
        fixture(stage)
        users, records = generated(stage)
        broken(stage)
        killed(stage, users, records)
        handed_on(stage)
        looked_up(stage, users, records)
        several_regions(stage)
        told(stage)
    check.end()


main()
