//! Enumerates the life of one grant in every order in which its holder, one process, AWS and the
//! clock may act, with a limited number of faults. It runs the real steps of `access` and
//! `assignments` beside a reference story, and finds what a random life rarely meets.
//!
//! Not covered: other grants on the same key, guards, enforced expiry, wrong clocks, and overlong
//! leaders; the simulation covers them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod aws;
mod happens;
mod life;
mod lives;
mod moves;
mod process;
mod story;

use self::life::{Glue, Life};
use self::lives::Lives;
use self::story::Reached;

fn faults() -> u32 {
    hallpass_base::testing::cases(1, 2)
}

/// The most seconds from the last fault to the removal: two creates with lost answers may take
/// effect in turn, and listings are assumed to lag for a minute.
fn gone_within() -> u64 {
    if faults() > 1 { 70 } else { 10 }
}

/// The same until the end is reported. Listings may hide the result for a minute after a lost
/// answer.
const TOLD_WITHIN: u64 = 75;

fn keeps_every_promise(stood_before: bool, may_give_back: bool, reaches: &[Reached]) {
    let first = Life::new(stood_before, faults(), may_give_back);
    let found = Lives::of(first, Glue::Right);
    println!("{found}");
    assert!(found.broken.is_empty());
    assert!(found.gone.0 <= gone_within());
    assert!(found.told.0 <= TOLD_WITHIN);
    for what in reaches {
        assert!(found.reached.contains_key(what), "never reached: {what:?}");
    }
}

#[test]
fn a_grant_runs_to_its_end() {
    let reaches = [
        Reached::Ended,
        Reached::Failed,
        Reached::Lost,
        Reached::CreateRepeated,
        Reached::RemovalRepeated,
    ];
    keeps_every_promise(false, false, &reaches);
}

#[test]
fn a_grant_is_given_back_at_any_instant() {
    let reaches = [Reached::NothingToRemove, Reached::EndRepeated];
    keeps_every_promise(false, true, &reaches);
}

#[test]
fn access_that_stood_before_stays() {
    keeps_every_promise(true, false, &[Reached::Stood]);
    keeps_every_promise(true, true, &[Reached::Stood]);
}

#[test]
fn each_mistake_between_the_steps_is_found() {
    for glue in Glue::MISTAKES {
        let breaks = [true, false].into_iter().any(|stood_before| {
            let found = Lives::of(Life::new(stood_before, 1, true), glue);
            let late = found.gone.0 > gone_within() || found.told.0 > TOLD_WITHIN;
            println!("{glue:?}: {found}");
            late || !found.broken.is_empty()
        });
        assert!(breaks, "{glue:?} breaks nothing");
    }
}
