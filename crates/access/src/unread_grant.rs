//! What is known of a grant that cannot be read.

use hallpass_base::{GrantId, HoldKey, Target, UserId};

/// A grant that cannot be read, as far as what stands beside it tells: its access is not taken for unmanaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadGrant {
    /// Which.
    pub id: GrantId,
    /// What it holds, while it is live.
    pub key: Option<HoldKey>,
    /// Whose it is, or was.
    pub holder: UserId,
    /// In which account; `None` of a group.
    pub account: Option<String>,
}

impl UnreadGrant {
    /// Whether it may be about a key.
    pub fn may_be_of(&self, key: &HoldKey) -> bool {
        match (&self.key, &key.target) {
            (Some(held), _) => held == key,
            (None, Target::Account { account, .. }) => {
                self.holder == key.user && self.account.as_deref() == Some(account.as_str())
            }
            (None, Target::Group { .. }) => self.holder == key.user && self.account.is_none(),
        }
    }
}
