"""Pages of the documentation: every command of them exists with its options, and the page of supported versions is true."""

import json
import platform
import re
import shutil
import subprocess

import postgres
from browsing import chromium
from deploy_helm import KUBERNETES
from stage import ROOT, Checks, Stage

# pages that say what to type; specifications and decisions speak of what was
SAYING = ("README.md", "docs/tutorials", "docs/how-to", "docs/operations", "docs/explanation", "docs/reference/alerts.md", "docs/reference/http.md",
          "docs/reference/notifications.md", "docs/reference/rules.md", "docs/reference/sql.md", "docs/reference/simulator.md")


def reference():
    """Every command by its words: its options, and whether it takes something without a name. And the commands of short forms."""
    commands, short, now = {}, {}, None
    for line in (ROOT / "docs/reference/commands.md").read_text().splitlines():
        if line.startswith("## hallpass"):
            now = commands.setdefault(tuple(line.split()[2:]), {"options": set(), "positional": False})
        elif match := re.match(r"\| `hallpass ([\w-]+)` \| \[hallpass ([^]]+)\]", line):
            short[match[1]] = tuple(match[2].split())
        elif now is not None and line.startswith(("- `", "[Common options]")):
            named = re.findall(r"--[a-z][a-z0-9-]*", line.split("`: ")[0] if line.startswith("- ") else line)
            now["options"] |= set(named)
            now["positional"] = now["positional"] or not named
    return commands, short


def typed(text):
    """The command lines of a page: those of its blocks, and those within sentences."""
    blocks = re.findall(r"^ *```(?:sh|console)\n(.*?)^ *```", text, re.M | re.S)
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.M | re.S)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()] + re.findall(r"`(hallpass [^`]+)`", prose)
    return [part for line in lines for part in re.findall(r"(?:^|[\s$(;&|])(hallpass [^|;&>#)]*)", line)]


def mistyped(line, commands, short):
    """What of a command line is not in the reference, if anything."""
    words = line.split(" -- ")[0].split()[1:]
    words = [*short[words[0]], *words[1:]] if words and words[0] in short else words
    path = ()
    while len(path) < len(words) and (*path, words[len(path)]) in commands:
        path = (*path, words[len(path)])
    rest = words[len(path):]
    # the companion has its own options, which the reference of commands does not list
    if path[:1] in (("query",), ("who",)) or not words or words[0] in ("COMMAND", "help", "…"):
        return None
    has_below = any(it[:len(path)] == path and len(it) > len(path) for it in commands)
    if (has_below or not path) and rest and re.fullmatch(r"[a-z][a-z-]*", rest[0]) and not commands.get(path, {"positional": False})["positional"]:
        return f"no command `{rest[0]}`"
    wrong = [it for it in rest if (match := re.match(r"--[a-z][a-z0-9-]*", it)) and match[0] not in commands[path]["options"] | {"--help", "--version"}]
    return f"no option {wrong[0]}" if wrong else None


def commands_of_pages(check):
    commands, short = reference()
    seen, wrong = 0, []
    for path in [it for place in SAYING for it in ([ROOT / place] if place.endswith(".md") else sorted((ROOT / place).rglob("*.md")))]:
        for line in typed(path.read_text()):
            seen += 1
            if found := mistyped(line, commands, short):
                wrong.append(f"{path.relative_to(ROOT)}: `{line.strip()}`: {found}")
    check("every command of the pages is one, with its options", seen > 500 and not wrong, (seen, wrong[:20]))


def version(*command):
    """The version that a program prints, as numbers, where the machine is a Debian and has the program."""
    if platform.freedesktop_os_release()["ID"] != "debian" or not shutil.which(command[0]):
        return None
    return numbers(subprocess.run(command, capture_output=True, text=True, timeout=180, check=True).stdout)


def numbers(text):
    """The first version of a text as a tuple: (3, 54)."""
    return tuple(map(int, re.search(r"\d+(?:\.\d+)*", text)[0].split(".")))


def written_by(stage):
    """The version of SQLite in the program: a database has that of its last writer in its head."""
    stage.path("hallpass.toml").write_text('[server]\nlisten = "127.0.0.1:1"\npublic_url = "http://127.0.0.1:1"\n[access]\nrules = "rules.toml"\n')
    stage.path("rules.toml").write_text("version = 1\n")
    stage.run("server", "store", "migrate", "--config", "hallpass.toml")
    with open(stage.path("hallpass.db"), "rb") as database:
        written = int.from_bytes(database.read(100)[96:], "big")
    return written // 1_000_000, written // 1000 % 1000, written % 1000


NO_TEST = "no test"


def supported(stage):
    """Each row of the page of supported versions: where its version comes from, the versions that are pinned, and the oldest that are
    supported. A package that the distribution updates has no pin: see `installed`."""
    text = lambda path: (ROOT / path).read_text()
    found = lambda pattern, path: re.search(pattern, text(path), re.M)[1]
    pins = dict(re.findall(r"^([a-z0-9_\[\]-]+)==(\S+)$", text("e2e/requirements.in"), re.M))
    pin = lambda name, said="": ("e2e/requirements.in", [f"{said or name.partition('[')[0]} {pins[name]}".strip()], [])
    provider = json.loads(text("e2e/terraform/provider.json"))["provider"].split()[1]
    return {
        "Linux, arm64": ("no test", [NO_TEST], []),
        "macOS, Windows": ("no test", [NO_TEST], []),
        "OpenID Connect": ("e2e/oidc/package.json", [f"oidc-provider {json.loads(text('e2e/oidc/package.json'))['dependencies']['oidc-provider']}"], []),
        "Slack": pin("slack_sdk"),
        "AWS CLI": pin("awscli", " "),
        "AWS SDK for Python": pin("boto3"),
        "AWS, emulated by others": pin("moto[server]"),
        "Terraform, for the modules": ("e2e/terraform/provider.json", [f"provider {provider}"],
                                       [found(r'required_version = ">= ([^"]+)"', "deploy/terraform/modules/server/versions.tf"), f"`hashicorp/aws` {provider.split('.')[0]}"]),
        "Kubernetes, for the chart": ("e2e/deploy_helm.py and e2e/tools.sh", [*KUBERNETES, "Helm " + found(r"installing Helm (\S+) for", "e2e/tools.sh")],
                                      [found(r'^kubeVersion: ">=(\d+\.\d+)', "deploy/helm/hallpass/Chart.yaml")]),
        "DuckDB, reading snapshots": pin("duckdb", " "),
        "Rust, to compile": ("rust-toolchain.toml and Cargo.toml", [found(r'^channel = "([^"]+)"', "rust-toolchain.toml")], [found(r'^rust-version = "([^"]+)"', "Cargo.toml")]),
    }


def installed(stage):
    """The rows whose version is the machine's, with it; `None` where this machine has none of that kind. The page names the oldest supported
    version of each, and the machine's may be any newer one: a distribution updates its packages when it likes."""
    release = platform.freedesktop_os_release()
    is_debian = release["ID"] == "debian" and platform.machine() == "x86_64"
    return {
        "Linux, x86-64": numbers(release["VERSION_ID"]) if is_debian else None,
        "systemd": version("systemctl", "--version"),
        "SQLite": written_by(stage),
        "PostgreSQL": version(postgres.program("postgres"), "--version"),
        "browser": version(chromium(), "--version"),
    }


def versions_of_pages(check, page, held, found):
    """Each row of the page of supported versions says what the tests are pinned to; a version of the machine is not older than the row's."""
    table = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", page, re.M)
    rows = {re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", part): cells for part, *cells in table if part not in ("part", "---")}
    check.equal("the rows of supported versions are those that are checked", sorted(rows), sorted([*held, *found]))
    for part, (source, *columns) in held.items():
        for cell, versions in zip(rows.get(part, ("", "")), columns):
            for version in versions:
                check(f"{part}: the page has the version of {source}", re.search(rf"(?<![\w.]){re.escape(version)}(?!\.?\d)", cell), (version, cell))
    for part, version in found.items():
        if version is None:
            print(f"     {part}: not on this machine", flush=True)
            continue
        oldest = numbers(rows.get(part, ("", "0"))[1])
        check(f"{part}: the machine's version is supported", version[:len(oldest)] >= oldest, (version, oldest))


def main():
    check = Checks()
    commands_of_pages(check)
    with Stage("docs-pages") as stage:
        versions_of_pages(check, (ROOT / "docs/operations/support.md").read_text(), supported(stage), installed(stage))
    check.end()


if __name__ == "__main__":
    main()
