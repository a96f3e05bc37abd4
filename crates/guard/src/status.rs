//! A guard's status: for metrics, the server and people.

use hallpass_base::{TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};

use crate::EndsSource;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "blind", rename_all = "snake_case")]
pub enum Blindness {
    /// The time is unknown before AWS's first response: removes nothing.
    NoTime,
    /// No copy of the ends so far.
    NoCopy {
        why: String,
    },
    /// Older than ten minutes.
    OldCopy {
        why: String,
    },
    /// A newer copy was seen before.
    OlderCopy {
        why: String,
    },
    NotBelieved {
        why: String,
    },
}

impl Blindness {
    pub fn words(&self) -> String {
        match self {
            Self::NoTime => "AWS has not answered yet: the time is not known".to_owned(),
            Self::NoCopy { why } => format!("no ends are known: {why}"),
            Self::OldCopy { why } => format!("the newest copy of the ends is old: {why}"),
            Self::OlderCopy { why } => {
                format!("an older copy of the ends is refused, the one before stays: {why}")
            }
            Self::NotBelieved { why } => {
                format!("a copy of the ends is not believed, the one before stays: {why}")
            }
        }
    }

    /// Whether it is the same problem, ignoring details.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    pub key: String,
    pub since: Timestamp,
    pub reason: String,
}

/// Written next to the journal every 30 s.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub name: String,
    /// By AWS's time; `None` if unknown.
    pub at: Option<Timestamp>,
    /// Maximum delay of an end before the guard acts.
    pub bound: TimeSpan,
    pub source: Option<EndsSource>,
    pub copy_age: Option<TimeSpan>,
    pub ends: u64,
    pub overdue: u64,
    pub refused: u64,
    pub parked: Vec<Parked>,
    /// Ends completed in the whole journal.
    pub ended_total: u64,
    pub blindness: Option<Blindness>,
    pub aws_silent_since: Option<Timestamp>,
    pub not_listed: Option<String>,
    /// Lead of the machine's clock over AWS's.
    pub wall_ahead_seconds: Option<i64>,
    pub unwritten: u64,
}

/// Tolerated clock difference in seconds.
const WALL_BOUND: u64 = 300;

impl Status {
    /// Alarm texts; empty if healthy.
    pub fn alarms(&self) -> Vec<String> {
        let mut alarms = Vec::new();
        if let Some(blindness) = &self.blindness {
            alarms.push(blindness.words());
        }
        if self.overdue > 0 {
            alarms.push(format!("{} ends are overdue", self.overdue));
        }
        for parked in &self.parked {
            let Parked { key, reason, .. } = parked;
            alarms.push(format!("AWS refuses to remove {key}: {reason}"));
        }
        let unparked = self.refused.saturating_sub(self.parked.len() as u64);
        if unparked > 0 {
            alarms.push(format!("AWS refuses {unparked} removals"));
        }
        if let Some(why) = &self.not_listed {
            alarms.push(format!("the role may not list: {why}"));
        }
        if let (Some(since), Some(now)) = (self.aws_silent_since, self.at) {
            let silent = TimeSpan::between(since, now);
            alarms.push(format!("AWS has not answered for {silent}"));
        }
        if let Some(ahead) = self
            .wall_ahead_seconds
            .filter(|it| it.unsigned_abs() > WALL_BOUND)
        {
            let way = if ahead > 0 { "ahead of" } else { "behind" };
            let off = TimeSpan::seconds(ahead.unsigned_abs());
            alarms.push(format!("this machine's clock is {off} {way} AWS's"));
        }
        if self.unwritten > 0 {
            alarms.push(format!("{} records could not be written", self.unwritten));
        }
        alarms
    }
}
