//! Activity of a grant on its request page and in the API (`inventory.md` H-28).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use hallpass_access::ActivityLogs;
use hallpass_access::{
    AccessStore as _, Change, EndCause, EndOutcome, Grant, GrantFilter, GrantState, Write,
};
use hallpass_activity::{AccountActivity, AccountSpan, SessionAccount, SessionCall, SessionOfDay};
use hallpass_base::{AccountId, TimeSpan, Timestamp};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::pages_visit::Visit;
use crate::test_server::{TestServer, run};

#[derive(Default)]
struct Logs(Mutex<Option<Result<AccountActivity, String>>>);

#[async_trait]
impl ActivityLogs for Logs {
    async fn of(&self, account: &AccountId, days: &[Date]) -> Result<AccountActivity, String> {
        assert_eq!(account.as_str(), "111111111111");
        assert!(!days.is_empty());
        self.0.lock().unwrap().clone().unwrap()
    }
}

fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn call(service: &str, action: &str, at: Timestamp, error: Option<&str>) -> SessionCall {
    SessionCall {
        service: service.to_owned(),
        action: action.to_owned(),
        error_code: error.map(str::to_owned),
        is_write: Some(action.starts_with("Put") || action.starts_with("Stop")),
        count: 3,
        first: at,
        last: at,
        resources: Vec::new(),
    }
}

fn session(person: &str, started: Timestamp, seen: Timestamp) -> SessionOfDay {
    SessionOfDay {
        person: person.to_owned(),
        user_id: None,
        permission_set: "ReadOnly".to_owned(),
        started: Some(started),
        calls: vec![
            call("ec2", "DescribeInstances", seen, None),
            call("s3", "PutObject", seen, Some("AccessDenied")),
            call("cloudtrail", "StopLogging", seen, None),
        ],
    }
}

async fn page_of(server: &TestServer, request: &Value) -> String {
    let ana = Visit::of(server, "ana").await;
    ana.page(&format!("/requests/{}", request["id"].as_str().unwrap()))
        .await
}

fn activity(until: Timestamp, sessions: Vec<SessionOfDay>) -> AccountActivity {
    let from = TimeSpan::hours(48).before(until);
    let mut days = BTreeMap::new();
    for hours in [48, 24, 0] {
        days.insert(
            day(TimeSpan::hours(hours).before(until)),
            SessionAccount::default(),
        );
    }
    days.insert(day(until), SessionAccount { sessions });
    AccountActivity {
        span: Some(AccountSpan { from, until }),
        days,
    }
}

async fn becomes(server: &TestServer, states: &[GrantState]) -> Grant {
    for state in states {
        let found = server.store.grants(&GrantFilter::default(), 10).await;
        let before = found.unwrap().rows.remove(0);
        let step = Grant {
            state: state.clone(),
            granted_at: before.granted_at.or(Some(server.now())),
            ..before
        };
        let change = Change {
            grants: vec![Write::Update(step)],
            ..Change::default()
        };
        server.store.commit(change).await.unwrap();
    }
    let found = server.store.grants(&GrantFilter::default(), 10).await;
    found.unwrap().rows.remove(0)
}

#[test]
fn a_grants_use_is_told_as_far_as_the_log_goes() {
    run(async {
        let logs = Arc::new(Logs::default());
        let port: Arc<dyn ActivityLogs> = logs.clone();
        let server = TestServer::with(|app| app.activity = Some(port));
        let asked = server.ask("ana/all", "ReadOnly").await;
        let grant = becomes(&server, &[GrantState::Granting, GrantState::Active]).await;
        let seen = server.now();
        server.clock.advance(TimeSpan::minutes(30));
        let path = format!("/api/v1/grants/{}/activity", grant.id);
        let says = |found: Result<AccountActivity, String>| {
            *logs.0.lock().unwrap() = Some(found);
            server.get(&path, "ana/all")
        };
        let nothing = says(Ok(AccountActivity::default())).await.json();
        assert_eq!(nothing["state"], "not_known");
        let quiet = says(Ok(activity(server.now(), Vec::new()))).await.json();
        assert_eq!(quiet["state"], "not_so_far", "{quiet}");
        let words = quiet["words"].as_str().unwrap();
        assert!(words.contains("reaches until"), "{words}");
        let session = |person: &str, started: Timestamp| session(person, started, seen);
        let others = vec![
            session("ben@corp.example", seen),
            session("ana@corp.example", TimeSpan::hours(2).before(seen)),
        ];
        let not_hers = says(Ok(activity(server.now(), others))).await.json();
        assert_eq!(
            not_hers["state"], "not_so_far",
            "another's, and one from before: {not_hers}"
        );
        let own = vec![session("ANA@corp.example", seen)];
        let used = says(Ok(activity(server.now(), own))).await.json();
        assert_eq!(
            (&used["state"], &used["count"], &used["denied"]),
            (&json!("used"), &json!(9), &json!(3))
        );
        let order: Vec<&Value> = used["calls"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| &it["action"])
            .collect();
        assert_eq!(
            order,
            ["StopLogging", "PutObject", "DescribeInstances"],
            "notable first, then what writes"
        );
        assert_eq!(used["calls"][0]["notable"], "logging");
        assert_eq!(used["services"], json!(["cloudtrail", "s3", "ec2"]));
        let page = page_of(&server, &asked).await;
        assert!(
            page.contains("Use of the access") && page.contains("cloudtrail:StopLogging"),
            "{page}"
        );
        assert!(page.contains("stops or narrows what is logged"), "{page}");
        let broken = says(Err("cannot <b>read</b>".to_owned())).await;
        assert_eq!(broken.short(), "503 logs-unreadable");
        let page = page_of(&server, &asked).await;
        assert!(
            page.contains("the logs cannot be read") && !page.contains("<b>read</b>"),
            "{page}"
        );
    });
}

#[test]
fn whoever_decides_again_sees_what_was_done_the_last_time() {
    run(async {
        let logs = Arc::new(Logs::default());
        let port: Arc<dyn ActivityLogs> = logs.clone();
        let server = TestServer::with(|app| app.activity = Some(port));
        server.ask("ana/all", "ReadOnly").await;
        becomes(&server, &[GrantState::Granting, GrantState::Active]).await;
        let (seen, cause) = (server.now(), EndCause::Expired);
        server.clock.advance(TimeSpan::minutes(30));
        let (since, at) = (server.now(), server.now());
        let over = GrantState::Ended {
            cause: cause.clone(),
            at,
            removed: true,
            why: EndOutcome::Removed,
        };
        becomes(&server, &[GrantState::Ending { cause, since }, over]).await;
        server.clock.advance(TimeSpan::hours(1));
        let again = server.ask("ana/all", "ReadOnly").await;
        let path = format!("/api/v1/requests/{}", again["id"].as_str().unwrap());
        let now = server.now();
        let own = session("ana@corp.example", seen, seen);
        *logs.0.lock().unwrap() = Some(Ok(activity(now, vec![own])));
        let said = server.get(&path, "ana/all").await.json();
        let words = said["before"]["requester"]["last_use"].as_str().unwrap();
        assert!(
            words.starts_with("Last time, since ")
                && words.contains("9 calls of 3 services")
                && words.contains("Look at cloudtrail:StopLogging."),
            "{words}"
        );
        *logs.0.lock().unwrap() = Some(Ok(AccountActivity::default()));
        let said = server.get(&path, "ana/all").await.json();
        assert!(said["before"]["requester"]["last_use"].is_null(), "{said}");
        *logs.0.lock().unwrap() = Some(Err("gone".to_owned()));
        let said = server.get(&path, "ana/all").await;
        assert_eq!(said.status, 200, "what cannot be read keeps no page away");
    });
}

#[test]
fn without_logs_the_page_says_nothing_and_the_api_that_nothing_is_known() {
    run(async {
        let server = TestServer::new();
        let asked = server.ask("ana/all", "ReadOnly").await;
        let grant = becomes(&server, &[GrantState::Granting, GrantState::Active]).await;
        let found = server
            .get(&format!("/api/v1/grants/{}/activity", grant.id), "ana/all")
            .await
            .json();
        assert_eq!(found["state"], "not_known", "{found}");
        assert!(
            found["words"].as_str().unwrap().contains("no logs"),
            "{found}"
        );
        let ana = Visit::of(&server, "ana").await;
        let page = ana
            .page(&format!("/requests/{}", asked["id"].as_str().unwrap()))
            .await;
        assert!(!page.contains("Use of the access"), "{page}");
    });
}
