//! Reports of a period: the API, the page and its file (`access.md` §23).

use axum::http::StatusCode;
use hallpass_access::{AccessStore as _, Change, GrantFilter, GrantState, Write};
use hallpass_base::{TimeSpan, Timestamp};
use serde_json::Value;

use crate::signed_in::{At, server, text, words};
use crate::test_server::{TestServer, run};

const HOUR: TimeSpan = TimeSpan::hours(1);

/// Makes every grant active, as seen now.
async fn all_active(server: &TestServer) {
    for state in [GrantState::Granting, GrantState::Active] {
        let found = server.store.grants(&GrantFilter::default(), 99).await;
        for mut grant in found.unwrap().rows {
            if grant.state == GrantState::Active {
                continue;
            }
            grant.state = state.clone();
            grant.granted_at = Some(server.now());
            let change = Change {
                grants: vec![Write::Update(grant)],
                ..Change::default()
            };
            server.store.commit(change).await.unwrap();
        }
    }
}

/// Ana's and Dee's access, an hour apart.
async fn used(server: &TestServer) -> (Timestamp, Timestamp) {
    server.ask("ana/all", "ReadOnly").await;
    all_active(server).await;
    let first = server.now();
    server.clock.advance(HOUR);
    server.ask("dee/all", "ReadOnly").await;
    all_active(server).await;
    let second = server.now();
    // a period ends before now
    server.clock.advance(HOUR);
    (first, second)
}

async fn rows(server: &TestServer, path: &str, size: usize) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let joint = if path.contains('?') { '&' } else { '?' };
        let page = format!("{path}{joint}limit={size}{cursor}");
        let page = server.get(&page, "aud/all").await;
        assert_eq!(page.short(), "200", "{page:?}");
        rows.extend(page.json()["items"].as_array().unwrap().clone());
        match page.json()["next"].as_str() {
            Some(next) => cursor = format!("&cursor={}", next.replace(' ', "%20")),
            None => return rows,
        }
    }
}

async fn users(server: &TestServer, query: &str) -> Vec<String> {
    let rows = rows(server, &format!("/api/v1/reports/access?{query}"), 500).await;
    let users = rows.iter().filter_map(|row| row["user"].as_str());
    users
        .map(|user| user.replace("@corp.example", ""))
        .collect()
}

#[test]
fn who_had_access_is_told_for_a_period_or_a_moment() {
    run(async {
        let server = server();
        let (first, second) = used(&server).await;
        let early = HOUR.before(first);
        for (query, expected) in [
            (String::new(), vec!["dee", "ana"]),
            (format!("at={first}"), vec!["ana"]),
            (format!("at={second}"), vec!["dee", "ana"]),
            (format!("at={early}"), vec![]),
            (format!("from={early}&to={first}"), vec![]),
            (format!("from={first}&to={second}"), vec!["ana"]),
            ("user=dee@corp.example".to_owned(), vec!["dee"]),
            ("account=payments-prod".to_owned(), vec!["dee", "ana"]),
            ("account=orders-prod".to_owned(), vec![]),
            ("permission_set=readonly".to_owned(), vec!["dee", "ana"]),
            ("permission_set=Admin".to_owned(), vec![]),
        ] {
            assert_eq!(users(&server, &query).await, expected, "{query}");
        }
        for (query, named) in [
            ("from=yesterday", "`from`"),
            ("from=2026-02-02&to=2026-02-01", "`to`"),
            ("at=2026-02-02&to=2026-02-03", "`at`"),
            ("account=nothing", "`account`"),
            ("group=nothing", "`group`"),
            ("ou=nowhere", "`ou`"),
            ("permission_set=ReadOnyl", "`permission_set`"),
            ("user=nobody@corp.example", "`user`"),
            ("cursor=x", "`cursor`"),
        ] {
            let path = format!("/api/v1/reports/access?{query}");
            let refused = server.get(&path, "aud/all").await;
            assert_eq!(refused.short(), "400 bad-parameter", "{query}");
            let detail = refused.json()["detail"].to_string();
            assert!(detail.contains(named), "{query}: {detail}");
        }
    });
}

#[test]
fn every_row_is_on_one_page() {
    run(async {
        let server = server();
        used(&server).await;
        for report in ["access", "requests", "approvals"] {
            let path = format!("/api/v1/reports/{report}");
            let whole = rows(&server, &path, 500).await;
            assert_eq!(whole.len(), 2, "{report}: {whole:?}");
            assert_eq!(rows(&server, &path, 1).await, whole, "{report}");
            let later = format!("{path}?from={}", HOUR.after(server.now()));
            let refused = server.get(&later, "aud/all").await;
            assert_eq!(refused.short(), "400 bad-parameter", "{report}");
        }
        let row = rows(&server, "/api/v1/reports/access", 1).await.remove(0);
        let request = server
            .get(
                &format!("/api/v1/requests/{}", row["request_id"].as_str().unwrap()),
                "aud/all",
            )
            .await
            .json();
        assert_eq!(row["grant_id"], request["grant_id"]);
        assert_eq!(row["approval"], "not_required");
        assert_eq!(row["because"], request["because"]);
        let decided = rows(&server, "/api/v1/reports/approvals", 9).await;
        assert_eq!(decided[0]["event"], "request.approved");
        let by = "/api/v1/reports/approvals?user=dee@corp.example";
        assert_eq!(rows(&server, by, 9).await, decided[..1]);
    });
}

#[test]
fn the_page_and_its_file_have_the_rows_of_the_api() {
    run(async {
        let server = server();
        let (first, _) = used(&server).await;
        let aud = At::new(&server, "aud").await.in_zone("Europe%2FStockholm");
        let page = aud.page("/reports").await;
        assert_eq!(page.matches("role=\"rowheader\"").count(), 2);
        let said = words(&page);
        for expected in [
            "1 to 2 of 2 rows",
            "ana@corp.example",
            "hallpass audit verify",
        ] {
            assert!(said.contains(expected), "{expected}: {said}");
        }
        let file = text(&aud.get("/reports.csv?user=ana%40corp.example").await);
        let lines: Vec<&str> = file.lines().collect();
        assert!(
            lines[0].starts_with("kind,user,") && lines.len() == 2,
            "{file}"
        );
        assert!(lines[1].starts_with("grant,ana@corp.example,"), "{file}");
        let moment = first.strftime("%Y-%m-%dT%H:%M");
        let earlier = format!("/reports?at={moment}&from=x&account=payments-prod");
        let page = aud.page(&earlier).await;
        assert!(
            words(&page).contains("No access in this period"),
            "a local time: {page}"
        );
        let refused = aud.get("/reports?account=nothing").await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        assert!(words(&text(&refused)).contains("no single account is named"));
    });
}
