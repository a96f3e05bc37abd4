//! Several targets in one `hallpass request`, against a scripted server.

use std::time::{Duration, Instant};

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
    assert!(ran.err.contains("nothing was requested"), "{}", ran.err);
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

fn asked(id: &str, state: &str) -> Value {
    let mut asked = request(state);
    asked["id"] = id.into();
    asked
}

fn three(look: impl Fn(&str) -> (u16, Value) + Send + 'static) -> Fake {
    Fake::start(move |call| match call.what.as_str() {
        "GET preview" => (200, preview(None)),
        "POST requests/batch" => {
            let ids = ["req_a", "req_b", "req_c"];
            (201, json!({"items": ids.map(|id| asked(id, "pending"))}))
        }
        what => look(what),
    })
}

#[test]
fn what_became_of_each_is_shown_whatever_became_of_the_others() {
    let fake = three(|what| match what {
        "GET requests/req_a" => (200, asked("req_a", "denied")),
        "GET requests/req_b" => problem(403, "not-yours", "This is not yours to see."),
        "GET requests/req_c" => (200, asked("req_c", "approved")),
        _ => (200, grant("active")),
    });
    let ran = against(&fake, &[&ASK[..], &["--wait"]].concat()).exits(1);
    let shown = ran.lines();
    let states: Vec<&str> = shown.iter().filter_map(|it| it["state"].as_str()).collect();
    assert_eq!(states, ["denied", "pending", "active"]);
    assert_eq!(shown[2]["console_url"], grant("active")["console_url"]);
    assert!(ran.err.contains("2 of these are not there"), "{}", ran.err);
    let ran = against(&fake, &[&ASK[..], &["--wait", "-o", "table"]].concat()).exits(1);
    for words in ["Active", "Denied", "Waiting"] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
}

#[test]
fn all_of_them_are_waited_for_together() {
    let fake = three(|what| match what {
        "GET requests/req_a" => (200, asked("req_a", "pending")),
        "GET requests/req_b" => (200, asked("req_b", "pending")),
        "GET requests/req_c" => (200, asked("req_c", "approved")),
        _ => (200, grant("active")),
    });
    let begun = Instant::now();
    let ran = against(&fake, &[&ASK[..], &["--wait", "--timeout", "4s"]].concat()).exits(1);
    // sequential waits would take eight seconds
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(8), "{took:?}");
    let shown = ran.lines();
    assert_eq!(shown[0]["state"], "pending");
    // active although the time limit passed first
    assert_eq!(shown[2]["state"], "active");
    assert!(ran.err.contains("is not active after 4s"), "{}", ran.err);
}
