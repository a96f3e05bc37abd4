//! Reports alarms through notification channels: once at the start, once at the end. Stored, so
//! that a restart neither repeats nor forgets them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hallpass_access::{AccessStore, Alarm, AlarmKind, AlarmState};
use hallpass_app::setup::waiting::rest;
use hallpass_base::{Clock, TimeSpan, Timestamp};
use hallpass_channels::wording::alarm;
use hallpass_server::{ReadinessProbe, ServerStatus};
use tokio::sync::watch;
use tokio::time::Instant;

const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Healthy time before an alarm ends: flapping is one alarm.
const WELL_FOR: Duration = Duration::from_mins(1);

/// One source per possible alarm kind.
#[derive(Clone)]
pub(super) struct Watched {
    pub(super) probes: Vec<(AlarmKind, Arc<dyn ReadinessProbe>)>,
    pub(super) desk: Arc<ServerStatus>,
    pub(super) exports: bool,
    pub(super) store: Arc<dyn AccessStore>,
    pub(super) clock: Arc<dyn Clock>,
}

/// Start of a kind's state, by the monotonic clock: the wall clock may be the fault.
#[derive(Clone, Copy)]
struct AlarmsSeen {
    is_wrong: bool,
    since: Instant,
}

pub(super) async fn watch(watched: Watched, mut stop: watch::Receiver<bool>) {
    let mut seen: BTreeMap<AlarmKind, AlarmsSeen> = BTreeMap::new();
    loop {
        if let Err(error) = watched.look(&mut seen).await {
            tracing::warn!(error = %error, "alarms could not be noted; they are next time");
        }
        if !rest(&mut stop, LOOK_EVERY).await {
            return;
        }
    }
}

impl Watched {
    async fn causes(&self) -> BTreeMap<AlarmKind, Option<String>> {
        let mut causes = BTreeMap::new();
        for (kind, probe) in &self.probes {
            causes.insert(*kind, probe.probe().await.works.err());
        }
        if self.exports {
            let exports = self.desk.exports();
            let words = |state: Option<(Timestamp, String)>| state.map(|(_, why)| why);
            causes.insert(AlarmKind::AuditNotExported, words(exports.failing));
            causes.insert(AlarmKind::HeadNotPublished, words(exports.headless));
        }
        causes
    }

    fn since(&self, kind: AlarmKind) -> Option<Timestamp> {
        let mut probes = self.probes.iter();
        let (_, probe) = probes.find(|(of, _)| *of == kind)?;
        probe.since()
    }

    async fn look(
        &self,
        seen: &mut BTreeMap<AlarmKind, AlarmsSeen>,
    ) -> Result<(), hallpass_access::ReadError> {
        let standing: BTreeMap<AlarmKind, Alarm> = self
            .store
            .alarms()
            .await?
            .into_iter()
            .map(|alarm| (alarm.alarm, alarm))
            .collect();
        let (causes, at) = (self.causes().await, self.clock.now());
        for kind in AlarmKind::ALL {
            // a kind without a source, e.g. of a removed guard
            let cause = causes.get(&kind).cloned().flatten();
            let steady = steady(seen, kind, cause.is_some());
            let stands = standing.get(&kind);
            gauge(kind, stands.is_some());
            let change = match (cause, stands) {
                (Some(why), None) if steady >= wait(kind) => {
                    let seen = || TimeSpan::seconds(steady.as_secs()).before(at);
                    begun(kind, self.since(kind).unwrap_or_else(seen), at, &why)
                }
                (None, Some(alarm)) if steady >= WELL_FOR => over(alarm, at),
                (Some(_) | None, _) => continue,
            };
            if self.store.note_alarm(change.clone()).await? {
                cry(&change);
                gauge(kind, change.state == AlarmState::Begun);
            }
        }
        Ok(())
    }
}

fn steady(seen: &mut BTreeMap<AlarmKind, AlarmsSeen>, kind: AlarmKind, is_wrong: bool) -> Duration {
    let now = Instant::now();
    let found = seen.entry(kind).or_insert(AlarmsSeen {
        is_wrong,
        since: now,
    });
    if found.is_wrong != is_wrong {
        *found = AlarmsSeen {
            is_wrong,
            since: now,
        };
    }
    found.since.elapsed()
}

fn wait(kind: AlarmKind) -> Duration {
    Duration::from_secs(kind.patience().as_seconds())
}

fn begun(kind: AlarmKind, since: Timestamp, at: Timestamp, why: &str) -> Alarm {
    Alarm {
        alarm: kind,
        state: AlarmState::Begun,
        since,
        at,
        text: alarm::begun(why),
    }
}

fn over(told: &Alarm, at: Timestamp) -> Alarm {
    let lasted = TimeSpan::between(told.since, at);
    Alarm {
        state: AlarmState::Over,
        at,
        text: alarm::over(lasted, &told.text),
        ..told.clone()
    }
}

/// Clears alarm metrics: the next leader shows them.
pub(super) fn quiet() {
    for kind in AlarmKind::ALL {
        gauge(kind, false);
    }
}

fn gauge(kind: AlarmKind, stands: bool) {
    metrics::gauge!("hallpass_alarm", "alarm" => kind.name()).set(if stands { 1.0 } else { 0.0 });
}

fn cry(alarm: &Alarm) {
    let (kind, text) = (alarm.alarm.name(), &alarm.text);
    match alarm.state {
        AlarmState::Begun => {
            tracing::error!(
                alarm = kind,
                runbook = alarm.alarm.runbook(),
                "alarm: {text}"
            );
        }
        AlarmState::Over => tracing::warn!(alarm = kind, "an alarm is over: {text}"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use hallpass_access::Message;
    use hallpass_server::ProbeResult;
    use hallpass_store::MemoryStore;
    use hallpass_store_testing::at;

    use super::*;

    #[derive(Clone, Default)]
    struct Wrong(Arc<Mutex<Option<String>>>, Option<Timestamp>);

    #[async_trait]
    impl ReadinessProbe for Wrong {
        async fn probe(&self) -> ProbeResult {
            let cause = self.0.lock().unwrap().clone();
            ProbeResult {
                name: "x",
                works: cause.map_or(Ok(String::new()), Err),
            }
        }

        fn since(&self) -> Option<Timestamp> {
            self.1
        }
    }

    struct Hands(Instant);

    impl Clock for Hands {
        fn now(&self) -> Timestamp {
            TimeSpan::seconds(self.0.elapsed().as_secs()).after(at(1_000))
        }
    }

    struct AlarmWorld {
        store: MemoryStore,
        wrong: Wrong,
        desk: Arc<ServerStatus>,
        watched: Watched,
        seen: BTreeMap<AlarmKind, AlarmsSeen>,
    }

    impl AlarmWorld {
        async fn new(kind: AlarmKind) -> Self {
            let (store, wrong, desk) = (MemoryStore::new(), Wrong::default(), Arc::default());
            store.open_channel("mail", at(0)).await.unwrap();
            let watched = Watched {
                probes: vec![(kind, Arc::new(wrong.clone()))],
                desk: Arc::clone(&desk),
                exports: true,
                store: Arc::new(store.clone()),
                clock: Arc::new(Hands(Instant::now())),
            };
            Self {
                store,
                wrong,
                desk,
                watched,
                seen: BTreeMap::new(),
            }
        }

        fn set(&self, cause: Option<&str>) {
            *self.wrong.0.lock().unwrap() = cause.map(str::to_owned);
        }

        async fn pass(&mut self, seconds: u64) {
            for _ in 0..seconds.div_ceil(2) {
                self.watched.look(&mut self.seen).await.unwrap();
                tokio::time::sleep(LOOK_EVERY).await;
            }
            self.watched.look(&mut self.seen).await.unwrap();
        }

        fn restart(&mut self) {
            self.seen.clear();
        }

        async fn told(&self) -> Vec<(AlarmKind, AlarmState)> {
            let taken = self.store.take_notices("mail", at(9_000), at(9_000), 99);
            let taken = taken.await.unwrap();
            let kinds = taken.into_iter().map(|waiting| match waiting.message {
                Message::Alarm(alarm) => (alarm.alarm, alarm.state),
                Message::Notice(_) | Message::Digest(_) | Message::Alert(_) => {
                    panic!("only alarms")
                }
            });
            kinds.collect()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_alarm_is_told_once_when_it_begins_and_once_when_it_is_over_also_over_restarts() {
        use AlarmState::{Begun, Over};
        let kind = AlarmKind::ClocksDisagree;
        let mut world = AlarmWorld::new(kind).await;
        world.pass(10).await;
        assert_eq!(world.told().await, []);
        world.set(Some("the server's clock is 15m behind AWS's"));
        world.pass(4).await;
        assert_eq!(world.told().await, [(kind, Begun)]);
        for _ in 0..3 {
            world.restart();
            world.pass(120).await;
        }
        let standing = world.store.alarms().await.unwrap();
        assert_eq!(standing[0].text, "the server's clock is 15m behind AWS's.");
        world.set(None);
        world.pass(50).await;
        world.restart();
        world.pass(50).await;
        assert_eq!(
            world.told().await,
            [(kind, Begun)],
            "well for a minute at a stretch"
        );
        world.pass(20).await;
        assert_eq!(world.told().await, [(kind, Begun), (kind, Over)]);
        world.pass(300).await;
        assert_eq!(world.told().await.len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_alarm_begins_when_what_is_watched_says_that_it_began() {
        let kind = AlarmKind::HomeRegionLost;
        let mut world = AlarmWorld::new(kind).await;
        let wrong = Wrong(Arc::clone(&world.wrong.0), Some(at(940)));
        world.watched.probes = vec![(kind, Arc::new(wrong))];
        world.set(Some("the home Region has not answered"));
        world.pass(10).await;
        let standing = world.store.alarms().await.unwrap();
        assert_eq!(standing[0].since, at(940));
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_and_goes_is_one_alarm_and_what_passes_is_none() {
        let kind = AlarmKind::Guard;
        let mut world = AlarmWorld::new(kind).await;
        for _ in 0..5 {
            world.set(Some("no guard has ever reported"));
            world.pass(100).await;
            world.set(None);
            world.pass(10).await;
        }
        assert_eq!(world.told().await, [], "it waits for two minutes");
        world.set(Some("`g` last reported 11m ago"));
        world.pass(130).await;
        for _ in 0..5 {
            world.set(None);
            world.pass(30).await;
            world.set(Some("2 ends are overdue"));
            world.pass(130).await;
        }
        assert_eq!(world.told().await, [(kind, AlarmState::Begun)]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_export_that_fails_and_heads_that_are_not_published_are_alarms() {
        let mut world = AlarmWorld::new(AlarmKind::ClocksDisagree).await;
        world.desk.export_failed(at(1_000), "no such bucket");
        world.desk.head_failed(at(1_000), "the key is disabled");
        world.pass(130).await;
        let standing = world.store.alarms().await.unwrap();
        let texts: Vec<&str> = standing.iter().map(|alarm| alarm.text.as_str()).collect();
        assert_eq!(texts, ["no such bucket.", "the key is disabled."]);
        assert_eq!(standing[0].since, at(1_000));
        world.desk.exported();
        world.pass(70).await;
        assert_eq!(world.store.alarms().await.unwrap().len(), 1);
    }
}
