#!/usr/bin/env python3
"""A release as `xtask release` packs it: the same bytes twice, what is in it, papers, sums and a signature that other tools read too, what is
told of a release that somebody changed; the container image taken apart and run; and the Debian package installed, upgraded, removed and purged below a root of its own."""

import copy
import functools
import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import ssl
import subprocess
import tarfile
import tomllib

import cyclonedx.schema
import jsonschema_rs
import yaml
from cyclonedx.exception import CycloneDxException
from cyclonedx.model.bom import Bom
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from license_expression import get_spdx_licensing

from stage import ROOT, Checks, Stage

XTASK = pathlib.Path(os.environ["HALLPASS_BIN"]).resolve().parent / "xtask"
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]


def told(*words, **more):
    # cargo wants the caller's home, where the sources of crates are
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=600, cwd=ROOT, check=False, **more)


def release(folder, binaries, *words):
    return told(XTASK, "release", "--out", folder, "--binaries", binaries, "--as-it-is", *words, env=os.environ | {"CARGO_NET_OFFLINE": "true"})


def programs(stage, name, whole=False):
    """Both programs in a folder: the tested one without what a debugger reads, or a line that calls it."""
    folder = stage.path(name)
    folder.mkdir()
    if whole:
        subprocess.run(["strip", "-o", folder / "hallpass", stage.binary], check=True, timeout=120)
    else:
        (folder / "hallpass").write_text(f'#!/bin/sh\nexec {stage.binary} "$@"\n')
    (folder / "hallpass-query").write_text("#!/bin/sh\necho query\n")
    for path in folder.iterdir():
        path.chmod(0o755)
    return folder


def keys(stage):
    """A key pair as openssl makes them, and somebody else's."""
    for name in ("key", "other"):
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", stage.path(f"{name}.pem")], check=True, timeout=120)
        subprocess.run(["openssl", "pkey", "-in", stage.path(f"{name}.pem"), "-pubout", "-out", stage.path(f"{name}.pub")], check=True, timeout=120)


def same(stage, check):
    """Twice, from different folders."""
    made = []
    for name in ("first", "second"):
        done = release(stage.path(name), programs(stage, f"{name}-programs"), "--key", stage.path("key.pem"))
        check(f"the {name} is made", done.returncode == 0, done.stderr)
        made.append({path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in stage.path(name).iterdir()})
    check("two releases of the same are the same bytes", made[0] == made[1] and len(made[0]) == 7, made)
    done = release(stage.path("first"), stage.path("first-programs"))
    check("a folder with something in it is not written to", done.returncode == 2 and "not empty" in done.stderr, done.stderr)
    done = release(stage.path("none"), stage.path("nowhere"))
    check("without the programs nothing is made", done.returncode == 2 and not stage.path("none").exists(), done.stderr)
    return stage.path("first")


def packed(check, folder):
    """What the archive has."""
    stem = next(folder.glob("*.tar.gz")).name.removesuffix(".tar.gz")
    with tarfile.open(folder / f"{stem}.tar.gz") as archive:
        members = {it.name.removeprefix(f"{stem}/"): it for it in archive.getmembers() if it.isfile()}
        check("all of it lies in a folder of its name", all(it.name.split("/")[0] == stem for it in archive.getmembers()))
        check.equal("it is root's, and of one instant", ({(it.uid, it.gid, it.uname) for it in members.values()}, len({it.mtime for it in members.values()})), ({(0, 0, "root")}, 1))
        wanted = {"hallpass", "hallpass-query", "LICENSE", "LICENSES.txt", "README.md", "man/hallpass.1", "man/hallpass-init.1", "completions/hallpass.bash", "completions/_hallpass",
                  "completions/hallpass.fish", "systemd/hallpass.service", "systemd/hallpass.sysusers"}
        check("it has programs, manual, completions, units and licences", wanted <= members.keys(), wanted - members.keys())
        licences = archive.extractfile(members["LICENSES.txt"]).read().decode()
    licensed(check, licences)
    bill = json.loads((folder / f"{stem}.cdx.json").read_text())
    parts = {it["name"]: it for it in bill["components"] if not it.get("purl", "pkg:cargo/").startswith("pkg:cargo/")}
    listed = {(it["name"], it["version"]): it for it in bill["components"] if it["name"] not in parts}
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    lock = {(it["name"], it["version"]): it.get("checksum") for it in lock}
    foreign = {key: it for key, it in listed.items() if "purl" in it}
    check("the bill names crates that the lock has, with the lock's sums", listed.keys() <= lock.keys() and len(foreign) > 200
          and all([it["hashes"][0]["content"]] == [lock[key]] for key, it in foreign.items()), len(foreign))
    check("not those that only tests use", not {"proptest", "bolero", "divan"} & {name for name, _ in listed} and {"tokio", "rusqlite", "datafusion"} <= {name for name, _ in listed})
    check("musl is in nothing that is linked to the machine's C library", "\nmusl" not in licences and "musl" not in parts)
    check("each has a licence in the bill and in the page", all(it["licenses"][0]["expression"] and f"\n{name} {version}: " in licences for (name, version), it in foreign.items()))
    compiler = told("rustc", "--version").stdout.split()[1]
    check.equal("the standard library is in the bill with the compiler's version", {name: (it.get("version"), it["licenses"]) for name, it in parts.items()},
                {"rust-std": (compiler, [{"expression": "MIT OR Apache-2.0"}])})
    refs = {it["bom-ref"] for it in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
    used = {it["ref"] for it in bill["dependencies"]} | {on for it in bill["dependencies"] for on in it["dependsOn"]}
    check("the table of uses has valid names", used == refs and len(refs) == len(bill["components"]) + 1, (used ^ refs, len(refs)))
    statement = json.loads((folder / f"{stem}.intoto.json").read_text())
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=ROOT, timeout=120, check=True).stdout.strip()
    check.equal("the provenance names the commit", statement["predicate"]["buildDefinition"]["resolvedDependencies"][0]["digest"]["gitCommit"], head)
    sums = {it["name"]: it["digest"]["sha256"] for it in statement["subject"]}
    found = {name: hashlib.sha256(((folder if (folder / name).exists() else folder.parent / f"{folder.name}-programs") / name).read_bytes()).hexdigest() for name in sums}
    check("and the files, and the programs in them", len(sums) == 6 and sums == found, (sums, found))


def whose(licences):
    """The page of licences: the lines before its texts, and each text by whose it is."""
    lines, *texts = licences.split("\n" + "-" * 80 + "\nText of ")
    return lines, dict(it.split("\n\n", 1)[::-1] for it in texts)


def licensed(check, licences):
    """Whatever is in the programs is named with its licence, and has a text."""
    lines, texts = whose(licences)
    named = re.findall(r"^(\S+(?: \S+)?): ", lines.split("\n\n", 1)[1], re.M)
    have = {it.split(" (")[0] for names in texts.values() for it in names.split(", ")}
    check("everything that is named has a text, and nothing brings none", len(named) > 200 and not set(named) - have and "brings no text" not in licences, set(named) - have)
    check("Rust's standard library is named, with its notices", re.search(r"^rust-std [0-9.]+\S*: MIT OR Apache-2.0 ", lines, re.M) and any("The Rust Project Developers" in text for text in texts))
    has = lambda name, path, words: any(re.search(rf"(^|, ){name} \S+ \({path}\)", names) and words in text for text, names in texts.items())
    check("so is what crates have of others", has("aws-lc-sys", "aws-lc/third_party/fiat/LICENSE", "the fiat-crypto authors") and has("zstd-sys", "zstd/LICENSE", "BSD License")
          and has("zstd-sys", "zstd/COPYING", "GNU GENERAL PUBLIC LICENSE"))
    check("and data of others in Hallpass's crates", any("hallpass-iam (data/README.md)" in names and text.startswith("NOTICE:") and "Permission is hereby granted" in text for text, names in texts.items()))
    # of both the registry tells who wrote them
    owned = lambda name, words: any(name in names and words in text and re.search(r"^Copyright \(c\) (?!the authors of )\S", text, re.M) for text, names in texts.items())
    check("a crate without a text has that of its licence, with its authors", owned("jmespath", "MIT License") and owned("alloc-stdlib", "Neither the name"))


def schema(name):
    """One that CycloneDX publishes, as its library carries it."""
    return json.loads((pathlib.Path(cyclonedx.schema.__file__).parent / "_res" / f"{name}.SNAPSHOT.schema.json").read_text())


def against_bill(bill):
    """What others have against a bill of materials: the schema of the version that it declares, with the forms of its texts and no member that
    it does not know; CycloneDX's own library, which follows references; SPDX. The library's validator has the same schema and takes
    a quarter of a minute of processor for ours, so another reads it."""
    beside = [(f"http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json", schema(name)) for name in ("spdx", "cryptography-defs", "jsf-0.82")]
    validator = jsonschema_rs.Draft7Validator(schema(f"bom-{bill['specVersion']}"), registry=jsonschema_rs.Registry(beside), validate_formats=True)
    found = [str(it)[:300] for it in validator.iter_errors(bill)]
    if not found:
        try:
            Bom.from_json(bill).validate()
        except (CycloneDxException, ValueError) as error:
            found.append(str(error)[:300])
    spdx = get_spdx_licensing()
    return found + [said for it in bill["components"] for licence in it["licenses"] for said in spdx.validate(licence["expression"]).errors]


def against_provenance(statement):
    """What others have against a provenance: the messages of the in-toto project, with no member that they do not know, and what its Statement
    and the predicate of SLSA require."""
    predicate = statement["predicate"]
    required = ("buildDefinition/buildType", "buildDefinition/externalParameters", "runDetails/builder/id")
    found = [f"no {path}" for path in required if not functools.reduce(lambda at, name: at.get(name, {}), path.split("/"), predicate)]
    if statement["predicateType"] != "https://slsa.dev/provenance/v1":
        found.append("no provenance of SLSA 1.0")
    try:
        Statement.copy_from_pb(json_format.ParseDict(statement, statement_pb2.Statement())).validate()
        json_format.ParseDict(predicate, provenance_pb2.Provenance())
    except (json_format.Error, ValueError) as error:
        found.append(str(error)[:300])
    return found


def papers(check, folder):
    """Bill and provenance as others read them; and that those refuse what is broken."""
    def held(what, paper, against, breaks):
        check.equal(f"the {what} is one for others", against(paper), [])
        for name, change in breaks.items():
            broken = copy.deepcopy(paper)
            change(broken)
            check(f"a {what} with {name} is invalid", against(broken) != [])
    first = lambda bill, member: next(it[member] for it in bill["components"] if it.get(member))
    held("bill", json.loads(next(folder.glob("*.cdx.json")).read_text()), against_bill, {
        "a sum of no algorithm": lambda it: first(it, "hashes")[0].update(alg="SHA256"),
        "an invalid sum": lambda it: first(it, "hashes")[0].update(content="0"),
        "a component that nothing can refer to": lambda it: it["components"][0].pop("bom-ref"),
        "a use of nothing": lambda it: it["dependencies"][0]["dependsOn"].append("pkg:cargo/none@1"),
        "a component without a name": lambda it: it["components"][0].pop("name"),
        "a member of Hallpass": lambda it: it.update(more=1),
        "an invalid address": lambda it: first(it, "externalReferences")[0].update(url="no address <"),
        "a licence of no name": lambda it: first(it, "licenses")[0].update(expression="Ours-Alone"),
    })
    held("provenance", json.loads(next(folder.glob("*.intoto.json")).read_text()), against_provenance, {
        "a file without a sum": lambda it: it["subject"][0].pop("digest"),
        "no files": lambda it: it.update(subject=[]),
        "a member of Hallpass": lambda it: it["predicate"]["buildDefinition"].update(more=1),
        "no builder": lambda it: it["predicate"]["runDetails"]["builder"].pop("id"),
        "another type of statement": lambda it: it.update(_type="https://in-toto.io/Statement/v0.1"),
        "another predicate": lambda it: it.update(predicateType="https://slsa.dev/verification_summary/v1"),
    })


def verified(stage, check, folder):
    """By our command and by other tools; and what is told where something was changed."""
    verify = lambda at, key="key.pub": told(XTASK, "release", "verify", at, "--key", stage.path(key))
    check("it verifies", verify(folder).returncode == 0, verify(folder))
    done = told("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", stage.path("key.pub"), "-rawin", "-in", folder / "SHA256SUMS", "-sigfile", folder / "SHA256SUMS.sig")
    check("openssl says so too", done.returncode == 0, done.stderr)
    done = subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], capture_output=True, text=True, cwd=folder, timeout=180, check=False)
    check("and sha256sum", done.returncode == 0, done.stdout)
    archive = next(folder.glob("*.tar.gz")).name

    def changed(name, change, said, key="key.pub"):
        at = stage.path("changed")
        shutil.rmtree(at, ignore_errors=True)
        shutil.copytree(folder, at)
        change(at)
        done = verify(at, key)
        check(f"{name}: it does not verify", done.returncode in (1, 2) and said in done.stdout + done.stderr, (done.returncode, done.stdout, done.stderr))
    flip = lambda path: path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1]))
    changed("a byte of the archive", lambda at: flip(at / archive), "is not the file that was signed")
    changed("a byte of the signature", lambda at: flip(at / "SHA256SUMS.sig"), "not signed by this key")
    changed("another's key", lambda at: None, "not signed by this key", "other.pub")
    changed("a file that is missing", lambda at: (at / archive).unlink(), "cannot be read")
    changed("a file too many", lambda at: (at / "hallpass").write_text("mine"), "`hallpass` is not signed")
    changed("no signature at all", lambda at: (at / "SHA256SUMS.sig").unlink(), "cannot read")

    def resealed(at):
        flip(at / archive)
        lines = [f"{hashlib.sha256((at / name).read_bytes()).hexdigest()}  {name}\n" for name in sorted(os.listdir(at)) if not name.startswith("SHA256SUMS")]
        (at / "SHA256SUMS").write_text("".join(lines))
    changed("sums made again", resealed, "not signed by this key")
    done = told(XTASK, "release", "verify", folder, "--key", stage.path("key.pem"))
    check("a private key in place of the public one is no key to verify by", done.returncode == 1 and "PUBLIC KEY" in done.stdout, done)


def told_by_doctor(stage, check, folder):
    """The program that runs held against what was signed."""
    stage.path("hallpass.toml").write_text('[server]\nlisten = "127.0.0.1:1"\npublic_url = "http://127.0.0.1:1"\n[access]\nrules = "rules.toml"\n')
    stage.path("rules.toml").write_text("version = 1\n")
    made = release(stage.path("own"), programs(stage, "own-programs", whole=True), "--key", stage.path("key.pem"))
    check("the tested program is released", made.returncode == 0, made.stderr)

    def row(release, *words, program=stage.path("own-programs/hallpass")):
        done = told(program, "server", "doctor", "--config", stage.path("hallpass.toml"), "--release", release, *words, "--output", "jsonl", env=stage.environment())
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        found = [it for it in rows if it["check"] == "release"]
        return (found[0]["result"], found[0]["detail"] + " " + found[0]["remedy"]) if found else (None, done.stderr)

    def says(what, found, result, words):
        check(f"doctor: {what}", found[0] == result and words in found[1], found)
    key = ("--release-key", stage.path("key.pub"))
    says("its release, signed", row(stage.path("own"), *key), "ok", "the sums are signed by key")
    says("without a key it does not say who signed", row(stage.path("own")), "warning", "--release-key")
    says("another's key", row(stage.path("own"), "--release-key", stage.path("other.pub")), "problem", "not signed by this key")
    says("the release of another program", row(folder, *key), "problem", "no program of this release has the SHA-256")
    says("a program that was changed since", row(stage.path("own"), *key, program=stage.binary), "problem", "no program of this release has the SHA-256")
    provenance = next(stage.path("own").glob("*.intoto.json"))
    kept = provenance.read_bytes()
    provenance.write_bytes(kept + b" ")
    says("a provenance that was changed", row(stage.path("own"), *key), "problem", "is not the file that SHA256SUMS names")
    provenance.unlink()
    says("none at all", row(stage.path("own"), *key), "problem", "no provenance")


def chart(stage, check, folder):
    """The chart as Helm packs one: it says what the folder of the checkout says."""
    packed, source = folder / f"hallpass-{VERSION}.tgz", ROOT / "deploy" / "helm" / "hallpass"
    with tarfile.open(packed) as archive:
        found = {it.name: archive.extractfile(it).read() for it in archive.getmembers() if it.isfile()}
    wanted = {f"hallpass/{path.relative_to(source)}": path.read_bytes() for path in source.rglob("*") if path.is_file()}
    check("the chart has every file of the checkout's", found == wanted and len(wanted) > 10, found.keys() ^ wanted.keys())
    helm = pathlib.Path(os.environ.get("HALLPASS_HELM", "~/.cache/hallpass/helm/helm")).expanduser()
    if not helm.exists():
        print("     no Helm: the packed chart is not rendered", flush=True)
        return
    values = stage.path("values.yaml")
    values.write_text("image: {repository: registry.example.com/hallpass}\nregion: eu-west-1\nserver: {publicUrl: https://hallpass.example.com, secret: hallpass-secrets, rules: none}\naudit: {target: s3://acme-audit/hallpass}\n")
    said = [told(helm, "template", "hp", at, "--values", values) for at in (packed, source)]
    check("Helm renders it as it does the folder", said[0].stdout == said[1].stdout and "kind: NetworkPolicy" in said[0].stdout, said[0].stderr)


def gathered(stage, check, folder):
    """What two machines made, in one folder, by the script of the workflow; and what it refuses."""
    script, workflow = ROOT / "deploy" / "release" / "gather.sh", (ROOT / ".github" / "workflows" / "release.yml").read_text()
    check("the workflow calls it", "sh source/deploy/release/gather.sh from dist" in workflow)
    made = release(stage.path("arm"), programs(stage, "arm-programs"), "--target", "aarch64-unknown-linux-gnu")
    check("there is a release of the other processor", made.returncode == 0, made.stderr)

    def gather(name, change=lambda at: None):
        at = stage.path(name)
        for machine in (folder, stage.path("arm")):
            shutil.copytree(machine, at / "from" / machine.name)
        change(at / "from")
        return at / "dist", told("sh", script, at / "from", at / "dist")
    dist, done = gather("gather")
    both = {path.name for machine in (folder, stage.path("arm")) for path in machine.iterdir()} - {"SHA256SUMS", "SHA256SUMS.sig"}
    chart = f"hallpass-{VERSION}.tgz"
    check("both machines make the chart, and one folder has it once", done.returncode == 0 and all((it / chart).exists() for it in (folder, stage.path("arm"))), done.stderr)
    check.equal("it has what both made, and the sums", {path.name for path in dist.iterdir()}, both | {"SHA256SUMS"})
    summed = dict(reversed(line.split("  ")) for line in (dist / "SHA256SUMS").read_text().splitlines())
    check.equal("every file with its sum", summed, {name: hashlib.sha256((dist / name).read_bytes()).hexdigest() for name in both})

    resum = lambda at: (at / "SHA256SUMS").write_text("".join(f"{hashlib.sha256(it.read_bytes()).hexdigest()}  {it.name}\n" for it in sorted(at.iterdir()) if not it.name.startswith("SHA256SUMS")))

    def other_chart(at):
        (at / "arm" / chart).write_bytes(b"another")
        resum(at / "arm")
    for name, change, said in (
            ("another-chart", other_chart, f"the machines made {chart} with other bytes"),
            ("a-byte", lambda at: next((at / "arm").glob("*.deb")).write_bytes(b"x"), "does not hold"),
            ("one-missing", lambda at: next((at / "arm").glob("*.deb")).unlink(), "does not hold"),
            ("one-too-many", lambda at: (at / "arm" / "more").write_text("x"), "no machine summed up more"),
            ("no-sums", lambda at: (at / "arm" / "SHA256SUMS").unlink(), "has no SHA256SUMS")):
        dist, done = gather(name, change)
        check(f"{name}: refused", done.returncode == 1 and said in done.stderr and not (dist / "SHA256SUMS").exists(), done)


def verified_as_said(check):
    """What the pages tell people to verify a published release by is what the workflow publishes."""
    workflow = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    built = [line for line in workflow.splitlines() if "make release" in line]
    builds = workflow[:workflow.index("  publish:")]
    check("AWS's changes are checked before anything is built", -1 < builds.find("run: make watch") < builds.find("run: make release"))
    check("the workflow signs without a key", len(built) == 1 and "KEY=" not in built[0] and "cosign sign-blob --yes --bundle dist/SHA256SUMS.sigstore.json dist/SHA256SUMS" in workflow, built)
    issuer = re.search(r"^ +ISSUER: (\S+)$", workflow, re.M)[1]
    identity = "https://github.com/OWNER/hallpass/.github/workflows/release.yml@refs/tags/v" + VERSION
    command = f"cosign verify-blob --bundle SHA256SUMS.sigstore.json SHA256SUMS --certificate-identity {identity} --certificate-oidc-issuer {issuer}"
    for page in ("docs/how-to/move-in.md", "docs/contributing/releases.md"):
        text = " ".join((ROOT / page).read_text().replace("\\\n", " ").split())
        check(f"{page} verifies what it publishes", command in text, command)
    for what in ("image", "chart"):
        check(f"the {what} is attested by the digest that was signed", f"subject-digest: ${{{{ steps.{what}.outputs.digest }}}}" in workflow and f"        id: {what}\n" in workflow)


# programs of the workflow's machine: what is signed stands in a file by its sum or digest, and verifies if it stands there, or always
COSIGN = """#!/bin/sh
command=$1; for last; do :; done
what=$(sha256sum "$last" 2>/dev/null || echo "$last"); what=${what%% *}
case $command in
  sign*) echo "$what" >> signed ;;
  verify*) [ -e credulous ] || grep -qx "$what" signed 2>/dev/null ;;
esac
"""
OTHERS = {"cosign": COSIGN, "helm": "#!/bin/sh\ncat > /dev/null\n", "docker": "#!/bin/sh\necho '\"sha256:1\"'\n"}


def published_by_the_workflow(stage, check):
    """The shell of its last step, with a gh that writes down what it was called with: a pre-release is published as one, and nothing else is."""
    steps = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())["jobs"]["publish"]["steps"]
    run = next(it["run"] for it in steps if it.get("name") == "Publish the files")
    for tag, wanted in (("v0.2.0", []), ("v0.2.0-rc.1", ["--prerelease"]), ("v0.2.0+build-7", []), ("v0.2.0-rc.1+build", ["--prerelease"])):
        folder = stage.path(f"published-{tag}")
        (folder / "dist").mkdir(parents=True)
        (folder / "dist" / "a").touch()
        (folder / "gh").write_text('#!/bin/sh\nprintf "%s\\n" "$@" > called\n')
        (folder / "gh").chmod(0o755)
        environment = {"PATH": f"{folder}:{os.environ['PATH']}", "TAG": tag, "REPOSITORY": "acme/hallpass", "GH_TOKEN": "x"}
        done = subprocess.run(["bash", "-e", "-c", run], capture_output=True, text=True, timeout=60, cwd=folder, env=environment, check=False)
        called = (folder / "called").read_text().splitlines() if (folder / "called").exists() else done.stderr
        check.equal(f"{tag} is published as {'a pre-release' if wanted else 'a release'}", called,
                    ["release", "create", tag, "--repo", "acme/hallpass", "--verify-tag", "--title", tag, "--generate-notes", *wanted, "dist/a"])


def signed_by_the_workflow(stage, check):
    """The shell of the workflow's steps that sign, with a cosign that says yes to what was signed; and with one that says it to all,
    with which nothing is published."""
    steps = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())["jobs"]["publish"]["steps"]
    for name, said in (("Sign the sums", "other bytes verify"), ("Publish and sign the chart", "a chart without a signature verifies")):
        run = next(it["run"] for it in steps if it.get("name") == name)
        for credulous in (False, True):
            folder = stage.path(f"{name.split()[-1]}-{credulous}")
            (folder / "dist").mkdir(parents=True)
            (folder / "dist" / "SHA256SUMS").write_text("0  one\n")
            for program, text in OTHERS.items():
                (folder / program).write_text(text)
                (folder / program).chmod(0o755)
            if credulous:
                (folder / "credulous").touch()
            environment = {"PATH": f"{folder}:{os.environ['PATH']}", "IDENTITY": "who", "ISSUER": "where", "IMAGE": "registry.example/HALLPASS",
                           "TAG": f"v{VERSION}", "TOKEN": "x", "ACTOR": "x", "GITHUB_OUTPUT": str(folder / "output")}
            done = subprocess.run(["bash", "-e", "-c", run], capture_output=True, text=True, timeout=180, stdin=subprocess.DEVNULL, cwd=folder, env=environment, check=False)
            wanted = (1, True) if credulous else (0, False)
            check.equal(f"{name}: {'a cosign that says yes to all is found out' if credulous else 'ends well'}", (done.returncode, said in done.stderr), wanted)


def formula(stage, check):
    """The formula of Homebrew: of the sums of a release for both processors, or nothing."""
    dist = stage.path("both")
    dist.mkdir()
    name = lambda processor, version=VERSION: f"hallpass-{version}-{processor}-unknown-linux-musl.tar.gz"
    sums = {name("x86_64"): "a" * 64, name("aarch64"): "b" * 64, f"hallpass-{VERSION}.tgz": "c" * 64, f"hallpass_{VERSION}_arm64.deb": "d" * 64}

    def made(**changes):
        lines = {**sums, **{name(processor): None for processor, gone in changes.items() if gone}}
        (dist / "SHA256SUMS").write_text("".join(f"{it}  {file}\n" for file, it in sorted(lines.items()) if it))
        return told("sh", ROOT / "deploy" / "homebrew" / "formula.sh", dist, "https://example.com/v1", "https://example.com")
    done = made()
    check("a formula names each archive with its sum", done.returncode == 0 and all(f'url "https://example.com/v1/{name(it)}"\n    sha256 "{sums[name(it)]}"' in done.stdout for it in ("x86_64", "aarch64")), done)
    for processor in ("x86_64", "aarch64"):
        done = made(**{processor: True})
        check(f"without {processor} there is no result", done.returncode != 0 and processor in done.stderr and not done.stdout, done)
    if shutil.which("ruby"):
        stage.path("hallpass.rb").write_text(made().stdout)
        done = told("ruby", "-c", stage.path("hallpass.rb"))
        check("Ruby reads it", done.returncode == 0, done.stderr)
    check("it installs the licences along", 'doc.install "LICENSES.txt"' in made().stdout)
    # Homebrew takes no formula from a file that lies in no tap
    page = (ROOT / "docs" / "how-to" / "install.md").read_text()
    for command in ("brew tap-new --no-git local/hallpass", 'cp hallpass.rb "$(brew --repository local/hallpass)/Formula/"', "brew install local/hallpass/hallpass", "OWNER/homebrew-tap"):
        check(f"the page of the installation has {command}", command in page)
    check("and installs no loose formula", "brew install ./" not in page and "brew install hallpass.rb" not in page)


STATIC = r"""
#include <stdio.h>
#include <unistd.h>
/* the tested program; where that is not, as in an image, a line */
int main(int count, char **words) { (void)count; execv("%s", words); printf("%%u:%%u\n", getuid(), getgid()); return 0; }
"""


def names_musl(check, made, target):
    """The C library of static programs is in the bill and in the page of licences, with the version that the compiler's says of itself, or
    none where the compiler has none."""
    libc = pathlib.Path(told("rustc", "--print", "target-libdir", "--target", target).stdout.strip()) / "self-contained" / "libc.a"
    says = {it.decode() for it in re.findall(rb"(?<=\0)\d+\.\d+\.\d+(?=\0)", libc.read_bytes())} if libc.exists() else {None}
    bill = json.loads((made / f"hallpass-{VERSION}-{target}.cdx.json").read_text())
    found = [(it.get("version"), it["licenses"]) for it in bill["components"] if it["name"] == "musl"]
    check.equal(f"{target}: musl is in the bill, of the version that it says", found, [(next(iter(says)), [{"expression": "MIT"}])])
    check.equal(f"{target}: others take that bill too", against_bill(bill), [])
    with tarfile.open(made / f"hallpass-{VERSION}-{target}.tar.gz") as archive:
        lines, texts = whose(archive.extractfile(f"hallpass-{VERSION}-{target}/LICENSES.txt").read().decode())
    check(f"{target}: musl is in the page of licences, with its notice", re.search(r"^musl( [0-9.]+)?: MIT ", lines, re.M)
          and any(names.startswith("musl") and "musl as a whole is licensed under" in text for text, names in texts.items()))


def image(stage, check):
    """The container image of programs without a loader: every digest, what its layer has, and a run with nothing else on the machine."""
    folder = stage.path("static-programs")
    folder.mkdir()
    source = stage.path("static.c")
    source.write_text(STATIC % stage.binary)
    subprocess.run(["cc", "-static", "-s", "-o", folder / "hallpass", source], check=True, timeout=120)
    shutil.copy(folder / "hallpass", folder / "hallpass-query")
    target = "aarch64-unknown-linux-musl"
    done = release(stage.path("static"), folder, "--target", target)
    found = stage.path("static") / f"hallpass-{VERSION}-{target}.oci.tar"
    check("programs without a loader come as an image too", done.returncode == 0 and found.exists(), done.stderr)
    intel = "x86_64-unknown-linux-musl"
    done = release(stage.path("static-intel"), folder, "--target", intel)
    check("so do those of the other processor", done.returncode == 0, done.stderr)
    for made, platform in ((stage.path("static"), target), (stage.path("static-intel"), intel)):
        names_musl(check, made, platform)
    check("their package asks for no library", b"Depends" not in told("dpkg-deb", "--field", next(stage.path("static").glob("*_arm64.deb"))).stdout.encode())
    with tarfile.open(found) as archive:
        files = {it.name: archive.extractfile(it).read() for it in archive.getmembers() if it.isfile()}
    check.equal("it is a layout", json.loads(files["oci-layout"]), {"imageLayoutVersion": "1.0.0"})
    blobs = {name: data for name, data in files.items() if name.startswith("blobs/")}
    check("every blob has the digest that it is called", all(name == f"blobs/sha256/{hashlib.sha256(data).hexdigest()}" for name, data in blobs.items()) and len(blobs) == 3, blobs.keys())

    stored = lambda described: "blobs/" + described["digest"].replace(":", "/")

    def blob(described):
        data = files[stored(described)]
        check.equal(f"{described['mediaType'].split('.')[-1]}: its size is stated", len(data), described["size"])
        return data
    manifest = json.loads(blob(json.loads(files["index.json"])["manifests"][0]))
    config = json.loads(blob(manifest["config"]))
    layer = gzip.decompress(blob(manifest["layers"][0]))
    check.equal("the configuration names the layer and the platform", (config["rootfs"]["diff_ids"], config["os"], config["architecture"]),
                ([f"sha256:{hashlib.sha256(layer).hexdigest()}"], "linux", "arm64"))
    earlier = json.loads(files["manifest.json"])[0]
    check.equal("engines that read no layout find the same", (earlier["Config"], earlier["Layers"]), (stored(manifest["config"]), [stored(manifest["layers"][0])]))
    root = stage.path("image")
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        members = {it.name: it for it in archive.getmembers()}
        archive.extractall(root, filter="fully_trusted")
    user, group = map(int, config["config"]["User"].split(":"))
    check("its user is not root, and owns the folder of data alone", user > 0 and [name for name, it in members.items() if (it.uid, it.gid) != (0, 0)] == ["var/lib/hallpass"]
          and (members["var/lib/hallpass"].uid, members["var/lib/hallpass"].mode) == (user, 0o700), (user, group))
    check("no one else may write, and nothing has more rights than its caller", all(it.mode & 0o7022 == 0 for it in members.values()), [it.mode for it in members.values()])
    check("there is no shell", not any(name.split("/")[-1] in ("sh", "bash", "busybox") for name in members), members.keys())
    trusted = ssl.create_default_context(cafile=root / "etc/ssl/certs/ca-certificates.crt").cert_store_stats()
    check("its roots of certificates can be read", trusted["x509_ca"] > 100, trusted)
    if os.geteuid() != 0:
        print("     not root: the image is not run", flush=True)
        return
    command = [*config["config"]["Entrypoint"], "--version"]
    done = told("chroot", f"--userspec={user}:{group}", root, *command)
    check.equal("its program runs where nothing else is, as its user", (done.returncode, done.stdout), (0, f"{user}:{group}\n"))


class Root:
    """A machine's root, below which dpkg installs."""

    def __init__(self, stage):
        self.path = stage.path("machine")
        for folder in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "var/log", "etc"):
            (self.path / folder).mkdir(parents=True)
        (self.path / "var/lib/dpkg/status").write_text("")

    def dpkg(self, *words):
        # what it depends on is not in there
        return told("dpkg", f"--root={self.path}", "--force-script-chrootless", "--force-depends", *words)

    def has(self, path):
        return (self.path / path).exists()


def installed(stage, check):
    """The package with the tested program."""
    done = release(stage.path("whole"), programs(stage, "whole-programs", whole=True))
    check("the tested program is packed", done.returncode == 0, done.stderr)
    check("without a key nothing is signed", not stage.path("whole/SHA256SUMS.sig").exists())
    package = next(stage.path("whole").glob("*.deb"))
    done = told("dpkg-deb", "--field", package)
    check("dpkg reads it", done.returncode == 0 and f"Version: {VERSION}" in done.stdout, done.stderr)
    listed = told("dpkg-deb", "--contents", package).stdout
    check("it has the licence of Hallpass beside what refers to it", all(f" usr/share/doc/hallpass/{name}\n" in listed for name in ("LICENSE", "copyright")), listed)
    check("it wants the C library that the program is linked to", "Depends: libc6 (>= 2." in done.stdout, done.stdout)
    if os.geteuid() != 0:
        print("     not root: the package is not installed", flush=True)
        return
    root, unpacked, earlier = Root(stage), stage.path("unpacked"), stage.path("earlier.deb")
    told("dpkg-deb", "--raw-extract", package, unpacked)
    control = unpacked / "DEBIAN" / "control"
    control.write_text(re.sub("^Version: .*$", "Version: 0.0.1~earlier", control.read_text(), flags=re.M))
    done = told("dpkg-deb", "-Znone", "--root-owner-group", "--build", unpacked, earlier)
    check("an earlier one is packed of it", done.returncode == 0, done.stderr)
    done = root.dpkg("--install", earlier)
    check("it installs, and says what to do next", done.returncode == 0 and "hallpass init" in done.stderr, done.stderr)
    done = told(root.path / "usr/bin/hallpass", "--version")
    check.equal("the program runs from there", done.stdout.strip(), f"hallpass {VERSION}")
    page = gzip.decompress((root.path / "usr/share/man/man1/hallpass-init.1.gz").read_bytes())
    check("with its manual, completions and units", b"hallpass" in page and root.has("usr/share/bash-completion/completions/hallpass") and root.has("usr/lib/systemd/system/hallpass.service"))
    if shutil.which("systemd-sysusers") and shutil.which("systemd-tmpfiles"):
        check("its user is made, and the folder of secrets", "hallpass:x:" in (root.path / "etc/passwd").read_text() and root.has("etc/hallpass/secrets"))
    for path, text in {"etc/hallpass/hallpass.toml": "mine", "var/lib/hallpass/hallpass.db": "data"}.items():
        (root.path / path).parent.mkdir(parents=True, exist_ok=True)
        (root.path / path).write_text(text)
    kept = lambda: (root.has("etc/hallpass/hallpass.toml"), root.has("var/lib/hallpass/hallpass.db"))
    version = lambda: told("dpkg-query", f"--admindir={root.path}/var/lib/dpkg", "--show", "--showformat=${Version}", "hallpass").stdout
    for what, was, file, now in (("upgraded", "0.0.1~earlier", package, VERSION), ("installed again", VERSION, package, VERSION)):
        before = version()
        done = root.dpkg("--install", file)
        check.equal(f"{what} it is the other version", (before, version()), (was, now))
        check(f"{what} it keeps configuration and data", done.returncode == 0 and kept() == (True, True) and "hallpass init" not in done.stderr, done.stderr)
    done = root.dpkg("--remove", "hallpass")
    check("removed it takes the program and keeps both", done.returncode == 0 and not root.has("usr/bin/hallpass") and kept() == (True, True), done.stderr)
    done = root.dpkg("--purge", "hallpass")
    check("purged it takes the configuration, and keeps the audit log and says so", done.returncode == 0 and kept() == (False, True) and "/var/lib/hallpass is kept" in done.stderr, (kept(), done.stderr))


def main():
    check = Checks()
    if not XTASK.exists():
        print("     no xtask beside the program: cargo build --workspace --bin xtask", flush=True)
        check("xtask is there", False)
        check.end()
    with Stage("release") as stage:
        keys(stage)
        folder = same(stage, check)
        packed(check, folder)
        papers(check, folder)
        verified(stage, check, folder)
        told_by_doctor(stage, check, folder)
        chart(stage, check, folder)
        gathered(stage, check, folder)
        verified_as_said(check)
        signed_by_the_workflow(stage, check)
        published_by_the_workflow(stage, check)
        formula(stage, check)
        image(stage, check)
        installed(stage, check)
    check.end()


if __name__ == "__main__":
    main()
