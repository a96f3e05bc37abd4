#!/usr/bin/env python3
"""`deploy/cloudformation`: the stack is made at an independent emulator of AWS (moto). The configuration that it puts out is one that
Hallpass takes, and the roles that it makes may do what `server doctor --iam-policy` prints for that configuration, nothing less and
nothing more. Another package that the stack is given reaches the machine: its own script fetches it from the emulator."""

import ast
import base64
import hashlib
import json
import logging
import os
import re
import subprocess
import warnings

import boto3
import moto
import moto.cloudformation.parsing
import yaml
from moto.server import ThreadedMotoServer

from deploy_machine import STUB
from stage import ROOT, Checks, Stage, free_port, rule

check = Checks()
warnings.filterwarnings("ignore", message="Tried to parse AWS::")
TEMPLATE = ROOT / "deploy/cloudformation/hallpass.yaml"
REGION = "eu-west-1"
PACKAGES = "acme-packages"
GUARD = "arn:aws:iam::444455556666:role/guard-machine"


def made(**more):
    """The stack's outputs and resources, of a network that is there already."""
    ec2 = boto3.client("ec2", REGION)
    network = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [ec2.create_subnet(VpcId=network, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"]["SubnetId"]
               for number, zone in enumerate("ab")]
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    given = {"Vpc": network, "Subnet": subnets[0], "BalancerSubnets": ",".join(subnets), "Certificate": boto3.client("acm", REGION).request_certificate(DomainName="hallpass.acme.example")["CertificateArn"],
             "Image": image, "PackageBucket": PACKAGES, "PackageKey": "hallpass_0.1.0_amd64.deb", "PackageSum": "ab" * 32, **more}
    formation = boto3.client("cloudformation", REGION)
    formation.create_stack(StackName="hallpass", TemplateBody=named(TEMPLATE.read_text()), Capabilities=["CAPABILITY_IAM"],
                           Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()])
    stack = formation.describe_stacks(StackName="hallpass")["Stacks"][0]
    check.equal("the stack is made", stack["StackStatus"], "CREATE_COMPLETE")
    rows = formation.describe_stack_resources(StackName="hallpass")["StackResources"]
    return ({it["OutputKey"]: it["OutputValue"] for it in stack["Outputs"]}, {it["LogicalResourceId"]: it["PhysicalResourceId"] for it in rows if "PhysicalResourceId" in it})


def named(text):
    """The template with the name that AWS would make up for a parameter, which moto does not."""
    before = "Type: AWS::SSM::Parameter\n    Properties:\n"
    assert text.count(before) == 1
    return text.replace(before, f"{before}      Name: CFN-WhichPackage-1\n")


def references(body):
    """The names that a part of the template refers to; moto sees those in `Fn::Sub` for none, and would leave out what changes by them."""
    if isinstance(body, list):
        return [name for it in body for name in references(it)]
    if not isinstance(body, dict):
        return []
    found = [body["Ref"]] if "Ref" in body else []
    text = body.get("Fn::Sub", "")
    found += re.findall(r"\$\{([A-Za-z0-9:]+)", text if isinstance(text, str) else text[0])
    return found + [name for it in body.values() for name in references(it)]


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
    check("its package is not in it: it is read once in the life of a machine", "ab" * 32 not in script and "hallpass_0.1.0" not in script, script)
    # moto changes no policy of a role: this one follows the parameters
    may = {sid: resource for sid, (_, _, resource, _) in allowed(resources["ServerRole"], "package").items()}
    check.equal("the machine may read the package that the stack names, and which one it is", may, {
        "Package": {f"arn:aws:s3:::{PACKAGES}/hallpass_0.1.0_amd64.deb"}, "WhichPackage": {f"arn:aws:ssm:{REGION}:123456789012:parameter/{resources['WhichPackage']}"}})
    named_by = sorted(name for name, it in yaml.safe_load(TEMPLATE.read_text())["Resources"].items() if {"PackageBucket", "PackageKey", "PackageSum"} & set(references(it)))
    check.equal("nothing else changes with the package: no machine is stopped or made for it", named_by, ["ServerRole", "WhichPackage"])
    group = ec2.describe_security_groups(GroupIds=[resources["ServerGroup"]])["SecurityGroups"][0]
    check("only the load balancer reaches the server", [(it["FromPort"], [pair["GroupId"] for pair in it["UserIdGroupPairs"]], it["IpRanges"]) for it in group["IpPermissions"]]
          == [(8080, [resources["BalancerGroup"]], [])], group["IpPermissions"])


class Kept:
    """The script with which the machine keeps its package, its folder, and the system's programs, which only say that they were called."""

    def __init__(self, stage, server):
        self.stage, self.etc, self.called = stage, stage.path("etc"), stage.path("called")
        (script,) = re.findall(r"^cat > /usr/local/sbin/hallpass-package <<'SCRIPT'\n(.*?)^SCRIPT$", stage.path("begin.sh").read_text(), re.M | re.S)
        folder = "etc=/etc/hallpass\n"
        assert script.count(folder) == 1, script
        self.script = stage.path("hallpass-package")
        self.script.write_text(script.replace(folder, f"etc={self.etc}\n"))
        tools, self.program = stage.path("bin"), stage.path("program")
        tools.mkdir()
        # the program of the package, which judges the configuration before it is installed
        for name, more in (("apt-get", ""), ("systemctl", ""), ("dpkg-deb", 'mkdir -p "$3/usr/bin"\ncp "$PROGRAM" "$3/usr/bin/hallpass"\n')):
            (tools / name).write_text(STUB + more)
            (tools / name).chmod(0o755)
        self.program.write_text(f'#!/bin/sh\nexec {stage.binary} "$@"\n')
        self.program.chmod(0o755)
        self.environment = {"PATH": f"{tools}:{os.environ['PATH']}", "CALLED": self.called, "PROGRAM": self.program, "AWS_ENDPOINT_URL": server,
                            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}

    def run(self):
        """What it ended with, what it said, and which programs of the system it called."""
        self.called.write_text("")
        done = subprocess.run(["bash", self.script], capture_output=True, text=True, timeout=120, check=False, env=self.stage.environment(**self.environment))
        return done.returncode, done.stdout + done.stderr, [" ".join(line.split()[:2]) for line in self.called.read_text().splitlines()]

    def left(self):
        return sorted(it.name for it in self.etc.iterdir())


def updated(**more):
    """The stack with other parameters, as `aws cloudformation deploy` leaves the rest as it is."""
    formation = boto3.client("cloudformation", REGION)
    # moto remembers what was given, and not what was left to its default
    names = [name for name, it in yaml.safe_load(TEMPLATE.read_text())["Parameters"].items() if "Default" not in it or name == "GuardPrincipal"]
    kept = [{"ParameterKey": name, **({"ParameterValue": more[name]} if name in more else {"UsePreviousValue": True})} for name in names]
    formation.update_stack(StackName="hallpass", TemplateBody=named(TEMPLATE.read_text()), Capabilities=["CAPABILITY_IAM"], Parameters=kept)
    check.equal("the stack is updated", formation.describe_stacks(StackName="hallpass")["Stacks"][0]["StackStatus"], "UPDATE_COMPLETE")
    return {it["LogicalResourceId"]: it["PhysicalResourceId"] for it in formation.describe_stack_resources(StackName="hallpass")["StackResources"] if "PhysicalResourceId" in it}


def put(key, package):
    boto3.client("s3", REGION).put_object(Bucket=PACKAGES, Key=key, Body=package)
    return {"PackageKey": key, "PackageSum": hashlib.sha256(package).hexdigest()}


def followed(stage, resources):
    """What the stack names is installed, from the first start on; what does not check is not."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    port = free_port()
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    installs = ["apt-get install"]
    try:
        boto3.client("s3", REGION).create_bucket(Bucket=PACKAGES, CreateBucketConfiguration={"LocationConstraint": REGION})
        machine = Kept(stage, f"http://127.0.0.1:{port}")
        status, said, calls = machine.run()
        check("a package that is not there is not installed", status != 0 and not calls and machine.left() == [], (status, said, calls))
        put("hallpass_0.1.0_amd64.deb", b"another package")
        status, said, calls = machine.run()
        check("neither is one of another sum", status != 0 and "FAILED" in said and not calls, (status, said, calls))
        first = updated(**put("hallpass_0.1.0_amd64.deb", b"the first package"))
        status, said, calls = machine.run()
        check.equal("the first package is installed, and its service begins with the machine", (status, calls), (0, [*installs, "systemctl enable"]))
        check.equal("nothing new: nothing is done", machine.run()[::2], (0, []))
        # the configuration is there by now, and names a secret as systemd hands it out
        (machine.etc / "secrets").mkdir()
        (machine.etc / "secrets/slack").write_text("secret")
        (machine.etc / "hallpass.toml").write_text(stage.path("hallpass.toml").read_text() + '[slack]\nbot_token = "file:/run/credentials/hallpass.service/secret_slack"\n'
                                                   'signing_secret = "file:/run/credentials/hallpass.service/secret_slack"\n')
        (machine.etc / "rules.toml").write_text(stage.path("rules.toml").read_text())
        before = machine.left()
        second = updated(**put("hallpass_0.2.0_amd64.deb", b"the second package"))
        check.equal("another package touches neither machine nor volume", [second[it] for it in ("Server", "Data")], [first[it] for it in ("Server", "Data")])
        good = machine.program.read_text()
        machine.program.write_text("#!/bin/sh\necho 'a key is gone' >&2\nexit 2\n")
        status, said, calls = machine.run()
        check("a program that does not take the configuration is not installed, and what runs goes on", status != 0 and "a key is gone" in said and calls == ["dpkg-deb --extract"], (status, said, calls))
        machine.program.write_text(good)
        status, said, calls = machine.run()
        check.equal("what the stack names now is installed, once the program takes the configuration", (status, calls), (0, ["dpkg-deb --extract", *installs]))
        check.equal("and nothing is left beside", machine.left(), before)
        check.equal("once", machine.run()[::2], (0, []))
        updated(**put("hallpass_0.1.0_amd64.deb", b"the first package"))
        check.equal("the way back is the same", machine.run()[::2], (0, ["dpkg-deb --extract", *installs]))
    finally:
        server.stop()


def main():
    # nothing leaves this process: moto answers in it
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
    linted()
    moto.cloudformation.parsing.get_references_from_template = references
    with Stage("cloudformation") as stage, moto.mock_aws():
        outputs, resources = made(GuardPrincipal=GUARD)
        least(stage, outputs, resources)
        kept(resources)
        machine(stage, resources)
        followed(stage, resources)
    with moto.mock_aws():
        outputs, resources = made()
        check("without a guard there is no role of one", "GuardRole" not in resources and "GuardRoleArn" not in outputs, sorted(resources))
    check.end()


if __name__ == "__main__":
    main()
