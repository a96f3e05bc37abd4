//! Serves a guard's state over HTTP.

use std::sync::Arc;

use crate::host::status_http::{Face, Numbers};
use hallpass_guard::{Guard, Status};

pub struct GuardFace(pub Arc<Guard>);

impl Face for GuardFace {
    fn alarms(&self) -> Vec<String> {
        self.0.status().alarms()
    }

    fn numbers(&self) -> Numbers {
        numbers_of(&self.0.status())
    }
}

fn numbers_of(status: &Status) -> Numbers {
    let mut numbers = Numbers::default();
    let mut number = |name: &str, kind: &str, help: &str, value: Option<String>| {
        numbers.add(name, kind, help, value);
    };
    let age = status.copy_age.map(|age| age.as_seconds().to_string());
    let overdue = "Overdue ends past the bound, not seen removed.";
    number(
        "guard_overdue",
        "gauge",
        overdue,
        Some(status.overdue.to_string()),
    );
    let copy = "Age of the newest copy of the ends.";
    number("guard_copy_age_seconds", "gauge", copy, age);
    let ended = "Ends that this guard brought about.";
    number(
        "guard_ended_total",
        "counter",
        ended,
        Some(status.ended_total.to_string()),
    );
    number(
        "guard_ends",
        "gauge",
        "Ends the copy holds.",
        Some(status.ends.to_string()),
    );
    let refused = "Removals that AWS refuses.";
    number(
        "guard_refused",
        "gauge",
        refused,
        Some(status.refused.to_string()),
    );
    let unwritten = "Records that wait for the journal.";
    number(
        "guard_unwritten",
        "gauge",
        unwritten,
        Some(status.unwritten.to_string()),
    );
    let blind = u8::from(status.blindness.is_some()).to_string();
    let help = "1 while the guard does not know the time, or has no copy that is new enough.";
    number("guard_blind", "gauge", help, Some(blind));
    let ahead = status.wall_ahead_seconds.map(|ahead| ahead.to_string());
    let help = "By how much this machine's clock is ahead of AWS's.";
    number("guard_wall_ahead_seconds", "gauge", help, ahead);
    numbers
}

#[cfg(test)]
mod tests {
    use hallpass_base::TimeSpan;

    use super::*;

    struct Said<'a>(&'a Status);

    impl Face for Said<'_> {
        fn alarms(&self) -> Vec<String> {
            self.0.alarms()
        }

        fn numbers(&self) -> Numbers {
            numbers_of(self.0)
        }
    }

    use crate::host::status_http::page;

    fn status() -> Status {
        Status {
            name: "g".to_owned(),
            at: None,
            bound: TimeSpan::minutes(1),
            source: None,
            copy_age: Some(TimeSpan::seconds(7)),
            ends: 4,
            overdue: 0,
            refused: 0,
            parked: Vec::new(),
            ended_total: 2,
            blindness: None,
            aws_silent_since: None,
            not_listed: None,
            wall_ahead_seconds: Some(-4),
            unwritten: 0,
        }
    }

    #[test]
    fn health_is_what_nobody_has_to_look_at() {
        let get = |path: &str, status: &Status| {
            page(
                format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes(),
                &Said(status),
            )
        };
        assert_eq!(get("/healthz", &status()), ("200 OK", "ok\n".to_owned()));
        let late = Status {
            overdue: 3,
            ..status()
        };
        let (code, body) = get("/healthz", &late);
        assert_eq!(
            (code, body.as_str()),
            ("503 Service Unavailable", "3 ends are overdue\n")
        );
        let (_, numbers) = get("/metrics", &status());
        for line in [
            "guard_overdue 0",
            "guard_copy_age_seconds 7",
            "guard_ended_total 2",
        ] {
            assert!(
                numbers.lines().any(|it| it == line),
                "{line} is not in\n{numbers}"
            );
        }
        assert_eq!(get("/", &status()).0, "404 Not Found");
        assert_eq!(
            page(b"POST /metrics", &Said(&status())).0,
            "405 Method Not Allowed"
        );
        assert_eq!(page(b"", &Said(&status())).0, "405 Method Not Allowed");
    }
}
