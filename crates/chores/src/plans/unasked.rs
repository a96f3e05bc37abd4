//! Plans that the server goes on with by itself (`organization.md` P-7): those that were begun when it starts to work and are not
//! over, where `plans.resume` names their kind. All others are left to people, and told in its log.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hallpass_runner::{
    LANE_LEASE, PlanId, PlanReport, PlanState, PlanStore, RunError, Saved, StoreFault, fold,
    goes_on_by_itself, report_of,
};
use hallpass_terminal::exit::Failure;
use tokio::sync::watch;

use super::context::PlanContext;
use crate::vending_mail::with_mails;

/// Plans whose journal is read when the server starts to work, newest first: so many of each named kind, and those of the
/// others that are among so many of all.
const UNFINISHED_LOOK: u32 = 500;
/// How long somebody else may hold a plan or a lane before it is asked for again: whoever died does not renew its lease.
const PATIENCE: Duration = Duration::from_secs(LANE_LEASE.as_seconds() + 5);
/// Between two tries of a plan whose lane is held, or whose store did not answer.
const TRY_AGAIN: Duration = Duration::from_secs(30);
/// What journals say of it.
const WHY: &str = "the server goes on with it at its start: `plans.resume` names this kind";

/// Looks for plans that were begun and are not over. Those of the named kinds are returned; of the others the server's log
/// says what a person may do.
pub async fn unfinished(store: &dyn PlanStore, kinds: &[String]) -> Vec<PlanId> {
    let mut plans = Vec::new();
    for kind in kinds {
        let of_kind = store.plans_of_kind(kind, UNFINISHED_LOOK).await;
        plans.extend(told(of_kind.map(|found| found.plans)));
    }
    let all = told(store.plans(UNFINISHED_LOOK).await).into_iter();
    plans.extend(all.filter(|it| !kinds.contains(&it.plan.kind)));
    let mut found = Vec::new();
    for saved in plans {
        let stored = store.journal(&saved.plan.id).await.unwrap_or_default();
        let Ok(folded) = fold(&stored) else { continue };
        let (id, kind) = (&saved.plan.id, &saved.plan.kind);
        if kinds.contains(kind) && goes_on_by_itself(&saved.plan, &folded, saved.aborted) {
            found.push(id.clone());
        } else if report_of(&saved.plan, &folded, saved.aborted).state == PlanState::Running {
            tracing::warn!(
                plan = %id,
                kind = kind.as_str(),
                "a plan was begun and is not over; `hallpass org plan resume` goes on with it"
            );
        }
    }
    found
}

fn told(plans: Result<Vec<Saved>, StoreFault>) -> Vec<Saved> {
    plans.unwrap_or_else(|fault| {
        tracing::warn!(%fault, "plans cannot be read");
        Vec::new()
    })
}

/// What a server goes on with.
#[derive(Clone)]
pub struct UnaskedPlans {
    pub context: Arc<PlanContext>,
    /// The kinds of plans.
    pub kinds: Vec<String>,
}

impl UnaskedPlans {
    /// Goes on until all are over, or the server stops: what was begun is found in the journals by the next.
    pub async fn watch(self, mut stop: watch::Receiver<bool>) {
        let plans = unfinished(self.context.plans.as_ref(), &self.kinds).await;
        tokio::select! {
            _ = join_all(plans.iter().map(|plan| self.go_on(plan))) => {}
            _ = stop.wait_for(|stopping| *stopping) => return,
        }
        // a loop that ends before the server counts as broken
        drop(stop.wait_for(|stopping| *stopping).await);
    }

    async fn go_on(&self, plan: &PlanId) {
        let about = self.context.aws.about();
        let actor = format!("{} (server, plans.resume)", about.arn);
        let runner = self.context.another_runner(&actor);
        tracing::info!(%plan, "a plan was begun and is not over; the server goes on with it");
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
                    metrics::counter!("hallpass_plans_resumed_total", "outcome" => "failed")
                        .increment(1);
                    tracing::error!(%plan, %error, "a plan cannot be gone on with");
                    return;
                }
            }
        }
    }
}

fn note(plan: &PlanId, report: Option<&PlanReport>) {
    let Some(report) = report else {
        tracing::info!(%plan, "somebody else ended the plan, or aborted it");
        return;
    };
    let state = report.state.name();
    metrics::counter!("hallpass_plans_resumed_total", "outcome" => state).increment(1);
    if report.state == PlanState::Done {
        tracing::info!(%plan, changed = report.totals.changed, "a plan is over");
    } else {
        tracing::error!(
            %plan,
            state,
            failed = report.totals.failed,
            "a plan was gone on with and is not as it should be; `hallpass org plan show` tells why"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hallpass_runner::JournalEntry;
    use hallpass_runner_testing::{MemoryPlans, plan_of_one_step};
    use serde_json::Value;

    use super::*;

    /// A plan of one step that was begun.
    async fn begun(plans: &MemoryPlans, id: &str, kind: &str) -> PlanId {
        let made_at = "2026-03-02T10:05:00Z".parse().unwrap();
        let plan = plan_of_one_step(id, kind, ("test", Value::Null), made_at);
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
        assert_eq!(unfinished(&plans, &kinds).await, [wanted, also]);
    }
}
