//! What is known of other ways to the same access. Pure.

use hallpass_model::Timestamp;

use super::{ArmedEnd, NotArmed, WhyNotArmed};

/// What is known of another way to the same access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Otherwise {
    /// It must not be in force.
    Not(NotArmed),
    /// Nobody knows, and why.
    Unknown(String),
    /// Nobody can be asked since then, and it is denied all the same ([`ArmedEnd::is_denied_unasked`]).
    Lost(Timestamp),
}

/// What is known of somebody about whom nobody can be asked since then. That somebody was told to give them the same in another
/// way is an event that came by another road: they may hold it rightly, and it is the road to AWS that is away.
pub(super) fn unasked(end: &ArmedEnd, since: Timestamp) -> Otherwise {
    let Some(given_at) = end.given_unseen() else {
        return Otherwise::Unknown(not_answered(since));
    };
    Otherwise::Not(NotArmed {
        why: WhyNotArmed::HeldOtherwise,
        words: format!(
            "an event says that somebody gave them the same in another way at {given_at}, and {}",
            not_answered(since)
        ),
    })
}

/// That nobody can be asked, in words.
pub(super) fn not_answered(since: Timestamp) -> String {
    format!("the home Region of IAM Identity Center has not answered since {since}")
}
