//! Hallpass identifiers: a prefix for the kind, then the 32 hex digits of a UUID v7 (RFC 9562). Ids
//! sort by creation time.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Timestamp;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id of the form `{prefix}` followed by 32 hex digits")]
pub struct PrefixedIdError {
    text: String,
    prefix: &'static str,
}

macro_rules! prefixed_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            /// Expects a UUID v7 from an [`IdSource`](crate::IdSource).
            pub fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The smallest id of an instant: ids sort by creation time in milliseconds.
            pub fn first_at(at: Timestamp) -> Self {
                let millisecond = u128::try_from(at.as_millisecond()).unwrap_or(0);
                Self(Uuid::from_u128((millisecond & 0xffff_ffff_ffff) << 80))
            }

            /// Creation time in milliseconds.
            pub fn drawn_at(self) -> Timestamp {
                let millisecond = i64::try_from(self.0.as_u128() >> 80).unwrap_or(0);
                Timestamp::from_millisecond(millisecond).unwrap_or(Timestamp::UNIX_EPOCH)
            }

            /// For object names that other readers expect to be UUIDs.
            pub fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $prefix, self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = PrefixedIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.strip_prefix($prefix)
                    .filter(|hex| {
                        hex.len() == 32
                            && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
                    })
                    .and_then(|hex| Uuid::try_parse(hex).ok())
                    .map(Self)
                    .ok_or_else(|| PrefixedIdError { text: text.to_owned(), prefix: $prefix })
            }
        }

        impl TryFrom<String> for $name {
            type Error = PrefixedIdError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

prefixed_id!(RequestId, "req_");
prefixed_id!(
    /// Temporary permission from an approved request.
    GrantId,
    "grn_"
);
prefixed_id!(AuditId, "aud_");
prefixed_id!(
    /// The id is public and does not contain the secret.
    TokenId,
    "tok_"
);
prefixed_id!(
    /// One comparison with Identity Center, and its result.
    SweepId,
    "swp_"
);
prefixed_id!(
    /// One access review campaign.
    CampaignId,
    "cmp_"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_print_with_their_prefix_and_read_back() {
        let id = RequestId::new(Uuid::from_u128(0x0193_4a5b_6c7d_7e8f_9012_3456_789a_bcde));
        assert_eq!(id.to_string(), "req_01934a5b6c7d7e8f90123456789abcde");
        assert_eq!(id.to_string().parse::<RequestId>().unwrap(), id);
    }

    #[test]
    fn an_id_says_when_it_was_drawn() {
        let at = Timestamp::from_millisecond(1_767_571_200_123).unwrap();
        let id = RequestId::new(Uuid::from_u128(1_767_571_200_123 << 80 | 7 << 76 | 5));
        assert_eq!(id.drawn_at(), at);
        assert!(RequestId::first_at(at) < id);
        let later = Timestamp::from_millisecond(1_767_571_200_124).unwrap();
        assert!(id < RequestId::first_at(later));
        assert_eq!(RequestId::first_at(Timestamp::MIN).uuid(), Uuid::nil());
    }

    #[test]
    fn other_prefixes_upper_case_and_dashes_are_refused() {
        for bad in [
            "grn_01934a5b6c7d7e8f90123456789abcde",
            "req_01934A5B6C7D7E8F90123456789ABCDE",
            "req_01934a5b-6c7d-7e8f-9012-3456789abcde",
            "req_",
            "",
        ] {
            assert!(
                bad.parse::<RequestId>().is_err(),
                "{bad} was taken for a request id"
            );
        }
    }
}
