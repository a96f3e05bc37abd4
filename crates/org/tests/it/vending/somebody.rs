//! Another user acts between any two calls, or an answer is lost: no second account is requested,
//! users' changes stay, and obstacles are reported.

use std::collections::BTreeMap;

use hallpass_base::TimeSpan;
use hallpass_org::vending::{Adoption, ListWishes};
use hallpass_plans::testing::{Gate, PortMode};
use hallpass_plans::{Exit, PlanStore as _, StepEnd};

use super::world::{Act, ELSEWHERE, Ran, UNIT, World, ends, list};

fn asked(world: &World) -> usize {
    let writes = world.accounts.writes();
    writes.iter().filter(|it| it.starts_with("create")).count()
}

fn quick() -> World {
    let mut world = World::new(TimeSpan::seconds(5));
    // created before the next look, visible later: only its request shows it
    std::sync::Arc::get_mut(&mut world.accounts).unwrap().making = TimeSpan::ZERO;
    world
}

/// Each call loses its answer in turn; accounts are created immediately and listings lag.
#[tokio::test]
async fn an_account_whose_answer_is_lost_is_found_by_its_request() {
    let text = list(&["a"]);
    let calm = quick();
    let gate = Gate::new(None);
    calm.vend(&text, "first", &gate).await.unwrap();
    for call in 1..=gate.calls() {
        for mode in [PortMode::LoseAnswer, PortMode::Fail] {
            let world = quick();
            let gate = Gate::new(Some((call, mode)));
            if world.vend(&text, "first", &gate).await.is_none() {
                world.wait(1);
                world.vend(&text, "second", &Gate::new(None)).await.unwrap();
            }
            let last = world.vend(&text, "third", &Gate::new(None)).await.unwrap();
            let rows = ends(&last.csv);
            assert!(
                rows[0].starts_with("SUCCEEDED,9"),
                "call {call} {mode:?}: {rows:?}"
            );
            assert_eq!(asked(&world), 1, "call {call} {mode:?}");
            assert_eq!(
                world.accounts.standing(),
                [("a".to_owned(), UNIT.to_owned())]
            );
            assert_eq!(world.access.count(), 1, "call {call} {mode:?}");
        }
    }
}

async fn acted(act: Act, check: impl Fn(&World, &Ran, &str)) {
    let text = list(&["a"]);
    let calm = World::new(TimeSpan::ZERO);
    let gate = Gate::new(None);
    calm.vend(&text, "first", &gate).await.unwrap();
    for call in 1..=gate.calls() {
        let world = World {
            somebody: Some((call, act)),
            ..World::new(TimeSpan::ZERO)
        };
        let case = format!("{act:?} before call {call}");
        let ran = world.vend(&text, "first", &Gate::new(None)).await.unwrap();
        assert!(asked(&world) <= 1, "{case}");
        check(&world, &ran, &case);
    }
}

#[tokio::test]
async fn an_account_that_somebody_moves_stays_where_they_put_it() {
    acted(Act::MovesAccount, |world, ran, case| {
        let moved = world
            .writes()
            .iter()
            .any(|it| it.starts_with("another person"));
        let place = if moved { ELSEWHERE } else { UNIT };
        assert_eq!(
            world.accounts.standing(),
            [("a".to_owned(), place.to_owned())],
            "{case}"
        );
        let row = &ends(&ran.csv)[0];
        let writes = world.writes();
        let own = writes.iter().filter(|it| it.starts_with("move")).count();
        assert!(moved || row.starts_with("SUCCEEDED"), "{case}: {row}");
        // the row reports the difference, except if the account was moved out of its unit
        assert!(
            !moved || own == 1 || !row.starts_with("SUCCEEDED"),
            "{case}: {row}"
        );
        let steps = ran.report.targets.iter().flat_map(|it| &it.steps);
        let drifted = steps.filter(|it| it.outcome == StepEnd::Drifted).count();
        let is_well = row.starts_with("SUCCEEDED");
        assert_eq!(drifted, usize::from(!is_well), "{case}: {row}");
    })
    .await;
}

#[tokio::test]
async fn a_closed_account_is_not_moved() {
    acted(Act::ClosesAccount, |world, ran, case| {
        let writes = world.accounts.writes();
        let closed = writes
            .iter()
            .position(|it| it.starts_with("another person"));
        let Some(closed) = closed else {
            return;
        };
        let looked_before = writes[closed..].iter().any(|it| it.starts_with("move"));
        let row = &ends(&ran.csv)[0];
        assert!(
            looked_before || row.starts_with("SUCCEEDED") || row.contains("closed"),
            "{case}: {row}"
        );
    })
    .await;
}

#[tokio::test]
async fn no_account_is_made_for_a_unit_that_is_gone_or_another_by_now() {
    for act in [Act::DeletesUnit, Act::RenamesUnit] {
        acted(act, |world, ran, case| {
            let row = &ends(&ran.csv)[0];
            if asked(world) == 0 {
                assert!(
                    row.contains("OrgUnit does not exist") || row.contains(UNIT),
                    "{case}: {row}"
                );
                assert!(!row.contains("blocked by"), "{case}: {row}");
                assert_eq!(world.access.count(), 0, "{case}");
            }
        })
        .await;
    }
}

#[tokio::test]
async fn an_account_that_somebody_made_is_never_taken_for_ours() {
    acted(Act::TakesAddress, |world, ran, case| {
        let row = &ends(&ran.csv)[0];
        if asked(world) == 0 {
            assert!(
                row.contains("in use by account 777777777777"),
                "{case}: {row}"
            );
            assert!(
                !row.starts_with("SUCCEEDED") && !row.starts_with("EXISTS"),
                "{case}: {row}"
            );
            assert!(world.writes().is_empty(), "{case}: {:?}", world.writes());
        } else {
            assert!(row.starts_with("SUCCEEDED,9"), "{case}: {row}");
        }
    })
    .await;
}

/// `organization.md` V-9: a failed request is no lost answer. An account of the same name and
/// address created right after it is foreign: for the plan, a retry and the same list.
#[tokio::test]
async fn an_account_that_another_user_makes_after_our_request_failed_is_not_taken_on() {
    let text = list(&["a"]);
    let mut made = 0;
    for failure in ["INTERNAL_FAILURE", "ACCOUNT_LIMIT_EXCEEDED"] {
        for call in 1..100 {
            let world = World {
                somebody: Some((call, Act::MakesSame)),
                ..World::new(TimeSpan::ZERO)
            };
            world.accounts.fail("a@example.com", &[failure]);
            let gate = Gate::new(None);
            let ran = world.vend(&text, "first", &gate).await.unwrap();
            if gate.calls() < call {
                world.accounts.somebody(Act::MakesSame);
            }
            let theirs = world.accounts.standing() == [("a".to_owned(), "r-ab12".to_owned())];
            made += usize::from(theirs);
            let mut rows = vec![ends(&ran.csv)[0].clone()];
            rows.push(ends(&world.retry(&ran.plan).await.csv)[0].clone());
            let again = world.vend(&text, "second", &Gate::new(None)).await;
            rows.push(ends(&again.unwrap().csv)[0].clone());
            let case = format!("{failure}, call {call}: {rows:?}");
            let is_taken = |it: &String| it.contains(",777777777777,");
            assert!(!rows.iter().any(is_taken), "{case}");
            let writes = world.accounts.writes();
            assert!(
                !writes.iter().any(|it| it.contains("777777777777")),
                "{case}"
            );
            if gate.calls() < call {
                break;
            }
        }
    }
    assert!(made > 3, "{made}");
}

#[tokio::test]
async fn a_plan_of_yesterday_is_held_against_today() {
    let text = list(&["a"]);
    for (act, gap, word) in [
        (Some(Act::DeletesUnit), None, "no longer exists"),
        (Some(Act::RenamesUnit), None, "is called `Other` by now"),
        (
            None,
            Some("group x of the access to it"),
            "group x of the access to it no longer exists",
        ),
        (
            Some(Act::TakesAddress),
            None,
            "in use by account 777777777777",
        ),
    ] {
        let world = World::new(TimeSpan::ZERO);
        let plan = world.planned(&text).await;
        world.wait(86_400);
        if let Some(act) = act {
            world.accounts.somebody(act);
        }
        *world.needs.0.lock().unwrap() = gap.map(str::to_owned);
        let ran = world.resume(&plan).await;
        assert_eq!(ran.report.exit(), Exit::Failed, "{word}");
        let row = &ends(&ran.csv)[0];
        assert!(
            row.starts_with("NOT_PROVISIONED,,") && row.contains(word),
            "{row}"
        );
        assert!(world.writes().is_empty(), "{word}: {:?}", world.writes());
        let (_, folded) = world.loaded(&plan).await;
        let reasons = folded.steps.values().filter_map(|it| match it {
            hallpass_plans::StepState::Final(end) => Some(end.reason.clone()),
            _ => None,
        });
        let reasons: Vec<String> = reasons.collect();
        assert!(reasons.iter().all(|it| it.contains(word)), "{reasons:?}");
    }
}

/// `organization.md` V-4: tags are added; a value set by a user since the look stays.
#[tokio::test]
async fn a_tag_that_somebody_wrote_is_not_overwritten() {
    let text = list(&["a"]);
    let wishes = ListWishes {
        adopt: Adoption::SameNameAndAddress,
        tags: BTreeMap::from([("team".to_owned(), "shop".to_owned())]),
        ..ListWishes::default()
    };
    let begun = |somebody| {
        let world = World {
            somebody,
            ..World::new(TimeSpan::ZERO)
        };
        world.accounts.add("900000000042", "a", "a@example.com");
        world
    };
    let calm = begun(None);
    let gate = Gate::new(None);
    calm.vend_with(&text, &wishes, "first", &gate)
        .await
        .unwrap();
    let mut drifted = 0;
    for call in 1..=gate.calls() {
        let world = begun(Some((call, Act::ChangesTag)));
        let free = Gate::new(None);
        let ran = world
            .vend_with(&text, &wishes, "first", &free)
            .await
            .unwrap();
        let row = &ends(&ran.csv)[0];
        let tagged = world.writes().iter().any(|it| it.starts_with("tag"));
        if row.starts_with("ASSIGN_FAILED") {
            drifted += 1;
            assert!(!tagged, "call {call}: {row}");
            assert_eq!(
                world.accounts.tags_of("900000000042")["team"],
                "theirs",
                "call {call}"
            );
        }
    }
    assert!(drifted > 0);
}

/// `organization.md` P-15: undo restores a replaced value; added tags stay.
#[tokio::test]
async fn a_tag_of_an_account_that_was_taken_on_comes_back_by_undoing() {
    let text = list(&["a"]);
    let ours = [("team", "shop"), ("cost", "1")];
    let wishes = ListWishes {
        adopt: Adoption::SameNameAndAddress,
        tags: ours
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        ..ListWishes::default()
    };
    let world = World::new(TimeSpan::ZERO);
    world.accounts.add("900000000042", "a", "a@example.com");
    world.accounts.somebody(Act::ChangesTag);
    let gate = Gate::new(None);
    let ran = world.vend_with(&text, &wishes, "first", &gate).await;
    let (plan, folded) = world.loaded(&ran.unwrap().plan).await;
    let of = |key: &str| world.accounts.tags_of("900000000042")[key].clone();
    assert_eq!((of("team"), of("cost")), ("shop".into(), "1".into()));
    let undoing = hallpass_plans::undo(&plan, &folded, &world.hands(&gate));
    let back = world.runner("second", &gate).look(undoing.draft).await;
    let runner = world.runner("third", &gate);
    let back = back.unwrap().plan.id;
    let report = runner.apply(&back, &crate::bench::patient()).await;
    assert_eq!(report.unwrap().exit(), Exit::Ok);
    assert_eq!((of("team"), of("cost")), ("theirs".into(), "1".into()));
}

/// Undo only reverts unchanged results.
#[tokio::test]
async fn an_account_that_somebody_moved_is_not_moved_back() {
    let world = World::new(TimeSpan::ZERO);
    let ran = world
        .vend(&list(&["a"]), "first", &Gate::new(None))
        .await
        .unwrap();
    let (plan, folded) = world.loaded(&ran.plan).await;
    let undoing = hallpass_plans::undo(&plan, &folded, &world.hands(&Gate::new(None)));
    world.accounts.somebody(Act::MovesAccount);
    let runner = world.runner("second", &Gate::new(None));
    let back = runner.preview(undoing.draft).await.unwrap().plan;
    assert!(
        back.blocked()[0].contains("it is left there"),
        "{:?}",
        back.blocked()
    );
    assert_eq!(world.plans.plans(9).await.unwrap().len(), 1);
    assert_eq!(
        world.accounts.standing(),
        [("a".to_owned(), ELSEWHERE.to_owned())]
    );
}
