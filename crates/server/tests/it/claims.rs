//! The pages of one access in each of its states: claims that must not stand together.

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_access::{
    AccessStore as _, ActivityLogs, Change, Directory, EndCause, EndOutcome, Grant, GrantFilter,
    GrantState, Origin, Stuck, Write,
};
use hallpass_activity::{AccountActivity, AccountSpan};
use hallpass_audit::{Draft, Event};
use hallpass_base::{AccountId, AuditId, TimeSpan, Timestamp};
use jiff::civil::Date;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::pages_visit::Visit;
use crate::signed_in::words;
use crate::test_server::{TestServer, directory, run};

/// On the page of a request.
const NEVER_TOGETHER: [(&str, &str); 12] = [
    ("stop within minutes", "work up to"),
    ("stop within minutes", "may work until"),
    ("stop within minutes", "Sessions continue"),
    ("denied by", "redentials"),
    ("Expired", "redentials"),
    ("Nothing was granted", "redentials"),
    ("Nothing is removed", "redentials"),
    ("before this grant begins", "No use"),
    ("before this grant begins", "Never used"),
    ("Ending", "Ended on time"),
    ("Stuck", "Ended on time"),
    ("late, after", "Ended on time"),
];

/// A log that ends an hour before the server starts.
struct OldLog;

#[async_trait]
impl ActivityLogs for OldLog {
    async fn of(&self, _: &AccountId, _: &[Date]) -> Result<AccountActivity, String> {
        let start = Timestamp::from_second(1_780_000_000).unwrap();
        Ok(AccountActivity {
            span: Some(AccountSpan {
                from: TimeSpan::hours(48).before(start),
                until: TimeSpan::hours(1).before(start),
            }),
            ..AccountActivity::default()
        })
    }
}

fn server(end_sessions: bool) -> TestServer {
    TestServer::set(
        directory,
        |settings| settings.end_sessions = end_sessions,
        |app| app.activity = Some(Arc::new(OldLog)),
    )
}

async fn the_grant(server: &TestServer) -> Grant {
    let found = server.store.grants(&GrantFilter::default(), 1).await;
    found.unwrap().rows.remove(0)
}

async fn becomes(
    server: &TestServer,
    event: Event,
    change: impl FnOnce(Grant, Timestamp) -> Grant,
) {
    let (before, now) = (the_grant(server).await, server.now());
    let id = AuditId::new(Uuid::from_u128(u128::from(
        now.as_millisecond().unsigned_abs(),
    )));
    let draft = Draft::new(id, event, now, "hallpass", Origin::System)
        .about(before.request, Some(before.id))
        .removed(true, "removed")
        .error("denied");
    let after = change(before.clone(), now);
    let change = Change {
        grants: (after != before)
            .then_some(Write::Update(after))
            .into_iter()
            .collect(),
        audit: vec![draft],
        ..Change::default()
    };
    server.store.commit(change).await.unwrap();
    server.clock.advance(TimeSpan::minutes(1));
}

/// Checks the pages; `claims` must stand on the page of the request.
async fn check(server: &TestServer, request: &Value, state: &str, claims: &[&str]) {
    let path = format!("/requests/{}", request["id"].as_str().unwrap());
    for person in ["ana", "aud"] {
        let said = words(&Visit::of(server, person).await.page(&path).await);
        for claim in claims {
            assert!(said.contains(claim), "{state}: no {claim:?}: {said}");
        }
        for (one, other) in NEVER_TOGETHER {
            let both = said.contains(one) && said.contains(other);
            assert!(!both, "{state}: {one:?} and {other:?}: {said}");
        }
    }
}

const WORK_ON: &str = "work up to 1h longer";
const STOP: &str = "stop within minutes";

#[test]
fn a_grant_claims_nothing_that_its_state_denies() {
    run(async {
        let expired = || EndCause::Expired;
        for (end_sessions, after) in [(false, WORK_ON), (true, STOP)] {
            let server = server(end_sessions);
            let asked = server.ask("ana/all", "ReadOnly").await;
            check(&server, &asked, "scheduled", &["Queued", after]).await;
            becomes(&server, Event::GrantRequested, |grant, _| Grant {
                state: GrantState::Granting,
                ..grant
            })
            .await;
            check(&server, &asked, "granting", &["Setting up", after]).await;
            becomes(&server, Event::GrantSucceeded, |grant, now| Grant {
                state: GrantState::Active,
                granted_at: Some(now),
                ..grant
            })
            .await;
            let log = "Not known: the log of this account ends";
            check(&server, &asked, "active", &["Active", after, log]).await;
            server.clock.advance(TimeSpan::hours(1));
            becomes(&server, Event::EndStarted, |grant, since| Grant {
                state: GrantState::Ending {
                    cause: expired(),
                    since,
                },
                ..grant
            })
            .await;
            check(&server, &asked, "ending", &["Ending", "is over", log]).await;
            becomes(&server, Event::EndStuck, |grant, since| Grant {
                stuck: Some(Stuck {
                    since,
                    reason: "denied".to_owned(),
                }),
                ..grant
            })
            .await;
            check(&server, &asked, "stuck", &["Stuck", "is over"]).await;
            let access = Visit::of(&server, "aud").await.page("/access").await;
            assert!(words(&access).contains("Stuck"), "the same word: {access}");
            becomes(&server, Event::EndSucceeded, |grant, at| Grant {
                state: GrantState::Ended {
                    cause: expired(),
                    at,
                    removed: true,
                    why: EndOutcome::Removed,
                },
                end_sessions,
                ..grant
            })
            .await;
            let credentials = if end_sessions { STOP } else { "may work until" };
            let late = "late, after 1h";
            check(&server, &asked, "ended", &["Ended", late, credentials]).await;
            becomes(&server, Event::SessionsCutFailed, |grant, _| grant).await;
            check(&server, &asked, "not cut", &["Sessions continue"]).await;
        }
    });
}

#[test]
fn what_was_not_granted_tells_of_no_credentials() {
    run(async {
        for (end_sessions, after) in [(false, WORK_ON), (true, STOP)] {
            let server = server(end_sessions);
            let asked = server.ask("ana/all", "Admin").await;
            check(&server, &asked, "pending", &["Waiting", after]).await;
            let reviews = Visit::of(&server, "cai").await.page("/reviews").await;
            assert!(words(&reviews).contains(after), "{reviews}");
            let path = format!("/api/v1/requests/{}/deny", asked["id"].as_str().unwrap());
            server.post(&path, "cai/all", &json!({})).await;
            check(&server, &asked, "denied", &["denied by"]).await;
            let again = server.ask("ana/all", "Admin").await;
            server.clock.advance(TimeSpan::hours(200));
            check(&server, &again, "expired", &["Expired"]).await;
        }
    });
}

#[test]
fn a_grant_that_failed_tells_of_no_credentials() {
    run(async {
        let server = server(false);
        let asked = server.ask("ana/all", "ReadOnly").await;
        becomes(&server, Event::GrantRequested, |grant, _| Grant {
            state: GrantState::Granting,
            ..grant
        })
        .await;
        becomes(&server, Event::GrantFailed, |grant, at| Grant {
            state: GrantState::Failed {
                at,
                error: "denied".to_owned(),
            },
            ..grant
        })
        .await;
        check(&server, &asked, "failed", &["Nothing was granted"]).await;
    });
}

#[test]
fn an_account_has_one_name_on_every_page() {
    run(async {
        let server = server(false);
        let asked = server.ask("ana/all", "ReadOnly").await;
        let mut snapshot = directory(server.now()).snapshot().clone();
        for account in &mut snapshot.accounts {
            account.name = account.name.replace("payments", "billing");
        }
        server.directory_becomes(Directory::new(snapshot));
        let request = format!("/requests/{}", asked["id"].as_str().unwrap());
        for path in [request.as_str(), "/requests", "/access", "/audit", "/"] {
            let person = if path == "/" { "ana" } else { "eve" };
            let page = Visit::of(&server, person).await.page(path).await;
            let said = words(&page);
            let is_new = said.contains("billing-prod") && !said.contains("payments-prod");
            assert!(is_new, "{path}: {said}");
        }
    });
}

#[test]
fn health_is_green_only_without_a_red_figure() {
    run(async {
        for (metrics, is_red) in [("", false), ("hallpass_reconciler_age_seconds 300\n", true)] {
            let server = TestServer::with(|app| app.metrics = Arc::new(|| metrics.to_owned()));
            let page = Visit::of(&server, "eve").await.page("/health").await;
            let (headline, figures) = page.split_once("<dl class=\"stats").unwrap();
            assert_eq!(figures.contains("<b class=\"bad\">"), is_red);
            assert_eq!(headline.contains("av-2"), !is_red, "{headline}");
            let good = "Every grant that should have ended has ended";
            assert_eq!(words(headline).contains(good), !is_red, "{headline}");
            assert_eq!(headline.contains("Look at: Executor"), is_red, "{headline}");
        }
    });
}
