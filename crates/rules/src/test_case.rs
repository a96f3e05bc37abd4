//! A test that a rule file carries, as written.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_model::{Email, Timestamp};

use crate::{attributes::PersonAttribute, decision_kind::DecisionKind, diagnostic::Position};

/// What a test asks for, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TestTarget {
    Account {
        account: String,
        permission_set: String,
    },
    Group(String),
}

/// A test of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TestCase {
    pub(crate) position: Position,
    pub(crate) name: Option<String>,
    pub(crate) requester: Email,
    pub(crate) target: TestTarget,
    pub(crate) at: Option<Timestamp>,
    pub(crate) ou: Option<String>,
    pub(crate) account_tags: Option<BTreeMap<String, String>>,
    pub(crate) members: Option<BTreeMap<String, BTreeSet<Email>>>,
    /// What the requester has; everybody else has none.
    pub(crate) attributes: Option<BTreeMap<PersonAttribute, String>>,
    pub(crate) expect: DecisionKind,
    pub(crate) approvers: Option<BTreeSet<Email>>,
    pub(crate) click: Option<Email>,
    pub(crate) permit: Option<bool>,
}
