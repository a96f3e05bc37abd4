#!/usr/bin/env python3
"""`deploy/cloudformation`: the stack is made at an independent emulator of AWS (moto). The configuration that it puts out is one that
Hallpass takes, and the roles that it makes may do what `server doctor --iam-policy` prints for that configuration, nothing less and
nothing more."""

import ast
import base64
import json
import os
import subprocess
import warnings

import boto3
import moto
import yaml

from stage import ROOT, Checks, Stage, rule

check = Checks()
warnings.filterwarnings("ignore", message="Tried to parse AWS::")
TEMPLATE = ROOT / "deploy/cloudformation/hallpass.yaml"
REGION = "eu-west-1"
GUARD = "arn:aws:iam::444455556666:role/guard-machine"


def made(**more):
    """The stack's outputs and resources, of a network that is there already."""
    ec2 = boto3.client("ec2", REGION)
    network = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [ec2.create_subnet(VpcId=network, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"]["SubnetId"]
               for number, zone in enumerate("ab")]
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    boto3.client("ssm", REGION).put_parameter(Name="/images/debian", Value=image, Type="String", Overwrite=True)
    given = {"Vpc": network, "Subnet": subnets[0], "BalancerSubnets": ",".join(subnets), "Certificate": boto3.client("acm", REGION).request_certificate(DomainName="hallpass.acme.example")["CertificateArn"],
             "PackageBucket": "acme-packages", "PackageKey": "hallpass_0.1.0_amd64.deb", "PackageSum": "ab" * 32, **more}
    formation = boto3.client("cloudformation", REGION)
    # AWS's own parameter of the image is unknown there, and reserved
    text = TEMPLATE.read_text().replace("/aws/service/debian/release/12/latest/amd64", "/images/debian")
    formation.create_stack(StackName="hallpass", TemplateBody=text, Capabilities=["CAPABILITY_IAM"],
                           Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()])
    stack = formation.describe_stacks(StackName="hallpass")["Stacks"][0]
    check.equal("the stack is made", stack["StackStatus"], "CREATE_COMPLETE")
    rows = formation.describe_stack_resources(StackName="hallpass")["StackResources"]
    return ({it["OutputKey"]: it["OutputValue"] for it in stack["Outputs"]}, {it["LogicalResourceId"]: it["PhysicalResourceId"] for it in rows if "PhysicalResourceId" in it})


def as_sets(statements):
    """Statements by name, without the order of what they list."""
    listed = lambda value: frozenset(value if isinstance(value, list) else [value])
    return {it["Sid"]: (it["Effect"], listed(it["Action"]), listed(it["Resource"]), json.dumps(it.get("Condition"))) for it in statements}


def allowed(role, name):
    return as_sets(document(boto3.client("iam", REGION).get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])["Statement"])


def document(found):
    """A policy, which moto keeps as Python writes it."""
    return ast.literal_eval(found) if isinstance(found, str) else found


def printed(stage, whom):
    done = stage.run("server", "doctor", "--iam-policy", "--for", whom)
    check.equal(f"the policy of {whom} is printed for the stack's configuration", (done.returncode, done.stderr), (0, ""))
    return as_sets(json.loads(done.stdout)["Statement"])


def least(stage, outputs, resources):
    """Roles and the printed policies, for the very configuration that the stack puts out."""
    text = outputs["Configuration"]
    stage.path("hallpass.toml").write_text(text + f'[store]\nurl = "sqlite:hallpass.db"\n[aws]\nregion = "{REGION}"\n')
    stage.path("rules.toml").write_text(rule("read", accounts=["*"], permission_sets=["ReadOnly"], approval_is_not_required=True))
    done = stage.run("rules", "check", "rules.toml")
    check.equal("rules to judge by are rules", done.returncode, 0)
    for whom, role, name in (("server", "ServerRole", "hallpass"), ("guard", "GuardRole", "guard")):
        check.equal(f"the role of {whom} may do exactly that", allowed(resources[role], name), printed(stage, whom))
    trust = boto3.client("iam", REGION).get_role(RoleName=resources["GuardRole"])["Role"]["AssumeRolePolicyDocument"]
    trust = document(trust)["Statement"][0]
    check.equal("the guard's role is for whom the parameter names", trust["Principal"], {"AWS": GUARD})
    check("it can give nothing", not any(word in json.dumps(sorted(map(str, allowed(resources["GuardRole"], "guard").values()))) for word in ("Create", "Put", "Attach")))


def kept(resources):
    """What holds the audit log."""
    events = boto3.client("events", REGION)
    queue = boto3.client("sqs", REGION).get_queue_attributes(QueueUrl=resources["Events"], AttributeNames=["All"])["Attributes"]
    patterns = {"PeopleChange": {"source": ["aws.identitystore"]}, "AccessGiven": {
        "source": ["aws.sso"], "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {"eventSource": ["sso.amazonaws.com"], "eventName": ["CreateAccountAssignment"]}}}
    for name, pattern in patterns.items():
        rule = resources[name].split("/")[-1]
        targets = events.list_targets_by_rule(Rule=rule)["Targets"]
        check.equal(f"what {name} takes goes to the queue", [it["Arn"] for it in targets], [queue["QueueArn"]])
        check.equal(f"and {name} takes that alone", json.loads(events.describe_rule(Name=rule)["EventPattern"]), pattern)
    # moto makes nothing of these from a template, or takes no question about it: they are read
    made = yaml.safe_load(TEMPLATE.read_text())["Resources"]
    check("the audit bucket locks objects", made["AuditBucket"]["Properties"]["ObjectLockEnabled"] is True)
    key = made["SigningKey"]["Properties"]
    check.equal("the key is one that heads are signed with", (key["KeySpec"], key["KeyUsage"]), ("ECC_NIST_P256", "SIGN_VERIFY"))
    for name in ("AuditBucket", "EndsBucket"):
        block = made[name]["Properties"]["PublicAccessBlockConfiguration"]
        check(f"{name} is nobody else's", all(block.values()) and len(block) == 4, block)
    policy = made["EventsPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    check("and nobody but these rules sends to it", len(policy) == 1 and policy[0]["Principal"] == {"Service": "events.amazonaws.com"}
          and policy[0]["Condition"] == {"ArnEquals": {"aws:SourceArn": [{"Fn::GetAtt": [name, "Arn"]} for name in patterns]}}, policy)
    lost = [name for name, it in made.items() if it["Type"] in ("AWS::S3::Bucket", "AWS::KMS::Key", "AWS::EC2::Volume") and it.get("DeletionPolicy") not in ("Retain", "Snapshot")]
    check.equal("evidence outlives the stack", lost, [])


def linted():
    """The template, as the page about it says."""
    done = subprocess.run(["cfn-lint", TEMPLATE], capture_output=True, text=True, timeout=240, check=False)
    check.equal("it passes cfn-lint", (done.returncode, done.stdout), (0, ""))


def machine(stage, resources):
    """The machine, and the script that it begins with."""
    ec2 = boto3.client("ec2", REGION)
    found = ec2.describe_instances(InstanceIds=[resources["Server"]])["Reservations"][0]["Instances"][0]
    check("it has the volume of the database", resources["Data"] in json.dumps(found["BlockDeviceMappings"], default=str), found["BlockDeviceMappings"])
    script = ec2.describe_instance_attribute(InstanceId=resources["Server"], Attribute="userData")["UserData"]["Value"]
    script = base64.b64decode(script).decode()
    stage.path("begin.sh").write_text(script)
    done = subprocess.run(["bash", "-n", stage.path("begin.sh")], capture_output=True, text=True, timeout=30, check=False)
    check("a shell without SSH has its agent", "https://s3.eu-west-1.amazonaws.com/amazon-ssm-eu-west-1/latest/debian_$(dpkg --print-architecture)/amazon-ssm-agent.deb" in script, script)
    check("its script is one", done.returncode == 0 and "${" not in script, done.stderr + script)
    order = [script.index(words) for words in ("ab" * 32, "sha256sum --check --strict", "apt-get install -q -y /tmp/hallpass.deb")]
    check("the package's sum is checked before it is installed", order == sorted(order))
    group = ec2.describe_security_groups(GroupIds=[resources["ServerGroup"]])["SecurityGroups"][0]
    check("only the load balancer reaches the server", [(it["FromPort"], [pair["GroupId"] for pair in it["UserIdGroupPairs"]], it["IpRanges"]) for it in group["IpPermissions"]]
          == [(8080, [resources["BalancerGroup"]], [])], group["IpPermissions"])


def main():
    # nothing leaves this process: moto answers in it
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
    linted()
    with Stage("cloudformation") as stage, moto.mock_aws():
        outputs, resources = made(GuardPrincipal=GUARD)
        least(stage, outputs, resources)
        kept(resources)
        machine(stage, resources)
    with moto.mock_aws():
        outputs, resources = made()
        check("without a guard there is no role of one", "GuardRole" not in resources and "GuardRoleArn" not in outputs, sorted(resources))
    check.end()


if __name__ == "__main__":
    main()
