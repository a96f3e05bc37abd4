#!/usr/bin/env python3
"""The audit of a shared payer account: what `hallpass org payer audit` says of the simulated management account is what
boto3 reads there; what cannot be read is `unknown`, with the action, and never passes (`organization.md` §8)."""

import json
import xml.etree.ElementTree

import boto3
import botocore.exceptions

from stage import Api, Checks, Stage

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


def main():
    with Stage("payer") as stage:
        _, endpoint, environment = stage.simulator()
        sim = Api(endpoint)
        account = client("sts", environment).get_caller_identity()["Account"]
        file = stage.path("payer.yaml")
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
                mail = "there is none"
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
        unknown = {it["id"]: it["evidence"] for it in found.values() if it["status"] == "unknown"}
        check("what is not simulated is unknown, with its action",
              "iam:SimulatePrincipalPolicy" in unknown.get("customer-no-billing", "") and "events:ListRules" in unknown.get("root-login-alert", "")
              and "ce:GetCostAndUsage" in unknown.get("payer-workloads", ""), unknown)
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
        check.equal("JUnit has every check", (len(suite), int(suite.get("errors"))), (len(found), len(unknown) + 1))
        ran = stage.run("org", "payer", "plan", "payer.yaml", "--as-of", "2026-03-02T10:00:00Z", "-o", "json", **environment)
        tasks = {it["id"]: it for it in json.loads(ran.stdout)}
        check.equal("tasks come with the other way first, and exit 0", (ran.returncode, next(iter(tasks))), (0, "billing-transfer"))
        check("what is left is that of the audit", tasks["alerts"]["state"] == "unknown" and "events:ListRules" in tasks["alerts"]["notes"][0]
              and tasks["archive-invoices"]["state"] == "ask_people" and tasks["customer-role"]["owners"] == ["partner"], tasks)
        ran = stage.run("org", "payer", "plan", "payer.yaml", "-o", "table", **environment)
        check("and a table for people", "ask people" in ran.stdout and "billing" in ran.stdout, ran.stdout[:300])
        ran = stage.run("org", "payer", "audit", "payer.yaml", "-o", "table", **environment)
        check("a table for people", "root-mfa" in ran.stdout and "->" in ran.stdout, ran.stdout[:300])
    check.end()


if __name__ == "__main__":
    main()
