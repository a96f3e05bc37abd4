//! Delivers notices: one task per channel at its own pace, so that a slow or broken channel delays
//! no other (promise P7).

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

const TELL_MAX: Duration = Duration::from_mins(1);
/// Timeout for logs: a prompt message is worth more than activity details.
const LOGS_MAX: Duration = Duration::from_secs(10);
/// A notice without acknowledgement is retried after this: longer than [`TELL_MAX`], so only a
/// server stop causes a duplicate.
const HIDDEN: TimeSpan = TimeSpan::seconds(90);
/// Doubles per failure.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// Longest pause, unless the channel requests more.
const PAUSE_MAX: Duration = Duration::from_mins(5);
const TRIES_IN_PEACE: u32 = 5;
/// Undelivered notices are then dropped.
const GIVE_UP_AFTER: TimeSpan = TimeSpan::hours(24);
const RETENTION: TimeSpan = TimeSpan::hours(7 * 24);
const UPKEEP_EVERY: Duration = Duration::from_hours(1);
/// Time for a running attempt after a stop request.
const GRACE: Duration = Duration::from_secs(5);

/// The server's log, the default channel. Omits the requester's reason, which may contain secrets.
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

fn name_of(message: &Message) -> (&'static str, String) {
    match message {
        Message::Notice(notice) => (notice.kind().name(), notice.request.to_string()),
        Message::Digest(digest) => (digest.digest.name(), digest.sweep.to_string()),
        Message::Alarm(alarm) => (alarm.alarm.name(), alarm.state.name().to_owned()),
        Message::Alert(alert) => ("alert", alert.alert.to_string()),
    }
}

enum Loaded {
    Notice(Box<NoticeContext>),
    Digest(Box<DigestContext>),
    Alarm(Box<AlarmContext>),
    Alert(Box<AlertContext>),
}

/// Registers channels: every later notice waits for each of them.
///
/// # Errors
/// The store does not respond.
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

/// Registers channels at server start.
///
/// # Errors
/// The store does not respond.
pub async fn open_first(
    store: &dyn AccessStore,
    channels: &[Arc<dyn Channel>],
    now: Timestamp,
) -> Result<(), Failure> {
    let opened = open(store, channels, now).await;
    opened.map_err(|error| Failure::failed(format!("the outbox cannot be opened: {error}")))
}

#[derive(Clone)]
pub struct OutboxKeeper {
    pub channels: Vec<Arc<dyn Channel>>,
    pub store: Arc<dyn AccessStore>,
    pub clock: Arc<dyn Clock>,
}

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
        // this order keeps used channels; nothing is dropped by a wrong clock
        let dropped = match open(store.as_ref(), &channels, now).await {
            Ok(()) if disagreement.is_none() => store.prune_notices(RETENTION.before(now)).await,
            Ok(()) => Ok(0),
            Err(error) => Err(error),
        };
        match dropped {
            Ok(0) => {}
            Ok(dropped) => tracing::warn!(dropped, "undelivered notices are dropped"),
            Err(error) => tracing::warn!(error = %error, "the outbox could not be processed"),
        }
        if !rest(&mut stop, UPKEEP_EVERY).await {
            return;
        }
    }
}

enum JudgedGrant {
    Own,
    Before,
}

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

#[derive(Clone)]
pub struct Teller {
    pub channel: Arc<dyn Channel>,
    pub store: Arc<dyn AccessStore>,
    pub sweeps: Arc<dyn SweepStore>,
    pub clock: Arc<dyn Clock>,
    pub news: watch::Receiver<u64>,
    /// Current users and addresses; `None` in tests.
    pub access: Option<Arc<Access>>,
    pub logs: Option<Arc<dyn ActivityLogs>>,
}

pub async fn deliver_notices(mut teller: Teller, mut stop: watch::Receiver<bool>) {
    // create the counter at start, so that monitoring sees the first increase
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
            // one at a time: notices behind a slow one stay visible
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
                why: "its subject is not in the store".to_owned(),
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

    /// Activity of the grant to review. Unreadable logs do not block the notice.
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
                tracing::warn!(grant.id = %grant.id, error, "the activity of a grant is not reported");
                None
            }
            Err(_) => {
                let seconds = LOGS_MAX.as_secs();
                tracing::warn!(grant.id = %grant.id, seconds, "logs did not answer, the activity of a grant is not reported");
                None
            }
        };
        Ok(found.map(|found| PastUse { grant, found }))
    }

    /// Isolates an attempt: a panic or hang of the channel stays inside. `None` if the server
    /// stops; the notice is then retried.
    async fn attempt(&self, told: Loaded, stop: &mut watch::Receiver<bool>) -> Option<Delivery> {
        let channel = Arc::clone(&self.channel);
        // aborted with this task, unlike a spawned task
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
                None => later("the channel ended unexpectedly (this is a bug)".to_owned()),
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

/// Logs important messages as errors too.
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
        Message::Alarm(_) | Message::Alert(_) => {}
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stopping| *stopping).await);
    tokio::time::sleep(GRACE).await;
}

/// Doubles per failure, with jitter between half and full, so that simultaneous failures do not
/// retry together. `chance` is 0 to 65,535.
fn pause(failures: u32, chance: u16) -> Duration {
    let doubled = PAUSE_MIN.saturating_mul(2_u32.saturating_pow(failures));
    let half = doubled.min(PAUSE_MAX) / 2;
    half + half * u32::from(chance) / u32::from(u16::MAX)
}

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
