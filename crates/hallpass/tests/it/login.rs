//! Signing in and out: where the token is, who can read it, and which one is used.

use serde_json::json;

use crate::fake::{Fake, problem};
use crate::run::{hallpass, run, run_with};

fn server() -> Fake {
    Fake::start(|call| match call.token.as_deref() {
        Some("good" | "other") => (
            200,
            json!({"email": "ana@acme.example", "name": "Ana", "roles": [], "scopes": ["read"]}),
        ),
        _ => problem(401, "unauthenticated", "This token is not known."),
    })
}

#[test]
fn a_token_is_kept_used_and_forgotten() {
    let (fake, home) = (server(), tempfile::tempdir().unwrap());
    let command = |args: &[&str]| {
        let mut command = hallpass();
        command.env("HOME", home.path()).args(args);
        command.args(["--server", fake.address()]);
        command
    };
    let kept = home.path().join(".config/hallpass/credentials.json");
    let ran = run_with(&mut command(&["login", "--token-stdin"]), b"good\n").exits(0);
    assert!(ran.err.contains("as ana@acme.example"), "{}", ran.err);
    assert!(!ran.err.contains("good"), "the token is shown: {}", ran.err);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&kept).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    run(&mut command(&["whoami"])).exits(0);
    assert_eq!(fake.calls().last().unwrap().token.as_deref(), Some("good"));
    run(command(&["whoami"]).env("HALLPASS_TOKEN", "other")).exits(0);
    assert_eq!(fake.calls().last().unwrap().token.as_deref(), Some("other"));
    run(&mut command(&["logout"])).exits(0);
    let ran = run(&mut command(&["whoami"])).exits(1);
    assert!(ran.err.contains("This token is not known."), "{}", ran.err);
    assert!(ran.err.contains("ask somebody"), "{}", ran.err);
    assert!(!std::fs::read_to_string(&kept).unwrap().contains("good"));
}

#[test]
fn a_token_the_server_refuses_is_not_kept() {
    let (fake, home) = (server(), tempfile::tempdir().unwrap());
    let mut command = hallpass();
    command.env("HOME", home.path());
    command.args(["login", "--token-stdin", "--server", fake.address()]);
    run_with(&mut command, b"bad").exits(1);
    run_with(&mut command, b" \n").exits(2);
    run_with(&mut command, b"two tokens").exits(2);
    assert!(!home.path().join(".config").exists());
}
