//! Page actions by role and state, offered and performed; lost races; stale pages (`access.md` §5,
//! §11.4).

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use axum::http::StatusCode;
use hallpass_access::identity::Identity;
use hallpass_access::{AccessError, ActionRefused, Approving, Origin};
use hallpass_audit::AuditStore as _;
use hallpass_base::testing::rows;
use hallpass_base::{Disagreement, Email, TimeSpan};
use serde_json::json;

use crate::pages_visit::{Visit, field, text, to};
use crate::test_server::{TestServer, run};

const PEOPLE: [(&str, &str); 5] = [
    ("requester", "ana"),
    ("approver", "cai"),
    ("stranger", "sam"),
    ("auditor", "aud"),
    ("admin", "eve"),
];

const STATES: [&str; 9] = [
    "pending",
    "reviewed",
    "granted",
    "denied",
    "discarded",
    "lapsed",
    "broken",
    "unread",
    "clocks",
];

const PRESSES: [&str; 7] = [
    "approve",
    "deny",
    "discard",
    "release",
    "revoke",
    "break-glass",
    "close-review",
];

async fn in_state(state: &str) -> (TestServer, String, String) {
    let server = TestServer::new();
    let set = match state {
        "reviewed" => "Root",
        _ => "Admin",
    };
    let asked = match state {
        "broken" => server.broken_glass().await,
        _ => server.ask("ana/all", set).await,
    };
    let id = asked["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/requests/{id}");
    match state {
        "granted" | "reviewed" => {
            server
                .post(&format!("{path}/approve"), "dee/all", &json!(null))
                .await;
        }
        "denied" => {
            server
                .post(
                    &format!("{path}/deny"),
                    "dee/all",
                    &json!({"reason": "later"}),
                )
                .await;
        }
        "discarded" => {
            server
                .post(&format!("{path}/discard"), "ana/all", &json!(null))
                .await;
        }
        "lapsed" => server.clock.advance(TimeSpan::hours(9)),
        "unread" => {
            server.known.lists.store(false, Ordering::SeqCst);
            server.clock.advance(TimeSpan::hours(1));
        }
        "clocks" => server.clock.disagrees(Some(Disagreement::Unconfirmed)),
        _ => {}
    }
    let stored = server.get(&path, "ana/all").await.json();
    let grant = stored["grant_id"].as_str().unwrap_or("grn_none").to_owned();
    (server, id, grant)
}

fn path_of(press: &str, id: &str, grant: &str) -> String {
    match press {
        "release" | "revoke" => format!("/grants/{grant}/{press}"),
        _ => format!("/requests/{id}/{press}"),
    }
}

async fn cell(state: &str, person: &str, press: &str) -> String {
    let (server, id, grant) = in_state(state).await;
    let visit = Visit::of(&server, person).await;
    let page = visit.get(&format!("/requests/{id}")).await;
    let path = path_of(press, &id, &grant);
    let page = text(&page);
    let is_shown = page.contains(&format!("action=\"{path}\""));
    let seen = match press {
        "approve" if is_shown => field(&page, "seen"),
        _ => {
            if state == "reviewed" {
                "1".to_owned()
            } else {
                "0".to_owned()
            }
        }
    };
    let fields = [
        ("seen", seen.as_str()),
        ("reason", "it is over"),
        ("justification", "no one answers and customers wait"),
    ];
    let reply = visit.post(&path, &fields).await;
    let outcome = match reply.status {
        StatusCode::SEE_OTHER => {
            let place = to(&reply);
            let said = place
                .split_once("said=")
                .map(|(_, rest)| rest.split('&').next().unwrap());
            said.unwrap_or("nothing").to_owned()
        }
        status => status.as_u16().to_string(),
    };
    let without_effect = [
        "refused",
        "not-denied",
        "not-discarded",
        "changed",
        "nothing",
    ];
    let is_taken =
        !without_effect.contains(&outcome.as_str()) && reply.status == StatusCode::SEE_OTHER;
    assert!(
        is_taken || !is_shown,
        "{state}: {person} is shown {press} and gets {outcome}"
    );
    format!("{}{outcome}", if is_shown { "*" } else { "" })
}

async fn table() -> String {
    let mut out = String::from(
        "What comes of each press on the pages; * = the request's page has the button.\n",
    );
    for state in STATES {
        write!(out, "\n{state}\n").unwrap();
        for (role, person) in PEOPLE {
            write!(out, "  {role:<10}").unwrap();
            for press in PRESSES {
                let found = cell(state, person, press).await;
                write!(out, " {press}: {found:<11}").unwrap();
            }
            while out.ends_with(' ') {
                out.pop();
            }
            out.push('\n');
        }
    }
    out
}

#[test]
fn the_table_of_presses_is_as_it_was() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/presses.txt");
    let found = run(table());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &found).unwrap();
    }
    let wanted = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == wanted,
        "differs from {path} (BLESS=1 writes it):\n{found}"
    );
}

#[test]
fn the_second_of_two_approvers_is_told_kindly_who_was_first() {
    run(async {
        let (server, id, _) = in_state("pending").await;
        let path = format!("/requests/{id}/approve");
        let (cai, dee) = (
            Visit::of(&server, "cai").await,
            Visit::of(&server, "dee").await,
        );
        let seen = field(&dee.page(&format!("/requests/{id}")).await, "seen");
        let fields = [("seen", seen.as_str()), ("from", "reviews")];
        let first = cai.press(&path, &fields).await;
        assert!(
            first.contains("You approved 1h for ana. AWS is confirming."),
            "{first}"
        );
        let second = dee.press(&path, &fields).await;
        assert!(second.contains("Already approved by cai at "), "{second}");
        assert!(!second.contains(&format!("action=\"{path}\"")), "{second}");
        let on_its_page = dee.press(&path, &[("seen", seen.as_str())]).await;
        assert!(
            on_its_page.contains("Already approved by cai at "),
            "{on_its_page}"
        );
    });
}

#[test]
fn a_request_that_changed_since_is_shown_before_it_is_approved() {
    run(async {
        let server = TestServer::new();
        let asked = server.ask("ana/all", "Root").await;
        let id = asked["id"].as_str().unwrap();
        let dee = Visit::of(&server, "dee").await;
        let page = dee.page("/reviews").await;
        assert!(page.contains("Approve 1h (1 of 2)"), "{page}");
        let seen = field(&page, "seen");
        server
            .post(
                &format!("/api/v1/requests/{id}/approve"),
                "cai/all",
                &json!(null),
            )
            .await;
        let press = format!("/requests/{id}/approve");
        let fields = [("seen", seen.as_str()), ("from", "reviews")];
        let page = dee.press(&press, &fields).await;
        let words = "Nothing was done: this changed after you opened it. Cai approved at ";
        assert!(page.contains(words) && page.contains("1 of 2"), "{page}");
        assert!(page.contains("Approve 1h (2 of 2)"), "{page}");
        let state = server
            .get(&format!("/api/v1/requests/{id}"), "dee/all")
            .await;
        assert_eq!(state.json()["state"], "pending");
        let again = field(&page, "seen");
        let page = dee
            .press(&press, &[("seen", again.as_str()), ("from", "reviews")])
            .await;
        assert!(page.contains("You approved 1h for ana."), "{page}");
    });
}

#[test]
fn reminders_do_not_change_what_a_reviewer_saw() {
    run(async {
        let (server, id, _) = in_state("pending").await;
        let dee = Visit::of(&server, "dee").await;
        let seen = field(&dee.page("/reviews").await, "seen");
        server.clock.advance(TimeSpan::minutes(16));
        server.access.tick().await.unwrap();
        let stored = server
            .get(&format!("/api/v1/requests/{id}"), "dee/all")
            .await;
        assert_eq!(stored.json()["version"], 1, "{stored:?}");
        let page = dee
            .press(
                &format!("/requests/{id}/approve"),
                &[("seen", seen.as_str())],
            )
            .await;
        assert!(page.contains("You approved 1h for ana."), "{page}");
    });
}

#[test]
fn after_a_press_the_next_card_has_the_focus_and_the_pressed_one_is_a_line() {
    run(async {
        let server = TestServer::new();
        let first = server.ask("ana/all", "Admin").await;
        let second = server.ask("sam/all", "Admin").await;
        let (first, second) = (
            first["id"].as_str().unwrap(),
            second["id"].as_str().unwrap(),
        );
        let dee = Visit::of(&server, "dee").await;
        let page = dee.page("/reviews").await;
        assert!(page.find(first) < page.find(second), "oldest first");
        assert!(!page.contains("tabindex=\"-1\" autofocus"));
        let fields = [("reason", "use orders-prod"), ("from", "reviews")];
        let page = dee.press(&format!("/requests/{first}/deny"), &fields).await;
        assert!(page.contains("Denied. ana was notified."), "{page}");
        assert!(page.contains(&format!("id=\"t-{second}\" tabindex=\"-1\" autofocus")));
        assert!(!page.contains(&format!("action=\"/requests/{first}/approve\"")));
    });
}

#[test]
fn forms_without_the_sessions_token_change_nothing() {
    run(async {
        let (server, id, _) = in_state("pending").await;
        let cai = Visit::of(&server, "cai").await;
        for press in ["approve", "deny", "discard", "break-glass", "close-review"] {
            let path = format!("/requests/{id}/{press}");
            let reply = cai.post_with(&path, &[("seen", "1")], "another's").await;
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{press}");
        }
        let stored = server
            .get(&format!("/api/v1/requests/{id}"), "cai/all")
            .await;
        assert_eq!(stored.json()["state"], "pending");
    });
}

#[test]
fn what_is_not_there_and_what_is_not_ones_own_are_the_same_page() {
    run(async {
        let (server, id, grant) = in_state("granted").await;
        let sam = Visit::of(&server, "sam").await;
        let mut pages = Vec::new();
        for path in [
            format!("/requests/{id}"),
            "/requests/req_01a1f8f2e08571f092c8fccb25a60de7".to_owned(),
            "/requests/nonsense".to_owned(),
            format!("/grants/{grant}"),
            format!("/requests/{id}/deny"),
            format!("/grants/{grant}/revoke"),
        ] {
            let reply = sam.get(&path).await;
            assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
            pages.push(text(&reply));
        }
        assert!(pages[0].contains("No such request, or not yours to see."));
        assert!(pages.windows(2).all(|two| two[0] == two[1]));
    });
}

#[test]
fn a_refusal_is_about_the_press_that_was_made() {
    run(async {
        let (server, id, _) = in_state("pending").await;
        let table = "
            ana  approve  You can’t approve your own request.
            ana  deny     You can’t deny your own request.
            aud  deny     You are not an approver for
            aud  discard  Only the requester, an approver or an admin
        ";
        for [who, press, words] in rows(table) {
            let visit = Visit::of(&server, who).await;
            let path = format!("/requests/{id}/{press}");
            let page = visit.press(&path, &[("seen", "0")]).await;
            assert!(page.contains(words), "{who} {press}: {page}");
        }
    });
}

#[test]
fn a_press_on_what_one_may_not_see_is_on_record() {
    run(async {
        let (server, id, grant) = in_state("granted").await;
        let sam = Visit::of(&server, "sam").await;
        for path in [
            format!("/grants/{grant}/release"),
            format!("/grants/{grant}/revoke"),
            format!("/requests/{id}/approve"),
        ] {
            let reply = sam
                .post(&path, &[("reason", "it is over"), ("seen", "0")])
                .await;
            assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
        }
        let log = server.get("/api/v1/audit", "aud/all").await.json();
        let refused = log["items"].as_array().unwrap().iter();
        let refused = refused.filter(|record| record["event"] == "press.refused");
        assert_eq!(refused.count(), 3, "{log}");
    });
}

#[test]
fn a_stale_page_gives_nobody_another_reason() {
    run(async {
        // rendered before the first of two approvals
        let (server, id, _) = in_state("reviewed").await;
        let aud = Visit::of(&server, "aud").await;
        let press = format!("/requests/{id}/approve");
        let page = aud.press(&press, &[("seen", "0")]).await;
        assert!(page.contains("You are not an approver for "), "{page}");
    });
}

#[test]
fn taking_access_away_wants_a_word() {
    run(async {
        let (server, id, grant) = in_state("granted").await;
        let cai = Visit::of(&server, "cai").await;
        let path = format!("/grants/{grant}/revoke");
        let reply = cai.post(&path, &[("reason", "  ")]).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
        let page = text(&reply);
        assert!(
            page.contains("Revoke ana’s access now?") && page.contains("Say in a few words why.")
        );
        let page = cai.press(&path, &[("reason", "INC-7")]).await;
        assert!(page.contains("Revoked: payments-prod / Admin."), "{page}");
        assert!(page.contains("<q class=\"said\">INC-7</q>"), "{page}");
        assert!(to(&cai.get(&format!("/grants/{grant}")).await).ends_with(&id));
    });
}

#[test]
fn a_short_justification_is_kept_and_the_review_is_somebody_elses() {
    run(async {
        let (server, id, _) = in_state("pending").await;
        let ana = Visit::of(&server, "ana").await;
        let page = ana.page(&format!("/requests/{id}")).await;
        assert!(page.contains("Break glass for 1h?"), "{page}");
        assert!(
            page.contains("2 approvers and all admins are notified now."),
            "{page}"
        );
        let path = format!("/requests/{id}/break-glass");
        let reply = ana.post(&path, &[("justification", "help <b>")]).await;
        let page = text(&reply);
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(
            page.contains("At least 20 characters; this has 8."),
            "{page}"
        );
        assert!(page.contains("help &#60;b&#62;"), "{page}");
        let why = "customers cannot pay, no one answers";
        let page = ana.press(&path, &[("justification", why)]).await;
        assert!(page.contains("Glass broken."), "{page}");
        assert!(!page.contains("close-review"), "{page}");
        let cai = Visit::of(&server, "cai").await;
        let page = cai.page("/reviews").await;
        assert!(
            page.contains("1 break-glass review waits for you."),
            "{page}"
        );
        assert!(
            page.contains(why) && page.contains("Close review…"),
            "{page}"
        );
        let fields = [("reason", "fine"), ("from", "reviews")];
        let page = cai
            .press(&format!("/requests/{id}/close-review"), &fields)
            .await;
        assert!(page.contains("Review closed.") && page.contains("Nothing waits for you."));
    });
}

#[test]
fn what_was_seen_is_compared_with_what_is_decided_on() {
    run(async {
        let server = TestServer::new();
        let id = server.ask("ana/all", "Root").await["id"].clone();
        let id: hallpass_base::RequestId = id.as_str().unwrap().parse().unwrap();
        let who = |name: &str| {
            let email = Email::new(&format!("{name}@corp.example")).unwrap();
            let directory = server.access.directory();
            let found = Identity::default().actor(&email, Origin::Web, &directory);
            found.unwrap()
        };
        let (cai, dee) = (who("cai"), who("dee"));
        let access = &server.access;
        let seen = access.request(&dee, id).await.unwrap().seen();
        let as_seen = |seen| Approving {
            seen: Some(seen),
            ..Approving::default()
        };
        access
            .approve_with(&cai, id, as_seen(seen), None)
            .await
            .unwrap();
        let late = access.approve_with(&dee, id, as_seen(seen), None).await;
        assert!(
            matches!(late, Err(AccessError::Refused(ActionRefused::Changed))),
            "{late:?}"
        );
        let now = access.request(&dee, id).await.unwrap();
        assert_eq!((now.state.name(), now.reviews.len()), ("pending", 1));
        let done = access
            .approve_with(&dee, id, as_seen(now.seen()), None)
            .await;
        assert_eq!(done.unwrap().state.name(), "approved");
        let log = server.store.records_from(1, 100).await.unwrap();
        let refused = log.iter().filter(|r| r.event() == "press.refused").count();
        assert_eq!(refused, 1, "the late press is on record");
    });
}

#[test]
fn decided_by_me_is_what_my_presses_are_on_record_for() {
    run(async {
        let server = TestServer::new();
        let first = server.ask("ana/all", "Admin").await["id"].clone();
        let second = server.ask("ana/all", "Root").await["id"].clone();
        let by_dee = server.ask("sam/all", "Admin").await["id"].clone();
        for (id, press, token) in [
            (&second, "approve", "cai/all"),
            (&by_dee, "approve", "dee/all"),
            (&first, "deny", "cai/all"),
        ] {
            let path = format!("/api/v1/requests/{}/{press}", id.as_str().unwrap());
            let reply = server.post(&path, token, &json!(null)).await;
            assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        }
        let page = Visit::of(&server, "cai").await.page("/reviews/done").await;
        let place = |id: &serde_json::Value| page.find(id.as_str().unwrap());
        assert!(place(&first) < place(&second), "newest decision first");
        assert!(
            place(&first).is_some() && place(&by_dee).is_none(),
            "{page}"
        );
        let page = Visit::of(&server, "ana").await.page("/reviews/done").await;
        assert!(!page.contains(first.as_str().unwrap()), "{page}");
    });
}
