//! What logs of CloudTrail say of accounts, for the pages of grants.

use async_trait::async_trait;
use hallpass_activity::AccountActivity;
use hallpass_model::AccountId;
use jiff::civil::Date;

/// What logs say of an account.
#[async_trait]
pub trait ActivityLogs: Send + Sync {
    /// What the activity table has of an account, of these days; empty where it has nothing. May be asked again.
    ///
    /// # Errors
    /// Words, when it cannot be read.
    async fn of(&self, account: &AccountId, days: &[Date]) -> Result<AccountActivity, String>;
}
