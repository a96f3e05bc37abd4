//! What Control Tower tells when it is done with an account or a unit: plans that wait for it ask at once
//! (`organization.md` V-8, N-6). Whoever runs the plan may be another process on the same store.

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_events::{EventHandler, HandledEvent, OrganizationEvent};
use hallpass_model::Clock;
use hallpass_org::StepNews;
use hallpass_org::lifecycle::{
    LIFECYCLE_DETAIL_TYPE, LIFECYCLE_SOURCE, LifecycleEvent, LifecycleState,
};
use hallpass_runner::{PlanStore, StepId, StoreFault, fold};

/// Plans that are looked at, the newest first: those that wait were begun within the last hours.
const PLANS_LOOK: u32 = 50;

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
        for saved in self.plans.plans(PLANS_LOOK).await? {
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
