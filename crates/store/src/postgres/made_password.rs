//! Passwords generated per connection, because they expire soon.

use async_trait::async_trait;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub host: String,
    pub port: u16,
    pub user: String,
}

#[async_trait]
pub trait PasswordMaker: Send + Sync {
    /// Returns a currently valid password.
    ///
    /// # Errors
    /// The reason and the remedy, for the user.
    async fn password(&self, account: &Account) -> Result<String, String>;
}
