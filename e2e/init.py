#!/usr/bin/env python3
"""A first configuration by `hallpass init`: asked on a terminal, or answered in a file; what it refuses; names that anybody chose; and a
server that is started from what it wrote, with one whole journey."""

import json
import os
import pty
import select
import subprocess
import time
import tomllib

from drilled import ANA, BO, CY, DEV, MANAGEMENT, PROD, FULL, organization
from stage import Api, Checks, Stage, answers, free_port, shown_on, wait

# each would end a string, a line, a comment or a template
HOSTILE = ['quo"te \\ " #', 'line\nfeed"]\nadmins = ["group:engineers', "{{ name }} ${env:HOME}", "ünïcode ✓ 組", "!leads", "*",
           "99999999-8888-7777-6666-555555555555"]
BOTH = ["hallpass.toml", "rules.toml"]


def world():
    """The organization of other scripts, with groups, a reading set, and an account with an odd name."""
    whole = organization()
    center = whole["identity_center"]
    center["users"].append({"user_name": CY, "given_name": "cy", "family_name": "X", "email": CY})
    center["permission_sets"].append({"name": "ReadOnly", "session_duration": "PT1H", "managed_policies": [FULL]})
    center["assignments"] = []
    center["groups"] = [{"name": "admins", "members": [CY]}, {"name": "leads", "members": [ANA, BO]},
                        {"name": "engineers", "members": [ANA, BO]}]
    center["groups"] += [{"name": name, "members": [ANA, BO, CY]} for name in HOSTILE]
    whole["accounts"].append({"id": "555566667777", "name": 'pay"ments \\ # {{ }}', "email": "p@acme.example", "ou": "NonProd"})
    return whole


class Init:
    """The command in a folder of its own, against the simulated organization."""

    def __init__(self, stage, check, environment):
        self.stage, self.check, self.environment = stage, check, environment

    def run(self, folder, *words, given=None, **more):
        if given is not None:
            path = self.stage.path(folder.replace('/', '-') + ".answers.toml")
            path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in given.items()))
            words = ("--answers", path, *words)
        return self.stage.run("init", "--folder", folder, *words, **{**self.environment, **more})

    def ask(self, folder, *words, lines):
        """On a terminal: each of the lines answers the next question. Its exit code, what it printed, and what was shown."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen([self.stage.binary, "init", "--folder", folder, *words], stdin=theirs, stderr=theirs, stdout=subprocess.PIPE,
                                   text=True, env=self.stage.environment(**self.environment), cwd=self.stage.folder)
        self.stage.processes.append(process)
        os.close(theirs)
        shown, since, lines, until = b"", b"", list(lines), time.monotonic() + 120
        while time.monotonic() < until:
            if not select.select([ours], [], [], 1)[0]:
                continue
            part = shown_on(ours)
            if not part:
                break
            shown, since = shown + part, since + part
            if since.endswith((b": ", b"[y/N] ")) and lines:
                # a line that is None is the end of the input
                line = lines.pop(0)
                os.write(ours, b"\x04" if line is None else line.encode() + b"\n")
                since = b""
        said, _ = process.communicate(timeout=180)
        os.close(ours)
        process.stdout = None
        return process.returncode, said, shown.decode(errors="replace"), lines

    def files(self, folder):
        """What is in the folder, hidden files among it."""
        path = self.stage.path(folder)
        return sorted(os.listdir(path)) if path.exists() else None

    def read(self, folder):
        return [tomllib.loads(self.stage.path(f"{folder}/{name}").read_text()) for name in BOTH]

    def holds(self, name, folder):
        """Whether both files pass the checks that there are for them."""
        done = self.stage.run("rules", "check", f"{folder}/rules.toml", "--fail-on-findings")
        self.check(f"{name}: its rules pass their check, without a warning", done.returncode == 0, done.stdout + done.stderr)
        done = self.stage.run("server", "doctor", "--config", f"{folder}/hallpass.toml", "--output", "json", **self.environment)
        wrong = [row for row in json.loads(done.stdout or "[]") if row["result"] == "problem"]
        self.check(f"{name}: `server doctor` finds nothing to repair", done.returncode == 0 and done.stdout and not wrong, (wrong, done.stderr))


def given(port=8080, **more):
    return {"public_url": f"http://127.0.0.1:{port}", "listen": f"127.0.0.1:{port}", "administrators": "admins", "approvers": "leads",
            "requesters": "engineers", "sensitive": ["Prod"], "permission_sets": ["Admin", "ReadOnly"], "read_only": ["ReadOnly"], **more}


def asked(init, check):
    """Everything on a terminal: an answer that cannot be used is asked again, and nothing is written before a yes."""
    walk = ["hallpass.example", "https://hallpass.acme.example", "admin", "admins", "leads", "engineers", "", "", "", "ReadOnly", "4h", "", "2", ""]
    code, said, shown, left = init.ask("asked", lines=["", *walk, "n"])
    check("a no writes nothing", code == 4 and not left and not said and init.files("asked") is None, (code, left, shown[-600:]))
    check("the found settings are printed", "Found arn:aws:sso:::instance/" in shown and "5 accounts" in shown, shown[:400])
    check("invalid answers are asked again, with a suggestion", "did you mean `admins`" in shown and "is not a scheme and a host alone" in shown, shown[:3000])
    check("both files are shown first", "--- asked/hallpass.toml" in shown and "--- asked/rules.toml" in shown and "[[rule]]" in shown, shown[-600:])
    check("a name cannot write lines", "\nfeed" not in shown.replace("\r", ""), shown[:2000])
    code, _, shown, _ = init.ask("asked", lines=["", *walk[:5], None])
    check("an end of the input writes nothing", code == 4 and "nothing was written" in shown and init.files("asked") is None, (code, shown[-400:]))
    code, said, shown, left = init.ask("asked", "--output", "json", "--data", "asked-data", lines=["", *walk, "y"])
    check("a yes writes both files", code == 0 and not left and init.files("asked") == BOTH, (code, left, shown[-600:]))
    written = json.loads(said)
    check.equal("and says which", [written["configuration"], written["rules"]], ["asked/hallpass.toml", "asked/rules.toml"])
    configuration, rules = init.read("asked")
    check.equal("the instance is named", configuration["identity"]["instance_arn"], organization()["identity_center"]["instance_arn"])
    data = str(init.stage.path("asked-data"))
    check("the folder for data is made, and named", configuration["store"]["url"] == f"sqlite:{data}/hallpass.db" and os.path.isdir(data), configuration)
    check.equal("production needs two approvals, whatever other rules say", [(it["min_approvals"], it["approval_is_not_required"], it["allow_self_approval"],
                it["max_duration"]) for it in rules["rule"] if "ous" in it], [(2, False, False, "2h")])
    (unit,) = next(it["ous"] for it in rules["rule"] if "ous" in it)
    check("and is named by its id, which a new name does not change", unit.startswith("ou-") and f'"{unit}", # Prod' in init.stage.path("asked/rules.toml").read_text(), unit)
    check("also where everything else is given", all(it.get("except_ous") == [unit] for it in rules["rule"] if it.get("accounts") == ["*"]), rules["rule"])
    check("the management account is in no rule", all(MANAGEMENT in it["except_accounts"] for it in rules["rule"] if it.get("accounts") == ["*"]), rules["rule"])
    policy = init.stage.run("server", "doctor", "--iam-policy", "--config", "asked/hallpass.toml", **init.environment)
    check.equal("its policy is the one that doctor prints", written["policy"], json.loads(policy.stdout))
    init.holds("asked", "asked")


def refused(init, check):
    """What is not done, and that it leaves nothing."""
    before = [init.stage.path(f"asked/{name}").read_bytes() for name in BOTH]
    done = init.run("asked", "--yes", given=given())
    check("files that are there are not written over", done.returncode == 4 and "overwrites nothing" in done.stderr and "--folder" in done.stderr, done.stderr)
    check.equal("and not touched", [init.stage.path(f"asked/{name}").read_bytes() for name in BOTH], before)
    for name in BOTH:
        init.stage.path(f"half-{name}").mkdir()
        init.stage.path(f"half-{name}/{name}").write_text("mine")
        done = init.run(f"half-{name}", "--yes", given=given())
        check(f"where {name} is there, the other is not written", done.returncode == 4 and init.files(f"half-{name}") == [name], done.stderr)
    done = init.run("no", "--yes")
    missing = ("public_url", "administrators", "approvers", "sensitive", "permission_sets")
    check("without a terminal what is missing is named", done.returncode == 2 and all(it in done.stderr for it in missing) and "--answers" in done.stderr, done.stderr)
    done = init.run("no", given=given())
    check("without a terminal and `--yes` the plan is shown, and nothing written", done.returncode == 4 and "[[rule]]" in done.stderr and "--yes" in done.stderr, done.stderr)
    wrong = {
        "an unknown key": (given(aprovers="leads"), "did you mean `approvers`"),
        "an unknown group": (given(approvers="laeds"), "did you mean `leads`"),
        "an unknown place": (given(sensitive=["Production"]), "no account or organizational unit"),
        "the management account": (given(sensitive=[MANAGEMENT]), "management account"),
        "an unknown permission set": (given(permission_sets=["Admim"]), "did you mean `Admin`"),
        "too long": (given(longest="30d"), "not between"),
        "a secret in place of its reference": (given(sign_in="oidc", oidc_issuer="https://id.acme.example", oidc_client_id="h", oidc_client_secret="hunter2hunter2"), "to be named"),
        "a Region that does not exist": (given(region="eu-wset-1"), "eu-wset-1"),
    }
    for name, (answered, said) in wrong.items():
        done = init.run("no", "--yes", given=answered)
        check(f"{name}: exit 2, and why", done.returncode == 2 and said in done.stderr and "hunter2" not in done.stderr, (done.returncode, done.stderr))
    unit = given(sign_in="oidc", oidc_issuer="https://id.acme.example", oidc_client_id="h", oidc_client_secret="file:/run/credentials/hallpass.service/secret_oidc")
    done = init.run("unit", "--yes", "--output", "json", given=unit)
    check("a secret that systemd shows only to the server is named, and reported", done.returncode == 0 and init.files("unit") == BOTH
          and any("is missing" in it for it in json.loads(done.stdout)["warnings"]), (done.returncode, done.stderr))
    done = init.stage.run("server", "doctor", "--iam-policy", "--config", "unit/hallpass.toml", **init.environment)
    check("and the policy is printed before it is there", done.returncode == 0 and '"Statement"' in done.stdout, done.stderr)
    done = init.stage.run("server", "doctor", "--config", "unit/hallpass.toml", "--output", "json", **init.environment)
    wrong = [(it["check"], it["result"]) for it in json.loads(done.stdout or "[]") if it["result"] == "problem" or it["check"] in ("aws", "sign-in")]
    check.equal("the doctor says that it is missing, and looks at all the rest", (done.returncode, sorted(wrong)), (1, [("aws", "ok"), ("secrets", "problem")]))
    done = init.run("no", "--yes", given=given(), AWS_ENDPOINT_URL=f"http://127.0.0.1:{free_port()}")
    check("an AWS that does not answer: exit 1", done.returncode == 1 and "AWS" in done.stderr, (done.returncode, done.stderr))
    done = init.run("no", "--yes", given=given(), AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE")
    check("credentials that AWS does not know: exit 1", done.returncode == 1, (done.returncode, done.stderr))
    check.equal("these runs wrote nothing", init.files("no"), None)
    init.stage.path("file").write_text("")
    done = init.run("file/below", "--yes", given=given())
    check("a folder that cannot be made", done.returncode == 1 and "file/below" in done.stderr, (done.returncode, done.stderr))


def named(init, check):
    """Whatever groups and accounts are called, both files hold and say the same."""
    for number, name in enumerate(HOSTILE):
        folder = f"named{number}"
        group = name
        if number == len(HOSTILE) - 1:
            # its name has the form of an id: it is meant by its own
            center = Api(init.environment["AWS_ENDPOINT_URL"]).get("/_sim/state?full=1").json["file"]["identity_center"]
            group = next(it["id"] for it in center["groups"] if it["name"] == name)
        done = init.run(folder, "--yes", "--output", "json", given=given(administrators=group, auditors=group, approvers=group, requesters=group,
                                                                        sensitive=["Prod", 'pay"ments \\ # {{ }}']))
        if not check(f"a group called {name!r}", done.returncode == 0, done.stderr):
            continue
        configuration, rules = init.read(folder)
        check.equal("it administers", configuration["identity"]["admins"], [f"group:{name}"])
        approving = {it for rule in rules["rule"] for it in rule.get("approver_groups", [])}
        check("it approves, by name or by id", len(approving) == 1 and not approving & {"engineers", "leads", "*", "!leads"}, approving)
        check.equal("the account is named by its id", [rule["accounts"] for rule in rules["rule"] if rule["id"] == "sensitive-accounts"], [["555566667777"]])
        init.holds(f"{name!r}", folder)


def served(init, check):
    """The server from what was written: ask, approve, have, give back."""
    stage, port = init.stage, free_port()
    done = init.run("served", "--yes", "--data", "served-data", given=given(port))
    check("answers in a file write both", done.returncode == 0 and init.files("served") == BOTH, done.stderr)
    before = Api(init.environment["AWS_ENDPOINT_URL"]).get("/_sim/state?assignments=1").json["assignments"]
    check.equal("nothing was changed at AWS", before, [])
    process = stage.spawn("serve", "--config", "served/hallpass.toml", log="serve.log", **init.environment)
    base = f"http://127.0.0.1:{port}"
    if not check("the server is ready", wait(lambda: answers(Api(base), "/readyz"), 60, process), stage.said("serve.log")[-800:]):
        return
    ana, bo, cy = (Api(base, stage.token(who, config="served/hallpass.toml")) for who in (ANA, BO, CY))
    check("who administers does", "admin" in json.dumps(cy.get("/api/v1/me").json), cy.get("/api/v1/me"))
    ask = {"account": PROD, "permission_set": "Admin", "duration_seconds": 3600, "reason": "first try"}
    refused = cy.post("/api/v1/requests", ask)
    check("who may not request does not", refused.status >= 400 or refused.json["state"] == "rejected", refused)
    refused = ana.post("/api/v1/requests", {**ask, "duration_seconds": 3 * 3600})
    check("not for longer than sensitive accounts allow", refused.status == 422, refused)
    request = ana.post("/api/v1/requests", ask)
    if not check("production waits for an approval", request.status == 201 and request.json["state"] == "pending", request):
        return
    press = f"/api/v1/requests/{request.json['id']}/approve"
    check("not one's own", ana.post(press).status >= 400)
    check("another's", bo.post(press).status == 200, stage.said("serve.log")[-400:])
    state = lambda: ana.get("/api/v1/grants").json["items"][0]
    check("the access is there", wait(lambda: state()["state"] == "active", 60, process), state())
    listed = lambda: Api(init.environment["AWS_ENDPOINT_URL"]).get("/_sim/state?assignments=1").json["assignments"]
    check("at AWS, too", len(listed()) == 1, listed())
    check("it is ended early", ana.post(f"/api/v1/grants/{state()['id']}/release").status == 200, state())
    check("and ends", wait(lambda: state()["state"] == "ended" and not listed(), 60, process), (state(), listed()))
    reading = ana.post("/api/v1/requests", {**ask, "account": DEV, "permission_set": "ReadOnly"})
    check("reading elsewhere is granted immediately", reading.status == 201 and reading.json["state"] == "approved", reading)
    check("the log lies where the configuration says", wait(lambda: any(stage.path("served-data/audit").rglob("*")), 30, process))
    check.equal("and the server stops", stage.stop(process), 0)


def main():
    check = Checks()
    with Stage("init") as stage:
        stage.path("organization.json").write_text(json.dumps(world()))
        _, _, environment = stage.simulator("--organization", stage.path("organization.json"), "--speed", "fast")
        init = Init(stage, check, environment)
        asked(init, check)
        refused(init, check)
        named(init, check)
        served(init, check)
    check.end()


if __name__ == "__main__":
    main()
