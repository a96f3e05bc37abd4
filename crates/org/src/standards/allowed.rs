//! Limits of unattended changes (`organization.md` S-8), by mode and by the last manual apply.

use hallpass_enforcement::standards_visits::AppliedFile;

use super::units::StandardsAccount;

/// Why a difference is only reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftAlone {
    Notify,
    /// This file version was never applied manually.
    NotApplied,
    /// The account joined before the manual apply, or at an unknown time.
    NotNew,
    /// The daily account limit is reached.
    DayFull {
        most: usize,
    },
    /// More differences than today's remaining limit.
    TooMany {
        left: usize,
    },
    /// Enabled by a user.
    TurnedOn,
    /// Configured by the administrator's policies.
    Policies,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FollowMode {
    /// Reports differences only.
    #[default]
    Notify,
    /// Changes accounts that joined after a person applied this file version.
    New,
    /// Changes every differing account, up to a daily limit.
    Enforce,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MayChange {
    Yes,
    /// Changed within the daily limit.
    WithinTheDay,
    No(LeftAlone),
}

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
    use hallpass_base::Timestamp;

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
