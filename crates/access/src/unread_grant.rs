use hallpass_base::{GrantId, HoldKey, Target, UserId};

/// Facts about an unreadable grant, so that its access does not count as unmanaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadGrant {
    pub id: GrantId,
    pub key: Option<HoldKey>,
    pub holder: UserId,
    /// `None` for a group.
    pub account: Option<String>,
}

impl UnreadGrant {
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
