//! Earlier plans of a list, with other plans in between.

use hallpass_base::{Clock as _, TimeSpan};
use hallpass_org::EarlierUnread;
use hallpass_org::vending::{AccountsFile, EarlierPlans, earlier_plans};
use hallpass_plans::testing::Gate;
use hallpass_plans::{Applying, JournalAddition, JournalEntry, Plan, PlanId, PlanStore as _};
use serde_json::json;

use super::world::{World, ends, list, wishes};

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

/// `organization.md` V-13: a row is in one plan at a time. An aborted plan starts nothing more.
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

/// Its account may be created any moment.
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

async fn earlier(world: &World, text: &str) -> Result<EarlierPlans, EarlierUnread> {
    let file = AccountsFile::read(text.as_bytes()).unwrap();
    earlier_plans(world.plans.as_ref(), &file, &wishes()).await
}

fn assert_names(refused: &EarlierUnread, named: &PlanId) {
    assert!(
        matches!(refused, EarlierUnread::Plan { plan, .. } if plan == named),
        "{refused:?}"
    );
    assert!(refused.to_string().contains(named.as_str()), "{refused}");
    assert!(refused.help().is_some_and(|it| it.contains("store check")));
}

/// Its accounts may exist: another plan could create them again.
#[tokio::test]
async fn a_plan_that_was_begun_and_cannot_be_read_refuses_every_list() {
    let world = World::new(TimeSpan::ZERO);
    let text = list(&["a"]);
    let ran = world.vend(&text, "first", &Gate::new(None)).await.unwrap();
    let writes = world.writes();
    world.plans.spoil(&ran.plan);
    for text in [text, list(&["b"])] {
        assert!(world.vend(&text, "next", &Gate::new(None)).await.is_none());
        assert_names(&earlier(&world, &text).await.unwrap_err(), &ran.plan);
    }
    assert_eq!(world.writes(), writes);
}

#[tokio::test]
async fn a_plan_that_keeps_its_rows_in_another_form_is_not_passed_over() {
    let world = World::new(TimeSpan::ZERO);
    let text = list(&["a"]);
    let ran = world.vend(&text, "first", &Gate::new(None)).await.unwrap();
    let (kept, _) = world.loaded(&ran.plan).await;
    let later = Plan {
        facts: json!({"rows": "in another form"}),
        ..kept
    };
    world.plans.save_plan(&later).await.unwrap();
    assert_names(&earlier(&world, &text).await.unwrap_err(), &ran.plan);
}

#[tokio::test]
async fn a_plan_that_was_never_begun_did_nothing_whatever_is_in_it() {
    let world = World::new(TimeSpan::ZERO);
    let plan = world.planned(&list(&["a"])).await;
    world.plans.spoil(&plan);
    let ran = world.vend(&list(&["b"]), "first", &Gate::new(None)).await;
    let rows = ends(&ran.unwrap().csv);
    assert!(rows[0].starts_with("SUCCEEDED,9"), "{rows:?}");
}

/// Created rows are unknown: the same list is refused, and shared rows of another one.
#[tokio::test]
async fn a_plan_whose_journal_cannot_be_read_keeps_its_rows() {
    let world = World::new(TimeSpan::ZERO);
    let text = list(&["a"]);
    let ran = world.vend(&text, "first", &Gate::new(None)).await.unwrap();
    world.plans.tear(&ran.plan, "{");
    let entry = JournalEntry::Note {
        step: None,
        text: "after what is torn".to_owned(),
    };
    let added = JournalAddition {
        at: world.clock.now(),
        entry: &entry,
        change: None,
    };
    world.plans.append(&ran.plan, added).await.unwrap();
    assert_names(&earlier(&world, &text).await.unwrap_err(), &ran.plan);
    let others = list(&["a", "b"]);
    let next = world.vend(&others, "next", &Gate::new(None)).await;
    let rows = ends(&next.unwrap().csv);
    assert_eq!(rows[0], format!("INVALID,,already in plan {}", ran.plan));
    assert!(rows[1].starts_with("SUCCEEDED,9"), "{rows:?}");
}
