//! Telemetry configuration.

use secrecy::SecretString;

/// Destination and signals. The environment (`OTEL_…`) supplies missing values.
#[derive(Clone, Debug)]
pub struct TelemetrySettings {
    /// The collector's address, below which `/v1/traces` and `/v1/logs` are.
    pub endpoint: Option<String>,
    /// Headers of every request to it, such as a token.
    pub headers: Vec<(String, SecretString)>,
    pub traces: bool,
    pub logs: bool,
    /// Sampled share of traces, from 0 to 1.
    pub sample: Option<f64>,
}
