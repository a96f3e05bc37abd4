//! What several roles of one person come to: a request for a role needs the approvals of each role that lets its
//! holders ask for it. Where one of them makes no rule, what it asks for beside the others has to be kept otherwise.

use hallpass_rules::syntax::{Node, Value};

use super::pattern::RolePattern;
use super::role::{Role, of_claims, part, words};
use crate::collected::RowHead;
use crate::report::RowNote;

/// A role as it was found.
pub(super) struct FoundRole {
    pub(super) head: RowHead,
    /// What it says, or why that cannot be said.
    pub(super) role: Result<Role, RowNote>,
    /// What is to be known of what it denies, and of its options.
    pub(super) notes: Vec<RowNote>,
    /// What its holders may ask for, some of them or at some times, whatever else it says.
    pub(super) may_ask: Vec<RolePattern>,
    /// Whether a server would load the rules that are made of it.
    pub(super) loads: bool,
}

impl FoundRole {
    /// Whether somebody who holds this one may need more for a role than by another role that they hold, or get it for
    /// less time, and no rule says it: `is_held` tells whether its holders are named. `approvals` and `seconds` are
    /// those of the other.
    pub(super) fn binds(
        &self,
        target: &Role,
        (other, approvals, seconds): (&Role, u32, u64),
        is_held: bool,
    ) -> bool {
        let mut patterns = self.may_ask.iter();
        if self.head.name == other.name || !patterns.any(|it| it.may_name(&target.name)) {
            return false;
        }
        let Ok(role) = &self.role else { return true };
        let makes_rules =
            self.loads && is_held && role.asks.iter().any(|it| it.names(&target.name));
        let needs_more = role.approvals.is_none_or(|it| it > approvals);
        // of several that say how long, the longest counts there
        let own = role
            .request_seconds
            .filter(|_| other.request_seconds.is_none());
        let is_shorter = own.is_some_and(|it| it < seconds);
        let is_said = makes_rules && role.approvals.is_some();
        !is_said && (needs_more || is_shorter)
    }
}

/// What the holders of a role may ask for; anything where that cannot be read.
pub(super) fn may_ask(document: &Node) -> Vec<RolePattern> {
    let anything = || vec![RolePattern::More("request".to_owned())];
    let Some(allow) = part(document, &["spec", "allow"]) else {
        return Vec::new();
    };
    let Some(request) = part(allow, &["request"]) else {
        return match &allow.value {
            Value::Map(_) => Vec::new(),
            _ => anything(),
        };
    };
    let read = || {
        let roles = words(part(request, &["roles"]))?;
        let searched = words(part(request, &["search_as_roles"]))?;
        let by_claims = match part(request, &["claims_to_roles"]) {
            Some(claims) => of_claims(claims)?,
            None => Vec::new(),
        };
        let patterns = roles.iter().chain(&by_claims);
        let patterns = patterns.map(|it| RolePattern::new(it));
        Some(
            patterns
                .chain(searched.into_iter().map(RolePattern::Name))
                .collect(),
        )
    };
    let is_table = matches!(request.value, Value::Map(_));
    is_table.then(read).flatten().unwrap_or_else(anything)
}
