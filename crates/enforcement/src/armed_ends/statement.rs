//! Formats and parses the deny statements.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::Timestamp;
use hallpass_iam::generate::{DraftStatement, Many};
use hallpass_iam::language::Effect;
use serde_json::Value;

use super::ArmedEnd;
use crate::account_policy;

/// Prefix of statement ids; instant and permission set follow.
const SID: &str = "HallpassEnd";
/// Prefix of policy names; the account follows, because names are unique in an organization.
const NAME: &str = "hallpass-armed-ends";
const USER: &str = "identitystore:UserId";
const ROLE: &str = "aws:PrincipalArn";
const NOW: &str = "aws:CurrentTime";

pub fn policy_name(account: &str, number: usize) -> String {
    match number {
        0 => format!("{NAME}-{account}"),
        more => format!("{NAME}-{account}-{}", more + 1),
    }
}

pub(super) fn account_of_name(name: &str) -> Option<&str> {
    let rest = name.strip_prefix(NAME)?.strip_prefix('-')?;
    let account = rest.split('-').next()?;
    let is_account = account.len() == 12 && account.bytes().all(|it| it.is_ascii_digit());
    is_account.then_some(account)
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Denial {
    pub(super) from: Timestamp,
    pub(super) role: String,
    pub(super) user: String,
}

impl Denial {
    pub(super) fn of(end: &ArmedEnd, now: Timestamp) -> Option<Self> {
        Some(Self {
            from: end.instant(now),
            role: account_policy::role_of(&end.key, &end.names)?,
            user: end.key.user.as_str().to_owned(),
        })
    }

    pub(super) fn is_met_by(&self, seen: &Self, end: &ArmedEnd, now: Timestamp) -> bool {
        let is_past = end.is_past(now) && seen.from <= now;
        self.is_about_same(seen) && (self.from == seen.from || is_past)
    }

    /// Compares user and role, not the instant.
    pub(super) fn is_about_same(&self, other: &Self) -> bool {
        self.user == other.user && self.role == other.role
    }
}

pub(super) fn earliest(of: &Denial, denied: &BTreeSet<Denial>) -> Option<Timestamp> {
    let about = denied.iter().filter(|it| it.is_about_same(of));
    about.map(|it| it.from).min()
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Parts {
    /// Foreign statements, kept unchanged.
    pub(super) foreign: Vec<Value>,
    pub(super) denials: BTreeSet<Denial>,
}

/// `None` if it is no policy.
pub(super) fn parts(content: &str) -> Option<Parts> {
    let mut parts = Parts::default();
    for statement in account_policy::statements(content)? {
        match denials(&statement) {
            Some(denials) => parts.denials.extend(denials),
            None => parts.foreign.push(statement),
        }
    }
    Some(parts)
}

fn denials(statement: &Value) -> Option<BTreeSet<Denial>> {
    let condition = statement.get("Condition")?;
    let one = |operator: &str, key: &str| condition.get(operator)?.get(key)?.as_str();
    let from: Timestamp = one("DateGreaterThan", NOW)?.parse().ok()?;
    let role = one("ArnLike", ROLE)?;
    let users: BTreeSet<String> = match condition.get("StringEquals")?.get(USER)? {
        Value::String(user) => BTreeSet::from([user.clone()]),
        Value::Array(users) => users
            .iter()
            .map(|user| user.as_str().map(str::to_owned))
            .collect::<Option<_>>()?,
        _ => return None,
    };
    let sid = statement.get("Sid")?.as_str()?;
    let is_ours =
        sid.starts_with(SID) && written(from, role, &users, sid).as_ref() == Some(statement);
    is_ours.then(|| {
        let denial = |user| Denial {
            from,
            role: role.to_owned(),
            user,
        };
        users.into_iter().map(denial).collect()
    })
}

fn written(from: Timestamp, role: &str, users: &BTreeSet<String>, sid: &str) -> Option<Value> {
    let users: Vec<String> = users.iter().cloned().collect();
    account_policy::written(
        DraftStatement::new(sid.to_owned(), Effect::Deny, Many::one("*"))
            .when("StringEquals", USER, Many::short(users))
            .when("ArnLike", ROLE, Many::one(role))
            .when("DateGreaterThan", NOW, Many::one(from.to_string())),
    )
}

pub(super) fn text(foreign: &[Value], denials: &BTreeSet<Denial>) -> Option<String> {
    let mut shared: BTreeMap<(Timestamp, &str), BTreeSet<String>> = BTreeMap::new();
    for denial in denials {
        let users = shared
            .entry((denial.from, denial.role.as_str()))
            .or_default();
        users.insert(denial.user.clone());
    }
    let ours = shared
        .iter()
        .enumerate()
        .filter_map(|(at, ((from, role), users))| {
            let letters = from.to_string();
            let letters = letters.chars().filter(char::is_ascii_alphanumeric);
            let sid: String = SID
                .chars()
                .chain(letters)
                .chain(format!("n{at}").chars())
                .collect();
            written(*from, role, users, &sid)
        });
    let statements: Vec<Value> = foreign.iter().cloned().chain(ours).collect();
    let is_empty = statements.is_empty();
    (!is_empty).then(|| account_policy::text(&statements))
}
