//! Another user acts before each call, from the plan's look on: their changes stay, nothing is
//! moved twice, and the result is reported (`organization.md` N-7).

use hallpass_org::enrolment::{EnrolmentBackend, EnrolmentRequest};
use hallpass_plans::testing::Gate;
use hallpass_plans::{Exit, PlanReport, StepEnd};

use super::stale::{ACCOUNT, unit, world};
use super::tower::Act;
use super::world::{World, wish};

const ELSEWHERE: &str = "ou-ab12-elsewher";

async fn acted(act: Act, check: impl Fn(&World, &PlanReport, &str)) {
    for (via, by_itself) in [
        (EnrolmentBackend::Move, true),
        (EnrolmentBackend::Baseline, false),
    ] {
        let (mut early, mut late) = (0, 0);
        for call in 1.. {
            let world = world(by_itself);
            let wish = EnrolmentRequest {
                via: Some(via),
                ..wish(&[ACCOUNT], &[])
            };
            let draft = world.draft(&wish).await;
            world.with(|it| it.somebody = Some((call, act)));
            let report = world.apply(draft, "ana", &Gate::new(None)).await.unwrap();
            if world.with(|it| it.somebody.is_some()) {
                break;
            }
            let case = format!("{via:?}, before call {call}");
            let moves = moves(&world);
            assert!(moves <= 1, "{case}: {:?}", world.writes());
            early += usize::from(moves == 0);
            late += usize::from(moves == 1);
            check(&world, &report, &case);
        }
        assert!(early > 3 && late > 1, "{via:?}: {early} early, {late} late");
    }
}

fn moves(world: &World) -> usize {
    let writes = world.writes();
    writes.iter().filter(|it| it.contains("Move")).count()
}

#[tokio::test]
async fn an_account_that_somebody_moves_stays_where_they_put_it() {
    acted(
        |it| it.put(ACCOUNT, ELSEWHERE),
        |world, report, case| {
            let place = world.with(|it| it.parent(ACCOUNT));
            assert_eq!(place, ELSEWHERE, "{case}");
            if moves(world) == 0 {
                assert_eq!(report.exit(), Exit::Failed, "{case}");
            }
            let steps = report.targets.iter().flat_map(|it| &it.steps);
            for step in steps.filter(|it| it.kind == "enrolment.move") {
                let is_said = matches!(step.outcome, StepEnd::Changed | StepEnd::Drifted);
                assert!(is_said, "{case}: {report:#?}");
            }
        },
    )
    .await;
}

#[tokio::test]
async fn a_unit_that_somebody_takes_from_control_tower_gets_no_account() {
    acted(
        |it| unit(it)["ControlTowerRegistered"] = false.into(),
        |world, report, case| {
            if moves(world) == 0 {
                assert_eq!(report.exit(), Exit::Failed, "{case}");
                assert_eq!(world.writes(), Vec::<String>::new(), "{case}");
            }
        },
    )
    .await;
}

#[tokio::test]
async fn a_recorder_that_somebody_turns_on_goes_on_recording() {
    let place = || (ACCOUNT.to_owned(), "us-east-1".to_owned());
    acted(
        |it| {
            let place = (ACCOUNT.to_owned(), "us-east-1".to_owned());
            it.recorders.insert(place, true);
        },
        |world, report, case| {
            let records = world.with(|it| it.recorders.get(&place()).copied());
            assert_eq!(records, Some(true), "{case}");
            if moves(world) == 0 {
                assert_eq!(report.exit(), Exit::Failed, "{case}");
            }
        },
    )
    .await;
}
