use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ConnectionSettings;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    Accepted,
    FullEverywhere,
    FullAddress,
    GaveWay,
    HeaderTooSlow,
    Idle,
    BodyTooSlow,
    ReaderTooSlow,
    CutOff,
    NoDescriptors,
    CallerGone,
    ListenerFailed,
    StreamsOfOne,
    StreamsInAll,
}

impl Count {
    const ALL: [Self; 14] = [
        Self::Accepted,
        Self::FullEverywhere,
        Self::FullAddress,
        Self::GaveWay,
        Self::HeaderTooSlow,
        Self::Idle,
        Self::BodyTooSlow,
        Self::ReaderTooSlow,
        Self::CutOff,
        Self::NoDescriptors,
        Self::CallerGone,
        Self::ListenerFailed,
        Self::StreamsOfOne,
        Self::StreamsInAll,
    ];

    const fn named(self) -> (&'static Metric, &'static str) {
        match self {
            Self::Accepted => (&ACCEPTED, ""),
            Self::FullEverywhere => (&REFUSED, "full"),
            Self::FullAddress => (&REFUSED, "address"),
            Self::GaveWay => (&CLOSED, "gave_way"),
            Self::HeaderTooSlow => (&CLOSED, "header_too_slow"),
            Self::Idle => (&CLOSED, "idle"),
            Self::BodyTooSlow => (&CLOSED, "body_too_slow"),
            Self::ReaderTooSlow => (&CLOSED, "reader_too_slow"),
            Self::CutOff => (&CLOSED, "server_stopped"),
            Self::NoDescriptors => (&ACCEPT_ERRORS, "no_descriptors"),
            Self::CallerGone => (&ACCEPT_ERRORS, "caller_gone"),
            Self::ListenerFailed => (&ACCEPT_ERRORS, "listener"),
            Self::StreamsOfOne => (&STREAMS_REFUSED, "person"),
            Self::StreamsInAll => (&STREAMS_REFUSED, "all"),
        }
    }
}

struct Metric {
    name: &'static str,
    help: &'static str,
}

const fn metric(name: &'static str, help: &'static str) -> Metric {
    Metric { name, help }
}

const ACCEPTED: Metric = metric(
    "hallpass_http_connections_accepted_total",
    "Connections of callers that were accepted.",
);
const REFUSED: Metric = metric(
    "hallpass_http_connections_refused_total",
    "Connections turned away because there were too many.",
);
const CLOSED: Metric = metric(
    "hallpass_http_connections_closed_total",
    "Connections closed by the server, by reason.",
);
const ACCEPT_ERRORS: Metric = metric(
    "hallpass_http_accept_errors_total",
    "Connections that could not be accepted.",
);
const STREAMS_REFUSED: Metric = metric(
    "hallpass_event_streams_refused_total",
    "Event streams turned away because there were too many.",
);

#[derive(Debug, Default)]
pub(super) struct Counts([AtomicU64; Count::ALL.len()]);

impl Counts {
    pub(super) fn add(&self, what: Count) {
        if let Some(counter) = self.0.get(what as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn of(&self, what: Count) -> u64 {
        let counter = self.0.get(what as usize);
        counter.map_or(0, |counter| counter.load(Ordering::Relaxed))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionFigures {
    pub open: usize,
    pub max: usize,
    pub streams: usize,
    pub streams_max: usize,
    pub accepted: u64,
    pub refused: u64,
    pub gave_way: u64,
    pub too_slow: u64,
    pub idle: u64,
    pub accept_errors: u64,
    counts: Vec<(Count, u64)>,
}

impl ConnectionFigures {
    pub(super) fn new(
        settings: &ConnectionSettings,
        open: usize,
        streams: usize,
        counts: &Counts,
    ) -> Self {
        let sum = |of: &[Count]| of.iter().map(|what| counts.of(*what)).sum();
        Self {
            open,
            max: settings.max,
            streams,
            streams_max: settings.streams,
            accepted: sum(&[Count::Accepted]),
            refused: sum(&[Count::FullEverywhere, Count::FullAddress]),
            gave_way: sum(&[Count::GaveWay]),
            too_slow: sum(&[
                Count::HeaderTooSlow,
                Count::BodyTooSlow,
                Count::ReaderTooSlow,
            ]),
            idle: sum(&[Count::Idle]),
            accept_errors: sum(&[
                Count::NoDescriptors,
                Count::CallerGone,
                Count::ListenerFailed,
            ]),
            counts: Count::ALL.map(|what| (what, counts.of(what))).to_vec(),
        }
    }

    /// Returns whether more than four fifths of the slots are used.
    pub fn is_near_full(&self) -> bool {
        self.open * 5 > self.max * 4
    }

    pub fn render(&self) -> String {
        let mut text = String::new();
        for (name, help, value) in [
            (
                "hallpass_http_connections",
                "Connections of callers open now.",
                self.open,
            ),
            (
                "hallpass_http_connections_max",
                "Connections of callers at most.",
                self.max,
            ),
            (
                "hallpass_event_streams",
                "Event streams open now.",
                self.streams,
            ),
            (
                "hallpass_event_streams_max",
                "Event streams at most.",
                self.streams_max,
            ),
        ] {
            let _ = writeln!(
                text,
                "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}"
            );
        }
        let mut before = "";
        for (what, value) in &self.counts {
            let (Metric { name, help }, reason) = what.named();
            if *name != before {
                let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter");
                before = name;
            }
            let _ = match reason {
                "" => writeln!(text, "{name} {value}"),
                reason => writeln!(text, "{name}{{reason=\"{reason}\"}} {value}"),
            };
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_rendered_with_one_heading_for_each_metric() {
        let counts = Counts::default();
        for what in Count::ALL {
            counts.add(what);
        }
        counts.add(Count::GaveWay);
        let settings = ConnectionSettings::new(100);
        let figures = ConnectionFigures::new(&settings, 81, 3, &counts);
        assert!(figures.is_near_full());
        assert_eq!(
            (figures.refused, figures.gave_way, figures.too_slow),
            (2, 2, 3)
        );
        let text = figures.render();
        for line in [
            "hallpass_http_connections 81",
            "hallpass_http_connections_max 100",
            "hallpass_event_streams_max 50",
            "hallpass_http_connections_accepted_total 1",
            "hallpass_http_connections_closed_total{reason=\"gave_way\"} 2",
            "hallpass_http_accept_errors_total{reason=\"no_descriptors\"} 1",
            "hallpass_event_streams_refused_total{reason=\"person\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        let mut headings: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("# TYPE"))
            .collect();
        let all = headings.len();
        headings.sort_unstable();
        headings.dedup();
        assert_eq!(headings.len(), all, "{text}");
    }
}
