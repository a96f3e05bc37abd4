#!/usr/bin/env python3
"""Who administers which service: made so, changed by boto3, seen, held against the file by a server, and taken back
(`organization.md` §3)."""

import json
import signal

from alerts import SECRET, Receiver
from drilled import MANAGEMENT
from stage import Stage, wait
from vend import Server, begun, calls, check


DEV = "222233334444"
DELEGATE = f"""services:
  - {{service: detective, account: "{DEV}", regions: [eu-west-1, us-east-1], auto_enable: true, members: all}}
  - {{service: securityhub, account: "{DEV}", regions: [eu-west-1]}}
  - {{service: devops-guru, account: "{DEV}"}}
"""


def delegate(world, *words):
    ran = world.run("org", "delegate", *words, "-o", "json")
    said = json.loads(ran.stdout) if ran.stdout else None
    rows = {f'{row["service"]} {row["region"]}': row["outcome"] for row in said["rows"]} if said and "rows" in said else said
    return ran.returncode, rows, ran.stderr


def delegated(world):
    """Who administers what: planned, made so, changed by somebody else, and taken back."""
    world.stage.path("delegate.yaml").write_text(DELEGATE)
    places = ["detective eu-west-1", "detective us-east-1", "devops-guru global", "securityhub eu-west-1"]
    code, rows, errors = delegate(world, "delegate.yaml", "--detailed-exitcode")
    check("the changes are shown, and nothing is changed",
          code == 3 and rows == dict.fromkeys(places, "changed") and not calls(world, "EnableOrganizationAdminAccount"),
          (code, rows, errors))
    code, rows, errors = delegate(world, "delegate.yaml", "--apply", "--yes")
    check("it is made so", code == 0 and rows == dict.fromkeys(places, "changed"), (code, rows, errors))
    hub = world.client("securityhub", world.environment)
    found = hub.list_organization_admin_accounts()["AdminAccounts"]
    check.equal("boto3 sees the administrator of Security Hub", found, [{"AccountId": DEV, "Status": "ENABLED"}])
    detective = world.client("detective", world.environment)
    row = detective.list_organization_admin_accounts()["Administrators"][0]
    check("and that of Detective, with its graph", row["AccountId"] == DEV and ":graph:" in row["GraphArn"], row)
    known = world.org.list_delegated_administrators(ServicePrincipal="devops-guru.amazonaws.com")["DelegatedAdministrators"]
    check.equal("and that of DevOps Guru", [it["Id"] for it in known], [DEV])
    sent = len(calls(world, "EnableOrganizationAdminAccount"))
    code, rows, errors = delegate(world, "delegate.yaml", "--apply", "--yes")
    check("again it changes nothing", code == 0 and set(rows.values()) == {"unchanged"}, (code, rows, errors))
    check.equal("and no administrator is set twice", len(calls(world, "EnableOrganizationAdminAccount")), sent)
    watched(world)
    world.org.deregister_delegated_administrator(AccountId=DEV, ServicePrincipal="devops-guru.amazonaws.com")
    code, rows, errors = delegate(world, "check", "delegate.yaml", "--fail-on-findings")
    check("changes of other users are seen", code == 3 and rows["devops-guru global"] == "changed", (code, rows, errors))
    taken = world.run("org", "delegate", "remove", "--service", "detective", "--regions", "us-east-1", "--apply", "--yes")
    check("a graph goes only by its name", taken.returncode == 4 and "members is deleted" in taken.stderr
          and "--confirm detective" in taken.stderr, (taken.returncode, taken.stderr))
    taken = world.run("org", "delegate", "remove", "--service", "detective", "--regions", "us-east-1", "--confirm", "detective", "--apply", "--yes")
    check.equal("then it does", taken.returncode, 0)
    listed = world.run("org", "delegate", "list", "--regions", "eu-west-1,us-east-1", "-o", "csv").stdout
    rows = [line.split(",") for line in listed.splitlines() if line.startswith("detective")]
    rows = [row[:3] + row[-1:] for row in rows]
    check.equal("the remaining one is listed, by name", rows, [["detective", "global", DEV, "dev"], ["detective", "eu-west-1", DEV, "dev"]])
    code, _, errors = delegate(world, "--service", "guardduty", "--account", MANAGEMENT, "--regions", "eu-west-1")
    check("the management account cannot", code == 2 and "management account" in errors, (code, errors))


def watched(world):
    """Who administers what, held against the file by the server: told once, and once when it is over (`organization.md` D-10)."""
    receiver = Receiver()
    hook = (f'[[webhooks]]\nname = "tickets"\nurl = "http://127.0.0.1:{receiver.port}/hook"\nsecret = "{SECRET}"\nevents = ["alert"]\n')
    server = Server(world, hook + '[delegation]\nfile = "delegate.yaml"\nevery = "10s"\n')
    metric = lambda outcome: f'hallpass_delegation_looks_total{{outcome="{outcome}"}}'
    def looked(outcome="ok", times=1):
        until = server.counted(metric(outcome)) + times
        return wait(lambda: server.counted(metric(outcome)) >= until, 90, server.process, every=0.5)
    def told(rule="delegation/drift", last="difference"):
        # each once: what was told when the server was killed comes again, with the same id
        changes = list({call["id"]: call["body"]["alert"] for call in receiver.told()}.values())
        changes = [it["news"]["rows"] for it in changes if rule in str(it)]
        line = lambda row: " ".join(str(row["values"][name]) for name in ("service", "region", "account", last))
        return [{change: [line(row) for row in it[change]["rows"]] for change in ("new", "recovered")} for it in changes]
    check("what is as the file says is no news", looked() and told() == [], (told(), server.said()[-800:]))
    sent = len(calls(world, "RegisterDelegatedAdministrator"))
    world.org.deregister_delegated_administrator(AccountId=DEV, ServicePrincipal="devops-guru.amazonaws.com")
    wanted = f"devops-guru global {DEV} register"
    check("a removed administrator is reported", wait(lambda: told(), 60, server.process), server.said()[-800:])
    check.equal("by name", told(), [{"new": [wanted], "recovered": []}])
    server.stop(signal.SIGKILL)
    server.start()
    check("once, whatever is killed", looked(times=2) and len(told()) == 1, told())
    world.sim.post("/_sim/faults", {"kind": "error", "code": "AccessDeniedException", "http": 400, "message": "no",
                                    "match": {"operation": "DescribeOrganization"}})
    check("an organization that cannot be read", looked("failed"), server.said()[-600:])
    world.sim.call("DELETE", "/_sim/faults")
    check.equal("is not taken for fixed", (len(told()), told("delegation/unread", "reason")), (1, []))
    check.equal("and nothing is put right", len(calls(world, "RegisterDelegatedAdministrator")), sent)
    world.sim.post("/_sim/faults", {"kind": "error", "code": "AccessDeniedException", "http": 400, "message": "no",
                                    "match": {"operation": "ListOrganizationAdminAccounts", "region": "us-east-1"}})
    world.org.register_delegated_administrator(AccountId=DEV, ServicePrincipal="devops-guru.amazonaws.com")
    check("closed findings are reported while another place cannot be read",
          looked("partial", 2) and wait(lambda: len(told()) == 2, 60, server.process), (told(), server.said()[-800:]))
    check.equal("as over", told()[1:], [{"new": [], "recovered": [wanted]}])
    # a message of its own, which may come after that
    missing = wait(lambda: told("delegation/unread", "reason"), 60, server.process) or []
    check("and that place once as not read", len(missing) == 1 and len(missing[0]["new"]) == 1 and not missing[0]["recovered"]
          and missing[0]["new"][0].startswith(f"detective us-east-1 {DEV} ") and "AccessDeniedException" in missing[0]["new"][0], missing)
    world.sim.call("DELETE", "/_sim/faults")
    check("and once when it is read again", wait(lambda: len(told("delegation/unread", "reason")) == 2, 90, server.process), server.said()[-800:])
    check.equal("with nothing new", [told("delegation/unread", "reason")[1]["recovered"], len(told())], [missing[0]["new"], 2])
    server.stop()


def main():
    with Stage("delegate") as stage:
        delegated(begun(stage))
        check.equal("the audit log verifies", stage.run("audit", "verify").returncode, 0)
    check.end()


if __name__ == "__main__":
    main()
