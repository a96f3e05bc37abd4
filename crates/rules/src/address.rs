//! E-mail addresses in rule files: stricter than directories, to catch typing errors early.

use hallpass_base::Email;

/// Domains without mailboxes, including subdomains (RFC 6761, RFC 7686).
const SPECIAL_USE: [&str; 6] = ["arpa", "invalid", "local", "localhost", "onion", "test"];

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) email: Email,
    pub(crate) had_name: bool,
}

/// Parses an address of a rule file (`access.md` §1.1.6).
pub(crate) fn parse(text: &str) -> Result<Address, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Err("is empty");
    }
    let (address, had_name) = match text.strip_suffix('>').and_then(|t| t.split_once('<')) {
        Some((_, address)) => (address.trim(), true),
        None => (text, false),
    };
    if address.starts_with('!') {
        return Err("begins with `!`, which excludes no one");
    }
    if address.contains('*') {
        return Err("has a `*`, and there are no wildcards for people");
    }
    let (local, domain) = address.split_once('@').ok_or("has no `@`")?;
    check_local(local)?;
    check_domain(domain)?;
    let email = Email::new(address).map_err(|_| "is not an e-mail address")?;
    Ok(Address { email, had_name })
}

fn check_local(local: &str) -> Result<(), &'static str> {
    if local.is_empty() {
        return Err("has nothing before the `@`");
    }
    if local.len() > 64 {
        return Err("has more than 64 bytes before the `@`");
    }
    if local.split('.').any(str::is_empty) {
        return Err("has a dot at the wrong place before the `@`");
    }
    let allowed = |c: char| {
        c.is_ascii_alphanumeric()
            || "!#$%&'+/=?^_`{|}~.-".contains(c)
            || (!c.is_ascii() && c.is_alphanumeric())
    };
    if local.chars().all(allowed) {
        Ok(())
    } else {
        Err("has a character before the `@` that addresses do not have")
    }
}

fn check_domain(domain: &str) -> Result<(), &'static str> {
    if domain.is_empty() {
        return Err("has nothing after the `@`");
    }
    if domain.contains('@') {
        return Err("has more than one `@`");
    }
    if domain.len() > 253 {
        return Err("has a domain of more than 253 bytes");
    }
    let folded = domain.to_ascii_lowercase();
    let labels: Vec<&str> = folded.split('.').collect();
    let well_formed = |label: &&str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    if !labels.iter().all(well_formed) {
        return Err("has a domain that is not a domain name");
    }
    let top = labels.last().copied().unwrap_or_default();
    if SPECIAL_USE.contains(&top) {
        return Err("has a domain reserved for special use, which receives no mail");
    }
    if labels.len() < 2 {
        return Err("has a domain without a dot");
    }
    if !top.ends_with(char::is_alphabetic) {
        return Err("has a domain that ends in a number");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_pass() {
        for (text, address, had_name) in [
            ("bob@corp.com", "bob@corp.com", false),
            ("  Bob@Corp.COM ", "bob@corp.com", false),
            ("Bob Kay <bob@corp.com>", "bob@corp.com", true),
            ("<bob@corp.com>", "bob@corp.com", true),
            ("a@example.com", "a@example.com", false),
            ("a@acme.example", "a@acme.example", false),
            ("a+b.c'd@sub.corp.co", "a+b.c'd@sub.corp.co", false),
            ("jürgen@müller.de", "jürgen@müller.de", false),
            ("a@contest.org", "a@contest.org", false),
        ] {
            let read = parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!(
                (read.email.as_str(), read.had_name),
                (address, had_name),
                "{text}"
            );
        }
    }

    #[test]
    fn addresses_that_are_refused() {
        let long = format!("{}@corp.com", "x".repeat(65));
        for bad in [
            "",
            " ",
            "*",
            "*@corp.com",
            "!bob@corp.com",
            "Bob <!bob@corp.com>",
            "bob",
            "bob@",
            "@corp.com",
            "bob@corp",
            "bob@localhost",
            "bob@a.local",
            "bob@corp.test",
            "bob@corp.TEST",
            "bob@x.invalid",
            "bob@1.2.3.4",
            "bob@[1.2.3.4]",
            "bob@-corp.com",
            "bob@corp-.com",
            "bob@corp..com",
            "bob@corp.com.",
            ".bob@corp.com",
            "bob.@corp.com",
            "b..b@corp.com",
            "b ob@corp.com",
            "bob@co rp.com",
            "bob@@corp.com",
            "bob@corp.com,al@corp.com",
            "\"b b\"@corp.com",
            "bob@in_addr.com",
            "bob@corp.com\nx",
            "Bob <bob>",
            "bob@1.in-addr.arpa",
            "bob@corp.123",
            &long,
        ] {
            assert!(parse(bad).is_err(), "{bad:?} was taken for an address");
        }
    }
}
