//! What is asked and said before a press, on pages and in Slack's windows.

use hallpass_access::{BREAK_GLASS_MAX, JUSTIFICATION_CHARACTERS_MIN, Request};
use hallpass_base::TimeSpan;

pub use hallpass_access::REASON_MISSING;

/// Beside a field for words that are recorded.
pub const KEPT_WITH_NAME: &str = "It stays in the audit log, with your name.";

/// Beside whoever was found by an address of a fallback domain.
pub fn secondary_domain(address: &str) -> String {
    format!(
        "Matched through the second mail domain ({address}). Check that this is the right person."
    )
}

/// The choice of the length that was asked for.
pub fn as_it_stands(request: &Request) -> String {
    format!("{}, as it stands", request.duration)
}

/// "Break glass for 1h?"
pub fn break_glass(request: &Request) -> String {
    break_glass_for(request.duration.min(BREAK_GLASS_MAX))
}

/// The same of a length.
pub fn break_glass_for(length: TimeSpan) -> String {
    format!("Break glass for {length}?")
}

/// What breaking the glass means: whom it tells, and what follows.
pub const BREAK_GLASS_MEANS: &str =
    "All admins are told, and somebody else closes a review afterwards.";

/// The same where it is not known how many approvers are told.
pub const BREAK_GLASS_IS_TOLD: &str =
    "All its approvers and all admins are told now. Somebody else must close a review afterwards.";

/// Who is told that the glass is broken, and what comes after.
pub fn break_glass_is_told(approvers: usize) -> String {
    let told = match approvers {
        0 => "All admins".to_owned(),
        1 => "1 approver and all admins".to_owned(),
        more => format!("{more} approvers and all admins"),
    };
    format!("{told} are told now. Somebody else must close a review afterwards.")
}

/// The label of why it cannot wait.
pub fn justification() -> String {
    format!("Justification, {JUSTIFICATION_CHARACTERS_MIN} characters or more")
}

/// The heading of closing a review.
pub const CLOSE_REVIEW: &str = "Close the review?";

/// The label of the words it is closed with.
pub const WHAT_WAS_FOUND: &str = "What did you find?";

/// What closing a review says, and who hears of it; `name` as the channel writes it.
pub fn closing_is_told(name: &str) -> String {
    format!("You say that somebody looked at it; {name} is told, with your words.")
}
