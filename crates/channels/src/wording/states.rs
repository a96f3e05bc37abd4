//! The words of states, as badges show them (`ui.md` §5).

/// The word of a request's or a grant's state, by the state's name in storage and API. One that is not
/// known is shown as it is.
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
        "expired" => "Lapsed",
        "rejected" => "Not possible",
        "failed" => "Failed",
        other => other,
    }
}
