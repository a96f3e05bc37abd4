use hallpass_access::{Grant, Origin, Person, Request, about_grant, about_request};
use hallpass_audit::{Draft, Event};
use hallpass_base::{AuditId, Timestamp};

use super::rng::Rng;

#[derive(Clone, Copy)]
pub(super) enum PastActor<'a> {
    Person(&'a Person, Origin),
    Hallpass,
}

fn draft(event: Event, by: PastActor<'_>, at: Timestamp, dice: &mut Rng) -> Draft {
    let id = AuditId::new(dice.uuid(at));
    match by {
        PastActor::Person(person, origin) => {
            Draft::new(id, event, at, person.email.as_str(), origin).actor_user(&person.user)
        }
        PastActor::Hallpass => Draft::new(id, event, at, "hallpass", Origin::System),
    }
}

pub(super) fn of_request(
    event: Event,
    by: PastActor<'_>,
    request: &Request,
    at: Timestamp,
    dice: &mut Rng,
) -> Draft {
    about_request(draft(event, by, at, dice), request)
}

pub(super) fn of_grant(
    event: Event,
    by: PastActor<'_>,
    grant: &Grant,
    at: Timestamp,
    dice: &mut Rng,
) -> Draft {
    about_grant(draft(event, by, at, dice), grant)
}

pub(super) fn of_rules(hash: &str, at: Timestamp, dice: &mut Rng) -> Draft {
    draft(Event::ConfigLoaded, PastActor::Hallpass, at, dice)
        .config_hash(hash)
        .why("rules.toml changed")
}
