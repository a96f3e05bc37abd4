"""`deploy/helm`, for deploy_code.py: Helm itself renders the chart, every document is held to the schema of Kubernetes, every pod to the
restricted pod security standard, and the program takes the configuration that would be deployed. No cluster is reached."""

import copy
import json
import os
import pathlib
import re
import shutil
import subprocess
import tomllib

import kubernetes_validate
import yaml

from stage import ROOT, rule

CHART = ROOT / "deploy" / "helm" / "hallpass"
PAGE = ROOT / "docs" / "how-to" / "install-with-helm.md"
HELM = pathlib.Path(os.environ.get("HALLPASS_HELM", "~/.cache/hallpass/helm/helm")).expanduser()
# the oldest that the chart says it runs on, and the newest whose schema is at hand
KUBERNETES = ("1.28", "1.37")
KEY = "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
RULES = rule("read", accounts=["*"], except_accounts=["444455556666"], permission_sets=["ReadOnly"], approval_is_not_required=True)
SERVER = {"publicUrl": "https://hallpass.example.com", "secret": "hallpass", "rules": RULES, "trustedProxies": ["10.0.0.0/16"]}
IMAGE = {"repository": "registry.example/hallpass"}
AUDIT = {"target": "s3://acme-audit/hallpass"}
GUARD = {"enabled": True, "name": "elsewhere", "ends": "s3://acme-ends/hallpass/ends.jsonl", "publicKey": KEY}
WITNESS = {"enabled": True, "keys": "head ecdsa-p256:AAAA\n"}
INGRESS = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}
CASES = {
    "smallest": {"region": "eu-west-1", "image": IMAGE, "server": SERVER, "audit": AUDIT},
    "everything": {
        "region": "eu-west-1", "image": {**IMAGE, "digest": "sha256:" + "ab" * 32, "pullSecrets": ["registry"]},
        "server": {**SERVER, "replicas": 3, "databaseCa": "-----BEGIN CERTIFICATE-----\n", "eventsQueue": "https://sqs.eu-west-1.amazonaws.com/111122223333/hallpass",
                   "configuration": '[identity]\nadmins = ["group:platform-admins"]\n[oidc]\nissuer = "https://id.example.com"\nclient_id = "hallpass"\nclient_secret = "file:/run/secrets/hallpass/oidc"\n',
                   "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/hallpass"}}, "nodeSelector": {"kubernetes.io/arch": "amd64"}},
        "audit": {**AUDIT, "lockMode": "compliance", "lockDays": 400, "kmsKey": "arn:aws:kms:eu-west-1:111122223333:key/1"},
        "guard": {**GUARD, "roleArn": "arn:aws:iam::111122223333:role/guard", "journal": {"claim": "hallpass-guard"}}, "witness": {**WITNESS, "publish": "s3://acme-witness/hallpass"},
        "networkPolicy": {"callers": [INGRESS], "monitoring": [{"namespaceSelector": {}}], "database": [{"ipBlock": {"cidr": "10.0.8.0/24"}}], "egressPorts": [587]},
        "ingress": {"enabled": True, "className": "nginx", "tlsSecret": "hallpass-tls"},
    },
    "guard alone": {"region": "eu-west-1", "image": IMAGE, "server": {"enabled": False}, "guard": GUARD},
    "witness alone": {"region": "eu-west-1", "image": IMAGE, "server": {"enabled": False}, "audit": AUDIT, "witness": WITNESS},
}
KINDS = {
    "smallest": {"ConfigMap": 1, "ServiceAccount": 1, "Service": 1, "PodDisruptionBudget": 1, "Deployment": 1, "NetworkPolicy": 1},
    "everything": {"ConfigMap": 3, "ServiceAccount": 3, "Service": 3, "PodDisruptionBudget": 1, "Deployment": 1, "StatefulSet": 2, "NetworkPolicy": 3, "Ingress": 1},
    "guard alone": {"ConfigMap": 1, "ServiceAccount": 1, "Service": 1, "StatefulSet": 1, "NetworkPolicy": 1},
    "witness alone": {"ConfigMap": 1, "ServiceAccount": 1, "Service": 1, "StatefulSet": 1, "NetworkPolicy": 1},
}
# what the chart refuses, and by which words
REFUSED = [
    ("nothing given", {}, "server.publicUrl"),
    ("an invalid value", {**CASES["smallest"], "server": {**SERVER, "replica": 2}}, "replica"),
    ("plain HTTP", {**CASES["smallest"], "server": {**SERVER, "publicUrl": "http://hallpass.example.com"}}, "publicUrl"),
    ("an image of nowhere", {it: value for it, value in CASES["smallest"].items() if it != "image"}, "image.repository"),
    ("an image of nowhere for a guard alone", {it: value for it, value in CASES["guard alone"].items() if it != "image"}, "image.repository"),
    ("no secret", {**CASES["smallest"], "server": {**SERVER, "secret": ""}}, "server.secret"),
    ("a guard without a key", {**CASES["guard alone"], "guard": {**GUARD, "publicKey": ""}}, "guard.publicKey"),
    ("a lock of no kind", {**CASES["smallest"], "audit": {**AUDIT, "lockMode": "none"}}, "lockMode"),
]
# volumes that the restricted standard allows
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def helm(stage, *words):
    return subprocess.run([HELM, *words], capture_output=True, text=True, timeout=180, check=False, env=stage.environment())


def rendered(stage, name, values, chart=CHART, release="hp"):
    """Documents of the chart, or what Helm says against it."""
    path = stage.path(f"{name.replace(' ', '-')}.yaml")
    path.write_text(yaml.safe_dump(values))
    done = helm(stage, "template", release, chart, "--namespace", "hallpass", "--values", path)
    return [it for it in yaml.safe_load_all(done.stdout) if it] if done.returncode == 0 else done.stderr


def pods(documents):
    return [(f"{it['kind']} {it['metadata']['name']}", it["spec"]["template"]) for it in documents if it["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job")]


def invalid(documents):
    """What Kubernetes' own schema has against a document."""
    wrong = []
    for document in documents:
        for version in KUBERNETES:
            try:
                kubernetes_validate.validate(document, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                wrong.append(f"{version}: {document['kind']} {document['metadata']['name']}: {error.message}")
    return wrong


def loose(documents):
    """What the restricted pod security standard has against a pod, and what we ask besides."""
    wrong = []
    for name, template in pods(documents):
        pod = template["spec"]
        context = pod.get("securityContext", {})
        wrong += [f"{name}: {key}" for key in ("hostNetwork", "hostPID", "hostIPC") if pod.get(key)]
        wrong += [f"{name}: volume {it['name']}" for it in pod.get("volumes", []) if not (set(it) - {"name"}) <= VOLUMES]
        wrong += [f"{name}: {key}" for key in ("sysctls", "seLinuxOptions", "windowsOptions", "appArmorProfile") if key in context]
        wrong += [] if pod.get("automountServiceAccountToken") is False else [f"{name}: has a token of the cluster"]
        for it in [*pod.get("initContainers", []), *pod["containers"], *pod.get("ephemeralContainers", [])]:
            own = it.get("securityContext", {})
            both = {**context, **own}
            wrong += [] if both.get("runAsNonRoot") is True and both.get("runAsUser", 0) != 0 else [f"{name}: may be root"]
            wrong += [] if both.get("seccompProfile", {}).get("type") in ("RuntimeDefault", "Localhost") else [f"{name}: seccompProfile"]
            wrong += [] if own.get("allowPrivilegeEscalation") is False and not own.get("privileged") else [f"{name}: privileges"]
            wrong += [] if own.get("capabilities", {}).get("drop") == ["ALL"] and not own["capabilities"].get("add") else [f"{name}: capabilities"]
            wrong += [] if own.get("procMount", "Default") == "Default" and not any(port.get("hostPort") for port in it.get("ports", [])) else [f"{name}: of the host"]
            wrong += [] if own.get("readOnlyRootFilesystem") is True else [f"{name}: writes to its root"]
            wrong += [] if it.get("resources", {}).get("requests") and it["resources"].get("limits", {}).get("memory") else [f"{name}: without limits"]
    return wrong


def covers(selector, labels):
    return bool(selector) and selector.items() <= labels.items()


def untied(documents):
    """Names that lead nowhere: selectors, config maps, accounts, ports, mounts."""
    wrong = []
    by = lambda kind: {it["metadata"]["name"]: it for it in documents if it["kind"] == kind}
    labels = [template["metadata"]["labels"] for _, template in pods(documents)]
    for it in documents:
        selector = {"Service": lambda: it["spec"]["selector"], "NetworkPolicy": lambda: it["spec"]["podSelector"]["matchLabels"], "PodDisruptionBudget": lambda: it["spec"]["selector"]["matchLabels"]}.get(it["kind"])
        wrong += [f"{it['kind']} {it['metadata']['name']} selects not one pod"] if selector and sum(covers(selector(), one) for one in labels) != 1 else []
    for name, template in pods(documents):
        pod = template["spec"]
        wrong += [] if pod["serviceAccountName"] in by("ServiceAccount") else [f"{name}: no account {pod['serviceAccountName']}"]
        wrong += [] if sum(covers(it["spec"]["podSelector"]["matchLabels"], template["metadata"]["labels"]) for it in by("NetworkPolicy").values()) == 1 else [f"{name}: not one network policy"]
        maps = re.findall(r'"configMap": \{[^}]*"name": "([^"]+)"', json.dumps(pod))
        wrong += [f"{name}: no config map {it}" for it in maps if it not in by("ConfigMap")]
        container = pod["containers"][0]
        claims = [it["metadata"]["name"] for document in documents if f"{document['kind']} {document['metadata']['name']}" == name for it in document["spec"].get("volumeClaimTemplates", [])]
        there = {it["name"] for it in pod.get("volumes", [])} | set(claims)
        wrong += [f"{name}: mounts {it['name']}" for it in container["volumeMounts"] if it["name"] not in there]
        wrong += [f"{name}: volume {it} is not mounted" for it in there - {it["name"] for it in container["volumeMounts"]}]
        probes = [container[it] for it in ("startupProbe", "livenessProbe", "readinessProbe") if it in container]
        wrong += [f"{name}: probes another port"] if any((it.get("httpGet") or it["tcpSocket"])["port"] != "http" for it in probes) else []
    return wrong


def ports_differ(documents):
    """Ports of containers, services and network policies, against what the configuration says to listen on."""
    wrong = []
    for name, template in pods(documents):
        part = template["metadata"]["labels"]["app.kubernetes.io/component"]
        container = template["spec"]["containers"][0]
        config = next((tomllib.loads(it["data"]["hallpass.toml"]) for it in documents if it["kind"] == "ConfigMap" and it["metadata"]["labels"]["app.kubernetes.io/component"] == part and "hallpass.toml" in it["data"]), None)
        listen = config[part]["listen"] if config else next(it for it in container["args"] if it.startswith("--listen="))
        port = int(listen.rsplit(":", 1)[1])
        policies = [rule_of["ports"][0]["port"] for it in documents if it["kind"] == "NetworkPolicy" and it["metadata"]["labels"]["app.kubernetes.io/component"] == part for rule_of in it["spec"]["ingress"]]
        services = [it["spec"]["ports"][0]["port"] for it in documents if it["kind"] == "Service" and it["metadata"]["labels"]["app.kubernetes.io/component"] == part]
        wrong += [] if {port} == {container["ports"][0]["containerPort"], *policies, *services} else [f"{name}: {port}, {policies}, {services}"]
    return wrong


def refused_by_program(stage, documents, name):
    """What the program has against configuration, rules and command lines that would be deployed."""
    wrong = []
    for it in [it for it in documents if it["kind"] == "ConfigMap"]:
        folder = stage.path(f"{name.replace(' ', '-')}-{it['metadata']['name']}")
        (folder / "secrets").mkdir(parents=True, exist_ok=True)
        for file, text in it["data"].items():
            (folder / file).write_text(text.replace("/run/secrets/hallpass", str(folder / "secrets")))
        (folder / "secrets/store-url").write_text("postgres://hallpass:x@db.example/hallpass?sslrootcert=/etc/hallpass/db-ca.pem")
        (folder / "secrets/oidc").write_text("secret")
        if "hallpass.toml" in it["data"]:
            whom = it["metadata"]["labels"]["app.kubernetes.io/component"]
            done = stage.run("server", "doctor", "--iam-policy", "--by-rules-alone", "--for", whom, "--config", folder / "hallpass.toml")
            wrong += [] if done.returncode == 0 and '"Statement"' in done.stdout else [done.stderr or "prints no policy"]
        if "rules.toml" in it["data"]:
            done = stage.run("rules", "check", folder / "rules.toml")
            wrong += [] if done.returncode == 0 else [done.stderr]
    for of, template in pods(documents):
        # an option that is none is found before the help is printed
        done = stage.run(*template["spec"]["containers"][0]["args"], "--help")
        wrong += [] if done.returncode == 0 and "Usage:" in done.stdout else [f"{of}: {done.stderr}"]
    return wrong


CHECKS = (("Kubernetes takes every document", invalid), ("every pod is restricted", loose), ("every name leads somewhere", untied), ("ports are those of the configuration", ports_differ))


def mistakes(stage, check, documents):
    """Each check can fail."""
    def broken(change):
        found = copy.deepcopy(documents)
        change({it["kind"] + " " + it["metadata"]["name"]: it for it in found})
        return found
    pod = lambda them: them["Deployment hp-server"]["spec"]["template"]["spec"]
    container = lambda them: pod(them)["containers"][0]
    for what, finds, change in (
        ("a pod without a security context", loose, lambda them: pod(them).pop("securityContext")),
        ("a container without one", loose, lambda them: container(them).pop("securityContext")),
        ("a root that can be written to", loose, lambda them: container(them)["securityContext"].pop("readOnlyRootFilesystem")),
        ("capabilities that are kept", loose, lambda them: container(them)["securityContext"]["capabilities"].update(drop=["NET_RAW"])),
        ("a folder of the host", loose, lambda them: pod(them)["volumes"].append({"name": "host", "hostPath": {"path": "/"}})),
        ("a token of the cluster", loose, lambda them: pod(them).pop("automountServiceAccountToken")),
        ("an unknown field", invalid, lambda them: container(them).update(readynessProbe={})),
        ("a number in place of words", invalid, lambda them: container(them).update(image=1)),
        ("a service of no pod", untied, lambda them: them["Service hp-server"]["spec"]["selector"].update({"app.kubernetes.io/component": "web"})),
        ("a pod without a network policy", untied, lambda them: them["NetworkPolicy hp-guard"]["spec"]["podSelector"]["matchLabels"].update({"app.kubernetes.io/component": "none"})),
        ("an unknown config map", untied, lambda them: pod(them)["volumes"][0]["projected"]["sources"][0]["configMap"].update(name="none")),
        ("another port", ports_differ, lambda them: container(them)["ports"][0].update(containerPort=8081)),
    ):
        check(f"{what} is found", finds(broken(change)))
    for what, change in (("an unknown key of the configuration", lambda them: them["ConfigMap hp-server"]["data"].update({"hallpass.toml": "[server]\nlisten_on = 1\n"})),
                         ("an unknown option", lambda them: container(them).update(args=["serve", "--configuration", "x"]))):
        check(f"{what} is found", refused_by_program(stage, broken(change), "broken"))


def changed(stage, check, documents):
    """A new configuration makes new pods, new rules do not."""
    of = lambda them: next(it for it in them if it["kind"] == "Deployment")["spec"]["template"]
    rules = rendered(stage, "rules", {**CASES["smallest"], "server": {**SERVER, "rules": RULES.replace("ReadOnly", "Billing")}})
    config = rendered(stage, "config", {**CASES["smallest"], "server": {**SERVER, "configuration": "[identity]\nadmins = []\n"}})
    trusted = rendered(stage, "trusted", {**CASES["smallest"], "server": {**SERVER, "databaseCa": "-----BEGIN CERTIFICATE-----\n"}})
    renewed = rendered(stage, "renewed", {**CASES["smallest"], "server": {**SERVER, "databaseCa": "-----BEGIN CERTIFICATE-----\nanother\n"}})
    check.equal("new rules are read by the pods that run, a new configuration by new ones", [of(it) == of(documents) for it in (rules, config)], [True, False])
    check("and so is a new authority of the database", of(trusted) != of(renewed))


def as_given(stage, check):
    """Texts arrive as they were given, and an address with a port is a host without it."""
    rules, keys = f"  # indented first\n{RULES}", "  head ecdsa-p256:AAAA\n\n# the end\n"
    authority = "  -----BEGIN CERTIFICATE-----\nüñ<>&\n"
    values = {**CASES["everything"], "server": {**CASES["everything"]["server"], "rules": rules, "databaseCa": authority, "publicUrl": "https://hallpass.example.com:8443"}, "witness": {**WITNESS, "keys": keys}}
    found = rendered(stage, "as given", values)
    if not check("texts whose first line is indented are rendered", isinstance(found, list), found):
        return
    data = {it["metadata"]["name"]: it["data"] for it in found if it["kind"] == "ConfigMap"}
    check.equal("and arrive as they were given", (data["hp-server"]["rules.toml"], data["hp-server"]["db-ca.pem"], data["hp-witness"]["keys.txt"]), (rules, authority, keys))
    check("the configuration has the address as it was given", tomllib.loads(data["hp-server"]["hallpass.toml"])["server"]["public_url"] == values["server"]["publicUrl"])
    (ingress,) = [it["spec"] for it in found if it["kind"] == "Ingress"]
    check.equal("the host of the ingress has no port", [ingress["rules"][0]["host"], *ingress["tls"][0]["hosts"]], ["hallpass.example.com"] * 2)


def named_otherwise(stage, check):
    """Names that YAML takes for something else, where it is not told: they arrive as names."""
    journal, server = {"claim": "2026", "storageClass": "true"}, {**CASES["everything"]["server"], "secret": "2026"}
    values = {**CASES["everything"], "server": server, "guard": {**CASES["everything"]["guard"], "journal": journal}, "witness": {**CASES["everything"]["witness"], "storageClass": "true"},
              "image": {**IMAGE, "pullSecrets": ["0x1"]}, "ingress": {"enabled": True, "className": "on", "tlsSecret": "true"}}
    alone = {**values, "server": {"enabled": False}, "guard": {**values["guard"], "journal": {**journal, "claim": ""}}}
    for release in ("true", "2026"):
        for what, given in (("all of it", values), ("guard and witness", alone)):
            found = rendered(stage, "named", given, release=release)
            wrong = [*invalid(found), *untied(found)] if isinstance(found, list) else [found]
            check(f"a release named {release}, {what}: names are names", not wrong, wrong)


def of_the_page(stage, check):
    """The values that the guide shows are values, and the program takes what becomes of them."""
    blocks = [text.replace("ed25519:…", KEY).replace("ecdsa-p256:…", "ecdsa-p256:AAAA") for text in re.findall(r"^```yaml\n# \w+\.yaml\n(.*?)^```", PAGE.read_text(), re.M | re.S)]
    check.equal("the guide shows values of server, guard and witness", len(blocks), 3)
    for number, text in enumerate(blocks):
        values = yaml.safe_load(text)
        if "publicUrl" in values["server"]:
            values["server"]["rules"] = RULES
        found = rendered(stage, f"page-{number}", values)
        wrong = [it for _, find in CHECKS for it in find(found)] + refused_by_program(stage, found, f"page-{number}") if isinstance(found, list) else [found]
        check(f"its values {number + 1} fit", not wrong, wrong)


def notes(stage, check):
    """What Helm says after an installation: its commands are those of the program, and it names what is missing."""
    said = {name: helm(stage, "install", "hp", CHART, "--dry-run=client", "--namespace", "hallpass", "--values", stage.path(f"{name}.yaml")) for name in ("smallest", "everything")}
    texts = {name: done.stdout.split("NOTES:")[-1] for name, done in said.items()}
    commands = [line.split(" -- hallpass ")[1].split() for text in texts.values() for line in text.splitlines() if " -- hallpass " in line]
    wrong = [" ".join(words) for words in commands if stage.run(*words, "--help").returncode]
    check("commands printed after an installation are commands", len(commands) >= 7 and not wrong, (wrong, [done.stderr for done in said.values()]))
    check.equal("what is missing is named, and nothing else", ["callers is empty" in texts[name] and "guard.ends is empty" in texts[name] for name in texts], [True, False])


def helm_chart(stage, check):
    if not HELM.exists():
        print(f"     there is no {HELM} (it is released for another processor): the chart is not rendered", flush=True)
        return
    documents = {name: rendered(stage, name, values) for name, values in CASES.items()}
    for name, found in documents.items():
        if not check(f"{name}: Helm renders it", isinstance(found, list), found):
            continue
        kinds = {kind: sum(it["kind"] == kind for it in found) for kind in {it["kind"] for it in found}}
        check.equal(f"{name}: it has what belongs to it", kinds, KINDS[name])
        for what, find in CHECKS:
            check(f"{name}: {what}", not find(found), find(found))
        wrong = refused_by_program(stage, found, name)
        check(f"{name}: the program takes configuration, rules and commands", not wrong, wrong)
    done = helm(stage, "lint", "--strict", CHART, "--values", stage.path("everything.yaml"))
    check("Helm's own lint says nothing", done.returncode == 0 and "[ERROR]" not in done.stdout and "[WARNING]" not in done.stdout, done.stdout + done.stderr)
    for what, values, words in REFUSED:
        found = rendered(stage, "refused", values)
        check(f"{what}: refused, and by which value", isinstance(found, str) and words in found, found if isinstance(found, str) else "rendered")
    everything = {f"{it['kind']} {it['metadata']['name']}": it for it in documents["everything"]}
    check.equal("two nodes at least stay up", (everything["Deployment hp-server"]["spec"]["replicas"], everything["PodDisruptionBudget hp-server"]["spec"]["maxUnavailable"]), (3, 1))
    check("a role of AWS by the account of the pod", everything["ServiceAccount hp-server"]["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/hallpass"})
    check.equal("the image by its digest", everything["Deployment hp-server"]["spec"]["template"]["spec"]["containers"][0]["image"], "registry.example/hallpass@sha256:" + "ab" * 32)
    changed(stage, check, documents["smallest"])
    as_given(stage, check)
    named_otherwise(stage, check)
    of_the_page(stage, check)
    notes(stage, check)
    mistakes(stage, check, documents["everything"])
    of = yaml.safe_load((CHART / "Chart.yaml").read_text())
    check.equal("the chart is of this version", {of["appVersion"], of["version"]}, {tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]})
    shutil.rmtree(stage.path(".cache"), ignore_errors=True)
