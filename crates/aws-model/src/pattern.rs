//! The models' regular expressions: written for Java, matched here in linear time.
//!
//! Translated differences: `\w`, `\d`, `\s` are ASCII in Java, `.` stops at five line ends,
//! `\u0009` has no braces. Patterns with look-ahead are in [`BY_HAND`]; a test checks that all
//! others compile.

use std::fmt::Write as _;
use std::sync::{LazyLock, OnceLock};

use regex::Regex;

/// Must match the whole value.
pub struct Pattern {
    source: String,
    matcher: OnceLock<Matcher>,
}

enum Matcher {
    Regex(Regex),
    Check(Check),
    /// Untranslatable. No committed pattern is.
    Unknown,
}

type Check = fn(&str) -> bool;

const BY_HAND: &[(&str, Check)] = &[
    (
        r"^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$",
        is_single_dashed_label,
    ),
    (
        concat!(
            r"(-?)P(?=\d|T\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)([DW]))?",
            r"(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?"
        ),
        is_duration,
    ),
    (
        r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*",
        is_printable,
    ),
    (r"^(?!aws:)[a-zA-Z+-=._:/]+$", is_own_tag_key),
    (
        r"^.+@(?:(?:(?!-)[A-Za-z0-9-]{1,62})?[A-Za-z0-9]{1}\.)+[A-Za-z]{2,63}$",
        is_mail_address,
    ),
    (r"^(?! )[\p{L}\p{N}\p{Z}-_]*(?<! )$", is_category_name),
    (r"^(?!\s*$).+", is_not_blank),
    (
        concat!(
            r"[A-Za-z](?!.*--)[0-9A-Za-z-]*[^-]|",
            r"^default(?!.*--)(?!.*\.\.)[0-9A-Za-z-.]*[^-]"
        ),
        is_parameter_group,
    ),
    (r"(?:(?!\$\{[a-zA-Z]+:)[\P{C}])*", is_visible),
    (r"(?:(?!\$\{[a-zA-Z]+:)[\P{C}])+", |text| {
        !text.is_empty() && is_visible(text)
    }),
    (r"(?:(?!\$\{[a-zA-Z]+:)[\P{C}\r\n])*", are_visible_lines),
    (r"(?:(?!\$\{[a-zA-Z]+:)[\P{C}\r\n])+", |text| {
        !text.is_empty() && are_visible_lines(text)
    }),
    (r"[0-9A-Za-z\.\-_]*(?<!\.)", is_bucket_of_code),
    (r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)", is_alias),
    (r"((?!^\d+$)^[0-9a-zA-Z-_]+$)", is_alias),
    (
        concat!(
            r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?",
            r"(\d{12}:)?(function:)?([a-zA-Z0-9-_]{1,64})(:((?!\d+$)[0-9a-zA-Z-_]+))?"
        ),
        is_function_with_alias,
    ),
    (
        r"(^(?!(system\x2e)))(^[_a-zA-Z0-9])([^$]*)",
        is_collection_name,
    ),
];

const WORD: &str = "0-9A-Za-z_";
const DIGIT: &str = "0-9";
const SPACE: &str = r" \t\n\x0B\f\r";

impl Pattern {
    pub fn new(source: String) -> Self {
        Self {
            source,
            matcher: OnceLock::new(),
        }
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the whole of `value` matches. An unreadable pattern matches everything: refusing
    /// good calls would be worse than a missing check.
    pub fn matches(&self, value: &str) -> bool {
        match self.matcher() {
            Matcher::Regex(regex) => regex.is_match(value),
            Matcher::Check(check) => check(value),
            Matcher::Unknown => true,
        }
    }

    pub fn is_checked(&self) -> bool {
        !matches!(self.matcher(), Matcher::Unknown)
    }

    fn matcher(&self) -> &Matcher {
        self.matcher.get_or_init(|| {
            if let Some((_, check)) = BY_HAND.iter().find(|(source, _)| *source == self.source) {
                return Matcher::Check(*check);
            }
            let whole = format!(r"\A(?:{})\z", translate(&self.source));
            Regex::new(&whole).map_or(Matcher::Unknown, Matcher::Regex)
        })
    }
}

impl std::fmt::Debug for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pattern").field(&self.source).finish()
    }
}

/// Java to `regex`. Depth counts open `[`: classes nest in both languages.
fn translate(java: &str) -> String {
    let mut out = String::with_capacity(java.len() * 2);
    let mut rest = java.chars();
    let mut depth = 0_usize;
    let mut last = ' ';
    while let Some(c) = rest.next() {
        match c {
            '\\' => {
                escape(&mut rest, depth > 0, &mut out);
                last = ' ';
                continue;
            }
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            '.' if depth == 0 => {
                out.push_str(r"[^\n\r\x{85}\x{2028}\x{2029}]");
                last = c;
                continue;
            }
            // `--` and `~~` are set operators here, plain characters there
            '-' if depth > 0 && last == '-' => out.push('\\'),
            '~' if depth > 0 => out.push('\\'),
            _ => {}
        }
        out.push(c);
        last = c;
    }
    out
}

fn escape(rest: &mut std::str::Chars<'_>, in_class: bool, out: &mut String) {
    let class = |out: &mut String, negated: &str, set: &str| {
        let _infallible = write!(out, "[{negated}{set}]");
    };
    match rest.next() {
        Some('w') if in_class => out.push_str(WORD),
        Some('d') if in_class => out.push_str(DIGIT),
        Some('s') if in_class => out.push_str(SPACE),
        Some('w') => class(out, "", WORD),
        Some('d') => class(out, "", DIGIT),
        Some('s') => class(out, "", SPACE),
        Some('W') => class(out, "^", WORD),
        Some('D') => class(out, "^", DIGIT),
        Some('S') => class(out, "^", SPACE),
        Some('b') => out.push_str(r"(?-u:\b)"),
        Some('u') => code_point(rest, out),
        Some(c) => out.extend(['\\', c]),
        None => out.push('\\'),
    }
}

/// `\u` takes four digits in Java. The models also use `\u10000` and `\u10FFFF` for the ends of the
/// upper planes.
fn code_point(rest: &mut std::str::Chars<'_>, out: &mut String) {
    let text = rest.as_str();
    let digits = if text.starts_with("10FFFF") {
        6
    } else if text.starts_with("10000") {
        5
    } else {
        4
    };
    let digits: String = rest.by_ref().take(digits).collect();
    let _infallible = write!(out, r"\x{{{digits}}}");
}

/// 3 to 63 lower-case letters, digits and dashes; no dash at an end, no two in a row.
fn is_single_dashed_label(text: &str) -> bool {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (3..=63).contains(&text.len())
        && text.chars().all(|c| known(c) || c == '-')
        && text.starts_with(known)
        && text.ends_with(known)
        && !text.contains("--")
}

fn is_mail_address(text: &str) -> bool {
    let is_label = |label: &str| {
        let allowed = label
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || it == b'-');
        (1..=63).contains(&label.len())
            && allowed
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let Some((before, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let Some((labels, last)) = domain.rsplit_once('.') else {
        return false;
    };
    let is_last = (2..=63).contains(&last.len()) && last.bytes().all(|it| it.is_ascii_alphabetic());
    !before.is_empty() && !before.contains('\n') && is_last && labels.split('.').all(is_label)
}

/// No control character but tab. Surrogate pairs, which the pattern allows, are characters here.
fn is_printable(text: &str) -> bool {
    text.chars()
        .all(|it| it == '\t' || it >= ' ' && !matches!(it, '\u{FFFE}' | '\u{FFFF}'))
}

/// Letters, numbers, spaces of any kind, `-` and `_`; no space at an end.
fn is_category_name(text: &str) -> bool {
    static CHARACTERS: LazyLock<Pattern> =
        LazyLock::new(|| Pattern::new(r"[\p{L}\p{N}\p{Z}\-_]*".to_owned()));
    !text.starts_with(' ') && !text.ends_with(' ') && CHARACTERS.matches(text)
}

/// Lambda's code bucket: no point at the end.
fn is_bucket_of_code(text: &str) -> bool {
    let fits = |it: char| it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | '_');
    text.chars().all(fits) && !text.ends_with('.')
}

/// A Lambda alias: not a number, which is a version.
fn is_alias(text: &str) -> bool {
    let fits = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_');
    !text.is_empty() && text.chars().all(fits) && !text.chars().all(|it| it.is_ascii_digit())
}

/// A Lambda function (ARN or part of it), optionally with an alias.
fn is_function_with_alias(text: &str) -> bool {
    static FUNCTION: LazyLock<Pattern> = LazyLock::new(|| {
        let source = concat!(
            r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?",
            r"(\d{12}:)?(function:)?([a-zA-Z0-9-_]{1,64})"
        );
        Pattern::new(source.to_owned())
    });
    let with_alias = text
        .rsplit_once(':')
        .is_some_and(|(function, alias)| FUNCTION.matches(function) && is_alias(alias));
    with_alias || FUNCTION.matches(text)
}

/// No system collection, and no dollar.
fn is_collection_name(text: &str) -> bool {
    let first = text.chars().next();
    first.is_some_and(|it| it == '_' || it.is_ascii_alphanumeric())
        && !text.starts_with("system.")
        && !text.contains('$')
}

fn is_not_blank(text: &str) -> bool {
    static LINE: LazyLock<Pattern> = LazyLock::new(|| Pattern::new(".+".to_owned()));
    LINE.matches(text)
        && text
            .chars()
            .any(|it| !matches!(it, ' ' | '\t' | '\u{b}' | '\u{c}'))
}

/// An RDS parameter group: no two hyphens in a row, none at the end; points only after `default`,
/// never two in a row.
fn is_parameter_group(text: &str) -> bool {
    let is_name = |rest: &str, allowed: &str| {
        let mut characters = rest.chars();
        let ends_well = characters.next_back().is_some_and(|it| it != '-');
        let is_allowed = |it: char| it.is_ascii_alphanumeric() || allowed.contains(it);
        ends_well && characters.all(is_allowed) && !rest.contains("--")
    };
    let of_ours = text
        .strip_prefix(|it: char| it.is_ascii_alphabetic())
        .is_some_and(|rest| is_name(rest, "-"));
    let of_aws = text
        .strip_prefix("default")
        .is_some_and(|rest| is_name(rest, "-.") && !rest.contains(".."));
    of_ours || of_aws
}

/// A look-up such as `${env:HOME}`: a dollar, a brace, letters and a colon.
fn has_lookup(text: &str) -> bool {
    text.split("${").skip(1).any(|rest| {
        let letters = rest.chars().take_while(char::is_ascii_alphabetic).count();
        letters > 0 && rest.chars().nth(letters) == Some(':')
    })
}

/// No look-up and no invisible character.
fn is_visible(text: &str) -> bool {
    static VISIBLE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\A\P{C}*\z").ok());
    let is_seen = |it: &Regex| it.is_match(text);
    !has_lookup(text) && VISIBLE.as_ref().is_none_or(is_seen)
}

fn are_visible_lines(text: &str) -> bool {
    !has_lookup(text) && text.split(['\r', '\n']).all(is_visible)
}

/// A key without the prefix `aws:`, of letters, `_`, and the characters from `+` to `=`: digits and
/// `,-./:;<` too.
fn is_own_tag_key(text: &str) -> bool {
    let fits = |it: char| it.is_ascii_alphabetic() || it == '_' || ('+'..='=').contains(&it);
    !text.is_empty() && !text.starts_with("aws:") && text.chars().all(fits)
}

/// ISO 8601 duration as `Duration` in sso-admin: years, months, days or weeks, then `T` hours,
/// minutes, seconds; at least one number at the start; fraction only in seconds; a lone `T` at the
/// end is accepted.
fn is_duration(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let Some(text) = text.strip_prefix('P') else {
        return false;
    };
    let digit = |c: char| c.is_ascii_digit();
    if !text.strip_prefix('T').unwrap_or(text).starts_with(digit) {
        return false;
    }
    match text.split_once('T') {
        None => are_parts(text, &["Y", "M", "DW"]),
        Some((date, time)) => {
            are_parts(date, &["Y", "M", "DW"]) && are_parts(time, &["H", "M", "S"])
        }
    }
}

/// Numbers, each followed by a unit, the units in order and each at most once.
fn are_parts(text: &str, units: &[&str]) -> bool {
    let mut rest = text;
    let mut units = units.iter();
    while !rest.is_empty() {
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        if after.len() == rest.len() {
            return false;
        }
        let fraction = after.strip_prefix('.').map(|it| {
            let end = it.trim_start_matches(|c: char| c.is_ascii_digit());
            (end, end.len() < it.len())
        });
        let (after, has_fraction) = match fraction {
            Some((_, false)) => return false,
            Some((end, true)) => (end, true),
            None => (after, false),
        };
        let mut chars = after.chars();
        let Some(unit) = chars.next() else {
            return false;
        };
        if has_fraction && unit != 'S' || !units.any(|known| known.contains(unit)) {
            return false;
        }
        rest = chars.as_str();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn java_is_translated() {
        for (java, ours) in [
            (r"[\w+=,.@-]*", "[0-9A-Za-z_+=,.@-]*"),
            (r"\d{12}", "[0-9]{12}"),
            (r"[\s\S]*", r"[ \t\n\x0B\f\r[^ \t\n\x0B\f\r]]*"),
            (r"[\u0020-\u007E]+", r"[\x{0020}-\x{007E}]+"),
            (r"[\u10000-\u10FFFF]", r"[\x{10000}-\x{10FFFF}]"),
            (r"[ -~]", r"[ -\~]"),
            (r"a.b", r"a[^\n\r\x{85}\x{2028}\x{2029}]b"),
            (r"\bx\/y", r"(?-u:\b)x\/y"),
            (r"\u00", r"\x{00}"),
            (r"\", r"\"),
        ] {
            assert_eq!(translate(java), ours, "{java}");
        }
    }

    #[test]
    fn texts_of_reviews_have_no_lookups_and_nothing_unseen() {
        let one = Pattern::new(r"(?:(?!\$\{[a-zA-Z]+:)[\P{C}])+".to_owned());
        let lines = Pattern::new(r"(?:(?!\$\{[a-zA-Z]+:)[\P{C}\r\n])*".to_owned());
        for (text, in_one, in_lines) in [
            ("", false, true),
            ("costs ${5}: ${:x} ${a b:", true, true),
            ("${env:HOME}", false, false),
            ("two\r\nlines", false, true),
            ("bell\u{7}", false, false),
        ] {
            let found = (one.matches(text), lines.matches(text));
            assert_eq!(found, (in_one, in_lines), "{text:?}");
        }
    }

    #[test]
    fn parameter_groups_have_no_two_hyphens() {
        for (name, expected) in [
            ("ours", true),
            ("a-b-c1", true),
            ("a--b", false),
            ("a-", false),
            ("a", false),
            ("1a", false),
            ("", false),
            ("a.b.c", false),
            ("default.mysql8.0", true),
            ("default..mysql", false),
            ("default.a--b", false),
            ("default.", true),
        ] {
            assert_eq!(is_parameter_group(name), expected, "{name}");
        }
    }

    #[test]
    fn matches_are_whole_values() {
        let rows = [
            (r"[\w+=,.@-]*", "a b", false),
            (r"[\w+=,.@-]*", "a\n", false),
            (r"[\w+=,.@-]*", "é", false),
            (r"[\w+=,.@-]*", "a@b-c", true),
            (r"^(\d{12})|(ou-[a-z]+)$", "123456789012", true),
            (r"^(\d{12})|(ou-[a-z]+)$", "123456789012x", false),
            (r"[\p{L}\p{Z}]+", "Åsa Öberg", true),
            (r"^arn:.+:.+", "arn:a:b", true),
            (r"((", "anything", true),
        ];
        for (pattern, value, expected) in rows {
            let found = Pattern::new(pattern.to_owned()).matches(value);
            assert_eq!(found, expected, "{pattern} on {value}");
        }
    }

    #[test]
    fn durations_by_hand() {
        for good in [
            "PT1H",
            "PT12H",
            "P1D",
            "-P1Y2M3DT4H5M6.5S",
            "P2W",
            "PT0.5S",
            "P1DT",
        ] {
            assert!(is_duration(good), "{good}");
        }
        for bad in [
            "", "P", "PT", "1H", "PT1", "P1H", "PT1M1H", "PT1.5H", "P1D1W", "PT1.S", "PTH",
        ] {
            assert!(!is_duration(bad), "{bad}");
        }
    }

    #[test]
    fn labels_by_hand() {
        for good in ["abc", "a-b", "a1-b2-c3"] {
            assert!(is_single_dashed_label(good), "{good}");
        }
        for bad in ["ab", "-ab", "ab-", "a--b", "Abc", "a_b", &"a".repeat(64)] {
            assert!(!is_single_dashed_label(bad), "{bad}");
        }
    }

    #[test]
    fn category_names_and_lines_by_hand() {
        let name = r"^(?! )[\p{L}\p{N}\p{Z}-_]*(?<! )$";
        let line = r"^(?!\s*$).+";
        for (pattern, text, fits) in [
            (name, "Team A-1_ß", true),
            (name, "", true),
            (name, " Team", false),
            (name, "Team ", false),
            (name, "Team/A", false),
            (line, "a", true),
            (line, " a ", true),
            (line, " \t", false),
            (line, "", false),
            (line, "a\nb", false),
        ] {
            let pattern = Pattern::new(pattern.to_owned());
            assert_eq!(pattern.matches(text), fits, "{text:?}");
        }
    }

    #[test]
    fn names_of_lambda_by_hand() {
        let function = concat!(
            r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?",
            r"(\d{12}:)?(function:)?([a-zA-Z0-9-_]{1,64})(:((?!\d+$)[0-9a-zA-Z-_]+))?"
        );
        let (bucket, alias) = (r"[0-9A-Za-z\.\-_]*(?<!\.)", r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)");
        let collection = r"(^(?!(system\x2e)))(^[_a-zA-Z0-9])([^$]*)";
        for (pattern, text, fits) in [
            (bucket, "code.of-me", true),
            (bucket, "code.", false),
            (alias, "live", true),
            (alias, "7", false),
            (alias, "7a", true),
            (function, "isolate", true),
            (function, "isolate:live", true),
            (function, "isolate:7", false),
            (
                function,
                "arn:aws:lambda:eu-west-1:222222222222:function:isolate:live",
                true,
            ),
            (
                function,
                "arn:aws:lambda:eu-west-1:222222222222:layer:isolate:live",
                false,
            ),
            (collection, "mine", true),
            (collection, "system.users", false),
            (collection, "a$b", false),
        ] {
            let pattern = Pattern::new(pattern.to_owned());
            assert_eq!(pattern.matches(text), fits, "{text:?}");
        }
    }

    #[test]
    fn mail_addresses_by_hand() {
        for (text, expected) in [
            ("ana@example.com", true),
            ("a@b@x-y.example.com", true),
            ("a@b.co", true),
            ("@example.com", false),
            ("ana@example", false),
            ("ana@-x.com", false),
            ("ana@x-.com", false),
            ("ana@.com", false),
            ("ana@x.c", false),
            ("ana@x.c0m", false),
            ("ana example.com", false),
        ] {
            assert_eq!(is_mail_address(text), expected, "{text}");
        }
    }
}
