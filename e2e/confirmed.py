#!/usr/bin/env python3
"""What is confirmed is what was shown: two people work on the controls of the same accounts, one by plans (on a terminal, in scripts,
by the id of what was looked at), the other with boto3 (`organization.md` P-5, P-15)."""

import json
import os
import pty
import shlex
import subprocess

from drilled import DEV, PROD, TEST, started
from stage import Checks, Stage, shown_on
from standards import calls, hub, off, pci

check = Checks()
REGION = "eu-west-1"
ACCOUNTS = (DEV, TEST, PROD)
APPLY = ("org", "standards", "apply", "wanted.yaml", "--regions", REGION, "--update-reasons")
SENT = "BatchUpdateStandardsControlAssociations"


def wanted(world, reason):
    world.stage.path("wanted.yaml").write_text(f"""defaults:
  standards: {{enable: [pci-dss/v/3.2.1]}}
  controls:
    - {{id: IAM.6, status: DISABLED, reason: "{reason}"}}
""")


def somebody(client, status, reason=None):
    """What a colleague does in the console."""
    row = {"StandardsArn": pci(REGION), "SecurityControlId": "IAM.6", "AssociationStatus": status}
    if reason:
        row["UpdatedReason"] = reason
    client.batch_update_standards_control_associations(StandardsControlAssociationUpdates=[row])


def outcomes(ran):
    rows = json.loads(ran.stdout)["rows"] if ran.stdout else []
    return {row["account"]: row["outcome"] for row in rows if row["account"] in ACCOUNTS}


def on_terminal(world, *words, answer, meanwhile=lambda: None):
    """Runs a command whose questions go to a terminal; its exit code, what the terminal showed before the answer, and all."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([world.stage.binary, *words, "-o", "json"], stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, text=True,
                               env=world.stage.environment(**world.environment), cwd=world.stage.folder)
    world.stage.processes.append(process)
    os.close(theirs)
    shown = b""
    while b"[y/N]" not in shown and (part := shown_on(ours)):
        shown += part
    before = shown.decode(errors="replace")
    meanwhile()
    if process.poll() is None:
        os.write(ours, answer.encode() + b"\n")
    said, _ = process.communicate(timeout=180)
    os.close(ours)
    process.stdout = None
    return subprocess.CompletedProcess(words, process.returncode, said, before)


def hint(ran):
    """The command that a look ends with."""
    lines = [line.strip() for line in ran.stderr.splitlines() if "--apply --plan " in line]
    return shlex.split(lines[-1])[1:] if lines else []


def scripts(world, hubs):
    ran = world.run(*APPLY, "--apply")
    check("a script is not asked, and refused", ran.returncode == 4 and "no terminal" in ran.stderr and "--yes" in ran.stderr, ran.stderr)
    check.equal("nothing was written", calls(world, "BatchEnableStandards"), [])
    looked = world.run(*APPLY)
    check("a look names the command that does exactly this", looked.returncode == 0 and hint(looked)[:4] == list(APPLY[:4]), looked.stderr)
    ran = world.run(*hint(looked), "-o", "json")
    check("which does it", ran.returncode == 0 and set(outcomes(ran).values()) == {"changed"}, (ran.returncode, ran.stdout, ran.stderr))
    ids = [it["request_ids"] for it in json.loads(ran.stdout)["report"]["targets"]] if ran.stdout else []
    check("the report names the requests", ids and all(ids), ids)
    names = {it["account_name"] for it in json.loads(ran.stdout)["report"]["targets"]} if ran.stdout else set()
    check.equal("and the accounts", names, {"dev", "test", "prod"})
    ran = world.run(*hint(looked))
    check("once: it is over then", ran.returncode in (0, 4), (ran.returncode, ran.stderr))


def by_id(world, hubs):
    """Two of three accounts change after the look."""
    wanted(world, "moved")
    looked = world.run(*APPLY, "-o", "json")
    plan = json.loads(looked.stdout)["report"]["plan"]
    for account in (TEST, PROD):
        somebody(hubs[account], "ENABLED")
    ran = world.run(*APPLY, "--apply", "--plan", plan, "-o", "json")
    check("what changed after the look is drifted, the rest is done", ran.returncode == 1 and outcomes(ran)
          == {DEV: "changed", TEST: "drifted", PROD: "drifted"}, (ran.returncode, outcomes(ran), ran.stderr))
    check.equal("the other user's change remains", off(hubs[TEST]), set())
    looked = world.run(*APPLY, "-o", "json")
    plan = json.loads(looked.stdout)["report"]["plan"]
    somebody(hubs[DEV], "ENABLED")
    ran = world.run(*APPLY, "--apply", "--plan", plan, "-o", "json")
    check("another plan by now is refused, with what differs", ran.returncode == 4 and "drifted" in ran.stderr and "(222233334444)" in ran.stderr,
          (ran.returncode, ran.stderr))
    check.equal("and nothing was done", off(hubs[DEV]), set())


def asked(world, hubs):
    """On a terminal: what is shown comes before the question."""
    before = len(calls(world, SENT))
    ran = on_terminal(world, *APPLY, "--apply", answer="n")
    shown = ran.stderr
    check("the changes are shown before the question", ran.returncode == 4 and "from → to" in shown and "test (333344445555)" in shown
          and "ENABLED → DISABLED" in shown and shown.index("from → to") < shown.index("[y/N]"), (ran.returncode, shown))
    check("changes since the look are named", "since plan " in shown and "(222233334444)" in shown.split("from → to")[0], shown)
    check.equal("no is no", len(calls(world, SENT)), before)
    ran = on_terminal(world, *APPLY, "--apply", answer="y", meanwhile=lambda: somebody(hubs[TEST], "DISABLED", "by hand"))
    check("what changed between the table and the yes is drifted", ran.returncode == 1 and outcomes(ran)
          == {DEV: "changed", TEST: "drifted", PROD: "changed"}, (ran.returncode, ran.stdout, ran.stderr))
    check.equal("and remains", off(hubs[TEST]), {("pci-dss", "IAM.6", "by hand")})
    return json.loads(ran.stdout)["report"]["plan"]


def taken_back(world, hubs, plan):
    somebody(hubs[DEV], "DISABLED", "ours now")
    ran = world.run("plan", "undo", plan, "-o", "json")
    targets = {it["account"]: it["outcome"] for it in json.loads(ran.stdout)["targets"]} if ran.stdout else {}
    check("a look back names changes of other users", ran.returncode == 0 and targets == {DEV: "drifted", PROD: "changed"}, (targets, ran.stderr))
    table = world.run("plan", "show", plan, "-o", "table").stdout
    check("a plan is shown from what to what", "prod (444455556666)" in table and "ENABLED → DISABLED" in table, table)
    ran = world.run("plan", "undo", plan, "--apply", "--yes")
    check.equal("it is left as it is", (ran.returncode, off(hubs[DEV]), off(hubs[PROD])), (1, {("pci-dss", "IAM.6", "ours now")}, set()))
    ran = world.run("plan", "undo", plan, "--apply", "--yes", "--accept-drift")
    check.equal("unless a flag allows it", (ran.returncode, off(hubs[DEV])), (0, set()))


def main():
    with Stage("confirmed") as stage:
        world = started(stage)
        hubs = {account: hub(world, account, REGION) for account in ACCOUNTS}
        for client in hubs.values():
            client.enable_security_hub(EnableDefaultStandards=False)
        wanted(world, "first")
        scripts(world, hubs)
        by_id(world, hubs)
        plan = asked(world, hubs)
        taken_back(world, hubs, plan)
    check.end()


if __name__ == "__main__":
    main()
