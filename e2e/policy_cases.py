"""Seeded cases for `hallpass policy simulate`, made to be put to other evaluators as well: every
operator with and without set and IfExists, patterns of actions and resources, ways to name a
principal, levels of service control policies, and all of it together."""

import random

A, B = "111111111111", "222222222222"
ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
FULL = {"Version": "2012-10-17", "Statement": [ALL]}

FAMILIES = {
    "String": ["StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase",
               "StringLike", "StringNotLike"],
    "Numeric": ["NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals",
                "NumericGreaterThan", "NumericGreaterThanEquals"],
    "Date": ["DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan",
             "DateGreaterThanEquals"],
    "Bool": ["Bool"],
    "Binary": ["BinaryEquals"],
    "Ip": ["IpAddress", "NotIpAddress"],
    "Arn": ["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"],
    "Null": ["Null"],
}
OPERATORS = [(family, name) for family, names in FAMILIES.items() for name in names]
SETS = ["", "ForAllValues:", "ForAnyValue:"]

# of policies, of requests
VALUES = {
    "String": (
        ["a", "b", "A", "ab", "a*", "a?", "*", "?", "*b", "", "a.b", "a+", "[a]", "Straße", "ſ", "\u212a", "σ", "a\nb",
         "p/*", "${aws:PrincipalTag/t}", "x-${aws:PrincipalTag/t}", "${AWS:principaltag/T}*", "${aws:PrincipalTag/gone}",
         "${aws:PrincipalTag/gone, 'a'}", "${aws:PrincipalTag/gone, ''}", "${aws:PrincipalTag/none}", "${aws:TagKeys}",
         "${aws:TagKeys, 'a'}", "a${*}", "${?}", "${$}{t}", "${unclosed"],
        ["a", "b", "A", "ab", "a*", "a😀", "", "a.b", "aab", "[a]", "STRASSE", "straße", "s", "k", "K", "ς", "a\nb", "a\n",
         "red", "x-red", "redder", "p/1", "${t}", "?", "${unclosed", "x-"],
    ),
    "Numeric": (
        ["10", "10.0", "-5", "+5", "0.5", "9007199254740993", "0", "-0", "100", "ten", "", "10abc", "0x10", "1 0",
         "${aws:PrincipalTag/n}"],
        ["10", "10.5", "9.99", "-5", "5", "0.50", "9007199254740992", "0", "ten", "10abc", "16", "", "010", "99"],
    ),
    "Date": (
        ["2025-01-01T00:00:00Z", "2025-01-01", "2025-01", "1735689600", "1735689600000", "2025-01-01T01:00:00+01:00",
         "2025-01-01T00:00:00.500Z", "2025-01-01T00:00Z", "2024", "yesterday", "2025/01/01", "2025-13-01T00:00:00Z", "",
         "2025-02-30T00:00:00Z"],
        ["2025-01-01T00:00:00Z", "1735689599", "1735689600", "1735689600000", "2024-12-31T23:59:59Z", "2024",
         "2025-01-01T00:00:01Z", "2024-12-31T23:00:00-01:00", "2025-01-01", "Jan 1 2025", "never", "", "2025-03-02"],
    ),
    "Bool": (
        ["true", "false", "TRUE", "False", "yes", "", "${aws:PrincipalTag/b}", "${aws:PrincipalTag/gone, 'true'}", "1"],
        ["true", "false", "True", "FALSE", "no", "", "1"],
    ),
    "Binary": (["YQ==", "YWI=", "YWJj", "AAE=", "!", ""], ["YQ==", "YWI=", "AAE=", "!", "", "ab"]),
    "Ip": (
        ["10.0.0.0/8", "10.1.2.3", "10.1.2.3/8", "0.0.0.0/0", "::/0", "2001:db8::/32", "2001:db8::1", "2001:DB8:0::1",
         "::ffff:10.1.2.3", "10.1.2.3/32", "192.168.0.0/16", "fe80::/10", "10.0.0.0/33", "300.1.1.1", "vpn", "2001:db8::1/128"],
        ["10.1.2.3", "10.9.9.9", "11.0.0.1", "192.168.255.255", "2001:db8::1", "2001:db8:ffff::", "2001:db9::1",
         "::ffff:10.1.2.3", "0.0.0.0", "vpn", "10.1.2"],
    ),
    "Arn": (
        [f"arn:aws:iam::{A}:role/x-1", "arn:aws:iam::*:role/x-*", f"arn:aws:iam::{A}:*", "arn:*:*:*:*:*", "arn:aws:s3:::*",
         "arn:aws:s3:::a/*", "arn:aws*:iam::*:role/x-?", f"arn:aws:iam::{A}:role/p/x-1", "arn:aws:s3:::${aws:PrincipalTag/t}/*",
         "arn:aws:s3:::${aws:PrincipalTag/gone}/*", "arn:aws:iam::${aws:PrincipalAccount}:role/x-1",
         f"ARN:aws:iam::{A}:role/x-1", f"arn:aws:iam::{A}:Role/x-1", "x-1", f"arn:aws:iam:{A}", "arn:aws:sqs:eu-west-1:*:q"],
        [f"arn:aws:iam::{A}:role/x-1", f"arn:aws:iam::{B}:role/x-1", f"arn:aws:iam::{A}:role/p/x-1", "arn:aws:s3:::a",
         "arn:aws:s3:::a/b:c", "arn:aws:s3:::red/1", f"arn:aws-cn:iam::{A}:role/x-1", "x-1", f"arn:aws:iam:{A}", "",
         f"arn:aws:sqs:eu-west-1:{A}:q"],
    ),
    "Null": (["true", "false", "TRUE", "False", "maybe"], ["a", ""]),
}

SURROUND = {"aws:PrincipalTag/t": "red", "aws:PrincipalTag/n": "10", "aws:PrincipalTag/b": "true", "aws:PrincipalTag/none": "",
            "aws:TagKeys": ["a", "b"], "aws:PrincipalAccount": A}

REQUESTS = [("s3:GetObject", "arn:aws:s3:::red/1"), ("s3:PutObject", "arn:aws:s3:::blue/a/b:c"),
            ("s3:ListBucket", "arn:aws:s3:::red"), ("sqs:SendMessage", f"arn:aws:sqs:eu-west-1:{A}:orders"),
            ("dynamodb:GetItem", f"arn:aws:dynamodb:eu-west-1:{A}:table/red"),
            ("iam:GetRole", f"arn:aws:iam::{A}:role/team/deployer"), ("ec2:DescribeInstances", "*"), ("ec2:DescribeRegions", "*"),
            ("kms:Decrypt", f"arn:aws:kms:eu-west-1:{A}:key/1234"),
            ("lambda:InvokeFunction", f"arn:aws:lambda:eu-west-1:{A}:function:pay:live")]

ACTIONS = ["*", "s3:*", "s3:Get*", "S3:getobject", "s3:*Object", "s3:?etObject", "s3:GetObject", "s3:PutObject", "s3:Get",
           "sqs:*", "dynamodb:*Item", "s3:G*t*", "s3:*t", "iam:Get*Role*", "ec2:Describe*", "kms:*", "s3:**",
           "lambda:Invoke*", "s3-object-lambda:*", "sqs:SendMessage"]

RESOURCES = ["*", "arn:aws:s3:::*", "arn:aws:s3:::red/*", "arn:aws:s3:::red", "arn:aws:s3:::re?/1", "arn:aws:s3:::*/1",
             "arn:aws:s3:::blue/*c", "arn:*:s3:::red/1", "arn:aws:s3:::${aws:PrincipalTag/t}/*", "arn:aws:s3:::${aws:PrincipalTag/t}",
             "arn:aws:s3:::${aws:PrincipalTag/gone}/*", "arn:aws:s3:::${aws:PrincipalTag/gone, 'red'}/*",
             "arn:aws:s3:::${aws:TagKeys}/*", "arn:aws:s3:::${*}", "arn:aws:s3:::red*", "arn:aws:sqs:*:*:orders",
             f"arn:aws:sqs:eu-west-1:{A}:*", f"arn:aws:sqs:us-*:{A}:*", f"arn:aws:sqs:EU-west-1:{A}:orders",
             f"arn:aws:sqs:eu.west-1:{A}:orders", f"arn:aws:sqs:eu-west-1:{A[:11]}?:orders", "arn:aws:sqs:*:orders",
             f"arn:aws:dynamodb:*:{A}:table/*", f"arn:aws:dynamodb:*:*:ta*/red", f"arn:aws:iam::{A}:role/*",
             f"arn:aws:iam::{A}:role/*/deployer", f"arn:aws:iam::{A}:r*", f"arn:aws:iam::{A}:*", "arn:aws:iam::*:role/team/?eployer",
             "arn:*:*:*:*:*", "arn:aws:*", "arn:aws:s3", "arn:aws:sqs:*", "arn:aws:s3*", f"arn:aws:kms:*:{A}:key/*",
             f"arn:aws:lambda:*:*:function:*:live", "arn:aws:lambda:*:*:*", "arn:aws:S3:::red/1", "arn:aws:s3:::Red/1"]


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.counts = {}

    def some(self, pool, least, most):
        return [self.random.choice(pool) for _ in range(self.random.randint(least, most))]

    def chance(self, share):
        return self.random.random() < share

    def case(self, kind, principal=f"arn:aws:iam::{A}:user/mara", action="s3:GetObject", resource="arn:aws:s3:::red/1", **more):
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return {"id": f"{kind}-{self.counts[kind]:04}", "principal": principal, "action": action, "resource": resource,
                "resourceAccount": A, "context": {}, **more}

    def policy(self, *statements):
        version = {"Version": "2012-10-17"} if self.chance(0.95) else {"Version": "2008-10-17"} if self.chance(0.5) else {}
        return {**version, "Statement": list(statements)}

    def value(self, values):
        return values[0] if len(values) == 1 and self.chance(0.5) else values

    def spelled(self, text, share=0.05):
        return text.upper() if self.chance(share) else text.lower() if self.chance(share) else text

    def condition(self, family, name, quantifier="", if_exists="", key="aws:RequestTag/k"):
        """One operator, and what the request has under the key."""
        listed, asked = VALUES[family]
        values = [] if self.chance(0.02) else self.some(listed, 1, 3)
        block = {self.spelled(quantifier + name + if_exists): {self.spelled(key): self.value(values)}}
        context = {}
        if not self.chance(0.15):
            found = self.some(asked, 1, 1)
            # what the policy says as well, so that enough is equal
            if values and self.chance(0.4) and "$" not in values[0]:
                found = [values[0].replace("*", "z").replace("?", "z")]
            several = self.chance(0.6 if quantifier else 0.06)
            if several:
                found = [] if self.chance(0.06) else found + self.some(asked, 0, 2)
            context = {self.spelled(key): found if several else found[0]}
        return block, context

    def conditions(self, rounds):
        for family, name in OPERATORS:
            for quantifier in SETS if family != "Null" else [""]:
                for if_exists in ("", "IfExists") if family != "Null" else [""]:
                    for _ in range(rounds):
                        block, context = self.condition(family, name, quantifier, if_exists)
                        deny = self.chance(0.3)
                        statement = {"Effect": "Deny" if deny else "Allow", "Action": "*", "Resource": "*", "Condition": block}
                        policy = self.policy(statement, *([ALL] if deny else []))
                        yield self.case(f"condition-{family}", identityPolicies=[policy], context={**SURROUND, **context})

    def pairs(self):
        """Each value of policies with each value of requests."""
        for family, (listed, asked) in VALUES.items():
            for value in listed:
                for found in asked:
                    name = self.random.choice(FAMILIES[family])
                    statement = {**ALL, "Condition": {name: {"aws:RequestTag/k": value}}}
                    policy = {"Version": "2012-10-17", "Statement": [statement]}
                    context = {**SURROUND, "aws:RequestTag/k": found}
                    yield self.case(f"pair-{family}", identityPolicies=[policy], context=context)

    def corners(self):
        """What chance meets too rarely."""
        key, old = "aws:RequestTag/k", {"Version": "2008-10-17"}
        conditions = [
            ("StringEquals", "${aws:PrincipalTag/t}", "red", old), ("StringNotEquals", "${aws:PrincipalTag/t}", "red", {}),
            ("StringEquals", "${aws:TagKeys, 'a'}", "a", None), ("StringLike", "${aws:TagKeys, 'a'}*", "ab", None),
            ("StringNotEquals", "a${*}", "a*", None), ("ArnEquals", "arn:aws:iam::${aws:PrincipalAccount}:role/x", f"arn:aws:iam::{A}:role/x", None),
            ("StringEqualsIgnoreCase", "\u212a", "k", None), ("StringEqualsIgnoreCase", "STRA\u017fE", "strase", None),
            ("StringLike", "a?", "a😀", None), ("StringNotLike", "a*", "a\nb", None), ("StringNotEquals", "a", [], None),
            ("Null", "true", [], None), ("ArnNotEquals", f"ARN:aws:iam::{A}:role/x", f"arn:aws:iam::{A}:role/x", None),
            ("ArnLike", f"ARN:aws:iam::{A}:role/x", f"ARN:aws:iam::{A}:role/x", None), ("IpAddress", "2001:DB8:0::1", "2001:db8::1", None),
            ("NumericEquals", "9007199254740993", "9007199254740992", None), ("IpAddress", "0.0.0.0/0", "10.1.2.3", None),
            ("NotIpAddress", "10.1.2.3", "2001:db8::1", None), ("BinaryEquals", "!", "!", None),
        ]
        for name, value, found, version in conditions:
            policy = {**({"Version": "2012-10-17"} if version is None else version),
                      "Statement": [{**ALL, "Condition": {name: {key: value}}}]}
            yield self.case("corner", identityPolicies=[policy], context={**SURROUND, key: found})
        dev, grant = f"arn:aws:sts::{A}:assumed-role/Dev/mara", {"Version": "2012-10-17", "Statement": [{**ALL, "Action": "glacier:*"}]}
        mine = {"Version": "2012-10-17", "Statement": [{**ALL, "Principal": {"AWS": dev}}]}
        yield self.case("corner", dev, session=grant, resourcePolicy=mine)
        rcp = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}]}
        yield self.case("corner", identityPolicies=[FULL], rcps=[[rcp]], flags={"managementAccount": True})
        yield self.case("corner", identityPolicies=[FULL], rcps=[[rcp]])
        yield self.case("corner", action="sts:AssumeRole", resource=f"arn:aws:iam::{A}:role/Target", identityPolicies=[FULL])
        saml, web = f"arn:aws:iam::{A}:saml-provider/okta", "accounts.google.com"
        for provider, action in ((saml, "sts:AssumeRoleWithSAML"), (web, "sts:AssumeRoleWithWebIdentity")):
            for trusted in (provider, "elsewhere.example.com"):
                for audience in ("me", "others"):
                    trust = {"Effect": "Allow", "Principal": {"Federated": trusted}, "Action": action,
                             "Condition": {"StringEquals": {"SAML:aud": "me"}}}
                    yield self.case("corner", provider, action, f"arn:aws:iam::{A}:role/Target", context={"SAML:aud": audience},
                                    resourcePolicy={"Version": "2012-10-17", "Statement": [trust]})
        for name in ("Resource", "NotResource"):
            for pattern in ("arn:aws:s3", "arn:aws:S3:::red/1", "arn:aws:sqs:*:*:${aws:PrincipalTag/gone}", "arn:aws:s3:::?ed/1"):
                statement = {"Effect": "Allow", "Action": "*", name: pattern}
                yield self.case("corner", identityPolicies=[{"Version": "2012-10-17", "Statement": [statement]}], context=SURROUND)

    def patterns(self, count):
        for _ in range(count):
            action, resource = self.random.choice(REQUESTS)
            statement = {"Effect": self.random.choice(["Allow", "Allow", "Deny"])}
            if self.chance(0.5):
                statement["NotAction" if self.chance(0.25) else "Action"] = self.value(self.some(ACTIONS, 1, 3))
                statement["Resource"] = "*"
                kind = "action"
            else:
                service = resource.split(":")[2] if resource != "*" else ""
                near = [it for it in RESOURCES if f":{service}:" in it] or RESOURCES
                statement["Action"] = "*"
                statement["NotResource" if self.chance(0.3) else "Resource"] = self.value(
                    self.some(near if self.chance(0.5) else RESOURCES, 1, 3))
                kind = "resource"
            more = [ALL] if statement["Effect"] == "Deny" else []
            account = {"identityPolicies": [self.policy(statement, *more)]}
            if ":kms:" in resource:
                account["resourcePolicy"] = {**FULL, "Statement": [{**ALL, "Principal": {"AWS": A}}]}
            yield self.case(kind, action=self.spelled(action), resource=resource, context=SURROUND, **account)

    def callers(self):
        return [f"arn:aws:iam::{A}:user/mara", f"arn:aws:iam::{A}:user/path/mara", f"arn:aws:sts::{A}:assumed-role/Dev/mara",
                f"arn:aws:sts::{B}:assumed-role/Dev/mara", f"arn:aws:iam::{B}:user/mara", f"arn:aws:iam::{A}:role/Dev",
                f"arn:aws:iam::{A}:root", f"arn:aws:iam::{B}:root", "sns.amazonaws.com", {"anonymous": True},
                f"arn:aws:sts::{A}:assumed-role/Dev/priya"]

    def principal(self):
        names = ["*", A, B, f"arn:aws:iam::{A}:root", f"arn:aws:iam::{B}:root", f"arn:aws:iam::{A}:user/mara",
                 f"arn:aws:iam::{A}:role/Dev", f"arn:aws:iam::{A}:role/path/Dev", f"arn:aws:iam::{A}:role/dev",
                 f"arn:aws:sts::{A}:assumed-role/Dev/mara", f"arn:aws:iam::{B}:role/Dev", f"arn:aws:iam::{B}:user/mara",
                 "AROAEXAMPLEEXAMPLE"]
        if self.chance(0.12):
            return "*"
        if self.chance(0.12):
            return {"Service": self.value(self.some(["sns.amazonaws.com", "sqs.amazonaws.com"], 1, 2))}
        return {"AWS": self.value(self.some(names, 1, 3))}

    def resource_policy(self, resource, effects="AAAD"):
        statements = []
        for _ in range(self.random.randint(1, 2)):
            deny = self.random.choice(effects) == "D"
            who = {"NotPrincipal": self.not_principal()} if deny and self.chance(0.4) else {"Principal": self.principal()}
            statements.append({"Effect": "Deny" if deny else "Allow", **who, "Action": "*",
                               "Resource": "*" if self.chance(0.7) else resource})
        return self.policy(*statements)

    def not_principal(self):
        return {"AWS": self.random.choice([
            [f"arn:aws:iam::{A}:root", f"arn:aws:iam::{A}:user/mara"], [A],
            [f"arn:aws:sts::{A}:assumed-role/Dev/mara", f"arn:aws:iam::{A}:role/Dev", A]])}

    def grant(self, share):
        return self.policy(ALL) if self.chance(share) else self.policy({**ALL, "Action": "glacier:*"})

    def principals(self, count):
        """Who may, by which side, within one account and between two, with boundary and session policy."""
        for _ in range(count):
            principal = self.random.choice(self.callers())
            action, resource = self.random.choice(
                [("s3:GetObject", "arn:aws:s3:::red/1"), ("sqs:SendMessage", f"arn:aws:sqs:eu-west-1:{A}:orders"),
                 ("kms:Decrypt", f"arn:aws:kms:eu-west-1:{A}:key/1234"), ("sts:AssumeRole", f"arn:aws:iam::{A}:role/Target")])
            more = {"identityPolicies": [self.grant(0.5)] if self.chance(0.8) else []}
            if self.chance(0.85) or action == "kms:Decrypt":
                more["resourcePolicy"] = self.resource_policy(resource)
            if more.get("resourcePolicy") and action == "sts:AssumeRole":
                for statement in more["resourcePolicy"]["Statement"]:
                    statement.pop("Resource")
                    statement["Action"] = "sts:AssumeRole"
            if self.chance(0.3):
                more["boundary"] = self.grant(0.5)
            if self.chance(0.5) and isinstance(principal, str) and "assumed-role" in principal:
                more["session"] = self.grant(0.5)
            if principal == f"arn:aws:iam::{A}:root" and action == "sts:AssumeRole":
                continue  # AWS refuses it whatever policies say
            yield self.case("principal", principal, action, resource, **more)

    def control(self):
        """A service control policy."""
        return self.random.choice([
            FULL, FULL, FULL, self.policy(ALL, {"Effect": "Deny", "Action": "ec2:*", "Resource": "*"}),
            self.policy({**ALL, "Action": "s3:*"}), self.policy({"Effect": "Deny", "Action": "s3:Put*", "Resource": "*"}),
            self.policy({"Effect": "Deny", "NotAction": ["s3:*", "iam:*"], "Resource": "*",
                         "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1"]}}}),
            self.policy({**ALL, "Resource": "arn:aws:s3:::red/*"}), self.policy({"Effect": "Allow", "NotAction": "sqs:*", "Resource": "*"}),
        ])

    def levels(self, count):
        callers = [*self.callers()[:4], *self.callers()[6:], f"arn:aws:iam::{A}:role/aws-service-role/x.amazonaws.com/Linked"]
        rcp = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
             "Condition": {"StringNotEqualsIfExists": {"aws:PrincipalAccount": A}}}]}
        for _ in range(count):
            action, resource = self.random.choice(REQUESTS)
            deep = self.random.randint(0, 4)
            more = {"scps": [[self.control() for _ in range(self.random.choice([0, 1, 1, 1, 2, 3]))] for _ in range(deep)],
                    "rcps": [[rcp] if self.chance(0.5) else [] for _ in range(self.random.randint(0, 2))],
                    "flags": {"managementAccount": self.chance(0.15)}, "identityPolicies": [self.policy(ALL)],
                    "context": {"aws:RequestedRegion": self.random.choice(["eu-west-1", "us-east-1"]),
                                **self.random.choice([{}, {"aws:PrincipalAccount": A}, {"aws:PrincipalAccount": B}])}}
            if "role/" not in resource and (self.chance(0.4) or ":kms:" in resource):
                more["resourcePolicy"] = self.policy({**ALL, "Principal": self.random.choice(["*", {"AWS": [A, B]}])})
            yield self.case("level", self.random.choice(callers), action, resource, **more)

    def statement(self, resource):
        made = {"Effect": self.random.choice(["Allow", "Allow", "Allow", "Deny"]),
                "NotAction" if self.chance(0.1) else "Action": self.value(self.some(ACTIONS, 1, 3)),
                "NotResource" if self.chance(0.1) else "Resource": self.value([*self.some(RESOURCES, 0, 2), self.random.choice(["*", resource])])}
        context = {}
        if self.chance(0.5):
            made["Condition"] = {}
            for number in range(self.random.randint(1, 2)):
                family, name = self.random.choice(OPERATORS)
                several = self.random.choice(["", "", *SETS]) if family != "Null" else ""
                block, found = self.condition(family, name, several, "IfExists" if self.chance(0.2) and family != "Null" else "",
                                              key=f"aws:RequestTag/{family}{number}{len(several)}")
                operator = next(iter(block))
                made["Condition"].setdefault(operator, {}).update(block[operator])
                context.update(found)
        return made, context

    def whole(self, count):
        """Everything together."""
        for _ in range(count):
            action, resource = self.random.choice(REQUESTS)
            context = dict(SURROUND)

            def policy(most):
                statements = []
                for _ in range(self.random.randint(1, most)):
                    made, found = self.statement(resource)
                    statements.append(made)
                    context.update({key: value for key, value in found.items() if key.lower() not in map(str.lower, context)})
                return self.policy(*statements)

            more = {"identityPolicies": [policy(3) for _ in range(self.random.randint(1, 3))],
                    "scps": [[FULL, *([policy(1)] if self.chance(0.3) else [])] for _ in range(self.random.randint(0, 3))]}
            if self.chance(0.3):
                more["boundary"] = self.policy(ALL) if self.chance(0.5) else policy(2)
            if "role/" not in resource and (self.chance(0.4) or ":kms:" in resource):
                more["resourcePolicy"] = self.resource_policy(resource, "AAAAAD")
            yield self.case("whole", self.random.choice(self.callers()[:6]), action, resource, context=context, **more)


def everything(seed=7):
    maker = Maker(seed)
    makers = [maker.corners(), maker.pairs(), maker.conditions(6), maker.patterns(600), maker.principals(800), maker.levels(500),
              maker.whole(500)]
    return [case for made in makers for case in made]
