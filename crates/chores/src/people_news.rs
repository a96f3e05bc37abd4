//! What the identity store tells of people and groups: those whom an event names are looked at at once, and lose what rests on
//! what they left (`access.md` §22, R-5). An event is a hint that says where to look, and never what to do.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use hallpass_access::{Access, PeopleLooked};
use hallpass_events::{EventHandler, HandledEvent, OrganizationEvent};
use hallpass_model::UserId;
use serde_json::Value;

/// Who sends events about people (IAM Identity Center User Guide, "Set up event notifications"; Amazon `EventBridge` Events
/// Reference, "Identity Store events"). Calls of the older directory come by the second [not verified].
const SOURCES: [&str; 2] = ["aws.identitystore", "aws.sso-directory"];
/// What `CloudTrail` makes of calls, with the same source.
const BY_CLOUDTRAIL: &str = "AWS API Call via CloudTrail";
/// Calls that take nothing from anybody.
const TAKES_NOTHING: [&str; 6] = ["Create", "Describe", "Get", "Is", "List", "Search"];
/// Values of a detail that are looked through for ids of people.
const VALUES_MAX: usize = 500;

/// Looks at people whom events name.
#[derive(Default)]
pub struct PeopleHandler {
    access: OnceLock<Arc<Access>>,
}

/// Whom an event is about.
#[derive(Debug, PartialEq, Eq)]
enum About {
    /// It takes nothing from anybody.
    Nobody,
    /// These ids are in it; which of them are people is not said.
    Named(BTreeSet<UserId>),
}

impl PeopleHandler {
    /// From now on events are acted upon; until then they stay in the queue.
    pub fn serve(&self, access: &Arc<Access>) {
        // a second server of one handler would be the same one
        let _: Result<(), _> = self.access.set(Arc::clone(access));
    }

    /// Looks at whom these ids name; at everybody behind live access where none of them is somebody who is known, since
    /// groups are told without their members.
    async fn look(&self, access: &Access, ids: &BTreeSet<UserId>) -> HandledEvent {
        let directory = access.directory();
        let is_known = ids.iter().any(|id| directory.person(id).is_some());
        match access.look_at_people(is_known.then_some(ids)).await {
            Ok(looked) => told(&looked),
            Err(error) => HandledEvent::Again(error.to_string()),
        }
    }
}

#[async_trait]
impl EventHandler for PeopleHandler {
    fn takes(&self, source: &str, _detail_type: &str) -> bool {
        SOURCES.contains(&source)
    }

    /// Whoever is named by a lot of events is looked at once for all of them.
    async fn handle(&self, events: &[OrganizationEvent]) -> Vec<HandledEvent> {
        let about: Vec<About> = events.iter().map(about).collect();
        let Some(access) = self.access.get() else {
            let early = || HandledEvent::Again("the server has not started yet".to_owned());
            return events.iter().map(|_| early()).collect();
        };
        let mut handled = Vec::with_capacity(events.len());
        let mut looks: Vec<(BTreeSet<UserId>, HandledEvent)> = Vec::new();
        for about in about {
            let About::Named(ids) = about else {
                let nothing = "it takes nothing from anybody".to_owned();
                handled.push(HandledEvent::Done(nothing));
                continue;
            };
            let before = looks.iter().find(|(looked, _)| *looked == ids);
            let outcome = if let Some((_, outcome)) = before {
                outcome.clone()
            } else {
                let outcome = self.look(access, &ids).await;
                looks.push((ids, outcome.clone()));
                outcome
            };
            handled.push(outcome);
        }
        handled
    }
}

/// What came of a look, in words; what AWS or the store did not say is looked at again when the event comes again.
fn told(looked: &PeopleLooked) -> HandledEvent {
    let outcome = if looked.is_whole() { "ok" } else { "partial" };
    metrics::counter!("hallpass_people_looks_total", "by" => "event", "outcome" => outcome)
        .increment(1);
    if let Some(fault) = &looked.fault {
        return HandledEvent::Again(fault.to_string());
    }
    if looked.failed > 0 {
        return HandledEvent::Again(format!("{} ends could not be stored", looked.failed));
    }
    let PeopleLooked {
        people,
        left,
        ended,
        requests,
        ..
    } = looked;
    HandledEvent::Done(format!(
        "{people} people were looked at: {} grants end, {requests} requests are refused",
        left + ended
    ))
}

fn about(event: &OrganizationEvent) -> About {
    let name = if event.detail_type == BY_CLOUDTRAIL {
        let member = |name: &str| event.detail.get(name).and_then(Value::as_str);
        if member("errorCode").is_some() {
            return About::Nobody;
        }
        let name = member("eventName").unwrap_or_default();
        if TAKES_NOTHING.iter().any(|verb| name.starts_with(verb)) {
            return About::Nobody;
        }
        name
    } else {
        event.detail_type.as_str()
    };
    if name.ends_with(" Created") {
        return About::Nobody;
    }
    let mut ids = BTreeSet::new();
    let mut left = VALUES_MAX;
    collect(&event.detail, &mut ids, &mut left);
    About::Named(ids)
}

/// Every text in a value that could be the id of somebody.
fn collect(value: &Value, ids: &mut BTreeSet<UserId>, left: &mut usize) {
    if *left == 0 {
        return;
    }
    *left -= 1;
    match value {
        Value::String(text) => {
            let id = text.rsplit('/').next().unwrap_or_default();
            ids.extend(UserId::new(id));
        }
        Value::Array(values) => values.iter().for_each(|it| collect(it, ids, left)),
        Value::Object(members) => members.values().for_each(|it| collect(it, ids, left)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use hallpass_events::read_event;
    use serde_json::json;

    use super::*;

    const ANA: &str = "93670cd3a4-1b2c3d4e-1111-2222-3333-444455556666";
    const GROUP: &str = "93670cd3a4-9b2c3d4e-1111-2222-3333-444455556666";

    fn event(source: &str, detail_type: &str, detail: &Value) -> OrganizationEvent {
        let body =
            json!({ "id": "e-1", "source": source, "detail-type": detail_type, "detail": detail });
        read_event(&body.to_string()).unwrap()
    }

    fn ids(named: &[&str]) -> About {
        About::Named(named.iter().map(|id| id.parse().unwrap()).collect())
    }

    #[test]
    fn an_event_names_whom_to_look_at_and_nothing_else() {
        let store = "aws.identitystore";
        let user = json!({ "user-id": ANA, "identity-store-id": "d-1234567890" });
        let member = json!({ "group-id": GROUP, "member": { "arn": format!("arn:aws:identitystore:::user/{ANA}") } });
        let call = |name: &str, more: Value| {
            let mut detail = json!({ "eventName": name, "requestParameters": { "userId": ANA } });
            for (name, value) in more.as_object().unwrap() {
                detail[name] = value.clone();
            }
            detail
        };
        let table = [
            (store, "User Updated", user.clone(), ids(&[ANA])),
            (store, "User Deleted", user.clone(), ids(&[ANA])),
            (store, "User Created", user, About::Nobody),
            (
                store,
                "Group Membership Deleted",
                member.clone(),
                ids(&[ANA, GROUP]),
            ),
            (store, "Group Membership Created", member, About::Nobody),
            (
                store,
                "Group Deleted",
                json!({ "group-id": GROUP }),
                ids(&[GROUP]),
            ),
            (store, "Group Deleted", json!({}), ids(&[])),
            (
                "aws.sso-directory",
                BY_CLOUDTRAIL,
                call("DisableUser", json!({})),
                ids(&[ANA]),
            ),
            (
                store,
                BY_CLOUDTRAIL,
                call("DescribeUser", json!({})),
                About::Nobody,
            ),
            (
                store,
                BY_CLOUDTRAIL,
                call("DeleteUser", json!({ "errorCode": "AccessDenied" })),
                About::Nobody,
            ),
        ];
        for (source, detail_type, detail, wanted) in table {
            let event = event(source, detail_type, &detail);
            assert_eq!(about(&event), wanted, "{detail_type} {detail}");
        }
    }

    #[tokio::test]
    async fn before_the_server_serves_events_stay_in_the_queue() {
        let handler = PeopleHandler::default();
        assert!(handler.takes("aws.identitystore", "User Deleted"));
        assert!(!handler.takes("aws.securityhub", "User Deleted"));
        let event = event(
            "aws.identitystore",
            "User Deleted",
            &json!({ "user-id": ANA }),
        );
        let outcomes = handler.handle(&[event]).await;
        assert!(
            matches!(outcomes.as_slice(), [HandledEvent::Again(_)]),
            "{outcomes:?}"
        );
    }

    #[test]
    fn what_could_not_be_looked_at_comes_again() {
        let fault = hallpass_access::DirectoryFault {
            what: "the user".to_owned(),
            message: "no".to_owned(),
        };
        for looked in [
            PeopleLooked {
                fault: Some(fault),
                ..PeopleLooked::default()
            },
            PeopleLooked {
                failed: 1,
                ..PeopleLooked::default()
            },
        ] {
            assert!(
                matches!(told(&looked), HandledEvent::Again(_)),
                "{looked:?}"
            );
        }
        let looked = PeopleLooked {
            people: 1,
            left: 2,
            ..PeopleLooked::default()
        };
        let words = "1 people were looked at: 2 grants end, 0 requests are refused";
        assert_eq!(told(&looked), HandledEvent::Done(words.to_owned()));
    }
}
