//! Shows the end that AWS enforces, not the one still requested.

use hallpass_base::Timestamp;

use crate::{ArmedEndStatus, Grant, GrantState};

/// While AWS denies, or may deny, access from before the grant's end, the shown end is that instant
/// (`access.md` §21, A-2). Display only; decisions use the stored end.
#[must_use]
pub fn as_enforced(grant: Grant, armed: Option<&ArmedEndStatus>) -> Grant {
    match (armed.and_then(ArmedEndStatus::refuses_from), &grant.state) {
        (Some(from), GrantState::Active) => Grant {
            ends_at: grant.ends_at.min(from),
            ..grant
        },
        _ => grant,
    }
}

/// Whether AWS still enforces an earlier end, so notices of the later one wait.
pub fn is_still_to_move(armed: Option<&ArmedEndStatus>, end: Timestamp) -> bool {
    let from = armed.and_then(ArmedEndStatus::refuses_from);
    from.is_some_and(|from| from < end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UnseenEnd;

    #[test]
    fn a_later_end_is_told_once_aws_has_it() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let end = at("2026-11-20T12:00:00Z");
        let armed = |text, unmoved: Option<&str>| {
            Some(ArmedEndStatus::Armed {
                until: at(text),
                seen: at("2026-11-20T10:00:00Z"),
                moves_to: Some(end),
                unmoved: unmoved.map(str::to_owned),
                unseen: None,
            })
        };
        let why = "the account's policy is full".to_owned();
        for (row, armed, told) in [
            (
                "moving",
                armed("2026-11-20T10:00:00Z", None),
                "2026-11-20T10:00:00Z",
            ),
            (
                "not moved",
                armed("2026-11-20T10:00:00Z", Some("denied")),
                "2026-11-20T10:00:00Z",
            ),
            (
                "moved",
                armed("2026-11-20T12:00:00Z", None),
                "2026-11-20T12:00:00Z",
            ),
            (
                "rounded up",
                armed("2026-11-20T12:01:00Z", None),
                "2026-11-20T12:00:00Z",
            ),
            (
                "not seen yet",
                Some(ArmedEndStatus::Waiting { unseen: None }),
                "2026-11-20T12:00:00Z",
            ),
            (
                "not armed",
                Some(ArmedEndStatus::NotArmed { why, unseen: None }),
                "2026-11-20T12:00:00Z",
            ),
            ("never armed", None, "2026-11-20T12:00:00Z"),
        ] {
            let waits = at(told) < end;
            assert_eq!(is_still_to_move(armed.as_ref(), end), waits, "{row}");
            let grant = Grant {
                ends_at: end,
                state: GrantState::Active,
                ..crate::guard_steps::tests::grant(1, 100)
            };
            let shown = as_enforced(grant.clone(), armed.as_ref());
            assert_eq!(shown.ends_at, at(told), "{row}");
            // The state already explains a starting or ending grant.
            let making = Grant {
                state: GrantState::Granting,
                ..grant
            };
            let shown = as_enforced(making.clone(), armed.as_ref());
            assert_eq!(shown, making, "{row}");
        }
    }

    #[test]
    fn what_was_written_and_not_seen_counts_as_what_is_in_force() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (from, end) = (at("2026-11-20T11:00:00Z"), at("2026-11-20T12:00:00Z"));
        let unseen = Some(UnseenEnd {
            from,
            moves_to: Some(end),
        });
        let why = "AWS did not answer".to_owned();
        for armed in [
            ArmedEndStatus::Waiting { unseen },
            ArmedEndStatus::NotArmed { why, unseen },
            ArmedEndStatus::Armed {
                until: at("2026-11-20T11:30:00Z"),
                seen: at("2026-11-20T10:00:00Z"),
                moves_to: Some(end),
                unmoved: None,
                unseen,
            },
        ] {
            assert!(is_still_to_move(Some(&armed), end), "{armed:?}");
            let moving = armed.moving().unwrap();
            assert_eq!((moving.from, moving.to, moving.may), (from, end, true));
            let grant = Grant {
                ends_at: end,
                state: GrantState::Active,
                ..crate::guard_steps::tests::grant(1, 100)
            };
            assert_eq!(as_enforced(grant, Some(&armed)).ends_at, from, "{armed:?}");
        }
    }
}
