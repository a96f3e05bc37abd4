//! What earlier plans have to do with a list, whatever else was planned since.

use hallpass_model::{Clock as _, TimeSpan};
use hallpass_runner::{Applying, JournalAddition, JournalEntry, Plan, PlanId, PlanStore as _};
use hallpass_runner_testing::Gate;

use super::world::{World, ends, list};

/// A night of remediations.
async fn remediated(world: &World, plan: &PlanId) {
    let (plan, _) = world.loaded(plan).await;
    for n in 0..600 {
        let other = Plan {
            id: PlanId::named(format!("{n:016}")),
            kind: "remediate".to_owned(),
            ..plan.clone()
        };
        world.plans.save_plan(&other).await.unwrap();
    }
}

#[tokio::test]
async fn a_list_is_known_again_however_many_plans_of_other_kinds_came_after_it() {
    let text = list(&["a"]);
    let world = World::new(TimeSpan::ZERO);
    let ran = world.vend(&text, "first", &Gate::new(None)).await.unwrap();
    let writes = world.writes();
    remediated(&world, &ran.plan).await;
    let again = world.vend(&text, "second", &Gate::new(None)).await.unwrap();
    let rows = ends(&again.csv);
    assert!(rows[0].starts_with("SUCCEEDED,9"), "{rows:?}");
    assert_eq!(world.writes(), writes);
}

/// `organization.md` V-13: a row is in one plan at a time. One that was aborted begins nothing more.
#[tokio::test]
async fn rows_that_an_aborted_plan_did_not_begin_are_free() {
    for aborted in [false, true] {
        let world = World::new(TimeSpan::ZERO);
        let plan = world.planned(&list(&["a", "b"])).await;
        let first = Applying {
            canary: Some(1),
            ..crate::bench::patient()
        };
        let runner = world.runner("first", &Gate::new(None));
        runner.apply(&plan, &first).await.unwrap();
        world.plans.set_aborted(&plan, aborted).await.unwrap();
        remediated(&world, &plan).await;
        let corrected = list(&["b", "c"]);
        let ran = world.vend(&corrected, "second", &Gate::new(None)).await;
        let rows = ends(&ran.unwrap().csv);
        let start = if aborted {
            "SUCCEEDED,9".to_owned()
        } else {
            format!("INVALID,,already in plan {plan}")
        };
        assert!(rows[0].starts_with(&start), "aborted {aborted}: {rows:?}");
        assert!(rows[1].starts_with("SUCCEEDED,9"), "{rows:?}");
    }
}

/// Its account may be made any moment.
#[tokio::test]
async fn a_row_that_an_aborted_plan_is_in_the_middle_of_stays_its_own() {
    let world = World::new(TimeSpan::ZERO);
    let plan = world.planned(&list(&["a", "b"])).await;
    let (kept, _) = world.loaded(&plan).await;
    let begun = kept
        .steps
        .iter()
        .find(|step| step.kind == "account.create" && step.target.key == "a@example.com");
    let begun = begun.unwrap();
    for entry in [
        JournalEntry::Planned {
            expected: kept.expected.clone(),
        },
        JournalEntry::Intent {
            step: begun.id.clone(),
            token: begun.token.clone(),
            old: serde_json::Value::Null,
        },
    ] {
        let added = JournalAddition {
            at: world.clock.now(),
            entry: &entry,
            change: None,
        };
        world.plans.append(&plan, added).await.unwrap();
    }
    world.plans.set_aborted(&plan, true).await.unwrap();
    let corrected = list(&["a", "b", "c"]);
    let ran = world.vend(&corrected, "second", &Gate::new(None)).await;
    let rows = ends(&ran.unwrap().csv);
    assert_eq!(rows[0], format!("INVALID,,already in plan {plan}"));
    assert!(rows[1].starts_with("SUCCEEDED,9"), "{rows:?}");
}
