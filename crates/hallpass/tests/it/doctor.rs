//! `server doctor` on files only: policies from rules, and configuration checks.

use std::path::Path;

use crate::run::{Ran, hallpass, run};

const RULES: &str = "[[rule]]\nid = \"oncall\"\naccounts = [\"*\"]\nexcept_accounts = [\"111122223333\"]\npermission_sets = [\"Admin\"]\napproval_is_not_required = true\n";

fn configured() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("hallpass.toml", "[store]\nurl = \"sqlite:hallpass.db\"\n");
    write("rules.toml", RULES);
    write("hallpass.db", &"this is not a database at all  ".repeat(99));
    folder
}

fn doctor(folder: &Path, words: &[&str]) -> Ran {
    run(hallpass()
        .args(["server", "doctor"])
        .args(words)
        .current_dir(folder))
}

#[test]
fn a_configuration_is_checked_without_its_store_and_without_a_word() {
    let folder = configured();
    let says_nothing = |words: &[&str]| {
        let ran = doctor(folder.path(), words);
        let said = (ran.code, ran.out.as_str(), ran.err.as_str());
        assert_eq!(said, (0, "", ""), "{words:?}");
    };
    says_nothing(&["--check-configuration"]);
    says_nothing(&["--check-configuration", "--for", "guard"]);
    std::fs::remove_file(folder.path().join("rules.toml")).unwrap();
    // a guard on a separate machine has no rules and needs no warning
    says_nothing(&["--check-configuration", "--for", "guard"]);
    let ran = doctor(folder.path(), &["--check-configuration"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
    assert!(ran.err.contains("rules.toml"), "{}", ran.err);
    std::fs::write(
        folder.path().join("hallpass.toml"),
        "[store]\nurll = \"x\"\n",
    )
    .unwrap();
    let ran = doctor(folder.path(), &["--check-configuration", "--for", "guard"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("urll"), "{}", ran.err);
}

#[test]
fn a_policy_wants_a_store_that_is_there_unless_it_goes_by_the_rules_alone() {
    let folder = configured();
    let ran = doctor(folder.path(), &["--iam-policy"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
    assert!(ran.err.contains("--by-rules-alone"), "{}", ran.err);
    let ran = doctor(folder.path(), &["--iam-policy", "--by-rules-alone"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.contains("\"Statement\""), "{}", ran.out);
    // only the target of a check is valid with it
    let ran = doctor(
        folder.path(),
        &["--check-configuration", "--by-rules-alone"],
    );
    assert_eq!(ran.code, 2, "{}", ran.err);
    let ran = doctor(folder.path(), &["--for", "guard"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
}

/// Secrets of docs/operations/systemd.md: systemd shows them only to the running server's unit.
#[test]
fn who_needs_no_secret_of_the_server_is_not_kept_up_by_one_that_is_not_there() {
    let page = include_str!("../../../../docs/operations/systemd.md");
    let secrets = page
        .split("```toml\n")
        .skip(1)
        .find(|it| it.contains("/run/credentials/hallpass.service/"))
        .and_then(|it| it.split("```").next())
        .unwrap();
    let folder = configured();
    let text = format!("[store]\nurl = \"sqlite:hallpass.db\"\n{secrets}");
    std::fs::write(folder.path().join("hallpass.toml"), text).unwrap();
    let ran = |words: &[&str]| doctor(folder.path(), words);
    for words in [
        ["--check-configuration", "--for", "guard"].as_slice(),
        &["--iam-policy", "--for", "guard", "--by-rules-alone"],
        &["--iam-policy", "--by-rules-alone"],
    ] {
        let ran = ran(words);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{words:?}");
    }
    let ran = ran(&["--check-configuration"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("/run/credentials/"), "{}", ran.err);
}
