//! Sends every request: rate-limited, timed, counted. Repeats reads, never writes.

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
use hallpass_assignments::{CenterFault, OutageWatch, Urgency};
use hallpass_base::Clock;
use tokio::time::{Instant, sleep, timeout_at};

use crate::bucket::Bucket;
use crate::call_span;
use crate::fault::CallFailure;
use crate::jitter::Jitter;
use crate::key_watch::KeyWatch;
use crate::request_ids;

pub(crate) const ATTEMPT_MAX: Duration = Duration::from_secs(10);
/// Maximum time of a port call, with waiting (the port promises 15 s).
pub(crate) const PORT_MAX: Duration = Duration::from_secs(14);
/// Maximum time of one inventory read, with waiting.
pub(crate) const LOOK_MAX: Duration = Duration::from_mins(2);
/// Maximum time of one read for a plan, with waiting.
const PLAN_READ_MAX: Duration = Duration::from_secs(40);
const CONNECT_MAX: Duration = Duration::from_secs(30);
/// A write with less time for its answer is not sent.
const WRITE_PATIENCE_MIN: Duration = Duration::from_secs(5);
/// Attempts of a read; a throttled inventory read continues until its deadline.
const ATTEMPTS_MAX: u32 = 4;
/// Maximum pause before the second attempt; doubles with each.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// A call's urgency, and its caller's deadline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    pub(crate) urgency: Urgency,
    pub(crate) until: Instant,
    attempt_max: Duration,
    waits_out_throttles: bool,
}

impl Deadline {
    pub(crate) fn port(urgency: Urgency) -> Self {
        Self::within(urgency, PORT_MAX)
    }

    pub(crate) fn connecting() -> Self {
        Self::within(Urgency::Grant, CONNECT_MAX)
    }

    /// For inventory reads: no caller waits for a single answer, and other programs share the
    /// quota.
    pub(crate) fn look() -> Self {
        Self {
            waits_out_throttles: true,
            ..Self::within(Urgency::Background, LOOK_MAX)
        }
    }

    /// For plan reads: retries throttles, because other programs share the quota and one answer
    /// must not fail a list of a thousand rows (`organization.md` P-10). Shorter than the lease of
    /// a lane.
    pub(crate) fn plan() -> Self {
        Self {
            waits_out_throttles: true,
            ..Self::within(Urgency::Grant, PLAN_READ_MAX)
        }
    }

    pub(crate) fn within(urgency: Urgency, limit: Duration) -> Self {
        Self {
            urgency,
            until: Instant::now() + limit,
            attempt_max: ATTEMPT_MAX,
            waits_out_throttles: false,
        }
    }

    pub(crate) fn slower(self, by: Duration) -> Self {
        Self {
            attempt_max: ATTEMPT_MAX + by,
            ..self
        }
    }

    fn goes_on(self, attempts: u32, failure: &CallFailure) -> bool {
        attempts < ATTEMPTS_MAX || self.waits_out_throttles && failure.is_throttle()
    }
}

#[derive(Debug)]
pub(crate) struct ServiceClient {
    service: &'static str,
    bucket: Bucket,
    jitter: Jitter,
    lately: Lately,
    heard: Option<Heard>,
    gate: OnceLock<WriteGate>,
}

/// Whether writes may still be sent; evaluated directly before sending.
#[derive(Clone)]
pub(crate) struct WriteGate(pub(crate) Arc<dyn Fn() -> bool + Send + Sync>);

impl fmt::Debug for WriteGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WriteGate")
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum ObservedService {
    Itself,
    ItsDirectory,
}

#[derive(Clone)]
pub(crate) struct Heard {
    pub(crate) service: ObservedService,
    pub(crate) watch: Arc<OutageWatch>,
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
            // no request was sent
            Err(failure) if failure.fault == CenterFault::NotSent => {}
            Err(failure) if failure.is_silence() => match self.service {
                ObservedService::Itself => self.watch.unanswered(self.clock.now()),
                ObservedService::ItsDirectory => self.watch.directory_unanswered(self.clock.now()),
            },
            Ok(_) | Err(_) => match self.service {
                ObservedService::Itself => self.watch.answered(),
                ObservedService::ItsDirectory => self.watch.directory_answered(),
            },
        }
        match result {
            Err(failure) => match &failure.fault {
                CenterFault::KeyUnusable { .. } => {
                    // only the reason: messages name keys and callers, and readiness is readable by
                    // others
                    let reason = failure.code.as_deref().unwrap_or_default();
                    self.key.refused(self.clock.now(), reason);
                }
                // throttling says nothing about the key
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

#[derive(Debug, Default)]
struct Lately(Mutex<VecDeque<(Instant, u32)>>);

impl Lately {
    const WINDOW: Duration = Duration::from_secs(10);
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

    pub(crate) fn guard_writes(&self, gate: &WriteGate) {
        let _: Result<(), _> = self.gate.set(gate.clone());
    }

    pub(crate) fn heard_by(self, heard: Heard) -> Self {
        let heard = Some(heard);
        Self { heard, ..self }
    }

    /// Sends a read; retries throttles, timeouts and server errors.
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

    /// As [`read`](Self::read), for any repeatable request that classifies its own errors.
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
        // sent too late, its answer would be lost and need a lookup
        let send_by = pace
            .until
            .checked_sub(WRITE_PATIENCE_MIN)
            .unwrap_or(pace.until);
        // a paused process detects an expired deadline here, not after sending
        let guarded = async move {
            match self.gate.get() {
                Some(WriteGate(may_write)) if !may_write() => Err(CallFailure::not_sent()),
                Some(_) | None => sorted(noted(request)).await,
            }
        };
        // the SDK's futures are 16 KB; boxing keeps waiting ones small
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

    /// Full jitter over a doubling span, at least AWS's requested pause.
    fn pause(&self, attempt: u32, asked: Option<Duration>) -> Duration {
        let span = PAUSE_FIRST
            .saturating_mul(1 << attempt.saturating_sub(1).min(16))
            .min(PAUSE_MAX);
        self.jitter.up_to(span) + asked.unwrap_or_default()
    }
}

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
