#!/usr/bin/env python3
"""`hallpass policy` from outside: its decisions beside those of two public evaluators, and how the
commands behave with bad input, many threads, long files and hostile patterns.

The referees are @cloud-copilot/iam-simulate (npm, AGPL-3.0-or-later) and moto (Apache-2.0). They are
installed for tests only, outside the checkout, asked in processes of their own, and no part of what is
built or shipped. POLICY_SEED=N makes other cases."""

import collections
import copy
import json
import os
import pathlib
import shutil
import subprocess

import policy_cases
import policy_referees
from stage import HERE, ROOT, Checks, Stage

MODULES = pathlib.Path(os.environ.get("HALLPASS_IAM_MODULES", "~/.cache/hallpass/iam")).expanduser()
SEED = int(os.environ.get("POLICY_SEED", 7))
USER = "arn:aws:iam::111111111111:user/mara"
ASK = {"principal": USER, "action": "s3:GetObject", "resource": "arn:aws:s3:::red/1"}


def lines(cases):
    return "".join(json.dumps(case) + "\n" for case in cases)


def words(text):
    return [json.loads(line).get("decision", "error") for line in text.splitlines()]


def simulate(stage, cases, *more):
    return stage.run("policy", "simulate", "--no-derive", "--cases", "-", *more, stdin=cases if isinstance(cases, str) else lines(cases))


def cloud_copilot(stage, cases):
    folder = stage.path("cloud-copilot")
    if not folder.exists():
        folder.mkdir()
        # beside its packages, which node looks for from there upwards
        shutil.copy(HERE / "iam" / "evaluate.mjs", folder)
        (folder / "node_modules").symlink_to(MODULES / "node_modules")
    done = subprocess.run(["node", "evaluate.mjs"], input=lines(cases), capture_output=True, text=True, cwd=folder,
                          env=stage.environment(), timeout=120, check=True)
    return words(done.stdout)


MOTO = """
import json, sys
from moto.iam.access_control import IAMPolicy, PermissionResult
for line in sys.stdin:
    case = json.loads(line)
    said = [IAMPolicy({"policy_document": json.dumps(policy)}).is_action_permitted(case["action"], case["resource"])
            for policy in case["identityPolicies"]]
    print(json.dumps({"decision": "ExplicitlyDenied" if PermissionResult.DENIED in said
                      else "Allowed" if PermissionResult.PERMITTED in said else "ImplicitlyDenied"}))
"""


def moto(stage, cases):
    done = subprocess.run(["python3", "-c", MOTO], input=lines(cases), capture_output=True, text=True, timeout=120,
                          check=True)
    return words(done.stdout)


def shown(case, ours, theirs):
    return f"ours {ours}, theirs {theirs}: {json.dumps(case)}"


def referee(check, name, cases, ours, classes, ask):
    theirs = ask(cases)
    check(f"{name} answers every case", len(theirs) == len(cases) and "error" not in theirs,
          [case for case, word in zip(cases, theirs) if word == "error"][:1])
    counts, joint, unknown = policy_referees.settle(cases, ours, theirs, classes, ask)
    alike = sum(mine == other for mine, other in zip(ours, theirs))
    print(f"     {name}: {len(cases)} cases, {alike} agree, {sum(counts.values())} differ in a known way, "
          f"{joint} in several together, {len(unknown)} in an unknown one")
    for each, why, page, _ in classes:
        print(f"     {counts[each]:5} {each}: {why} ({page})")
    check(f"{name} differs in known ways only", not unknown,
          "\n".join(shown(cases[at], ours[at], theirs[at]) for at in unknown[:3]))
    # the rewritings keep the meaning: where both agree, none of them makes the other one answer otherwise
    agreed = [at for at in range(0, len(cases), 17) if ours[at] == theirs[at]]
    turned = {"Allowed": "ImplicitlyDenied", "ImplicitlyDenied": "Allowed", "ExplicitlyDenied": "Allowed"}
    _, _, found = policy_referees.settle([cases[at] for at in agreed], [turned[ours[at]] for at in agreed],
                                         [theirs[at] for at in agreed], classes, ask)
    check.equal(f"of {len(agreed)} wrong answers put in for a test all are found beside {name}", len(found), len(agreed))
    gone = [each for each, count in counts.items() if not count]
    check(f"{name} still differs in each of them", not gone, gone)


def referees(check, stage):
    cases = policy_cases.everything(SEED)
    said = simulate(stage, cases)
    ours = words(said.stdout)
    check("every case is decided", said.returncode == 0 and len(ours) == len(cases) and "error" not in ours, said.stdout[:300])
    kinds = collections.Counter(case["id"].rsplit("-", 1)[0] for case in cases)
    print("     " + ", ".join(f"{kind} {count}" for kind, count in kinds.items()))
    check("each kind of case is decided in more than one way", all(
        len({word for case, word in zip(cases, ours) if case["id"].startswith(kind)}) > 1 for kind in kinds))
    used = collections.Counter(
        (policy_referees.operator(name)[0], policy_referees.operator(name)[1])
        for case in cases for _, statement in policy_referees.statements(case) for name in statement.get("Condition", {}))
    missing = [(quantifier, name) for family, name in policy_cases.OPERATORS for quantifier in policy_cases.SETS
               if (family != "Null" or not quantifier) and not used[quantifier.lower().rstrip(":"), name.lower()]]
    check.equal("every operator is asked, alone and in sets", missing, [])

    referee(check, "cloud-copilot", cases, ours, policy_referees.CLOUD_COPILOT, lambda more: cloud_copilot(stage, more))
    # moto has identity policies only, and its conditions are those of trust policies
    plain = [at for at, case in enumerate(cases) if case["id"].startswith(("action", "resource")) and "resourcePolicy" not in case]
    referee(check, "moto", [cases[at] for at in plain], [ours[at] for at in plain], policy_referees.MOTO,
            lambda more: moto(stage, more))

    explained = simulate(stage, cases, "--explain")
    check.equal("with --explain the decisions are the same", words(explained.stdout), ours)
    eight = simulate(stage, cases, "--jobs", "8", "--explain")
    check("eight threads answer as one does, byte for byte", eight.stdout == explained.stdout)


def expectations(check, stage):
    allow = {"identityPolicies": [policy_cases.FULL]}
    cases = [{"id": "right", **ASK, **allow, "expected": "Allowed"}, {"id": "wrong", **ASK, "expected": "Allowed"},
             {"id": "silent", **ASK}, {"id": "denied", **ASK, **allow, "expected": "ExplicitlyDenied"}]
    done = simulate(stage, cases, "--expect")
    check.equal("--expect prints id, expected and got", done.stderr.splitlines(),
                ["wrong Allowed ImplicitlyDenied", "denied ExplicitlyDenied Allowed"])
    check.equal("and exits 1", (done.returncode, len(done.stdout.splitlines())), (1, 4))
    check.equal("without it `expected` is not read", simulate(stage, cases).returncode, 0)
    check.equal("all as expected is exit 0", simulate(stage, cases[:1], "--expect").returncode, 0)


def policy_line(name, policy):
    return json.dumps({"id": name, **ASK, "identityPolicies": [policy]})


def bad_lines(check, stage):
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    one = lambda **change: {"Version": "2012-10-17", "Statement": [{**statement, **change}]}
    deep = "".join('{"a":' for _ in range(65)) + "1" + "}" * 65
    rows = [
        ("not JSON", b"{nothing}", "E_JSON", None),
        ("truncated", json.dumps({"id": "cut", **ASK}).encode()[:40], "E_JSON", None),
        ("not UTF-8", b'{"id":"\xff"}', "E_JSON", None),
        ("a list", b"[]", "E_FIELD", ""),
        ("no principal", b'{"id":"x"}', "E_FIELD", "/principal"),
        ("a number as id", json.dumps({"id": 5, **ASK}).encode(), "E_FIELD", "/id"),
        ("a key twice", b'{"id":"x","id":"y"}', "E_DUP_KEY", "/id"),
        ("a key twice in a policy", policy_line("x", one()).replace('"Effect": "Allow"', '"Effect": "Deny", "Effect": "Allow"').encode(),
         "E_DUP_KEY", "/identityPolicies/0/Statement/0/Effect"),
        ("a policy of 65 levels", json.dumps({"id": "x", **ASK, "identityPolicies": ["P"]}).replace('"P"', deep).encode(), "E_LIMIT", None),
        ("a policy of 2 MiB", policy_line("x", one(Sid="x" * 2 * 1024 * 1024)).encode(), "E_LIMIT", "/identityPolicies/0"),
        ("a line of 5 MiB", b'{"id":"' + b"x" * 5 * 1024 * 1024 + b'"}', "E_LIMIT", ""),
        ("no action", json.dumps({"id": "x", **ASK, "action": "GetObject"}).encode(), "E_ACTION", None),
        ("no ARN", json.dumps({"id": "x", **ASK, "resource": "bucket"}).encode(), "E_ARN", None),
        ("levels that are none", json.dumps({"id": "x", **ASK, "scps": [policy_cases.FULL]}).encode(), "E_FIELD", "/scps/0"),
        ("allow in lower case", policy_line("x", one(Effect="allow")).encode(), "E_EFFECT", "/identityPolicies/0/Statement/0/Effect"),
        ("both of a pair", policy_line("x", one(NotAction="s3:*")).encode(), "E_ELEMENT", None),
        ("Principal in an identity policy", policy_line("x", one(Principal="*")).encode(), "E_ELEMENT", None),
        ("an unknown operator", policy_line("x", one(Condition={"StringMatches": {"k": "v"}})).encode(), "E_OPERATOR", None),
        ("a context key twice", json.dumps({"id": "x", **ASK, "context": {"a:B": "1", "A:b": "2"}}).encode(), "E_CONTEXT_DUP", None),
        ("a context value that is an object", json.dumps({"id": "x", **ASK, "context": {"a:b": {}}}).encode(), "E_FIELD", "/context/a:b"),
        ("an invalid case", b'"text"', "E_FIELD", ""),
    ]
    path = stage.path("bad.jsonl")
    good = json.dumps({"id": "good", **ASK}).encode()
    path.write_bytes(b"".join(line + b"\n" + good + b"\n" for _, line, _, _ in rows))
    done = stage.run("policy", "simulate", "--cases", path)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    check.equal("bad lines end in exit 1", (done.returncode, len(answers)), (1, 2 * len(rows)))
    for (name, _, code, pointer), answer in zip(rows, answers[::2]):
        error = answer.get("error", {})
        check(f"{name}: {code}", error.get("code") == code and (pointer is None or error.get("pointer") == pointer), answer)
    check("lines that are not JSON are reported by number", [it.get("line") for it in answers[:6:2]] == [1, 3, 5], answers[:6])
    check("each line behind a bad one is decided", all(it.get("decision") == "ImplicitlyDenied" for it in answers[1::2]))


def bad_usage(check, stage):
    stage.path("case.json").write_text(json.dumps({"id": "x", **ASK}))
    stage.path("broken.json").write_text('{"Version": "2012-10-17",\n  "Statement": [}')
    ask = ["policy", "eval", "--principal", USER, "--action", "s3:GetObject", "--resource", "*"]
    for name, arguments in (
        ("a file that is not there", ["policy", "simulate", "--cases", "nowhere.jsonl"]),
        ("a time without a zone", ["policy", "simulate", "--cases", "case.json", "--now", "2025-01-01"]),
        ("no threads", ["policy", "simulate", "--cases", "case.json", "--jobs", "0"]),
        ("no principal", ["policy", "eval", "--principal", "mara", "--action", "s3:GetObject", "--resource", "*"]),
        ("no action", ["policy", "why", "--principal", USER, "--action", "read", "--resource", "*"]),
        ("a broken policy", [*ask, "--identity-policy", "broken.json"]),
        ("an unknown service", ["policy", "data", "--service", "nothing"]),
    ):
        done = stage.run(*arguments)
        check(f"{name} is exit 2 and no output", (done.returncode, done.stdout) == (2, "") and done.stderr.startswith("error"),
              f"{done.returncode} {done.stdout!r} {done.stderr!r}")
    done = stage.run(*ask, "--identity-policy", "broken.json", "--output", "json")
    error = json.loads(done.stderr)["error"] if done.stderr.startswith("{") else {}
    check("with --output json the error is JSON", error.get("code") == "E_JSON" and error.keys() >= {"code", "message", "pointer"}, done.stderr)
    done = stage.run(*ask, "--identity-policy", "broken.json")
    check("the place of a mistake is reported", "broken.json:2:" in done.stderr, done.stderr)


# a process of its own: what one is forked from counts as its peak as well
MEASURE = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
print(os.wait4(process.pid, 0)[2].ru_maxrss)
"""


def peak_kib(stage, path, *more):
    """Peak resident memory of a run and how many lines it wrote."""
    done = subprocess.run(["python3", "-S", "-c", MEASURE, stage.binary, "policy", "simulate", "--cases", path, "--out", "peak.out", *more],
                          capture_output=True, text=True, env=stage.environment(), cwd=stage.folder, timeout=120, check=True)
    with open(stage.path("peak.out"), "rb") as source:
        return int(done.stdout), sum(1 for _ in source)


def memory(check, stage):
    small = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:Get*"], "Resource": "arn:aws:s3:::red/*"}]}
    with open(stage.path("many.jsonl"), "w") as sink:
        for number in range(50_000):
            sink.write(json.dumps({"id": f"c{number}", **ASK, "identityPolicies": [small]}) + "\n")
    stage.path("one.jsonl").write_text(lines([{"id": "one", **ASK}]))
    start, _ = peak_kib(stage, "one.jsonl")
    peak, count = peak_kib(stage, "many.jsonl", "--jobs", "2")
    print(f"     {start // 1024} MiB with one case, {peak // 1024} MiB with 50,000")
    check.equal("50,000 cases are answered", count, 50_000)
    check("in less than 64 MiB more than one", peak - start < 64 * 1024, (start, peak))


def rate(stage, pattern, repeat):
    case = {"id": "x", **ASK, "resource": "arn:aws:s3:::b/" + "a" * 10_000, "identityPolicies": [
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::b/" + pattern}]}]}
    done = simulate(stage, [case], "--repeat", str(repeat))
    return int("".join(word for word in done.stderr.split("evaluations")[1].split("a second")[0] if word.isdigit()))


def wildcards(check, stage):
    # for as long as the others take: a machine with other things to do keeps both waiting
    plain = rate(stage, "*b*", 20_000)
    for name, pattern in (("a*a*…*b", "a*" * 300 + "b"), ("*a*a…b", "*a" * 1500 + "b"), ("?*?*…b", "?*" * 300 + "b")):
        slow = rate(stage, pattern, 100)
        print(f"     {name} against 10,000 characters: {plain / slow:.1f} times a plain pattern")
        check(f"{name} takes no more than 200 times a plain pattern", plain / slow < 200, (plain, slow))


DEV = {"Version": "2012-10-17", "Statement": [
    {"Sid": "ReadOwn", "Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::team-red/*",
     "Condition": {"StringEquals": {"aws:PrincipalTag/team": "red"}}},
    {"Sid": "Never", "Effect": "Deny", "Action": "iam:*", "Resource": "*"}]}


def one_request(check, stage):
    stage.path("dev.json").write_text(json.dumps(DEV))
    stage.path("full.json").write_text(json.dumps(policy_cases.FULL))
    ask = ["--principal", "arn:aws:sts::111111111111:assumed-role/Dev/mara", "--action", "s3:GetObject",
           "--resource", "arn:aws:s3:::team-red/x", "--identity-policy", "dev.json"]
    done = stage.run("policy", "eval", *ask, "--context", "aws:PrincipalTag/team=red", "--output", "json")
    said = json.loads(done.stdout)
    check("eval allows with exit 0 and names the statement", done.returncode == 0 and said["decision"] == "Allowed"
          and said["decidedBy"]["sid"] == "ReadOwn" and said["decidedBy"]["layer"] == "identity", said)
    done = stage.run("policy", "why", *ask, "--context", "aws:PrincipalTag/team=blue")
    near = [line for line in done.stdout.splitlines() if line.startswith("near miss")]
    check("why denies with exit 1", done.returncode == 1 and done.stdout.startswith("ImplicitlyDenied"), done.stdout)
    check("why shows the near miss and its one condition", len(near) == 1 and "#1 ReadOwn" in near[0]
          and "aws:PrincipalTag/team" in near[0], done.stdout)
    done = stage.run("policy", "why", *ask)
    check("why shows a missing key", "near miss" in done.stdout and "aws:PrincipalTag/team" in done.stdout, done.stdout)
    done = stage.run("policy", "why", *ask, "--context", "aws:PrincipalTag/team=red", "--scp-level", "full.json", "--scp-level", "dev.json",
                     "--boundary", "dev.json")
    check("why with limits that allow", done.returncode == 0 and done.stdout.startswith("Allowed"), done.stdout)
    only = copy.deepcopy(DEV)
    only["Statement"] = only["Statement"][1:]
    stage.path("only-deny.json").write_text(json.dumps(only))
    done = stage.run("policy", "eval", *ask, "--context", "aws:PrincipalTag/team=red", "--scp-level", "full.json", "--scp-level",
                     "only-deny.json", "--output", "json")
    said = json.loads(done.stdout)
    check("a level without an Allow is named", (said["decision"], said["decidedBy"]["layer"], said["decidedBy"]["level"])
          == ("ImplicitlyDenied", "scp", 1), said)


SUITE = """
[policies]
identity = ["dev.json"]
[defaults]
principal = "arn:aws:sts::111111111111:assumed-role/Dev/mara"
context = { "aws:PrincipalTag/team" = "red" }
[[case]]
name = "reads its own"
action = ["s3:GetObject", "s3:GetObjectAcl"]
resource = "arn:aws:s3:::team-red/x"
expect = "Allowed"
sid = "ReadOwn"
[[case]]
name = "without a team"
action = "s3:GetObject"
resource = "arn:aws:s3:::team-red/x"
expect = "EXPECTED"
without = ["aws:PrincipalTag/team"]
"""


def suites(check, stage):
    for name, expected in (("good", "ImplicitlyDenied"), ("failing", "Allowed")):
        stage.path(name).mkdir()
        stage.path(name).joinpath("dev.json").write_text(json.dumps(DEV))
        stage.path(name).joinpath("dev.test.toml").write_text(SUITE.replace("EXPECTED", expected))
    done = stage.run("policy", "test", "good", "--output", "json")
    said = json.loads(done.stdout)
    check.equal("a suite that passes", (done.returncode, said["failed"], len(said["cases"]), said["coverage_percent"]), (0, 0, 3, 50))
    done = stage.run("policy", "test", "good", "--min-coverage", "51")
    check("coverage below the minimum is exit 1", done.returncode == 1 and "50 %" in done.stderr, done.stderr)
    check.equal("at it, exit 0", stage.run("policy", "test", "good", "--min-coverage", "50").returncode, 0)
    done = stage.run("policy", "test", "good", "failing", "--output", "jsonl")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    wrong = [row for row in rows if not row["passed"]]
    check("a suite that fails", done.returncode == 1 and len(rows) == 6 and [row["name"] for row in wrong] == ["without a team"], rows)
    check("says why", any("near miss" in line for row in wrong for line in row["because"]), wrong)
    for name, text in (("invalid TOML", "[[case"), ("an unknown field", SUITE.replace("without =", "wihtout =")),
                       ("an invalid decision", SUITE), ("a policy that is not there", SUITE.replace("dev.json", "gone.json"))):
        stage.path("good").joinpath("bad.test.toml").write_text(text)
        done = stage.run("policy", "test", "good", "--output", "json")
        check(f"{name} is exit 2, and nothing was asked", (done.returncode, done.stdout) == (2, "") and "bad.test.toml" in done.stderr
              or "gone.json" in done.stderr, done.stderr)
    stage.path("good").joinpath("bad.test.toml").unlink()


def data(check, stage):
    done = stage.run("policy", "data", "--version")
    check("the data has a date", done.returncode == 0 and len(done.stdout.strip().split("-")) == 3, done.stdout)
    done = stage.run("policy", "data", "--action", "s3:GetObject", "--output", "json")
    said = json.loads(done.stdout)
    check("an action with its types and keys", [row["action"] for row in said] == ["s3:GetObject"] and said[0]["resource_types"], said)


def diff(check, stage):
    new = copy.deepcopy(DEV)
    new["Statement"][0]["Action"] = ["s3:Get*", "s3:PutObject"]
    stage.path("old.json").write_text(json.dumps(DEV))
    stage.path("new.json").write_text(json.dumps(new))
    done = stage.run("policy", "diff", "old.json", "new.json", "--generated", "--detailed-exitcode", "--output", "jsonl")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    check("a wider policy changes what it should, exit 3", done.returncode == 3 and rows and all(
        (row["action"], row["old"], row["new"]) == ("s3:PutObject", "ImplicitlyDenied", "Allowed") for row in rows), done.stdout)
    check.equal("without --detailed-exitcode exit 0", stage.run("policy", "diff", "old.json", "new.json", "--generated").returncode, 0)
    done = stage.run("policy", "diff", "old.json", "old.json", "--generated", "--detailed-exitcode", "--output", "jsonl")
    check.equal("a policy and itself decide alike", (done.returncode, done.stdout), (0, ""))
    cases = [{"id": "get", **ASK}, {"id": "put", **ASK, "action": "s3:PutObject", "resource": "arn:aws:s3:::team-red/x",
                                    "context": {"aws:PrincipalTag/team": "red"}}]
    stage.path("requests.jsonl").write_text(lines(cases))
    done = stage.run("policy", "diff", "old.json", "new.json", "--requests", "requests.jsonl", "--output", "jsonl")
    check.equal("of given requests one changes", [json.loads(line)["id"] for line in done.stdout.splitlines()], ["put"])
    done = stage.run("policy", "diff", "old.json", "broken.json", "--generated", "--output", "json")
    check("a broken policy is exit 2 and no output", (done.returncode, done.stdout) == (2, "") and "error" in json.loads(done.stderr), done.stderr)


def lint(check, stage):
    stage.path("scp").mkdir()
    bad = {"Version": "2012-10-17", "Statement": [
        {"Sid": "Deny Regions", "Effect": "Deny", "Action": ["s3:GetObjct", "ec2:*"], "Resource": "*",
         "Condition": {"StringNotEqual": {"aws:RequestedRegion": "eu-west-1"}}}]}
    stage.path("scp/with a blank.json").write_text(json.dumps(bad, indent=2))
    stage.path("scp/full.json").write_text(json.dumps(policy_cases.FULL))
    done = stage.run("policy", "lint", "scp", "--output", "jsonl")
    codes = {json.loads(line)["code"] for line in done.stdout.splitlines()}
    check("lint finds what is wrong, exit 1", done.returncode == 1 and codes >= {"SID_INVALID", "ACTION_UNKNOWN", "OPERATOR_UNKNOWN"}, codes)
    check.equal("a policy without fault is exit 0", stage.run("policy", "lint", "scp/full.json").returncode, 0)
    check.equal("disabled checks are not reported", {json.loads(line)["code"] for line in stage.run(
        "policy", "lint", "scp", "--output", "jsonl", "--disable", "SID_INVALID").stdout.splitlines()}, codes - {"SID_INVALID"})
    sarif(check, json.loads(stage.run("policy", "lint", "scp", "--output", "sarif").stdout), codes)
    done = stage.run("policy", "lint", "nowhere.json", "--type", "scp", "--output", "json")
    check("a file that is not there is exit 2 and no output", (done.returncode, done.stdout) == (2, "")
          and "error" in json.loads(done.stderr), done.stderr)


def sarif(check, log, codes):
    """What SARIF 2.1.0 requires of a log, its run, the tool's rules and the results (OASIS, chapter 3)."""
    run = log["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    check("SARIF 2.1.0 with one run and a named tool", log["version"] == "2.1.0" and len(log["runs"]) == 1
          and run["tool"]["driver"]["name"] and run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints"), log)
    ids = [rule["id"] for rule in rules]
    check("rules are there once, with texts", len(set(ids)) == len(ids) and all(
        rule["shortDescription"]["text"] and rule["defaultConfiguration"]["level"] in ("error", "warning", "note") for rule in rules))
    good = []
    for result in run["results"]:
        place = result["locations"][0]["physicalLocation"]
        region, uri = place["region"], place["artifactLocation"]["uri"]
        good.append(result["message"]["text"] and ids[result["ruleIndex"]] == result["ruleId"]
                    and result["level"] in ("error", "warning", "note") and min(region.values()) >= 1
                    and (region["endLine"], region["endColumn"]) > (region["startLine"], region["startColumn"])
                    and " " not in uri and not uri.startswith("/") and all(result["partialFingerprints"].values()))
    check("each result has its rule, level, message, place and fingerprint", good and all(good), run["results"])
    check.equal("and they are the findings", {result["ruleId"] for result in run["results"]}, codes)
    prints = [str(result["partialFingerprints"]) for result in run["results"]]
    check.equal("no two share a fingerprint", len(set(prints)), len(prints))


def size(check, stage):
    statement = lambda number: {"Sid": f"S{number}", "Effect": "Allow", "Action": f"s3:Get{number}*", "Resource": f"arn:aws:s3:::red/{number}*"}
    long = {"Version": "2012-10-17", "Statement": [statement(number) for number in range(100)]}
    stage.path("long.json").write_text(json.dumps(long))
    done = stage.run("policy", "size", "--type", "identity", "long.json", "--output", "json")
    check("too long is exit 1, with the numbers", done.returncode == 1 and '"limit": 6144' in done.stdout, done.stdout + done.stderr)
    parts = [json.loads(line) for line in stage.run("policy", "size", "--type", "identity", "long.json", "--split").stdout.splitlines()]
    check("--split gives several that fit", len(parts) > 1 and all(len(json.dumps(part, separators=(",", ":"))) <= 6144 for part in parts))
    asked = [{"id": f"{action}", **ASK, "action": f"s3:Get{action}Object", "resource": f"arn:aws:s3:::red/{action}"} for action in [*range(0, 100, 7), "none"]]
    whole = simulate(stage, [{**case, "identityPolicies": [long]} for case in asked])
    split = simulate(stage, [{**case, "identityPolicies": parts} for case in asked])
    check("that decide like the whole", whole.stdout == split.stdout and {*words(whole.stdout)} == {"Allowed", "ImplicitlyDenied"}, whole.stdout[:300])


def main():
    check = Checks()
    if not shutil.which("node") or not (MODULES / "node_modules" / "@cloud-copilot" / "iam-simulate").is_dir():
        check("node and the packages of e2e/iam are there (e2e/tools.sh test installs them)", False, MODULES)
        check.end()
    with Stage("policies") as stage:
        referees(check, stage)
        expectations(check, stage)
        bad_lines(check, stage)
        bad_usage(check, stage)
        one_request(check, stage)
        suites(check, stage)
        data(check, stage)
        diff(check, stage)
        lint(check, stage)
        size(check, stage)
        wildcards(check, stage)
        memory(check, stage)
    check.end()


if __name__ == "__main__":
    main()
