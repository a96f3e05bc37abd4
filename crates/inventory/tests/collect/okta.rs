//! Okta: pages, deprovisioned users, and foreign links (`inventory.md` §1.4).

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use hallpass_inventory::collect::{
    OktaCalls, OktaPage, PeopleForm, PeopleList, SyncScope, collect,
};
use hallpass_inventory::{SliceFailure, SliceOutcome, SyncGroup};
use serde_json::{Value, json};

use crate::world::{Kept, World, failed, scope};

const BASE: &str = "https://example.okta.test";

struct Okta {
    pages: BTreeMap<String, (Value, Vec<String>)>,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl OktaCalls for Okta {
    fn base(&self) -> &str {
        BASE
    }

    async fn get(&self, url: &str) -> Result<OktaPage, SliceFailure> {
        self.asked.lock().unwrap().push(url.to_owned());
        let page = self.pages.get(url).cloned();
        let (body, links) = page.ok_or_else(|| failed("call", "", "E0000011", 401))?;
        Ok(OktaPage { body, links })
    }
}

fn user(id: &str, status: &str) -> Value {
    json!({"id": id, "status": status, "created": "2024-01-01T00:00:00.000Z", "activated": null,
        "statusChanged": null, "lastLogin": null, "lastUpdated": "2024-01-01T00:00:00.000Z",
        "passwordChanged": null, "type": {"id": "oty1"},
        "credentials": {"provider": {"type": "OKTA", "name": "OKTA"}},
        "profile": {"email": null, "login": format!("{id}@example.test"), "costCenter": "7"}})
}

fn okta(next_of_last: Option<&str>) -> Okta {
    let users = format!("{BASE}/api/v1/users?limit=200");
    let groups = format!("{BASE}/api/v1/groups?limit=200");
    let next = |after: &str| format!("<{BASE}/api/v1/users?after={after}>; rel=\"next\"");
    let own = format!("<{users}>; rel=\"self\"");
    let last = next_of_last.map(|it| format!("<{it}>; rel=\"next\""));
    let pages = [
        (
            users.clone(),
            (json!([user("a", "ACTIVE")]), vec![own.clone(), next("1")]),
        ),
        (
            format!("{BASE}/api/v1/users?after=1"),
            (
                json!([user("b", "ACTIVE")]),
                vec![format!("{own}, {}", next("2"))],
            ),
        ),
        (
            format!("{BASE}/api/v1/users?after=2"),
            (json!([user("c", "STAGED")]), last.into_iter().collect()),
        ),
        (
            format!("{users}&filter=status%20eq%20%22DEPROVISIONED%22"),
            (
                json!([user("d", "DEPROVISIONED"), user("b", "DEPROVISIONED")]),
                vec![],
            ),
        ),
        (
            groups,
            (
                json!([{"id": "g1", "type": "OKTA_GROUP", "profile": {"name": "All"}}]),
                vec![],
            ),
        ),
        (
            format!("{BASE}/api/v1/groups/g1/users?limit=200"),
            (json!([user("a", "ACTIVE")]), vec![]),
        ),
    ];
    Okta {
        pages: pages.into_iter().collect(),
        asked: Mutex::default(),
    }
}

async fn read(okta: Option<&Okta>) -> Kept {
    let kept = Kept::default();
    let okta = okta.map(|it| -> &dyn OktaCalls { it });
    let world = World::default();
    collect(&scope(&[SyncGroup::Okta]), &world, okta, None, &kept)
        .await
        .unwrap();
    assert!(world.calls.lock().unwrap().is_empty(), "AWS is not called");
    kept
}

#[tokio::test]
async fn pages_are_followed_and_those_who_left_are_there_once() {
    let okta = okta(None);
    let kept = read(Some(&okta)).await;
    assert!(kept.failed().is_empty(), "{:?}", kept.failed());
    let rows = kept.rows("okta_users");
    let status = |id: &str| rows.iter().find(|it| it["id"] == id).unwrap()["status"].clone();
    assert_eq!(rows.len(), 4);
    assert_eq!(
        (status("a"), status("d")),
        (json!("ACTIVE"), json!("DEPROVISIONED"))
    );
    assert_eq!(
        status("b"),
        "DEPROVISIONED",
        "who left between the lists has left"
    );
    assert_eq!(rows[0]["profile"]["costCenter"], "7");
    assert_eq!(rows[0]["last_login"], Value::Null);
    let member = &kept.rows("okta_group_members")[0];
    assert_eq!(
        member["okta_user_cq_id"],
        rows.iter().find(|it| it["id"] == "a").unwrap()["cq_id"]
    );
    assert_eq!(kept.rows("okta_groups")[0]["group_type"], "OKTA_GROUP");
}

#[tokio::test]
async fn a_link_that_leads_elsewhere_is_not_followed() {
    let okta = okta(Some("https://elsewhere.test/api/v1/users?after=3"));
    let kept = read(Some(&okta)).await;
    let SliceOutcome::Failed { failure, .. } = kept.outcome("okta_users", None) else {
        panic!("it is no failure");
    };
    assert_eq!(failure.code, "E_OKTA_LINK");
    assert!(kept.rows("okta_users").is_empty());
    let asked = okta.asked.lock().unwrap();
    assert!(!asked.is_empty(), "nothing was called");
    assert!(asked.iter().all(|it| it.starts_with(BASE)), "{asked:?}");
    assert!(!kept.rows("okta_groups").is_empty(), "the others are read");
}

#[tokio::test]
async fn a_refusal_is_a_failure_and_not_an_empty_list() {
    let mut refusing = okta(None);
    refusing.pages.clear();
    for kept in [read(Some(&refusing)).await, read(None).await] {
        for table in SyncGroup::Okta.whole_tables() {
            let outcome = kept.outcome(table, None);
            assert!(matches!(outcome, SliceOutcome::Failed { .. }), "{table}");
        }
    }
}

/// `inventory.md` K-7: lists of other directories are ordinary slices.
#[tokio::test]
async fn lists_of_people_are_tables_of_the_same_snapshot() {
    let content = r#"{"users": [{"id": "1", "primaryEmail": "a@example.test"}]}"#;
    let list = PeopleList::read(PeopleForm::Google, content).unwrap();
    let scope = SyncScope {
        people: vec![list],
        ..scope(&[SyncGroup::Organizations])
    };
    let kept = Kept::default();
    let world = World::default();
    collect(&scope, &world, None, None, &kept).await.unwrap();
    let rows = kept.rows("google_users");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["status"], "ACTIVE");
    assert_eq!(rows[0]["profile"]["email"], "a@example.test");
    let outcome = kept.outcome("google_users", None);
    assert_eq!(outcome, SliceOutcome::Ok { row_count: 1 });
    assert_eq!(*kept.expected.borrow(), kept.slices.borrow().len());
}
