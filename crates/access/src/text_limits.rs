//! How long the texts of callers may be, in characters.

use hallpass_aws_model::facts;
use hallpass_base::text::number;

use crate::{FieldProblem, Wanted};

/// Longest reason, in characters after trimming (`access.md` §11.3).
pub(crate) const REASON_CHARACTERS_MAX: usize = 1000;
/// The shortest justification, in characters after trimming.
pub const JUSTIFICATION_CHARACTERS_MIN: usize = 20;
/// The longest: as long as a reason.
pub const JUSTIFICATION_CHARACTERS_MAX: usize = REASON_CHARACTERS_MAX;
/// What the store takes of a caller's text in one field of a record: a justification or comment with what is said before it.
pub(crate) const RECORD_TEXT_CHARACTERS_MAX: usize = 2_048;

/// A text of a caller that is longer than it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TooLong {
    /// One of its fields, by its characters.
    Field(TextField, usize),
    /// A justification, by its characters after trimming.
    Justification(usize),
}

/// A text that a caller gives and the store keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextField {
    /// An account's id or name.
    Account,
    /// A permission set's name.
    PermissionSet,
    /// A group's id or name.
    Group,
    /// Why something is requested, denied, ended or decided.
    Reason,
    /// A ticket.
    Ticket,
    /// An approver's comment.
    Comment,
}

impl TextField {
    /// Its name in bodies and forms.
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

    /// What messages call it.
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

    /// A stable code for a text that is too long.
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

    /// The most characters: for names, what AWS allows.
    pub const fn most(self) -> usize {
        match self {
            Self::Account => facts::ACCOUNT_NAME_CHARACTERS.count(),
            Self::PermissionSet => facts::PERMISSION_SET_NAME_CHARACTERS.count(),
            Self::Group => facts::GROUP_NAME_CHARACTERS.count(),
            Self::Ticket => 256,
            Self::Reason | Self::Comment => REASON_CHARACTERS_MAX,
        }
    }

    /// Refuses a text that is too long. What surrounds a reason is not stored, and does not count.
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

    /// A text that is too long, on its field.
    pub fn problem(self, characters: usize) -> FieldProblem {
        FieldProblem::new(self.name(), self.code(), at_most(self.most(), characters))
    }
}

/// Refuses a justification that is too long.
pub(crate) fn ensure_justification(justification: &str) -> Result<(), TooLong> {
    let characters = justification.trim().chars().count();
    if characters > JUSTIFICATION_CHARACTERS_MAX {
        return Err(TooLong::Justification(characters));
    }
    Ok(())
}

/// Refuses names that are longer than AWS allows: they name nothing.
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

/// That a text is too long, in characters: "At most 1,000 characters; this has 1,043."
pub fn at_most(most: usize, length: usize) -> String {
    let number = |n: usize| number(u64::try_from(n).unwrap_or(u64::MAX));
    let (most, has) = (number(most), number(length));
    format!("At most {most} characters; this has {has}.")
}
