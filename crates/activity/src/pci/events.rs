//! The meaning of a record (`inventory.md` §7.1): password use, sign-in, use, or nothing.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::identity::{EventSubject, actor, is_to_portal, target};
use super::ignored::IgnoredEvent;
use crate::log::{CloudTrailRecord, EventNames};

/// Written `SOURCE:NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventName {
    source: String,
    name: String,
}

impl EventName {
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.name == name
    }
}

impl FromStr for EventName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some((source, name)) if !source.is_empty() && !name.is_empty() => Ok(Self {
                source: source.to_owned(),
                name: name.to_owned(),
            }),
            _ => Err(format!(
                "`{text}` is no event: write its source and its name, such as `sso-directory.amazonaws.com:UpdatePassword`"
            )),
        }
    }
}

impl TryFrom<String> for EventName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<EventName> for String {
    fn from(event: EventName) -> Self {
        event.to_string()
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.name)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PciRules {
    pub identity_store_id: String,
    /// Events that set a password (`inventory.md` H-4).
    pub password_events: Vec<EventName>,
    /// Hosts of access portals, in addition to AWS's (`inventory.md` H-3).
    pub portal_hosts: Vec<String>,
}

impl PciRules {
    pub fn of_store(identity_store_id: impl Into<String>) -> Self {
        let update = EventName {
            source: DIRECTORY.to_owned(),
            name: "UpdatePassword".to_owned(),
        };
        Self {
            identity_store_id: identity_store_id.into(),
            password_events: vec![update],
            portal_hosts: Vec::new(),
        }
    }

    pub fn names(&self) -> EventNames {
        EventNames::new(self.event_names())
    }

    pub(crate) fn event_names(&self) -> BTreeSet<&str> {
        let own = self.password_events.iter().map(|it| it.name.as_str());
        KINDS.iter().map(|it| it.1).chain(own).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventMeaning {
    Password,
    SignIn,
    Use,
    Challenge,
    Verification { failed: bool },
    Created,
    Deleted,
    Disabled,
    Enabled,
    Updated,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PciEvent {
    /// A hash of its id: equal for copies.
    pub(crate) fingerprint: u64,
    pub(crate) content: Result<CountedEvent, IgnoredEvent>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CountedEvent {
    pub(crate) event_id: String,
    pub(crate) at: Timestamp,
    pub(crate) name: String,
    pub(crate) subject: EventSubject,
    pub(crate) meaning: EventMeaning,
    pub(crate) user_name: Option<String>,
}

const DIRECTORY: &str = "sso-directory.amazonaws.com";
const STORE: &str = "identitystore.amazonaws.com";
const PORTAL: &str = "sso.amazonaws.com";
const SIGN_IN: &str = "signin.amazonaws.com";

/// The events of `inventory.md` §7.1, without those of passwords.
const KINDS: [(&str, &str, EventMeaning); 17] = [
    (PORTAL, "Authenticate", EventMeaning::SignIn),
    (SIGN_IN, "UserAuthentication", EventMeaning::SignIn),
    (PORTAL, "Federate", EventMeaning::Use),
    (PORTAL, "CreateToken", EventMeaning::Use),
    (PORTAL, "GetRoleCredentials", EventMeaning::Use),
    (SIGN_IN, "CredentialChallenge", EventMeaning::Challenge),
    (
        SIGN_IN,
        "CredentialVerification",
        EventMeaning::Verification { failed: false },
    ),
    (DIRECTORY, "CreateUser", EventMeaning::Created),
    (STORE, "CreateUser", EventMeaning::Created),
    (DIRECTORY, "DeleteUser", EventMeaning::Deleted),
    (STORE, "DeleteUser", EventMeaning::Deleted),
    (DIRECTORY, "DisableUser", EventMeaning::Disabled),
    (STORE, "DisableUser", EventMeaning::Disabled),
    (DIRECTORY, "EnableUser", EventMeaning::Enabled),
    (STORE, "EnableUser", EventMeaning::Enabled),
    (DIRECTORY, "UpdateUser", EventMeaning::Updated),
    (STORE, "UpdateUser", EventMeaning::Updated),
];

pub(crate) fn event(record: CloudTrailRecord, rules: &PciRules, as_of: Timestamp) -> PciEvent {
    PciEvent {
        fingerprint: fingerprint(&record.event_id),
        content: counted(record, rules, as_of),
    }
}

fn counted(
    record: CloudTrailRecord,
    rules: &PciRules,
    as_of: Timestamp,
) -> Result<CountedEvent, IgnoredEvent> {
    let meaning = meaning(&record, rules).ok_or(IgnoredEvent::OtherEvent)?;
    if record.event_time > as_of {
        return Err(IgnoredEvent::Future);
    }
    if record.error_code.as_ref().is_some_and(|it| !it.is_empty()) {
        return Err(IgnoredEvent::ApiError);
    }
    let store = rules.identity_store_id.as_str();
    let subject = match meaning {
        EventMeaning::SignIn
        | EventMeaning::Use
        | EventMeaning::Challenge
        | EventMeaning::Verification { .. } => actor(&record, store)?,
        EventMeaning::Password
        | EventMeaning::Created
        | EventMeaning::Deleted
        | EventMeaning::Disabled
        | EventMeaning::Enabled
        | EventMeaning::Updated => target(&record, store)?,
    };
    if record.event_name == "UserAuthentication" {
        if detail(&record) != Some("Success") {
            return Err(IgnoredEvent::FailedSignIn);
        }
        let is_named = matches!(subject, EventSubject::Name(_));
        if is_named && !is_to_portal(&record, &rules.portal_hosts) {
            return Err(IgnoredEvent::ForeignLoginTarget);
        }
    }
    let user_name = record.request_parameters.get("userName");
    let user_name = user_name.and_then(Value::as_str).map(str::to_owned);
    Ok(CountedEvent {
        event_id: record.event_id,
        at: record.event_time,
        name: record.event_name,
        subject,
        meaning,
        user_name: user_name.filter(|_| meaning == EventMeaning::Created),
    })
}

fn meaning(record: &CloudTrailRecord, rules: &PciRules) -> Option<EventMeaning> {
    let (source, name) = (record.event_source.as_str(), record.event_name.as_str());
    let is_this = |it: &EventName| it.source == source && it.name == name;
    if rules.password_events.iter().any(is_this) {
        return Some(EventMeaning::Password);
    }
    let mut kinds = KINDS.iter();
    let (_, _, meaning) = kinds.find(|it| it.0 == source && it.1 == name)?;
    Some(match meaning {
        EventMeaning::Verification { .. } => EventMeaning::Verification {
            failed: detail(record) != Some("Success"),
        },
        other => *other,
    })
}

/// Returns the sign-in outcome below the event name.
fn detail(record: &CloudTrailRecord) -> Option<&str> {
    let details = &record.service_event_details;
    details.get(&record.event_name).and_then(Value::as_str)
}

/// FNV-1a of 64 bits: stable across releases, since stored values are compared with it.
fn fingerprint(id: &str) -> u64 {
    let step = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    id.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}
