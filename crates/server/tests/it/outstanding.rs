//! Pending approvers in all server channels, with stages and approval hours.

use hallpass_base::{Clock, TimeSpan, Timestamp};
use hallpass_rules::{RuleFile, load};
use serde_json::json;

use crate::pages_visit::{Visit, field};
use crate::test_server::{TestServer, run};

const ASK: &str = "/api/v1/requests";
const PREVIEW: &str = "/api/v1/preview?account=payments-prod&permission_set=Admin";
const STAGES: &str = "stages = [{ name = 'boss', approvers = ['eve@corp.example'] }, \
     { name = 'team', approvers = ['cai@corp.example', 'dee@corp.example'] }]";

async fn with_rule(fields: &str) -> TestServer {
    let server = TestServer::new();
    let text = format!("[[rule]]\nid = 'all'\naccounts = '*'\npermission_sets = '*'\n{fields}\n");
    let rules = load(&RuleFile::new("rules.toml", &text)).unwrap().rules;
    server.access.set_rules(rules, "test").await.unwrap();
    server
}

#[test]
fn every_door_says_which_stage_is_open_and_who_fills_it() {
    run(async {
        let server = with_rule(STAGES).await;
        let asked = server.ask("ana/all", "Admin").await;
        let path = format!("{ASK}/{}", asked["id"].as_str().unwrap());
        assert_eq!(asked["approvals_given"], 0);
        assert_eq!(asked["stages"][1]["filled"], 0);
        let approve = format!("{path}/approve");
        server.post(&approve, "cai/all", &json!(null)).await;
        let dee = Visit::of(&server, "dee").await;
        assert!(
            dee.page("/reviews")
                .await
                .contains("Nothing waits for you.")
        );
        let form = path.replace("/api/v1", "");
        let page = dee.page(&form).await;
        assert!(
            page.contains("Approve 1h") && !page.contains(" of 2)"),
            "{page}"
        );
        let seen = field(&page, "seen");
        let page = dee
            .press(&format!("{form}/approve"), &[("seen", &seen)])
            .await;
        let words = "You approved this for ana. It waits for boss: eve.";
        assert!(page.contains(words), "{page}");
        let again = server.post(&approve, "dee/all", &json!(null)).await.json();
        let detail = again["detail"].as_str().unwrap();
        assert!(
            detail.contains("it needs 2 approvals and has 1"),
            "{detail}"
        );
        let shown = server.get(&path, "ana/all").await.json();
        let listed = server.get(ASK, "ana/all").await.json();
        for found in [&shown, &listed["items"][0]] {
            assert_eq!(found["approvers"], json!(["eve@corp.example"]));
            assert_eq!(
                (&found["approvals_needed"], &found["approvals_given"]),
                (&json!(2), &json!(1))
            );
            assert_eq!(
                found["stages"],
                json!([
                    {"rule": "all", "name": "boss", "quorum": 1, "filled": 0, "approvers": ["eve@corp.example"]},
                    {"rule": "all", "name": "team", "quorum": 1, "filled": 1, "approvers": []},
                ])
            );
        }
        let ana = Visit::of(&server, "ana").await;
        let page = ana.page(&form).await;
        assert!(page.contains("Waiting for boss: eve"), "{page}");
        assert!(page.contains("your own request. Eve can."), "{page}");
        let eve = Visit::of(&server, "eve").await.page("/reviews").await;
        assert!(
            eve.contains("Approve 1h <kbd>") && eve.contains("1 of 2 needed"),
            "{eve}"
        );
    });
}

#[test]
fn a_request_that_is_decided_shows_no_reminders_that_may_not_have_been() {
    run(async {
        let server = with_rule("approvers = ['cai@corp.example']").await;
        let asked = server.ask("ana/all", "Admin").await;
        let path = format!("{ASK}/{}", asked["id"].as_str().unwrap());
        let form = path.replace("/api/v1", "");
        let ana = Visit::of(&server, "ana").await;
        server.clock.advance(TimeSpan::minutes(16));
        server.access.tick().await.unwrap();
        let page = ana.page(&form).await;
        assert!(page.contains("Reminder sent"), "{page}");
        let approve = format!("{path}/approve");
        server.post(&approve, "cai/all", &json!(null)).await;
        let page = ana.page(&form).await;
        assert!(!page.contains("Reminder sent"), "{page}");
    });
}

#[test]
fn hours_for_approvals_are_told_before_and_after_asking() {
    run(async {
        let now = TestServer::new().clock.now();
        let clock = |at: Timestamp| at.to_string().get(11..16).unwrap().to_owned();
        let opens = TimeSpan::hours(10).after(now);
        let (from, to) = (clock(opens), clock(TimeSpan::hours(1).after(opens)));
        let server = with_rule(&format!(
            "approvers = ['cai@corp.example']\n\
             approval_hours = {{ from = '{from}', to = '{to}', time_zone = 'UTC' }}"
        ))
        .await;
        let asked = server.ask("ana/all", "Admin").await;
        let preview = server.get(PREVIEW, "ana/all").await.json();
        for found in [&asked, &preview] {
            let hours = json!([{"rule": "all", "hours": format!("{from}–{to} UTC")}]);
            assert_eq!(found["approval_hours"], hours, "{found}");
            assert_eq!(found["approvals_closed"], true);
            let at: Timestamp = found["approvals_open_at"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap();
            assert_eq!(clock(at), from);
        }
        let lapses: Timestamp = asked["expires_at"].as_str().unwrap().parse().unwrap();
        assert!(lapses > TimeSpan::hours(17).after(now), "{asked}");
        let ana = Visit::of(&server, "ana").await;
        let page = ana
            .page(&format!("/requests/{}", asked["id"].as_str().unwrap()))
            .await;
        assert!(page.contains("Approvals begin "), "{page}");
    });
}
