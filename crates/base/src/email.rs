//! E-mail addresses as identities: ASCII case-insensitive, printed in lower case.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an e-mail address")]
pub struct EmailError(String);

/// Lower case. Accepts any address found in directories: one `@` with text on both sides, no white
/// space or control characters. Callers apply stricter rules.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

impl Email {
    /// Trims blanks, folds ASCII case and validates the form.
    ///
    /// # Errors
    /// There is not exactly one `@` with text on both sides, or a disallowed character.
    pub fn new(text: &str) -> Result<Self, EmailError> {
        let folded = text.trim().to_ascii_lowercase();
        let well_formed = folded.len() <= 254
            && !folded
                .chars()
                .any(|c| c.is_whitespace() || c.is_control() || "<>,;\"()".contains(c))
            && matches!(folded.split_once('@'), Some((local, domain))
                if !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
        if well_formed {
            Ok(Self(folded))
        } else {
            Err(EmailError(text.to_owned()))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn local_part(&self) -> &str {
        self.0.split_once('@').map_or("", |(local, _)| local)
    }

    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Email {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl TryFrom<String> for Email {
    type Error = EmailError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text)
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_blanks_make_no_difference() {
        assert_eq!(
            Email::new(" CTO@Corp.com ").unwrap(),
            Email::new("cto@corp.com").unwrap()
        );
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        for bad in [
            "",
            "*",
            "a",
            "@b.c",
            "a@",
            "a@b@c",
            "a b@c.d",
            "Name <a@b.c>",
            "a@b\n.c",
        ] {
            assert!(Email::new(bad).is_err(), "{bad:?}");
        }
    }
}
