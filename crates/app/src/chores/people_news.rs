//! IAM Identity Center's user and group events: checks named users immediately and revokes access
//! that depended on lost memberships (`access.md` §22, R-5); rechecks enforced expiry after new
//! access (§21, A-4). An event only selects the users to check, never the action.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use hallpass_access::{Access, ExternalAccess, PeopleLooked};
use hallpass_base::{HoldKey, Target, UserId};
use hallpass_findings::events::{EventHandler, HandledEvent, OrganizationEvent};
use serde_json::Value;

/// Sources of user events (IAM Identity Center User Guide, "Set up event notifications"; Amazon
/// `EventBridge` Events Reference, "Identity Store events"). The second has calls of the older
/// directory [not verified].
const SOURCES: [&str; 2] = ["aws.identitystore", "aws.sso-directory"];
const ASSIGNER: &str = "aws.sso";
const ASSIGNS: &str = "CreateAccountAssignment";
const BY_CLOUDTRAIL: &str = "AWS API Call via CloudTrail";
/// Calls that remove nothing.
const TAKES_NOTHING: [&str; 6] = ["Create", "Describe", "Get", "Is", "List", "Search"];
/// A user joined a group: the event, and both directories' calls [the last not verified].
const JOINS: [&str; 3] = [
    "Group Membership Created",
    "CreateGroupMembership",
    "AddMemberToGroup",
];
/// The caller in a `CloudTrail` record, including Identity Center users (`onBehalfOf.userId`;
/// `CloudTrail` User Guide, "`CloudTrail` `userIdentity` element").
const WHO_ACTED: &str = "userIdentity";
const VALUES_MAX: usize = 500;

#[derive(Default)]
pub struct PeopleHandler {
    access: OnceLock<Arc<Access>>,
}

#[derive(Debug, PartialEq, Eq)]
enum About {
    /// Neither removes nor adds access.
    Nobody,
    Named(BTreeSet<UserId>),
    Given(ExternalAccess),
}

impl PeopleHandler {
    /// Starts handling; earlier events stay in the queue.
    pub fn serve(&self, access: &Arc<Access>) {
        // a second server of one handler would be the same one
        let _: Result<(), _> = self.access.set(Arc::clone(access));
    }

    /// Checks users with these ids; all users with live access if no id is a known user, because
    /// group events omit members.
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
    fn takes(&self, source: &str, detail_type: &str) -> bool {
        SOURCES.contains(&source) || source == ASSIGNER && detail_type == BY_CLOUDTRAIL
    }

    async fn handle(&self, events: &[OrganizationEvent]) -> Vec<HandledEvent> {
        let about: Vec<About> = events.iter().map(about).collect();
        let Some(access) = self.access.get() else {
            let early = || HandledEvent::Again("the server has not started yet".to_owned());
            return events.iter().map(|_| early()).collect();
        };
        let noted = note(access, &about).await;
        let mut handled = Vec::with_capacity(events.len());
        let mut looks: Vec<(BTreeSet<UserId>, HandledEvent)> = Vec::new();
        for about in about {
            let ids = match about {
                About::Named(ids) => ids,
                About::Nobody => {
                    let nothing = "it removes no access".to_owned();
                    handled.push(HandledEvent::Done(nothing));
                    continue;
                }
                About::Given(_) => {
                    handled.push(noted.clone());
                    continue;
                }
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

async fn note(access: &Access, about: &[About]) -> HandledEvent {
    let mut all = ExternalAccess::default();
    for about in about {
        if let About::Given(given) = about {
            all.extend(given.clone());
        }
    }
    match access.note_given(all).await {
        Ok(()) => HandledEvent::Done("enforced expiries are checked again".to_owned()),
        Err(error) => HandledEvent::Again(error.to_string()),
    }
}

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
        "{people} people checked: {} grants end, {requests} requests are refused",
        left + ended
    ))
}

fn about(event: &OrganizationEvent) -> About {
    let detail = &event.detail;
    let is_call = event.detail_type == BY_CLOUDTRAIL;
    let member = |name: &str| detail.get(name).and_then(Value::as_str);
    if is_call && member("errorCode").is_some() {
        return About::Nobody;
    }
    let name = if is_call {
        member("eventName").unwrap_or_default()
    } else {
        event.detail_type.as_str()
    };
    if event.source == ASSIGNER {
        let given = if name == ASSIGNS {
            assigned(detail)
        } else {
            None
        };
        return given.map_or(About::Nobody, About::Given);
    }
    let is_new_member = JOINS.contains(&name);
    let takes_nothing = TAKES_NOTHING.iter().any(|verb| name.starts_with(verb));
    if !is_new_member && (is_call && takes_nothing || name.ends_with(" Created")) {
        return About::Nobody;
    }
    let mut ids = BTreeSet::new();
    let mut left = VALUES_MAX;
    collect(detail, &mut ids, &mut left);
    if is_new_member {
        return About::Given(ExternalAccess {
            members: ids,
            ..ExternalAccess::default()
        });
    }
    About::Named(ids)
}

/// The added access and its principal; `None` without account and permission set.
fn assigned(detail: &Value) -> Option<ExternalAccess> {
    let asked = detail.get("requestParameters")?;
    let member = |name: &str| asked.get(name).and_then(Value::as_str);
    let account = member("targetId")?.parse().ok()?;
    let permission_set = member("permissionSetArn")?.parse().ok()?;
    let user = (member("principalType") == Some("USER"))
        .then(|| member("principalId")?.parse::<UserId>().ok())
        .flatten();
    Some(match user {
        Some(user) => {
            let target = Target::Account {
                account,
                permission_set,
            };
            ExternalAccess {
                to_people: BTreeSet::from([HoldKey { user, target }]),
                ..ExternalAccess::default()
            }
        }
        None => ExternalAccess {
            to_groups: BTreeSet::from([(account, permission_set)]),
            ..ExternalAccess::default()
        },
    })
}

/// Collects possible ids of the affected users. Excludes the caller: a known administrator would
/// otherwise replace the members of a deleted group. The request parameters name users who change
/// themselves.
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
        Value::Object(members) => {
            let about = members.iter().filter(|(name, _)| *name != WHO_ACTED);
            about.for_each(|(_, it)| collect(it, ids, left));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use hallpass_findings::events::read_event;
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
            (
                store,
                "Group Membership Created",
                member,
                joined(&[ANA, GROUP]),
            ),
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
                call("CreateGroupMembership", json!({})),
                joined(&[ANA]),
            ),
            (
                store,
                BY_CLOUDTRAIL,
                call("CreateUser", json!({})),
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

    /// Checking the administrator instead of the affected users would revoke nothing.
    #[test]
    fn who_made_a_call_is_not_whom_it_is_about() {
        const EVE: &str = "93670cd3a4-5b2c3d4e-1111-2222-3333-444455556666";
        let call = |name: &str, asked: Value| {
            json!({ "eventName": name, "requestParameters": asked, "userIdentity": {
                "type": "AssumedRole", "principalId": format!("AROAEXAMPLE:{EVE}"),
                "arn": format!("arn:aws:sts::111122223333:assumed-role/Admin/{EVE}"),
                "onBehalfOf": { "userId": EVE,
                    "identityStoreArn": "arn:aws:identitystore::111122223333:identitystore/d-1234567890" } } })
        };
        let store = "d-1234567890";
        for (name, asked, wanted) in [
            (
                "DeleteGroup",
                json!({ "identityStoreId": store, "groupId": GROUP }),
                ids(&[GROUP]),
            ),
            (
                "UpdateUser",
                json!({ "identityStoreId": store, "userId": ANA }),
                ids(&[ANA]),
            ),
            (
                "UpdateUser",
                json!({ "identityStoreId": store, "userId": EVE }),
                ids(&[EVE]),
            ),
            (
                "CreateGroupMembership",
                json!({ "groupId": GROUP, "memberId": { "userId": ANA } }),
                joined(&[ANA, GROUP]),
            ),
        ] {
            let event = event("aws.identitystore", BY_CLOUDTRAIL, &call(name, asked));
            assert_eq!(about(&event), wanted, "{name}");
        }
    }

    fn joined(named: &[&str]) -> About {
        About::Given(ExternalAccess {
            members: named.iter().map(|id| id.parse().unwrap()).collect(),
            ..ExternalAccess::default()
        })
    }

    #[test]
    fn an_assignment_says_what_is_given_to_whom() {
        const SET: &str = "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0123456789abcdef";
        let (account, permission_set) = ("222233334444".parse().unwrap(), SET.parse().unwrap());
        let pair = (account, permission_set);
        let to_group = || {
            About::Given(ExternalAccess {
                to_groups: BTreeSet::from([pair.clone()]),
                ..ExternalAccess::default()
            })
        };
        let to_ana = HoldKey {
            user: ANA.parse().unwrap(),
            target: Target::Account {
                account: pair.0.clone(),
                permission_set: pair.1.clone(),
            },
        };
        let to_ana = About::Given(ExternalAccess {
            to_people: BTreeSet::from([to_ana]),
            ..ExternalAccess::default()
        });
        let call = |kind: &str, principal: &str| {
            json!({ "eventName": ASSIGNS, "requestParameters": {
                "instanceArn": "arn:aws:sso:::instance/ssoins-0123456789abcdef", "targetType": "AWS_ACCOUNT",
                "targetId": "222233334444", "permissionSetArn": SET, "principalType": kind, "principalId": principal } })
        };
        let with = |name: &str, value: Value| {
            let mut detail = call("GROUP", GROUP);
            detail[name] = value;
            detail
        };
        for (detail, wanted) in [
            (call("GROUP", GROUP), to_group()),
            (call("USER", ANA), to_ana),
            (call("USER", "HIDDEN_DUE_TO_SECURITY_REASONS"), to_group()),
            (with("errorCode", json!("ConflictException")), About::Nobody),
            (with("requestParameters", Value::Null), About::Nobody),
            (
                with("eventName", json!("DeleteAccountAssignment")),
                About::Nobody,
            ),
            (with("eventName", json!("ListInstances")), About::Nobody),
        ] {
            let event = event(ASSIGNER, BY_CLOUDTRAIL, &detail);
            assert_eq!(about(&event), wanted, "{detail}");
        }
    }

    #[tokio::test]
    async fn before_the_server_serves_events_stay_in_the_queue() {
        let handler = PeopleHandler::default();
        assert!(handler.takes("aws.identitystore", "User Deleted"));
        assert!(!handler.takes("aws.securityhub", "User Deleted"));
        assert!(handler.takes(ASSIGNER, BY_CLOUDTRAIL) && !handler.takes(ASSIGNER, "x"));
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
        let words = "1 people checked: 2 grants end, 0 requests are refused";
        assert_eq!(told(&looked), HandledEvent::Done(words.to_owned()));
    }
}
