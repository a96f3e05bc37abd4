#!/usr/bin/env python3
"""What stands below `deploy/monitoring` against a server and a guard that run: each metric, label and value that an alert or the
dashboard asks for is given and documented, each alert has its line on the page and a runbook that is there, and `promtool` takes
the rules and plays their tests."""

import json
import pathlib
import platform
import re
import shutil
import subprocess

import yaml

from demo import MARA, Demo
from stage import ROOT, Api, Checks, Stage, answers, demo_variables, free_port, wait

FOLDER = ROOT / "deploy" / "monitoring"
PAGE = ROOT / "docs" / "operations" / "monitoring.md"
REFERENCE = ROOT / "docs" / "reference" / "http.md"
SELECTOR = re.compile(r"\b((?:hallpass|guard|process)_[a-z_]+)\b(?:\{([^}]*)\})?")
# where `tools.sh` puts it
PROMTOOL = pathlib.Path.home() / ".cache/hallpass/prometheus/promtool"
# rules as somebody might break them
WRONG = (("HallpassAccessOverdue", "hallpass_access_overdue > 0", "hallpass_access_overdue > 5"),
         ("HallpassDown", 'max by (job) (up{job="hallpass"}) == 0 or', 'up{job="hallpass"} == 0 or'),
         ("HallpassNodeDown", ' and on (job) max by (job) (up{job="hallpass"}) == 1', ""),
         ("HallpassSeveralLead", "sum by (job) (hallpass_leader) > 1", "sum by (job) (hallpass_leader) > 2"))
# what a scrape adds, whatever is scraped
OF_SCRAPES = {"job", "instance"}
# given by a server with a certificate of its own: `tls.py` asks it
ELSEWHERE = {"hallpass_tls_certificate_not_after_seconds", "hallpass_telemetry_sent_total", "hallpass_telemetry_dropped_total"}
# `x_bucket` and the like are of the histogram `x`
PARTS = re.compile(r"_(bucket|sum|count)$")


def selected(expression):
    """Metrics of an expression, each with the labels it is held to."""
    for name, inner in SELECTOR.findall(expression):
        held = re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"', inner)
        yield PARTS.sub("", name), {label: value for label, value in held if label not in OF_SCRAPES}


def grouped(expression):
    """Labels that results are grouped by."""
    return {label.strip() for inner in re.findall(r"\bby\s*\(([^)]*)\)", expression) for label in inner.split(",")} - {"le"}


def documented():
    """Metrics of the reference: the labels of each, and what its line says."""
    found = {}
    for line in REFERENCE.read_text().splitlines():
        if line.startswith("| `"):
            names, said = line.split("|")[1], line.split("|", 2)[2]
            for name, labels in re.findall(r"`((?:hallpass|guard|process)_\w+)(?:\{(.*?)\})?`", line.split(" | ")[0].replace("\\|", "/")):
                found[name] = ({it.split("=")[0] for it in (labels or "").split(",") if it}, names + said)
    return found


def expressions(rules, dashboard):
    """Where each expression stands, and it."""
    for rule in rules:
        yield rule["alert"], rule["expr"]
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["query"]["query"]


def on_paper(check, rules, dashboard):
    """Files, page and reference say the same."""
    known = documented()
    check("the reference lists metrics of server, guard and process", {"hallpass_grants", "guard_blind", "process_open_fds"} <= known.keys(), sorted(known))
    for place, expression in expressions(rules, dashboard):
        for name, labels in selected(expression):
            if check(f"{place}: `{name}` is documented", name in known, expression):
                its, said = known[name]
                check(f"{place}: `{name}` has these labels", labels.keys() <= its, (labels, its))
                check(f"{place}: and their values are documented", all(value in said for value in labels.values()), (labels, said))
        its = set().union(*(known[name][0] for name, _ in selected(expression) if name in known))
        check(f"{place}: what is grouped by is there", grouped(expression) - OF_SCRAPES <= its, (grouped(expression), its))
    for rule in rules:
        note = rule["annotations"]
        check(f"{rule['alert']}: has a runbook", (ROOT / note["runbook"]).is_file(), note["runbook"])
        its = OF_SCRAPES.union(*(known[name][0] for name, _ in selected(rule["expr"]) if name in known))
        named = set(re.findall(r"\$labels\.(\w+)", json.dumps(note)))
        check(f"{rule['alert']}: names labels that are there", named <= its, (named, its))
    said = dict(re.findall(r"^\| `(Hallpass\w+)` \| (\w+) \|", PAGE.read_text(), re.M))
    check.equal("the page lists each alert with its severity", said, {rule["alert"]: rule["labels"]["severity"] for rule in rules})
    asked = {name for rule in rules for name, _ in selected(rule["expr"])}
    silent = [name for name, (_, said) in known.items() if re.search(r"should (be|stay) 0", said) and name not in asked]
    check.equal("whatever should be 0 has an alert", [it for it in silent if it != "hallpass_guard_overdue"], [])
    ids = [panel["id"] for panel in dashboard["panels"]]
    check("panels have an id each", len(ids) == len(set(ids)), ids)


def by_promtool(check, stage):
    """What Prometheus's own tool says. `tools.sh` brings it for the processors that its package is pinned for."""
    found = PROMTOOL if PROMTOOL.is_file() else shutil.which("promtool")
    if not found and platform.machine() != "x86_64":
        print("     NOT TESTED: rules are only read, for no promtool is pinned for this processor", flush=True)
        return
    if not check("promtool is there", found, f"`tools.sh test` puts it at {PROMTOOL}"):
        return
    tool = lambda *words: subprocess.run([found, *words], capture_output=True, text=True, timeout=180)
    done = tool("check", "rules", FOLDER / "hallpass.rules.yml")
    check("promtool takes the rules", done.returncode == 0 and "SUCCESS" in done.stdout, done.stdout + done.stderr)
    done = tool("test", "rules", FOLDER / "hallpass.rules.test.yml")
    check("and plays their tests", done.returncode == 0, done.stdout + done.stderr)
    folder = stage.path("broken")
    shutil.copytree(FOLDER, folder)
    rules = folder / "hallpass.rules.yml"
    right = rules.read_text()
    for alert, of, wrong in WRONG:
        rules.write_text(right.replace(of, wrong))
        done = tool("test", "rules", folder / "hallpass.rules.test.yml")
        check(f"a wrong {alert} would be seen", right.count(of) == 1 and done.returncode != 0, done.stdout + done.stderr)


def types(scrape):
    """The families of a scrape, by their types."""
    return dict(re.findall(r"^# TYPE (\w+) (\w+)$", scrape, re.M))


def in_life(check, stage, rules, dashboard):
    """A server and a guard that run give all of it."""
    demo = Demo(stage)
    if not check("a demo starts", demo.start(), stage.said("demo.log")[-600:]):
        return
    keys = {name: value for name, value in demo_variables(stage.said("demo.log")).items() if name.startswith("AWS_")}
    text = stage.path("data/guard.toml").read_text().replace('name = "demo"', 'name = "watched"')
    port = free_port()
    beside = stage.path("data/watched.toml")
    beside.write_text(text.replace("[guard]\n", f'[guard]\nlisten = "127.0.0.1:{port}"\n'))
    guard = stage.spawn("server", "guard", "--config", str(beside), log="guard.log", **keys)
    check("a guard beside it answers", wait(lambda: answers(Api(f"http://127.0.0.1:{port}"), "/metrics"), 60, guard), stage.said("guard.log")[-600:])
    # a throttled call is counted once there was one
    demo.sim.post("/_sim/faults", {"kind": "error", "code": "ThrottlingException", "http": 400, "count": 2, "match": {"operation": "ListAccountAssignments"}})
    asked = demo.api(MARA).post("/api/v1/requests", {"account": "payments-dev", "permission_set": "ReadOnly", "duration_seconds": 30, "reason": "OPS-1: look"})
    check("a user has access", asked.status == 201, asked)
    scraped = lambda: demo.api(MARA).get("/metrics").body.decode() + Api(f"http://127.0.0.1:{port}").get("/metrics").body.decode()
    wanted = {name for _, expression in expressions(rules, dashboard) for name, _ in selected(expression)} - ELSEWHERE
    missing = lambda: wanted - types(scraped()).keys()
    # the last is how late an end was seen
    wait(lambda: not missing(), 90, demo.process, every=1)
    check.equal("server and guard give each requested metric", missing(), set())
    scrape = scraped()
    kinds = types(scrape)
    for place, expression in expressions(rules, dashboard):
        for name in re.findall(r"\b(?:rate|increase)\((\w+)", expression):
            kind = kinds.get(PARTS.sub("", name))
            check(f"{place}: `{name}` only grows", kind == "counter" or (kind == "histogram" and name.endswith("_bucket")), kind)
    # an alert on growth needs the metric to be there before it grows
    for name, more in (("hallpass_ends_by_guards_total", ""), ("hallpass_loop_breaks_total", "loop"), ("hallpass_notices_total", 'outcome="gave_up"')):
        rows = [line for line in scrape.splitlines() if line.startswith(name) and more in line]
        check(f"`{name}` is 0 before anything happened", rows and all(line.endswith(" 0") for line in rows), rows)
    check.equal("a look at people is a histogram", kinds.get("hallpass_people_look_seconds"), "histogram")
    stage.stop(guard)
    check.equal("the demo stops", stage.stop(demo.process), 0)


def main():
    check = Checks()
    rules = [rule for group in yaml.safe_load((FOLDER / "hallpass.rules.yml").read_text())["groups"] for rule in group["rules"]]
    dashboard = json.loads((FOLDER / "hallpass-dashboard.json").read_text())
    with Stage("monitoring") as stage:
        on_paper(check, rules, dashboard)
        by_promtool(check, stage)
        in_life(check, stage, rules, dashboard)
    check.end()


if __name__ == "__main__":
    main()
