#!/usr/bin/env python3
"""From AWS TEAM: its tables become rules, with a report row by row; a server decides by them as AWS TEAM does; its history is in the audit log,
once. What is not whole is refused, and nothing is written over."""

import gzip
import json
import os
import subprocess
import sys
import tomllib

import drilled
from drilled import ANA, BO, CY, DEV, FULL, PROD, TEST, World
from sdk import client
from stage import Api, Checks, Stage, answers, free_port, wait

INNER = "666677778888"


def organization():
    """The one of other scripts with groups, a reading set, and an account one unit further down."""
    whole = drilled.organization()
    center = whole["identity_center"]
    center["users"].append({"user_name": CY, "given_name": "cy", "family_name": "X", "email": CY})
    center["permission_sets"].append({"name": "ReadOnly", "session_duration": "PT1H", "managed_policies": [FULL]})
    center["assignments"] = []
    center["groups"] = [{"name": "engineers", "members": [ANA, BO]}, {"name": "leads", "members": [BO, CY]}, {"name": "readers", "members": [ANA, CY]}]
    whole["ous"].append({"name": "Inner", "parent": "NonProd"})
    whole["accounts"].append({"id": INNER, "name": "inner", "email": "i@acme.example", "ou": "Inner"})
    return whole


class Team:
    """Tables of AWS TEAM about a world, and the command that imports them."""

    def __init__(self, stage, world):
        self.stage, self.world = stage, world
        file = world.sim.get("/_sim/state?full=1").json["file"]
        stage.path("facts.json").write_text(json.dumps(file))
        center = file["identity_center"]
        self.organization = file["organization"]["id"]
        self.groups = {group["name"]: group["id"] for group in center["groups"]}
        self.users = {user["user_name"]: user["id"] for user in center["users"]}
        self.sets = {one["name"]: one["arn"] for one in center["permission_sets"]}

    def eligibility(self):
        def entry(kind, name, id, accounts, units, sets, **more):
            named = lambda pairs: [{"name": name, "id": id} for name, id in pairs]
            return {"id": id, "name": name, "type": kind, "__typename": "Eligibility", "accounts": named(accounts), "ous": named(units),
                    "permissions": named((name, self.sets[name]) for name in sets), "ticketNo": "OPS1", "modifiedBy": BO,
                    "createdAt": "2024-05-01T10:00:00.000Z", "updatedAt": "2024-05-01T10:00:00.000Z", **more}
        unit = ("NonProd", self.world.units["NonProd"])
        return [entry("Group", "engineers", self.groups["engineers"], [("prod", PROD)], [unit], ["Admin"], approvalRequired=True, duration="4"),
                entry("Group", "readers", self.groups["readers"], [("prod", PROD)], [], ["ReadOnly", "Admin"], approvalRequired=True, duration="2"),
                entry("User", CY, self.users[CY], [("dev", DEV)], [], ["ReadOnly"], approvalRequired=False, duration="8")]

    def approvers(self):
        row = lambda id, kind, name: {"id": id, "type": kind, "name": name, "__typename": "Approvers", "approvers": ["leads"],
                                      "groupIds": [self.groups["leads"]], "ticketNo": "OPS1", "modifiedBy": BO}
        return [row(PROD, "Account", "prod"), row(self.world.units["NonProd"], "OU", "NonProd")]

    def settings(self):
        return [{"id": "settings", "__typename": "Settings", "duration": "9", "expiry": "5", "comments": True, "ticketNo": True, "approval": True,
                 "slackNotificationsEnabled": True, "slackToken": "xoxb-do-not-show"}]

    def requests(self):
        return [{"id": f"request-{number}", "__typename": "requests", "email": ANA, "username": f"idc_{ANA}", "accountId": PROD, "accountName": "prod",
                 "role": "Admin", "roleId": self.sets["Admin"], "startTime": "2024-05-02T10:00:00.000Z", "duration": "4", "justification": f"look at {number} <&>",
                 "status": "ended", "approver": BO, "approvers": [BO, CY], "ticketNo": "OPS1", "endTime": "2024-05-02T14:00:00.000Z"} for number in range(3)]

    def write(self, folder="tables"):
        """An export to S3, and scans."""
        place = self.stage.path(folder)
        (place / "eligibility/data").mkdir(parents=True)
        rows = self.eligibility()
        (place / "eligibility/manifest-summary.json").write_text(json.dumps({
            "version": "2020-06-30", "itemCount": len(rows), "outputFormat": "DYNAMODB_JSON",
            "tableArn": f"arn:aws:dynamodb:eu-west-1:{PROD}:table/Eligibility-abcdefghij-main"}))
        key = "AWSDynamoDB/017/data/a.json.gz"
        (place / "eligibility/manifest-files.json").write_text(json.dumps({"itemCount": len(rows), "dataFileS3Key": key}) + "\n")
        with gzip.open(place / "eligibility/data/a.json.gz", "wt") as file:
            file.write(lines(rows))
        (place / "approvers.json").write_text(scan(self.approvers()))
        (place / "settings.json").write_text(scan(self.settings()))
        (place / "requests.json").write_text(scan(self.requests()))

    def rules(self, *words, eligibility="tables/eligibility", to="rules.toml", **environment):
        return self.stage.run("rules", "import", "team", "--eligibility", eligibility, "--approvers", "tables/approvers.json",
                              "--settings", "tables/settings.json", "--to", to, *words, **environment)


def typed(value):
    """A value with DynamoDB's types around it."""
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, list):
        return {"L": [typed(one) for one in value]}
    return {"M": {key: typed(one) for key, one in value.items()}}


def lines(rows):
    return "".join(json.dumps({"Item": typed(row)["M"]}) + "\n" for row in rows)


def scan(rows):
    return json.dumps({"Items": [typed(row)["M"] for row in rows], "Count": len(rows), "ScannedCount": len(rows), "ConsumedCapacity": None})


def imported(stage, team, check):
    """The rules, the report, and what is refused."""
    done = team.rules("--facts", "facts.json", "--output", "json")
    if not check("the tables are imported", done.returncode == 0, done.stderr):
        return
    report = json.loads(done.stdout)
    found = {(row["table"], row["name"]): row["outcome"] for row in report["rows"]}
    check.equal("each row is reported, and that the shorter ones of several are shorter", found, {
        ("Settings", ""): "differs", ("Eligibility", "engineers"): "differs", ("Eligibility", "readers"): "differs", ("Eligibility", CY): "moved",
        ("Approvers", "prod"): "moved", ("Approvers", "NonProd"): "moved"})
    check.equal("with what is for the configuration", {line["key"]: line["value"] for line in report["configuration"]},
                {"access.request_expiry": '"5h"', "access.duration.max": '"9h"'})
    written = stage.path("rules.toml").read_text()
    check("no secret is in either", "xoxb" not in written + done.stdout + done.stderr)
    check("people and groups are matched by id", team.groups["engineers"] in written and team.users[CY] in written, written)
    done = stage.run("rules", "check", "rules.toml", "--facts", "facts.json", "--fail-on-findings")
    check("the rules are fit to be put in force, without a warning", done.returncode == 0, done.stdout + done.stderr)
    done = team.rules("--output", "table", to="shown.toml")
    check("for people it is printed in lines", "Eligibility 1: engineers: differs (team-eligible-engineers" in done.stdout and "For hallpass.toml:" in done.stdout
          and "7 rules" in done.stderr, (done.stdout, done.stderr))
    done = team.rules()
    check("a file that is there is not written over", done.returncode == 4 and "overwrites nothing" in done.stderr and stage.path("rules.toml").read_text() == written, done.stderr)
    half = lines(team.eligibility())
    stage.path("half.json").write_text(half[:-40])
    stage.path("part.json").write_text(half)
    stage.path("wrong.json").write_text(scan(team.approvers()))
    row = {**team.eligibility()[0], "policyIds": ["prod-admin"]}
    stage.path("unknown.json").write_text(scan([row, team.eligibility()[2]]))
    for name, file, code, said in [("half an export", "half.json", 2, "`half.json`, item 3: not JSON, or truncated"),
                                   ("a data file alone", "part.json", 2, "`part.json`: this is a data file of an export, which may have more of them"),
                                   ("another table", "wrong.json", 2, "`wrong.json`, item 1: these are items of the table `Approvers`"),
                                   ("no such file", "nowhere.json", 2, "nowhere.json")]:
        done = team.rules(eligibility=file, to="none.toml")
        check(f"{name}: exit {code}, and where", done.returncode == code and said in done.stderr, (done.returncode, done.stderr))
    check("and nothing is written or left over", not stage.path("none.toml").exists() and not [it for it in os.listdir(stage.folder) if it.startswith(".hallpass-import")])
    done = team.rules(eligibility="unknown.json", to="rest.toml", )
    check("a row that is not converted shows in the exit, and the others are written", done.returncode == 1 and "--policies" in done.stdout
          and "team-eligible-engineers" not in stage.path("rest.toml").read_text(), (done.returncode, done.stdout))
    policy = {**{key: row[key] for key in ("accounts", "ous", "permissions", "approvalRequired", "duration")}, "id": "prod-admin", "__typename": "Policies",
              "approverGroupIds": [{"id": "leads", "name": "leads"}]}
    stage.path("policies.json").write_text(scan([policy]))
    approvers = team.approvers() + [{**team.approvers()[0], "id": "leads", "type": "Group"}]
    stage.path("tables/approvers.json").write_text(scan(approvers))
    done = team.rules("--policies", "policies.json", eligibility="unknown.json", to="policies.toml")
    written = stage.path("policies.toml").read_text() if done.returncode == 0 else ""
    check("with its policies it is reported", done.returncode == 0 and "team-policy-prod-admin" in written and "stages = [" in written, (done.returncode, done.stdout, done.stderr))
    done = stage.run("rules", "check", "policies.toml", "--facts", "facts.json")
    check("and a server would take it", done.returncode == 0, done.stdout + done.stderr)
    stage.path("tables/approvers.json").write_text(scan(team.approvers()))


def looked_up(stage, team, check):
    """The organization as AWS has it, in the place of a file; and what is not known without either."""
    aws = team.world.environment
    outcomes = lambda done: [(row["table"], row["name"], row["outcome"]) for row in json.loads(done.stdout or '{"rows": []}')["rows"]]
    of_file = team.rules("--facts", "facts.json", "--output", "json", to="of-file.toml")
    of_aws = team.rules("--facts", "live", "--output", "json", to="of-aws.toml", **aws)
    check("the live organization is read, and its name is printed", of_aws.returncode == 0 and team.world.sim.get("/_sim/state?full=1").json["file"]["identity_center"]["instance_arn"]
          in of_aws.stderr, (of_aws.returncode, of_aws.stderr))
    check.equal("its report is that of a file", outcomes(of_aws), outcomes(of_file))
    check.equal("and so are its rules", stage.path("of-aws.toml").exists() and stage.path("of-aws.toml").read_text(), stage.path("of-file.toml").read_text())
    done = team.rules("--output", "json", to="by-name.toml")
    rows = {row["name"]: row for row in json.loads(done.stdout)["rows"] if row["table"] == "Eligibility"}
    check("without it no permission set is known to be the same: that differs, with what to give", rows[CY]["outcome"] == "differs"
          and [note["code"] for note in rows[CY]["notes"]] == ["by_name"] and "--facts live" in rows[CY]["notes"][0]["message"], rows)
    anew = team.eligibility()
    anew[2]["permissions"][0]["id"] = team.sets["ReadOnly"].rsplit("/", 1)[0] + "/ps-00000000000000ff"
    stage.path("anew.json").write_text(scan(anew))
    done = team.rules("--facts", "live", "--output", "json", eligibility="anew.json", to="anew.toml", **aws)
    check("a permission set created again under its name is left out", done.returncode == 0 and ("Eligibility", CY, "differs") in outcomes(done)
          and team.users[CY] not in stage.path("anew.toml").read_text(), (done.returncode, done.stdout, done.stderr))
    done = stage.run("rules", "check", "of-aws.toml", "--facts", "live", "--fail-on-findings", **aws)
    check("the rules are held against the live organization, too", done.returncode == 0 and "accounts: " in done.stderr, (done.returncode, done.stdout, done.stderr))
    done = team.rules("--facts", "./live", to="none.toml")
    check("a file of that name is selected by its path", done.returncode == 2 and "`./live`" in done.stderr and not stage.path("none.toml").exists(), (done.returncode, done.stderr))
    done = team.rules("--facts", "live", to="none.toml", **{**aws, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"})
    check("an AWS that does not answer is an error that helps, and nothing is written", done.returncode == 1 and "HALLPASS_CONFIG" in done.stderr and not stage.path("none.toml").exists(),
          (done.returncode, done.stderr))


def begun(stage, team, access, log):
    """A server with this table of access, and its API by person once it is ready."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    stage.path("hallpass.toml").write_text(f'[server]\nlisten = "127.0.0.1:{port}"\n[store]\nurl = "sqlite:hallpass.db"\n[identity]\nadmins = ["{BO}"]\n{access}')
    process = stage.spawn("serve", log=log, **team.world.environment)
    is_ready = wait(lambda: answers(Api(base), "/readyz"), 60, process)
    return process, is_ready and {who: Api(base, stage.token(who)) for who in (ANA, BO, CY)}


def served(stage, team, check):
    """A server over the rules: who may ask, for how long, who approves."""
    process, api = begun(stage, team, '[access]\nrequest_expiry = "5h"\n[access.duration]\nmax = "9h"\n', "serve.log")
    if not check("the server is ready", api, stage.said("serve.log")[-800:]):
        return

    def ask(who, account, name, hours=1, ticket="OPS1"):
        answer = api[who].post("/api/v1/requests", {"account": account, "permission_set": name, "duration_seconds": hours * 3600,
                                                    "reason": "look at it", **({"ticket": ticket} if ticket else {})})
        return answer, answer.json["state"] if answer.status < 300 else answer.status
    # engineers and readers: ANA is both, and the longer of the two counts for what both name
    for name, words, wanted in [
            ("of an entry of a group", (ANA, PROD, "Admin", 4), "pending"),
            ("not for longer than the longest of hers", (ANA, PROD, "Admin", 5), 422),
            ("not without a ticket", (ANA, TEST, "Admin", 1, None), 422),
            ("in an account directly in the unit", (ANA, TEST, "Admin"), "pending"),
            ("not in one further down", (ANA, INNER, "Admin"), 422),
            ("not for a set that the entry does not name", (BO, PROD, "ReadOnly"), 422),
            ("of an entry of a person, without approval", (CY, DEV, "ReadOnly", 8), "approved"),
            ("not of another's", (ANA, DEV, "ReadOnly"), 422)]:
        answer, state = ask(*words)
        refused = state == wanted or (wanted == 422 and state in ("rejected", 403, 404))
        check(f"asked {name}", refused, (words, answer.status, answer.json))
    answer, _ = ask(BO, DEV, "Admin", 4)
    if not check("who approves may ask, too", answer.status == 201 and answer.json["state"] == "pending", answer):
        return
    press = f"/api/v1/requests/{answer.json['id']}/approve"
    check("never for themselves", api[BO].post(press).status >= 400)
    check("a user in no group of approvers does not either", api[ANA].post(press).status >= 400)
    check("another of the group does", api[CY].post(press).status == 200, stage.said("serve.log")[-400:])
    active = lambda: [it for it in api[BO].get("/api/v1/grants").json["items"] if it["state"] == "active"]
    check("the access is there", wait(active, 60, process), api[BO].get("/api/v1/grants"))
    history(stage, team, check, api[BO])
    check.equal("the server stops", stage.stop(process), 0)
    done = stage.run("audit", "verify")
    check("and the log verifies", done.returncode == 0, done.stdout + done.stderr)


def history(stage, team, check, api):
    """Requests of before in the log of a server that runs, once each."""
    bring = lambda file="tables/requests.json": stage.run("audit", "import", "team", "--requests", file)
    done = bring()
    check("the history is imported", done.returncode == 0 and "3 requests imported, 0 in the log already" in done.stderr, (done.returncode, done.stderr))
    done = bring()
    check("and not a second time", done.returncode == 0 and "0 requests imported, 3 in the log already" in done.stderr, done.stderr)
    rows = api.all("/api/v1/audit?event=history.imported")
    check.equal("each is a record, with all that was kept", sorted((row["imported"] for row in rows), key=lambda it: it["id"]), team.requests())
    row = rows[0]
    check("that names its owner, and is no grant of Hallpass", row["imported_from"] == "aws_team" and row["operation_type"] == "history.imported" and row["grant_id"] == "NA"
          and row["access_request_id"] == "NA" and (row["requester_email"], row["approver_email"], row["account_id"]) == (ANA, BO, PROD), row)
    changed = team.requests()
    changed[1]["status"] = "revoked"
    stage.path("later.json").write_text(scan(changed))
    done = bring("later.json")
    check("what has changed since is added as it is now", "1 request imported, 2 in the log already" in done.stderr, done.stderr)
    stage.path("cut.json").write_text(lines(changed)[:-30])
    done = bring("cut.json")
    check("half of it is refused", done.returncode == 2 and "item 3" in done.stderr, done.stderr)
    stage.path("orders.json").write_text(scan([{"id": "order-1", "email": ANA, "status": "shipped"}]))
    done = bring("orders.json")
    check("so is a table of something else with ids", done.returncode == 2 and "item 1" in done.stderr and "requests are due" in done.stderr, done.stderr)
    check.equal("and neither adds anything", len(api.all("/api/v1/audit?event=history.imported")), 4)


def live(stage, team, check):
    """The tables read where they are: moto is somebody else's DynamoDB."""
    port = free_port()
    with open(stage.path("moto.log"), "wb") as log:
        moto = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log, env=stage.environment())
    stage.processes.append(moto)
    environment = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    tables = client("dynamodb", environment)

    def up():
        try:
            return tables.list_tables()
        except Exception:  # noqa: BLE001 - it is not up yet
            return None
    wait(up, 60, moto, every=0.5)
    run = lambda *words: stage.run(*words, **environment)
    bring = lambda *words, to="live.toml": run("rules", "import", "team", "--live", "--to", to, *words)
    done = bring()
    check("an account without AWS TEAM is reported", done.returncode == 2 and "no AWS TEAM is among 0 tables" in done.stderr and "in eu-west-1" in done.stderr, (done.returncode, done.stderr))
    tables.create_table(TableName="requests-orders", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}], BillingMode="PAY_PER_REQUEST")
    tables.put_item(TableName="requests-orders", Item=typed({"id": "order-1", "email": ANA, "status": "shipped"})["M"])
    done = run("audit", "import", "team", "--live")
    check("a table of requests alone is not AWS TEAM", done.returncode == 2 and "no AWS TEAM is among 1 tables" in done.stderr and "`Eligibility-…`" in done.stderr,
          (done.returncode, done.stderr))
    many = team.requests() + [{**team.requests()[0], "id": f"more-{number}", "justification": "x" * 9000} for number in range(200)]

    def made(suffix):
        for kind, rows in {"Eligibility": team.eligibility(), "Approvers": team.approvers(), "Settings": team.settings(), "requests": many}.items():
            name = f"{kind}-{suffix}"
            tables.create_table(TableName=name, KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}], BillingMode="PAY_PER_REQUEST")
            for row in rows:
                tables.put_item(TableName=name, Item=typed(row)["M"])
    made("abcdefghij-main")
    done = bring()
    # DynamoDB has an order of its own
    rules = lambda name: sorted(tomllib.loads(stage.path(name).read_text())["rule"], key=str)
    check("the tables become rules where they are", done.returncode in (0, 1) and stage.path("live.toml").exists(), (done.returncode, done.stderr))
    check.equal("the same as from exports", rules("live.toml"), rules("rules.toml"))
    check("no secret of the settings is printed", "xoxb-do-not-show" not in done.stdout + done.stderr)
    first = tables.scan(TableName="requests-abcdefghij-main")
    check("its history has pages", "LastEvaluatedKey" in first and 0 < first["Count"] < len(many), first["Count"])
    done = run("audit", "import", "team", "--live")
    # the three of the file are there already, one of them as it was before it was changed
    check("and all of them come", done.returncode == 0 and f"{len(many) - 3} requests imported, 3 in the log already" in done.stderr, (done.returncode, done.stderr))
    made("klmnopqrst-dev")
    done = bring(to="second.toml")
    check("of two, one has to be named", done.returncode == 2 and "abcdefghij-main, klmnopqrst-dev" in done.stderr and not stage.path("second.toml").exists(), (done.returncode, done.stderr))
    done = bring("--tables", "klmnopqrst-dev", to="second.toml")
    check.equal("named, it is read", rules("second.toml"), rules("rules.toml"))
    done = bring("--tables", "other", to="third.toml")
    check("one that is not there is not", done.returncode == 2 and "no table `Eligibility-other`" in done.stderr, (done.returncode, done.stderr))
    done = bring("--eligibility", "tables/eligibility", to="third.toml")
    check("either files or tables", done.returncode == 2 and "--live" in done.stderr, (done.returncode, done.stderr))
    stage.stop(moto)
    done = bring(to="third.toml")
    check("a DynamoDB that does not answer is an error, and nothing is written", done.returncode == 1 and "dynamodb:ListTables" in done.stderr and not stage.path("third.toml").exists(),
          (done.returncode, done.stderr))


def main():
    check = Checks()
    with Stage("team") as stage:
        stage.path("organization.json").write_text(json.dumps(organization()))
        _, endpoint, environment = stage.simulator("--organization", stage.path("organization.json"), "--speed", "fast")
        team = Team(stage, World(stage, Api(endpoint), endpoint, environment))
        team.write()
        imported(stage, team, check)
        looked_up(stage, team, check)
        served(stage, team, check)
        live(stage, team, check)
    check.end()


if __name__ == "__main__":
    main()
