//! What the configuration says of it.

use secrecy::SecretString;

/// Where traces and logs are sent, and which. What is not given is as the environment has it (`OTEL_…`).
#[derive(Clone, Debug)]
pub struct TelemetrySettings {
    /// The collector's address, below which `/v1/traces` and `/v1/logs` are.
    pub endpoint: Option<String>,
    /// Headers of every request to it, such as a token.
    pub headers: Vec<(String, SecretString)>,
    /// Whether traces are sent.
    pub traces: bool,
    /// Whether logs are sent.
    pub logs: bool,
    /// Which share of traces is sent, from 0 to 1.
    pub sample: Option<f64>,
}
