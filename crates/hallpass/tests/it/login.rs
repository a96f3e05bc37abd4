//! Login and logout: token storage, permissions, precedence.

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
    assert!(ran.err.contains("ask an administrator"), "{}", ran.err);
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

#[test]
fn a_server_that_has_just_started_is_waited_for() {
    let mut asked = 0;
    let fake = Fake::start(move |_| {
        asked += 1;
        match asked {
            1..=4 => problem(503, "organization-unread", "not read yet"),
            _ => (
                200,
                json!({"email": "ana@acme.example", "name": "Ana", "roles": [], "scopes": []}),
            ),
        }
    });
    let home = tempfile::tempdir().unwrap();
    let mut command = hallpass();
    command.env("HOME", home.path());
    command.args(["login", "--token-stdin", "--server", fake.address()]);
    let ran = run_with(&mut command, b"good\n").exits(0);
    assert_eq!(ran.err.matches("waiting for it").count(), 1, "{}", ran.err);
    assert!(ran.err.contains("as ana@acme.example"), "{}", ran.err);
    let kept = home.path().join(".config/hallpass/credentials.json");
    assert!(std::fs::read_to_string(kept).unwrap().contains("good"));
}

fn confirming() -> Fake {
    let mut asked = 0;
    Fake::start(
        move |call| match (call.what.as_str(), call.token.as_deref()) {
            ("POST login/device", None) => (
                200,
                json!({"device_code": "secret", "user_code": "BCDF-GHJK", "expires_in_seconds": 600,
                "verification_url": "https://hallpass.example/login/device"}),
            ),
            ("POST login/token", None) => {
                asked += 1;
                if asked == 1 {
                    return problem(400, "login-pending", "it is not confirmed yet");
                }
                (
                    200,
                    json!({"token": "made", "user": "ana@acme.example", "scopes": ["read"],
                    "expires_at": "2026-03-07T02:00:00Z"}),
                )
            }
            ("GET me", Some("made")) => (
                200,
                json!({"email": "ana@acme.example", "name": "Ana", "roles": [], "scopes": ["read"]}),
            ),
            ("POST logout", Some("made")) => (200, json!({"revoked": true})),
            _ => problem(401, "unauthorized", "This token is not known."),
        },
    )
}

#[test]
fn a_login_with_a_code_is_waited_for_and_revoked_at_logout() {
    let (fake, home) = (confirming(), tempfile::tempdir().unwrap());
    let command = |args: &[&str]| {
        let mut command = hallpass();
        command.env("HOME", home.path()).args(args);
        command.args(["--server", fake.address()]);
        command
    };
    let ran = run(&mut command(&["login", "--device", "--scope", "read"])).exits(0);
    assert!(ran.err.contains("BCDF-GHJK"), "{}", ran.err);
    assert!(
        ran.err.contains("https://hallpass.example/login/device"),
        "{}",
        ran.err
    );
    assert!(!ran.err.contains("made"), "the token is shown: {}", ran.err);
    let asked = fake.asked();
    assert_eq!(
        asked,
        [
            "GET me",
            "POST login/device",
            "POST login/token",
            "POST login/token",
            "GET me"
        ]
    );
    assert_eq!(fake.calls()[1].body["scopes"], json!(["read"]));
    run(&mut command(&["logout"])).exits(0);
    assert_eq!(fake.asked().last().unwrap(), "POST logout");
}

#[test]
fn a_token_that_was_given_is_forgotten_and_not_revoked() {
    let home = tempfile::tempdir().unwrap();
    let fake = server();
    let mut command = hallpass();
    command.env("HOME", home.path());
    command.args(["login", "--token-stdin", "--server", fake.address()]);
    run_with(&mut command, b"good").exits(0);
    // a token from elsewhere stays valid
    let mut command = hallpass();
    command.env("HOME", home.path());
    command.args(["logout", "--server", fake.address()]);
    run(&mut command).exits(0);
    assert!(!fake.asked().contains(&"POST logout".to_owned()));
}
