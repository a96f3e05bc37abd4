//! Control Tower's lifecycle events: wakes plans that wait for an account or unit
//! (`organization.md` V-8, N-6). Another process on the same store may run the plan.

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_base::Clock;
use hallpass_findings::events::{EventHandler, HandledEvent, OrganizationEvent};
use hallpass_org::lifecycle::{
    LIFECYCLE_DETAIL_TYPE, LIFECYCLE_SOURCE, LifecycleEvent, LifecycleState, WAITING_KINDS,
    may_wait,
};
use hallpass_plans::{PlanStore, StepId, StepNews, StoreFault, fold};

/// Maximum journals read per kind, newest first, of plans begun within the last hours.
const JOURNALS: usize = 50;
const PLANS_LOOK: u32 = 500;

pub struct LifecycleHandler {
    plans: Arc<dyn PlanStore>,
    news: Arc<dyn StepNews>,
    clock: Arc<dyn Clock>,
}

impl LifecycleHandler {
    pub fn new(plans: Arc<dyn PlanStore>, news: Arc<dyn StepNews>, clock: Arc<dyn Clock>) -> Self {
        Self { plans, news, clock }
    }

    async fn waiting(
        &self,
        event: &LifecycleEvent,
    ) -> Result<(Vec<StepId>, Option<StoreFault>), StoreFault> {
        let (mut found, mut unread) = (Vec::new(), None);
        for kind in WAITING_KINDS {
            let plans = self.plans.plans_of_kind(kind, PLANS_LOOK).await?;
            // skips unreadable ones: their runner reports them
            let may_wait = plans.plans.into_iter().filter(|it| may_wait(&it.plan));
            for saved in may_wait.take(JOURNALS) {
                let stored = match self.plans.journal(&saved.plan.id).await {
                    Ok(stored) => stored,
                    Err(fault) => {
                        tracing::warn!(plan = %saved.plan.id, %fault, "the journal of a plan cannot be read");
                        unread = Some(fault);
                        continue;
                    }
                };
                let Ok(folded) = fold(&stored) else { continue };
                found.extend(event.waiting(&saved.plan, &folded));
            }
        }
        Ok((found, unread))
    }

    async fn tell(&self, event: &LifecycleEvent) -> Result<String, StoreFault> {
        let (steps, unread) = self.waiting(event).await?;
        let word = match event.state {
            LifecycleState::Succeeded => "succeeded",
            LifecycleState::Failed => "failed",
        };
        if steps.is_empty() {
            if let Some(fault) = unread {
                return Err(fault);
            }
            return Ok(format!("{} {word}: no step waits for it", event.name));
        }
        // CRASH: repeated with the event's redelivery; a step then polls once more
        self.news.tell(&steps, self.clock.now()).await?;
        tracing::info!(
            event = event.name,
            steps = steps.len(),
            "waiting steps poll now"
        );
        if let Some(fault) = unread {
            return Err(fault);
        }
        Ok(format!(
            "{} {word}: {} steps poll now",
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

    use hallpass_base::Timestamp;
    use hallpass_plans::JournalEntry;
    use hallpass_plans::testing::{
        Gate, Gated, Hourglass, MemoryPlans, PortMode, plan_of_one_step,
    };
    use serde_json::{Value, json};

    use super::*;

    #[derive(Default)]
    struct StepsReported(Mutex<Vec<StepId>>);

    #[async_trait]
    impl StepNews for StepsReported {
        async fn tell(&self, steps: &[StepId], _: Timestamp) -> Result<(), StoreFault> {
            self.0.lock().unwrap().extend(steps.iter().cloned());
            Ok(())
        }

        async fn told(&self, _: &StepId) -> Result<u64, StoreFault> {
            Ok(0)
        }
    }

    async fn begun(plans: &MemoryPlans, (id, kind): (&str, &str), step: (&str, Value)) -> StepId {
        let made_at = "2026-03-02T10:05:00Z".parse().unwrap();
        let plan = plan_of_one_step(id, kind, step.0, step.1, made_at);
        let step = plan.steps[0].id.clone();
        let journal = [
            JournalEntry::Planned {
                expected: BTreeMap::new(),
            },
            JournalEntry::Accepted {
                step: step.clone(),
                remote: "rec-1".to_owned(),
            },
        ];
        plans.keep(&plan, &journal).await.unwrap();
        step
    }

    #[tokio::test]
    async fn plans_of_other_kinds_hide_none_that_waits() {
        let plans = Arc::new(MemoryPlans::default());
        let wish = json!({
            "product": "AccountLaunch-a", "account": null, "account_name": "a", "email": "a@example.com",
            "unit": "Prod", "sso_email": "s@example.com", "first_name": "A", "last_name": "B",
        });
        let provision = ("factory.provision", wish);
        let waits = begun(&plans, ("vending", "org.vend"), provision).await;
        for n in 0..=PLANS_LOOK {
            let (id, step) = (format!("other {n}"), ("remediate", Value::Null));
            begun(&plans, (&id, "remediate"), step).await;
        }
        for n in 0..=JOURNALS {
            let (id, step) = (format!("made {n}"), ("vending.create", Value::Null));
            begun(&plans, (&id, "org.vend"), step).await;
        }
        let start = "2026-03-02T10:06:00Z".parse().unwrap();
        let told = Arc::new(StepsReported::default());
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

    /// One unreadable journal: the other plan's step is woken, and the event is redelivered.
    #[tokio::test]
    async fn a_journal_that_cannot_be_read_holds_back_no_other_plan() {
        let plans = Arc::new(MemoryPlans::default());
        let wish = json!({
            "product": "AccountLaunch-a", "account": null, "account_name": "a", "email": "a@example.com",
            "unit": "Prod", "sso_email": "s@example.com", "first_name": "A", "last_name": "B",
        });
        let provision = |id| ((id, "org.vend"), ("factory.provision", wish.clone()));
        let (first, second) = (provision("first"), provision("second"));
        let waits = begun(&plans, first.0, first.1).await;
        begun(&plans, second.0, second.1).await;
        let calls_before = 2;
        let gate = Gate::new(Some((calls_before, PortMode::Fail)));
        let told = Arc::new(StepsReported::default());
        let handler = LifecycleHandler::new(
            Arc::new(Gated(plans, gate)),
            Arc::clone(&told) as Arc<dyn StepNews>,
            Arc::new(Hourglass::new("2026-03-02T10:06:00Z".parse().unwrap())),
        );
        let event = LifecycleEvent::read(&json!({
            "eventName": "CreateManagedAccount",
            "serviceEventDetails": { "createManagedAccountStatus": {
                "state": "SUCCEEDED", "account": { "accountName": "a", "accountId": "222222222222" },
            } },
        }));
        let event = event.unwrap();
        handler.tell(&event).await.unwrap_err();
        assert_eq!(*told.0.lock().unwrap(), [waits]);
        handler.tell(&event).await.unwrap();
        assert_eq!(told.0.lock().unwrap().len(), 3, "both, by the next");
    }
}
