//! Bounded send queues; producers never wait.

use std::sync::Arc;

use opentelemetry_sdk::logs::SdkLogRecord;
use opentelemetry_sdk::trace::SpanData;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::telemetry::current::CurrentSpan;
use crate::telemetry::trace::Trace;

/// Maximum queued items per kind. Item limits bound the memory too.
const WAITING_MAX: usize = 2048;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Logs,
}

impl Signal {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
        }
    }
}

/// A closed span. Its trace may be settled later than an inner span's end.
pub(crate) struct ReportedSpan {
    /// Complete but for its trace and, if outermost in the process, its parent.
    pub(crate) data: SpanData,
    pub(crate) place: SpanPlace,
}

pub(crate) enum SpanPlace {
    Known,
    Inside(Arc<Trace>),
    Outermost(Arc<Trace>),
}

pub(crate) struct ReportedRecord {
    pub(crate) record: SdkLogRecord,
    pub(crate) within: Option<CurrentSpan>,
}

pub(crate) struct Inlet<T> {
    signal: Signal,
    sender: Sender<T>,
}

pub(crate) fn queue<T>(signal: Signal) -> (Inlet<T>, Receiver<T>) {
    let (sender, receiver) = channel(WAITING_MAX);
    (Inlet { signal, sender }, receiver)
}

impl<T> Inlet<T> {
    pub(crate) fn put(&self, item: T) {
        match self.sender.try_send(item) {
            Ok(()) | Err(TrySendError::Closed(_)) => {}
            Err(TrySendError::Full(_)) => count_dropped(self.signal, 1),
        }
    }
}

pub(crate) type Spans = Inlet<ReportedSpan>;
pub(crate) type Records = Inlet<ReportedRecord>;

pub(crate) fn count_dropped(signal: Signal, count: u64) {
    metrics::counter!("hallpass_telemetry_dropped_total", "signal" => signal.name())
        .increment(count);
}

pub(crate) fn count_sent(signal: Signal, count: u64) {
    metrics::counter!("hallpass_telemetry_sent_total", "signal" => signal.name()).increment(count);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_dropped_and_nobody_waits() {
        let (inlet, mut outlet) = queue(Signal::Logs);
        for n in 0..WAITING_MAX + 10 {
            inlet.put(n);
        }
        let mut taken = Vec::new();
        while let Ok(item) = outlet.try_recv() {
            taken.push(item);
        }
        assert_eq!(taken, (0..WAITING_MAX).collect::<Vec<_>>());
    }
}
