#!/usr/bin/env python3
"""Accounts from a CSV: one row wrong, one killed while AWS makes it and gone on with, and boto3 looks at what came of it
(`organization.md` §1). Beside a server: `vend_served.py`."""

import csv
import io
import json
import signal
import time

import botocore.model

from drilled import ANA, MANAGEMENT, RULES, SCP, World
from stage import Api, Checks, Stage, answers, free_port, wait

# Service Catalog offers CBOR first, which is not simulated
for name in ("PRIORITY_ORDERED_SUPPORTED_PROTOCOLS", "PRIORITY_ORDERED_PROTOCOLS"):
    if hasattr(botocore.model, name):
        setattr(botocore.model, name, [it for it in getattr(botocore.model, name) if "cbor" not in it])

check = Checks()
HEADER = "AccountName,SSOUserEmail,AccountEmail,SSOUserFirstName,SSOUserLastName,OrgUnit,Status,AccountId,ErrorMsg"
LIST = f"""\ufeff{HEADER.replace('ErrorMsg', 'ErrroMsg')}\r
alpha,ana@acme.example,alpha@acme.example,Ana,X,NonProd,,,\r
wrong,ana@acme.example,DEV@acme.example,Ana,X,Nowhere,,,\r
beta,ana@acme.example,beta@acme.example,Ana,X,/NonProd/Team,,,\r
gamma,ana@acme.example,gamma@acme.example,"X, Jr.",X,Prod,,,\r
"""


def organization():
    return {
        "version": 1, "seed": 11,
        "organization": {"id": "o-ab12cd34ef", "root": "r-ab12", "management_account": MANAGEMENT, "policy_types": [SCP],
                         "service_access": ["sso.amazonaws.com"]},
        "ous": [{"name": "NonProd"}, {"name": "Prod"}, {"name": "Team", "parent": "NonProd"}],
        "accounts": [{"id": MANAGEMENT, "name": "acme-management", "email": "m@acme.example", "ou": None},
                     {"id": "222233334444", "name": "dev", "email": "dev@acme.example", "ou": "NonProd"}],
        "identity_center": {
            "instance_arn": "arn:aws:sso:::instance/ssoins-0123456789abcdef", "identity_store_id": "d-1234567890",
            "home_region": "eu-west-1", "permission_sets": [{"name": "Reader", "session_duration": "PT1H"}],
            "users": [{"user_name": ANA, "given_name": "ana", "family_name": "X", "email": ANA}],
            "groups": [{"name": "Developers", "members": [ANA]}], "assignments": []},
    }


def vend(world, *words):
    ran = world.run("org", "vend", *words, "-o", "json")
    return ran.returncode, json.loads(ran.stdout) if ran.stdout else None, ran.stderr


def statuses(said):
    return {row["name"]: row["status"] for row in said["rows"]} if said else None


def calls(world, operation):
    return [it for it in world.sim.get(f"/_sim/calls?operation={operation}&limit=1000").json["calls"] if it["effect"]]


def standing(world):
    """Accounts by name: address, and the name of the unit it stands in."""
    names = {unit: name for name, unit in world.units.items()}
    team = world.org.list_organizational_units_for_parent(ParentId=world.units["NonProd"])["OrganizationalUnits"][0]
    names[team["Id"]] = team["Name"]
    found = {}
    for row in world.org.list_accounts()["Accounts"]:
        parent = world.org.list_parents(ChildId=row["Id"])["Parents"][0]["Id"]
        found[row["Name"]] = (row["Email"], names.get(parent, "Root"), row["Id"])
    return found


def access(world, account):
    """Kinds of those who have the permission set there."""
    sso = world.client("sso-admin", world.environment, attempts=10)
    instance = sso.list_instances()["Instances"][0]["InstanceArn"]
    only = sso.list_permission_sets(InstanceArn=instance)["PermissionSets"][0]
    found = sso.list_account_assignments(InstanceArn=instance, AccountId=account, PermissionSetArn=only)
    return [row["PrincipalType"] for row in found["AccountAssignments"]]


def looked_at(world):
    code, said, errors = vend(world, "accounts.csv", "--assign", "Developers=Reader")
    wanted = {"alpha": "VALID", "wrong": "INVALID", "beta": "VALID", "gamma": "VALID"}
    check("a wrong row is exit 1, and says why", code == 1 and said and statuses(said) == wanted, (code, said, errors))
    said = [row["error"] for row in said["rows"] if row["name"] == "wrong"]
    check.equal("with all that is wrong", said, ["AccountEmail in use by account 222233334444; OrgUnit does not exist"])
    check.equal("nothing was written", (calls(world, "CreateAccount"), calls(world, "MoveAccount")), ([], []))
    code, said, _ = vend(world, "good.csv", "--assign", "Developers=Reader", "--detailed-exitcode")
    check("without it the exit is 3 if requested", code == 3 and len(said["rows"]) == 3, (code, said))
    for words, about in [(["nothing.csv"], "nothing.csv"), (["bad.csv"], "AccountEmail"),
                         (["good.csv", "--assign", "Nobody=Reader"], "Nobody"), (["good.csv", "--assign", "Reader"], "GROUP=")]:
        code, said, errors = vend(world, *words)
        check(f"{' '.join(words)} is exit 2", code == 2 and about in errors and said is None, (code, errors))


def slowed(world):
    """From now on one question how far an account is is answered, after two seconds, by when it is made, and no other; ids of faults."""
    slow = lambda ms, **more: {"kind": "latency", "distribution": {"fixed_ms": ms}, "match": {"operation": "DescribeCreateAccountStatus"}, **more}
    return world.sim.post("/_sim/faults", {"faults": [slow(2000, count=1), slow(60000, skip=1)]}).json["ids"]


def stands_at(world, number, process):
    """Whether it comes to so many accounts and no further: the question about the last of them waits, so that its request is stored and
    the next is not begun. Such a question is given up after ten seconds and asked again, and none is answered: there is no hurry."""
    faults = slowed(world)

    def stands():
        nonlocal faults
        if not next(it["fired"] for it in world.sim.get("/_sim/faults").json["faults"] if it["id"] == faults[1]):
            return False
        if len(calls(world, "CreateAccount")) >= number:
            return True
        # an earlier one was not made yet, or its answer was not heard: it may be asked about once more
        before, faults = faults, slowed(world)
        for fault in before:
            world.sim.call("DELETE", f"/_sim/faults/{fault}")
        return False
    return wait(stands, 150, process)


def killed(world):
    """Killed while AWS makes the second account."""
    process = world.stage.spawn("org", "vend", "accounts.csv", "--assign", "Developers=Reader", "--apply", "--yes",
                                log="killed.log", **world.environment)
    check("the second account is under way", stands_at(world, 2, process) and len(calls(world, "CreateAccount")) == 2, world.stage.said("killed.log"))
    world.stage.stop(process, signal.SIGKILL)
    world.sim.call("DELETE", "/_sim/faults")
    running = [json.loads(line) for line in world.run("plan", "list", "--output", "jsonl").stdout.splitlines()]
    running = [row["plan"] for row in running if row["state"] == "running"]
    check.equal("its plan is known", len(running), 1)
    code, said, _ = vend(world, "status", running[0])
    # access to the first is given while the second is made
    check("alpha is made, gamma is not begun",
          said and statuses(said)["alpha"] in ("ASSIGNING", "SUCCEEDED") and statuses(said)["gamma"] == "VALID", said)
    code, said, errors = vend(world, "other.csv")
    row = said["rows"][0] if said else None
    check("a row of it is not taken on twice", code == 1 and row["error"] == f"already in plan {running[0]}", (row, errors))
    return running[0]


def finished(world, plan):
    code, said, errors = vend(world, "accounts.csv", "--assign", "Developers=Reader", "--apply", "--yes")
    wanted = {"alpha": "SUCCEEDED", "wrong": "INVALID", "beta": "SUCCEEDED", "gamma": "SUCCEEDED"}
    check("the same command continues", said and said["plan"] == plan and statuses(said) == wanted, (code, said, errors))
    check.equal("a wrong row is still exit 1", code, 1)
    check.equal("each account was requested once", len(calls(world, "CreateAccount")), 3)
    now = standing(world)
    places = {name: now[name][:2] for name in ("alpha", "beta", "gamma") if name in now}
    check.equal("boto3 sees them in their units", places, {
        "alpha": ("alpha@acme.example", "NonProd"), "beta": ("beta@acme.example", "Team"),
        "gamma": ("gamma@acme.example", "Prod")})
    held = {name: access(world, now[name][2]) for name in places}
    check.equal("and the group's access to each, once", held, {name: ["GROUP"] for name in places})
    text = world.stage.path(f"{plan}.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    check("the CSV came back, with its header as it should be", text.startswith(HEADER + "\n"), text)
    check.equal("with ids of accounts", [row["AccountId"] for row in rows],
                [now["alpha"][2], "", now["beta"][2], now["gamma"][2]])
    world.stage.path("again.csv").write_text("\n".join(line for line in text.splitlines() if not line.startswith("wrong,")))
    before = len(calls(world, "CreateAccount")) + len(calls(world, "MoveAccount"))
    code, said, errors = vend(world, "again.csv", "--apply", "--yes")
    after = len(calls(world, "CreateAccount")) + len(calls(world, "MoveAccount"))
    check("fed again it changes nothing", code == 0 and before == after, (code, errors))
    exported = world.run("org", "vend", "export", plan)
    check.equal("the plan shows the same later", exported.stdout, text)
    adopted, _, errors = vend(world, "good.csv", "--adopt")
    check.equal("with --adopt the accounts of another list are taken on", adopted, 0)
    code, said, errors = vend(world, "good.csv")
    check("and refused without", code == 1 and all("in use by account" in row["error"] for row in said["rows"]), said)


def failed(world):
    """AWS says no once, and the row is tried again."""
    world.sim.post("/_sim/faults", {"kind": "fail_async", "reason": "ACCOUNT_LIMIT_EXCEEDED", "count": 1,
                                    "match": {"operation": "CreateAccount"}})
    world.stage.path("late.csv").write_text(f"{HEADER}\ndelta,{ANA},delta@acme.example,Ana,X,Prod,,,\n")
    code, said, errors = vend(world, "late.csv", "--apply", "--yes")
    row = said["rows"][0] if said else None
    check("a failure keeps AWS's reason", code == 1 and row["status"] == "FAILED" and row["error"] == "ACCOUNT_LIMIT_EXCEEDED",
          (code, row, errors))
    world.sim.call("DELETE", "/_sim/faults")
    code, said, errors = vend(world, "retry", said["plan"])
    check("retry makes it", code == 0 and statuses(said) == {"delta": "SUCCEEDED"}, (code, said, errors))
    # what only Organizations knows: an address of another organization, and a call that is not taken at all
    limit = {"kind": "error", "code": "ConstraintViolationException", "http": 400, "message": "You have exceeded the number of accounts"}
    for name, fault, status, said_so in [
            ("lambda", {"kind": "fail_async", "reason": "EMAIL_ALREADY_EXISTS"}, "FAILED", "EMAIL_ALREADY_EXISTS"),
            ("mu", limit, "NOT_PROVISIONED", "ConstraintViolationException: You have exceeded the number of accounts")]:
        world.sim.post("/_sim/faults", {**fault, "match": {"operation": "CreateAccount"}})
        world.stage.path(f"{name}.csv").write_text(f"{HEADER}\n{name},{ANA},{name}@acme.example,Ana,X,Prod,,,\n")
        code, said, errors = vend(world, f"{name}.csv", "--apply", "--yes")
        row = said["rows"][0] if said else {}
        check(f"{said_so.split(':')[0]} is reported in its row", code == 1 and (row["status"], row["error"], row["account_id"]) == (status, said_so, ""),
              (code, row, errors))
        world.sim.call("DELETE", "/_sim/faults")
        check(f"{name} is nowhere, and moved nowhere", name not in standing(world), standing(world))
        again, _, errors = vend(world, "retry", said["plan"])
        check(f"{name} is made once there is room", again == 0 and wait(lambda: name in standing(world), 30), (again, errors))


def rows_of(world, name, *rows):
    world.stage.path(name).write_text("\n".join([HEADER, *rows]) + "\n")


def row(name, unit="Prod"):
    return f"{name},{ANA},{name}@acme.example,Ana,X,{unit},,,"


def asked_for(world, name):
    return [it for it in calls(world, "CreateAccount") if it["request"].get("AccountName") == name]


def lost(world):
    """The answer to CreateAccount is lost after its effect: the account is found by its request, and nobody else's is taken for it."""
    for how in ("reset", "close"):
        name = f"lost-{how}"
        world.sim.post("/_sim/faults", {"kind": "drop_after_effect", "how": how, "count": 1, "match": {"operation": "CreateAccount"}})
        rows_of(world, "lost.csv", row(name))
        code, said, errors = vend(world, "lost.csv", "--assign", "Developers=Reader", "--apply", "--yes")
        check(f"an answer that is lost ({how}) is looked for", code == 0 and statuses(said) == {name: "SUCCEEDED"}, (code, said, errors))
        check.equal("one account was requested", len(asked_for(world, name)), 1)
        there = wait(lambda: standing(world).get(name), 30)
        check.equal("it is in its unit, with its access", (there[1], access(world, there[2])), ("Prod", ["GROUP"]))
        world.sim.call("DELETE", "/_sim/faults")
    # a colleague makes the very account between plan and apply
    rows_of(world, "theirs.csv", row("theirs"))
    code, said, errors = vend(world, "theirs.csv")
    plan = said["report"]["plan"]
    world.org.create_account(AccountName="theirs", Email="theirs@acme.example")
    check("a colleague makes it", wait(lambda: "theirs" in standing(world), 30), standing(world))
    ran = world.run("plan", "resume", plan, "--apply")
    code, said, errors = vend(world, "status", plan)
    found = said["rows"][0]
    check("an account that another user made is not taken on", ran.returncode == 1 and "which this plan did not make" in found["error"]
          and standing(world)["theirs"][1] == "Root", (ran.returncode, found, ran.stderr))


def stale(world):
    """A plan of yesterday: what the account is made for is gone, and none is made."""
    soon = world.org.create_organizational_unit(ParentId=world.root, Name="Soon")["OrganizationalUnit"]["Id"]
    rows_of(world, "stale.csv", row("stale", "Soon"))
    code, said, errors = vend(world, "stale.csv", "--assign", "Developers=Reader")
    plan = said["report"]["plan"]
    check.equal("a list is planned", (code, statuses(said)), (0, {"stale": "VALID"}))
    world.org.delete_organizational_unit(OrganizationalUnitId=soon)
    ran = world.run("plan", "resume", plan, "--apply")
    shown = world.run("plan", "show", plan).stdout + ran.stdout
    check("its unit is gone: nothing is made", ran.returncode == 1 and asked_for(world, "stale") == [], (ran.returncode, shown))
    code, said, errors = vend(world, "status", plan)
    check("and the row says why", said["rows"][0]["status"] == "NOT_PROVISIONED" and f"unit `Soon` ({soon}) no longer exists" in said["rows"][0]["error"], said)


def named(world):
    """What is wrong in a list is said where it stands, and nothing is half read."""
    looks = lambda: len(world.sim.get("/_sim/calls?operation=ListAccounts&limit=10000").json["calls"])
    before = looks()
    world.stage.path("quotes.csv").write_text(f"{HEADER}\n{row('q-1')}\nq-2,\"ana,b@acme.example,A,B,Prod,,,\n{row('q-3')}\n")
    code, said, errors = vend(world, "quotes.csv", "--apply", "--yes")
    check("a quote that is never closed is refused where it opened", code == 2 and said is None and '"pointer":"3:5","file":"quotes.csv"' in errors
          and "never closed" in errors, (code, errors))
    check.equal("before any question", looks(), before)
    rows_of(world, "faults.csv", "q-1,ana,q-1@acme.example,Ana,X,Prod,,,", "q-2,nobody@acme.example,q-2@acme.example,No,Body,Prod,,,")
    code, said, errors = vend(world, "faults.csv")
    check("a bad address has its line and column", code == 1 and "faults.csv:2:5: SSOUserEmail is not a valid e-mail address" in errors, errors)
    check("and unknown users are named before anything is made",
          "faults.csv:3:5: warning: SSOUserEmail `nobody@acme.example` is no user of Identity Center; `--create-users` creates them" in errors, errors)


def many(world):
    """A thousand rows are planned with one listing, and refused by their number before any."""
    # a look that AWS throttled is asked for again, and is still one look
    looks = lambda name: len(world.sim.get(f"/_sim/calls?operation={name}&outcome=ok&limit=10000").json["calls"])
    rows_of(world, "many.csv", *(row(f"many-{number}") for number in range(1000)))
    before = looks("ListAccounts"), looks("DescribeOrganization")
    began = time.monotonic()
    code, said, errors = vend(world, "many.csv", "--assign", "Developers=Reader")
    refused = time.monotonic() - began
    check("too many rows are refused immediately", code == 4 and said is None and "1000 rows" in errors and "--max-changes" in errors, (code, errors))
    check.equal("before anything is listed", looks("ListAccounts"), before[0])
    began = time.monotonic()
    code, said, errors = vend(world, "many.csv", "--assign", "Developers=Reader", "--max-changes", "5000")
    seconds = time.monotonic() - began
    check("a thousand rows are planned", code == 0 and len(said["rows"]) == 1000 and "reading the organization" in errors, (code, errors[-600:]))
    check("with one listing for the rows, the plan, its names and the directory", looks("ListAccounts") - before[0] == 1,
          [(call["at"], call["outcome"], call["request"]) for call in world.sim.get("/_sim/calls?operation=ListAccounts&limit=10000").json["calls"][before[0]:]])
    print(f"      1,000 rows planned in {seconds:.1f} s, refused in {refused:.1f} s")


def throttled(world):
    """Two calls a second are enough: throttles are waited out (`organization.md` P-10)."""
    world.sim.post("/_sim/faults", {"kind": "throttle", "rate": 2, "burst": 2, "match": {"service": "organizations"}})
    rows_of(world, "slow.csv", row("slow-1"), row("slow-2"))
    began = time.monotonic()
    ran = world.stage.run("org", "vend", "slow.csv", "--apply", "--yes", "-o", "json", timeout=600, **world.environment)
    world.sim.call("DELETE", "/_sim/faults")
    said = json.loads(ran.stdout) if ran.stdout else None
    check("throttled to two calls a second, all rows are made", ran.returncode == 0 and set(statuses(said).values()) == {"SUCCEEDED"},
          (ran.returncode, said, ran.stderr[-800:]))
    check("and permissions are not reported", "permission" not in ran.stderr, ran.stderr)
    print(f"      two rows at two calls a second in {time.monotonic() - began:.1f} s")


def configured(world):
    """Access that the configuration names for every list, and people who are made (`organization.md` V-4, V-9)."""
    arn = world.client("sso-admin", world.environment, attempts=10)
    arn = arn.list_permission_sets(InstanceArn=arn.list_instances()["Instances"][0]["InstanceArn"])["PermissionSets"][0]
    config = world.stage.path("assign.toml")
    table = '[store]\nurl = "sqlite:hallpass.db"\n[vending]\nassign = [{{ {who}, permission_set = "{set}" }}]\n'.format
    world.stage.path("assigned.csv").write_text(f"{HEADER}\neta,new@acme.example,eta@acme.example,New,Person,Prod,,,\n"
                                                "theta,new@acme.example,theta@acme.example,New,Person,Prod,,,\n")
    words = ("assigned.csv", "--config", "assign.toml", "--create-users", "--apply", "--yes")
    for who, said in [('group = "Nobody"', "there is no group `Nobody`"), ('user = "nobody@acme.example"', "there is no user"), ("", "either a `group`")]:
        config.write_text(table(who=who, set="Reader").replace("{ ,", "{"))
        code, _, errors = vend(world, *words)
        check(f"access to [{who}] is exit 2", code == 2 and said in errors and "vending.assign" in errors, (code, errors))
    people = world.client("identitystore", world.environment, attempts=10)
    def person():
        try:
            return people.get_user_id(IdentityStoreId="d-1234567890", AlternateIdentifier={
                "UniqueAttribute": {"AttributePath": "emails.value", "AttributeValue": "new@acme.example"}})["UserId"]
        except people.exceptions.ResourceNotFoundException:
            return None
    check("nothing was made", not person() and "eta" not in standing(world))
    config.write_text(table(who=f'user = "{ANA}"', set=arn))
    code, said, errors = vend(world, *words)
    check("rows without values use the configuration", code == 0 and set(statuses(said).values()) == {"SUCCEEDED"}, (code, said, errors))
    check.equal("and a person gets the access", access(world, standing(world)["eta"][2]), ["USER"])
    check("users who sign in are created", person() is not None)
    check.equal("once, however many rows name them", len(calls(world, "CreateUser")), 1)
    undone, said, errors = world.json("plan", "undo", said["plan"])
    check("and stays, as an account does", errors.count("not undoable") == 3 and "created person stays" in errors, errors)
    code, _, errors = vend(world, "assigned.csv", "--concurrency", "6")
    check("six together is exit 2", code == 2 and "1..=5" in errors, (code, errors))


def tags_of(world, account):
    return {it["Key"]: it["Value"] for it in world.org.list_tags_for_resource(ResourceId=account)["Tags"]}


def tagged(world):
    """Tags of the whole list and of rows, and what empty cells mean (`organization.md` V-4)."""
    config = world.stage.path("tags.toml")
    whole = '[store]\nurl = "sqlite:hallpass.db"\n[vending]\n'
    rows = [HEADER + ",Tags", "iota,,iota@acme.example,,,,,,,team=shop", f"kappa,{ANA},kappa@acme.example,Ana,X,Prod,,,,Aws:x=1"]
    world.stage.path("tags.csv").write_text("\n".join(rows) + "\n")
    sent = len(calls(world, "CreateAccount"))
    config.write_text(whole + 'tags = { "aws:owner" = "x" }\n')
    code, _, errors = vend(world, "tags.csv", "--config", "tags.toml", "--apply", "--yes")
    check("a tag that AWS keeps for itself is exit 2", code == 2 and "aws:owner" in errors and "vending.tags" in errors, (code, errors))
    check.equal("and nothing was made", len(calls(world, "CreateAccount")), sent)
    user = f'sso_user = {{ email = "{ANA}", first_name = "Ana", last_name = "X" }}'
    config.write_text(f'{whole}tags = {{ cost = "4711", team = "cloud" }}\norg_unit = "Prod"\n{user}\n')
    code, said, errors = vend(world, "tags.csv", "--config", "tags.toml", "--apply", "--yes")
    check("the row that can be made is", code == 1 and statuses(said) == {"iota": "SUCCEEDED", "kappa": "INVALID"}, (code, said, errors))
    check("the other says what AWS would not take", "Tags: Aws:x begins with aws:" in str(said), said)
    there = standing(world)
    check.equal("in the unit of the configuration", (there["iota"][1], "kappa" in there), ("Prod", False))
    check.equal("with its own tags over those of the list", tags_of(world, there["iota"][2]), {"cost": "4711", "team": "shop"})


def taken_back(world, plan):
    code, said, errors = world.json("plan", "undo", plan, "--apply", "--yes")
    check("a list is taken back", code == 0 and said["state"] == "done", (code, said, errors))
    check.equal("but accounts stay", errors.count("not undoable"), 3)
    now = standing(world)
    check.equal("in the root", {name: now[name][1] for name in ("alpha", "beta", "gamma")}, dict.fromkeys(("alpha", "beta", "gamma"), "Root"))
    check.equal("without the access", [access(world, now[name][2]) for name in ("alpha", "beta", "gamma")], [[], [], []])


class Server:
    """`hallpass serve` over the world's store, with what is added to its configuration."""

    def __init__(self, world, extra):
        self.world, self.port = world, free_port()
        world.stage.path("server.toml").write_text(
            f'[server]\nlisten = "127.0.0.1:{self.port}"\n[store]\nurl = "sqlite:hallpass.db"\n[identity]\nadmins = ["{ANA}"]\n{extra}')
        world.stage.path("rules.toml").write_text(RULES)
        self.api = Api(f"http://127.0.0.1:{self.port}", world.stage.token(ANA, config="server.toml"))
        self.start()

    def start(self):
        self.process = self.world.stage.spawn("serve", "--config", "server.toml", log="server.log", **self.world.environment)
        assert wait(lambda: answers(self.api, "/readyz"), 60, self.process), self.said()

    def stop(self, how=signal.SIGTERM):
        self.world.stage.stop(self.process, how)

    def said(self):
        return self.world.stage.said("server.log")

    def counted(self, metric):
        lines = [line for line in self.api.get("/metrics").body.decode().splitlines() if line.startswith(metric + " ")]
        return int(float(lines[0].split()[-1])) if lines else 0


def begun(stage):
    """The small organization, and lists of accounts beside its configuration."""
    file = stage.path("organization.json")
    file.write_text(json.dumps(organization()))
    _, endpoint, environment = stage.simulator("--organization", file, "--speed", "fast")
    stage.path("hallpass.toml").write_text('[store]\nurl = "sqlite:hallpass.db"\n')
    stage.path("accounts.csv").write_text(LIST, newline="")
    lines = LIST.replace("\r", "").splitlines()
    stage.path("good.csv").write_text("\n".join(line for line in lines if not line.startswith("wrong")))
    stage.path("other.csv").write_text(f"{HEADER}\ngamma,{ANA},Gamma@acme.example,Ana,X,Prod,,,\n")
    stage.path("bad.csv").write_text("AccountName\nalpha\n")
    return World(stage, Api(endpoint), endpoint, environment)


def main():
    with Stage("vend") as stage:
        world = begun(stage)
        looked_at(world)
        plan = killed(world)
        finished(world, plan)
        failed(world)
        lost(world)
        stale(world)
        named(world)
        many(world)
        throttled(world)
        taken_back(world, plan)
        configured(world)
        tagged(world)
        done = stage.run("audit", "verify")
        check.equal("the audit log verifies", done.returncode, 0)
    check.end()


if __name__ == "__main__":
    main()
