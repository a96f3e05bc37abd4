//! Telling people: one task per channel, at its own pace. A channel that is slow, down or broken
//! costs its own listeners time, and nobody else anything (promise P7).

use std::sync::Arc;
use std::time::Duration;

use crate::setup::waiting::{LOOK_AGAIN, rest, until};
use async_trait::async_trait;
use hallpass_access::{
    Access, AccessStore, ActivityLogs, AlarmContext, AlertContext, Channel, Delivery,
    DigestContext, DigestKind, Grant, Message, News, Notice, NoticeContext, NoticeKind, PastUse,
    ReadError, Request, SweepStore, WaitingMessage, grants_as_told, last_grant, use_of_grant,
};
use hallpass_base::{Clock, Look, TimeSpan, Timestamp};
use hallpass_channels::wording::alert::alert_text;
use hallpass_channels::wording::sweeps::digest_text;
use hallpass_terminal::exit::Failure;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::loops::later_ends;

/// One attempt to tell people is cut off after this.
const TELL_MAX: Duration = Duration::from_mins(1);
/// So long logs are waited for: a message is worth more at once than with what somebody did before.
const LOGS_MAX: Duration = Duration::from_secs(10);
/// A notice that was taken and neither acknowledged nor postponed is taken again after this: longer
/// than [`TELL_MAX`], so that only a stop in between makes a repetition.
const HIDDEN: TimeSpan = TimeSpan::seconds(90);
/// The pause after the first failure, doubled with each further one.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest pause between attempts, unless the channel asks for more.
const PAUSE_MAX: Duration = Duration::from_mins(5);
/// Attempts before the log warns of a notice that waits.
const TRIES_IN_PEACE: u32 = 5;
/// What could not be told for so long is told nobody any more.
const GIVE_UP_AFTER: TimeSpan = TimeSpan::hours(24);
/// Notices are dropped after this, and channels that were not in use for so long.
const RETENTION: TimeSpan = TimeSpan::hours(7 * 24);
/// How often channels are marked as in use and old notices dropped.
const UPKEEP_EVERY: Duration = Duration::from_hours(1);
/// How long an attempt may go on after the server was asked to stop.
const GRACE: Duration = Duration::from_secs(5);

/// The server's own log: what tells people when nothing else is configured. Without the requester's
/// words: reasons may hold secrets.
pub struct LogChannel;

#[async_trait]
impl Channel for LogChannel {
    fn name(&self) -> &'static str {
        "log"
    }

    async fn deliver(&self, told: &NoticeContext) -> Delivery {
        tracing::info!(
            news = told.notice.kind().name(),
            request.id = %told.notice.request,
            to = told.notice.to.len(),
            "notice"
        );
        Delivery::Done
    }

    async fn deliver_digest(&self, told: &DigestContext) -> Delivery {
        let digest = &told.digest;
        tracing::info!(
            news = digest.digest.name(),
            sweep.id = %digest.sweep,
            text = digest_text(digest),
            "notice"
        );
        Delivery::Done
    }

    async fn deliver_alarm(&self, told: &AlarmContext) -> Delivery {
        let alarm = &told.alarm;
        tracing::info!(
            alarm = alarm.alarm.name(),
            state = alarm.state.name(),
            text = alarm.text,
            "notice"
        );
        Delivery::Done
    }

    async fn deliver_alert(&self, told: &AlertContext) -> Delivery {
        let alert = &told.alert;
        let text = alert_text(alert);
        tracing::warn!(alert = alert.alert.as_str(), text, "notice");
        Delivery::Done
    }
}

/// What a message is called, and what it is about, for the log.
fn name_of(message: &Message) -> (&'static str, String) {
    match message {
        Message::Notice(notice) => (notice.kind().name(), notice.request.to_string()),
        Message::Digest(digest) => (digest.digest.name(), digest.sweep.to_string()),
        Message::Alarm(alarm) => (alarm.alarm.name(), alarm.state.name().to_owned()),
        Message::Alert(alert) => ("alert", alert.alert.to_string()),
    }
}

/// A message with what it is about, as it is now.
enum Loaded {
    Notice(Box<NoticeContext>),
    Digest(Box<DigestContext>),
    Alarm(Box<AlarmContext>),
    Alert(Box<AlertContext>),
}

/// Puts channels in use: from here on every notice waits for each of them.
///
/// # Errors
/// When the store does not answer.
pub async fn open(
    store: &dyn AccessStore,
    channels: &[Arc<dyn Channel>],
    now: Timestamp,
) -> Result<(), ReadError> {
    for channel in channels {
        store.open_channel(channel.name(), now).await?;
    }
    Ok(())
}

/// The same when the server begins.
///
/// # Errors
/// When the store does not answer.
pub async fn open_first(
    store: &dyn AccessStore,
    channels: &[Arc<dyn Channel>],
    now: Timestamp,
) -> Result<(), Failure> {
    let opened = open(store, channels, now).await;
    opened.map_err(|error| Failure::failed(format!("the outbox cannot be opened: {error}")))
}

/// What looks after the outbox as a whole.
#[derive(Clone)]
pub struct OutboxKeeper {
    pub channels: Vec<Arc<dyn Channel>>,
    pub store: Arc<dyn AccessStore>,
    pub clock: Arc<dyn Clock>,
}

/// Keeps channels in use and drops what nobody will hear.
pub async fn keep(keeper: OutboxKeeper, mut stop: watch::Receiver<bool>) {
    let OutboxKeeper {
        channels,
        store,
        clock,
    } = keeper;
    loop {
        let Look {
            now, disagreement, ..
        } = clock.look();
        // in this order: what is in use is not dropped; and nothing is by a clock that may be wrong
        let dropped = match open(store.as_ref(), &channels, now).await {
            Ok(()) if disagreement.is_none() => store.prune_notices(RETENTION.before(now)).await,
            Ok(()) => Ok(0),
            Err(error) => Err(error),
        };
        match dropped {
            Ok(0) => {}
            Ok(dropped) => tracing::warn!(dropped, "notices that nobody was told are dropped"),
            Err(error) => tracing::warn!(error = %error, "the outbox could not be tended"),
        }
        if !rest(&mut stop, UPKEEP_EVERY).await {
            return;
        }
    }
}

/// Whose use people judge by.
enum JudgedGrant {
    /// The grant that the news is about.
    Own,
    /// The last one that the requester had of the same.
    Before,
}

/// Which grant's use goes with news.
const fn judged_grant(news: NoticeKind) -> Option<JudgedGrant> {
    match news {
        NoticeKind::ReviewWanted | NoticeKind::Reminder => Some(JudgedGrant::Before),
        NoticeKind::ReviewClosed => Some(JudgedGrant::Own),
        NoticeKind::Reviewed
        | NoticeKind::Approved
        | NoticeKind::Denied
        | NoticeKind::Rejected
        | NoticeKind::Discarded
        | NoticeKind::Expired
        | NoticeKind::Granted
        | NoticeKind::Failed
        | NoticeKind::Extended
        | NoticeKind::NotExtended
        | NoticeKind::EndsSoon
        | NoticeKind::Ended
        | NoticeKind::Stuck
        | NoticeKind::SessionsLive
        | NoticeKind::Lost
        | NoticeKind::BreakGlass
        | NoticeKind::SetUpAgain
        | NoticeKind::GuardActed
        | NoticeKind::Adopted => None,
    }
}

/// What one channel's task works with.
#[derive(Clone)]
pub struct Teller {
    pub channel: Arc<dyn Channel>,
    pub store: Arc<dyn AccessStore>,
    pub sweeps: Arc<dyn SweepStore>,
    pub clock: Arc<dyn Clock>,
    /// Changes when there may be something to tell.
    pub news: watch::Receiver<u64>,
    /// Who is known today, and by which address; tests know nobody.
    pub access: Option<Arc<Access>>,
    /// What was done with grants, where logs are configured.
    pub logs: Option<Arc<dyn ActivityLogs>>,
}

/// Tells everything one channel has to tell, when it is due.
pub async fn deliver_notices(mut teller: Teller, mut stop: watch::Receiver<bool>) {
    // there from the start: whoever watches for its growth would miss the first one
    teller.count(NoticeOutcome::GaveUp, 0);
    while !*stop.borrow() {
        teller.news.mark_unchanged();
        let pause = match teller.round(&mut stop).await {
            Ok(due) => until(due, teller.clock.now()),
            Err(error) => {
                let channel = teller.channel.name();
                tracing::warn!(channel, error = %error, "notices could not be read");
                LOOK_AGAIN
            }
        };
        tokio::select! {
            _ = teller.news.changed() => {}
            _ = stop.wait_for(|stopping| *stopping) => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// What became of a notice, for the metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NoticeOutcome {
    Delivered,
    Postponed,
    GaveUp,
}

impl NoticeOutcome {
    const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Postponed => "postponed",
            Self::GaveUp => "gave_up",
        }
    }
}

impl Teller {
    /// Tells what is due; returns when the next is.
    async fn round(
        &self,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Option<Timestamp>, ReadError> {
        let name = self.channel.name();
        loop {
            let due = self.store.next_notice(name).await?;
            let now = self.clock.now();
            if *stop.borrow() || due.is_none_or(|due| due > now) {
                return Ok(due);
            }
            // one at a time: what waits behind a slow one is not hidden meanwhile
            let again_at = HIDDEN.after(now);
            let taken = self.store.take_notices(name, now, again_at, 1).await?;
            let Some(waiting) = taken.into_iter().next() else {
                return Ok(due);
            };
            if !self.deliver(waiting, stop).await? {
                return Ok(None);
            }
        }
    }

    /// Tells one notice; `false` when the server stops before that is done.
    async fn deliver(
        &self,
        waiting: WaitingMessage,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<bool, ReadError> {
        let WaitingMessage {
            number,
            attempts,
            message,
        } = waiting;
        let delivery = match self.load(number, attempts, message.clone()).await? {
            Some(told) => match self.before_its_time(&told).await? {
                Some(delivery) => Some(delivery),
                None => self.attempt(told, stop).await,
            },
            None => Some(Delivery::GaveUp {
                why: "what it is about is not in the store".to_owned(),
            }),
        };
        let Some(delivery) = delivery else {
            return Ok(false);
        };
        let outcome = self.settle(number, attempts, &message, delivery).await?;
        self.count(outcome, 1);
        Ok(true)
    }

    fn count(&self, outcome: NoticeOutcome, more: u64) {
        metrics::counter!(
            "hallpass_notices_total",
            "channel" => self.channel.name().to_owned(),
            "outcome" => outcome.name(),
        )
        .increment(more);
    }

    async fn before_its_time(&self, told: &Loaded) -> Result<Option<Delivery>, ReadError> {
        match told {
            Loaded::Notice(told) => later_ends::before_its_time(self.store.as_ref(), told).await,
            Loaded::Digest(_) | Loaded::Alarm(_) | Loaded::Alert(_) => Ok(None),
        }
    }

    async fn load(
        &self,
        number: u64,
        attempts: u32,
        message: Message,
    ) -> Result<Option<Loaded>, ReadError> {
        match message {
            Message::Notice(notice) => {
                let told = self.load_notice(number, attempts, notice).await?;
                Ok(told.map(|told| Loaded::Notice(Box::new(told))))
            }
            Message::Digest(digest) => {
                let sweep = self.sweeps.sweep(digest.sweep).await?;
                Ok(sweep.map(|sweep| {
                    Loaded::Digest(Box::new(DigestContext {
                        number,
                        digest,
                        attempts,
                        sweep,
                    }))
                }))
            }
            Message::Alarm(alarm) => Ok(Some(Loaded::Alarm(Box::new(AlarmContext {
                number,
                alarm,
                attempts,
            })))),
            Message::Alert(alert) => Ok(Some(Loaded::Alert(Box::new(AlertContext {
                number,
                alert: *alert,
                attempts,
            })))),
        }
    }

    async fn load_notice(
        &self,
        number: u64,
        attempts: u32,
        notice: Notice,
    ) -> Result<Option<NoticeContext>, ReadError> {
        let Some(request) = self.store.request(notice.request).await? else {
            return Ok(None);
        };
        let request = match &self.access {
            Some(access) => Box::pin(access.as_counted(request)).await?,
            None => request,
        };
        let grant = match notice.grant.or(request.grant) {
            Some(id) => self.store.grant(id).await?,
            None => None,
        };
        let grant = grants_as_told(self.store.as_ref(), grant.into_iter().collect()).await?;
        let grant = grant.into_iter().next();
        let used = self.used(&notice, &request, grant.as_ref()).await?;
        let told = NoticeContext {
            number,
            notice,
            attempts,
            request,
            grant,
            used,
        };
        Ok(Some(match &self.access {
            Some(access) => told.addressed(&access.directory()),
            None => told,
        }))
    }

    /// What was done with the access that the news makes people judge. Logs that cannot be read keep nobody from hearing it.
    async fn used(
        &self,
        notice: &Notice,
        request: &Request,
        grant: Option<&Grant>,
    ) -> Result<Option<PastUse>, ReadError> {
        let Some(logs) = &self.logs else {
            return Ok(None);
        };
        let judged = match judged_grant(notice.kind()) {
            Some(JudgedGrant::Own) => grant.cloned(),
            Some(JudgedGrant::Before) => last_grant(self.store.as_ref(), request).await?,
            None => None,
        };
        let Some(grant) = judged else {
            return Ok(None);
        };
        let access = self.access.as_ref();
        let directory = access.map_or_else(Arc::default, |it| it.directory());
        let found = use_of_grant(logs.as_ref(), &directory, &grant, self.clock.now());
        let found = match tokio::time::timeout(LOGS_MAX, found).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                tracing::warn!(grant.id = %grant.id, error, "what was done with a grant is not told");
                None
            }
            Err(_) => {
                let seconds = LOGS_MAX.as_secs();
                tracing::warn!(grant.id = %grant.id, seconds, "logs did not answer, what was done with a grant is not told");
                None
            }
        };
        Ok(found.map(|found| PastUse { grant, found }))
    }

    /// One attempt, kept apart: neither a panic nor a hang of the channel comes further than here.
    /// `None` when the server stops meanwhile; the notice comes again when it is back.
    async fn attempt(&self, told: Loaded, stop: &mut watch::Receiver<bool>) -> Option<Delivery> {
        let channel = Arc::clone(&self.channel);
        // aborted with this task, as tasks of their own are not
        let mut task = JoinSet::new();
        task.spawn(async move {
            match told {
                Loaded::Notice(told) => channel.deliver(&told).await,
                Loaded::Digest(told) => channel.deliver_digest(&told).await,
                Loaded::Alarm(told) => channel.deliver_alarm(&told).await,
                Loaded::Alert(told) if !told.alert.is_for(channel.name()) => Delivery::Done,
                Loaded::Alert(told) => channel.deliver_alert(&told).await,
            }
        });
        let later = |why: String| Delivery::Again {
            after: TimeSpan::ZERO,
            why,
        };
        tokio::select! {
            ended = task.join_next() => Some(match ended {
                Some(Ok(delivery)) => delivery,
                Some(Err(error)) => later(format!("the channel broke off (this is a bug): {error}")),
                None => later("the channel ended by itself (this is a bug)".to_owned()),
            }),
            () = tokio::time::sleep(TELL_MAX) => {
                Some(later(format!("no answer in {} s", TELL_MAX.as_secs())))
            }
            () = stopped(stop) => None,
        }
    }

    async fn settle(
        &self,
        number: u64,
        attempts: u32,
        message: &Message,
        delivery: Delivery,
    ) -> Result<NoticeOutcome, ReadError> {
        let (channel, now) = (self.channel.name(), self.clock.now());
        let is_old = now >= GIVE_UP_AFTER.after(message.at());
        let outcome = match &delivery {
            Delivery::Done => NoticeOutcome::Delivered,
            Delivery::Again { .. } if !is_old => NoticeOutcome::Postponed,
            Delivery::Again { .. } | Delivery::GaveUp { .. } => NoticeOutcome::GaveUp,
        };
        let ((news, about), attempt) = (name_of(message), u64::from(attempts) + 1);
        if let Delivery::Again { after, why } = &delivery
            && outcome == NoticeOutcome::Postponed
        {
            let again_at = after.after(now).max(pause(attempts, chance()).after(now));
            // a channel that asks to wait a moment is no trouble; one that goes on asking is
            if attempts < TRIES_IN_PEACE {
                tracing::info!(channel, number, news, attempt, again_at = %again_at, why, "a notice could not be delivered yet");
            } else {
                tracing::warn!(channel, number, news, attempt, again_at = %again_at, why, "a notice could not be delivered yet");
            }
            self.store
                .notice_postponed(channel, number, again_at)
                .await?;
            return Ok(outcome);
        }
        if let Delivery::Again { why, .. } | Delivery::GaveUp { why } = &delivery {
            tracing::error!(
                channel,
                number,
                news,
                attempt,
                about,
                why,
                "a notice is given up"
            );
        } else {
            cry_out(channel, message);
        }
        self.store.notice_delivered(channel, number).await?;
        Ok(outcome)
    }
}

/// What must not be overheard is an error in the log too.
fn cry_out(channel: &str, message: &Message) {
    match message {
        Message::Notice(notice) => match &notice.news {
            News::Stuck => {
                tracing::error!(channel, request.id = %notice.request, "AWS refuses to remove access");
            }
            News::SessionsLive { sessions } => {
                let why = sessions.as_ref().map(|sessions| sessions.why.as_str());
                tracing::error!(
                    channel,
                    request.id = %notice.request,
                    why,
                    "sessions that outlive a grant cannot be ended"
                );
            }
            _ => {}
        },
        Message::Digest(digest) => match digest.digest {
            DigestKind::SweepStopped | DigestKind::SweepFailed => {
                tracing::error!(channel, sweep.id = %digest.sweep, "{}", digest_text(digest));
            }
            DigestKind::SweepFound | DigestKind::SweepPlanned | DigestKind::SweepDone => {}
        },
        // whoever noticed it has logged it already
        Message::Alarm(_) | Message::Alert(_) => {}
    }
}

/// Waits until the server stops, and a little longer.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // an error says that whoever stops us is gone
    drop(stop.wait_for(|stopping| *stopping).await);
    tokio::time::sleep(GRACE).await;
}

/// The pause after `failures` earlier ones: doubled each time, and between half and all of it, so
/// that what failed together does not come again together. `chance` is one of 0 to 65,535.
fn pause(failures: u32, chance: u16) -> Duration {
    let doubled = PAUSE_MIN.saturating_mul(2_u32.saturating_pow(failures));
    let half = doubled.min(PAUSE_MAX) / 2;
    half + half * u32::from(chance) / u32::from(u16::MAX)
}

/// A pause as an instant.
trait PauseFrom {
    fn after(self, now: Timestamp) -> Timestamp;
}

impl PauseFrom for Duration {
    fn after(self, now: Timestamp) -> Timestamp {
        now.checked_add(self).unwrap_or(Timestamp::MAX)
    }
}

fn chance() -> u16 {
    fastrand::u16(..)
}

#[cfg(test)]
#[path = "notices_tests.rs"]
mod tests;
