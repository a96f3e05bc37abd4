//! The five personas with their tokens.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hallpass_access::identity::{Identity, TokenScope};
use hallpass_access::{Access, Actor, Origin};
use hallpass_app::host::server_store::ServerStore;
use hallpass_app::setup::person;
use hallpass_base::{Email, TimeSpan, Timestamp};
use hallpass_cli_server::token;
use hallpass_client::credentials;
use hallpass_rules::Directory;
use hallpass_server::PersonaCard;
use hallpass_terminal::exit::Failure;

use crate::compose::Composed;

/// E-mail, name, purpose.
const PERSONAS: [(&str, &str, &str); 5] = [
    (
        "mara.lindqvist@example.com",
        "Mara Lindqvist",
        "Engineer: requests",
    ),
    (
        "tomasz.wilk@example.com",
        "Tomasz Wilk",
        "Approver: decides",
    ),
    (
        "priya.raman@example.com",
        "Priya Raman",
        "Platform: rules and health; decides too",
    ),
    (
        "noor.haddad@example.com",
        "Noor Haddad",
        "Auditor: reads everything",
    ),
    (
        "ines.moreau@example.com",
        "Ines Moreau",
        "Responder: revokes all access",
    ),
];

/// Longer than a demo runs.
const TOKEN_LASTS: TimeSpan = TimeSpan::hours(30 * 24);

pub(super) struct Persona {
    email: Email,
    name: &'static str,
    role: &'static str,
    token: String,
}

pub(super) fn names() -> String {
    PERSONAS
        .map(|(email, _, role)| format!("{email:<28} {role}"))
        .join("\n                ")
}

pub(super) async fn with_tokens(
    store: &ServerStore,
    directory: &Directory,
    now: Timestamp,
) -> Result<Vec<Persona>, Failure> {
    let mut personas = Vec::new();
    for (email, name, role) in PERSONAS {
        let email = Email::new(email).map_err(Failure::bug)?;
        let owner = person::find(directory, &email)?;
        let token =
            token::create(store, &owner, &TokenScope::ALL, TOKEN_LASTS, "demo", now).await?;
        personas.push(Persona {
            email,
            name,
            role,
            token,
        });
    }
    Ok(personas)
}

/// Writes `{"e-mail": "token"}`, readable by its owner only.
pub(super) fn write_tokens(personas: &[Persona], path: &Path) -> Result<(), Failure> {
    let all: BTreeMap<&str, &str> = personas
        .iter()
        .map(|persona| (persona.email.as_str(), persona.token.as_str()))
        .collect();
    let text = serde_json::to_string_pretty(&all).map_err(Failure::bug)?;
    credentials::write_private(path, &format!("{text}\n"))
        .map_err(|error| Failure::unwritable(path.display(), &error))
}

pub(super) fn cards(personas: &[Persona]) -> Vec<PersonaCard> {
    personas
        .iter()
        .map(|persona| PersonaCard {
            email: persona.email.to_string(),
            name: persona.name.to_owned(),
            role: persona.role.to_owned(),
            token: persona.token.clone(),
        })
        .collect()
}

#[derive(Clone)]
pub(super) struct Scene {
    pub(super) access: Arc<Access>,
    identity: Arc<Identity>,
}

impl Scene {
    pub(super) fn new(composed: &Composed) -> Self {
        Self {
            access: Arc::clone(&composed.access),
            identity: Arc::clone(&composed.app.identity),
        }
    }

    pub(super) fn actor(&self, email: &str) -> Option<Actor> {
        let email = Email::new(email).ok()?;
        self.identity
            .actor(&email, Origin::Web, &self.access.directory())
            .ok()
    }

    pub(super) fn everybody(&self) -> Vec<String> {
        let directory = self.access.directory();
        directory
            .people()
            .iter()
            .filter(|person| person.enabled)
            .filter_map(|person| person.emails.first())
            .map(ToString::to_string)
            .collect()
    }
}
