//! Identifiers issued by AWS.

use std::{borrow::Borrow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct IdError {
    text: String,
    expected: &'static str,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Validates only the form.
            ///
            /// # Errors
            /// The form is invalid.
            pub fn new(text: impl Into<String>) -> Result<Self, IdError> {
                let text = text.into();
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) {
                    Ok(Self(text))
                } else {
                    Err(IdError { text, expected: $expected })
                }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id!(
    /// 12 ASCII digits, leading zeros kept (AWS Organizations API Reference, `DescribeAccount`).
    AccountId,
    "an account id of 12 digits",
    |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
);

text_id!(
    /// 1 to 32 characters of letters, digits and `_+=,.@-` (IAM Identity Center API Reference,
    /// `CreatePermissionSet`).
    PermissionSetName,
    "a permission set name (1 to 32 of letters, digits and `_+=,.@-`)",
    |text| {
        (1..=32).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b))
    }
);

text_id!(
    /// `arn:aws:sso:::permissionSet/ssoins-…/ps-…` (IAM Identity Center API Reference,
    /// `PermissionSet`).
    PermissionSetArn,
    "a permission set ARN",
    |text| {
        text.len() <= 1224
            && text.starts_with("arn:aws")
            && text.contains(":sso:::permissionSet/")
            && text.bytes().all(|b| b.is_ascii_graphic())
    }
);

text_id!(
    /// A user of the identity store: a UUID, in older stores after 10 hex digits and a dash
    /// (Identity Store API Reference, `User`).
    UserId,
    "an identity store user id",
    is_identity_store_id
);

text_id!(
    /// A group of the identity store; same form as [`UserId`]. Compared exactly (Identity Store API
    /// Reference, `Group`).
    GroupId,
    "an identity store group id (8-4-4-4-12 hex digits, with or without a prefix of 10)",
    is_identity_store_id
);

fn is_identity_store_id(text: &str) -> bool {
    let uuid = match text.split_once('-') {
        Some((prefix, rest)) if prefix.len() == 10 => {
            if !prefix
                .bytes()
                .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
            {
                return false;
            }
            rest
        }
        _ => text,
    };
    let mut lengths = [8, 4, 4, 4, 12].into_iter();
    let well_formed = uuid.split('-').all(|part| {
        lengths.next() == Some(part.len()) && part.bytes().all(|b| b.is_ascii_hexdigit())
    });
    well_formed && lengths.next().is_none()
}

const PROFILE_PART_MAX: usize = 64;

/// Returns the CLI profile name of a role, such as `payments-prod-ReadOnly`.
///
/// Only ASCII letters, digits and `-_.`, starting with a letter or digit: the AWS CLI treats a
/// leading dash as an option (AWS SDKs and Tools Reference Guide, "Format of the config file").
/// Falls back to the account's id.
pub fn profile_name(account_name: &str, account: &AccountId, set: &PermissionSetName) -> String {
    let account_part = match profile_part(account_name) {
        // the SDKs treat this name as the default profile
        part if part.is_empty() || part == "default" => account.to_string(),
        part => part,
    };
    match profile_part(set.as_str()) {
        part if part.is_empty() => account_part,
        part => format!("{account_part}-{part}"),
    }
}

fn profile_part(text: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_edge = |c: char| !c.is_ascii_alphanumeric();
    let part: String = text.chars().take(PROFILE_PART_MAX).collect();
    part.replace(|c| !fits(c), "-")
        .trim_matches(is_edge)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profile_names_are_usable_on_a_command_line() {
        let account = AccountId::new("222233334444").unwrap();
        for (account_name, set, name) in [
            ("payments-prod", "ReadOnly", "payments-prod-ReadOnly"),
            ("Lab (1)", "Read+Only", "Lab--1-Read-Only"),
            ("-PROD--", "ReadOnly", "PROD-ReadOnly"),
            ("(PROD)", "--x--", "PROD-x"),
            ("日本", "ReadOnly", "222233334444-ReadOnly"),
            ("---", "--", "222233334444"),
            ("default", "=", "222233334444"),
            (
                "a\n[default]\nx = y",
                "ReadOnly",
                "a--default--x---y-ReadOnly",
            ),
        ] {
            let set = PermissionSetName::new(set).unwrap();
            assert_eq!(profile_name(account_name, &account, &set), name);
        }
        let set = PermissionSetName::new("A").unwrap();
        assert!(profile_name(&"x".repeat(500), &account, &set).len() < 70);
    }

    #[test]
    fn account_ids_keep_leading_zeros_and_refuse_other_digits() {
        assert_eq!(
            AccountId::new("000000000001").unwrap().as_str(),
            "000000000001"
        );
        for bad in [
            "",
            "12345",
            "1234567890123",
            "11111111111a",
            "١١١١١١١١١١١١",
            " 11111111111",
        ] {
            assert!(AccountId::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn group_ids_take_either_case_and_a_lower_case_prefix() {
        for good in [
            "99999999-8888-7777-6666-555555555555",
            "ABCDEF12-8888-7777-6666-555555555555",
            "906752b26f-44c8f4e8-80f1-7091-a200-0f9ddad2661d",
        ] {
            assert!(GroupId::new(good).is_ok(), "{good}");
        }
        for bad in [
            "*",
            "906752B26F-44c8f4e8-80f1-7091-a200-0f9ddad2661d",
            "99999999-8888-7777-6666",
            "99999999-8888-7777-6666-555555555555-1",
            "g9999999-8888-7777-6666-555555555555",
            "99999999-8888-7777-6666-555555555555\n",
        ] {
            assert!(GroupId::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn permission_set_names_have_an_alphabet_and_a_length() {
        assert!(PermissionSetName::new("Read_Only+=,.@-9").is_ok());
        for bad in ["", "Read*", "a b", "Ünlü", &"x".repeat(33)] {
            assert!(PermissionSetName::new(bad).is_err(), "{bad}");
        }
    }
}
