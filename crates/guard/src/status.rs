//! What a guard says of itself: for its metrics, for the server that listens for it, for people.

use hallpass_base::{TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};

use crate::EndsSource;

/// Why a guard cannot do its work, or not all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "blind", rename_all = "snake_case")]
pub enum Blindness {
    /// AWS was not heard yet, so the time is not known and nothing is removed.
    NoTime,
    /// No copy of the ends was ever read.
    NoCopy {
        /// Why not.
        why: String,
    },
    /// The copy is older than ten minutes.
    OldCopy {
        /// Why there is no newer one.
        why: String,
    },
    /// A copy is refused because a newer one was seen before.
    OlderCopy {
        /// In what it is older.
        why: String,
    },
    /// A copy is refused because it is not what the server wrote.
    NotBelieved {
        /// What is wrong with it.
        why: String,
    },
}

impl Blindness {
    /// What it is, in a sentence for people and the journal.
    pub fn words(&self) -> String {
        match self {
            Self::NoTime => "AWS was not heard yet: the time is not known".to_owned(),
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

    /// Whether it is the same trouble, however its words differ.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// An end that AWS refuses for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// Who and what, as text.
    pub key: String,
    /// When it was parked.
    pub since: Timestamp,
    /// What AWS says.
    pub reason: String,
}

/// A guard at one instant. Written beside its journal every half minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// When this was so, by AWS's time; `None` while that is not known.
    pub at: Option<Timestamp>,
    /// How late an end may be before the guard acts.
    pub bound: TimeSpan,
    /// Where the copy of the ends comes from.
    pub source: Option<EndsSource>,
    /// How old it is.
    pub copy_age: Option<TimeSpan>,
    /// How many ends it holds.
    pub ends: u64,
    /// Of those, how many are past their end and the bound, and not seen gone.
    pub overdue: u64,
    /// How many removals AWS refuses, parked or not.
    pub refused: u64,
    /// The parked ones.
    pub parked: Vec<Parked>,
    /// How many ends this guard brought about, in all its journal.
    pub ended_total: u64,
    /// Why it cannot do all its work.
    pub blindness: Option<Blindness>,
    /// Since when AWS does not answer.
    pub aws_silent_since: Option<Timestamp>,
    /// Why AWS lists nothing for the guard's role, when it refuses.
    pub not_listed: Option<String>,
    /// By how many seconds the machine's clock is ahead of AWS's.
    pub wall_ahead_seconds: Option<i64>,
    /// Records that could not be written yet.
    pub unwritten: u64,
}

/// The machine's clock may differ from AWS's by this much without anybody being told.
const WALL_BOUND: u64 = 300;

impl Status {
    /// What somebody has to look at, in words; empty when all is well.
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
