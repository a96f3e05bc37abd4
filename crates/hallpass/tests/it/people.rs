//! User commands against a server that follows the API contract.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::fake::{Fake, GRANT, REQUEST, against, grant, problem, request};
use crate::run::run_args;

const ASK: [&str; 9] = [
    "request",
    "--account",
    "payments-prod",
    "--permission-set",
    "DatabaseOperator",
    "--for",
    "1h30m",
    "--reason",
    "disk full",
];

fn with<'a>(args: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [args, more].concat()
}

#[test]
fn asking_sends_what_was_typed_and_prints_the_request() {
    let fake = Fake::start(|_| (201, request("pending")));
    let ran = against(&fake, &with(&ASK, &["--ticket", "OPS-7"])).exits(0);
    assert_eq!(ran.lines()[0]["id"], REQUEST);
    let calls = fake.calls();
    assert_eq!(calls[0].what, "GET preview", "held access is asked first");
    let call = &calls[1];
    assert_eq!(call.what, "POST requests");
    assert_eq!(
        call.body,
        json!({"account": "payments-prod", "permission_set": "DatabaseOperator",
            "duration_seconds": 5400, "reason": "disk full", "ticket": "OPS-7"})
    );
    assert_eq!(call.token.as_deref(), Some("secret-token"));
    assert_eq!(call.key.as_ref().map(String::len), Some(32));
    let ran = against(&fake, &with(&ASK, &["-o", "table"])).exits(0);
    assert!(
        ran.out
            .starts_with("Waiting: payments-prod / DatabaseOperator for 2h\n")
    );
    assert!(ran.out.contains("jonas@acme.example or priya@acme.example"));
    let keys: Vec<_> = fake
        .calls()
        .into_iter()
        .filter_map(|call| call.key)
        .collect();
    assert_eq!(keys.len(), 2);
    assert_ne!(keys[0], keys[1], "two requests share a key");
}

#[test]
fn what_is_held_already_is_said_before_asking_and_once() {
    let held = json!({"seen_at": "2026-03-06T14:00:00Z",
        "says": "You hold this already, not through Hallpass; Hallpass will not end it."});
    for known_before in [true, false] {
        let held = held.clone();
        let fake = Fake::start(move |call| {
            let mut answer = if call.what == "GET preview" {
                json!({"decision": "ApprovalNotRequired", "approvers": [], "approvals_needed": 0,
                    "max_duration_seconds": 3600, "because": []})
            } else {
                request("pending")
            };
            if known_before || call.what != "GET preview" {
                answer["standing"] = held.clone();
            }
            (200, answer)
        });
        let ran = against(&fake, &ASK).exits(0);
        let said = ran.err.matches("Hallpass will not").count();
        assert_eq!(said, 1, "{}", ran.err);
    }
}

#[test]
fn an_equal_request_that_waits_is_said() {
    let fake = Fake::start(|_| {
        let mut answer = request("pending");
        answer["already_pending"] = true.into();
        (200, answer)
    });
    let ran = against(&fake, &ASK).exits(0);
    assert!(ran.err.contains("waits already"), "{}", ran.err);
}

/// Answers `POST requests` with the first step and each poll with the next.
fn journey(steps: Vec<Value>) -> Fake {
    let mut at = 0;
    Fake::start(move |call| {
        // a check of held access is not a step
        if call.what == "GET preview" {
            return (404, Value::Null);
        }
        let status = if call.what == "POST requests" {
            201
        } else {
            200
        };
        let step = steps.get(at).or(steps.last()).cloned().unwrap();
        at += 1;
        (status, step)
    })
}

#[test]
fn waiting_follows_the_request_to_its_access() {
    let fake = journey(vec![
        request("pending"),
        request("pending"),
        request("approved"),
        grant("granting"),
        grant("active"),
    ]);
    let ran = against(&fake, &with(&ASK, &["--wait", "-o", "table"])).exits(0);
    assert!(
        ran.out.contains("https://acme.awsapps.com/start/#/console"),
        "{}",
        ran.out
    );
    assert!(
        ran.out
            .contains("\n[profile payments-prod]\nregion = eu-west-1\n"),
        "{}",
        ran.out
    );
    let said: Vec<&str> = ran.err.lines().collect();
    assert_eq!(
        said,
        [
            "Waiting for jonas@acme.example or priya@acme.example to approve \
             payments-prod / DatabaseOperator",
            "Approved: payments-prod / DatabaseOperator",
            "Setting up: payments-prod / DatabaseOperator",
            "Active: payments-prod / DatabaseOperator",
        ]
    );
    let asked = fake.asked();
    assert_eq!(asked[2], format!("GET requests/{REQUEST}"));
    assert_eq!(asked.last().unwrap(), &format!("GET grants/{GRANT}"));
    let ran = against(
        &journey(vec![request("approved"), grant("active")]),
        &with(&ASK, &["--wait"]),
    );
    assert_eq!(ran.exits(0).lines()[0]["state"], "active");
}

#[test]
fn waiting_that_comes_to_nothing_exits_1_and_says_why() {
    let mut failed = grant("failed");
    failed["error"] = "the account is suspended".into();
    let table = [
        (
            vec![request("pending"), request("denied")],
            "denied by jonas@acme.example",
        ),
        (
            vec![request("pending"), request("denied")],
            "use ReadOnly for this",
        ),
        (vec![request("pending"), request("expired")], "expired"),
        (vec![request("pending"), request("discarded")], "discarded"),
        (vec![request("rejected")], "not possible"),
        (
            vec![request("approved"), failed],
            "AWS refused: the account is suspended",
        ),
        (vec![request("approved"), grant("ended")], "over already"),
    ];
    for (steps, said) in table {
        let state = steps.last().unwrap()["state"].clone();
        let ran = against(&journey(steps), &with(&ASK, &["--wait"])).exits(1);
        assert!(ran.err.contains(said), "{said} in {}", ran.err);
        assert_eq!(ran.lines()[0]["state"], state);
    }
    let fake = journey(vec![request("pending")]);
    let ran = against(&fake, &with(&ASK, &["--wait", "--timeout", "1s"])).exits(1);
    assert!(ran.err.contains("is not active after 1s"), "{}", ran.err);
}

#[test]
fn refusals_exit_1_with_code_detail_and_help() {
    let calls: [&[&str]; 9] = [
        &["whoami"],
        &["catalog"],
        &["requests"],
        &["approve", REQUEST],
        &["deny", REQUEST],
        &["discard", REQUEST],
        &["grants"],
        &["release", GRANT, "--yes"],
        &["extend", GRANT, "--for", "1h"],
    ];
    for status in [400, 401, 403, 404, 409, 422, 500] {
        let fake = Fake::start(move |_| problem(status, "own_request", "You can't approve that."));
        for args in calls {
            let ran = against(&fake, args).exits(1);
            assert_eq!(ran.out, "", "{args:?}");
            assert_eq!(
                ran.err,
                "error[own_request]: You can't approve that.\n  help: ask an administrator\n",
                "{args:?} {status}"
            );
        }
    }
}

#[test]
fn a_rejected_request_is_named() {
    let fake = Fake::start(|_| {
        let (status, mut body) = problem(422, "invalid", "This cannot be asked for.");
        body["errors"] = json!([{"field": "duration_seconds", "code": "too_long",
            "message": "At most 4h, by rule `payments-prod-db`."}]);
        body["request_id"] = REQUEST.into();
        (status, body)
    });
    let ran = against(&fake, &ASK).exits(1);
    assert!(
        ran.err.contains("duration_seconds: At most 4h"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains(REQUEST), "{}", ran.err);
}

#[test]
fn a_server_that_is_not_there_is_said_so() {
    // a recently free port
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let server = format!("http://127.0.0.1:{port}");
    let ran = run_args(["whoami", "--server", &server]).exits(1);
    assert!(
        ran.err
            .contains(&format!("cannot reach the server at `{server}`")),
        "{}",
        ran.err
    );
    let fake = Fake::start(|_| (200, json!({"hello": "world"})));
    let ran = against(&fake, &["whoami"]).exits(1);
    assert!(ran.err.contains("not Hallpass's API"), "{}", ran.err);
    let fake = Fake::start(|_| (502, json!("bad gateway")));
    let ran = against(&fake, &["whoami"]).exits(1);
    assert!(ran.err.contains("502"), "{}", ran.err);
}

#[test]
fn reviews_go_where_they_belong() {
    let fake = Fake::start(|call| {
        let state = if call.what.ends_with("deny") {
            "denied"
        } else {
            "approved"
        };
        (200, request(state))
    });
    against(&fake, &["approve", REQUEST]).exits(0);
    against(&fake, &["deny", REQUEST, "--reason", "no"]).exits(0);
    against(&fake, &["discard", REQUEST]).exits(0);
    assert_eq!(
        fake.asked(),
        ["approve", "deny", "discard"].map(|verb| format!("POST requests/{REQUEST}/{verb}"))
    );
    assert_eq!(fake.calls()[1].body, json!({"reason": "no"}));
    let ran = against(&fake, &["approve", GRANT]).exits(2);
    assert!(ran.err.contains("is a grant"), "{}", ran.err);
}

#[test]
fn listings_follow_their_pages_up_to_the_limit() {
    let fake = Fake::start(|call| {
        let next = call.query.contains("cursor=two").then_some(Value::Null);
        let next = next.unwrap_or_else(|| "two".into());
        (
            200,
            json!({"items": [request("pending"), request("approved")], "next": next}),
        )
    });
    let ran = against(
        &fake,
        &["requests", "--role", "to-review", "--state", "pending"],
    )
    .exits(0);
    assert_eq!(ran.lines().len(), 4);
    let queries: Vec<String> = fake.calls().into_iter().map(|call| call.query).collect();
    assert_eq!(queries[0], "role=to-review&state=pending&limit=50");
    assert_eq!(
        queries[1],
        "role=to-review&state=pending&limit=48&cursor=two"
    );
    let ran = against(&fake, &["requests", "--limit", "1", "--output", "csv"]).exits(0);
    assert_eq!(ran.out.lines().count(), 2, "{}", ran.out);
    assert!(ran.err.contains("only the first 1"), "{}", ran.err);
    let ran = against(&fake, &["requests", "--output", "json"]).exits(0);
    let all: Vec<Value> = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(all.len(), 4);
    let ran = against(&fake, &["requests", "--output", "table"]).exits(0);
    assert!(ran.out.starts_with("ID "), "{}", ran.out);
    assert!(ran.out.contains("Waiting"), "{}", ran.out);
}

#[test]
fn a_listing_goes_on_after_a_page_without_rows_and_ends_with_a_server_that_never_does() {
    let fake = Fake::start(|call| {
        let page = match call.query.rsplit_once("cursor=") {
            None => json!({"items": [request("pending")], "next": "one"}),
            Some((_, "one")) => json!({"items": [], "next": "two"}),
            Some(_) => json!({"items": [request("approved")]}),
        };
        (200, page)
    });
    let ran = against(&fake, &["requests"]).exits(0);
    assert_eq!(ran.lines().len(), 2, "{}", ran.out);
    assert!(!ran.err.contains("only the first"), "{}", ran.err);
    let place = std::sync::atomic::AtomicU32::new(0);
    let fake = Fake::start(move |_| {
        let place = place.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        (200, json!({"items": [], "next": place.to_string()}))
    });
    let ran = against(&fake, &["grants"]).exits(0);
    assert_eq!(ran.lines().len(), 0, "{}", ran.out);
    assert!(ran.err.contains("only the first 0"), "{}", ran.err);
}

#[test]
fn grants_are_filtered_by_the_server() {
    let fake = Fake::start(|_| (200, json!({"items": [grant("active")]})));
    let args = [
        "grants",
        "--state",
        "active",
        "--user",
        "mara@acme.example",
        "--account",
        "222233334444",
    ];
    let ran = against(&fake, &args).exits(0);
    assert_eq!(ran.lines()[0]["id"], GRANT);
    assert_eq!(
        fake.calls()[0].query,
        "state=active&user=mara%40acme.example&account=222233334444&limit=50"
    );
}

#[test]
fn taking_access_away_needs_a_yes() {
    let fake = Fake::start(|call| match call.what.as_str() {
        "POST revocations" => (200, json!({"items": [{"id": GRANT, "state": "ending"}]})),
        what if what.starts_with("GET grants/") => (200, grant("active")),
        what if what.starts_with("GET grants") => (200, json!({"items": [grant("active")]})),
        what if what.starts_with("GET requests/") => (200, request("approved")),
        _ => (200, grant("ending")),
    });
    let refused: [&[&str]; 4] = [
        &["release", GRANT],
        &["revoke", GRANT, "--reason", "x"],
        &["revoke", "--user", "mara@acme.example", "--reason", "x"],
        &["revoke", "--all", "--reason", "x"],
    ];
    for args in refused {
        let ran = against(&fake, args).exits(4);
        assert!(ran.err.contains("--yes"), "{}", ran.err);
    }
    let effects = |fake: &Fake| -> Vec<String> {
        let asked = fake.asked().into_iter();
        asked.filter(|what| what.starts_with("POST")).collect()
    };
    assert!(effects(&fake).is_empty(), "{:?}", effects(&fake));
    against(&fake, &["release", GRANT, "--yes"]).exits(0);
    let ran = against(&fake, &["release", REQUEST, "--yes"]).exits(0);
    assert!(ran.err.contains("is a request; it led to"), "{}", ran.err);
    against(&fake, &["revoke", GRANT, "--reason", "x", "--yes"]).exits(0);
    let by_user = [
        "revoke",
        "--user",
        "mara@acme.example",
        "--reason",
        "stolen",
        "--yes",
    ];
    let ran = against(&fake, &by_user).exits(0);
    assert_eq!(ran.lines()[0], json!({"id": GRANT, "state": "ending"}));
    assert_eq!(
        effects(&fake),
        [
            format!("POST grants/{GRANT}/release"),
            format!("POST grants/{GRANT}/release"),
            format!("POST grants/{GRANT}/revoke"),
            "POST revocations".to_owned(),
        ]
    );
    let calls = fake.calls();
    let many = calls.iter().find(|call| call.what == "POST revocations");
    assert_eq!(
        many.unwrap().body,
        json!({"user": "mara@acme.example", "reason": "stolen"})
    );
}

fn another(last: char) -> Value {
    let mut other = grant("active");
    other["id"] = format!("grn_01934a5b6c7d7e8f90123456789abcd{last}").into();
    other
}

#[test]
fn what_could_not_be_revoked_makes_the_result_partial() {
    let fake = Fake::start(|call| {
        if call.what.starts_with("GET") {
            return (200, json!({ "items": [] }));
        }
        let items = json!([{"id": GRANT, "state": "ending"}, {"id": "grn_2", "error": "raced"}]);
        (200, json!({ "items": items }))
    });
    let ran = against(&fake, &["revoke", "--all", "--reason", "x", "--yes"]).exits(1);
    assert_eq!(ran.lines().len(), 2);
    let said = "1 of 2 grants could not be revoked";
    assert!(ran.err.contains(said), "{}", ran.err);
}

#[test]
fn what_one_call_leaves_is_revoked_one_by_one() {
    let fake = Fake::start(|call| match call.what.as_str() {
        "POST revocations" => (200, json!({"items": [{"id": GRANT, "state": "ending"}]})),
        "GET grants" if call.query.contains("state=active") => {
            let items = [grant("active"), another('1'), another('2')];
            (200, json!({ "items": items }))
        }
        "GET grants" => (200, json!({ "items": [] })),
        what if what.ends_with("1/revoke") => (200, another('1')),
        _ => problem(409, "raced", "It was already decided."),
    });
    let ran = against(&fake, &["revoke", "--all", "--reason", "x", "--yes"]).exits(1);
    let lines = ran.lines();
    assert_eq!(lines.len(), 3, "{}", ran.out);
    assert_eq!(lines[1]["state"], "active");
    assert_eq!(lines[2]["error"], "It was already decided.");
    let posts = fake
        .asked()
        .into_iter()
        .filter(|what| what.starts_with("POST"));
    assert_eq!(posts.count(), 3);
}

#[test]
fn an_account_nobody_knows_is_not_an_account_without_grants() {
    let fake = Fake::start(|call| match call.what.as_str() {
        "GET catalog" => (200, json!({"items": [], "durations_seconds": []})),
        "GET grants" => (200, json!({"items": [grant("active")]})),
        _ => (200, json!({ "items": [] })),
    });
    for args in [
        &["grants", "--account", "payments-prd"][..],
        &[
            "revoke",
            "--account",
            "payments-prd",
            "--reason",
            "x",
            "--yes",
        ][..],
    ] {
        let ran = against(&fake, args).exits(2);
        assert!(ran.err.contains("payments-prd"), "{}", ran.err);
    }
    let asked = fake.asked();
    assert!(!asked.is_empty());
    assert!(
        asked.iter().all(|what| what.starts_with("GET")),
        "{asked:?}"
    );
    against(&fake, &["grants", "--account", "Payments-Prod"]).exits(0);
    let last = fake.calls().last().unwrap().query.clone();
    assert!(last.starts_with("account=222233334444&"), "{last}");
}

#[test]
fn extending_is_a_request_that_can_be_waited_for() {
    let mut asked = request("approved");
    asked["extends"] = GRANT.into();
    let fake = Fake::start(move |call| {
        if call.what.starts_with("POST") {
            (201, asked.clone())
        } else {
            (200, grant("active"))
        }
    });
    let args = [
        "extend", GRANT, "--for", "1h", "--reason", "more", "--ticket", "OPS-7", "--wait",
    ];
    let ran = against(&fake, &args).exits(0);
    assert_eq!(ran.lines()[0]["id"], GRANT);
    assert_eq!(
        fake.calls()[0].body,
        json!({"duration_seconds": 3600, "reason": "more", "ticket": "OPS-7"})
    );
}

#[test]
fn breaking_the_glass_is_asked_first_and_needs_a_justification() {
    let why = "customers cannot pay, no one answers";
    let fake = Fake::start(|_| {
        let mut answer = request("approved");
        answer["break_glass"] = json!({"allowed": false, "review": "open", "justification": "w"});
        (200, answer)
    });
    let args = ["break-glass", REQUEST, "--justification", why];
    let ran = against(&fake, &args).exits(4);
    assert!(
        ran.err.contains("breaking the glass needs confirmation"),
        "{}",
        ran.err
    );
    assert_eq!(fake.asked(), [format!("GET requests/{REQUEST}")]);
    let ran = against(&fake, &with(&args, &["--yes", "-o", "table"])).exits(0);
    assert!(ran.out.contains("review"), "{}", ran.out);
    let call = fake.calls().pop().unwrap();
    assert_eq!(call.what, format!("POST requests/{REQUEST}/break-glass"));
    assert_eq!(call.body, json!({"justification": why}));
    let short = [
        "break-glass",
        REQUEST,
        "--justification",
        "  too short by far ",
        "--yes",
    ];
    against(&fake, &short).exits(2);
    assert_eq!(fake.calls().len(), 2);
}

#[test]
fn a_review_is_found_and_closed() {
    let fake = Fake::start(|call| match call.what.as_str() {
        "GET requests" => (200, json!({"items": [request("approved")]})),
        _ => (200, request("approved")),
    });
    against(&fake, &["requests", "--open-reviews"]).exits(0);
    assert_eq!(fake.calls()[0].query, "review=open&limit=50");
    let ran = against(&fake, &["close-review", REQUEST, "--reason", "right so"]).exits(0);
    assert_eq!(ran.lines()[0]["id"], REQUEST);
    let call = fake.calls().pop().unwrap();
    assert_eq!(call.what, format!("POST requests/{REQUEST}/close-review"));
    assert_eq!(call.body, json!({"reason": "right so"}));
}

#[test]
fn the_catalog_says_who_would_approve() {
    let fake = Fake::start(|_| {
        (
            200,
            json!({"durations_seconds": [1800], "items": [
                {"account": {"id": "222233334444", "name": "payments-prod"},
                 "permission_set": "ReadOnly", "decision": "ApprovalNotRequired", "approvers": [],
                 "approvals_needed": 0, "max_duration_seconds": 86400, "because": ["read"]},
                {"group": {"id": "g", "name": "oncall"}, "decision": "RequiresApproval",
                 "approvers": ["jonas@acme.example"], "approvals_needed": 1,
                 "max_duration_seconds": 14400, "because": ["oncall"]}]}),
        )
    });
    let ran = against(&fake, &["catalog", "--output", "table"]).exits(0);
    for part in ["payments-prod", "no one", "group oncall", "4h"] {
        assert!(ran.out.contains(part), "{part} in {}", ran.out);
    }
    let ran = against(
        &fake,
        &[
            "catalog",
            "--search",
            "PAY prod",
            "--permission-set",
            "Read",
            "--limit",
            "1",
        ],
    )
    .exits(0);
    assert_eq!(ran.lines().len(), 1);
    let call = fake.calls().pop().unwrap();
    assert_eq!(call.query, "q=PAY+prod&permission_set=Read&limit=1");
}

#[test]
fn explaining_asks_the_server_about_the_rules_in_force() {
    let fake = Fake::start(|_| {
        (
            200,
            json!({"decision": "NoStatements", "approvers": [], "because": [],
                "explanation": {"requester": "a@b.co", "target": "group oncall", "step": 6,
                    "because": "no rule is about this target", "rules": []}}),
        )
    });
    let args = [
        "rules", "explain", "--user", "a@b.co", "--group", "oncall", "-o", "table",
    ];
    let ran = against(&fake, &args).exits(0);
    assert!(
        ran.out.contains("step 6: no rule is about this target"),
        "{}",
        ran.out
    );
    let call = &fake.calls()[0];
    assert_eq!(call.what, "GET rules/explain");
    assert_eq!(call.query, "user=a%40b.co&group=oncall");
}

fn log() -> (Vec<Value>, Fake) {
    use hallpass_audit::{Draft, Event, Head, Origin, seal};
    let mut records = Vec::new();
    let mut head: Option<Head> = None;
    for number in 1..=5_u8 {
        let id = hallpass_base::AuditId::new(uuid::Uuid::from_u128(number.into()));
        let at = hallpass_base::Timestamp::UNIX_EPOCH;
        let event = if number == 3 {
            Event::TokenCreated
        } else {
            Event::ConfigLoaded
        };
        let record = seal(
            Draft::new(id, event, at, "hallpass", Origin::System),
            head.as_ref(),
        );
        let record = record.unwrap();
        records.push(Value::Object(record.fields().clone()));
        head = Some(Head {
            seq: record.seq(),
            hash: record.hash().to_owned(),
            time: at,
        });
    }
    let served = records.clone();
    let fake = Fake::start(move |call| {
        let pairs = call
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        let query: BTreeMap<&str, &str> = pairs.collect();
        let after: usize = query["after"].parse().unwrap();
        let is_asked = |it: &&Value| {
            query
                .get("event")
                .is_none_or(|event| it["event"] == **event)
        };
        let page: Vec<Value> = served.iter().skip(after).take(2).cloned().collect();
        let next = after + page.len();
        let next = Some(next.to_string()).filter(|_| next < served.len());
        // filtered items leave their page short
        let items: Vec<&Value> = page.iter().filter(is_asked).collect();
        (200, json!({ "items": items, "next": next }))
    });
    (records, fake)
}

#[test]
fn an_exported_log_verifies() {
    let (records, fake) = log();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let to = path.to_str().unwrap();
    let ran = against(&fake, &["audit", "export", "--to", to]).exits(0);
    assert!(ran.err.contains("Exported 5 records"), "{}", ran.err);
    let ran = run_args(["audit", "verify", to]).exits(0);
    assert_eq!(ran.lines()[0]["head"]["hash"], records[4]["hash"]);
    let ran = against(&fake, &["audit", "export", "--after", "3"]).exits(0);
    assert_eq!(ran.lines().len(), 2);
    let ran = against(&fake, &["audit", "show", "--event", "token.created"]).exits(0);
    assert_eq!(ran.lines()[0]["seq"], 3);
    let ran = against(&fake, &["audit", "show", "--limit", "2", "-o", "table"]).exits(0);
    assert_eq!(ran.out.lines().count(), 3, "{}", ran.out);
    assert!(ran.err.contains("only the first 2"), "{}", ran.err);
}

#[test]
fn a_broken_chain_is_not_exported() {
    let (mut records, _) = log();
    records[3]["why"] = "as it never was".into();
    let fake = Fake::start(move |call| {
        let items = if call.query.contains("after=0&") {
            json!(records)
        } else {
            json!([])
        };
        (200, json!({ "items": items }))
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let ran = against(&fake, &["audit", "export", "--to", path.to_str().unwrap()]).exits(1);
    assert!(ran.err.contains("error[changed]: record 4"), "{}", ran.err);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
