//! What this process knows of a lost home Region (`access.md` §22, R-1): taken over from who knew it before, and forgotten once it is over.

use std::sync::Arc;
use std::time::Duration;

use hallpass_access::{AccessStore, AlarmKind};
use hallpass_app::setup::waiting::rest;
use hallpass_assignments::SilenceWatch;
use hallpass_aws::Aws;
use hallpass_base::Timestamp;
use tokio::sync::watch;

/// How often a Region that is lost is asked whether it answers again: what is told of the loss is over within a minute.
const ASK_EVERY: Duration = Duration::from_secs(30);
/// How often it is asked before a loss that another node told of goes on.
const ASKS: u32 = 3;
const ASK_PAUSE: Duration = Duration::from_secs(1);

/// Since when it is lost, as whoever led last told of it.
async fn told_since(store: &dyn AccessStore) -> Option<Timestamp> {
    match store.alarms().await {
        Ok(alarms) => {
            let mut alarms = alarms.into_iter();
            let lost = alarms.find(|alarm| alarm.alarm == AlarmKind::HomeRegionLost)?;
            Some(lost.since)
        }
        Err(error) => {
            tracing::warn!(%error, "alarms could not be read: a loss begins anew");
            None
        }
    }
}

/// Goes on with a loss that the process before told of, so that a start does not begin to count anew.
pub(super) async fn resume(silence: &SilenceWatch, store: &dyn AccessStore) {
    if let Some(since) = told_since(store).await {
        silence.resume(since);
    }
}

/// Goes on with what the node that led before told of, whatever was counted here: a node that followed may not have noticed that a
/// loss began, or that it is over. Where one is told of, `ask` gives AWS the first word, which ends it: more than once, as one
/// question without an answer says nothing.
pub(super) async fn take_over<Asked: Future<Output = ()>>(
    silence: &SilenceWatch,
    store: &dyn AccessStore,
    ask: impl Fn() -> Asked,
    stop: &mut watch::Receiver<bool>,
) {
    let told = told_since(store).await;
    silence.begin_anew();
    let Some(since) = told else { return };
    for _ in 0..ASKS {
        ask().await;
        // a connection that is refused is over at once: what passes by itself has a moment
        if silence.is_heard() || !rest(stop, ASK_PAUSE).await {
            return;
        }
    }
    silence.resume(since);
}

/// Asks while it is lost, on every node: most of what asks AWS is the work of the one that leads, and waits while it is lost.
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

    /// A node that was answered when it started, and lost the Region at 500 by itself where `is_stale`.
    fn follower(is_stale: bool) -> SilenceWatch {
        let watch = SilenceWatch::default();
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
        // of a server that goes on
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
        let watch = SilenceWatch::default();
        resume(&watch, &told(AlarmState::Begun).await).await;
        assert_eq!(watch.lost_since(at(5_000)), Some(at(100)));
    }
}
