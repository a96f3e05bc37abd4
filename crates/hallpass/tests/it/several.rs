//! Several targets in one `hallpass request`, against a server that answers what it is told to.

use serde_json::{Value, json};

use crate::fake::{Fake, against, grant, problem, request};

const ASK: [&str; 14] = [
    "request",
    "--account",
    "payments-prod",
    "--account",
    "orders-prod",
    "--permission-set",
    "ReadOnly",
    "--group",
    "oncall",
    "--for",
    "1h",
    "--reason",
    "OPS-1",
    "--new",
];

fn preview(held: Option<Value>) -> Value {
    let mut preview = json!({"decision": "ApprovalNotRequired", "approvers": [], "approvals_needed": 0,
        "max_duration_seconds": 3600, "because": []});
    if let Some(held) = held {
        preview["held"] = held;
    }
    preview
}

#[test]
fn every_set_in_every_account_and_the_groups_are_one_call() {
    let fake = Fake::start(|call| match call.what.as_str() {
        "GET preview" => (200, preview(None)),
        _ => (
            201,
            json!({"items": [request("approved"), request("pending")]}),
        ),
    });
    let ran = against(&fake, &ASK).exits(0);
    assert_eq!(ran.lines().len(), 2);
    let calls = fake.calls();
    assert_eq!(
        calls.iter().filter(|it| it.what == "GET preview").count(),
        3
    );
    let call = calls.last().unwrap();
    assert_eq!(call.what, "POST requests/batch");
    let of = |account: &str| json!({"account": account, "permission_set": "ReadOnly"});
    assert_eq!(
        call.body,
        json!({"targets": [of("payments-prod"), of("orders-prod"), {"group": "oncall"}],
            "duration_seconds": 3600, "reason": "OPS-1"})
    );
}

#[test]
fn what_is_held_already_stops_all_of_them() {
    let fake = Fake::start(|call| match call.what.as_str() {
        "GET preview" => (200, preview(Some(grant("active")))),
        _ => (201, json!({"items": []})),
    });
    let ran = against(&fake, &ASK[..13]).exits(4);
    assert!(ran.err.contains("nothing was asked for"), "{}", ran.err);
    assert!(ran.err.contains("hallpass extend"), "{}", ran.err);
    assert!(fake.calls().iter().all(|it| it.what == "GET preview") && !fake.calls().is_empty());
}

#[test]
fn a_refusal_is_told() {
    let fake = Fake::start(|call| match call.what.as_str() {
        "GET preview" => (200, preview(None)),
        _ => problem(
            422,
            "targets-refused",
            "1 of 3 targets cannot be asked for.",
        ),
    });
    let ran = against(&fake, &ASK).exits(1);
    assert!(
        ran.err.contains("1 of 3 targets cannot be asked for."),
        "{}",
        ran.err
    );
}
