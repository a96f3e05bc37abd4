//! Where a grant stands in line for AWS.

/// How many are set up before it, and how long it takes: `12 others are set up before it: about 2 min`.
/// `time` as the channel says it.
pub fn place(before: u32, time: &str) -> String {
    match before {
        0 => format!("next in line: {time}"),
        1 => format!("1 other is set up before it: {time}"),
        more => format!("{more} others are set up before it: {time}"),
    }
}
