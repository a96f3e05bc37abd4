//! Automatic resumption of plans (`organization.md` P-7): unfinished plans at server start whose
//! kind `plans.resume` names. Others are logged and left to users.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hallpass_plans::{
    LANE_LEASE, PlanId, PlanReport, PlanState, PlanStore, RunError, Saved, fold, goes_on_by_itself,
    report_of,
};
use hallpass_terminal::exit::Failure;
use tokio::sync::watch;
use tokio::time::Instant;

use super::context::PlanContext;
use crate::chores::vending_mail::with_mails;

/// Plans whose journal is read at server start, newest first: this many of each named kind, and
/// this many of all for the others.
const UNFINISHED_LOOK: u32 = 500;
/// Maximum time of a foreign lock on a plan or lane: a dead process does not renew its lease.
const PATIENCE: Duration = Duration::from_secs(LANE_LEASE.as_seconds() + 5);
/// Retry interval for a held lane or a store without answer.
const TRY_AGAIN: Duration = Duration::from_secs(30);
const WHY: &str = "the server resumes it at start: `plans.resume` names this kind";

/// Logs unfinished plans for users.
pub async fn tell_unfinished(store: &dyn PlanStore) {
    unfinished(store, &[], &mut BTreeSet::new()).await;
}

#[derive(Debug, Default, PartialEq, Eq)]
struct BegunPlans {
    plans: Vec<PlanId>,
    is_complete: bool,
}

/// Finds unfinished plans, except already `judged` ones. Returns named kinds; logs the user's
/// options for others.
async fn unfinished(
    store: &dyn PlanStore,
    kinds: &[String],
    judged: &mut BTreeSet<PlanId>,
) -> BegunPlans {
    let mut begun = BegunPlans {
        plans: Vec::new(),
        is_complete: true,
    };
    let mut plans = Vec::new();
    let mut listings = Vec::with_capacity(kinds.len() + 1);
    for kind in kinds {
        let of_kind = store.plans_of_kind(kind, UNFINISHED_LOOK).await;
        listings.push(of_kind.map(|found| found.plans));
    }
    let all = store.plans(UNFINISHED_LOOK).await;
    let is_other = |it: &Saved| !kinds.contains(&it.plan.kind);
    listings.push(all.map(|all| all.into_iter().filter(is_other).collect()));
    for listing in listings {
        match listing {
            Ok(listing) => plans.extend(listing),
            Err(fault) => {
                begun.is_complete = false;
                tracing::error!(%fault, "plans cannot be listed; unfinished ones may be missing");
            }
        }
    }
    for saved in plans {
        let (id, kind) = (&saved.plan.id, &saved.plan.kind);
        if judged.contains(id) {
            continue;
        }
        let stored = match store.journal(id).await {
            Ok(stored) => stored,
            Err(fault) => {
                begun.is_complete = false;
                tracing::error!(plan = %id, %fault, "the journal of a plan cannot be read; whether it is over is not known");
                continue;
            }
        };
        judged.insert(id.clone());
        let folded = match fold(&stored) {
            Ok(folded) => folded,
            Err(error) => {
                count("failed");
                tracing::error!(
                    plan = %id,
                    %error,
                    "the journal of a plan is damaged; the server does not resume it"
                );
                continue;
            }
        };
        if kinds.contains(kind) && goes_on_by_itself(&saved.plan, &folded, saved.aborted) {
            begun.plans.push(id.clone());
        } else if report_of(&saved.plan, &folded, saved.aborted).state == PlanState::Running {
            tracing::warn!(
                plan = %id,
                kind = kind.as_str(),
                "a plan is unfinished; `hallpass org plan resume` resumes it"
            );
        }
    }
    if !begun.is_complete {
        count("unread");
    }
    begun
}

fn count(outcome: &'static str) {
    metrics::counter!("hallpass_plans_resumed_total", "outcome" => outcome).increment(1);
}

#[derive(Clone)]
pub struct UnaskedPlans {
    pub context: Arc<PlanContext>,
    pub kinds: Vec<String>,
}

impl UnaskedPlans {
    pub async fn watch(self, mut stop: watch::Receiver<bool>) {
        let mut judged = BTreeSet::new();
        let mut running = FuturesUnordered::new();
        let mut look_at = Some(Instant::now());
        loop {
            tokio::select! {
                () = until(look_at), if look_at.is_some() => {
                    let store = self.context.plans.as_ref();
                    let begun = unfinished(store, &self.kinds, &mut judged).await;
                    running.extend(begun.plans.into_iter().map(|plan| self.go_on(plan)));
                    look_at = (!begun.is_complete).then(|| Instant::now() + TRY_AGAIN);
                }
                Some(()) = running.next() => {}
                // a loop that ends before the server counts as broken
                () = async { drop(stop.wait_for(|stopping| *stopping).await) } => return,
            }
        }
    }

    async fn go_on(&self, plan: PlanId) {
        let plan = &plan;
        let about = self.context.aws.about();
        let actor = format!("{} (server, plans.resume)", about.arn);
        let runner = self.context.another_runner(&actor);
        tracing::info!(%plan, "a plan is unfinished; the server resumes it");
        loop {
            let run = async { Ok::<_, Failure>(runner.go_on(plan, PATIENCE, WHY).await) };
            let state = |ended: &Result<Option<PlanReport>, RunError>| match ended {
                Ok(Some(report)) => report.state,
                Ok(None) | Err(_) => PlanState::Running,
            };
            let ran = with_mails(self.context.mailer.as_ref(), plan, run, state).await;
            match ran.unwrap_or(Ok(None)) {
                Ok(report) => return note(plan, report.as_ref()),
                Err(error @ (RunError::Held { .. } | RunError::Store(_))) => {
                    tracing::info!(%plan, %error, "a plan waits");
                    tokio::time::sleep(TRY_AGAIN).await;
                }
                Err(error) => {
                    count("failed");
                    tracing::error!(%plan, %error, "a plan cannot be resumed");
                    return;
                }
            }
        }
    }
}

async fn until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at).await;
    }
}

fn note(plan: &PlanId, report: Option<&PlanReport>) {
    let Some(report) = report else {
        tracing::info!(%plan, "the plan was ended or aborted elsewhere");
        return;
    };
    let state = report.state.name();
    count(state);
    if report.state == PlanState::Done {
        tracing::info!(%plan, changed = report.totals.changed, "a plan is over");
    } else {
        tracing::error!(
            %plan,
            state,
            failed = report.totals.failed,
            "a resumed plan did not end cleanly; `hallpass org plan show` says why"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hallpass_plans::testing::{Gate, Gated, MemoryPlans, PortMode, plan_of_one_step};
    use hallpass_plans::{JournalAddition, JournalEntry};
    use serde_json::Value;

    use super::*;

    async fn begun(plans: &MemoryPlans, id: &str, kind: &str) -> PlanId {
        let made_at = "2026-03-02T10:05:00Z".parse().unwrap();
        let plan = plan_of_one_step(id, kind, "test", Value::Null, made_at);
        let begins = JournalEntry::Planned {
            expected: BTreeMap::new(),
        };
        plans.keep(&plan, &[begins]).await.unwrap();
        plan.id
    }

    #[tokio::test]
    async fn plans_of_other_kinds_hide_none_that_the_server_goes_on_with() {
        let plans = MemoryPlans::default();
        let wanted = begun(&plans, "vending", "org.vend").await;
        let also = begun(&plans, "enrolment", "org.enroll").await;
        for n in 0..=UNFINISHED_LOOK {
            begun(&plans, &format!("other {n}"), "remediate").await;
        }
        let kinds = ["org.vend", "org.enroll"].map(str::to_owned);
        let begun = unfinished(&plans, &kinds, &mut BTreeSet::new()).await;
        assert_eq!(begun.plans, [wanted, also]);
        assert!(begun.is_complete);
    }

    #[tokio::test]
    async fn what_the_store_did_not_say_is_looked_for_again() {
        let kinds = ["org.vend", "org.enroll"].map(str::to_owned);
        for call in 1..=5 {
            let plans = MemoryPlans::default();
            let wanted = begun(&plans, "vending", "org.vend").await;
            let also = begun(&plans, "enrolment", "org.enroll").await;
            let gate = Gate::new(Some((call, PortMode::Fail)));
            let store = Gated(Arc::new(plans), gate);
            let mut judged = BTreeSet::new();
            let first = unfinished(&store, &kinds, &mut judged).await;
            assert!(!first.is_complete, "call {call}");
            let second = unfinished(&store, &kinds, &mut judged).await;
            assert!(second.is_complete, "call {call}");
            let mut all = [first.plans, second.plans].concat();
            all.sort();
            let mut expected = vec![wanted, also];
            expected.sort();
            assert_eq!(all, expected, "call {call}: each once");
        }
    }

    /// A damaged journal is final for its plan, and blocks no other plan.
    #[tokio::test]
    async fn a_damaged_journal_stops_no_other_plan() {
        let plans = MemoryPlans::default();
        let torn = begun(&plans, "torn", "org.vend").await;
        let entry = JournalEntry::Planned {
            expected: BTreeMap::new(),
        };
        plans.tear(&torn, "{");
        let added = JournalAddition {
            at: "2026-03-02T10:05:00Z".parse().unwrap(),
            entry: &entry,
            change: None,
        };
        plans.append(&torn, added).await.unwrap();
        let wanted = begun(&plans, "vending", "org.vend").await;
        let begun = unfinished(&plans, &["org.vend".to_owned()], &mut BTreeSet::new()).await;
        assert_eq!(begun.plans, [wanted]);
        assert!(begun.is_complete);
    }
}
