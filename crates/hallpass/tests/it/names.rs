//! Unknown names, access already held, and access that remains after an early end.

use serde_json::{Value, json};

use crate::fake::{Call, Fake, GRANT, against, grant, problem, request};

const OTHER: &str = "grn_01934a5b6c7d7e8f90123456789abcaa";

fn offers() -> Value {
    let offer = |account: &str, set: &str| {
        json!({"account": {"id": "222233334444", "name": account}, "permission_set": set,
            "decision": "RequiresApproval", "approvers": [], "approvals_needed": 1,
            "max_duration_seconds": 3600, "because": []})
    };
    json!({"items": [offer("payments-prod", "ReadOnly"), offer("orders-dev", "PowerUser")],
        "durations_seconds": [], "total": 2})
}

fn preview(held: Option<Value>) -> Value {
    let mut preview = json!({"decision": "RequiresApproval", "approvers": [],
        "approvals_needed": 1, "max_duration_seconds": 1800, "because": []});
    preview["held"] = held.unwrap_or(Value::Null);
    preview
}

fn ask<'a>(account: &'a str, set: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let words = ["request", "--account", account, "--permission-set", set];
    [&words, &["--for", "1h", "--reason", "look"][..], more].concat()
}

#[test]
fn a_name_that_is_not_there_is_asked_for_nowhere_and_the_nearest_is_named() {
    let fake = Fake::start(|call: &Call| match call.what.as_str() {
        "GET preview" => problem(400, "unknown-target", "There is no such account."),
        "GET catalog" => (200, offers()),
        "GET grants" => (200, json!({"items": []})),
        _ => (500, Value::Null),
    });
    for (account, set, meant) in [
        ("paymnts-prod", "ReadOnly", "`payments-prod`"),
        ("payments-prod", "ReadOnyl", "`ReadOnly`"),
        ("order-dev", "PowerUsers", "`orders-dev`, `PowerUser`"),
    ] {
        let ran = against(&fake, &ask(account, set, &[])).exits(2);
        let words = format!("did you mean {meant}?");
        assert!(ran.err.contains(&words), "{words} in {}", ran.err);
    }
    let ran = against(&fake, &ask("nothing-like-it", "ReadOnly", &[])).exits(2);
    assert!(ran.err.contains("hallpass catalog"), "{}", ran.err);
    let exec = [
        "exec",
        "--account",
        "paymnts-prod",
        "--permission-set",
        "ReadOnly",
        "--reason",
        "x",
    ];
    let fake_portal = against(&fake, &[&exec[..], &["--", "true"]].concat());
    assert_ne!(fake_portal.code, 0);
    let ran = against(&fake, &["grants", "--account", "paymnts-prod"]).exits(2);
    assert!(
        ran.err.contains("did you mean `payments-prod`?"),
        "{}",
        ran.err
    );
    let sent = fake.asked();
    assert!(!sent.is_empty(), "names are looked up");
    assert!(sent.iter().all(|what| what.starts_with("GET")), "{sent:?}");
}

#[test]
fn what_is_held_is_extended_rather_than_asked_for_again() {
    for state in ["active", "granting"] {
        let fake = Fake::start(move |call| match call.what.as_str() {
            "GET preview" => (200, preview(Some(grant(state)))),
            _ => (201, request("pending")),
        });
        let args = ask("payments-prod", "DatabaseOperator", &[]);
        let ran = against(&fake, &args).exits(4);
        assert!(ran.err.contains(GRANT), "{}", ran.err);
        let advice = if state == "active" {
            "hallpass extend"
        } else {
            "hallpass grants"
        };
        assert!(ran.err.contains(advice), "{}", ran.err);
        assert_eq!(fake.asked(), ["GET preview"]);
        let args = ask("payments-prod", "DatabaseOperator", &["--new"]);
        against(&fake, &args).exits(0);
        assert_eq!(fake.asked().last().unwrap(), "POST requests");
    }
}

#[test]
fn giving_back_says_what_stays() {
    let table = [
        (
            Some(OTHER),
            false,
            "you still hold payments-prod / DatabaseOperator, by grn_",
        ),
        (None, true, "not through Hallpass"),
        (Some(GRANT), false, ""),
    ];
    for (held, standing, said) in table {
        let fake = Fake::start(move |call| {
            if call.what == "GET preview" {
                let mut other = grant("active");
                other["id"] = held.into();
                return (200, preview(held.map(|_| other)));
            }
            let mut grant = grant("ending");
            grant["standing"] = standing.into();
            (200, grant)
        });
        let ran = against(&fake, &["release", GRANT, "--yes"]).exits(0);
        assert_eq!(
            ran.err.contains("you still hold"),
            !said.is_empty(),
            "{}",
            ran.err
        );
        assert!(ran.err.contains(said), "{}", ran.err);
    }
}

#[test]
fn who_is_not_signed_in_is_told_the_command_for_it() {
    let fake = Fake::start(|_| problem(401, "unauthorized", "no bearer token was sent"));
    let ran = against(&fake, &["grants"]).exits(1);
    assert!(ran.err.contains("`hallpass login`"), "{}", ran.err);
}
