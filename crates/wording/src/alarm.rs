//! What those who run the place are told of an alarm.

use hallpass_access::{Alarm, AlarmState};
use hallpass_model::text;

use crate::notice::mail::{Letter, OPERATOR};

/// What to write to those who look after Hallpass about an alarm.
pub fn alarm_letter(alarm: &Alarm) -> Letter {
    let subject = match alarm.state {
        AlarmState::Begun => format!("Alarm: {}", alarm.alarm.title()),
        AlarmState::Over => alarm.title(),
    };
    Letter {
        subject: text::line(&subject, 200),
        headline: text::line(&alarm.text, 1_000),
        facts: vec![(
            "Since",
            alarm.since.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        )],
        quote: None,
        notes: match alarm.state {
            AlarmState::Begun => vec![format!("What to do: {}.", alarm.alarm.runbook())],
            AlarmState::Over => Vec::new(),
        },
        link: "Open Health",
        footer: OPERATOR.to_owned(),
    }
}
