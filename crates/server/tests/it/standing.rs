//! Access outside Hallpass is reported before a request, only to its holder.

use serde_json::json;

use crate::pages_visit::Visit;
use crate::test_server::{TestServer, asking, run};

const PREVIEW: &str = "/api/v1/preview?account=payments-prod&permission_set=Admin";
const SAYS: &str = "You hold this already, not through Hallpass; Hallpass will not end it.";

#[test]
fn who_holds_it_already_is_told_before_asking_and_with_the_answer() {
    run(async {
        let server = TestServer::new();
        let meant = hallpass_access::Meant {
            user: "ana@corp.example".to_owned(),
            wanted: hallpass_access::Wanted::Account {
                account: "payments-prod".to_owned(),
                permission_set: "Admin".to_owned(),
            },
        };
        let (key, ..) = server.access.standing_meant(&meant).unwrap();
        let before = server.get(PREVIEW, "ana/all").await.json();
        assert_eq!(before["standing"], json!(null), "{before}");
        server.standing.give(&key);
        server.clock.advance(hallpass_base::TimeSpan::minutes(10));
        let mine = server.get(PREVIEW, "ana/all").await.json();
        let says = mine["standing"]["says"].as_str().unwrap();
        assert!(says.starts_with(SAYS), "{says}");
        let theirs = server.get(PREVIEW, "dee/all").await.json();
        assert_eq!(theirs["standing"], json!(null), "{theirs}");
        let asked = server
            .post("/api/v1/requests", "ana/all", &asking("Admin"))
            .await
            .json();
        let says = asked["standing"]["says"].as_str().unwrap();
        assert!(says.starts_with(SAYS), "{says}");
        let page = server.get("/api/v1/requests", "ana/all").await.json();
        assert_eq!(page["items"][0]["standing"], json!(null), "{page}");
    });
}

#[test]
fn whoever_may_not_press_is_not_told_what_there_is() {
    run(async {
        let server = TestServer::new();
        let ana = Visit::of(&server, "ana").await;
        for (user, account) in [
            ("cai@corp.example", "payments-prod"),
            ("nobody@corp.example", "payments-prod"),
            ("cai@corp.example", "nowhere"),
        ] {
            for press in ["accept", "withdraw", "adopt"] {
                let path =
                    format!("/standing/{press}?user={user}&account={account}&permission_set=Admin");
                let reply = ana.post(&path, &[("reason", "by intent")]).await;
                assert_eq!(reply.status.as_u16(), 403, "{path}");
            }
        }
    });
}
