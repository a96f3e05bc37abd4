"""`deploy/terraform`, for deploy_code.py: HashiCorp's parser reads it, every name in it is one of the AWS provider's, what it would make is
evaluated, and held to what the program says that it needs. `terraform` itself takes part where it is installed."""

import json
import os
import pathlib
import re
import shutil
import subprocess

from deploy_machine import disks, idle_at_server
from stage import HERE, ROOT

CODE = ROOT / "deploy" / "terraform"
MODULES = pathlib.Path(os.environ.get("HALLPASS_TERRAFORM_MODULES", "~/.cache/hallpass/terraform")).expanduser()
TABLE = json.loads((HERE / "terraform" / "provider.json").read_text())
EXAMPLES = ("smallest", "two-nodes", "guard-account", "delegated-administrator")
META = {"count", "for_each", "provider", "depends_on", "lifecycle"}
# what may not go when somebody takes a line out: evidence, and what holds it
KEPT = {"aws_s3_bucket.audit", "aws_kms_key.heads", "aws_ebs_volume.data", "aws_db_instance.database", "aws_s3_bucket.journal"}
# what the module `server` needs, and nothing else
LEAST = {"vpc": "vpc-1", "vpc_range": "10.0.0.0/16", "subnets": ["subnet-1"], "balancer_subnets": ["subnet-1", "subnet-2"], "callers": ["10.0.0.0/8"],
         "certificate": "arn:aws:acm:eu-west-1:111122223333:certificate/1", "public_url": "https://hallpass.example.com",
         "package": {"bucket": "b", "key": "k.deb", "sum": "ab" * 32}, "configuration": "", "rules": ""}

POSTGRES = {"subnets": ["subnet-1", "subnet-2"], "version": "15"}


def planned(jobs):
    """What each of (folder, variables) would make."""
    asked = json.dumps([{"folder": str(folder), "variables": variables} for folder, variables in jobs])
    done = subprocess.run(["node", HERE / "terraform" / "plan.mjs"], input=asked, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "MODULES": str(MODULES)})
    if done.returncode:
        raise RuntimeError(f"plan.mjs ended with {done.returncode}: {done.stderr[-600:]}")
    return json.loads(done.stdout)


def blocks(report, kind):
    """(module, type, name, body) of every resource or data source that is written."""
    for module, it in report["modules"].items():
        for block in it["blocks"].get(kind, []):
            for of, named in block.items():
                yield from ((module, of, name, body[0]) for name, body in named.items())


def misplaced(body, takes, where):
    """What of a body the provider does not have, and what it wants and has not."""
    for name, value in body.items():
        if name not in takes:
            yield f"{where}: no argument {name}"
        elif isinstance(takes[name], list):
            for inner in value if isinstance(value, list) and all(isinstance(it, dict) for it in value) else [None]:
                yield from [f"{where}.{name} is a block"] if inner is None else misplaced(inner, takes[name][1], f"{where}.{name}")
    for name, it in takes.items():
        if (it[0] if isinstance(it, list) else it) and name not in body:
            yield f"{where}: {name} is missing"


def unknown_names(report):
    """Resources, arguments and blocks that the provider does not have."""
    wrong = []
    for kind in ("resource", "data"):
        for module, of, name, body in blocks(report, kind):
            known, where = TABLE.get(f"{kind} {of}"), f"{module}/{of}.{name}"
            if of == "terraform_data":
                continue
            if not known:
                wrong.append(f"{where}: {of} is not in provider.json")
                continue
            wrong += misplaced({key: value for key, value in body.items() if key not in META}, known["takes"], where)
    return wrong


def dead_references(report):
    """References to what is not declared, attributes that are not given, variables that nobody reads."""
    wrong = []
    declared = {(module, f"{kind} {of}", name): body for kind in ("resource", "data") for module, of, name, body in blocks(report, kind)}
    names = {module: {kind: {key for block in it["blocks"].get(kind, []) for one in (block if isinstance(block, list) else [block]) for key in one} for kind in ("variable", "locals", "module", "output")}
             for module, it in report["modules"].items()}
    read = set()
    for it in report["references"]:
        module, to = it["module"], it["to"]
        where = f"{module}/{it['file']}: {'.'.join(to)}"
        if to[0] in ("each", "count", "path"):
            continue
        if to[0] in ("var", "local"):
            kind = {"var": "variable", "local": "locals"}[to[0]]
            read.add((module, to[0], to[1]))
            wrong += [] if to[1] in names[module][kind] else [where]
        elif to[0] == "module":
            child = f"{module}.{to[1]}".lstrip(".")
            wrong += [] if child in names and to[2] in names[child]["output"] else [where]
        else:
            kind, rest = ("data", to[1:]) if to[0] == "data" else ("resource", to)
            known = TABLE.get(f"{kind} {rest[0]}")
            # behind an index, or nothing behind it
            attributes = [step for step in rest[2:] if not re.fullmatch(r'\d+|".*"', step)][:1]
            is_there = (module, f"{kind} {rest[0]}", rest[1]) in declared and known and all(step in known["takes"] or step in known["gives"] for step in attributes)
            wrong += [] if is_there else [where]
    unread = {(module, kind, name) for module, it in names.items() for kind, of in (("var", "variable"), ("local", "locals")) for name in it[of]} - read
    return wrong + [f"no one reads {it}" for it in sorted(unread)]


def undescribed(report):
    """Variables and outputs of modules without a type or a description, and calls that give what is not asked for."""
    wrong = []
    for module, it in report["modules"].items():
        if "/modules/" in it["folder"]:
            for block in it["blocks"].get("variable", []):
                wrong += [f"{module}/var.{name}" for name, [body] in block.items() if not body.get("type") or not body.get("description")]
            for block in it["blocks"].get("output", []):
                wrong += [f"{module}/output.{name}" for name, [body] in block.items() if not body.get("description")]
        for block in it["blocks"].get("module", []):
            for name, [body] in block.items():
                child = f"{module}.{name}".lstrip(".")
                wants = {key for one in report["modules"].get(child, {"blocks": {}})["blocks"].get("variable", []) for key in one}
                wrong += [f"{child}: no variable {key}" for key in set(body) - wants - {"source", "providers", "version", "count", "depends_on"}]
    return wrong


def made(report, of):
    """(address, attributes) of what would be made of a type."""
    return [(address, it["attributes"]) for address, it in report["made"].items() if it["type"] == of]


def open_doors(report):
    """What is not shut: buckets, disks, machines, groups, the database."""
    wrong = []
    for kind in ("versioning", "server_side_encryption_configuration", "ownership_controls", "public_access_block", "policy"):
        held = {it["bucket"] for _, it in made(report, f"aws_s3_bucket_{kind}")}
        wrong += [f"{address} has no {kind}" for address, it in made(report, "aws_s3_bucket") if not any(it_s == short(address) for it_s in held)]
    for address, it in made(report, "aws_s3_bucket_public_access_block"):
        wrong += [f"{address} is open" for key in ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets") if it.get(key) is not True]
    for address, it in made(report, "aws_s3_bucket_policy"):
        first = json.loads(it["policy"])["Statement"][0]
        wrong += [] if first["Effect"] == "Deny" and first["Condition"] == {"Bool": {"aws:SecureTransport": "false"}} else [f"{address} takes plain HTTP"]
    for address, it in made(report, "aws_instance"):
        metadata, root = it["metadata_options"][0], it["root_block_device"][0]
        fits = metadata["http_tokens"] == "required" and metadata["http_put_response_hop_limit"] == 1 and root["encrypted"] is True and it["associate_public_ip_address"] is False and "key_name" not in it
        wrong += [] if fits else [f"{address} is open"]
        wrong += [f"{address}: user data of {len(it['user_data'])} bytes is more than AWS takes"] if len(it["user_data"]) > 16384 else []
    wrong += [f"{address} is not encrypted" for address, it in made(report, "aws_ebs_volume") if it["encrypted"] is not True]
    for address, it in made(report, "aws_db_instance"):
        fits = it["storage_encrypted"] and not it["publicly_accessible"] and it["deletion_protection"] and it["manage_master_user_password"] and "password" not in it
        wrong += [] if fits else [f"{address} is open, or its password is in the state"]
    for address, it in made(report, "aws_vpc_security_group_ingress_rule"):
        is_of_people = ".people[" in address
        wrong += [] if is_of_people or "referenced_security_group_id" in it else [f"{address} lets addresses in"]
        wrong += [f"{address}: not one port"] if it["from_port"] != it["to_port"] else []
    wrong += [f"{address}: not one port" for address, it in made(report, "aws_vpc_security_group_egress_rule") if it["from_port"] != it["to_port"]]
    wrong += [f"{address} is reachable" for address, it in made(report, "aws_lb") if it["internal"] is not True]
    wrong += [f"{of}.{name} can be destroyed" for _, of, name, body in blocks(report, "resource")
              if f"{of}.{name}" in KEPT and body.get("lifecycle", [{}])[0].get("prevent_destroy") is not True]
    wrong += [f"{address} does not lock" for address, it in made(report, "aws_s3_bucket") if address.endswith(".audit") and it.get("object_lock_enabled") is not True]
    return wrong


def short(address):
    """The name that plan.mjs makes up for a bucket at this address."""
    names = [it for it in address.split(".") if it != "module" and not it.startswith("aws_")]
    return "-".join(names)


def as_sets(statements):
    """Statements by name, without the order of what they list."""
    listed = lambda value: frozenset(value if isinstance(value, list) else [value])
    return {it["Sid"]: (it["Effect"], listed(it["Action"]), listed(it["Resource"]), json.dumps(it.get("Condition"))) for it in statements}


def allowed(report, name):
    """Statements of the role policy of this name, wherever it is."""
    found = [json.loads(it["policy"])["Statement"] for address, it in made(report, "aws_iam_role_policy") if it["name"] == name and not address.startswith("module.guard.")]
    return as_sets(found[0]) if found else None


def too_much(report):
    """Policies of roles beside those that the program prints: no wildcard, and none without a resource."""
    wrong = []
    for address, it in made(report, "aws_iam_role_policy"):
        for one in json.loads(it["policy"])["Statement"]:
            if it["name"] in ("machine", "journal") or address.startswith(("module.guard.", "module.events.")):
                listed = [*one["Action"], *(one["Resource"] if isinstance(one["Resource"], list) else [one["Resource"]])]
                wrong += [f"{address}: {word}" for word in listed if word == "*" or word.endswith(":*")]
    return wrong


def files_of(report, module):
    """What would lie in /etc/hallpass of the machine of a module."""
    start = f"module.{module}.module.machine.aws_s3_object.file["
    return {it["key"]: it["content"] for address, it in made(report, "aws_s3_object") if address.startswith(start)}


def write_down(folder, files, unit):
    """These files, with secrets that are there."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "secrets").mkdir(exist_ok=True)
    for name, text in files.items():
        for secret in re.findall(rf"file:/run/credentials/{unit}/secret_([a-z-]+)", text):
            (folder / "secrets" / secret).write_text("postgres://hallpass:x@db.example/hallpass" if secret == "store-url" else "secret")
        (folder / name).write_text(text.replace(f"/run/credentials/{unit}/secret_", f"{folder}/secrets/"))
    return folder / "hallpass.toml"


def printed(stage, config, whom):
    """The least policy, or what speaks against this configuration."""
    done = stage.run("server", "doctor", "--iam-policy", "--by-rules-alone", "--for", whom, "--config", config)
    return as_sets(json.loads(done.stdout)["Statement"]) if done.returncode == 0 else done.stderr


def configured(stage, check, report, example):
    """The program takes the files that would be deployed, and asks for the rights that would be given."""
    config = write_down(stage.path(f"{example}-server"), files_of(report, "hallpass"), "hallpass.service")
    check.equal(f"{example}: the server's role may do exactly what the program prints for the server's configuration", allowed(report, "hallpass"), printed(stage, config, "server"))
    done = stage.run("rules", "check", config.with_name("rules.toml"), "--fail-on-findings")
    check.equal(f"{example}: its rules are rules", done.returncode, 0)
    guard = files_of(report, "guard")
    check(f"{example}: a guard has files where there is one", bool(guard) == (example == "guard-account"), sorted(guard))
    if guard:
        check.equal(f"{example}: the guard's role may do exactly that of a guard", allowed(report, "guard"), printed(stage, config, "guard"))
        config = write_down(stage.path(f"{example}-guard"), guard, "hallpass-guard.service")
        check.equal(f"{example}: its own configuration asks for no more", allowed(report, "guard"), printed(stage, config, "guard"))


def broken(folder, name, path, old, new):
    """A copy of the code with one mistake."""
    copy = folder / name
    shutil.copytree(CODE, copy)
    text = (copy / path).read_text()
    assert text.count(old) >= 1, (path, old)
    (copy / path).write_text(text.replace(old, new, 1))
    return copy


# a mistake each: what it is, where, from what to what, and who finds it
MISTAKES = [
    ("an unknown argument", "modules/machine/main.tf", "http_tokens  ", "http_token  ", unknown_names),
    ("an unknown type", "modules/server/events.tf", '"aws_sqs_queue" "dead_events"', '"aws_sqs_queues" "dead_events"', unknown_names),
    ("an argument that is missing", "modules/server/network.tf", "ip_protocol       = \"tcp\"\n", "", unknown_names),
    ("a variable that is not declared", "modules/server/network.tf", "var.callers", "var.caller", dead_references),
    ("an attribute that is not given", "modules/server/events.tf", "aws_sqs_queue.events.url", "aws_sqs_queue.events.uri", dead_references),
    ("an unknown output", "examples/smallest/main.tf", "module.hallpass.address", "module.hallpass.adress", dead_references),
    ("an unknown input", "modules/server/main.tf", "volume_size ", "volumes_size ", undescribed),
    ("a bucket that is open", "modules/bucket/main.tf", "block_public_policy     = true", "block_public_policy     = false", open_doors),
    ("evidence that can be destroyed", "modules/server/audit.tf", "prevent_destroy = true", "prevent_destroy = false", open_doors),
    ("metadata for all", "modules/machine/main.tf", '= "required"', '= "optional"', open_doors),
    ("a right to everything", "modules/machine/main.tf", '["secretsmanager:GetSecretValue"]', '["secretsmanager:*"]', too_much),
    ("a right to every call of EventBridge", "modules/events/main.tf", '["events:PutEvents"]', '["events:*"]', too_much),
]
RIGHTS = [
    ("an action too many", "modules/server/rights.tf", '"sqs:ReceiveMessage",', '"sqs:ReceiveMessage",\n        "sqs:SendMessage",'),
    ("an action too few", "modules/server/rights.tf", '"kms:Sign",', ""),
    ("a resource too wide", "modules/server/rights.tf", '"${aws_s3_bucket.audit.arn}/${var.audit_prefix}/*"', '"${aws_s3_bucket.audit.arn}/*"'),
    ("a key that the program does not have", "modules/server/hallpass.toml.tftpl", "lock_mode =", "lock_mod ="),
]
# what is refused before anything is made, and by which words
REFUSED = [
    ("two nodes over SQLite", {"nodes": 2}, "several nodes need `database`"),
    ("a database without a key", {"database": POSTGRES}, "name the secret"),
    ("a database of no version", {"database": {"subnets": ["subnet-1", "subnet-2"]}, "signing_key": "arn:x"}, "version is missing"),
    ("a minor version of a database", {"database": {**POSTGRES, "version": "15.12"}, "signing_key": "arn:x"}, "database.version is a major version alone"),
    ("a version that Hallpass does not take", {"database": {**POSTGRES, "version": "12"}, "signing_key": "arn:x"}, "database.version is a major version alone"),
    ("an invalid sum", {"package": {"bucket": "b", "key": "k", "sum": "abc"}}, "SHA-256"),
    ("a lock of no kind", {"lock_mode": "GOVERNANCE"}, "governance or compliance"),
    ("plain HTTP", {"public_url": "http://hallpass.example.com"}, "scheme and host"),
    ("proxies everywhere", {"vpc_range": "0.0.0.0/0"}, "not the whole internet"),
    ("one subnet for a balancer", {"balancer_subnets": ["subnet-1"]}, "two subnets"),
    ("two nodes over SQLite, with a database that is not in use", {"nodes": 2, "database": {**POSTGRES, "in_use": False}}, "several nodes need `database`, in use"),
    ("an export below another", {"audit_prefix": "hallpass/2"}, "audit_prefix is one name"),
    ("a database whose name would be something else in an address", {"database": {**POSTGRES, "name": "hallpass?host=other"}, "signing_key": "arn:x"}, "database.name is letters"),
    ("events from no account", {"events_from": ["arn:aws:iam::999988887777:root"]}, "events_from has ids of accounts"),
    ("an unknown rule", {"event_rules": ["hallpass-findings"]}, "event_rules has ARNs of rules"),
    ("a secret in the place of Hallpass's", {"secrets": {"store-url": "arn:x"}}, "store-url is the module's"),
]


def mistakes(stage, check):
    """Each check can fail: a copy of the code with one mistake is found out."""
    folder = stage.path("broken")
    copies = [broken(folder, f"m{number}", path, old, new) for number, (_, path, old, new, _) in enumerate(MISTAKES)]
    rights = [broken(folder, f"r{number}", *rest) for number, (_, *rest) in enumerate(RIGHTS)]
    example = lambda path: "delegated-administrator" if "/events/" in path else "two-nodes" if "machine" in path else "smallest"
    jobs = [(copy / "examples" / example(MISTAKES[number][1]), {}) for number, copy in enumerate(copies)]
    jobs += [(copy / "examples/smallest", {}) for copy in rights] + [(CODE / "modules/server", {**LEAST, **more}) for _, more, _ in REFUSED] + [(CODE / "modules/server", LEAST)]
    reports = planned(jobs)
    for (what, *_, finds), report in zip(MISTAKES, reports):
        found = finds(report)
        check(f"{what} is found", len(found) >= 1 or (report["failed"] and finds is dead_references), (found, report["failed"]))
    for number, ((what, *_), report) in enumerate(zip(RIGHTS, reports[len(MISTAKES):])):
        config = write_down(stage.path(f"rights-{number}"), files_of(report, "hallpass"), "hallpass.service")
        check(f"{what} is found", report["failed"] is None and allowed(report, "hallpass") != printed(stage, config, "server"), report["failed"])
    for (what, _, words), report in zip(REFUSED, reports[len(MISTAKES) + len(RIGHTS):]):
        check(f"{what}: refused before anything is made", any(words in it for it in [*report["refused"], report["failed"] or ""]), (report["refused"], report["failed"]))
    check.equal("and what it needs is enough", (reports[-1]["refused"], reports[-1]["failed"]), ([], None))


def moved(check):
    """One machine over SQLite becomes nodes over PostgreSQL, and these go on over a restored database."""
    steps = {"before": {}, "made": {"database": {**POSTGRES, "in_use": False}, "signing_key": "arn:key"},
             "used": {"nodes": 2, "database": POSTGRES, "signing_key": "arn:key"},
             "restored": {"nodes": 2, "database": {**POSTGRES, "name": "hallpass_restored"}, "signing_key": "arn:key", "audit_prefix": "hallpass-2"}}
    reports = dict(zip(steps, planned([(CODE / "modules/server", {**LEAST, **more}) for more in steps.values()])))
    said = {name: (report["refused"], report["failed"]) for name, report in reports.items() if report["refused"] or report["failed"]}
    if not check("each step from one machine to a restored database can be made", not said, said):
        return
    of = lambda name: next(it["content"] for address, it in made(reports[name], "aws_s3_object") if it["key"] == "hallpass.toml")
    machine = lambda name: next(it["content"] for _, it in made(reports[name], "aws_s3_object") if it["key"] == "machine")
    scripts = lambda name: {it["user_data"] for _, it in made(reports[name], "aws_instance")}
    disks_of = lambda name: len(made(reports[name], "aws_ebs_volume"))
    check.equal("the database is made beside: machine, volume and configuration stay", (scripts("made"), disks_of("made"), of("made")), (scripts("before"), 1, of("before")))
    check.equal("with all that a copy into it needs on the machine", ["database " in machine(it) for it in ("before", "made")], [False, True])
    check("and the way to it", any(address.endswith("to_database[0]") for address, _ in made(reports["made"], "aws_vpc_security_group_egress_rule")), sorted(reports["made"]["made"]))
    check.equal("in use it is the nodes', without a volume", ("secret_store-url" in of("used"), disks_of("used"), len(made(reports["used"], "aws_instance"))), (True, 0, 2))
    check.equal("a restored one is named to the same machines", (machine("restored"), scripts("restored")), (machine("used").replace("rds.example hallpass\n", "rds.example hallpass_restored\n"), scripts("used")))
    writes = [*allowed(reports["restored"], "hallpass")["ExportObjects"][2]]
    check("and its log is exported to another folder, which the role may write", '/hallpass-2"\n' in of("restored") and len(writes) == 1 and writes[0].endswith("/hallpass-2/*"), writes)


def sent_on(check, report):
    """Events of the management account reach the queue in the server's, and nothing else may send there."""
    server, management = ({address: it["attributes"] for address, it in report["made"].items() if address.startswith(f"module.{name}.")} for name in ("hallpass", "events"))
    of = lambda where, kind: [it for address, it in where.items() if f".{kind}." in address]
    patterns = [sorted(it["event_pattern"] for it in of(where, "aws_cloudwatch_event_rule")) for where in (server, management)]
    check("rules of the management account take what those of the server's take", len(patterns[0]) == 2 and patterns[0] == patterns[1], patterns)
    bus, (role,) = "arn:aws:events:eu-west-1:111122223333:event-bus/default", of(management, "aws_iam_role_policy")
    sends = {(it["arn"], it["role_arn"]) for it in of(management, "aws_cloudwatch_event_target")}
    check.equal("all of it goes to the bus of the server's account", [to for to, _ in sends], [bus])
    check.equal("by a role that may do that alone", [(it["Effect"], it["Action"], it["Resource"]) for it in json.loads(role["policy"])["Statement"]], [("Allow", ["events:PutEvents"], bus)])
    check.equal("which the bus lets the management account do", [(it["principal"], it.get("action")) for it in of(server, "aws_cloudwatch_event_permission")], [("999988887777", None)])
    more = "arn:aws:events:eu-west-1:111122223333:rule/findings"
    plain, with_rules, elsewhere = planned([(CODE / "modules/server", LEAST), (CODE / "modules/server", {**LEAST, "event_rules": [more]}),
                                            (CODE / "modules/events", {"bus": bus.replace("eu-west-1", "us-east-1")})])
    check.equal("no one sends to the bus if no one is named", made(plain, "aws_cloudwatch_event_permission"), [])
    senders = [json.loads(it["policy"])["Statement"][0]["Condition"]["ArnEquals"]["aws:SourceArn"] for one in (plain, with_rules) for _, it in made(one, "aws_sqs_queue_policy")]
    check("named rules may send to the queue beside Hallpass's", len(senders[0]) == 2 and senders[1] == [*senders[0], more], senders)
    check("a bus in another Region is refused", any("another Region" in it for it in elsewhere["refused"]), elsewhere["refused"])


def shells(check):
    """Session Manager, where it is wanted: without it no policy of AWS is attached, and its agent is not installed."""
    both = planned([(CODE / "modules/server", {**LEAST, "session_manager": wanted}) for wanted in (True, False)])
    attached = [[it["policy_arn"] for _, it in made(report, "aws_iam_role_policy_attachment")] for report in both]
    check.equal("the machine's role may what Session Manager needs, or nothing of it", attached, [["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"], []])
    scripts = [it["user_data"] for report in both for _, it in made(report, "aws_instance")]
    check.equal("and its agent is installed, or not", ["amazon-ssm-agent" in it for it in scripts], [True, False])
    check("nothing else differs", re.sub(r"# a shell by Session Manager.*?^}\n", "", scripts[0], flags=re.M | re.S) == scripts[1])


def beyond(check):
    """Policies that an operator adds: each role has its own."""
    more = {**LEAST, "session_manager": False, "more_policies": {"groups": "arn:of-server"}, "more_guard_policies": {"groups": "arn:of-guard"}}
    guard = {"principal": "arn:aws:iam::444455556666:role/guard", "journal_bucket": "journal"}
    attached = [{it["policy_arn"]: it["role"] for _, it in made(report, "aws_iam_role_policy_attachment")}
                for report in planned([(CODE / "modules/server", {**more, "guard": guard}), (CODE / "modules/server", more)])]
    check.equal("policies that are added go to the role that they are for", attached, [{"arn:of-server": "server", "arn:of-guard": "guard-0"}, {"arn:of-server": "server"}])


def upgraded(check):
    """A database of a later major version, which Terraform can reach in one apply."""
    reports = planned([(CODE / "modules/server", {**LEAST, "nodes": 2, "signing_key": "arn:key", "database": {**POSTGRES, **more}}) for more in ({}, {"version": "16", "at_once": True})])
    found = [[(it["engine_version"], it["allow_major_version_upgrade"], it["apply_immediately"]) for _, it in made(report, "aws_db_instance")] for report in reports]
    check.equal("a later major version is one that the instance may become, immediately if wanted", found, [[("15", True, False)], [("16", True, True)]])
    groups = [[it["family"] for _, it in made(report, "aws_db_parameter_group")] for report in reports]
    check.equal("with parameters of the new family", groups, [["postgres15"], ["postgres16"]])
    (body,) = [body for _, of, _, body in blocks(reports[0], "resource") if of == "aws_db_parameter_group"]
    check("which exist before those in use go", body.get("lifecycle", [{}])[0].get("create_before_destroy") is True and "name_prefix" in body and "name" not in body, body)


def by_terraform(stage, check):
    """What only Terraform itself says, where it is installed: its format, and that it evaluates as we do."""
    if not shutil.which("terraform"):
        print("     terraform is not installed: neither its format nor its evaluation is checked", flush=True)
        return
    quiet = stage.environment(CHECKPOINT_DISABLE=1)
    run = lambda *words, **more: subprocess.run(["terraform", *words], capture_output=True, text=True, timeout=180, check=False, env=quiet, **more)
    done = run("fmt", "-check", "-recursive", "-list=true", str(CODE))
    check("terraform would format nothing otherwise", done.returncode == 0, done.stdout + done.stderr)
    alone = stage.path("alone")
    alone.mkdir()
    server = {"public_url": 'https://a"<b>.example', "vpc_range": "10.0.0.0/16", "store_url": "sqlite:x", "region": "eu-west-1", "audit_bucket": "a", "audit_prefix": "hallpass", "lock_mode": "governance", "lock_days": 7,
              "signing_key": "k", "events_queue": "q", "ends_bucket": "e", "configuration": "[identity]\n"}
    calls = [f'templatefile("{CODE}/modules/server/hallpass.toml.tftpl", {json.dumps(server | {"has_guard": has})})' for has in (True, False)]
    calls += [f'templatefile("{CODE}/modules/machine/begin.sh.tftpl", {json.dumps({"bucket": "b", "region": "r", "suffix": "s", "unit": "u", "script": "x", "timer": "", "shell": has, "volume": "vol1" if has else ""})})' for has in (True, False)]
    calls += ['join("\\n", concat(["a"], [for it in sort(keys({ b = 1, a = 2 })) : "x ${it}"], null == null ? [] : ["no"], [""]))', "jsonencode({ b = [true, null, 1], a = \"x\" })"]
    (alone / "main.tf").write_text("locals {\n  all = [\n" + "".join(f"    {call},\n" for call in calls) + '  ]\n}\noutput "all" {\n  value = local.all\n}\n')
    done = run(f"-chdir={alone}", "console", input="jsonencode(local.all)\n")
    ours = planned([(alone, {})])[0]["outputs"]["all"]
    said = json.loads(json.loads(done.stdout)) if done.returncode == 0 else done.stderr
    check.equal("terraform evaluates what we evaluate to the same", said, [it.replace("<", "\\u003c").replace(">", "\\u003e") if "<b>" in it else it for it in ours])


def table_of(report, module):
    """The tables of a module's page: what it takes and what it gives."""
    def rows(kind, row):
        return [row(name, body[0]) for block in report["modules"][module]["blocks"].get(kind, []) for name, body in block.items()]
    def takes(name, body):
        of = body["type"].removeprefix("${").removesuffix("}").split("({")[0].replace("\n", " ")
        default = f"`{json.dumps(body['default'])}`" if "default" in body else "needed"
        return f"| `{name}` | {of} | {default} | {body['description']} |"
    inputs, outputs = rows("variable", takes), rows("output", lambda name, body: f"| `{name}` | {body['description']} |")
    made = ["", "| output | meaning |", "|---|---|", *outputs] if outputs else []
    return "\n".join(["| variable | type | default | meaning |", "|---|---|---|---|", *inputs, *made, ""])


def pages(check, reports):
    """The page of each module has its variables and outputs; `BLESS=1` writes them."""
    for module, report, name in (("server", reports["smallest"], "hallpass"), ("guard", reports["guard-account"], "guard"), ("machine", reports["smallest"], "hallpass.machine"), ("bucket", reports["smallest"], "hallpass.ends_bucket"),
                                 ("events", reports["delegated-administrator"], "events")):
        page = CODE / "modules" / module / "README.md"
        head, _, rest = page.read_text().partition("| variable |")
        wanted = table_of(report, name)
        if os.environ.get("BLESS"):
            page.write_text(head + wanted)
        check(f"the page of the module {module} is as the module is (BLESS=1 writes it)", os.environ.get("BLESS") or "| variable |" + rest == wanted)


def terraform(stage, check):
    reports = dict(zip(EXAMPLES, planned([(CODE / "examples" / name, {}) for name in EXAMPLES])))
    for example, report in reports.items():
        check.equal(f"{example}: can be evaluated, and nothing is refused", (report["failed"], report["refused"]), (None, []))
        for what, find in (("every name is one of the provider's", unknown_names), ("every reference leads somewhere", dead_references), ("all is described, and no output without a reader", undescribed),
                           ("nothing is open", open_doors), ("no policy has a wildcard", too_much)):
            found = find(report)
            check(f"{example}: {what}", not found, found)
        configured(stage, check, report, example)
        kept_open = [it.get("idle_timeout", 60) for _, it in made(report, "aws_lb")]
        check(f"{example}: the load balancer closes an idle connection before the server does", len(kept_open) == 1 and kept_open[0] < idle_at_server(), kept_open)
        for address, it in made(report, "aws_instance"):
            done = subprocess.run(["bash", "-n"], input=it["user_data"], capture_output=True, text=True, timeout=120, check=False)
            agent = "https://s3.eu-west-1.amazonaws.com/amazon-ssm-eu-west-1/latest/debian_$(dpkg --print-architecture)/amazon-ssm-agent.deb"
            keep = subprocess.run(["bash"], input="cat <<UNIT\n" + it["user_data"].split("<<UNIT\n")[1].split("\nUNIT\n")[0] + "\nUNIT\n", capture_output=True, text=True, timeout=120, check=False).stdout
            unit = re.search(r"^UNIT=(.*)\.service$", it["user_data"], re.M)[1]
            check(f"{example}: {address} judges with the environment of its service", f"EnvironmentFile=-/etc/hallpass/{unit}.env\n" in keep, keep)
            check(f"{example}: {address} begins with a script", done.returncode == 0 and "%{" not in it["user_data"] and agent in it["user_data"], done.stderr)
    with_disk = [it["user_data"] for _, it in made(reports["smallest"], "aws_instance")]
    (volume,) = [re.sub(r"\W+", "-", short(address)).strip("-") for address, _ in made(reports["smallest"], "aws_ebs_volume")]
    disks(stage, check, with_disk[0], volume)
    nodes = [len(made(report, "aws_instance")) for report in reports.values()]
    timers = {example: sorted({re.search(r"^TIMER=(.*)$", it["user_data"], re.M)[1] for _, it in made(report, "aws_instance")}) for example, report in reports.items()}
    check.equal("where the database is a file it is copied every hour", timers, {"smallest": ["hallpass-backup.timer"], "two-nodes": [""], "guard-account": ["", "hallpass-backup.timer"], "delegated-administrator": ["hallpass-backup.timer"]})
    check.equal("as many machines as are wanted", nodes, [1, 2, 2, 1])
    check("two nodes share a database, and keep nothing on a disk", made(reports["two-nodes"], "aws_db_instance") and not made(reports["two-nodes"], "aws_ebs_volume"))
    trust = [json.loads(it["assume_role_policy"])["Statement"] for address, it in made(reports["guard-account"], "aws_iam_role") if address.startswith("module.hallpass.aws_iam_role.guard")]
    check.equal("the guard's role is for its machine in the other account", [it["Principal"] for it in trust[0]], [{"AWS": "arn:aws:iam::111122223333:role/guard-machine"}])
    pages(check, reports)
    mistakes(stage, check)
    moved(check)
    upgraded(check)
    shells(check)
    beyond(check)
    sent_on(check, reports["delegated-administrator"])
    by_terraform(stage, check)
