//! Account creation requests (`simulator.md` §2.6).

use crate::base::Millis;
use serde::{Deserialize, Serialize};

use super::entities::{AsyncState, FailAsync, Id, Tags};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AccountRequest {
    /// `car-…`
    pub id: Id,
    pub name: String,
    pub email: String,
    pub tags: Tags,
    /// The management account's access role; absent: the default one.
    pub role: Option<String>,
    pub account: Id,
    pub created: Millis,
    pub due: Millis,
    pub progress: AsyncState,
    pub fail: Option<FailAsync>,
}

impl AccountRequest {
    pub(crate) fn is_running(&self) -> bool {
        self.progress == AsyncState::Running
    }
}
