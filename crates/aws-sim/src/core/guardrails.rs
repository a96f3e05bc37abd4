//! Policies of the organization: which there are, what they are attached to, and from when both
//! are in force.
//!
//! Lists and conflict checks see a change at once; evaluation sees it after its window
//! (`simulator.md` C-2).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::Millis;
use serde::{Deserialize, Serialize};

use super::{
    document::Document,
    entities::{Id, ListPosition, Tags},
    table::Table,
};

/// A policy of the organization.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Guardrail {
    /// `p-…`
    pub id: Id,
    /// Unique among the policies of its type.
    pub name: String,
    /// `SERVICE_CONTROL_POLICY` and so on, as the model spells it.
    pub kind: String,
    /// One sentence.
    pub description: String,
    /// The document, as it was sent.
    pub content: Document,
    /// Tags.
    pub tags: Tags,
    /// AWS's own: cannot be changed.
    pub aws_managed: bool,
}

/// That a policy is attached to a target.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Attachment {
    /// Since when.
    pub since: Millis,
}

/// The policies of the organization and what they are attached to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Guardrails {
    /// Policies.
    pub rows: Table<ListPosition, Guardrail>,
    /// Attachments: target, order of the policy, policy.
    pub attached: Table<(Id, u64, Id), Attachment>,
    /// The same from the other side, with those that are no more: policy, order of the target,
    /// target.
    pub targets: BTreeSet<(Id, u64, Id)>,
    /// Until when a type that was switched on shows as `PENDING_ENABLE`.
    pub pending: BTreeMap<String, Millis>,
}
