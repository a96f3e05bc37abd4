#!/usr/bin/env python3
"""Writes `provider.json`: of each resource and data source that `deploy/terraform` names, which arguments and blocks the AWS provider has,
which of them it needs, and which attributes it gives. Read from the provider's schema as npm's `@cdktf/provider-aws` carries it.

usage: provider.py FOLDER-OF-THE-PACKAGE VERSION-OF-THE-PROVIDER > provider.json
       (npm pack @cdktf/provider-aws@21.22.1 is of 6.25.0; 37 MB, which is why the tests keep what they need of it)"""

import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
CODE = HERE.parent.parent / "deploy" / "terraform"


def named():
    """What the modules name: (kind, type)."""
    text = "".join(path.read_text() for path in sorted(CODE.rglob("*.tf")))
    return sorted(set(re.findall(r'^(resource|data) "(aws_\w+)"', text, re.M)))


def needed(declarations, interface):
    """Arguments of an interface that may not be left out, in the words of its language."""
    found = re.search(rf"export interface {interface}\b[^{{]*\{{(.*?)^\}}", declarations, re.M | re.S)
    return set(re.findall(r"readonly (\w+):", found[1])) if found else set()


def snake(name):
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda it: "_" + it[1].lower(), name)


def arguments(body, needs, code, declarations):
    """By name: an argument is 1 when it is needed, else 0; a block is a pair of that and what is in it."""
    rows = {}
    for name, value, is_block in re.findall(r"^ +\"?(\w+)\"?: \{\n +value: (.*),\n +isBlock: (true|false),", body, re.M):
        is_needed = any(snake(it).replace("_", "") == name.replace("_", "") for it in needs)
        nested = re.search(r"(?<![.\w])(\w+)ToHclTerraform", value)
        rows[name] = int(is_needed)
        if nested and is_block == "true":
            inner = re.search(rf"^function {nested[1]}ToHclTerraform\(struct\) \{{(.*?)^\}}", code, re.M | re.S)[1]
            rows[name] = [int(is_needed), arguments(inner, needed(declarations, nested[1][0].upper() + nested[1][1:]), code, declarations)]
    return rows


def described(package, kind, name):
    folder = package / "lib" / (("data-" if kind == "data" else "") + (name if kind == "data" else name.removeprefix("aws_")).replace("_", "-"))
    code, declarations = (folder / "index.js").read_text(), (folder / "index.d.ts").read_text()
    last = code[code.rindex("\nclass "):]
    body = re.search(r"synthesizeHclAttributes\(\) \{(.*?)^    \}", last, re.M | re.S)[1]
    config = re.findall(r"export interface (\w+Config) extends", declarations)[-1]
    takes = arguments(body, needed(declarations, config), code, declarations)
    gives = set(re.findall(r"get\w+Attribute\('(\w+)'\)", last)) | set(re.findall(r"new \w+\(this, \"(\w+)\"", last))
    return {"takes": takes, "gives": sorted(gives - set(takes))}


def main():
    package, version = pathlib.Path(sys.argv[1]), sys.argv[2]
    table = {"provider": f"hashicorp/aws {version}", **{f"{kind} {name}": described(package, kind, name) for kind, name in named()}}
    print(json.dumps(table, separators=(",", ":"), sort_keys=True).replace('},"data ', '},\n"data ').replace('},"resource ', '},\n"resource '))


if __name__ == "__main__":
    main()
