"""Where other evaluators are known to answer differently than AWS documents, and what they would be
asked instead. Each class rewrites a case into one that means the same by the documentation and keeps
clear of that one difference: a disagreement is known when it is gone after the rewriting, and only
then. The line behind each name says how the other one differs, and the page of the AWS
documentation that our answer rests on; where it rests on a rule of our own, that is said.
"""

import copy
import datetime
import ipaddress
import re

ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
NEVER_ARN, NEVER_ACTION = "arn:aws:never:::x", "never:Never"
NEVER = ("StringEquals", "hallpass:never", ["x"])


# --- the parts of a case


def policies(case):
    """Every policy with its layer."""
    for layer in ("identityPolicies", "scps", "rcps"):
        for entry in case.get(layer) or []:
            for policy in entry if isinstance(entry, list) else [entry]:
                yield layer, policy
    for layer in ("resourcePolicy", "boundary", "session"):
        if case.get(layer):
            yield layer, case[layer]


def statements(case):
    for _, policy in policies(case):
        for statement in policy["Statement"]:
            yield policy, statement


def listed(value):
    return value if isinstance(value, list) else [value]


def context_key(case, key):
    return next((name for name in case["context"] if name.lower() == key.lower()), None)


def operator(name):
    """Set operator, name and whether IfExists, all in lower case."""
    quantifier, _, base = name.lower().rpartition(":")
    return quantifier, base.removesuffix("ifexists"), base.endswith("ifexists")


def negated(base):
    return "not" in base


def on_conditions(change):
    """A rewriting of each condition: gets (case, operator name, base, key, values) and gives the new
    (operator, key, values), None for one that always holds, or False for no change."""

    def rewrite(case):
        touched = False
        for policy, statement in statements(case):
            kept = []
            for name, keys in statement.get("Condition", {}).items():
                for key, values in keys.items():
                    new = change(case, policy, name, operator(name)[1], key, listed(values))
                    touched |= new is not False
                    kept += [(name, key, values)] if new is False else [new] if new else []
            if touched:
                # several of one operator and key would fall together: apart by spelling
                made = {}
                for name, key, values in kept:
                    while key in made.get(name, {}):
                        name = name[:-1] + name[-1].swapcase() if name[-1].islower() else name.swapcase()
                    made.setdefault(name, {})[key] = values
                statement["Condition"] = made
        return touched

    return rewrite


def on_values(family, change):
    """A rewriting of single values, of policies and of what the request has under their key."""

    def rewrite(case):
        touched = False
        for _, statement in statements(case):
            for name, keys in statement.get("Condition", {}).items():
                if family not in operator(name)[1]:
                    continue
                for key in keys:
                    new = [change(value, True) for value in listed(keys[key])]
                    touched |= new != listed(keys[key])
                    keys[key] = new
                    place = context_key(case, key)
                    if place:
                        old = case["context"][place]
                        asked = [change(value, False) for value in listed(old)]
                        touched |= asked != listed(old)
                        case["context"][place] = asked if isinstance(old, list) else asked[0]
        return touched

    return rewrite


def on_patterns(element, change):
    """A rewriting of the patterns of Resource or Action, and of the elements that exclude. `change` gets
    (case, layer, effect, whether excluding, pattern) and gives a pattern, or None to leave it out."""

    def rewrite(case):
        touched = False
        for layer, policy in policies(case):
            for statement in list(policy["Statement"]):
                for name in (element, "Not" + element):
                    if name not in statement:
                        continue
                    old = listed(statement[name])
                    new = [change(case, layer, statement["Effect"], name != element, it) for it in old]
                    touched |= new != old
                    new = [it for it in new if it is not None]
                    if new:
                        statement[name] = new
                    elif name == element:
                        policy["Statement"].remove(statement)
                    else:
                        del statement[name]
                        statement[element] = "*"
            if not policy["Statement"]:
                policy["Statement"] = [{"Effect": "Allow", "Action": NEVER_ACTION, "Resource": "*",
                                        **({"Principal": "*"} if layer == "resourcePolicy" else {})}]
        return touched

    return rewrite


# --- policy variables


VARIABLE = re.compile(r"\$\{([^}]*)\}")


def variable(case, inside):
    """The value of a variable; None for null."""
    if inside in "*?$":
        return inside
    key, _, default = inside.partition(", '")
    default = default[:-1] if default.endswith("'") else None
    place = context_key(case, key)
    value = case["context"].get(place) if place else None
    return None if isinstance(value, list) else value or default


def has_null(case, text):
    return any(variable(case, inside) is None for inside in VARIABLE.findall(text))


TAKES_VARIABLES = ("string", "arn", "bool")


def modern(policy):
    return policy.get("Version") == "2012-10-17"


def null_in_negated(case, policy, name, base, key, values):
    if not negated(base) or not base.startswith(TAKES_VARIABLES) or not context_key(case, key) or not modern(policy):
        return False
    kept = [value for value in values if not has_null(case, value)]
    return (name, key, kept) if kept != values else False


def default_of_several(case, policy, name, base, key, values):
    def change(match):
        inside = match[1].partition(",")[0]
        several = isinstance(case["context"].get(context_key(case, inside)), list)
        return "${" + inside + "}" if several else match[0]

    new = [VARIABLE.sub(change, value) for value in values]
    return (name, key, new) if new != values and modern(policy) else False


def default_of_several_in_resources(case, layer, effect, excluding, pattern):
    return VARIABLE.sub(lambda match: "${" + match[1].partition(",")[0] + "}"
                        if isinstance(case["context"].get(context_key(case, match[1].partition(",")[0])), list)
                        else match[0], pattern)


def empty_default(case, policy, name, base, key, values):
    new = [re.sub(r"\$\{[^}]*, ''\}", "", value) for value in values]
    return (name, key, new) if new != values and modern(policy) and base.startswith(TAKES_VARIABLES) else False


def old_version(case):
    """Variables of policies without a version, or with the old one, are text."""
    touched = False

    def escaped(value):
        if isinstance(value, list):
            return [escaped(it) for it in value]
        return value.replace("${", "${hallpass:dollar}{") if isinstance(value, str) else value

    for _, policy in policies(case):
        if modern(policy):
            continue
        case["context"].update(LITERALS)
        for statement in policy["Statement"]:
            before = copy.deepcopy(statement)
            for name in ("Resource", "NotResource"):
                if name in statement:
                    statement[name] = escaped(statement[name])
            for name, keys in statement.get("Condition", {}).items():
                if operator(name)[1].startswith(TAKES_VARIABLES):
                    for key in keys:
                        keys[key] = escaped(keys[key])
            touched |= statement != before
    return touched


LITERALS = {"hallpass:star": "*", "hallpass:question": "?", "hallpass:dollar": "$"}


def escapes(case, policy, name, base, key, values):
    """`${*}`, `${?}` and `${$}` where there are no wildcards: as variables with these values."""
    new = values
    for name_of, character in LITERALS.items():
        new = [value.replace("${" + character + "}", "${" + name_of + "}") for value in new]
    if new == values or "like" in base or not base.startswith("string") or not modern(policy):
        return False
    case["context"].update(LITERALS)
    return name, key, new


def account_variable(case, policy, name, base, key, values):
    """Variables in the first five parts of an ARN."""
    if not base.startswith("arn") or not modern(policy):
        return False
    new = [value.replace("${aws:PrincipalAccount}", variable(case, "aws:PrincipalAccount") or "0") for value in values]
    return (name, key, new) if new != values else False


# --- values and their types


NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
DATE = re.compile(r"\d{4}-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?)?")


def wrong(of_policy):
    return "wrong (policy)" if of_policy else "wrong (request)"


def number(value, of_policy):
    return value if NUMBER.fullmatch(value) else wrong(of_policy)


def precise(value, of_policy):
    """The same order with numbers that are exact in binary."""
    return {"9007199254740993": "9007199254740994"}.get(value, value)


def date(value, of_policy):
    """The documented forms as they stand, epoch seconds as a date, anything else as no date."""
    if value.isdigit():
        unit = 1000 if len(value) >= 13 else 1
        moment = datetime.datetime.fromtimestamp(int(value) / unit, datetime.UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    if not DATE.fullmatch(value):
        return wrong(of_policy)
    year, month, day = (int(part) for part in (value[:10] + "-01").split("-")[:3])
    try:
        datetime.date(year, month, day)
    except ValueError:
        return wrong(of_policy)
    return value


def prefixed(value, of_policy):
    """Six parts that do not begin with `arn`: in a policy different from every ARN, in a request none."""
    return value if not value.startswith("ARN:") else NEVER_ARN if of_policy else wrong(of_policy)


def encoded(value, of_policy):
    return value if re.fullmatch(r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", value) else wrong(of_policy)


def spelled_out(value, of_policy):
    """IPv6 in full."""
    address, slash, length = value.partition("/")
    try:
        return ipaddress.IPv6Address(address).exploded + slash + length
    except ValueError:
        return value


def as_range(case, policy, name, base, key, values):
    new = [value if "/" in value or not re.fullmatch(r"[0-9a-fA-F:.]+", value) or value.count(".") not in (0, 3)
           else value + ("/128" if ":" in value else "/32") for value in values]
    return (name, key, new) if base == "notipaddress" and new != values else False


def whole_internet(case, policy, name, base, key, values):
    new = [part for value in values for part in (["0.0.0.0/1", "128.0.0.0/1"] if value == "0.0.0.0/0" else [value])]
    return (name, key, new) if "ipaddress" in base and new != values else False


def folded(value, of_policy):
    return value.translate({0x17F: "s", 0x212A: "k", ord("ς"): "σ"})


def plain(value, of_policy):
    return value.replace("😀", "q").replace("\n", "q")


def emptied(case):
    """A key with an empty list is absent."""
    gone = [key for key, value in case["context"].items() if value == []]
    for key in gone:
        del case["context"][key]
    return bool(gone)


# --- actions and resources


def glob(pattern, text, flags=0):
    made = "".join(".*" if it == "*" else "." if it == "?" else re.escape(it) for it in pattern)
    return re.fullmatch(made, text, re.S | flags) is not None


def on_resource(pattern, text):
    """`policies.md` §2.2: a `*` that is the last character of one of the first five segments goes on past
    the colon, any other wildcard there stays inside its segment."""
    made, behind = "", 0
    for at, it in enumerate(pattern):
        last = pattern[at + 1:at + 2] in ("", ":")
        inside = "" if behind >= 5 or (it == "*" and last) else "[^:]"
        made += {"*": (inside or ".") + "*", "?": inside or "."}.get(it, re.escape(it))
        behind += it == ":"
    return text.count(":") >= 5 and re.fullmatch(made, text, re.S) is not None


def short_arn(case, layer, effect, excluding, pattern):
    if pattern == "*" or pattern.count(":") >= 5:
        return pattern
    return "*" if on_resource(pattern, case["resource"]) else NEVER_ARN


def strict_parts(case, layer, effect, excluding, pattern):
    """In the first five parts a capital or a stop in a pattern is itself; no request here has one."""
    parts = pattern.split(":", 5)
    return NEVER_ARN if len(parts) == 6 and re.search(r"[A-Z.]", "".join(parts[:5])) else pattern


def wide_type(case, layer, effect, excluding, pattern):
    """A wildcard in front of the first `/` or `:` of the last part."""
    parts, asked = pattern.split(":", 5), case["resource"].split(":", 5)
    if len(parts) < 6 or len(asked) < 6 or "${" in pattern or not re.match(r"[^/:]*[*?].*[/:]", parts[5]):
        return pattern
    return "*" if all(glob(mine, theirs) for mine, theirs in zip(parts, asked)) else NEVER_ARN


def void(case):
    """A variable without a value in NotResource: the statement says nothing."""
    touched = False
    for policy, statement in statements(case):
        patterns = listed(statement.get("NotResource", []))
        if modern(policy) and any(has_null(case, pattern) for pattern in patterns):
            statement.pop("NotAction", None)
            statement["Action"] = NEVER_ACTION
            touched = True
    return touched


def no_resource(case, layer, effect, excluding, pattern):
    """A request without a resource meets `*` only, and is outside of every list of ARNs."""
    return None if case["resource"] == "*" and pattern != "*" else pattern


# --- principals and layers


def role_name(case):
    touched = False
    for _, statement in statements(case):
        for element in ("Principal", "NotPrincipal"):
            who = statement.get(element)
            if isinstance(who, dict) and "AWS" in who:
                new = [it if not it.endswith("role/dev") else f"arn:aws:iam::{it.split(':')[4]}:role/nobody" for it in listed(who["AWS"])]
                touched |= new != listed(who["AWS"])
                who["AWS"] = new
    return touched


def account_alone(case):
    """Whoever is not left out with all that is looked at (`policies.md` §2.2) is in no list of `NotPrincipal`."""
    named = re.fullmatch(r"arn:aws:(iam|sts)::(\d{12}):(user|role|assumed-role)/(.+)", kind(case))
    if not named:
        return False
    account = named[2]
    needed = [{kind(case)}, {account, f"arn:aws:iam::{account}:root"}]
    if named[3] == "assumed-role":
        needed.append({f"arn:aws:iam::{account}:role/{named[4].split('/')[0]}"})
    touched = False
    for _, statement in statements(case):
        who = statement.get("NotPrincipal")
        if isinstance(who, dict) and "AWS" in who and "*" not in listed(who["AWS"]) and not all(each & set(listed(who["AWS"])) for each in needed):
            who["AWS"] = ["arn:aws:iam::999999999999:user/nobody"]
            touched = True
    return touched


def root_takes_none(case):
    """A root user takes no role, whatever allows it."""
    if not re.fullmatch(r"arn:aws:iam::\d{12}:root", kind(case)) or not case["action"].lower().startswith("sts:assumerole"):
        return False
    for _, statement in statements(case):
        if statement["Effect"] == "Allow":
            statement.pop("NotAction", None)
            statement["Action"] = NEVER_ACTION
    return True


def kind(case):
    return case["principal"] if isinstance(case["principal"], str) else "anonymous"


def root(case):
    if not kind(case).endswith(":root") or case["action"].lower().startswith("sts:assumerole"):
        return False
    case["identityPolicies"] = [{"Version": "2012-10-17", "Statement": [ALL]}]
    case["boundary"] = None
    return True


def service(case):
    if not kind(case).endswith(".amazonaws.com"):
        return False
    case.update(identityPolicies=[], boundary=None, scps=[])
    return True


def web_identity(case):
    if kind(case) != "accounts.google.com":
        return False
    case["identityPolicies"] = [{"Version": "2012-10-17", "Statement": [ALL]}]
    return True


def exempt_of_scps(case):
    linked = ":role/aws-service-role/" in kind(case)
    if not case.get("scps") or not (linked or case.get("flags", {}).get("managementAccount")):
        return False
    case["scps"] = []
    return True


def exempt_of_rcps(case):
    management = case.get("flags", {}).get("managementAccount") and kind(case).split(":")[4:5] == [case["resourceAccount"]]
    if not case.get("rcps") or not (management or ":role/aws-service-role/" in kind(case)):
        return False
    case["rcps"] = []
    return True


def untrusted(case):
    if case["action"].lower() != "sts:assumerole" or case.get("resourcePolicy"):
        return False
    case["resourcePolicy"] = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "nobody.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    return True


def named_session(case):
    """What names the session itself is beyond the session policy."""
    if not case.get("session") or kind(case) not in str(case.get("resourcePolicy")):
        return False
    case["session"]["Statement"] = [*case["session"]["Statement"], ALL]
    return True


OPERATORS, VARIABLES = "IAM JSON policy elements: Condition operators", "IAM policy elements: Variables and tags"
ARNS, RESOURCE = "Identify AWS resources with Amazon Resource Names (ARNs)", "IAM JSON policy elements: Resource"
PRINCIPAL = "AWS JSON policy elements: Principal"
# where AWS's pages do not settle it, or say otherwise, and `policies.md` §2.2 decides
OWN = "policies.md §2.2; "

# name, how the referee differs, the page; in the order in which they are rewritten
CLOUD_COPILOT = [
    ("variables-in-old-version", "replaces policy variables whatever the Version", "IAM JSON policy elements: Version", old_version),
    ("escapes-in-equals", "takes `${*}`, `${?}` and `${$}` for text in operators without wildcards", VARIABLES, on_conditions(escapes)),
    ("variable-in-arn-part", "splits an ARN at the colon inside `${aws:…}`", VARIABLES, on_conditions(account_variable)),
    ("default-for-several-values", "takes the default when the key has several values", VARIABLES, on_conditions(default_of_several)),
    ("empty-default", "reads an empty default as none", VARIABLES, on_conditions(empty_default)),
    ("null-in-negated", "lets a negated operator fail when a variable has no value", VARIABLES, on_conditions(null_in_negated)),
    ("arn-prefix", "does not look at the first part of an ARN", ARNS, on_values("arn", prefixed)),
    ("number-prefix", "reads the number a text begins with", OPERATORS, on_values("numeric", number)),
    ("number-precision", "reads numbers as binary floating point", OPERATORS, on_values("numeric", precise)),
    ("date-forms", "reads epoch times as milliseconds, and dates that are not ISO 8601", OPERATORS, on_values("date", date)),
    ("binary-as-text", "compares what is not base64 as text", OPERATORS, on_values("binary", encoded)),
    ("ipv6-as-text", "compares single IPv6 addresses as text", OPERATORS, on_values("ipaddress", spelled_out)),
    ("single-address-negated", "lets NotIpAddress fail for an address of the other family", OPERATORS, on_conditions(as_range)),
    ("whole-internet", "shifts by 32, so that 0.0.0.0/0 holds one address", OPERATORS, on_conditions(whole_internet)),
    ("case-fold", "folds case in ASCII and the letters' own pairs only", OPERATORS, on_values("ignorecase", folded)),
    ("one-character", "`*` and `?` do not match a line feed, `?` only half of what is beyond U+FFFF", OPERATORS, on_values("string", plain)),
    ("empty-list", "takes an empty list for a present key", "Set operators for multivalued context keys", emptied),
    ("void-exclusion", "lets NotResource hold though a variable has no value, where the service differs or there is no resource", VARIABLES, void),
    ("no-resource", "lets a request without a resource meet ARNs in Allow", RESOURCE, on_patterns("Resource", no_resource)),
    ("short-arn", "completes an ARN with fewer than six parts", OWN + RESOURCE + " has `*` go past colons at a part's end only", on_patterns("Resource", short_arn)),
    ("parts-by-regex", "ignores case in the first five parts of an ARN, and takes a stop for any character", ARNS, on_patterns("Resource", strict_parts)),
    ("wildcard-in-type", "takes a wildcard in a resource's type for text", OWN + ARNS + " does not allow it", on_patterns("Resource", wide_type)),
    ("role-name-case", "ignores case in the name of a role that is a principal", PRINCIPAL, role_name),
    ("account-left-out", "takes an account in NotPrincipal for all its principals", "AWS JSON policy elements: NotPrincipal", account_alone),
    ("root-takes-a-role", "lets a root user take a role", "AWS STS API Reference, AssumeRole", root_takes_none),
    ("root-user", "asks for an identity policy of the root user", "AWS account root user", root),
    ("service-principal", "asks for identity policies, boundary and SCPs of a service", "Service control policies (SCPs)", service),
    ("web-identity", "asks for an identity policy of who an identity provider vouches for", PRINCIPAL, web_identity),
    ("scp-exempt", "does not know management accounts and service-linked roles", "Service control policies (SCPs)", exempt_of_scps),
    ("rcp-exempt", "does not know management accounts and service-linked roles", "Resource control policies (RCPs)", exempt_of_rcps),
    ("no-trust-policy", "lets an identity policy take a role without a trust policy", "Update a role trust policy", untrusted),
    ("named-session", "lets a session policy limit what names the session itself", "Policies and permissions in AWS Identity and Access Management", named_session),
]


# --- moto: patterns as regular expressions over the whole text


def covers(case, pattern):
    """As our rules say, with variables; None where a variable has no value."""
    if pattern == "*":
        return True
    if has_null(case, pattern):
        return None
    # values of variables and escapes are text: they hold no wildcards here but for `${*}`
    parts = pattern.split(":", 5)
    parts[5:] = [VARIABLE.sub(lambda match: variable(case, match[1]) if match[1] not in "*?$" else "\0", rest) for rest in parts[5:]]
    return on_resource(":".join(parts), case["resource"])


def moto_action_case(case):
    case["action"] = case["action"].lower()
    for _, statement in statements(case):
        for name in ("Action", "NotAction"):
            if name in statement:
                statement[name] = [it.lower() for it in listed(statement[name])]
    return True


def moto_question(case, layer, effect, excluding, pattern):
    if "?" not in pattern:
        return pattern
    return "*" if glob(pattern, case["action"], re.I) else NEVER_ACTION


def moto_excluded(case):
    """NotResource as what comes of it."""
    touched = False
    for policy, statement in statements(case):
        if "NotResource" in statement:
            if not modern(policy):
                statement["NotResource"] = [it.replace("${", "?{") for it in listed(statement["NotResource"])]
            found = [covers(case, it) for it in listed(statement.pop("NotResource"))]
            statement["Resource"] = NEVER_ARN if any(found) or None in found else "*"
            touched = True
    return touched


def moto_patterns(case):
    touched = False
    for policy, statement in statements(case):
        old = listed(statement.get("Resource", []))
        found = [covers(case, it if modern(policy) else it.replace("${", "?{")) for it in old]
        new = ["*" if it else NEVER_ARN for it in found]
        if new != old and old:
            statement["Resource"] = new
            touched = True
    return touched


MOTO = [
    ("case-of-actions", "minds the case of actions", "IAM JSON policy elements: Action", moto_action_case),
    ("question-mark", "`?` makes the character before it optional", "IAM JSON policy elements: Action", on_patterns("Action", moto_question)),
    ("not-resource", "does not read NotResource, so that Deny allows", "IAM JSON policy elements: NotResource", moto_excluded),
    ("arn-as-text", "matches ARNs as one text: no variables, no parts, `?` as above", OWN + RESOURCE + " lets `*` at a part's end cross colons", moto_patterns),
]


def settle(cases, ours, theirs, classes, ask):
    """Counts disagreements by the class that alone explains them, then those several explain together,
    then the rest. Whatever a single rewriting does, all of them together have to bring the other's
    answer to ours: one difference must not hide behind the next."""
    tries = []
    for at in (at for at, case in enumerate(cases) if ours[at] != theirs[at]):
        together = copy.deepcopy(cases[at])
        for name, _, _, rewrite in classes:
            alone = copy.deepcopy(cases[at])
            if rewrite(alone):
                tries.append((at, name, alone))
            rewrite(together)
        tries.append((at, None, together))
    answers = ask([case for _, _, case in tries])
    settled = {at for (at, name, _), answer in zip(tries, answers) if name is None and answer == ours[at]}
    single = {}
    for (at, name, _), answer in zip(tries, answers):
        if name and at in settled and answer == ours[at]:
            single.setdefault(at, name)
    counts = {name: 0 for name, *_ in classes}
    for name in single.values():
        counts[name] += 1
    return counts, len(settled) - len(single), sorted({at for at, _, _ in tries} - settled)
