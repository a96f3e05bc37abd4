//! Texts for Slack: what others wrote is escaped and cut so that it shows as it is, times and
//! names are put as `ui.md` §5 and §9 say.

use hallpass_access::{Directory, Request};
use hallpass_model::{Email, TargetNames, TimeSpan, Timestamp, text::visible};
use jiff::tz::TimeZone;

/// Longest text of a field of a section.
pub(crate) const FIELD_MAX: usize = 2_000;
/// Longest text of a section.
pub(crate) const SECTION_MAX: usize = 3_000;
/// Longest label of an option or a button.
pub(crate) const LABEL_MAX: usize = 75;

/// What others wrote, as Slack shows it: nothing hidden in it, and the three characters that mean
/// something to Slack as it wants them written.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in visible(text).chars() {
        push_escaped(&mut escaped, character);
    }
    escaped
}

fn push_escaped(to: &mut String, character: char) {
    match character {
        '&' => to.push_str("&amp;"),
        '<' => to.push_str("&lt;"),
        '>' => to.push_str("&gt;"),
        other => to.push(other),
    }
}

/// How long a character is once escaped, in UTF-16 units: no way of counting finds more.
fn width(character: char) -> usize {
    match character {
        '&' => 5,
        '<' | '>' => 4,
        other => other.len_utf16(),
    }
}

/// The text escaped, and cut to at most `max` with `…`; never inside an entity.
pub(crate) fn shown(text: &str, max: usize) -> String {
    shown_with(text, max, "…")
}

/// The text escaped; when it has to be cut, `…` and a link to all of it follow.
pub(crate) fn shown_or_link(text: &str, max: usize, url: &str) -> String {
    shown_with(text, max, &format!("… <{url}|All of it>"))
}

fn shown_with(text: &str, max: usize, tail: &str) -> String {
    let text = visible(text);
    if text.chars().map(width).sum::<usize>() <= max {
        return escape(&text);
    }
    let room = max.saturating_sub(tail.encode_utf16().count());
    let (mut cut, mut used) = (String::new(), 0);
    for character in text.chars() {
        used += width(character);
        if used > room {
            break;
        }
        push_escaped(&mut cut, character);
    }
    cut.push_str(tail);
    cut
}

/// `17:31 CET`; on another day than `seen_from`, `Sat 02:10 CET`; further away
/// `2026-03-09 02:10 CET`.
pub(crate) fn clock_time(at: Timestamp, seen_from: Timestamp, zone: &TimeZone) -> String {
    let (shown, from) = (at.to_zoned(zone.clone()), seen_from.to_zoned(zone.clone()));
    let format = match (shown.date() - from.date()).get_days() {
        0 => "%H:%M %Z",
        -6..=6 => "%a %H:%M %Z",
        _ => "%Y-%m-%d %H:%M %Z",
    };
    shown.strftime(format).to_string()
}

/// The name somebody is known by; their address when the directory does not know them.
pub(crate) fn name_of(email: &Email, directory: &Directory) -> String {
    directory
        .person_by_email(email)
        .map(|person| person.display_name.clone())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| email.to_string())
}

/// The names of several people.
pub(crate) fn names_of(emails: &[Email], directory: &Directory) -> Vec<String> {
    emails
        .iter()
        .map(|email| name_of(email, directory))
        .collect()
}

/// The first word of a name: people are named in full once.
pub(crate) fn first_name(name: &str) -> &str {
    name.split_whitespace().next().unwrap_or(name)
}

/// `Priya Raman`, `Priya Raman or Jonas Beck`, `a, b or c`; beyond four, how many more.
pub(crate) fn any_of(names: &[String]) -> String {
    const SHOWN: usize = 4;
    match names {
        [] => "nobody".to_owned(),
        [one] => one.clone(),
        [first @ .., last] if names.len() <= SHOWN => format!("{} or {last}", first.join(", ")),
        _ => {
            let some: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
            format!("{} or {} more", some.join(", "), names.len() - SHOWN)
        }
    }
}

/// The rules as the beginning of a sentence; nothing when there are none.
pub(crate) fn rules(based_on: &[String]) -> String {
    let quoted: Vec<String> = based_on.iter().map(|rule| format!("`{rule}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => format!("Rule {one}"),
        _ => format!("Rules {}", quoted.join(", ")),
    }
}

/// The same in the middle of a sentence.
pub(crate) fn by_rules(based_on: &[String]) -> String {
    let text = rules(based_on);
    match text.strip_prefix('R') {
        Some(rest) => format!("r{rest}"),
        None => "a rule".to_owned(),
    }
}

/// `payments-prod / DatabaseOperator`, or a group's name.
pub(crate) fn target(names: &TargetNames) -> String {
    escape(&names.to_string())
}

/// `DatabaseOperator in payments-prod`, or `group oncall`.
pub(crate) fn role_in(names: &TargetNames) -> String {
    match names {
        TargetNames::Account {
            account,
            permission_set,
        } => format!("{} in {}", escape(permission_set), escape(account)),
        TargetNames::Group { group } => format!("group {}", escape(group)),
    }
}

/// What is left of a request's yeses: `1 of 2: Priya Raman.`
pub(crate) fn progress(request: &Request, directory: &Directory) -> String {
    let given: Vec<Email> = request
        .reviews
        .iter()
        .map(|review| review.by.clone())
        .collect();
    let names = names_of(&given, directory);
    format!(
        "{} of {}: {}.",
        given.len(),
        request.decided.approvals_needed,
        escape(&names.join(", "))
    )
}

/// A length of time as the original writes it.
pub(crate) fn span(span: TimeSpan) -> String {
    span.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_to_slack_is_escaped() {
        for (text, escaped) in [
            ("a: b: c & <d>", "a: b: c &amp; &lt;d&gt;"),
            ("<!channel> <@U1>", "&lt;!channel&gt; &lt;@U1&gt;"),
            ("&amp;", "&amp;amp;"),
            ("", ""),
            ("ä…🟡", "ä…🟡"),
        ] {
            assert_eq!(escape(text), escaped);
        }
    }

    #[test]
    fn a_cut_is_never_inside_an_entity_and_never_too_long() {
        let texts = [
            "&".repeat(1000),
            "a<".repeat(700),
            "🟡&".repeat(500),
            "x".repeat(2001),
        ];
        for text in &texts {
            for max in (10..60).chain([1999, 2000, 2001]) {
                let cut = shown(text, max);
                assert!(cut.encode_utf16().count() <= max, "{max}: {cut}");
                let whole = cut
                    .replace("&amp;", "")
                    .replace("&lt;", "")
                    .replace("&gt;", "");
                assert!(!whole.contains('&') && !whole.contains('<'), "{max}: {cut}");
                assert!(cut.ends_with('…') || cut == escape(text));
            }
        }
        let linked = shown_or_link(&texts[0], FIELD_MAX, "https://h.example/requests/1");
        assert!(linked.encode_utf16().count() <= FIELD_MAX);
        assert!(
            linked.ends_with("&amp;… <https://h.example/requests/1|All of it>"),
            "{linked}"
        );
        assert_eq!(shown_or_link("short", 2000, "https://h.example"), "short");
    }

    #[test]
    fn people_are_listed_as_said() {
        let names = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        assert_eq!(any_of(&[]), "nobody");
        assert_eq!(any_of(&names("a")), "a");
        assert_eq!(any_of(&names("a b")), "a or b");
        assert_eq!(any_of(&names("a b c d")), "a, b, c or d");
        assert_eq!(any_of(&names("a b c d e f")), "a, b, c, d or 2 more");
    }

    #[test]
    fn times_name_their_zone_and_another_day() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let now: Timestamp = "2026-03-06T14:20:00Z".parse().unwrap();
        for (at, text) in [
            ("2026-03-06T16:31:00Z", "17:31 +01"),
            ("2026-03-07T01:10:00Z", "Sat 02:10 +01"),
            ("2026-03-20T01:10:00Z", "2026-03-20 02:10 +01"),
        ] {
            assert_eq!(clock_time(at.parse().unwrap(), now, &zone), text);
        }
    }
}
