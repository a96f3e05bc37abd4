#!/usr/bin/env python3
"""Ends that AWS enforces (`access.md` §21): with the server stopped in its tracks a live session is refused from the end on,
and nobody else's is; the end moves with the grant; what somebody holds by a group is never refused; other people's policies
stay as they are."""

import concurrent.futures
import contextlib
import datetime
import http.client
import json
import os
import re
import signal
import sqlite3
import time

import botocore.exceptions

from drilled import ANA, BO, CY, DEV, MANAGEMENT, PROD, TEST, OperatorsServer, denied, operators
from stage import Api, Checks, Stage, parts, wait

POLICY = f"hallpass-armed-ends-{DEV}"
# the instance is replicated there
HOME, OTHER = "eu-west-1", "eu-central-1"
# the part about its loss waits for so many seconds
LOST_AFTER = 120


class Server(OperatorsServer):
    """With ends armed."""

    def __init__(self, stage):
        wanted = operators("Operator", "Shared")
        wanted["identity_center"]["groups"] = [{"name": "Shift", "members": [CY]}]
        wanted["identity_center"]["assignments"].append({"account": DEV, "permission_set": "Shared", "group": "Shift"})
        wanted["identity_center"]["additional_regions"] = [OTHER]
        super().__init__(stage, wanted, ["Operator", "Shared"], "preferred")

    def configure(self, mode, more=""):
        self.write_configuration(f'[access.armed_ends]\nmode = "{mode}"\n{more}')

    def grant(self, who, grant):
        return self.api[who].get(f"/api/v1/grants/{grant['id']}").json

    def statements(self):
        org = self.world.org
        for policy in org.list_policies_for_target(TargetId=DEV, Filter="SERVICE_CONTROL_POLICY")["Policies"]:
            if policy["Name"] == POLICY:
                return json.loads(org.describe_policy(PolicyId=policy["Id"])["Policy"]["Content"])["Statement"]
        return []


def refused_after(statements, name):
    for statement in statements:
        if f"AWSReservedSSO_{name}_" in statement["Condition"]["ArnLike"]["aws:PrincipalArn"]:
            return statement["Condition"]["DateGreaterThan"]["aws:CurrentTime"]
    return None


def armed_and_moved(check, server):
    hers = server.take(ANA)
    told = server.grant(ANA, hers)
    check("an end is in force when the access is", told.get("armed_until"), told)
    # the time counts from when the access was seen: the instant follows, within the pause between two writes
    told = wait(lambda: follows(server, ANA, hers), 30)
    check("and it is that of the access", told, server.grant(ANA, hers))
    check.equal("by one policy on the account", server.world.ours(), {POLICY: [DEV]})
    check.equal("AWS has that instant", refused_after(server.statements(), "Operator"), told["armed_until"])
    (ana, _), (bo, _) = server.world.login(ANA, "Operator"), server.world.login(BO, "Operator")
    check("her session works, and his", not denied(ana.list_roles) and not denied(bo.list_roles))
    longer = server.api[ANA].post(f"/api/v1/grants/{hers['id']}/extend", {"duration_seconds": 7200})
    check("it is extended", longer.status == 201, longer)
    shown = server.grant(ANA, hers)
    check("no one is shown a later end than AWS has", shown["ends_at"] <= shown["armed_until"], shown)
    # a notice that waits is in the log, too
    tells = lambda line: re.search(r'news\W+extended', line) and "not be delivered" not in line
    heard = wait(lambda: any(map(tells, server.stage.said("serve.log").splitlines())), 70)
    check("the extending user is notified when AWS has the later end", heard and refused_after(server.statements(), "Operator") > told["armed_until"],
          (bool(heard), server.statements(), told["armed_until"]))
    moved = wait(lambda: server.grant(ANA, hers).get("armed_until", "") > told["armed_until"] and server.grant(ANA, hers), 20)
    check("AWS's instant moves with it", moved and refused_after(server.statements(), "Operator") == moved["armed_until"], moved)
    released = server.api[ANA].post(f"/api/v1/grants/{hers['id']}/release", {})
    check("ended early", released.status < 300, released)
    check("her live session is refused", wait(lambda: denied(ana.list_roles), 30), server.stage.said("serve.log"))
    check("his is not", not denied(bo.list_roles))
    check("she has it again, and new sessions work", server.take(ANA) and wait(lambda: not denied(server.world.login(ANA, "Operator")[0].list_roles), 20))
    check("the log has each step", len(server.records("end.armed")) == 1 and len(server.records("end.rearmed")) >= 2)
    rows = server.stage.run("grants", "-o", "json", HALLPASS_SERVER=f"http://127.0.0.1:{server.port}", HALLPASS_TOKEN=server.api[ANA].token)
    listed = json.loads(rows.stdout)
    listed = listed["items"] if isinstance(listed, dict) else listed
    check("the command line lists it", any(row.get("armed_until") for row in listed), rows.stdout[:600])


def never_where_it_would_hit_what_stands(check, server):
    (cy, _) = server.world.login(CY, "Shared")
    # its end is waited for, so no longer than a machine as slow as this needs for the looks before it
    his = server.take(CY, "Shared", seconds=max(25, min(90, int(6 * server.starts_in))))
    told = server.grant(CY, his)
    check("held by a group: not armed, and why", "group" in told.get("not_armed", "") and "armed_until" not in told, told)
    check("the log says so", [row["grant_id"] for row in server.records("end.arm_failed")] == [his["id"]], server.records("end.arm_failed"))
    check("his grant ends", wait(lambda: server.grant(CY, his)["state"] == "ended", 60), server.stage.said("serve.log"))
    check("and what he has by the group works on", not denied(cy.list_roles))
    theirs = server.take(ANA, account=MANAGEMENT)
    told = server.grant(ANA, theirs)
    check("the management account is not armed, and why", "armed_until" not in told and "management account" in told.get("not_armed", ""), told)
    recorded = [row["grant_id"] for row in server.records("end.arm_failed")]
    check.equal("and the log says so once", recorded.count(theirs["id"]), 1)
    metrics = server.api[ANA].get("/metrics").body.decode()
    check("and the metric", 'hallpass_armed_ends{state="never_armed"} 1' in metrics, [line for line in metrics.splitlines() if "armed_ends" in line])


def policies_of_others_stay(check, server):
    org, before = server.world.org, server.statements()
    mine = {"Version": "2012-10-17", "Statement": [{"Sid": "Mine", "Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"}]}
    other = org.create_policy(Name="mine", Description="x", Type="SERVICE_CONTROL_POLICY", Content=json.dumps(mine))["Policy"]["PolicySummary"]["Id"]
    org.attach_policy(PolicyId=other, TargetId=DEV)
    server.take(ANA, "Shared", seconds=1800)
    check("one more end, in the same policy", len(server.statements()) == len(before) + 1, server.statements())
    text = org.describe_policy(PolicyId=other)["Policy"]["Content"]
    check.equal("another author's policy is unchanged", json.loads(text), mine)


def required(check, server):
    server.stop()
    server.configure("required")
    server.start()
    asked = server.ask(ANA, account=MANAGEMENT)
    check("required: nothing is given where no policy has an effect", asked.status == 403 and "management account" in json.dumps(asked.json), asked)
    root = server.world.root
    server.world.org.disable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    failed = server.take(CY, "Operator", account="test", state="failed")
    check("and not where AWS takes no policy, with the reason", "not enabled" in failed.get("error", ""), failed)
    org = server.world.org
    org.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    enabled = lambda: any(kind["Status"] == "ENABLED" for kind in org.list_roots()["Roots"][0]["PolicyTypes"])
    check("policies are enabled again", wait(enabled, 60))


def follows(server, who, grant):
    """The grant once AWS's instant, a whole minute, is after its end, which counts from when the access was seen: until then that
    end is told as AWS has it."""
    now = server.grant(who, grant)
    return now if now.get("armed_until", "") > now["ends_at"] else None


def refused(sessions):
    """Of live sessions, who is refused."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda session: denied(session.list_roles), sessions))


def region_off(check, server):
    """Identity Center answers nobody any more in its home Region."""
    for service in ("sso", "identitystore", "sso-oauth", "awsssoportal"):
        cut = server.world.sim.post("/_sim/faults", {"kind": "drop_before_effect", "how": "close", "match": {"service": service, "region": HOME}})
        check(f"{service} answers no more in the home Region", cut.status < 300, cut)


def everything_of_ours_stopped(check, server):
    """Server and guard hang with two hundred live sessions, and the home Region is off; AWS's clock goes on."""
    held = [(who, name, account) for who in (ANA, CY) for name in ("Operator", "Shared") for account in ("dev", "test", "prod")
            # by his group, too
            if (who, name, account) != (CY, "Shared", "dev")]
    grants = [(who, server.take(who, name, account, seconds=300)) for who, name, account in held]
    check.equal("all are armed", [server.grant(who, it).get("not_armed") for who, it in grants if not wait(lambda: follows(server, who, it), 60)], [])
    ends = [datetime.datetime.fromisoformat(server.grant(who, it)["ends_at"]).timestamp() for who, it in grants]
    each = 200 // len(held) + 1
    live = lambda who, name, account: server.world.client("iam", server.world.keys(who, name, {"dev": DEV, "test": TEST, "prod": PROD}[account]))
    sessions = [live(*it) for it in held for _ in range(each)]
    ends = [end for end in ends for _ in range(each)]
    (bo, _) = server.world.login(BO, "Operator")
    guard = server.stage.spawn("guard", log="guard.log", **server.environment)
    check("a guard watches", wait(lambda: "guard" in server.stage.said("guard.log"), 30, guard), server.stage.said("guard.log"))
    for process in (server.process, guard):
        os.kill(process.pid, signal.SIGSTOP)
    region_off(check, server)
    ahead, early, late, again, before = 0, set(), set(), set(), [False] * len(sessions)
    while time.time() + ahead < max(ends) + 120:
        since = time.time() + ahead
        now = refused(sessions)
        until = time.time() + ahead
        early |= {index for index, it in enumerate(now) if it and until < ends[index]}
        late |= {index for index, it in enumerate(now) if not it and since > ends[index] + 60}
        again |= {index for index, it in enumerate(now) if before[index] and not it}
        before = now
        server.world.sim.post("/_sim/advance", {"seconds": 15})
        ahead += 15
    check.equal(f"{len(sessions)} live sessions work until their end", (len(sessions) >= 200, early), (True, set()))
    check.equal("AWS refuses each independently, a minute after its end at most", (late, all(before)), (set(), True))
    check.equal("and none that was refused works again", again, set())
    check("no one else is refused", not denied(bo.list_roles))
    check("the Region is back", server.world.sim.call("DELETE", "/_sim/faults").status < 300)
    for process in (server.process, guard):
        os.kill(process.pid, signal.SIGCONT)
    over = lambda: all(server.grant(who, it)["state"] == "ended" for who, it in grants)
    check("the server resumes and ends them all", wait(over, 120), server.stage.said("serve.log"))
    server.stage.stop(guard)


def standing_appears(check, server):
    """Somebody gives her the same by a group, beside an end that is armed: it is not refused (`access.md` §21, A-4)."""
    hers = server.take(ANA, "Operator", seconds=100)
    told = wait(lambda: follows(server, ANA, hers), 30)
    check("armed", told, server.grant(ANA, hers))
    (ana, _) = server.world.login(ANA, "Operator")
    for change in ({"create_assignment": {"account": DEV, "permission_set": "Operator", "group": "Shift"}}, {"add_member": {"group": "Shift", "user": ANA}}):
        made = server.world.sim.post("/_sim/mutate", change)
        check(f"another author's {next(iter(change))}", made.status < 300, made)
    # AWS's instant is up to a minute after the end, and the look half a minute before it: the grant may be over, and tells no more of it
    disarmed = lambda: next((row for row in server.records("end.disarmed") if row["grant_id"] == hers["id"]), None)
    row = wait(disarmed, 180, server.process)
    is_before = row and datetime.datetime.fromisoformat(row["time"]) < datetime.datetime.fromisoformat(told["armed_until"])
    check("it is disarmed before its instant, with the reason", is_before and "group" in row["error"], (row, told))
    check.equal("AWS has no such statement", refused_after(server.statements(), "Operator"), None)
    check("her grant ends", wait(lambda: server.grant(ANA, hers)["state"] == "ended", 120), server.stage.said("serve.log")[-900:])
    server.world.sim.post("/_sim/advance", {"seconds": 120})
    check("and what she has by the group works on, in the session of before", not denied(ana.list_roles))


def envelope(record):
    """As EventBridge sends a call that CloudTrail recorded."""
    return json.dumps({"version": "0", "id": record["eventID"], "detail-type": "AWS API Call via CloudTrail", "source": "aws.sso",
                       "account": record["recipientAccountId"], "time": record["eventTime"], "region": record["awsRegion"], "resources": [], "detail": record})


def told_by_an_event(check, server):
    """Somebody gives a group of hers what she holds beside an end that is armed, and CloudTrail's record of that very call comes by
    the queue: it is disarmed within seconds (`access.md` §21, A-4)."""
    world = server.world
    sqs, center, store, trail = (world.client(name, world.environment, attempts=5) for name in ("sqs", "sso-admin", "identitystore", "cloudtrail"))
    url = sqs.create_queue(QueueName="hallpass-events")["QueueUrl"]
    server.configure("preferred", f'[events]\nqueue = "{url}"\n')
    server.stop()
    server.start()
    instance = center.list_instances()["Instances"][0]
    arn = instance["InstanceArn"]
    sets = center.list_permission_sets(InstanceArn=arn)["PermissionSets"]
    [operator] = [it for it in sets if center.describe_permission_set(InstanceArn=arn, PermissionSetArn=it)["PermissionSet"]["Name"] == "Operator"]
    groups = store.list_groups(IdentityStoreId=instance["IdentityStoreId"])["Groups"]
    [shift] = [it["GroupId"] for it in groups if it["DisplayName"] == "Shift"]
    hers, his = server.take(ANA, "Operator"), server.take(CY, "Operator", account="test")
    for who, grant in ((ANA, hers), (CY, his)):
        check(f"armed for {who}", wait(lambda who=who, grant=grant: follows(server, who, grant), 30), server.grant(who, grant))
    (ana, _) = world.login(ANA, "Operator")
    joined = world.sim.post("/_sim/mutate", {"add_member": {"group": "Shift", "user": ANA}})
    check("she comes into the group", joined.status < 300, joined)
    center.create_account_assignment(InstanceArn=arn, TargetId=DEV, TargetType="AWS_ACCOUNT", PermissionSetArn=operator, PrincipalType="GROUP", PrincipalId=shift)

    def recorded():
        wanted = [{"AttributeKey": "EventName", "AttributeValue": "CreateAccountAssignment"}]
        found = [json.loads(it["CloudTrailEvent"]) for it in trail.lookup_events(LookupAttributes=wanted)["Events"]]
        return next((it for it in found if (it["requestParameters"] or {}).get("principalType") == "GROUP"), None)

    record = wait(recorded, 120)
    check("CloudTrail has the call", record)
    before = len(server.records("end.disarmed"))
    sqs.send_message(QueueUrl=url, MessageBody=envelope(record))
    away = lambda: "group" in server.grant(ANA, hers).get("not_armed", "")
    # a look without an event comes after five minutes
    check("it is disarmed within seconds of the event, with the reason", wait(away, 20, server.process), (server.grant(ANA, hers), server.stage.said("serve.log")[-900:]))
    check("and reported once", len(server.records("end.disarmed")) == before + 1, server.records("end.disarmed"))
    check.equal("AWS has no such statement", refused_after(server.statements(), "Operator"), None)
    check("access that another user holds stays enforced", "armed_until" in server.grant(CY, his), server.grant(CY, his))
    check("her session works", not denied(ana.list_roles))
    # the record of a call of ours, as AWS sends it back: nobody is disarmed by it
    own = json.loads(json.dumps(record))
    own["eventID"] = "0" * 8
    own["requestParameters"] |= {"targetId": TEST, "principalType": "USER", "principalId": next(
        it["UserId"] for it in store.list_users(IdentityStoreId=instance["IdentityStoreId"])["Users"] if it["UserName"] == CY)}
    sqs.send_message(QueueUrl=url, MessageBody=envelope(own))
    numbers = lambda: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"])["Attributes"]
    check("the queue empties", wait(lambda: all(int(it) == 0 for it in numbers().values()), 60, server.process), numbers())
    check("what we gave ourselves stays armed", "armed_until" in server.grant(CY, his), server.grant(CY, his))
    parked = server.stage.run("org", "events", "list", "--output", "jsonl")
    check("and no event is parked", parked.returncode == 0 and not [it for it in parked.stdout.splitlines() if it.startswith("{")], parked.stdout)


def strangers_statement(check, server):
    """Somebody writes into our policy: new ends are armed no more in that account, and it is an alarm until it is gone (`access.md` §21, A-4)."""
    org = server.world.org
    alarm = lambda: 'hallpass_alarm{alarm="foreign_statement"} 1' in server.api[ANA].get("/metrics").body.decode()
    hers = server.take(ANA, "Operator")
    check("armed", wait(lambda: follows(server, ANA, hers), 30), server.grant(ANA, hers))
    [policy] = [it["Id"] for it in org.list_policies_for_target(TargetId=DEV, Filter="SERVICE_CONTROL_POLICY")["Policies"] if it["Name"] == POLICY]
    theirs = {"Sid": "Theirs", "Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"}
    write = lambda statements: org.update_policy(PolicyId=policy, Content=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    write([*server.statements(), theirs])
    check("the statement is there", wait(lambda: theirs in server.statements(), 30))
    his = server.take(CY, "Operator")
    check("nothing new is armed beside it, and the grant says why", "foreign statement" in server.grant(CY, his).get("not_armed", ""), server.grant(CY, his))
    check("what is in force stays", "armed_until" in server.grant(ANA, hers), server.grant(ANA, hers))
    other = server.take(CY, "Operator", account="test")
    check("other accounts go on", wait(lambda: "armed_until" in server.grant(CY, other), 30), server.grant(CY, other))
    check("it is an alarm", wait(alarm, 300, server.process, every=1), server.stage.said("serve.log")[-900:])
    ready = Api(f"http://127.0.0.1:{server.port}", server.api[BO].token).get("/readyz")
    check("the server stays ready, and says where", ready.status == 200 and "foreign statement" in ready.body.decode(), ready.body.decode())
    server.stop()
    server.start()
    check("a restart does not take it for over", alarm() or wait(alarm, 30, server.process), server.stage.said("serve.log")[-900:])
    write([it for it in server.statements() if it != theirs])
    check("his end is armed once it is gone", wait(lambda: "armed_until" in server.grant(CY, his), 200, server.process), server.grant(CY, his))
    check("and the alarm is over", wait(lambda: not alarm(), 200, server.process, every=1), server.stage.said("serve.log")[-900:])
    told = [line for line in server.stage.said("serve.log").splitlines() if "alarm is over" in line and "foreign_statement" in line]
    check("reported once", len(told) == 1, told)


def key_disabled(check, server):
    """The key of the instance is disabled at the moment of an end: an alarm of its own, AWS ends what is armed, and access is removed
    once the key is back (`access.md` §22, R-2)."""
    world = server.world
    kms, center = world.client("kms", world.environment), world.client("sso-admin", world.environment)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    instance = center.list_instances()["Instances"][0]["InstanceArn"]
    center.update_instance(InstanceArn=instance, EncryptionConfiguration={"KeyType": "CUSTOMER_MANAGED_KEY", "KmsKeyArn": key})
    alarm = lambda: 'hallpass_alarm{alarm="key_unusable"} 1' in server.api[ANA].get("/metrics").body.decode()
    # its end is waited for, so no longer than a machine as slow as this needs until the key is disabled
    hers = server.take(CY, "Operator", seconds=max(60, min(180, int(15 * server.starts_in))))
    check("armed", wait(lambda: follows(server, CY, hers), 30), server.grant(CY, hers))
    (cy, _), (bo, _) = world.login(CY, "Operator"), world.login(BO, "Operator")
    check("no alarm while the key works", not alarm())
    kms.disable_key(KeyId=key)
    check("a disabled key is a separate alarm", wait(alarm, 120, server.process, every=0.5), server.stage.said("serve.log")[-900:])
    ready = Api(f"http://127.0.0.1:{server.port}").get("/readyz")
    told = ready.body.decode()
    check("the server stays ready, with AWS's reason, and it is not the loss of a Region",
          ready.status == 200 and "KMS_D" in told and "has not answered" not in told, told)
    check("strangers see no key and no denied user", "arn:" not in told, told)
    check("AWS refuses her live session after its end", wait(lambda: denied(cy.list_roles), 150, server.process, every=1))
    check("and not his", not denied(bo.list_roles))
    check("her grant is not reported as ended: no one has verified it", server.grant(CY, hers)["state"] != "ended")
    kms.enable_key(KeyId=key)
    check("the alarm is over", wait(lambda: not alarm(), 60, server.process))
    check("her grant ends", wait(lambda: server.grant(CY, hers)["state"] == "ended", 60), server.stage.said("serve.log")[-900:])
    check("and access is given again", server.take(ANA))


def registers(server, region):
    """Whether the sign-in of a Region answers: the first call of `aws sso login`, told by the host's name."""
    body = json.dumps({"clientName": "x", "clientType": "public"})
    line = http.client.HTTPConnection(server.endpoint.removeprefix("http://"), timeout=60)
    try:
        line.request("POST", "/client/register", body, {"Host": f"oidc.{region}.amazonaws.com", "Content-Type": "application/json"})
        return line.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()


def never_armed(check, server, who, name, account):
    """A grant whose end Organizations would not take; whoever holds it is to be denied once the home Region has been lost for long."""
    refusal = {"kind": "error", "code": "AccessDeniedException", "http": 400, "message": "no"}
    cut = [server.world.sim.post("/_sim/faults", refusal | {"match": {"service": "organizations", "operation": it}})
           for it in ("CreatePolicy", "UpdatePolicy", "AttachPolicy")]
    grant = server.take(who, name, account, seconds=60)
    check("not armed: Organizations refuses", "armed_until" not in server.grant(who, grant), server.grant(who, grant))
    return grant, [fault for it in cut for fault in it.json["ids"]]


def restarted_in_the_loss(check, server):
    """The server is stopped and started while the home Region is away, and goes on with what it told of; nothing configured says which
    the instance is. When the loss began, and when the server was stopped."""
    said = lambda: server.api[ANA].get("/readyz").body.decode()
    since = lambda told: re.search(r"has not answered since (\S+ \S+) UTC", told)
    before = since(said())[1]
    stopped = datetime.datetime.now(datetime.timezone.utc)
    server.stop()
    logged_before = len(server.stage.said("serve.log"))
    server.start()
    told = said()
    check("it comes up again, and reports the loss from its begin", since(told) and since(told)[1] == before, (before, told))
    check("it reports that it continues with the earlier instance", "the earlier one stays in use" in server.stage.said("serve.log")[logged_before:],
          server.stage.said("serve.log")[logged_before:][:900])
    return datetime.datetime.fromisoformat(before + "+00:00"), stopped


def home_region_lost(check, server):
    """Identity Center's home Region answers nobody: it is told as that, nothing is given, AWS ends what is armed, and what could
    not be removed is when the Region is back (`access.md` §22, R-1)."""
    alarm = lambda: 'hallpass_alarm{alarm="home_region_lost"} 1' in server.api[ANA].get("/metrics").body.decode()
    hers = server.take(CY, "Operator", seconds=120)
    check("armed", wait(lambda: follows(server, CY, hers), 30), server.grant(CY, hers))
    (cy, _), (bo, _) = server.world.login(CY, "Operator"), server.world.login(BO, "Operator")
    sim = server.world.sim
    check("people can sign in by both Regions", registers(server, HOME) and registers(server, OTHER))
    known = lambda: f"sign in through {OTHER}" in server.api[ANA].get("/readyz").body.decode()
    check("the server knows by which Regions people sign in", wait(known, 30, server.process), server.api[ANA].get("/readyz").body.decode())
    his, cut = never_armed(check, server, CY, "Shared", "test")
    (overdue, _) = server.world.login(CY, "Shared", TEST)
    region_off(check, server)
    check("no immediate alarm", not alarm())
    for fault in cut:
        sim.call("DELETE", f"/_sim/faults/{fault}")
    check("no one signs in there, and all users do in the other Region", not registers(server, HOME) and registers(server, OTHER))
    signed = sim.post("/_sim/login", {"user": BO, "account": DEV, "permission_set": "Operator", "region": OTHER})
    check("and gets to accounts", signed.status == 200, signed)
    away = server.world.client("sso-admin", server.environment, region=OTHER)
    instance = json.loads(server.stage.path("organization.json").read_text())["identity_center"]["instance_arn"]
    regions = away.list_regions(InstanceArn=instance)["Regions"]
    check.equal("the other Region says what the instance is", [it["RegionName"] for it in regions], [HOME, OTHER])
    try:
        away.list_permission_sets(InstanceArn=instance)
        check("and lists nothing", False)
    except botocore.exceptions.ClientError as error:
        check("and lists nothing", "AccessDenied" in str(error), error)
    check("the loss is a separate alarm", wait(alarm, 120, server.process, every=0.5), server.stage.said("serve.log")[-900:])
    ready = server.api[ANA].get("/readyz")
    told = ready.body.decode()
    check("the server is ready, and says what is lost", ready.status == 200 and "home Region" in told, told)
    check("and by which Region people go on signing in", f"people still sign in through {OTHER}" in told, told)
    asked = server.ask(ANA)
    check("no user can be looked up: nothing is requested, and the answer reports it", asked.status == 503 and asked.json["code"] == "person-unchecked"
          and "home Region" in json.dumps(asked.json), asked)
    since, stopped = restarted_in_the_loss(check, server)
    check("AWS refuses her live session after its end", wait(lambda: denied(cy.list_roles), 120, server.process, every=1))
    check("and not his", not denied(bo.list_roles))
    waiting = server.grant(CY, hers)
    check("her grant is not reported as ended: no one has verified it", waiting["state"] == "ending" and waiting.get("aws_silent_since"), waiting)
    listed = server.stage.run("grants", "--state", "ending", HALLPASS_SERVER=f"http://127.0.0.1:{server.port}", HALLPASS_TOKEN=server.api[CY].token)
    check("the command line says what it waits for", "aws_silent_since" in listed.stdout, listed)
    check("AWS refuses who is overdue and was never armed", wait(lambda: denied(overdue.list_roles), 180, server.process, every=1),
          (server.grant(CY, his), server.stage.said("serve.log")[-900:]))
    [record] = [row for row in server.records("end.denied") if row["grant_id"] == his["id"]]
    after = (datetime.datetime.fromisoformat(record["time"]) - since).total_seconds()
    # who counts from the restart comes so much later at least
    anew = max(60, (stopped - since).total_seconds())
    check("from the configured time after the begin: a restart does not reset it", LOST_AFTER <= after < LOST_AFTER + anew, (since, stopped, record))
    gone = sim.call("DELETE", "/_sim/faults")
    check("the Region is back", gone.status < 300, gone)
    check("the alarm is over", wait(lambda: not alarm(), 60, server.process))
    ended = lambda grant: server.grant(CY, grant)["state"] == "ended"
    check("their grants end", wait(lambda: ended(hers) and ended(his), 60), server.stage.said("serve.log")[-900:])
    check("and wait for nothing any more", "aws_silent_since" not in server.grant(CY, hers), server.grant(CY, hers))
    check("and access is given again", server.take(ANA))
    confirmed = lambda: "AWS confirms the stored instance" in server.stage.said("serve.log")
    check("AWS was asked whether the instance is still that", wait(confirmed, 60, server.process), server.stage.said("serve.log")[-900:])
    another_instance(check, server)


def another_instance(check, server):
    """The store has another instance of before than AWS tells of once the Region is back: the server says so and stops in order, and
    the next start goes on with AWS's."""
    other = "arn:aws:sso:::instance/ssoins-fedcba9876543210"
    server.stop()
    region_off(check, server)
    with contextlib.closing(sqlite3.connect(server.stage.path("hallpass.db"))) as store:
        [(kept,)] = store.execute("SELECT bytes FROM blobs WHERE key = 'instance'").fetchall()
        known = json.loads(kept) | {"instance_arn": other}
        store.execute("UPDATE blobs SET bytes = ? WHERE key = 'instance'", (json.dumps(known).encode(),))
        store.commit()
    server.start()
    check("the Region is back", server.world.sim.call("DELETE", "/_sim/faults").status < 300)
    check("the server stops", wait(lambda: server.process.poll() is not None, 90), server.stage.said("serve.log")[-900:])
    said = server.stage.said("serve.log")[-3000:]
    check("with exit 1, and names both", server.process.returncode == 1 and other in said and "AWS reports instance" in said, said)
    server.start()
    check("the next start uses the current instance", server.take(CY, "Shared", "prod"))


def from_delegated_administrator(check, server):
    """What doctor says in the account that the guide recommends: AWS lets it write policies where the management account says so."""
    org, service = server.world.org, {"AccountId": PROD, "ServicePrincipal": "sso.amazonaws.com"}
    org.register_delegated_administrator(**service)
    keys = server.world.sim.get(f"/_sim/credentials?account={PROD}").json
    theirs = {name: value for name, value in server.environment.items() if name != "AWS_SESSION_TOKEN"}
    theirs.update(AWS_ACCESS_KEY_ID=keys["access_key_id"], AWS_SECRET_ACCESS_KEY=keys["secret_access_key"])
    own = server.world.client("organizations", theirs, attempts=10)
    def said():
        ran = server.stage.run("doctor", "--output", "jsonl", timeout=120, **theirs)
        rows = [json.loads(line) for line in ran.stdout.splitlines()]
        return ran.returncode, [(row["result"], row["detail"], row["remedy"]) for row in rows if row["check"] == "ends armed at AWS"]
    wanted = {"Name": "hallpass-try", "Description": "x", "Type": "SERVICE_CONTROL_POLICY",
              "Content": json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"}]})}
    refused = lambda call, **what: raises(call, **what) == "AccessDeniedException"
    check("AWS refuses", refused(own.create_policy, **wanted))
    code, rows = said()
    problem = [it for it in rows if it[0] == "problem"]
    check("doctor says what the management account does not let it do, and what to do", code == 1 and len(problem) == 1
          and f"does not let account {PROD} do organizations:AttachPolicy, organizations:CreatePolicy" in problem[0][1]
          and "--delegation-policy" in problem[0][2], rows)
    theirs_before = {"Version": "2012-10-17", "Statement": [{"Sid": "Theirs", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{TEST}:root"},
                                                             "Action": "organizations:ListPolicies", "Resource": "*"}]}
    org.put_resource_policy(Content=json.dumps(theirs_before))
    printed = server.stage.run("doctor", "--delegation-policy", timeout=120, **theirs)
    statements = json.loads(printed.stdout)["Statement"]
    check("the printed policy keeps the existing statements", printed.returncode == 0 and statements[0] == theirs_before["Statement"][0] and len(statements) == 3, printed)
    org.put_resource_policy(Content=printed.stdout)
    code, rows = said()
    check("with that it is delegated", code == 0 and any(it[0] == "ok" and f"lets account {PROD} write" in it[1] for it in rows), rows)
    made = own.create_policy(**wanted)["Policy"]["PolicySummary"]["Id"]
    own.attach_policy(PolicyId=made, TargetId=DEV)
    root = org.list_roots()["Roots"][0]["Id"]
    check("and AWS takes it, on accounts alone", refused(own.attach_policy, PolicyId=made, TargetId=root))
    own.detach_policy(PolicyId=made, TargetId=DEV)
    own.delete_policy(PolicyId=made)
    server.world.sim.post("/_sim/load?merge=1", {"version": 1, "behaviour": {"principal_listing_from_delegated": "deny"}})
    code, rows = said()
    check("where AWS does not say who holds the same otherwise, it is a problem",
          code == 1 and any(it[0] == "problem" and "other access of people cannot be read" in it[1] for it in rows), rows)
    server.world.sim.post("/_sim/load?merge=1", {"version": 1, "behaviour": {"principal_listing_from_delegated": "allow"}})
    managed = server.stage.run("doctor", "--delegation-policy", timeout=120, **server.environment)
    check("the management account needs none", managed.returncode == 2 and "without a delegation policy" in managed.stderr, managed)
    org.delete_resource_policy()
    org.deregister_delegated_administrator(**service)


def raises(call, **what):
    """AWS's name for why a call is refused; none where it is not."""
    try:
        call(**what)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    return None


def doctors(check, server):
    """What doctor says of Regions and of room for policies (`access.md` §21, A-5, and §22, R-1)."""
    def said(code=0):
        ran = server.stage.run("doctor", "--output", "jsonl", timeout=120, **server.environment)
        check.equal(f"doctor exits {code}", ran.returncode, code)
        rows = [json.loads(line) for line in ran.stdout.splitlines()]
        return lambda name: [(row["result"], row["detail"]) for row in rows if row["check"] == name]
    rows = said()
    (result, detail), = rows("regions")
    check("the Regions of the instance, where ends are armed", result == "ok" and OTHER in detail and "AWS enforces expiry" in detail, detail)
    places = [it for it in rows("ends armed at AWS") if "looked into" in it[1]]
    check.equal("room for policies, and what was looked into", places, [("ok", "places for policies are free: 3 accounts that rules reach were looked into")])
    check.equal("an instance without network controls", [it[0] for it in rows("network")], ["ok"])
    asked = [it for it in rows("ends armed at AWS") if "other access of people" in it[1]]
    check.equal("it is asked who holds the same in another way", [it[0] for it in asked], ["ok"])
    check("the configuration does not allow writing policies", all("lets account" not in it[1] for it in rows("ends armed at AWS")), rows("ends armed at AWS"))
    from_delegated_administrator(check, server)
    org, deny = server.world.org, json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"}]})
    # FullAWSAccess has the tenth place
    for number in range(9):
        made = org.create_policy(Name=f"theirs-{number}", Description="x", Type="SERVICE_CONTROL_POLICY", Content=deny)
        org.attach_policy(PolicyId=made["Policy"]["PolicySummary"]["Id"], TargetId=TEST)
    full = lambda rows: [it for it in rows("ends armed at AWS") if "no place" in it[1]]
    check("an account without a place is named", full(said())[0][0] == "warning" and TEST in full(said())[0][1], full(said()))
    server.configure("required")
    (result, detail), = full(said(1))
    check("a problem where ends have to be armed", result == "problem" and TEST in detail, detail)
    server.configure("off")
    rows = said()
    (result, detail), = rows("regions")
    check("people go on signing in while nothing can end: a warning", result == "warning" and f"sign in through {OTHER}" in detail, detail)
    check.equal("places are not looked at", rows("ends armed at AWS"), [])
    statements = json.loads(server.stage.run("doctor", "--iam-policy").stdout)["Statement"]
    check("the least policy has what is called", any("sso:ListRegions" in it["Action"] for it in statements), statements)
    server.configure("preferred")
    # an additional Region shows the instance, and nothing in it
    server.stop()
    elsewhere = {**server.environment, "AWS_REGION": OTHER, "AWS_DEFAULT_REGION": OTHER}
    refused = server.stage.run("serve", **elsewhere)
    check("no server starts in an additional Region", refused.returncode == 1 and f"its home Region is {HOME}" in refused.stderr, refused.stderr[-600:])
    server.start()


def measuring(server, *arguments, **more):
    return server.stage.run("doctor", "--measure-armed-ends", *arguments, "--output", "jsonl", **{"timeout": 300, **server.environment, **more})


def logged(server, operation, about=""):
    """Calls of AWS's own log, oldest first: instant in seconds, and whether it was denied. Those that AWS was too busy for are none."""
    calls = server.world.sim.get(f"/_sim/calls?operation={operation}&limit=10000").json["calls"]
    instant = lambda it: datetime.datetime.fromisoformat(it["at"].replace("Z", "+00:00")).timestamp()
    return sorted((instant(it), it["outcome"] == "denied") for it in calls if it["outcome"] in ("ok", "denied") and about in json.dumps(it["request"]))


def propagation_measured(check, server):
    """How soon AWS applies a policy, by a role that exists for that: what is said is what AWS's own log of calls has, nothing of it
    stays, and it is not begun where it would be in the way (`access.md` §21, A-5)."""
    world, org = server.world, server.world.org
    nothing = measuring(server, "--yes")
    check("without a role it says how to make one", nothing.returncode == 2 and "iam:ListAccountAliases" in nothing.stderr, nothing.stderr)
    # ends were armed before, and stay armed
    hers = server.take(ANA)
    check("armed", wait(lambda: follows(server, ANA, hers), 30), server.grant(ANA, hers))
    armed = server.statements()
    keys = world.sim.get(f"/_sim/credentials?account={DEV}").json
    iam = world.client("iam", {"AWS_ACCESS_KEY_ID": keys["access_key_id"], "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"]}, attempts=10)
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName="hallpass-probe", Path="/ops/", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.attach_role_policy(RoleName="hallpass-probe", PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    server.configure("preferred", f'probe_role = "{role}"\n')
    statements = json.loads(server.stage.run("doctor", "--iam-policy").stdout)["Statement"]
    check("the least policy has the role, and no other", [it["Resource"] for it in statements if "sts:AssumeRole" in it["Action"]] == [role], statements)
    asked = measuring(server)
    check("it asks first, and says what it does", asked.returncode == 4 and f"hallpass-propagation-{DEV}" in asked.stderr, asked.stderr)
    check.equal("nothing was written", logged(server, "CreatePolicy", "hallpass-propagation"), [])
    # an earlier run was killed with its end in force
    left = [{"Sid": "HallpassPropagation", "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {
        "ArnLike": {"aws:PrincipalArn": role}, "DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}}]
    left = org.create_policy(Name=f"hallpass-propagation-{DEV}", Description="x", Type="SERVICE_CONTROL_POLICY",
                             Content=json.dumps({"Version": "2012-10-17", "Statement": left}))["Policy"]["PolicySummary"]["Id"]
    org.attach_policy(PolicyId=left, TargetId=DEV)
    world.sim.post("/_sim/calls/reset", {})
    ran = measuring(server, "--yes")
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    check("it measures, after what a killed run left is gone", ran.returncode == 0 and len(rows) == 10, (ran.returncode, ran.stdout, ran.stderr))
    check.equal("nothing is left, and what is armed is as it was", (world.ours(), server.statements()), ({POLICY: [DEV]}, armed))
    tries, moves = logged(server, "ListAccountAliases"), logged(server, "UpdatePolicy", "HallpassPropagation")
    check.equal("each end is moved once, there and back", len(moves), 8)
    for (moved, _), (until, _), row in zip(moves, [*moves[1:], (tries[-1][0] + 1, None)], rows):
        wanted = row["until"] == "refused"
        # from the first of those that stay
        within = [at for at, denied in tries if moved < at < until and denied == wanted]
        others = [at for at, denied in tries if moved < at < until and denied != wanted]
        settled = next(at for at in within if all(other < at for other in others))
        after = next((at for at, _ in tries if at > settled), settled + 60)
        before = max(at for at, _ in tries if at < moved)
        # the answer is heard before the next try, and the move is sent after the one before
        check(f"round {row['round']}, {row['until']}: the seconds are those of AWS's log", settled - moved <= row["seconds"] <= after - before + 0.1,
              (row, settled - moved, after - before))
    worst = lambda until, name: max(row[name] for row in rows if row["until"] == until and row["round"] in "123")
    check("the worst of each", all(row["seconds"] == worst(row["until"], "seconds") for row in rows if row["round"] == "worst"), rows)
    check("policies were late, as they are set to be", any(row.get("last_other_seconds", 0) > 0 for row in rows), rows)
    process = server.stage.spawn("doctor", "--measure-armed-ends", "--yes", log="probe.log", **server.environment)
    check("it runs", wait(lambda: f"hallpass-propagation-{DEV}" in world.ours(), 30, process), server.stage.said("probe.log"))
    process.send_signal(signal.SIGINT)
    check("who stops it", process.wait(120) == 1 and "was stopped" in server.stage.said("probe.log"), server.stage.said("probe.log"))
    check.equal("leaves nothing", world.ours(), {POLICY: [DEV]})
    deny = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"}]})
    # with `FullAWSAccess` and the policy of armed ends one place of ten is free
    for number in range(7):
        made = org.create_policy(Name=f"theirs-{number}", Description="x", Type="SERVICE_CONTROL_POLICY", Content=deny)
        org.attach_policy(PolicyId=made["Policy"]["PolicySummary"]["Id"], TargetId=DEV)
    full = measuring(server, "--yes")
    check("the last place is not taken", full.returncode == 4 and "last place" in full.stderr, full.stderr)
    check("and was not for a moment", f"hallpass-propagation-{DEV}" not in world.ours())


def ends(check, server):
    armed_and_moved(check, server)
    never_where_it_would_hit_what_stands(check, server)
    policies_of_others_stay(check, server)
    required(check, server)


PARTS = {"ends": ends, "stopped": everything_of_ours_stopped, "standing": standing_appears, "told": told_by_an_event,
         "foreign": strangers_statement, "region": home_region_lost, "key": key_disabled,
         "doctor": doctors, "probe": propagation_measured}


def main():
    check = Checks()
    for part in parts(*PARTS):
        with Stage(f"armed-{part}") as stage:
            server = Server(stage)
            if part == "stopped":
                server.configure("preferred", '[guard]\njournal = "guard"\n[audit.export]\ntarget = "dir:audit"\n')
            if part == "region":
                server.configure("preferred", f'[access]\nhome_region_lost_after = "{LOST_AFTER}s"\n')
            began = time.monotonic()
            server.start()
            server.starts_in = time.monotonic() - began
            PARTS[part](check, server)
            server.end_well(check)
    check.end()


if __name__ == "__main__":
    main()
