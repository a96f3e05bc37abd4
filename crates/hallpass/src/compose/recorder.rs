use hallpass_terminal::exit::Failure;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Revocation lag in seconds: from immediate to a day.
const LAG_BUCKETS: [f64; 10] = [
    1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 86_400.0,
];

/// User check duration in seconds: from few users to a slow directory.
const LOOK_BUCKETS: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

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
            // exported from the start: monitors of growth would miss the first
            metrics::counter!("hallpass_ends_by_guards_total").increment(0);
            Some(handle)
        })
        .clone()
        .ok_or_else(|| Failure::bug("the metrics recorder could not be installed"))
}

/// Starts recording `/metrics`; repeatable.
pub(crate) fn record_metrics() -> Result<(), Failure> {
    recorder().map(|_| ())
}
