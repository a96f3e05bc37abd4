//! What Health and readiness say of each part, and with it what alarms give as their cause: nobody reads
//! one sentence on the page and another in the mail.

use hallpass_model::{TimeSpan, Timestamp};

/// How an instant is written.
const INSTANT: &str = "%Y-%m-%d %H:%M:%S UTC";

/// What the store counts.
pub fn grants_counted(overdue: u64, stuck: u64) -> String {
    format!("{overdue} grants overdue, {stuck} stuck")
}

/// That access is held past its end.
pub fn ends_are_overdue(grants: u64) -> String {
    format!("{grants} grants are past their end by more than 5 minutes and still held")
}

/// That every end came in time.
pub const NO_END_IS_LATE: &str = "no end is late";

/// That nothing is known of the organization.
pub const ORGANIZATION_UNREAD: &str = "the organization was not read yet";

/// That what is known of it is old.
pub fn organization_is_old(read_at: Timestamp) -> String {
    format!(
        "the organization was last read at {}",
        read_at.strftime(INSTANT)
    )
}

/// How old what is known of it is.
pub fn organization_was_read(ago: TimeSpan) -> String {
    format!("the organization was read {ago} ago")
}

/// That the executor has not come round.
pub fn assignments_wait(tended_ago: TimeSpan) -> String {
    format!("assignments were last tended {tended_ago} ago")
}

/// When the executor last came round.
pub fn assignments_were_tended(ago: TimeSpan) -> String {
    format!("assignments were tended {ago} ago")
}

/// That no guard has ever said anything.
pub const NO_GUARD_HEARD: &str = "no guard was ever heard";

/// That what a guard says cannot be read.
pub fn guard_is_unreadable(guard: &str, why: &str) -> String {
    format!("`{guard}` cannot be read: {why}")
}

/// That a guard has started and could not ask the time yet.
pub fn guard_knows_no_time(guard: &str) -> String {
    format!("`{guard}` does not know the time yet")
}

/// That a guard is silent.
pub fn guard_is_silent(guard: &str, heard_ago: TimeSpan) -> String {
    format!("`{guard}` was last heard {heard_ago} ago")
}

/// What a guard complains of, or where its journals are.
pub fn guard_says(guard: &str, what: &str) -> String {
    format!("`{guard}`: {what}")
}

/// That all is well with a guard.
pub fn guard_is_well(guard: &str, ends: u64, copy_age: TimeSpan, bound: TimeSpan) -> String {
    format!("`{guard}` knows {ends} ends, {copy_age} old, and acts {bound} after an end")
}

/// How far the server's clock and AWS's are apart, within what is allowed.
pub fn clocks_are_apart(seconds: f64, allowed: TimeSpan) -> String {
    format!(
        "the server's clock and AWS's are {seconds:.0} s apart; {} s are allowed",
        allowed.as_seconds()
    )
}

/// That clocks agree again, and how far time went back with that.
pub fn clocks_agree_again(returned: Option<TimeSpan>) -> String {
    match returned {
        None => "the clocks agree again".to_owned(),
        Some(returned) => format!("the clocks agree again; time returned by {returned}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sentence_as_it_is_read() {
        let at = Timestamp::from_second(1_780_000_000).unwrap();
        let (short, long) = (TimeSpan::seconds(2), TimeSpan::minutes(11));
        let said = [
            grants_counted(2, 1),
            ends_are_overdue(2),
            organization_is_old(at),
            organization_was_read(short),
            assignments_wait(long),
            assignments_were_tended(short),
            guard_is_unreadable("g", "gone"),
            guard_knows_no_time("g"),
            guard_is_silent("g", long),
            guard_says("g", "2 ends are overdue"),
            guard_is_well("g", 3, short, TimeSpan::minutes(1)),
            clocks_are_apart(2.4, TimeSpan::seconds(30)),
            clocks_agree_again(None),
            clocks_agree_again(Some(long)),
        ];
        assert_eq!(
            said,
            [
                "2 grants overdue, 1 stuck",
                "2 grants are past their end by more than 5 minutes and still held",
                "the organization was last read at 2026-05-28 20:26:40 UTC",
                "the organization was read 2s ago",
                "assignments were last tended 11m ago",
                "assignments were tended 2s ago",
                "`g` cannot be read: gone",
                "`g` does not know the time yet",
                "`g` was last heard 11m ago",
                "`g`: 2 ends are overdue",
                "`g` knows 3 ends, 2s old, and acts 1m after an end",
                "the server's clock and AWS's are 2 s apart; 30 s are allowed",
                "the clocks agree again",
                "the clocks agree again; time returned by 11m",
            ]
        );
    }
}
