"""A small organization for scripts about policies: people with live sessions, and what AWS says."""

import datetime
import json

import boto3
import botocore.config
import botocore.exceptions

from stage import Api, answers, free_port, rule, wait

MANAGEMENT, DEV, TEST, PROD = "111122223333", "222233334444", "333344445555", "444455556666"
ANA, BO, CY = "ana@acme.example", "bo@acme.example", "cy@acme.example"
SCP = "SERVICE_CONTROL_POLICY"
RULES = rule("none", accounts=["*"], permission_sets=["BreakGlass"], approvers=["bo@acme.example"])
FULL = "arn:aws:iam::aws:policy/AdministratorAccess"


def organization():
    sets = [{"name": name, "session_duration": "PT8H", "managed_policies": [FULL]} for name in ("Admin", "BreakGlass")]
    people = [{"user_name": mail, "given_name": mail[:3], "family_name": "X", "email": mail} for mail in (ANA, BO)]
    held = [(DEV, "Admin", ANA), (DEV, "Admin", BO), (DEV, "BreakGlass", BO), (TEST, "Admin", ANA), (TEST, "BreakGlass", BO)]
    return {
        "version": 1, "seed": 7,
        "organization": {"id": "o-ab12cd34ef", "root": "r-ab12", "management_account": MANAGEMENT, "policy_types": [SCP],
                         "service_access": ["sso.amazonaws.com"]},
        "ous": [{"name": "NonProd"}, {"name": "Prod"}],
        "accounts": [
            {"id": MANAGEMENT, "name": "acme-management", "email": "m@acme.example", "ou": None},
            {"id": DEV, "name": "dev", "email": "dev@acme.example", "ou": "NonProd"},
            {"id": TEST, "name": "test", "email": "test@acme.example", "ou": "NonProd"},
            {"id": PROD, "name": "prod", "email": "prod@acme.example", "ou": "Prod", "tags": {"hallpass:prod": "true"}}],
        "identity_center": {
            "instance_arn": "arn:aws:sso:::instance/ssoins-0123456789abcdef", "identity_store_id": "d-1234567890",
            "home_region": "eu-west-1", "users": people, "permission_sets": sets,
            "assignments": [{"account": account, "permission_set": name, "user": mail} for account, name, mail in held]},
    }


def instant(seconds_from_now):
    """RFC 3339 in UTC."""
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds_from_now)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


class World:
    """The simulated organization, seen through boto3."""

    def __init__(self, stage, sim_api, endpoint, environment):
        self.stage, self.sim, self.endpoint, self.environment = stage, sim_api, endpoint, environment
        # throttled as AWS throttles: the script asks again, as our binary does
        self.org = self.client("organizations", environment, attempts=10)
        self.root = self.org.list_roots()["Roots"][0]["Id"]
        units = self.org.list_organizational_units_for_parent(ParentId=self.root)["OrganizationalUnits"]
        self.units = {unit["Name"]: unit["Id"] for unit in units}

    def client(self, service, keys, attempts=1, region="eu-west-1"):
        return boto3.client(
            service, endpoint_url=self.endpoint, region_name=region,
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"], aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=keys.get("AWS_SESSION_TOKEN"),
            config=botocore.config.Config(retries={"total_max_attempts": attempts, "mode": "standard"}),
        )

    def keys(self, mail, name="Admin", account=DEV):
        """What a live session of a person has."""
        return self.sim.post("/_sim/login", {"user": mail, "account": account, "permission_set": name}).json

    def login(self, mail, name="Admin", account=DEV):
        """A live session of a person."""
        keys = self.keys(mail, name, account)
        return self.client("iam", keys), self.client("s3", keys)

    def ours(self):
        """Policies that Hallpass made, with what each is attached to."""
        found = {}
        for policy in self.org.list_policies(Filter=SCP)["Policies"]:
            if policy["Name"].startswith("hallpass-"):
                try:
                    targets = self.org.list_targets_for_policy(PolicyId=policy["Id"])["Targets"]
                except self.org.exceptions.PolicyNotFoundException:
                    # deleted since it was listed
                    continue
                found[policy["Name"]] = [target["TargetId"] for target in targets]
        return found

    def run(self, *arguments, **more):
        return self.stage.run(*arguments, **{"timeout": 600, **self.environment, **more})

    def changed(self):
        """The records of plans, from a server that is started to be asked."""
        port = free_port()
        self.stage.path("log.toml").write_text(
            f'[server]\nlisten = "127.0.0.1:{port}"\n[store]\nurl = "sqlite:hallpass.db"\n[identity]\nadmins = ["{ANA}"]\n')
        self.stage.path("rules.toml").write_text(RULES)
        process = self.stage.spawn("serve", "--config", "log.toml", log="log.log", **self.environment)
        api = Api(f"http://127.0.0.1:{port}", self.stage.token(ANA, config="log.toml"))
        assert wait(lambda: answers(api, "/readyz"), 60, process), self.stage.said("log.log")
        rows = api.all("/api/v1/audit?event=plan.changed")
        self.stage.stop(process)
        return rows

    def json(self, *arguments, **more):
        """Exit code, what stdout says as JSON, stderr."""
        done = self.run(*arguments, "--output", "json", **more)
        try:
            said = json.loads(done.stdout)
        except ValueError:
            said = None
        return done.returncode, said, done.stderr


def denied(call):
    """Whether AWS refuses a call by a service control policy; any other refusal is an error."""
    try:
        call()
        return False
    except botocore.exceptions.ClientError as error:
        text = str(error)
        if "AccessDenied" in text and "explicit deny in a service control policy" in text:
            return True
        raise


def started(stage, **more):
    """A world on a stage, with a configuration beside it; `more` is what else its file says."""
    stage.path("organization.json").write_text(json.dumps({**organization(), **more}))
    _, endpoint, environment = stage.simulator("--organization", stage.path("organization.json"), "--speed", "fast")
    stage.path("hallpass.toml").write_text('[store]\nurl = "sqlite:hallpass.db"\n')
    stage.path("other.toml").write_text('[store]\nurl = "sqlite:other.db"\n')
    return World(stage, Api(endpoint), endpoint, environment)


def operators(*names):
    """The organization with sets of these names, which Cy may hold, too."""
    wanted = organization()
    center = wanted["identity_center"]
    for name in names:
        center["permission_sets"].append({"name": name, "session_duration": "PT1H", "managed_policies": [FULL]})
        # he always has them: with its last assignment a role would go, and every session with it
        center["assignments"].append({"account": DEV, "permission_set": name, "user": BO})
    center["users"].append({"user_name": CY, "given_name": "cy", "family_name": "X", "email": CY})
    return wanted


class OperatorsServer:
    """`hallpass serve` over a simulated organization in which everybody may take sets for a time; who inherits has
    `configure(mode)`."""

    def __init__(self, stage, wanted, names, mode):
        stage.path("organization.json").write_text(json.dumps(wanted))
        _, endpoint, self.environment = stage.simulator("--organization", stage.path("organization.json"), "--speed", "fast")
        self.stage, self.port, self.endpoint = stage, free_port(), endpoint
        stage.path("rules.toml").write_text(
            rule("operators", accounts=["*"], permission_sets=names, approval_is_not_required=True))
        self.configure(mode)
        self.world = World(stage, Api(endpoint), endpoint, self.environment)
        self.api = {who: Api(f"http://127.0.0.1:{self.port}", stage.token(who)) for who in (ANA, BO, CY)}
        self.process = None

    def write_configuration(self, more):
        self.stage.path("hallpass.toml").write_text(
            f'[server]\nlisten = "127.0.0.1:{self.port}"\n[store]\nurl = "sqlite:hallpass.db"\n'
            f'[identity]\nadmins = ["{BO}"]\n{more}[access.duration]\nmin = "1s"\n')

    def start(self):
        self.process = self.stage.spawn("serve", log="serve.log", **self.environment)
        ready = wait(lambda: answers(self.api[ANA], "/readyz"), 60, self.process)
        assert ready, self.stage.said("serve.log")

    def stop(self):
        return self.stage.stop(self.process)

    def ask(self, who, name="Operator", account="dev", seconds=3600):
        return self.api[who].post("/api/v1/requests", {
            "account": account, "permission_set": name, "duration_seconds": seconds, "reason": "OPS-1: look"})

    def take(self, who, name="Operator", account="dev", seconds=3600, state="active"):
        """A grant in a state, and its request."""
        asked = self.ask(who, name, account, seconds)
        assert asked.status < 300, asked
        found = wait(lambda: self.find(who, asked.json["id"], state), 60)
        assert found, self.stage.said("serve.log")
        return found

    def find(self, who, request, state):
        grants = self.api[who].get("/api/v1/grants").json["items"]
        return next((g for g in grants if g["request_id"] == request and g["state"] == state), None)

    def records(self, event):
        return self.api[BO].all(f"/api/v1/audit?event={event}")

    def end_well(self, check):
        """Stops, and looks at what is kept."""
        self.stop()
        check.equal("the log verifies", self.stage.run("audit", "verify").returncode, 0)
        check.equal("the store is sound", self.stage.run("server", "store", "check").returncode, 0)
