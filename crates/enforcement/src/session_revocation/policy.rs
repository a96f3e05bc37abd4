//! Text of an account's policy: one statement per revocation, next to foreign statements.

use hallpass_base::{GrantId, Target, Timestamp};
use hallpass_iam::generate::{DraftStatement, Many};
use hallpass_iam::language::Effect;
use serde_json::Value;

use super::SessionRevocation;
use crate::account_policy::{self, text};

/// Statement id prefix; the grant follows.
const SID: &str = "HallpassEnded";
/// Policy name prefix; the account follows, because names are unique in an organization.
const NAME: &str = "hallpass-ended-sessions";

pub fn policy_name(account: &str) -> String {
    format!("{NAME}-{account}")
}

pub fn statement_id(grant: GrantId) -> String {
    let id = grant.to_string();
    let letters = id.chars().filter(char::is_ascii_alphanumeric);
    SID.chars().chain(letters).collect()
}

pub(super) fn account(revocation: &SessionRevocation) -> Option<&str> {
    match &revocation.key.target {
        Target::Account { account, .. } => Some(account.as_str()),
        Target::Group { .. } => None,
    }
}

fn role(revocation: &SessionRevocation) -> Option<String> {
    account_policy::role_of(&revocation.key, &revocation.names)
}

pub(super) fn statement(revocation: &SessionRevocation) -> Option<Value> {
    let role = role(revocation)?;
    account_policy::written(
        DraftStatement::new(statement_id(revocation.grant), Effect::Deny, Many::one("*"))
            .when(
                "StringEquals",
                "identitystore:UserId",
                Many::one(revocation.key.user.as_str()),
            )
            .when("ArnLike", "aws:PrincipalArn", Many::one(role))
            .when(
                "DateLessThan",
                "aws:TokenIssueTime",
                Many::one(revocation.issued_before.to_string()),
            ),
    )
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Parts {
    pub(super) foreign: Vec<Value>,
    pub(super) ours: Vec<String>,
}

pub(super) fn parts(content: &str) -> Option<Parts> {
    let mut parts = Parts::default();
    for statement in account_policy::statements(content)? {
        match sid(&statement) {
            Some(sid) if sid.starts_with(SID) => parts.ours.push(sid.to_owned()),
            Some(_) | None => parts.foreign.push(statement),
        }
    }
    Some(parts)
}

fn sid(statement: &Value) -> Option<&str> {
    statement.get("Sid").and_then(Value::as_str)
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fitted {
    pub(super) content: Option<String>,
    /// Grants whose sessions are denied by their own statement or a later one for the same user and
    /// role.
    pub(super) held: Vec<GrantId>,
    pub(super) spoken: Vec<GrantId>,
    pub(super) left_out: Vec<GrantId>,
}

/// Fits open revocations into one policy, the oldest first: existing ones never yield to new ones.
/// For one user and role the newest replaces all, in the oldest one's place. The text has at most
/// `characters` characters.
pub(super) fn fit(
    foreign: &[Value],
    revocations: &[SessionRevocation],
    now: Timestamp,
    characters: usize,
) -> Fitted {
    let live = revocations.iter().filter(|revocation| {
        revocation.is_open() && now < revocation.until && role(revocation).is_some()
    });
    let mut live: Vec<&SessionRevocation> = live.collect();
    live.sort_by_key(|revocation| (revocation.issued_before, revocation.grant));
    let mut groups: Vec<Vec<&SessionRevocation>> = Vec::new();
    for revocation in live {
        let group = groups.iter_mut().find(|group| {
            let mut others = group.iter();
            others.any(|other| other.key == revocation.key && other.names == revocation.names)
        });
        match group {
            Some(group) => group.push(revocation),
            None => groups.push(vec![revocation]),
        }
    }
    let mut fitted = Fitted::default();
    let mut statements = foreign.to_vec();
    for group in groups {
        let Some(statement) = group.last().and_then(|newest| statement(newest)) else {
            continue;
        };
        statements.push(statement);
        let grants = group.iter().map(|revocation| revocation.grant);
        if text(&statements).len() > characters {
            statements.pop();
            fitted.left_out.extend(grants);
        } else {
            fitted.held.extend(grants);
            fitted
                .spoken
                .extend(group.last().map(|newest| newest.grant));
        }
    }
    fitted.content = (!statements.is_empty()).then(|| text(&statements));
    fitted
}
