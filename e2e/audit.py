#!/usr/bin/env python3
"""The exported log, verified without our code (RFC 8785 form, SHA-256, links, signatures of heads), and every
tampering of `access.md` §14.2 and §20 found and named by `hallpass audit verify`: also by an operator who has the
database, the export and the key of the heads, once a witness has seen it."""

import base64
import hashlib
import json
import os
import re
import shutil
import stat

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from stage import Api, Checks, Stage, answers, free_port, wait

MARA, TOMASZ = "mara.lindqvist@example.com", "tomasz.wilk@example.com"
NOOR = "noor.haddad@example.com"
AWKWARD = "reason: a: b & <c> \u00fc \u20ac \U0001f600 \"quoted\" \\ tab\t \u2028 e\u0301 end"
FIELDS = {
    "reason": str, "operation_type": str, "audit_entry_type": str, "permission_duration": str,
    "sso_user_principal_id": str, "sso_user_email": str, "role_name": str, "account_id": str,
    "group_name": str, "group_id": str, "group_membership_id": str, "requester_slack_id": str,
    "requester_email": str, "approver_slack_id": str, "approver_email": str, "request_id": str,
    "secondary_domain_was_used": bool, "sync_operation": str, "time": str, "timestamp": int, "version": int,
    "id": str, "seq": int, "event": str, "prev_hash": str, "hash": str, "actor": str, "source": str,
}


def canonical(value):
    """RFC 8785 for what records hold: strings, whole numbers, booleans, lists, objects with ASCII keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(record):
    return hashlib.sha256(canonical({key: value for key, value in record.items() if key != "hash"})).hexdigest()


def load(folder):
    """Records with the files they lie in, by number."""
    found = [(json.loads(path.read_bytes()), path) for path in (folder / "logs").rglob("*.json")]
    return sorted(found, key=lambda pair: pair[0]["seq"])


def play(stage, check):
    """A log worth reading: what the demo does by itself, and some of our own."""
    port, aws, data = free_port(), free_port(), stage.path("data")
    demo = stage.spawn("demo", "--listen", f"127.0.0.1:{port}", "--aws-listen", f"127.0.0.1:{aws}",
                       "--data", data, "--tokens", stage.path("tokens.json"), log="demo.log")
    base = f"http://127.0.0.1:{port}"
    if not check("the demo starts", wait(lambda: answers(Api(base), "/readyz"), 60, demo), stage.said("demo.log")):
        check.end()
    tokens = json.loads(stage.path("tokens.json").read_text())
    mara, tomasz, noor = (Api(base, tokens[who]) for who in (MARA, TOMASZ, NOOR))
    wait(lambda: len(noor.get("/api/v1/requests").json["items"]) >= 7, 60)
    body = {"account": "payments-prod", "permission_set": "DatabaseOperator", "duration_seconds": 1800, "reason": AWKWARD}
    request = mara.post("/api/v1/requests", body).json
    check.equal("a reason with awkward characters comes back as it was", request["reason"], AWKWARD)
    mara.post(f"/api/v1/requests/{request['id']}/approve")
    tomasz.post(f"/api/v1/requests/{request['id']}/approve")
    grant = tomasz.get(f"/api/v1/requests/{request['id']}").json["grant_id"]
    wait(lambda: mara.get(f"/api/v1/grants/{grant}").json["state"] == "active", 30)
    mara.post(f"/api/v1/grants/{grant}/release")
    wait(lambda: mara.get(f"/api/v1/grants/{grant}").json["state"] == "ended", 30)
    told = noor.all("/api/v1/audit")
    check.equal("the demo stops in order", stage.stop(demo), 0)
    return data / "audit", told, port


def independent(check, audit, told):
    pairs = load(audit)
    records = [record for record, _ in pairs]
    check("there is something to verify", len(records) > 30, len(records))
    check.equal("numbers from 1, no gaps", [record["seq"] for record in records], list(range(1, len(records) + 1)))
    check.equal("every hash is that of its record", [r["seq"] for r in records if digest(r) != r["hash"]], [])
    before = ["0" * 64] + [record["hash"] for record in records]
    check.equal("every record points to the one before", [r["seq"] for r, b in zip(records, before) if r["prev_hash"] != b], [])
    check.equal("the bytes are the canonical form", [r["seq"] for r, path in pairs if path.read_bytes().rstrip(b"\n") != canonical(r)], [])
    misnamed = [record["seq"] for record, path in pairs
                if record["id"].removeprefix("aud_") not in (path.stem, path.stem.replace("-", ""))
                or "/".join(path.parts[-4:-1]) != record["time"][:10].replace("-", "/")]
    check.equal("objects lie under their day, named by their id", misnamed, [])
    mistyped = {(field, type(record.get(field)).__name__) for record in records for field, kind in FIELDS.items()
                if type(record.get(field)) is not kind}
    check.equal("every field is there, of its type", mistyped, set())
    check("times have the original's form", all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00", r["time"]) for r in records))
    kinds = {record["event"]: record["operation_type"] for record in records}
    check("operation_type is grant and revoke only for what took effect",
          kinds.get("grant.succeeded") == "grant" and kinds.get("end.succeeded") == "revoke"
          and all(kind == event for event, kind in kinds.items() if event not in ("grant.succeeded", "end.succeeded")), kinds)
    check("the refused press is there", "press.refused" in kinds, kinds)
    check("the awkward reason is there byte for byte", any(record["reason"] == AWKWARD for record in records))
    check("the API returns the same records", [r["hash"] for r in told] == [r["hash"] for r in records[:len(told)]])
    heads = [json.loads(path.read_text()) for path in (audit / "heads").rglob("*.json")]
    check("heads were published, of records that are there",
          heads and all(records[head["seq"] - 1]["hash"] == head["hash"] for head in heads), heads)
    check.equal("the newest head is the newest record", max(head["seq"] for head in heads), len(records))
    return records


def key_of(data):
    """The server's own key, as an operator has it."""
    return serialization.load_pem_private_key((data / "hallpass.db.key").read_bytes(), None)


def raw(key):
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def fits(public, document):
    content = canonical({name: value for name, value in document.items() if name != "signature"})
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(base64.b64decode(document["signature"]), content)
    except InvalidSignature:
        return False
    return True


def signatures(check, stage, audit):
    """Heads and files as they are, by another library than ours."""
    key = raw(key_of(audit.parent))
    heads = [json.loads(path.read_text()) for path in (audit / "heads").rglob("*.json")]
    check("every head is signed by the server's key", heads and all(fits(key, head) for head in heads), heads)
    check.equal("and names it", {head["key"] for head in heads}, {hashlib.sha256(key).hexdigest()[:16]})
    check.equal("and the algorithm", {head["alg"] for head in heads}, {"Ed25519"})
    check.equal("and one log", len({head["log"] for head in heads}), 1)
    changed = [name for name in ("seq", "hash", "at", "log", "key", "alg") if fits(key, {**heads[0], name: "x"})]
    check.equal("the signature is over each member", changed, [])
    line = stage.run("audit", "key", "--heads").stdout.strip()
    check.equal("the key is reported", line, "head ed25519:" + base64.b64encode(key).decode())
    stage.path("keys.txt").write_text(line + "\n")
    loose = [(str(path), oct(path.stat().st_mode)) for path in [audit, *audit.rglob("*"), audit.parent / "hallpass.db.key"]
             if stat.S_IMODE(path.stat().st_mode) != (0o700 if path.is_dir() else 0o600)]
    check.equal("files are their owner's alone", loose, [])


def signed(head, key):
    head.pop("signature", None)
    return {**head, "signature": base64.b64encode(key.sign(canonical(head))).decode()}


def operator(check, stage, audit):
    """Whoever runs the server writes another history, and signs it."""
    look = ("--name", "security", "--keys", "keys.txt", "--state", stage.path("w"), "--once")
    first = stage.run("audit", "witness", audit, *look)
    check("a witness sees the log as it is", first.returncode == 0, first)
    said = stage.path("w/witness/security")
    own = stage.run("audit", "key", "--witness", "security", "--file", "w/witness.key").stdout
    stage.path("keys.txt").write_text(stage.path("keys.txt").read_text() + own)
    copy, key = stage.path("copy-operator"), key_of(audit.parent)
    shutil.copytree(audit, copy)
    pairs = load(copy)
    pairs[9][0]["approver_email"] = "somebody@example.com"
    rechained(pairs, 9)
    for path in (copy / "heads").rglob("*.json"):
        head = json.loads(path.read_text())
        write(path, signed({**head, "hash": pairs[head["seq"] - 1][0]["hash"]}, key))
    alone = stage.run("audit", "verify", copy, "--keys", "keys.txt", "--output", "table")
    check("a rewritten and signed log passes alone, and is reported as in reach",
          alone.returncode == 0 and "reach: nothing" in alone.stdout, (alone.stdout, alone.stderr))
    verify = ("--keys", "keys.txt", "--witness", said, "--output", "jsonl")
    seen = stage.run("audit", "verify", copy, *verify)
    check("what a witness saw contradicts it", seen.returncode == 1 and '"forked"' in seen.stdout, (seen.stdout, seen.stderr))
    again = stage.run("audit", "witness", copy, *look)
    check("and the witness cries", again.returncode == 1 and "alarm: fork" in again.stderr, again)
    true = stage.run("audit", "verify", audit, *verify)
    check.equal("the true log is beyond reach", (true.returncode, json.loads(true.stdout)["within_reach"]), (0, None))
    unsigned(check, stage, audit, verify)


def unsigned(check, stage, audit, verify):
    """Heads that nobody trusted signed, and statements in each other's place."""
    forged = stage.path("copy-forged")
    shutil.copytree(audit, forged)
    path = max((forged / "heads").rglob("*.json"))
    write(path, signed(json.loads(path.read_text()), ed25519.Ed25519PrivateKey.generate()))
    found = stage.run("audit", "verify", forged, "--keys", "keys.txt", "--output", "jsonl")
    check("a head by another key is forged", found.returncode == 1 and '"forged"' in found.stdout, found)
    stripped = {name: value for name, value in json.loads(path.read_text()).items() if name not in ("signature", "key", "alg")}
    write(path, stripped)
    found = stage.run("audit", "verify", forged, "--keys", "keys.txt", "--output", "jsonl")
    check("a head stripped of its signature is forged", found.returncode == 1 and '"forged"' in found.stdout, found)
    # whose last record is looked at alone
    last = str(stripped["seq"])
    found = stage.run("audit", "verify", forged, "--keys", "keys.txt", "--from", last, "--to", last, "--output", "jsonl")
    check("also when checked alone", found.returncode == 1 and '"forged"' in found.stdout, found)
    statement = json.loads(max(stage.path("w/witness/security").glob("*.json")).read_text())
    statement["head"]["seq"] -= 1
    stage.path("swapped.json").write_bytes(canonical(statement))
    found = stage.run("audit", "verify", audit, "--keys", "keys.txt", "--witness", "swapped.json", "--output", "jsonl")
    check("a statement that was changed is forged", found.returncode == 1 and '"forged"' in found.stdout, found)


def write(path, record):
    path.write_bytes(canonical(record))


def rechained(pairs, start):
    """What a forger with time does: every later record fits again."""
    previous = pairs[start - 1][0]["hash"] if start else "0" * 64
    for record, path in pairs[start:]:
        record["prev_hash"] = previous
        record["hash"] = previous = digest(record)
        write(path, record)


def flip(pairs):
    record, path = pairs[9]
    text = bytearray(path.read_bytes())
    text[text.index(b'"actor":"') + 12] ^= 1
    path.write_bytes(bytes(text))
    return 10, {"changed"}


def change_and_rehash(pairs):
    record, path = pairs[9]
    record["approver_email"] = "somebody@example.com"
    record["hash"] = digest(record)
    write(path, record)
    return {10, 11}, {"changed", "forked"}


def rewrite_the_rest(pairs):
    pairs[9][0]["approver_email"] = "somebody@example.com"
    rechained(pairs, 9)
    return None, {"changed", "forked"}


def delete(pairs):
    pairs[14][1].unlink()
    return 15, {"missing"}


def swap(pairs):
    (one, first), (two, second) = pairs[5], pairs[6]
    write(first, {**two, "id": one["id"]})
    write(second, {**one, "id": two["id"]})
    return {6, 7}, {"changed", "reordered", "forked"}


def renumber(pairs):
    (one, first), (two, second) = pairs[5], pairs[6]
    one["seq"], two["seq"] = two["seq"], one["seq"]
    write(first, one)
    write(second, two)
    return {6, 7}, {"changed", "reordered"}


def append(pairs):
    record, path = pairs[-1]
    forged = {**record, "seq": record["seq"] + 1, "prev_hash": "f" * 64,
              "id": "aud_" + "0" * 12 + "7" + "0" * 3 + "8" + "0" * 15}
    forged["hash"] = digest(forged)
    write(path.with_name("00000000-0000-7000-8000-000000000000.json"), forged)
    return len(pairs) + 1, {"forked", "reordered"}


def double(pairs):
    record, path = pairs[19]
    forged = {**record, "actor": "somebody@example.com", "id": "aud_" + "0" * 12 + "7" + "0" * 3 + "8" + "0" * 15}
    forged["hash"] = digest(forged)
    write(path.with_name("00000000-0000-7000-8000-000000000000.json"), forged)
    return 20, {"forked", "changed"}


def truncate(pairs):
    for _, path in pairs[-3:]:
        path.unlink()
    return {len(pairs) - 2, len(pairs)}, {"missing"}


def behead(pairs):
    """A whole beginning taken away is said, and found where a head remembers it."""
    pairs[0][1].unlink()
    return "begins", set()


def tampered(check, stage, audit):
    for trick in (flip, change_and_rehash, rewrite_the_rest, delete, swap, renumber, append, double, truncate):
        copy = stage.path(f"copy-{trick.__name__}")
        shutil.copytree(audit, copy)
        where, kinds = trick(load(copy))
        result = stage.run("audit", "verify", copy, "--output", "jsonl")
        answer = json.loads(result.stdout.splitlines()[0]) if result.stdout.strip() else {}
        places = where if isinstance(where, set) else {where}
        right = result.returncode == 1 and answer.get("kind") in kinds and (where is None or answer.get("seq") in places)
        check(f"{trick.__name__.replace('_', ' ')}: found, record {answer.get('seq')} is {answer.get('kind')}", right,
              (result.returncode, answer, "wanted", where, kinds, result.stderr))
    copy = stage.path("copy-behead")
    shutil.copytree(audit, copy)
    behead(load(copy))
    result = stage.run("audit", "verify", copy)
    check("an export without its beginning is checked, and says so", result.returncode == 0 and "begins at record 2" in result.stderr,
          (result.returncode, result.stderr))
    copy = stage.path("copy-garbage")
    shutil.copytree(audit, copy)
    load(copy)[3][1].write_text("{")
    result = stage.run("audit", "verify", copy)
    check("an object that is no JSON is found", result.returncode in (1, 2), result.stderr)


def forms(check, stage, audit, records):
    """One file of lines, ranges, a head by hand; an empty folder."""
    stage.path("hallpass.toml").write_text(f'[store]\nurl = "sqlite:{audit.parent}/hallpass.db"\n')
    exported = stage.run("audit", "export", "--help")
    check("there is an export command", exported.returncode == 0)
    lines = stage.path("log.jsonl")
    lines.write_bytes(b"".join(canonical(record) + b"\n" for record in records))
    whole = stage.run("audit", "verify", lines)
    check("a file with one record per line, whose end nothing proves", whole.returncode == 0 and str(len(records)) in whole.stdout and "the end is not proved" in whole.stderr, whole.stderr)
    part = stage.run("audit", "verify", lines, "--from", "5", "--to", "9")
    check("a range", part.returncode == 0 and '"records":5' in part.stdout, part.stdout + part.stderr)
    stage.path("head.json").write_text(json.dumps({"seq": len(records) + 1, "hash": "0" * 64, "time": records[-1]["time"]}))
    behind = stage.run("audit", "verify", lines, "--head", "head.json")
    check("a head beyond the export: missing", behind.returncode in (1, 2) and behind.returncode != 0, behind.stderr)
    stage.path("head.json").write_text(json.dumps({"seq": 7, "hash": "0" * 64, "time": records[6]["time"].replace(" ", "T").replace("+00:00", "Z")}))
    other = stage.run("audit", "verify", lines, "--head", "head.json")
    check("a head of another history", other.returncode == 1 and "7" in other.stderr, other.stderr)
    missing = stage.run("audit", "verify", "nowhere")
    check.equal("no such folder: exit 2", missing.returncode, 2)


def main():
    # what is written is private whatever this is
    os.umask(0)
    check = Checks()
    with Stage("audit") as stage:
        audit, told, _ = play(stage, check)
        records = independent(check, audit, told)
        check("our own verification agrees", stage.run("audit", "verify", audit).returncode == 0)
        tampered(check, stage, audit)
        forms(check, stage, audit, records)
        signatures(check, stage, audit)
        operator(check, stage, audit)
    check.end()


if __name__ == "__main__":
    main()
