//! What mails say of alarms and sweeps, to those who look after Hallpass. What they say of notices is in
//! `hallpass-wording`.

use hallpass_access::{AlarmContext, AlarmState, DigestContext, DigestKind};
use hallpass_model::text;
use hallpass_wording::notice::mail::{Letter, OPERATOR};

/// What to write to those who look after Hallpass about an alarm.
pub(crate) fn alarm(told: &AlarmContext) -> Letter {
    let alarm = &told.alarm;
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

/// What to write to those who look after Hallpass about a sweep.
pub(crate) fn digest(told: &DigestContext) -> Letter {
    let subject = match told.digest.digest {
        DigestKind::SweepFound => "Sweep: access that changed",
        DigestKind::SweepPlanned => "Sweep: a plan waits for you",
        DigestKind::SweepStopped => "Sweep stopped: it would do too much",
        DigestKind::SweepDone => "Sweep: what was done",
        DigestKind::SweepFailed => "Sweep failed: access cannot be read",
    };
    let mut lines = told.digest.text.lines();
    Letter {
        subject: subject.to_owned(),
        headline: text::line(lines.next().unwrap_or_default(), 1_000),
        facts: Vec::new(),
        quote: None,
        notes: lines.map(|line| text::line(line, 1_000)).collect(),
        link: "Open in Hallpass",
        footer: OPERATOR.to_owned(),
    }
}
