//! Passwords and activity of users on the page, in files and in the API (`inventory.md` H-38).

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_activity::{
    FailedPciRun, KeptPci, KeptPerson, KeptReport, PciState, PciStore, PciStoreFault, WholePciRun,
};
use hallpass_base::{Timestamp, UserId};
use serde_json::Value;

use crate::browser::Browser;
use crate::test_server::{TestServer, run};

struct Kept(Result<KeptPci, PciStoreFault>);

#[async_trait]
impl PciStore for Kept {
    async fn kept_pci(&self) -> Result<KeptPci, PciStoreFault> {
        self.0.clone()
    }

    async fn pci_state(&self) -> Result<Option<PciState>, PciStoreFault> {
        Ok(None)
    }

    async fn pci_evidence(&self) -> Result<Option<String>, PciStoreFault> {
        let kept = self.0.clone()?;
        Ok(kept
            .report
            .map(|_| "{\"tool\": \"hallpass activity pci report\"}".to_owned()))
    }

    async fn keep_pci_run(&self, _: u64, _: WholePciRun) -> Result<(), PciStoreFault> {
        Err(PciStoreFault::Raced)
    }

    async fn keep_pci_failure(&self, _: u64, _: FailedPciRun) -> Result<(), PciStoreFault> {
        Err(PciStoreFault::Raced)
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn id(name: &str) -> String {
    let hex = name
        .bytes()
        .take(4)
        .fold(String::new(), |hex, it| format!("{hex}{it:02x}"));
    format!("{hex:0<8}-0000-4000-8000-000000000000")
}

fn person(name: &str, password: (&str, Option<i64>), activity: (&str, Option<i64>)) -> KeptPerson {
    KeptPerson {
        user_name: name.to_owned(),
        user_id: UserId::new(id(name)).unwrap(),
        password_state: password.0.to_owned(),
        password_age_days: password.1,
        password_basis: password.1.map(|_| "event".to_owned()),
        password_since: None,
        activity_state: activity.0.to_owned(),
        inactive_days: activity.1,
        activity_basis: activity.1.map(|_| "Federate".to_owned()),
        inactive_since: None,
        last_sign_in: None,
        last_use: Some(at("2026-02-01T08:00:00Z")),
        failed_verifications: 2,
        is_weak_match: name == "weak",
    }
}

fn report() -> KeptReport {
    KeptReport {
        as_of: at("2026-03-02T08:00:00Z"),
        coverage_from: Some(at("2025-06-01T00:00:00Z")),
        identity_store_id: "d-1234567890".to_owned(),
        password_days: (86, 90),
        inactive_days: (86, 90),
        activity_policy: "any-use".to_owned(),
        files_read: 3,
        records_read: 40,
        not_read: vec!["AWSLogs/one.json.gz".to_owned()],
        people: vec![
            person("carol", ("ok", Some(3)), ("ok", Some(2))),
            person("=dave", ("expired", Some(304)), ("inactive", Some(120))),
            person("erin", ("disabled", None), ("disabled", None)),
            person("frank", ("warn", Some(87)), ("ok", Some(1))),
            person("grace", ("unknown", None), ("unknown", None)),
            person("weak", ("n/a", None), ("inactive_warn", Some(88))),
        ],
    }
}

fn kept() -> KeptPci {
    KeptPci {
        version: 4,
        report: Some(report()),
        failed: None,
    }
}

fn server(kept: Result<KeptPci, PciStoreFault>) -> TestServer {
    TestServer::with(|app| app.pci = Some(Arc::new(Kept(kept))))
}

fn order(text: &str) -> Vec<&str> {
    let names = ["carol", "=dave", "erin", "frank", "grace", "weak"];
    let place = |name: &&str| text.find(&format!(">{name}</bdi>"));
    let mut found: Vec<&str> = names.into_iter().filter(|it| place(it).is_some()).collect();
    found.sort_by_key(|it| place(it));
    found
}

#[test]
fn the_page_has_everybody_the_urgent_first() {
    run(async {
        let server = server(Ok(kept()));
        for who in ["eve", "aud"] {
            let mut browser = Browser::of(&server, who).await;
            let text = browser.get("/people").await.text();
            assert_eq!(
                order(&text),
                ["=dave", "weak", "frank", "grace", "carol", "erin"],
                "{text}"
            );
            for shown in [
                "6 people: 1 over a limit, 2 soon",
                "The log reaches from",
                "1 file could not be read, run after run, and what they hold is not known: AWSLogs/one.json.gz.",
                "Expired",
                "304 days",
                "120 days, Federate",
                "The log does not reach back far enough.",
                "They sign in at an outside provider.",
                "found by a name without its domain",
                "none in the log",
                "This is",
            ] {
                assert!(text.contains(shown), "{who}: {shown}: {text}");
            }
            let text = browser.get("/people?state=due").await.text();
            assert_eq!(order(&text), ["=dave"]);
            let text = browser.get("/people?sort=name&q=A").await.text();
            assert_eq!(order(&text), ["=dave", "carol", "frank", "grace", "weak"]);
            let text = browser.get("/people?q=nobody").await.text();
            assert!(text.contains("No one matches"), "{text}");
            assert!(text.contains("href=\"/people\""), "it is in the navigation");
        }
        let mut ana = Browser::of(&server, "ana").await;
        for path in ["/people", "/people.csv", "/people-evidence.json"] {
            assert_eq!(ana.get(path).await.status.as_u16(), 403, "{path}");
        }
    });
}

#[test]
fn files_have_what_the_page_is_narrowed_to() {
    run(async {
        let server = server(Ok(kept()));
        let mut aud = Browser::of(&server, "aud").await;
        let text = aud.get("/people.csv?state=soon&sort=name").await.text();
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows.len(), 3, "{text}");
        assert_eq!(rows[0], KeptPerson::COLUMNS.join(","));
        assert!(
            rows[1].starts_with(&format!(
                "frank,{},warn,87,event,,ok,1,Federate",
                id("frank")
            )),
            "{text}"
        );
        assert!(rows[2].ends_with(",2,true"), "{text}");
        let text = aud.get("/people.csv?state=due").await.text();
        assert!(text.contains("'=dave"), "{text}");
        let text = aud.get("/people-evidence.json").await.text();
        assert!(text.contains("hallpass activity pci report"), "{text}");
    });
}

#[test]
fn a_failed_run_and_no_run_are_said_in_words() {
    run(async {
        let failed = FailedPciRun {
            at: at("2026-03-02T09:00:00Z"),
            since: at("2026-03-01T09:00:00Z"),
            times: 3,
            why: "2 files could not be read".to_owned(),
            unread: [("AWSLogs/one.json.gz".to_owned(), 3)].into(),
        };
        let with_report = KeptPci {
            failed: Some(failed.clone()),
            ..kept()
        };
        let without = KeptPci {
            report: None,
            ..with_report.clone()
        };
        for (kept, shown) in [
            (
                Ok(with_report),
                "This is from the run before; no one counts as recovered meanwhile.",
            ),
            (Ok(without), "not checked yet"),
            (
                Ok(KeptPci::default()),
                "Passwords and activity follow with the first complete run.",
            ),
        ] {
            let is_failed = matches!(&kept, Ok(it) if it.failed.is_some());
            let server = server(kept);
            let mut eve = Browser::of(&server, "eve").await;
            let text = eve.get("/people").await.text();
            assert!(text.contains(shown), "{shown}: {text}");
            let words = "3 runs came to nothing since";
            assert_eq!(text.contains(words), is_failed, "{text}");
            assert_eq!(
                text.contains("2 files could not be read."),
                is_failed,
                "{text}"
            );
            let health = eve.get("/health").await.text();
            assert!(health.contains("Passwords and activity"), "{health}");
            assert_eq!(
                health.contains("2 files could not be read."),
                is_failed,
                "{health}"
            );
        }
        let broken = server(Err(PciStoreFault::Unavailable("no space".to_owned())));
        let mut eve = Browser::of(&broken, "eve").await;
        assert_eq!(eve.get("/people").await.status.as_u16(), 503);
        let none = TestServer::new();
        let mut eve = Browser::of(&none, "eve").await;
        assert!(
            eve.get("/people")
                .await
                .text()
                .contains("Passwords and activity are not checked")
        );
        assert_eq!(eve.get("/people.csv").await.status.as_u16(), 404);
    });
}

#[test]
fn the_api_says_the_same_page_by_page() {
    run(async {
        let server = server(Ok(kept()));
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/v1/people?limit=4{cursor}");
            let page = server.get(&path, "aud/all").await.json();
            assert_eq!(page["as_of"], "2026-03-02T08:00:00Z");
            let items = page["items"].as_array().unwrap();
            seen.extend(
                items
                    .iter()
                    .map(|it| it["user_id"].as_str().unwrap().to_owned()),
            );
            let Some(next) = page.get("next").and_then(Value::as_str) else {
                break;
            };
            cursor = format!("&cursor={next}");
        }
        let mut wanted: Vec<String> = report()
            .people
            .iter()
            .map(|it| it.user_id.to_string())
            .collect();
        wanted.sort();
        assert_eq!(seen, wanted);
        let due = server
            .get("/api/v1/people?state=due", "aud/all")
            .await
            .json();
        assert_eq!(due["items"].as_array().unwrap().len(), 1);
        assert_eq!(due["items"][0]["password_age_days"], 304);
        for (path, who, status) in [
            ("/api/v1/people", "ana/all", 403),
            ("/api/v1/people?state=late", "aud/all", 400),
            ("/api/v1/people?color=red", "aud/all", 400),
        ] {
            let reply = server.get(path, who).await;
            assert_eq!(reply.status.as_u16(), status, "{path}");
        }
    });
}
