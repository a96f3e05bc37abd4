//! A test that a rule file carries, as written.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{Email, Timestamp};

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

/// The organizational unit that a test has its account in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TestUnit {
    /// By the names of it and of those above it.
    Path(String),
    /// By its id: what it is called, and what is above it, the test does not say.
    Id(String),
}

/// A test of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TestCase {
    pub(crate) position: Position,
    pub(crate) name: Option<String>,
    pub(crate) requester: Email,
    pub(crate) target: TestTarget,
    pub(crate) at: Option<Timestamp>,
    pub(crate) ou: Option<TestUnit>,
    pub(crate) account_tags: Option<BTreeMap<String, String>>,
    pub(crate) members: Option<BTreeMap<String, BTreeSet<Email>>>,
    /// What the requester has; everybody else has none.
    pub(crate) attributes: Option<BTreeMap<PersonAttribute, String>>,
    pub(crate) expect: DecisionKind,
    pub(crate) approvers: Option<BTreeSet<Email>>,
    pub(crate) click: Option<Email>,
    pub(crate) permit: Option<bool>,
}
