//! Commands on stored data, without a database.

use std::path::Path;

use crate::run::{hallpass, run};

const PLAN: &str = "3f0c9a5b7d1e2f46";

const COMMANDS: &[&[&str]] = &[
    &["org", "plan", "list"],
    &["org", "plan", "show", PLAN],
    &["org", "plan", "resume", PLAN, "--yes"],
    &["org", "plan", "abort", PLAN],
    &["org", "plan", "undo", PLAN],
    &["org", "vend", "status", PLAN],
    &["org", "vend", "export", PLAN],
    &["org", "vend", "retry", PLAN, "--yes"],
    &["access", "apply", PLAN, "--yes"],
    &["access", "apply", "access.yaml", "--yes"],
    &["access", "plan", "access.yaml"],
    &["access", "drift", "access.yaml"],
    &["access", "export"],
    &["access", "export", "--toml", "--to", "out"],
    &["org", "events", "list"],
    &["org", "events", "replay", "--all"],
    &["org", "remediate", "list"],
    &["org", "remediate", "backlog"],
    &["org", "remediate", "show", "rm-3f0c9a5b7d1e2f46"],
    &["org", "remediate", "retry", "rm-3f0c9a5b7d1e2f46", "--yes"],
    &["org", "remediate", "undo", "rm-3f0c9a5b7d1e2f46"],
    &["org", "remediate", "resume"],
    &["org", "remediate", "replay", "finding.json"],
    &["query", "alerts", "list"],
    &[
        "query",
        "alerts",
        "mute",
        "a/b",
        "--key",
        "k",
        "--until",
        "2999-01-01",
        "--reason",
        "known",
        "--by",
        "ops",
    ],
    &[
        "query", "alerts", "unmute", "a/b", "--key", "k", "--reason", "over", "--by", "ops",
    ],
    &["audit", "verify"],
    &["audit", "import", "team", "--requests", "requests.json"],
    &["server", "token", "list"],
    &[
        "server",
        "token",
        "revoke",
        "tok_01934a5b6c7d7e8f90123456789abcde",
    ],
    &["people", "sessions", "list", "--web"],
    &["people", "sessions", "end", "--user", "ana@example.com"],
    &["people", "sessions", "forget", "--user", "ana@example.com"],
    &["server", "store", "check"],
    &["server", "store", "backup", "copy.db"],
    &["server", "store", "copy", "sqlite:other.db"],
];

fn refused(folder: &Path, words: &[&str]) -> String {
    let names = || {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|it| it.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    let ran = run(hallpass().args(words).current_dir(folder));
    assert_eq!(ran.code, 2, "{words:?}: {}{}", ran.out, ran.err);
    assert_eq!(names(), before, "{words:?} made something");
    ran.err
}

#[test]
fn what_was_stored_is_not_looked_for_in_a_database_that_is_made_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("hallpass.toml");
    std::fs::write(&config, "[store]\nurl = \"sqlite:mistyped.db\"\n").unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for words in COMMANDS {
        let said = refused(folder.path(), words);
        let is_named = said.contains("there is no database `/") && said.contains("/mistyped.db`");
        if !is_named
            || !said.contains("`hallpass serve` or `hallpass server store migrate` makes it")
        {
            wrong.push(format!("{words:?}: {said}"));
        }
        let said = refused(elsewhere.path(), words);
        if !said.contains("there is no configuration file") {
            wrong.push(format!("{words:?} elsewhere: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_sync_by_a_named_configuration_wants_its_database() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("named.toml");
    std::fs::write(&config, "[store]\nurl = \"sqlite:mistyped.db\"\n").unwrap();
    let said = refused(folder.path(), &["sync", "--config", "named.toml"]);
    assert!(said.contains("/mistyped.db`"), "{said}");
    let by_environment = run(hallpass()
        .arg("sync")
        .env("HALLPASS_CONFIG", &config)
        .current_dir(folder.path()));
    assert_eq!(by_environment.code, 2, "{}", by_environment.err);
    assert!(
        by_environment.err.contains("/mistyped.db`"),
        "{}",
        by_environment.err
    );
}

#[test]
fn an_installation_that_is_prepared_can_begin_with_remediation_paused() {
    let folder = tempfile::tempdir().unwrap();
    let pause = ["org", "remediate", "pause"];
    let said = refused(folder.path(), &pause);
    assert!(said.contains("there is no configuration file"), "{said}");
    let config = folder.path().join("hallpass.toml");
    std::fs::write(&config, "[store]\nurl = \"sqlite:hallpass.db\"\n").unwrap();
    let ran = run(hallpass().args(pause).current_dir(folder.path()));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let listed = ["org", "remediate", "list"];
    let ran = run(hallpass().args(listed).current_dir(folder.path()));
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!((ran.out + &ran.err).contains("paused"));
}

/// Maintenance of a stopped server: systemd removed its secrets.
#[test]
fn the_store_the_log_and_tokens_are_looked_after_without_secrets_of_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[store]\nurl = \"sqlite:hallpass.db\"\n[oidc]\nissuer = \"https://id.example\"\nclient_id = \"h\"\n\
                client_secret = \"file:/run/credentials/hallpass.service/secret_oidc\"\n";
    std::fs::write(folder.path().join("hallpass.toml"), text).unwrap();
    for words in [
        ["server", "store", "migrate"].as_slice(),
        &["server", "store", "check"],
        &["server", "store", "backup", "copy.db"],
        &["server", "token", "list"],
        &["audit", "key"],
        &["audit", "verify"],
    ] {
        let ran = run(hallpass().args(words).current_dir(folder.path()));
        assert_eq!(ran.code, 0, "{words:?}: {}", ran.err);
    }
}
