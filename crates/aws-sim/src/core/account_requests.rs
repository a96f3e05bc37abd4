//! Accounts that somebody asked for (`simulator.md` §2.6).

use crate::base::Millis;
use serde::{Deserialize, Serialize};

use super::entities::{AsyncState, FailAsync, Id, Tags};

/// An account that somebody asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AccountRequest {
    /// `car-…`
    pub id: Id,
    /// The account's name.
    pub name: String,
    /// The address of its root user.
    pub email: String,
    /// Its tags.
    pub tags: Tags,
    /// The role through which the management account enters it; absent: the usual one.
    pub role: Option<String>,
    /// The id it gets.
    pub account: Id,
    /// When it was asked for.
    pub created: Millis,
    /// When it is over.
    pub due: Millis,
    /// How far it is.
    pub progress: AsyncState,
    /// A fault decides the end.
    pub fail: Option<FailAsync>,
}

impl AccountRequest {
    /// Whether it is not over.
    pub(crate) fn is_running(&self) -> bool {
        self.progress == AsyncState::Running
    }
}
