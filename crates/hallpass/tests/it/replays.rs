//! `rules replay` output for past requests and live grants, against a scripted server.

use serde_json::{Value, json};

use crate::fake::{Call, Fake, GRANT, against, grant, request};
use crate::run::Ran;

const FILE: &str = "[[rule]]\naccounts = '*'\npermission_sets = 'ReadOnly'\nallowed_users = ['mara@acme.example']\n\
    approval_is_not_required = true\n";

fn item(outcome: &str, more: &Value) -> Value {
    let mut item = json!({"grant": grant("active"), "outcome": outcome});
    let more = more.as_object().unwrap().clone();
    item.as_object_mut().unwrap().extend(more);
    item
}

fn page(call: &Call) -> (u16, Value) {
    if call.body["cursor"] == "req_2" {
        return (200, json!({"looked_at": 1, "items": [], "unread": 0}));
    }
    let changed = json!({"request": request("approved"), "was": "RequiresApproval",
        "would_be": "NoStatements", "because": [],
        "changes": [{"what": "decision", "message": "RequiresApproval → NoStatements"}]});
    let grants = json!({"looked_at": 1203, "would_end": 600, "would_be_reported": 1, "unread": 1,
    "on_rule_change": "report", "items": [
        item("ends", &json!({"would_be": "NoStatements"})),
        item("ends", &json!({"would_be": "RequesterNotAllowed", "left_group": true})),
        item("reported", &json!({"would_be": "NoApprovers"})),
        item("unread", &json!({"unread": ["the members of group `eng` could not be read"]})),
    ]});
    (
        200,
        json!({"looked_at": 500, "items": [changed], "unread": 0, "grants": grants, "next": "req_2"}),
    )
}

fn replay(page: fn(&Call) -> (u16, Value), more: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.toml");
    std::fs::write(&file, FILE).unwrap();
    let fake = Fake::start(page);
    let words = [&["rules", "replay", file.to_str().unwrap()], more].concat();
    against(&fake, &words)
}

const LIVE: &str = "1203 grants are live: the file would end 600 of them, and 1 would stay until their end and be \
    reported, as the rules refuse them, and 1 cannot be judged before the file is in force\n\
    the first 4 of these grants are listed\n";

#[test]
fn live_grants_are_a_table_of_their_own_below_the_requests() {
    let ran = replay(page, &["--output", "table"]).exits(0);
    let (requests, grants) = ran.out.split_once("\n\n").unwrap();
    assert!(
        requests.contains("RequiresApproval → NoStatements"),
        "{requests}"
    );
    for due in [
        "ends: NoStatements",
        "ends: the holder left the group by which the rule gives it",
        "stays, and is reported: NoApprovers",
        "cannot be judged: the members of group `eng` could not be read",
        "payments-prod / DatabaseOperator",
    ] {
        assert!(grants.contains(due), "{due} in {grants}");
    }
    assert_eq!(grants.matches(GRANT).count(), 4, "{grants}");
    assert!(ran.err.ends_with(LIVE), "{}", ran.err);
    assert!(ran.err.contains("501 requests since"), "{}", ran.err);
}

#[test]
fn programs_get_the_whole_answer_or_a_line_for_each_request_and_grant() {
    let ran = replay(page, &["--output", "json"]).exits(0);
    let whole: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&whole["looked_at"], &whole["grants"]["would_end"]),
        (&json!(501), &json!(600))
    );
    assert_eq!(whole["items"].as_array().unwrap().len(), 1);
    assert_eq!(whole["grants"]["items"][1]["left_group"], true);
    let lines = replay(page, &["--output", "jsonl"]).exits(0).lines();
    let kinds: Vec<bool> = lines.iter().map(|it| it.get("grant").is_some()).collect();
    assert_eq!(kinds, [false, true, true, true, true]);
    let csv = replay(page, &["--output", "csv"]).exits(0).out;
    assert!(
        csv.lines().any(|line| line.ends_with(",reported,")),
        "{csv}"
    );
}

#[test]
fn a_live_grant_that_would_end_counts_for_the_exit_code_and_an_earlier_server_says_nothing() {
    fn only(grants: &Value) -> (u16, Value) {
        (
            200,
            json!({"looked_at": 2, "items": [], "unread": 0, "grants": grants}),
        )
    }
    let flag = ["--detailed-exitcode", "--output", "table"];
    let ends = |_: &Call| {
        let counts = json!({"looked_at": 2, "would_end": 1, "would_be_reported": 0, "unread": 0,
            "on_rule_change": "end", "items": [item("ends", &json!({"would_be": "NoStatements"}))]});
        only(&counts)
    };
    let ran = replay(ends, &flag).exits(3);
    assert!(
        ran.err
            .ends_with("2 grants are live: the file would end 1 of them\n"),
        "{}",
        ran.err
    );
    let unread = |_: &Call| {
        only(
            &json!({"looked_at": 1, "would_end": 0, "would_be_reported": 0, "unread": 1,
            "on_rule_change": "end", "items": [item("unread", &json!({"unread": ["x"]}))]}),
        )
    };
    replay(unread, &flag).exits(0);
    let ran = replay(|_| only(&Value::Null), &flag).exits(0);
    assert!(!ran.err.contains("live"), "{}", ran.err);
}
