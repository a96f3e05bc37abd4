//! How far a server may go that nobody watches (`organization.md` S-8): what its mode, and what people did with the file,
//! let it change.

use hallpass_base::Timestamp;

use super::units::StandardsAccount;

/// Why what differs is told and left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftAlone {
    /// The server only tells.
    Notify,
    /// Nobody has applied this very file.
    NotApplied,
    /// It joined before somebody applied the file, or nobody knows when.
    NotNew,
    /// As many accounts were changed today as may be.
    DayFull {
        /// So many may be.
        most: usize,
    },
    /// More differ than may be changed today.
    TooMany {
        /// So many may still be.
        left: usize,
    },
    /// Somebody turned it on.
    TurnedOn,
    /// Policies of the administrator configure it.
    Policies,
}

/// How far the server goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FollowMode {
    /// It tells what differs, and changes nothing.
    #[default]
    Notify,
    /// It changes accounts that joined after a person applied this very file.
    New,
    /// It changes every account that differs, so many a day.
    Enforce,
}

/// The file that a person applied last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedFile {
    /// The hash of its text.
    pub hash: String,
    /// When it was applied first since another one was.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
}

/// What may be done with an account that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MayChange {
    /// It is changed.
    Yes,
    /// It is changed where the day has room for it.
    WithinTheDay,
    /// It is told.
    No(LeftAlone),
}

/// What a mode lets the server do with an account.
pub(super) fn may_change(
    mode: FollowMode,
    file_hash: &str,
    applied: Option<&AppliedFile>,
    account: Option<&StandardsAccount>,
) -> MayChange {
    match mode {
        FollowMode::Notify => MayChange::No(LeftAlone::Notify),
        FollowMode::Enforce => MayChange::WithinTheDay,
        FollowMode::New => match applied.filter(|it| it.hash == file_hash) {
            None => MayChange::No(LeftAlone::NotApplied),
            Some(applied)
                if account
                    .and_then(|it| it.joined)
                    .is_some_and(|at| at > applied.at) =>
            {
                MayChange::Yes
            }
            Some(_) => MayChange::No(LeftAlone::NotNew),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn only_what_joined_after_a_person_applied_this_very_file_is_new() {
        let applied = AppliedFile {
            hash: "one".to_owned(),
            at: at(100),
            by: "ana".to_owned(),
        };
        let no = MayChange::No;
        for (mode, hash, applied, joined, expected) in [
            (
                FollowMode::Notify,
                "one",
                Some(&applied),
                Some(101),
                no(LeftAlone::Notify),
            ),
            (
                FollowMode::New,
                "one",
                Some(&applied),
                Some(101),
                MayChange::Yes,
            ),
            (
                FollowMode::New,
                "one",
                Some(&applied),
                Some(100),
                no(LeftAlone::NotNew),
            ),
            (
                FollowMode::New,
                "one",
                Some(&applied),
                None,
                no(LeftAlone::NotNew),
            ),
            (
                FollowMode::New,
                "two",
                Some(&applied),
                Some(101),
                no(LeftAlone::NotApplied),
            ),
            (
                FollowMode::New,
                "one",
                None,
                Some(101),
                no(LeftAlone::NotApplied),
            ),
            (
                FollowMode::Enforce,
                "two",
                None,
                None,
                MayChange::WithinTheDay,
            ),
        ] {
            let account = StandardsAccount {
                joined: joined.map(at),
                ..StandardsAccount::default()
            };
            let found = may_change(mode, hash, applied, Some(&account));
            assert_eq!(found, expected, "{mode:?} {hash} {joined:?}");
        }
    }
}
