#!/usr/bin/env python3
"""Readiness of the simulated organization: what `hallpass org readiness` says is what boto3 reads there; what cannot be read is
`unknown`, with the action; answers, reports and a comparison with the run before (`organization.md` §9)."""

import datetime
import json
import xml.etree.ElementTree

import boto3
import botocore.config
import botocore.exceptions

from stage import Api, Checks, Stage

check = Checks()
AS_OF = ("--as-of", "2026-03-02T10:00:00Z")


def client(service, environment):
    # throttled as AWS throttles: asked again, as our binary does
    patient = botocore.config.Config(retries={"total_max_attempts": 10, "mode": "standard"})
    return boto3.client(service, config=patient, endpoint_url=environment["AWS_ENDPOINT_URL"], region_name=environment["AWS_REGION"],
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
    active = [it["Id"] for it in accounts if it["State"] == "ACTIVE"]
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
            theirs[account] = ("fail", "none found")
    check.equal("security contacts are what boto3 reads", {account: (it["status"], it["evidence"]) for account, it in said.items()}, theirs)
    tagged = {}
    for account in active:
        tags = {it["Key"]: it["Value"] for it in organizations.list_tags_for_resource(ResourceId=account)["Tags"]}
        tagged[account] = "pass" if tags.get("owner") else "fail"
    check.equal("owners, too", {target: it["status"] for (name, target), it in found.items() if name == "owner-tag"}, tagged)
    regions = contacts.list_regions(RegionOptStatusContains=["ENABLED", "ENABLED_BY_DEFAULT"], MaxResults=50)["Regions"]
    check.equal("the management account is checked in every enabled Region", sorted(target for name, target in found if name == "management-workloads"),
                sorted(f"{own}/{it['RegionName']}" for it in regions))
    mfa = [it["status"] for (name, _), it in found.items() if name == "root-mfa"]
    check("second factors of root users are read inside of each account", len(mfa) == len(active) and set(mfa) <= {"pass", "fail"}, mfa)
    failed = any(it["status"] == "fail" and it["severity"] == "error" for it in found.values())
    check.equal("the exit code counts errors", ran.returncode, 1 if failed else 0)
    passed, applies = (sum(test(it["status"]) for it in found.values()) for test in (("pass", "attested").__contains__, "not_applicable".__ne__))
    check("the score says of what", f"passed {passed} of {applies} applicable checks" in " ".join(ran.stderr.split()), ran.stderr)
    return found, own


def assets(stage, environment, endpoint, own):
    """Workloads, shares and what was paid ahead: what readiness says is what boto3 reads, every lens of it."""
    accounts = client("organizations", environment).get_paginator("list_accounts").paginate().build_full_result()["Accounts"]
    member = next(it["Id"] for it in accounts if it["Id"] != own and it["State"] == "ACTIVE")
    region = environment["AWS_REGION"]
    lenses = [{"alias": "wellarchitected", "risks": {"security": {"HIGH": 1}}}, {"alias": "serverless", "updated": "2025-01-20T00:00:00Z", "risks": {"reliability": {"HIGH": 2, "MEDIUM": 1}}}]
    file = {"version": 1,
            "workloads": [{"name": "shop", "account": member, "region": region, "environment": "PRODUCTION", "updated": "2026-02-01T00:00:00Z", "shared_with": [own],
                           "lenses": lenses, "milestones": [{"name": "first", "at": "2026-02-01T00:00:00Z"}]}],
            "resource_shares": [{"name": "networks", "account": member, "region": region, "principals": ["organization"],
                                 "resources": [f"arn:aws:ec2:{region}:{member}:subnet/subnet-{number}" for number in (1, 2)]}],
            "organization": {"billing_transfers": [
                {"id": "rt-00000001", "direction": "outbound", "other": "100000000050", "name": "group", "status": "ACCEPTED", "start": "2026-01-01T00:00:00Z"},
                {"id": "rt-00000002", "direction": "outbound", "other": "100000000060", "name": "other", "status": "REQUESTED", "start": "2026-04-01T00:00:00Z",
                 "expires": "2026-03-20T00:00:00Z"}]},
            "commitments": [{"account": member, "kind": "savings_plan", "id": "plan-1"}, {"account": own, "kind": "reservation", "id": "one"}]}
    answer = Api(endpoint).post("/_sim/load?merge=1", file)
    assert answer.status < 300, answer
    kept = Api(endpoint).get("/_sim/state?full=1").json["file"]
    tool = client("wellarchitected", environment)
    workload = tool.list_workloads()["WorkloadSummaries"][0]
    reviews = tool.list_lens_reviews(WorkloadId=workload["WorkloadId"])["LensReviewSummaries"]
    risks = {}
    for it in reviews:
        pillars = tool.get_lens_review(WorkloadId=workload["WorkloadId"], LensAlias=it["LensAlias"])["LensReview"]["PillarReviewSummaries"]
        risks[f"{workload['Owner']}/shop/{it['LensAlias']}"] = ", ".join(f"{one['PillarId']} {one['RiskCounts']['HIGH']}" for one in pillars)
    check.equal("boto3 reads two lenses", sorted(it["LensAlias"] for it in reviews), ["serverless", "wellarchitected"])
    check.equal("and a milestone", [it["MilestoneName"] for it in tool.list_milestones(WorkloadId=workload["WorkloadId"])["MilestoneSummaries"]], ["first"])
    check.equal("and the workload", tool.get_workload(WorkloadId=workload["WorkloadId"])["Workload"]["Owner"], member)
    for number, wrong in enumerate([{"WorkloadId": "ab" * 16}, {"WorkloadId": workload["WorkloadId"], "LensAlias": "saas"}]):
        try:
            tool.get_lens_review(**{"LensAlias": "serverless", **wrong})
            code = None
        except botocore.exceptions.ClientError as error:
            code = error.response["Error"]["Code"]
        check.equal(f"another is not found ({number})", code, "ResourceNotFoundException")
    ram = client("ram", environment)
    check.equal("the management account shares nothing", [ram.get_resource_shares(resourceOwner="SELF")["resourceShares"], ram.list_principals(resourceOwner="SELF")["principals"]], [[], []])
    others = ram.get_resource_shares(resourceOwner="OTHER-ACCOUNTS")["resourceShares"]
    check.equal("and has the share of another", [(it["name"], it["owningAccountId"]) for it in others], [("networks", member)])
    check.equal("with what is shared", [it["type"] for it in ram.list_resources(resourceOwner="OTHER-ACCOUNTS")["resources"]], ["ec2:Subnet"] * 2)
    _, merger = ready(stage, environment, "--profile", "merger", "--regions", "eu-west-1")
    check.equal("high risks of every lens are what boto3 reads", {target: it["evidence"] for (name, target), it in merger.items() if name == "workload-risks"}, risks)
    reviewed = {target.rsplit("/", 1)[1]: (it["status"], it["severity"]) for (name, target), it in merger.items() if name == "lens-reviewed"}
    check.equal("a lens that was forgotten is an error, whatever the others are", reviewed, {"wellarchitected": ("pass", "warn"), "serverless": ("fail", "error")})
    share = merger[("organization-shares", member)]
    check("the share is reported by name, as a warning", (share["status"], share["severity"]) == ("fail", "warn") and share["evidence"].startswith("networks: 2 ec2:Subnet with arn:aws:organizations:"), share)
    paid = merger[("commitments", "organization")]["evidence"]
    check("and what was paid ahead, with its owner", f"reservation one of {own}" in paid and f"savingsplan/plan-1 of {member}" in paid, paid)
    bill = merger[("billing-transfer", "organization")]
    handshakes = client("organizations", environment).list_handshakes_for_account(Filter={"ActionType": "TRANSFER_RESPONSIBILITY"})["Handshakes"]
    asked = next(it for it in handshakes if it["State"] == "REQUESTED")
    check("the payer is reported, and the inviter, as a warning", (bill["status"], bill["severity"]) == ("fail", "warn")
          and "100000000050 pays for the organization from 2026-01-01T00:00:00Z until it is withdrawn" in bill["evidence"]
          and f"invitation {asked['Id']} to transfer the bill" in bill["evidence"] and "open until 2026-03-20T00:00:00Z" in bill["evidence"], bill)
    check.equal("nothing is unknown any more", [key for key, it in merger.items() if it["status"] == "unknown"], [])
    check.equal("the simulator returns its input", [[it["name"] for it in kept["workloads"]], [it["name"] for it in kept["resource_shares"]], len(kept["commitments"])],
                [["shop"], ["networks"], 2])


def invited(stage, environment, endpoint, own):
    """An invitation of another organization is told in the account that has it, in every profile, and nowhere else; what cannot be read
    is never taken for none."""
    sim, manages = Api(endpoint), client("organizations", environment)
    accounts = manages.get_paginator("list_accounts").paginate().build_full_result()["Accounts"]
    member, other = [it["Id"] for it in accounts if it["Id"] != own and it["State"] == "ACTIVE"][:2]
    expires = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    row = lambda id, **more: {"id": id, "account": member, "organization": "o-theirs00000", "management": "999999999999", "expires": expires, **more}

    def load(*rows):
        answer = sim.post("/_sim/load?merge=1", {"version": 1, "organization": {"invitations": rows}})
        assert answer.status < 300, answer

    def told():
        _, found = ready(stage, environment, "--regions", "eu-west-1")
        return {target: it for (name, target), it in found.items() if name == "foreign-invitations"}

    load(row("h-aaaaaaaa"), row("h-bbbbbbbb", by_email=True), row("h-cccccccc", state="DECLINED"), row("h-dddddddd", account=own))
    keys = sim.get(f"/_sim/credentials?account={member}").json
    inside = client("organizations", {**environment, "AWS_ACCESS_KEY_ID": keys["access_key_id"], "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"]})
    listed = inside.get_paginator("list_handshakes_for_account").paginate(Filter={"ActionType": "INVITE"}, PaginationConfig={"PageSize": 1})
    states = {it["Id"]: it["State"] for it in listed.build_full_result()["Handshakes"]}
    check.equal("boto3 reads them in the account, page by page", states, {"h-aaaaaaaa": "OPEN", "h-bbbbbbbb": "OPEN", "h-cccccccc": "DECLINED"})
    check.equal("and none in the management account", manages.list_handshakes_for_account(Filter={"ActionType": "INVITE"})["Handshakes"], [])
    found = told()
    check("every active member is asked, and not the management account", own not in found and other in found, sorted(found))
    words = [f"invitation {id} of organization o-theirs00000 (management account 999999999999), open until {expires}" for id in ("h-aaaaaaaa", "h-bbbbbbbb")]
    check.equal("open ones are reported, as a warning, with their senders", (found[member]["status"], found[member]["severity"], found[member]["evidence"]),
                ("fail", "warn", ", ".join(words)))
    check("with what to do", "decline-handshake" in found[member]["remedy"] and "organizations:AcceptHandshake" in found[member]["remedy"], found[member])
    check.equal("and no other account has any", sorted(target for target, it in found.items() if it["status"] != "pass"), [member])
    sim.post("/_sim/faults", {"kind": "error", "code": "AccessDeniedException", "http": 400, "match": {"operation": "ListHandshakesForAccount"}})
    denied = told()
    check("a refusal is unknown and names the action", set(denied) == set(found) and {it["status"] for it in denied.values()} == {"unknown"}
          and all(it["evidence"].startswith("organizations:ListHandshakesForAccount: AccessDenied") for it in denied.values()), list(denied.values())[:2])
    sim.call("DELETE", "/_sim/faults")
    load(row("h-aaaaaaaa", state="DECLINED"), row("h-bbbbbbbb", by_email=True, state="CANCELED"))
    check.equal("what was declined or canceled is over", {it["status"] for it in told().values()}, {"pass"})


def other_profiles(stage, environment, endpoint):
    own = client("sts", environment).get_caller_identity()["Account"]
    _, merger = ready(stage, environment, "--profile", "merger", "--regions", "eu-west-1")
    unknown = {name: it["evidence"] for (name, _), it in merger.items() if it["status"] == "unknown"}
    check.equal("without a workload nothing is known of reviews, and all else is", unknown, {"workloads-reviewed": "wellarchitected:ListWorkloads: there is no workload in the tool"})
    check.equal("nothing is paid ahead", merger[("commitments", "organization")]["evidence"], "none")
    assets(stage, environment, endpoint, own)
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
    stage.path("prod.yaml").write_text("metadata: {name: shop}\nbaseDomain: acme.example\nplatform: {aws: {region: eu-west-1, userTags: {environment: production}, subnets: [subnet-1]}}\n")
    stage.path("dev.yaml").write_text("metadata: {name: shop}\nbaseDomain: acme.example\nplatform: {aws: {region: eu-west-1, userTags: {environment: dev}, subnets: [subnet-1]}}\n")
    ran = stage.run("org", "readiness", "--profile", "openshift", "--file", "prod.yaml", "--file", "dev.yaml", "-o", "json")
    rows = {it["id"]: it["status"] for it in json.loads(ran.stdout) if it["target"] == "clusters"}
    check.equal("two files are held against each other", {it: rows[it] for it in ("clusters-apart", "cluster-names", "inner-networks", "one-control-plane-per-location")},
                {"clusters-apart": "fail", "cluster-names": "fail", "inner-networks": "fail", "one-control-plane-per-location": "pass"})
    ran = stage.run("org", "readiness", "--profile", "openshift", "--file", "prod.yaml", "--file", "dev.yaml", "-o", "table")
    check("a warning is called one, and its severity is beside it", [it.split()[:2] for it in ran.stdout.splitlines() if "infrastructure-machines" in it] == [["warn", "warn"], ["info", "info"]], ran.stdout)
    stage.path("dev.yaml").write_text("metadata: {name: shop}\ncontrolPlane: {replicas: many}\nplatform: {aws: {region: eu-west-1}}\n")
    ran = stage.run("org", "readiness", "--profile", "openshift", "--file", "prod.yaml", "--file", "dev.yaml")
    check("errors are reported with file and line", ran.returncode == 2 and "dev.yaml:2:" in ran.stderr, ran.stderr)
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
        invited(stage, environment, endpoint, own)
        other_profiles(stage, environment, endpoint)

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
