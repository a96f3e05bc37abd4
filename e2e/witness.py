#!/usr/bin/env python3
"""The audit log where its operator cannot reach it (`access.md` §20): objects under Object Lock in a bucket, heads
signed by a key that does not leave KMS, a witness on another machine. The emulator of both services is moto,
signatures are checked by another library, and what an operator would do to the log is found."""

import base64
import datetime
import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import time

import boto3
import botocore.exceptions
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from audit import canonical, digest
from stage import HERE, Api, Checks, Stage, answers, free_port, rule, wait

REGION = "eu-west-1"
MARA, NOOR = "mara@corp.example", "noor@corp.example"
BUCKET, ROOT = "acme-audit", "hallpass"
PLACE = f"s3://{BUCKET}/{ROOT}"
DAYS = 30

RULES = rule("sandbox", accounts=["*"], permission_sets=["*"], approval_is_not_required=True)

ORGANIZATION = {
    "version": 1, "seed": 7,
    "organization": {"management_account": "111122223333", "service_access": ["sso.amazonaws.com"]},
    "accounts": [{"id": f"{111122223333 + number}", "name": name, "email": f"aws+{name}@corp.example", "ou": None}
                 for number, name in enumerate(("management", "sandbox-1", "sandbox-2", "sandbox-3"))],
    "identity_center": {
        "home_region": REGION,
        "users": [{"user_name": mail, "given_name": mail.split("@")[0], "family_name": "X", "email": mail}
                  for mail in (MARA, NOOR)],
        "groups": [{"name": "auditors", "members": [NOOR]}],
        "permission_sets": [{"name": name, "session_duration": "PT1H"} for name in ("ReadOnly", "Deploy")],
        "assignments": [],
    },
    "speed": "fast",
}


def configuration(port, export=PLACE, kms="alias/audit", more=""):
    return (f'[server]\nlisten = "127.0.0.1:{port}"\n[identity]\nauditors = ["group:auditors"]\n'
            f'[access]\nrules = "rules.toml"\n{more}[access.duration]\nmin = "1s"\n'
            f'[audit.export]\ntarget = "{export}"\nlock_days = {DAYS}\n[audit.sign]\nkms_key = "{kms}"\n')


class World:
    """A simulated organization, an emulated bucket and key, and a server."""

    def __init__(self, stage):
        self.stage = stage
        self.port, self.moto_port = free_port(), free_port()
        self.moto_url = f"http://127.0.0.1:{self.moto_port}"
        self.start_moto()
        stage.path("organization.json").write_text(json.dumps(ORGANIZATION))
        stage.path("rules.toml").write_text(RULES)
        _, self.endpoint, environment = stage.simulator("--organization", stage.path("organization.json"))
        self.aws = {**environment, "AWS_ENDPOINT_URL_S3": self.moto_url, "AWS_ENDPOINT_URL_KMS": self.moto_url}
        self.write(configuration(self.port))
        self.tokens = {mail: stage.token(mail) for mail in (MARA, NOOR)}
        self.server = None

    def start_moto(self):
        errors = open(self.stage.path("moto.log"), "ab")
        self.moto = subprocess.Popen(
            [sys.executable, HERE / "aws" / "moto_buckets.py", str(self.moto_port), REGION],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
        self.stage.processes.append(self.moto)
        self.key_line = self.moto.stdout.readline().strip()
        assert self.key_line.startswith("head "), self.stage.said("moto.log")
        self.s3 = boto3.client("s3", region_name=REGION, endpoint_url=self.moto_url,
                               aws_access_key_id="AKIA0000111122223333", aws_secret_access_key="secret")

    def lock_out(self, locked):
        """From now on moto asks for rights that nobody has; or no more."""
        answer = Api(self.moto_url).call("POST", "/moto-api/reset-auth", raw=b"0" if locked else b"inf")
        assert answer.status == 200, answer

    def write(self, text):
        self.stage.path("hallpass.toml").write_text(text)

    def start(self):
        self.server = self.stage.spawn("serve", log="serve.log", **self.aws)
        return wait(lambda: answers(Api(f"http://127.0.0.1:{self.port}"), "/readyz"), 60, self.server)

    def api(self, mail):
        return Api(f"http://127.0.0.1:{self.port}", self.tokens[mail])

    def run(self, *arguments, **more):
        return self.stage.run(*arguments, **{**self.aws, **more})

    def ask(self, account, seconds=900, permission_set="ReadOnly"):
        body = {"account": account, "permission_set": permission_set, "duration_seconds": seconds, "reason": "OPS-1: look"}
        return self.api(MARA).post("/api/v1/requests", body)

    def hold(self, account, seconds=900, permission_set="ReadOnly"):
        grant = self.ask(account, seconds, permission_set).json["grant_id"]
        # a short one may have ended before anybody looks
        assert wait(lambda: self.state(grant) in ("active", "ended"), 60), self.stage.said("serve.log")
        return grant

    def state(self, grant):
        return self.api(MARA).get(f"/api/v1/grants/{grant}").json["state"]

    def objects(self, below):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{ROOT}/{below}/")
        return [row["Key"] for page in pages for row in page.get("Contents", [])]

    def read(self, key):
        return self.s3.get_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")

    def records(self):
        found = [json.loads(self.read(key)["Body"].read()) for key in self.objects("logs")]
        return sorted(found, key=lambda record: record["seq"])

    def heads(self):
        return [json.loads(self.read(key)["Body"].read()) for key in self.objects("heads")]

    def newest(self):
        """The record that the newest head names."""
        return max(head["seq"] for head in self.heads())

    def all_exported(self):
        records, told = self.records(), self.api(NOOR).all("/api/v1/audit")
        return [r["hash"] for r in records] == [r["hash"] for r in told] and records


def signed_by(key, document):
    """Whether the signature fits, by another implementation than the one that made it and the one that checks
    it in Hallpass."""
    info = base64.b64decode(key.split(":", 1)[1])
    public = serialization.load_der_public_key(info)
    content = canonical({name: value for name, value in document.items() if name != "signature"})
    signature = base64.b64decode(document["signature"])
    try:
        if document["alg"] == "ECDSA_SHA_256":
            public.verify(signature, content, ec.ECDSA(hashes.SHA256()))
        else:
            public.verify(signature, content)
    except InvalidSignature:
        return False
    return True


def ed25519_info(line):
    """The key of a line `witness NAME ed25519:…`, with what goes before it in DER."""
    raw = base64.b64decode(line.rsplit(":", 1)[1])
    return "ed25519:" + base64.b64encode(bytes.fromhex("302a300506032b6570032100") + raw).decode()


def examined(check, world):
    """What doctor says of bucket and key, good and bad."""
    def doctor(*arguments):
        said = world.run("doctor", "--output", "jsonl", *arguments)
        rows = [json.loads(line) for line in said.stdout.splitlines()]
        found = {}
        for row in rows:
            known = found.setdefault((row["check"], row["result"]), {"detail": "", "remedy": ""})
            known["detail"] += row["detail"]
            known["remedy"] += row["remedy"]
        return found
    rows = doctor()
    check("doctor: the bucket has its lock", f"governance) for {DAYS} days" in rows.get(("audit export", "ok"), {}).get("detail", ""), rows)
    check("doctor: the key signs", ("head signatures", "ok") in rows, rows)
    other = world.stage.path("other.toml")
    other.write_text(configuration(world.port, export="s3://acme-plain/hallpass", kms="alias/other"))
    rows = doctor("--config", other)
    check("doctor: a bucket without Object Lock is a problem", "no Object Lock" in rows.get(("audit export", "problem"), {}).get("detail", ""), rows)
    check("doctor: a key of another kind is a problem", "ECC_NIST_P256" in rows.get(("head signatures", "problem"), {}).get("detail", ""), rows)
    world.lock_out(True)
    rows = doctor()
    world.lock_out(False)
    problem = rows.get(("audit export", "problem"), {})
    check("doctor: a 403 of the bucket is a problem, with the rights it takes", "s3:" in problem.get("remedy", ""), rows)
    check("doctor: a 403 of the key is a problem", "kms:Sign" in rows.get(("head signatures", "problem"), {}).get("remedy", ""), rows)
    policy = world.run("doctor", "--iam-policy").stdout
    check("the policy has what the export needs, and nothing that deletes",
          all(f'"{name}"' in policy for name in ("s3:PutObject", "s3:PutObjectRetention", "kms:Sign"))
          and not any(name in policy for name in ("s3:Delete", "s3:Bypass", "s3:*", "kms:*")), policy)
    other.write_text(configuration(world.port, export="dir:audit").split("[audit.sign]")[0])
    policy = world.run("doctor", "--iam-policy", "--config", other).stdout
    check("a folder needs neither", "s3:" not in policy and "kms:" not in policy and "sso:" in policy, policy)


def stored(check, world):
    """Every object: locked, encrypted, with its checksum; put once."""
    records = wait(world.all_exported, 60)
    check("all records are in the bucket", records and len(records) > 4, records)
    check.equal("numbers from 1, no gaps", [r["seq"] for r in records], list(range(1, len(records) + 1)))
    check.equal("every hash is that of its record", [r["seq"] for r in records if digest(r) != r["hash"]], [])
    now, bad = datetime.datetime.now(datetime.timezone.utc), []
    for key in world.objects("logs") + world.objects("heads"):
        found = world.read(key)
        body = found["Body"].read()
        days = (found["ObjectLockRetainUntilDate"] - now).total_seconds() / 86_400 if "ObjectLockRetainUntilDate" in found else 0
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        if (found.get("ObjectLockMode"), found.get("ServerSideEncryption")) != ("GOVERNANCE", "AES256") \
                or not DAYS - 0.1 < days < DAYS + 0.1 or found.get("ChecksumSHA256") != checksum or found["ContentType"] != "application/json":
            bad.append((key, found))
    check.equal("every object is locked, encrypted, and has its checksum", bad, [])
    versions = world.s3.list_object_versions(Bucket=BUCKET)["Versions"]
    check.equal("every object was put once", len({row["Key"] for row in versions}), len(versions))
    refused = 0
    for row in versions:
        try:
            world.s3.delete_object(Bucket=BUCKET, Key=row["Key"], VersionId=row["VersionId"])
        except botocore.exceptions.ClientError as error:
            refused += error.response["Error"]["Code"] == "AccessDenied"
    locked = [row for row in versions if not row["Key"].endswith(".probe")]
    check("deleting is refused, object by object", refused >= len(locked), (refused, len(versions)))
    return records


def witnessed(check, world):
    """A first look, what was signed, and going on over a kill."""
    stage = world.stage
    line = world.run("audit", "key", "--heads").stdout.strip()
    check.equal("the key is shown as by KMS", line, world.key_line)
    stage.path("keys.txt").write_text(line + "\n")
    look = ("audit", "witness", PLACE, "--name", "security", "--keys", "keys.txt", "--state", "w")
    first = world.run(*look, "--once")
    check("a first look says from where it vouches", first.returncode == 0 and "begins at record 1" in first.stderr, first)
    heads = world.heads()
    unsigned = [head for head in heads if not signed_by(world.key_line.split(" ")[1], head)]
    check("heads are signed, as another library sees it", heads and not unsigned, unsigned)
    check.equal("heads are of one log", len({head["log"] for head in heads}), 1)
    check.equal("heads have the members of V-1", {tuple(sorted(head)) for head in heads},
                {("alg", "at", "hash", "key", "log", "seq", "signature")})
    own = world.run("audit", "key", "--witness", "security", "--file", "w/witness.key").stdout.strip()
    stage.path("keys.txt").write_text(line + "\n" + own + "\n")
    watching = stage.spawn(*look, "--every", "1s", log="witness.log", **world.aws)
    world.hold("sandbox-2")
    # a stop publishes a head of all there is
    check.equal("the server stops in order", stage.stop(world.server), 0)
    seq = world.newest()
    said = stage.path("w/witness/security")
    check("what is published is countersigned", wait(lambda: (said / f"{seq}.json").exists(), 60, watching), stage.said("witness.log"))
    stage.stop(watching, signal.SIGKILL)
    check("the server starts again", world.start(), stage.said("serve.log"))
    world.hold("sandbox-3")
    watching = stage.spawn(*look, "--every", "1s", log="witness.log", **world.aws)
    check.equal("the server stops in order", stage.stop(world.server), 0)
    seq = world.newest()
    check("a killed witness continues", wait(lambda: (said / f"{seq}.json").exists(), 60, watching), stage.said("witness.log"))
    check.equal("a witness stops in order", stage.stop(watching), 0)
    key = ed25519_info(own)
    statements = [json.loads(path.read_text()) for path in said.glob("*.json")]
    check.equal("what a witness says has the members of V-2", {tuple(sorted(it)) for it in statements},
                {("alg", "head", "seen", "signature", "witness")})
    check("what it says is signed, as another library sees it", all(signed_by(key, it) for it in statements), statements)
    check("and is about heads as they are", all(it["head"] in world.heads() for it in statements))
    loose = [path for path in stage.path("w").rglob("*")
             if stat.S_IMODE(path.stat().st_mode) != (0o700 if path.is_dir() else 0o600)]
    check.equal("its files are its own alone", loose, [])
    return look, seq


def verified(check, world, seq):
    verify = ("audit", "verify", PLACE, "--keys", "keys.txt", "--witness", "w/witness/security")
    whole = world.run(*verify, "--output", "jsonl")
    answer = json.loads(whole.stdout or "{}")
    check.equal("the log verifies from the bucket alone", (whole.returncode, answer.get("ok")), (0, True))
    check.equal("and is beyond reach as far as the witness saw", (answer.get("beyond"), answer.get("within_reach")), (seq, None))
    words = world.run(*verify, "--output", "table").stdout
    check("in words too", "Beyond the operator's reach: all of it" in words, words)
    check("the store verifies by the same heads", world.run("audit", "verify", "--keys", "keys.txt").returncode == 0)
    bare = world.run("audit", "verify", PLACE)
    check("without keys it says that no signature was checked", bare.returncode == 0 and "--keys" in bare.stderr, bare)
    stranger = world.stage.path("strange.txt")
    stranger.write_text("head ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n")
    forged = world.run("audit", "verify", PLACE, "--keys", stranger, "--output", "jsonl")
    check("heads by an untrusted key are forged", forged.returncode == 1 and '"forged"' in forged.stdout, forged)
    return verify


def behind(check, world):
    """No new access while the bucket refuses what it is sent; what ends goes on."""
    stage = world.stage
    world.write(configuration(world.port, more='require_export_within = "5s"\n'))
    check("the server starts with a limit for the export", world.start(), stage.said("serve.log"))
    ends = world.hold("sandbox-1", 12)
    given_back = world.hold("sandbox-2")
    wait(world.all_exported, 60)
    world.lock_out(True)
    check("new access is refused once records wait for too long",
          wait(lambda: world.ask("sandbox-3").code == "export-behind", 60, every=1), stage.said("serve.log"))
    answer = world.ask("sandbox-3")
    check("with a stable code, and when to try again", answer.status == 503 and answer.is_problem and "retry-after" in answer.headers, answer)
    check.equal("held access can be ended early", world.api(MARA).post(f"/api/v1/grants/{given_back}/release").status // 100, 2)
    check("and ends", wait(lambda: world.state(given_back) == "ended", 60), world.state(given_back))
    check("what runs out ends", wait(lambda: world.state(ends) == "ended", 60), world.state(ends))
    check("it is reported", "could not be exported" in stage.said("serve.log"), stage.said("serve.log")[-600:])
    told = world.api(NOOR).all("/api/v1/audit")
    world.lock_out(False)
    check("records waited in the store until they were stored", wait(lambda: (world.all_exported() or [{}])[-1].get("seq", 0) >= told[-1]["seq"], 60))
    check("and new access is given again", wait(lambda: world.ask("sandbox-3").status == 201, 60, every=1), stage.said("serve.log")[-600:])
    check.equal("the server stops in order", stage.stop(world.server), 0)


ENDS = "acme-ends"


def ends(check, world):
    """The file of ends in a bucket: put anew in place of the one before, and a guard elsewhere goes by it."""
    stage = world.stage
    world.s3.create_bucket(Bucket=ENDS, CreateBucketConfiguration={"LocationConstraint": REGION})
    world.s3.put_bucket_versioning(Bucket=ENDS, VersioningConfiguration={"Status": "Enabled"})
    place = f"s3://{ENDS}/prod/ends.jsonl"
    world.write(configuration(world.port) + f'[guard]\njournal = "guard"\nends = "{place}"\nbound = "4s"\n')
    for whom, action in (("server", "s3:PutObject"), ("guard", "s3:GetObject")):
        policy = json.loads(world.run("doctor", "--iam-policy", "--for", whom).stdout)
        found = [row for row in policy["Statement"] if row["Sid"] == "FileOfEnds"]
        check.equal(f"the policy of the {whom} names the object", [(row["Action"], row["Resource"]) for row in found],
                    [([action], f"arn:aws:s3:::{ENDS}/prod/ends.jsonl")])
    began = time.monotonic()
    check("the server starts with its ends in a bucket", world.start(), stage.said("serve.log"))
    # it is waited for, so no longer than a machine as slow as this needs until the copy has it
    lasts = max(20, min(90, int(6 * (time.monotonic() - began))))

    def copy():
        try:
            lines = world.s3.get_object(Bucket=ENDS, Key="prod/ends.jsonl")["Body"].read().splitlines()
        except botocore.exceptions.ClientError:
            return None
        return [json.loads(line) for line in lines]

    check("the server puts the object, signed", wait(lambda: "signature" in json.dumps(copy()), 30), copy())
    key = world.run("audit", "key").stdout.strip()
    examined = world.run("doctor", "--output", "json").stdout
    check("doctor reads it", "s3://" in examined or "ends," in examined, examined[-600:])
    stage.path("elsewhere.toml").write_text(
        f'[store]\nurl = "sqlite:nowhere.db"\n[guard]\nname = "elsewhere"\njournal = "guard"\npublic_key = "{key}"\nbound = "4s"\n')
    guard = stage.spawn("guard", "--config", "elsewhere.toml", "--ends", place, log="guard.log", **world.aws)
    journal = stage.path("guard/elsewhere.jsonl")
    check("a guard reads it", wait(lambda: "guard.looked" in (journal.read_text() if journal.exists() else ""), 60, guard), stage.said("guard.log"))
    grant = world.hold("sandbox-1", lasts, "Deploy")
    # its end counts from when it was there; the copy follows within a second
    until = world.api(MARA).get(f"/api/v1/grants/{grant}").json["ends_at"]
    check("it holds the ends with their times", wait(lambda: until.split(".")[0] in json.dumps(copy()), 15, every=0.2), copy())
    world.server.send_signal(signal.SIGSTOP)
    sim = Api(world.endpoint)
    gone = wait(lambda: not [row for row in sim.get("/_sim/state?assignments=1").json["assignments"]
                             if row["permission_set"] == "Deploy"], 90)
    told = wait(lambda: "guard.ended" in journal.read_text(), 30)
    world.server.send_signal(signal.SIGCONT)
    check("it ends access by the object alone", gone and told, stage.said("guard.log")[-600:])
    check("and the server knows", wait(lambda: world.api(MARA).get(f"/api/v1/grants/{grant}").json.get("cause") == "guard", 60))
    versions = world.s3.list_object_versions(Bucket=ENDS, Prefix="prod/ends.jsonl")["Versions"]
    check("what was put before stays as older versions", len(versions) > 1 and sum(row["IsLatest"] for row in versions) == 1, versions)
    body = bytearray(world.s3.get_object(Bucket=ENDS, Key="prod/ends.jsonl")["Body"].read())
    body[len(body) // 2] ^= 1
    check.equal("the server stops in order", stage.stop(world.server), 0)
    world.s3.put_object(Bucket=ENDS, Key="prod/ends.jsonl", Body=bytes(body))
    stage.stop(guard)
    forged = world.run("guard", "--config", "elsewhere.toml", "--ends", place, "--once", timeout=90)
    check("a changed object is not believed", forged.returncode == 1 and "is not believed" in forged.stderr, forged)
    world.write(configuration(world.port))


def monitored(check, world, look):
    """What a witness shows while it follows, and once it has cried."""
    stage, address = world.stage, f"127.0.0.1:{free_port()}"
    watching = stage.spawn(*look, "--every", "1s", "--listen", address, log="monitored.log", **world.aws)
    shown = Api(f"http://{address}")
    check("a witness answers monitoring", wait(lambda: answers(shown, "/healthz"), 60, watching), stage.said("monitored.log"))
    wanted = ("witness_head_signed 1", 'witness_alarm{kind="rollback"} 0')

    def follows():
        """Whether it shows the newest head. The server publishes meanwhile: a look at the wrong moment is repeated."""
        numbers = shown.get("/metrics").body.decode().splitlines()
        return all(line in numbers for line in (f"witness_head_record {world.newest()}", *wanted))
    check("it says what it follows", wait(follows, 60, watching, every=0.2), shown.get("/metrics").body.decode())
    return watching, shown


def attacked(check, world, look, verify):
    """What somebody with rights over the bucket, or over the witness's folder, would do."""
    stage = world.stage
    check("all is well before", world.run(*look, "--once").returncode == 0)
    records = world.objects("logs")
    newest = max((json.loads(world.read(key)["Body"].read())["seq"], key) for key in records)[1]
    true = world.read(newest)["Body"].read()
    forged = json.loads(true)
    forged["reason"] = "nothing happened here"
    forged["hash"] = digest(forged)
    world.s3.put_object(Bucket=BUCKET, Key=newest, Body=canonical(forged), ChecksumAlgorithm="SHA256")
    found = world.run(*look, "--once")
    check("an object that is put over another is an alarm", found.returncode == 1 and "alarm: fork" in found.stderr, found)
    check.equal("and audit verify fails", world.run(*verify).returncode, 1)
    versions = world.s3.list_object_versions(Bucket=BUCKET, Prefix=newest)["Versions"]
    kept = [world.s3.get_object(Bucket=BUCKET, Key=newest, VersionId=row["VersionId"])["Body"].read() for row in versions]
    check("the earlier objects stay, as older versions", true in kept and len(kept) == 2, len(kept))
    forgery = next(row["VersionId"] for row in versions if row["IsLatest"])
    world.s3.delete_object(Bucket=BUCKET, Key=newest, VersionId=forgery, BypassGovernanceRetention=True)
    check("without the forgery all is well again", world.run(*look, "--once").returncode == 0 and world.run(*verify).returncode == 0)
    watching, shown = monitored(check, world, look)
    head = max(world.objects("heads"))
    world.s3.delete_object(Bucket=BUCKET, Key=head)
    check("monitoring sees the alarm", wait(lambda: shown.get("/healthz").status == 503, 30), stage.said("monitored.log"))
    numbers = shown.get("/metrics").body.decode()
    check("by its kind", 'witness_alarm{kind="rollback"} 1' in numbers, numbers)
    check.equal("and it ends with exit 1 once it is stopped", stage.stop(watching), 1)
    found = world.run(*look, "--once")
    check("a head that is hidden is an alarm", found.returncode == 1 and "alarm: rollback" in found.stderr, found)


def main():
    os.umask(0)
    check = Checks()
    with Stage("witness") as stage:
        world = World(stage)
        examined(check, world)
        if not check("the server starts", world.start(), stage.said("serve.log")):
            check.end()
        world.hold("sandbox-1")
        stored(check, world)
        look, seq = witnessed(check, world)
        verify = verified(check, world, seq)
        behind(check, world)
        ends(check, world)
        attacked(check, world, look, verify)
    check.end()


if __name__ == "__main__":
    main()
