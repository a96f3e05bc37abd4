//! An unreadable grant must not break lists and decisions of others.

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_server::{Bearing, ProbeResult, ReadinessProbe};
use serde_json::{Value, json};

use crate::pages_visit::Visit;
use crate::test_server::{TestServer, run};

struct Rows;

#[async_trait]
impl ReadinessProbe for Rows {
    async fn probe(&self) -> ProbeResult {
        ProbeResult {
            name: "rows",
            works: Err("1 row cannot be read".to_owned()),
        }
    }

    fn named(&self) -> Vec<String> {
        vec!["grants: grn_torn".to_owned()]
    }

    fn bearing(&self) -> Bearing {
        Bearing::Advice
    }
}

async fn pressed(server: &TestServer, who: &str, path: &str, body: &Value) -> Value {
    let reply = server.post(path, who, body).await;
    assert!(reply.status.is_success(), "{path}: {reply:?}");
    reply.json()
}

async fn ids(server: &TestServer, path: &str, who: &str) -> Vec<String> {
    let reply = server.get(path, who).await;
    assert_eq!(reply.short(), "200", "{path}: {reply:?}");
    let rows = reply.json()["items"].as_array().unwrap().clone();
    let ids = rows
        .iter()
        .map(|row| row["id"].as_str().unwrap().to_owned());
    ids.collect()
}

async fn the_pages_are_there(server: &TestServer) {
    for (who, pages) in [
        ("ana", &["/", "/requests", "/access", "/reviews"][..]),
        (
            "cai",
            &["/", "/reviews", "/reviews/others", "/reviews/done"],
        ),
        ("aud", &["/requests?who=all", "/access", "/audit"]),
        ("eve", &["/requests?who=all", "/access", "/health"]),
    ] {
        let visit = Visit::of(server, who).await;
        for page in pages {
            visit.page(page).await;
        }
    }
}

#[test]
fn one_grant_that_cannot_be_read_hides_and_stops_no_other() {
    run(async {
        let server = TestServer::with(|app| app.probes = Arc::new(vec![Arc::new(Rows)]));
        let asked = server.ask("ana/all", "Admin").await;
        let path = |request: &Value, press: &str| {
            format!(
                "/api/v1/requests/{}/{press}",
                request["id"].as_str().unwrap()
            )
        };
        let approved = pressed(&server, "cai/all", &path(&asked, "approve"), &json!({})).await;
        let torn = approved["grant_id"].as_str().unwrap().to_owned();
        let longer = json!({"duration_seconds": 7200});
        let extend = format!("/api/v1/grants/{torn}/extend");
        let extension = pressed(&server, "ana/all", &extend, &longer).await;
        server.ask("sam/all", "ReadOnly").await;
        let waits = server.ask("dee/all", "Admin").await;
        let (before, requests) = (
            ids(&server, "/api/v1/grants", "aud/all").await,
            ids(&server, "/api/v1/requests", "aud/all").await,
        );
        server.store.tear_grant(torn.parse().unwrap());

        let left: Vec<String> = before.into_iter().filter(|id| *id != torn).collect();
        assert_eq!(left.len(), 1);
        assert_eq!(ids(&server, "/api/v1/grants", "aud/all").await, left);
        assert_eq!(ids(&server, "/api/v1/requests", "aud/all").await, requests);
        let own = ids(&server, "/api/v1/requests?role=mine", "ana/all").await;
        assert_eq!(own.len(), 2);
        let one = server
            .get(&format!("/api/v1/grants/{torn}"), "aud/all")
            .await;
        assert_eq!(one.status.as_u16(), 503, "{one:?}");
        the_pages_are_there(&server).await;
        let reviews = Visit::of(&server, "cai").await.page("/reviews").await;
        assert!(reviews.contains("It cannot be decided now"), "{reviews}");
        assert!(reviews.contains(waits["id"].as_str().unwrap()), "{reviews}");
        let refused = server
            .post(&path(&extension, "approve"), "cai/all", &json!({}))
            .await;
        assert_eq!(refused.status.as_u16(), 503, "{refused:?}");
        let approved = pressed(&server, "cai/all", &path(&waits, "approve"), &json!({})).await;
        assert_eq!(approved["state"], "approved");
        let asked = server.ask("sam/all", "Admin").await;
        let denied = pressed(
            &server,
            "cai/all",
            &path(&asked, "deny"),
            &json!({"reason": "no"}),
        )
        .await;
        assert_eq!(denied["state"], "denied");
        let release = format!("/api/v1/grants/{}/release", left[0]);
        pressed(&server, "sam/all", &release, &json!({})).await;
        let ticked = server.access.tick().await.unwrap();
        assert_eq!(ticked.failed, 0);
        server.access.reconcile().await.unwrap();

        let health = Visit::of(&server, "eve").await.page("/health").await;
        assert!(health.contains("By name: grants: grn_torn."), "{health}");
        let ready = server.call("GET", "/readyz", None, None).await;
        assert_eq!(ready.status.as_u16(), 200);
        assert!(!String::from_utf8_lossy(&ready.body).contains("grn_torn"));
    });
}
