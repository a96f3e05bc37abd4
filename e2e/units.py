#!/usr/bin/env python3
"""The units below `deploy/systemd`: systemd takes them as they are, how open it finds them is what the page says, their commands are those of
the program, and the program tells a service manager when it is ready."""

import configparser
import os
import re
import shlex
import shutil
import socket
import stat
import subprocess
import textwrap
import time

from drilled import started
from stage import ROOT, Api, Checks, Stage, answers, free_port, rule, wait

UNITS = ROOT / "deploy" / "systemd"
PAGE = ROOT / "docs" / "operations" / "systemd.md"
HTTPS = ROOT / "docs" / "how-to" / "serve-https.md"
VOLUMES = [ROOT / "deploy/cloudformation/hallpass.yaml", ROOT / "deploy/terraform/modules/machine/begin.sh.tftpl"]
BACKUP = UNITS / "hallpass-backup.service"
# targets that units stand behind; the tool wants to find them
TARGETS = ("sysinit", "basic", "shutdown", "multi-user", "network-online", "timers", "time-sync", "time-set")
# what no unit may be without, and what each is to say of it
HARDENED = {"NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateUsers": "yes", "PrivateDevices": "yes", "CapabilityBoundingSet": "",
            "MemoryDenyWriteExecute": "yes", "RestrictNamespaces": "yes", "SystemCallArchitectures": "native", "UMask": "0077", "StateDirectoryMode": "0700"}


def read(path):
    """A unit's sections; keys that are there twice keep every value."""
    class Several(dict):
        def __setitem__(self, key, value):
            super().__setitem__(key, [*self[key], *value] if key in self and isinstance(value, list) else value)
    parser = configparser.RawConfigParser(strict=False, dict_type=Several, comment_prefixes=("#", ";"), inline_comment_prefixes=None, delimiters=("=",))
    parser.optionxform = str
    # a line that ends with a backslash goes on
    parser.read_string(path.read_text().replace("\\\n", " "))
    return {section: {key: value.split("\n") for key, value in parser.items(section)} for section in parser.sections()}


def root_of(stage, units):
    """A root with the units, something that can be called hallpass, and the targets of systemd."""
    root = stage.path("root")
    for folder in ("usr/bin", "usr/lib/systemd/system", "etc/systemd/system"):
        (root / folder).mkdir(parents=True)
    for name in ("hallpass", "kill", "mountpoint", "sh"):
        shutil.copy("/bin/true", root / "usr/bin" / name)
    (root / "bin").symlink_to("usr/bin")
    for name in TARGETS:
        (root / "usr/lib/systemd/system" / f"{name}.target").write_text(f"[Unit]\nDescription={name}\nDefaultDependencies=no\n")
    for unit in [*units, *UNITS.glob("*.timer")]:
        shutil.copy(unit, root / "etc/systemd/system")
    return root


def taken(stage, check, units):
    """What systemd says of them, where it is at hand."""
    if not shutil.which("systemd-analyze"):
        print("     systemd-analyze is not installed: units are only read", flush=True)
        return
    root = root_of(stage, units)
    analyze = lambda *words: subprocess.run(["systemd-analyze", f"--root={root}", *words], capture_output=True, text=True, timeout=180)
    said = dict(re.findall(r"^\| `(hallpass[\w-]*\.service)` \| .*\| (\d\.\d) \|$", PAGE.read_text(), re.M))
    for unit in units:
        done = analyze("--man=no", "verify", unit.name)
        check(f"{unit.name}: systemd takes it without a word", done.returncode == 0 and not ours(done.stderr), done.stderr)
        done = analyze("--offline=true", "--no-pager", "security", unit.name)
        found = re.search(r"Overall exposure level for .*: (\d\.\d)", done.stdout)
        if check(f"{unit.name}: its exposure is measured", found, done.stderr):
            # another release of systemd weighs a little otherwise
            check(f"{unit.name}: and is what the page says, {said.get(unit.name)}", unit.name in said and float(found[1]) <= float(said[unit.name]) + 0.3, found[1])
    done = analyze("--man=no", "verify", "hallpass-backup.timer")
    check("hallpass-backup.timer: systemd takes it without a word", done.returncode == 0 and not ours(done.stderr), done.stderr)
    broken = root / "etc/systemd/system/hallpass.service"
    broken.write_text(broken.read_text().replace("ProtectHome=", "ProtectHoem=").replace("ExecStart=hallpass ", "ExecStart=hallpasss "))
    done = analyze("--man=no", "verify", "hallpass.service")
    check("a mistake in one would be seen", done.returncode != 0 and "ProtectHoem" in done.stderr and "hallpasss" in done.stderr, done.stderr)
    shutil.copy(UNITS / "hallpass.service", broken)
    of_its_own_port(check, analyze, root)
    on_a_volume(check, analyze, root)
    made(check, root)


def ours(stderr):
    """What systemd says of our units; a newer release may warn of units and keys of others."""
    return [line for line in stderr.splitlines() if "hallpass" in line]


def on_a_volume(check, analyze, root):
    """The drop-in that machines of a stack have, whose database lies on a volume of its own."""
    drop_ins = {}
    for script in VOLUMES:
        (which, lines), = re.findall(r"^( *for unit in [\w -]+); do\n.*?volume\.conf <<'UNIT'\n(.*?)^ *UNIT$", script.read_text(), re.M | re.S)
        drop_ins[script.name] = (which.split("in ")[1].split(), textwrap.dedent(lines))
    (units, lines), *others = drop_ins.values()
    check("machines of both stacks have the same drop-in for a volume", all(it == (units, lines) for it in others), drop_ins)
    check.equal("it is of each unit that works in the folder of the database", sorted(units), sorted(it.stem for it in UNITS.glob("*.service") if read(it)["Service"]["WorkingDirectory"] == ["/var/lib/hallpass"]))
    for unit in units:
        folder = root / f"etc/systemd/system/{unit}.service.d"
        folder.mkdir(exist_ok=True)
        (folder / "volume.conf").write_text(lines)
        more = read(folder / "volume.conf")
        check.equal(f"{unit}.service does not start where nothing is mounted, and does once something is", more, {
            "Unit": {"Wants": ["var-lib-hallpass.mount"], "After": ["var-lib-hallpass.mount"]}, "Service": {"ExecStartPre": ["+mountpoint /var/lib/hallpass"]}})
        done = analyze("--man=no", "verify", f"{unit}.service")
        check(f"{unit}.service: systemd takes that", done.returncode == 0 and not ours(done.stderr), done.stderr)


def of_its_own_port(check, analyze, root):
    """The drop-in that the page about HTTPS has, for a port below 1024."""
    text = HTTPS.read_text()
    (lines,) = re.findall(r"^```text\n# systemctl edit hallpass.service\n(.*?)^```", text, re.M | re.S)
    folder = root / "etc/systemd/system/hallpass.service.d"
    folder.mkdir()
    (folder / "port.conf").write_text(lines)
    unit, more = read(UNITS / "hallpass.service")["Service"], read(folder / "port.conf")["Service"]
    # what is ambient and not in the bounding set ends the start, and what is had in a user namespace of one's own counts for nothing outside
    check.equal("the drop-in for a low port gives the capability where it counts", {**unit, **more}["PrivateUsers"], ["no"])
    check.equal("and it alone", (more["AmbientCapabilities"], more["CapabilityBoundingSet"]), (["CAP_NET_BIND_SERVICE"], ["CAP_NET_BIND_SERVICE"]))
    done = analyze("--man=no", "verify", "hallpass.service")
    check("systemd takes it", done.returncode == 0 and not ours(done.stderr), done.stderr)
    done = analyze("--offline=true", "--no-pager", "security", "hallpass.service")
    found, said = re.search(r"Overall exposure level for .*: (\d\.\d)", done.stdout), re.search(r"exposure of (\d\.\d)", text)
    check("its exposure is what the page says", found and said and float(found[1]) <= float(said[1]) + 0.3, (found and found[1], said and said[1]))


def made(check, root):
    """Users and folders, in a root of their own."""
    if not shutil.which("systemd-sysusers") or not shutil.which("systemd-tmpfiles"):
        return
    done = subprocess.run(["systemd-sysusers", f"--root={root}", UNITS / "hallpass.sysusers"], capture_output=True, text=True, timeout=180)
    users = {line.split(":")[0]: line.split(":") for line in (root / "etc/passwd").read_text().splitlines()} if done.returncode == 0 else {}
    check("both users are made, and cannot sign in", {"hallpass", "hallpass-witness"} <= users.keys() and all(it[6].endswith("nologin") for it in users.values() if it[0].startswith("hallpass")), done.stderr)
    if os.geteuid() == 0:
        (root / "etc/hallpass").mkdir()
        for unit in ("hallpass", "hallpass-guard", "hallpass-witness"):
            (root / f"etc/hallpass/{unit}.env").write_text("AWS_SECRET_ACCESS_KEY=secret\n")
        # an operator's own, which a group may read
        (root / "etc/hallpass/backup.env").write_text("")
        (root / "etc/hallpass/backup.env").chmod(0o640)
        done = subprocess.run(["systemd-tmpfiles", f"--root={root}", "--create", UNITS / "hallpass.tmpfiles"], capture_output=True, text=True, timeout=180)
        modes = [stat.S_IMODE((root / path).stat().st_mode) for path in ("etc/hallpass", "etc/hallpass/secrets", "var/backups/hallpass", *(f"etc/hallpass/{unit}.env" for unit in ("hallpass", "hallpass-guard", "hallpass-witness", "backup")))]
        check.equal("the folder of secrets is root's alone, and so are environments of units, and no other", (done.returncode, modes), (0, [0o755, 0o700, 0o700, 0o600, 0o600, 0o600, 0o640]))
        copies = root / "var/backups/hallpass"
        check.equal("the folder of copies is the server's", copies.stat().st_uid, int(users["hallpass"][2]))
        os.chown(copies, int(users["hallpass"][2]), 34)
        copies.chmod(0o750)
        done = subprocess.run(["systemd-tmpfiles", f"--root={root}", "--create", UNITS / "hallpass.tmpfiles"], capture_output=True, text=True, timeout=180)
        check.equal("and one with a reader for copies stays so", (done.returncode, stat.S_IMODE(copies.stat().st_mode), copies.stat().st_gid), (0, 0o750, 34))


def said(stage, check, units):
    """What they say, without systemd."""
    for unit in units:
        sections = read(unit)
        service = sections["Service"]
        wrong = {key: service.get(key) for key, value in HARDENED.items() if service.get(key) != [value]}
        check(f"{unit.name}: is shut off from what it does not need", not wrong, wrong)
        user, state = service["User"][0], service["StateDirectory"][0]
        check(f"{unit.name}: its user and its folder are those that are made", re.search(rf"^u {user} .*/var/lib/{state}$", (UNITS / "hallpass.sysusers").read_text(), re.M), (user, state))
        if unit == BACKUP:
            continue
        # whoever has the server's may give access
        check.equal(f"{unit.name}: reads its own environment if there is one, and no other", service.get("EnvironmentFile"), [f"-/etc/hallpass/{unit.stem}.env"])
        check(f"{unit.name}: the page names that file", f"{unit.stem}.env" in PAGE.read_text())
        words = shlex.split(service["ExecStart"][0].replace("${EXPORT}", "dir").replace("${NAME}", "security"))
        done = stage.run(*words[1:], "--help")
        check(f"{unit.name}: its command is one of the program", words[0] == "hallpass" and done.returncode == 0 and "Usage:" in done.stdout, done.stderr)
        check(f"{unit.name}: it is started again", service["Restart"][0] in ("always", "on-abnormal") and sections["Unit"]["StartLimitIntervalSec"] == ["0"], service)
    witness, server = (read(UNITS / f"{name}.service")["Service"]["User"] for name in ("hallpass-witness", "hallpass"))
    check("the witness is another user than the server", witness != server)


def copied(stage, check):
    """The unit that copies the database, as the timer starts it: a copy each time, with nothing but the folder, and those of before go."""
    service = read(BACKUP)["Service"]
    timer = read(UNITS / "hallpass-backup.timer")
    check.equal("the database is copied every hour, once enabled", (timer["Timer"]["OnCalendar"], timer["Timer"]["Persistent"], timer["Install"]["WantedBy"]), (["hourly"], ["yes"], ["timers.target"]))
    data, copies, tools = stage.path("data"), stage.path("copies"), stage.path("tools")
    for folder in (data, copies, tools):
        folder.mkdir()
    (tools / "hallpass").symlink_to(stage.binary)
    # as systemd reads it
    (line,) = service["ExecStart"]
    words = shlex.split(line.replace("$$", "$").replace("%%", "%").replace(service["ReadWritePaths"][0], str(copies)))
    given = dict([service["Environment"][0].split("=")])
    # the time of the copy, and a disk on which each file that goes makes 2 GiB of room
    (tools / "date").write_text('#!/bin/sh\necho "$NOW"\n')
    (tools / "df").write_text('#!/bin/sh\necho Avail\nexpr "$FREE" + 2147483648 \\* \\( "$BEFORE" - "$(find "$COPIES" -type f | wc -l)" \\)\n')
    for name in ("date", "df"):
        (tools / name).chmod(0o755)
    files = lambda: sorted(str(it.relative_to(copies)) for it in copies.rglob("*") if it.is_file())
    def run(now, free=1 << 40):
        more = {"COPIES": copies, "FREE": free, "BEFORE": len(files()), "NOW": now, "PATH": f"{tools}:{os.environ['PATH']}"}
        return subprocess.run(words, cwd=data, capture_output=True, text=True, timeout=180, check=False, env=stage.environment(**more, **given))
    ours = {"hallpass-20260101T000000Z.db": 2.1, "hallpass-20260101T010000Z.db.partial": 2.1, "hallpass-20260102T000000Z.db": 1.9}
    # what a hand made, as the pages and the help say it, and what somebody put aside
    theirs = ["mine.db", "hallpass-before.db", "hallpass-2026-03-02.db", "hallpass-20260101T000000Z.db.keep", "keep/hallpass-20260101T000000Z.db"]
    (copies / "keep").mkdir()
    def aged(name, days):
        (copies / name).write_text("a copy of before")
        os.utime(copies / name, (time.time() - days * 86400,) * 2)
    for name, days in [*ours.items(), *((it, 9) for it in theirs)]:
        aged(name, days)
    before, done = files(), run("20260103T000000Z")
    check.equal("where there is no database nothing goes, and it fails", (done.returncode, files()), (2, before))
    stage.path("data/made.toml").write_text('[store]\nurl = "sqlite:hallpass.db"\n')
    done = subprocess.run([stage.binary, "server", "store", "migrate", "--config", "made.toml"], cwd=data, capture_output=True, text=True, timeout=180, check=False, env=stage.environment())
    check.equal("there is a database", done.returncode, 0)
    new, done = "hallpass-20260103T000000Z.db", run("20260103T000000Z")
    check.equal(f"it is copied, without a configuration, and copies older than {given['KEEP_DAYS']} days go, of the unit's own alone", (done.returncode, files()), (0, sorted([*theirs, "hallpass-20260102T000000Z.db", new])))
    for name in files():
        os.utime(copies / name, (time.time() - 9 * 86400,) * 2)
    done = run("20260103T010000Z", free=-(1 << 40))
    check("without room no copy is made, expired ones go but the newest, and it fails and says why", done.returncode == 1 and "no room in" in done.stderr and files() == sorted([*theirs, new]), (done.stdout + done.stderr, files()))
    aged("hallpass-20260102T000000Z.db", 9)
    done = run("20260103T020000Z", free=1)
    check.equal("a full disk is left by what is expired", (done.returncode, files()), (0, sorted([*theirs, "hallpass-20260103T020000Z.db"])))
    new = "hallpass-20260103T020000Z.db"
    stage.path("restored.toml").write_text('[store]\nurl = "sqlite:restored.db"\n')
    restored = stage.run("server", "store", "restore", copies / new, "--config", "restored.toml")
    check("the copy can be restored", restored.returncode == 0 and stage.path("restored.db").exists(), restored.stderr)


class Manager:
    """A service manager that listens for what `sd_notify(3)` says."""

    def __init__(self, stage, name):
        self.address = str(stage.path(name))
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.address)
        self.socket.setblocking(False)

    def heard(self):
        try:
            return self.socket.recv(4096).decode()
        except BlockingIOError:
            return None


def told(stage, check):
    """Server and guard say that they are ready, and when it is true."""
    world, port = started(stage), free_port()
    base = f"http://127.0.0.1:{port}"
    stage.path("rules.toml").write_text(rule("read", accounts=["*"], permission_sets=["Admin"], approval_is_not_required=True))
    stage.path("service.toml").write_text(f'[server]\nlisten = "127.0.0.1:{port}"\npublic_url = "{base}"\n[store]\nurl = "sqlite:hallpass.db"\n'
                                          '[audit.export]\ntarget = "dir:audit"\n[guard]\njournal = "guard"\n')
    manager = Manager(stage, "server.socket")
    process = stage.spawn("serve", "--config", "service.toml", log="serve.log", NOTIFY_SOCKET=manager.address, **world.environment)
    check.equal("the server says that it is ready", wait(manager.heard, 60, process), "READY=1\n")
    check("and answers by then", answers(Api(base), "/healthz"), stage.said("serve.log")[-400:])
    beside = Manager(stage, "guard.socket")
    # it runs by the server's file, whose secrets systemd shows to the server alone
    secrets = next(it for it in re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.S) if "/run/credentials/hallpass.service/" in it)
    stage.path("beside.toml").write_text(stage.path("service.toml").read_text() + secrets)
    guard = stage.spawn("server", "guard", "--config", "beside.toml", log="guard.log", NOTIFY_SOCKET=beside.address, **world.environment)
    check.equal("the guard says that it is ready, whose unit has none of the server's secrets", wait(beside.heard, 60, guard), "READY=1\n")
    check("once each", manager.heard() is None and beside.heard() is None)
    check("both stop as services are stopped", [stage.stop(it) for it in (guard, process)] == [0, 0])
    process = stage.spawn("serve", "--config", "service.toml", log="nobody.log", NOTIFY_SOCKET=str(stage.path("nobody")), **world.environment)
    check("without a peer at the socket it ends, and reports it", wait(lambda: process.poll() is not None, 60) and process.returncode == 1
          and "service manager" in stage.said("nobody.log"), stage.said("nobody.log")[-400:])
    # one that lost its rules is not ready
    stage.path("rules.toml").write_text("[[rule]]\n")
    late = Manager(stage, "late.socket")
    process = stage.spawn("serve", "--config", "service.toml", log="late.log", NOTIFY_SOCKET=late.address, **world.environment)
    check("what cannot start is never ready", wait(lambda: process.poll() is not None, 60) and process.returncode == 2 and late.heard() is None, stage.said("late.log")[-400:])


def main():
    check = Checks()
    units = sorted(UNITS.glob("*.service"))
    check.equal("there are units for server, guard, witness and copies", [it.name for it in units], ["hallpass-backup.service", "hallpass-guard.service", "hallpass-witness.service", "hallpass.service"])
    with Stage("units") as stage:
        copied(stage, check)
        said(stage, check, units)
        taken(stage, check, units)
        told(stage, check)
    check.end()


if __name__ == "__main__":
    main()
