//! What Control Tower tells when it is done with an account or a unit: plans that wait for it ask at once
//! (`organization.md` V-8, N-6). Whoever runs the plan may be another process on the same store.

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_events::{EventHandler, HandledEvent, OrganizationEvent};
use hallpass_model::Clock;
use hallpass_org::lifecycle::{
    LIFECYCLE_DETAIL_TYPE, LIFECYCLE_SOURCE, LifecycleEvent, LifecycleState, may_wait,
};
use hallpass_org::{PLANS_LOOK, StepNews};
use hallpass_runner::{PlanStore, StepId, StoreFault, fold};

/// Plans whose journal is read, the newest first, of those that may wait: they were begun within the last hours.
const JOURNALS: usize = 50;

/// Tells plans of lifecycle events.
pub struct LifecycleHandler {
    plans: Arc<dyn PlanStore>,
    news: Arc<dyn StepNews>,
    clock: Arc<dyn Clock>,
}

impl LifecycleHandler {
    /// A handler over the store that plans are in.
    pub fn new(plans: Arc<dyn PlanStore>, news: Arc<dyn StepNews>, clock: Arc<dyn Clock>) -> Self {
        Self { plans, news, clock }
    }

    /// Steps that wait for what the event is about.
    async fn waiting(&self, event: &LifecycleEvent) -> Result<Vec<StepId>, StoreFault> {
        let mut found = Vec::new();
        let plans = self.plans.plans(PLANS_LOOK).await?.into_iter();
        for saved in plans.filter(|it| may_wait(&it.plan)).take(JOURNALS) {
            let stored = self.plans.journal(&saved.plan.id).await?;
            // a journal that cannot be read is told of by whoever runs its plan
            let Ok(folded) = fold(&stored) else { continue };
            found.extend(event.waiting(&saved.plan, &folded));
        }
        Ok(found)
    }

    async fn tell(&self, event: &LifecycleEvent) -> Result<String, StoreFault> {
        let steps = self.waiting(event).await?;
        let word = match event.state {
            LifecycleState::Succeeded => "succeeded",
            LifecycleState::Failed => "failed",
        };
        if steps.is_empty() {
            return Ok(format!("{} {word}: no step waits for it", event.name));
        }
        // CRASH: told again when the event comes again; a step then asks once more
        self.news.tell(&steps, self.clock.now()).await?;
        tracing::info!(
            event = event.name,
            steps = steps.len(),
            "steps that wait ask now"
        );
        Ok(format!(
            "{} {word}: {} steps ask now",
            event.name,
            steps.len()
        ))
    }
}

#[async_trait]
impl EventHandler for LifecycleHandler {
    fn takes(&self, source: &str, detail_type: &str) -> bool {
        source == LIFECYCLE_SOURCE && detail_type == LIFECYCLE_DETAIL_TYPE
    }

    async fn handle(&self, events: &[OrganizationEvent]) -> Vec<HandledEvent> {
        let mut handled = Vec::with_capacity(events.len());
        for event in events {
            handled.push(match LifecycleEvent::read(&event.detail) {
                None => HandledEvent::Done("nothing waits for such events".to_owned()),
                Some(found) => match self.tell(&found).await {
                    Ok(words) => HandledEvent::Done(words),
                    Err(fault) => HandledEvent::Again(fault.to_string()),
                },
            });
        }
        handled
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use hallpass_model::Timestamp;
    use hallpass_runner::{
        JournalAddition, JournalEntry, Lane, Plan, PlanDraft, PlanId, PlanLimits, PlanStep,
        StepTarget,
    };
    use hallpass_runner_testing::{Hourglass, MemoryPlans};
    use serde_json::{Value, json};

    use super::*;

    #[derive(Default)]
    struct StepsTold(Mutex<Vec<StepId>>);

    #[async_trait]
    impl StepNews for StepsTold {
        async fn tell(&self, steps: &[StepId], _: Timestamp) -> Result<(), StoreFault> {
            self.0.lock().unwrap().extend(steps.iter().cloned());
            Ok(())
        }

        async fn told(&self, _: &StepId) -> Result<u64, StoreFault> {
            Ok(0)
        }
    }

    /// A plan with one step that AWS has taken on.
    async fn begun(plans: &MemoryPlans, id: &str, kind: &str, desired: Value) -> StepId {
        let at: Timestamp = "2026-03-02T10:05:00Z".parse().unwrap();
        let target = StepTarget::global("111111111111", id);
        let (mut draft, lane) = (PlanDraft::new(kind, "o", PlanLimits::USUAL), Lane::usual());
        let step = draft.step(target.clone(), kind, desired.clone(), lane.clone(), &[]);
        let plan = Plan {
            id: PlanId::named(id),
            kind: kind.to_owned(),
            organization: "o".to_owned(),
            generation: 0,
            round: 0,
            before: None,
            steps: vec![PlanStep {
                id: step.clone(),
                target,
                kind: kind.to_owned(),
                desired,
                lane,
                after: Vec::new(),
                token: String::new(),
                timeout: hallpass_runner::LANE_LEASE,
            }],
            facts: Value::Null,
            limits: PlanLimits::USUAL,
            expected: BTreeMap::new(),
            takes_back: BTreeMap::new(),
            account_names: BTreeMap::new(),
            made_at: at,
            made_by: "ana".to_owned(),
        };
        plans.save_plan(&plan).await.unwrap();
        for entry in [
            JournalEntry::Planned {
                expected: BTreeMap::new(),
            },
            JournalEntry::Accepted {
                step: step.clone(),
                remote: "rec-1".to_owned(),
            },
        ] {
            let added = JournalAddition {
                at,
                entry: &entry,
                change: None,
            };
            plans.append(&plan.id, added).await.unwrap();
        }
        step
    }

    #[tokio::test]
    async fn plans_of_other_kinds_hide_none_that_waits() {
        let plans = Arc::new(MemoryPlans::default());
        let wish = json!({
            "product": "AccountLaunch-a", "account": null, "account_name": "a", "email": "a@example.com",
            "unit": "Prod", "sso_email": "s@example.com", "first_name": "A", "last_name": "B",
        });
        let waits = begun(&plans, "vending", "factory.provision", wish).await;
        for n in 0..=JOURNALS {
            begun(&plans, &format!("other {n}"), "remediate", Value::Null).await;
        }
        let start = "2026-03-02T10:06:00Z".parse().unwrap();
        let told = Arc::new(StepsTold::default());
        let handler = LifecycleHandler::new(
            plans,
            Arc::clone(&told) as Arc<dyn StepNews>,
            Arc::new(Hourglass::new(start)),
        );
        let event = LifecycleEvent::read(&json!({
            "eventName": "CreateManagedAccount",
            "serviceEventDetails": { "createManagedAccountStatus": {
                "state": "SUCCEEDED", "account": { "accountName": "a", "accountId": "222222222222" },
            } },
        }));
        handler.tell(&event.unwrap()).await.unwrap();
        assert_eq!(*told.0.lock().unwrap(), [waits]);
    }
}
