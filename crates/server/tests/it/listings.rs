//! Paging returns each row once; permissions of rows.

use std::collections::BTreeSet;

use hallpass_base::TimeSpan;
use hallpass_base::testing::rows;
use serde_json::{Value, json};

use crate::test_server::{TestServer, asking, run};

async fn all(
    server: &TestServer,
    path: &str,
    token: &str,
    size: usize,
    cursor: &str,
) -> (Vec<Value>, usize) {
    let (mut rows, mut next, mut pages) = (Vec::new(), None::<String>, 0);
    loop {
        let joint = if path.contains('?') { '&' } else { '?' };
        let more = next
            .map(|next| format!("&{cursor}={next}"))
            .unwrap_or_default();
        let page = server
            .get(&format!("{path}{joint}limit={size}{more}"), token)
            .await;
        assert_eq!(page.short(), "200", "{page:?}");
        let items = page.json()["items"].as_array().unwrap().clone();
        assert!(items.len() <= size.max(1));
        rows.extend(items);
        pages += 1;
        assert!(pages < 100, "pages without end");
        match page.json()["next"].as_str() {
            Some(cursor) => next = Some(cursor.to_owned()),
            None => return (rows, pages),
        }
    }
}

async fn filled(server: &TestServer) {
    for number in 0..23 {
        let who = ["ana/all", "dee/all"][number % 2];
        let mut body = asking(["ReadOnly", "Admin"][number % 3 % 2]);
        body["account"] = json!(["payments-prod", "orders-prod"][number / 2 % 2]);
        body["reason"] = json!(format!("number {number}"));
        server.post("/api/v1/requests", who, &body).await;
        server.clock.advance(TimeSpan::seconds(1));
    }
}

#[test]
fn pages_hold_every_row_once_newest_first() {
    run(async {
        let server = TestServer::new();
        filled(&server).await;
        for path in ["/api/v1/requests", "/api/v1/grants"] {
            let (whole, _) = all(&server, path, "aud/all", 500, "cursor").await;
            assert!(whole.len() >= 10, "{path}");
            for size in [1, 2, 5, whole.len(), 501] {
                let (rows, _) = all(&server, path, "aud/all", size, "cursor").await;
                assert_eq!(rows, whole, "{path} in pages of {size}");
            }
            let ids: Vec<&str> = whole.iter().filter_map(|row| row["id"].as_str()).collect();
            assert!(ids.is_sorted_by(|a, b| a > b), "{path}");
        }
        let (whole, _) = all(&server, "/api/v1/audit", "aud/all", 500, "after").await;
        let (rows, pages) = all(&server, "/api/v1/audit", "aud/all", 3, "after").await;
        assert_eq!(rows, whole);
        assert!(pages > 5);
        let sequence: Vec<u64> = rows.iter().filter_map(|row| row["seq"].as_u64()).collect();
        assert!(sequence.is_sorted());
    });
}

#[test]
fn rows_are_the_callers_own_or_theirs_to_decide() {
    run(async {
        let server = TestServer::new();
        filled(&server).await;
        let (mine, _) = all(&server, "/api/v1/requests", "ana/all", 7, "cursor").await;
        assert!(!mine.is_empty());
        assert!(
            mine.iter()
                .all(|row| row["requester"] == "ana@corp.example")
        );
        let (whole, _) = all(&server, "/api/v1/requests", "aud/all", 7, "cursor").await;
        let hers = whole
            .iter()
            .filter(|row| row["requester"] == "ana@corp.example");
        assert_eq!(mine.len(), hers.count());
        let (none, _) = all(&server, "/api/v1/requests", "sam/all", 7, "cursor").await;
        assert!(none.is_empty());
        let (review, _) = all(
            &server,
            "/api/v1/requests?role=to-review",
            "dee/all",
            2,
            "cursor",
        )
        .await;
        let asked: BTreeSet<&str> = review
            .iter()
            .filter_map(|row| row["requester"].as_str())
            .collect();
        assert_eq!(asked, BTreeSet::from(["ana@corp.example"]), "not one's own");
        let (audit, _) = all(&server, "/api/v1/audit", "ana/all", 50, "after").await;
        let foreign = audit.iter().find(|row| {
            let about = [
                &row["requester_email"],
                &row["approver_email"],
                &row["actor"],
            ];
            !about.contains(&&json!("ana@corp.example"))
        });
        assert_eq!(foreign, None);
        let grants = server
            .get("/api/v1/grants?user=dee@corp.example", "ana/all")
            .await;
        assert_eq!(grants.json()["items"], json!([]));
    });
}

#[test]
fn filters_are_heeded() {
    run(async {
        let server = TestServer::new();
        filled(&server).await;
        let table = "
            /api/v1/requests?state=pending        state      pending
            /api/v1/requests?state=approved       state      approved
            /api/v1/requests?role=mine            requester  dee@corp.example
            /api/v1/grants?user=dee@corp.example  user       dee@corp.example
            /api/v1/grants?account=222222222222   account    222222222222
            /api/v1/grants?state=scheduled        state      scheduled
        ";
        for [path, field, value] in rows(table) {
            let (rows, _) = all(&server, path, "dee/all", 3, "cursor").await;
            assert!(!rows.is_empty(), "{path}");
            assert!(rows.iter().all(|row| row[field] == value), "{path}");
        }
        let (ended, _) = all(
            &server,
            "/api/v1/grants?state=ended",
            "aud/all",
            3,
            "cursor",
        )
        .await;
        assert!(ended.is_empty());
    });
}

#[test]
fn the_catalog_comes_in_pages_and_by_words() {
    run(async {
        let server = TestServer::new();
        let (whole, _) = all(&server, "/api/v1/catalog", "ana/all", 1000, "cursor").await;
        assert!(whole.len() > 5, "{whole:?}");
        for size in [1, 2, 5, whole.len()] {
            let (rows, _) = all(&server, "/api/v1/catalog", "ana/all", size, "cursor").await;
            assert_eq!(rows, whole, "in pages of {size}");
        }
        let sets = |rows: Vec<Value>| -> BTreeSet<String> {
            let of = |row: &Value| format!("{} {}", row["account"]["name"], row["permission_set"]);
            rows.iter().map(of).collect()
        };
        let path = "/api/v1/catalog?q=PAY+adm";
        let (found, _) = all(&server, path, "ana/all", 1, "cursor").await;
        let expected = BTreeSet::from(["\"payments-prod\" \"Admin\"".to_owned()]);
        assert_eq!(sets(found), expected);
        let path = "/api/v1/catalog?account=orders-prod&q=root";
        let (found, _) = all(&server, path, "ana/all", 9, "cursor").await;
        let expected = BTreeSet::from(["\"orders-prod\" \"Root\"".to_owned()]);
        assert_eq!(sets(found), expected);
        for bad in [
            "cursor=x",
            "cursor=account:999999999999:Admin",
            "account=nowhere",
            "w=1",
        ] {
            let page = server
                .get(&format!("/api/v1/catalog?{bad}"), "ana/all")
                .await;
            assert_eq!(page.short(), "400 bad-parameter", "{bad}");
        }
    });
}
