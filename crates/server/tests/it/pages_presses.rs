//! Page actions: lost races, stale pages, refusals (`access.md` §5, §11.4). `e2e/channels.py` tests
//! every action by role and state.

use axum::http::StatusCode;
use hallpass_access::identity::Identity;
use hallpass_access::{AccessError, ActionRefused, Approving, Origin};
use hallpass_audit::AuditStore as _;
use hallpass_base::testing::rows;
use hallpass_base::{Email, TimeSpan};
use serde_json::json;

use crate::pages_choices::held;
use crate::pages_visit::{Visit, field, text, to};
use crate::test_server::{TestServer, run};

async fn pending(set: &str) -> (TestServer, String) {
    let server = TestServer::new();
    let asked = server.ask("ana/all", set).await;
    let id = asked["id"].as_str().unwrap().to_owned();
    (server, id)
}

#[test]
fn the_second_of_two_approvers_is_told_kindly_who_was_first() {
    run(async {
        let (server, id) = pending("Admin").await;
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
        let (server, id) = pending("Admin").await;
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
fn a_refusal_is_about_the_press_that_was_made() {
    run(async {
        let (server, id) = pending("Admin").await;
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
fn a_stale_page_gives_nobody_another_reason() {
    run(async {
        // rendered before the first of two approvals
        let (server, id) = pending("Root").await;
        let approve = format!("/api/v1/requests/{id}/approve");
        server.post(&approve, "dee/all", &json!(null)).await;
        let aud = Visit::of(&server, "aud").await;
        let press = format!("/requests/{id}/approve");
        let page = aud.press(&press, &[("seen", "0")]).await;
        assert!(page.contains("You are not an approver for "), "{page}");
    });
}

#[test]
fn a_short_justification_is_kept_and_the_review_is_somebody_elses() {
    run(async {
        let (server, id) = pending("Admin").await;
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

#[test]
fn ending_early_asks_once_and_says_what_ends() {
    run(async {
        let server = TestServer::new();
        let grant = held(&server).await.id;
        let (ana, aud) = (
            Visit::of(&server, "ana").await,
            Visit::of(&server, "aud").await,
        );
        let path = format!("/grants/{grant}/release");
        let home = ana.page("/").await;
        assert!(
            home.contains(&format!("href=\"{path}?from=home\" data-sheet>End early…")),
            "{home}"
        );
        let page = ana.page(&format!("{path}?from=home")).await;
        assert!(
            page.contains("End your access now?") && page.contains("before its end."),
            "{page}"
        );
        assert!(page.contains("payments-prod / ReadOnly,"), "{page}");
        assert!(
            !page.contains("<textarea"),
            "a reason is not needed: {page}"
        );
        let other = aud.get(&path).await;
        assert_eq!(
            other.status,
            StatusCode::SEE_OTHER,
            "only the holder ends it"
        );
        let said = ana.press(&path, &[("from", &field(&page, "from"))]).await;
        assert!(
            said.contains("Ended early: payments-prod / ReadOnly."),
            "{said}"
        );
        let again = ana.get(&path).await;
        assert!(
            to(&again).starts_with("/requests/"),
            "nothing is left to end"
        );
    });
}
