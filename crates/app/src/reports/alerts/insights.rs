//! DevOps Guru insights: alerts when they begin and end (`organization.md` D-9).

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_alerts::{
    AlertRuleIdError, AlertSeverity, AlertStore, AlertWrite, HappeningRule, HappeningTurn, stood,
};
use hallpass_base::Clock;
use hallpass_findings::events::{EventHandler, HandledEvent, OrganizationEvent};
use hallpass_org::insights::{INSIGHT_SOURCE, InsightSeverity, InsightTurn, ReportedInsight};

use super::happening::HappeningTeller;

const INSIGHTS: &str = "devops-guru/insights";

#[async_trait]
pub trait AccountNames: Send + Sync {
    async fn name_of(&self, account: &str) -> Option<String>;
}

pub struct InsightHandler {
    least: InsightSeverity,
    names: Arc<dyn AccountNames>,
    teller: HappeningTeller,
}

impl InsightHandler {
    pub fn new(
        least: InsightSeverity,
        names: Arc<dyn AccountNames>,
        store: Arc<dyn AlertStore>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AlertRuleIdError> {
        let rule = HappeningRule {
            id: INSIGHTS.parse()?,
            severity: AlertSeverity::Medium,
            key: ReportedInsight::KEY.map(str::to_owned).to_vec(),
            message: ReportedInsight::MESSAGE.to_owned(),
            mail_to: Vec::new(),
        };
        let teller = HappeningTeller { rule, store, clock };
        Ok(Self {
            least,
            names,
            teller,
        })
    }

    async fn tell(&self, found: &ReportedInsight) -> HandledEvent {
        // insights of unknown severity are reported
        let is_small = found.severity.is_some_and(|it| it < self.least);
        let turn = match found.turn {
            // records an unreported end too: its beginning may arrive later
            InsightTurn::Closed => HappeningTurn::Ended,
            InsightTurn::Opened | InsightTurn::Upgraded if is_small => {
                return HandledEvent::Done("it is not urgent enough to report".to_owned());
            }
            InsightTurn::Opened => HappeningTurn::Began,
            InsightTurn::Upgraded => HappeningTurn::Worse,
        };
        let rule = HappeningRule {
            severity: match found.severity {
                Some(InsightSeverity::Low) => AlertSeverity::Low,
                Some(InsightSeverity::High) => AlertSeverity::High,
                Some(InsightSeverity::Medium) | None => AlertSeverity::Medium,
            },
            ..self.teller.rule.clone()
        };
        let name = self.names.name_of(&found.account).await;
        let row = found.row(name.as_deref().unwrap_or_default());
        let now = self.teller.clock.now();
        let step = |state| stood(&rule, state, &row, turn, now);
        let done = |write: &AlertWrite| match write.message {
            Some(_) => "it is told",
            None => "it is noted",
        };
        self.teller.write(step, done).await
    }
}

#[async_trait]
impl EventHandler for InsightHandler {
    fn takes(&self, source: &str, _detail_type: &str) -> bool {
        source == INSIGHT_SOURCE
    }

    async fn handle(&self, events: &[OrganizationEvent]) -> Vec<HandledEvent> {
        // the queue does not keep order, and an early end would hide its beginning
        let mut in_time: Vec<(usize, &OrganizationEvent)> = events.iter().enumerate().collect();
        in_time.sort_by_key(|(_, event)| event.time);
        let mut handled = Vec::with_capacity(events.len());
        for (place, event) in in_time {
            let outcome = match ReportedInsight::read(&event.detail_type, &event.detail) {
                Ok(Some(found)) => self.tell(&found).await,
                Ok(None) => HandledEvent::Done("it is about no insight".to_owned()),
                Err(why) => HandledEvent::Refused(why),
            };
            handled.push((place, outcome));
        }
        handled.sort_by_key(|(place, _)| *place);
        handled.into_iter().map(|(_, outcome)| outcome).collect()
    }
}

#[cfg(test)]
mod tests {
    use hallpass_access::{AccessStore as _, Message};
    use hallpass_alerts::AlertNews;
    use hallpass_findings::events::read_event;
    use hallpass_store::MemoryStore;
    use hallpass_store_testing::at;

    use super::*;
    use hallpass_base::clock::SystemClock;

    const EVENT: &str =
        include_str!("../../../../../docs/spec/fixtures/org-devopsguru-insight-open.json");

    struct OneName;

    #[async_trait]
    impl AccountNames for OneName {
        async fn name_of(&self, _: &str) -> Option<String> {
            Some("shop".to_owned())
        }
    }

    #[tokio::test]
    async fn an_insight_is_told_when_it_begins_and_when_it_is_over_however_often_both_come() {
        let store = Arc::new(MemoryStore::new());
        store.open_channel("mail", at(0)).await.unwrap();
        let clock = Arc::new(SystemClock);
        let least = InsightSeverity::Medium;
        let names = Arc::new(OneName);
        let handler = InsightHandler::new(least, names, store.clone(), clock).unwrap();
        let open = read_event(EVENT).unwrap();
        assert!(handler.takes(&open.source, &open.detail_type));
        let closed = OrganizationEvent {
            detail_type: "DevOps Guru Insight Closed".to_owned(),
            ..open.clone()
        };
        let mut small = open.clone();
        small.detail["insightId"] = "small".into();
        small.detail["insightSeverity"] = "low".into();
        let events = [
            open.clone(),
            open.clone(),
            small,
            closed.clone(),
            open,
            closed,
        ];
        let outcomes = handler.handle(&events).await;
        assert!(
            outcomes
                .iter()
                .all(|it| matches!(it, HandledEvent::Done(_))),
            "{outcomes:?}"
        );
        let later = hallpass_base::Timestamp::MAX;
        let taken = store.take_notices("mail", later, later, 9).await.unwrap();
        let told: Vec<_> = taken
            .into_iter()
            .map(|it| match it.message {
                Message::Alert(alert) => match alert.news {
                    AlertNews::Rows(news) => (news.new.count, news.recovered.count),
                    other @ AlertNews::Blocked { .. } => panic!("{other:?}"),
                },
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(told, [(1, 0), (0, 1)]);
    }
}
