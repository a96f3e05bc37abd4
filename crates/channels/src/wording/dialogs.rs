//! Texts before a press, on pages and in Slack's windows.

use hallpass_access::{BREAK_GLASS_MAX, JUSTIFICATION_CHARACTERS_MIN, Request};
use hallpass_base::TimeSpan;

pub use hallpass_access::REASON_MISSING;

pub const KEPT_WITH_NAME: &str = "It stays in the audit log, with your name.";

pub fn secondary_domain(address: &str) -> String {
    format!(
        "Matched through the second mail domain ({address}). Check that this is the right person."
    )
}

pub fn as_it_stands(request: &Request) -> String {
    format!("{}, as requested", request.duration)
}

/// "Break glass for 1h?"
pub fn break_glass(request: &Request) -> String {
    break_glass_for(request.duration.min(BREAK_GLASS_MAX))
}

pub fn break_glass_for(length: TimeSpan) -> String {
    format!("Break glass for {length}?")
}

pub const BREAK_GLASS_MEANS: &str =
    "All admins are notified; another person closes a review afterwards.";

pub const BREAK_GLASS_IS_TOLD: &str = "All its approvers and all admins are notified now. Another person must close a review afterwards.";

pub fn break_glass_is_told(approvers: usize) -> String {
    let told = match approvers {
        0 => "All admins".to_owned(),
        1 => "1 approver and all admins".to_owned(),
        more => format!("{more} approvers and all admins"),
    };
    format!("{told} are notified now. Another person must close a review afterwards.")
}

pub fn justification() -> String {
    format!("Justification, {JUSTIFICATION_CHARACTERS_MIN} characters or more")
}

pub const CLOSE_REVIEW: &str = "Close the review?";

pub const WHAT_WAS_FOUND: &str = "What did you find?";

pub fn closing_is_told(name: &str) -> String {
    format!("You confirm that you reviewed it; {name} receives your words.")
}
