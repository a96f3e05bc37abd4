//! Organization policies, their attachments, and when both take effect.
//!
//! Lists and conflict checks see a change immediately; evaluation sees it after its window
//! (`simulator.md` C-2).

use std::collections::{BTreeMap, BTreeSet};

use crate::base::Millis;
use serde::{Deserialize, Serialize};

use super::{
    document::Document,
    entities::{Id, ListPosition, Tags},
    table::Table,
};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Guardrail {
    pub id: Id,
    /// Unique within its type.
    pub name: String,
    /// As in the model: `SERVICE_CONTROL_POLICY` and so on.
    pub kind: String,
    pub description: String,
    pub content: Document,
    pub tags: Tags,
    /// AWS's own: cannot be changed.
    pub aws_managed: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Attachment {
    pub since: Millis,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Guardrails {
    pub rows: Table<ListPosition, Guardrail>,
    /// Attachments: target, order of the policy, policy.
    pub attached: Table<(Id, u64, Id), Attachment>,
    /// Reverse index, including detached ones: policy, order of the target, target.
    pub targets: BTreeSet<(Id, u64, Id)>,
    /// End of `PENDING_ENABLE`, by policy type.
    pub pending: BTreeMap<String, Millis>,
}
