//! Alert rules on pages and in the API: permissions for viewing and muting.

use std::sync::Arc;

use hallpass_access::identity::Identity;
use hallpass_alerts::{AlertStore as _, AlertWrite};
use hallpass_audit::AuditStore as _;
use hallpass_store_testing::an_alert_state;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::test_server::{TestServer, run};

const RULE: &str = "/alerts/rule?id=keys%2Funused";
const MUTE: &str = "/alerts/mute?rule=keys%2Funused&key=%5B%22ben%22%5D";
const UNMUTE: &str = "/alerts/unmute?rule=keys%2Funused&key=%5B%22ben%22%5D";

async fn server() -> TestServer {
    let server = TestServer::with(|app| {
        app.identity = Arc::new(Identity {
            operators: vec!["dee@corp.example".to_owned()],
            ..(*app.identity).clone()
        });
    });
    let write = AlertWrite {
        state: an_alert_state(),
        message: None,
    };
    server.store.commit_alert(write).await.unwrap();
    server
}

async fn recorded(server: &TestServer) -> Vec<[String; 4]> {
    let records = server.store.records_from(1, 500).await.unwrap();
    let of_alerts = records.iter().filter(|it| it.event().starts_with("alert."));
    of_alerts
        .map(|it| {
            let text = |name: &str| it.text(name).unwrap_or_default().to_owned();
            [
                it.event().to_owned(),
                text("actor"),
                text("reason"),
                text("why"),
            ]
        })
        .collect()
}

#[test]
fn the_pages_show_rules_and_rows_to_those_who_look_after_the_place() {
    run(async {
        let server = server().await;
        for (person, may_mute) in [("eve", true), ("dee", true), ("aud", false)] {
            let mut browser = Browser::of(&server, person).await;
            let text = browser.get("/alerts").await.text();
            for shown in [
                "keys/unused",
                "Blocked",
                "It has not run since",
                "AccessDenied",
                "1 row",
                "High",
            ] {
                assert!(text.contains(shown), "{person}: {shown}: {text}");
            }
            let text = browser.get(RULE).await.text();
            for shown in [
                "user_name ana",
                "user_name ben",
                "Stands",
                "2 of 2 rows",
                "Also closed rows",
            ] {
                assert!(text.contains(shown), "{person}: {shown}: {text}");
            }
            assert!(!text.contains("user_name cho"), "{person}: {text}");
            assert_eq!(
                text.contains("/alerts/mute?rule="),
                may_mute,
                "{person}: {text}"
            );
            let text = browser.get(&format!("{RULE}&all=true")).await.text();
            assert!(
                text.contains("user_name cho") && text.contains("Recovered"),
                "{person}: {text}"
            );
            let home = browser.get("/").await.text();
            assert!(home.contains("href=\"/alerts\""), "{person}");
        }
        let mut ana = Browser::of(&server, "ana").await;
        assert!(!ana.get("/").await.text().contains("href=\"/alerts\""));
        for path in ["/alerts", RULE, MUTE, UNMUTE] {
            assert_eq!(ana.get(path).await.status.as_u16(), 403, "{path}");
        }
    });
}

#[test]
fn a_row_is_muted_with_a_reason_and_told_again_and_both_are_recorded() {
    run(async {
        let server = server().await;
        let mut eve = Browser::of(&server, "eve").await;
        let form = eve.get(MUTE).await.text();
        assert!(
            form.contains("Mute this row?") && form.contains("90 days"),
            "{form}"
        );
        let reply = eve.press(MUTE, &[("reason", " "), ("lasts", "7d")]).await;
        assert_eq!(reply.status.as_u16(), 422);
        let reply = eve
            .press(MUTE, &[("reason", "x"), ("lasts", "9999d")])
            .await;
        assert_eq!(reply.status.as_u16(), 400);
        assert_eq!(recorded(&server).await.len(), 0);
        let how = [("reason", "leaves in January"), ("lasts", "30d")];
        let reply = eve.press(MUTE, &how).await;
        assert_eq!(reply.leads_to(), format!("{RULE}&said=muted"));
        let text = eve.get(RULE).await.text();
        for shown in ["leaves in January", "eve@corp.example", "1 muted", "Unmute"] {
            assert!(text.contains(shown), "{shown}: {text}");
        }
        let mut aud = Browser::of(&server, "aud").await;
        let reply = aud.press(UNMUTE, &[("reason", "no")]).await;
        assert_eq!(reply.status.as_u16(), 403);
        let reply = eve.press(UNMUTE, &[("reason", "stays after all")]).await;
        assert_eq!(reply.leads_to(), format!("{RULE}&said=unmuted"));
        let row = "keys/unused [\"ben\"]";
        let record =
            |event: &str, why: &str| [event, "eve@corp.example", why, row].map(str::to_owned);
        assert_eq!(
            recorded(&server).await,
            [
                record("alert.muted", "leaves in January"),
                record("alert.unmuted", "stays after all")
            ]
        );
        let audit = eve.get("/audit").await.text();
        assert!(
            audit.contains("Row muted") && audit.contains("Row unmuted"),
            "{audit}"
        );
        let gone = eve.press(UNMUTE, &[("reason", "again")]).await;
        assert_eq!(gone.status.as_u16(), 404);
    });
}

#[test]
fn the_api_lists_rules_and_rows_page_by_page_and_mutes() {
    run(async {
        let server = server().await;
        let rules = server.get("/api/v1/alerts", "aud/all").await.json();
        let rule = &rules["items"][0];
        assert_eq!(
            (
                &rule["rule"],
                &rule["state"],
                &rule["active"],
                &rule["muted"]
            ),
            (
                &json!("keys/unused"),
                &json!("blocked"),
                &json!(1),
                &json!(0)
            )
        );
        let (mut cursor, mut keys) = (String::new(), Vec::new());
        loop {
            let path = format!("/api/v1/alerts/rows?rule=keys/unused&limit=3{cursor}");
            let page = server.get(&path, "aud/all").await.json();
            keys.extend(
                page["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|it| it["key"].clone()),
            );
            let Some(next) = page["next"].as_str() else {
                break;
            };
            cursor = format!(
                "&cursor={}",
                next.replace('"', "%22")
                    .replace('[', "%5B")
                    .replace(']', "%5D")
            );
        }
        assert_eq!(keys, ["[\"ana\"]", "[\"ben\"]", "[\"cho\"]", "[\"dia\"]"]);
        let until = hallpass_base::TimeSpan::hours(24).after(server.now());
        let how = |until: &Value, key: &str| json!({"rule": "keys/unused", "key": key, "until": until, "reason": "known"});
        let mute = how(&json!(until), "ben");
        for (who, body, status) in [
            ("aud/all", mute.clone(), 403),
            ("ana/all", mute.clone(), 403),
            ("eve/all", how(&json!("2020-01-01T00:00:00Z"), "ben"), 400),
            ("eve/all", how(&json!(until), "nobody"), 404),
            ("eve/all", mute, 200),
        ] {
            let reply = server.post("/api/v1/alerts/mute", who, &body).await;
            assert_eq!(reply.status.as_u16(), status, "{who} {body} {reply:?}");
        }
        let rules = server.get("/api/v1/alerts", "aud/all").await.json();
        assert_eq!(rules["items"][0]["muted"], 1);
        let back = json!({"rule": "keys/unused", "key": "[\"ben\"]", "reason": "over"});
        let reply = server.post("/api/v1/alerts/unmute", "eve/all", &back).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.json()["mute"]),
            (200, &Value::Null)
        );
        assert_eq!(recorded(&server).await.len(), 2);
    });
}
