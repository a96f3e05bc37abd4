//! State words on badges (`ui.md` §5).

/// Returns the word for a state name of storage and API; unknown names are unchanged.
pub fn word(state: &str) -> &str {
    match state {
        "pending" => "Waiting",
        "approved" => "Approved",
        "scheduled" => "Queued",
        "granting" => "Setting up",
        "active" => "Active",
        "ending" => "Ending",
        "ended" => "Ended",
        "denied" => "Denied",
        "discarded" => "Discarded",
        "expired" => "Expired",
        "rejected" => "Not possible",
        "failed" => "Failed",
        other => other,
    }
}
