//! Each port call fails, loses its answer, or stops the process before or after it: after the same
//! command or a resume, every account was created once, is in its unit, and has its access once.

use std::collections::BTreeMap;

use hallpass_base::TimeSpan;
use hallpass_org::vending::{Adoption, ListWishes};
use hallpass_plans::testing::{Gate, PortMode};
use hallpass_plans::{Exit, PlanStore as _};

use super::world::{World, ends, list};

async fn attempt(world: &World, text: &str, holder: &str, gate: &std::sync::Arc<Gate>) -> bool {
    let run = async {
        let ran = world.vend(text, holder, gate).await;
        ran.is_some_and(|ran| ran.report.exit() == Exit::Ok)
    };
    tokio::select! {
        done = run => done,
        () = gate.stop() => false,
    }
}

async fn go_on(world: &World, by_command: bool) {
    world.wait(1);
    if !by_command && let Some(saved) = world.plans.plans(1).await.unwrap().first() {
        let runner = world.runner("second", &Gate::new(None));
        runner
            .resume(&saved.plan.id, &crate::bench::patient())
            .await
            .unwrap();
    }
}

async fn stopped_everywhere(lag: TimeSpan) {
    let text = list(&["a", "b"]);
    let unbroken = World::new(lag);
    let gate = Gate::new(None);
    assert!(attempt(&unbroken, &text, "first", &gate).await);
    let (mut sent, places) = (unbroken.writes(), unbroken.accounts.standing());
    sent.sort();
    for call in 1..=gate.calls() {
        for (n, mode) in (0..).zip(PortMode::ALL) {
            let by_command = (call + n) % 2 == 0;
            let case = format!("lag {lag}, call {call}, {mode:?}, {by_command}");
            let world = World::new(lag);
            let gate = Gate::new(Some((call, mode)));
            if !attempt(&world, &text, "first", &gate).await {
                go_on(&world, by_command).await;
            }
            let last = world.vend(&text, "third", &Gate::new(None)).await.unwrap();
            let rows = ends(&last.csv);
            assert!(
                rows.iter().all(|row| row.starts_with("SUCCEEDED,9")),
                "{case}: {rows:?}"
            );
            let mut writes = world.writes();
            writes.sort();
            assert_eq!(writes, sent, "{case}");
            assert_eq!(world.accounts.standing(), places, "{case}");
        }
    }
}

/// After any stop or lost answer, resume and undo leave no access, although the record of an
/// unanswered assignment lacks its account.
#[tokio::test]
async fn access_is_taken_back_whatever_was_heard_of_it() {
    let text = list(&["a"]);
    let unbroken = World::new(TimeSpan::ZERO);
    let gate = Gate::new(None);
    assert!(attempt(&unbroken, &text, "first", &gate).await);
    for call in 1..=gate.calls() {
        for mode in [PortMode::LoseAnswer, PortMode::StopAfter] {
            let case = format!("call {call}, {mode:?}");
            let world = World::new(TimeSpan::ZERO);
            let gate = Gate::new(Some((call, mode)));
            if !attempt(&world, &text, "first", &gate).await {
                // resume: the same list would start another run without work
                go_on(&world, false).await;
            }
            if world.access.count() == 0 {
                world.vend(&text, "third", &Gate::new(None)).await.unwrap();
            }
            assert_eq!(world.access.count(), 1, "{case}");
            let runner = world.runner("fourth", &Gate::new(None));
            let made = world.plans.plans(1).await.unwrap().remove(0).plan.id;
            let (plan, folded) = runner.load(&made).await.unwrap();
            let undoing = hallpass_plans::undo(&plan, &folded, &world.hands(&Gate::new(None)));
            assert_eq!(undoing.not_undoable.len(), 1, "{case}: the account stays");
            let back = runner.look(undoing.draft).await.unwrap().plan.id;
            let report = runner.apply(&back, &crate::bench::patient()).await.unwrap();
            assert_eq!(report.exit(), Exit::Ok, "{case}: {report:?}");
            assert_eq!(world.access.count(), 0, "{case}");
        }
    }
}

/// `organization.md` V-4: an adopted account gets its tags by a separate call, sent once despite
/// any stop.
#[tokio::test]
async fn tags_of_an_account_that_is_taken_on_are_given_once() {
    let text = list(&["a"]);
    let tags = BTreeMap::from([("team".to_owned(), "shop".to_owned())]);
    let wishes = ListWishes {
        adopt: Adoption::SameNameAndAddress,
        tags: tags.clone(),
        ..ListWishes::default()
    };
    let begun = || {
        let world = World::new(TimeSpan::ZERO);
        world.accounts.add("900000000042", "a", "a@example.com");
        world
    };
    let unbroken = begun();
    let gate = Gate::new(None);
    let ran = unbroken
        .vend_with(&text, &wishes, "first", &gate)
        .await
        .unwrap();
    assert_eq!(ends(&ran.csv), ["EXISTS,900000000042,"]);
    assert_eq!(unbroken.accounts.tags_of("900000000042"), tags);
    let sent = unbroken.writes();
    assert!(sent.contains(&"tag 900000000042".to_owned()), "{sent:?}");
    for call in 1..=gate.calls() {
        for mode in PortMode::ALL {
            let world = begun();
            let gate = Gate::new(Some((call, mode)));
            tokio::select! {
                _ = world.vend_with(&text, &wishes, "first", &gate) => {}
                () = gate.stop() => {}
            }
            world.wait(1);
            let free = Gate::new(None);
            world
                .vend_with(&text, &wishes, "second", &free)
                .await
                .unwrap();
            assert_eq!(world.writes(), sent, "call {call}, {mode:?}");
            assert_eq!(world.accounts.tags_of("900000000042"), tags);
        }
    }
}

#[tokio::test]
async fn stops_with_listings_that_are_current() {
    stopped_everywhere(TimeSpan::ZERO).await;
}

#[tokio::test]
async fn stops_with_listings_that_lag() {
    stopped_everywhere(TimeSpan::seconds(7)).await;
}
