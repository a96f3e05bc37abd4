//! OpenTelemetry variables that the library does not handle.

use std::time::Duration;

use hallpass_terminal::exit::Failure;

const ENDPOINTS: [&str; 3] = [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
];
const PROTOCOLS: [&str; 3] = [
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL",
];
/// The specification's default timeout.
const ANSWER_MAX: Duration = Duration::from_secs(10);

pub(crate) struct OtelVariables<'a>(pub(crate) &'a dyn Fn(&str) -> Option<String>);

impl OtelVariables<'_> {
    fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.trim().is_empty())
    }

    pub(crate) fn is_disabled(&self) -> bool {
        self.get("OTEL_SDK_DISABLED")
            .is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
    }

    pub(crate) fn names_an_endpoint(&self) -> bool {
        ENDPOINTS.iter().any(|name| self.get(name).is_some())
    }

    pub(crate) fn service_name(&self) -> Option<String> {
        self.get("OTEL_SERVICE_NAME")
    }

    pub(crate) fn answer_max(&self) -> Result<Duration, Failure> {
        const NAME: &str = "OTEL_EXPORTER_OTLP_TIMEOUT";
        let Some(value) = self.get(NAME) else {
            return Ok(ANSWER_MAX);
        };
        match value.trim().parse() {
            Ok(milliseconds) if milliseconds > 0 => Ok(Duration::from_millis(milliseconds)),
            Ok(_) | Err(_) => Err(unknown(NAME, &value, "write milliseconds, such as 10000")),
        }
    }

    /// Refuses an unsupported protocol, which the library would ignore.
    pub(crate) fn check_protocol(&self) -> Result<(), Failure> {
        for name in PROTOCOLS {
            if let Some(value) = self.get(name)
                && value.trim() != "http/protobuf"
            {
                let help =
                    "OTLP is sent as http/protobuf, to the port of collectors for HTTP (4318)";
                return Err(unknown(name, &value, help));
            }
        }
        Ok(())
    }

    pub(crate) fn share(&self) -> Result<f64, Failure> {
        const NAME: &str = "OTEL_TRACES_SAMPLER";
        const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";
        let Some(value) = self.get(NAME) else {
            return Ok(1.0);
        };
        match value.trim() {
            "always_on" | "parentbased_always_on" => Ok(1.0),
            "always_off" | "parentbased_always_off" => Ok(0.0),
            "traceidratio" | "parentbased_traceidratio" => {
                let Some(share) = self.get(ARGUMENT) else {
                    return Ok(1.0);
                };
                let read = share.trim().parse().ok();
                read.filter(|it| (0.0..=1.0).contains(it))
                    .ok_or_else(|| unknown(ARGUMENT, &share, "write a share from 0 to 1"))
            }
            _ => Err(unknown(
                NAME,
                &value,
                "known are always_on, always_off and traceidratio, with or without parentbased_",
            )),
        }
    }
}

fn unknown(name: &str, value: &str, help: &'static str) -> Failure {
    Failure::bad_input(format!("`{name}` is `{value}`")).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(sampler: &str, argument: &str) -> Option<f64> {
        let get = |name: &str| match name {
            "OTEL_TRACES_SAMPLER" => Some(sampler.to_owned()),
            "OTEL_TRACES_SAMPLER_ARG" => Some(argument.to_owned()),
            _ => None,
        };
        OtelVariables(&get).share().ok()
    }

    #[test]
    fn samplers_are_shares() {
        for (sampler, argument, expected) in [
            ("", "0.5", Some(1.0)),
            ("always_on", "", Some(1.0)),
            ("parentbased_always_off", "", Some(0.0)),
            ("traceidratio", "0.25", Some(0.25)),
            ("parentbased_traceidratio", "", Some(1.0)),
            ("traceidratio", "2", None),
            ("traceidratio", "half", None),
            ("xray", "", None),
        ] {
            assert_eq!(share(sampler, argument), expected, "{sampler} {argument}");
        }
    }

    #[test]
    fn what_is_not_spoken_is_refused() {
        let check = |value: &str| {
            let get =
                |name: &str| (name == "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL").then(|| value.to_owned());
            OtelVariables(&get).check_protocol().is_ok()
        };
        assert!(check("http/protobuf") && check(""));
        assert!(!check("grpc") && !check("http/json"));
    }
}
