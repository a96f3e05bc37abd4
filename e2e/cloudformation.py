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
import pathlib
import re
import subprocess
import time
import warnings

import boto3
import moto
import moto.cloudformation.parsing
import yaml
from moto.server import ThreadedMotoServer

from deploy_machine import STUB, disks, disks_again, idle_at_server
from stage import ROOT, Checks, Stage, free_port, rule

check = Checks()
warnings.filterwarnings("ignore", message="Tried to parse AWS::")
TEMPLATE = ROOT / "deploy/cloudformation/hallpass.yaml"
# for the management account, where the server is in another
MANAGEMENT = TEMPLATE.with_name("management-events.yaml")
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
    before = "WhichPackage:\n    Type: AWS::SSM::Parameter\n    Properties:\n"
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
    stage.path("rules.toml").write_text(rule("read", accounts=["*"], except_accounts=["444455556666"], permission_sets=["ReadOnly"], approval_is_not_required=True))
    done = stage.run("rules", "check", "rules.toml")
    check.equal("rules to judge by are rules", done.returncode, 0)
    for whom, role, name in (("server", "ServerRole", "hallpass"), ("guard", "GuardRole", "guard")):
        check.equal(f"the role of {whom} may do exactly that", allowed(resources[role], name), printed(stage, whom))
    trust = boto3.client("iam", REGION).get_role(RoleName=resources["GuardRole"])["Role"]["AssumeRolePolicyDocument"]
    trust = document(trust)["Statement"][0]
    check.equal("the guard's role is for the principal in the parameter", trust["Principal"], {"AWS": GUARD})
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
        check(f"{name} is for this queue only", all(block.values()) and len(block) == 4, block)
    policy = made["EventsPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    check("and only these rules send to it", len(policy) == 2 and policy[0]["Principal"] == {"Service": "events.amazonaws.com"}
          and policy[0]["Condition"] == {"ArnEquals": {"aws:SourceArn": [{"Fn::GetAtt": [name, "Arn"]} for name in patterns]}}, policy)
    condition, more, without = policy[1]["Fn::If"]
    check("unless others are named", condition == "HasEventRules" and more["Principal"] == {"Service": "events.amazonaws.com"}
          and more["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": "EventRules"}}} and without == {"Ref": "AWS::NoValue"}, policy)
    bus = made["EventsElsewhere"]
    check.equal("the bus takes events of accounts that are named", (bus["Condition"], bus["Properties"]["Statement"]["Principal"], bus["Properties"]["Statement"]["Action"]),
                ("HasEventsFrom", {"AWS": {"Ref": "EventsFrom"}}, "events:PutEvents"))
    attributes = {it["Key"]: it["Value"] for it in made["Balancer"]["Properties"]["LoadBalancerAttributes"]}
    check("the load balancer closes an idle connection before the server does", int(attributes["idle_timeout.timeout_seconds"]) < idle_at_server(), attributes)
    lost = [name for name, it in made.items() if it["Type"] in ("AWS::S3::Bucket", "AWS::KMS::Key", "AWS::EC2::Volume") and it.get("DeletionPolicy") not in ("Retain", "Snapshot")]
    check.equal("evidence outlives the stack", lost, [])


def linted():
    """The templates, as the page about them says."""
    done = subprocess.run(["cfn-lint", TEMPLATE, MANAGEMENT], capture_output=True, text=True, timeout=240, check=False)
    check.equal("they pass cfn-lint", (done.returncode, done.stdout), (0, ""))


def sent_on(outputs):
    """The stack of the management account, which sends events on to the bus of the server's."""
    formation, events = boto3.client("cloudformation", REGION), boto3.client("events", REGION)
    bus = outputs["EventsBus"]
    check.equal("the server's stack says to which bus", bus, f"arn:aws:events:{REGION}:123456789012:event-bus/default")
    formation.create_stack(StackName="events", TemplateBody=MANAGEMENT.read_text(), Capabilities=["CAPABILITY_IAM"], Parameters=[{"ParameterKey": "Bus", "ParameterValue": bus}])
    found = {it["LogicalResourceId"]: it["PhysicalResourceId"] for it in formation.describe_stack_resources(StackName="events")["StackResources"]}
    role = boto3.client("iam", REGION).get_role(RoleName=found["Sender"])["Role"]
    check.equal("its role is for EventBridge", document(role["AssumeRolePolicyDocument"])["Statement"][0]["Principal"], {"Service": "events.amazonaws.com"})
    check.equal("and sends there, and nowhere else", allowed(found["Sender"], "send"), {"Send": ("Allow", frozenset(["events:PutEvents"]), frozenset([bus]), "null")})
    wanted = yaml.safe_load(TEMPLATE.read_text())["Resources"]
    for name in ("PeopleChange", "AccessGiven"):
        rule = found[name].split("/")[-1]
        check.equal(f"{name} takes there what the server's takes", json.loads(events.describe_rule(Name=rule)["EventPattern"]), wanted[name]["Properties"]["EventPattern"])
        check.equal(f"and {name} sends it on by that role", [(it["Arn"], it["RoleArn"]) for it in events.list_targets_by_rule(Rule=rule)["Targets"]], [(bus, role["Arn"])])


def shells():
    """What the machine's role has beside its own policies: that of Session Manager and those of the operator, each where it is wanted."""
    role = yaml.safe_load(TEMPLATE.read_text())["Resources"]["ServerRole"]["Properties"]
    for session in (True, False):
        for more in (True, False):
            # moto attaches no managed policies of a template: the branch is taken here
            body, conditions = role["ManagedPolicyArns"], {"HasSessions": session, "HasMore": more}
            while "Fn::If" in body:
                condition, yes, no = body["Fn::If"]
                body = yes if conditions[condition] else no
            text = json.dumps(body)
            check.equal(f"Session Manager {session}, more policies {more}", ("AmazonSSMManagedInstanceCore" in text, '{"Ref": "MorePolicies"}' in text), (session, more))
    body = yaml.safe_load(TEMPLATE.read_text())["Resources"]["GuardRole"]["Properties"]["ManagedPolicyArns"]
    check.equal("the guard's role has what the operator adds for it", body, {"Fn::If": ["HasMoreOfGuard", {"Ref": "MoreGuardPolicies"}, {"Ref": "AWS::NoValue"}]})


def machine(stage, resources):
    """The machine, and the script that it begins with."""
    ec2 = boto3.client("ec2", REGION)
    found = ec2.describe_instances(InstanceIds=[resources["Server"]])["Reservations"][0]["Instances"][0]
    check("it has the volume of the database", resources["Data"] in json.dumps(found["BlockDeviceMappings"], default=str), found["BlockDeviceMappings"])
    script = ec2.describe_instance_attribute(InstanceId=resources["Server"], Attribute="userData")["UserData"]["Value"]
    script = base64.b64decode(script).decode()
    stage.path("begin.sh").write_text(script)
    done = subprocess.run(["bash", "-n", stage.path("begin.sh")], capture_output=True, text=True, timeout=120, check=False)
    check("a shell without SSH has its agent", "https://s3.eu-west-1.amazonaws.com/amazon-ssm-eu-west-1/latest/debian_$(dpkg --print-architecture)/amazon-ssm-agent.deb" in script, script)
    check("its script is one", done.returncode == 0 and "${" not in script, done.stderr + script)
    check("AWS takes as much", len(script.encode()) <= 16384, len(script.encode()))
    check("its package is not in it: it would be another script with each", "ab" * 32 not in script and "hallpass_0.1.0" not in script, script)
    # moto changes no policy of a role: this one follows the parameters
    may = {sid: resource for sid, (_, _, resource, _) in allowed(resources["ServerRole"], "package").items()}
    check.equal("the machine may read the package that the stack names, and which one it is", may, {
        "Package": {f"arn:aws:s3:::{PACKAGES}/hallpass_0.1.0_amd64.deb"},
        **{name: {f"arn:aws:ssm:{REGION}:123456789012:parameter/{resources[name]}"} for name in ("WhichPackage", "WhichVolume")}})
    check.equal("the volume is not either, and is named by a name that it knows", boto3.client("ssm", REGION).get_parameter(Name="hallpass-hallpass-volume")["Parameter"]["Value"], resources["Data"])
    check("by that name it asks", "--name hallpass-hallpass-volume " in script, script)
    disks(stage, check, script, resources["Data"])
    disks_again(stage, check, script, resources["Data"])
    named_by = sorted(name for name, it in yaml.safe_load(TEMPLATE.read_text())["Resources"].items() if {"PackageBucket", "PackageKey", "PackageSum"} & set(references(it)))
    check.equal("nothing else changes with the package: no machine is stopped or made for it", named_by, ["ServerRole", "WhichPackage"])
    group = ec2.describe_security_groups(GroupIds=[resources["ServerGroup"]])["SecurityGroups"][0]
    check("only the load balancer reaches the server", [(it["FromPort"], [pair["GroupId"] for pair in it["UserIdGroupPairs"]], it["IpRanges"]) for it in group["IpPermissions"]]
          == [(8080, [resources["BalancerGroup"]], [])], group["IpPermissions"])


# what the system's package tools would say: a package is text with its version in it
TOOLS = {"systemctl": "", "apt-get": '[ ! -e "$FAILS" ] || exit 100\nfor it; do :; done\nsed -n "s/^Version: //p" "$it" > "$INSTALLED"\n',
         "dpkg-deb": 'case $1 in\n--field) sed -n "s/^Version: //p" "$2" ;;\n*) mkdir -p "$3/usr/bin"; cp "$PROGRAM" "$3/usr/bin/hallpass" ;;\nesac\n'}
DPKG = '#!/bin/sh\n[ "$1" = --status ] || exec /usr/bin/dpkg "$@"\n[ -e "$INSTALLED" ] || exit 1\necho "Version: $(cat "$INSTALLED")"\n'


class Kept:
    """The script with which the machine keeps its package, its folder, and the system's programs, which only say that they were called."""

    def __init__(self, stage, server):
        self.stage, self.etc, self.called = stage, stage.path("etc"), stage.path("called")
        begin = stage.path("begin.sh").read_text()
        (script,) = re.findall(r"^cat > /usr/local/sbin/.hallpass-package <<'SCRIPT'\n(.*?)^SCRIPT$", begin, re.M | re.S)
        folder = "etc=/etc/hallpass\n"
        assert script.count(folder) == 1, script
        self.script = stage.path("hallpass-package")
        self.script.write_text(script.replace(folder, f"etc={self.etc}\n"))
        (unit,) = re.findall(r"^cat > /etc/systemd/system/hallpass-package.service <<'UNIT'\n(.*?)^UNIT$", begin, re.M | re.S)
        self.variables = [self.etc / pathlib.Path(it).name for it in re.findall(r"^EnvironmentFile=-(/etc/hallpass/.*)$", unit, re.M)]
        tools, self.program = stage.path("bin"), stage.path("program")
        self.installed, self.fails = stage.path("installed"), stage.path("fails")
        tools.mkdir()
        for name, text in {**{name: STUB + more for name, more in TOOLS.items()}, "dpkg": DPKG}.items():
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)
        # the program of the package, which judges the configuration before it is installed
        self.program.write_text(f'#!/bin/sh\nexec {stage.binary} "$@"\n')
        self.program.chmod(0o755)
        self.environment = {"PATH": f"{tools}:{os.environ['PATH']}", "CALLED": self.called, "PROGRAM": self.program, "AWS_ENDPOINT_URL": server,
                            "INSTALLED": self.installed, "FAILS": self.fails, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}

    def run(self):
        """What it ended with, what it said, and which programs of the system it called to change something."""
        self.called.write_text("")
        # as systemd reads it for the unit
        given = dict(line.split("=", 1) for path in self.variables if path.exists() for line in path.read_text().splitlines())
        done = subprocess.run(["bash", self.script], capture_output=True, text=True, timeout=120, check=False, env=self.stage.environment(**{**given, **self.environment}))
        calls = [" ".join(line.split()[:2]) for line in self.called.read_text().splitlines()]
        return done.returncode, done.stdout + done.stderr, [it for it in calls if it != "dpkg-deb --field"]

    def left(self):
        return sorted(it.name for it in self.etc.iterdir())

    def version(self):
        return self.installed.read_text().strip()

    def later(self):
        """A quarter of an hour goes by."""
        then = time.time() - 15 * 60 - 60
        os.utime(self.etc / "package-refused", (then, then))


def updated(**more):
    """The stack with other parameters, as `aws cloudformation deploy` leaves the rest as it is."""
    formation = boto3.client("cloudformation", REGION)
    # moto remembers what was given, and not what was left to its default
    names = [name for name, it in yaml.safe_load(TEMPLATE.read_text())["Parameters"].items() if "Default" not in it or name == "GuardPrincipal"]
    kept = [{"ParameterKey": name, **({"ParameterValue": more[name]} if name in more else {"UsePreviousValue": True})} for name in names]
    formation.update_stack(StackName="hallpass", TemplateBody=named(TEMPLATE.read_text()), Capabilities=["CAPABILITY_IAM"], Parameters=kept)
    check.equal("the stack is updated", formation.describe_stacks(StackName="hallpass")["Stacks"][0]["StackStatus"], "UPDATE_COMPLETE")
    return {it["LogicalResourceId"]: it["PhysicalResourceId"] for it in formation.describe_stack_resources(StackName="hallpass")["StackResources"] if "PhysicalResourceId" in it}


def put(version, what="a release"):
    """A package of a release, as the bucket has it and the stack names it."""
    key, package = f"hallpass_{version}_amd64.deb", f"Version: {version}\n{what}\n".encode()
    boto3.client("s3", REGION).put_object(Bucket=PACKAGES, Key=key, Body=package)
    return {"PackageKey": key, "PackageSum": hashlib.sha256(package).hexdigest()}


INSTALLS = ["apt-get install"]


def followed(stage, resources):
    """What the stack names is installed, from the first start on; what does not check is not."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    port = free_port()
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    try:
        boto3.client("s3", REGION).create_bucket(Bucket=PACKAGES, CreateBucketConfiguration={"LocationConstraint": REGION})
        machine = Kept(stage, f"http://127.0.0.1:{port}")
        first = began(machine)
        configured(stage, machine, first)
        taken_back(machine)
    finally:
        server.stop()


def began(machine):
    """The first start."""
    status, said, calls = machine.run()
    check("a package that is not there is not installed", status != 0 and not calls and machine.left() == [], (status, said, calls))
    put("0.1.0", "not what was signed")
    status, said, calls = machine.run()
    check("neither is one of another sum", status != 0 and "FAILED" in said and not calls, (status, said, calls))
    first = updated(**put("0.1.0"))
    machine.fails.write_text("")
    status, said, calls = machine.run()
    check.equal("one that the system cannot install is not taken for installed", (status, calls, machine.left()), (100, INSTALLS, ["package-refused"]))
    machine.fails.unlink()
    machine.later()
    status, said, calls = machine.run()
    check.equal("the first package is installed, and its service begins with the machine", (status, calls), (0, [*INSTALLS, "systemctl enable"]))
    check.equal("nothing new: nothing is done", machine.run()[::2], (0, []))
    return first


def configured(stage, machine, first):
    """With a configuration, which names a secret as systemd hands it out and a variable of the service's environment."""
    (machine.etc / "secrets").mkdir()
    (machine.etc / "secrets/slack").write_text("secret")
    (machine.etc / "hallpass.toml").write_text(stage.path("hallpass.toml").read_text() + '[slack]\nbot_token = "file:/run/credentials/hallpass.service/secret_slack"\n'
                                               'signing_secret = "${env:SLACK_SIGNING_SECRET}"\n')
    (machine.etc / "hallpass.env").write_text("SLACK_SIGNING_SECRET=secret\n")
    (machine.etc / "rules.toml").write_text(stage.path("rules.toml").read_text())
    before = machine.left()
    second = updated(**put("0.2.0"))
    check.equal("another package touches neither machine nor volume", [second[it] for it in ("Server", "Data")], [first[it] for it in ("Server", "Data")])
    good = machine.program.read_text()
    machine.program.write_text("#!/bin/sh\necho 'a key is gone' >&2\nexit 2\n")
    status, said, calls = machine.run()
    check("a program that does not take the configuration is not installed, and the running one stays", status != 0 and "a key is gone" in said and calls == ["dpkg-deb --extract"], (status, said, calls))
    status, said, calls = machine.run()
    check("it is not fetched again each minute, and is still reported", status != 0 and "was refused" in said and not calls, (status, said, calls))
    machine.later()
    check.equal("after a quarter of an hour it is tried again", machine.run()[::2], (2, ["dpkg-deb --extract"]))
    machine.program.write_text(good)
    (machine.etc / "hallpass.env").write_text("SLACK_SIGNING_SECRET=another\n")
    status, said, calls = machine.run()
    check.equal("immediately when a file changes: it is installed, with the secrets and the environment of the service", (status, calls, machine.version()), (0, ["dpkg-deb --extract", *INSTALLS], "0.2.0"))
    check.equal("and nothing is left beside", machine.left(), before)
    check.equal("once", machine.run()[::2], (0, []))


def taken_back(machine):
    """An update that fails elsewhere names the earlier package again, over a database that the later release migrated."""
    before, earlier = machine.left(), put("0.1.0")
    updated(**earlier)
    status, said, calls = machine.run()
    check("an earlier release is not installed automatically, and the way back is shown", status == 1 and not calls and machine.version() == "0.2.0"
          and "earlier than 0.2.0" in said and "Roll back" in said and f"echo {earlier['PackageSum']} > {machine.etc}/downgrade-to" in said, (status, said, calls))
    machine.later()
    (machine.etc / "downgrade-to").write_text("ab" * 32 + "\n")
    status, said, calls = machine.run()
    check("and not by a word about another package", status == 1 and not calls, (status, said, calls))
    time.sleep(0.05)
    (machine.etc / "downgrade-to").write_text(earlier["PackageSum"] + "\n")
    check.equal("with the word of an operator it is", (*machine.run()[::2], machine.version()), (0, ["dpkg-deb --extract", *INSTALLS], "0.1.0"))
    check.equal("which holds once", machine.left(), before)
    updated(**put("0.1.0", "the same release, built again"))
    check.equal("the same release of another sum needs no word", machine.run()[::2], (0, ["dpkg-deb --extract", *INSTALLS]))


def again(stage):
    """AWS stops and starts a machine whose script changed: each start runs what the stack has by then."""
    (boot,) = re.findall(r"^cat > /var/lib/cloud/scripts/per-boot/hallpass <<'SCRIPT'\n(.*?)^SCRIPT$", stage.path("begin.sh").read_text(), re.M | re.S)
    tools = stage.path("boot")
    tools.mkdir()
    (tools / "curl").write_text('#!/bin/sh\ncase "$*" in\n*"-X PUT"*/latest/api/token) echo token-1 ;;\n*"token: token-1 "*/latest/user-data) cat "$DATA" ;;\n*) exit 22 ;;\nesac\n')
    (tools / "curl").chmod(0o755)
    (tools / "hallpass-boot").write_text(boot)
    stage.path("data").write_text("#!/bin/bash\nset -eu\nfor it in a b; do\n  echo \"later script: $it\"\ndone\n")
    done = subprocess.run(["bash", tools / "hallpass-boot"], capture_output=True, text=True, timeout=120, check=False,
                          env={"PATH": f"{tools}:{os.environ['PATH']}", "DATA": str(stage.path("data"))})
    check.equal("a start runs the script that the stack has by then", (done.returncode, done.stdout, done.stderr), (0, "later script: a\nlater script: b\n", ""))


def main():
    # nothing leaves this process: moto answers in it
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
    linted()
    moto.cloudformation.parsing.get_references_from_template = references
    with Stage("cloudformation") as stage, moto.mock_aws():
        outputs, resources = made(GuardPrincipal=GUARD)
        least(stage, outputs, resources)
        kept(resources)
        sent_on(outputs)
        machine(stage, resources)
        again(stage)
        followed(stage, resources)
    with moto.mock_aws():
        outputs, resources = made()
        check("without a guard there is no role of one", "GuardRole" not in resources and "GuardRoleArn" not in outputs, sorted(resources))
        check("Session Manager opens a shell", "Session" in outputs, outputs)
    with moto.mock_aws():
        check("and not where it is not wanted", "Session" not in made(SessionManager="no")[0])
    shells()
    check.end()


if __name__ == "__main__":
    main()
