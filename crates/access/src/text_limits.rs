//! Length limits of callers' texts, in characters.

use hallpass_aws_model::facts;
use hallpass_base::text::number;

use crate::{FieldProblem, Wanted};

/// After trimming (`access.md` §11.3).
pub(crate) const REASON_CHARACTERS_MAX: usize = 1000;
pub const JUSTIFICATION_CHARACTERS_MIN: usize = 20;
pub const JUSTIFICATION_CHARACTERS_MAX: usize = REASON_CHARACTERS_MAX;
/// Field limit of a record: a justification or comment with its prefix.
pub(crate) const RECORD_TEXT_CHARACTERS_MAX: usize = 2_048;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TooLong {
    Field(TextField, usize),
    /// In characters after trimming.
    Justification(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextField {
    Account,
    PermissionSet,
    Group,
    Reason,
    Ticket,
    Comment,
}

impl TextField {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::PermissionSet => "permission_set",
            Self::Group => "group",
            Self::Reason => "reason",
            Self::Ticket => "ticket",
            Self::Comment => "comment",
        }
    }

    pub(crate) const fn noun(self) -> &'static str {
        match self {
            Self::Account => "an account's name",
            Self::PermissionSet => "a permission set's name",
            Self::Group => "a group's name",
            Self::Reason => "a reason",
            Self::Ticket => "a ticket",
            Self::Comment => "a comment",
        }
    }

    pub const fn code(self) -> &'static str {
        match self {
            Self::Account => "long-account",
            Self::PermissionSet => "long-permission-set",
            Self::Group => "long-group",
            Self::Reason => "long-reason",
            Self::Ticket => "long-ticket",
            Self::Comment => "long-comment",
        }
    }

    /// Characters; for names, AWS's limits.
    pub const fn most(self) -> usize {
        match self {
            Self::Account => facts::ACCOUNT_NAME_CHARACTERS.count(),
            Self::PermissionSet => facts::PERMISSION_SET_NAME_CHARACTERS.count(),
            Self::Group => facts::GROUP_NAME_CHARACTERS.count(),
            Self::Ticket => 256,
            Self::Reason | Self::Comment => REASON_CHARACTERS_MAX,
        }
    }

    /// Ignores whitespace around a reason, which is not stored.
    pub(crate) fn ensure(self, text: &str) -> Result<(), TooLong> {
        let counted = match self {
            Self::Account | Self::PermissionSet | Self::Group | Self::Ticket => text,
            Self::Reason | Self::Comment => text.trim(),
        };
        let characters = counted.chars().count();
        if characters > self.most() {
            return Err(TooLong::Field(self, characters));
        }
        Ok(())
    }

    pub fn problem(self, characters: usize) -> FieldProblem {
        FieldProblem::new(self.name(), self.code(), at_most(self.most(), characters))
    }
}

pub(crate) fn ensure_justification(justification: &str) -> Result<(), TooLong> {
    let characters = justification.trim().chars().count();
    if characters > JUSTIFICATION_CHARACTERS_MAX {
        return Err(TooLong::Justification(characters));
    }
    Ok(())
}

/// Names above AWS's limits cannot exist.
pub(crate) fn ensure_names(wanted: &Wanted) -> Result<(), TooLong> {
    match wanted {
        Wanted::Account {
            account,
            permission_set,
        } => {
            TextField::Account.ensure(account)?;
            TextField::PermissionSet.ensure(permission_set)
        }
        Wanted::Group { group } => TextField::Group.ensure(group),
    }
}

/// "At most 1,000 characters; this has 1,043."
pub fn at_most(most: usize, length: usize) -> String {
    let number = |n: usize| number(u64::try_from(n).unwrap_or(u64::MAX));
    let (most, has) = (number(most), number(length));
    format!("At most {most} characters; this has {has}.")
}
