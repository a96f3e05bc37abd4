//! Whether AWS denies a user's calls because their own access ended, by grants and enforced expiry.

use std::collections::BTreeMap;

use hallpass_base::{HoldKey, TimeSpan, Timestamp};

use crate::arming::is_theirs;
use crate::{ArmedEndStatus, ArmedEnds, Grant, GrantState};

/// How long after an end a denial can be caused by it: no session lasts longer, and AWS keeps
/// denial details for a day.
const DENIED_FOR: TimeSpan = TimeSpan::hours(24);

enum Held {
    Still,
    Until(Timestamp),
    /// Never granted, or also held from elsewhere.
    Never,
}

/// Returns the end of one user's access to a permission set in an account, if AWS denies calls
/// because of it; `None` while a grant holds it.
pub(crate) fn own_end(
    grants: &[Grant],
    armed: &BTreeMap<HoldKey, ArmedEndStatus>,
    now: Timestamp,
) -> Option<Timestamp> {
    let mut last: Option<(Timestamp, bool)> = None;
    for grant in grants {
        let status = armed.get(&grant.key);
        match held(grant, status, now) {
            Held::Still => return None,
            Held::Never => {}
            Held::Until(at) => last = last.max(Some((at, denies(grant, status, now)))),
        }
    }
    let (at, denies) = last?;
    (denies && now < DENIED_FOR.after(at)).then_some(at)
}

fn held(grant: &Grant, armed: Option<&ArmedEndStatus>, now: Timestamp) -> Held {
    let was_seen = grant.granted_at.is_some();
    match grant.state {
        GrantState::Scheduled | GrantState::Granting if now < grant.ends_at => Held::Still,
        GrantState::Active => {
            let from = armed.and_then(ArmedEndStatus::refuses_from);
            let end = from.map_or(grant.ends_at, |from| from.min(grant.ends_at));
            if now < end {
                Held::Still
            } else {
                Held::Until(end)
            }
        }
        GrantState::Ending { .. } if was_seen && !is_theirs(grant) => {
            Held::Until(grant.due_to_end())
        }
        GrantState::Ended { at, why, .. } if (was_seen || why.was_there()) && !is_theirs(grant) => {
            Held::Until(at.min(grant.ends_at))
        }
        GrantState::Scheduled
        | GrantState::Granting
        | GrantState::Ending { .. }
        | GrantState::Ended { .. }
        | GrantState::Failed { .. } => Held::Never,
    }
}

/// Whether a Hallpass policy denies, or denied, calls of the ended grant.
fn denies(grant: &Grant, armed: Option<&ArmedEndStatus>, now: Timestamp) -> bool {
    let by_end = match armed {
        Some(status) => status.refuses_from().is_some_and(|from| from <= now),
        // Its statement was deleted with its last session.
        None => grant.armed_ends != ArmedEnds::Off,
    };
    by_end || grant.end_sessions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard_steps::tests::{at, grant};
    use crate::{EndCause, EndOutcome};

    fn ended(ended_at: u64, why: EndOutcome) -> GrantState {
        GrantState::Ended {
            cause: EndCause::Expired,
            at: at(ended_at),
            removed: why == EndOutcome::Removed,
            why,
        }
    }

    fn armed(until: u64) -> ArmedEndStatus {
        ArmedEndStatus::Armed {
            until: at(until),
            seen: at(20),
            moves_to: None,
            unmoved: None,
            unseen: None,
        }
    }

    fn of_a_grant(
        state: GrantState,
        status: Option<ArmedEndStatus>,
        armed_ends: ArmedEnds,
    ) -> Option<Timestamp> {
        let grant = Grant {
            armed_ends,
            state,
            ..grant(1, 100)
        };
        let statuses: BTreeMap<_, _> = { status.into_iter() }
            .map(|it| (grant.key.clone(), it))
            .collect();
        own_end(&[grant], &statuses, at(150))
    }

    /// A grant until 100, in a state, as 150 sees it.
    #[test]
    fn an_end_is_told_where_something_of_ours_denies_since_then() {
        let not_armed = Some(ArmedEndStatus::NotArmed {
            why: "the account's policy is full".to_owned(),
            unseen: None,
        });
        let ending = GrantState::Ending {
            cause: EndCause::Released,
            since: at(60),
        };
        let removed = ended(104, EndOutcome::Removed);
        for (row, state, status, mode, expected) in [
            (
                "over, and in force",
                removed.clone(),
                Some(armed(100)),
                ArmedEnds::Preferred,
                Some(100),
            ),
            (
                "its statement has gone",
                removed.clone(),
                None,
                ArmedEnds::Preferred,
                Some(100),
            ),
            ("never armed", removed.clone(), None, ArmedEnds::Off, None),
            (
                "not armed",
                removed.clone(),
                not_armed,
                ArmedEnds::Preferred,
                None,
            ),
            (
                "given back",
                ending,
                Some(armed(60)),
                ArmedEnds::Preferred,
                Some(60),
            ),
            (
                "not removed yet",
                GrantState::Active,
                Some(armed(120)),
                ArmedEnds::Preferred,
                Some(100),
            ),
            (
                "in force ahead",
                removed,
                Some(armed(200)),
                ArmedEnds::Preferred,
                None,
            ),
            (
                "there before",
                ended(104, EndOutcome::Standing),
                Some(armed(100)),
                ArmedEnds::Preferred,
                None,
            ),
        ] {
            let found = of_a_grant(state, status, mode);
            assert_eq!(found, expected.map(at), "{row}");
        }
    }

    /// Access can appear, be used and be removed between two checks.
    #[test]
    fn an_end_of_access_that_nobody_saw_is_told_where_it_was_there() {
        for (why, told) in [
            (EndOutcome::Removed, true),
            (EndOutcome::Guard, true),
            (EndOutcome::AlreadyAbsent, false),
            (EndOutcome::NeverCreated, false),
        ] {
            let unseen = Grant {
                granted_at: None,
                end_sessions: true,
                state: ended(104, why),
                ..grant(1, 100)
            };
            let found = own_end(&[unseen], &BTreeMap::new(), at(150));
            assert_eq!(found, told.then(|| at(100)), "{why:?}");
        }
    }

    #[test]
    fn whoever_holds_it_again_is_not_denied_for_an_end_before() {
        let over = Grant {
            state: ended(104, EndOutcome::Removed),
            armed_ends: ArmedEnds::Preferred,
            ..grant(1, 100)
        };
        let armed = BTreeMap::from([(over.key.clone(), armed(100))]);
        let found = |grants: &[Grant], now| own_end(grants, &armed, at(now));
        assert_eq!(found(std::slice::from_ref(&over), 150), Some(at(100)));
        let again = Grant {
            state: GrantState::Granting,
            ..grant(2, 500)
        };
        assert_eq!(found(&[again, over.clone()], 150), None);
        // A day later its sessions are over.
        let late = 100 + DENIED_FOR.as_seconds();
        assert_eq!(found(std::slice::from_ref(&over), late), None);
        // Extended, but AWS still enforces the earlier end.
        let extended = Grant {
            state: GrantState::Active,
            ..grant(3, 900)
        };
        assert_eq!(found(&[extended], 150), Some(at(100)));
    }
}
