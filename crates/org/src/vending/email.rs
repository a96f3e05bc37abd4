//! Valid account e-mail addresses (`organization.md` V-2).

use hallpass_aws_model::facts;

/// AWS accepts 6 to 64 characters; an address with a dot in its domain has more than 6.
const LENGTH: std::ops::RangeInclusive<usize> = 7..=facts::ACCOUNT_EMAIL_CHARACTERS.count();
/// Not allowed before the `@`.
const FORBIDDEN: &str = "\"'()<>[]:;,\\|%&";

pub(crate) fn is_account_email(text: &str) -> bool {
    if !text.is_ascii() || !LENGTH.contains(&text.len()) {
        return false;
    }
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let is_local = local.split('.').all(|part| !part.is_empty())
        && !local
            .chars()
            .any(|it| it.is_whitespace() || it.is_control() || FORBIDDEN.contains(it));
    let is_domain = domain.contains('.') && domain.split('.').all(is_label);
    is_local && is_domain
}

/// A domain label (RFC 1123 §2.1).
fn is_label(part: &str) -> bool {
    let is_end = |it: Option<char>| it.is_some_and(|it| it.is_ascii_alphanumeric());
    is_end(part.chars().next())
        && is_end(part.chars().next_back())
        && part.len() <= 63
        && part
            .chars()
            .all(|it| it.is_ascii_alphanumeric() || it == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_the_table_of_the_specification_says() {
        let longest = format!("{}@example.com", "a".repeat(52));
        for good in ["a@b.com", "a.b+c@x-y.example", "a@b.c.d", longest.as_str()] {
            assert!(is_account_email(good), "{good}");
        }
        let too_long = format!("a{longest}");
        for bad in [
            "",
            "nobody",
            "a@b",
            "a@b.c",
            "two@@example.com",
            "@example.com",
            ".a@example.com",
            "a.@example.com",
            "a..b@example.com",
            "a@example..com",
            "a@.example.com",
            "a@example.com.",
            "a@-example.com",
            "a@example-.com",
            "a@example.-com",
            "a b@example.com",
            "a|b@example.com",
            "a\\b@example.com",
            "a%b@example.com",
            "a\u{e9}@example.com",
            "a@exa_mple.com",
            too_long.as_str(),
        ] {
            assert!(!is_account_email(bad), "{bad}");
        }
    }
}
