//! Values: types, addresses, dates, placeholders (codes 25, 38 to 40, 68).

use std::net::IpAddr;

use jiff::Timestamp;

use super::checker::Checker;
use super::codes::LintCode;
use super::finding::Options;
use super::patch::PatchOperation;
use crate::evaluation::values as evaluation;
use crate::facts;
use crate::language::{Condition, PrincipalKind, Test, Text, split_arn};

/// Common example account, next to twelve equal digits.
const EXAMPLE_ACCOUNT: &str = "123456789012";
/// Partitions (AWS: "Amazon Resource Names (ARNs)", as of 2026-10).
const PARTITIONS: [&str; 8] = [
    "aws",
    "aws-cn",
    "aws-eusc",
    "aws-iso",
    "aws-iso-b",
    "aws-iso-e",
    "aws-iso-f",
    "aws-us-gov",
];
const ACCOUNT_KEYS: [&str; 5] = [
    "aws:principalaccount",
    "aws:resourceaccount",
    "aws:sourceaccount",
    "aws:vpceaccount",
    "kms:calleraccount",
];

pub(super) fn check(checker: &mut Checker<'_>) {
    placeholders(checker);
    checker.each(|checker, part| {
        for condition in part.conditions() {
            for value in &condition.values {
                typed(checker, condition, value);
                if condition.operator.test.is_address() {
                    address(checker, condition, value);
                }
            }
            expired(checker, condition);
        }
    });
}

pub(super) fn is_partition(text: &str) -> bool {
    PARTITIONS.contains(&text)
}

pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|it| it.is_ascii_digit())
}

/// `^[a-z]{2}(-[a-z]+)+-\d$`
pub(super) fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let letters = |it: &str| !it.is_empty() && it.bytes().all(|c| c.is_ascii_lowercase());
    match parts.as_slice() {
        [first, middle @ .., last] if !middle.is_empty() => {
            let digit = last.len() == 1 && last.bytes().all(|it| it.is_ascii_digit());
            let first = letters(first) && (first.len() == 2 || *first == "eusc");
            first && middle.iter().all(|it| letters(it)) && digit
        }
        _ => false,
    }
}

pub(super) fn is_placeholder(options: &Options, text: &str) -> bool {
    let angle = text.split_once('<').is_some_and(|(_, rest)| {
        rest.split_once('>')
            .is_some_and(|(name, _)| !name.is_empty())
    });
    let word = ["REPLACE", "XXX", "CHANGEME", "CHANGE_ME", "YOUR_"]
        .iter()
        .any(|word| text.contains(word));
    let is_word = options.words && word;
    angle || is_word || text.contains("{{") || variable_placeholder(text).is_some()
}

/// A `${…}` without colon, so no policy variable: `${Account}`, `${AWS::AccountId}`.
fn variable_placeholder(text: &str) -> Option<&str> {
    super::variables::names(text).find(|name| {
        let name = name.split(',').next().unwrap_or(name);
        name.len() > 1 && (!name.contains(':') || name.contains("::"))
    })
}

fn placeholders(checker: &mut Checker<'_>) {
    let document = checker.document;
    for statement in &document.statements {
        let principals = statement.principals.iter().flat_map(|it| &it.entries);
        let resources = statement.resources.iter().flat_map(|it| &it.items);
        let texts = principals
            .map(|it| &it.text)
            .chain(&statement.actions.items)
            .chain(resources)
            .chain(statement.conditions.iter().flat_map(|it| &it.values));
        for text in texts {
            placeholder(checker, text);
        }
    }
}

fn placeholder(checker: &mut Checker<'_>, text: &Text<'_>) {
    if is_placeholder(checker.options, &text.text) {
        let message = match variable_placeholder(&text.text) {
            Some(name) => format!("`${{{name}}}` is no policy variable: put in the value"),
            None => format!("`{}` was left to be filled in", text.text),
        };
        checker.report(LintCode::Placeholder, text.span, message);
        return;
    }
    if !checker.options.prod {
        return;
    }
    let mut digits = text.text.split(|c: char| !c.is_ascii_digit());
    let example = digits.find(|run| {
        let equal = run.bytes().all(|it| run.as_bytes().first() == Some(&it));
        run.len() == 12 && (equal || *run == EXAMPLE_ACCOUNT)
    });
    if let Some(account) = example {
        let message = format!("`{account}` is an account of examples");
        checker.report(LintCode::Placeholder, text.span, message);
    }
}

fn typed(checker: &mut Checker<'_>, condition: &Condition<'_>, value: &Text<'_>) {
    let text = value.text.as_ref();
    let by = condition.operator.test;
    let variable = text.contains("${") && by.takes_variables();
    if variable || checker.has_told(LintCode::Placeholder, value.span) {
        return;
    }
    let key = condition.key.text.to_ascii_lowercase();
    let wanted = if by.is_numeric() {
        evaluation::Decimal::parse(text)
            .is_none()
            .then_some("a number")
    } else if by.is_date() {
        evaluation::date(text)
            .is_none()
            .then_some("a date, such as 2026-01-31T09:00:00Z, or epoch seconds")
    } else if by.is_address() {
        network(text)
            .is_none()
            .then_some("an address or CIDR, such as 192.0.2.0/24")
    } else if by.is_arn() {
        (!is_arn_pattern(text)).then_some("an ARN")
    } else {
        match by {
            Test::Bool | Test::Null => evaluation::boolean(text)
                .is_none()
                .then_some("true or false"),
            Test::BinaryEquals => evaluation::bytes(text).is_none().then_some("base64"),
            _ => of_key(&key, by, text),
        }
    };
    if let Some(wanted) = wanted {
        let message = format!("`{text}` is not {wanted}: the comparison always fails");
        checker.report(LintCode::ValueType, value.span, message);
    }
}

fn of_key(key: &str, by: Test, text: &str) -> Option<&'static str> {
    let pattern = by.takes_wildcards() && text.contains(['*', '?']);
    if ACCOUNT_KEYS.contains(&key) {
        return (!pattern && !is_account(text)).then_some("an account id of 12 digits");
    }
    if key.starts_with("aws:") && key.ends_with("orgpaths") {
        return (!is_org_path(text)).then_some("an organization path ending in `/` or `/*`");
    }
    let value = facts::condition_key(key)?.value;
    match value {
        facts::ValueType::Bool => {
            (evaluation::boolean(text).is_none() && !pattern).then_some("true or false")
        }
        _ => None,
    }
}

/// `o-…/r-…/ou-…/`, complete or with a wildcard between ids.
fn is_org_path(text: &str) -> bool {
    let cut = text.trim_end_matches('*');
    let whole = cut.len() == text.len();
    let last = cut.rsplit('/').next().unwrap_or(cut);
    let stops = last.is_empty() || (!whole && matches!(last, "ou-" | "r-" | "o-"));
    cut.is_empty() || (cut.starts_with("o-") || cut.starts_with(['*', '?'])) && stops
}

fn is_arn_pattern(text: &str) -> bool {
    let whole = split_arn(text).is_some() || text.ends_with('*');
    let first = text.split(':').next().unwrap_or("");
    whole && crate::pattern::covers(first, "arn")
}

fn instant(text: &str) -> Option<Timestamp> {
    Timestamp::from_millisecond(evaluation::date(text)?).ok()
}

fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None => most,
        Some(length) if length.bytes().all(|it| it.is_ascii_digit()) => length.parse().ok()?,
        Some(_) => return None,
    };
    (length <= most).then_some((address, length))
}

fn masked(address: IpAddr, length: u32) -> IpAddr {
    match address {
        IpAddr::V4(it) => {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            IpAddr::V4((it.to_bits() & mask).into())
        }
        IpAddr::V6(it) => {
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            IpAddr::V6((it.to_bits() & mask).into())
        }
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(it) => {
            let [a, b, ..] = it.octets();
            // 100.64.0.0/10 is for carriers (RFC 6598)
            let shared = a == 100 && (64..128).contains(&b);
            it.is_private() || it.is_loopback() || it.is_link_local() || shared
        }
        IpAddr::V6(it) => it.is_loopback() || it.is_unique_local() || it.is_unicast_link_local(),
    }
}

fn address(checker: &mut Checker<'_>, condition: &Condition<'_>, value: &Text<'_>) {
    let Some((address, length)) = network(&value.text) else {
        return;
    };
    let first = masked(address, length);
    if first != address {
        let network = format!("{first}/{length}");
        let message = format!(
            "`{}` has bits behind its prefix; it means `{network}`",
            value.text
        );
        let path = checker.pointer(value.span);
        checker
            .report(LintCode::CidrHostBits, value.span, message)
            .fix(Some(vec![PatchOperation::replace(path, network)]));
    }
    if condition.key.text.eq_ignore_ascii_case("aws:SourceIp") && is_private(first) && length > 0 {
        let message = format!(
            "`{}` is private; aws:SourceIp is the public address of the caller and absent behind \
             VPC endpoints",
            value.text
        );
        checker.report(LintCode::CidrPrivate, value.span, message);
    }
}

/// A statement whose time window has passed.
fn expired(checker: &mut Checker<'_>, condition: &Condition<'_>) {
    let Some(now) = checker.options.now else {
        return;
    };
    let key = condition.key.text.to_ascii_lowercase();
    let test = condition.operator.test;
    let until = matches!(
        test,
        Test::DateLessThan
            | Test::DateLessThanEquals
            | Test::DateEquals
            | Test::NumericLessThan
            | Test::NumericLessThanEquals
    );
    if !until || !matches!(key.as_str(), "aws:currenttime" | "aws:epochtime") {
        return;
    }
    let ends: Option<Vec<Timestamp>> = condition
        .values
        .iter()
        .map(|it| instant(&it.text))
        .collect();
    let Some(last) = ends.and_then(|ends| ends.into_iter().max()) else {
        return;
    };
    if last < now {
        let message = format!("this ended at {last}: the statement no longer applies");
        checker.report(LintCode::Expired, condition.span, message);
    }
}

impl Text<'_> {
    /// Whether a principal is an account id, an ARN, or `*`.
    pub(super) fn names_aws_principal(&self, kind: PrincipalKind) -> bool {
        let text = self.text.as_ref();
        kind != PrincipalKind::Aws
            || text == "*"
            || is_account(text)
            || text.starts_with("arn:") && text.split(':').count() >= 6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_regions_and_paths() {
        assert_eq!(network("10.0.0.0/33"), None);
        assert_eq!(network("10.0.0.0/+8"), None);
        assert!(network("2001:db8::/32").is_some());
        assert_eq!(
            masked("192.0.2.5".parse().unwrap(), 24).to_string(),
            "192.0.2.0"
        );
        assert_eq!(
            masked("192.0.2.5".parse().unwrap(), 0).to_string(),
            "0.0.0.0"
        );
        for (text, good) in [
            ("eu-west-1", true),
            ("us-gov-west-1", true),
            ("europe", false),
        ] {
            assert_eq!(is_region(text), good, "{text}");
        }
        for (text, good) in [
            ("o-a1/r-b/ou-c/", true),
            ("o-a1/*", true),
            ("o-a1/r-b/ou-*", true),
            ("o-a1/r-b/ou-c*", false),
            ("o-a1/r-b/ou-c", false),
        ] {
            assert_eq!(is_org_path(text), good, "{text}");
        }
    }
}
