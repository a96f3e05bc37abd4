//! Paths page: permissions, content, age and gaps.

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_base::{TimeSpan, Timestamp};
use hallpass_inventory::{AccessSnapshot, Snapshot, SnapshotId, SnapshotRecord, import};
use hallpass_server::{AccessSnapshots, KnownAccess};
use serde_json::{Value, json};

use crate::pages_visit::Visit;
use crate::test_server::{TestServer, run};

struct Newest(Result<Option<Arc<KnownAccess>>, String>);

#[async_trait]
impl AccessSnapshots for Newest {
    async fn newest(&self) -> Result<Option<Arc<KnownAccess>>, String> {
        self.0.clone()
    }
}

fn fixture() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/spec/fixtures/inventory-who.json"
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn known_of(document: &Value, at: Timestamp) -> KnownAccess {
    let record = SnapshotRecord {
        id: SnapshotId::new(at, 7),
        started: at,
        finished: at,
        host: String::new(),
        version: String::new(),
        slices: Vec::new(),
    };
    let rows = import(document).unwrap().rows;
    KnownAccess::from(AccessSnapshot::new(&Snapshot { record, rows }, &[]))
}

/// The fixture's users, with markup and a formula as names.
fn known(at: Timestamp) -> KnownAccess {
    let mut document = fixture();
    let users = document["tables"]["aws_identitystore_users"].as_array_mut();
    for user in users.unwrap() {
        if user["idc_user_name"] == "alice" {
            user["email"] = json!("=cmd|<b>x</b>");
        }
    }
    known_of(&document, at)
}

fn server(
    newest: impl FnOnce(Timestamp) -> Result<Option<Arc<KnownAccess>>, String>,
) -> TestServer {
    TestServer::with(|app| {
        app.snapshots = Some(Arc::new(Newest(newest(app.clock.now()))));
    })
}

fn id_of(kind: &str, name: &str, id: &str, of: &str) -> String {
    let rows = fixture()["tables"][kind].clone();
    let rows = rows.as_array().unwrap();
    let row = rows.iter().find(|it| it[name] == of).unwrap();
    row[id].as_str().unwrap().to_owned()
}

#[test]
fn a_person_an_account_and_a_set_each_show_their_paths() {
    run(async {
        let server = server(|now| Ok(Some(Arc::new(known(now)))));
        let aud = Visit::of(&server, "aud").await;
        let page = aud.page("/access/paths").await;
        assert!(
            page.contains("By the snapshot of") && page.contains("Findings"),
            "{page}"
        );
        assert!(
            page.contains("Not covered: account access entitlements"),
            "{page}"
        );
        // without slices every table counts as never collected
        assert!(
            page.contains("aws_identitystore_users: never collected"),
            "{page}"
        );
        let found = aud.page("/access/paths?q=ALI").await;
        let alice = id_of(
            "aws_identitystore_users",
            "idc_user_name",
            "user_id",
            "alice",
        );
        assert!(
            found.contains(&format!("/access/paths?person={alice}")),
            "{found}"
        );
        assert!(found.contains("=cmd|&#60;b&#62;x"), "{found}");
        let page = aud.page(&format!("/access/paths?person={alice}")).await;
        assert!(page.contains("2 paths"), "{page}");
        assert!(
            page.contains("directly") && page.contains("through group Developers"),
            "{page}"
        );
        let frank = id_of(
            "aws_identitystore_users",
            "idc_user_name",
            "user_id",
            "frank",
        );
        let page = aud.page(&format!("/access/paths?person={frank}")).await;
        assert!(
            page.contains("6 paths") && page.contains("no end"),
            "{page}"
        );
        let account = id_of("aws_organizations_accounts", "name", "id", "OldShop");
        let page = aud.page(&format!("/access/paths?account={account}")).await;
        assert!(
            page.contains("suspended") && page.contains("The account is not active"),
            "{page}"
        );
        let page = aud.page("/access/paths?person=nobody").await;
        assert!(page.contains("not in this snapshot"), "{page}");
        let file = aud
            .get(&format!("/access/paths.csv?person={alice}"))
            .await
            .text();
        assert_eq!(file.lines().count(), 3, "{file}");
        assert!(file.contains("\"'=cmd|<b>x</b>\""), "{file}");
        assert_eq!(aud.get("/access/paths.csv?person=nobody").await.status, 404);
    });
}

#[test]
fn who_may_not_read_all_sees_nothing_and_what_is_not_there_is_said() {
    run(async {
        let server_of = server(|now| Ok(Some(Arc::new(known(now)))));
        let sam = Visit::of(&server_of, "sam").await;
        for path in ["/access/paths", "/access/paths.csv"] {
            let reply = sam.get(path).await;
            assert_eq!(reply.status, 403, "{path}");
            assert!(!reply.text().contains("snapshot"), "{path}");
        }
        server_of.clock.advance(TimeSpan::hours(49));
        let aud = Visit::of(&server_of, "aud").await;
        let page = aud.page("/access/paths").await;
        assert!(page.contains("hallpass sync makes a newer one"), "{page}");
        for (newest, said) in [
            (Ok(None), "There is no snapshot yet"),
            (
                Err("it is\u{202e} torn".to_owned()),
                "The snapshot cannot be read",
            ),
        ] {
            let server = server(|_| newest);
            let aud = Visit::of(&server, "aud").await;
            let page = aud.page("/access/paths").await;
            assert!(page.contains(said) && !page.contains('\u{202e}'), "{page}");
        }
        let server = TestServer::new();
        let aud = Visit::of(&server, "aud").await;
        assert!(
            aud.page("/access/paths")
                .await
                .contains("inventory.snapshots")
        );
    });
}

/// 5,000 accounts, 300 sets and 20,000 users: builds only the displayed rows (timing:
/// `bench/snapshots.py`).
#[test]
fn of_a_large_organization_only_what_is_shown_is_made() {
    let accounts: Vec<Value> = (0..5_000)
        .map(|it| json!({"id": format!("{it:012}"), "name": format!("a{it}"), "state": "ACTIVE"}))
        .collect();
    let users: Vec<Value> = (0..20_000)
        .map(|it| json!({"identity_store_id": "d", "user_id": format!("u{it}"), "idc_user_name": format!("p{it}")}))
        .collect();
    let sets: Vec<Value> = (0..300)
        .map(|it| json!({"permission_set_arn": format!("s{it}"), "permission_set_name": format!("S{it}")}))
        .collect();
    let members: Vec<Value> = (0..20_000)
        .map(|it| json!({"group_id": "g", "member_user_id": format!("u{it}")}))
        .collect();
    let assignments: Vec<Value> = (0..100_000)
        .map(|it| json!({"permission_set_arn": format!("s{}", it % 300), "account_id": format!("{:012}", it / 20),
            "principal_type": "GROUP", "principal_id": "g"}))
        .collect();
    let document = json!({"tables": {"aws_organizations_accounts": accounts, "aws_identitystore_users": users,
        "aws_ssoadmin_permission_sets": sets, "aws_identitystore_group_memberships": members,
        "aws_identitystore_groups": [{"identity_store_id": "d", "group_id": "g", "display_name": "all"}],
        "aws_ssoadmin_account_assignments": assignments}});
    let at = "2026-11-20T00:00:00Z".parse().unwrap();
    let known = Arc::new(known_of(&document, at));
    run(async {
        let server = server(|_| Ok(Some(known)));
        let aud = Visit::of(&server, "aud").await;
        for path in [
            "/access/paths?q=p1999",
            "/access/paths?person=u7",
            "/access/paths?account=000000000007&skip=300000",
            "/access/paths?set=s7&skip=6000000",
            "/access/paths?set=s7&skip=18446744073709551615",
        ] {
            let page = aud.page(path).await;
            assert!(page.len() < 200_000, "{path}: {}", page.len());
        }
    });
}
