//! Portal sign-ins as CloudTrail records them, and user identities in its events.

use crate::base::Millis;
use serde_json::{Map, Value, json};

use super::{
    entities::Id,
    event_history::{HistoryEvent, event_id, event_time},
    state::SimState,
};

/// Returns a user's identity in Identity Center events: the form of 2025-07-14 and later, or the
/// earlier one (AWS `CloudTrail` events of IAM Identity Center).
pub(crate) fn person_identity(state: &SimState, user: &Id) -> Value {
    let (center, account) = (&state.center, &state.head.management);
    if state.settings.behaviour.is("sign_in_events", "unknown") {
        let name = state.user(user).map(|it| it.user_name().to_owned());
        return json!({
            "type": "Unknown", "principalId": &**user, "accountId": account, "userName": name,
        });
    }
    let store = format!(
        "arn:aws:identitystore::{account}:identitystore/{}",
        center.store
    );
    json!({
        "type": "IdentityCenterUser", "accountId": account,
        "onBehalfOf": {"userId": &**user, "identityStoreArn": store},
        "credentialId": event_id(state.seed, &format!("credential {user}")),
    })
}

/// Records a portal sign-in: authentication and session, in that Region (not verified: AWS
/// documents nothing for additional Regions).
pub(crate) fn note_sign_in(
    state: &mut SimState,
    user: &Id,
    session: &str,
    region: &str,
    at: Millis,
) {
    let identity = person_identity(state, user);
    let portal = state.center.start_url();
    for (source, name, more) in [
        (
            "signin.amazonaws.com",
            "UserAuthentication",
            json!({"serviceEventDetails": {"UserAuthentication": "Success"}}),
        ),
        ("sso.amazonaws.com", "Authenticate", json!({})),
    ] {
        let mut record = json!({
            "eventVersion": "1.11",
            "userIdentity": identity,
            "eventTime": event_time(at),
            "eventSource": source,
            "eventName": name,
            "awsRegion": region,
            "sourceIPAddress": "127.0.0.1",
            "userAgent": "Mozilla/5.0",
            "requestParameters": null,
            "responseElements": null,
            "additionalEventData": {"LoginTo": portal, "CredentialType": "PASSWORD"},
            "eventID": event_id(state.seed, &format!("{name} {session}")),
            "readOnly": false,
            "eventType": "AwsServiceEvent",
            "managementEvent": true,
            "recipientAccountId": state.head.management,
            "eventCategory": "Management",
        });
        let more: Map<String, Value> = serde_json::from_value(more).unwrap_or_default();
        if let Some(members) = record.as_object_mut() {
            members.extend(more);
        }
        state.note_sign_in(HistoryEvent {
            at,
            account: state.head.management.clone(),
            region: region.to_owned(),
            record,
        });
    }
}
