//! AWS's time from its answers, used for signing: AWS refuses signatures five minutes off, and a
//! wrong wall clock must not prevent an end.

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dated {
    pub date: Timestamp,
    pub at: Instant,
}

/// Receives the date of every AWS answer, including errors.
pub type DateListener = Arc<dyn Fn(Dated) + Send + Sync>;

/// Observes every answer, and provides the signing time.
#[derive(Clone)]
pub(crate) struct AnswerDates(Arc<DateMemory>);

struct DateMemory {
    newest: Mutex<Option<Dated>>,
    listener: DateListener,
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

/// The newest answer's date, advanced by the monotonic clock. One answer suffices: AWS refuses a
/// wrong time, and the refusal corrects it.
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

/// The date of AWS's own answer: a proxy's page has no request id, and a cached answer is old.
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
