#!/usr/bin/env python3
"""The workflows that how-to pages give for CI, step by step as the code host runs them: shells that stop at the first error, in a
checkout with the files of a change. Actions of others (checkout, upload) are all that is left out."""

import json
import os
import pathlib
import re
import subprocess

import yaml

from served import MARA, NOOR, RULES, TOMASZ, Served, asking
from stage import ROOT, Checks, Stage, rule

check = Checks()
WORKFLOW = re.compile(r"^```yaml\n(name: .*?)^```", re.M | re.S)
# that is not as `hallpass rules fmt` writes it
UNTIDY = RULES.replace("id = ", "id   =  ", 1)
READS_A_BUCKET = {"Version": "2012-10-17", "Statement": [
    {"Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports-of-the-month/*"}]}


class Pipeline:
    """The one job of the workflow of a page, in a checkout of its own."""

    def __init__(self, stage, page, **secrets):
        found = WORKFLOW.findall((ROOT / "docs/how-to" / page).read_text())
        check.equal(f"{page} has one workflow", len(found), 1)
        self.stage, self.page, self.folder = stage, page, stage.path(page.removesuffix(".md"))
        (self.job,) = yaml.safe_load(found[0])["jobs"].values()
        self.summary = self.folder / "summary"
        tools = stage.path("bin")
        tools.mkdir(exist_ok=True)
        if not (tools / "hallpass").exists():
            (tools / "hallpass").symlink_to(stage.binary)
        # what a workflow has of its code host's secrets and its own addresses
        given = {name: secrets.get(name, value) for name, value in self.job.get("env", {}).items()}
        check(f"{page}: every variable is known here", not any("${{" in value for value in given.values()), given)
        self.environment = stage.environment(**given, PATH=f"{tools}:{os.environ['PATH']}", GITHUB_STEP_SUMMARY=self.summary)

    def has(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def runs(self):
        """Exit codes of its steps, as far as it comes, and what they said."""
        codes, said, has_failed = [], "", False
        self.summary.unlink(missing_ok=True)
        for step in self.job["steps"]:
            if has_failed and step.get("if") != "always()":
                break
            if "run" not in step:
                continue
            # the code host's own way of running a step
            done = subprocess.run(["bash", "-e", "-c", step["run"]], cwd=self.folder, env=self.environment, capture_output=True,
                                  text=True, timeout=120, check=False)
            codes.append(done.returncode)
            said += done.stdout + done.stderr
            has_failed = has_failed or done.returncode != 0
        return codes, said


def rules(stage):
    server = Served(stage)
    past = server.api(MARA).post("/api/v1/requests", asking("ReadOnly", 60))
    check.equal("an earlier request", past.status, 201)
    token = server.made(NOOR, "--scope", "read").token
    pipeline = Pipeline(stage, "rules-in-ci.md", HALLPASS_SERVER=server.base, HALLPASS_TOKEN=token)
    formatted = stage.run("rules", "fmt", "-", stdin=RULES).stdout
    # as `hallpass access export` writes access files
    pipeline.has("access/access.yaml", "version: 1\n")
    pipeline.has("rules.toml", formatted)
    codes, said = pipeline.runs()
    check.equal("a change that changes nothing passes every step", codes, [0, 0, 0])
    check("what the server found is shown", '"findings": []' in said, said[-600:])
    check("and that past requests would be decided alike is in the summary", "change nothing" in pipeline.summary.read_text(), pipeline.summary.read_text())
    pipeline.has("rules.toml", UNTIDY)
    codes, said = pipeline.runs()
    check("a file in another form stops it at the first step, by name", codes == [1] and "rules.toml" in said, (codes, said))
    pipeline.has("rules.toml", formatted.replace("DatabaseOperator", "DatabaseOperater"))
    codes, said = pipeline.runs()
    check("a permission set that the organization does not have stops it, with the nearest name", codes == [0, 3] and "DatabaseOperator" in said, (codes, said))
    pipeline.has("rules.toml", formatted + '\n[[rule]]\nid = "broken"\n')
    codes, said = pipeline.runs()
    check("rules that no server would load stop it", codes == [0, 2] and "missing-field" in said, (codes, said))
    narrower = stage.run("rules", "fmt", "-", stdin=rule("read", accounts=["*"], permission_sets=["ReadOnly"], approvers=[NOOR, TOMASZ])).stdout
    pipeline.has("rules.toml", narrower)
    codes, said = pipeline.runs()
    check("a change of what would be decided passes", codes == [0, 0, 0], (codes, said))
    check("and says whose request would be decided otherwise", MARA in pipeline.summary.read_text(), pipeline.summary.read_text())
    pipeline.environment["HALLPASS_TOKEN"] = "hp_wrong"
    codes, said = pipeline.runs()
    check("a token that was never issued fails it", codes[:1] == [0] and codes[-1] != 0 and len(codes) == 2, (codes, said))


def policies(stage):
    pipeline = Pipeline(stage, "policies-in-ci.md")
    pipeline.has("policies/identity/reader.json", json.dumps(READS_A_BUCKET))
    codes, said = pipeline.runs()
    check("a policy without findings passes", codes == [0], (codes, said))
    pipeline.has("policies/identity/misspelt.json", json.dumps(READS_A_BUCKET).replace("GetObject", "GetObjekt"))
    codes, said = pipeline.runs()
    check("one with an action that AWS does not have fails it", len(codes) == 1 and codes[0] != 0, (codes, said))
    sarif = json.loads((pipeline.folder / "lint.sarif").read_text())
    results = sarif["runs"][0]["results"]
    places = {it["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for it in results}
    check("and the report that is uploaded all the same names the file", sarif["version"] == "2.1.0" and places == {"policies/identity/misspelt.json"}, results)
    uploads = [step for step in pipeline.job["steps"] if "upload-sarif" in step.get("uses", "")]
    check("which is what the last step uploads", uploads and uploads[0]["with"]["sarif_file"] == "lint.sarif"
          and pathlib.Path(pipeline.folder / uploads[0]["with"]["sarif_file"]).exists(), uploads)


def main():
    with Stage("pipelines") as stage:
        rules(stage)
        policies(stage)
    check.end()


main()
