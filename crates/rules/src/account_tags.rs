use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Tags of an account. Unread differs from empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    from = "Option<BTreeMap<String, String>>",
    into = "Option<BTreeMap<String, String>>"
)]
pub enum AccountTags {
    #[default]
    Unread,
    Read(BTreeMap<String, String>),
}

impl AccountTags {
    pub const fn known(&self) -> Option<&BTreeMap<String, String>> {
        match self {
            Self::Unread => None,
            Self::Read(tags) => Some(tags),
        }
    }

    pub const fn is_unread(&self) -> bool {
        self.known().is_none()
    }
}

impl From<BTreeMap<String, String>> for AccountTags {
    fn from(tags: BTreeMap<String, String>) -> Self {
        Self::Read(tags)
    }
}

impl FromIterator<(String, String)> for AccountTags {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(tags: I) -> Self {
        Self::Read(tags.into_iter().collect())
    }
}

impl From<Option<BTreeMap<String, String>>> for AccountTags {
    fn from(tags: Option<BTreeMap<String, String>>) -> Self {
        tags.map_or(Self::Unread, Self::Read)
    }
}

impl From<AccountTags> for Option<BTreeMap<String, String>> {
    fn from(tags: AccountTags) -> Self {
        match tags {
            AccountTags::Unread => None,
            AccountTags::Read(tags) => Some(tags),
        }
    }
}
