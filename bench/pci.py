#!/usr/bin/env python3
"""The same log that `cargo bench -p hallpass-activity` reads, as far as a script does: `gzip` and `json` of every record,
the events of people picked out. Beside it the program: the pass of `pci`, and where `hallpass-query` lies beside it that of `activity ingest`, in turns, with the
most memory that it had itself, without its companion, and `activity ingest` once more over the same files. Usage: bench/pci.py HALLPASS [MB [TURNS]]"""

import gzip
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import uuid

WANTED = {"UpdatePassword", "Authenticate", "UserAuthentication", "Federate", "CreateToken", "GetRoleCredentials"}
STORE = "d-9067f00d11"
TURNS = int(sys.argv[3]) if len(sys.argv) > 3 else 3


def record(random_, number):
    new_id = lambda: str(uuid.UUID(int=random_.getrandbits(128), version=4))
    source, name = ("sso", "Authenticate") if number % 100 == 0 else ("s3", random_.choice(["GetObject", "PutObject"]))
    arn = f"arn:aws:identitystore::111111111111:identitystore/{STORE}"
    return {"eventVersion": "1.11", "userIdentity": {"type": "AssumedRole", "principalId": "AROA" + new_id(),
            "arn": f"arn:aws:sts::111111111111:assumed-role/service-worker/worker-{number % 40}", "accountId": "111111111111",
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": "arn:aws:iam::111111111111:role/service-worker"},
                               "attributes": {"creationDate": "2025-08-20T10:00:00Z", "mfaAuthenticated": "false"}},
            "onBehalfOf": {"userId": new_id(), "identityStoreArn": arn}},
            "eventTime": "2025-08-20T11:00:00Z", "eventSource": source + ".amazonaws.com", "eventName": name,
            "awsRegion": "eu-west-1", "sourceIPAddress": "10.0.0.7", "userAgent": "[aws-sdk-java/2.25.0 Linux/5.10]",
            "requestParameters": {"bucketName": "data", "key": f"part={number % 365}/{new_id()}.parquet"},
            "responseElements": None, "requestID": new_id(), "eventID": new_id(), "readOnly": True, "eventType": "AwsApiCall",
            "managementEvent": False, "recipientAccountId": "111111111111", "eventCategory": "Data"}


def script(files):
    return sum(it["eventName"] in WANTED for path in files for it in json.loads(gzip.decompress(path.read_bytes()))["Records"])


def peak(process, most):
    """The most memory of a process so far, in MiB, while it is there."""
    try:
        for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                most = max(most, int(line.split()[1]) / 1024)
    except OSError:
        pass
    return most


def measured(command, folder):
    """Seconds of work on a core, with those of its companion, seconds on the wall, MiB of memory at most, and what it said."""
    with open(folder / "said", "w+") as said:
        began, most = time.monotonic(), 0
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.DEVNULL, cwd=folder)
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            most = peak(process.pid, most)
            time.sleep(0.02)
        _, status, usage = ended
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - began
        said.seek(0)
        assert process.returncode == 0, command
        return usage.ru_utime + usage.ru_stime, wall, most, json.loads(said.read())


def made(folder, megabytes):
    """A log of so many megabytes before its compression."""
    random_, size, number, files = random.Random(7), 0, 0, []
    while size < megabytes << 20:
        text = json.dumps({"Records": [record(random_, number + it) for it in range(2000)]}, separators=(",", ":"))
        number += 2000
        size += len(text)
        files.append(folder / f"{len(files)}.json.gz")
        files[-1].write_bytes(gzip.compress(text.encode(), 6))
    return files, size


def main():
    binary, megabytes = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 128
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        files, size = made(folder, megabytes)
        user = {"IdentityStoreId": STORE, "UserId": str(uuid.UUID(int=1)), "UserName": "ana", "CreatedAt": "2025-01-01T00:00:00Z"}
        (folder / "users.json").write_text(json.dumps({"Users": [user]}))
        pci = [binary, "activity", "pci", "report", "--users", "users.json", "--as-of", "2025-09-01T00:00:00Z", "--output", "json", "--events", *files]
        commands = {"hallpass activity pci report": pci}
        if pathlib.Path(binary).with_name("hallpass-query").exists():
            commands["hallpass activity ingest"] = [binary, "activity", "ingest", *files, "--output", "json"]
        best, memory = {}, {}
        for turn in range(TURNS):
            for name, command in commands.items():
                more = ["--folder", f"table-{turn}"] if "ingest" in name else []
                core, wall, mebibytes, said = measured(command + more, folder)
                best[name] = min(best.get(name, (1e9, 1e9)), (core, wall))
                memory[name] = max(memory.get(name, 0), mebibytes)
                if name == "hallpass activity pci report":
                    found = said["reports"][0]["events_read"]
                elif turn == TURNS - 1:
                    core, wall, mebibytes, said = measured(command + more, folder)
                    assert (said["files_read"], said["files_known"]) == (0, len(files)), said
                    print(f"{name} once more: no file of {len(files)} is opened, {core:.2f} s of a core ({wall:.2f} s on the wall), {mebibytes:.0f} MiB of memory")
            began, worked = time.monotonic(), time.process_time()
            assert script(files) == found
            spent = (time.process_time() - worked, time.monotonic() - began)
            best["python3"] = min(best.get("python3", (1e9, 1e9)), spent)
        for name, (core, wall) in best.items():
            most = f", {memory[name]:.0f} MiB of memory" if name in memory else ""
            print(f"{name}: {size / 2**20 / core:.0f} MiB of log a second of a core ({core:.2f} s, {wall:.2f} s on the wall, the best of {TURNS}){most}")
        print(f"ratio: {best['python3'][0] / best['hallpass activity pci report'][0]:.1f}")


main()
