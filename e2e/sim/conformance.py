#!/usr/bin/env python3
"""Referee of the simulated AWS: plays the conformance rows of
`simulator.md` §7, and what its policies let through, with boto3 against a running simulator, one line per row.

    conformance.py --endpoint http://127.0.0.1:4570 [--command PATH] [--only W-01,S-13]

`--command` is a simulator binary that takes --listen, --state, --seed and --frozen-clock (`hallpass sim`); with it the
rows that need a process of their own (F-19, F-20) are played too.
"""

import csv
import datetime
import hashlib
import hmac
import http.client
import io
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
import uuid

import boto3
import botocore.config
import botocore.endpoint
import botocore.exceptions

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from rows import ROWS, control, end, every_operation_is_called, options, pages_of, play, refused, row, simulated, watched  # noqa: E402 - beside this
from stage import free_port  # noqa: E402 - of the folder above

class Lapse:
    """In the place of `time` where boto3 waits before it asks again: the simulator's clock moves instead."""

    @staticmethod
    def sleep(seconds):
        Sim.newest.advance(seconds)


botocore.endpoint.time = Lapse


class Sim:
    # the one that rows wait for
    newest = None

    def __init__(self, endpoint):
        self.endpoint = endpoint.rstrip("/")
        self.address = urllib.parse.urlparse(self.endpoint)
        state = self.control("GET", "/state")
        self.management = state["organization"]["management_account"]
        self.region = state["identity_center"]["home_region"]
        self.instance = state["identity_center"]["instance_arn"]
        self.store = state["identity_center"]["identity_store_id"]
        self.accounts = state["organization"]["accounts"]
        self.key = self.credentials(self.management)
        Sim.newest = self

    def control(self, method, path, body=None, status=None):
        code, text = control(self.endpoint, method, path, body)
        if status is not None:
            assert code == status, (path, code, text)
        elif code >= 400:
            raise AssertionError((path, code, text))
        return json.loads(text) if text else None

    def credentials(self, account):
        found = self.control("GET", f"/credentials?account={account}")
        return found["access_key_id"], found["secret_access_key"], None

    def client(self, service, key=None, region=None, retries=None):
        access, secret, token = key or self.key
        config = botocore.config.Config(
            retries=retries or {"mode": "standard", "max_attempts": 5},
            parameter_validation=False,
            read_timeout=10,
        )
        return watched(boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=region or self.region,
            aws_access_key_id=access,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=config,
        ))

    def once(self, service, key=None, region=None):
        return self.client(service, key, region, {"mode": "standard", "max_attempts": 1})

    def raw(self, service, target=None, body="{}", form=None, at=None, key=None, scope=None,
            tamper=None, sign=True, region=None, path="/"):
        """One request signed by hand, so that it can be wrong."""
        access, secret, token = key or self.key
        stamp = (at or datetime.datetime.now(datetime.timezone.utc)).strftime("%Y%m%dT%H%M%SZ")
        headers = {"host": self.address.netloc, "x-amz-date": stamp}
        if form is not None:
            body = form
            headers["content-type"] = "application/x-www-form-urlencoded; charset=utf-8"
        else:
            headers["content-type"] = "application/x-amz-json-1.1"
            headers["x-amz-target"] = target
        if token:
            headers["x-amz-security-token"] = token
        names = ";".join(sorted(headers))
        canonical = "\n".join(
            ["POST", path, ""] + [f"{name}:{headers[name]}" for name in sorted(headers)]
            + ["", names, hashlib.sha256(body.encode()).hexdigest()]
        )
        place = f"{stamp[:8]}/{region or self.region}/{scope or service}/aws4_request"
        text = "\n".join(
            ["AWS4-HMAC-SHA256", stamp, place, hashlib.sha256(canonical.encode()).hexdigest()]
        )
        signing = ("AWS4" + secret).encode()
        for part in place.split("/"):
            signing = hmac.new(signing, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(signing, text.encode(), hashlib.sha256).hexdigest()
        if sign:
            headers["authorization"] = (
                f"AWS4-HMAC-SHA256 Credential={access}/{place}, SignedHeaders={names}, "
                f"Signature={signature}"
            )
        connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=10)
        connection.request("POST", path, (tamper or body).encode(), headers)
        answer = connection.getresponse()
        return answer.status, dict((k.lower(), v) for k, v in answer.getheaders()), answer.read().decode()

    def fault(self, **fault):
        return self.control("POST", "/faults", fault, status=201)["ids"][0]

    def load(self, **more):
        """Adds to the organization what an organization file says."""
        return self.control("POST", "/load?merge=1", {"version": 1, **more})

    def mutate(self, **change):
        return self.control("POST", "/mutate", change)

    def advance(self, seconds):
        return self.control("POST", "/advance", {"seconds": seconds})

    def quiet(self):
        """Waits until nothing is in flight and every window is over."""
        self.control("DELETE", "/faults")
        self.advance(90)


def eventually(condition, seconds=8, every=0.5):
    """The condition, looked at until it holds: reads may be late. The seconds are those of the simulator's clock."""
    for _ in range(int(seconds / every)):
        try:
            found = condition()
        except botocore.exceptions.ClientError:
            found = None
        if found:
            return found
        Sim.newest.advance(every)
    raise AssertionError("did not come about in time")


def pages(client, operation, key, **parameters):
    found = []
    for page in client.get_paginator(operation).paginate(**parameters):
        found.extend(page[key])
    return found


class World:
    """What several rows need: a user, groups, sets, accounts to assign in."""

    def __init__(self, sim):
        self.sim = sim
        self.sso = sim.client("sso-admin")
        self.ids = sim.client("identitystore")
        self.org = sim.client("organizations")
        self.sts = sim.client("sts")
        accounts = pages(self.org, "list_accounts", "Accounts")
        self.members = [a["Id"] for a in accounts if a["Id"] != sim.management and a["State"] == "ACTIVE"]
        self.mark = uuid.uuid4().hex[:8]
        self.count = 0

    def name(self, kind):
        self.count += 1
        return f"{kind}-{self.mark}-{self.count}"

    def user(self):
        name = self.name("user")
        made = self.ids.create_user(
            IdentityStoreId=self.sim.store, UserName=name, DisplayName=name.title(),
            Name={"GivenName": "Test", "FamilyName": name},
            Emails=[{"Value": f"{name}@test.example", "Type": "work", "Primary": True}],
        )
        self.ids.describe_user(IdentityStoreId=self.sim.store, UserId=made["UserId"])
        # by its id it is there at once, lists and searches are later
        by_name = [{"AttributePath": "UserName", "AttributeValue": name}]
        eventually(lambda: self.ids.list_users(IdentityStoreId=self.sim.store, Filters=by_name)["Users"])
        return made["UserId"], name

    def group(self):
        name = self.name("group")
        made = self.ids.create_group(IdentityStoreId=self.sim.store, DisplayName=name)
        self.ids.describe_group(IdentityStoreId=self.sim.store, GroupId=made["GroupId"])
        by_name = [{"AttributePath": "DisplayName", "AttributeValue": name}]
        eventually(lambda: self.ids.list_groups(IdentityStoreId=self.sim.store, Filters=by_name)["Groups"])
        return made["GroupId"], name

    def set(self):
        name = self.name("set")
        made = self.sso.create_permission_set(InstanceArn=self.sim.instance, Name=name)
        return made["PermissionSet"]["PermissionSetArn"], name

    def target(self, account, arn, principal, kind="USER"):
        return dict(
            InstanceArn=self.sim.instance, TargetId=account, TargetType="AWS_ACCOUNT",
            PermissionSetArn=arn, PrincipalType=kind, PrincipalId=principal,
        )

    def status(self, request, what="creation"):
        name = f"describe_account_assignment_{what}_status"
        member = f"AccountAssignment{what.title()}RequestId"
        answer = getattr(self.sso, name)(InstanceArn=self.sim.instance, **{member: request})
        return answer[f"AccountAssignment{what.title()}Status"]

    def finish(self, request, what="creation"):
        found = eventually(
            lambda: (lambda s: s if s["Status"] != "IN_PROGRESS" else None)(self.status(request, what)), 70
        )
        return found

    def create(self, account, arn, principal, kind="USER"):
        made = self.sso.create_account_assignment(**self.target(account, arn, principal, kind))
        return self.finish(made["AccountAssignmentCreationStatus"]["RequestId"])

    def delete(self, account, arn, principal, kind="USER"):
        made = self.sso.delete_account_assignment(**self.target(account, arn, principal, kind))
        return self.finish(made["AccountAssignmentDeletionStatus"]["RequestId"], "deletion")

    def rows(self, account, arn):
        return pages(
            self.sso, "list_account_assignments", "AccountAssignments",
            InstanceArn=self.sim.instance, AccountId=account, PermissionSetArn=arn,
        )


# ---------------------------------------------------------------- wire

@row("W-01")
def _(sim, w):
    answer = w.sts.get_caller_identity()
    assert answer["Account"] == sim.management and answer["Arn"] and answer["UserId"].startswith("AIDA")
    assert answer["ResponseMetadata"]["RequestId"]


@row("W-02")
def _(sim, w):
    key = ("AKIA0000000000000000", "x" * 40, None)
    refused("InvalidClientTokenId", sim.once("sts", key).get_caller_identity, http=403)


@row("W-03")
def _(sim, w):
    key = (sim.key[0], "x" * 40, None)
    refused("SignatureDoesNotMatch", sim.once("sts", key).get_caller_identity, http=403)


@row("W-04")
def _(sim, w):
    key = ("AKIA0000000000000000", "x" * 40, None)
    refused("UnrecognizedClientException", sim.once("organizations", key).list_roots, http=400)
    refused("UnrecognizedClientException", sim.once("sso-admin", key).list_instances, http=400)


@row("W-05")
def _(sim, w):
    key = (sim.key[0], "x" * 40, None)
    refused("InvalidSignatureException", sim.once("organizations", key).list_roots, http=400)
    refused("InvalidSignatureException", sim.once("sso-admin", key).list_instances, http=400)


IDENTITY = "Action=GetCallerIdentity&Version=2011-06-15"


@row("W-06")
def _(sim, w):
    status, _, body = sim.raw("sts", form=IDENTITY, sign=False)
    assert status == 403 and "MissingAuthenticationToken" in body, (status, body)
    status, _, body = sim.raw("sso", "SWBExternalService.ListInstances", sign=False)
    assert status == 400 and "MissingAuthenticationTokenException" in body, (status, body)


def ago(minutes):
    return datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=minutes)


@row("W-07")
def _(sim, w):
    status, _, body = sim.raw("sts", form=IDENTITY, at=ago(20))
    assert status == 403 and "Signature expired" in body, (status, body)


@row("W-08")
def _(sim, w):
    status, _, body = sim.raw("sts", form=IDENTITY, at=ago(-20))
    assert status == 403 and "Signature not yet current" in body, (status, body)


@row("W-09")
def _(sim, w):
    status, _, body = sim.raw("sts", form=IDENTITY, tamper=IDENTITY + "&X=1")
    assert status == 403 and "SignatureDoesNotMatch" in body, (status, body)


@row("W-10")
def _(sim, w):
    status, _, body = sim.raw("sts", form=IDENTITY, scope="sqs")
    assert 400 <= status < 500 and "correct service" in body, (status, body)


@row("W-11")
def _(sim, w):
    key = (sim.key[0], sim.key[1], "made-up-token")
    refused("InvalidClientTokenId", sim.once("sts", key).get_caller_identity, http=403)


@row("W-12")
def _(sim, w):
    status, _, body = sim.raw("sts", form="Action=Nonsense&Version=2011-06-15")
    assert status == 400 and "<Code>InvalidAction</Code>" in body, (status, body)
    assert "Could not find operation Nonsense for version 2011-06-15" in body


@row("W-13")
def _(sim, w):
    for target in ("SWBExternalService.Nonsense", "Nonsense.Nothing"):
        status, headers, body = sim.raw("sso", target)
        assert status == 400 and json.loads(body)["__type"] == "UnknownOperationException", body


@row("W-23")
def _(sim, w):
    for service, operation, parameters in [
        ("sso-admin", "create_application", {"InstanceArn": sim.instance, "Name": "x", "ApplicationProviderArn": "x"}),
        ("organizations", "describe_handshake", {"HandshakeId": "h-12345678"}),
        ("iam", "create_instance_profile", {"InstanceProfileName": "x"}),
        ("ec2", "describe_subnets", {}),
        ("s3", "list_multipart_uploads", {"Bucket": "red"}),
        ("sns", "list_platform_applications", {}),
        ("events", "list_archives", {}),
        ("cloudformation", "list_stacks", {}),
        ("sqs", "list_message_move_tasks", {"SourceArn": "arn:aws:sqs:eu-west-1:111111111111:q"}),
        ("cloudtrail", "list_channels", {}),
        ("guardduty", "list_detectors", {}),
        ("securityhub", "list_invitations", {}),
        ("route53", "list_hosted_zones", {}),
        ("account", "get_primary_email", {"AccountId": "1" * 12}),
    ]:
        client = sim.once(service)
        error = refused("NotSimulated", getattr(client, operation), **parameters, http=501)
        name = client.meta.method_to_api_mapping[operation]
        message = error["Error"]["Message"]
        scope = client.meta.service_model.signing_name
        assert message.startswith(f"{scope}:") and message.endswith(" is not simulated"), message
        assert name in message or client.meta.service_model.metadata["protocol"].startswith("rest"), (name, message)


@row("W-24")
def _(sim, w):
    # as Kubernetes' aws-iam-authenticator has it: an address that somebody else calls, with a header that is signed
    def cluster(request, **_):
        request.headers["x-k8s-aws-id"] = "prod"

    sts = sim.client("sts")
    sts.meta.events.register("before-sign.sts.GetCallerIdentity", cluster)
    address = sts.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")

    def called(address, name):
        request = urllib.request.Request(address, headers={"x-k8s-aws-id": name, "accept": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    status, body = called(address, "prod")
    assert status == 200 and sim.management in body, (status, body)
    for changed, name in [(address, "dev"), (address.replace("X-Amz-Expires=60", "X-Amz-Expires=900"), "prod")]:
        status, body = called(changed, name)
        assert status == 403 and "SignatureDoesNotMatch" in body, (status, body)


@row("W-25")
def _(sim, w):
    hub = sim.client("securityhub")
    refused("InvalidAccessException", hub.describe_hub, http=401, text="not subscribed")
    hub.enable_security_hub(EnableDefaultStandards=False)
    try:
        standards_of_security_hub(hub)
    finally:
        hub.disable_security_hub()


def standards_of_security_hub(hub):
    refused("ResourceConflictException", hub.enable_security_hub, http=409)
    assert hub.describe_hub()["ControlFindingGenerator"] == "SECURITY_CONTROL"
    standards = [row["StandardsArn"] for row in pages_of(hub, "describe_standards", "Standards", size=1)]
    assert standards == sorted(standards) and len(standards) == 4, standards
    arn = next(it for it in standards if it.endswith("pci-dss/v/3.2.1"))
    controls = pages_of(hub, "list_security_control_definitions", "SecurityControlDefinitions", StandardsArn=arn)
    assert "IAM.6" in {row["SecurityControlId"] for row in controls}, controls

    rows = lambda: hub.get_enabled_standards()["StandardsSubscriptions"]
    enabled = lambda status: eventually(lambda: [row["StandardsStatus"] for row in rows()] == status, 60)

    def turned_on():
        hub.batch_enable_standards(StandardsSubscriptionRequests=[{"StandardsArn": arn}])
        enabled(["READY"])
        return rows()[0]

    subscription = turned_on()
    assert subscription["StandardsControlsUpdatable"] == "READY_FOR_UPDATES", subscription
    one = {"StandardsArn": arn, "SecurityControlId": "IAM.6"}
    off = {**one, "AssociationStatus": "DISABLED"}
    for update, unprocessed in [(off, ["INVALID_INPUT"]), ({**off, "UpdatedReason": "elsewhere"}, []), ({**off, "StandardsArn": "arn:none"}, ["RESOURCE_NOT_FOUND"])]:
        answer = hub.batch_update_standards_control_associations(StandardsControlAssociationUpdates=[update])
        assert [row["ErrorCode"] for row in answer["UnprocessedAssociationUpdates"]] == unprocessed, answer
    many = [{**off, "UpdatedReason": "x"}] * 101
    refused("InvalidInputException", hub.batch_update_standards_control_associations, StandardsControlAssociationUpdates=many)
    listed = hub.list_standards_control_associations(SecurityControlId="IAM.6")["StandardsControlAssociationSummaries"]
    assert [(row["AssociationStatus"], row["UpdatedReason"]) for row in listed] == [("DISABLED", "elsewhere")], listed

    def status():
        answer = hub.batch_get_standards_control_associations(StandardsControlAssociationIds=[one])
        return answer["StandardsControlAssociationDetails"][0]

    control = status()["StandardsControlArns"][0]
    hub.update_standards_control(StandardsControlArn=control, ControlStatus="ENABLED")
    assert status()["AssociationStatus"] == "ENABLED"
    refused("InvalidInputException", hub.update_standards_control, StandardsControlArn=control, ControlStatus="DISABLED")
    hub.update_standards_control(StandardsControlArn=control, ControlStatus="DISABLED", DisabledReason="again")
    hub.batch_disable_standards(StandardsSubscriptionArns=[subscription["StandardsSubscriptionArn"]])
    enabled([])
    turned_on()
    assert status()["AssociationStatus"] == "ENABLED"
    refused("InvalidInputException", hub.batch_enable_standards, StandardsSubscriptionRequests=[{"StandardsArn": "arn:none"}])
    refused("AccessDeniedException", hub.list_configuration_policies, http=403)


@row("W-14")
def _(sim, w):
    status, headers, body = sim.raw("sso", "SWBExternalService.ListInstances")
    assert status == 200 and headers["content-type"] == "application/x-amz-json-1.1", headers
    assert headers["x-amzn-requestid"]


@row("W-15")
def _(sim, w):
    status, headers, body = sim.raw("sso", "SWBExternalService.ListPermissionSets")
    answer = json.loads(body)
    assert status == 400 and answer["__type"] == "ValidationException" and answer["Message"], body
    assert headers["x-amzn-errortype"] == "ValidationException"


@row("W-16")
def _(sim, w):
    status, headers, body = sim.raw("sts", form=IDENTITY)
    assert status == 200 and headers["content-type"].startswith("text/xml"), headers
    start = '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    assert body.startswith(start), body
    assert "<ResponseMetadata><RequestId>" in body


@row("W-17")
def _(sim, w):
    status, headers, body = sim.raw("sts", form=IDENTITY, key=(sim.key[0], "x", None))
    assert status == 403 and body.startswith("<ErrorResponse xmlns="), body
    for part in ("<Type>Sender</Type>", "<Code>", "<Message>", "<RequestId>"):
        assert part in body, body


@row("W-18")
def _(sim, w):
    status, _, body = sim.raw("sso", "SWBExternalService.ListInstances", '{"Unknown": {"a": [1]}}')
    assert status == 200, body


@row("W-19")
def _(sim, w):
    status, _, body = sim.raw("sso", "SWBExternalService.ListInstances", '{"MaxResults": ')
    assert status == 400 and json.loads(body)["__type"] == "SerializationException", body


@row("W-20")
def _(sim, w):
    _, _, body = sim.raw("sso", "SWBExternalService.ListInstances")
    assert isinstance(json.loads(body)["Instances"][0]["CreatedDate"], (int, float)), body


@row("W-21")
def _(sim, w):
    for service, target, body in (
        ("sso", "SWBExternalService.ListPermissionSets", {"InstanceArn": sim.instance}),
        ("identitystore", "AWSIdentityStore.ListUsers", {"IdentityStoreId": sim.store}),
        ("organizations", "AWSOrganizationsV20161128.ListAccounts", {}),
    ):
        _, _, text = sim.raw(service, target, json.dumps(body))
        answer = json.loads(text, object_pairs_hook=lambda pairs: dict(pairs))
        assert "null" not in text.replace('"null', ""), text[:300]
        assert answer.get("NextToken") != "", text[:300]


@row("W-22")
def _(sim, w):
    status, _, body = sim.raw(
        "organizations", "AWSOrganizationsV20161128.DescribeOrganization", region="eu-west-1")
    assert status == 200 and json.loads(body)["Organization"]["Id"].startswith("o-"), body


# ---------------------------------------------------------------- sts

def assume(sim, w, account=None, name="someone", **more):
    role = f"arn:aws:iam::{account or w.members[0]}:role/OrganizationAccountAccessRole"
    return w.sts.assume_role(RoleArn=role, RoleSessionName=name, **more)


def keys(answer):
    found = answer["Credentials"]
    return found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]


@row("T-01")
def _(sim, w):
    answer = assume(sim, w)
    assert answer["Credentials"]["AccessKeyId"].startswith("ASIA")
    now = datetime.datetime.fromisoformat(sim.control("GET", "/state")["clock"]["now"].replace("Z", "+00:00"))
    left = (answer["Credentials"]["Expiration"] - now).total_seconds()
    assert 3500 < left <= 3601, left
    assert ":someone" in answer["AssumedRoleUser"]["AssumedRoleId"]


@row("T-02")
def _(sim, w):
    answer = sim.client("sts", keys(assume(sim, w))).get_caller_identity()
    arn = f"arn:aws:sts::{w.members[0]}:assumed-role/OrganizationAccountAccessRole/someone"
    assert answer["Arn"] == arn and answer["Account"] == w.members[0], answer
    assert answer["UserId"].startswith("AROA") and answer["UserId"].endswith(":someone")


@row("T-03")
def _(sim, w):
    access, secret, _ = keys(assume(sim, w))
    refused("InvalidClientTokenId", sim.once("sts", (access, secret, None)).get_caller_identity, http=403)


@row("T-04")
def _(sim, w):
    access, _, token = keys(assume(sim, w))
    refused("SignatureDoesNotMatch", sim.once("sts", (access, "x" * 40, token)).get_caller_identity, http=403)


@row("T-05")
def _(sim, w):
    role = f"arn:aws:iam::{w.members[0]}:role/Nobody"
    refused("AccessDenied", w.sts.assume_role, RoleArn=role, RoleSessionName="someone", http=403,
            text=f"is not authorized to perform: sts:AssumeRole on resource: {role}")


@row("T-06")
def _(sim, w):
    refused("ValidationError", assume, sim, w, DurationSeconds=899, http=400, text="durationSeconds")


@row("T-07")
def _(sim, w):
    refused("ValidationError", assume, sim, w, DurationSeconds=7200, http=400, text="DurationSeconds")


@row("T-08")
def _(sim, w):
    refused("ValidationError", assume, sim, w, name="x y", http=400, text="roleSessionName")


@row("T-09")
def _(sim, w):
    access = keys(assume(sim, w))[0]
    assert w.sts.get_access_key_info(AccessKeyId=access)["Account"] == w.members[0]


def credential_report(sim, iam):
    """boto3 has no waiter for it: asked for until it is there."""
    states = []
    for _ in range(20):
        states.append(iam.generate_credential_report()["State"])
        if states[-1] == "COMPLETE":
            break
        sim.advance(5)
    assert states[0] in ("STARTED", "COMPLETE") and states[-1] == "COMPLETE", states
    found = iam.get_credential_report()
    assert found["ReportFormat"] == "text/csv" and found["GeneratedTime"].tzinfo, found
    return list(csv.DictReader(io.StringIO(found["Content"].decode())))


@row("M-01")
def _(sim, w):
    iam = sim.client("iam", sim.credentials(w.members[0]))
    users = pages_of(iam, "list_users", "Users", size=1)
    assert len({user["Arn"] for user in users}) == len(users) > 1, users
    assert "sim-admin" in {user["UserName"] for user in users}
    for user in users:
        name = user["UserName"]
        whole = iam.get_user(UserName=name)["User"]
        tags = pages_of(iam, "list_user_tags", "Tags", UserName=name, size=1)
        assert sorted(map(str, whole.get("Tags", []))) == sorted(map(str, tags)), (whole, tags)
        for key in pages_of(iam, "list_access_keys", "AccessKeyMetadata", UserName=name):
            used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
            last = used["AccessKeyLastUsed"]
            assert used["UserName"] == name and ("LastUsedDate" in last) == (last["Region"] != "N/A"), used


@row("M-02")
def _(sim, w):
    iam = sim.client("iam", sim.credentials(w.members[1]))
    refused("ReportNotPresent", iam.get_credential_report, http=410)
    rows = credential_report(sim, iam)
    assert len(rows[0]) == 22 and rows[0]["user"] == "<root_account>", rows[0]
    users = pages_of(iam, "list_users", "Users")
    assert {row["arn"] for row in rows[1:]} == {user["Arn"] for user in users}
    sim.advance(4 * 3600)
    refused("ReportExpired", iam.get_credential_report, http=410)


@row("M-03")
def _(sim, w):
    iam = sim.client("iam", sim.credentials(w.members[0]))
    lists = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
    found = {name: pages_of(iam, "get_account_authorization_details", name, size=2) for name in lists}
    assert {user["Arn"] for user in found["UserDetailList"]} == {user["Arn"] for user in pages_of(iam, "list_users", "Users")}
    assert {role["Arn"] for role in found["RoleDetailList"]} == {role["Arn"] for role in pages_of(iam, "list_roles", "Roles")}
    own = [policy for policy in found["Policies"] if ":iam::aws:" not in policy["Arn"]]
    assert own and own[0]["PolicyVersionList"][0]["Document"]["Statement"], own
    for role in found["RoleDetailList"]:
        assert role["AssumeRolePolicyDocument"]["Statement"], role
    only = iam.get_account_authorization_details(Filter=["Group"])
    assert only["GroupDetailList"] and not only["UserDetailList"] and not only["Policies"], only


@row("M-04")
def _(sim, w):
    iam = sim.client("iam", sim.credentials(w.members[0]))
    summary = iam.get_account_summary()["SummaryMap"]
    assert summary["Users"] == len(pages_of(iam, "list_users", "Users")) and summary["AccessKeysPerUserQuota"] == 2
    assert summary["AccountMFAEnabled"] in (0, 1), summary
    aws = pages_of(iam, "list_policies", "Policies", Scope="AWS", size=50)
    assert len(aws) > 60, len(aws)
    one = iam.get_policy(PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")["Policy"]
    version = iam.get_policy_version(PolicyArn=one["Arn"], VersionId=one["DefaultVersionId"])["PolicyVersion"]
    assert version["Document"]["Statement"], version
    policies, without = 0, 0
    for account in w.members[:12]:
        try:
            sim.client("iam", sim.credentials(account)).get_account_password_policy()
            policies += 1
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "NoSuchEntity", error
            without += 1
    assert policies and without, (policies, without)


@row("M-05")
def _(sim, w):
    account = w.members[0]
    iam = sim.client("iam", sim.credentials(account))
    name = f"zoe-{uuid.uuid4().hex[:8]}"
    made = iam.create_user(UserName=name, Tags=[{"Key": "email", "Value": "zoe@example.com"}])["User"]
    assert made["Arn"] == f"arn:aws:iam::{account}:user/{name}", made
    refused("EntityAlreadyExists", iam.create_user, UserName=name.upper(), http=409)
    iam.tag_user(UserName=name, Tags=[{"Key": "team", "Value": "ops"}])
    assert len(iam.list_user_tags(UserName=name)["Tags"]) == 2
    iam.create_login_profile(UserName=name, Password="correct-horse-battery", PasswordResetRequired=True)
    assert iam.get_login_profile(UserName=name)["LoginProfile"]["PasswordResetRequired"]
    eventually(lambda: name in {user["UserName"] for user in pages_of(iam, "list_users", "Users")})
    key = iam.create_access_key(UserName=name)["AccessKey"]
    own = key["AccessKeyId"], key["SecretAccessKey"], None
    eventually(lambda: works(sim, own))
    assert sim.client("sts", own).get_caller_identity()["Arn"] == made["Arn"]
    refused("DeleteConflict", iam.delete_user, UserName=name, http=409)
    iam.update_access_key(UserName=name, AccessKeyId=own[0], Status="Inactive")
    eventually(lambda: not works(sim, own))
    iam.delete_access_key(UserName=name, AccessKeyId=own[0])
    iam.delete_login_profile(UserName=name)
    iam.delete_user(UserName=name)
    refused("NoSuchEntity", iam.get_user, UserName=name, http=404)
    said = json.dumps(sim.control("GET", "/calls?service=iam&limit=5000"))
    assert "correct-horse" not in said and own[1] not in said


@row("M-06")
def _(sim, w):
    found = {}
    for account in w.members:
        iam = sim.client("iam", sim.credentials(account))
        answer = iam.list_delegation_requests()
        assert answer["isTruncated"] is False, answer
        for it in answer["DelegationRequests"]:
            assert it["OwnerAccountId"] == account and it["SessionDuration"] > 0, it
            assert json.loads(it["PermissionPolicy"])["Statement"], it
            found.setdefault(it["State"], (iam, it["DelegationRequestId"]))
        if {"ASSIGNED", "FINALIZED"} <= set(found):
            break
    iam, known = found["FINALIZED"]
    refused("InvalidInput", iam.reject_delegation_request, DelegationRequestId=known)
    refused("NoSuchEntity", iam.get_delegation_request, DelegationRequestId="x" * 16, http=404)
    iam, known = found["ASSIGNED"]
    one = {"DelegationRequestId": known}
    state = lambda: iam.get_delegation_request(**one)["DelegationRequest"]["State"]
    refused("InvalidInput", iam.send_delegation_token, **one)
    iam.update_delegation_request(Notes="please look", **one)
    eventually(lambda: state() == "PENDING_APPROVAL")
    iam.accept_delegation_request(**one)
    eventually(lambda: state() == "ACCEPTED")
    iam.send_delegation_token(**one)
    eventually(lambda: state() == "FINALIZED")
    assert iam.get_delegation_request(**one)["DelegationRequest"]["ApproverId"].startswith("arn:aws:"), one


@row("M-07")
def _(sim, w):
    iam = sim.client("iam", sim.credentials(w.members[1]))
    iam.put_account_properties(Properties={"RoleManager/Example": "true"})
    eventually(lambda: iam.get_account_properties()["Properties"].get("RoleManager/Example") == "true")
    refused("InvalidInput", iam.put_account_properties, Properties={"A/x": "1", "B/x": "1"})
    refused("FeatureDisabled", iam.get_outbound_web_identity_federation_info, http=404)
    issuer = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    eventually(lambda: enabled(iam) == issuer)
    refused("FeatureEnabled", iam.enable_outbound_web_identity_federation, http=409)
    iam.disable_outbound_web_identity_federation()
    providers = iam.list_saml_providers()["SAMLProviderList"]
    assert all("AWSSSO_" in it["Arn"] for it in providers), providers
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


def enabled(iam):
    try:
        return iam.get_outbound_web_identity_federation_info()["IssuerIdentifier"]
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "FeatureDisabled", error
        return None


def works(sim, key):
    try:
        return bool(sim.once("sts", key).get_caller_identity())
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "InvalidClientTokenId", error
        return False


@row("A-01")
def _(sim, w):
    account = sim.client("account")
    found = {}
    for member in w.members[:20]:
        for kind in ("BILLING", "OPERATIONS", "SECURITY"):
            try:
                contact = account.get_alternate_contact(AccountId=member, AlternateContactType=kind)["AlternateContact"]
                assert contact["AlternateContactType"] == kind and "@" in contact["EmailAddress"], contact
                found[kind] = found.get(kind, 0) + 1
            except account.exceptions.ResourceNotFoundException:
                pass
        assert account.get_contact_information(AccountId=member)["ContactInformation"]["FullName"]
    assert all(0 < found[kind] < 20 for kind in ("BILLING", "OPERATIONS", "SECURITY")), found
    where = {"AccountId": w.members[0], "AlternateContactType": "SECURITY"}
    assert account.get_region_opt_status(RegionName="us-east-1")["RegionOptStatus"] == "ENABLED_BY_DEFAULT"
    refused("ValidationException", account.get_region_opt_status, RegionName="eu-nowhere-1")
    account.put_alternate_contact(Name="Lou", Title="CISO", EmailAddress="lou@example.com", PhoneNumber="+1 555", **where)
    assert account.get_alternate_contact(**where)["AlternateContact"]["Name"] == "Lou"
    account.delete_alternate_contact(**where)
    refused("ResourceNotFoundException", account.delete_alternate_contact, http=404, **where)


@row("DG-01")
def _(sim, w):
    guru = sim.client("devops-guru")
    end = datetime.datetime.now(datetime.timezone.utc)
    began = {"FromTime": end - datetime.timedelta(days=30), "ToTime": end}
    some = {"Any": {"Type": "REACTIVE", "StartTimeRange": began}}
    assert isinstance(guru.list_organization_insights(StatusFilter=some)["ReactiveInsights"], list)
    health = guru.describe_organization_health()
    assert health["OpenReactiveInsights"] >= 0 and health["OpenProactiveInsights"] >= 0, health
    refused("ValidationException", guru.search_organization_insights, AccountIds=w.members[:2], StartTimeRange=began, Type="REACTIVE")
    refused("ValidationException", guru.list_organization_insights, StatusFilter={**some, "Ongoing": {"Type": "REACTIVE"}})
    member = sim.client("devops-guru", sim.credentials(w.members[0]))
    refused("AccessDeniedException", member.describe_organization_health, http=403)


@row("DG-02")
def _(sim, w):
    name = f"conformance-{uuid.uuid4().hex[:8]}"
    sns, guru = sim.client("sns"), sim.client("devops-guru", sim.credentials(w.members[0]))
    topic = sns.create_topic(Name=name)["TopicArn"]
    channel = {"Sns": {"TopicArn": topic}, "Filters": {"Severities": ["HIGH"], "MessageTypes": ["NEW_INSIGHT", "CLOSED_INSIGHT"]}}
    refused("AccessDeniedException", guru.add_notification_channel, http=403, Config=channel)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": f"{sim.region}.devops-guru.amazonaws.com"},
                                                       "Action": "sns:Publish", "Resource": topic}]}
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy))
    made = guru.add_notification_channel(Config=channel)["Id"]
    rows = [it for it in guru.list_notification_channels()["Channels"] if it["Id"] == made]
    assert [it["Config"] for it in rows] == [channel], rows
    refused("ConflictException", guru.add_notification_channel, http=409, Config=channel)
    refused("ResourceNotFoundException", guru.add_notification_channel, http=404, Config={"Sns": {"TopicArn": topic + "-none"}})
    own = sim.client("sns", sim.credentials(w.members[0]))
    others = [own.create_topic(Name=f"{name}-{it}")["TopicArn"] for it in range(2)]
    second = guru.add_notification_channel(Config={"Sns": {"TopicArn": others[0]}})["Id"]
    refused("ServiceQuotaExceededException", guru.add_notification_channel, http=402, Config={"Sns": {"TopicArn": others[1]}})
    for it in (made, second):
        guru.remove_notification_channel(Id=it)
    refused("ResourceNotFoundException", guru.remove_notification_channel, http=404, Id=made)


@row("EB-01")
def _(sim, w):
    name = f"conformance-{uuid.uuid4().hex[:8]}"
    bus, sqs, sns = sim.client("events"), sim.client("sqs"), sim.client("sns")
    pattern = {"source": [name], "detail": {"n": [{"numeric": [">", 1]}], "who": [{"anything-but": {"prefix": "x"}}]}}
    arn = bus.put_rule(Name=name, EventPattern=json.dumps(pattern), Description="d")["RuleArn"]
    assert arn == f"arn:aws:events:{sim.region}:{sim.management}:rule/{name}", arn
    found = bus.describe_rule(Name=name)
    assert (found["State"], found["CreatedBy"], json.loads(found["EventPattern"])) == ("ENABLED", sim.management, pattern), found
    policy = lambda service, action: json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": service}, "Action": action, "Resource": "*", "Condition": {"ArnEquals": {"aws:SourceArn": arn}}}]})
    url = sqs.create_queue(QueueName=name, Attributes={"Policy": policy("events.amazonaws.com", "sqs:SendMessage")})["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name=name, Attributes={"Policy": policy("events.amazonaws.com", "sns:Publish")})["TopicArn"]
    behind = sqs.create_queue(QueueName=name + "-2", Attributes={"Policy": policy("sns.amazonaws.com", "sqs:SendMessage").replace(arn, topic)})["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue + "-2", Attributes={"RawMessageDelivery": "true"})
    transformer = {"InputPathsMap": {"who": "$.detail.who"}, "InputTemplate": '{"by": <who>, "rule": "<aws.events.rule-name>"}'}
    targets = [{"Id": "queue", "Arn": queue}, {"Id": "topic", "Arn": topic, "InputTransformer": transformer}]
    assert bus.put_targets(Rule=name, Targets=targets)["FailedEntryCount"] == 0
    assert bus.list_targets_by_rule(Rule=name)["Targets"] == targets
    assert bus.list_rule_names_by_target(TargetArn=queue)["RuleNames"] == [name]
    assert [it["Arn"] for it in bus.get_paginator("list_rules").paginate(NamePrefix=name).build_full_result()["Rules"]] == [arn]
    got = lambda url: [it["Body"] for it in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, VisibilityTimeout=600).get("Messages", [])]
    entry = lambda **detail: {"Source": name, "DetailType": "t", "Detail": json.dumps(detail), "Resources": ["arn:r"]}
    answer = bus.put_events(Entries=[entry(n=2, who="ana"), entry(n=1, who="ana"), entry(n=2, who="xi"), {**entry(), "Source": "aws.s3"}, {"Source": name}])
    codes = [it.get("ErrorCode") for it in answer["Entries"]]
    assert answer["FailedEntryCount"] == 2 and codes == [None, None, None, "NotAuthorizedForSourceException", "InvalidArgument"], answer
    event, = [json.loads(it) for it in got(url)]
    assert (event["id"], event["account"], event["detail-type"], event["resources"], event["detail"]) == (
        answer["Entries"][0]["EventId"], sim.management, "t", ["arn:r"], {"n": 2, "who": "ana"}), event
    assert got(behind) == [json.dumps({"by": "ana", "rule": name})]
    bus.disable_rule(Name=name)
    bus.put_events(Entries=[entry(n=3, who="ana")])
    assert bus.describe_rule(Name=name)["State"] == "DISABLED" and got(url) == []
    bus.enable_rule(Name=name)
    event = {"id": "1", "account": "1", "source": name, "time": "2026-03-02T10:00:00Z", "region": sim.region, "resources": [], "detail-type": "t",
             "detail": {"n": 2, "who": "ana"}}
    assert bus.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))["Result"] is True
    six = [{"Id": str(it), "Arn": queue} for it in range(4)]
    refused("LimitExceededException", bus.put_targets, Rule=name, Targets=six)
    refused("InvalidEventPatternException", bus.put_rule, Name=name, EventPattern='{"source": "a"}')
    refused("ValidationException", bus.put_rule, Name="n" * 65, EventPattern='{"source": ["a"]}')
    refused("ValidationException", bus.put_events, Entries=[entry()] * 11)
    refused("ValidationException", bus.delete_rule, Name=name)
    refused("ResourceNotFoundException", bus.describe_rule, Name=name + "-none")
    refused("ResourceNotFoundException", bus.put_rule, Name=name, EventPattern='{"source": ["a"]}', EventBusName="own")
    assert json.loads(bus.describe_rule(Name=name)["EventPattern"]) == pattern and len(bus.list_targets_by_rule(Rule=name)["Targets"]) == 2
    assert bus.remove_targets(Rule=name, Ids=["queue", "topic"])["FailedEntryCount"] == 0
    bus.delete_rule(Name=name)
    refused("ResourceNotFoundException", bus.list_targets_by_rule, Rule=name)


@row("SN-01")
def _(sim, w):
    name = f"conformance-{uuid.uuid4().hex[:8]}"
    sns, sqs = sim.client("sns"), sim.client("sqs")
    topic = sns.create_topic(Name=name, Attributes={"DisplayName": "d"})["TopicArn"]
    assert sns.create_topic(Name=name)["TopicArn"] == topic and topic.split(":")[3:5] == [sim.region, sim.management], topic
    assert topic in [it["TopicArn"] for it in sns.get_paginator("list_topics").paginate().build_full_result()["Topics"]]
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["DisplayName"] == "d"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    got = lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, VisibilityTimeout=600).get("Messages", [])
    sub = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)["SubscriptionArn"]
    assert sub == sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)["SubscriptionArn"] and sub.startswith(topic + ":"), sub
    # a queue that does not let the topic in gets nothing
    sns.publish(TopicArn=topic, Message="lost")
    assert got() == [], "the queue has no policy"
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage",
                                                       "Resource": queue, "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    id = sns.publish(TopicArn=topic, Message='{"a": 1}', Subject="s", MessageAttributes={"k": {"DataType": "String", "StringValue": "v"}})["MessageId"]
    body = json.loads(got()[0]["Body"])
    assert (body["Type"], body["MessageId"], body["TopicArn"], body["Message"], body["Subject"]) == ("Notification", id, topic, '{"a": 1}', "s"), body
    assert body["MessageAttributes"] == {"k": {"Type": "String", "Value": "v"}} and body["Timestamp"].endswith("Z"), body
    sns.set_subscription_attributes(SubscriptionArn=sub, AttributeName="RawMessageDelivery", AttributeValue="true")
    assert sns.get_subscription_attributes(SubscriptionArn=sub)["Attributes"]["RawMessageDelivery"] == "true"
    sns.publish(TopicArn=topic, Message="raw")
    assert [it["Body"] for it in got()] == ["raw"]
    pending = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com")["SubscriptionArn"]
    rows = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert pending == "pending confirmation" and sorted(it["SubscriptionArn"] for it in rows) == sorted([sub, "PendingConfirmation"]), rows
    sns.unsubscribe(SubscriptionArn=sub)
    sns.publish(TopicArn=topic, Message="nobody")
    assert got() == []
    refused("InvalidParameter", sns.create_topic, Name=name + ".fifo")
    refused("NotFound", sns.publish, http=404, TopicArn=topic + "x", Message="m")
    sns.delete_topic(TopicArn=topic)
    refused("NotFound", sns.get_topic_attributes, http=404, TopicArn=topic)


@row("CF-01")
def _(sim, w):
    cfn, name, role = sim.client("cloudformation"), f"conformance-{uuid.uuid4().hex[:8]}", f"conformance-{uuid.uuid4().hex[:8]}"
    template = {"Parameters": {"Who": {"Type": "String"}}, "Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": {
        "RoleName": role, "ManagedPolicyArns": [{"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/ReadOnlyAccess"}],
        "AssumeRolePolicyDocument": {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                     "Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${Who}:root"}}}]}}}}}
    wish = {"StackSetName": name, "TemplateBody": json.dumps(template), "PermissionModel": "SERVICE_MANAGED", "AutoDeployment": {"Enabled": False},
            "Parameters": [{"ParameterKey": "Who", "ParameterValue": sim.management}], "ClientRequestToken": "token-1"}
    cfn.deactivate_organizations_access()
    assert cfn.describe_organizations_access()["Status"] == "DISABLED"
    refused("ValidationError", cfn.create_stack_set, Capabilities=["CAPABILITY_NAMED_IAM"], **wish)
    cfn.activate_organizations_access()
    assert cfn.describe_organizations_access(CallAs="SELF")["Status"] == "ENABLED"
    refused("InsufficientCapabilitiesException", cfn.create_stack_set, **wish)
    wish["Capabilities"] = ["CAPABILITY_NAMED_IAM"]
    made = cfn.create_stack_set(**wish)["StackSetId"]
    assert cfn.create_stack_set(**wish)["StackSetId"] == made, "the same token is the same stack set"
    refused("NameAlreadyExistsException", cfn.create_stack_set, http=409, **{**wish, "ClientRequestToken": "token-2"})
    seen = cfn.describe_stack_set(StackSetName=name)["StackSet"]
    assert (seen["PermissionModel"], seen["AutoDeployment"], seen["Parameters"]) == ("SERVICE_MANAGED", {"Enabled": False}, wish["Parameters"]), seen
    assert json.loads(seen["TemplateBody"]) == template
    root, member = sim.client("organizations").list_roots()["Roots"][0]["Id"], w.members[0]
    targets = {"OrganizationalUnitIds": [root], "Accounts": [member], "AccountFilterType": "INTERSECTION"}
    begin = lambda id, **more: cfn.create_stack_instances(StackSetName=name, DeploymentTargets={**targets, **more}, Regions=[sim.region], OperationId=id)
    assert begin("op-1")["OperationId"] == "op-1"
    refused("OperationIdAlreadyExistsException", begin, "op-1", http=409)
    state = lambda id: cfn.describe_stack_set_operation(StackSetName=name, OperationId=id)["StackSetOperation"]["Status"]
    if state("op-1") == "RUNNING":
        refused("OperationInProgressException", begin, "op-2", http=409)
    sim.advance(60)
    assert eventually(lambda: state("op-1") == "SUCCEEDED", 30), state("op-1")
    rows = cfn.list_stack_set_operation_results(StackSetName=name, OperationId="op-1")["Summaries"]
    assert [(it["Account"], it["Status"]) for it in rows] == [(member, "SUCCEEDED")], rows
    stack = cfn.describe_stack_instance(StackSetName=name, StackInstanceAccount=member, StackInstanceRegion=sim.region)["StackInstance"]
    assert stack["StackInstanceStatus"] == {"DetailedStatus": "SUCCEEDED"} and stack["Status"] == "CURRENT", stack
    held = sim.client("iam", sim.credentials(member)).list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert [it["PolicyName"] for it in held] == ["ReadOnlyAccess"], held
    # what stands there already fails in its account, and says so
    other = w.members[1]
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
    sim.client("iam", sim.credentials(other)).create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))
    begin("op-3", Accounts=[other])
    sim.advance(60)
    assert eventually(lambda: state("op-3") == "FAILED", 30), state("op-3")
    rows = cfn.list_stack_set_operation_results(StackSetName=name, OperationId="op-3")["Summaries"]
    assert rows[0]["Status"] == "FAILED" and "already exists" in rows[0]["StatusReason"], rows
    listed = pages_of(cfn, "list_stack_instances", "Summaries", size=1, StackSetName=name)
    assert {it["Account"]: it["StackInstanceStatus"]["DetailedStatus"] for it in listed} == {member: "SUCCEEDED", other: "FAILED"}, listed
    refused("StackSetNotEmptyException", cfn.delete_stack_set, http=409, StackSetName=name)
    refused("StackInstanceNotFoundException", cfn.describe_stack_instance, http=404, StackSetName=name, StackInstanceAccount="000000000000",
            StackInstanceRegion=sim.region)
    refused("OperationNotFoundException", cfn.describe_stack_set_operation, http=404, StackSetName=name, OperationId="op-9")
    both = {**targets, "Accounts": [member, other]}
    gone = cfn.delete_stack_instances(StackSetName=name, DeploymentTargets=both, Regions=[sim.region], RetainStacks=True)["OperationId"]
    sim.advance(60)
    assert eventually(lambda: state(gone) == "SUCCEEDED", 30), state(gone)
    cfn.delete_stack_set(StackSetName=name)
    refused("StackSetNotFoundException", cfn.describe_stack_set, http=404, StackSetName=name)
    refused("ValidationError", sim.client("cloudformation", sim.credentials(member)).create_stack_set, **wish)


@row("KM-01")
def _(sim, w):
    kms = sim.client("kms")
    made = kms.create_key(Description="conformance", Tags=[{"TagKey": "k", "TagValue": "v"}])["KeyMetadata"]
    assert made["KeyState"] == "Enabled" and made["KeySpec"] == "SYMMETRIC_DEFAULT" and made["Arn"].endswith(made["KeyId"]), made
    assert kms.describe_key(KeyId=made["Arn"])["KeyMetadata"]["Arn"] == made["Arn"]
    listed = [row["KeyId"] for row in pages_of(kms, "list_keys", "Keys", size=1)]
    assert made["KeyId"] in listed and len(listed) == len(set(listed)), listed
    policy = json.loads(kms.get_key_policy(KeyId=made["KeyId"])["Policy"])
    assert policy["Statement"][0]["Principal"]["AWS"].endswith(":root"), policy
    status = lambda: kms.get_key_rotation_status(KeyId=made["KeyId"])
    assert status()["KeyRotationEnabled"] is False
    kms.enable_key_rotation(KeyId=made["KeyId"], RotationPeriodInDays=90)
    assert status()["KeyRotationEnabled"] and status()["RotationPeriodInDays"] == 90 and status()["NextRotationDate"].tzinfo, status()
    kms.disable_key_rotation(KeyId=made["KeyId"])
    kms.disable_key(KeyId=made["KeyId"])
    refused("DisabledException", kms.enable_key_rotation, KeyId=made["KeyId"])
    refused("ValidationException", kms.enable_key_rotation, KeyId=made["KeyId"], RotationPeriodInDays=9999)
    refused("NotFoundException", kms.describe_key, KeyId="00000000-0000-0000-0000-000000000000")
    refused("MalformedPolicyDocumentException", kms.put_key_policy, KeyId=made["KeyId"], Policy="{}")
    kms.schedule_key_deletion(KeyId=made["KeyId"], PendingWindowInDays=7)
    refused("KMSInvalidStateException", kms.enable_key_rotation, KeyId=made["KeyId"])


@row("RD-01")
def _(sim, w):
    rds = sim.client("rds")
    name = f"conformance-{uuid.uuid4().hex[:8]}"
    rds.create_db_instance(DBInstanceIdentifier=name.upper(), DBInstanceClass="db.t3.micro", Engine="mysql", PubliclyAccessible=True)
    row = lambda: rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
    refused("DBInstanceAlreadyExists", rds.create_db_instance, DBInstanceIdentifier=name, DBInstanceClass="db.t3.micro", Engine="mysql")
    # it is made in five minutes, and modified in one
    sim.advance(300)
    assert eventually(lambda: row()["DBInstanceStatus"] == "available", 30) and row()["PubliclyAccessible"] is True, row()
    rds.modify_db_instance(DBInstanceIdentifier=name, PubliclyAccessible=False)
    sim.advance(60)
    assert eventually(lambda: row()["DBInstanceStatus"] == "available", 30) and row()["PubliclyAccessible"] is False, row()
    assert name in [it["DBInstanceIdentifier"] for it in rds.get_paginator("describe_db_instances").paginate().build_full_result()["DBInstances"]]
    rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)
    refused("DBInstanceNotFound", rds.describe_db_instances, http=404, DBInstanceIdentifier=name)


@row("FL-01")
def _(sim, w):
    ec2 = sim.client("ec2", sim.credentials(w.members[0]))
    vpcs = ec2.describe_vpcs()["Vpcs"]
    if not vpcs:
        return
    vpc, bucket = vpcs[0]["VpcId"], "arn:aws:s3:::conformance"
    wish = {"ResourceType": "VPC", "TrafficType": "ALL", "LogDestinationType": "s3", "LogDestination": bucket}
    token = str(uuid.uuid4())
    tags = [{"ResourceType": "vpc-flow-log", "Tags": [{"Key": "k", "Value": "v"}]}]
    made = ec2.create_flow_logs(ResourceIds=[vpc], ClientToken=token, TagSpecifications=tags, **wish)
    again = ec2.create_flow_logs(ResourceIds=[vpc], ClientToken=token, TagSpecifications=tags, **wish)
    assert made["FlowLogIds"] == again["FlowLogIds"] and made["Unsuccessful"] == [], (made, again)
    failed = ec2.create_flow_logs(ResourceIds=[vpc, "vpc-0000000000000dead"], **wish)["Unsuccessful"]
    assert [it["Error"]["Code"] for it in failed] == ["FlowLogAlreadyExists", "InvalidVpcID.NotFound"], failed
    refused("MissingParameter", ec2.create_flow_logs, ResourceIds=[vpc], ResourceType="VPC", TrafficType="ALL")
    rows = ec2.describe_flow_logs(Filters=[{"Name": "resource-id", "Values": [vpc]}])["FlowLogs"]
    assert rows[0]["Tags"] == tags[0]["Tags"] and rows[0]["FlowLogStatus"] == "ACTIVE" and rows[0]["TrafficType"] == "ALL", rows
    assert ec2.delete_flow_logs(FlowLogIds=made["FlowLogIds"])["Unsuccessful"] == []
    assert ec2.describe_flow_logs(Filters=[{"Name": "resource-id", "Values": [vpc]}])["FlowLogs"] == []
    refused("InvalidFlowLogId.NotFound", ec2.describe_flow_logs, FlowLogIds=made["FlowLogIds"])


@row("CT-01")
def _(sim, w):
    tower = sim.client("controltower")
    if tower.list_landing_zones()["landingZones"]:
        kinds = {row["name"] for row in pages_of(tower, "list_baselines", "baselines", size=5)}
        assert "AWSControlTowerBaseline" in kinds, kinds
        missing = f"arn:aws:controltower:{sim.region}:{sim.management}:enabledbaseline/XXXXXXXXXXXXXXXXX"
        refused("ResourceNotFoundException", tower.get_enabled_baseline, http=404, enabledBaselineIdentifier=missing)
    else:
        refused("ResourceNotFoundException", tower.list_enabled_baselines, http=404)
    member = sim.client("controltower", sim.credentials(w.members[0]))
    assert member.list_landing_zones()["landingZones"] == []


@row("DT-01")
def _(sim, w):
    home, member = sim.client("detective"), w.members[0]
    inside = sim.client("detective", sim.credentials(member))
    listed = lambda: [row["AccountId"] for row in home.list_organization_admin_accounts()["Administrators"]]
    assert listed() == [] and inside.list_graphs()["GraphList"] == []
    home.enable_organization_admin_account(AccountId=member)
    try:
        assert eventually(listed) == [member]
        graph = eventually(lambda: inside.list_graphs()["GraphList"], 30)[0]["Arn"]
        assert inside.describe_organization_configuration(GraphArn=graph)["AutoEnable"] is False
        inside.update_organization_configuration(GraphArn=graph, AutoEnable=True)
        assert inside.describe_organization_configuration(GraphArn=graph)["AutoEnable"] is True
        refused("ResourceNotFoundException", inside.list_members, http=404, GraphArn=graph[:-4] + "0000")
    finally:
        home.disable_organization_admin_account()
        # which leaves it a delegated administrator, as Detective's pages say
        w.org.deregister_delegated_administrator(AccountId=member, ServicePrincipal="detective.amazonaws.com")
    assert eventually(lambda: not listed()) and inside.list_graphs()["GraphList"] == []


@row("AA-01")
def _(sim, w):
    access = sim.client("account-access")
    made = access.create_application(identitySource={"identityCenter": {"instanceArn": sim.instance}})
    application = made["applicationArn"]
    assert [one["applicationArn"] for one in access.list_applications()["applications"]] == [application]
    about = access.get_application(applicationArn=application)
    assert about["status"] == "ACTIVE" and about["identitySource"]["identityCenter"]["instanceArn"] == sim.instance, about
    refused("ConflictException", access.delete_application, http=409, applicationArn=application)
    refused("ValidationException", access.list_entitlements, applicationArn=application, filter={})
    account = w.members[0]
    role, other = f"arn:aws:iam::{account}:role/vendors/Vendor", f"arn:aws:iam::{account}:role/Other"
    iam = sim.client("iam", sim.credentials(account))
    actions = ["sts:AssumeRole", "sts:SetContext", "sts:TagSession"]
    who = {"identityCenter": {"userId": w.user()[0]}}

    def wish(arn):
        return {"applicationArn": application, "entitlement": {"principalRole": {"principal": who, "roleArn": arn}}}

    refused("ResourceNotFoundException", access.create_entitlement, http=404, **wish(role))
    found = {}
    for member in w.members:
        where = {"principalRole": {"account": member}}
        rows = access.get_paginator("list_entitlements").paginate(applicationArn=application, filter=where, PaginationConfig={"PageSize": 1})
        for row in (row for page in rows for row in page["entitlements"]):
            found[row["entitlementId"]] = row["entitlement"]["principalRole"]
            assert found[row["entitlementId"]]["account"] == member, row
    assert len(found) == 3, found
    arn = next(iter(found.values()))["roleArn"]
    trusted = sim.client("iam", sim.credentials(arn.split(":")[4])).get_role(RoleName=arn.split("/")[-1])["Role"]
    statement = trusted["AssumeRolePolicyDocument"]["Statement"][0]
    assert statement["Action"] == actions and statement["Principal"] == {"Service": "account-access.amazonaws.com"}, statement
    id = access.create_entitlement(**wish(arn))["entitlementId"]
    assert access.create_entitlement(**wish(arn))["entitlementId"] == id
    seen = access.get_entitlement(applicationArn=application, entitlementId=id)
    assert seen["entitlement"]["principalRole"]["principal"] == who and seen["applicationArn"] == application, seen
    own = {"applicationArn": application, "filter": {"principalRole": {"principal": who}}}
    eventually(lambda: [one["entitlementId"] for one in access.list_entitlements(**own)["entitlements"]] == [id])
    access.delete_entitlement(applicationArn=application, entitlementId=id)
    access.delete_entitlement(applicationArn=application, entitlementId=id)
    eventually(lambda: access.list_entitlements(**own)["entitlements"] == [])
    refused("ResourceNotFoundException", access.get_entitlement, http=404, applicationArn=application, entitlementId=id)
    refused("AccessDeniedException", sim.client("account-access", sim.credentials(account)).list_applications, http=403)
    taken = next(one["RoleName"] for one in iam.list_roles()["Roles"] if one["RoleName"] == "OrganizationAccountAccessRole")
    refused("ValidationException", access.create_entitlement, **wish(f"arn:aws:iam::{account}:role/{taken}"))
    refused("ResourceNotFoundException", access.create_entitlement, http=404, **wish(other))


@row("E-01")
def _(sim, w):
    seen = {"with": 0, "elastic": 0}
    for member in w.members[:12]:
        ec2 = sim.client("ec2", sim.credentials(member))
        every = pages_of(ec2, "describe_network_interfaces", "NetworkInterfaces", size=5)
        wanted = [{"Name": "association.public-ip", "Values": ["*"]}]
        some = pages_of(ec2, "describe_network_interfaces", "NetworkInterfaces", size=5, Filters=wanted)
        public = [one["Association"]["PublicIp"] for one in every if "Association" in one]
        assert sorted(one["Association"]["PublicIp"] for one in some) == sorted(public), (some, public)
        further = {one["Association"]["PublicIp"] for it in every for one in it["PrivateIpAddresses"] if "Association" in one}
        elastic = ec2.describe_addresses()["Addresses"]
        assert {one["PublicIp"] for one in elastic if "AssociationId" in one} <= further, (elastic, further)
        machines = pages_of(ec2, "describe_instances", "Reservations", size=5)
        assert {one.get("PublicIpAddress") for it in machines for one in it["Instances"]} - {None} <= set(public)
        seen["with"] += len(public)
        seen["elastic"] += len(elastic)
    assert seen["with"] > 5 and seen["elastic"] > 2, seen
    refused("InvalidParameterValue", ec2.describe_network_interfaces, Filters=[{"Name": "colour", "Values": ["red"]}])


INTERFACES = ("SELECT accountId, awsRegion, resourceId, configuration.association.publicIp "
              "WHERE resourceType = 'AWS::EC2::NetworkInterface' AND configuration.association.publicIp > '0.0.0.0'")


@row("C-01")
def _(sim, w):
    config = sim.client("config")
    name = config.describe_configuration_aggregators()["ConfigurationAggregators"][0]["ConfigurationAggregatorName"]
    where = {"ConfigurationAggregatorName": name}
    found = pages_of(config, "select_aggregate_resource_config", "Results", Expression=INTERFACES, size=5, **where)
    found = [json.loads(one) for one in found]
    assert len(found) > 20, len(found)
    account = found[0]["accountId"]
    here = {one["configuration"]["association"]["publicIp"] for one in found
            if one["accountId"] == account and one["awsRegion"] == found[0]["awsRegion"]}
    region, key = found[0]["awsRegion"], sim.credentials(account)
    wanted = [{"Name": "association.public-ip", "Values": ["*"]}]
    live = sim.client("ec2", key, region).describe_network_interfaces(Filters=wanted)["NetworkInterfaces"]
    assert {one["Association"]["PublicIp"] for one in live} == here, (live, here)
    own = pages_of(sim.client("config", key, region), "select_resource_config", "Results", Expression=INTERFACES)
    assert {json.loads(one)["configuration"]["association"]["publicIp"] for one in own} == here, own


@row("C-02")
def _(sim, w):
    config = sim.client("config")
    name = "organization"
    select = config.select_aggregate_resource_config
    refused("InvalidExpressionException", select, Expression="SELECT a FROM b", ConfigurationAggregatorName=name, http=400)
    refused("NoSuchConfigurationAggregatorException", select, Expression="SELECT a", ConfigurationAggregatorName="x", http=400)
    refused("InvalidNextTokenException", select, Expression="SELECT a", ConfigurationAggregatorName=name, NextToken="x")
    sources = pages_of(config, "describe_configuration_aggregator_sources_status", "AggregatedSourceStatusList",
                       ConfigurationAggregatorName=name, size=100)
    assert {one["LastUpdateStatus"] for one in sources} == {"FAILED", "OUTDATED", "SUCCEEDED"}, sources[:3]
    failed = [one for one in sources if one["LastUpdateStatus"] == "FAILED"]
    assert all(one["LastErrorCode"] for one in failed), failed
    fine = next(one for one in sources if one["LastUpdateStatus"] == "SUCCEEDED" and one["SourceType"] == "ACCOUNT")
    there = sim.client("config", sim.credentials(fine["SourceId"]), fine["AwsRegion"])
    [recorder] = there.describe_configuration_recorders()["ConfigurationRecorders"]
    [status] = there.describe_configuration_recorder_status()["ConfigurationRecordersStatus"]
    assert recorder["recordingGroup"]["allSupported"] and status["recording"], (recorder, status)
    refused("NoSuchConfigurationRecorderException", there.describe_configuration_recorders, ConfigurationRecorderNames=["x"])


@row("S-28")
def _(sim, w):
    regions = pages_of(w.sso, "list_regions", "Regions", InstanceArn=sim.instance)
    assert [(one["RegionName"], one["IsPrimaryRegion"]) for one in regions] == [(sim.region, True)], regions


@row("S-29")
def _(sim, w):
    other, known = ("eu-central-1", {"InstanceArn": sim.instance})
    assert other != sim.region
    listed = lambda: {one["RegionName"]: one["Status"] for one in pages_of(w.sso, "list_regions", "Regions", size=1, **known)}
    assert w.sso.add_region(RegionName=other, **known)["Status"] == "ADDING"
    refused("ConflictException", w.sso.remove_region, RegionName=other, http=400, **known)
    eventually(lambda: listed().get(other) == "ACTIVE", seconds=90, every=5)
    there = sim.client("sso-admin", region=other)
    assert there.describe_region(RegionName=other, **known)["IsPrimaryRegion"] is False
    assert len(there.list_instances()["Instances"]) == 1
    refused("AccessDeniedException", there.list_permission_sets, http=400, **known)
    refused("AccessDeniedException", there.add_region, RegionName="eu-north-1", http=400, **known)
    sim.client("identitystore", region=other).list_users(IdentityStoreId=sim.store)
    refused("ValidationException", w.sso.remove_region, RegionName=sim.region, http=400, **known)
    refused("ResourceNotFoundException", w.sso.remove_region, RegionName="eu-north-1", http=400, **known)
    assert w.sso.remove_region(RegionName=other, **known)["Status"] == "REMOVING"
    eventually(lambda: other not in listed(), seconds=90, every=5)
    refused("ResourceNotFoundException", w.sso.describe_region, RegionName=other, http=400, **known)


@row("S-30")
def _(sim, w):
    known = {"InstanceArn": sim.instance}
    told = lambda: w.sso.describe_instance(**known).get("NetworkConfigurationDetails")
    before = told()
    w.sso.update_instance(NetworkConfiguration={"VpceAccessRequired": True, "AllowSourceIps": ["198.51.100.0/24"]}, **known)
    assert told()["VpceAccessRequired"] is True and told()["AllowSourceIps"] == ["198.51.100.0/24"], told()
    w.sso.update_instance(NetworkConfiguration={"VpceAccessRequired": False, "AllowSourceIps": ["198.51.100.0/24"]}, **known)
    assert told()["VpceAccessRequired"] is False and told()["AllowSourceIps"] == [], (before, told())
    refused("ValidationException", w.sso.update_instance, PermissionSetsEnabled=False, http=400, **known)
    refused("ValidationException", w.sso.update_instance, PermissionSetsEnabled=True, NetworkConfiguration={"VpceAccessRequired": False}, http=400, **known)


@row("O-35")
def _(sim, w):
    org = sim.client("organizations")
    kinds = org.meta.service_model.shape_for("PolicyType").enum
    policies = [(kind, one) for kind in kinds for one in pages_of(org, "list_policies", "Policies", Filter=kind)]
    assert ("SERVICE_CONTROL_POLICY", "FullAWSAccess") in {(kind, one["Name"]) for kind, one in policies}, policies
    for kind, one in policies:
        assert json.loads(org.describe_policy(PolicyId=one["Id"])["Policy"]["Content"]) and one["Type"] == kind
        pages_of(org, "list_targets_for_policy", "Targets", PolicyId=one["Id"])
    for one in pages_of(org, "list_delegated_administrators", "DelegatedAdministrators"):
        assert pages_of(org, "list_delegated_services_for_account", "DelegatedServices", AccountId=one["Id"])
    tags = [one for member in w.members for one in org.list_tags_for_resource(ResourceId=member)["Tags"]]
    assert all(set(one) == {"Key", "Value"} for one in tags), tags


@row("T-10")
def _(sim, w):
    org = sim.client("organizations", sim.credentials(w.members[0]))
    assert org.describe_organization()["Organization"]["MasterAccountId"] == sim.management
    refused("AccessDeniedException", org.list_accounts, http=400)


@row("T-11")
def _(sim, w):
    sso = sim.client("sso-admin", sim.credentials(w.members[0]))
    refused("AccessDeniedException", sso.create_permission_set, InstanceArn=sim.instance, Name="x", http=400)


# ---------------------------------------------------------------- identity store

@row("I-01")
def _(sim, w):
    found = w.sso.list_instances()["Instances"]
    assert len(found) == 1 and found[0]["IdentityStoreId"].startswith("d-")
    int(found[0]["IdentityStoreId"][2:], 16)


@row("I-02")
def _(sim, w):
    other = "us-east-2" if sim.region != "us-east-2" else "us-east-1"
    assert sim.client("sso-admin", region=other).list_instances()["Instances"] == []
    refused("AccessDeniedException", sim.client("identitystore", region=other).list_users,
            IdentityStoreId=sim.store)


@row("I-03")
def _(sim, w):
    w.someone, w.someone_name = w.user()


@row("I-05")
def _(sim, w):
    found = w.ids.describe_user(IdentityStoreId=sim.store, UserId=w.someone)
    assert found["UserName"] == w.someone_name and found["UserStatus"] == "ENABLED"
    assert found["Emails"][0]["Value"] == f"{w.someone_name}@test.example" and found["Emails"][0]["Primary"]
    assert found["Name"] == {"GivenName": "Test", "FamilyName": w.someone_name}


@row("I-04")
def _(sim, w):
    error = refused(
        "ConflictException", w.ids.create_user, IdentityStoreId=sim.store, UserName=w.someone_name,
        DisplayName="x", Name={"GivenName": "x", "FamilyName": "y"}, http=400)
    assert error["Reason"] == "UNIQUENESS_CONSTRAINT_VIOLATION", error


def by(path, value):
    return {"UniqueAttribute": {"AttributePath": path, "AttributeValue": value}}


@row("I-06")
def _(sim, w):
    for path, value in (("userName", w.someone_name), ("emails.value", f"{w.someone_name}@test.example")):
        found = w.ids.get_user_id(IdentityStoreId=sim.store, AlternateIdentifier=by(path, value))
        assert found["UserId"] == w.someone


@row("I-07")
def _(sim, w):
    error = refused("ResourceNotFoundException", w.ids.get_user_id, IdentityStoreId=sim.store,
                    AlternateIdentifier=by("userName", "nobody-at-all"))
    assert error["ResourceType"] == "USER", error


@row("I-08")
def _(sim, w):
    error = refused("ResourceNotFoundException", w.ids.describe_user, IdentityStoreId=sim.store,
                    UserId=str(uuid.uuid4()))
    assert error["ResourceType"] == "USER", error


@row("I-09")
def _(sim, w):
    found = pages(w.ids, "list_users", "Users", IdentityStoreId=sim.store, PaginationConfig={"PageSize": 7})
    names = [user["UserId"] for user in found]
    assert len(names) == len(set(names)) == sim.control("GET", "/state")["organization"]["users"]
    groups = pages(w.ids, "list_groups", "Groups", IdentityStoreId=sim.store, PaginationConfig={"PageSize": 1})
    assert len(groups) == len({group["GroupId"] for group in groups}) >= 1


@row("I-10")
def _(sim, w):
    refused("ValidationException", w.ids.list_users, IdentityStoreId=sim.store, MaxResults=101,
            text="maxResults")


@row("I-11")
def _(sim, w):
    filters = [{"AttributePath": "UserName", "AttributeValue": w.someone_name}]
    found = w.ids.list_users(IdentityStoreId=sim.store, Filters=filters)["Users"]
    assert [user["UserId"] for user in found] == [w.someone]
    filters[0]["AttributeValue"] = "nobody-at-all"
    assert w.ids.list_users(IdentityStoreId=sim.store, Filters=filters)["Users"] == []


@row("I-12")
def _(sim, w):
    refused("ValidationException", w.ids.list_users, IdentityStoreId="d-x", text="identityStoreId")


@row("I-13")
def _(sim, w):
    said = w.ids.update_user(
        IdentityStoreId=sim.store, UserId=w.someone,
        Operations=[{"AttributePath": "displayName", "AttributeValue": "Renamed"},
                    {"AttributePath": "name.givenName", "AttributeValue": "Other"},
                    {"AttributePath": "title", "AttributeValue": "Chief"}])
    assert said["IdentityStoreId"] == sim.store and said["UserId"] == w.someone, said
    assert said["UserArn"].endswith(w.someone) and said["Revision"] == "2", said

    def changed():
        found = w.ids.describe_user(IdentityStoreId=sim.store, UserId=w.someone)
        return found["DisplayName"] == "Renamed" and found["Name"]["GivenName"] == "Other" and found["Title"] == "Chief"

    eventually(changed)
    w.ids.update_user(IdentityStoreId=sim.store, UserId=w.someone,
                      Operations=[{"AttributePath": "title"}])
    eventually(lambda: "Title" not in w.ids.describe_user(IdentityStoreId=sim.store, UserId=w.someone))


@row("I-14")
def _(sim, w):
    w.team, w.team_name = w.group()
    refused("ConflictException", w.ids.create_group, IdentityStoreId=sim.store, DisplayName=w.team_name)


@row("I-15")
def _(sim, w):
    found = w.ids.get_group_id(IdentityStoreId=sim.store, AlternateIdentifier=by("displayName", w.team_name))
    assert found["GroupId"] == w.team
    assert w.ids.describe_group(IdentityStoreId=sim.store, GroupId=w.team)["DisplayName"] == w.team_name


@row("I-16")
def _(sim, w):
    said = w.ids.update_group(IdentityStoreId=sim.store, GroupId=w.team,
                              Operations=[{"AttributePath": "description", "AttributeValue": "A team"}])
    assert said["IdentityStoreId"] == sim.store and said["GroupId"] == w.team, said
    assert said["GroupArn"].endswith(w.team) and said["Revision"] == "2", said
    eventually(lambda: w.ids.describe_group(IdentityStoreId=sim.store, GroupId=w.team).get("Description") == "A team")


@row("I-17")
def _(sim, w):
    made = w.ids.create_group_membership(
        IdentityStoreId=sim.store, GroupId=w.team, MemberId={"UserId": w.someone})
    w.membership = made["MembershipId"]
    refused("ConflictException", w.ids.create_group_membership, IdentityStoreId=sim.store,
            GroupId=w.team, MemberId={"UserId": w.someone})


@row("I-18")
def _(sim, w):
    member = {"UserId": w.someone}

    def agree():
        one = w.ids.describe_group_membership(IdentityStoreId=sim.store, MembershipId=w.membership)
        two = w.ids.get_group_membership_id(IdentityStoreId=sim.store, GroupId=w.team, MemberId=member)
        three = pages(w.ids, "list_group_memberships", "GroupMemberships", IdentityStoreId=sim.store, GroupId=w.team)
        four = pages(w.ids, "list_group_memberships_for_member", "GroupMemberships",
                     IdentityStoreId=sim.store, MemberId=member)
        ids = {one["MembershipId"], two["MembershipId"], three[0]["MembershipId"], four[0]["MembershipId"]}
        results = w.ids.is_member_in_groups(IdentityStoreId=sim.store, MemberId=member, GroupIds=[w.team])["Results"]
        return ids == {w.membership} and len(three) == len(four) == 1 and results[0]["MembershipExists"]

    eventually(agree)


@row("I-19")
def _(sim, w):
    error = refused("ResourceNotFoundException", w.ids.create_group_membership,
                    IdentityStoreId=sim.store, GroupId=w.team, MemberId={"UserId": str(uuid.uuid4())})
    assert error["ResourceType"] == "USER", error


@row("I-20")
def _(sim, w):
    w.ids.delete_group_membership(IdentityStoreId=sim.store, MembershipId=w.membership)
    error = refused("ResourceNotFoundException", w.ids.delete_group_membership,
                    IdentityStoreId=sim.store, MembershipId=w.membership)
    assert error["ResourceType"] == "GROUP_MEMBERSHIP", error


def gone(call, **parameters):
    def check():
        try:
            call(**parameters)
        except botocore.exceptions.ClientError as error:
            return error.response
        return None

    return eventually(check)


@row("I-21")
def _(sim, w):
    w.ids.delete_group(IdentityStoreId=sim.store, GroupId=w.team)
    w.ids.delete_user(IdentityStoreId=sim.store, UserId=w.someone)
    error = gone(w.ids.describe_group, IdentityStoreId=sim.store, GroupId=w.team)
    assert error["Error"]["Code"] == "ResourceNotFoundException" and error["ResourceType"] == "GROUP"
    error = gone(w.ids.describe_user, IdentityStoreId=sim.store, UserId=w.someone)
    assert error["Error"]["Code"] == "ResourceNotFoundException" and error["ResourceType"] == "USER"


# ---------------------------------------------------------------- organizations

SCP = "SERVICE_CONTROL_POLICY"


def deny(action, sid="No", **condition):
    statement = {"Sid": sid, "Effect": "Deny", "Action": action, "Resource": "*"}
    if condition:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def unit(w, parent=None, name=None):
    root = w.org.list_roots()["Roots"][0]["Id"]
    made = w.org.create_organizational_unit(ParentId=parent or root, Name=name or w.name("unit"))
    return made["OrganizationalUnit"]["Id"]


def policy(w, content, name=None):
    made = w.org.create_policy(Name=name or w.name("policy"), Description="", Type=SCP, Content=content)
    return made["Policy"]["PolicySummary"]["Id"]


def held(w, target):
    listed = pages(w.org, "list_policies_for_target", "Policies", TargetId=target, Filter=SCP)
    return sorted(row["Name"] for row in listed)


@row("O-01")
def _(sim, w):
    found = w.org.describe_organization()["Organization"]
    assert found["MasterAccountId"] == sim.management and found["FeatureSet"] == "ALL", found
    assert found["Arn"] == f"arn:aws:organizations::{sim.management}:organization/{found['Id']}", found


@row("O-02")
def _(sim, w):
    root = w.org.list_roots()["Roots"]
    assert len(root) == 1 and root[0]["Name"] == "Root", root
    assert {"Type": SCP, "Status": "ENABLED"} in root[0]["PolicyTypes"], root


@row("O-03")
def _(sim, w):
    for account in w.org.list_accounts()["Accounts"]:
        for member in ("Id", "Arn", "Email", "Name", "State", "Paths", "JoinedMethod", "JoinedTimestamp"):
            assert account[member], (member, account)
        assert "Status" not in account, account


@row("O-04")
def _(sim, w):
    found = pages(w.org, "list_accounts", "Accounts", PaginationConfig={"PageSize": 1})
    assert len({account["Id"] for account in found}) == len(found) == sim.accounts


@row("O-05")
def _(sim, w):
    assert len(w.org.list_accounts()["Accounts"]) <= 20


@row("O-06")
def _(sim, w):
    refused("InvalidInputException", w.org.list_accounts, MaxResults=21, http=400)


@row("O-07")
def _(sim, w):
    error = refused("InvalidInputException", w.org.list_accounts, NextToken="made-up", http=400)
    assert error["Reason"] == "INVALID_NEXT_TOKEN", error


@row("O-08")
def _(sim, w):
    refused("AccountNotFoundException", w.org.describe_account, AccountId="000000000000", http=400)


@row("O-09")
def _(sim, w):
    root = w.org.list_roots()["Roots"][0]["Id"]
    made = unit(w)
    assert made.startswith(f"ou-{root[2:]}-"), made
    found = w.org.describe_organizational_unit(OrganizationalUnitId=made)["OrganizationalUnit"]
    assert found["Path"].endswith(f"/{root}/{made}/"), found
    w.org.delete_organizational_unit(OrganizationalUnitId=made)


@row("O-10")
def _(sim, w):
    name = w.name("unit")
    made = unit(w, name=name)
    refused("DuplicateOrganizationalUnitException", unit, w, name=name, http=400)
    w.org.delete_organizational_unit(OrganizationalUnitId=made)


@row("O-11")
def _(sim, w):
    name = w.name("unit")
    made = unit(w, name=name)
    inner = unit(w, made, name)
    assert w.org.list_parents(ChildId=inner)["Parents"] == [{"Id": made, "Type": "ORGANIZATIONAL_UNIT"}]
    refused("OrganizationalUnitNotEmptyException", w.org.delete_organizational_unit, OrganizationalUnitId=made)
    w.org.delete_organizational_unit(OrganizationalUnitId=inner)
    w.org.delete_organizational_unit(OrganizationalUnitId=made)


@row("O-12")
def _(sim, w):
    root = w.org.list_roots()["Roots"][0]["Id"]
    made = unit(w)
    children = pages(w.org, "list_children", "Children", ParentId=root, ChildType="ORGANIZATIONAL_UNIT")
    assert {"Id": made, "Type": "ORGANIZATIONAL_UNIT"} in children
    w.org.delete_organizational_unit(OrganizationalUnitId=made)


@row("O-13")
def _(sim, w):
    nowhere = "ou-zzzz-00000000"
    refused("ParentNotFoundException", w.org.list_accounts_for_parent, ParentId=nowhere, http=400)
    refused("ChildNotFoundException", w.org.list_parents, ChildId=nowhere, http=400)


def move(w, account, to):
    source = w.org.list_parents(ChildId=account)["Parents"][0]["Id"]
    w.org.move_account(AccountId=account, SourceParentId=source, DestinationParentId=to)
    return source


@row("O-14")
def _(sim, w):
    account, made = w.members[-1], unit(w)
    before = move(w, account, made)
    found = w.org.list_accounts_for_parent(ParentId=made)["Accounts"]
    assert [row["Id"] for row in found] == [account], found
    move(w, account, before)
    w.org.delete_organizational_unit(OrganizationalUnitId=made)


@row("O-15")
def _(sim, w):
    account = w.members[-1]
    here = w.org.list_parents(ChildId=account)["Parents"][0]["Id"]
    refused("DuplicateAccountException", w.org.move_account, AccountId=account, SourceParentId=here,
            DestinationParentId=here, http=400)


@row("O-16")
def _(sim, w):
    account = w.members[-1]
    here = w.org.list_parents(ChildId=account)["Parents"][0]["Id"]
    refused("DestinationParentNotFoundException", w.org.move_account, AccountId=account, SourceParentId=here,
            DestinationParentId="ou-zzzz-00000000", http=400)


@row("O-17")
def _(sim, w):
    account, made = w.members[-1], unit(w)
    before = move(w, account, made)
    refused("OrganizationalUnitNotEmptyException", w.org.delete_organizational_unit, OrganizationalUnitId=made,
            http=400)
    move(w, account, before)
    w.org.delete_organizational_unit(OrganizationalUnitId=made)


@row("O-18")
def _(sim, w):
    root = w.org.list_roots()["Roots"][0]["Id"]
    refused("PolicyTypeAlreadyEnabledException", w.org.enable_policy_type, RootId=root, PolicyType=SCP, http=400)


@row("O-19")
def _(sim, w):
    made = unit(w)
    found = w.org.list_policies_for_target(TargetId=made, Filter=SCP)["Policies"]
    assert [row["Id"] for row in found] == ["p-FullAWSAccess"] and found[0]["AwsManaged"], found
    w.org.delete_organizational_unit(OrganizationalUnitId=made)


@row("O-20")
def _(sim, w):
    for content in ("{", "[]", '{"Version": "2012-10-17", "Statement": [{"effect": "Deny"}]}', deny("*")[:-1]):
        refused("MalformedPolicyDocumentException", policy, w, content, http=400)


@row("O-21")
def _(sim, w):
    content = deny("iam:*")
    made = policy(w, content)
    found = w.org.describe_policy(PolicyId=made)["Policy"]
    assert found["Content"] == content and found["PolicySummary"]["Type"] == SCP, found
    listed = pages(w.org, "list_policies", "Policies", Filter=SCP)
    assert {"p-FullAWSAccess", made} <= {row["Id"] for row in listed}
    changed = deny("ec2:*")
    w.org.update_policy(PolicyId=made, Content=changed, Description="changed")
    found = w.org.describe_policy(PolicyId=made)["Policy"]
    assert found["Content"] == changed and found["PolicySummary"]["Description"] == "changed", found
    w.org.delete_policy(PolicyId=made)


@row("O-22")
def _(sim, w):
    name = w.name("policy")
    made = policy(w, deny("iam:*"), name)
    refused("DuplicatePolicyException", policy, w, deny("ec2:*"), name, http=400)
    w.org.delete_policy(PolicyId=made)


@row("O-23")
def _(sim, w):
    made, target = policy(w, deny("iam:*")), unit(w)
    w.org.attach_policy(PolicyId=made, TargetId=target)
    found = w.org.list_targets_for_policy(PolicyId=made)["Targets"]
    assert [(row["TargetId"], row["Type"]) for row in found] == [(target, "ORGANIZATIONAL_UNIT")], found
    w.org.detach_policy(PolicyId=made, TargetId=target)
    w.org.delete_policy(PolicyId=made)
    w.org.delete_organizational_unit(OrganizationalUnitId=target)


@row("O-24")
def _(sim, w):
    target = unit(w)
    refused("DuplicatePolicyAttachmentException", w.org.attach_policy, PolicyId="p-FullAWSAccess", TargetId=target,
            http=400)
    w.org.delete_organizational_unit(OrganizationalUnitId=target)


@row("O-25")
def _(sim, w):
    made, target = policy(w, deny("iam:*")), unit(w)
    w.org.attach_policy(PolicyId=made, TargetId=target)
    refused("PolicyInUseException", w.org.delete_policy, PolicyId=made, http=400)
    w.org.delete_organizational_unit(OrganizationalUnitId=target)
    w.org.delete_policy(PolicyId=made)


@row("O-26")
def _(sim, w):
    made, target = policy(w, deny("iam:*")), unit(w)
    refused("PolicyNotAttachedException", w.org.detach_policy, PolicyId=made, TargetId=target, http=400)
    error = refused("ConstraintViolationException", w.org.detach_policy, PolicyId="p-FullAWSAccess",
                    TargetId=target, http=400)
    assert error["Reason"] == "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", error
    w.org.delete_organizational_unit(OrganizationalUnitId=target)
    w.org.delete_policy(PolicyId=made)


@row("O-27")
def _(sim, w):
    refused("PolicyNotFoundException", w.org.describe_policy, PolicyId="p-0000000000", http=400)
    refused("PolicyNotFoundException", w.org.attach_policy, PolicyId="p-0000000000", TargetId=w.members[0])
    error = refused("InvalidInputException", w.org.delete_policy, PolicyId="p-FullAWSAccess")
    assert error["Reason"] == "IMMUTABLE_POLICY", error


@row("O-28")
def _(sim, w):
    account = w.members[0]
    w.org.tag_resource(ResourceId=account, Tags=[{"Key": w.mark, "Value": "x"}])
    assert {"Key": w.mark, "Value": "x"} in pages(w.org, "list_tags_for_resource", "Tags", ResourceId=account)
    w.org.untag_resource(ResourceId=account, TagKeys=[w.mark])
    tags = pages(w.org, "list_tags_for_resource", "Tags", ResourceId=account)
    assert w.mark not in {tag["Key"] for tag in tags}
    error = refused("InvalidInputException", w.org.tag_resource, ResourceId=account,
                    Tags=[{"Key": "aws:x", "Value": ""}], http=400)
    assert error["Reason"] == "INVALID_SYSTEM_TAGS_PARAMETER", error


def made(sim, w, **account):
    """The state that the making of an account ends in."""
    status = w.org.create_account(**account)["CreateAccountStatus"]
    assert status["State"] == "IN_PROGRESS" and "AccountId" not in status, status
    look = lambda: w.org.describe_create_account_status(CreateAccountRequestId=status["Id"])["CreateAccountStatus"]
    return eventually(lambda: (lambda now: now if now["State"] != "IN_PROGRESS" else None)(look()), 100)


@row("O-32")
def _(sim, w):
    refused("CreateAccountStatusNotFoundException", w.org.describe_create_account_status,
            CreateAccountRequestId="car-" + 32 * "0", http=400)


@row("O-33")
def _(sim, w):
    taken = w.org.list_accounts()["Accounts"][0]["Email"]
    status = made(sim, w, AccountName=w.name("account"), Email=taken.upper())
    assert (status["State"], status["FailureReason"]) == ("FAILED", "EMAIL_ALREADY_EXISTS"), status
    listed = pages(w.org, "list_create_account_status", "CreateAccountStatuses", States=["FAILED"])
    assert status["Id"] in [row["Id"] for row in listed], listed


@row("O-34")
def _(sim, w):
    made = unit(w)
    w.org.delete_organizational_unit(OrganizationalUnitId=made)
    refused("OrganizationalUnitNotFoundException", w.org.describe_organizational_unit,
            OrganizationalUnitId=made, http=400)


# ---------------------------------------------------------------- policies decide

def allowed(sim, key, service="iam", operation="list_roles"):
    """Whether a call goes through; what is denied must be denied in the right words."""
    try:
        getattr(sim.once(service, key), operation)()
    except botocore.exceptions.ClientError as error:
        code = error.response["Error"]["Code"]
        assert code in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation"), error
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == (400 if "Exception" in code else 403)
        return False
    return True


class Attached:
    """A service control policy that is in force as long as the block lasts."""

    def __init__(self, sim, w, target, content):
        self.sim, self.w, self.target = sim, w, target
        self.id = policy(w, content)

    def __enter__(self):
        self.w.org.attach_policy(PolicyId=self.id, TargetId=self.target)
        self.sim.advance(6)
        return self

    def __exit__(self, *_):
        self.w.org.detach_policy(PolicyId=self.id, TargetId=self.target)
        self.w.org.delete_policy(PolicyId=self.id)
        self.sim.advance(6)


def session(sim, w, set_name, user=None):
    """A session of somebody new, or of this user, in the first member account."""
    name = user or w.user()[1]
    row = {"account": w.members[0], "permission_set": set_name, "user": name}
    sim.mutate(create_assignment=row)
    return login(sim, w, name, set_name), name


def set_of(w, *policies, inline=None):
    arn, name = w.set()
    for one in policies:
        w.sso.attach_managed_policy_to_permission_set(
            InstanceArn=w.sim.instance, PermissionSetArn=arn, ManagedPolicyArn=f"arn:aws:iam::aws:policy/{one}")
    if inline:
        w.sso.put_inline_policy_to_permission_set(
            InstanceArn=w.sim.instance, PermissionSetArn=arn, InlinePolicy=inline)
    return arn, name


@row("AU-4")
def _(sim, w):
    state = sim.control("GET", "/state")
    assert state["policies"] == "evaluated" and state["authorization"] == "rules", state
    key, name = session(sim, w, set_of(w, "job-function/Billing")[1])
    assert sim.client("sts", key).get_caller_identity()["Account"] == w.members[0]
    error = refused("AccessDenied", sim.once("iam", key).list_roles, http=403,
                    text="because no identity-based policy allows the iam:ListRoles action")
    assert "assumed-role/AWSReservedSSO_" in error["Error"]["Message"], error
    refused("AccessDenied", sim.once("s3", key).list_buckets, http=403)
    refused("UnauthorizedOperation", sim.once("ec2", key).describe_regions, http=403)
    refused("AccessDeniedException", sim.once("organizations", key).describe_organization, http=400)
    key, _ = session(sim, w, set_of(w, "ReadOnlyAccess", inline=deny("s3:ListAllMyBuckets"))[1])
    assert allowed(sim, key) and allowed(sim, key, "organizations", "describe_organization")
    assert not allowed(sim, key, "s3", "list_buckets")
    key, _ = session(sim, w, set_of(w, "AdministratorAccess")[1])
    assert sim.client("s3", key).list_buckets()["Buckets"] == []
    regions = sim.client("ec2", key).describe_regions()["Regions"]
    assert len(regions) >= 17 and all(region["Endpoint"] for region in regions), regions


@row("N-5")
def _(sim, w):
    member, target = sim.credentials(w.members[0]), w.members[0]
    with Attached(sim, w, target, deny("iam:*")) as attached:
        error = refused("AccessDenied", sim.once("iam", member).list_roles, http=403,
                        text="with an explicit deny in a service control policy")
        assert "iam:ListRoles on resource: *" in error["Error"]["Message"], error
        refused("AccessDenied", sim.once("iam", keys(assume(sim, w))).list_roles, http=403)
        assert allowed(sim, member, "ec2", "describe_regions")
        assert allowed(sim, sim.key) and allowed(sim, sim.credentials(w.members[1]))
        last = sim.control("GET", "/calls?service=iam&outcome=denied")["calls"][-1]["denied_by"]
        assert last["layer"] == "scp" and last["policy"] == attached.id and last["sid"] == "No", last
    assert allowed(sim, member)
    # the management account is exempt, wherever it is attached
    with Attached(sim, w, sim.management, deny("*")):
        assert allowed(sim, sim.key)


@row("N-5 window")
def _(sim, w):
    member, target = sim.credentials(w.members[0]), w.members[0]
    made = policy(w, deny("iam:*"))
    w.org.attach_policy(PolicyId=made, TargetId=target)
    eventually(lambda: not allowed(sim, member), 6)
    w.org.detach_policy(PolicyId=made, TargetId=target)
    eventually(lambda: allowed(sim, member), 6)
    w.org.delete_policy(PolicyId=made)


@row("N-5 drill")
def _(sim, w):
    member = sim.credentials(w.members[0])
    now = sim.control("GET", "/state")["clock"]["now"]
    now = datetime.datetime.fromisoformat(now.replace("Z", "+00:00"))
    at = lambda seconds: (now + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    drill = deny(["iam:*", "ec2:*"], "SimOutage",
                 StringEquals={"aws:RequestedRegion": ["us-east-1"]},
                 DateGreaterThanEquals={"aws:CurrentTime": at(600)}, DateLessThan={"aws:CurrentTime": at(1200)})
    with Attached(sim, w, w.members[0], drill):
        assert allowed(sim, member)
        sim.advance(600)
        assert not allowed(sim, member)
        assert allowed(sim, member, "ec2", "describe_regions"), "another Region"
        sim.advance(600)
        assert allowed(sim, member)


@row("N-2")
def _(sim, w):
    arn, set_name = set_of(w, "AdministratorAccess")
    one, name = session(sim, w, set_name)
    other, _ = session(sim, w, set_name)
    user = w.ids.get_user_id(IdentityStoreId=sim.store, AlternateIdentifier={
        "UniqueAttribute": {"AttributePath": "userName", "AttributeValue": name}})["UserId"]
    root = w.org.list_roots()["Roots"][0]["Id"]
    cut = deny("*", "RevokeUserId", StringEquals={"identitystore:UserId": [user]})
    with Attached(sim, w, root, cut) as attached:
        assert not allowed(sim, one) and allowed(sim, other)
        found = sim.control("GET", f"/sessions?user={name}&live=1")["sessions"]
        assert found[0]["denied_by"] == [attached.id], found
        again, _ = session(sim, w, set_name, name)
        assert not allowed(sim, again), "a new session of the same person"
    assert allowed(sim, one)
    # by session name, which is the user's
    with Attached(sim, w, w.members[0], deny("*", "RevokeName", StringLike={"aws:userid": [f"*:{name}"]})):
        assert not allowed(sim, one) and allowed(sim, other)


# ---------------------------------------------------------------- sso-admin

@row("S-01")
def _(sim, w):
    made = w.sso.create_permission_set(InstanceArn=sim.instance, Name=w.name("set"))["PermissionSet"]
    assert made["PermissionSetArn"].startswith("arn:aws:sso:::permissionSet/ssoins-") and made["SessionDuration"] == "PT1H"
    w.first = made


@row("S-02")
def _(sim, w):
    refused("ConflictException", w.sso.create_permission_set, InstanceArn=sim.instance, Name=w.first["Name"],
            http=400, text=f"PermissionSet with name {w.first['Name']} already exists.")


@row("S-03")
def _(sim, w):
    for name in ("x" * 33, "a b"):
        refused("ValidationException", w.sso.create_permission_set, InstanceArn=sim.instance, Name=name, text="'name'")


@row("S-04")
def _(sim, w):
    arn = w.first["PermissionSetArn"]
    found = w.sso.describe_permission_set(InstanceArn=sim.instance, PermissionSetArn=arn)["PermissionSet"]
    assert found["Name"] == w.first["Name"]
    refused("ResourceNotFoundException", w.sso.describe_permission_set, InstanceArn=sim.instance,
            PermissionSetArn=arn[:-16] + "0" * 16)


@row("S-05")
def _(sim, w):
    refused("ValidationException", w.sso.list_permission_sets, InstanceArn="nonsense", text="instanceArn")


@row("S-06")
def _(sim, w):
    found = pages(w.sso, "list_permission_sets", "PermissionSets", InstanceArn=sim.instance,
                  PaginationConfig={"PageSize": 1})
    assert len(found) == len(set(found)) == sim.control("GET", "/state")["organization"]["permission_sets"]
    refused("ValidationException", w.sso.list_permission_sets, InstanceArn=sim.instance, MaxResults=101)


@row("S-07")
def _(sim, w):
    arn = w.first["PermissionSetArn"]
    w.sso.update_permission_set(InstanceArn=sim.instance, PermissionSetArn=arn, Description="New", SessionDuration="PT2H")
    found = w.sso.describe_permission_set(InstanceArn=sim.instance, PermissionSetArn=arn)["PermissionSet"]
    assert (found["Description"], found["SessionDuration"]) == ("New", "PT2H")


@row("S-08")
def _(sim, w):
    arn = dict(InstanceArn=sim.instance, PermissionSetArn=w.first["PermissionSetArn"])
    policy = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    w.sso.attach_managed_policy_to_permission_set(ManagedPolicyArn=policy, **arn)
    refused("ConflictException", w.sso.attach_managed_policy_to_permission_set, ManagedPolicyArn=policy, **arn)
    listed = w.sso.list_managed_policies_in_permission_set(**arn)["AttachedManagedPolicies"]
    assert listed == [{"Name": "ReadOnlyAccess", "Arn": policy}]
    w.sso.detach_managed_policy_from_permission_set(ManagedPolicyArn=policy, **arn)
    refused("ResourceNotFoundException", w.sso.detach_managed_policy_from_permission_set, ManagedPolicyArn=policy, **arn)


@row("S-09")
def _(sim, w):
    arn = dict(InstanceArn=sim.instance, PermissionSetArn=w.first["PermissionSetArn"])
    assert not w.sso.get_inline_policy_for_permission_set(**arn).get("InlinePolicy")
    policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iam:*","Resource":"*"}]}'
    w.sso.put_inline_policy_to_permission_set(InlinePolicy=policy, **arn)
    assert w.sso.get_inline_policy_for_permission_set(**arn)["InlinePolicy"] == policy


@row("S-10")
def _(sim, w):
    arn = dict(InstanceArn=sim.instance, PermissionSetArn=w.first["PermissionSetArn"])
    own = {"Name": "audit-extra", "Path": "/team/"}
    attach = w.sso.attach_customer_managed_policy_reference_to_permission_set
    detach = w.sso.detach_customer_managed_policy_reference_from_permission_set
    attach(CustomerManagedPolicyReference=own, **arn)
    refused("ConflictException", attach, CustomerManagedPolicyReference=own, **arn)
    listed = w.sso.list_customer_managed_policy_references_in_permission_set(**arn)["CustomerManagedPolicyReferences"]
    assert listed == [own]
    detach(CustomerManagedPolicyReference=own, **arn)
    refused("ResourceNotFoundException", detach, CustomerManagedPolicyReference=own, **arn)


@row("S-11")
def _(sim, w):
    arn = dict(InstanceArn=sim.instance, PermissionSetArn=w.first["PermissionSetArn"])
    refused("ResourceNotFoundException", w.sso.get_permissions_boundary_for_permission_set, **arn)
    own = {"CustomerManagedPolicyReference": {"Name": "limits", "Path": "/"}}
    for boundary in (own, {"ManagedPolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}):
        w.sso.put_permissions_boundary_to_permission_set(PermissionsBoundary=boundary, **arn)
        assert w.sso.get_permissions_boundary_for_permission_set(**arn)["PermissionsBoundary"] == boundary
    refused("ValidationException", w.sso.put_permissions_boundary_to_permission_set, PermissionsBoundary={}, **arn)
    w.sso.delete_permissions_boundary_from_permission_set(**arn)
    refused("ResourceNotFoundException", w.sso.delete_permissions_boundary_from_permission_set, **arn)


@row("S-13")
def _(sim, w):
    w.person, w.person_name = w.user()
    w.crew, w.crew_name = w.group()
    w.role, w.role_name = w.set()
    w.account = w.members[0]
    made = w.sso.create_account_assignment(**w.target(w.account, w.role, w.person))
    status = made["AccountAssignmentCreationStatus"]
    assert status["Status"] == "IN_PROGRESS" and status["TargetId"] == w.account, status
    w.request = status["RequestId"]
    assert w.finish(w.request)["Status"] == "SUCCEEDED"
    rows = eventually(lambda: w.rows(w.account, w.role))
    assert rows == [{"AccountId": w.account, "PermissionSetArn": w.role, "PrincipalType": "USER", "PrincipalId": w.person}]


@row("S-14")
def _(sim, w):
    assert w.create(w.account, w.role, w.person)["Status"] == "SUCCEEDED"
    sim.advance(1.2)
    assert len(w.rows(w.account, w.role)) == 1


@row("S-15")
def _(sim, w):
    found = pages(w.sso, "list_account_assignment_creation_status", "AccountAssignmentsCreationStatus",
                  InstanceArn=sim.instance, Filter={"Status": "SUCCEEDED"})
    assert any(status["RequestId"] == w.request for status in found)
    found = pages(w.sso, "list_account_assignment_creation_status", "AccountAssignmentsCreationStatus",
                  InstanceArn=sim.instance, Filter={"Status": "FAILED"})
    assert not any(status["RequestId"] == w.request for status in found)


@row("S-16")
def _(sim, w):
    refused("ResourceNotFoundException", w.status, str(uuid.uuid4()))
    refused("ResourceNotFoundException", w.status, w.request, "deletion")


@row("S-17")
def _(sim, w):
    sets = pages(w.sso, "list_permission_sets_provisioned_to_account", "PermissionSets",
                 InstanceArn=sim.instance, AccountId=w.account)
    accounts = pages(w.sso, "list_accounts_for_provisioned_permission_set", "AccountIds",
                     InstanceArn=sim.instance, PermissionSetArn=w.role)
    assert w.role in sets and accounts == [w.account]


@row("S-19")
def _(sim, w):
    refused("ConflictException", w.sso.delete_permission_set, InstanceArn=sim.instance,
            PermissionSetArn=w.role, http=400)


@row("S-20")
def _(sim, w):
    arn = dict(InstanceArn=sim.instance, PermissionSetArn=w.role)
    old = dict(ProvisioningStatus="LATEST_PERMISSION_SET_NOT_PROVISIONED", **arn)
    assert w.sso.list_accounts_for_provisioned_permission_set(**old)["AccountIds"] == []
    w.sso.update_permission_set(Description="Changed", **arn)
    assert w.sso.list_accounts_for_provisioned_permission_set(**old)["AccountIds"] == [w.account]
    request = w.sso.provision_permission_set(TargetType="AWS_ACCOUNT", TargetId=w.account, **arn)
    request = request["PermissionSetProvisioningStatus"]["RequestId"]

    def done():
        status = w.sso.describe_permission_set_provisioning_status(
            InstanceArn=sim.instance, ProvisionPermissionSetRequestId=request)
        return status["PermissionSetProvisioningStatus"]["Status"] == "SUCCEEDED"

    eventually(done, 70)
    eventually(lambda: w.sso.list_accounts_for_provisioned_permission_set(**old)["AccountIds"] == [])


@row("S-21")
def _(sim, w):
    w.ids.create_group_membership(IdentityStoreId=sim.store, GroupId=w.crew, MemberId={"UserId": w.person})
    assert w.create(w.account, w.role, w.crew, "GROUP")["Status"] == "SUCCEEDED"

    def both():
        found = pages(w.sso, "list_account_assignments_for_principal", "AccountAssignments",
                      InstanceArn=sim.instance, PrincipalId=w.person, PrincipalType="USER")
        return {(r["PrincipalType"], r["PrincipalId"]) for r in found} == {("USER", w.person), ("GROUP", w.crew)}

    eventually(both)
    found = pages(w.sso, "list_account_assignments_for_principal", "AccountAssignments",
                  InstanceArn=sim.instance, PrincipalId=w.person, PrincipalType="USER",
                  Filter={"AccountId": w.members[1]})
    assert found == []


@row("S-22")
def _(sim, w):
    status = w.create(w.account, w.role, str(uuid.uuid4()))
    assert status["Status"] == "FAILED" and "was not found in directory" in status["FailureReason"], status


@row("S-23")
def _(sim, w):
    right = w.target(w.account, w.role, w.person)
    refused("ResourceNotFoundException", w.sso.create_account_assignment,
            **{**right, "PermissionSetArn": w.role[:-16] + "0" * 16})
    refused("ValidationException", w.sso.create_account_assignment, **{**right, "TargetId": "12345"}, text="targetId")
    refused("ValidationException", w.sso.create_account_assignment, **{**right, "PrincipalType": "ROBOT"},
            text="Member must satisfy enum value set")


@row("S-24")
def _(sim, w):
    assert w.delete(w.account, w.role, w.person)["Status"] == "SUCCEEDED"
    eventually(lambda: [r["PrincipalType"] for r in w.rows(w.account, w.role)] == ["GROUP"])


@row("S-25")
def _(sim, w):
    assert w.delete(w.account, w.role, w.crew, "GROUP")["Status"] == "SUCCEEDED"
    eventually(lambda: pages(w.sso, "list_accounts_for_provisioned_permission_set", "AccountIds",
                             InstanceArn=sim.instance, PermissionSetArn=w.role) == [])


@row("S-26")
def _(sim, w):
    status = w.delete(w.account, w.role, w.person)
    assert status["Status"] == "FAILED" and "Assignment not found" in status["FailureReason"], status
    assert w.rows(w.account, w.role) == []


@row("S-27")
def _(sim, w):
    w.sso.delete_permission_set(InstanceArn=sim.instance, PermissionSetArn=w.role)
    refused("ResourceNotFoundException", w.sso.describe_permission_set, InstanceArn=sim.instance, PermissionSetArn=w.role)


# ---------------------------------------------------------------- faults and time

def calls(sim, since, **filters):
    query = urllib.parse.urlencode({"since": since, "limit": 10000, **filters})
    return sim.control("GET", f"/calls?{query}")


@row("F-01")
def _(sim, w):
    since = calls(sim, 0, limit=1)["next"]
    sim.fault(kind="throttle", rate=1, match={"operation": "List*"})
    for _ in range(3):
        sim.client("sso-admin").list_permission_sets(InstanceArn=sim.instance)
    assert any(call["outcome"] == "throttled" for call in calls(sim, since)["calls"])
    sim.quiet()


def fresh(w):
    if not hasattr(w, "spare"):
        w.spare = w.user()
    return w.members[0], w.set()[0], w.spare[0]


@row("F-02")
def _(sim, w):
    account, arn, user = fresh(w)
    since = calls(sim, 0)["next"]
    sim.fault(kind="drop_after_effect", count=1, match={"operation": "CreateAccountAssignment"})
    try:
        w.sso.create_account_assignment(**w.target(account, arn, user))
    except (botocore.exceptions.ClientError, botocore.exceptions.HTTPClientError) as error:
        assert "Conflict" in str(error) or not isinstance(error, botocore.exceptions.ClientError), error
    sim.quiet()
    assert len(w.rows(account, arn)) == 1
    log = calls(sim, since, operation="CreateAccountAssignment")["calls"]
    assert log[0]["outcome"] == "dropped" and log[0]["effect"] and log[0]["fault"], log
    assert all(call["effect"] is False or call["outcome"] == "ok" for call in log[1:]), log


@row("F-03")
def _(sim, w):
    account, arn, user = fresh(w)
    sim.fault(kind="drop_before_effect", count=1, match={"operation": "CreateAccountAssignment"})
    w.sso.create_account_assignment(**w.target(account, arn, user))
    sim.quiet()
    assert len(w.rows(account, arn)) == 1


@row("F-04")
def _(sim, w):
    sim.fault(kind="error", code="InternalServerException", http=500, message="boom", count=2,
              match={"operation": "ListPermissionSets"})
    w.sso.list_permission_sets(InstanceArn=sim.instance)
    faults = sim.control("GET", "/faults")["faults"]
    assert faults[0]["fired"] == 2, faults
    sim.quiet()


@row("F-05")
def _(sim, w):
    account, arn, user = fresh(w)
    sim.fault(kind="stuck_in_progress", seconds=600)
    made = w.sso.create_account_assignment(**w.target(account, arn, user))
    request = made["AccountAssignmentCreationStatus"]["RequestId"]
    sim.advance(540)
    assert w.status(request)["Status"] == "IN_PROGRESS"
    done = sim.advance(120)
    assert request in done["completed"] and w.status(request)["Status"] == "SUCCEEDED"
    sim.quiet()


@row("F-06")
def _(sim, w):
    account, arn, user = fresh(w)
    sim.fault(kind="fail_async", reason="because", count=1)
    status = w.create(account, arn, user)
    assert status["Status"] == "FAILED" and status["FailureReason"] == "because", status
    sim.advance(1.1)
    assert w.rows(account, arn) == []
    sim.fault(kind="fail_async", reason="anyway", effect="done", count=1)
    assert w.create(account, arn, user)["FailureReason"] == "anyway"
    eventually(lambda: len(w.rows(account, arn)) == 1)
    sim.quiet()


@row("F-07")
def _(sim, w):
    account, arn, user = fresh(w)
    sets = [arn] + [w.set()[0] for _ in range(10)]
    sim.fault(kind="stuck_in_progress", seconds=600)
    sso = sim.once("sso-admin")
    sim.advance(5)
    for arn in sets[:10]:
        sso.create_account_assignment(**w.target(account, arn, user))
    refused("ThrottlingException", sso.create_account_assignment, **w.target(account, sets[10], user),
            http=400, text="too many requests processing")
    sim.control("DELETE", "/faults")
    sim.advance(700)


@row("F-08")
def _(sim, w):
    account, arn, user = fresh(w)
    other = w.user()[0]
    sim.fault(kind="stuck_in_progress", seconds=60)
    w.sso.create_account_assignment(**w.target(account, arn, user))
    refused("ConflictException", w.sso.create_account_assignment, **w.target(account, arn, other),
            http=400, text="There is a conflicting operation in process.")
    sim.quiet()


@row("F-09")
def _(sim, w):
    sim.fault(kind="partial_page", items=0, skip=1, count=1, match={"operation": "ListAccounts"})
    found = pages(w.org, "list_accounts", "Accounts")
    assert len({account["Id"] for account in found}) == len(found) == sim.accounts
    sim.quiet()


@row("F-10")
def _(sim, w):
    account, arn, _ = fresh(w)
    users = [w.user() for _ in range(4)]
    for user, name in users:
        sim.mutate(create_assignment={"account": account, "permission_set": w.sso.describe_permission_set(
            InstanceArn=sim.instance, PermissionSetArn=arn)["PermissionSet"]["Name"], "user": name})
    where = dict(InstanceArn=sim.instance, AccountId=account, PermissionSetArn=arn)
    first = w.sso.list_account_assignments(MaxResults=2, **where)
    victim = first["AccountAssignments"][0]["PrincipalId"]
    name = next(name for user, name in users if user == victim)
    set_name = w.sso.describe_permission_set(InstanceArn=sim.instance, PermissionSetArn=arn)["PermissionSet"]["Name"]
    sim.mutate(delete_assignment={"account": account, "permission_set": set_name, "user": name})
    second = w.sso.list_account_assignments(MaxResults=2, NextToken=first["NextToken"], **where)
    seen = [r["PrincipalId"] for r in first["AccountAssignments"] + second["AccountAssignments"]]
    assert sorted(seen) == sorted(user for user, _ in users) and "NextToken" not in second, seen
    sim.quiet()


@row("F-11")
def _(sim, w):
    account, arn, user = fresh(w)
    sim.advance(60)  # the set itself is old
    assert w.create(account, arn, user)["Status"] == "SUCCEEDED"
    sim.fault(kind="stale_read", seconds=5, match={"operation": "ListAccountAssignments"})
    assert w.rows(account, arn) == []
    sim.advance(7)
    assert len(w.rows(account, arn)) == 1
    sim.quiet()


@row("F-12")
def _(sim, w):
    sim.fault(kind="clock_skew", seconds=600)
    status, headers, body = sim.raw("sts", form=IDENTITY)
    assert status == 403 and "Signature expired" in body, body
    shown = datetime.datetime.strptime(headers["date"], "%a, %d %b %Y %H:%M:%S GMT")
    status, _, body = sim.raw("sts", form=IDENTITY, at=shown.replace(tzinfo=datetime.timezone.utc))
    assert status == 200, body
    sim.quiet()


def effective(sim, w):
    """A person with an assignment through the control API."""
    user, name = w.user()
    arn, set_name = w.set()
    sim.mutate(create_assignment={"account": w.members[0], "permission_set": set_name, "user": name})
    return user, name, arn, set_name


def login(sim, w, name, set_name):
    found = sim.control("POST", "/login", {"user": name, "account": w.members[0], "permission_set": set_name})
    return found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"], found["AWS_SESSION_TOKEN"]


@row("F-13")
def _(sim, w):
    user, name, arn, set_name = effective(sim, w)
    key = login(sim, w, name, set_name)
    answer = sim.client("sts", key).get_caller_identity()
    assert f"assumed-role/AWSReservedSSO_{set_name}_" in answer["Arn"] and answer["Arn"].endswith("/" + name)
    sim.advance(3601)
    refused("ExpiredToken", sim.once("sts", key).get_caller_identity, http=403)


@row("F-14")
def _(sim, w):
    user, name, arn, set_name = effective(sim, w)
    # somebody else keeps the role there: it goes with the last assignment, and its sessions with it
    sim.mutate(create_assignment={"account": w.members[0], "permission_set": set_name, "user": w.user()[1]})
    key = login(sim, w, name, set_name)
    sim.mutate(delete_assignment={"account": w.members[0], "permission_set": set_name, "user": name})
    sim.client("sts", key).get_caller_identity()
    found = sim.control("GET", f"/sessions?user={name}&live=1")["sessions"]
    assert len(found) == 1 and found[0]["live"] and found[0]["assignment_exists"] is False, found
    sim.control("POST", "/login", {"user": name, "account": w.members[0], "permission_set": set_name}, status=409)


@row("F-15")
def _(sim, w):
    set_name = set_of(w, "AdministratorAccess")[1]
    key, name = session(sim, w, set_name)
    others = set_of(w, "AdministratorAccess")[1]
    other, _ = session(sim, w, others)
    sim.mutate(create_assignment={"account": w.members[0], "permission_set": set_name, "user": w.user()[1]})
    sim.mutate(delete_assignment={"account": w.members[0], "permission_set": set_name, "user": name})
    assert allowed(sim, key)
    sim.advance(2)
    now = sim.control("GET", "/state")["clock"]["now"]
    cut = deny("*", "RevokeRole", DateLessThan={"aws:TokenIssueTime": now[:19] + "Z"},
               ArnLike={"aws:PrincipalArn": f"arn:aws:iam::*:role/aws-reserved/*/AWSReservedSSO_{set_name}_*"})
    with Attached(sim, w, w.members[0], cut):
        assert not allowed(sim, key) and allowed(sim, other)
        later, _ = session(sim, w, set_name)
        assert allowed(sim, later), "issued afterwards"
        sim.client("sts", key).get_caller_identity()


@row("F-16")
def _(sim, w):
    account, arn, _ = fresh(w)
    user, name = w.user()
    assert w.create(account, arn, user)["Status"] == "SUCCEEDED"
    sim.mutate(delete_user={"user": name})
    status = w.delete(account, arn, user)
    assert status["Status"] == "FAILED" and "was not found in directory" in status["FailureReason"], status
    eventually(lambda: len(w.rows(account, arn)) == 1)
    refused("ResourceNotFoundException", w.ids.describe_user, IdentityStoreId=sim.store, UserId=user)


@row("F-17")
def _(sim, w):
    _, arn, user = fresh(w)
    account = w.members.pop()
    sim.mutate(close_account={"account": account})
    status = w.create(account, arn, user)
    assert status["Status"] == "FAILED", status
    assert status["FailureReason"].startswith("AWS SSO is unable to complete your request at this time"), status


@row("F-18")
def _(sim, w):
    account, arn, user = fresh(w)
    delegate = w.members[1]
    sim.mutate(delegate={"service": "sso.amazonaws.com", "account": delegate})
    sso = sim.client("sso-admin", sim.credentials(delegate))
    assert sso.list_instances()["Instances"]
    refused("AccessDeniedException", sso.create_account_assignment, **w.target(sim.management, arn, user), http=400)
    sso.create_account_assignment(**w.target(account, arn, user))
    sim.quiet()
    assert w.create(sim.management, arn, user)["Status"] == "SUCCEEDED"
    other = w.user()[0]
    refused("AccessDeniedException", sso.create_account_assignment, **w.target(account, arn, other), http=400)
    sim.mutate(undelegate={"service": "sso.amazonaws.com", "account": delegate})


@row("F-21")
def _(sim, w):
    before = sim.control("GET", "/state?full=1")["file"]
    broken = json.loads(json.dumps(before))
    broken["accounts"][0]["colour"] = "red"
    broken["identity_center"]["groups"][0]["members"] = ["nobody@nowhere.example"]
    broken["identity_center"]["assignments"][0]["permission_set"] = "NoSuchSet"
    error = sim.control("POST", "/load", broken, status=400)["error"]
    pointers = {problem["pointer"] for problem in error["problems"]}
    wanted = {"/accounts/0/colour", "/identity_center/groups/0/members/0", "/identity_center/assignments/0/permission_set"}
    assert pointers == wanted, pointers
    after = sim.control("GET", "/state?full=1")["file"]
    before.pop("clock"), after.pop("clock")
    assert before == after


@row("F-22")
def _(sim, w):
    sim.fault(kind="token_expired", count=1, match={"operation": "ListUsers"}, skip=1)
    first = w.ids.list_users(IdentityStoreId=sim.store, MaxResults=5)
    refused("ValidationException", w.ids.list_users, IdentityStoreId=sim.store, MaxResults=5,
            NextToken=first["NextToken"])
    found = pages(w.ids, "list_users", "Users", IdentityStoreId=sim.store)
    assert len(found) == sim.control("GET", "/state")["organization"]["users"]
    sim.quiet()


@row("F-23")
def _(sim, w):
    before = [it["GroupId"] for it in pages(w.ids, "list_groups", "Groups", IdentityStoreId=sim.store)]
    made = {"service": "identitystore", "operation": "CreateGroup", "input": {"IdentityStoreId": sim.store, "DisplayName": "f-23"}}
    gone = {"service": "identitystore", "operation": "DeleteGroup", "input": {"IdentityStoreId": sim.store, "GroupId": before[-1]}}
    sim.fault(kind="somebody_acts", acts=[made, gone], skip=1, count=1, match={"operation": "ListGroups"})
    found = [it["GroupId"] for it in w.ids.get_paginator("list_groups").paginate(
        IdentityStoreId=sim.store, PaginationConfig={"PageSize": 2}).build_full_result()["Groups"]]
    for group in before[:-1]:
        assert found.count(group) == 1, (group, found)
    listed = sim.control("GET", "/faults")["faults"][0]
    assert (listed["fired"], listed["acts_done"], listed["acts_failed"]) == (1, 2, []), listed
    sim.quiet()
    after = [it["DisplayName"] for it in pages(w.ids, "list_groups", "Groups", IdentityStoreId=sim.store)]
    assert "f-23" in after and len(after) == len(before), after


import services  # noqa: E402 - its rows come after those above


class Own:
    """A simulator process of our own."""

    def __init__(self, command, *arguments, stdout=subprocess.DEVNULL):
        port = free_port()
        self.before = Sim.newest
        self.process = subprocess.Popen(
            [*shlex.split(command), "--listen", f"127.0.0.1:{port}", *arguments],
            stdout=stdout, stderr=subprocess.DEVNULL)
        end = time.time() + 120
        while True:
            try:
                self.sim = Sim(f"http://127.0.0.1:{port}")
                return
            except (OSError, urllib.error.URLError):
                assert time.time() < end, "the simulator did not start"
                time.sleep(0.05)

    def kill(self):
        Sim.newest = self.before
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def l16(command):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "sim.env")
        with open(path, "w", encoding="utf-8") as out:
            own = Own(command, stdout=out)
        try:
            # nothing but what was printed: a shell that has neither a Region nor keys
            kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
            kept |= {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_PROFILE": "other"}
            script = f". {shlex.quote(path)}; aws organizations list-accounts --query 'length(Accounts)' --output json"
            said = subprocess.run(["sh", "-c", script], env=kept, capture_output=True, text=True, timeout=60)
            assert said.stdout.strip() == str(own.sim.accounts), (said.stdout, said.stderr)
        finally:
            own.kill()


def f19(command):
    with tempfile.TemporaryDirectory() as folder:
        state = os.path.join(folder, "state.log")
        own = Own(command, "--state", state)
        try:
            w = World(own.sim)
            account, arn, user = fresh(w)
            own.sim.fault(kind="stuck_in_progress", seconds=600)
            key = keys(assume(own.sim, w))
            made = w.sso.create_account_assignment(**w.target(account, arn, user))
            request = made["AccountAssignmentCreationStatus"]["RequestId"]
        finally:
            own.kill()
        own = Own(command, "--state", state)
        try:
            w = World(own.sim)
            assert w.status(request)["Status"] == "IN_PROGRESS"
            own.sim.client("sts", key).get_caller_identity()
            own.sim.advance(700)
            assert w.status(request)["Status"] == "SUCCEEDED"
            assert len(w.rows(account, arn)) == 1
        finally:
            own.kill()


def f20(command):
    with tempfile.TemporaryDirectory() as folder:
        organization = os.path.join(folder, "organization.json")
        own = Own(command)
        try:
            file = own.sim.control("GET", "/state?full=1")["file"]
        finally:
            own.kill()
        with open(organization, "w", encoding="utf-8") as out:
            json.dump(file, out)
        first, second = (twice(command, organization) for _ in range(2))
    assert first == second and len(first) == 1000


def twice(command, organization):
    stamp = datetime.datetime.now(datetime.timezone.utc)
    own = Own(command, "--seed", "11", "--frozen-clock", "--no-throttle", "--organization", organization)
    own_answers = []
    try:
        sim = own.sim
        sim.advance(0)
        for number in range(1000):
            kind = number % 4
            if kind == 0:
                answer = sim.raw("sso", "SWBExternalService.CreatePermissionSet",
                                 json.dumps({"InstanceArn": sim.instance, "Name": f"s{number}"}), at=stamp)
            elif kind == 1:
                answer = sim.raw("identitystore", "AWSIdentityStore.CreateGroup",
                                 json.dumps({"IdentityStoreId": sim.store, "DisplayName": f"g{number}"}), at=stamp)
            elif kind == 2:
                answer = sim.raw("organizations", "AWSOrganizationsV20161128.ListAccounts", "{}", at=stamp)
            else:
                answer = sim.raw("sts", form=IDENTITY, at=stamp)
            own_answers.append((answer[0], answer[1]["x-amzn-requestid"], answer[2]))
    finally:
        own.kill()
    return own_answers


def stated_rows(command):
    """Rows over an organization that only a file can make, each with a simulator of its own."""
    def played(function):
        with tempfile.TemporaryDirectory() as folder:
            own, path = Own(command), os.path.join(folder, "organization.json")
            try:
                file = services.stated(own.sim.control("GET", "/state?full=1")["file"], own.sim.region)
            finally:
                own.kill()
            pathlib.Path(path).write_text(json.dumps(file), encoding="utf-8")
            own = Own(command, "--organization", path, "--speed", "fast")
            try:
                function(own.sim, World(own.sim))
            finally:
                own.kill()

    return [(name, lambda function=function: played(function)) for name, function in services.STATED]


def main():
    parser = options(__doc__)
    parser.add_argument("--command")
    arguments = parser.parse_args()
    sim = Sim(arguments.endpoint)
    world = World(sim)
    rows = [(name, lambda function=function: function(sim, world)) for name, function in ROWS]
    if arguments.command:
        rows.append(("L-16", lambda: l16(arguments.command)))
        rows.append(("F-19", lambda: f19(arguments.command)))
        rows.append(("F-20", lambda: f20(arguments.command)))
        rows += stated_rows(arguments.command)
    if arguments.command and not arguments.only:
        # the access portal and the sign-in for it have a referee of their own (portal.py)
        wanted = {one for one in simulated() if one[0] not in ("awsssoportal", "sso-oauth")}
        rows.append(("every operation", lambda: every_operation_is_called(wanted)))
    end(*play(rows, arguments))


if __name__ == "__main__":
    main()
