use hallpass_app::config::Loaded;

use super::DoctorReport;

const REMEDY: &str =
    "traces and logs are lost meanwhile, and nothing else; docs/how-to/opentelemetry.md";

pub(super) async fn check(loaded: &Loaded, report: &mut DoctorReport) {
    match hallpass_app::telemetry::probe(&loaded.telemetry()).await {
        Ok(None) => {}
        Ok(Some(what)) => report.add("telemetry", Ok(format!("the collector takes {what}"))),
        Err(failure) => report.warn("telemetry", failure.words(), REMEDY),
    }
}
