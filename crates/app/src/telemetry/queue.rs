//! What waits to be sent: bounded, and whoever tells something never waits.

use std::sync::Arc;

use opentelemetry_sdk::logs::SdkLogRecord;
use opentelemetry_sdk::trace::SpanData;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::telemetry::current::CurrentSpan;
use crate::telemetry::trace::Trace;

/// Items of a kind that wait at most. With the bounds of one item, the memory that they take is bounded too.
const WAITING_MAX: usize = 2048;

/// What is sent.
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

/// A span that is closed. Its trace may be settled later: something inside ended before anybody knew.
pub(crate) struct ToldSpan {
    /// Complete but for its trace, and for its parent where it is the outermost of its process.
    pub(crate) data: SpanData,
    pub(crate) place: SpanPlace,
}

/// Where a span stands.
pub(crate) enum SpanPlace {
    /// As it says.
    Known,
    /// In this trace, under the parent that it says.
    Inside(Arc<Trace>),
    /// In this trace, under what the trace says.
    Outermost(Arc<Trace>),
}

/// A record of the log, and the span it was told in.
pub(crate) struct ToldRecord {
    pub(crate) record: SdkLogRecord,
    pub(crate) within: Option<CurrentSpan>,
}

/// The end that takes in.
pub(crate) struct Inlet<T> {
    signal: Signal,
    sender: Sender<T>,
}

/// Both ends.
pub(crate) fn queue<T>(signal: Signal) -> (Inlet<T>, Receiver<T>) {
    let (sender, receiver) = channel(WAITING_MAX);
    (Inlet { signal, sender }, receiver)
}

impl<T> Inlet<T> {
    /// Takes it in, or drops it and counts it.
    pub(crate) fn put(&self, item: T) {
        match self.sender.try_send(item) {
            // closed: the server has stopped
            Ok(()) | Err(TrySendError::Closed(_)) => {}
            Err(TrySendError::Full(_)) => count_dropped(self.signal, 1),
        }
    }
}

/// Spans wait for the sender of traces.
pub(crate) type Spans = Inlet<ToldSpan>;
/// Records wait for the sender of logs.
pub(crate) type Records = Inlet<ToldRecord>;

/// Counts what will never be sent.
pub(crate) fn count_dropped(signal: Signal, count: u64) {
    metrics::counter!("hallpass_telemetry_dropped_total", "signal" => signal.name())
        .increment(count);
}

/// Counts what a collector took.
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
