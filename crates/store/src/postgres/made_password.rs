//! Passwords that are made for each connection, for they soon end.

use async_trait::async_trait;

/// Who connects, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The server, as the address names it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The user of the database.
    pub user: String,
}

/// Makes the password of a connection.
#[async_trait]
pub trait PasswordMaker: Send + Sync {
    /// A password that is good now.
    ///
    /// # Errors
    /// Why there is none, and what to do, for people.
    async fn password(&self, account: &Account) -> Result<String, String>;
}
