//! The statements: who is denied which role from when on. Written, and read back as what is in force.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::Timestamp;
use hallpass_iam::generate::{DraftStatement, Many};
use hallpass_iam::language::Effect;
use serde_json::Value;

use super::ArmedEnd;
use crate::account_policy;

/// What statements of ours are called; instant and permission set follow.
const SID: &str = "HallpassEnd";
/// What the policies are called; the account follows, for names are unique in an organization.
const NAME: &str = "hallpass-armed-ends";
const USER: &str = "identitystore:UserId";
const ROLE: &str = "aws:PrincipalArn";
const NOW: &str = "aws:CurrentTime";

/// The name of an account's policy of this number, from 0.
pub fn policy_name(account: &str, number: usize) -> String {
    match number {
        0 => format!("{NAME}-{account}"),
        more => format!("{NAME}-{account}-{}", more + 1),
    }
}

/// The account of a policy that is called as ours are.
pub(super) fn account_of_name(name: &str) -> Option<&str> {
    let rest = name.strip_prefix(NAME)?.strip_prefix('-')?;
    let account = rest.split('-').next()?;
    let is_account = account.len() == 12 && account.bytes().all(|it| it.is_ascii_digit());
    is_account.then_some(account)
}

/// One denial: of a person, on a role, from an instant on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Denial {
    pub(super) from: Timestamp,
    pub(super) role: String,
    pub(super) user: String,
}

impl Denial {
    /// What is to be in force for an end.
    pub(super) fn of(end: &ArmedEnd, now: Timestamp) -> Option<Self> {
        Some(Self {
            from: end.instant(now),
            role: account_policy::role_of(&end.key, &end.names)?,
            user: end.key.user.as_str().to_owned(),
        })
    }

    /// Whether `seen` refuses what this is to refuse: from the same instant on or, where nobody holds anything any more, from
    /// any that is past.
    pub(super) fn is_met_by(&self, seen: &Self, end: &ArmedEnd, now: Timestamp) -> bool {
        let is_past = end.is_past(now) && seen.from <= now;
        self.is_about_same(seen) && (self.from == seen.from || is_past)
    }

    /// Whether both are about the same person and role, whatever the instant.
    pub(super) fn is_about_same(&self, other: &Self) -> bool {
        self.user == other.user && self.role == other.role
    }
}

/// From when on a person is denied a role, whatever was wanted.
pub(super) fn earliest(of: &Denial, denied: &BTreeSet<Denial>) -> Option<Timestamp> {
    let about = denied.iter().filter(|it| it.is_about_same(of));
    about.map(|it| it.from).min()
}

/// A policy taken apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Parts {
    /// Statements that are not as we write them; they stay as they are.
    pub(super) foreign: Vec<Value>,
    /// What ours deny.
    pub(super) denials: BTreeSet<Denial>,
}

/// Takes a policy apart; `None` when it is none.
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

/// What a statement of ours denies; `None` when it is not exactly as we would write it.
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

/// The text of a policy that says this, beside what is there of others; `None` when nothing is left to say.
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
