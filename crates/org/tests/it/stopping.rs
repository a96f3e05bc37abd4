//! Each port call of both chores fails, loses its answer, or stops the process before or after it:
//! after a resume exactly one policy is attached, or none is left; and every change has one record.

use std::sync::Arc;

use hallpass_base::{TimeSpan, Timestamp};
use hallpass_enforcement::testing::UNIT;
use hallpass_org::{outage, sessions};
use hallpass_plans::testing::{Gate, PortMode};
use hallpass_plans::{Exit, PlanDraft};

use crate::bench::{Bench, Process, cut_off, drill, name};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chore {
    ApplyDrill,
    RemoveDrill,
    Reap,
    CutOff,
    Add,
    Prune,
}

const PRUNE_AT: &str = "2026-03-02T23:00:00Z";

impl Chore {
    async fn prepare(self, bench: &Bench) {
        let process = bench.calm();
        let before = match self {
            Self::ApplyDrill | Self::CutOff => return,
            Self::RemoveDrill | Self::Reap => Self::ApplyDrill,
            Self::Add | Self::Prune => Self::CutOff,
        };
        let draft = before.plan(bench, &process).await.unwrap();
        assert_eq!(process.apply(draft).await.unwrap().exit(), Exit::Ok);
        if self == Self::Reap {
            bench.wait(TimeSpan::hours(3));
        }
    }

    async fn plan(self, bench: &Bench, process: &Process) -> Option<PlanDraft> {
        let (organization, kept) = (process.organization.as_ref(), process.kept.as_ref());
        let now = bench.now();
        match self {
            Self::ApplyDrill => {
                let planned = outage::plan_apply(organization, &drill(UNIT)).await;
                planned.ok().map(|(draft, _)| draft)
            }
            Self::RemoveDrill => {
                let id = drill(UNIT).file.drill_id(UNIT);
                outage::plan_remove(organization, kept, &id).await.ok()
            }
            Self::Reap => {
                let planned = outage::plan_reap(organization, kept, now).await;
                planned.ok().map(|(draft, _)| draft)
            }
            Self::CutOff | Self::Add => {
                let who = if self == Self::Add { "mary" } else { "john" };
                let wanted = cut_off(&[name(who)]);
                sessions::plan_apply(organization, kept, &wanted, now)
                    .await
                    .ok()
            }
            Self::Prune => {
                let at: Timestamp = PRUNE_AT.parse().unwrap();
                let planned = sessions::plan_prune(organization, kept, at).await;
                planned.ok().map(|pruned| pruned.draft)
            }
        }
    }

    fn check(self, bench: &Bench, case: &str) {
        let standing = bench.organization.standing();
        match self {
            Self::ApplyDrill | Self::CutOff | Self::Add => {
                assert_eq!(standing.len(), 1, "{case}: {standing:?}");
                assert_eq!(standing[0].1, [UNIT], "{case}");
            }
            Self::RemoveDrill | Self::Reap | Self::Prune => {
                assert!(standing.is_empty(), "{case}: {standing:?}");
            }
        }
        if self == Self::Add {
            let text = bench.organization.text(sessions::POLICY_NAME).unwrap();
            assert!(
                text.contains("*:john") && text.contains("*:mary"),
                "{case}: {text}"
            );
        }
    }
}

async fn attempt(bench: &Bench, chore: Chore, holder: &str, gate: &Arc<Gate>) -> bool {
    let process = bench.process(holder, gate);
    let run = async {
        let Some(draft) = chore.plan(bench, &process).await else {
            return false;
        };
        match process.apply(draft).await {
            Ok(report) => report.exit() == Exit::Ok,
            Err(_) => false,
        }
    };
    tokio::select! {
        done = run => done,
        () = gate.stop() => false,
    }
}

async fn go_on(bench: &Bench, chore: Chore, by_command: bool, case: &str) {
    if by_command {
        assert!(
            attempt(bench, chore, "second", &Gate::new(None)).await,
            "{case}"
        );
        return;
    }
    let process = bench.process("second", &Gate::new(None));
    let saved = hallpass_plans::PlanStore::plans(bench.plans.as_ref(), 1)
        .await
        .unwrap();
    if let Some(saved) = saved.first() {
        let resumed = process
            .runner
            .resume(&saved.plan.id, &crate::bench::patient())
            .await;
        resumed.unwrap();
    }
    // the command restarts an unsaved plan
    assert!(
        attempt(bench, chore, "third", &Gate::new(None)).await,
        "{case}"
    );
}

async fn stopped(chore: Chore) {
    for lag in [TimeSpan::ZERO, TimeSpan::seconds(7)] {
        stopped_everywhere(chore, lag).await;
    }
}

#[tokio::test]
async fn stops_while_a_drill_is_applied() {
    stopped(Chore::ApplyDrill).await;
}

#[tokio::test]
async fn stops_while_a_drill_is_removed() {
    stopped(Chore::RemoveDrill).await;
}

#[tokio::test]
async fn stops_while_drills_are_reaped() {
    stopped(Chore::Reap).await;
}

#[tokio::test]
async fn stops_while_somebody_is_cut_off() {
    stopped(Chore::CutOff).await;
}

#[tokio::test]
async fn stops_while_another_is_added() {
    stopped(Chore::Add).await;
}

#[tokio::test]
async fn stops_while_entries_are_pruned() {
    stopped(Chore::Prune).await;
}

async fn bench_for(chore: Chore, lag: TimeSpan) -> Bench {
    let bench = Bench::new();
    bench.organization.change(|it| it.lag = lag);
    chore.prepare(&bench).await;
    bench.wait(TimeSpan::minutes(1));
    bench
}

async fn stopped_everywhere(chore: Chore, lag: TimeSpan) {
    let unbroken = bench_for(chore, lag).await;
    let gate = Gate::new(None);
    let before = writes(&unbroken);
    assert!(attempt(&unbroken, chore, "first", &gate).await, "{chore:?}");
    chore.check(&unbroken, &format!("{chore:?} unbroken"));
    let (sent, records) = (writes(&unbroken) - before, unbroken.plans.changes().len());
    for call in 1..=gate.calls() {
        for (n, mode) in (0..).zip(PortMode::ALL) {
            // without an effect, lag makes no difference
            if !lag.is_zero() && matches!(mode, PortMode::Fail | PortMode::StopBefore) {
                continue;
            }
            let by_command = (call + n) % 2 == 0;
            let case = format!("{chore:?}, lag {lag}, call {call}, {mode:?}, {by_command}");
            let bench = bench_for(chore, lag).await;
            let before = writes(&bench);
            let gate = Gate::new(Some((call, mode)));
            if !attempt(&bench, chore, "first", &gate).await {
                go_on(&bench, chore, by_command, &case).await;
            }
            chore.check(&bench, &case);
            let all = bench.organization.writes();
            assert_eq!(writes(&bench) - before, sent, "{case}: {all:?}");
            assert!(bench.plans.changes().len() <= records, "{case}");
        }
    }
}

/// Effective writes. Repeated equal text does not count: with lag, a lost answer looks like a
/// missing write.
fn writes(bench: &Bench) -> usize {
    let mut all = bench.organization.writes();
    all.dedup_by(|a, b| a == b && a == "update");
    all.len()
}
