#!/usr/bin/env python3
"""Automatic remediation of findings (`organization.md` §6): a public bucket and an open security group are closed within
seconds of their findings and come back by `remediate undo`; what is observed, suppressed, paused, approved, refused and
killed in the middle. boto3 looks at the accounts."""

import base64
import hashlib
import hmac
import http.server
import json
import signal
import threading
import time

import boto3
from botocore.exceptions import ClientError

from served import INES, MARA, PRIYA, TOMASZ, Served
from stage import Api, Checks, Stage, free_port, wait

QUEUE, ROLE = "hallpass-events", "HallpassRemediation"
OPEN = {"BlockPublicAcls": True, "IgnorePublicAcls": False, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}
check = Checks()

RULES = """
rules:
  - {id: suppress-low, match: {severity: [LOW]}, action: suppress, mode: auto}
  - {id: watched, match: {controls: [S3.2]}, action: s3-bucket-block, mode: observe}
  - {id: asked, match: {controls: [S3.3]}, action: s3-bucket-block, mode: approve}
  - {id: buckets, match: {controls: [S3.8]}, action: s3-bucket-block, mode: auto, max_per_hour: 200}
  - {id: ports, match: {controls: [EC2.19]}, action: sg-revoke-public, params: {ports: [22, 3389]}, mode: auto, max_per_hour: 200}
  - {id: volumes, match: {controls: [EC2.7]}, action: ebs-default-encrypt, mode: auto}
  - {id: keys, match: {controls: [IAM.3]}, action: iam-key-deactivate, params: {older_than_days: 0}, mode: auto}
  - {id: trails, match: {controls: [CloudTrail.4]}, action: trail-validation, mode: auto, cooldown: 1h, timeout: 90s}
  - {id: keys-of-kms, match: {controls: [KMS.4]}, action: kms-rotate, mode: auto}
  - {id: flows, match: {controls: [EC2.6]}, action: flow-logs, mode: auto, params: {destination: "arn:aws:s3:::e2e-flow-logs/{account}"}}
  - {id: databases, match: {controls: [RDS.2]}, action: rds-private, mode: approve}
  - {id: threats, match: {product: ["*:product/aws/guardduty"]}, action: notify, mode: auto}
  - {id: accounts, match: {controls: [S3.1]}, action: s3-account-block, mode: auto}
  - {id: default-groups, match: {controls: [EC2.2]}, action: sg-default-close, mode: auto}
  - {id: passwords, match: {controls: [IAM.7]}, action: iam-password-policy, mode: auto}
  - {id: function, match: {controls: [EC2.9]}, action: lambda, params: {function: "FUNCTION:isolate", with: {queue: night}}, mode: auto}
  - {id: broken, match: {controls: [EC2.17]}, action: lambda, params: {function: "FUNCTION:broken"}, mode: auto, retry: 1}
  - {id: judged, match: {source: aws.config, config_rules: [no-public-buckets]}, action: s3-bucket-block, mode: auto}
  - {id: own, match: {controls: [EC2.8]}, action: webhook, params: {name: isolate, with: {queue: night}}, mode: auto}
exceptions:
  - {resource: "arn:aws:s3:::e2e-honeypot", then: suppress, reason: a honeypot, until: 2099-12-31}
  - {resource: "arn:aws:s3:::e2e-old", then: suppress, reason: a site of the past, until: 2020-01-31}
approvers:
  - {people: [tomasz.wilk@example.com], match: {controls: [S3.3]}}
"""


class Code:
    """Code of somebody's own: takes signed calls, and answers 503 to the first."""

    SECRET = "a secret of sixteen"

    def __init__(self):
        self.calls, code = [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                at, sign = (it.split("=", 1)[1] for it in self.headers["Hallpass-Signature"].split(","))
                wanted = hmac.new(code.SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
                code.calls.append((self.headers["Hallpass-Delivery"], json.loads(body), hmac.compare_digest(sign, wanted)))
                text = b"isolated by the night shift"
                self.send_response(503 if len(code.calls) == 1 else 200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}/isolate"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class World:
    def __init__(self, stage):
        self.code = Code()
        self.stage, self.served = stage, Served(stage)
        self.aws, self.sim = stage.directory, Api(self.served.endpoint)
        self.region, self.findings = self.aws["AWS_REGION"], 0
        listed = self.client("organizations").get_paginator("list_accounts").paginate().build_full_result()
        self.accounts = {it["Name"]: it["Id"] for it in listed["Accounts"]}
        self.own = self.client("sts").get_caller_identity()["Account"]
        self.hub = self.client("securityhub")
        # one of them has no such role
        self.shop, self.bare = self.accounts["payments-prod"], self.accounts["network"]
        trust = [f"arn:aws:iam::{self.own}:root"]
        roles = [{"name": ROLE, "trust": trust, "policies": ["AdministratorAccess"]}]
        file = self.sim.get("/_sim/state?full=1").json["file"]
        file.setdefault("iam", {}).setdefault(self.shop, {}).setdefault("roles", []).extend(roles)
        self.functions = f"arn:aws:lambda:{self.region}:{self.own}:function"
        function = {"account": self.own, "region": self.region}
        file["functions"] = [{**function, "name": "isolate", "returns": {"isolated": True}},
                             {**function, "name": "broken", "returns": "no such host", "error": "Unhandled"}]
        judged = {"rule": "no-public-buckets", "account": self.shop, "region": self.region, "resource_type": "AWS::S3::Bucket", "at": "2026-03-01T00:00:00Z"}
        file["config_evaluations"] = [{**judged, "id": name, "resource_id": name, "compliance": said}
                                      for name, said in (("e2e-judged", "NON_COMPLIANT"), ("e2e-mended", "COMPLIANT"))]
        file["event_rules"] = [{"account": self.own, "region": self.region, "queue": QUEUE, "source": "aws.securityhub"}]
        answer = self.sim.post("/_sim/load", file)
        assert answer.status < 300, answer
        self.sqs = self.client("sqs")
        self.url = self.sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
        self.s3, self.ec2, self.iam = (self.client(it, self.shop) for it in ("s3", "ec2", "iam"))

    def client(self, service, account=None):
        keys = {"access_key_id": self.aws["AWS_ACCESS_KEY_ID"], "secret_access_key": self.aws["AWS_SECRET_ACCESS_KEY"]}
        if account:
            keys = self.sim.get(f"/_sim/credentials?account={account}").json
        return boto3.client(service, endpoint_url=self.served.endpoint, region_name=self.region,
                            aws_access_key_id=keys["access_key_id"], aws_secret_access_key=keys["secret_access_key"])

    def serve(self):
        self.stage.stop(self.served.process)
        self.stage.path("remediation.yaml").write_text(RULES.replace("FUNCTION", self.functions))
        path = self.stage.path("hallpass.toml")
        path.write_text(path.read_text() + f'[events]\nqueue = "{self.url}"\n'
                        f'[remediation]\nrules = "remediation.yaml"\nrole = "{ROLE}"\nexternal_id = "x-1"\n'
                        f'[[webhooks]]\nname = "isolate"\nurl = "{self.code.address}"\nsecret = "{Code.SECRET}"\nevents = ["remediation"]\n')
        return self.served.start()

    def found(self, control, resource, kind="AwsS3Bucket", account=None, severity="HIGH", title=None):
        """A finding of a control, as a product in the account imports it; its id."""
        account = account or self.shop
        self.findings += 1
        product = f"arn:aws:securityhub:{self.region}:{account}:product/{account}/default"
        one = f"{product}/{title or control}-{self.findings}"
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        answer = self.client("securityhub", account).batch_import_findings(Findings=[{
            "SchemaVersion": "2018-10-08", "Id": one, "ProductArn": product, "GeneratorId": f"security-control/{control}",
            "AwsAccountId": account, "Types": ["Software and Configuration Checks"], "CreatedAt": now, "UpdatedAt": now,
            "Severity": {"Label": severity}, "Title": control, "Description": "a finding",
            "Compliance": {"Status": "FAILED", "SecurityControlId": control},
            "Resources": [{"Type": kind, "Id": resource, "Region": self.region}],
        }])
        assert answer["FailedCount"] == 0, answer
        return one

    def finding(self, one):
        rows = self.hub.get_findings(Filters={"Id": [{"Value": one, "Comparison": "EQUALS"}]})["Findings"]
        return rows[0]

    def status(self, one):
        return self.finding(one)["Workflow"]["Status"]

    def bucket(self, name, blocked=None):
        self.s3.create_bucket(Bucket=name)
        if blocked:
            self.s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=blocked)
        else:
            self.s3.delete_public_access_block(Bucket=name)
        return f"arn:aws:s3:::{name}"

    def access(self, name):
        try:
            return self.s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
        except ClientError as error:
            return error.response["Error"]["Code"]

    def is_closed(self, name):
        access = self.access(name)
        return isinstance(access, dict) and all(access.values())

    def group(self, name):
        """A group that lets everybody in to 22 and to a range with 3389, and some others elsewhere; its ARN."""
        id = self.ec2.create_security_group(GroupName=name, Description=name)["GroupId"]
        self.ec2.authorize_security_group_ingress(GroupId=id, IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22,
             "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "temp"}, {"CidrIp": "10.0.0.0/8"}]},
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
            {"IpProtocol": "tcp", "FromPort": 3000, "ToPort": 4000, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
        ])
        return f"arn:aws:ec2:{self.region}:{self.shop}:security-group/{id}"

    def ingress(self, arn):
        filters = [{"Name": "group-id", "Values": [arn.rsplit("/", 1)[1]]}]
        rows = self.ec2.describe_security_group_rules(Filters=filters)["SecurityGroupRules"]
        return sorted((row["FromPort"], row["ToPort"], row.get("CidrIpv4") or row.get("CidrIpv6"), row.get("Description") or "")
                      for row in rows if not row["IsEgress"])

    def calls(self, operation):
        rows = self.sim.get(f"/_sim/calls?operation={operation}&limit=10000").json
        rows = rows["calls"] if isinstance(rows, dict) else rows
        # what AWS was too busy for is sent again, after a look
        return [row for row in rows if row["operation"] == operation and row["outcome"] == "ok"]

    def run(self, *arguments, exit=0):
        ran = self.stage.run("org", "remediate", *arguments, timeout=300, **self.aws)
        if ran.returncode != exit:
            print(f"     {' '.join(arguments)}: exit {ran.returncode}\n{ran.stderr[-1500:]}")
        return ran

    def approve(self, who, id, *arguments):
        """As somebody says yes from their own machine: the server judges whether they may."""
        return self.stage.run("org", "remediate", "approve", id, *arguments, HALLPASS_SERVER=self.served.base, HALLPASS_TOKEN=self.served.tokens[who])

    def rows(self, *arguments):
        ran = self.run(*arguments, "--output", "json")
        return json.loads(ran.stdout) if ran.stdout.strip() else None

    def of(self, finding):
        """The remediation of a finding."""
        return next((row for row in self.rows("list") if row["finding"] == finding), None)

    def until(self, words, condition, seconds=45):
        began = time.monotonic()
        done = wait(condition, seconds, self.served.process, every=0.3)
        check(words, done, self.served.said()[-2500:])
        return time.monotonic() - began


def bucket_and_back(world):
    """A public bucket is closed within seconds, the finding says so, and it comes back."""
    arn = world.bucket("e2e-shop", OPEN)
    one = world.found("S3.8", arn)
    seconds = world.until("a public bucket is closed after its finding", lambda: world.is_closed("e2e-shop"))
    print(f"     closed {seconds:.1f} s after its finding was imported")
    world.until("and the finding is RESOLVED", lambda: world.status(one) == "RESOLVED")
    kept, finding = world.of(one), world.finding(one)
    fields = finding["UserDefinedFields"]
    check("with a note and fields that name the remediation, beside those of its account",
          f"Hallpass {kept['id']}: s3-bucket-block changed" in finding["Note"]["Text"] and kept["state"] == "changed"
          and fields["hallpassRemediation"] == kept["id"] and fields["hallpassResult"] == "changed"
          and fields.get("AccountName") == "payments-prod", (kept, finding.get("Note"), fields))
    sessions = [row for row in world.calls("AssumeRole") if row["request"]["RoleSessionName"] == f"hp-{kept['id']}"]
    request = sessions[0]["request"] if sessions else {}
    check("by a session of 15 minutes with an external id and a policy for this bucket alone",
          request.get("DurationSeconds") == 900 and request.get("ExternalId") == "x-1" and arn in request.get("Policy", "")
          and "DeleteBucket" not in request.get("Policy", ""), request)
    ran = world.run("undo", kept["id"])
    check("undo plans first", ran.returncode == 0 and world.is_closed("e2e-shop"), ran.stderr)
    ran = world.run("undo", kept["id"], "--apply", "--yes")
    check.equal("undone: the earlier state is restored", world.access("e2e-shop"), OPEN)
    world.until("and the finding is NEW", lambda: world.status(one) == "NEW")
    plans = json.loads(world.stage.run("plan", "list", "--output", "json", **world.aws).stdout)
    check("both ways are plans", {it["kind"] for it in plans} >= {"remediate", "remediate.undo"}, plans)
    again = world.found("S3.8", arn)
    world.until("the next finding of the same bucket is for people that day", lambda: (world.of(again) or {}).get("state") == "manual")


def group_and_back(world):
    """Row 1 and 14: exactly the open rules go, and come back with their description."""
    arn = world.group("shop")
    before = world.ingress(arn)
    one = world.found("EC2.19", arn, "AwsEc2SecurityGroup")
    rest = [(22, 22, "10.0.0.0/8", ""), (443, 443, "0.0.0.0/0", "")]
    world.until("exactly the open rules go", lambda: world.ingress(arn) == rest)
    world.until("and the finding is RESOLVED", lambda: world.status(one) == "RESOLVED")
    world.run("undo", world.of(one)["id"], "--apply", "--yes")
    check.equal("undo brings the same rules back", world.ingress(arn), before)


def other_actions(world):
    account = f"AWS::::Account:{world.shop}"
    world.found("EC2.7", account, "AwsAccount")
    world.until("new volumes are encrypted", lambda: world.ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"])
    world.iam.create_user(UserName="eve")
    world.iam.create_access_key(UserName="eve")
    world.found("IAM.3", f"arn:aws:iam::{world.shop}:user/eve", "AwsIamUser")
    status = lambda: {it["Status"] for it in world.iam.list_access_keys(UserName="eve")["AccessKeyMetadata"]}
    world.until("old keys are inactive, and there still", lambda: status() == {"Inactive"}, 90)
    world.iam.update_account_password_policy(MinimumPasswordLength=20, MaxPasswordAge=30)

    def policy():
        try:
            return world.iam.get_account_password_policy()["PasswordPolicy"]
        except ClientError:
            # IAM shows a write some seconds later
            return {"RequireSymbols": False, "MinimumPasswordLength": 0}

    world.until("the policy is seen", lambda: policy()["MinimumPasswordLength"] == 20)
    # and by readers whose window is longer
    wait(lambda: False, 4)
    world.found("IAM.7", account, "AwsAccount")
    world.until("the password policy is raised", lambda: policy()["RequireSymbols"], 90)
    check("and nothing of it is lowered", policy()["MinimumPasswordLength"] == 20 and policy()["MaxPasswordAge"] == 30, policy())


def trail_and_back(world):
    """A trail whose files nobody could prove unchanged is validated from then on, and is not any more when that is taken back."""
    trails = world.client("cloudtrail", world.shop)
    world.s3.create_bucket(Bucket="e2e-trail-logs")
    arn = trails.create_trail(Name="e2e-trail", S3BucketName="e2e-trail-logs")["TrailARN"]
    validated = lambda: trails.get_trail(Name=arn)["Trail"]["LogFileValidationEnabled"]
    check("a trail without validation", validated() is False, trails.get_trail(Name=arn))
    one = world.found("CloudTrail.4", arn, "AwsCloudTrailTrail")
    world.until("its files are validated", validated)
    world.until("and the finding resolved", lambda: world.status(one) == "RESOLVED")
    world.run("undo", world.of(one)["id"], "--apply", "--yes")
    check("undo takes it back", validated() is False, trails.get_trail(Name=arn))


def key_and_back(world):
    """A key rotates from its finding on; one that cannot, and one whose policy keeps us out, are for people."""
    kms = world.client("kms", world.shop)
    made = kms.create_key(Description="e2e")["KeyMetadata"]
    rotates = lambda: kms.get_key_rotation_status(KeyId=made["KeyId"])["KeyRotationEnabled"]
    check("a new key does not rotate", rotates() is False)
    one = world.found("KMS.4", made["Arn"], "AwsKmsKey")
    world.until("it rotates after its finding", rotates)
    world.until("and the finding is RESOLVED", lambda: world.status(one) == "RESOLVED")
    id = world.of(one)["id"]
    check("with a note", f"Hallpass {id}: kms-rotate changed" in world.finding(one)["Note"]["Text"], world.finding(one))
    sessions = [row for row in world.calls("AssumeRole") if row["request"]["RoleSessionName"] == f"hp-{id}"]
    check("by a session for this key alone", sessions and made["Arn"] in sessions[0]["request"]["Policy"], sessions)
    world.run("undo", id, "--apply", "--yes")
    check("undo takes it back", rotates() is False)
    world.until("and the finding is NEW", lambda: world.status(one) == "NEW")
    off = kms.create_key()["KeyMetadata"]
    kms.disable_key(KeyId=off["KeyId"])
    rsa = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    return [world.found("KMS.4", it["Arn"], "AwsKmsKey") for it in (off, rsa)]


def flows_and_back(world):
    """A VPC gets a flow log to the bucket of the rule; undone, that log is gone and no other."""
    vpc = world.ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    arn = f"arn:aws:ec2:{world.region}:{world.shop}:vpc/{vpc}"
    logs = lambda: world.ec2.describe_flow_logs(Filters=[{"Name": "resource-id", "Values": [vpc]}])["FlowLogs"]
    own = world.ec2.create_flow_logs(ResourceIds=[vpc], ResourceType="VPC", TrafficType="ACCEPT", LogDestinationType="s3",
                                     LogDestination="arn:aws:s3:::e2e-other")["FlowLogIds"]
    one = world.found("EC2.6", arn, "AwsEc2Vpc")
    world.until("a VPC is logged after its finding", lambda: len(logs()) == 2)
    made = next(it for it in logs() if it["FlowLogId"] not in own)
    check("to where the rule says, of what is refused",
          (made["LogDestination"], made["TrafficType"]) == (f"arn:aws:s3:::e2e-flow-logs/{world.shop}", "REJECT"), made)
    world.until("and the finding is RESOLVED", lambda: world.status(one) == "RESOLVED")
    world.run("undo", world.of(one)["id"], "--apply", "--yes")
    check.equal("undo deletes that one alone", [it["FlowLogId"] for it in logs()], own)


def database_and_back(world):
    """A public database is cut off after a yes, and reached again when that is taken back."""
    rds = world.client("rds", world.shop)
    rds.create_db_instance(DBInstanceIdentifier="e2e-shop", DBInstanceClass="db.t3.micro", Engine="postgres",
                           MasterUsername="shop", MasterUserPassword="not-a-secret", PubliclyAccessible=True)
    row = lambda: rds.describe_db_instances(DBInstanceIdentifier="e2e-shop")["DBInstances"][0]
    world.until("a public database", lambda: row()["DBInstanceStatus"] == "available" and row()["PubliclyAccessible"])
    arn = row()["DBInstanceArn"]
    one = world.found("RDS.2", arn, "AwsRdsDbInstance")
    world.until("it waits for a yes", lambda: (world.of(one) or {}).get("state") == "waiting")
    check("and stays as it is", row()["PubliclyAccessible"] and world.status(one) == "NEW", row())
    id = world.of(one)["id"]
    check.equal("an administrator approves where no one else is named", world.approve(PRIYA, id, "--yes").returncode, 0)
    world.until("approved, it is disconnected", lambda: not row()["PubliclyAccessible"], 90)
    world.until("and the finding is RESOLVED", lambda: world.status(one) == "RESOLVED", 90)
    calls = [it for it in world.calls("ModifyDBInstance") if it["request"]["DBInstanceIdentifier"] == "e2e-shop"]
    check("by one call that applies nothing else", len(calls) == 1 and "ApplyImmediately" not in calls[0]["request"], calls)
    world.until("it is available", lambda: row()["DBInstanceStatus"] == "available")
    world.run("undo", id, "--apply", "--yes")
    world.until("undone, it is public again", lambda: row()["PubliclyAccessible"])


def told_only(world):
    """What GuardDuty found is told, and changes nothing."""
    product = f"arn:aws:securityhub:{world.region}::product/aws/guardduty"
    arn = world.bucket("e2e-threat")
    entered = len(world.calls("AssumeRole"))
    answer = world.client("securityhub", world.shop).batch_import_findings(Findings=[{
        "SchemaVersion": "2018-10-08", "Id": f"{product}/threat-1", "ProductArn": product, "GeneratorId": "guardduty",
        "AwsAccountId": world.shop, "Types": ["TTPs/Discovery"], "CreatedAt": "2026-01-01T00:00:00Z",
        "UpdatedAt": "2026-01-01T00:00:00Z", "Severity": {"Label": "HIGH"}, "Title": "threat", "Description": "threat",
        "Resources": [{"Type": "AwsS3Bucket", "Id": arn, "Region": world.region}]}])
    assert answer["FailedCount"] == 0, answer
    threat = lambda: next((row for row in world.rows("list") if row["finding"] == f"{product}/threat-1"), {})
    world.until("what GuardDuty found is for people", lambda: threat().get("state") == "manual")
    check("because a rule reports it", "rule `threats` only reports" in threat()["why"], threat())
    told = lambda: [row for row in world.served.api(PRIYA).get("/api/v1/alerts").json["items"] if row["rule"] == "remediate/manual"]
    world.until("and reported by the channels of alerts", told)
    check("no account is entered", len(world.calls("AssumeRole")) == entered and not world.is_closed("e2e-threat"))
    check.equal("an approval does not retry it either", world.run("retry", threat()["id"], "--yes", exit=2).returncode, 2)


def own_code(world):
    """Code of somebody's own is called for a finding, signed and once, and its answer is kept."""
    instance = f"arn:aws:ec2:{world.region}:{world.shop}:instance/i-0123456789abcdef0"
    one = world.found("EC2.8", instance, "AwsEc2Instance")
    world.until("code is called until it answers", lambda: (world.of(one) or {}).get("state") == "changed", 60)
    calls = world.code.calls
    ids = {id for id, _, _ in calls}
    check("the second time with the same id", len(calls) == 2 and len(ids) == 1, calls)
    check("signed", all(it[2] for it in calls), calls)
    told = calls[0][1]
    check("with what it is about", (told["account"], told["resource"], told["finding"]["id"], told["with"])
          == (world.shop, instance, one, {"queue": "night"}), told)
    id = world.of(one)["id"]
    check.equal("its answer is kept", world.rows("show", id)["answer"], "isolated by the night shift")
    ran = world.run("undo", id, "--apply", "--yes", exit=2)
    check("only its owner can take it back", ran.returncode == 2 and "your own code" in ran.stderr, ran.stderr)
    world.until("and the finding is RESOLVED", lambda: world.status(one) == "RESOLVED")


def own_function(world):
    """The same, as a function of Lambda."""
    instance = f"arn:aws:ec2:{world.region}:{world.shop}:instance/i-0123456789abcdef1"
    one = world.found("EC2.9", instance, "AwsEc2Instance")
    world.until("the function is called", lambda: (world.of(one) or {}).get("state") == "changed", 60)
    calls = [it for it in world.sim.get("/_sim/calls?operation=Invoke&limit=1000").json["calls"] if "isolate" in json.dumps(it["request"])]
    check.equal("once", len(calls), 1)
    told = json.loads(base64.b64decode(calls[0]["request"]["Payload"]))
    check("with what it is about", (told["account"], told["resource"], told["finding"]["id"], told["with"])
          == (world.shop, instance, one, {"queue": "night"}) and told["id"], told)
    check.equal("what it returned is kept", json.loads(world.rows("show", world.of(one)["id"])["answer"]), {"isolated": True})
    world.until("and the finding is RESOLVED", lambda: world.status(one) == "RESOLVED")
    one = world.found("EC2.17", instance, "AwsEc2Instance")
    world.until("one that fails is for people", lambda: (world.of(one) or {}).get("state") == "manual", 90)
    why = world.of(one)["why"]
    check("with what it said", "the function failed (Unhandled)" in why and "no such host" in why, why)
    check("and the finding stays open", world.status(one) != "RESOLVED", world.status(one))
    ran = world.run("undo", world.of(one)["id"], "--apply", "--yes", exit=2)
    check("only its owner can take it back, too", ran.returncode == 2 and "your own code" in ran.stderr, ran.stderr)


def judged(world):
    """What AWS Config judged is read in its account right before anything is done; an event alone does nothing."""
    buckets = ("e2e-judged", "e2e-mended", "e2e-never-judged")
    for bucket in buckets:
        world.bucket(bucket)
        event = {"version": "0", "id": f"config-{bucket}", "detail-type": "Config Rules Compliance Change", "source": "aws.config", "account": world.shop,
                 "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "region": world.region, "resources": [],
                 "detail": {"resourceId": bucket, "awsRegion": world.region, "awsAccountId": world.shop, "configRuleName": "no-public-buckets",
                            "messageType": "ComplianceChangeNotification", "resourceType": "AWS::S3::Bucket",
                            "newEvaluationResult": {"complianceType": "NON_COMPLIANT"}}}
        world.sqs.send_message(QueueUrl=world.url, MessageBody=json.dumps(event))
    world.until("what is judged so is closed", lambda: world.is_closed("e2e-judged"))
    asked = lambda: {it["request"]["ResourceId"] for it in world.calls("GetComplianceDetailsByResource")}
    world.until("AWS Config is asked of each", lambda: asked() == set(buckets))
    time.sleep(2)
    check.equal("fixed or never judged ones are left alone", [world.is_closed(it) for it in buckets[1:]], [False, False])


def account_and_group(world):
    """All buckets of an account at once, and a VPC's default group."""
    control = world.client("s3control", world.shop)
    # addresses of S3's control plane begin with the account, which a loopback address cannot
    plain = lambda request, **_: setattr(request, "url", request.url.replace(f"//{world.shop}.", "//"))
    control.meta.events.register("before-sign.s3-control", plain)

    def blocked():
        try:
            return all(control.get_public_access_block(AccountId=world.shop)["PublicAccessBlockConfiguration"].values())
        except ClientError:
            return False

    check("an account without a block", not blocked())
    one = world.found("S3.1", f"AWS::::Account:{world.shop}", "AwsAccount")
    world.until("public access of all of its buckets is blocked", blocked)
    world.until("and the finding is RESOLVED", lambda: world.status(one) == "RESOLVED")
    world.run("undo", world.of(one)["id"], "--apply", "--yes")
    check("undo takes it back", not blocked())
    arn = world.group("default")
    rules = lambda: world.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [arn.rsplit("/", 1)[1]]}])["SecurityGroupRules"]
    form = lambda: sorted((it["IsEgress"], it["IpProtocol"], it["FromPort"], it.get("CidrIpv4") or it.get("CidrIpv6"), it.get("Description") or "") for it in rules())
    before = form()
    one = world.found("EC2.2", arn, "AwsEc2SecurityGroup")
    world.until("a default group is closed both ways", lambda: not rules())
    world.until("its finding is RESOLVED", lambda: world.status(one) == "RESOLVED")
    world.run("undo", world.of(one)["id"], "--apply", "--yes")
    check.equal("undo brings back every rule", form(), before)


def left_to_people(world, ones):
    """What AWS refuses is tried three times within minutes, and then for people, with AWS's words."""
    off, rsa = ones
    world.until("a key that cannot rotate is for people", lambda: all((world.of(it) or {}).get("state") == "manual" for it in ones), 300)
    check("with why", "Disabled" in world.of(off)["why"] and "Unsupported" in world.of(rsa)["why"], (world.of(off), world.of(rsa)))
    world.until("their findings are NOTIFIED", lambda: {world.status(it) for it in ones} == {"NOTIFIED"})


def not_acted_on(world):
    """Rows 2, 4, 5, 9, 10, 15."""
    entered = len(world.calls("AssumeRole"))
    watched = world.found("S3.2", world.bucket("e2e-watched"))
    low = world.found("S3.8", world.bucket("e2e-low"), severity="LOW")
    honeypot = world.found("S3.8", world.bucket("e2e-honeypot"))
    other = world.found("EC2.19", f"arn:aws:ec2:{world.region}:{world.bare}:security-group/sg-0fedcba9876543210", "AwsEc2SecurityGroup")
    world.until("a rule's and an exception's findings are SUPPRESSED", lambda: {world.status(low), world.status(honeypot)} == {"SUPPRESSED"})
    world.until("what is observed is only listed", lambda: (world.of(watched) or {}).get("state") == "observed")
    world.until("a resource of another account is for people", lambda: (world.of(other) or {}).get("state") == "manual")
    check("nothing was changed", not any(world.is_closed(it) for it in ("e2e-watched", "e2e-low", "e2e-honeypot")))
    check.equal("and no account was entered", len(world.calls("AssumeRole")), entered)
    check("the finding that speaks of another account is not written to", world.status(other) == "NEW", world.finding(other))
    bare = world.found("S3.8", "arn:aws:s3:::e2e-bare", account=world.bare)
    fine = world.found("S3.8", world.bucket("e2e-fine"))
    world.until("an account without the role is for people", lambda: (world.of(bare) or {}).get("state") == "manual")
    check("with the role's ARN", f"arn:aws:iam::{world.bare}:role/{ROLE}" in world.of(bare)["why"], world.of(bare))
    world.until("its finding is NOTIFIED, and other accounts go on", lambda: world.status(bare) == "NOTIFIED" and world.status(fine) == "RESOLVED")
    backlog = {row["finding"] for row in world.rows("backlog")}
    check("the backlog has what is for people", {bare, other} <= backlog and watched not in backlog, backlog)


def again_and_again(world):
    """Row 6 and 7: the same message twice, and our own updates' events."""
    arn = world.bucket("e2e-twice")
    before = len(world.calls("PutPublicAccessBlock"))
    one = world.found("S3.8", arn)
    world.until("closed", lambda: world.status(one) == "RESOLVED")
    finding = world.finding(one)
    finding["Workflow"]["Status"] = "NEW"
    for number in range(3):
        event = {"id": f"again-{number}", "source": "aws.securityhub", "detail-type": "Security Hub Findings - Imported",
                 "account": world.own, "region": world.region, "detail": {"findings": [finding]}}
        world.sqs.send_message(QueueUrl=world.url, MessageBody=json.dumps(event, default=str))
    world.until("the queue empties", lambda: settled(world))
    written = [row for row in world.calls("PutPublicAccessBlock")[before:] if row["request"]["Bucket"] == "e2e-twice"]
    check.equal("one action, however often the event comes", len(written), 1)
    updates = [row for row in world.calls("BatchUpdateFindings") if row["request"].get("Workflow")
               and any(it["Id"] == one for it in row["request"]["FindingIdentifiers"])]
    check.equal("one write-back", len(updates), 1)


def settled(world):
    wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    numbers = world.sqs.get_queue_attributes(QueueUrl=world.url, AttributeNames=wanted)["Attributes"]
    return all(int(it) == 0 for it in numbers.values())


def paused_and_approved(world):
    world.run("pause", "--by", "ana")
    one = world.found("S3.8", world.bucket("e2e-paused"))
    world.until("a finding is kept while all is paused", lambda: (world.of(one) or {}).get("state") == "pending")
    ran = world.run("backlog")
    check("the pause is reported", "paused by ana" in ran.stderr, ran.stderr)
    check("and nothing is written", not world.is_closed("e2e-paused"))
    world.run("resume")
    world.until("it continues", lambda: world.is_closed("e2e-paused") and world.status(one) == "RESOLVED")
    one = world.found("S3.3", world.bucket("e2e-asked"))
    world.until("what needs an approval waits", lambda: (world.of(one) or {}).get("state") == "waiting")
    id = world.of(one)["id"]
    check.equal("it is not done without a yes", world.approve(TOMASZ, id).returncode, 4)
    for who in (PRIYA, MARA):
        ran = world.approve(who, id, "--yes")
        check("users that the rules do not name for it may not either", ran.returncode != 0 and world.of(one)["state"] == "waiting", (who, ran.stderr))
    check.equal("its approver says yes", world.approve(TOMASZ, id, "--yes", "--comment", "from a shell").returncode, 0)
    world.until("approved, it is done", lambda: world.is_closed("e2e-asked"))
    check.equal("the approver is stored", world.rows("show", id)["approved_by"], TOMASZ)
    check("once more is too late", world.approve(TOMASZ, id, "--yes").returncode != 0)
    pressed(world)
    events = [row["event"] for row in world.served.api(INES).all("/api/v1/audit") if row["event"].startswith("remediation")]
    wanted = [*["remediation.approved"] * 3, "remediation.declined", "remediations.paused", "remediations.resumed"]
    check.equal("and the audit log has each press once", sorted(events), wanted)


def pressed(world):
    """`organization.md` R-3: whom the rules name says yes over HTTP, and nobody else."""
    tomasz, admin, mara = (world.served.api(who) for who in (TOMASZ, PRIYA, MARA))
    one = world.found("S3.3", world.bucket("e2e-pressed"))
    world.until("another one waits", lambda: (world.of(one) or {}).get("state") == "waiting")
    path = f"/api/v1/remediations/{world.of(one)['id']}"
    shown = tomasz.get(path).json
    check("its approver sees that it is theirs", shown["may_decide"] and shown["approvers"] == TOMASZ, shown)
    check.equal("who is named nowhere does not see it", mara.get(path).status, 403)
    check.equal("an administrator sees it", admin.get(path).json["may_decide"], False)
    check.equal("and may not decide", admin.post(f"{path}/approve", {}).status, 403)
    check("nothing was done", not world.is_closed("e2e-pressed"))
    told = lambda: [row["rule"] for row in admin.get("/api/v1/alerts").json["items"]]
    world.until("waiting items are reported as an alert", lambda: "remediate/waiting" in told())
    check.equal("approved", tomasz.post(f"{path}/approve", {"comment": "by its owner"}).status, 200)
    world.until("and done", lambda: world.is_closed("e2e-pressed") and world.status(one) == "RESOLVED")
    check.equal("a second time is too late", tomasz.post(f"{path}/approve", {}).status, 409)
    rows = [row for row in world.served.api(INES).all("/api/v1/audit") if row["event"] == "remediation.approved"]
    mine = [row for row in rows if row["actor"] == TOMASZ and "by its owner" in row["why"]]
    check("the record names the person and their words", len(mine) == 1 and mine[0]["actor_user_id"], rows)
    two = world.found("S3.3", world.bucket("e2e-declined"))
    world.until("one more waits", lambda: (world.of(two) or {}).get("state") == "waiting")
    path = f"/api/v1/remediations/{world.of(two)['id']}"
    check.equal("a no needs a reason", tomasz.post(f"{path}/decline", {"reason": " "}).code, "missing-reason")
    check.equal("declined", tomasz.post(f"{path}/decline", {"reason": "a website"}).json["state"], "manual")
    world.until("and the finding is reported", lambda: world.status(two) == "NOTIFIED")
    check("it stays as it is", not world.is_closed("e2e-declined"))


def killed(world):
    """Row 13: kill -9 while thirty groups are closed; each is closed once, and told once."""
    groups = [world.group(f"burst-{number}") for number in range(30)]
    before = len(world.calls("RevokeSecurityGroupIngress"))
    ones = [world.found("EC2.19", arn, "AwsEc2SecurityGroup", title="burst") for arn in groups]
    world.until("it begins", lambda: len(world.calls("RevokeSecurityGroupIngress")) > before)
    world.served.process.send_signal(signal.SIGKILL)
    world.served.process.wait(60)
    check("it starts again", world.served.start(), world.served.said()[-800:])
    world.until("every finding is RESOLVED", lambda: all(world.status(it) == "RESOLVED" for it in ones), 180)
    check("every group is closed", all(len(world.ingress(arn)) == 2 for arn in groups))
    calls = world.calls("RevokeSecurityGroupIngress")[before:]
    names = sorted(row["request"]["GroupId"] for row in calls)
    check.equal("each by one call", names, sorted(arn.rsplit("/", 1)[1] for arn in groups))
    states = {row["state"] for row in world.rows("list") if row["finding"] in ones}
    check.equal("and each is known as changed", states, {"changed"})


RISK = {"Text": "accepted risk, ticket 9", "UpdatedBy": "ana"}


def decide(world, one, status=None):
    """Somebody labels a finding, with a note of why."""
    key = {"Id": one, "ProductArn": one.rsplit("/", 1)[0]}
    more = {"Workflow": {"Status": status}} if status else {}
    answer = world.hub.batch_update_findings(FindingIdentifiers=[key], Note=RISK, **more)
    assert not answer["UnprocessedFindings"], answer


def archive(world, one):
    finding = world.finding(one)
    kept = {name: value for name, value in finding.items() if name not in ("Note", "UserDefinedFields", "Workflow", "Region")}
    world.client("securityhub", world.shop).batch_import_findings(Findings=[{**kept, "RecordState": "ARCHIVED"}])


def left(world, words, one, status, bucket):
    finding = world.finding(one)
    check(f"{words}: label and note stay, and nothing of Hallpass is on it", finding["Workflow"]["Status"] == status
          and finding["Note"]["Text"] == RISK["Text"] and "hallpassResult" not in finding.get("UserDefinedFields", {}), finding)
    check(f"{words}: the bucket stays open", not world.is_closed(bucket), world.access(bucket))


def decided_by_people(world):
    """What somebody decided before the event is handled, or while it waits for a yes, stands."""
    tomasz = world.served.api(TOMASZ)
    # while nobody is there to handle it
    world.stage.stop(world.served.process)
    early = world.found("S3.8", world.bucket("e2e-early"))
    decide(world, early, "SUPPRESSED")
    gone = world.found("S3.8", world.bucket("e2e-archived"))
    decide(world, gone)
    archive(world, gone)
    check("it starts again", world.served.start(), world.served.said()[-800:])
    world.until("the queue empties", lambda: settled(world))
    left(world, "suppressed before", early, "SUPPRESSED", "e2e-early")
    left(world, "archived before", gone, "NEW", "e2e-archived")
    check("neither is begun", world.of(early) is None and world.of(gone) is None, (world.of(early), world.of(gone)))
    # while it waits: pressed on the page's way, on the command line, and approved before somebody decides
    waiting = []
    for name in ("page", "line", "late"):
        one = world.found("S3.3", world.bucket(f"e2e-wait-{name}"))
        world.until(f"{name}: it waits", lambda: (world.of(one) or {}).get("state") == "waiting")
        waiting.append((one, world.of(one)["id"]))
    (page, page_id), (line, line_id), (late, late_id) = waiting
    decide(world, page, "SUPPRESSED")
    answer = tomasz.post(f"/api/v1/remediations/{page_id}/approve", {})
    check("a yes to what was suppressed is refused as drifted", answer.status == 409 and "drifted" in str(answer.json), answer.json)
    decide(world, line, "RESOLVED")
    ran = world.approve(TOMASZ, line_id, "--yes")
    check("and so on the command line", ran.returncode == 1 and "drifted" in ran.stderr and "RESOLVED" in ran.stderr, ran.stderr)
    world.run("pause", "--by", "ana")
    check.equal("approved while all is paused", tomasz.post(f"/api/v1/remediations/{late_id}/approve", {}).status, 200)
    decide(world, late, "SUPPRESSED")
    world.run("resume")
    world.until("then suppressed, it ends as drifted", lambda: world.of(late)["state"] == "drifted")
    check("with why", "SUPPRESSED" in world.of(late)["why"], world.of(late))
    check.equal("all of them do", {world.of(it)["state"] for it in (page, line)}, {"drifted"})
    time.sleep(5)
    left(world, "suppressed while it waited", page, "SUPPRESSED", "e2e-wait-page")
    left(world, "resolved while it waited", line, "RESOLVED", "e2e-wait-line")
    left(world, "suppressed after the yes", late, "SUPPRESSED", "e2e-wait-late")
    # open again, it is asked about again
    decide(world, page, "NEW")
    world.until("open again it waits again", lambda: world.of(page)["state"] == "waiting")


def forged(world):
    """An event names a finding, and is believed nothing else."""
    victim = world.bucket("e2e-victim")
    real = world.finding(world.found("S3.2", world.bucket("e2e-real")))
    send = lambda number, finding, account: world.sqs.send_message(QueueUrl=world.url, MessageBody=json.dumps({
        "id": f"forged-{number}", "source": "aws.securityhub", "detail-type": "Security Hub Findings - Imported", "account": account,
        "region": world.region, "detail": {"findings": [finding]}}, default=str))
    control = {"Status": "FAILED", "SecurityControlId": "S3.8"}
    resources = [{"Type": "AwsS3Bucket", "Id": victim, "Region": world.region}]
    send(1, {**real, "Id": real["Id"] + "-forged", "Compliance": control, "Resources": resources}, world.own)
    send(2, {**real, "Compliance": control, "Resources": resources}, world.own)
    send(3, {**real, "Compliance": control}, "999999999999")
    world.until("the queue empties", lambda: settled(world))
    check("no bucket is closed for a forged event", not world.is_closed("e2e-victim") and not world.is_closed("e2e-real"))
    # what is entered for is in the session's own policy; other findings may be looked at meanwhile
    about = [call["request"] for call in world.calls("AssumeRole")
             if any(name in json.dumps(call["request"]) for name in ("e2e-victim", "e2e-real", "999999999999"))]
    check.equal("and no account is entered for it", about, [])
    parked = json.loads(world.stage.run("org", "events", "list", "--output", "json", **world.aws).stdout)
    check("what another organization sent is parked", any("not the organization's" in it["why"] for it in parked), parked)


def undone_after_work(world):
    """What somebody worked on since is not taken back."""
    arn = world.group("worked-on")
    one = world.found("EC2.19", arn, "AwsEc2SecurityGroup")
    world.until("a group is closed", lambda: world.status(one) == "RESOLVED")
    group = arn.rsplit("/", 1)[1]
    world.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.9.0.0/16", "Description": "the office"}]}])
    now = world.ingress(arn)
    ran = world.run("undo", world.of(one)["id"], "--apply", "--yes", exit=1)
    check("a group that a user changed is drifted", ran.returncode == 1 and "drifted" in ran.stdout, (ran.stdout, ran.stderr))
    check.equal("and stays as it is", world.ingress(arn), now)
    check.equal("its finding, too", world.status(one), "RESOLVED")
    bucket = world.bucket("e2e-worked", OPEN)
    two = world.found("S3.8", bucket)
    world.until("a bucket is closed", lambda: world.status(two) == "RESOLVED")
    theirs = {**OPEN, "IgnorePublicAcls": True, "RestrictPublicBuckets": True}
    world.s3.put_public_access_block(Bucket="e2e-worked", PublicAccessBlockConfiguration=theirs)
    ran = world.run("undo", world.of(two)["id"], "--apply", "--yes", exit=1)
    check("so is a bucket", ran.returncode == 1 and "drifted" in ran.stdout, (ran.stdout, ran.stderr))
    check.equal("which stays as the user set it", world.access("e2e-worked"), theirs)
    labelled = world.bucket("e2e-labelled", OPEN)
    three = world.found("S3.8", labelled)
    world.until("another bucket is closed", lambda: world.status(three) == "RESOLVED")
    decide(world, three, "SUPPRESSED")
    world.run("undo", world.of(three)["id"], "--apply", "--yes")
    check.equal("its block is taken back", world.access("e2e-labelled"), OPEN)
    time.sleep(5)
    finding = world.finding(three)
    check("and a label that a user set since stays", finding["Workflow"]["Status"] == "SUPPRESSED"
          and finding["Note"]["Text"] == RISK["Text"], finding)


def expired(world, before=None):
    """An exception that is over is told once, whatever restarts."""
    rows = lambda: world.served.api(PRIYA).get("/api/v1/alerts/rows?rule=remediate/exception-over").json.get("items")
    world.until("an expired exception is reported", rows)
    found = [(row["values"]["about"], row["values"]["until"], row["since"]) for row in rows()]
    check("with what it was for", [it[:2] for it in found] == [("resource arn:aws:s3:::e2e-old", "2020-02-01T00:00:00Z")], rows())
    if before is not None:
        check.equal("and once, over a restart", found, before)
    return found


def files(world):
    event = world.stage.path("finding.json")
    finding = world.finding(world.found("S3.8", world.bucket("e2e-file")))
    event.write_text(json.dumps({"id": "file-1", "source": "aws.securityhub", "detail-type": "Security Hub Findings - Imported",
                                 "account": world.own, "region": world.region, "detail": {"findings": [finding]}}, default=str))
    rules = str(world.stage.path("remediation.yaml"))
    rows = world.rows("rules", "check", rules, "--event", str(event))
    check("rules check says which rule is for an event", [(row["rule"], row["decision"]) for row in rows] == [("buckets", "act")], rows)
    bad = world.stage.path("bad.yaml")
    bad.write_text(RULES.replace("max_per_hour", "max_an_hour", 1))
    ran = world.run("rules", "check", str(bad), exit=2)
    check("a bad file is exit 2 with its place", ran.returncode == 2 and "bad.yaml" in ran.stderr and "max_an_hour" in ran.stderr, ran.stderr)
    one = finding["Id"]
    world.until("it is fixed", lambda: (world.of(one) or {}).get("state") == "changed")
    world.until("and reported", lambda: world.finding(one)["Workflow"]["Status"] == "RESOLVED")
    rows = world.rows("replay", str(event))
    check("replay reads the current finding", [(row["decision"], row["why"]) for row in rows]
          == [("ignored", "its workflow status is RESOLVED")], rows)
    finding["Id"] += "-replayed"
    event.write_text(json.dumps({"id": "file-2", "source": "aws.securityhub", "detail-type": "Security Hub Findings - Imported",
                                 "account": world.own, "region": world.region, "detail": {"findings": [finding]}}, default=str))
    rows = world.rows("replay", str(event))
    check("and one that Security Hub does not have is no finding", [(row["decision"], row["why"]) for row in rows]
          == [("ignored", "Security Hub does not have the finding")], rows)
    for wrong in (("show", "rm-1"), ("undo", "rm-0000000000000000"), ("replay", "no-such.json")):
        check.equal(f"exit 2: {' '.join(wrong)}", world.run(*wrong, exit=2).returncode, 2)


def main():
    with Stage("remediate") as stage:
        world = World(stage)
        check("the server starts with rules", world.serve(), world.served.said()[-800:])
        over = expired(world)
        bucket_and_back(world)
        group_and_back(world)
        other_actions(world)
        trail_and_back(world)
        cannot = key_and_back(world)
        flows_and_back(world)
        database_and_back(world)
        told_only(world)
        own_code(world)
        own_function(world)
        judged(world)
        account_and_group(world)
        not_acted_on(world)
        again_and_again(world)
        paused_and_approved(world)
        decided_by_people(world)
        forged(world)
        undone_after_work(world)
        killed(world)
        expired(world, over)
        files(world)
        left_to_people(world, cannot)
        world.stage.stop(world.served.process)
    check.end()


if __name__ == "__main__":
    main()
