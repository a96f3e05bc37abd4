//! An unfinished plan of the same request is resumed; an unreadable one is an error.

use hallpass_base::Clock as _;
use hallpass_org::EarlierUnread;
use hallpass_org::enrolment::{EnrolmentRequest, unfinished_enrolment};
use hallpass_plans::testing::Gate;
use hallpass_plans::{JournalAddition, JournalEntry, PlanStore as _};

use super::world::{World, wish};

fn whole() -> EnrolmentRequest {
    EnrolmentRequest {
        to: "Legacy".to_owned(),
        ..wish(&[], &["Legacy"])
    }
}

#[tokio::test]
async fn an_enrolment_that_was_begun_goes_on_or_refuses_another_where_it_cannot_be_read() {
    let world = World::unrecorded();
    let runner = world.runner("first", &Gate::new(None));
    let plan = runner.look(world.draft(&whole()).await).await.unwrap().plan;
    let (store, wanted) = (world.plans.as_ref(), whole());
    let unfinished = || unfinished_enrolment(store, &wanted);
    assert_eq!(unfinished().await, Ok(None), "nothing of it was done");
    store.spoil(&plan.id);
    assert_eq!(unfinished().await, Ok(None), "nor of an unreadable one");
    store.save_plan(&plan).await.unwrap();
    let entry = JournalEntry::Planned {
        expected: plan.expected.clone(),
    };
    let added = JournalAddition {
        at: world.clock.now(),
        entry: &entry,
        change: None,
    };
    store.append(&plan.id, added).await.unwrap();
    assert_eq!(unfinished().await, Ok(Some(plan.id.clone())));
    store.spoil(&plan.id);
    for wish in [whole(), wish(&["666666666666"], &[])] {
        let refused = unfinished_enrolment(store, &wish).await.unwrap_err();
        assert!(
            matches!(&refused, EarlierUnread::Plan { plan: named, .. } if *named == plan.id),
            "{refused:?}"
        );
        assert!(refused.help().is_some());
    }
}
