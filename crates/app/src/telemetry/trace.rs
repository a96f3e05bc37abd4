//! A span's trace, settled late: a call begins before its request is known.

use std::sync::{Mutex, PoisonError};

use hallpass_base::RequestId;
use opentelemetry::trace::{SpanId, TraceId};

use crate::telemetry::ids;

#[derive(Debug, Default)]
pub(crate) struct Trace(Mutex<Option<SettledTrace>>);

#[derive(Clone, Copy, Debug)]
pub(crate) struct SettledTrace {
    pub(crate) id: TraceId,
    pub(crate) parent: Option<SpanId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joins {
    Beginning,
    Later,
}

impl Trace {
    /// Settles the trace as the request's, if unsettled; returns whether it is.
    pub(crate) fn join(&self, request: RequestId, joins: Joins) -> bool {
        let id = ids::trace_of(request);
        let settled = *self.lock().get_or_insert_with(|| SettledTrace {
            id,
            parent: match joins {
                Joins::Beginning => None,
                Joins::Later => Some(ids::begin_of(request)),
            },
        });
        settled.id == id
    }

    /// Settles the trace finally; without a request it is a separate one.
    pub(crate) fn settle(&self) -> SettledTrace {
        *self.lock().get_or_insert_with(|| SettledTrace {
            id: ids::any_trace(),
            parent: None,
        })
    }

    pub(crate) fn settled(&self) -> Option<SettledTrace> {
        *self.lock()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<SettledTrace>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
