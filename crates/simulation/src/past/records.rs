//! Records as the journey writes them: the same members for the same events.

use hallpass_access::{Grant, Origin, Person, Request};
use hallpass_audit::{Draft, Event};
use hallpass_model::{AuditId, Timestamp};

use super::dice::Dice;

/// Who does something.
#[derive(Clone, Copy)]
pub(super) enum PastActor<'a> {
    Person(&'a Person, Origin),
    Hallpass,
}

fn draft(event: Event, by: PastActor<'_>, at: Timestamp, dice: &mut Dice) -> Draft {
    let id = AuditId::new(dice.uuid(at));
    match by {
        PastActor::Person(person, origin) => {
            Draft::new(id, event, at, person.email.as_str(), origin).actor_user(&person.user)
        }
        PastActor::Hallpass => Draft::new(id, event, at, "hallpass", Origin::System),
    }
}

/// A record about a request.
pub(super) fn of_request(
    event: Event,
    by: PastActor<'_>,
    request: &Request,
    at: Timestamp,
    dice: &mut Dice,
) -> Draft {
    let draft = draft(event, by, at, dice)
        .reason(&request.reason)
        .about(request.id, request.grant.or(request.extends))
        .duration(request.duration)
        .secondary_domain(request.secondary_domain)
        .decided(
            &request.decided.kind,
            &request.decided.based_on,
            &request.decided.config_hash,
        );
    match &request.key {
        Some(key) => draft.subject(&request.requester.email, key, &request.names),
        None => draft.unresolved(request.requester.email.as_str(), &request.names.to_string()),
    }
}

/// A record about a grant.
pub(super) fn of_grant(
    event: Event,
    by: PastActor<'_>,
    grant: &Grant,
    at: Timestamp,
    dice: &mut Dice,
) -> Draft {
    let draft = draft(event, by, at, dice)
        .reason(&grant.reason)
        .about(grant.request, Some(grant.id))
        .subject(&grant.holder.email, &grant.key, &grant.names)
        .duration(grant.duration)
        .approved_by(
            &grant.approver,
            grant.approver_user.as_ref(),
            grant.approval,
        )
        .ends_at(grant.ends_at)
        .decided("Granted", &grant.based_on, &grant.config_hash);
    match &grant.aws_request {
        Some(id) => draft.aws_request(id),
        None => draft,
    }
}

/// A record of rules that came into force.
pub(super) fn of_rules(hash: &str, at: Timestamp, dice: &mut Dice) -> Draft {
    draft(Event::ConfigLoaded, PastActor::Hallpass, at, dice)
        .config_hash(hash)
        .why("rules.toml changed")
}
