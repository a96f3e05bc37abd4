use std::sync::Arc;

use hallpass_base::Clock as _;
use hallpass_plans::testing::MemoryPlans;
use hallpass_plans::{JournalAddition, JournalEntry, Plan, PlanStore};
use serde_json::json;

use crate::pages_visit::{Visit, text};
use crate::test_server::{TestServer, run};

const PLAN: &str = "3f0c9a5b7d1e2f46";

fn step(id: &str, account: &str, kind: &str) -> serde_json::Value {
    json!({
        "id": id, "kind": kind, "desired": {}, "after": [], "token": "t", "timeout": 600,
        "target": { "account": account, "region": "eu-west-1", "key": "guardduty<b>" },
        "lane": { "name": "default", "width": 16, "shared": false },
    })
}

fn plan(at: &str) -> Plan {
    serde_json::from_value(json!({
        "id": PLAN, "kind": "org.delegate", "organization": "o-abcdefghij", "generation": 0,
        "steps": [step("aaaaaaaaaaaaaaaa", "333333333333", "delegation.designate"),
                  step("bbbbbbbbbbbbbbbb", "444444444444", "delegation.designate")],
        "facts": null, "limits": { "changes_max": 50, "failures_max": null },
        "expected": { "aaaaaaaaaaaaaaaa": { "is": "absent" }, "bbbbbbbbbbbbbbbb": { "is": "satisfied" } },
        "made_at": at, "made_by": "arn:aws:iam::111111111111:user/admin",
    }))
    .unwrap()
}

fn server() -> (TestServer, Arc<MemoryPlans>) {
    let plans = Arc::new(MemoryPlans::default());
    let given = Arc::clone(&plans);
    let server = TestServer::with(move |app| app.plans = given);
    (server, plans)
}

#[test]
fn a_plan_says_what_would_change_and_how_to_carry_it_out() {
    run(async {
        let (server, plans) = server();
        let visit = Visit::of(&server, "eve").await;
        let empty = visit.page("/plans").await;
        assert!(empty.contains("No plan was made yet"), "{empty}");
        plans
            .save_plan(&plan(&server.clock.now().to_string()))
            .await
            .unwrap();
        let list = visit.page("/plans").await;
        for part in [
            PLAN,
            "org.delegate",
            "Planned",
            "1 would change, 1 as they should be",
        ] {
            assert!(list.contains(part), "{part}: {list}");
        }
        let page = visit.page(&format!("/plans/{PLAN}")).await;
        for part in [
            "2 targets",
            "Would change",
            "As it should be",
            "delegation.designate",
            "hallpass org plan resume 3f0c9a5b7d1e2f46 --apply",
            "guardduty&#60;b&#62;",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("<b>guardduty") && !page.contains("plan undo"));
    });
}

#[test]
fn one_that_does_again_what_another_did_says_so() {
    run(async {
        let (server, plans) = server();
        let first = plan(&server.clock.now().to_string());
        let again = Plan {
            id: hallpass_plans::PlanId::named("0000000000000002"),
            round: 1,
            generation: 1,
            before: Some(first.id.clone()),
            ..first.clone()
        };
        for plan in [&first, &again] {
            plans.save_plan(plan).await.unwrap();
        }
        let visit = Visit::of(&server, "eve").await;
        let list = visit.page("/plans").await;
        assert!(list.contains("org.delegate (2)"), "{list}");
        let page = visit.page("/plans/0000000000000002").await;
        assert!(page.contains(&format!("href=\"/plans/{PLAN}\"")), "{page}");
        assert!(!page.contains("Tried again"), "{page}");
        let page = visit.page(&format!("/plans/{PLAN}")).await;
        assert!(!page.contains("Done before"), "{page}");
    });
}

#[test]
fn one_whose_journal_is_broken_hides_no_other() {
    run(async {
        let (server, plans) = server();
        let at = server.clock.now().to_string();
        let whole = plan(&at);
        let broken = Plan {
            id: hallpass_plans::PlanId::named("0000000000000001"),
            ..whole.clone()
        };
        for plan in [&whole, &broken] {
            plans.save_plan(plan).await.unwrap();
        }
        let begun = JournalEntry::Planned {
            expected: broken.expected.clone(),
        };
        let now = server.clock.now();
        for _ in 0..2 {
            let added = JournalAddition {
                at: now,
                entry: &begun,
                change: None,
            };
            plans.append(&broken.id, added).await.unwrap();
            plans.tear(&broken.id, "{not json");
        }
        let visit = Visit::of(&server, "eve").await;
        let list = visit.page("/plans").await;
        assert!(
            list.contains("Unreadable") && list.contains("Planned"),
            "{list}"
        );
        let page = visit.get("/plans/0000000000000001").await;
        assert_eq!(page.status.as_u16(), 503, "{}", text(&page));
        assert_eq!(visit.get("/plans/nope").await.status.as_u16(), 404);
    });
}
