use hallpass_base::{CampaignId, HoldKey, TargetNames, Timestamp, UserId, fold::folded};
use serde::{Deserialize, Serialize};

use super::{ReviewerSource, Unanswered};
use crate::{Acceptance, Person};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerKind {
    Keep,
    Remove,
    /// Removed, because a rule lets the holder request it.
    OnRequest,
}

impl AnswerKind {
    pub const ALL: [Self; 3] = [Self::Keep, Self::Remove, Self::OnRequest];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Remove => "remove",
            Self::OnRequest => "on_request",
        }
    }

    pub const fn removes(self) -> bool {
        match self {
            Self::Keep => false,
            Self::Remove | Self::OnRequest => true,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineAnswer {
    pub answer: AnswerKind,
    pub reason: String,
    /// With [`AnswerKind::OnRequest`], the rules that let the holder request it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    pub by: Person,
    pub at: Timestamp,
}

/// Compared with the previous campaign of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineChange {
    /// Not in the previous campaign, or there is none.
    New,
    /// The previous campaign removes it, but it exists.
    StillThere,
    Kept,
}

impl LineChange {
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::StillThere => "still_there",
            Self::Kept => "kept",
        }
    }
}

/// Days before the start of a campaign whose logs tell the use of its lines.
pub const USE_DAYS: u32 = 90;

/// Use of the access in the [`USE_DAYS`] days before the campaign began, from CloudTrail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineUse {
    Used {
        last: Timestamp,
    },
    /// The log has every day of every account, and no use.
    Never,
    #[default]
    Unknown,
}

impl LineUse {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Used { .. } => "used",
            Self::Never => "never",
            Self::Unknown => "unknown",
        }
    }

    pub const fn last(self) -> Option<Timestamp> {
        match self {
            Self::Used { last } => Some(last),
            Self::Never | Self::Unknown => None,
        }
    }

    /// The use in several accounts together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Used { last }, it) | (it, Self::Used { last }) => Self::Used {
                last: it.last().map_or(last, |it| it.max(last)),
            },
            (Self::Never, Self::Never) => Self::Never,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
        }
    }
}

/// Standing access of one person, for one reviewer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignLine {
    pub campaign: CampaignId,
    /// From 1, in the order of display.
    pub number: u32,
    pub key: HoldKey,
    pub names: TargetNames,
    /// `None` if not in the directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Person>,
    pub first_seen: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Acceptance>,
    /// Its account, or an account that its group opens, is production by name.
    pub production: bool,
    /// Account assignments of its group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gives: Vec<TargetNames>,
    /// Of a group: of its account assignments.
    #[serde(rename = "usage")]
    pub used: LineUse,
    pub change: LineChange,
    pub reviewer: Person,
    /// Why this reviewer; `None` for the owner, and after a reassignment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewer_by: Option<ReviewerSource>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<LineAnswer>,
    /// Grows with every change; guards concurrent writers.
    pub version: u64,
}

impl CampaignLine {
    pub fn holder_name(&self) -> &str {
        let holder = self.holder.as_ref();
        holder.map_or_else(|| self.key.user.as_str(), |it| it.email.as_str())
    }

    /// The answer, or the campaign's default.
    pub fn outcome(&self, unanswered: Unanswered) -> AnswerKind {
        match (&self.answer, unanswered) {
            (Some(it), _) => it.answer,
            (None, Unanswered::Keep) => AnswerKind::Keep,
            (None, Unanswered::Remove) => AnswerKind::Remove,
        }
    }

    /// What a search looks in, folded.
    pub fn search_text(&self) -> String {
        let holder = self.holder.as_ref();
        let name = holder.map_or("", |it| it.name.as_str());
        folded(&format!("{name} {} {}", self.holder_name(), self.names))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerFilter {
    Open,
    Is(AnswerKind),
}

impl AnswerFilter {
    pub fn parse(name: &str) -> Option<Self> {
        let mut kinds = AnswerKind::ALL.into_iter();
        match name {
            "open" => Some(Self::Open),
            name => kinds.find(|it| it.name() == name).map(Self::Is),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineFilter {
    /// Empty for all.
    pub reviewers: Vec<UserId>,
    pub answer: Option<AnswerFilter>,
    /// Empty for all.
    pub numbers: Vec<u32>,
    /// Only lines without use.
    pub unused: bool,
    /// A folded part of names; empty for all.
    pub text: String,
    /// Only lines after this number.
    pub after: u32,
}

impl LineFilter {
    pub fn fits(&self, line: &CampaignLine) -> bool {
        let kind = line.answer.as_ref().map(|it| it.answer);
        let is_theirs = self.reviewers.is_empty() || self.reviewers.contains(&line.reviewer.user);
        is_theirs
            && (!self.unused || line.used == LineUse::Never)
            && line.number > self.after
            && (self.numbers.is_empty() || self.numbers.contains(&line.number))
            && match self.answer {
                None => true,
                Some(AnswerFilter::Open) => kind.is_none(),
                Some(AnswerFilter::Is(wanted)) => kind == Some(wanted),
            }
            && line.search_text().contains(&self.text)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineCount {
    pub reviewer: UserId,
    pub answer: Option<AnswerKind>,
    pub lines: u32,
}

#[cfg(test)]
mod tests {
    use super::LineUse::{self, Never, Unknown, Used};

    #[test]
    fn the_use_of_a_group_is_that_of_all_its_accounts() {
        let used = |second| Used {
            last: hallpass_base::Timestamp::from_second(second).unwrap(),
        };
        let rows: [(LineUse, LineUse, LineUse); 6] = [
            (Never, Never, Never),
            (Never, Unknown, Unknown),
            (Unknown, Unknown, Unknown),
            (used(1), Never, used(1)),
            (used(1), Unknown, used(1)),
            (used(1), used(2), used(2)),
        ];
        for (one, other, both) in rows {
            assert_eq!(one.and(other), both);
            assert_eq!(other.and(one), both);
        }
    }
}
