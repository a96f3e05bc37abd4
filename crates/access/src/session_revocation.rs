//! Sessions that outlive a grant (`access.md` §16.7): removing an assignment stops new credentials,
//! not issued ones.

use hallpass_aws_model::facts;
use hallpass_base::{Target, TargetNames, TimeSpan, Timestamp};
use hallpass_rules::Directory;

use crate::{EndOutcome, Grant, OutlivingSessions, Settings};

/// Until a policy works everywhere (`policies.md` §14).
const PROPAGATION: TimeSpan = TimeSpan::minutes(5);
/// The AWS maximum, used if the permission set is unknown.
const SESSION_MAX: TimeSpan = TimeSpan::hours(facts::SESSION_HOURS.value as u64);

/// Returns the sessions to deny after a grant; `None` if there are none, they may continue, or no
/// policy reaches them.
pub(crate) fn of(
    grant: &Grant,
    outcome: EndOutcome,
    directory: &Directory,
    settings: &Settings,
    now: Timestamp,
) -> Option<OutlivingSessions> {
    let wanted = settings.end_sessions || grant.end_sessions;
    // If the user still has the access, the sessions are legitimate.
    let has_left = match outcome {
        EndOutcome::Standing
        | EndOutcome::HeldByOtherGrant
        | EndOutcome::NeverCreated
        | EndOutcome::AccountGone => false,
        EndOutcome::Removed
        | EndOutcome::Guard
        | EndOutcome::AlreadyAbsent
        | EndOutcome::PrincipalGone => {
            (grant.granted_at.is_some() || outcome.was_there()) && !grant.standing
        }
    };
    if !(wanted && has_left && is_reached(grant, settings)) {
        return None;
    }
    let issued_before = whole_second_after(now);
    let until = none_left_after(grant, directory, issued_before);
    Some(OutlivingSessions {
        grant: grant.id,
        request: grant.request,
        holder: grant.holder.email.clone(),
        key: grant.key.clone(),
        names: grant.names.clone(),
        at: now,
        issued_before,
        until,
    })
}

pub(crate) fn session_length(names: &TargetNames, directory: &Directory) -> Option<TimeSpan> {
    match names {
        TargetNames::Account { permission_set, .. } => directory
            .permission_set_by_name(permission_set)
            .map(|set| TimeSpan::seconds(set.session_duration)),
        TargetNames::Group { .. } => None,
    }
}

/// Returns when credentials issued up to the grant's end expire; its set may have had longer
/// sessions.
pub fn last_credentials_until(
    grant: &Grant,
    directory: &Directory,
    ended_at: Timestamp,
) -> Option<Timestamp> {
    let today = session_length(&grant.names, directory)?;
    let longest = grant.longest_session.map_or(today, |it| it.max(today));
    Some(longest.after(ended_at))
}

/// Returns when no session can remain after access was seen removed at `ended_at`, so the denying
/// policy may be deleted.
pub(crate) fn none_left_after(
    grant: &Grant,
    directory: &Directory,
    ended_at: Timestamp,
) -> Timestamp {
    let last = last_credentials_until(grant, directory, ended_at);
    PROPAGATION.after(last.unwrap_or_else(|| SESSION_MAX.after(ended_at)))
}

/// Policies have no effect in the management account.
pub(crate) fn is_reached(grant: &Grant, settings: &Settings) -> bool {
    match &grant.key.target {
        Target::Account { account, .. } => settings.management_account.as_ref() != Some(account),
        Target::Group { .. } => false,
    }
}

fn whole_second_after(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().saturating_add(1)).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use hallpass_rules::directory::{PermissionSet, Snapshot};

    use super::*;
    use crate::guard_steps::tests::{at, grant};

    fn with_sessions_of(hours: u64) -> Directory {
        Directory::new(Snapshot {
            permission_sets: vec![PermissionSet {
                name: "Admin".to_owned(),
                arn: "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0123456789abcdef"
                    .parse()
                    .unwrap(),
                session_duration: TimeSpan::hours(hours).as_seconds(),
                description: String::new(),
            }],
            ..Snapshot::default()
        })
    }

    /// A session begun earlier keeps its longer lifetime.
    #[test]
    fn the_longest_session_that_could_be_begun_counts_and_not_the_longest_of_today() {
        let of = |hours: Option<u64>| Grant {
            names: TargetNames::Account {
                account: "prod".to_owned(),
                permission_set: "Admin".to_owned(),
            },
            longest_session: hours.map(TimeSpan::hours),
            ..grant(1, 100)
        };
        for (then, today, longest) in [
            (None, 1, 1),
            (Some(8), 1, 8),
            (Some(1), 8, 8),
            (Some(2), 2, 2),
        ] {
            let last = none_left_after(&of(then), &with_sessions_of(today), at(100));
            let wanted = PROPAGATION.after(TimeSpan::hours(longest).after(at(100)));
            assert_eq!(last, wanted, "{then:?}, {today} today");
        }
        let unknown = none_left_after(&of(Some(1)), &Directory::default(), at(100));
        assert_eq!(unknown, PROPAGATION.after(SESSION_MAX.after(at(100))));
    }

    /// Removed access existed, seen or not; for already absent access this is unknown.
    #[test]
    fn sessions_are_denied_of_access_that_came_and_went_unseen() {
        use EndOutcome::{
            AccountGone, AlreadyAbsent, Guard, HeldByOtherGrant, NeverCreated, PrincipalGone,
            Removed, Standing,
        };
        let settings = Settings {
            end_sessions: true,
            ..Settings::default()
        };
        let denied = |outcome, grant: &Grant| {
            of(grant, outcome, &with_sessions_of(1), &settings, at(100)).is_some()
        };
        for (outcome, seen, unseen) in [
            (Removed, true, true),
            (Guard, true, true),
            (AlreadyAbsent, true, false),
            (PrincipalGone, true, false),
            (NeverCreated, false, false),
            (AccountGone, false, false),
            (Standing, false, false),
            (HeldByOtherGrant, false, false),
        ] {
            let held = grant(1, 100);
            let target = Target::Account {
                account: "111111111111".parse().unwrap(),
                permission_set:
                    "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0123456789abcdef"
                        .parse()
                        .unwrap(),
            };
            let was_seen = Grant {
                key: hallpass_base::HoldKey { target, ..held.key },
                ..held
            };
            assert_eq!(denied(outcome, &was_seen), seen, "{outcome:?}, seen");
            let never_seen = Grant {
                granted_at: None,
                ..was_seen
            };
            assert_eq!(denied(outcome, &never_seen), unseen, "{outcome:?}, unseen");
        }
    }

    /// Policies compare whole seconds: sessions issued in the second of the end are denied, later
    /// ones are not.
    #[test]
    fn what_is_denied_was_issued_before_the_next_whole_second() {
        for (at, next) in [
            ("2026-11-20T10:00:00Z", "2026-11-20T10:00:01Z"),
            ("2026-11-20T10:00:00.999Z", "2026-11-20T10:00:01Z"),
            (
                "9999-12-30T22:00:00.999999999Z",
                "9999-12-30T22:00:00.999999999Z",
            ),
        ] {
            let at: Timestamp = at.parse().unwrap();
            assert_eq!(whole_second_after(at).to_string(), next);
        }
    }
}
