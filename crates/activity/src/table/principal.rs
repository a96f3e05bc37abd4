//! The actor of a record (`inventory.md` H-22): unknown ones are `unattributed`, and counted.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};

use super::record::ActivityIdentity;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// An identity store user, in a permission set's role or in Identity Center.
    Person,
    /// A user named by the source identity of a role session.
    SourceIdentity,
    Role,
    User,
    Root,
    Service,
    /// Another account, without further details.
    Account,
    /// Of SAML, a web identity, or `GetFederationToken`.
    Federated,
    Unattributed,
}

impl PrincipalKind {
    pub const ALL: [Self; 9] = [
        Self::Person,
        Self::SourceIdentity,
        Self::Role,
        Self::User,
        Self::Root,
        Self::Service,
        Self::Account,
        Self::Federated,
        Self::Unattributed,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::SourceIdentity => "source_identity",
            Self::Role => "role",
            Self::User => "user",
            Self::Root => "root",
            Self::Service => "service",
            Self::Account => "account",
            Self::Federated => "federated",
            Self::Unattributed => "unattributed",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActivityPrincipal {
    pub kind: PrincipalKind,
    /// For a person the session name, for a role its name. Empty if unknown.
    pub name: String,
    pub user_id: Option<String>,
    pub permission_set: Option<String>,
    pub role: Option<String>,
    pub session_started: Option<Timestamp>,
}

/// The path of permission set roles, where only AWS can create roles.
const RESERVED: &str = ":role/aws-reserved/sso.amazonaws.com/";
const ROLE_START: &str = "AWSReservedSSO_";
/// Digits after the last `_`, not part of the set's name.
const SUFFIX_DIGITS: usize = 16;

impl ActivityPrincipal {
    pub(crate) fn of(identity: &ActivityIdentity<'_>) -> Self {
        let user_id = present(identity.on_behalf_of.user_id.as_deref());
        let named = |kind, name: &str| Self {
            kind,
            name: name.to_owned(),
            user_id: user_id.map(str::to_owned),
            permission_set: None,
            role: None,
            session_started: None,
        };
        let arn = present(identity.arn.as_deref());
        let after_slash = arn.and_then(|it| it.rsplit_once('/')).map(|(_, name)| name);
        let user_name = present(identity.user_name.as_deref());
        match identity.kind.as_deref().unwrap_or_default() {
            "AssumedRole" => return Self::of_role(identity, user_id),
            "IAMUser" => {
                if let Some(name) = user_name.or(after_slash) {
                    return named(PrincipalKind::User, name);
                }
            }
            "Root" => {
                let account = present(identity.account_id.as_deref());
                return named(PrincipalKind::Root, account.unwrap_or_default());
            }
            "AWSService" => {
                if let Some(service) = present(identity.invoked_by.as_deref()) {
                    return named(PrincipalKind::Service, service);
                }
            }
            "AWSAccount" => {
                if let Some(account) = present(identity.account_id.as_deref()) {
                    return named(PrincipalKind::Account, account);
                }
            }
            "SAMLUser" | "WebIdentityUser" | "FederatedUser" => {
                if let Some(name) = user_name.or(after_slash) {
                    return named(PrincipalKind::Federated, name);
                }
            }
            _ => {}
        }
        // Identity Center's own records: by id since 2025-07-14, before by name and id
        // (`inventory.md` H-1)
        match user_id {
            Some(id) => named(PrincipalKind::Person, user_name.unwrap_or(id)),
            None => named(PrincipalKind::Unattributed, ""),
        }
    }

    /// A session of a permission set's role is a person's, named like the session.
    fn of_role(identity: &ActivityIdentity<'_>, user_id: Option<&str>) -> Self {
        let context = &identity.session_context;
        let issuer = present(context.session_issuer.arn.as_deref());
        let in_arn = identity.arn.as_deref().and_then(of_assumed_role);
        let role = present(context.session_issuer.user_name.as_deref())
            .or(issuer
                .and_then(|it| it.rsplit_once('/'))
                .map(|(_, name)| name))
            .or(in_arn.map(|(role, _)| role));
        let session = in_arn.map(|(_, session)| session).or(identity
            .principal_id
            .as_deref()
            .and_then(|it| it.split_once(':'))
            .map(|(_, session)| session));
        // INVARIANT: a role that only resembles a permission set role never identifies a person.
        let is_reserved = match issuer {
            Some(arn) => arn.contains(RESERVED),
            None => user_id.is_some(),
        };
        let set = role.filter(|_| is_reserved).and_then(permission_set_of);
        let source = present(context.source_identity.as_deref());
        let (kind, name) = match (set, session, source, role) {
            (Some(_), Some(session), _, _) => (PrincipalKind::Person, session),
            (_, _, Some(source), _) => (PrincipalKind::SourceIdentity, source),
            (_, _, None, Some(role)) => (PrincipalKind::Role, role),
            (_, _, None, None) => (PrincipalKind::Unattributed, ""),
        };
        let started = present(context.attributes.creation_date.as_deref());
        let started = started.filter(|_| kind == PrincipalKind::Person);
        let started = started.and_then(|it| it.parse::<Timestamp>().ok());
        // The precision of tables.
        let started = started.and_then(|it| Timestamp::from_microsecond(it.as_microsecond()).ok());
        Self {
            kind,
            name: name.to_owned(),
            user_id: user_id.map(str::to_owned),
            permission_set: set.map(str::to_owned),
            role: role.map(str::to_owned),
            session_started: started,
        }
    }
}

fn present(text: Option<&str>) -> Option<&str> {
    text.filter(|it| !it.is_empty())
}

/// Parses `AWSReservedSSO_NAME_` and sixteen hexadecimal digits.
pub(super) fn permission_set_of(role: &str) -> Option<&str> {
    let (name, digits) = role.strip_prefix(ROLE_START)?.rsplit_once('_')?;
    let is_suffix =
        digits.len() == SUFFIX_DIGITS && digits.bytes().all(|it| it.is_ascii_hexdigit());
    Some(name).filter(|it| is_suffix && !it.is_empty())
}

/// Parses `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
fn of_assumed_role(arn: &str) -> Option<(&str, &str)> {
    let (_, names) = arn.split_once(":assumed-role/")?;
    let (role, session) = names.rsplit_once('/')?;
    Some((role, session)).filter(|_| !role.is_empty() && !session.is_empty())
}
