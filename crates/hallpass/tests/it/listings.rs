//! Paged listings, against a scripted server.

use serde_json::{Value, json};

use crate::fake::{Call, Fake, against, problem};

fn parameter<'a>(call: &'a Call, name: &str) -> Option<&'a str> {
    let mut pairs = call.query.split('&').filter_map(|it| it.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// A server may skip many invisible records and return only a cursor.
#[test]
fn a_page_of_records_without_any_is_not_the_end_of_the_log() {
    let fake = Fake::start(|call| match parameter(call, "after") {
        Some("0") => (200, json!({"items": [], "next": "2000"})),
        Some("2000") => (
            200,
            json!({"items": [{"seq": 2001, "event": "grant.succeeded"}], "next": "4000"}),
        ),
        _ => (
            200,
            json!({"items": [{"seq": 4001, "event": "grant.succeeded"}]}),
        ),
    });
    let words = ["audit", "show", "--output", "jsonl"];
    let shown = against(&fake, &words).exits(0).lines();
    let seqs: Vec<&Value> = shown.iter().map(|it| &it["seq"]).collect();
    assert_eq!(seqs, [2001, 4001]);
    let words = [
        "audit",
        "show",
        "--event",
        "grant.succeeded",
        "--limit",
        "1",
    ];
    let cut = against(&fake, &words).exits(0);
    assert_eq!(cut.lines().len(), 1, "{}", cut.out);
    let events: Vec<Option<String>> = fake.calls()[3..]
        .iter()
        .map(|call| parameter(call, "event").map(str::to_owned))
        .collect();
    let asked = Some("grant.succeeded".to_owned());
    assert_eq!(events, [asked.clone(), asked.clone(), asked]);
}

#[test]
fn a_log_that_goes_on_where_it_began_is_not_followed_for_ever() {
    let fake = Fake::start(|_| (200, json!({"items": [], "next": "0"})));
    let ran = against(&fake, &["audit", "show"]).exits(1);
    assert!(ran.err.contains("where the log continues"), "{}", ran.err);
    assert_eq!(fake.calls().len(), 1);
}

fn standing(user: &str) -> Value {
    json!({"user_id": user, "account": "222233334444", "permission_set": "ReadOnly",
        "kind": "unknown", "says": "unmanaged"})
}

#[test]
fn standing_access_is_listed_anew_when_another_run_looked_meanwhile() {
    let mut firsts = 0;
    let fake = Fake::start(move |call| match parameter(call, "cursor") {
        None => {
            firsts += 1;
            let (user, next) = (format!("u-{firsts}"), format!("c-{firsts}"));
            (200, json!({"items": [standing(&user)], "next": next}))
        }
        Some("c-1") => problem(
            400,
            "bad-parameter",
            "`cursor`: another run has looked since",
        ),
        Some(_) => (200, json!({"items": [standing("u-9")]})),
    });
    let words = ["server", "standing", "list", "--output", "jsonl"];
    let shown = against(&fake, &words).exits(0).lines();
    let users: Vec<&Value> = shown.iter().map(|it| &it["user_id"]).collect();
    assert_eq!(users, ["u-2", "u-9"]);
}

#[test]
fn a_filter_that_is_refused_is_not_tried_again() {
    let fake = Fake::start(|_| problem(400, "bad-parameter", "`kind`: `x` is not one of unknown"));
    let ran = against(&fake, &["server", "standing", "list", "--kind", "x"]).exits(1);
    assert!(ran.err.contains("is not one of"), "{}", ran.err);
    assert_eq!(fake.calls().len(), 1);
}
