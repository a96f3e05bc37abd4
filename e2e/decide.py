#!/usr/bin/env python3
"""`hallpass rules decide` against the reference cases of sso-elevator's behaviour and against an
independent reading of the specification (`access.md` §1 to §3), written below from its text.

    decide.py [--seed N] [--cases 20000]
"""

import argparse
import json
import random

from stage import ROOT, Checks, Stage

FIXTURES = ROOT / "crates/rules/tests/fixtures"


# --- the specification, read once more -----------------------------------------------------------

def listed(value):
    """`access.md` §1.1.1: a string is the same as a list of one."""
    return [] if value is None else [value] if isinstance(value, str) else value


def people(value):
    """`access.md` §1.1.7: e-mail comparison ignores ASCII case; output is lower case."""
    return {mail.lower() for mail in listed(value)}


def affects(statement, case):
    """`access.md` §2.1: Resource contains the target or `*`, and, for accounts, PermissionSet likewise."""
    resources = listed(statement["Resource"])
    if "group" in case:
        return case["group"] in resources
    sets = listed(statement["PermissionSet"])
    return ("*" in resources or case["account"] in resources) and ("*" in sets or case["permission_set"] in sets)


def form(statement):
    """`access.md` §1.1.1: order and repeats carry no meaning; §1.1.2: `*` swallows its list; defaults are absence (§1)."""
    def one(key, value):
        if key in ("Resource", "PermissionSet"):
            return ("*",) if "*" in listed(value) else tuple(sorted(set(listed(value))))
        return tuple(sorted(people(value))) if isinstance(value, (str, list)) and key != "Id" else value
    return tuple(sorted((key, one(key, value)) for key, value in statement.items() if value not in (None, []) and (key, value) != ("MinApprovals", 1)
                        or key in ("Resource", "PermissionSet")))


def may_ask(statement, requester):
    """`access.md` §1: both empty = everyone; one match in either is enough; without facts, groups have no members."""
    allowed, groups = people(statement.get("AllowedUsers")), listed(statement.get("AllowedGroups"))
    return not (allowed or groups) or requester in allowed


def denies_self(statement, requester):
    return statement.get("AllowSelfApproval") is False and requester in people(statement.get("Approvers"))


def decide(statements, case):
    """Section 2: kind, approvers, the statements it rests on."""
    requester = case["requester"].lower()
    # `access.md` §1.1.1: two equal statements count once
    forms = [form(statement) for statement in statements]
    affecting = [(index, statement) for index, statement in enumerate(statements)
                 if affects(statement, case) and forms[index] not in forms[:index]]
    # `access.md` §2.2: drop what excludes the requester; as in releases of the original that know AllowedUsers, what is
    # dropped says nothing about them, its denials included, and an empty list is an absent one
    eligible = [(index, statement) for index, statement in affecting if may_ask(statement, requester)]
    # `access.md` §2.3: denials
    deny_auto = any(statement.get("ApprovalIsNotRequired") is False for _, statement in eligible)
    deny_self = any(denies_self(statement, requester) for _, statement in eligible)
    if affecting and not eligible:
        return "RequesterNotAllowed", [], None
    prefix = "g" if "group" in case else "s"
    name = lambda index, statement: statement.get("Id") or f"{prefix}{index + 1}"
    # `access.md` §2.4, §2.5: "based_on = the lowest-index statement that granted"
    for index, statement in eligible:
        if not deny_auto and statement.get("ApprovalIsNotRequired") is True:
            return "ApprovalNotRequired", [], [name(index, statement)]
    for index, statement in eligible:
        if not deny_self and statement.get("AllowSelfApproval") is True and requester in people(statement.get("Approvers")):
            return "SelfApproval", [], [name(index, statement)]
    # 2.6
    if not affecting:
        return "NoStatements", [], []
    # `access.md` §2.7: the union over all affecting statements (those left by §2.2), minus the requester
    approvers = set().union(*(people(statement.get("Approvers")) for _, statement in eligible)) - {requester}
    # 1, MinApprovals: the largest wins; fewer approvers than needed = NoApprovers
    needed = max(statement.get("MinApprovals", 1) for _, statement in eligible)
    based = [name(index, statement) for index, statement in eligible]
    if len(approvers) < needed:
        return "NoApprovers", [], based
    return "RequiresApproval", sorted(approvers), based


def permits(statements, case):
    """Section 3, as far as it does not depend on a stored request."""
    clicker, requester = case["click"].lower(), case["requester"].lower()
    kind = decide(statements, case)[0]
    eligible = [statement for statement in statements if affects(statement, case) and may_ask(statement, requester)]
    # 3.3
    if kind not in ("RequiresApproval", "SelfApproval", "ApprovalNotRequired"):
        return False
    # 3.4
    if not any(clicker in people(statement.get("Approvers")) for statement in eligible):
        return False
    # `access.md` §3.5: clicker is not the requester, or §2.5 holds for the requester now (so no deny_self)
    if clicker == requester:
        return not any(denies_self(statement, requester) for statement in eligible) and any(
            statement.get("AllowSelfApproval") is True and requester in people(statement.get("Approvers"))
            for statement in eligible)
    return True


# --- cases ---------------------------------------------------------------------------------------

PEOPLE = ["a@corp.com", "b@corp.com", "c@corp.com", "D@Corp.com"]
ACCOUNTS = ["111111111111", "222222222222", "333333333333"]
SETS = ["Admin", "ReadOnly", "Billing"]
GROUPS = ["11111111-2222-3333-4444-555555555555", "99999999-8888-7777-6666-555555555555"]


def some(chance, values, wildcard=True):
    if wildcard and chance.random() < 0.3:
        return "*" if chance.random() < 0.7 else ["*", chance.choice(values)]
    picked = chance.sample(values, chance.randint(0, len(values)))
    return picked[0] if len(picked) == 1 and chance.random() < 0.5 else picked


def generated(chance, number):
    is_group = chance.random() < 0.25
    statements = []
    for index in range(chance.randint(0, 5)):
        statement = {"Resource": some(chance, GROUPS, False)} if is_group else {
            "ResourceType": "Account", "Resource": some(chance, ACCOUNTS), "PermissionSet": some(chance, SETS)}
        if chance.random() < 0.8:
            statement["Approvers"] = some(chance, PEOPLE, False)
        for flag in ("AllowSelfApproval", "ApprovalIsNotRequired"):
            if chance.random() < 0.5:
                statement[flag] = chance.choice([True, False, None])
        if chance.random() < 0.3:
            statement["AllowedUsers"] = some(chance, PEOPLE, False)
        if chance.random() < 0.1:
            statement["AllowedGroups"] = some(chance, GROUPS, False)
        if chance.random() < 0.2:
            statement["MinApprovals"] = chance.randint(1, 3)
        if chance.random() < 0.2:
            statement["Id"] = f"rule-{index}"
        statements.append(statement)
    case = {"id": f"n{number}", "requester": chance.choice(PEOPLE), "click": chance.choice(PEOPLE),
            "group_statements" if is_group else "statements": statements}
    if is_group:
        case["group"] = chance.choice(GROUPS)
    else:
        case |= {"account": chance.choice(ACCOUNTS), "permission_set": chance.choice(SETS)}
    return case


def line(case):
    """A reference case (the original's keys) as `design.md` §8 writes it."""
    names = {"account_id": "account", "permission_set_name": "permission_set", "group_id": "group", "approver": "click"}
    return {names.get(key, key): value for key, value in case.items() if key not in ("expect", "note")}


def run(stage, cases, *more):
    stage.path("cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    result = stage.run("rules", "decide", "--cases", "cases.jsonl", *more, timeout=120)
    return result, [json.loads(text) for text in result.stdout.splitlines()]


def reference(check, stage):
    document = json.loads((FIXTURES / "elevator-readme-cases.json").read_text())
    rules = FIXTURES / document["config"]
    cases = document["cases"]
    result, answers = run(stage, [line(case) for case in cases], "--rules", rules)
    check.equal("every reference case is answered", len(answers), len(cases))
    for case, answer in zip(cases, answers):
        wanted = case["expect"]
        # `access.md` §4.1, A25: Hallpass folds case, the original does not
        decision = case.get("hallpass", wanted)
        right = (answer.get("decision"), answer.get("approvers")) == (decision["decision"], decision["approvers"])
        if "click_permitted" in wanted:
            right = right and answer.get("permit") == wanted["click_permitted"]
        check(f"{case['id']} {decision['decision']}", right, answer)
    check.equal("exit 0", result.returncode, 0)


def against_the_text(check, stage, seed, number):
    chance = random.Random(seed)
    cases = [generated(chance, index) for index in range(number)]
    result, answers = run(stage, cases)
    differing, kinds = [], {}
    for case, answer in zip(cases, answers):
        statements = case.get("statements", case.get("group_statements"))
        kind, approvers, because = decide(statements, case)
        kinds[kind] = kinds.get(kind, 0) + 1
        wanted = {"decision": kind, "approvers": approvers, "permit": permits(statements, case)}
        if because is not None:
            wanted["because"] = because
        found = {key: answer.get(key) for key in wanted}
        if "because" in wanted:
            found["because"], wanted["because"] = sorted(found["because"] or []), sorted(wanted["because"])
        if found != wanted:
            differing.append({"case": case, "found": answer, "wanted": wanted})
    check(f"{number} generated cases (seed {seed}) are decided as the text says: {kinds}",
          len(answers) == number and not differing, f"{len(differing)} differ; first: {json.dumps(differing[:1])}")
    check("all six kinds occur", len(kinds) == 6, kinds)
    again = run(stage, cases)[1]
    check("twice the same", again == answers)


def limits(check, stage):
    """`access.md` §7.4: a duration above a statement's MaxDuration is `invalid`; §4.2: one message per field."""
    statement = {"ResourceType": "Account", "Resource": "*", "PermissionSet": "*", "Approvers": ["a@corp.com"], "MaxDuration": "02:00"}
    case = {"requester": "b@corp.com", "account": "111111111111", "permission_set": "Admin", "statements": [statement]}
    forms = {"duration": ("2h", "121m"), "duration_seconds": (7200, 7201), "for": ("02:00", "2h1s")}
    for field, (fits, over) in forms.items():
        result, answers = run(stage, [{**case, "id": "fits", field: fits}, {**case, "id": "over", field: over}])
        check.equal(f"{field} {fits} is within the limit", answers[0].get("decision"), "RequiresApproval")
        found = answers[1]
        check(f"{field} {over} is over it, and the reason is reported",
              found.get("decision") == "Invalid" and found.get("because") == ["s1"] and found["invalid"][0]["field"] == field
              and "2h" in found["invalid"][0]["message"], found)
        check.equal("exit 0", result.returncode, 0)


def broken(check, stage):
    """One bad line does not stop the others."""
    good = {"id": "good", "requester": "a@corp.com", "account": "111111111111", "permission_set": "Admin", "statements": []}
    bad = [
        {**good, "id": "typo", "statements": [{"ResourceType": "Account", "Resource": "*", "PermissionSet": "*", "AllowSelfAproval": True}]},
        {**good, "id": "number", "statements": [{"ResourceType": "Account", "Resource": 111111111111, "PermissionSet": "*"}]},
        {**good, "id": "case", "statements": [{"ResourceType": "account", "Resource": "*", "PermissionSet": "*"}]},
        {**good, "id": "glob", "statements": [{"ResourceType": "Account", "Resource": "1111*", "PermissionSet": "*"}]},
        {**good, "id": "mail", "statements": [{"ResourceType": "Account", "Resource": "*", "PermissionSet": "*", "Approvers": ["*"]}]},
        {**good, "id": "flag", "statements": [{"ResourceType": "Account", "Resource": "*", "PermissionSet": "*", "AllowSelfApproval": 1}]},
        {**good, "id": "group", "group": GROUPS[0]},
    ]
    result, answers = run(stage, [*bad, good])
    codes = [answer.get("error", {}).get("code") for answer in answers]
    check("bad lines are answered by errors", all(codes[:-1]) and len(codes) == len(bad) + 1, answers)
    check("the typo's nearest name is shown", "AllowSelfApproval" in json.dumps(answers[0]), answers[0])
    check("the good one is decided", answers and answers[-1].get("decision") == "NoStatements")
    check.equal("exit 1", result.returncode, 1)
    missing = stage.run("rules", "decide", "--cases", "nowhere.jsonl")
    check.equal("no such file: exit 2", missing.returncode, 2)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=20000)
    arguments = parser.parse_args()
    check = Checks()
    with Stage("decide") as stage:
        reference(check, stage)
        against_the_text(check, stage, arguments.seed, arguments.cases)
        limits(check, stage)
        broken(check, stage)
    check.end()


if __name__ == "__main__":
    main()
