"""The script that a machine of `deploy/terraform` keeps itself with, for deploy_code.py: the aws CLI asks an independent emulator (moto) for
what Terraform would have put there; what is the system's (apt-get, systemctl, chown, curl) only says that it was called."""

import hashlib
import json
import logging
import os
import pathlib
import re
import shutil
import subprocess
import time

import boto3
from moto.server import ThreadedMotoServer

from stage import ROOT, free_port, rule

SCRIPT = ROOT / "deploy/terraform/modules/machine/hallpass-machine.sh"
REGION, BUCKET, PACKAGES = "eu-west-1", "hallpass-configuration", "acme-packages"
CONFIG = f"""[store]
url = "file:/run/credentials/hallpass.service/secret_store-url"
[aws]
region = "{REGION}"
[audit.export]
target = "s3://acme-audit/hallpass"
[oidc]
issuer = "https://id.example.com"
client_id = "hallpass"
client_secret = "file:/run/credentials/hallpass.service/secret_oidc"
"""
RULES = rule("read", accounts=["*"], permission_sets=["ReadOnly"], approval_is_not_required=True)
KEY = "-----BEGIN PRIVATE KEY-----\n…\n-----END PRIVATE KEY-----\n"
PACKAGE = b"Version: 0.1.0\nwhat would be a package\n"
STUB = '#!/bin/sh\necho "$(basename "$0") $*" >> "$CALLED"\n'


def idle_at_server():
    """After how many seconds the server closes a connection on which nobody calls."""
    return int(re.search(r"^const IDLE_TIME_MAX: Duration = Duration::from_secs\((\d+)\);$", (ROOT / "crates/server/src/connections/mod.rs").read_text(), re.M)[1])


class Machine:
    """A machine's folders, and its bucket at the emulator."""

    def __init__(self, stage):
        self.stage, self.etc = stage, stage.path("etc")
        self.port = free_port()
        self.server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self.server.start()
        self.aws = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        clients = {"region_name": REGION, "endpoint_url": self.aws["AWS_ENDPOINT_URL"], "aws_access_key_id": "test", "aws_secret_access_key": "test"}
        self.s3, self.secrets = boto3.client("s3", **clients), boto3.client("secretsmanager", **clients)
        for bucket in (BUCKET, PACKAGES):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        tools = stage.path("bin")
        tools.mkdir()
        (tools / "chown").write_text(STUB)
        (tools / "apt-get").write_text(STUB + 'echo "apt-get: restart ${HALLPASS_RESTART:-now}, offline ${SYSTEMD_OFFLINE:-0}" >> "$CALLED"\n'
                                       'for it; do :; done\nsed -n "s/^Version: //p" "$it" > "$INSTALLED"\n')
        # nobody here is `hallpass`: it is on record who would be, and the rest is run
        (tools / "setpriv").write_text(STUB + 'while [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n')
        (tools / "systemctl").write_text(STUB + '[ "$1" != restart ] || [ ! -e "$FAILS" ]\n')
        # the program of a package, which judges the configuration before it is installed
        (tools / "dpkg-deb").write_text(STUB + 'case $1 in\n--field) sed -n "s/^Version: //p" "$2" ;;\n*) mkdir -p "$3/usr/bin"; cp "$NEXT" "$3/usr/bin/hallpass" ;;\nesac\n')
        (tools / "dpkg").write_text('#!/bin/sh\n[ "$1" = --status ] || exec /usr/bin/dpkg "$@"\n[ -e "$INSTALLED" ] || exit 1\necho "Version: $(cat "$INSTALLED")"\n')
        self.installed = stage.path("installed")
        self.next, self.fails = stage.path("next"), stage.path("fails")
        self.next.write_text(f'#!/bin/sh\nexec {stage.binary} "$@"\n')
        self.next.chmod(0o755)
        (tools / "curl").write_text(STUB + 'echo "a certificate" > "$3"\n')
        for path in tools.iterdir():
            path.chmod(0o755)
        (tools / "hallpass").symlink_to(stage.binary)
        self.path = f"{tools}:{pathlib.Path(shutil.which('aws')).parent}:{os.environ['PATH']}"
        self.etc.mkdir()
        stage.path("settings").write_text(f"BUCKET={BUCKET}\nREGION={REGION}\nUNIT=hallpass.service\nTIMER=hallpass-backup.timer\n")

    def put(self, key, text):
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())

    def secret(self, name, text):
        return self.secrets.create_secret(Name=name, SecretString=text)["ARN"]

    def run(self, what):
        """What it ended with, what it said, and which of the system's programs it called."""
        called = self.stage.path("called")
        called.write_text("")
        done = subprocess.run(["bash", SCRIPT, what], capture_output=True, text=True, timeout=600, check=False,
                              env=self.stage.environment(PATH=self.path, CALLED=called, NEXT=self.next, FAILS=self.fails, INSTALLED=self.installed, HALLPASS_ETC=self.etc, HALLPASS_SETTINGS=self.stage.path("settings"), **self.aws))
        calls = [line for line in called.read_text().splitlines() if not line.startswith("chown")]
        return done.returncode, done.stdout + done.stderr, calls

    def mode(self, name):
        return oct((self.etc / name).stat().st_mode & 0o777)


OTHERS = ["/dev/nvme0n1 vol0aaaaaaaaaaaaaaaa", "/dev/nvme1n1 AWS1111222233334444", "/dev/nvme2n1 vol0bbbbbbbbbbbbbbbb", "/dev/xvdb"]
# what a machine says of its disks: each of these is a file of the folder or is not
DISKS = {"lsblk": "cat lsblk", "aws": "echo aws >> called; cat parameter", "blkid": "[ -e formatted ]", "mkfs.ext4": 'echo "mkfs $*" >> called; touch formatted', "mount": "touch mounted",
         "mountpoint": "[ -e mounted ]", "systemctl": 'echo "systemctl $*" >> called', "seq": "echo 1 2", "sleep": "for it in lsblk parameter; do [ ! -e later-$it ] || mv later-$it $it; done"}


class Disks:
    """What a machine's script does for the disk of its database, of disks as lsblk lists them."""

    def __init__(self, stage, script, volume):
        (part,) = re.findall(r"^# what lies on the volume .*?^ *mountpoint -q /var/lib/hallpass\n(?:}\n)?", script, re.M | re.S)
        self.folder = stage.path("disks")
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "bin").mkdir(parents=True)
        for name, does in DISKS.items():
            (self.folder / "bin" / name).write_text(f"#!/bin/sh\n{does}\n")
            (self.folder / "bin" / name).chmod(0o755)
        for old, new in {"-b /dev/xvdf": "-e xvdf", "=/dev/xvdf": "=xvdf", "/etc/": "etc/", "/var/": "var/"}.items():
            part = part.replace(old, new)
        self.part, self.volume = part, f"/dev/nvme3n1 {volume.replace('-', '')}"
        self.keep("lsblk", "\n".join([*OTHERS, self.volume]))
        self.keep("parameter", volume)
        (self.folder / "etc").mkdir()
        self.keep("etc/fstab", "")

    def keep(self, name, text):
        (self.folder / name).write_text(text + "\n")

    def forget(self, *names):
        for name in names:
            (self.folder / name).unlink()

    def run(self):
        """What it ended with, what it said, and what it made or asked."""
        self.keep("called", "")
        done = subprocess.run(["bash", "-euc", self.part], cwd=self.folder, capture_output=True, text=True, timeout=120, check=False, env={"PATH": f"{self.folder}/bin:{os.environ['PATH']}"})
        return done.returncode, done.stderr, [it for it in (self.folder / "called").read_text().split("\n") if it.startswith(("aws", "mkfs", "systemctl try"))]

    def state(self):
        return (self.folder / "mounted").exists(), (self.folder / "etc/fstab").read_text().count("LABEL=hallpass"), len(list((self.folder / "etc/systemd/system").glob("*/volume.conf")))


def disks(stage, check, script, volume):
    """The volume of the database among the disks of a machine, in the order in which they came up."""
    it = Disks(stage, script, volume)
    made = lambda calls: [call for call in calls if call.startswith("mkfs")]
    status, said, calls = it.run()
    check.equal("the disk of the database is the volume's, not another blank one", (status, made(calls), it.state()), (0, ["mkfs -q -L hallpass /dev/nvme3n1"], (True, 1, 3)))
    it.forget("mounted")
    status, said, calls = it.run()
    check.equal("one that has a file system keeps it", (status, made(calls), it.state()), (0, [], (True, 1, 3)))
    it = Disks(stage, script, volume)
    it.keep("lsblk", "\n".join(OTHERS))
    status, said, calls = it.run()
    check("without it there is no database, and no unit that would use it starts", (status, made(calls), it.state()) == (1, [], (False, 0, 3)) and "is not attached" in said, (status, said, calls, it.state()))
    it.keep("later-lsblk", "\n".join([*OTHERS, it.volume]))
    check.equal("it may come later than the machine", (it.run()[0], it.state()[0]), (0, True))
    it = Disks(stage, script, volume)
    it.keep("lsblk", "/dev/xvda\n/dev/xvdb\n/dev/xvdf")
    it.keep("xvdf", "")
    check.equal("a machine without NVMe has it by the name that it was attached with", made(it.run()[2]), ["mkfs -q -L hallpass xvdf"])


def disks_again(stage, check, script, volume):
    """The same at each start of a machine, whose script may be another by then."""
    it = Disks(stage, script, volume)
    it.forget("parameter")
    it.keep("later-parameter", volume)
    status, said, calls = it.run()
    check.equal("the stack may say later which volume", (status, it.state()), (0, (True, 1, 3)))
    status, said, calls = it.run()
    check.equal("nothing is asked or made where it is mounted", (status, calls), (0, []))
    it.forget("mounted", "formatted")
    status, said, calls = it.run()
    check("a machine whose database was on a missing disk does not begin again", (status, it.state()) == (1, (False, 1, 3)) and not [call for call in calls if call.startswith("mkfs")] and "on another disk" in said, (status, said, calls))
    check("and its server, which may run beside, is stopped until an operator has checked", "systemctl try-restart --no-block hallpass.service" in calls, calls)


def restarted(calls):
    return "systemctl restart hallpass.service" in calls


def first_start(machine, check, lines):
    status, said, calls = machine.run("keep")
    check.equal("a machine becomes what its bucket says", (status, [it for it in calls if not it.startswith(("apt-get", "curl", "dpkg-deb"))]), (0, ["systemctl enable --quiet --now hallpass-backup.timer", "systemctl daemon-reload", "systemctl enable --quiet hallpass.service", "systemctl restart hallpass.service"]))
    check("the package is installed", any(it.startswith("apt-get install") and it.endswith("hallpass.deb") for it in calls), calls + [said])
    check.equal("configuration as written, for all to read", ((machine.etc / "hallpass.toml").read_text(), machine.mode("hallpass.toml")), (CONFIG, "0o644"))
    address = (machine.etc / "secrets/store-url").read_text()
    check.equal("the address of the database, its password quoted", address, "postgres://hallpass:p%40ss%3A%2F%3F%23%25@db.example/hallpass?sslrootcert=/etc/hallpass/db-ca.pem")
    page = (ROOT / "docs/how-to/install-with-terraform.md").read_text()
    parts = [re.search(pattern, page, re.M)[1] for pattern in (r'^ *export PGPASSWORD="\$\((.*)\)"$', r'server store copy "\$\((sed .*?)\)"')]
    taken = [subprocess.run(["sh", "-c", it], env={**os.environ, "url": str(machine.etc / "secrets/store-url")}, capture_output=True, text=True, timeout=120, check=False).stdout.strip() for it in parts]
    check.equal("which the page takes apart, so that no command line has the password", taken, ["p@ss:/?#%", address.replace(":p%40ss%3A%2F%3F%23%25@", "@")])
    check.equal("secrets are root's alone, the shared key the server's", [machine.mode(it) for it in ("secrets", "secrets/oidc", "secrets/store-url", "hallpass.key")], ["0o700", "0o600", "0o600", "0o640"])
    check.equal("the key is the file that was put away", (machine.etc / "hallpass.key").read_text(), KEY)
    check.equal("no secret is left elsewhere", sorted(it.name for it in machine.etc.iterdir()), ["db-ca.pem", "hallpass.key", "hallpass.toml", "machine", "package-sum", "rules.toml", "secrets"])
    status, said, calls = machine.run("keep")
    check.equal("nothing new: nothing is done", (status, [it for it in calls if not it.startswith("curl")]), (0, []))


def changes(machine, check, lines, database):
    machine.put("rules.toml", RULES.replace("ReadOnly", "Billing"))
    status, said, calls = machine.run("keep")
    check("new rules are put in place, and the server reads them itself", status == 0 and "Billing" in (machine.etc / "rules.toml").read_text() and not restarted(calls), (status, said, calls))
    machine.put("rules.toml", RULES.replace("accounts", "acounts"))
    status, said, calls = machine.run("keep")
    check("wrong rules are not installed, and that is reported", status != 0 and "Billing" in (machine.etc / "rules.toml").read_text() and "acounts" in said and not restarted(calls), (status, said, calls))
    machine.put("rules.toml", RULES)
    machine.put("hallpass.toml", CONFIG.replace("issuer", "isuer"))
    status, said, calls = machine.run("keep")
    check("neither is a configuration that the program does not take", status != 0 and (machine.etc / "hallpass.toml").read_text() == CONFIG and "isuer" in said and not restarted(calls), (status, said, calls))
    machine.put("hallpass.toml", CONFIG)
    machine.put("machine", lines.replace(f"package_sum {hashlib.sha256(PACKAGE).hexdigest()}", "package_sum " + "ab" * 32))
    status, said, calls = machine.run("keep")
    check("a package of another sum is not installed", status != 0 and not restarted(calls) and not any(it.startswith('apt-get') for it in calls) and "FAILED" in said, (status, said, calls))
    machine.put("machine", "".join(line for line in lines.splitlines(keepends=True) if not line.startswith("secret oidc")))
    machine.put("hallpass.toml", CONFIG.split("[oidc]", maxsplit=1)[0])
    machine.secrets.update_secret(SecretId=database, SecretString=json.dumps({"username": "hallpass", "password": "next"}))
    status, said, calls = machine.run("keep")
    check("a password that was changed is taken over with a restart, and a secret that is not named goes", status == 0 and restarted(calls) and "next@" in (machine.etc / "secrets/store-url").read_text()
          and not (machine.etc / "secrets/oidc").exists(), (status, said, calls))


def next_release(machine, check, lines):
    """A package whose program does not take the configuration of before, in one apply with the one that it takes, as Terraform has it."""
    package = b"Version: 0.2.0\nwhat would be the next package\n"
    machine.s3.put_object(Bucket=PACKAGES, Key="next.deb", Body=package)
    lines = "".join(line for line in lines.splitlines(keepends=True) if not line.startswith(("secret oidc", "package")))
    machine.put("machine", f"package s3://{PACKAGES}/next.deb\npackage_sum {hashlib.sha256(package).hexdigest()}\n{lines}")
    before = (machine.etc / "hallpass.toml").read_text()
    # its last argument is the configuration
    machine.next.write_text('#!/bin/sh\nfor it; do :; done\n[ "$1" = rules ] || grep -q "^# next" "$it" || { echo "a key is gone" >&2; exit 2; }\n')
    status, said, calls = machine.run("keep")
    changing = [it for it in calls if it.startswith(("apt-get", "systemctl"))]
    check.equal("a package whose program does not take the configuration is not installed, and the running one stays", (status != 0, changing, "a key is gone" in said), (True, [], True))
    machine.put("hallpass.toml", f"{before}# next\n")
    status, said, calls = machine.run("keep")
    changing = [it.split()[:2] for it in calls if it.startswith(("apt-get", "systemctl"))]
    wanted = [["apt-get", "install"], ["apt-get:", "restart"], ["systemctl", "daemon-reload"], ["systemctl", "enable"], ["systemctl", "restart"]]
    check.equal("with the one that it takes it is: package and configuration first, and one restart", (status, changing), (0, wanted))
    check("the package leaves the restart to the machine", "apt-get: restart later, offline 1" in calls, calls)
    check("and the configuration is there", (machine.etc / "hallpass.toml").read_text().endswith("# next\n"))
    machine.put("hallpass.toml", f"{before}# next\n# again\n")
    machine.fails.write_text("")
    status, said, calls = machine.run("keep")
    check("a service that does not come up is reported", status != 0 and restarted(calls), (status, said, calls))
    status, said, calls = machine.run("keep")
    check("and is not stopped again every minute", status == 0 and not restarted(calls), (status, said, calls))
    machine.put("hallpass.toml", f"{before}# next\n")
    machine.fails.unlink()
    status, said, calls = machine.run("keep")
    check("the fix arrives", status == 0 and restarted(calls) and not (machine.etc / "restart-due").exists(), (status, said, calls))


def earlier_release(machine, check):
    """The first package again, over a database that the next release migrated."""
    wanted = hashlib.sha256(PACKAGE).hexdigest()
    named = machine.s3.get_object(Bucket=BUCKET, Key="machine")["Body"].read().decode().splitlines(keepends=True)
    machine.put("machine", f"package s3://{PACKAGES}/p.deb\npackage_sum {wanted}\n" + "".join(line for line in named if not line.startswith("package")))
    changing = lambda calls: [it.split()[0] for it in calls if it.startswith(("apt-get", "systemctl"))]
    for word, about in (("", "automatically, and the way back is shown"), ("ab" * 32, "by a word about another package")):
        (machine.etc / "downgrade-to").write_text(word)
        status, said, calls = machine.run("keep")
        check(f"an earlier release is not installed {about}", status != 0 and not changing(calls) and machine.installed.read_text() == "0.2.0\n"
              and "earlier than 0.2.0" in said and "Roll back" in said and f"echo {wanted} > {machine.etc}/downgrade-to" in said, (status, said, calls))
    (machine.etc / "downgrade-to").write_text(f"{wanted}\n")
    status, said, calls = machine.run("keep")
    check.equal("with the word of an operator it is", (status, machine.installed.read_text(), restarted(calls)), (0, "0.1.0\n", True))
    install = next((it.split() for it in calls if it.startswith("apt-get install")), [])
    check("which apt-get gets, too, and is valid once", "--allow-downgrades" in install and not (machine.etc / "downgrade-to").exists(), (calls, said))


def journals(machine, check):
    """A guard's journal, from its machine to the server's."""
    ours, theirs = machine.stage.path("var/guard"), machine.stage.path("server/guard")
    ours.mkdir(parents=True)
    (ours / "elsewhere.jsonl").write_text("one\n")
    # a bucket's times are whole seconds: what was written in the second of its copying is copied once more
    os.utime(ours / "elsewhere.jsonl", (time.time() - 60,) * 2)
    (ours / "elsewhere.lock").write_text("")
    (machine.etc / "machine").write_text(f"push {ours} s3://{PACKAGES}/guard\npull {theirs} s3://{PACKAGES}/guard\n")
    status, said, calls = machine.run("sync")
    check.equal("what it copies is copied by the service's user and not by root", [re.sub(r"^setpriv --reuid hallpass --regid hallpass --clear-groups -- ", "", it).split()[:3] for it in calls],
                [["aws", "s3", "sync"], ["mkdir", "-p", str(theirs)], ["aws", "s3", "sync"]])
    check.equal("a journal reaches the server's folder, without its lock", (status, [(it.name, it.read_text()) for it in theirs.iterdir()] if theirs.exists() else said), (0, [("elsewhere.jsonl", "one\n")]))
    # a status is written anew again and again, and has the same size nearly always
    status_of = lambda: (theirs / "elsewhere.status").read_text() if (theirs / "elsewhere.status").exists() else None
    journal, seen = (theirs / "elsewhere.jsonl").stat().st_ino, []
    for number, text in enumerate(('{"overdue":0}', '{"overdue":1}')):
        (ours / "elsewhere.status").write_text(text)
        # a bucket's times are whole seconds: as with half a minute between both
        os.utime(ours / "elsewhere.status", (time.time() + 30 * number,) * 2)
        time.sleep(1.1 * number)
        status, said, _ = machine.run("sync")
        seen.append((status, status_of()))
    check.equal("a status of the same size takes the place of the one before", seen, [(0, '{"overdue":0}'), (0, '{"overdue":1}')])
    check.equal("what has not changed is not fetched again", (theirs / "elsewhere.jsonl").stat().st_ino, journal)


def machine(stage, check):
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    it = Machine(stage)
    try:
        database = it.secret("database", json.dumps({"username": "hallpass", "password": "p@ss:/?#%"}))
        key = it.secret("key", KEY)
        lines = "".join(f"{line}\n" for line in (f"package s3://{PACKAGES}/p.deb", f"package_sum {hashlib.sha256(PACKAGE).hexdigest()}", "file hallpass.toml", "file rules.toml",
                                                f"secret oidc {it.secret('oidc', 'the secret')}", f"signing_key {key}", f"database {database} db.example hallpass"))
        for name, text in (("machine", lines), ("hallpass.toml", CONFIG), ("rules.toml", RULES)):
            it.put(name, text)
        it.s3.put_object(Bucket=PACKAGES, Key="p.deb", Body=PACKAGE)
        first_start(it, check, lines)
        changes(it, check, lines, database)
        next_release(it, check, lines)
        earlier_release(it, check)
        journals(it, check)
    finally:
        it.server.stop()
