//! What is true of the organization as a whole.

use serde::{Deserialize, Serialize};

use super::{document::Document, entities::Tags};
use crate::organization::{Delegation, StatedInvitation, StatedTransfer};

/// The organization itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Head {
    /// `o-…`
    pub id: String,
    /// `r-…`
    pub root: String,
    /// Twelve digits.
    pub management: String,
    /// Policy types enabled on the root.
    pub policy_types: Vec<String>,
    /// Service principals with trusted access.
    pub service_access: Vec<String>,
    /// Delegated administrators; accounts by id.
    pub delegations: Vec<Delegation>,
    /// Transfers of the bill.
    #[serde(default)]
    pub billing_transfers: Vec<StatedTransfer>,
    /// Invitations of other organizations; accounts by id.
    #[serde(default)]
    pub invitations: Vec<StatedInvitation>,
    /// Tags of the root.
    #[serde(default)]
    pub root_tags: Tags,
    /// What other accounts may do with policies.
    #[serde(default)]
    pub delegation_policy: Option<Document>,
}
