#!/usr/bin/env python3
"""Two persons at once, for every chore (`twosome.py` plays them): whatever somebody else wrote or decided stands at the end, and
whoever runs the chore is told. Then a simulated day of an analyst, a responder and the server on the same findings (`persons_day.py`).
PERSONS_ONLY=vend,access plays some of them, PERSONS_EVERY=1 between any two calls; PERSONS_SEED and PERSONS_HOURS make another day, or a longer one."""

import datetime
import gzip
import json
import os

import enrol
import persons_day
import vend
from drilled import ANA, BO, DEV, MANAGEMENT, PROD, SCP, TEST, instant, organization
from people import Trail
from served import MARA
from stage import Stage, somebody, wait
from twosome import KIM, Chore, Ran, act, check

READER = "arn:aws:iam::aws:policy/ReadOnlyAccess"


class Access(Chore):
    """An access file gives a set a policy of its own; Kim gives it another one."""

    name, relevant = "access apply", "PutInlinePolicyToPermissionSet"
    looked = {"operation": "GetInlinePolicyForPermissionSet", "permission_set": "Admin"}
    hers = {"Version": "2012-10-17", "Statement": [{"Sid": "Kim", "Effect": "Allow", "Action": "s3:List*", "Resource": "*"}]}
    mine = {"Version": "2012-10-17", "Statement": [{"Sid": "Ana", "Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]}

    def begin(self):
        self.sso = self.client("sso-admin")
        self.instance = self.sso.list_instances()["Instances"][0]["InstanceArn"]
        sets = self.sso.list_permission_sets(InstanceArn=self.instance)["PermissionSets"]
        names = {self.sso.describe_permission_set(InstanceArn=self.instance, PermissionSetArn=it)["PermissionSet"]["Name"]: it for it in sets}
        self.set = names["Admin"]
        self.stage.make_store(self.config)
        text = self.world.run("access", "export", "--config", self.config).stdout
        added = f"  Admin:\n    inline_policy: {json.dumps(self.mine)}\n    tags: {{owner: platform}}\n"
        self.stage.path("access.yaml").write_text(text.replace("  Admin:\n", added))

    def acts(self):
        return [act("sso", "PutInlinePolicyToPermissionSet", InstanceArn=self.instance, PermissionSetArn=self.set, InlinePolicy=json.dumps(self.hers))]

    def stands(self):
        text = self.sso.get_inline_policy_for_permission_set(InstanceArn=self.instance, PermissionSetArn=self.set)["InlinePolicy"]
        found = json.loads(text) if text else None
        return found == self.hers, found

    def look(self):
        return self.run("access", "plan", "access.yaml")

    def apply(self):
        return self.run("access", "apply", "access.yaml", "--yes")

    def apply_looked(self, looked):
        return self.run("access", "apply", looked.said["plan"], "--yes")


class Outage(Chore):
    """A drill's policy, which Kim changes as soon as it is there."""

    name, relevant = "outage apply", "AttachPolicy"
    slack = 0
    hers = {"Version": "2012-10-17", "Statement": [{"Sid": "Kim", "Effect": "Deny", "Action": "rds:*", "Resource": "*"}]}

    def begin(self):
        self.unit = self.world.units["NonProd"]
        exempt = "arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_BreakGlass_*"
        made = self.world.run("org", "outage", "generate", "--region", "us-east-1", "--services", "iam", "--start", instant(-60),
                              "--end", instant(3600), "--exempt-role", exempt)
        self.stage.path("drill.json").write_text(made.stdout)

    def command(self):
        return ("org", "outage", "apply", "drill.json", "--target", self.unit)

    def ours(self):
        rows = self.world.org.list_policies(Filter=SCP)["Policies"]
        return [it["Id"] for it in rows if it["Name"].startswith("hallpass-")]

    def play(self):
        self.fresh()
        ran = self.apply()
        check("outage apply: alone it is done", ran.code == 0, ran)
        change = lambda id: [act("organizations", "UpdatePolicy", PolicyId=id, Content=json.dumps(self.hers))]
        self.now(change(self.ours()[0]))
        ran = self.undo(ran)
        check("outage apply: a policy that Kim changed is not taken away", self.changed_by_kim(), (self.world.ours(), ran))
        check("outage apply: and A is informed", self.is_told(ran), ran)
        self.fresh()
        with somebody(self.stage, change({"$request": "/PolicyId"}), match={"operation": "AttachPolicy"}) as kim:
            ran = self.apply()
        check("outage apply: before it is attached: Kim's change remains", kim.fired == 1 and self.changed_by_kim(), (kim.row, ran))

    def changed_by_kim(self):
        texts = [self.world.org.describe_policy(PolicyId=it)["Policy"]["Content"] for it in self.ours()]
        return [json.loads(it) for it in texts] == [self.hers]


class Sessions(Chore):
    """Entries of one policy, to which Kim adds a statement of her own."""

    name, relevant = "sessions apply", "UpdatePolicy"
    looked = {"operation": "DescribePolicy"}
    sid = "Kim"

    def begin(self):
        for who, name in ((ANA, "ana.json"), (BO, "bo.json")):
            made = self.world.run("people", "sessions", "generate", "--as", "scp", "--user", who)
            self.stage.path(name).write_text(made.stdout)
        ran = self.run("people", "sessions", "apply", "ana.json", "--target", self.world.root, "--ends-at", instant(3600), "--apply", "--yes")
        assert ran.code == 0, ran
        self.policy = next(it for it in self.world.org.list_policies(Filter=SCP)["Policies"] if it["Name"].startswith("hallpass-"))
        self.text = self.content()

    def content(self):
        return json.loads(self.world.org.describe_policy(PolicyId=self.policy["Id"])["Policy"]["Content"])

    def command(self):
        return ("people", "sessions", "apply", "bo.json", "--target", self.world.root, "--ends-at", instant(7200))

    def acts(self, text=None):
        text = text or self.text
        more = {"Sid": self.sid, "Effect": "Deny", "Action": "rds:*", "Resource": "*"}
        return [act("organizations", "UpdatePolicy", PolicyId=self.policy["Id"], Content=json.dumps({**text, "Statement": [*text["Statement"], more]}))]

    def acts_later(self):
        return self.acts(self.content())

    def stands(self):
        found = self.content()
        return any(it.get("Sid") == self.sid for it in found["Statement"]), found

    def is_told(self, ran):
        # merged, both are there and nobody lost anything
        return super().is_told(ran) or ran.code == 0 and BO in json.dumps(self.content())


class Delegate(Chore):
    """An administrator for Security Hub; Kim names another one."""

    name, relevant = "org delegate", "EnableOrganizationAdminAccount"
    slack = 0
    looked = {"operation": "ListOrganizationAdminAccounts"}

    def begin(self):
        self.hub = self.client("securityhub")
        self.stage.path("delegate.yaml").write_text(f'services:\n  - {{service: securityhub, account: "{DEV}", regions: [eu-west-1]}}\n'
                                                    f'  - {{service: devops-guru, account: "{DEV}"}}\n')

    def command(self):
        return ("org", "delegate", "delegate.yaml")

    def acts(self):
        return [act("securityhub", "EnableOrganizationAdminAccount", _as=MANAGEMENT, _region="eu-west-1", AdminAccountId=TEST)]

    def acts_later(self):
        gone = act("securityhub", "DisableOrganizationAdminAccount", _as=MANAGEMENT, _region="eu-west-1", AdminAccountId=DEV)
        return [gone, *self.acts()]

    def stands(self):
        found = [it["AccountId"] for it in self.hub.list_organization_admin_accounts()["AdminAccounts"]]
        return found == [TEST], found

    def is_told(self, ran):
        # where hers is gone by Kim's hand already, taking it back has nothing to do
        return super().is_told(ran) or self.is_undone and '"unchanged"' in ran.text


class Standards(Chore):
    """Controls off for A's reasons; Kim turns one off for hers."""

    name, relevant = "org standards", "BatchUpdateStandardsControlAssociations"
    looked = {"operation": "BatchGetStandardsControlAssociations"}
    standard = "arn:aws:securityhub:eu-west-1::standards/pci-dss/v/3.2.1"

    def begin(self):
        hub = {"service": "securityhub", "region": "eu-west-1", "account": DEV}
        self.now([{**hub, "operation": "EnableSecurityHub", "input": {"EnableDefaultStandards": False}},
                  {**hub, "operation": "BatchEnableStandards", "input": {"StandardsSubscriptionRequests": [{"StandardsArn": self.standard}]}}])
        keys = self.sim.get(f"/_sim/credentials?account={DEV}").json
        self.hub = self.world.client("securityhub", {"AWS_ACCESS_KEY_ID": keys["access_key_id"], "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"]}, 5)
        ready = lambda: [it["StandardsStatus"] for it in self.hub.get_enabled_standards()["StandardsSubscriptions"]] == ["READY"]
        assert wait(ready, 20)
        self.stage.path("standards.yaml").write_text(
            "defaults:\n  standards: {enable: [pci-dss/v/3.2.1]}\n  controls:\n"
            '    - {id: IAM.6, status: DISABLED, reason: "of A"}\n    - {id: S3.7, status: DISABLED, reason: "of A"}\n')

    def command(self):
        return ("org", "standards", "apply", "standards.yaml", "--accounts", DEV, "--regions", "eu-west-1")

    def acts(self, status="DISABLED"):
        one = {"StandardsArn": self.standard, "SecurityControlId": "IAM.6", "AssociationStatus": status, "UpdatedReason": "of Kim"}
        return [act("securityhub", "BatchUpdateStandardsControlAssociations", _as=DEV, _region="eu-west-1", StandardsControlAssociationUpdates=[one])]

    def stands(self):
        asked = [{"StandardsArn": self.standard, "SecurityControlId": "IAM.6"}]
        row = self.hub.batch_get_standards_control_associations(StandardsControlAssociationIds=asked)["StandardsControlAssociationDetails"][0]
        return (row["AssociationStatus"], row.get("UpdatedReason")) == ("DISABLED", "of Kim"), row

    def is_told(self, ran):
        # off it is as A wants it; that Kim's reason is another one is said, and written over where that is asked for
        rows = ran.said.get("rows", []) if isinstance(ran.said, dict) else []
        only = [it["SecurityControlId"] for row in rows for it in (row.get("changes") or {}).get("reason_only", [])]
        return super().is_told(ran) or only == ["IAM.6"]


class Vending(Chore):
    """An account from a list, which Kim puts where she wants it and tags."""

    name, relevant = "org vend", "MoveAccount"
    slack = 0
    organization = staticmethod(vend.organization)

    def begin(self):
        self.stage.path("list.csv").write_text(f"{vend.HEADER},Tags\nalpha,{ANA},alpha@acme.example,Ana,X,NonProd,,,,team=a\n")

    def command(self):
        return ("org", "vend", "list.csv", "--assign", "Developers=Reader")

    def account(self):
        return next((it["Id"] for it in self.world.org.list_accounts()["Accounts"] if it["Name"] == "alpha"), None)

    def acts(self):
        return [{"mutate": {"move_account": {"account": "alpha", "to": "Prod"}}}]

    def acts_later(self):
        tags = [{"Key": "team", "Value": "kim"}, {"Key": "owner", "Value": "kim"}]
        return [*self.acts(), act("organizations", "TagResource", ResourceId=self.account(), Tags=tags)]

    def stands(self):
        account = self.account()
        unit = account and self.world.org.list_parents(ChildId=account)["Parents"][0]["Id"]
        return unit == self.world.units["Prod"], unit

    def stands_later(self):
        tags = {it["Key"]: it["Value"] for it in self.world.org.list_tags_for_resource(ResourceId=self.account())["Tags"]}
        return self.stands()[0] and tags == {"team": "kim", "owner": "kim"}, (self.stands(), tags)

    def play(self):
        self.fresh()
        ran = self.apply()
        check("org vend: alone it is done", ran.code == 0, ran)
        self.now(self.acts_later())
        self.sim.post("/_sim/calls/reset")
        self.judge("before it is taken back", self.undo(ran), self.stands_later)
        # an account that Kim makes for herself between look and apply
        self.fresh()
        self.look()
        self.now([act("organizations", "CreateAccount", AccountName="alpha", Email="alpha@acme.example")])
        wait(self.account, 10)
        ran = self.apply()
        rows = [it["Name"] for it in self.world.org.list_accounts()["Accounts"]]
        check("org vend: between look and apply: hers remains, and no second one", rows.count("alpha") == 1 and self.stands_in("Root"), (rows, ran))
        check("org vend: between look and apply: and A is informed", ran.code == 1 and "in use" in ran.text, ran)
        order = self.between()
        for title, match, when in order:
            self.fresh()
            with somebody(self.stage, self.acts(), match=match, when=when) as kim:
                ran = self.apply()
            if check(f"org vend: {title}: Kim came, and could", kim.fired == 1 and not kim.failed, (kim.row, ran)):
                check(f"org vend: {title}: where Kim put it, it remains", *self.stands())
                check(f"org vend: {title}: and A is informed", ran.code != 0 or "drifted" in ran.text or when == "late", ran)

    def between(self):
        return [("ahead of its move", {"operation": "MoveAccount"}, "before"),
                ("after its move", {"operation": "MoveAccount"}, "after"),
                ("ahead of its access", {"operation": "CreateAccountAssignment"}, "before")]

    def stands_in(self, unit):
        parent = self.world.org.list_parents(ChildId=self.account())["Parents"][0]
        return parent["Type"] == "ROOT" if unit == "Root" else parent["Id"] == self.world.units[unit]


class Enrolment(Chore):
    """An account on its way into a governed unit, which Kim puts into another one."""

    name, relevant = "org enroll", "MoveAccount"
    slack = 0
    looked = {"operation": "ListParents"}
    organization = staticmethod(enrol.organization)

    def command(self):
        return ("org", "enroll", "--account", enrol.ODD, "--to", "Workloads", "--create-role", "account")

    def acts(self):
        return [{"mutate": {"move_account": {"account": enrol.ODD, "to": "Workloads/Team"}}}]

    def stands(self):
        unit = self.world.org.list_parents(ChildId=enrol.ODD)["Parents"][0]["Id"]
        name = self.world.org.describe_organizational_unit(OrganizationalUnitId=unit)["OrganizationalUnit"]["Name"]
        return name == "Team", name

    def is_told(self, ran):
        return super().is_told(ran) or ran.code == 1

    def judge(self, when, ran, stands=None):
        if when == "before it is taken back":
            # undoing an enrolment moves nothing
            check(f"{self.name}: {when}: Kim's change remains", *self.stands())
            return
        super().judge(when, ran, stands)


class Channels(Chore):
    """A channel for insights; Kim makes one to the same topic, for other insights."""

    name, relevant = "insights channels", "AddNotificationChannel"
    slack = 0
    looked = {"operation": "ListNotificationChannels"}
    region = "eu-west-1"

    def begin(self):
        sns = self.client("sns")
        self.topic = sns.create_topic(Name="insights")["TopicArn"]
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": f"{self.region}.devops-guru.amazonaws.com"},
                                                           "Action": "sns:Publish", "Resource": self.topic}]}
        sns.set_topic_attributes(TopicArn=self.topic, AttributeName="Policy", AttributeValue=json.dumps(policy))
        self.stage.path("channels.yaml").write_text(
            f"notifications:\n  - {{service: devops-guru, topic_arn: '{self.topic}', severities: [HIGH], message_types: [NEW_INSIGHT]}}\n")
        keys = self.sim.get(f"/_sim/credentials?account={DEV}").json
        self.guru = self.world.client("devops-guru", {"AWS_ACCESS_KEY_ID": keys["access_key_id"], "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"]}, 5)

    def command(self):
        return ("org", "insights", "channels", "channels.yaml", "--accounts", DEV)

    def acts(self):
        config = {"Sns": {"TopicArn": self.topic}, "Filters": {"Severities": ["LOW"], "MessageTypes": ["CLOSED_INSIGHT"]}}
        return [act("devops-guru", "AddNotificationChannel", _as=DEV, _region=self.region, Config=config)]

    def acts_later(self):
        found = self.guru.list_notification_channels()["Channels"]
        return [*(act("devops-guru", "RemoveNotificationChannel", _as=DEV, _region=self.region, Id=it["Id"]) for it in found), *self.acts()]

    def stands(self):
        found = [it["Config"]["Filters"].get("Severities") for it in self.guru.list_notification_channels()["Channels"]]
        return found == [["LOW"]], found


class People(Chore):
    """Somebody stale is disabled and loses groups; Kim gives them a group meanwhile, and takes one away before all is given back."""

    name, relevant = "pci act", "DeleteGroupMembership"
    slack = 0
    settings = "[pci]\nact = true\n"

    def organization(self):
        wanted = organization()
        wanted["identity_center"]["groups"] = [{"name": "ops", "members": [ANA]}, {"name": "oncall", "members": [ANA]}, {"name": "new", "members": []}]
        return wanted

    def begin(self):
        self.people = self.client("identitystore")
        self.store = "d-1234567890"
        self.groups = {it["DisplayName"]: it["GroupId"] for it in self.people.list_groups(IdentityStoreId=self.store)["Groups"]}
        users = self.people.list_users(IdentityStoreId=self.store)["Users"]
        self.ana = next(it["UserId"] for it in users if it["UserName"] == ANA)
        bo = next(it["UserId"] for it in users if it["UserName"] == BO)
        trail = Trail(self.stage.path("trail"), MANAGEMENT, "eu-west-1", self.store)
        trail.write(120, [trail.seen(self.ana, 120), trail.reset(self.ana, 20)], "ana")
        trail.write(1, [trail.seen(bo, 1), trail.reset(bo, 20)], "bo")
        for it in users:
            it["CreatedAt"] = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=190)).isoformat()
        self.stage.path("users.json").write_text(json.dumps({"Users": users}, default=str))

    def command(self):
        return ("activity", "pci", "act", "--users", "users.json", "--source", "dir:trail", "--regions", "eu-west-1", "--by", "cut-access", "--person", ANA)

    def acts(self):
        return [{"mutate": {"add_member": {"group": "new", "user": ANA}}}]

    def acts_later(self):
        # A took both away; Kim says meanwhile that the group is no more, and gives another
        return [{"mutate": {"delete_group": {"group": "oncall"}}}, *self.acts()]

    def memberships(self):
        rows = self.people.list_group_memberships_for_member(IdentityStoreId=self.store, MemberId={"UserId": self.ana})["GroupMemberships"]
        names = {id: name for name, id in self.groups.items()}
        return sorted(names[it["GroupId"]] for it in rows)

    def stands(self):
        found = self.memberships()
        return "new" in found, found

    def is_told(self, ran):
        # a group that A never judged is nobody's conflict
        return ran.code in (0, 1, 4)

    def look(self):
        """What Kim gives before A's command is in the plan that this shows."""

    def judge(self, when, ran, stands=None):
        if when == "between look and apply":
            return
        super().judge(when, ran, stands)
        if self.is_undone:
            found = self.memberships()
            check("pci act: and the remaining group is restored", found == ["new", "ops"], (found, ran))


class Readers(Chore):
    """What only reads is not confused by what changes under its hands: it says what it saw, or that it does not know."""

    name, has_undo = "readers", False

    def play(self):
        tags = act("organizations", "TagResource", ResourceId=DEV, Tags=[{"Key": "owner", "Value": "kim"}])
        moved = [{"mutate": {"move_account": {"account": "test", "to": "Prod"}}}, {"mutate": {"suspend_account": {"account": "prod"}}}, tags]
        self.stage.path("payer.yaml").write_text(
            f'payer: "{MANAGEMENT}"\npartner: {{account: "100000000050", email_domain: partner.example, roles: [PartnerBilling]}}\n'
            'customer: {account: "100000000060", email_domain: customer.example, roles: [CustomerSecurity], phones: ["+1 555 0111"]}\n')
        run = lambda words: Ran(self.world.run(*words, "-o", "json"))
        for name, words in (("readiness", ("org", "readiness", "--regions", "eu-west-1")), ("payer audit", ("org", "payer", "audit", "payer.yaml"))):
            self.fresh()
            ran = run(words)
            check(f"{name}: alone it answers", ran.code in (0, 1) and ran.said, ran)
            count = len(self.log())
            for skip in (2, count // 2, count - 5):
                self.fresh()
                with somebody(self.stage, moved, skip=skip) as kim:
                    again = run(words)
                when = f"{name}: {skip} calls of {count} in"
                check(f"{when}: Kim came, and could", kim.fired == 1 and not kim.failed, kim.row)
                rows = again.said or []
                states = {it["status"] for it in rows}
                check(f"{when}: it answers, with every check once", again.code in (0, 1) and states <= {"pass", "fail", "unknown", "manual", "attested", "not_applicable"}
                      and len({(it["id"], it["target"]) for it in rows}) == len(rows) > 0, again)
                silent = [it for it in rows if it["status"] == "unknown" and not it["evidence"]]
                check(f"{when}: what it does not know has its reason", not silent, silent)
                written = [it["operation"] for it in self.log() if it["effect"] and it.get("by") != "somebody-else" and it["service"] not in ("sts", "sim")]
                check.equal(f"{when}: and it wrote nothing", written, [])
                owner = self.world.org.list_tags_for_resource(ResourceId=DEV)["Tags"]
                check(f"{when}: Kim's change remains", {"Key": "owner", "Value": "kim"} in owner, owner)


CHORES = (Vending, Enrolment, Standards, Delegate, Channels, Access, Outage, Sessions, People, Readers)


def main():
    only = [it for it in os.environ.get("PERSONS_ONLY", "").split(",") if it]
    wanted = lambda name: not only or any(it in name for it in only)
    for kind in CHORES:
        if wanted(kind.name):
            with Stage(f"persons-{kind.__name__.lower()}") as stage:
                chore = kind(stage)
                chore.play()
                if kind.has_undo:
                    check(f"{kind.name}: the log of the last turn verifies", stage.run("audit", "verify", "--config", chore.config).returncode == 0)
    persons_day.play(wanted)
    check.end()


if __name__ == "__main__":
    main()
