//! A queue, memory and handler with injected failures and crashes.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_base::{Clock, Timestamp};
use hallpass_findings::events::{
    EventHandler, EventIntake, EventKey, EventMemory, EventMemoryFault, EventQueue, EventRecord,
    EventState, HandledEvent, IntakeLimits, OrganizationEvent, QueueFault, QueuedMessage,
    read_event,
};
use jiff::SignedDuration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mishap {
    FailBefore,
    FailAfter,
    StopBefore,
    StopAfter,
}

pub(crate) const MISHAPS: [Mishap; 4] = [
    Mishap::FailBefore,
    Mishap::FailAfter,
    Mishap::StopBefore,
    Mishap::StopAfter,
];

#[derive(Clone)]
pub(crate) struct Waiting {
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) visible_at: Timestamp,
    pub(crate) deliveries: u32,
}

pub(crate) struct State {
    pub(crate) queue: Vec<Waiting>,
    pub(crate) memory: BTreeMap<EventKey, EventRecord>,
    pub(crate) now: Timestamp,
    pub(crate) calls: usize,
    pub(crate) mishap: Option<(usize, Mishap)>,
    pub(crate) handled: BTreeMap<String, usize>,
    pub(crate) says: BTreeMap<String, HandledEvent>,
    pub(crate) slow: u32,
    pub(crate) hidden: usize,
}

#[derive(Clone)]
pub(crate) struct World(pub(crate) Arc<Mutex<State>>);

pub(crate) fn body(id: &str, kind: &str) -> String {
    serde_json::json!({ "id": id, "source": "test", "detail-type": kind, "detail": {} }).to_string()
}

impl World {
    pub(crate) fn new(bodies: &[(&str, String)]) -> Self {
        let now: Timestamp = "2026-03-02T10:05:00Z".parse().unwrap();
        let queue = bodies.iter().map(|(id, body)| Waiting {
            id: (*id).to_owned(),
            body: body.clone(),
            visible_at: now,
            deliveries: 0,
        });
        Self(Arc::new(Mutex::new(State {
            queue: queue.collect(),
            memory: BTreeMap::new(),
            now,
            calls: 0,
            mishap: None,
            handled: BTreeMap::new(),
            says: BTreeMap::new(),
            slow: 0,
            hidden: 0,
        })))
    }

    pub(crate) fn intake(&self, deliveries_max: u32) -> EventIntake {
        let limits = IntakeLimits {
            deliveries_max,
            ..IntakeLimits::default()
        };
        let all = Arc::new(self.clone());
        EventIntake::new(all.clone(), all.clone(), vec![all.clone()], all, limits)
    }

    pub(crate) fn pass(&self, seconds: i64) {
        let mut state = self.0.lock().unwrap();
        state.now += SignedDuration::from_secs(seconds);
    }

    async fn gate<T>(&self, effect: impl FnOnce(&mut State) -> T) -> Result<T, String> {
        let mishap = {
            let mut state = self.0.lock().unwrap();
            state.calls += 1;
            let calls = state.calls;
            state
                .mishap
                .filter(|(at, _)| *at == calls)
                .map(|(_, mishap)| mishap)
        };
        let before = matches!(mishap, Some(Mishap::FailBefore | Mishap::StopBefore));
        let done = (!before).then(|| effect(&mut self.0.lock().unwrap()));
        match (mishap, done) {
            (None, Some(done)) => Ok(done),
            (Some(Mishap::StopBefore | Mishap::StopAfter), _) => pending().await,
            _ => Err("no answer".to_owned()),
        }
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap().now
    }
}

fn receipt_of(it: &Waiting) -> String {
    format!("{}/{}", it.id, it.deliveries)
}

#[async_trait]
impl EventQueue for World {
    async fn receive(
        &self,
        most: usize,
        _: Duration,
        hidden: Duration,
    ) -> Result<Vec<QueuedMessage>, QueueFault> {
        let effect = |state: &mut State| {
            let now = state.now;
            let until = now + SignedDuration::try_from(hidden).unwrap();
            // reversed: a queue has no order
            let visible = state
                .queue
                .iter_mut()
                .rev()
                .filter(|it| it.visible_at <= now)
                .take(most);
            let got = visible.map(|it| {
                it.visible_at = until;
                it.deliveries += 1;
                QueuedMessage {
                    id: it.id.clone(),
                    receipt: receipt_of(it),
                    body: it.body.clone(),
                    deliveries: it.deliveries,
                }
            });
            got.collect()
        };
        self.gate(effect).await.map_err(QueueFault)
    }

    async fn delete(&self, receipts: &[String]) -> Result<(), QueueFault> {
        let effect = |state: &mut State| {
            for gone in state
                .queue
                .iter()
                .filter(|it| receipts.contains(&receipt_of(it)))
            {
                let key = match read_event(&gone.body) {
                    Ok(event) => event.id,
                    Err(_) => EventKey::of_message(&gone.id),
                };
                assert!(
                    state.memory.contains_key(&key),
                    "{key} is deleted before its outcome is stored"
                );
            }
            state.queue.retain(|it| !receipts.contains(&receipt_of(it)));
        };
        self.gate(effect).await.map_err(QueueFault)
    }

    async fn hide(&self, receipts: &[String], long: Duration) -> Result<(), QueueFault> {
        let effect = |state: &mut State| {
            state.hidden += 1;
            let until = state.now + SignedDuration::try_from(long).unwrap();
            for it in state
                .queue
                .iter_mut()
                .filter(|it| receipts.contains(&receipt_of(it)))
            {
                it.visible_at = until;
            }
        };
        self.gate(effect).await.map_err(QueueFault)
    }

    async fn pause(&self, _: Duration) {
        let slow = {
            let mut state = self.0.lock().unwrap();
            let slow = state.slow;
            state.slow = slow.saturating_sub(1);
            slow
        };
        if slow == 0 {
            pending::<()>().await;
        }
    }
}

#[async_trait]
impl EventMemory for World {
    async fn known(
        &self,
        keys: &[EventKey],
        since: Timestamp,
    ) -> Result<BTreeSet<EventKey>, EventMemoryFault> {
        let effect = |state: &mut State| {
            let counts = |record: &EventRecord| match record.state {
                EventState::Handled { .. } => record.at >= since,
                EventState::Parked { .. } => true,
                EventState::Replayed { .. } => false,
            };
            let found = keys
                .iter()
                .filter(|key| state.memory.get(*key).is_some_and(counts));
            found.cloned().collect()
        };
        self.gate(effect).await.map_err(EventMemoryFault)
    }

    async fn remember(&self, records: &[EventRecord]) -> Result<(), EventMemoryFault> {
        let effect = |state: &mut State| {
            for record in records {
                state.memory.insert(record.key.clone(), record.clone());
            }
        };
        self.gate(effect).await.map_err(EventMemoryFault)
    }

    async fn forget(&self, before: Timestamp) -> Result<(), EventMemoryFault> {
        let effect = |state: &mut State| {
            state
                .memory
                .retain(|_, it| it.parked().is_some() || it.at >= before);
        };
        self.gate(effect).await.map_err(EventMemoryFault)
    }

    async fn parked(&self, _: usize) -> Result<Vec<EventRecord>, EventMemoryFault> {
        let effect = |state: &mut State| {
            state
                .memory
                .values()
                .filter(|it| it.parked().is_some())
                .cloned()
                .collect()
        };
        self.gate(effect).await.map_err(EventMemoryFault)
    }
}

#[async_trait]
impl EventHandler for World {
    fn takes(&self, source: &str, detail_type: &str) -> bool {
        source == "test" && detail_type != "unwanted"
    }

    async fn handle(&self, events: &[OrganizationEvent]) -> Vec<HandledEvent> {
        loop {
            let turns = self.0.lock().unwrap().slow;
            if turns == 0 {
                break;
            }
            YieldOnce(false).await;
        }
        let effect = |state: &mut State| {
            let told = events.iter().map(|event| {
                *state.handled.entry(event.id.to_string()).or_default() += 1;
                let said = state.says.get(&event.detail_type).cloned();
                said.unwrap_or_else(|| HandledEvent::Done("done".to_owned()))
            });
            told.collect::<Vec<_>>()
        };
        let all = events
            .iter()
            .map(|_| HandledEvent::Again("no answer".to_owned()));
        self.gate(effect).await.unwrap_or_else(|_| all.collect())
    }
}

struct YieldOnce(bool);

impl Future for YieldOnce {
    type Output = ();

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    }
}
