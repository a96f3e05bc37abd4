"""What the end-to-end scripts stand on: a temporary folder, free ports, processes that end with the
script (its own, and no others), calls to the server, and a count of checks.

The binary under test is $HALLPASS_BIN. Nothing here is built.
"""

import hashlib
import http.client
import inspect
import json
import os
import pathlib
import re
import resource
import shlex
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent


def binary():
    path = os.environ.get("HALLPASS_BIN")
    if not path or not os.access(path, os.X_OK):
        sys.exit("set HALLPASS_BIN to the hallpass executable to be tested")
    return os.path.abspath(path)


def free_port():
    """A port of this script's own: scripts run side by side, and `run.sh` gives each a range (`E2E_PORTS`)
    from which the system hands out none by itself, so that nobody takes it between here and its use."""
    global next_port
    first, _, last = os.environ.get("E2E_PORTS", "0-0").partition("-")
    if int(first) == 0:
        return tried(0)
    next_port = max(next_port, int(first))
    while next_port <= int(last):
        next_port += 1
        found = tried(next_port - 1)
        if found:
            return found
    sys.exit(f"no port of {first}-{last} is free")


next_port = 0


def tried(port):
    """The port, or the one the system chose for 0; None when somebody has it."""
    with socket.socket() as probe:
        # as servers do: a connection of an earlier server there may still be closing
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return None
        return probe.getsockname()[1]


class Checks:
    """Counts; one line per check."""

    newest = None

    def __init__(self):
        self.passed = self.failed = 0
        Checks.newest = self

    def __call__(self, name, condition, detail=""):
        if condition:
            self.passed += 1
            print(f"ok   {name}", flush=True)
        else:
            self.failed += 1
            print(f"FAIL {name}" + (f": {str(detail)[:600]}" if detail != "" else ""), flush=True)
        return bool(condition)

    def equal(self, name, found, wanted):
        return self(name, found == wanted, f"found {found!r}, wanted {wanted!r}")

    def end(self):
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        sys.exit(1 if self.failed else 0)


def parts(*known):
    """The parts of a script that its command line names; without a name all of them, in this order."""
    unknown = [name for name in sys.argv[1:] if name not in known]
    if unknown:
        sys.exit(f"no part {', '.join(unknown)}: there are {', '.join(known)}")
    return [name for name in known if name in sys.argv[1:]] if sys.argv[1:] else list(known)


class InVain(Exception):
    """What a script waited for, and what was there instead."""


# a script's longest: far above what any takes on a busy machine
LONGEST_SECONDS = 45 * 60
# how a wait in vain shows where nobody asked: whom one talks to is gone, or says nothing
OF_WAITING = (InVain, OSError, http.client.HTTPException, subprocess.TimeoutExpired)
# and how it shows a line later: what was waited for is taken for granted
OF_NOTHING = (TypeError, AttributeError, IndexError, KeyError, StopIteration)


def is_of_waiting(kind):
    """Also as boto3 and the browser say it, which not every script has."""
    foreign = kind.__module__.startswith(("botocore", "playwright", "urllib3")) and ("Timeout" in kind.__name__ or "Connect" in kind.__name__)
    return foreign or issubclass(kind, OF_WAITING)


def words_of(command):
    """A command as one would type it."""
    return " ".join([pathlib.Path(command[0]).name, *map(str, command[1:])]) if isinstance(command, (list, tuple)) else str(command)


def ended_early(kind, error, trace):
    """A script that cannot go on has a failed check, which says what it waited for, and its count: no traceback, unless the
    script itself is wrong."""
    if not issubclass(kind, Exception):
        return sys.__excepthook__(kind, error, trace)
    own = [it for it in traceback.extract_tb(trace) if it.filename != __file__ and it.line and not it.filename.startswith(sys.prefix) and "/lib/python" not in it.filename]
    at = f"{pathlib.Path(own[-1].filename).name}:{own[-1].lineno}: {own[-1].line}" if own else "the script"
    said = f"{kind.__name__}: {error}"
    if kind is InVain:
        said = str(error)
    elif issubclass(kind, subprocess.TimeoutExpired):
        said = f"`{words_of(error.cmd)[:200]}` has not ended after {error.timeout:.0f} s"
    if wait.in_vain and not issubclass(kind, InVain):
        said += f"; the last that was waited for in vain: {wait.in_vain}"
    if not is_of_waiting(kind) and not (issubclass(kind, OF_NOTHING) and wait.in_vain):
        traceback.print_exception(kind, error, trace)
    check = Checks.newest or Checks()
    check(f"waited in vain at {at}" if is_of_waiting(kind) else f"cannot go on at {at}", False, said)
    print(f"{check.passed} passed, {check.failed} failed", flush=True)


def ended_early_beside(thrown):
    """The same in a thread: the script goes on, and counts it."""
    if is_of_waiting(thrown.exc_type):
        (Checks.newest or Checks())(f"waited in vain, in {thrown.thread.name}", False, f"{thrown.exc_type.__name__}: {thrown.exc_value}")
    else:
        threading.__excepthook__(thrown)


def too_long(*_):
    raise InVain(f"the script to end within {LONGEST_SECONDS // 60} minutes")


sys.excepthook = ended_early
threading.excepthook = ended_early_beside
# whatever it hangs in, it comes to an end
signal.signal(signal.SIGALRM, too_long)
signal.alarm(LONGEST_SECONDS)


class Answer:
    """What the server said."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def code(self):
        document = self.json
        return document.get("code") if isinstance(document, dict) else None

    @property
    def is_problem(self):
        """Problem details, complete and of the right media type (RFC 9457)."""
        document = self.json
        return (
            self.headers.get("content-type", "").split(";")[0] == "application/problem+json"
            and isinstance(document, dict)
            and document.get("status") == self.status
            and all(document.get(field) for field in ("type", "title", "code", "detail"))
        )

    def __repr__(self):
        return f"{self.status} {self.headers.get('content-type')} {self.body[:300]!r}"


class Api:
    """Calls as one person. A connection per call: servers die here."""

    def __init__(self, base, token=None, trusts=None):
        self.address = urllib.parse.urlparse(base)
        self.token = token
        # a file of roots of certificates, for addresses of `https`
        self.context = ssl.create_default_context(cafile=trusts) if trusts else None

    def call(self, method, path, body=None, headers=None, raw=None, timeout=60):
        sent = {}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        data = raw
        if body is not None:
            data = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        if self.address.scheme == "https":
            connection = http.client.HTTPSConnection(self.address.hostname, self.address.port, timeout=timeout, context=self.context)
        else:
            connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=timeout)
        try:
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.call("POST", path, body, **more)

    def all(self, path):
        """Every row of a listing."""
        rows, cursor = [], None
        joint = "&" if "?" in path else "?"
        name = "after" if path.startswith("/api/v1/audit") else "cursor"
        while True:
            more = f"{joint}limit=500" + (f"&{name}={cursor}" if cursor else "")
            page = self.get(path + more)
            if page.status != 200:
                raise OSError(f"{path}: {page}")
            rows += page.json["items"]
            cursor = page.json.get("next")
            if not cursor:
                return rows


class Stage:
    """A folder and the processes started in it; both go when the script ends."""

    def __init__(self, name):
        # what finds people in the directory, where there is a simulator of our own
        self.directory = {}
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"hallpass-e2e-{name}-"))
        self.processes = []
        self.binary = binary()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        for process in self.processes:
            self.stop(process, signal.SIGKILL)
        if kind is None and not os.environ.get("E2E_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            print(f"     kept {self.folder}", flush=True)

    def path(self, name):
        return self.folder / name

    def environment(self, **more):
        """Nothing of the caller's AWS or Hallpass settings; a home of its own."""
        kept = {name: os.environ[name] for name in ("PATH", "PYENV_ROOT") if name in os.environ}
        home = {"LANG": "C.UTF-8", "HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder / "config")}
        aws = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "", "AWS_CONFIG_FILE": os.devnull,
               "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        return {**kept, **home, **aws, **{name: str(value) for name, value in more.items()}}

    def spawn(self, *arguments, log, descriptors=None, **environment):
        """Starts the binary; what it says is appended to `log` in the folder. With `descriptors` it may open
        so many files, and cannot raise that."""
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
        with open(self.path(log), "ab") as sink:
            process = subprocess.Popen(
                [self.binary, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=sink,
                stderr=subprocess.STDOUT, env=self.environment(**environment), cwd=self.folder,
                preexec_fn=limit if descriptors else None,
            )
        self.processes.append(process)
        return process

    def run(self, *arguments, stdin=None, timeout=180, **environment):
        """Runs the binary to its end; one that does not come to it is a wait in vain (`ended_early`)."""
        try:
            return subprocess.run(
                [self.binary, *map(str, arguments)], input=stdin, capture_output=True, text=True,
                timeout=timeout, env=self.environment(**environment), cwd=self.folder,
            )
        except subprocess.TimeoutExpired as late:
            said = (late.stderr or b"").decode(errors="replace")[-300:]
            raise InVain(f"`hallpass {' '.join(map(str, arguments))[:200]}` has not ended after {timeout} s: {said}") from None

    def make_store(self, config="hallpass.toml"):
        """The store of a configuration, where no server makes it: commands that have to know what Hallpass gave want one."""
        made = self.run("server", "store", "migrate", "--config", config)
        assert made.returncode == 0, made.stderr

    @staticmethod
    def stop(process, how=signal.SIGTERM, seconds=90):
        """Ends one of our processes; its exit code."""
        if process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                return None
        return process.returncode

    def said(self, log):
        return self.path(log).read_text(errors="replace")

    def simulator(self, *arguments, port=None, log="sim.log"):
        """A simulated AWS: its process, address and the environment that points there."""
        port = port or free_port()
        process = self.spawn("sim", "--listen", f"127.0.0.1:{port}", *arguments, log=log)
        endpoint = f"http://127.0.0.1:{port}"
        sim = Api(endpoint)
        if not wait(lambda: answers(sim, "/_sim/healthz"), 30, process):
            sys.exit(f"the simulator does not answer:\n{self.said(log)}")
        state = sim.get("/_sim/state").json
        keys = sim.get("/_sim/credentials?account=" + state["organization"]["management_account"]).json
        # a token is made for a user of the directory, who is looked up there
        self.directory = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_REGION": state["identity_center"]["home_region"],
            "AWS_DEFAULT_REGION": state["identity_center"]["home_region"],
            "AWS_ACCESS_KEY_ID": keys["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"],
        }
        return process, endpoint, dict(self.directory)

    def token(self, email, *arguments, config="hallpass.toml"):
        made = self.run("server", "token", "create", "--user", email, "--config", config, *arguments, **self.directory)
        if made.returncode:
            sys.exit(f"no token for {email}: {made.stderr}")
        return made.stdout.strip()


    def session(self, who):
        """A browser's session as signing in leaves it, of somebody who has a token: its secret, and what its
        forms carry. The way in is oidc.py's business."""
        secret, form = os.urandom(32).hex(), os.urandom(32).hex()
        at = lambda seconds: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
        with sqlite3.connect(self.path("hallpass.db")) as store:
            user = store.execute("SELECT user_id FROM tokens WHERE json_extract(body, '$.user') = ? AND user_id IS NOT NULL", (who,)).fetchone()[0]
            body = {"hash": hashlib.sha256(secret.encode()).hexdigest(), "user": who, "user_id": user,
                    "secondary_domain": False, "browsing": {"agent": "a test"}, "signed_in": {"by": "persona"}, "began_at": at(0), "seen_at": at(0), "renewed_at": at(0),
                    "ends_at": at(36000), "csrf": form}
            store.execute("INSERT INTO sessions (hash, user, ends_at, body, user_id) VALUES (?, ?, ?, ?, ?)",
                          (body["hash"], who, body["ends_at"], json.dumps(body), user))
        store.close()
        return secret, form


class Somebody:
    """Somebody else, who acts before or after a call of ours (`simulator.md` §4.1): `with Somebody(…) as other:`. `skip` calls that
    fit `match` are let through first, so that 0, 1, 2, … is between any two calls. `other.fired` says how often they acted, and
    `other.failed` what was refused to them."""

    def __init__(self, stage, acts, skip=0, match=None, when="before", count=1, **more):
        self.api = Api(stage.directory["AWS_ENDPOINT_URL"])
        self.fault = {"kind": "somebody_acts", "acts": acts, "skip": skip, "when": when, "match": match or {}, **more}
        if count is not None:
            self.fault["count"] = count

    def __enter__(self):
        made = self.api.post("/_sim/faults", self.fault)
        assert made.status == 201, made
        self.id = made.json["ids"][0]
        return self

    def __exit__(self, *_):
        self.row = self.now()
        self.api.call("DELETE", f"/_sim/faults/{self.id}")

    def now(self):
        return next(it for it in self.api.get("/_sim/faults").json["faults"] if it["id"] == self.id)

    @property
    def fired(self):
        return self.row["fired"]

    @property
    def failed(self):
        return self.row["acts_failed"]


def somebody(stage, acts, **more):
    """The same by its verb."""
    return Somebody(stage, acts, **more)


def held_at_aws(endpoint):
    """What a simulator has: (person, account, permission set), and (person, "group", group)."""
    state = Api(endpoint).get("/_sim/state?assignments=1&full=1").json
    rows = {(row["principal_name"], row["account"], row["permission_set"]) for row in state["assignments"]}
    for group in state["file"]["identity_center"]["groups"]:
        rows |= {(member, "group", group["name"]) for member in group.get("members", [])}
    return rows


def demo_variables(said):
    """What the file of `hallpass demo` exports, by the command that it prints."""
    file = re.search(r"^ *\. (\S+/env\.sh)$", said, re.M)[1]
    words = shlex.split(pathlib.Path(file).read_text(), comments=True)
    return dict(word.split("=", 1) for word in words if "=" in word)


def rule(name, **said):
    """One rule of a file of rules."""
    lines = [f"{key} = {json.dumps(value)}\n" for key, value in {"id": name, **said}.items()]
    return "[[rule]]\n" + "".join(lines) + "\n"


# what a wait of ten seconds and more is given on a machine that has other things to do: it costs nothing where it is not needed
PATIENCE = 6


def wait(condition, seconds, process=None, every=0.1):
    """Until it holds, or time is up, or the process it is about has ended. A condition that cannot be looked at, for whom it
    asks is gone, does not hold. What was waited for in vain is named if the script cannot go on without it."""
    seconds *= PATIENCE if seconds >= 10 else 1
    until, trouble = time.monotonic() + seconds, ""
    while True:
        try:
            found = condition()
            trouble = ""
        except Exception as error:
            if not is_of_waiting(type(error)):
                raise
            found, trouble = None, f", for {type(error).__name__}: {error}"
        if found:
            return found
        ended = process is not None and process.poll() is not None
        if ended or time.monotonic() >= until:
            caller = inspect.stack()[1]
            line = " ".join(it.strip() for it in caller.code_context or [])
            over = f"its process ended ({process.returncode})" if ended else f"{seconds} s"
            wait.in_vain = f"{pathlib.Path(caller.filename).name}:{caller.lineno}: {line} ({over}{trouble})"
            return found
        time.sleep(every)


wait.in_vain = None


def shown_on(terminal):
    """What a terminal shows next; nothing once whoever wrote to it is gone."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def answers(api, path):
    try:
        return api.get(path, timeout=20).status == 200
    except OSError:
        return False
