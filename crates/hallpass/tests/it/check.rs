//! `rules check`: exit codes, and output as golden files.

use std::path::Path;

use crate::run::{Ran, golden, hallpass, run};

fn check(args: &[&str]) -> Ran {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden");
    run(hallpass()
        .current_dir(folder)
        .args(["rules", "check"])
        .args(args))
}

#[test]
fn findings_are_shown_with_their_line() {
    for (file, code) in [("bad.json", 2), ("tests.toml", 1), ("odd.json", 0)] {
        let ran = check(&[file, "--output", "table"]).exits(code);
        golden(&format!("{file}.golden"), &ran.out);
        assert_eq!(ran.err, "", "{file}");
    }
}

#[test]
fn warnings_are_findings_only_when_asked() {
    check(&["odd.json"]).exits(0);
    check(&["odd.json", "--fail-on-findings"]).exits(3);
    check(&["bad.json", "--fail-on-findings"]).exits(2);
    check(&["absent.json"]).exits(2);
}

#[test]
fn a_file_without_rules_fails_whatever_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("empty.toml", ""),
        ("comments.toml", "# [[rule]]\n"),
        ("none.toml", "rule = []\n"),
        ("none.json", "{\"statements\": []}"),
        ("other.tf", "provider \"aws\" {\n}\n"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let check = |more: &[&str]| {
            let mut command = hallpass();
            command.args(["rules", "check", "--output", "table"]);
            run(command.args(more).arg(&path)).exits(1).out
        };
        for more in [&[][..], &["--fail-on-findings"]] {
            let said = check(more);
            let wanted = "[no-rules]: no rules: a server with this file refuses every request";
            assert!(said.contains(wanted), "{name}: {said}");
        }
    }
}

#[test]
fn programs_get_data_and_people_read_the_same_on_stderr() {
    let ran = check(&["bad.json", "--output", "json"]).exits(2);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        report["errors"],
        report["findings"].as_array().unwrap().len()
    );
    assert_eq!(report["findings"][0]["code"], "bad-resource-type");
    assert_eq!(report["findings"][0]["line"], 3);
    assert!(ran.err.contains("bad.json:3:"), "{}", ran.err);

    let ran = check(&["tests.toml"]).exits(1);
    let lines = ran.lines();
    assert_eq!(lines.len(), 3, "{}", ran.out);
    assert_eq!(lines[0]["test"]["outcome"], "passed");
    assert!(lines[1]["test"]["outcome"]["failed"].is_array());

    let ran = check(&["bad.json", "--output", "csv"]).exits(2);
    assert!(ran.out.starts_with("severity,code,file,line,column,"));
}
