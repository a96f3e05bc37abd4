use serde::{Deserialize, Serialize};

use super::{document::Document, entities::Tags};
use crate::organization::{Delegation, StatedInvitation, StatedTransfer};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Head {
    pub id: String,
    pub root: String,
    pub management: String,
    pub policy_types: Vec<String>,
    pub service_access: Vec<String>,
    pub delegations: Vec<Delegation>,
    #[serde(default)]
    pub billing_transfers: Vec<StatedTransfer>,
    #[serde(default)]
    pub invitations: Vec<StatedInvitation>,
    #[serde(default)]
    pub root_tags: Tags,
    /// Policy rights of other accounts.
    #[serde(default)]
    pub delegation_policy: Option<Document>,
}
