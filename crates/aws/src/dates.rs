//! The time of AWS's answers: read from each of them, told to whoever keeps time, and signed with,
//! for AWS refuses what is signed five minutes off and a wrong wall clock must not keep an end from
//! being sent.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;
use hallpass_base::{Clock, Timestamp};

use crate::call_span;

/// What AWS said of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dated {
    /// The `Date` of an answer, in whole seconds.
    pub date: Timestamp,
    /// When the answer came in.
    pub at: Instant,
}

/// Is told the date of every answer of AWS, error answers included.
pub type DateListener = Arc<dyn Fn(Dated) + Send + Sync>;

/// Hears every answer, and tells the time to sign with.
#[derive(Clone)]
pub(crate) struct AnswerDates(Arc<DateMemory>);

struct DateMemory {
    newest: Mutex<Option<Dated>>,
    listener: DateListener,
    /// Tells the time until AWS has.
    clock: Arc<dyn Clock>,
}

impl AnswerDates {
    pub(crate) fn new(listener: DateListener, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(DateMemory {
            newest: Mutex::default(),
            listener,
            clock,
        }))
    }

    fn hear(&self, dated: Dated) {
        *self.newest() = Some(dated);
        (self.0.listener)(dated);
    }

    fn newest(&self) -> std::sync::MutexGuard<'_, Option<Dated>> {
        self.0.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for AnswerDates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerDates").finish_non_exhaustive()
    }
}

/// The newest answer's date, moved on by the monotonic clock. One answer is enough: what is signed by
/// a mistaken one is refused, and that refusal says the time.
impl TimeSource for AnswerDates {
    fn now(&self) -> SystemTime {
        let newest = *self.newest();
        match newest {
            Some(dated) => SystemTime::from(dated.date) + dated.at.elapsed(),
            None => self.0.clock.now().into(),
        }
    }
}

#[dyn_dispatch_hint]
impl Intercept for AnswerDates {
    fn name(&self) -> &'static str {
        "AnswerDates"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let at = Instant::now();
        call_span::answered(context.response());
        if let Some(date) = date_of(context.response()) {
            self.hear(Dated { date, at });
        }
        Ok(())
    }
}

/// The date of an answer that is AWS's own: whatever stands between, such as a proxy with a page of
/// its own, gives no request id, and what comes out of a cache is old.
fn date_of(response: &HttpResponse) -> Option<Timestamp> {
    let headers = response.headers();
    headers
        .get("x-amzn-requestid")
        .or_else(|| headers.get("x-amz-request-id"))
        .filter(|id| !id.is_empty())?;
    if headers.get("age").is_some() {
        return None;
    }
    let date = DateTime::from_str(headers.get("date")?, Format::HttpDate).ok()?;
    Timestamp::from_second(date.secs()).ok()
}

#[cfg(test)]
#[path = "dates_tests.rs"]
mod tests;
