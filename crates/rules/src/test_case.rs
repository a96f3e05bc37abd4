use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{Email, Timestamp};

use crate::{attributes::PersonAttribute, decision_kind::DecisionKind, diagnostic::Position};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TestTarget {
    Account {
        account: String,
        permission_set: String,
    },
    Group(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TestUnit {
    Path(String),
    /// The test defines neither name nor parents.
    Id(String),
}

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
    /// Attributes of the requester; other users have none.
    pub(crate) attributes: Option<BTreeMap<PersonAttribute, String>>,
    pub(crate) expect: DecisionKind,
    pub(crate) approvers: Option<BTreeSet<Email>>,
    pub(crate) click: Option<Email>,
    pub(crate) permit: Option<bool>,
}
