//! A grant's queue position at AWS.

/// States position and duration: `12 others are set up before it: about 2 min`. `time` is formatted
/// by the channel.
pub fn place(before: u32, time: &str) -> String {
    match before {
        0 => format!("next in line: {time}"),
        1 => format!("1 other is set up before it: {time}"),
        more => format!("{more} others are set up before it: {time}"),
    }
}
