use std::collections::BTreeSet;

use hallpass_base::{Timestamp, UserId};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonStatus {
    Enabled,
    Disabled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInPlace {
    /// In Identity Center's directory.
    Directory,
    /// At an external provider (`inventory.md` H-5).
    Provider,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PciPerson {
    pub user_id: UserId,
    pub user_name: String,
    pub created_at: Option<Timestamp>,
    pub status: PersonStatus,
    pub sign_in: SignInPlace,
    /// To find them at the provider.
    pub emails: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeopleList {
    pub identity_store_id: String,
    pub people: Vec<PciPerson>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeopleError {
    /// Not a `ListUsers` answer.
    #[error("it is no answer of `ListUsers`: {0}")]
    NoList(String),
    /// Empty, so the store is unknown.
    #[error("it lists no users")]
    Empty,
    #[error("it lists people of two identity stores, `{0}` and `{1}`")]
    TwoStores(String, String),
    #[error("it is not the whole list: `NextToken` says that there is another page")]
    MorePages,
    #[error("`{0}` is in it twice")]
    Twice(UserId),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedUsers {
    users: Vec<ListedUser>,
    #[serde(default)]
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedUser {
    identity_store_id: String,
    user_id: UserId,
    user_name: String,
    #[serde(default)]
    created_at: Option<ListedInstant>,
    #[serde(default)]
    user_status: Option<String>,
    #[serde(default)]
    external_ids: Option<Vec<serde::de::IgnoredAny>>,
    #[serde(default)]
    emails: Option<Vec<ListedEmail>>,
}

/// An instant, in the format of the AWS CLI or of the service.
#[derive(Deserialize)]
#[serde(untagged)]
enum ListedInstant {
    Text(Timestamp),
    Seconds(f64),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedEmail {
    #[serde(default)]
    value: Option<String>,
}

impl PeopleList {
    /// Reads a `ListUsers` answer.
    ///
    /// # Errors
    /// It is another document, is empty or incomplete, or has duplicates.
    pub fn read(text: &str) -> Result<Self, PeopleError> {
        let listed: ListedUsers =
            serde_json::from_str(text).map_err(|error| PeopleError::NoList(error.to_string()))?;
        if listed.next_token.is_some_and(|it| !it.is_empty()) {
            return Err(PeopleError::MorePages);
        }
        let mut stores = listed.users.iter().map(|it| &it.identity_store_id);
        let identity_store_id = stores.next().ok_or(PeopleError::Empty)?.clone();
        if let Some(other) = stores.find(|it| **it != identity_store_id) {
            return Err(PeopleError::TwoStores(identity_store_id, other.clone()));
        }
        Self::new(
            identity_store_id,
            listed.users.into_iter().map(PciPerson::from).collect(),
        )
    }

    /// # Errors
    /// The list has duplicates.
    pub fn new(identity_store_id: String, people: Vec<PciPerson>) -> Result<Self, PeopleError> {
        let mut seen = BTreeSet::new();
        if let Some(twice) = people.iter().find(|it| !seen.insert(&it.user_id)) {
            return Err(PeopleError::Twice(twice.user_id.clone()));
        }
        Ok(Self {
            identity_store_id,
            people,
        })
    }
}

impl From<ListedUser> for PciPerson {
    fn from(listed: ListedUser) -> Self {
        let is_outside = listed.external_ids.is_some_and(|it| !it.is_empty());
        let emails = listed.emails.unwrap_or_default().into_iter();
        let created_at = listed.created_at.and_then(|it| match it {
            ListedInstant::Text(at) => Some(at),
            ListedInstant::Seconds(seconds) => {
                let since = jiff::SignedDuration::try_from_secs_f64(seconds).ok()?;
                Timestamp::UNIX_EPOCH.checked_add(since).ok()
            }
        });
        Self {
            user_id: listed.user_id,
            user_name: listed.user_name,
            created_at,
            status: match listed.user_status.as_deref() {
                Some("DISABLED") => PersonStatus::Disabled,
                Some(_) | None => PersonStatus::Enabled,
            },
            sign_in: if is_outside {
                SignInPlace::Provider
            } else {
                SignInPlace::Directory
            },
            emails: emails.filter_map(|it| it.value).collect(),
        }
    }
}
