//! The subject of an event (`inventory.md` H-2, H-3): decided by the present fields, never by the
//! date.

use hallpass_base::UserId;
use serde_json::Value;

use super::ignored::IgnoredEvent;
use crate::log::CloudTrailRecord;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum EventSubject {
    /// A user of the judged store.
    User(UserId),
    /// As typed, or as known to the service.
    Name(String),
}

/// AWS's placeholder for typed text that is no user name.
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// For events that users cause themselves.
pub(crate) fn actor(record: &CloudTrailRecord, store: &str) -> Result<EventSubject, IgnoredEvent> {
    let identity = &record.user_identity;
    if let Some(person) = &identity.on_behalf_of
        && let Some(id) = &person.user_id
    {
        let arn = person.identity_store_arn.as_deref().unwrap_or_default();
        if arn.rsplit('/').next() != Some(store) {
            return Err(IgnoredEvent::OtherIdentityStore);
        }
        return UserId::new(id.as_str())
            .map(EventSubject::User)
            .map_err(|_| IgnoredEvent::Unattributable);
    }
    let said = record.additional_event_data.get("UserName");
    let said = said.and_then(Value::as_str).filter(|it| *it != HIDDEN);
    let named = identity.user_name.as_deref().filter(|it| !it.is_empty());
    named
        .or(said)
        .filter(|it| !it.is_empty())
        .map(|name| EventSubject::Name(name.to_owned()))
        .ok_or(IgnoredEvent::Unattributable)
}

/// Returns the affected user, never the author.
pub(crate) fn target(record: &CloudTrailRecord, store: &str) -> Result<EventSubject, IgnoredEvent> {
    let asked = &record.request_parameters;
    let text = |value: &Value, pointer: &str| {
        let found = value.pointer(pointer).and_then(Value::as_str);
        found.map(str::to_owned)
    };
    if text(asked, "/identityStoreId").is_some_and(|it| it != store) {
        return Err(IgnoredEvent::OtherIdentityStore);
    }
    let answered = &record.response_elements;
    text(asked, "/userId")
        .or_else(|| text(answered, "/userId"))
        .or_else(|| text(answered, "/user/userId"))
        .and_then(|id| UserId::new(id).ok())
        .map(EventSubject::User)
        .ok_or(IgnoredEvent::Unattributable)
}

/// Whether a sign-in went to an access portal: other services write the same event.
pub(crate) fn is_to_portal(record: &CloudTrailRecord, hosts: &[String]) -> bool {
    let address = record.additional_event_data.get("LoginTo");
    let Some(host) = address.and_then(Value::as_str).and_then(host) else {
        return false;
    };
    let is_below = |suffix: &&str| {
        let name = host.strip_suffix(*suffix);
        name.is_some_and(|name| !name.is_empty())
    };
    let portals = [".awsapps.com", ".awsapps.cn", ".app.aws"];
    portals.iter().any(is_below) || hosts.iter().any(|it| it.eq_ignore_ascii_case(&host))
}

/// The host as a browser parses it.
fn host(address: &str) -> Option<String> {
    let rest = address
        .strip_prefix("https://")
        .or_else(|| address.strip_prefix("http://"))?;
    let authority = rest.split(['/', '\\', '?', '#']).next()?;
    let place = authority.rsplit('@').next()?;
    let host = place.split(':').next()?.trim_end_matches('.');
    Some(host.to_ascii_lowercase()).filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_what_a_browser_would_call() {
        let rows = [
            ("https://d-1.awsapps.com/start/", Some("d-1.awsapps.com")),
            ("https://D-1.AwsApps.com:443?x", Some("d-1.awsapps.com")),
            (
                "https://d-1.awsapps.com@evil.example/",
                Some("evil.example"),
            ),
            ("https://evil.example\\.awsapps.com/", Some("evil.example")),
            ("d-1.awsapps.com", None),
            ("https://", None),
        ];
        for (address, wanted) in rows {
            assert_eq!(host(address).as_deref(), wanted, "{address}");
        }
    }
}
