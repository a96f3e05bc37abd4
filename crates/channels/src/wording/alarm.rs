//! Texts of alarms for operators.

use hallpass_access::{Alarm, AlarmState};
use hallpass_base::time::utc_seconds;
use hallpass_base::{TimeSpan, text};

use crate::wording::notice::mail::{Letter, OPERATOR};

const CAUSE_CHARACTERS_MAX: usize = 500;

pub fn begun(cause: &str) -> String {
    let cause: String = cause.chars().take(CAUSE_CHARACTERS_MAX).collect();
    let stop = if cause.ends_with('.') { "" } else { "." };
    format!("{cause}{stop}")
}

pub fn over(lasted: TimeSpan, begun: &str) -> String {
    format!("Resolved after {lasted}. It was: {begun}")
}

pub fn alarm_letter(alarm: &Alarm) -> Letter {
    let subject = match alarm.state {
        AlarmState::Begun => format!("Alarm: {}", alarm.alarm.title()),
        AlarmState::Over => alarm.title(),
    };
    Letter {
        subject: text::line(&subject, 200),
        headline: text::line(&alarm.text, 1_000),
        facts: vec![("Since", utc_seconds(alarm.since))],
        quote: None,
        notes: match alarm.state {
            AlarmState::Begun => vec![format!("What to do: {}.", alarm.alarm.runbook())],
            AlarmState::Over => Vec::new(),
        },
        link: "Open Health",
        footer: OPERATOR.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_becomes_a_sentence_of_bounded_length() {
        assert_eq!(begun("no such bucket"), "no such bucket.");
        assert_eq!(begun("The key is disabled."), "The key is disabled.");
        assert_eq!(begun(&"ä".repeat(600)), format!("{}.", "ä".repeat(500)));
        let over = over(TimeSpan::minutes(3), "no such bucket.");
        assert_eq!(over, "Resolved after 3m. It was: no such bucket.");
    }
}
