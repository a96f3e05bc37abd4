"""Whoever runs the server has its database, its key in KMS and its rights to the bucket. They put an older copy
of the database back, let the server write another history on from there, signed and exported as ever, and hide
what does not fit from the bucket. The log is consistent in itself; an auditor who has the witness's statements
finds it, and what was hidden lies in the bucket still, under Object Lock."""

import json
import shutil

import botocore.exceptions

from audit import digest
from stage import wait
from witness import BUCKET, MARA, NOOR, PLACE, World

NAME = "operator"

KEEP = ("hallpass.db", "hallpass.db-wal", "hallpass.db-shm")


def run(check, stage):
    world = World(stage)
    if not check("the server starts", world.start(), stage.said("serve.log")):
        return
    look, verify = audited(check, world)
    hidden, seen = hide(check, world, look)
    rewritten(check, world, hidden)
    found(check, world, look, verify, seen)
    kept(check, world, hidden)


def audited(check, world):
    """An auditor's list of keys and a witness, each on another machine."""
    stage, line = world.stage, world.run("audit", "key", "--heads").stdout.strip()
    stage.path("keys.txt").write_text(f"{line}\n")
    look = ("audit", "witness", PLACE, "--name", "security", "--keys", "keys.txt", "--state", "w", "--once")
    verify = ("audit", "verify", PLACE, "--keys", "keys.txt", "--output", "jsonl")
    world.hold("sandbox-1")
    check.equal("the server stops in order", stage.stop(world.server), 0)
    check.equal("a witness sees the log", world.run(*look).returncode, 0)
    own = world.run("audit", "key", "--witness", "security", "--file", "w/witness.key").stdout.strip()
    stage.path("keys.txt").write_text(f"{line}\n{own}\n")
    return look, verify


def hide(check, world, look):
    """The access that is not to have been, seen by the witness, and a database of before it."""
    stage = world.stage
    stage.path("before").mkdir()
    for name in KEEP:
        if stage.path(name).exists():
            shutil.copy(stage.path(name), stage.path("before") / name)
    check("the server starts again", world.start(), stage.said("serve.log"))
    grant = world.hold("sandbox-2", 2)
    check("the access that is to be hidden ends", wait(lambda: world.state(grant) == "ended", 60), world.state(grant))
    wait(world.all_exported, 60)
    check.equal("the server stops in order", stage.stop(world.server), 0)
    check.equal("the witness sees it", world.run(*look).returncode, 0)
    hidden = [record for record in world.records() if record.get("grant_id") == grant]
    seen = max(head["seq"] for head in world.heads())
    check("it is in the log", len(hidden) > 3 and seen >= hidden[-1]["seq"], (len(hidden), seen))
    return hidden, seen


def rewritten(check, world, hidden):
    """The operator's part."""
    stage = world.stage
    heads = set(world.objects("heads"))
    for name in KEEP:
        stage.path(name).unlink(missing_ok=True)
        if (stage.path("before") / name).exists():
            shutil.copy(stage.path("before") / name, stage.path(name))
    check("the server starts with the older database", world.start(), stage.said("serve.log"))
    for _ in range(3):
        grant = world.hold("sandbox-3", 2)
        wait(lambda: world.state(grant) == "ended", 60)
    told = {row["hash"] for row in world.api(NOOR).all("/api/v1/audit")}
    check.equal("the server stops in order", stage.stop(world.server), 0)
    check("and says nothing of what was", not told & {record["hash"] for record in hidden})
    told |= {row["hash"] for row in world.records() if row["seq"] > len(told)}
    for key in world.objects("logs"):
        if json.loads(world.read(key)["Body"].read())["hash"] not in told:
            world.s3.delete_object(Bucket=BUCKET, Key=key)
    for key in heads:
        if json.loads(world.read(key)["Body"].read())["hash"] not in told:
            world.s3.delete_object(Bucket=BUCKET, Key=key)


def found(check, world, look, verify, seen):
    alone = world.run(*verify)
    answer = json.loads(alone.stdout or "{}")
    check("on its own data the new history is valid: chained, exported, its heads signed by the server's key",
          (alone.returncode, answer.get("ok")) == (0, True) and max(head["seq"] for head in world.heads()) >= seen, (alone, seen))
    witnessed = world.run(*verify, "--witness", "w/witness/security")
    check("what the witness said contradicts it", witnessed.returncode == 1
          and json.loads(witnessed.stdout)["kind"] == "forked", witnessed)
    store = world.run("audit", "verify", "--keys", "keys.txt", "--witness", "w/witness/security", "--output", "jsonl")
    check("and the database, too", store.returncode == 1 and json.loads(store.stdout)["kind"] == "forked", store)
    again = world.run(*look)
    check("the witness cries at its next look", again.returncode == 1 and "alarm: rollback" in again.stderr, again)


def kept(check, world, hidden):
    """Hidden is not gone."""
    versions = world.s3.list_object_versions(Bucket=BUCKET)["Versions"]
    wanted, refused, whole = {record["id"]: record for record in hidden}, 0, 0
    for row in versions:
        stem = row["Key"].rsplit("/", 1)[1].removesuffix(".json").replace("-", "")
        record = wanted.get(f"aud_{stem}")
        if not record:
            continue
        body = world.s3.get_object(Bucket=BUCKET, Key=row["Key"], VersionId=row["VersionId"])["Body"].read()
        whole += json.loads(body) == record and digest(record) == record["hash"]
        try:
            world.s3.delete_object(Bucket=BUCKET, Key=row["Key"], VersionId=row["VersionId"])
        except botocore.exceptions.ClientError as error:
            refused += error.response["Error"]["Code"] == "AccessDenied"
    check.equal("every record that was hidden lies in the bucket as it was", whole, len(hidden))
    check.equal("and cannot be deleted before its time", refused, len(hidden))
    who = {record["requester_email"] for record in hidden}
    check("and says who had access", MARA in who, who)
