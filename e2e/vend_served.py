#!/usr/bin/env python3
"""Lists of accounts beside a server: it goes on with one that was begun, Account Factory makes accounts and its events end the
waits, and a list is dropped in a bucket (`organization.md` V-7, V-11, P-7)."""

import csv
import io
import json
import signal
import time

import boto3

from alerts import SECRET, Receiver
from drilled import ANA, MANAGEMENT, World
from mail import Inbox
from served import longest_wait, shortest_wait, serve_events, waited_for_at_once
from stage import Api, Stage, parts, wait
from vend import HEADER, Server, access, begun, calls, check, killed, organization, row, standing, stands_at, statuses, tags_of, vend


def state_of(world, plan):
    rows = [json.loads(line) for line in world.run("plan", "list", "--output", "jsonl").stdout.splitlines()]
    return next(row["state"] for row in rows if row["plan"] == plan)


def goes_on(world):
    """A server goes on with a list that was begun where it is told to (`organization.md` P-7), is killed in turn, and does nothing twice."""
    inbox = Inbox()
    inbox.start()
    mail = (f'[mail]\nurl = "smtp://hallpass:hunter2%2F%25%40@127.0.0.1:{inbox.port}?tls=none"\nfrom = "Hallpass <hallpass@acme.example>"\n'
            '[vending]\nmail_to = ["ops@acme.example"]\n')
    with world.stage.path("hallpass.toml").open("a") as file:
        file.write(mail)
    plan = killed(world)
    server = Server(world, mail)
    check("a server without the setting leaves it alone, and reports it",
          "a plan is unfinished; `hallpass org plan resume` resumes it" in server.said(), server.said()[-600:])
    server.stop()
    check.equal("nothing was sent", (len(calls(world, "CreateAccount")), state_of(world, plan)), (2, "running"))
    config = world.stage.path("server.toml")
    whole = config.read_text()
    config.write_text(whole + '[plans]\nresume = ["org.delegate.remove"]\n')
    ran = world.run("serve", "--config", "server.toml")
    check("a list that needs a second yes is exit 2", ran.returncode == 2 and "`org.delegate.remove`" in ran.stderr, (ran.returncode, ran.stderr))
    config.write_text(whole + '[plans]\nresume = ["org.vend"]\n')
    server.start()
    check("a begun one continues", stands_at(world, 3, server.process), server.said()[-800:])
    server.stop(signal.SIGKILL)
    check.equal("killed in the middle", state_of(world, plan), "running")
    world.sim.call("DELETE", "/_sim/faults")
    server.start()
    check("and the next one ends it", wait(lambda: state_of(world, plan) in ("done", "partial"), 150, server.process, every=2), server.said()[-800:])
    code, said, _ = vend(world, "status", plan)
    wanted = {"alpha": "SUCCEEDED", "wrong": "INVALID", "beta": "SUCCEEDED", "gamma": "SUCCEEDED"}
    check.equal("as it should be", statuses(said), wanted)
    check("with a count of it", wait(lambda: server.counted('hallpass_plans_resumed_total{outcome="done"}') == 1, 20), server.said()[-600:])
    check.equal("each account was requested once", len(calls(world, "CreateAccount")), 3)
    now = standing(world)
    check.equal("and has its access once", [access(world, now[name][2]) for name in ("alpha", "beta", "gamma")], [["GROUP"]] * 3)
    rows = server.api.all("/api/v1/audit?event=plan.changed")
    actors = {row["actor"] for row in rows}
    by_server = [it for it in actors if it.endswith(" (server, plans.resume)")]
    check("the audit log says who did what", len(by_server) == 1 and len(actors) == 2, actors)
    steps = [(row["plan"]["target"], row["plan"]["step"]) for row in rows] if "plan" in rows[0] else [json.dumps(row["after"]) for row in rows]
    check.equal("and has no change twice", len(steps), len(set(map(str, steps))))
    mailed(world, inbox, plan)
    server.stop()
    held(world, server)
    inbox.stop()


def mailed(world, inbox, plan):
    """Each row is told once to whom it concerns, and the list once, whoever ran the plan when (`organization.md` V-11)."""
    summary = "List of accounts: 1 INVALID, 3 SUCCEEDED"
    check("the end of the list is reported", wait(lambda: inbox.find("ops@acme.example", summary), 30), [it["Subject"] for it in inbox.mails()])
    rows = ["Account alpha is there", "Account beta is there", "Account gamma is there"]
    told = lambda who: sorted(dict((it["Message-ID"], it["Subject"]) for it in inbox.mails(who)).values())
    check.equal("list administrators are notified of each row", told("ops@acme.example"), sorted([*rows, "Account wrong is not made", summary]))
    check.equal("the person of their row", told(ANA), rows)
    again = len(inbox.mails()) - len({it["Message-ID"] for it in inbox.mails()})
    # only where a process was killed between a mail and its note in the journal
    check("none is another mail about the same", again <= 2, again)
    sent = len(inbox.mails())
    ran = world.run("plan", "resume", plan)
    check.equal("reported rows are not reported again", len(inbox.mails()), sent)
    invalid = inbox.find("ops@acme.example", "Account wrong")[0].get_body(("plain",)).get_content()
    check("with what is wrong", "OrgUnit does not exist" in invalid and plan in invalid, invalid)


def held(world, server):
    """A list whose first account somebody wants to see first waits for them, whatever the server is told."""
    world.stage.path("few.csv").write_text(f"{HEADER}\nepsilon,{ANA},epsilon@acme.example,Ana,X,Prod,,,\nzeta,{ANA},zeta@acme.example,Ana,X,Prod,,,\n")
    code, said, errors = vend(world, "few.csv", "--apply", "--yes", "--canary", "1")
    check("the first of two is made", said and sorted(statuses(said).values()) == ["SUCCEEDED", "VALID"], (code, said, errors))
    check.equal("and the plan is paused; continue with", state_of(world, said["plan"]), "paused")
    sent = len(calls(world, "CreateAccount"))
    server.start()
    time.sleep(5)
    check.equal("a server waits with them", (len(calls(world, "CreateAccount")), state_of(world, said["plan"])), (sent, "paused"))
    server.stop()
    ran = world.run("plan", "resume", said["plan"])
    check.equal("until a user confirms", (ran.returncode, len(calls(world, "CreateAccount"))), (0, sent + 1))


def by_factory(stage):
    """Where Control Tower governs the organization its Account Factory makes the accounts, and its events end the waits."""
    tower = {"version": "3.0", "home_region": "eu-west-1", "governed_regions": ["eu-west-1"], "log_archive": "222233334444",
             "audit": "222233334444", "units": ["NonProd", "Team"], "account_operations": 5}
    rule = {"account": MANAGEMENT, "region": "eu-west-1", "queue": "hallpass-events", "source": "aws.controltower"}
    stage.path("organization.json").write_text(json.dumps({**organization(), "control_tower": tower, "event_rules": [rule]}))
    _, endpoint, environment = stage.simulator("--organization", stage.path("organization.json"), "--speed", "fast")
    stage.path("hallpass.toml").write_text('[store]\nurl = "sqlite:hallpass.db"\n[aws]\nregion = "eu-west-1"\n')
    world = World(stage, Api(endpoint), endpoint, environment)
    keys = {"aws_access_key_id": environment["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"]}
    client = lambda service: boto3.client(service, endpoint_url=endpoint, region_name="eu-west-1", **keys)
    process, ready = serve_events(stage, environment, client("sqs").get_queue_url(QueueName="hallpass-events")["QueueUrl"])
    check("a server takes events", ready, stage.said("serve.log")[-800:])
    rows = [HEADER, "one,ana@acme.example,one@acme.example,Ana,X,NonProd,,,", "far,ana@acme.example,far@acme.example,Ana,X,Prod,,,",
            "two,ana@acme.example,two@acme.example,Ana,X,/NonProd/Team,,,"]
    stage.path("factory.csv").write_text("\n".join(rows) + "\n")
    code, said, errors = vend(world, "factory.csv", "--assign", "Developers=Reader")
    check("a unit unknown to Control Tower is reported before anything is made",
          statuses(said) == {"one": "VALID", "far": "INVALID", "two": "VALID"} and "not registered with Control Tower" in str(said), (code, said, errors))
    check.equal("and nothing was written", calls(world, "ProvisionProduct") + calls(world, "CreateAccount"), [])
    refused = {"kind": "error", "code": "AccessDeniedException", "http": 400, "message": "no"}
    for operation in ("SearchProductsAsAdmin", "ListProvisioningArtifacts", "ListPortfoliosForProduct", "ListPrincipalsForPortfolio"):
        world.sim.post("/_sim/faults", {**refused, "match": {"operation": operation}})
        code, said, errors = vend(world, "factory.csv", "--apply", "--yes")
        check(f"without {operation} nothing is begun", code == 4 and said is None and f"servicecatalog:{operation} cannot be asked" in errors,
              (code, said, errors))
        world.sim.call("DELETE", "/_sim/faults")
    written = [calls(world, it) for it in ("ProvisionProduct", "CreateAccount", "AssociatePrincipalWithPortfolio")]
    check.equal("and nothing was changed or planned", (written, world.run("plan", "list", "--output", "jsonl").stdout.count("org.vend")), ([[], [], []], 1))
    began = time.monotonic()
    code, said, errors = vend(world, "factory.csv", "--assign", "Developers=Reader", "--apply", "--yes")
    seconds = time.monotonic() - began
    check("two are made, one after the other", code == 1 and statuses(said) == {"one": "SUCCEEDED", "far": "INVALID", "two": "SUCCEEDED"}, (code, said, errors))
    asked = world.sim.get("/_sim/calls?operation=DescribeRecord&limit=1000").json["calls"]
    # one of the two, since an event may come late on a machine without time; without events none ends before half a minute
    check("their events end the waits", len(asked) >= 4 and shortest_wait(asked) < 28, [it["at"] for it in asked])
    print(f"      two accounts by Account Factory in {seconds:.1f} s, the longer wait {longest_wait(asked):.1f} s of 30")
    products = client("servicecatalog").search_provisioned_products()["ProvisionedProducts"]
    check.equal("boto3 sees two products", sorted((it["Name"], it["Status"]) for it in products),
                [("AccountLaunch-one", "AVAILABLE"), ("AccountLaunch-two", "AVAILABLE")])
    found = standing(world)
    check.equal("each in its unit", {name: found[name][1] for name in ("one", "two")}, {"one": "NonProd", "two": "Team"})
    check.equal("with its access", [bool(access(world, found[name][2])) for name in ("one", "two")], [True, True])
    enabled = client("controltower").list_enabled_baselines(includeChildren=True)["enabledBaselines"]
    states = {it["targetIdentifier"].split("/")[-1]: it["statusSummary"]["status"] for it in enabled}
    check.equal("and enrolled", [states.get(found[name][2]) for name in ("one", "two")], ["SUCCEEDED", "SUCCEEDED"])
    check.equal("each was launched once", len(calls(world, "ProvisionProduct")), 2)
    code, again, errors = vend(world, "factory.csv", "--assign", "Developers=Reader", "--apply", "--yes")
    check.equal("once more launches nothing", len(calls(world, "ProvisionProduct")), 2)
    at_once(world, rows)
    stage.stop(process)


def at_once(world, rows):
    """Several at once, where somebody asks for it (`organization.md` V-7)."""
    world.stage.path("tagged.csv").write_text("\n".join([rows[0] + ",Tags", rows[1].replace("one", "tagged") + ",team=shop;env=a=b"]) + "\n")
    code, said, errors = vend(world, "tagged.csv", "--apply", "--yes")
    check("Account Factory's account has its tags, too", code == 0 and statuses(said) == {"tagged": "SUCCEEDED"}
          and tags_of(world, said["rows"][0]["account_id"]) == {"team": "shop", "env": "a=b"}, (code, said, errors))
    check.equal("by one call", len(calls(world, "TagResource")), 1)
    world.stage.path("several.csv").write_text("\n".join([rows[0], *(rows[1].replace("one", name) for name in ("five", "six", "seven"))]) + "\n")
    described = lambda: world.sim.get("/_sim/calls?operation=DescribeRecord&limit=1000").json["calls"]
    before = {it["request"]["Id"] for it in described()}
    code, said, errors = vend(world, "several.csv", "--concurrency", "2", "--apply", "--yes")
    asked = [it for it in described() if it["request"]["Id"] not in before]
    check.equal("two of three are made together, and never three", (code, len({it["request"]["Id"] for it in asked}), waited_for_at_once(asked)), (0, 3, 2))
    check.equal("each was launched once", len([it for it in calls(world, "ProvisionProduct") if it.get("http", 200) < 300]), 6)


def dropped(stage):
    """A list is dropped in a bucket: planned, told, and carried out by whoever says so."""
    rule = {"account": MANAGEMENT, "region": "eu-west-1", "queue": "hallpass-lists", "source": "aws.s3"}
    stage.path("organization.json").write_text(json.dumps({**organization(), "event_rules": [rule]}))
    _, endpoint, environment = stage.simulator("--organization", stage.path("organization.json"), "--speed", "fast")
    stage.path("hallpass.toml").write_text('[store]\nurl = "sqlite:hallpass.db"\n[aws]\nregion = "eu-west-1"\n')
    world = World(stage, Api(endpoint), endpoint, environment)
    keys = {"aws_access_key_id": environment["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"]}
    client = lambda service: boto3.client(service, endpoint_url=endpoint, region_name="eu-west-1", **keys)
    s3, sqs = client("s3"), client("sqs")
    s3.create_bucket(Bucket="acme-accounts", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    queue = sqs.get_queue_url(QueueName="hallpass-lists")["QueueUrl"]
    receiver = Receiver()
    server = Server(world, f'[[webhooks]]\nname = "tickets"\nurl = "http://127.0.0.1:{receiver.port}/hook"\nsecret = "{SECRET}"\nevents = ["alert"]\n'
                           f'[events]\nqueue = "{queue}"\n[vending]\nbucket = "s3://acme-accounts/new"\n')
    put = lambda key, body: s3.put_object(Bucket="acme-accounts", Key=key, Body=body.encode())
    told = lambda: [call["body"]["alert"]["news"]["rows"]["new"]["rows"][0]["values"]
                    for call in receiver.told() if "vending/lists" in str(call["body"])]
    words = lambda name: " ".join(row["said"] for row in told() if name in row["list"])
    put("new/shop.csv", f"{HEADER}\n{row('drop-1')}\n{row('drop-2', 'Nowhere')}\n")
    check("a dropped list is reported", wait(lambda: words("new/shop.csv"), 60, server.process, every=0.5), server.said()[-1200:])
    said = words("new/shop.csv")
    check("with its rows, and the command that carries it out", said.startswith("1 VALID, 1 INVALID; nothing was made") and "hallpass org plan resume " in said, said)
    result = list(csv.DictReader(io.StringIO(s3.get_object(Bucket="acme-accounts", Key="new/shop.result.csv")["Body"].read().decode())))
    check.equal("the result lies beside it", [(it["Status"], it["ErrorMsg"]) for it in result], [("VALID", ""), ("INVALID", "OrgUnit does not exist")])
    check.equal("nothing was made", (calls(world, "CreateAccount"), calls(world, "MoveAccount")), ([], []))
    put("new/bad.csv", f"{HEADER}\nq-1,\"ana,,,,,,,\n")
    put("new/shop.xlsx", "no list")
    put("old/shop.csv", f"{HEADER}\n{row('drop-3')}\n")
    put("new/large.csv", HEADER + "\n" + "\n".join(row(f"large-{number}") for number in range(60)) + "\n")
    check("an invalid list is reported, with its place", wait(lambda: "2:5: the quote that opens here is never closed" in words("new/bad.csv"), 60, server.process, every=0.5), told())
    check("so is another type", wait(lambda: "lists of accounts end in `.csv`" in words("new/shop.xlsx"), 60, server.process, every=0.5), told())
    check("and one that would change too much", wait(lambda: "no plan is saved" in words("new/large.csv") and "50 are allowed" in words("new/large.csv"), 90, server.process, every=0.5), told())
    check.equal("nothing else is", len(told()), 4)
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"id": "e2e-s3-1", "source": "aws.s3", "detail-type": "Object Created", "detail": {"bucket": {}}}))
    parked = lambda: json.loads(world.run("org", "events", "list", "-o", "json").stdout)
    check("an event that names no object is parked in sight", wait(lambda: len(parked()) == 1, 60, server.process, every=1), parked())
    plan = said.split("hallpass org plan resume ")[1].split()[0]
    ran = world.run("plan", "resume", plan, "--apply")
    check("a person carries it out", ran.returncode == 0 and wait(lambda: "drop-1" in standing(world), 30) and standing(world).get("drop-1", ("", ""))[1] == "Prod", (ran.returncode, ran.stdout, ran.stderr))
    server.stop()


PARTS = {"server": lambda stage: goes_on(begun(stage)), "factory": by_factory, "bucket": dropped}


def main():
    for part in parts(*PARTS):
        with Stage(f"vend-{part}") as stage:
            PARTS[part](stage)
    check.end()


if __name__ == "__main__":
    main()
