//! Filters of the page Requests, its CSV and the API: one filter, and only visible rows.

use axum::http::StatusCode;
use serde_json::Value;

use crate::pages_visit::{Visit, text};
use crate::signed_in::words;
use crate::test_server::{TestServer, run};

/// Query, rows of an auditor, rows of ana. Requests: one of ana for each set, one of dee.
const ROWS: [(&str, usize, usize); 16] = [
    ("", 3, 2),
    ("person=ana", 2, 2),
    ("person=DEE%40corp.example", 1, 0),
    ("person=corp", 3, 2),
    ("account=payments", 3, 2),
    ("account=111111111111&person=dee", 1, 0),
    ("account=orders-prod", 0, 0),
    ("set=admin", 2, 1),
    ("set=readonly&person=ana", 1, 1),
    ("set=oncall", 0, 0),
    ("state=pending", 2, 1),
    ("who=mine", 0, 2),
    ("from=2026-05-28&to=2026-05-28", 3, 2),
    ("from=2026-05-29", 0, 0),
    ("to=2026-05-27", 0, 0),
    ("rule=no-such-rule", 0, 0),
];

async fn server() -> TestServer {
    let server = TestServer::new();
    server.ask("ana/all", "ReadOnly").await;
    server.ask("ana/all", "Admin").await;
    server.ask("dee/all", "Admin").await;
    server
}

#[test]
fn page_and_csv_show_the_same_visible_rows() {
    run(async {
        let server = server().await;
        for (person, column) in [("aud", 0), ("ana", 1)] {
            let visit = Visit::of(&server, person).await;
            for (query, of_aud, of_ana) in ROWS {
                let wanted = [of_aud, of_ana][column];
                let page = visit.page(&format!("/requests?{query}")).await;
                let shown = page.matches("role=\"rowheader\"").count();
                assert_eq!(shown, wanted, "{person} {query}: {page}");
                let file = visit.get(&format!("/requests.csv?{query}")).await;
                assert_eq!(file.status, StatusCode::OK, "{person} {query}");
                let lines = text(&file).matches("\r\n").count();
                assert_eq!(lines, wanted + 1, "{person} {query}: {}", text(&file));
            }
        }
        let aud = Visit::of(&server, "aud").await;
        let csv = text(&aud.get("/requests.csv?person=dee").await);
        assert!(csv.contains(",pending,dee,dee@corp.example,"), "{csv}");
        // only readers of everything learn that a name is unknown
        let unknown = "person=nobody&set=nothing";
        let said = words(&aud.page(&format!("/requests?{unknown}")).await);
        assert!(said.contains("No person matches “nobody”."), "{said}");
        let neither = "No permission set or group matches “nothing”.";
        assert!(said.contains(neither), "{said}");
        let file = aud.get(&format!("/requests.csv?{unknown}")).await;
        assert_eq!(file.status, StatusCode::BAD_REQUEST);
        let ana = Visit::of(&server, "ana").await;
        let said = words(&ana.page(&format!("/requests?{unknown}")).await);
        assert!(!said.contains("matches"), "{said}");
        let said = words(&ana.page("/requests?from=yesterday").await);
        assert!(said.contains("“From” is not a day"), "{said}");
    });
}

#[test]
fn the_api_lists_requests_grants_and_records_by_the_same_filters() {
    run(async {
        let server = server().await;
        let list = async |path: &str, token: &str| {
            let reply = server.get(path, token).await;
            reply.json()["items"].as_array().map(Vec::len)
        };
        for (path, of_aud, of_ana) in [
            ("requests?user=ana", Some(2), Some(2)),
            ("requests?user=dee&account=payments-prod", Some(1), Some(0)),
            ("requests?permission_set=Admin", Some(2), Some(1)),
            ("requests?group=oncall", Some(0), Some(0)),
            ("requests?from=2026-05-29T00:00Z", Some(0), Some(0)),
            ("requests?to=2026-05-29T00:00Z", Some(3), Some(2)),
            ("requests?user=nobody", None, Some(0)),
            ("requests?account=nothing", None, Some(0)),
            ("requests?from=yesterday", None, None),
            ("grants?permission_set=ReadOnly", Some(1), Some(1)),
            ("grants?permission_set=Admin", Some(0), Some(0)),
            ("grants?to=2026-05-28T00:00Z", Some(0), Some(0)),
            ("audit?event=request.created&user=dee", Some(1), Some(0)),
            (
                "audit?event=request.created&account=payments",
                Some(3),
                Some(2),
            ),
            ("audit?account=orders-prod", Some(0), Some(0)),
            ("audit?from=2026-05-29T00:00Z", Some(0), Some(0)),
            (
                "audit?event=request.created&to=2026-05-29T00:00Z",
                Some(3),
                Some(2),
            ),
        ] {
            let path = format!("/api/v1/{path}");
            assert_eq!(list(&path, "aud/all").await, of_aud, "aud {path}");
            assert_eq!(list(&path, "ana/all").await, of_ana, "ana {path}");
        }
    });
}

#[test]
fn a_record_has_todays_names_beside_its_ids() {
    run(async {
        let server = server().await;
        let page = Visit::of(&server, "aud")
            .await
            .page("/audit?record=1")
            .await;
        for (field, name, id) in [
            ("account_id", "payments-prod", "111111111111"),
            ("requester_email", "ana", "ana@corp.example"),
        ] {
            let named = format!(
                "<dt>{field}</dt><dd><bdi>{name}</bdi> <small class=\"muted\"><bdi>{id}</bdi></small></dd>"
            );
            assert!(page.contains(&named), "{named}: {page}");
        }
    });
}

#[test]
fn a_rule_narrows_what_it_decided() {
    run(async {
        let server = server().await;
        let all = server.get("/api/v1/requests", "aud/all").await.json();
        let items = all["items"].as_array().unwrap();
        for item in items {
            let rule = item["because"][0].as_str().unwrap();
            let wanted = |other: &&Value| other["because"][0] == rule;
            let wanted = items.iter().filter(wanted).count();
            let path = format!("/api/v1/requests?rule={rule}&limit=1");
            let mut found = 0;
            let mut page = server.get(&path, "aud/all").await.json();
            loop {
                found += page["items"].as_array().unwrap().len();
                let Some(next) = page["next"].as_str() else {
                    break;
                };
                let path = format!("{path}&cursor={next}");
                page = server.get(&path, "aud/all").await.json();
            }
            assert_eq!(found, wanted, "{rule}");
        }
    });
}
