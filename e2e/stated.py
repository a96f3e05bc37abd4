#!/usr/bin/env python3
"""What the simulator states of quotas, evaluations of AWS Config and functions of Lambda: boto3 reads it, and commands heed it. A list of
accounts that the organization has no room for is refused before the first is made, and `account-quota` is no longer unknown."""

import json
import time

import boto3
from botocore.exceptions import ClientError

from stage import Api, Checks, Stage

check = Checks()
PERSON = "tomasz.wilk@example.com"
AS_OF = ("--as-of", "2026-03-02T10:00:00Z")
ACCOUNTS = {"ServiceCode": "organizations", "QuotaCode": "L-E619E033"}
HEADER = "AccountName,SSOUserEmail,AccountEmail,SSOUserFirstName,SSOUserLastName,OrgUnit,Status,AccountId,ErrorMsg"


class World:
    def __init__(self, stage):
        self.stage = stage
        _, self.endpoint, self.environment = stage.simulator("--scale", "small", "--speed", "fast")
        self.sim = Api(self.endpoint)
        listed = self.client("organizations").get_paginator("list_accounts").paginate().build_full_result()["Accounts"]
        self.accounts, self.shop = len(listed), next(it["Id"] for it in listed if it["Name"] == "payments-prod")

    def client(self, service, account=None, region=None):
        keys = {"access_key_id": self.environment["AWS_ACCESS_KEY_ID"], "secret_access_key": self.environment["AWS_SECRET_ACCESS_KEY"]}
        if account:
            keys = self.sim.get(f"/_sim/credentials?account={account}").json
        return boto3.client(service, endpoint_url=self.endpoint, region_name=region or self.environment["AWS_REGION"],
                            aws_access_key_id=keys["access_key_id"], aws_secret_access_key=keys["secret_access_key"])

    def load(self, **more):
        answer = self.sim.post("/_sim/load?merge=1", {"version": 1, **more})
        assert answer.status < 300, answer

    def refused(self, call, **members):
        try:
            call(**members)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return None

    def ready(self, *words):
        ran = self.stage.run("org", "readiness", *AS_OF, *words, "-o", "json", timeout=300, **self.environment)
        return {(it["id"], it["target"]): it for it in json.loads(ran.stdout)}


def unknown(world):
    """How many checks nobody can answer, by profile."""
    world.stage.path("theirs.json").write_text(json.dumps({"Accounts": [
        {"Id": f"98765432109{number}", "Name": f"theirs {number}", "Email": f"theirs-{number}@other.example", "Status": "ACTIVE", "Arn": "x"} for number in range(3)]}))
    profiles = {"landing zone": (), "merger": ("--profile", "merger"), "acquire": ("--profile", "acquire", "--candidates", "theirs.json")}
    found = {name: world.ready(*words) for name, words in profiles.items()}
    for name, rows in found.items():
        without = sorted({key[0] for key, it in rows.items() if it["status"] == "unknown"})
        print(f"      {name}: {sum(it['status'] == 'unknown' for it in rows.values())} of {len(rows)} checks are unknown {without}")
    check.equal("only reviews that were not begun are unknown",
                sorted({key[0] for rows in found.values() for key, it in rows.items() if it["status"] == "unknown"}), ["workloads-reviewed"])
    room = found["acquire"][("account-quota", "organization")]
    check("room for accounts is known", room["status"] == "pass" and room["evidence"] == f"{world.accounts} accounts, 3 more, 50000 allowed", room)


def quotas(world):
    asked = world.client("service-quotas", region="us-east-1")
    check.equal("boto3 reads the quota", asked.get_service_quota(**ACCOUNTS)["Quota"]["Value"], 50000.0)
    check.equal("in us-east-1 alone", world.refused(world.client("service-quotas", region="eu-west-1").get_service_quota, **ACCOUNTS), "NoSuchResourceException")
    check.equal("and of the management account", world.refused(world.client("service-quotas", world.shop, "us-east-1").get_service_quota, **ACCOUNTS), "NoSuchResourceException")
    world.load(quotas=[{"service": "organizations", "code": "L-E619E033", "value": world.accounts + 1},
                       *({"service": "organizations", "code": f"L-{number}", "value": 5} for number in range(3))])
    pages = list(asked.get_paginator("list_service_quotas").paginate(ServiceCode="organizations", PaginationConfig={"PageSize": 2}))
    check.equal("a listing in pages", [len(it["Quotas"]) for it in pages], [2, 2])
    room = world.ready("--profile", "acquire", "--candidates", "theirs.json")[("account-quota", "organization")]
    check("too little room fails", room["status"] == "fail" and f"{world.accounts + 1} allowed" in room["evidence"], room)


def vend(world, rows):
    world.stage.path("list.csv").write_text("\n".join([HEADER, *(f"new-{it},{PERSON},new-{it}@acme.example,A,B,Sandbox,,," for it in range(rows))]) + "\n")
    return world.stage.run("org", "vend", "list.csv", "--via", "organizations", "--apply", "--yes", "-o", "json", timeout=300, **world.environment)


def room(world):
    """The list as a whole, before the first account; what fits is made."""
    asked = lambda: len(world.sim.get("/_sim/calls?operation=CreateAccount").json["calls"])
    ran = vend(world, 2)
    check("a list without room is refused", ran.returncode == 4 and f"{world.accounts} accounts, the list makes 2, and {world.accounts + 1} are allowed" in ran.stderr, (ran.returncode, ran.stderr))
    check.equal("before anything is made", asked(), 0)
    ran = vend(world, 1)
    check("one that fits is made", ran.returncode == 0 and asked() == 1, (ran.returncode, ran.stderr[-900:]))
    made = world.client("organizations").create_account(AccountName="over", Email="over@acme.example")["CreateAccountStatus"]
    for _ in range(600):
        made = world.client("organizations").describe_create_account_status(CreateAccountRequestId=made["Id"])["CreateAccountStatus"]
        if made["State"] != "IN_PROGRESS":
            break
        time.sleep(0.1)
    check.equal("AWS makes none above it", (made["State"], made.get("FailureReason")), ("FAILED", "ACCOUNT_LIMIT_EXCEEDED"))


def evaluations(world):
    judged = {"account": world.shop, "region": "eu-west-1", "resource_type": "AWS::S3::Bucket", "resource_id": "ledger", "at": "2026-03-01T00:00:00Z"}
    world.load(config_evaluations=[{**judged, "id": "1", "rule": "no-public-buckets", "compliance": "NON_COMPLIANT"},
                                   {**judged, "id": "2", "rule": "encrypted", "compliance": "COMPLIANT"}])
    named = {"ResourceType": "AWS::S3::Bucket", "ResourceId": "ledger"}
    of = lambda answer: {it["EvaluationResultIdentifier"]["EvaluationResultQualifier"]["ConfigRuleName"]: it["ComplianceType"] for it in answer["EvaluationResults"]}
    config = world.client("config", world.shop, "eu-west-1")
    check.equal("boto3 reads what rules judged", of(config.get_compliance_details_by_resource(**named)), {"no-public-buckets": "NON_COMPLIANT", "encrypted": "COMPLIANT"})
    check.equal("by what they judged", of(config.get_compliance_details_by_resource(**named, ComplianceTypes=["COMPLIANT"])), {"encrypted": "COMPLIANT"})
    check.equal("in the resource's account alone", of(world.client("config", region="eu-west-1").get_compliance_details_by_resource(**named)), {})
    world.load(config_evaluations=[{**judged, "id": "1", "rule": "no-public-buckets", "compliance": "COMPLIANT"}])
    check.equal("a row that is loaded again takes its place", of(config.get_compliance_details_by_resource(**named))["no-public-buckets"], "COMPLIANT")


def functions(world):
    world.load(functions=[{"name": "isolate", "account": world.shop, "region": "eu-west-1", "returns": {"isolated": True}},
                          {"name": "broken", "account": world.shop, "region": "eu-west-1", "returns": "no such host", "error": "Unhandled"}])
    calls = world.client("lambda", world.shop, "eu-west-1")
    answer = calls.invoke(FunctionName="isolate", Payload=json.dumps({"resource": "i-1"}))
    check.equal("boto3 calls a function", (answer["StatusCode"], json.loads(answer["Payload"].read()), answer.get("FunctionError")), (200, {"isolated": True}, None))
    answer = calls.invoke(FunctionName=f"arn:aws:lambda:eu-west-1:{world.shop}:function:broken", Payload=b"{}")
    check.equal("one that fails says so with status 200", (answer["StatusCode"], answer["FunctionError"], json.loads(answer["Payload"].read())["errorMessage"]), (200, "Unhandled", "no such host"))
    check.equal("others' are closed", world.refused(world.client("lambda", region="eu-west-1").invoke, FunctionName=f"arn:aws:lambda:eu-west-1:{world.shop}:function:isolate"), "AccessDeniedException")
    check.equal("and what is not there is not found", world.refused(calls.invoke, FunctionName="nothing"), "ResourceNotFoundException")


def main():
    with Stage("stated") as stage:
        world = World(stage)
        unknown(world)
        quotas(world)
        room(world)
        evaluations(world)
        functions(world)
    check.end()


if __name__ == "__main__":
    main()
