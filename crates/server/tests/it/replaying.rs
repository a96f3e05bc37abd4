//! Past requests and live grants under a rule file not in force.

use hallpass_access::OnRuleChange;
use hallpass_base::TimeSpan;
use serde_json::{Value, json};

use crate::test_server::{TestServer, asking, directory, run};

const PATH: &str = "/api/v1/rules/replay";

const STRICTER: &str = r#"{"statements": [
  {"ResourceType": "Account", "Resource": "*", "PermissionSet": "ReadOnly", "Approvers": "cai@corp.example"},
  {"ResourceType": "Account", "Resource": "*", "PermissionSet": "Admin",
   "Approvers": ["cai@corp.example", "dee@corp.example"], "BreakGlass": "ana@corp.example"}
]}"#;

#[test]
fn the_name_of_a_file_is_bounded_since_every_finding_has_it() {
    run(async {
        let server = TestServer::new();
        let long = json!({"file": "n".repeat(256), "text": "{}"});
        let reply = server.post(PATH, "aud/read", &long).await;
        assert_eq!(reply.short(), "400 bad-parameter", "{reply:?}");
    });
}

fn body(text: &str) -> Value {
    json!({"file": "rules.json", "text": text})
}

async fn asked(server: &TestServer) {
    for (who, set) in [
        ("ana/all", "ReadOnly"),
        ("dee/all", "Admin"),
        ("dee/all", "ReadOnly"),
    ] {
        let reply = server.post("/api/v1/requests", who, &asking(set)).await;
        assert_eq!(reply.short().split(' ').next(), Some("201"), "{reply:?}");
        server.clock.advance(TimeSpan::minutes(10));
    }
}

#[test]
fn what_would_change_is_told_with_both_decisions_and_nothing_happens() {
    run(async {
        let server = TestServer::new();
        asked(&server).await;
        let before = server.get("/api/v1/requests", "aud/all").await.json();
        let reply = server.post(PATH, "aud/read", &body(STRICTER)).await;
        assert_eq!(reply.short(), "200", "{reply:?}");
        let found = reply.json();
        assert_eq!(found["looked_at"], 3);
        assert_eq!(found["next"], Value::Null);
        let rows = found["items"].as_array().unwrap();
        let row = |row: &Value| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (
                text(&row["request"]["requester"]),
                text(&row["was"]),
                text(&row["would_be"]),
            )
        };
        let told: Vec<_> = rows.iter().map(row).collect();
        let changed = |who: &str| {
            let (was, would_be) = ("ApprovalNotRequired", "RequiresApproval");
            (
                format!("{who}@corp.example"),
                was.to_owned(),
                would_be.to_owned(),
            )
        };
        assert_eq!(told, [changed("dee"), changed("ana")]);
        assert_eq!(
            rows[0]["changes"],
            json!([{"what": "decision", "message": "ApprovalNotRequired → RequiresApproval"}])
        );
        assert_eq!(rows[0]["because"], json!(["s1"]));
        assert_eq!(
            server.get("/api/v1/requests", "aud/all").await.json(),
            before
        );
    });
}

#[test]
fn requests_come_page_after_page_and_from_an_instant_on() {
    run(async {
        let server = TestServer::new();
        asked(&server).await;
        let (mut looked_at, mut rows, mut cursor) = (0, 0, Value::Null);
        for _ in 0..5 {
            let mut wanted = body(STRICTER);
            wanted["limit"] = json!(1);
            if !cursor.is_null() {
                wanted["cursor"] = cursor;
            }
            let found = server.post(PATH, "aud/read", &wanted).await.json();
            looked_at += found["looked_at"].as_u64().unwrap();
            rows += found["items"].as_array().unwrap().len();
            cursor = found["next"].clone();
            if cursor.is_null() {
                break;
            }
        }
        assert_eq!((looked_at, rows, cursor), (3, 2, Value::Null));
        let mut wanted = body(STRICTER);
        wanted["since"] = json!(TimeSpan::minutes(15).before(server.now()).to_string());
        let found = server.post(PATH, "aud/read", &wanted).await.json();
        assert_eq!(found["looked_at"], 1);
        assert_eq!(found["items"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn who_does_not_read_everything_is_refused_and_so_is_a_broken_file() {
    run(async {
        let server = TestServer::new();
        for (who, wanted) in [("ana/all", "403 not-yours"), ("nobody", "401 unauthorized")] {
            let reply = server.post(PATH, who, &body(STRICTER)).await;
            assert_eq!(reply.short(), wanted, "{who}: {reply:?}");
        }
        let broken = "{\"statements\": [{\"ResourceType\": \"Acount\", \"Resource\": \"*\",\n \"PermissionSet\": \"*\"}]}";
        let reply = server.post(PATH, "aud/read", &body(broken)).await;
        assert_eq!(reply.short(), "422 bad-rules", "{reply:?}");
        let errors = reply.json()["errors"].clone();
        assert_eq!(errors[0]["code"], "bad-resource-type", "{errors}");
        assert!(
            errors[0]["field"].as_str().unwrap().starts_with("1:"),
            "{errors}"
        );
        for (change, wanted) in [
            (json!({"cursor": "x"}), "400 bad-parameter"),
            (json!({"rules": "x"}), "400 bad-body"),
        ] {
            let mut wrong = body(STRICTER);
            wrong
                .as_object_mut()
                .unwrap()
                .extend(change.as_object().unwrap().clone());
            let reply = server.post(PATH, "aud/read", &wrong).await;
            assert_eq!(reply.short(), wanted, "{reply:?}");
        }
    });
}

/// Rule files have a larger body limit.
#[test]
fn a_file_of_a_megabyte_is_taken() {
    run(async {
        let server = TestServer::new();
        for (length, wanted) in [
            (900_000, "200"),
            (1_100_000, "422 bad-rules"),
            (5_000_000, "413 body-too-large"),
        ] {
            let text = format!("{}{}", STRICTER, "\n".repeat(length));
            let reply = server.post(PATH, "aud/read", &body(&text)).await;
            assert_eq!(reply.short(), wanted, "{length}");
        }
    });
}

fn read_only(narrowed: &str) -> Value {
    let text = format!(
        "[[rule]]\naccounts = '*'\npermission_sets = 'ReadOnly'\napproval_is_not_required = true\n{narrowed}\n"
    );
    json!({"file": "rules.toml", "text": text})
}

#[test]
fn live_grants_are_told_that_would_end_or_be_reported_with_why() {
    for (on_rule_change, name) in [(OnRuleChange::End, "end"), (OnRuleChange::Report, "report")] {
        run(async {
            let set = |settings: &mut hallpass_access::Settings| {
                settings.on_rule_change = on_rule_change;
            };
            let server = TestServer::set(directory, set, |_| {});
            for who in ["ana/all", "cai/all", "dee/all"] {
                server.ask(who, "ReadOnly").await;
            }
            let closed = read_only("allowed_users = ['cai@corp.example']");
            let found = server.post(PATH, "aud/read", &closed).await.json();
            let grants = &found["grants"];
            assert_eq!(grants["on_rule_change"], name);
            assert_eq!(
                (&grants["looked_at"], &grants["more"]),
                (&json!(3), &Value::Null)
            );
            let counts = ["would_end", "would_be_reported", "unread"].map(|it| grants[it].as_u64());
            let (due, outcome) = match on_rule_change {
                OnRuleChange::End => ([Some(2), Some(0), Some(0)], "ends"),
                OnRuleChange::Report => ([Some(0), Some(2), Some(0)], "reported"),
            };
            assert_eq!(counts, due);
            let told = |item: &Value| {
                let grant = &item["grant"];
                json!([
                    grant["user"],
                    grant["permission_set"],
                    item["outcome"],
                    item["would_be"]
                ])
            };
            let told: Vec<Value> = grants["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(told)
                .collect();
            let row = |who| json!([who, "ReadOnly", outcome, "RequesterNotAllowed"]);
            assert_eq!(told, [row("dee@corp.example"), row("ana@corp.example")]);
            let same = json!({"file": "rules.json", "text": crate::test_server::RULES});
            let found = server.post(PATH, "aud/read", &same).await.json();
            assert_eq!(
                (&found["grants"]["looked_at"], &found["grants"]["items"]),
                (&json!(3), &json!([]))
            );
            let mut next = read_only("");
            next["limit"] = json!(1);
            let page = server.post(PATH, "aud/read", &next).await.json();
            assert!(page["grants"].is_object());
            next["cursor"] = page["next"].clone();
            let page = server.post(PATH, "aud/read", &next).await.json();
            assert_eq!(
                (&page["looked_at"], &page["grants"]),
                (&json!(1), &Value::Null)
            );
        });
    }
}
