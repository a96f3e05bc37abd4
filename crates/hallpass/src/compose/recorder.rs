//! The recorder of what `/metrics` shows.

use hallpass_terminal::exit::Failure;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Buckets of the revocation lag, in seconds: from immediate to a day late.
const LAG_BUCKETS: [f64; 10] = [
    1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 86_400.0,
];

/// Buckets of a look at people, in seconds: from a handful of people to a directory that is slow.
const LOOK_BUCKETS: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// The recorder of this process. Tests and the demo may ask twice.
pub(super) fn recorder() -> Result<PrometheusHandle, Failure> {
    static HANDLE: std::sync::OnceLock<Option<PrometheusHandle>> = std::sync::OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let mut builder = PrometheusBuilder::new();
            for (name, buckets) in [
                ("hallpass_revocation_lag_seconds", &LAG_BUCKETS[..]),
                ("hallpass_people_look_seconds", &LOOK_BUCKETS[..]),
            ] {
                let name = Matcher::Full(name.to_owned());
                builder = builder.set_buckets_for_metric(name, buckets).ok()?;
            }
            let handle = builder.install_recorder().ok()?;
            // there from the start: whoever watches for its growth would miss the first one
            metrics::counter!("hallpass_ends_by_guards_total").increment(0);
            Some(handle)
        })
        .clone()
        .ok_or_else(|| Failure::bug("the metrics recorder could not be installed"))
}

/// Begins to count what `/metrics` shows; asked twice, it goes on.
///
/// # Errors
/// When nothing can be counted, which is a bug.
pub(crate) fn record_metrics() -> Result<(), Failure> {
    recorder().map(|_| ())
}
