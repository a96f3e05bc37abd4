//! A lost home Region (`access.md` §22, R-1): state is inherited, and cleared afterwards.

use std::sync::Arc;
use std::time::Duration;

use hallpass_access::{AccessStore, AlarmKind};
use hallpass_app::setup::waiting::rest;
use hallpass_assignments::OutageWatch;
use hallpass_aws::Aws;
use hallpass_base::Timestamp;
use tokio::sync::watch;

/// Probe interval during an outage: it ends within a minute of recovery.
const ASK_EVERY: Duration = Duration::from_secs(30);
/// Probes before an inherited outage continues.
const ASKS: u32 = 3;
const ASK_PAUSE: Duration = Duration::from_secs(1);

async fn told_since(store: &dyn AccessStore) -> Option<Timestamp> {
    match store.alarms().await {
        Ok(alarms) => {
            let mut alarms = alarms.into_iter();
            let lost = alarms.find(|alarm| alarm.alarm == AlarmKind::HomeRegionLost)?;
            Some(lost.since)
        }
        Err(error) => {
            tracing::warn!(%error, "alarms could not be read: the start of the loss is reset");
            None
        }
    }
}

/// Restores the outage start after a restart.
pub(super) async fn resume(silence: &OutageWatch, store: &dyn AccessStore) {
    if let Some(since) = told_since(store).await {
        silence.resume(since);
    }
}

/// Inherits the last leader's outage state and overrides the local one: a follower may have missed
/// its start or end. For an outage, `ask` first probes AWS repeatedly, as one timeout proves
/// nothing; a response ends it.
pub(super) async fn take_over<Asked: Future<Output = ()>>(
    silence: &OutageWatch,
    store: &dyn AccessStore,
    ask: impl Fn() -> Asked,
    stop: &mut watch::Receiver<bool>,
) {
    let told = told_since(store).await;
    silence.begin_anew();
    let Some(since) = told else { return };
    for _ in 0..ASKS {
        ask().await;
        // a refused connection fails immediately; give transient faults a moment
        if silence.is_heard() || !rest(stop, ASK_PAUSE).await {
            return;
        }
    }
    silence.resume(since);
}

/// Probes AWS on every node during an outage: most other calls belong to the leader and wait.
pub(super) async fn ask_while_lost(aws: Arc<Aws>, mut stop: watch::Receiver<bool>) {
    while rest(&mut stop, ASK_EVERY).await {
        aws.ask_center_if_lost().await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use hallpass_access::{Alarm, AlarmState};
    use hallpass_store::MemoryStore;
    use hallpass_store_testing::at;

    use super::*;

    async fn told(state: AlarmState) -> MemoryStore {
        let store = MemoryStore::new();
        let alarm = Alarm {
            alarm: AlarmKind::HomeRegionLost,
            state: AlarmState::Begun,
            since: at(100),
            at: at(160),
            text: "the home Region has not answered.".to_owned(),
        };
        store.note_alarm(alarm.clone()).await.unwrap();
        if state == AlarmState::Over {
            let over = Alarm {
                state,
                at: at(900),
                ..alarm
            };
            store.note_alarm(over).await.unwrap();
        }
        store
    }

    /// A node that got a response at its start; with `is_stale` it lost the Region at 500.
    fn follower(is_stale: bool) -> OutageWatch {
        let watch = OutageWatch::default();
        watch.answered();
        if is_stale {
            for second in [500, 501, 502] {
                watch.unanswered(at(second));
            }
            assert_eq!(watch.lost_since(at(5_000)), Some(at(500)));
        }
        watch
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_begins_to_lead_goes_on_with_the_loss_that_stands_and_with_none_that_is_over()
     {
        let (_goes_on, mut stop) = watch::channel(false);
        let never = MemoryStore::new();
        let (stands, over) = (told(AlarmState::Begun).await, told(AlarmState::Over).await);
        for (store, is_stale, wanted) in [
            (&stands, false, Some(at(100))),
            (&stands, true, Some(at(100))),
            (&over, false, None),
            (&over, true, None),
            (&never, true, None),
        ] {
            let watch = follower(is_stale);
            let ask = async || watch.unanswered(at(4_999));
            take_over(&watch, store, ask, &mut stop).await;
            assert_eq!(watch.lost_since(at(5_000)), wanted, "{is_stale}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_loss_that_stands_is_over_for_the_node_that_hears_an_answer_when_it_begins_to_lead() {
        let (_goes_on, mut stop) = watch::channel(false);
        let stands = told(AlarmState::Begun).await;
        for is_stale in [false, true] {
            for unanswered in 0..ASKS {
                let watch = follower(is_stale);
                let asked = Cell::new(0);
                let ask = async || {
                    if asked.replace(asked.get() + 1) < unanswered {
                        watch.unanswered(at(4_999));
                    } else {
                        watch.answered();
                    }
                };
                take_over(&watch, &stands, ask, &mut stop).await;
                assert_eq!(watch.lost_since(at(5_000)), None, "{is_stale}");
                assert_eq!(asked.get(), unanswered + 1, "an answer is enough");
            }
        }
    }

    #[tokio::test]
    async fn a_start_goes_on_with_the_loss_that_stands() {
        let watch = OutageWatch::default();
        resume(&watch, &told(AlarmState::Begun).await).await;
        assert_eq!(watch.lost_since(at(5_000)), Some(at(100)));
    }
}
