use hallpass_aws_model::facts;

/// Parses an ISO 8601 session length; `None` unless from one to twelve hours.
pub(crate) fn session_seconds(text: &str) -> Option<u32> {
    let mut rest = text.strip_prefix("PT")?;
    let mut total = 0_u32;
    for (unit, size) in [('H', 3600), ('M', 60), ('S', 1)] {
        if let Some((number, after)) = rest.split_once(unit) {
            total = total.checked_add(number.parse::<u32>().ok()?.checked_mul(size)?)?;
            rest = after;
        }
    }
    let least = facts::PERMISSION_SET_SESSION_SECONDS_LEAST.value;
    let most = facts::PERMISSION_SET_SESSION_SECONDS_MOST.value;
    (rest.is_empty() && (least..=most).contains(&total)).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::session_seconds;

    #[test]
    fn session_durations() {
        for (text, expected) in [
            ("PT1H", Some(3600)),
            ("PT12H", Some(43_200)),
            ("PT1H30M", Some(5400)),
            ("PT90M", Some(5400)),
            ("PT59M", None),
            ("PT13H", None),
            ("P1D", None),
            ("1H", None),
        ] {
            assert_eq!(session_seconds(text), expected, "{text}");
        }
    }
}
