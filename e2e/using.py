#!/usr/bin/env python3
"""Using what one got: a newcomer's `hallpass exec` asks, waits, signs in to the access portal of the demo and runs the
aws CLI in the role; profiles and a credential_process do the same; what ends, or is refused, is said with its exit code."""

import configparser
import fcntl
import http.client
import json
import os
import pty
import re
import select
import signal
import stat
import struct
import subprocess
import sys
import termios
import time
import urllib.parse

from stage import Api, Checks, Stage, answers, free_port, shown_on, wait

MARA, TOMASZ = "mara.lindqvist@example.com", "tomasz.wilk@example.com"
READ = ("--account", "payments-dev", "--permission-set", "ReadOnly")
OPERATE = ("--account", "payments-prod", "--permission-set", "DatabaseOperator")

# stands for the person at a browser: picks MARA on the portal's page, and follows where it leads
BROWSER = """#!{python}
import html, re, sys, urllib.parse, urllib.request
url = sys.argv[1]
if "/authorize" not in url:
    sys.exit(0)
page = urllib.request.urlopen(url).read().decode()
fields = {{html.unescape(n): html.unescape(v) for n, v in re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page)}}
fields["user"] = "{user}"
place = urllib.parse.urlparse(url)
urllib.request.urlopen(f"{{place.scheme}}://{{place.netloc}}/authorize", urllib.parse.urlencode(fields).encode()).read()
"""


class Newcomer:
    """Somebody with a home of their own, signed in to Hallpass."""

    def __init__(self, stage, server, token, sim):
        self.stage, self.sim = stage, sim
        self.more = {"HALLPASS_SERVER": server, "HALLPASS_TOKEN": token, "AWS_CONFIG_FILE": stage.path("aws-config"),
                     "BROWSER": "/bin/false"}

    def __call__(self, *arguments, **more):
        return self.stage.run(*arguments, **{**self.more, **more})

    def start(self, *arguments, **more):
        environment = self.stage.environment(**{**self.more, **more})
        process = subprocess.Popen([self.stage.binary, *arguments], env=environment, cwd=self.stage.folder, text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.stage.processes.append(process)
        return process

    def confirm(self, process, user=MARA):
        """Reads what the command says until it shows a code, and confirms that as `user`."""
        for line in process.stderr:
            found = re.fullmatch(r"\s*([A-Z]{4}-[A-Z]{4})\s*", line)
            if found:
                return self.sim.post("/_sim/device/approve", {"user_code": found[1], "user": user})
        return None

    def token_file(self):
        found = list(self.stage.path(".aws/sso/cache").glob("*.json"))
        return found[0] if found else None

    def aws(self, *arguments, **more):
        return subprocess.run(["aws", *arguments], capture_output=True, text=True, timeout=180, cwd=self.stage.folder,
                              env=self.stage.environment(**{**self.more, **more}))


def first(check, mara, tomasz):
    """Asks, waits for the approval, signs in with a code, runs the aws CLI."""
    process = mara.start("exec", *OPERATE, "--reason", "OPS-1: replay a batch", "--for", "30m", "--device", "--",
                         "aws", "sts", "get-caller-identity")
    inbox = lambda: [row for row in tomasz.all("/api/v1/requests?role=to-review") if row["reason"] == "OPS-1: replay a batch"]
    found = wait(inbox, 20, process)
    if not check("exec requests missing access", found and found[0]["duration_seconds"] == 1800, found):
        process.kill()
        return check("nothing was printed", False, process.stderr.read())
    check.equal("it is approved", tomasz.post(f"/api/v1/requests/{found[0]['id']}/approve").status, 200)
    confirmed = mara.confirm(process)
    check("it shows a code to sign in to AWS with", confirmed and confirmed.status == 200, confirmed)
    out, err = process.communicate(timeout=180)
    check("the aws CLI runs in the role", process.returncode == 0 and "AWSReservedSSO_DatabaseOperator_" in out
          and MARA in out, (process.returncode, out, err))
    kept = mara.token_file()
    check("the sign-in is kept for its owner only", kept and stat.S_IMODE(kept.stat().st_mode) == 0o600, kept)
    secrets = json.loads(kept.read_text())
    check("no secret is shown", secrets["accessToken"] not in out + err and secrets["clientSecret"] not in out + err)


def held(check, mara):
    """What is held is used without asking anybody."""
    began = time.monotonic()
    again = mara("exec", *OPERATE, "--", "aws", "sts", "get-caller-identity")
    check("held, it asks no one", again.returncode == 0 and "DatabaseOperator" in again.stdout, again.stderr)
    check("and prints nothing itself", again.stderr == "" and time.monotonic() - began < 60, again.stderr)
    check.equal("the command's exit code is its own", mara("exec", *OPERATE, "--", "sh", "-c", "exit 42").returncode, 42)
    shown = mara("exec", *OPERATE, "--", "env", AWS_PROFILE="other", AWS_REGION="us-east-2").stdout
    check("it gets credentials, and no profile", "AWS_SESSION_TOKEN=" in shown and "AWS_PROFILE" not in shown)
    check("the Region stays the caller's", "AWS_REGION=us-east-2" in shown)
    process = mara.start("exec", *OPERATE, "--", "sh", "-c", "trap 'exit 7' TERM; echo up; while :; do sleep 0.1; done")
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    check.equal("signals reach the command", process.wait(120), 7)
    none = mara("exec", *OPERATE, "--", "no-such-program")
    check("a command that there is not: exit 2", none.returncode == 2 and "no-such-program" in none.stderr, none.stderr)
    unsaid = mara("exec", "--account", "orders-prod", "--permission-set", "DatabaseOperator", "--", "true")
    check("without a reason nothing is asked: exit 2", unsaid.returncode == 2 and "--reason" in unsaid.stderr, unsaid.stderr)


def profiles(check, mara):
    """`aws configure`, and what the AWS CLI makes of it."""
    config = mara.stage.path("aws-config")
    own = "[profile mine] # by hand\nregion = eu-north-1"
    config.write_text(own)
    dry = mara("aws", "configure", "--dry-run")
    check("--dry-run prints and writes nothing", dry.returncode == 0 and "sso_role_name = DatabaseOperator" in dry.stdout
          and config.read_text() == own, dry.stderr)
    wrote = mara("aws", "configure", "--output", "jsonl")
    row = json.loads(wrote.stdout.splitlines()[0]) if wrote.returncode == 0 else {}
    check.equal("a profile is written", row.get("profile"), "payments-prod-DatabaseOperator")
    text = config.read_text()
    check("others' lines stay", text.startswith(own + "\n"), text)
    check.equal("and the earlier content is kept", mara.stage.path("aws-config.before-hallpass").read_text(), own)
    mara("aws", "configure")
    check.equal("again, it changes nothing", config.read_text(), text)
    read = configparser.RawConfigParser()
    read.read_string(text)
    check("the file reads as such files do", "sso-session hallpass-demo" in read.sections(), read.sections())
    process = mara("aws", "configure", "--credential-process")
    who = mara.aws("sts", "get-caller-identity", "--profile", row.get("profile", ""), AWS_ENDPOINT_URL=mara.sim_url)
    check("the AWS CLI takes its credentials by it", process.returncode == 0 and "AWSReservedSSO_DatabaseOperator_" in who.stdout,
          who.stderr)
    given = json.loads(mara("aws", "credentials", *OPERATE).stdout)
    check.equal("as a credential_process says it", sorted(given), ["AccessKeyId", "Expiration", "SecretAccessKey", "SessionToken", "Version"])
    check("with an end to come", given["Version"] == 1 and given["Expiration"].endswith("Z"), given["Expiration"])
    link = mara("console", *OPERATE, "--print")
    check("console prints the portal's link", link.returncode == 0 and "role_name=DatabaseOperator" in link.stdout, link.stderr)
    status = http_get(link.stdout.strip().replace("/#/", "/"))
    check("which the portal knows", status == 200, status)


def http_get(url):
    place = urllib.parse.urlparse(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
    connection.request("GET", f"{place.path}?{place.query}")
    return connection.getresponse().status


def looks(check, mara):
    """On a terminal of 80 columns; names that the shell completes."""
    for arguments in (("grants",), ("requests",), ("catalog", "--search", "payments"), ("--help",), ("aws", "configure")):
        shown = terminal(mara, *arguments)
        plain = re.sub("\x1b\\[[0-9;]*m", "", shown)
        wide = [line for line in plain.splitlines() if len(line) > 80]
        check(f"{' '.join(arguments)} fits 80 columns", plain and not wide, wide or shown)
    check("a state has a colour", "\x1b[32mActive\x1b[0m" in terminal(mara, "grants", "--state", "active"))
    check("and none with NO_COLOR", "\x1b" not in terminal(mara, "grants", "--state", "active", NO_COLOR="1"))
    # a server that logs two lines and cannot open its store
    mara.stage.path("logs.toml").write_text('[server]\nlisten = "127.0.0.1:1"\npublic_url = "http://127.0.0.1:1"\n[store]\nurl = "sqlite:nowhere/hallpass.db"\n[access]\nrules = "none.toml"\n')
    mara.stage.path("none.toml").write_text("rule = []\n")
    logged = terminal(mara, "serve", "--config", "logs.toml")
    check("a line of the log has a colour on a terminal", "\x1b[33m WARN\x1b[0m" in logged, logged)
    logged = terminal(mara, "serve", "--config", "logs.toml", NO_COLOR="1")
    check("and none with NO_COLOR", " WARN " in logged and "\x1b" not in logged, logged)
    script = mara.stage.path("completions.bash")
    script.write_text(mara("completions", "bash").stdout)
    def completed(*words):
        test = f"source {script}\nCOMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _hallpass_names \"$1\" \"${{@: -1}}\" \"\"; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        ran = subprocess.run(["bash", "-c", test, "bash", mara.stage.binary, *words], capture_output=True, text=True, timeout=120,
                             cwd=mara.stage.folder, env=mara.stage.environment(**mara.more))
        return ran.stdout.split()
    found = completed("exec", "--account", "payments-p")
    check("the shell completes an account", found == ["payments-prod"], found)
    found = completed("request", "--account", "payments-prod", "--permission-set", "Database")
    check("and its permission sets", found == ["DatabaseOperator"], found)
    in_other_shells(check, mara)
    began = time.monotonic()
    mara("__complete", "account", "--", "pay", HALLPASS_SERVER="http://192.0.2.1:9", XDG_CACHE_HOME=mara.stage.path("empty"))
    # whoever waited would for five seconds, which is how long a connection is tried
    check("and does not wait for a server that does not answer", time.monotonic() - began < 4.5)


def in_other_shells(check, mara):
    """The same names in zsh and fish, whose scripts they take without a word."""
    shims = mara.stage.path("shims")
    shims.mkdir(exist_ok=True)
    (shims / "hallpass").unlink(missing_ok=True)
    (shims / "hallpass").symlink_to(mara.stage.binary)
    environment = mara.stage.environment(**{**mara.more, "PATH": f"{shims}:{os.environ['PATH']}", "TERM": "dumb", "HOME": str(shims)})
    typed = (("exec --account payments-p", "payments-prod"), ("request --account payments-prod --permission-set Databa", "DatabaseOperator"))
    script = mara.stage.path("completions.fish")
    script.write_text(mara("completions", "fish").stdout)
    for text, name in typed:
        ran = subprocess.run(["fish", "--no-config", "-c", f'source {script}; complete -C "hallpass {text}"'], capture_output=True,
                             text=True, timeout=180, cwd=mara.stage.folder, env=environment)
        check(f"fish completes {name}", ran.stdout.split() == [name] and not ran.stderr, (ran.stdout, ran.stderr[-600:]))
    (shims / "_hallpass").write_text(mara("completions", "zsh").stdout)
    child, ours = pty.fork()
    if child == 0:
        os.chdir(mara.stage.folder)
        os.execvpe("zsh", ["zsh", "-f", "-i"], environment)
    shown = ""

    def until(words, seconds=120):
        nonlocal shown
        ends = time.monotonic() + seconds
        while words not in shown and time.monotonic() < ends:
            if select.select([ours], [], [], 0.2)[0]:
                shown += os.read(ours, 65536).decode(errors="replace")
        return words in shown

    os.write(ours, f"fpath=({shims} $fpath); autoload -U compinit; compinit -u -D; echo rea''dy\n".encode())
    check("zsh takes the script", until("\r\nready"), shown)
    for text, name in typed:
        shown = ""
        os.write(ours, f"hallpass {text}\t".encode())
        check(f"zsh completes {name}", until(f"{name} "), shown)
        os.write(ours, b"\x15")
    os.write(ours, b"exit\n")
    os.waitpid(child, 0)
    os.close(ours)


def terminal(mara, *arguments, **more):
    """What a command shows on a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = mara.stage.environment(**{**mara.more, "TERM": "xterm", **more})
    process = subprocess.Popen([mara.stage.binary, *arguments], stdin=theirs, stdout=theirs, stderr=theirs,
                               cwd=mara.stage.folder, env=environment)
    os.close(theirs)
    shown = b""
    while part := shown_on(ours):
        shown += part
    os.close(ours)
    process.wait(120)
    return shown.decode(errors="replace").replace("\r\n", "\n")


def signing_in(check, mara):
    """Another way in, a token that was revoked, and one that has run out."""
    kept = mara.token_file()
    program = mara.stage.path("browser")
    program.write_text(BROWSER.format(python=sys.executable, user=MARA))
    program.chmod(0o755)
    login = mara("aws", "login", BROWSER=program)
    check("aws login signs in by the browser", login.returncode == 0 and "Signed in" in login.stderr, login.stderr)
    over = json.loads(kept.read_text())
    over["expiresAt"] = "2020-01-01T00:00:00Z"
    kept.write_text(json.dumps(over))
    renewed = mara("aws", "credentials", *OPERATE)
    check("a token that has run out is renewed", renewed.returncode == 0
          and json.loads(kept.read_text())["expiresAt"] > "2021", renewed.stderr)
    mara.sim.call("POST", "/logout", headers={"x-amz-sso_bearer_token": json.loads(kept.read_text())["accessToken"]})
    refused = mara("aws", "credentials", *OPERATE)
    check("a revoked one is reported, with help: exit 1", refused.returncode == 1 and "hallpass aws login" in refused.stderr,
          (refused.returncode, refused.stderr))
    check("and forgotten", not kept.exists())
    process = mara.start("exec", *OPERATE, "--device", "--", "true")
    mara.confirm(process)
    check.equal("exec signs in again", process.wait(180), 0)


def refusals(check, mara, tomasz):
    """A no, a timeout, an end while somebody waits, access that is given back."""
    process = mara.start("exec", "--account", "orders-prod", "--permission-set", "DatabaseOperator", "--reason",
                         "to be denied", "--", "true")
    inbox = lambda: [row for row in tomasz.all("/api/v1/requests?role=to-review") if row["reason"] == "to be denied"]
    found = wait(inbox, 20, process)
    tomasz.post(f"/api/v1/requests/{found[0]['id']}/deny", {"reason": "use ReadOnly"})
    _, err = process.communicate(timeout=180)
    check("a request that is denied: exit 1, with why", process.returncode == 1 and "use ReadOnly" in err, err)
    late = mara("exec", "--account", "orders-prod", "--permission-set", "DatabaseOperator", "--reason", "nobody is there",
                "--timeout", "2s", "--", "true")
    check("no answer in time: exit 1", late.returncode == 1 and "timeout" in late.stderr, late.stderr)
    for grant in tomasz.all("/api/v1/grants?state=live"):
        if grant["user"] == MARA and grant["permission_set"] == "DatabaseOperator":
            mara("release", grant["id"], "--yes")
    ended = lambda: mara("aws", "credentials", *OPERATE).returncode == 1
    check("ended early, the portal gives no more", wait(ended, 20))
    gone = mara("aws", "configure")
    check("its profile goes", "[profile payments-prod-DatabaseOperator]" not in mara.stage.path("aws-config").read_text(), gone.stdout + gone.stderr)


def denied(check, mara, api):
    """From AWS's message to the smallest permission set that would have allowed the call: on the command line, and by the API."""
    offers = api.all("/api/v1/catalog?account=orders-prod")
    account = offers[0]["account"]["id"]
    message = (f"An error occurred (AccessDenied): User: arn:aws:sts::{account}:assumed-role/AWSReservedSSO_Reader_0123456789abcdef/mara is not authorized "
               f"to perform: rds:RebootDBInstance on resource: arn:aws:rds:eu-central-1:{account}:db:orders because no identity-based policy allows the action")
    done = mara("request", "--denied", message, "--dry-run", "--output", "json")
    found = json.loads(done.stdout or "{}")
    check("a denied call leads to a permission set that can be requested", done.returncode == 0 and found.get("permission_set") in {it["permission_set"] for it in offers}
          and found["denial"]["action"] == "rds:RebootDBInstance" and found["account"]["id"] == account, done)
    told = api.post("/api/v1/denials", {"message": message}).json
    check.equal("the API says the same", {**told, "denial": None}, {**found, "denial": None})
    scp = message.replace("because no identity-based policy allows the action", "with an explicit deny in a service control policy")
    done = mara("request", "--denied", scp, "--dry-run")
    check("where none helps it says so: exit 4", done.returncode == 4 and "no permission set helps" in done.stderr and "organization's policies" in done.stderr, done)
    done = mara("request", "--denied", "it does not work", "--dry-run")
    check("a text without a denial is reported: exit 2", done.returncode == 2 and "--denied" in done.stderr, done)


def main():
    check = Checks()
    with Stage("using") as stage:
        port, aws_port, tokens = free_port(), free_port(), stage.path("tokens.json")
        server, sim = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{aws_port}"
        demo = stage.spawn("demo", "--listen", f"127.0.0.1:{port}", "--aws-listen", f"127.0.0.1:{aws_port}",
                           "--tokens", tokens, log="demo.log")
        if not check("the demo is up", wait(lambda: answers(Api(server), "/readyz"), 90, demo), stage.said("demo.log")):
            check.end()
        secrets = json.loads(tokens.read_text())
        mara, tomasz = Newcomer(stage, server, secrets[MARA], Api(sim)), Api(server, secrets[TOMASZ])
        mara.sim_url = sim
        first(check, mara, tomasz)
        held(check, mara)
        profiles(check, mara)
        looks(check, mara)
        signing_in(check, mara)
        refusals(check, mara, tomasz)
        denied(check, mara, Api(server, secrets[MARA]))
        check.equal("the demo stops", stage.stop(demo), 0)
    check.end()


if __name__ == "__main__":
    main()
