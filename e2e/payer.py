#!/usr/bin/env python3
"""The audit of a shared payer account: what `hallpass org payer audit` says of the simulated management account is what
boto3 reads there; what cannot be read is `unknown`, with the action, and never passes (`organization.md` §8). And a sign-in
of its root user is told to both parties, once."""

import json
import logging
import time
import xml.etree.ElementTree

import boto3
import botocore.exceptions
from moto.server import ThreadedMotoServer

from mail import PASSWORD, Inbox
from served import NOOR, Served
from stage import ROOT, Api, Checks, Stage, free_port, wait

check = Checks()


def client(service, environment):
    return boto3.client(service, endpoint_url=environment["AWS_ENDPOINT_URL"], region_name=environment["AWS_REGION"],
                        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"], aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"])


def agreed(account, domain="customer.example", more=""):
    return (f'payer: "{account}"\n'
            'partner: {account: "100000000050", email_domain: partner.example, roles: [PartnerBilling]}\n'
            f'customer: {{account: "100000000060", email_domain: {domain}, roles: [CustomerSecurity], phones: ["+1 555 0111"]}}\n{more}')


def audit(stage, environment, *words):
    ran = stage.run("org", "payer", "audit", "payer.yaml", *words, "-o", "json", timeout=120, **environment)
    return ran, {it["id"]: it for it in json.loads(ran.stdout)} if ran.stdout else {}


class Targets:
    """Where else alerts go: a topic that fills a queue and another queue, moto's; Security Hub, the simulator's."""

    def __init__(self, aws):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        port = free_port()
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
        self.server.start()
        there = {**aws, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
        self.sns, self.sqs, self.hub = client("sns", there), client("sqs", there), client("securityhub", aws)
        topic = self.sns.create_topic(Name="alerts.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
        made = [self.sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"] for name in ("topic.fifo", "alerts.fifo")]
        self.behind, self.queue = made
        arn = self.sqs.get_queue_attributes(QueueUrl=self.behind, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        self.configuration = (f'[[alerts.sns]]\nname = "ops"\ntopic = "{topic}"\n[[alerts.sqs]]\nname = "tickets"\nqueue = "{self.queue}"\n'
                              f'[alerts.security_hub]\nregion = "{aws["AWS_REGION"]}"\n')
        self.environment = {"AWS_ENDPOINT_URL": aws["AWS_ENDPOINT_URL"], "AWS_ENDPOINT_URL_SNS": there["AWS_ENDPOINT_URL"],
                            "AWS_ENDPOINT_URL_SQS": there["AWS_ENDPOINT_URL"]}
        self.got = {self.behind: [], self.queue: []}

    def taken(self, url):
        """Every message that a queue has had."""
        while messages := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages"):
            for message in messages:
                self.got[url].append(message)
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return self.got[url]

    def findings(self):
        pages = self.hub.get_paginator("get_findings").paginate()
        return [row for page in pages for row in page["Findings"] if row["Id"].startswith("hallpass/payer/root-sign-in/")]


def told_at_aws(targets, account):
    """The alert, once in each place, with one id."""
    check("a topic and a queue have it", wait(lambda: targets.taken(targets.behind) and targets.taken(targets.queue), 30))
    notice, message = json.loads(targets.got[targets.behind][0]["Body"]), targets.got[targets.queue][0]
    body = json.loads(message["Body"])
    check.equal("with one body", json.loads(notice["Message"]), body)
    check("and a subject for people", notice["Subject"].startswith("Critical: payer/root-sign-in: 1 new"), notice)
    row = body["alert"]["news"]["rows"]["new"]["rows"][0]
    check.equal("that has the row", (body["news"], row["values"]["account_id"], row["values"]["source_ip"]), ("alert", account, "8.8.8.8"))
    attributes = {name: it["StringValue"] for name, it in message["MessageAttributes"].items()}
    check.equal("and what receivers filter by", attributes, {"hallpass_delivery": body["id"], "rule": "payer/root-sign-in", "severity": "critical", "news": "rows"})
    check("Security Hub has a finding", wait(targets.findings, 30))
    found = targets.findings()
    check.equal("one, of the account", [(it["RecordState"], it["Severity"]["Label"], it["AwsAccountId"], it["Resources"][0]["Id"]) for it in found],
                [("ACTIVE", "CRITICAL", account, f"AWS::::Account:{account}")])
    time.sleep(3)
    check.equal("each place has it once", [len(targets.taken(url)) for url in (targets.behind, targets.queue)] + [len(targets.findings())], [1, 1, 1])


def told(stage):
    """A sign-in of the root user, delivered three times in two envelopes: a mail to each party, and nobody else."""
    inbox = Inbox()
    inbox.start()
    password = PASSWORD.replace("%", "%25").replace("/", "%2F").replace("@", "%40")
    served = Served(stage, extra=f'[mail]\nurl = "smtp://hallpass:{password}@127.0.0.1:{inbox.port}?tls=none"\nfrom = "Hallpass <hallpass@example.com>"\n')
    stage.stop(served.process)
    account = client("sts", stage.directory).get_caller_identity()["Account"]
    targets = Targets(stage.directory)
    sqs = targets.sqs
    url = sqs.create_queue(QueueName="sign-ins")["QueueUrl"]
    # moto's account is its own; the last words of the address are what is compared
    owner = url.split("/")[-2]
    text = agreed(account).replace("PartnerBilling]}", "PartnerBilling], notify: [ops@partner.example]}").replace('0111"]}', '0111"], notify: [soc@customer.example]}')
    path, file = stage.path("hallpass.toml"), stage.path("payer.yaml")
    plain = path.read_text().replace(f'endpoint_url = "{served.endpoint}"\n', "")
    path.write_text(plain + f'[events]\nqueue = "{url}"\n[payer]\nfile = "payer.yaml"\n' + targets.configuration)
    served.environment |= targets.environment
    for name, wrong, said in [("a party without notifications", agreed(account), "partner.notify"),
                              ("another queue", text + f'hallpass_queue: "arn:aws:sqs:us-east-1:{owner}:others"\n', "hallpass_queue")]:
        file.write_text(wrong)
        ran = stage.run("serve", **served.environment)
        check(f"{name} is exit 2", ran.returncode == 2 and said in ran.stderr, ran.stderr)
    file.write_text(text + f'hallpass_queue: "arn:aws:sqs:us-east-1:{owner}:sign-ins"\n')
    check("the server starts", served.start(), served.said()[-800:])
    event = json.loads((ROOT / "docs/spec/fixtures/org-root-login.json").read_text())
    event["account"] = event["detail"]["userIdentity"]["accountId"] = account
    somebody = json.loads(json.dumps(event))
    somebody["detail"]["userIdentity"]["type"], somebody["id"] = "IAMUser", "c0000001-0000-4000-8000-000000000001"
    began = time.monotonic()
    for body in (event, somebody, event, {**event, "id": "b0000001-0000-4000-8000-000000000001"}):
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))
    check("both parties have a mail within a minute", wait(lambda: len(inbox.taken) == 2, 60, served.process), (inbox.taken, served.said()[-1500:]))
    print(f"     {time.monotonic() - began:.1f} s", flush=True)
    check.equal("one each", sorted(to for _, to, _ in inbox.taken), [["ops@partner.example"], ["soc@customer.example"]])
    check("that says from where", all(b"8.8.8.8" in raw and account.encode() in raw for _, _, raw in inbox.taken), inbox.taken[0])
    empty = lambda: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["ApproximateNumberOfMessages"] == "0"
    check("the queue empties", wait(empty, 60, served.process))
    time.sleep(3)
    check.equal("and there is no second notification", len(inbox.taken), 2)
    told_at_aws(targets, account)
    rows = served.api(NOOR).get("/api/v1/alerts/rows?rule=payer/root-sign-in").json["items"]
    check.equal("it is among the alerts", [row["values"]["source_ip"] for row in rows], ["8.8.8.8"])
    stage.stop(served.process)
    targets.server.stop()
    inbox.stop()


def with_roles(sim, account):
    """A partner that may do billing and nothing else, and a customer that may do everything."""
    billing = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["billing:*", "ce:*", "tax:Get*"], "Resource": "*"}]}
    trust = [f"arn:aws:iam::{account}:root"]
    roles = [{"name": "PartnerBilling", "trust": trust, "inline": [billing]},
             {"name": "CustomerSecurity", "trust": trust, "policies": ["AdministratorAccess"]}]
    answer = sim.post("/_sim/load?merge=1", {"version": 1, "iam": {account: {"roles": roles}}})
    assert answer.status < 300, answer


def judged_roles(environment, account, found):
    """What the roles may do is what boto3 hears of it."""
    iam = client("iam", environment)

    def may(role, action):
        rows = iam.simulate_principal_policy(PolicySourceArn=f"arn:aws:iam::{account}:role/{role}", ActionNames=[action])["EvaluationResults"]
        return [it["EvalDecision"] for it in rows]

    for name, role, action, allowed, status in [
        ("customer-access", "CustomerSecurity", "s3:CreateBucket", True, "pass"),
        ("customer-no-billing", "CustomerSecurity", "ce:GetCostAndUsage", True, "fail"),
        ("customer-cannot-raise-itself", "CustomerSecurity", "iam:CreateRole", True, "fail"),
        ("partner-billing-only", "PartnerBilling", "ec2:RunInstances", False, "pass"),
        ("partner-cannot-raise-itself", "PartnerBilling", "iam:CreateRole", False, "pass"),
    ]:
        check.equal(f"{name} is what boto3 hears", (may(role, action), found[name]["status"]), (["allowed" if allowed else "implicitDeny"], status))
    for wrong, more in [("role/Nobody", {}), ("role/PartnerBilling", {"PolicyInputList": ["{}"]})]:
        try:
            iam.simulate_principal_policy(PolicySourceArn=f"arn:aws:iam::{account}:{wrong}", ActionNames=["s3:ListBucket"], **more)
            code = None
        except botocore.exceptions.ClientError as error:
            code = error.response["Error"]["Code"]
        check.equal(f"{wrong} with {sorted(more)} is refused", code, "InvalidInput" if more else "NoSuchEntity")


def taking_over(stage, sim, environment, account):
    """What takes over does not pass, though no sample that boto3 asks the simulation for has it."""
    iam = client("iam", environment)
    statement = lambda effect, *actions, **more: {"Effect": effect, "Action": list(actions), "Resource": "*", **more}
    work = {"CustomerSecurity": statement("Allow", "organizations:*", "s3:*", "cloudtrail:*", "cloudwatch:*", "cloudformation:*"),
            "PartnerBilling": statement("Allow", "aws-portal:*", "billing:*", "ce:*", "cur:*", "invoicing:*", "payments:*", "tax:*")}

    def having(role, more):
        rows = [{"name": name, "trust": [f"arn:aws:iam::{account}:root"],
                 "inline": [{"Version": "2012-10-17", "Statement": [own, *(more if name == role else [])]}]} for name, own in work.items()]
        answer = sim.post("/_sim/load?merge=1", {"version": 1, "iam": {account: {"roles": rows}}})
        assert answer.status < 300, answer

    text = agreed(account)
    stage.path("payer.yaml").write_text(text)
    mfa = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
    names = ("customer-access", "customer-no-billing", "customer-cannot-raise-itself", "partner-billing-only", "partner-cannot-raise-itself")
    sampled = ["iam:CreateRole", "iam:AttachRolePolicy", "iam:PutRolePolicy", "organizations:LeaveOrganization", "ec2:RunInstances"]
    for title, role, more, name, status, said in [
        ("nothing more", "CustomerSecurity", [], "", "", ""),
        ("CreateUser", "CustomerSecurity", [statement("Allow", "iam:CreateUser")], "customer-cannot-raise-itself", "fail", "iam:CreateUser"),
        ("CreateUser that is denied", "CustomerSecurity", [statement("Allow", "iam:CreateUser"), statement("Deny", "iam:Create*")], "", "", ""),
        ("PutUserPolicy with a second factor", "CustomerSecurity", [statement("Allow", "iam:PutUserPolicy", **mfa)], "customer-cannot-raise-itself", "unknown",
         "aws:MultiFactorAuthPresent"),
        ("CloseAccount and services", "PartnerBilling", [statement("Allow", "organizations:CloseAccount", "lambda:*", "sts:*")], "partner-billing-only", "fail", "lambda:*"),
    ]:
        having(role, more)
        _, found = audit(stage, environment)
        judged = {it: found[it]["status"] for it in names}
        if not name:
            check.equal(f"{title}: every check of roles passes", judged, dict.fromkeys(names, "pass"))
            continue
        check(f"{title}: {status}", judged[name] == status and said in found[name]["evidence"], found[name])
        rows = iam.simulate_principal_policy(PolicySourceArn=f"arn:aws:iam::{account}:role/{role}", ActionNames=sampled if role == "PartnerBilling" else sampled[:3])
        check.equal("and boto3 hears nothing of it in the samples", {it["EvalDecision"] for it in rows["EvaluationResults"]}, {"implicitDeny"})
    stage.path("payer.yaml").write_text(text.replace("[PartnerBilling]", "[PartnerBilling, Nobody]"))
    _, found = audit(stage, environment)
    check("a role that is not there fails", found["partner-billing-only"]["status"] == "fail" and "`Nobody`" in found["partner-billing-only"]["evidence"], found["partner-billing-only"])


def main():
    with Stage("payer-told") as stage:
        told(stage)
    with Stage("payer") as stage:
        _, endpoint, environment = stage.simulator()
        sim = Api(endpoint)
        account = client("sts", environment).get_caller_identity()["Account"]
        file = stage.path("payer.yaml")
        with_roles(sim, account)
        for name, text, said in [
            ("a file with an unknown key", agreed(account) + "colour: red\n", "colour"),
            ("a file of another account", agreed("100000000099"), f"those of {account}"),
            ("a domain that is an address", agreed(account, "a@customer.example"), "is a domain"),
            ("a baseline that is not there", agreed(account, more="scp_baseline: nowhere/\n"), "nowhere"),
        ]:
            file.write_text(text)
            ran, found = audit(stage, environment)
            check(f"{name} is exit 2", ran.returncode == 2 and said in ran.stderr and not found, ran.stderr)

        file.write_text(agreed(account, more="attestations:\n  contract-exit: {name: Kim, date: 2026-01-01, expires: 2026-06-30}\n"))
        ran, found = audit(stage, environment, "--as-of", "2026-03-02T10:00:00Z")
        summary = client("iam", environment).get_account_summary()["SummaryMap"]
        for name, key, wanted in [("root-mfa", "AccountMFAEnabled", 1), ("root-access-keys", "AccountAccessKeysPresent", 0)]:
            status = "pass" if summary[key] == wanted else "fail"
            check.equal(f"{name} is what boto3 reads", (found[name]["status"], found[name]["evidence"]), (status, f"{key} is {summary[key]}"))
        contacts = client("account", environment)
        for name, kind, domain in [("contact-billing", "BILLING", "partner"), ("contact-operations", "OPERATIONS", "customer"),
                                   ("contact-security", "SECURITY", "customer")]:
            try:
                mail = contacts.get_alternate_contact(AlternateContactType=kind)["AlternateContact"]["EmailAddress"]
            except botocore.exceptions.ClientError as error:
                assert error.response["Error"]["Code"] == "ResourceNotFoundException", error
                mail = "none found"
            status = "pass" if mail.endswith(f"@{domain}.example") else "fail"
            check.equal(f"{name} is what boto3 reads", (found[name]["status"], found[name]["evidence"]), (status, mail))
        phone = contacts.get_contact_information()["ContactInformation"]["PhoneNumber"]
        check.equal("the telephone number, too", found["phone"]["evidence"], phone)
        organizations = client("organizations", environment)
        root = organizations.list_roots()["Roots"][0]
        on = {"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"} in root["PolicyTypes"]
        check.equal("policies of the organization are on", found["scp-type"]["status"], "pass" if on else "fail")
        rows = organizations.get_paginator("list_accounts_for_parent").paginate(ParentId=root["Id"]).build_full_result()["Accounts"]
        others = sorted(it["Id"] for it in rows if it["Id"] != account)
        check.equal("accounts in no unit", (sorted(filter(None, found["accounts-in-root"]["evidence"].split(", "))), found["accounts-in-root"]["severity"]),
                    (others or ["none"], "warn"))
        judged_roles(environment, account, found)
        unknown = {it["id"]: it["evidence"] for it in found.values() if it["status"] == "unknown"}
        check.equal("nothing is unknown", unknown, {})
        rules = client("events", environment).list_rules()["Rules"]
        check.equal("no rule takes a sign-in", (rules, found["root-login-alert"]["status"]), ([], "fail"))
        months = client("ce", environment).get_cost_and_usage(
            TimePeriod={"Start": "2026-02-01", "End": "2026-03-01"}, Granularity="MONTHLY", Metrics=["UnblendedCost"],
            Filter={"Dimensions": {"Key": "LINKED_ACCOUNT", "Values": [account]}}, GroupBy=[{"Type": "DIMENSION", "Key": "SERVICE"}])["ResultsByTime"]
        check.equal("and nothing costs anything", ([it["Groups"] for it in months], found["payer-workloads"]["status"]), ([[]], "pass"))
        check.equal("what no API says is asked", (found["root-password"]["status"], found["contract-exit"]["status"]), ("manual", "attested"))
        failed = any(it["status"] == "fail" and it["severity"] == "error" for it in found.values())
        check.equal("the exit code counts errors", ran.returncode, 1 if failed else 0)
        check.equal("and with --strict what is unknown", audit(stage, environment, "--strict")[0].returncode, 1)
        _, later = audit(stage, environment, "--as-of", "2026-07-01T00:00:00Z")
        check("an attestation ends", later["contract-exit"]["status"] == "unknown" and "expired" in later["contract-exit"]["evidence"], later["contract-exit"])

        sim.post("/_sim/faults", {"kind": "error", "code": "AccessDenied", "http": 403, "match": {"operation": "GetAccountSummary"}})
        _, denied = audit(stage, environment)
        check("a refusal is unknown and names the action", denied["root-mfa"]["status"] == "unknown"
              and denied["root-mfa"]["evidence"].startswith("iam:GetAccountSummary: AccessDenied"), denied["root-mfa"])
        sim.call("DELETE", "/_sim/faults")
        ran = stage.run("org", "payer", "audit", "payer.yaml", "-o", "junit", **environment)
        suite = xml.etree.ElementTree.fromstring(ran.stdout)
        check.equal("JUnit has every check, and no warning among its failures", (len(suite), int(suite.get("errors")), int(suite.get("failures"))),
                    (len(found), len(unknown) + 1, sum(it["status"] == "fail" and it["severity"] == "error" for it in found.values())))
        ran = stage.run("org", "payer", "plan", "payer.yaml", "--as-of", "2026-03-02T10:00:00Z", "-o", "json", **environment)
        tasks = {it["id"]: it for it in json.loads(ran.stdout)}
        check.equal("tasks come with the other way first, and exit 0", (ran.returncode, next(iter(tasks))), (0, "billing-transfer"))
        check("the remaining findings are those of the audit", tasks["alerts"]["state"] == "open" and "no rule takes" in tasks["alerts"]["notes"][0]
              and tasks["archive-invoices"]["state"] == "ask_people" and tasks["customer-role"]["owners"] == ["partner"], tasks)
        ran = stage.run("org", "payer", "plan", "payer.yaml", "-o", "table", **environment)
        check("and a table for people", "ask people" in ran.stdout and "billing" in ran.stdout, ran.stdout[:300])
        ran = stage.run("org", "payer", "audit", "payer.yaml", "-o", "table", **environment)
        check("a table for people", "root-mfa" in ran.stdout and "->" in ran.stdout, ran.stdout[:300])
        taking_over(stage, sim, environment, account)
    check.end()


if __name__ == "__main__":
    main()
