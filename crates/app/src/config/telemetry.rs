//! `[telemetry]`: destinations of traces and logs.

use std::collections::BTreeMap;
use std::path::Path;

use crate::telemetry::TelemetrySettings;
use hallpass_terminal::exit::Failure;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::Loaded;
use super::indirect::resolve;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryTable {
    endpoint: Option<String>,
    headers: BTreeMap<String, SecretString>,
    send: Vec<SentSignal>,
    sample: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SentSignal {
    Traces,
    Logs,
}

impl Default for TelemetryTable {
    fn default() -> Self {
        Self {
            endpoint: None,
            headers: BTreeMap::new(),
            send: vec![SentSignal::Traces, SentSignal::Logs],
            sample: None,
        }
    }
}

impl TelemetryTable {
    pub(super) fn look_up(&mut self, folder: &Path) -> Result<(), Failure> {
        if let Some(endpoint) = &mut self.endpoint {
            *endpoint = resolve(endpoint, folder)?;
        }
        for secret in self.headers.values_mut() {
            *secret = SecretString::from(resolve(secret.expose_secret(), folder)?);
        }
        Ok(())
    }

    pub(super) fn check(&self, name: &str) -> Result<(), Failure> {
        for (header, value) in &self.headers {
            // the library would drop such a header
            let is_name = reqwest::header::HeaderName::try_from(header.as_str()).is_ok();
            let is_value = reqwest::header::HeaderValue::try_from(value.expose_secret()).is_ok();
            if !(is_name && is_value) {
                let words = format!("{name}: `telemetry.headers.{header}` cannot be a header");
                return Err(Failure::bad_input(words)
                    .help("names are words such as `authorization`, values one line of ASCII"));
            }
        }
        let is_share = |share: f64| (0.0..=1.0).contains(&share);
        if let Some(share) = self.sample.filter(|share| !is_share(*share)) {
            let words = format!("{name}: `telemetry.sample` is {share}");
            return Err(Failure::bad_input(words).help("write a share from 0 to 1"));
        }
        Ok(())
    }
}

impl Loaded {
    pub fn telemetry(&self) -> TelemetrySettings {
        let table = &self.config.telemetry;
        let headers = table.headers.iter();
        TelemetrySettings {
            endpoint: table.endpoint.clone(),
            headers: headers
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            traces: table.send.contains(&SentSignal::Traces),
            logs: table.send.contains(&SentSignal::Logs),
            sample: table.sample,
        }
    }

    /// The same where secrets were left ([`Secrets::Left`](crate::config::Secrets)): what it refers to is looked up now.
    ///
    /// # Errors
    /// When something of it is not there, or cannot be sent.
    pub fn telemetry_now(&self) -> Result<TelemetrySettings, Failure> {
        let mut looked_up = self.clone();
        let table = &mut looked_up.config.telemetry;
        table.look_up(&self.folder)?;
        table.check("the configuration")?;
        Ok(looked_up.telemetry())
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn read(text: &str) -> Result<TelemetrySettings, String> {
        let text = format!("[telemetry]\n{text}");
        let config = crate::config::parse(&text, "x").map_err(|failure| failure.words())?;
        let folder = PathBuf::new();
        Ok(Loaded { config, folder }.telemetry())
    }

    #[test]
    fn what_is_not_said_is_left_to_the_environment() {
        let settings = read("").unwrap();
        assert!(settings.endpoint.is_none() && settings.sample.is_none());
        assert!(settings.headers.is_empty() && settings.traces && settings.logs);
        let settings = read("send = [\"logs\"]\nsample = 1").unwrap();
        assert!(!settings.traces && settings.logs);
        assert_eq!(settings.sample, Some(1.0));
    }

    #[test]
    fn headers_are_secrets_and_what_cannot_be_one_is_told_without_them() {
        let settings = read("headers = { x-key = \"hunter2\" }").unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "Bearer hunter2\n").unwrap();
        let text = format!(
            "headers = {{ authorization = \"file:{}\" }}",
            file.display()
        );
        let (name, value) = read(&text).unwrap().headers.remove(0);
        assert_eq!(
            (name.as_str(), value.expose_secret()),
            ("authorization", "Bearer hunter2")
        );
        for (bad, said) in [
            ("headers = { \"a b\" = \"hunter2\" }", "telemetry.headers"),
            ("headers = { a = \"hunter2\\n\" }", "telemetry.headers.a"),
            ("sample = 1.5", "telemetry.sample"),
            ("send = [\"metrics\"]", "metrics"),
            ("endpoints = \"x\"", "endpoints"),
        ] {
            let told = read(bad).expect_err(bad);
            assert!(told.contains(said) && !told.contains("hunter2"), "{told}");
        }
    }
}
