//! Who reviews a line.

use std::fmt;
use std::str::FromStr;

use hallpass_base::{Email, HoldKey, Target};
use hallpass_rules::Directory;
use serde::{Deserialize, Serialize};

use crate::Person;

const TAG_PREFIX: &str = "account-tag:";
/// AWS Organizations API Reference, `Tag`.
const TAG_KEY_CHARACTERS_MAX: usize = 128;

/// In text: `manager`, `account-tag:KEY` or an e-mail address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ReviewerSource {
    /// The holder's, in the identity store. Read only if a rule names managers.
    Manager,
    /// The e-mail address in this tag of the account. Read only if a rule names tags.
    AccountTag(String),
    Person(Email),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReviewerError {
    #[error("`{0}` is no reviewer: write `manager`, `account-tag:KEY` or an e-mail address")]
    Unknown(String),
    #[error("`{0}` is not the address of one enabled user of the directory")]
    NoPerson(Email),
}

impl fmt::Display for ReviewerSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manager => f.write_str("manager"),
            Self::AccountTag(key) => write!(f, "{TAG_PREFIX}{key}"),
            Self::Person(email) => write!(f, "{email}"),
        }
    }
}

impl FromStr for ReviewerSource {
    type Err = ReviewerError;

    fn from_str(text: &str) -> Result<Self, ReviewerError> {
        let unknown = || ReviewerError::Unknown(text.to_owned());
        if text == "manager" {
            return Ok(Self::Manager);
        }
        if let Some(key) = text.strip_prefix(TAG_PREFIX) {
            let fits = !key.is_empty() && key.chars().count() <= TAG_KEY_CHARACTERS_MAX;
            let key = Some(key).filter(|_| fits).ok_or_else(unknown)?;
            return Ok(Self::AccountTag(key.to_owned()));
        }
        Email::new(text).map(Self::Person).map_err(|_| unknown())
    }
}

impl TryFrom<String> for ReviewerSource {
    type Error = ReviewerError;

    fn try_from(text: String) -> Result<Self, ReviewerError> {
        text.parse()
    }
}

impl From<ReviewerSource> for String {
    fn from(source: ReviewerSource) -> Self {
        source.to_string()
    }
}

impl ReviewerSource {
    /// # Errors
    /// If it names a person who is not one enabled user.
    pub(crate) fn ensure_known(&self, directory: &Directory) -> Result<(), ReviewerError> {
        match self {
            Self::Person(email) if enabled(email, directory).is_none() => {
                Err(ReviewerError::NoPerson(email.clone()))
            }
            Self::Person(_) | Self::Manager | Self::AccountTag(_) => Ok(()),
        }
    }

    fn of(&self, key: &HoldKey, directory: &Directory) -> Option<Person> {
        match self {
            Self::Manager => Person::of(directory.manager(directory.person(&key.user)?)?),
            Self::AccountTag(tag) => {
                let Target::Account { account, .. } = &key.target else {
                    return None;
                };
                let tags = directory.account(account)?.tags.known()?;
                enabled(&Email::new(tags.get(tag)?).ok()?, directory)
            }
            Self::Person(email) => enabled(email, directory),
        }
    }
}

fn enabled(email: &Email, directory: &Directory) -> Option<Person> {
    let person = directory.person_by_email(email).ok()?;
    Person::of(person).filter(|_| person.enabled)
}

/// The first source that names an enabled person other than the holder.
pub(crate) fn reviewer(
    sources: &[ReviewerSource],
    key: &HoldKey,
    directory: &Directory,
) -> Option<(Person, ReviewerSource)> {
    sources.iter().find_map(|source| {
        let person = source.of(key, directory)?;
        (person.user != key.user).then(|| (person, source.clone()))
    })
}
