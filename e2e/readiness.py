#!/usr/bin/env python3
"""Readiness of the simulated organization: what `hallpass org readiness` says is what boto3 reads there; what cannot be read is
`unknown`, with the action; answers, reports and a comparison with the run before (`organization.md` §9)."""

import json
import xml.etree.ElementTree

import boto3
import botocore.exceptions

from stage import Api, Checks, Stage

check = Checks()
AS_OF = ("--as-of", "2026-03-02T10:00:00Z")


def client(service, environment):
    return boto3.client(service, endpoint_url=environment["AWS_ENDPOINT_URL"], region_name=environment["AWS_REGION"],
                        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"], aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"])


def ready(stage, environment, *words):
    ran = stage.run("org", "readiness", *AS_OF, *words, "-o", "json", timeout=300, **environment)
    rows = json.loads(ran.stdout) if ran.stdout else []
    return ran, {(it["id"], it["target"]): it for it in rows}


def landing_zone(stage, environment):
    ran, found = ready(stage, environment)
    organizations, contacts = client("organizations", environment), client("account", environment)
    own = client("sts", environment).get_caller_identity()["Account"]
    accounts = organizations.get_paginator("list_accounts").paginate().build_full_result()["Accounts"]
    active = [it["Id"] for it in accounts if it["Status"] == "ACTIVE"]
    said = {target: it for (name, target), it in found.items() if name == "security-contact"}
    check.equal("every active account has a check, and no other", sorted(said), sorted(active))
    theirs = {}
    for account in active:
        named = {} if account == own else {"AccountId": account}
        try:
            answer = contacts.get_alternate_contact(AlternateContactType="SECURITY", **named)
            theirs[account] = ("pass", answer["AlternateContact"]["EmailAddress"])
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "ResourceNotFoundException", error
            theirs[account] = ("fail", "there is none")
    check.equal("security contacts are what boto3 reads", {account: (it["status"], it["evidence"]) for account, it in said.items()}, theirs)
    tagged = {}
    for account in active:
        tags = {it["Key"]: it["Value"] for it in organizations.list_tags_for_resource(ResourceId=account)["Tags"]}
        tagged[account] = "pass" if tags.get("owner") else "fail"
    check.equal("owners, too", {target: it["status"] for (name, target), it in found.items() if name == "owner-tag"}, tagged)
    regions = contacts.list_regions(RegionOptStatusContains=["ENABLED", "ENABLED_BY_DEFAULT"], MaxResults=50)["Regions"]
    check.equal("the management account is looked at in every Region that is on", sorted(target for name, target in found if name == "management-workloads"),
                sorted(f"{own}/{it['RegionName']}" for it in regions))
    mfa = [it["status"] for (name, _), it in found.items() if name == "root-mfa"]
    check("second factors of root users are read inside of each account", len(mfa) == len(active) and set(mfa) <= {"pass", "fail"}, mfa)
    failed = any(it["status"] == "fail" and it["severity"] == "error" for it in found.values())
    check.equal("the exit code counts errors", ran.returncode, 1 if failed else 0)
    check("the score is told", f"of {sum(it['status'] != 'not_applicable' for it in found.values())} as they should be" in " ".join(ran.stderr.split()), ran.stderr)
    return found, own


def other_profiles(stage, environment):
    _, merger = ready(stage, environment, "--profile", "merger", "--regions", "eu-west-1")
    unknown = {name: it["evidence"] for (name, _), it in merger.items() if it["status"] == "unknown"}
    check("what is not simulated is unknown, with its action", "wellarchitected:ListWorkloads" in unknown.get("workloads-reviewed", "")
          and "ce:GetReservationUtilization" in unknown.get("commitments", ""), unknown)
    check("permission sets are counted", "permission sets" in merger[("identity-center", "organization")]["evidence"], merger)
    accounts = client("organizations", environment).get_paginator("list_accounts").paginate().build_full_result()["Accounts"]
    theirs = [{"Id": "987654321098", "Name": accounts[1]["Name"].upper(), "Email": "new@other.example"},
              {"Id": "987654321099", "Name": "other", "Email": accounts[2]["Email"].upper()}]
    stage.path("theirs.json").write_text(json.dumps({"Accounts": [{**it, "Status": "ACTIVE", "Arn": "x"} for it in theirs]}))
    _, acquire = ready(stage, environment, "--profile", "acquire", "--candidates", "theirs.json", "--regions", "eu-west-1")
    clashes = {key: it["evidence"] for key, it in acquire.items() if key[0].endswith("-clash") and it["status"] == "fail"}
    check.equal("clashes of addresses and names", clashes, {("name-clash", "987654321098"): accounts[1]["Id"], ("email-clash", "987654321099"): accounts[2]["Id"]})
    stage.path("install-config.yaml").write_text("metadata: {name: shop}\ncontrolPlane: {replicas: 2}\nplatform: {aws: {region: eu-west-1}}\n")
    ran = stage.run("org", "readiness", "--profile", "openshift", "--file", "install-config.yaml", "-o", "json")
    rows = {it["id"]: it["status"] for it in json.loads(ran.stdout)}
    check.equal("a cluster's file is judged without AWS", (ran.returncode, rows["control-plane-replicas"], rows["user-tags"]), (1, "fail", "fail"))
    for name, words, said in [
        ("a unit that is no id", ("--profile", "acquire", "--to", "Workloads"), "no id of a unit"),
        ("a unit without its profile", ("--to", "ou-ab12-cdef3456"), "--profile acquire"),
        ("a cluster's file without its profile", ("--profile", "merger", "--file", "install-config.yaml"), "--profile openshift"),
        ("a profile without its file", ("--profile", "openshift"), "--file"),
        ("answers that are none", ("--answers", "theirs.json"), "theirs.json"),
        ("a file that is not there", ("--baseline", "nowhere.json"), "nowhere.json"),
    ]:
        ran, found = ready(stage, environment, *words)
        check(f"{name} is exit 2", ran.returncode == 2 and said in ran.stderr and not found, ran.stderr)


def main():
    with Stage("readiness") as stage:
        _, endpoint, environment = stage.simulator("--scale", "small")
        found, own = landing_zone(stage, environment)
        other_profiles(stage, environment)

        stage.path("before.json").write_text(json.dumps(list(found.values())))
        ran, same = ready(stage, environment, "--baseline", "before.json")
        check("a second run has nothing different", not same and "0 different" in ran.stderr, (same, ran.stderr))
        stage.path("answers.yaml").write_text("root-emails: {name: Kim, date: 2026-01-01, expires: 2026-06-30}\n")
        client("account", environment).put_alternate_contact(AlternateContactType="SECURITY", EmailAddress="soc@acme.example", Name="Soc",
                                                             PhoneNumber="+1 555 0100", Title="Security")
        _, changed = ready(stage, environment, "--baseline", "before.json", "--answers", "answers.yaml")
        wanted = {("root-emails", "organization"): "attested"}
        if found[("security-contact", own)]["status"] != "pass":
            wanted[("security-contact", own)] = "pass"
        check.equal("only what changed is shown", {key: it["status"] for key, it in changed.items()}, wanted)

        Api(endpoint).post("/_sim/faults", {"kind": "error", "code": "AccessDeniedException", "http": 400, "match": {"operation": "ListTagsForResource"}})
        _, denied = ready(stage, environment, "--regions", "eu-west-1")
        tags = [it for (name, _), it in denied.items() if name == "owner-tag"]
        check("a refusal is unknown and names the action", tags and {it["status"] for it in tags} == {"unknown"}
              and all(it["evidence"].startswith("organizations:ListTagsForResource: AccessDenied") for it in tags), tags[:2])
        Api(endpoint).call("DELETE", "/_sim/faults")

        for name in ("report.md", "report.html"):
            ran = stage.run("org", "readiness", *AS_OF, "--report", name, "-o", "table", timeout=300, **environment)
            text = stage.path(name).read_text()
            check(f"{name} says what is not so, and what is", "Must not be so" in text and "As it should be" in text and own in text, text[:400])
            check("a table for people", "security-contact" in ran.stdout and "->" in ran.stdout, ran.stdout[:300])
        ran = stage.run("org", "readiness", *AS_OF, "-o", "junit", timeout=300, **environment)
        check.equal("JUnit has every check", len(xml.etree.ElementTree.fromstring(ran.stdout)), len(found))
    check.end()


if __name__ == "__main__":
    main()
