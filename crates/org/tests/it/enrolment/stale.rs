//! An old plan is rechecked before a move, because a move is not undone (`organization.md` N-2,
//! N-7).

use std::collections::BTreeSet;

use hallpass_base::TimeSpan;
use hallpass_org::enrolment::{EnrolmentBackend, EnrolmentRequest};
use hallpass_plans::Exit;
use hallpass_plans::testing::Gate;
use serde_json::json;

use super::tower::State;
use super::world::{World, wish};

pub(super) const ACCOUNT: &str = "777777777777";
const UNIT: &str = "ou-ab12-sandbox02";

pub(super) fn unit(state: &mut State) -> &mut serde_json::Value {
    let mut units = state.units.iter_mut();
    units.find(|it| it["Id"] == UNIT).unwrap()
}

type Change = fn(&mut State);

fn changes() -> Vec<(&'static str, Change)> {
    vec![
        ("no longer exists", |it| {
            it.units.retain(|it| it["Id"] != UNIT);
        }),
        ("is called `Other` by now, and was `Test-OU-2`", |it| {
            unit(it)["Name"] = "Other".into();
        }),
        ("no longer governs unit `Test-OU-2`", |it| {
            unit(it)["ControlTowerRegistered"] = false.into();
        }),
        ("is suspended", |it| {
            it.accounts.get_mut(ACCOUNT).unwrap()["State"] = "SUSPENDED".into();
        }),
        ("has controls of Control Tower by now", |it| {
            it.only_controls(ACCOUNT, "ou-ab12-legacy01");
        }),
        ("config-recorder in ", |it| {
            let regions = it.zone["governedRegions"].as_array().unwrap().clone();
            let region = regions[0].as_str().unwrap().to_owned();
            it.recorders.insert((ACCOUNT.to_owned(), region), true);
        }),
        ("the management account can no longer enter", |it| {
            it.roles.insert(ACCOUNT.to_owned(), BTreeSet::new());
        }),
        ("changed since the plan was saved", |it| {
            it.put(ACCOUNT, "ou-ab12-elsewher");
        }),
    ]
}

pub(super) fn world(by_itself: bool) -> World {
    let world = World::unrecorded();
    if !by_itself {
        world.with(|it| it.zone["remediationTypes"] = json!([]));
    }
    world
}

#[tokio::test]
async fn what_would_fail_after_the_move_is_said_before_it() {
    for (via, by_itself) in [
        (EnrolmentBackend::Move, true),
        (EnrolmentBackend::Baseline, false),
    ] {
        for (word, change) in changes() {
            let world = world(by_itself);
            let wish = EnrolmentRequest {
                via: Some(via),
                ..wish(&[ACCOUNT], &[])
            };
            let draft = world.draft(&wish).await;
            let runner = world.runner("yesterday", &Gate::new(None));
            let plan = runner.look(draft).await.unwrap().plan.id;
            world.clock.advance(std::time::Duration::from_secs(
                TimeSpan::hours(20).as_seconds(),
            ));
            world.with(change);
            let before = world.with(|it| it.parent(ACCOUNT));
            let runner = world.runner("today", &Gate::new(None));
            let report = runner
                .resume(&plan, &crate::bench::patient())
                .await
                .unwrap();
            assert_eq!(report.exit(), Exit::Failed, "{via:?} {word}");
            let said = serde_json::to_string(&report).unwrap();
            assert!(said.contains(word), "{via:?} {word}: {said}");
            assert_eq!(world.writes(), Vec::<String>::new(), "{via:?} {word}");
            assert_eq!(
                world.with(|it| it.parent(ACCOUNT)),
                before,
                "{via:?} {word}"
            );
        }
    }
}
