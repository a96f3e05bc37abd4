#!/usr/bin/env python3
"""Nothing secret in the log, at its most talkative (`access.md` §16.31): no token, no secret, no signature,
no words of people."""

import json
import re

from served import MARA, NOOR, PRIYA, TOMASZ, Served, asking
from stage import Api, Checks, Stage, wait

REASON = "the-words-of-mara 7c1e"
DENIAL = "the-words-of-tomasz 91ab"
WHY = "the-words-of-priya 55d0"
TICKET = "TICKET-of-mara-8812"
CODE, STATE = "code-of-the-provider-5d11", "state-of-the-browser-0f3b"
KEY = "idempotency-key-of-mara-3377"


def journey(check, server):
    mara, tomasz, priya = (server.api(who) for who in (MARA, TOMASZ, PRIYA))
    keyed = {"Idempotency-Key": KEY}
    first = mara.post("/api/v1/requests", asking(reason=REASON, ticket=TICKET), headers=keyed).json
    tomasz.post(f"/api/v1/requests/{first['id']}/deny", {"reason": DENIAL})
    second = mara.post("/api/v1/requests", asking(reason=REASON)).json
    mara.post(f"/api/v1/requests/{second['id']}/approve")
    tomasz.post(f"/api/v1/requests/{second['id']}/approve")
    grant = tomasz.get(f"/api/v1/requests/{second['id']}").json["grant_id"]
    active = wait(lambda: mara.get(f"/api/v1/grants/{grant}").json["state"] == "active", 30)
    check("there was a journey", active)
    mara.post(f"/api/v1/grants/{grant}/extend", {"duration_seconds": 7200, "reason": REASON})
    priya.post(f"/api/v1/grants/{grant}/revoke", {"reason": WHY})
    mara.post("/api/v1/requests", asking("Support", reason=REASON))
    # what fails to be read must not be repeated either
    mara.post("/api/v1/requests", asking(duration_seconds=REASON))
    mara.call("POST", "/api/v1/requests", raw=f'{{"reason":"{REASON}"'.encode(), headers={"Content-Type": "application/json"})
    mara.post("/api/v1/requests", {**asking(reason=REASON), REASON: 1})
    Api(server.base, "hpt_" + "badc0ffee" * 7).get("/api/v1/me")
    server.api(NOOR).all("/api/v1/audit")
    mara.get("/api/v1/me", headers={"Cookie": "session=cookie-of-mara-1199"})
    wait(lambda: mara.get(f"/api/v1/grants/{grant}").json["state"] == "ended", 30)
    # where a provider sends people back to, and what else carries secrets in its address
    nobody = Api(server.base)
    for path in ("/signin/oidc/callback", "/login/cli", "/login/device", "/nowhere", "/api/v1/me"):
        nobody.get(f"{path}?code={CODE}&state={STATE}", headers={"Accept": "text/html"})
        nobody.post(f"{path}?code={CODE}&state={STATE}")


def main():
    check = Checks()
    with Stage("hygiene") as stage:
        server = Served(stage, role=True, HALLPASS_LOG="trace")
        journey(check, server)
        stage.stop(server.process)
        log = server.said()
        check("calls are in it, by their path", "/signin/oidc/callback" in log and '"method":"POST"' in log, log[-600:])
        check("the log is talkative", log.count("\n") > 50 and '"level":"DEBUG"' in log, log[:300])
        words = {"a reason": REASON, "a denial": DENIAL, "a revocation's reason": WHY, "a ticket": TICKET,
                 "an idempotency key": KEY, "a cookie": "cookie-of-mara-1199", "a wrong token": "badc0ffee" * 3,
                 "AWS's secret key": server.secrets[0], "a code of sign-in": CODE, "a state of sign-in": STATE}
        words |= {f"the token of {who}": token for who, token in server.tokens.items()}
        for name, text in words.items():
            lines = [line for line in log.splitlines() if text in line]
            check(f"{name} is not in it", not lines, [line[:400] for line in lines[:2]])
        patterns = {"a bearer token": r"hpt_[0-9a-f]{8}", "an authorization header": r"(?i)authorization[\"']?\s*[:=]\s*[\"']?(bearer|aws4)",
                    "a signature": r"(?i)signature[\"']?\s*[:=]\s*[\"']?[0-9a-f]{32}",
                    "a session token": r"(?i)x-amz-security-token[\"']?\s*[:=]\s*[\"']?[A-Za-z0-9/+=]{20}",
                    "a session's key": r"ASIA[A-Z0-9]{12}"}
        for name, pattern in patterns.items():
            lines = [line for line in log.splitlines() if re.search(pattern, line)]
            check(f"nor {name}", not lines, [line[:400] for line in lines[:2]])
        store = stage.path("hallpass.db").read_bytes() + b"".join(
            path.read_bytes() for path in stage.folder.glob("hallpass.db-*"))
        check("tokens are stored hashed", not any(token.encode() in store for token in server.tokens.values()))
        level = json.loads(next(line for line in log.splitlines() if line.startswith("{")))
        check("lines are JSON objects", "timestamp" in level and "level" in level)
        modes = {name: oct(stage.path(name).stat().st_mode & 0o777) for name in ("hallpass.db",)}
        check("the store is for its owner only", modes["hallpass.db"] == "0o600", modes)
    check.end()


if __name__ == "__main__":
    main()
