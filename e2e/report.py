#!/usr/bin/env python3
"""`hallpass server report`: one archive with what a support case needs, in which no secret is, whatever is configured."""

import io
import json
import tarfile

from served import MARA, Served, asking
from stage import Checks, Stage

check = Checks()
PLANTED = {name: f"planted-{name}-s3cr3t" for name in (
    "external", "member", "guard", "oidc", "signing", "bot", "app", "mail", "hook", "hookpath", "scim", "database", "remediation", "note", "environment")}


def configuration(url):
    """Every setting that holds a secret, or may."""
    return f'''
[store]
url = "{url}"
[server]
listen = "127.0.0.1:1"
rate = 77
[aws]
region = "eu-central-1"
external_id = "{PLANTED['external']}"
member_external_id = "{PLANTED['member']}"
endpoint_url = "http://127.0.0.1:1"
[access]
request_expiry = "7h"
account_notes = {{ "payments-prod" = "{PLANTED['note']}" }}
[oidc]
issuer = "https://id.example.com"
client_id = "hallpass"
client_secret = "{PLANTED['oidc']}"
[slack]
signing_secret = "{PLANTED['signing']}"
bot_token = "xoxb-{PLANTED['bot']}"
app_token = "xapp-{PLANTED['app']}"
channel = "C1"
api_url = "http://127.0.0.1:1"
[mail]
url = "smtp://user:{PLANTED['mail']}@127.0.0.1:1"
from = "hallpass@example.com"
[[webhooks]]
name = "siem"
url = "http://127.0.0.1:1/{PLANTED['hookpath']}"
secret = "{PLANTED['hook'] * 2}"
[pci]
scim_endpoint = "https://scim.eu-central-1.amazonaws.com/x/scim/v2/"
scim_token = "{PLANTED['scim']}"
[guard]
external_id = "{PLANTED['guard']}"
[remediation]
external_id = "{PLANTED['remediation']}"
'''


def files_of(path):
    with tarfile.open(fileobj=io.BytesIO(path.read_bytes()), mode="r:gz") as archive:
        return {it.name.split("/", 1)[1]: archive.extractfile(it).read() for it in archive.getmembers()}


def of_a_server(stage):
    server = Served(stage)
    asked = server.api(MARA).post("/api/v1/requests", asking("ReadOnly", 900, account="payments-prod"))
    assert asked.status == 201, asked
    made = stage.run("server", "report", "report.tar.gz", "--log", "serve.log", "--output", "json", **server.environment)
    check("a report is made while the server runs", made.returncode == 0, made.stderr)
    files = files_of(stage.path("report.tar.gz"))
    check.equal("its index is what is printed", json.loads(files["index.json"]), json.loads(made.stdout))
    check.equal("and names every other file", sorted(it["file"] for it in json.loads(made.stdout)), sorted(set(files) - {"index.json"}))
    store = json.loads(files["store.json"])
    check("the store's schema, rows and head are there", store["engine"] == "sqlite" and store["schema_version"] == 1 and store["rows"]["requests"] == 1
          and store["audit_head"]["seq"] > 1, store)
    check("who leads, too", store["leader"]["epoch"] >= 1 and not store["leader"]["is_over"], store)
    check("what the server says of itself is there", {it["name"] for it in json.loads(files["readyz.json"])["parts"]} >= {"store", "leader"}, files["readyz.json"])
    check("its metrics", b"hallpass_leader 1" in files["metrics.txt"], files["metrics.txt"][:200])
    check("the end of its log", b"hallpass" in files["log.txt"], files["log.txt"][:200])
    check("what the doctor finds", {"configuration", "store", "aws"} <= {it["check"] for it in json.loads(files["doctor.json"])}, files["doctor.json"][:400])
    check("for its owner alone", stage.path("report.tar.gz").stat().st_mode & 0o777 == 0o600)
    words = b"".join(files.values()).decode(errors="replace")
    check("no token and no secret of AWS is in it", not [it for it in [*server.tokens.values(), *server.secrets] if it in words])
    again = stage.run("server", "report", "report.tar.gz", **server.environment)
    check("a file that is there is never written over", again.returncode != 0 and "exists" in again.stderr and files_of(stage.path("report.tar.gz")) == files, again.stderr)
    return server


def of_secrets(stage, server):
    for number, url in enumerate(("sqlite:planted.db", f"postgres://hallpass:{PLANTED['database']}@127.0.0.1:1/hallpass?sslmode=disable")):
        stage.path("planted.toml").write_text(configuration(url))
        name = f"planted-{number}.tar.gz"
        environment = {**server.environment, "AWS_SECRET_ACCESS_KEY": PLANTED["environment"], "PGPASSWORD": PLANTED["database"]}
        made = stage.run("server", "report", name, "--config", "planted.toml", timeout=120, **environment)
        check("a report is made when nothing answers", made.returncode == 0, made.stderr)
        if made.returncode:
            continue
        files = files_of(stage.path(name))
        words = b"".join(files.values()).decode(errors="replace") + made.stdout + made.stderr
        found = sorted(it for it, secret in PLANTED.items() if secret in words)
        check("none of the secrets is in it", not found, found)
        shown = files["configuration.txt"].decode()
        check("numbers and durations are, and other set values are reported", "server.rate = 77" in shown and 'access.request_expiry = "7h"' in shown
              and "slack.bot_token = (set, not shown)" in shown and "store.url = (set, not shown)" in shown, shown)
        check("and why no one answered", b"no answer" in files["readyz.json"], files["readyz.json"])


with Stage("report") as stage:
    of_secrets(stage, of_a_server(stage))
check.end()
