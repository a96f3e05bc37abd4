//! One intake round: receive, skip duplicates, handle, store outcomes, delete.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use hallpass_base::{Clock, TimeSpan};
use jiff::Timestamp;

use crate::events::envelope::{OrganizationEvent, read_event};
use crate::events::ports::{
    EventHandler, EventMemory, EventMemoryFault, EventQueue, HandledEvent, QueueFault,
    QueuedMessage,
};
use crate::events::record::{EventKey, EventRecord, EventState};

/// Duplicate detection window (`organization.md` I-4).
const REMEMBERED: TimeSpan = TimeSpan::hours(24);
/// SQS's maximum per call.
const MESSAGES_A_CALL: usize = 10;
/// Handled together so that updates share requests.
const EVENTS_A_ROUND: usize = 100;
/// Gathering window after a round's first message (`organization.md` E-9).
const GATHERING: TimeSpan = TimeSpan::seconds(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntakeLimits {
    pub wait: Duration,
    /// Visibility timeout; extended while handling.
    pub hidden: Duration,
    /// Deliveries before an unhandled event is parked.
    pub deliveries_max: u32,
}

impl Default for IntakeLimits {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(20),
            hidden: Duration::from_mins(1),
            deliveries_max: 20,
        }
    }
}

/// An unfinished round. No loss: undeleted messages return.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntakeFault {
    #[error(transparent)]
    Queue(#[from] QueueFault),
    #[error(transparent)]
    Memory(#[from] EventMemoryFault),
}

/// Counts of messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventRound {
    pub received: usize,
    pub handled: usize,
    pub unwanted: usize,
    pub repeated: usize,
    pub parked: usize,
    pub again: Vec<String>,
    /// Age of the oldest event, if known; none for an empty queue.
    pub lag: Option<TimeSpan>,
}

/// Consumes a queue. An event is complete when all its handlers are done.
pub struct EventIntake {
    queue: Arc<dyn EventQueue>,
    memory: Arc<dyn EventMemory>,
    handlers: Vec<Arc<dyn EventHandler>>,
    clock: Arc<dyn Clock>,
    limits: IntakeLimits,
}

impl std::fmt::Debug for EventIntake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventIntake").finish_non_exhaustive()
    }
}

struct Arrival {
    event: Result<OrganizationEvent, String>,
    body: String,
    receipts: Vec<String>,
    deliveries: u32,
}

impl Arrival {
    fn record(&self, key: &EventKey, at: Timestamp, state: EventState) -> EventRecord {
        let (source, detail_type) = match &self.event {
            Ok(event) => (event.source.clone(), event.detail_type.clone()),
            Err(_) => Default::default(),
        };
        EventRecord {
            key: key.clone(),
            source,
            detail_type,
            at,
            state,
        }
    }

    fn parked(&self, key: &EventKey, at: Timestamp, why: String) -> EventRecord {
        self.record(
            key,
            at,
            EventState::Parked {
                why,
                body: self.body.clone(),
            },
        )
    }
}

type Arrivals = BTreeMap<EventKey, Arrival>;

impl EventIntake {
    pub fn new(
        queue: Arc<dyn EventQueue>,
        memory: Arc<dyn EventMemory>,
        handlers: Vec<Arc<dyn EventHandler>>,
        clock: Arc<dyn Clock>,
        limits: IntakeLimits,
    ) -> Self {
        Self {
            queue,
            memory,
            handlers,
            clock,
            limits,
        }
    }

    /// Runs one receive and processes it.
    ///
    /// INVARIANT: a message is deleted only after the outcome of its event is stored.
    ///
    /// # Errors
    /// The queue or the memory failed; undeleted messages return.
    pub async fn round(&self) -> Result<EventRound, IntakeFault> {
        let messages = self.gather().await?;
        let mut round = EventRound {
            received: messages.len(),
            ..EventRound::default()
        };
        if messages.is_empty() {
            return Ok(round);
        }
        let mut arrivals = arrivals(messages);
        let times = arrivals.values();
        let times = times.filter_map(|it| it.event.as_ref().ok()?.time);
        let oldest = times.min();
        round.lag = oldest.map(|at| TimeSpan::between(at, self.clock.now()));
        self.drop_known(&mut arrivals, &mut round).await?;
        let (records, again) = self.outcomes(&arrivals, &mut round).await;
        // CRASH: before this the events are handled again; after it they are duplicates and only
        // deleted
        self.memory.remember(&records).await?;
        let over = records.iter().filter_map(|it| arrivals.get(&it.key));
        self.delete(over.flat_map(|it| &it.receipts)).await?;
        let left: Vec<String> = again
            .iter()
            .filter_map(|key| arrivals.get(key))
            .flat_map(|it| it.receipts.clone())
            .collect();
        if !left.is_empty() {
            // on failure they return later
            let _ = self.queue.hide(&left, self.limits.hidden / 2).await;
        }
        Ok(round)
    }

    pub async fn forget(&self) -> Result<(), EventMemoryFault> {
        self.memory
            .forget(REMEMBERED.before(self.clock.now()))
            .await
    }

    async fn gather(&self) -> Result<Vec<QueuedMessage>, QueueFault> {
        let mut messages = self
            .queue
            .receive(MESSAGES_A_CALL, self.limits.wait, self.limits.hidden)
            .await?;
        let until = GATHERING.after(self.clock.now());
        let mut got = messages.len();
        while got > 0
            && messages.len() + MESSAGES_A_CALL <= EVENTS_A_ROUND
            && self.clock.now() < until
        {
            // an error here must not delay received messages
            let Ok(more) = self
                .queue
                .receive(MESSAGES_A_CALL, Duration::ZERO, self.limits.hidden)
                .await
            else {
                break;
            };
            got = more.len();
            messages.extend(more);
        }
        Ok(messages)
    }

    async fn drop_known(
        &self,
        arrivals: &mut Arrivals,
        round: &mut EventRound,
    ) -> Result<(), IntakeFault> {
        let keys: Vec<EventKey> = arrivals.keys().cloned().collect();
        let since = REMEMBERED.before(self.clock.now());
        let known = self.memory.known(&keys, since).await?;
        let repeated: Vec<Arrival> = known
            .iter()
            .filter_map(|key| arrivals.remove(key))
            .collect();
        let receipts = || repeated.iter().flat_map(|it| &it.receipts);
        round.repeated = receipts().count();
        Ok(self.delete(receipts()).await?)
    }

    async fn outcomes(
        &self,
        arrivals: &Arrivals,
        round: &mut EventRound,
    ) -> (Vec<EventRecord>, BTreeSet<EventKey>) {
        let mut records = Vec::new();
        let mut again = BTreeSet::new();
        let mut lots: Vec<Vec<OrganizationEvent>> =
            self.handlers.iter().map(|_| Vec::new()).collect();
        for (key, arrival) in arrivals {
            match &arrival.event {
                Err(why) => {
                    round.parked += arrival.receipts.len();
                    records.push(arrival.parked(key, self.clock.now(), why.clone()));
                }
                Ok(event) => {
                    let takers = self.handlers.iter().zip(&mut lots);
                    let takers =
                        takers.filter(|(it, _)| it.takes(&event.source, &event.detail_type));
                    let mut taken = false;
                    for (_, lot) in takers {
                        lot.push(event.clone());
                        taken = true;
                    }
                    if !taken {
                        round.unwanted += arrival.receipts.len();
                        let outcome = "no handler takes it".to_owned();
                        records.push(arrival.record(
                            key,
                            self.clock.now(),
                            EventState::Handled { outcome },
                        ));
                    }
                }
            }
        }
        for (key, told) in self.ask(&lots, arrivals).await {
            let Some(arrival) = arrivals.get(&key) else {
                continue;
            };
            match self.settle(arrival, &key, told, round) {
                Some(record) => records.push(record),
                None => drop(again.insert(key)),
            }
        }
        (records, again)
    }

    async fn ask(
        &self,
        lots: &[Vec<OrganizationEvent>],
        arrivals: &Arrivals,
    ) -> BTreeMap<EventKey, HandledEvent> {
        let mut said: BTreeMap<EventKey, HandledEvent> = BTreeMap::new();
        let lots = self.handlers.iter().zip(lots);
        for (handler, lot) in lots.filter(|(_, lot)| !lot.is_empty()) {
            let handled = self.handle(handler.as_ref(), lot, arrivals).await;
            for (place, event) in lot.iter().enumerate() {
                let told = handled.get(place).cloned();
                let told = told.unwrap_or_else(|| {
                    HandledEvent::Again("the handler returned no result for it".to_owned())
                });
                let both = match said.remove(&event.id) {
                    Some(before) => before.and(told),
                    None => told,
                };
                said.insert(event.id.clone(), both);
            }
        }
        said
    }

    fn settle(
        &self,
        arrival: &Arrival,
        key: &EventKey,
        told: HandledEvent,
        round: &mut EventRound,
    ) -> Option<EventRecord> {
        let now = self.clock.now();
        let messages = arrival.receipts.len();
        match told {
            HandledEvent::Done(outcome) => {
                round.handled += messages;
                Some(arrival.record(key, now, EventState::Handled { outcome }))
            }
            HandledEvent::Again(why) if arrival.deliveries < self.limits.deliveries_max => {
                round.again.push(why);
                None
            }
            HandledEvent::Again(why) | HandledEvent::Refused(why) => {
                round.parked += messages;
                Some(arrival.parked(key, now, why))
            }
        }
    }

    async fn handle(
        &self,
        handler: &dyn EventHandler,
        lot: &[OrganizationEvent],
        arrivals: &Arrivals,
    ) -> Vec<HandledEvent> {
        let receipts: Vec<String> = arrivals
            .values()
            .flat_map(|it| it.receipts.clone())
            .collect();
        let mut work = pin!(handler.handle(lot));
        loop {
            let turn = pin!(self.queue.pause(self.limits.hidden / 2));
            match select(work.as_mut(), turn).await {
                Either::Left((told, _)) => return told,
                Either::Right(((), _)) => {
                    // on failure they return as duplicates
                    let _ = self.queue.hide(&receipts, self.limits.hidden).await;
                }
            }
        }
    }

    async fn delete(&self, receipts: impl Iterator<Item = &String>) -> Result<(), QueueFault> {
        let receipts: Vec<String> = receipts.cloned().collect();
        if receipts.is_empty() {
            return Ok(());
        }
        self.queue.delete(&receipts).await
    }
}

/// Groups messages by event.
fn arrivals(messages: Vec<QueuedMessage>) -> Arrivals {
    let mut arrivals = Arrivals::new();
    for message in messages {
        let event = read_event(&message.body).map_err(|error| error.to_string());
        let key = match &event {
            Ok(event) => event.id.clone(),
            Err(_) => EventKey::of_message(&message.id),
        };
        let arrival = arrivals.entry(key).or_insert_with(|| Arrival {
            event,
            body: message.body,
            receipts: Vec::new(),
            deliveries: 0,
        });
        arrival.receipts.push(message.receipt);
        arrival.deliveries = arrival.deliveries.max(message.deliveries);
    }
    arrivals
}
