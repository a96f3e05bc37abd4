#![allow(clippy::unwrap_used, reason = "tests")]

use hallpass_base::Timestamp;
use jiff::tz::TimeZone;

use super::{Period, end_moment, moment};
use crate::guard_steps::tests::{at, grant};
use crate::{EndCause, EndOutcome, Grant, GrantState};

fn ending() -> GrantState {
    GrantState::Ending {
        cause: EndCause::Released,
        since: at(25),
    }
}

fn ended(end: u64, removed: bool) -> GrantState {
    GrantState::Ended {
        cause: EndCause::Expired,
        at: at(end),
        removed,
        why: if removed {
            EndOutcome::Removed
        } else {
            EndOutcome::NeverCreated
        },
    }
}

/// The table of `access.md` §23: the period is 20 to 30, grants are scheduled at 10.
#[test]
fn grants_are_in_the_periods_that_their_access_overlaps() {
    let failed = GrantState::Failed {
        at: at(25),
        error: "denied".to_owned(),
    };
    let period = Period::new(at(20), at(30)).unwrap();
    for (seen, state, is_in) in [
        (Some(12), ended(19, true), false),
        (Some(12), ended(20, true), false),
        (Some(12), ended(21, true), true),
        (Some(12), ended(99, true), true),
        (Some(22), ended(23, true), true),
        (Some(29), ended(99, true), true),
        (Some(30), ended(99, true), false),
        (Some(12), GrantState::Active, true),
        (Some(30), GrantState::Active, false),
        (Some(12), ending(), true),
        // another grant or standing access kept it
        (Some(12), ended(25, false), true),
        (Some(12), failed.clone(), true),
        (None, failed, false),
        (None, GrantState::Scheduled, false),
        (None, GrantState::Granting, true),
        (None, ending(), true),
        (None, ended(25, true), true),
        (None, ended(20, true), false),
        (None, ended(25, false), false),
    ] {
        let grant = Grant {
            scheduled_at: at(10),
            granted_at: seen.map(at),
            state: state.clone(),
            ..grant(1, 100)
        };
        let span = grant.access_span();
        let found = span.is_some_and(|span| period.overlaps(span));
        assert_eq!(found, is_in, "{seen:?} {state:?}");
    }
}

#[test]
fn a_moment_is_within_from_its_start_to_before_its_end() {
    let grant = Grant {
        granted_at: Some(at(12)),
        state: ended(20, true),
        ..grant(1, 100)
    };
    let span = grant.access_span().unwrap();
    for (moment, is_in) in [(11, false), (12, true), (19, true), (20, false)] {
        let found = Period::at(at(moment)).overlaps(span);
        assert_eq!(found, is_in, "{moment}");
    }
    assert!(Period::new(at(20), at(20)).is_none());
    assert!(!Period::at(Timestamp::MAX).overlaps(span));
}

#[test]
fn a_period_reaches_from_the_start_of_its_first_day_to_the_end_of_its_last() {
    let zone = TimeZone::get("Europe/Stockholm").unwrap();
    for (text, start, end) in [
        ("2026-10-14", "2026-10-13T22:00:00Z", "2026-10-14T22:00:00Z"),
        // a day of 25 hours
        ("2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
        (
            "2026-10-14 03:00",
            "2026-10-14T01:00:00Z",
            "2026-10-14T01:00:00Z",
        ),
        (
            "2026-10-14T03:00Z",
            "2026-10-14T03:00:00Z",
            "2026-10-14T03:00:00Z",
        ),
    ] {
        assert_eq!(moment(text, &zone).unwrap().to_string(), start, "{text}");
        assert_eq!(end_moment(text, &zone).unwrap().to_string(), end, "{text}");
    }
    for text in ["", "yesterday", "2026-10-32", "03:00"] {
        assert!(moment(text, &zone).is_err(), "{text}");
        assert!(end_moment(text, &zone).is_err(), "{text}");
    }
}
