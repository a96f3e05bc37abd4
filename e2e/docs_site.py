"""The documentation as a site, from a folder and without a network, in a real browser: every link and anchor leads
somewhere, both sizes and themes, axe, the menu, and what people search for is found first."""

import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from urllib.parse import unquote

import postgres
from browsing import Browser, chromium, overflow, serious, shoot
from deploy_helm import KUBERNETES
from stage import ROOT, Checks, Stage

# what a platform engineer, an approver or an auditor types, and the page that is meant
SEARCHES = [
    ("JIT access", "how-to/request-access"),
    ("revoke", "how-to/revoke-sessions"),
    ("backup", "operations/backup-and-restore"),
    ("move in", "how-to/move-in"),
    ("Terraform", "how-to/install-with-terraform"),
    ("Helm", "how-to/install-with-helm"),
    ("Kubernetes", "how-to/install-with-helm"),
    ("GitOps", "how-to/access-as-code"),
    ("rules as code", "how-to/rules-in-ci"),
    ("break glass", "how-to/break-glass"),
    ("offboarding", "how-to/people-who-leave"),
    ("MFA", "how-to/sign-in"),
    ("PostgreSQL", "operations/two-nodes"),
    ("snapshot", "how-to/inventory"),
    ("Slack", "how-to/slack"),
    ("PCI", "how-to/pci"),
    ("SCP", "how-to/data-perimeter"),
    ("delegated administrator", "how-to/delegated-administrators"),
    ("restore", "operations/backup-and-restore"),
    ("upgrade", "operations/upgrade"),
    ("Entra", "how-to/sign-in"),
    ("least privilege", "how-to/shrink-policies"),
    ("how do I install it", "how-to/install"),
    ("account factory", "how-to/vend-accounts"),
    ("approval workflow", "how-to/write-rules"),
    ("audit log", "explanation/audit-log"),
    ("database is full", "operations/runbooks/store-broken"),
    ("revoking sessions", "how-to/revoke-sessions"),
    ("residual access", "how-to/revoke-sessions"),
    ("end is stuck", "operations/runbooks/end-overdue"),
    ("CLI", "tutorials/in-the-terminal"),
    ("HA", "operations/two-nodes"),
    ("error", "how-to/use-access"),
    ("SSO", "how-to/sign-in"),
    ("privileged access", "how-to/request-access"),
    ("exit codes", "how-to/use-access"),
    ("API token", "reference/http"),
    ("SOC 2", "explanation/controls"),
    ("ISO 27001", "explanation/controls"),
    ("offboard", "how-to/people-who-leave"),
    ("uninstall", "how-to/install"),
    ("SIEM", "explanation/audit-log"),
    ("Splunk", "explanation/audit-log"),
    ("GDPR", "explanation/audit-log"),
    ("PagerDuty", "operations/monitoring"),
    ("Jira", "how-to/write-rules"),
    ("retention", "explanation/audit-log"),
    ("personal data", "operations/personal-data"),
    ("firewall", "operations/network"),
    ("proxy", "operations/network"),
    ("RTO", "operations/backup-and-restore"),
    ("threat model", "SECURITY"),
    ("glossary", "reference/glossary"),
]
LOOKED_AT = ["index", "docs/README", "docs/how-to/install", "docs/reference/commands", "docs/operations/runbooks/end-overdue",
             "docs/tutorials/in-the-browser"]


class Links(HTMLParser):
    """What a page links to and what can be linked to in it."""

    def __init__(self):
        super().__init__()
        self.links, self.ids = [], set()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if "id" in attrs:
            self.ids.add(attrs["id"])
        self.links += [attrs[name] for name in ("href", "src") if name in attrs]


def dead_links(site):
    """Every link of every page that leads to no file or to no anchor, and how many were followed."""
    pages = {}
    for path in site.rglob("*.html"):
        pages[path] = Links()
        pages[path].feed(path.read_text())
    dead, followed = [], 0
    for path, page in pages.items():
        for link in page.links:
            if "://" in link or link.startswith("mailto:"):
                continue
            followed += 1
            file, _, anchor = unquote(link).partition("#")
            target = pathlib.Path(os.path.normpath(path.parent / file)) if file else path
            known = pages.get(target)
            # a link to a file of the repository that is no page leads to the repository
            is_there = target.exists() or (ROOT / target.relative_to(site)).exists()
            if not is_there or (anchor and known and anchor not in known.ids):
                dead.append(f"{path.relative_to(site)}: {link}")
    return dead, followed


# pages that say what to type; specifications and decisions speak of what was
SAYING = ("README.md", "docs/tutorials", "docs/how-to", "docs/operations", "docs/explanation", "docs/reference/alerts.md", "docs/reference/http.md",
          "docs/reference/notifications.md", "docs/reference/rules.md", "docs/reference/sql.md", "docs/reference/simulator.md")


def reference():
    """Every command by its words: its options, and whether it takes something without a name. And old names by their words."""
    commands, old, now = {}, {}, None
    for line in (ROOT / "docs/reference/commands.md").read_text().splitlines():
        if line.startswith("## hallpass"):
            now = commands.setdefault(tuple(line.split()[2:]), {"options": set(), "positional": False})
        elif match := re.match(r"\| `hallpass ([\w-]+)` \| \[hallpass ([^]]+)\]", line):
            old[match[1]] = tuple(match[2].split())
        elif now is not None and line.startswith("| `"):
            named = re.findall(r"--[a-z][a-z0-9-]*", line.split(" | ")[0])
            now["options"] |= set(named)
            now["positional"] = now["positional"] or not named
    return commands, old


def typed(text):
    """The command lines of a page: those of its blocks, and those within sentences."""
    blocks = re.findall(r"^ *```(?:sh|console)\n(.*?)^ *```", text, re.M | re.S)
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.M | re.S)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()] + re.findall(r"`(hallpass [^`]+)`", prose)
    return [part for line in lines for part in re.findall(r"(?:^|[\s$(;&|])(hallpass [^|;&>#)]*)", line)]


def mistyped(line, commands, old):
    """What of a command line is not in the reference, if anything."""
    words = line.split(" -- ")[0].split()[1:]
    words = [*old[words[0]], *words[1:]] if words and words[0] in old else words
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
    commands, old = reference()
    seen, wrong = 0, []
    for path in [it for place in SAYING for it in ([ROOT / place] if place.endswith(".md") else sorted((ROOT / place).rglob("*.md")))]:
        for line in typed(path.read_text()):
            seen += 1
            if found := mistyped(line, commands, old):
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


def searched(page, query):
    """The pages that a search finds, the best first."""
    page.fill("input[type=search]", query)
    page.wait_for_function("() => document.querySelector('.results [role=status]').textContent !== ''")
    return page.evaluate("""() => [...document.querySelectorAll('.results a')]
        .map(link => link.href.split('#')[0].split('/site/').pop().replace(/^docs\\//, '').replace('.html', ''))""")


def look(browser, check, site):
    for name in LOOKED_AT:
        for size in ("wide", "phone"):
            for dark in (False, True):
                page = browser.window(size=size, dark=dark)
                page.goto((site / f"{name}.html").as_uri())
                label = f"{name.rsplit('/', 1)[-1]}-{size}-{'dark' if dark else 'light'}"
                check.equal(f"{label} begins at its beginning", page.evaluate("window.scrollY"), 0)
                check.equal(f"{label} does not scroll sideways", overflow(page), 0)
                # dark is the same page in other colours; one that is as long as all commands takes axe a quarter of a minute
                if not name.endswith("commands") or label.endswith("wide-light"):
                    check.equal(f"{label} keeps nobody out", serious(page, only="color-contrast" if dark else None), [])
                shoot(page, f"docs-{label}", whole=False)
                page.context.close()


def walk(browser, check, site):
    page = browser.window()
    page.goto((site / "docs/how-to/install.html").as_uri())
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.click(".theme")
    page.click(".theme")
    check("the theme can be dark on a light system", page.evaluate(background) != light, light)
    page.reload()
    check("the choice is kept", page.evaluate(background) != light)
    title = page.locator(".around a[rel=next]").inner_text().split("\n")[-1].removeprefix("Next ")
    page.click(".around a[rel=next]")
    check.equal("the next page is the one it names", page.locator("h1").inner_text(), title)
    # the search is there once its script is: a key that is pressed before goes nowhere
    page.wait_for_selector("form.search")
    page.keyboard.press("/")
    page.keyboard.type("break glass")
    page.wait_for_selector(".results a")
    shoot(page, "docs-search", whole=False)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/break-glass.html*")
    check("a search goes by keyboard", page.locator("h1").is_visible())
    check("nonsense finds nothing", searched(page, "xyzzyplugh") == [], page.locator(".results").inner_text())
    phone = browser.window(size="phone", script=False)
    phone.goto((site / "docs/how-to/install.html").as_uri())
    check("without script there is no search that does nothing", not phone.locator("form.search").is_visible())
    phone.click(".to-menu")
    phone.click("nav.pages a[aria-current] >> nth=0")
    check("the menu works without script", phone.locator("h1").is_visible())


def main():
    check = Checks()
    commands_of_pages(check)
    with Stage("docs-site") as stage:
        versions_of_pages(check, (ROOT / "docs/operations/support.md").read_text(), supported(stage), installed(stage))
    with tempfile.TemporaryDirectory() as folder:
        site = pathlib.Path(folder).resolve() / "site"
        # what stands beside the program under test; cargo would resolve and compile it anew, for it alone
        built = pathlib.Path(os.environ["HALLPASS_BIN"]).with_name("xtask")
        xtask = [str(built)] if built.exists() else ["cargo", "xtask"]
        made = subprocess.run([*xtask, "docs", str(site)], cwd=ROOT, capture_output=True, text=True, check=False)
        if not check("the site is made", made.returncode == 0, (made.stdout + made.stderr)[-900:]):
            sys.exit(1)
        dead, followed = dead_links(site)
        check("every link leads somewhere", followed > 1000 and not dead, dead[:10])
        with Browser(site.as_uri()) as browser:
            page = browser.window()
            page.context.route("**/*", lambda route: route.continue_() if route.request.url.startswith("file:") else route.abort())
            page.goto((site / "index.html").as_uri())
            for query, wanted in SEARCHES:
                found = searched(page, query)
                check(f"`{query}` finds {wanted} first", found[:1] == [wanted], found[:4])
            walk(browser, check, site)
            look(browser, check, site)
            # axe asks for the style sheet by a call, which no page from a folder may make
            problems = [said for said in browser.problems if "XMLHttpRequest" not in said and "ERR_FAILED" not in said]
            check.equal("no page complains", problems, [])
    check.end()


if __name__ == "__main__":
    main()
