//! Returns one response per event; the first matching condition decides (`organization.md` §5,
//! C-5).

use std::net::IpAddr;

use hallpass_base::Timestamp;
use serde_json::{Value, json};

use super::country::{Countries, Country, Lookup};
use super::event::{Event, Schema};
use super::policy::{DEFAULT_TEXT, Otherwise, Policy};
use crate::generate::address::{AddressKind, AddressRange};

/// Why an event was allowed or denied. Only for the log, never for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    NoPolicy,
    BadEvent,
    /// `public-ip` is missing or invalid.
    BadAddress,
    /// Another endpoint than the policy's.
    Endpoint,
    DeniedUser,
    AllowedRange,
    DeniedRange,
    /// Private, shared, documentation or otherwise never public.
    Private,
    Unknown,
    Failed(String),
    DeniedCountry,
    AllowedCountry,
    Exception,
    OtherCountry,
}

impl Reason {
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NoPolicy => "no-policy",
            Self::BadEvent => "bad-event",
            Self::BadAddress => "bad-address",
            Self::Endpoint => "endpoint",
            Self::DeniedUser => "denied-user",
            Self::AllowedRange => "allowed-range",
            Self::DeniedRange => "denied-range",
            Self::Private => "private",
            Self::Unknown => "unknown",
            Self::Failed(_) => "failed",
            Self::DeniedCountry => "denied-country",
            Self::AllowedCountry => "allowed-country",
            Self::Exception => "exception",
            Self::OtherCountry => "other-country",
        }
    }

    /// Row of the specification's table; 0 without a policy.
    pub fn rule(&self) -> u8 {
        match self {
            Self::NoPolicy => 0,
            Self::BadEvent | Self::BadAddress => 1,
            Self::Endpoint => 2,
            Self::DeniedUser => 3,
            Self::AllowedRange => 4,
            Self::DeniedRange => 5,
            Self::Private => 6,
            Self::Unknown | Self::Failed(_) => 7,
            Self::DeniedCountry => 8,
            Self::AllowedCountry => 9,
            Self::Exception => 10,
            Self::OtherCountry => 11,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VpnAnswer {
    pub allow: bool,
    pub reason: Reason,
    pub country: Option<Country>,
    pub event: Event,
    schema: Schema,
    message: String,
    statuses: Vec<&'static str>,
}

impl VpnAnswer {
    /// The response for the service. The message is always present.
    pub fn response(&self) -> Value {
        let message = match self.schema {
            Schema::V1 => "error-msg-on-failed-posture-compliance",
            Schema::V2 | Schema::V3 => "error-msg-on-denied-connection",
        };
        json!({
            "allow": self.allow,
            message: self.message,
            "posture-compliance-statuses": self.statuses,
            "schema-version": self.schema.as_str(),
        })
    }

    pub fn record(&self, at: Timestamp) -> Value {
        let event = &self.event;
        let mut record = json!({
            "at": at,
            "connection": event.connection,
            "endpoint": event.endpoint,
            "user": if event.user.is_empty() { &event.common_name } else { &event.user },
            "ip": event.public_ip,
            "country": self.country.map(|it| it.to_string()),
            "rule": self.reason.rule(),
            "reason": self.reason.as_str(),
            "allow": self.allow,
        });
        if let (Reason::Failed(why), Some(record)) = (&self.reason, record.as_object_mut()) {
            record.insert("error".to_owned(), Value::from(why.as_str()));
        }
        record
    }
}

/// Decides on an event. Denies without a policy and in any unexpected case.
///
/// `schema` is the default for events without a version.
pub fn handler(
    event: &str,
    policy: Option<&Policy>,
    countries: &(impl Countries + ?Sized),
    schema: Schema,
    now: Timestamp,
) -> VpnAnswer {
    let parsed = Event::parse(event);
    let (reason, country) = match (&parsed, policy) {
        (_, None) => (Reason::NoPolicy, None),
        (None, Some(_)) => (Reason::BadEvent, None),
        (Some(event), Some(policy)) => decide(event, policy, countries, now),
    };
    let event = parsed.unwrap_or_default();
    let otherwise = |choose: fn(&Policy) -> Otherwise| {
        policy.is_some_and(|policy| choose(policy) == Otherwise::Allow)
    };
    let (allow, statuses) = match &reason {
        Reason::NoPolicy | Reason::BadEvent | Reason::BadAddress | Reason::Endpoint => {
            (false, vec!["unknown"])
        }
        Reason::Private => (otherwise(|it| it.private_ip), vec!["unknown"]),
        Reason::Unknown | Reason::Failed(_) => {
            (otherwise(|it| it.unknown_country), vec!["unknown"])
        }
        Reason::DeniedUser | Reason::DeniedRange | Reason::DeniedCountry | Reason::OtherCountry => {
            (false, vec!["quarantined"])
        }
        Reason::AllowedRange | Reason::AllowedCountry => (true, vec!["compliant"]),
        Reason::Exception => (true, vec!["compliant", "exception"]),
    };
    let is_region = matches!(
        reason,
        Reason::DeniedRange | Reason::DeniedCountry | Reason::OtherCountry
    );
    let message = match policy {
        Some(policy) if is_region => policy.region_text.clone(),
        Some(policy) => policy.default_text.clone(),
        None => DEFAULT_TEXT.to_owned(),
    };
    VpnAnswer {
        allow,
        reason,
        country,
        schema: event.schema.unwrap_or(schema),
        event,
        message,
        statuses,
    }
}

fn decide(
    event: &Event,
    policy: &Policy,
    countries: &(impl Countries + ?Sized),
    now: Timestamp,
) -> (Reason, Option<Country>) {
    let address = event.public_ip.as_deref().map(str::parse::<IpAddr>);
    let Some(Ok(address)) = address else {
        return (Reason::BadAddress, None);
    };
    let address = address.to_canonical();
    if !policy.has_endpoint(event) {
        return (Reason::Endpoint, None);
    }
    if policy.denies_user(event) {
        return (Reason::DeniedUser, None);
    }
    if policy.allows_address(address) {
        return (Reason::AllowedRange, None);
    }
    if policy.denies_address(address) {
        return (Reason::DeniedRange, None);
    }
    if AddressRange::of(address).standing() != AddressKind::Public {
        return (Reason::Private, None);
    }
    let country = match countries.country(address) {
        Lookup::Found(country) => country,
        Lookup::Unknown => return (Reason::Unknown, None),
        Lookup::Failed(why) => return (Reason::Failed(why), None),
    };
    let reason = if policy.denies_country(country) {
        Reason::DeniedCountry
    } else if policy.allows_country(event, country) {
        Reason::AllowedCountry
    } else if policy.excepts(event, country, now) {
        Reason::Exception
    } else {
        Reason::OtherCountry
    };
    (reason, Some(country))
}
