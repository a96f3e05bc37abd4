//! Which trace spans belong to: settled late, for a call begins before anybody knows which request it is about.

use std::sync::{Mutex, PoisonError};

use hallpass_base::RequestId;
use opentelemetry::trace::{SpanId, TraceId};

use crate::telemetry::ids;

/// The trace of a span and of all inside it.
#[derive(Debug, Default)]
pub(crate) struct Trace(Mutex<Option<SettledTrace>>);

/// What is settled of a trace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SettledTrace {
    pub(crate) id: TraceId,
    /// Under which span the outermost of this process stands.
    pub(crate) parent: Option<SpanId>,
}

/// How a request comes into a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joins {
    /// It begins here.
    Beginning,
    /// It began before.
    Later,
}

impl Trace {
    /// Settles that it is that of a request, unless it is settled; whether it is.
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

    /// What it is, and from now on stays: one of its own where no request joined.
    pub(crate) fn settle(&self) -> SettledTrace {
        *self.lock().get_or_insert_with(|| SettledTrace {
            id: ids::any_trace(),
            parent: None,
        })
    }

    /// What it is, if that is settled.
    pub(crate) fn settled(&self) -> Option<SettledTrace> {
        *self.lock()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<SettledTrace>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
