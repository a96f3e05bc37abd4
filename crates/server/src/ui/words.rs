//! Page texts for states, times and durations.

use hallpass_access::{Grant, GrantState, InLine, RequestState};
use hallpass_base::{TimeSpan, Timestamp, text};
use hallpass_channels::wording::{line, states, time};
pub(crate) use hallpass_channels::wording::{
    lists::number,
    names::{capital, sentence},
};
use jiff::tz::TimeZone;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Badge {
    pub(crate) word: &'static str,
    pub(crate) look: &'static str,
}

pub(super) const fn badge(word: &'static str, look: &'static str) -> Badge {
    Badge { word, look }
}

pub(crate) const SOON: TimeSpan = TimeSpan::minutes(15);

pub(crate) const STUCK: Badge = badge("Stuck", "failed");

pub(crate) fn grant_badge(grant: &Grant, left: TimeSpan) -> Badge {
    let state = &grant.state;
    let look = match state {
        GrantState::Ending { .. } if grant.stuck.is_some() => return STUCK,
        GrantState::Active if left < SOON => return badge("Ends soon", "ending"),
        GrantState::Scheduled | GrantState::Granting => "pending",
        GrantState::Active
        | GrantState::Ending { .. }
        | GrantState::Ended { .. }
        | GrantState::Failed { .. } => state.name(),
    };
    badge(states::word(state.name()), look)
}

pub(crate) fn in_line(place: Option<InLine>) -> String {
    let Some(InLine { before, about }) = place.filter(|it| it.about >= TimeSpan::minutes(1)) else {
        return "Usually under a minute.".to_owned();
    };
    let minutes = about.as_seconds().div_ceil(60);
    sentence(&line::place(before, &format!("about {minutes} min")))
}

pub(crate) fn request_badge(state: &RequestState) -> Badge {
    let look = match state {
        RequestState::Approved { .. } => "active",
        RequestState::Pending
        | RequestState::Denied { .. }
        | RequestState::Discarded { .. }
        | RequestState::Expired { .. }
        | RequestState::Rejected { .. } => state.name(),
    };
    badge(states::word(state.name()), look)
}

/// Formats an instant relative to `now`: `17:31`, `Sat 02:10`, `Wed 18 Nov`, or with a different
/// year.
pub(crate) fn clock(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (at, now) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let days = (at.date() - now.date()).get_days();
    let form = match days {
        0 => "%H:%M",
        1..=6 | -6..=-1 => "%a %H:%M",
        _ if at.year() == now.year() => "%-d %b %H:%M",
        _ => "%-d %b %Y",
    };
    at.strftime(form).to_string()
}

pub(crate) fn zone_name(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Z").to_string()
}

pub(crate) fn countdown(left: TimeSpan) -> String {
    if left.is_zero() {
        return "Ending".to_owned();
    }
    time::countdown(left)
}

/// Groups of four digits, separated by the style sheet, so that copying gives 12 digits.
pub(crate) fn id_groups(id: &str) -> Vec<String> {
    id.chars()
        .collect::<Vec<_>>()
        .chunks(4)
        .map(|group| group.iter().collect())
        .collect()
}

pub(crate) fn initials(name: &str) -> String {
    let mut letters = name
        .split(|c: char| !c.is_alphanumeric())
        .filter_map(|word| word.chars().next());
    let first = letters.next();
    let last = letters.next_back();
    first
        .into_iter()
        .chain(last)
        .flat_map(char::to_uppercase)
        .collect()
}

pub(crate) fn lasting(span: TimeSpan) -> String {
    let seconds = span.as_seconds();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// Makes misleading characters of user text visible.
pub(crate) fn plain(text: &str) -> String {
    text::visible(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_told_and_a_short_one_is_not() {
        let usual = "Usually under a minute.";
        for (place, words) in [
            (None, usual),
            (Some((7, 59)), usual),
            (Some((0, 61)), "Next in line: about 2 min."),
            (Some((1, 60)), "1 other is set up before it: about 1 min."),
            (
                Some((12, 100)),
                "12 others are set up before it: about 2 min.",
            ),
        ] {
            let place = place.map(|(before, seconds)| InLine {
                before,
                about: TimeSpan::seconds(seconds),
            });
            assert_eq!(in_line(place), words, "{place:?}");
        }
    }

    #[test]
    fn a_countdown_comes_to_its_end_in_words() {
        let words = |seconds| countdown(TimeSpan::seconds(seconds));
        assert_eq!([words(0), words(1)], ["Ending", "0:01"]);
    }

    #[test]
    fn times_name_the_day_when_it_is_another() {
        let now: Timestamp = "2026-11-20T14:20:00Z".parse().unwrap();
        let zone = TimeZone::get("Europe/Stockholm").unwrap();
        for (at, words) in [
            ("2026-11-20T16:31:00Z", "17:31"),
            ("2026-11-20T23:10:00Z", "Sat 00:10"),
            ("2026-11-18T10:00:00Z", "Wed 11:00"),
            ("2026-10-01T10:00:00Z", "1 Oct 12:00"),
            ("2025-10-01T10:00:00Z", "1 Oct 2025"),
        ] {
            assert_eq!(clock(at.parse().unwrap(), now, &zone), words, "{at}");
        }
        assert_eq!(zone_name(now, &zone), "CET");
    }

    #[test]
    fn initials_are_of_the_first_and_last_name() {
        assert_eq!(initials("Mara Lindqvist"), "ML");
        assert_eq!(initials("ana"), "A");
        assert_eq!(initials("Ana Maria de Souza"), "AS");
        assert_eq!(initials(""), "");
    }

    #[test]
    fn misleading_characters_are_shown() {
        assert_eq!(plain("a\u{202e}b\u{7}\nc"), "a␦b␦\nc");
    }
}
