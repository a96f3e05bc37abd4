//! The one way requests leave: rate-limited, timed, counted; reads repeated, writes never.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use hallpass_assignments::{CenterFault, SilenceWatch, Urgency};
use hallpass_base::Clock;
use tokio::time::{Instant, sleep, timeout_at};

use crate::bucket::Bucket;
use crate::call_span;
use crate::fault::CallFailure;
use crate::jitter::Jitter;
use crate::key_watch::KeyWatch;
use crate::request_ids;

/// The longest wait for one answer.
pub(crate) const ATTEMPT_MAX: Duration = Duration::from_secs(10);
/// The longest time for a call of the port, waiting included (the port promises 15 s).
pub(crate) const PORT_MAX: Duration = Duration::from_secs(14);
/// The longest time for one read of the inventory, waiting included.
pub(crate) const LOOK_MAX: Duration = Duration::from_mins(2);
/// The longest time for a read of which a plan is made, waiting included.
const PLAN_READ_MAX: Duration = Duration::from_secs(40);
/// The longest time for each question asked while connecting.
const CONNECT_MAX: Duration = Duration::from_secs(30);
/// A write that could not wait this long for its answer is not sent.
const WRITE_PATIENCE_MIN: Duration = Duration::from_secs(5);
/// How often a read is tried; one of the inventory that is throttled is tried until its time is up.
const ATTEMPTS_MAX: u32 = 4;
/// The longest pause before the second attempt; doubles with each.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
/// The longest pause before any attempt.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// How urgent a call is, and when its caller stops caring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    pub(crate) urgency: Urgency,
    pub(crate) until: Instant,
    /// How long one answer is waited for.
    attempt_max: Duration,
    /// Whether a throttled read is tried until then, however often.
    waits_out_throttles: bool,
}

impl Deadline {
    /// For a call of the port.
    pub(crate) fn port(urgency: Urgency) -> Self {
        Self::within(urgency, PORT_MAX)
    }

    /// For a question asked while connecting.
    pub(crate) fn connecting() -> Self {
        Self::within(Urgency::Grant, CONNECT_MAX)
    }

    /// For a read of the inventory: nobody waits for the one answer, many are needed, and other programs
    /// read with the same quota.
    pub(crate) fn look() -> Self {
        Self {
            waits_out_throttles: true,
            ..Self::within(Urgency::Background, LOOK_MAX)
        }
    }

    /// For a read of which a plan is made: a throttle is waited out, since other programs read with the same quota and a
    /// list of a thousand rows is not to fail for one answer (`organization.md` P-10). Shorter than a lane is leased.
    pub(crate) fn plan() -> Self {
        Self {
            waits_out_throttles: true,
            ..Self::within(Urgency::Grant, PLAN_READ_MAX)
        }
    }

    /// With its own limit.
    pub(crate) fn within(urgency: Urgency, limit: Duration) -> Self {
        Self {
            urgency,
            until: Instant::now() + limit,
            attempt_max: ATTEMPT_MAX,
            waits_out_throttles: false,
        }
    }

    /// Each attempt may take so much longer than usual.
    pub(crate) fn slower(self, by: Duration) -> Self {
        Self {
            attempt_max: ATTEMPT_MAX + by,
            ..self
        }
    }

    /// Whether a read that failed in passing is tried again after this many attempts.
    fn goes_on(self, attempts: u32, failure: &CallFailure) -> bool {
        attempts < ATTEMPTS_MAX || self.waits_out_throttles && failure.is_throttle()
    }
}

/// The way to one service.
#[derive(Debug)]
pub(crate) struct ServiceClient {
    service: &'static str,
    bucket: Bucket,
    jitter: Jitter,
    lately: Lately,
    heard: Option<Heard>,
    gate: OnceLock<WriteGate>,
}

/// Says whether what writes may still be sent: asked when nothing but the sending is left.
#[derive(Clone)]
pub(crate) struct WriteGate(pub(crate) Arc<dyn Fn() -> bool + Send + Sync>);

impl fmt::Debug for WriteGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WriteGate")
    }
}

/// Whose answers are heard.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HeardService {
    /// The one that is watched.
    Itself,
    /// The identity store of the instance that is watched.
    ItsDirectory,
}

/// Who has to know whether a service answers.
#[derive(Clone)]
pub(crate) struct Heard {
    pub(crate) service: HeardService,
    pub(crate) watch: Arc<SilenceWatch>,
    pub(crate) key: Arc<KeyWatch>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl fmt::Debug for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Heard").field(&self.watch).finish()
    }
}

impl Heard {
    fn note<T>(&self, result: &Result<T, CallFailure>) {
        match result {
            // nobody was asked
            Err(failure) if failure.fault == CenterFault::NotSent => {}
            Err(failure) if failure.is_silence() => match self.service {
                HeardService::Itself => self.watch.unanswered(self.clock.now()),
                HeardService::ItsDirectory => self.watch.directory_unanswered(self.clock.now()),
            },
            Ok(_) | Err(_) => match self.service {
                HeardService::Itself => self.watch.answered(),
                HeardService::ItsDirectory => self.watch.directory_answered(),
            },
        }
        match result {
            Err(failure) => match &failure.fault {
                CenterFault::KeyUnusable { .. } => {
                    // the reason alone: messages name keys and callers, and whoever asks for readiness reads it
                    let reason = failure.code.as_deref().unwrap_or_default();
                    self.key.refused(self.clock.now(), reason);
                }
                // nothing is said of the key
                CenterFault::Throttled { .. }
                | CenterFault::NotSent
                | CenterFault::Unreachable { .. }
                | CenterFault::Full { .. }
                | CenterFault::Refused { .. } => {}
                CenterFault::Conflict { .. } | CenterFault::NotFound { .. } => self.key.used(),
            },
            Ok(_) => self.key.used(),
        }
    }
}

/// Calls of the last seconds, counted by second.
#[derive(Debug, Default)]
struct Lately(Mutex<VecDeque<(Instant, u32)>>);

impl Lately {
    /// Over how long calls are counted.
    const WINDOW: Duration = Duration::from_secs(10);
    /// How long calls are counted together.
    const STEP: Duration = Duration::from_secs(1);

    fn note(&self, now: Instant) {
        let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while steps
            .front()
            .is_some_and(|(at, _)| now - *at >= Self::WINDOW)
        {
            steps.pop_front();
        }
        match steps.back_mut() {
            Some((at, count)) if now - *at < Self::STEP => *count = count.saturating_add(1),
            _ => steps.push_back((now, 1)),
        }
    }

    fn per_second(&self, now: Instant) -> f64 {
        let steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = steps.iter().filter(|(at, _)| now - *at < Self::WINDOW);
        let calls: u32 = recent.map(|(_, count)| *count).sum();
        f64::from(calls) / Self::WINDOW.as_secs_f64()
    }
}

impl ServiceClient {
    /// How many calls a second were sent, over the last ten.
    pub(crate) fn per_second(&self) -> f64 {
        self.lately.per_second(Instant::now())
    }

    pub(crate) fn new(service: &'static str, bucket: Bucket, jitter: Jitter) -> Self {
        Self {
            service,
            bucket,
            jitter,
            lately: Lately::default(),
            heard: None,
            gate: OnceLock::new(),
        }
    }

    /// From now on nothing that writes is sent unless `gate` says so.
    pub(crate) fn guard_writes(&self, gate: &WriteGate) {
        // the first stays: one process has one
        let _: Result<(), _> = self.gate.set(gate.clone());
    }

    /// The same, telling who has to know whether it is answered.
    pub(crate) fn heard_by(self, heard: Heard) -> Self {
        let heard = Some(heard);
        Self { heard, ..self }
    }

    /// Sends a read, again when it was throttled, timed out or met a server error.
    pub(crate) async fn read<T, E, F, Fut>(
        &self,
        operation: &'static str,
        pace: Deadline,
        mut send: F,
    ) -> Result<T, CallFailure>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        self.again(operation, pace, || sorted(send())).await
    }

    /// As [`read`](Self::read), for whatever may be sent again without harm and sorts its errors
    /// itself.
    pub(crate) async fn again<T, F, Fut>(
        &self,
        operation: &'static str,
        pace: Deadline,
        mut send: F,
    ) -> Result<T, CallFailure>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, CallFailure>>,
    {
        let mut attempt = 1;
        loop {
            let failure = match self
                .attempt(operation, pace, pace.until, Box::pin(send()))
                .await
            {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            if !failure.is_passing() || !pace.goes_on(attempt, &failure) {
                return Err(failure);
            }
            let pause = self.pause(attempt, failure.retry_after);
            if Instant::now() + pause >= pace.until {
                return Err(failure);
            }
            tracing::debug!(
                service = self.service,
                operation,
                attempt,
                pause_ms = pause.as_millis(),
                fault = %failure.fault,
                "trying a read again"
            );
            sleep(pause).await;
            attempt += 1;
        }
    }

    /// Sends a create or a delete, once.
    pub(crate) fn write<T, E, Fut>(
        &self,
        operation: &'static str,
        pace: Deadline,
        request: Fut,
    ) -> impl Future<Output = Result<T, CallFailure>>
    where
        Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        T: RequestId,
        E: ProvideErrorMetadata + Error + 'static,
    {
        // sent too late, the answer would be lost and somebody would have to look
        let send_by = pace
            .until
            .checked_sub(WRITE_PATIENCE_MIN)
            .unwrap_or(pace.until);
        // a process that was paused finds here that its time is over, and not on its way to AWS
        let guarded = async move {
            match self.gate.get() {
                Some(WriteGate(may_write)) if !may_write() => Err(CallFailure::not_sent()),
                Some(_) | None => sorted(noted(request)).await,
            }
        };
        // the SDK's futures are 16 KB; boxed here, those who wait stay small
        self.attempt(operation, pace, send_by, Box::pin(guarded))
    }

    async fn attempt<T, Fut>(
        &self,
        operation: &'static str,
        pace: Deadline,
        send_by: Instant,
        request: Fut,
    ) -> Result<T, CallFailure>
    where
        Fut: Future<Output = Result<T, CallFailure>>,
    {
        if timeout_at(send_by, self.bucket.take(pace.urgency))
            .await
            .is_err()
        {
            self.count(operation, "not_sent");
            return Err(CallFailure::not_sent());
        }
        let sent = Instant::now();
        self.lately.note(sent);
        let patience = pace.until.min(sent + pace.attempt_max);
        let span = call_span::open(self.service, operation);
        let request = call_span::within(&span, timeout_at(patience, request));
        let result = match request.await {
            Ok(answered) => answered,
            Err(_) => Err(CallFailure::timed_out(sent.elapsed())),
        };
        if let Err(failure) = &result {
            call_span::failed(&span, failure);
        }
        if let Some(heard) = &self.heard {
            heard.note(&result);
        }
        match &result {
            Ok(_) => self.count(operation, "ok"),
            Err(failure) => self.note(operation, failure),
        }
        result
    }

    fn note(&self, operation: &'static str, failure: &CallFailure) {
        self.count(operation, failure.outcome());
        if let CenterFault::Throttled { .. } = &failure.fault {
            metrics::counter!("hallpass_aws_throttles_total", "service" => self.service)
                .increment(1);
            self.bucket
                .slow_down(failure.retry_after.unwrap_or_default());
        }
    }

    fn count(&self, operation: &'static str, outcome: &'static str) {
        metrics::counter!(
            "hallpass_aws_calls_total",
            "service" => self.service,
            "operation" => operation,
            "outcome" => outcome
        )
        .increment(1);
    }

    /// Full jitter over a doubling span, and never less than AWS asks for.
    fn pause(&self, attempt: u32, asked: Option<Duration>) -> Duration {
        let span = PAUSE_FIRST
            .saturating_mul(1 << attempt.saturating_sub(1).min(16))
            .min(PAUSE_MAX);
        self.jitter.up_to(span) + asked.unwrap_or_default()
    }
}

/// A write whose id is kept for whoever wants to name it.
async fn noted<T, E>(
    request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<T, SdkError<E, HttpResponse>>
where
    T: RequestId,
{
    request_ids::writing(async {
        let answered = request.await;
        request_ids::note(match &answered {
            Ok(answer) => answer.request_id(),
            Err(error) => error.request_id(),
        });
        answered
    })
    .await
}

/// A request whose errors are sorted.
async fn sorted<T, E>(
    request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<T, CallFailure>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    request.await.map_err(|error| CallFailure::of(&error))
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
