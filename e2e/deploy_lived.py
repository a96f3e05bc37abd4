"""Server, guard and witness as the pods of `deploy/helm` run them, for deploy_code.py: the files that Helm renders at the places that it
mounts, commands and users of the pods, nothing writable but what is mounted so; PostgreSQL and a simulated AWS stand for what is outside."""

import os
import pathlib
import shutil
import signal
import subprocess

import boto3

from deploy_helm import AUDIT, GUARD, HELM, IMAGE, RULES, SERVER, WITNESS, pods, rendered
from postgres import Server
from stage import Api, free_port, wait

USER = 65532
AUDIT_BUCKET, ENDS_BUCKET = "acme-audit", "acme-ends"


class Pod:
    """What one pod sees: its folders, below one of our own."""

    def __init__(self, stage, documents, part, port):
        self.stage, self.part, self.port = stage, part, port
        self.root = stage.path(f"pod-{part}")
        self.template = next(template for _, template in pods(documents) if template["metadata"]["labels"]["app.kubernetes.io/component"] == part)
        self.container = self.template["spec"]["containers"][0]
        self.data = next(it["data"] for it in documents if it["kind"] == "ConfigMap" and it["metadata"]["labels"]["app.kubernetes.io/component"] == part)
        self.listens = f":{self.container['ports'][0]['containerPort']}"

    def here(self, text):
        """The same with paths below our folder and a port of ours."""
        for place in ("/etc/hallpass", "/run/secrets/hallpass", "/var/lib/hallpass"):
            text = text.replace(place, f"{self.root}{place}")
        return text.replace(f"0.0.0.0{self.listens}", f"127.0.0.1:{self.port}")

    def lay(self, secrets):
        """Its files; what is mounted to be written belongs to its user, nothing else does."""
        for place, files in (("/etc/hallpass", {**self.data, **{name: text for name, text in secrets.items() if name == "hallpass.key"}}), ("/run/secrets/hallpass", secrets)):
            folder = pathlib.Path(f"{self.root}{place}")
            folder.mkdir(parents=True)
            for name, text in files.items():
                (folder / name).write_text(self.here(text))
                (folder / name).chmod(0o444)
            folder.chmod(0o555)
        for mount in self.container["volumeMounts"]:
            folder = pathlib.Path(f"{self.root}{mount['mountPath']}")
            folder.mkdir(parents=True, exist_ok=True)
            if not mount.get("readOnly") and os.geteuid() == 0:
                os.chown(folder, USER, USER)

    def start(self, program, **environment):
        named = {it["name"]: it["value"] for it in self.container.get("env", [])}
        who = {"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}
        with open(self.stage.path(f"{self.part}.log"), "ab") as sink:
            self.process = subprocess.Popen([program, *(self.here(it) for it in self.container["args"])], stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT, cwd="/",
                                            env=self.stage.environment(**{**environment, **named, "HOME": f"{self.root}/var/lib/hallpass"}), **who)
        self.stage.processes.append(self.process)

    def answers(self, path, seconds=60):
        def once():
            answer = Api(f"http://127.0.0.1:{self.port}").get(path, timeout=20)
            self.said = answer.body.decode(errors="replace")
            return answer.status == 200
        self.said = ""
        return wait(once, seconds, self.process)


def written_elsewhere(pod):
    """Files of its user that do not lie where its pod may write."""
    allowed = [f"{pod.root}{it['mountPath']}" for it in pod.container["volumeMounts"] if not it.get("readOnly")]
    return [str(it) for it in pod.stage.folder.rglob("*") if not it.is_symlink() and it.stat().st_uid == USER and not str(it).startswith(str(pod.stage.path("pod-"))) or
            it.is_file() and it.stat().st_uid == USER and str(it).startswith(str(pod.root)) and not any(str(it).startswith(one) for one in allowed)]


def buckets(environment):
    s3 = boto3.client("s3", region_name=environment["AWS_REGION"], endpoint_url=environment["AWS_ENDPOINT_URL"], aws_access_key_id=environment["AWS_ACCESS_KEY_ID"], aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"])
    where = {"CreateBucketConfiguration": {"LocationConstraint": environment["AWS_REGION"]}}
    s3.create_bucket(Bucket=AUDIT_BUCKET, ObjectLockEnabledForBucket=True, **where)
    s3.create_bucket(Bucket=ENDS_BUCKET, **where)


def program_of(stage):
    """The binary where every user finds it."""
    if os.geteuid() != 0:
        return stage.binary
    stage.folder.chmod(0o755)
    return shutil.copy(stage.binary, stage.path("hallpass"))


def lived(stage, check):
    if not HELM.exists():
        print(f"     there is no {HELM} (it is released for another processor): no pod is lived", flush=True)
        return
    program = program_of(stage)
    _, _, aws = stage.simulator("--speed", "fast")
    buckets(aws)
    environment = {name: aws[name] for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    values = {"region": aws["AWS_REGION"], "image": IMAGE, "server": {**SERVER, "rules": RULES, "trustedProxies": ["127.0.0.1/32"], "configuration": '[identity]\nadmins = ["group:platform-admins"]\n'},
              "audit": AUDIT, "guard": {**GUARD, "journal": {"claim": "journal"}}, "witness": WITNESS}
    with Server(free_port()) as database:
        key = subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519"], capture_output=True, text=True, check=True, timeout=120).stdout
        values["server"]["databaseCa"] = database.authority.read_text()
        url = f"postgres://hallpass:{database.password}@localhost:{database.port}/inventory?sslrootcert=/etc/hallpass/db-ca.pem"
        secrets = {"hallpass.key": key, "store-url": url}
        server = Pod(stage, rendered(stage, "lived", values), "server", free_port())
        server.lay(secrets)
        server.start(program, **environment)
        check("the server's pod is ready", server.answers(server.container["readinessProbe"]["httpGet"]["path"]), server.said + stage.said("server.log")[-900:])
        # what an operator asks in that pod goes into the values of the others
        told = lambda *words: stage.run("audit", "key", *words, "--config", f"{server.root}/etc/hallpass/hallpass.toml", **environment).stdout
        values["guard"]["publicKey"], values["witness"]["keys"] = told().strip(), told("--heads")
        documents = rendered(stage, "lived", values)
        for part in ("guard", "witness"):
            pod = Pod(stage, documents, part, free_port())
            pod.lay({})
            if part == "guard" and os.geteuid() == 0:
                # the claim that both mount
                pathlib.Path(f"{pod.root}/var/lib/hallpass/guard").rmdir()
                pathlib.Path(f"{pod.root}/var/lib/hallpass/guard").symlink_to(f"{server.root}/var/lib/hallpass-guard")
                os.chown(f"{server.root}/var/lib/hallpass-guard", USER, USER)
            pod.start(program, **environment)
            check(f"the {part}'s pod is well", pod.answers("/healthz"), pod.said + stage.said(f"{part}.log")[-900:])
            if part == "guard":
                check("it sees the ends that the server writes", wait(lambda: "guard_blind 0" in Api(f"http://127.0.0.1:{pod.port}").get("/metrics").body.decode(), 30, pod.process))
                if os.geteuid() == 0:
                    heard = lambda: [it for it in Api(f"http://127.0.0.1:{server.port}").get("/metrics").body.decode().splitlines() if it.startswith("hallpass_guard")]
                    check("and the server hears it by the folder that both mount", wait(lambda: any('heard_age_seconds{guard="elsewhere"}' in it for it in heard()), 30, server.process), heard())
            else:
                check("it countersigns", wait(lambda: any(pathlib.Path(f"{pod.root}/var/lib/hallpass/witness").rglob("*.json")), 30, pod.process), stage.said("witness.log")[-600:])
            check(f"the {part} writes nowhere else", not written_elsewhere(pod), written_elsewhere(pod))
            check.equal(f"the {part} stops when it is asked to", stage.stop(pod.process, signal.SIGTERM), 0)
        check("the server writes nowhere else", not written_elsewhere(server), written_elsewhere(server))
        check.equal("and stops when it is asked to", stage.stop(server.process, signal.SIGTERM), 0)
