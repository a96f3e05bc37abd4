//! Shared parts of Hallpass's account policies: parsing, formatting, and the role of a permission
//! set.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hallpass_aws_model::facts;
use hallpass_base::{HoldKey, Target, TargetNames, TimeSpan, Timestamp};
use hallpass_iam::generate::{Draft, DraftStatement};
use hallpass_iam::language;
use serde_json::{Value, json};

/// Limit of a service control policy (`policies.md` §5).
pub const CHARACTERS: usize = facts::SCP_CHARACTERS.count();

/// How long an organization is assumed to have the old limit.
const BELIEVED: TimeSpan = TimeSpan::hours(24);

/// Policy size limit of this organization. AWS raised it for all; an organization with the old
/// limit shows it by a refusal. New policies then fit the old limit; existing longer ones can still
/// be moved and removed.
#[derive(Debug, Default)]
pub(crate) struct PolicyRoom {
    refused_at: Mutex<Option<Timestamp>>,
}

impl PolicyRoom {
    pub(crate) fn characters(&self, most: usize, now: Timestamp) -> usize {
        if self.is_narrow(now) {
            most.min(facts::SCP_CHARACTERS_BEFORE.count())
        } else {
            most
        }
    }

    pub(crate) fn is_narrow(&self, now: Timestamp) -> bool {
        let refused_at = *self.refused_at();
        refused_at.is_some_and(|at| now < BELIEVED.after(at))
    }

    pub(crate) fn note_refused(&self, now: Timestamp) -> bool {
        let was_narrow = self.is_narrow(now);
        *self.refused_at() = Some(now);
        !was_narrow
    }

    fn refused_at(&self) -> MutexGuard<'_, Option<Timestamp>> {
        self.refused_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The role ARN patterns of a permission set in an account, in both path forms. The suffix has a
/// fixed length: `_*` would also match sets whose name starts alike. The role need not exist yet.
/// `None` for a group.
pub(crate) fn role_of(key: &HoldKey, names: &TargetNames) -> Option<String> {
    let (
        Target::Account {
            account,
            permission_set,
        },
        TargetNames::Account {
            permission_set: name,
            ..
        },
    ) = (&key.target, names)
    else {
        return None;
    };
    let partition = permission_set.as_str().split(':').nth(1).unwrap_or("aws");
    Some(format!(
        "arn:{partition}:iam::{account}:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_{name}_{}",
        "?".repeat(16)
    ))
}

pub fn written(statement: DraftStatement) -> Option<Value> {
    let draft = Draft {
        statements: vec![statement],
    };
    let mut text: Value = serde_json::from_str(&draft.json()).ok()?;
    let statements = text.get_mut("Statement")?;
    statements.get_mut(0).map(Value::take)
}

pub fn statements(content: &str) -> Option<Vec<Value>> {
    let text: Value = serde_json::from_str(content).ok()?;
    match text.get("Statement")? {
        Value::Array(all) => Some(all.clone()),
        one @ Value::Object(_) => Some(vec![one.clone()]),
        _ => None,
    }
}

pub fn text(statements: &[Value]) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

/// Ignores white space, the order of members and lists, and single-element lists.
pub fn same_policy(one: &str, other: &str) -> bool {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    let is_same = |(one, other): (Value, Value)| language::same_policy(&one, &other);
    one == other || read(one).zip(read(other)).is_some_and(is_same)
}

#[cfg(test)]
pub(crate) mod deciding {
    use hallpass_base::{HoldKey, Target};
    use hallpass_iam::Decision;

    use crate::testing::decision;

    pub(crate) const ACCOUNT: &str = "222233334444";

    pub(crate) fn hold_key(user: u32, set: &str) -> HoldKey {
        let set = format!("arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-{set}");
        let user = format!("{user:08}-0000-0000-0000-000000000000");
        HoldKey {
            user: user.parse().unwrap(),
            target: Target::Account {
                account: ACCOUNT.parse().unwrap(),
                permission_set: set.parse().unwrap(),
            },
        }
    }

    pub(crate) fn roles() -> [String; 3] {
        ["Admin", "eu-west-1/Admin", "eu-west-1/Admin_Extra"].map(|it| {
            let (region, set) = it
                .split_once('/')
                .map_or(("", it), |(_, set)| ("eu-west-1/", set));
            format!("aws-reserved/sso.amazonaws.com/{region}AWSReservedSSO_{set}_0123456789abcdef")
        })
    }

    pub(crate) fn check(policy: &str, key: &str, rows: &[(u32, &str, &str, bool, &str)]) {
        for (user, role, value, is_denied, what) in rows {
            let wanted = if *is_denied {
                Decision::ExplicitlyDenied
            } else {
                Decision::Allowed
            };
            let principal = format!("arn:aws:iam::{ACCOUNT}:role/{role}");
            let said = decision(policy, *user, &principal, (key, value));
            assert_eq!(said, Some(wanted), "{what}");
        }
    }
}
