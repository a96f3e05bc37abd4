//! The current span of a thread.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hallpass_base::RequestId;
use opentelemetry::trace::{SpanContext, SpanId};
use tracing::span::Id;

use crate::telemetry::ids;
use crate::telemetry::trace::{Joins, Trace};

const LINKS_MAX: usize = 32;

#[derive(Clone, Debug)]
pub(crate) struct CurrentSpan {
    pub(crate) trace: Arc<Trace>,
    pub(crate) span: SpanId,
    pub(crate) heard: Arc<Heard>,
}

#[derive(Debug, Default)]
pub(crate) struct Heard {
    is_used: AtomicBool,
    links: Mutex<Vec<SpanContext>>,
}

impl Heard {
    pub(crate) fn used(&self) {
        self.is_used.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_used(&self) -> bool {
        self.is_used.load(Ordering::Relaxed)
    }

    pub(crate) fn link(&self, to: SpanContext) {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        if links.len() < LINKS_MAX {
            links.push(to);
        }
    }

    pub(crate) fn links(&self) -> Vec<SpanContext> {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *links)
    }
}

thread_local! {
    static ENTERED: RefCell<Vec<(Id, CurrentSpan)>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn enter(id: &Id, span: CurrentSpan) {
    // an ending thread has no more spans
    let _: Result<(), _> = ENTERED.try_with(|it| it.borrow_mut().push((id.clone(), span)));
}

pub(crate) fn exit(id: &Id) {
    let _: Result<(), _> = ENTERED.try_with(|it| {
        let mut spans = it.borrow_mut();
        if let Some(at) = spans.iter().rposition(|(entered, _)| entered == id) {
            spans.remove(at);
        }
    });
}

pub(crate) fn innermost() -> Option<CurrentSpan> {
    let innermost = ENTERED.try_with(|it| it.borrow().last().map(|(_, span)| span.clone()));
    innermost.ok().flatten()
}

pub fn within() -> Option<(String, String)> {
    let current = innermost()?;
    let settled = current.trace.settled()?;
    Some((settled.id.to_string(), current.span.to_string()))
}

/// Marks the current span as about these requests: it joins the first one's trace, unless in one
/// already, and links the others. No effect outside of spans.
pub fn join(requests: impl IntoIterator<Item = RequestId>) {
    let Some(current) = innermost() else {
        return;
    };
    for request in requests {
        if !current.trace.join(request, Joins::Later) {
            let begin = ids::context(ids::trace_of(request), ids::begin_of(request));
            current.heard.link(begin);
        }
    }
}
