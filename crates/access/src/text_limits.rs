//! How long the words may be that people give, in characters after trimming.

use hallpass_model::text::number;

/// Longest reason, in characters after trimming (`access.md` §11.3).
pub(crate) const REASON_CHARACTERS_MAX: usize = 1000;
/// The longest comment, in characters after trimming: as long as a reason.
pub const COMMENT_CHARACTERS_MAX: usize = 1000;
/// The shortest justification, in characters after trimming.
pub const JUSTIFICATION_CHARACTERS_MIN: usize = 20;
/// The longest: as long as a reason.
pub const JUSTIFICATION_CHARACTERS_MAX: usize = 1000;

/// That a text is too long, in characters: "At most 1,000 characters; this has 1,043."
pub fn at_most(most: usize, length: usize) -> String {
    let number = |n: usize| number(u64::try_from(n).unwrap_or(u64::MAX));
    let (most, has) = (number(most), number(length));
    format!("At most {most} characters; this has {has}.")
}
