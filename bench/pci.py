#!/usr/bin/env python3
"""The same log that `cargo bench -p hallpass-activity` reads, as far as a script does: `gzip` and `json` of every record,
the events of people picked out. One run of it, one of the program, in turns. Usage: bench/pci.py HALLPASS [MB]"""

import gzip
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import uuid

WANTED = {"UpdatePassword", "Authenticate", "UserAuthentication", "Federate", "CreateToken", "GetRoleCredentials"}
STORE = "d-9067f00d11"
TURNS = 3


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


def main():
    binary, megabytes = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 128
    with tempfile.TemporaryDirectory() as folder:
        folder, random_, size, number, files = pathlib.Path(folder), random.Random(7), 0, 0, []
        while size < megabytes << 20:
            text = json.dumps({"Records": [record(random_, number + it) for it in range(2000)]}, separators=(",", ":"))
            number += 2000
            size += len(text)
            files.append(folder / f"{len(files)}.json.gz")
            files[-1].write_bytes(gzip.compress(text.encode(), 6))
        user = {"IdentityStoreId": STORE, "UserId": str(uuid.UUID(int=1)), "UserName": "ana", "CreatedAt": "2025-01-01T00:00:00Z"}
        (folder / "users.json").write_text(json.dumps({"Users": [user]}))
        command = [binary, "pci", "report", "--users", folder / "users.json", "--as-of", "2025-09-01T00:00:00Z", "--output", "json",
                   "--events", *files]
        best = {"hallpass pci report": 1e9, "python3": 1e9}
        for _ in range(TURNS):
            began = time.monotonic()
            ran = subprocess.run(command, capture_output=True, check=True, text=True)
            best["hallpass pci report"] = min(best["hallpass pci report"], time.monotonic() - began)
            began = time.monotonic()
            wanted = script(files)
            best["python3"] = min(best["python3"], time.monotonic() - began)
            assert json.loads(ran.stdout)["reports"][0]["events_read"] == wanted
        for name, seconds in best.items():
            print(f"{name}: {size / 2**20 / seconds:.0f} MiB/s of log, decompressed ({seconds:.2f} s, the best of {TURNS})")
        print(f"ratio: {best['python3'] / best['hallpass pci report']:.1f}")


main()
