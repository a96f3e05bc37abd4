//! Monitors clocks: measures differences, polls AWS for its time, reports disagreement, and repairs
//! stored effects of an earlier clock step.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::host::server_store::ServerStore;
use crate::setup::waiting::rest;
use async_trait::async_trait;
use hallpass_access::Access;
use hallpass_aws::Aws;
use hallpass_base::clock::ProcessClock;
use hallpass_base::clock::{BOUND, Reading, Releases};
use hallpass_base::{Clocks, Disagreement, TimeSpan};
use hallpass_channels::wording::health;
use hallpass_server::{ProbeResult, ReadinessProbe};
use jiff::SignedDuration;
use tokio::sync::watch;
use tokio::time::Instant;

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Query AWS after this time without an answer: detects a stopped monotonic clock, as on a paused
/// machine.
const UNHEARD_MAX: Duration = Duration::from_mins(1);
const ASK_EVERY: Duration = Duration::from_secs(10);
/// After a disagreement starts, query at every look for this long.
const FIRST: Duration = Duration::from_mins(1);
/// Store key: whether the newest clock record reports disagreement. With several nodes, the node's
/// name is appended, as each has its own clock.
const REMEMBERED: &str = "clock";
const DISAGREE: &[u8] = b"disagree";
const AGREE: &[u8] = b"agree";

#[derive(Clone)]
pub struct ClockWatch {
    clock: Arc<ProcessClock>,
    aws: Arc<Aws>,
    access: Arc<Access>,
    store: ServerStore,
    node: Option<String>,
}

impl ClockWatch {
    pub fn new(
        clock: Arc<ProcessClock>,
        aws: Arc<Aws>,
        (access, store): (&Arc<Access>, &ServerStore),
        node: Option<String>,
    ) -> Self {
        Self {
            node,
            clock,
            aws,
            access: Arc::clone(access),
            store: store.clone(),
        }
    }
}

struct ClockReport {
    /// The last recorded state of this node; `None` until read from the store.
    disagrees: Option<bool>,
    unsaid: VecDeque<Reading>,
    since: Instant,
    asked: Instant,
    releases: Releases,
}

pub async fn watch(watch: ClockWatch, mut stop: watch::Receiver<bool>) {
    let began = Instant::now();
    watch.clock.take_changes();
    let mut said = ClockReport {
        disagrees: None,
        unsaid: VecDeque::new(),
        since: began,
        asked: began,
        // an earlier process may have stopped while time ran ahead
        releases: Releases::at_start(&watch.clock.read()),
    };
    loop {
        watch.look(&mut said).await;
        if !rest(&mut stop, LOOK_EVERY).await {
            return;
        }
    }
}

impl ClockWatch {
    fn remembered(&self) -> String {
        match &self.node {
            Some(node) => format!("{REMEMBERED} {node}"),
            None => REMEMBERED.to_owned(),
        }
    }

    async fn look(&self, said: &mut ClockReport) {
        let reading = self.clock.read();
        if said.releases.has_returned(&reading) {
            let by = span(reading.returned);
            tracing::warn!(%by, "time had run ahead and returned to the server's clock and AWS's");
        }
        if said.releases.are_due(&reading) && self.mend().await {
            said.releases.done(&reading);
        }
        // the clocks may have agreed briefly between two looks, and access was granted
        said.unsaid.extend(self.clock.take_changes());
        if said.unsaid.is_empty() {
            said.unsaid.push_back(reading);
        }
        self.say_all(said).await;
        if is_to_be_asked(&reading, said.since.elapsed(), said.asked.elapsed()) {
            said.asked = Instant::now();
            if let Err(fault) = self.aws.ask_time().await {
                tracing::debug!(%fault, "AWS did not return the time");
            }
        }
    }

    /// Reports each change once, in order; failed ones are retried at the next look.
    async fn say_all(&self, said: &mut ClockReport) {
        if said.disagrees.is_none() {
            match self.store.blob_get(&self.remembered()).await {
                Ok(blob) => said.disagrees = Some(blob.as_deref() == Some(DISAGREE)),
                Err(error) => {
                    tracing::warn!(error = %error, "the last recorded clock state cannot be read; it is tried again");
                    return;
                }
            }
        }
        while let Some(reading) = said.unsaid.front() {
            let disagrees = reading.disagreement.is_some();
            if said.disagrees != Some(disagrees) {
                if !self.say(reading).await {
                    return;
                }
                said.disagrees = Some(disagrees);
                said.since = Instant::now();
            }
            said.unsaid.pop_front();
        }
    }

    /// Logs and records a change. Returns whether it is stored.
    async fn say(&self, reading: &Reading) -> bool {
        let words = if let Some(disagreement) = reading.disagreement {
            disagreement.to_string()
        } else {
            let returned = (!reading.returned.is_zero()).then(|| span(reading.returned));
            health::clocks_agree_again(returned)
        };
        let words = match &self.node {
            Some(node) => format!("{words} (node `{node}`)"),
            None => words,
        };
        match self.access.note_clocks(reading.disagreement, &words).await {
            Ok(()) => {}
            Err(error) => {
                tracing::error!(error = %error, clocks = words, "a change of the clocks could not be recorded");
                return false;
            }
        }
        let remembered = if let Some(disagreement) = reading.disagreement {
            tracing::error!(
                "clocks disagree: {disagreement}; no access is granted until they \
                 agree; access still ends"
            );
            DISAGREE
        } else {
            tracing::warn!("{words}; access is given again");
            AGREE
        };
        // CRASH: if this is lost, the next process records the same again
        if let Err(error) = self.store.blob_put(&self.remembered(), remembered).await {
            tracing::warn!(error = %error, "a change of the clocks could not be remembered");
        }
        true
    }

    /// Releases work that waits for an instant of a fast clock; failures are retried at the next
    /// look.
    async fn mend(&self) -> bool {
        match self.access.release_future_waits().await {
            Ok(0) => true,
            Ok(hurried) => {
                tracing::warn!(hurried, "work that waited for a future instant is done now");
                true
            }
            Err(error) => {
                tracing::warn!(error = %error, "work that waits for a future instant could not be released");
                false
            }
        }
    }
}

fn is_to_be_asked(reading: &Reading, since: Duration, asked: Duration) -> bool {
    let is_unheard = reading.aws_heard.is_none_or(|heard| heard >= UNHEARD_MAX);
    match reading.disagreement {
        None => is_unheard && asked >= UNHEARD_MAX,
        // close to agreement: a few answers suffice
        Some(
            Disagreement::Unconfirmed
            | Disagreement::Apart {
                between: Clocks::NowAws | Clocks::WallMonotonic,
                ..
            },
        ) => true,
        Some(Disagreement::Apart {
            between: Clocks::WallAws,
            ..
        }) => since < FIRST || asked >= ASK_EVERY,
    }
}

pub fn measure(reading: &Reading) {
    let differences = [
        (Clocks::WallAws, reading.wall_aws),
        (Clocks::WallMonotonic, Some(reading.wall_monotonic)),
        (Clocks::NowAws, reading.now_aws),
    ];
    for (between, apart) in differences {
        if let Some(apart) = apart {
            metrics::gauge!("hallpass_clock_disagreement_seconds", "between" => between.name())
                .set(apart.as_secs_f64());
        }
    }
}

fn span(apart: SignedDuration) -> TimeSpan {
    TimeSpan::seconds(apart.as_secs().unsigned_abs())
}

pub struct ClockProbe(pub Arc<ProcessClock>);

#[async_trait]
impl ReadinessProbe for ClockProbe {
    async fn probe(&self) -> ProbeResult {
        ProbeResult {
            name: "clock",
            works: reading_text(&self.0.read()),
        }
    }
}

fn reading_text(reading: &Reading) -> Result<String, String> {
    if let Some(disagreement) = reading.disagreement {
        return Err(disagreement.to_string());
    }
    Ok(match reading.wall_aws {
        Some(apart) => health::clocks_are_apart(apart.as_secs_f64().abs(), BOUND),
        None => Disagreement::Unconfirmed.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use hallpass_base::Timestamp;
    use hallpass_base::clock::{HonestTime, Shown};

    use super::*;

    fn reading(wall: i64, heard: Option<u64>) -> Reading {
        let at = |second: i64| Timestamp::from_second(1_780_000_000 + second).unwrap();
        let mut time = HonestTime::new(None);
        let begin = Duration::from_secs(1_000);
        for n in 0..3 {
            if heard.is_some() {
                time.hear(at(0), begin + Duration::from_millis(n));
            }
        }
        time.look(Shown {
            wall: at(0),
            monotonic: begin,
        });
        let passed = heard.unwrap_or(0);
        time.look(Shown {
            wall: at(i64::try_from(passed).unwrap() + wall),
            monotonic: begin + Duration::from_secs(passed),
        })
    }

    #[test]
    fn aws_is_asked_when_it_was_not_heard_and_often_while_clocks_disagree() {
        let seconds = Duration::from_secs;
        for (wall, heard, since, asked, wanted) in [
            (0, None, 500, 1, true),
            (0, Some(5), 500, 500, false),
            (0, Some(61), 500, 500, true),
            (0, Some(61), 500, 1, false),
            (900, Some(5), 1, 1, true),
            (900, Some(5), 61, 1, false),
            (900, Some(5), 61, 10, true),
            (900, None, 61, 1, true),
        ] {
            let reading = reading(wall, heard);
            let found = is_to_be_asked(&reading, seconds(since), seconds(asked));
            assert_eq!(
                found, wanted,
                "{wall} {heard:?} {since} {asked}: {reading:?}"
            );
        }
    }

    #[test]
    fn readiness_says_what_disagrees() {
        let good = reading_text(&reading(2, Some(5))).unwrap();
        assert_eq!(
            good,
            "the server's clock and AWS's are 2 s apart; 30 s are allowed"
        );
        let bad = reading_text(&reading(-900, Some(5))).unwrap_err();
        assert_eq!(bad, "the server's clock is 15m behind AWS's");
        let early = reading_text(&reading(0, None)).unwrap_err();
        assert_eq!(early, "AWS has not confirmed the server's clock yet");
    }
}
