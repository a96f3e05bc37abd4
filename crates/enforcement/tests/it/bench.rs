use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hallpass_base::{Clock, TimeSpan, Timestamp};
use hallpass_enforcement::testing::FakeOrganization;
use hallpass_enforcement::{NewPolicy, Organization};
use hallpass_plans::testing::{Hourglass, MemoryPlans};

pub(crate) const START: &str = "2026-03-02T10:05:00Z";

pub(crate) struct Bench {
    pub(crate) clock: Arc<Hourglass>,
    pub(crate) organization: Arc<FakeOrganization>,
    pub(crate) plans: Arc<MemoryPlans>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(Hourglass::new(START.parse().unwrap()));
        Self {
            organization: Arc::new(FakeOrganization::new(Arc::clone(&clock) as Arc<_>)),
            clock,
            plans: Arc::default(),
        }
    }

    pub(crate) async fn take_places(&self, target: &str, count: u32) {
        for n in 0..count {
            let policy = NewPolicy {
                name: format!("other {n}"),
                description: String::new(),
                content: "{}".into(),
                tags: BTreeMap::new(),
            };
            let id = self.organization.create_policy(&policy).await.unwrap();
            self.organization.attach(&id, target).await.unwrap();
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn wait(&self, span: TimeSpan) {
        self.clock.advance(Duration::from_secs(span.as_seconds()));
    }
}
